//! What can't be asked without saying of what: fields with arguments that must be given, and what is followed. A field
//! that is added tomorrow fails here until it is said with what it is to be asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{Heard, Visitor, Wire};

use super::{Types, Viewers, is_there, named, needs_arguments, text};

/// With what a field of `Query` is asked, and with what of the kind that is not there.
pub fn arguments(field: &str, ids: &BTreeMap<String, String>) -> (Value, Option<Value>) {
    let id = |name: &str| ids.get(name).unwrap_or_else(|| panic!("{field}: there is no {name}")).clone();
    let nothing = |id: &str| format!("{}_00000000000000000000000000", id.split('_').next().unwrap_or_default());
    match field {
        "explainMatch" => {
            let (gig, freelancer) = (id("gig"), id("freelancerUser"));
            let made_up = json!({ "gigId": nothing(&gig), "freelancerId": freelancer });
            (json!({ "gigId": gig, "freelancerId": freelancer }), Some(made_up))
        }
        "blockedFreelancers" => {
            let client = id("organization");
            (json!({ "clientId": client }), Some(json!({ "clientId": nothing(&client) })))
        }
        "exposureReport" => (json!({ "from": "2026-06-01T00:00:00Z", "until": "2026-06-30T00:00:00Z" }), None),
        "feePreview" => (json!({ "amount": { "amount": "100.00" } }), None),
        "payeesByNumber" => (json!({ "number": "35202-1234567-1" }), None),
        "userByEmail" => (json!({ "email": "stranger@example.com" }), None),
        "skillSuggest" => (json!({ "text": "A ledger in Rust" }), None),
        "node" => (json!({ "id": id("proposal") }), Some(json!({ "id": nothing(&id("proposal")) }))),
        by_id => (json!({ "id": id(by_id) }), Some(json!({ "id": nothing(&id(by_id)) }))),
    }
}

/// How values are declared as variables.
pub fn declared(field: &Value, values: &Value) -> (String, String) {
    let arguments = field["args"].as_array().cloned().unwrap_or_default();
    let given = arguments.iter().filter(|argument| values.get(text(&argument["name"])).is_some());
    let given: Vec<(String, String)> =
        given.map(|argument| (text(&argument["name"]), named(&argument["type"]))).collect();
    let heads: Vec<String> = given.iter().map(|(name, ty)| format!("${name}: {ty}!")).collect();
    let uses: Vec<String> = given.iter().map(|(name, _)| format!("{name}: ${name}")).collect();
    (heads.join(", "), uses.join(", "))
}

