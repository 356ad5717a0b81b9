//! Background work: done once however many do it, and not held up by what can't be done.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use infra::Market;
use infra::clock::Clock;
use infra::mail::Mail;
use infra::market::Equipment;
use infra::worker::Health;
use serde_json::json;
use sqlx::Connection;
use tests::books::{assert_books, books};
use tests::crowd::{AT_ONCE, rounds};
use tests::stripe::{Fault, Faults};
use tests::{Deal, PASSWORD, TOKENS, TestApp, moment};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything is waited for on a busy machine: for less than an answer of Stripe's is.
const PATIENCE: Duration = Duration::from_secs(30);

/// An approved milestone whose security hold is over, and nobody has noticed yet.
async fn due(app: &TestApp) -> Deal<'_> {
    let deal = app.submitted().await;
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    app.settles().await;
    app.market.clock().advance(TimeDelta::days(5));
    deal
}

/// The money of a deal is released in the end.
async fn released(deal: &Deal<'_>) {
    while deal.status().await != "RELEASED" {
        moment().await;
    }
}

async fn run(app: &TestApp, sql: &'static str) {
    sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

/// Look until there are as many as there should be.
async fn until(app: &TestApp, sql: &'static str, wanted: i64) {
    let look = async {
        while count(app, sql).await != wanted {
            moment().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never {wanted}: {sql}"));
}

/// So many wait for a lock that another holds.
pub async fn stand_in_line(app: &TestApp, waiting: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    until(app, sql, waiting).await;
}

#[tokio::test]
async fn fifty_workers_carry_out_and_deliver_everything_once() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    // Whoever takes a timer up leaves a trace.
    run(
        &app,
        "create table taken (kind text, subject uuid, due_at timestamptz);
         create function taken() returns trigger language plpgsql security definer as $$
         begin insert into taken values (new.kind, new.subject, new.due_at); return null; end $$;
         create trigger taken after update of attempts on timers for each row execute function taken()",
    )
    .await;
    for _ in 0..rounds() {
        for _ in 0..12 {
            let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
            let id = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
            let id = json!({ "milestoneId": id });
            deal.freelancer.does("milestoneAgree", id.clone(), "milestone { status }").await.ok();
            let card = json!({ "milestoneId": id["milestoneId"], "paymentMethod": "pm_sandbox_silent" });
            deal.client.does("milestoneFund", card, "milestone { status }").await.ok();
        }
        // The silent payments are given up after a day; each is an event, too.
        app.market.clock().advance(TimeDelta::days(1));
        loop {
            let worked = join_all((0..AT_ONCE).map(|_| app.market.work_once())).await;
            if worked.into_iter().map(Result::unwrap).sum::<usize>() == 0 {
                break;
            }
        }
        assert_eq!(count(&app, "select count(*) from timers where kind = 'expire_funding'").await, 0);
    }
    let fired = "select count(*) from taken where kind = 'expire_funding'";
    assert_eq!(count(&app, fired).await, 12 * rounds() as i64);
    let twice = "select count(*) from (select 1 from taken group by kind, subject, due_at having count(*) > 1) twice";
    assert_eq!(count(&app, twice).await, 0, "a timer was taken up twice");
    assert_eq!(count(&app, "select count(*) from events where attempts <> 1 or done_at is null").await, 0);
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn a_processor_that_says_nothing_of_a_day_holds_up_no_deadline() {
    let app = TestApp::on_stripe().await;
    let deal = due(&app).await;
    // Each page of its account is asked for several times, and each time it is waited for.
    app.stripe().fails(Faults::next([Fault::Hang; 50]));
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(app.market.clone(), stopped));
    timeout(PATIENCE, released(&deal)).await.expect("the work goes on");
    let asked = app.stripe().heard().into_iter().filter(|(_, path, _)| path == "/v1/balance_transactions").count();
    assert_eq!(asked, 1, "it is still waited for, by one");
    stop.send_replace(true);
    timeout(PATIENCE, worker).await.expect("nothing is waited for at the end").unwrap();
}

#[tokio::test]
async fn a_processor_that_is_slow_to_say_what_it_told_of_holds_up_no_deadline() {
    let app = TestApp::on_stripe().await;
    let deal = app.submitted().await;
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    app.settles().await;
    let told = "insert into webhook_events (source, id, type, object, told_at, received_at, due_at)
        values ('stripe', 'evt_slow', 'payment_intent.succeeded', 'pi_slow', '2026-06-01', '2026-06-01', '2026-06-01')";
    run(&app, told).await;
    app.stripe().fails(Faults::next([Fault::Hang; 50]));
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(app.market.clone(), stopped));
    let asked = async {
        while !app.stripe().heard().iter().any(|(_, path, _)| path == "/v1/payment_intents/pi_slow") {
            moment().await;
        }
    };
    timeout(PATIENCE, asked).await.expect("it is asked");
    // While it is waited for, a hold is over.
    app.market.clock().advance(TimeDelta::days(5));
    timeout(PATIENCE, released(&deal)).await.expect("the work goes on");
    assert_eq!(
        count(&app, "select count(*) from webhook_events where done_at is null").await,
        1,
        "it is waited for still"
    );
    stop.send_replace(true);
    app.stripe().breaks_its_silence();
    timeout(PATIENCE, worker).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_holds_up_no_deadline() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let text = json!({ "clientId": deal.client.organization, "freelancerId": deal.freelancer.id, "body": "Well done" });
    deal.client.does("messageSend", text, "message { id }").await.ok();
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }").await.ok();
    app.settles().await;
    app.market.clock().advance(TimeDelta::days(5));
    let listens = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("smtp://{}", listens.local_addr().unwrap());
    let mailing = app.with_mail(Mail::smtp(&server.into(), infra::mail::FROM).unwrap());
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(mailing.market.clone(), stopped));
    timeout(PATIENCE, released(&deal)).await.expect("the work goes on");
    // The letter was due days before the hold was over, and is not put off yet.
    let waits = "select count(*) from timers t join messages m on m.conversation_id = t.subject
        where t.kind = 'mail_messages' and t.due_at < m.sent_at + interval '1 hour'";
    assert_eq!(count(&app, waits).await, 1, "it is waited for still");
    stop.send_replace(true);
    drop(listens);
    timeout(PATIENCE, worker).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn what_cannot_be_done_does_not_hold_up_the_rest_and_shows() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    // More than are taken up at a time, due before all others: from a version to come.
    run(
        &app,
        "insert into timers (kind, subject, due_at)
         select 'of_tomorrow', gen_random_uuid(), '2000-01-01' from generate_series(1, 40);
         insert into events (id, name, body, trace, occurred_at, due_at)
         select gen_random_uuid(), 'of_tomorrow', '{\"kind\": \"of_tomorrow\"}', '', '2000-01-01', '2000-01-01'
         from generate_series(1, 40);
         insert into sandbox_events (id, body, deliver_at)
         select 'evt_' || n, '{}', '2000-01-01' from generate_series(1, 40) n",
    )
    .await;
    app.settles().await;
    assert_eq!(deal.status().await, "RELEASED");
    let told = "select count(*) from events where name = 'milestone_released' and done_at is not null";
    assert_eq!(count(&app, told).await, 1);
    deal.client
        .does(
            "milestonePropose",
            json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } }),
            "milestone { id }",
        )
        .await
        .ok();

    assert_eq!(app.market.vitals().await.unwrap().timers_failing, 40);
    let why = "select count(*) from timers where last_error like '%unknown kind of_tomorrow%' and attempts = 1";
    assert_eq!(count(&app, why).await, 40);
    // They are tried again and again; events are given up for an operator to look at, timers never.
    for _ in 0..20 {
        app.market.clock().advance(TimeDelta::hours(2));
        app.settles().await;
    }
    let vitals = app.market.vitals().await.unwrap();
    assert_eq!((vitals.events_parked, vitals.events_waiting, vitals.timers_failing), (40, 0, 40));
    assert_eq!(count(&app, "select count(*) from timers where kind = 'of_tomorrow' and attempts > 12").await, 40);
    assert_eq!(count(&app, "select count(*) from sandbox_events where told_at is null").await, 40);
}

