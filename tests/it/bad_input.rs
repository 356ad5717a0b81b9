//! Every field of every mutation is given what it can't take: by somebody who may, so that it is the
//! input that is refused. The answer is typed, never a fault of ours, and nothing is written. Each
//! is tried on the same world: what is taken after all is undone. What only our people may do is tried by one of them, who
//! has just proved who they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::fingerprint::fingerprint;
use tests::introspect::{Inputs, Leaf};
use tests::{TestApp, Visitor};

use crate::coverage::named;
use crate::seen::copies;

/// What only those who judge may do: one of them tries these.
const FOR_MEDIATORS: &[&str] = &["disputeRecommend", "disputeAward"];

/// What is no matter of input: ending one's own session, and letting time pass.
const NOT_TRIED: &[&str] = &["signOut", "sessionRevokeAll", "sandboxTimePass"];

/// What keeps somebody out whatever they say.
const KEPT_OUT: &[&str] = &["UNAUTHENTICATED", "SESSION_ENDED", "REAUTHENTICATE", "NOT_ALLOWED"];

/// Where what looks bad is taken, and why.
const TAKEN: &[(&str, &str, &str)] = &[
    ("clientUnblock", "clientId", "whoever it is, no block of one's own stands against them"),
    ("freelancerUnblock", "freelancerId", "whoever it is, no block of one's own stands against them"),
    ("contractEnd", "expectedVersion", "it has ended, whatever one saw"),
    ("contractLiftHold", "expectedVersion", "nothing stands against it, whatever one saw"),
    ("milestoneApprove", "expectedVersion", "it is approved, whatever one saw"),
    ("offerAccept", "expectedVersion", "it is accepted, whatever one saw"),
    ("notificationsRead", "ids.0", "what is not there need not be read"),
    ("portfolioItemRemove", "id", "what is not there is gone"),
    ("timeEntryRemove", "timeEntryId", "what is not there is gone"),
];

/// What stops the payouts that may not go before it says that none is left.
const STOPS: &str = "wireBatchMake";

/// A bad input that was refused, with what it was answered.
struct Refused<'a> {
    place: String,
    input: Value,
    token: &'a Option<String>,
    body: Value,
}

#[tokio::test]
async fn bad_input_gets_a_typed_answer_and_writes_nothing() {
    is_refused(0).await;
}

#[tokio::test]
async fn bad_input_of_the_other_mutations_does_so_too() {
    is_refused(1).await;
}

/// Every second mutation, from the first or from the second on.
async fn is_refused(from: usize) {
    let app = TestApp::new().await;
    let others = app.world().await.ids().clone();
    let world = app.world().await;
    let (client, freelancer) = (world.client().token, world.freelancer().token);
    let mut ids = world.ids().clone();
    let bystander = app.person("bystander").await.id;
    let matters = our_matters(&app, &ids["payout"], &bystander).await;
    ids.extend(matters);
    let admin = app.admin("warden").await.visitor().await.token;
    let mediator = app.mediator("marta").await.visitor().await.token;
    drop(world);
    let frozen = app.freeze().await;

    let inputs = Inputs::read().await;
    let mut wrong = BTreeMap::new();
    let mut tried = 0;
    let mut app = frozen.again().await;
    let untouched = fingerprint(app.pool()).await;
    let mutations = inputs.mutations.iter().filter(|mutation| !NOT_TRIED.contains(&mutation.name.as_str()));
    for mutation in mutations.skip(from).step_by(2) {
        let name = mutation.name.as_str();
        let for_admins = is_for_admins(name);
        let people = if for_admins {
            vec![("admin", &admin)]
        } else if FOR_MEDIATORS.contains(&name) {
            vec![("mediator", &mediator)]
        } else {
            vec![("client", &client), ("freelancer", &freelancer)]
        };
        let (mut refused, mut taken) = (Vec::new(), false);
        for leaf in inputs.leaves(mutation) {
            for bad in bad_values(&leaf, &ids, &others) {
                let mut input = well_said(name, &ids).unwrap_or_else(|| inputs.sample(mutation, &ids, false));
                if name.starts_with("user") && for_admins {
                    put(&mut input, &["userId".to_owned()], Some(json!(bystander)));
                }
                put(&mut input, &leaf.path, bad.value);
                for (who, token) in &people {
                    let visitor = Visitor { app: &app, token: (*token).clone(), agent: None };
                    let reply = visitor.does(name, input.clone(), "").await;
                    tried += 1;
                    let place = format!("{name} {}: {} ({who})", leaf.path.join("."), bad.what);
                    let (is_refused, fault) = judge(&reply.body, name);
                    if fault || reply.status.is_server_error() {
                        wrong.insert(place.clone(), reply.body.clone());
                    }
                    if for_admins && is_kept_out(&reply.body, name) {
                        wrong.insert(format!("{place}, and it was not looked at"), reply.body.clone());
                    }
                    let path = leaf.path.join(".");
                    let may_be_taken = TAKEN.iter().any(|(act, place, _)| (*act, *place) == (name, path.as_str()));
                    if !is_refused && bad.never && !may_be_taken {
                        wrong.insert(format!("{place}, and it was taken"), reply.body.clone());
                    }
                    if is_refused {
                        refused.push(Refused { place, input: input.clone(), token, body: reply.body });
                    } else {
                        // What comes next is tried on the world as it was.
                        (app, taken) = (frozen.again().await, true);
                    }
                }
            }
        }
        if taken {
            for one in &refused {
                one.is_sent_again(&app, name).await;
            }
        }
        if fingerprint(app.pool()).await != untouched {
            for one in refused {
                app = frozen.again().await;
                one.is_sent_again(&app, name).await;
                if fingerprint(app.pool()).await != untouched && name != STOPS {
                    wrong.insert(format!("{}, and it wrote something", one.place), one.body);
                }
            }
            app = frozen.again().await;
        }
    }
    assert!(tried > 1_000, "only {tried} bad inputs were found to try");
    assert!(wrong.is_empty(), "{} of {tried} bad inputs were answered badly: {wrong:#?}", wrong.len());
}

