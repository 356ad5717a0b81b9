//! Subscriptions over WebSocket, in the `graphql-transport-ws` protocol.
//!
//! The protocol's own close codes tell a client what it did: 4400 a message that is none, 4401 an
//! operation before the connection was acknowledged, 4403 a token that is not good or not any
//! more, 4406 another protocol, 4408 no `connection_init` in time, 4409 an id in use, 4429 a second
//! `connection_init`; 1013, of WebSocket itself, that its address says too much, and may come back later. A socket ends
//! when its token does.

mod message;
mod operation;

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::{ObjectType, SubscriptionType};
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use self::message::{ClientMessage, ServerMessage};
use self::operation::{Event, Running};
use super::answer::Outcome;
use super::identity::{Credential, Ending, lifetime, sign_in, still_stands};
use super::media::Media;
use super::params::Params;
use super::serve::Place;
use super::{Problem, Surface, TokenError, TraceId, Visitor, graphql};

/// The only protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// The most bytes of a ping, which are sent back.
const PING_BYTES: usize = 1024;
/// What a socket has ready to read into.
const BUFFER_BYTES: usize = 4 * 1024;

/// Does the request want to become a socket?
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Turn the request into a socket, if it may be one.
pub(super) async fn upgrade<Q, M, S>(surface: Surface<Q, M, S>, mut parts: Parts, trace: TraceId) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let refuse = |problem| Outcome::refused(problem, &trace).into_response(Media::Json);
    if !is_same_origin(&parts.headers, surface.settings()) {
        let message = "pages of this origin may not open sockets here";
        return refuse(Problem::http(StatusCode::FORBIDDEN, "ORIGIN_REFUSED", message));
    }
    let visitor = async {
        let token = graphql::arrives(&surface.shared, &parts)?;
        graphql::visitor(&surface.shared, &parts, token, &trace).await
    };
    let visitor = match visitor.await {
        Ok(visitor) => visitor,
        Err(problem) => return refuse(problem),
    };
    let place = parts.extensions.get::<Place>().cloned();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(_) => return refuse(Problem::bad_request("this is not a WebSocket handshake of version 13")),
    };
    bounded(upgrade, surface.settings().sockets.message_bytes).on_upgrade(async move |socket| {
        // The place among the connections is held for as long as the socket is.
        let _place = place;
        metrics::gauge!("rabta_sockets").increment(1.0);
        Connection::new(surface, visitor.0, visitor.1, socket).run().await;
        metrics::gauge!("rabta_sockets").decrement(1.0);
    })
}

/// What a socket may hold, and may be sent. The buffers are held for as long as the socket is, by each of them; what is
/// longer makes itself room for as long as it takes.
pub(super) fn bounded(upgrade: WebSocketUpgrade, message_bytes: usize) -> WebSocketUpgrade {
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(message_bytes)
        .max_frame_size(message_bytes)
}

/// Browsers say which page opens a socket, and don't ask anybody whether it may. Others say nothing.
fn is_same_origin(headers: &HeaderMap, settings: &super::Settings) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    settings.origins.contains(origin) || own.zip(host).is_some_and(|(own, host)| own.eq_ignore_ascii_case(host))
}

/// Why a socket ends.
enum Stop {
    /// The other end is gone.
    Gone,
    /// We close it, for a reason that has a code.
    Close(u16, String),
}

impl Stop {
    fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close(code, reason.into())
    }
}

impl From<Ending> for Stop {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Expired => Self::close(4403, "The access token has expired"),
            Ending::Revoked => Self::close(4403, "The session has ended"),
            Ending::Closing => Self::close(1001, "The server is going away"),
        }
    }
}

/// A socket, and what runs over it.
struct Connection<Q, M, S> {
    surface: Surface<Q, M, S>,
    visitor: Visitor,
    credential: Option<Credential>,
    socket: WebSocket,
    running: HashMap<String, Running>,
    started: u64,
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
}

