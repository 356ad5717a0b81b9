//! The rungs: answer, offers, recommendation, arbitration, award.

use super::*;
use crate::bearer::make_up_itself;
use crate::milestone::Award;

impl Dispute {
    /// The other side answers, and disagrees.
    pub fn answer(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        text: &str,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::DisputeAnswer)?;
        let side = self.standing(actor, Verb::DisputeAnswer, expected)?;
        let mut invalid = Invalid::default();
        let text = invalid.text("answer", text, 1..=5_000);
        invalid.finish()?;
        let event = Event::DisputeAnswered { told: self.told(side) };
        let remind_at = self.remind_at(now);
        let answered = Self { answer: Some(text), ..self };
        Ok(answered.becomes(DisputeState::Answered { answered_at: now, remind_at }).telling(event))
    }

    /// The other side gives in: the claim is carried out, whatever was recommended or paid for meanwhile.
    pub fn concede(
        self,
        case: Case,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
    ) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeConcede)?;
        self.standing(actor, Verb::DisputeConcede, expected)?;
        let claim = self.claim;
        self.agreed(case, now, Outcome::Conceded, claim)
    }

    /// The claimant withdraws it: everything goes on where it stood.
    pub fn withdraw(
        self,
        case: Case,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
    ) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeWithdraw)?;
        let side = self.standing(actor, Verb::DisputeWithdraw, expected)?;
        self.is_about(case.id())?;
        let id = self.id;
        let resumed = match case {
            Case::Milestone(milestone) => milestone.resume(&Actor::System, now, id)?.map(Case::Milestone),
            Case::Timesheet(timesheet) => timesheet.resume(&Actor::System, now, id)?.map(Case::Timesheet),
        };
        let event = Event::DisputeWithdrawn { told: self.told(side) };
        Ok(self.becomes(DisputeState::Withdrawn { withdrawn_at: now }).telling(event).and(resumed))
    }

    /// A side offers that the freelancer gets `amount`. When the client offers as much as the
    /// freelancer asks, or more, it is settled at once: on the spot they meet, or halfway between,
    /// the odd cent to the freelancer. They can until it is decided, also once a mediator has recommended something.
    pub fn offer(
        self,
        case: Case,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        amount: Money,
    ) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeOffer)?;
        let side = self.standing(actor, Verb::DisputeOffer, expected)?;
        self.is_about(case.id())?;
        self.check_amount(amount)?;
        let offers = side.map_or(self.offers, |side| self.offers.with(side, Some(amount)));
        let offering = Self { offers, ..self };
        if let (Some(client), Some(freelancer)) = (offers.client, offers.freelancer)
            && client.covers(freelancer)?
        {
            let between = client.minus(freelancer)?.split(&[1, 1]);
            let halfway = freelancer.plus(between[0])?;
            return offering.agreed(case, now, Outcome::Settled, halfway);
        }
        let event = Event::DisputeOfferMade { told: offering.told(side) };
        let remind_at = offering.remind_at(now);
        let state = match offering.state.clone() {
            DisputeState::Answered { .. } => DisputeState::Negotiating { since: now, remind_at },
            DisputeState::Negotiating { since, .. } => DisputeState::Negotiating { since, remind_at },
            // What was recommended, and who is to hear it, stays as it is until the two agree.
            higher @ (DisputeState::Opened { .. }
            | DisputeState::Recommended { .. }
            | DisputeState::Arbitration { .. }
            | DisputeState::Hearing { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. }) => higher,
        };
        Ok(offering.becomes(state).telling(event).and(Change::none(case)))
    }

    /// The two sides decide it themselves, on whatever rung it is. Nobody is heard for what was paid for arbitration.
    fn agreed(self, case: Case, now: Timestamp, outcome: Outcome, to_freelancer: Money) -> Result<Disputed, Refusal> {
        let (agreeing, back) = self.without_fees()?;
        let executed = agreeing.executed(case, now, outcome, to_freelancer, true)?;
        back.into_iter().try_fold(executed, returned)
    }

    /// A mediator recommends an outcome. Whoever has dealings with one of the sides may not.
    pub fn recommend(
        self,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        verdict: Verdict,
        has_dealings: bool,
    ) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::DisputeRecommend)?;
        self.standing(actor, Verb::DisputeRecommend, expected)?;
        let by = actor.person()?.user;
        if self.is_partial(by, has_dealings) {
            return Err(Refusal::rule("CONFLICT_OF_INTEREST", "you have dealings with a side of this dispute"));
        }
        let finding = self.finding(by, now, verdict)?;
        let recommendation = Recommendation { by, to_freelancer: finding.to_freelancer };
        let decide_by = now + days(self.terms.arbitration_days);
        let event = Event::DisputeRecommended { told: self.told(None), decide_by };
        let state = DisputeState::Recommended { recommendation, accepted: Both::default(), decide_by };
        Ok(self.found(finding).becomes(state).telling(event))
    }

    /// A side takes the recommendation. When both have, it is carried out.
    pub fn accept(self, case: Case, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeAccept)?;
        let side = self.standing(actor, Verb::DisputeAccept, expected)?;
        self.is_about(case.id())?;
        let (DisputeState::Recommended { recommendation, accepted, decide_by }, Some(side)) = (&self.state, side)
        else {
            return Err(Refusal::wrong_state("dispute", self.state.as_str(), self.allowed(actor)));
        };
        let (recommendation, accepted, decide_by) = (*recommendation, accepted.with(side, true), *decide_by);
        if accepted.client && accepted.freelancer {
            return self.executed(case, now, Outcome::Recommended, recommendation.to_freelancer, true);
        }
        let event = Event::DisputeAccepted { told: self.told(Some(side)) };
        let next = self.becomes(DisputeState::Recommended { recommendation, accepted, decide_by });
        Ok(next.telling(event).and(Change::none(case)))
    }

    /// A side does not take the recommendation. A small claim is heard for free; otherwise each
    /// side has some days to pay for arbitration.
    pub fn refuse(self, actor: &Actor, now: Timestamp, expected: Option<i64>) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::DisputeRefuse)?;
        let side = self.standing(actor, Verb::DisputeRefuse, expected)?;
        let DisputeState::Recommended { recommendation, .. } = self.state else { return Ok(Change::none(self)) };
        let event = Event::DisputeEscalated { told: self.told(side) };
        if self.is_small_claim()? {
            return Ok(self.heard(now, recommendation, true, Fees::default(), event));
        }
        let pay_by = now + days(self.terms.arbitration_days);
        let state = DisputeState::Arbitration { recommendation, paid: Both::default(), fees: Fees::default(), pay_by };
        Ok(self.becomes(state).telling(event))
    }

    /// It waits for an arbiter from now on, who is told so at once.
    pub(super) fn heard(
        self,
        now: Timestamp,
        recommendation: Recommendation,
        small_claims: bool,
        fees: Fees,
        event: Event,
    ) -> Change<Self> {
        let (remind_at, waits) = (self.remind_at(now), Event::DisputeWaits { told: self.told(None) });
        let state = DisputeState::Hearing { recommendation, small_claims, fees, since: now, remind_at };
        self.becomes(state).telling(event).telling(waits)
    }

    /// The arbiter decides. It is not the mediator who recommended, nor somebody with dealings.
    pub fn award(
        self,
        case: Case,
        actor: &Actor,
        now: Timestamp,
        expected: Option<i64>,
        verdict: Verdict,
        has_dealings: bool,
    ) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeAward)?;
        self.standing(actor, Verb::DisputeAward, expected)?;
        let by = actor.person()?.user;
        if self.is_partial(by, has_dealings) {
            let message = "an award is made by somebody without dealings with a side, who did not recommend it";
            return Err(Refusal::rule("CONFLICT_OF_INTEREST", message));
        }
        let finding = self.finding(by, now, verdict)?;
        let to_freelancer = finding.to_freelancer;
        self.found(finding).executed(case, now, Outcome::Awarded, to_freelancer, false)
    }

    /// The time of a rung is over: silence concedes a claim, lets a recommendation stand, and
    /// leaves arbitration to the side that paid. Where a mediator has to move they are reminded.
    /// The silence of a side that is `barred`, none of whose people may answer, decides nothing.
    pub fn advance(self, case: Case, actor: &Actor, now: Timestamp, barred: Both<bool>) -> Result<Disputed, Refusal> {
        self.access(actor, Verb::DisputeAdvance)?;
        if !self.clocks().iter().any(|(_, due)| *due <= now) {
            return Ok(Change::none((self, case)));
        }
        if let Some(state) = self.unheard(now, barred)? {
            let (goes_on, waits) =
                (Event::DisputeEscalated { told: self.told(None) }, Event::DisputeWaits { told: self.told(None) });
            return Ok(self.becomes(state).telling(goes_on).telling(waits).and(Change::none(case)));
        }
        let (outcome, to_freelancer) = match &self.state {
            DisputeState::Opened { .. } => (Outcome::Silence, self.claim),
            DisputeState::Recommended { recommendation, .. } => (Outcome::Recommended, recommendation.to_freelancer),
            DisputeState::Arbitration { recommendation, paid, fees, .. } => {
                let full = fees.in_full(*paid);
                match (full.client, full.freelancer) {
                    (true, false) => (Outcome::OneSidePaid, self.position(Side::Client)),
                    (false, true) => (Outcome::OneSidePaid, self.position(Side::Freelancer)),
                    (false, false) | (true, true) => (Outcome::Recommended, recommendation.to_freelancer),
                }
            }
            DisputeState::Answered { .. } | DisputeState::Negotiating { .. } | DisputeState::Hearing { .. } => {
                return Ok(self.reminded(now).and(Change::none(case)));
            }
            DisputeState::Executed { .. } | DisputeState::Withdrawn { .. } | DisputeState::Closed { .. } => {
                return Ok(Change::none((self, case)));
            }
        };
        // Nobody was heard for what was paid, unless it bought a side the other's silence.
        let (heard, back) = if outcome == Outcome::Recommended { self.without_fees()? } else { (self, None) };
        // What nobody of ours looked at is held like any approval, so that a stolen card is noticed in time.
        let held = matches!(outcome, Outcome::Silence | Outcome::OneSidePaid);
        let executed = heard.executed(case, now, outcome, to_freelancer, held)?;
        back.into_iter().try_fold(executed, returned)
    }

    /// Where it goes on instead of being decided by the silence of a side that can't speak: our people look at what
    /// there is, a mediator first, and then an arbiter, for free.
    fn unheard(&self, now: Timestamp, barred: Both<bool>) -> Result<Option<DisputeState>, Refusal> {
        let remind_at = self.remind_at(now);
        let hearing = |recommendation, fees| {
            let small_claims = self.is_small_claim()?;
            Ok(Some(DisputeState::Hearing { recommendation, small_claims, fees, since: now, remind_at }))
        };
        let any = barred.client || barred.freelancer;
        match &self.state {
            DisputeState::Opened { .. } if barred.of(self.claimant.other()) => {
                Ok(Some(DisputeState::Answered { answered_at: now, remind_at }))
            }
            DisputeState::Recommended { recommendation, .. } if any => hearing(*recommendation, Fees::default()),
            DisputeState::Arbitration { recommendation, fees, .. } if any => hearing(*recommendation, fees.clone()),
            DisputeState::Opened { .. }
            | DisputeState::Recommended { .. }
            | DisputeState::Arbitration { .. }
            | DisputeState::Answered { .. }
            | DisputeState::Negotiating { .. }
            | DisputeState::Hearing { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. } => Ok(None),
        }
    }

    /// Its contract is looked at by our people, and no money of it moves by itself: what is due is put off to the
    /// next day.
    pub fn put_off(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        self.access(actor, Verb::DisputeAdvance)?;
        let mut state = self.state.clone();
        match &mut state {
            DisputeState::Opened { answer_by: at }
            | DisputeState::Recommended { decide_by: at, .. }
            | DisputeState::Arbitration { pay_by: at, .. }
                if *at <= now =>
            {
                *at = now + days(1);
            }
            _ => return Ok(Change::none(self)),
        }
        Ok(self.becomes(state))
    }

    /// It still waits for a mediator, who is told so, now and every few days. To the sides it is the same
    /// as before, and its version too.
    fn reminded(self, now: Timestamp) -> Change<Self> {
        let later = self.remind_at(now);
        let mut state = self.state.clone();
        match &mut state {
            DisputeState::Answered { remind_at, .. }
            | DisputeState::Negotiating { remind_at, .. }
            | DisputeState::Hearing { remind_at, .. } => *remind_at = later,
            DisputeState::Opened { .. }
            | DisputeState::Recommended { .. }
            | DisputeState::Arbitration { .. }
            | DisputeState::Executed { .. }
            | DisputeState::Withdrawn { .. }
            | DisputeState::Closed { .. } => return Change::none(self),
        }
        let event = Event::DisputeWaits { told: self.told(None) };
        let version = self.version;
        self.becomes(state).map(|dispute| Self { version, ..dispute }).telling(event)
    }

    /// It is decided; `held` if the two sides did so themselves, by words or by silence, and nobody of ours.
    fn executed(
        self,
        case: Case,
        now: Timestamp,
        outcome: Outcome,
        to_freelancer: Money,
        held: bool,
    ) -> Result<Disputed, Refusal> {
        self.is_about(case.id())?;
        let id = self.id;
        let settled = match case {
            Case::Milestone(milestone) => {
                let award = Award { to_freelancer, of: self.total, agreed: held };
                milestone.settle(&Actor::System, now, id, award)?.map(Case::Milestone)
            }
            Case::Timesheet(timesheet) => {
                timesheet.settle(&Actor::System, now, id, to_freelancer)?.map(Case::Timesheet)
            }
        };
        let (of_client, _) = self.owed_fee(Side::Client, &settled.entries)?;
        let (of_freelancer, lacking) = self.owed_fee(Side::Freelancer, &settled.entries)?;
        let settled = settled.map(|case| case.owing_fee(lacking));
        let event = Event::DisputeExecuted { told: self.told(None), to_freelancer };
        let state = DisputeState::Executed { outcome, to_freelancer, executed_at: now };
        let executed = self.becomes(state).telling(event).and(settled);
        Ok(executed.posting(of_client).posting(of_freelancer))
    }

    fn finding(&self, by: UserId, at: Timestamp, verdict: Verdict) -> Result<Finding, Refusal> {
        let Verdict { to_freelancer, reason } = verdict;
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", &reason, 1..=5_000);
        if let Err(refusal) = self.check_amount(to_freelancer) {
            invalid.take(refusal);
        }
        invalid.finish()?;
        Ok(Finding { by, to_freelancer, reason, at })
    }

    fn found(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    fn check_amount(&self, amount: Money) -> Result<(), Refusal> {
        if self.total.covers(amount)? {
            return Ok(());
        }
        Err(Refusal::field("amount", "OUT_OF_RANGE", format!("must be between nothing and {}", self.total)))
    }
}

/// A fee goes back along with what was decided. Money of a payment that its bank took makes up first for what we bore.
fn returned(change: Disputed, fee: JournalEntry) -> Result<Disputed, Refusal> {
    let Change { next: (dispute, case), changed, mut entries, events, timers } = change;
    let (case, fees) = match case {
        Case::Milestone(milestone) => {
            let back = make_up_itself(Change::none(milestone).posting(fee))?;
            (Case::Milestone(back.next), back.entries)
        }
        Case::Timesheet(timesheet) => (Case::Timesheet(timesheet), vec![fee]),
    };
    entries.extend(fees);
    Ok(Change { next: (dispute, case), changed, entries, events, timers })
}
