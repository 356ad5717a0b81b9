//! Sessions: a person signed in on one device. A session lives by its refresh tokens, each of
//! which works once and is replaced by the next. A token that turns up again after it was used has
//! been copied, and nobody can tell which of the two holders is the thief: the session ends.

use std::net::IpAddr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::Event;
use crate::id::{SessionId, UserId};
use crate::refusal::Refusal;

/// How long an access token is good for.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long a session lives without being refreshed.
pub const IDLE_LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long a session lives at most.
pub const LIFETIME: TimeDelta = TimeDelta::days(180);
/// For how long the network where somebody set a password by mail is one of theirs: as long as a session lives that
/// begins then. Whoever was there since has sessions that say so; later, its addresses may be anybody's.
pub const NETWORK_KNOWN_FOR: TimeDelta = LIFETIME;

/// How long a proof of who somebody is counts for acts on money and on the safety of an account.
pub const PROOF_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long it counts for what people do with money every day.
pub const DAY_OF_WORK: TimeDelta = TimeDelta::hours(12);

/// A person, signed in on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// Where.
    pub device: Device,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub refreshed_at: Timestamp,
    /// When the person last proved who they are: with their password, and what goes with it.
    pub proved_at: Timestamp,
    /// Whether it still lives.
    pub state: State,
}

/// Where somebody signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What the client calls itself.
    pub agent: Option<String>,
    /// The address it came from.
    pub address: Option<IpAddr>,
}

/// Whether a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does, until it isn't refreshed in time.
    Live {
        /// When that would be.
        expires_at: Timestamp,
    },
    /// It was ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How that came.
        ending: Ending,
    },
}

/// How a session came to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The person signed out.
    SignedOut,
    /// It was ended from another device, or by staff.
    Revoked,
    /// A refresh token was used twice.
    RefreshReused,
    /// The password was changed.
    PasswordChanged,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SignedOut, Self::Revoked, Self::RefreshReused, Self::PasswordChanged];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
        }
    }
}

/// What became of a refresh token before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Fresh,
    /// It was shown before. The answer may have been lost, or two windows of one browser have shown it at once: then
    /// nothing that was given for it has been used.
    Again {
        /// When it was shown first.
        used_at: Timestamp,
        /// How many tokens were given for it.
        given: i64,
        /// Has one of them been used?
        is_followed: bool,
    },
    /// Of the tokens that were given for the same one, another has been used: two hold what one was meant to.
    Overtaken,
}

/// How long after it was used a refresh token may come again. A phone that lost the answer where there is no network asks
/// when there is one again, or when its person looks at it next. Whoever else holds the token wins little by that: once
/// one of the two uses what they were given, the other ends the session.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::hours(24);
/// How many tokens are given for one, at most, before it counts as used by two.
const REFRESH_AGAIN: i64 = 8;

/// What using a refresh token leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refresh {
    /// The session goes on, with a new token in place of this one.
    Rotated(Session),
    /// The token had been used before: the session is ended.
    Reused(Session),
}

impl Session {
    /// A session begins.
    pub fn begin(id: SessionId, user: UserId, device: Device, now: Timestamp) -> Change<Self> {
        let state = State::Live { expires_at: now + IDLE_LIFETIME };
        Change::to(Self { id, user, device, created_at: now, refreshed_at: now, proved_at: now, state })
            .telling(Event::SessionBegan { session: id, user })
    }

    /// Whose it is.
    pub fn subject(&self) -> Subject {
        Subject::of_person(self.user)
    }

    /// Does it live at `now`?
    pub fn is_live(&self, now: Timestamp) -> bool {
        match self.state {
            State::Live { expires_at } => now < expires_at,
            State::Ended { .. } => false,
        }
    }

    /// The person proved who they are once more.
    pub fn prove(self, actor: &Actor, now: Timestamp) -> Result<Change<Self>, Refusal> {
        if actor.person()?.user != self.user || !self.is_live(now) {
            return Err(Refusal::HIDDEN);
        }
        Ok(Change::to(Self { proved_at: now, ..self }))
    }

    /// Acts on money and on the safety of an account take a proof that is not older than
    /// [`PROOF_LIFETIME`]: whoever picks up an unlocked phone can't do them.
    pub fn must_be_proved(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.is_live(now) && now < self.proved_at + PROOF_LIFETIME { Ok(()) } else { Err(Refusal::REAUTHENTICATE) }
    }

    /// A refresh token of this session is shown, of which `shown` says what became of it before.
    /// Whoever holds it needs no other proof.
    pub fn refresh(self, shown: Shown, now: Timestamp) -> Result<Change<Refresh>, Refusal> {
        if !self.is_live(now) {
            return Err(refresh_refused());
        }
        let is_good = match shown {
            Shown::Fresh => true,
            Shown::Again { used_at, given, is_followed } => {
                now - used_at <= REFRESH_GRACE && (1..=REFRESH_AGAIN).contains(&given) && !is_followed
            }
            Shown::Overtaken => false,
        };
        if !is_good {
            return Ok(self.end(Ending::RefreshReused, now).map(Refresh::Reused));
        }
        let expires_at = (now + IDLE_LIFETIME).min(self.created_at + LIFETIME);
        let next = Self { refreshed_at: now, state: State::Live { expires_at }, ..self };
        Ok(Change::to(Refresh::Rotated(next)))
    }

    /// The session is ended by its person, from this device or another, or by staff.
    pub fn revoke(self, actor: &Actor, ending: Ending, now: Timestamp) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::SessionRevoke, &self.subject())?;
        Ok(self.end(ending, now))
    }

    fn end(self, ending: Ending, now: Timestamp) -> Change<Self> {
        match self.state {
            State::Ended { .. } => Change::none(self),
            State::Live { .. } => {
                let (session, user) = (self.id, self.user);
                Change::to(Self { state: State::Ended { at: now, ending }, ..self })
                    .telling(Event::SessionEnded { session, user })
            }
        }
    }
}

