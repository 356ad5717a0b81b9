//! What comes before a contract: clients' gigs, invitations to them, proposals for them with their bargaining, offers
//! on those, and who keeps away from whom. What can happen there, and what the dice choose of it.

use domain::access::{Actor, Person, Verb};
use domain::block;
use domain::gig::{BriefPatch, GigKind, GigStatus, Visibility};
use domain::id::{ContractId, GigId, InvitationId, MilestoneId, OfferId, OrganizationId, ProposalId, UserId};
use domain::money::Money;
use domain::proposal::{BidInput, DeclineReason, MilestoneInput, Price, PriceInput};

use super::check::parties;
use super::moves::{Move, OfferTerms};
use super::world::{CLIENTS, FREELANCERS, World, id, usd};

const GIGS: usize = 8;
const PROPOSALS: usize = 30;
/// Offers on proposals bring more work than milestones that are proposed by themselves.
const MILESTONES: usize = 22;

/// Something that is done before there is a contract.
#[derive(Debug, Clone)]
pub enum TradeAct {
    /// A client drafts a gig.
    GigCreate { gig: GigId, client: OrganizationId, wants: Wants },
    /// Somebody does something with a gig.
    Gig { of: GigId, expected: Option<i64>, act: GigAct },
    /// A client asks a freelancer to propose.
    InvitationSend { invitation: InvitationId, gig: GigId, freelancer: UserId },
    /// Who was invited does not want to.
    InvitationDecline { of: InvitationId },
    /// Somebody keeps a draft of a proposal.
    DraftSave { proposal: ProposalId, gig: GigId, bid: BidInput },
    /// Somebody proposes.
    Submit { proposal: ProposalId, gig: GigId, bid: BidInput },
    /// Somebody does something with a proposal.
    Proposal { of: ProposalId, expected: Option<i64>, act: ProposalAct },
    /// A client makes an offer on a proposal.
    OfferOn { proposal: ProposalId, made: Made },
    /// A client drafts an offer to somebody who did not propose.
    OfferDraft(OfferTerms),
    /// A client means a draft of an offer.
    OfferSend { of: OfferId, expected: Option<i64> },
    /// A side keeps away from the other, or no longer does.
    Block { block: block::Block, lifts: bool },
}

/// What a gig is to be.
#[derive(Debug, Clone, Copy)]
pub struct Wants {
    pub kind: GigKind,
    pub visibility: Visibility,
    /// Does it say enough to be published?
    pub whole: bool,
    /// Is there something that everyone is asked?
    pub asks: bool,
}

#[derive(Debug, Clone)]
pub enum GigAct {
    Update(Box<BriefPatch>),
    Publish,
    Pause,
    Resume,
    Cancel,
    Reopen,
    Remove,
}

#[derive(Debug, Clone)]
pub enum ProposalAct {
    Revise(BidInput),
    Withdraw,
    View,
    Shortlist,
    Interview,
    Decline(DeclineReason),
    Counter(PriceInput),
    CounterAccept,
}

/// An offer on a proposal, which says what work and at what price.
#[derive(Debug, Clone)]
pub struct Made {
    pub offer: OfferId,
    pub contract: ContractId,
    /// The milestones of a fixed price.
    pub milestones: Vec<(MilestoneId, Money)>,
    /// Is it to stay a draft for now?
    pub draft: bool,
}

