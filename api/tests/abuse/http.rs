//! Requests that are none, or too much of one.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Suite;
use crate::documents::{many, nested};

const FAMILY: &str = "HTTP";
const JSON: &str = "content-type: application/json";
const SIGN_OUT: &str = "mutation { signOut(input: {}) { errors { code } } }";
const HEAD: &str = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
const BODY: &str = r#"{"query":"{__typename}"}"#;

fn zeros_packed() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        packed.write_all(&[b' '; 1 << 20]).unwrap();
    }
    packed.finish().unwrap()
}

/// The SHA-256 of a text, as clients of persisted queries say it.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Send them.
pub async fn attack(suite: &Suite) {
    what_forms_can_send(suite).await;
    bodies(suite).await;
    raw(suite).await;
    pages(suite).await;
    floods(suite).await;
}

async fn what_forms_can_send(suite: &Suite) {
    let server = &suite.server;
    let by_get = format!("/graphql?query={}", encoded(SIGN_OUT));
    suite
        .row(FAMILY, "a mutation by GET", "405 MUTATION_BY_GET", async { server.get(&by_get, &[]).await.told() })
        .await;
    let number = format!("/graphql?query={}", encoded("{ payeesByNumber(number: \"35202-1234567-1\") { id } }"));
    suite
        .row(FAMILY, "a number of identity in an address", "405 QUERY_BY_GET", async {
            server.get(&number, &[]).await.told()
        })
        .await;
    let second = format!(
        "/graphql?query={}&operationName=B",
        encoded(&format!("query A {{ __typename }} {}", SIGN_OUT.replace("mutation", "mutation B")))
    );
    suite
        .row(FAMILY, "a mutation by GET, behind a query", "405 MUTATION_BY_GET", async {
            server.get(&second, &[]).await.told()
        })
        .await;
    let body = json!({ "query": SIGN_OUT }).to_string();
    for kind in [
        "text/plain",
        "text/plain; application/json",
        "text/plain;charset=application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/jsonp",
        "application/json; charset=utf-16",
        "",
    ] {
        let header = format!("content-type: {kind}");
        let attack = format!("a body as {}", if kind.is_empty() { "nothing" } else { kind });
        suite
            .row(FAMILY, attack, "415 UNSUPPORTED_MEDIA_TYPE", async {
                server.post(&[&header], body.clone()).await.told()
            })
            .await;
    }
    suite
        .row(FAMILY, "a body of no type", "415 UNSUPPORTED_MEDIA_TYPE", async {
            server.post(&[], body.clone()).await.told()
        })
        .await;
    suite
        .row(FAMILY, "a body of two types", "415 UNSUPPORTED_MEDIA_TYPE", async {
            server.post(&[JSON, "content-type: text/plain"], body.clone()).await.told()
        })
        .await;
    suite
        .row(FAMILY, "a page of elsewhere that reads", "none", async {
            let answer = server.post(&[JSON, "origin: https://elsewhere.example"], BODY).await;
            answer.headers.get("access-control-allow-origin").map_or("none".to_owned(), |value| format!("{value:?}"))
        })
        .await;
}

