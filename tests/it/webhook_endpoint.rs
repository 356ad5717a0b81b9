//! Programs of an organization that are told of what happens to its things.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection;
use tests::receiver::{Answer, Receiver, nowhere};
use tests::{Deal, Person, TestApp};

mod places;
mod silence;

const ISSUED: &str = "issued { secret webhookEndpoint { id url events status } }";
const ENDPOINT: &str = "query($id: ID!) { node(id: $id) { ... on WebhookEndpoint { url status failingSince
    deliveries { nodes { id event subjectId status attempts nextAttemptAt lastStatus lastTrouble } } } } }";

/// An endpoint with its secret.
struct Hook {
    id: String,
    secret: String,
}

async fn hooks(client: &Person<'_>, url: &str, events: &[&str]) -> Hook {
    let input = json!({ "organizationId": client.organization, "url": url, "events": events });
    let issued = client.does("webhookEndpointCreate", input, ISSUED).await;
    Hook { id: issued.text("issued.webhookEndpoint.id"), secret: issued.text("issued.secret") }
}

impl Hook {
    async fn look(&self, client: &Person<'_>) -> Value {
        client.asks(ENDPOINT, json!({ "id": self.id })).await.data()["node"].clone()
    }

    /// What was sent to it, newest first.
    async fn deliveries(&self, client: &Person<'_>) -> Vec<Value> {
        self.look(client).await["deliveries"]["nodes"].as_array().cloned().unwrap_or_default()
    }

    async fn pings(&self, client: &Person<'_>) -> String {
        let input = json!({ "webhookEndpointId": self.id });
        client.does("webhookEndpointTest", input, "webhookDelivery { id }").await.text("webhookDelivery.id")
    }
}

async fn submits(deal: &Deal<'_>) {
    let input = json!({ "milestoneId": deal.milestone, "message": "Here is what nobody else should read" });
    deal.freelancer.does("milestoneSubmit", input, "milestone { status }").await.ok();
}

#[tokio::test]
async fn what_happens_to_an_organizations_things_is_told_once_signed_and_without_a_word_of_it() {
    let app = TestApp::with_webhooks().await;
    let deal = app.contracted().await;
    let receiver = Receiver::start(Answer::Status(204)).await;
    let hook = hooks(&deal.client, &receiver.url(), &["MILESTONE_SUBMITTED", "PROPOSAL_SUBMITTED"]).await;
    let other = app.client("other").await;
    let others = Receiver::start(Answer::Status(200)).await;
    hooks(&other, &others.url(), &["MILESTONE_SUBMITTED"]).await;
    submits(&deal).await;
    app.settles().await;

    let told = receiver.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].is_signed_with(&hook.secret, app.market.clock().now()));
    assert!(!told[0].is_signed_with("whsec_another", app.market.clock().now()));
    assert_eq!(told[0].path, "/hooks");
    let body = told[0].json();
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "occurredAt", "organizationId", "subjectId", "type"]);
    assert_eq!(body["type"], "MILESTONE_SUBMITTED");
    assert_eq!(body["subjectId"], json!(deal.milestone));
    assert_eq!(body["organizationId"], json!(deal.client.organization));
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    let event = deal.client.asks(node, json!({ "id": body["id"] })).await;
    assert_eq!(event.data()["node"]["__typename"], "ContractEvent", "what it was can be asked for");
    assert_eq!(others.told(), [], "it is nothing of theirs");

    let sent = hook.deliveries(&deal.client).await;
    let expected = json!([{ "id": told[0].delivery, "event": "MILESTONE_SUBMITTED", "subjectId": deal.milestone,
        "status": "DELIVERED", "attempts": 1, "nextAttemptAt": null, "lastStatus": 204, "lastTrouble": null }]);
    assert_eq!(json!(sent), expected);

    // Whoever delivers events may do so again.
    let again =
        sqlx::query("update events set done_at = null, due_at = occurred_at where name = 'milestone_submitted'");
    again.execute(app.pool()).await.unwrap();
    app.settles().await;
    assert_eq!(receiver.told().len(), 1);
}