#[tokio::test]
async fn a_row_that_somebody_holds_does_not_hold_up_the_others() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    run(
        &app,
        "insert into timers (kind, subject, due_at) values ('expire_gig', gen_random_uuid(), '2000-01-01');
         insert into events (id, name, body, trace, occurred_at, due_at)
         select gen_random_uuid(), name, body, trace, '2000-01-01', '2000-01-01' from events where name = 'milestone_approved'",
    )
    .await;
    let mut held = other.begin().await.unwrap();
    sqlx::query("select 1 from timers where kind = 'expire_gig' for update").execute(&mut *held).await.unwrap();
    let told = "select 1 from events where occurred_at = '2000-01-01' for update";
    sqlx::query(told).execute(&mut *held).await.unwrap();
    timeout(PATIENCE, app.settles()).await.expect("nobody waits for what another holds");
    assert_eq!(deal.status().await, "RELEASED");
    held.rollback().await.unwrap();
    app.settles().await;
    assert_eq!(count(&app, "select count(*) from timers where due_at <= '2000-01-01'").await, 0);
    assert_eq!(count(&app, "select count(*) from events where done_at is null").await, 0);
}

#[tokio::test]
async fn what_a_dead_worker_had_is_taken_up_when_its_lease_is_over() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    // A worker took everything up, and died.
    run(&app, "update events set done_at = null where name = 'milestone_approved'").await;
    let lease = app.market.clock().now() + TimeDelta::seconds(60);
    for sql in [
        "update timers set leased_until = $1, attempts = attempts + 1 where kind = 'release_milestone'",
        "update events set due_at = $1, attempts = attempts + 1 where done_at is null",
    ] {
        assert_eq!(sqlx::query(sql).bind(lease).execute(app.pool()).await.unwrap().rows_affected(), 1);
    }
    app.settles().await;
    assert_eq!(deal.status().await, "APPROVED", "it is the dead worker's, for a minute");
    app.market.clock().advance(TimeDelta::seconds(60));
    app.settles().await;
    assert_eq!(deal.status().await, "RELEASED");
    assert_eq!(count(&app, "select count(*) from events where done_at is null").await, 0);
}

