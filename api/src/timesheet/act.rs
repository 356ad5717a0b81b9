//! What can be done to weeks: one mutation an act.

use async_graphql::{Context, InputObject, Object};
use chrono::NaiveDate;
use domain::dispute::Claim;
use domain::id::{ContractId, TimeEntryId, TimesheetId};
use domain::payment::PaymentMethod;
use infra::timesheet::WorkInput;
use serde::Serialize;

use super::{TimeEntry, Timesheet};
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::dispute::Dispute;
use crate::key::Key;
use crate::money::MoneyInput;
use crate::payment::Payment;
use crate::user_error::{Answer, Payload, UserError, answer, payload};

/// Work to write down.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimeEntryAddInput {
    /// The contract. The first entry of a week opens the week.
    pub contract_id: Key<ContractId>,
    /// The day, in UTC: of this week, or of the one before until that goes to the client (`submitsAt`).
    pub date: NaiveDate,
    /// How long, in minutes: 1 to 1,440.
    pub minutes: u32,
    /// What was done, 1 to 500 characters.
    pub note: String,
    /// Written by hand afterwards, rather than tracked? The client is shown which it is.
    #[graphql(default)]
    pub manual: bool,
    /// The version of the week you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The answer to `timeEntryAdd`.
#[derive(Debug, async_graphql::SimpleObject)]
pub struct TimeEntryAddPayload {
    /// The week, as it is now.
    pub timesheet: Option<Timesheet>,
    /// The new entry.
    pub time_entry: Option<TimeEntry>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for TimeEntryAddPayload {
    type Object = (Timesheet, TimeEntry);
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
        let (timesheet, time_entry) = object.unzip();
        Self { timesheet, time_entry, errors }
    }
}

/// Which entry to take back.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimeEntryRemoveInput {
    /// The week.
    pub timesheet_id: Key<TimesheetId>,
    /// The entry.
    pub time_entry_id: Key<TimeEntryId>,
    /// The version of the week you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `timeEntryRemove`.
    TimeEntryRemovePayload {
        /// The week, as it is now.
        timesheet: Timesheet
    }
}

/// Which week to hand in.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimesheetSubmitInput {
    /// The week.
    pub timesheet_id: Key<TimesheetId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `timesheetSubmit`.
    TimesheetSubmitPayload {
        /// The week, as it is now.
        timesheet: Timesheet
    }
}

/// Which week to approve.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimesheetApproveInput {
    /// The week.
    pub timesheet_id: Key<TimesheetId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `timesheetApprove`.
    TimesheetApprovePayload {
        /// The week, as it is now.
        timesheet: Timesheet
    }
}

/// What to dispute of a week.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimesheetDisputeInput {
    /// The week.
    pub timesheet_id: Key<TimesheetId>,
    /// The entries of it that you dispute.
    pub time_entry_ids: Vec<Key<TimeEntryId>>,
    /// Why, for the freelancer and the mediators to read, 1 to 5,000 characters.
    pub reason: String,
    /// How much less you want to pay for them; nothing at all for them if left out.
    pub amount: Option<MoneyInput>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The answer to `timesheetDispute`.
#[derive(Debug, async_graphql::SimpleObject)]
pub struct TimesheetDisputePayload {
    /// The rest of the week, which is approved.
    pub timesheet: Option<Timesheet>,
    /// The disputed entries, in a week of their own.
    pub disputed: Option<Timesheet>,
    /// The new dispute.
    pub dispute: Option<Dispute>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for TimesheetDisputePayload {
    type Object = (Dispute, (Timesheet, Timesheet));
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
        let (dispute, weeks) = object.unzip();
        let (timesheet, disputed) = weeks.unzip();
        Self { timesheet, disputed, dispute, errors }
    }
}

/// Which week to pay, and with what.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimesheetPayInput {
    /// The week, a charge of which failed.
    pub timesheet_id: Key<TimesheetId>,
    /// The processor's token of a card. Leave it out to try the contract's card again.
    pub payment_method: Option<String>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The answer to `timesheetPay`.
#[derive(Debug, async_graphql::SimpleObject)]
pub struct TimesheetPayPayload {
    /// The week, as it is now.
    pub timesheet: Option<Timesheet>,
    /// The payment to watch.
    pub payment: Option<Payment>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for TimesheetPayPayload {
    type Object = (Timesheet, Payment);
    fn of(object: Option<Self::Object>, errors: Vec<UserError>) -> Self {
        let (timesheet, payment) = object.unzip();
        Self { timesheet, payment, errors }
    }
}

/// Which week no longer to wait for.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct TimesheetWriteOffInput {
    /// The week, every charge of which failed.
    pub timesheet_id: Key<TimesheetId>,
    /// The version you saw; another one is refused.
    pub expected_version: Option<i64>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `timesheetWriteOff`.
    TimesheetWriteOffPayload {
        /// The week, as it is now.
        timesheet: Timesheet
    }
}

