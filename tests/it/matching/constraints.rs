//! Hard constraints as clients meet them. Whom one leaves out is counted, by the index as by the database, and is shown
//! no more from the moment it stands, however old the index.

use chrono::TimeDelta;
use infra::matching::Follower;
use serde_json::{Value, json};
use tests::{Person, TestApp};

use super::index::{RECOMMENDED, catch_up, index, who};
use super::{freelancer, matches, skill};

/// An open gig for a Rust engineer that says more.
async fn gig(client: &Person<'_>, more: Value) -> String {
    let mut input = json!({
        "clientId": client.organization, "title": "Rust engineer for a ledger", "description": "Double entry on PostgreSQL, tested.",
        "kind": "HOURLY", "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(client.app, "rust").await],
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = client.does("gigCreate", input, "gig { id }").await.text("gig.id");
    client.does("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
    id
}

/// Something came between the only one who fits a gig and the gig: the index that does not know it yet shows them no
/// more; once it knows, it counts them, and so does the database.
async fn leaves_out(client: &Person<'_>, gig: &str, index: &mut Follower, reason: &str) {
    let found = matches(client, gig, 10, None).await;
    assert_eq!(
        (&found["foundBy"], &found["leftOut"], who(&found).len()),
        (&json!("INDEX"), &json!([]), 0),
        "{found:#}"
    );
    assert!(catch_up(index).await > 0, "whoever is concerned is looked at again");
    let one = json!([{ "reason": reason, "count": 1 }]);
    for (source, later) in [("INDEX", 0), ("DATABASE", 31)] {
        client.app.market.clock().advance(TimeDelta::seconds(later));
        let found = matches(client, gig, 10, None).await;
        assert_eq!((&found["foundBy"], &found["leftOut"]), (&json!(source), &one), "{found:#}");
        assert_eq!((who(&found).len(), &found["eligible"]), (0, &json!(0)), "{found:#}");
    }
    catch_up(index).await;
}

async fn shows(client: &Person<'_>, gig: &str, person: &Person<'_>) {
    let found = matches(client, gig, 10, None).await;
    assert_eq!((&found["foundBy"], who(&found)), (&json!("INDEX"), vec![person.id.as_str()]), "{found:#}");
    assert_eq!(found["leftOut"], json!([]));
}

/// What keeps a freelancer and a gig apart, as somebody is told.
async fn barriers(who: &Person<'_>, gig: &str, freelancer: &Person<'_>) -> Value {
    let query = "query($gig: ID!, $who: ID!) { explainMatch(gigId: $gig, freelancerId: $who) { barriers } }";
    let reply = who.asks(query, json!({ "gig": gig, "who": freelancer.id })).await;
    reply.data()["explainMatch"]["barriers"].clone()
}

#[tokio::test]
async fn hours_that_running_contracts_may_take_are_not_free() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    lin.does("profileUpdate", json!({ "weeklyHours": 40 }), "profile { id }").await.ok();
    let (long, short) = (gig(&ada, json!({ "weeklyHours": 21 })).await, gig(&ada, json!({ "weeklyHours": 20 })).await);
    let mut index = index(&app).await;
    shows(&ada, &long, &lin).await;

    let offer = json!({ "organizationId": ada.organization, "freelancerId": lin.id, "title": "Upkeep of a website",
        "hourlyRate": { "amount": "20.00" }, "weeklyLimitMinutes": 1_200 });
    let offer = ada.does("offerCreate", offer, "offer { id }").await.text("offer.id");
    let contract = lin.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.text("contract.id");
    leaves_out(&ada, &long, &mut index, "WEEKLY_HOURS").await;
    shows(&ada, &short, &lin).await;
    assert_eq!(barriers(&lin, &long, &lin).await, json!(["WEEKLY_HOURS"]));

    lin.does("contractEnd", json!({ "contractId": contract }), "contract { status }").await.ok();
    assert!(catch_up(&mut index).await > 0);
    shows(&ada, &long, &lin).await;
}

#[tokio::test]
async fn whom_screening_holds_is_not_active_and_is_not_told() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (clara, faisal) = (&deal.client, &deal.freelancer);
    let held = json!([{ "skillId": skill(&app, "rust").await, "level": "EXPERT", "years": 5 }]);
    let profile = json!({ "headline": "Rust engineer", "overview": "", "skills": held });
    faisal.does("profileUpdate", profile, "profile { id }").await.ok();
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Person, sandbox SANCTIONED" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let id = gig(clara, json!({})).await;
    let mut index = index(&app).await;
    shows(clara, &id, faisal).await;

    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "950.00" }, "purposeCode": "9186" });
    let payout = faisal.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    app.settles().await;
    leaves_out(clara, &id, &mut index, "NOT_ACTIVE").await;
    assert_eq!(barriers(clara, &id, faisal).await, json!(["NOT_ACTIVE"]));
    assert_eq!(barriers(faisal, &id, faisal).await, json!([]), "who is held is not told");
    let own = faisal.asks(RECOMMENDED, json!({})).await;
    let own = &own.data()["viewer"]["recommendedGigs"];
    assert_eq!((&own["edges"][0]["node"]["gig"]["id"], &own["leftOut"]), (&json!(id), &json!([])));

    let admin = app.admin("noor").await;
    let unblock = json!({ "payoutId": payout, "reason": "another person of that name" });
    admin.does("payoutUnblock", unblock, "payout { status }").await.ok();
    assert!(catch_up(&mut index).await > 0);
    shows(clara, &id, faisal).await;
}

