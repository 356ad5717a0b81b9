//! Signing up, signing in, and the list of where one is signed in.

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::SessionId;
use domain::session::State;
use domain::user::SignUp;
use infra::Failure;
use infra::session::SignedIn;
use infra::whereabouts::{device_name, place};

use crate::connection::{connect, page};
use crate::context::{RabtaContext, let_in};
use crate::key::Key;
use crate::user::Viewer;
use crate::user_error::{Answer, Payload, answer, payload};

/// A person, signed in on one device.
#[derive(Debug, Clone)]
pub struct Session(pub domain::session::Session);

/// A person, signed in on one device.
#[Object]
impl Session {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The device by a name, like `Chrome on Windows` or `Rabta app on Android`, by what the client calls
    /// itself; `Unknown device` if that says nothing.
    async fn device(&self) -> String {
        device_name(&self.0.device)
    }

    /// The country of the address, in English, by the registers of networks; `Private network` for an
    /// address that is of none. Null if it is not known.
    async fn place(&self) -> Option<&str> {
        place(&self.0.device)
    }

    /// What the client calls itself.
    async fn user_agent(&self) -> Option<&str> {
        self.0.device.agent.as_deref()
    }

    /// The internet address it was begun from.
    async fn address(&self) -> Option<String> {
        self.0.device.address.map(|address| address.to_string())
    }

    /// Since when.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it was last refreshed.
    async fn refreshed_at(&self) -> Timestamp {
        self.0.refreshed_at
    }

    /// When you last proved in it who you are, by signing in or with `reauthenticate`. Acts on money and
    /// on the safety of the account take a proof not older than 15 minutes.
    async fn proved_at(&self) -> Timestamp {
        self.0.proved_at
    }

    /// When it ends unless it is refreshed before; null if it has ended.
    async fn expires_at(&self) -> Option<Timestamp> {
        match self.0.state {
            State::Live { expires_at } => Some(expires_at),
            State::Ended { .. } => None,
        }
    }

    /// When it was ended, if it was.
    async fn ended_at(&self) -> Option<Timestamp> {
        match self.0.state {
            State::Live { .. } => None,
            State::Ended { at, .. } => Some(at),
        }
    }

    /// Is it the session of this very request?
    async fn is_current(&self, ctx: &Context<'_>) -> bool {
        ctx.caller().session() == Some(self.0.id)
    }
}

/// What a signed-in client needs: send the access token as `Authorization: Bearer …`, and before
/// it expires get the next pair with `sessionRefresh`.
#[derive(Debug, SimpleObject)]
pub struct SessionTokens {
    /// Good for 15 minutes.
    access_token: String,
    /// Until when the access token is good.
    access_token_expires_at: Timestamp,
    /// Works once: `sessionRefresh` gives the next one. Keep it where other programs can't read it.
    /// One that is used again, later than after a lost answer, ends the session.
    refresh_token: String,
    /// Until when the refresh token is good.
    refresh_token_expires_at: Timestamp,
    /// The session.
    session: Session,
    /// The person who is signed in.
    viewer: Viewer,
}

impl From<SignedIn> for SessionTokens {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { user, session, access_token, access_expires_at, refresh_token } = signed_in;
        let refresh_token_expires_at = match session.state {
            State::Live { expires_at } | State::Ended { at: expires_at, .. } => expires_at,
        };
        Self {
            access_token,
            access_token_expires_at: access_expires_at,
            refresh_token,
            refresh_token_expires_at,
            session: Session(session),
            viewer: Viewer::of(user),
        }
    }
}

/// Where the signed-in person is signed in.
#[derive(Debug)]
pub struct SessionViewer;

#[Object]
impl SessionViewer {
    /// Where you are signed in, newest first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Connection<String, Session>> {
        connect(ctx.market().sessions_page(&ctx.call(), &page(first, after, last, before)).await, Session)
    }
}

/// Who you are, to sign up.
#[derive(InputObject)]
pub struct SignUpInput {
    /// Where mail goes, and what you will sign in with.
    pub email: String,
    /// The legal name in one piece, 1 to 120 characters. Single names are names.
    pub name: String,
    /// 10 to 512 characters of any kind; what everybody tries first is not taken.
    pub password: String,
    /// An IANA time zone, like `Asia/Karachi`; `UTC` if left out.
    pub time_zone: Option<String>,
    /// A language tag, like `en` or `ur-PK`; `en` if left out.
    pub locale: Option<String>,
}

/// What proves who you are.
#[derive(InputObject)]
pub struct SignInInput {
    /// The email you signed up with.
    pub email: String,
    /// The password.
    pub password: String,
    /// With a second factor: the code of the authenticator app, or a recovery code. Without it, the
    /// answer to a right password is `SECOND_FACTOR_REQUIRED`.
    pub code: Option<String>,
}

