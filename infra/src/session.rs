//! Signing up, signing in, and staying signed in.

use std::net::IpAddr;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, Denied, Person};
use domain::change::Change;
use domain::id::{Id, OrganizationId, SessionId, UserId};
use domain::refusal::Refusal;
use domain::session::{
    Device, Ending, NETWORK_KNOWN_FOR, Refresh, Session, Shown, State, credentials_refused, refresh_refused,
};
use domain::user::{Email, SignUp, User};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect,
};
use uuid::Uuid;

use crate::bench::Crowd;
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::sql;
use crate::throttle::{Allowance, name_of};
use crate::token::{BadToken, fresh_refresh_token, refresh_token_hash};
use crate::whereabouts::{device_name, place};
use crate::{Call, Failure, Fault, Tx, run};

/// Somebody who is signed in now, with what proves it.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// In which session.
    pub session: Session,
    /// Proves it with each request.
    pub access_token: String,
    /// Until when.
    pub access_expires_at: Timestamp,
    /// Gets the next pair of tokens, once.
    pub refresh_token: String,
}

/// Whom an access token stands for.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The person, as they are now.
    pub actor: Actor,
    /// The session.
    pub session: SessionId,
    /// When they last proved who they are in it.
    pub proved_at: Timestamp,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

/// Why an access token was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthenticated {
    /// It is not good in itself.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// Its session or account was ended.
    #[error("the session has ended")]
    Ended,
    /// It could not be checked.
    #[error(transparent)]
    Unavailable(#[from] Failure),
}

/// How many of somebody's sessions a new one is compared with: the newest.
const COMPARED: i64 = 200;

/// Sign-ups from one network.
const SIGN_UPS: Allowance = Allowance { attempts: 60, within: TimeDelta::hours(1) };
/// Sign-ins from one network.
const SIGN_INS: Allowance = Allowance { attempts: 300, within: TimeDelta::minutes(15) };
/// Failed sign-ins to one account from one network.
const GUESSES: Allowance = Allowance { attempts: 10, within: TimeDelta::minutes(15) };
/// Guesses at one account from all networks together, and sign-ins from those it was never signed in from.
const STRANGE_GUESSES: Allowance = Allowance { attempts: 50, within: TimeDelta::hours(1) };

#[derive(FromQueryResult)]
struct Forgotten {
    forgotten: i64,
}

impl Market {
    /// A new account, signed in.
    pub async fn sign_up(&self, call: &Call, draft: SignUp, device: Device) -> Result<SignedIn, Failure> {
        self.throttle_network("sign_up", &device, SIGN_UPS).await?;
        let hash = self.passwords().among(crowds(&device)).hash(draft.password().reveal()).await?;
        let call = &once_is_enough(call);
        let refresh_token = fresh_refresh_token();
        let began = run!(self, call, tx => {
            let user = tx.user_insert(draft.clone().create(tx.id(), tx.now())).await?;
            tx.password_set(user.id, &hash).await?;
            tx.mail_code_verify(&user).await?;
            let session = Session::begin(tx.id(), user.id, device.clone(), tx.now());
            let session = tx.session_insert(session, &refresh_token).await?;
            Ok((user, session))
        });
        self.signed_in(began?, refresh_token)
    }

