//! The second proof beside the password.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{PASSWORD, Person, Reply, TOKENS, TestApp};
use totp_rs::{Builder, Secret};

/// What an authenticator app would show now.
fn shown(app: &TestApp, secret: &str) -> String {
    let now = u64::try_from(app.market.clock().of_devices().timestamp()).unwrap();
    let secret = Secret::try_from_base32(secret).unwrap();
    Builder::new().with_secret(secret).build().unwrap().generate(now).to_string()
}

/// Somebody sets up an app: its secret, and the recovery codes.
pub async fn sets_up(person: &Person<'_>) -> (String, Vec<String>) {
    let enrolled = person.does("secondFactorEnroll", json!({}), "enrollment { secret uri }").await;
    let secret = enrolled.text("enrollment.secret");
    let uri = enrolled.text("enrollment.uri");
    assert!(uri.starts_with("otpauth://totp/Rabta:") && uri.contains(&secret), "{uri}");
    let code = json!({ "code": shown(person.app, &secret) });
    let confirmed = person.does("secondFactorConfirm", code, "recoveryCodes").await;
    let codes: Vec<String> = serde_json::from_value(confirmed.ok()["recoveryCodes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

async fn sign_in(app: &TestApp, email: &str, code: Option<&str>) -> Reply {
    let input = json!({ "email": email, "password": PASSWORD, "code": code });
    app.visitor().does("signIn", input, TOKENS).await
}

async fn standing(person: &Person<'_>) -> Value {
    let reply = person.asks("{ viewer { secondFactor { isOn recoveryCodesLeft } } }", json!({})).await;
    reply.data()["viewer"]["secondFactor"].clone()
}

/// Days were let pass in a sandbox, and the phone on the desk shows the codes of today.
#[tokio::test]
async fn an_app_does_not_go_ahead_with_a_sandbox() {
    let app = TestApp::ahead(TimeDelta::days(3)).await;
    let ada = app.person("ada").await;
    assert!(app.market.clock().now() - app.market.clock().of_devices() > TimeDelta::days(2));
    sets_up(&ada).await;
    assert_eq!(standing(&ada).await["isOn"], true);
}

#[tokio::test]
async fn signing_in_takes_a_code_of_the_app_and_each_once() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    assert_eq!(standing(&ada).await, json!({ "isOn": false, "recoveryCodesLeft": 0 }));
    let (secret, _) = sets_up(&ada).await;
    assert_eq!(standing(&ada).await, json!({ "isOn": true, "recoveryCodesLeft": 10 }));
    sign_in(&app, &lin.email, None).await.ok();

    assert_eq!(sign_in(&app, &ada.email, None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
    let wrong_password = json!({ "email": ada.email, "password": "not it at all" });
    let refused = app.visitor().does("signIn", wrong_password, TOKENS).await;
    assert_eq!(refused.refused(), ["INVALID_CREDENTIALS"], "whoever does not know the password learns nothing");
    let used = shown(&app, &secret);
    assert_eq!(sign_in(&app, &ada.email, Some(&used)).await.refused(), ["SECOND_FACTOR_INVALID"], "it was used");
    for code in ["", "000", "abcdefgh", "12345678"] {
        assert_eq!(sign_in(&app, &ada.email, Some(code)).await.refused(), ["SECOND_FACTOR_INVALID"], "{code}");
    }
    app.market.clock().advance(TimeDelta::seconds(30));
    let next = shown(&app, &secret);
    let spaced = format!(" {} {} ", &next[..3], &next[3..]);
    sign_in(&app, &ada.email, Some(&spaced)).await.ok();
    assert_eq!(sign_in(&app, &ada.email, Some(&next)).await.refused(), ["SECOND_FACTOR_INVALID"], "it was used");
    app.market.clock().advance(TimeDelta::minutes(2));
    assert_eq!(sign_in(&app, &ada.email, Some(&next)).await.refused(), ["SECOND_FACTOR_INVALID"], "it is over");
    // Lin's app is another.
    let (secret_of_lin, _) = sets_up(&lin).await;
    app.market.clock().advance(TimeDelta::seconds(30));
    let foreign = shown(&app, &secret_of_lin);
    assert_eq!(sign_in(&app, &ada.email, Some(&foreign)).await.refused(), ["SECOND_FACTOR_INVALID"]);
}

#[tokio::test]
async fn guesses_at_the_second_factor_are_counted() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (secret, _) = sets_up(&ada).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&app, &ada.email, Some("recovery")).await.refused(), ["SECOND_FACTOR_INVALID"]);
    }
    app.market.clock().advance(TimeDelta::seconds(30));
    let limited = sign_in(&app, &ada.email, Some(&shown(&app, &secret))).await;
    assert_eq!(limited.refused(), ["TOO_MANY_ATTEMPTS"]);
    app.market.clock().advance(TimeDelta::minutes(15));
    sign_in(&app, &ada.email, Some(&shown(&app, &secret))).await.ok();
}

