//! Reviews after a contract. What is not published yet is read by its own side only; lists and
//! averages are made of what is published.

use domain::access::{self, Verb};
use domain::change::Change;
use domain::contract::Contract;
use domain::id::{ContractId, Id, OrganizationId, ReviewId, UserId};
use domain::milestone::Side;
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use domain::review::{Reply, Review, ReviewDraft, Reviews};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Statement};

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::save::save_row;
use crate::{Call, Failure, Fault, Tx, run};

/// Whose published reviews are wanted: those about this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reviewed {
    /// About a freelancer, by clients.
    Freelancer(UserId),
    /// About a client, by freelancers.
    Client(OrganizationId),
}

/// How somebody was rated, over all published reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    /// How many reviews there are.
    pub count: i64,
    /// The sum of their ratings.
    pub sum: i64,
}

#[derive(FromQueryResult)]
struct RatingRow {
    count: i64,
    sum: i64,
}

#[derive(FromQueryResult)]
struct Paid {
    minor: i64,
}

impl Market {
    /// The review, if the caller may read it.
    pub async fn review_find(&self, call: &Call, id: ReviewId) -> Result<Option<Review>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let review = row.map(Review::try_from).transpose()?;
        Ok(review.filter(|review| review.visible_to(&call.actor)))
    }

    /// The reviews of a contract that the caller may read.
    pub async fn reviews_of_contract(&self, call: &Call, contract: ContractId) -> Result<Vec<Review>, Failure> {
        let rows = row::Entity::find().filter(row::Column::ContractId.eq(contract.uuid())).all(self.db()).await?;
        let reviews = rows.into_iter().map(Review::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(reviews.into_iter().filter(|review| review.visible_to(&call.actor)).collect())
    }

    /// The published reviews about somebody, newest first.
    pub async fn reviews_about(&self, about: Reviewed, page: &PageRequest) -> Result<Slice<Review>, Failure> {
        let published = row::Entity::find().filter(row::Column::PublishedAt.is_not_null());
        let (list, select) = match about {
            Reviewed::Freelancer(user) => {
                let theirs = published.filter(row::Column::FreelancerId.eq(user.uuid()));
                ("user_reviews", theirs.filter(row::Column::Side.eq(side_text(Side::Client))))
            }
            Reviewed::Client(organization) => {
                let theirs = published.filter(row::Column::OrganizationId.eq(organization.uuid()));
                ("organization_reviews", theirs.filter(row::Column::Side.eq(side_text(Side::Freelancer))))
            }
        };
        let order = Keyset::<row::Entity> {
            list,
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), select, page).await?.try_map(Review::try_from)?)
    }

    /// How somebody was rated.
    pub async fn rating_of(&self, about: Reviewed) -> Result<Rating, Failure> {
        let (column, id, side) = match about {
            Reviewed::Freelancer(user) => ("freelancer_id", user.uuid(), Side::Client),
            Reviewed::Client(organization) => ("organization_id", organization.uuid(), Side::Freelancer),
        };
        let row = RatingRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            format!(
                "select count(*) as count, coalesce(sum(rating), 0)::bigint as sum from reviews
                 where {column} = $1 and side = $2 and published_at is not null"
            ),
            [id.into(), side_text(side).into()],
        ))
        .one(self.db())
        .await?;
        Ok(row.map_or(Rating { count: 0, sum: 0 }, |row| Rating { count: row.count, sum: row.sum }))
    }

    /// One side writes its review, or writes it anew.
    pub async fn review_submit(&self, call: &Call, id: ContractId, draft: ReviewDraft) -> Result<Review, Failure> {
        run!(self, call, tx => {
            // The contract's row is what the two sides of one contract queue up for.
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::ReviewSubmit, &contract.subject())?;
            let reviews = tx.reviews_of(&contract).await?;
            let net_paid = tx.net_paid(id).await?;
            let side = contract.side(tx.actor()).ok_or(Refusal::HIDDEN)?;
            let change = reviews.submit(tx.actor(), tx.now(), &contract, net_paid, tx.id(), draft.clone())?;
            let reviews = tx.reviews_save(change).await?;
            reviews.of(side).cloned().ok_or_else(|| Fault::bad_row("reviews", "a review just written is gone").into())
        })
    }

    /// The side that was reviewed answers.
    pub async fn review_reply(&self, call: &Call, id: ReviewId, text: &str) -> Result<Review, Failure> {
        run!(self, call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let review = row.map(Review::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            let change = review.reply(tx.actor(), tx.now(), text)?;
            save_row(tx.conn(), row::Model::from(&change.next)).await?;
            tx.settle(change).await
        })
    }

    /// Time is over: what was written is published.
    pub(crate) async fn reviews_publish(&self, call: &Call, id: ContractId) -> Result<(), Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let reviews = tx.reviews_of(&contract).await?;
            tx.reviews_save(reviews.publish(tx.actor(), tx.now(), &contract)?).await?;
            Ok(())
        })
    }
}

