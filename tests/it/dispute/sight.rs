//! Who sees what of a dispute, what is shown in it, and who is told.

use super::*;

#[tokio::test]
async fn a_stranger_sees_nothing_and_can_do_nothing() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    let shown = json!({ "disputeId": quarrel.dispute, "text": "See the recording" });
    let added = quarrel.deal.client.does("evidenceAdd", shown, "evidence { id }").await;
    let evidence = added.text("evidence.id");
    let stranger = app.client("otto").await;
    assert_eq!(quarrel.shown(&stranger).await, Value::Null);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    let Deal { client, freelancer, contract, milestone, .. } = &quarrel.deal;
    for id in [&quarrel.dispute, &evidence, contract, milestone] {
        assert_eq!(stranger.asks(node, json!({ "id": id })).await.data()["node"], Value::Null, "{id}");
        assert_eq!(client.asks(node, json!({ "id": id })).await.data()["node"]["id"], json!(id));
    }
    let acts = [
        ("disputeAnswer", json!({ "answer": "No" })),
        ("disputeConcede", json!({})),
        ("disputeWithdraw", json!({})),
        ("disputeOffer", offer("1.00")),
        ("disputeAccept", json!({})),
        ("disputeRefuse", json!({})),
        ("disputePayFee", json!({ "expectedVersion": 2 })),
        ("disputeRecommend", verdict("1.00")),
        ("disputeAward", verdict("1.00")),
    ];
    for (mutation, more) in acts {
        assert_eq!(quarrel.does(&stranger, mutation, more.clone()).await.refused(), ["NOT_FOUND"], "{mutation}");
        let mut input = more;
        input["disputeId"] = json!(quarrel.dispute);
        assert_eq!(app.visitor().does(mutation, input, DISPUTE).await.refused(), ["UNAUTHENTICATED"], "{mutation}");
    }
    let shown = json!({ "disputeId": quarrel.dispute, "text": "I saw it all" });
    assert_eq!(stranger.does("evidenceAdd", shown, "evidence { id }").await.refused(), ["NOT_FOUND"]);
    let list = "{ viewer { disputes { nodes { id } } } }";
    assert_eq!(stranger.asks(list, json!({})).await.data()["viewer"]["disputes"]["nodes"], json!([]));
    for side in [client, freelancer] {
        let listed = side.asks(list, json!({})).await;
        assert_eq!(listed.data()["viewer"]["disputes"]["nodes"], json!([{ "id": quarrel.dispute }]));
    }
    assert_eq!(quarrel.status().await, "ANSWERED");
}

#[tokio::test]
async fn a_mediator_sees_all_of_a_disputed_contract_while_it_is_and_nothing_of_another() {
    let app = TestApp::new().await;
    let deal = app.submitted().await;
    let marta = app.mediator("marta").await;
    let query = "query($m: ID!, $c: ID!) { milestone(id: $m) { id submissions { nodes { message } } }
        contract(id: $c) { id statement { nodes { reason } } milestones { nodes { id } } } }";
    let ids = json!({ "m": deal.milestone, "c": deal.contract });
    let nothing = json!({ "milestone": null, "contract": null });
    assert_eq!(*marta.asks(query, ids.clone()).await.data(), nothing, "nobody called for a mediator");

    app.market.clock().advance(TimeDelta::seconds(1));
    let other = deal.another("100.00").await;
    let milestone = deal.milestone.clone();
    let quarrel = deal.disputed("600.00").await;
    let seen = marta.asks(query, ids.clone()).await;
    let seen = seen.data();
    assert_eq!(
        seen["milestone"],
        json!({ "id": milestone, "submissions": { "nodes": [{ "message": "Here it is" }] } })
    );
    assert_eq!(seen["contract"]["statement"]["nodes"], json!([{ "reason": "fund" }, { "reason": "fund" }]));
    assert_eq!(seen["contract"]["milestones"]["nodes"], json!([{ "id": milestone }, { "id": other }]));
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(marta.asks(node, json!({ "id": other })).await.data()["node"]["id"], json!(other));
    let approve = json!({ "milestoneId": other });
    assert_eq!(marta.does("milestoneSubmit", approve, "milestone { id }").await.failed().len(), 1);

    quarrel.client_does("disputeWithdraw", json!({})).await;
    assert_eq!(*marta.asks(query, ids).await.data(), nothing, "it is between the two of them again");
    let shown = quarrel.shown(&marta).await;
    assert_eq!((shown["status"].clone(), shown["contract"].clone()), (json!("WITHDRAWN"), Value::Null));
}

