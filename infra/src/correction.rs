//! Corrections of the books: proposed by one of our people, approved by another. Before one that settles a difference
//! is posted it is looked whether that is still there; an entry that came late may have settled it.

use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::change::Change;
use domain::correction::{Cause, Correction, CorrectionDraft, CorrectionState, Settled, Source, chargeback_meant};
use domain::id::{CorrectionId, Id, PaymentId, ReconciliationId};
use domain::ledger::{BadAccount, LedgerAccount};
use domain::money::{Currency, Money};
use domain::reconciliation::{About, Class};
use domain::refusal::{Invalid, Refusal};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::sql::sql;
use crate::{Call, Failure, Fault, Tx, run};

mod fees;

pub use fees::{FEES_AT_ONCE, FeesAsk};

/// What one of our people types to propose a correction. What is left out of the movement is taken from what
/// reconciliation proposed.
#[derive(Debug, Clone)]
pub struct CorrectionAsk {
    /// Out of which account.
    pub from: Option<LedgerAccount>,
    /// Into which.
    pub to: Option<LedgerAccount>,
    /// How much.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// What kind of movement it is about.
    pub class: Option<Class>,
    /// And of what.
    pub about: Option<String>,
    /// The comparison whose difference it settles.
    pub reconciliation: Option<ReconciliationId>,
}

/// A chargeback that was heard of.
#[derive(FromQueryResult)]
struct Known {
    reference: String,
    payment_id: Uuid,
}

impl Market {
    /// Corrections, newest first, for our people.
    pub async fn corrections(&self, call: &Call, page: &PageRequest) -> Result<Slice<Correction>, Failure> {
        access::check(&call.actor, Verb::BooksRead, &Subject::OURS)?;
        let order = Keyset::<row::Entity> {
            list: "corrections",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        Ok(order.page(self.db(), select, page).await?.try_map(Correction::try_from)?)
    }

    /// The correction, if the caller may read the books.
    pub async fn correction_find(&self, call: &Call, id: CorrectionId) -> Result<Option<Correction>, Failure> {
        if !access::allows(&call.actor, Verb::BooksRead, &Subject::OURS) {
            return Ok(None);
        }
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Correction::try_from).transpose()?)
    }

    /// One of our people proposes to move money from one account to another, or to post what reconciliation proposed.
    pub async fn correction_propose(&self, call: &Call, ask: CorrectionAsk) -> Result<Correction, Failure> {
        access::check(&call.actor, Verb::CorrectionPropose, &Subject::OURS)?;
        let draft = self.correction_draft(ask).await?;
        run!(self, call, tx => {
            let mut draft = draft.clone();
            tx.must_be_there(draft.from, "from").await?;
            tx.must_be_there(draft.to, "to").await?;
            draft.came_with = tx.paid_by(&draft).await?;
            draft.chargeback = tx.chargeback_meant(&draft).await?;
            let change = Correction::propose(tx.actor(), tx.now(), tx.id(), draft)?;
            tx.must_be_proved(call).await?;
            let id = change.next.id;
            tx.audit("correction_propose", id, told(&change.next)).await?;
            tx.correction_save(change).await
        })
    }

    /// Another one of our people approves: the entry is posted.
    pub async fn correction_approve(
        &self,
        call: &Call,
        id: CorrectionId,
        expected: Option<i64>,
    ) -> Result<Correction, Failure> {
        if let Some(answer) = self.answered::<Correction>(call).await? {
            return Ok(answer);
        }
        let seen = self.correction_find(call, id).await?.ok_or(Refusal::HIDDEN)?;
        access::check(&call.actor, Verb::CorrectionApprove, &seen.subject())?;
        let open = matches!(seen.state, CorrectionState::Proposed { .. });
        if let (true, Some(of), Some(cause)) = (open, seen.reconciliation, &seen.cause)
            && !self.still_differs(of, cause.class, &cause.about).await?
        {
            let message = "the processor and the books agree about it by now: decline the correction";
            return Err(Refusal::rule("CORRECTION_SETTLED", message).into());
        }
        run!(self, call, tx => {
            let correction = tx.correction_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::CorrectionApprove, &correction.subject())?;
            tx.must_be_proved(call).await?;
            let currency = correction.amount.currency();
            let source = match correction.from {
                LedgerAccount::ClientCredit(client) => Source::Credit(tx.credit_for_update(client, currency).await?),
                account if account.guarded() => Source::Available(tx.balance(account, currency).await?),
                _ => Source::Ours,
            };
            let change = correction.approve(tx.actor(), tx.now(), expected, &source)?;
            tx.audit("correction_approve", id, told(&change.next)).await?;
            tx.correction_save(change).await
        })
    }

    /// One of our people does not want it, or takes back what they proposed.
    pub async fn correction_decline(
        &self,
        call: &Call,
        id: CorrectionId,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Correction, Failure> {
        run!(self, call, tx => {
            let correction = tx.correction_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = correction.decline(tx.actor(), tx.now(), expected, reason)?;
            tx.must_be_proved(call).await?;
            tx.audit("correction_decline", id, serde_json::json!({ "reason": reason })).await?;
            tx.correction_save(change).await
        })
    }

    /// The time to approve is over.
    pub(crate) async fn correction_expire(&self, call: &Call, id: CorrectionId) -> Result<(), Failure> {
        run!(self, call, tx => {
            let correction = tx.correction_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.correction_save(correction.expire(tx.actor(), tx.now())?).await.map(drop)
        })
    }

    /// What is asked for as a whole: with what reconciliation found, where it is about a difference.
    async fn correction_draft(&self, ask: CorrectionAsk) -> Result<CorrectionDraft, Failure> {
        let mut invalid = Invalid::default();
        let CorrectionAsk { mut from, mut to, mut amount, reason, class, mut about, reconciliation } = ask;
        if class.is_some() != about.is_some() || (reconciliation.is_some() && about.is_none()) {
            invalid.add("about", "REQUIRED", "what it is about takes a class and a name");
        }
        std::mem::take(&mut invalid).finish()?;
        let mut chargeback = None;
        if let (Some(Class::Dispute), Some(named)) = (class, &about)
            && let Some(known) = self.chargeback_named(named).await?
        {
            (about, chargeback) = (Some(PaymentId::from_uuid(known.payment_id).to_string()), Some(known.reference));
        }
        let cause = class.zip(about).map(|(class, about)| Cause { class, about });
        let mut settles = None;
        if let (Some(of), Some(cause)) = (reconciliation, &cause) {
            let found = self
                .difference_of(of, cause.class, &cause.about)
                .await?
                .ok_or_else(|| Refusal::field("about", "UNKNOWN", "the comparison found no such difference"))?;
            let newest = found.newest().ok_or_else(|| Fault::bad_row("reconciliations", "a difference of no lines"))?;
            let mut proposed = None;
            if let (None, None, None, Some(entry)) = (from, to, amount, &found.proposal)
                && let [posting] = entry.postings()
            {
                (from, to, amount) = (Some(posting.from), Some(posting.to), Some(posting.amount));
                proposed = Some(entry.key.clone());
            }
            settles = Some(Settled { reconciliation: of, newest, proposed });
        }
        for (path, missing) in [("from", from.is_none()), ("to", to.is_none()), ("amount", amount.is_none())] {
            if missing {
                invalid.add(path, "REQUIRED", "nothing was proposed for it: say what is to be moved");
            }
        }
        invalid.finish()?;
        let (Some(from), Some(to), Some(amount)) = (from, to, amount) else { return Err(Refusal::HIDDEN.into()) };
        Ok(CorrectionDraft { from, to, amount, reason, cause, settles, came_with: None, chargeback })
    }

    /// The chargeback that the processor calls so. Comparisons know what banks did by the payment, and who corrects it
    /// may name either.
    async fn chargeback_named(&self, reference: &str) -> Result<Option<Known>, Failure> {
        let select = "select reference, payment_id from chargebacks where reference = $1 and payment_id is not null";
        Ok(Known::find_by_statement(sql(select, [reference.into()])).one(self.db()).await?)
    }
}

