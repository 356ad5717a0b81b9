//! Clients' gigs, as those who post and those who look for them meet them.

use std::collections::BTreeSet;

use domain::id::GigId;
use domain::matching::taxonomy::Taxonomy;
use infra::Call;
use serde_json::{Value, json};
use tests::crowd::{Outcomes, crowd};
use tests::people::Person;
use tests::{TestApp, Visitor};

use crate::notification::told;
use crate::proposal::{bid, state};

const GIG: &str = "gig { id title state version questions { id } allowed }";

fn draft(client: &Person<'_>, more: Value) -> Value {
    let rust = Taxonomy::shipped().find_slug("rust").unwrap().id;
    let mut input = json!({
        "clientId": client.organization,
        "title": "A ledger in Rust",
        "description": "Build a ledger that auditors like, with tests and a runbook.",
        "kind": "FIXED",
        "budget": { "low": { "amount": "1000" }, "high": { "amount": "2000" } },
        "requiredSkills": [rust.to_string()],
        "questions": [{ "text": "How many ledgers did you build?" }],
    });
    for (field, value) in more.as_object().unwrap() {
        input[field] = value.clone();
    }
    input
}

/// A gig of this client that takes proposals, with `more` of the input of `gigCreate`.
pub async fn open_gig(client: &Person<'_>, more: Value) -> Value {
    let id = client.does("gigCreate", draft(client, more), GIG).await.text("gig.id");
    client.does("gigPublish", json!({ "gigId": id }), GIG).await.ok()["gig"].clone()
}

/// A draft of a gig of this client.
pub async fn draft_gig(client: &Person<'_>) -> Value {
    client.does("gigCreate", draft(client, json!({})), GIG).await.ok()["gig"].clone()
}

#[tokio::test]
async fn gig_create_asks_a_visitor_to_sign_in() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let reply = app.visitor().does("gigCreate", draft(&ada, json!({})), GIG).await;
    assert_eq!(reply.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn gig_lives_from_draft_to_reopened() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = ada.does("gigCreate", draft(&ada, json!({})), GIG).await.ok()["gig"].clone();
    let id = json!({ "gigId": gig["id"] });
    let look = "query($gigId: ID!) { gig(id: $gigId) { state } }";

    assert_eq!(lin.asks(look, id.clone()).await.data()["gig"], Value::Null);
    assert_eq!(lin.does("gigPublish", id.clone(), GIG).await.refused(), ["NOT_FOUND"]);
    assert_eq!(ada.does("gigPublish", id.clone(), GIG).await.text("gig.state"), "OPEN");
    assert_eq!(lin.asks(look, id.clone()).await.data()["gig"]["state"], "OPEN");
    assert_eq!(lin.does("gigPause", id.clone(), GIG).await.refused(), ["NOT_ALLOWED"]);

    let stale = json!({ "gigId": gig["id"], "title": "Two ledgers in Rust", "expectedVersion": 1 });
    assert_eq!(ada.does("gigUpdate", stale, GIG).await.refused(), ["STALE_VERSION"]);
    let update = json!({ "gigId": gig["id"], "title": "Two ledgers in Rust", "expectedVersion": 2 });
    assert_eq!(ada.does("gigUpdate", update, GIG).await.text("gig.title"), "Two ledgers in Rust");

    assert_eq!(ada.does("gigPause", id.clone(), GIG).await.text("gig.state"), "PAUSED");
    assert_eq!(ada.does("gigResume", id.clone(), GIG).await.text("gig.state"), "OPEN");
    app.passes(chrono::TimeDelta::days(31)).await;
    assert_eq!(ada.asks(look, id.clone()).await.data()["gig"]["state"], "EXPIRED");
    assert_eq!(ada.does("gigCancel", id.clone(), GIG).await.refused(), ["WRONG_STATE"]);
    assert_eq!(ada.does("gigReopen", id.clone(), GIG).await.text("gig.state"), "OPEN");
    assert_eq!(ada.does("gigCancel", id, GIG).await.text("gig.state"), "CANCELLED");
}

