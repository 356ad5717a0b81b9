//! Letters about an account: the codes, and what its person is told of its safety.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::account::{MailCode, Purpose, SafetyAct};
use domain::id::{Id, MailCodeId, PayoutMethodId, SessionId, UserId};
use domain::user::User;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{SEALED_FOR, row};
use crate::mail::Letter;
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::passkey::names_of;
use crate::sql::sql;
use crate::throttle::Allowance;
use crate::user::row as user_row;
use crate::whereabouts::{device_name, place};
use crate::{Call, Failure, run};

/// What to do who did not ask for it.
const NOT_ME: &str = "If that was not you, set another password at once and end all sessions.";
/// What they are told about.
const OF_SAFETY: &str = "About the safety of your account at Rabta";
/// What they are told of a sign-in from where they were not before.
const NEW_SIGN_IN: &str = "A new sign-in to your account at Rabta";

/// How many sign-ins somebody is told of: who has a password could have letters written without end, for others to go
/// under in them. Whoever has so many knows enough.
const SIGN_INS_TOLD: Allowance = Allowance { attempts: 10, within: TimeDelta::days(1) };

#[derive(FromQueryResult)]
struct Added {
    iban_last4: String,
}

impl Market {
    /// Send the code to its mailbox, unless it is nobody's, was used, or is over.
    pub(crate) async fn mail_code_send(&self, occurrence: &Occurrence, id: MailCodeId) -> Result<(), Failure> {
        let Some(code) = self.mail_code_find(id).await? else { return Ok(()) };
        let now = self.clock().now();
        let (Some(_), None, true) = (code.user, code.used_at, now < code.expires_at) else { return Ok(()) };
        let until = code.expires_at.format("%Y-%m-%d %H:%M");
        let sealed = self.keys().seal(SEALED_FOR, &id.to_string());
        let with_code = |asked: &str, otherwise: &str| {
            format!("{asked} Use this code until {until} UTC; it works once:\r\n\r\n{sealed}\r\n\r\n{otherwise}")
        };
        let (subject, text) = match code.purpose {
            Purpose::VerifyEmail => (
                "Is this your address?",
                with_code(
                    "Somebody signed up to Rabta with this address. If that was you, sign in there.",
                    "If that was not you, do nothing: without this code nobody uses your address. To have the account \
                     yourself, ask for another password; what was set up with it before is then gone.",
                ),
            ),
            Purpose::ResetPassword => (
                "Another password for Rabta",
                with_code(
                    "Somebody asked for another password for your account at Rabta.",
                    "If that was not you, do nothing: your password stays as it is.",
                ),
            ),
            Purpose::ChangeEmail if self.is_taken(&code).await? => (
                "You have an account already",
                "Somebody wanted to use this address for their account at Rabta. There is an account with it \
                 already, so nothing was changed. Sign in with it, or ask for another password."
                    .to_owned(),
            ),
            Purpose::ChangeEmail => (
                "Your new address at Rabta",
                with_code(
                    "Somebody wants to use this address for their account at Rabta.",
                    "If that was not you, do nothing.",
                ),
            ),
        };
        let letter = Letter { id: occurrence.id, to: code.email.to_string(), subject: subject.to_owned(), text };
        Ok(self.mail().send(letter, self.clock().now()).await?)
    }

