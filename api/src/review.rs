//! Reviews after a contract: double-blind until both are written or time is over.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::Timestamp;
use domain::id::{ContractId, ReviewId};
use domain::review::ReviewDraft;
use serde::Serialize;

use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::gig::Gig;
use crate::key::Key;
use crate::loader::{UserKnown, WorkReviewed, load};
use crate::organization::Organization;
use crate::skill::Skill;
use crate::user::User;
use crate::user_error::{Answer, answer, payload};

/// A review.
#[derive(Debug, Clone)]
pub struct Review(pub domain::review::Review);

/// What one side of a contract says of the other. Until both are published, only its own side
/// knows of it.
#[Object]
impl Review {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Which side wrote it.
    async fn by(&self) -> ReviewSide {
        self.0.by.into()
    }

    /// One to five.
    async fn rating(&self) -> u8 {
        self.0.rating
    }

    /// In the author's words.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// When it was written, last.
    async fn written_at(&self) -> Timestamp {
        self.0.written_at
    }

    /// Since when everybody may read it; null while only its own side does.
    async fn published_at(&self) -> Option<Timestamp> {
        self.0.published_at
    }

    /// The other side's one reply.
    async fn reply(&self) -> Option<&str> {
        self.0.reply.as_ref().map(|reply| reply.text.as_str())
    }

    /// When it was replied to.
    async fn replied_at(&self) -> Option<Timestamp> {
        self.0.reply.as_ref().map(|reply| reply.replied_at)
    }

    /// The contract it is about, for its parties; for others it is null.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        Ok(load(ctx, self.0.contract).await?.map(Contract))
    }

    /// The client it is about or by. Null to others than the contract's parties if it is by a client whose gig not
    /// everybody could find.
    async fn client(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Organization>> {
        let told = match ReviewSide::from(self.0.by) {
            ReviewSide::Freelancer => true,
            ReviewSide::Client => {
                let work = load(ctx, WorkReviewed(self.0.contract)).await?;
                work.is_some_and(|work| work.was_open.is_some()) || load(ctx, self.0.contract).await?.is_some()
            }
        };
        if told { Ok(load(ctx, self.0.client).await?.map(Organization)) } else { Ok(None) }
    }

    /// The freelancer it is about or by. Null if they hide their profile, are suspended or were erased, to those who have
    /// no dealings with them.
    async fn freelancer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(load(ctx, UserKnown(self.0.freelancer)).await?.map(User))
    }

    /// The gig that the contract came of, whose title and skills say what the work was. Null if it came of none, and for
    /// those who may not see the gig.
    async fn gig(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Gig>> {
        match load(ctx, WorkReviewed(self.0.contract)).await?.and_then(|work| work.gig) {
            Some(gig) => Ok(load(ctx, gig).await?.map(Gig)),
            None => Ok(None),
        }
    }

    /// What the gig was called, if everybody could find it; else null.
    async fn work_title(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let work = load(ctx, WorkReviewed(self.0.contract)).await?;
        Ok(work.and_then(|work| work.was_open).map(|(title, _)| title))
    }

    /// The skills that the gig asked for, if everybody could find it; else none.
    async fn work_skills(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Skill>> {
        let work = load(ctx, WorkReviewed(self.0.contract)).await?;
        let skills = work.and_then(|work| work.was_open).map(|(_, skills)| skills).unwrap_or_default();
        Ok(skills.into_iter().filter_map(Skill::find).collect())
    }

    /// Since when there was a contract.
    async fn work_began_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(load(ctx, WorkReviewed(self.0.contract)).await?.map(|work| work.began_at))
    }

    /// When the contract ended.
    async fn work_ended_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Timestamp>> {
        Ok(load(ctx, WorkReviewed(self.0.contract)).await?.and_then(|work| work.ended_at))
    }

    /// Can you reply to it now?
    async fn viewer_can_reply(&self, ctx: &Context<'_>) -> bool {
        self.0.can_reply(&ctx.actor())
    }
}

/// How somebody was rated, over all published reviews.
#[derive(Debug, Clone, SimpleObject)]
pub struct Rating {
    /// How many reviews there are.
    pub count: i64,
    /// Their average with one decimal, like `"4.7"`; null without any.
    pub average: Option<String>,
}

impl From<infra::review::Rating> for Rating {
    fn from(rating: infra::review::Rating) -> Self {
        let infra::review::Rating { count, sum } = rating;
        // In tenths, rounded half up.
        let tenths = (count > 0).then(|| (sum * 20 + count) / (count * 2));
        Self { count, average: tenths.map(|tenths| format!("{}.{}", tenths / 10, tenths % 10)) }
    }
}

/// A side of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::milestone::Side")]
pub enum ReviewSide {
    /// The organization that paid.
    Client,
    /// The person who worked.
    Freelancer,
}

/// What you say of the other side.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ReviewSubmitInput {
    /// The contract, which has ended.
    pub contract_id: Key<ContractId>,
    /// One to five.
    pub rating: i32,
    /// 10 to 5,000 characters.
    pub text: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

/// A reply to a review of you.
#[derive(Debug, Clone, InputObject, Serialize)]
pub struct ReviewReplyInput {
    /// The review.
    pub review_id: Key<ReviewId>,
    /// 1 to 2,000 characters. There is one reply, and it stays.
    pub text: String,
    /// Makes repeating this request harmless: a fresh UUID for each intended act.
    pub idempotency_key: Option<String>,
}

payload! {
    /// The answer to `reviewSubmit`.
    ReviewSubmitPayload {
        /// Your review, as it is now.
        review: Review
    }
}
payload! {
    /// The answer to `reviewReply`.
    ReviewReplyPayload {
        /// The review, with your reply.
        review: Review
    }
}

/// What can be done about reviews.
#[derive(Debug, Default)]
pub struct ReviewMutation;

#[Object]
impl ReviewMutation {
    /// Write your review of an ended contract, or write it anew while it is not published. The
    /// other side learns nothing of it until both are published.
    async fn review_submit(&self, ctx: &Context<'_>, input: ReviewSubmitInput) -> Answer<ReviewSubmitPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            let draft = ReviewDraft::parse(input.rating, &input.text)?;
            ctx.market().review_submit(&call, input.contract_id.0, draft).await
        };
        answer(outcome.await.map(Review))
    }

    /// Reply to a published review of you, once.
    async fn review_reply(&self, ctx: &Context<'_>, input: ReviewReplyInput) -> Answer<ReviewReplyPayload> {
        let outcome = async {
            let call = ctx.call_once(input.idempotency_key.as_deref(), &input)?;
            ctx.market().review_reply(&call, input.review_id.0, &input.text).await
        };
        answer(outcome.await.map(Review))
    }
}
