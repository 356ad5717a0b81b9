//! What people are told of.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Person, TestApp};

use crate::gig::open_gig;
use crate::proposal::bid;

const TOLD: &str =
    "{ viewer { unreadNotificationCount notifications { edges { node { id kind contractId readAt } } } } }";

/// A contract between two people, and word that it ended. It is written straight into the
/// database, for what is told here does not depend on how it came about.
async fn a_contract_ends(app: &TestApp, client: &Person<'_>, freelancer: &Person<'_>) {
    use domain::id::{ContractId, Id, OrganizationId, UserId};
    let contract = ContractId::from_uuid("019a0000-0000-7000-8000-000000000001".parse().unwrap());
    let organization: OrganizationId = client.organization.parse().unwrap();
    let user: UserId = freelancer.id.parse().unwrap();
    let mut connection = app.pool().acquire().await.unwrap();
    for sql in [
        "set session_replication_role = replica".to_owned(),
        format!(
            "insert into contracts (id, offer_id, organization_id, freelancer_id, title, engagement, policy, terms, version, status, state, created_at)
             values ('{0}', '{0}', '{1}', '{2}', 'A shop', '{{}}', 1, '{{}}', 1, 'ended', '{{\"status\": \"ended\"}}', now())",
            contract.uuid(), organization.uuid(), user.uuid()
        ),
        "set session_replication_role = origin".to_owned(),
        format!(
            "insert into events (id, name, body, trace, occurred_at, due_at)
             values ('{}', 'contract_ended', '{}', 'test', '2026-06-01T08:00:00Z', '2026-06-01T08:00:00Z')",
            contract.uuid(),
            json!({ "type": "contract_ended", "contract": contract, "reviews_close_at": "2026-06-15T08:00:00Z" })
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn those_who_pay_are_told_that_money_did_not_get_back_to_its_card() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_refund_fails").await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": deal.milestone })).await.text("payment.id");
    deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), "offer { status }").await.ok();
    let back = json!({ "paymentId": payment, "amount": { "amount": "1.00" } });
    deal.client.does("paymentRefund", back, "refund { id }").await.ok();
    app.settles().await;
    let told = async |person: &Person<'_>| {
        let told = person.asks("{ viewer { notifications { nodes { kind subject { id } } } } }", json!({})).await;
        let nodes = told.data()["viewer"]["notifications"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().filter(|node| node["kind"] == "PAYMENT_REFUND_FAILED").collect::<Vec<_>>()
    };
    let expected = json!({ "kind": "PAYMENT_REFUND_FAILED", "subject": { "id": payment } });
    assert_eq!(told(&deal.client).await, [expected]);
    assert_eq!(told(&deal.freelancer).await, Vec::<Value>::new(), "how a client pays is its own business");
}

#[tokio::test]
async fn both_sides_are_told_once_that_a_contract_ended_and_nobody_else() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    a_contract_ends(&app, &ada, &lin).await;
    app.settles().await;
    let again = sqlx::query("update events set done_at = null, due_at = occurred_at where name = 'contract_ended'");
    again.execute(app.pool()).await.unwrap();
    app.settles().await;

    for person in [&ada, &lin] {
        let told = person.asks(TOLD, json!({})).await;
        let viewer = &told.data()["viewer"];
        assert_eq!(viewer["unreadNotificationCount"], 1);
        assert_eq!(viewer["notifications"]["edges"].as_array().map(Vec::len), Some(1));
        assert_eq!(viewer["notifications"]["edges"][0]["node"]["kind"], "CONTRACT_ENDED");
    }
    let nothing = eve.asks(TOLD, json!({})).await;
    assert_eq!(nothing.data()["viewer"], json!({ "unreadNotificationCount": 0, "notifications": { "edges": [] } }));

    let id = lin.asks(TOLD, json!({})).await.data()["viewer"]["notifications"]["edges"][0]["node"]["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(eve.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    let read = json!({ "ids": [id] });
    assert_eq!(eve.does("notificationsRead", read.clone(), "readCount").await.ok()["readCount"], 0, "not hers");
    assert_eq!(lin.does("notificationsRead", read.clone(), "readCount").await.ok()["readCount"], 1);
    assert_eq!(lin.does("notificationsRead", read, "readCount").await.ok()["readCount"], 0, "a repeat");
    let unread = "{ viewer { notifications(unreadOnly: true) { totalCount edges { cursor node { id } } } } }";
    let nothing = lin.asks(unread, json!({})).await;
    assert_eq!(nothing.data()["viewer"]["notifications"], json!({ "totalCount": 0, "edges": [] }));
    let some = ada.asks(unread, json!({})).await.data()["viewer"]["notifications"].clone();
    assert_eq!(some["totalCount"], 1);
    let after = "query($after: String) { viewer { notifications(after: $after) { nodes { id } } } }";
    let after = ada.asks(after, json!({ "after": some["edges"][0]["cursor"] })).await;
    assert_eq!(after.data()["viewer"]["notifications"]["nodes"], json!([]), "a cursor of one is one of the other");
    let all = ada.does("notificationsRead", json!({}), "readCount viewer { unreadNotificationCount }").await;
    assert_eq!(all.ok()["readCount"], 1);
    assert_eq!(all.ok()["viewer"]["unreadNotificationCount"], 0, "the number beside the bell comes with the answer");
    assert_eq!(ada.asks(TOLD, json!({})).await.data()["viewer"]["unreadNotificationCount"], 0);
}

