//! Freelancers' proposals for gigs.
//!
//! Locks are taken in the order of ARCHITECTURE.md.

use std::collections::HashMap;

use domain::Timestamp;
use domain::access::{self, Verb};
use domain::change::Change;
use domain::gig::{BidQuota, Gig};
use domain::id::{GigId, Id, ProposalId, UserId};
use domain::proposal::{
    Bid, BidInput, Closing, Counter, DeclineReason, PriceInput, Proposal, ProposalState, ProposalTerms,
};
use domain::refusal::Refusal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::gig::trade_terms;
use crate::market::Market;
use crate::page::{COUNTED, Key, Keyset, Page, PageRequest, Pages, Slice, try_map_pages};
use crate::save::saving;
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

mod alike;
mod along;
mod submit;

pub use along::{ProposalsFound, ProposalsWith};

/// The proposals for a gig, in cursors.
const OF_GIG: &str = "gig_proposals";

/// The proposals for a gig by how well their freelancers fit, in cursors.
const BY_FIT: &str = "gig_proposals_by_fit";

/// So many proposals for a gig are listed by fit: the latest.
const LISTED: i64 = 5_000;
/// Of these so many are ranked, again the latest; the others come after them.
const RANKED: usize = 500;

/// What one side proposed at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Counts up from 1.
    pub number: i32,
    /// What was proposed.
    pub body: RevisionBody,
    /// When.
    pub created_at: Timestamp,
}

/// What one side proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "side", rename_all = "snake_case")]
pub enum RevisionBody {
    /// The freelancer, all of it.
    Freelancer {
        /// What.
        terms: ProposalTerms,
    },
    /// The client, another price.
    Client {
        /// What.
        counter: Counter,
    },
}

