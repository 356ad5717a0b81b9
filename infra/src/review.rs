//! Reviews after a contract. What is not published yet is read by its own side only; lists and
//! averages are made of what is published.

use std::collections::HashMap;

use domain::Timestamp;
use domain::access::{self, Verb};
use domain::change::Change;
use domain::contract::Contract;
use domain::id::{ContractId, GigId, Id, OrganizationId, ReviewId, SkillId, UserId};
use domain::milestone::Side;
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use domain::review::{Reply, Review, ReviewDraft, Reviews};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Select, Statement, Value,
};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, try_map_pages};
use crate::save::save_row;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// Whose published reviews are wanted: those about this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Reviewed {
    fn freelancer(&self) -> Option<UserId> {
        match self {
            Self::Freelancer(user) => Some(*user),
            Self::Client(_) => None,
        }
    }

    fn client(&self) -> Option<OrganizationId> {
        match self {
            Self::Client(organization) => Some(*organization),
            Self::Freelancer(_) => None,
        }
    }
}

#[derive(FromQueryResult)]
struct RatingRow {
    id: Uuid,
    count: i64,
    sum: i64,
}

/// What a review is about: when the work was, and what gig it came of. What of the gig may be shown to whom is for the
/// gig to say, but for what was in the open before somebody was hired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedWork {
    /// The gig, if the contract came of one.
    pub gig: Option<GigId>,
    /// Since when there is a contract.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the gig was called and which skills it asked for, if everybody could find it and nobody of ours removed it.
    pub was_open: Option<(String, Vec<SkillId>)>,
}

#[derive(FromQueryResult)]
struct WorkRow {
    id: Uuid,
    gig_id: Option<Uuid>,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
    title: Option<String>,
    skills: Option<Vec<Uuid>>,
}

#[derive(FromQueryResult)]
struct Paid {
    id: Uuid,
    minor: i64,
}