/// What somebody was told so far, oldest first: the kind, and what it is about.
pub async fn told(person: &Person<'_>) -> Vec<(String, String)> {
    person.app.settles().await;
    let query = "{ viewer { notifications(first: 100) { nodes { kind subject { __typename } } } } }";
    let reply = person.asks(query, json!({})).await;
    let nodes = reply.data()["viewer"]["notifications"]["nodes"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<_> =
        nodes.iter().map(|node| (text(&node["kind"]), text(&node["subject"]["__typename"]))).collect();
    told.sort();
    told
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.iter().map(|(kind, about)| ((*kind).to_owned(), (*about).to_owned())).collect();
    pairs.sort();
    pairs
}

#[tokio::test]
async fn a_proposal_that_is_revised_again_and_again_is_told_of_once_a_day_until_it_is_read() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    let omar = app.freelancer("omar").await;
    let mut ids = Vec::new();
    for who in [&lin, &omar] {
        ids.push(who.does("proposalSubmit", bid(&gig), "proposal { id }").await.text("proposal.id"));
    }
    let mut words = 0;
    let mut revises = async |who: &Person<'_>, id: &str| {
        let mut input = bid(&gig);
        words += 1;
        input["coverLetter"] = json!(format!("I built {words} ledgers that auditors liked, and more."));
        input["proposalId"] = json!(id);
        input.as_object_mut().unwrap().remove("gigId");
        who.does("proposalRevise", input, "proposal { id }").await.ok();
    };
    let revised = async || told(&ada).await.iter().filter(|(kind, _)| kind == "PROPOSAL_REVISED").count();

    for _ in 0..3 {
        revises(&lin, &ids[0]).await;
    }
    assert_eq!(revised().await, 1, "what is unread says it already");
    revises(&omar, &ids[1]).await;
    assert_eq!(revised().await, 2, "another proposal");
    revises(&lin, &ids[0]).await;
    assert_eq!(revised().await, 2);
    ada.does("notificationsRead", json!({}), "readCount").await.ok();
    revises(&lin, &ids[0]).await;
    assert_eq!(revised().await, 3, "she knew what was before");
    // Who marks nothing as read is told all the same, on another day.
    app.passes(TimeDelta::days(1)).await;
    revises(&lin, &ids[0]).await;
    revises(&lin, &ids[0]).await;
    assert_eq!(revised().await, 4);
}

#[tokio::test]
async fn each_side_is_told_what_the_other_did_and_what_it_is_about() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let client = [
        ("MILESTONE_AGREED", "Milestone"),
        ("MILESTONE_FUNDED", "Milestone"),
        ("OFFER_ACCEPTED", "Contract"),
        ("MILESTONE_SUBMITTED", "Milestone"),
    ];
    assert_eq!(told(&deal.client).await, pairs(client));
    // What came before the offer was theirs to see is no news for them.
    let freelancer =
        [("OFFER_SENT", "Offer"), ("MILESTONE_APPROVED", "Milestone"), ("MILESTONE_RELEASED", "Milestone")];
    assert_eq!(told(&deal.freelancer).await, pairs(freelancer));
    let newest =
        "{ viewer { notifications(first: 1) { nodes { kind sentence contract { id title } milestone { id } } } } }";
    let newest = deal.freelancer.asks(newest, json!({})).await;
    assert_eq!(
        newest.data()["viewer"]["notifications"]["nodes"][0],
        json!({
            "kind": "MILESTONE_RELEASED", "sentence": "The money of a milestone is available.",
            "contract": { "id": deal.contract, "title": "A website" }, "milestone": { "id": deal.milestone }
        })
    );
}

