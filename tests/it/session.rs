//! Getting in, staying in, and getting out.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use infra::token::Keys;
use serde_json::{Value, json};
use tests::{Heard, PASSWORD, Reply, TOKENS, TestApp};

const ME: &str = "{ viewer { email } }";

fn credentials(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.visitor().does("sessionRefresh", json!({ "refreshToken": token }), TOKENS).await
}

#[tokio::test]
async fn sign_up_signs_in_and_sign_in_does_it_again() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    assert_eq!(ada.asks(ME, json!({})).await.data()["viewer"]["email"], "ada@example.com");
    assert_eq!(app.visitor().asks(ME, json!({})).await.data()["viewer"], Value::Null);

    let again = app.visitor().does("signIn", credentials(" ADA@Example.com ", PASSWORD), TOKENS).await;
    assert_eq!(again.text("tokens.viewer.user.name"), "Ada");
    let me = app.bearer(&again.text("tokens.accessToken")).asks(ME, json!({})).await;
    assert_eq!(me.data()["viewer"]["email"], "ada@example.com");
}

#[tokio::test]
async fn whoever_is_let_in_may_ask_about_themselves_in_the_same_breath() {
    let app = TestApp::new().await;
    let ada = app.client("ada").await;
    let fields = "tokens { refreshToken session { isCurrent } viewer { organizations { nodes { id } }
        sessions { nodes { isCurrent } } } }";
    let sign_in = json!({ "email": ada.email, "password": PASSWORD });
    let reply = app.visitor().does("signIn", sign_in, fields).await;
    let tokens = &reply.ok()["tokens"];
    assert_eq!(tokens["session"]["isCurrent"], true);
    assert_eq!(tokens["viewer"]["organizations"]["nodes"], json!([{ "id": ada.organization }]));
    let current = |tokens: &Value| {
        let sessions = tokens["viewer"]["sessions"]["nodes"].as_array().cloned().unwrap_or_default();
        sessions.iter().filter(|session| session["isCurrent"] == true).count()
    };
    assert_eq!(current(tokens), 1);

    let refresh = json!({ "refreshToken": tokens["refreshToken"] });
    let reply = app.visitor().does("sessionRefresh", refresh, fields).await;
    assert_eq!(current(&reply.ok()["tokens"]), 1);
    let stranger = json!({ "email": "eve@example.com", "name": "Eve", "password": PASSWORD });
    let reply = app.visitor().does("signUp", stranger, fields).await;
    assert_eq!(reply.ok()["tokens"]["viewer"]["organizations"]["nodes"], json!([]));
}