/// The one answer to all refresh tokens that don't work, so that a guess learns nothing.
pub fn refresh_refused() -> Refusal {
    Refusal::rule("INVALID_REFRESH_TOKEN", "This session has ended. Sign in again.")
}

/// The one answer to a wrong password and to an email without an account.
pub fn credentials_refused() -> Refusal {
    Refusal::rule("INVALID_CREDENTIALS", "Email and password don't match.")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, Person, Staff};
    use crate::id::Id;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn session() -> Session {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        Session::begin(SessionId::from_uuid(Uuid::from_u128(7)), user, Device::default(), START).next
    }

    fn person(n: u128, staff: Option<Staff>) -> Actor {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        Actor::Person(Person { user, suspended: false, second_factor: true, staff, memberships: vec![] })
    }

    #[test]
    fn a_session_lives_as_long_as_it_is_refreshed_but_not_for_ever() {
        let mut session = session();
        let mut now = START;
        let mut weeks = 0;
        while let Ok(change) = session.clone().refresh(Shown::Fresh, now) {
            let Refresh::Rotated(next) = change.next else { panic!("a fresh token is not a reused one") };
            session = next;
            now += TimeDelta::weeks(4);
            weeks += 4;
        }
        assert_eq!(weeks, 28, "28 weeks are more than the 180 days it may live");
        assert_eq!(session.refresh(Shown::Fresh, now), Err(refresh_refused()));
        assert_eq!(self::session().refresh(Shown::Fresh, START + IDLE_LIFETIME), Err(refresh_refused()));
    }

    fn again(seconds: i64, given: i64, is_followed: bool) -> Shown {
        Shown::Again { used_at: START - TimeDelta::seconds(seconds), given, is_followed }
    }

    #[test]
    fn a_token_whose_answer_was_lost_may_come_again_for_a_day_as_long_as_nothing_came_of_it() {
        let day = TimeDelta::days(1).num_seconds();
        for (shown, is_good) in [
            (Shown::Fresh, true),
            (again(0, 1, false), true),
            (again(30, 7, false), true),
            (again(31, 1, false), true),
            (again(3_600, 7, false), true),
            (again(day, 8, false), true),
            (again(day + 1, 1, false), false),
            // What was given for it was used: there are two, however soon.
            (again(0, 1, true), false),
            (again(1, 1, true), false),
            (again(3_600, 1, true), false),
            (again(1, 9, false), false),
            // From a time in which it was not written down what was given for it.
            (again(1, 0, false), false),
            (Shown::Overtaken, false),
        ] {
            let refreshed = session().refresh(shown, START).unwrap();
            assert_eq!(matches!(refreshed.next, Refresh::Rotated(_)), is_good, "{shown:?}");
        }
    }

    #[test]
    fn a_token_used_twice_ends_the_session_for_both_holders() {
        let twice = again(60, 1, true);
        let change = session().refresh(twice, START).unwrap();
        assert_eq!(change.events.len(), 1);
        let Refresh::Reused(ended) = change.next else { panic!("{:?}", change.next) };
        assert_eq!(ended.state, State::Ended { at: START, ending: Ending::RefreshReused });
        assert_eq!(ended.clone().refresh(Shown::Fresh, START), Err(refresh_refused()));
        assert_eq!(ended.refresh(twice, START), Err(refresh_refused()));
    }

    #[test]
    fn a_proof_counts_for_a_while_and_refreshing_is_none() {
        let (person, later) = (person(1, None), START + PROOF_LIFETIME);
        assert_eq!(session().must_be_proved(later - TimeDelta::seconds(1)), Ok(()));
        assert_eq!(session().must_be_proved(later), Err(Refusal::REAUTHENTICATE));
        let Refresh::Rotated(refreshed) = session().refresh(Shown::Fresh, later).unwrap().next else {
            panic!("it was fresh")
        };
        assert_eq!(refreshed.clone().must_be_proved(later), Err(Refusal::REAUTHENTICATE));
        let proved = refreshed.prove(&person, later).unwrap().next;
        assert_eq!(proved.must_be_proved(later), Ok(()));
        let ended = proved.end(Ending::SignedOut, later).next;
        assert_eq!(ended.must_be_proved(later), Err(Refusal::REAUTHENTICATE));
        assert_eq!(ended.prove(&person, later), Err(Refusal::HIDDEN));
        assert_eq!(session().prove(&self::person(2, Some(Staff::Admin)), START), Err(Refusal::HIDDEN));
        assert_eq!(session().prove(&Actor::Nobody, START), Err(Denied::SignIn.into()));
    }

    #[test]
    fn only_its_person_and_staff_end_a_session() {
        let revoke = |actor: &Actor| session().revoke(actor, Ending::Revoked, START).map(|change| change.next.state);
        let ended = Ok(State::Ended { at: START, ending: Ending::Revoked });
        assert_eq!(revoke(&person(1, None)), ended);
        assert_eq!(revoke(&person(2, Some(Staff::Admin))), ended);
        assert_eq!(revoke(&person(2, Some(Staff::Mediator))), Err(Denied::Hidden.into()));
        assert_eq!(revoke(&person(2, None)), Err(Denied::Hidden.into()));
        assert_eq!(revoke(&Actor::Nobody), Err(Denied::SignIn.into()));

        let twice = session().end(Ending::SignedOut, START).next.end(Ending::Revoked, START);
        assert!(!twice.changed);
    }
}
