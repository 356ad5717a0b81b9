//! What happens next: people, the processor, the rails and the clock, by dice.

use chrono::TimeDelta;
use domain::access::{Actor, Verb};
use domain::dispute::{self, Case, Claim, Verdict};
use domain::id::{DisputeId, MilestoneId, OrganizationId, PaymentId, PayoutId, PayoutMethodId, TimesheetId, UserId};
use domain::milestone::{Approval, Deal, Kind, Milestone, MilestoneDraft, State};
use domain::payout::{Payout, PayoutMethod, PayoutRequest, Screened};
use domain::policy::Terms;
use domain::timer::Timer;
use domain::timesheet::{Hourly, TimeEntry, Timesheet};

use crate::world::{CLIENTS, FREELANCERS, For, Message, RailSays, World, Wrong, id, usd};

const MILESTONES: usize = 16;
const TIMESHEETS: usize = 6;
const PAYOUTS: usize = 8;

impl World {
    /// One step, and what it was.
    pub fn step(&mut self) -> Result<(), Wrong> {
        match self.dice.below(100) {
            0..=5 => self.time_passes(),
            6..=17 => self.timer_fires(),
            18..=35 => self.message_arrives(),
            36 => self.chargeback(),
            37..=42 => self.milestone_begins(),
            43..=72 => self.milestone_moves(),
            73..=81 => self.dispute_moves(),
            82..=91 => self.timesheet_moves(),
            _ => self.payout_moves(),
        }
    }

    fn time_passes(&mut self) -> Result<(), Wrong> {
        let next = self.timers.values().filter(|due| **due > self.now).min().copied();
        let jump = match (self.dice.below(10), next) {
            // Exactly to the next deadline, or a moment before it.
            (0..=4, Some(due)) => due - self.now,
            (5, Some(due)) => due - self.now - TimeDelta::seconds(1),
            (6..=8, _) => TimeDelta::minutes(self.dice.between(1, 600)),
            (_, _) if !self.dice.percent(20) => TimeDelta::days(self.dice.between(1, 6)),
            _ => TimeDelta::days(self.dice.between(7, 100)),
        };
        self.now += jump.max(TimeDelta::zero());
        let now = self.now;
        self.note(|| format!("it is {now}"));
        Ok(())
    }

    fn timer_fires(&mut self) -> Result<(), Wrong> {
        let due: Vec<Timer> =
            self.timers.iter().filter(|(_, due)| **due <= self.now).map(|(timer, _)| *timer).collect();
        // Now and then a worker is mistaken, and fires one that is not due, or was stopped.
        let timer = if self.dice.percent(5) {
            let all: Vec<Timer> = self.timers.keys().copied().collect();
            self.dice.pick(&all).copied()
        } else {
            self.dice.pick(&due).copied()
        };
        let Some(timer) = timer else { return Ok(()) };
        self.fire(timer)?;
        if self.dice.percent(20) {
            // Two workers took the same one.
            self.act_on(timer)?;
        }
        Ok(())
    }

    /// A worker takes up a timer, carries out its verb, and removes it unless it was set anew.
    pub fn fire(&mut self, timer: Timer) -> Result<(), Wrong> {
        let Some(due) = self.timers.get(&timer).copied() else { return Ok(()) };
        let now = self.now;
        self.note(|| format!("{timer:?} fires, due {due}, at {now}"));
        self.set_anew.clear();
        self.act_on(timer)?;
        // One that was not due was never claimed, so it stays.
        if due <= now && !self.set_anew.contains(&timer) {
            self.timers.remove(&timer);
        }
        Ok(())
    }

