//! Keeping an account: codes that go to its mailbox, other passwords, another address, and fresh
//! proofs of who its person is.

use axum::http::StatusCode;
use chrono::TimeDelta;
use domain::access::Actor;
use domain::refusal::Refusal;
use infra::Failure;
use infra::clock::Clock;
use infra::mail::Mail;
use infra::market::Equipment;
use serde_json::{Value, json};
use tests::{Heard, PASSWORD, Person, Reply, TOKENS, TestApp};

mod export;
mod mailbox;
mod restore;

const ME: &str = "{ viewer { email emailVerified } }";
const OTHER: &str = "gravel-ninety-tuba-moss";

/// The code of the newest letter to an address.
pub async fn mailed_code(app: &TestApp, email: &str) -> String {
    app.market.clock().advance(TimeDelta::seconds(1));
    app.settles().await;
    let letters = app.market.mail().letters_to(email);
    // Of what else is told at that time, some may come after it.
    let mut lines = letters.iter().rev().flat_map(|letter| letter.text.lines());
    lines.find(|line| line.starts_with("mco_")).expect("a letter with a code came").to_owned()
}

fn letters(app: &TestApp, email: &str) -> Vec<String> {
    app.market.mail().letters_to(email).into_iter().map(|letter| letter.subject).collect()
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Reply {
    app.visitor().does("signIn", json!({ "email": email, "password": password }), TOKENS).await
}

async fn asks_reset(app: &TestApp, email: &str) -> Reply {
    app.visitor().does("passwordResetRequest", json!({ "email": email }), "expiresAt").await
}

async fn resets(app: &TestApp, code: &str, password: &str) -> Reply {
    app.visitor().does("passwordReset", json!({ "code": code, "newPassword": password }), "endedCount").await
}

async fn verifies(who: &Person<'_>, code: &str) -> Reply {
    who.does("emailVerify", json!({ "code": code }), "email").await
}

/// The proof that came with signing in is over, and the token is not.
pub async fn refreshed<'a>(app: &'a TestApp, person: &Person<'_>) -> tests::Visitor<'a> {
    let proof = json!({ "email": person.email, "password": PASSWORD, "code": app.code_of(&person.email).await });
    let tokens = app.visitor().does("signIn", proof, TOKENS).await;
    app.market.clock().advance(TimeDelta::minutes(15));
    let refresh = json!({ "refreshToken": tokens.text("tokens.refreshToken") });
    let tokens = app.visitor().does("sessionRefresh", refresh, TOKENS).await;
    app.bearer(&tokens.text("tokens.accessToken"))
}

#[tokio::test]
async fn email_verify_takes_the_code_that_was_mailed_at_sign_up() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.newcomer("ada").await, app.newcomer("lin").await);
    let verified = async |who: &Person<'_>| who.asks(ME, json!({})).await.data()["viewer"]["emailVerified"].clone();
    assert_eq!(verified(&ada).await, json!(false));
    let code = mailed_code(&app, &ada.email).await;

    for made_up in ["", "x", "mco_00000000000000000000000000.AAAA", &code[..code.len() - 1], &format!("{code}A")] {
        assert_eq!(verifies(&ada, made_up).await.refused(), ["CODE_INVALID"], "{made_up}");
    }
    assert_eq!(resets(&app, &code, OTHER).await.refused(), ["CODE_INVALID"], "it is for something else");
    assert_eq!(verified(&ada).await, json!(false));
    for _ in 0..2 {
        assert_eq!(verifies(&ada, &code).await.ok()["email"], "ada@example.com");
    }
    assert_eq!((verified(&ada).await, verified(&lin).await), (json!(true), json!(false)));

    // Another letter on request, as often as is counted, until it is no longer wanted.
    let again = async |who: &Person<'_>| who.does("emailVerifyRequest", json!({}), "viewer { emailVerified }").await;
    again(&ada).await.ok();
    app.settles().await;
    assert_eq!(letters(&app, &ada.email).len(), 1, "nothing is left to verify");
    again(&lin).await.ok();
    app.settles().await;
    assert_eq!(letters(&app, &lin.email).len(), 2);
    let late = mailed_code(&app, &lin.email).await;
    app.passes(TimeDelta::days(3)).await;
    assert_eq!(verifies(&lin, &late).await.refused(), ["CODE_INVALID"], "it is over");
    for _ in 0..5 {
        lin.does_once("emailVerifyRequest", json!({}), "viewer { email }").await.ok();
    }
    let limited = lin.does_once("emailVerifyRequest", json!({}), "viewer { email }").await;
    assert_eq!(limited.refused(), ["TOO_MANY_ATTEMPTS"]);
}

