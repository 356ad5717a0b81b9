//! What may not be seen takes as much to be refused as what does not exist: nobody tells one from the other by the work it
//! makes.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tests::{Heard, Socket, Visitor, Wire};

use super::asked::{arguments, declared};
use super::states::InState;
use super::{Kinds, Types, Viewers, needs_arguments, text};

/// How often what is refused is asked for: others send statements in between now and then, and never fewer.
const TRIES: usize = 3;

/// An id of the same kind that nothing has.
fn made_up(id: &str) -> String {
    let (prefix, _) = id.split_once('_').unwrap_or_default();
    format!("{prefix}_00000000000000000000000000")
}

/// What is sent for a thing by its id, and whether somebody sees it.
async fn sent(who: &Visitor<'_>, id: &str) -> (Vec<String>, bool) {
    who.app.statements();
    let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
    (who.app.statements(), !reply.data()["node"].is_null())
}

/// For each thing of each kind that a visitor, a stranger or a rival does not see, as many statements as for one that was
/// made up; how many things of how many kinds that were.
pub async fn is_the_same(viewers: &Viewers<'_>, kinds: &Kinds, states: &[InState]) -> (usize, usize) {
    let states = states.iter().map(|state| (state.ty, &state.id));
    let things = kinds.iter().flat_map(|(ty, ids)| ids.iter().map(move |id| (ty.as_str(), id))).chain(states);
    let (mut cases, mut met) = (0, BTreeSet::new());
    for (ty, id) in things {
        let made_up = made_up(id);
        for (name, who) in &viewers[..3] {
            // Once before it counts, so that nothing is looked up for the first time.
            let (_, seen) = sent(who, &made_up).await;
            assert!(!seen, "{made_up} was made up");
            let ((there, seen), (nothing, _)) = (sent(who, id).await, sent(who, &made_up).await);
            if !seen {
                assert_eq!(there.len(), nothing.len(), "{ty} as {name}: {there:#?}, and for none {nothing:#?}");
                cases += 1;
                met.insert(ty);
            }
        }
    }
    (cases, met.len())
}

