//! Keeping an account: its address, its password, and proofs of who its person is.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::Denied;
use domain::account::{MailCode, Purpose, SafetyAct, code_refused};
use domain::change::Change;
use domain::id::{Id, MailCodeId, UserId};
use domain::password::Password;
use domain::refusal::{Invalid, Refusal};
use domain::session::{Device, Ending, Session};
use domain::user::{Email, User};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::market::Market;
use crate::save::save_row;
use crate::session::{guesses_at, once_is_enough, strangers_to};
use crate::sql::sql;
use crate::throttle::{Allowance, name_of};
use crate::{Call, Failure, Fault, Tx, run};

mod erase;
mod export;
mod letter;
mod restore;

/// What the codes of these letters are sealed for.
const SEALED_FOR: &str = "mail code";

/// Codes for one person, of all kinds, but those that a visitor asked for. Until one was brought back, the mailbox may be
/// a stranger's, who never asked for any.
const CODES: Allowance = Allowance { attempts: 5, within: TimeDelta::hours(1) };
const CODES_A_DAY: Allowance = Allowance { attempts: 15, within: TimeDelta::hours(24) };
/// Letters to one mailbox that nobody has shown to read, whatever they say, and however often somebody signs up with its
/// address.
const TO_UNREAD_MAILBOX: Allowance = Allowance { attempts: 15, within: TimeDelta::hours(24) };
/// Letters to one mailbox that is to become the address of an account, whoever asks for them: whose it is has not said
/// that they want any.
const CHANGES_TO_MAILBOX: Allowance = Allowance { attempts: 5, within: TimeDelta::hours(1) };
/// Resets asked for one address, in no longer than the code of the first of them works: so whoever uses them up for
/// somebody else keeps nobody out who reads the mail.
const RESETS: Allowance = Allowance { attempts: 5, within: Purpose::ResetPassword.lifetime() };
/// Resets asked for from one network.
const RESETS_OF_NETWORK: Allowance = Allowance { attempts: 60, within: TimeDelta::hours(1) };
/// Proofs of who one person is.
const PROOFS: Allowance = Allowance { attempts: 10, within: TimeDelta::minutes(15) };

#[derive(FromQueryResult)]
struct Lately {
    within_hour: i64,
    within_day: i64,
}

#[derive(FromQueryResult)]
struct Hash {
    hash: String,
}

/// What came of setting another password with the code of a letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PasswordReset {
    /// How many sessions ended: all there were.
    pub ended: i64,
    /// How many passkeys were removed.
    pub passkeys_removed: i64,
    /// The names of those that still open the account.
    pub passkeys_left: Vec<String>,
}