/// May only our people do it, as the table of access says?
fn is_for_admins(mutation: &str) -> bool {
    let named = named(mutation);
    named.contains(&"staff_admin") && named.iter().all(|who| ["staff_admin", "system"].contains(who))
}

/// What our people have to look at, by what it is: a correction that one of them proposed, a comparison, a hit, a file for
/// the bank, and a payout of which nobody knows what became.
async fn our_matters(app: &TestApp, payout: &str, freelancer: &str) -> BTreeMap<String, String> {
    let amna = app.admin("amna").await;
    let proposed = amna.does("correctionPropose", correction(), "correction { id }").await.text("correction.id");
    app.market.reconcile_when_due().await.unwrap();
    let at = "'2026-06-01T00:00:00Z'";
    let stuck = format!(
        "'status', 'unknown', 'waits_for_staff', true, 'e_prc', null, 'state', jsonb_build_object('status', 'unknown',
             'rail', 'global_payouts', 'since', {at}, 'poll_at', {at}, 'stuck', true)"
    );
    let stuck = copies(app, "payouts", payout, &[&stuck]).await.remove(0);
    let compared: String = sqlx::query_scalar("select public_id('rec', id) from reconciliations limit 1")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let hit = "insert into screening_hits (id, freelancer_id, name, words, listed, found_at, status, state, version)
        select gen_random_uuid(), id, 'Bystander', 'bystander', 'Bystander', now(), 'open',
            jsonb_build_object('status', 'open'), 1
        from users where public_id('usr', id) = $1 returning public_id('hit', id)";
    let hit: String = sqlx::query_scalar(hit).bind(freelancer).fetch_one(app.pool()).await.unwrap();
    let batch = "insert into wire_batches (id, made_at, made_by, value_date, lines, total_minor)
        select gen_random_uuid(), now(), id, now()::date, 1, 100 from users where public_id('usr', id) = $1
        returning public_id('wir', id)";
    let batch: String = sqlx::query_scalar(batch).bind(&amna.id).fetch_one(app.pool()).await.unwrap();
    let matters = [
        ("correction", proposed),
        ("reconciliation", compared),
        ("screeningHit", hit),
        ("wireBatch", batch),
        ("payoutStuck", stuck),
    ];
    matters.map(|(name, id)| (name.to_owned(), id)).into()
}

/// A correction that can be proposed.
fn correction() -> Value {
    json!({ "from": "losses", "to": "fee_revenue", "amount": { "amount": "1.00" }, "reason": "Rounding" })
}

/// What some acts of our people take, so that nothing but what is bad in it can be refused; none where any sample will do.
fn well_said(mutation: &str, ids: &BTreeMap<String, String>) -> Option<Value> {
    Some(match mutation {
        "bankCalendarExtend" => json!({ "country": "PAKISTAN", "knownUntil": "2028-01-31" }),
        "bankHolidayAdd" => json!({ "country": "PAKISTAN", "day": "2027-03-10", "name": "Eid" }),
        "bankHolidayRemove" => json!({ "country": "PAKISTAN", "day": "2027-03-10" }),
        "correctionPropose" => correction(),
        "payoutSettle" => json!({ "payoutId": ids["payoutStuck"], "outcome": "PAID", "reason": "The rail told us" }),
        "wireSettle" => json!({ "payoutId": ids["payout"], "outcome": "RETURNED", "reason": "Account closed" }),
        _ => return None,
    })
}

impl Refused<'_> {
    async fn is_sent_again(&self, app: &TestApp, mutation: &str) {
        Visitor { app, token: self.token.clone(), agent: None }.does(mutation, self.input.clone(), "").await;
    }
}

/// Was it refused, and was that a fault of ours?
fn judge(body: &Value, mutation: &str) -> (bool, bool) {
    let top = body["errors"].as_array().cloned().unwrap_or_default();
    let codes = top.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default());
    let fault = codes.clone().any(|code| code == "INTERNAL" || code.is_empty());
    let typed = body["data"][mutation]["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    (typed || !top.is_empty(), fault)
}

