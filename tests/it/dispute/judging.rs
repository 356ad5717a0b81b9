//! Those who judge: what waits for them, and what keeps them from judging.

use domain::access::Staff;

use super::*;

/// What waits for a mediator, in order.
async fn queue(mediator: &tests::Person<'_>) -> Vec<String> {
    let reply = mediator.asks("{ disputeQueue { nodes { id } } }", json!({})).await;
    let nodes = reply.data()["disputeQueue"]["nodes"].as_array().expect("there is a queue").clone();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

async fn recommends(quarrel: &Quarrel<'_>, mediator: &tests::Person<'_>) -> String {
    let reply = quarrel.does(mediator, "disputeRecommend", verdict("500.00")).await;
    let errors = reply.data()["disputeRecommend"]["errors"].as_array().unwrap();
    errors.first().map_or("RECOMMENDED", |error| error["code"].as_str().unwrap()).to_owned()
}

#[tokio::test]
async fn a_mediator_without_dealings_recommends_once() {
    let app = TestApp::new().await;
    let quarrel = app.disputed("600.00").await;
    let marta = app.mediator("marta").await;
    assert_eq!(recommends(&quarrel, &marta).await, "WRONG_STATE", "the other side is heard first");
    quarrel.answers().await;
    let shown = quarrel.shown(&marta).await;
    assert_eq!(
        (shown["allowed"].clone(), shown["viewerCanRecommend"].clone()),
        (json!(["DISPUTE_RECOMMEND"]), json!(true))
    );
    assert_eq!((shown["viewerSide"].clone(), shown["answer"].clone()), (Value::Null, json!("It does on mine")));
    let above =
        quarrel.does(&marta, "disputeRecommend", json!({ "amount": { "amount": "1000.01" }, "reason": "" })).await;
    assert_eq!(above.faults(), ["reason: REQUIRED", "amount: OUT_OF_RANGE"]);
    assert_eq!(recommends(&quarrel, &marta).await, "RECOMMENDED");
    assert_eq!(recommends(&quarrel, &app.mediator("omar").await).await, "WRONG_STATE");
    for side in [&quarrel.deal.client, &quarrel.deal.freelancer] {
        assert_eq!(recommends(&quarrel, side).await, "NOT_ALLOWED");
    }
    assert_eq!(recommends(&quarrel, &app.admin("root").await).await, "NOT_ALLOWED", "an admin does not mediate");
}

#[tokio::test]
async fn whoever_has_or_had_dealings_with_a_side_does_not_judge() {
    let app = TestApp::new().await;
    // Worked for the client before.
    let worked = app.contracted().await;
    let client = worked.client;
    app.grant(&worked.freelancer.email, Some(Staff::Mediator)).await;
    // The other deal of the same client, in dispute.
    let lin = app.freelancer("lin").await;
    let offer = json!({
        "organizationId": client.organization, "freelancerId": lin.id, "title": "An app",
        "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }]
    });
    let offered = client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
    let (offer, milestone) = (offered.text("offer.id"), offered.text("offer.milestones.nodes.0.id"));
    let deal = Deal { client, freelancer: lin, offer, milestone, contract: String::new() };
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    let accepted = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    let quarrel = Deal { contract: accepted.text("contract.id"), ..deal }.disputed("600.00").await;
    quarrel.answers().await;

    // Hired the freelancer, for a company of their own.
    let hirer = app.client("hania").await;
    let other = json!({
        "organizationId": hirer.organization, "freelancerId": quarrel.deal.freelancer.id, "title": "A logo",
        "milestones": [{ "title": "All of it", "amount": { "amount": "10.00" } }]
    });
    let other = hirer.does("offerCreate", other, "offer { id milestones { nodes { id } } }").await;
    let funds = json!({ "milestoneId": other.text("offer.milestones.nodes.0.id"), "paymentMethod": "pm_sandbox_visa" });
    hirer.does("milestoneFund", funds, "payment { status }").await.ok();
    app.settles().await;
    quarrel
        .deal
        .freelancer
        .does("offerAccept", json!({ "offerId": other.text("offer.id") }), "contract { id }")
        .await
        .ok();
    app.grant(&hirer.email, Some(Staff::Mediator)).await;

    // Was a member of the client's company, and left it.
    let former = app.mediator("fatima").await;
    joins_and_leaves(&former, &quarrel.deal.client).await;

    for (who, mediator) in
        [("worked for the client", &worked.freelancer), ("hired the freelancer", &hirer), ("left", &former)]
    {
        let shown = quarrel.shown(mediator).await;
        assert_eq!(shown["viewerCanRecommend"], false, "{who}");
        assert_eq!(recommends(&quarrel, mediator).await, "CONFLICT_OF_INTEREST", "{who}");
        assert!(queue(mediator).await.is_empty(), "{who}");
    }
    // A side is a side, whatever they do for us.
    app.grant(&quarrel.deal.freelancer.email, Some(Staff::Mediator)).await;
    assert_eq!(recommends(&quarrel, &quarrel.deal.freelancer).await, "NOT_ALLOWED");
    assert!(queue(&quarrel.deal.freelancer).await.is_empty());

    let marta = app.mediator("marta").await;
    assert_eq!(queue(&marta).await, std::slice::from_ref(&quarrel.dispute));
    assert_eq!(recommends(&quarrel, &marta).await, "RECOMMENDED");
    // They don't award either, when it comes to that.
    quarrel.client_does("disputeRefuse", json!({})).await;
    sqlx::query("update disputes set version = version + 1, status = 'hearing', state = $1")
        .bind(json!({ "status": "hearing", "small_claims": true, "since": "2026-06-01T08:00:00Z", "remind_at": "2026-06-30T08:00:00Z",
            "recommendation": { "by": marta.id, "to_freelancer": { "minor": 50_000, "currency": "USD" } } }))
        .execute(app.pool())
        .await
        .unwrap();
    for mediator in [&worked.freelancer, &hirer, &former, &marta] {
        let award = quarrel.does(mediator, "disputeAward", verdict("1.00")).await;
        assert_eq!(award.refused(), ["CONFLICT_OF_INTEREST"]);
    }
    quarrel.does(&app.mediator("omar").await, "disputeAward", verdict("1.00")).await.ok();
}

/// Somebody joins a company by its owner's invitation, and leaves it again.
async fn joins_and_leaves(person: &tests::Person<'_>, owner: &tests::Person<'_>) {
    let app = person.app;
    let invite = json!({ "organizationId": owner.organization, "email": person.email, "role": "VIEWER" });
    owner.does("memberInvite", invite, "invitation { id }").await.ok();
    app.settles().await;
    let letter = app.market.mail().letters_to(&person.email).last().expect("a letter came").text.clone();
    let token = letter.lines().find(|line| line.starts_with("min_")).expect("it holds a code");
    person.does("memberInvitationAccept", json!({ "token": token }), "organization { id }").await.ok();
    let query = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id user { id } } } } } }";
    let members = person.asks(query, json!({ "id": owner.organization })).await;
    let members = members.data()["node"]["members"]["nodes"].as_array().unwrap().clone();
    let own = members.iter().find(|member| member["user"]["id"] == person.id.as_str()).expect("they belong to it");
    person.does("memberRemove", json!({ "memberId": own["id"] }), "member { id }").await.ok();
}