async fn bodies(suite: &Suite) {
    let server = &suite.server;
    let post = async |body: Vec<u8>| server.post(&[JSON], body).await.told();
    let deep = |n| format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"a\":{}}}}}", nested(n, "[", "", "]"));
    let rows: Vec<(&str, &str, Vec<u8>)> = vec![
        ("no body", "400 BAD_REQUEST", Vec::new()),
        ("JSON that breaks off", "400 BAD_JSON", b"{\"query\":\"{__typename}\"".to_vec()),
        ("JSON with a comma too many", "400 BAD_JSON", b"{\"query\":\"{a}\",}".to_vec()),
        ("JSON and something after it", "400 BAD_JSON", b"{\"query\":\"{a}\"} x".to_vec()),
        ("JSON in quotes of another kind", "400 BAD_JSON", b"{'query':'{a}'}".to_vec()),
        ("a byte order mark", "400 BAD_JSON", "\u{feff}{\"query\":\"{a}\"}".as_bytes().to_vec()),
        ("UTF-16", "400 BAD_JSON", BODY.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("bytes that are no UTF-8", "400 BAD_JSON", b"{\"query\":\"{__typename} #\xff\xfe\"}".to_vec()),
        ("an overlong NUL", "400 BAD_JSON", b"{\"query\":\"{__typename} #\xc0\x80\"}".to_vec()),
        ("an overlong slash", "400 BAD_JSON", b"{\"query\":\"{__typename} #\xe0\x80\xaf\"}".to_vec()),
        ("half a surrogate, as bytes", "400 BAD_JSON", b"{\"query\":\"{__typename} #\xed\xa0\x80\"}".to_vec()),
        (
            "half a surrogate, written",
            "400 BAD_JSON",
            br#"{"query":"{__typename}","variables":{"s":"\ud800"}}"#.to_vec(),
        ),
        ("the other half", "400 BAD_JSON", br#"{"query":"{__typename}","variables":{"s":"\udc00x"}}"#.to_vec()),
        (
            "half a surrogate in a name",
            "400 BAD_JSON",
            br#"{"query":"{__typename}","variables":{"\ud800":1}}"#.to_vec(),
        ),
        (
            "a NUL in the document",
            "400 GRAPHQL_PARSE_FAILED or 200 GRAPHQL_PARSE_FAILED",
            br#"{"query":"{__typename}\u0000"}"#.to_vec(),
        ),
        ("a number past all numbers", "400 BAD_JSON", br#"{"query":"{__typename}","variables":{"n":1e999}}"#.to_vec()),
        ("null", "400 BAD_REQUEST", b"null".to_vec()),
        ("a number", "400 BAD_REQUEST", b"1".to_vec()),
        ("a string", "400 BAD_REQUEST", b"\"{__typename}\"".to_vec()),
        ("an object without a query", "400 BAD_REQUEST", b"{}".to_vec()),
        ("a query that is a number", "400 BAD_REQUEST", b"{\"query\":1}".to_vec()),
        ("variables that are a list", "400 BAD_REQUEST", b"{\"query\":\"{a}\",\"variables\":[]}".to_vec()),
        ("a name that is a number", "400 BAD_REQUEST", b"{\"query\":\"{a}\",\"operationName\":1}".to_vec()),
        ("extensions that are a number", "400 BAD_REQUEST", b"{\"query\":\"{a}\",\"extensions\":0}".to_vec()),
        ("a batch of one", "400 BATCHING_REFUSED", format!("[{BODY}]").into_bytes()),
        ("a batch of 1,000", "400 BATCHING_REFUSED", format!("[{}]", [BODY; 1_000].join(",")).into_bytes()),
        ("variables 100 lists deep, of no use", "200 data", deep(100).into_bytes()),
        ("variables 1,000 lists deep", "400 BAD_JSON", deep(1_000).into_bytes()),
        ("variables 100,000 lists deep", "400 BAD_JSON", deep(100_000).into_bytes()),
        (
            "variables of 200 KB",
            "200 data",
            json!({ "query": "{__typename}", "variables": { "a": "x".repeat(200_000) } }).to_string().into_bytes(),
        ),
        (
            "20,000 variables",
            "200 TOO_MANY_VALUES 2000",
            format!(
                "{{\"query\":\"{{__typename}}\",\"variables\":{{{}}}}}",
                many(20_000, |i| format!("\"v{i}\":1")).replace(' ', ",")
            )
            .into_bytes(),
        ),
        (
            "80,000 empty lists",
            "200 TOO_MANY_VALUES 2000",
            format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"a\":[{}]}}}}", vec!["[]"; 80_000].join(","))
                .into_bytes(),
        ),
        (
            "1,999 empty lists, of no use",
            "200 data",
            format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"a\":[{}]}}}}", vec!["[]"; 1_999].join(","))
                .into_bytes(),
        ),
        ("300 KB", "413 BODY_TOO_LARGE 262144", vec![b' '; 300_000]),
    ];
    for (attack, wanted, body) in rows {
        suite.row(FAMILY, attack, wanted, post(body)).await;
    }
    let list = json!({ "query": "query($s: [ID!]) { gigs(first: 1, filter: { skills: $s }) { nodes { id } } }", "variables": { "s": vec!["x"; 50_000] } });
    suite.row(FAMILY, "50,000 ids in a list", "200 TOO_MANY_VALUES 2000", post(list.to_string().into_bytes())).await;
    for (attack, encoding) in [
        ("a bomb of gzip: 64 MB in 64 KB", "gzip"),
        ("the same, twice packed", "gzip, gzip"),
        ("the same, called deflate", "deflate"),
        ("the same, called br", "br"),
    ] {
        let header = format!("content-encoding: {encoding}");
        suite
            .row(FAMILY, attack, "415 UNSUPPORTED_MEDIA_TYPE", async {
                server.post(&[JSON, &header], zeros_packed()).await.told()
            })
            .await;
    }
    for (attack, path, wanted) in [
        ("an address that is badly encoded", "/graphql?query=%zz".to_owned(), "400 BAD_REQUEST"),
        ("an address that is no UTF-8", "/graphql?query=%ff".to_owned(), "400 BAD_REQUEST"),
        ("two queries in an address", "/graphql?query=%7Ba%7D&query=%7Bb%7D".to_owned(), "400 BAD_REQUEST"),
        (
            "an address of 20 KB",
            format!("/graphql?query={}", "%20".repeat(7_000)),
            "400 GRAPHQL_PARSE_FAILED or 200 GRAPHQL_PARSE_FAILED",
        ),
        ("an address of 60 KB", format!("/graphql?query={}", "%20".repeat(20_000)), "414 or 431"),
        ("a token in an address", "/graphql?query=%7B__typename%7D&access_token=x".to_owned(), "401 TOKEN_IN_URL"),
        (
            "a token in an address, written otherwise",
            "/graphql?query=%7B__typename%7D&%41ccess%5Ftoken=x".to_owned(),
            "401 TOKEN_IN_URL",
        ),
    ] {
        suite.row(FAMILY, attack, wanted, async { server.get(&path, &[]).await.told() }).await;
    }
}

