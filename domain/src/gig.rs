//! A client's gig: drafted, published, paused, and in the end filled, expired, cancelled or
//! removed. While it is open, freelancers propose for it.

pub mod brief;
pub mod terms;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{GigId, OrganizationId, UserId};
use crate::refusal::{Invalid, Refusal, expect_version};
use crate::timer::Timer;

pub use brief::{
    BriefInput, BriefPatch, BudgetRange, FreshQuestions, GigBrief, GigKind, GigSkill, QuestionInput, ScreeningQuestion,
    Visibility,
};
pub use terms::{BidQuota, TradeTerms};

/// A client's gig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gig {
    /// Its id.
    pub id: GigId,
    /// Whose it is.
    pub client: OrganizationId,
    /// The member who drafted it.
    pub created_by: UserId,
    /// What it says.
    pub brief: GigBrief,
    /// Where it stands.
    pub state: GigState,
    /// When it was last put before freelancers: published or reopened.
    pub published_at: Option<Timestamp>,
    /// When the client last did something with it.
    pub active_at: Timestamp,
    /// Counts the changes, for those who want to change what they saw.
    pub version: i64,
    /// When it was drafted.
    pub created_at: Timestamp,
}

/// Where a gig stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GigState {
    /// Being written; only the client sees it.
    Draft,
    /// Takes proposals.
    Open,
    /// Takes none for now.
    Paused {
        /// Since when.
        at: Timestamp,
    },
    /// Someone was hired.
    Filled {
        /// When.
        at: Timestamp,
    },
    /// Nothing happened with it for too long.
    Expired {
        /// When it was closed.
        at: Timestamp,
        /// Until when it can be opened again.
        reopen_until: Timestamp,
    },
    /// The client gave it up.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Until when it can be opened again.
        reopen_until: Timestamp,
    },
    /// A moderator took it down.
    Removed {
        /// When.
        at: Timestamp,
        /// Why, for the client to read.
        reason: String,
    },
}

/// The flat view of [`GigState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are those of GigState")]
pub enum GigStatus {
    Draft,
    Open,
    Paused,
    Filled,
    Expired,
    Cancelled,
    Removed,
}

impl GigStatus {
    /// All of them, in the order of a gig's life.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Open, Self::Paused, Self::Filled, Self::Expired, Self::Cancelled, Self::Removed];

    /// The name it is kept and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Filled => "filled",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Removed => "removed",
        }
    }
}

impl GigBrief {
    /// Draft a gig that says this.
    pub fn draft(
        self,
        actor: &Actor,
        client: OrganizationId,
        id: GigId,
        now: Timestamp,
    ) -> Result<Change<Gig>, Refusal> {
        access::check(actor, Verb::GigCreate, &Subject::of_client(client))?;
        let created_by = actor.person()?.user;

        let gig = Gig {
            id,
            client,
            created_by,
            brief: self,
            state: GigState::Draft,
            published_at: None,
            active_at: now,
            version: 1,
            created_at: now,
        };
        Ok(Change::to(gig).telling(Event::GigDrafted { gig: id, client }))
    }
}

impl Gig {
    /// The flat view of the state.
    pub fn status(&self) -> GigStatus {
        match self.state {
            GigState::Draft => GigStatus::Draft,
            GigState::Open => GigStatus::Open,
            GigState::Paused { .. } => GigStatus::Paused,
            GigState::Filled { .. } => GigStatus::Filled,
            GigState::Expired { .. } => GigStatus::Expired,
            GigState::Cancelled { .. } => GigStatus::Cancelled,
            GigState::Removed { .. } => GigStatus::Removed,
        }
    }

    /// Whose it is, and whether everybody sees it.
    pub fn subject(&self) -> Subject {
        let public = self.takes_proposals() && self.brief.visibility == Visibility::Public;
        Subject::of_client(self.client).public_if(public)
    }

    /// May this actor see it? Those with a tie to it (an invitation, a proposal) do, once it was
    /// published.
    pub fn visible_to(&self, actor: &Actor, tied: bool) -> bool {
        let tied = tied && self.published_at.is_some();
        access::visible(actor, &self.subject().public_if(self.subject().public || (tied && actor.person().is_ok())))
    }

    /// Does it take proposals now?
    pub fn takes_proposals(&self) -> bool {
        matches!(self.state, GigState::Open)
    }

    /// What this actor can do to it now.
    pub fn allowed(&self, actor: &Actor, now: Timestamp) -> Vec<Verb> {
        let verbs: &[Verb] = match &self.state {
            GigState::Draft => &[Verb::GigUpdate, Verb::GigPublish, Verb::GigCancel, Verb::GigRemove],
            GigState::Open => {
                &[Verb::GigUpdate, Verb::GigPause, Verb::GigCancel, Verb::GigRemove, Verb::InvitationSend]
            }
            GigState::Paused { .. } => &[Verb::GigUpdate, Verb::GigResume, Verb::GigCancel, Verb::GigRemove],
            GigState::Expired { reopen_until, .. } | GigState::Cancelled { reopen_until, .. }
                if now < *reopen_until =>
            {
                &[Verb::GigReopen, Verb::GigRemove]
            }
            GigState::Filled { .. } | GigState::Expired { .. } | GigState::Cancelled { .. } => &[Verb::GigRemove],
            GigState::Removed { .. } => &[],
        };
        let subject = self.subject();
        verbs.iter().copied().filter(|verb| access::allows(actor, *verb, &subject)).collect()
    }