#[tokio::test]
async fn whoever_is_out_does_nothing_more_in_the_same_breath() {
    let app = TestApp::new().await;
    let ways = ["signOut", "sessionRevoke", "sessionRevokeAll", "passwordReset", "accountErase"];
    let stays = ["sessionRevoke", "sessionRevokeAll"];
    for (how, is_out) in ways.map(|how| (how, true)).into_iter().chain(stays.map(|how| (how, false))) {
        let name = format!("{}-{is_out}", how.to_lowercase());
        let ada = app.person(&name).await;
        let tokens = app.visitor().does("signIn", credentials(&ada.email, PASSWORD), TOKENS).await;
        let other = app.visitor().does("signIn", credentials(&ada.email, PASSWORD), TOKENS).await;
        let with = match how {
            "signOut" => String::new(),
            "sessionRevoke" => {
                let session = (if is_out { &tokens } else { &other }).text("tokens.session.id");
                format!("(input: {{ sessionId: \"{session}\" }})")
            }
            "sessionRevokeAll" => format!("(input: {{ thisToo: {is_out} }})"),
            "passwordReset" => {
                app.visitor().does("passwordResetRequest", json!({ "email": ada.email }), "expiresAt").await.ok();
                let code = crate::account::mailed_code(&app, &ada.email).await;
                format!("(input: {{ code: \"{code}\", newPassword: \"gravel-ninety-tuba-moss\" }})")
            }
            _ => format!("(input: {{ confirmEmail: \"{}\" }})", ada.email),
        };
        let both = format!(
            "mutation {{ {how}{with} {{ errors {{ code }} }}
                userUpdate(input: {{ name: \"Back again\" }}) {{ errors {{ code }} }}
                profileUpdate(input: {{ headline: \"Back again\" }}) {{ errors {{ code }} }}
                organizationCreate(input: {{ name: \"Back again\" }}) {{ errors {{ code }} }} }}"
        );
        let reply = app.bearer(&tokens.text("tokens.accessToken")).asks(&both, json!({})).await;
        let data = reply.data();
        assert_eq!(data[how]["errors"], json!([]), "{how}");
        let then = if is_out { json!([{ "code": "UNAUTHENTICATED" }]) } else { json!([]) };
        for late in ["userUpdate", "profileUpdate", "organizationCreate"] {
            assert_eq!(data[late]["errors"], then, "{late} after {how}");
        }
    }
    let came_back = "select count(*) from users where name = 'Back again'";
    let came_back: i64 = sqlx::query_scalar(came_back).fetch_one(app.pool()).await.unwrap();
    assert_eq!(came_back, 2, "those whose session goes on");
}

#[tokio::test]
async fn sign_up_tells_all_that_is_wrong_and_keeps_nothing() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let sign_up = async |input: Value| app.visitor().does("signUp", input, TOKENS).await.faults();
    let good = json!({ "email": "lin@example.com", "name": "Lin", "password": PASSWORD });
    let with = |field: &str, value: Value| {
        let mut input = good.clone();
        input[field] = value;
        input
    };

    let all = json!({ "email": "x", "name": " ", "password": "short", "timeZone": "PKT", "locale": "english" });
    let faults =
        ["email: MALFORMED", "name: REQUIRED", "password: TOO_SHORT", "timeZone: UNKNOWN", "locale: MALFORMED"];
    assert_eq!(sign_up(all).await, faults);
    assert_eq!(sign_up(with("email", json!(format!("{}@example.com", "a".repeat(300))))).await, ["email: TOO_LONG"]);
    assert_eq!(sign_up(with("email", json!("li\u{0}n@example.com"))).await, ["email: MALFORMED"]);
    assert_eq!(sign_up(with("name", json!("x".repeat(121)))).await, ["name: TOO_LONG"]);
    for hidden in ["Li\u{202E}n", "Li\u{200B}n", "\u{200B}", "Lin\u{2060}", "\u{AD}Lin", "\u{3164}", "Li\u{E0041}n"] {
        assert_eq!(sign_up(with("name", json!(hidden))).await, ["name: MALFORMED"], "{hidden:?}");
    }
    assert_eq!(sign_up(with("name", json!("\u{2800}"))).await, ["name: REQUIRED"]);
    assert_eq!(sign_up(with("password", json!("Password123!"))).await, ["password: TOO_COMMON"]);
    assert_eq!(sign_up(with("password", json!("lin@example.com"))).await, ["password: TOO_COMMON"]);
    assert_eq!(sign_up(with("password", json!("q".repeat(100_000)))).await, ["password: TOO_LONG"]);
    assert_eq!(sign_up(with("email", json!("ADA@example.com"))).await, [": EMAIL_TAKEN"]);
    assert_eq!(sign_up(with("timeZone", json!("+05:00"))).await, ["timeZone: UNKNOWN"]);

    let lin = app.visitor().does("signIn", credentials("lin@example.com", PASSWORD), TOKENS).await;
    assert_eq!(lin.refused(), ["INVALID_CREDENTIALS"], "nothing was kept of her");
    assert_eq!(sign_up(good).await, Vec::<String>::new());
}

#[tokio::test]
async fn sign_in_answers_alike_whether_there_is_an_account_or_not() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let ada = app.visitor().does("signIn", credentials("ada@example.com", "wrong-wrong-wrong"), TOKENS).await;
    for email in ["nobody@example.com", "", "no address", "nul\u{0}l@example.com", &"x".repeat(10_000)] {
        let other = app.visitor().does("signIn", credentials(email, PASSWORD), TOKENS).await;
        assert_eq!((other.status, &other.body), (ada.status, &ada.body), "{email}");
    }
    assert_eq!(ada.refused(), ["INVALID_CREDENTIALS"]);
}

#[tokio::test]
async fn sign_in_slows_guessing_down_and_lets_the_owner_in_from_elsewhere() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let visitor = app.visitor();
    let guess = || visitor.does("signIn", credentials("ada@example.com", "wrong-wrong-wrong"), TOKENS);
    for _ in 0..10 {
        assert_eq!(guess().await.refused(), ["INVALID_CREDENTIALS"]);
    }
    assert_eq!(guess().await.refused(), ["TOO_MANY_ATTEMPTS"]);
    let right = || visitor.does("signIn", credentials("ada@example.com", PASSWORD), TOKENS);
    assert_eq!(right().await.refused(), ["TOO_MANY_ATTEMPTS"], "from here, even the right one waits");
    let nobody = app.visitor().does("signIn", credentials("lin@example.com", PASSWORD), TOKENS).await;
    assert_eq!(nobody.refused(), ["INVALID_CREDENTIALS"], "other accounts don't");

    let elsewhere = domain::session::Device { agent: None, address: "192.0.2.7".parse().ok() };
    let call = infra::Call { actor: domain::access::Actor::Nobody, ..infra::Call::system("test") };
    let signed_in = app.market.sign_in(&call, "ada@example.com", PASSWORD, None, elsewhere).await;
    assert_eq!(signed_in.expect("she is let in").user.email.as_str(), "ada@example.com");

    app.market.clock().advance(TimeDelta::minutes(15));
    right().await.ok();
}

/// Whoever guesses from where somebody was is answered like whoever guesses at an account that is not there.
#[tokio::test]
async fn guesses_tell_nobody_who_has_an_account_nor_where_they_were() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let says = async |email: &str, address: &str, password: &str| {
        let body = json!({
            "query": "mutation($i: SignInInput!) { signIn(input: $i) { errors { code message } } }",
            "variables": { "i": credentials(email, password) }
        });
        crate::account::sends_from(&app, address, body).await["data"]["signIn"]["errors"].clone()
    };
    let home = "203.0.113.5";
    assert_eq!(says("ada@example.com", home, PASSWORD).await, json!([]));
    app.market.clock().advance(TimeDelta::hours(1));
    for _ in 0..3 {
        // Her own coming and going counts for nothing.
        assert_eq!(says("ada@example.com", home, PASSWORD).await, json!([]));
    }
    let mut told = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let mut answers = Vec::new();
        for nth in 0..48 {
            answers.push(says(email, &format!("198.51.100.{nth}"), "not it at all").await);
        }
        for address in [home, "198.51.100.50", "198.51.100.51", home] {
            answers.push(says(email, address, "not it at all").await);
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    let codes: Vec<&Value> = told[0].iter().map(|errors| &errors[0]["code"]).collect();
    assert!(codes[..50].iter().all(|code| **code == "INVALID_CREDENTIALS"), "{codes:?}");
    assert_eq!(codes[50..], ["TOO_MANY_ATTEMPTS"; 2]);
    let elsewhere = says("ada@example.com", "198.51.100.52", PASSWORD).await;
    assert_eq!(elsewhere[0]["code"], "TOO_MANY_ATTEMPTS", "nor is a right one told from a wrong one");
    assert_eq!(says("ada@example.com", home, PASSWORD).await, json!([]), "she gets in");
}

/// Signs in with the password from there.
async fn signs_in(app: &TestApp, email: &str, agent: Option<&str>, address: &str) {
    app.market.clock().advance(TimeDelta::minutes(1));
    let device = domain::session::Device { agent: agent.map(str::to_owned), address: address.parse().ok() };
    let call = infra::Call { actor: domain::access::Actor::Nobody, ..infra::Call::system("test") };
    app.market.sign_in(&call, email, PASSWORD, None, device).await.expect("they are let in");
}

/// What came by mail about somebody's sign-ins so far, in order.
fn letters_of_sign_ins(app: &TestApp, email: &str) -> Vec<String> {
    let letters = app.market.mail().letters_to(email).into_iter();
    letters.filter(|letter| letter.subject.contains("sign-in")).map(|letter| letter.text).collect()
}

/// Signs in with the password from there, and what came by mail about it.
async fn signs_in_from(app: &TestApp, email: &str, agent: Option<&str>, address: &str) -> Vec<String> {
    let before = letters_of_sign_ins(app, email).len();
    signs_in(app, email, agent, address).await;
    app.settles().await;
    letters_of_sign_ins(app, email).split_off(before)
}

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/143.0.0.0 Safari/537.36";

#[tokio::test]
async fn sessions_are_listed_with_device_and_place() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    for (agent, address) in [
        (Some(CHROME), "39.32.1.1"),
        (Some("Rabta/1.2 (Android 15; Pixel 8)"), "8.8.8.8"),
        (Some("curl/8.5.0"), "192.168.1.7"),
        (None, "203.0.113.7"),
    ] {
        signs_in_from(&app, &ada.email, agent, address).await;
    }
    let list = "{ viewer { sessions(first: 4) { nodes { device place userAgent address } } } }";
    let listed = ada.asks(list, json!({})).await.data()["viewer"]["sessions"]["nodes"].clone();
    let app_of_ours = "Rabta/1.2 (Android 15; Pixel 8)";
    let newest_first = json!([
        { "device": "Unknown device", "place": null, "userAgent": null, "address": "203.0.113.7" },
        { "device": "Unknown device", "place": "Private network", "userAgent": "curl/8.5.0", "address": "192.168.1.7" },
        { "device": "Rabta app on Android", "place": "United States", "userAgent": app_of_ours, "address": "8.8.8.8" },
        { "device": "Chrome on Windows", "place": "Pakistan", "userAgent": CHROME, "address": "39.32.1.1" },
    ]);
    assert_eq!(listed, newest_first);
}

#[tokio::test]
async fn a_sign_in_on_a_new_device_or_in_a_new_country_is_told_by_mail() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    app.settles().await;
    let from = async |agent: &str, address: &str| signs_in_from(&app, &ada.email, Some(agent), address).await;
    let subjects = || app.market.mail().letters_to(&ada.email).into_iter().map(|letter| letter.subject);
    assert!(!subjects().any(|subject| subject.contains("sign-in")), "signing up is no news");

    let told = from(CHROME, "39.32.1.1").await;
    let [letter] = told.as_slice() else { panic!("{told:?}") };
    for part in ["Chrome on Windows", "Pakistan", "39.32.1.1", "2026-", "end all sessions"] {
        assert!(letter.contains(part), "{part}: {letter}");
    }
    let newer = CHROME.replace("143", "150");
    assert_eq!(from(&newer, "39.40.2.2").await, [""; 0], "another address of that country, and a newer browser");
    let abroad = from(CHROME, "8.8.8.8").await;
    assert!(abroad.len() == 1 && abroad[0].contains("United States"), "{abroad:?}");
    let spoofed = from("Your bank: call 555 0100", "39.32.1.1").await;
    assert!(spoofed.len() == 1 && spoofed[0].contains("Unknown device"), "{spoofed:?}");
    assert!(!spoofed[0].contains("555"), "nobody writes letters with the name of a client: {}", spoofed[0]);

    // What she ended, or her new password did, says nothing of where she is.
    ada.does("sessionRevokeAll", json!({}), "revokedCount").await.ok();
    assert_eq!(from(CHROME, "8.8.8.8").await.len(), 1);
    assert_eq!(from(CHROME, "8.8.8.8").await, [""; 0]);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "gravel-ninety-tuba-moss" });
    ada.does_once("passwordChange", change, "viewer { email }").await.ok();
    let back = json!({ "currentPassword": "gravel-ninety-tuba-moss", "newPassword": PASSWORD });
    ada.does_once("passwordChange", back, "viewer { email }").await.ok();
    assert_eq!(from(CHROME, "8.8.8.8").await.len(), 1);
    // Nor does what she signed out elsewhere, of which she may know nothing.
    ada.does_once("signOut", json!({ "everywhere": true }), "session { id }").await.ok();
    assert_eq!(from(CHROME, "8.8.8.8").await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_is_compared_with_all_before_it_and_none_after_it_however_late_it_is_told() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    app.settles().await;
    let (home, abroad) = ("39.32.1.1", "8.8.8.8");
    assert_eq!(signs_in_from(&app, &ada.email, Some(CHROME), home).await.len(), 1);
    // A thief comes, and she signs in once more before any letter leaves.
    for address in [abroad, home] {
        signs_in(&app, &ada.email, Some(CHROME), address).await;
    }
    app.settles().await;
    let told = letters_of_sign_ins(&app, &ada.email).split_off(1);
    assert!(told.len() == 1 && told[0].contains("United States"), "{told:?}");
    // Nor is home forgotten on a long journey.
    for _ in 0..6 {
        assert_eq!(signs_in_from(&app, &ada.email, Some(CHROME), abroad).await, [""; 0]);
    }
    assert_eq!(signs_in_from(&app, &ada.email, Some(CHROME), home).await, [""; 0]);
}

#[tokio::test]
async fn a_sign_in_from_where_somebody_set_a_password_by_mail_is_no_news() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let was = "insert into known_networks select id, '203.0.113.9', now() from users where email = $1";
    sqlx::query(was).bind(&ada.email).execute(app.pool()).await.unwrap();
    assert_eq!(signs_in_from(&app, &ada.email, Some(CHROME), "203.0.113.9").await, [""; 0]);
    let phone = Some("Rabta/1.2 (Android 15)");
    assert_eq!(signs_in_from(&app, &ada.email, phone, "203.0.113.10").await.len(), 1, "it is another network");
}

#[tokio::test]
async fn where_somebody_set_a_password_by_mail_is_news_again_once_no_session_from_then_can_live() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let was = "insert into known_networks select id, $2, $3 from users where email = $1";
    let now = app.market.clock().now();
    for (network, days) in [("203.0.113.9", 179), ("203.0.113.10", 181)] {
        let known_at = now - TimeDelta::days(days);
        sqlx::query(was).bind(&ada.email).bind(network).bind(known_at).execute(app.pool()).await.unwrap();
    }
    let count = async || {
        let select = "select count(*) from known_networks";
        sqlx::query_scalar::<_, i64>(select).fetch_one(app.pool()).await.unwrap()
    };
    assert_eq!(signs_in_from(&app, &ada.email, Some(CHROME), "203.0.113.9").await, [""; 0]);
    let phone = Some("Rabta/1.2 (Android 15)");
    assert_eq!(signs_in_from(&app, &ada.email, phone, "203.0.113.10").await.len(), 1, "by now it may be anybody's");
    app.market.tidy().await.unwrap();
    assert_eq!(count().await, 1, "and it is forgotten");
}

/// Where somebody guesses from everywhere, the person gets in from where they set a password by mail lately.
#[tokio::test]
async fn guesses_from_everywhere_keep_nobody_out_from_where_they_set_a_password_by_mail_half_a_year_ago_at_most() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let was = "insert into known_networks select id, $2, $3 from users where email = $1";
    for (network, days) in [("203.0.113.9", 179), ("203.0.113.10", 181)] {
        let known_at = app.market.clock().now() - TimeDelta::days(days);
        sqlx::query(was).bind(&ada.email).bind(network).bind(known_at).execute(app.pool()).await.unwrap();
    }
    let call = infra::Call { actor: domain::access::Actor::Nobody, ..infra::Call::system("test") };
    let from = async |address: &str, password: &str| {
        let there = domain::session::Device { agent: None, address: address.parse().ok() };
        app.market.sign_in(&call, &ada.email, password, None, there).await
    };
    for stranger in 1..=50 {
        assert!(from(&format!("192.0.2.{stranger}"), "wrong-wrong-wrong").await.is_err());
    }
    for (address, gets_in) in [("203.0.113.10", false), ("198.51.100.7", false), ("203.0.113.9", true)] {
        assert_eq!(from(address, PASSWORD).await.is_ok(), gets_in, "{address}");
    }
}