#[tokio::test]
async fn a_lease_that_ran_out_at_work_does_no_harm() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("select 1 from milestones for update").execute(&mut *held).await.unwrap();
    let slow = tokio::spawn({
        let market = app.market.clone();
        async move { market.work_once().await }
    });
    stand_in_line(&app, 1).await;
    // Time passes while the first worker waits, so a second one takes the timer up as well.
    app.market.clock().advance(TimeDelta::seconds(61));
    let second = tokio::spawn({
        let market = app.market.clone();
        async move { market.work_once().await }
    });
    stand_in_line(&app, 2).await;
    assert_eq!(count(&app, "select count(*) from timers where kind = 'release_milestone' and attempts = 2").await, 1);
    held.rollback().await.unwrap();
    slow.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    app.settles().await;
    assert_eq!(deal.status().await, "RELEASED");
    assert_eq!(count(&app, "select count(*) from ledger_entries where reason = 'hold_over'").await, 1);
    assert_eq!(count(&app, "select count(*) from timers where kind = 'release_milestone'").await, 0);
    assert_books(&books(app.pool()).await);
}

#[tokio::test]
async fn what_a_lease_is_too_short_for_is_left_to_whoever_is_next() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    // Taken up together with the release, and due after it.
    let later = "insert into timers (kind, subject, due_at)
        select 'expire_gig', gen_random_uuid(), due_at + interval '1 second' from timers where kind = 'release_milestone'";
    run(&app, later).await;
    app.market.clock().advance(TimeDelta::seconds(1));
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("select 1 from milestones for update").execute(&mut *held).await.unwrap();
    let slow = tokio::spawn({
        let market = app.market.clone();
        async move { market.work_once().await }
    });
    stand_in_line(&app, 1).await;
    app.market.clock().advance(TimeDelta::seconds(40));
    held.rollback().await.unwrap();
    slow.await.unwrap().unwrap();
    assert_eq!(deal.status().await, "RELEASED", "what was begun is finished");
    let let_go = "select count(*) from timers where kind = 'expire_gig' and attempts = 0 and leased_until is null";
    assert_eq!(count(&app, let_go).await, 1);
    app.settles().await;
    assert_eq!(count(&app, "select count(*) from timers where kind = 'expire_gig'").await, 0);
}

