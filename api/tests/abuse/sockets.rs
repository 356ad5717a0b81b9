//! Sockets, and streams of events, held by those who mean no good.

use std::net::SocketAddr;

use futures_util::future::{Either, select};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async};

use crate::Suite;
use crate::documents::{doubling, nested};
use crate::server::{PATIENCE, error_told};

const FAMILY: &str = "socket";
const TOLD: &str = "subscription { notificationReceived { cursor } }";

/// The other end of a socket.
pub struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    /// Open one, from an address, with more headers, or the status it is refused with.
    pub async fn open(server: SocketAddr, from: &str, headers: &[(&'static str, &str)]) -> Result<Self, String> {
        // It takes as little as it can at a time, for those that do not read.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(server).await.map_err(|error| format!("not opened ({error})"))?;
        let from = [("x-forwarded-for", from)];
        let headers: Vec<_> = from.iter().chain(headers).copied().collect();
        Self::over(stream, server, &headers).await
    }

    /// The same, over a connection to the server that there is.
    pub async fn over(stream: TcpStream, server: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, String> {
        let mut request = format!("ws://{server}/graphql").into_client_request().unwrap();
        let protocol = [("sec-websocket-protocol", "graphql-transport-ws")];
        for (name, value) in protocol.iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, MaybeTlsStream::Plain(stream)).await {
            Ok((line, _)) => Ok(Self(line)),
            Err(Error::Http(response)) => Err(response.status().as_u16().to_string()),
            Err(error) => Err(format!("not opened ({error})")),
        }
    }

    /// The same, with hello said and answered.
    pub async fn greeted(server: SocketAddr, from: &str, token: Option<&str>) -> Self {
        let mut line = Self::open(server, from, &[]).await.unwrap();
        line.hello(token).await;
        line
    }

    /// Say hello, and hear that it was heard.
    pub async fn hello(&mut self, token: Option<&str>) {
        let payload = token.map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        self.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(self.hears().await, "connection_ack");
    }

    /// Say something, if anybody still listens.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    /// Begin an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    /// What comes next: the code it is closed with, what an operation is refused with, or the kind of a message.
    pub async fn hears(&mut self) -> String {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let payload = &message["payload"];
                    let error = payload.get(0).or(payload["errors"].get(0));
                    return error.map_or_else(|| message["type"].as_str().unwrap().to_owned(), error_told);
                }
                Ok(Some(Ok(Message::Close(frame)))) => {
                    return frame.map_or(1005, |frame| frame.code.into()).to_string();
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return "gone".to_owned(),
                Err(_) => return "silence".to_owned(),
            }
        }
    }

    /// What comes next that is not a refusal in these words.
    async fn hears_but(&mut self, known: &str) -> String {
        loop {
            let heard = self.hears().await;
            if !heard.starts_with(known) {
                return heard;
            }
        }
    }
}

/// Send them.
pub async fn attack(suite: &Suite) {
    protocol(suite).await;
    floods(suite).await;
    ends(suite).await;
}