    /// When it expires if nothing happens with it any more, given the latest activity; none of one that can't.
    pub fn expires_at(&self, last_activity: Timestamp, terms: &TradeTerms) -> Option<Timestamp> {
        self.can_expire().then(|| terms.gig_expires_at(last_activity))
    }

    /// Change what it says. What it is paid by stays once it was published.
    pub fn update(
        self,
        actor: &Actor,
        patch: BriefPatch,
        fresh: &FreshQuestions,
        expected_version: Option<i64>,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigUpdate, &self.subject())?;
        expect_version(expected_version, self.version)?;
        match self.state {
            GigState::Draft | GigState::Open | GigState::Paused { .. } => (),
            GigState::Filled { .. }
            | GigState::Expired { .. }
            | GigState::Cancelled { .. }
            | GigState::Removed { .. } => return Err(self.wrong_state(actor, now)),
        }

        let brief = self.brief.patched(patch, fresh)?;
        if self.published_at.is_some() {
            brief.complete()?;
            if brief.kind != self.brief.kind {
                return Err(Refusal::field("kind", "FROZEN", "can't change once the gig was published"));
            }
        }
        if brief == self.brief {
            return Ok(Change::none(self));
        }
        let event = Event::GigUpdated { gig: self.id, client: self.client };
        Ok(Self { brief, ..self }.touched(now).alive(terms).telling(event))
    }

    /// Put it before freelancers.
    pub fn publish(
        self,
        actor: &Actor,
        expected_version: Option<i64>,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigPublish, &self.subject())?;
        match self.state {
            GigState::Draft => (),
            GigState::Open => return Ok(Change::none(self)),
            GigState::Paused { .. }
            | GigState::Filled { .. }
            | GigState::Expired { .. }
            | GigState::Cancelled { .. }
            | GigState::Removed { .. } => return Err(self.wrong_state(actor, now)),
        }
        expect_version(expected_version, self.version)?;
        self.brief.complete()?;

        let event = Event::GigPublished { gig: self.id, client: self.client };
        let open = Self { state: GigState::Open, published_at: Some(now), ..self };
        Ok(open.touched(now).alive(terms).telling(event))
    }

    /// Take no proposals for now.
    pub fn pause(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigPause, &self.subject())?;
        match self.state {
            GigState::Open => (),
            GigState::Paused { .. } => return Ok(Change::none(self)),
            GigState::Draft
            | GigState::Filled { .. }
            | GigState::Expired { .. }
            | GigState::Cancelled { .. }
            | GigState::Removed { .. } => return Err(self.wrong_state(actor, now)),
        }

        let event = Event::GigPaused { gig: self.id, client: self.client };
        Ok(Change::to(Self { state: GigState::Paused { at: now }, ..self }.touched(now)).telling(event))
    }

    /// Take proposals again.
    pub fn resume(self, actor: &Actor, terms: &TradeTerms, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigResume, &self.subject())?;
        match self.state {
            GigState::Paused { .. } => (),
            GigState::Open => return Ok(Change::none(self)),
            GigState::Draft
            | GigState::Filled { .. }
            | GigState::Expired { .. }
            | GigState::Cancelled { .. }
            | GigState::Removed { .. } => return Err(self.wrong_state(actor, now)),
        }

        let event = Event::GigResumed { gig: self.id, client: self.client };
        Ok(Self { state: GigState::Open, ..self }.touched(now).alive(terms).telling(event))
    }

    /// Give it up. Offers that wait for an answer stand in the way.
    pub fn cancel(
        self,
        actor: &Actor,
        offers_waiting: u64,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigCancel, &self.subject())?;
        match self.state {
            GigState::Draft | GigState::Open | GigState::Paused { .. } => (),
            GigState::Cancelled { .. } => return Ok(Change::none(self)),
            GigState::Filled { .. } | GigState::Expired { .. } | GigState::Removed { .. } => {
                return Err(self.wrong_state(actor, now));
            }
        }
        if offers_waiting > 0 {
            return Err(Refusal::rule("OFFER_WAITING", "withdraw the offers that wait for an answer first"));
        }

        let reopen_until = now + TimeDelta::days(terms.gig_reopen_days.into());
        let event = Event::GigCancelled { gig: self.id, client: self.client };
        Ok(Self { state: GigState::Cancelled { at: now, reopen_until }, ..self }.touched(now).at_rest().telling(event))
    }

    /// Put an expired or cancelled gig before freelancers again.
    pub fn reopen(self, actor: &Actor, terms: &TradeTerms, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigReopen, &self.subject())?;
        match self.state {
            GigState::Expired { reopen_until, .. } | GigState::Cancelled { reopen_until, .. } if now < reopen_until => {
            }
            GigState::Expired { .. } | GigState::Cancelled { .. } => {
                let message = format!("a gig can be reopened for {} days after it closed", terms.gig_reopen_days);
                return Err(Refusal::rule("REOPEN_TOO_LATE", message));
            }
            GigState::Open => return Ok(Change::none(self)),
            GigState::Draft | GigState::Paused { .. } | GigState::Filled { .. } | GigState::Removed { .. } => {
                return Err(self.wrong_state(actor, now));
            }
        }
        // One that was cancelled as a draft may still lack something.
        self.brief.complete()?;

        let event = Event::GigReopened { gig: self.id, client: self.client };
        let open = Self { state: GigState::Open, published_at: Some(now), ..self };
        Ok(open.touched(now).alive(terms).telling(event))
    }

    /// A moderator takes it down, for good.
    pub fn remove(self, actor: &Actor, reason: &str, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigRemove, &self.subject())?;
        if matches!(self.state, GigState::Removed { .. }) {
            return Ok(Change::none(self));
        }
        let mut invalid = Invalid::default();
        let reason = invalid.text("reason", reason, 5..=1_000);
        invalid.finish()?;

        let event = Event::GigRemoved { gig: self.id, client: self.client };
        Ok(Self { state: GigState::Removed { at: now, reason }, ..self }.touched(now).at_rest().telling(event))
    }

    /// Its time is up, unless something happened with it since the timer was set: `last_activity`
    /// is the latest of what its client and its freelancers did.
    pub fn expire(
        self,
        actor: &Actor,
        last_activity: Timestamp,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigExpire, &self.subject())?;
        if !self.can_expire() {
            return Ok(Change::none(self));
        }
        if now < terms.gig_expires_at(last_activity) {
            return Ok(Change::to(self).expiring(last_activity, terms));
        }

        let reopen_until = now + TimeDelta::days(terms.gig_reopen_days.into());
        let event = Event::GigExpired { gig: self.id, client: self.client };
        let expired = Self { state: GigState::Expired { at: now, reopen_until }, version: self.version + 1, ..self };
        Ok(expired.at_rest().telling(event))
    }

    /// The client is told that it is about to expire, unless something happened with it.
    pub fn warn_of_expiry(
        self,
        actor: &Actor,
        last_activity: Timestamp,
        terms: &TradeTerms,
        now: Timestamp,
    ) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::GigExpire, &self.subject())?;
        if !self.can_expire() {
            return Ok(Change::none(self));
        }
        if now < terms.gig_warned_at(last_activity) {
            return Ok(Change::to(self).expiring(last_activity, terms));
        }

        let expires_at = terms.gig_expires_at(last_activity);
        let event = Event::GigExpiring { gig: self.id, client: self.client, expires_at };
        Ok(Change::to(self).telling(event))
    }

    /// Someone was hired for it: a consequence of an accepted offer, whose verb has asked who may.
    /// Those who were not chosen hear of it by the event.
    pub fn fill(self, now: Timestamp) -> Result<Change<Self>, Refusal> {
        match self.state {
            GigState::Open | GigState::Paused { .. } => (),
            GigState::Filled { .. } => return Ok(Change::none(self)),
            GigState::Draft | GigState::Expired { .. } | GigState::Cancelled { .. } | GigState::Removed { .. } => {
                return Err(Refusal::wrong_state("gig", self.status().as_str(), Vec::new()));
            }
        }

        let event = Event::GigFilled { gig: self.id, client: self.client };
        Ok(Self { state: GigState::Filled { at: now }, ..self }.touched(now).at_rest().telling(event))
    }

    /// The refusal of a verb that this state does not allow.
    pub fn wrong_state(&self, actor: &Actor, now: Timestamp) -> Refusal {
        Refusal::wrong_state("gig", self.status().as_str(), self.allowed(actor, now))
    }

    fn can_expire(&self) -> bool {
        match self.state {
            GigState::Open | GigState::Paused { .. } => true,
            GigState::Draft
            | GigState::Filled { .. }
            | GigState::Expired { .. }
            | GigState::Cancelled { .. }
            | GigState::Removed { .. } => false,
        }
    }

    fn touched(self, now: Timestamp) -> Self {
        Self { active_at: now, version: self.version + 1, ..self }
    }

    /// With the timers of a gig that may expire, if it is one.
    fn alive(self, terms: &TradeTerms) -> Change<Self> {
        let active_at = self.active_at;
        if self.can_expire() { Change::to(self).expiring(active_at, terms) } else { Change::to(self) }
    }

    /// With the timers stopped.
    fn at_rest(self) -> Change<Self> {
        let id = self.id;
        Change::to(self).stopping(Timer::WarnGigExpiry(id)).stopping(Timer::ExpireGig(id))
    }
}

impl Change<Gig> {
    fn expiring(self, last_activity: Timestamp, terms: &TradeTerms) -> Self {
        let id = self.next.id;
        let warned_at = terms.gig_warned_at(last_activity);
        self.timing(Timer::ExpireGig(id), terms.gig_expires_at(last_activity))
            .timing(Timer::WarnGigExpiry(id), warned_at)
    }
}