    /// Sign in with email and password, and with a second proof if the person has one. Whether there
    /// is no such account or the password is wrong can't be told from the answer, nor from the time it
    /// takes; that a second proof is wanted is told only to whoever knows the password.
    pub async fn sign_in(
        &self,
        call: &Call,
        email: &str,
        password: &str,
        code: Option<&str>,
        device: Device,
    ) -> Result<SignedIn, Failure> {
        let email = email.trim().to_lowercase();
        let found = match email.parse::<Email>() {
            Ok(email) => self.credentials_find(&email).await?,
            Err(_) => None,
        };
        let guess = self.sign_in_throttle(&email, found.as_ref(), &device).await?;
        let hash = found.as_ref().map(|found| found.hash.as_str());
        let fits = self.passwords().among(crowds(&device)).verify(password, hash).await?;
        if let Some(over) = guess.over
            && !(fits && guess.is_known)
        {
            return Err(over.into());
        }
        let (id, hash) = match found {
            Some(Credentials { user_id, hash }) if fits => (UserId::from_uuid(user_id), hash),
            Some(_) | None => return Err(credentials_refused().into()),
        };

        let call = &once_is_enough(call);
        let refresh_token = fresh_refresh_token();
        let began = run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or_else(credentials_refused)?;
            // Another may have been set since: the sessions that its setting ended must stay ended.
            if !tx.password_is(id, &hash).await? {
                return Err(credentials_refused().into());
            }
            not_suspended(&user)?;
            tx.second_factor_check(self, id, code).await?;
            let session = Session::begin(tx.id(), user.id, device.clone(), tx.now());
            let session = tx.session_insert(session, &refresh_token).await?;
            Ok((user, session))
        });
        let began = self.second_factor_watch(call, id, began).await?;
        // Where the person was before it was no guess.
        let was_none = guess.is_known.then(|| strangers_to(&email));
        self.throttle_forgive(&guess.bucket, was_none.as_deref()).await?;
        self.signed_in(began, refresh_token)
    }

    /// The next pair of tokens for a refresh token. Each works once; one that comes again ends the
    /// session, since one of its two holders is not who they say. But within a day, and as long as nothing came of its
    /// first use, it is taken again: answers get lost, and a browser may have two windows. Of the tokens that were
    /// given for it then, the one that is used first is good.
    pub async fn session_refresh(&self, call: &Call, token: &str) -> Result<SignedIn, Failure> {
        let hash = refresh_token_hash(token);
        let call = &once_is_enough(call);
        let refresh_token = fresh_refresh_token();
        let refreshed: Result<(User, Refresh), Failure> = run!(self, call, tx => {
            let session = tx.session_of_token_for_update(&hash).await?.ok_or_else(refresh_refused)?;
            let user = tx.user_for_update(session.user).await?.ok_or_else(refresh_refused)?;
            not_suspended(&user)?;
            let shown = tx.refresh_token_show(&hash).await?;
            let refresh = tx.settle(session.refresh(shown, tx.now())?).await?;
            match &refresh {
                Refresh::Rotated(session) => {
                    tx.session_write(session).await?;
                    tx.refresh_token_insert(session.id, &refresh_token, Some(&hash)).await?;
                }
                Refresh::Reused(session) => tx.session_write(session).await?,
            }
            Ok((user, refresh))
        });
        match refreshed? {
            (user, Refresh::Rotated(session)) => self.signed_in((user, session), refresh_token),
            (user, Refresh::Reused(session)) => {
                tracing::warn!(user = %user.id, session = %session.id, "a refresh token was used twice; its session is ended");
                Err(refresh_refused().into())
            }
        }
    }

    /// End the session of this very request, and perhaps all others of the person.
    pub async fn sign_out(&self, call: &Call, everywhere: bool) -> Result<Session, Failure> {
        let user = call.actor.person()?.user;
        let id = call.session.ok_or(Denied::SignIn)?;
        run!(self, call, tx => {
            if everywhere {
                let ended = tx.sessions_end(user, Some(id), Ending::Revoked).await?;
                tx.audit("sign_out_everywhere", user, serde_json::json!({ "sessions_ended": ended })).await?;
            }
            let session = tx.session_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.session_save(session.revoke(tx.actor(), Ending::SignedOut, tx.now())?).await
        })
    }

    /// End a session, from this device or another.
    pub async fn session_revoke(&self, call: &Call, id: SessionId) -> Result<Session, Failure> {
        run!(self, call, tx => {
            let session = tx.session_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = session.revoke(tx.actor(), Ending::Revoked, tx.now())?;
            tx.must_be_proved_unless_own(call, change.next.user).await?;
            if change.changed {
                tx.audit("session_revoke", id, serde_json::json!({ "user": change.next.user })).await?;
            }
            tx.session_save(change).await
        })
    }

    /// End all of the person's sessions, or all but this one; the number of those that were ended.
    pub async fn sessions_revoke(&self, call: &Call, this_too: bool) -> Result<i64, Failure> {
        let user = call.actor.person()?.user;
        let spared = call.session.filter(|_| !this_too);
        run!(self, call, tx => {
            let ended = tx.sessions_end(user, spared, Ending::Revoked).await?;
            if ended > 0 {
                tx.audit("session_revoke_all", user, serde_json::json!({ "sessions_ended": ended })).await?;
            }
            Ok(ended)
        })
    }

    /// The person's own sessions that live, newest first.
    pub async fn sessions_page(&self, call: &Call, page: &PageRequest) -> Result<Slice<Session>, Failure> {
        let user = call.actor.person()?.user;
        let select = row::Entity::find()
            .filter(row::Column::UserId.eq(user.uuid()))
            .filter(row::Column::EndedAt.is_null())
            .filter(row::Column::ExpiresAt.gt(self.clock().now()));
        let order = Keyset::<row::Entity> {
            list: "sessions",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), select, page).await?.try_map(Session::try_from)?)
    }

    /// A session of the person's own.
    pub async fn session_find(&self, call: &Call, id: SessionId) -> Result<Option<Session>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let session = row.map(Session::try_from).transpose()?;
        Ok(session.filter(|session| call.actor.user() == Some(session.user) && call.actor.person().is_ok()))
    }

    /// Where the person is signed in by this session, if its device or its country is new: they had no other session
    /// before on such a device there, but for those that were ended because somebody else may have had them, nor did
    /// they set a password by mail from there lately. Nobody is new to an account that they sign up for.
    pub(crate) async fn whereabouts_if_new(&self, id: SessionId, user: UserId) -> Result<Option<Device>, Failure> {
        let seen = Seen::find_by_statement(sql(
            "select agent, address, ending is null or ending = 'signed_out' as is_theirs
             from sessions where user_id = $1 and id <= $2 order by id desc limit $3",
            [user.uuid().into(), id.uuid().into(), COMPARED.into()],
        ));
        let seen = seen.all(self.db()).await?.into_iter().map(Seen::device).collect::<Result<Vec<_>, Fault>>()?;
        let Some(((device, _), before)) = seen.split_first() else { return Ok(None) };
        let here = (device_name(device), place(device));
        let is_like = |other: &Device| (device_name(other), place(other)) == here;
        if before.is_empty() || before.iter().any(|(other, is_theirs)| *is_theirs && is_like(other)) {
            return Ok(None);
        }
        let known = Known::find_by_statement(sql(
            "select exists (
                 select 1 from known_networks where user_id = $1 and network = $2 and known_at > $3) as yes",
            [user.uuid().into(), network(device).into(), (self.clock().now() - NETWORK_KNOWN_FOR).into()],
        ));
        let is_known = known.one(self.db()).await?.is_some_and(|known| known.yes);
        Ok((!is_known).then(|| device.clone()))
    }

    /// Whom an access token stands for. A token is good only while its session and its account
    /// are, so that signing out and suspension take effect at once.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, NotAuthenticated> {
        let claims = self.tokens().verify(token, self.clock().now())?;
        match self.standing_find(claims.sub, claims.sid).await? {
            Some((person, proved_at)) => {
                let expires_at = claims.expires_at();
                Ok(Authenticated { actor: Actor::Person(person), session: claims.sid, proved_at, expires_at })
            }
            None => Err(NotAuthenticated::Ended),
        }
    }

    /// The caller as they are now: since they were let in they may have joined an organization or
    /// left one, been suspended, or signed out. Refuses whoever is not signed in any more.
    pub async fn actor_now(&self, call: &Call) -> Result<Actor, Failure> {
        match (&call.actor, call.session) {
            (Actor::Person(person), Some(session)) => {
                let (person, _) = self.standing_find(person.user, session).await?.ok_or(Denied::SignIn)?;
                if person.suspended { Err(Denied::Suspended.into()) } else { Ok(Actor::Person(person)) }
            }
            (Actor::Person(_) | Actor::Nobody | Actor::System, _) => Ok(call.actor.clone()),
        }
    }

    /// A person, if this session of theirs lives, and when they last proved in it who they are.
    async fn standing_find(&self, user: UserId, session: SessionId) -> Result<Option<(Person, Timestamp)>, Failure> {
        let found = Standing::find_by_statement(sql(
            "select u.suspended_at is not null as suspended, u.staff, s.proved_at,
                 exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null)
                     as second_factor,
                 (select jsonb_agg(jsonb_build_array(m.organization_id, m.role)) from members m where m.user_id = u.id)
                     as memberships
             from sessions s join users u on u.id = s.user_id
             where s.id = $1 and s.user_id = $2 and s.ended_at is null and s.expires_at > $3",
            [session.uuid().into(), user.uuid().into(), self.clock().now().into()],
        ))
        .one(self.db())
        .await?;
        Ok(found.map(|standing| standing.person(user)).transpose()?)
    }

    /// Forget up to `limit` refresh tokens of sessions that are over: whoever comes with one is refused as with one
    /// that was made up. Those of a session that lives are kept, the used ones too, because one that comes again ends
    /// it. A session whose tokens are gone is not looked at again. How many tokens and sessions that were.
    pub(crate) async fn refresh_tokens_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = sql(
            "with over as materialized (
                 select id from sessions where expires_at <= $1 and not tokens_gone
                 order by expires_at limit $2 for update skip locked),
             doomed as materialized (
                 select t.hash from refresh_tokens t join over on t.session_id = over.id limit $2),
             gone as (
                 delete from refresh_tokens using doomed where refresh_tokens.hash = doomed.hash),
             empty as (
                 update sessions set tokens_gone = true from over
                 where sessions.id = over.id and (select count(*) from doomed) < $2 returning 1)
             select (select count(*) from doomed) + (select count(*) from empty) as forgotten",
            [self.clock().now().into(), limit.into()],
        );
        let forgotten = Forgotten::find_by_statement(forget).one(self.db()).await?;
        Ok(forgotten.map_or(0, |forgotten| u64::try_from(forgotten.forgotten).unwrap_or(0)))
    }

    /// Forget up to `limit` networks at which nobody set a password for long; how many there were.
    pub(crate) async fn known_networks_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = sql(
            "with over as materialized (
                 select user_id, network from known_networks where known_at <= $1
                 order by known_at limit $2 for update skip locked)
             delete from known_networks using over
             where known_networks.user_id = over.user_id and known_networks.network = over.network",
            [(self.clock().now() - NETWORK_KNOWN_FOR).into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }

    pub(crate) fn signed_in(
        &self,
        (user, session): (User, Session),
        refresh_token: String,
    ) -> Result<SignedIn, Failure> {
        let (access_token, access_expires_at) = self.keys().issue(user.id, session.id, self.clock().now())?;
        Ok(SignedIn { user, session, access_token, access_expires_at, refresh_token })
    }

    /// Count an attempt to sign in. Guessing is slowed for each account and each network, and for an account as a
    /// whole: then its person alone is let in, from where they signed in before, so that nobody is locked out by the
    /// guesses of others. Wherever a guess comes from it counts alike and is refused alike, and not before the password
    /// was looked at: else the refusal, or how soon it comes, would tell who has an account here and where they were.
    async fn sign_in_throttle(
        &self,
        email: &str,
        found: Option<&Credentials>,
        device: &Device,
    ) -> Result<Guess, Failure> {
        self.throttle_network("sign_in", device, SIGN_INS).await?;
        let bucket = guesses_at(email, device);
        self.throttle(&bucket, GUESSES).await?;
        let is_known = self.is_known(found, device).await?;
        let over = match self.throttle(&strangers_to(email), STRANGE_GUESSES).await {
            Ok(()) => None,
            Err(Failure::Refused(over)) => Some(over),
            Err(broken @ Failure::Broken(_)) => return Err(broken),
        };
        Ok(Guess { bucket, is_known, over })
    }

    async fn is_known(&self, found: Option<&Credentials>, device: &Device) -> Result<bool, Failure> {
        let user = found.map_or_else(Uuid::nil, |found| found.user_id);
        // A house's IPv6 addresses change by themselves within its network. Sessions that ended because somebody else may
        // have had them say nothing of where the person is.
        let seen = Known::find_by_statement(sql(
            "select exists (
                 select 1 from sessions where user_id = $1
                     and ending is distinct from 'refresh_reused' and ending is distinct from 'password_changed'
                     and (address = $2
                     or (family(address::inet) = 6 and family($2::inet) = 6
                         and network(set_masklen(address::inet, 64)) = network(set_masklen($2::inet, 64)))))
             or exists (
                 select 1 from known_networks where user_id = $1 and network = $3 and known_at > $4) as yes",
            [
                user.into(),
                device.address.map(|address| address.to_string()).into(),
                network(device).into(),
                (self.clock().now() - NETWORK_KNOWN_FOR).into(),
            ],
        ));
        Ok(seen.one(self.db()).await?.is_some_and(|known| known.yes))
    }

    async fn credentials_find(&self, email: &Email) -> Result<Option<Credentials>, Failure> {
        let select = sql(
            "select p.user_id, p.hash from users u join passwords p on p.user_id = u.id where u.email = $1",
            [email.as_str().into()],
        );
        Ok(Credentials::find_by_statement(select).one(self.db()).await?)
    }
}

