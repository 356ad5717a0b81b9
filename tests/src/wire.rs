//! Rabta on a port of its own, and clients that hold a line to it open.

use std::net::SocketAddr;
use std::time::Duration;

use api::backend::surface;
use api::http::{CloseSwitch, Closing, ServerSettings, Settings, SocketSettings, serve};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{TestApp, Visitor};

/// How long a client waits for what it should hear, on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node of Rabta that listens, with its ear at the database. It ends when this is dropped.
pub struct Wire {
    /// Where it listens.
    pub address: SocketAddr,
    _open: CloseSwitch,
    _listening: tokio::sync::watch::Sender<bool>,
}

impl TestApp {
    /// Open a node to the network.
    pub async fn wire(&self) -> Wire {
        self.wire_that_asks_every(Duration::from_millis(50)).await
    }

    /// The same, with sockets that ask so seldom by themselves whether their session still stands.
    pub async fn wire_that_asks_every(&self, recheck: Duration) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let sockets = SocketSettings { recheck, ..SocketSettings::default() };
        let settings = Settings { sockets, ..Settings::default() };
        let (open, closing) = Closing::pair();
        let (router, _) = surface(&self.market, settings, closing.clone());
        tokio::spawn(serve(listener, router, ServerSettings::default(), closing));
        let (listening, stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(infra::worker::follow(self.market.clone(), stopped));
        // What is said before somebody listens is only found when it is looked again.
        let ears =
            "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'";
        while sqlx::query_scalar::<_, i64>(ears).fetch_one(self.pool()).await.expect("the database answers") == 0 {
            crate::moment().await;
        }
        Wire { address, _open: open, _listening: listening }
    }
}

/// A client at the other end of a socket.
pub struct Socket {
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What a client hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A result's data.
    Data(Value),
    /// The codes of a result without data, or of a refusal.
    Failed(Vec<String>),
    /// The operation is over.
    Complete,
    /// The socket was closed with this code.
    Closed(u16),
}

impl Wire {
    /// Open a socket, and say who one is.
    pub async fn socket(&self, who: &Visitor<'_>) -> Socket {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("an address");
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a protocol"));
        let (line, _) = connect_async(request).await.expect("sockets are taken");
        let mut socket = Socket { line };
        let payload =
            who.token.as_ref().map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.message().await.expect("an answer")["type"], "connection_ack");
        socket
    }
}

impl Wire {
    /// A stream of events: one operation's results, as long as it goes on.
    pub async fn stream(&self, who: &Visitor<'_>, query: &str) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("http://{}/graphql", self.address));
        let request = request.header("accept", "text/event-stream").json(&json!({ "query": query }));
        let request = request.bearer_auth(who.token.as_deref().unwrap_or_default());
        let response = request.send().await.expect("streams are taken");
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        response
    }
}

impl Socket {
    /// Begin an operation; its name is `id`.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// What comes next, of any operation.
    pub async fn hears(&mut self) -> Heard {
        let message = match self.message().await {
            Ok(message) => message,
            Err(code) => return Heard::Closed(code),
        };
        let codes = |errors: &Value| {
            let errors = errors.as_array().cloned().unwrap_or_default();
            errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default().to_owned()).collect()
        };
        match message["type"].as_str() {
            Some("next") if message["payload"]["errors"].is_null() => Heard::Data(message["payload"]["data"].clone()),
            Some("next") => Heard::Failed(codes(&message["payload"]["errors"])),
            Some("error") => Heard::Failed(codes(&message["payload"])),
            Some("complete") => Heard::Complete,
            _ => panic!("an unknown message: {message}"),
        }
    }

    /// The data of what comes next.
    pub async fn data(&mut self) -> Value {
        match self.hears().await {
            Heard::Data(data) => data,
            other => panic!("a result was expected: {other:?}"),
        }
    }

    /// The socket still answers.
    pub async fn is_at_ease(&mut self) {
        self.subscribe("at ease", "{ __typename }", json!({})).await;
        assert_eq!(self.data().await, json!({ "__typename": "Query" }));
        assert_eq!(self.hears().await, Heard::Complete);
    }

    /// The socket ends because the session has. What runs on it and the socket itself look by themselves
    /// who is there, so either may be first; nothing is told in between.
    pub async fn is_turned_away(&mut self) {
        loop {
            match self.hears().await {
                Heard::Closed(code) => break assert_eq!(code, 4403, "the socket may not go on"),
                Heard::Failed(codes) => assert_eq!(codes, ["UNAUTHENTICATED"]),
                other => assert_eq!(other, Heard::Complete),
            }
        }
    }

    async fn say(&mut self, message: Value) {
        self.line.send(Message::text(message.to_string())).await.expect("the line holds");
    }

    /// The next message, or the code the socket was closed with.
    async fn message(&mut self) -> Result<Value, u16> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.line.next()).await;
            match next.expect("nothing was said for long") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("messages are JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }
}