/// A stranger signs up with somebody's address and waits for them to click on the link of the letter.
#[tokio::test]
async fn email_verify_answers_for_no_account_but_the_one_that_is_signed_in() {
    let app = TestApp::new().await;
    let (mallory, lin) = (app.newcomer("ada").await, app.person("lin").await);
    let verified = async || {
        let count = "select count(*) from users where email = 'ada@example.com' and email_verified_at is not null";
        sqlx::query_scalar::<_, i64>(count).fetch_one(app.pool()).await.unwrap() == 1
    };
    let code = mailed_code(&app, "ada@example.com").await;

    // Whoever reads the mail is signed in nowhere, or to an account of their own.
    let clicks = app.visitor().does("emailVerify", json!({ "code": code }), "email").await;
    assert_eq!(clicks.refused(), ["UNAUTHENTICATED"]);
    for _ in 0..2 {
        let other = verifies(&lin, &code).await;
        assert_eq!(other.refused(), ["CODE_FOR_ANOTHER"]);
        let told = other.body["data"]["emailVerify"]["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(told.contains("Sign in to the account with the address"), "{told}");
    }
    assert!(!verified().await, "nothing was clicked for the stranger");
    assert_eq!(verifies(&lin, &mailed_code(&app, &lin.email).await).await.ok()["email"], "lin@example.com");

    // They have the account by their mailbox instead, and the stranger is out.
    asks_reset(&app, "ada@example.com").await.ok();
    resets(&app, &mailed_code(&app, "ada@example.com").await, OTHER).await.ok();
    assert!(verified().await);
    assert_eq!(verifies(&mallory, &code).await.failed(), ["SESSION_ENDED"]);
    let back = sign_in(&app, "ada@example.com", OTHER).await.text("tokens.accessToken");
    let again = app.bearer(&back).does("emailVerify", json!({ "code": code }), "email").await;
    assert_eq!(again.ok()["email"], "ada@example.com", "what is verified is verified");
    // Used, it still says nothing to anybody else.
    assert_eq!(verifies(&lin, &code).await.refused(), ["CODE_INVALID"]);
}

#[tokio::test]
async fn letters_are_taken_for_read_only_where_they_go_nowhere() {
    let app = TestApp::new().await;
    let ada = app.newcomer("ada").await;
    let user: domain::id::UserId = ada.id.parse().unwrap();
    let actor = Actor::Person(domain::access::Person {
        user,
        suspended: false,
        second_factor: true,
        staff: None,
        memberships: vec![],
    });
    let call = infra::Call { actor, ..infra::Call::system("test") };
    let mail = Mail::smtp(&"smtp://localhost:1025".into(), infra::mail::FROM).unwrap();
    for (clock, mail) in [(Clock::System, Mail::kept()), (app.market.clock().clone(), mail)] {
        let equipment = Equipment { mail, ..Equipment::throwaway().unwrap() };
        let elsewhere = infra::Market::new(app.market.db().clone(), clock, equipment);
        let refused = elsewhere.sandbox_email_verify(&call).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::Rule { code, .. })) if code == "NOT_A_SANDBOX"));
    }
    assert_eq!(ada.asks(ME, json!({})).await.data()["viewer"]["emailVerified"], false);
    let here = ada.does("sandboxEmailVerify", json!({}), "viewer { emailVerified }").await;
    assert_eq!(here.ok()["viewer"]["emailVerified"], true);
}

#[tokio::test]
async fn password_reset_ends_every_session_and_every_code() {
    let app = TestApp::new().await;
    let ada = app.newcomer("ada").await;
    let phone = sign_in(&app, &ada.email, PASSWORD).await;
    let there = app.bearer(&phone.text("tokens.accessToken"));
    asks_reset(&app, " ADA@example.com ").await.ok();
    let first = mailed_code(&app, &ada.email).await;
    asks_reset(&app, &ada.email).await.ok();
    let second = mailed_code(&app, &ada.email).await;
    assert_ne!(first, second);

    assert_eq!(resets(&app, &second, "password123").await.faults(), ["newPassword: TOO_COMMON"]);
    assert_eq!(resets(&app, &second, "ada@example.com").await.faults(), ["newPassword: TOO_COMMON"]);
    there.asks(ME, json!({})).await.data();
    assert_eq!(resets(&app, &second, OTHER).await.ok()["endedCount"], 2);
    let ended = there.asks(ME, json!({})).await;
    assert_eq!((ended.status, ended.failed()), (StatusCode::UNAUTHORIZED, vec!["SESSION_ENDED"]), "at once");
    let refresh = json!({ "refreshToken": phone.text("tokens.refreshToken") });
    let refreshed = app.visitor().does("sessionRefresh", refresh, TOKENS).await;
    assert_eq!(refreshed.refused(), ["INVALID_REFRESH_TOKEN"]);

    for code in [&second, &first] {
        assert_eq!(resets(&app, code, "moss-lantern-quiet").await.refused(), ["CODE_INVALID"]);
    }
    assert_eq!(sign_in(&app, &ada.email, PASSWORD).await.refused(), ["INVALID_CREDENTIALS"]);
    let back = sign_in(&app, &ada.email, OTHER).await.text("tokens.accessToken");
    let me = app.bearer(&back).asks(ME, json!({})).await;
    assert_eq!(me.data()["viewer"]["emailVerified"], true, "they read their mail");
    app.settles().await;
    assert_eq!(letters(&app, &ada.email).last().unwrap(), "About the safety of your account at Rabta");

    asks_reset(&app, &ada.email).await.ok();
    let late = mailed_code(&app, &ada.email).await;
    app.market.clock().advance(TimeDelta::minutes(30));
    assert_eq!(resets(&app, &late, PASSWORD).await.refused(), ["CODE_INVALID"], "it is over");
}

