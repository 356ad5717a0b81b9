//! Passkeys: adding them, signing in with one, and proving with one who somebody is. What is asked for
//! is a ceremony: a challenge in a row that whoever answers takes away, so it is answered once.

use chrono::TimeDelta;
use domain::access::{self, Denied, Verb};
use domain::id::{CeremonyId, Id, PasskeyId, UserId};
use domain::passkey::{
    CEREMONY_LIFETIME, Ceremony, Credential, Holder, Passkey, Purpose, Shown, ceremony_refused, passkey_refused,
    passkey_taken,
};
use domain::refusal::Refusal;
use domain::session::{Device, Session};
use domain::user::User;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::session::{SignedIn, not_suspended, once_is_enough};
use crate::sql::sql;
use crate::throttle::Allowance;
use crate::token::{fresh_refresh_token, random};
use crate::{Call, Failure, Fault, Tx, run};

mod webauthn;

/// How devices name us.
const NAME: &str = "Rabta";

/// Ceremonies that one person begins.
const BEGINNINGS: Allowance = Allowance { attempts: 30, within: TimeDelta::hours(1) };
/// Ceremonies to sign in that are begun from one network.
const BEGINNINGS_OF_NETWORK: Allowance = Allowance { attempts: 300, within: TimeDelta::minutes(15) };
/// Answers of visitors from one network.
const SIGN_INS: Allowance = Allowance { attempts: 300, within: TimeDelta::minutes(15) };

/// What a browser is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the answer names.
    pub ceremony: Ceremony,
    /// What the browser takes: `PublicKeyCredentialCreationOptionsJSON` or
    /// `PublicKeyCredentialRequestOptionsJSON` of the specification.
    pub options: Value,
}

impl Market {
    /// Ask whoever is there for a passkey: to add it, to sign in with it, or to prove with it who they are.
    pub async fn passkey_begin(&self, call: &Call, purpose: Purpose, device: &Device) -> Result<Asked, Failure> {
        match purpose {
            Purpose::Add => self.passkey_add_begin(call).await,
            Purpose::SignIn => self.passkey_sign_in_begin(call, device).await,
            Purpose::Prove => self.passkey_prove_begin(call).await,
        }
    }

