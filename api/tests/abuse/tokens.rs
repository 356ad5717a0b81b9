//! Tokens that are not ours, and people who try passwords.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::Suite;
use crate::server::PASSWORD;

const FAMILY: &str = "token";

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Send them.
pub async fn attack(suite: &Suite) {
    let server = &suite.server;
    let (access, refresh, email) = server.somebody("tara").await;
    let mut parts = access.split('.');
    let [head, claims, seal] = std::array::from_fn(|_| parts.next().unwrap());
    let with_head = |name: &str, value: Value| {
        let mut changed = decode(head);
        changed[name] = value;
        format!("{}.{claims}.{seal}", encode(&changed))
    };
    let with_claim = |name: &str, value: Value| {
        let mut changed = decode(claims);
        changed[name] = value;
        format!("{head}.{}.{seal}", encode(&changed))
    };
    let none = json!({ "alg": "none", "typ": "JWT" });
    let mut other_seal = URL_SAFE_NO_PAD.decode(seal).unwrap();
    other_seal[0] ^= 1;
    let rows = [
        ("none", String::new()),
        ("nonsense", "nonsense".to_owned()),
        ("dots alone", "..".to_owned()),
        ("of 20,000 letters", "a".repeat(20_000)),
        ("that nobody signed", format!("{}.{claims}.", encode(&none))),
        ("that says nobody signed it, and a seal", format!("{}.{claims}.{seal}", encode(&none))),
        ("by a key that all may know", with_head("alg", json!("HS256"))),
        ("by a key under a path", with_head("kid", json!("../../../dev/null"))),
        ("by a key of SQL", with_head("kid", json!("' or 1=1 --"))),
        ("by a key of its own", with_head("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }))),
        ("by a key from elsewhere", with_head("jku", json!("http://127.0.0.1:1/keys"))),
        ("by a certificate from elsewhere", with_head("x5u", json!("http://127.0.0.1:1/cert"))),
        ("with something critical", with_head("crit", json!(["exp"]))),
        ("of somebody else", with_claim("sub", json!("usr_00000000000000000000000000"))),
        ("of another issuer", with_claim("iss", json!("elsewhere"))),
        ("for another audience", with_claim("aud", json!("elsewhere"))),
        ("that is over", with_claim("exp", json!(1))),
        ("that is not yet", with_claim("nbf", json!(4_000_000_000_u64))),
        ("for ever", with_claim("exp", json!(u64::MAX))),
        ("with a seal of one bit less", format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(other_seal))),
        ("with no seal", format!("{head}.{claims}.")),
        ("with a space after it", format!("{access} x")),
        ("that is for refreshing", refresh.clone()),
    ];
    for (attack, token) in rows {
        let header = format!("authorization: Bearer {token}");
        suite
            .row(FAMILY, format!("a token {attack}"), "401 TOKEN_INVALID", async {
                server.ask_with("{ viewer { email } }", json!({}), &[&header]).await.told()
            })
            .await;
    }
    let good = format!("authorization: Bearer {access}");
    suite
        .row(FAMILY, "two tokens", "401 TOKEN_INVALID", async {
            server.ask_with("{ viewer { email } }", json!({}), &[&good, &good]).await.told()
        })
        .await;
    suite
        .row(FAMILY, "another scheme", "401 TOKEN_INVALID", async {
            server.ask_with("{ viewer { email } }", json!({}), &["authorization: Basic YTpi"]).await.told()
        })
        .await;

    let refreshed =
        "mutation($i: SessionRefreshInput!) { sessionRefresh(input: $i) { errors { code } tokens { refreshToken } } }";
    suite
        .row(FAMILY, "an access token, to refresh", "200 INVALID_REFRESH_TOKEN", async {
            server.ask_with(refreshed, json!({ "i": { "refreshToken": access } }), &[]).await.told()
        })
        .await;

    let sign_in = "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } tokens { accessToken } } }";
    for (attack, email, password) in [
        ("somebody unknown", "nobody@example.com", "wrong".to_owned()),
        ("somebody known, and a wrong password", email.as_str(), "wrong".to_owned()),
        ("a password of 60,000 letters", email.as_str(), "x".repeat(60_000)),
        ("a password with a NUL", email.as_str(), format!("{PASSWORD}\u{0}")),
    ] {
        suite
            .row(
                FAMILY,
                format!("signing in: {attack}"),
                "200 WRONG_CREDENTIALS or 200 INVALID_CREDENTIALS or 200 TOO_LONG",
                async {
                    server.ask_with(sign_in, json!({ "i": { "email": email, "password": password } }), &[]).await.told()
                },
            )
            .await;
    }
    suite
        .row(FAMILY, "30 wrong passwords for one person", "200 TOO_MANY_ATTEMPTS or 429 RATE_LIMITED 120", async {
            let mut told = String::new();
            let address = format!("x-forwarded-for: {}", server.fresh_address());
            for n in 0..30 {
                told = server
                    .ask_with(
                        sign_in,
                        json!({ "i": { "email": email, "password": format!("wrong {n}") } }),
                        &[&address],
                    )
                    .await
                    .told();
                if told.contains("TOO_MANY") || told.starts_with("429") {
                    break;
                }
            }
            told
        })
        .await;
    suite
        .row(FAMILY, "and the person themselves, from elsewhere", "200 data", async {
            server.ask_with(sign_in, json!({ "i": { "email": email, "password": PASSWORD } }), &[]).await.told()
        })
        .await;
    // Each takes a core for a while, and all others wait in the same queue.
    let wanted = "some are put off, and somebody else is told 200 INVALID_CREDENTIALS";
    suite
        .row(FAMILY, "110 sign-ins of one address at once", wanted, async {
            let address = format!("x-forwarded-for: {}", server.fresh_address());
            let wrong = |n: usize| json!({ "i": { "email": format!("nobody{n}@example.com"), "password": "wrong" } });
            let tries = async |n: usize| server.ask_with(sign_in, wrong(n), &[&address]).await.told();
            let mut answers: FuturesUnordered<_> = (0..110).map(tries).collect();
            let mut somebody_else = None;
            while let Some(told) = answers.next().await {
                if told.ends_with("BUSY") && somebody_else.is_none() {
                    somebody_else = Some(server.ask_with(sign_in, wrong(110), &[]).await.told());
                }
            }
            match somebody_else {
                Some(told) => format!("some are put off, and somebody else is told {told}"),
                None => "all are answered".to_owned(),
            }
        })
        .await;
}