#[tokio::test]
async fn whatever_it_happened_to_those_are_told_whose_it_is() {
    let app = TestApp::with_webhooks().await;
    let deal = app.offered().await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    let events = ["OFFER_SENT", "MILESTONE_FUNDED", "PAYMENT_REFUND_FAILED"];
    hooks(&deal.client, &receiver.url(), &events).await;
    deal.fund(&deal.milestone, "pm_sandbox_refund_fails").await;
    let payment = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
    let payment = deal.client.asks(payment, json!({ "id": deal.milestone })).await.text("payment.id");
    deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), "offer { status }").await.ok();
    let back = json!({ "paymentId": payment, "amount": { "amount": "1.00" } });
    deal.client.does("paymentRefund", back, "refund { id }").await.ok();
    app.settles().await;
    let told = receiver.told().into_iter().map(|told| told.json());
    let mut told: Vec<(String, String)> =
        told.map(|told| (told["type"].as_str().unwrap().into(), told["subjectId"].as_str().unwrap().into())).collect();
    told.sort();
    let expected =
        [("MILESTONE_FUNDED", &deal.milestone), ("OFFER_SENT", &deal.offer), ("PAYMENT_REFUND_FAILED", &payment)];
    assert_eq!(told, expected.map(|(kind, id)| (kind.to_owned(), id.clone())));
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_as_the_same_and_by_hand_once_more() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    let ping = hook.pings(&ada).await;
    app.settles().await;
    app.settles().await;
    assert_eq!(receiver.told().len(), 1, "it is left alone for a moment");
    let sent = hook.deliveries(&ada).await;
    assert_eq!((&sent[0]["status"], &sent[0]["lastStatus"]), (&json!("WAITING"), &json!(500)));
    assert!(sent[0]["nextAttemptAt"].is_string(), "{sent:?}");

    // Sent elsewhere, it goes nowhere: that is no answer that takes it.
    receiver.answers(Answer::Elsewhere);
    app.market.clock().advance(TimeDelta::minutes(1));
    app.settles().await;
    assert_eq!(hook.deliveries(&ada).await[0]["lastStatus"], 307);
    receiver.answers(Answer::Status(200));
    app.market.clock().advance(TimeDelta::minutes(10));
    app.settles().await;
    let told = receiver.told();
    assert_eq!(told.len(), 3);
    for one in &told {
        assert_eq!((&one.delivery, &one.body, one.path.as_str()), (&ping, &told[0].body, "/hooks"));
        assert_eq!((&one.json()["type"], &one.json()["subjectId"]), (&json!("PING"), &json!(hook.id)));
    }
    assert_eq!(hook.deliveries(&ada).await[0]["status"], "DELIVERED");

    let input = json!({ "webhookDeliveryId": ping });
    ada.does("webhookDeliveryRetry", input, "webhookDelivery { id status attempts }").await.ok();
    app.settles().await;
    assert_eq!((receiver.told().len(), &receiver.told()[3].delivery), (4, &ping));
}

#[tokio::test]
async fn one_that_takes_nothing_is_asked_with_one_thing_at_a_time_until_it_does() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(503)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    for _ in 0..3 {
        hook.pings(&ada).await;
    }
    app.settles().await;
    assert_eq!(receiver.told().len(), 1);
    app.market.clock().advance(TimeDelta::seconds(31));
    app.settles().await;
    assert_eq!(receiver.told().len(), 2);
    receiver.answers(Answer::Status(200));
    app.market.clock().advance(TimeDelta::minutes(10));
    app.settles().await;
    assert_eq!(receiver.told().len(), 5, "then it is sent all that waits");
    assert!(hook.deliveries(&ada).await.iter().all(|sent| sent["status"] == "DELIVERED"));
    assert_eq!(hook.look(&ada).await["failingSince"], Value::Null);
}