#[tokio::test]
async fn of_two_who_use_one_code_at_once_one_gets_in() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (secret, codes) = sets_up(&ada).await;
    app.market.clock().advance(TimeDelta::seconds(30));
    for code in [shown(&app, &secret), codes[0].clone()] {
        let (one, two) = tokio::join!(sign_in(&app, &ada.email, Some(&code)), sign_in(&app, &ada.email, Some(&code)));
        let won = [&one, &two].into_iter().filter(|reply| reply.faults().is_empty()).count();
        assert_eq!(won, 1, "{:#} {:#}", one.body, two.body);
    }
}

#[tokio::test]
async fn recovery_codes_work_once_each_are_kept_as_hashes_and_can_be_renewed() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (secret, codes) = sets_up(&ada).await;
    let plain = codes[0].replace('-', "");
    let kept = "select count(*) from recovery_codes r where r::text like '%' || $1 || '%'";
    let found: i64 = sqlx::query_scalar(kept).bind(&plain).fetch_one(app.pool()).await.unwrap();
    assert_eq!(found, 0);
    let sealed: Vec<u8> = sqlx::query_scalar("select secret from second_factors").fetch_one(app.pool()).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains(&secret), "the secret is sealed");

    sign_in(&app, &ada.email, Some(&codes[0].to_uppercase())).await.ok();
    assert_eq!(sign_in(&app, &ada.email, Some(&codes[0])).await.refused(), ["SECOND_FACTOR_INVALID"]);
    assert_eq!(standing(&ada).await["recoveryCodesLeft"], 9);
    app.settles().await;
    let last = app.market.mail().letters_to(&ada.email).last().unwrap().text.clone();
    assert!(last.contains("recovery codes was used"), "{last}");
    assert!(last.contains("9 are left. If you have your authenticator app, ask for new codes"), "{last}");

    let renew = async |code: &str| ada.does("recoveryCodesRenew", json!({ "code": code }), "recoveryCodes").await;
    assert_eq!(renew(&codes[1]).await.refused(), ["SECOND_FACTOR_INVALID"], "that takes the app itself");
    app.market.clock().advance(TimeDelta::seconds(30));
    let renewed = renew(&shown(&app, &secret)).await;
    let fresh: Vec<String> = serde_json::from_value(renewed.ok()["recoveryCodes"].clone()).unwrap();
    assert_eq!(sign_in(&app, &ada.email, Some(&codes[1])).await.refused(), ["SECOND_FACTOR_INVALID"]);
    sign_in(&app, &ada.email, Some(&fresh[1])).await.ok();
}

