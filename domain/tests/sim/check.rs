//! What must be true after every step.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::access::{Actor, MemberRole, Person, Staff};
use domain::contract::{HoldReason, State as ContractState, Status};
use domain::correction::Correction;
use domain::dispute::{CaseId, Dispute, DisputeState};
use domain::id::{OrganizationId, UserId};
use domain::ledger::LedgerAccount;
use domain::milestone::{self, Kind, Milestone, State};
use domain::payout::{Carried, Payout, Rail};
use domain::policy::Terms;
use domain::timer::Timer;
use domain::timesheet::TimesheetState;

use super::books::Tally;
use super::moves::Message;
use super::world::{FREELANCERS, Promise, World, Wrong, id};

macro_rules! must {
    ($holds:expr, $($say:tt)*) => { if !$holds { return Err(format!($($say)*)); } };
}

impl World {
    /// Everything, counted from the books and from the states.
    pub fn check(&mut self) -> Result<(), Wrong> {
        self.check_promises()?;
        self.check_balances()?;
        self.check_contracts()?;
        self.check_milestones()?;
        self.check_holds()?;
        self.check_timesheets()?;
        self.check_payouts()?;
        self.check_corrections()?;
        self.check_disputes()?;
        self.check_timers()?;
        self.check_owed()?;
        self.check_trade()?;
        self.check_words()?;
        self.check_ways()?;
        self.check_processor()
    }

    fn check_balances(&self) -> Result<(), Wrong> {
        let sum: i64 = self.books.balances.values().sum();
        must!(sum == 0, "the books do not balance: {sum}");
        for (account, balance) in &self.books.balances {
            must!(!account.guarded() || *balance >= 0, "{account} is at {balance}");
            if let LedgerAccount::ClientCredit(_) = account {
                let parts = self.books.credit(*account).total().map_err(|error| error.to_string())?;
                must!(parts.minor() == *balance, "{account} is at {balance}, and the parts of it are {parts}");
            }
        }
        // What a bank took, and we bore, is nobody's credit: the client has had it from the bank.
        for (payment, _) in self.outside.payments.iter().filter(|(_, there)| !there.told_back.is_empty()) {
            let Some(bearer) = self.bearer_of(*payment) else { continue };
            let lost = bearer.lost_by(*payment).map_err(|error| error.to_string())?;
            let credit = self.credit(bearer.client()).of(*payment).map_err(|error| error.to_string())?;
            let known = lost.is_zero() || credit.is_zero() || self.given_by_hand(*payment);
            must!(known, "we bore {lost} of {payment}, and {credit} of it is credit");
        }
        // What is pending for a freelancer is exactly what their milestones hold back.
        for user in 1..=FREELANCERS {
            let user: UserId = id(user);
            let held_back: i64 = self
                .milestones
                .values()
                .filter(|milestone| milestone.freelancer == user)
                .flat_map(|milestone| &milestone.holds)
                .map(|hold| hold.share.net.minor())
                .sum();
            let pending = self.books.balance(LedgerAccount::Pending(user));
            must!(pending == held_back, "{user} has {pending} pending, and holds of {held_back}");
        }
        Ok(())
    }

    /// A deadline that somebody was given is never shortened, and silence decides nothing before it.
    fn check_promises(&mut self) -> Result<(), Wrong> {
        let deadlines = self.deadlines();
        // A request that was answered, and made anew in the same instant, is another one. Of work that
        // was handed in, it is remembered how long there was to look at it.
        self.promised.retain(|of, _| {
            !matches!(of.0, Timer::ResolveRefundRequest(_)) || deadlines.iter().any(|(promise, _)| promise == of)
        });
        for (of, due) in deadlines {
            let (timer, ..) = of;
            let promised = self.promised.entry(of).or_insert(due);
            must!(due >= *promised, "{timer:?} was promised for {promised}, and is due at {due}");
            *promised = due;
        }
        for milestone in self.milestones.values() {
            if let (State::Approved { approved_at, automatic: true, .. }, Kind::Work) =
                (&milestone.state, milestone.kind)
            {
                // Each submission begins a new clock.
                let of_it = |((timer, _, _, of), due): (&Promise, &Timestamp)| {
                    let runs = *timer == Timer::AutoApproveMilestone(milestone.id);
                    (runs && *of == milestone.submissions).then_some(*due)
                };
                let last = self.promised.iter().filter_map(of_it).max();
                must!(last.is_some_and(|last| last <= *approved_at), "{} was approved too early", milestone.id);
            }
        }
        Ok(())
    }