    fn act_on(&mut self, timer: Timer) -> Result<(), Wrong> {
        let (system, now) = (Actor::System, self.now);
        match timer {
            Timer::ExpireFunding(id) => self.on_milestone(id, |m, _| m.expire_funding(&system, now)),
            Timer::AutoApproveMilestone(id) => self.on_milestone(id, |m, _| m.auto_approve(&system, now)),
            Timer::RemindReview(id) => self.on_milestone(id, |m, _| m.remind(&system, now)),
            Timer::ReleaseMilestone(id) => self.on_milestone(id, |m, _| m.release(&system, now)),
            Timer::DormancyMilestone(id) => self.on_milestone(id, |m, _| m.age(&system, now)),
            Timer::ResolveRefundRequest(id) => {
                let Some(milestone) = self.milestones.get(&id).cloned() else { return Ok(()) };
                let fresh: DisputeId = self.fresh();
                let outcome = dispute::resolve_refund(milestone, &system, now, fresh);
                self.take(outcome, |world, (dispute, milestone)| {
                    world.disputes.extend(dispute.map(|dispute| (dispute.id, dispute)));
                    world.put_milestone(milestone);
                })?;
                Ok(())
            }
            Timer::SubmitTimesheet(id) => self.on_timesheet(id, |t, _| t.submit(&system, now, None)),
            Timer::AutoApproveTimesheet(id) => self.on_timesheet(id, |t, _| t.auto_approve(&system, now)),
            Timer::ChargeTimesheet(id) => {
                let payment: PaymentId = self.fresh();
                self.on_timesheet(id, |t, _| t.charge(&system, now, payment))
            }
            Timer::PayTimesheet(id) => self.on_timesheet(id, |t, _| t.release(&system, now)),
            Timer::AdvanceDispute(id) => {
                let Some(dispute) = self.disputes.get(&id).cloned() else { return Ok(()) };
                let Some(case) = self.case(dispute.case) else { return Ok(()) };
                let outcome = dispute.advance(case, &system, now);
                self.take_disputed(outcome)
            }
            Timer::AdvancePayout(id) => self.advance_payout(id),
            _ => Err(format!("nobody sets {timer:?} here")),
        }
    }

