//! Carrying out a move by the verbs of the domain, as the use cases do it in their transactions.

use domain::access::{self, Actor, Subject, Verb};
use domain::bonus;
use domain::change::Change;
use domain::contract::{Contract, Engagement, State as ContractState};
use domain::credit::Credit;
use domain::dispute::{self, Case, CaseId, Claim, Disputed, Verdict};
use domain::event::Event;
use domain::id::{ContractId, DisputeId, MilestoneId, OfferId, PaymentId};
use domain::milestone::{Deal, Milestone, MilestoneDraft, Side, State};
use domain::money::Money;
use domain::offer::{Basis, MilestoneInput, Offer, OfferDraft};
use domain::policy::PolicyVersion;
use domain::refusal::Refusal;
use domain::timer::Timer;

use super::moves::{Answer, ContractAct, DisputeAct, Gift, Message, MilestoneAct, Move, OfferAct, OfferTerms, Pay};
use super::outside::For;
use super::ways::Happened;
use super::world::{World, Wrong};

/// What the parties call a milestone: by its number, so that it is known again elsewhere.
pub fn title(of: MilestoneId) -> String {
    format!("Work {}", domain::id::Id::uuid(of).as_u128())
}

impl World {
    /// It happens.
    pub fn act(&mut self, next: Move) -> Result<Answer, Wrong> {
        self.keep_in_mind(&next);
        let name = next.name();
        self.happened = Happened::default();
        self.acting = next.by().clone();
        let answer = self.carry_out(next)?;
        if answer == Answer::Done {
            self.succeeded.insert(name);
        }
        if let Some((_, _, came_of_it)) = self.trail.back_mut() {
            *came_of_it = Some(answer.clone());
        }
        Ok(answer)
    }

    /// Now and then what can be told or asked again is: news of the processor's, and what somebody did to a thing as they
    /// had seen it.
    pub fn repeats(&mut self, next: &Move) -> Option<Move> {
        let again = match next {
            Move::Heard(_) => true,
            Move::Trade { act, .. } => act.repeats(),
            Move::Word { act, .. } => act.repeats(),
            Move::Offer { expected, .. }
            | Move::Contract { expected, .. }
            | Move::Milestone { expected, .. }
            | Move::Dispute { expected, .. }
            | Move::Timesheet { expected, .. }
            | Move::Payout { expected, .. }
            | Move::Correction { expected, .. } => expected.is_some(),
            _ => false,
        };
        (again && self.repeating.percent(25)).then(|| next.clone())
    }

    /// The same a second time: nobody has a cent more or less for it, and nobody hears of it again.
    pub fn act_again(&mut self, again: Move) -> Result<(), Wrong> {
        let (entries, name) = (self.books.entries, again.name());
        self.act(again)?;
        let (posted, told) = (self.books.entries - entries, self.happened.events.len());
        match (posted, told) {
            (0, 0) => self.check(),
            _ => Err(format!("{name} a second time: {posted} entries, and {told} events")),
        }
    }

