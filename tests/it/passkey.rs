//! Passkeys, with a device in software.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection;
use tests::authenticator::{BACKED_UP, ELIGIBLE, Manner, PRESENT, VERIFIED, encode};
use tests::{Authenticator, PASSWORD, Person, Reply, TOKENS, TestApp, Visitor};

use crate::worker::stand_in_line;

const BEGIN: &str = "ceremony { ceremonyId options expiresAt }";
const PASSKEY: &str = "passkey { id name createdAt lastUsedAt isBackedUp }";

/// A page begins: the ceremony's id, and what it asks the browser for.
async fn begins(who: &Visitor<'_>, purpose: &str) -> (String, Value) {
    let begun = who.does("passkeyBegin", json!({ "purpose": purpose }), BEGIN).await;
    (begun.text("ceremony.ceremonyId"), begun.ok()["ceremony"]["options"].clone())
}

async fn finishes_adding(who: &Visitor<'_>, ceremony: &str, name: &str, credential: Value) -> Reply {
    who.does("passkeyAdd", json!({ "ceremonyId": ceremony, "name": name, "credential": credential }), PASSKEY).await
}

async fn finishes_sign_in(app: &TestApp, ceremony: &str, credential: Value) -> Reply {
    app.visitor().does("passkeySignIn", json!({ "ceremonyId": ceremony, "credential": credential }), TOKENS).await
}

async fn finishes_proving(who: &Visitor<'_>, ceremony: &str, credential: Value) -> Reply {
    let input = json!({ "ceremonyId": ceremony, "credential": credential });
    who.does("passkeyProve", input, "session { id provedAt }").await
}

/// Somebody adds a passkey: the device, and the passkey's id.
pub async fn adds(who: &Visitor<'_>, name: &str) -> (Authenticator, String) {
    let mut device = Authenticator::default();
    let (ceremony, options) = begins(who, "ADD").await;
    let added = finishes_adding(who, &ceremony, name, device.creates(&options, &Manner::default())).await;
    let id = added.text("passkey.id");
    (device, id)
}

/// Somebody signs in with it.
pub async fn signs_in(app: &TestApp, device: &Authenticator, manner: &Manner) -> Reply {
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    finishes_sign_in(app, &ceremony, device.shows(&options, manner)).await
}

async fn list(who: &Person<'_>) -> Vec<Value> {
    let reply = who.asks("{ viewer { passkeys { nodes { id name lastUsedAt isBackedUp } } } }", json!({})).await;
    reply.data()["viewer"]["passkeys"]["nodes"].as_array().unwrap().clone()
}

async fn last_letter(app: &TestApp, email: &str) -> String {
    app.settles().await;
    app.market.mail().letters_to(email).last().unwrap().text.clone()
}

#[tokio::test]
async fn a_passkey_is_added_once_for_a_key_however_often_it_is_sent() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let me = ada.visitor().await;
    let mut device = Authenticator::default();
    let (ceremony, options) = begins(&me, "ADD").await;
    let credential = device.creates(&options, &Manner::default());
    let input = |name: &str| json!({ "ceremonyId": ceremony, "name": name, "credential": credential, "idempotencyKey": "once" });
    let first = me.does("passkeyAdd", input("Phone"), PASSKEY).await;
    let again = me.does("passkeyAdd", input("Phone"), PASSKEY).await;
    assert_eq!(first.text("passkey.id"), again.text("passkey.id"), "its challenge is used up, and it has its answer");
    assert_eq!(me.does("passkeyAdd", input("Laptop"), PASSKEY).await.refused(), ["IDEMPOTENCY_CONFLICT"]);
    let mut other = input("Phone");
    other["idempotencyKey"] = json!("another");
    assert_eq!(me.does("passkeyAdd", other, PASSKEY).await.refused(), ["PASSKEY_CEREMONY_INVALID"]);
    assert_eq!(list(&ada).await.len(), 1);
}