#[tokio::test]
async fn a_gig_whose_offer_came_to_nothing_has_thirty_days_from_then_on() {
    for ends in ["nobody paid", "the client takes it back"] {
        let app = TestApp::new().await;
        let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
        let gig = open_gig(&ada, json!({})).await;
        let proposal = lin.does("proposalSubmit", bid(&gig), "proposal { id }").await.text("proposal.id");
        app.passes(chrono::TimeDelta::days(26)).await;
        let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
        let unpaid = json!({ "proposalId": proposal, "title": "The ledger", "milestones": milestones });
        let unpaid = ada.does("offerCreate", unpaid, "offer { id status }").await;
        assert_eq!(unpaid.text("offer.status"), "PENDING_FUNDING");
        if ends == "nobody paid" {
            app.passes(chrono::TimeDelta::days(8)).await;
        } else {
            app.passes(chrono::TimeDelta::days(6)).await;
            let back = json!({ "offerId": unpaid.text("offer.id") });
            ada.does("offerWithdraw", back, "offer { status }").await.ok();
        }
        let look = "query($id: ID!) { gig(id: $id) { state expiresAt } }";
        let seen = async || ada.asks(look, json!({ "id": gig["id"] })).await.data()["gig"].clone();
        let open = seen().await;
        assert_eq!(open["state"], "OPEN", "{ends}");
        let until: chrono::DateTime<chrono::Utc> = open["expiresAt"].as_str().unwrap().parse().unwrap();
        let left = (until - app.market.clock().now()).num_days();
        assert!((28..=30).contains(&left), "{ends}: {left} days");
        // It is kept: the day before it is open, and the day after it is not.
        app.passes(chrono::TimeDelta::days(left - 1)).await;
        assert_eq!(seen().await["state"], "OPEN", "{ends}");
        app.passes(chrono::TimeDelta::days(3)).await;
        assert_eq!(seen().await["state"], "EXPIRED", "{ends}");
    }
}

#[tokio::test]
async fn a_gig_without_activity_is_warned_of_and_expires_though_an_offer_lies_about_as_a_draft() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    let gig = open_gig(&ada, json!({})).await;
    let proposal = lin.does("proposalSubmit", bid(&gig), "proposal { id }").await.text("proposal.id");
    app.passes(chrono::TimeDelta::days(10)).await;
    let milestones = json!([{ "title": "All of it", "amount": { "amount": "900.00" } }]);
    let draft = json!({ "proposalId": proposal, "title": "The ledger", "milestones": milestones, "draft": true });
    let draft = ada.does("offerCreate", draft, "offer { id }").await.text("offer.id");

    let look = "query($id: ID!) { gig(id: $id) { state expiresAt } }";
    let seen = async |who: &Person<'_>| who.asks(look, json!({ "id": gig["id"] })).await.data()["gig"].clone();
    let until: chrono::DateTime<chrono::Utc> = seen(&ada).await["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!((until - app.market.clock().now() - chrono::TimeDelta::days(30)).num_seconds(), 0);
    assert_eq!(seen(&lin).await, json!({ "state": "OPEN", "expiresAt": null }), "it is its client's business");

    let warned = async || told(&ada).await.iter().filter(|(kind, _)| kind == "GIG_EXPIRING").count();
    app.passes(chrono::TimeDelta::days(24)).await;
    assert_eq!(warned().await, 0, "the draft was the last that was done");
    app.passes(chrono::TimeDelta::days(1)).await;
    assert_eq!(warned().await, 1, "on the twenty-fifth day");
    app.passes(chrono::TimeDelta::days(5)).await;
    assert_eq!(seen(&ada).await, json!({ "state": "EXPIRED", "expiresAt": null }));
    assert_eq!(state(&lin, &proposal).await, "EXPIRED");
    let late = ada.does("offerSend", json!({ "offerId": draft }), "offer { status }").await;
    assert_eq!(late.refused(), ["WRONG_STATE"]);
}

