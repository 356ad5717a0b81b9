//! What happens next, by dice: people, the processor, the rails and the clock. Mostly somebody does
//! something that makes sense, and now and then anybody does anything.

use chrono::TimeDelta;
use domain::access::{Actor, MemberRole, Person, Staff, Verb};
use domain::contract::{Engagement, HoldReason};
use domain::correction::CorrectionDraft;
use domain::id::{ContractId, DisputeId, MilestoneId, OfferId, OrganizationId, OutageId, TimesheetId, UserId};
use domain::ledger::LedgerAccount;
use domain::milestone::{Approval, Kind, Status};
use domain::money::Money;
use domain::outage::Span;
use domain::policy::Terms;
use domain::timer::Timer;

use super::check::parties;
use super::moves::{
    ContractAct, CorrectionAct, DisputeAct, Gift, MilestoneAct, Move, OfferAct, OfferTerms, Pay, TimesheetAct, Work,
};
use super::outages::{CLIENTS_ZONE, FREELANCERS_ZONES};
use super::world::{CLIENTS, FREELANCERS, World, id, usd};

const MILESTONES: usize = 16;
const TIMESHEETS: usize = 10;
const OUTAGES: usize = 5;
/// So much of what happens comes before a contract, where there is a trade.
const TRADE: u64 = 30;
/// And so much of that is said, elsewhere than where people talk much.
pub const WORDS: u64 = 35;
/// Tokens of cards. Whether one works is up to the dice.
pub const CARDS: [&str; 2] = ["pm_sandbox_visa", "pm_sandbox_silent"];

/// The name that the sandbox's screening stops at.
pub const LISTED: &str = "Sandbox Sanctioned Person";

impl World {
    /// The next move; none if nothing comes of what the dice said.
    pub fn choose(&mut self) -> Option<Move> {
        let trades = self.trades && self.trading.percent(TRADE);
        let next = match trades {
            true if self.words > 0 && self.trading.percent(self.words) => self.word_moves()?,
            true => self.trade_moves()?,
            false => self.choose_anything()?,
        };
        Some(self.as_they_are(next))
    }

    fn choose_anything(&mut self) -> Option<Move> {
        // Nobody stays suspended for long: there is more to play.
        let suspended = self.users.values().find(|user| user.suspended_at.is_some()).map(|user| user.id);
        if let Some(user) = suspended.filter(|_| self.dice.percent(4)) {
            return Some(Move::UserReinstate { by: self.admin(), user });
        }
        if self.rich && self.dice.percent(20) {
            return match self.dice.below(20) {
                0 => Some(self.people_move()),
                1..=3 => self.timer_fires(),
                4..=5 => Some(Move::EventsAreTold),
                _ => self.payout_moves(),
            };
        }
        if self.prompt
            && self.dice.percent(40)
            && let Some(next) = self.goes_by_the_clock()
        {
            return Some(next);
        }
        if self.stubborn
            && self.dice.percent(30)
            && let Some(next) = self.goes_to_the_end()
        {
            return Some(next);
        }
        match self.dice.below(100) {
            0..=4 => Some(self.time_passes()),
            5..=15 => self.timer_fires(),
            16..=19 => Some(Move::EventsAreTold),
            20..=34 => self.message(),
            35 => match self.dice.below(10) {
                0..=4 => Some(self.outage_moves()),
                _ => Some(self.people_move()),
            },
            36 => self.chargeback(),
            37..=42 => self.milestone_begins(),
            43..=72 => self.milestone_moves(),
            73..=81 => self.dispute_moves(),
            82..=89 => self.timesheet_moves(),
            90..=91 => self.offer_or_contract_moves(),
            92..=93 if self.sends_to_cards => self.card_moves(),
            94 => self.correction_moves(),
            _ => self.payout_moves(),
        }
    }

    /// A contract for each pair, each under terms of its own, so that there is something to do.
    pub fn beginning(&mut self) -> Vec<Move> {
        let mut moves = Vec::new();
        for client in 1..=CLIENTS {
            for freelancer in 1..=FREELANCERS {
                let terms = self.hourly(id(client), id(freelancer));
                let (of, contract) = (terms.offer, terms.contract);
                let [owner, freelancer] = parties(id(client), id(freelancer));
                moves.push(Move::PolicyChanges(Box::new(self.terms())));
                moves.push(Move::OfferCreate { by: owner.clone(), terms });
                moves.push(Move::Offer { by: freelancer, of, expected: None, act: OfferAct::Accept });
                if self.dice.percent(70) {
                    moves.push(Move::CardSet { by: owner, contract, token: CARDS[0] });
                }
            }
        }
        if self.rich {
            moves.extend((1..=FREELANCERS).flat_map(|freelancer| self.made_rich(id(freelancer))));
        }
        moves
    }