#[tokio::test]
async fn who_recommended_does_not_award_and_dealings_keep_from_awarding_too() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let deal = Deal { milestone: deal.another("400.00").await, ..deal };
    let quarrel = deal.disputed("400.00").await;
    quarrel.answers().await;
    let marta = app.mediator("marta").await;
    quarrel.is_recommended(&marta, "100.00").await;
    assert_eq!(quarrel.freelancer_does("disputeRefuse", json!({})).await, "HEARING");
    assert_eq!(quarrel.shown(&marta).await["viewerCanAward"], false);
    assert!(queue(&marta).await.is_empty(), "it does not wait for her");
    let own = quarrel.does(&marta, "disputeAward", verdict("100.00")).await;
    assert_eq!(own.refused(), ["CONFLICT_OF_INTEREST"]);
    for side in [&quarrel.deal.client, &quarrel.deal.freelancer] {
        assert_eq!(quarrel.does(side, "disputeAward", verdict("100.00")).await.refused(), ["NOT_ALLOWED"]);
    }
    assert_eq!(quarrel.adds_up().await, [40_000, 0, 0, 0, 0]);
    let root = app.admin("root").await;
    assert_eq!(queue(&root).await, std::slice::from_ref(&quarrel.dispute));
    assert_eq!(quarrel.does(&root, "disputeAward", verdict("200.00")).await.text("dispute.status"), "EXECUTED");
    assert_eq!(quarrel.adds_up().await, [0, 19_000, 1_000, 20_000, 0]);
    assert!(queue(&root).await.is_empty());
    let acts: Vec<(String, String)> =
        sqlx::query_as("select act, actor from audit_log where subject = $1 order by sequence")
            .bind(&quarrel.dispute)
            .fetch_all(app.pool())
            .await
            .unwrap();
    let acts: Vec<(&str, &str)> = acts.iter().map(|(act, actor)| (act.as_str(), actor.as_str())).collect();
    let (lin, ada) = (quarrel.deal.freelancer.id.as_str(), root.id.as_str());
    assert_eq!(
        acts,
        [
            ("dispute_answer", lin),
            ("dispute_recommend", marta.id.as_str()),
            ("dispute_refuse", lin),
            ("dispute_award", ada)
        ]
    );
}

