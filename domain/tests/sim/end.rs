//! Winding down: everybody is reasonable or silent, and time passes. Everything must come to an end.

use domain::contract::{Contract, HoldReason};
use domain::id::{DisputeId, MilestoneId, PayoutId};
use domain::milestone::State;

use super::check::{parties, silence_decides};
use super::moves::{ContractAct, DisputeAct, MilestoneAct, Move, OfferAct, PayoutAct};
use super::world::World;

impl World {
    /// The next move towards the end; none when all is over.
    pub fn choose_the_end(&mut self) -> Option<Move> {
        let next = self.choose_towards_the_end()?;
        Some(self.as_they_are(next))
    }

    fn choose_towards_the_end(&mut self) -> Option<Move> {
        if let Some(message) = self.outside.inbox.pop() {
            return Some(Move::Heard(message));
        }
        if let Some((_, message)) = self.outside.later.pop() {
            return Some(Move::Heard(message));
        }
        if let Some(next) = self.plan.pop_front() {
            return Some(next);
        }
        if !self.outbox.is_empty() {
            return Some(Move::EventsAreTold);
        }
        if self.unfinished().is_empty() {
            return None;
        }
        self.everybody_gives_way();
        if let Some(next) = self.plan.pop_front() {
            return Some(next);
        }
        let (timer, due) = self.timers.iter().min_by_key(|(_, due)| **due).map(|(timer, due)| (*timer, *due))?;
        self.plan.push_back(Move::TimerFires { timer, again: false });
        Some(Move::TimePasses(due.max(self.now)))
    }

    /// What is not over yet.
    pub fn unfinished(&self) -> Vec<String> {
        let drafts = self.draft_offers().map(|of| format!("{of} is a draft"));
        let offers = self.offers.values().filter(|o| o.expires_at().is_some());
        let milestones = self.milestones.values().filter(|m| !m.status().is_terminal());
        let disputes = self.disputes.values().filter(|d| !d.state.is_terminal());
        let timesheets = self.timesheets.values().filter(|t| !t.state.is_terminal());
        let payouts = self.payouts.values().filter(|p| !p.state.is_terminal());
        let corrections = self.corrections.values().filter(|c| !c.clocks().is_empty());
        offers
            .map(|o| format!("{} {:?}", o.id, o.status()))
            .chain(drafts)
            .chain(milestones.map(|m| format!("{} {:?}", m.id, m.status())))
            .chain(disputes.map(|d| format!("{} {}", d.id, d.state.as_str())))
            .chain(timesheets.map(|t| format!("{} {}", t.id, t.state.as_str())))
            .chain(payouts.map(|p| format!("{} {}", p.id, p.state.as_str())))
            .chain(corrections.map(|c| format!("{} {}", c.id, c.state.as_str())))
            .collect()
    }

    /// What each side would do who wants to be done with it; where a clock runs it may as well wait.
    fn everybody_gives_way(&mut self) {
        self.hits_give_way();
        let by_staff = |contract: &Contract| !self.is_reviewed(contract.client, contract.freelancer);
        let looked_at = |contract: &&Contract| contract.moves_money().is_err() && by_staff(contract);
        let looked_at: Vec<_> = self.contracts.values().filter(looked_at).map(|contract| contract.id).collect();
        for of in looked_at {
            let (by, act) = (self.admin(), ContractAct::Lift(HoldReason::SanctionsHit));
            self.plan.push_back(Move::Contract { by, of, expected: None, act });
        }
        for of in self.milestones.keys().copied().collect::<Vec<_>>() {
            let next = self.milestone_gives_way(of).map(|next| self.unless_barred(next));
            self.plan.extend(next);
        }
        for of in self.draft_offers().collect::<Vec<_>>() {
            let Some(offer) = self.offers.get(&of) else { continue };
            let [by, _] = parties(offer.client, offer.freelancer);
            let next = self.unless_barred(Move::Offer { by, of, expected: None, act: OfferAct::Withdraw });
            self.plan.push_back(next);
        }
        for of in self.disputes.keys().copied().collect::<Vec<_>>() {
            let next = self.dispute_gives_way(of);
            self.plan.extend(next);
        }
        for of in self.payouts.keys().copied().collect::<Vec<_>>() {
            let next = self.payout_gives_way(of);
            self.plan.extend(next);
        }
    }

    fn milestone_gives_way(&mut self, of: MilestoneId) -> Option<Move> {
        let milestone = self.milestones.get(&of)?;
        // One without a contract waits for its offer, which has a clock.
        if milestone.contract.is_none() || !milestone.clocks().is_empty() {
            return None;
        }
        let [client, freelancer] = parties(milestone.client, milestone.freelancer);
        let (by, act) = match &milestone.state {
            State::Proposed { .. } => (client, MilestoneAct::Cancel),
            State::Agreed { .. } if milestone.escrow.held().is_zero() => (client, MilestoneAct::Cancel),
            State::Agreed { .. } => (client, MilestoneAct::RequestRefund(None)),
            State::ChangesRequested { .. } => (freelancer, MilestoneAct::Submit(self.fresh())),
            _ => return None,
        };
        Some(Move::Milestone { by, of, expected: None, act })
    }

    /// The mediators' queue: a recommendation, or an award by another of them.
    fn dispute_gives_way(&mut self, of: DisputeId) -> Option<Move> {
        let dispute = self.disputes.get(&of)?;
        if dispute.state.is_terminal() || silence_decides(dispute) {
            return None;
        }
        let half = dispute.total.split(&[1, 1])[0];
        let (by, act) = if dispute.state.as_str() == "hearing" {
            (self.admin(), DisputeAct::Award(half))
        } else {
            (self.mediator(), DisputeAct::Recommend(half))
        };
        Some(Move::Dispute { by, of, expected: None, act })
    }

    fn payout_gives_way(&mut self, of: PayoutId) -> Option<Move> {
        let payout = self.payouts.get(&of)?;
        let act = match payout.state.as_str() {
            "blocked" => PayoutAct::Reject,
            "queued" if payout.clocks().is_empty() => PayoutAct::Approve,
            "unknown" if payout.waits_for_staff() => return Some(self.payout_settles(of, None)),
            _ => return None,
        };
        Some(Move::Payout { by: self.admin(), of, expected: None, act })
    }
}