/// An attempt to sign in that was counted.
struct Guess {
    /// The bucket of its account and network, to be forgotten if it goes well.
    bucket: String,
    /// Does it come from where the person of the account was before?
    is_known: bool,
    /// What is said to whoever is not known there, if the account was guessed at too often lately.
    over: Option<Refusal>,
}

#[derive(FromQueryResult)]
struct Credentials {
    user_id: Uuid,
    hash: String,
}

#[derive(FromQueryResult)]
struct Known {
    yes: bool,
}

/// A session that a new one is compared with.
#[derive(FromQueryResult)]
struct Seen {
    agent: Option<String>,
    address: Option<String>,
    is_theirs: bool,
}

impl Seen {
    fn device(self) -> Result<(Device, bool), Fault> {
        let Self { agent, address, is_theirs } = self;
        Ok((Device { agent, address: address_of(address)? }, is_theirs))
    }
}

#[derive(FromQueryResult)]
struct Standing {
    suspended: bool,
    second_factor: bool,
    staff: Option<String>,
    proved_at: Timestamp,
    memberships: Option<serde_json::Value>,
}

impl Standing {
    fn person(self, user: UserId) -> Result<(Person, Timestamp), Fault> {
        let Self { suspended, second_factor, staff, proved_at, memberships } = self;
        let staff = staff.map(|staff| staff.parse()).transpose().map_err(|error| Fault::bad_row("users", error))?;
        let memberships: Vec<(Uuid, String)> = memberships.map(serde_json::from_value).transpose()?.unwrap_or_default();
        let memberships = memberships.into_iter().map(|(organization, role)| {
            let role = role.parse().map_err(|error| Fault::bad_row("members", error))?;
            Ok((OrganizationId::from_uuid(organization), role))
        });
        let memberships = memberships.collect::<Result<_, Fault>>()?;
        Ok((Person { user, suspended, second_factor, staff, memberships }, proved_at))
    }
}

