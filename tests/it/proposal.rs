//! Freelancers' proposals, from the first bid to the answer.

use serde_json::{Value, json};
use tests::people::Person;
use tests::{TestApp, Visitor};

use crate::gig::open_gig;
use crate::notification::told;

const PROPOSAL: &str = "proposal { id state version viewedAt price { milestones { title amount { amount } } } }";

pub fn bid(gig: &Value) -> Value {
    json!({
        "gigId": gig["id"],
        "coverLetter": "I built two ledgers that auditors liked.",
        "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
        "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two of them." }],
    })
}

async fn count(person: &Person<'_>, gig: &Value) -> usize {
    let query = "query($id: ID!) { gig(id: $id) { proposals { edges { node { id } } } } }";
    let reply = person.asks(query, json!({ "id": gig["id"] })).await;
    reply.data()["gig"]["proposals"]["edges"].as_array().unwrap().len()
}

#[tokio::test]
async fn proposal_submit_reaches_the_client_and_the_bargain_ends_where_both_agree() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;

    let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let id = json!({ "proposalId": proposal });
    assert_eq!(ada.does("proposalView", id.clone(), PROPOSAL).await.text("proposal.state"), "VIEWED");
    assert_eq!(ada.does("proposalShortlist", id.clone(), PROPOSAL).await.text("proposal.state"), "SHORTLISTED");
    assert_eq!(ada.does("proposalInterview", id.clone(), PROPOSAL).await.text("proposal.state"), "INTERVIEWING");

    let counter = json!({
        "proposalId": proposal,
        "milestones": [{ "title": "The ledger", "amount": { "amount": "1200.00" } }],
        "message": "Could you do it for less?",
    });
    // Nobody agrees on what could not be funded, by the policy that is in force.
    let mut beyond = counter.clone();
    beyond["milestones"][0]["amount"]["amount"] = json!("970000.01");
    let beyond = ada.does("proposalCounter", beyond, PROPOSAL).await;
    assert_eq!(beyond.faults(), ["milestones.0.amount: OUT_OF_RANGE"]);
    assert!(beyond.body.to_string().contains("970000.00"), "{}", beyond.body);
    assert_eq!(ada.does("proposalCounter", counter, PROPOSAL).await.text("proposal.state"), "COUNTERED");
    let taken = lin.does("proposalCounterAccept", id.clone(), PROPOSAL).await;
    assert_eq!(taken.text("proposal.state"), "INTERVIEWING");
    assert_eq!(taken.text("proposal.price.milestones.0.amount.amount"), "1200.00");

    let query = "query($id: ID!) { proposal(id: $id) { revisions { edges { node { number byClient } } } } }";
    let revisions = lin.asks(query, json!({ "id": proposal })).await;
    let edges = revisions.data()["proposal"]["revisions"]["edges"].as_array().unwrap().clone();
    let told: Vec<(i64, bool)> = edges
        .iter()
        .map(|edge| (edge["node"]["number"].as_i64().unwrap(), edge["node"]["byClient"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [(3, false), (2, true), (1, false)]);

    let no = json!({ "proposalId": proposal, "reason": "PRICE", "note": "The budget was cut." });
    assert_eq!(ada.does("proposalDecline", no, PROPOSAL).await.text("proposal.state"), "DECLINED");
    assert_eq!(lin.does("proposalWithdraw", id.clone(), PROPOSAL).await.refused(), ["WRONG_STATE"]);
    let again = ada.does("proposalView", id, PROPOSAL).await;
    assert_eq!(again.text("proposal.state"), "DECLINED", "a page that is opened again says so, and nothing happens");
}

#[tokio::test]
async fn proposal_submit_twice_at_once_leaves_one() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;

    let (one, two) = (lin.visitor().await, lin.visitor().await);
    let (one, two) =
        tokio::join!(one.does("proposalSubmit", bid(&gig), PROPOSAL), two.does("proposalSubmit", bid(&gig), PROPOSAL));
    let refused: Vec<&str> = [&one, &two]
        .into_iter()
        .flat_map(|reply| reply.body["data"]["proposalSubmit"]["errors"].as_array().unwrap())
        .map(|error| error["code"].as_str().unwrap())
        .collect();
    assert_eq!(refused, ["PROPOSAL_EXISTS"]);
    assert_eq!(count(&ada, &gig).await, 1);
}