#[tokio::test]
async fn gigs_are_found_by_what_they_say() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.client("eve").await);
    open_gig(&ada, json!({})).await;
    // Newest first: the second one is newer.
    app.market.clock().advance(chrono::TimeDelta::seconds(1));
    let hourly = json!({ "title": "Paint a mural", "kind": "HOURLY",
        "budget": { "low": { "amount": "20" }, "high": { "amount": "40" } } });
    open_gig(&eve, hourly).await;

    let titles = async |filter: Value| {
        let query = "query($filter: GigFilterInput) { gigs(filter: $filter) { edges { node { title } } } }";
        let reply = app.visitor().asks(query, json!({ "filter": filter })).await;
        let edges = reply.data()["gigs"]["edges"].as_array().unwrap().clone();
        edges.iter().map(|edge| edge["node"]["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rust = Taxonomy::shipped().find_slug("rust").unwrap().id.to_string();
    let kotlin = Taxonomy::shipped().find_slug("kotlin").unwrap().id.to_string();
    assert_eq!(titles(json!({})).await, ["Paint a mural", "A ledger in Rust"]);
    assert_eq!(titles(json!({ "text": "ledg" })).await, ["Paint a mural", "A ledger in Rust"]);
    assert_eq!(titles(json!({ "text": "mur" })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "text": "sculpture" })).await, [""; 0]);
    assert_eq!(titles(json!({ "kind": "FIXED" })).await, ["A ledger in Rust"]);
    assert_eq!(titles(json!({ "client": eve.organization })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "budgetAtLeast": { "amount": "1500" } })).await, ["A ledger in Rust"]);
    assert_eq!(titles(json!({ "budgetAtMost": { "amount": "100" } })).await, ["Paint a mural"]);
    assert_eq!(titles(json!({ "skills": [rust] })).await.len(), 2);
    assert_eq!(titles(json!({ "skills": [kotlin] })).await, [""; 0]);
    assert_eq!(titles(json!({ "states": ["DRAFT"] })).await, [""; 0]);

    app.market.clock().advance(chrono::TimeDelta::hours(1));
    let since = app.market.clock().now();
    let picky =
        json!({ "title": "Part of a week", "experience": "SENIOR", "weeklyHours": 20, "countries": ["DE", "PK"] });
    open_gig(&eve, picky).await;
    let (unsaid, all) =
        (["Paint a mural", "A ledger in Rust"], ["Part of a week", "Paint a mural", "A ledger in Rust"]);
    assert_eq!(titles(json!({ "publishedSince": since })).await, ["Part of a week"]);
    assert_eq!(titles(json!({ "experience": "SENIOR" })).await, all);
    assert_eq!(titles(json!({ "experience": "JUNIOR" })).await, unsaid, "what does not say is for all");
    assert_eq!(titles(json!({ "country": "PK" })).await, all);
    assert_eq!(titles(json!({ "country": "US" })).await, unsaid);
    assert_eq!(titles(json!({ "weeklyHoursAtMost": 20 })).await, all);
    assert_eq!(titles(json!({ "weeklyHoursAtMost": 19 })).await, unsaid);
    let rupees = json!({ "budgetAtLeast": { "amount": "5", "currency": "PKR" } });
    for (wrong, code) in [(rupees, "CURRENCY"), (json!({ "country": "pk" }), "MALFORMED")] {
        let query = "query($f: GigFilterInput) { gigs(filter: $f) { nodes { id } } }";
        let refused = app.visitor().asks(query, json!({ "f": wrong })).await;
        assert_eq!(refused.failed(), ["BAD_USER_INPUT"], "{wrong}");
        assert_eq!(refused.body["errors"][0]["extensions"]["fields"][0]["code"], code, "{wrong}");
    }
}

async fn page(app: &TestApp, arguments: &str) -> (Vec<String>, Value) {
    let query = format!(
        "{{ gigs({arguments}) {{ edges {{ node {{ id }} }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
    );
    let visitor: Visitor<'_> = app.visitor();
    let reply = visitor.asks(&query, json!({})).await;
    let gigs = &reply.data()["gigs"];
    let ids = gigs["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned());
    (ids.collect(), gigs["pageInfo"].clone())
}

#[tokio::test]
async fn gigs_page_forward_and_back_while_others_are_posted() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let mut posted = Vec::new();
    for n in 0..250 {
        // Some share an instant, so that the id has to break the tie.
        app.market.clock().advance(chrono::TimeDelta::milliseconds(n % 3));
        posted.push(open_gig(&ada, json!({})).await["id"].as_str().unwrap().to_owned());
    }

    let (mut forward, mut info) = page(&app, "first: 30").await;
    while info["hasNextPage"] == true {
        app.market.clock().advance(chrono::TimeDelta::milliseconds(1));
        open_gig(&ada, json!({})).await;
        let (ids, next) = page(&app, &format!("first: 30, after: {}", info["endCursor"])).await;
        forward.extend(ids);
        info = next;
    }
    let mut sorted = forward.clone();
    sorted.sort();
    let mut expected = posted.clone();
    expected.sort();
    assert_eq!(sorted, expected, "each once, none lost");

    let (mut back, mut info) = page(&app, "last: 40").await;
    while info["hasPreviousPage"] == true {
        let (ids, previous) = page(&app, &format!("last: 40, before: {}", info["startCursor"])).await;
        back.splice(0..0, ids);
        info = previous;
    }
    assert!(back.ends_with(&forward), "the same order from the other end");
}

