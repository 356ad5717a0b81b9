//! Outages: declared by our people, and carried out by the worker in batches. A grant is written in
//! the transaction that moves the deadline, once for each outage and clock of a milestone or week, so
//! that two workers, or one that dies half way and goes on where it was, give everybody their hours once.

use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::access::Actor;
use domain::change::Change;
use domain::dispute::{self, Case, CaseId};
use domain::id::{Id, MilestoneId, OfferId, OutageId, TimesheetId};
use domain::outage::{Grant, Outage, OutageDraft, Places, Span, Status};
use domain::refusal::Refusal;
use domain::timer::Timer;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Pages, Slice, try_map_pages};
use crate::save::save_row;
use crate::sql::{rows_with, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// How many milestones or weeks are looked at in one transaction.
const BATCH: usize = 50;
/// How many batches a worker does before other work has its turn.
const AT_ONCE: usize = 10;
/// And for how long, if they are slow: well within what a deadline may take. Cut off, it would count as a failure, and
/// after some of these deadlines wait for it no longer.
const TURN: Duration = Duration::from_secs(8);

/// The lists of grants, in cursors.
const MILESTONE_GRANTS: &str = "milestone_outage_grants";
const TIMESHEET_GRANTS: &str = "timesheet_outage_grants";

/// What may be affected.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Milestones,
    Weeks,
    Offers,
}

impl Kind {
    fn next(self) -> Option<Self> {
        match self {
            Self::Milestones => Some(Self::Weeks),
            Self::Weeks => Some(Self::Offers),
            Self::Offers => None,
        }
    }
}

/// Where to go on with an outage, in one of its two rounds: while it goes on, and when it is `over`. What comes after
/// this one is `next`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    over: bool,
    next: (Kind, Uuid),
}

#[derive(FromQueryResult)]
struct Placed {
    place: Option<serde_json::Value>,
}

/// A milestone or a week that may be affected, and where its sides are.
#[derive(FromQueryResult)]
struct Candidate {
    id: Uuid,
    freelancer: String,
    client: String,
}

