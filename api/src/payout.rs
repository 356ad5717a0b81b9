//! Payouts to banks, and the accounts they go to.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::id::{PayoutId, PayoutMethodId};
use domain::payout::{Iban, PayoutState, Rail};
use infra::payout::{MethodShown, PayoutAsk};
use serde::Serialize;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named, page};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::load;
use crate::money::{Money, MoneyInput};
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};
use crate::wire::WireOutcome;

/// A payout.
#[derive(Debug, Clone)]
pub struct Payout(pub domain::payout::Payout);

/// Money on its way from your available balance to your bank.
#[Object]
impl Payout {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it stands.
    async fn status(&self) -> PayoutStatus {
        match &self.0.state {
            PayoutState::Requested { .. } => PayoutStatus::Requested,
            PayoutState::Screening { .. } => PayoutStatus::Screening,
            PayoutState::Blocked { .. } => PayoutStatus::Blocked,
            PayoutState::Queued { .. } => PayoutStatus::Queued,
            PayoutState::Sent { .. } => PayoutStatus::Sent,
            PayoutState::InTransit { .. } => PayoutStatus::InTransit,
            PayoutState::Paid { .. } => PayoutStatus::Paid,
            PayoutState::Returned { .. } => PayoutStatus::Returned,
            PayoutState::Unknown { .. } => PayoutStatus::Unknown,
            PayoutState::Cancelled { .. } => PayoutStatus::Cancelled,
        }
    }

    /// How much.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// The purpose code the bank is told.
    async fn purpose_code(&self) -> &str {
        &self.0.purpose_code
    }

    /// What that code stands for.
    async fn purpose(&self) -> &str {
        &self.0.purpose
    }

    /// What it is for, in your words.
    async fn written_purpose(&self) -> &str {
        &self.0.written_purpose
    }

    /// What a dollar was in rupees when it was asked for or sent, if somebody quoted it. Your bank may change the
    /// money at another rate.
    async fn quote(&self) -> Option<FxQuote> {
        FxQuote::of(self.0.quote.clone()?, self.0.changed().ok()?)
    }