#[tokio::test]
async fn those_who_judge_are_reminded_of_what_waits_and_nobody_else_is() {
    let app = TestApp::new().await;
    let quarrel = app.answered("600.00").await;
    let (marta, root) = (app.mediator("marta").await, app.admin("root").await);
    let partial = app.mediator("fatima").await;
    joins_and_leaves(&partial, &quarrel.deal.client).await;
    let reminders = async |person: &tests::Person<'_>| {
        let told = person.asks("{ viewer { notifications { nodes { kind } } } }", json!({})).await;
        let told = told.data()["viewer"]["notifications"]["nodes"].as_array().unwrap().clone();
        told.iter().filter(|told| told["kind"] == "DISPUTE_WAITS").count()
    };
    let version = quarrel.shown(&quarrel.deal.client).await["version"].clone();
    app.passes(TimeDelta::hours(24 * 3 - 12)).await;
    assert_eq!(reminders(&marta).await, 0);
    app.passes(TimeDelta::hours(12)).await;
    assert_eq!((reminders(&marta).await, reminders(&root).await), (1, 1));
    app.passes(TimeDelta::days(3)).await;
    assert_eq!(reminders(&marta).await, 2);
    // To the sides nothing has changed: what they saw before they can still act on.
    let offer = json!({ "amount": { "amount": "500.00" }, "expectedVersion": version });
    quarrel.does(&quarrel.deal.client, "disputeOffer", offer).await.ok();
    for person in [&partial, &quarrel.deal.client, &quarrel.deal.freelancer] {
        assert_eq!(reminders(person).await, 0);
    }
    assert_eq!(quarrel.adds_up().await, [100_000, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_queue_is_for_those_who_judge_oldest_first_by_pages() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut waiting = Vec::new();
    let mut deal = deal;
    for _ in 0..3 {
        let milestone = deal.another("100.00").await;
        let quarrel = Deal { milestone, ..deal }.disputed("50.00").await;
        quarrel.answers().await;
        waiting.push(quarrel.dispute.clone());
        deal = quarrel.deal;
        app.market.clock().advance(TimeDelta::seconds(1));
    }
    // One that nobody answered yet does not wait for a mediator.
    let milestone = deal.another("100.00").await;
    let quarrel = Deal { milestone, ..deal }.disputed("50.00").await;
    let marta = app.mediator("marta").await;
    assert_eq!(queue(&marta).await, waiting);
    assert_eq!(queue(&app.admin("root").await).await, waiting);

    let page = "query($n: Int, $after: String) { disputeQueue(first: $n, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }";
    let first = marta.asks(page, json!({ "n": 2 })).await;
    let first = &first.data()["disputeQueue"];
    assert_eq!(first["nodes"], json!([{ "id": waiting[0] }, { "id": waiting[1] }]));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let rest = marta.asks(page, json!({ "n": 2, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest.data()["disputeQueue"]["nodes"], json!([{ "id": waiting[2] }]));
    assert_eq!(rest.data()["disputeQueue"]["pageInfo"]["hasNextPage"], false);
    let bad = marta.asks(page, json!({ "n": 101 })).await;
    assert_eq!(bad.failed(), ["BAD_USER_INPUT"]);

    let stranger = app.client("otto").await;
    for nobody in [&quarrel.deal.client, &quarrel.deal.freelancer, &stranger] {
        assert_eq!(
            nobody.asks("{ disputeQueue { nodes { id } } }", json!({})).await.data()["disputeQueue"],
            Value::Null
        );
    }
    assert_eq!(
        app.visitor().asks("{ disputeQueue { nodes { id } } }", json!({})).await.data()["disputeQueue"],
        Value::Null
    );
}