#[tokio::test]
async fn a_passkey_is_added_signs_in_proves_and_is_removed() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let me = ada.visitor().await;
    super::second_factor::sets_up(&ada).await;

    let (ceremony, options) = begins(&me, "ADD").await;
    assert_eq!(options["rp"], json!({ "id": "localhost", "name": "Rabta" }));
    assert_eq!((&options["user"]["name"], &options["user"]["displayName"]), (&json!(ada.email), &json!("Ada")));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["excludeCredentials"], json!([]));
    assert_eq!(options["challenge"].as_str().map(str::len), Some(43), "32 bytes");
    let offered: Vec<i64> =
        options["pubKeyCredParams"].as_array().unwrap().iter().filter_map(|kind| kind["alg"].as_i64()).collect();
    assert_eq!(offered, [-8, -7, -257]);
    let mut device = Authenticator::default();
    let made = device.creates(&options, &Manner::default());
    let added = finishes_adding(&me, &ceremony, " Phone ", made).await;
    assert_eq!(added.text("passkey.name"), "Phone");
    let id = added.text("passkey.id");
    assert_eq!(list(&ada).await, [json!({ "id": id, "name": "Phone", "lastUsedAt": null, "isBackedUp": true })]);
    assert!(last_letter(&app, &ada.email).await.contains("A passkey was added"), "she is told");
    let (_, again) = begins(&me, "ADD").await;
    let known =
        json!([{ "type": "public-key", "id": encode(&device.credential), "transports": ["hybrid", "internal"] }]);
    assert_eq!(again["excludeCredentials"], known);

    // Everybody is asked alike, and neither the password nor the app's code is wanted.
    let (_, asked) = begins(&app.visitor(), "SIGN_IN").await;
    assert_eq!((&asked["allowCredentials"], &asked["rpId"]), (&json!([]), &json!("localhost")));
    assert_eq!(asked["userVerification"], "required");
    let signed_in = signs_in(&app, &device, &Manner::default()).await;
    assert_eq!(signed_in.text("tokens.viewer.email"), ada.email);
    let there = app.bearer(&signed_in.text("tokens.accessToken"));
    let sessions = there.asks("{ viewer { sessions { nodes { isCurrent address } } } }", json!({})).await;
    let nodes = sessions.data()["viewer"]["sessions"]["nodes"].as_array().unwrap().clone();
    assert!(nodes.contains(&json!({ "isCurrent": true, "address": "127.0.0.1" })), "{nodes:?}");
    assert!(list(&ada).await[0]["lastUsedAt"].is_string());
    let enroll = there.does("payoutMethodAdd", bank(), "payoutMethod { id }").await;
    enroll.ok();

    // Later it is a fresh proof, too.
    app.market.clock().advance(TimeDelta::minutes(15));
    let refresh = json!({ "refreshToken": signed_in.text("tokens.refreshToken") });
    let tokens = app.visitor().does("sessionRefresh", refresh, TOKENS).await;
    let there = app.bearer(&tokens.text("tokens.accessToken"));
    let remove = json!({ "passkeyId": id });
    assert_eq!(there.does("passkeyRemove", remove.clone(), PASSKEY).await.refused(), ["REAUTHENTICATE"]);
    let (ceremony, asked) = begins(&there, "PROVE").await;
    assert_eq!(asked["allowCredentials"], known);
    let proved = finishes_proving(&there, &ceremony, device.shows(&asked, &Manner::default())).await;
    assert_eq!(proved.text("session.id"), tokens.text("tokens.session.id"));
    let renamed = there.does("passkeyRename", json!({ "passkeyId": id, "name": "Old phone" }), PASSKEY).await;
    assert_eq!(renamed.text("passkey.name"), "Old phone");
    assert_eq!(there.does("passkeyRemove", remove, PASSKEY).await.text("passkey.name"), "Old phone");
    let of_her = there.asks("{ viewer { passkeys { nodes { id } } } }", json!({})).await;
    assert_eq!(of_her.data()["viewer"]["passkeys"]["nodes"], json!([]));
    assert!(last_letter(&app, &ada.email).await.contains("A passkey of yours was removed"));
    assert_eq!(signs_in(&app, &device, &Manner::default()).await.refused(), ["PASSKEY_REFUSED"]);
    there.asks("{ viewer { email } }", json!({})).await.data();

    let admin = app.admin("noor").await;
    let acts = "query($actor: String) { auditLog(actor: $actor) { nodes { act } } }";
    let acts = admin.asks(acts, json!({ "actor": ada.id })).await.data()["auditLog"]["nodes"].clone();
    for act in ["passkey_add", "passkey_remove"] {
        assert!(acts.as_array().unwrap().contains(&json!({ "act": act })), "{act} in {acts}");
    }
}

fn bank() -> Value {
    json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Ada" })
}