#[tokio::test]
async fn proposal_submit_with_a_key_counts_once() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;

    let mut input = bid(&gig);
    input["idempotencyKey"] = json!("bid-1");
    let first = lin.does("proposalSubmit", input.clone(), PROPOSAL).await.text("proposal.id");
    assert_eq!(lin.does("proposalSubmit", input.clone(), PROPOSAL).await.text("proposal.id"), first);
    input["coverLetter"] = json!("Something quite different this time.");
    assert_eq!(lin.does("proposalSubmit", input, PROPOSAL).await.refused(), ["IDEMPOTENCY_CONFLICT"]);
    assert_eq!(count(&ada, &gig).await, 1);
}

#[tokio::test]
async fn proposal_submit_tells_every_fault_and_writes_nothing() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;

    let with = |field: &str, value: Value| {
        let mut input = bid(&gig);
        input[field] = value;
        input
    };
    let priced = |amount: &str, currency: &str| json!([{ "title": "All", "amount": { "amount": amount, "currency": currency } }]);
    let cases = [
        (with("coverLetter", json!("Hi")), "coverLetter: TOO_SHORT"),
        (with("coverLetter", json!("x".repeat(5_001))), "coverLetter: TOO_LONG"),
        (with("milestones", json!([])), "milestones: REQUIRED"),
        (with("milestones", priced("-5", "USD")), "milestones.0.amount.amount: MALFORMED"),
        (with("milestones", priced("0", "USD")), "milestones.0.amount: OUT_OF_RANGE"),
        (with("milestones", priced("500", "PKR")), "milestones.0.amount: CURRENCY"),
        (with("milestones", priced("970000.01", "USD")), "milestones.0.amount: OUT_OF_RANGE"),
        (with("hourlyRate", json!({ "amount": "40" })), "hourlyRate: OTHER_KIND"),
        (with("answers", json!([])), "answers: REQUIRED"),
        (with("answers", json!([{ "questionId": gig["id"], "text": "Yes" }])), "answers.0.questionId: UNKNOWN"),
    ];
    for (input, fault) in cases {
        let reply = lin.does("proposalSubmit", input, PROPOSAL).await;
        assert!(reply.faults().contains(&fault.to_owned()), "{fault}: {:?}", reply.faults());
    }
    let nowhere = lin.does("proposalSubmit", with("gigId", json!("gig_nowhere")), PROPOSAL).await;
    assert_eq!(nowhere.refused(), ["NOT_FOUND"]);
    assert_eq!(ada.does("proposalSubmit", bid(&gig), PROPOSAL).await.refused(), ["OWN_GIG"]);
    assert_eq!(app.visitor().does("proposalSubmit", bid(&gig), PROPOSAL).await.refused(), ["UNAUTHENTICATED"]);
    assert_eq!(count(&ada, &gig).await, 0);
}

