//! What each operation of the journey takes, of the explorer's examples, and of the pages that are
//! looked at most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use api::demo::{Door, Journey, play};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use serde_json::{Value, json};
use tests::{TestApp, Visitor};

use crate::explorer::{examples, filled};

/// The operations by their root fields, with how many statements they took.
type Tally = Arc<Mutex<BTreeMap<String, BTreeSet<usize>>>>;

/// The fields an operation starts from; of `viewer` and `node`, those below it.
fn label(query: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    let (mut depth, mut parens, mut word, mut parent) = (0, 0, String::new(), String::new());
    for letter in query.chars() {
        if letter.is_alphanumeric() || letter == '_' || letter == '.' {
            word.push(letter);
            continue;
        }
        let is_inner = depth == 2 && ["viewer", "node"].contains(&parent.as_str());
        if parens == 0 && !word.is_empty() && (depth == 1 || is_inner) && !["on", "..."].contains(&word.as_str()) {
            if depth == 1 {
                parent.clone_from(&word);
                names.push(word.clone());
            } else {
                names.push(format!("{parent}.{word}"));
            }
        }
        word.clear();
        match letter {
            '{' if parens == 0 => depth += 1,
            '}' if parens == 0 => depth -= 1,
            '(' => parens += 1,
            ')' => parens -= 1,
            _ => {}
        }
    }
    names.retain(|name| name != "viewer" || !query.contains("viewer {"));
    names.dedup();
    names.join(" ")
}

/// Play the journey, one thing after the other: the worker does what is due between two requests.
async fn play_in_turn(app: &TestApp, alone: &TestApp, tally: &Tally) -> Journey {
    let (market, tally) = (app.market.clone(), Arc::clone(tally));
    let statements = alone.counter();
    let router = alone.router().layer(from_fn(move |request: Request, next: Next| {
        let (market, tally, statements) = (market.clone(), Arc::clone(&tally), statements.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let query: Value = serde_json::from_slice(&body).unwrap();
            statements.take();
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            let taken = statements.take().len();
            let label = label(query["query"].as_str().unwrap_or_default());
            // Of letting time pass, most is what the worker does.
            if label != "sandboxTimePass" {
                tally.lock().unwrap().entry(label).or_default().insert(taken);
            }
            market.work_until_idle().await.unwrap();
            response
        }
    }));
    play(&Door::Here(router), &mut |_| ()).await.unwrap_or_else(|stumble| panic!("the journey stumbled: {stumble}"))
}

/// The pages that are looked at most, with the size of their lists as `$n`.
const PAGES: &[(&str, &str)] = &[
    (
        "gig page: the newest proposals, each with its freelancer and skills",
        "query($gig: ID!, $n: Int!) { gig(id: $gig) { id title description state budget { low { amount } high { amount } }
            skills { name required } client { id name }
            proposals(first: $n) { nodes { id state coverLetter price { milestones { title amount { amount } } }
                freelancer { id name profile { headline hourlyRate { amount } skills { skill { name } level years } } } }
                pageInfo { hasNextPage endCursor } } } }",
    ),
    (
        "browse: open gigs that ask for a skill, each with its client",
        "query($skill: ID!, $n: Int!) { gigs(first: $n, filter: { skills: [$skill] }) { nodes { id title publishedAt
            budget { low { amount } high { amount } } client { id name } } pageInfo { hasNextPage endCursor } } }",
    ),
    (
        "my page: my profile, my contracts with their milestones",
        "query($n: Int!) { viewer { user { id name profile { headline hourlyRate { amount } skills { skill { name } level } } }
            contracts(first: $n) { nodes { id title status milestones(first: 10) { nodes { id title status amount { amount } } } } } } }",
    ),
];

