//! A freelancer's proposal for a gig: submitted, read, shortlisted, bargained over, and in the end
//! hired or not. A freelancer has at most one live proposal for a gig.

pub mod alike;
pub mod bid;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Denied, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::gig::{Gig, GigBrief, GigState, TradeTerms, Visibility};
use crate::id::{GigId, OrganizationId, ProposalId, UserId};
use crate::policy::Terms;
use crate::refusal::{Invalid, Refusal, expect_version};

pub use bid::{Answer, BidInput, MilestoneInput, Price, PriceInput, ProposalTerms, ProposedMilestone};

/// A freelancer's proposal for a gig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// The gig.
    pub gig: GigId,
    /// Whose gig it is.
    pub client: OrganizationId,
    /// Who proposes.
    pub freelancer: UserId,
    /// What the freelancer proposes now.
    pub terms: ProposalTerms,
    /// Where it stands.
    pub state: ProposalState,
    /// The number of the last revision, by either side; none yet for a draft.
    pub revision: u32,
    /// When it was submitted.
    pub submitted_at: Option<Timestamp>,
    /// When the client first opened it.
    pub viewed_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
    /// When it was begun.
    pub created_at: Timestamp,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ProposalState {
    /// Being written; only the freelancer sees it.
    Draft,
    /// Before the client.
    Submitted,
    /// The client opened it.
    Viewed,
    /// The client keeps it in mind.
    Shortlisted,
    /// The client talks with the freelancer.
    Interviewing,
    /// The client proposes another price.
    Countered {
        /// What the client proposes.
        counter: Counter,
        /// Where it stood, and will stand again.
        from: Stage,
    },
    /// The client made an offer.
    Offered {
        /// Where it will stand again if the offer comes to nothing.
        from: Stage,
    },
    /// The freelancer was hired.
    Hired {
        /// When.
        at: Timestamp,
    },
    /// The freelancer took it back.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// The client does not want it.
    Declined {
        /// When.
        at: Timestamp,
        /// Why.
        reason: DeclineReason,
        /// A word to the freelancer.
        note: String,
    },
    /// Someone else was hired.
    NotSelected {
        /// When.
        at: Timestamp,
    },
    /// The gig closed unfilled.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The gig was taken down.
    Removed {
        /// When.
        at: Timestamp,
    },
}

/// How far the client had come with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are those of ProposalState")]
pub enum Stage {
    Viewed,
    Shortlisted,
    Interviewing,
}

/// What a client proposes instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The price.
    pub price: Price,
    /// A word to the freelancer.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// Why a client declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// The skills don't fit.
    Skills,
    /// Too dear.
    Price,
    /// The hours don't meet.
    Availability,
    /// The proposal does not speak to the gig.
    OffTopic,
    /// Another reason.
    Other,
}

/// Why a proposal ends with its gig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Someone else was hired.
    NotSelected,
    /// The gig closed unfilled.
    Expired,
    /// The gig was taken down.
    Removed,
}

impl Closing {
    /// How the proposals of a gig end that is over; none while it is not.
    pub fn of(gig: &Gig) -> Option<Self> {
        match gig.state {
            GigState::Draft | GigState::Open | GigState::Paused { .. } => None,
            GigState::Filled { .. } => Some(Self::NotSelected),
            GigState::Expired { .. } | GigState::Cancelled { .. } => Some(Self::Expired),
            GigState::Removed { .. } => Some(Self::Removed),
        }
    }

    fn state(self, at: Timestamp) -> ProposalState {
        match self {
            Self::NotSelected => ProposalState::NotSelected { at },
            Self::Expired => ProposalState::Expired { at },
            Self::Removed => ProposalState::Removed { at },
        }
    }
}

/// The flat view of [`ProposalState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are those of ProposalState")]
pub enum ProposalStatus {
    Draft,
    Submitted,
    Viewed,
    Shortlisted,
    Interviewing,
    Countered,
    Offered,
    Hired,
    Withdrawn,
    Declined,
    NotSelected,
    Expired,
    Removed,
}

impl ProposalStatus {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Viewed => "viewed",
            Self::Shortlisted => "shortlisted",
            Self::Interviewing => "interviewing",
            Self::Countered => "countered",
            Self::Offered => "offered",
            Self::Hired => "hired",
            Self::Withdrawn => "withdrawn",
            Self::Declined => "declined",
            Self::NotSelected => "not_selected",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }

    /// Is it being written, or waiting for an answer? A freelancer has one such proposal for a gig at most.
    pub fn is_live(self) -> bool {
        match self {
            Self::Draft
            | Self::Submitted
            | Self::Viewed
            | Self::Shortlisted
            | Self::Interviewing
            | Self::Countered
            | Self::Offered => true,
            Self::Hired | Self::Withdrawn | Self::Declined | Self::NotSelected | Self::Expired | Self::Removed => false,
        }
    }
}

