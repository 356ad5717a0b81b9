//! Carrying out what comes before a contract, and what must be true of it.

#![expect(clippy::expect_used, reason = "a world that can't be made should stop")]

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Actor, Subject, Verb};
use domain::block::Block;
use domain::change::Change;
use domain::contract::{Contract, Engagement};
use domain::event::Event;
use domain::gig::{BriefInput, Gig, GigBrief, GigStatus, QuestionInput, TradeTerms};
use domain::id::{ContractId, GigId, InvitationId, MilestoneId, OfferId, OrganizationId, ProposalId, UserId};
use domain::invitation::{Asking, Invitation};
use domain::matching::taxonomy::Taxonomy;
use domain::milestone::Milestone;
use domain::money::Money;
use domain::offer::{Basis, MilestoneInput, Offer, OfferDraft, State as OfferState, Status as OfferStatus};
use domain::proposal::{Bid, BidInput, Closing, Price, Proposal, ProposalState};
use domain::refusal::Refusal;
use domain::timer::Timer;

use super::act::{absent, title};
use super::moves::{Answer, OfferTerms, Pay};
use super::planted::Planted;
use super::trade::{GigAct, Made, ProposalAct, TradeAct, Wants};
use super::ways::Thing;
use super::world::{FREELANCERS, World, Wrong, id, usd};

/// The proposal that an accepted offer took up, and its gig.
pub type Won = Option<(Proposal, Gig)>;
type Accepted = Change<((Offer, Contract), Won)>;

/// The longest week of an offer by the hour, in minutes.
pub const WEEK: u32 = 1_200;
const OFFER_EXISTS: &str = "there is an offer on this proposal already: send it, or withdraw it";

impl World {
    pub(super) fn trade_act(&mut self, by: &Actor, act: TradeAct) -> Result<Answer, Wrong> {
        let now = self.now;
        match act {
            TradeAct::GigCreate { gig, client, wants } => {
                let drafted = self.brief(wants).and_then(|brief| brief.draft(by, client, gig, now));
                self.take(drafted, Self::put_gig)
            }
            TradeAct::Gig { of, expected, act } => self.gig_act(by, of, expected, act),
            TradeAct::InvitationSend { invitation, gig, freelancer } => {
                self.invitation_send(by, invitation, gig, freelancer)
            }
            TradeAct::InvitationDecline { of } => {
                let Some(invitation) = self.invitations.get(&of).cloned() else { return Ok(absent()) };
                self.take(invitation.decline(by, now), Self::put_invitation)
            }
            TradeAct::DraftSave { proposal, gig, bid } => self.bid(by, proposal, gig, bid, false),
            TradeAct::Submit { proposal, gig, bid } => self.bid(by, proposal, gig, bid, true),
            TradeAct::Proposal { of, expected, act } => self.proposal_act(by, of, expected, act),
            TradeAct::OfferOn { proposal, made } => self.offer_on(by, proposal, made),
            TradeAct::OfferDraft(terms) => self.offer_draft(by, terms),
            TradeAct::OfferSend { of, expected } => self.offer_send(by, of, expected),
            TradeAct::Block { block, lifts } => self.block(by, block, lifts),
        }
    }

    fn brief(&mut self, wants: Wants) -> Result<GigBrief, Refusal> {
        GigBrief::parse(brief_input(wants), &std::array::from_fn(|_| self.fresh()))
    }

    /// An offer that names one milestone.
    pub(super) fn fixed(&mut self, client: OrganizationId, freelancer: UserId, amount: Money) -> OfferTerms {
        let pay = Pay::Fixed(vec![(self.fresh(), amount)]);
        OfferTerms { offer: self.fresh(), contract: self.fresh(), client, freelancer, pay }
    }

    fn gig_act(&mut self, by: &Actor, of: GigId, expected: Option<i64>, act: GigAct) -> Result<Answer, Wrong> {
        let Some(gig) = self.gigs.get(&of).cloned() else { return Ok(absent()) };
        let (now, terms) = (self.now, self.trade_terms.clone());
        let outcome = match act {
            GigAct::Update(patch) => {
                let fresh = std::array::from_fn(|_| self.fresh());
                gig.update(by, *patch, &fresh, expected, &terms, now)
            }
            GigAct::Publish => gig.publish(by, expected, &terms, now),
            GigAct::Pause => gig.pause(by, now),
            GigAct::Resume => gig.resume(by, &terms, now),
            GigAct::Cancel => gig.cancel(by, self.offers_waiting(of).count() as u64, &terms, now),
            GigAct::Reopen => gig.reopen(by, &terms, now),
            GigAct::Remove => gig.remove(by, "It is no gig", now),
        };
        self.take(outcome, Self::put_gig)
    }

