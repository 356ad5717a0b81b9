//! The money of a week: charged to the client's card, held until the day that its terms name, paid.

use super::*;

impl Timesheet {
    /// The charge is due: the processor is to be asked for `payment`. If one was asked before and
    /// never answered, that one has failed.
    pub fn charge(self, actor: &Actor, now: Timestamp, payment: PaymentId) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match &self.state {
            TimesheetState::Approved { charge_at, failures, .. } if *charge_at <= now => {
                let failures = *failures;
                self.asks(now, payment, failures)
            }
            TimesheetState::Charging { expires_at, .. } if *expires_at <= now => Ok(self.attempt_failed(now)),
            _ => Ok(Change::none(self)),
        }
    }

    /// A charge failed; the client tries again, with a card that works now.
    pub fn pay(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        payment: PaymentId,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetPay)?;
        self.standing(actor, Verb::TimesheetPay, expected)?;
        // It counts as one of the tries: should it fail too, the next comes after the days of the one
        // after it.
        let failures = match &self.state {
            TimesheetState::Approved { failures, .. } => *failures,
            _ => self.last_failure(),
        };
        self.asks(now, payment, failures)
    }

    /// The freelancer no longer waits for the money of a week whose every charge failed, or nobody has moved for
    /// long: nothing of it is held, and nothing more is charged, so that the contract can go on or end. Should the
    /// money of the last charge still come, it is the client's credit.
    pub fn write_off(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        let automatic = self.access(actor, Verb::TimesheetWriteOff)? == Role::System;
        let is_due = match &self.state {
            TimesheetState::Unpaid { written_off_at, reminded, .. } => *reminded && *written_off_at <= now,
            _ => false,
        };
        if automatic && !is_due {
            return Ok(self.reminded(now));
        }
        self.standing(actor, Verb::TimesheetWriteOff, expected)?;
        let event = Event::TimesheetWrittenOff { timesheet: self.id, amount: self.amount()?, automatic };
        let next = Self { state: TimesheetState::Void, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    /// Both sides are told, once, that it is written off soon: days before, so that somebody can move. If nobody came
    /// round to telling them in time, it is written off that much later.
    fn reminded(self, now: Timestamp) -> Change<Self> {
        match &self.state {
            TimesheetState::Unpaid { last_attempt, written_off_at, reminded: false }
                if *written_off_at - days(self.terms.write_off_notice_days) <= now =>
            {
                let (last_attempt, notice) = (*last_attempt, days(self.terms.write_off_notice_days));
                let written_off_at = (*written_off_at).max(now + notice);
                let event = Event::TimesheetUnpaid { timesheet: self.id, writes_off_at: written_off_at };
                let state = TimesheetState::Unpaid { last_attempt, written_off_at, reminded: true };
                let next = Self { state, ..self.clone() };
                self.becomes(next).telling(event)
            }
            _ => Change::none(self),
        }
    }

    /// Its contract is looked at by our people, and no money of it moves: a charge or a payment that is due is put
    /// off to the next day.
    pub fn put_off(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        let mut state = self.state.clone();
        match &mut state {
            TimesheetState::Approved { charge_at: at, .. } | TimesheetState::Held { pays_at: at, .. } if *at <= now => {
                *at = now + days(1);
            }
            _ => return Ok(Change::none(self)),
        }
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next))
    }

    /// A bank has taken the charge up and takes its days over it: it is waited for, since what can't be called
    /// back must not be asked for again.
    pub fn waits_for_bank(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match &self.state {
            TimesheetState::Charging { attempt, failures, expires_at, another_card } if *expires_at <= now => {
                let (attempt, failures, another_card) = (*attempt, *failures, *another_card);
                let expires_at = now + hours(self.terms.funding_expiry_hours);
                let state = TimesheetState::Charging { attempt, failures, expires_at, another_card };
                let next = Self { state, ..self.clone() };
                Ok(self.becomes(next))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// The client has named another card: a charge that failed is tried again at once, and one that is being tried as
    /// soon as it fails.
    pub fn card_named(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        let (failures, last_attempt) = match &self.state {
            TimesheetState::Approved { failures, last_attempt, .. } if *failures > 0 => (*failures, *last_attempt),
            TimesheetState::Unpaid { last_attempt, .. } => (self.last_failure(), Some(*last_attempt)),
            TimesheetState::Charging { attempt, failures, expires_at, another_card: false } => {
                let (attempt, failures, expires_at) = (*attempt, *failures, *expires_at);
                let state = TimesheetState::Charging { attempt, failures, expires_at, another_card: true };
                let next = Self { state, ..self.clone() };
                return Ok(self.becomes(next));
            }
            TimesheetState::Approved { .. }
            | TimesheetState::Open
            | TimesheetState::Submitted { .. }
            | TimesheetState::Disputed { .. }
            | TimesheetState::Charging { another_card: true, .. }
            | TimesheetState::Held { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => return Ok(Change::none(self)),
        };
        let state = TimesheetState::Approved { charge_at: now, failures, last_attempt };
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next))
    }

    /// How many charges had failed before the last one the terms allow.
    fn last_failure(&self) -> u16 {
        u16::try_from(self.terms.charge_retry_days.len()).unwrap_or(u16::MAX).max(1)
    }

    /// The processor says that a charge succeeded, and how much came.
    pub fn charged(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        received: Money,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        if self.payments.contains(&payment) {
            return Ok(Change::none(self));
        }
        let waiting = match &self.state {
            TimesheetState::Charging { attempt, .. } | TimesheetState::Unpaid { last_attempt: attempt, .. } => {
                Some(*attempt)
            }
            TimesheetState::Approved { last_attempt, .. } => *last_attempt,
            TimesheetState::Open
            | TimesheetState::Submitted { .. }
            | TimesheetState::Disputed { .. }
            | TimesheetState::Held { .. }
            | TimesheetState::Paid { .. }
            | TimesheetState::Void
            | TimesheetState::ChargedBack { .. } => None,
        };
        let fits = |attempt: &Attempt| attempt.payment == payment && attempt.quote.client_pays == received;
        let Some(Attempt { quote, .. }) = waiting.filter(fits) else { return self.credited(payment, received) };
        let source = LedgerAccount::ProcessorClearing;
        let entry = self.entry(Reason::Fund);
        let (escrow, entry) = self.escrow.fund(entry, self.account(), source, quote.amount, quote.client_fee)?;
        let pays_at = self.payment_due(now);
        let mut next = self.clone();
        next.payments.push(payment);
        next.escrow = escrow;
        next.state = TimesheetState::Held { charged_at: now, pays_at };
        let event = Event::TimesheetCharged { timesheet: self.id, amount: quote.amount, pays_at };
        let mut change = self.becomes(next).posting(entry).telling(event);
        if let Some(amount) = quote.to_credit {
            let credit = LedgerAccount::ClientCredit(self.client);
            let more = self.entry(Reason::Credit).moving(source, credit, amount).all_came_with(credit, payment);
            let event = Event::PaymentCredited { organization: self.client, payment, amount };
            change = change.posting(more).telling(event);
        }
        let mut early = change.next.early_chargebacks.clone().into_iter().filter(|early| early.payment == payment);
        early.try_fold(change, |change, EarlyChargeback { reference, amount, .. }| {
            change.then(|timesheet| timesheet.charge_back(actor, now, payment, &reference, amount))
        })
    }

    /// A payment that nothing waits for: all of it is the client's credit. What was charged back of
    /// it before it came is taken out of that credit again; it never was this week's money.
    fn credited(self, payment: PaymentId, received: Money) -> Result<Change<Self>, Refusal> {
        let (clearing, credit) = (LedgerAccount::ProcessorClearing, LedgerAccount::ClientCredit(self.client));
        let entry = self.entry(Reason::Credit).moving(clearing, credit, received).all_came_with(credit, payment);
        let mut next = self.clone();
        next.payments.push(payment);
        next.credited.push(payment);
        let (early, kept): (Vec<_>, Vec<_>) =
            self.early_chargebacks.iter().cloned().partition(|early| early.payment == payment);
        next.early_chargebacks = kept;
        let (bore, chargebacks) = Chargeback::of_credit(payment, received, &early)?;
        next.chargebacks.extend(chargebacks);
        let (amount, lost) = (bore.total()?, bore.lost);
        let back = self.entry(Reason::Chargeback).moving(credit, clearing, bore.from_credit);
        let back = back.moving(LedgerAccount::Losses, clearing, lost).all_came_with(credit, payment);
        let event = Event::PaymentCredited { organization: self.client, payment, amount: received };
        let change = self.becomes(next).posting(entry).posting(back).telling(event);
        if amount.is_zero() {
            return Ok(change);
        }
        Ok(change.telling(Event::TimesheetChargedBack { timesheet: self.id, amount, lost }))
    }

    /// The processor says that a charge failed.
    pub fn charge_failed(self, actor: &Actor, now: Timestamp, payment: PaymentId) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match &self.state {
            TimesheetState::Charging { attempt, .. } if attempt.payment == payment => Ok(self.attempt_failed(now)),
            _ => Ok(Change::none(self)),
        }
    }

    /// Its day has come: the money is available to the freelancer, less our fee.
    pub fn release(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match &self.state {
            TimesheetState::Held { pays_at, .. } if *pays_at <= now => {
                let available = LedgerAccount::Available(self.freelancer);
                let entry = self.entry(Reason::Release);
                let held = self.escrow.held();
                let (escrow, entry, share) =
                    self.escrow.release(entry, self.account(), available, held, self.terms.freelancer_fee)?;
                let event = Event::TimesheetPaid { timesheet: self.id, amount: share.net };
                let next = Self { escrow, state: TimesheetState::Paid { paid_at: now }, ..self.clone() };
                Ok(self.becomes(next).posting(entry).telling(event))
            }
            _ => Ok(Change::none(self)),
        }
    }

    /// The client's bank takes `amount` of `payment` back, and nothing else of the client's is reached.
    pub fn charge_back(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
        amount: Money,
    ) -> Result<Change<Self>, Refusal> {
        let taken = Taken { payment, reference, amount };
        let change = self.charge_back_reaching(Reach::nothing(amount.currency()), actor, now, &taken)?;
        Ok(change.map(|(week, _)| week))
    }

    /// The client's bank takes money of a payment for this week back: out of its escrow; or, if the payment
    /// became credit, out of what is left of that and of the milestones that were paid out of it; then out
    /// of our own pocket. What is left of a held week is still paid. What another payment paid for is left alone.
    pub fn charge_back_reaching(
        self,
        reach: Reach,
        actor: &Actor,
        now: Timestamp,
        taken: &Taken<'_>,
    ) -> Result<Change<(Self, Vec<Milestone>)>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        let Reach { credit, milestones } = reach;
        let Taken { payment, reference, amount } = *taken;
        let came = self.payments.contains(&payment);
        if is_known(reference, came, &self.chargebacks, &self.early_chargebacks) {
            return Ok(Change::none((self, milestones)));
        }
        let mut next = self.clone();
        if !came {
            next.early_chargebacks.push(EarlyChargeback { payment, reference: reference.to_owned(), amount });
            return Ok(self.becomes(next).map(|week| (week, milestones)));
        }
        let all_credit = self.credited.contains(&payment);
        let own = if all_credit { Money::zero(amount.currency()) } else { self.escrow.held() };
        let spread = Spread::over(own, &milestones, credit, taken)?;
        let account = LedgerAccount::ClientCredit(self.client);
        let accounts = (self.account(), LedgerAccount::Pending(self.freelancer), account);
        let (escrow, entry, bore) = self.escrow.charge_back(self.entry(Reason::Chargeback), accounts, spread.own)?;
        let (entry, lost) = (entry.all_came_with(account, payment), bore.lost);
        next.early_chargebacks.retain(|early| early.reference != reference);
        next.chargebacks.push(Chargeback::of(reference.to_owned(), payment, bore));
        next.escrow = escrow;
        let had_money = matches!(self.state, TimesheetState::Held { .. } | TimesheetState::Paid { .. });
        if had_money && !all_credit && escrow.held().is_zero() {
            next.state = TimesheetState::ChargedBack { charged_back_at: now };
        }
        let event = Event::TimesheetChargedBack { timesheet: self.id, amount, lost };
        let own = self.becomes(next).posting(entry).telling(event);
        let mut all = own.map(|week| (week, Vec::new()));
        for (milestone, bore) in milestones.into_iter().zip(spread.others) {
            let change = milestone.loses(now, taken, bore, bore.total()?)?;
            all = all.and(change).map(|((week, mut all), one)| {
                all.push(one);
                (week, all)
            });
        }
        Ok(all)
    }

    /// What we bore by chargebacks of a payment for it.
    pub fn lost_by(&self, payment: PaymentId) -> Result<Money, MoneyError> {
        lost_by(&self.chargebacks, payment, self.hourly_rate.currency())
    }

    /// So much of what we bore by chargebacks of a payment is made up for by a refund of it that did not get there.
    pub fn made_up(self, actor: &Actor, payment: PaymentId, amount: Money) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        if amount.is_zero() {
            return Ok(Change::none(self));
        }
        let next = Self { chargebacks: made_up(&self.chargebacks, payment, amount)?, ..self.clone() };
        Ok(self.becomes(next))
    }

    /// A bank that keeps what it took of a payment for it gives `amount` of that back all the same; see
    /// [`Milestone::given_in_part`].
    pub fn given_in_part(self, actor: &Actor, taken: &Taken<'_>, by_hand: bool) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        match given_in_part(&self.chargebacks, taken, by_hand)? {
            Some(chargebacks) => {
                let next = Self { chargebacks, ..self.clone() };
                Ok(self.becomes(next))
            }
            None => Ok(Change::none(self)),
        }
    }

    /// The bank gives a chargeback back. The hours were worked and accepted: what was taken out of escrow is
    /// paid, with the rest of the week or at once; credit is the client's again; what we bore is ours.
    pub fn charge_back_won(
        self,
        actor: &Actor,
        now: Timestamp,
        payment: PaymentId,
        reference: &str,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::TimesheetAdvance)?;
        let currency = self.hourly_rate.currency();
        let Some(place) = self.chargebacks.iter().position(|known| known.reference == reference) else {
            let mut next = self.clone();
            next.early_chargebacks.retain(|early| early.reference != reference);
            next.chargebacks.push(Chargeback::undone(reference, payment, currency));
            return Ok(self.becomes(next));
        };
        if self.chargebacks[place].won {
            return Ok(Change::none(self));
        }
        let (bore, in_part) = self.chargebacks[place].as_if_kept_whole()?;
        let mut next = self.clone();
        (next.chargebacks[place].won, next.chargebacks[place].bore) = (true, bore);
        let available = LedgerAccount::Available(self.freelancer);
        let accounts = (self.account(), available, LedgerAccount::ClientCredit(self.client));
        let entry = self.entry(Reason::ChargebackWon);
        let (mut escrow, entry) = self.escrow.charge_back_won(entry, accounts, bore)?;
        let mut entry = entry.all_came_with(accounts.2, payment);
        if matches!(self.state, TimesheetState::Paid { .. } | TimesheetState::ChargedBack { .. }) {
            if !bore.from_escrow.is_zero() {
                let fee = self.terms.freelancer_fee;
                (escrow, entry, _) = escrow.release(entry, self.account(), available, escrow.held(), fee)?;
            }
            // One that had been paid when its money was taken was our loss, and is paid as before.
            if !escrow.parts().released_net.is_zero() {
                next.state = TimesheetState::Paid { paid_at: now };
            }
        }
        next.escrow = escrow;
        let event = Event::TimesheetChargebackWon { timesheet: self.id, amount: bore.total()? };
        Ok(self.becomes(next).posting(entry).posting(in_part).telling(event))
    }

    fn asks(self, now: Timestamp, payment: PaymentId, failures: u16) -> Result<Change<Self>, Refusal> {
        let quote = self.quote()?;
        let expires_at = now + hours(self.terms.funding_expiry_hours);
        let event = Event::TimesheetChargeStarted { timesheet: self.id, payment, total: quote.client_pays };
        let attempt = Attempt { payment, quote };
        let state = TimesheetState::Charging { attempt, failures, expires_at, another_card: false };
        let next = Self { state, ..self.clone() };
        Ok(self.becomes(next).telling(event))
    }

    pub(super) fn attempt_failed(self, now: Timestamp) -> Change<Self> {
        let TimesheetState::Charging { attempt, failures, another_card, .. } = &self.state else {
            return Change::none(self);
        };
        let retry = self.terms.charge_retry_days.get(usize::from(*failures));
        let retry_at = if *another_card { Some(now) } else { retry.map(|&day| now + days(day)) };
        let last_attempt = *attempt;
        let state = match retry_at {
            Some(charge_at) => {
                let failures = (failures + 1).min(self.last_failure());
                TimesheetState::Approved { charge_at, failures, last_attempt: Some(last_attempt) }
            }
            None => TimesheetState::Unpaid {
                last_attempt,
                written_off_at: now + days(self.terms.write_off_days),
                reminded: self.terms.write_off_days <= self.terms.write_off_notice_days,
            },
        };
        let event = Event::TimesheetChargeFailed { timesheet: self.id, payment: last_attempt.payment, retry_at };
        let next = Self { state, ..self.clone() };
        self.becomes(next).telling(event)
    }

    /// When what is charged then is paid: so long after the week as its terms say, or at that time of the
    /// first such weekday after the day it was charged on.
    fn payment_due(&self, charged_at: Timestamp) -> Timestamp {
        let regular = self.over_at() + hours(self.terms.timesheet_pay_hours);
        if charged_at < regular {
            return regular;
        }
        let late = (charged_at.date_naive() - regular.date_naive()).num_days();
        regular + TimeDelta::weeks(late / 7 + 1)
    }

    fn entry(&self, reason: Reason) -> JournalEntry {
        let key = format!("{}:{}:{}", self.id, self.version + 1, reason.as_str());
        JournalEntry::new(reason, key).of_contract(Some(self.contract))
    }

    fn account(&self) -> LedgerAccount {
        LedgerAccount::TimesheetEscrow(self.id)
    }
}
