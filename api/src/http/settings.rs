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
    /// The largest answer, in bytes, before it is packed.
    pub answer_bytes: usize,
    /// When so many bytes of answers wait to be taken by their clients, nothing more is begun; what was begun by then may
    /// come to twice as many.
    pub untaken_bytes: usize,
    /// The same, for the clients at one address.
    pub untaken_bytes_by_address: usize,
    /// How many proxies stand in front of the server, and so how many entries of
    /// `X-Forwarded-For` are believed.
    pub trusted_proxies: usize,
    /// How much one request may ask for.
    pub limits: Limits,
    /// The documents that alone are answered; without a list, any.
    pub trusted_documents: Option<TrustedDocuments>,
    /// Requests a minute of one address; without a number, as many as come.
    pub requests_per_minute_by_address: Option<NonZeroU32>,
    /// What the sockets of one address may say in a minute: pings, pongs and ends of operations, too, which are no requests;
    /// without a number, as much as comes.
    pub messages_per_minute_by_address: Option<NonZeroU32>,
    /// Requests a minute of one account; without a number, as many as come.
    pub requests_per_minute_by_account: Option<NonZeroU32>,
    /// What the operations of one account may cost in a minute, or of one address where there is no account; without a
    /// number, anything.
    pub cost_per_minute: Option<NonZeroU32>,
    /// Fields that an operation starts from, and how often a minute one account, or one address without an account, may
    /// have each.
    pub operations_per_minute: Vec<(&'static str, NonZeroU32)>,
    /// Fields of queries that are not answered by GET, because what they are asked with must not stand in an address.
    pub by_post_alone: &'static [&'static str],
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
    /// Operations running at once over one socket.
    pub subscriptions: usize,
    /// Operations running at once for one account, or one address without an account, over sockets and as streams of
    /// events together.
    pub operations: usize,
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
            operations: 60,
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
            answer_bytes: 4 * 1024 * 1024,
            untaken_bytes: 32 * 1024 * 1024,
            untaken_bytes_by_address: 8 * 1024 * 1024,
            trusted_proxies: 0,
            limits: Limits::default(),
            trusted_documents: None,
            requests_per_minute_by_address: NonZeroU32::new(3000),
            messages_per_minute_by_address: NonZeroU32::new(12_000),
            requests_per_minute_by_account: NonZeroU32::new(1200),
            cost_per_minute: NonZeroU32::new(300_000),
            operations_per_minute: operations_per_minute(),
            by_post_alone: BY_POST_ALONE,
            sockets: SocketSettings::default(),
        }
    }
}

/// What is dear to us or to somebody else: passwords are slow to check by design, letters go to people's mailboxes,
/// proposals and invitations to people's desks, and some questions take much of the processor.
pub const OPERATIONS_PER_MINUTE: &[(&str, u32)] = &[
    ("accountExport", 10),
    ("emailChangeRequest", 10),
    ("emailVerifyRequest", 20),
    ("explainMatch", 300),
    ("exposureReport", 20),
    ("gigCreate", 120),
    ("invitationSend", 120),
    ("memberInvite", 60),
    ("messageSend", 120),
    ("offerCreate", 120),
    ("offerSend", 120),
    ("passkeyBegin", 120),
    ("passkeySignIn", 120),
    ("passwordChange", 20),
    ("passwordResetRequest", 20),
    ("payeesByNumber", 30),
    ("paymentMethodSetUp", 20),
    ("proposalCounter", 120),
    ("proposalSubmit", 120),
    ("reauthenticate", 30),
    ("savedSearchCreate", 60),
    ("secondFactorEnroll", 20),
    ("signIn", 120),
    ("signUp", 60),
    ("skillSuggest", 300),
    ("userByEmail", 30),
    ("webhookEndpointCreate", 30),
    ("webhookEndpointTest", 60),
];

/// What is asked with somebody's whole number of identity or account, or with their email. Addresses are written down by
/// whatever carries them.
pub const BY_POST_ALONE: &[&str] = &["payeesByNumber", "userByEmail"];

fn operations_per_minute() -> Vec<(&'static str, NonZeroU32)> {
    OPERATIONS_PER_MINUTE.iter().filter_map(|(name, most)| Some((*name, NonZeroU32::new(*most)?))).collect()
}

/// How connections are taken.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections held at once, in all.
    pub connections: usize,
    /// Connections held at once by one address; with trusted proxies, requests, sockets and streams of one
    /// client.
    pub connections_per_address: usize,
    /// How many proxies stand in front of the server. A connection is then a proxy's, and whose a request is
    /// shows in its head.
    pub trusted_proxies: usize,
    /// How long a request's head may take to arrive; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long a client may take nothing of an answer that is ready for it.
    pub write_timeout: Duration,
    /// What a client has to take at least of an answer that is ready for it, in bytes a second, once that time is over.
    pub write_rate: u32,
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
            trusted_proxies: 0,
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(20),
            write_rate: 8 * 1024,
            header_bytes: 32 * 1024,
            header_fields: 64,
            grace: Duration::from_secs(20),
        }
    }
}