#[tokio::test]
async fn an_answer_that_says_anything_else_than_was_asked_signs_nobody_in() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (device, _) = adds(&ada.visitor().await, "Phone").await;
    let other = app.person("lin").await;
    let (foreign, _) = adds(&other.visitor().await, "Phone").await;
    let truth = Manner::default;
    let origin = |origin: &str| Manner { origin: origin.to_owned(), ..truth() };
    let flags = |flags: u8| Manner { flags, ..truth() };
    let whose = |person: &Person<'_>| {
        let user: domain::id::UserId = person.id.parse().unwrap();
        encode(domain::id::Id::uuid(user).as_bytes())
    };
    let cases = [
        ("another challenge", Manner { challenge: Some(encode(&[7; 32])), ..truth() }, "PASSKEY_WRONG_CHALLENGE"),
        ("no challenge", Manner { challenge: Some(String::new()), ..truth() }, "PASSKEY_WRONG_CHALLENGE"),
        ("another site", origin("https://rabta.evil.example"), "PASSKEY_WRONG_ORIGIN"),
        ("another port", origin("http://localhost:8081"), "PASSKEY_WRONG_ORIGIN"),
        ("another scheme", origin("https://localhost:8080"), "PASSKEY_WRONG_ORIGIN"),
        ("an origin that begins like ours", origin("http://localhost:8080.evil.example"), "PASSKEY_WRONG_ORIGIN"),
        ("a frame elsewhere", Manner { cross_origin: true, ..truth() }, "PASSKEY_CROSS_ORIGIN"),
        ("another domain", Manner { domain: Some("evil.example".to_owned()), ..truth() }, "PASSKEY_WRONG_DOMAIN"),
        ("nobody there", flags(VERIFIED | ELIGIBLE), "PASSKEY_NOT_PRESENT"),
        ("nobody verified", flags(PRESENT | ELIGIBLE), "PASSKEY_NOT_VERIFIED"),
        ("a copy of what has none", flags(PRESENT | VERIFIED | BACKED_UP), "PASSKEY_BACKUP_STATE"),
        ("another nature than it had", flags(PRESENT | VERIFIED), "PASSKEY_BACKUP_STATE"),
        (
            "made, not shown",
            Manner { client_type: Some("webauthn.create".to_owned()), ..truth() },
            "PASSKEY_WRONG_TYPE",
        ),
        ("signed wrongly", Manner { is_signed_wrongly: true, ..truth() }, "PASSKEY_REFUSED"),
        ("another's name", Manner { user: Some(whose(&other)), ..truth() }, "PASSKEY_REFUSED"),
        ("nobody's name", Manner { user: Some(String::new()), ..truth() }, "PASSKEY_REFUSED"),
    ];
    for (what, manner, code) in cases {
        assert_eq!(signs_in(&app, &device, &manner).await.refused(), [code], "{what}");
    }

    // A credential that nobody has, and one that somebody else has signed for.
    let stranger = Authenticator::default();
    let as_ada = Manner { user: Some(whose(&ada)), ..truth() };
    assert_eq!(signs_in(&app, &stranger, &as_ada).await.refused(), ["PASSKEY_REFUSED"]);
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    let mut mixed = foreign.shows(&options, &as_ada);
    mixed["id"] = json!(encode(&device.credential));
    mixed["rawId"] = mixed["id"].clone();
    assert_eq!(finishes_sign_in(&app, &ceremony, mixed).await.refused(), ["PASSKEY_REFUSED"]);
    let unknown = signs_in(&app, &stranger, &as_ada).await;
    let unsigned = signs_in(&app, &device, &Manner { is_signed_wrongly: true, ..truth() }).await;
    assert_eq!((unknown.status, &unknown.body), (unsigned.status, &unsigned.body), "one answer for both");
    signs_in(&app, &device, &truth()).await.ok();
}