#[tokio::test]
async fn proposal_is_seen_by_its_two_sides_only() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.client("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    let draft = lin.does("proposalDraftSave", bid(&gig), PROPOSAL).await.text("proposal.id");
    let query = "query($id: ID!) { proposal(id: $id) { state } }";
    let seen = async |person: &Person<'_>| person.asks(query, json!({ "id": draft })).await.data()["proposal"].clone();

    assert_eq!(seen(&ada).await, Value::Null);
    assert_eq!(seen(&lin).await["state"], "DRAFT");
    let submitted = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await;
    assert_eq!(submitted.text("proposal.id"), draft);
    assert_eq!(seen(&ada).await["state"], "SUBMITTED");
    assert_eq!(seen(&eve).await, Value::Null);
    assert_eq!(count(&lin, &gig).await, 0);
    let id = json!({ "proposalId": draft });
    for mutation in ["proposalView", "proposalShortlist", "proposalWithdraw", "proposalCounterAccept"] {
        assert_eq!(eve.does(mutation, id.clone(), PROPOSAL).await.refused(), ["NOT_FOUND"], "{mutation}");
    }
    assert_eq!(lin.does("proposalShortlist", id.clone(), PROPOSAL).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(ada.does("proposalWithdraw", id, PROPOSAL).await.refused(), ["NOT_ALLOWED"]);
}

#[tokio::test]
async fn the_client_learns_nothing_of_a_draft_that_is_withdrawn() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    let heard = async || told(&ada).await.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();

    let draft = lin.does("proposalDraftSave", bid(&gig), PROPOSAL).await.text("proposal.id");
    lin.does("proposalWithdraw", json!({ "proposalId": draft }), PROPOSAL).await.ok();
    assert!(heard().await.is_empty());

    let sent = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    lin.does("proposalWithdraw", json!({ "proposalId": sent }), PROPOSAL).await.ok();
    assert_eq!(heard().await, ["PROPOSAL_SUBMITTED", "PROPOSAL_WITHDRAWN"]);
}

#[tokio::test]
async fn proposals_end_with_their_gig() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.ok();

    ada.does("gigCancel", json!({ "gigId": gig["id"] }), "gig { state }").await.ok();
    app.settles().await;

    let reply = lin.asks("{ viewer { proposals { edges { node { state } } } } }", json!({})).await;
    assert_eq!(reply.data()["viewer"]["proposals"]["edges"][0]["node"]["state"], "EXPIRED");
    assert_eq!(lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.refused(), ["WRONG_STATE"]);
}

/// Where a proposal stands, as its freelancer sees it.
pub async fn state(person: &Person<'_>, proposal: &str) -> String {
    let query = "query($id: ID!) { proposal(id: $id) { state } }";
    person.asks(query, json!({ "id": proposal })).await.text("state")
}

/// The client makes an offer on a proposal and funds it: the offer.
async fn offered(client: &Person<'_>, proposal: &str) -> String {
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let input = json!({ "proposalId": proposal, "title": "The ledger", "milestones": milestones });
    let reply = client.does("offerCreate", input, "offer { id milestones { nodes { id } } }").await;
    let (offer, milestone) = (reply.text("offer.id"), reply.text("offer.milestones.nodes.0.id"));
    let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
    client.does("milestoneFund", fund, "payment { status }").await.ok();
    client.app.settles().await;
    offer
}

#[tokio::test]
async fn an_offer_that_comes_to_nothing_gives_its_proposal_back() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    for how in ["offerDecline", "offerWithdraw", "expiry"] {
        let offer = offered(&ada, &proposal).await;
        assert_eq!(state(&lin, &proposal).await, "OFFERED", "{how}");
        match how {
            "offerDecline" => {
                lin.does(how, json!({ "offerId": offer, "reason": "" }), "offer { status }").await.ok();
            }
            "offerWithdraw" => {
                ada.does(how, json!({ "offerId": offer }), "offer { status }").await.ok();
            }
            _ => app.passes(chrono::TimeDelta::days(7)).await,
        }
        app.settles().await;
        let back = state(&lin, &proposal).await;
        assert!(["SUBMITTED", "VIEWED", "SHORTLISTED", "INTERVIEWING"].contains(&back.as_str()), "{how}: {back}");
    }
    let query = "query($id: ID!) { gig(id: $id) { state } }";
    assert_eq!(ada.asks(query, json!({ "id": gig["id"] })).await.text("state"), "OPEN");
}

