//! The second proof beside the password: an authenticator app's codes, each of which counts once,
//! and recovery codes for when the app is gone.

use chrono::TimeDelta;
use domain::account::SafetyAct;
use domain::change::Change;
use domain::event::Event;
use domain::id::{Id, UserId};
use domain::refusal::{Invalid, Refusal};
use domain::second_factor::{DIGITS, Proof, RECOVERY_CODES, second_factor_refused, second_factor_required};
use domain::user::{User, given_reason};
use sea_orm::{ConnectionTrait, FromQueryResult};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

use crate::market::Market;
use crate::session::once_is_enough;
use crate::sql::sql;
use crate::throttle::Allowance;
use crate::token::random;
use crate::{Call, Failure, Fault, Tx, run};

/// How apps name us.
const NAME: &str = "Rabta";

/// Wrong second proofs beside the right password: with the last of them their person is told.
const GUESSES_TOLD: Allowance = Allowance { attempts: 5, within: TimeDelta::days(1) };

/// What an app is set up with. It is shown once.
#[derive(Debug, Clone)]
pub struct Enrollment {
    /// The secret in base 32, to be typed.
    pub secret: String,
    /// The same as an `otpauth:` address, to be shown as a QR code.
    pub uri: String,
}

/// How a person's second proof stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct SecondFactor {
    /// Does signing in take one?
    pub is_on: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

#[derive(FromQueryResult)]
struct Kept {
    secret: Vec<u8>,
    is_on: bool,
    last_step: i64,
}

