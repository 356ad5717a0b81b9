//! Every mutation of the schema is tried by those who may not: a visitor, a stranger with the ids of other people's
//! things, and whoever has to do with them in any way that the table of access does not name. A mutation added tomorrow
//! is tried tomorrow, with nothing to be added here unless everybody may use it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::TestApp;
use tests::fingerprint::fingerprint;
use tests::introspect::Inputs;

use crate::seen::members;

/// What a visitor may do: get in.
const FOR_VISITORS: &[&str] =
    &["signUp", "signIn", "sessionRefresh", "passwordResetRequest", "passwordReset", "passkeyBegin", "passkeySignIn"];

/// What any signed-in person may do for themselves: there is nobody else's thing in it.
const FOR_ONESELF: &[&str] = &[
    "organizationCreate",
    "profileUpdate",
    "portfolioItemAdd",
    "userUpdate",
    "signOut",
    "sessionRevokeAll",
    "sandboxTimePass",
    "sandboxEmailVerify",
    "passwordChange",
    "reauthenticate",
    "emailVerify",
    "emailVerifyRequest",
    "emailChangeRequest",
    "emailChange",
    "secondFactorEnroll",
    "secondFactorConfirm",
    "secondFactorRemove",
    "recoveryCodesRenew",
    "passkeyAdd",
    "passkeyProve",
    "accountExport",
    "accountErase",
    "notificationsRead",
    "savedSearchCreate",
    "clientBlock",
    "clientUnblock",
    "payoutMethodAdd",
    "payeeUpdate",
    "taxFormCertify",
    "portfolioItemAdd",
    // Anybody may bid on a public gig.
    "proposalSubmit",
    "proposalDraftSave",
];

/// The answers to somebody who may not: there is nothing to learn from them.
const REFUSALS: &[&str] = &["NOT_FOUND", "NOT_ALLOWED"];

/// What they act on is named by a code from a letter. One that we did not seal is told to be none of ours, whoever asks.
const BY_CODE: &[&str] = &["memberInvitationAccept", "memberInvitationDecline"];

#[tokio::test]
async fn every_mutation_refuses_a_visitor_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let inputs = Inputs::read().await;
    let before = fingerprint(app.pool()).await;
    let mut wrong = BTreeMap::new();
    for mutation in inputs.mutations.iter().filter(|mutation| !FOR_VISITORS.contains(&mutation.name.as_str())) {
        for full in [false, true] {
            let input = inputs.sample(mutation, world.ids(), full);
            let reply = app.visitor().does(&mutation.name, input, "").await;
            let codes = codes(&reply.body, &mutation.name);
            if codes != ["UNAUTHENTICATED"] {
                wrong.insert(mutation.name.clone(), reply.body);
            }
        }
    }
    assert!(wrong.is_empty(), "not refused to a visitor: {wrong:#?}");
    assert_eq!(fingerprint(app.pool()).await, before, "a refusal wrote something");
}

#[tokio::test]
async fn every_mutation_hides_other_peoples_things_from_a_stranger_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let stranger = app.person("stranger").await;
    let inputs = Inputs::read().await;
    let before = fingerprint(app.pool()).await;
    let mut wrong = BTreeMap::new();
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        if FOR_VISITORS.contains(&name) || FOR_ONESELF.contains(&name) {
            continue;
        }
        // Where one names a thing in one way or another, all of them are named.
        let full = name == "offerCreate";
        let reply = stranger.does(name, inputs.sample(mutation, world.ids(), full), "").await;
        let codes = codes(&reply.body, name);
        if !is_refused(name, &codes) {
            wrong.insert(name.to_owned(), reply.body);
        }
    }
    assert!(wrong.is_empty(), "not refused to a stranger: {wrong:#?}");
    assert_eq!(fingerprint(app.pool()).await, before, "a refusal wrote something");
}

/// What is refused to a stranger takes as many statements whether it is there or not: nobody tells one from the other by
/// the work it makes.
#[tokio::test]
async fn every_mutation_takes_as_much_to_refuse_what_is_there_as_what_is_not() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let stranger = app.client("stranger").await;
    let inputs = Inputs::read().await;
    // What a stranger sees by its id, they need not guess.
    let (mut made_up, mut hidden) = (world.ids().clone(), BTreeSet::new());
    for (name, id) in world.ids() {
        let look = stranger.asks("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        if look.data()["node"].is_null() {
            let (prefix, _) = id.split_once('_').unwrap_or_default();
            made_up.insert(name.clone(), format!("{prefix}_00000000000000000000000000"));
            hidden.insert(name.as_str());
        }
    }
    assert!(hidden.contains("gig") && hidden.len() > 8, "{hidden:?}");
    let sent = async |name: &str, input: Value| {
        app.statements();
        let reply = stranger.does_once(name, input, "").await;
        (app.statements(), codes(&reply.body, name))
    };
    let (mut wrong, mut tried) = (BTreeMap::new(), 0);
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        let of_a_gig = ["proposalSubmit", "proposalDraftSave"].contains(&name);
        if FOR_VISITORS.contains(&name) || (FOR_ONESELF.contains(&name) && !of_a_gig) {
            continue;
        }
        let full = name == "offerCreate";
        let real = inputs.sample(mutation, world.ids(), full);
        let nothing = inputs.sample(mutation, &made_up, full);
        if real == nothing {
            continue;
        }
        // Once before it counts, so that nothing is looked up for the first time.
        sent(name, nothing.clone()).await;
        let (there, not_there) = (sent(name, real).await, sent(name, nothing).await);
        tried += 1;
        if (there.0.len(), &there.1) != (not_there.0.len(), &not_there.1) {
            wrong.insert(name.to_owned(), (there, not_there));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} tell what is there: {wrong:#?}", wrong.len());
    assert!(tried > 50, "only {tried} were tried");
}