/// The same of what is asked for by a field of `Query` of its own; how many times one of them was refused.
pub async fn of_fields_is_the_same(types: &Types, viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> usize {
    let (mut cases, mut wrong) = (0, BTreeMap::new());
    for field in types.fields("Query").iter().filter(|field| needs_arguments(field)) {
        let name = text(&field["name"]);
        let (values, nothing) = arguments(&name, ids);
        // A match is looked for of a gig that is seen.
        let Some(nothing) = nothing.filter(|_| name != "explainMatch") else { continue };
        let (heads, uses) = declared(field, &values);
        let query = format!("query({heads}) {{ {name}({uses}) {{ __typename }} }}");
        for (viewer, who) in viewers {
            let (there, body) = least(who, &query, &values).await;
            let code = body["errors"][0]["extensions"]["code"].as_str();
            // Of what one sees, one may be told that one may not do it.
            if code == Some("NOT_ALLOWED") || !body["data"][&name].is_null() {
                continue;
            }
            let (not_there, _) = least(who, &query, &nothing).await;
            cases += 1;
            if there.len() != not_there.len() {
                wrong.insert(format!("{name} as {viewer}"), (there, not_there));
            }
        }
    }
    assert!(wrong.is_empty(), "what is there is told by what is sent for it, and what for none: {wrong:#?}");
    cases
}

/// Keep what was sent this time, if it is less than before.
fn keep_fewer(fewest: &mut Option<Vec<String>>, sent: Vec<String>) {
    if fewest.as_ref().is_none_or(|fewest| sent.len() < fewest.len()) {
        *fewest = Some(sent);
    }
}

/// The fewest statements that were sent for a query, and its answer.
async fn least(who: &Visitor<'_>, query: &str, values: &Value) -> (Vec<String>, Value) {
    let mut fewest: Option<Vec<String>> = None;
    let mut body = Value::Null;
    for _ in 0..TRIES {
        who.app.statements();
        body = who.asks(query, values.clone()).await.body;
        keep_fewer(&mut fewest, who.app.statements());
    }
    (fewest.unwrap_or_default(), body)
}

/// Papers: where they are fetched from, by what they are of, and what they end with.
const PAPERS: [(&str, &str, &str); 7] = [
    ("payouts", "payout", "json"),
    ("payments", "payment", "json"),
    ("refunds", "paymentRefund", "json"),
    ("contracts", "contract", "json"),
    ("compliance", "contract", "json"),
    ("wires", "wireBatches", "csv"),
    ("wires", "payout", "json"),
];

/// The same of papers, by their paths; how many times one of them was absent for somebody.
pub async fn of_papers_is_the_same(viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> usize {
    let (mut cases, mut wrong) = (0, BTreeMap::new());
    for (kind, of, ending) in PAPERS {
        let id = &ids[of];
        let path = |id: &str| format!("/papers/{kind}/{id}.{ending}");
        for (viewer, who) in viewers {
            let there = fetched(who, &path(id)).await;
            if ![StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED].contains(&there.0) {
                continue;
            }
            let not_there = fetched(who, &path(&made_up(id))).await;
            cases += 1;
            if (there.0, there.1.len()) != (not_there.0, not_there.1.len()) {
                wrong.insert(format!("{} as {viewer}", path(of)), (there, not_there));
            }
        }
    }
    assert!(wrong.is_empty(), "what is there is told by what is sent for it, and what for none: {wrong:#?}");
    cases
}

/// What is answered to who fetches a paper, and the fewest statements that were sent for it.
async fn fetched(who: &Visitor<'_>, path: &str) -> (StatusCode, Vec<String>) {
    let (mut status, mut fewest): (_, Option<Vec<String>>) = (StatusCode::OK, None);
    for _ in 0..TRIES {
        let mut request = Request::get(path);
        if let Some(token) = &who.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        who.app.statements();
        status = who.app.send(request.body(Body::empty()).unwrap()).await.status();
        keep_fewer(&mut fewest, who.app.statements());
    }
    (status, fewest.unwrap_or_default())
}

/// What is followed: by which field of `Subscription`, the name of its argument, and of what.
const FOLLOWED: [(&str, &str, &str); 2] =
    [("contractEvents", "contractId", "contract"), ("messageReceived", "conversationId", "conversation")];

/// The same of what a visitor, a stranger or a rival would follow; how many times one of them was refused.
pub async fn of_what_is_followed_is_the_same(
    viewers: &Viewers<'_>,
    ids: &BTreeMap<String, String>,
    wire: &Wire,
) -> usize {
    let mut cases = 0;
    for (field, argument, of) in FOLLOWED {
        let query = format!("subscription($id: ID!) {{ {field}({argument}: $id) {{ __typename }} }}");
        let id = &ids[of];
        for (viewer, who) in &viewers[..3] {
            let mut socket = wire.socket(who).await;
            let (there, heard) = refused(&mut socket, who, &query, id).await;
            let (not_there, nothing) = refused(&mut socket, who, &query, &made_up(id)).await;
            assert_eq!(heard, nothing, "{field} as {viewer}");
            assert_eq!(there.len(), not_there.len(), "{field} as {viewer}: {there:#?}, and for none {not_there:#?}");
            cases += 1;
        }
    }
    cases
}

/// The fewest statements that were sent until somebody was told that they may not follow something, and how they were.
async fn refused(socket: &mut Socket, who: &Visitor<'_>, query: &str, id: &str) -> (Vec<String>, Heard) {
    let (mut told, mut fewest): (_, Option<Vec<String>>) = (Heard::Complete, None);
    for n in 0..TRIES {
        who.app.statements();
        socket.subscribe(&format!("{id} {n}"), query, json!({ "id": id })).await;
        // The end of the one before comes first.
        told = loop {
            match socket.hears().await {
                Heard::Complete => {}
                heard => break heard,
            }
        };
        keep_fewer(&mut fewest, who.app.statements());
    }
    assert!(matches!(told, Heard::Failed(_)), "{query} of {id}: {told:?}");
    (fewest.unwrap_or_default(), told)
}