/// What our people may read of a contract they may while it is before them, whatever it was that ended that.
#[tokio::test]
async fn a_mediator_sees_nothing_more_of_a_contract_once_its_dispute_is_decided_or_a_bank_left_nothing_to_decide() {
    use infra::payments::{ProcessorEvent, ProcessorFact};
    for (decided, status) in [(true, "EXECUTED"), (false, "CLOSED")] {
        let app = TestApp::new().await;
        let marta = app.mediator("marta").await;
        let quarrel = app.answered("600.00").await;
        let query = "query($m: ID!, $c: ID!) { milestone(id: $m) { payment { id } } contract(id: $c) { id } }";
        let ids = json!({ "m": quarrel.deal.milestone, "c": quarrel.deal.contract });
        assert_eq!(marta.asks(query, ids.clone()).await.data()["contract"]["id"], json!(quarrel.deal.contract));
        if decided {
            quarrel.freelancer_does("disputeConcede", json!({})).await;
        } else {
            let paid = quarrel.deal.client.asks(query, ids.clone()).await;
            let payment = paid.data()["milestone"]["payment"]["id"].as_str().unwrap().parse().unwrap();
            let amount = domain::money::Money::usd(103_000).unwrap();
            let fact = ProcessorFact::ChargedBack { reference: "dp_1".to_owned(), amount };
            let event = ProcessorEvent { source: "sandbox".to_owned(), id: "evt_1".to_owned(), payment, fact };
            app.market.processor_event(&event).await.unwrap();
        }
        assert_eq!(quarrel.status().await, status);
        let nothing = json!({ "milestone": null, "contract": null });
        assert_eq!(*marta.asks(query, ids).await.data(), nothing, "{status}");
    }
}

#[tokio::test]
async fn evidence_is_shown_by_both_sides_to_all_until_it_is_over() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let Deal { client, freelancer, .. } = &quarrel.deal;
    let fields = "evidence { id number side text links author { id } dispute { id } }";
    let shows = |text: &str, links: Value| json!({ "disputeId": quarrel.dispute, "text": text, "links": links });
    let version = quarrel.shown(client).await["version"].clone();
    let first =
        client.does("evidenceAdd", shows("The page on a phone", json!(["https://example.com/phone"])), fields).await;
    let first = first.ok()["evidence"].clone();
    assert_eq!((first["number"].clone(), first["side"].clone()), (json!(1), json!("CLIENT")));
    assert_eq!(
        (first["author"]["id"].clone(), first["dispute"]["id"].clone()),
        (json!(client.id), json!(quarrel.dispute))
    );
    app.market.clock().advance(TimeDelta::seconds(1));
    let keyed = json!({ "disputeId": quarrel.dispute, "text": "On mine", "idempotencyKey": "e1" });
    let once = freelancer.does("evidenceAdd", keyed.clone(), fields).await.ok()["evidence"].clone();
    assert_eq!(freelancer.does("evidenceAdd", keyed, fields).await.ok()["evidence"], once);
    assert_eq!((once["number"].clone(), once["side"].clone()), (json!(1), json!("FREELANCER")));
    app.market.clock().advance(TimeDelta::seconds(1));
    client.does("evidenceAdd", shows("The contract", json!([])), fields).await.ok();
    assert_eq!(quarrel.shown(client).await["version"], version, "it stands in nobody's way");

    let bad = client.does("evidenceAdd", shows(" ", json!(["http://example.com/x"])), fields).await;
    assert_eq!(bad.faults(), ["text: REQUIRED", "links.0: MALFORMED"]);
    let many = client.does("evidenceAdd", shows("Much", json!(vec!["https://example.com/x"; 21])), fields).await;
    assert_eq!(many.faults(), ["links: TOO_LONG"]);

    let marta = app.mediator("marta").await;
    let list = "query($id: ID!) { dispute(id: $id) { evidence(first: 10) { nodes { text } } } }";
    let all = json!([{ "text": "The page on a phone" }, { "text": "On mine" }, { "text": "The contract" }]);
    for reader in [client, freelancer, &marta] {
        let read = reader.asks(list, json!({ "id": quarrel.dispute })).await;
        assert_eq!(read.data()["dispute"]["evidence"]["nodes"], all);
    }
    assert_eq!(marta.does("evidenceAdd", shows("I think", json!([])), fields).await.refused(), ["NOT_ALLOWED"]);

    quarrel.freelancer_does("disputeConcede", json!({})).await;
    assert_eq!(client.does("evidenceAdd", shows("Late", json!([])), fields).await.refused(), ["WRONG_STATE"]);
    assert_eq!(quarrel.shown(client).await["allowed"], json!([]));
}