impl Market {
    /// Write to the person again, to see whether they read mail at their address.
    pub async fn email_verify_request(&self, call: &Call) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            if user.email_verified_at.is_none() {
                tx.mail_codes_count(id).await?;
                if !tx.mail_code_verify(&user).await? {
                    let Allowance { attempts, within } = TO_UNREAD_MAILBOX;
                    TO_UNREAD_MAILBOX.refuse_over(attempts + 1, within)?;
                }
            }
            Ok(user)
        })
    }

    /// The person brings the code that went to the address of their account: they read mail there. Once that is so, the
    /// same code says it again.
    pub async fn email_verify(&self, call: &Call, code: &str) -> Result<Email, Failure> {
        let id = call.actor.person()?.user;
        let of_letter = self.mail_code_of(code)?;
        let call = &once_is_enough(call);
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let code = tx.mail_code_for_update(of_letter).await?.ok_or_else(code_refused)?;
            let is_theirs = code.user == Some(id) && code.purpose == Purpose::VerifyEmail;
            if is_theirs && code.used_at.is_some() && user.email == code.email {
                return Ok(user.email);
            }
            let used = code.redeem_of(Purpose::VerifyEmail, id, tx.now())?;
            let change = user.verify_email(&used.email, tx.now())?;
            tx.mail_code_write(&used).await?;
            tx.audit("email_verify", id, serde_json::json!({})).await?;
            Ok(tx.user_save(change).await?.email)
        })
    }

    /// Somebody has lost their password. Until when the code would work that goes to the address,
    /// if there is an account: whether there is one can't be told from the answer, nor from the time
    /// it takes.
    pub async fn password_reset_request(
        &self,
        call: &Call,
        email: &str,
        device: &Device,
    ) -> Result<Timestamp, Failure> {
        let mut invalid = Invalid::default();
        let email = Email::parse(&mut invalid, "email", email);
        invalid.finish()?;
        self.throttle_network("reset", device, RESETS_OF_NETWORK).await?;
        self.throttle(&resets_of(&email), RESETS).await.map_err(use_the_newest)?;
        let call = &once_is_enough(call);
        run!(self, call, tx => {
            let user = tx.user_of_email(&email).await?;
            let code = tx.mail_code_issue(Purpose::ResetPassword, user, email.clone()).await?;
            Ok(code.expires_at)
        })
    }

    /// Set another password with the code of a letter. All sessions end, and so do all other codes, and, if they are to
    /// go, the passkeys: who lost control of an account does not know who has added any. If nobody had shown before that
    /// the address is theirs, whoever was let into organizations of the account, and where it was to be paid, goes, too.
    pub async fn password_reset(
        &self,
        call: &Call,
        code: &str,
        password: &str,
        without_passkeys: bool,
        device: &Device,
    ) -> Result<PasswordReset, Failure> {
        let id = self.mail_code_of(code)?;
        let call = &Call { once: None, ..Call::system(call.trace.clone()) };
        // Nothing is computed for a code that does not work.
        let user = self.mail_code_look(id, Purpose::ResetPassword).await?;
        let hash = self.password_hash(&user, "newPassword", password).await?;
        let (reset, email): (PasswordReset, Email) = run!(self, call, tx => {
            let user = tx.user_for_update(user.id).await?.ok_or_else(code_refused)?;
            let code = tx.mail_code_for_update(id).await?.ok_or_else(code_refused)?;
            let email = code.email.clone();
            let (_, used) = code.redeem(Purpose::ResetPassword, tx.now())?;
            let is_first = user.email_verified_at.is_none();
            if is_first {
                // Whoever did things with the account before had not shown that the address is theirs.
                tx.second_factors_drop(user.id).await?;
                let members = tx.members_withdraw(user.id).await?;
                let methods = tx.payout_methods_drop(user.id).await?;
                let detail = serde_json::json!({ "members_removed": members, "payout_methods_removed": methods });
                tx.audit("account_taken_over", user.id, detail).await?;
            }
            // A letter to an address that was left since opens nothing.
            let verified = user.verify_email(&email, tx.now())?;
            tx.mail_code_write(&used).await?;
            tx.mail_codes_end(verified.next.id).await?;
            tx.password_set(verified.next.id, &hash).await?;
            let user = tx.user_save(verified).await?;
            let ended = tx.sessions_end(user.id, None, Ending::PasswordChanged).await?;
            let removed = if without_passkeys { tx.passkeys_drop(user.id).await? } else { 0 };
            let passkeys_left = tx.passkey_names(user.id).await?;
            tx.network_keep(user.id, device).await?;
            let detail = serde_json::json!({ "sessions_ended": ended, "passkeys_removed": removed });
            tx.audit("password_reset", user.id, detail).await?;
            let act = if is_first { SafetyAct::AccountTakenOver } else { SafetyAct::PasswordReset };
            tx.settle(user.password_set(act)).await?;
            Ok((PasswordReset { ended, passkeys_removed: removed, passkeys_left }, email))
        })?;
        // Whoever guessed meanwhile does not keep out who reads the mail; and the letters they used up work no more.
        self.throttle_forget(&strangers_to(email.as_str())).await?;
        self.throttle_forget(&guesses_at(email.as_str(), device)).await?;
        self.throttle_forget(&resets_of(&email)).await?;
        Ok(reset)
    }

    /// The person sets another password, knowing the old one. Their other sessions end, and their passkeys if they are
    /// to go. With a second factor the password alone is half a proof, so it takes a fresh one, too.
    pub async fn password_change(
        &self,
        call: &Call,
        current: &str,
        password: &str,
        without_passkeys: bool,
    ) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        let proof = self.password_prove(call, current).await?;
        let user = self.viewer(call).await?.ok_or(Denied::SignIn)?;
        let hash = self.password_hash(&user, "newPassword", password).await?;
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            domain::access::check(tx.actor(), domain::access::Verb::PasswordChange, &user.subject())?;
            if tx.has_second_factor(id).await? {
                tx.must_be_proved(call).await?;
            }
            tx.password_must_be(id, proof.as_deref(), "currentPassword").await?;
            tx.password_set(id, &hash).await?;
            tx.mail_codes_end(id).await?;
            let ended = tx.sessions_end(id, call.session, Ending::PasswordChanged).await?;
            let removed = if without_passkeys { tx.passkeys_drop(id).await? } else { 0 };
            let detail = serde_json::json!({ "sessions_ended": ended, "passkeys_removed": removed });
            tx.audit("password_change", id, detail).await?;
            let change = user.password_set(SafetyAct::PasswordChanged);
            let is_read = change.next.email_verified_at.is_some();
            let is_told = is_read || tx.unread_mailbox_admits(&change.next.email).await?;
            tx.settle(if is_told { change } else { Change::none(change.next) }).await
        })
    }

    /// The person proves once more who they are, for what takes a fresh proof.
    pub async fn reauthenticate(&self, call: &Call, password: &str, code: Option<&str>) -> Result<Session, Failure> {
        let id = call.actor.person()?.user;
        let of_call = call.session.ok_or(Denied::SignIn)?;
        let proof = self.password_prove(call, password).await?;
        let call = &once_is_enough(call);
        let proved = run!(self, call, tx => {
            tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.password_must_be(id, proof.as_deref(), "password").await?;
            tx.second_factor_check(self, id, code).await?;
            let session = tx.session_for_update(of_call).await?.ok_or(Refusal::HIDDEN)?;
            tx.session_save(session.prove(tx.actor(), tx.now())?).await
        });
        let proved = self.second_factor_watch(call, id, proved).await?;
        self.throttle_forget(&proofs_of(id)).await?;
        Ok(proved)
    }

    /// The person wants another address. A code goes there, whether or not somebody else has an
    /// account with it: that is told only to whoever reads the mail. Until when the code works. Where enough letters went
    /// lately no other does, whoever asked for them; that is not told either.
    pub async fn email_change_request(&self, call: &Call, email: &str) -> Result<Timestamp, Failure> {
        let id = call.actor.person()?.user;
        let mut invalid = Invalid::default();
        let email = Email::parse(&mut invalid, "email", email);
        invalid.finish()?;
        run!(self, call, tx => {
            tx.must_be_proved(call).await?;
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.mail_codes_count(id).await?;
            let bucket = format!("email_change:{}", name_of(email.as_str()));
            let (fresh, now) = (tx.id(), tx.now());
            let change = if tx.throttle_admits(&bucket, CHANGES_TO_MAILBOX).await? {
                MailCode::issue(fresh, Purpose::ChangeEmail, Some(id), email.clone(), now)
            } else {
                MailCode::withhold(fresh, Purpose::ChangeEmail, Some(id), email.clone(), now)
            };
            Ok(tx.mail_code_keep(change, Some(user.email)).await?.expires_at)
        })
    }

    /// The person brings the code that went to the address they want.
    pub async fn email_change(&self, call: &Call, code: &str) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        let of_letter = self.mail_code_of(code)?;
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            // Asked behind the person's row: whoever put an end to this session while it waited had a reason.
            tx.must_be_proved(call).await?;
            let code = tx.mail_code_for_update(of_letter).await?.ok_or_else(code_refused)?;
            let (whose, used) = code.redeem(Purpose::ChangeEmail, tx.now())?;
            // The code of somebody else's letter, and one that was asked for at an address that was left since.
            if whose != id || used.former.as_ref() != Some(&user.email) {
                return Err(code_refused().into());
            }
            // An address at which nobody has read mail was nobody's: it is told nothing, and given back to nobody.
            let former = used.former.clone().filter(|_| user.email_verified_at.is_some());
            let used = MailCode { former, ..used };
            let change = user.change_email(tx.actor(), used.email.clone(), used.id, tx.now())?;
            tx.mail_codes_end(id).await?;
            tx.mail_code_write(&used).await?;
            tx.audit("email_change", id, serde_json::json!({})).await?;
            tx.user_save(change).await.map_err(|failure| failure.when_violated("users_email_key", code_refused))
        })
    }

    /// The hash that the password fits, if it is the caller's. Guesses are counted for each account,
    /// whoever makes them.
    pub(crate) async fn password_prove(&self, call: &Call, password: &str) -> Result<Option<String>, Failure> {
        let user = call.actor.person()?.user;
        let bucket = proofs_of(user);
        self.throttle(&bucket, PROOFS).await?;
        let select = sql("select hash from passwords where user_id = $1", [user.uuid().into()]);
        let found = Hash::find_by_statement(select).one(self.db()).await?.map(|found| found.hash);
        let fits = self.passwords().verify(password, found.as_deref()).await?;
        // With a second factor the password alone is half a proof: its guesses go on counting.
        if fits && !self.has_second_factor(user).await? {
            self.throttle_forget(&bucket).await?;
        }
        Ok(found.filter(|_| fits))
    }

    /// Forget up to `limit` codes that have been over for a month; how many there were.
    pub(crate) async fn mail_codes_forget(&self, limit: i64) -> Result<u64, Failure> {
        let forget = sql(
            "with over as materialized (
                 select id from mail_codes where expires_at <= $1
                 order by expires_at limit $2 for update skip locked)
             delete from mail_codes using over where mail_codes.id = over.id",
            [(self.clock().now() - TimeDelta::days(30)).into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }

    /// Check a password that is to be set for somebody, and hash it.
    async fn password_hash(&self, user: &User, path: &str, password: &str) -> Result<String, Failure> {
        let mut invalid = Invalid::default();
        let password = Password::parse(&mut invalid, path, password, &[user.email.as_str(), &user.name]);
        invalid.finish()?;
        Ok(self.passwords().hash(password.reveal()).await?)
    }

    /// Whose account a code would open now.
    async fn mail_code_look(&self, id: MailCodeId, purpose: Purpose) -> Result<User, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let code = row.map(MailCode::try_from).transpose()?.ok_or_else(code_refused)?;
        let (user, _) = code.redeem(purpose, self.clock().now())?;
        let found = self.users_by_id(&Call::system("mail code"), &[user]).await?;
        Ok(found.into_iter().next().ok_or_else(code_refused)?)
    }

    /// A code that we did not write names nothing.
    fn mail_code_of(&self, code: &str) -> Result<MailCodeId, Refusal> {
        let id = self.keys().unseal(SEALED_FOR, code.trim()).ok_or_else(code_refused)?;
        id.parse().map_err(|_| code_refused())
    }
}