/// Which card to charge.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ContractPaymentMethodSetInput {
    /// The contract, by the hour.
    pub contract_id: Key<ContractId>,
    /// The processor's token of a card, never a card number.
    pub payment_method: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `contractPaymentMethodSet`.
    ContractPaymentMethodSetPayload {
        /// The contract, as it is now.
        contract: Contract
    }
}

/// What can be done to weeks.
#[derive(Debug, Default)]
pub struct TimesheetMutation;

#[Object]
impl TimesheetMutation {
    /// Write down some work on a contract by the hour. The week's limit is never passed.
    async fn time_entry_add(&self, ctx: &Context<'_>, input: TimeEntryAddInput) -> Answer<TimeEntryAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let TimeEntryAddInput { date, minutes, manual, .. } = input;
            let work = WorkInput { date, minutes, manual, note: input.note.clone() };
            ctx.market().time_entry_add(&call, input.contract_id.0, input.expected_version, work).await
        };
        answer(outcome.await.map(|(week, entry)| (Timesheet(week), TimeEntry(entry))))
    }

    /// Take an entry back, while the week is not with the client.
    async fn time_entry_remove(
        &self,
        ctx: &Context<'_>,
        input: TimeEntryRemoveInput,
    ) -> Answer<TimeEntryRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let (id, entry) = (input.timesheet_id.0, input.time_entry_id.0);
            ctx.market().time_entry_remove(&call, id, entry, input.expected_version).await
        };
        answer(outcome.await.map(Timesheet))
    }

    /// Hand in a week that is over. It goes to the client by itself (`submitsAt`), on Monday at noon, UTC, by the first
    /// policy.
    async fn timesheet_submit(&self, ctx: &Context<'_>, input: TimesheetSubmitInput) -> Answer<TimesheetSubmitPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().timesheet_submit(&call, input.timesheet_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Timesheet))
    }

    /// Accept a week. The contract's card is charged, and the money held (`paysAt`). Silence accepts it, too
    /// (`approvesAt`). By the first policy that is on Friday at 23:59, UTC, and the money held to the Wednesday after.
    async fn timesheet_approve(
        &self,
        ctx: &Context<'_>,
        input: TimesheetApproveInput,
    ) -> Answer<TimesheetApprovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().timesheet_approve(&call, input.timesheet_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Timesheet))
    }

    /// Dispute entries of a week. They go to a week of their own, which waits for the dispute, and the
    /// contract is on hold meanwhile; the rest is approved and charged. The freelancer has some
    /// business days to answer; silence concedes.
    async fn timesheet_dispute(
        &self,
        ctx: &Context<'_>,
        input: TimesheetDisputeInput,
    ) -> Answer<TimesheetDisputePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let listed: Vec<TimeEntryId> = input.time_entry_ids.iter().map(|key| key.0).collect();
            let amount = input.amount.as_ref().map(|typed| typed.parse("amount")).transpose()?;
            let claim = Claim { reason: input.reason.clone(), amount };
            let (id, expected) = (input.timesheet_id.0, input.expected_version);
            ctx.market().timesheet_dispute(&call, id, expected, &listed, claim).await
        };
        answer(outcome.await.map(|(dispute, (rest, apart))| (Dispute(dispute), (Timesheet(rest), Timesheet(apart)))))
    }

    /// Pay a week whose charge failed. The processor decides later: watch `payment` until it
    /// succeeded or failed.
    async fn timesheet_pay(&self, ctx: &Context<'_>, input: TimesheetPayInput) -> Answer<TimesheetPayPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let card = input.payment_method.as_deref().map(PaymentMethod::parse).transpose()?;
            ctx.market().timesheet_pay(&call, input.timesheet_id.0, input.expected_version, card).await
        };
        answer(outcome.await.map(|(week, payment)| (Timesheet(week), Payment(payment))))
    }

    /// No longer wait for the money of a week whose every charge failed, so that the contract can go on or end.
    /// What the client owes for it is not given up by this; only Rabta charges no more for it. After 60 days
    /// it happens by itself.
    async fn timesheet_write_off(
        &self,
        ctx: &Context<'_>,
        input: TimesheetWriteOffInput,
    ) -> Answer<TimesheetWriteOffPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().timesheet_write_off(&call, input.timesheet_id.0, input.expected_version).await
        };
        answer(outcome.await.map(Timesheet))
    }

    /// Name the card that the weeks of a contract by the hour are charged to from now on. A charge that
    /// failed before is not tried again at once: `timesheetPay` does that.
    async fn contract_payment_method_set(
        &self,
        ctx: &Context<'_>,
        input: ContractPaymentMethodSetInput,
    ) -> Answer<ContractPaymentMethodSetPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().contract_payment_method_set(&call, input.contract_id.0, &input.payment_method).await
        };
        answer(outcome.await.map(Contract))
    }
}