/// The lines of the table.
pub async fn table() -> String {
    let app = TestApp::new().await;
    let alone = app.in_single_file().await;
    let tally = Tally::default();
    let journey = play_in_turn(&app, &alone, &tally).await;
    let (client, freelancer) = (alone.bearer(journey.client.token()), alone.bearer(journey.freelancer.token()));
    let mut ids = journey.ids.clone();

    let mut lines = String::from("\n# What the operations of the journey take, by the fields they start from.\n");
    for (label, taken) in tally.lock().unwrap().iter() {
        lines.push_str(&line(label, taken));
    }

    let (gig, more) = another_gig(&app, &client, &ids).await;
    app.settles().await;
    lines.push_str("\n# What the explorer's examples take, of those that do something once the journey is over.\n");
    let mut seen: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for example in examples(&app).await.iter().filter(|example| !example.contains("\nsubscription ")) {
        let query = example.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        if !query.trim_start().starts_with("query") {
            continue;
        }
        for who in [&client, &freelancer] {
            let query = filled(&query, &ids);
            let (reply, taken) = settled(who, &query, &json!({})).await;
            if reply["errors"].is_null() {
                seen.entry(label(&query)).or_default().insert(taken);
            }
        }
    }
    for (label, taken) in &seen {
        lines.push_str(&line(label, taken));
    }

    lines.push_str("\n# What the pages take that are looked at most: with lists of one, and of many.\n");
    ids.insert("gig".to_owned(), gig);
    for (name, query) in PAGES {
        let mut found = Vec::new();
        for n in [1, 20] {
            let who = if query.contains("viewer") { &freelancer } else { &client };
            let variables = |n: i32| {
                let all = json!({ "gig": ids["gig"], "skill": ids["skill"], "n": n });
                let wanted = all.as_object().unwrap().iter().filter(|(name, _)| query.contains(&format!("${name}")));
                Value::Object(wanted.map(|(name, value)| (name.clone(), value.clone())).collect())
            };
            let (reply, taken) = settled(who, query, &variables(n)).await;
            assert!(reply["errors"].is_null(), "{name}: {reply:#}");
            found.push((taken, longest(&reply)));
        }
        let [(one, _), (many, items)] = found[..] else { unreachable!("two sizes") };
        assert!(items >= 2 && one == many, "{name}: {found:?}");
        lines.push_str(&format!("{name:<72} {many:>3} for {items}\n"));
    }
    let bid = json!({ "input": {
        "gigId": more, "coverLetter": "I would do it with care, and in time, as the last one.",
        "milestones": [{ "title": "All of it", "amount": { "amount": "500.00" } }] } });
    let submit = "mutation($input: ProposalSubmitInput!) { proposalSubmit(input: $input) { proposal { id state } errors { message } } }";
    let (reply, taken) = counted(&freelancer, submit, bid).await;
    assert_eq!(reply["data"]["proposalSubmit"]["proposal"]["state"], "SUBMITTED", "{reply:#}");
    lines.push_str(&format!("{:<72} {taken:>3}\n", "submit a proposal"));
    lines
}

fn line(label: &str, taken: &BTreeSet<usize>) -> String {
    let taken: Vec<String> = taken.iter().map(usize::to_string).collect();
    format!("{label:<72} {}\n", taken.join(" or "))
}

/// The answer to an operation, and how many statements it took.
async fn counted(who: &Visitor<'_>, query: &str, variables: Value) -> (Value, usize) {
    who.app.statements();
    let reply = who.asks(query, variables).await;
    (reply.body, who.app.statements().len())
}

/// The same of a question that is asked more than once: at first something may be looked up for the first time, and what
/// waits for different things may go in two batches where one would do.
async fn settled(who: &Visitor<'_>, query: &str, variables: &Value) -> (Value, usize) {
    let (mut reply, mut least) = (Value::Null, usize::MAX);
    for _ in 0..8 {
        let taken;
        (reply, taken) = counted(who, query, variables.clone()).await;
        least = least.min(taken);
    }
    (reply, least)
}

/// How many items the longest list in an answer has.
fn longest(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len().max(items.iter().map(longest).max().unwrap_or(0)),
        Value::Object(fields) => fields.values().map(longest).max().unwrap_or(0),
        _ => 0,
    }
}

/// A gig with some proposals, and more work for the freelancer; and a gig without any.
async fn another_gig(app: &TestApp, client: &Visitor<'_>, ids: &BTreeMap<String, String>) -> (String, String) {
    let mut gigs = Vec::new();
    for n in 0..2 {
        let gig = json!({
            "clientId": ids["organization"], "title": format!("Another gig {n}"),
            "description": "Something to be done by somebody, soon.", "kind": "FIXED",
            "budget": { "low": { "amount": "100.00" }, "high": { "amount": "900.00" } }, "requiredSkills": [ids["skill"]]
        });
        let gig = client.does("gigCreate", gig, "gig { id }").await.text("gig.id");
        client.does("gigPublish", json!({ "gigId": gig }), "gig { id }").await.ok();
        gigs.push(gig);
    }
    for n in 0..3 {
        let person = app.person(&format!("bidder{n}")).await;
        let profile = json!({ "headline": "Builds things", "skills": [{ "skillId": ids["skill"], "level": "EXPERT", "years": 3 }] });
        person.does("profileUpdate", profile, "profile { id }").await.ok();
        let bid = json!({
            "gigId": gigs[0], "coverLetter": format!("I would do it like this, {n}: with care, and in time."),
            "milestones": [{ "title": "All of it", "amount": { "amount": "500.00" } }]
        });
        person.does("proposalSubmit", bid, "proposal { id }").await.ok();
    }
    (gigs[0].clone(), gigs[1].clone())
}
