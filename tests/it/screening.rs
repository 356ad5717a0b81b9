//! Clients and freelancers on lists: their money stands still until our people have looked.

use std::path::PathBuf;

use chrono::TimeDelta;
use domain::access::Staff;
use infra::Market;
use infra::clock::Clock;
use infra::market::Equipment;
use infra::screening::Screening;
use serde_json::{Value, json};
use tests::{Deal, Person, TestApp};

const HITS: &str =
    "{ screeningHits { totalCount nodes { id status name listed organization { id } freelancer { id } allowed } } }";

/// A market with a list of its own, that changes.
pub struct Listed {
    file: PathBuf,
    pub app: TestApp,
}

impl Listed {
    pub async fn on(base: &TestApp, name: &str) -> Self {
        let file = std::env::temp_dir().join(format!("rabta-{name}-{}", std::process::id()));
        std::fs::write(&file, "Somebody Else\n").unwrap();
        let screening = Screening::from_file(&file).unwrap();
        let equipment = Equipment { screening, ..Equipment::throwaway().unwrap() };
        let db = infra::market::connect(&base.app_url(), 6).await.unwrap();
        let app = TestApp::on(Market::new(db, Clock::manual(base.market.clock().now()), equipment));
        Self { file, app }
    }

    pub fn lists(&self, names: &str) {
        std::fs::write(&self.file, format!("Somebody Else\n{names}\n")).unwrap();
    }

    pub async fn sweeps(&self) -> bool {
        self.app.market.screen_when_due().await.unwrap()
    }
}

pub async fn hits(admin: &Person<'_>) -> Vec<Value> {
    admin.asks(HITS, json!({})).await.data()["screeningHits"]["nodes"].as_array().unwrap().clone()
}

pub async fn clears(admin: &Person<'_>, id: &Value) -> tests::Reply {
    let clear = json!({ "screeningHitId": id, "reason": "Another company of that name" });
    admin.does("screeningHitClear", clear, "screeningHit { status reason clearedBy { id } allowed }").await
}

async fn stands(deal: &Deal<'_>) -> Value {
    let query = "query($id: ID!) { contract(id: $id) { status } }";
    deal.freelancer.asks(query, json!({ "id": deal.contract })).await.data()["contract"]["status"].clone()
}

async fn funds(deal: &Deal<'_>, milestone: &str) -> tests::Reply {
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    deal.client.does("milestoneFund", fund, "payment { id }").await
}

#[tokio::test]
async fn a_client_on_a_list_pays_nothing_in_until_our_people_have_looked() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "pay-in").await;
    let app = &listed.app;
    let deal = app.offered().await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    listed.lists("COMPANY, Clara & \nmarta");
    assert_eq!(funds(&deal, &deal.milestone).await.refused(), ["COMPLIANCE_REVIEW"]);
    let found = hits(&noor).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let hit = &found[0];
    assert_eq!([&hit["name"], &hit["listed"]], ["clara & Company", "COMPANY, Clara &"]);
    assert_eq!(hit["organization"]["id"], json!(deal.client.organization));
    assert_eq!(hit["allowed"], json!(["SCREENING_HIT_CLEAR"]));
    assert_eq!(funds(&deal, &deal.milestone).await.refused(), ["COMPLIANCE_REVIEW"], "and stays so");
    assert_eq!(hits(&noor).await.len(), 1, "it is one hit");

    for person in [&deal.client, &deal.freelancer] {
        assert_eq!(clears(person, &hit["id"]).await.refused(), ["NOT_FOUND"]);
        assert!(person.asks(HITS, json!({})).await.body["data"]["screeningHits"].is_null());
    }
    let silent = json!({ "screeningHitId": hit["id"], "reason": " " });
    assert_eq!(noor.does("screeningHitClear", silent, "screeningHit { id }").await.refused(), ["REQUIRED"]);
    // One of our people who is of the client looks at nothing of theirs.
    app.grant(&deal.client.email, Some(Staff::Admin)).await;
    assert_eq!(clears(&deal.client, &hit["id"]).await.refused(), ["NOT_ALLOWED"]);
    app.grant(&deal.client.email, None).await;
    let cleared = clears(&amna, &hit["id"]).await;
    assert_eq!(cleared.text("screeningHit.status"), "CLEARED");
    assert_eq!(cleared.text("screeningHit.clearedBy.id"), amna.id);
    funds(&deal, &deal.milestone).await.ok();
    app.settles().await;
    assert_eq!(deal.status().await, "FUNDED");
    // What was found to be nothing is not found again; the owner's own name is another matter.
    app.passes(TimeDelta::days(2)).await;
    assert!(listed.sweeps().await);
    assert_eq!(hits(&noor).await.len(), 1);
    listed.lists("COMPANY, Clara & \nclara");
    assert!(listed.sweeps().await, "another list");
    let names: Vec<_> = hits(&noor).await.iter().map(|hit| hit["name"].clone()).collect();
    assert_eq!(names, ["Clara", "clara & Company"]);
}