fn proofs_of(user: UserId) -> String {
    format!("reauthenticate:{user}")
}

/// The bucket of letters with which the password of an address can be set anew.
fn resets_of(email: &Email) -> String {
    format!("reset:{}", name_of(email.as_str()))
}

/// The bucket of letters to a mailbox that nobody has shown to read.
fn unread_mailbox(email: &Email) -> String {
    format!("unread_mailbox:{}", name_of(email.as_str()))
}

/// What to do instead of asking for one letter too many. It is said of an address without an account, too.
fn use_the_newest(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(Refusal::Throttled { limit, retry_after_seconds, message: _ }) => {
            let message = "Enough letters were asked for, by whomever. If there is an account with this address, the \
                           code of the newest works: use that, or ask again later."
                .to_owned();
            Refusal::Throttled { limit, retry_after_seconds, message }.into()
        }
        other => other,
    }
}

impl Tx {
    /// A code is to go to a mailbox; the letter follows.
    pub(crate) async fn mail_code_issue(
        &self,
        purpose: Purpose,
        user: Option<UserId>,
        email: Email,
    ) -> Result<MailCode, Failure> {
        self.mail_code_keep(MailCode::issue(self.id(), purpose, user, email, self.now()), None).await
    }

    /// A code that shows that somebody reads mail at the address of their account is to go there. Does it? Not where
    /// enough letters went that nobody has shown to read.
    pub(crate) async fn mail_code_verify(&self, user: &User) -> Result<bool, Failure> {
        let is_admitted = self.unread_mailbox_admits(&user.email).await?;
        if is_admitted {
            self.mail_code_issue(Purpose::VerifyEmail, Some(user.id), user.email.clone()).await?;
        }
        Ok(is_admitted)
    }

