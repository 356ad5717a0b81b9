//! Sockets, met by a client that does what it wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::socket::bounded;
use super::toy::Server;
use super::{CloseSwitch, ServerSettings, Settings, SocketSettings, TrustedDocuments, serve};

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    switch: CloseSwitch,
    fired: Arc<AtomicBool>,
    ended: Arc<Notify>,
}

/// How long anything is waited for, on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client hears.
#[derive(Debug, PartialEq)]
enum Heard {
    Message(Json),
    Closed(u16),
    Nothing,
}

async fn open(settings: SocketSettings, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
    open_with(Settings { sockets: settings, ..Settings::default() }, headers).await
}

async fn open_with(settings: Settings, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let Server { router, switch, closing, fired, ended, .. } = Server::with(settings);
    tokio::spawn(serve(listener, router, ServerSettings::default(), closing));
    let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.replace("HOST", &address.to_string()).parse().unwrap());
    }
    let (socket, _) = connect_async(request).await?;
    Ok(Client { socket, switch, fired, ended })
}

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

async fn client() -> Client {
    open(SocketSettings::default(), &[PROTOCOL]).await.unwrap()
}

/// A client that has said hello.
async fn welcome() -> Client {
    let mut client = client().await;
    client.say(json!({ "type": "connection_init" })).await;
    assert_eq!(client.hear().await, Heard::Message(json!({ "type": "connection_ack" })));
    client
}

impl Client {
    async fn say(&mut self, message: Json) {
        self.send(Message::text(message.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        // That the other end closes meanwhile is what some tests are about.
        let _closed = self.socket.send(message).await;
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    async fn hear(&mut self) -> Heard {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return Heard::Message(serde_json::from_str(&text).unwrap()),
                Ok(Some(Ok(Message::Close(Some(frame))))) => return Heard::Closed(frame.code.into()),
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) | Err(_) => return Heard::Nothing,
            }
        }
    }