impl Market {
    /// Keep a draft of a proposal.
    pub async fn proposal_draft_save(&self, call: &Call, gig: GigId, input: BidInput) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let (gig, ties) = tx.bid_ties(gig).await?;
            let is_blocked = tx.is_blocked(gig.client, tx.actor().person()?.user).await?;
            let bid = Bid { is_blocked, ..Bid::after(&gig, &ties.mine, ties.is_invited) };
            let policy = tx.policy_in_force().await?.terms;
            tx.proposal_save(bid.save_draft(tx.actor(), input.clone(), tx.id(), &policy, tx.now())?).await
        })
    }

    /// The client opens a proposal.
    pub async fn proposal_view(&self, call: &Call, id: ProposalId) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.view(tx.actor(), tx.now())?).await
        })
    }

    /// The client keeps a proposal in mind.
    pub async fn proposal_shortlist(&self, call: &Call, id: ProposalId) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.shortlist(tx.actor(), tx.now())?).await
        })
    }

    /// The client begins to talk with the freelancer.
    pub async fn proposal_interview(&self, call: &Call, id: ProposalId) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.interview(tx.actor(), tx.now())?).await
        })
    }

    /// The client does not want a proposal.
    pub async fn proposal_decline(
        &self,
        call: &Call,
        id: ProposalId,
        reason: DeclineReason,
        note: &str,
    ) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.decline(tx.actor(), reason, note, tx.now())?).await
        })
    }

    /// The client proposes another price.
    pub async fn proposal_counter(
        &self,
        call: &Call,
        id: ProposalId,
        price: PriceInput,
        message: &str,
        expected_version: Option<i64>,
    ) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.shown(tx.proposal_for_update(id).await?, Proposal::subject)?;
            let policy = tx.policy_in_force().await?.terms;
            let price = (price.clone(), &policy);
            let change = proposal.counter(tx.actor(), price, message, expected_version, tx.now())?;
            tx.proposal_save(change).await
        })
    }

    /// The freelancer takes the price that the client proposed.
    pub async fn proposal_counter_accept(
        &self,
        call: &Call,
        id: ProposalId,
        expected_version: Option<i64>,
    ) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.counter_accept(tx.actor(), expected_version)?).await
        })
    }

    /// The freelancer proposes something else.
    pub async fn proposal_revise(
        &self,
        call: &Call,
        id: ProposalId,
        input: BidInput,
        expected_version: Option<i64>,
    ) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let seen = tx.shown(tx.proposal_now(id).await?, Proposal::subject)?;
            let gig = tx.gig_for_share(seen.gig).await?.ok_or(Refusal::HIDDEN)?;
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let policy = tx.policy_in_force().await?.terms;
            let bounds = (&gig.brief, &policy);
            tx.proposal_save(proposal.revise(tx.actor(), input.clone(), bounds, expected_version)?).await
        })
    }

    /// The freelancer takes a proposal back.
    pub async fn proposal_withdraw(&self, call: &Call, id: ProposalId) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.withdraw(tx.actor(), tx.now())?).await
        })
    }

    /// The proposals that were live when a gig closed end with it.
    pub(crate) async fn proposals_close(
        &self,
        call: &Call,
        gig: GigId,
        closing: Closing,
        closed_at: Timestamp,
    ) -> Result<(), Failure> {
        let live = row::Entity::find()
            .filter(row::Column::GigId.eq(gig.uuid()))
            .filter(row::Column::Status.is_in(["submitted", "viewed", "shortlisted", "interviewing", "countered"]))
            .filter(row::Column::SubmittedAt.lte(closed_at));
        for row in live.all(self.db()).await? {
            let id = ProposalId::from_uuid(row.id);
            let closed: Result<Proposal, Failure> = run!(self, call, tx => {
                let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
                tx.proposal_save(proposal.close(tx.actor(), closing, tx.now())?).await
            });
            closed?;
        }
        Ok(())
    }

    /// The proposal, if the caller may see it.
    pub async fn proposal_find(&self, call: &Call, id: ProposalId) -> Result<Option<Proposal>, Failure> {
        Ok(self.proposals_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Proposals by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn proposals_by_id(&self, call: &Call, wanted: &[ProposalId]) -> Result<Vec<Proposal>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Proposal::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found
            .into_iter()
            .filter(|proposal| access::allows(&call.actor, Verb::ProposalRead, &proposal.subject()))
            .collect())
    }

    /// The proposals for gigs, the newest first. The members of their clients see them, which
    /// is for the caller to have found out.
    pub async fn proposals_of_gigs(
        &self,
        _call: &Call,
        gigs: &[GigId],
        page: &PageRequest,
    ) -> Result<Pages<GigId, Proposal>, Failure> {
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::SubmittedAt.is_not_null());
        let pages = newest_first(OF_GIG).pages(self.db(), select, row::Column::GigId, gigs, page).await?;
        Ok(try_map_pages(pages, Proposal::try_from)?)
    }

    /// The proposals for a gig, the newest first. Its client's members see them; for others the
    /// list is empty.
    pub async fn proposals_of_gig(
        &self,
        call: &Call,
        gig: &Gig,
        without: &[ProposalId],
        page: &PageRequest,
    ) -> Result<Slice<Proposal>, Failure> {
        if !access::allows(&call.actor, Verb::GigRead, &gig.subject()) {
            return Ok(Slice::empty());
        }
        let without: Vec<Uuid> = without.iter().map(|proposal| proposal.uuid()).collect();
        let select = page
            .narrow(row::Entity::find(), row::Column::Status)
            .filter(row::Column::GigId.eq(gig.id.uuid()))
            .filter(row::Column::SubmittedAt.is_not_null())
            .filter(Expr::cust_with_values("proposals.id <> all($1)", [without]));
        Ok(newest_first(OF_GIG).page(self.db(), select, page).await?.try_map(Proposal::try_from)?)
    }

    /// The proposals for a gig whose client the caller acts for, those of the best fitting
    /// freelancers first; of more than are ranked, the latest are.
    pub async fn proposals_of_gig_by_fit(
        &self,
        call: &Call,
        gig: &Gig,
        without: &[ProposalId],
        page: &PageRequest,
    ) -> Result<Slice<Proposal>, Failure> {
        if !access::allows(&call.actor, Verb::GigRead, &gig.subject()) {
            return Ok(Slice::empty());
        }
        let states: Vec<String> = page.states.clone();
        let page = Page::parse(page, BY_FIT, 2)?;
        let without: Vec<Uuid> = without.iter().map(|proposal| proposal.uuid()).collect();
        let bids = BidRow::find_by_statement(sql(
            "select id, freelancer_id from proposals where gig_id = $1 and submitted_at is not null and id <> all($2)
             and (status = any($4) or cardinality($4) = 0) order by submitted_at desc, id desc limit $3",
            [gig.id.uuid().into(), without.into(), LISTED.into(), states.into()],
        ));
        let bids = bids.all(self.db()).await?;
        let people: Vec<UserId> = bids.iter().take(RANKED).map(|bid| UserId::from_uuid(bid.freelancer_id)).collect();
        let scores = self.people_scores(call, gig, &people).await?;
        // The best first, and who is not scored last.
        let order = |bid: &BidRow| {
            let score = scores.get(&UserId::from_uuid(bid.freelancer_id));
            (score.is_none(), score.map(|score| -score), bid.id)
        };
        let slice = page.cut_sorted(bids, order, |bid| Key::Uuid(bid.id));
        let shown: Vec<ProposalId> = slice.items.iter().map(|(_, bid)| ProposalId::from_uuid(bid.id)).collect();
        let mut whole = self.proposals_read(&shown).await?;
        let whole = |(cursor, bid): (String, BidRow)| Some((cursor, whole.remove(&ProposalId::from_uuid(bid.id))?));
        let items = slice.items.into_iter().filter_map(whole).collect();
        Ok(Slice { items, has_next: slice.has_next, has_previous: slice.has_previous, total: slice.total })
    }

    /// The live proposals for a gig that say nearly the same, in groups, the earliest of each first.
    /// Its client's members see them; for others there are none.
    pub async fn proposals_alike(&self, call: &Call, gig: &Gig) -> Result<Vec<Vec<Proposal>>, Failure> {
        if !access::allows(&call.actor, Verb::GigRead, &gig.subject()) {
            return Ok(Vec::new());
        }
        Ok(self.proposals_alike_for(&[gig.id]).await?.remove(&gig.id).unwrap_or_default())
    }

    /// The same, for several gigs, of whose clients the caller has been found to be a member.
    pub async fn proposals_alike_for(&self, gigs: &[GigId]) -> Result<HashMap<GigId, Vec<Vec<Proposal>>>, Failure> {
        let alike = self.letters_alike(gigs).await?;
        let which: Vec<ProposalId> = alike.values().flat_map(|groups| groups.iter().flatten()).copied().collect();
        let mut whole = self.proposals_read(&which).await?;
        let mut read = |group: &Vec<ProposalId>| group.iter().filter_map(|id| whole.remove(id)).collect::<Vec<_>>();
        let mut of = HashMap::new();
        for (gig, groups) in alike {
            // What ended since they were compared leaves its group, and one alone is no group.
            let groups = groups.iter().map(&mut read).filter(|group| group.len() > 1).collect();
            of.insert(gig, groups);
        }
        Ok(of)
    }

    /// Proposals by their ids, whoever asks.
    async fn proposals_read(&self, wanted: &[ProposalId]) -> Result<HashMap<ProposalId, Proposal>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let read = rows.into_iter().map(|row| Proposal::try_from(row).map(|proposal| (proposal.id, proposal)));
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// The caller's own proposals, the newest first.
    pub async fn proposals_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Proposal>, Failure> {
        let user = call.actor.person()?.user;
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::FreelancerId.eq(user.uuid()));
        Ok(newest_first("viewer_proposals").page(self.db(), select, page).await?.try_map(Proposal::try_from)?)
    }

    /// How many proposals the caller has sent of those that are free to send.
    pub async fn bid_quota(&self, call: &Call) -> Result<BidQuota, Failure> {
        let (user, now) = (call.actor.person()?.user, self.clock().now());
        let terms = trade_terms(self.db(), now).await?;
        let values = [user.uuid().into(), now.into(), i32::from(terms.bid_window_days).into()];
        let used = Used::find_by_statement(sql("select bids_used($1, $2, $3) as used", values)).one(self.db()).await?;
        Ok(terms.bids(used.map_or(0, |row| u32::try_from(row.used).unwrap_or(u32::MAX))))
    }

    /// The caller's own proposals for each of these gigs, the latest first.
    pub async fn proposals_of_viewer_for(
        &self,
        call: &Call,
        gigs: &[GigId],
    ) -> Result<HashMap<GigId, Vec<Proposal>>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(HashMap::new()) };
        let select = sql(
            "select * from proposals where gig_id = any($1) and freelancer_id = $2 order by gig_id, id desc",
            [ids(gigs), user.uuid().into()],
        );
        let mut found: HashMap<GigId, Vec<Proposal>> = HashMap::new();
        for row in row::Entity::find().from_raw_sql(select).all(self.db()).await? {
            let proposal = Proposal::try_from(row)?;
            found.entry(proposal.gig).or_default().push(proposal);
        }
        Ok(found)
    }

    /// How many proposals were sent for gigs, counted up to `COUNTED`. Who may know is for the caller to have found out.
    pub async fn proposal_counts(&self, gigs: &[GigId]) -> Result<HashMap<GigId, i64>, Failure> {
        let counts = CountRow::find_by_statement(sql(
            "select gig as gig_id, (select count(*) from (
                 select from proposals where gig_id = gig and submitted_at is not null limit $2) sent) as count
             from unnest($1::uuid[]) gig",
            [ids(gigs), COUNTED.cast_signed().into()],
        ));
        let counts = counts.all(self.db()).await?;
        Ok(counts.into_iter().map(|row| (GigId::from_uuid(row.gig_id), row.count)).collect())
    }

    /// What each side proposed, the latest first. The caller was shown the proposals.
    pub async fn revisions_of_proposals(
        &self,
        _call: &Call,
        proposals: &[ProposalId],
        page: &PageRequest,
    ) -> Result<Pages<ProposalId, Revision>, Failure> {
        let order = Keyset::<revision_row::Entity> {
            list: "proposal_revisions",
            columns: vec![revision_row::Column::Number],
            descending: true,
            key: |row| vec![Key::Int(row.number.into())],
        };
        let (select, column) = (revision_row::Entity::find(), revision_row::Column::ProposalId);
        Ok(try_map_pages(order.pages(self.db(), select, column, proposals, page).await?, Revision::try_from)?)
    }
}