#[tokio::test]
async fn password_reset_of_an_unknown_address_looks_like_that_of_a_known_one() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    app.settles().await;
    let before = letters(&app, &ada.email).len();
    let (known, unknown) = (asks_reset(&app, &ada.email).await, asks_reset(&app, "nobody@example.com").await);
    assert_eq!(known.ok(), unknown.ok());
    app.settles().await;
    assert_eq!(letters(&app, &ada.email).len(), before + 1);
    assert_eq!(letters(&app, "nobody@example.com").len(), 0);
    // What is written is the same as well, so it takes the same time.
    let rows = "select count(*) from mail_codes where purpose = 'reset_password'";
    let count: i64 = sqlx::query_scalar(rows).fetch_one(app.pool()).await.unwrap();
    assert_eq!(count, 2);
    for email in [&ada.email, "nobody@example.com"] {
        for _ in 0..4 {
            asks_reset(&app, email).await.ok();
        }
        assert_eq!(asks_reset(&app, email).await.refused(), ["TOO_MANY_ATTEMPTS"], "{email}");
    }
    assert_eq!(asks_reset(&app, "nobody").await.faults(), ["email: MALFORMED"]);

    // The code of a letter says nothing that is kept.
    let code = mailed_code(&app, &ada.email).await;
    let proof = code.split('.').nth(1).unwrap();
    let kept = "select count(*) from mail_codes m where m::text like '%' || $1 || '%'";
    let count: i64 = sqlx::query_scalar(kept).bind(proof).fetch_one(app.pool()).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn of_two_resets_with_one_code_one_sets_the_password() {
    let app = TestApp::new().await;
    app.person("ada").await;
    for _ in 0..3 {
        asks_reset(&app, "ada@example.com").await.ok();
        let code = mailed_code(&app, "ada@example.com").await;
        let (one, two) = tokio::join!(resets(&app, &code, OTHER), resets(&app, &code, "moss-lantern-quiet"));
        let won = [&one, &two].into_iter().filter(|reply| reply.faults().is_empty()).count();
        assert_eq!(won, 1, "{:#} {:#}", one.body, two.body);
    }
}

#[tokio::test]
async fn password_change_takes_the_old_one_and_ends_the_other_sessions() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let phone = app.bearer(&sign_in(&app, &ada.email, PASSWORD).await.text("tokens.accessToken"));
    let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    let fields = "viewer { email }";
    let wrong = ada.does("passwordChange", change("not it at all", OTHER), fields).await;
    assert_eq!(wrong.faults(), ["currentPassword: WRONG"]);
    let weak = ada.does("passwordChange", change(PASSWORD, "kensington"), fields).await;
    assert_eq!(weak.faults(), ["newPassword: TOO_COMMON"]);
    assert_eq!(
        app.visitor().does("passwordChange", change(PASSWORD, OTHER), fields).await.refused(),
        ["UNAUTHENTICATED"]
    );
    asks_reset(&app, &ada.email).await.ok();
    let on_its_way = mailed_code(&app, &ada.email).await;
    phone.asks(ME, json!({})).await.data();

    ada.does("passwordChange", change(PASSWORD, OTHER), fields).await.ok();
    assert_eq!(phone.asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    ada.asks(ME, json!({})).await.data();
    lin.asks(ME, json!({})).await.data();
    assert_eq!(sign_in(&app, &ada.email, PASSWORD).await.refused(), ["INVALID_CREDENTIALS"]);
    assert_eq!(resets(&app, &on_its_way, PASSWORD).await.refused(), ["CODE_INVALID"]);
    sign_in(&app, &ada.email, OTHER).await.ok();
    sign_in(&app, &lin.email, PASSWORD).await.ok();

    for _ in 0..10 {
        ada.does_once("passwordChange", change("not it at all", OTHER), fields).await.refused();
    }
    let limited = ada.does_once("passwordChange", change(OTHER, PASSWORD), fields).await;
    assert_eq!(limited.refused(), ["TOO_MANY_ATTEMPTS"]);
    sign_in(&app, &ada.email, OTHER).await.ok();
}

