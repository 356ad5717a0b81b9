use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use super::*;

fn now() -> Timestamp {
    "2026-06-01T08:00:00Z".parse().expect("an instant")
}

fn client(address: std::net::SocketAddr) -> Stripe {
    let settings = Settings::new(SecretString::from("sk_test_1"), vec![]);
    Stripe::new(Settings { base: format!("http://{address}"), ..settings }).expect("a client")
}

/// Somebody who answers each request with these bytes.
async fn answers(status: &'static str, body: &'static str) -> Stripe {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            let _read = stream.read(&mut heard).await;
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _written = stream.write_all((head + body).as_bytes()).await;
        }
    });
    client(address)
}

/// Look at something, or ask for something.
async fn asks(stripe: &Stripe, body: Option<serde_json::Value>) -> Trouble {
    let key = body.as_ref().map(|_| "key");
    let request = V2 { path: "/v2/things", body, key, context: None };
    stripe.send_v2::<answer::Named>(now(), &request).await.expect_err("there is nothing to read")
}

#[tokio::test]
async fn what_can_not_be_reached_is_left_in_peace_after_a_while() {
    // It is held, so that nobody else gets it, and not listened at.
    let held = TcpSocket::new_v4().expect("a socket");
    held.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let stripe = client(held.local_addr().expect("its address"));
    for _ in 0..5 {
        let trouble = asks(&stripe, Some(serde_json::json!({}))).await;
        assert!(matches!(&trouble, Trouble::Later { why, .. } if why == "it can't be reached"), "{trouble:?}");
    }
    let trouble = asks(&stripe, None).await;
    assert!(matches!(&trouble, Trouble::Later { why, .. } if why == "it has not answered lately"), "{trouble:?}");
}

#[tokio::test]
async fn an_answer_that_can_not_be_read_is_an_answer_and_is_asked_about_if_it_may_have_done_something() {
    let stripe = answers("200 OK", "[]").await;
    for _ in 0..10 {
        assert!(matches!(asks(&stripe, None).await, Trouble::Unreadable { .. }));
        assert!(matches!(asks(&stripe, Some(serde_json::json!({}))).await, Trouble::Unknown { .. }));
    }
    let fault = asks(&stripe, None).await.fault();
    assert!(matches!(fault, Fault::Service { .. }), "it is no clearer the next time: {fault}");
}

#[tokio::test]
async fn a_failure_of_theirs_is_no_answer() {
    let stripe = answers("500 Oh", "{}").await;
    for _ in 0..5 {
        assert!(matches!(asks(&stripe, None).await, Trouble::Unknown { .. }));
    }
    assert!(matches!(asks(&stripe, None).await, Trouble::Later { .. }));
}

#[tokio::test]
async fn an_error_that_is_kept_with_a_key_says_so_and_is_told_apart_from_one_that_is_new() {
    let kept = answers("500 Oh\r\nidempotent-replayed: true", "{}").await;
    assert!(matches!(asks(&kept, Some(serde_json::json!({}))).await, Trouble::Spent { .. }));
    let new = answers("500 Oh\r\nidempotent-replayed: false", "{}").await;
    assert!(matches!(asks(&new, Some(serde_json::json!({}))).await, Trouble::Unknown { .. }));
    let other = answers("400 No", "{\"error\":{\"type\":\"idempotency_error\"}}").await;
    assert!(matches!(asks(&other, Some(serde_json::json!({}))).await, Trouble::Spent { .. }));
}
