//! The manners of the endpoint, met from outside.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::{StreamExt, stream};

use super::toy::{Reply, Server};
use super::{Closing, ServerSettings, Settings, TrustedDocuments, serve};

const JSON: &str = "content-type: application/json";
const NEW: &str = "accept: application/graphql-response+json";
const OLD: &str = "accept: application/json";

#[tokio::test]
async fn a_query_is_answered_in_the_form_that_was_asked_for() {
    let server = Server::new();
    for (accept, form) in [
        (NEW, "application/graphql-response+json; charset=utf-8"),
        (OLD, "application/json; charset=utf-8"),
        ("accept: */*", "application/json; charset=utf-8"),
    ] {
        let reply = server.post(&[JSON, accept], r#"{"query":"{ hello }"}"#).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, form), "{accept}");
        let cost = serde_json::json!({ "cost": { "requested": 1, "limit": 10_000 } });
        assert_eq!(reply.json(), serde_json::json!({ "data": { "hello": "hello world" }, "extensions": cost }));
    }
    let reply = server.post(&[JSON, "accept: text/html"], r#"{"query":"{ hello }"}"#).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE"));
}

#[tokio::test]
async fn a_query_may_come_by_get_and_a_mutation_may_not() {
    let server = Server::new();
    let reply = server.get("/graphql?query=query+A($n:String){hello(name:$n)}&variables=%7B%22n%22:%22Lin%22%7D").await;
    assert_eq!(reply.json()["data"]["hello"], "hello Lin");

    let reply = server.get("/graphql?query=mutation%7Bbump%7D").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "MUTATION_BY_GET"));
    assert_eq!(reply.header("allow"), "POST");
    let reply = server.get("/graphql?query=query+Q%7Bhello%7D+mutation+M%7Bbump%7D&operationName=M").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.bumps.load(Ordering::SeqCst), 0);

    server.query("mutation { bump }").await;
    assert_eq!(server.bumps.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_form_on_another_page_can_not_send_a_mutation() {
    let server = Server::new();
    for content_type in
        ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/graphql"]
    {
        let header = format!("content-type: {content_type}");
        let reply = server.post(&[&header], r#"{"query":"mutation { bump }"}"#).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    assert_eq!(server.post(&[], r#"{"query":"mutation { bump }"}"#).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(server.bumps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_methods_and_other_paths_say_where_to_go() {
    let server = Server::new();
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/graphql").body(Body::empty()).unwrap();
        let reply = server.send(request).await;
        assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, POST"), "{method}");
    }
    for path in ["/.git/config", "/debug/pprof", "/graphql/", "/admin", "/%2e%2e/etc/passwd"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::NOT_FOUND, "NO_SUCH_PAGE"), "{path}");
    }
}

