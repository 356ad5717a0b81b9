//! People, and what the signed-in person sees of themselves.

use async_graphql::{Context, Enum, ID, InputObject, MergedObject, Object};
use domain::Timestamp;
use domain::id::{OrganizationId, UserId};
use domain::user::UserEdit;
use infra::review::Reviewed;
use serde::Serialize;

use crate::block::BlockViewer;
use crate::compliance::ComplianceViewer;
use crate::connection::{Counted, counted};
use crate::context::RabtaContext;
use crate::conversation::ConversationViewer;
use crate::dispute::DisputeViewer;
use crate::key::Key;
use crate::loader::{BlockedBy, FreelancerReviews, ProfileOf, list, load, may_prime, prime, rating};
use crate::matching::MatchViewer;
use crate::notification::NotificationViewer;
use crate::organization::OrganizationViewer;
use crate::papers::PaperViewer;
use crate::passkey::PasskeyViewer;
use crate::payee::PayeeViewer;
use crate::payout::PayoutViewer;
use crate::profile::{FreelancerProfile, ProfileViewer, profiles_with};
use crate::proposal::TradeViewer;
use crate::review::{Rating, Review};
use crate::saved_search::SavedSearchViewer;
use crate::second_factor::SecondFactorViewer;
use crate::session::SessionViewer;
use crate::statement::DealViewer;
use crate::timesheet::TimesheetViewer;
use crate::user_error::{Answer, answer, payload, top_level};

/// A person with an account.
#[derive(Debug, Clone)]
pub struct User(pub domain::user::User);

/// A person with an account. What is the person's own business is null for everybody else.
#[Object]
impl User {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The name, in one piece.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The email, for the person only.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        self.0.readable_by(&ctx.actor()).then(|| self.0.email.as_str())
    }

    /// The IANA time zone, like `Asia/Karachi`.
    async fn time_zone(&self) -> String {
        self.0.time_zone.to_string()
    }

    /// Since when they are suspended; our people see it, for others it is null.
    async fn suspended_at(&self, ctx: &Context<'_>) -> Option<Timestamp> {
        self.0.suspended_at.filter(|_| self.0.readable_by(&ctx.actor()))
    }

    /// The profile as a freelancer, if there is one that you may see.
    async fn profile(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FreelancerProfile>> {
        Ok(load(ctx, ProfileOf(self.0.id)).await?.map(FreelancerProfile))
    }

    /// Has your company blocked them? Null for those who may not block in its name.
    async fn blocked_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Your company.")] client_id: Key<OrganizationId>,
    ) -> async_graphql::Result<Option<bool>> {
        load(ctx, BlockedBy((client_id.0, self.0.id))).await
    }

    /// Since when there is an account.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// What clients said of their work, newest first: published reviews only.
    async fn reviews(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<Counted<Review>> {
        list(ctx, FreelancerReviews(self.0.id), counted(ctx, first, after, last, before), Review).await
    }

    /// How clients rated their work.
    async fn rating(&self, ctx: &Context<'_>) -> async_graphql::Result<Rating> {
        Ok(rating(ctx, Reviewed::Freelancer(self.0.id)).await?.into())
    }
}

/// The signed-in person, and everything that is theirs.
#[derive(MergedObject)]
pub struct Viewer(
    AccountViewer,
    SessionViewer,
    SecondFactorViewer,
    PasskeyViewer,
    ProfileViewer,
    MatchViewer,
    SavedSearchViewer,
    BlockViewer,
    DealViewer,
    DisputeViewer,
    TimesheetViewer,
    PayeeViewer,
    PaperViewer,
    ComplianceViewer,
    PayoutViewer,
    TradeViewer,
    OrganizationViewer,
    NotificationViewer,
    ConversationViewer,
);

impl Viewer {
    /// What `user` sees of themselves.
    pub fn of(user: domain::user::User) -> Self {
        let id = user.id;
        Self(
            AccountViewer(user),
            SessionViewer,
            SecondFactorViewer,
            PasskeyViewer,
            ProfileViewer(id),
            MatchViewer,
            SavedSearchViewer,
            BlockViewer,
            DealViewer,
            DisputeViewer,
            TimesheetViewer,
            PayeeViewer,
            PaperViewer,
            ComplianceViewer,
            PayoutViewer,
            TradeViewer,
            OrganizationViewer,
            NotificationViewer,
            ConversationViewer,
        )
    }
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Viewer").field(&self.0.0.id).finish()
    }
}

/// The signed-in person as they are now; none if nobody is signed in.
pub async fn viewer_now(ctx: &Context<'_>) -> async_graphql::Result<Option<Viewer>> {
    let user = ctx.market().viewer(&ctx.call()).await.map_err(top_level)?;
    Ok(user.map(Viewer::of))
}

