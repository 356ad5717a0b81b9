//! Refunds to cards: the client asks, the processor is asked outside of the transaction, and what it says
//! later comes in by the same door as all it says.

use std::collections::HashMap;

use domain::access::{self, Verb};
use domain::change::Change;
use domain::id::{EventId, Id, PaymentId, PaymentRefundId};
use domain::money::{Currency, Money};
use domain::payment::{ASKED_FOR, Refund, RefundState, State};
use domain::refusal::Refusal;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::ask::{DOUBLINGS, FIRST_LOOK};
use crate::market::Market;
use crate::payments::stripe::{RefundSeen, look_at_refund};
use crate::payments::{RefundRequest, Refunded};
use crate::save::save_row;
use crate::sql::{ids, sql};
use crate::worker::{Lane, alone};
use crate::{Call, Failure, Fault, Tx, run};

/// How many refunds a payment may have.
const REFUNDS: u64 = 100;

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct CreditRow {
    payment_id: Uuid,
    currency: String,
    balance_minor: i64,
}

impl Market {
    /// The client has some of a payment go back to the card, out of the organization's credit.
    pub async fn payment_refund(&self, call: &Call, id: PaymentId, amount: Money) -> Result<Refund, Failure> {
        let refund: Refund = run!(self, call, tx => {
            let seen = tx.payment_find(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::PaymentRefund, &seen.subject())?;
            let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let before = of_payment(tx.conn(), id).await?;
            if before.len() as u64 >= REFUNDS {
                let message = "a payment can be refunded in a hundred parts at most".to_owned();
                let (code, value) = ("PAYMENT_REFUNDS".to_owned(), REFUNDS.cast_signed() + 1);
                return Err(Refusal::Limit { code, limit: REFUNDS.cast_signed(), value, message }.into());
            }
            tx.must_send_back(payment.client).await?;
            let credit = tx.credit_of_for_update(&payment).await?;
            let change = payment.refund(tx.actor(), tx.now(), tx.id(), amount, credit, &before)?;
            tx.audit("payment_refund", id, serde_json::json!({ "refund": change.next.id, "amount": amount })).await?;
            tx.refund_save(change).await
        })?;
        Ok(refund)
    }