#[tokio::test]
async fn an_invitation_a_gig_a_bid_an_offer_and_its_milestones_lead_to_each_other() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    let id = json!({ "id": gig["id"] });
    let invite = json!({ "gigId": gig["id"], "freelancerId": lin.id });
    let invited = ada.does("invitationSend", invite, "invitation { id allowed }").await;
    let invitation = invited.text("invitation.id");
    assert_eq!(invited.ok()["invitation"]["allowed"], json!([]), "it is the freelancer's to answer");

    let look = "query($id: ID!) { gig(id: $id) { viewerInvitation { id allowed } skills { skill { slug } } } }";
    let shown = lin.asks(look, id.clone()).await;
    assert_eq!(shown.data()["gig"]["viewerInvitation"], json!({ "id": invitation, "allowed": ["INVITATION_DECLINE"] }));
    assert_eq!(shown.data()["gig"]["skills"], json!([{ "skill": { "slug": "rust" } }]));
    for who in [&ada, &eve] {
        assert!(who.asks(look, id.clone()).await.data()["gig"]["viewerInvitation"].is_null(), "{}", who.email);
    }
    assert!(app.visitor().asks(look, id.clone()).await.data()["gig"]["viewerInvitation"].is_null());
    let can = "query($id: ID!) { gig(id: $id) { viewerCanPropose } }";
    let can = async |who: &Visitor<'_>| who.asks(can, id.clone()).await.data()["gig"]["viewerCanPropose"] == true;
    let (lin_looks, ada_looks, eve_looks) = (lin.visitor().await, ada.visitor().await, eve.visitor().await);
    assert!(can(&lin_looks).await && can(&eve_looks).await);
    assert!(!can(&ada_looks).await && !can(&app.visitor()).await, "not for one's own, and not without an account");

    lin.does("proposalDraftSave", bid(&gig), PROPOSAL).await.ok();
    assert!(can(&lin_looks).await, "a draft can be sent");
    let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    assert!(!can(&lin_looks).await, "there is one");
    ada.does("gigPause", json!({ "gigId": gig["id"] }), "gig { id }").await.ok();
    assert!(!can(&eve_looks).await, "it takes none");
    ada.does("gigResume", json!({ "gigId": gig["id"] }), "gig { id }").await.ok();
    let answered = lin.asks(look, id.clone()).await;
    assert_eq!(answered.data()["gig"]["viewerInvitation"], json!({ "id": invitation, "allowed": [] }));
    let offer = offered(&ada, &proposal).await;
    let look = "query($id: ID!) { offer(id: $id) {
        gig { id } proposal { id state } milestones { nodes { offer { id status } } } } }";
    for who in [&ada, &lin] {
        let shown = who.asks(look, json!({ "id": offer })).await;
        assert_eq!(
            shown.data()["offer"],
            json!({
                "gig": { "id": gig["id"] }, "proposal": { "id": proposal, "state": "OFFERED" },
                "milestones": { "nodes": [{ "offer": { "id": offer, "status": "SENT" } }] }
            }),
            "{}",
            who.email
        );
    }
    assert!(eve.asks(look, json!({ "id": offer })).await.data()["offer"].is_null());
}

#[tokio::test]
async fn whoever_proposed_before_can_again_when_the_gig_is_for_the_invited_meanwhile_and_is_told_so() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let gig = open_gig(&ada, json!({})).await;
    let first = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    lin.does("proposalWithdraw", json!({ "proposalId": first }), "proposal { id }").await.ok();
    ada.does("gigUpdate", json!({ "gigId": gig["id"], "visibility": "INVITE_ONLY" }), "gig { id }").await.ok();
    let can = "query($id: ID!) { gig(id: $id) { viewerCanPropose viewerProposal { id state } } }";
    let seen = async |who: &Person<'_>| who.asks(can, json!({ "id": gig["id"] })).await.data()["gig"].clone();
    assert_eq!(
        seen(&lin).await,
        json!({ "viewerCanPropose": true, "viewerProposal": { "id": first, "state": "WITHDRAWN" } })
    );
    assert!(seen(&eve).await.is_null(), "it is for the invited");
    // What is told goes by all that was sent, and not by the draft that was begun last.
    app.market.clock().advance(chrono::TimeDelta::minutes(1));
    let draft = lin.does("proposalDraftSave", bid(&gig), PROPOSAL).await.text("proposal.id");
    assert_ne!(draft, first);
    let shown = json!({ "viewerCanPropose": true, "viewerProposal": { "id": draft, "state": "DRAFT" } });
    assert_eq!(seen(&lin).await, shown);
    assert_eq!(lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id"), draft);
    assert_eq!(seen(&lin).await["viewerCanPropose"], false, "there is one");
}

