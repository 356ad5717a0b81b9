//! Outage grace: when the network of a region is down, the deadlines of its people move.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::{Deal, Person, TestApp};

const SEEN: &str = "query($id: ID!) { milestone(id: $id) { status graceHours approvesAt refundRequest { resolvesAt }
    outageGrants { nodes { hours outage { id note } } } } }";
const OUTAGE: &str = "outage { id status zones from until note }";

/// An outage in a zone, from so many hours from now until so many hours from now.
fn outage(app: &TestApp, zone: &str, from: i64, until: i64) -> Value {
    let at = |hours| app.market.clock().now() + TimeDelta::hours(hours);
    json!({ "zones": [zone], "from": at(from), "until": at(until), "note": "The sea cable is cut" })
}

/// One of our people declares it, and what follows from it is done: its id.
pub async fn declares(admin: &Person<'_>, zone: &str, from: i64, until: i64) -> String {
    let reply = admin.does("outageDeclare", outage(admin.app, zone, from, until), OUTAGE).await;
    reply.ok();
    admin.app.settles().await;
    reply.text("outage.id")
}

/// The freelancer is in Lahore, the client in New York.
async fn at_home(deal: &Deal<'_>) {
    deal.freelancer.does("userUpdate", json!({ "timeZone": "Asia/Karachi" }), "viewer { email }").await.ok();
    deal.client.does("userUpdate", json!({ "timeZone": "America/New_York" }), "viewer { email }").await.ok();
}

/// The client asks for the money back, and the freelancer has seven days to answer.
async fn asked_back(app: &TestApp) -> Deal<'_> {
    let deal = app.contracted().await;
    at_home(&deal).await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask, "milestone { id }").await.ok();
    deal
}

async fn resolves_at(deal: &Deal<'_>) -> DateTime<Utc> {
    let reply = deal.client.asks(SEEN, json!({ "id": deal.milestone })).await;
    reply.text("refundRequest.resolvesAt").parse().unwrap()
}

async fn grace(deal: &Deal<'_>) -> i64 {
    deal.client.asks(SEEN, json!({ "id": deal.milestone })).await.data()["milestone"]["graceHours"].as_i64().unwrap()
}

async fn timer_due(app: &TestApp, kind: &str) -> DateTime<Utc> {
    let due = "select due_at from timers where kind = $1";
    sqlx::query_scalar(due).bind(kind).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn who_has_to_answer_gets_the_hours_of_the_outage_and_both_sides_see_it() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let before = resolves_at(&deal).await;
    let admin = app.admin("noor").await;
    let id = declares(&admin, "Asia/Karachi", 1, 25).await;
    assert_eq!(grace(&deal).await, 0, "it has not begun");
    app.passes(TimeDelta::hours(1)).await;
    for side in [&deal.client, &deal.freelancer] {
        let seen = side.asks(SEEN, json!({ "id": deal.milestone })).await;
        let milestone = &seen.data()["milestone"];
        assert_eq!(milestone["graceHours"], 24);
        assert_eq!(
            milestone["outageGrants"]["nodes"],
            json!([{ "hours": 24, "outage": { "id": id, "note": "The sea cable is cut" } }])
        );
    }
    assert_eq!(resolves_at(&deal).await, before + TimeDelta::hours(24));
    assert_eq!(timer_due(&app, "resolve_refund_request").await, before + TimeDelta::hours(24));
    for side in [&deal.client, &deal.freelancer] {
        let told = side.asks("{ viewer { notifications { nodes { kind } } } }", json!({})).await;
        assert!(told.body.to_string().contains("MILESTONE_EXTENDED"), "{:#}", told.body);
    }
    // The old deadline passes and decides nothing; the new one does.
    app.passes(TimeDelta::days(7) - TimeDelta::hours(1)).await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED");
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(deal.status().await, "REFUNDED");
}

#[tokio::test]
async fn what_is_funded_uses_up_none_of_the_hours_that_an_answer_needs() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    at_home(&deal).await;
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 72).await;
    assert_eq!(grace(&deal).await, 0, "silence decides only after months");
    app.passes(TimeDelta::hours(1)).await;
    let ask = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", ask, "milestone { id }").await.ok();
    let before = resolves_at(&deal).await;
    app.passes(TimeDelta::hours(71)).await;
    assert_eq!((grace(&deal).await, resolves_at(&deal).await), (71, before + TimeDelta::hours(71)));
}