/// What has to be known to judge a bid.
#[derive(Debug, Clone, Copy)]
pub struct Bid<'a> {
    /// The gig it is for.
    pub gig: &'a Gig,
    /// Does the freelancer have a tie to the gig: an invitation, or an earlier proposal?
    pub tied: bool,
    /// Does a block keep the freelancer and the client apart, whoever set it?
    pub is_blocked: bool,
    /// The freelancer's live proposal for it, if there is one.
    pub live: Option<&'a Proposal>,
    /// The bids that count against the quota.
    pub bids_used: u32,
}

impl<'a> Bid<'a> {
    /// What follows from all proposals that the freelancer ever began for the gig, and from whether they were invited.
    /// Whoever was, or submitted one before, keeps sight of a gig that closed. No block and no quota is looked at.
    pub fn after(gig: &'a Gig, mine: &'a [Proposal], is_invited: bool) -> Self {
        let tied = is_invited || mine.iter().any(|proposal| proposal.submitted_at.is_some());
        let live = mine.iter().find(|proposal| proposal.status().is_live());
        Self { gig, tied, is_blocked: false, live, bids_used: 0 }
    }
}

impl Bid<'_> {
    /// Keep a draft. It may still lack what submitting needs.
    pub fn save_draft(
        self,
        actor: &Actor,
        input: BidInput,
        id: ProposalId,
        policy: &Terms,
        now: Timestamp,
    ) -> Result<Change<Proposal>, Refusal> {
        let begun = self.begin(actor, Verb::ProposalDraftSave, id, now)?;
        let terms = ProposalTerms::parse(input, &self.gig.brief, policy)?;
        if begun.version > 0 && begun.terms == terms {
            return Ok(Change::none(begun));
        }
        let gig = begun.gig;
        let draft = Proposal { terms, version: begun.version + 1, ..begun };
        Ok(Change::to(draft).telling(Event::ProposalDrafted { proposal: id_of(self.live, id), gig }))
    }

    /// Put a proposal before the client. A draft that was kept becomes it.
    pub fn submit(
        self,
        actor: &Actor,
        input: BidInput,
        id: ProposalId,
        (terms, policy): (&TradeTerms, &Terms),
        now: Timestamp,
    ) -> Result<Change<Proposal>, Refusal> {
        let begun = self.begin(actor, Verb::ProposalSubmit, id, now)?;
        if terms.bids(self.bids_used).left() == 0 {
            return Err(Refusal::Limit {
                code: "PROPOSAL_QUOTA".to_owned(),
                limit: terms.bid_quota.into(),
                value: i64::from(self.bids_used) + 1,
                message: format!("{} proposals in {} days are free to send", terms.bid_quota, terms.bid_window_days),
            });
        }
        let proposed = ProposalTerms::parse(input, &self.gig.brief, policy)?;
        proposed.complete(&self.gig.brief)?;

        let submitted = Proposal {
            terms: proposed,
            state: ProposalState::Submitted,
            revision: 1,
            submitted_at: Some(now),
            version: begun.version + 1,
            ..begun
        };
        let told = submitted.told();
        Ok(Change::to(submitted).telling(Event::ProposalSubmitted { told }))
    }

    /// Could the actor propose, whatever they write? How much they have sent already is not looked at.
    pub fn can_be_made(&self, actor: &Actor, now: Timestamp) -> bool {
        self.check(actor, Verb::ProposalSubmit, now).is_ok()
    }

    fn begin(self, actor: &Actor, verb: Verb, id: ProposalId, now: Timestamp) -> Result<Proposal, Refusal> {
        let freelancer = self.check(actor, verb, now)?;
        Ok(self.live.cloned().unwrap_or_else(|| Proposal {
            id,
            gig: self.gig.id,
            client: self.gig.client,
            freelancer,
            terms: ProposalTerms::nothing(self.gig.brief.kind),
            state: ProposalState::Draft,
            revision: 0,
            submitted_at: None,
            viewed_at: None,
            version: 0,
            created_at: now,
        }))
    }

    /// Who proposes, if nothing stands against it.
    fn check(&self, actor: &Actor, verb: Verb, now: Timestamp) -> Result<UserId, Refusal> {
        let freelancer = actor.person()?.user;
        access::check(actor, verb, &Subject::of_person(freelancer))?;
        if !self.gig.visible_to(actor, self.tied) {
            return Err(Refusal::HIDDEN);
        }
        if actor.person()?.memberships.iter().any(|(client, _)| *client == self.gig.client) {
            return Err(Refusal::rule("OWN_GIG", "members of the client can't bid on its gigs"));
        }
        let is_uninvited = self.gig.brief.visibility == Visibility::InviteOnly && !self.tied;
        if self.is_blocked || is_uninvited {
            // One answer for both: that there is a block is not told. And our own people see what asks for invitations,
            // and are not invited for that.
            return Err(Denied::NotAllowed.into());
        }
        if !self.gig.takes_proposals() {
            return Err(self.gig.wrong_state(actor, now));
        }
        if self.live.is_some_and(|live| live.state != ProposalState::Draft) {
            return Err(Refusal::rule("PROPOSAL_EXISTS", "you have a live proposal for this gig: revise that one"));
        }
        Ok(freelancer)
    }
}

