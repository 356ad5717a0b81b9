//! Fifty at once. Whatever meets whatever, there is one effect, the books add up, and whoever comes
//! too late gets a typed answer: nobody sees a deadlock, a timeout or a fault of ours.
//! `RACE_ROUNDS` says how often each race is run.

use chrono::TimeDelta;
use domain::id::{Id, MilestoneId};
use domain::money::Money;
use futures_util::future::{join, join_all};
use infra::payments::{ProcessorEvent, ProcessorFact};
use serde_json::{Value, json};
use sqlx::Connection;
use tests::books::{assert_books, books};
use tests::crowd::{AT_ONCE, Outcomes, crowd, rounds};
use tests::{Deal, PASSWORD, Person, Reply, TestApp};

use crate::gig::open_gig;
use crate::worker::stand_in_line;

mod banks;
mod bids;
mod charges;
mod holds;
mod leaving;
mod quarrels;
mod together;

const STATUS: &str = "milestone { status version }";
/// What the others may hear.
const LATE: &[&str] = &["WRONG_STATE", "STALE_VERSION"];
/// What those hear who dispute what is disputed, besides.
const DISPUTED: &[&str] = &["WRONG_STATE", "STALE_VERSION", "ALREADY_DISPUTED"];

/// A bid for a new gig of this client that asks no questions.
async fn plain_bid(client: &Person<'_>) -> Value {
    let gig = open_gig(client, json!({ "questions": [] })).await;
    json!({
        "gigId": gig["id"],
        "coverLetter": "I built two ledgers that auditors liked.",
        "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
    })
}

/// One more milestone of the deal's contract, agreed to by both.
async fn agreed(deal: &Deal<'_>) -> String {
    let input = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "1000.00" } });
    let id = deal.client.does("milestonePropose", input, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": id }), STATUS).await.ok();
    id
}

/// One more milestone, funded.
async fn funded(deal: &Deal<'_>) -> String {
    let id = agreed(deal).await;
    deal.fund(&id, "pm_sandbox_visa").await;
    id
}

/// One more milestone, its work submitted; and its version.
async fn submitted(deal: &Deal<'_>) -> (String, i64) {
    let id = funded(deal).await;
    let reply = deal.freelancer.does("milestoneSubmit", work(&id), STATUS).await;
    let version = reply.ok()["milestone"]["version"].as_i64().unwrap();
    (id, version)
}

fn work(milestone: &str) -> Value {
    json!({ "milestoneId": milestone, "message": "Here it is" })
}

async fn status(deal: &Deal<'_>, milestone: &str) -> String {
    let query = "query($id: ID!) { milestone(id: $id) { status } }";
    deal.client.asks(query, json!({ "id": milestone })).await.text("status")
}

/// How many entries of a reason there are for a milestone.
async fn entries(app: &TestApp, milestone: &str, reason: &str) -> i64 {
    let id: MilestoneId = milestone.parse().unwrap();
    sqlx::query_scalar("select count(*) from ledger_entries where milestone_id = $1 and reason = $2")
        .bind(id.uuid())
        .bind(reason)
        .fetch_one(app.pool())
        .await
        .unwrap()
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

/// Everything that follows has followed, and the books add up.
async fn settled(app: &TestApp) {
    app.settles().await;
    assert_books(&books(app.pool()).await);
    assert_eq!(count(app, "select count(*) from events where last_error is not null").await, 0);
    assert_eq!(count(app, "select count(*) from timers where last_error is not null").await, 0);
}

#[tokio::test]
async fn approving_against_disputing() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let (id, seen) = submitted(&deal).await;
        // On the version both saw, one of them acts.
        let input = json!({ "milestoneId": id, "expectedVersion": seen });
        let claim = json!({ "milestoneId": id, "expectedVersion": seen, "reason": "There is more to it" });
        let replies = crowd(|place| match place % 2 {
            0 => deal.client.does_once("milestoneApprove", input.clone(), STATUS),
            _ => deal.freelancer.does_once("milestoneDispute", claim.clone(), STATUS),
        });
        Outcomes::one_of_two(&replies.await, DISPUTED);
        settled(&app).await;
        match status(&deal, &id).await.as_str() {
            "APPROVED" => assert_eq!(entries(&app, &id, "release").await, 1),
            "DISPUTED" => assert_eq!(entries(&app, &id, "release").await, 0),
            other => panic!("{other}"),
        }

        // On whatever version, an approval may still be disputed: but each has its effect once.
        let (id, _) = submitted(&deal).await;
        let input = json!({ "milestoneId": id });
        let claim = json!({ "milestoneId": id, "reason": "There is more to it" });
        let replies = crowd(|place| match place % 2 {
            0 => deal.client.does_once("milestoneApprove", input.clone(), STATUS),
            _ => deal.freelancer.does_once("milestoneDispute", claim.clone(), STATUS),
        });
        Outcomes::of(&replies.await).refused_only(DISPUTED);
        settled(&app).await;
        assert_eq!(status(&deal, &id).await, "DISPUTED");
        let (released, reclaimed) = (entries(&app, &id, "release").await, entries(&app, &id, "reclaim").await);
        assert!(released <= 1 && reclaimed == released, "{released} releases, {reclaimed} reclaims");
    }
}