#[tokio::test]
async fn email_change_takes_a_fresh_proof_and_the_code_of_the_new_mailbox() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let request = async |who: &Person<'_>, email: &str| {
        who.does("emailChangeRequest", json!({ "email": email }), "expiresAt").await
    };
    let brings = async |who: &Person<'_>, code: &str| {
        who.does("emailChange", json!({ "code": code }), "viewer { email emailVerified }").await
    };
    request(&ada, "Countess@example.com").await.ok();
    let code = mailed_code(&app, "countess@example.com").await;
    assert_eq!(brings(&lin, &code).await.refused(), ["CODE_INVALID"], "it is not hers");
    assert_eq!(verifies(&ada, &code).await.refused(), ["CODE_INVALID"]);
    // What is on its way to the old address dies with it.
    asks_reset(&app, &ada.email).await.ok();
    let to_the_old = mailed_code(&app, &ada.email).await;
    let seen = json!({ "email": "countess@example.com", "emailVerified": true });
    assert_eq!(brings(&ada, &code).await.ok()["viewer"], seen);
    app.settles().await;
    assert_eq!(letters(&app, "ada@example.com").last().unwrap(), "About the safety of your account at Rabta");
    assert_eq!(resets(&app, &to_the_old, OTHER).await.refused(), ["CODE_INVALID"]);
    assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.refused(), ["INVALID_CREDENTIALS"]);
    sign_in(&app, "countess@example.com", PASSWORD).await.ok();

    // An address that is somebody's looks like any other, but to whoever reads its mail.
    let (free, taken) = (request(&lin, "free@example.com").await, request(&lin, "countess@example.com").await);
    assert_eq!(free.ok(), taken.ok());
    app.settles().await;
    assert_eq!(letters(&app, "countess@example.com").last().unwrap(), "You have an account already");
    assert!(
        app.market
            .mail()
            .letters_to("countess@example.com")
            .last()
            .unwrap()
            .text
            .lines()
            .all(|line| !line.starts_with("mco_"))
    );
}

#[tokio::test]
async fn what_touches_money_or_safety_takes_a_fresh_proof_of_who_it_is() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    let members = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id role } } } } }";
    let found = ada.asks(members, json!({ "id": ada.organization })).await;
    let nodes = found.data()["node"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let heir = nodes.iter().find(|member| member["role"] == "ADMIN").expect("bo has joined")["id"].clone();

    let phone = refreshed(&app, &ada).await;
    let acts = [
        ("payoutMethodAdd", json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Ada" })),
        ("payeeUpdate", json!({ "address": "12 Mall Road, Lahore" })),
        ("emailChangeRequest", json!({ "email": "other@example.com" })),
        ("secondFactorEnroll", json!({})),
        ("secondFactorRemove", json!({})),
        ("passkeyBegin", json!({ "purpose": "ADD" })),
        ("organizationTransfer", json!({ "organizationId": ada.organization, "memberId": heir })),
    ];
    for (act, input) in &acts {
        let reply = phone.does(act, input.clone(), "__typename").await;
        assert_eq!(reply.refused(), ["REAUTHENTICATE"], "{act}");
    }
    let told = phone
        .asks(
            "mutation { payoutMethodAdd(input: { iban: \"PK36SCBL0000001123456702\", accountTitle: \"Ada\" }) {
                errors { code ... on ReauthenticationRequiredError { withinSeconds } } } }",
            json!({}),
        )
        .await;
    let error = json!({ "code": "REAUTHENTICATE", "withinSeconds": 900 });
    assert_eq!(told.data()["payoutMethodAdd"]["errors"], json!([error]));

    let proves = |password: &str| json!({ "password": password });
    let wrong = phone.does("reauthenticate", proves("not it at all"), "session { provedAt }").await;
    assert_eq!(wrong.faults(), ["password: WRONG"]);
    assert_eq!(phone.does(acts[0].0, acts[0].1.clone(), "__typename").await.refused(), ["REAUTHENTICATE"]);
    phone.does("reauthenticate", proves(PASSWORD), "session { provedAt }").await.ok();
    for (act, input) in &acts {
        phone.does(act, input.clone(), "__typename").await.ok();
    }
    let visitor = app.visitor().does("reauthenticate", proves(PASSWORD), "session { id }").await;
    assert_eq!(visitor.refused(), ["UNAUTHENTICATED"]);
}

