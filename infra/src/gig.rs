//! Clients' gigs.

pub(crate) mod row;

use std::collections::HashMap;

use domain::Timestamp;
use domain::change::Change;
use domain::gig::{BriefInput, BriefPatch, Gig, GigBrief, GigKind, GigStatus, TradeTerms};
use domain::id::{GigId, Id, OrganizationId, SkillId};
use domain::matching::features::{Country, Seniority};
use domain::organization::{Organization, may_draft};
use domain::refusal::Refusal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

pub use self::row::GigsWith;
use self::row::{matching, visible_to, with_skills};
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::sql::{ids, is_one_of, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// Which gigs are wanted.
#[derive(Debug, Clone, Default)]
pub struct GigFilter {
    /// Those that ask for at least one of these skills.
    pub skills: Vec<SkillId>,
    /// Those paid this way.
    pub kind: Option<GigKind>,
    /// Those whose budget reaches at least this, in US cents.
    pub budget_at_least: Option<i64>,
    /// Those whose budget starts at no more than this, in US cents.
    pub budget_at_most: Option<i64>,
    /// Those whose title or description holds these words; the last may be the beginning of one.
    pub text: Option<String>,
    /// Those of this client.
    pub client: Option<OrganizationId>,
    /// Those that want this experience, and those that don't say which.
    pub experience: Option<Seniority>,
    /// Those that may be worked on from this country.
    pub country: Option<Country>,
    /// Those that need no more than so many hours a week, and those that don't say how many.
    pub weekly_hours_at_most: Option<i32>,
    /// Those that were last published at this instant or later.
    pub published_since: Option<Timestamp>,
    /// Those in one of these states; all states when empty.
    pub states: Vec<GigStatus>,
}

/// A gig that is published, and since when.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Published {
    pub(crate) id: Uuid,
    pub(crate) published_at: Timestamp,
}

impl Published {
    /// Which.
    pub(crate) fn gig(&self) -> GigId {
        GigId::from_uuid(self.id)
    }
}

#[derive(FromQueryResult)]
struct Drafts {
    count: i64,
}

