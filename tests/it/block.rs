//! Blocks: a freelancer and a client who are kept apart, whoever wanted it so.

use serde_json::{Value, json};
use sqlx::Row;
use tests::{Person, TestApp};

use crate::gig::{draft_gig, open_gig};

const CLIENTS: &str = "{ viewer { blockedClients { id } } }";
const FREELANCERS: &str = "query($id: ID!) { blockedFreelancers(clientId: $id) { id } }";

async fn bids(person: &Person<'_>, gig: &Value) -> tests::Reply {
    let bid = json!({ "gigId": gig["id"], "coverLetter": "I have done this before.",
        "milestones": [{ "title": "All", "amount": { "amount": "900" } }],
        "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two." }] });
    person.does("proposalSubmit", bid, "proposal { id }").await
}

fn offer(client: &Person<'_>, freelancer: &Person<'_>) -> Value {
    json!({ "organizationId": client.organization, "freelancerId": freelancer.id, "title": "A website",
        "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }] })
}

#[tokio::test]
async fn who_is_kept_apart_approaches_nobody_and_is_not_told_by_whom() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    let pair = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    let client = json!({ "clientId": ada.organization });

    // Whoever sets it, both are refused the same.
    for (who, mutation, input) in [(&ada, "freelancerBlock", &pair), (&lin, "clientBlock", &client)] {
        assert_eq!(who.does(mutation, input.clone(), "blocked").await.ok()["blocked"], true);
        assert_eq!(who.does(mutation, input.clone(), "blocked").await.ok()["blocked"], true, "a repeat");
        assert_eq!(bids(&lin, &gig).await.refused(), ["NOT_ALLOWED"]);
        let draft = json!({ "gigId": gig["id"], "coverLetter": "Hello" });
        assert_eq!(lin.does("proposalDraftSave", draft, "proposal { id }").await.refused(), ["NOT_ALLOWED"]);
        let invitation = json!({ "gigId": gig["id"], "freelancerId": lin.id });
        let invited = ada.does("invitationSend", invitation, "invitation { id }").await;
        assert_eq!(invited.faults(), ["freelancerId: UNKNOWN"]);
        let offered = ada.does("offerCreate", offer(&ada, &lin), "offer { id }").await;
        assert_eq!(offered.faults(), ["freelancerId: UNKNOWN"]);
        let lift = mutation.replace("Block", "Unblock");
        assert_eq!(who.does(&lift, input.clone(), "blocked").await.ok()["blocked"], false);
        assert_eq!(who.does(&lift, input.clone(), "blocked").await.ok()["blocked"], false, "a repeat");
    }

    // One's own block is lifted, and the other's stands.
    ada.does("freelancerBlock", pair.clone(), "blocked").await.ok();
    lin.does("clientBlock", client.clone(), "blocked").await.ok();
    ada.does("freelancerUnblock", pair.clone(), "blocked").await.ok();
    assert_eq!(bids(&lin, &gig).await.refused(), ["NOT_ALLOWED"]);
    lin.does("clientUnblock", client.clone(), "blocked").await.ok();
    bids(&lin, &gig).await.ok();
    bids(&eve, &gig).await.ok();

    // What is under way goes on: a bid that was made can be answered.
    lin.does("clientBlock", client, "blocked").await.ok();
    ada.does("offerCreate", offer(&ada, &eve), "offer { id }").await.ok();
    let bid = lin.asks("{ viewer { proposals { nodes { id } } } }", json!({})).await;
    let bid = bid.data()["viewer"]["proposals"]["nodes"][0]["id"].clone();
    let answer = json!({ "proposalId": bid, "title": "A website",
        "milestones": [{ "title": "All of it", "amount": { "amount": "900.00" } }] });
    ada.does("offerCreate", answer, "offer { id }").await.ok();
}

#[tokio::test]
async fn each_side_sees_and_lifts_its_own_blocks_only() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    let clients =
        async |who: &Person<'_>| who.asks(CLIENTS, json!({})).await.data()["viewer"]["blockedClients"].clone();
    open_gig(&ada, json!({})).await;
    let own = json!({ "id": ada.organization });
    let pair = json!({ "clientId": ada.organization, "freelancerId": lin.id });

    lin.does("clientBlock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    assert_eq!(clients(&lin).await, json!([{ "id": ada.organization }]));
    assert_eq!(ada.asks(FREELANCERS, own.clone()).await.data()["blockedFreelancers"], json!([]));
    ada.does("freelancerUnblock", pair.clone(), "blocked").await.ok();
    assert_eq!(clients(&lin).await, json!([{ "id": ada.organization }]), "that was not theirs to lift");

    ada.does("freelancerBlock", pair.clone(), "blocked").await.ok();
    assert_eq!(ada.asks(FREELANCERS, own.clone()).await.data()["blockedFreelancers"], json!([{ "id": lin.id }]));
    lin.does("clientUnblock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    assert_eq!(clients(&lin).await, json!([]));
    assert_eq!(ada.asks(FREELANCERS, own.clone()).await.data()["blockedFreelancers"], json!([{ "id": lin.id }]));

    // Strangers neither see nor set nor lift a company's blocks.
    for who in [&lin, &eve] {
        assert_eq!(who.asks(FREELANCERS, own.clone()).await.failed(), ["NOT_FOUND"]);
        assert_eq!(who.does("freelancerBlock", pair.clone(), "blocked").await.refused(), ["NOT_FOUND"]);
        assert_eq!(who.does("freelancerUnblock", pair.clone(), "blocked").await.refused(), ["NOT_FOUND"]);
    }
    assert_eq!(app.visitor().asks(FREELANCERS, own).await.failed(), ["UNAUTHENTICATED"]);
    let nobody = json!({ "clientId": ada.organization, "freelancerId": "usr_nobody" });
    assert_eq!(ada.does("freelancerBlock", nobody, "blocked").await.faults(), ["freelancerId: UNKNOWN"]);
    assert_eq!(
        lin.does("clientBlock", json!({ "clientId": "org_nobody" }), "blocked").await.faults(),
        ["clientId: UNKNOWN"]
    );
}

#[tokio::test]
async fn a_page_of_the_other_side_says_whether_one_has_blocked_it_and_not_that_one_is_blocked() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    bids(&lin, &gig).await.ok();
    let of_freelancer = json!({ "id": lin.id, "client": ada.organization });
    let of_client = json!({ "id": gig["id"] });
    let freelancer = async |who: &Person<'_>| {
        let query = "query($id: ID!, $client: ID!) { node(id: $id) { ... on User { blockedBy(clientId: $client) } } }";
        who.asks(query, of_freelancer.clone()).await.data()["node"]["blockedBy"].clone()
    };
    let client = async |who: &Person<'_>| {
        let query = "query($id: ID!) { gig(id: $id) { client { viewerBlocks } } }";
        who.asks(query, of_client.clone()).await.data()["gig"]["client"]["viewerBlocks"].clone()
    };
    assert_eq!((freelancer(&ada).await, client(&lin).await), (json!(false), json!(false)));

    let pair = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    ada.does("freelancerBlock", pair.clone(), "blocked").await.ok();
    assert_eq!((freelancer(&ada).await, client(&lin).await), (json!(true), json!(false)));
    assert_eq!((freelancer(&lin).await, freelancer(&eve).await), (json!(null), json!(null)), "not theirs to know");
    ada.does("freelancerUnblock", pair, "blocked").await.ok();

    lin.does("clientBlock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    assert_eq!((freelancer(&ada).await, client(&lin).await), (json!(false), json!(true)));
    assert_eq!((client(&ada).await, client(&eve).await), (json!(false), json!(false)));
}