#[tokio::test]
async fn a_release_by_the_clock_against_a_chargeback() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for round in 0..rounds() {
        let (id, _) = submitted(&deal).await;
        deal.client.does("milestoneApprove", json!({ "milestoneId": id }), STATUS).await.ok();
        let query = "query($id: ID!) { milestone(id: $id) { payment { id } } }";
        let payment = deal.client.asks(query, json!({ "id": id })).await.text("payment.id");
        app.market.clock().advance(TimeDelta::days(5));
        let chargeback = |place: usize| {
            let fact = ProcessorFact::ChargedBack {
                reference: format!("chargeback {round}"),
                amount: Money::usd(103_000).unwrap(),
            };
            // Half of them are the same event, told again; the others are others about the same fact.
            let id = format!("evt_{round}_{}", if place.is_multiple_of(2) { 0 } else { place });
            ProcessorEvent { source: "sandbox".to_owned(), id, payment: payment.parse().unwrap(), fact }
        };
        let bank = join_all((0..AT_ONCE).map(|place| {
            let event = chargeback(place);
            let market = app.market.clone();
            async move { market.processor_event(&event).await }
        }));
        let workers = join_all((0..8).map(|_| app.market.work_once()));
        let (heard, worked) = join(bank, workers).await;
        assert!(heard.iter().all(Result::is_ok) && worked.iter().all(Result::is_ok), "{heard:?} {worked:?}");
        settled(&app).await;
        assert_eq!(entries(&app, &id, "chargeback").await, 1);
        assert!(entries(&app, &id, "hold_over").await <= 1);
        assert_eq!(count(&app, "select count(*) from timers where kind = 'release_milestone'").await, 0);
    }
}

#[tokio::test]
async fn accepting_against_withdrawing_an_offer() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let deal = app.sent().await;
        let offer = json!({ "offerId": deal.offer });
        let replies = crowd(|place| match place % 2 {
            0 => deal.freelancer.does_once("offerAccept", offer.clone(), "contract { id }"),
            _ => deal.client.does_once("offerWithdraw", offer.clone(), "offer { status }"),
        });
        Outcomes::one_of_two(&replies.await, LATE);
        settled(&app).await;
        let contracts = count(&app, "select count(*) from contracts").await;
        let withdrawn = count(&app, "select count(*) from offers where status = 'withdrawn'").await;
        assert_eq!(contracts + withdrawn, 1);
        assert_eq!(deal.credit().await, if contracts == 1 { 0 } else { 103_000 }, "the money comes back once");
    }
}