fn id_of(live: Option<&Proposal>, id: ProposalId) -> ProposalId {
    live.map_or(id, |live| live.id)
}

impl Proposal {
    /// The flat view of the state.
    pub fn status(&self) -> ProposalStatus {
        match self.state {
            ProposalState::Draft => ProposalStatus::Draft,
            ProposalState::Submitted => ProposalStatus::Submitted,
            ProposalState::Viewed => ProposalStatus::Viewed,
            ProposalState::Shortlisted => ProposalStatus::Shortlisted,
            ProposalState::Interviewing => ProposalStatus::Interviewing,
            ProposalState::Countered { .. } => ProposalStatus::Countered,
            ProposalState::Offered { .. } => ProposalStatus::Offered,
            ProposalState::Hired { .. } => ProposalStatus::Hired,
            ProposalState::Withdrawn { .. } => ProposalStatus::Withdrawn,
            ProposalState::Declined { .. } => ProposalStatus::Declined,
            ProposalState::NotSelected { .. } => ProposalStatus::NotSelected,
            ProposalState::Expired { .. } => ProposalStatus::Expired,
            ProposalState::Removed { .. } => ProposalStatus::Removed,
        }
    }

    /// Whose it is: a draft is the freelancer's alone.
    pub fn subject(&self) -> Subject {
        match self.state {
            ProposalState::Draft => Subject::of_person(self.freelancer),
            _ if self.submitted_at.is_none() => Subject::of_person(self.freelancer),
            _ => Subject::between(self.client, self.freelancer),
        }
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let verbs: &[Verb] = match self.state {
            ProposalState::Draft => &[Verb::ProposalDraftSave, Verb::ProposalSubmit, Verb::ProposalWithdraw],
            ProposalState::Submitted => &[
                Verb::ProposalRevise,
                Verb::ProposalWithdraw,
                Verb::ProposalView,
                Verb::ProposalShortlist,
                Verb::ProposalInterview,
                Verb::ProposalDecline,
                Verb::ProposalCounter,
                Verb::OfferCreate,
            ],
            ProposalState::Viewed => &[
                Verb::ProposalRevise,
                Verb::ProposalWithdraw,
                Verb::ProposalShortlist,
                Verb::ProposalInterview,
                Verb::ProposalDecline,
                Verb::ProposalCounter,
                Verb::OfferCreate,
            ],
            ProposalState::Shortlisted => &[
                Verb::ProposalRevise,
                Verb::ProposalWithdraw,
                Verb::ProposalInterview,
                Verb::ProposalDecline,
                Verb::ProposalCounter,
                Verb::OfferCreate,
            ],
            ProposalState::Interviewing => &[
                Verb::ProposalRevise,
                Verb::ProposalWithdraw,
                Verb::ProposalDecline,
                Verb::ProposalCounter,
                Verb::OfferCreate,
            ],
            ProposalState::Countered { .. } => &[
                Verb::ProposalRevise,
                Verb::ProposalCounterAccept,
                Verb::ProposalWithdraw,
                Verb::ProposalDecline,
                Verb::ProposalCounter,
                Verb::OfferCreate,
            ],
            ProposalState::Offered { .. } => &[Verb::OfferAccept, Verb::OfferDecline, Verb::OfferWithdraw],
            ProposalState::Hired { .. }
            | ProposalState::Withdrawn { .. }
            | ProposalState::Declined { .. }
            | ProposalState::NotSelected { .. }
            | ProposalState::Expired { .. }
            | ProposalState::Removed { .. } => &[],
        };
        let subject = self.subject();
        verbs.iter().copied().filter(|verb| access::allows(actor, *verb, &subject)).collect()
    }