#[tokio::test]
async fn an_answer_that_says_anything_else_than_was_asked_adds_nothing() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let me = ada.visitor().await;
    let truth = Manner::default;
    let cases = [
        ("another challenge", Manner { challenge: Some(encode(&[7; 32])), ..truth() }, "PASSKEY_WRONG_CHALLENGE"),
        ("another site", Manner { origin: "https://evil.example".to_owned(), ..truth() }, "PASSKEY_WRONG_ORIGIN"),
        ("a frame elsewhere", Manner { cross_origin: true, ..truth() }, "PASSKEY_CROSS_ORIGIN"),
        ("another domain", Manner { domain: Some("evil.example".to_owned()), ..truth() }, "PASSKEY_WRONG_DOMAIN"),
        ("nobody there", Manner { flags: VERIFIED, ..truth() }, "PASSKEY_NOT_PRESENT"),
        ("nobody verified", Manner { flags: PRESENT, ..truth() }, "PASSKEY_NOT_VERIFIED"),
        ("a copy", Manner { flags: PRESENT | VERIFIED | BACKED_UP, ..truth() }, "PASSKEY_BACKUP_STATE"),
        ("shown, not made", Manner { client_type: Some("webauthn.get".to_owned()), ..truth() }, "PASSKEY_WRONG_TYPE"),
        ("P-384", Manner { algorithm: -35, ..truth() }, "PASSKEY_ALGORITHM"),
        ("HMAC", Manner { algorithm: 5, ..truth() }, "PASSKEY_ALGORITHM"),
        ("a chip's word", Manner { attestation: "tpm", ..truth() }, "PASSKEY_ATTESTATION"),
        ("its own word, unsigned", Manner { attestation: "packed", ..truth() }, "PASSKEY_ATTESTATION"),
    ];
    for (what, manner, code) in cases {
        let (ceremony, options) = begins(&me, "ADD").await;
        let made = Authenticator::default().creates(&options, &manner);
        assert_eq!(finishes_adding(&me, &ceremony, "Phone", made).await.refused(), [code], "{what}");
    }
    // A key of another kind than it says it is.
    let (ceremony, options) = begins(&me, "ADD").await;
    let made = Authenticator::default().creates(&options, &Manner { algorithm: -8, ..truth() });
    assert_eq!(finishes_adding(&me, &ceremony, "Phone", made).await.faults(), ["credential: MALFORMED"]);
    // A name at fault is told before the challenge is used up.
    let (ceremony, options) = begins(&me, "ADD").await;
    let made = Authenticator::default().creates(&options, &truth());
    for (name, fault) in [("", "REQUIRED"), (&*"x".repeat(81), "TOO_LONG"), ("a\u{202E}b", "MALFORMED")] {
        let refused = finishes_adding(&me, &ceremony, name, made.clone()).await;
        assert_eq!(refused.faults(), [format!("name: {fault}")]);
    }
    assert_eq!(list(&ada).await, Vec::<Value>::new());
    finishes_adding(&me, &ceremony, "Phone", made).await.ok();
}

#[tokio::test]
async fn a_challenge_is_answered_once_in_time_by_whom_and_for_what_it_was_asked() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let (device, _) = adds(&ada.visitor().await, "Phone").await;
    let over = ["PASSKEY_CEREMONY_INVALID"];
    let truth = Manner::default();

    // Once, rightly or not.
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    let shown = device.shows(&options, &truth);
    finishes_sign_in(&app, &ceremony, shown.clone()).await.ok();
    assert_eq!(finishes_sign_in(&app, &ceremony, shown).await.refused(), over, "it was used");
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    let wrong = device.shows(&options, &Manner { is_signed_wrongly: true, ..truth.clone() });
    assert_eq!(finishes_sign_in(&app, &ceremony, wrong).await.refused(), ["PASSKEY_REFUSED"]);
    assert_eq!(finishes_sign_in(&app, &ceremony, device.shows(&options, &truth)).await.refused(), over, "a second try");
    for made_up in ["", "pkc_00000000000000000000000000", &ada.id] {
        assert_eq!(finishes_sign_in(&app, made_up, device.shows(&options, &truth)).await.refused(), over, "{made_up}");
    }

    // In time.
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    app.market.clock().advance(TimeDelta::minutes(5) - TimeDelta::seconds(1));
    finishes_sign_in(&app, &ceremony, device.shows(&options, &truth)).await.ok();
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    app.market.clock().advance(TimeDelta::minutes(5));
    assert_eq!(finishes_sign_in(&app, &ceremony, device.shows(&options, &truth)).await.refused(), over, "too late");

    // By whom it was asked, in the same session; who else tries does not use it up.
    let (me, her) = (ada.visitor().await, lin.visitor().await);
    let elsewhere = json!({ "email": ada.email, "password": PASSWORD });
    let elsewhere = app.visitor().does("signIn", elsewhere, TOKENS).await.text("tokens.accessToken");
    let (ceremony, options) = begins(&me, "PROVE").await;
    let shown = device.shows(&options, &truth);
    for (who, which) in [(&her, "another person"), (&app.bearer(&elsewhere), "another session of hers")] {
        assert_eq!(finishes_proving(who, &ceremony, shown.clone()).await.refused(), over, "{which}");
    }
    assert_eq!(finishes_sign_in(&app, &ceremony, shown.clone()).await.refused(), over, "a visitor");
    finishes_proving(&me, &ceremony, shown).await.ok();
    let (ceremony, options) = begins(&me, "ADD").await;
    let made = Authenticator::default().creates(&options, &truth);
    assert_eq!(finishes_adding(&her, &ceremony, "Hers", made.clone()).await.refused(), over);
    finishes_adding(&me, &ceremony, "Key", made).await.ok();
    let visitor = app.visitor().does("passkeyBegin", json!({ "purpose": "ADD" }), BEGIN).await;
    assert_eq!(visitor.refused(), ["UNAUTHENTICATED"]);

    // For what it was asked, and by the person's own passkey.
    let (to_sign_in, options) = begins(&app.visitor(), "SIGN_IN").await;
    assert_eq!(finishes_proving(&me, &to_sign_in, device.shows(&options, &truth)).await.refused(), over);
    let (to_add, options) = begins(&me, "ADD").await;
    let options = json!({ "challenge": options["challenge"], "rpId": "localhost" });
    assert_eq!(finishes_proving(&me, &to_add, device.shows(&options, &truth)).await.refused(), over);
    let (foreign, _) = adds(&her, "Hers").await;
    let (ceremony, options) = begins(&me, "PROVE").await;
    assert_eq!(finishes_proving(&me, &ceremony, foreign.shows(&options, &truth)).await.refused(), ["PASSKEY_REFUSED"]);
}

