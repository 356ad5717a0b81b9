//! Corrections of the books, for our people.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::Timestamp;
use domain::correction::CorrectionState;
use domain::id::{CorrectionId, ReconciliationId};
use domain::ledger::LedgerAccount;
use domain::refusal::{Invalid, Refusal};
use infra::correction::{CorrectionAsk, FeesAsk};
use serde::Serialize;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::load;
use crate::money::{Money, MoneyInput};
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// A correction of the books.
#[derive(Debug, Clone)]
pub struct Correction(pub domain::correction::Correction);

/// An entry that one of our people proposes and another one approves, to set the books right. It is posted as it was
/// proposed, or not at all.
#[Object]
impl Correction {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> CorrectionStatus {
        match self.0.state {
            CorrectionState::Proposed { .. } => CorrectionStatus::Proposed,
            CorrectionState::Posted { .. } => CorrectionStatus::Posted,
            CorrectionState::Declined { .. } => CorrectionStatus::Declined,
            CorrectionState::Withdrawn { .. } => CorrectionStatus::Withdrawn,
            CorrectionState::Expired { .. } => CorrectionStatus::Expired,
        }
    }

    /// Counts up with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Out of which account of the books, by its name there, like `losses` or `client_credit:org_…`.
    async fn from(&self) -> String {
        self.0.from.to_string()
    }

    /// Into which account of the books.
    async fn to(&self) -> String {
        self.0.to.to_string()
    }

    /// How much.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What kind of movement it is about, if it is about one.
    async fn class(&self) -> Option<ReconciliationClass> {
        self.0.cause.as_ref().map(|cause| cause.class.into())
    }

    /// And of what: a payment, a refund, a payout, or a name that the processor gave.
    async fn about(&self) -> Option<&str> {
        self.0.cause.as_ref().map(|cause| cause.about.as_str())
    }

    /// The chargeback it is about, by the processor's name for it, where it is about what banks did with a payment. It
    /// counts for that one alone.
    async fn chargeback(&self) -> Option<&str> {
        self.0.chargeback.as_deref()
    }

    /// The comparison whose difference it settles.
    async fn reconciliation_id(&self) -> Option<ID> {
        self.0.reconciliation.map(|id| id.to_string().into())
    }

    /// Who proposed it.
    async fn proposed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.proposed_by).await?.map(User))
    }

    /// When.
    async fn proposed_at(&self) -> Timestamp {
        self.0.proposed_at
    }

    /// Until when it can be approved, while it waits.
    async fn expires_at(&self) -> Option<Timestamp> {
        match self.0.state {
            CorrectionState::Proposed { expires_at } => Some(expires_at),
            CorrectionState::Posted { .. }
            | CorrectionState::Declined { .. }
            | CorrectionState::Withdrawn { .. }
            | CorrectionState::Expired { .. } => None,
        }
    }

    /// When it was posted, declined or withdrawn, or expired.
    async fn closed_at(&self) -> Option<Timestamp> {
        match self.0.state {
            CorrectionState::Proposed { .. } => None,
            CorrectionState::Posted { at, .. }
            | CorrectionState::Declined { at, .. }
            | CorrectionState::Withdrawn { at, .. }
            | CorrectionState::Expired { at } => Some(at),
        }
    }

    /// Who approved it or declined it.
    async fn closed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        let by = match self.0.state {
            CorrectionState::Posted { by, .. } | CorrectionState::Declined { by, .. } => by,
            CorrectionState::Withdrawn { .. } => self.0.proposed_by,
            CorrectionState::Proposed { .. } | CorrectionState::Expired { .. } => return Ok(None),
        };
        Ok(load(ctx, by).await?.map(User))
    }

    /// Why it was declined or withdrawn.
    async fn closing_reason(&self) -> Option<&str> {
        match &self.0.state {
            CorrectionState::Declined { reason, .. } | CorrectionState::Withdrawn { reason, .. } => Some(reason),
            CorrectionState::Proposed { .. } | CorrectionState::Posted { .. } | CorrectionState::Expired { .. } => None,
        }
    }

    /// What you can do to it now.
    async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        acts(&self.0.allowed(&ctx.actor()))
    }
}

