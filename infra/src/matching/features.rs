//! What matching knows of people and gigs, gathered from the tables: what they say of themselves,
//! and what only the marketplace knows.

use std::collections::{BTreeSet, HashMap};

use domain::Timestamp;
use domain::gig::Gig;
use domain::id::{GigId, Id, OrganizationId, UserId};
use domain::matching::features::{Answers, ClientRecord, Exposure, Known, Outcomes, Standing};
use domain::matching::intake::Commitments;
use domain::matching::reputation::{self, Outcome};
use domain::matching::{GigFeatures, Model, PersonFeatures};
use domain::payout::SUSPENDED;
use domain::profile::FreelancerProfile;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::market::Market;
use crate::sql::{ids, sql};
use crate::{Call, Failure};

#[derive(FromQueryResult)]
struct Dealings {
    id: Uuid,
    contracts: i64,
    weekly_minutes: i64,
    is_suspended: bool,
    is_screened: bool,
    blocked: Option<Vec<Uuid>>,
    asked: i64,
    in_time: i64,
    pending_milli: i64,
    attention_milli: i64,
    merit_milli: i64,
    unanswered: i32,
    reads_mail: bool,
    has_account: bool,
}

#[derive(FromQueryResult)]
struct Finished {
    freelancer_id: Uuid,
    organization_id: Uuid,
    ended_at: Timestamp,
    paid_minor: i64,
    rating: Option<i16>,
}

#[derive(FromQueryResult)]
struct Committed {
    id: Uuid,
    contracts: i64,
    weekly_minutes: i64,
    is_suspended: bool,
    is_screened: bool,
    blocked: Option<Vec<Uuid>>,
}

#[derive(FromQueryResult)]
struct Demand {
    id: Uuid,
    proposals: i64,
    posted: i64,
    hired: i64,
    verified: bool,
}

#[derive(FromQueryResult)]
struct Record {
    id: Uuid,
    posted: i64,
    hired: i64,
    verified: bool,
}

