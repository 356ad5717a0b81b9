//! Offers: sent once funded, and whole money back when nothing comes of them.

use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::{Value, json};
use tests::crowd::{Outcomes, crowd};
use tests::{Person, TestApp};

use crate::gig::open_gig;
use crate::notification::told;
use crate::proposal::{bid, state};

const STATUS: &str = "offer { status }";

#[tokio::test]
async fn an_offer_is_sent_once_its_first_milestone_is_funded() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    let seen = "query($id: ID!) { offer(id: $id) { status } }";
    assert_eq!(deal.client.asks(seen, json!({ "id": deal.offer })).await.text("status"), "PENDING_FUNDING");
    let hidden = deal.freelancer.asks(seen, json!({ "id": deal.offer })).await;
    assert!(hidden.data()["offer"].is_null(), "not sent yet, so not there");
    let early = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(early.refused(), ["NOT_FOUND"]);

    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    assert_eq!(deal.freelancer.asks(seen, json!({ "id": deal.offer })).await.text("status"), "SENT");
}

#[tokio::test]
async fn a_declined_card_leaves_the_offer_waiting() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_declined").await;
    assert_eq!(deal.status().await, "AGREED");
    let query = "query($id: ID!) { milestone(id: $id) { payment { status failureCode failureAdvice clientSecret } } }";
    let reply = deal.client.asks(query, json!({ "id": deal.milestone })).await;
    assert_eq!(reply.text("payment.status"), "FAILED");
    assert_eq!(reply.text("payment.failureCode"), "card_declined");
    let advice = "The bank declined it. Ask the bank why, or pay in another way.";
    assert_eq!(reply.text("payment.failureAdvice"), advice);
    deal.fund(&deal.milestone, "pm_sandbox_visa").await;
    assert_eq!(deal.status().await, "FUNDED");
}

#[tokio::test]
async fn who_accepts_an_offer_again_is_told_of_the_contract_that_there_is() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    let accepts = async || {
        let input = json!({ "offerId": deal.offer });
        deal.freelancer.does_once("offerAccept", input, "contract { id status }").await.ok()["contract"].clone()
    };
    let contract = accepts().await;
    assert_eq!(contract["status"], "ACTIVE");
    assert_eq!(accepts().await, contract, "a finger that came down twice");
    let contracts: i64 = sqlx::query_scalar("select count(*) from contracts").fetch_one(app.pool()).await.unwrap();
    assert_eq!(contracts, 1);
    let client = deal.client.does_once("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(client.refused().len(), 1, "that is for the freelancer alone");
}

#[tokio::test]
async fn an_offer_that_comes_to_nothing_gives_the_money_back_whole() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    deal.freelancer.does("offerDecline", json!({ "offerId": deal.offer, "reason": "No time" }), STATUS).await.ok();
    assert_eq!(deal.credit().await, 103_000, "with the fee");
    assert_eq!(deal.money().await, [100_000, 0, 0, 0, 100_000, 0]);
    let again = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(again.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn an_offer_expires_after_seven_days() {
    let app = TestApp::new().await;
    let deal = app.sent().await;
    app.passes(TimeDelta::days(6)).await;
    assert_eq!(deal.credit().await, 0);
    let seen = "query($id: ID!) { offer(id: $id) { status viewerCanAccept allowed } }";
    let seen = async || deal.freelancer.asks(seen, json!({ "id": deal.offer })).await.data()["offer"].clone();
    let stands = json!({ "status": "SENT", "viewerCanAccept": true, "allowed": ["OFFER_ACCEPT", "OFFER_DECLINE"] });
    assert_eq!(seen().await, stands);
    // It has run out, and the clock has not come to close it.
    app.market.clock().advance(TimeDelta::days(1));
    let over = json!({ "status": "SENT", "viewerCanAccept": false, "allowed": ["OFFER_DECLINE"] });
    assert_eq!(seen().await, over);
    let late = deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }").await;
    assert_eq!(late.refused(), ["OFFER_EXPIRED"], "the button and the refusal agree");
    app.settles().await;
    assert_eq!(deal.credit().await, 103_000);
    assert_eq!(seen().await["status"], "EXPIRED");
}