#[tokio::test]
async fn accepting_an_offer_hires_fills_the_gig_and_closes_the_other_proposals() {
    let app = TestApp::new().await;
    let (ada, lin, omar) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("omar").await);
    let gig = open_gig(&ada, json!({})).await;
    let won = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let lost = omar.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let offer = offered(&ada, &won).await;
    lin.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
    app.settles().await;
    assert_eq!((state(&lin, &won).await, state(&omar, &lost).await), ("HIRED".to_owned(), "NOT_SELECTED".to_owned()));
    let query = "query($id: ID!) { gig(id: $id) { state } }";
    assert_eq!(ada.asks(query, json!({ "id": gig["id"] })).await.text("state"), "FILLED");
    let query = "query($id: ID!) { gig(id: $id) { client { record { hasPaid gigsOver gigsHired } } } }";
    let found = omar.asks(query, json!({ "id": gig["id"] })).await;
    let record = &found.data()["gig"]["client"]["record"];
    assert_eq!(record, &json!({ "hasPaid": true, "gigsOver": 1, "gigsHired": 1 }));
    let late = app.freelancer("noor").await.does("proposalSubmit", bid(&gig), PROPOSAL).await;
    assert!(["WRONG_STATE", "NOT_FOUND"].contains(&late.refused()[0]), "{:?}", late.refused());
}

#[tokio::test]
async fn a_proposal_whose_offer_comes_to_nothing_ends_if_its_gig_was_filled_meanwhile() {
    let app = TestApp::new().await;
    let (ada, lin, omar) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("omar").await);
    let gig = open_gig(&ada, json!({})).await;
    let won = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let other = omar.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let (first, second) = (offered(&ada, &won).await, offered(&ada, &other).await);
    lin.does("offerAccept", json!({ "offerId": first }), "contract { id }").await.ok();
    app.settles().await;
    assert_eq!(state(&omar, &other).await, "OFFERED", "what was promised waits for an answer");

    omar.does("offerDecline", json!({ "offerId": second, "reason": "" }), "offer { status }").await.ok();
    assert_eq!(state(&omar, &other).await, "NOT_SELECTED");
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let again = json!({ "proposalId": other, "title": "The ledger", "milestones": milestones });
    assert_eq!(ada.does("offerCreate", again, "offer { id }").await.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn whoever_has_an_offer_when_another_one_is_hired_may_still_take_it_unless_the_client_takes_it_back() {
    let app = TestApp::new().await;
    let (ada, lin, omar) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("omar").await);
    let noor = app.freelancer("noor").await;
    let gig = open_gig(&ada, json!({})).await;
    let mut sent = Vec::new();
    for who in [&lin, &omar, &noor] {
        let proposal = who.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
        sent.push((offered(&ada, &proposal).await, proposal));
    }
    let [(first, _), (second, other), (third, last)] = &sent[..] else { panic!("three have an offer") };
    lin.does("offerAccept", json!({ "offerId": first }), "contract { id }").await.ok();
    app.settles().await;
    // The client hears that one was taken, and may think better of the others.
    ada.does("offerWithdraw", json!({ "offerId": third }), "offer { status }").await.ok();
    assert_eq!(
        noor.does("offerAccept", json!({ "offerId": third }), "contract { id }").await.refused(),
        ["WRONG_STATE"]
    );
    omar.does("offerAccept", json!({ "offerId": second }), "contract { id }").await.ok();
    app.settles().await;
    assert_eq!((state(&omar, other).await, state(&noor, last).await), ("HIRED".to_owned(), "NOT_SELECTED".to_owned()));
    let contracts: i64 = sqlx::query_scalar("select count(*) from contracts").fetch_one(app.pool()).await.unwrap();
    assert_eq!(contracts, 2);
    let filled = "select count(*) from events where name = 'gig_filled'";
    let filled: i64 = sqlx::query_scalar(filled).fetch_one(app.pool()).await.unwrap();
    assert_eq!(filled, 1, "it was filled by the first");
    let query = "query($id: ID!) { gig(id: $id) { client { record { gigsOver gigsHired } } } }";
    let found = omar.asks(query, json!({ "id": gig["id"] })).await;
    assert_eq!(found.data()["gig"]["client"]["record"], json!({ "gigsOver": 1, "gigsHired": 1 }), "one gig, hired for");
    app.books_agree().await;
}