    fn advance_payout(&mut self, id: PayoutId) -> Result<(), Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(payout) = self.payouts.get(&id).cloned() else { return Ok(()) };
        let hit = self.dice.percent(15);
        let outcome = match payout.state.as_str() {
            "requested" => payout.screen(&system, now),
            "screening" if hit => payout.screened(&system, now, Screened::Hit("list 7".into())),
            "screening" => payout.screened(&system, now, Screened::Clear),
            "queued" => payout.send(&system, now),
            _ => payout.lost_sight(&system, now),
        };
        self.take(outcome, |world, payout| {
            world.payouts.insert(payout.id, payout);
        })?;
        Ok(())
    }

    fn message_arrives(&mut self) -> Result<(), Wrong> {
        if self.inbox.is_empty() {
            return Ok(());
        }
        let place = self.dice.below(self.inbox.len());
        let message = self.inbox[place].clone();
        // Some come again.
        if !self.dice.percent(25) {
            self.inbox.swap_remove(place);
        }
        self.hear_message(message)
    }

    pub fn hear_message(&mut self, message: Message) -> Result<(), Wrong> {
        self.note(|| format!("{message:?}"));
        let (system, now) = (Actor::System, self.now);
        match message {
            Message::Succeeded(payment) => {
                let Some(there) = self.payments.get_mut(&payment) else { return Ok(()) };
                there.told = true;
                let (of, takes) = (there.of, usd(there.takes));
                match of {
                    For::Milestone(id) => self.on_milestone(id, |m, _| m.funded(&system, now, payment, takes)),
                    For::Timesheet(id) => self.on_timesheet(id, |t, _| t.charged(&system, now, payment, takes)),
                }
            }
            Message::Failed(payment) => match self.payments.get(&payment).map(|there| there.of) {
                Some(For::Milestone(id)) => self.on_milestone(id, |m, _| m.funding_failed(&system, payment)),
                Some(For::Timesheet(id)) => self.on_timesheet(id, |t, _| t.charge_failed(&system, now, payment)),
                None => Ok(()),
            },
            Message::ChargedBack { payment, reference, amount } => {
                let Some(there) = self.payments.get_mut(&payment) else { return Ok(()) };
                there.told_back.insert(reference.clone(), amount);
                match there.of {
                    For::Milestone(id) => {
                        let Some(milestone) = self.milestones.get(&id).cloned() else { return Ok(()) };
                        let dispute = match &milestone.state {
                            State::Disputed { dispute, .. } => self.disputes.get(dispute).cloned(),
                            _ => None,
                        };
                        let outcome =
                            dispute::charge_back(milestone, dispute, &system, now, payment, &reference, usd(amount));
                        self.take(outcome, |world, (dispute, milestone)| {
                            world.disputes.extend(dispute.map(|dispute| (dispute.id, dispute)));
                            world.put_milestone(milestone);
                        })?;
                        Ok(())
                    }
                    For::Timesheet(id) => {
                        self.on_timesheet(id, |t, _| t.charge_back(&system, now, payment, &reference, usd(amount)))
                    }
                }
            }
            Message::Rail(id, says) => {
                let Some(payout) = self.payouts.get(&id).cloned() else { return Ok(()) };
                let outcome = match says {
                    RailSays::Accepted => payout.accepted(&system, now, "po"),
                    RailSays::Paid => payout.paid(&system, now),
                    RailSays::Returned => payout.returned(&system, now, "closed"),
                    RailSays::Refused(attempt) => payout.refused(&system, now, attempt, "no"),
                };
                self.take(outcome, |world, payout| {
                    world.payouts.insert(payout.id, payout);
                })?;
                Ok(())
            }
        }
    }

    /// A bank takes money back: at any time, of any payment, even before we heard of it.
    fn chargeback(&mut self) -> Result<(), Wrong> {
        let all: Vec<PaymentId> = self.payments.keys().copied().collect();
        let Some(payment) = self.dice.pick(&all).copied() else { return Ok(()) };
        let whole = self.dice.percent(60);
        let dice_amount = self.dice.roll();
        let Some(there) = self.payments.get_mut(&payment) else { return Ok(()) };
        let left = there.takes - there.charged_back;
        if left <= 0 || there.charged_back > 0 && !whole {
            return Ok(());
        }
        let amount = if whole { left } else { 1 + (dice_amount % left as u64) as i64 };
        there.charged_back += amount;
        let reference = format!("{payment}-{}", there.charged_back);
        let message = Message::ChargedBack { payment, reference, amount };
        if self.dice.percent(50) {
            self.hear_message(message)
        } else {
            self.inbox.push(message);
            Ok(())
        }
    }

    fn milestone_begins(&mut self) -> Result<(), Wrong> {
        if self.milestones.len() >= MILESTONES {
            return Ok(());
        }
        let terms = self.terms();
        let deal = Deal {
            client: id(self.dice.between(1, CLIENTS as i64) as u128),
            freelancer: id(self.dice.between(1, FREELANCERS as i64) as u128),
            contract: Some(id(1)),
            offer: None,
            terms,
        };
        let amount = match self.dice.below(4) {
            0 => 100,
            1 => self.dice.between(100, 1_000),
            _ => self.dice.between(1_000, 200_000),
        };
        let draft = MilestoneDraft { title: "Work".into(), description: String::new(), amount: usd(amount), due: None };
        let fresh: MilestoneId = self.fresh();
        let actor = self.somebody(deal.client, deal.freelancer);
        self.note(|| format!("{fresh} begins"));
        let outcome = match self.dice.below(10) {
            0..=3 => Milestone::propose(&actor, fresh, deal, draft),
            4..=6 => Ok(Milestone::agreed(fresh, deal, draft)),
            7..=8 => Ok(Milestone::agreed(fresh, Deal { contract: None, offer: Some(id(1)), ..deal }, draft)),
            _ => {
                let kind = [Kind::Bonus, Kind::Tip, Kind::Work][self.dice.below(3)];
                Milestone::give(&actor, fresh, deal, draft, kind)
            }
        };
        self.take(outcome, Self::put_milestone)?;
        Ok(())
    }

    fn terms(&mut self) -> Terms {
        let mut terms = Terms::default();
        if self.dice.percent(20) {
            terms.security_hold_days = self.dice.between(0, 14) as u16;
            terms.chargeback_takes_pending = self.dice.percent(50);
            terms.client_fee_returned = self.dice.percent(50);
        }
        if self.dice.percent(50) {
            terms.small_claims_under = usd(5_000);
            terms.arbitration_fee = usd(1_500);
        }
        terms
    }

    fn milestone_moves(&mut self) -> Result<(), Wrong> {
        let all: Vec<MilestoneId> = self.milestones.keys().copied().collect();
        let live: Vec<MilestoneId> =
            self.milestones.values().filter(|m| !m.status().is_terminal()).map(|m| m.id).collect();
        let from = if live.is_empty() || self.dice.percent(15) { &all } else { &live };
        let Some(of) = self.dice.pick(from).copied() else { return Ok(()) };
        let Some(milestone) = self.milestones.get(&of).cloned() else { return Ok(()) };
        let (client, freelancer) = (milestone.client, milestone.freelancer);
        let mut actor = self.somebody(client, freelancer);
        let mut verb = self.dice.below(21);
        // Mostly somebody does something that makes sense; and sooner goes on than gives up.
        if milestone.contract.is_some() && self.dice.percent(80) {
            let sides = crate::check::parties(client, freelancer);
            actor = sides[self.dice.below(2)].clone();
            let sensible: Vec<usize> = milestone.allowed(&actor).into_iter().filter_map(number_of).collect();
            let gives_up = |verb: usize| matches!(verb, 4 | 5 | 13 | 14 | 17);
            if let Some(chosen) = self.dice.pick(&sensible).copied()
                && (!gives_up(chosen) || self.dice.percent(30))
            {
                verb = if chosen == 10 && self.dice.percent(25) { 12 } else { chosen };
            }
        }
        let expected = self.expected(milestone.version);
        let now = self.now;
        let held = milestone.escrow.held().minor();
        let net = milestone.escrow.parts().released_net.minor();
        self.note(|| format!("verb {verb} on {of}, {:?}, by {actor:?}", milestone.status()));
        let system = Actor::System;
        match verb {
            0 => self.on_milestone(of, |m, _| m.agree(&actor, expected)),
            1 | 2 => self.on_milestone(of, |m, world| m.start_funding(&actor, now, expected, world.fresh())),
            3 => self.on_milestone(of, |m, world| {
                let credit = world.credit(client);
                m.fund_from_credit(&actor, now, expected, credit)
            }),
            4 => self.on_milestone(of, |m, _| m.stop_funding(&actor, expected)),
            5 if self.dice.percent(80) => Ok(()),
            5 => self.on_milestone(of, |m, _| m.cancel(&actor, now, expected)),
            6..=8 => self.on_milestone(of, |m, world| m.submit(&actor, now, expected, world.fresh())),
            9 => self.on_milestone(of, |m, _| m.request_changes(&actor, now, expected, "Please")),
            10 | 11 => self.on_milestone(of, |m, world| {
                let approval = match world.dice.below(3) {
                    0 => Approval::Whole,
                    _ => Approval::Part(world.amount_around(held)),
                };
                m.approve(&actor, now, expected, approval)
            }),
            12 => {
                // The shell has checked that both are of one contract; here a pair of parties has one.
                let of_pair: Vec<MilestoneId> = self
                    .milestones
                    .values()
                    .filter(|m| (m.client, m.freelancer) == (client, freelancer) && (m.id != of || m.version % 9 == 0))
                    .map(|m| m.id)
                    .collect();
                let Some(next) = self.dice.pick(&of_pair).and_then(|next| self.milestones.get(next)).cloned() else {
                    return Ok(());
                };
                let amount = self.amount_around(held);
                let outcome = milestone.approve_and_hand_over(next, &actor, now, expected, amount);
                self.take(outcome, |world, (first, second)| {
                    world.put_milestone(first);
                    world.put_milestone(second);
                })?;
                Ok(())
            }
            13 => self.on_milestone(of, |m, world| {
                let part = world.dice.percent(40).then(|| world.amount_around(held));
                m.request_refund(&actor, now, expected, part)
            }),
            14 => self.on_milestone(of, |m, _| m.agree_refund(&actor, now, expected)),
            15 => {
                if self.dice.percent(50) {
                    self.on_milestone(of, |m, _| m.refuse_refund(&actor, now, expected))
                } else {
                    self.on_milestone(of, |m, _| m.withdraw_refund(&actor, now, expected))
                }
            }
            16 => self.on_milestone(of, |m, world| {
                let amount = world.amount_around(net);
                let available = world.available(freelancer);
                let expected = expected.unwrap_or(m.version);
                m.refund_after(&actor, now, expected, amount, available)
            }),
            17 => {
                let fresh: DisputeId = self.fresh();
                let amount = self.dice.percent(50).then(|| self.amount_around(held));
                let claim = Claim { reason: "No".into(), amount };
                let outcome = dispute::open(milestone, &actor, now, expected, fresh, claim);
                self.take(outcome, |world, (dispute, milestone)| {
                    world.disputes.insert(dispute.id, dispute);
                    world.put_milestone(milestone);
                })?;
                Ok(())
            }
            18 => self.on_milestone(of, |m, _| m.keep(&actor, now, expected)),
            19 => self.on_milestone(of, |m, world| {
                let hours = world.dice.between(1, 90) as u16;
                m.extend(&actor, hours)
            }),
            // The offer of a milestone without a contract is answered.
            _ if milestone.contract.is_some() => Ok(()),
            _ if self.dice.percent(70) => self.on_milestone(of, |m, _| Ok(m.joins(id(1), now))),
            _ => self.on_milestone(of, |m, _| m.unwind(&system, now)),
        }
    }

    fn dispute_moves(&mut self) -> Result<(), Wrong> {
        let all: Vec<DisputeId> =
            self.disputes.values().filter(|dispute| !dispute.state.is_terminal()).map(|dispute| dispute.id).collect();
        let Some(of) = self.dice.pick(&all).copied() else { return Ok(()) };
        let Some(dispute) = self.disputes.get(&of).cloned() else { return Ok(()) };
        let Some(case) = self.case(dispute.case) else { return Ok(()) };
        let mut actor = self.somebody(dispute.client, dispute.freelancer);
        let mediator = self.mediator();
        let arbiter = if self.dice.percent(50) { self.admin() } else { self.mediator() };
        let expected = self.expected(dispute.version);
        let now = self.now;
        let amount = self.amount_around(dispute.total.minor());
        let (client, freelancer) = (dispute.client, dispute.freelancer);
        let mut verb = self.dice.below(14);
        if self.dice.percent(60) {
            let sides = crate::check::parties(client, freelancer);
            actor = sides[self.dice.below(2)].clone();
            let sensible: Vec<usize> = dispute.allowed(&actor).into_iter().filter_map(rung_of).collect();
            let gives_up = |rung: usize| matches!(rung, 3 | 4 | 9);
            verb = match self.dice.pick(&sensible).copied() {
                Some(5) if self.dice.percent(30) => 8,
                Some(rung) if !gives_up(rung) || self.dice.percent(30) => rung,
                _ => verb,
            };
        }
        self.note(|| format!("rung {verb} of {of}, {}, by {actor:?}", dispute.state.as_str()));
        let keep = |world: &mut Self, dispute: dispute::Dispute| {
            world.disputes.insert(dispute.id, dispute);
        };
        match verb {
            0..=2 => self.take(dispute.answer(&actor, now, expected, "No"), keep).map(drop),
            3 => self.take_disputed(dispute.concede(case, &actor, now, expected)),
            4 => self.take_disputed(dispute.withdraw(case, &actor, now, expected)),
            5..=7 => self.take_disputed(dispute.offer(case, &actor, now, expected, amount)),
            8 => self.take(dispute.recommend(&mediator, now, expected, verdict(amount), false), keep).map(drop),
            9 => self.take_disputed(dispute.accept(case, &actor, now, expected)),
            10 => self.take(dispute.refuse(&actor, now, expected), keep).map(drop),
            11 | 12 => {
                let side = domain::milestone::Side::of(domain::access::Role::of(&actor, &dispute.subject()));
                let balance = match side {
                    Some(domain::milestone::Side::Freelancer) => self.available(freelancer),
                    _ => self.credit(client),
                };
                self.take(dispute.pay_fee(&actor, now, expected, balance), keep).map(drop)
            }
            _ => self.take_disputed(dispute.award(case, &arbiter, now, expected, verdict(amount), false)),
        }
    }

    fn timesheet_moves(&mut self) -> Result<(), Wrong> {
        if self.timesheets.len() < TIMESHEETS && self.dice.percent(40) {
            let hourly = Hourly {
                contract: id(1),
                client: id::<OrganizationId>(self.dice.between(1, CLIENTS as i64) as u128),
                freelancer: id::<UserId>(self.dice.between(1, FREELANCERS as i64) as u128),
                terms: self.terms(),
                hourly_rate: usd(self.dice.between(500, 20_000)),
                limit_minutes: Some(self.dice.between(60, 2_400) as u32),
            };
            let fresh: TimesheetId = self.fresh();
            let change = Timesheet::open(fresh, hourly, self.now);
            return self
                .take(Ok(change), |world, timesheet| {
                    world.timesheets.insert(timesheet.id, timesheet);
                })
                .map(drop);
        }
        let all: Vec<TimesheetId> = self.timesheets.keys().copied().collect();
        let Some(of) = self.dice.pick(&all).copied() else { return Ok(()) };
        let Some(timesheet) = self.timesheets.get(&of).cloned() else { return Ok(()) };
        let actor = self.somebody(timesheet.client, timesheet.freelancer);
        let expected = self.expected(timesheet.version);
        let now = self.now;
        let verb = if self.dice.percent(60) && timesheet.state.as_str() == "submitted" {
            self.dice.between(6, 7) as usize
        } else {
            self.dice.below(10)
        };
        self.note(|| format!("verb {verb} on {of}, {}, by {actor:?}", timesheet.state.as_str()));
        match verb {
            0..=3 => self.on_timesheet(of, |t, world| {
                let day = t.week + TimeDelta::days(world.dice.between(-1, 5).min(world.dice.between(0, 7)));
                let minutes = world.dice.between(0, 300) as u32;
                let manual = world.dice.percent(50);
                let entry = TimeEntry { id: world.fresh(), date: day, minutes, note: "Work".into(), manual };
                t.add_entry(&actor, now, expected, entry)
            }),
            4 => match timesheet.entries.first().map(|entry| entry.id) {
                Some(entry) => self.on_timesheet(of, |t, _| t.remove_entry(&actor, expected, entry)),
                None => Ok(()),
            },
            5 => self.on_timesheet(of, |t, _| t.submit(&actor, now, expected)),
            6 => self.on_timesheet(of, |t, _| t.approve(&actor, now, expected)),
            7 => {
                let listed: Vec<_> =
                    timesheet.entries.iter().filter(|_| self.dice.percent(50)).map(|entry| entry.id).collect();
                let ids = (self.fresh(), self.fresh());
                let claim = Claim { reason: "Too long".into(), amount: None };
                let outcome = dispute::open_timesheet(timesheet, &actor, now, expected, &listed, ids, claim);
                self.take(outcome, |world, (dispute, (rest, apart))| {
                    world.disputes.insert(dispute.id, dispute);
                    world.put_case(Case::Timesheet(rest));
                    world.put_case(Case::Timesheet(apart));
                })?;
                Ok(())
            }
            _ => self.on_timesheet(of, |t, world| {
                let payment = world.fresh();
                t.pay(&actor, now, expected, payment)
            }),
        }
    }

    fn payout_moves(&mut self) -> Result<(), Wrong> {
        let user: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
        let owner = crate::check::parties(id(1), user)[1].clone();
        let actor = if self.dice.percent(60) { owner } else { self.somebody(id(1), user) };
        let now = self.now;
        let methods: Vec<PayoutMethod> = self.methods.values().filter(|m| m.user == user).cloned().collect();
        let Some(method) = self.dice.pick(&methods).cloned() else {
            let fresh: PayoutMethodId = self.fresh();
            let iban = "PK36SCBL0000001123456702";
            let outcome = PayoutMethod::add(&actor, now, fresh, user, iban, "Lin Khan", &Terms::default());
            return self
                .take(outcome, |world, method| {
                    world.methods.insert(method.id, method);
                })
                .map(drop);
        };
        if self.payouts.len() < PAYOUTS && self.dice.percent(50) && self.available(user).minor() > 1_500 {
            let available = self.available(user);
            let request = PayoutRequest {
                amount: self.amount_around(available.minor()),
                purpose_code: "9471".into(),
                reauthenticated: self.dice.percent(95),
            };
            let fresh: PayoutId = self.fresh();
            self.note(|| format!("{fresh}: {} of {available} by {actor:?}", request.amount));
            let outcome = Payout::request(&actor, now, fresh, &method, request, available, Terms::default());
            return self
                .take(outcome, |world, payout| {
                    world.payouts.insert(payout.id, payout);
                })
                .map(drop);
        }
        let all: Vec<PayoutId> = self.payouts.keys().copied().collect();
        let Some(payout) = self.dice.pick(&all).and_then(|id| self.payouts.get(id)).cloned() else { return Ok(()) };
        let owner = crate::check::parties(id(1), payout.user)[1].clone();
        let actor = if self.dice.percent(50) { owner } else { self.somebody(id(1), payout.user) };
        let admin = self.admin();
        let expected = self.expected(payout.version);
        let verb = self.dice.below(6);
        self.note(|| format!("verb {verb} on {}, {}", payout.id, payout.state.as_str()));
        let outcome = match verb {
            0 => payout.cancel(&actor, now, expected),
            1 => payout.unblock(&admin, now, expected),
            2 => payout.reject(&admin, now, expected, "No"),
            _ => payout.approve(&admin, now, expected),
        };
        self.take(outcome, |world, payout| {
            world.payouts.insert(payout.id, payout);
        })
        .map(drop)
    }

    /// Everybody is reasonable or silent, and time passes: everything must come to an end.
    pub fn winds_down(&mut self) -> Result<(), Wrong> {
        for _ in 0..5_000 {
            while let Some(message) = self.inbox.pop() {
                self.hear_message(message)?;
            }
            if self.is_over() {
                return self.nothing_left_behind();
            }
            self.everybody_gives_way()?;
            self.check()?;
            if let Some((timer, due)) =
                self.timers.iter().min_by_key(|(_, due)| **due).map(|(timer, due)| (*timer, *due))
            {
                self.now = self.now.max(due);
                self.fire(timer)?;
                self.check()?;
            }
        }
        let left: Vec<String> = self
            .milestones
            .values()
            .filter(|milestone| !milestone.status().is_terminal())
            .map(|milestone| format!("{} {:?}", milestone.id, milestone.status()))
            .chain(
                self.disputes
                    .values()
                    .filter(|d| !d.state.is_terminal())
                    .map(|d| format!("{} {}", d.id, d.state.as_str())),
            )
            .chain(
                self.timesheets
                    .values()
                    .filter(|t| !t.state.is_terminal())
                    .map(|t| format!("{} {}", t.id, t.state.as_str())),
            )
            .chain(
                self.payouts
                    .values()
                    .filter(|p| !p.state.is_terminal())
                    .map(|p| format!("{} {}", p.id, p.state.as_str())),
            )
            .collect();
        Err(format!("never over: {left:?}"))
    }

    fn is_over(&self) -> bool {
        self.milestones.values().all(|milestone| milestone.status().is_terminal())
            && self.disputes.values().all(|dispute| dispute.state.is_terminal())
            && self.timesheets.values().all(|timesheet| timesheet.state.is_terminal())
            && self.payouts.values().all(|payout| payout.state.is_terminal())
    }

    /// What each side would do who wants to be done with it; where a clock runs it may as well wait.
    fn everybody_gives_way(&mut self) -> Result<(), Wrong> {
        let now = self.now;
        let system = Actor::System;
        for of in self.milestones.keys().copied().collect::<Vec<_>>() {
            let Some(milestone) = self.milestones.get(&of).cloned() else { continue };
            let [client, freelancer] = crate::check::parties(milestone.client, milestone.freelancer);
            if milestone.contract.is_none() && !milestone.status().is_terminal() {
                self.on_milestone(of, |m, _| m.unwind(&system, now))?;
                continue;
            }
            if !milestone.clocks().is_empty() {
                continue;
            }
            match milestone.state {
                State::Proposed { .. } => self.on_milestone(of, |m, _| m.cancel(&client, now, None))?,
                State::Agreed { .. } if milestone.escrow.held().is_zero() => {
                    self.on_milestone(of, |m, _| m.cancel(&client, now, None))?;
                }
                State::Agreed { .. } => self.on_milestone(of, |m, _| m.request_refund(&client, now, None, None))?,
                State::ChangesRequested { .. } => {
                    self.on_milestone(of, |m, world| m.submit(&freelancer, now, None, world.fresh()))?;
                }
                _ => (),
            }
        }
        for of in self.disputes.keys().copied().collect::<Vec<_>>() {
            let Some(dispute) = self.disputes.get(&of).cloned() else { continue };
            if dispute.state.is_terminal() || crate::check::silence_decides(&dispute) {
                continue;
            }
            let Some(case) = self.case(dispute.case) else { continue };
            // The mediators' queue: a recommendation, or an award by another of them.
            let half = dispute.total.split(&[1, 1])[0];
            let arbiter = self.admin();
            if dispute.state.as_str() == "hearing" {
                self.take_disputed(dispute.award(case, &arbiter, now, None, verdict(half), false))?;
            } else {
                let mediator = self.mediator();
                self.take(dispute.recommend(&mediator, now, None, verdict(half), false), |world, dispute| {
                    world.disputes.insert(dispute.id, dispute);
                })?;
            }
        }
        for of in self.timesheets.keys().copied().collect::<Vec<_>>() {
            let Some(timesheet) = self.timesheets.get(&of).cloned() else { continue };
            if timesheet.state.as_str() == "unpaid" {
                let [client, _] = crate::check::parties(timesheet.client, timesheet.freelancer);
                self.on_timesheet(of, |t, world| t.pay(&client, now, None, world.fresh()))?;
            }
        }
        for of in self.payouts.keys().copied().collect::<Vec<_>>() {
            let Some(payout) = self.payouts.get(&of).cloned() else { continue };
            let admin = self.admin();
            let outcome = match payout.state.as_str() {
                "blocked" => payout.reject(&admin, now, None, "No"),
                "queued" if payout.clocks().is_empty() => payout.approve(&admin, now, None),
                // Asked at last, the rail says what became of it.
                "unknown" => payout.returned(&system, now, "lost"),
                _ => continue,
            };
            self.take(outcome, |world, payout| {
                world.payouts.insert(payout.id, payout);
            })?;
        }
        Ok(())
    }

    fn on_milestone(
        &mut self,
        of: MilestoneId,
        verb: impl FnOnce(Milestone, &mut Self) -> Result<domain::change::Change<Milestone>, domain::refusal::Refusal>,
    ) -> Result<(), Wrong> {
        let Some(milestone) = self.milestones.get(&of).cloned() else { return Ok(()) };
        let before = (milestone.is_disputed(), milestone.version, milestone.escrow.held());
        let outcome = verb(milestone, self);
        if let (true, Ok(change)) = (before.0, &outcome) {
            // Only the dispute itself and the client's bank move money that is in dispute.
            let held = change.next.escrow.held();
            if held != before.2 && !matches!(change.next.state, State::ChargedBack { .. }) {
                return Err(format!("{of} is disputed, and its money moved from {} to {held}", before.2));
            }
        }
        if let Ok(change) = &outcome {
            let grew = change.next.version > before.1;
            if grew != change.changed {
                return Err(format!("{of}: changed is {}, and the version says {grew}", change.changed));
            }
        }
        self.take(outcome, Self::put_milestone)?;
        Ok(())
    }

    fn on_timesheet(
        &mut self,
        of: TimesheetId,
        verb: impl FnOnce(Timesheet, &mut Self) -> Result<domain::change::Change<Timesheet>, domain::refusal::Refusal>,
    ) -> Result<(), Wrong> {
        let Some(timesheet) = self.timesheets.get(&of).cloned() else { return Ok(()) };
        let outcome = verb(timesheet, self);
        self.take(outcome, |world, timesheet| {
            world.timesheets.insert(timesheet.id, timesheet);
        })?;
        Ok(())
    }

    fn take_disputed(&mut self, outcome: Result<dispute::Disputed, domain::refusal::Refusal>) -> Result<(), Wrong> {
        self.take(outcome, |world, (dispute, case)| {
            world.disputes.insert(dispute.id, dispute);
            world.put_case(case);
        })
        .map(drop)
    }
}

