//! Every field of every mutation is given what it can't take: by somebody who may, so that it is the
//! input that is refused. The answer is typed, never a fault of ours, and nothing is written.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::TestApp;
use tests::fingerprint::fingerprint;
use tests::introspect::{Inputs, Leaf};

/// What only our people may do: one of them tries these.
const FOR_ADMINS: &[&str] = &[
    "userSuspend",
    "userReinstate",
    "payoutUnblock",
    "payoutReject",
    "payoutApprove",
    "contractHold",
    "contractLiftHold",
    "outageDeclare",
    "outageEnd",
    "policyVersionAdd",
];

/// What only those who judge may do: one of them tries these.
const FOR_MEDIATORS: &[&str] = &["disputeRecommend", "disputeAward"];

#[tokio::test]
async fn bad_input_gets_a_typed_answer_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let warden = app.admin("warden").await;
    let admin = warden.visitor().await;
    let judge_of_them = app.mediator("marta").await;
    let mediator = judge_of_them.visitor().await;
    let bystander = app.person("bystander").await;
    let inputs = Inputs::read().await;
    let mut wrong = BTreeMap::new();
    let mut tried = 0;
    let mut before = fingerprint(app.pool()).await;
    for mutation in &inputs.mutations {
        // Ending one's own session is no matter of input, and would end the test.
        if ["signOut", "sessionRevokeAll", "sandboxTimePass"].contains(&mutation.name.as_str()) {
            continue;
        }
        for leaf in inputs.leaves(mutation) {
            for (what, bad) in bad_values(&leaf) {
                let mut input = inputs.sample(mutation, world.ids(), false);
                if mutation.name.starts_with("user") && FOR_ADMINS.contains(&mutation.name.as_str()) {
                    // What is not refused after all shall not put our two people out.
                    put(&mut input, &["userId".to_owned()], json!(bystander.id));
                }
                put(&mut input, &leaf.path, bad);
                let people = if FOR_ADMINS.contains(&mutation.name.as_str()) {
                    vec![("admin", admin.clone())]
                } else if FOR_MEDIATORS.contains(&mutation.name.as_str()) {
                    vec![("mediator", mediator.clone())]
                } else {
                    vec![("client", world.client()), ("freelancer", world.freelancer())]
                };
                for (who, visitor) in people {
                    let reply = visitor.does(&mutation.name, input.clone(), "").await;
                    tried += 1;
                    let place = format!("{} {}: {what} ({who})", mutation.name, leaf.path.join("."));
                    let (refused, fault) = judge(&reply.body, &mutation.name);
                    if fault || reply.status.is_server_error() {
                        wrong.insert(place.clone(), reply.body.clone());
                    }
                    let after = fingerprint(app.pool()).await;
                    if refused && after != before {
                        wrong.insert(format!("{place}, and it wrote something"), reply.body);
                    }
                    before = after;
                }
            }
        }
    }
    assert!(tried > 100, "only {tried} bad inputs were found to try");
    assert!(wrong.is_empty(), "{} of {tried} bad inputs were answered badly: {wrong:#?}", wrong.len());
}

/// Was it refused, and was that a fault of ours?
fn judge(body: &Value, mutation: &str) -> (bool, bool) {
    let top = body["errors"].as_array().cloned().unwrap_or_default();
    let codes = top.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default());
    let fault = codes.clone().any(|code| code == "INTERNAL" || code.is_empty());
    let typed = body["data"][mutation]["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    (typed || !top.is_empty(), fault)
}

fn bad_values(leaf: &Leaf) -> Vec<(&'static str, Value)> {
    let mut values = vec![("null", Value::Null), ("of another type", json!({ "a": [1] }))];
    match leaf.ty.as_str() {
        "String" => values.extend([
            ("empty", json!("")),
            ("blank", json!("   \t ")),
            ("huge", json!("x".repeat(60_000))),
            ("a NUL", json!("a\u{0}b")),
            ("turned around", json!("a\u{202e}b")),
            ("SQL", json!("'; drop table users; --")),
        ]),
        "ID" => values.extend([
            ("made up", json!("gig_00000000000000000000000000")),
            ("nonsense", json!("\u{0}")),
            ("of another kind", json!("ski_01k00000000000000000000000")),
            ("huge", json!("x".repeat(60_000))),
        ]),
        "Int" => values.extend([
            ("negative", json!(-1)),
            ("zero", json!(0)),
            ("the largest", json!(i32::MAX)),
            ("the smallest", json!(i32::MIN)),
            ("too large", json!(1_u64 << 40)),
        ]),
        "DateTime" => values.extend([("nonsense", json!("yesterday")), ("long ago", json!("0001-01-01T00:00:00Z"))]),
        "Boolean" => values.push(("a text", json!("yes"))),
        _ => values.push(("an unknown member", json!("NO_SUCH_THING"))),
    }
    values
}

/// Put a value at a place of an input, making the objects and lists on the way.
fn put(input: &mut Value, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        *input = value;
        return;
    };
    if name == "0" {
        if input.as_array().is_none_or(|list| list.is_empty()) {
            *input = json!([null]);
        }
        put(&mut input[0], rest, value);
    } else {
        if !input.is_object() {
            *input = json!({});
        }
        put(&mut input[name.as_str()], rest, value);
    }
}