    /// The deadlines that run for people, by the timer and when it began to run.
    fn deadlines(&self) -> Vec<(Promise, Timestamp)> {
        let mut all = Vec::new();
        for milestone in self.milestones.values() {
            let id = milestone.id;
            match &milestone.state {
                State::Submitted { submitted_at, approves_at, .. } => {
                    all.push((
                        (Timer::AutoApproveMilestone(id), *submitted_at, "submitted", milestone.submissions),
                        *approves_at,
                    ));
                }
                State::RefundRequested { requested_at, resolves_at, .. } => {
                    all.push((
                        (Timer::ResolveRefundRequest(id), *requested_at, "refund_requested", milestone.submissions),
                        *resolves_at,
                    ));
                }
                State::Dormant { since, refunds_at, .. } => {
                    all.push(((Timer::DormancyMilestone(id), *since, "dormant", 0), *refunds_at));
                }
                _ => (),
            }
        }
        for week in self.timesheets.values() {
            match &week.state {
                TimesheetState::Open => {
                    all.push(((Timer::SubmitTimesheet(week.id), week.begins_at(), "open", 0), week.submits_at()));
                }
                TimesheetState::Submitted { submitted_at, approves_at } => {
                    all.push(((Timer::AutoApproveTimesheet(week.id), *submitted_at, "submitted", 0), *approves_at));
                }
                _ => (),
            }
        }
        for dispute in self.disputes.values() {
            // Each rung begins anew: with the last finding, or the opening.
            let since = dispute.findings.last().map_or(dispute.opened_at, |finding| finding.at);
            if let Some(deadline) = dispute.deadline() {
                all.push(((Timer::AdvanceDispute(dispute.id), since, dispute.state.as_str(), 0), deadline));
            }
        }
        all
    }

    fn check_pot(&self, account: LedgerAccount, escrow: &domain::escrow::Escrow) -> Result<(), Wrong> {
        let parts = escrow.parts();
        let held = self.books.balance(account);
        must!(held == parts.held.minor(), "{account} holds {held}, its escrow says {}", parts.held);
        let says = Tally {
            funded: escrow.funded().map_err(|error| error.to_string())?.minor(),
            released: parts.released_net.minor() + parts.fee.minor(),
            refunded: parts.refunded.minor(),
            charged_back: parts.charged_back.minor(),
        };
        let tally = self.books.tally(account);
        must!(tally == says, "{account}: the postings tell {tally:?}, the escrow {says:?}");
        let out = tally.released + tally.refunded + tally.charged_back;
        must!(tally.funded == held + out, "{account}: {} was funded, {held} is held, {out} went out", tally.funded);
        Ok(())
    }