impl Market {
    /// A secret for an authenticator app. It counts once the app has shown a first code; until then
    /// another may be asked for, which takes its place.
    pub async fn second_factor_enroll(&self, call: &Call, label: Option<&str>) -> Result<Enrollment, Failure> {
        let id = call.actor.person()?.user;
        let mut invalid = Invalid::default();
        let label = label.map(|label| invalid.line("label", label, 1..=100));
        if label.as_ref().is_some_and(|label| label.contains(':')) {
            invalid.add("label", "MALFORMED", "can't hold a colon");
        }
        invalid.finish()?;
        let secret: [u8; 20] = random();
        let call = &once_is_enough(call);
        let user: User = run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.second_factor_set_check(call, &user).await?;
            // Else somebody who signed up with another's address could keep its owner out of it.
            user.must_read_mail()?;
            if tx.second_factor(id).await?.is_some_and(|kept| kept.is_on) {
                return Err(Refusal::rule("SECOND_FACTOR_ON", "Your app is set up. Remove it first to set up another.").into());
            }
            let sealed = self.vault().seal(&sealed_for(id), &Secret::from(secret).to_base32())?;
            let keep = sql(
                "insert into second_factors (user_id, secret, enrolled_at) values ($1, $2, $3)
                 on conflict (user_id) do update set secret = excluded.secret, enrolled_at = excluded.enrolled_at",
                [id.uuid().into(), sealed.into(), tx.now().into()],
            );
            tx.conn().execute_raw(keep).await?;
            Ok(user)
        })?;
        let builder = Builder::new().with_secret(secret.to_vec()).with_issuer(Some(NAME));
        let label = label.unwrap_or_else(|| user.email.to_string());
        let app = builder.with_account_name(label).build().map_err(fault)?;
        Ok(Enrollment { secret: app.secret().to_base32(), uri: app.to_url().map_err(fault)? })
    }

    /// The app has shown a first code: from now on signing in takes one. The recovery codes, which are
    /// shown once.
    pub async fn second_factor_confirm(&self, call: &Call, code: &str) -> Result<Vec<String>, Failure> {
        let id = call.actor.person()?.user;
        self.second_factor_throttle(id).await?;
        let codes = fresh_codes();
        let call = &once_is_enough(call);
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.second_factor_set_check(call, &user).await?;
            let kept = tx.second_factor(id).await?;
            let kept = kept.filter(|kept| !kept.is_on).ok_or_else(second_factor_refused)?;
            let Proof::App(code) = Proof::read(code) else { return Err(second_factor_refused().into()) };
            tx.second_factor_step(self, id, &kept, &code).await?;
            let on = sql("update second_factors set confirmed_at = $2 where user_id = $1", [id.uuid().into(), tx.now().into()]);
            tx.conn().execute_raw(on).await?;
            tx.recovery_codes_set(id, &codes).await?;
            tx.second_factor_tell(id, SafetyAct::SecondFactorSet).await?;
            Ok(())
        })?;
        Ok(codes)
    }

    /// Signing in takes the password alone again.
    pub async fn second_factor_remove(&self, call: &Call) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.second_factor_set_check(call, &user).await?;
            if tx.second_factor_forget(id).await? {
                tx.second_factor_tell(id, SafetyAct::SecondFactorRemoved).await?;
            }
            Ok(user)
        })
    }

    /// One of our people does away with the second proof of somebody who lost the app and the recovery codes.
    pub async fn second_factor_reset(&self, call: &Call, id: UserId, reason: &str) -> Result<User, Failure> {
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            domain::access::check(tx.actor(), domain::access::Verb::SecondFactorReset, &user.subject())?;
            let has_one = tx.has_second_factor(id).await?;
            let change = user.reset_second_factor(tx.actor(), has_one, reason)?;
            if change.changed {
                tx.second_factor_forget(id).await?;
                let detail = serde_json::json!({ "reason": given_reason(reason)? });
                tx.audit("second_factor_reset", id, detail).await?;
            }
            tx.settle(change).await
        })
    }

    /// New recovery codes in place of the old ones, for whoever has the app in their hands.
    pub async fn recovery_codes_renew(&self, call: &Call, code: &str) -> Result<Vec<String>, Failure> {
        let id = call.actor.person()?.user;
        self.second_factor_throttle(id).await?;
        let codes = fresh_codes();
        let call = &once_is_enough(call);
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.second_factor_set_check(call, &user).await?;
            let kept = tx.second_factor(id).await?;
            let kept = kept.filter(|kept| kept.is_on).ok_or_else(second_factor_refused)?;
            let Proof::App(code) = Proof::read(code) else { return Err(second_factor_refused().into()) };
            tx.second_factor_step(self, id, &kept, &code).await?;
            tx.recovery_codes_set(id, &codes).await?;
            tx.second_factor_tell(id, SafetyAct::RecoveryCodesRenewed).await?;
            Ok(())
        })?;
        Ok(codes)
    }

    /// What came of a right password that a second proof came with, unless that was wrong: then somebody may know the
    /// password who should not. Its person is told of that, once a day, when it happens again and again.
    pub(crate) async fn second_factor_watch<T>(
        &self,
        call: &Call,
        user: UserId,
        outcome: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let is_wrong = matches!(&outcome, Err(Failure::Refused(refusal)) if *refusal == second_factor_refused());
        if is_wrong {
            let ours = Call::system(call.trace.clone());
            let bucket = format!("second_factor_guessed:{user}");
            run!(self, &ours, tx => {
                if tx.throttle_fills(&bucket, GUESSES_TOLD).await? {
                    tx.second_factor_tell(user, SafetyAct::SecondFactorGuessed).await?;
                }
                Ok(())
            })?;
        }
        outcome
    }

    /// How many recovery codes a person has left.
    pub(crate) async fn recovery_codes_left(&self, user: UserId) -> Result<i64, Failure> {
        #[derive(FromQueryResult)]
        struct Left {
            count: i64,
        }
        let select = sql(
            "select count(*) as count from recovery_codes where user_id = $1 and used_at is null",
            [user.uuid().into()],
        );
        Ok(Left::find_by_statement(select).one(self.db()).await?.map_or(0, |left| left.count))
    }

    /// How the caller's second proof stands.
    pub async fn second_factor_of_viewer(&self, call: &Call) -> Result<SecondFactor, Failure> {
        let id = call.actor.person()?.user;
        let select = sql(
            "select exists (select from second_factors where user_id = $1 and confirmed_at is not null) as is_on,
                 (select count(*) from recovery_codes where user_id = $1 and used_at is null) as recovery_codes_left",
            [id.uuid().into()],
        );
        let found = SecondFactor::find_by_statement(select).one(self.db()).await?;
        Ok(found.unwrap_or(SecondFactor { is_on: false, recovery_codes_left: 0 }))
    }

    /// Does signing in take a second proof of this person?
    pub(crate) async fn has_second_factor(&self, user: UserId) -> Result<bool, Failure> {
        let select = sql(
            "select secret, true as is_on, last_step from second_factors where user_id = $1 and confirmed_at is not null",
            [user.uuid().into()],
        );
        Ok(Kept::find_by_statement(select).one(self.db()).await?.is_some())
    }

    /// One of the demo's people has an app, set up with the demo's secret.
    pub(crate) async fn second_factor_of_demo(&self, user: UserId) -> Result<(), Failure> {
        let sealed = self.vault().seal(&sealed_for(user), crate::demo::APP_SECRET)?;
        let keep = sql(
            "insert into second_factors (user_id, secret, enrolled_at, confirmed_at) values ($1, $2, $3, $3)",
            [user.uuid().into(), sealed.into(), self.clock().now().into()],
        );
        self.db().execute_raw(keep).await?;
        Ok(())
    }

    async fn second_factor_throttle(&self, user: UserId) -> Result<(), Failure> {
        let allowance = Allowance { attempts: 10, within: TimeDelta::minutes(15) };
        self.throttle(&format!("second_factor:{user}"), allowance).await
    }
}

impl Tx {
    /// Check the second proof that comes with a right password, if this person has one. A code of the
    /// app counts once, and so does a recovery code. The person's row is locked.
    pub(crate) async fn second_factor_check(
        &self,
        market: &Market,
        user: UserId,
        code: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(kept) = self.second_factor(user).await?.filter(|kept| kept.is_on) else { return Ok(()) };
        match Proof::read(code.ok_or_else(second_factor_required)?) {
            Proof::App(code) => self.second_factor_step(market, user, &kept, &code).await,
            Proof::Recovery(code) => {
                let mark = sql(
                    "update recovery_codes set used_at = $3 where hash = $1 and user_id = $2 and used_at is null",
                    [hash(user, &code).into(), user.uuid().into(), self.now().into()],
                );
                if self.conn().execute_raw(mark).await?.rows_affected() != 1 {
                    return Err(second_factor_refused().into());
                }
                self.second_factor_tell(user, SafetyAct::RecoveryCodeUsed).await
            }
        }
    }