/// What there is between a person and a gig.
struct Ties {
    mine: Vec<Proposal>,
    is_invited: bool,
}

#[derive(FromQueryResult)]
struct CountRow {
    gig_id: Uuid,
    count: i64,
}

#[derive(FromQueryResult)]
struct Used {
    used: i64,
}

#[derive(FromQueryResult)]
struct BidRow {
    id: Uuid,
    freelancer_id: Uuid,
}

impl Tx {
    /// The proposal, locked until the transaction ends. Whoever needs its gig locks the gig first.
    pub async fn proposal_for_update(&self, id: ProposalId) -> Result<Option<Proposal>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Proposal::try_from).transpose()?)
    }

    /// The proposal as it is now; it may change. Which gig it is for never does.
    pub(crate) async fn proposal_now(&self, id: ProposalId) -> Result<Option<Proposal>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.conn()).await?;
        Ok(row.map(Proposal::try_from).transpose()?)
    }

    /// Save a proposal with what its change comes with. What is new of it is kept as a revision.
    pub async fn proposal_save(&self, change: Change<Proposal>) -> Result<Proposal, Failure> {
        if change.changed {
            let proposal = &change.next;
            let saved = saving(row::model(proposal, self.now()));
            let saved = if proposal.revision > 0 { self.with_revision(saved, proposal)? } else { saved };
            self.conn()
                .execute_raw(saved)
                .await
                .map_err(|error| Failure::from(error).when_violated("proposals_one_live", taken))?;
        }
        self.settle(change).await
    }

    /// The statement that saves a proposal, keeping along with it what was proposed, once.
    fn with_revision(&self, saved: Statement, proposal: &Proposal) -> Result<Statement, Failure> {
        let body = match &proposal.state {
            ProposalState::Countered { counter, .. } => RevisionBody::Client { counter: counter.clone() },
            _ => RevisionBody::Freelancer { terms: proposal.terms.clone() },
        };
        let side = match body {
            RevisionBody::Client { .. } => "client",
            RevisionBody::Freelancer { .. } => "freelancer",
        };
        let mut values = saved.values.map(|values| values.0).unwrap_or_default();
        let at = values.len();
        let keep = format!(
            "with saved as ({})
             insert into proposal_revisions (proposal_id, number, side, body, created_at)
             values (${}, ${}, ${}, ${}, ${}) on conflict (proposal_id, number) do nothing",
            saved.sql,
            at + 1,
            at + 2,
            at + 3,
            at + 4,
            at + 5
        );
        values.extend([
            proposal.id.uuid().into(),
            i64::from(proposal.revision).into(),
            side.into(),
            serde_json::to_value(&body)?.into(),
            self.now().into(),
        ]);
        Ok(Statement::from_sql_and_values(DbBackend::Postgres, keep, values))
    }

    /// The gig, and what is between it and the caller: did they bid on it, or are they invited?
    async fn bid_ties(&self, gig: GigId) -> Result<(Gig, Ties), Failure> {
        let user: UserId = self.actor().person()?.user;
        let gig = self.gig_shown_for_share(gig).await?.ok_or(Refusal::HIDDEN)?;
        // Their bids are locked, so that two requests of one person about one gig are decided one after the other.
        let mine = row::Entity::find()
            .filter(row::Column::GigId.eq(gig.id.uuid()))
            .filter(row::Column::FreelancerId.eq(user.uuid()))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        let mine = mine.into_iter().map(Proposal::try_from).collect::<Result<Vec<_>, _>>()?;
        let is_invited = self.is_invited(gig.id, user).await?;
        Ok((gig, Ties { mine, is_invited }))
    }
}