impl Market {
    /// Draft a gig for a client.
    pub async fn gig_create(&self, call: &Call, client: OrganizationId, input: BriefInput) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let brief = GigBrief::parse(input.clone(), &std::array::from_fn(|_| tx.id()))?;
            let change = brief.draft(tx.actor(), client, tx.id(), tx.now())?;
            tx.drafts_take_turns("gigs", client).await?;
            let waiting = sql(
                "select count(*) as count from gigs where client_id = $1 and state = 'draft'",
                [client.uuid().into()],
            );
            let waiting = Drafts::find_by_statement(waiting).one(tx.conn()).await?;
            may_draft("gigs", waiting.map_or(0, |found| found.count))?;
            tx.gig_save(change).await
        })
    }

    /// Change what a gig says.
    pub async fn gig_update(
        &self,
        call: &Call,
        id: GigId,
        patch: BriefPatch,
        expected_version: Option<i64>,
    ) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let (fresh, terms) = (std::array::from_fn(|_| tx.id()), tx.trade_terms().await?);
            let change = gig.update(tx.actor(), patch.clone(), &fresh, expected_version, &terms, tx.now())?;
            tx.gig_save(change).await
        })
    }

    /// Put a gig before freelancers.
    pub async fn gig_publish(&self, call: &Call, id: GigId, expected_version: Option<i64>) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let terms = tx.trade_terms().await?;
            let change = gig.publish(tx.actor(), expected_version, &terms, tx.now())?;
            tx.must_read_mail().await?;
            tx.gig_save(change).await
        })
    }

    /// Take no proposals for now.
    pub async fn gig_pause(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            tx.gig_save(gig.pause(tx.actor(), tx.now())?).await
        })
    }

    /// Take proposals again.
    pub async fn gig_resume(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let terms = tx.trade_terms().await?;
            tx.gig_save(gig.resume(tx.actor(), &terms, tx.now())?).await
        })
    }

    /// Give a gig up.
    pub async fn gig_cancel(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let (waiting, terms) = (tx.gig_offers_waiting(id).await?, tx.trade_terms().await?);
            tx.gig_save(gig.cancel(tx.actor(), waiting, &terms, tx.now())?).await
        })
    }

    /// Put an expired or cancelled gig before freelancers again.
    pub async fn gig_reopen(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let terms = tx.trade_terms().await?;
            let change = gig.reopen(tx.actor(), &terms, tx.now())?;
            tx.must_read_mail().await?;
            tx.gig_save(change).await
        })
    }

    /// Take a gig down.
    pub async fn gig_remove(&self, call: &Call, id: GigId, reason: &str) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.shown(tx.gig_for_update(id).await?, Gig::subject)?;
            let change = gig.remove(tx.actor(), reason, tx.now())?;
            if change.changed {
                tx.audit("gig_remove", id, serde_json::json!({ "reason": reason })).await?;
            }
            tx.gig_save(change).await
        })
    }

    /// The time of a gig without activity is up.
    pub(crate) async fn gig_expire(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.gig_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let (last, terms) = (tx.gig_last_activity(&gig).await?, tx.trade_terms().await?);
            tx.gig_save(gig.expire(tx.actor(), last, &terms, tx.now())?).await
        })
    }

    /// The client is told that a gig is about to expire.
    pub(crate) async fn gig_warn_of_expiry(&self, call: &Call, id: GigId) -> Result<Gig, Failure> {
        run!(self, call, tx => {
            let gig = tx.gig_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let (last, terms) = (tx.gig_last_activity(&gig).await?, tx.trade_terms().await?);
            tx.gig_save(gig.warn_of_expiry(tx.actor(), last, &terms, tx.now())?).await
        })
    }

    /// When these gigs expire if nothing happens with them any more; those that can't are missing. Who may know is for
    /// the caller to have found out.
    pub async fn gigs_expire_at(&self, gigs: &[&Gig]) -> Result<HashMap<GigId, Timestamp>, Failure> {
        let now = self.clock().now();
        let (terms, last) = (trade_terms(self.db(), now).await?, last_activities(self.db(), gigs, now).await?);
        let expires = |gig: &&Gig| Some((gig.id, gig.expires_at(*last.get(&gig.id)?, &terms)?));
        Ok(gigs.iter().filter_map(expires).collect())
    }

    /// The gig, if the caller may see it.
    pub async fn gig_find(&self, call: &Call, id: GigId) -> Result<Option<Gig>, Failure> {
        Ok(self.gigs_by_id(call, &[id]).await?.pop())
    }

    /// The gigs of these ids that the caller may see, in no order.
    pub async fn gigs_by_id(&self, call: &Call, ids: &[GigId]) -> Result<Vec<Gig>, Failure> {
        Ok(self.gigs_by_id_with(call, ids, GigsWith::default()).await?.0)
    }

    /// The same, with what belongs to them.
    pub async fn gigs_by_id_with(
        &self,
        call: &Call,
        ids: &[GigId],
        with: GigsWith,
    ) -> Result<(Vec<Gig>, Vec<Organization>), Failure> {
        let select = visible_to(&call.actor).filter(is_one_of(row::Column::Id.into_expr(), ids));
        let (mut gigs, mut clients) = (Vec::new(), Vec::new());
        for mut found in row::whole(self.db(), select, with).await? {
            clients.extend(found.client.take());
            gigs.push(found.gig()?);
        }
        Ok((gigs, clients))
    }

    /// The published gigs the caller may see, those that were published last first, with what belongs
    /// to them.
    pub async fn gigs_page(
        &self,
        call: &Call,
        filter: &GigFilter,
        page: &PageRequest,
        with: GigsWith,
    ) -> Result<(Slice<Gig>, Vec<Organization>), Failure> {
        let _turn = self.turn_for_words(filter.text.as_deref()).await?;
        let select = matching(visible_to(&call.actor), filter).filter(row::Column::PublishedAt.is_not_null());
        let order = Keyset::<row::Entity> {
            list: "gigs",
            columns: vec![row::Column::PublishedAt, row::Column::Id],
            descending: true,
            key: |row| vec![Key::Time(row.published_at.unwrap_or(row.created_at)), Key::Uuid(row.id)],
        };
        let page = order.parse(&page.clone().of_filter(filter))?;
        let total = order.count(self.db(), &select, &page).await?;
        let mut found = row::whole(self.db(), order.cut(select, &page), with).await?;
        let clients = found.iter_mut().filter_map(|found| found.client.take()).collect();
        let slice = Slice { total, ..page.slice(found, |found| (order.key)(&found.row)) };
        Ok((slice.try_map(row::Whole::gig)?, clients))
    }

    /// The published gigs a filter asks for and the caller may see, in no order, and no more of them than their ids and
    /// since when they are published: of more than `most`, those that ask for the most of `skills`, and of these the
    /// newest.
    pub(crate) async fn gigs_for_ranking(
        &self,
        call: &Call,
        filter: &GigFilter,
        skills: &[SkillId],
        most: u64,
    ) -> Result<Vec<Published>, Failure> {
        let _turn = self.turn_for_words(filter.text.as_deref()).await?;
        let skills: Vec<Uuid> = skills.iter().map(|skill| skill.uuid()).collect();
        let held = Expr::cust_with_values(
            "(select count(*) from gig_skills s where s.gig_id = gigs.id and s.skill_id = any($1))",
            [skills],
        );
        let select = matching(visible_to(&call.actor), filter)
            .filter(row::Column::PublishedAt.is_not_null())
            .order_by_desc(held)
            .order_by_desc(row::Column::PublishedAt)
            .order_by_desc(row::Column::Id)
            .limit(most);
        let select = select.select_only().columns([row::Column::Id, row::Column::PublishedAt]);
        Ok(select.into_model::<Published>().all(self.db()).await?)
    }

    /// The gigs of clients that the caller may see, drafts among them for their members, those
    /// that were drafted last first.
    pub async fn gigs_of_clients(
        &self,
        call: &Call,
        clients: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<Pages<OrganizationId, Gig>, Failure> {
        let select = page.narrow(visible_to(&call.actor), row::Column::State);
        let order = Keyset::<row::Entity> {
            list: "gigs_of_client",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let pages = order.pages(self.db(), select, row::Column::ClientId, clients, page).await?;
        let rows = pages.values().flat_map(|slice| slice.items.iter().map(|(_, row)| row.clone())).collect();
        let gigs = with_skills(self.db(), rows).await?;
        let mut gigs: HashMap<GigId, Gig> = gigs.into_iter().map(|gig| (gig.id, gig)).collect();
        try_map_pages(pages, |row| {
            let gig = gigs.remove(&GigId::from_uuid(row.id));
            gig.ok_or_else(|| Fault::bad_row("gigs", "was read, and is not there").into())
        })
    }
}

impl Tx {
    /// The gig, locked until the transaction ends. Whoever locks a gig and its proposals locks the
    /// gig first.
    pub async fn gig_for_update(&self, id: GigId) -> Result<Option<Gig>, Failure> {
        self.gig_of(row::Entity::find_by_id(id.uuid()).lock_exclusive()).await
    }

    /// The gig, kept from changing until the transaction ends; others may keep it so too.
    pub async fn gig_for_share(&self, id: GigId) -> Result<Option<Gig>, Failure> {
        self.gig_of(row::Entity::find_by_id(id.uuid()).lock_shared()).await
    }

    /// The same, if whoever acts may see it.
    pub(crate) async fn gig_shown_for_share(&self, id: GigId) -> Result<Option<Gig>, Failure> {
        self.gig_of(visible_to(self.actor()).filter(row::Column::Id.eq(id.uuid())).lock_shared()).await
    }

    async fn gig_of(&self, select: sea_orm::Select<row::Entity>) -> Result<Option<Gig>, Failure> {
        let mut found = row::whole(self.conn(), select, GigsWith::default()).await?;
        Ok(found.pop().map(row::Whole::gig).transpose()?)
    }

    /// Save a gig with what its change comes with.
    pub async fn gig_save(&self, change: Change<Gig>) -> Result<Gig, Failure> {
        if change.changed {
            self.gig_write(&change.next).await?;
        }
        self.settle(change).await
    }

    /// The figures of the trade that hold now.
    pub async fn trade_terms(&self) -> Result<TradeTerms, Failure> {
        trade_terms(self.conn(), self.now()).await
    }

    async fn gig_write(&self, gig: &Gig) -> Result<(), Failure> {
        let skills: Vec<Uuid> = gig.brief.skills.iter().map(|asked| asked.skill.uuid()).collect();
        let written = row::ActiveModel::try_from(gig)?;
        row::Entity::insert(written).on_conflict(row::rewrite()).exec_without_returning(self.conn()).await?;
        let required: Vec<bool> = gig.brief.skills.iter().map(|asked| asked.required).collect();
        let gone = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "delete from gig_skills where gig_id = $1 and skill_id <> all($2)",
            [gig.id.uuid().into(), skills.clone().into()],
        );
        self.conn().execute_raw(gone).await?;
        let there = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into gig_skills (gig_id, skill_id, required, position)
             select $1, skill, required, place
             from unnest($2::uuid[], $3::boolean[]) with ordinality as asked (skill, required, place)
             on conflict (gig_id, skill_id)
             do update set required = excluded.required, position = excluded.position
             where (gig_skills.required, gig_skills.position) <> (excluded.required, excluded.position)",
            [gig.id.uuid().into(), skills.into(), required.into()],
        );
        self.conn().execute_raw(there).await?;
        Ok(())
    }

    async fn gig_last_activity(&self, gig: &Gig) -> Result<Timestamp, Failure> {
        let last = last_activities(self.conn(), &[gig], self.now()).await?;
        Ok(last.get(&gig.id).copied().unwrap_or(gig.active_at))
    }

    async fn gig_offers_waiting(&self, gig: GigId) -> Result<u64, Failure> {
        let waiting = WaitingRow::find_by_statement(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "select count(*) as waiting from proposals p join offers o on o.proposal_id = p.id
             where p.gig_id = $1 and o.status in ('draft', 'pending_funding', 'sent')",
            [gig.uuid().into()],
        ));
        let waiting = waiting.one(self.conn()).await?.map_or(0, |row| row.waiting);
        Ok(u64::try_from(waiting).unwrap_or(0))
    }
}