#[tokio::test]
async fn a_hire_against_everything_that_ends_a_bid_or_its_gig() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
        let gig = open_gig(&ada, json!({})).await;
        let bid = json!({
            "gigId": gig["id"],
            "coverLetter": "I built two ledgers that auditors liked.",
            "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
            "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two of them." }],
        });
        let proposal = lin.does("proposalSubmit", bid.clone(), "proposal { id }").await.text("proposal.id");
        let offer = json!({
            "proposalId": proposal, "title": "The ledger", "milestones": [{ "title": "All", "amount": { "amount": "1500.00" } }]
        });
        let made = ada.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
        let (offer, milestone) = (made.text("offer.id"), made.text("offer.milestones.nodes.0.id"));
        let card = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
        ada.does("milestoneFund", card, STATUS).await.ok();
        app.settles().await;

        let (offer, proposal, gig) =
            (json!({ "offerId": offer }), json!({ "proposalId": proposal }), json!({ "gigId": gig["id"] }));
        let replies = crowd(|place| {
            let (who, what, input, fields) = match place % 6 {
                0 => (&lin, "offerAccept", &offer, "contract { id }"),
                1 => (&ada, "offerWithdraw", &offer, "offer { id }"),
                2 => (&lin, "proposalWithdraw", &proposal, "proposal { id }"),
                3 => (&ada, "gigCancel", &gig, "gig { id }"),
                4 => (&lin, "offerDecline", &offer, "offer { id }"),
                _ => (&eve, "proposalSubmit", &bid, "proposal { id }"),
            };
            who.does_once(what, input.clone(), fields)
        });
        let replies = replies.await;
        let refusals = ["WRONG_STATE", "STALE_VERSION", "PROPOSAL_EXISTS", "OFFER_WAITING", "NOT_FOUND", "REQUIRED"];
        Outcomes::of(&replies).refused_only(&refusals);
        settled(&app).await;
        let hired = count(&app, "select count(*) from contracts").await;
        let both = "select count(*) from offers where status in ('withdrawn', 'declined')";
        assert_eq!(hired + count(&app, both).await, 1, "one outcome");
        let filled = "select count(*) from gigs where state = 'filled'";
        assert_eq!(count(&app, filled).await, hired, "the gig is filled if and only if somebody was hired");
        let held = "select coalesce(sum(held_minor), 0)::bigint from milestones";
        assert_eq!(count(&app, held).await, hired * 150_000);
    }
}

/// A deal with 950.00 available, and a bank account that can be used.
async fn rich(app: &TestApp) -> (Deal<'_>, String) {
    let deal = app.released().await;
    let input = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    // The tokens are over; nobody signs in fifty times at once. Who just signed in need not give the password again.
    deal.balances().await;
    deal.credit().await;
    (deal, method)
}

fn payout(method: &str, amount: &str, key: Option<&str>) -> Value {
    json!({
        "payoutMethodId": method, "amount": { "amount": amount }, "purposeCode": "9186", "idempotencyKey": key
    })
}

async fn asks_payout(deal: &Deal<'_>, input: Value) -> Reply {
    deal.freelancer.does_once("payoutRequest", input, "payout { id amount { amount } }").await
}

#[tokio::test]
async fn payouts_of_one_balance() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let (deal, method) = rich(&app).await;
        // Many of which one fits, then as many as fit, until nothing is left: 500, and four times 100 of 450.
        for (amount, fit) in [("500.00", 1), ("100.00", 4), ("100.00", 0)] {
            let replies = crowd(|_| asks_payout(&deal, payout(&method, amount, None))).await;
            Outcomes::of(&replies).are(fit, &["INSUFFICIENT_FUNDS"]);
        }
        assert_eq!(deal.balances().await, [0, 0, 5_000]);
        settled(&app).await;
        assert_eq!(count(&app, "select count(*) from payouts").await, 5);
    }
}

#[tokio::test]
async fn one_key_is_one_effect_and_one_answer() {
    let app = TestApp::new().await;
    let (deal, method) = rich(&app).await;
    let more = |amount: &str, key: &str| json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": amount }, "idempotencyKey": key });
    for round in 0..rounds() {
        let key = format!("the key of round {round}");
        let replies = crowd(|_| deal.client.does_once("milestonePropose", more("10.00", &key), "milestone { id }"));
        let outcomes = Outcomes::of(&replies.await);
        outcomes.are(AT_ONCE, &[]);
        assert!(outcomes.won.windows(2).all(|pair| pair[0] == pair[1]), "one answer: {outcomes:?}");

        // One key for two acts: it belongs to whichever came first.
        let key = format!("another key of round {round}");
        let amount = |place: usize| if place.is_multiple_of(2) { "10.00" } else { "11.00" };
        let replies =
            crowd(|place| deal.client.does_once("milestonePropose", more(amount(place), &key), "milestone { id }"));
        let outcomes = Outcomes::of(&replies.await);
        outcomes.are(AT_ONCE / 2, &["IDEMPOTENCY_CONFLICT"]);
        assert!(outcomes.won.windows(2).all(|pair| pair[0] == pair[1]), "one answer: {outcomes:?}");

        let before = deal.balances().await[2];
        let key = format!("the key of payout {round}");
        let outcomes = Outcomes::of(&crowd(|_| asks_payout(&deal, payout(&method, "10.00", Some(&key)))).await);
        outcomes.are(AT_ONCE, &[]);
        assert!(outcomes.won.windows(2).all(|pair| pair[0] == pair[1]), "one answer: {outcomes:?}");
        assert_eq!(deal.balances().await[2], before - 1_000);
        settled(&app).await;
    }
    assert_eq!(count(&app, "select count(*) from milestones").await, 1 + 2 * rounds() as i64);
    assert_eq!(count(&app, "select count(*) from payouts").await, rounds() as i64);
}

