//! Without the index: a large market is looked through in part, and the answer says so.

use serde_json::json;
use sqlx::AssertSqlSafe;
use tests::TestApp;

use super::index::{RECOMMENDED, who};
use super::{freelancer, gig};

/// More people than are looked through.
const CROWD: u32 = 12_500;

const QUERY: &str = "query($id: ID!) { gig(id: $id) { matches(first: 3) { foundBy countedAll
    edges { node { freelancer { id } } } } } }";

/// Rust engineers, so many that nobody looks at all of them.
async fn crowd(app: &TestApp) {
    for statement in [
        format!(
            "insert into users (id, email, name, created_at)
             select gen_random_uuid(), 'one.of.' || n || '@example.com', 'One of many', now()
             from generate_series(1, {CROWD}) n"
        ),
        "insert into freelancer_profiles (id, user_id, headline, overview, time_zone, languages, visibility, version,
             created_at, updated_at)
         select gen_random_uuid(), id, 'Rust engineer', '', 'UTC', '[]', 'public', 1, now(), now()
         from users where name = 'One of many'"
            .to_owned(),
        "insert into profile_skills (profile_id, skill_id, level, years, position)
         select p.id, (select id from skill where slug = 'rust'), 'expert', 5, 1
         from freelancer_profiles p join users u on u.id = p.user_id where u.name = 'One of many'"
            .to_owned(),
        "analyze".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(app.pool()).await.unwrap();
    }
}

/// How a statement is carried out where nothing is read as a whole that an index leads to.
async fn plan(app: &TestApp, statement: &str, types: &str, values: &str) -> Vec<String> {
    let mut conn = app.pool().acquire().await.unwrap();
    for text in [
        "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off".to_owned(),
        format!("prepare looked_at ({types}) as {statement}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *conn).await.unwrap();
    }
    let explain = format!("explain (analyze, timing off, costs off) execute looked_at ({values})");
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.unwrap();
    sqlx::raw_sql("deallocate looked_at; reset all").execute(&mut *conn).await.unwrap();
    lines
}

/// The rows that a line of a plan tells of, in all its rounds.
fn rows(line: &str) -> f64 {
    let number = |name: &str| -> Option<f64> { line.rsplit_once(name)?.1.split([' ', ')']).next()?.parse().ok() };
    number("rows=").zip(number("loops=")).map_or(0.0, |(rows, loops)| rows * loops)
}

#[tokio::test]
async fn without_the_index_a_large_market_is_looked_through_in_part_and_the_answer_says_so() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let id = gig(&app, &ada).await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    let found = async || {
        let reply = ada.asks(QUERY, json!({ "id": id })).await;
        let found = reply.data()["gig"]["matches"].clone();
        assert_eq!((found["foundBy"].as_str(), who(&found)[0]), (Some("DATABASE"), lin.id.as_str()), "{found:#}");
        found["countedAll"].as_bool().unwrap()
    };
    assert!(found().await, "a small market is looked through as a whole");

    crowd(&app).await;
    app.statements();
    assert!(!found().await, "who holds what few hold is found, and others may be missing");
    let sent = app.statements();
    let one = |part: &str| sent.iter().find(|sql| sql.contains(part)).unwrap_or_else(|| panic!("{part} in {sent:#?}"));
    let skills: String =
        sqlx::query_scalar("select array_agg(id)::text from skill where slug in ('rust', 'postgresql')")
            .fetch_one(app.pool())
            .await
            .unwrap();
    let values = format!("'{skills}', '{skills}', '{{}}', 2000, 10000");
    for (statement, types, values) in [
        (one("held.asked desc"), "uuid[], uuid[], uuid[], bigint, bigint", values.as_str()),
        (one("as holders"), "bigint", "10000"),
    ] {
        let plan = plan(&app, statement, types, values).await;
        assert!(plan.iter().all(|line| rows(line) < f64::from(CROWD)), "all were read: {plan:#?}");
        assert!(plan.iter().any(|line| rows(line) > 1_000.0), "the crowd is looked through: {plan:#?}");
    }
}

#[tokio::test]
async fn without_the_index_open_gigs_are_looked_through_from_the_newest_on() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let id = gig(&app, &ada).await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust", "postgresql"]).await;
    app.statements();
    let found = lin.asks(RECOMMENDED, json!({})).await;
    assert_eq!(found.data()["viewer"]["recommendedGigs"]["edges"][0]["node"]["gig"]["id"], id.as_str());
    let sent = app.statements();
    let statement =
        sent.iter().find(|sql| sql.contains("from gig_skills s where s.gig_id = g.id")).expect("it was asked");
    let types = "uuid[], uuid[], uuid[], bigint, bigint";
    let plan = plan(&app, statement, types, "'{}', '{}', '{}', 2000, 10000").await;
    assert!(plan.iter().any(|line| line.contains("gigs_open")), "in the order of an index: {plan:#?}");
}
