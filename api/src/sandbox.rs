//! What only a sandbox can do.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::PaymentId;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::key::Key;
use crate::payment::Payment;
use crate::user::Viewer;
use crate::user_error::{Answer, answer, payload};

/// How much time passes.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SandboxTimePassInput {
    /// In hours, 1 to 4,800.
    pub hours: i32,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// What the bank says.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SandboxBankAnswerInput {
    /// The payment, which must require action.
    pub payment_id: Key<PaymentId>,
    /// Does the bank take you for who you say you are?
    pub passes: bool,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Takes a letter for read.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct SandboxEmailVerifyInput {
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `sandboxEmailVerify`.
    SandboxEmailVerifyPayload {
        /// You.
        viewer: Viewer
    }
}

payload! {
    /// The answer to `sandboxBankAnswer`.
    SandboxBankAnswerPayload {
        /// The payment, as it was: what the bank said is told in a moment.
        payment: Payment
    }
}

payload! {
    /// The answer to `sandboxTimePass`.
    SandboxTimePassPayload {
        /// What time it is now, in the sandbox.
        now: Timestamp
    }
}

/// The clock that deadlines are held against.
#[derive(Debug, Clone, SimpleObject)]
pub struct Clock {
    /// What time it is by it. Count down to deadlines from here: the clock of a device may be wrong, and that of a
    /// sandbox is ahead once time was let pass.
    pub now: Timestamp,
    /// Is it a sandbox's, in which `sandboxTimePass` lets time pass?
    pub is_sandbox: bool,
}

/// What time it is.
#[derive(Debug, Default)]
pub struct SandboxQuery;

#[Object]
impl SandboxQuery {
    /// The clock that deadlines are held against.
    async fn clock(&self, ctx: &Context<'_>) -> Option<Clock> {
        let clock = ctx.market().clock();
        Some(Clock { now: clock.now(), is_sandbox: clock.can_be_moved() })
    }
}

/// What can be done in a sandbox.
#[derive(Debug, Default)]
pub struct SandboxMutation;

#[Object]
impl SandboxMutation {
    /// Let time pass, with all that comes due on the way: holds end, silence approves, offers
    /// expire. Only in a sandbox; elsewhere it is refused with `NOT_A_SANDBOX`. Access tokens
    /// expire too: refresh yours.
    async fn sandbox_time_pass(
        &self,
        ctx: &Context<'_>,
        input: SandboxTimePassInput,
    ) -> Answer<SandboxTimePassPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().sandbox_time_pass(&call, i64::from(input.hours)).await
        };
        answer(outcome.await)
    }

    /// Take the code of your letter for read, and your address for verified, as `emailVerify` does. Only in a sandbox
    /// whose letters go nowhere; elsewhere it is refused with `NOT_A_SANDBOX`.
    async fn sandbox_email_verify(
        &self,
        ctx: &Context<'_>,
        input: SandboxEmailVerifyInput,
    ) -> Answer<SandboxEmailVerifyPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().sandbox_email_verify(&call).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// Be the bank of the card `pm_sandbox_3ds`, which wants to see you first: outside of a sandbox the
    /// processor's page does this with the payment's `clientSecret`.
    async fn sandbox_bank_answer(
        &self,
        ctx: &Context<'_>,
        input: SandboxBankAnswerInput,
    ) -> Answer<SandboxBankAnswerPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().sandbox_bank_answer(&call, input.payment_id.0, input.passes).await.map(Payment)
        };
        answer(outcome.await)
    }
}
