//! Passkeys: added, shown to sign in or to prove who one is, renamed and removed.

use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{CeremonyId, PasskeyId};
use infra::passkey::Asked;
use serde::Serialize;

use crate::connection::{connect, page};
use crate::context::RabtaContext;
use crate::key::Key;
use crate::session::{Session, SessionTokens, tokens};
use crate::user_error::{Answer, answer, payload};

/// A passkey of yours: a key in one of your devices that signs you in, instead of the password and of a
/// second factor.
#[derive(Debug, Clone)]
pub struct Passkey(pub domain::passkey::Passkey);

/// A passkey of yours: a key in one of your devices that signs you in, instead of the password and of a
/// second factor.
#[Object]
impl Passkey {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What you call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Since when it opens your account.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it was last used; null if it never was.
    async fn last_used_at(&self) -> Option<Timestamp> {
        self.0.last_used_at
    }

    /// Is it copied to other devices of yours, as password managers do? One that is not is gone with its
    /// device.
    async fn is_backed_up(&self) -> bool {
        self.0.credential.is_backed_up
    }
}

/// What to ask a browser for. It is answered once, right or wrong, within five minutes.
#[derive(Debug, SimpleObject)]
pub struct PasskeyCeremony {
    /// What the answer has to name.
    ceremony_id: ID,
    /// What `PublicKeyCredential.parseCreationOptionsFromJSON` takes, to add a passkey, and
    /// `parseRequestOptionsFromJSON`, to be shown one; what comes out goes into `navigator.credentials`.
    options: Json<serde_json::Value>,
    /// Until when it can be answered.
    expires_at: Timestamp,
}

impl From<Asked> for PasskeyCeremony {
    fn from(Asked { ceremony, options }: Asked) -> Self {
        Self { ceremony_id: ceremony.id.to_string().into(), options: Json(options), expires_at: ceremony.expires_at }
    }
}

/// The signed-in person's passkeys.
#[derive(Debug)]
pub struct PasskeyViewer;

#[Object]
impl PasskeyViewer {
    /// Your passkeys, the newest first. You can have 20.
    async fn passkeys(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Passkey>> {
        connect(ctx.market().passkeys_page(&ctx.call(), &page(first, after, last, before)).await, Passkey)
    }
}

/// What a passkey is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::passkey::Purpose")]
pub enum PasskeyPurpose {
    /// To be added to your account: `passkeyAdd`.
    Add,
    /// To sign in: `passkeySignIn`.
    SignIn,
    /// To prove once more who you are: `passkeyProve`.
    Prove,
}

/// Asks for a passkey.
#[derive(InputObject)]
pub struct PasskeyBeginInput {
    /// What for.
    pub purpose: PasskeyPurpose,
}

/// The passkey that a device made.
#[derive(InputObject, Serialize)]
pub struct PasskeyAddInput {
    /// The id that `passkeyBegin` answered.
    pub ceremony_id: Key<CeremonyId>,
    /// What you call it, in 1 to 80 characters, like the device it is in.
    pub name: String,
    /// What `navigator.credentials.create` answered, as its `toJSON()` gives it.
    pub credential: Json<serde_json::Value>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A passkey, shown to sign in.
#[derive(InputObject)]
pub struct PasskeySignInInput {
    /// The id that `passkeyBegin` answered.
    pub ceremony_id: Key<CeremonyId>,
    /// What `navigator.credentials.get` answered, as its `toJSON()` gives it.
    pub credential: Json<serde_json::Value>,
}

/// A passkey, shown to prove who you are.
#[derive(InputObject)]
pub struct PasskeyProveInput {
    /// The id that `passkeyBegin` answered.
    pub ceremony_id: Key<CeremonyId>,
    /// What `navigator.credentials.get` answered, as its `toJSON()` gives it.
    pub credential: Json<serde_json::Value>,
}

/// Another name for a passkey.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PasskeyRenameInput {
    /// The passkey.
    pub passkey_id: Key<PasskeyId>,
    /// What you call it from now on, in 1 to 80 characters.
    pub name: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A passkey to do without.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct PasskeyRemoveInput {
    /// The passkey.
    pub passkey_id: Key<PasskeyId>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `passkeyBegin`.
    PasskeyBeginPayload {
        /// What to ask the browser for.
        ceremony: PasskeyCeremony
    }
}
payload! {
    /// The answer to `passkeyAdd`.
    PasskeyAddPayload {
        /// The passkey that was added.
        passkey: Passkey
    }
}
payload! {
    /// The answer to `passkeyRename`.
    PasskeyRenamePayload {
        /// The passkey as it is now.
        passkey: Passkey
    }
}
payload! {
    /// The answer to `passkeyRemove`.
    PasskeyRemovePayload {
        /// The passkey as it was.
        passkey: Passkey
    }
}
payload! {
    /// The answer to `passkeySignIn`.
    PasskeySignInPayload {
        /// What to send with the next requests.
        tokens: SessionTokens
    }
}
payload! {
    /// The answer to `passkeyProve`.
    PasskeyProvePayload {
        /// The session in which you have proved who you are.
        session: Session
    }
}

/// Adding passkeys, and what they are good for.
#[derive(Debug, Default)]
pub struct PasskeyMutation;

#[Object]
impl PasskeyMutation {
    /// Begin to add a passkey, to sign in with one, or to prove with one who you are. What a device is asked
    /// to sign is answered within five minutes, and once. To add one takes a fresh proof of who you are; to
    /// sign in takes nothing, not even an email: the device knows whose passkeys it has.
    async fn passkey_begin(&self, ctx: &Context<'_>, input: PasskeyBeginInput) -> Answer<PasskeyBeginPayload> {
        let begun = ctx.market().passkey_begin(&ctx.call(), input.purpose.into(), &ctx.caller().device).await;
        answer(begun.map(PasskeyCeremony::from))
    }

