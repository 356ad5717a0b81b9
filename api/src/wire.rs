//! Wires: payouts that go by our own bank, for our people.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::NaiveDate;
use domain::Timestamp;
use domain::id::{PayoutId, WireBatchId};
use domain::wire::{BankCalendar as Calendar, BankHoliday as Holiday, WireOutcome as Outcome};
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::loader::load;
use crate::money::Money;
use crate::payout::Payout;
use crate::user::User;
use crate::user_error::{Answer, answer, payload, top_level};

/// A file for the bank.
#[derive(Debug, Clone)]
pub struct WireBatch(pub infra::wire::WireBatch);

/// A file of payouts for our bank. Only admins see it.
#[Object]
impl WireBatch {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it was made.
    async fn made_at(&self) -> Timestamp {
        self.0.made_at
    }

    /// By whom.
    async fn made_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.made_by).await?.map(User))
    }

    /// The day the bank can act on it, like `2026-06-01`: one on which banks work in both countries.
    async fn value_date(&self) -> String {
        self.0.value_date.to_string()
    }

    /// How many payouts are in it.
    async fn lines(&self) -> i32 {
        self.0.lines
    }

    /// What they add up to.
    async fn total(&self) -> Money {
        self.0.total.into()
    }

    /// When the file was first taken, and may have been given to the bank. Until then a payout can be taken out of it.
    async fn taken_at(&self) -> Option<Timestamp> {
        self.0.taken_at
    }

    /// Who has taken the file, to give it to the bank.
    async fn taken_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        match self.0.taken_by {
            Some(user) => Ok(load(ctx, user).await?.map(User)),
            None => Ok(None),
        }
    }

    /// Where the file is for whoever has taken it with `wireFileTake`, to be fetched with their access token as
    /// `Authorization: Bearer`, as often as needed. It holds whole account and identity numbers.
    async fn path(&self) -> String {
        format!("/papers/wires/{}.csv", self.0.id)
    }
}

/// What became of a payout that went by our bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::wire::WireOutcome")]
pub enum WireOutcome {
    /// The bank there has it.
    Paid,
    /// It came back.
    Returned,
}

/// Make a file of what waits.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WireBatchMakeInput {
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which file is taken.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WireFileTakeInput {
    /// The file.
    pub wire_batch_id: Key<WireBatchId>,
    /// Take it over from another of our people, who has not given it to the bank.
    #[graphql(default)]
    pub take_over: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which payout is taken, to be sent by hand.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WireSlipTakeInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// Take it over from another of our people, who has not sent it.
    #[graphql(default)]
    pub take_over: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A country whose banks take part in a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "domain::wire::Country")]
pub enum BankCountry {
    /// The United States.
    UnitedStates,
    /// Pakistan.
    Pakistan,
}

/// A day on which the banks of a country don't work.
#[derive(Debug, Clone, SimpleObject)]
pub struct BankHoliday {
    /// Where.
    country: BankCountry,
    /// When.
    day: NaiveDate,
    /// What it is called.
    name: String,
}

impl From<Holiday> for BankHoliday {
    fn from(holiday: Holiday) -> Self {
        Self { country: holiday.country.into(), day: holiday.day, name: holiday.name }
    }
}

/// A day on which the banks of a country don't work.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct BankHolidayAddInput {
    /// Where.
    pub country: BankCountry,
    /// When: a day to come, within three years.
    pub day: NaiveDate,
    /// What it is called, 1 to 80 characters.
    pub name: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Which day is none on which the banks of a country don't work.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct BankHolidayRemoveInput {
    /// Where.
    pub country: BankCountry,
    /// When: a day to come.
    pub day: NaiveDate,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Until when the days on which the banks of a country don't work are all noted.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct BankCalendarExtendInput {
    /// Where.
    pub country: BankCountry,
    /// The last day, within three years.
    pub known_until: NaiveDate,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Until when the days on which the banks of a country don't work are all noted.
#[derive(Debug, Clone, SimpleObject)]
pub struct BankCalendar {
    /// Where.
    country: BankCountry,
    /// The last day.
    known_until: NaiveDate,
}

impl From<Calendar> for BankCalendar {
    fn from(calendar: Calendar) -> Self {
        Self { country: calendar.country.into(), known_until: calendar.known_until }
    }
}

/// What became of a payout.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct WireSettleInput {
    /// The payout.
    pub payout_id: Key<PayoutId>,
    /// What became of it. That what our bank may have came back is said by two of our people; until then it is on its way.
    pub outcome: WireOutcome,
    /// Why it came back, 1 to 500 characters; the person is told.
    pub reason: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `wireBatchMake`.
    WireBatchMakePayload {
        /// The file.
        wire_batch: WireBatch
    }
}
payload! {
    /// The answer to `wireFileTake`.
    WireFileTakePayload {
        /// The file, which is yours to give to the bank.
        wire_batch: WireBatch
    }
}
payload! {
    /// The answer to `wireSlipTake`.
    WireSlipTakePayload {
        /// The payout, which is yours to send.
        payout: Payout
    }
}
payload! {
    /// The answer to `wireSettle`.
    WireSettlePayload {
        /// The payout, as it is now.
        payout: Payout
    }
}

