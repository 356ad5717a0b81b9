//! Searches that freelancers keep, and what is done when a gig is published that they find.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use domain::access::{self, Verb};
use domain::change::Change;
use domain::gig::{Gig, Visibility};
use domain::id::{GigId, Id, SavedSearchId, SkillId, UserId};
use domain::matching::GigFeatures;
use domain::refusal::Refusal;
use domain::saved_search::{Criteria, SavedSearch, Scanned};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QuerySelect};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::sql::{ids, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, Tx, run};

/// So many searches are read at once.
const PAGE: i64 = 1_000;
/// So many pages of them are tried before others have a turn: what one delivery can take has an end.
const PAGES: usize = 50;
/// How often all searches are tried with one gig, and with the gigs of one client: each edit that makes a gig look
/// another asks for that. What is put off is tried later, as the gig looks by then.
const TRIALS_OF_GIG: Allowance = Allowance { attempts: 6, within: TimeDelta::hours(1) };
const TRIALS_OF_CLIENT: Allowance = Allowance { attempts: 300, within: TimeDelta::hours(1) };

#[derive(FromQueryResult)]
struct Tried {
    id: Uuid,
    user_id: Uuid,
    name: String,
    criteria: serde_json::Value,
    created_at: domain::Timestamp,
}

#[derive(FromQueryResult)]
struct Turn {
    tried_to: Option<Uuid>,
    looked_like: Vec<u8>,
}

/// Whether a gig that all searches were tried with is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Once something that decides whom it is told to is another.
    IfItLooksAnother,
    /// In any case: it comes before freelancers a second time.
    Anew,
}

#[derive(FromQueryResult)]
struct New {
    search_id: Uuid,
}