/// What a person sees of their own account.
#[derive(Debug)]
struct AccountViewer(domain::user::User);

#[Object]
impl AccountViewer {
    /// The person, as others see them.
    async fn user(&self) -> User {
        User(self.0.clone())
    }

    /// Where mail goes, and what you sign in with.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// Have you proved to read mail at that address?
    async fn email_verified(&self) -> bool {
        self.0.email_verified_at.is_some()
    }

    /// The language of what we write to you, like `en` or `ur-PK`.
    async fn locale(&self) -> &str {
        self.0.locale.as_str()
    }

    /// What you do for the platform, if anything. You do it only while your `secondFactor` is on: until then all of it
    /// is refused with `SECOND_FACTOR_MISSING`.
    async fn staff(&self) -> Option<Staff> {
        self.0.staff.map(Staff::from)
    }
}

/// What someone does for the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::access::Staff")]
pub enum Staff {
    /// Recommends and awards in disputes.
    Mediator,
    /// Moderates, and watches the books.
    Admin,
}

/// What you change about yourself. What is left out stays as it is.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct UserUpdateInput {
    /// The legal name in one piece, 1 to 120 characters. Single names are names.
    pub name: Option<String>,
    /// An IANA time zone, like `Asia/Karachi`.
    pub time_zone: Option<String>,
    /// A language tag, like `en` or `ur-PK`.
    pub locale: Option<String>,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Whom to suspend.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct UserSuspendInput {
    /// The person.
    pub user_id: Key<UserId>,
    /// Why, 1 to 500 characters; kept in the audit log.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// Whom to reinstate.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct UserReinstateInput {
    /// The person.
    pub user_id: Key<UserId>,
    /// Why, 1 to 500 characters; kept in the audit log.
    pub reason: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `userSuspend`.
    UserSuspendPayload {
        /// The person, as they are now.
        user: User
    }
}
payload! {
    /// The answer to `userReinstate`.
    UserReinstatePayload {
        /// The person, as they are now.
        user: User
    }
}
payload! {
    /// The answer to `userUpdate`.
    UserUpdatePayload {
        /// You, as you are now.
        viewer: Viewer
    }
}

/// Who is signed in.
#[derive(Debug, Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in person; null without an access token.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Viewer>> {
        let viewer = ctx.look_ahead();
        let has_profile = viewer.field("profile").exists() || viewer.field("user").field("profile").exists();
        if !may_prime(ctx) || !has_profile {
            return viewer_now(ctx).await;
        }
        let found = ctx.market().viewer_with_profile(&ctx.call(), profiles_with(ctx)).await.map_err(top_level)?;
        let Some((user, profile)) = found else { return Ok(None) };
        prime(ctx, [(ProfileOf(user.id), profile)]);
        Ok(Some(Viewer::of(user)))
    }

    /// The person whose address this is, if it is anybody's: to look after who writes to us. Only admins may ask, and
    /// whom they found stands in the audit log.
    async fn user_by_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The whole address.")] email: String,
    ) -> async_graphql::Result<Option<User>> {
        let Some(id) = ctx.market().user_by_email(&ctx.call(), &email).await.map_err(top_level)? else {
            return Ok(None);
        };
        Ok(load(ctx, id).await?.map(User))
    }
}

/// What people can change about themselves.
#[derive(Debug, Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Change your name, time zone or language.
    async fn user_update(&self, ctx: &Context<'_>, input: UserUpdateInput) -> Answer<UserUpdatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let UserUpdateInput { name, time_zone, locale, .. } = &input;
            let edit = UserEdit::parse(name.as_deref(), time_zone.as_deref(), locale.as_deref())?;
            ctx.market().user_update(&call, edit).await
        };
        answer(outcome.await.map(Viewer::of))
    }

    /// For admins: a person may do nothing any more. Their sessions end at once and payouts that
    /// have not left are held; their money stays theirs.
    async fn user_suspend(&self, ctx: &Context<'_>, input: UserSuspendInput) -> Answer<UserSuspendPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().user_suspend(&call, input.user_id.0, &input.reason).await
        };
        answer(outcome.await.map(User))
    }

    /// For admins: a suspended person may sign in and do things again. Payouts that were held wait
    /// to be looked at.
    async fn user_reinstate(&self, ctx: &Context<'_>, input: UserReinstateInput) -> Answer<UserReinstatePayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().user_reinstate(&call, input.user_id.0, &input.reason).await
        };
        answer(outcome.await.map(User))
    }
}