payload! {
    /// The answer to `bankHolidayAdd`.
    BankHolidayAddPayload {
        /// The day.
        bank_holiday: BankHoliday
    }
}

payload! {
    /// The answer to `bankHolidayRemove`.
    BankHolidayRemovePayload {
        /// The day, as it had been noted.
        bank_holiday: BankHoliday
    }
}
payload! {
    /// The answer to `bankCalendarExtend`.
    BankCalendarExtendPayload {
        /// Until when.
        bank_calendar: BankCalendar
    }
}

/// Looking at wires.
#[derive(Debug, Default)]
pub struct WireQuery;

#[Object]
impl WireQuery {
    /// The files of payouts that were made for our bank, newest first. Only admins see them.
    async fn wire_batches(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Option<Connection<String, WireBatch>>> {
        connect(ctx.market().wire_batches(&ctx.call(), &page(first, after, last, before)).await, WireBatch).map(Some)
    }

    /// Until when the days on which banks don't work are all noted, for each country. Only admins see it.
    async fn bank_calendars(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vec<BankCalendar>>> {
        let known = ctx.market().bank_calendars(&ctx.call()).await.map_err(top_level)?;
        Ok(Some(known.into_iter().map(BankCalendar::from).collect()))
    }

    /// The days from today on that are noted as such on which banks don't work, of both countries, the next first. Only
    /// admins see them.
    async fn bank_holidays(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vec<BankHoliday>>> {
        let noted = ctx.market().bank_holidays_to_come(&ctx.call()).await.map_err(top_level)?;
        Ok(Some(noted.into_iter().map(BankHoliday::from).collect()))
    }
}

/// What can be done about wires.
#[derive(Debug, Default)]
pub struct WireMutation;

#[Object]
impl WireMutation {
    /// For admins: put the payouts that wait for a wire into a file for the bank, 500 at most. Nobody puts their own
    /// into one. A payout of somebody who is suspended by now, or whose name is on a list, is left out: it waits in the
    /// `payoutQueue`.
    async fn wire_batch_make(&self, ctx: &Context<'_>, input: WireBatchMakeInput) -> Answer<WireBatchMakePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().wire_batch_make(&call).await
        };
        answer(outcome.await.map(WireBatch))
    }

    /// For admins: take a file, to give it to the bank. From then on no payout is taken out of it, and its `path` answers
    /// you. One of our people has it at a time, as the audit log notes, so that the bank is given it once: another takes
    /// it over.
    async fn wire_file_take(&self, ctx: &Context<'_>, input: WireFileTakeInput) -> Answer<WireFileTakePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().wire_file_take(&call, input.wire_batch_id.0, input.take_over).await
        };
        answer(outcome.await.map(WireBatch))
    }

    /// For admins: take what it takes to send a payout by hand, and send it. From then on the payout's `wireSlipPath`
    /// answers you. One of our people has it at a time, as the audit log notes, so that it is sent once: another takes it
    /// over.
    async fn wire_slip_take(&self, ctx: &Context<'_>, input: WireSlipTakeInput) -> Answer<WireSlipTakePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().wire_slip_take(&call, input.payout_id.0, input.take_over).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: say what became of a payout that went by our bank, in a file or by hand. One that is in no file yet,
    /// or in one that nobody has taken, can be taken back as `RETURNED`. That one came back after it was `PAID` is said
    /// by another admin than who said that, who proved who they are within 15 minutes, within 30 days.
    async fn wire_settle(&self, ctx: &Context<'_>, input: WireSettleInput) -> Answer<WireSettlePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let outcome = Outcome::from(input.outcome);
            ctx.market().wire_settle(&call, input.payout_id.0, outcome, input.reason.as_deref()).await
        };
        answer(outcome.await.map(Payout))
    }

    /// For admins: note a day on which the banks of a country don't work, as those that hang on the moon are announced.
    /// Files for the bank count with it from then on.
    async fn bank_holiday_add(&self, ctx: &Context<'_>, input: BankHolidayAddInput) -> Answer<BankHolidayAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().bank_holiday_add(&call, input.country.into(), input.day, &input.name).await
        };
        answer(outcome.await.map(BankHoliday::from))
    }

    /// For admins: a day to come is none on which the banks of a country don't work, after all.
    async fn bank_holiday_remove(
        &self,
        ctx: &Context<'_>,
        input: BankHolidayRemoveInput,
    ) -> Answer<BankHolidayRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().bank_holiday_remove(&call, input.country.into(), input.day).await
        };
        answer(outcome.await.map(BankHoliday::from))
    }

    /// For admins: say until when the days on which the banks of a country don't work are all noted. Files for the bank
    /// are made as long as that is 60 days ahead.
    async fn bank_calendar_extend(
        &self,
        ctx: &Context<'_>,
        input: BankCalendarExtendInput,
    ) -> Answer<BankCalendarExtendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().bank_calendar_extend(&call, input.country.into(), input.known_until).await
        };
        answer(outcome.await.map(BankCalendar::from))
    }
}