/// Tokens are never kept as the answer to an idempotency key: whoever had the key could read them.
pub(crate) fn once_is_enough(call: &Call) -> Call {
    Call { once: None, ..call.clone() }
}

pub(crate) fn not_suspended(user: &User) -> Result<(), Denied> {
    match user.suspended_at {
        Some(_) => Err(Denied::Suspended),
        None => Ok(()),
    }
}

/// The bucket of guesses at an account from one network.
pub(crate) fn guesses_at(email: &str, device: &Device) -> String {
    format!("sign_in:{}:{}", name_of(email), network(device))
}

/// The bucket of guesses at an account from all networks together.
pub(crate) fn strangers_to(email: &str) -> String {
    format!("sign_in_strange:{}", name_of(email))
}

/// So many networks of one IPv6 site count as one network does.
const SITE: i64 = 8;

impl Market {
    /// Count what somebody does without an account, or before they have shown whose they are: by their network, and for
    /// IPv6 by the site, too, of whose 65,536 networks its holder can take any.
    pub(crate) async fn throttle_network(
        &self,
        act: &str,
        device: &Device,
        allowance: Allowance,
    ) -> Result<(), Failure> {
        self.throttle(&format!("{act}:{}", network(device)), allowance).await?;
        match site(device) {
            Some(site) => {
                let allowance = Allowance { attempts: allowance.attempts.saturating_mul(SITE), ..allowance };
                self.throttle(&format!("{act}:{site}"), allowance).await
            }
            None => Ok(()),
        }
    }
}