#[tokio::test]
async fn giving_back_against_paying_out_the_same_money() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let (deal, method) = rich(&app).await;
        let query = "query($id: ID!) { milestone(id: $id) { version } }";
        let reply = deal.client.asks(query, json!({ "id": deal.milestone })).await;
        let version = reply.data()["milestone"]["version"].clone();
        let back =
            json!({ "milestoneId": deal.milestone, "amount": { "amount": "600.00" }, "expectedVersion": version });
        let replies = crowd(async |place| match place % 2 {
            0 => deal.freelancer.does_once("milestoneRefundAfter", back.clone(), STATUS).await,
            _ => asks_payout(&deal, payout(&method, "600.00", None)).await,
        });
        let refusals = ["INSUFFICIENT_FUNDS", "OUT_OF_RANGE", "WRONG_STATE", "STALE_VERSION"];
        Outcomes::of(&replies.await).are(1, &refusals);
        assert_eq!(deal.balances().await, [0, 0, 35_000]);
        settled(&app).await;
    }
}

#[tokio::test]
async fn one_credit_and_two_milestones() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let back = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", back.clone(), STATUS).await.ok();
    deal.freelancer.does("milestoneAgreeRefund", back, STATUS).await.ok();
    for _ in 0..rounds() {
        assert_eq!(deal.credit().await, 103_000);
        let ids = [agreed(&deal).await, agreed(&deal).await];
        let fund = |place: usize| json!({ "milestoneId": ids[place % 2] });
        let replies = crowd(|place| deal.client.does_once("milestoneFund", fund(place), STATUS)).await;
        Outcomes::of(&replies).are(1, &["INSUFFICIENT_FUNDS", "WRONG_STATE"]);
        assert_eq!(deal.credit().await, 0);
        settled(&app).await;
        // All of it back, for the next round.
        for id in ids {
            let id = json!({ "milestoneId": id });
            if Outcomes::of([&deal.client.does("milestoneRequestRefund", id.clone(), STATUS).await]).won.is_empty() {
                deal.client.does("milestoneCancel", id, STATUS).await.ok();
            } else {
                deal.freelancer.does("milestoneAgreeRefund", id, STATUS).await.ok();
            }
        }
    }
}

#[tokio::test]
async fn funding_against_calling_off() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let id = agreed(&deal).await;
        let (card, off) =
            (json!({ "milestoneId": id, "paymentMethod": "pm_sandbox_visa" }), json!({ "milestoneId": id }));
        let replies = crowd(|place| match place % 4 {
            0 => deal.client.does_once("milestoneFund", card.clone(), STATUS),
            1 => deal.freelancer.does_once("milestoneCancel", off.clone(), STATUS),
            2 => deal.client.does_once("milestoneStopFunding", off.clone(), STATUS),
            _ => deal.client.does_once("milestoneCancel", off.clone(), STATUS),
        });
        Outcomes::of(&replies.await).refused_only(LATE);
        settled(&app).await;
        // Whatever became of it, a payment that came is in it or in the credit, once.
        let came = count(&app, "select coalesce(sum(total_minor), 0)::bigint from payments where status = 'succeeded'");
        let there = "select coalesce(sum(minor), 0)::bigint from (
            select -amount_minor as minor from ledger_postings where to_account = 'processor_clearing'
            union all select amount_minor from ledger_postings where from_account = 'processor_clearing') moved";
        assert_eq!(came.await, count(&app, there).await);
    }
}