/// The titles of a list of gigs.
async fn titles(who: &Visitor<'_>, arguments: &str) -> Vec<String> {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let reply = who.asks(&format!("{{ gigs{arguments} {{ nodes {{ title }} }} }}"), json!({})).await;
    let nodes = reply.data()["gigs"]["nodes"].as_array().cloned().unwrap_or_default();
    nodes.iter().map(|node| node["title"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Somebody who holds one skill, by the taxonomy's name for it.
async fn holder<'a>(app: &'a TestApp, name: &str, slug: &str) -> Person<'a> {
    let person = app.freelancer(name).await;
    let skill = Taxonomy::shipped().find_slug(slug).unwrap().id.to_string();
    let skills = json!([{ "skillId": skill, "level": "EXPERT", "years": 6 }]);
    let input = json!({ "headline": "Builds things", "overview": "", "skills": skills });
    person.does("profileUpdate", input, "profile { id }").await.ok();
    person
}

#[tokio::test]
async fn gigs_come_newest_first_or_best_match_first() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let skill = |slug: &str| json!([Taxonomy::shipped().find_slug(slug).unwrap().id.to_string()]);
    for (title, slug) in [("A ledger in Rust", "rust"), ("A shop in PHP", "php"), ("A logo, drawn", "illustration")] {
        app.market.clock().advance(chrono::TimeDelta::seconds(1));
        open_gig(&ada, json!({ "title": title, "requiredSkills": skill(slug) })).await;
    }
    let (lin, omar) = (holder(&app, "lin", "rust").await, holder(&app, "omar", "php").await);
    let newest = ["A logo, drawn", "A shop in PHP", "A ledger in Rust"];
    assert_eq!(titles(&app.visitor(), "").await, newest);
    assert_eq!(titles(&lin.visitor().await, "orderBy: NEWEST").await, newest);
    assert_eq!(titles(&lin.visitor().await, "orderBy: BEST_MATCH").await[0], "A ledger in Rust");
    assert_eq!(titles(&omar.visitor().await, "orderBy: BEST_MATCH").await[0], "A shop in PHP");
    assert_eq!(titles(&lin.visitor().await, "orderBy: BEST_MATCH").await.len(), 3, "what does not match comes last");
    let new_here = app.freelancer("noor").await;
    assert_eq!(titles(&new_here.visitor().await, "orderBy: BEST_MATCH").await, newest, "nothing is known of her");
    let visitor = app.visitor().asks("{ gigs(orderBy: BEST_MATCH) { nodes { id } } }", json!({})).await;
    assert_eq!(visitor.failed(), ["UNAUTHENTICATED"]);
    let both = "orderBy: BEST_MATCH, filter: { text: \"shop\", kind: FIXED, budgetAtLeast: { amount: \"1500\" } }";
    assert_eq!(titles(&lin.visitor().await, both).await, ["A shop in PHP"], "filters hold in every order");
}