/// What a name is written with so that no list has it, it is not taken with; and what may be in one hides nothing.
#[tokio::test]
async fn a_name_that_only_reads_like_one_on_a_list_is_on_it() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "alike").await;
    let app = &listed.app;
    let noor = app.admin("noor").await;
    let ada = app.person("ada").await;
    let named = async |name: &str| ada.does("organizationCreate", json!({ "name": name }), "organization { id }").await;
    assert_eq!(named("Sanctioned\u{200B} Trading").await.faults(), ["name: MALFORMED"]);
    named("S\u{430}nctioned \u{FF34}rading").await.ok();
    listed.lists("Trading, Sanctioned");
    assert!(listed.sweeps().await);
    let names: Vec<_> = hits(&noor).await.iter().map(|hit| hit["name"].clone()).collect();
    assert_eq!(names, ["S\u{430}nctioned \u{FF34}rading"]);
}

#[tokio::test]
async fn a_new_list_stops_the_money_of_those_on_it_and_clearing_lets_it_go() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "sweep").await;
    let app = &listed.app;
    let deal = app.submitted().await;
    assert!(listed.sweeps().await, "for the first time");
    assert!(!listed.sweeps().await, "nothing is new");
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    listed.lists("Clara & Company");
    assert!(listed.sweeps().await);
    assert!(!listed.sweeps().await);
    assert_eq!(stands(&deal).await, "ON_HOLD");
    let tip = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" }, "message": "", "paymentMethod": "pm_sandbox_visa" });
    assert_eq!(deal.client.does("bonusGive", tip, "milestone { id }").await.refused(), ["WRONG_STATE"]);
    app.passes(TimeDelta::days(9)).await;
    assert_eq!(deal.balances().await[2], 0, "its hold is over, and it does not move");
    let noor = app.admin("noor").await;
    let found = hits(&noor).await;
    clears(&noor, &found[0]["id"]).await.ok();
    assert_eq!(stands(&deal).await, "ACTIVE");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.balances().await[2], 95_000);
    app.passes(TimeDelta::days(1)).await;
    assert!(listed.sweeps().await, "once a day");
    assert_eq!(stands(&deal).await, "ACTIVE");
    app.books_agree().await;
}

#[tokio::test]
async fn what_our_people_hold_is_not_let_go_by_a_hit_that_was_nothing() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "held").await;
    let app = &listed.app;
    let deal = app.submitted().await;
    let noor = app.admin("noor").await;
    let hold = json!({ "contractId": deal.contract, "reason": "COMPLIANCE_REVIEW", "note": "A letter" });
    noor.does("contractHold", hold, "contract { status }").await.ok();
    listed.lists("Clara & Company\nClara");
    assert!(listed.sweeps().await);
    let found = hits(&noor).await;
    assert_eq!(found.len(), 2);
    clears(&noor, &found[0]["id"]).await.ok();
    let again = clears(&noor, &found[0]["id"]).await;
    assert_eq!(again.text("screeningHit.status"), "CLEARED", "a repeat");
    clears(&noor, &found[1]["id"]).await.ok();
    assert_eq!(stands(&deal).await, "ON_HOLD");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_lets_no_client_pay() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "unreadable").await;
    let deal = listed.app.offered().await;
    std::fs::remove_file(&listed.file).unwrap();
    let fund = json!({ "milestoneId": deal.milestone, "paymentMethod": "pm_sandbox_visa" });
    let reply = deal.client.does_once("milestoneFund", fund, "payment { id }").await;
    assert!(reply.body["errors"][0]["extensions"]["code"].is_string(), "{}", reply.body);
    listed.lists("Nobody");
    funds(&deal, &deal.milestone).await.ok();
}

#[tokio::test]
async fn a_freelancer_on_a_list_begins_nothing_until_our_people_have_looked() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "onboarding").await;
    let app = &listed.app;
    let deal = app.offered().await;
    let faisal = &deal.freelancer;
    funds(&deal, &deal.milestone).await.ok();
    app.settles().await;
    let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
    listed.lists("FAISAL");
    let accept = json!({ "offerId": deal.offer });
    let accepts = async || faisal.does("offerAccept", accept.clone(), "contract { id status }").await;
    assert_eq!(accepts().await.refused(), ["COMPLIANCE_REVIEW"]);
    assert_eq!(accepts().await.refused(), ["COMPLIANCE_REVIEW"], "and stays so");
    let found = hits(&noor).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["name"], "Faisal");
    assert_eq!((&found[0]["freelancer"]["id"], &found[0]["organization"]), (&json!(faisal.id), &json!(null)));
    for person in [&deal.client, faisal] {
        assert_eq!(clears(person, &found[0]["id"]).await.refused(), ["NOT_FOUND"]);
    }
    clears(&amna, &found[0]["id"]).await.ok();
    assert_eq!(accepts().await.ok()["contract"]["status"], "ACTIVE");
}