/// Who is answered by the fields of `Query` that must be asked with something; and what one may not see can't be told
/// from what is not there.
pub async fn asked(types: &Types, viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> (String, usize) {
    let (mut table, mut cases) = (String::from("\nQuery, of something\n"), 0);
    for field in types.fields("Query").iter().filter(|field| needs_arguments(field)) {
        let name = text(&field["name"]);
        let (values, made_up) = arguments(&name, ids);
        let (heads, uses) = declared(field, &values);
        let query = format!("query({heads}) {{ {name}({uses}) {{ __typename }} }}");
        let mut shown = Vec::new();
        for (viewer, who) in viewers {
            let reply = who.asks(&query, values.clone()).await;
            cases += 1;
            let code = reply.body["errors"][0]["extensions"]["code"].as_str();
            let is_good = code.is_none_or(|code| code != "INTERNAL" && !code.starts_with("GRAPHQL"));
            assert!(is_good, "{query} as {viewer}: {:#}", reply.body);
            let seen = code.is_none() && !reply.body["data"][&name].is_null();
            match code {
                Some(code) => shown.push(format!("{viewer}!{code}")),
                None if seen => shown.push((*viewer).to_owned()),
                None => {}
            }
            // Of what one sees, one may be told that one may not do it.
            if let (false, Some(made_up), false) = (seen, &made_up, code == Some("NOT_ALLOWED")) {
                let nothing = who.asks(&query, made_up.clone()).await;
                assert_eq!(without_trace(&reply.body), without_trace(&nothing.body), "{name} as {viewer}");
            }
        }
        table.push_str(&format!("  {name:<42} {}\n", shown.join(" ")));
    }
    (table, cases)
}

/// Who is told something by the fields of other things that must be asked with something. One that is added tomorrow
/// fails here until it is said where it stands, and with what it is to be asked.
pub async fn asked_of_things(types: &Types, viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> (String, usize) {
    let id = |name: &str| ids.get(name).unwrap_or_else(|| panic!("there is no {name}")).clone();
    let code = super::invitation_code(viewers[0].1.app, "new@example.com").await;
    let (mut table, mut cases) = (String::from("\nOther fields, of something\n"), 0);
    let roots = ["Query", "Mutation", "Subscription"];
    for ty in types.0.keys().filter(|ty| !roots.contains(&ty.as_str()) && !ty.starts_with("__")) {
        for field in types.fields(ty).iter().filter(|field| needs_arguments(field)) {
            let place = format!("{ty}.{}", text(&field["name"]));
            let (query, values) = match place.as_str() {
                "User.blockedBy" => (
                    "query($id: ID!, $of: ID!) { node(id: $id) { ... on User { told: blockedBy(clientId: $of) } } }",
                    json!({ "id": id("freelancerUser"), "of": id("organization") }),
                ),
                "Viewer.earningsPath" => ("{ viewer { told: earningsPath(year: 2026) } }", json!({})),
                "Viewer.invitationToJoin" => (
                    "query($token: String!) { viewer { told: invitationToJoin(token: $token) { role } } }",
                    json!({ "token": code }),
                ),
                other => panic!("say where {other} stands, and with what it is asked"),
            };
            let mut shown = Vec::new();
            for (viewer, who) in viewers {
                let reply = who.asks(query, values.clone()).await;
                cases += 1;
                let code = reply.body["errors"][0]["extensions"]["code"].as_str();
                let is_good = code.is_none_or(|code| code != "INTERNAL" && !code.starts_with("GRAPHQL"));
                assert!(is_good, "{query} as {viewer}: {:#}", reply.body);
                let data = &reply.body["data"];
                let is_told = !data["node"]["told"].is_null() || !data["viewer"]["told"].is_null();
                match code {
                    Some(code) => shown.push(format!("{viewer}!{code}")),
                    None if is_told => shown.push((*viewer).to_owned()),
                    None => {}
                }
            }
            table.push_str(&format!("  {place:<42} {}\n", shown.join(" ")));
        }
    }
    (table, cases)
}

fn without_trace(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(errors) = body["errors"].as_array_mut() {
        for error in errors {
            error["extensions"]["traceId"] = Value::Null;
        }
    }
    body
}

/// The beginning of what somebody was told.
const BEGINNING: &str = "WyJub3RpZmljYXRpb25zX3RvbGQiLFt7ImludCI6MH1dXQ";
/// The beginning of a conversation.
const BEGUN: &str = "WyJtZXNzYWdlcyIsW3siaW50IjowfV1d";

/// Who hears what of what can be followed: of each, the first thing that happened, or the refusal.
pub async fn followed(
    types: &Types,
    viewers: &Viewers<'_>,
    ids: &BTreeMap<String, String>,
    wire: &Wire,
    owner: &Visitor<'_>,
) -> (String, usize) {
    let (mut table, mut cases) = (String::from("\nSubscription\n"), 0);
    let contract = &ids["contract"];
    let first = "query($id: ID!) { contract(id: $id) { events(first: 1) { edges { cursor } } } }";
    let first =
        owner.asks(first, json!({ "id": contract })).await.data()["contract"]["events"]["edges"][0]["cursor"].clone();
    for field in types.fields("Subscription") {
        let name = text(&field["name"]);
        let values = match name.as_str() {
            "contractEvents" => json!({ "contractId": contract, "after": first }),
            "messageReceived" => json!({ "conversationId": ids["conversation"], "after": BEGUN }),
            "notificationReceived" => json!({ "after": BEGINNING }),
            other => panic!("say with what {other} is followed"),
        };
        let (heads, uses) = declared(&field, &values);
        // The cursor may be left out, and is given.
        let (selection, paths) = types.selection(&named(&field["type"]), 0);
        let selection = selection.replace("notification { __typename }", "notification { __typename id }");
        let query = format!("subscription({heads}) {{ {name}({uses}) {{ {selection} }} }}");
        let mut shown: BTreeMap<String, Vec<String>> = paths.iter().map(|path| (path.join("."), vec![])).collect();
        for (viewer, who) in viewers {
            cases += paths.len();
            let own = who.asks("{ viewer { notifications(last: 1) { nodes { id } } } }", json!({})).await;
            let own = own.body["data"]["viewer"]["notifications"]["nodes"][0]["id"].clone();
            // Whoever is signed in and was told nothing yet would wait.
            if name == "notificationReceived" && who.token.is_some() && own.is_null() {
                continue;
            }
            let mut socket = wire.socket(who).await;
            socket.subscribe("it", &query, values.clone()).await;
            match socket.hears().await {
                Heard::Data(data) => {
                    if name == "notificationReceived" {
                        assert_eq!(data[&name]["notification"]["id"], own, "{viewer} hears what is theirs");
                    }
                    for path in paths.iter().filter(|path| is_there(&data[&name], path)) {
                        shown.entry(path.join(".")).or_default().push((*viewer).to_owned());
                    }
                }
                Heard::Failed(codes) => {
                    assert!(codes.iter().all(|code| !code.starts_with("GRAPHQL")), "{query} as {viewer}: {codes:?}");
                    for whom in shown.values_mut() {
                        whom.push(format!("{viewer}!{}", codes.join("+")));
                    }
                    let made_up = match name.as_str() {
                        "contractEvents" => {
                            Some(json!({ "contractId": "con_00000000000000000000000000", "after": first }))
                        }
                        "messageReceived" => {
                            Some(json!({ "conversationId": "cnv_00000000000000000000000000", "after": BEGUN }))
                        }
                        _ => None,
                    };
                    if let Some(made_up) = made_up {
                        socket.subscribe("nothing", &query, made_up).await;
                        let mut heard = socket.hears().await;
                        // The end of the first.
                        if heard == Heard::Complete {
                            heard = socket.hears().await;
                        }
                        assert_eq!(heard, Heard::Failed(codes), "{name} as {viewer}");
                    }
                }
                other => panic!("{name} as {viewer}: {other:?}"),
            }
        }
        for path in &paths {
            let path = path.join(".");
            table.push_str(&format!("  {:<42} {}\n", format!("{name}.{path}"), shown[&path].join(" ")));
        }
    }
    (table, cases)
}

/// Whoever is suspended is nobody any more, and told so, whatever they ask.
pub async fn suspended(types: &Types, who: &Visitor<'_>, ids: &BTreeMap<String, String>) -> usize {
    let mut cases = 0;
    for id in ids.values().filter(|id| id.contains('_')) {
        let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
        assert_eq!(reply.failed(), ["SESSION_ENDED"], "{id}");
        cases += 1;
    }
    for field in types.fields("Query") {
        let name = text(&field["name"]);
        let values = if needs_arguments(&field) { arguments(&name, ids).0 } else { json!({}) };
        let (heads, uses) = declared(&field, &values);
        let (heads, uses) = match heads.as_str() {
            "" => (String::new(), String::new()),
            _ => (format!("({heads})"), format!("({uses})")),
        };
        let reply = who.asks(&format!("query{heads} {{ {name}{uses} {{ __typename }} }}"), values).await;
        assert_eq!(reply.failed(), ["SESSION_ENDED"], "{name}");
        assert!(reply.body["data"].is_null(), "{name}");
        cases += 1;
    }
    cases
}