#[tokio::test]
async fn organization_gigs_are_all_of_them_for_members_and_the_open_ones_for_others() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    open_gig(&ada, json!({ "title": "An open gig" })).await;
    open_gig(&ada, json!({ "title": "A quiet gig", "visibility": "INVITE_ONLY" })).await;
    app.market.clock().advance(chrono::TimeDelta::seconds(1));
    ada.does("gigCreate", draft(&ada, json!({ "title": "A drafted gig" })), GIG).await.ok();
    let query = "query($id: ID!, $states: [GigState!]) { node(id: $id) { ... on Organization { gigs(states: $states) { nodes { title } } } } }";
    let count = |reply: &tests::Reply| reply.data()["node"]["gigs"]["nodes"].as_array().map(Vec::len);
    let all = ada.asks(query, json!({ "id": ada.organization })).await;
    assert_eq!(count(&all), Some(3));
    assert_eq!(all.data()["node"]["gigs"]["nodes"][0]["title"], "A drafted gig");
    let drafts = json!({ "id": ada.organization, "states": ["DRAFT"] });
    assert_eq!(count(&ada.asks(query, drafts.clone()).await), Some(1));
    assert!(lin.asks(query, drafts).await.data()["node"].is_null(), "a stranger meets it by what it shows");
    let shown =
        "{ gigs { nodes { client { gigs { nodes { title } } drafts: gigs(states: [DRAFT]) { nodes { title } } } } } }";
    let seen = lin.asks(shown, json!({})).await;
    let client = &seen.data()["gigs"]["nodes"][0]["client"];
    assert_eq!(client["gigs"]["nodes"], json!([{ "title": "An open gig" }]));
    assert_eq!(client["drafts"]["nodes"], json!([]));
}

#[tokio::test]
async fn proposals_of_a_gig_come_newest_first_or_best_fit_first() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let gig = open_gig(&ada, json!({})).await;
    let (lin, omar) = (holder(&app, "lin", "rust").await, holder(&app, "omar", "php").await);
    for person in [&lin, &omar] {
        app.market.clock().advance(chrono::TimeDelta::seconds(1));
        let bid = json!({
            "gigId": gig["id"], "coverLetter": "I built two ledgers that auditors liked.",
            "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
            "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two of them." }],
        });
        person.does("proposalSubmit", bid, "proposal { id }").await.ok();
    }
    let fits = "query($id: ID!) { gig(id: $id) { proposals(orderBy: FIT) { nodes { fit } } viewerProposal { fit } } }";
    let seen = ada.asks(fits, json!({ "id": gig["id"] })).await;
    let fit = |place: usize| seen.data()["gig"]["proposals"]["nodes"][place]["fit"].as_f64().unwrap();
    assert!(1.0 > fit(0) && fit(0) > fit(1) && fit(1) > 0.0, "{:#}", seen.body);
    let own = lin.asks(fits, json!({ "id": gig["id"] })).await;
    assert!(own.data()["gig"]["viewerProposal"]["fit"].is_null(), "it is the client's to know");
    let query = "query($id: ID!, $order: ProposalOrder!, $after: String) { gig(id: $id) {
        proposals(orderBy: $order, first: 1, after: $after) { edges { cursor node { freelancer { id } } } } } }";
    for (order, people) in [("NEWEST", [&omar, &lin]), ("FIT", [&lin, &omar])] {
        let mut after = Value::Null;
        for person in people {
            let page = ada.asks(query, json!({ "id": gig["id"], "order": order, "after": after })).await;
            let edge = page.data()["gig"]["proposals"]["edges"][0].clone();
            assert_eq!(edge["node"]["freelancer"]["id"], json!(person.id), "{order}");
            after = edge["cursor"].clone();
        }
        let page = ada.asks(query, json!({ "id": gig["id"], "order": order, "after": after })).await;
        assert_eq!(page.data()["gig"]["proposals"]["edges"], json!([]), "{order}");
        let hidden = lin.asks(query, json!({ "id": gig["id"], "order": order })).await;
        assert_eq!(hidden.data()["gig"]["proposals"]["edges"], json!([]), "{order}");
    }
}