#[tokio::test]
async fn an_old_secret_signs_beside_the_new_one_for_a_day() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    let rotate = json!({ "webhookEndpointId": hook.id });
    let rotates = async || ada.does("webhookEndpointRotateSecret", rotate.clone(), ISSUED).await;
    let new = rotates().await.text("issued.secret");
    assert!(new.starts_with("whsec_") && new != hook.secret);
    hook.pings(&ada).await;
    app.settles().await;
    let signed = |place: usize, secret: &str| {
        let told = &receiver.told()[place];
        told.is_signed_with(secret, app.market.clock().now())
    };
    assert!(signed(0, &hook.secret) && signed(0, &new));

    app.passes(TimeDelta::hours(24)).await;
    hook.pings(&ada).await;
    app.settles().await;
    assert!(!signed(1, &hook.secret) && signed(1, &new));

    // An answer may be lost several times: whichever secret somebody has, it goes on for its day.
    for _ in 0..3 {
        rotates().await.ok();
    }
    assert_eq!(rotates().await.refused(), ["WEBHOOK_SECRETS"]);
    hook.pings(&ada).await;
    app.settles().await;
    assert!(signed(2, &new));
    app.market.tidy().await.unwrap();
    let kept: i64 = sqlx::query_scalar("select count(*) from webhook_secrets").fetch_one(app.pool()).await.unwrap();
    assert_eq!(kept, 4, "one that signs no more is forgotten");
}

#[tokio::test]
async fn one_that_takes_nothing_for_three_days_is_switched_off_and_its_people_are_told() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let (bo, cy) = (app.person("bo").await, app.person("cy").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    super::organization::joins(&ada, &cy, "FINANCE").await;
    let receiver = Receiver::start(Answer::Status(404)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    app.settles().await;
    app.passes(TimeDelta::hours(71)).await;
    assert_eq!(hook.look(&ada).await["status"], "ENABLED");
    app.passes(TimeDelta::hours(1)).await;
    let off = hook.look(&ada).await;
    assert_eq!((&off["status"], &off["deliveries"]["nodes"][0]["status"]), (&json!("FAILED"), &json!("GIVEN_UP")));

    let told = "{ viewer { notifications { nodes { kind subject { id } } } } }";
    let of_it = async |person: &Person<'_>| {
        let reply = person.asks(told, json!({})).await;
        let nodes = reply.data()["viewer"]["notifications"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().filter(|node| node["kind"] == "WEBHOOK_ENDPOINT_DISABLED").collect::<Vec<_>>()
    };
    for person in [&ada, &bo] {
        assert_eq!(of_it(person).await, [json!({ "kind": "WEBHOOK_ENDPOINT_DISABLED", "subject": { "id": hook.id } })]);
    }
    assert_eq!(of_it(&cy).await, Vec::<Value>::new());

    // It is sent nothing, until it is switched on again.
    let heard = receiver.told().len();
    let ping = ada.does("webhookEndpointTest", json!({ "webhookEndpointId": hook.id }), "webhookDelivery { id }").await;
    assert_eq!(ping.refused(), ["WRONG_STATE"]);
    receiver.answers(Answer::Status(200));
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(receiver.told().len(), heard);
    let on = json!({ "webhookEndpointId": hook.id, "enabled": true });
    let on = ada.does("webhookEndpointUpdate", on, "webhookEndpoint { status failingSince }").await;
    assert_eq!(on.ok()["webhookEndpoint"], json!({ "status": "ENABLED", "failingSince": null }));
    hook.pings(&ada).await;
    app.settles().await;
    assert_eq!(receiver.told().len(), heard + 1);
}

#[tokio::test]
async fn days_on_which_no_worker_called_are_not_counted_against_an_endpoint() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    app.settles().await;
    app.market.clock().advance(TimeDelta::days(4));
    app.settles().await;
    assert_eq!(receiver.told().len(), 2);
    let late = hook.look(&ada).await;
    assert_eq!((&late["status"], &late["deliveries"]["nodes"][0]["status"]), (&json!("ENABLED"), &json!("WAITING")));
    receiver.answers(Answer::Status(200));
    app.market.clock().advance(TimeDelta::minutes(10));
    app.settles().await;
    assert_eq!(hook.deliveries(&ada).await[0]["status"], "DELIVERED");
}