impl Market {
    /// The outage, which everybody may see.
    pub async fn outage_find(&self, id: OutageId) -> Result<Option<Outage>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Outage::try_from).transpose()?)
    }

    /// Outages by their ids, which everybody may see.
    pub async fn outages_by_id(&self, _call: &Call, wanted: &[OutageId]) -> Result<Vec<Outage>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        Ok(rows.into_iter().map(Outage::try_from).collect::<Result<_, _>>()?)
    }

    /// All outages, the latest declared first.
    pub async fn outages_page(&self, page: &PageRequest) -> Result<Slice<Outage>, Failure> {
        let order = Keyset::<row::Entity> {
            list: "outages",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), row::Entity::find(), page).await?.try_map(Outage::try_from)?)
    }

    /// What outages gave to a milestone or a week the caller has loaded, the latest declared first.
    pub async fn outage_grants_of(&self, of: CaseId, page: &PageRequest) -> Result<Slice<Grant>, Failure> {
        let select = row::grant::Entity::find().filter(row::grant::Column::Subject.eq(subject(of)));
        let list = match of {
            CaseId::Milestone(_) => MILESTONE_GRANTS,
            CaseId::Timesheet(_) => TIMESHEET_GRANTS,
        };
        Ok(latest_declared(list).page(self.db(), select, page).await?.try_map(Grant::try_from)?)
    }

    /// What outages gave to milestones the caller has loaded, the latest declared first.
    pub async fn outage_grants_of_milestones(
        &self,
        _call: &Call,
        milestones: &[MilestoneId],
        page: &PageRequest,
    ) -> Result<Pages<MilestoneId, Grant>, Failure> {
        let (order, select) = (latest_declared(MILESTONE_GRANTS), row::grant::Entity::find());
        let pages = order.pages(self.db(), select, row::grant::Column::MilestoneId, milestones, page).await?;
        Ok(try_map_pages(pages, Grant::try_from)?)
    }

    /// What outages gave to weeks the caller has loaded, the latest declared first.
    pub async fn outage_grants_of_timesheets(
        &self,
        _call: &Call,
        weeks: &[TimesheetId],
        page: &PageRequest,
    ) -> Result<Pages<TimesheetId, Grant>, Failure> {
        let (order, select) = (latest_declared(TIMESHEET_GRANTS), row::grant::Entity::find());
        let pages = order.pages(self.db(), select, row::grant::Column::TimesheetId, weeks, page).await?;
        Ok(try_map_pages(pages, Grant::try_from)?)
    }

    /// One of our people declares an outage.
    pub async fn outage_declare(&self, call: &Call, draft: OutageDraft) -> Result<Outage, Failure> {
        run!(self, call, tx => {
            let change = Outage::declare(tx.actor(), tx.now(), tx.id(), draft.clone())?;
            let outage = tx.outage_save(change).await?;
            let detail = serde_json::json!({ "zones": outage.zones, "span": outage.span, "note": outage.note });
            tx.audit("outage_declare", outage.id, detail).await?;
            Ok(outage)
        })
    }

    /// One of our people ends an outage, or calls it off.
    pub async fn outage_end(&self, call: &Call, id: OutageId) -> Result<Outage, Failure> {
        run!(self, call, tx => {
            let outage = tx.outage_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = outage.end(tx.actor(), tx.now())?;
            if change.changed {
                tx.audit("outage_end", id, serde_json::json!({ "until": change.next.span.until })).await?;
            }
            tx.outage_save(change).await
        })
    }

    /// Give everybody who is affected by an outage their hours, batch by batch. Where it is is kept with each batch, so that
    /// a large one goes on there whoever takes it up; and after some batches other work has its turn.
    pub(crate) async fn outage_apply(&self, call: &Call, id: OutageId) -> Result<(), Failure> {
        let (mut more, mut batches) = (true, 0);
        let began = Instant::now();
        while more && batches < AT_ONCE && began.elapsed() < TURN {
            more = self.outage_apply_batch(call, id).await?;
            batches += 1;
        }
        run!(self, call, tx => {
            let outage = tx.outage_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = if more {
                Change::none(outage).timing(Timer::ApplyOutage(id), tx.now())
            } else {
                outage.applied(tx.now())
            };
            tx.settle(change).await.map(drop)
        })
    }

    /// The next batch of what is affected; is there more?
    async fn outage_apply_batch(&self, call: &Call, id: OutageId) -> Result<bool, Failure> {
        run!(self, call, tx => {
            // Read, not locked: an outage ends beside this, and what is given is never taken back.
            let row = row::Entity::find_by_id(id.uuid()).one(tx.conn()).await?;
            let outage = row.map(Outage::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            let over = match outage.status(tx.now()) {
                Status::Ongoing => false,
                Status::Over => true,
                Status::Planned | Status::Withdrawn => return Ok(false),
            };
            let place = tx.outage_place(id).await?.filter(|place| place.over == over);
            let (kind, after) = place.map_or((Kind::Milestones, Uuid::nil()), |place| place.next);
            let candidates = tx.outage_candidates(&outage, kind, after).await?;
            for case in tx.outage_cases_for_update(kind, &candidates).await? {
                let before = tx.outage_grants_before(case.id()).await?;
                let places = candidates.iter().find(|candidate| candidate.id == subject(case.id()));
                let places = places.map(Places::try_from).transpose()?;
                let dispute = match case.dispute() {
                    Some(dispute) => tx.dispute_alone_for_update(dispute).await?,
                    None => None,
                };
                let grant =
                    places.and_then(|places| outage.grant(tx.now(), &case, dispute.as_ref(), &places, &before));
                if let Some(grant) = grant
                    && tx.outage_grant_insert(&grant).await?
                {
                    match (dispute, case) {
                        (Some(dispute), case) => {
                            let change = dispute::extend(dispute, case, &Actor::System, grant.hours)?;
                            tx.disputed_save(change).await?;
                        }
                        (None, Case::Milestone(milestone)) => {
                            tx.milestone_save(milestone.extend(&Actor::System, grant.hours)?).await?;
                        }
                        (None, Case::Timesheet(week)) => {
                            tx.timesheet_save(week.extend(&Actor::System, grant.hours)?).await?;
                        }
                    }
                    let detail = serde_json::json!({ "outage": id, "hours": grant.hours });
                    match grant.of {
                        CaseId::Milestone(milestone) => tx.audit("outage_grant", milestone, detail).await?,
                        CaseId::Timesheet(week) => tx.audit("outage_grant", week, detail).await?,
                    }
                }
            }
            if let Kind::Offers = kind {
                tx.outage_offers_extend(&outage, &candidates).await?;
            }
            let next = match candidates.last() {
                Some(last) if candidates.len() == BATCH => Some((kind, last.id)),
                Some(_) | None => kind.next().map(|kind| (kind, Uuid::nil())),
            };
            tx.outage_place_keep(id, next.map(|next| Place { over, next })).await?;
            Ok(next.is_some())
        })
    }
}

