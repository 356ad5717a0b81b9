//! Answers that are asked for and not read: what is kept for them is bounded, and nobody else waits for it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use crate::Suite;
use crate::server::{PATIENCE, UNTAKEN};
use crate::sockets::Line;

const FAMILY: &str = "not read";
/// An answer of 300 KB.
const LARGE: &str = "{ __schema { types { name description fields { name description args { name description } } inputFields { name description } enumValues { name description } } } }";

/// Ask for much, so many times in a row, over one connection that takes as little as it can.
async fn asks(suite: &Suite, from: &str, times: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(suite.server.address).await.unwrap();
    let body = json!({ "query": LARGE }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Forwarded-For: {from}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(request.repeat(times).as_bytes()).await;
    stream
}

/// Ask something small from this address until it is answered so, or nobody waits any longer.
async fn until(suite: &Suite, from: &str, wanted: &str) -> String {
    let from = format!("x-forwarded-for: {from}");
    let began = Instant::now();
    loop {
        let told = suite.server.ask_with("{ __typename }", json!({}), &[&from]).await.told();
        if told.starts_with(wanted) || began.elapsed() > PATIENCE / 2 {
            return told;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Send them.
pub async fn attack(suite: &Suite) {
    let server = &suite.server;
    let from = server.fresh_address();
    let refused = format!("429 ANSWERS_NOT_TAKEN {UNTAKEN}");
    let mut held = Vec::new();
    suite
        .row(FAMILY, "300 KB twelve times in a row over each of three connections", &refused, async {
            held = join_all((0..3).map(|_| asks(suite, &from, 12))).await;
            until(suite, &from, "429").await
        })
        .await;
    suite
        .row(FAMILY, "and somebody else meanwhile", "200 data", async { server.ask("{ __typename }").await.told() })
        .await;
    suite
        .row(FAMILY, "the same address, once its connections were ended", "200 data", async {
            until(suite, &from, "200").await
        })
        .await;
    drop(held);

    let from = server.fresh_address();
    let mut lines = Vec::new();
    suite
        .row(FAMILY, "300 KB twelve times over each of three sockets", &refused, async {
            for _ in 0..3 {
                let mut line = Line::greeted(server.address, &from, None).await;
                for n in 0..12 {
                    line.subscribe(&n.to_string(), LARGE).await;
                }
                lines.push(line);
            }
            until(suite, &from, "429").await
        })
        .await;
    suite
        .row(FAMILY, "and somebody else meanwhile", "200 data", async { server.ask("{ __typename }").await.told() })
        .await;
    drop(lines);
    suite
        .row(FAMILY, "the same address, once its sockets are gone", "200 data", async {
            until(suite, &from, "200").await
        })
        .await;
}