    fn carry_out(&mut self, next: Move) -> Result<Answer, Wrong> {
        match next {
            Move::TimePasses(to) => {
                self.now = self.now.max(to);
                Ok(Answer::Done)
            }
            Move::TimerFires { timer, again } => self.timer_is_fired(timer, again),
            Move::EventsAreTold => self.events_are_told(),
            Move::Heard(message) => self.message_is_heard(message),
            Move::PolicyChanges(terms) => {
                let number = self.policy.number + 1;
                self.policy = PolicyVersion { number, effective_from: self.now, note: String::new(), terms: *terms };
                Ok(Answer::Done)
            }
            Move::OfferCreate { by, terms } => self.offer_create(&by, terms),
            Move::Offer { by, of, expected, act } => self.offer_act(&by, of, expected, act),
            Move::Contract { by, of, expected, act } => self.contract_act(&by, of, expected, act),
            Move::MilestonePropose { by, milestone, contract, amount } => {
                let Some(contract) = self.contracts.get(&contract) else { return Ok(absent()) };
                let outcome = access::check(&by, Verb::MilestonePropose, &contract.subject())
                    .map_err(Refusal::from)
                    .and_then(|_| contract.takes_work(&by, self.now))
                    .and_then(|()| draft(milestone, amount, contract.deal()))
                    .and_then(|draft| Milestone::propose(&by, milestone, contract.deal(), draft));
                self.take(outcome, Self::put_milestone)
            }
            Move::MilestoneGive { by, gift } => {
                let Gift { milestone, contract, amount, kind, payment } = gift;
                let Some(contract) = self.contracts.get(&contract) else { return Ok(absent()) };
                let (now, credit) = (self.now, self.credit(contract.client));
                let taken_back_at = self.taken_back_at(contract.client);
                let reviewed = self.not_reviewed(contract.client, contract.freelancer);
                let outcome = bonus::give(&by, now, milestone, contract, kind, amount, "Thank you").and_then(|given| {
                    reviewed?;
                    given.then(|milestone| match payment {
                        Some(payment) => milestone.start_funding(&by, now, None, payment),
                        None => milestone.fund_from_credit(&by, now, None, &credit, taken_back_at),
                    })
                });
                self.take(outcome, Self::put_milestone)
            }
            Move::Milestone { by, of, expected, act } => self.milestone_act(&by, of, expected, act),
            Move::Dispute { by, of, expected, act } => self.dispute_act(&by, of, expected, act),
            Move::CardSet { by, contract, token } => self.card_set(&by, contract, token),
            Move::TimeEntryAdd { by, contract, week, expected, work } => {
                self.time_entry_add(&by, contract, week, expected, work)
            }
            Move::Timesheet { by, of, expected, act } => self.timesheet_act(&by, of, expected, act),
            Move::OutageDeclare { by, outage, zones, span } => self.outage_declare(&by, outage, &zones, span),
            Move::OutageEnd { by, of } => self.outage_end(&by, of),
            Move::CardRefund { by, refund, payment, amount } => self.card_refund(&by, refund, payment, amount),
            Move::PayoutMethodAdd { by, method, account } => {
                let outcome = self.method_add(&by, method, account);
                self.take(outcome, Self::put_method)
            }
            Move::PayoutMethodRemove { by, of } => {
                let Some(method) = self.methods.get(&of).cloned() else { return Ok(absent()) };
                self.take(method.remove(&by, self.now), Self::put_method)
            }
            Move::PayoutRequest { by, payout, ask } => self.payout_request(&by, payout, ask),
            Move::Payout { by, of, expected, act } => self.payout_act(&by, of, expected, act),
            Move::CorrectionPropose { by, correction, draft } => self.correction_propose(&by, correction, *draft),
            Move::Correction { by, of, expected, act } => self.correction_act(&by, of, expected, act),
            Move::UserSuspend { by, user } => self.user_suspend(&by, user),
            Move::UserReinstate { by, user } => self.user_reinstate(&by, user),
            Move::Trade { by, act } => self.trade_act(&by, *act),
            Move::Word { by, act } => self.word_act(&by, act),
        }
    }

    /// A worker takes up a timer, carries out its verb, and removes it unless it was set anew. One
    /// that is not due was never taken up, so it stays whatever a mistaken worker does.
    fn timer_is_fired(&mut self, timer: Timer, again: bool) -> Result<Answer, Wrong> {
        let Some(due) = self.timers.get(&timer).copied() else { return Ok(Answer::AsItWas) };
        self.set_anew.clear();
        let answer = self.act_on(timer)?;
        if let Answer::Refused(refusal) = &answer
            && !matches!(refusal, Refusal::Denied { .. } | Refusal::WrongState { .. })
        {
            return Err(format!("{timer:?} could not be carried out: {refusal}"));
        }
        if due <= self.now && !self.set_anew.contains(&timer) {
            self.timers.remove(&timer);
        }
        if again {
            // Two workers took the same one.
            self.act_on(timer)?;
        }
        Ok(answer)
    }