async fn protocol(suite: &Suite) {
    let server = &suite.server;
    let open = async || Line::open(server.address, &server.fresh_address(), &[]).await.unwrap();
    let greeted = async || Line::greeted(server.address, &server.fresh_address(), None).await;
    suite
        .row(FAMILY, "an operation before hello", "4401", async {
            let mut line = open().await;
            line.subscribe("1", TOLD).await;
            line.hears().await
        })
        .await;
    suite.row(FAMILY, "no hello", "4408", async { open().await.hears().await }).await;
    suite
        .row(FAMILY, "nothing but pings, and no hello", "4408", async {
            let mut line = open().await;
            for _ in 0..1_000 {
                line.say(json!({ "type": "ping" })).await;
            }
            line.hears_but("pong").await
        })
        .await;
    suite
        .row(FAMILY, "hello twice", "4429", async {
            let mut line = greeted().await;
            line.say(json!({ "type": "connection_init" })).await;
            line.hears().await
        })
        .await;
    for (attack, token) in [("nonsense", "nonsense"), ("of nothing", ""), ("with a NUL", "a\u{0}b")] {
        suite
            .row(FAMILY, format!("hello with a token {attack}"), "4403", async {
                let mut line = open().await;
                line.say(
                    json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }),
                )
                .await;
                line.hears().await
            })
            .await;
    }
    let large = format!("{{\"type\":\"ping\",\"payload\":{{\"a\":\"{}\"}}}}", "x".repeat(8 << 20));
    let messages = [
        ("no JSON", "4400", Message::text("{")),
        ("a message of no kind", "4400", Message::text("{\"type\":\"nothing\"}")),
        ("a message of lists", "4400", Message::text("[]")),
        (
            "an id that is a number",
            "4400",
            Message::text("{\"type\":\"subscribe\",\"id\":1,\"payload\":{\"query\":\"{a}\"}}"),
        ),
        (
            "an id of nothing",
            "4400",
            Message::text("{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{a}\"}}"),
        ),
        (
            "an id of 200 letters",
            "4400",
            Message::text(format!("{{\"type\":\"subscribe\",\"id\":\"{}\",\"payload\":{{}}}}", "i".repeat(200))),
        ),
        ("half a surrogate", "4400", Message::text(r#"{"type":"ping","payload":{"a":"\ud800"}}"#)),
        (
            "JSON 20,000 lists deep",
            "4400",
            Message::text(format!("{{\"type\":\"ping\",\"payload\":{{\"a\":{}}}}}", nested(20_000, "[", "", "]"))),
        ),
        ("bytes instead of text", "4400", Message::binary(vec![0; 100])),
        ("8 MB", "1009 or gone", Message::text(large)),
        ("an operation without payload", "4400", Message::text("{\"type\":\"subscribe\",\"id\":\"1\"}")),
        (
            "a batch",
            "BATCHING_REFUSED",
            Message::text("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[{\"query\":\"{a}\"}]}"),
        ),
    ];
    for (attack, wanted, message) in messages {
        suite
            .row(FAMILY, attack, wanted, async {
                let mut line = greeted().await;
                line.send(message).await;
                line.hears().await
            })
            .await;
    }
    for (attack, document, wanted) in [
        ("a fragment doubled 60 times", doubling(60), "TOO_LARGE 3000"),
        ("a document of 60 KB", format!("{{ {} }}", "a ".repeat(30_000)), "TOO_MANY_TOKENS 4000"),
        (
            "two subscriptions in one",
            "subscription { a: notificationReceived { cursor } b: notificationReceived { cursor } }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("a field that is none", "subscription { nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (
            "the events of a contract of others",
            "subscription { contractEvents(contractId: \"con_00000000000000000000000000\") { cursor } }".to_owned(),
            "NOT_FOUND or UNAUTHENTICATED",
        ),
    ] {
        suite
            .row(FAMILY, attack, wanted, async {
                let mut line = greeted().await;
                line.subscribe("1", &document).await;
                line.hears().await
            })
            .await;
    }
    // A frame that says it is packed, where nobody agreed on packing.
    suite
        .row(FAMILY, "a packed frame", "gone or 1002", async {
            let mut line = Line::open(
                server.address,
                &server.fresh_address(),
                &[("sec-websocket-extensions", "permessage-deflate")],
            )
            .await
            .unwrap();
            let mut frame = Frame::message(vec![0; 10], OpCode::Data(Data::Text), true);
            frame.header_mut().rsv1 = true;
            line.send(Message::Frame(frame)).await;
            line.hears().await
        })
        .await;
    for (attack, wanted, headers) in [
        ("a page of elsewhere", "403", [("origin", "https://elsewhere.example")]),
        ("a page without an origin", "403", [("origin", "null")]),
        ("a token that is none, at the door", "401", [("authorization", "Bearer nonsense")]),
        ("another version", "400", [("sec-websocket-version", "8")]),
    ] {
        suite
            .row(FAMILY, attack, wanted, async {
                Line::open(server.address, &server.fresh_address(), &headers).await.err().unwrap_or("opened".to_owned())
            })
            .await;
    }
    suite
        .row(FAMILY, "another protocol", "4406 or not opened", async {
            match Line::open(server.address, &server.fresh_address(), &[("sec-websocket-protocol", "graphql-ws")]).await
            {
                Ok(mut line) => line.hears().await,
                Err(told) => told,
            }
        })
        .await;
}

async fn floods(suite: &Suite) {
    let server = &suite.server;
    let (token, ..) = server.somebody("sara").await;
    suite
        .row(FAMILY, "31 operations over one socket", "TOO_MANY_SUBSCRIPTIONS 30", async {
            let mut line = Line::greeted(server.address, &server.fresh_address(), Some(&token)).await;
            for n in 0..31 {
                line.subscribe(&n.to_string(), TOLD).await;
            }
            line.hears().await
        })
        .await;
    suite
        .row(FAMILY, "61 operations of one person over three sockets", "TOO_MANY_SUBSCRIPTIONS 60", async {
            let mut lines = Vec::new();
            for _ in 0..3 {
                lines.push(Line::greeted(server.address, &server.fresh_address(), Some(&token)).await);
            }
            // What ran over the socket before is over when the server has noticed.
            let mut last = lines.pop().unwrap();
            for (place, line) in lines.iter_mut().enumerate() {
                for n in 0..30 {
                    line.subscribe(&format!("{place}-{n}"), TOLD).await;
                }
                line.say(json!({ "type": "ping" })).await;
                line.hears_but("TOO_MANY_SUBSCRIPTIONS").await;
            }
            last.subscribe("last", TOLD).await;
            last.hears().await
        })
        .await;
    suite
        .row(FAMILY, "operations of one person in a row", "RATE_LIMITED 1200", async {
            let (token, ..) = server.somebody("rana").await;
            let line = Line::greeted(server.address, &server.fresh_address(), Some(&token)).await;
            flood(line, "RATE_LIMITED 1200").await
        })
        .await;
    suite
        .row(FAMILY, "operations of one address in a row", "RATE_LIMITED 3000", async {
            let line = Line::greeted(server.address, &server.fresh_address(), None).await;
            flood(line, "RATE_LIMITED 3000").await
        })
        .await;
    suite
        .row(FAMILY, "2,000 pings", "2000 pongs", async {
            let line = Line::greeted(server.address, &server.fresh_address(), None).await;
            pongs(line, 2_000).await
        })
        .await;
    suite
        .row(FAMILY, "30,000 pings", "1013 or gone", async {
            let line = Line::greeted(server.address, &server.fresh_address(), None).await;
            pongs(line, 30_000).await
        })
        .await;
    suite
        .row(FAMILY, "30,000 pings of one address over five sockets", "1013 or gone", async {
            let from = server.fresh_address();
            let mut last = String::new();
            for _ in 0..5 {
                let line = Line::greeted(server.address, &from, None).await;
                last = pongs(line, 6_000).await;
                if !last.ends_with("pongs") {
                    break;
                }
            }
            last
        })
        .await;
    suite
        .row(FAMILY, "a ping of 60 KB", "4400", async {
            let mut line = Line::greeted(server.address, &server.fresh_address(), None).await;
            line.say(json!({ "type": "ping", "payload": { "a": "x".repeat(60_000) } })).await;
            line.hears().await
        })
        .await;
    suite
        .row(FAMILY, "2,000 pings of the transport", "next", async {
            let mut line = Line::greeted(server.address, &server.fresh_address(), None).await;
            for _ in 0..2_000 {
                line.send(Message::Ping(vec![0; 100].into())).await;
            }
            line.subscribe("1", "{ __typename }").await;
            line.hears().await
        })
        .await;
    suite
        .row(FAMILY, "30,000 pings of the transport", "1013 or gone", async {
            let mut line = Line::greeted(server.address, &server.fresh_address(), None).await;
            for _ in 0..30_000 {
                line.send(Message::Ping(vec![0; 100].into())).await;
            }
            line.hears().await
        })
        .await;
    suite
        .row(FAMILY, "200 sockets of one address", "200 open", async {
            let from = server.fresh_address();
            let mut lines = Vec::new();
            for _ in 0..200 {
                lines.extend(Line::open(server.address, &from, &[]).await);
            }
            format!("{} open", lines.len())
        })
        .await;
    suite
        .row(FAMILY, "a 257th connection of one address", "429", async {
            let from = server.fresh_address();
            let mut lines = Vec::new();
            loop {
                match Line::open(server.address, &from, &[]).await {
                    // Who says hello is not let go while the others come.
                    Ok(mut line) => {
                        line.hello(None).await;
                        lines.push(line);
                    }
                    Err(told) if lines.len() == 256 => return told,
                    Err(told) => return format!("{told} after {}", lines.len()),
                }
            }
        })
        .await;
    suite
        .row(FAMILY, "61 streams of events of one address", "429 TOO_MANY_SUBSCRIPTIONS 60", async {
            let from = format!("x-forwarded-for: {}", server.fresh_address());
            let mut held = Vec::new();
            for _ in 0..60 {
                held.push(server.stream(TOLD, &from, &token).await);
            }
            let bearer = format!("authorization: Bearer {token}");
            let headers = ["content-type: application/json", "accept: text/event-stream", &from, &bearer];
            server.post(&headers, json!({ "query": TOLD }).to_string()).await.told()
        })
        .await;
}

/// Send so many pings, and count what comes back; or the code with which the socket is closed on the way.
async fn pongs(line: Line, times: usize) -> String {
    let (mut out, mut back) = line.0.split();
    let say = async move {
        for _ in 0..times {
            if out.send(Message::text("{\"type\":\"ping\"}")).await.is_err() {
                break;
            }
        }
        out
    };
    let hear = async {
        let mut pongs = 0;
        while pongs < times {
            match tokio::time::timeout(PATIENCE, back.next()).await {
                Ok(Some(Ok(Message::Text(_)))) => pongs += 1,
                Ok(Some(Ok(Message::Close(frame)))) => {
                    return frame.map_or(1005, |frame| frame.code.into()).to_string();
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return "gone".to_owned(),
                Err(_) => return "silence".to_owned(),
            }
        }
        format!("{pongs} pongs")
    };
    let (_out, heard) = futures_util::future::join(say, hear).await;
    heard
}

/// Send operations that are none, each refused, until one is refused in these words: an allowance comes back over a
/// minute, so that a busy server takes more than it has at once.
async fn flood(line: Line, wanted: &str) -> String {
    let (mut out, mut back) = line.0.split();
    let say = async move {
        for n in 0..u64::MAX {
            let message = json!({ "type": "subscribe", "id": n.to_string(), "payload": { "query": "{" } });
            if out.send(Message::text(message.to_string())).await.is_err() {
                break;
            }
        }
        out
    };
    let hear = async {
        let mut last = String::new();
        while let Ok(Some(Ok(message))) = tokio::time::timeout(PATIENCE, back.next()).await {
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            last = message["payload"].get(0).map_or(String::new(), error_told);
            if last.starts_with(wanted) {
                break;
            }
        }
        last
    };
    let say = std::pin::pin!(say);
    let hear = std::pin::pin!(hear);
    match select(say, hear).await {
        // Nothing more can be said; what was said before may be answered.
        Either::Left((_out, hear)) => hear.await,
        Either::Right((last, _)) => last,
    }
}

async fn ends(suite: &Suite) {
    let server = &suite.server;
    let (token, _, _) = server.somebody("nora").await;
    let bearer = format!("authorization: Bearer {token}");
    suite
        .row(FAMILY, "a socket after its session's end", "4403", async {
            let mut line = Line::greeted(server.address, &server.fresh_address(), Some(&token)).await;
            line.subscribe("1", TOLD).await;
            line.say(json!({ "type": "ping" })).await;
            assert_eq!(line.hears().await, "pong");
            let ended = server
                .ask_with("mutation { signOut(input: {}) { errors { code } } }", json!({}), &[&bearer])
                .await
                .told();
            assert_eq!(ended, "200 data");
            line.hears_but("UNAUTHENTICATED").await
        })
        .await;
    suite
        .row(FAMILY, "a new socket after its session's end", "4403", async {
            let mut line = Line::open(server.address, &server.fresh_address(), &[]).await.unwrap();
            line.say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
                .await;
            line.hears().await
        })
        .await;
    suite
        .row(FAMILY, "a stream of events after its session's end", "401 SESSION_ENDED", async {
            let headers = ["content-type: application/json", "accept: text/event-stream", &bearer];
            server.post(&headers, json!({ "query": TOLD }).to_string()).await.told()
        })
        .await;
}