    /// Two of our people make a freelancer rich, who has two accounts.
    fn made_rich(&mut self, freelancer: UserId) -> Vec<Move> {
        let [by, another] = [410, 411].map(|n| person(n, vec![], Some(Staff::Admin)));
        let [_, themselves] = parties(id(1), freelancer);
        let (from, to) = (LedgerAccount::Losses, LedgerAccount::Available(freelancer));
        let amount = usd(self.dice.between(10_000, 500_000));
        let reason = "They were paid too little".to_owned();
        let draft =
            CorrectionDraft { from, to, amount, reason, cause: None, settles: None, came_with: None, chargeback: None };
        let (correction, act) = (self.fresh(), CorrectionAct::Approve);
        let (in_rupees, in_dollars) = (self.account(false), self.account(true));
        vec![
            Move::CorrectionPropose { by, correction, draft: Box::new(draft) },
            Move::Correction { by: another, of: correction, expected: None, act },
            Move::PayoutMethodAdd { by: themselves.clone(), method: self.fresh(), account: in_rupees },
            Move::PayoutMethodAdd { by: themselves, method: self.fresh(), account: in_dollars },
        ]
    }

    fn time_passes(&mut self) -> Move {
        let next = self.timers.values().filter(|due| **due > self.now).min().copied();
        let jump = match (self.dice.below(10), next) {
            // Exactly to the next deadline, or a moment before it.
            (0..=4, Some(due)) => due - self.now,
            (5, Some(due)) => due - self.now - TimeDelta::seconds(1),
            (6..=8, _) => TimeDelta::minutes(self.dice.between(1, 600)),
            (_, _) if !self.dice.percent(20) => TimeDelta::days(self.dice.between(1, 6)),
            _ => TimeDelta::days(self.dice.between(7, 200)),
        };
        Move::TimePasses(self.now + jump.max(TimeDelta::zero()))
    }

    pub(super) fn timer_fires(&mut self) -> Option<Move> {
        let due: Vec<Timer> =
            self.timers.iter().filter(|(_, due)| **due <= self.now).map(|(timer, _)| *timer).collect();
        // Now and then a worker is mistaken, and fires one that is not due.
        let timer = if self.dice.percent(5) {
            let all: Vec<Timer> = self.timers.keys().copied().collect();
            self.dice.pick(&all).copied()?
        } else {
            self.dice.pick(&due).copied()?
        };
        Some(Move::TimerFires { timer, again: self.dice.percent(20) })
    }

    fn milestone_begins(&mut self) -> Option<Move> {
        if self.milestones.len() >= MILESTONES {
            return None;
        }
        if self.dice.percent(3) {
            return Some(Move::PolicyChanges(Box::new(self.terms())));
        }
        let amount = match self.dice.below(4) {
            0 => 100,
            1 => self.dice.between(100, 1_000),
            _ => self.dice.between(1_000, 200_000),
        };
        if self.dice.percent(30) {
            let client = id(self.dice.between(1, CLIENTS as i64) as u128);
            let freelancer = id(self.dice.between(1, FREELANCERS as i64) as u128);
            let by = if self.dice.percent(85) { self.client(client) } else { self.somebody(client, freelancer) };
            let terms = if self.dice.percent(10) {
                self.hourly(client, freelancer)
            } else {
                let mut milestones = vec![(self.fresh(), usd(amount))];
                if self.dice.percent(30) {
                    milestones.push((self.fresh(), usd(self.dice.between(100, 50_000))));
                }
                OfferTerms {
                    offer: self.fresh(),
                    contract: self.fresh(),
                    client,
                    freelancer,
                    pay: Pay::Fixed(milestones),
                }
            };
            return Some(Move::OfferCreate { by, terms });
        }
        // Some contracts get more work than others.
        let all: Vec<ContractId> = self.contracts.keys().copied().collect();
        let place = self.dice.below(all.len()).min(self.dice.below(all.len())).min(self.dice.below(all.len()));
        let contract = all.get(place).copied()?;
        let (client, freelancer) = self.contracts.get(&contract).map(|c| (c.client, c.freelancer))?;
        let milestone = self.fresh();
        let amount = usd(amount);
        if self.dice.percent(12) {
            let by = if self.dice.percent(80) { self.client(client) } else { self.somebody(client, freelancer) };
            let kind = [Kind::Bonus, Kind::Tip, Kind::Work][self.dice.below(3)];
            let payment = if self.dice.percent(80) { Some(self.fresh()) } else { None };
            return Some(Move::MilestoneGive { by, gift: Gift { milestone, contract, amount, kind, payment } });
        }
        let by = self.somebody(client, freelancer);
        Some(Move::MilestonePropose { by, milestone, contract, amount })
    }