impl Tx {
    /// Somebody's account is that of somebody who is there.
    async fn must_be_there(&self, account: LedgerAccount, path: &str) -> Result<(), Failure> {
        let found = match account {
            LedgerAccount::ClientCredit(client) => {
                sql("select 1 as one from organizations where id = $1", [client.uuid().into()])
            }
            LedgerAccount::Available(user) => {
                sql("select 1 as one from users where id = $1 and erased_at is null", [user.uuid().into()])
            }
            _ => return Ok(()),
        };
        match self.conn().query_one_raw(found).await? {
            Some(_) => Ok(()),
            None => Err(Refusal::field(path, "UNKNOWN", "nobody has this account").into()),
        }
    }

    /// The payment that a correction is about, if it is of the client who gets it as credit: it may go back to its card.
    async fn paid_by(&self, draft: &CorrectionDraft) -> Result<Option<PaymentId>, Failure> {
        let (LedgerAccount::ClientCredit(client), Some(Cause { class: Class::Payment, about })) =
            (draft.to, &draft.cause)
        else {
            return Ok(None);
        };
        let About::Payment(id) = About::read(about) else { return Ok(None) };
        let payment = self.payment_find(id).await?;
        Ok(payment.filter(|payment| payment.client == client).map(|payment| payment.id))
    }