    /// Add the passkey that a device of yours made. You are told by mail.
    async fn passkey_add(&self, ctx: &Context<'_>, input: PasskeyAddInput) -> Answer<PasskeyAddPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().passkey_add(&call, input.ceremony_id.0, &input.name, &input.credential.0).await
        };
        answer(outcome.await.map(Passkey))
    }

    /// Call a passkey something else.
    async fn passkey_rename(&self, ctx: &Context<'_>, input: PasskeyRenameInput) -> Answer<PasskeyRenamePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().passkey_rename(&call, input.passkey_id.0, &input.name).await
        };
        answer(outcome.await.map(Passkey))
    }

    /// Do without a passkey: it signs you in no more. Sessions it began go on. Takes a fresh proof of who you
    /// are.
    async fn passkey_remove(&self, ctx: &Context<'_>, input: PasskeyRemoveInput) -> Answer<PasskeyRemovePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().passkey_remove(&call, input.passkey_id.0).await
        };
        answer(outcome.await.map(Passkey))
    }

    /// Sign in with a passkey. It counts as both factors.
    async fn passkey_sign_in(&self, ctx: &Context<'_>, input: PasskeySignInInput) -> Answer<PasskeySignInPayload> {
        let PasskeySignInInput { ceremony_id, credential } = &input;
        let device = ctx.caller().device.clone();
        tokens(ctx, ctx.market().passkey_sign_in(&ctx.call(), ceremony_id.0, &credential.0, device).await).await
    }

    /// Prove with a passkey who you are, as `reauthenticate` does with the password.
    async fn passkey_prove(&self, ctx: &Context<'_>, input: PasskeyProveInput) -> Answer<PasskeyProvePayload> {
        let PasskeyProveInput { ceremony_id, credential } = &input;
        let proved = ctx.market().passkey_prove(&ctx.call(), ceremony_id.0, &credential.0).await;
        if let Ok(session) = &proved {
            ctx.caller().has_proved(session.proved_at);
        }
        answer(proved.map(Session))
    }
}