#[tokio::test]
async fn offer_create_says_all_that_is_wrong_with_it() {
    let app = TestApp::new().await;
    let (client, freelancer) = (app.client("clara").await, app.freelancer("faisal").await);
    let input = |milestones: Value| json!({ "organizationId": client.organization, "freelancerId": freelancer.id, "title": "A website", "milestones": milestones });
    let bad =
        json!([{ "title": "", "amount": { "amount": "0.99" } }, { "title": "B", "amount": { "amount": "970000.01" } }]);
    let reply = client.does("offerCreate", input(bad), "offer { id }").await;
    assert_eq!(
        reply.faults(),
        ["milestones.0.title: REQUIRED", "milestones.0.amount: OUT_OF_RANGE", "milestones.1.amount: OUT_OF_RANGE"]
    );
    let none = client.does("offerCreate", input(json!([])), "offer { id }").await;
    assert_eq!(none.refused(), ["OUT_OF_RANGE"]);
    let rupees = json!([{ "title": "A", "amount": { "amount": "5.00", "currency": "PKR" } }]);
    assert_eq!(client.does("offerCreate", input(rupees), "offer { id }").await.refused(), ["CURRENCY"]);
    let stranger = app.client("otto").await;
    let good = json!([{ "title": "A", "amount": { "amount": "5.00" } }]);
    assert_eq!(stranger.does("offerCreate", input(good.clone()), "offer { id }").await.refused(), ["NOT_FOUND"]);
    let mut own = input(good);
    own["freelancerId"] = json!(client.id);
    assert_eq!(client.does("offerCreate", own, "offer { id }").await.refused(), ["SELF_DEALING"]);
}

#[tokio::test]
async fn accepting_and_withdrawing_at_once_have_one_outcome() {
    for _ in 0..8 {
        let app = TestApp::new().await;
        let deal = app.sent().await;
        let (accepted, withdrawn) = join(
            deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id }"),
            deal.client.does("offerWithdraw", json!({ "offerId": deal.offer }), STATUS),
        )
        .await;
        app.settles().await;
        let won = |reply: &tests::Reply, field: &str| {
            !reply.data()[field].is_null() && reply.data()[field]["errors"] == json!([])
        };
        let (accepted, withdrawn) = (won(&accepted, "offerAccept"), won(&withdrawn, "offerWithdraw"));
        assert!(accepted != withdrawn, "one of them: {accepted} {withdrawn}");
        assert_eq!(deal.credit().await, if withdrawn { 103_000 } else { 0 });
    }
}

/// A proposal of the freelancer's, and an offer on it that is a draft: the proposal, the offer and its milestone.
async fn drafted(client: &Person<'_>, freelancer: &Person<'_>) -> (String, String, String) {
    let gig = open_gig(client, json!({})).await;
    let proposal = freelancer.does("proposalSubmit", bid(&gig), "proposal { id }").await.text("proposal.id");
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let input = json!({ "proposalId": proposal, "title": "The ledger", "milestones": milestones, "draft": true });
    let reply = client.does("offerCreate", input, "offer { id status milestones { nodes { id } } }").await;
    assert_eq!(reply.text("offer.status"), "DRAFT");
    (proposal, reply.text("offer.id"), reply.text("offer.milestones.nodes.0.id"))
}