    async fn hear_message(&mut self) -> Json {
        match self.hear().await {
            Heard::Message(message) => message,
            other => panic!("a message was expected: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_subscription_tells_its_results_and_that_it_is_over() {
    let mut client = welcome().await;
    client.subscribe("a", "subscription { count(to: 2) }").await;
    for n in 0..2 {
        let next = json!({ "id": "a", "type": "next", "payload": { "data": { "count": n } } });
        assert_eq!(client.hear().await, Heard::Message(next));
    }
    assert_eq!(client.hear().await, Heard::Message(json!({ "id": "a", "type": "complete" })));
    client.subscribe("a", "query { hello }").await;
    assert_eq!(client.hear_message().await["payload"]["data"]["hello"], "hello world");
    assert_eq!(client.hear_message().await["type"], "complete");
}

#[tokio::test]
async fn an_operation_that_is_refused_says_why_and_harms_no_other() {
    let mut client = welcome().await;
    client.subscribe("long", "subscription { never }").await;
    for (query, code) in [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("{ __typename @nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        client.subscribe("x", query).await;
        let message = client.hear_message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("x")));
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{query}");
    }
    let deep = format!("{{ person {} name {} }}", "{ best ".repeat(5000), "}".repeat(5000));
    client.subscribe("x", &deep).await;
    assert_eq!(client.hear_message().await["payload"][0]["extensions"]["code"], "TOO_MANY_TOKENS");
    client.say(json!({ "type": "subscribe", "id": "x", "payload": [{ "query": "{hello}" }] })).await;
    assert_eq!(client.hear_message().await["payload"][0]["extensions"]["code"], "BATCHING_REFUSED");
    client.subscribe("y", "{ hello }").await;
    assert_eq!(client.hear_message().await["id"], "y");
}

#[tokio::test]
async fn our_faults_are_told_without_their_details() {
    let mut client = welcome().await;
    client.subscribe("a", "subscription { fails }").await;
    assert_eq!(client.hear_message().await["payload"]["data"]["fails"], 1);
    let failed = client.hear_message().await;
    assert_eq!(failed["payload"]["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(!failed.to_string().contains("hunter2"));
    assert_eq!(client.hear_message().await["type"], "complete");
    client.subscribe("b", "subscription { panics }").await;
    let failed = client.hear_message().await;
    assert_eq!((&failed["type"], &failed["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("INTERNAL")));
    assert!(!failed.to_string().contains("hunter2"));
}

#[tokio::test]
async fn what_a_client_ends_is_ended_and_its_name_is_free_again() {
    let mut client = welcome().await;
    client.subscribe("a", "subscription { never }").await;
    client.say(json!({ "type": "complete", "id": "a" })).await;
    client.say(json!({ "type": "complete", "id": "never heard of" })).await;
    client.subscribe("a", "subscription { count(to: 1) }").await;
    assert_eq!(client.hear_message().await["payload"]["data"]["count"], 0);
}

#[tokio::test]
async fn each_mistake_has_its_own_close_code() {
    let init = json!({ "type": "connection_init" });
    let subscribe = json!({ "type": "subscribe", "id": "a", "payload": { "query": "subscription { never }" } });
    let rows: Vec<(Vec<Message>, u16)> = vec![
        (vec![Message::text("{")], 4400),
        (vec![Message::text("[]")], 4400),
        (vec![Message::text("null")], 4400),
        (vec![Message::text(json!({ "type": "nothing" }).to_string())], 4400),
        (vec![Message::text(json!({ "type": "connection_init", "payload": 1 }).to_string())], 4400),
        (vec![Message::binary(vec![1, 2, 3])], 4400),
        (vec![Message::text(subscribe.to_string())], 4401),
        (vec![Message::text(init.to_string()), Message::text(init.to_string())], 4429),
        (
            vec![
                Message::text(init.to_string()),
                Message::text(subscribe.to_string()),
                Message::text(subscribe.to_string()),
            ],
            4409,
        ),
        (
            vec![
                Message::text(init.to_string()),
                Message::text(json!({ "type": "subscribe", "payload": {} }).to_string()),
            ],
            4400,
        ),
        (
            vec![
                Message::text(init.to_string()),
                Message::text(json!({ "type": "subscribe", "id": "", "payload": {} }).to_string()),
            ],
            4400,
        ),
        (vec![Message::text(init.to_string()), Message::text("x".repeat(8 * 1024 * 1024))], 1009),
    ];
    for (messages, code) in rows {
        let mut client = client().await;
        let said: String = messages.iter().map(|m| m.to_string().chars().take(60).collect::<String>()).collect();
        for message in messages {
            client.send(message).await;
        }
        let heard = loop {
            match client.hear().await {
                Heard::Message(message) if message["type"] == "connection_ack" => {}
                other => break other,
            }
        };
        // A message of 8 MB is still being sent when it is refused; its sender may see the reset first.
        let reset = code == 1009 && heard == Heard::Nothing;
        assert!(heard == Heard::Closed(code) || reset, "{said}: {heard:?}, {code} was expected");
    }
}

#[tokio::test]
async fn tokens_that_are_not_good_close_the_socket() {
    for payload in [
        json!({ "authorization": "Bearer nonsense" }),
        json!({ "authorization": "Bearer expired" }),
        json!({ "authorization": "nonsense" }),
        json!({ "token": 1 }),
        json!({ "token": "revoked" }),
    ] {
        let mut client = client().await;
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(client.hear().await, Heard::Closed(4403), "{payload}");
    }
    let mut client = client().await;
    client.say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer ada" } })).await;
    assert_eq!(client.hear_message().await["type"], "connection_ack");
    client.subscribe("a", "subscription { whoami }").await;
    assert_eq!(client.hear_message().await["payload"]["data"]["whoami"], "usr_00000000000000000000000001");

    let refused = open(SocketSettings::default(), &[PROTOCOL, ("authorization", "Bearer nonsense")]).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 401));
}

#[tokio::test]
async fn a_socket_ends_with_its_token_and_with_its_session() {
    for token in ["brief", "fickle"] {
        let settings = SocketSettings { recheck: Duration::from_millis(20), ..SocketSettings::default() };
        let mut client = open(settings, &[PROTOCOL]).await.unwrap();
        client.say(json!({ "type": "connection_init", "payload": { "token": token } })).await;
        assert_eq!(client.hear_message().await["type"], "connection_ack", "{token}");
        client.subscribe("a", "subscription { never }").await;
        assert_eq!(client.hear().await, Heard::Closed(4403), "{token}");
    }
}

#[tokio::test]
async fn a_session_that_ends_is_waited_for_by_nobody_who_is_slow_to_hear_what_came_before() {
    let settings = SocketSettings { recheck: Duration::from_millis(20), ..SocketSettings::default() };
    let mut client = open(settings, &[PROTOCOL]).await.unwrap();
    client.say(json!({ "type": "connection_init", "payload": { "token": "fired" } })).await;
    assert_eq!(client.hear_message().await["type"], "connection_ack");
    client.subscribe("a", "subscription { flood }").await;
    assert_eq!(client.hear_message().await["type"], "next");
    // Nobody reads from now on, and there is no end to what waits to be told.
    client.fired.store(true, Ordering::SeqCst);
    let ended = tokio::time::timeout(PATIENCE, client.ended.notified()).await;
    assert!(ended.is_ok(), "what was running goes on");
}

#[tokio::test]
async fn a_socket_on_which_nothing_is_said_holds_a_few_kilobytes() {
    let told = async |upgrade: WebSocketUpgrade| format!("{:?}", bounded(upgrade, 1_000));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", get(told))).await });
    let hello = "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(hello.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("sec_websocket_key") {
        let mut bytes = [0; 4_096];
        let read = stream.read(&mut bytes).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    for held in
        ["read_buffer_size: 4096", "write_buffer_size: 0", "max_message_size: Some(1000)", "max_frame_size: Some(1000)"]
    {
        assert!(text.contains(held), "{held}: {text}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_hello_is_let_go() {
    let settings = SocketSettings { init_timeout: Duration::from_millis(50), ..SocketSettings::default() };
    let ping = |n: u32| json!({ "type": "ping", "payload": { "n": n } });
    let pong = |n: u32| Heard::Message(json!({ "type": "pong", "payload": { "n": n } }));
    let mut client = open(settings, &[PROTOCOL]).await.unwrap();
    // However often it says something else; it may be let go before the first of it is heard.
    let mut said = 0;
    let last = loop {
        client.say(ping(said)).await;
        match client.hear().await {
            heard if heard == pong(said) => said += 1,
            other => break other,
        }
    };
    assert_eq!(last, Heard::Closed(4408));
    let mut client = self::client().await;
    client.say(ping(1)).await;
    assert_eq!(client.hear().await, pong(1), "until then it is answered");
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_let_go() {
    let settings = SocketSettings { heartbeat: Duration::from_millis(20), ..SocketSettings::default() };
    let mut client = open(settings, &[PROTOCOL]).await.unwrap();
    client.say(json!({ "type": "connection_init" })).await;
    assert_eq!(client.hear_message().await["type"], "connection_ack");
    // Reading answers pings; a client of raw TCP that never reads does not.
    let MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { panic!("plain") };
    let mut bytes = [0; 64];
    let mut gone = false;
    for _ in 0..200 {
        stream.readable().await.unwrap();
        gone |= matches!(stream.try_read(&mut bytes), Ok(0));
        if gone {
            break;
        }
    }
    assert!(gone);
}

#[tokio::test]
async fn a_socket_runs_so_many_operations() {
    let settings = SocketSettings { subscriptions: 3, ..SocketSettings::default() };
    let mut client = open(settings, &[PROTOCOL]).await.unwrap();
    client.say(json!({ "type": "connection_init" })).await;
    client.hear().await;
    for n in 0..1000 {
        client.subscribe(&n.to_string(), "subscription { never }").await;
    }
    let message = client.hear_message().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("3")));
    let extensions = &message["payload"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["limit"]), (&json!("TOO_MANY_SUBSCRIPTIONS"), &json!(3)));
}

#[tokio::test]
async fn operations_over_a_socket_count_like_requests() {
    let settings = Settings { requests_per_minute_by_address: std::num::NonZeroU32::new(3), ..Settings::default() };
    let mut client = open_with(settings, &[PROTOCOL]).await.unwrap();
    client.say(json!({ "type": "connection_init" })).await;
    client.hear().await;
    for _ in 0..3 {
        client.subscribe("a", "{ hello }").await;
        if client.hear_message().await["payload"][0]["extensions"]["code"] == "RATE_LIMITED" {
            return;
        }
        client.hear().await;
    }
    panic!("the third operation, after the handshake, is one too many");
}

#[tokio::test]
async fn with_a_list_of_trusted_documents_nothing_else_is_run_over_a_socket() {
    let trusted = TrustedDocuments::from_json(r#"{ "Count": "subscription { count(to: 1) }" }"#).unwrap();
    let settings = Settings { trusted_documents: Some(trusted), ..Settings::default() };
    let mut client = open_with(settings, &[PROTOCOL]).await.unwrap();
    client.say(json!({ "type": "connection_init" })).await;
    client.hear().await;
    for other in [json!({ "query": "subscription { count(to: 2) }" }), json!({ "documentId": "Nothing" })] {
        client.say(json!({ "type": "subscribe", "id": "a", "payload": other })).await;
        assert_eq!(client.hear_message().await["payload"][0]["extensions"]["code"], "DOCUMENT_NOT_TRUSTED");
    }
    for named in [json!({ "documentId": "Count" }), json!({ "query": "subscription { count(to: 1) }" })] {
        client.say(json!({ "type": "subscribe", "id": "b", "payload": named })).await;
        assert_eq!(client.hear_message().await["payload"]["data"]["count"], 0);
        assert_eq!(client.hear_message().await["type"], "complete");
    }
}

#[tokio::test]
async fn whatever_is_said_over_the_sockets_of_an_address_is_counted() {
    let ping = || Message::text(json!({ "type": "ping" }).to_string());
    let of_transport = || Message::Ping(vec![0; 100].into());
    let complete = || Message::text(json!({ "type": "complete", "id": "never heard of" }).to_string());
    let pong = || Message::text(json!({ "type": "pong" }).to_string());
    let kinds: [&dyn Fn() -> Message; 4] = [&ping, &of_transport, &complete, &pong];
    for (kind, says_hello) in kinds.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let settings = Settings { messages_per_minute_by_address: std::num::NonZeroU32::new(5), ..Settings::default() };
        let mut client = open_with(settings, &[PROTOCOL]).await.unwrap();
        if says_hello {
            client.say(json!({ "type": "connection_init" })).await;
            assert_eq!(client.hear_message().await["type"], "connection_ack");
        }
        for _ in 0..10 {
            client.send(kind()).await;
        }
        let mut pongs = 0;
        let heard = loop {
            match client.hear().await {
                Heard::Message(message) if message["type"] == "pong" => pongs += 1,
                other => break other,
            }
        };
        assert_eq!(heard, Heard::Closed(1013), "ten of {}", kind());
        assert!(pongs <= 5, "{pongs} were answered");
    }
}

#[tokio::test]
async fn a_ping_is_sent_back_up_to_a_length() {
    let ping = |length: usize| json!({ "type": "ping", "payload": { "a": "x".repeat(length) } });
    let mut client = welcome().await;
    let around = ping(0).to_string().len();
    client.say(ping(1024 - around)).await;
    let heard = client.hear_message().await;
    assert_eq!((&heard["type"], heard["payload"]["a"].as_str().map(str::len)), (&json!("pong"), Some(1024 - around)));
    client.say(ping(1025 - around)).await;
    assert_eq!(client.hear().await, Heard::Closed(4400));

    let mut client = self::client().await;
    client.say(ping(60_000)).await;
    assert_eq!(client.hear().await, Heard::Closed(4400), "before hello, too");
}

#[tokio::test]
async fn other_protocols_and_pages_of_other_origins_are_refused() {
    let mut client = open(SocketSettings::default(), &[]).await.unwrap();
    assert_eq!(client.hear().await, Heard::Closed(4406));
    let foreign = open(SocketSettings::default(), &[PROTOCOL, ("origin", "https://evil.example")]).await;
    assert!(matches!(foreign, Err(Error::Http(response)) if response.status() == 403));
    assert!(open(SocketSettings::default(), &[PROTOCOL, ("origin", "http://HOST")]).await.is_ok());
    let origins = vec!["https://app.example".parse().unwrap()];
    let known =
        open_with(Settings { origins, ..Settings::default() }, &[PROTOCOL, ("origin", "https://app.example")]).await;
    assert!(known.is_ok());
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_its_sockets() {
    let mut client = welcome().await;
    client.subscribe("a", "subscription { never }").await;
    client.switch.close();
    assert_eq!(client.hear().await, Heard::Closed(1001));
}