    fn hourly(&mut self, client: OrganizationId, freelancer: UserId) -> OfferTerms {
        let rate = usd(self.dice.between(500, 20_000));
        let weekly_limit_minutes = self.dice.between(60, 2_400) as u32;
        let pay = Pay::Hourly { rate, weekly_limit_minutes };
        OfferTerms { offer: self.fresh(), contract: self.fresh(), client, freelancer, pay }
    }

    fn terms(&mut self) -> Terms {
        let mut terms = Terms::default();
        if self.dice.percent(20) {
            terms.security_hold_days = self.dice.between(0, 14) as u16;
            terms.risk_hold_days = self.dice.between(i64::from(terms.security_hold_days), 14) as u16;
            terms.risk_days = self.dice.between(0, 60) as u16;
            terms.chargeback_takes_pending = self.dice.percent(50);
            terms.client_fee_returned = self.dice.percent(50);
        }
        if self.dice.percent(30) {
            terms.refund_after_days = self.dice.between(1, 30) as u16;
            terms.tip_days = self.dice.between(0, 5) as u16;
        }
        if self.dice.percent(20) {
            terms.payout_day_count = self.dice.between(1, 3) as u16;
            terms.payout_day_max = usd(self.dice.between(1_000, 200_000));
            terms.retention_month_max = usd(self.dice.between(0, 20_000));
        }
        if self.dice.percent(50) {
            terms.small_claims_under = usd(5_000);
            terms.arbitration_fee = usd(500);
        }
        terms
    }

    fn outage_moves(&mut self) -> Move {
        let by = if self.dice.percent(90) { self.admin() } else { self.somebody(id(1), id(1)) };
        let all: Vec<OutageId> = self.outages.keys().copied().collect();
        if let Some(of) = self.dice.pick(&all).copied()
            && (all.len() >= OUTAGES || self.dice.percent(40))
        {
            return Move::OutageEnd { by, of };
        }
        let zones = [
            vec![FREELANCERS_ZONES[0]],
            vec![CLIENTS_ZONE],
            vec![FREELANCERS_ZONES[0], FREELANCERS_ZONES[2], CLIENTS_ZONE],
            vec!["Mars/Olympus"],
        ];
        let zones = zones[self.dice.below(4).min(self.dice.below(4))].clone();
        let from = self.now + TimeDelta::hours(self.dice.between(-72, 48));
        let until = from + TimeDelta::minutes(self.dice.between(0, 6_000));
        Move::OutageDeclare { by, outage: self.fresh(), zones, span: Span { from, until } }
    }

    fn offer_or_contract_moves(&mut self) -> Option<Move> {
        let open: Vec<OfferId> =
            self.offers.values().filter(|offer| offer.expires_at().is_some()).map(|offer| offer.id).collect();
        if self.dice.percent(70)
            && let Some(of) = self.dice.pick(&open).copied()
        {
            return self.offer_moves(of);
        }
        let all: Vec<ContractId> = self.contracts.keys().copied().collect();
        let of = self.dice.pick(&all).copied()?;
        let (client, freelancer, version, status) =
            self.contracts.get(&of).map(|c| (c.client, c.freelancer, c.version, c.status().as_str()))?;
        let by = self.somebody(client, freelancer);
        let expected = self.expected(version);
        let reason = HoldReason::ALL[self.dice.below(HoldReason::ALL.len())];
        let (by, act) = match self.dice.below(12) {
            0 => (by, ContractAct::End),
            1..=2 => (by, ContractAct::Pause),
            3..=6 if status == "ending" => (self.admin(), ContractAct::Hold(reason)),
            3 => (if self.dice.percent(80) { self.admin() } else { by }, ContractAct::Hold(reason)),
            4..=6 => (if self.dice.percent(80) { self.admin() } else { by }, ContractAct::Lift(reason)),
            _ if status == "active" => return None,
            _ => (by, ContractAct::Resume),
        };
        Some(Move::Contract { by, of, expected, act })
    }