    fn act_on(&mut self, timer: Timer) -> Result<Answer, Wrong> {
        if let Some(answer) = self.put_off(timer)? {
            return Ok(answer);
        }
        let (system, now) = (Actor::System, self.now);
        match timer {
            Timer::ExpireOffer(id) => {
                let Some(offer) = self.offers.get(&id).cloned() else { return Ok(absent()) };
                self.offer_closes(offer.expire(&system, now))
            }
            Timer::ExpireFunding(id) => {
                self.on_milestone(id, |m| m.expire_funding(&system, now, false)?.then(|m| bonus::lapse(m, now)))
            }
            Timer::AutoApproveMilestone(id) => {
                let Some(seen) = self.milestones.get(&id).cloned() else { return Ok(absent()) };
                let barred = self.seen_as_barred(seen.freelancer).client;
                let answer = self.on_milestone(id, |m| m.auto_approve(&system, now, barred))?;
                self.silence_was_no_yes(&Case::Milestone(seen), self.case(CaseId::Milestone(id)))?;
                Ok(answer)
            }
            Timer::RemindReview(id) => self.on_milestone(id, |m| m.remind(&system, now)),
            Timer::ReleaseMilestone(id) => self.on_milestone(id, |m| m.release(&system, now)),
            Timer::DormancyMilestone(id) => {
                let Some(seen) = self.milestones.get(&id).cloned() else { return Ok(absent()) };
                let barred = self.seen_as_barred(seen.freelancer);
                let answer = self.on_milestone(id, |m| m.age(&system, now, barred.client || barred.freelancer))?;
                self.silence_was_no_yes(&Case::Milestone(seen), self.case(CaseId::Milestone(id)))?;
                Ok(answer)
            }
            Timer::ResolveRefundRequest(id) => {
                let Some(milestone) = self.milestones.get(&id).cloned() else { return Ok(absent()) };
                let (seen, fresh): (_, DisputeId) = (milestone.clone(), self.fresh());
                let barred = self.seen_as_barred(milestone.freelancer).freelancer;
                let outcome = dispute::resolve_refund(milestone, &system, now, fresh, barred);
                let answer = self.take(outcome, |world, (dispute, milestone)| {
                    dispute.into_iter().for_each(|dispute| world.put_dispute(dispute));
                    world.put_milestone(milestone);
                })?;
                self.silence_was_no_yes(&Case::Milestone(seen), self.case(CaseId::Milestone(id)))?;
                Ok(answer)
            }
            Timer::SubmitTimesheet(id) => self.on_timesheet(id, |t| t.submit(&system, now, None)),
            Timer::AutoApproveTimesheet(id) => {
                let Some(seen) = self.timesheets.get(&id).cloned() else { return Ok(absent()) };
                let barred = self.seen_as_barred(seen.freelancer).client;
                let answer = self.on_timesheet(id, |t| t.auto_approve(&system, now, barred))?;
                self.silence_was_no_yes(&Case::Timesheet(seen), self.case(CaseId::Timesheet(id)))?;
                Ok(answer)
            }
            Timer::ChargeTimesheet(id) => {
                let payment: PaymentId = self.fresh();
                self.timesheet_charge(id, payment)
            }
            Timer::WriteOffTimesheet(id) => self.on_timesheet(id, |t| t.write_off(&system, now, None)),
            Timer::PayTimesheet(id) => self.on_timesheet(id, |t| t.release(&system, now)),
            Timer::AdvanceDispute(id) => {
                let Some(dispute) = self.disputes.get(&id).cloned() else { return Ok(absent()) };
                let Some(case) = self.case(dispute.case) else { return Ok(absent()) };
                let (seen, barred) = (dispute.clone(), self.seen_as_barred(dispute.freelancer));
                let answer = self.take_disputed(dispute.advance(case, &system, now, barred))?;
                self.silence_decided_nothing(&seen)?;
                Ok(answer)
            }
            Timer::AdvancePayout(id) => self.payout_advances(id),
            Timer::PublishReviews(id) => self.reviews_are_published(id),
            Timer::ApplyOutage(id) => self.outage_applies(id),
            Timer::ExpireCorrection(id) => self.correction_expires(id),
            Timer::ExpireGig(id) => self.gig_expires(id),
            Timer::WarnGigExpiry(id) => self.gig_expiry_is_near(id),
            // A letter leaves, and nothing is otherwise for it.
            Timer::MailMessages(_) => Ok(Answer::Done),
            Timer::RemindTaxForm(_) => Err(format!("nobody sets {timer:?} here")),
        }
    }