#[tokio::test]
async fn an_offer_that_was_not_sent_is_not_told_to_the_freelancer_by_any_way() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let (proposal, offer, milestone) = drafted(&ada, &lin).await;
    let seen = "query($id: ID!) { milestone(id: $id) { title } node(id: $id) { id } }";
    let hidden = async |when: &str| {
        let reply = lin.asks(seen, json!({ "id": milestone })).await;
        assert_eq!(reply.data(), &json!({ "milestone": null, "node": null }), "{when}");
        for act in ["milestoneAgree", "milestoneCancel", "milestoneKeep"] {
            let reply = lin.does(act, json!({ "milestoneId": milestone }), "milestone { id }").await;
            assert_eq!(reply.refused(), ["NOT_FOUND"], "{when}: {act}");
        }
        assert!(told(&lin).await.is_empty(), "{when}");
        assert_eq!(state(&lin, &proposal).await, "SUBMITTED", "{when}");
        let on = "query($id: ID!) { proposal(id: $id) { offer { id } } }";
        let theirs = lin.asks(on, json!({ "id": proposal })).await;
        assert_eq!(theirs.data()["proposal"]["offer"], Value::Null, "{when}");
        assert_eq!(ada.asks(on, json!({ "id": proposal })).await.data()["proposal"]["offer"]["id"], offer, "{when}");
    };
    hidden("a draft").await;
    let offered = async || {
        let query = "query($id: ID!) { milestone(id: $id) { allowed } }";
        ada.asks(query, json!({ "id": milestone })).await.data()["milestone"]["allowed"].clone()
    };
    assert_eq!(offered().await, json!([]), "nor is what would be refused");
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    let early = ada.does("milestoneFund", fund.clone(), "payment { status }").await;
    assert_eq!(early.refused(), ["OFFER_IS_DRAFT"], "a draft has no clock, so nothing would give the money back");
    let theirs = lin.does("milestoneFund", fund.clone(), "payment { status }").await;
    assert_eq!(theirs.refused(), ["NOT_FOUND"]);
    assert_eq!(told(&ada).await, [("PROPOSAL_SUBMITTED".to_owned(), "Proposal".to_owned())]);
    let again = json!({ "proposalId": proposal, "title": "Another", "draft": true,
        "milestones": [{ "title": "All of it", "amount": { "amount": "900.00" } }] });
    assert_eq!(ada.does("offerCreate", again, STATUS).await.refused(), ["OFFER_EXISTS"]);
    ada.does("offerSend", json!({ "offerId": offer }), STATUS).await.ok();
    hidden("it waits for its money").await;
    assert_eq!(offered().await, json!(["MILESTONE_FUND"]));
    assert!(told(&ada).await.contains(&("MILESTONE_AGREED".to_owned(), "Milestone".to_owned())), "who pays is told");
    ada.does("milestoneFund", fund, "payment { status }").await.ok();
    app.settles().await;
    assert_eq!(told(&lin).await, [("OFFER_SENT".to_owned(), "Offer".to_owned())]);
    assert_eq!(state(&lin, &proposal).await, "OFFERED");
    assert_eq!(lin.asks(seen, json!({ "id": milestone })).await.data()["milestone"]["title"], "All of it");
}

#[tokio::test]
async fn an_offer_that_ended_unsent_is_told_to_nobody_across() {
    let app = TestApp::new().await;
    for how in ["withdrawn", "expired"] {
        let (ada, lin) = (app.client(&format!("ada-{how}")).await, app.freelancer(&format!("lin-{how}")).await);
        let (proposal, offer, milestone) = drafted(&ada, &lin).await;
        let sent = how == "expired";
        if sent {
            ada.does("offerSend", json!({ "offerId": offer }), STATUS).await.ok();
            app.passes(TimeDelta::days(7)).await;
        } else {
            ada.does("offerWithdraw", json!({ "offerId": offer }), STATUS).await.ok();
        }
        assert!(told(&lin).await.is_empty(), "{how}");
        assert_eq!(state(&lin, &proposal).await, "SUBMITTED", "{how}");
        let seen = lin.asks("query($id: ID!) { milestone(id: $id) { title } }", json!({ "id": milestone })).await;
        assert_eq!(seen.data()["milestone"], Value::Null, "{how}");
        let heard = told(&ada).await.contains(&("OFFER_EXPIRED".to_owned(), "Offer".to_owned()));
        assert_eq!(heard, sent, "its own side hears that nobody paid in time");
    }
}