    /// May one more letter go to a mailbox that nobody has shown to read?
    async fn unread_mailbox_admits(&self, email: &Email) -> Result<bool, Failure> {
        self.throttle_admits(&unread_mailbox(email), TO_UNREAD_MAILBOX).await
    }

    /// Keep a code. If it takes the place of an address, `former` is that.
    async fn mail_code_keep(&self, change: Change<MailCode>, former: Option<Email>) -> Result<MailCode, Failure> {
        let code = MailCode { former, ..self.settle(change).await? };
        self.mail_code_write(&code).await?;
        Ok(code)
    }

    /// What the caller is about to do takes a fresh proof of who they are. Whoever acts without a
    /// session has none.
    pub(crate) async fn must_be_proved(&self, call: &Call) -> Result<(), Failure> {
        if self.is_proved(call).await? { Ok(()) } else { Err(Refusal::REAUTHENTICATE.into()) }
    }

    /// The same for what somebody does to what is another's. To one's own it takes none, and Rabta itself gives none.
    pub(crate) async fn must_be_proved_unless_own(&self, call: &Call, whose: UserId) -> Result<(), Failure> {
        match self.actor().user() {
            Some(user) if user != whose => self.must_be_proved(call).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Did the caller prove who they are a short while ago?
    pub(crate) async fn is_proved(&self, call: &Call) -> Result<bool, Failure> {
        let Some(session) = call.session else { return Ok(false) };
        let session = self.session(session).await?.filter(|session| Some(session.user) == call.actor.user());
        Ok(session.is_some_and(|session| session.must_be_proved(self.now()).is_ok()))
    }

    /// The password that was proved must still be the one: another may have been set meanwhile.
    pub(crate) async fn password_must_be(&self, user: UserId, proved: Option<&str>, path: &str) -> Result<(), Failure> {
        let wrong = || Refusal::field(path, "WRONG", "is not your password");
        let proved = proved.ok_or_else(wrong)?;
        if self.password_is(user, proved).await? { Ok(()) } else { Err(wrong().into()) }
    }

    /// Is this still the hash of the person's password?
    pub(crate) async fn password_is(&self, user: UserId, hash: &str) -> Result<bool, Failure> {
        let select = sql("select hash from passwords where user_id = $1", [user.uuid().into()]);
        let found = Hash::find_by_statement(select).one(self.conn()).await?;
        Ok(found.is_some_and(|found| found.hash == hash))
    }

    /// Refuse one more code for a person, whose row is locked, if there were enough of them lately. Here,
    /// and not before the transaction: a request that is repeated asks for no further letter.
    async fn mail_codes_count(&self, user: UserId) -> Result<(), Failure> {
        let select = sql(
            "select count(*) filter (where created_at > $2) as within_hour, count(*) as within_day from mail_codes
             where user_id = $1 and created_at > $3 and purpose <> 'reset_password'",
            [user.uuid().into(), (self.now() - CODES.within).into(), (self.now() - CODES_A_DAY.within).into()],
        );
        let found = Lately::find_by_statement(select).one(self.conn()).await?;
        let (within_hour, within_day) = found.map_or((0, 0), |found| (found.within_hour, found.within_day));
        CODES.refuse_over(within_hour + 1, CODES.within)?;
        CODES_A_DAY.refuse_over(within_day + 1, CODES_A_DAY.within)
    }

    /// No code that is on its way works any more, but those that only verify the address.
    pub(crate) async fn mail_codes_end(&self, user: UserId) -> Result<(), Failure> {
        let end = sql(
            "update mail_codes set expires_at = $2
             where user_id = $1 and used_at is null and expires_at > $2 and purpose <> 'verify_email'",
            [user.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(end).await?;
        Ok(())
    }

    async fn mail_code_for_update(&self, id: MailCodeId) -> Result<Option<MailCode>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(MailCode::try_from).transpose()?)
    }

    async fn mail_code_write(&self, code: &MailCode) -> Result<(), Failure> {
        let MailCode { id, purpose, user, email, former, created_at, expires_at, used_at } = code.clone();
        let row = row::Model {
            id: id.uuid(),
            purpose: purpose.as_str().to_owned(),
            user_id: user.map(Id::uuid),
            email: email.to_string(),
            former: former.map(|email| email.to_string()),
            created_at,
            expires_at,
            used_at,
        };
        save_row(self.conn(), row).await
    }
}

impl TryFrom<row::Model> for MailCode {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let bad = |error: domain::user::BadName| Fault::bad_row("mail_codes", error);
        Ok(Self {
            id: MailCodeId::from_uuid(row.id),
            purpose: row.purpose.parse().map_err(|error| Fault::bad_row("mail_codes", error))?,
            user: row.user_id.map(UserId::from_uuid),
            email: row.email.parse().map_err(bad)?,
            former: row.former.map(|email| email.parse()).transpose().map_err(bad)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    }
}

pub(crate) mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "mail_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub purpose: String,
        pub user_id: Option<Uuid>,
        pub email: String,
        pub former: Option<String>,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
