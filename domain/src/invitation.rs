//! Invitations: a client asks a freelancer to propose for a gig. Whoever is invited sees the gig,
//! also when it is not public, and accepts by proposing.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Role, Subject, Verb};
use crate::change::Change;
use crate::event::{Event, OfInvitation};
use crate::gig::{Gig, TradeTerms};
use crate::id::{GigId, InvitationId, OrganizationId, UserId};
use crate::refusal::{Invalid, Refusal};

/// An invitation of a freelancer to a gig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The gig.
    pub gig: GigId,
    /// Whose gig it is.
    pub client: OrganizationId,
    /// Who is invited.
    pub freelancer: UserId,
    /// The member who sent it.
    pub invited_by: UserId,
    /// A word to the freelancer.
    pub message: String,
    /// Where it stands.
    pub state: InvitationState,
    /// When it was sent.
    pub created_at: Timestamp,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum InvitationState {
    /// Waits for an answer.
    Sent,
    /// The freelancer does not want to.
    Declined {
        /// When.
        at: Timestamp,
    },
    /// The freelancer proposed.
    Accepted {
        /// When.
        at: Timestamp,
    },
}

/// The flat view of [`InvitationState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are those of InvitationState")]
pub enum InvitationStatus {
    Sent,
    Declined,
    Accepted,
}

impl InvitationStatus {
    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Declined => "declined",
            Self::Accepted => "accepted",
        }
    }
}

/// What has to be known to send an invitation.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// To which gig.
    pub gig: &'a Gig,
    /// Whom.
    pub freelancer: UserId,
    /// May the client know of them? If they are suspended, hide, are kept apart from the client by a block, or there is no
    /// such person, there is nobody to invite.
    pub is_known: bool,
    /// Is that a member of the client?
    pub is_member: bool,
    /// The invitation that was sent before, if one was.
    pub sent_before: Option<&'a Invitation>,
    /// How many the client sent in the last day.
    pub sent_today: u32,
    /// How many were sent for this gig.
    pub sent_for_gig: u32,
}

impl Asking<'_> {
    /// Invite the freelancer.
    pub fn send(
        self,
        actor: &Actor,
        message: &str,
        id: InvitationId,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Invitation>, Refusal> {
        access::check(actor, Verb::InvitationSend, &self.gig.subject())?;
        let invited_by = actor.person()?.user;
        if !self.gig.takes_proposals() {
            return Err(self.gig.wrong_state(actor, now));
        }
        if let Some(sent) = self.sent_before {
            return Ok(Change::none(sent.clone()));
        }
        if !self.is_known {
            return Err(Refusal::field("freelancerId", "UNKNOWN", "there is no such freelancer"));
        }
        if self.is_member {
            return Err(Refusal::rule("OWN_GIG", "members of the client can't bid on its gigs"));
        }
        for (code, sent, limit, per) in [
            ("INVITATIONS_PER_DAY", self.sent_today, terms.invitations_per_day, "a day"),
            ("INVITATIONS_PER_GIG", self.sent_for_gig, terms.invitations_per_gig, "for one gig"),
        ] {
            if sent >= limit {
                let message = format!("a client can send {limit} invitations {per}");
                return Err(Refusal::Limit {
                    code: code.to_owned(),
                    limit: limit.into(),
                    value: i64::from(sent) + 1,
                    message,
                });
            }
        }
        let mut invalid = Invalid::default();
        let message = invalid.text("message", message, 0..=2_000);
        invalid.finish()?;

        let (gig, client, freelancer) = (self.gig.id, self.gig.client, self.freelancer);
        let state = InvitationState::Sent;
        let invitation = Invitation { id, gig, client, freelancer, invited_by, message, state, created_at: now };
        let told = OfInvitation { invitation: id, gig, client };
        Ok(Change::to(invitation).telling(Event::InvitationSent { told, freelancer }))
    }
}

impl Invitation {
    /// The flat view of the state.
    pub fn status(&self) -> InvitationStatus {
        match self.state {
            InvitationState::Sent => InvitationStatus::Sent,
            InvitationState::Declined { .. } => InvitationStatus::Declined,
            InvitationState::Accepted { .. } => InvitationStatus::Accepted,
        }
    }

    /// What an event says of it.
    fn told(&self) -> OfInvitation {
        OfInvitation { invitation: self.id, gig: self.gig, client: self.client }
    }

    /// Between whom it is.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer)
    }

    /// May this actor see it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::InvitationRead, &self.subject())
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor) -> Vec<Verb> {
        let verbs: &[Verb] = match self.state {
            InvitationState::Sent => &[Verb::InvitationDecline],
            InvitationState::Declined { .. } | InvitationState::Accepted { .. } => &[],
        };
        let role = Role::of(actor, &self.subject());
        verbs.iter().copied().filter(|verb| verb.allowed_to().contains(&role)).collect()
    }

    /// The freelancer does not want to. Proposing later is still possible.
    pub fn decline(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::InvitationDecline, &self.subject())?;
        match self.state {
            InvitationState::Sent => (),
            InvitationState::Declined { .. } => return Ok(Change::none(self)),
            InvitationState::Accepted { .. } => {
                return Err(Refusal::wrong_state("invitation", self.status().as_str(), vec![Verb::ProposalWithdraw]));
            }
        }
        let event = Event::InvitationDeclined { told: self.told() };
        Ok(Change::to(Self { state: InvitationState::Declined { at: now }, ..self }).telling(event))
    }

    /// The freelancer proposed: a consequence of submitting a proposal.
    pub fn accepted(self, now: Timestamp) -> Change<Self> {
        match self.state {
            InvitationState::Sent | InvitationState::Declined { .. } => {
                let event = Event::InvitationAccepted { told: self.told() };
                Change::to(Self { state: InvitationState::Accepted { at: now }, ..self }).telling(event)
            }
            InvitationState::Accepted { .. } => Change::none(self),
        }
    }
}