/// Whom somebody stands in a queue with, before they have shown whose they are: their network, which may have a quarter of
/// it, and for IPv6 the site, which may have half.
fn crowds(device: &Device) -> Vec<Crowd> {
    let network = Crowd { name: network(device), quarters: 1 };
    let site = site(device).map(|name| Crowd { name, quarters: 2 });
    std::iter::once(network).chain(site).collect()
}

/// The 48 bits that a site is given of IPv6 addresses.
fn site(device: &Device) -> Option<String> {
    match device.address {
        Some(IpAddr::V6(address)) => {
            Some(format!("{}/48", std::net::Ipv6Addr::from_bits(address.to_bits() >> 80 << 80)))
        }
        Some(IpAddr::V4(_)) | None => None,
    }
}

/// The part of an address that one household or machine can't change at will.
pub(crate) fn network(device: &Device) -> String {
    match device.address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let prefix = address.to_bits() >> 64 << 64;
            format!("{}/64", std::net::Ipv6Addr::from_bits(prefix))
        }
    }
}

#[derive(FromQueryResult)]
struct Token {
    used_at: Option<Timestamp>,
    given: i64,
    is_followed: bool,
    is_overtaken: bool,
}

#[derive(FromQueryResult)]
struct Ended {
    id: Uuid,
}