async fn raw(suite: &Suite) {
    let server = &suite.server;
    let length = BODY.len();
    let chunks = |count: usize| format!("10000\r\n{}\r\n", "x".repeat(65_536)).repeat(count);
    let rows = [
        ("16 MB announced", "413", format!("{HEAD}Content-Length: 16777216\r\n\r\n{}", "x".repeat(1_000))),
        (
            "a length past all lengths",
            "400 or 413 or closed",
            format!("{HEAD}Content-Length: 99999999999999999999\r\n\r\n"),
        ),
        ("a negative length", "400 or closed", format!("{HEAD}Content-Length: -1\r\n\r\n")),
        ("a length that is a word", "400 or closed", format!("{HEAD}Content-Length: ten\r\n\r\n")),
        (
            "16 MB announced, and sent",
            "413 or closed",
            format!("{HEAD}Content-Length: 16777216\r\n\r\n{}", "x".repeat(16 << 20)),
        ),
        ("1 MB in chunks", "413 or closed", format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(16))),
        (
            "16 MB in chunks",
            "413 or closed",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks(256)),
        ),
        (
            "a chunk of a length past all lengths",
            "400 or closed",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n0\r\n\r\n"),
        ),
        (
            "a chunk with 100 KB of notes",
            "400 or closed",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n1;{}\r\nx\r\n0\r\n\r\n", "n".repeat(100_000)),
        ),
        (
            "chunks, called something else",
            "400 or closed",
            format!("{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ),
        ("two lengths", "400 or closed", format!("{HEAD}Content-Length: 5\r\nContent-Length: {length}\r\n\r\n{BODY}")),
        ("a length of two numbers", "400 or closed", format!("{HEAD}Content-Length: 5, {length}\r\n\r\n{BODY}")),
        (
            "a length and chunks",
            "400 or closed",
            format!("{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("less than was announced, and the end", "400", format!("{HEAD}Content-Length: 500\r\n\r\n{BODY}")),
        (
            "a header of 256 KB",
            "431 or closed",
            format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "y".repeat(256 * 1024)),
        ),
        (
            "1,000 headers",
            "431 or closed or 400",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(1_000)),
        ),
        (
            "65 headers",
            "431 or closed or 400",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(64)),
        ),
        ("a header over two lines", "400 or closed", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: a\r\n b\r\n\r\n".to_owned()),
        ("a header with a NUL", "400 or closed", "GET / HTTP/1.1\r\nHost: x\r\nX-Bad: a\0b\r\n\r\n".to_owned()),
        ("a space before the colon", "400 or closed", "GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_owned()),
        ("no host", "400", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned()),
        ("two hosts", "400", "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n".to_owned()),
        ("a host of two words", "400", "GET /healthz HTTP/1.1\r\nHost: x y\r\nConnection: close\r\n\r\n".to_owned()),
        ("a host behind a name", "400", "GET /healthz HTTP/1.1\r\nHost: x@y\r\nConnection: close\r\n\r\n".to_owned()),
        ("another protocol", "400 or closed or 505", "GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_owned()),
        ("a greeting of TLS", "400 or closed", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}".to_owned()),
        ("the preface of HTTP/2", "400 or closed or 505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("TRACE", "405", "TRACE /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()),
        (
            "CONNECT",
            "400 or 404 or 405 or closed",
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n".to_owned(),
        ),
        (
            "a method of 1 KB",
            "400 or 405 or closed",
            format!("{} /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "M".repeat(1_024)),
        ),
    ];
    for (attack, wanted, text) in rows {
        // Whoever sends less than was announced says that nothing more comes.
        suite
            .row(FAMILY, attack, wanted, async {
                if attack.starts_with("less") {
                    server.raw_to_the_end(text.as_bytes()).await
                } else {
                    server.raw(text.as_bytes()).await
                }
            })
            .await;
    }
    for (attack, wanted, hops) in [
        ("a client that writes no UTF-8 before what its proxy says", "200", &b"\xff, 10.255.0.1"[..]),
        ("a proxy that says no address", "400", &b"10.255.0.1, \xff"[..]),
    ] {
        let head = format!("{HEAD}Content-Length: {length}\r\nX-Forwarded-For: ");
        let request = [head.as_bytes(), hops, b"\r\n\r\n", BODY.as_bytes()].concat();
        suite.row(FAMILY, attack, wanted, server.raw(&request)).await;
    }
}

async fn pages(suite: &Suite) {
    let server = &suite.server;
    for path in [
        "/.git/config",
        "/.env",
        "/debug/pprof",
        "/admin",
        "/%2e%2e/etc/passwd",
        "/graphql/../.env",
        "/papers/..%2f..%2fetc%2fpasswd",
        "/server-status",
    ] {
        suite
            .row(
                FAMILY,
                format!("the page {path}"),
                "404 NO_SUCH_PAGE or 401 UNAUTHENTICATED or 404 NOT_FOUND",
                async { server.get(path, &[]).await.told() },
            )
            .await;
    }
    suite
        .row(FAMILY, "a document by a hash that nobody sent", "200 PERSISTED_QUERY_NOT_FOUND", async {
            server
                .post(
                    &[JSON],
                    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash("{ nobody }") } } })
                        .to_string(),
                )
                .await
                .told()
        })
        .await;
    suite.row(FAMILY, "a document under the hash of another", "400 BAD_REQUEST", async {
        let body = json!({ "query": "{ __typename }", "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash("{ viewer { id } }") } } });
        server.post(&[JSON], body.to_string()).await.told()
    }).await;
    suite
        .row(FAMILY, "a hash of 60,000 letters", "400 BAD_REQUEST", async {
            let body =
                json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "a".repeat(60_000) } } });
            server.post(&[JSON], body.to_string()).await.told()
        })
        .await;
}

