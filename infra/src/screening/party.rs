//! Who is screened: a client before money of theirs comes in, a freelancer before a contract of theirs begins and
//! whenever a name or the country of theirs is another one; and all of them once a day and whenever the list is another
//! one.

use chrono::TimeDelta;
use domain::id::{Id, OrganizationId, UserId};
use domain::screening::Party;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::Listed;
use crate::Failure;
use crate::market::Market;
use crate::sql::sql;

/// For so long somebody who was screened under the same names need not be screened again; the sweep comes round in the
/// meantime.
const FRESH: TimeDelta = TimeDelta::days(1);
/// A sweep that has not ended after so long was broken off.
const SWEEPING: TimeDelta = TimeDelta::hours(1);
/// How many are read at a time.
const BATCH: i64 = 500;

/// Somebody, and what they are known by.
#[derive(Debug, FromQueryResult)]
struct Known {
    id: Uuid,
    names: Vec<String>,
    countries: Vec<String>,
}

/// Which side somebody is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Freelancer,
}

impl Side {
    fn party(self, id: Uuid) -> Party {
        match self {
            Self::Client => Party::Client(Id::from_uuid(id)),
            Self::Freelancer => Party::Freelancer(Id::from_uuid(id)),
        }
    }

    /// What those of this side are known by: `id`, `names` and `countries`. A client goes by its own name and its
    /// owners'; a freelancer, who has a profile or was made an offer, by every name they go by, and where they live. What an
    /// account is called is looked at when they are paid there.
    fn known(self) -> &'static str {
        match self {
            Self::Client => {
                "select o.id, '{}'::text[] as countries,
                    array_prepend(o.name, array(
                        select u.name from members m join users u on u.id = m.user_id
                        where m.organization_id = o.id and m.role = 'owner' order by u.id)) as names
                 from organizations o"
            }
            Self::Freelancer => {
                "select u.id, array_remove(array[p.country], null) as countries,
                    array_remove(array[u.name, y.latin_name, y.urdu_name], null) as names
                 from users u left join freelancer_profiles p on p.user_id = u.id left join payees y on y.user_id = u.id
                 where p.user_id is not null or exists (select from offers o where o.freelancer_id = u.id)"
            }
        }
    }

    /// Note under what they were screened: $1 what was known, $2 when.
    fn note(self) -> &'static str {
        match self {
            Self::Client => {
                "insert into client_screenings (organization_id, names, screened_at)
                 select (one ->> 'id')::uuid, array(select jsonb_array_elements_text(one -> 'names')), $2
                 from jsonb_array_elements($1) one
                 on conflict (organization_id) do update set names = excluded.names, screened_at = excluded.screened_at"
            }
            Self::Freelancer => {
                "insert into freelancer_screenings (freelancer_id, names, countries, screened_at)
                 select (one ->> 'id')::uuid, array(select jsonb_array_elements_text(one -> 'names')),
                     array(select jsonb_array_elements_text(one -> 'countries')), $2
                 from jsonb_array_elements($1) one
                 on conflict (freelancer_id) do update
                 set names = excluded.names, countries = excluded.countries, screened_at = excluded.screened_at"
            }
        }
    }
}