/// What is answered to the id of a company that shows nothing of itself must be what is answered to one that was made up.
#[tokio::test]
async fn a_company_that_somebody_may_not_know_of_is_none() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let block = json!({ "clientId": ada.organization });
    let made_up = json!({ "clientId": "org_00000000000000000000000000" });
    let sent = async |who: &Person<'_>, input: &Value| {
        app.statements();
        let reply = who.does_once("clientBlock", input.clone(), "blocked").await;
        (reply.faults(), reply.body, app.statements().len())
    };
    // Once before it counts, so that nothing is looked up for the first time.
    sent(&lin, &made_up).await;
    let nobody = sent(&lin, &made_up).await;
    assert_eq!(nobody.0, ["clientId: UNKNOWN"]);
    assert_eq!(sent(&lin, &block).await, nobody);
    draft_gig(&ada).await;
    assert_eq!(sent(&lin, &block).await, nobody, "a draft is its client's own");

    open_gig(&ada, json!({ "visibility": "INVITE_ONLY" })).await;
    assert_eq!(sent(&lin, &block).await, nobody, "nobody was invited");

    let gig = open_gig(&ada, json!({})).await;
    bids(&eve, &gig).await.ok();
    // Whom one saw yesterday is not forgotten today.
    let same = json!({ "gigId": gig["id"] });
    for closes in ["gigPause", "gigResume", "gigCancel"] {
        lin.does("clientBlock", block.clone(), "blocked").await.ok();
        lin.does("clientUnblock", block.clone(), "blocked").await.ok();
        ada.does(closes, same.clone(), "gig { id }").await.ok();
    }
    lin.does("clientBlock", block.clone(), "blocked").await.ok();
    lin.does("clientUnblock", block.clone(), "blocked").await.ok();

    let remove = json!({ "gigId": gig["id"], "reason": "It asks for a fee" });
    app.admin("root").await.does("gigRemove", remove, "gig { id }").await.ok();
    assert_eq!(sent(&lin, &block).await, nobody, "what our people took down shows nobody");
    assert_eq!(lin.asks(CLIENTS, json!({})).await.data()["viewer"]["blockedClients"], json!([]));
    eve.does("clientBlock", block, "blocked").await.ok();
    assert_eq!(
        eve.asks(CLIENTS, json!({})).await.data()["viewer"]["blockedClients"],
        json!([{ "id": ada.organization }])
    );
}