    fn invitation_send(
        &mut self,
        by: &Actor,
        invitation: InvitationId,
        gig: GigId,
        freelancer: UserId,
    ) -> Result<Answer, Wrong> {
        let Some(gig) = self.gigs.get(&gig) else { return Ok(absent()) };
        let today = self.now - TimeDelta::days(1);
        let sent =
            |keeps: &dyn Fn(&Invitation) -> bool| self.invitations.values().filter(|one| keeps(one)).count() as u32;
        let asking = Asking {
            gig,
            freelancer,
            is_known: self.users.contains_key(&freelancer)
                && !self.is_suspended(freelancer)
                && !self.is_blocked(gig.client, freelancer),
            is_member: false,
            sent_before: self.invitation_between(gig.id, freelancer),
            sent_today: sent(&|one| one.client == gig.client && one.created_at > today),
            sent_for_gig: sent(&|one| one.gig == gig.id),
        };
        let outcome = asking.send(by, "Will you?", invitation, &self.trade_terms, self.now);
        self.take(outcome, Self::put_invitation)
    }

    fn bid(&mut self, by: &Actor, id: ProposalId, gig: GigId, input: BidInput, submits: bool) -> Result<Answer, Wrong> {
        let user = match by.person() {
            Ok(person) => person.user,
            Err(denied) => return self.take(Err(denied.into()), Self::put_proposal),
        };
        let Some(gig) = self.gigs.get(&gig) else { return Ok(absent()) };
        let (now, policy) = (self.now, &self.policy.terms);
        let theirs = |one: &&Proposal| one.gig == gig.id && one.freelancer == user;
        let mine: Vec<Proposal> = self.proposals.values().filter(theirs).cloned().collect();
        let invitation = self.invitation_between(gig.id, user).cloned();
        let bid = Bid {
            is_blocked: self.is_blocked(gig.client, user),
            bids_used: self.bids_used(user),
            ..Bid::after(gig, &mine, invitation.is_some())
        };
        if !submits {
            return self.take(bid.save_draft(by, input, id, policy, now), Self::put_proposal);
        }
        let submitted = bid.submit(by, input, id, (&self.trade_terms, policy), now);
        let outcome = submitted.map(|submitted| {
            submitted.and(match invitation {
                Some(invitation) => invitation.accepted(now).map(Some),
                None => Change::none(None),
            })
        });
        self.take(outcome, |world, (proposal, invitation)| {
            world.put_proposal(proposal);
            invitation.into_iter().for_each(|invitation| world.put_invitation(invitation));
        })
    }

    fn proposal_act(
        &mut self,
        by: &Actor,
        of: ProposalId,
        expected: Option<i64>,
        act: ProposalAct,
    ) -> Result<Answer, Wrong> {
        let Some(proposal) = self.proposals.get(&of).cloned() else { return Ok(absent()) };
        let (now, policy) = (self.now, &self.policy.terms);
        let outcome = match act {
            ProposalAct::Revise(input) => {
                let Some(gig) = self.gigs.get(&proposal.gig) else { return Ok(absent()) };
                proposal.revise(by, input, (&gig.brief, policy), expected)
            }
            ProposalAct::Withdraw => proposal.withdraw(by, now),
            ProposalAct::View => proposal.view(by, now),
            ProposalAct::Shortlist => proposal.shortlist(by, now),
            ProposalAct::Interview => proposal.interview(by, now),
            ProposalAct::Decline(reason) => proposal.decline(by, reason, "", now),
            ProposalAct::Counter(price) => proposal.counter(by, (price, policy), "And so?", expected, now),
            ProposalAct::CounterAccept => proposal.counter_accept(by, expected),
        };
        let outcome = outcome.map(|mut change| {
            if let (Some(Planted::DraftIsTold), ProposalState::Withdrawn { .. }, true) =
                (self.planted, &change.next.state, change.events.is_empty() && change.changed)
            {
                let Proposal { id: proposal, gig, client, freelancer, .. } = change.next;
                let told = domain::event::OfProposal { proposal, gig, client, freelancer };
                change.events.push(Event::ProposalWithdrawn { told });
            }
            change
        });
        self.take(outcome, Self::put_proposal)
    }