    /// Ask the person's device for a passkey to add.
    async fn passkey_add_begin(&self, call: &Call) -> Result<Asked, Failure> {
        let holder = holder(call)?;
        self.throttle(&format!("passkey:{}", holder.user), BEGINNINGS).await?;
        let call = &once_is_enough(call);
        let challenge = random::<32>().to_vec();
        let (user, kept, ceremony): (User, Vec<Credential>, Ceremony) = run!(self, call, tx => {
            let user = tx.user_for_update(holder.user).await?.ok_or(Refusal::HIDDEN)?;
            let kept = tx.passkeys_of(holder.user).await?;
            Passkey::may_be_added(tx.actor(), holder.user, count(&kept))?;
            tx.must_be_proved(call).await?;
            // Else somebody who signed up with another's address would keep a way in when its owner takes it over.
            user.must_read_mail()?;
            let ceremony = Ceremony::begin(tx.id(), Purpose::Add, Some(holder), challenge.clone(), tx.now());
            tx.ceremony_insert(&ceremony).await?;
            Ok((user, kept, ceremony))
        })?;
        let offered: Vec<Value> =
            webauthn::ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
        let options = json!({
            "rp": { "id": self.relying_party().domain(), "name": NAME },
            "user": {
                "id": webauthn::encode(&handle_of(user.id)), "name": user.email.as_str(), "displayName": user.name
            },
            "challenge": webauthn::encode(&ceremony.challenge),
            "pubKeyCredParams": offered,
            "timeout": CEREMONY_LIFETIME.num_milliseconds(),
            "excludeCredentials": descriptors(&kept),
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required"
            },
            "attestation": "none",
        });
        Ok(Asked { ceremony, options })
    }

    /// Add the passkey that the device made. A repeat is answered before its challenge is looked for, which
    /// the first time has used up.
    pub async fn passkey_add(
        &self,
        call: &Call,
        ceremony: CeremonyId,
        name: &str,
        answer: &Value,
    ) -> Result<Passkey, Failure> {
        let holder = holder(call)?;
        if let Some(passkey) = self.answered(call).await? {
            return Ok(passkey);
        }
        let name = Passkey::parse_name(name)?;
        let challenge = match self.ceremony_finish(ceremony, Purpose::Add, Some(holder)).await {
            // Used up meanwhile, perhaps by this very request.
            Err(Failure::Refused(refused)) => return self.answered(call).await?.ok_or_else(|| refused.into()),
            found => found?,
        };
        let credential = webauthn::created(answer, &challenge, self.relying_party())?;
        run!(self, call, tx => {
            tx.user_for_update(holder.user).await?.ok_or(Refusal::HIDDEN)?.must_read_mail()?;
            let kept = count(&tx.passkeys_of(holder.user).await?);
            let change = Passkey::add(tx.actor(), name.clone(), credential.clone(), kept, tx.id(), tx.now())?;
            // Asked behind the person's row: a password that was set anew while this waited has ended the session.
            tx.must_be_proved(call).await?;
            tx.audit("passkey_add", holder.user, json!({ "passkey": change.next.id })).await?;
            let passkey = tx.settle(change).await?;
            tx.passkey_write(&passkey)
                .await
                .map_err(|failure| failure.when_violated("passkeys_credential_key", passkey_taken))?;
            Ok(passkey)
        })
    }

    /// Call a passkey of the person's own something else.
    pub async fn passkey_rename(&self, call: &Call, id: PasskeyId, name: &str) -> Result<Passkey, Failure> {
        call.actor.person()?;
        run!(self, call, tx => {
            let passkey = tx.passkey_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::PasskeyRename, &passkey.subject())?;
            let change = passkey.rename(tx.actor(), Passkey::parse_name(name)?)?;
            let passkey = tx.settle(change).await?;
            tx.passkey_write(&passkey).await?;
            Ok(passkey)
        })
    }

    /// A passkey of the person's own opens the account no more.
    pub async fn passkey_remove(&self, call: &Call, id: PasskeyId) -> Result<Passkey, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let passkey = tx.passkey_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = passkey.remove(tx.actor())?;
            tx.must_be_proved(call).await?;
            tx.audit("passkey_remove", user, json!({ "passkey": id })).await?;
            let passkey = tx.settle(change).await?;
            tx.conn().execute_raw(sql("delete from passkeys where id = $1", [id.uuid().into()])).await?;
            Ok(passkey)
        })
    }

    /// Ask whoever is there for a passkey to sign in with. No address is needed, and everybody is asked
    /// alike: the device knows whose passkeys it has.
    async fn passkey_sign_in_begin(&self, call: &Call, device: &Device) -> Result<Asked, Failure> {
        self.throttle_network("passkey_begin", device, BEGINNINGS_OF_NETWORK).await?;
        let call = &once_is_enough(call);
        let challenge = random::<32>().to_vec();
        let ceremony: Ceremony = run!(self, call, tx => {
            let ceremony = Ceremony::begin(tx.id(), Purpose::SignIn, None, challenge.clone(), tx.now());
            tx.ceremony_insert(&ceremony).await?;
            Ok(ceremony)
        })?;
        let options = self.request_options(&ceremony, &[]);
        Ok(Asked { ceremony, options })
    }

    /// Sign in with a passkey. It stands for the password and the second proof, since the device has
    /// asked its person who they are.
    pub async fn passkey_sign_in(
        &self,
        call: &Call,
        ceremony: CeremonyId,
        answer: &Value,
        device: Device,
    ) -> Result<SignedIn, Failure> {
        self.throttle_network("passkey_sign_in", &device, SIGN_INS).await?;
        let challenge = self.ceremony_finish(ceremony, Purpose::SignIn, None).await?;
        let assertion = webauthn::shown(answer, Purpose::SignIn, &challenge, self.relying_party())?;
        let known = self.passkey_of(&assertion).await?.ok_or_else(passkey_refused)?;
        // A device that was not told whose passkey it is to show says whose it shows (§7.2, step 6).
        if assertion.user.as_deref() != Some(handle_of(known.user).as_slice()) {
            return Err(passkey_refused().into());
        }
        let call = &once_is_enough(call);
        let refresh_token = fresh_refresh_token();
        let began: Option<(User, Session)> = run!(self, call, tx => {
            let user = tx.user_for_update(known.user).await?.ok_or_else(passkey_refused)?;
            not_suspended(&user)?;
            if !tx.passkey_show(known.id, &assertion).await? {
                return Ok(None);
            }
            let session = Session::begin(tx.id(), user.id, device.clone(), tx.now());
            let session = tx.session_insert(session, &refresh_token).await?;
            Ok(Some((user, session)))
        })?;
        self.signed_in(began.ok_or_else(passkey_refused)?, refresh_token)
    }

    /// Ask the person for one of their passkeys, to prove once more who they are.
    async fn passkey_prove_begin(&self, call: &Call) -> Result<Asked, Failure> {
        let holder = holder(call)?;
        self.throttle(&format!("passkey:{}", holder.user), BEGINNINGS).await?;
        let call = &once_is_enough(call);
        let challenge = random::<32>().to_vec();
        let (kept, ceremony): (Vec<Credential>, Ceremony) = run!(self, call, tx => {
            let kept = tx.passkeys_of(holder.user).await?;
            let ceremony = Ceremony::begin(tx.id(), Purpose::Prove, Some(holder), challenge.clone(), tx.now());
            tx.ceremony_insert(&ceremony).await?;
            Ok((kept, ceremony))
        })?;
        let options = self.request_options(&ceremony, &kept);
        Ok(Asked { ceremony, options })
    }

    /// The person proves with a passkey who they are, for what takes a fresh proof.
    pub async fn passkey_prove(&self, call: &Call, ceremony: CeremonyId, answer: &Value) -> Result<Session, Failure> {
        let holder = holder(call)?;
        let challenge = self.ceremony_finish(ceremony, Purpose::Prove, Some(holder)).await?;
        let assertion = webauthn::shown(answer, Purpose::Prove, &challenge, self.relying_party())?;
        let known = self.passkey_of(&assertion).await?.ok_or_else(passkey_refused)?;
        let says_other = assertion.user.as_deref().is_some_and(|user| user != handle_of(holder.user));
        if known.user != holder.user || says_other {
            return Err(passkey_refused().into());
        }
        let call = &once_is_enough(call);
        let proved: Option<Session> = run!(self, call, tx => {
            tx.user_for_update(holder.user).await?.ok_or(Refusal::HIDDEN)?;
            if !tx.passkey_show(known.id, &assertion).await? {
                return Ok(None);
            }
            let session = tx.session_for_update(holder.session).await?.ok_or(Refusal::HIDDEN)?;
            Ok(Some(tx.session_save(session.prove(tx.actor(), tx.now())?).await?))
        })?;
        Ok(proved.ok_or_else(passkey_refused)?)
    }

    /// The person's own passkeys, the newest first.
    pub async fn passkeys_page(&self, call: &Call, page: &PageRequest) -> Result<Slice<Passkey>, Failure> {
        let user = call.actor.person()?.user;
        let order = Keyset::<row::Entity> {
            list: "passkeys",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select = row::Entity::find().filter(row::Column::UserId.eq(user.uuid()));
        Ok(order.page(self.db(), select, page).await?.try_map(Passkey::try_from)?)
    }

    /// A passkey of the person's own.
    pub async fn passkey_find(&self, call: &Call, id: PasskeyId) -> Result<Option<Passkey>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let passkey = row.map(Passkey::try_from).transpose()?;
        Ok(passkey.filter(|passkey| access::allows(&call.actor, Verb::PasskeyRead, &passkey.subject())))
    }

    /// Forget up to `limit` ceremonies that nobody finished in time; how many there were.
    pub(crate) async fn passkey_ceremonies_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = sql(
            "with over as materialized (
                 select id from passkey_ceremonies where expires_at <= $1
                 order by expires_at limit $2 for update skip locked)
             delete from passkey_ceremonies using over where passkey_ceremonies.id = over.id",
            [self.clock().now().into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }

    fn request_options(&self, ceremony: &Ceremony, allowed: &[Credential]) -> Value {
        json!({
            "challenge": webauthn::encode(&ceremony.challenge),
            "timeout": CEREMONY_LIFETIME.num_milliseconds(),
            "rpId": self.relying_party().domain(),
            "allowCredentials": descriptors(allowed),
            "userVerification": "required",
        })
    }

    /// Take a ceremony away, for good: of those who finish it at once one has it, and a wrong answer
    /// uses it up like a right one. It is nobody's but whose it was begun by. The challenge.
    async fn ceremony_finish(
        &self,
        id: CeremonyId,
        purpose: Purpose,
        holder: Option<Holder>,
    ) -> Result<Vec<u8>, Failure> {
        let take = sql(
            "delete from passkey_ceremonies
             where id = $1 and user_id is not distinct from $2 and session_id is not distinct from $3 returning *",
            [
                id.uuid().into(),
                holder.map(|holder| holder.user.uuid()).into(),
                holder.map(|holder| holder.session.uuid()).into(),
            ],
        );
        let taken = Kept::find_by_statement(take).one(self.db()).await?.ok_or_else(ceremony_refused)?;
        Ok(Ceremony::try_from(taken)?.finish(purpose, holder, self.clock().now())?)
    }

    /// The passkey that was shown, if we know it and it has signed.
    async fn passkey_of(&self, assertion: &webauthn::Assertion) -> Result<Option<Passkey>, Failure> {
        let select = row::Entity::find().filter(row::Column::Credential.eq(assertion.handle.clone()));
        let known = select.one(self.db()).await?.map(Passkey::try_from).transpose()?;
        Ok(known.filter(|known| assertion.is_signed_by(&known.credential.public_key)))
    }
}

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