#[tokio::test]
async fn days_on_which_nobody_answered_are_held_against_an_endpoint_once_others_do() {
    let app = TestApp::with_webhooks().await;
    let (ada, bea, cem) = (app.client("ada").await, app.client("bea").await, app.client("cem").await);
    let url = nowhere();
    let (one, other) = (hooks(&ada, &url, &["OFFER_ACCEPTED"]).await, hooks(&bea, &url, &["OFFER_ACCEPTED"]).await);
    one.pings(&ada).await;
    other.pings(&bea).await;
    app.settles().await;
    let stand = async || {
        let (one, other) = (one.look(&ada).await, other.look(&bea).await);
        [one, other].map(|it| (it["status"].clone(), it["deliveries"]["nodes"][0]["status"].clone()))
    };
    for _ in 0..4 {
        app.passes(TimeDelta::days(1)).await;
    }
    assert_eq!(stand().await, [(json!("ENABLED"), json!("WAITING")), (json!("ENABLED"), json!("WAITING"))]);
    let well = Receiver::start(Answer::Status(200)).await;
    hooks(&cem, &well.url(), &["OFFER_ACCEPTED"]).await.pings(&cem).await;
    app.passes(TimeDelta::days(1)).await;
    // They failed meanwhile, which is held against them from when the others answered.
    let attempts = async || one.deliveries(&ada).await[0]["attempts"].as_i64().unwrap();
    let failed = attempts().await;
    assert_eq!(stand().await, [(json!("ENABLED"), json!("WAITING")), (json!("ENABLED"), json!("WAITING"))]);
    app.passes(TimeDelta::days(1)).await;
    assert!(attempts().await > failed, "they are asked");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(stand().await, [(json!("FAILED"), json!("GIVEN_UP")), (json!("FAILED"), json!("GIVEN_UP"))]);
}

#[tokio::test]
async fn one_that_never_answers_holds_up_nobody_else() {
    let app = TestApp::with_webhooks().await;
    let deal = app.contracted().await;
    let (hanging, well) = (Receiver::start(Answer::Never).await, Receiver::start(Answer::Status(200)).await);
    for receiver in [&hanging, &well] {
        hooks(&deal.client, &receiver.url(), &["MILESTONE_SUBMITTED"]).await;
    }
    submits(&deal).await;
    tokio::select! {
        () = app.settles() => panic!("it ended before both had heard"),
        () = async { tokio::join!(hanging.has_heard(1), well.has_heard(1)); } => {}
    }

    // The worker that waited for it is gone without a word: another goes on once its time is over, with the same.
    hanging.answers(Answer::Status(200));
    app.settles().await;
    assert_eq!(hanging.told().len(), 1);
    app.market.clock().advance(TimeDelta::seconds(61));
    app.settles().await;
    let told = hanging.told();
    assert_eq!((told.len(), &told[1].delivery), (2, &told[0].delivery));
}

