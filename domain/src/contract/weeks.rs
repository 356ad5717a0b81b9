//! What a contract by the hour has to do with its weeks: what an hour is worth, the card they are
//! charged to, and what they put it on hold for.

use chrono::NaiveDate;

use super::{Contract, Engagement, HoldReason};
use crate::Timestamp;
use crate::access::{self, Actor, Verb};
use crate::change::Change;
use crate::money::Money;
use crate::payment::PaymentMethod;
use crate::refusal::Refusal;
use crate::timesheet::{Hourly, Timesheet};

impl Contract {
    /// What an hour of work on `date` is agreed to be. Work is written down only while the engagement
    /// goes on, none from before it began, and none before the client has named a `card` to charge.
    pub fn hour_on(
        &self,
        actor: &Actor,
        now: Timestamp,
        date: NaiveDate,
        card: Option<&PaymentMethod>,
    ) -> Result<Hourly, Refusal> {
        access::check(actor, Verb::TimeEntryAdd, &self.subject())?;
        let (hourly_rate, weekly_limit_minutes) = self.rate()?;
        self.takes_work(actor, now)?;
        if card.is_none() {
            return Err(Refusal::rule(
                "NO_PAYMENT_METHOD",
                "the client has not named a card yet that this contract's weeks are charged to: ask for it first",
            ));
        }
        let (began, today) = (self.created_at.date_naive(), now.date_naive());
        if date < began || date > today {
            let message = format!("must lie between {began}, when the contract began, and {today}");
            return Err(Refusal::field("date", "OUT_OF_RANGE", message));
        }
        Ok(Hourly {
            contract: self.id,
            client: self.client,
            freelancer: self.freelancer,
            terms: self.terms.clone(),
            hourly_rate,
            limit_minutes: Some(weekly_limit_minutes),
        })
    }

    /// The client names the card that weeks are charged to from now on. Naming the one that stands
    /// (`current`) changes nothing.
    pub fn set_payment_method(
        &self,
        actor: &Actor,
        now: Timestamp,
        current: Option<&PaymentMethod>,
        token: &str,
    ) -> Result<Change<PaymentMethod>, Refusal> {
        access::check(actor, Verb::ContractPaymentMethodSet, &self.subject())?;
        self.rate()?;
        self.standing(actor, now, Verb::ContractPaymentMethodSet, None)?;
        let method = PaymentMethod::parse(token)?;
        Ok(if current == Some(&method) { Change::none(method) } else { Change::to(method) })
    }

    /// Its weeks have gone on: one that is not paid, or is in dispute, puts it on hold; when none is
    /// any more, that no longer stands against it.
    pub fn heed_weeks(self, actor: &Actor, now: Timestamp, weeks: &[Timesheet]) -> Result<Change<Self>, Refusal> {
        let stands = |reason| weeks.iter().any(|week| week.holds_up() == Some(reason));
        let (stand, settled): (Vec<_>, Vec<_>) =
            [HoldReason::PaymentFailed, HoldReason::HourlyDispute].into_iter().partition(|&reason| stands(reason));
        let held = stand.into_iter().try_fold(Change::none(self), |change, reason| {
            change.then(|contract| contract.put_on_hold(actor, now, reason))
        })?;
        settled.into_iter().try_fold(held, |change, reason| change.then(|contract| contract.lift_hold(actor, reason)))
    }