impl Market {
    /// Screen a client before money of theirs comes in, unless that was done lately under the names they have.
    pub(crate) async fn client_screen(&self, client: OrganizationId) -> Result<(), Failure> {
        let select = format!(
            "select known.* from ({}) known where id = $1 and not exists (
                 select from client_screenings s
                 where s.organization_id = known.id and s.screened_at > $2 and s.names = known.names)",
            Side::Client.known()
        );
        self.screen_one(Side::Client, &select, client.uuid()).await
    }

    /// Screen a freelancer, unless that was done lately under the names and in the country they have.
    pub(crate) async fn freelancer_screen(&self, freelancer: UserId) -> Result<(), Failure> {
        let select = format!(
            "select known.* from ({}) known where id = $1 and not exists (
                 select from freelancer_screenings s
                 where s.freelancer_id = known.id and s.screened_at > $2
                     and s.names = known.names and s.countries = known.countries)",
            Side::Freelancer.known()
        );
        self.screen_one(Side::Freelancer, &select, freelancer.uuid()).await
    }

    /// The same where something else was done already that does not hang on it: what can't be screened now is when the
    /// sweep comes round, and before a contract of theirs begins.
    pub(crate) async fn freelancer_changed(&self, freelancer: UserId) {
        if let Err(failure) = self.freelancer_screen(freelancer).await {
            tracing::warn!(error = %failure, "somebody could not be screened under what they are known by now");
        }
    }

    async fn screen_one(&self, side: Side, select: &str, id: Uuid) -> Result<(), Failure> {
        let since = self.clock().now() - FRESH;
        let known = Known::find_by_statement(sql(select, [id.into(), since.into()])).one(self.db()).await?;
        let Some(known) = known else { return Ok(()) };
        let list = self.screening().list().await?;
        self.screen_all(side, &list, &[known]).await.map(drop)
    }

    /// Screen everybody, if the list is another one than the last time, or that is a day ago; was it done now?
    pub async fn screen_when_due(&self) -> Result<bool, Failure> {
        let list = self.screening().list().await?;
        let (print, now) = (list.fingerprint(), self.clock().now());
        let begin = sql(
            "insert into screening_sweeps (list, begun_at)
             select $1, $2 where not exists (
                 select from (select * from screening_sweeps order by id desc limit 1) last
                 where last.list = $1 and last.begun_at > case when last.ended_at is null then $3 else $4 end)
             returning id",
            [print.into(), now.into(), (now - SWEEPING).into(), (now - FRESH).into()],
        );
        let Some(begun) = self.db().query_one_raw(begin).await? else { return Ok(false) };
        let sweep: i64 = begun.try_get("", "id")?;
        let (clients, of_clients) = self.sweep(Side::Client, &list).await?;
        let (freelancers, of_freelancers) = self.sweep(Side::Freelancer, &list).await?;
        let hits = of_clients + of_freelancers;
        let end = sql(
            "update screening_sweeps set ended_at = $2, clients = $3, freelancers = $4, hits = $5 where id = $1",
            [sweep.into(), self.clock().now().into(), clients.into(), freelancers.into(), hits.into()],
        );
        self.db().execute_raw(end).await?;
        tracing::info!(clients, freelancers, hits, "everybody was screened");
        Ok(true)
    }

    /// Screen all of one side: how many there are, and how many hits are new.
    async fn sweep(&self, side: Side, list: &Listed) -> Result<(i64, i64), Failure> {
        let select = format!("select known.* from ({}) known where id > $1 order by id limit $2", side.known());
        let (mut after, mut screened, mut hits) = (Uuid::nil(), 0, 0);
        loop {
            let heap = Known::find_by_statement(sql(&select, [after.into(), BATCH.into()])).all(self.db()).await?;
            let Some(last) = heap.last() else { return Ok((screened, hits)) };
            after = last.id;
            screened += i64::try_from(heap.len()).unwrap_or(i64::MAX);
            hits += self.screen_all(side, list, &heap).await?;
        }
    }

    /// Hold what these are known by against the list; how many hits are new.
    async fn screen_all(&self, side: Side, list: &Listed, all: &[Known]) -> Result<i64, Failure> {
        let mut new = 0;
        for known in all {
            for (name, listed) in list.found(&known.names, &known.countries) {
                new += i64::from(self.screening_hit_note(side.party(known.id), name, &listed).await?);
            }
        }
        let known = |one: &Known| serde_json::json!({ "id": one.id, "names": one.names, "countries": one.countries });
        let all: serde_json::Value = all.iter().map(known).collect();
        self.db().execute_raw(sql(side.note(), [all.into(), self.clock().now().into()])).await?;
        Ok(new)
    }
}