    fn offer_on(&mut self, by: &Actor, of: ProposalId, made: Made) -> Result<Answer, Wrong> {
        let Some(proposal) = self.proposals.get(&of).cloned() else { return Ok(absent()) };
        let Some(gig) = self.gigs.get(&proposal.gig) else { return Ok(absent()) };
        let Made { offer, contract, milestones, draft } = made;
        let engagement = match proposal.terms.price {
            Price::Fixed { .. } => Engagement::Fixed,
            Price::Hourly { rate } => Engagement::Hourly { rate, weekly_limit_minutes: WEEK },
        };
        let (client, freelancer) = (proposal.client, proposal.freelancer);
        let basis = Basis {
            gig: Some(gig.id),
            proposal: Some(of),
            client,
            freelancer,
            is_member: false,
            policy: self.policy.clone(),
        };
        // There is one at most that waits, for each proposal.
        let waits = self.offers.values().any(|other| other.proposal == Some(of) && waits(other));
        let exists = if waits { Err(Refusal::rule("OFFER_EXISTS", OFFER_EXISTS)) } else { Ok(()) };
        let outcome = access::check(by, Verb::OfferCreate, &proposal.subject())
            .map_err(Refusal::from)
            .and_then(|_| self.offer_of(by, (offer, contract), engagement, &milestones, basis, draft))
            .and_then(|created| exists.map(|()| created))
            .and_then(|created| heeded(created, Some((gig, proposal)), self.now));
        let answer = self.take(outcome, Self::put_offer_with_bid)?;
        self.milestones_come_with(&answer, offer, milestones, draft)
    }