impl Tx {
    async fn outage_for_update(&self, id: OutageId) -> Result<Option<Outage>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Outage::try_from).transpose()?)
    }

    async fn outage_save(&self, change: Change<Outage>) -> Result<Outage, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }

    /// Where to go on with an outage, if it was begun.
    async fn outage_place(&self, id: OutageId) -> Result<Option<Place>, Failure> {
        let select = sql("select place from outages where id = $1", [id.uuid().into()]);
        let found = Placed::find_by_statement(select).one(self.conn()).await?;
        let place = found.and_then(|found| found.place).map(serde_json::from_value).transpose();
        Ok(place.map_err(|error| Fault::bad_row("outages", error))?)
    }

    async fn outage_place_keep(&self, id: OutageId, place: Option<Place>) -> Result<(), Failure> {
        let keep = "update outages set place = $2 where id = $1";
        let place = place.map(serde_json::to_value).transpose()?;
        sea_orm::ConnectionTrait::execute_raw(self.conn(), sql(keep, [id.uuid().into(), place.into()])).await?;
        Ok(())
    }

    /// Milestones or weeks on whose clock a side in the zones may have to move.
    async fn outage_candidates(&self, outage: &Outage, kind: Kind, after: Uuid) -> Result<Vec<Candidate>, Failure> {
        let zones: Vec<String> = outage.zones.iter().map(ToString::to_string).collect();
        let select = match kind {
            Kind::Milestones => {
                "select * from (
                     select m.id, m.status, coalesce(p.time_zone, f.time_zone) as freelancer, c.time_zone as client
                     from milestones m
                     join users f on f.id = m.freelancer_id
                     left join freelancer_profiles p on p.user_id = m.freelancer_id
                     join members o on o.organization_id = m.organization_id and o.role = 'owner'
                     join users c on c.id = o.user_id
                     where m.status in ('submitted', 'refund_requested', 'dormant', 'disputed') and m.id > $1
                         and m.contract_id is not null
                 ) as running
                 where status <> 'submitted' and freelancer = any($2)
                     or status <> 'refund_requested' and client = any($2)
                 order by id limit $3"
            }
            Kind::Weeks => {
                "select * from (
                     select t.id, t.status, coalesce(p.time_zone, f.time_zone) as freelancer, c.time_zone as client
                     from timesheets t
                     join users f on f.id = t.freelancer_id
                     left join freelancer_profiles p on p.user_id = t.freelancer_id
                     join members o on o.organization_id = t.organization_id and o.role = 'owner'
                     join users c on c.id = o.user_id
                     where t.status in ('open', 'submitted', 'disputed') and t.id > $1
                 ) as running
                 where status <> 'submitted' and freelancer = any($2) or status <> 'open' and client = any($2)
                 order by id limit $3"
            }
            Kind::Offers => {
                "select * from (
                     select o.id, o.status, coalesce(p.time_zone, f.time_zone) as freelancer, c.time_zone as client
                     from offers o
                     join users f on f.id = o.freelancer_id
                     left join freelancer_profiles p on p.user_id = o.freelancer_id
                     join members w on w.organization_id = o.organization_id and w.role = 'owner'
                     join users c on c.id = w.user_id
                     where o.status in ('pending_funding', 'sent') and o.id > $1
                 ) as running
                 where status = 'sent' and freelancer = any($2) or status = 'pending_funding' and client = any($2)
                 order by id limit $3"
            }
        };
        let values = [after.into(), zones.into(), (BATCH as u64).into()];
        Ok(Candidate::find_by_statement(sql(select, values)).all(self.conn()).await?)
    }

    /// The candidates, locked.
    async fn outage_cases_for_update(&self, kind: Kind, candidates: &[Candidate]) -> Result<Vec<Case>, Failure> {
        fn ids<I: Id>(candidates: &[Candidate]) -> Vec<I> {
            candidates.iter().map(|candidate| I::from_uuid(candidate.id)).collect()
        }
        Ok(match kind {
            Kind::Milestones => {
                let milestones = self.milestones_for_update(&ids(candidates)).await?;
                milestones.into_iter().map(Case::Milestone).collect()
            }
            Kind::Weeks => {
                let weeks = self.timesheets_for_update(&ids(candidates)).await?;
                weeks.into_iter().map(Case::Timesheet).collect()
            }
            // They are no cases, and keep themselves what they were given.
            Kind::Offers => Vec::new(),
        })
    }

    /// Give the candidates among open offers their hours, in the order of their ids.
    async fn outage_offers_extend(&self, outage: &Outage, candidates: &[Candidate]) -> Result<(), Failure> {
        for candidate in candidates {
            let places = Places::try_from(candidate)?;
            let id = OfferId::from_uuid(candidate.id);
            let Some(offer) = self.offer_for_update(id).await? else { continue };
            let Some(grace) = outage.grant_to_offer(self.now(), &offer, &places) else { continue };
            let detail = serde_json::json!({ "outage": outage.id, "hours": grace.hours });
            self.audit("outage_grant", id, detail).await?;
            self.offer_save(offer.extend(&Actor::System, grace)?).await?;
        }
        Ok(())
    }

    async fn outage_grants_before(&self, of: CaseId) -> Result<Vec<Grant>, Failure> {
        let select = row::grant::Entity::find().filter(row::grant::Column::Subject.eq(subject(of)));
        let rows = select.all(self.conn()).await?;
        Ok(rows.into_iter().map(Grant::try_from).collect::<Result<_, _>>()?)
    }

    /// Write a grant down; false if it was given before.
    async fn outage_grant_insert(&self, grant: &Grant) -> Result<bool, Failure> {
        let (milestone, week) = match grant.of {
            CaseId::Milestone(milestone) => (Some(milestone.uuid()), None),
            CaseId::Timesheet(week) => (None, Some(week.uuid())),
        };
        let insert = sql(
            "insert into outage_grants (outage_id, milestone_id, timesheet_id, hours, from_at, until_at, since, granted_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (outage_id, subject, since) do nothing",
            [
                grant.outage.uuid().into(),
                milestone.into(),
                week.into(),
                i32::from(grant.hours).into(),
                grant.span.from.into(),
                grant.span.until.into(),
                grant.since.into(),
                grant.granted_at.into(),
            ],
        );
        Ok(sea_orm::ConnectionTrait::execute_raw(self.conn(), insert).await?.rows_affected() == 1)
    }
}