#[tokio::test]
async fn those_that_are_slow_have_places_of_their_own() {
    let app = TestApp::with_webhooks().await;
    let (slow, well) = (Receiver::start(Answer::Never).await, Receiver::start(Answer::Status(200)).await);
    for name in ["bea", "cem", "dan", "eva"] {
        let client = app.client(name).await;
        for _ in 0..5 {
            hooks(&client, &slow.url(), &["OFFER_ACCEPTED"]).await.pings(&client).await;
        }
    }
    sqlx::query("update webhook_endpoints set slow = true").execute(app.pool()).await.unwrap();
    let ada = app.client("ada").await;
    hooks(&ada, &well.url(), &["OFFER_ACCEPTED"]).await.pings(&ada).await;
    tokio::select! {
        () = app.settles() => panic!("it ended before both had heard"),
        () = slow.has_heard(9) => panic!("they take the places of others"),
        () = async { tokio::join!(slow.has_heard(8), well.has_heard(1)); } => {}
    }
}

#[tokio::test]
async fn one_that_is_slow_to_answer_is_known_as_such_until_it_is_quick_minutes_later() {
    let app = TestApp::with_hasty_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Never).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    let is_slow = async || {
        app.settles().await;
        let slow = sqlx::query_scalar::<_, bool>("select slow from webhook_endpoints");
        slow.fetch_one(app.pool()).await.unwrap()
    };
    assert!(is_slow().await);
    receiver.answers(Answer::Status(200));
    for minutes in [2, 2, 5] {
        app.market.clock().advance(TimeDelta::minutes(minutes));
        hook.pings(&ada).await;
        assert!(is_slow().await, "one that is quick now and then does not come and go");
    }
    app.market.clock().advance(TimeDelta::minutes(11));
    hook.pings(&ada).await;
    assert!(!is_slow().await);
    assert_eq!(hook.deliveries(&ada).await.iter().filter(|sent| sent["status"] == "DELIVERED").count(), 5);
}

#[tokio::test]
async fn workers_that_work_at_once_send_each_thing_once() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    for _ in 0..4 {
        let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
        for _ in 0..5 {
            hook.pings(&ada).await;
        }
    }
    tokio::join!(app.settles(), app.settles(), app.settles(), app.settles());
    let mut told: Vec<String> = receiver.told().into_iter().map(|told| told.delivery).collect();
    assert_eq!(told.len(), 20);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 20);
}

#[tokio::test]
async fn what_another_worker_takes_up_just_now_is_passed_over() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await.pings(&ada).await;
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("select from webhook_endpoints for no key update").execute(&mut *held).await.unwrap();
    app.settles().await;
    assert_eq!(receiver.told().len(), 0, "nor was it waited for");
    held.rollback().await.unwrap();
    app.settles().await;
    assert_eq!(receiver.told().len(), 1);
}