    /// Tell the person what was done to the safety of their account.
    pub(crate) async fn safety_act_tell(
        &self,
        occurrence: &Occurrence,
        user: UserId,
        act: SafetyAct,
    ) -> Result<(), Failure> {
        let Some(user) = self.reader_find(user).await? else { return Ok(()) };
        let what = match act {
            SafetyAct::PasswordChanged => "Your password was changed. Your other sessions have ended.",
            SafetyAct::PasswordReset => {
                "Your password was set anew with a code that was sent to this address. All sessions have ended."
            }
            SafetyAct::AccountTakenOver => {
                "Your password was set anew with a code that was sent to this address. All sessions have ended. Nobody \
                 had shown before that the address is theirs, so what somebody may have set up with it is gone: \
                 second factors, members, invitations and webhook endpoints of your organizations, and accounts to be \
                 paid at."
            }
            SafetyAct::EmailRestored => {
                "The address of your account was changed back to this one by our people. All sessions have ended, and \
                 neither a password nor a passkey opens the account: ask for another password with this address, and \
                 then look at who belongs to your companies, where their webhooks go, where you are paid, and at the \
                 second factor. If you are asked for a code of an app that is not yours, answer this letter."
            }
            SafetyAct::SecondFactorSet => "Signing in takes a code of your authenticator app from now on.",
            SafetyAct::SecondFactorRemoved => "Signing in takes no code of an authenticator app any more.",
            SafetyAct::SecondFactorReset => {
                "Signing in takes no code of an authenticator app any more: that was done by one of our people, because \
                 you had lost it. Sign in with your password, and set up another app."
            }
            SafetyAct::SecondFactorGuessed => {
                "Somebody who knows your password has tried to sign in, and gave a wrong code of your authenticator app \
                 again and again. They were not let in."
            }
            SafetyAct::RecoveryCodeUsed => "One of your recovery codes was used. It does not work again.",
            SafetyAct::RecoveryCodesRenewed => "You have new recovery codes. The old ones work no more.",
            SafetyAct::PasskeyAdded => {
                "A passkey was added to your account. Whoever has its device signs in without your password: if \
                 that is not you, remove the passkey, too."
            }
            SafetyAct::PasskeyRemoved => "A passkey of yours was removed. It does not sign you in any more.",
            SafetyAct::PasskeyCopied => {
                "One of your passkeys was refused, because it looks as if there were a copy of it. Remove it, and \
                 add another."
            }
            SafetyAct::WebhookEndpointSet => {
                "A company that you look after has a webhook endpoint at a new address, or one for which a new secret \
                 signs. Whoever is there is told what happens to the company's gigs, contracts and payments. If none of \
                 its owner and admins did that, delete the endpoint, too."
            }
            SafetyAct::WebhookKeeperLeft => {
                "Somebody who looked after the webhook endpoints of a company of yours does so no more. The endpoints go \
                 on as they are: look whether all of their addresses are yours, delete those that are not, and have new \
                 secrets sign for the others."
            }
        };
        let more = match act {
            SafetyAct::PasswordChanged
            | SafetyAct::PasswordReset
            | SafetyAct::AccountTakenOver
            | SafetyAct::SecondFactorReset => passkeys(&names_of(self.db(), user.id).await?),
            SafetyAct::RecoveryCodeUsed => codes_left(self.recovery_codes_left(user.id).await?),
            _ => String::new(),
        };
        let text = format!("{what}{more}\r\n\r\n{NOT_ME}");
        let letter = Letter { id: occurrence.id, to: user.email.to_string(), subject: OF_SAFETY.to_owned(), text };
        Ok(self.mail().send(letter, self.clock().now()).await?)
    }

    /// Tell the person that they are signed in on a device, or in a country, that is new, if it is: a few times a day,
    /// and nobody at an address that may be somebody else's.
    pub(crate) async fn sign_in_tell(
        &self,
        occurrence: &Occurrence,
        session: SessionId,
        user: UserId,
    ) -> Result<(), Failure> {
        let Some(device) = self.whereabouts_if_new(session, user).await? else { return Ok(()) };
        let reader = self.reader_find(user).await?.filter(|reader| reader.email_verified_at.is_some());
        let Some(reader) = reader else { return Ok(()) };
        let bucket = format!("sign_in_told:{user}");
        if !self.throttle_has_room(&bucket, SIGN_INS_TOLD).await? {
            return Ok(());
        }
        let (name, place) = (device_name(&device), place(&device).unwrap_or("unknown"));
        let address = device.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        let at = occurrence.at.format("%Y-%m-%d %H:%M");
        let text = format!(
            "Somebody signed in to your account at Rabta on a device, or in a country, that is new to it:\r\n\r\n  \
             Device: {name}\r\n  Place: {place}\r\n  Address: {address}\r\n  Time: {at} UTC\r\n\r\n\
             If that was you, do nothing. {NOT_ME}"
        );
        let letter = Letter { id: occurrence.id, to: reader.email.to_string(), subject: NEW_SIGN_IN.to_owned(), text };
        self.mail().send(letter, self.clock().now()).await?;
        // What did not leave, and comes again, is counted once.
        let call = Call::system("letter");
        run!(self, &call, tx => { tx.throttle_admits(&bucket, SIGN_INS_TOLD).await })?;
        Ok(())
    }

