//! Values that nobody means.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::Suite;

const FAMILY: &str = "input";

const TEXT: &str = "query($t: String!) { gigs(first: 1, filter: { text: $t }) { nodes { id } } freelancers(first: 1, filter: { text: $t }) { nodes { id } } }";

/// Send them.
pub async fn attack(suite: &Suite) {
    texts(suite).await;
    numbers(suite).await;
    names(suite).await;
}

async fn texts(suite: &Suite) {
    let server = &suite.server;
    let rows: Vec<(&str, String)> = vec![
        ("a NUL", "a\u{0}b".to_owned()),
        ("letters turned around", "a\u{202e}b\u{2066}".to_owned()),
        ("nothing but marks of direction", "\u{200f}".repeat(1_000)),
        ("letters outside of the first plane", "𐀀😀".repeat(1_000)),
        ("1,000 marks on one letter", format!("e{}", "\u{301}".repeat(1_000))),
        ("a family of 1,000", "👩\u{200d}".repeat(1_000)),
        ("letters of private use, and none at all", "\u{e000}\u{ffff}\u{fdd0}\u{10ffff}".to_owned()),
        ("SQL", "'; drop table users; --".to_owned()),
        ("SQL in a comment", "/* */ union select * from users --".to_owned()),
        ("a format", "%s%n%x${jndi:ldap://127.0.0.1/a}{{7*7}}".to_owned()),
        ("a path", "../../../../etc/passwd\\..\\".to_owned()),
        ("markup", "<script>alert(1)</script><!--".to_owned()),
        ("operators of a search", "a & | ! <-> :* ( ) ' \\ \"".to_owned()),
        ("nothing but operators", "&|!".repeat(500)),
        ("wildcards", "%_*?".repeat(500)),
        ("5,000 brackets", "(".repeat(5_000)),
        ("a pattern that takes for ever", format!("({}+)+$", "a".repeat(30))),
        ("2,000 words", (0..2_000).map(|n| format!("w{n} ")).collect()),
        ("20,000 words of one letter", "a ".repeat(20_000)),
        ("stop words alone", "the of and to a in".repeat(100)),
        ("one word of 100 KB", "x".repeat(100_000)),
        ("100 KB of spaces", " ".repeat(100_000)),
        ("quotes that never close", "\"".repeat(1_001)),
    ];
    for (attack, text) in rows {
        suite
            .row(FAMILY, format!("a search for {attack}"), "200 data or 200 BAD_USER_INPUT", async {
                server.ask_with(TEXT, json!({ "t": text }), &[]).await.told()
            })
            .await;
        let query = "query($t: String!) { skillSuggest(text: $t) { skill { id } } skills(first: 1, query: $t) { nodes { id } } }";
        suite
            .row(FAMILY, format!("skills in {attack}"), "200 data or 200 BAD_USER_INPUT", async {
                server.ask_with(query, json!({ "t": text }), &[]).await.told()
            })
            .await;
    }
    // Searches are bounded in how many run at once: the others are told when to come back.
    suite
        .row(FAMILY, "40 searches at once", "40 answered", async {
            let ask = async |n: usize| {
                server
                    .ask_with(TEXT, json!({ "t": format!("w{n} {}", "the ledger of a shop ".repeat(20)) }), &[])
                    .await
                    .told()
            };
            let answers = join_all((0..40).map(ask)).await;
            let fine =
                |told: &&String| *told == "200 data" || told.ends_with(" BUSY") || told.ends_with("BAD_USER_INPUT");
            format!(
                "{} answered ({} put off)",
                answers.iter().filter(fine).count(),
                answers.iter().filter(|told| told.ends_with(" BUSY")).count()
            )
        })
        .await;
}