/// What is no longer needed is thrown away. Whatever can't be fails the story, with its reason.
async fn tidied(app: &TestApp) {
    app.market.tidy().await.unwrap();
}

#[tokio::test]
async fn a_worker_tidies_as_soon_as_it_begins() {
    let app = TestApp::new().await;
    run(&app, "insert into throttles (bucket, attempts, resets_at) values ('a sign', 1, '2000-01-01')").await;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(app.market.clone(), stopped));
    until(&app, "select count(*) from throttles where bucket = 'a sign'", 0).await;
    stop.send_replace(true);
    worker.await.unwrap();
}

#[tokio::test]
async fn answers_are_kept_for_thirty_days_and_then_forgotten() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let named = |name: &str| json!({ "organizationId": ada.organization, "name": name, "idempotencyKey": "k" });
    let first = ada.does("organizationUpdate", named("First"), "organization { name }").await;
    app.market.clock().advance(TimeDelta::days(30));
    tidied(&app).await;
    let again = ada.does("organizationUpdate", named("First"), "organization { name }").await;
    assert_eq!(again.ok(), first.ok());
    let other = ada.does("organizationUpdate", named("Second"), "organization { name }").await;
    assert_eq!(other.refused(), ["IDEMPOTENCY_CONFLICT"]);

    app.market.clock().advance(TimeDelta::seconds(1));
    tidied(&app).await;
    assert_eq!(count(&app, "select count(*) from idempotency where key = 'k'").await, 0);
    let other = ada.does("organizationUpdate", named("Second"), "organization { name }").await;
    assert_eq!(other.ok()["organization"]["name"], "Second");
}

#[tokio::test]
async fn challenges_that_nobody_answered_are_forgotten() {
    let app = TestApp::new().await;
    let begin = json!({ "purpose": "SIGN_IN" });
    app.visitor().does("passkeyBegin", begin.clone(), "ceremony { expiresAt }").await.ok();
    app.market.clock().advance(TimeDelta::minutes(5));
    app.visitor().does("passkeyBegin", begin, "ceremony { expiresAt }").await.ok();
    assert_eq!(count(&app, "select count(*) from passkey_ceremonies").await, 2);
    tidied(&app).await;
    assert_eq!(count(&app, "select count(*) from passkey_ceremonies").await, 1);
}

