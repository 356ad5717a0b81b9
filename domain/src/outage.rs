//! Outages: when the power or the network of a region is down, the deadlines of its people move.
//!
//! One of our people declares where and from when until when. Whoever has to make the next move on
//! a milestone, a week of hours or an open offer, and is there, gets as many hours more as the outage took from
//! their time: from its beginning, or from when their clock began to run, until its end. Time that a clock was
//! given already by another outage is not given twice, and no milestone, week or offer gets more than its
//! terms allow. What was given is never taken back, even if the outage ends early.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::dispute::{Case, CaseId, Dispute, DisputeState};
use crate::event::Event;
use crate::id::OutageId;
use crate::milestone::{Side, State};
use crate::offer::{self, Offer};
use crate::refusal::{Invalid, Refusal};
use crate::timer::Timer;
use crate::timesheet::{Timesheet, TimesheetState};
use crate::user::TimeZone;

/// The longest outage, and how far from now its ends may lie, in days.
pub const LONGEST_DAYS: i64 = 30;
/// The zones of one outage, at most.
pub const ZONES_MAX: usize = 20;

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// From here on.
    pub from: Timestamp,
    /// Until here.
    pub until: Timestamp,
}

/// Something that is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The id.
    pub id: OutageId,
    /// Where: people whose clock is in one of these zones are affected.
    pub zones: Vec<TimeZone>,
    /// When. Its end moves to the front when it is ended early.
    pub span: Span,
    /// What is down; everybody reads it.
    pub note: String,
    /// When it was called off before it began, or ended before it was to end.
    pub ended_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
    /// When it was declared.
    pub declared_at: Timestamp,
}

/// Where an outage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has not begun.
    Planned,
    /// It goes on.
    Ongoing,
    /// It is over.
    Over,
    /// It was called off before it began.
    Withdrawn,
}

/// What one of our people says of an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageDraft {
    /// IANA names of the zones.
    pub zones: Vec<String>,
    /// When.
    pub span: Span,
    /// What is down.
    pub note: String,
}

/// Where the two sides of a milestone or a week are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The zone of the freelancer's profile, or else of the person.
    pub freelancer: TimeZone,
    /// The zone of the owner of the client's organization.
    pub client: TimeZone,
}

/// What an outage gives to a milestone or a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// By which outage.
    pub outage: OutageId,
    /// To what.
    pub of: CaseId,
    /// So many hours.
    pub hours: u16,
    /// For this time.
    pub span: Span,
    /// When the clock began to run that it moves; none if that was not written down, and then it is any.
    pub since: Option<Timestamp>,
    /// When it was given.
    pub granted_at: Timestamp,
}

impl Span {
    /// How long it is; nothing if its ends are the wrong way round.
    pub fn length(self) -> TimeDelta {
        (self.until - self.from).max(TimeDelta::zero())
    }

    /// How long all of these are; no two of them overlap.
    pub(crate) fn together(all: &[Self]) -> TimeDelta {
        all.iter().map(|span| span.length()).sum()
    }

    /// It goes with those before it, of which the last may reach into it.
    pub(crate) fn joins(self, before: &mut Vec<Self>) {
        match before.last_mut() {
            Some(last) if last.until >= self.from => last.until = last.until.max(self.until),
            Some(_) | None if self.from < self.until => before.push(self),
            Some(_) | None => (),
        }
    }

    /// How much of it none of `others` covers.
    pub fn outside(self, others: &[Self]) -> TimeDelta {
        let mut covered: Vec<Self> = others
            .iter()
            .map(|other| Self { from: other.from.max(self.from), until: other.until.min(self.until) })
            .filter(|part| part.from < part.until)
            .collect();
        covered.sort_by_key(|part| part.from);
        let mut left = TimeDelta::zero();
        let mut reached = self.from;
        for part in covered {
            left += (part.from - reached).max(TimeDelta::zero());
            reached = reached.max(part.until);
        }
        left + (self.until - reached).max(TimeDelta::zero())
    }
}