#[tokio::test]
async fn a_new_list_stops_the_money_of_a_freelancer_and_both_sides_must_be_looked_at() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "freelancers").await;
    let app = &listed.app;
    let deal = app.submitted().await;
    deal.client.does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { id }").await.ok();
    let bystander = app.freelancer("lin").await;
    listed.lists("faisal\nClara & Company");
    assert!(listed.sweeps().await);
    assert!(!listed.sweeps().await);
    assert_eq!(stands(&deal).await, "ON_HOLD");
    app.passes(TimeDelta::days(9)).await;
    assert_eq!(deal.balances().await[2], 0, "its hold is over, and it does not move");
    let tip = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" }, "message": "", "paymentMethod": "pm_sandbox_visa" });
    assert_eq!(deal.client.does("bonusGive", tip, "milestone { id }").await.refused(), ["WRONG_STATE"]);

    let noor = app.admin("noor").await;
    let found = hits(&noor).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|hit| hit["freelancer"]["id"] != json!(bystander.id)));
    // Whichever is looked at first, the other still stands against it.
    clears(&noor, &found[0]["id"]).await.ok();
    assert_eq!(stands(&deal).await, "ON_HOLD");
    clears(&noor, &found[1]["id"]).await.ok();
    assert_eq!(stands(&deal).await, "ACTIVE");
    app.passes(TimeDelta::days(2)).await;
    assert_eq!(deal.balances().await[2], 95_000);
    assert_eq!(hits(&noor).await.len(), 2, "what was nothing is not found again");
}

#[tokio::test]
async fn two_hits_of_one_contract_that_are_cleared_at_once_let_it_go() {
    for _ in 0..3 {
        let base = TestApp::new().await;
        let listed = Listed::on(&base, "at-once").await;
        let app = &listed.app;
        let deal = app.submitted().await;
        let (noor, amna) = (app.admin("noor").await, app.admin("amna").await);
        listed.lists("faisal\nClara & Company");
        assert!(listed.sweeps().await);
        let found = hits(&noor).await;
        let (one, other) = tokio::join!(clears(&noor, &found[0]["id"]), clears(&amna, &found[1]["id"]));
        one.ok();
        other.ok();
        assert_eq!(stands(&deal).await, "ACTIVE");
    }
}

#[tokio::test]
async fn who_lives_in_a_listed_country_is_held_as_soon_as_they_say_so() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "countries").await;
    let app = &listed.app;
    let deal = app.submitted().await;
    let faisal = &deal.freelancer;
    listed.lists("country: ir");
    assert!(listed.sweeps().await);
    let lives = async |country: &str| {
        let profile = json!({ "headline": "Engineer", "overview": "", "country": country });
        faisal.does("profileUpdate", profile, "profile { country }").await.ok();
    };
    lives("PK").await;
    assert_eq!(stands(&deal).await, "ACTIVE");
    lives("IR").await;
    assert_eq!(stands(&deal).await, "ON_HOLD");
    let noor = app.admin("noor").await;
    let found = hits(&noor).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!([&found[0]["name"], &found[0]["listed"]], ["IR", "country: IR"]);
    // That they moved does not undo what was found; our people do.
    lives("PK").await;
    assert_eq!(stands(&deal).await, "ON_HOLD");
    clears(&noor, &found[0]["id"]).await.ok();
    assert_eq!(stands(&deal).await, "ACTIVE");
}

#[tokio::test]
async fn a_payout_is_screened_for_the_country_and_not_for_what_was_nothing() {
    let base = TestApp::new().await;
    let listed = Listed::on(&base, "payouts").await;
    let app = &listed.app;
    let deal = app.released().await;
    let faisal = &deal.freelancer;
    let noor = app.admin("noor").await;
    let profile = json!({ "headline": "Engineer", "overview": "", "country": "IR" });
    faisal.does("profileUpdate", profile, "profile { id }").await.ok();
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    listed.lists("faisal\ncountry: IR");
    assert!(listed.sweeps().await);
    let asks = async || {
        let ask = json!({ "payoutMethodId": method, "amount": { "amount": "100.00" }, "purposeCode": "9186" });
        let payout = faisal.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
        app.settles().await;
        let query = "query($id: ID!) { payout(id: $id) { status blockReason } }";
        noor.asks(query, json!({ "id": payout })).await.data()["payout"].clone()
    };
    let clear_one = async |name: &str| {
        let hit = hits(&noor).await.into_iter().find(|hit| hit["name"] == name).expect("it was found");
        clears(&noor, &hit["id"]).await.ok();
    };
    assert_eq!(asks().await, json!({ "status": "BLOCKED", "blockReason": "on the list as faisal" }));
    clear_one("Faisal").await;
    assert_eq!(asks().await, json!({ "status": "BLOCKED", "blockReason": "on the list as country: IR" }));
    clear_one("IR").await;
    assert_ne!(asks().await["status"], "BLOCKED", "what our people found to be nothing is not found again");
}