#[tokio::test]
async fn the_password_alone_is_half_a_proof_once_there_is_a_second_factor() {
    let app = TestApp::new().await;
    let deal = app.released().await;
    let faisal = &deal.freelancer;
    let method = json!({ "iban": "PK36SCBL0000001123456702", "accountTitle": "Faisal" });
    let method = faisal.does("payoutMethodAdd", method, "payoutMethod { id }").await.text("payoutMethod.id");
    app.passes(TimeDelta::days(3)).await;
    let (secret, codes) = sets_up(faisal).await;
    let ask = json!({
        "payoutMethodId": method, "amount": { "amount": "100.00" }, "purposeCode": "9186", "password": PASSWORD
    });
    assert_eq!(faisal.does("payoutRequest", ask, "payout { id }").await.refused(), ["REAUTHENTICATE"]);

    let proves = async |code: Option<&str>| {
        let input = json!({ "password": PASSWORD, "code": code });
        faisal.does("reauthenticate", input, "session { provedAt }").await
    };
    assert_eq!(proves(None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
    assert_eq!(proves(Some("000000")).await.refused(), ["SECOND_FACTOR_INVALID"]);
    app.market.clock().advance(TimeDelta::seconds(30));
    proves(Some(&shown(&app, &secret))).await.ok();
    proves(Some(&codes[3])).await.ok();

    // A reset by mail does not do away with it.
    app.visitor().does("passwordResetRequest", json!({ "email": faisal.email }), "expiresAt").await.ok();
    let code = super::account::mailed_code(&app, &faisal.email).await;
    let reset = json!({ "code": code, "newPassword": PASSWORD });
    app.visitor().does("passwordReset", reset, "endedCount").await.ok();
    assert_eq!(sign_in(&app, &faisal.email, None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
}

#[tokio::test]
async fn whoever_signs_up_with_anothers_address_can_t_keep_its_owner_out() {
    let app = TestApp::new().await;
    let eve = app.newcomer("victim").await;
    let refused = eve.does("secondFactorEnroll", json!({}), "enrollment { secret }").await;
    assert_eq!(refused.refused(), ["EMAIL_NOT_VERIFIED"]);
    let operator = infra::Call::system("test");
    let email: domain::user::Email = eve.email.parse().unwrap();
    let granted = app.market.staff_grant(&operator, &email, Some(domain::access::Staff::Admin)).await;
    assert!(
        matches!(granted, Err(infra::Failure::Refused(domain::refusal::Refusal::Rule { code, .. })) if code == "EMAIL_NOT_VERIFIED")
    );

    // One from before it took that goes with the first proof that the address is somebody's.
    eve.reads_mail().await;
    sets_up(&eve).await;
    app.forgets_verification(&eve.email).await;
    app.visitor().does("passwordResetRequest", json!({ "email": eve.email }), "expiresAt").await.ok();
    let code = super::account::mailed_code(&app, &eve.email).await;
    let reset = json!({ "code": code, "newPassword": "gravel-ninety-tuba-moss" });
    app.visitor().does("passwordReset", reset, "endedCount").await.ok();
    let owner = json!({ "email": eve.email, "password": "gravel-ninety-tuba-moss" });
    app.visitor().does("signIn", owner, TOKENS).await.ok();
}

#[tokio::test]
async fn our_people_are_made_and_act_only_with_a_second_factor_and_prove_it() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.client("lin").await);
    let email: domain::user::Email = ada.email.parse().unwrap();
    let grants = async || {
        let operator = infra::Call::system("test");
        app.market.staff_grant(&operator, &email, Some(domain::access::Staff::Admin)).await.map(|user| user.staff)
    };
    let missing = grants().await.unwrap_err();
    assert!(missing.to_string().contains("secondFactorEnroll"), "{missing}");
    let (secret, codes) = sets_up(&ada).await;
    assert_eq!(grants().await.unwrap(), Some(domain::access::Staff::Admin));

    let suspends = async |who: &tests::Visitor<'_>| {
        let input = json!({ "userId": lin.id, "reason": "A complaint" });
        who.does("userSuspend", input, "user { id }").await
    };
    let look = "query($id: ID!) { node(id: $id) { id } viewer { staff } payoutQueue(first: 1) { nodes { id } } }";
    let looks = async || ada.asks(look, json!({ "id": lin.organization })).await;
    assert_eq!(looks().await.data()["node"]["id"], json!(lin.organization));

    // Without it they are nobody of ours, and told what is missing; what is their own is theirs.
    ada.does("secondFactorRemove", json!({}), "viewer { email }").await.ok();
    let bare = looks().await;
    assert_eq!(bare.body["data"], json!({ "node": null, "viewer": { "staff": "ADMIN" }, "payoutQueue": null }));
    assert_eq!(bare.failed(), ["SECOND_FACTOR_MISSING"]);
    assert_eq!(suspends(&ada.visitor().await).await.refused(), ["SECOND_FACTOR_MISSING"]);
    // What they are told of something that is there is what they are told of what is not.
    let sessions = lin.asks("{ viewer { sessions(first: 1) { nodes { id } } } }", json!({})).await;
    let session = sessions.data()["viewer"]["sessions"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    let alike = [
        ("userSuspend", "userId", &lin.id, "user { id }", "SECOND_FACTOR_MISSING"),
        ("sessionRevoke", "sessionId", &session, "session { id }", "NOT_FOUND"),
    ];
    for (what, path, id, fields, code) in alike {
        let made_up = format!("{}_00000000000000000000000000", id.split('_').next().unwrap());
        let input = |id: &str| match what {
            "userSuspend" => json!({ path: id, "reason": "A complaint" }),
            _ => json!({ path: id }),
        };
        let there = ada.does_once(what, input(id), fields).await;
        let nothing = ada.does_once(what, input(&made_up), fields).await;
        assert_eq!((there.refused(), &there.body), (vec![code], &nothing.body), "{what}");
    }
    ada.does("userUpdate", json!({ "name": "Ada Lovelace" }), "viewer { email }").await.ok();

    // With it the password alone is no proof for what they do to others.
    drop((secret, codes));
    let (_, codes) = sets_up(&ada).await;
    let input = json!({ "email": ada.email, "password": PASSWORD, "code": codes[0] });
    let tokens = app.visitor().does("signIn", input, TOKENS).await;
    app.market.clock().advance(TimeDelta::minutes(15));
    let refresh = json!({ "refreshToken": tokens.text("tokens.refreshToken") });
    let tokens = app.visitor().does("sessionRefresh", refresh, TOKENS).await;
    let later = app.bearer(&tokens.text("tokens.accessToken"));
    assert_eq!(suspends(&later).await.refused(), ["REAUTHENTICATE"]);
    let proves = async |code: Option<&str>| {
        later.does("reauthenticate", json!({ "password": PASSWORD, "code": code }), "session { provedAt }").await
    };
    assert_eq!(proves(None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
    assert_eq!(suspends(&later).await.refused(), ["REAUTHENTICATE"]);
    proves(Some(&codes[1])).await.ok();
    assert_eq!(suspends(&later).await.text("user.id"), lin.id);
}

#[tokio::test]
async fn another_password_takes_a_fresh_proof_where_the_password_alone_is_half_of_one() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let stolen = super::account::refreshed(&app, &ada).await;
    let (secret, _) = sets_up(&ada).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "violin-pebble-forty", "removePasskeys": true });
    let refused = stolen.does("passwordChange", change.clone(), "viewer { email }").await;
    assert_eq!(refused.refused(), ["REAUTHENTICATE"]);
    app.market.clock().advance(TimeDelta::minutes(1));
    let proof = json!({ "password": PASSWORD, "code": shown(&app, &secret) });
    stolen.does("reauthenticate", proof, "session { id }").await.ok();
    stolen.does("passwordChange", change, "viewer { email }").await.ok();
}

#[tokio::test]
async fn it_can_be_removed_and_set_up_anew() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (_, codes) = sets_up(&ada).await;
    let on = ada.does("secondFactorEnroll", json!({}), "enrollment { secret }").await;
    assert_eq!(on.refused(), ["SECOND_FACTOR_ON"], "whoever has the session can't slip in another app");
    ada.does("secondFactorRemove", json!({}), "viewer { secondFactor { isOn } }").await.ok();
    assert_eq!(standing(&ada).await, json!({ "isOn": false, "recoveryCodesLeft": 0 }));
    sign_in(&app, &ada.email, None).await.ok();
    sign_in(&app, &ada.email, Some(&codes[0])).await.ok();

    // Nothing is in force before the app has shown a code, and the last secret is the one that counts.
    let enroll = async || {
        ada.does("secondFactorEnroll", json!({ "label": "Ada's" }), "enrollment { secret }")
            .await
            .text("enrollment.secret")
    };
    let (old, new) = (enroll().await, enroll().await);
    sign_in(&app, &ada.email, None).await.ok();
    let confirm = async |secret: &str| {
        ada.does("secondFactorConfirm", json!({ "code": shown(&app, secret) }), "recoveryCodes").await
    };
    assert_eq!(confirm(&old).await.refused(), ["SECOND_FACTOR_INVALID"]);
    confirm(&new).await.ok();
    assert_eq!(sign_in(&app, &ada.email, None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
}

/// The phone is gone, and the note with the recovery codes: somebody has to let them in again.
#[tokio::test]
async fn who_lost_the_second_factor_gets_in_once_our_people_know_that_it_is_them() {
    let app = TestApp::new().await;
    let (ada, lin, noor) = (app.person("ada").await, app.person("lin").await, app.admin("noor").await);
    sets_up(&ada).await;
    assert_eq!(sign_in(&app, &ada.email, None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
    let reset = |who: &Person<'_>, reason: &str| json!({ "userId": who.id, "reason": reason });
    let (why, fields) = ("She showed her identity card on the phone", "user { id }");
    assert_eq!(lin.does("secondFactorReset", reset(&ada, why), fields).await.refused(), ["NOT_FOUND"]);
    assert_eq!(ada.does("secondFactorReset", reset(&ada, why), fields).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(noor.does("secondFactorReset", reset(&noor, why), fields).await.refused(), ["NOT_ALLOWED"]);
    assert_eq!(noor.does("secondFactorReset", reset(&ada, ""), fields).await.faults(), ["reason: REQUIRED"]);
    let late = super::account::refreshed(&app, &noor).await;
    assert_eq!(late.does("secondFactorReset", reset(&ada, why), fields).await.refused(), ["REAUTHENTICATE"]);
    // Our people are ours by it: an operator ends that first.
    let omar = app.admin("omar").await;
    assert_eq!(noor.does("secondFactorReset", reset(&omar, why), fields).await.refused(), ["ACCOUNT_IS_STAFF"]);

    for _ in 0..2 {
        assert_eq!(noor.does("secondFactorReset", reset(&ada, why), fields).await.text("user.id"), ada.id);
    }
    sign_in(&app, &ada.email, None).await.ok();
    assert_eq!(standing(&ada).await, json!({ "isOn": false, "recoveryCodesLeft": 0 }));
    let wrong = json!({ "email": ada.email, "password": "not it at all" });
    assert_eq!(app.visitor().does("signIn", wrong, TOKENS).await.refused(), ["INVALID_CREDENTIALS"]);

    // She is told, whoever it was; and it stands in the log, once, with the reason.
    app.settles().await;
    let told = app.market.mail().letters_to(&ada.email);
    let told: Vec<_> = told.iter().filter(|letter| letter.text.contains("by one of our people")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    // Who has the lost phone has its passkeys: she is told which there are.
    assert!(told[0].text.contains("No passkey opens your account"), "{told:?}");
    let log = "query($id: String) { auditLog(subject: $id) { nodes { act actor detail } } }";
    let log = noor.asks(log, json!({ "id": ada.id })).await;
    let lines = log.data()["auditLog"]["nodes"].as_array().unwrap().clone();
    let lines: Vec<_> = lines.iter().filter(|line| line["act"] == "second_factor_reset").collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(json!([lines[0]["actor"], lines[0]["detail"]]), json!([noor.id, { "reason": why }]));
    let (_, codes) = sets_up(&ada).await;
    sign_in(&app, &ada.email, Some(&codes[0])).await.ok();
}

#[tokio::test]
async fn who_knows_the_password_and_guesses_the_rest_is_told_of_once_a_day() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let (_, codes) = sets_up(&ada).await;
    let guesses = async |times: usize| {
        for _ in 0..times {
            assert_eq!(sign_in(&app, &ada.email, Some("recovery")).await.refused(), ["SECOND_FACTOR_INVALID"]);
        }
        app.settles().await;
        let letters = app.market.mail().letters_to(&ada.email);
        letters.iter().filter(|letter| letter.text.starts_with("Somebody who knows your password")).count()
    };
    // To be asked for the code is no guess at it.
    assert_eq!(sign_in(&app, &ada.email, None).await.refused(), ["SECOND_FACTOR_REQUIRED"]);
    for (times, told) in [(4, 0), (1, 1), (3, 1)] {
        assert_eq!(guesses(times).await, told);
    }
    app.market.clock().advance(TimeDelta::days(1));
    assert_eq!(guesses(5).await, 2);
    // Whoever has a session and the password is in no better place.
    app.market.clock().advance(TimeDelta::days(1));
    let there = app.bearer(&sign_in(&app, &ada.email, Some(&codes[0])).await.text("tokens.accessToken"));
    for _ in 0..5 {
        let proof = json!({ "password": PASSWORD, "code": "recovery" });
        assert_eq!(there.does("reauthenticate", proof, "session { id }").await.refused(), ["SECOND_FACTOR_INVALID"]);
    }
    assert_eq!(guesses(0).await, 3);
}