#[tokio::test]
async fn an_offer_whose_proposal_ended_before_the_money_came_gives_it_back_unsent() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let (proposal, offer, milestone) = drafted(&ada, &lin).await;
    ada.does("offerSend", json!({ "offerId": offer }), STATUS).await.ok();
    lin.does("proposalWithdraw", json!({ "proposalId": proposal }), "proposal { state }").await.ok();
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    ada.does("milestoneFund", fund, "payment { status }").await.ok();
    app.settles().await;
    let seen = "query($id: ID!) { offer(id: $id) { status } }";
    assert_eq!(ada.asks(seen, json!({ "id": offer })).await.text("status"), "EXPIRED");
    assert_eq!(lin.asks(seen, json!({ "id": offer })).await.data()["offer"], Value::Null);
    assert!(told(&lin).await.is_empty());
    let query = "query($id: ID!) { node(id: $id) { ... on Organization { balances { credit { minorUnits } } } } }";
    let credit = ada.asks(query, json!({ "id": ada.organization })).await.data()["node"]["balances"].clone();
    assert_eq!(credit["credit"]["minorUnits"], 92_700, "with the fee");

    // And one that is only meant after its proposal ended is refused at once.
    let (proposal, offer, _) = drafted(&ada, &app.freelancer("omar").await).await;
    let decline = json!({ "proposalId": proposal, "reason": "PRICE", "note": "" });
    ada.does("proposalDecline", decline, "proposal { state }").await.ok();
    assert_eq!(ada.does("offerSend", json!({ "offerId": offer }), STATUS).await.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn what_became_of_a_gig_is_found_from_each_end() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let (proposal, offer, milestone) = drafted(&ada, &lin).await;
    ada.does("offerSend", json!({ "offerId": offer }), STATUS).await.ok();
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    ada.does("milestoneFund", fund, "payment { status }").await.ok();
    app.settles().await;
    let contract = "contract { id gig { id proposalCount viewerProposal { id offer { id } } } offer { id } proposal { id } client { viewerRole } }";
    let accepted = lin.does("offerAccept", json!({ "offerId": offer }), contract).await;
    let made = accepted.ok()["contract"].clone();
    assert_eq!((&made["offer"]["id"], &made["proposal"]["id"]), (&json!(offer), &json!(proposal)));
    assert_eq!(made["gig"]["viewerProposal"], json!({ "id": proposal, "offer": { "id": offer } }));
    assert_eq!((&made["gig"]["proposalCount"], &made["client"]["viewerRole"]), (&Value::Null, &Value::Null));
    let seen =
        format!("query($id: ID!) {{ contract(id: $id) {{ {} }} }}", &contract["contract { ".len()..contract.len() - 2]);
    let hers = ada.asks(&seen, json!({ "id": made["id"] })).await.data()["contract"].clone();
    assert_eq!((&hers["gig"]["proposalCount"], &hers["gig"]["viewerProposal"]), (&json!(1), &Value::Null));
    assert_eq!(hers["client"]["viewerRole"], "OWNER");
}

#[tokio::test]
async fn an_offer_whose_money_a_bank_took_back_ends_and_is_not_accepted() {
    let app = TestApp::new().await;
    let deal = app.offered().await;
    deal.fund(&deal.milestone, "pm_sandbox_chargeback").await;
    let status = async || {
        let query = "query($id: ID!) { offer(id: $id) { status } }";
        deal.client.asks(query, json!({ "id": deal.offer })).await.text("status")
    };
    assert_eq!(status().await, "SENT");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(deal.status().await, "CHARGED_BACK");
    assert_eq!(status().await, "EXPIRED");
    let accept = json!({ "offerId": deal.offer });
    assert_eq!(deal.freelancer.does("offerAccept", accept, "contract { id }").await.refused(), ["WRONG_STATE"]);
    app.books_agree().await;
}