    fn offer_moves(&mut self, of: OfferId) -> Option<Move> {
        let (client, freelancer, version) = self.offers.get(&of).map(|o| (o.client, o.freelancer, o.version))?;
        let expected = self.expected(version);
        let act = match self.dice.below(10) {
            0 => OfferAct::Withdraw,
            1 => OfferAct::Decline,
            _ => OfferAct::Accept,
        };
        let [owner, person] = parties(client, freelancer);
        let by = match act {
            _ if self.dice.percent(15) => self.somebody(client, freelancer),
            OfferAct::Withdraw => owner,
            OfferAct::Accept | OfferAct::Decline => person,
        };
        Some(Move::Offer { by, of, expected, act })
    }

    fn milestone_moves(&mut self) -> Option<Move> {
        let all: Vec<MilestoneId> = self.milestones.keys().copied().collect();
        let live: Vec<MilestoneId> =
            self.milestones.values().filter(|m| !m.status().is_terminal()).map(|m| m.id).collect();
        let from = if live.is_empty() || self.dice.percent(15) { &all } else { &live };
        let of = self.dice.pick(from).copied()?;
        let milestone = self.milestones.get(&of)?;
        let (client, freelancer, version, contract) =
            (milestone.client, milestone.freelancer, milestone.version, milestone.contract);
        let held = milestone.escrow.held().minor();
        let net = milestone.escrow.parts().released_net.minor();
        // One without a contract waits for the answer to its offer.
        if contract.is_none() && self.dice.percent(30) {
            return match milestone_offer(self, of) {
                Some(offer) => self.offer_moves(offer),
                None => None,
            };
        }
        let mut by = self.somebody(client, freelancer);
        let mut verb = self.dice.below(20);
        // Mostly somebody does something that makes sense; and sooner goes on than gives up.
        if self.dice.percent(80) {
            let sides = parties(client, freelancer);
            by = sides[self.dice.below(2)].clone();
            let sensible: Vec<usize> =
                self.milestones.get(&of)?.allowed(&by).into_iter().filter_map(number_of).collect();
            let gives_up = |verb: usize| matches!(verb, 4 | 5 | 13 | 14 | 17);
            if let Some(chosen) = self.dice.pick(&sensible).copied()
                && (!gives_up(chosen) || self.dice.percent(30))
            {
                verb = if chosen == 10 && self.dice.percent(40) { 12 } else { chosen };
            }
        }
        let expected = self.expected(version);
        let mut meant = expected;
        let act = match verb {
            0 => MilestoneAct::Agree,
            1 | 2 => MilestoneAct::Fund(self.fresh()),
            3 => MilestoneAct::FundFromCredit,
            4 => MilestoneAct::StopFunding,
            5 if self.dice.percent(80) => return None,
            5 => MilestoneAct::Cancel,
            6..=8 => MilestoneAct::Submit(self.fresh()),
            9 => MilestoneAct::RequestChanges,
            10 | 11 => match self.dice.below(3) {
                0 => MilestoneAct::Approve(Approval::Whole),
                _ => MilestoneAct::Approve(Approval::Part(self.amount_around(held))),
            },
            12 => {
                // Mostly another one of the same contract that can take it.
                let strict = self.dice.percent(90);
                let takes = |status| matches!(status, Status::Agreed | Status::Funded);
                let others: Vec<MilestoneId> = self
                    .milestones
                    .values()
                    .filter(|m| !strict || m.contract == contract && m.id != of && takes(m.status()))
                    .map(|m| m.id)
                    .collect();
                let to = self.dice.pick(&others).copied()?;
                MilestoneAct::HandOver(to, self.amount_around(held))
            }
            13 => MilestoneAct::RequestRefund(self.dice.percent(40).then(|| self.amount_around(held))),
            14 => MilestoneAct::AgreeRefund,
            15 if self.dice.percent(50) => MilestoneAct::RefuseRefund,
            15 => MilestoneAct::WithdrawRefund,
            16 => {
                meant = expected.or(Some(version));
                MilestoneAct::RefundAfter(self.amount_around(net))
            }
            17 => {
                let amount = self.dice.percent(50).then(|| self.amount_around(held));
                MilestoneAct::Dispute(self.fresh(), amount)
            }
            18 => MilestoneAct::Keep,
            _ => return None,
        };
        Some(Move::Milestone { by, of, expected: meant, act })
    }