#[tokio::test]
async fn of_two_who_finish_at_once_one_does() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let me = ada.visitor().await;
    let won = |replies: [&Reply; 2]| replies.into_iter().filter(|reply| reply.faults().is_empty()).count();
    for round in 1..=5 {
        let mut device = Authenticator::default();
        let (ceremony, options) = begins(&me, "ADD").await;
        let made = device.creates(&options, &Manner::default());
        let (one, two) = tokio::join!(
            finishes_adding(&me, &ceremony, "Phone", made.clone()),
            finishes_adding(&me, &ceremony, "Phone", made)
        );
        assert_eq!((won([&one, &two]), list(&ada).await.len()), (1, round), "{:#} {:#}", one.body, two.body);

        let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
        let shown = device.shows(&options, &Manner::default());
        let before = sessions(&app).await;
        let (one, two) =
            tokio::join!(finishes_sign_in(&app, &ceremony, shown.clone()), finishes_sign_in(&app, &ceremony, shown));
        assert_eq!((won([&one, &two]), sessions(&app).await), (1, before + 1), "{:#} {:#}", one.body, two.body);
    }
}

async fn sessions(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from sessions").fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn a_device_that_counts_backwards_is_taken_for_a_copy_and_told_of() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (device, id) = adds(&ada.visitor().await, "Key").await;
    let counts = |counter: u32| Manner { counter, ..Manner::default() };
    for counter in [1, 2, 7, u32::MAX - 1] {
        signs_in(&app, &device, &counts(counter)).await.ok();
    }
    for counter in [u32::MAX - 1, 8, 0] {
        assert_eq!(signs_in(&app, &device, &counts(counter)).await.refused(), ["PASSKEY_REFUSED"], "{counter}");
    }
    assert!(last_letter(&app, &ada.email).await.contains("looks as if there were a copy"), "she is told");
    let admin = app.admin("noor").await;
    let acts = "query($subject: String) { auditLog(subject: $subject) { nodes { act detail } } }";
    let acts = admin.asks(acts, json!({ "subject": ada.id })).await.data()["auditLog"]["nodes"].clone();
    let copied: Vec<&Value> = acts.as_array().unwrap().iter().filter(|line| line["act"] == "passkey_copied").collect();
    assert_eq!(copied.len(), 3, "{acts}");
    assert!(copied[0].to_string().contains(&id), "{}", copied[0]);

    // The same goes for a proof, and what was counted stays.
    let me = ada.visitor().await;
    let (ceremony, options) = begins(&me, "PROVE").await;
    let proof = finishes_proving(&me, &ceremony, device.shows(&options, &counts(3))).await;
    assert_eq!(proof.refused(), ["PASSKEY_REFUSED"]);
    signs_in(&app, &device, &counts(u32::MAX)).await.ok();
}