    /// Tell the person that they may do nothing any more, or that they may do things again.
    pub(crate) async fn standing_tell(
        &self,
        occurrence: &Occurrence,
        user: UserId,
        is_suspended: bool,
    ) -> Result<(), Failure> {
        let Some(user) = self.reader_find(user).await? else { return Ok(()) };
        let (subject, text) = if is_suspended {
            (
                "Your account at Rabta is suspended",
                "Our people have suspended your account at Rabta. Your sessions have ended, and nobody can sign in to \
                 it. Your money stays yours: payouts that had not left wait.\r\n\r\nIf you think that this is a \
                 mistake, answer this letter.",
            )
        } else {
            (
                "Your account at Rabta is open again",
                "Your account at Rabta is no longer suspended. Sign in anew.\r\n\r\nPayouts that were held leave \
                 once our people have looked at them. Look at your contracts, too: their deadlines may have come closer.",
            )
        };
        let (to, subject, text) = (user.email.to_string(), subject.to_owned(), text.to_owned());
        Ok(self.mail().send(Letter { id: occurrence.id, to, subject, text }, self.clock().now()).await?)
    }

    /// Tell the person that there is one more bank account to be paid at, unless it is gone again.
    pub(crate) async fn payout_method_tell(
        &self,
        occurrence: &Occurrence,
        method: PayoutMethodId,
        user: UserId,
        usable_from: Timestamp,
    ) -> Result<(), Failure> {
        let select = "select iban_last4 from payout_methods where id = $1 and removed_at is null";
        let added = Added::find_by_statement(sql(select, [method.uuid().into()])).one(self.db()).await?;
        let (Some(Added { iban_last4 }), Some(user)) = (added, self.reader_find(user).await?) else { return Ok(()) };
        let from = usable_from.format("%Y-%m-%d %H:%M");
        let text = format!(
            "The bank account …{iban_last4} was added to your account at Rabta. Money of yours can be paid out to it from \
             {from} UTC on. If that was not you, remove it before then.\r\n\r\n{NOT_ME}"
        );
        let letter = Letter { id: occurrence.id, to: user.email.to_string(), subject: OF_SAFETY.to_owned(), text };
        Ok(self.mail().send(letter, self.clock().now()).await?)
    }

    /// Tell whoever reads mail at the address that an account had before.
    pub(crate) async fn email_change_tell(&self, occurrence: &Occurrence, id: MailCodeId) -> Result<(), Failure> {
        let Some(code) = self.mail_code_find(id).await? else { return Ok(()) };
        let Some(former) = code.former else { return Ok(()) };
        let text = format!(
            "Your account at Rabta has another address from now on, and letters go there. If that was not you, \
             answer this letter at once, so that our people can suspend the account.\r\n\r\n{NOT_ME}"
        );
        let letter = Letter { id: occurrence.id, to: former.to_string(), subject: OF_SAFETY.to_owned(), text };
        Ok(self.mail().send(letter, self.clock().now()).await?)
    }

    /// The person, if there is somebody left to read a letter.
    async fn reader_find(&self, user: UserId) -> Result<Option<User>, Failure> {
        let found = self.users_by_id(&Call::system("letter"), &[user]).await?;
        Ok(found.into_iter().next().filter(|user| user.erased_at.is_none()))
    }

    async fn mail_code_find(&self, id: MailCodeId) -> Result<Option<MailCode>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(MailCode::try_from).transpose()?)
    }

    /// Has somebody an account with the address that the code is to bring?
    async fn is_taken(&self, code: &MailCode) -> Result<bool, Failure> {
        let select = user_row::Entity::find().filter(user_row::Column::Email.eq(code.email.as_str()));
        Ok(select.one(self.db()).await?.is_some())
    }
}

/// What else opens an account whose password was set, or whose second factor is gone.
fn passkeys(names: &[String]) -> String {
    if names.is_empty() {
        return " No passkey opens your account.".to_owned();
    }
    let named: Vec<String> = names.iter().map(|name| format!("  - {name}\r\n")).collect();
    format!("\r\n\r\nThese passkeys still open your account, without the password:\r\n\r\n{}", named.concat())
}

/// What to do as long as there is a recovery code, and what before there is none.
fn codes_left(left: i64) -> String {
    let left = match left {
        0 => "None is left.".to_owned(),
        1 => "One is left.".to_owned(),
        left => format!("{left} are left."),
    };
    format!(
        " {left} If you have your authenticator app, ask for new codes with it. If it is gone, remove it while you are \
         signed in, and set up another: without app and codes you can't sign in."
    )
}