async fn floods(suite: &Suite) {
    let server = &suite.server;
    // More documents to remember than there is room for: the oldest are let go.
    suite.row(FAMILY, "100 documents of 60 KB to remember by their hash", "100 data", async {
        let send = async |n: usize| {
            let query = format!("{{ __typename }} # {n} {}", "x".repeat(60_000));
            let body = json!({ "query": query, "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash(&query) } } });
            server.post(&[JSON], body.to_string()).await.told()
        };
        let mut taken = 0;
        for tens in 0..10 {
            let answers = join_all((0..10).map(|n| send(tens * 10 + n))).await;
            taken += answers.iter().filter(|told| *told == "200 data").count();
        }
        format!("{taken} data")
    }).await;
    // What is dear to us is counted by itself.
    suite
        .row(FAMILY, "letters to one after the other", "429 RATE_LIMITED 20", async {
            let address = format!("x-forwarded-for: {}", server.fresh_address());
            let query =
                "mutation($i: PasswordResetRequestInput!) { passwordResetRequest(input: $i) { errors { code } } }";
            // The allowance comes back over a minute, so that of a busy server more are taken than it has at once.
            for n in 0..100 {
                let told = server
                    .ask_with(query, json!({ "i": { "email": format!("nobody{n}@example.com") } }), &[&address])
                    .await
                    .told();
                if told != "200 data" {
                    return told;
                }
            }
            "100 times data".to_owned()
        })
        .await;
}