async fn numbers(suite: &Suite) {
    let server = &suite.server;
    let page = "query($n: Int) { gigs(first: $n) { nodes { id } } }";
    for (attack, wanted, n) in [
        ("the smallest", "200 BAD_USER_INPUT", json!(i32::MIN)),
        ("one below the smallest", "400 BAD_USER_INPUT", json!(i64::from(i32::MIN) - 1)),
        ("the largest", "400 TOO_EXPENSIVE 10000", json!(i32::MAX)),
        ("one past the largest", "400 BAD_USER_INPUT", json!(i64::from(i32::MAX) + 1)),
        ("past 53 bits", "400 BAD_USER_INPUT", json!(9_007_199_254_740_993_i64)),
        ("the largest of 64 bits", "400 BAD_USER_INPUT", json!(u64::MAX)),
        ("past 64 bits", "400 BAD_USER_INPUT", json!(1e30)),
        ("a fraction", "400 BAD_USER_INPUT", json!(0.5)),
        ("the smallest fraction", "400 BAD_USER_INPUT", json!(5e-324)),
        ("a number in quotes", "400 BAD_USER_INPUT", json!("1")),
        ("true", "400 BAD_USER_INPUT", json!(true)),
        ("a list", "400 BAD_USER_INPUT", json!([1])),
        ("an object", "400 BAD_USER_INPUT", json!({ "a": 1 })),
    ] {
        suite
            .row(FAMILY, format!("a page of {attack}"), wanted, async {
                server.ask_with(page, json!({ "n": n }), &[]).await.told()
            })
            .await;
    }
    let fees = "query($m: MoneyInput!, $w: [Int!]! = []) { feePreview(amount: $m, weights: $w) { __typename } }";
    for amount in [
        "-1.00",
        "0.00",
        "1e9",
        "0x10",
        "1.001",
        "92233720368547758.08",
        "99999999999999999999",
        "1,000.00",
        "١٠٠",
        "NaN",
        "",
        " 1.00",
        "1.00\u{0}",
    ] {
        suite
            .row(
                FAMILY,
                format!("an amount of {}", amount.escape_debug()),
                "200 BAD_USER_INPUT or 400 GRAPHQL_VALIDATION_FAILED or 200 OUT_OF_RANGE",
                async { server.ask_with(fees, json!({ "m": { "amount": amount } }), &[]).await.told() },
            )
            .await;
    }
    let wrong = "200 BAD_USER_INPUT or 200 data";
    for (attack, wanted, weights) in [
        ("of -1", wrong, json!([-1, 1])),
        ("of nothing", wrong, json!([0, 0])),
        ("of the largest", wrong, json!([i32::MAX, i32::MAX, i32::MAX])),
        ("1,900 of them", wrong, json!(vec![1; 1_900])),
        ("20,000 of them", "400 TOO_MANY_VALUES 2000", json!(vec![1; 20_000])),
    ] {
        suite
            .row(FAMILY, format!("weights {attack}"), wanted, async {
                server.ask_with(fees, json!({ "m": { "amount": "1.00" }, "w": weights }), &[]).await.told()
            })
            .await;
    }
    for instant in [
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "+275760-09-13T00:00:00Z",
        "-271821-04-20T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01",
        "yesterday",
        "0",
        "",
    ] {
        suite
            .row(
                FAMILY,
                format!("the instant {}", if instant.is_empty() { "of nothing" } else { instant }),
                "200 data or 200 BAD_USER_INPUT or 400 BAD_USER_INPUT or 400 GRAPHQL_VALIDATION_FAILED",
                async {
                    server
                        .ask_with("query($at: DateTime) { policy(at: $at) { id } }", json!({ "at": instant }), &[])
                        .await
                        .told()
                },
            )
            .await;
    }
}

async fn names(suite: &Suite) {
    let server = &suite.server;
    let list = "query($c: String) { gigs(first: 1, after: $c) { nodes { id } } }";
    let of_skills = server.ask("{ skills(first: 1) { pageInfo { endCursor } } }").await.body["data"]["skills"]["pageInfo"]["endCursor"].clone();
    assert!(of_skills.is_string());
    for (attack, cursor) in [
        ("of nothing", json!("")),
        ("made up", json!("nonsense")),
        ("of another list", of_skills),
        ("of SQL", json!("WyJ4Jyk7IGRyb3AgdGFibGUgdXNlcnM7IC0tIl0")),
        ("with a NUL", json!("\u{0}")),
        ("of 100 KB", json!("A".repeat(100_000))),
    ] {
        suite
            .row(FAMILY, format!("a cursor {attack}"), "200 BAD_USER_INPUT", async {
                server.ask_with(list, json!({ "c": cursor }), &[]).await.told()
            })
            .await;
    }
    let (token, _, _) = server.somebody("ida").await;
    let token = format!("authorization: Bearer {token}");
    let me =
        server.ask_with("{ viewer { user { id } } }", json!({}), &[&token]).await.body["data"]["viewer"]["user"]["id"]
            .clone();
    assert!(me.is_string());
    let nothing = |answer: crate::server::Answer| match &answer.body["data"] {
        Value::Object(data) if data.values().all(Value::is_null) && answer.body["errors"].is_null() => {
            "200 nothing".to_owned()
        }
        _ => answer.told(),
    };
    for field in ["gig", "contract", "milestone", "dispute", "offer", "proposal", "payment", "payout", "timesheet"] {
        let query = format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}");
        suite
            .row(FAMILY, format!("{field}(id:) of a person"), "200 nothing", async {
                nothing(server.ask_with(&query, json!({ "id": me }), &[&token]).await)
            })
            .await;
    }
    for (attack, id, wanted) in [
        ("of nothing", json!(""), "200 nothing"),
        ("made up", json!("gig_00000000000000000000000000"), "200 nothing"),
        ("past all ids", json!("gig_zzzzzzzzzzzzzzzzzzzzzzzzzz"), "200 nothing"),
        ("of no kind", json!("xyz_00000000000000000000000000"), "200 nothing"),
        ("with a NUL", json!("gig_0000000000000000000000000\u{0}"), "200 nothing"),
        ("in capitals of another alphabet", json!("ɢɪɢ_00000000000000000000000000"), "200 nothing"),
        ("of SQL", json!("gig_' or 1=1 --"), "200 nothing"),
        ("of 60 KB", json!("g".repeat(60_000)), "200 nothing"),
        ("that is a number", json!(1), "200 nothing"),
        ("that is a fraction", json!(1.5), "400 BAD_USER_INPUT"),
        ("that is an object", json!({ "id": 1 }), "400 BAD_USER_INPUT"),
        ("that is null", Value::Null, "400 BAD_USER_INPUT"),
    ] {
        suite
            .row(FAMILY, format!("an id {attack}"), wanted, async {
                nothing(
                    server.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id }), &[&token]).await,
                )
            })
            .await;
    }
}
