//! People whom ours suspend, and let go again: what they can't do meanwhile, and what silence does not mean.

#![expect(clippy::expect_used, reason = "a world that can't be made should stop")]

use chrono::TimeDelta;
use domain::access::Actor;
use domain::dispute::{Both, Case, Dispute, DisputeState};
use domain::id::UserId;
use domain::milestone::State;
use domain::outage::Span;
use domain::policy::days;
use domain::timesheet::TimesheetState;
use domain::user::{SignUp, User};

use super::act::absent;
use super::moves::{Answer, Move};
use super::planted::Planted;
use super::world::{FREELANCERS, World, Wrong, id};

/// Who acts for both clients.
pub const CLIENTS_OWNER: u128 = 200;

/// Who may act again has so long to catch up before silence counts.
const CATCHING_UP: TimeDelta = TimeDelta::days(3);

/// Those who may be suspended: both sides.
pub fn everybody(now: domain::Timestamp) -> impl Iterator<Item = User> {
    (1..=FREELANCERS).chain([CLIENTS_OWNER]).map(move |n| {
        let email = format!("number{n}@example.com");
        let sign_up = SignUp::parse(&email, "Lin Khan", "a quiet river bends", None, None).expect("a person");
        sign_up.create(id(n), now).next
    })
}

impl World {
    pub(super) fn people_move(&mut self) -> Move {
        let all: Vec<UserId> = self.users.keys().copied().collect();
        let barred: Vec<UserId> = all.iter().copied().filter(|user| self.is_suspended(*user)).collect();
        let by = if self.dice.percent(90) { self.admin() } else { self.somebody(id(1), id(1)) };
        match self.dice.pick(&barred).copied() {
            Some(user) if self.dice.percent(60) => Move::UserReinstate { by, user },
            _ => {
                // Sooner somebody whose money is on its way.
                let live = self.payouts.values().filter(|payout| !payout.state.is_terminal());
                let live: Vec<UserId> = live.map(|payout| payout.user).collect();
                let user = self.dice.pick(&live).copied().filter(|_| self.dice.percent(50));
                let user = user.unwrap_or(all[self.dice.below(all.len())]);
                match self.dice.percent(90) {
                    true => Move::UserSuspend { by, user },
                    false => Move::UserReinstate { by, user },
                }
            }
        }
    }

    pub(super) fn user_suspend(&mut self, by: &Actor, of: UserId) -> Result<Answer, Wrong> {
        let Some(user) = self.users.get(&of).cloned() else { return Ok(absent()) };
        let answer = self.take(user.suspend(by, self.now, "A letter"), Self::put_user)?;
        if answer == Answer::Done {
            self.acting = Actor::System;
            self.payouts_withheld(of)?;
        }
        Ok(answer)
    }

    pub(super) fn user_reinstate(&mut self, by: &Actor, of: UserId) -> Result<Answer, Wrong> {
        let Some(user) = self.users.get(&of).cloned() else { return Ok(absent()) };
        self.take(user.reinstate(by, self.now, "A mistake"), Self::put_user)
    }

    fn put_user(&mut self, user: User) {
        self.users.insert(user.id, user);
    }

    pub fn is_suspended(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(|user| user.suspended_at.is_some())
    }

    /// A side none of whose people may answer, or could until lately. One person acts for both clients.
    pub(super) fn barred(&self, freelancer: UserId) -> Both<bool> {
        let barred = |of: UserId| {
            let caught_up = |user: &User| user.reinstated_at.is_none_or(|at| at <= self.now - CATCHING_UP);
            self.users.get(&of).is_some_and(|user| user.suspended_at.is_some() || !caught_up(user))
        };
        Both { client: barred(id(CLIENTS_OWNER)), freelancer: barred(freelancer) }
    }

    /// What the worker takes for barred.
    pub(super) fn seen_as_barred(&self, freelancer: UserId) -> Both<bool> {
        match self.planted {
            Some(Planted::SilenceOfTheBarred) => Both::default(),
            _ => self.barred(freelancer),
        }
    }

    /// Whoever makes a move makes it as they are.
    pub(super) fn as_they_are(&self, mut next: Move) -> Move {
        if let Some(Actor::Person(person)) = next.by_mut() {
            person.suspended |= self.is_suspended(person.user);
        }
        next
    }

    /// The clock decided about a case: not by the silence of somebody who could not speak.
    pub(super) fn silence_was_no_yes(&mut self, before: &Case, after: Option<Case>) -> Result<(), Wrong> {
        let (barred, waits_until, waited, moved) = match (before, &after) {
            (Case::Milestone(was), Some(Case::Milestone(is))) => {
                let barred = self.barred(was.freelancer);
                let (barred, regular, still) = match &was.state {
                    State::Submitted { submitted_at, stood_still, .. } => {
                        (barred.client, *submitted_at + days(was.terms.review_days), stood_still)
                    }
                    State::RefundRequested { requested_at, stood_still, .. } if was.submissions == 0 => {
                        (barred.freelancer, *requested_at + days(was.terms.refund_request_days), stood_still)
                    }
                    State::Dormant { since, stood_still, .. } => {
                        let any = barred.client || barred.freelancer;
                        (any, *since + days(was.terms.dormancy_answer_days), stood_still)
                    }
                    _ => return Ok(()),
                };
                let still: TimeDelta = still.iter().copied().map(Span::length).sum();
                let until = regular + still + days(was.terms.barred_days);
                (barred, until, is.status() == was.status(), is.version > was.version)
            }
            (Case::Timesheet(was), Some(Case::Timesheet(is))) => {
                let TimesheetState::Submitted { submitted_at, .. } = was.state else { return Ok(()) };
                let until = submitted_at + days(was.terms.barred_days);
                let waited = matches!(is.state, TimesheetState::Submitted { .. });
                (self.barred(was.freelancer).client, until, waited, is.version > was.version)
            }
            _ => return Ok(()),
        };
        if !moved || !barred {
            return Ok(());
        }
        if waited {
            self.succeeded.insert("silence.is_no_yes");
        } else if self.now < waits_until {
            return Err(format!("the silence of a barred side decided {:?}", before.id()));
        }
        Ok(())
    }

    /// The same of a dispute: the silence of who could not speak gave nobody anything.
    pub(super) fn silence_decided_nothing(&mut self, before: &Dispute) -> Result<(), Wrong> {
        let barred = self.barred(before.freelancer);
        let counted = match before.state {
            DisputeState::Opened { .. } => barred.of(before.claimant.other()),
            DisputeState::Recommended { .. } | DisputeState::Arbitration { .. } => barred.client || barred.freelancer,
            _ => false,
        };
        let Some(after) = self.disputes.get(&before.id).filter(|_| counted) else { return Ok(()) };
        if after.state.as_str() != before.state.as_str() {
            self.succeeded.insert("silence.goes_to_our_people");
        }
        if after.state.is_terminal() {
            return Err(format!("the silence of a barred side decided {}", before.id));
        }
        Ok(())
    }

    /// Who would have to move, and may not, is let go.
    pub(super) fn unless_barred(&mut self, next: Move) -> Move {
        match next.by().user().filter(|user| self.is_suspended(*user)) {
            Some(user) => Move::UserReinstate { by: self.admin(), user },
            None => next,
        }
    }
}