#[tokio::test]
async fn what_waits_for_an_answer_about_a_gig_that_is_taken_down_ends_and_its_money_goes_back() {
    let app = TestApp::new().await;
    let (ada, lin, omar) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("omar").await);
    let gig = open_gig(&ada, json!({})).await;
    let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let other = omar.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    let offer = offered(&ada, &proposal).await;
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let unfunded = json!({ "proposalId": other, "title": "The ledger", "milestones": milestones });
    let unfunded = ada.does("offerCreate", unfunded, "offer { id }").await.text("offer.id");

    let remove = json!({ "gigId": gig["id"], "reason": "It asks for money from those who bid" });
    app.admin("root").await.does("gigRemove", remove, "gig { state }").await.ok();
    let again = json!({ "gigId": gig["id"], "reason": "Somebody complained of it" });
    app.admin("amna").await.does("gigRemove", again, "gig { state }").await.ok();
    let noted = "select count(*) from audit_log where act = 'gig_remove'";
    let noted: i64 = sqlx::query_scalar(noted).fetch_one(app.pool()).await.unwrap();
    assert_eq!(noted, 1, "who finds it taken down has not taken it down");
    app.settles().await;
    let seen = "query($id: ID!) { offer(id: $id) { status allowed } }";
    for offer in [&offer, &unfunded] {
        let ended = ada.asks(seen, json!({ "id": offer })).await.data()["offer"].clone();
        assert_eq!(ended, json!({ "status": "EXPIRED", "allowed": [] }));
    }
    assert_eq!(
        (state(&lin, &proposal).await, state(&omar, &other).await),
        ("REMOVED".to_owned(), "REMOVED".to_owned())
    );
    let query = "query($id: ID!) { node(id: $id) { ... on Organization { balances { credit { minorUnits } } } } }";
    let credit = ada.asks(query, json!({ "id": ada.organization })).await.data()["node"]["balances"].clone();
    assert_eq!(credit["credit"]["minorUnits"], 92_700, "with the fee");
    let heard: Vec<String> = told(&lin).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(heard, ["MILESTONE_REFUNDED", "OFFER_EXPIRED", "OFFER_SENT", "PROPOSAL_CLOSED"]);
    app.books_agree().await;
}