/// Whether a company is known is asked by its id: however many others there are, their gigs and reviews are not read.
#[tokio::test]
async fn a_company_is_looked_up_by_its_own_id() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    open_gig(&ada, json!({})).await;
    app.statements();
    lin.does_once("clientBlock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    let known = app.statements().into_iter().find(|statement| statement.contains("from reviews")).unwrap();

    // Of tables as small as these all would be read; that is left out, so that what an index can answer it does.
    let nulls = vec!["null"; (1..).take_while(|nth| known.contains(&format!("${nth}"))).count()].join(", ");
    let explain = format!(
        "begin; set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan;
         prepare known as {known}; explain (costs off) execute known ({nulls}); deallocate known; rollback"
    );
    let plan = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_all(app.pool()).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|line| line.get(0)).collect();
    let plan = plan.join("\n");
    for (index, of) in [("gigs_of_client", "client_id"), ("reviews_by_organization", "organization_id")] {
        let asks = plan.lines().skip_while(|line| !line.contains(&format!("using {index} on"))).nth(1);
        assert!(asks.is_some_and(|line| line.contains(&format!("Index Cond: ({of} = $"))), "{index}:\n{plan}");
    }
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn no_more_are_blocked_than_may_be() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let fill = "with made as (
            insert into organizations (id, name, created_at)
            select gen_random_uuid(), 'Company ' || nth, now() from generate_series(1, 200) nth returning id)
        insert into blocks (client_id, freelancer_id, set_by, set_at)
        select made.id, u.id, 'freelancer', now() from made, users u where u.email = $1";
    sqlx::query(fill).bind(&lin.email).execute(app.pool()).await.unwrap();
    let one_more = lin.does("clientBlock", json!({ "clientId": ada.organization }), "blocked").await;
    assert_eq!(one_more.refused(), ["BLOCKS"]);
    assert_eq!(
        lin.asks(CLIENTS, json!({})).await.data()["viewer"]["blockedClients"].as_array().map(Vec::len),
        Some(200)
    );
}

#[tokio::test]
async fn an_export_has_ones_own_blocks_and_an_erasure_leaves_none() {
    let app = TestApp::new().await;
    let (ada, eve, lin) = (app.client("ada").await, app.client("eve").await, app.freelancer("lin").await);
    open_gig(&ada, json!({})).await;
    lin.does("clientBlock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    let pair = json!({ "clientId": eve.organization, "freelancerId": lin.id });
    eve.does("freelancerBlock", pair, "blocked").await.ok();
    let export = lin.does("accountExport", json!({}), "export").await.ok()["export"]["blockedClients"].clone();
    let named: Vec<&Value> = export.as_array().unwrap().iter().map(|block| &block["client_id"]).collect();
    assert_eq!(named, [&json!(ada.organization)], "who blocked them is not told: {export}");

    lin.does_once("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
    let left: i64 = sqlx::query_scalar("select count(*) from blocks").fetch_one(app.pool()).await.unwrap();
    assert_eq!(left, 0);
}