/// Was it refused because of who asked?
fn is_kept_out(body: &Value, mutation: &str) -> bool {
    let top = body["errors"].as_array().into_iter().flatten().map(|error| &error["extensions"]["code"]);
    let typed = body["data"][mutation]["errors"].as_array().into_iter().flatten().map(|error| &error["code"]);
    top.chain(typed).any(|code| code.as_str().is_some_and(|code| KEPT_OUT.contains(&code)))
}

/// Something that should not be in a place of an input.
struct Bad {
    what: &'static str,
    /// Nothing at all where it is absent.
    value: Option<Value>,
    /// Is there no mutation that takes it in such a place?
    never: bool,
}

fn bad_values(leaf: &Leaf, ids: &BTreeMap<String, String>, others: &BTreeMap<String, String>) -> Vec<Bad> {
    let never = |what, value| Bad { what, value: Some(value), never: true };
    let hardly = |what, value| Bad { what, value: Some(value), never: false };
    let mut values = vec![never("of another type", json!({ "a": [1] }))];
    values.push(Bad { what: "null", value: Some(Value::Null), never: !leaf.optional });
    values.push(Bad { what: "absent", value: None, never: !leaf.absent });
    match leaf.ty.as_str() {
        "String" => values.extend([
            hardly("empty", json!("")),
            hardly("blank", json!("   \t ")),
            never("huge", json!("x".repeat(60_000))),
            never("a NUL", json!("a\u{0}b")),
            never("turned around", json!("a\u{202e}b")),
            hardly("SQL", json!("'; drop table users; --")),
        ]),
        "DateTime" => values.extend([
            never("nonsense", json!("yesterday")),
            hardly("long ago", json!("0001-01-01T00:00:00Z")),
            hardly("past", json!("2020-01-01T00:00:00Z")),
            hardly("far away", json!("9999-12-31T23:59:59Z")),
            never("after the end of time", json!("+275760-09-13T00:00:00Z")),
        ]),
        "NaiveDate" => values.extend([
            never("nonsense", json!("yesterday")),
            never("no day", json!("2026-02-30")),
            hardly("long ago", json!("0001-01-01")),
            hardly("far away", json!("9999-12-31")),
        ]),
        "ID" => {
            let is_skill = leaf.path.iter().any(|name| name.to_lowercase().contains("skill"));
            values.extend([
                never("made up", json!("gig_00000000000000000000000000")),
                never("nonsense", json!("\u{0}")),
                never("of another kind", json!(ids[if is_skill { "gig" } else { "skill" }])),
                never("huge", json!("x".repeat(60_000))),
            ]);
            // The same kind of thing, of somebody else.
            let name = leaf.path.iter().rev().find(|name| *name != "0").map(String::as_str).unwrap_or_default();
            let kind = name.strip_suffix("Ids").or(name.strip_suffix("Id")).unwrap_or(name);
            values.extend(others.get(kind).map(|id| hardly("somebody else's", json!(id))));
        }
        "Int" => values.extend([
            hardly("negative", json!(-1)),
            hardly("zero", json!(0)),
            hardly("the largest", json!(i32::MAX)),
            hardly("the smallest", json!(i32::MIN)),
            never("too large", json!(1_u64 << 40)),
        ]),
        "Boolean" => values.push(never("a text", json!("yes"))),
        "Currency" => values.extend([never("an unknown member", json!("GBP")), never("the wrong one", json!("PKR"))]),
        _ => values.push(never("an unknown member", json!("NO_SUCH_THING"))),
    }
    if leaf.path.last().is_some_and(|name| name == "amount") {
        values.extend([
            never("a negative amount", json!("-1.00")),
            hardly("nothing", json!("0.00")),
            never("a part of a cent", json!("1.001")),
            never("past all amounts", json!("92233720368547758.08")),
            never("no number", json!("NaN")),
            never("digits of another alphabet", json!("١٠٠")),
        ]);
    }
    if leaf.path == ["expectedVersion"] {
        values.push(never("stale", json!(987)));
    }
    values
}

/// Put a value at a place of an input, making the objects and lists on the way; nothing takes away
/// what is there.
fn put(input: &mut Value, path: &[String], value: Option<Value>) {
    let Some((name, rest)) = path.split_first() else {
        *input = value.unwrap_or_default();
        return;
    };
    if name == "0" {
        if input.as_array().is_none_or(|list| list.is_empty()) {
            *input = json!([null]);
        }
        if rest.is_empty() && value.is_none() {
            *input = json!([]);
        } else {
            put(&mut input[0], rest, value);
        }
        return;
    }
    if !input.is_object() {
        *input = json!({});
    }
    match (rest, &value, input.as_object_mut()) {
        ([], None, Some(fields)) => {
            fields.remove(name);
        }
        _ => put(&mut input[name.as_str()], rest, value),
    }
}