impl TradeAct {
    /// What it is called where it is counted which of them succeed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GigCreate { .. } => "gig.create",
            Self::Gig { act, .. } => match act {
                GigAct::Update(_) => "gig.update",
                GigAct::Publish => "gig.publish",
                GigAct::Pause => "gig.pause",
                GigAct::Resume => "gig.resume",
                GigAct::Cancel => "gig.cancel",
                GigAct::Reopen => "gig.reopen",
                GigAct::Remove => "gig.remove",
            },
            Self::InvitationSend { .. } => "invitation.send",
            Self::InvitationDecline { .. } => "invitation.decline",
            Self::DraftSave { .. } => "proposal.draft_save",
            Self::Submit { .. } => "proposal.submit",
            Self::Proposal { act, .. } => match act {
                ProposalAct::Revise(_) => "proposal.revise",
                ProposalAct::Withdraw => "proposal.withdraw",
                ProposalAct::View => "proposal.view",
                ProposalAct::Shortlist => "proposal.shortlist",
                ProposalAct::Interview => "proposal.interview",
                ProposalAct::Decline(_) => "proposal.decline",
                ProposalAct::Counter(_) => "proposal.counter",
                ProposalAct::CounterAccept => "proposal.counter_accept",
            },
            Self::OfferOn { made: Made { draft: false, .. }, .. } => "offer.create_on_proposal",
            Self::OfferOn { .. } => "offer.draft_on_proposal",
            Self::OfferDraft(_) => "offer.draft",
            Self::OfferSend { .. } => "offer.send",
            Self::Block { block, lifts } => match (block.by, lifts) {
                (block::Side::Client, false) => "freelancer.block",
                (block::Side::Client, true) => "freelancer.unblock",
                (block::Side::Freelancer, false) => "client.block",
                (block::Side::Freelancer, true) => "client.unblock",
            },
        }
    }

    /// May it be asked again? What begins something does so once, and what changes a thing as it was seen is stale then.
    pub fn repeats(&self) -> bool {
        match self {
            Self::GigCreate { .. } | Self::OfferDraft(_) | Self::OfferOn { .. } => false,
            Self::Gig { act: GigAct::Update(_), expected, .. }
            | Self::Proposal {
                act: ProposalAct::Counter(_) | ProposalAct::Revise(_) | ProposalAct::CounterAccept,
                expected,
                ..
            }
            | Self::OfferSend { expected, .. } => expected.is_some(),
            Self::Gig { .. }
            | Self::InvitationSend { .. }
            | Self::InvitationDecline { .. }
            | Self::DraftSave { .. }
            | Self::Submit { .. }
            | Self::Proposal { .. }
            | Self::Block { .. } => true,
        }
    }
}

impl World {
    pub(super) fn trade_moves(&mut self) -> Option<Move> {
        let (by, act) = match self.dice.below(20) {
            0 if self.dice.percent(30) => self.blocks(),
            0..=1 if self.gigs.len() < GIGS => self.gig_begins(),
            0..=4 => self.gig_moves()?,
            5..=6 => self.invitation_moves()?,
            7..=10 if self.proposals.len() < PROPOSALS => self.bids()?,
            11..=12 => self.offer_on_moves()?,
            _ => self.proposal_moves()?,
        };
        Some(Move::Trade { by, act: Box::new(act) })
    }

    fn gig_begins(&mut self) -> (Actor, TradeAct) {
        let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
        let by = if self.dice.percent(90) { self.client(client) } else { self.somebody(client, id(1)) };
        let wants = Wants {
            kind: if self.dice.percent(75) { GigKind::Fixed } else { GigKind::Hourly },
            visibility: if self.dice.percent(75) { Visibility::Public } else { Visibility::InviteOnly },
            whole: self.dice.percent(90),
            asks: self.dice.percent(30),
        };
        (by, TradeAct::GigCreate { gig: self.fresh(), client, wants })
    }

    fn blocks(&mut self) -> (Actor, TradeAct) {
        let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
        let freelancer: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
        let [owner, themselves] = parties(client, freelancer);
        let (by, side) = match self.dice.percent(50) {
            true => (owner, block::Side::Client),
            false => (themselves, block::Side::Freelancer),
        };
        let by = if self.dice.percent(85) { by } else { self.somebody(client, freelancer) };
        let block = block::Block { client, freelancer, by: side };
        // Nobody is kept apart for long: there is more to play.
        let lifts = self.blocks.contains(&(client, freelancer, side.as_str())) || self.dice.percent(10);
        (by, TradeAct::Block { block, lifts })
    }

    /// A gig, mostly one that stands.
    fn some_gig(&mut self) -> Option<GigId> {
        let all: Vec<GigId> = self.gigs.keys().copied().collect();
        let stands = |status| matches!(status, GigStatus::Draft | GigStatus::Open | GigStatus::Paused);
        let standing: Vec<GigId> = self.gigs.values().filter(|gig| stands(gig.status())).map(|gig| gig.id).collect();
        let from = if standing.is_empty() || self.dice.percent(20) { &all } else { &standing };
        self.dice.pick(from).copied()
    }

    fn gig_moves(&mut self) -> Option<(Actor, TradeAct)> {
        let of = self.some_gig()?;
        let gig = self.gigs.get(&of)?.clone();
        let expected = self.expected(gig.version);
        let mut by = self.somebody(gig.client, id(1));
        let mut verb = self.dice.below(8);
        if self.dice.percent(85) {
            by = if self.dice.percent(90) { self.client(gig.client) } else { self.admin() };
            let gives_up = |verb: &Verb| matches!(verb, Verb::GigCancel | Verb::GigRemove);
            let allowed = gig.allowed(&by, self.now);
            let chosen = self.dice.pick(&allowed).copied().filter(|verb| !gives_up(verb) || self.dice.percent(15));
            verb = chosen.and_then(gig_act_of).unwrap_or(7);
        }
        // Some come back to it late.
        if matches!(gig.status(), GigStatus::Expired | GigStatus::Cancelled) && self.dice.percent(50) {
            (by, verb) = (self.client(gig.client), 5);
        }
        let act = match verb {
            0 => GigAct::Update(Box::new(self.brief_patch(gig.brief.kind))),
            1 => GigAct::Publish,
            2 => GigAct::Pause,
            3 => GigAct::Resume,
            4 => GigAct::Cancel,
            5 => GigAct::Reopen,
            6 => GigAct::Remove,
            _ => return None,
        };
        Some((by, TradeAct::Gig { of, expected, act }))
    }