    /// Does this person have a second proof?
    pub(crate) async fn has_second_factor(&self, user: UserId) -> Result<bool, Failure> {
        Ok(self.second_factor(user).await?.is_some_and(|kept| kept.is_on))
    }

    /// Forget a person's second proof and recovery codes; was there one that counted?
    pub(crate) async fn second_factor_forget(&self, user: UserId) -> Result<bool, Failure> {
        let codes = sql("delete from recovery_codes where user_id = $1", [user.uuid().into()]);
        self.conn().execute_raw(codes).await?;
        let forget =
            sql("delete from second_factors where user_id = $1 and confirmed_at is not null", [user.uuid().into()]);
        Ok(self.conn().execute_raw(forget).await?.rows_affected() == 1)
    }

    /// Forget all of a person's second proofs, those too that were never shown to work, and their passkeys.
    pub(crate) async fn second_factors_drop(&self, user: UserId) -> Result<(), Failure> {
        self.second_factor_forget(user).await?;
        for forget in ["delete from second_factors where user_id = $1", "delete from passkeys where user_id = $1"] {
            self.conn().execute_raw(sql(forget, [user.uuid().into()])).await?;
        }
        Ok(())
    }

    async fn second_factor_set_check(&self, call: &Call, user: &User) -> Result<(), Failure> {
        domain::access::check(self.actor(), domain::access::Verb::SecondFactorSet, &user.subject())?;
        self.must_be_proved(call).await
    }

    async fn second_factor(&self, user: UserId) -> Result<Option<Kept>, Failure> {
        let select = sql(
            "select secret, confirmed_at is not null as is_on, last_step from second_factors where user_id = $1 for update",
            [user.uuid().into()],
        );
        Ok(Kept::find_by_statement(select).one(self.conn()).await?)
    }

    /// Take a code of the app, if it fits and its step of time was not used before.
    async fn second_factor_step(&self, market: &Market, user: UserId, kept: &Kept, code: &str) -> Result<(), Failure> {
        let secret = market.vault().open(&sealed_for(user), &kept.secret)?;
        let secret = Secret::try_from_base32(secret).map_err(fault)?;
        let app: Totp = Builder::new().with_secret(secret).build().map_err(fault)?;
        let now = u64::try_from(market.clock().of_devices().timestamp()).unwrap_or(0);
        let step = app.check(code, now).and_then(|step| i64::try_from(step).ok());
        let step = step.filter(|step| *step > kept.last_step).ok_or_else(second_factor_refused)?;
        let used =
            sql("update second_factors set last_step = $2 where user_id = $1", [user.uuid().into(), step.into()]);
        self.conn().execute_raw(used).await?;
        Ok(())
    }

    async fn recovery_codes_set(&self, user: UserId, codes: &[String]) -> Result<(), Failure> {
        let old = sql("delete from recovery_codes where user_id = $1", [user.uuid().into()]);
        self.conn().execute_raw(old).await?;
        for code in codes {
            let Proof::Recovery(plain) = Proof::read(code) else { continue };
            let keep = sql(
                "insert into recovery_codes (hash, user_id, created_at) values ($1, $2, $3)",
                [hash(user, &plain).into(), user.uuid().into(), self.now().into()],
            );
            self.conn().execute_raw(keep).await?;
        }
        Ok(())
    }

    async fn second_factor_tell(&self, user: UserId, act: SafetyAct) -> Result<(), Failure> {
        self.audit("account_secured", user, serde_json::json!({ "act": act })).await?;
        self.settle(Change::to(()).telling(Event::AccountSecured { user, act })).await
    }
}

/// Codes that can't be guessed: 80 bits each, in letters and figures that nobody takes for each other.
fn fresh_codes() -> Vec<String> {
    let code = || {
        let letters = Secret::from(random::<10>().to_vec()).to_base32().to_lowercase();
        let groups: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|at| letters.get(*at..at + 4)).collect();
        groups.join("-")
    };
    std::iter::repeat_with(code).take(RECOVERY_CODES).collect()
}

/// What is kept of a recovery code. It is long and random, so a plain hash does; with the person's id
/// in it, two people's codes are never compared.
fn hash(user: UserId, code: &str) -> Vec<u8> {
    Sha256::digest(format!("{user} {code}")).to_vec()
}

pub(crate) fn sealed_for(user: UserId) -> String {
    format!("second factor {user}")
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::Crypto(format!("second factor of {DIGITS} digits: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_long_and_each_another() {
        let codes = fresh_codes();
        assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), RECOVERY_CODES);
        for code in codes {
            assert_eq!(code.len(), 19, "{code}");
            assert!(matches!(Proof::read(&code.to_uppercase()), Proof::Recovery(plain) if plain.len() == 16));
        }
    }
}