/// Which of the moves of a milestone this verb is.
fn number_of(verb: Verb) -> Option<usize> {
    let number = match verb {
        Verb::MilestoneAgree => 0,
        Verb::MilestoneFund => 1,
        Verb::MilestoneStopFunding => 4,
        Verb::MilestoneCancel => 5,
        Verb::MilestoneSubmit => 6,
        Verb::MilestoneRequestChanges => 9,
        Verb::MilestoneApprove => 10,
        Verb::MilestoneRequestRefund => 13,
        Verb::MilestoneAgreeRefund => 14,
        Verb::MilestoneRefuseRefund | Verb::MilestoneWithdrawRefund => 15,
        Verb::MilestoneRefundAfter => 16,
        Verb::MilestoneDispute => 17,
        Verb::MilestoneKeep => 18,
        _ => return None,
    };
    Some(number)
}

fn verdict(to_freelancer: domain::money::Money) -> Verdict {
    Verdict { to_freelancer, reason: "As I see it".to_owned() }
}

/// Which of the moves of a dispute this verb is.
fn rung_of(verb: Verb) -> Option<usize> {
    let rung = match verb {
        Verb::DisputeAnswer => 0,
        Verb::DisputeConcede => 3,
        Verb::DisputeWithdraw => 4,
        Verb::DisputeOffer => 5,
        Verb::DisputeAccept => 9,
        Verb::DisputeRefuse => 10,
        Verb::DisputePayFee => 11,
        _ => return None,
    };
    Some(rung)
}
