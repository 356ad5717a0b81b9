//! Freelancers' proposals for gigs.
//!
//! Locks are taken in one order: who bids, the gig, its proposals.

use std::collections::HashMap;

use domain::Timestamp;
use domain::access::{self, Verb};
use domain::change::Change;
use domain::gig::Gig;
use domain::id::{GigId, Id, ProposalId, UserId};
use domain::proposal::{
    Bid, BidInput, Closing, Counter, DeclineReason, PriceInput, Proposal, ProposalState, ProposalTerms, alike,
};
use domain::refusal::Refusal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, Page, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// The proposals for a gig, in cursors.
const OF_GIG: &str = "gig_proposals";

/// The proposals for a gig by how well their freelancers fit, in cursors.
const BY_FIT: &str = "gig_proposals_by_fit";

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
            let bid = Bid { gig: &gig, tied: ties.tied, live: ties.live.as_ref(), bids_used: 0 };
            tx.proposal_save(bid.save_draft(tx.actor(), input.clone(), tx.id(), tx.now())?).await
        })
    }

    /// Put a proposal before the client.
    pub async fn proposal_submit(&self, call: &Call, gig: GigId, input: BidInput) -> Result<Proposal, Failure> {
        run!(self, call, tx => {
            tx.bids_in_turn().await?;
            let (gig, ties) = tx.bid_ties(gig).await?;
            let terms = tx.trade_terms().await?;
            let bids_used = tx.bids_used(terms.bid_window_days.into()).await?;
            let bid = Bid { gig: &gig, tied: ties.tied, live: ties.live.as_ref(), bids_used };
            let change = bid.submit(tx.actor(), input.clone(), tx.id(), &terms, tx.now())?;
            let proposal = tx.proposal_save(change).await?;
            tx.invitation_accepted(&proposal).await?;
            Ok(proposal)
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
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = proposal.counter(tx.actor(), price.clone(), message, expected_version, tx.now())?;
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
            let gig = tx.gig_of_proposal(id).await?.ok_or(Refusal::HIDDEN)?;
            let gig = tx.gig_for_share(gig).await?.ok_or(Refusal::HIDDEN)?;
            let proposal = tx.proposal_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            tx.proposal_save(proposal.revise(tx.actor(), input.clone(), &gig.brief, expected_version)?).await
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
        let select = row::Entity::find().filter(row::Column::SubmittedAt.is_not_null());
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
        let select = row::Entity::find()
            .filter(row::Column::GigId.eq(gig.id.uuid()))
            .filter(row::Column::SubmittedAt.is_not_null())
            .filter(Expr::cust_with_values("proposals.id <> all($1)", [without]));
        Ok(newest_first(OF_GIG).page(self.db(), select, page).await?.try_map(Proposal::try_from)?)
    }

    /// The proposals for a gig whose client the caller acts for, those of the best fitting
    /// freelancers first.
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
        let page = Page::parse(page, BY_FIT, 2)?;
        let rows = row::Entity::find()
            .filter(row::Column::GigId.eq(gig.id.uuid()))
            .filter(row::Column::SubmittedAt.is_not_null())
            .all(self.db());
        let proposals = rows.await?.into_iter().map(Proposal::try_from).collect::<Result<Vec<_>, _>>()?;
        let proposals: Vec<Proposal> =
            proposals.into_iter().filter(|proposal| !without.contains(&proposal.id)).collect();
        let people: Vec<UserId> = proposals.iter().map(|proposal| proposal.freelancer).collect();
        let scores = self.people_scores(call, gig, &people).await?;
        // Larger keys come later: scores are turned around, and who fits not at all comes last.
        let place = |proposal: &Proposal| match scores.get(&proposal.freelancer) {
            Some(score) => Key::Int(-score),
            None => Key::Int(1),
        };
        Ok(page.cut_sorted(BY_FIT, proposals, |proposal| vec![place(proposal), Key::Uuid(proposal.id.uuid())]))
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
        let live = row::LIVE.map(|status| format!("'{status}'")).join(", ");
        let select = format!(
            "select theirs.* from unnest($1::uuid[]) owner, lateral (
                 select * from proposals where gig_id = owner and submitted_at is not null and status in ({live})
                 order by submitted_at, id limit $2) theirs
             order by submitted_at, id"
        );
        let most = i64::try_from(alike::COMPARED).unwrap_or(i64::MAX);
        let rows = row::Entity::find().from_raw_sql(sql(&select, [ids(gigs), most.into()])).all(self.db()).await?;
        let mut of: HashMap<GigId, Vec<Proposal>> = HashMap::new();
        for row in rows {
            let proposal = Proposal::try_from(row)?;
            of.entry(proposal.gig).or_default().push(proposal);
        }
        let groups = |proposals: Vec<Proposal>| {
            let letters: Vec<&str> = proposals.iter().map(|proposal| proposal.terms.cover_letter.as_str()).collect();
            let groups = alike::groups(&letters);
            groups.into_iter().map(|group| group.into_iter().map(|at| proposals[at].clone()).collect()).collect()
        };
        Ok(of.into_iter().map(|(gig, proposals)| (gig, groups(proposals))).collect())
    }

    /// The caller's own proposals, the newest first.
    pub async fn proposals_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Proposal>, Failure> {
        let user = call.actor.person()?.user;
        let select = row::Entity::find().filter(row::Column::FreelancerId.eq(user.uuid()));
        Ok(newest_first("viewer_proposals").page(self.db(), select, page).await?.try_map(Proposal::try_from)?)
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

struct Ties {
    tied: bool,
    live: Option<Proposal>,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

#[derive(FromQueryResult)]
struct GigRow {
    gig_id: Uuid,
}

impl Tx {
    /// The proposal, locked until the transaction ends. Whoever needs its gig locks the gig first.
    pub async fn proposal_for_update(&self, id: ProposalId) -> Result<Option<Proposal>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Proposal::try_from).transpose()?)
    }

    /// Which gig a proposal is for, without locking anything.
    pub async fn gig_of_proposal(&self, id: ProposalId) -> Result<Option<GigId>, Failure> {
        let found = GigRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select gig_id from proposals where id = $1",
            [id.uuid().into()],
        ));
        Ok(found.one(self.conn()).await?.map(|row| GigId::from_uuid(row.gig_id)))
    }

    /// Save a proposal with what its change comes with. What is new of it is kept as a revision.
    pub async fn proposal_save(&self, change: Change<Proposal>) -> Result<Proposal, Failure> {
        if change.changed {
            let proposal = &change.next;
            crate::save::save_row(self.conn(), row::active(proposal, self.now())?).await.map_err(|failure| {
                failure.when_violated("proposals_one_live", || {
                    Refusal::rule("PROPOSAL_EXISTS", "you have a live proposal for this gig: revise that one")
                })
            })?;
            if proposal.revision > 0 {
                self.revision_keep(proposal).await?;
            }
        }
        self.settle(change).await
    }

    async fn revision_keep(&self, proposal: &Proposal) -> Result<(), Failure> {
        let body = match &proposal.state {
            ProposalState::Countered { counter, .. } => RevisionBody::Client { counter: counter.clone() },
            _ => RevisionBody::Freelancer { terms: proposal.terms.clone() },
        };
        let side = match body {
            RevisionBody::Client { .. } => "client",
            RevisionBody::Freelancer { .. } => "freelancer",
        };
        let insert = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into proposal_revisions (proposal_id, number, side, body, created_at) values ($1, $2, $3, $4, $5)
             on conflict (proposal_id, number) do nothing",
            [
                proposal.id.uuid().into(),
                i64::from(proposal.revision).into(),
                side.into(),
                serde_json::to_value(&body)?.into(),
                self.now().into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        Ok(())
    }

    /// A person's bids are decided one after the other, whatever gigs they are for: so none of them
    /// is counted before another that is being sent.
    async fn bids_in_turn(&self) -> Result<(), Failure> {
        let user = self.actor().person()?.user;
        let lock = sql("select id from users where id = $1 for no key update", [user.uuid().into()]);
        self.conn().execute_raw(lock).await?;
        Ok(())
    }

    async fn bid_ties(&self, gig: GigId) -> Result<(Gig, Ties), Failure> {
        let user: UserId = self.actor().person()?.user;
        let gig = self.gig_for_share(gig).await?.ok_or(Refusal::HIDDEN)?;
        let mine = row::Entity::find()
            .filter(row::Column::GigId.eq(gig.id.uuid()))
            .filter(row::Column::FreelancerId.eq(user.uuid()));
        // Locked, so that two requests of one person about one gig are decided one after the other.
        let mine = mine.order_by_asc(row::Column::Id).lock_exclusive().all(self.conn()).await?;
        let invited = self.is_invited(gig.id, user).await?;
        let tied = invited || mine.iter().any(|row| row.submitted_at.is_some());
        let live = mine.into_iter().find(|row| row::LIVE.contains(&row.status.as_str()));
        Ok((gig, Ties { tied, live: live.map(Proposal::try_from).transpose()? }))
    }

    /// The caller's bids of the last `days` that count: those whose gig closed unfilled, and those
    /// that ended unopened, are given back.
    async fn bids_used(&self, days: i64) -> Result<u32, Failure> {
        let user = self.actor().person()?.user;
        let since = self.now() - chrono::TimeDelta::days(days);
        let count = Count::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select count(*) as count from proposals p join gigs g on g.id = p.gig_id
             where p.freelancer_id = $1 and p.submitted_at > $2
               and g.state not in ('expired', 'cancelled', 'removed')
               and not (p.viewed_at is null
                        and p.status in ('withdrawn', 'declined', 'not_selected', 'expired', 'removed'))",
            [user.uuid().into(), since.into()],
        ));
        let count = count.one(self.conn()).await?.map_or(0, |row| row.count);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
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
        let state: ProposalState = serde_json::from_value(row.state)?;
        let proposal = Self {
            id: ProposalId::from_uuid(row.id),
            gig: Id::from_uuid(row.gig_id),
            client: Id::from_uuid(row.client_id),
            freelancer: Id::from_uuid(row.freelancer_id),
            terms: serde_json::from_value(row.terms)?,
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
    use domain::proposal::Proposal;
    use sea_orm::entity::prelude::*;

    use super::Set;
    use crate::Fault;

    /// The states of a live proposal, as the index on them names them.
    pub const LIVE: [&str; 7] = ["draft", "submitted", "viewed", "shortlisted", "interviewing", "countered", "offered"];

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "proposals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub gig_id: Uuid,
        pub client_id: Uuid,
        pub freelancer_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub terms: Json,
        pub status: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub state: Json,
        pub revision: i32,
        pub submitted_at: Option<DateTimeUtc>,
        pub viewed_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}

    pub fn active(proposal: &Proposal, now: Timestamp) -> Result<ActiveModel, Fault> {
        Ok(ActiveModel {
            id: Set(proposal.id.uuid()),
            gig_id: Set(proposal.gig.uuid()),
            client_id: Set(proposal.client.uuid()),
            freelancer_id: Set(proposal.freelancer.uuid()),
            terms: Set(serde_json::to_value(&proposal.terms)?),
            status: Set(proposal.status().as_str().to_owned()),
            state: Set(serde_json::to_value(&proposal.state)?),
            revision: Set(i32::try_from(proposal.revision).unwrap_or(i32::MAX)),
            submitted_at: Set(proposal.submitted_at),
            viewed_at: Set(proposal.viewed_at),
            version: Set(proposal.version),
            created_at: Set(proposal.created_at),
            updated_at: Set(now),
        })
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