    fn offer_draft(&mut self, by: &Actor, terms: OfferTerms) -> Result<Answer, Wrong> {
        let OfferTerms { offer, contract, client, freelancer, pay } = terms;
        let Pay::Fixed(milestones) = pay else { return Ok(absent()) };
        let basis =
            Basis { gig: None, proposal: None, client, freelancer, is_member: false, policy: self.policy.clone() };
        let unknown = self.is_suspended(freelancer) || self.is_blocked(client, freelancer);
        let known = match unknown {
            true => Err(Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer")),
            false => Ok(()),
        };
        let outcome = access::check(by, Verb::OfferCreate, &Subject::of_client(client))
            .map_err(Refusal::from)
            .and(known)
            .and_then(|()| self.offer_of(by, (offer, contract), Engagement::Fixed, &milestones, basis, true));
        let answer = self.take(outcome, Self::put_offer)?;
        self.milestones_come_with(&answer, offer, milestones, true)
    }

    fn offer_of(
        &self,
        by: &Actor,
        ids: (OfferId, ContractId),
        engagement: Engagement,
        milestones: &[(MilestoneId, Money)],
        basis: Basis,
        draft: bool,
    ) -> Result<Change<Offer>, Refusal> {
        let typed = |&(id, amount): &(MilestoneId, Money)| MilestoneInput {
            title: title(id),
            description: String::new(),
            amount,
            due: None,
        };
        let typed: Vec<MilestoneInput> = milestones.iter().map(typed).collect();
        let parsed = OfferDraft::parse("Work", "", engagement, &typed, &self.policy.terms)?;
        let first = milestones.first().map(|(id, _)| *id);
        let created = parsed.create(by, self.now, ids, first, basis)?;
        if draft { Ok(created) } else { created.then(|offer| offer.send(by, self.now, None)) }
    }

    fn milestones_come_with(
        &mut self,
        answer: &Answer,
        offer: OfferId,
        milestones: Vec<(MilestoneId, Money)>,
        draft: bool,
    ) -> Result<Answer, Wrong> {
        let (Answer::Done, Some(deal)) = (answer, self.offers.get(&offer).map(Offer::deal)) else {
            return Ok(answer.clone());
        };
        let part_of = if draft { Milestone::drafted } else { Milestone::agreed };
        for (id, amount) in milestones {
            let said = super::act::draft(id, amount, deal.clone()).map_err(|refusal| refusal.to_string())?;
            self.take(Ok(part_of(id, deal.clone(), said)), Self::put_milestone)?;
        }
        Ok(Answer::Done)
    }

    fn offer_send(&mut self, by: &Actor, of: OfferId, expected: Option<i64>) -> Result<Answer, Wrong> {
        let Some(offer) = self.offers.get(&of).cloned() else { return Ok(absent()) };
        let bid = self.bid_of(&offer);
        let bid = bid.as_ref().map(|(gig, proposal)| (gig, proposal.clone()));
        let outcome = offer.send(by, self.now, expected).and_then(|sent| match sent.changed {
            true => heeded(sent, bid, self.now),
            false => Ok(sent.and(Change::none(None))),
        });
        let answer = self.take(outcome, Self::put_offer_with_bid)?;
        if answer == Answer::Done {
            for id in self.milestones_of_offer(of) {
                let Some(milestone) = self.milestones.get(&id).cloned() else { continue };
                self.take(Ok(milestone.meant()), Self::put_milestone)?;
            }
        }
        Ok(answer)
    }

    fn block(&mut self, by: &Actor, block: Block, lifts: bool) -> Result<Answer, Wrong> {
        let key = (block.client, block.freelancer, block.by.as_str());
        let stands = self.blocks.contains(&key);
        let kept = self.blocks.iter().filter(|(.., by)| *by == block.by.as_str()).count() as u32;
        let outcome = if lifts { block.lift(by, stands) } else { block.set(by, stands, kept) };
        self.take(outcome, |world, _| match lifts {
            true => drop(world.blocks.remove(&key)),
            false => drop(world.blocks.insert(key)),
        })
    }

    /// What an offer takes up.
    pub(super) fn bid_of(&self, offer: &Offer) -> Option<(Gig, Proposal)> {
        let (gig, proposal) = offer.gig.zip(offer.proposal)?;
        self.gigs.get(&gig).cloned().zip(self.proposals.get(&proposal).cloned())
    }

    /// An offer came to nothing: the proposal that it takes up is live again, or ends with its gig.
    pub(super) fn given_back(&self, ended: Change<Offer>) -> Change<(Offer, Option<Proposal>)> {
        let bid = self.bid_of(&ended.next).filter(|_| ended.changed);
        let given_back = match bid {
            Some((gig, proposal)) => proposal.offer_ended(&gig, self.now).map(Some),
            None => Change::none(None),
        };
        ended.and(given_back)
    }

    /// An offer was accepted: whoever proposed is hired, and the gig is filled.
    pub(super) fn won(&self, accepted: Change<(Offer, Contract)>) -> Result<Accepted, Refusal> {
        let (client, freelancer) = (accepted.next.0.client, accepted.next.0.freelancer);
        self.not_reviewed(client, freelancer)?;
        let Some((gig, proposal)) = self.bid_of(&accepted.next.0) else { return Ok(accepted.and(Change::none(None))) };
        let filled = match self.planted {
            Some(Planted::GigStaysOpen) => Change::none(gig),
            _ => gig.fill(self.now)?,
        };
        Ok(accepted.and(proposal.hired(self.now)?.and(filled).map(Some)))
    }

    /// The money of an offer's first milestone came: does what it takes up still stand?
    pub(super) fn sent_when_funded(&self, offer: Offer) -> Result<Change<(Offer, Option<Proposal>)>, Refusal> {
        let (system, now, bid) = (Actor::System, self.now, self.bid_of(&offer));
        let sent = offer.clone().first_milestone_funded(&system, now)?;
        if !sent.changed {
            return Ok(sent.and(Change::none(None)));
        }
        match bid.map(|(gig, proposal)| proposal.offered(&gig, now)) {
            None => Ok(sent.and(Change::none(None))),
            Some(Ok(offered)) => Ok(sent.and(offered.map(Some))),
            Some(Err(_)) => Ok(offer.overtaken(&system, now)?.and(Change::none(None))),
        }
    }

    pub(super) fn put_offer_with_bid(&mut self, (offer, proposal): (Offer, Option<Proposal>)) {
        self.put_offer(offer);
        proposal.into_iter().for_each(|proposal| self.put_proposal(proposal));
    }

    pub(super) fn put_gig(&mut self, gig: Gig) {
        let (of, to) = (Thing::Gig(gig.id), (gig.status().as_str(), gig.version));
        let before = self.gigs.insert(gig.id, gig.clone()).filter(|before| *before != gig);
        self.goes(of, before.map(|before| (before.status().as_str(), before.version)), to);
    }

    pub(super) fn put_proposal(&mut self, proposal: Proposal) {
        let (of, to) = (Thing::Proposal(proposal.id), (proposal.status().as_str(), proposal.version));
        let before = self.proposals.insert(proposal.id, proposal.clone());
        if before.as_ref() != Some(&proposal) {
            self.bid_at.insert(proposal.id, self.now);
        }
        let before = before.filter(|before| *before != proposal);
        self.goes(of, before.map(|before| (before.status().as_str(), before.version)), to);
    }

    fn put_invitation(&mut self, invitation: Invitation) {
        let before = self.invitations.insert(invitation.id, invitation.clone());
        if let Some(before) = before {
            self.happened.answered.push((invitation.id, before.status().as_str(), invitation.status().as_str()));
        }
    }

    fn invitation_between(&self, gig: GigId, freelancer: UserId) -> Option<&Invitation> {
        self.invitations.values().find(|one| one.gig == gig && one.freelancer == freelancer)
    }

    pub(super) fn is_blocked(&self, client: OrganizationId, freelancer: UserId) -> bool {
        self.blocks.iter().any(|(of, whom, _)| (*of, *whom) == (client, freelancer))
    }

    /// The bids that count: of the last days, for gigs that did not close unfilled, and that the client has opened or may
    /// still open.
    fn bids_used(&self, user: UserId) -> u32 {
        let since = self.now - TimeDelta::days(self.trade_terms.bid_window_days.into());
        let counts = |one: &&Proposal| {
            let gone = self.gigs.get(&one.gig).is_none_or(|gig| {
                matches!(gig.status(), GigStatus::Expired | GigStatus::Cancelled | GigStatus::Removed)
            });
            let state = one.status().as_str();
            let given_back = matches!(state, "expired" | "removed")
                || one.viewed_at.is_none() && matches!(state, "withdrawn" | "declined" | "not_selected");
            one.freelancer == user && one.submitted_at.is_some_and(|at| at > since) && !gone && !given_back
        };
        self.proposals.values().filter(counts).count() as u32
    }

    /// Offers on the proposals for a gig that nobody has answered.
    fn offers_waiting(&self, gig: GigId) -> impl Iterator<Item = &Offer> {
        self.offers.values().filter(move |offer| offer.gig == Some(gig) && waits(offer))
    }

    pub(super) fn draft_offers(&self) -> impl Iterator<Item = OfferId> {
        self.offers.values().filter(|offer| offer.status() == OfferStatus::Draft).map(|offer| offer.id)
    }

    /// When somebody last did something with a gig. An offer that waits for money or an answer keeps it alive until it
    /// ends.
    fn last_activity(&self, gig: &Gig) -> Timestamp {
        let of_it = self.proposals.values().filter(|one| one.gig == gig.id && one.submitted_at.is_some());
        let of_it = of_it.filter(|one| !matches!(one.status().as_str(), "not_selected" | "expired" | "removed"));
        let at = of_it.filter_map(|one| {
            let offers = self.offers.values().filter(|offer| offer.proposal == Some(one.id));
            let offers = offers.map(|offer| match &offer.state {
                OfferState::Draft => offer.created_at,
                OfferState::PendingFunding { .. } | OfferState::Sent { .. } => self.now,
                OfferState::Accepted { accepted_at: at }
                | OfferState::Declined { declined_at: at, .. }
                | OfferState::Withdrawn { withdrawn_at: at, .. }
                | OfferState::Expired { expired_at: at, .. } => *at,
            });
            self.bid_at.get(&one.id).copied().max(offers.max())
        });
        at.max().map_or(gig.active_at, |at| at.max(gig.active_at))
    }

    pub(super) fn gig_expires(&mut self, of: GigId) -> Result<Answer, Wrong> {
        let Some(gig) = self.gigs.get(&of).cloned() else { return Ok(absent()) };
        let last = self.last_activity(&gig);
        self.take(gig.expire(&Actor::System, last, &self.trade_terms.clone(), self.now), Self::put_gig)
    }

    pub(super) fn gig_expiry_is_near(&mut self, of: GigId) -> Result<Answer, Wrong> {
        let Some(gig) = self.gigs.get(&of).cloned() else { return Ok(absent()) };
        let last = self.last_activity(&gig);
        self.take(gig.warn_of_expiry(&Actor::System, last, &self.trade_terms.clone(), self.now), Self::put_gig)
    }

    /// A gig is over: its proposals follow when the worker comes to it.
    pub(super) fn hear_of_gig(&mut self, event: Event) {
        let closed = match &event {
            Event::GigFilled { gig, .. } => (*gig, Closing::NotSelected),
            Event::GigExpired { gig, .. } | Event::GigCancelled { gig, .. } => (*gig, Closing::Expired),
            Event::GigRemoved { gig, .. } => (*gig, Closing::Removed),
            _ => return,
        };
        self.closings.push_back((closed.0, closed.1, self.now));
        self.outbox.push_back(event);
    }

    /// The proposals that were live when a gig closed end with it, and so do the offers on one that was taken down.
    pub(super) fn gig_closes(&mut self) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some((gig, closing, closed_at)) = self.closings.pop_front() else { return Ok(Answer::AsItWas) };
        if closing == Closing::Removed {
            let waiting = self.offers_waiting(gig).filter(|offer| offer.status() != OfferStatus::Draft);
            for offer in waiting.cloned().collect::<Vec<_>>() {
                self.offer_closes(offer.overtaken(&system, now))?;
            }
        }
        let of_it = self.proposals.values().filter(|one| one.gig == gig);
        let of_it = of_it.filter(|one| one.submitted_at.is_some_and(|at| at <= closed_at));
        for proposal in of_it.cloned().collect::<Vec<_>>() {
            if self.take(proposal.close(&system, closing, now), Self::put_proposal)? == Answer::Done {
                self.succeeded.insert("proposal.close");
            }
        }
        Ok(Answer::Done)
    }
}