#[tokio::test]
async fn a_refund_that_is_asked_for_again_in_an_outage_is_given_what_is_left_of_it() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 20).await;
    assert_eq!(grace(&deal).await, 20);
    app.passes(TimeDelta::hours(5)).await;
    let of = json!({ "milestoneId": deal.milestone });
    deal.freelancer.does("milestoneRefuseRefund", of.clone(), "milestone { id }").await.ok();
    app.passes(TimeDelta::hours(1)).await;
    deal.client.does("milestoneRequestRefund", of, "milestone { id }").await.ok();
    let before = resolves_at(&deal).await;
    app.passes(TimeDelta::hours(14)).await;
    assert_eq!((grace(&deal).await, resolves_at(&deal).await), (34, before + TimeDelta::hours(14)));
    let seen = deal.freelancer.asks(SEEN, json!({ "id": deal.milestone })).await;
    let grants = seen.data()["milestone"]["outageGrants"]["nodes"].as_array().unwrap().clone();
    let hours: Vec<&Value> = grants.iter().map(|grant| &grant["hours"]).collect();
    assert_eq!(hours, [&json!(14), &json!(20)]);
}

#[tokio::test]
async fn whoever_an_offer_waits_for_gets_the_hours_of_their_outage_up_to_the_limit() {
    for is_sent in [false, true] {
        let app = TestApp::new().await;
        let deal = app.offered().await;
        at_home(&deal).await;
        // It waits for the client's money first, and then for the freelancer's word.
        let (theirs, others) = ("America/New_York", "Asia/Karachi");
        let (theirs, others) = if is_sent { (others, theirs) } else { (theirs, others) };
        if is_sent {
            deal.fund(&deal.milestone, "pm_sandbox_visa").await;
        }
        let seen = "query($id: ID!) { offer(id: $id) { status expiresAt } }";
        let offer = async || deal.client.asks(seen, json!({ "id": deal.offer })).await;
        let expires_at = async || offer().await.text("expiresAt").parse::<DateTime<Utc>>().unwrap();
        let (before, status) = (expires_at().await, offer().await.text("status"));
        assert_eq!(status, if is_sent { "SENT" } else { "PENDING_FUNDING" });
        let admin = app.admin("noor").await;
        declares(&admin, others, 0, 20).await;
        assert_eq!(expires_at().await, before, "they have nothing to decide");
        let first = declares(&admin, theirs, 0, 30).await;
        assert_eq!(expires_at().await, before + TimeDelta::hours(30));
        // Ended early, it is carried out once more, and gives nothing twice; nor is anything taken back.
        admin.does("outageEnd", json!({ "outageId": first }), "outage { id }").await.ok();
        app.settles().await;
        assert_eq!(expires_at().await, before + TimeDelta::hours(30));
        // Of what is beyond, no more than the terms allow.
        declares(&admin, theirs, 24, 96).await;
        app.passes(TimeDelta::hours(24)).await;
        assert_eq!(expires_at().await, before + TimeDelta::hours(72));
        assert_eq!(timer_due(&app, "expire_offer").await, before + TimeDelta::hours(72));
        app.passes(TimeDelta::days(6)).await;
        assert_eq!(offer().await.text("status"), status, "seven days are over");
        app.passes(TimeDelta::hours(72)).await;
        assert_eq!(offer().await.text("status"), "EXPIRED");
    }
}

#[tokio::test]
async fn what_outages_gave_the_client_of_an_offer_counts_when_it_waits_for_the_freelancer() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    at_home(&deal).await;
    let seen = "query($id: ID!) { offer(id: $id) { expiresAt } }";
    let expires_at = async || {
        let offer = deal.client.asks(seen, json!({ "id": deal.offer })).await;
        offer.text("expiresAt").parse::<DateTime<Utc>>().unwrap()
    };
    let admin = app.admin("noor").await;
    let before = expires_at().await;
    declares(&admin, "America/New_York", 0, 60).await;
    assert_eq!(expires_at().await, before + TimeDelta::hours(60));
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    let sent = expires_at().await;
    declares(&admin, "Asia/Karachi", 0, 30).await;
    assert_eq!(expires_at().await, sent + TimeDelta::hours(12), "72 hours in all");
}

