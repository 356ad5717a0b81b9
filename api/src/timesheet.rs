//! Weeks of contracts by the hour: what was worked, and the way of its money.

mod act;

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::NaiveDate;
use domain::Timestamp;
use domain::access::Verb;
use domain::contract::Contract as Deal;
use domain::id::TimesheetId;
use domain::timesheet::TimesheetState;

use crate::act::{Act, acts};
use crate::connection::{Counted, connect, counted, named, page};
use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::dispute::Dispute;
use crate::key::Key;
use crate::loader::{PaymentOf, TimesheetEntries, TimesheetGrants, list, load};
use crate::money::Money;
use crate::outage::OutageGrant;
use crate::payment::{FeeQuote, Payment};
use crate::user::User;
use crate::user_error::top_level;

pub use act::TimesheetMutation;

/// A week.
#[derive(Debug, Clone)]
pub struct Timesheet(pub domain::timesheet::Timesheet);

/// A week of a contract by the hour, Monday to Sunday in UTC: written by the freelancer, looked at by
/// the client, charged, held, and paid, each when the terms of the contract say.
#[Object]
impl Timesheet {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The Monday it begins with.
    async fn week(&self) -> NaiveDate {
        self.0.week
    }

    /// Where it stands.
    async fn status(&self) -> TimesheetStatus {
        (&self.0.state).into()
    }

    /// Counts up with every change; send it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// What was worked, in the order it was written down.
    async fn entries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, TimeEntry>> {
        list(ctx, TimesheetEntries(self.0.id), page(first, after, last, before), TimeEntry).await
    }

    /// How long was worked, in minutes.
    async fn minutes(&self) -> u32 {
        self.0.minutes()
    }

    /// The most that may be worked in it, in minutes.
    async fn limit_minutes(&self) -> u32 {
        self.0.limit_minutes
    }

    /// What an hour is worth.
    async fn hourly_rate(&self) -> Money {
        self.0.hourly_rate.into()
    }

    /// What it is worth: the hours at the rate, rounded half up to the cent once for the whole week;
    /// or what a dispute found it to be worth.
    async fn amount(&self) -> async_graphql::Result<Money> {
        Ok(self.0.amount().map_err(|error| top_level(error.into()))?.into())
    }

    /// What each side pays and gets for it as it stands.
    async fn quote(&self) -> async_graphql::Result<FeeQuote> {
        Ok(self.0.quote().map_err(|error| top_level(error.into()))?.into())
    }

    /// Where its money is: funded = held + released + fee + refunded + charged back.
    async fn money(&self) -> async_graphql::Result<TimesheetMoney> {
        let parts = self.0.escrow.parts();
        let funded = self.0.escrow.funded().map_err(|error| top_level(error.into()))?;
        Ok(TimesheetMoney {
            funded: funded.into(),
            held: parts.held.into(),
            released: parts.released_net.into(),
            fee: parts.fee.into(),
            refunded: parts.refunded.into(),
            charged_back: parts.charged_back.into(),
        })
    }

    /// When it goes to the client by itself, while it is written.
    async fn submits_at(&self) -> Option<Timestamp> {
        matches!(self.0.state, TimesheetState::Open).then(|| self.0.submits_at())
    }

    /// When silence approves it, while the client looks at it.
    async fn approves_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            TimesheetState::Submitted { approves_at, .. } => Some(*approves_at),
            _ => None,
        }
    }

    /// Was it approved by the client's silence?
    async fn approved_by_silence(&self) -> bool {
        self.0.by_silence
    }

    /// When the client is charged, or charged again, while it waits for that.
    async fn charges_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            TimesheetState::Approved { charge_at, .. } => Some(*charge_at),
            _ => None,
        }
    }

    /// How many charges have failed, while it is not paid.
    async fn failed_charges(&self) -> u16 {
        match &self.0.state {
            TimesheetState::Approved { failures, .. } | TimesheetState::Charging { failures, .. } => *failures,
            TimesheetState::Unpaid { .. } => {
                u16::try_from(self.0.terms.charge_retry_days.len()).unwrap_or(u16::MAX).saturating_add(1)
            }
            _ => 0,
        }
    }

    /// When it is written off by itself, while it is not paid and can't be charged any more. Until then the client can
    /// still pay it by `timesheetPay`, and the freelancer write it off before that by `timesheetWriteOff`.
    async fn writes_off_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            TimesheetState::Unpaid { written_off_at, .. } => Some(*written_off_at),
            _ => None,
        }
    }

    /// When held money is paid.
    async fn pays_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            TimesheetState::Held { pays_at, .. } => Some(*pays_at),
            _ => None,
        }
    }

    /// Since when the freelancer has the money.
    async fn paid_at(&self) -> Option<Timestamp> {
        match &self.0.state {
            TimesheetState::Paid { paid_at } => Some(*paid_at),
            _ => None,
        }
    }

    /// By how many hours outages have moved its deadlines so far.
    async fn grace_hours(&self) -> u16 {
        self.0.grace_hours
    }

    /// The outages that gave it time, the latest declared first.
    async fn outage_grants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, OutageGrant>> {
        list(ctx, TimesheetGrants(self.0.id), page(first, after, last, before), OutageGrant).await
    }

    /// The week whose disputed entries it took over; null for a whole week.
    async fn split_from(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timesheet>> {
        let Some(id) = self.0.split_from else { return Ok(None) };
        Ok(load(ctx, id).await?.map(Timesheet))
    }

    /// The dispute over its entries, while one is on.
    async fn dispute(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Dispute>> {
        let TimesheetState::Disputed { dispute } = self.0.state else { return Ok(None) };
        Ok(load(ctx, dispute).await?.map(Dispute))
    }

    /// The last payment for it; only the client sees payments.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        Ok(load(ctx, PaymentOf::Timesheet(self.0.id)).await?.map(Payment))
    }

    /// The contract it belongs to.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        Ok(load(ctx, self.0.contract).await?.map(Contract))
    }

    /// What you can do to it now, by the names of the mutations. Whether work can still be added
    /// depends on the contract too: ask its `viewerCanAddTime`.
    async fn allowed(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Act>> {
        Ok(acts(&self.can(ctx).await?))
    }

    /// Can you take entries back now?
    async fn viewer_can_remove_entries(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::TimeEntryRemove)
    }

    /// Can you approve it now?
    async fn viewer_can_approve(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::TimesheetApprove)
    }

    /// Can you dispute entries of it now?
    async fn viewer_can_dispute(&self, ctx: &Context<'_>) -> bool {
        self.0.allowed(&ctx.actor()).contains(&Verb::TimesheetDispute)
    }

    /// Can you pay it now, because a charge failed?
    async fn viewer_can_pay(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.can(ctx).await?.contains(&Verb::TimesheetPay))
    }
}