#[tokio::test]
async fn attempts_are_forgotten_when_they_no_longer_count() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let wrong = json!({ "email": "ada@example.com", "password": "wrong-wrong-wrong" });
    app.visitor().does("signIn", wrong.clone(), TOKENS).await.refused();
    // More than are thrown away at a time; they are over a minute before hers are.
    let many = "insert into throttles (bucket, attempts, resets_at)
        select 'crowd ' || n, 1, (select min(resets_at) from throttles) - interval '1 minute' from generate_series(1, 2500) n";
    run(&app, many).await;
    let (crowd, hers) = (
        "select count(*) from throttles where bucket like 'crowd %'",
        "select count(*) from throttles where bucket not like 'crowd %'",
    );
    let counted = count(&app, hers).await;
    assert!(counted > 0);
    tidied(&app).await;
    assert_eq!((count(&app, crowd).await, count(&app, hers).await), (2_500, counted), "they count");
    // Until then the first and the last of hers are over.
    let hers_over = async |which: &str| -> chrono::DateTime<chrono::Utc> {
        let sql = format!("select {which}(resets_at) from throttles where bucket not like 'crowd %'");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(app.pool()).await.unwrap()
    };
    let (first, last) = (hers_over("min").await, hers_over("max").await);
    app.market.clock().advance(first - TimeDelta::seconds(1) - app.market.clock().now());
    tidied(&app).await;
    assert_eq!((count(&app, crowd).await, count(&app, hers).await), (0, counted));
    app.market.clock().advance(last - app.market.clock().now());
    tidied(&app).await;
    assert_eq!(count(&app, hers).await, 0);
    assert_eq!(app.visitor().does("signIn", wrong, TOKENS).await.refused(), ["INVALID_CREDENTIALS"]);
}

#[tokio::test]
async fn refresh_tokens_are_forgotten_when_their_session_is_over() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let sign_in = async || {
        let input = json!({ "email": "ada@example.com", "password": PASSWORD });
        app.visitor().does("signIn", input, TOKENS).await
    };
    let refresh =
        async |token: &str| app.visitor().does("sessionRefresh", json!({ "refreshToken": token }), TOKENS).await;
    let (phone, desk) = (sign_in().await, sign_in().await);
    let first = phone.text("tokens.refreshToken");
    refresh(&first).await.ok();
    let of = "select count(*) from refresh_tokens t join sessions s on s.id = t.session_id where s.ended_at is ";
    let (lives, over) = (format!("{of} null"), format!("{of} not null"));
    let count = async |sql: &str| -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(app.pool()).await.unwrap()
    };
    let before = count(&lives).await;
    tidied(&app).await;
    assert_eq!(count(&lives).await, before, "a used one is kept, since it may come again");

    let desk = app.bearer(&desk.text("tokens.accessToken"));
    desk.does("signOut", json!({}), "session { id }").await.ok();
    assert_eq!(count(&over).await, 1);
    tidied(&app).await;
    assert_eq!((count(&over).await, count(&lives).await), (0, before - 1));
    app.market.clock().advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_eq!(refresh(&first).await.refused(), ["INVALID_REFRESH_TOKEN"]);
    assert_eq!(count(&over).await, 2, "the phone's session was ended by the one that came again");

    app.market.clock().advance(TimeDelta::days(31));
    tidied(&app).await;
    assert_eq!(count("select count(*) from refresh_tokens").await, 0);
    assert_eq!(refresh(&first).await.refused(), ["INVALID_REFRESH_TOKEN"]);
}

#[tokio::test]
async fn what_cannot_be_thrown_away_keeps_none_of_the_others() {
    let app = TestApp::new().await;
    run(&app, "revoke delete on idempotency from rabta_app").await;
    run(&app, "insert into throttles (bucket, attempts, resets_at) values ('a sign', 1, '2000-01-01')").await;
    assert!(app.market.tidy().await.is_err(), "it is told");
    assert_eq!(count(&app, "select count(*) from throttles where bucket = 'a sign'").await, 0);
}

#[tokio::test]
async fn a_session_whose_tokens_are_all_gone_is_not_looked_at_again() {
    let app = TestApp::new().await;
    app.person("ada").await;
    // More than are thrown away at a time.
    let many = "insert into refresh_tokens (hash, session_id, created_at, used_at)
        select sha256(n::text::bytea), (select id from sessions order by id limit 1), now(), now()
        from generate_series(1, 2500) n";
    run(&app, many).await;
    let (tokens, looked_at) =
        ("select count(*) from refresh_tokens", "select count(*) from sessions where not tokens_gone");
    app.market.tidy().await.unwrap();
    assert!(count(&app, tokens).await > 2_500, "it lives");
    app.market.clock().advance(TimeDelta::days(400));
    app.market.tidy().await.unwrap();
    assert_eq!((count(&app, tokens).await, count(&app, looked_at).await), (0, 0));
}