#[tokio::test]
async fn a_review_moves_for_the_clients_outage_only() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    at_home(&deal).await;
    let approves_at = async || {
        let reply = deal.client.asks(SEEN, json!({ "id": deal.milestone })).await;
        reply.text("approvesAt").parse::<DateTime<Utc>>().unwrap()
    };
    let before = approves_at().await;
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 10).await;
    assert_eq!(approves_at().await, before, "the freelancer has nothing to do, and is paid no later");
    declares(&admin, "America/New_York", 0, 10).await;
    assert_eq!(approves_at().await, before + TimeDelta::hours(10));
    assert_eq!(timer_due(&app, "auto_approve_milestone").await, before + TimeDelta::hours(10));
}

#[tokio::test]
async fn the_profile_says_where_a_freelancer_is_before_the_account_does() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let profile = json!({ "headline": "Makes websites", "timeZone": "Asia/Dubai" });
    deal.freelancer.does("profileUpdate", profile, "profile { id }").await.ok();
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 10).await;
    assert_eq!(grace(&deal).await, 0);
    declares(&admin, "Asia/Dubai", 0, 10).await;
    assert_eq!(grace(&deal).await, 10);
}

#[tokio::test]
async fn hours_are_given_once_however_often_and_by_however_many_workers() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let before = resolves_at(&deal).await;
    let admin = app.admin("noor").await;
    let reply = admin.does("outageDeclare", outage(&app, "Asia/Karachi", 0, 10), OUTAGE).await;
    let again = "insert into timers (kind, subject, due_at) select 'apply_outage', id, from_at from outages
        on conflict (kind, subject) do update set due_at = excluded.due_at, leased_until = null";
    for _ in 0..5 {
        // The same work falls to four workers at once, as if each had lost its lease to the next.
        let work = async || {
            sqlx::query(again).execute(app.pool()).await.unwrap();
            app.settles().await;
        };
        tokio::join!(work(), work(), work(), work());
    }
    assert_eq!(grace(&deal).await, 10);
    assert_eq!(resolves_at(&deal).await, before + TimeDelta::hours(10));
    let grants = "select count(*) from outage_grants";
    let grants: i64 = sqlx::query_scalar(grants).fetch_one(app.pool()).await.unwrap();
    assert_eq!((grants, reply.text("outage.status").as_str()), (1, "ONGOING"));
    for sql in ["update outage_grants set hours = 5", "delete from outage_grants", "truncate outage_grants"] {
        assert!(sqlx::query(sql).execute(app.pool()).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn overlapping_outages_do_not_count_twice_and_the_cap_holds() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let before = resolves_at(&deal).await;
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 20).await;
    declares(&admin, "Asia/Karachi", 0, 20).await;
    assert_eq!(grace(&deal).await, 20);
    declares(&admin, "Asia/Karachi", 0, 30).await;
    assert_eq!(grace(&deal).await, 30);
    declares(&admin, "Asia/Karachi", 0, 700).await;
    assert_eq!(grace(&deal).await, 72, "no more than the terms allow");
    assert_eq!(resolves_at(&deal).await, before + TimeDelta::hours(72));
    let seen = deal.freelancer.asks(SEEN, json!({ "id": deal.milestone })).await;
    let grants = seen.data()["milestone"]["outageGrants"]["nodes"].as_array().unwrap().clone();
    let mut hours: Vec<i64> = grants.iter().map(|grant| grant["hours"].as_i64().unwrap()).collect();
    hours.sort_unstable();
    assert_eq!(hours, [10, 20, 42]);
}

#[tokio::test]
async fn what_begins_to_run_in_an_outage_gets_what_is_left_of_it() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "100.00" } });
    let proposed = deal.client.does("milestonePropose", more, "milestone { id }").await;
    let more = json!({ "milestoneId": proposed.text("milestone.id") });
    deal.freelancer.does("milestoneAgree", more.clone(), "milestone { id }").await.ok();
    deal.fund(&proposed.text("milestone.id"), "pm_sandbox_visa").await;
    // Whatever ran before it is given the whole of it at once.
    let admin = app.admin("noor").await;
    let began = app.market.clock().now();
    declares(&admin, "Asia/Karachi", 0, 24).await;
    assert_eq!(grace(&deal).await, 24);
    app.passes(TimeDelta::hours(10)).await;
    deal.client.does("milestoneRequestRefund", more, "milestone { id }").await.ok();
    let late = Deal { milestone: proposed.text("milestone.id"), ..deal };
    assert_eq!(grace(&late).await, 0, "its clock began to run in the outage");
    app.passes(TimeDelta::hours(14)).await;
    assert_eq!((grace(&late).await, app.market.clock().now()), (14, began + TimeDelta::hours(24)));
}