/// What each mutation of a verb takes is one column of the access table: all of them are tried, with a proof
/// that is too old by a moment.
#[tokio::test]
async fn every_mutation_takes_as_fresh_a_proof_as_its_verb_does() {
    use domain::access::Freshness;
    let app = TestApp::new().await;
    let world = app.world().await;
    let inputs = tests::introspect::Inputs::read().await;
    let ada = app.client("ada").await;
    let session = async |minutes: i64| {
        let age = "update sessions set proved_at = $1 where user_id = (select id from users where email = $2)";
        let proved_at = app.market.clock().now() - TimeDelta::minutes(minutes);
        sqlx::query(age).bind(proved_at).bind(&ada.email).execute(app.pool()).await.unwrap();
    };
    let mut tried = std::collections::BTreeMap::new();
    for mutation in &inputs.mutations {
        let name = mutation.name.as_str();
        let needed = api::context::proof_for(name);
        let Some(within) = needed.within() else { continue };
        let input = inputs.sample(mutation, world.ids(), true);
        for (minutes, is_old) in [(within.num_minutes(), true), (within.num_minutes() - 1, false)] {
            session(minutes).await;
            let mut input = input.clone();
            // A payout can be asked for with the password in place of a proof.
            input.as_object_mut().map(|input| input.remove("password"));
            let reply = ada.does_once(name, input, "__typename").await;
            let errors = reply.data()[name]["errors"].as_array().cloned().unwrap_or_default();
            let asked = errors.iter().any(|error| error["code"] == "REAUTHENTICATE");
            // Asked for where it is carried out, after whether the bank account is theirs.
            let expected = is_old && name != "payoutRequest";
            assert_eq!(asked, expected, "{name} with a proof {minutes} minutes old: {errors:?}");
        }
        *tried.entry(needed).or_insert(0) += 1;
    }
    session(Freshness::Today.within().unwrap().num_minutes()).await;
    let told = "mutation { milestoneApprove(input: { milestoneId: \"mil_0\" }) {
        errors { ... on ReauthenticationRequiredError { withinSeconds } } } }";
    let told = ada.asks(told, json!({})).await;
    assert_eq!(told.data()["milestoneApprove"]["errors"][0]["withinSeconds"], 12 * 60 * 60, "its own freshness");
    assert!(tried[&Freshness::Fresh] >= 25 && tried[&Freshness::Today] >= 10, "{tried:?}");
    let safe = ["memberInvite", "memberUpdate", "memberRemove", "organizationTransfer", "payoutApprove", "userSuspend"];
    for name in safe.into_iter().chain(["policyVersionAdd", "disputeAward", "paymentRefund", "wireSettle"]) {
        assert_eq!(api::context::proof_for(name), Freshness::Fresh, "{name}");
    }
    for name in ["milestoneFund", "milestoneApprove", "bonusGive", "tipGive", "timesheetPay", "disputeOffer"] {
        assert_eq!(api::context::proof_for(name), Freshness::Today, "{name}");
    }
}