#[tokio::test]
async fn one_that_never_answers_is_left_after_a_while() {
    let app = TestApp::with_hasty_webhooks().await;
    let ada = app.client("ada").await;
    let hanging = Receiver::start(Answer::Never).await;
    let hook = hooks(&ada, &hanging.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    app.settles().await;
    let sent = hook.deliveries(&ada).await;
    assert_eq!((&sent[0]["status"], &sent[0]["lastTrouble"]), (&json!("WAITING"), &json!("TIMEOUT")));

    // And where nobody is, nobody is.
    let hook = hooks(&ada, &nowhere(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    app.settles().await;
    assert_eq!(hook.deliveries(&ada).await[0]["lastTrouble"], "UNREACHABLE");
}

#[tokio::test]
async fn one_that_is_deleted_or_switched_off_is_told_no_more() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    let off = json!({ "webhookEndpointId": hook.id, "enabled": false });
    let off = ada.does("webhookEndpointUpdate", off, "webhookEndpoint { status }").await;
    assert_eq!(off.text("webhookEndpoint.status"), "DISABLED");
    app.settles().await;
    assert_eq!(receiver.told(), []);
    let on = json!({ "webhookEndpointId": hook.id, "enabled": true, "events": ["OFFER_DECLINED", "OFFER_ACCEPTED"] });
    let on = ada.does("webhookEndpointUpdate", on, "webhookEndpoint { status events }").await;
    assert_eq!(on.ok()["webhookEndpoint"]["events"], json!(["OFFER_ACCEPTED", "OFFER_DECLINED"]));
    app.settles().await;
    assert_eq!(receiver.told().len(), 1, "what waited is sent");

    receiver.answers(Answer::Status(500));
    hook.pings(&ada).await;
    app.settles().await;
    let delete = json!({ "webhookEndpointId": hook.id });
    ada.does("webhookEndpointDelete", delete.clone(), "webhookEndpoint { id }").await.ok();
    app.passes(TimeDelta::hours(24)).await;
    assert_eq!(receiver.told().len(), 2);
    assert_eq!(hook.look(&ada).await, Value::Null);
    assert_eq!(ada.does("webhookEndpointDelete", delete, "webhookEndpoint { id }").await.refused(), ["NOT_FOUND"]);
    let kept = "select (select count(*) from webhook_secrets) + (select count(*) from webhook_deliveries)";
    assert_eq!(sqlx::query_scalar::<_, i64>(kept).fetch_one(app.pool()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_sent_is_forgotten_after_thirty_days() {
    let app = TestApp::with_webhooks().await;
    let ada = app.client("ada").await;
    let receiver = Receiver::start(Answer::Status(200)).await;
    let hook = hooks(&ada, &receiver.url(), &["OFFER_ACCEPTED"]).await;
    hook.pings(&ada).await;
    app.settles().await;
    app.market.clock().advance(TimeDelta::days(30) - TimeDelta::minutes(1));
    app.market.tidy().await.unwrap();
    assert_eq!(hook.deliveries(&ada).await.len(), 1);
    app.market.clock().advance(TimeDelta::minutes(1));
    app.market.tidy().await.unwrap();
    assert_eq!(hook.deliveries(&ada).await, Vec::<Value>::new());
}

#[tokio::test]
async fn owners_and_admins_look_after_endpoints_and_nobody_else_does() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.client("eve").await);
    let (bo, cy) = (app.person("bo").await, app.person("cy").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    super::organization::joins(&ada, &cy, "FINANCE").await;
    let hook = hooks(&ada, "https://hooks.example/in", &["OFFER_ACCEPTED"]).await;
    let ping = hook.pings(&bo).await;
    let create = json!({ "organizationId": ada.organization, "url": "https://b.example/", "events": ["OFFER_SENT"] });
    let of_endpoint = json!({ "webhookEndpointId": hook.id });
    let acts = [
        ("webhookEndpointCreate", create),
        ("webhookEndpointUpdate", json!({ "webhookEndpointId": hook.id, "url": "https://eve.example/" })),
        ("webhookEndpointRotateSecret", of_endpoint.clone()),
        ("webhookEndpointTest", of_endpoint.clone()),
        ("webhookDeliveryRetry", json!({ "webhookDeliveryId": ping })),
        ("webhookEndpointDelete", of_endpoint),
    ];
    let list = "query($id: ID!) { node(id: $id) { ... on Organization { webhookEndpoints { id url } } } }";
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for (who, code) in [(&eve, "NOT_FOUND"), (&cy, "NOT_ALLOWED")] {
        for (act, input) in &acts {
            assert_eq!(who.does_once(act, input.clone(), "__typename").await.refused(), [code], "{act}");
        }
        for id in [&hook.id, &ping] {
            assert_eq!(who.asks(node, json!({ "id": id })).await.data()["node"], Value::Null, "{code}");
        }
    }
    let listed = async |who: &Person<'_>| {
        who.asks(list, json!({ "id": ada.organization })).await.data()["node"]["webhookEndpoints"].clone()
    };
    let one = json!([{ "id": hook.id, "url": "https://hooks.example/in" }]);
    assert_eq!((listed(&ada).await, listed(&bo).await, listed(&cy).await), (one.clone(), one, json!([])));
    for (act, input) in &acts {
        bo.does_once(act, input.clone(), "__typename").await.ok();
    }
    let lines = "select count(*) from audit_log where act like 'webhook_endpoint_%'";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(lines).fetch_one(app.pool()).await.unwrap(),
        5,
        "it can be seen who did it"
    );
}

#[tokio::test]
async fn the_owner_and_whoever_did_it_hear_by_mail_of_a_new_address_and_a_new_secret() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (bo, cy) = (app.person("bo").await, app.person("cy").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    super::organization::joins(&ada, &cy, "FINANCE").await;
    let letters = async || {
        app.settles().await;
        [&ada, &bo, &cy].map(|who| {
            let letters = app.market.mail().letters_to(&who.email);
            letters.iter().filter(|letter| letter.text.contains("webhook endpoint at a new address")).count()
        })
    };
    let input = json!({ "organizationId": ada.organization, "url": "https://a.example/", "events": ["OFFER_SENT"] });
    let hook = bo.does("webhookEndpointCreate", input, ISSUED).await.text("issued.webhookEndpoint.id");
    assert_eq!(letters().await, [1, 1, 0]);
    let update = async |what: Value| {
        ada.does("webhookEndpointUpdate", what, "webhookEndpoint { id }").await.ok();
    };
    update(json!({ "webhookEndpointId": hook, "url": "https://a.example/", "events": ["OFFER_ACCEPTED"] })).await;
    update(json!({ "webhookEndpointId": hook, "enabled": false })).await;
    assert_eq!(letters().await, [1, 1, 0], "it goes where it went");
    update(json!({ "webhookEndpointId": hook, "url": "https://b.example/" })).await;
    assert_eq!(letters().await, [2, 1, 0]);
    bo.does("webhookEndpointRotateSecret", json!({ "webhookEndpointId": hook }), ISSUED).await.ok();
    assert_eq!(letters().await, [3, 2, 0]);

    // Nobody has the owner get letters without end.
    let fill = "update throttles set attempts = 30 where bucket = $1";
    let filled = sqlx::query(fill).bind(format!("webhook_set:{}", ada.organization)).execute(app.pool()).await.unwrap();
    assert_eq!(filled.rows_affected(), 1);
    let again = json!({ "webhookEndpointId": hook, "url": "https://c.example/" });
    let again = bo.does("webhookEndpointUpdate", again, "webhookEndpoint { id }").await;
    assert_eq!(again.refused(), ["TOO_MANY_ATTEMPTS"]);
    update(json!({ "webhookEndpointId": hook, "enabled": true })).await;
}

#[tokio::test]
async fn the_owner_hears_by_mail_that_endpoints_go_on_when_somebody_looks_after_them_no_more() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (bo, cy, di) = (app.person("bo").await, app.person("cy").await, app.person("di").await);
    let (ed, fay) = (app.person("ed").await, app.person("fay").await);
    for (who, role) in [(&bo, "ADMIN"), (&cy, "FINANCE"), (&di, "ADMIN"), (&ed, "ADMIN"), (&fay, "ADMIN")] {
        super::organization::joins(&ada, who, role).await;
    }
    let letters = async || {
        app.settles().await;
        let letters = app.market.mail().letters_to(&ada.email);
        letters.iter().filter(|letter| letter.text.contains("does so no more")).count()
    };
    let member = async |who: &Person<'_>| {
        let user: domain::id::UserId = who.id.parse().unwrap();
        let id = sqlx::query_scalar("select id from members where user_id = $1 and role <> 'owner'");
        let id: uuid::Uuid = id.bind(domain::id::Id::uuid(user)).fetch_one(app.pool()).await.unwrap();
        let id: domain::id::MemberId = domain::id::Id::from_uuid(id);
        json!({ "memberId": id.to_string() })
    };
    ada.does("memberRemove", member(&fay).await, "member { id }").await.ok();
    assert_eq!(letters().await, 0, "there are none");
    hooks(&ada, "https://a.example/", &["OFFER_SENT"]).await;
    ada.does("memberRemove", member(&cy).await, "member { id }").await.ok();
    assert_eq!(letters().await, 0, "she never saw them");
    ada.does("memberRemove", member(&bo).await, "member { id }").await.ok();
    assert_eq!(letters().await, 1);
    let mut lesser = member(&di).await;
    lesser["role"] = json!("FINANCE");
    ada.does("memberUpdate", lesser, "member { id }").await.ok();
    assert_eq!(letters().await, 2);
    ed.does_once("accountErase", json!({ "confirmEmail": ed.email }), "erasedAt").await.ok();
    assert_eq!(letters().await, 3);
}