#[tokio::test]
async fn an_outage_ends_early_or_is_called_off_and_what_was_given_stays() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let admin = app.admin("noor").await;
    let planned = declares(&admin, "Asia/Karachi", 5, 15).await;
    let ongoing = declares(&admin, "Asia/Karachi", 0, 10).await;
    assert_eq!(grace(&deal).await, 10);
    let end = |id: &str| json!({ "outageId": id });
    assert_eq!(deal.client.does("outageEnd", end(&planned), OUTAGE).await.refused(), ["NOT_FOUND"]);
    let off = admin.does("outageEnd", end(&planned), OUTAGE).await;
    assert_eq!(off.text("outage.status"), "WITHDRAWN");
    app.passes(TimeDelta::hours(2)).await;
    let ended = admin.does("outageEnd", end(&ongoing), OUTAGE).await;
    assert_eq!(ended.text("outage.status"), "OVER");
    assert_eq!(ended.text("outage.until").parse::<DateTime<Utc>>().unwrap(), app.market.clock().now());
    admin.does("outageEnd", end(&ongoing), OUTAGE).await.ok();
    app.passes(TimeDelta::hours(20)).await;
    assert_eq!(grace(&deal).await, 10, "no more, and no less");
}

#[tokio::test]
async fn outages_are_everybodys_to_read_and_an_admins_to_declare() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let input = outage(&app, "Asia/Karachi", 0, 10);
    for who in [&deal.client, &deal.freelancer] {
        assert_eq!(who.does("outageDeclare", input.clone(), OUTAGE).await.refused(), ["NOT_FOUND"]);
    }
    let admin = app.admin("noor").await;
    let mut bad = outage(&app, "Mars/Olympus", 10, 10);
    bad["note"] = json!("");
    let faults = admin.does("outageDeclare", bad, OUTAGE).await.faults();
    assert_eq!(faults, ["zones.0: UNKNOWN", "note: REQUIRED", "until: OUT_OF_RANGE"]);
    let mut keyed = input.clone();
    keyed["idempotencyKey"] = json!("o-1");
    let first = admin.does("outageDeclare", keyed.clone(), OUTAGE).await.text("outage.id");
    assert_eq!(admin.does("outageDeclare", keyed, OUTAGE).await.text("outage.id"), first);
    let second = declares(&admin, "America/New_York", 1, 2).await;
    let list = "query($after: String) { outages(first: 1, after: $after) { nodes { id status } pageInfo { endCursor hasNextPage } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for more in [true, false] {
        let page = app.visitor().asks(list, json!({ "after": after })).await;
        let outages = &page.data()["outages"];
        seen.push(outages["nodes"][0]["id"].as_str().unwrap().to_owned());
        assert_eq!(outages["pageInfo"]["hasNextPage"], json!(more));
        after = outages["pageInfo"]["endCursor"].clone();
    }
    seen.sort();
    let mut both = vec![first.clone(), second];
    both.sort();
    assert_eq!(seen, both);
    let node = "query($id: ID!) { node(id: $id) { id ... on Outage { note } } }";
    assert_eq!(app.visitor().asks(node, json!({ "id": first })).await.data()["node"]["note"], "The sea cable is cut");
}

#[tokio::test]
async fn a_long_outage_reaches_more_than_one_batch() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let credit = "query($id: ID!) { contract(id: $id) { milestones(first: 100) { nodes { graceHours status } } } }";
    copied(&app, 60, 0).await;
    let admin = app.admin("noor").await;
    declares(&admin, "Asia/Karachi", 0, 10).await;
    let reply = deal.client.asks(credit, json!({ "id": deal.contract })).await;
    let nodes = reply.data()["contract"]["milestones"]["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 61);
    assert!(nodes.iter().all(|node| node["graceHours"] == json!(10)), "{nodes:?}");
}

/// The id of the last milestone that there can be.
const LAST: &str = "ffffffff-ffff-7fff-bfff-ffffffffffff";