#[tokio::test]
async fn payout_request_takes_the_password_or_a_fresh_proof() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let input = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = deal.freelancer.does("payoutMethodAdd", input, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": "100.00" }, "purposeCode": "9186" });
    let phone = refreshed(&app, &deal.freelancer).await;
    assert_eq!(phone.does("payoutRequest", ask.clone(), "payout { id }").await.refused(), ["REAUTHENTICATE"]);
    let mut with = ask.clone();
    with["password"] = json!(PASSWORD);
    phone.does("payoutRequest", with, "payout { id }").await.ok();
    assert_eq!(phone.does("payoutRequest", ask.clone(), "payout { id }").await.refused(), ["REAUTHENTICATE"]);
    phone.does("reauthenticate", json!({ "password": PASSWORD }), "session { id }").await.ok();
    phone.does("payoutRequest", ask, "payout { id }").await.ok();
    let left: Value = deal.freelancer.asks("{ viewer { payouts { nodes { status } } } }", json!({})).await.body;
    assert_eq!(left["data"]["viewer"]["payouts"]["nodes"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn strangers_who_guess_keep_nobody_out_who_reads_the_mail() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let from = async |address: &str, password: &str| {
        let body = json!({
            "query": "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }",
            "variables": { "i": { "email": "ada@example.com", "password": password } }
        });
        sends_from(&app, address, body).await["data"]["signIn"]["errors"].clone()
    };
    // Her house has a network of its own, in which addresses change by themselves.
    assert_eq!(from("2001:db8:1:2::1", PASSWORD).await, json!([]));
    for nth in 0..60 {
        from(&format!("198.51.100.{nth}"), "not it at all").await;
    }
    let too_many = json!([{ "code": "TOO_MANY_ATTEMPTS" }]);
    assert_eq!(from("203.0.113.7", PASSWORD).await, too_many, "she is at a café, and strangers guess");
    assert_eq!(from("2001:db8:1:2:aaaa::9", PASSWORD).await, json!([]), "at home she gets in");
    asks_reset(&app, "ada@example.com").await.ok();
    let code = mailed_code(&app, "ada@example.com").await;
    let body = json!({
        "query": "mutation($i: PasswordResetInput!) { passwordReset(input: $i) { errors { code } } }",
        "variables": { "i": { "code": code, "newPassword": OTHER } }
    });
    assert_eq!(sends_from(&app, "203.0.113.7", body).await["data"]["passwordReset"]["errors"], json!([]));
    for nth in 0..60 {
        from(&format!("198.51.101.{nth}"), "not it at all").await;
    }
    assert_eq!(from("203.0.113.8", OTHER).await, too_many);
    assert_eq!(from("2001:db8:1:2::1", OTHER).await, too_many, "who was there may be whom she set it anew for");
    assert_eq!(from("203.0.113.7", OTHER).await, json!([]), "where she set the password she is known");
}

/// What is answered to a request that comes from this address.
pub async fn sends_from(app: &TestApp, address: &str, body: Value) -> Value {
    let peer: std::net::IpAddr = address.parse().unwrap();
    let request = axum::http::Request::post("/graphql")
        .header("content-type", "application/json")
        .extension(axum::extract::ConnectInfo(std::net::SocketAddr::from((peer, 4000))))
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let answer = app.send(request).await;
    serde_json::from_slice(&axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap()
}

#[tokio::test]
async fn account_erase_waits_for_money_that_is_on_its_way_after_the_contract() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (faisal, client) = (&deal.freelancer, &deal.client);
    client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    app.settles().await;
    let erase = async |who: &Person<'_>| {
        let reply = who.does_once("accountErase", json!({ "confirmEmail": who.email }), "erasedAt").await;
        reply.refused().concat()
    };
    assert_eq!(erase(faisal).await, "ACCOUNT_HAS_MONEY");
    let tip = json!({ "contractId": deal.contract, "amount": { "amount": "20.00" },
        "message": "Thank you", "paymentMethod": "pm_sandbox_late" });
    client.does("tipGive", tip, "milestone { id } payment { status }").await.ok();
    app.settles().await;
    for who in [faisal, client] {
        assert_eq!(erase(who).await, "ACCOUNT_HAS_MONEY_UNDER_WAY", "a bank takes its time over it");
    }
    app.market.clock().advance(TimeDelta::minutes(10));
    app.settles().await;
    assert_eq!(erase(faisal).await, "ACCOUNT_HAS_MONEY_UNDER_WAY", "it is in its hold");
    app.passes(TimeDelta::days(5)).await;
    assert_eq!(erase(faisal).await, "ACCOUNT_HAS_MONEY");
}

#[tokio::test]
async fn account_erase_waits_for_what_binds_and_leaves_the_books_whole() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let (faisal, client) = (&deal.freelancer, &deal.client);
    let erase = async |who: &Person<'_>, email: &str| {
        who.does("accountErase", json!({ "confirmEmail": email }), "erasedAt").await
    };
    assert_eq!(erase(faisal, "somebody@example.com").await.faults(), ["confirmEmail: WRONG"]);
    assert_eq!(erase(faisal, &faisal.email).await.refused(), ["ACCOUNT_HAS_CONTRACTS"]);
    assert_eq!(erase(client, &client.email).await.refused(), ["ACCOUNT_HAS_CONTRACTS"]);
    client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    app.passes(TimeDelta::days(30)).await;
    assert_eq!(erase(faisal, &faisal.email).await.refused(), ["ACCOUNT_HAS_MONEY"]);

    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    let said = json!({ "address": "12 Mall Road, Lahore", "cnic": "35202-8765432-9" });
    faisal.does("payeeUpdate", said, "payee { version }").await.ok();
    app.passes(TimeDelta::days(3)).await;
    let balances = "{ viewer { balances { available { amount } } } }";
    let left = faisal.asks(balances, json!({})).await.data()["viewer"]["balances"]["available"]["amount"].clone();
    let ask = json!({ "payoutMethodId": method, "amount": { "amount": left }, "purposeCode": "9186" });
    faisal.does("payoutRequest", ask, "payout { id }").await.ok();
    assert_eq!(erase(faisal, &faisal.email).await.refused(), ["ACCOUNT_HAS_PAYOUTS"]);
    app.passes(TimeDelta::days(5)).await;
    // A bank can send it back for a month; then there must be somebody to have it.
    let soon = erase(faisal, &faisal.email).await;
    assert_eq!(soon.refused(), ["ACCOUNT_HAS_RECENT_PAYOUT"]);
    let paid_at = "select max((state ->> 'at')::timestamptz) from payouts where status = 'paid'";
    let paid_at: chrono::DateTime<chrono::Utc> = sqlx::query_scalar(paid_at).fetch_one(app.pool()).await.unwrap();
    let from = (paid_at + TimeDelta::days(30)).format("%Y-%m-%d %H:%M:%S UTC").to_string();
    assert!(soon.body.to_string().contains(&from), "{:#}", soon.body);
    app.passes(TimeDelta::days(26)).await;
    let phone = refreshed(&app, faisal).await;
    let stale = phone.does("accountErase", json!({ "confirmEmail": faisal.email }), "erasedAt").await;
    assert_eq!(stale.refused(), ["REAUTHENTICATE"]);

    let postings = "select count(*) || ':' || sum(hashtext(p::text)::bigint) from ledger_postings p";
    let before: String = sqlx::query_scalar(postings).fetch_one(app.pool()).await.unwrap();
    erase(faisal, " FAISAL@example.com ").await.ok();
    let after: String = sqlx::query_scalar(postings).fetch_one(app.pool()).await.unwrap();
    assert_eq!(before, after);
    tests::books::assert_books(&tests::books::books(app.pool()).await);

    let out = phone.asks(ME, json!({})).await;
    assert_eq!((out.status, out.failed()), (StatusCode::UNAUTHORIZED, vec!["SESSION_ENDED"]), "at once, everywhere");
    assert_eq!(sign_in(&app, &faisal.email, PASSWORD).await.refused(), ["INVALID_CREDENTIALS"]);
    let named = "query($id: ID!) { node(id: $id) { ... on User { name timeZone profile { id } } } }";
    let seen = client.asks(named, json!({ "id": faisal.id })).await;
    assert_eq!(seen.data()["node"], json!({ "name": "Erased account", "timeZone": "UTC", "profile": null }));
    let contract =
        "query($id: ID!) { contract(id: $id) { status freelancer { name } statement { nodes { number } } } }";
    let kept = client.asks(contract, json!({ "id": deal.contract })).await;
    assert_eq!(kept.data()["contract"]["freelancer"]["name"], "Erased account");
    assert!(!kept.data()["contract"]["statement"]["nodes"].as_array().unwrap().is_empty());

    // Nothing of the person is left in any table, but for what others wrote.
    let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(app.pool())
        .await
        .unwrap();
    for table in tables {
        for word in ["faisal@example.com", "PK36SCBL0000001123456702", "12 Mall Road"] {
            let holds = format!("select count(*) from {table} t where t::text ilike '%{word}%'");
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(holds)).fetch_one(app.pool()).await.unwrap();
            assert_eq!(count, 0, "{table} still holds {word}");
        }
    }
    // The address is free again, for a person of its own.
    let anew = app.person("faisal").await;
    assert_ne!(anew.id, faisal.id);

    // A company of one goes with its owner, one with others waits for another owner.
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    super::organization::joins(&ada, &bo, "VIEWER").await;
    assert_eq!(erase(&ada, &ada.email).await.refused(), ["ACCOUNT_OWNS_COMPANY"]);
    erase(&bo, &bo.email).await.ok();
    erase(&ada, &ada.email).await.ok();
    let noor = app.admin("noor").await;
    assert_eq!(erase(&noor, &noor.email).await.refused(), ["ACCOUNT_IS_STAFF"]);
}