#[tokio::test]
async fn each_side_brings_forward_fifty_pieces_at_most() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let Deal { client, freelancer, .. } = &quarrel.deal;
    let dispute: domain::id::DisputeId = quarrel.dispute.parse().unwrap();
    let author: domain::id::UserId = client.id.parse().unwrap();
    let piece = json!({ "disputeId": quarrel.dispute, "text": "One more" });
    sqlx::query(
        "insert into evidence (id, dispute_id, author_id, side, number, text, links, created_at)
         select gen_random_uuid(), $1, $2, 'client', n, 'x', '[]', now() from generate_series(1, 49) n",
    )
    .bind(domain::id::Id::uuid(dispute))
    .bind(domain::id::Id::uuid(author))
    .execute(app.pool())
    .await
    .unwrap();
    client.does("evidenceAdd", piece.clone(), "evidence { number }").await.ok();
    let full = client.does("evidenceAdd", piece.clone(), "evidence { number }").await;
    assert_eq!(full.refused(), ["EVIDENCE_LIMIT"]);
    assert_eq!(freelancer.does("evidenceAdd", piece, "evidence { number }").await.ok()["evidence"]["number"], 1);
}

#[tokio::test]
async fn what_one_side_did_the_other_is_told() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    let Deal { client, freelancer, contract, .. } = &quarrel.deal;
    quarrel.client_does("disputeOffer", offer("100.00")).await;
    let shown = json!({ "disputeId": quarrel.dispute, "text": "See here" });
    freelancer.does("evidenceAdd", shown, "evidence { id }").await.ok();
    quarrel.is_recommended(&app.mediator("marta").await, "500.00").await;
    quarrel.freelancer_does("disputeAccept", json!({})).await;
    quarrel.client_does("disputeAccept", json!({})).await;
    app.settles().await;
    let query = "{ viewer { notifications(first: 50) { nodes { kind contractId } } } }";
    for (person, expected) in [
        (
            client,
            vec!["DISPUTE_ANSWERED", "EVIDENCE_ADDED", "DISPUTE_RECOMMENDED", "DISPUTE_ACCEPTED", "DISPUTE_EXECUTED"],
        ),
        (freelancer, vec!["DISPUTE_OPENED", "DISPUTE_OFFER_MADE", "DISPUTE_RECOMMENDED", "DISPUTE_EXECUTED"]),
    ] {
        let told = person.asks(query, json!({})).await;
        let mut told = told.data()["viewer"]["notifications"]["nodes"].as_array().unwrap().clone();
        told.retain(|told| told["kind"].as_str().unwrap().starts_with("DISPUTE") || told["kind"] == "EVIDENCE_ADDED");
        told.reverse();
        let mut kinds: Vec<&str> = told.iter().map(|told| told["kind"].as_str().unwrap()).collect();
        let mut expected = expected;
        kinds.sort_unstable();
        expected.sort_unstable();
        assert_eq!(kinds, expected);
        assert!(told.iter().all(|told| told["contractId"] == json!(contract)));
    }
}

#[tokio::test]
async fn the_database_keeps_what_was_said_and_decided() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    let shown = json!({ "disputeId": quarrel.dispute, "text": "See here" });
    quarrel.deal.client.does("evidenceAdd", shown, "evidence { id }").await.ok();
    let refused = [
        "update disputes set reason = 'Another', version = version + 1",
        "update disputes set claim_minor = 0, version = version + 1",
        "update disputes set answer = 'Another', version = version + 1",
        "update disputes set client_offer_minor = total_minor + 1, version = version + 1",
        "update disputes set status = 'hearing', version = version + 1",
        "update disputes set status = 'withdrawn', state = '{\"status\": \"withdrawn\"}', version = version + 1",
        "update disputes set version = version - 1",
        "delete from disputes",
        "truncate disputes cascade",
        "insert into disputes select gen_random_uuid(), milestone_id, timesheet_id, contract_id, organization_id, freelancer_id, terms,
            claimant, reason, answer, currency, total_minor, claim_minor, null, null, findings, opened_at, version, status, state from disputes",
        "update milestones set status = 'submitted', state = state -> 'resume'",
        "update evidence set text = 'x'",
        "delete from evidence",
        "truncate evidence",
        "insert into evidence select gen_random_uuid(), dispute_id, author_id, side, 51, text, links, created_at from evidence",
        "insert into evidence select gen_random_uuid(), dispute_id, author_id, side, number, text, links, created_at from evidence",
        "delete from memberships_ever",
    ];
    for sql in refused {
        assert!(sqlx::query(sql).execute(app.pool()).await.is_err(), "it was taken: {sql}");
    }
    quarrel.freelancer_does("disputeConcede", json!({})).await;
    let over = sqlx::query("update disputes set version = version + 1").execute(app.pool()).await;
    assert!(over.is_err(), "what is over stays as it was decided");
}
