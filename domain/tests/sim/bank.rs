//! Carrying out what clients' banks do: they take payments back, and may give them back again. What a
//! chargeback took is held against what it may take.

use std::collections::BTreeMap;

use domain::access::Actor;
use domain::bearer::{self, Bearer};
use domain::change::Change;
use domain::contract::Status;
use domain::dispute::{self, WithDispute};
use domain::id::{MilestoneId, OrganizationId, PaymentId};
use domain::ledger::{JournalEntry, LedgerAccount};
use domain::milestone::{Milestone, State, Taken};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;

use super::act::absent;
use super::moves::Answer;
use super::outside::For;
use super::world::{World, Wrong};

impl World {
    pub(super) fn charged_back(&mut self, payment: PaymentId, reference: &str, amount: Money) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(there) = self.outside.payments.get_mut(&payment) else { return Ok(absent()) };
        there.told_back.insert(reference.to_owned(), amount.minor());
        let of = there.of;
        self.notes_chargeback(of, reference, false);
        let taken = Taken { payment, reference, amount };
        let (client, answer, before) = match of {
            For::Milestone(id) => {
                let Some(client) = self.milestones.get(&id).map(|milestone| milestone.client) else {
                    return Ok(absent());
                };
                let mut others = self.in_reach(client, payment, Some(id));
                let own = others.remove(0);
                let (credit, before) = (self.credit_of(client, payment)?, self.standing_of(client));
                let outcome = dispute::charge_back(own, others, credit, &system, now, &taken);
                (client, self.take_reached(outcome)?, before)
            }
            For::Timesheet(id) => {
                let Some(week) = self.timesheets.get(&id).cloned() else { return Ok(absent()) };
                let (client, contract) = (week.client, week.contract);
                let others = self.in_reach(client, payment, None);
                let (credit, before) = (self.credit_of(client, payment)?, self.standing_of(client));
                let outcome = dispute::charge_back_week(week, others, credit, &system, now, &taken);
                let answer = self.take(outcome, |world, (week, others)| {
                    world.put_timesheet(week);
                    world.put_reached(others);
                })?;
                self.contract_heeds(contract)?;
                (client, answer, before)
            }
        };
        if answer == Answer::Done {
            self.check_chargeback(client, payment, &before)?;
        }
        Ok(answer)
    }

    pub(super) fn chargeback_won(&mut self, payment: PaymentId, reference: &str) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(there) = self.outside.payments.get_mut(&payment) else { return Ok(absent()) };
        there.told_won.insert(reference.to_owned());
        let of = there.of;
        self.notes_chargeback(of, reference, true);
        let own = match of {
            For::Milestone(id) => Some(id),
            For::Timesheet(_) => None,
        };
        let lost = self.milestones.values().filter(|m| Some(m.id) == own || m.lost_to(reference)).cloned();
        let lost: Vec<Milestone> = lost.collect();
        let goes_on = |milestone: &Milestone| {
            let contract = milestone.contract.and_then(|of| self.contracts.get(&of));
            contract.is_some_and(|contract| contract.status() != Status::Ended)
        };
        let won = lost.into_iter().try_fold(Change::none(Vec::new()), |all, milestone| {
            let goes_on = goes_on(&milestone);
            let one = milestone.charge_back_won(&system, now, payment, reference, goes_on)?;
            Ok::<_, Refusal>(all.and(one).map(|(mut all, one)| {
                all.push(one);
                all
            }))
        });
        let answer = self.take(won, |world, won| won.into_iter().for_each(|one| world.put_milestone(one)))?;
        match of {
            For::Milestone(_) => Ok(answer),
            For::Timesheet(id) => self.on_timesheet(id, |week| week.charge_back_won(&system, now, payment, reference)),
        }
    }

    /// A chargeback of what was paid for this, or the end of one, was told; in any order.
    fn notes_chargeback(&mut self, of: For, reference: &str, won: bool) {
        let client = match of {
            For::Milestone(id) => self.milestones.get(&id).map(|milestone| milestone.client),
            For::Timesheet(id) => self.timesheets.get(&id).map(|week| week.client),
        };
        let Some(client) = client else { return };
        let (_, is_won) = self.taken_back.entry((client, reference.to_owned())).or_insert((self.now, won));
        *is_won |= won;
    }

    /// What these entries brought clients makes up for what we bore.
    pub(super) fn make_up(&mut self, entries: &[JournalEntry]) -> Result<(), Wrong> {
        let came_back = bearer::came_back(entries).into_iter();
        let of: BTreeMap<For, PaymentId> =
            came_back.filter_map(|payment| Some((self.outside.payments.get(&payment)?.of, payment))).collect();
        let bears: Vec<Bearer> = of.into_values().filter_map(|payment| self.bearer_of(payment)).collect();
        let made_up = bearer::make_up(entries, bears).map_err(|refusal| refusal.to_string())?;
        if made_up.changed {
            self.take(Ok(made_up), |world, bears| bears.into_iter().for_each(|bearer| world.put_bearer(bearer)))?;
        }
        Ok(())
    }

    /// What a chargeback may reach: `own` first, then by id what holds the payment's money.
    fn in_reach(&self, client: OrganizationId, payment: PaymentId, own: Option<MilestoneId>) -> Vec<WithDispute> {
        let of = |milestone: &&Milestone| milestone.sources.of(Some(payment)).is_some();
        let others = self.milestones.values().filter(|m| m.client == client && Some(m.id) != own).filter(of);
        let own = own.and_then(|own| self.milestones.get(&own));
        let all = own.into_iter().chain(others);
        all.map(|milestone| {
            let dispute = match &milestone.state {
                State::Disputed { dispute, .. } => self.disputes.get(dispute).cloned(),
                _ => None,
            };
            (milestone.clone(), dispute)
        })
        .collect()
    }

    fn take_reached(&mut self, outcome: Result<Change<Vec<WithDispute>>, Refusal>) -> Result<Answer, Wrong> {
        self.take(outcome, Self::put_reached)
    }

    fn put_reached(&mut self, reached: Vec<WithDispute>) {
        for (milestone, dispute) in reached {
            self.put_milestone(milestone);
            dispute.into_iter().for_each(|dispute| self.put_dispute(dispute));
        }
    }

    /// The client's milestones, and what we have lost.
    fn standing_of(&self, client: OrganizationId) -> (Vec<Milestone>, i64) {
        let of_it = self.milestones.values().filter(|milestone| milestone.client == client);
        (of_it.cloned().collect(), self.books.balance(LedgerAccount::Losses))
    }

    /// What is left of a payment in the client's credit.
    fn credit_of(&self, client: OrganizationId, payment: PaymentId) -> Result<Money, Wrong> {
        self.credit(client).of(payment).map_err(|error| error.to_string())
    }

    /// A chargeback takes the money of its own payment, and nothing else; and we lose nothing while any of that is left.
    fn check_chargeback(
        &self,
        client: OrganizationId,
        payment: PaymentId,
        (before, losses): &(Vec<Milestone>, i64),
    ) -> Result<(), Wrong> {
        let usd = Currency::Usd;
        let lost = self.books.balance(LedgerAccount::Losses) < *losses;
        for old in before {
            let Some(new) = self.milestones.get(&old.id) else { continue };
            let taken = old.escrow.held().minor() - new.escrow.held().minor();
            let own = old.sources.held_of(payment, usd).minor();
            if taken < 0 || taken > own {
                return Err(format!("{payment} took {taken} of {}, where {own} was its own", old.id));
            }
            let left = new.sources.held_of(payment, usd).minor();
            if lost && left > 0 {
                return Err(format!("we lost by {payment}, and {left} of its money is left in {}", new.id));
            }
        }
        let credit = self.credit_of(client, payment)?;
        if lost && !credit.is_zero() && !self.given_by_hand(payment) {
            return Err(format!("we lost by {payment}, and {credit} of the credit it became is left"));
        }
        Ok(())
    }
}
