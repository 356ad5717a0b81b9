//! Clients that take their time: what they hold, they hold for as long as we allow.

use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

use crate::Suite;
use crate::server::{CONNECTIONS, PATIENCE, heard};

const FAMILY: &str = "slow";

/// Send bytes one by one, ever so slowly, until an answer comes or the connection is closed.
async fn drip(stream: TcpStream, bytes: &[u8]) -> String {
    let (mut back, mut out) = stream.into_split();
    let say = async {
        let mut ticks = interval(Duration::from_millis(50));
        for byte in bytes.iter().cycle() {
            ticks.tick().await;
            if out.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        told = heard_half(&mut back) => told,
        () = say => "closed".to_owned(),
        () = tokio::time::sleep(PATIENCE) => "silence".to_owned(),
    }
}

async fn heard_half(back: &mut tokio::net::tcp::OwnedReadHalf) -> String {
    use tokio::io::AsyncReadExt;
    let mut text = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        match back.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(read) => text.extend_from_slice(&bytes[..read]),
        }
        if text.windows(4).any(|four| four == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("closed").to_owned()
}

/// Send them, all at once.
pub async fn attack(suite: &Suite) {
    let server = &suite.server;
    let connect = async || TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Forwarded-For: {}\r\nContent-Length: 100000\r\n\r\n",
        server.fresh_address()
    );
    let all = [suite
        .row(FAMILY, "a connection on which nothing is said", "closed", async { heard(&mut connect().await).await })];
    let heads = suite.row(FAMILY, "40 heads, a letter at a time", "40 closed", async {
        let answers =
            join_all((0..40).map(|_| async {
                drip(connect().await, b"GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaa").await
            }))
            .await;
        format!("{} closed", answers.iter().filter(|told| *told == "closed" || *told == "408").count())
    });
    let stalled = suite.row(FAMILY, "40 heads that stop half way", "40 closed", async {
        let answers = join_all((0..40).map(|_| async {
            let mut stream = connect().await;
            stream.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Sl").await.unwrap();
            heard(&mut stream).await
        }))
        .await;
        format!("{} closed", answers.iter().filter(|told| *told == "closed" || *told == "408").count())
    });
    let bodies = suite.row(FAMILY, "40 bodies, a letter at a time", "40 times 408", async {
        let answers = join_all((0..40).map(|_| async {
            let mut stream = connect().await;
            stream.write_all(head.as_bytes()).await.unwrap();
            drip(stream, b" ").await
        }))
        .await;
        format!("{} times 408", answers.iter().filter(|told| *told == "408").count())
    });
    let missing = suite.row(FAMILY, "a body that does not come", "408", async {
        let mut stream = connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        heard(&mut stream).await
    });
    let hello =
        suite.row(FAMILY, "somebody else meanwhile", "200 data", async { server.ask("{ __typename }").await.told() });
    let [silent] = all;
    join(join(join(silent, heads), join(stalled, bodies)), join(missing, hello)).await;

    // More connections than there may be: those beyond are let go at once, and others when they have said nothing for long.
    suite
        .row(FAMILY, "more connections than are taken", "enough", async {
            let mut held = Vec::new();
            for _ in 0..CONNECTIONS + 200 {
                if let Ok(stream) = TcpStream::connect(server.address).await {
                    held.push(stream);
                }
            }
            let began = Instant::now();
            let ended = join_all(held.iter_mut().map(heard)).await;
            let closed = ended.iter().filter(|told| *told == "closed").count();
            if closed == held.len() && began.elapsed() < PATIENCE {
                format!("enough ({closed} closed)")
            } else {
                format!("{closed} closed")
            }
        })
        .await;
}