    /// The client opens it. One that was opened may be again, whatever became of it since.
    pub fn view(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalView, &self.subject())?;
        if self.viewed_at.is_some() {
            return Ok(Change::none(self));
        }
        match self.state {
            ProposalState::Submitted => {
                Ok(self.seen(ProposalState::Viewed, now, |told| Event::ProposalViewed { told }))
            }
            _ => Err(self.wrong_state(actor)),
        }
    }

    /// The client keeps it in mind.
    pub fn shortlist(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalShortlist, &self.subject())?;
        match self.state {
            ProposalState::Submitted | ProposalState::Viewed => {
                Ok(self.seen(ProposalState::Shortlisted, now, |told| Event::ProposalShortlisted { told }))
            }
            ProposalState::Shortlisted => Ok(Change::none(self)),
            _ => Err(self.wrong_state(actor)),
        }
    }

    /// The client begins to talk with the freelancer.
    pub fn interview(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalInterview, &self.subject())?;
        match self.state {
            ProposalState::Submitted | ProposalState::Viewed | ProposalState::Shortlisted => {
                Ok(self.seen(ProposalState::Interviewing, now, |told| Event::ProposalInterviewing { told }))
            }
            ProposalState::Interviewing => Ok(Change::none(self)),
            _ => Err(self.wrong_state(actor)),
        }
    }

    /// The client does not want it, and says why.
    pub fn decline(
        self,
        actor: &Actor,
        reason: DeclineReason,
        note: &str,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalDecline, &self.subject())?;
        if let ProposalState::Declined { .. } = self.state {
            return Ok(Change::none(self));
        }
        if self.stage().is_none() {
            return Err(self.wrong_state(actor));
        }
        let mut invalid = Invalid::default();
        let note = invalid.text("note", note, 0..=2_000);
        invalid.finish()?;
        let declined = ProposalState::Declined { at: now, reason, note };
        Ok(self.seen(declined, now, |told| Event::ProposalDeclined { told }))
    }

    /// The client proposes another price. A later counter-offer replaces an earlier one.
    pub fn counter(
        self,
        actor: &Actor,
        (price, policy): (PriceInput, &Terms),
        message: &str,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalCounter, &self.subject())?;
        expect_version(expected_version, self.version)?;
        let Some(stage) = self.stage() else { return Err(self.wrong_state(actor)) };
        let mut invalid = Invalid::default();
        let message = invalid.text("message", message, 0..=2_000);
        let price = price.parse(&mut invalid, self.terms.price.kind(), policy, true);
        invalid.finish()?;

        let from = stage.unwrap_or(Stage::Viewed);
        let countered = ProposalState::Countered { counter: Counter { price, message, at: now }, from };
        let revision = self.revision + 1;
        Ok(Self { revision, ..self }.seen(countered, now, |told| Event::ProposalCountered { told }))
    }

    /// The freelancer takes the price that the client proposed.
    pub fn counter_accept(self, actor: &Actor, expected_version: Option<i64>) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalCounterAccept, &self.subject())?;
        expect_version(expected_version, self.version)?;
        let ProposalState::Countered { counter, from } = &self.state else { return Err(self.wrong_state(actor)) };
        let terms = ProposalTerms { price: counter.price.clone(), ..self.terms.clone() };
        let state = from.state();
        Ok(self.revised(terms, state))
    }

    /// The freelancer proposes something else; that also answers a counter-offer.
    pub fn revise(
        self,
        actor: &Actor,
        input: BidInput,
        (brief, policy): (&GigBrief, &Terms),
        expected_version: Option<i64>,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalRevise, &self.subject())?;
        expect_version(expected_version, self.version)?;
        let state = match &self.state {
            ProposalState::Countered { from, .. } => from.state(),
            _ if self.stage().is_some() => self.state.clone(),
            _ => return Err(self.wrong_state(actor)),
        };
        let terms = ProposalTerms::parse(input, brief, policy)?;
        terms.complete(brief)?;
        if terms == self.terms && state == self.state {
            return Ok(Change::none(self));
        }
        Ok(self.revised(terms, state))
    }

    /// The freelancer takes it back. One with an offer is answered by declining the offer.
    pub fn withdraw(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalWithdraw, &self.subject())?;
        match self.state {
            ProposalState::Withdrawn { .. } => return Ok(Change::none(self)),
            // Nobody else knew of it, or is told now.
            ProposalState::Draft => {
                let state = ProposalState::Withdrawn { at: now };
                return Ok(Change::to(Self { state, version: self.version + 1, ..self }));
            }
            _ if self.stage().is_some() => (),
            _ => return Err(self.wrong_state(actor)),
        }
        Ok(self.moved(ProposalState::Withdrawn { at: now }, |told| Event::ProposalWithdrawn { told }))
    }

    /// The client made an offer on it, while its gig stands: a consequence of the offer, whose verb has asked who may.
    pub fn offered(self, gig: &Gig, now: Timestamp) -> Result<Change<Self>, Refusal> {
        if let ProposalState::Offered { .. } = self.state {
            return Ok(Change::none(self));
        }
        if self.submitted_at.is_none() {
            // The client is not to learn that it is being written, nor that it was.
            return Err(Refusal::HIDDEN);
        }
        let Some(stage) = self.stage() else { return Err(self.wrong_state(&Actor::System)) };
        if Closing::of(gig).is_some() {
            // It ends with its gig as soon as the worker comes to it.
            return Err(Refusal::wrong_state("gig", gig.status().as_str(), Vec::new()));
        }
        let offered = ProposalState::Offered { from: stage.unwrap_or(Stage::Viewed) };
        Ok(self.seen(offered, now, |told| Event::ProposalOffered { told }))
    }

    /// The offer on it came to nothing: it is live again, where it stood; or it ends as the others for its gig did, if
    /// that is over meanwhile.
    pub fn offer_ended(self, gig: &Gig, now: Timestamp) -> Change<Self> {
        let ProposalState::Offered { from } = self.state else { return Change::none(self) };
        match Closing::of(gig) {
            Some(closing) => self.moved(closing.state(now), |told| Event::ProposalClosed { told }),
            None => {
                let state = from.state();
                self.moved(state, |told| Event::ProposalOfferEnded { told })
            }
        }
    }

    /// The freelancer accepted the offer on it.
    pub fn hired(self, now: Timestamp) -> Result<Change<Self>, Refusal> {
        match self.state {
            ProposalState::Offered { .. } => {
                Ok(self.moved(ProposalState::Hired { at: now }, |told| Event::ProposalHired { told }))
            }
            ProposalState::Hired { .. } => Ok(Change::none(self)),
            _ => Err(self.wrong_state(&Actor::System)),
        }
    }

    /// It ends with its gig. One with an offer stays: the offer decides.
    pub fn close(self, actor: &Actor, closing: Closing, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ProposalClose, &self.subject())?;
        if self.stage().is_none() {
            return Ok(Change::none(self));
        }
        Ok(self.moved(closing.state(now), |told| Event::ProposalClosed { told }))
    }

    /// Is it before the client, without an offer? Then how far had the client come with it?
    fn stage(&self) -> Option<Option<Stage>> {
        match &self.state {
            ProposalState::Submitted => Some(None),
            ProposalState::Viewed => Some(Some(Stage::Viewed)),
            ProposalState::Shortlisted => Some(Some(Stage::Shortlisted)),
            ProposalState::Interviewing => Some(Some(Stage::Interviewing)),
            ProposalState::Countered { from, .. } => Some(Some(*from)),
            ProposalState::Draft
            | ProposalState::Offered { .. }
            | ProposalState::Hired { .. }
            | ProposalState::Withdrawn { .. }
            | ProposalState::Declined { .. }
            | ProposalState::NotSelected { .. }
            | ProposalState::Expired { .. }
            | ProposalState::Removed { .. } => None,
        }
    }

    /// The refusal of a verb that this state does not allow.
    fn wrong_state(&self, actor: &Actor) -> Refusal {
        Refusal::wrong_state("proposal", self.status().as_str(), self.allowed(actor))
    }

    fn told(&self) -> crate::event::OfProposal {
        crate::event::OfProposal { proposal: self.id, gig: self.gig, client: self.client, freelancer: self.freelancer }
    }

    fn moved(self, state: ProposalState, event: fn(crate::event::OfProposal) -> Event) -> Change<Self> {
        let told = self.told();
        Change::to(Self { state, version: self.version + 1, ..self }).telling(event(told))
    }

    fn seen(self, state: ProposalState, now: Timestamp, event: fn(crate::event::OfProposal) -> Event) -> Change<Self> {
        Self { viewed_at: self.viewed_at.or(Some(now)), ..self }.moved(state, event)
    }

    fn revised(self, terms: ProposalTerms, state: ProposalState) -> Change<Self> {
        let revision = self.revision + 1;
        Self { terms, revision, ..self }.moved(state, |told| Event::ProposalRevised { told })
    }
}

impl Stage {
    fn state(self) -> ProposalState {
        match self {
            Self::Viewed => ProposalState::Viewed,
            Self::Shortlisted => ProposalState::Shortlisted,
            Self::Interviewing => ProposalState::Interviewing,
        }
    }
}