#[tokio::test]
async fn who_is_on_a_list_is_not_active_and_is_not_told() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (clara, faisal) = (&deal.client, &deal.freelancer);
    let held = json!([{ "skillId": skill(&app, "rust").await, "level": "EXPERT", "years": 5 }]);
    let profile = json!({ "headline": "Rust engineer", "overview": "", "skills": held });
    faisal.does("profileUpdate", profile, "profile { id }").await.ok();
    let id = gig(clara, json!({})).await;
    let mut index = index(&app).await;
    shows(clara, &id, faisal).await;

    faisal.does("userUpdate", json!({ "name": "Person, sandbox SANCTIONED" }), "viewer { user { id } }").await.ok();
    leaves_out(clara, &id, &mut index, "NOT_ACTIVE").await;
    assert_eq!(barriers(clara, &id, faisal).await, json!(["NOT_ACTIVE"]));
    assert_eq!(barriers(faisal, &id, faisal).await, json!([]), "who is held is not told");
    let own = faisal.asks(RECOMMENDED, json!({})).await;
    let own = &own.data()["viewer"]["recommendedGigs"];
    assert_eq!((&own["edges"][0]["node"]["gig"]["id"], &own["leftOut"]), (&json!(id), &json!([])));

    let admin = app.admin("noor").await;
    let hits = admin.asks("{ screeningHits { nodes { id } } }", json!({})).await;
    let hit = hits.text("nodes.0.id");
    let clear = json!({ "screeningHitId": hit, "reason": "another person of that name" });
    admin.does("screeningHitClear", clear, "screeningHit { status }").await.ok();
    assert!(catch_up(&mut index).await > 0);
    shows(clara, &id, faisal).await;
}

#[tokio::test]
async fn who_was_suspended_and_is_reinstated_is_there_though_a_payout_still_waits_for_our_people() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (clara, faisal) = (&deal.client, &deal.freelancer);
    let held = json!([{ "skillId": skill(&app, "rust").await, "level": "EXPERT", "years": 5 }]);
    let profile = json!({ "headline": "Rust engineer", "overview": "", "skills": held });
    faisal.does("profileUpdate", profile, "profile { id }").await.ok();
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal Mahmood" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let id = gig(clara, json!({})).await;
    let mut index = index(&app).await;
    shows(clara, &id, faisal).await;

    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "950.00" }, "purposeCode": "9186" });
    let payout = faisal.does("payoutRequest", ask, "payout { id }").await.text("payout.id");
    let admin = app.admin("noor").await;
    let complaint = json!({ "userId": faisal.id, "reason": "A complaint" });
    admin.does("userSuspend", complaint.clone(), "user { id }").await.ok();
    admin.does("userReinstate", complaint, "user { id }").await.ok();
    app.settles().await;
    let status = admin.asks("query($id: ID!) { payout(id: $id) { status } }", json!({ "id": payout })).await;
    assert_eq!(status.text("status"), "BLOCKED", "nobody of ours has looked at it yet");
    catch_up(&mut index).await;
    shows(clara, &id, faisal).await;
    app.market.clock().advance(TimeDelta::seconds(31));
    let found = matches(clara, &id, 10, None).await;
    assert_eq!((&found["foundBy"], who(&found)), (&json!("DATABASE"), vec![faisal.id.as_str()]), "{found:#}");
}

