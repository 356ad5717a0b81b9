//! A marketplace of realistic numbers, copied from one of each that was made through the API.

use std::fmt;

use infra::Market;
use infra::clock::Clock;
use infra::market::{Equipment, connect};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use tests::TestApp;

/// What there is to ask for.
pub struct Filled {
    counts: Vec<(String, i64)>,
    /// Gigs with proposals, whose clients' owners are the first in `bench_people`.
    pub gigs: Vec<String>,
    pub gig_uuids: Vec<String>,
    /// Gigs without.
    pub free_gigs: Vec<String>,
    pub free_gig_uuids: Vec<String>,
    pub skills: Vec<String>,
    pub skill_uuids: Vec<String>,
    /// How many freelancers with contracts come next in `bench_people`.
    pub busy: usize,
    pub busy_uuids: Vec<String>,
    /// Freelancers who bid on nothing yet, as many as there are bidders in `bench_people`.
    pub other_uuids: Vec<String>,
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.counts.iter().map(|(table, count)| format!("{count} {table}")).collect();
        write!(f, "filled: {}", counts.join(", "))
    }
}

/// Owners of gigs and freelancers with contracts who ask, and people who bid.
const ASKING: i64 = 200;
const BIDDING: i64 = 8_000;

pub async fn fill(db: &mut PgConnection, app_url: &str, percent: i64) -> Filled {
    let pool = connect(app_url, 4).await.expect("the database answers");
    let market = Market::new(pool, Clock::System, Equipment::throwaway().expect("keys can be made"));
    one_of_each(&TestApp::on(market.clone())).await;
    market.db().clone().close().await.expect("the market lets go");
    let of = |many: i64| (many * percent / 100).max(400);
    let (people, gigs, companies) = (of(100_000).max(2 * BIDDING + 2 * ASKING), of(50_000), of(5_000));
    let (with_proposals, contracts) = (gigs * 2 / 5, of(20_000));
    let copy = |table: &str, from: &str, changes: &str, filter: &str| {
        format!(
            "insert into {table} select copy.* from {from},
             lateral (select t from {table} t where {filter} limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object({changes})) copy"
        )
    };
    let statements = [
        "set session_replication_role = replica".to_owned(),
        format!("create table made_up as select n, gen_random_uuid() as person, gen_random_uuid() as profile,
                 gen_random_uuid() as session from generate_series(0, {}) n", people - 1),
        format!("create table companies as select n, gen_random_uuid() as company, gen_random_uuid() as owner,
                 gen_random_uuid() as session from generate_series(0, {}) n", companies - 1),
        format!("create table made_gigs as select g.n, gen_random_uuid() as gig, c.company, c.owner, c.session
                 from generate_series(0, {}) g (n) join companies c on c.n = g.n % {companies}", gigs - 1),
        "create unique index on made_up (n); ".to_owned(),
        "create unique index on made_gigs (n)".to_owned(),
        copy("users", "made_up", "'id', person, 'email', 'p' || made_up.n || '@example.com', 'name', 'Person ' || made_up.n", "email like 'faisal@%'"),
        copy("users", "companies", "'id', owner, 'email', 'c' || companies.n || '@example.com', 'name', 'Owner ' || companies.n", "email like 'clara@%'"),
        "insert into freelancer_profiles (id, user_id, headline, overview, rate_minor, time_zone, work_starts, work_ends,
             weekly_hours, languages, visibility, version, created_at, updated_at)
         select profile, person, (array['Back-end engineer', 'Front-end developer', 'Product designer', 'Data engineer'])[1 + n % 4],
             repeat('Built and kept services for clients abroad: payments, reports, dashboards, and what they rest on. ', 4),
             2000 + n % 6000, 'Asia/Karachi', '14:00', '23:00', 10 + n % 31, '[{\"code\": \"en\", \"fluency\": \"Fluent\"}]', 'public', 1, now(), now()
         from made_up".to_owned(),
        "create table skilled as select id, row_number() over (order by md5(id::text)) - 1 as rank from skill".to_owned(),
        "insert into profile_skills (profile_id, skill_id, level, years, position)
         select profile, s.id, 'expert', 1 + (n + k) % 9, k from made_up cross join generate_series(0, 4) k
         join skilled s on s.rank = (n * 7 + k * 13) % 200 on conflict do nothing".to_owned(),
        copy("organizations", "companies", "'id', company, 'name', 'Company ' || companies.n", "true"),
        "insert into members (id, organization_id, user_id, role, created_at) select gen_random_uuid(), company, owner, 'owner', now() from companies".to_owned(),
        "insert into gigs (id, client_id, created_by, title, description, kind, low_minor, high_minor, currency, questions, languages,
             visibility, state, published_at, active_at, version, created_at)
         select gig, company, owner, 'Gig ' || n || ': a service to be built and kept',
             repeat('Double entry on PostgreSQL, tested, with a small team that reads what it merges. ', 6), 'fixed', 10000 + n, 90000 + n, 'USD',
             '[]', '[]', 'public', 'open', now() - n * interval '20 seconds', now(), 1, now() from made_gigs".to_owned(),
        "insert into gig_skills (gig_id, skill_id, required, position)
         select gig, s.id, k = 0, k from made_gigs cross join generate_series(0, 2) k join skilled s on s.rank = (n + k * 31) % 100
         on conflict do nothing".to_owned(),
        format!("insert into proposals select copy.* from made_gigs cross join generate_series(0, 14) k
             join made_up on made_up.n = {} + (made_gigs.n * 15 + k) % {},
             lateral (select t from proposals t where t.submitted_at is not null limit 1) template (whole),
             lateral jsonb_populate_record(template.whole, jsonb_build_object('id', gen_random_uuid(), 'gig_id', gig, 'client_id', company,
                 'freelancer_id', person)) copy
             where made_gigs.n < {with_proposals}", BIDDING + ASKING, people - BIDDING - ASKING),
        format!("create table deals as select d.n, gen_random_uuid() as offer, gen_random_uuid() as contract, made_up.person, companies.company
             from generate_series(0, {}) d (n) join made_up on made_up.n = {BIDDING} + d.n % {} join companies on companies.n = d.n % {companies}",
             contracts - 1, (contracts / 4).max(ASKING)),
        copy("offers", "deals", "'id', offer, 'contract_id', contract, 'freelancer_id', person, 'organization_id', company", "true"),
        copy("contracts", "deals", "'id', contract, 'offer_id', offer, 'freelancer_id', person, 'organization_id', company, 'title', 'Contract ' || deals.n", "true"),
        copy("milestones", "(select *, gen_random_uuid() as milestone from deals cross join generate_series(0, 2) k) deals",
            "'id', milestone, 'contract_id', contract, 'offer_id', offer, 'freelancer_id', person, 'organization_id', company,
             'escrow_account', 'escrow:' || public_id('mil', milestone)", "t.status = 'funded'"),
        format!("create table bench_people as
             select row_number() over (order by part, n) - 1 as n, user_id, session_id from (
                 select 0 as part, n, owner as user_id, session as session_id from companies where n < {ASKING}
                 union all select 1, n, person, session from made_up where n >= {BIDDING} and n < {BIDDING} + {ASKING}
                 union all select 2, n, person, session from made_up where n < {BIDDING}) everybody"),
        copy("sessions", "bench_people", "'id', session_id, 'user_id', user_id, 'expires_at', now() + interval '1 day'", "t.ended_at is null"),
        "grant select on bench_people to public".to_owned(),
        "set session_replication_role = origin".to_owned(),
        "vacuum analyze".to_owned(),
        "checkpoint".to_owned(),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement.clone()))
            .execute(&mut *db)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    let mut counts = Vec::new();
    for table in ["freelancer_profiles", "gigs", "proposals", "profile_skills", "contracts", "milestones"] {
        let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut *db)
            .await
            .unwrap();
        counts.push((table.to_owned(), count));
    }
    let mut texts = async |sql: String| -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *db).await.unwrap()
    };
    let gigs = format!("from made_gigs where n < {ASKING} order by n");
    let free = format!("from made_gigs where n >= {with_proposals} order by n limit {BIDDING}");
    let skills = "from skilled where rank < 100 order by rank";
    let busy = format!("from made_up where n >= {BIDDING} and n < {BIDDING} + {ASKING} order by n");
    Filled {
        counts,
        gigs: texts(format!("select public_id('gig', gig) {gigs}")).await,
        gig_uuids: texts(format!("select gig::text {gigs}")).await,
        free_gigs: texts(format!("select public_id('gig', gig) {free}")).await,
        free_gig_uuids: texts(format!("select gig::text {free}")).await,
        skills: texts(format!("select public_id('ski', id) {skills}")).await,
        skill_uuids: texts(format!("select id::text {skills}")).await,
        busy: usize::try_from(ASKING).unwrap(),
        busy_uuids: texts(format!("select person::text {busy}")).await,
        other_uuids: texts(format!(
            "select person::text from made_up where n >= {BIDDING} + {ASKING} order by n limit {BIDDING}"
        ))
        .await,
    }
}

/// A contract with its offer and its funded milestone, and a proposal.
async fn one_of_each(app: &TestApp) {
    let deal = app.contracted().await;
    let skill = "{ skills(first: 1) { nodes { id } } }";
    let skill = deal.client.asks(skill, json!({})).await.data()["skills"]["nodes"][0]["id"].clone();
    let input = json!({
        "clientId": deal.client.organization, "title": "The first gig", "description": "Something to be done by somebody, soon.",
        "kind": "FIXED", "budget": { "low": { "amount": "100.00" }, "high": { "amount": "900.00" } }, "requiredSkills": [skill]
    });
    let gig = deal.client.does_once("gigCreate", input, "gig { id }").await.text("gig.id");
    deal.client.does_once("gigPublish", json!({ "gigId": gig }), "gig { id }").await.ok();
    let bid = json!({
        "gigId": gig, "coverLetter": "I have built such services for three clients abroad, and kept them for years; this one I would begin with its ledger.",
        "milestones": [{ "title": "All of it", "amount": { "amount": "500.00" } }]
    });
    deal.freelancer.does_once("proposalSubmit", bid, "proposal { id }").await.ok();
}