impl<Q, M, S> Connection<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    fn new(surface: Surface<Q, M, S>, visitor: Visitor, credential: Option<Credential>, socket: WebSocket) -> Self {
        let (sender, events) = mpsc::channel(16);
        Self { surface, visitor, credential, socket, running: HashMap::new(), started: 0, events, sender }
    }

    async fn run(mut self) {
        let stop = match self.live().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        };
        self.running.clear();
        if let Stop::Close(code, reason) = stop {
            let frame = CloseFrame { code, reason: reason.into() };
            // Read on until the other end has seen it: a reset could overtake the frame.
            let goodbye = async {
                self.socket.send(Message::Close(Some(frame))).await?;
                while let Some(Ok(_)) = self.socket.recv().await {}
                Ok::<(), axum::Error>(())
            };
            let _late = timeout(Duration::from_secs(2), goodbye).await;
        }
    }

    async fn live(&mut self) -> Result<std::convert::Infallible, Stop> {
        if self.socket.protocol().is_none() {
            return Err(Stop::close(4406, "Subprotocol not acceptable"));
        }
        let settings = self.surface.settings().sockets.clone();
        match timeout(settings.init_timeout, self.acknowledge()).await {
            Ok(acknowledged) => acknowledged?,
            Err(_) => return Err(Stop::close(4408, "Connection initialisation timeout")),
        }
        let shared = std::sync::Arc::clone(&self.surface.shared);
        let closing = self.surface.closing.clone();
        let mut end = std::pin::pin!(lifetime(shared, self.credential.clone(), closing));
        let mut heartbeat = interval_at(Instant::now() + settings.heartbeat, settings.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            // The end comes before whatever waits to be told, also while somebody takes their time to hear it.
            tokio::select! {
                biased;
                ending = &mut end => return Err(ending.into()),
                Some(event) = self.events.recv() => tokio::select! {
                    biased;
                    ending = &mut end => return Err(ending.into()),
                    told = self.tell(event) => told?,
                },
                message = self.socket.recv() => {
                    heard = Instant::now();
                    if let Some(message) = self.understand(message)? {
                        self.obey(message).await?;
                    }
                }
                _ = heartbeat.tick() => {
                    if heard.elapsed() > settings.heartbeat * 3 {
                        return Err(Stop::Gone);
                    }
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    /// Wait for `connection_init`, and acknowledge it.
    async fn acknowledge(&mut self) -> Result<(), Stop> {
        loop {
            let message = self.socket.recv().await;
            match self.understand(message)? {
                None | Some(ClientMessage::Pong { .. } | ClientMessage::Complete { .. }) => {}
                Some(ClientMessage::Ping { payload }) => self.pong(payload).await?,
                Some(ClientMessage::Subscribe { .. }) => return Err(Stop::close(4401, "Unauthorized")),
                Some(ClientMessage::ConnectionInit { payload }) => {
                    if let Some(token) = message::token(payload.as_ref()) {
                        let token = token.map_err(|()| Stop::close(4403, "Forbidden"))?;
                        let identity = sign_in(&self.surface.shared, &token).await;
                        let (identity, credential) = identity.map_err(|problem| Stop::close(4403, problem.message))?;
                        self.visitor = self.visitor.clone().known_as(identity);
                        self.credential = Some(credential);
                    }
                    return self.say(&ServerMessage::ConnectionAck).await;
                }
            }
        }
    }

    async fn obey(&mut self, message: ClientMessage) -> Result<(), Stop> {
        match message {
            ClientMessage::ConnectionInit { .. } => Err(Stop::close(4429, "Too many initialisation requests")),
            ClientMessage::Ping { payload } => self.pong(payload).await,
            ClientMessage::Pong { .. } => Ok(()),
            ClientMessage::Complete { id } => {
                self.running.remove(&id);
                Ok(())
            }
            ClientMessage::Subscribe { id, payload } => self.subscribe(id, payload).await,
        }
    }

    async fn subscribe(&mut self, id: String, payload: Json) -> Result<(), Stop> {
        if id.is_empty() || id.len() > 128 {
            return Err(Stop::close(4400, "An id has 1 to 128 characters"));
        }
        if self.running.contains_key(&id) {
            // A close frame's reason has 123 bytes at most.
            let name: String = id.chars().take(20).collect();
            return Err(Stop::close(4409, format!("Subscriber for {name} already exists")));
        }
        let trace = TraceId::fresh();
        // Each operation is let in anew, as each request is: what its person may do can have changed
        // since the socket was opened.
        let rated = self.surface.shared.rates.check_address(self.visitor.address);
        let looked = if rated.is_ok() { self.look_again().await } else { Ok(()) };
        let known = match looked {
            Ok(()) => rated,
            Err(TokenError::Unavailable) => Err(Problem::from(TokenError::Unavailable)),
            Err(TokenError::Expired) => return Err(Stop::close(4403, "The access token has expired")),
            Err(TokenError::Invalid | TokenError::Revoked) => return Err(Stop::close(4403, "The session has ended")),
        };
        let visitor = Visitor { trace: trace.clone(), ..self.visitor.clone() };
        let most = self.surface.settings().sockets.subscriptions;
        let values = self.surface.settings().limits.values;
        let prepared = if self.running.len() >= most {
            let what = "operations running on this socket";
            Err(Problem::limit("TOO_MANY_SUBSCRIPTIONS", what, most as u64, most as u64 + 1))
        } else {
            let rates = &self.surface.shared.rates;
            known
                .and_then(|()| rates.check_account(&visitor.actor))
                .and_then(|()| Params::from_json(payload, values))
                .and_then(|params| graphql::prepare(&self.surface.shared, params, &visitor))
                .and_then(|prepared| Ok((prepared, self.surface.shared.open.take(&visitor.actor, visitor.address)?)))
        };
        match prepared {
            Ok(((request, plan), held)) => {
                self.started += 1;
                let run = operation::Run {
                    request,
                    plan,
                    actor: visitor.actor,
                    address: visitor.address,
                    trace,
                    id: id.clone(),
                    number: self.started,
                    held,
                };
                self.running.insert(id, run.start(&self.surface, self.sender.clone()));
                Ok(())
            }
            Err(problem) => {
                let outcome = Outcome::refused(problem, &trace);
                self.say(&ServerMessage::Error { id: &id, outcome: &outcome }).await
            }
        }
    }

    /// Who the person of the socket's token is by now.
    async fn look_again(&mut self) -> Result<(), TokenError> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let identity = still_stands(&self.surface.shared, credential).await?;
        self.visitor = self.visitor.clone().known_as(identity);
        Ok(())
    }

    /// Pass on what an operation said, unless the client has ended it meanwhile.
    async fn tell(&mut self, Event { id, number, outcome }: Event) -> Result<(), Stop> {
        if self.running.get(&id).is_none_or(|running| running.number != number) {
            return Ok(());
        }
        let is_over = !matches!(outcome, Some(Outcome::Executed { .. }));
        let message = match &outcome {
            Some(outcome @ Outcome::Executed { .. }) => ServerMessage::Next { id: &id, outcome },
            Some(outcome @ Outcome::Refused { .. }) => ServerMessage::Error { id: &id, outcome },
            None => ServerMessage::Complete { id: &id },
        };
        self.say(&message).await?;
        if is_over {
            self.running.remove(&id);
        }
        Ok(())
    }

    /// Answer a ping with what came with it.
    async fn pong(&mut self, payload: Option<Map<String, Json>>) -> Result<(), Stop> {
        // As long as the ping was.
        let pong = ServerMessage::Pong { payload }.to_text();
        if pong.len() > PING_BYTES {
            return Err(Stop::close(4400, format!("A ping has {PING_BYTES} bytes at most")));
        }
        self.send(Message::Text(pong.into())).await
    }

    /// A message of the protocol; `None` for what the transport says to itself. Each is counted before it is read.
    fn understand(&self, message: Option<Result<Message, axum::Error>>) -> Result<Option<ClientMessage>, Stop> {
        let counted = match &message {
            Some(Ok(_)) => self.surface.shared.rates.check_message(self.visitor.address),
            Some(Err(_)) | None => Ok(()),
        };
        counted.map_err(|_| Stop::close(1013, "Too many messages"))?;
        match message {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => Ok(Some(message)),
                Err(_) => Err(Stop::close(4400, "Invalid message received")),
            },
            Some(Ok(Message::Binary(_))) => Err(Stop::close(4400, "Messages are text")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_))) | None => Err(Stop::Gone),
            Some(Err(error)) if error.to_string().contains("too long") => {
                let most = self.surface.settings().sockets.message_bytes;
                Err(Stop::close(1009, format!("A message has {most} bytes at most")))
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a socket broke off");
                Err(Stop::Gone)
            }
        }
    }

    async fn say(&mut self, message: &ServerMessage<'_>) -> Result<(), Stop> {
        self.send(Message::Text(message.to_text().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Stop> {
        self.socket.send(message).await.map_err(|_| Stop::Gone)
    }
}
