//! Carrying out what happens to contracts by the hour: their weeks, their cards, and what the weeks
//! mean for the contract.

use chrono::NaiveDate;
use domain::access::{self, Actor, Verb};
use domain::change::Change;
use domain::dispute::{self, Claim};
use domain::id::{ContractId, Id, PaymentId, TimeEntryId, TimesheetId};
use domain::payment::PaymentMethod;
use domain::refusal::Refusal;
use domain::timesheet::{TimeEntry, Timesheet, week_of};

use super::act::absent;
use super::moves::{Answer, TimesheetAct, Work};
use super::world::{World, Wrong};

/// What the freelancer says was done: by its number, so that it is known again elsewhere.
pub fn note(of: TimeEntryId) -> String {
    format!("Work {}", of.uuid().as_u128())
}

impl World {
    pub(super) fn card_set(&mut self, by: &Actor, of: ContractId, token: &str) -> Result<Answer, Wrong> {
        let Some(contract) = self.contracts.get(&of) else { return Ok(absent()) };
        let now = self.now;
        let outcome = contract.set_payment_method(by, now, self.cards.get(&of), token);
        let answer = self.take(outcome, |world, card| {
            world.cards.insert(of, card);
            world.cards_named += 1;
        })?;
        if answer == Answer::Done {
            for week in self.weeks_unsettled(of) {
                self.on_timesheet(week.id, |week| week.card_named(&Actor::System, now))?;
            }
        }
        Ok(answer)
    }

    pub(super) fn time_entry_add(
        &mut self,
        by: &Actor,
        contract: ContractId,
        week: TimesheetId,
        expected: Option<i64>,
        work: Work,
    ) -> Result<Answer, Wrong> {
        let Some(contract) = self.contracts.get(&contract) else { return Ok(absent()) };
        let card = self.cards.get(&contract.id);
        let (now, Work { entry, date, minutes, manual }) = (self.now, work);
        let outcome = contract.hour_on(by, now, date, card).and_then(|hourly| {
            let week = match self.week_begun(contract.id, date) {
                Some(week) => Change::none(week.clone()),
                None => Timesheet::open_on(week, hourly, date, now)?,
            };
            let entry = TimeEntry { id: entry, date, minutes, note: note(entry), manual };
            week.then(|week| week.add_entry(by, now, expected, entry))
        });
        self.take_week(outcome)
    }

    pub(super) fn timesheet_act(
        &mut self,
        by: &Actor,
        of: TimesheetId,
        expected: Option<i64>,
        act: TimesheetAct,
    ) -> Result<Answer, Wrong> {
        let now = self.now;
        match act {
            TimesheetAct::RemoveEntry(entry) => self.on_timesheet(of, |t| t.remove_entry(by, expected, entry)),
            TimesheetAct::Submit => self.on_timesheet(of, |t| t.submit(by, now, expected)),
            TimesheetAct::Approve => self.on_timesheet(of, |t| t.approve(by, now, expected)),
            TimesheetAct::WriteOff => self.on_timesheet(of, |t| t.write_off(by, now, expected)),
            TimesheetAct::Pay(payment, card) => {
                let card = card.map(PaymentMethod::parse).transpose().map_err(|refusal| refusal.to_string())?;
                let card = card.or_else(|| self.card_of(of));
                let moves = self.timesheets.get(&of).map_or(Ok(()), |week| self.may_bring_out(week.contract));
                self.on_timesheet(of, |t| {
                    access::check(by, Verb::TimesheetPay, &t.subject())?;
                    moves?;
                    Ok(t.pay_by(by, now, expected, payment, card)?.map(|(week, _)| week))
                })
            }
            TimesheetAct::Dispute { listed, dispute, apart } => {
                let Some(week) = self.timesheets.get(&of).cloned() else { return Ok(absent()) };
                let contract = week.contract;
                let claim = Claim { reason: "Too long".into(), amount: None };
                let outcome = dispute::open_timesheet(week, by, now, expected, &listed, (dispute, apart), claim);
                let answer = self.take(outcome, |world, (dispute, (rest, apart))| {
                    world.put_dispute(dispute);
                    world.put_timesheet(rest);
                    world.put_timesheet(apart);
                })?;
                if answer == Answer::Done {
                    self.contract_heeds(contract)?;
                }
                Ok(answer)
            }
        }
    }

    /// The charge of a week is due, or was not answered.
    pub(super) fn timesheet_charge(&mut self, of: TimesheetId, payment: PaymentId) -> Result<Answer, Wrong> {
        let (now, card) = (self.now, self.card_of(of));
        self.on_timesheet(of, |t| Ok(t.charge_to(&Actor::System, now, payment, card)?.map(|(week, _)| week)))
    }

    pub(super) fn on_timesheet(
        &mut self,
        of: TimesheetId,
        verb: impl FnOnce(Timesheet) -> Result<Change<Timesheet>, Refusal>,
    ) -> Result<Answer, Wrong> {
        let Some(timesheet) = self.timesheets.get(&of).cloned() else { return Ok(absent()) };
        self.take_week(verb(timesheet))
    }

    /// Take what was decided about a week, and what it means for its contract.
    fn take_week(&mut self, outcome: Result<Change<Timesheet>, Refusal>) -> Result<Answer, Wrong> {
        let contract = outcome.as_ref().ok().map(|change| change.next.contract);
        let answer = self.take(outcome, Self::put_timesheet)?;
        if let (Answer::Done, Some(contract)) = (&answer, contract) {
            self.contract_heeds(contract)?;
        }
        Ok(answer)
    }

    /// The contract goes on hold for its weeks, or off it.
    pub(super) fn contract_heeds(&mut self, of: ContractId) -> Result<(), Wrong> {
        let Some(contract) = self.contracts.get(&of).cloned() else { return Ok(()) };
        let weeks = self.weeks_unsettled(of);
        match self.take(contract.heed_weeks(&Actor::System, self.now, &weeks), Self::put_contract)? {
            Answer::Done | Answer::AsItWas => Ok(()),
            Answer::Refused(refusal) => Err(format!("{of} does not heed its weeks: {refusal}")),
        }
    }

    /// Its contract takes no new work: open weeks go to the client.
    pub(super) fn weeks_wind_up(&mut self, of: ContractId) -> Result<(), Wrong> {
        for week in self.weeks_unsettled(of) {
            self.take(week.wind_up(&Actor::System, self.now), Self::put_timesheet)?;
        }
        Ok(())
    }

    /// The weeks of a contract that are not settled.
    pub fn weeks_unsettled(&self, of: ContractId) -> Vec<Timesheet> {
        self.timesheets.values().filter(|week| week.contract == of && !week.state.is_terminal()).cloned().collect()
    }

    /// The week of a contract that a day lies in, if it was begun.
    pub fn week_begun(&self, of: ContractId, date: NaiveDate) -> Option<&Timesheet> {
        let monday = week_of(date.and_time(chrono::NaiveTime::MIN).and_utc());
        let of_it = |week: &&Timesheet| week.contract == of && week.week == monday && week.split_from.is_none();
        self.timesheets.values().find(of_it)
    }

    fn card_of(&self, week: TimesheetId) -> Option<PaymentMethod> {
        self.cards.get(&self.timesheets.get(&week)?.contract).cloned()
    }
}