fn taken() -> Refusal {
    Refusal::rule("PROPOSAL_EXISTS", "you have a live proposal for this gig: revise that one")
}

fn newest_first(list: &'static str) -> Keyset<row::Entity> {
    Keyset { list, columns: vec![row::Column::Id], descending: true, key: |row| vec![Key::Uuid(row.id)] }
}

/// The condition that the caller submitted a proposal for the gig of a row of gigs, or was invited.
pub(crate) fn tied_to_gig(user: UserId) -> Expr {
    Expr::cust_with_values(
        "gigs.published_at is not null and (
             exists (select 1 from invitations i where i.gig_id = gigs.id and i.freelancer_id = $1)
             or exists (select 1 from proposals p
                        where p.gig_id = gigs.id and p.freelancer_id = $2 and p.submitted_at is not null))",
        [user.uuid(), user.uuid()],
    )
}

impl TryFrom<row::Model> for Proposal {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: ProposalState = row.state.0;
        let proposal = Self {
            id: ProposalId::from_uuid(row.id),
            gig: Id::from_uuid(row.gig_id),
            client: Id::from_uuid(row.client_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            terms: row.terms.0,
            state,
            revision: u32::try_from(row.revision).map_err(|error| Fault::bad_row("proposals", error))?,
            submitted_at: row.submitted_at,
            viewed_at: row.viewed_at,
            version: row.version,
            created_at: row.created_at,
        };
        if proposal.status().as_str() == row.status {
            Ok(proposal)
        } else {
            Err(Fault::bad_row("proposals", "status and state differ"))
        }
    }
}