#[tokio::test]
async fn who_is_suspended_hidden_or_erased_is_not_there() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.client("ada").await, app.admin("root").await);
    let sami = freelancer(&app, "sami", "Rust engineer", &["rust"]).await;
    let hiba = freelancer(&app, "hiba", "Rust engineer", &["rust"]).await;
    let ezra = freelancer(&app, "ezra", "Rust engineer", &["rust"]).await;
    let id = gig(&ada, json!({})).await;
    let mut index = index(&app).await;
    assert_eq!(who(&matches(&ada, &id, 10, None).await).len(), 3);

    let suspend = json!({ "userId": sami.id, "reason": "Asked clients to pay elsewhere." });
    admin.does("userSuspend", suspend, "user { id }").await.ok();
    hiba.does("profileUpdate", json!({ "visibility": "HIDDEN" }), "profile { id }").await.ok();
    ezra.does_once("accountErase", json!({ "confirmEmail": ezra.email }), "erasedAt").await.ok();
    for (source, later) in [("INDEX", 0), ("DATABASE", 31)] {
        app.market.clock().advance(TimeDelta::seconds(later));
        let found = matches(&ada, &id, 10, None).await;
        assert_eq!((&found["foundBy"], who(&found).len()), (&json!(source), 0), "{found:#}");
    }
    assert!(catch_up(&mut index).await >= 3);
    let found = matches(&ada, &id, 10, None).await;
    assert_eq!(
        (&found["foundBy"], &found["leftOut"], who(&found).len()),
        (&json!("INDEX"), &json!([]), 0),
        "{found:#}"
    );
    assert_eq!(app.market.index_vitals().map(|vitals| vitals.people), Some(0));
}

#[tokio::test]
async fn who_is_suspended_after_a_bid_is_not_active_and_comes_last() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.client("ada").await, app.admin("root").await);
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let dina = freelancer(&app, "dina", "Logo designer", &["logo design"]).await;
    let id = gig(&ada, json!({})).await;
    for (person, letter) in [(&lin, "I built two ledgers."), (&dina, "I draw logos that people remember.")] {
        let bid = json!({ "gigId": id, "coverLetter": letter, "hourlyRate": { "amount": "40" } });
        person.does("proposalSubmit", bid, "proposal { id }").await.ok();
    }
    let by_fit = async || {
        let query = "query($id: ID!) { gig(id: $id) { proposals(orderBy: FIT) { nodes { freelancer { id } } } } }";
        let reply = ada.asks(query, json!({ "id": id })).await;
        reply.data()["gig"]["proposals"]["nodes"][0]["freelancer"]["id"].clone()
    };
    assert_eq!((by_fit().await, barriers(&ada, &id, &lin).await), (json!(lin.id), json!([])));
    let suspend = json!({ "userId": lin.id, "reason": "Asked clients to pay elsewhere." });
    admin.does("userSuspend", suspend.clone(), "user { id }").await.ok();
    assert_eq!((by_fit().await, barriers(&ada, &id, &lin).await), (json!(dina.id), json!(["NOT_ACTIVE"])));
    admin.does("userReinstate", suspend, "user { id }").await.ok();
    assert_eq!((by_fit().await, barriers(&ada, &id, &lin).await), (json!(lin.id), json!([])));
}

#[tokio::test]
async fn nobody_is_shown_work_that_pays_less_than_they_take() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let hourly = gig(&ada, json!({})).await;
    let mut index = index(&app).await;
    let takes = async |field: &str, amount: &str| {
        let input = json!({ "hourlyRate": { "amount": "100" }, field: { "amount": amount } });
        lin.does("profileUpdate", input, "profile { id }").await.ok();
    };
    // The gig pays 60 at most. What somebody asks is not what they take.
    takes("leastHourlyRate", "60.00").await;
    assert!(catch_up(&mut index).await > 0);
    shows(&ada, &hourly, &lin).await;
    takes("leastHourlyRate", "60.01").await;
    leaves_out(&ada, &hourly, &mut index, "BUDGET").await;
    let own = lin.asks(RECOMMENDED, json!({})).await;
    let own = &own.data()["viewer"]["recommendedGigs"];
    assert_eq!((&own["edges"], &own["leftOut"]), (&json!([]), &json!([{ "reason": "BUDGET", "count": 1 }])));
    ada.does("gigPause", json!({ "gigId": hourly }), "gig { state }").await.ok();

    let price = json!({ "low": { "amount": "500" }, "high": { "amount": "1000" } });
    let fixed = gig(&ada, json!({ "kind": "FIXED", "budget": price })).await;
    takes("leastFixedPrice", "1000.00").await;
    assert!(catch_up(&mut index).await > 0);
    shows(&ada, &fixed, &lin).await;
    takes("leastFixedPrice", "1000.01").await;
    leaves_out(&ada, &fixed, &mut index, "BUDGET").await;
}