/// When anybody last did something with gigs. An offer that waits for money or an answer keeps its gig alive: that has
/// a clock of its own. It did so until it ended, whichever way. One that is a draft has no clock, and is something that
/// was done when it was made.
async fn last_activities(
    conn: &impl ConnectionTrait,
    gigs: &[&Gig],
    now: Timestamp,
) -> Result<HashMap<GigId, Timestamp>, Failure> {
    let which: Vec<GigId> = gigs.iter().map(|gig| gig.id).collect();
    let done = LastRow::find_by_statement(sql(
        "select p.gig_id as id, max(greatest(p.updated_at, o.last)) as last
         from proposals p left join lateral (
             select max(case when status = 'draft' then created_at when status in ('pending_funding', 'sent') then $2
                 else coalesce(state ->> 'accepted_at', state ->> 'declined_at', state ->> 'withdrawn_at',
                     state ->> 'expired_at')::timestamptz end) as last
             from offers where proposal_id = p.id) o on true
         where p.gig_id = any($1) and p.submitted_at is not null
           and p.status not in ('not_selected', 'expired', 'removed')
         group by p.gig_id",
        [ids(&which), now.into()],
    ));
    let done: HashMap<Uuid, Timestamp> = done.all(conn).await?.into_iter().map(|row| (row.id, row.last)).collect();
    let last = |gig: &&Gig| {
        let done = done.get(&gig.id.uuid()).copied();
        (gig.id, done.map_or(gig.active_at, |done| done.max(gig.active_at)))
    };
    Ok(gigs.iter().map(last).collect())
}

#[derive(FromQueryResult)]
struct LastRow {
    id: Uuid,
    last: Timestamp,
}

#[derive(FromQueryResult)]
struct WaitingRow {
    waiting: i64,
}

#[derive(FromQueryResult)]
struct TermsRow {
    terms: serde_json::Value,
}

/// The figures of the trade that hold at an instant.
pub(crate) async fn trade_terms(conn: &impl ConnectionTrait, now: Timestamp) -> Result<TradeTerms, Failure> {
    let row = TermsRow::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "select terms from trade_terms where effective_from <= $1 order by effective_from desc limit 1",
        [now.into()],
    ));
    match row.one(conn).await? {
        Some(row) => Ok(serde_json::from_value(row.terms)?),
        None => Ok(TradeTerms::default()),
    }
}
