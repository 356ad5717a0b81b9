//! Searches that people keep, and what they are told.

use serde_json::{Value, json};
use tests::{Person, TestApp};

const SEARCH: &str = "savedSearch { id name text kind skills { name } budgetAtLeast { amount } }";

async fn skill(app: &TestApp, query: &str) -> String {
    let query = json!({ "q": query });
    let found =
        app.visitor().asks("query($q: String) { skills(query: $q, first: 1) { edges { node { id } } } }", query).await;
    found.data()["skills"]["edges"][0]["node"]["id"].as_str().expect("a skill of that name").to_owned()
}

async fn publishes(client: &Person<'_>, more: Value) -> String {
    let mut input = json!({ "clientId": client.organization, "title": "Rust engineer for a ledger",
        "description": "Double entry on PostgreSQL, tested.", "kind": "HOURLY",
        "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(client.app, "rust").await] });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = client.does("gigCreate", input, "gig { id }").await.text("gig.id");
    client.does("gigPublish", json!({ "gigId": id }), "gig { state }").await.ok();
    client.app.settles().await;
    client.app.settles().await;
    id
}

async fn keeps(person: &Person<'_>, search: Value) -> String {
    person.does("savedSearchCreate", search, SEARCH).await.text("savedSearch.id")
}

/// The gigs a person is told of.
async fn told(person: &Person<'_>) -> Vec<String> {
    let query = "{ viewer { notifications { edges { node { kind subject { id } } } } } }";
    let reply = person.asks(query, json!({})).await;
    let edges = reply.data()["viewer"]["notifications"]["edges"].as_array().unwrap().clone();
    let of_searches = edges.iter().map(|edge| &edge["node"]).filter(|node| node["kind"] == "SAVED_SEARCH_MATCHED");
    of_searches.map(|node| node["subject"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn searches_are_kept_listed_and_deleted_and_are_nobody_elses() {
    let app = TestApp::new().await;
    let (lin, eve) = (app.freelancer("lin").await, app.freelancer("eve").await);
    let rust = skill(&app, "rust").await;
    let search = json!({ "name": "Ledgers", "skillIds": [rust], "kind": "HOURLY", "text": "ledger",
        "budgetAtLeast": { "amount": "50.00" } });
    let kept = lin.does("savedSearchCreate", search, SEARCH).await;
    let id = kept.text("savedSearch.id");
    let expected = json!({ "id": id, "name": "Ledgers", "text": "ledger", "kind": "HOURLY",
        "skills": [{ "name": "Rust" }], "budgetAtLeast": { "amount": "50.00" } });
    assert_eq!(kept.ok()["savedSearch"], expected);

    let list = "{ viewer { savedSearches { edges { node { id } } } } }";
    let listed =
        async |person: &Person<'_>| person.asks(list, json!({})).await.data()["viewer"]["savedSearches"].clone();
    assert_eq!(listed(&lin).await, json!({ "edges": [{ "node": { "id": id } }] }));
    assert_eq!(listed(&eve).await, json!({ "edges": [] }));
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(lin.asks(node, json!({ "id": id })).await.data()["node"]["id"], id.as_str());
    assert_eq!(eve.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    let which = json!({ "savedSearchId": id });
    assert_eq!(eve.does("savedSearchDelete", which.clone(), SEARCH).await.refused(), ["NOT_FOUND"]);
    assert_eq!(lin.does("savedSearchDelete", which.clone(), SEARCH).await.text("savedSearch.id"), id);
    assert_eq!(lin.does("savedSearchDelete", which, SEARCH).await.refused(), ["NOT_FOUND"]);
    assert_eq!(listed(&lin).await, json!({ "edges": [] }));
}

#[tokio::test]
async fn a_search_must_look_for_something_and_there_is_room_for_twenty() {
    let app = TestApp::new().await;
    let lin = app.freelancer("lin").await;
    assert_eq!(lin.does("savedSearchCreate", json!({ "name": "All" }), SEARCH).await.refused(), ["REQUIRED"]);
    let unknown = json!({ "name": "Odd", "skillIds": ["ski_00000000000000000000000000"] });
    assert_eq!(lin.does("savedSearchCreate", unknown, SEARCH).await.refused(), ["UNKNOWN"]);
    for place in 0..20 {
        keeps(&lin, json!({ "name": format!("Number {place}"), "text": "ledger" })).await;
    }
    let one_more = json!({ "name": "One more", "text": "ledger" });
    assert_eq!(lin.does("savedSearchCreate", one_more, SEARCH).await.refused(), ["SAVED_SEARCHES"]);
}

#[tokio::test]
async fn a_new_gig_is_told_once_to_those_whose_searches_find_it_and_whom_nothing_keeps_from_it() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (lin, omar, busy) = (app.freelancer("lin").await, app.freelancer("omar").await, app.freelancer("bano").await);
    let (rust, photoshop) = (skill(&app, "rust").await, skill(&app, "photoshop").await);
    for search in [json!({ "name": "Rust", "skillIds": [rust] }), json!({ "name": "Ledgers", "text": "ledg rust" })] {
        keeps(&lin, search).await;
    }
    keeps(&omar, json!({ "name": "Pictures", "skillIds": [photoshop] })).await;
    keeps(&omar, json!({ "name": "Dear ones", "budgetAtLeast": { "amount": "61" } })).await;
    keeps(&omar, json!({ "name": "Fixed", "kind": "FIXED" })).await;
    keeps(&busy, json!({ "name": "Rust", "skillIds": [rust] })).await;
    let few_hours = json!({ "headline": "Rust engineer", "overview": "", "skills": [], "weeklyHours": 5 });
    busy.does("profileUpdate", few_hours, "profile { id }").await.ok();
    // Who works for the client needs no telling.
    keeps(&ada, json!({ "name": "Rust", "skillIds": [rust] })).await;

    let gig = publishes(&ada, json!({ "weeklyHours": 20 })).await;
    assert_eq!(told(&lin).await, [gig.as_str()]);
    for other in [&omar, &busy, &ada] {
        assert_eq!(told(other).await, Vec::<String>::new());
    }

    // Put before people again, it is no news; another one is.
    ada.does("gigCancel", json!({ "gigId": gig }), "gig { state }").await.ok();
    ada.does("gigReopen", json!({ "gigId": gig }), "gig { state }").await.ok();
    app.settles().await;
    assert_eq!(told(&lin).await, [gig.as_str()]);
    let other = publishes(&ada, json!({})).await;
    let mut both = told(&lin).await;
    both.sort();
    let mut expected = vec![gig, other.clone()];
    expected.sort();
    assert_eq!(both, expected);
    assert_eq!(told(&busy).await, [other.as_str()], "five hours are enough where none are asked for");

    // What is for invited people only is told to nobody.
    publishes(&ada, json!({ "visibility": "INVITE_ONLY" })).await;
    assert_eq!(told(&lin).await.len(), 2);
}

#[tokio::test]
async fn a_search_keeps_what_gigs_are_found_by() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let what = json!({ "budgetAtMost": { "amount": "40.00" }, "experience": "SENIOR", "country": "PK",
        "weeklyHoursAtMost": 20 });
    let fields = "savedSearch { budgetAtMost { amount } experience country weeklyHoursAtMost }";
    for (criterion, value) in what.as_object().unwrap() {
        let kept = lin.does("savedSearchCreate", json!({ "name": criterion, criterion: value }), fields).await;
        assert_eq!(kept.ok()["savedSearch"][criterion], *value, "{criterion}");
    }
    let mut all = json!({ "name": "All of it" });
    all.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let asked = async |more: Value| publishes(&ada, more).await;
    let eve = app.freelancer("eve").await;
    keeps(&eve, all).await;
    let fits = json!({ "experience": "SENIOR", "countries": ["PK"], "weeklyHours": 20 });
    let found = asked(fits.clone()).await;
    assert_eq!(told(&eve).await, [found.as_str()]);
    let others = [
        json!({ "budget": { "low": { "amount": "41" }, "high": { "amount": "60" } } }),
        json!({ "experience": "JUNIOR" }),
        json!({ "countries": ["DE"] }),
        json!({ "weeklyHours": 21 }),
    ];
    for other in others {
        let mut gig = fits.clone();
        gig.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        asked(gig).await;
        assert_eq!(told(&eve).await, [found.as_str()], "{other}");
    }
    let silent = asked(json!({})).await;
    let mut both = vec![found, silent];
    let mut eves = told(&eve).await;
    both.sort();
    eves.sort();
    assert_eq!(eves, both, "a gig that says nothing of it is found");

    let refused = async |input: Value| lin.does("savedSearchCreate", input, fields).await.faults();
    assert_eq!(refused(json!({ "name": "Odd", "country": "Pakistan" })).await, ["country: MALFORMED"]);
    assert_eq!(refused(json!({ "name": "Odd", "weeklyHoursAtMost": 0 })).await, ["weeklyHoursAtMost: OUT_OF_RANGE"]);
    let rupees = json!({ "name": "Odd", "budgetAtMost": { "amount": "5", "currency": "PKR" } });
    assert_eq!(refused(rupees).await, ["budgetAtMost.currency: UNKNOWN"]);
}

#[tokio::test]
async fn who_hides_or_has_no_profile_is_told_of_no_client_whom_a_block_keeps_them_from() {
    let app = TestApp::new().await;
    let (ada, bea) = (app.client("ada").await, app.client("bea").await);
    // So that they may know of her company; it was there before they keep a search.
    publishes(&ada, json!({})).await;
    let names = ["shown", "hidden", "profileless"];
    let mut people = Vec::new();
    for name in names {
        let person = app.freelancer(name).await;
        keeps(&person, json!({ "name": "Ledgers", "text": "ledger" })).await;
        if name != "profileless" {
            let visibility = if name == "hidden" { "HIDDEN" } else { "PUBLIC" };
            let input = json!({ "headline": "Rust engineer", "overview": "", "skills": [], "weeklyHours": 20,
                "visibility": visibility });
            person.does("profileUpdate", input, "profile { id }").await.ok();
        }
        people.push(person);
    }
    for person in &people {
        person.does("clientBlock", json!({ "clientId": ada.organization }), "blocked").await.ok();
    }
    publishes(&ada, json!({})).await;
    let gig = publishes(&bea, json!({ "weeklyHours": 20 })).await;
    for person in &people {
        assert_eq!(told(person).await, [gig.as_str()]);
    }
    // What keeps them from a gig keeps those from it, too, who hide.
    let long = publishes(&bea, json!({ "weeklyHours": 30 })).await;
    for (person, fits) in people.iter().zip([false, false, true]) {
        assert_eq!(told(person).await.contains(&long), fits);
    }
    // Whom a client has blocked is not told of its gigs either.
    for person in &people {
        person.does("clientUnblock", json!({ "clientId": ada.organization }), "blocked").await.ok();
        // She may not know of those who hide; what she set before they did stands.
        let block = "insert into blocks (client_id, freelancer_id, set_by, set_at) select o.id, u.id, 'client', now()
            from organizations o, users u where public_id('org', o.id) = $1 and public_id('usr', u.id) = $2";
        sqlx::query(block).bind(&ada.organization).bind(&person.id).execute(app.pool()).await.unwrap();
    }
    let blocked = publishes(&ada, json!({})).await;
    for person in &people {
        assert!(!told(person).await.contains(&blocked));
    }
}

#[tokio::test]
async fn a_gig_that_comes_before_freelancers_later_is_told_of_then() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = app.freelancer("lin").await;
    keeps(&lin, json!({ "name": "Ledgers", "text": "ledger" })).await;
    let settles = async || {
        app.settles().await;
        app.settles().await;
    };
    // For invited people only, then for everybody.
    let invited = publishes(&ada, json!({ "visibility": "INVITE_ONLY" })).await;
    assert_eq!(told(&lin).await, Vec::<String>::new());
    ada.does("gigUpdate", json!({ "gigId": invited, "visibility": "PUBLIC" }), "gig { id }").await.ok();
    settles().await;
    assert_eq!(told(&lin).await, [invited.as_str()]);
    // Told of what it is about only now; changed again, it is no news.
    let about = publishes(
        &ada,
        json!({ "title": "Something with numbers", "description": "What it is about you will see when it is told." }),
    )
    .await;
    let update = json!({ "gigId": about, "title": "A ledger with numbers" });
    ada.does("gigUpdate", update, "gig { id }").await.ok();
    settles().await;
    ada.does("gigUpdate", json!({ "gigId": about, "title": "A ledger of numbers" }), "gig { id }").await.ok();
    settles().await;
    assert_eq!(told(&lin).await.iter().filter(|gig| **gig == about).count(), 1);
    // Paused before anybody could be told, and resumed.
    let input = json!({ "clientId": ada.organization, "title": "Ledger for a cooperative",
        "description": "Double entry on PostgreSQL, tested.", "kind": "HOURLY",
        "budget": { "low": { "amount": "30" }, "high": { "amount": "60" } },
        "requiredSkills": [skill(&app, "rust").await] });
    let paused = ada.does("gigCreate", input, "gig { id }").await.text("gig.id");
    ada.does("gigPublish", json!({ "gigId": paused }), "gig { state }").await.ok();
    ada.does("gigPause", json!({ "gigId": paused }), "gig { state }").await.ok();
    settles().await;
    assert!(!told(&lin).await.contains(&paused));
    ada.does("gigResume", json!({ "gigId": paused }), "gig { state }").await.ok();
    settles().await;
    assert!(told(&lin).await.contains(&paused));
}

#[tokio::test]
async fn a_gig_is_tried_again_once_it_changed_in_what_decides_whom_it_is_told_to() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = app.freelancer("lin").await;
    let gig = publishes(&ada, json!({})).await;
    // Who keeps a search sees what it finds by then: it tells of what comes later.
    keeps(&lin, json!({ "name": "Ledgers", "text": "ledger" })).await;
    let does = async |act: &str, more: Value| {
        let mut input = json!({ "gigId": gig });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.does(act, input, "gig { id }").await.ok();
        app.settles().await;
        app.settles().await;
        told(&lin).await
    };
    let nobody: Vec<String> = Vec::new();
    assert_eq!(
        does("gigUpdate", json!({ "questions": [{ "text": "Since when?" }] })).await,
        nobody,
        "no search asks for that"
    );
    assert_eq!(does("gigPause", json!({})).await, nobody);
    assert_eq!(does("gigResume", json!({})).await, nobody, "all were told when it was published");
    assert_eq!(does("gigUpdate", json!({ "title": "Rust engineer for ledgers" })).await, [gig.as_str()]);
    assert_eq!(does("gigUpdate", json!({ "title": "Rust engineer for a ledger" })).await, [gig.as_str()], "once");
}

#[tokio::test]
async fn a_gig_that_is_edited_again_and_again_is_tried_as_it_looks_in_the_end() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let lin = app.freelancer("lin").await;
    keeps(&lin, json!({ "name": "Ledgers", "text": "ledger" })).await;
    let about = json!({ "title": "Numbers", "description": "What it is about you will see when it is told." });
    let gig = publishes(&ada, about).await;
    let edits = async |title: &str| {
        ada.does("gigUpdate", json!({ "gigId": gig, "title": title }), "gig { id }").await.ok();
        app.settles().await;
    };
    for nth in 1..6 {
        edits(&format!("Numbers {nth}")).await;
    }
    // Each of those had all searches tried; that is enough of them for an hour.
    for title in ["A ledger", "Numbers again", "A ledger again"] {
        edits(title).await;
    }
    let nobody: Vec<String> = Vec::new();
    assert_eq!(told(&lin).await, nobody);
    app.passes(chrono::TimeDelta::minutes(61)).await;
    assert_eq!(told(&lin).await, [gig.as_str()], "none of it is lost, and it is told once");
}

/// So many searches of somebody else's, that look for these words.
async fn made_up(app: &TestApp, of: &Person<'_>, many: i32, text: &str) {
    let user = of.id.parse::<domain::id::UserId>().unwrap();
    let criteria = json!({ "skills": [], "kind": null, "budget_at_least": null, "text": text });
    sqlx::query(
        "insert into saved_searches (id, user_id, name, criteria, created_at)
         select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, $1, 'Made up', $3, now()
         from generate_series(1, $2) n",
    )
    .bind(domain::id::Id::uuid(user))
    .bind(many)
    .bind(criteria)
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn a_thousand_searches_that_find_nothing_silence_nobody() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (lin, many) = (app.freelancer("lin").await, app.freelancer("many").await);
    let rust = skill(&app, "rust").await;
    keeps(&lin, json!({ "name": "Rust", "skillIds": [rust] })).await;
    let first = publishes(&ada, json!({})).await;
    assert_eq!(told(&lin).await, [first.as_str()]);
    // Others that nobody was ever told of, and that come before by their ids, too.
    made_up(&app, &many, 1_000, "cobol").await;
    let second = publishes(&ada, json!({})).await;
    assert!(told(&lin).await.contains(&second));
}

#[tokio::test]
async fn more_searches_than_are_tried_at_once_are_tried_in_turns() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let (lin, many) = (app.freelancer("lin").await, app.freelancer("many").await);
    keeps(&lin, json!({ "name": "Ledgers", "text": "ledger" })).await;
    made_up(&app, &many, 50_000, "cobol").await;
    let gig = publishes(&ada, json!({})).await;
    assert_eq!(told(&lin).await, Vec::<String>::new(), "that was all of one turn");
    app.passes(chrono::TimeDelta::minutes(1)).await;
    assert_eq!(told(&lin).await, [gig.as_str()], "it goes on where it was");
    let left = "select count(*) from saved_search_turns where tried_to is not null";
    let left: i64 = sqlx::query_scalar(left).fetch_one(app.pool()).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_a_search_asks_of_kind_and_budget_is_asked_of_the_database_as_it_is_kept() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let people = [
        (app.freelancer("lin").await, json!({ "name": "A", "kind": "FIXED" }), true),
        (app.freelancer("omar").await, json!({ "name": "B", "kind": "HOURLY" }), false),
        (app.freelancer("sana").await, json!({ "name": "C", "budgetAtLeast": { "amount": "2000" } }), true),
        (app.freelancer("bano").await, json!({ "name": "D", "budgetAtLeast": { "amount": "2000.01" } }), false),
    ];
    for (who, search, _) in &people {
        keeps(who, search.clone()).await;
    }
    let budget = json!({ "low": { "amount": "1000" }, "high": { "amount": "2000" } });
    let gig = publishes(&ada, json!({ "kind": "FIXED", "budget": budget })).await;
    for (who, search, finds) in &people {
        assert_eq!(told(who).await.contains(&gig), *finds, "{search}");
    }
}