    fn dispute_moves(&mut self) -> Option<Move> {
        let all: Vec<DisputeId> =
            self.disputes.values().filter(|dispute| !dispute.state.is_terminal()).map(|dispute| dispute.id).collect();
        let of = self.dice.pick(&all).copied()?;
        let dispute = self.disputes.get(&of)?;
        let (client, freelancer, version, total) =
            (dispute.client, dispute.freelancer, dispute.version, dispute.total.minor());
        let mut by = self.somebody(client, freelancer);
        let expected = self.expected(version);
        let amount = self.amount_around(total);
        let mut verb = self.dice.below(14);
        if self.dice.percent(60) {
            let sides = parties(client, freelancer);
            by = sides[self.dice.below(2)].clone();
            let sensible: Vec<usize> = self.disputes.get(&of)?.allowed(&by).into_iter().filter_map(rung_of).collect();
            let gives_up = |rung: usize| matches!(rung, 3 | 4 | 9);
            verb = match self.dice.pick(&sensible).copied() {
                Some(5) if self.dice.percent(30) => 8,
                Some(rung) if !gives_up(rung) || self.dice.percent(30) => rung,
                _ => verb,
            };
        }
        let mut meant = expected;
        let act = match verb {
            0..=2 => DisputeAct::Answer,
            3 => DisputeAct::Concede,
            4 => DisputeAct::Withdraw,
            5..=7 => DisputeAct::Offer(amount),
            8 => {
                by = self.mediator();
                DisputeAct::Recommend(amount)
            }
            9 => DisputeAct::Accept,
            10 => DisputeAct::Refuse,
            11 | 12 => {
                meant = expected.or(Some(version));
                DisputeAct::PayFee
            }
            _ => {
                by = if self.dice.percent(50) { self.admin() } else { self.mediator() };
                DisputeAct::Award(amount)
            }
        };
        Some(Move::Dispute { by, of, expected: meant, act })
    }

    fn timesheet_moves(&mut self) -> Option<Move> {
        match self.dice.below(20) {
            0 => self.card_is_named(),
            1..=9 => self.work_is_written_down(),
            _ => self.week_moves(),
        }
    }

    fn hourly_contract(&mut self) -> Option<(ContractId, OrganizationId, UserId)> {
        let hourly = self.contracts.values().filter(|c| matches!(c.engagement, Engagement::Hourly { .. }));
        let hourly: Vec<_> = hourly.map(|c| (c.id, c.client, c.freelancer)).collect();
        // Now and then somebody is mistaken in the contract.
        let all: Vec<_> = self.contracts.values().map(|c| (c.id, c.client, c.freelancer)).collect();
        let from = if self.dice.percent(3) { &all } else { &hourly };
        self.dice.pick(from).copied()
    }

    fn card_is_named(&mut self) -> Option<Move> {
        let (contract, client, freelancer) = self.hourly_contract()?;
        let by = if self.dice.percent(80) { self.client(client) } else { self.somebody(client, freelancer) };
        let token = if self.dice.percent(90) { CARDS[self.dice.below(CARDS.len())] } else { "4242 4242 4242 4242" };
        Some(Move::CardSet { by, contract, token })
    }

    fn work_is_written_down(&mut self) -> Option<Move> {
        let (contract, client, freelancer) = self.hourly_contract()?;
        let [_, themselves] = parties(client, freelancer);
        let by = if self.dice.percent(80) { themselves } else { self.somebody(client, freelancer) };
        // Mostly of today or yesterday; sometimes of a week that is over, or of tomorrow.
        let ago = self.dice.between(-1, 8).min(self.dice.between(-1, 8)).min(self.dice.between(0, 8));
        let date = self.now.date_naive() - TimeDelta::days(ago);
        let version = self.week_begun(contract, date).map(|week| week.version);
        if version.is_none() && self.timesheets.len() >= TIMESHEETS {
            return None;
        }
        let expected = version.and_then(|version| self.expected(version));
        let minutes = self.dice.between(0, 300) as u32;
        let work = Work { entry: self.fresh(), date, minutes, manual: self.dice.percent(50) };
        Some(Move::TimeEntryAdd { by, contract, week: self.fresh(), expected, work })
    }