#[tokio::test]
async fn handing_in_against_asking_for_the_money_back() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    for _ in 0..rounds() {
        let id = funded(&deal).await;
        let query = "query($id: ID!) { milestone(id: $id) { version } }";
        let version = deal.client.asks(query, json!({ "id": id })).await.data()["milestone"]["version"].clone();
        let mut hand_in = work(&id);
        hand_in["expectedVersion"] = version.clone();
        let back = json!({ "milestoneId": id, "expectedVersion": version });
        let replies = crowd(|place| match place % 2 {
            0 => deal.freelancer.does_once("milestoneSubmit", hand_in.clone(), STATUS),
            _ => deal.client.does_once("milestoneRequestRefund", back.clone(), STATUS),
        });
        Outcomes::one_of_two(&replies.await, LATE);
        settled(&app).await;
        let submissions = "select count(*) from submissions where milestone_id not in (
            select id from milestones where status = 'submitted')";
        assert_eq!(count(&app, submissions).await, 0, "work is kept if and only if it was taken");
    }
}

#[tokio::test]
async fn ending_a_contract_against_work_on_it() {
    for _ in 0..rounds() {
        let app = TestApp::new().await;
        let deal = app.contracted().await;
        let (first, second) = (agreed(&deal).await, agreed(&deal).await);
        let end = json!({ "contractId": deal.contract });
        let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "10.00" } });
        let card = |id: &str| json!({ "milestoneId": id, "paymentMethod": "pm_sandbox_visa" });
        let replies = crowd(|place| match place % 5 {
            0 => deal.client.does_once("contractEnd", end.clone(), "contract { status }"),
            1 => deal.freelancer.does_once("contractEnd", end.clone(), "contract { status }"),
            2 => deal.client.does_once("milestoneFund", card(&first), STATUS),
            3 => deal.client.does_once("milestoneFund", card(&second), STATUS),
            _ => deal.client.does_once("milestonePropose", more.clone(), STATUS),
        });
        Outcomes::of(&replies.await).refused_only(LATE);
        settled(&app).await;
        assert_eq!(count(&app, "select count(*) from contracts where status = 'ending'").await, 1);
        assert_eq!(count(&app, "select count(*) from events where name = 'contract_ending'").await, 1);
        let left = "select count(*) from milestones where status in ('proposed', 'agreed')";
        assert_eq!(count(&app, left).await, 0, "what had no money is called off");
        let lost = "select count(*) from milestones where status = 'cancelled' and held_minor > 0";
        assert_eq!(count(&app, lost).await, 0);
    }
}

#[tokio::test]
async fn the_victim_of_a_deadlock_is_tried_again_and_nobody_hears_of_it() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    // Whoever notices a deadlock first is its victim: not this one.
    sqlx::query("set deadlock_timeout = '60s'").execute(&mut other).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("select 1 from milestones for update").execute(&mut *held).await.unwrap();
    let crossing = async {
        // By then the contract is locked, and its milestone waited for.
        stand_in_line(&app, 1).await;
        sqlx::query("select 1 from contracts for update").execute(&mut *held).await.unwrap();
        held.rollback().await.unwrap();
    };
    let end = json!({ "contractId": deal.contract });
    let (reply, ()) = join(deal.client.does_once("contractEnd", end, "contract { status }"), crossing).await;
    assert_eq!(reply.text("contract.status"), "ENDING");
    assert_eq!(count(&app, "select count(*) from events where name = 'contract_ending'").await, 1);
}

#[tokio::test]
async fn two_members_doing_opposite_acts() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let bo = app.person("bo").await;
    crate::organization::joins(&deal.client, &bo, "ADMIN").await;
    for _ in 0..rounds() {
        let (id, seen) = submitted(&deal).await;
        let approve = json!({ "milestoneId": id, "expectedVersion": seen });
        let note = json!({ "milestoneId": id, "expectedVersion": seen, "note": "Bigger logo" });
        let replies = crowd(|place| match place % 2 {
            0 => deal.client.does_once("milestoneApprove", approve.clone(), STATUS),
            _ => bo.does_once("milestoneRequestChanges", note.clone(), STATUS),
        });
        Outcomes::one_of_two(&replies.await, LATE);
        settled(&app).await;
        let released = entries(&app, &id, "release").await;
        assert_eq!(released == 1, status(&deal, &id).await == "APPROVED");
    }
}

#[tokio::test]
async fn signing_up_with_one_address() {
    let app = TestApp::new().await;
    let input = json!({ "email": "ada@example.com", "name": "Ada", "password": PASSWORD });
    let visitor = app.visitor();
    let replies = crowd(|_| visitor.does("signUp", input.clone(), "tokens { accessToken }")).await;
    Outcomes::of(&replies).are(1, &["EMAIL_TAKEN"]);
    assert_eq!(count(&app, "select count(*) from users").await, 1);
}