    /// What of it is kept in dollars.
    async fn retention(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Retention>> {
        let Some(kept) = self.0.retention else { return Ok(None) };
        let method = load(ctx, kept.method).await?;
        Ok(Some(Retention { method: method.map(PayoutMethod::from), amount: kept.amount.into() }))
    }

    /// The number of the bank's certificate of proceeds (e-PRC), once you attached it.
    async fn e_prc(&self) -> Option<&str> {
        self.0.e_prc.as_deref()
    }

    /// Where its remittance pack is, to be fetched with your access token as `Authorization: Bearer`; with `.json`
    /// instead of `.pdf` for programs.
    async fn remittance_pack_path(&self) -> String {
        format!("/papers/payouts/{}.pdf", self.0.id)
    }

    /// Where what it takes to send it by hand is for the admin who has taken it with `wireSlipTake`, to be fetched by a
    /// session of theirs that was proved within 15 minutes, as `Authorization: Bearer`. Only admins see this, once two of
    /// them have approved the payout.
    async fn wire_slip_path(&self, ctx: &Context<'_>) -> Option<String> {
        let by_hand = matches!(&self.0.state, PayoutState::InTransit { rail: Rail::Manual, .. });
        let may = by_hand && access::allows(&ctx.actor(), Verb::WireSlipTake, &self.0.subject());
        may.then(|| format!("/papers/wires/{}.json", self.0.id))
    }

    /// Where it goes.
    async fn method(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<PayoutMethod>> {
        Ok(load(ctx, self.0.method).await?.map(PayoutMethod::from))
    }

    /// Why it came back: a code of the bank's, like `account_closed`, or the words of our people.
    async fn return_reason(&self) -> Option<&str> {
        match &self.0.state {
            PayoutState::Returned { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// What it waits for, or what became of it, where the status alone would leave you wondering.
    async fn explanation(&self) -> Option<&str> {
        self.0.explanation()
    }

    /// Whose money it is.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.user).await?.map(User))
    }

    /// What stopped it, or keeps it in the person's own account at Stripe while it is `UNKNOWN`; only our people see this.
    async fn block_reason(&self, ctx: &Context<'_>) -> Option<&str> {
        match &self.0.state {
            PayoutState::Blocked { reason, .. } | PayoutState::Unknown { rests: Some(reason), .. }
                if sees_queue(ctx) =>
            {
                Some(reason)
            }
            _ => None,
        }
    }

    /// What one of our people has found out became of it, and waits for another to say the same; only they see this.
    async fn word(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<PayoutWord>> {
        let word = self.0.word.as_ref().filter(|word| word.attempt == self.0.attempt && !self.0.state.is_terminal());
        let Some(word) = word.filter(|_| sees_queue(ctx)) else { return Ok(None) };
        let by = load(ctx, word.by).await?.map(User);
        Ok(Some(PayoutWord { by, at: word.at, outcome: word.outcome.into() }))
    }

    /// Who of our people has approved it to be sent by hand; only they see this, for others the
    /// list is empty.
    async fn approvals(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<User>> {
        let mut people = Vec::new();
        for id in self.0.approvals().iter().filter(|_| sees_queue(ctx)) {
            people.extend(load(ctx, *id).await?.map(User));
        }
        Ok(people)
    }

    /// What you can do to it now, by the names of the mutations.
    async fn allowed(&self, ctx: &Context<'_>) -> Vec<Act> {
        acts(&self.0.allowed(&ctx.actor()))
    }

    /// When you asked for it.
    async fn requested_at(&self) -> Timestamp {
        self.0.requested_at
    }

    /// When the bank had it.
    async fn paid_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            PayoutState::Paid { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Can you still call it off?
    async fn viewer_can_cancel(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::PayoutCancel)
    }
}

fn sees_queue(ctx: &Context<'_>) -> bool {
    access::allows(&ctx.actor(), Verb::PayoutQueueRead, &Subject::OURS)
}

/// Where a payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PayoutStatus {
    /// You asked for it.
    Requested,
    /// Names and countries are being screened.
    Screening,
    /// Our people look at it; nothing is lost meanwhile.
    Blocked,
    /// To be handed to a rail.
    Queued,
    /// Handed to a rail.
    Sent,
    /// The rail took it.
    InTransit,
    /// The bank has it.
    Paid,
    /// It came back, and is available again.
    Returned,
    /// Nobody knows yet what became of it; it is asked about.
    Unknown,
    /// Called off in time; available again.
    Cancelled,
}

/// What one of our people has found out became of a payout.
#[derive(Debug, Clone, SimpleObject)]
pub struct PayoutWord {
    /// Who.
    by: Option<User>,
    /// When.
    at: Timestamp,
    /// What became of it.
    outcome: WireOutcome,
}

/// A bank account that payouts go to.
#[derive(Debug, Clone)]
pub struct PayoutMethod(MethodShown);

/// A bank account that payouts go to. The number itself is never shown again.
#[Object]
impl PayoutMethod {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The last four characters of the account number.
    async fn last4(&self) -> &str {
        &self.0.last4
    }

    /// The four letters of the bank.
    async fn bank(&self) -> &str {
        &self.0.bank
    }

    /// Is it an account in dollars?
    async fn in_dollars(&self) -> bool {
        self.0.in_dollars
    }

    /// The name of the bank, where it is known.
    async fn bank_name(&self) -> Option<&str> {
        Iban::bank_named(&self.0.bank)
    }

    /// The name the bank knows the account by.
    async fn account_title(&self) -> &str {
        &self.0.account_title
    }

    /// When it was added.
    async fn added_at(&self) -> Timestamp {
        self.0.added_at
    }

    /// From when on it can be used.
    async fn usable_from(&self) -> Timestamp {
        self.0.usable_from
    }
}

impl From<MethodShown> for PayoutMethod {
    fn from(method: MethodShown) -> Self {
        Self(method)
    }
}

/// A bank account to add.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutMethodAddInput {
    /// The Pakistani IBAN: `PK`, 2 check digits, 4 letters, 16 letters or digits.
    pub iban: String,
    /// The name the bank knows the account by, 1 to 140 characters.
    pub account_title: String,
    /// Is it an account in dollars that exporters of services may keep? [default: no, in rupees]
    #[graphql(default)]
    pub in_dollars: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which bank account to remove.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutMethodRemoveInput {
    /// The account.
    pub payout_method_id: Key<PayoutMethodId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A payout to ask for.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutRequestInput {
    /// Where to.
    pub payout_method_id: Key<PayoutMethodId>,
    /// How much of your available balance.
    pub amount: MoneyInput,
    /// The purpose code that your bank asks for: one of `payoutPurposes`.
    pub purpose_code: String,
    /// What it is for, in your words, 1 to 140 characters. [default: what the code stands for]
    pub written_purpose: Option<String>,
    /// What of it is kept in dollars. [default: nothing]
    pub retention: Option<RetentionInput>,
    /// Your password, again: a proof of who you are for this act alone. Left out, it takes a session
    /// in which you proved who you are within 15 minutes, which is also the only way for those with an
    /// authenticator app; see `reauthenticate`.
    pub password: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// What of a payout is kept in dollars. The policy says how much that may be in a month.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct RetentionInput {
    /// The account, one in dollars.
    pub payout_method_id: Key<PayoutMethodId>,
    /// How much of the payout.
    pub amount: MoneyInput,
}

/// What of a payout is kept in dollars.
#[derive(Debug, Clone, SimpleObject)]
pub struct Retention {
    /// The account.
    pub method: Option<PayoutMethod>,
    /// How much.
    pub amount: Money,
}

/// What a dollar is in rupees, as somebody quoted it.
#[derive(Debug, Clone, SimpleObject)]
pub struct FxQuote {
    /// Rupees for a dollar, like `278.45`.
    pub rate: String,
    /// Who quoted it.
    pub provider: String,
    /// When.
    pub quoted_at: Timestamp,
    /// Until when it stands.
    pub expires_at: Timestamp,
    /// The payout's amount, or what is available, at this rate, before what your bank takes.
    pub rupees: Money,
}

impl FxQuote {
    /// What dollars are in rupees by a quote; none of an amount that is too large for it.
    pub fn of(quote: domain::fx::FxQuote, dollars: domain::money::Money) -> Option<Self> {
        let rupees = quote.rupees(dollars).ok()?.into();
        let domain::fx::FxQuote { rate, provider, quoted_at, expires_at } = quote;
        Some(Self { rate: rate.to_string(), provider, quoted_at, expires_at, rupees })
    }
}

/// What a payout can be for, as banks report it to the State Bank.
#[derive(Debug, Clone, SimpleObject)]
pub struct PayoutPurpose {
    /// The four digits.
    pub code: String,
    /// What they stand for.
    pub title: String,
}

/// The certificate of a payout.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutEPrcAttachInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// The certificate's number, as the bank wrote it: 4 to 40 letters, digits, dashes and slashes.
    pub number: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which payout to call off.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutCancelInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which stopped payout to let go.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutUnblockInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// Why, 1 to 500 characters; kept in the audit log.
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which payout to turn down.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutRejectInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// Why, 1 to 500 characters. The person is told: say nothing of what a screening found.
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which payout to approve.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutApproveInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// What became of a payout.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PayoutSettleInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// What became of it.
    pub outcome: WireOutcome,
    /// How you found out, 1 to 500 characters; kept in the audit log. Of one that never got there the person is told it.
    pub reason: String,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `payoutSettle`.
    PayoutSettlePayload {
        /// The payout, as it is now.
        payout: Payout
    }
}
payload! {
    /// The answer to `payoutUnblock`.
    PayoutUnblockPayload {
        /// The payout, as it is now.
        payout: Payout
    }
}
payload! {
    /// The answer to `payoutReject`.
    PayoutRejectPayload {
        /// The payout, as it is now.
        payout: Payout
    }
}
payload! {
    /// The answer to `payoutApprove`.
    PayoutApprovePayload {
        /// The payout, as it is now.
        payout: Payout
    }
}
payload! {
    /// The answer to `payoutEPrcAttach`.
    PayoutEPrcAttachPayload {
        /// The payout, as it is now.
        payout: Payout
    }
}
payload! {
    /// The answer to `payoutMethodAdd`.
    PayoutMethodAddPayload {
        /// The new account.
        payout_method: PayoutMethod
    }
}
payload! {
    /// The answer to `payoutMethodRemove`.
    PayoutMethodRemovePayload {
        /// The account that was removed.
        payout_method: PayoutMethod
    }
}
payload! {
    /// The answer to `payoutRequest`.
    PayoutRequestPayload {
        /// The new payout.
        payout: Payout
    } and viewer
}
payload! {
    /// The answer to `payoutCancel`.
    PayoutCancelPayload {
        /// The payout, as it is now.
        payout: Payout
    } and viewer
}

/// What of their payouts the signed-in person sees.
#[derive(Debug, Default)]
pub struct PayoutViewer;

#[Object]
impl PayoutViewer {
    /// Your payouts, newest first.
    async fn payouts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<PayoutStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Payout>> {
        connect(
            ctx.market()
                .payouts_of_viewer(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
                .await,
            Payout,
        )
    }

    /// The bank accounts you can be paid out to, newest first.
    async fn payout_methods(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, PayoutMethod>> {
        let methods = ctx.market().payout_methods_of_viewer(&ctx.call(), &page(first, after, last, before)).await;
        connect(methods, PayoutMethod::from)
    }
}

/// Looking at payouts.
#[derive(Debug, Default)]
pub struct PayoutQuery;

#[Object]
impl PayoutQuery {
    /// The payout with this id, if it is yours.
    async fn payout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the payout.")] id: Key<PayoutId>,
    ) -> async_graphql::Result<Option<Payout>> {
        Ok(load(ctx, id.0).await?.map(Payout))
    }

    /// What a payout can be for, as banks report it now.
    async fn payout_purposes(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vec<PayoutPurpose>>> {
        let found = ctx.market().payout_purposes().await.map_err(top_level)?;
        Ok(Some(found.into_iter().map(|purpose| PayoutPurpose { code: purpose.code, title: purpose.title }).collect()))
    }

    /// The payouts that wait for our people, oldest first: those that were stopped, those that two have to approve, and
    /// those that nobody tells of any more. Only admins see it.
    async fn payout_queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<PayoutStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Counted<Payout>>> {
        connect(
            ctx.market()
                .payout_queue(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
                .await,
            Payout,
        )
        .map(Some)
    }
}

/// What can be done about payouts.
#[derive(Debug, Default)]
pub struct PayoutMutation;

#[Object]
impl PayoutMutation {
    /// Add a bank account in Pakistan. For your safety it can be used after a few days only. It
    /// takes a verified address. Where payouts go by accounts of your own at Stripe, doing so accepts its agreement for
    /// recipients, `https://stripe.com/connect-account/legal/recipient`: show that beside the button.
    async fn payout_method_add(
        &self,
        ctx: &Context<'_>,
        input: PayoutMethodAddInput,
    ) -> Answer<PayoutMethodAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_method_add(&call, &input.iban, &input.account_title, input.in_dollars).await
        };
        answer(outcome.await.map(PayoutMethod::from))
    }

    /// Remove a bank account. Payouts under way are not touched.
    async fn payout_method_remove(
        &self,
        ctx: &Context<'_>,
        input: PayoutMethodRemoveInput,
    ) -> Answer<PayoutMethodRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_method_remove(&call, input.payout_method_id.0).await
        };
        answer(outcome.await.map(PayoutMethod::from))
    }

    /// Pay out some of your available balance. It leaves the balance at once.
    async fn payout_request(&self, ctx: &Context<'_>, input: PayoutRequestInput) -> Answer<PayoutRequestPayload> {
        let outcome = async {
            let call = ctx.call_once_with_proof(input.idempotency_key.as_deref(), &input)?;
            let ask = PayoutAsk {
                method: input.payout_method_id.0,
                amount: input.amount.parse("amount")?,
                purpose_code: input.purpose_code.clone(),
                written_purpose: input.written_purpose.clone(),
                retention: match &input.retention {
                    Some(kept) => Some((kept.payout_method_id.0, kept.amount.parse("retention.amount")?)),
                    None => None,
                },
                password: input.password.clone(),
            };
            ctx.market().payout_request(&call, ask).await
        };
        answer(outcome.await.map(Payout))
    }

    /// Call a payout off before it is sent. The money is available again.
    async fn payout_cancel(&self, ctx: &Context<'_>, input: PayoutCancelInput) -> Answer<PayoutCancelPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_cancel(&call, input.payout_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Payout))
    }

    /// Note the number of the bank's certificate of proceeds (e-PRC) of a payout that reached it: it stands on the
    /// remittance pack and on your certificate of earnings from then on.
    async fn payout_e_prc_attach(
        &self,
        ctx: &Context<'_>,
        input: PayoutEPrcAttachInput,
    ) -> Answer<PayoutEPrcAttachPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.payout_id.0, input.expected_version);
            ctx.market().payout_e_prc_attach(&call, id, expected, &input.number).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: what stopped a payout is nothing, and it goes on its way.
    async fn payout_unblock(&self, ctx: &Context<'_>, input: PayoutUnblockInput) -> Answer<PayoutUnblockPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_unblock(&call, input.payout_id.0, input.expected_version, &input.reason).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: a payout can't be made. Its money is in the available balance again.
    async fn payout_reject(&self, ctx: &Context<'_>, input: PayoutRejectInput) -> Answer<PayoutRejectPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_reject(&call, input.payout_id.0, input.expected_version, &input.reason).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: approve a payout that is sent by hand. It takes two different people, and nobody
    /// approves their own.
    async fn payout_approve(&self, ctx: &Context<'_>, input: PayoutApproveInput) -> Answer<PayoutApprovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().payout_approve(&call, input.payout_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: say what became of a payout that Stripe has not told of for a day, or that is on its way for a week.
    /// It takes two different people who say the same, each of whom proved who they are within 15 minutes; the first word
    /// is kept, and with the second the money moves. What rests in the person's own account at Stripe (`blockReason`) is
    /// not paid: it goes on by itself, or is `RETURNED`.
    async fn payout_settle(&self, ctx: &Context<'_>, input: PayoutSettleInput) -> Answer<PayoutSettlePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, expected) = (input.payout_id.0, input.expected_version);
            ctx.market().payout_settle(&call, id, expected, input.outcome.into(), &input.reason).await
        };
        answer(outcome.await.map(Payout))
    }
}