impl Outage {
    /// One of our people declares an outage. It takes effect when it begins.
    pub fn declare(actor: &Actor, now: Timestamp, id: OutageId, draft: OutageDraft) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OutageDeclare, &Subject::OURS)?;
        let mut invalid = Invalid::default();
        if !(1..=ZONES_MAX).contains(&draft.zones.len()) {
            invalid.add("zones", "OUT_OF_RANGE", format!("1 to {ZONES_MAX} zones are named"));
        }
        let named = draft.zones.iter().take(ZONES_MAX).enumerate();
        let zones: Vec<TimeZone> =
            named.map(|(place, name)| TimeZone::parse(&mut invalid, &format!("zones.{place}"), name)).collect();
        if zones.iter().map(|zone| zone.0.name()).collect::<BTreeSet<_>>().len() < zones.len() {
            invalid.add("zones", "DUPLICATE", "each zone is named once");
        }
        let note = invalid.text("note", &draft.note, 1..=500);
        let Span { from, until } = draft.span;
        let longest = TimeDelta::days(LONGEST_DAYS);
        if (from - now).abs() > longest {
            invalid.add("from", "OUT_OF_RANGE", format!("must be within {LONGEST_DAYS} days of now"));
        }
        if until <= from || until - from > longest {
            invalid.add(
                "until",
                "OUT_OF_RANGE",
                format!("must be after the beginning, by at most {LONGEST_DAYS} days"),
            );
        }
        invalid.finish()?;
        let outage = Self { id, zones, span: draft.span, note, ended_at: None, version: 1, declared_at: now };
        let begins = from.max(now);
        Ok(Change::to(outage).telling(Event::OutageDeclared { outage: id }).timing(Timer::ApplyOutage(id), begins))
    }

    /// It is over, earlier than declared; one that has not begun is called off. What was given stays
    /// given.
    pub fn end(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::OutageEnd, &Subject::OURS)?;
        if self.ended_at.is_some() || now >= self.span.until {
            return Ok(Change::none(self));
        }
        let span = Span { until: now.max(self.span.from), ..self.span };
        let outage = self.id;
        let next = Self { span, ended_at: Some(now), version: self.version + 1, ..self };
        // Clocks that began to run in it have not been looked at yet.
        let change = Change::to(next).telling(Event::OutageEnded { outage });
        if now < span.from {
            Ok(change.stopping(Timer::ApplyOutage(outage)))
        } else {
            Ok(change.timing(Timer::ApplyOutage(outage), now))
        }
    }

    /// Everybody who is affected now has their grant. At its end it is looked for those whose clock
    /// began to run in it; and a worker who came before it began comes again when it does.
    pub fn applied(self, now: Timestamp) -> Change<Self> {
        let (outage, Span { from, until }) = (self.id, self.span);
        let again = [from, until].into_iter().find(|at| now < *at).filter(|_| self.ended_at.is_none());
        let change = Change::none(self);
        match again {
            Some(at) => change.timing(Timer::ApplyOutage(outage), at),
            None => change,
        }
    }

    /// Where it stands.
    pub fn status(&self, now: Timestamp) -> Status {
        match (self.ended_at, self.span) {
            (Some(ended_at), span) if ended_at < span.from => Status::Withdrawn,
            (Some(_), _) => Status::Over,
            (None, span) if now < span.from => Status::Planned,
            (None, span) if now < span.until => Status::Ongoing,
            (None, _) => Status::Over,
        }
    }

    /// What it gives to a milestone or a week (or to the `dispute` over it) whose sides are at `places`,
    /// and that was given what is in `before` already; nothing if nobody who has to move is affected. Each clock is given
    /// the time of an outage once: one that begins to run when another one was stopped is given what is left of it.
    pub fn grant(
        &self,
        now: Timestamp,
        case: &Case,
        dispute: Option<&Dispute>,
        places: &Places,
        before: &[Grant],
    ) -> Option<Grant> {
        // Before it begins it may still be called off; and no deadline runs before there is a contract.
        if matches!(self.status(now), Status::Planned | Status::Withdrawn) {
            return None;
        }
        let (since, stood_still, sides) = match case {
            Case::Milestone(milestone) if milestone.contract.is_none() => return None,
            Case::Milestone(milestone) => waits(&milestone.state, dispute)?,
            Case::Timesheet(week) => week_waits(week, dispute)?,
        };
        let here = |side: &Side| match side {
            Side::Freelancer => self.zones.contains(&places.freelancer),
            Side::Client => self.zones.contains(&places.client),
        };
        if !sides.iter().any(here) {
            return None;
        }
        let of_it = before.iter().filter(|grant| grant.since.is_none_or(|of| of == since));
        if of_it.clone().any(|grant| grant.outage == self.id) {
            return None;
        }
        // Nor did it lose what it had not, since it stood still.
        let given: Vec<Span> = of_it.map(|grant| grant.span).chain(stood_still.iter().copied()).collect();
        let (span, hours) = self.took_since(since, &given);
        let hours = hours.min(case.grace_left());
        (hours > 0).then_some(Grant {
            outage: self.id,
            of: case.id(),
            hours,
            span,
            since: Some(since),
            granted_at: now,
        })
    }

    /// What it gives to whoever an open offer waits for, whose sides are at `places`: by the same rule, and no more
    /// than the terms allow.
    pub fn grant_to_offer(&self, now: Timestamp, offer: &Offer, places: &Places) -> Option<offer::Grace> {
        if matches!(self.status(now), Status::Planned | Status::Withdrawn) {
            return None;
        }
        let (since, side, before) = offer.waits()?;
        let place = match side {
            Side::Freelancer => &places.freelancer,
            Side::Client => &places.client,
        };
        if !self.zones.contains(place) || before.iter().any(|grace| grace.outage == self.id) {
            return None;
        }
        let given: Vec<Span> = before.iter().map(|grace| grace.span).collect();
        let (span, hours) = self.took_since(since, &given);
        let hours = hours.min(offer.grace_left());
        (hours > 0).then_some(offer::Grace { outage: self.id, hours, span })
    }

    /// The time that it took from a clock that runs since an instant, and how many hours of that were not given
    /// already.
    fn took_since(&self, since: Timestamp, given: &[Span]) -> (Span, u16) {
        let span = Span { from: self.span.from.max(since), until: self.span.until };
        let lost = if span.from < span.until { span.outside(given) } else { TimeDelta::zero() };
        // Begun hours count whole: grace is meant to be generous.
        let hours = (lost + TimeDelta::hours(1) - TimeDelta::microseconds(1)).num_hours();
        (span, u16::try_from(hours).unwrap_or(u16::MAX))
    }
}