#[tokio::test]
async fn the_quota_of_proposals_returns_when_the_gig_closes_or_nobody_opened_it() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let mut sent = Vec::new();
    for _ in 0..60 {
        let gig = open_gig(&ada, json!({})).await;
        let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
        sent.push((gig["id"].clone(), proposal));
    }
    let quota = async || {
        let quota = lin.asks("{ viewer { proposalQuota { limit days used left } } }", json!({})).await;
        quota.data()["viewer"]["proposalQuota"].clone()
    };
    let next = open_gig(&ada, json!({})).await;
    assert_eq!(quota().await, json!({ "limit": 60, "days": 30, "used": 60, "left": 0 }));
    assert_eq!(lin.does("proposalSubmit", bid(&next), PROPOSAL).await.refused(), ["PROPOSAL_QUOTA"]);

    ada.does("gigCancel", json!({ "gigId": sent[0].0 }), "gig { state }").await.ok();
    assert_eq!(quota().await, json!({ "limit": 60, "days": 30, "used": 59, "left": 1 }));
    lin.does("proposalSubmit", bid(&next), PROPOSAL).await.ok();

    let next = open_gig(&ada, json!({})).await;
    ada.does("proposalView", json!({ "proposalId": sent[1].1 }), PROPOSAL).await.ok();
    lin.does("proposalWithdraw", json!({ "proposalId": sent[1].1 }), PROPOSAL).await.ok();
    assert_eq!(lin.does("proposalSubmit", bid(&next), PROPOSAL).await.refused(), ["PROPOSAL_QUOTA"], "it was opened");
    lin.does("proposalWithdraw", json!({ "proposalId": sent[2].1 }), PROPOSAL).await.ok();
    lin.does("proposalSubmit", bid(&next), PROPOSAL).await.ok();
}

#[tokio::test]
async fn a_bid_that_was_given_back_stays_so_when_its_gig_is_reopened() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    let used = async || {
        let quota = lin.asks("{ viewer { proposalQuota { used } } }", json!({})).await;
        quota.data()["viewer"]["proposalQuota"]["used"].as_i64().unwrap()
    };
    let proposal = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    ada.does("proposalView", json!({ "proposalId": proposal }), PROPOSAL).await.ok();
    assert_eq!(used().await, 1);
    ada.does("gigCancel", json!({ "gigId": gig["id"] }), "gig { state }").await.ok();
    assert_eq!(used().await, 0, "at once");
    app.settles().await;
    ada.does("gigReopen", json!({ "gigId": gig["id"] }), "gig { state }").await.ok();
    assert_eq!(used().await, 0);
    lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.ok();
    assert_eq!(used().await, 1, "for the second one alone");
}

#[tokio::test]
async fn what_a_bid_is_decided_by_is_other_with_each_act_on_it_and_on_nothing_else() {
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let (gig, other) = (open_gig(&ada, json!({})).await, open_gig(&ada, json!({})).await);
    let ground = async || -> String {
        let ground = "select bid_ground(g.id, u.id) from gigs g, users u
            where public_id('gig', g.id) = $1 and public_id('usr', u.id) = $2";
        let ground = sqlx::query_scalar(ground).bind(gig["id"].as_str()).bind(&lin.id);
        ground.fetch_one(app.pool()).await.unwrap()
    };
    let mut seen = vec![ground().await];
    let asks = |who: &Person<'_>| json!({ "gigId": gig["id"], "freelancerId": who.id, "message": "Come and see." });
    let invited = ada.does("invitationSend", asks(&lin), "invitation { id }").await.text("invitation.id");
    seen.push(ground().await);
    lin.does("invitationDecline", json!({ "invitationId": invited }), "invitation { id }").await.ok();
    seen.push(ground().await);
    let sent = lin.does("proposalSubmit", bid(&gig), PROPOSAL).await.text("proposal.id");
    seen.push(ground().await);
    lin.does("proposalWithdraw", json!({ "proposalId": sent }), PROPOSAL).await.ok();
    seen.push(ground().await);
    ada.does("gigPause", json!({ "gigId": gig["id"] }), "gig { state }").await.ok();
    seen.push(ground().await);
    let each: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(each.len(), seen.len(), "{seen:?}");

    ada.does(
        "invitationSend",
        json!({ "gigId": other["id"], "freelancerId": lin.id, "message": "" }),
        "invitation { id }",
    )
    .await;
    eve.does("proposalSubmit", bid(&other), PROPOSAL).await.ok();
    lin.does("proposalSubmit", bid(&other), PROPOSAL).await.ok();
    assert_eq!(Some(&ground().await), seen.last());
}