impl Timesheet {
    /// What the viewer can do to it now: its contract may stand against it.
    async fn can(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Verb>> {
        let (week, actor) = (&self.0, ctx.actor());
        let allowed = week.allowed(&actor);
        if !allowed.iter().copied().any(Deal::has_a_say_in) {
            return Ok(allowed);
        }
        let contract = load(ctx, week.contract).await?;
        Ok(contract.map(|contract| contract.allowed_on_week(week, &actor)).unwrap_or(allowed))
    }
}

/// Some minutes of work.
#[derive(Debug, Clone)]
pub struct TimeEntry(pub domain::timesheet::TimeEntry);

/// Some minutes of work on a day. Once the week is with the client it stands as it was written.
#[Object]
impl TimeEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The day, in UTC.
    async fn date(&self) -> NaiveDate {
        self.0.date
    }

    /// How long, in minutes.
    async fn minutes(&self) -> u32 {
        self.0.minutes
    }

    /// What was done.
    async fn note(&self) -> &str {
        &self.0.note
    }

    /// Was it written by hand afterwards, rather than tracked?
    async fn manual(&self) -> bool {
        self.0.manual
    }
}

/// Where the money of a week is.
#[derive(Debug, Clone, SimpleObject)]
pub struct TimesheetMoney {
    /// All that was put in.
    pub funded: Money,
    /// In escrow now.
    pub held: Money,
    /// Gone to the freelancer, after the fee.
    pub released: Money,
    /// Gone to us out of what was released.
    pub fee: Money,
    /// Gone back to the client.
    pub refunded: Money,
    /// Taken back by the client's bank.
    pub charged_back: Money,
}

/// A card that weeks of a contract are charged to.
#[derive(Debug, Clone)]
pub struct ContractPaymentMethod(pub infra::timesheet::ContractCard);

/// A card that weeks of a contract are charged to, from when it was named until the next one is.
#[Object]
impl ContractPaymentMethod {
    /// The processor's token of the card.
    async fn token(&self) -> &str {
        self.0.method.as_str()
    }

    /// Who named it.
    async fn set_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, self.0.set_by).await?.map(User))
    }

    /// When.
    async fn set_at(&self) -> Timestamp {
        self.0.set_at
    }
}

/// Where a week stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TimesheetStatus {
    /// The freelancer writes it.
    Open,
    /// The client looks at it.
    Submitted,
    /// Its entries are in dispute.
    Disputed,
    /// Accepted, and to be charged; or to be charged again after a charge that failed.
    Approved,
    /// The processor was asked for the money.
    Charging,
    /// Every charge failed: it waits for the client, and the contract is on hold.
    Unpaid,
    /// Charged, and held until `paysAt`.
    Held,
    /// The freelancer has the money.
    Paid,
    /// There is nothing to pay.
    Void,
    /// The client's bank took the money back.
    ChargedBack,
}

impl From<&TimesheetState> for TimesheetStatus {
    fn from(state: &TimesheetState) -> Self {
        match state {
            TimesheetState::Open => Self::Open,
            TimesheetState::Submitted { .. } => Self::Submitted,
            TimesheetState::Disputed { .. } => Self::Disputed,
            TimesheetState::Approved { .. } => Self::Approved,
            TimesheetState::Charging { .. } => Self::Charging,
            TimesheetState::Unpaid { .. } => Self::Unpaid,
            TimesheetState::Held { .. } => Self::Held,
            TimesheetState::Paid { .. } => Self::Paid,
            TimesheetState::Void => Self::Void,
            TimesheetState::ChargedBack { .. } => Self::ChargedBack,
        }
    }
}

/// What the signed-in person has worked by the hour.
#[derive(Debug)]
pub struct TimesheetViewer;

#[Object]
impl TimesheetViewer {
    /// The weeks you worked by the hour, newest first.
    async fn timesheets(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those in one of these states; in any unless said. Cursors of some states are none of others."
        )]
        states: Option<Vec<TimesheetStatus>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Timesheet>> {
        connect(
            ctx.market()
                .timesheets_of_viewer(&ctx.call(), &counted(ctx, first, after, last, before).of_states(named(states)))
                .await,
            Timesheet,
        )
    }
}

/// Looking at weeks.
#[derive(Debug, Default)]
pub struct TimesheetQuery;

#[Object]
impl TimesheetQuery {
    /// The week with this id, if you are a party to its contract.
    async fn timesheet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the week.")] id: Key<TimesheetId>,
    ) -> async_graphql::Result<Option<Timesheet>> {
        Ok(load(ctx, id.0).await?.map(Timesheet))
    }
}