/// The table of who may do what, as it is printed.
const ACCESS: &str = include_str!("../../domain/src/access.matrix");

/// Mutations that are not called as the act they are is called in the table.
const CALLED_OTHERWISE: &[(&str, &[&str])] = &[
    ("feeCorrectionsApprove", &["CorrectionApprove"]),
    ("feeCorrectionsPropose", &["CorrectionPropose"]),
    // Of people for a gig, and of gigs for oneself.
    ("matchOpen", &["GigMatches", "ProposalSubmit"]),
    ("memberInvitationRevoke", &["MemberInvite"]),
    ("portfolioItemRemove", &["ProfileUpdate"]),
    ("portfolioItemUpdate", &["ProfileUpdate"]),
    ("sandboxBankAnswer", &["MilestoneFund"]),
];

/// Whom the table names for a mutation; nobody, where the table has no such act.
pub fn named(mutation: &str) -> Vec<&'static str> {
    let mut letters = mutation.chars();
    let head = letters.next().map(|first| first.to_ascii_uppercase()).into_iter();
    let own: String = head.chain(letters).collect();
    let otherwise = CALLED_OTHERWISE.iter().find(|(called, _)| *called == mutation);
    let verbs = otherwise.map_or_else(|| vec![own.as_str()], |(_, verbs)| verbs.to_vec());
    let whom = verbs.into_iter().flat_map(|verb| {
        let mut rest = ACCESS.lines().filter_map(|line| line.strip_prefix(verb));
        let rest = rest.find(|rest| !rest.starts_with(|next: char| next.is_ascii_uppercase())).unwrap_or_default();
        rest.split('(').next().unwrap_or_default().split_whitespace()
    });
    whom.collect()
}

#[tokio::test]
async fn every_mutation_refuses_whomever_the_table_does_not_name_and_writes_nothing() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let (owner, freelancer) = (world.client(), world.freelancer());
    let people = members(&app, &owner, &world.ids()["organization"]).await;
    let (stranger, rival) = (app.client("stranger").await, app.freelancer("rival").await);
    let (mediator, staff) = (app.mediator("marta").await, app.admin("noor").await);
    let suspended = app.client("suspended").await;
    let hide = json!({ "userId": suspended.id, "reason": "To see what they may" });
    staff.does("userSuspend", hide, "user { id }").await.ok();
    app.settles().await;

    // Who they are to the things of this world, as the table says it; a stranger is owner of something else.
    let mut viewers = vec![("freelancer", "oneself", freelancer.clone()), ("owner", "owner", owner.clone())];
    for (name, person) in &people {
        viewers.push((name, name, person.visitor().await));
    }
    for (name, person) in [("stranger", &stranger), ("rival", &rival), ("mediator", &mediator), ("staff_admin", &staff)]
    {
        viewers.push((name, name, person.visitor().await));
    }
    let inputs = Inputs::read().await;
    let before = fingerprint(app.pool()).await;
    let (mut wrong, mut tried, mut may) = (BTreeMap::new(), 0, 0);
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        let input = || inputs.sample(mutation, world.ids(), name == "offerCreate");
        if FOR_VISITORS.contains(&name) {
            continue;
        }
        let reply = suspended.does(name, input(), "").await;
        if reply.failed() != ["SESSION_ENDED"] {
            wrong.insert(format!("{name} by somebody suspended"), reply.body);
        }
        if FOR_ONESELF.contains(&name) {
            continue;
        }
        let named = named(name);
        for (viewer, relation, who) in &viewers {
            if named.contains(relation) {
                may += 1;
                continue;
            }
            tried += 1;
            let reply = who.does(name, input(), "").await;
            let codes = codes(&reply.body, name);
            if !is_refused(name, &codes) {
                wrong.insert(format!("{name} by {viewer}"), reply.body);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} are not refused: {wrong:#?}", wrong.len());
    assert_eq!(fingerprint(app.pool()).await, before, "a refusal wrote something");
    assert!(tried > 900 && may > 200, "{tried} were tried, and {may} may");
}

#[tokio::test]
async fn a_stranger_sees_nothing_private_by_its_id() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let stranger = app.person("stranger").await;
    let public = ["gig", "skill", "user", "organization", "profile", "review", "freelancer", "portfolioItem"];
    for (name, id) in world.ids() {
        let reply =
            stranger.asks("query($id: ID!) { node(id: $id) { __typename id } }", serde_json::json!({ "id": id })).await;
        let found = !reply.data()["node"].is_null();
        assert!(!found || public.contains(&name.as_str()), "a stranger sees the {name}");
    }
}

fn is_refused(mutation: &str, codes: &[String]) -> bool {
    let [code] = codes else { return false };
    REFUSALS.contains(&code.as_str()) || (BY_CODE.contains(&mutation) && code == "CODE_INVALID")
}

fn codes(body: &Value, mutation: &str) -> Vec<String> {
    let errors = body["data"][mutation]["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
}