#[tokio::test]
async fn who_moves_a_budget_learns_about_what_somebody_takes_and_no_more() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let input = json!({ "hourlyRate": { "amount": "100" }, "leastHourlyRate": { "amount": "57.30" } });
    lin.does("profileUpdate", input, "profile { id }").await.ok();
    let draft = json!({ "clientId": ada.organization, "title": "Rust engineer for a ledger", "kind": "HOURLY",
        "description": "Double entry on PostgreSQL, tested.", "budget": { "low": { "amount": "5" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(&app, "rust").await] });
    let draft = ada.does("gigCreate", draft, "gig { id }").await.text("gig.id");
    let (mut least, mut most) = (1_000, 10_000);
    while most - least > 1 {
        let high = least + (most - least) / 2;
        let budget =
            json!({ "low": { "amount": "5" }, "high": { "amount": format!("{}.{:02}", high / 100, high % 100) } });
        ada.does("gigUpdate", json!({ "gigId": draft, "budget": budget }), "gig { id }").await.ok();
        let told = barriers(&ada, &draft, &lin).await.as_array().unwrap().contains(&json!("BUDGET"));
        *(if told { &mut least } else { &mut most }) = high;
    }
    assert_eq!(most, 6_000, "a round amount above it");

    // Their own list goes by what they said.
    let pays = async |amount: &str| {
        let id = gig(&ada, json!({ "budget": { "low": { "amount": "30" }, "high": { "amount": amount } } })).await;
        barriers(&lin, &id, &lin).await
    };
    assert_eq!((pays("57.30").await, pays("57.29").await), (json!([]), json!(["BUDGET"])));
}

#[tokio::test]
async fn a_gig_for_some_countries_is_for_nobody_elsewhere() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&ada, json!({ "countries": ["PK", "AE"] })).await;
    let mut index = index(&app).await;
    // Whoever does not say where they work from is not left out.
    shows(&ada, &id, &lin).await;
    for (country, fits) in [("GB", false), ("AE", true), ("IN", false)] {
        lin.does("profileUpdate", json!({ "country": country }), "profile { country }").await.ok();
        if fits {
            assert!(catch_up(&mut index).await > 0);
            shows(&ada, &id, &lin).await;
        } else {
            leaves_out(&ada, &id, &mut index, "COUNTRY").await;
        }
    }
    let wider = json!({ "gigId": id, "countries": ["PK", "IN"] });
    assert_eq!(ada.does("gigUpdate", wider, "gig { countries }").await.ok()["gig"]["countries"], json!(["IN", "PK"]));
    shows(&ada, &id, &lin).await;
    ada.does("gigUpdate", json!({ "gigId": id, "countries": ["PK"] }), "gig { id }").await.ok();
    assert_eq!(barriers(&lin, &id, &lin).await, json!(["COUNTRY"]));
    ada.does("gigUpdate", json!({ "gigId": id, "countries": [] }), "gig { id }").await.ok();
    shows(&ada, &id, &lin).await;
}

#[tokio::test]
async fn who_blocks_and_who_is_blocked_are_not_brought_together() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = freelancer(&app, "lin", "Rust engineer", &["rust"]).await;
    let id = gig(&ada, json!({})).await;
    let mut index = index(&app).await;
    shows(&ada, &id, &lin).await;
    let pair = json!({ "clientId": ada.organization, "freelancerId": lin.id });
    let client = json!({ "clientId": ada.organization });
    for (who, block, lift, input) in
        [(&ada, "freelancerBlock", "freelancerUnblock", pair), (&lin, "clientBlock", "clientUnblock", client)]
    {
        who.does(block, input.clone(), "blocked").await.ok();
        // Nobody is counted who was left out by one: the other is as if they were not there.
        for (source, later) in [("INDEX", 0), ("INDEX", 0), ("DATABASE", 31)] {
            app.market.clock().advance(TimeDelta::seconds(later));
            let found = matches(&ada, &id, 10, None).await;
            let own = lin.asks(RECOMMENDED, json!({})).await.data()["viewer"]["recommendedGigs"].clone();
            for list in [&found, &own] {
                assert_eq!((&list["foundBy"], &list["edges"]), (&json!(source), &json!([])), "{list:#}");
                assert_eq!((&list["leftOut"], &list["eligible"]), (&json!([]), &json!(0)), "{list:#}");
            }
            if later == 0 {
                catch_up(&mut index).await;
            }
        }
        catch_up(&mut index).await;
        // Nor is it told of a pair.
        for asks in [&ada, &lin] {
            assert_eq!(barriers(asks, &id, &lin).await, json!(["NOT_ACTIVE"]));
        }
        who.does(lift, input, "blocked").await.ok();
        assert!(catch_up(&mut index).await > 0);
        shows(&ada, &id, &lin).await;
    }
}