    fn brief_patch(&mut self, kind: GigKind) -> BriefPatch {
        let other = if kind == GigKind::Fixed { GigKind::Hourly } else { GigKind::Fixed };
        match self.dice.below(10) {
            0 => BriefPatch { kind: Some(other), ..BriefPatch::default() },
            1 => BriefPatch { description: Some("Soon".into()), ..BriefPatch::default() },
            2..=3 => BriefPatch { visibility: Some(Visibility::Public), ..BriefPatch::default() },
            4 => BriefPatch { questions: Some(vec![]), ..BriefPatch::default() },
            _ => {
                let title = format!("Work of kind {}", self.dice.below(50));
                BriefPatch { title: Some(title), ..BriefPatch::default() }
            }
        }
    }

    fn invitation_moves(&mut self) -> Option<(Actor, TradeAct)> {
        let all: Vec<InvitationId> = self.invitations.keys().copied().collect();
        if self.dice.percent(30)
            && let Some(of) = self.dice.pick(&all).copied()
        {
            let (client, freelancer) = self.invitations.get(&of).map(|one| (one.client, one.freelancer))?;
            let [_, themselves] = parties(client, freelancer);
            let by = if self.dice.percent(85) { themselves } else { self.somebody(client, freelancer) };
            return Some((by, TradeAct::InvitationDecline { of }));
        }
        let gig = self.some_gig()?;
        let client = self.gigs.get(&gig)?.client;
        // Now and then somebody is meant who is not there.
        let freelancer: UserId = id(self.dice.between(1, FREELANCERS as i64 + 1) as u128);
        let by = if self.dice.percent(85) { self.client(client) } else { self.somebody(client, freelancer) };
        Some((by, TradeAct::InvitationSend { invitation: self.fresh(), gig, freelancer }))
    }

    fn bids(&mut self) -> Option<(Actor, TradeAct)> {
        let of = self.some_gig()?;
        let gig = self.gigs.get(&of)?.clone();
        let freelancer: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
        let [_, themselves] = parties(gig.client, freelancer);
        let by = if self.dice.percent(92) { themselves } else { self.somebody(gig.client, freelancer) };
        // All who could be hired are freelancers whose books are kept.
        let known = |user: UserId| (1..=FREELANCERS).any(|one| user == id(one));
        let hirable = |person: &Person| person.memberships.is_empty() && !known(person.user);
        let by = if by.person().is_ok_and(hirable) { Actor::Nobody } else { by };
        let bid = self.bid_for(of)?;
        let proposal = self.fresh();
        let act = match self.dice.percent(20) {
            true => TradeAct::DraftSave { proposal, gig: of, bid },
            false => TradeAct::Submit { proposal, gig: of, bid },
        };
        Some((by, act))
    }

    fn bid_for(&mut self, of: GigId) -> Option<BidInput> {
        let brief = self.gigs.get(&of)?.brief.clone();
        let letter =
            if self.dice.percent(92) { "I have built three such things, and would build yours." } else { "Me!" };
        let answered = self.dice.percent(90);
        let answers = brief.questions.iter().filter(|_| answered).map(|asked| (asked.id, "Yes, often".to_owned()));
        let answers = answers.collect();
        let kind = match self.dice.percent(95) {
            true => brief.kind,
            false => GigKind::Hourly,
        };
        Some(BidInput { cover_letter: letter.to_owned(), price: self.price_of(kind), answers })
    }

    fn price_of(&mut self, kind: GigKind) -> PriceInput {
        match kind {
            GigKind::Hourly => {
                let rate = usd(self.dice.between(50, 20_000));
                PriceInput { milestones: vec![], hourly_rate: self.dice.percent(95).then_some(rate) }
            }
            GigKind::Fixed => {
                let parts = self.dice.below(3);
                let part = |amount| MilestoneInput { title: "Part of it".into(), amount, due_on: None };
                let milestones = (0..=parts).map(|_| part(usd(self.dice.between(90, 60_000)))).collect();
                PriceInput { milestones, hourly_rate: None }
            }
        }
    }

