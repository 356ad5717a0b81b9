//! The second proof beside the password.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::id::UserId;
use infra::second_factor::Enrollment;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::user::{User, Viewer};
use crate::user_error::{Answer, answer, payload, top_level};

/// What an authenticator app is set up with. It is shown once; nothing of it is in force before
/// `secondFactorConfirm`.
#[derive(Debug, SimpleObject)]
pub struct SecondFactorEnrollment {
    /// The secret in base 32, for those who type it.
    secret: String,
    /// The same as an `otpauth:` address: show it as a QR code.
    uri: String,
}

impl From<Enrollment> for SecondFactorEnrollment {
    fn from(Enrollment { secret, uri }: Enrollment) -> Self {
        Self { secret, uri }
    }
}

/// How your second factor stands.
#[derive(Debug, SimpleObject)]
pub struct SecondFactor {
    /// Does signing in take a code of an authenticator app?
    is_on: bool,
    /// How many recovery codes are left.
    recovery_codes_left: i64,
}

/// The signed-in person's second factor.
#[derive(Debug)]
pub struct SecondFactorViewer;

#[Object]
impl SecondFactorViewer {
    /// How your second factor stands.
    async fn second_factor(&self, ctx: &Context<'_>) -> async_graphql::Result<SecondFactor> {
        let found = ctx.market().second_factor_of_viewer(&ctx.call()).await.map_err(top_level)?;
        let infra::second_factor::SecondFactor { is_on, recovery_codes_left } = found;
        Ok(SecondFactor { is_on, recovery_codes_left })
    }
}

/// Asks for a secret for an authenticator app.
#[derive(Default, InputObject)]
pub struct SecondFactorEnrollInput {
    /// How the app shall name the account, 1 to 100 characters; your email if left out.
    pub label: Option<String>,
}

/// The first code of an authenticator app.
#[derive(InputObject)]
pub struct SecondFactorConfirmInput {
    /// The code that the app shows now.
    pub code: String,
}

/// Does without a second factor.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SecondFactorRemoveInput {
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Whose second factor is done away with.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SecondFactorResetInput {
    /// The person.
    pub user_id: Key<UserId>,
    /// How you know that it is them who ask, 1 to 500 characters; kept in the audit log.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Asks for new recovery codes.
#[derive(InputObject)]
pub struct RecoveryCodesRenewInput {
    /// The code that your authenticator app shows now.
    pub code: String,
}

payload! {
    /// The answer to `secondFactorEnroll`.
    SecondFactorEnrollPayload {
        /// What to set up the app with.
        enrollment: SecondFactorEnrollment
    }
}
payload! {
    /// The answer to `secondFactorConfirm`.
    SecondFactorConfirmPayload {
        /// Ten codes for when the app is gone, each good for once. They are shown here and never again.
        recovery_codes: Vec<String>
    } and viewer
}
payload! {
    /// The answer to `secondFactorRemove`.
    SecondFactorRemovePayload {
        /// You, as you are now.
        viewer: Viewer
    }
}
payload! {
    /// The answer to `secondFactorReset`.
    SecondFactorResetPayload {
        /// The person.
        user: User
    }
}
payload! {
    /// The answer to `recoveryCodesRenew`.
    RecoveryCodesRenewPayload {
        /// Ten codes for when the app is gone, each good for once. They are shown here and never again.
        recovery_codes: Vec<String>
    } and viewer
}

/// Setting up a second factor, and doing without. All of it takes a fresh proof of who you are.
#[derive(Debug, Default)]
pub struct SecondFactorMutation;

#[Object]
impl SecondFactorMutation {
    /// Get a secret for an authenticator app. Asked for again, the new one takes the place of the last.
    async fn second_factor_enroll(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] input: SecondFactorEnrollInput,
    ) -> Answer<SecondFactorEnrollPayload> {
        let outcome = async { ctx.market().second_factor_enroll(&ctx.call_to_act()?, input.label.as_deref()).await };
        answer(outcome.await.map(SecondFactorEnrollment::from))
    }

    /// Show that the app is set up: from now on signing in takes its code.
    async fn second_factor_confirm(
        &self,
        ctx: &Context<'_>,
        input: SecondFactorConfirmInput,
    ) -> Answer<SecondFactorConfirmPayload> {
        answer(async { ctx.market().second_factor_confirm(&ctx.call_to_act()?, &input.code).await }.await)
    }

    /// Sign in with the password alone again. The recovery codes are forgotten.
    async fn second_factor_remove(
        &self,
        ctx: &Context<'_>,
        input: SecondFactorRemoveInput,
    ) -> Answer<SecondFactorRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().second_factor_remove(&call).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// For admins: somebody has lost their authenticator app, the recovery codes and every passkey. Once you know that it
    /// is them, signing in takes their password alone again; they are told by mail. Not for our own people.
    async fn second_factor_reset(
        &self,
        ctx: &Context<'_>,
        input: SecondFactorResetInput,
    ) -> Answer<SecondFactorResetPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().second_factor_reset(&call, input.user_id.0, &input.reason).await
        };
        answer(outcome.await.map(User))
    }

    /// Get new recovery codes in place of the old ones.
    async fn recovery_codes_renew(
        &self,
        ctx: &Context<'_>,
        input: RecoveryCodesRenewInput,
    ) -> Answer<RecoveryCodesRenewPayload> {
        answer(async { ctx.market().recovery_codes_renew(&ctx.call_to_act()?, &input.code).await }.await)
    }
}