/// What keeps you signed in.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The refresh token you got last.
    pub refresh_token: String,
}

/// Which session to end: the one of the request.
#[derive(Default, InputObject)]
pub struct SignOutInput {
    /// All of your other sessions as well?
    #[graphql(default)]
    pub everywhere: bool,
}

/// Which session to end.
#[derive(InputObject)]
pub struct SessionRevokeInput {
    /// A session of yours.
    pub session_id: Key<SessionId>,
}

/// Which sessions to end.
#[derive(InputObject)]
pub struct SessionRevokeAllInput {
    /// The session of this very request as well?
    #[graphql(default)]
    pub this_too: bool,
}

payload! {
    /// The answer to `signUp`.
    SignUpPayload {
        /// What to send with the next requests.
        tokens: SessionTokens
    }
}

payload! {
    /// The answer to `signIn`.
    SignInPayload {
        /// What to send with the next requests.
        tokens: SessionTokens
    }
}

payload! {
    /// The answer to `sessionRefresh`.
    SessionRefreshPayload {
        /// What to send with the next requests.
        tokens: SessionTokens
    }
}

payload! {
    /// The answer to `signOut`.
    SignOutPayload {
        /// The session that was ended.
        session: Session
    }
}

payload! {
    /// The answer to `sessionRevoke`.
    SessionRevokePayload {
        /// The session that was ended.
        session: Session
    }
}

payload! {
    /// The answer to `sessionRevokeAll`.
    SessionRevokeAllPayload {
        /// How many sessions were ended.
        revoked_count: i64
    }
}

/// The tokens of whoever was let in, who may ask about themselves in the same breath.
pub(crate) async fn tokens<P: Payload<Object = SessionTokens>>(
    ctx: &Context<'_>,
    outcome: Result<SignedIn, Failure>,
) -> Answer<P> {
    if let Ok(signed_in) = &outcome {
        let_in(ctx, &signed_in.access_token).await;
    }
    answer(outcome.map(SessionTokens::from))
}

/// Getting in and out.
#[derive(Debug, Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Create an account, and be signed in to it.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Answer<SignUpPayload> {
        let outcome = async {
            let SignUpInput { email, name, password, time_zone, locale } = &input;
            let draft = SignUp::parse(email, name, password, time_zone.as_deref(), locale.as_deref())?;
            ctx.market().sign_up(&ctx.call(), draft, ctx.caller().device.clone()).await
        };
        tokens(ctx, outcome.await).await
    }

    /// Sign in with email and password, and the code of an authenticator app if you set one up.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Answer<SignInPayload> {
        let SignInInput { email, password, code } = &input;
        let device = ctx.caller().device.clone();
        let outcome = ctx.market().sign_in(&ctx.call(), email, password, code.as_deref(), device).await;
        tokens(ctx, outcome).await
    }

    /// Get the next pair of tokens for a refresh token. No access token is needed.
    async fn session_refresh(&self, ctx: &Context<'_>, input: SessionRefreshInput) -> Answer<SessionRefreshPayload> {
        tokens(ctx, ctx.market().session_refresh(&ctx.call(), &input.refresh_token).await).await
    }

    /// End the session of this request. Its tokens stop working at once.
    async fn sign_out(&self, ctx: &Context<'_>, #[graphql(default)] input: SignOutInput) -> Answer<SignOutPayload> {
        let outcome = ctx.market().sign_out(&ctx.call(), input.everywhere).await;
        if outcome.is_ok() {
            ctx.caller().is_out();
        }
        answer(outcome.map(Session))
    }

    /// End one of your sessions, on this device or another. Its tokens stop working at once.
    async fn session_revoke(&self, ctx: &Context<'_>, input: SessionRevokeInput) -> Answer<SessionRevokePayload> {
        let outcome = async {
            let call = ctx.call();
            call.actor.person()?;
            ctx.market().session_revoke(&call, input.session_id.0).await
        };
        let outcome = outcome.await;
        if outcome.as_ref().is_ok_and(|ended| ctx.caller().session() == Some(ended.id)) {
            ctx.caller().is_out();
        }
        answer(outcome.map(Session))
    }

    /// End all of your sessions but this one, or this one too.
    async fn session_revoke_all(
        &self,
        ctx: &Context<'_>,
        input: SessionRevokeAllInput,
    ) -> Answer<SessionRevokeAllPayload> {
        let outcome = ctx.market().sessions_revoke(&ctx.call(), input.this_too).await;
        if outcome.is_ok() && input.this_too {
            ctx.caller().is_out();
        }
        answer(outcome)
    }
}