#[tokio::test]
async fn a_credential_is_added_once_and_twenty_to_a_person() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let (me, her) = (ada.visitor().await, lin.visitor().await);
    let (mut device, _) = adds(&me, "Phone").await;
    for who in [&me, &her] {
        let (ceremony, options) = begins(who, "ADD").await;
        let made = device.creates(&options, &Manner::default());
        assert_eq!(finishes_adding(who, &ceremony, "Phone", made).await.refused(), ["PASSKEY_TAKEN"]);
    }
    assert_eq!(list(&lin).await, Vec::<Value>::new());
    for n in 2..=19 {
        adds(&me, &format!("Key {n}")).await;
    }
    // Two were begun while there was room for one.
    let (one, two) = (begins(&me, "ADD").await, begins(&me, "ADD").await);
    let made = |options: &Value| Authenticator::default().creates(options, &Manner::default());
    finishes_adding(&me, &one.0, "Key 20", made(&one.1)).await.ok();
    assert_eq!(finishes_adding(&me, &two.0, "Key 21", made(&two.1)).await.refused(), ["PASSKEYS"]);
    let full = me.does("passkeyBegin", json!({ "purpose": "ADD" }), BEGIN).await;
    assert_eq!(full.refused(), ["PASSKEYS"]);
    let counted: i64 = sqlx::query_scalar("select count(*) from passkeys").fetch_one(app.pool()).await.unwrap();
    assert_eq!(counted, 20);
}

#[tokio::test]
async fn ceremonies_are_counted_for_each_person_and_each_network() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let (me, her) = (ada.visitor().await, lin.visitor().await);
    let begin = async |who: &Visitor<'_>, purpose: &str| {
        who.does("passkeyBegin", json!({ "purpose": purpose }), "ceremony { ceremonyId }").await
    };
    for purpose in ["PROVE", "ADD"].into_iter().cycle().take(30) {
        begin(&me, purpose).await.ok();
    }
    for purpose in ["PROVE", "ADD"] {
        assert_eq!(begin(&me, purpose).await.refused(), ["TOO_MANY_ATTEMPTS"], "{purpose}");
    }
    begin(&her, "PROVE").await.ok();
    for _ in 0..300 {
        begin(&app.visitor(), "SIGN_IN").await.ok();
    }
    assert_eq!(begin(&app.visitor(), "SIGN_IN").await.refused(), ["TOO_MANY_ATTEMPTS"]);
    app.market.clock().advance(TimeDelta::minutes(15));
    begin(&app.visitor(), "SIGN_IN").await.ok();

    for _ in 0..300 {
        assert_eq!(finishes_sign_in(&app, "", json!({})).await.refused(), ["PASSKEY_CEREMONY_INVALID"]);
    }
    assert_eq!(finishes_sign_in(&app, "", json!({})).await.refused(), ["TOO_MANY_ATTEMPTS"]);
}