fn latest_declared(list: &'static str) -> Keyset<row::grant::Entity> {
    Keyset {
        list,
        columns: vec![row::grant::Column::OutageId, row::grant::Column::FromAt],
        descending: true,
        key: |row| vec![Key::Uuid(row.outage_id), Key::Time(row.from_at)],
    }
}

fn subject(of: CaseId) -> Uuid {
    match of {
        CaseId::Milestone(milestone) => milestone.uuid(),
        CaseId::Timesheet(week) => week.uuid(),
    }
}

impl TryFrom<&Candidate> for Places {
    type Error = Fault;
    fn try_from(candidate: &Candidate) -> Result<Self, Fault> {
        let zone = |name: &str| name.parse().map_err(|error| Fault::bad_row("users", error));
        Ok(Self { freelancer: zone(&candidate.freelancer)?, client: zone(&candidate.client)? })
    }
}

impl TryFrom<row::Model> for Outage {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            zones: serde_json::from_value(row.zones)?,
            span: Span { from: row.from_at, until: row.until_at },
            note: row.note,
            ended_at: row.ended_at,
            version: row.version,
            declared_at: row.declared_at,
        })
    }
}

impl TryFrom<&Outage> for row::Model {
    type Error = Fault;
    fn try_from(outage: &Outage) -> Result<Self, Fault> {
        Ok(Self {
            id: outage.id.uuid(),
            zones: serde_json::to_value(&outage.zones)?,
            from_at: outage.span.from,
            until_at: outage.span.until,
            note: outage.note.clone(),
            ended_at: outage.ended_at,
            version: outage.version,
            declared_at: outage.declared_at,
        })
    }
}

impl TryFrom<row::grant::Model> for Grant {
    type Error = Fault;
    fn try_from(row: row::grant::Model) -> Result<Self, Fault> {
        let granted_at: Timestamp = row.granted_at;
        Ok(Self {
            outage: Id::from_uuid(row.outage_id),
            of: match (row.milestone_id, row.timesheet_id) {
                (Some(milestone), None) => CaseId::Milestone(Id::from_uuid(milestone)),
                (None, Some(week)) => CaseId::Timesheet(Id::from_uuid(week)),
                (Some(_), Some(_)) | (None, None) => {
                    return Err(Fault::bad_row("outage_grants", "it is not for one thing"));
                }
            },
            hours: u16::try_from(row.hours).map_err(|error| Fault::bad_row("outage_grants", error))?,
            span: Span { from: row.from_at, until: row.until_at },
            since: row.since,
            granted_at,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "outages")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub zones: Json,
        pub from_at: DateTimeUtc,
        pub until_at: DateTimeUtc,
        pub note: String,
        pub ended_at: Option<DateTimeUtc>,
        pub version: i64,
        pub declared_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}

    /// What an outage gave to a clock of a milestone or a week, which is its subject.
    pub mod grant {
        use sea_orm::entity::prelude::*;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = "outage_grants")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub outage_id: Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub subject: Uuid,
            pub milestone_id: Option<Uuid>,
            pub timesheet_id: Option<Uuid>,
            pub hours: i32,
            pub from_at: DateTimeUtc,
            pub until_at: DateTimeUtc,
            pub since: Option<DateTimeUtc>,
            pub granted_at: DateTimeUtc,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }
}