    fn proposal_moves(&mut self) -> Option<(Actor, TradeAct)> {
        let all: Vec<ProposalId> = self.proposals.keys().copied().collect();
        let live: Vec<ProposalId> =
            self.proposals.values().filter(|one| one.status().is_live()).map(|one| one.id).collect();
        let from = if live.is_empty() || self.dice.percent(15) { &all } else { &live };
        let of = self.dice.pick(from).copied()?;
        let proposal = self.proposals.get(&of)?.clone();
        let expected = self.expected(proposal.version);
        let mut by = self.somebody(proposal.client, proposal.freelancer);
        let mut verb = self.dice.below(9);
        if self.dice.percent(80) {
            by = parties(proposal.client, proposal.freelancer)[self.dice.below(2)].clone();
            let gives_up = |verb: &Verb| matches!(verb, Verb::ProposalDecline | Verb::ProposalWithdraw);
            let allowed = proposal.allowed(&by);
            let chosen = self.dice.pick(&allowed).copied().filter(|verb| !gives_up(verb) || self.dice.percent(25))?;
            verb = proposal_act_of(chosen)?;
        }
        let kind = proposal.terms.price.kind();
        let act = match verb {
            0 => ProposalAct::Revise(self.bid_for(proposal.gig)?),
            1 => ProposalAct::Withdraw,
            2 => ProposalAct::View,
            3 => ProposalAct::Shortlist,
            4 => ProposalAct::Interview,
            5 => ProposalAct::Decline(DeclineReason::Price),
            6 => ProposalAct::Counter(self.price_of(kind)),
            7 => ProposalAct::CounterAccept,
            _ => return None,
        };
        Some((by, TradeAct::Proposal { of, expected, act }))
    }

    fn offer_on_moves(&mut self) -> Option<(Actor, TradeAct)> {
        let drafts: Vec<OfferId> = self.draft_offers().collect();
        if self.dice.percent(50)
            && let Some(of) = self.dice.pick(&drafts).copied()
        {
            let (client, freelancer, version) = self.offers.get(&of).map(|o| (o.client, o.freelancer, o.version))?;
            let by = if self.dice.percent(90) { self.client(client) } else { self.somebody(client, freelancer) };
            return Some((by, TradeAct::OfferSend { of, expected: self.expected(version) }));
        }
        if self.milestones.len() >= MILESTONES {
            return None;
        }
        let draft = self.dice.percent(25);
        if draft && self.dice.percent(30) {
            let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
            let freelancer: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
            let by = if self.dice.percent(90) { self.client(client) } else { self.somebody(client, freelancer) };
            let amount = usd(self.dice.between(100, 60_000));
            return Some((by, TradeAct::OfferDraft(self.fixed(client, freelancer, amount))));
        }
        let all: Vec<ProposalId> = self.proposals.keys().copied().collect();
        let live = self.proposals.values().filter(|one| one.status().is_live() && one.submitted_at.is_some());
        let live: Vec<ProposalId> = live.map(|one| one.id).collect();
        let from = if live.is_empty() || self.dice.percent(10) { &all } else { &live };
        let proposal = self.dice.pick(from).copied()?;
        let (client, freelancer, price) =
            self.proposals.get(&proposal).map(|one| (one.client, one.freelancer, one.terms.price.clone()))?;
        let by = if self.dice.percent(90) { self.client(client) } else { self.somebody(client, freelancer) };
        let milestones = match price {
            Price::Fixed { milestones } => milestones.iter().map(|one| (self.fresh(), one.amount)).collect(),
            Price::Hourly { .. } => vec![],
        };
        let made = Made { offer: self.fresh(), contract: self.fresh(), milestones, draft };
        Some((by, TradeAct::OfferOn { proposal, made }))
    }
}

/// Which of the moves of a gig this verb is.
fn gig_act_of(verb: Verb) -> Option<usize> {
    let act = match verb {
        Verb::GigUpdate => 0,
        Verb::GigPublish => 1,
        Verb::GigPause => 2,
        Verb::GigResume => 3,
        Verb::GigCancel => 4,
        Verb::GigReopen => 5,
        Verb::GigRemove => 6,
        _ => return None,
    };
    Some(act)
}

/// Which of the moves of a proposal this verb is.
fn proposal_act_of(verb: Verb) -> Option<usize> {
    let act = match verb {
        Verb::ProposalRevise => 0,
        Verb::ProposalWithdraw => 1,
        Verb::ProposalView => 2,
        Verb::ProposalShortlist => 3,
        Verb::ProposalInterview => 4,
        Verb::ProposalDecline => 5,
        Verb::ProposalCounter => 6,
        Verb::ProposalCounterAccept => 7,
        _ => return None,
    };
    Some(act)
}