/// Whoever signs up with the address of another, or has a password, can't have letters written without end.
#[tokio::test]
async fn sign_ins_are_told_a_few_times_a_day_and_to_nobody_who_never_signed_up() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.person("ada").await, app.newcomer("eve").await);
    assert_eq!(signs_in_from(&app, &eve.email, Some(CHROME), "8.8.8.8").await, [""; 0], "it may be another's address");
    let mut told = 0;
    let again = async || {
        let told = signs_in_from(&app, &ada.email, Some(CHROME), "8.8.8.8").await.len();
        ada.does("sessionRevokeAll", json!({}), "revokedCount").await.ok();
        told
    };
    for _ in 0..12 {
        told += again().await;
    }
    assert_eq!(told, 10);
    let bo = app.person("bo").await;
    assert_eq!(signs_in_from(&app, &bo.email, Some(CHROME), "8.8.8.8").await.len(), 1, "others are told of theirs");
    app.passes(TimeDelta::days(1)).await;
    assert_eq!(again().await, 1);
}

#[tokio::test]
async fn access_tokens_are_over_after_fifteen_minutes_and_refresh_tokens_get_new_ones() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
    let old = app.bearer(&first.text("tokens.accessToken"));
    app.market.clock().advance(TimeDelta::minutes(15));
    let late = old.asks(ME, json!({})).await;
    assert_eq!((late.status, late.failed()), (StatusCode::UNAUTHORIZED, vec!["TOKEN_EXPIRED"]));

    let second = refresh(&app, &first.text("tokens.refreshToken")).await;
    assert_eq!(second.text("tokens.session.id"), first.text("tokens.session.id"));
    app.bearer(&second.text("tokens.accessToken")).asks(ME, json!({})).await.data();

    app.market.clock().advance(TimeDelta::days(30));
    let idle = refresh(&app, &second.text("tokens.refreshToken")).await;
    assert_eq!(idle.refused(), ["INVALID_REFRESH_TOKEN"], "nobody came by for a month");
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_session_for_both() {
    let app = TestApp::new().await;
    app.person("ada").await;
    // At once after the next one was used, and some time later.
    for later in [TimeDelta::zero(), TimeDelta::minutes(10)] {
        let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
        let second = refresh(&app, &first.text("tokens.refreshToken")).await;
        let last = refresh(&app, &second.text("tokens.refreshToken")).await;
        app.market.clock().advance(later);
        let access = app.bearer(&last.text("tokens.accessToken"));
        access.asks(ME, json!({})).await.data();

        assert_eq!(refresh(&app, &first.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
        assert_eq!(refresh(&app, &last.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
        let ended = access.asks(ME, json!({})).await;
        assert_eq!((ended.status, ended.failed()), (StatusCode::UNAUTHORIZED, vec!["SESSION_ENDED"]), "at once");
    }
    // Nothing came of it for more than a day.
    let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
    let last = refresh(&app, &first.text("tokens.refreshToken")).await;
    app.market.clock().advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_eq!(refresh(&app, &first.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
    assert_eq!(refresh(&app, &last.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
    let made_up = refresh(&app, "made-up").await;
    assert_eq!(made_up.refused(), ["INVALID_REFRESH_TOKEN"]);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_sent_again() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
    let token = first.text("tokens.refreshToken");
    let lost = refresh(&app, &token).await;
    // There was no network until the next day.
    app.market.clock().advance(TimeDelta::days(1));
    let second = refresh(&app, &token).await;
    assert_eq!(second.text("tokens.session.id"), first.text("tokens.session.id"));
    assert_ne!(second.text("tokens.refreshToken"), lost.text("tokens.refreshToken"));
    app.market.clock().advance(TimeDelta::minutes(15));
    let third = refresh(&app, &second.text("tokens.refreshToken")).await;
    app.bearer(&third.text("tokens.accessToken")).asks(ME, json!({})).await.data();
    // Whoever has the answer that was lost, and uses it now, is one too many.
    assert_eq!(refresh(&app, &lost.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
    assert_eq!(app.bearer(&third.text("tokens.accessToken")).asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    assert_eq!(refresh(&app, &third.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
}

#[tokio::test]
async fn of_two_refreshes_at_once_both_are_answered_and_one_goes_on() {
    let app = TestApp::new().await;
    app.person("ada").await;
    for winner in [0, 1, 0, 1] {
        let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
        let token = first.text("tokens.refreshToken");
        let (one, two) = tokio::join!(refresh(&app, &token), refresh(&app, &token));
        let mut tokens = [one.text("tokens.refreshToken"), two.text("tokens.refreshToken")];
        tokens.swap(0, winner);
        let [won, lost] = tokens;
        let next = refresh(&app, &won).await;
        let access = app.bearer(&next.text("tokens.accessToken"));
        access.asks(ME, json!({})).await.data();
        assert_eq!(refresh(&app, &lost).await.refused(), ["INVALID_REFRESH_TOKEN"]);
        assert_eq!(access.asks(ME, json!({})).await.failed(), ["SESSION_ENDED"], "two went on");
    }
    // The old one and what was given for it at once: whichever comes first, the session ends or has one that goes on.
    for _ in 0..4 {
        let first = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
        let token = first.text("tokens.refreshToken");
        let second = refresh(&app, &token).await.text("tokens.refreshToken");
        let (old, new) = tokio::join!(refresh(&app, &token), refresh(&app, &second));
        let good = |reply: &Reply| reply.faults().is_empty();
        if good(&old) {
            assert!(
                !good(&new)
                    || refresh(&app, &old.text("tokens.refreshToken")).await.refused() == ["INVALID_REFRESH_TOKEN"]
            );
        } else if good(&new) {
            assert_eq!(refresh(&app, &new.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
        }
    }
}

#[tokio::test]
async fn sign_out_takes_effect_at_once_and_only_here() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let phone = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
    let there = app.bearer(&phone.text("tokens.accessToken"));
    there.does("signOut", json!({}), "session { endedAt isCurrent }").await.ok();
    assert_eq!(there.asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    assert_eq!(refresh(&app, &phone.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);
    ada.asks(ME, json!({})).await.data();
    assert_eq!(app.visitor().does("signOut", json!({}), "session { id }").await.refused(), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_person_only() {
    let app = TestApp::new().await;
    let (ada, lin) = (app.person("ada").await, app.person("lin").await);
    app.market.clock().advance(TimeDelta::seconds(1));
    let phone = app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
    let phone_id = phone.text("tokens.session.id");
    let list = "{ viewer { sessions { edges { node { id isCurrent address } } } } }";
    let listed = ada.asks(list, json!({})).await;
    let edges = listed.data()["viewer"]["sessions"]["edges"].clone();
    assert_eq!(edges[0]["node"], json!({ "id": phone_id, "isCurrent": false, "address": "127.0.0.1" }));
    assert_eq!((edges.as_array().map(Vec::len), &edges[1]["node"]["isCurrent"]), (Some(2), &json!(true)));

    let revoke = json!({ "sessionId": phone_id });
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(lin.does("sessionRevoke", revoke.clone(), "session { id }").await.refused(), ["NOT_FOUND"]);
    assert_eq!(lin.asks(node, json!({ "id": phone_id })).await.data()["node"], Value::Null);
    for id in ["", "ses_0", "gig_00000000000000000000000000", "ses_00000000000000000000000000"] {
        let made_up = lin.does("sessionRevoke", json!({ "sessionId": id }), "session { id }").await;
        assert_eq!(made_up.refused(), ["NOT_FOUND"], "{id}");
    }
    app.bearer(&phone.text("tokens.accessToken")).asks(ME, json!({})).await.data();

    for _ in 0..2 {
        ada.does("sessionRevoke", revoke.clone(), "session { id }").await.ok();
    }
    assert_eq!(app.bearer(&phone.text("tokens.accessToken")).asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    assert_eq!(refresh(&app, &phone.text("tokens.refreshToken")).await.refused(), ["INVALID_REFRESH_TOKEN"]);

    for _ in 0..2 {
        app.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await.ok();
    }
    let all = ada.does("sessionRevokeAll", json!({}), "revokedCount").await;
    assert_eq!(all.ok()["revokedCount"], 2, "all but this one");
    let token = ada.visitor().await;
    assert_eq!(ada.does("sessionRevokeAll", json!({ "thisToo": true }), "revokedCount").await.ok()["revokedCount"], 1);
    assert_eq!(token.asks(ME, json!({})).await.failed(), ["SESSION_ENDED"]);
    lin.asks(ME, json!({})).await.data();
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused_and_never_mean_a_visitor() {
    let app = TestApp::new().await;
    let ada = app.person("ada").await;
    let lin = app.visitor().does("signIn", credentials(&ada.email, PASSWORD), TOKENS).await;
    let good = lin.text("tokens.accessToken");
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 6..good.len() - 4, if good.contains("AA") { "BB" } else { "AA" });
    let body = good.split('.').nth(1).expect("a body");
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.");
    let refresh = lin.text("tokens.refreshToken");
    for token in [tampered.as_str(), &none, &refresh, "x", "a.b.c"] {
        let reply = app.bearer(token).asks(ME, json!({})).await;
        assert_eq!((reply.status, reply.failed()), (StatusCode::UNAUTHORIZED, vec!["TOKEN_INVALID"]), "{token}");
    }
    assert_eq!(
        self::refresh(&app, &good).await.refused(),
        ["INVALID_REFRESH_TOKEN"],
        "an access token is no refresh token"
    );
    app.bearer(&good).asks(ME, json!({})).await.data();
}

#[tokio::test]
async fn the_keys_are_published_without_their_private_halves() {
    let app = TestApp::new().await;
    let response = app.send(Request::get("/.well-known/jwks.json").body(Body::empty()).expect("a request")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "public, max-age=300", "as OPERATING.md says");
    let bytes = to_bytes(response.into_body(), 1 << 16).await.expect("a whole answer");
    let keys: Value = serde_json::from_slice(&bytes).expect("JSON");
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert!(key["d"].is_null() && key["kid"].is_string(), "{keys:#}");
}

/// The names of the keys that a node publishes.
async fn published(node: &TestApp) -> Vec<String> {
    let response = node.send(Request::get("/.well-known/jwks.json").body(Body::empty()).expect("a request")).await;
    let bytes = to_bytes(response.into_body(), 1 << 16).await.expect("a whole answer");
    let keys: Value = serde_json::from_slice(&bytes).expect("JSON");
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The name of the key that signed a token.
fn signed_by(token: &str) -> String {
    let head = token.split('.').next().unwrap_or_default();
    let head = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, head).expect("base64url");
    let head: Value = serde_json::from_slice(&head).expect("JSON");
    head["kid"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn keys_are_rotated_node_by_node_while_everybody_goes_on() {
    let app = TestApp::new().await;
    app.person("ada").await;
    let (old, new) = ("A".repeat(43), "B".repeat(42) + "A");
    let node = |keys: &str| app.node_with(Keys::from_secret(&keys.to_owned().into()).expect("keys"));
    let both = (format!("{old},{new}"), format!("{new},{old}"));
    // Each line is a moment: which keys the two nodes have then.
    let moments = [
        (&old, &old),
        (&both.0, &old),
        (&both.0, &both.0),
        (&both.1, &both.0),
        (&both.1, &both.1),
        (&new, &both.1),
        (&new, &new),
    ];
    let mut tokens: Vec<(String, chrono::DateTime<chrono::Utc>)> = Vec::new();
    let mut reset = String::new();
    let mut answered = 0;
    for (moment, (left, right)) in moments.into_iter().enumerate() {
        let nodes = [node(left), node(right)];
        if moment == 5 {
            // The old key goes when the last token that it signed is over.
            app.market.clock().advance(TimeDelta::minutes(15));
        }
        for node in &nodes {
            let signed_in = node.visitor().does("signIn", credentials("ada@example.com", PASSWORD), TOKENS).await;
            let expires_at = signed_in.text("tokens.accessTokenExpiresAt").parse().expect("a time");
            tokens.push((signed_in.text("tokens.accessToken"), expires_at));
        }
        let now = app.market.clock().now();
        tokens.retain(|(_, expires_at)| now < *expires_at);
        let ask = async |node: &TestApp, token: &str| {
            let reply = node.bearer(token).asks(ME, json!({})).await;
            assert_eq!(reply.data()["viewer"]["email"], "ada@example.com", "moment {moment}");
            assert!(published(node).await.contains(&signed_by(token)), "moment {moment}: its key is published");
        };
        // Every token that is good, on every node, all at once, several times over.
        let each = || nodes.iter().flat_map(|node| tokens.iter().map(move |(token, _)| (node, token)));
        let asks: Vec<_> = (0..5).flat_map(|_| each()).map(|(node, token)| ask(node, token)).collect();
        answered += asks.len();
        futures_util::future::join_all(asks).await;
        match moment {
            2 => {
                let input = json!({ "email": "ada@example.com" });
                nodes[0].visitor().does("passwordResetRequest", input, "expiresAt").await.ok();
                nodes[0].settles().await;
                let letters = nodes[0].market.mail().letters_to("ada@example.com");
                let text = letters.last().expect("a letter").text.clone();
                reset = text.lines().find(|line| line.starts_with("mco_")).expect("a code").to_owned();
            }
            4 => {
                let input = json!({ "code": reset, "newPassword": PASSWORD });
                nodes[0].visitor().does("passwordReset", input, "endedCount").await.ok();
                tokens.clear();
            }
            _ => {}
        }
    }
    assert!(answered >= 300, "only {answered} were asked");
    let left: std::collections::BTreeSet<String> = tokens.iter().map(|(token, _)| signed_by(token)).collect();
    assert_eq!(published(&node(&new)).await, left.into_iter().collect::<Vec<_>>(), "the old key is gone");
}

#[tokio::test]
async fn an_open_socket_has_no_authority_that_was_taken_away() {
    let app = TestApp::new().await;
    let wire = app.wire_that_asks_every(std::time::Duration::from_secs(3600)).await;
    let (ada, bo) = (app.client("ada").await, app.person("bo").await);
    super::organization::joins(&ada, &bo, "ADMIN").await;
    let mut socket = wire.socket(&bo.visitor().await).await;
    let mine = "{ viewer { organizations { nodes { id } } } }";
    socket.subscribe("before", mine, json!({})).await;
    assert_eq!(socket.data().await["viewer"]["organizations"]["nodes"], json!([{ "id": ada.organization }]));
    assert_eq!(socket.hears().await, Heard::Complete);

    let members = "query($id: ID!) { node(id: $id) { ... on Organization { members { nodes { id role } } } } }";
    let found = ada.asks(members, json!({ "id": ada.organization })).await;
    let nodes = found.data()["node"]["members"]["nodes"].as_array().cloned().unwrap_or_default();
    let member = nodes.iter().find(|member| member["role"] == "ADMIN").expect("bo has joined")["id"].clone();
    ada.does("memberRemove", json!({ "memberId": member }), "member { id }").await.ok();

    socket.subscribe("after", mine, json!({})).await;
    assert_eq!(socket.data().await["viewer"]["organizations"]["nodes"], json!([]));
    assert_eq!(socket.hears().await, Heard::Complete);
    let invite = "mutation($input: MemberInviteInput!) { memberInvite(input: $input) { errors { code } } }";
    let input = json!({ "organizationId": ada.organization, "email": "eve@example.com", "role": "ADMIN" });
    socket.subscribe("invite", invite, json!({ "input": input })).await;
    assert_eq!(socket.data().await["memberInvite"]["errors"], json!([{ "code": "NOT_FOUND" }]));
}
