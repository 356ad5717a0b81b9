//! Letters about an account: the codes, and what its person is told of its safety.

use domain::account::{MailCode, Purpose, SafetyAct};
use domain::id::{Id, MailCodeId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{SEALED_FOR, row};
use crate::mail::Letter;
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::passkey::names_of;
use crate::user::row as user_row;
use crate::{Call, Failure};

/// What to do who did not ask for it.
const NOT_ME: &str = "If that was not you, set another password at once and end all sessions.";

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
        Ok(self.mail().send(letter).await?)
    }

    /// Tell the person what was done to the safety of their account.
    pub(crate) async fn safety_act_tell(
        &self,
        occurrence: &Occurrence,
        user: UserId,
        act: SafetyAct,
    ) -> Result<(), Failure> {
        let found = self.users_by_id(&Call::system("letter"), &[user]).await?;
        let Some(user) = found.into_iter().next() else { return Ok(()) };
        let what = match act {
            SafetyAct::PasswordChanged => "Your password was changed. Your other sessions have ended.",
            SafetyAct::PasswordReset => {
                "Your password was set anew with a code that was sent to this address. All sessions have ended."
            }
            SafetyAct::AccountTakenOver => {
                "Your password was set anew with a code that was sent to this address. All sessions have ended. Nobody \
                 had shown before that the address is theirs, so what somebody may have set up with it is gone: \
                 second factors, members and invitations of your organizations, and accounts to be paid at."
            }
            SafetyAct::SecondFactorSet => "Signing in takes a code of your authenticator app from now on.",
            SafetyAct::SecondFactorRemoved => "Signing in takes no code of an authenticator app any more.",
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
        };
        let passkeys = match act {
            SafetyAct::PasswordChanged | SafetyAct::PasswordReset | SafetyAct::AccountTakenOver => {
                passkeys(&names_of(self.db(), user.id).await?)
            }
            _ => String::new(),
        };
        let text = format!("{what}{passkeys}\r\n\r\n{NOT_ME}");
        let subject = "About the safety of your account at Rabta".to_owned();
        Ok(self.mail().send(Letter { id: occurrence.id, to: user.email.to_string(), subject, text }).await?)
    }

    /// Tell whoever reads mail at the address that an account had before.
    pub(crate) async fn email_change_tell(&self, occurrence: &Occurrence, id: MailCodeId) -> Result<(), Failure> {
        let Some(code) = self.mail_code_find(id).await? else { return Ok(()) };
        let Some(former) = code.former else { return Ok(()) };
        let text = format!(
            "Your account at Rabta has another address from now on, and letters go there. If that was not you, \
             write to us at once.\r\n\r\n{NOT_ME}"
        );
        let subject = "About the safety of your account at Rabta".to_owned();
        Ok(self.mail().send(Letter { id: occurrence.id, to: former.to_string(), subject, text }).await?)
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

/// What else opens an account whose password was set.
fn passkeys(names: &[String]) -> String {
    if names.is_empty() {
        return " No passkey opens your account.".to_owned();
    }
    let named: Vec<String> = names.iter().map(|name| format!("  - {name}\r\n")).collect();
    format!("\r\n\r\nThese passkeys still open your account, without the password:\r\n\r\n{}", named.concat())
}