#[tokio::test]
async fn account_erase_lets_go_of_the_cards_of_a_company_of_ones_own() {
    let app = TestApp::new().await;
    let (ada, bo) = (app.client("ada").await, app.client("bo").await);
    let keep = "insert into saved_payment_methods (organization_id, method, kind, last4, saved_at)
        select id, 'pm_' || left(name, 2), 'card', '4242', now() from organizations";
    sqlx::query(keep).execute(app.pool()).await.unwrap();
    ada.does("accountErase", json!({ "confirmEmail": ada.email }), "erasedAt").await.ok();
    let left = "select string_agg(method, ' ') from saved_payment_methods where removed_at is null";
    let left: String = sqlx::query_scalar(left).fetch_one(app.pool()).await.unwrap();
    assert_eq!(left, "pm_bo");
    bo.asks(ME, json!({})).await.data();
}

#[tokio::test]
async fn what_others_were_answered_of_somebody_who_is_erased_no_longer_says_who_it_was() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.client("ada").await, app.person("lin").await, app.admin("noor").await);
    let invite = json!({ "organizationId": ada.organization, "email": lin.email, "role": "VIEWER",
        "idempotencyKey": "invite lin" });
    let shown = "invitation { id email }";
    let first = ada.does_once("memberInvite", invite.clone(), shown).await;
    assert_eq!(first.text("invitation.email"), lin.email);
    let mut name = String::new();
    for (how, state) in [("userSuspend", "suspended"), ("userReinstate", "back")] {
        let input = json!({ "userId": lin.id, "reason": "A second look", "idempotencyKey": format!("lin is {state}") });
        name = noor.does_once(how, input, "user { id name }").await.text("user.name");
    }
    let name = format!("\"name\": \"{name}\"");
    let bystander = json!({ "organizationId": ada.organization, "email": "bo@example.com", "role": "VIEWER",
        "idempotencyKey": "invite bo" });
    ada.does_once("memberInvite", bystander.clone(), shown).await.ok();

    let kept = async |word: &str| -> i64 {
        let holds = "select count(*) from idempotency kept where answer::text ilike '%' || $1 || '%'";
        sqlx::query_scalar(holds).bind(word).fetch_one(app.pool()).await.unwrap()
    };
    assert_eq!((kept("lin@example.com").await, kept("bo@example.com").await, kept(&name).await), (3, 1, 2));
    let tokens = sign_in(&app, &lin.email, PASSWORD).await;
    let lin_again = app.bearer(&tokens.text("tokens.accessToken"));
    lin_again.does("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
    assert_eq!((kept("lin@example.com").await, kept("bo@example.com").await), (0, 1));
    assert_eq!(kept(&name).await, 0);

    // What was answered is the answer still, and nothing is done anew.
    let again = ada.does_once("memberInvite", invite, shown).await;
    assert_eq!(again.text("invitation.id"), first.text("invitation.id"));
    assert!(again.text("invitation.email").ends_with("@erased.invalid"), "{}", again.body);
    assert_eq!(ada.does_once("memberInvite", bystander, shown).await.text("invitation.email"), "bo@example.com");
}