/// A deadline that runs: since when, which it is known by, when it stood still meanwhile, and whose move it is.
type Runs<'a> = (Timestamp, &'a [Span], &'static [Side]);

/// The deadline of a milestone, or of the dispute over it.
fn waits<'a>(state: &'a State, dispute: Option<&Dispute>) -> Option<Runs<'a>> {
    match state {
        State::Disputed { since, .. } => Some((*since, &[], dispute_waits(dispute?)?)),
        State::Submitted { submitted_at, stood_still, .. } => Some((*submitted_at, stood_still, &[Side::Client])),
        State::RefundRequested { requested_at, stood_still, .. } => {
            Some((*requested_at, stood_still, &[Side::Freelancer]))
        }
        State::Dormant { since, stood_still, .. } => Some((*since, stood_still, &[Side::Freelancer, Side::Client])),
        // Nobody's deadline runs: money is on its way, silence decides only after months, or it is over.
        State::Proposed { .. }
        | State::Agreed { .. }
        | State::Funding { .. }
        | State::Funded { .. }
        | State::ChangesRequested { .. }
        | State::Approved { .. }
        | State::Released { .. }
        | State::Refunded { .. }
        | State::Split { .. }
        | State::RefundedAfter { .. }
        | State::ChargedBack { .. }
        | State::Cancelled { .. } => None,
    }
}