/// Where a correction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CorrectionStatus {
    /// It waits for another one of our people.
    Proposed,
    /// It was approved, and is in the books.
    Posted,
    /// Another one of our people did not want it.
    Declined,
    /// Who proposed it took it back.
    Withdrawn,
    /// Nobody approved it within seven days.
    Expired,
}

/// A kind of movement, as reconciliation tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::reconciliation::Class")]
pub enum ReconciliationClass {
    /// A client paid.
    Payment,
    /// The processor gave money back to a client.
    Refund,
    /// A client's bank took money back, or gave back what it had taken.
    Dispute,
    /// Money left for a freelancer's bank, or came back from there.
    Payout,
    /// What the processor charged us.
    Fee,
    /// From one account of ours to another.
    Own,
}

/// A correction to propose. To post what a comparison proposed, name it with the class and the name of the difference,
/// and leave `from`, `to` and `amount` out.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct CorrectionProposeInput {
    /// Out of which account: `processor_clearing`, `processor_fees`, `paid_out`, `fee_revenue`, `losses`, `client_credit:org_…`
    /// or `available:usr_…`. One side at least is an account of the platform's own.
    pub from: Option<String>,
    /// Into which account, in the same words.
    pub to: Option<String>,
    /// How much, in US dollars.
    pub amount: Option<MoneyInput>,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// The comparison whose difference it settles.
    pub reconciliation_id: Option<Key<ReconciliationId>>,
    /// What kind of movement it is about. Needed where the processor's accounts or `paid_out` are named: the next
    /// comparison holds the entry against that.
    pub class: Option<ReconciliationClass>,
    /// And of what, as `about` of the difference says it: a payment's, a refund's or a payout's id, or the processor's name.
    /// Of what banks did with a payment more than once the chargeback is named, as the processor calls it.
    pub about: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which correction is approved.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct CorrectionApproveInput {
    /// The correction.
    pub correction_id: Key<CorrectionId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which correction is not wanted.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct CorrectionDeclineInput {
    /// The correction.
    pub correction_id: Key<CorrectionId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which fees of a comparison are to be booked.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct FeeCorrectionsProposeInput {
    /// The comparison that found them.
    pub reconciliation_id: Key<ReconciliationId>,
    /// Which of its differences of the kind `fee_not_booked`, by their `about`, 1 to 200. [default: those that are neither
    /// proposed nor booked, the first 200]
    pub abouts: Option<Vec<String>>,
    /// Why, 1 to 500 characters; each of them says so.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which corrections that are of fees alone are approved.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct FeeCorrectionsApproveInput {
    /// The corrections, 1 to 200.
    pub correction_ids: Vec<Key<CorrectionId>>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

impl CorrectionProposeInput {
    fn ask(self) -> Result<CorrectionAsk, Refusal> {
        let mut invalid = Invalid::default();
        let mut account = |path: &str, name: Option<String>| -> Option<LedgerAccount> {
            let parsed = name.map(|name| name.parse::<LedgerAccount>()).transpose();
            parsed.unwrap_or_else(|error| {
                invalid.add(path, "MALFORMED", error.to_string());
                None
            })
        };
        let (from, to) = (account("from", self.from), account("to", self.to));
        let amount = self.amount.map(|amount| amount.parse("amount")).transpose();
        let amount = amount.unwrap_or_else(|refusal| {
            invalid.take(refusal);
            None
        });
        invalid.finish()?;
        Ok(CorrectionAsk {
            from,
            to,
            amount,
            reason: self.reason,
            class: self.class.map(Into::into),
            about: self.about,
            reconciliation: self.reconciliation_id.map(|id| id.0),
        })
    }
}

payload! {
    /// The answer to `correctionPropose`.
    CorrectionProposePayload {
        /// The new correction.
        correction: Correction
    }
}
payload! {
    /// The answer to `correctionApprove`.
    CorrectionApprovePayload {
        /// The correction, as it is now.
        correction: Correction
    }
}
payload! {
    /// The answer to `feeCorrectionsPropose`.
    FeeCorrectionsProposePayload {
        /// The new corrections, one for each fee.
        corrections: Vec<Correction>
    }
}
payload! {
    /// The answer to `feeCorrectionsApprove`.
    FeeCorrectionsApprovePayload {
        /// The corrections, as they are now.
        corrections: Vec<Correction>
    }
}
payload! {
    /// The answer to `correctionDecline`.
    CorrectionDeclinePayload {
        /// The correction, as it is now.
        correction: Correction
    }
}

/// Looking at corrections.
#[derive(Debug, Default)]
pub struct CorrectionQuery;

#[Object]
impl CorrectionQuery {
    /// Corrections of the books, newest first. Only admins see them.
    async fn corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<CorrectionStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<Correction>>> {
        let page = counted(ctx, first, after, last, before).of_states(named(states));
        connect(ctx.market().corrections(&ctx.call(), &page).await, Correction).map(Some)
    }
}

/// What can be done about corrections.
#[derive(Debug, Default)]
pub struct CorrectionMutation;

#[Object]
impl CorrectionMutation {
    /// For admins: propose to move money from one account of the books to another, or to post what a comparison with
    /// the processor proposed. Another admin approves it within seven days.
    async fn correction_propose(
        &self,
        ctx: &Context<'_>,
        input: CorrectionProposeInput,
    ) -> Answer<CorrectionProposePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().correction_propose(&call, input.clone().ask()?).await
        };
        answer(outcome.await.map(Correction))
    }

    /// For admins: approve a correction that another admin proposed. It is posted at once, and stands for good.
    async fn correction_approve(
        &self,
        ctx: &Context<'_>,
        input: CorrectionApproveInput,
    ) -> Answer<CorrectionApprovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().correction_approve(&call, input.correction_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Correction))
    }

    /// For admins: propose to book the fees of the processor's that a comparison found and the books don't have, in one
    /// act. Each becomes a correction of its own, as the comparison proposed it; another admin approves them within seven
    /// days, one by one or with `feeCorrectionsApprove`.
    async fn fee_corrections_propose(
        &self,
        ctx: &Context<'_>,
        input: FeeCorrectionsProposeInput,
    ) -> Answer<FeeCorrectionsProposePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let FeeCorrectionsProposeInput { reconciliation_id, abouts, reason, .. } = input.clone();
            let ask = FeesAsk { reconciliation: reconciliation_id.0, abouts, reason };
            ctx.market().fee_corrections_propose(&call, ask).await
        };
        answer(outcome.await.map(corrections))
    }

    /// For admins: approve corrections that another admin proposed and that book nothing but fees of the processor's, in
    /// one act. All of them are posted at once, each as an entry of its own, or none is.
    async fn fee_corrections_approve(
        &self,
        ctx: &Context<'_>,
        input: FeeCorrectionsApproveInput,
    ) -> Answer<FeeCorrectionsApprovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let ids: Vec<CorrectionId> = input.correction_ids.iter().map(|id| id.0).collect();
            ctx.market().fee_corrections_approve(&call, &ids).await
        };
        answer(outcome.await.map(corrections))
    }

    /// For admins: decline a correction, or withdraw your own.
    async fn correction_decline(
        &self,
        ctx: &Context<'_>,
        input: CorrectionDeclineInput,
    ) -> Answer<CorrectionDeclinePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.correction_id.0, input.expected_version);
            ctx.market().correction_decline(&call, id, expected, &input.reason).await
        };
        answer(outcome.await.map(Correction))
    }
}

fn corrections(all: Vec<domain::correction::Correction>) -> Vec<Correction> {
    all.into_iter().map(Correction).collect()
}
