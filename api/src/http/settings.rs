//! What an operator may set about the surface.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::HeaderValue;

use super::persisted::TrustedDocuments;
use crate::limits::Limits;

/// How requests are answered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// May clients ask for the schema, and are they told of names that look like what they wrote?
    pub introspection: bool,
    /// Is the explorer page served at `/`?
    pub explorer: bool,
    /// Web origins whose pages may call the API. Empty: only pages of the server itself.
    pub origins: Vec<HeaderValue>,
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How long an operation may run.
    pub operation_timeout: Duration,
    /// How many proxies stand in front of the server, and so how many entries of
    /// `X-Forwarded-For` are believed.
    pub trusted_proxies: usize,
    /// How much one request may ask for.
    pub limits: Limits,
    /// The documents that alone are answered; without a list, any.
    pub trusted_documents: Option<TrustedDocuments>,
    /// Requests a minute of one address; without a number, as many as come.
    pub requests_per_minute_by_address: Option<NonZeroU32>,
    /// Requests a minute of one account; without a number, as many as come.
    pub requests_per_minute_by_account: Option<NonZeroU32>,
    /// How sockets, and streams of events, are held.
    pub sockets: SocketSettings,
}

/// How sockets, and streams of events, are held.
#[derive(Debug, Clone)]
pub struct SocketSettings {
    /// How long a client may take to say hello.
    pub init_timeout: Duration,
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// Operations running at once.
    pub subscriptions: usize,
    /// How often a sign of life is given; a client that gives none for three times as long is gone.
    pub heartbeat: Duration,
    /// How often it is asked whether the session still stands.
    pub recheck: Duration,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(10),
            message_bytes: 64 * 1024,
            subscriptions: 30,
            heartbeat: Duration::from_secs(20),
            recheck: Duration::from_secs(10),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            introspection: true,
            explorer: true,
            origins: Vec::new(),
            body_bytes: 256 * 1024,
            body_timeout: Duration::from_secs(10),
            operation_timeout: Duration::from_secs(30),
            trusted_proxies: 0,
            limits: Limits::default(),
            trusted_documents: None,
            requests_per_minute_by_address: NonZeroU32::new(3000),
            requests_per_minute_by_account: NonZeroU32::new(1200),
            sockets: SocketSettings::default(),
        }
    }
}

/// How connections are taken.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections held at once, in all.
    pub connections: usize,
    /// Connections held at once by one address.
    pub connections_per_address: usize,
    /// How long a request's head may take to arrive; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long a client may take nothing of an answer that is ready for it.
    pub write_timeout: Duration,
    /// The largest request head, in bytes.
    pub header_bytes: usize,
    /// The most header fields of a request.
    pub header_fields: usize,
    /// How long running requests may go on after the server was asked to stop.
    pub grace: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(20),
            header_bytes: 32 * 1024,
            header_fields: 64,
            grace: Duration::from_secs(20),
        }
    }
}