    /// What an hour costs, and how many minutes a week may have.
    fn rate(&self) -> Result<(Money, u32), Refusal> {
        match self.engagement {
            Engagement::Hourly { rate, weekly_limit_minutes } => Ok((rate, weekly_limit_minutes)),
            Engagement::Fixed => {
                Err(Refusal::rule("NOT_HOURLY", "this contract is paid by milestones, not by the hour"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person};
    use crate::contract::{HoldReasons, State};
    use crate::event::Event;
    use crate::id::{Id, TimeEntryId, TimesheetId};
    use crate::policy::Terms;
    use crate::timesheet::{TimeEntry, TimesheetState};

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn usd(cents: i64) -> Money {
        Money::usd(cents).unwrap()
    }

    /// Monday 2 March 2026, and so many days later.
    fn day(days: i64) -> Timestamp {
        "2026-03-02T00:00:00Z".parse::<Timestamp>().unwrap() + chrono::TimeDelta::days(days)
    }

    fn card() -> Option<PaymentMethod> {
        PaymentMethod::parse("pm_sandbox_visa").ok()
    }

    fn lin() -> Actor {
        Actor::Person(Person { user: id(1), suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    fn member(role: MemberRole) -> Actor {
        Actor::Person(Person {
            user: id(2),
            suspended: false,
            second_factor: true,
            staff: None,
            memberships: vec![(id(1), role)],
        })
    }

    fn contract(state: State) -> Contract {
        Contract {
            id: id(1),
            offer: id(1),
            gig: None,
            proposal: None,
            client: id(1),
            freelancer: id(1),
            title: "By the hour".into(),
            engagement: Engagement::Hourly { rate: usd(2_500), weekly_limit_minutes: 600 },
            policy: 1,
            terms: Terms::default(),
            version: 1,
            state,
            created_at: day(1),
        }
    }

    fn states() -> [State; 5] {
        [
            State::Active,
            State::Paused { since: day(2) },
            State::OnHold {
                since: day(2),
                reason: HoldReason::PaymentFailed,
                also: HoldReasons::default(),
                by_staff: HoldReasons::default(),
                paused: None,
                ending: None,
            },
            State::Ending { since: day(2) },
            State::Ended { ended_at: day(2) },
        ]
    }

    /// A week in a state, which is all that matters here.
    fn week(state: TimesheetState) -> Timesheet {
        let hourly = contract(State::Active).hour_on(&lin(), day(2), day(2).date_naive(), card().as_ref()).unwrap();
        Timesheet { state, ..Timesheet::open(id::<TimesheetId>(1), hourly, day(2)).next }
    }

    fn worked() -> Timesheet {
        let week = week(TimesheetState::Open);
        let entry = TimeEntry {
            id: id::<TimeEntryId>(1),
            date: day(2).date_naive(),
            minutes: 60,
            note: "Work".into(),
            manual: false,
        };
        week.add_entry(&lin(), day(2), None, entry).unwrap().next
    }

    fn unpaid() -> Timesheet {
        let approved = worked().submit(&Actor::System, day(8), None).unwrap().next;
        let approved = approved.approve(&member(MemberRole::Owner), day(8), None).unwrap().next;
        approved.charge_to(&Actor::System, day(8), id(1), None).unwrap().next.0
    }

    fn disputed() -> Timesheet {
        let submitted = worked().submit(&Actor::System, day(8), None).unwrap().next;
        submitted.dispute(&member(MemberRole::Owner), day(8), None, &[id(1)], id(2), id(1)).unwrap().next.1
    }

    #[test]
    fn work_is_written_down_only_while_the_engagement_goes_on() {
        for state in states() {
            let answer = contract(state).hour_on(&lin(), day(2), day(2).date_naive(), card().as_ref());
            match state {
                State::Active => assert_eq!(answer.unwrap().limit_minutes, Some(600)),
                _ => assert!(matches!(answer.unwrap_err(), Refusal::WrongState { .. }), "{state:?}"),
            }
            let can = contract(state).allowed(&lin(), day(2)).contains(&Verb::TimeEntryAdd);
            assert_eq!(can, state == State::Active, "the button and the refusal agree: {state:?}");
        }
        let active = contract(State::Active);
        let refusal = |days| active.hour_on(&lin(), day(5), day(days).date_naive(), card().as_ref()).unwrap_err();
        for outside in [0, 6] {
            assert!(matches!(refusal(outside), Refusal::Invalid { .. }), "before it began, and in the future");
        }
        assert_eq!(
            active.hour_on(&member(MemberRole::Owner), day(2), day(2).date_naive(), card().as_ref()).unwrap_err(),
            Denied::NotAllowed.into()
        );
        assert!(matches!(
            active.hour_on(&lin(), day(2), day(2).date_naive(), None).unwrap_err(),
            Refusal::Rule { code, .. } if code == "NO_PAYMENT_METHOD"
        ));
        let fixed = Contract { engagement: Engagement::Fixed, ..active };
        assert!(matches!(
            fixed.hour_on(&lin(), day(2), day(2).date_naive(), card().as_ref()).unwrap_err(),
            Refusal::Rule { code, .. } if code == "NOT_HOURLY"
        ));
        assert!(!fixed.allowed(&lin(), day(2)).contains(&Verb::TimeEntryAdd));
    }

    #[test]
    fn the_card_is_named_by_those_who_see_to_money_until_the_contract_has_ended() {
        let card = "pm_sandbox_visa";
        let current = PaymentMethod::parse(card).unwrap();
        for state in states() {
            let answer = contract(state).set_payment_method(&member(MemberRole::Finance), day(2), None, card);
            match state {
                State::Ended { .. } => assert!(matches!(answer.unwrap_err(), Refusal::WrongState { .. })),
                _ => assert!(answer.unwrap().changed, "{state:?}"),
            }
        }
        let active = contract(State::Active);
        assert!(!active.set_payment_method(&member(MemberRole::Owner), day(2), Some(&current), card).unwrap().changed);
        for role in [MemberRole::Recruiter, MemberRole::HiringManager, MemberRole::Viewer] {
            let refusal = active.set_payment_method(&member(role), day(2), None, card).unwrap_err();
            assert_eq!(refusal, Denied::NotAllowed.into(), "{role:?}");
        }
        assert_eq!(active.set_payment_method(&lin(), day(2), None, card).unwrap_err(), Denied::NotAllowed.into());
        let fixed = Contract { engagement: Engagement::Fixed, ..active };
        assert!(matches!(
            fixed.set_payment_method(&member(MemberRole::Owner), day(2), None, card).unwrap_err(),
            Refusal::Rule { .. }
        ));
    }

    #[test]
    fn a_week_is_offered_to_be_paid_unless_our_people_look_at_the_contract() {
        let can = |state| contract(state).allowed_on_week(&unpaid(), &member(MemberRole::Owner));
        assert_eq!(can(State::Active), [Verb::TimesheetPay]);
        assert_eq!(can(states()[2]), [Verb::TimesheetPay], "it is on hold for just that");
        let looked_at = State::OnHold {
            since: day(2),
            reason: HoldReason::SanctionsHit,
            also: HoldReasons::default(),
            by_staff: HoldReasons::default(),
            paused: None,
            ending: None,
        };
        assert_eq!(can(looked_at), []);
        assert!(Contract::has_a_say_in(Verb::TimesheetPay));
    }

    #[test]
    fn weeks_put_it_on_hold_and_the_hold_lifts_with_the_last_of_them() {
        let heed =
            |contract: Contract, weeks: &[Timesheet]| contract.heed_weeks(&Actor::System, day(9), weeks).unwrap();
        let reason = |contract: &Contract| match contract.state {
            State::OnHold { reason, .. } => Some(reason),
            _ => None,
        };
        let active = contract(State::Active);
        assert!(!heed(active.clone(), &[worked()]).changed);
        let held = heed(active.clone(), &[worked(), unpaid()]);
        assert_eq!(reason(&held.next), Some(HoldReason::PaymentFailed));
        assert!(matches!(held.events[..], [Event::ContractPutOnHold { .. }]));
        assert!(!heed(held.next.clone(), &[unpaid()]).changed);
        let both = heed(held.next, &[unpaid(), disputed()]).next;
        assert!(matches!(both.state, State::OnHold { also, .. } if also.contains(HoldReason::HourlyDispute)));
        let other = heed(both, &[disputed()]).next;
        assert_eq!(reason(&other), Some(HoldReason::HourlyDispute), "one reason goes, another stays");
        let lifted = heed(other, &[worked()]);
        assert_eq!(lifted.next.state, State::Active);
        assert!(matches!(lifted.events[..], [Event::ContractResumed { .. }]));

        let elsewhere = contract(State::OnHold {
            since: day(2),
            reason: HoldReason::SanctionsHit,
            also: HoldReasons::default(),
            by_staff: HoldReasons::default(),
            paused: None,
            ending: None,
        });
        assert!(!heed(elsewhere.clone(), &[]).changed, "not theirs to lift");
        let more = heed(elsewhere, &[unpaid()]).next;
        assert_eq!(reason(&heed(more, &[]).next), Some(HoldReason::SanctionsHit));
        for state in [State::Ending { since: day(2) }, State::Ended { ended_at: day(2) }] {
            assert!(!heed(contract(state), &[unpaid()]).changed, "{state:?}");
        }
        let paused = heed(contract(State::Paused { since: day(2) }), &[unpaid()]).next;
        assert_eq!(reason(&paused), Some(HoldReason::PaymentFailed), "a break does not pay what is owed");
        assert_eq!(heed(paused, &[]).next.state, State::Paused { since: day(2) });
        let admin = Actor::Person(Person {
            user: id(7),
            suspended: false,
            second_factor: true,
            staff: Some(access::Staff::Admin),
            memberships: vec![],
        });
        let by_staff = active.clone().hold(&admin, day(9), None, HoldReason::HourlyDispute).unwrap().next;
        assert!(!heed(by_staff, &[worked()]).changed, "a week lifts only what a week has set");
        assert!(active.heed_weeks(&lin(), day(9), &[]).is_err());
    }
}