/// What people have taken on, whether they are suspended, and whether screening holds them or money of theirs: what to
/// select, and from what, beside `person`. What is stopped because its owner was suspended, which `$suspended` says, is no hit.
macro_rules! taken_on {
    (select, $suspended:literal) => {
        concat!(
            "taken.contracts, taken.weekly_minutes,
        exists (select 1 from users where id = person.id and suspended_at is not null) as is_suspended,
        (exists (select 1 from screening_hits where freelancer_id = person.id and status = 'open')
            or exists (select 1 from payouts where user_id = person.id and status = 'blocked' and state ->> 'reason' <> ",
            $suspended,
            ")) as is_screened,
        (select array_agg(distinct client_id) from blocks where freelancer_id = person.id) as blocked"
        )
    };
    (from) => {
        "left join lateral (
        select count(*) as contracts, coalesce(sum((c.engagement ->> 'weekly_limit_minutes')::bigint), 0)::bigint as weekly_minutes
        from contracts c
        where c.freelancer_id = person.id and c.status in ('active', 'paused', 'on_hold')) taken on true"
    };
}

const COMMITTED: &str = concat!(
    "select person.id, ",
    taken_on!(select, "$2"),
    " from unnest($1::uuid[]) as person (id) ",
    taken_on!(from),
);

/// Did money ever come to the account of `$method` for whoever gave that?
macro_rules! paid_there {
    ($method:literal) => {
        concat!(
            "exists (select 1 from payout_methods given join payouts paid on paid.method_id = given.id
                  where given.iban_lookup = ",
            $method,
            ".iban_lookup and given.user_id = ",
            $method,
            ".user_id and paid.status = 'paid')"
        )
    };
}

/// What weighs on people, how they answered, and what they are known by: of now. An invitation that had no answer within a
/// day says nothing of a person if its gig was not open for all of that day, or the power or the network was down where
/// they are; nor does one to a gig that is over weigh on anybody. A bank account is theirs to whom money came there, and of
/// those, or if there is none, theirs who gave it first, whether or not they took it back. Who is suspended keeps nobody
/// from their own.
const DEALINGS: &str = concat!(
    "
    select person.id, ",
    taken_on!(select, "$3"),
    ",
        asked.count as asked, asked.in_time,
        coalesce(asked.pending_milli, 0) + coalesce(bids.pending_milli, 0) as pending_milli,
        coalesce(seen.attention_milli, 0) as attention_milli, coalesce(seen.merit_milli, 0) as merit_milli,
        coalesce(seen.unanswered, 0) as unanswered,
        exists (select 1 from users where id = person.id and email_verified_at is not null) as reads_mail,
        exists (select 1 from payout_methods own
            where own.user_id = person.id and own.removed_at is null and own.usable_from <= $2
              and not exists (select 1 from payout_methods other join users whose on whose.id = other.user_id
                  where other.iban_lookup = own.iban_lookup and other.user_id <> own.user_id
                    and whose.suspended_at is null
                    and (not ",
    paid_there!("other"),
    ", other.added_at, other.id) < (not ",
    paid_there!("own"),
    ", own.added_at, own.id))) as has_account
    from unnest($1::uuid[]) as person (id) ",
    taken_on!(from),
    "
    left join exposure_sums seen on seen.freelancer_id = person.id
    left join lateral (
        select count(*) filter (where in_time
                or (answered_at is not null or created_at < $2::timestamptz - interval '1 day') and not excused) as count,
            count(*) filter (where in_time) as in_time,
            (sum(trunc(1000 * power(0.8::numeric, greatest(0, floor(extract(epoch from $2 - created_at) / 86400)))))
             filter (where waits and created_at > $2 - interval '30 days'))::bigint as pending_milli
        from (
            select i.created_at, i.answered_at, i.status = 'sent' and g.state in ('open', 'paused') as waits,
                coalesce(i.answered_at <= i.created_at + interval '1 day', false) as in_time,
                (g.state <> 'open' and g.state_at < i.created_at + interval '1 day')
                or exists (select 1 from users u left join freelancer_profiles p on p.user_id = u.id join outages o
                        on o.zones @> to_jsonb(coalesce(p.time_zone, u.time_zone))
                    where u.id = i.freelancer_id and o.from_at < o.until_at
                      and o.from_at < i.created_at + interval '1 day' and o.until_at > i.created_at) as excused
            from invitations i join gigs g on g.id = i.gig_id where i.freelancer_id = person.id) asked) asked on true
    left join lateral (
        select sum(trunc(1000 * power(0.8::numeric, greatest(0, floor(extract(epoch from $2 - submitted_at) / 86400)))))::bigint
            as pending_milli
        from proposals
        where freelancer_id = person.id and submitted_at > $2 - interval '30 days'
          and status in ('submitted', 'viewed', 'shortlisted', 'interviewing', 'countered', 'offered')) bids on true"
);

const FINISHED: &str = "
    select c.freelancer_id, c.organization_id, (c.state ->> 'ended_at')::timestamptz as ended_at,
        ((select coalesce(sum(m.released_net_minor + m.fee_minor), 0) from milestones m where m.contract_id = c.id)
         + (select coalesce(sum(t.released_net_minor + t.fee_minor), 0) from timesheets t where t.contract_id = c.id))::bigint
            as paid_minor,
        review.rating
    from contracts c
    left join reviews review on review.contract_id = c.id and review.side = 'client' and review.published_at is not null
    where c.freelancer_id = any($1) and c.status = 'ended'";

/// How a client has hired, of gigs that came to their end, since what still runs says nothing yet; and whether a payment of
/// theirs ever came. What to select, and from what, beside the column that names the client.
macro_rules! record {
    (select, $client:literal) => {
        concat!(
            "ended.count as posted, ended.hired,
        exists (select 1 from payments p where p.organization_id = ",
            $client,
            " and p.status = 'succeeded') as verified"
        )
    };
    (from, $client:literal) => {
        concat!(
            "left join lateral (
        select count(*) as count, count(*) filter (where exists (select 1 from contracts c where c.gig_id = other.id)) as hired
        from gigs other
        where other.client_id = ",
            $client,
            " and other.published_at is not null
          and other.state in ('filled', 'expired', 'cancelled')) ended on true"
        )
    };
}

/// How much a gig is wanted, and how its client has hired.
const DEMAND: &str = concat!(
    "
    select g.id,
        (select count(*) from proposals p where p.gig_id = g.id
         and p.status in ('submitted', 'viewed', 'shortlisted', 'interviewing', 'countered', 'offered')) as proposals, ",
    record!(select, "g.client_id"),
    "
    from gigs g ",
    record!(from, "g.client_id"),
    "
    where g.id = any($1)"
);

/// How clients have hired.
const RECORDS: &str = concat!(
    "select client.id, ",
    record!(select, "client.id"),
    " from unnest($1::uuid[]) as client (id) ",
    record!(from, "client.id"),
);

impl Market {
    /// What is known of gigs: what they say, how many proposals they have, and how their clients
    /// have dealt with people.
    pub(crate) async fn gig_features(&self, gigs: &[Gig]) -> Result<Vec<GigFeatures>, Failure> {
        let which: Vec<GigId> = gigs.iter().map(|gig| gig.id).collect();
        let demand = Demand::find_by_statement(sql(DEMAND, [ids(&which)])).all(self.db()).await?;
        let demand: HashMap<Uuid, Demand> = demand.into_iter().map(|row| (row.id, row)).collect();
        let features = gigs.iter().map(|gig| {
            let features = GigFeatures::of(gig);
            match demand.get(&gig.id.uuid()) {
                None => features,
                Some(row) => GigFeatures {
                    proposals: count(row.proposals),
                    client_record: ClientRecord {
                        verified: row.verified,
                        posted: count(row.posted),
                        hired: count(row.hired),
                    },
                    ..features
                },
            }
        });
        Ok(features.collect())
    }

    /// How clients have dealt with people so far.
    pub async fn client_records(
        &self,
        clients: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, ClientRecord>, Failure> {
        let found = Record::find_by_statement(sql(RECORDS, [ids(clients)])).all(self.db()).await?;
        let record = |Record { id, posted, hired, verified }: Record| {
            (OrganizationId::from_uuid(id), ClientRecord { verified, posted: count(posted), hired: count(hired) })
        };
        Ok(found.into_iter().map(record).collect())
    }

    /// What is known of people whose profiles the caller may see: what they say, what they have on
    /// their hands, how their work went. That screening holds somebody is left out: the person is not to be told, and
    /// it moves no bid that was made.
    pub(crate) async fn people_features(&self, call: &Call, people: &[UserId]) -> Result<Vec<PersonFeatures>, Failure> {
        let profiles = self.profiles_of_users(call, people).await?;
        let mut found = self.features_of(&profiles).await?;
        for person in found.iter_mut().filter(|person| person.standing == Standing::Screened) {
            person.standing = Standing::Active;
        }
        Ok(found)
    }

    /// What is known of the person who asks, for lists of their own; nothing without a profile.
    pub(crate) async fn oneself_as_matched(
        &self,
        call: &Call,
        user: UserId,
    ) -> Result<Option<PersonFeatures>, Failure> {
        Ok(self.people_features(call, &[user]).await?.pop().map(PersonFeatures::seen_by_themselves))
    }

    /// What is known of people, as a client's ranking sees them.
    pub(crate) async fn people_as_matched(
        &self,
        call: &Call,
        people: &[UserId],
    ) -> Result<Vec<PersonFeatures>, Failure> {
        let profiles = self.profiles_of_users(call, people).await?;
        Ok(seen_by_clients(self.features_of(&profiles).await?))
    }

    /// The same of those who may be matched; the others are missing.
    pub(crate) async fn people_matchable(&self, people: &[UserId]) -> Result<Vec<PersonFeatures>, Failure> {
        let profiles = self.profiles_matchable(people).await?;
        Ok(seen_by_clients(self.features_of(&profiles).await?))
    }

    /// No more of people than hard constraints look at, of those who may be matched.
    pub(crate) async fn people_constraints(&self, people: &[UserId]) -> Result<Vec<PersonFeatures>, Failure> {
        self.constraints_of(&self.profiles_matchable_bare(people).await?).await
    }

    /// The same of all of these people, those who hide too, for what they look for themselves.
    pub(crate) async fn people_constraints_of_their_own(
        &self,
        people: &[UserId],
    ) -> Result<Vec<PersonFeatures>, Failure> {
        let found = self.constraints_of(&self.profiles_bare(people).await?).await?;
        Ok(found.into_iter().map(PersonFeatures::seen_by_themselves).collect())
    }

    async fn constraints_of(&self, profiles: &[FreelancerProfile]) -> Result<Vec<PersonFeatures>, Failure> {
        let people: Vec<UserId> = profiles.iter().map(|profile| profile.user).collect();
        let committed =
            Committed::find_by_statement(sql(COMMITTED, [ids(&people), SUSPENDED.into()])).all(self.db()).await?;
        let committed: HashMap<Uuid, Committed> = committed.into_iter().map(|row| (row.id, row)).collect();
        let constraints = profiles.iter().map(|profile| {
            let row = committed.get(&profile.user.uuid());
            let commitments = row.map(|row| Commitments {
                contracts: count(row.contracts),
                weekly_minutes: count(row.weekly_minutes),
                is_suspended: row.is_suspended,
                is_screened: row.is_screened,
                blocked: clients(row.blocked.as_deref()),
            });
            PersonFeatures::constraints_of(profile).committed(commitments.unwrap_or_default())
        });
        Ok(constraints.collect())
    }

    async fn features_of(&self, profiles: &[FreelancerProfile]) -> Result<Vec<PersonFeatures>, Failure> {
        let people: Vec<UserId> = profiles.iter().map(|profile| profile.user).collect();
        let now = self.clock().now();
        let weighed_as_of = reputation::weighed_as_of(now);
        let dealings = Dealings::find_by_statement(sql(DEALINGS, [ids(&people), now.into(), SUSPENDED.into()]))
            .all(self.db())
            .await?;
        let dealings: HashMap<Uuid, Dealings> = dealings.into_iter().map(|row| (row.id, row)).collect();
        let mut outcomes: HashMap<Uuid, Vec<Outcome>> = HashMap::new();
        for row in Finished::find_by_statement(sql(FINISHED, [ids(&people)])).all(self.db()).await? {
            outcomes.entry(row.freelancer_id).or_default().push(Outcome {
                client: OrganizationId::from_uuid(row.organization_id),
                at: row.ended_at,
                paid_minor: row.paid_minor,
                good: reputation::went(row.rating.and_then(|rating| u8::try_from(rating).ok()), Model::shipped()),
            });
        }
        let features = profiles.iter().map(|profile| {
            let person = profile.user.uuid();
            let row = dealings.get(&person);
            let commitments = row.map(|row| Commitments {
                contracts: count(row.contracts),
                weekly_minutes: count(row.weekly_minutes),
                is_suspended: row.is_suspended,
                is_screened: row.is_screened,
                blocked: clients(row.blocked.as_deref()),
            });
            let mut features = PersonFeatures::of(profile).committed(commitments.unwrap_or_default());
            if let Some(row) = row {
                features.load.pending_milli = count(row.pending_milli);
                features.exposure = Exposure {
                    attention_milli: row.attention_milli.unsigned_abs(),
                    merit_milli: row.merit_milli.unsigned_abs(),
                    unanswered: row.unanswered.unsigned_abs(),
                };
                features.known = Known::of(row.reads_mail, row.has_account);
                features.answers = Answers { asked: count(row.asked), in_time: count(row.in_time) };
            }
            features.outcomes = outcomes.get(&person).map_or_else(Outcomes::default, |outcomes| {
                reputation::weigh(outcomes, Model::shipped(), weighed_as_of)
            });
            features
        });
        Ok(features.collect())
    }
}

fn seen_by_clients(people: Vec<PersonFeatures>) -> Vec<PersonFeatures> {
    people.into_iter().map(PersonFeatures::seen_by_clients).collect()
}

fn clients(ids: Option<&[Uuid]>) -> BTreeSet<OrganizationId> {
    ids.unwrap_or_default().iter().map(|client| OrganizationId::from_uuid(*client)).collect()
}

fn count(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}