#[tokio::test]
async fn a_client_hears_whether_the_money_of_an_offer_came_and_the_freelancer_once_it_did() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let before = told(&deal.freelancer).await;
    deal.fund(&deal.milestone, "pm_sandbox_declined").await;
    let failed = ("MILESTONE_FUNDING_FAILED".to_owned(), "Milestone".to_owned());
    let funded = ("MILESTONE_FUNDED".to_owned(), "Milestone".to_owned());
    let client = told(&deal.client).await;
    assert!(client.contains(&failed) && !client.contains(&funded), "{client:?}");
    assert_eq!(told(&deal.freelancer).await, before, "what was not sent was not offered");
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    let client = told(&deal.client).await;
    assert!(client.contains(&funded), "{client:?}");
    let sent = ("OFFER_SENT".to_owned(), "Offer".to_owned());
    assert!(told(&deal.freelancer).await.contains(&sent), "{:?}", told(&deal.freelancer).await);
}

#[tokio::test]
async fn both_sides_are_told_of_what_silence_did_and_the_giver_of_a_gift_is_not() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    app.passes(TimeDelta::days(14)).await;
    let approved = ("MILESTONE_APPROVED".to_owned(), "Milestone".to_owned());
    for side in [&deal.client, &deal.freelancer] {
        assert!(told(side).await.contains(&approved), "{:?}", told(side).await);
    }
    let before = told(&deal.client).await;
    let bonus = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" }, "message": "Thanks", "paymentMethod": "pm_sandbox_visa" });
    deal.client.does("bonusGive", bonus, "milestone { id }").await.ok();
    let after = told(&deal.client).await;
    let again = |told: &[(String, String)]| told.iter().filter(|told| **told == approved).count();
    assert_eq!(again(&after), again(&before), "the client knows what it gave");
    assert_eq!(again(&told(&deal.freelancer).await), 2);
}

#[tokio::test]
async fn a_freelancer_hears_when_nothing_is_tried_any_more_and_both_before_it_is_written_off() {
    let app = TestApp::new().await;
    let hours = app.hourly().await;
    hours.names_card("pm_sandbox_declined").await;
    app.passes(TimeDelta::days(2)).await;
    let week = hours.worked("2026-06-01", 60).await;
    let count =
        async |person: &Person<'_>, kind: &str| told(person).await.iter().filter(|(told, _)| told == kind).count();
    app.passes(TimeDelta::days(23)).await;
    assert_eq!(hours.status(&week).await, "UNPAID");
    assert_eq!(count(&hours.client, "TIMESHEET_CHARGE_FAILED").await, 4);
    assert_eq!(count(&hours.freelancer, "TIMESHEET_CHARGE_FAILED").await, 1, "the last of them");
    app.passes(TimeDelta::days(45)).await;
    assert_eq!(count(&hours.freelancer, "TIMESHEET_UNPAID").await, 0);
    app.passes(TimeDelta::days(5)).await;
    for side in [&hours.client, &hours.freelancer] {
        assert_eq!(count(side, "TIMESHEET_UNPAID").await, 1, "a week before");
    }
    assert_eq!(hours.status(&week).await, "UNPAID");
    app.passes(TimeDelta::days(8)).await;
    assert_eq!(hours.status(&week).await, "VOID");
}

