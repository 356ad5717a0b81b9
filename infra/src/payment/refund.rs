//! Refunds to cards: the client asks, the processor is asked outside of the transaction, and what it says
//! later comes in by the same door as all it says.

use domain::access::{self, Verb};
use domain::id::{EventId, Id, PaymentId, PaymentRefundId};
use domain::ledger::LedgerAccount;
use domain::money::Money;
use domain::payment::{ASKED_FOR, Payment, Refund, RefundState, State};
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::market::Market;
use crate::payments::{RefundRequest, Refunded};
use crate::save::save_row;
use crate::{Call, Failure, Fault, Tx, run};

/// How many refunds a payment may have.
const REFUNDS: u64 = 100;

impl Market {
    /// The client has some of a payment go back to the card, out of the organization's credit.
    pub async fn payment_refund(&self, call: &Call, id: PaymentId, amount: Money) -> Result<Refund, Failure> {
        let refund: Refund = run!(self, call, tx => {
            let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::PaymentRefund, &payment.subject())?;
            let before = of_payment(tx.conn(), id).await?;
            if before.len() as u64 >= REFUNDS {
                let message = "a payment can be refunded in a hundred parts at most".to_owned();
                return Err(Refusal::Limit { code: "PAYMENT_REFUNDS".to_owned(), limit: 100, message }.into());
            }
            let credit = tx.balance(LedgerAccount::ClientCredit(payment.client), amount.currency()).await?;
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

    /// The refunds of a payment that the caller has loaded, oldest first.
    pub async fn payment_refunds(&self, payment: &Payment) -> Result<Vec<Refund>, Failure> {
        of_payment(self.db(), payment.id).await
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
        let request = RefundRequest {
            key: event.to_string(),
            refund: id,
            intent,
            method: payment.method,
            amount: refund.amount,
            too_late: self.clock().now() >= refund.created_at + ASKED_FOR,
        };
        let said = self.payments().refund(self, &request).await?;
        self.refund_told(id, said).await
    }

    /// What the processor says of a refund.
    pub(crate) async fn refund_told(&self, id: PaymentRefundId, said: Refunded) -> Result<(), Failure> {
        let call = Call::system(format!("refund:{id}"));
        run!(self, &call, tx => {
            let refund = tx.refund_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = match &said {
                Refunded::Pending(reference) => refund.taken_up(tx.actor(), reference.clone())?,
                Refunded::Succeeded(reference) => refund.succeeded(tx.actor(), tx.now(), reference.clone())?,
                Refunded::Failed(code) => refund.failed(tx.actor(), tx.now(), code.clone())?,
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

    async fn refund_save(&self, change: domain::change::Change<Refund>) -> Result<Refund, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }
}

async fn of_payment(db: &impl sea_orm::ConnectionTrait, id: PaymentId) -> Result<Vec<Refund>, Failure> {
    let select = row::Entity::find().filter(row::Column::PaymentId.eq(id.uuid())).order_by_asc(row::Column::Id);
    let rows = select.limit(REFUNDS).all(db).await?;
    Ok(rows.into_iter().map(Refund::try_from).collect::<Result<_, _>>()?)
}

impl TryFrom<row::Model> for Refund {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: RefundState = serde_json::from_value(row.state)?;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("payment_refunds", "its state is not the one it is listed under"));
        }
        Ok(Self {
            id: Id::from_uuid(row.id),
            payment: Id::from_uuid(row.payment_id),
            client: Id::from_uuid(row.organization_id),
            amount: serde_json::from_value(row.amount)?,
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
            amount: serde_json::to_value(refund.amount)?,
            status: refund.state.as_str().to_owned(),
            state: serde_json::to_value(&refund.state)?,
            created_at: refund.created_at,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "payment_refunds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub payment_id: Uuid,
        pub organization_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub amount: Json,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Json,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