impl Market {
    /// Keep a search of the person's own.
    pub async fn saved_search_create(
        &self,
        call: &Call,
        name: &str,
        criteria: Criteria,
    ) -> Result<SavedSearch, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            // The person's row is what two of their requests queue up at, so that they are counted.
            tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let kept = row::Entity::find().filter(row::Column::UserId.eq(user.uuid())).count(tx.conn()).await?;
            let kept = u32::try_from(kept).unwrap_or(u32::MAX);
            let change = SavedSearch::create(tx.actor(), name, criteria.clone(), kept, tx.id(), tx.now())?;
            tx.saved_search_insert(change).await.map_err(|failure| {
                failure.when_violated("saved_search_skills_skill_id_fkey", || {
                    Refusal::field("skillIds", "UNKNOWN", "there is no such skill")
                })
            })
        })
    }

    /// Keep a search of the person's own no longer.
    pub async fn saved_search_delete(&self, call: &Call, id: SavedSearchId) -> Result<SavedSearch, Failure> {
        run!(self, call, tx => {
            let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let search = row.map(SavedSearch::try_from).transpose()?.ok_or(Refusal::HIDDEN)?;
            let search = tx.settle(search.delete(tx.actor())?).await?;
            tx.conn().execute_raw(sql("delete from saved_searches where id = $1", [id.uuid().into()])).await?;
            Ok(search)
        })
    }

    /// A search of the person's own.
    pub async fn saved_search_find(&self, call: &Call, id: SavedSearchId) -> Result<Option<SavedSearch>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        let search = row.map(SavedSearch::try_from).transpose()?;
        Ok(search.filter(|search| access::allows(&call.actor, Verb::SavedSearchRead, &search.subject())))
    }

    /// The searches the person keeps, the newest first.
    pub async fn saved_searches_page(&self, call: &Call, page: &PageRequest) -> Result<Slice<SavedSearch>, Failure> {
        let user = call.actor.person()?.user;
        let order = Keyset::<row::Entity> {
            list: "saved_searches",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        let select = row::Entity::find().filter(row::Column::UserId.eq(user.uuid()));
        Ok(order.page(self.db(), select, page).await?.try_map(SavedSearch::try_from)?)
    }

    /// A gig was put before freelancers: those are told whose searches find it, and whom nothing
    /// keeps from it. Told again, it tells nobody twice, and tries nothing unless it looks another by then.
    ///
    /// # Errors
    /// [`Fault::Later`] when there are more searches than are tried at once: told again, it goes on with them; and when
    /// they were tried with the gig too often lately.
    pub(crate) async fn saved_searches_try(&self, call: &Call, gig: GigId, trial: Trial) -> Result<(), Failure> {
        let Some(gig) = self.gig_find(call, gig).await? else { return Ok(()) };
        if !gig.takes_proposals() || gig.brief.visibility != Visibility::Public {
            return Ok(());
        }
        let scanned = Scanned::of(&gig);
        let looks_like = looks_of(&gig)?;
        let turn = self.saved_searches_turn(gig.id).await?.filter(|turn| turn.looked_like == looks_like);
        let mut after = match turn.map(|turn| turn.tried_to) {
            Some(Some(tried_to)) => tried_to,
            Some(None) if trial == Trial::IfItLooksAnother => return Ok(()),
            Some(None) | None => {
                self.saved_searches_count(&gig).await?;
                Uuid::nil()
            }
        };
        for _ in 0..PAGES {
            let searches = self.saved_searches_after(&gig, after).await?;
            let is_last = i64::try_from(searches.len()).is_ok_and(|read| read < PAGE);
            after = searches.last().map_or(after, |last| last.id.uuid());
            self.saved_searches_tell(call, &scanned, searches).await?;
            if is_last {
                return self.saved_searches_tried(gig.id, None, looks_like).await;
            }
        }
        self.saved_searches_tried(gig.id, Some(after), looks_like).await?;
        let why = "more searches might find the gig than are tried at once".to_owned();
        Err(Fault::Later { service: "saved searches", why, until: self.clock().now() }.into())
    }

    /// Count that all searches are to be tried with a gig.
    async fn saved_searches_count(&self, gig: &Gig) -> Result<(), Failure> {
        let of_gig = (format!("saved_searches:{}", gig.id), TRIALS_OF_GIG);
        let of_client = (format!("saved_searches:{}", gig.client), TRIALS_OF_CLIENT);
        for (bucket, allowance) in [of_gig, of_client] {
            match self.throttle(&bucket, allowance).await {
                Err(Failure::Refused(Refusal::Throttled { retry_after_seconds, .. })) => {
                    let why = "searches were tried with gigs of this client often lately".to_owned();
                    let until = self.clock().now() + TimeDelta::seconds(retry_after_seconds);
                    return Err(Fault::Later { service: "saved searches", why, until }.into());
                }
                counted => counted?,
            }
        }
        Ok(())
    }

    /// Up to which search a gig was tried before, and as what.
    async fn saved_searches_turn(&self, gig: GigId) -> Result<Option<Turn>, Failure> {
        let select = "select tried_to, looked_like from saved_search_turns where gig_id = $1";
        Ok(Turn::find_by_statement(sql(select, [gig.uuid().into()])).one(self.db()).await?)
    }

    /// Searches were tried with a gig up to one of them, or all were.
    async fn saved_searches_tried(
        &self,
        gig: GigId,
        tried_to: Option<Uuid>,
        looked_like: Vec<u8>,
    ) -> Result<(), Failure> {
        let keep = "insert into saved_search_turns (gig_id, tried_to, looked_like) values ($1, $2, $3)
            on conflict (gig_id) do update set tried_to = excluded.tried_to, looked_like = excluded.looked_like";
        self.db().execute_raw(sql(keep, [gig.uuid().into(), tried_to.into(), looked_like.into()])).await?;
        Ok(())
    }

    /// The next searches that may find a gig, as far as that can be told without its words.
    async fn saved_searches_after(&self, gig: &Gig, after: Uuid) -> Result<Vec<SavedSearch>, Failure> {
        let skills: Vec<SkillId> = gig.brief.skills.iter().map(|asked| asked.skill).collect();
        let found = Tried::find_by_statement(sql(
            "select s.id, s.user_id, s.name, s.criteria, s.created_at from saved_searches s
             where s.id > $4
               and coalesce(s.criteria ->> 'kind', $6) = $6
               and coalesce((s.criteria -> 'budget_at_least' ->> 'minor')::bigint, 0) <= $7
               and (not exists (select 1 from saved_search_skills k where k.search_id = s.id)
                    or exists (select 1 from saved_search_skills k where k.search_id = s.id and k.skill_id = any($1)))
               and not exists (select 1 from saved_search_hits h where h.search_id = s.id and h.gig_id = $2)
               and not exists (select 1 from members m where m.organization_id = $3 and m.user_id = s.user_id)
               and not exists (select 1 from blocks b where b.client_id = $3 and b.freelancer_id = s.user_id)
             order by s.id limit $5",
            [
                ids(&skills),
                gig.id.uuid().into(),
                gig.client.uuid().into(),
                after.into(),
                PAGE.into(),
                gig.brief.kind.as_str().into(),
                gig.brief.budget.high.minor().into(),
            ],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(SavedSearch::try_from).collect::<Result<_, _>>()?)
    }

    /// Tell those of some searches that find a gig, and whom nothing keeps from it.
    async fn saved_searches_tell(
        &self,
        call: &Call,
        scanned: &Scanned<'_>,
        searches: Vec<SavedSearch>,
    ) -> Result<(), Failure> {
        let gig = scanned.gig();
        let found: Vec<SavedSearch> = searches.into_iter().filter(|search| search.criteria.admit(scanned)).collect();
        let free = self.people_free_for(&GigFeatures::constraints_of(gig), &found).await?;
        // One word for each person, however many of their searches find it.
        let mut told = HashSet::new();
        let telling: HashMap<Uuid, &SavedSearch> = found
            .iter()
            .filter(|search| free.contains(&search.user) && told.insert(search.user))
            .map(|search| (search.id.uuid(), search))
            .collect();
        if telling.is_empty() {
            return Ok(());
        }
        run!(self, call, tx => {
            let mut which: Vec<SavedSearchId> = telling.values().map(|search| search.id).collect();
            which.sort_unstable();
            let new = New::find_by_statement(sql(
                "insert into saved_search_hits (search_id, gig_id, user_id, found_at)
                 select s.id, $2, s.user_id, $3 from saved_searches s where s.id = any($1) order by s.id
                 on conflict do nothing returning search_id",
                [ids(&which), gig.id.uuid().into(), tx.now().into()],
            ));
            let mut change = Change::to(());
            for New { search_id } in new.all(tx.conn()).await? {
                if let Some(search) = telling.get(&search_id) {
                    change = change.telling(search.found(gig));
                }
            }
            tx.conn()
                .execute_raw(sql("update saved_searches set told_at = $2 where id = any($1)", [ids(&which), tx.now().into()]))
                .await?;
            tx.settle(change).await
        })
    }

    /// Of those who keep these searches, the ones whom nothing keeps from a gig. Whoever has no
    /// profile is kept from nothing but by a block: they look for work, and write one when they have found some.
    async fn people_free_for(&self, gig: &GigFeatures, searches: &[SavedSearch]) -> Result<HashSet<UserId>, Failure> {
        let users: Vec<UserId> = searches.iter().map(|search| search.user).collect();
        let mut free: HashSet<UserId> = self.users_in_standing(&users).await?;
        for person in self.people_constraints_of_their_own(&users).await? {
            if !self.barriers_between(gig, &person).is_empty() {
                free.remove(&person.id);
            }
        }
        Ok(free)
    }

    async fn users_in_standing(&self, users: &[UserId]) -> Result<HashSet<UserId>, Failure> {
        #[derive(FromQueryResult)]
        struct Found {
            id: Uuid,
        }
        let found = Found::find_by_statement(sql(
            "select id from users where id = any($1) and suspended_at is null",
            [ids(users)],
        ));
        Ok(found.all(self.db()).await?.into_iter().map(|found| UserId::from_uuid(found.id)).collect())
    }
}

/// What of a gig decides whom it is told to, as a digest: what searches look at, and what keeps people from it.
fn looks_of(gig: &Gig) -> Result<Vec<u8>, Failure> {
    let brief = &gig.brief;
    let mut skills: Vec<SkillId> = brief.skills.iter().map(|asked| asked.skill).collect();
    skills.sort_unstable();
    let terms = (brief.kind.as_str(), brief.budget.low.minor(), brief.budget.high.minor(), brief.experience);
    let constraints = GigFeatures::constraints_of(gig);
    let said = serde_json::to_vec(&(&brief.title, &brief.description, skills, terms, constraints))?;
    Ok(Sha256::digest(said).to_vec())
}

impl Tx {
    async fn saved_search_insert(&self, change: Change<SavedSearch>) -> Result<SavedSearch, Failure> {
        let search = self.settle(change).await?;
        let insert = sql(
            "insert into saved_searches (id, user_id, name, criteria, created_at) values ($1, $2, $3, $4, $5)",
            [
                search.id.uuid().into(),
                search.user.uuid().into(),
                search.name.as_str().into(),
                serde_json::to_value(&search.criteria)?.into(),
                search.created_at.into(),
            ],
        );
        self.conn().execute_raw(insert).await?;
        let skills = sql(
            "insert into saved_search_skills (search_id, skill_id) select distinct $1::uuid, skill from unnest($2::uuid[]) as named (skill)",
            [search.id.uuid().into(), ids(&search.criteria.skills)],
        );
        self.conn().execute_raw(skills).await?;
        Ok(search)
    }
}

impl TryFrom<Tried> for SavedSearch {
    type Error = Fault;
    fn try_from(row: Tried) -> Result<Self, Fault> {
        let Tried { id, user_id, name, criteria, created_at } = row;
        Ok(Self {
            id: Id::from_uuid(id),
            user: Id::from_uuid(user_id),
            name,
            criteria: serde_json::from_value(criteria)?,
            created_at,
        })
    }
}

impl TryFrom<row::Model> for SavedSearch {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let row::Model { id, user_id, name, criteria, created_at } = row;
        Tried { id, user_id, name, criteria, created_at }.try_into()
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "saved_searches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: Uuid,
        pub name: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub criteria: Json,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