/// Milestones as the one that is there, paid for without the processor: rows as the domain would have written them. They
/// were given so much grace already. One alone is the last of all.
async fn copied(app: &TestApp, count: i32, grace: i32) {
    let copy = "insert into milestones select (jsonb_populate_record(one.m, jsonb_build_object(
             'id', fresh.id, 'escrow_account', 'escrow:' || public_id('mil', fresh.id), 'held_minor', 0,
             'amount_minor', 100, 'sources', '[]'::jsonb, 'escrow', jsonb_set((one.m).escrow, '{held,minor}', '0'),
             'grace_hours', $2::int))).*
         from (select m from milestones m order by id limit 1) one (m),
              (select case $1::int when 1 then $3::uuid else gen_random_uuid() end as id from generate_series(1, $1::int)) fresh";
    sqlx::query(copy).bind(count).bind(grace).bind(LAST).execute(app.pool()).await.unwrap();
}

#[tokio::test]
async fn a_worker_goes_on_with_a_large_outage_where_it_was_and_lets_others_have_their_turn() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    // So many get nothing; and the last of all is to get something.
    copied(&app, 520, 72).await;
    copied(&app, 1, 0).await;
    let admin = app.admin("noor").await;
    let outage = admin.does("outageDeclare", outage(&app, "Asia/Karachi", 0, 10), OUTAGE).await.text("outage.id");
    let apply = domain::timer::Timer::ApplyOutage(outage.parse().unwrap());
    let given = async || {
        let given = "select grace_hours from milestones where id = $1::uuid";
        sqlx::query_scalar::<_, i32>(given).bind(LAST).fetch_one(app.pool()).await.unwrap()
    };
    assert!(app.market.timer_work_one(apply).await.unwrap());
    assert_eq!(given().await, 0, "other work has its turn");
    let place = "select place from outages";
    let place: Value = sqlx::query_scalar(place).fetch_one(app.pool()).await.unwrap();
    assert_eq!((&place["over"], &place["next"][0]), (&json!(false), &json!("milestones")));
    assert!(app.market.timer_work_one(apply).await.unwrap(), "it is due again");
    assert_eq!((given().await, grace(&deal).await), (10, 10));
    assert!(!app.market.timer_work_one(apply).await.unwrap(), "until the outage is over");
    app.passes(TimeDelta::hours(10)).await;
    assert_eq!(given().await, 10, "once");
}

/// Nobody works, and nobody can answer, until an hour after the deadline.
fn down_until_an_hour_after(app: &TestApp, deadline: DateTime<Utc>) {
    app.market.clock().advance(deadline + TimeDelta::hours(1) - app.market.clock().now());
}

#[tokio::test]
async fn what_came_due_while_everything_was_down_waits_for_the_outage_that_is_declared_of_it() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    let admin = app.admin("noor").await;
    app.settles().await;
    let before = resolves_at(&deal).await;
    down_until_an_hour_after(&app, before);
    declares(&admin, "Asia/Karachi", -25, 0).await;
    assert_eq!((deal.status().await.as_str(), grace(&deal).await), ("REFUND_REQUESTED", 25));
    assert_eq!(resolves_at(&deal).await, before + TimeDelta::hours(25));
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(deal.status().await, "REFUNDED");
}

#[tokio::test]
async fn an_outage_that_cannot_be_carried_out_keeps_no_deadline_for_ever() {
    let app = TestApp::new().await;
    let deal = asked_back(&app).await;
    app.settles().await;
    let before = resolves_at(&deal).await;
    // A worker has it, and was tried so often before.
    let had = "insert into timers (kind, subject, due_at, leased_until, attempts)
        values ('apply_outage', gen_random_uuid(), '2026-01-01', '2100-01-01', 7)";
    sqlx::raw_sql(had).execute(app.pool()).await.unwrap();
    down_until_an_hour_after(&app, before);
    app.settles().await;
    assert_eq!(deal.status().await, "REFUND_REQUESTED");
    let again = "update timers set attempts = attempts + 1 where kind = 'apply_outage'";
    sqlx::raw_sql(again).execute(app.pool()).await.unwrap();
    app.settles().await;
    assert_eq!(deal.status().await, "REFUNDED");
}