/// What a client types who wants this.
pub fn brief_input(wants: Wants) -> BriefInput {
    let skill = Taxonomy::shipped().find_slug("rust").expect("a skill").id;
    let description = if wants.whole { "A service that pays people, with tests and a runbook." } else { "" };
    let asked = QuestionInput { id: None, text: "Did you do this before?".into(), required: true };
    BriefInput {
        title: "A service in Rust".into(),
        description: description.into(),
        kind: wants.kind,
        budget_low: usd(1_000),
        budget_high: usd(50_000),
        required_skills: vec![skill],
        nice_skills: vec![],
        questions: if wants.asks { vec![asked] } else { vec![] },
        experience: None,
        time_zone: None,
        work_starts: None,
        work_ends: None,
        overlap_minutes: None,
        languages: vec![],
        countries: vec![],
        weekly_hours: None,
        visibility: wants.visibility,
    }
}

/// The proposal that an offer takes up must still stand; it shows that it got one once the freelancer has the offer.
fn heeded(
    offer: Change<Offer>,
    bid: Option<(&Gig, Proposal)>,
    now: Timestamp,
) -> Result<Change<(Offer, Option<Proposal>)>, Refusal> {
    let Some((gig, proposal)) = bid else { return Ok(offer.and(Change::none(None))) };
    let offered = proposal.offered(gig, now)?;
    let shows = offer.next.was_sent();
    Ok(offer.and(if shows { offered.map(Some) } else { Change::none(None) }))
}