#[tokio::test]
async fn offers_on_one_proposal_are_counted_though_each_is_withdrawn() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let (proposal, offer, _) = drafted(&ada, &lin).await;
    ada.does("offerWithdraw", json!({ "offerId": offer }), STATUS).await.ok();
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let input = json!({ "proposalId": proposal, "title": "The ledger", "milestones": milestones });
    let made = "offer { id milestones { nodes { id } } }";
    let makes = async || ada.does_once("offerCreate", input.clone(), made).await;
    let withdraws = async |offer: &tests::Reply| {
        let withdraw = json!({ "offerId": offer.text("offer.id") });
        ada.does("offerWithdraw", withdraw, STATUS).await.ok();
    };
    for _ in 0..10 {
        let unpaid = makes().await;
        withdraws(&unpaid).await;
        let offer = makes().await;
        let milestone = offer.text("offer.milestones.nodes.0.id");
        let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
        ada.does("milestoneFund", fund, "payment { status }").await.ok();
        app.settles().await;
        withdraws(&offer).await;
    }
    assert_eq!(makes().await.refused(), ["OFFERS_PER_PROPOSAL"], "what nobody saw was not counted");
    let mut draft = input.clone();
    draft["draft"] = json!(true);
    let draft = ada.does("offerCreate", draft, made).await;
    let send = json!({ "offerId": draft.text("offer.id") });
    assert_eq!(ada.does("offerSend", send, STATUS).await.refused(), ["OFFERS_PER_PROPOSAL"], "nor as a draft before");
    withdraws(&draft).await;
    app.passes(TimeDelta::hours(23)).await;
    assert_eq!(makes().await.refused(), ["OFFERS_PER_PROPOSAL"], "for a day");
    app.passes(TimeDelta::hours(1)).await;
    makes().await.ok();
}

/// An offer by the hour costs nothing to make, and lies on somebody's desk at once.
#[tokio::test]
async fn offers_to_people_who_have_not_bid_take_a_read_mailbox_and_are_counted() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let input = |draft: bool| {
        json!({ "organizationId": ada.organization, "freelancerId": lin.id, "title": "Straight away", "draft": draft,
            "hourlyRate": { "amount": "50.00" }, "weeklyLimitMinutes": 2_400 })
    };
    let makes = async |draft: bool| ada.does_once("offerCreate", input(draft), "offer { id status }").await;
    let sends = async |id: &str| ada.does_once("offerSend", json!({ "offerId": id }), "offer { status }").await;
    let drafted = makes(true).await.text("offer.id");
    app.forgets_verification(&ada.email).await;
    assert_eq!(makes(false).await.refused(), ["EMAIL_NOT_VERIFIED"]);
    assert_eq!(sends(&drafted).await.refused(), ["EMAIL_NOT_VERIFIED"]);
    let desk = lin.asks("{ viewer { offers(first: 1) { totalCount } } }", json!({})).await;
    assert_eq!(desk.data()["viewer"]["offers"]["totalCount"], 0);

    ada.reads_mail().await;
    for _ in 0..50 {
        assert_eq!(makes(false).await.text("offer.status"), "SENT");
    }
    assert_eq!(makes(false).await.refused(), ["OFFERS_PER_DAY"]);
    assert_eq!(
        sends(&drafted).await.refused(),
        ["OFFERS_PER_DAY"],
        "one that was drafted before counts when it is sent"
    );
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(sends(&drafted).await.text("offer.status"), "SENT");
}

#[tokio::test]
async fn an_organization_keeps_so_many_drafts_of_offers_however_many_it_makes_at_once() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let another = || {
        let input = json!({ "organizationId": ada.organization, "freelancerId": lin.id, "title": "Later", "draft": true,
            "milestones": [{ "title": "All of it", "amount": { "amount": "100.00" } }] });
        ada.does_once("offerCreate", input, "offer { id }")
    };
    another().await.ok();
    let copy =
        "insert into offers select copy.* from offers t, generate_series(1, 198) n, lateral jsonb_populate_record(t,
        jsonb_build_object('id', gen_random_uuid(), 'contract_id', gen_random_uuid(), 'nth', n)) copy";
    let mut copying = app.pool().begin().await.unwrap();
    // What belongs to them is not asked for.
    sqlx::query("set local session_replication_role = replica").execute(&mut *copying).await.unwrap();
    sqlx::query(copy).execute(&mut *copying).await.unwrap();
    copying.commit().await.unwrap();
    Outcomes::of(&crowd(|_| another()).await).are(1, &["TOO_MANY_DRAFTS"]);
}