    /// The refund, if the caller may see it.
    pub async fn payment_refund_find(&self, call: &Call, id: PaymentRefundId) -> Result<Option<Refund>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let refund = row.map(Refund::try_from).transpose()?;
        Ok(refund.filter(|refund| access::allows(&call.actor, Verb::PaymentRead, &refund.subject())))
    }

    /// What of payments the caller has loaded went back, or is on the way there, oldest first; of each
    /// payment that has any.
    pub async fn refunds_of_payments(
        &self,
        payments: &[PaymentId],
    ) -> Result<HashMap<PaymentId, Vec<Refund>>, Failure> {
        let theirs = Expr::cust_with_values("payment_refunds.payment_id = any($1)", [ids(payments)]);
        let rows = row::Entity::find().filter(theirs).order_by_asc(row::Column::Id).all(self.db()).await?;
        let mut of: HashMap<PaymentId, Vec<Refund>> = HashMap::new();
        for row in rows {
            let refund = Refund::try_from(row)?;
            of.entry(refund.payment).or_default().push(refund);
        }
        Ok(of)
    }

    /// What is left in the client's credit of payments the caller has loaded; of each that has any there.
    pub async fn credit_of_payments(&self, payments: &[PaymentId]) -> Result<HashMap<PaymentId, Money>, Failure> {
        let select = "select payment_id, currency, balance_minor from ledger_credits
            where payment_id = any($1) and balance_minor > 0";
        let rows = CreditRow::find_by_statement(sql(select, [ids(payments)])).all(self.db()).await?;
        let credit = |row: CreditRow| {
            let bad = |error: &dyn std::fmt::Display| Fault::bad_row("ledger_credits", error);
            let currency = Currency::from_code(&row.currency).ok_or_else(|| bad(&"unknown currency"))?;
            let left = Money::new(row.balance_minor, currency).map_err(|error| bad(&error))?;
            Ok((Id::from_uuid(row.payment_id), left))
        };
        Ok(rows.into_iter().map(credit).collect::<Result<_, Fault>>()?)
    }

    /// Ask the processor for a refund that was started. Asking twice gets the same refund.
    pub(crate) async fn payment_refund_ask(&self, id: PaymentRefundId, event: EventId) -> Result<(), Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let refund = row.map(Refund::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
        if refund.state != RefundState::Started {
            return Ok(());
        }
        let payment = self.payment_load(refund.payment).await?.ok_or(Refusal::HIDDEN)?;
        let State::Succeeded { intent, .. } = payment.state else {
            return Err(Fault::bad_row("payment_refunds", "its payment did not come").into());
        };
        let too_late = self.clock().now() >= refund.created_at + ASKED_FOR;
        // Asked for before our people began to look at the client, it waits for them; what may have been asked already is
        // only looked for in the end.
        if !too_late && !self.may_send_back(refund.client).await? {
            return Ok(());
        }
        let request = RefundRequest {
            key: event.to_string(),
            refund: id,
            intent,
            method: payment.method,
            amount: refund.amount,
            too_late,
        };
        let said = self.payments().refund(self, &request).await?;
        self.refund_told(id, said).await
    }

    /// Look at refunds that nothing was heard of for a while: answers and events get lost. The number looked at.
    pub(crate) async fn refunds_look(&self, limit: i64) -> Result<usize, Failure> {
        let now = self.clock().now();
        let claim = "with due as materialized (
                select id from payment_refunds where status in ('started', 'pending')
                    and coalesce(looked_at, created_at) + make_interval(secs => $3 * power(2, least(looks, $4))) <= $1
                order by created_at limit $2 for update skip locked)
            update payment_refunds refund set looks = looks + 1, looked_at = $1 from due where refund.id = due.id
            returning refund.id";
        let values = [now.into(), limit.into(), FIRST_LOOK.num_seconds().into(), DOUBLINGS.into()];
        let due = Found::find_by_statement(sql(claim, values)).all(self.db()).await?;
        for Found { id } in &due {
            let id = PaymentRefundId::from_uuid(*id);
            self.pulse().beats(Lane::Outside);
            if let Err(failure) = alone(self.refund_look(id)).await {
                tracing::warn!(refund = %id, error = %failure, "a refund could not be looked at; it is again soon");
                // What was not seen is not left for longer.
                let soon = "update payment_refunds set looks = 0 where id = $1 and status in ('started', 'pending')";
                self.db().execute_raw(sql(soon, [id.uuid().into()])).await?;
            }
        }
        Ok(due.len())
    }

    async fn refund_look(&self, id: PaymentRefundId) -> Result<(), Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let refund = row.map(Refund::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
        match (&refund.state, self.payments().stripe()) {
            (RefundState::Started, _) => {
                let select = "select id from events where name = 'payment_refund_started' and body ->> 'refund' = $1";
                let found = Found::find_by_statement(sql(select, [id.to_string().into()])).one(self.db()).await?;
                let none = || Fault::bad_row("events", "no event asks for a refund that was started");
                self.payment_refund_ask(id, EventId::from_uuid(found.ok_or_else(none)?.id)).await
            }
            (RefundState::Pending { reference, .. }, Some(stripe)) => {
                match look_at_refund(stripe, self.clock().now(), reference).await? {
                    RefundSeen::Ours(found, said) if found == id => self.refund_told(id, said).await,
                    RefundSeen::Ours(..) | RefundSeen::ByHand { .. } | RefundSeen::Nothing => {
                        Err(Fault::bad_row("payment_refunds", "its reference is of another refund").into())
                    }
                }
            }
            // The sandbox tells by itself.
            (RefundState::Pending { .. }, None) | (RefundState::Succeeded { .. } | RefundState::Failed { .. }, _) => {
                Ok(())
            }
        }
    }

    /// What the processor says of a refund.
    pub(crate) async fn refund_told(&self, id: PaymentRefundId, said: Refunded) -> Result<(), Failure> {
        let call = Call::system(format!("refund:{id}"));
        run!(self, &call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).one(tx.conn()).await?.ok_or(Refusal::HIDDEN)?;
            let bearer = tx.bearer_for_update(Id::from_uuid(row.payment_id)).await?;
            let refund = tx.refund_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let credit = tx.credit_for_update(refund.client, refund.amount.currency()).await?;
            let credit = credit.of(refund.payment).map_err(Refusal::from)?;
            let change = match &said {
                Refunded::Pending(reference) => refund.taken_up(tx.actor(), reference.clone(), credit)?,
                Refunded::Succeeded(reference) => refund.succeeded(tx.actor(), tx.now(), reference.clone(), credit)?,
                Refunded::Failed(code) => {
                    let payment = refund.payment;
                    let lost = bearer.lost_by(payment).map_err(Refusal::from)?;
                    let makes_up = refund.makes_up_for(lost).map_err(Refusal::from)?;
                    let bearer = bearer.made_up(tx.actor(), payment, makes_up)?;
                    if bearer.changed {
                        tx.bearer_write(&bearer.next).await?;
                    }
                    tx.settle(bearer).await?;
                    refund.failed(tx.actor(), tx.now(), code.clone(), makes_up)?
                }
            };
            if change.changed {
                let to = change.next.state.as_str();
                tx.audit("payment_refund_advance", id, serde_json::json!({ "to": to })).await?;
            }
            tx.refund_save(change).await.map(drop)
        })
    }
}

impl Tx {
    async fn refund_for_update(&self, id: PaymentRefundId) -> Result<Option<Refund>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Refund::try_from).transpose()?)
    }

    async fn refund_save(&self, change: Change<Refund>) -> Result<Refund, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }
}

async fn of_payment(db: &impl ConnectionTrait, id: PaymentId) -> Result<Vec<Refund>, Failure> {
    let select = row::Entity::find().filter(row::Column::PaymentId.eq(id.uuid())).order_by_asc(row::Column::Id);
    let rows = select.limit(REFUNDS).all(db).await?;
    Ok(rows.into_iter().map(Refund::try_from).collect::<Result<_, _>>()?)
}

impl TryFrom<row::Model> for Refund {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: RefundState = row.state.0;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("payment_refunds", "its state is not the one it is listed under"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            payment: Id::from_uuid(row.payment_id),
            client: Id::from_uuid(row.organization_id),
            amount: row.amount.0,
            state,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<&Refund> for row::Model {
    type Error = Fault;
    fn try_from(refund: &Refund) -> Result<Self, Fault> {
        Ok(Self {
            id: refund.id.uuid(),
            payment_id: refund.payment.uuid(),
            organization_id: refund.client.uuid(),
            amount: refund.amount.into(),
            status: refund.state.as_str().to_owned(),
            state: refund.state.clone().into(),
            created_at: refund.created_at,
        })
    }
}

mod row {
    use domain::money::Money;
    use domain::payment::RefundState;
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payment_refunds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub payment_id: Uuid,
        pub organization_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub amount: Doc<Money>,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<RefundState>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