fn waits(offer: &Offer) -> bool {
    matches!(offer.status(), OfferStatus::Draft | OfferStatus::PendingFunding | OfferStatus::Sent)
}

macro_rules! must {
    ($holds:expr, $($say:tt)*) => { if !$holds { return Err(format!($($say)*)); } };
}

impl World {
    /// What must be true of the trade after every step.
    pub(super) fn check_trade(&self) -> Result<(), Wrong> {
        self.check_gigs()?;
        self.check_proposals()?;
        self.check_offers()?;
        self.check_invitations()
    }

    fn check_gigs(&self) -> Result<(), Wrong> {
        for gig in self.gigs.values() {
            let (of, status) = (gig.id, gig.status());
            let hired = self.proposals.values().filter(|one| one.gig == of && one.status().as_str() == "hired").count();
            // Whom the client had asked before may still say yes: each by an offer of the client's.
            let filled = matches!(status, GigStatus::Filled | GigStatus::Removed);
            must!(hired == 0 || filled, "{hired} were hired for {of}, and it is {status:?}");
            must!(status != GigStatus::Filled || hired > 0, "{of} is filled, and nobody was hired");
            let public = status == GigStatus::Open && gig.brief.visibility == domain::gig::Visibility::Public;
            let stranger = super::choose::person(500, vec![], None);
            for actor in [Actor::Nobody, stranger] {
                must!(gig.visible_to(&actor, false) == public, "{of} is {status:?}, and others see it: {}", !public);
            }
            must!(
                gig.brief.complete().is_ok() || gig.published_at.is_none(),
                "{of} was published, and lacks something"
            );
            self.check_gig_timers(gig)?;
        }
        Ok(())
    }

