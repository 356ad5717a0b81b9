//! Keeping an account: its address, its password, and proofs of who its person is.

use async_graphql::{Context, InputObject, Json, Object, SimpleObject};
use domain::Timestamp;
use domain::id::UserId;
use infra::account::PasswordReset;
use serde::Serialize;

use crate::context::{RabtaContext, look_again};
use crate::key::Key;
use crate::session::Session;
use crate::user::{User, Viewer};
use crate::user_error::{Answer, Payload, UserError, answer, payload};

/// What proves who you are.
#[derive(InputObject)]
pub struct ReauthenticateInput {
    /// Your password.
    pub password: String,
    /// With a second factor: the code of the authenticator app, or a recovery code.
    pub code: Option<String>,
}

/// Asks for another letter.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct EmailVerifyRequestInput {
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The code of a letter.
#[derive(InputObject)]
pub struct EmailVerifyInput {
    /// The code, as it stands in the letter.
    pub code: String,
}

/// Whose password is lost.
#[derive(InputObject)]
pub struct PasswordResetRequestInput {
    /// The email of the account.
    pub email: String,
}

/// Another password, and the code that lets you set it.
#[derive(InputObject)]
pub struct PasswordResetInput {
    /// The code, as it stands in the letter.
    pub code: String,
    /// 10 to 512 characters of any kind; what everybody tries first is not taken.
    pub new_password: String,
    /// Shall your passkeys open the account no more? Keep them only if you know each of them for yours: whoever got at
    /// your password may have added one.
    #[graphql(default = true)]
    pub remove_passkeys: bool,
}