    /// The chargeback that a correction is about, if it is about what banks did with a payment.
    async fn chargeback_meant(&self, draft: &CorrectionDraft) -> Result<Option<String>, Failure> {
        let Some(Cause { class: Class::Dispute, about }) = &draft.cause else { return Ok(None) };
        let About::Payment(payment) = About::read(about) else { return Ok(None) };
        let select = "select reference, payment_id from chargebacks where payment_id = $1 order by told_at, reference";
        let known = Known::find_by_statement(sql(select, [payment.uuid().into()])).all(self.conn()).await?;
        let known: Vec<String> = known.into_iter().map(|known| known.reference).collect();
        Ok(chargeback_meant(draft.chargeback.clone(), &known)?)
    }

    async fn correction_for_update(&self, id: CorrectionId) -> Result<Option<Correction>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Correction::try_from).transpose()?)
    }

    async fn correction_save(&self, change: Change<Correction>) -> Result<Correction, Failure> {
        if change.changed {
            let saved = save_row(self.conn(), row::Model::try_from(&change.next)?).await;
            saved.map_err(|failure| {
                failure.when_violated("corrections_once", || {
                    let message = "what settles this difference has been proposed already";
                    Refusal::rule("CORRECTION_EXISTS", message)
                })
            })?;
        }
        self.settle(change).await
    }
}

/// What the audit log keeps of one.
fn told(correction: &Correction) -> serde_json::Value {
    serde_json::json!({
        "from": correction.from.to_string(),
        "to": correction.to.to_string(),
        "amount": correction.amount,
        "reason": correction.reason,
        "about": correction.cause.as_ref().map(|cause| cause.about.as_str()),
        "chargeback": correction.chargeback,
    })
}

impl TryFrom<row::Model> for Correction {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let bad = |why: &dyn std::fmt::Display| Fault::bad_row("corrections", why);
        let account = |name: &str| name.parse::<LedgerAccount>().map_err(|error: BadAccount| bad(&error));
        let currency = Currency::from_code(&row.currency).ok_or_else(|| bad(&"unknown currency"))?;
        let cause = match (row.class, row.about) {
            (Some(class), Some(about)) => {
                let class = Class::from_name(&class).ok_or_else(|| bad(&"unknown class"))?;
                Some(Cause { class, about })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(bad(&"half of what it is about")),
        };
        let state: CorrectionState = row.state.0;
        if state.as_str() != row.status {
            return Err(bad(&"its status is not that of its state"));
        }
        let proposed_at: Timestamp = row.proposed_at;
        Ok(Self {
            id: Id::from_uuid(row.id),
            from: account(&row.from_account)?,
            to: account(&row.to_account)?,
            amount: Money::new(row.amount_minor, currency).map_err(|error| bad(&error))?,
            reason: row.reason,
            cause,
            reconciliation: row.reconciliation_id.map(Id::from_uuid),
            came_with: row.came_with.map(Id::from_uuid),
            chargeback: row.chargeback,
            key: row.entry_key,
            proposed_by: Id::from_uuid(row.proposed_by),
            proposed_at,
            version: row.version,
            state,
        })
    }
}

impl TryFrom<&Correction> for row::Model {
    type Error = Fault;
    fn try_from(correction: &Correction) -> Result<Self, Fault> {
        let cause = correction.cause.as_ref();
        Ok(Self {
            id: correction.id.uuid(),
            from_account: correction.from.to_string(),
            to_account: correction.to.to_string(),
            currency: correction.amount.currency().code().to_owned(),
            amount_minor: correction.amount.minor(),
            reason: correction.reason.clone(),
            class: cause.map(|cause| cause.class.as_str().to_owned()),
            about: cause.map(|cause| cause.about.clone()),
            reconciliation_id: correction.reconciliation.map(Id::uuid),
            came_with: correction.came_with.map(Id::uuid),
            chargeback: correction.chargeback.clone(),
            entry_key: correction.key.clone(),
            proposed_by: correction.proposed_by.uuid(),
            proposed_at: correction.proposed_at,
            status: correction.state.as_str().to_owned(),
            approved_by: match correction.state {
                CorrectionState::Posted { by, .. } => Some(by.uuid()),
                CorrectionState::Proposed { .. }
                | CorrectionState::Declined { .. }
                | CorrectionState::Withdrawn { .. }
                | CorrectionState::Expired { .. } => None,
            },
            state: correction.state.clone().into(),
            version: correction.version,
        })
    }
}

mod row {
    use domain::correction::CorrectionState;
    use sea_orm::entity::prelude::*;

    use crate::doc::Doc;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "corrections")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub from_account: String,
        pub to_account: String,
        pub currency: String,
        pub amount_minor: i64,
        pub reason: String,
        pub class: Option<String>,
        pub about: Option<String>,
        pub reconciliation_id: Option<Uuid>,
        pub came_with: Option<Uuid>,
        pub chargeback: Option<String>,
        pub entry_key: String,
        pub proposed_by: Uuid,
        pub proposed_at: DateTimeUtc,
        pub status: String,
        pub approved_by: Option<Uuid>,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<CorrectionState>,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