    /// It expires in time; whoever does something with it is looked at when its clock strikes.
    fn check_gig_timers(&self, gig: &Gig) -> Result<(), Wrong> {
        let (of, status, terms) = (gig.id, gig.status(), &self.trade_terms);
        let (expires, warns) = (Timer::ExpireGig(of), Timer::WarnGigExpiry(of));
        let runs = |timer| self.timers.get(&timer).copied();
        if !matches!(status, GigStatus::Open | GigStatus::Paused) {
            let over = runs(expires).or(runs(warns));
            must!(over.is_none(), "{of} is {status:?}, and expires at {over:?}");
            return Ok(());
        }
        let due = runs(expires);
        // An offer that waited until now kept it alive.
        let latest = self.now + TimeDelta::days(terms.gig_idle_days.into());
        must!(due.is_some_and(|due| due <= latest), "{of} is {status:?}, and expires at {due:?}, not {latest}");
        let early = runs(warns).filter(|at| due.is_some_and(|due| *at >= due));
        must!(early.is_none(), "of {of} that expires at {due:?} its client is warned at {early:?}");
        Ok(())
    }

    fn check_proposals(&self) -> Result<(), Wrong> {
        for proposal in self.proposals.values() {
            let (of, state) = (proposal.id, proposal.status());
            let Some(gig) = self.gigs.get(&proposal.gig) else { return Err(format!("{of} is for no gig")) };
            must!(proposal.client == gig.client, "{of} is before another client than that of its gig");
            let same = |one: &&Proposal| one.gig == gig.id && one.freelancer == proposal.freelancer;
            let live = self.proposals.values().filter(same).filter(|one| one.status().is_live()).count();
            must!(live <= 1, "{live} proposals of {} are live for {}", proposal.freelancer, gig.id);
            // Nobody sees a draft but who writes it; no client opened what it never got.
            let sent = proposal.submitted_at.is_some();
            let [owner, _] = super::check::parties(proposal.client, proposal.freelancer);
            must!(access::visible(&owner, &proposal.subject()) == sent, "the client sees {of}, that is {state:?}");
            must!(sent || proposal.viewed_at.is_none(), "{of} was opened and never sent");
            let name = state.as_str();
            must!(sent || matches!(name, "draft" | "withdrawn"), "{of} is {state:?} and was never sent");
            // It ends with its gig, once the worker comes to that. One with an offer waits for the answer.
            let before_client = sent && state.is_live() && name != "offered";
            let stands = matches!(gig.status(), GigStatus::Open | GigStatus::Paused);
            let soon = self.closings.iter().any(|(closed, ..)| *closed == gig.id);
            must!(!before_client || stands || soon, "{of} is {state:?}, and its gig is {:?}", gig.status());
            let offered = self.offers.values().filter(|offer| offer.proposal == Some(of));
            let sent_now = offered.clone().filter(|offer| offer.status() == OfferStatus::Sent).count();
            must!(sent_now == usize::from(name == "offered"), "{of} is {state:?}, with {sent_now} offers");
            let won = offered.clone().filter(|offer| offer.status() == OfferStatus::Accepted).count();
            must!(won == usize::from(name == "hired"), "{of} is {state:?}, and {won} offers on it were accepted");
            let contracts = self.contracts.values().filter(|contract| contract.proposal == Some(of)).count();
            must!(contracts == won, "{of} is {state:?}, and there are {contracts} contracts of it");
            let waiting = offered.filter(|offer| waits(offer)).count();
            must!(waiting <= 1, "{waiting} offers on {of} wait");
            let [_, themselves] = super::check::parties(proposal.client, proposal.freelancer);
            let moves = [owner, themselves].iter().any(|actor| !proposal.allowed(actor).is_empty());
            must!(moves == state.is_live(), "{of} is {state:?}, and somebody can do something with it: {moves}");
        }
        for user in 1..=FREELANCERS {
            let (used, quota) = (self.bids_used(id(user)), self.trade_terms.bid_quota);
            // What is given back with a gig counts again when that is reopened.
            let reopened = self.gigs.values().any(|gig| gig.version > 4 && gig.published_at > Some(gig.created_at));
            must!(used <= quota || reopened, "number {user} sent {used} proposals of {quota}");
        }
        Ok(())
    }

