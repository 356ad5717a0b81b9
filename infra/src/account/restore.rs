//! Giving an account back to whoever had it, after somebody else took it over and changed its address.

use domain::access::{self, Verb};
use domain::account::MailCode;
use domain::id::{Id, MailCodeId, UserId};
use domain::refusal::{Invalid, Refusal};
use domain::session::Ending;
use domain::user::{Email, User, given_reason};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Tx, run};

#[derive(FromQueryResult)]
struct Had {
    had: bool,
}

impl Market {
    /// One of our people gives an account the address back that it had. Nothing that whoever took it over may know or have
    /// added opens it any more: sessions, password and passkeys are gone, and who reads the mail sets another password. The
    /// address that is left is told, and is one that the account had: whoever deceived us is undone in the same way.
    pub async fn email_restore(&self, call: &Call, id: UserId, email: &str, reason: &str) -> Result<User, Failure> {
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::EmailRestore, &user.subject())?;
            let mut invalid = Invalid::default();
            let email = Email::parse(&mut invalid, "email", email);
            invalid.finish()?;
            let had = tx.had_email(id, &email).await?;
            let (left, note): (Email, MailCodeId) = (user.email.clone(), tx.id());
            let change = user.restore_email(tx.actor(), email, had, note, reason)?;
            if change.changed {
                // Where they were says nothing of where the person is: it may have been the thief.
                let ended = tx.sessions_end(id, None, Ending::PasswordChanged).await?;
                let removed = tx.passkeys_drop(id).await?;
                tx.mail_codes_end(id).await?;
                let note = MailCode::restored(note, id, change.next.email.clone(), left, tx.now());
                tx.mail_code_write(&note).await?;
                tx.conn().execute_raw(sql("delete from passwords where user_id = $1", [id.uuid().into()])).await?;
                let detail = serde_json::json!({
                    "reason": given_reason(reason)?, "sessions_ended": ended, "passkeys_removed": removed,
                });
                tx.audit("email_restore", id, detail).await?;
            }
            tx.user_save(change).await.map_err(|failure| {
                failure.when_violated("users_email_key", || {
                    Refusal::rule(
                        "EMAIL_TAKEN",
                        "Somebody has signed up with this address since. Have whoever reads the mail there set another \
                         password for that account, and then erase it or change its address.",
                    )
                })
            })
        })
    }
}

impl Tx {
    /// Was this the person's address before another took its place? It is known for as long as codes of letters are kept.
    async fn had_email(&self, user: UserId, email: &Email) -> Result<bool, Failure> {
        let select = sql(
            "select exists (select from mail_codes where user_id = $1 and purpose = 'change_email'
                 and used_at is not null and former = $2) as had",
            [user.uuid().into(), email.as_str().into()],
        );
        Ok(Had::find_by_statement(select).one(self.conn()).await?.is_some_and(|found| found.had))
    }
}