impl Tx {
    /// Set the person's password.
    pub(crate) async fn password_set(&self, user: UserId, hash: &str) -> Result<(), Failure> {
        let set = sql(
            "insert into passwords (user_id, hash, changed_at) values ($1, $2, $3)
             on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at",
            [user.uuid().into(), hash.into(), self.now().into()],
        );
        self.conn().execute_raw(set).await?;
        Ok(())
    }

    /// The person was at this network: signing in from there is nothing strange.
    pub(crate) async fn network_keep(&self, user: UserId, device: &Device) -> Result<(), Failure> {
        let keep = sql(
            "insert into known_networks (user_id, network, known_at) values ($1, $2, $3)
             on conflict (user_id, network) do update set known_at = excluded.known_at",
            [user.uuid().into(), network(device).into(), self.now().into()],
        );
        self.conn().execute_raw(keep).await?;
        Ok(())
    }

    /// End all sessions of a person but one; how many there were.
    pub(crate) async fn sessions_end(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        ending: Ending,
    ) -> Result<i64, Failure> {
        let live = Ended::find_by_statement(sql(
            "select id from sessions where user_id = $1 and ended_at is null and expires_at > $2 and id is distinct from $3
             order by id for update",
            [user.uuid().into(), self.now().into(), spared.map(Id::uuid).into()],
        ));
        let mut count = 0;
        for Ended { id } in live.all(self.conn()).await? {
            if let Some(session) = self.session_for_update(SessionId::from_uuid(id)).await? {
                self.session_save(session.revoke(self.actor(), ending, self.now())?).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    pub(crate) async fn session_insert(
        &self,
        change: Change<Session>,
        refresh_token: &str,
    ) -> Result<Session, Failure> {
        let session = self.settle(change).await?;
        write(&session).insert(self.conn()).await?;
        self.refresh_token_insert(session.id, refresh_token, None).await?;
        Ok(session)
    }

    /// The session, as it is now.
    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<Session>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(Session::try_from).transpose()?)
    }

    /// The session, locked.
    pub(crate) async fn session_for_update(&self, id: SessionId) -> Result<Option<Session>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Session::try_from).transpose()?)
    }

    async fn session_of_token_for_update(&self, hash: &[u8]) -> Result<Option<Session>, Failure> {
        let select = sql(
            "select s.* from sessions s where s.id = (select session_id from refresh_tokens where hash = $1) for update",
            [hash.to_vec().into()],
        );
        let row = row::Entity::find().from_raw_sql(select).one(self.conn()).await?;
        Ok(row.map(Session::try_from).transpose()?)
    }

    /// Save a change of a session.
    pub(crate) async fn session_save(&self, change: Change<Session>) -> Result<Session, Failure> {
        let changed = change.changed;
        let session = self.settle(change).await?;
        if changed {
            self.session_write(&session).await?;
        }
        Ok(session)
    }

    async fn session_write(&self, session: &Session) -> Result<(), Failure> {
        write(session).update(self.conn()).await?;
        Ok(())
    }

    /// What became of a refresh token before; it is marked as used. Its session is locked, so no other of the session is
    /// shown meanwhile.
    async fn refresh_token_show(&self, hash: &[u8]) -> Result<Shown, Failure> {
        let look = sql(
            "select t.used_at,
                 (select count(*) from refresh_tokens next where next.given_for = t.hash) as given,
                 exists (select from refresh_tokens next where next.given_for = t.hash and next.used_at is not null)
                     as is_followed,
                 exists (select from refresh_tokens other where other.given_for = t.given_for and other.hash <> t.hash
                         and other.used_at is not null) as is_overtaken
             from refresh_tokens t where t.hash = $1",
            [hash.to_vec().into()],
        );
        let token = Token::find_by_statement(look).one(self.conn()).await?.ok_or_else(refresh_refused)?;
        let Token { used_at, given, is_followed, is_overtaken } = token;
        let mark = sql(
            "update refresh_tokens set used_at = $2 where hash = $1 and used_at is null",
            [hash.to_vec().into(), self.now().into()],
        );
        self.conn().execute_raw(mark).await?;
        Ok(match used_at {
            _ if is_overtaken => Shown::Overtaken,
            None => Shown::Fresh,
            Some(used_at) => Shown::Again { used_at, given, is_followed },
        })
    }

    async fn refresh_token_insert(
        &self,
        session: SessionId,
        token: &str,
        given_for: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let insert = sql(
            "insert into refresh_tokens (hash, session_id, created_at, given_for) values ($1, $2, $3, $4)",
            [
                refresh_token_hash(token).into(),
                session.uuid().into(),
                self.now().into(),
                given_for.map(<[u8]>::to_vec).into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        Ok(())
    }
}

fn write(session: &Session) -> row::ActiveModel {
    let Session { id, user, device, created_at, refreshed_at, proved_at, state } = session.clone();
    let (ended_at, ending) = match state {
        State::Live { .. } => (None, None),
        State::Ended { at, ending } => (Some(at), Some(ending.as_str().to_owned())),
    };
    let expires_at = match state {
        State::Live { expires_at } => expires_at,
        State::Ended { at, .. } => at,
    };
    row::ActiveModel {
        id: Set(id.uuid()),
        user_id: Set(user.uuid()),
        agent: Set(device.agent),
        address: Set(device.address.map(|address| address.to_string())),
        created_at: Set(created_at),
        refreshed_at: Set(refreshed_at),
        proved_at: Set(proved_at),
        expires_at: Set(expires_at),
        ended_at: Set(ended_at),
        ending: Set(ending),
    }
}

fn address_of(text: Option<String>) -> Result<Option<IpAddr>, Fault> {
    text.map(|text| text.parse::<IpAddr>()).transpose().map_err(|error| Fault::bad_row("sessions", error))
}

impl TryFrom<row::Model> for Session {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let ending = row.ending.as_deref().map(|text| {
            Ending::ALL
                .into_iter()
                .find(|ending| ending.as_str() == text)
                .ok_or_else(|| Fault::bad_row("sessions", format!("unknown ending {text}")))
        });
        let state = match (row.ended_at, ending.transpose()?) {
            (None, None) => State::Live { expires_at: row.expires_at },
            (Some(at), Some(ending)) => State::Ended { at, ending },
            (None, Some(_)) | (Some(_), None) => return Err(Fault::bad_row("sessions", "half ended")),
        };
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user: UserId::from_uuid(row.user_id),
            device: Device { agent: row.agent, address: address_of(row.address)? },
            created_at: row.created_at,
            refreshed_at: row.refreshed_at,
            proved_at: row.proved_at,
            state,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub agent: Option<String>,
        pub address: Option<String>,
        pub created_at: DateTimeUtc,
        pub refreshed_at: DateTimeUtc,
        pub proved_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        pub ending: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_many_ipv6_networks_and_counts_as_a_whole_too() {
        let device = |address: &str| Device { agent: None, address: Some(address.parse().unwrap()) };
        let at = |address: &str| (network(&device(address)), site(&device(address)));
        assert_eq!(at("2001:db8:1:2:3::4"), ("2001:db8:1:2::/64".to_owned(), Some("2001:db8:1::/48".to_owned())));
        assert_eq!(at("2001:db8:1:ffff::1"), ("2001:db8:1:ffff::/64".to_owned(), Some("2001:db8:1::/48".to_owned())));
        assert_eq!(at("192.0.2.1"), ("192.0.2.1".to_owned(), None));
    }
}