#[tokio::test]
async fn proposals_that_say_the_same_are_grouped_as_they_stand_now() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let gig = open_gig(&ada, json!({})).await;
    let bid = |letter: &str| {
        json!({
            "gigId": gig["id"], "coverLetter": letter,
            "milestones": [{ "title": "The ledger", "amount": { "amount": "1500.00" } }],
            "answers": [{ "questionId": gig["questions"][0]["id"], "text": "Two of them." }],
        })
    };
    let same = "I built two ledgers that auditors liked, and wrote down how.";
    let people = [app.freelancer("lin").await, app.freelancer("omar").await, app.freelancer("noor").await];
    let mut proposals = Vec::new();
    for person in &people {
        app.market.clock().advance(chrono::TimeDelta::seconds(1));
        let submitted = person.does("proposalSubmit", bid(same), "proposal { id }").await;
        proposals.push(submitted.text("proposal.id"));
    }
    let query = "query($id: ID!) { gig(id: $id) { proposalsAlike { proposals { id } }
        proposals(collapseAlike: true) { nodes { id } } } }";
    let alike = async || {
        let reply = ada.asks(query, json!({ "id": gig["id"] })).await;
        let ids = |nodes: &Value| -> Vec<String> {
            nodes.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
        };
        let gig = &reply.data()["gig"];
        let groups: Vec<Vec<String>> =
            gig["proposalsAlike"].as_array().unwrap().iter().map(|group| ids(&group["proposals"])).collect();
        (groups, ids(&gig["proposals"]["nodes"]))
    };
    assert_eq!(alike().await, (vec![proposals.clone()], vec![proposals[0].clone()]));
    // What is written anew counts at once, though no time has passed.
    let mut other = bid("Payments are what I do: here is how I would begin with yours.");
    other["proposalId"] = json!(proposals[1]);
    other.as_object_mut().unwrap().remove("gigId");
    people[1].does("proposalRevise", other, "proposal { id }").await.ok();
    let two = vec![proposals[0].clone(), proposals[2].clone()];
    assert_eq!(alike().await, (vec![two], vec![proposals[1].clone(), proposals[0].clone()]));
    people[2].does("proposalWithdraw", json!({ "proposalId": proposals[2] }), "proposal { id }").await.ok();
    assert_eq!(alike().await.0, Vec::<Vec<String>>::new());
    let hidden = people[0].asks(query, json!({ "id": gig["id"] })).await;
    assert_eq!(hidden.data()["gig"]["proposalsAlike"], json!([]));
}

#[tokio::test]
async fn an_organization_keeps_so_many_drafts() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let another = async || ada.does_once("gigCreate", draft(&ada, json!({})), "gig { id }").await;
    another().await.ok();
    let mut connection = app.pool().acquire().await.unwrap();
    let columns: Vec<String> = sqlx::query_scalar(
        "select quote_ident(column_name) from information_schema.columns
         where table_name = 'gigs' and table_schema = 'public' and is_generated = 'NEVER' and column_name <> 'id'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let columns = columns.join(", ");
    let copy = format!(
        "insert into gigs (id, {columns}) select gen_random_uuid(), {columns} from gigs, generate_series(1, 198)"
    );
    sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut *connection).await.unwrap();
    // There is room for one, however many ask at once.
    Outcomes::of(&crowd(async |_| another().await).await).are(1, &["TOO_MANY_DRAFTS"]);
    let reply = another().await;
    assert_eq!(reply.refused(), ["TOO_MANY_DRAFTS"]);
    assert_eq!(reply.data()["gigCreate"]["errors"][0]["__typename"], "LimitReachedError");
}

/// Somebody changes the filter of a list and goes on with the cursor they had.
#[tokio::test]
async fn a_cursor_of_one_filter_or_order_is_none_of_another() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.client("ada").await, app.freelancer("lin").await);
    for title in ["A ledger in Rust", "A ledger in Go", "A site"] {
        open_gig(&ada, json!({ "title": title })).await;
    }
    let query = "query($filter: GigFilterInput, $order: GigOrder!, $after: String) {
        gigs(first: 1, after: $after, filter: $filter, orderBy: $order) { nodes { title } pageInfo { endCursor } } }";
    let asks = async |text: Option<&str>, order: &str, after: Option<&str>| {
        let filter = text.map(|text| json!({ "text": text }));
        lin.asks(query, json!({ "filter": filter, "order": order, "after": after })).await
    };
    let end = async |text: Option<&str>, order: &str| asks(text, order, None).await.text("pageInfo.endCursor");
    let ways = [(None, "NEWEST"), (Some("ledger"), "NEWEST"), (Some("rust"), "NEWEST"), (Some("ledger"), "BEST_MATCH")];
    for from in ways {
        let cursor = end(from.0, from.1).await;
        for to in ways {
            let reply = asks(to.0, to.1, Some(&cursor)).await;
            if from == to {
                assert!(reply.data()["gigs"]["nodes"].is_array(), "{from:?}");
                continue;
            }
            assert_eq!(reply.failed(), ["BAD_USER_INPUT"], "{from:?} {to:?}");
            let fields = &reply.body["errors"][0]["extensions"]["fields"][0];
            assert_eq!(fields["code"], "OTHER_LIST", "{from:?} {to:?}: {:#}", reply.body);
        }
    }
    // One that says what it is of is that list's alone; one that says nothing is none.
    let reply = asks(None, "NEWEST", Some("e30")).await;
    assert_eq!(reply.body["errors"][0]["extensions"]["fields"][0]["code"], "MALFORMED", "{:#}", reply.body);
}