impl Market {
    /// The review, if the caller may see it.
    pub async fn review_find(&self, call: &Call, id: ReviewId) -> Result<Option<Review>, Failure> {
        Ok(self.reviews_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Reviews by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn reviews_by_id(&self, call: &Call, wanted: &[ReviewId]) -> Result<Vec<Review>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Review::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|review| review.visible_to(&call.actor)).collect())
    }

    /// The reviews of contracts that the caller may read; of each contract that has any.
    pub async fn reviews_of_contracts(
        &self,
        call: &Call,
        contracts: &[ContractId],
    ) -> Result<HashMap<ContractId, Vec<Review>>, Failure> {
        let theirs = Expr::cust_with_values("reviews.contract_id = any($1)", [ids(contracts)]);
        let rows = row::Entity::find().filter(theirs).order_by_asc(row::Column::Id).all(self.db()).await?;
        let mut of: HashMap<ContractId, Vec<Review>> = HashMap::new();
        for row in rows {
            let review = Review::try_from(row)?;
            if review.visible_to(&call.actor) {
                of.entry(review.contract).or_default().push(review);
            }
        }
        Ok(of)
    }

    /// Of these contracts, those whose review by the caller's side can be written, or written anew, now.
    pub async fn contracts_reviewable(&self, call: &Call, contracts: &[&Contract]) -> Result<Vec<ContractId>, Failure> {
        let now = self.clock().now();
        let open: Vec<&Contract> = contracts
            .iter()
            .copied()
            .filter(|contract| contract.allowed(&call.actor, now).contains(&Verb::ReviewSubmit))
            .collect();
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let which: Vec<ContractId> = open.iter().map(|contract| contract.id).collect();
        let theirs = Expr::cust_with_values("reviews.contract_id = any($1)", [ids(&which)]);
        let written = pairs(row::Entity::find().filter(theirs).all(self.db()).await?)?;
        let (paid, none) = (net_paid(self.db(), &which).await?, Reviews::default());
        let can = |contract: &&Contract| {
            let net_paid = paid.get(&contract.id).copied().unwrap_or(Money::zero(Currency::Usd));
            written.get(&contract.id).unwrap_or(&none).can_submit(&call.actor, now, contract, net_paid)
        };
        Ok(open.into_iter().filter(can).map(|contract| contract.id).collect())
    }

    /// What the reviews of these contracts are about, for whoever sees one of them.
    pub async fn reviewed_works(&self, contracts: &[ContractId]) -> Result<HashMap<ContractId, ReviewedWork>, Failure> {
        let select = sql(
            "select c.id, c.gig_id, c.created_at, (c.state ->> 'ended_at')::timestamptz as ended_at, g.title,
                 (select array_agg(s.skill_id order by s.skill_id) from gig_skills s where s.gig_id = g.id) as skills
             from contracts c left join gigs g on g.id = c.gig_id and g.visibility = 'public'
                 and g.published_at is not null and g.state <> 'removed'
             where c.id = any($1)",
            [ids(contracts)],
        );
        let rows = WorkRow::find_by_statement(select).all(self.db()).await?;
        let work = |row: WorkRow| {
            let gig = row.gig_id.map(GigId::from_uuid);
            let skills = row.skills.unwrap_or_default().into_iter().map(SkillId::from_uuid).collect();
            let was_open = row.title.map(|title| (title, skills));
            let work = ReviewedWork { gig, began_at: row.created_at, ended_at: row.ended_at, was_open };
            (ContractId::from_uuid(row.id), work)
        };
        Ok(rows.into_iter().map(work).collect())
    }

    /// The published reviews about freelancers, newest first.
    pub async fn reviews_about_freelancers(
        &self,
        _call: &Call,
        freelancers: &[UserId],
        page: &PageRequest,
    ) -> Result<Pages<UserId, Review>, Failure> {
        let (select, order) = (published_by(Side::Client), newest_first("user_reviews"));
        let pages = order.pages(self.db(), select, row::Column::FreelancerId, freelancers, page).await?;
        Ok(try_map_pages(pages, Review::try_from)?)
    }

    /// The published reviews about clients, newest first.
    pub async fn reviews_about_clients(
        &self,
        _call: &Call,
        clients: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Review>, Failure> {
        let (select, order) = (published_by(Side::Freelancer), newest_first("organization_reviews"));
        let pages = order.pages(self.db(), select, row::Column::OrganizationId, clients, page).await?;
        Ok(try_map_pages(pages, Review::try_from)?)
    }

    /// How each of these was rated, over all published reviews. Who has none is missing.
    pub async fn ratings_of(&self, wanted: &[Reviewed]) -> Result<HashMap<Reviewed, Rating>, Failure> {
        let freelancers: Vec<UserId> = wanted.iter().filter_map(|about| about.freelancer()).collect();
        let clients: Vec<OrganizationId> = wanted.iter().filter_map(|about| about.client()).collect();
        let mut found = HashMap::new();
        if !freelancers.is_empty() {
            let rows = self.ratings("freelancer_id", ids(&freelancers), Side::Client).await?;
            found.extend(rows.map(|(id, rating)| (Reviewed::Freelancer(Id::from_uuid(id)), rating)));
        }
        if !clients.is_empty() {
            let rows = self.ratings("organization_id", ids(&clients), Side::Freelancer).await?;
            found.extend(rows.map(|(id, rating)| (Reviewed::Client(Id::from_uuid(id)), rating)));
        }
        Ok(found)
    }

    async fn ratings(
        &self,
        column: &str,
        wanted: Value,
        by: Side,
    ) -> Result<impl Iterator<Item = (Uuid, Rating)>, Failure> {
        let rows = RatingRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            format!(
                "select {column} as id, count(*) as count, coalesce(sum(rating), 0)::bigint as sum from reviews
                 where {column} = any($1) and side = $2 and published_at is not null group by {column}"
            ),
            [wanted, side_text(by).into()],
        ));
        let rows = rows.all(self.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, Rating { count: row.count, sum: row.sum })))
    }

    /// One side writes its review, or writes it anew.
    pub async fn review_submit(&self, call: &Call, id: ContractId, draft: ReviewDraft) -> Result<Review, Failure> {
        run!(self, call, tx => {
            // The contract's row is what the two sides of one contract queue up for.
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::ReviewSubmit, &contract.subject())?;
            let reviews = tx.reviews_of(&contract).await?;
            let nothing = Money::zero(Currency::Usd);
            let net_paid = net_paid(tx.conn(), &[id]).await?.remove(&id).unwrap_or(nothing);
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

fn published_by(side: Side) -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::PublishedAt.is_not_null()).filter(row::Column::Side.eq(side_text(side)))
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

impl Tx {
    async fn reviews_of(&self, contract: &Contract) -> Result<Reviews, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::ContractId.eq(contract.id.uuid()))
            .lock_exclusive()
            .all(self.conn())
            .await?;
        Ok(pairs(rows)?.remove(&contract.id).unwrap_or_default())
    }

    async fn reviews_save(&self, change: Change<Reviews>) -> Result<Reviews, Failure> {
        if change.changed {
            for review in change.next.all() {
                save_row(self.conn(), row::Model::from(review)).await?;
            }
        }
        self.settle(change).await
    }
}

/// What the freelancers have got out of contracts, after fees, in dollars. Of which they got nothing is missing.
async fn net_paid(
    conn: &impl ConnectionTrait,
    contracts: &[ContractId],
) -> Result<HashMap<ContractId, Money>, Failure> {
    let paid = Paid::find_by_statement(sql(
        "select contract_id as id, sum(net)::bigint as minor from (
             select contract_id, currency, released_net_minor as net from milestones where contract_id = any($1)
             union all
             select contract_id, currency, released_net_minor as net from timesheets where contract_id = any($1)) paid
         where currency = 'USD' group by contract_id",
        [ids(contracts)],
    ));
    let money = |paid: Paid| -> Result<_, Failure> {
        Ok((ContractId::from_uuid(paid.id), Money::new(paid.minor, Currency::Usd)?))
    };
    paid.all(conn).await?.into_iter().map(money).collect()
}

/// The reviews in these rows, by contract.
fn pairs(rows: Vec<row::Model>) -> Result<HashMap<ContractId, Reviews>, Fault> {
    let mut pairs: HashMap<ContractId, Reviews> = HashMap::new();
    for row in rows {
        let review = Review::try_from(row)?;
        let pair = pairs.entry(review.contract).or_default();
        match review.by {
            Side::Client => pair.client = Some(review),
            Side::Freelancer => pair.freelancer = Some(review),
        }
    }
    Ok(pairs)
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