    fn week_moves(&mut self) -> Option<Move> {
        let all: Vec<TimesheetId> = self.timesheets.keys().copied().collect();
        let live: Vec<TimesheetId> =
            self.timesheets.values().filter(|t| !t.state.is_terminal()).map(|t| t.id).collect();
        let from = if live.is_empty() || self.dice.percent(15) { &all } else { &live };
        let of = self.dice.pick(from).copied()?;
        let timesheet = self.timesheets.get(&of)?.clone();
        let mut by = self.somebody(timesheet.client, timesheet.freelancer);
        let expected = self.expected(timesheet.version);
        let mut verb = self.dice.below(5);
        if self.dice.percent(70) {
            by = parties(timesheet.client, timesheet.freelancer)[self.dice.below(2)].clone();
            let sensible: Vec<usize> = timesheet.allowed(&by).into_iter().filter_map(act_of).collect();
            verb = self.dice.pick(&sensible).copied().unwrap_or(verb);
        }
        let entries: Vec<_> = timesheet.entries.iter().map(|entry| entry.id).collect();
        let act = match verb {
            0 if self.dice.percent(70) => return None,
            0 => TimesheetAct::RemoveEntry(entries.first().copied()?),
            1 => TimesheetAct::Submit,
            2 => TimesheetAct::Approve,
            3 => TimesheetAct::Dispute {
                listed: entries.into_iter().filter(|_| self.dice.percent(50)).collect(),
                dispute: self.fresh(),
                apart: self.fresh(),
            },
            4 => TimesheetAct::Pay(self.fresh(), self.dice.percent(60).then_some(CARDS[0])),
            _ => TimesheetAct::WriteOff,
        };
        Some(Move::Timesheet { by, of, expected, act })
    }

    /// Somebody: mostly a party to the thing, sometimes anybody.
    pub(super) fn somebody(&mut self, client: OrganizationId, freelancer: UserId) -> Actor {
        let [_, freelancer_themselves] = parties(client, freelancer);
        match self.dice.below(20) {
            0..=8 => self.client(client),
            9..=16 => freelancer_themselves,
            17 => {
                let roles = MemberRole::ALL;
                let role = roles[self.dice.below(roles.len())];
                person(300, vec![(client, role)], None)
            }
            18 => [person(400, vec![], Some(Staff::Admin)), person(401, vec![], Some(Staff::Mediator))]
                [self.dice.below(2)]
            .clone(),
            _ => [
                Actor::Nobody,
                person(500, vec![], None),
                Actor::Person(Person {
                    user: freelancer,
                    suspended: true,
                    second_factor: true,
                    staff: None,
                    memberships: vec![],
                }),
                Actor::System,
            ][self.dice.below(4)]
            .clone(),
        }
    }

    pub(super) fn client(&mut self, client: OrganizationId) -> Actor {
        let role = [MemberRole::Owner, MemberRole::Admin][self.dice.below(2)];
        person(200, vec![(client, role)], None)
    }

    pub(super) fn mediator(&mut self) -> Actor {
        let n = self.dice.below(2) as u128;
        person(401 + n, vec![], Some(Staff::Mediator))
    }

    pub(super) fn admin(&mut self) -> Actor {
        let n = self.dice.below(3) as u128;
        person(410 + n, vec![], Some(Staff::Admin))
    }

    /// None, the version that stands, or sometimes one that is stale.
    pub(super) fn expected(&mut self, version: i64) -> Option<i64> {
        match self.dice.below(20) {
            0 => Some(version - 1),
            1..=6 => Some(version),
            _ => None,
        }
    }

    /// An amount around `of`: all of it, part of it, or too much.
    pub(super) fn amount_around(&mut self, of: i64) -> Money {
        match self.dice.below(8) {
            0 => usd(of),
            1 => usd(of + self.dice.between(1, 500)),
            2 => usd(0),
            _ => usd(self.dice.between(0, of.max(0))),
        }
    }
}

pub fn person(user: u128, memberships: Vec<(OrganizationId, MemberRole)>, staff: Option<Staff>) -> Actor {
    Actor::Person(Person { user: id(user), suspended: false, second_factor: true, staff, memberships })
}

/// The offer a milestone came with, while that can be answered.
fn milestone_offer(world: &World, of: MilestoneId) -> Option<OfferId> {
    let offer = world.milestones.get(&of)?.offer?;
    world.offers.get(&offer)?.expires_at().map(|_| offer)
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

/// Which of the moves of a week this verb is.
fn act_of(verb: Verb) -> Option<usize> {
    let act = match verb {
        Verb::TimeEntryRemove => 0,
        Verb::TimesheetSubmit => 1,
        Verb::TimesheetApprove => 2,
        Verb::TimesheetDispute => 3,
        Verb::TimesheetPay => 4,
        Verb::TimesheetWriteOff => 5,
        _ => return None,
    };
    Some(act)
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