#[tokio::test]
async fn notifications_are_heard_as_they_are_told_and_those_that_were_missed_first() {
    let app = TestApp::new().await;
    let (wire, deal) = (app.wire().await, app.contracted().await);
    app.settles().await;
    let follow = "subscription($after: String) { notificationReceived(after: $after) { cursor
        notification { kind subject { ... on Milestone { status } } } } }";
    let start = "WyJub3RpZmljYXRpb25zX3RvbGQiLFt7ImludCI6MH1dXQ";
    let mut clara = wire.socket(&deal.client.visitor().await).await;
    clara.subscribe("it", follow, json!({ "after": start })).await;
    let mut last = Value::Null;
    let before = told(&deal.client).await.len();
    for _ in 0..before {
        last = clara.data().await["notificationReceived"]["cursor"].clone();
    }
    let input = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
    deal.freelancer.does("milestoneSubmit", input, "milestone { status }").await.ok();
    app.settles().await;
    let heard = clara.data().await["notificationReceived"].clone();
    assert_eq!(heard["notification"], json!({ "kind": "MILESTONE_SUBMITTED", "subject": { "status": "SUBMITTED" } }));

    let mut again = wire.socket(&deal.client.visitor().await).await;
    again.subscribe("it", follow, json!({ "after": last })).await;
    assert_eq!(again.data().await["notificationReceived"], heard, "what came after the last one known, and only that");
    // A page that shows the list goes on after what it showed.
    let list = "{ viewer { notifications(first: 2) { edges { cursor } } } }";
    let list = deal.client.asks(list, json!({})).await.data()["viewer"]["notifications"]["edges"].clone();
    assert_eq!(list[0]["cursor"], heard["cursor"]);
    let mut page = wire.socket(&deal.client.visitor().await).await;
    page.subscribe("it", follow, json!({ "after": list[1]["cursor"] })).await;
    assert_eq!(page.data().await["notificationReceived"], heard, "what the list does not show yet");

    let mut visitor = wire.socket(&app.visitor()).await;
    visitor.subscribe("it", follow, json!({})).await;
    assert_eq!(visitor.hears().await, tests::Heard::Failed(vec!["UNAUTHENTICATED".to_owned()]));

    deal.client.does("signOut", json!({}), "session { id }").await.ok();
    clara.is_turned_away().await;
}

#[tokio::test]
async fn what_a_newer_server_told_of_spoils_no_page_of_an_older_one() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    a_contract_ends(&app, &ada, &lin).await;
    app.settles().await;
    sqlx::query("update notifications set kind = 'contract_painted_blue'").execute(app.pool()).await.unwrap();
    let query = "{ viewer { unreadNotificationCount notifications { nodes { kind sentence } } } }";
    let told = lin.asks(query, json!({})).await;
    let line = json!({ "kind": "SOMETHING_ELSE", "sentence": "Something happened that concerns you." });
    let expected = json!({ "unreadNotificationCount": 1, "notifications": { "nodes": [line] } });
    assert_eq!(told.data()["viewer"], expected);
}

#[tokio::test]
async fn milestones_proposed_and_called_off_over_and_over_wake_the_other_side_a_few_times_a_day() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let told = async |kind: &str| {
        let select = "select count(*) from notifications n join users u on u.id = n.user_id
            where u.id = $1 and n.kind = $2";
        let user: domain::id::UserId = deal.freelancer.id.parse().unwrap();
        let user = domain::id::Id::uuid(user);
        sqlx::query_scalar::<_, i64>(select).bind(user).bind(kind).fetch_one(app.pool()).await.unwrap()
    };
    let before = told("milestone_cancelled").await;
    let turns = async |times: usize| {
        for _ in 0..times {
            let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
            let more = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
            let off = json!({ "milestoneId": more });
            deal.client.does("milestoneCancel", off, "milestone { status }").await.ok();
            app.settles().await;
        }
    };
    turns(8).await;
    assert_eq!((told("milestone_proposed").await, told("milestone_cancelled").await), (5, before + 5));
    // Another contract has news of its own.
    let offer = json!({ "organizationId": deal.client.organization, "freelancerId": deal.freelancer.id, "title": "Another",
        "milestones": [{ "title": "All of it", "amount": { "amount": "100.00" } }] });
    let offer = deal.client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let first = &offer.ok()["offer"]["milestones"]["nodes"][0]["id"];
    let pays = json!({ "milestoneId": first, "paymentMethod": "pm_sandbox_visa" });
    deal.client.does("milestoneFund", pays, "payment { id }").await.ok();
    app.settles().await;
    let accepts = json!({ "offerId": offer.text("offer.id") });
    let another = deal.freelancer.does("offerAccept", accepts, "contract { id }").await.text("contract.id");
    let more = json!({ "contractId": another, "title": "More", "amount": { "amount": "10.00" } });
    deal.client.does("milestonePropose", more, "milestone { id }").await.ok();
    app.settles().await;
    assert_eq!(told("milestone_proposed").await, 6);
    // Whoever has looked is told of what comes next.
    deal.freelancer.does("notificationsRead", json!({}), "readCount").await.ok();
    turns(1).await;
    assert_eq!(told("milestone_proposed").await, 7);
    // And the next day it is news again.
    turns(4).await;
    app.passes(TimeDelta::hours(25)).await;
    turns(2).await;
    assert_eq!(told("milestone_proposed").await, 13);
}