    /// A contract that has ended has nothing left to do, and one whose work is over soon has ended.
    fn check_contracts(&self) -> Result<(), Wrong> {
        for contract in self.contracts.values() {
            let of_it = |milestone: &&Milestone| milestone.contract == Some(contract.id);
            let mut open = self.milestones.values().filter(of_it).filter(|m| !m.status().is_terminal());
            let weeks = self.weeks_unsettled(contract.id);
            let looked_at = self.is_reviewed(contract.client, contract.freelancer);
            let stands = |reason: &HoldReason| {
                let listed = looked_at && *reason == HoldReason::SanctionsHit;
                listed || weeks.iter().any(|week| week.holds_up() == Some(*reason))
            };
            let let_go = self.touched.contains(&(contract.id, HoldReason::SanctionsHit));
            let still = contract.moves_money().is_err() || contract.status() == Status::Ended || let_go;
            must!(still || !looked_at, "our people look at {}, and its money moves", contract.id);
            match contract.status() {
                // A bonus or a tip can still be given, and work that was handed in is judged when a bank gives its
                // money back.
                Status::Ended => {
                    let back = |milestone: &Milestone| milestone.chargebacks.iter().any(|known| known.won);
                    let done = |milestone: &Milestone| milestone.kind != Kind::Work || back(milestone);
                    let over = open.all(done) && weeks.is_empty();
                    must!(over, "{} has ended, and its work has not", contract.id);
                }
                Status::Ending => {
                    let calls_off = |m: &Milestone| m.clone().called_off(self.now).changed;
                    let waits = open.clone().find(|milestone| calls_off(milestone) && self.outbox.is_empty());
                    must!(waits.is_none(), "{} is ending, and {waits:?} waits for money", contract.id);
                    let soon = open.next().is_some() || !weeks.is_empty() || !self.outbox.is_empty();
                    must!(soon, "{} is ending without a way out", contract.id);
                }
                // What its weeks set stands as long as they do. What our people lift comes again when a week
                // goes on; what they set is theirs.
                Status::Active | Status::Paused | Status::OnHold => {
                    // One that was ending took no new work by then, so its weeks had put it on no hold.
                    let was_ending = matches!(contract.state, ContractState::OnHold { ending: Some(_), .. });
                    for reason in HoldReason::ALL {
                        let by_staff = self.touched.contains(&(contract.id, reason));
                        let held = contract.holds().contains(&reason);
                        let told = held == stands(&reason) || was_ending && !held;
                        must!(told || by_staff, "{} is held up by {reason:?}: {held}", contract.id);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_milestones(&self) -> Result<(), Wrong> {
        for milestone in self.milestones.values() {
            let account = LedgerAccount::Escrow(milestone.id);
            self.check_pot(account, &milestone.escrow)?;
            self.check_grace(CaseId::Milestone(milestone.id), milestone.grace_hours, &milestone.terms)?;
            let sources = milestone.sources.all();
            let held: i64 = sources.iter().map(|source| source.held.minor()).sum();
            must!(held == milestone.escrow.held().minor(), "{} holds other money than came: {sources:?}", milestone.id);
            let status = milestone.status();
            let quiet = milestone.escrow.held().is_zero() && milestone.holds.is_empty();
            if status.is_terminal() {
                must!(quiet, "{} is {status:?} with money in it", milestone.id);
                must!(milestone.clocks().is_empty(), "{} is {status:?} with a timer", milestone.id);
                continue;
            }
            if let State::Disputed { dispute, resume, .. } = &milestone.state {
                must!(self.disputes.contains_key(dispute), "{} is in a dispute that is not", milestone.id);
                let frozen = !matches!(**resume, State::Approved { .. }) || milestone.holds.is_empty();
                must!(frozen, "{} is disputed while its money is on its way", milestone.id);
            }
            // Nobody works for money that is gone, or is asked to judge what is paid with it.
            let waits = matches!(
                status,
                milestone::Status::Proposed
                    | milestone::Status::Agreed
                    | milestone::Status::Funding
                    | milestone::Status::Approved
            );
            must!(waits || !milestone.escrow.held().is_zero(), "{} is {status:?} without money", milestone.id);
            if status == milestone::Status::Approved {
                must!(milestone.escrow.held().is_zero(), "{} is approved, and still holds money", milestone.id);
                must!(!milestone.holds.is_empty(), "{} is approved, and nothing is on its way", milestone.id);
            }
            if milestone.contract.is_none() {
                let offer = milestone.offer.and_then(|offer| self.offers.get(&offer));
                let draft = |offer: &domain::offer::Offer| offer.status() == domain::offer::Status::Draft;
                let open = offer.is_some_and(|offer| offer.expires_at().is_some() || draft(offer));
                must!(open, "{} is {status:?}, and its offer is over", milestone.id);
            }
            // What is approved and held goes its way, and moves nothing of what is still in escrow.
            let holds = !milestone.escrow.held().is_zero();
            let leads_on = |timer: &Timer| !(holds && matches!(timer, Timer::ReleaseMilestone(_)));
            let runs = milestone.clocks().iter().any(|(timer, _)| leads_on(timer));
            let sides = parties(milestone.client, milestone.freelancer);
            let mut can = sides.iter().map(|actor| !milestone.allowed(actor).is_empty());
            // Money leaves by itself, or each side can see to it without the other.
            let way_out = runs
                || milestone.contract.is_none()
                || status == milestone::Status::Disputed
                || if holds { can.all(|can| can) } else { can.any(|can| can) };
            must!(way_out, "{} is {status:?} without a way out", milestone.id);
        }
        Ok(())
    }

    /// For how long money is held is settled when it comes, by what the client's bank did before, and stays.
    fn check_holds(&mut self) -> Result<(), Wrong> {
        for milestone in self.milestones.values() {
            let (id, terms, status) = (milestone.id, &milestone.terms, milestone.status());
            let moved = milestone.escrow.funded().map_err(|error| error.to_string())?;
            let Some(days) = milestone.hold_days else {
                must!(moved.is_zero(), "{id} has money, and nobody knows for how long it is held");
                continue;
            };
            let longest = terms.security_hold_days.max(terms.risk_hold_days);
            must!((terms.security_hold_days..=longest).contains(&days), "{id} is held for {days} days");
            let now = terms.hold_days(self.taken_back_at(milestone.client), self.now).max(days);
            let settled = match status {
                // Until its own money comes, what is handed on to it may make it more, and never less.
                milestone::Status::Proposed | milestone::Status::Agreed | milestone::Status::Funding => {
                    self.held_days.remove(&id).unwrap_or(days).max(days)
                }
                // A gift is approved as soon as its money comes.
                milestone::Status::Funded | milestone::Status::Approved => *self.held_days.entry(id).or_insert(now),
                // Its bank had taken the money before it came.
                _ => *self.held_days.entry(id).or_insert(days),
            };
            must!(days == settled, "{id} is held for {days} days, and it was to be {settled}");
        }
        Ok(())
    }

    /// It was given the hours of its grants, and no more than its terms allow.
    fn check_grace(&self, of: CaseId, counted: u16, terms: &Terms) -> Result<(), Wrong> {
        let given: u16 = self.grants.values().filter(|grant| grant.of == of).map(|grant| grant.hours).sum();
        must!(given == counted, "{of:?} was given {given} hours, and counts {counted}");
        must!(given <= terms.grace_cap_hours, "{of:?} was given {given} hours");
        Ok(())
    }

    fn check_timesheets(&self) -> Result<(), Wrong> {
        for timesheet in self.timesheets.values() {
            self.check_pot(LedgerAccount::TimesheetEscrow(timesheet.id), &timesheet.escrow)?;
            self.check_grace(CaseId::Timesheet(timesheet.id), timesheet.grace_hours, &timesheet.terms)?;
            let state = timesheet.state.as_str();
            if timesheet.state.is_terminal() {
                must!(timesheet.escrow.held().is_zero(), "{} is {state} with money in it", timesheet.id);
                must!(timesheet.clocks().is_empty(), "{} is {state} with a timer", timesheet.id);
                continue;
            }
            must!(state != "held" || !timesheet.escrow.held().is_zero(), "{} is held without money", timesheet.id);
            let way_out = !timesheet.clocks().is_empty()
                || parties(timesheet.client, timesheet.freelancer)
                    .iter()
                    .any(|actor| !timesheet.allowed(actor).is_empty())
                || state == "disputed";
            must!(way_out, "{} is {state} without a way out", timesheet.id);
        }
        Ok(())
    }

    fn check_payouts(&self) -> Result<(), Wrong> {
        let mut paid = 0;
        for payout in self.payouts.values() {
            let balance = self.books.balance(LedgerAccount::InTransit(payout.id));
            let state = payout.state.as_str();
            let expected = if payout.state.is_terminal() { 0 } else { payout.amount.minor() };
            must!(balance == expected, "{} is {state} with {balance} in transit", payout.id);
            if state == "paid" {
                paid += payout.amount.minor();
            }
            self.check_rails(payout)?;
            let staff = person(410, None, Some(Staff::Admin));
            let way_out =
                payout.state.is_terminal() || !payout.clocks().is_empty() || !payout.allowed(&staff).is_empty();
            must!(way_out, "{} is {state} without a way out", payout.id);
        }
        let out = self.paid_out() - self.corrected(LedgerAccount::PaidOut);
        must!(out == paid, "{out} has left, payouts say {paid}");
        Ok(())
    }

    /// At most one rail ever pays a payout, or is about to: the one it is at.
    fn check_rails(&self, payout: &Payout) -> Result<(), Wrong> {
        let handed = self.outside.transfers.range((payout.id, 0)..=(payout.id, u32::MAX));
        let paying: Vec<u32> =
            handed.filter(|(_, transfer)| !transfer.returned).map(|((_, attempt), _)| *attempt).collect();
        let state = payout.state.as_str();
        let at = matches!(state, "sent" | "in_transit" | "unknown" | "paid").then_some(payout.attempt);
        // Two of our people said that it did not get there, and that it did will be told.
        let is_told = |attempt: u32| {
            let (of, said) = (payout.id, Carried::Paid);
            let is_it = |message: &Message| match message {
                Message::Rail { payout, attempt: told, says } => (*payout, *told, says) == (of, attempt, &said),
                _ => false,
            };
            let mut all = self.outside.inbox.iter().chain(self.outside.later.iter().map(|(_, later)| later));
            payout.written_off_to(attempt).is_some() && all.any(is_it)
        };
        let other = paying.iter().find(|attempt| Some(**attempt) != at && !is_told(**attempt));
        must!(
            other.is_none(),
            "{} is {state} at attempt {}, and a rail carries it as well: {paying:?}",
            payout.id,
            payout.attempt
        );
        let carried = self.outside.transfers.contains_key(&(payout.id, payout.attempt));
        must!(state != "paid" || carried, "{} is paid, and no rail was handed it", payout.id);
        let whole = payout.retention.is_none_or(|kept| kept.amount.minor() <= payout.amount.minor());
        must!(whole, "{} keeps more in dollars than it is", payout.id);
        let divided = payout.retention.is_some() && payout.state.rail().is_some_and(Rail::is_processors);
        must!(!divided, "{} is divided, and no bank has it", payout.id);
        Ok(())
    }

    fn check_disputes(&self) -> Result<(), Wrong> {
        for dispute in self.disputes.values() {
            let state = dispute.state.as_str();
            if dispute.state.is_terminal() {
                must!(dispute.clocks().is_empty(), "{} is {state} with a timer", dispute.id);
                // Nobody pays for arbitration that was not to be.
                let fees = self.books.arbitration(dispute.id);
                let heard = matches!(dispute.state, DisputeState::Executed { .. });
                must!(heard || fees == 0, "{} is {state}, and we have {fees} for arbitration", dispute.id);
                continue;
            }
            let disputed = match self.case(dispute.case) {
                Some(domain::dispute::Case::Milestone(milestone)) => match milestone.state {
                    State::Disputed { dispute: of, .. } => {
                        let held = milestone.escrow.held();
                        let less = held.minor() < dispute.total.minor() && milestone.chargebacks.is_empty();
                        must!(!less, "{} is over {}, and {held} is left", dispute.id, dispute.total);
                        of == dispute.id
                    }
                    _ => false,
                },
                Some(domain::dispute::Case::Timesheet(timesheet)) => timesheet.state.as_str() == "disputed",
                None => false,
            };
            must!(disputed, "{} is {state}, and what it is about is not disputed", dispute.id);
            let mediator = person(403, None, Some(Staff::Mediator));
            must!(!dispute.clocks().is_empty(), "{} is {state}, and may be forgotten", dispute.id);
            let way_out = silence_decides(dispute)
                || !dispute.allowed(&mediator).is_empty()
                || parties(dispute.client, dispute.freelancer).iter().any(|actor| !dispute.allowed(actor).is_empty());
            must!(way_out, "{} is {state} without a way out", dispute.id);
        }
        Ok(())
    }

    /// Every timer is one its owner wants, and every one that is wanted runs.
    fn check_timers(&self) -> Result<(), Wrong> {
        let mut wanted: BTreeMap<Timer, Timestamp> = BTreeMap::new();
        wanted.extend(self.milestones.values().flat_map(Milestone::clocks));
        wanted.extend(self.timesheets.values().flat_map(domain::timesheet::Timesheet::clocks));
        wanted.extend(self.disputes.values().flat_map(Dispute::clocks));
        wanted.extend(self.payouts.values().flat_map(Payout::clocks));
        wanted.extend(self.corrections.values().flat_map(Correction::clocks));
        wanted
            .extend(self.offers.values().filter_map(|offer| Some((Timer::ExpireOffer(offer.id), offer.expires_at()?))));
        for contract in self.contracts.values() {
            let due = contract.reviews_close_at().map(|at| (Timer::PublishReviews(contract.id), at));
            // Reviews are published by it once.
            wanted.extend(due.filter(|(timer, at)| *at > self.now || self.timers.contains_key(timer)));
        }
        for outage in self.outages.values() {
            // At its beginning, and at its end, early or not; how far it is shows only in its timer.
            let timer = Timer::ApplyOutage(outage.id);
            let ends = [Some(outage.span.from.max(outage.declared_at)), Some(outage.span.until), outage.ended_at];
            match self.timers.get(&timer) {
                Some(due) => must!(ends.contains(&Some(*due)), "{timer:?} at {due} has no owner"),
                None => {
                    let over = outage.ended_at.is_some() || outage.span.until <= self.now;
                    must!(over, "{timer:?} does not run");
                }
            }
        }
        // Those of gigs hang on what others did meanwhile.
        let told_apart = |timer: &Timer| {
            let of_gig = matches!(timer, Timer::ExpireGig(_) | Timer::WarnGigExpiry(_));
            of_gig || matches!(timer, Timer::ApplyOutage(_) | Timer::MailMessages(_))
        };
        for (timer, due) in self.timers.iter().filter(|(timer, _)| !told_apart(timer)) {
            must!(wanted.get(timer) == Some(due), "{timer:?} at {due} has no owner");
        }
        for (timer, due) in &wanted {
            must!(self.timers.contains_key(timer), "{timer:?} at {due} does not run");
        }
        Ok(())
    }

    /// What came from the processor is what it told us, once each.
    fn check_processor(&self) -> Result<(), Wrong> {
        let mut taken = 0;
        for payment in self.outside.payments.values().filter(|payment| payment.told) {
            let lost = payment.told_back.iter().filter(|(reference, _)| !payment.told_won.contains(*reference));
            taken += payment.takes - lost.map(|(_, amount)| amount).sum::<i64>();
        }
        taken -= self.on_cards();
        let at_processor = LedgerAccount::ProcessorClearing;
        let clearing = self.corrected(at_processor) - self.books.balance(at_processor);
        must!(clearing == taken, "the processor told of {taken}, the books took {clearing}");
        Ok(())
    }

    /// When all is over, no money is on its way anywhere.
    pub fn nothing_left_behind(&self) -> Result<(), Wrong> {
        for (account, balance) in &self.books.balances {
            let settled = match account {
                LedgerAccount::Escrow(_)
                | LedgerAccount::TimesheetEscrow(_)
                | LedgerAccount::Pending(_)
                | LedgerAccount::InTransit(_) => *balance == 0,
                _ => true,
            };
            must!(settled, "all is over, and {account} still has {balance}");
        }
        Ok(())
    }
}

fn person(user: u128, member_of: Option<OrganizationId>, staff: Option<Staff>) -> Actor {
    let memberships = member_of.map(|organization| (organization, MemberRole::Owner)).into_iter().collect();
    Actor::Person(Person { user: id(user), suspended: false, second_factor: true, staff, memberships })
}

/// Does a dispute come to an end by itself, if nobody moves? A reminder ends nothing.
pub fn silence_decides(dispute: &Dispute) -> bool {
    match &dispute.state {
        DisputeState::Opened { .. } | DisputeState::Recommended { .. } | DisputeState::Arbitration { .. } => true,
        DisputeState::Answered { .. }
        | DisputeState::Negotiating { .. }
        | DisputeState::Hearing { .. }
        | DisputeState::Executed { .. }
        | DisputeState::Withdrawn { .. }
        | DisputeState::Closed { .. } => false,
    }
}

/// The two sides of a thing.
pub fn parties(client: OrganizationId, freelancer: UserId) -> [Actor; 2] {
    let freelancer = Actor::Person(Person {
        user: freelancer,
        suspended: false,
        second_factor: true,
        staff: None,
        memberships: vec![],
    });
    [person(200, Some(client), None), freelancer]
}