#[tokio::test]
async fn who_has_to_answer_a_dispute_gets_the_hours_too() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    at_home(&deal).await;
    let quarrel = deal.disputed("600.00").await;
    let answer_by = async || {
        let query = "query($id: ID!) { node(id: $id) { ... on Dispute { status deadline } } }";
        let reply = quarrel.deal.client.asks(query, json!({ "id": quarrel.dispute })).await;
        reply.text("deadline").parse::<DateTime<Utc>>().unwrap()
    };
    let before = answer_by().await;
    let admin = app.admin("noor").await;
    declares(&admin, "America/New_York", 0, 10).await;
    assert_eq!(answer_by().await, before, "the claimant waits, and has nothing to do");
    declares(&admin, "Asia/Karachi", 0, 10).await;
    assert_eq!((answer_by().await, grace(&quarrel.deal).await), (before + TimeDelta::hours(10), 10));
    assert_eq!(timer_due(&app, "advance_dispute").await, before + TimeDelta::hours(10));
}

const WEEK: &str =
    "query($id: ID!) { timesheet(id: $id) { status graceHours submitsAt approvesAt dispute { id deadline }
    outageGrants { nodes { hours outage { id note } } } } }";

#[tokio::test]
async fn a_week_moves_for_whoever_has_to_move_and_both_sides_see_it() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_visa").await;
    hours.freelancer.does("userUpdate", json!({ "timeZone": "Asia/Karachi" }), "viewer { email }").await.ok();
    hours.client.does("userUpdate", json!({ "timeZone": "America/New_York" }), "viewer { email }").await.ok();
    let admin = app.admin("noor").await;
    let seen = async |id: &str| {
        let (client, freelancer) = (
            hours.client.asks(WEEK, json!({ "id": id })).await.data()["timesheet"].clone(),
            hours.freelancer.asks(WEEK, json!({ "id": id })).await.data()["timesheet"].clone(),
        );
        assert_eq!(client, freelancer, "both sides see the same");
        client
    };
    // Monday 1 June, 8:00: the week is written until Monday noon, and ten hours are lost.
    let week = hours.worked("2026-06-01", 60).await;
    let entry = hours.adds("2026-06-01", 30).await.text("timeEntry.id");
    declares(&admin, "America/New_York", 0, 10).await;
    assert_eq!(seen(&week).await["graceHours"], 0, "the client has nothing to do yet");
    let outage = declares(&admin, "Asia/Karachi", 0, 10).await;
    let written = seen(&week).await;
    assert_eq!((&written["graceHours"], &written["submitsAt"]), (&json!(10), &json!("2026-06-08T22:00:00+00:00")));
    let given = json!([{ "hours": 10, "outage": { "id": outage, "note": "The sea cable is cut" } }]);
    assert_eq!(written["outageGrants"]["nodes"], given);
    let told = hours.client.asks("{ viewer { notifications { nodes { kind } } } }", json!({})).await;
    assert!(told.body.to_string().contains("TIMESHEET_EXTENDED"), "{:#}", told.body);
    let noon: DateTime<Utc> = "2026-06-08T12:00:00Z".parse().unwrap();
    app.passes(noon - app.market.clock().now()).await;
    assert_eq!(seen(&week).await["status"], "OPEN");
    app.passes(TimeDelta::hours(10)).await;
    // Then the client looks at it, for as long as ever, and ten hours more.
    let review = seen(&week).await;
    assert_eq!((&review["status"], &review["approvesAt"]), (&json!("SUBMITTED"), &json!("2026-06-13T09:59:00+00:00")));
    declares(&admin, "Asia/Karachi", 0, 10).await;
    assert_eq!(seen(&week).await["graceHours"], 10, "the freelancer is paid no later");
    declares(&admin, "America/New_York", 0, 10).await;
    assert_eq!(seen(&week).await["approvesAt"], "2026-06-13T19:59:00+00:00");
    assert_eq!(timer_due(&app, "auto_approve_timesheet").await.to_rfc3339(), "2026-06-13T19:59:00+00:00");
    // A dispute over some of it has deadlines of its own, and the grace of what went apart.
    let input = json!({ "timesheetId": week, "timeEntryIds": [entry], "reason": "Too long" });
    let disputed = hours.client.does("timesheetDispute", input, "disputed { id dispute { id deadline } }").await;
    let (apart, before) = (disputed.text("disputed.id"), disputed.text("disputed.dispute.deadline"));
    declares(&admin, "Asia/Karachi", 0, 10).await;
    let after = seen(&apart).await;
    let due = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(due(after["dispute"]["deadline"].as_str().unwrap()), due(&before) + TimeDelta::hours(10));
    assert_eq!(after["graceHours"], 10);
}