#[tokio::test]
async fn what_is_no_answer_of_a_browser_is_told_so() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let me = ada.visitor().await;
    let (device, _) = adds(&me, "Phone").await;
    let with = |change: fn(&mut Value)| {
        move |mut answer: Value| {
            change(&mut answer);
            answer
        }
    };
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 17] = [
        ("a text", |answer| *answer = json!("not it")),
        ("JSON in a text", |answer| *answer = json!(answer.to_string())),
        ("a number", |answer| *answer = json!(7)),
        ("a list", |answer| *answer = json!([answer])),
        ("nothing in it", |answer| *answer = json!({})),
        ("no id", |answer| drop(answer.as_object_mut().map(|answer| answer.remove("id")))),
        ("an empty id", |answer| {
            answer["id"] = json!("");
            answer["rawId"] = json!("");
        }),
        ("two ids", |answer| answer["rawId"] = json!("AAAA")),
        ("another type", |answer| answer["type"] = json!("password")),
        ("no response", |answer| answer["response"] = Value::Null),
        ("no client data", |answer| answer["response"]["clientDataJSON"] = Value::Null),
        ("not base64", |answer| answer["response"]["clientDataJSON"] = json!("#")),
        ("padded base64", |answer| answer["response"]["clientDataJSON"] = json!("e30=")),
        ("client data that says nothing", |answer| answer["response"]["clientDataJSON"] = json!("e30")),
        ("a device that says nothing", |answer| {
            answer["response"]["authenticatorData"] = json!("");
            answer["response"]["attestationObject"] = json!("");
        }),
        ("half of what a device says", |answer| {
            for part in ["authenticatorData", "attestationObject"] {
                if let Some(text) = answer["response"][part].as_str() {
                    answer["response"][part] = json!(&text[..40]);
                }
            }
        }),
        ("more than a device says", |answer| {
            for part in ["authenticatorData", "attestationObject"] {
                if let Some(text) = answer["response"][part].as_str() {
                    // Whole groups first, so that what is added is a byte of its own.
                    let whole = text.len() / 4 * 4;
                    answer["response"][part] = json!(format!("{}AAAA", &text[..whole]));
                }
            }
        }),
    ];
    for (what, change) in changes {
        let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
        let answer = with(change)(device.shows(&options, &Manner::default()));
        assert_eq!(
            finishes_sign_in(&app, &ceremony, answer).await.faults(),
            ["credential: MALFORMED"],
            "shown: {what}"
        );
        let (ceremony, options) = begins(&me, "ADD").await;
        let answer = with(change)(Authenticator::default().creates(&options, &Manner::default()));
        let refused = finishes_adding(&me, &ceremony, "Phone", answer).await;
        assert_eq!(refused.faults(), ["credential: MALFORMED"], "made: {what}");
    }

    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    let mut huge = device.shows(&options, &Manner::default());
    huge["clientExtensionResults"] = json!("x".repeat(20_000));
    assert_eq!(finishes_sign_in(&app, &ceremony, huge).await.faults(), ["credential: TOO_LONG"]);
    let (ceremony, options) = begins(&app.visitor(), "SIGN_IN").await;
    let mut deep = device.shows(&options, &Manner::default());
    deep["response"]["clientDataJSON"] = json!(encode("[".repeat(9_000).as_bytes()));
    assert_eq!(finishes_sign_in(&app, &ceremony, deep).await.faults(), ["credential: MALFORMED"]);
    let (ceremony, options) = begins(&me, "ADD").await;
    let mut deep = Authenticator::default().creates(&options, &Manner::default());
    deep["response"]["attestationObject"] = json!(encode(&[0x81; 9_000]));
    assert_eq!(finishes_adding(&me, &ceremony, "Deep", deep).await.faults(), ["credential: MALFORMED"]);
    let (ceremony, options) = begins(&me, "ADD").await;
    let mut long = Authenticator::default().creates(&options, &Manner::default());
    // A list that says it has 2^63 items.
    long["response"]["attestationObject"] = json!(encode(&[0x9B, 0x80, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(finishes_adding(&me, &ceremony, "Long", long).await.faults(), ["credential: MALFORMED"]);
    let refused = finishes_sign_in(&app, "", json!("x".repeat(300_000))).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(list(&ada).await.len(), 1);
}

#[tokio::test]
async fn whoever_is_suspended_or_erased_is_refused_as_with_the_password() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    let admin = app.admin("noor").await;
    let (device, id) = adds(&ada.visitor().await, "Phone").await;
    let (of_lin, _) = adds(&lin.visitor().await, "Phone").await;
    let export = lin.does("accountExport", json!({ "parts": ["passkeys"] }), "export").await.ok()["export"].clone();
    assert_eq!(export["passkeys"][0]["name"], "Phone");
    assert_eq!(export["passkeys"][0]["id"], list(&lin).await[0]["id"]);
    assert!(export["passkeys"][0]["public_key"].is_null(), "{export}");

    // What others have can't be told from what nobody has.
    for (act, input) in
        [("passkeyRename", json!({ "passkeyId": id, "name": "Mine" })), ("passkeyRemove", json!({ "passkeyId": id }))]
    {
        assert_eq!(lin.does(act, input, PASSKEY).await.refused(), ["NOT_FOUND"], "{act}");
    }
    let node = "query($id: ID!) { node(id: $id) { ... on Passkey { name } } }";
    assert_eq!(lin.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    assert_eq!(admin.asks(node, json!({ "id": id })).await.data()["node"], Value::Null);
    assert_eq!(ada.asks(node, json!({ "id": id })).await.data()["node"]["name"], "Phone");

    let suspend = json!({ "userId": ada.id, "reason": "Spam" });
    admin.does("userSuspend", suspend, "user { id }").await.ok();
    assert_eq!(signs_in(&app, &device, &Manner::default()).await.refused(), ["SUSPENDED"]);
    let wrong = signs_in(&app, &device, &Manner { is_signed_wrongly: true, ..Manner::default() }).await;
    assert_eq!(wrong.refused(), ["PASSKEY_REFUSED"], "only she is told that she is");
    admin.does("userReinstate", json!({ "userId": ada.id, "reason": "Not spam" }), "user { id }").await.ok();
    signs_in(&app, &device, &Manner::default()).await.ok();

    begins(&lin.visitor().await, "PROVE").await;
    lin.does("accountErase", json!({ "confirmEmail": lin.email }), "erasedAt").await.ok();
    assert_eq!(signs_in(&app, &of_lin, &Manner::default()).await.refused(), ["PASSKEY_REFUSED"]);
    let left =
        "select (select count(*) from passkeys) + (select count(*) from passkey_ceremonies where user_id is not null)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(app.pool()).await.unwrap();
    assert_eq!(left, 1, "ada's passkey");
}

#[tokio::test]
async fn setting_another_password_by_mail_removes_passkeys_unless_they_are_to_stay_and_the_letter_names_those() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let fields = "endedCount passkeysRemovedCount passkeysLeft";
    let reset = async |input: Value| {
        let email = json!({ "email": ada.email });
        app.visitor().does("passwordResetRequest", email, "expiresAt").await.ok();
        let code = crate::account::mailed_code(&app, &ada.email).await;
        let mut all = json!({ "code": code, "newPassword": "violin-pebble-forty" });
        all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        app.visitor().does("passwordReset", all, fields).await.ok().clone()
    };
    let (device, _) = adds(&ada.visitor().await, "Phone").await;
    let kept = reset(json!({ "removePasskeys": false })).await;
    assert_eq!((&kept["passkeysRemovedCount"], &kept["passkeysLeft"]), (&json!(0), &json!(["Phone"])));
    let letter = last_letter(&app, &ada.email).await;
    assert!(letter.contains("set anew") && letter.contains("  - Phone\r\n"), "{letter}");
    signs_in(&app, &device, &Manner::default()).await.ok();

    let removed = reset(json!({})).await;
    assert_eq!((&removed["passkeysRemovedCount"], &removed["passkeysLeft"]), (&json!(1), &json!([])));
    assert!(last_letter(&app, &ada.email).await.contains("No passkey opens your account."));
    assert!(!signs_in(&app, &device, &Manner::default()).await.refused().is_empty(), "it opens nothing any more");
}

#[tokio::test]
async fn what_waits_while_a_password_is_set_anew_adds_no_passkey_and_no_bank_account() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (me, owner) = (ada.visitor().await, app.visitor());
    owner.does("passwordResetRequest", json!({ "email": ada.email }), "expiresAt").await.ok();
    let code = crate::account::mailed_code(&app, &ada.email).await;
    let (ceremony, options) = begins(&me, "ADD").await;
    let made = Authenticator::default().creates(&options, &Manner::default());
    let mut other = sqlx::PgConnection::connect(&app.database_url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::query("select from users for update").execute(&mut *held).await.unwrap();
    let adds_passkey = async {
        // The reset is first in line.
        stand_in_line(&app, 1).await;
        finishes_adding(&me, &ceremony, "Theirs", made).await
    };
    let adds_bank = async {
        stand_in_line(&app, 2).await;
        me.does("payoutMethodAdd", bank(), "payoutMethod { id }").await
    };
    let go = async {
        stand_in_line(&app, 3).await;
        held.rollback().await.unwrap();
    };
    let anew = json!({ "code": code, "newPassword": "violin-pebble-forty" });
    let (reset, passkey, account, ()) =
        tokio::join!(owner.does("passwordReset", anew, "endedCount"), adds_passkey, adds_bank, go);
    reset.ok();
    assert_eq!((passkey.refused(), account.refused()), (vec!["REAUTHENTICATE"], vec!["REAUTHENTICATE"]));
    let rows = "select (select count(*) from passkeys) + (select count(*) from payout_methods)";
    let rows: i64 = sqlx::query_scalar(rows).fetch_one(app.pool()).await.unwrap();
    assert_eq!(rows, 0, "whoever was in the account has no way back to it");
}

#[tokio::test]
async fn changing_a_password_keeps_passkeys_unless_they_are_to_go_and_the_letter_names_them() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    adds(&ada.visitor().await, "Phone").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "violin-pebble-forty" });
    ada.does("passwordChange", input, "viewer { email }").await.ok();
    assert!(last_letter(&app, &ada.email).await.contains("  - Phone\r\n"));
    assert_eq!(list(&ada).await.len(), 1);
    let input = json!({
        "currentPassword": "violin-pebble-forty", "newPassword": "cello-pebble-forty-one", "removePasskeys": true
    });
    ada.does("passwordChange", input, "viewer { email }").await.ok();
    assert!(last_letter(&app, &ada.email).await.contains("No passkey opens your account."));
    assert_eq!(list(&ada).await.len(), 0);
}