/// A list and an id are looked up by a rule in SQL; it is the one that the domain has for one gig.
#[tokio::test]
async fn gigs_that_are_read_are_those_that_the_rule_for_one_shows() {
    use domain::access::{Actor, MemberRole, Person as Caller, Staff};
    let app = TestApp::new().await;
    let (ada, lin, eve) = (app.client("ada").await, app.freelancer("lin").await, app.freelancer("eve").await);
    let (draft, open) = (draft_gig(&ada).await, open_gig(&ada, json!({})).await);
    let invites = open_gig(&ada, json!({ "visibility": "INVITE_ONLY" })).await;
    ada.does(
        "invitationSend",
        json!({ "gigId": invites["id"], "freelancerId": lin.id, "message": "Come." }),
        "invitation { id }",
    )
    .await
    .ok();
    let paused = open_gig(&ada, json!({})).await;
    ada.does("gigPause", json!({ "gigId": paused["id"] }), GIG).await.ok();
    let ids: Vec<GigId> =
        [&draft, &open, &invites, &paused].map(|gig| gig["id"].as_str().unwrap().parse().unwrap()).into();
    let whole = app.market.gigs_by_id(&Call::system("test"), &ids).await.unwrap();
    assert_eq!(whole.len(), ids.len());
    let mut shown = Vec::new();
    for (who, is_member) in [(&ada, true), (&lin, false), (&eve, false)] {
        for suspended in [false, true] {
            for (staff, second_factor) in
                [(None, true), (Some(Staff::Admin), true), (Some(Staff::Admin), false), (Some(Staff::Mediator), true)]
            {
                let memberships =
                    if is_member { vec![(ada.organization.parse().unwrap(), MemberRole::Viewer)] } else { Vec::new() };
                let user = who.id.parse().unwrap();
                let actor = Actor::Person(Caller { user, suspended, second_factor, staff, memberships });
                shown.push((actor, who.id == lin.id));
            }
        }
    }
    shown.push((Actor::Nobody, false));
    for (actor, is_invited) in shown {
        let call = Call { actor, ..Call::system("test") };
        let told = |gig: &domain::gig::Gig| {
            gig.visible_to(&call.actor, is_invited && gig.id == ids[2]).then(|| gig.id.to_string())
        };
        let right: BTreeSet<String> = whole.iter().filter_map(told).collect();
        let read = |gigs: Vec<domain::gig::Gig>| gigs.iter().map(|gig| gig.id.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(read(app.market.gigs_by_id(&call, &ids).await.unwrap()), right, "{call:?}");
        let mut alone = Vec::new();
        for id in &ids {
            alone.extend(app.market.gig_find(&call, *id).await.unwrap());
        }
        assert_eq!(read(alone), right, "one by one: {call:?}");
    }
}

/// What is not there is answered like what is there and not theirs, whoever asks.
#[tokio::test]
async fn somebody_suspended_is_told_that_of_a_gig_that_is_there_and_of_one_that_is_not() {
    use domain::access::{Actor, Denied, Person as Caller};
    use domain::refusal::Refusal;
    let app = TestApp::new().await;
    let (ada, eve) = (app.client("ada").await, app.person("eve").await);
    let there: GigId = draft_gig(&ada).await["id"].as_str().unwrap().parse().unwrap();
    let made_up: GigId = "gig_00000000000000000000000000".parse().unwrap();
    for (suspended, answer) in [(true, Denied::Suspended), (false, Denied::Hidden)] {
        let user = eve.id.parse().unwrap();
        let actor = Actor::Person(Caller { user, suspended, second_factor: false, staff: None, memberships: vec![] });
        let call = Call { actor, ..Call::system("test") };
        for id in [there, made_up] {
            let refused = app.market.gig_pause(&call, id).await;
            let reason = match refused {
                Err(infra::Failure::Refused(Refusal::Denied { reason })) => reason,
                other => panic!("{other:?}"),
            };
            assert_eq!(reason, answer, "{id}");
        }
    }
}