/// What a person calls their passkeys, the oldest first.
pub(crate) async fn names_of(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<String>, Failure> {
    let select = sql("select name from passkeys where user_id = $1 order by id", [user.uuid().into()]);
    Ok(Named::find_by_statement(select).all(conn).await?.into_iter().map(|named| named.name).collect())
}

/// Who is signed in, and where.
fn holder(call: &Call) -> Result<Holder, Denied> {
    Ok(Holder { user: call.actor.person()?.user, session: call.session.ok_or(Denied::SignIn)? })
}

/// How devices know a person: it says nothing of them.
fn handle_of(user: UserId) -> [u8; 16] {
    *user.uuid().as_bytes()
}

fn count(kept: &[Credential]) -> u32 {
    u32::try_from(kept.len()).unwrap_or(u32::MAX)
}

/// Credentials, as browsers are told of them.
fn descriptors(credentials: &[Credential]) -> Vec<Value> {
    let describe = |credential: &Credential| {
        let id = webauthn::encode(&credential.handle);
        json!({ "type": "public-key", "id": id, "transports": credential.transports })
    };
    credentials.iter().map(describe).collect()
}

impl Tx {
    /// Note that a passkey was shown whose signature is right; false if it looks like a copy.
    async fn passkey_show(&self, id: PasskeyId, assertion: &webauthn::Assertion) -> Result<bool, Failure> {
        // It may have been removed since.
        let passkey = self.passkey_for_update(id).await?.ok_or_else(passkey_refused)?;
        let (user, known) = (passkey.user, passkey.credential.counter);
        let change = passkey.show(assertion.flags, assertion.counter, self.now())?;
        match self.settle(change).await? {
            Shown::Taken(passkey) => {
                self.passkey_write(&passkey).await?;
                Ok(true)
            }
            Shown::Copied(_) => {
                let detail = json!({ "passkey": id, "counted": known, "says": assertion.counter });
                self.audit("passkey_copied", user, detail).await?;
                Ok(false)
            }
        }
    }

    /// No passkey of a person opens their account any more; how many there were. The person's row is locked.
    pub(crate) async fn passkeys_drop(&self, user: UserId) -> Result<i64, Failure> {
        let drop = sql("delete from passkeys where user_id = $1", [user.uuid().into()]);
        Ok(i64::try_from(self.conn().execute_raw(drop).await?.rows_affected()).unwrap_or(i64::MAX))
    }

    /// What a person calls their passkeys, the oldest first.
    pub(crate) async fn passkey_names(&self, user: UserId) -> Result<Vec<String>, Failure> {
        names_of(self.conn(), user).await
    }

    /// What a person's devices have made, the oldest first.
    async fn passkeys_of(&self, user: UserId) -> Result<Vec<Credential>, Failure> {
        let select = sql("select * from passkeys where user_id = $1 order by id", [user.uuid().into()]);
        let found = row::Entity::find().from_raw_sql(select).all(self.conn()).await?;
        Ok(found.into_iter().map(|row| Ok(Passkey::try_from(row)?.credential)).collect::<Result<_, Fault>>()?)
    }

    /// The passkey, locked.
    async fn passkey_for_update(&self, id: PasskeyId) -> Result<Option<Passkey>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Passkey::try_from).transpose()?)
    }

    async fn passkey_write(&self, passkey: &Passkey) -> Result<(), Failure> {
        let Passkey { id, user, name, credential, created_at, last_used_at } = passkey.clone();
        let row = row::Model {
            id: id.uuid(),
            user_id: user.uuid(),
            name,
            credential: credential.handle,
            public_key: credential.public_key,
            counter: credential.counter.into(),
            backup_eligible: credential.is_backup_eligible,
            backed_up: credential.is_backed_up,
            transports: json!(credential.transports),
            created_at,
            last_used_at,
        };
        save_row(self.conn(), row).await
    }

    async fn ceremony_insert(&self, ceremony: &Ceremony) -> Result<(), Failure> {
        let Ceremony { id, purpose, holder, challenge, expires_at } = ceremony.clone();
        let insert = sql(
            "insert into passkey_ceremonies (id, purpose, user_id, session_id, challenge, expires_at)
             values ($1, $2, $3, $4, $5, $6)",
            [
                id.uuid().into(),
                purpose.as_str().into(),
                holder.map(|holder| holder.user.uuid()).into(),
                holder.map(|holder| holder.session.uuid()).into(),
                challenge.into(),
                expires_at.into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct Kept {
    id: Uuid,
    purpose: String,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
    challenge: Vec<u8>,
    expires_at: domain::Timestamp,
}

impl TryFrom<Kept> for Ceremony {
    type Error = Fault;
    fn try_from(row: Kept) -> Result<Self, Fault> {
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == row.purpose);
        let holder = match (row.user_id, row.session_id) {
            (Some(user), Some(session)) => Some(Holder { user: Id::from_uuid(user), session: Id::from_uuid(session) }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(Fault::bad_row("passkey_ceremonies", "half held")),
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            purpose: purpose.ok_or_else(|| Fault::bad_row("passkey_ceremonies", "for nothing"))?,
            holder,
            challenge: row.challenge,
            expires_at: row.expires_at,
        })
    }
}

impl TryFrom<row::Model> for Passkey {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let counter = u32::try_from(row.counter).map_err(|error| Fault::bad_row("passkeys", error))?;
        let credential = Credential {
            handle: row.credential,
            public_key: row.public_key,
            counter,
            is_backup_eligible: row.backup_eligible,
            is_backed_up: row.backed_up,
            transports: serde_json::from_value(row.transports)?,
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            user: Id::from_uuid(row.user_id),
            name: row.name,
            credential,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "passkeys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub name: String,
        pub credential: Vec<u8>,
        pub public_key: Vec<u8>,
        pub counter: i64,
        pub backup_eligible: bool,
        pub backed_up: bool,
        #[sea_orm(column_type = "JsonBinary")]
        pub transports: Json,
        pub created_at: DateTimeUtc,
        pub last_used_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