impl TryFrom<revision_row::Model> for Revision {
    type Error = Fault;
    fn try_from(row: revision_row::Model) -> Result<Self, Fault> {
        Ok(Self { number: row.number, body: serde_json::from_value(row.body)?, created_at: row.created_at })
    }
}

mod row {
    use domain::Timestamp;
    use domain::id::Id;
    use domain::proposal::{Proposal, ProposalState, ProposalTerms};
    use sea_orm::entity::prelude::*;
    use serde::Serialize;

    use crate::doc::Doc;

    /// The states of a live proposal, as the index on them names them.
    pub const LIVE: [&str; 7] = ["draft", "submitted", "viewed", "shortlisted", "interviewing", "countered", "offered"];

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "proposals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub gig_id: Uuid,
        pub client_id: Uuid,
        pub freelancer_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub terms: Doc<ProposalTerms>,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Doc<ProposalState>,
        pub revision: i32,
        pub submitted_at: Option<DateTimeUtc>,
        pub viewed_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}

    /// The whole row of a proposal that is written now.
    pub fn model(proposal: &Proposal, now: Timestamp) -> Model {
        Model {
            id: proposal.id.uuid(),
            gig_id: proposal.gig.uuid(),
            client_id: proposal.client.uuid(),
            freelancer_id: proposal.freelancer.uuid(),
            terms: proposal.terms.clone().into(),
            status: proposal.status().as_str().to_owned(),
            state: proposal.state.clone().into(),
            revision: i32::try_from(proposal.revision).unwrap_or(i32::MAX),
            submitted_at: proposal.submitted_at,
            viewed_at: proposal.viewed_at,
            version: proposal.version,
            created_at: proposal.created_at,
            updated_at: now,
        }
    }
}

mod revision_row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "proposal_revisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub proposal_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub side: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