impl Tx {
    async fn reviews_of(&self, contract: &Contract) -> Result<Reviews, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::ContractId.eq(contract.id.uuid()))
            .lock_exclusive()
            .all(self.conn())
            .await?;
        let mut reviews = Reviews::default();
        for row in rows {
            let review = Review::try_from(row)?;
            match review.by {
                Side::Client => reviews.client = Some(review),
                Side::Freelancer => reviews.freelancer = Some(review),
            }
        }
        Ok(reviews)
    }

    async fn reviews_save(&self, change: Change<Reviews>) -> Result<Reviews, Failure> {
        if change.changed {
            for review in change.next.all() {
                save_row(self.conn(), row::Model::from(review)).await?;
            }
        }
        self.settle(change).await
    }

    /// What the freelancer has got out of a contract, after fees.
    async fn net_paid(&self, contract: ContractId) -> Result<Money, Failure> {
        let paid = Paid::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select coalesce(sum(released_net_minor), 0)::bigint as minor from (
                 select released_net_minor from milestones where contract_id = $1 and currency = 'USD'
                 union all
                 select released_net_minor from timesheets where contract_id = $1 and currency = 'USD') paid",
            [contract.uuid().into()],
        ))
        .one(self.conn())
        .await?;
        Ok(Money::new(paid.map_or(0, |paid| paid.minor), Currency::Usd)?)
    }
}

fn side_text(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Freelancer => "freelancer",
    }
}

impl TryFrom<row::Model> for Review {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            contract: Id::from_uuid(row.contract_id),
            client: Id::from_uuid(row.organization_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            by: match row.side.as_str() {
                "client" => Side::Client,
                "freelancer" => Side::Freelancer,
                _ => return Err(Fault::bad_row("reviews", "unknown side")),
            },
            author: Id::from_uuid(row.author_id),
            rating: u8::try_from(row.rating).map_err(|error| Fault::bad_row("reviews", error))?,
            text: row.text,
            written_at: row.written_at,
            published_at: row.published_at,
            reply: match (row.reply, row.replied_at) {
                (Some(text), Some(replied_at)) => Some(Reply { text, replied_at }),
                (None, None) => None,
                (Some(_), None) | (None, Some(_)) => return Err(Fault::bad_row("reviews", "half a reply")),
            },
        })
    }
}

impl From<&Review> for row::Model {
    fn from(review: &Review) -> Self {
        Self {
            id: review.id.uuid(),
            contract_id: review.contract.uuid(),
            organization_id: review.client.uuid(),
            freelancer_id: review.freelancer.uuid(),
            side: side_text(review.by).to_owned(),
            author_id: review.author.uuid(),
            rating: i16::from(review.rating),
            text: review.text.clone(),
            written_at: review.written_at,
            published_at: review.published_at,
            reply: review.reply.as_ref().map(|reply| reply.text.clone()),
            replied_at: review.reply.as_ref().map(|reply| reply.replied_at),
        }
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "reviews")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub contract_id: Uuid,
        pub organization_id: Uuid,
        pub freelancer_id: Uuid,
        pub side: String,
        pub author_id: Uuid,
        pub rating: i16,
        pub text: String,
        pub written_at: DateTimeUtc,
        pub published_at: Option<DateTimeUtc>,
        pub reply: Option<String>,
        pub replied_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