/// The deadline of a week, or of the dispute over it.
fn week_waits(week: &Timesheet, dispute: Option<&Dispute>) -> Option<Runs<'static>> {
    match &week.state {
        TimesheetState::Open => Some((week.begins_at(), &[], &[Side::Freelancer])),
        TimesheetState::Submitted { submitted_at, .. } => Some((*submitted_at, &[], &[Side::Client])),
        TimesheetState::Disputed { .. } => {
            let dispute = dispute?;
            Some((dispute.opened_at, &[], dispute_waits(dispute)?))
        }
        // The card is to be charged, or it is over.
        TimesheetState::Approved { .. }
        | TimesheetState::Charging { .. }
        | TimesheetState::Unpaid { .. }
        | TimesheetState::Held { .. }
        | TimesheetState::Paid { .. }
        | TimesheetState::Void
        | TimesheetState::ChargedBack { .. } => None,
    }
}

/// Whose move it is in a dispute, where silence decides.
fn dispute_waits(dispute: &Dispute) -> Option<&'static [Side]> {
    match (&dispute.state, dispute.claimant) {
        (DisputeState::Opened { .. }, Side::Client) => Some(&[Side::Freelancer]),
        (DisputeState::Opened { .. }, Side::Freelancer) => Some(&[Side::Client]),
        (DisputeState::Recommended { .. } | DisputeState::Arbitration { .. }, _) => {
            Some(&[Side::Freelancer, Side::Client])
        }
        // It waits for us, or is over.
        (
            DisputeState::Answered { .. }
            | DisputeState::Negotiating { .. }
            | DisputeState::Hearing { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. },
            _,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::change::TimerChange;
    use crate::dispute::{Both, CaseId, Recommendation};
    use crate::escrow::Escrow;
    use crate::id::{Id, UserId};
    use crate::milestone::{Kind, Milestone};
    use crate::money::{Currency, Money};
    use crate::policy::Terms;
    use crate::timesheet::{Hourly, TimeEntry};

    fn id() -> crate::id::PaymentId {
        Id::from_uuid(Uuid::from_u128(5))
    }

    /// An instant so many hours after a Monday.
    fn at(hours: i64) -> Timestamp {
        "2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::hours(hours)
    }

    fn span(from: i64, until: i64) -> Span {
        Span { from: at(from), until: at(until) }
    }

    fn person(staff: Option<Staff>) -> Actor {
        let user = UserId::from_uuid(Uuid::from_u128(9));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
    }

    fn draft(from: i64, until: i64) -> OutageDraft {
        OutageDraft {
            zones: vec!["Asia/Karachi".to_owned()],
            span: span(from, until),
            note: "A cable is cut".to_owned(),
        }
    }

    fn declared(from: i64, until: i64) -> Outage {
        let id = OutageId::from_uuid(Uuid::from_u128(4));
        Outage::declare(&person(Some(Staff::Admin)), at(0), id, draft(from, until)).unwrap().next
    }

    fn milestone(state: State) -> Milestone {
        let uuid = Uuid::from_u128(1);
        Milestone {
            id: Id::from_uuid(uuid),
            contract: Some(Id::from_uuid(uuid)),
            offer: None,
            client: Id::from_uuid(uuid),
            freelancer: Id::from_uuid(uuid),
            terms: Terms::default(),
            kind: Kind::Work,
            title: "All of it".to_owned(),
            description: String::new(),
            due: None,
            amount: Money::usd(10_000).unwrap(),
            version: 1,
            state,
            escrow: Escrow::empty(Currency::Usd),
            hold_days: None,
            holds: vec![],
            submissions: 0,
            rounds: 0,
            grace_hours: 0,
            payments: vec![],
            sources: crate::milestone::Sources::default(),
            chargebacks: vec![],
            early_chargebacks: vec![],
        }
    }

    fn funded(since: i64) -> Milestone {
        milestone(State::Funded { idle_since: at(since), notices: 0 })
    }

    fn asked(since: i64) -> Milestone {
        milestone(State::RefundRequested {
            amount: Money::usd(10_000).unwrap(),
            requested_at: at(since),
            resolves_at: at(since + 168),
            stood_still: vec![],
            resume: Box::new(funded(0).state),
        })
    }

    /// What another outage gave to a clock.
    fn given(span: Span, since: Option<i64>) -> Grant {
        let outage = OutageId::from_uuid(Uuid::from_u128(6));
        Grant { outage, of: CaseId::Milestone(asked(0).id), hours: 1, span, since: since.map(at), granted_at: at(0) }
    }

    fn submitted(at_hour: i64) -> Milestone {
        let submission = Id::from_uuid(Uuid::from_u128(1));
        milestone(State::Submitted {
            submission,
            submitted_at: at(at_hour),
            approves_at: at(at_hour + 336),
            notices: 0,
            stood_still: vec![],
        })
    }

    fn places(freelancer: &str, client: &str) -> Places {
        Places { freelancer: freelancer.parse().unwrap(), client: client.parse().unwrap() }
    }

    fn apart() -> Places {
        places("Asia/Karachi", "America/New_York")
    }

    fn hours(outage: &Outage, milestone: &Milestone, places: &Places, before: &[Grant]) -> u16 {
        let case = Case::Milestone(milestone.clone());
        outage.grant(outage.span.from, &case, None, places, before).map_or(0, |grant| grant.hours)
    }

    /// The week that begins at hour 0, with an hour of work; it closes at hour 180.
    fn week() -> Timesheet {
        let uuid = Uuid::from_u128(1);
        let hourly = Hourly {
            contract: Id::from_uuid(uuid),
            client: Id::from_uuid(uuid),
            freelancer: Id::from_uuid(uuid),
            terms: Terms::default(),
            hourly_rate: Money::usd(2_500).unwrap(),
            limit_minutes: None,
        };
        let entry = TimeEntry {
            id: Id::from_uuid(uuid),
            date: at(0).date_naive(),
            minutes: 60,
            note: "Work".to_owned(),
            manual: false,
        };
        let freelancer = Actor::Person(Person {
            user: Id::from_uuid(uuid),
            suspended: false,
            second_factor: true,
            staff: None,
            memberships: vec![],
        });
        Timesheet::open(Id::from_uuid(uuid), hourly, at(0))
            .next
            .add_entry(&freelancer, at(1), None, entry)
            .unwrap()
            .next
    }

    #[test]
    fn only_an_admin_declares_and_all_that_is_wrong_is_told_at_once() {
        let id = OutageId::from_uuid(Uuid::from_u128(4));
        let declare = |actor: &Actor| Outage::declare(actor, at(0), id, draft(0, 10)).map(|change| change.timers);
        assert_eq!(declare(&person(Some(Staff::Admin))), Ok(vec![TimerChange::Set(Timer::ApplyOutage(id), at(0))]));
        assert_eq!(declare(&person(Some(Staff::Mediator))), Err(Denied::Hidden.into()));
        assert_eq!(declare(&person(None)), Err(Denied::Hidden.into()));
        let bad = OutageDraft {
            zones: vec!["Asia/Karachi".to_owned(), "Mars/Olympus".to_owned(), "Asia/Karachi".to_owned()],
            span: span(31 * 24, 31 * 24),
            note: String::new(),
        };
        let Err(Refusal::Invalid { fields }) = Outage::declare(&person(Some(Staff::Admin)), at(0), id, bad) else {
            panic!("it was taken")
        };
        let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["zones.1", "zones", "note", "from", "until"]);
        for (from, until, ok) in
            [(-720, -1, true), (-721, -1, false), (720, 721, true), (0, 720, true), (0, 721, false)]
        {
            let declared = Outage::declare(&person(Some(Staff::Admin)), at(0), id, draft(from, until));
            assert_eq!(declared.is_ok(), ok, "{from} {until}");
        }
    }

    #[test]
    fn whoever_has_to_move_gets_the_time_the_outage_took() {
        let outage = declared(10, 34);
        let here = places("Asia/Karachi", "Asia/Karachi");
        let elsewhere = places("Asia/Dhaka", "America/New_York");
        let client_here = places("Asia/Dhaka", "Asia/Karachi");
        for (milestone, places, expected) in [
            (asked(0), apart(), 24),
            (asked(0), elsewhere, 0),
            (asked(0), client_here, 0),
            (asked(20), apart(), 14),
            (asked(34), apart(), 0),
            (funded(0), here, 0),
            (submitted(0), apart(), 0),
            (submitted(0), client_here, 24),
            (submitted(0), here, 24),
            (milestone(State::Dormant { since: at(0), refunds_at: at(336), stood_still: vec![] }), client_here, 24),
            (milestone(State::Dormant { since: at(0), refunds_at: at(336), stood_still: vec![] }), apart(), 24),
            (milestone(State::Released { released_at: at(0) }), here, 0),
            (milestone(State::Agreed { last_attempt: None, idle: None }), here, 0),
        ] {
            assert_eq!(hours(&outage, &milestone, &places, &[]), expected, "{:?} {places:?}", milestone.state);
        }
    }

    #[test]
    fn whoever_has_to_answer_a_dispute_gets_it_too() {
        let outage = declared(10, 34);
        let resume = Box::new(funded(0).state);
        let id = Id::from_uuid(Uuid::from_u128(7));
        let disputed = milestone(State::Disputed { dispute: id, since: at(0), resume });
        let dispute = |claimant, state| Dispute {
            id,
            case: CaseId::Milestone(disputed.id),
            contract: disputed.contract,
            client: disputed.client,
            freelancer: disputed.freelancer,
            terms: Terms::default(),
            claimant,
            reason: "It is not what we agreed on".to_owned(),
            answer: None,
            total: disputed.amount,
            claim: disputed.amount,
            offers: Both::default(),
            findings: vec![],
            opened_at: at(0),
            version: 1,
            state,
        };
        let by = Recommendation { by: Id::from_uuid(Uuid::from_u128(8)), to_freelancer: disputed.amount };
        let opened = || DisputeState::Opened { answer_by: at(120) };
        let recommended =
            DisputeState::Recommended { recommendation: by, accepted: Both::default(), decide_by: at(200) };
        let answered = DisputeState::Answered { answered_at: at(5), remind_at: at(80) };
        for (dispute, expected) in [
            (Some(dispute(Side::Client, opened())), 24),
            (Some(dispute(Side::Freelancer, opened())), 0),
            (Some(dispute(Side::Freelancer, recommended)), 24),
            (Some(dispute(Side::Client, answered)), 0),
            (None, 0),
        ] {
            let grant = outage.grant(at(10), &Case::Milestone(disputed.clone()), dispute.as_ref(), &apart(), &[]);
            assert_eq!(grant.map_or(0, |grant| grant.hours), expected, "{dispute:?}");
        }
    }

    #[test]
    fn a_week_is_given_time_as_a_milestone_is() {
        let grant = |outage: &Outage, week: &Timesheet, places: &Places| {
            outage
                .grant(outage.span.from, &Case::Timesheet(week.clone()), None, places, &[])
                .map_or(0, |grant| grant.hours)
        };
        let client_here = places("Asia/Dhaka", "Asia/Karachi");
        let submitted = week().submit(&Actor::System, at(180), None).unwrap().next;
        let approved = submitted.clone().auto_approve(&Actor::System, at(500), false).unwrap().next;
        for (outage, week, places, expected) in [
            (declared(10, 34), week(), apart(), 24),
            (declared(-10, 4), week(), apart(), 4),
            (declared(10, 34), week(), client_here, 0),
            (declared(10, 34), submitted.clone(), client_here, 0),
            (declared(170, 200), submitted.clone(), client_here, 20),
            (declared(170, 200), submitted.clone(), apart(), 0),
            (declared(510, 520), approved, client_here, 0),
        ] {
            assert_eq!(grant(&outage, &week, &places), expected, "{outage:?} {:?} {places:?}", week.state);
        }
        // What is given moves the deadline that runs, and no more than the terms allow.
        let later = week().extend(&Actor::System, 24).unwrap();
        assert_eq!(later.events, [Event::TimesheetExtended { timesheet: week().id, hours: 24 }]);
        assert_eq!(later.next.clocks(), [(Timer::SubmitTimesheet(week().id), at(180 + 24))]);
        assert!(!later.next.clone().submit(&Actor::System, at(180), None).unwrap().changed, "it is still written");
        let reviewed = later.next.submit(&Actor::System, at(204), None).unwrap().next;
        let due = |week: &Timesheet| week.clocks()[0].1;
        assert_eq!(due(&reviewed), due(&submitted) + TimeDelta::hours(24), "the client has as long as ever");
        let extended = reviewed.clone().extend(&Actor::System, 72).unwrap().next;
        assert_eq!((extended.grace_hours, due(&extended)), (72, due(&reviewed) + TimeDelta::hours(48)));
        assert_eq!(grant(&declared(204, 300), &extended, &client_here), 0);
        assert!(!extended.extend(&Actor::System, 1).unwrap().changed);
        assert_eq!(week().extend(&person(None), 1), Err(Denied::Hidden.into()));
        // Its Wednesday is the same.
        let paid_at = |week: Timesheet, at| {
            let charging =
                week.auto_approve(&Actor::System, at, false).unwrap().next.charge(&Actor::System, at, id()).unwrap();
            due(&charging.next.charged(&Actor::System, at, id(), Money::usd(2_575).unwrap()).unwrap().next)
        };
        assert_eq!(paid_at(reviewed.clone(), due(&reviewed)), paid_at(submitted.clone(), due(&submitted)));
    }

    #[test]
    fn time_that_was_given_is_not_given_twice_and_no_more_than_the_cap() {
        let outage = declared(10, 34);
        for (before, expected) in [
            (vec![span(10, 34)], 0),
            (vec![span(0, 100)], 0),
            (vec![span(0, 20)], 14),
            (vec![span(20, 24)], 20),
            (vec![span(12, 16), span(14, 20), span(30, 90)], 12),
            (vec![span(90, 100)], 24),
        ] {
            assert_eq!(
                {
                    let before: Vec<Grant> = before.iter().map(|span| given(*span, Some(0))).collect();
                    hours(&outage, &asked(0), &apart(), &before)
                },
                expected,
                "{before:?}"
            );
        }
        let tired = Milestone { grace_hours: 60, ..asked(0) };
        assert_eq!(hours(&outage, &tired, &apart(), &[]), 12);
        let spent = Milestone { grace_hours: 72, ..asked(0) };
        assert_eq!(hours(&outage, &spent, &apart(), &[]), 0);
        assert_eq!(hours(&declared(0, 700), &asked(0), &apart(), &[]), 72);
        let begun = Outage { span: Span { from: at(10), until: at(10) + TimeDelta::minutes(61) }, ..outage };
        assert_eq!(hours(&begun, &asked(0), &apart(), &[]), 2, "begun hours count whole");
    }

    #[test]
    fn each_clock_is_given_the_time_of_an_outage_once() {
        let outage = declared(10, 34);
        let by_it = |since| Grant { outage: outage.id, ..given(span(10, 34), since) };
        for (before, expected) in [
            (by_it(Some(20)), 0),
            // What stood before, and moved for that.
            (by_it(Some(0)), 14),
            (given(span(10, 34), Some(0)), 14),
            (given(span(10, 34), Some(20)), 0),
            // What was given before it was written down to what.
            (by_it(None), 0),
            (given(span(10, 30), None), 4),
        ] {
            assert_eq!(hours(&outage, &asked(20), &apart(), &[before]), expected, "{before:?}");
        }
        let spent = Milestone { grace_hours: 70, ..asked(20) };
        assert_eq!(hours(&outage, &spent, &apart(), &[by_it(Some(0))]), 2, "no more than the terms allow in all");
    }

    #[test]
    fn a_clock_that_stood_still_is_the_same_clock_and_lost_nothing_meanwhile() {
        let dispute = Id::from_uuid(Uuid::from_u128(7));
        let in_dispute = |milestone: Milestone, from: i64, until: i64| {
            let state = State::Disputed { dispute, since: at(from), resume: Box::new(milestone.state.clone()) };
            let disputed = Milestone { state, ..milestone };
            disputed.resume(&Actor::System, at(until), dispute).unwrap().next
        };
        let (outage, client_here) = (declared(10, 34), places("Asia/Dhaka", "Asia/Karachi"));
        let by_it = |since| Grant { outage: outage.id, ..given(span(10, 34), Some(since)) };
        let asleep = milestone(State::Dormant { since: at(0), refunds_at: at(336), stood_still: vec![] });
        for milestone in [asked(0), submitted(0), asleep] {
            let here = if matches!(milestone.state, State::Submitted { .. }) { client_here } else { apart() };
            let again = in_dispute(milestone.clone(), 12, 15);
            assert_eq!(hours(&outage, &again, &here, &[by_it(0)]), 0, "twice: {again:?}");
            for (from, until, expected) in
                [(0, 5, 24), (0, 20, 14), (12, 15, 21), (10, 34, 0), (30, 60, 20), (40, 60, 24)]
            {
                let later = in_dispute(milestone.clone(), from, until);
                assert_eq!(hours(&outage, &later, &here, &[]), expected, "{from} to {until}: {:?}", later.state);
            }
        }
    }

    #[test]
    fn an_outage_ends_early_or_is_called_off() {
        let admin = person(Some(Staff::Admin));
        let timer = Timer::ApplyOutage(declared(10, 34).id);
        assert_eq!(declared(10, 34).end(&person(None), at(12)), Err(Denied::Hidden.into()));
        let off = declared(10, 34).end(&admin, at(5)).unwrap();
        assert_eq!((off.next.status(at(12)), &off.timers[..]), (Status::Withdrawn, &[TimerChange::Stop(timer)][..]));
        assert_eq!(hours(&off.next, &asked(0), &apart(), &[]), 0);
        let early = declared(10, 34).end(&admin, at(15)).unwrap();
        assert_eq!(early.timers, [TimerChange::Set(timer, at(15))]);
        assert_eq!((early.next.status(at(15)), hours(&early.next, &asked(0), &apart(), &[])), (Status::Over, 5));
        assert!(!early.next.end(&admin, at(16)).unwrap().changed, "a repeat");
        assert!(!declared(10, 34).end(&admin, at(34)).unwrap().changed, "it is over already");
        let outage = declared(10, 34);
        let seen = [9, 10, 33, 34].map(|hour| outage.status(at(hour)));
        assert_eq!(seen, [Status::Planned, Status::Ongoing, Status::Ongoing, Status::Over]);
        assert_eq!(outage.clone().applied(at(9)).timers, [TimerChange::Set(timer, at(10))], "too early");
        assert_eq!(
            outage.grant(at(9), &Case::Milestone(asked(0)), None, &apart(), &[]),
            None,
            "it may still be called off"
        );
        assert_eq!(outage.clone().applied(at(10)).timers, [TimerChange::Set(timer, at(34))]);
        assert_eq!(outage.applied(at(34)).timers, []);
    }
}