#[tokio::test]
async fn sockets_and_streams_of_one_node_close_as_soon_as_their_session_ends_on_another() {
    let app = TestApp::new().await;
    // Sockets that would not look by themselves before the test is over, on a node where nothing else happens.
    let node = app.second_node().await;
    let wire = node.wire_that_asks_every(std::time::Duration::from_secs(3600)).await;
    let told = "subscription { notificationReceived { cursor } }";
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    for how in ["signOut", "sessionRevoke", "sessionRevokeAll", "passwordReset", "accountErase"] {
        let tokens = sign_in(&app, "ada@example.com", PASSWORD).await;
        let there = app.bearer(&tokens.text("tokens.accessToken"));
        let (mut socket, mut idle) = (wire.socket(&there).await, wire.socket(&there).await);
        let mut bystander = wire.socket(&lin.visitor().await).await;
        for socket in [&mut socket, &mut bystander] {
            socket.subscribe("told", told, json!({})).await;
            socket.is_at_ease().await;
        }
        let stream = wire.stream(&there, told).await;
        match how {
            "signOut" => {
                there.does(how, json!({}), "session { id }").await.ok();
            }
            "sessionRevokeAll" => {
                ada.does(how, json!({}), "revokedCount").await.ok();
            }
            "sessionRevoke" => {
                let id = json!({ "sessionId": tokens.text("tokens.session.id") });
                ada.does(how, id, "session { id }").await.ok();
            }
            "passwordReset" => {
                asks_reset(&app, "ada@example.com").await.ok();
                let code = mailed_code(&app, "ada@example.com").await;
                resets(&app, &code, PASSWORD).await.ok();
            }
            _ => {
                there.does(how, json!({ "confirmEmail": "ada@example.com" }), "erasedAt").await.ok();
            }
        }
        assert_eq!(idle.hears().await, Heard::Closed(4403), "{how}");
        socket.is_turned_away().await;
        let last = stream.text().await.expect("the stream ends");
        assert!(last.contains("SESSION_ENDED") || last.contains("UNAUTHENTICATED"), "{how}: {last}");
        assert!(last.ends_with("event: complete\ndata: \n\n"), "{how}: {last}");
        bystander.is_at_ease().await;
    }
}

#[tokio::test]
async fn nobody_is_erased_while_a_bank_may_give_back_what_it_took_of_theirs() {
    let app = TestApp::new().await;
    let deal = app.contracted().await;
    let more = json!({ "contractId": deal.contract, "title": "More", "amount": { "amount": "200.00" } });
    let more = deal.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
    deal.freelancer.does("milestoneAgree", json!({ "milestoneId": more }), "milestone { status }").await.ok();
    deal.fund(&more, "pm_sandbox_chargeback").await;
    let first = json!({ "milestoneId": deal.milestone });
    deal.client.does("milestoneRequestRefund", first.clone(), "milestone { status }").await.ok();
    deal.freelancer.does("milestoneAgreeRefund", first, "milestone { status }").await.ok();
    app.passes(TimeDelta::days(1)).await;
    deal.client.does("contractEnd", json!({ "contractId": deal.contract }), "contract { status }").await.ok();
    app.settles().await;
    let erase = async || {
        let input = json!({ "confirmEmail": deal.freelancer.email });
        deal.freelancer.does_once("accountErase", input, "erasedAt").await.refused().concat()
    };
    assert_eq!(erase().await, "ACCOUNT_HAS_MONEY_UNDER_WAY");
    app.passes(TimeDelta::days(119)).await;
    assert_eq!(erase().await, "ACCOUNT_HAS_MONEY_UNDER_WAY");
    app.passes(TimeDelta::days(2)).await;
    let input = json!({ "confirmEmail": deal.freelancer.email });
    deal.freelancer.does_once("accountErase", input, "erasedAt").await.ok();
}