#[tokio::test]
async fn an_address_that_leads_inside_is_refused_and_there_is_room_for_five() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let creates = async |url: &str, events: Value| {
        let input = json!({ "organizationId": ada.organization, "url": url, "events": events });
        ada.does("webhookEndpointCreate", input, ISSUED).await
    };
    for url in ["http://hooks.example/", "https://localhost/", "https://10.0.0.1/", "https://[::1]/", "nonsense"] {
        assert_eq!(creates(url, json!(["OFFER_SENT"])).await.faults(), ["url: MALFORMED"], "{url}");
    }
    assert_eq!(creates("https://hooks.example/", json!([])).await.faults(), ["events: REQUIRED"]);
    for place in 0..5 {
        creates(&format!("https://hooks{place}.example/"), json!(["OFFER_SENT"])).await.ok();
    }
    assert_eq!(creates("https://hooks.example/", json!(["OFFER_SENT"])).await.refused(), ["WEBHOOK_ENDPOINTS"]);
}

#[tokio::test]
async fn a_secret_is_told_once_and_kept_where_nobody_reads_it() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let hook = hooks(&ada, "https://hooks.example/", &["OFFER_SENT"]).await;
    // Whatever else may be asked of it, the secret is not there.
    let fields = "{ __type(name: \"WebhookEndpoint\") { fields { name } } }";
    let fields = api::schema::bare().execute(fields).await.data.into_json().unwrap().to_string();
    assert!(fields.contains("\"url\"") && !fields.contains("ecret"), "{fields}");
    let sealed: Vec<u8> = sqlx::query_scalar("select sealed from webhook_secrets").fetch_one(app.pool()).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("whsec"));
    let kept = "select count(*) from idempotency where answer::text like '%whsec%' or operation like '%Secret%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(kept).fetch_one(app.pool()).await.unwrap(), 0);
    assert_eq!(hook.secret.len(), "whsec_".len() + 64);
}

#[tokio::test]
async fn who_left_hears_nothing_of_an_endpoint_and_who_is_erased_leaves_none() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    let (one, _two) = (
        hooks(&ada, "https://one.example/", &["OFFER_SENT"]).await,
        hooks(&ada, "https://two.example/", &["OFFER_SENT"]).await,
    );
    let delete = json!({ "webhookEndpointId": one.id, "idempotencyKey": "once" });
    for _ in 0..2 {
        let deleted = bo.does_once("webhookEndpointDelete", delete.clone(), "webhookEndpoint { url }").await;
        assert_eq!(deleted.text("webhookEndpoint.url"), "https://one.example/");
    }
    let fire = "delete from members where user_id = (select id from users where email = $1)";
    sqlx::query(fire).bind(&bo.email).execute(app.pool()).await.unwrap();
    let again = bo.does_once("webhookEndpointDelete", delete, "webhookEndpoint { url }").await;
    assert_eq!(again.refused(), ["NOT_FOUND"]);

    let left = "select count(*) from webhook_endpoints";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(app.pool()).await.unwrap(), 1);
    ada.does("accountErase", json!({ "confirmEmail": ada.email }), "erasedAt").await.ok();
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(app.pool()).await.unwrap(), 0);
}