/// Another password.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PasswordChangeInput {
    /// The password you have now.
    pub current_password: String,
    /// 10 to 512 characters of any kind; what everybody tries first is not taken.
    pub new_password: String,
    /// Shall your passkeys open the account no more? They stay unless you say so; `viewer.passkeys` lists them.
    #[graphql(default)]
    pub remove_passkeys: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Another address.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct EmailChangeRequestInput {
    /// Where mail shall go, and what you will sign in with.
    pub email: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// The code of the letter to the new address.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct EmailChangeInput {
    /// The code, as it stands in the letter.
    pub code: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Whose account is given back.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct EmailRestoreInput {
    /// The person.
    pub user_id: Key<UserId>,
    /// The address that the account had, in the last 30 days.
    pub email: String,
    /// How you know whose the account is, 1 to 500 characters; kept in the audit log.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `reauthenticate`.
    ReauthenticatePayload {
        /// The session in which you have proved who you are.
        session: Session
    }
}
payload! {
    /// The answer to `emailVerifyRequest`.
    EmailVerifyRequestPayload {
        /// You.
        viewer: Viewer
    }
}
payload! {
    /// The answer to `emailVerify`.
    EmailVerifyPayload {
        /// The address that is verified.
        email: String
    } and viewer
}
payload! {
    /// The answer to `passwordResetRequest`: the same whether or not there is an account.
    PasswordResetRequestPayload {
        /// Until when the code of the letter would work.
        expires_at: Timestamp
    }
}
/// The answer to `passwordReset`.
#[derive(Debug, SimpleObject)]
pub struct PasswordResetPayload {
    /// How many sessions were ended: all there were. Sign in with the new password.
    pub ended_count: Option<i64>,
    /// How many passkeys were removed.
    pub passkeys_removed_count: Option<i64>,
    /// The names of the passkeys that still open the account.
    pub passkeys_left: Option<Vec<String>>,
    /// Why nothing was changed; empty when it was.
    pub errors: Vec<UserError>,
}

impl Payload for PasswordResetPayload {
    type Object = PasswordReset;
    fn of(reset: Option<PasswordReset>, errors: Vec<UserError>) -> Self {
        let Some(PasswordReset { ended, passkeys_removed, passkeys_left }) = reset else {
            return Self { ended_count: None, passkeys_removed_count: None, passkeys_left: None, errors };
        };
        Self {
            ended_count: Some(ended),
            passkeys_removed_count: Some(passkeys_removed),
            passkeys_left: Some(passkeys_left),
            errors,
        }
    }
}
payload! {
    /// The answer to `passwordChange`.
    PasswordChangePayload {
        /// You, as you are now.
        viewer: Viewer
    }
}
payload! {
    /// The answer to `emailChangeRequest`: the same whether or not the address is somebody's.
    EmailChangeRequestPayload {
        /// Until when the code of the letter would work.
        expires_at: Timestamp
    }
}
payload! {
    /// The answer to `emailChange`.
    EmailChangePayload {
        /// You, as you are now.
        viewer: Viewer
    }
}

payload! {
    /// The answer to `emailRestore`.
    EmailRestorePayload {
        /// The person.
        user: User
    }
}

/// Which of what is kept of you.
#[derive(InputObject)]
pub struct AccountExportInput {
    /// Names of parts of the export, like `account` or `payouts`; all of them if left out.
    pub parts: Option<Vec<String>>,
}

/// The end of an account.
#[derive(InputObject)]
pub struct AccountEraseInput {
    /// The email of your account, typed once more.
    pub confirm_email: String,
}

payload! {
    /// The answer to `accountExport`.
    AccountExportPayload {
        /// All that is kept of you, a list of rows for each part. Rows are as they are kept, amounts in
        /// minor units. Of each kind there are the newest 10,000; a part that is longer says so.
        export: Json<serde_json::Value>
    }
}
payload! {
    /// The answer to `accountErase`.
    AccountErasePayload {
        /// When it was.
        erased_at: Timestamp
    }
}

/// Keeping an account.
#[derive(Debug, Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Prove once more who you are. For 15 minutes, acts on the safety of the account and on who gets
    /// money are taken in this session, and for 12 hours those with money of every day, like funding and
    /// approving. Signing in is such a proof, too; refreshing a session is none. `passkeyProve` does the same
    /// with a passkey.
    async fn reauthenticate(&self, ctx: &Context<'_>, input: ReauthenticateInput) -> Answer<ReauthenticatePayload> {
        let ReauthenticateInput { password, code } = &input;
        let proved = ctx.market().reauthenticate(&ctx.call(), password, code.as_deref()).await;
        if let Ok(session) = &proved {
            ctx.caller().has_proved(session.proved_at);
        }
        answer(proved.map(Session))
    }

    /// Get another letter with a code for `emailVerify`, if your address is not verified yet.
    async fn email_verify_request(
        &self,
        ctx: &Context<'_>,
        input: EmailVerifyRequestInput,
    ) -> Answer<EmailVerifyRequestPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().email_verify_request(&call).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// Show with the code of a letter that you read mail at your address, signed in to the account it is for: anybody can
    /// sign up with anybody's address, and who reads the mail must not answer for an account that is not theirs.
    async fn email_verify(&self, ctx: &Context<'_>, input: EmailVerifyInput) -> Answer<EmailVerifyPayload> {
        answer(ctx.market().email_verify(&ctx.call(), &input.code).await.map(|email| email.to_string()))
    }

    /// Get a letter with a code for `passwordReset`. The answer is the same whether or not there is an
    /// account with this address.
    async fn password_reset_request(
        &self,
        ctx: &Context<'_>,
        input: PasswordResetRequestInput,
    ) -> Answer<PasswordResetRequestPayload> {
        answer(ctx.market().password_reset_request(&ctx.call(), &input.email, &ctx.caller().device).await)
    }

    /// Set another password with the code of a letter. All sessions end at once, and no passkey opens the account any more
    /// unless you say that they stay. A second factor stays: signing in will ask for it.
    async fn password_reset(&self, ctx: &Context<'_>, input: PasswordResetInput) -> Answer<PasswordResetPayload> {
        let PasswordResetInput { code, new_password, remove_passkeys } = &input;
        let device = &ctx.caller().device;
        let outcome = ctx.market().password_reset(&ctx.call(), code, new_password, *remove_passkeys, device).await;
        if outcome.is_ok() {
            // It may have been the password of whoever is signed in.
            look_again(ctx).await;
        }
        answer(outcome)
    }

    /// Set another password, knowing the old one. Your other sessions end at once. With a second factor it takes a fresh
    /// proof of who you are.
    async fn password_change(&self, ctx: &Context<'_>, input: PasswordChangeInput) -> Answer<PasswordChangePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let PasswordChangeInput { current_password, new_password, remove_passkeys, .. } = &input;
            ctx.market().password_change(&call, current_password, new_password, *remove_passkeys).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// Get a letter with a code for `emailChange` at the address you want. Takes a fresh proof of who you
    /// are.
    async fn email_change_request(
        &self,
        ctx: &Context<'_>,
        input: EmailChangeRequestInput,
    ) -> Answer<EmailChangeRequestPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().email_change_request(&call, &input.email).await
        };
        answer(outcome.await)
    }

    /// Make the address that the code went to the address of your account. The old address is told.
    async fn email_change(&self, ctx: &Context<'_>, input: EmailChangeInput) -> Answer<EmailChangePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().email_change(&call, &input.code).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// For admins: somebody took an account over and changed its address. Once you know whose it is, it has the address
    /// back that it had; all sessions end, and password and passkeys open it no more: who reads the mail there sets another
    /// password. A second factor stays: `secondFactorReset` does away with one that is not theirs. Both addresses are told,
    /// and a mistake is undone by giving the other one back. Not for our own people.
    async fn email_restore(&self, ctx: &Context<'_>, input: EmailRestoreInput) -> Answer<EmailRestorePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().email_restore(&call, input.user_id.0, &input.email, &input.reason).await
        };
        answer(outcome.await.map(User))
    }

    /// Get all that is kept of you as one document. Takes a fresh proof of who you are.
    async fn account_export(&self, ctx: &Context<'_>, input: AccountExportInput) -> Answer<AccountExportPayload> {
        let outcome = async { ctx.market().account_export(&ctx.call_to_act()?, input.parts.as_deref()).await };
        answer(outcome.await.map(Json))
    }

    /// Erase your account for good: your name, address, profile, bank accounts and sign-ins. What binds
    /// others (contracts, reviews, the books) stays, and knows you by your id only. Everything that is
    /// under way has to end first. Takes a fresh proof of who you are.
    async fn account_erase(&self, ctx: &Context<'_>, input: AccountEraseInput) -> Answer<AccountErasePayload> {
        let outcome = async { ctx.market().account_erase(&ctx.call_to_act()?, &input.confirm_email).await }.await;
        if outcome.is_ok() {
            ctx.caller().is_out();
        }
        answer(outcome)
    }
}