    /// Nobody is made an offer about a gig that is over.
    pub(super) fn check_is_wanted(&self, of: ProposalId) -> Result<(), Wrong> {
        let gig = self.proposals.get(&of).and_then(|proposal| self.gigs.get(&proposal.gig));
        let stands = gig.is_some_and(|gig| matches!(gig.status(), GigStatus::Open | GigStatus::Paused));
        must!(stands, "{of} is made an offer, and its gig is {:?}", gig.map(Gig::status));
        Ok(())
    }

    fn check_offers(&self) -> Result<(), Wrong> {
        for offer in self.offers.values() {
            let of = offer.id;
            let timer = self.timers.contains_key(&Timer::ExpireOffer(of));
            must!(timer == offer.expires_at().is_some(), "{of} is {:?}, and has a clock: {timer}", offer.status());
            let accepted = offer.status() == OfferStatus::Accepted;
            let contract = self.contracts.get(&offer.contract);
            must!(accepted == contract.is_some(), "{of} is {:?}, and has a contract: {}", offer.status(), !accepted);
            if let Some(contract) = contract {
                let same = (contract.client, contract.freelancer, contract.proposal, contract.gig, contract.engagement)
                    == (offer.client, offer.freelancer, offer.proposal, offer.gig, offer.engagement);
                must!(same && contract.terms == offer.terms, "{} is another deal than was offered", contract.id);
            }
            if offer.status() == OfferStatus::Draft {
                let held: i64 = self
                    .milestones_of_offer(of)
                    .iter()
                    .filter_map(|id| self.milestones.get(id))
                    .map(|one| one.escrow.held().minor())
                    .sum();
                must!(held == 0, "{of} is a draft, and {held} was paid into it");
                let [_, themselves] = super::check::parties(offer.client, offer.freelancer);
                must!(!offer.visible_to(&themselves), "{of} is a draft, and its freelancer sees it");
            }
        }
        Ok(())
    }

    fn check_invitations(&self) -> Result<(), Wrong> {
        for (of, from, to) in &self.happened.answered {
            let led = matches!((*from, *to), ("sent", "declined" | "accepted") | ("declined", "accepted"));
            must!(led || from == to, "{of} went from {from} to {to}, and no way leads there");
        }
        for invitation in self.invitations.values() {
            let (of, status) = (invitation.id, invitation.status().as_str());
            let same = |one: &Invitation| (one.gig, one.freelancer) == (invitation.gig, invitation.freelancer);
            let all = self.invitations.values().filter(|one| same(one)).count();
            must!(all == 1, "{} was invited to {} by {all} invitations", invitation.freelancer, invitation.gig);
            let theirs = |one: &&Proposal| (one.gig, one.freelancer) == (invitation.gig, invitation.freelancer);
            let came = |one: &Proposal| one.submitted_at.is_some_and(|at| at >= invitation.created_at);
            let proposed = self.proposals.values().filter(theirs).any(came);
            must!(proposed || status != "accepted", "{of} is accepted, and nobody proposed");
            let later = |one: &Proposal| one.submitted_at.is_some_and(|at| at > invitation.created_at);
            let waits = self.proposals.values().filter(theirs).any(later) && status != "accepted";
            must!(!waits, "{of} is {status}, and was answered by a proposal");
            let [_, themselves] = super::check::parties(invitation.client, invitation.freelancer);
            let answers = !invitation.allowed(&themselves).is_empty();
            must!(answers == (status == "sent"), "{of} is {status}, and can be answered: {answers}");
        }
        Ok(())
    }
}

/// What is free in this world: in some, little.
pub fn trade_terms(seed: u64) -> TradeTerms {
    match seed % 4 {
        0 => TradeTerms { bid_quota: 2, invitations_per_gig: 1, ..TradeTerms::default() },
        1 => TradeTerms { invitations_per_day: 1, ..TradeTerms::default() },
        _ => TradeTerms::default(),
    }
}