    /// Our people look at the contract of what is due, and no money of it moves.
    fn put_off(&mut self, timer: Timer) -> Result<Option<Answer>, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let contract = match timer {
            Timer::ReleaseMilestone(id) | Timer::ResolveRefundRequest(id) | Timer::DormancyMilestone(id) => {
                self.milestones.get(&id).and_then(|milestone| milestone.contract)
            }
            Timer::ChargeTimesheet(id) | Timer::PayTimesheet(id) => self.timesheets.get(&id).map(|week| week.contract),
            Timer::AdvanceDispute(id) => self.disputes.get(&id).and_then(|dispute| dispute.contract),
            _ => None,
        };
        if self.moves_money(contract).is_ok() {
            return Ok(None);
        }
        let answer = match timer {
            Timer::ChargeTimesheet(id) | Timer::PayTimesheet(id) => self.on_timesheet(id, |t| t.put_off(&system, now)),
            Timer::AdvanceDispute(id) => {
                let Some(dispute) = self.disputes.get(&id).cloned() else { return Ok(Some(absent())) };
                let Some(case) = self.case(dispute.case) else { return Ok(Some(absent())) };
                let outcome = dispute.put_off(&system, now).map(|change| change.and(Change::none(case)));
                self.take_disputed(outcome)
            }
            Timer::ReleaseMilestone(id) | Timer::ResolveRefundRequest(id) | Timer::DormancyMilestone(id) => {
                self.on_milestone(id, |m| m.put_off(&system, now))
            }
            _ => return Ok(None),
        };
        // What moves no money, like a reminder, is not put off.
        let runs_on = self.timers.get(&timer).is_some_and(|at| *at > now);
        answer.map(|answer| runs_on.then_some(answer))
    }

    /// What somebody does brings no money of a contract to where it can be had while our people look at who is part of
    /// it, even if they let the contract go on.
    pub(super) fn may_bring_out(&self, contract: ContractId) -> Result<(), Refusal> {
        self.moves_money(Some(contract))?;
        match (self.contracts.get(&contract), &self.acting) {
            (Some(contract), Actor::Person(_)) => self.not_reviewed(contract.client, contract.freelancer),
            _ => Ok(()),
        }
    }

    pub(super) fn moves_money(&self, contract: Option<ContractId>) -> Result<(), Refusal> {
        contract.and_then(|id| self.contracts.get(&id)).map_or(Ok(()), Contract::moves_money)
    }

    /// The worker's reactions to what waits in the outbox, and to what follows from them.
    fn events_are_told(&mut self) -> Result<Answer, Wrong> {
        while let Some(event) = self.outbox.pop_front() {
            match event {
                Event::MilestoneFunded { milestone, .. } => self.offer_is_sent_when_funded(milestone)?,
                Event::GigFilled { .. }
                | Event::GigExpired { .. }
                | Event::GigCancelled { .. }
                | Event::GigRemoved { .. } => self.gig_closes()?,
                Event::PayoutScreeningBegan { payout } => self.payout_is_screened(payout)?,
                Event::PayoutSent { payout, attempt } => self.payout_is_handed_over(payout, attempt)?,
                Event::MilestoneReleased { milestone, .. }
                | Event::MilestoneRefunded { milestone, .. }
                | Event::MilestoneCancelled { milestone }
                | Event::MilestoneFundingFailed { milestone, .. }
                | Event::MilestoneSettled { milestone, .. }
                | Event::MilestoneChargedBack { milestone, .. } => {
                    self.offer_ends_when_short(milestone)?;
                    let of = self.milestones.get(&milestone).and_then(|milestone| milestone.contract);
                    self.contract_finishes(of)?
                }
                Event::PaymentCredited { payment, .. } => {
                    let of = match self.outside.payments.get(&payment).map(|there| there.of) {
                        Some(For::Milestone(of)) => self.milestones.get(&of).and_then(|milestone| milestone.contract),
                        Some(For::Timesheet(_)) | None => None,
                    };
                    self.contract_finishes(of)?
                }
                Event::TimesheetApproved { timesheet, .. }
                | Event::TimesheetPaid { timesheet, .. }
                | Event::TimesheetWrittenOff { timesheet, .. }
                | Event::TimesheetChargedBack { timesheet, .. } => {
                    let of = self.timesheets.get(&timesheet).map(|week| week.contract);
                    self.contract_finishes(of)?
                }
                _ => return Err(format!("nobody reacts to {event:?} here")),
            };
        }
        Ok(Answer::Done)
    }

    fn message_is_heard(&mut self, message: Message) -> Result<Answer, Wrong> {
        self.listen(&message);
        let answer = self.message_is_acted_on(message);
        self.hearing = None;
        answer
    }

    fn message_is_acted_on(&mut self, message: Message) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        match message {
            Message::Succeeded { payment, received } => {
                let Some(there) = self.outside.payments.get_mut(&payment) else { return Ok(absent()) };
                there.told = true;
                match there.of {
                    For::Milestone(id) => {
                        let client = self.milestones.get(&id).map(|milestone| milestone.client);
                        let taken_back_at = client.and_then(|client| self.taken_back_at(client));
                        self.on_milestone(id, |m| m.funded(&system, now, payment, received, taken_back_at))
                    }
                    For::Timesheet(id) => self.on_timesheet(id, |t| t.charged(&system, now, payment, received)),
                }
            }
            Message::Failed { payment } => match self.outside.payments.get(&payment).map(|there| there.of) {
                Some(For::Milestone(id)) => {
                    self.on_milestone(id, |m| m.funding_failed(&system, payment)?.then(|m| bonus::lapse(m, now)))
                }
                Some(For::Timesheet(id)) => self.on_timesheet(id, |t| t.charge_failed(&system, now, payment)),
                None => Ok(absent()),
            },
            Message::ChargedBack { payment, reference, amount } => self.charged_back(payment, &reference, amount),
            Message::ChargebackWon { payment, reference } => self.chargeback_won(payment, &reference),
            Message::Refund { refund, says } => self.refund_is_heard(refund, says),
            Message::Rail { payout, attempt, says } => self.rail_is_heard(payout, attempt, &says),
        }
    }

    fn offer_create(&mut self, by: &Actor, terms: OfferTerms) -> Result<Answer, Wrong> {
        let OfferTerms { offer, contract, client, freelancer, pay } = terms;
        let (engagement, milestones) = match pay {
            Pay::Fixed(milestones) => (Engagement::Fixed, milestones),
            Pay::Hourly { rate, weekly_limit_minutes } => (Engagement::Hourly { rate, weekly_limit_minutes }, vec![]),
        };
        let typed: Vec<MilestoneInput> = milestones
            .iter()
            .map(|&(id, amount)| MilestoneInput { title: title(id), description: String::new(), amount, due: None })
            .collect();
        let basis =
            Basis { gig: None, proposal: None, client, freelancer, is_member: false, policy: self.policy.clone() };
        let first = milestones.first().map(|(id, _)| *id);
        let now = self.now;
        // Who is suspended is nobody to those whom they made no bid, and so is who is kept apart.
        let known = match self.is_suspended(freelancer) || self.is_blocked(client, freelancer) {
            true => Err(Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer")),
            false => Ok(()),
        };
        let created = access::check(by, Verb::OfferCreate, &Subject::of_client(client))
            .map_err(Refusal::from)
            .and(known)
            .and_then(|()| OfferDraft::parse("Work", "", engagement, &typed, &self.policy.terms))
            .and_then(|parsed| {
                let drafts = parsed.milestones().to_vec();
                let created = parsed.create(by, now, (offer, contract), first, basis)?;
                Ok((created.then(|offer| offer.send(by, now, None))?, drafts))
            });
        let (created, drafts) = match created {
            Ok((created, drafts)) => (Ok(created), drafts),
            Err(refusal) => (Err(refusal), vec![]),
        };
        let answer = self.take(created, Self::put_offer)?;
        if let (Answer::Done, Some(deal)) = (&answer, self.offers.get(&offer).map(Offer::deal)) {
            for ((id, _), draft) in milestones.into_iter().zip(drafts) {
                self.take(Ok(Milestone::agreed(id, deal.clone(), draft)), Self::put_milestone)?;
            }
        }
        Ok(answer)
    }

    fn offer_act(&mut self, by: &Actor, of: OfferId, expected: Option<i64>, act: OfferAct) -> Result<Answer, Wrong> {
        let Some(offer) = self.offers.get(&of).cloned() else { return Ok(absent()) };
        let now = self.now;
        match act {
            OfferAct::Decline => self.offer_closes(offer.decline(by, now, expected, "")),
            OfferAct::Withdraw => self.offer_closes(offer.withdraw(by, now, expected)),
            OfferAct::Accept if matches!(offer.accepted(by), Ok(Some(_))) => {
                self.take(Ok(Change::none(offer)), Self::put_offer)
            }
            OfferAct::Accept => {
                let contract = offer.contract;
                let milestones: Vec<Milestone> =
                    self.milestones_of_offer(of).iter().filter_map(|id| self.milestones.get(id)).cloned().collect();
                let accepted = offer.accept(by, now, expected, &milestones).and_then(|accepted| self.won(accepted));
                let answer = self.take(accepted, |world, ((offer, contract), won)| {
                    world.put_offer(offer);
                    world.put_contract(contract);
                    if let Some((proposal, gig)) = won {
                        world.put_proposal(proposal);
                        world.put_gig(gig);
                    }
                })?;
                if answer == Answer::Done {
                    for id in self.milestones_of_offer(of) {
                        self.on_milestone(id, |m| Ok(m.joins(contract, now)))?;
                    }
                }
                Ok(answer)
            }
        }
    }

    /// An offer came to nothing: the money of its milestones goes back.
    pub(super) fn offer_closes(&mut self, outcome: Result<Change<Offer>, Refusal>) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let of = outcome.as_ref().ok().map(|change| change.next.id);
        let outcome = outcome.map(|ended| self.given_back(ended));
        let answer = self.take(outcome, Self::put_offer_with_bid)?;
        if let (Answer::Done, Some(of)) = (&answer, of) {
            for id in self.milestones_of_offer(of) {
                if self.on_milestone(id, |m| m.unwind(&system, now))? == Answer::Done {
                    self.succeeded.insert("milestone.unwind");
                }
            }
        }
        Ok(answer)
    }

    fn offer_ends_when_short(&mut self, milestone: MilestoneId) -> Result<Answer, Wrong> {
        let of = self.milestones.get(&milestone).filter(|of| of.contract.is_none()).and_then(|of| of.offer);
        let Some(offer) = of.and_then(|of| self.offers.get(&of)).cloned() else { return Ok(Answer::AsItWas) };
        let all: Vec<Milestone> =
            self.milestones_of_offer(offer.id).iter().filter_map(|id| self.milestones.get(id)).cloned().collect();
        if offer.first_milestone != Some(milestone) || offer.is_covered(&all) {
            return Ok(Answer::AsItWas);
        }
        self.offer_closes(offer.overtaken(&Actor::System, self.now))
    }

    fn offer_is_sent_when_funded(&mut self, milestone: MilestoneId) -> Result<Answer, Wrong> {
        let of = self.milestones.get(&milestone).and_then(|milestone| milestone.offer);
        let Some(offer) = of.and_then(|of| self.offers.get(&of)).cloned() else { return Ok(Answer::AsItWas) };
        if offer.first_milestone != Some(milestone) {
            return Ok(Answer::AsItWas);
        }
        let (now, sent) = (self.now, self.sent_when_funded(offer));
        let overtaken = sent.as_ref().is_ok_and(|sent| sent.next.0.expires_at().is_none() && sent.changed);
        let answer = self.take(sent, Self::put_offer_with_bid)?;
        if answer == Answer::Done {
            self.succeeded.insert(if overtaken { "offer.overtaken" } else { "offer.confirm_funding" });
        }
        if overtaken {
            for id in of.map_or(vec![], |of| self.milestones_of_offer(of)) {
                self.on_milestone(id, |m| m.unwind(&Actor::System, now))?;
            }
        }
        Ok(answer)
    }

    fn contract_act(
        &mut self,
        by: &Actor,
        of: ContractId,
        expected: Option<i64>,
        act: ContractAct,
    ) -> Result<Answer, Wrong> {
        let Some(contract) = self.contracts.get(&of).cloned() else { return Ok(absent()) };
        let now = self.now;
        match act {
            ContractAct::Pause => self.take(contract.pause(by, now, expected), Self::put_contract),
            ContractAct::Resume => {
                let weeks = self.weeks_unsettled(of);
                let resumed = contract.resume(by, now, expected);
                let resumed = resumed.and_then(|contract| contract.then(|c| c.heed_weeks(&Actor::System, now, &weeks)));
                self.take(resumed, Self::put_contract)
            }
            ContractAct::Hold(reason) => {
                self.touched.insert((of, reason));
                self.take(contract.hold(by, now, expected, reason), Self::put_contract)
            }
            ContractAct::Lift(reason) => {
                self.touched.insert((of, reason));
                self.contract_is_lifted(of, contract.lift(by, now, expected, reason))
            }
            ContractAct::End => {
                let ending = match contract.end(by, now, expected) {
                    Ok(ending) => ending,
                    Err(refusal) => return self.take(Err(refusal), Self::put_contract),
                };
                self.calls_off(of)?;
                self.weeks_wind_up(of)?;
                let settled = self.is_settled(of);
                let ended = ending.then(|contract| contract.finish(&Actor::System, now, settled));
                self.take(ended, Self::put_contract)
            }
        }
    }

    /// What was ending when it was held may have nothing left to carry through.
    pub(super) fn contract_is_lifted(
        &mut self,
        of: ContractId,
        lifted: Result<Change<Contract>, Refusal>,
    ) -> Result<Answer, Wrong> {
        let now = self.now;
        let ending =
            |change: &Change<Contract>| change.changed && matches!(change.next.state, ContractState::Ending { .. });
        let settled = lifted.as_ref().is_ok_and(ending) && {
            self.calls_off(of)?;
            self.is_settled(of)
        };
        let finish = |change: Change<Contract>| change.then(|contract| contract.finish(&Actor::System, now, settled));
        self.take(lifted.and_then(finish), Self::put_contract)
    }

    fn contract_finishes(&mut self, of: Option<ContractId>) -> Result<Answer, Wrong> {
        let Some(contract) = of.and_then(|of| self.contracts.get(&of)).cloned() else { return Ok(Answer::AsItWas) };
        if !matches!(contract.state, ContractState::Ending { .. }) {
            return Ok(Answer::AsItWas);
        }
        self.calls_off(contract.id)?;
        let settled = self.is_settled(contract.id);
        self.take(contract.finish(&Actor::System, self.now, settled), Self::put_contract)
    }

    /// What holds no money of an ending contract is called off.
    fn calls_off(&mut self, of: ContractId) -> Result<(), Wrong> {
        let now = self.now;
        for id in self.milestones_of_contract(of) {
            self.on_milestone(id, |m| Ok(m.called_off(now)))?;
        }
        Ok(())
    }

    /// Are the contract's milestones over, and its weeks settled?
    pub fn is_settled(&self, contract: ContractId) -> bool {
        let mut of_it = self.milestones.values().filter(|milestone| milestone.contract == Some(contract));
        of_it.all(|milestone| milestone.status().is_terminal()) && self.weeks_unsettled(contract).is_empty()
    }

    /// A milestone, unless it is part of what was never offered to who asks.
    fn told_of(&self, by: &Actor, of: MilestoneId) -> Option<&Milestone> {
        let unsent = |of: OfferId| self.offers.get(&of).is_some_and(|offer| !offer.was_sent());
        self.milestones.get(&of).filter(|milestone| {
            let theirs = milestone.contract.is_none() && by.user() == Some(milestone.freelancer);
            !(theirs && milestone.offer.is_some_and(unsent))
        })
    }

    fn milestone_act(
        &mut self,
        by: &Actor,
        of: MilestoneId,
        expected: Option<i64>,
        act: MilestoneAct,
    ) -> Result<Answer, Wrong> {
        let now = self.now;
        let Some(milestone) = self.told_of(by, of) else { return Ok(absent()) };
        let (credit, available) = (self.credit(milestone.client), self.available(milestone.freelancer));
        let taken_back_at = self.taken_back_at(milestone.client);
        let moves = self.moves_money(milestone.contract);
        let not_reviewed = self.not_reviewed(milestone.client, milestone.freelancer);
        let contract = milestone.contract.and_then(|contract| self.contracts.get(&contract)).cloned();
        let offer = milestone.offer.filter(|_| contract.is_none()).and_then(|offer| self.offers.get(&offer)).cloned();
        let may_fund = |m: &Milestone| {
            access::check(by, Verb::MilestoneFund, &m.subject())?;
            not_reviewed?;
            offer.map_or(Ok(()), |offer| offer.takes_money())?;
            moves?;
            contract.map_or(Ok(()), |contract| contract.takes_money_for(m, by, now))
        };
        match act {
            MilestoneAct::HandOver(to, amount) => {
                let (milestone, next) = (milestone.clone(), self.told_of(by, to).cloned());
                let Some(next) = next.filter(|next| next.id != of) else { return Ok(absent()) };
                let outcome = milestone.approve_and_hand_over(next, by, now, expected, amount);
                self.take(outcome, |world, (first, second)| {
                    world.put_milestone(first);
                    world.put_milestone(second);
                })
            }
            MilestoneAct::Dispute(dispute, amount) => {
                let claim = Claim { reason: "No".into(), amount };
                let outcome = dispute::open(milestone.clone(), by, now, expected, dispute, claim);
                self.take(outcome, |world, (dispute, milestone)| {
                    world.put_dispute(dispute);
                    world.put_milestone(milestone);
                })
            }
            MilestoneAct::RefundAfter(amount) => {
                let expected = expected.unwrap_or(milestone.version);
                self.on_milestone(of, |m| m.refund_after(by, now, expected, amount, available))
            }
            _ => self.on_milestone(of, |m| match act {
                MilestoneAct::Agree => m.agree(by, expected),
                MilestoneAct::Fund(payment) => {
                    may_fund(&m)?;
                    m.start_funding(by, now, expected, payment)
                }
                MilestoneAct::FundFromCredit => {
                    may_fund(&m)?;
                    m.fund_from_credit(by, now, expected, &credit, taken_back_at)
                }
                MilestoneAct::StopFunding => m.stop_funding(by, expected)?.then(|m| bonus::lapse(m, now)),
                MilestoneAct::Cancel => m.cancel(by, now, expected),
                MilestoneAct::Submit(submission) => m.submit(by, now, expected, submission),
                MilestoneAct::RequestChanges => m.request_changes(by, now, expected, "Please"),
                MilestoneAct::Approve(approval) => m.approve(by, now, expected, approval),
                MilestoneAct::RequestRefund(amount) => m.request_refund(by, now, expected, amount),
                MilestoneAct::AgreeRefund => m.agree_refund(by, now, expected),
                MilestoneAct::RefuseRefund => m.refuse_refund(by, now, expected),
                MilestoneAct::WithdrawRefund => m.withdraw_refund(by, now, expected),
                MilestoneAct::Keep => m.keep(by, now, expected),
                MilestoneAct::HandOver(..) | MilestoneAct::Dispute(..) | MilestoneAct::RefundAfter(_) => {
                    Ok(Change::none(m))
                }
            }),
        }
    }

    fn dispute_act(
        &mut self,
        by: &Actor,
        of: DisputeId,
        expected: Option<i64>,
        act: DisputeAct,
    ) -> Result<Answer, Wrong> {
        let now = self.now;
        let Some(dispute) = self.disputes.get(&of).cloned() else { return Ok(absent()) };
        let Some(case) = self.case(dispute.case) else { return Ok(absent()) };
        match act {
            DisputeAct::Answer => self.take(dispute.answer(by, now, expected, "No"), Self::put_dispute),
            DisputeAct::Concede => self.take_disputed(dispute.concede(case, by, now, expected)),
            DisputeAct::Withdraw => self.take_disputed(dispute.withdraw(case, by, now, expected)),
            DisputeAct::Offer(amount) => self.take_disputed(dispute.offer(case, by, now, expected, amount)),
            DisputeAct::Recommend(amount) => {
                self.take(dispute.recommend(by, now, expected, verdict(amount), false), Self::put_dispute)
            }
            DisputeAct::Accept => self.take_disputed(dispute.accept(case, by, now, expected)),
            DisputeAct::Refuse => self.take(dispute.refuse(by, now, expected), Self::put_dispute),
            DisputeAct::PayFee => {
                let side = Side::of(access::Role::of(by, &dispute.subject()));
                let balance = match side {
                    Some(Side::Freelancer) => Credit::of_none(self.available(dispute.freelancer)),
                    _ => self.credit(dispute.client),
                };
                self.take(dispute.pay_fee(by, now, expected, &balance), Self::put_dispute)
            }
            DisputeAct::Award(amount) => {
                self.take_disputed(dispute.award(case, by, now, expected, verdict(amount), false))
            }
        }
    }

    pub(super) fn on_milestone(
        &mut self,
        of: MilestoneId,
        verb: impl FnOnce(Milestone) -> Result<Change<Milestone>, Refusal>,
    ) -> Result<Answer, Wrong> {
        let Some(milestone) = self.milestones.get(&of).cloned() else { return Ok(absent()) };
        let before = (milestone.is_disputed(), milestone.version, milestone.escrow.held());
        let outcome = verb(milestone);
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
        self.take(outcome, Self::put_milestone)
    }

    pub(super) fn take_disputed(&mut self, outcome: Result<Disputed, Refusal>) -> Result<Answer, Wrong> {
        let mut of_week = None;
        let answer = self.take(outcome, |world, (dispute, case)| {
            if let Case::Timesheet(week) = &case {
                of_week = Some(week.contract);
            }
            world.put_dispute(dispute);
            world.put_case(case);
        })?;
        of_week.map_or(Ok(()), |contract| self.contract_heeds(contract))?;
        Ok(answer)
    }

    pub(super) fn milestones_of_offer(&self, of: OfferId) -> Vec<MilestoneId> {
        self.milestones.values().filter(|milestone| milestone.offer == Some(of)).map(|m| m.id).collect()
    }

    fn milestones_of_contract(&self, of: ContractId) -> Vec<MilestoneId> {
        self.milestones.values().filter(|milestone| milestone.contract == Some(of)).map(|m| m.id).collect()
    }
}

/// What a mediator says.
pub fn verdict(to_freelancer: Money) -> Verdict {
    Verdict { to_freelancer, reason: "As I see it".to_owned() }
}

pub(super) fn absent() -> Answer {
    Answer::Refused(Refusal::HIDDEN)
}

pub(super) fn draft(id: MilestoneId, amount: Money, deal: Deal) -> Result<MilestoneDraft, Refusal> {
    MilestoneDraft::parse(&title(id), "", amount, None, &deal.terms)
}