#[tokio::test]
async fn lines_of_changes_are_thrown_away_by_heaps_until_few_enough_are_left() {
    let app = TestApp::new().await;
    let many = "insert into matching_changes (kind, subject) select 'gig', gen_random_uuid()
        from generate_series(1, 103500)";
    run(&app, many).await;
    app.market.tidy().await.unwrap();
    assert_eq!(count(&app, "select count(*) from matching_changes").await, 100_000);
    assert_eq!(count(&app, "select matching_changes_trim(99990, 4)").await, 4);
    assert_eq!(count(&app, "select matching_changes_trim(99990, 40)").await, 6);
}

#[tokio::test]
async fn a_worker_of_another_schema_takes_nothing_up_and_says_why() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    run(&app, "insert into seaql_migrations (version, applied_at) values ('9999_tomorrow', 0)").await;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(app.market.clone(), stopped));
    let rests = async {
        loop {
            if let Health::Rests { why } = app.market.pulse().health() {
                return why;
            }
            moment().await;
        }
    };
    let why = timeout(PATIENCE, rests).await.expect("it rests");
    assert!(why.contains("9999_tomorrow") && why.contains("run a newer rabta"), "{why}");
    stop.send_replace(true);
    worker.await.unwrap();
    let untouched = "select count(*) from timers where kind = 'release_milestone' and attempts = 0";
    assert_eq!((deal.status().await.as_str(), count(&app, untouched).await), ("APPROVED", 1));

    run(&app, "delete from seaql_migrations where version = '9999_tomorrow'").await;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(app.market.clone(), stopped));
    timeout(PATIENCE, released(&deal)).await.expect("it works again");
    assert_eq!(app.market.pulse().health(), Health::Works);
    stop.send_replace(true);
    worker.await.unwrap();
}

#[tokio::test]
async fn a_node_whose_clock_is_far_from_the_databases_should_not_work() {
    let app = TestApp::new().await;
    let unfit = async || {
        let db = infra::market::connect(&app.app_url(), 1).await.unwrap();
        Market::new(db, Clock::System, Equipment::throwaway().unwrap()).unfit_to_work().await.unwrap()
    };
    assert_eq!(unfit().await, None);
    // Whoever connects from now on is told another time.
    run(
        &app,
        "create schema astray;
         grant usage on schema astray to public;
         create function astray.clock_timestamp() returns timestamptz language plpgsql as $$
         begin return pg_catalog.clock_timestamp() - interval '2 minutes'; end $$;
         do $$ begin
             execute format('alter database %I set search_path = astray, public, pg_catalog', current_database());
         end $$",
    )
    .await;
    let why = unfit().await.expect("a reason");
    assert!(why.contains("seconds ahead of the database's"), "{why}");
    assert_eq!(app.second_node().await.market.unfit_to_work().await.unwrap(), None, "a sandbox's clock is its own");
}

#[tokio::test]
async fn what_a_worker_that_is_to_end_has_not_begun_is_anybodys_at_once() {
    let app = TestApp::new().await;
    let deal = due(&app).await;
    let ending = app.second_node().await;
    ending.market.work_no_more();
    // Not even who lets time pass in a sandbox waits for what nobody begins.
    timeout(PATIENCE, ending.market.work_until_idle()).await.expect("it ends").unwrap();
    let free = "select count(*) from timers where kind = 'release_milestone' and attempts = 0 and leased_until is null";
    assert_eq!((deal.status().await.as_str(), count(&app, free).await), ("APPROVED", 1));
    let (_stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(infra::worker::run(ending.market.clone(), stopped));
    timeout(PATIENCE, worker).await.expect("it ends").unwrap();
    app.settles().await;
    assert_eq!(deal.status().await, "RELEASED");
}