#[tokio::test]
async fn a_fault_of_the_document_has_no_data_and_the_status_of_its_media_type() {
    let server = Server::new();
    for (document, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_NAME_REQUIRED"),
        ("subscription { count(to: 1) }", "SUBSCRIPTION_TRANSPORT"),
    ] {
        let body = serde_json::json!({ "query": document }).to_string();
        for (accept, status) in [(NEW, StatusCode::BAD_REQUEST), (OLD, StatusCode::OK)] {
            let reply = server.post(&[JSON, accept], body.clone()).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{document} {accept}");
            assert!(reply.json().get("data").is_none(), "{document}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn a_fault_of_the_request_is_400_in_every_form() {
    let server = Server::new();
    for body in
        ["", "{", "[]", r#"[{"query":"{hello}"}]"#, "{}", r#"{"query":1}"#, r#"{"query":"{hello}","variables":"x"}"#]
    {
        for accept in [NEW, OLD] {
            let reply = server.post(&[JSON, accept], body).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(reply.json().get("data").is_none());
            assert!(!reply.code().is_empty());
        }
    }
    let reply = server.post(&[JSON], r#"{"query":"{hello}","variables":{"name":"\ud800"}}"#).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_JSON"));
    assert!(!reply.text.contains("surrogate") && !reply.text.contains("line 1"), "{}", reply.text);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_never_a_visitor_without_one() {
    let server = Server::new();
    let body = r#"{"query":"{ viewer hello }"}"#;
    let reply = server.post(&[JSON], body).await;
    assert_eq!(reply.json()["data"]["viewer"], serde_json::Value::Null);
    let reply = server.post(&[JSON, "authorization: Bearer ada"], body).await;
    assert_eq!(reply.json()["data"]["viewer"], "usr_00000000000000000000000001");

    let long = format!("authorization: Bearer {}", "a".repeat(5000));
    for (header, code) in [
        ("authorization: Bearer nonsense", "TOKEN_INVALID"),
        ("authorization: Bearer expired", "TOKEN_EXPIRED"),
        ("authorization: Bearer revoked", "SESSION_ENDED"),
        ("authorization: Bearer ", "TOKEN_INVALID"),
        ("authorization: ada", "TOKEN_INVALID"),
        ("authorization: Basic YWRhOmFkYQ==", "TOKEN_INVALID"),
        (&long, "TOKEN_INVALID"),
    ] {
        let reply = server.post(&[JSON, NEW, header], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, code), "{header}");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
        assert!(!reply.text.contains("hello"));
    }
    let reply = server.post(&[JSON, "authorization: Bearer ada", "authorization: Bearer ada"], body).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let reply = server.post(&[JSON, "authorization: Bearer down"], body).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let reply = server.get("/graphql?query=%7Bhello%7D&access_token=ada").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "TOKEN_IN_URL"));
}

#[tokio::test]
async fn a_token_is_looked_at_when_the_body_is_there() {
    let server = Server::new();
    let headers = [JSON, NEW, "authorization: Bearer fired"];
    let act = r#"{"query":"mutation { bump }"}"#;
    assert_eq!(server.post(&headers, act).await.status, StatusCode::OK);
    // Good when the head came, and no longer when the rest did.
    let fired = std::sync::Arc::clone(&server.fired);
    let (begun, rest) = act.split_at(10);
    let rest = async move {
        fired.store(true, Ordering::SeqCst);
        Ok::<_, std::io::Error>(rest)
    };
    let body = stream::iter([Ok(begun)]).chain(stream::once(rest));
    let reply = server.post(&headers, Body::from_stream(body)).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNAUTHORIZED, "SESSION_ENDED"));
    assert_eq!(server.bumps.load(Ordering::SeqCst), 1, "nothing is done as who they were");
}

#[tokio::test]
async fn what_must_not_stand_in_an_address_is_asked_by_post_alone() {
    let server = Server::with(Settings { by_post_alone: &["hello"], ..Settings::default() });
    assert_eq!(server.get("/graphql?query=%7Badd(a:1)%7D").await.status, StatusCode::OK);
    for query in ["%7Bhello%7D", "%7Ba:hello%7D", "query+A%7B...F%7D+fragment+F+on+Query%7Bhello%7D"] {
        let reply = server.get(&format!("/graphql?query={query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "QUERY_BY_GET"), "{query}");
        assert_eq!(reply.header("allow"), "POST");
    }
    assert_eq!(server.query("{ hello }").await.status, StatusCode::OK);
    assert_eq!(Settings::default().by_post_alone, ["payeesByNumber", "userByEmail"]);
}

#[tokio::test]
async fn our_faults_are_told_by_code_and_trace_id_only() {
    let server = Server::new();
    for document in ["{ broken }", "{ panics }"] {
        let body = serde_json::json!({ "query": document }).to_string();
        let reply = server.post(&[JSON, "x-request-id: my-request-1"], body).await;
        assert_eq!(reply.code(), "INTERNAL", "{document}");
        assert!(!reply.text.contains("hunter2"), "{}", reply.text);
        assert_eq!(reply.json()["errors"][0]["extensions"]["traceId"], "my-request-1");
        assert_eq!(reply.header("x-request-id"), "my-request-1");
    }
    assert_eq!(server.query("{ hello }").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_id_that_can_not_stand_in_a_log_is_replaced() {
    let server = Server::new();
    for id in ["short", "has space in it", "quote\"quote\"", &"x".repeat(65)] {
        let reply = server.post(&[JSON, &format!("x-request-id: {id}")], r#"{"query":"{"}"#).await;
        let given = reply.header("x-request-id");
        assert_eq!(given.len(), 32, "{id}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["traceId"], given);
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let server = Server::new();
    for reply in [server.query("{ hello }").await, server.query("{").await, server.get("/x").await] {
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_let_in_only_by_the_operator() {
    let preflight = || {
        Request::options("/graphql")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type, authorization, if-none-match")
            .body(Body::empty())
            .unwrap()
    };
    let reply = Server::new().send(preflight()).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");

    let origins = vec!["https://app.example".parse().unwrap()];
    let server = Server::with(Settings { origins, ..Settings::default() });
    let let_in = server.send(preflight()).await;
    assert_eq!(let_in.header("access-control-allow-origin"), "https://app.example");
    assert!(
        let_in.header("access-control-allow-headers").contains("if-none-match"),
        "pages may ask whether it changed"
    );
    let reply = server.post(&[JSON, "origin: https://app.example"], r#"{"query":"{ hello }"}"#).await;
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    let reply = server.post(&[JSON, "origin: https://evil.example"], r#"{"query":"{ hello }"}"#).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn bodies_are_taken_up_to_a_size() {
    let server = Server::with(Settings { body_bytes: 1000, ..Settings::default() });
    let body = format!("{{\"query\":\"{{ hello }}\",\"x\":\"{}\"}}", "x".repeat(2000));
    let reply = server.post(&[JSON, "content-length: 2030"], body.clone()).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"));
    assert_eq!(reply.json()["errors"][0]["extensions"]["limit"], 1000);
    let reply = server.post(&[JSON], body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"));
    let reply = server.post(&[JSON, "content-encoding: gzip"], "x").await;
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_and_an_operation_that_never_ends_are_given_up() {
    let server = Server::new();
    let body = Body::from_stream(stream::pending::<Result<&[u8], std::io::Error>>());
    let reply = server.post(&[JSON], body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT"));
    let reply = server.query("{ slow }").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT"));
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_can_read_it() {
    let reply = Server::new().post(&[JSON, "accept-encoding: gzip"], r#"{"query":"{ long }"}"#).await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert!(reply.bytes < 10_000);
}

#[tokio::test]
async fn results_come_as_events_to_those_who_ask_for_them() {
    let server = Server::new();
    let body = |query: &str| serde_json::json!({ "query": query }).to_string();
    let events = "accept: text/event-stream";
    let reply = server.post(&[JSON, events], body("subscription { count(to: 2) }")).await;
    assert_eq!(reply.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(
        reply.text,
        "event: next\ndata: {\"data\":{\"count\":0}}\n\nevent: next\ndata: {\"data\":{\"count\":1}}\n\nevent: complete\ndata: \n\n"
    );
    let reply = server.post(&[JSON, events], body("{ hello }")).await;
    assert_eq!(reply.text, "event: next\ndata: {\"data\":{\"hello\":\"hello world\"}}\n\nevent: complete\ndata: \n\n");
    let reply = server.post(&[JSON, events], body("subscription { nothing }")).await;
    assert!(reply.text.contains("GRAPHQL_VALIDATION_FAILED"), "{}", reply.text);
    let reply = server.post(&[JSON, events, "authorization: Bearer brief"], body("subscription { never }")).await;
    assert!(
        reply.text.starts_with("event: next\ndata: {\"errors\":[") && reply.text.contains("TOKEN_EXPIRED"),
        "{}",
        reply.text
    );
    assert!(reply.text.ends_with("\n\nevent: complete\ndata: \n\n"), "it ends with the token: {}", reply.text);
    let reply = server.get("/graphql?query=subscription%7Bcount(to:1)%7D").await;
    assert_eq!(reply.code(), "SUBSCRIPTION_TRANSPORT");
}

#[tokio::test]
async fn a_request_whose_client_can_not_be_told_is_not_taken_for_the_proxys_own() {
    let server = Server::with(Settings {
        trusted_proxies: 1,
        requests_per_minute_by_address: std::num::NonZeroU32::new(1),
        ..Settings::default()
    });
    let body = r#"{"query":"{hello}"}"#;
    let reply = server.post(&[JSON, "x-forwarded-for: unknown"], body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
    let asked = |client: &'static [u8]| {
        let request = Request::post("/graphql").header("content-type", "application/json");
        let request = request.header("x-forwarded-for", axum::http::HeaderValue::from_bytes(client).unwrap());
        server.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(asked(b"\xff, 203.0.113.9").await.status, StatusCode::OK);
    assert_eq!(asked(b"203.0.113.9:5678").await.status, StatusCode::TOO_MANY_REQUESTS, "the same client");
    assert_eq!(asked(b"\xff, 203.0.113.10").await.status, StatusCode::OK, "another one");
    let page = Request::get("/").header("x-forwarded-for", "unknown").body(Body::empty()).unwrap();
    assert_eq!(server.send(page).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_address_and_an_account_ask_so_often() {
    let three = std::num::NonZeroU32::new(3);
    let settings = Settings { requests_per_minute_by_account: three, ..Settings::default() };
    let (server, ada) = (Server::with(settings), "authorization: Bearer ada");
    for _ in 0..3 {
        assert_eq!(server.post(&[JSON, ada], r#"{"query":"{hello}"}"#).await.status, StatusCode::OK);
    }
    let reply = server.post(&[JSON, ada], r#"{"query":"{hello}"}"#).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!((&extensions["limit"], &extensions["whose"]), (&3.into(), &"account".into()));
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait) && extensions["retryAfterSeconds"] == wait, "{wait}");
    assert_eq!(server.query("{ hello }").await.status, StatusCode::OK, "others are not affected");

    let server = Server::with(Settings { requests_per_minute_by_address: three, ..Settings::default() });
    for _ in 0..3 {
        // Even what is refused counts: guessing tokens is no way around.
        server.post(&[JSON, "authorization: Bearer guess"], r#"{"query":"{hello}"}"#).await;
    }
    let reply = server.query("{ hello }").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
}

#[tokio::test]
async fn an_operation_is_asked_so_often_and_costs_so_much_a_minute() {
    let three = std::num::NonZeroU32::new(3);
    let settings = Settings { operations_per_minute: vec![("bump", three.unwrap())], ..Settings::default() };
    let server = Server::with(settings);
    let twice = "mutation { a: bump ...More } fragment More on Mutation { b: bump }";
    assert_eq!(server.query(twice).await.status, StatusCode::OK);
    let reply = server.query(twice).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["limit"], &extensions["value"], &extensions["what"]),
        (&3.into(), &2.into(), &"bump".into())
    );
    assert!(!reply.header("retry-after").is_empty() && extensions["retryAfterSeconds"].is_u64(), "{extensions}");
    assert_eq!(server.bumps.load(Ordering::SeqCst), 2, "what is refused is not done");
    let ada = "authorization: Bearer ada";
    assert_eq!(
        server.post(&[JSON, ada], serde_json::json!({ "query": twice }).to_string()).await.status,
        StatusCode::OK
    );

    let server = Server::with(Settings { cost_per_minute: three, ..Settings::default() });
    assert_eq!(server.query("{ hello add(a: 1) }").await.status, StatusCode::OK);
    let reply = server.query("{ hello add(a: 1) }").await;
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["limit"], &extensions["value"], &extensions["what"]),
        (&3.into(), &2.into(), &"of cost".into())
    );
}

#[tokio::test]
async fn the_explorer_page_needs_nobody_but_this_server() {
    let server = Server::new();
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    for (path, kind) in [("/explorer/app.js", "text/javascript"), ("/explorer/app.css", "text/css")] {
        assert!(page.text.contains(path));
        let plain = server.get(path).await;
        assert!(plain.header("content-type").starts_with(kind) && plain.text.len() > 100_000);
        let request = Request::get(path).header("accept-encoding", "br, gzip").body(Body::empty()).unwrap();
        let packed = server.send(request).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert!(packed.bytes < plain.bytes);
        let request = Request::get(path).header("if-none-match", packed.header("etag")).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::NOT_MODIFIED);
    }
    let examples = server.get("/explorer/examples.json").await.json();
    assert!(examples[0]["query"].as_str().is_some_and(|query| query.contains("query WhoAmI")));

    let server = Server::with(Settings { explorer: false, ..Settings::default() });
    assert_eq!(server.get("/").await.status, StatusCode::NOT_FOUND);
}

/// Runs nothing: without a market behind the schema, what is valid fails in its first resolver.
#[tokio::test]
async fn each_example_of_the_explorer_page_is_valid() {
    use futures_util::{FutureExt, StreamExt};
    let schema = crate::schema::bare();
    let shape = crate::limits::Shape::read(&schema.sdl()).unwrap();
    let documents = crate::limits::Documents::new(shape.into(), crate::limits::Limits::default(), true);
    for example in super::explorer::EXAMPLES {
        documents.read(example).unwrap_or_else(|problem| panic!("{problem:?}\n{example}"));
        // As a stream, since some are subscriptions.
        let mut answers = schema.execute_stream(*example);
        let ran = std::panic::AssertUnwindSafe(answers.next()).catch_unwind().await;
        if let Ok(Some(response)) = ran {
            let invalid: Vec<_> = response.errors.iter().filter(|error| error.path.is_empty()).collect();
            assert!(invalid.is_empty(), "{invalid:?}\n{example}");
        }
    }
}

#[tokio::test]
async fn a_document_that_is_known_is_held_to_the_same_rules_as_one_that_is_new() {
    let server = Server::new();
    let document = "query($a: Int!) { hello add(a: $a) }";
    for is_known in [false, true] {
        for bad in [
            serde_json::json!({}),
            serde_json::json!({ "a": null }),
            serde_json::json!({ "a": "1" }),
            serde_json::json!({ "a": 1.0 }),
            serde_json::json!({ "a": 1e10 }),
        ] {
            let reply = server.query_with(document, bad.clone()).await;
            let error = &reply.json()["errors"][0];
            assert_eq!(reply.code(), "BAD_USER_INPUT", "{bad}, known: {is_known}: {}", reply.text);
            assert!(error.get("path").is_none(), "{bad}, known: {is_known}: nothing of it ran: {}", reply.text);
        }
        let good = server.query_with(document, serde_json::json!({ "a": 1 })).await;
        assert_eq!(good.json()["data"]["add"], 1, "{}", good.text);
        // What is refused is not learned to be good.
        let invalid = server.query("{ hello nothing }").await;
        assert_eq!(invalid.code(), "GRAPHQL_VALIDATION_FAILED", "{}", invalid.text);
    }
}

#[tokio::test]
async fn introspection_can_be_switched_off() {
    let server = Server::with(Settings { introspection: false, ..Settings::default() });
    for document in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"Query\") { name } }",
        "{ a: __schema { queryType { name } } }",
    ] {
        let reply = server.query(document).await;
        assert!(!reply.text.contains("Query\""), "{document}: {}", reply.text);
    }
    assert_eq!(server.query("{ __typename }").await.json()["data"]["__typename"], "Query");
    let guess = "{ helo }";
    assert!(Server::new().query(guess).await.text.contains("Did you mean"), "the library suggests names");
    assert!(!server.query(guess).await.text.contains("Did you mean"), "and here nobody hears of them");
    let body = serde_json::json!({ "query": guess }).to_string();
    let events = server.post(&[JSON, "accept: text/event-stream"], body).await;
    assert!(events.text.contains("helo") && !events.text.contains("Did you mean"), "{}", events.text);
}

#[tokio::test]
async fn a_document_over_a_limit_is_refused_with_the_limit_and_the_value() {
    let server = Server::new();
    // Who wrote it out would not come to an end: four to the power of 22.
    let mut growing = "{ ...F0 }".to_owned();
    for level in 0..22 {
        let spreads = format!("...F{} ", level + 1).repeat(4);
        growing.push_str(&format!(" fragment F{level} on Query {{ {spreads}}}"));
    }
    growing.push_str(" fragment F22 on Query { hello }");
    let reply = server.query(&growing).await;
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["limit"]), (&"TOO_LARGE".into(), &3000.into()));
    assert!(extensions["value"].as_u64() > Some(10_000_000_000_000) && extensions["traceId"].is_string());

    let reply = server
        .query_with(
            "query($n: Int!) { person { friends(first: $n) { nodes { name } } } }",
            serde_json::json!({ "n": 1_000_000_000 }),
        )
        .await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "TOO_EXPENSIVE"));
    let reply = server.query_with("query($n: Int!) { add(a: $n) }", serde_json::json!({ "n": null })).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"));
    let reply = server
        .query_with(
            "query($w: Wish!) { wish(wish: $w) }",
            serde_json::json!({ "w": { "text": "x", "colours": ["RED", "GREEN"] } }),
        )
        .await;
    assert_eq!(reply.json()["data"]["wish"], "x None 2");
}

/// What a raw connection to a served toy answers to some bytes, and whether it then closes.
async fn raw(settings: ServerSettings, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (switch, closing) = Closing::pair();
    let running = tokio::spawn(serve(listener, Server::new().router, settings, closing));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    switch.close();
    running.await.unwrap().unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_let_go() {
    let settings = || ServerSettings { header_timeout: Duration::from_millis(100), ..ServerSettings::default() };
    // Returning at all is the point: the connection was closed by us.
    raw(settings(), b"").await;
    raw(settings(), b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow").await;
    let text = raw(settings(), b"GET /graphql?query={hello} HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(text.contains("hello world"), "an idle connection is let go after its answer: {text}");
}

#[tokio::test]
async fn heads_that_two_servers_could_read_differently_are_refused() {
    let body = r#"{"query":"{ hello }"}"#;
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let length = body.len();
    for (extra, refused) in [
        (format!("Content-Length: {length}\r\n"), false),
        (format!("Content-Length: {length}\r\nContent-Length: 5\r\n"), true),
        (format!("X-Large: {}\r\nContent-Length: {length}\r\n", "x".repeat(256 * 1024)), true),
        (format!("{}Content-Length: {length}\r\n", "X-Many: 1\r\n".repeat(100)), true),
    ] {
        let text = raw(ServerSettings::default(), format!("{head}{extra}\r\n{body}").as_bytes()).await;
        assert_eq!(!text.contains("hello world"), refused, "{text}");
    }
    // Both lengths: the chunked one is the one that counts, and the connection ends with it.
    let chunked =
        format!("{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
    let text = raw(ServerSettings::default(), chunked.as_bytes()).await;
    assert!(text.matches("HTTP/1.1").count() == 1, "{text}");
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    for (head, taken) in [
        ("HTTP/1.1\r\nHost: rabta.example:8080\r\n", true),
        ("HTTP/1.1\r\nHost: [::1]:8080\r\n", true),
        ("HTTP/1.0\r\n", true),
        ("HTTP/1.1\r\n", false),
        ("HTTP/1.1\r\nHost: x\r\nHost: x\r\n", false),
        ("HTTP/1.1\r\nHost: x y\r\n", false),
        ("HTTP/1.1\r\nHost: x@y\r\n", false),
        ("HTTP/1.1\r\nHost:\r\n", false),
    ] {
        let asked = format!("GET /graphql?query={{hello}} {head}Connection: close\r\n\r\n");
        let text = raw(ServerSettings::default(), asked.as_bytes()).await;
        assert_eq!((text.contains("hello world"), text.contains("BAD_REQUEST")), (taken, !taken), "{head}: {text}");
    }
}

#[tokio::test]
async fn one_address_holds_so_many_connections() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (switch, closing) = Closing::pair();
    let settings = ServerSettings { connections_per_address: 2, ..ServerSettings::default() };
    let running = tokio::spawn(serve(listener, Server::new().router, settings, closing));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /graphql?query={hello} HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        held.push(stream);
    }
    let mut third = tokio::net::TcpStream::connect(address).await.unwrap();
    let read = third.read(&mut [0; 4096]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "the third is let go: {read:?}");
    switch.close();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn behind_a_proxy_requests_are_counted_by_the_client_they_are_of() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (switch, closing) = Closing::pair();
    let settings = ServerSettings { connections_per_address: 2, trusted_proxies: 1, ..ServerSettings::default() };
    let server =
        Server::with(Settings { origins: vec!["https://app.example".parse().unwrap()], ..Settings::default() });
    let running = tokio::spawn(serve(listener, server.router, settings, closing));
    // A stream of events goes on for as long as its client likes.
    let stream = async |client: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "GET /graphql?query=subscription{{never}} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nX-Forwarded-For: {client}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        (answer.lines().next().unwrap_or_default().to_owned(), stream)
    };
    let mut held = Vec::new();
    for client in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"] {
        let (status, stream) = stream(client).await;
        assert_eq!(status, "HTTP/1.1 200 OK", "{client}");
        held.push(stream);
    }
    let (status, _) = stream("192.0.2.1").await;
    assert_eq!(status, "HTTP/1.1 429 Too Many Requests", "it has two");
    // It is answered like anything else.
    let mut crowded = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "GET /graphql?query={hello} HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\nX-Request-Id: my-request-2\r\n\
                X-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n";
    crowded.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    crowded.read_to_string(&mut text).await.unwrap();
    for header in ["retry-after: 1", "x-request-id: my-request-2", "access-control-allow-origin: https://app.example"] {
        assert!(text.contains(header), "{header}: {text}");
    }
    assert!(text.contains("TOO_MANY_CONNECTIONS") && text.contains("my-request-2"), "{text}");
    switch.close();
    running.await.unwrap().unwrap();
}

/// Keeps the helper above honest: a reply's text is what was sent.
#[tokio::test]
async fn an_answer_says_its_form_in_utf_8() {
    let reply: Reply =
        Server::new().query_with("query($n: String) { hello(name: $n) }", serde_json::json!({ "n": "رابطہ" })).await;
    assert_eq!(reply.json()["data"]["hello"], "hello رابطہ");
}

fn hash_of(document: &str) -> String {
    let hash = <sha2::Sha256 as sha2::Digest>::digest(document.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_document_may_be_named_by_its_hash_once_it_was_sent() {
    let server = Server::new();
    let document = "{ hello }";
    let persisted = |hash: &str| serde_json::json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let send = async |body: serde_json::Value| server.post(&["content-type: application/json"], body.to_string()).await;
    let hash = hash_of(document);
    let unknown = send(serde_json::json!({ "extensions": persisted(&hash) })).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(unknown.json()["errors"][0]["message"], "PersistedQueryNotFound", "what clients look for");

    let other = send(serde_json::json!({ "query": "{ __typename }", "extensions": persisted(&hash) })).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
    let both = send(serde_json::json!({ "query": document, "extensions": persisted(&hash) })).await;
    let answer = both.json()["data"].clone();
    assert!(answer["hello"].is_string(), "{}", both.text);
    let by_hash = send(serde_json::json!({ "extensions": persisted(&hash.to_uppercase()) })).await;
    assert_eq!(by_hash.json()["data"], answer);
    let by_id = send(serde_json::json!({ "documentId": format!("sha256:{hash}") })).await;
    assert_eq!(by_id.json()["data"], answer);
    let by_get = server.get(&format!("/graphql?documentId=sha256:{hash}")).await;
    assert_eq!(by_get.json()["data"], answer);

    // What is refused is not remembered, and a name is checked like everything else.
    let bad = "{ nothing }";
    send(serde_json::json!({ "query": format!("{{ {}", "a ".repeat(9_000)), "extensions": persisted(&hash_of("x")) }))
        .await;
    for hash in [hash_of("x"), hash_of(bad)] {
        assert_eq!(
            send(serde_json::json!({ "extensions": persisted(&hash) })).await.code(),
            "PERSISTED_QUERY_NOT_FOUND"
        );
    }
    for extensions in [
        serde_json::json!({ "persistedQuery": { "version": 2, "sha256Hash": hash } }),
        serde_json::json!({ "persistedQuery": { "version": 1 } }),
        serde_json::json!({ "persistedQuery": "x" }),
        persisted(""),
        persisted(&"a".repeat(129)),
    ] {
        let reply = send(serde_json::json!({ "extensions": extensions })).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"), "{extensions}");
    }
    let neither = send(serde_json::json!({ "documentId": null })).await;
    assert_eq!(neither.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn with_a_list_of_trusted_documents_nothing_else_is_answered() {
    let trusted = TrustedDocuments::from_json(r#"{ "Hello": "query Hello { hello }", "Bump": "mutation { bump }" }"#);
    let server = Server::with(Settings { trusted_documents: Some(trusted.unwrap()), ..Settings::default() });
    let send = async |body: serde_json::Value| server.post(&["content-type: application/json"], body.to_string()).await;
    let hash = hash_of("query Hello { hello }");
    for named in [
        serde_json::json!({ "documentId": "Hello" }),
        serde_json::json!({ "documentId": format!("sha256:{hash}") }),
        serde_json::json!({ "query": "query Hello { hello }" }),
        serde_json::json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }),
    ] {
        assert!(send(named.clone()).await.json()["data"]["hello"].is_string(), "{named}");
    }
    for other in [
        serde_json::json!({ "query": "{ hello }" }),
        serde_json::json!({ "query": "{ __schema { types { name } } }" }),
        serde_json::json!({ "query": "{ hello }", "documentId": "Hello" }),
        serde_json::json!({ "documentId": "Nothing" }),
        serde_json::json!({ "query": "mutation { bump }  " }),
    ] {
        assert_eq!(send(other.clone()).await.code(), "DOCUMENT_NOT_TRUSTED", "{other}");
    }
    assert_eq!(server.bumps.load(Ordering::SeqCst), 0);
    send(serde_json::json!({ "documentId": "Bump" })).await;
    assert_eq!(server.bumps.load(Ordering::SeqCst), 1);
    assert_eq!(server.get("/graphql?documentId=Bump").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_answer_is_so_large_at_most_by_whatever_way_it_comes() {
    let server = Server::with(Settings { answer_bytes: 100_080, ..Settings::default() });
    assert_eq!(server.query("{ long }").await.json()["data"]["long"].as_str().map(str::len), Some(100_000));
    let reply = server.query("{ long hello }").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::OK, "ANSWER_TOO_LARGE"), "it may have been done");
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!(extensions["limit"], 100_080);
    assert!(extensions["value"].as_u64() > Some(100_080) && reply.bytes < 1_000, "{}", reply.text);
    // What it cost is not told by events.
    let server = Server::with(Settings { answer_bytes: 100_020, ..Settings::default() });
    let events = [JSON, "accept: text/event-stream"];
    let reply = server.post(&events, r#"{"query":"{ long hello }"}"#).await;
    assert!(reply.text.contains("ANSWER_TOO_LARGE") && reply.bytes < 1_000, "{}", reply.text);
}

#[tokio::test]
async fn who_takes_no_answers_gets_no_more_until_they_are_gone() {
    let server = Server::with(Settings { untaken_bytes_by_address: 150_000, ..Settings::default() });
    let ask = async |accept: &str| {
        let request = Request::get("/graphql?query=%7Blong%7D").header("accept", accept).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(server.router.clone(), request).await.unwrap()
    };
    let mut held = vec![ask("application/json").await, ask("application/json").await];
    assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
    let reply = server.query("mutation { bump }").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "ANSWERS_NOT_TAKEN"));
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!((extensions["limit"].as_u64(), reply.header("retry-after")), (Some(150_000), "5"));
    assert!(extensions["value"].as_u64() > Some(200_000));
    assert_eq!(server.bumps.load(Ordering::SeqCst), 0, "nothing is done whose answer nobody takes");
    held.pop();
    server.query("mutation { bump }").await;
    assert_eq!(server.bumps.load(Ordering::SeqCst), 1);

    // What was begun by then is told by its size: that there is no room is an answer, too.
    let server = Server::with(Settings { untaken_bytes: 20_000, ..Settings::default() });
    let reply = server.query("{ long }").await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::OK, "ANSWERS_NOT_TAKEN"), "it may have been done");
    assert_eq!(reply.json()["errors"][0]["extensions"]["limit"], 40_000);
    let events = server.post(&[JSON, "accept: text/event-stream"], r#"{"query":"{ long }"}"#).await;
    assert!(events.text.contains("ANSWERS_NOT_TAKEN") && events.bytes < 1_000, "{}", events.text);
}

#[tokio::test(start_paused = true)]
async fn a_query_that_takes_too_long_is_given_up_whatever_form_is_asked_for() {
    let server = Server::new();
    for accept in [NEW, "accept: text/event-stream"] {
        let reply = server.post(&[JSON, accept], r#"{"query":"{ slow }"}"#).await;
        assert!(reply.text.contains("\"TIMEOUT\""), "{accept}: {}", reply.text);
    }
}

/// The events of a subscription, as they come.
async fn events(server: &Server, query: &str, token: Option<&str>) -> axum::body::BodyDataStream {
    let mut request = Request::get(format!("/graphql?query={query}")).header("accept", "text/event-stream");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    tower::ServiceExt::oneshot(server.router.clone(), request).await.unwrap().into_body().into_data_stream()
}

#[tokio::test(start_paused = true)]
async fn each_result_of_a_subscription_costs_what_the_first_did() {
    let server = Server::with(Settings { cost_per_minute: std::num::NonZeroU32::new(5), ..Settings::default() });
    let told = async |token| {
        let (mut stream, mut told) = (events(&server, "subscription%7Bcount(to:9)%7D", token).await, 0);
        let counting = async {
            while let Some(Ok(bytes)) = stream.next().await {
                told += usize::from(bytes.starts_with(b"event: next\ndata: {\"data\":{\"count\""));
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), counting).await;
        (told, in_time.is_ok())
    };
    assert_eq!(told(None).await, (5, false), "the others wait until they can be afforded");
    assert_eq!(told(Some("ada")).await, (5, false), "an account by itself");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_much_to_tell_ends_with_its_session_all_the_same() {
    for told in 1..8 {
        let server = Server::new();
        let mut stream = events(&server, "subscription%7Bcount(to:1000)%7D", Some("fired")).await;
        for _ in 0..told {
            stream.next().await.unwrap().unwrap();
        }
        server.fired.store(true, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(11)).await;
        let last = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
        assert!(last.contains("SESSION_ENDED") && stream.next().await.is_none(), "after {told}: {last}");
    }
}

#[tokio::test]
async fn one_address_has_so_many_streams() {
    let sockets = super::SocketSettings { operations: 2, ..super::SocketSettings::default() };
    let server = Server::with(Settings { sockets, ..Settings::default() });
    let ask = async |token: Option<&str>| {
        let mut request = Request::get("/graphql?query=subscription%7Bnever%7D").header("accept", "text/event-stream");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        tower::ServiceExt::oneshot(server.router.clone(), request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let mut held = vec![ask(None).await, ask(None).await];
    let third = ask(None).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(third.headers().contains_key("retry-after"));
    assert_eq!(ask(Some("ada")).await.status(), StatusCode::OK, "an account is counted for itself");
    held.pop();
    assert_eq!(ask(None).await.status(), StatusCode::OK, "one that is over makes room");
}

#[tokio::test]
async fn what_was_asked_by_name_is_not_sent_twice_to_who_holds_it() {
    let server = Server::new();
    let hash = hash_of("query A($n:String){hello(name:$n)}");
    let named = |name: &str| {
        format!(
            "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{hash}%22%7D%7D\
             &variables=%7B%22n%22:%22{name}%22%7D"
        )
    };
    let taught = format!("{}&query=query+A($n:String)%7Bhello(name:$n)%7D", named("Lin"));
    let first = server.get(&taught).await;
    assert_eq!(
        (first.status, first.header("cache-control")),
        (StatusCode::OK, "no-store"),
        "it was not asked by name alone"
    );

    let reply = server.get(&named("Lin")).await;
    assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "private, no-cache"));
    assert_eq!(reply.header("vary"), "authorization, accept");
    let tag = reply.header("etag").to_owned();
    let again = async |name: &str, tag: &str| {
        server.send(Request::get(named(name)).header("if-none-match", tag).body(Body::empty()).unwrap()).await
    };
    let held = again("Lin", &tag).await;
    assert_eq!((held.status, held.header("etag"), held.bytes), (StatusCode::NOT_MODIFIED, tag.as_str(), 0));
    let other = again("Ada", &tag).await;
    assert_eq!((other.status, other.json()["data"]["hello"].as_str()), (StatusCode::OK, Some("hello Ada")));
    assert_ne!(other.header("etag"), tag);
    let refused = server.get(&named("Lin").replace(&hash, &hash_of("{ other }"))).await;
    assert_eq!((refused.header("etag"), refused.header("cache-control")), ("", "no-store"));
}
