//! The server under the router: it takes connections, and gives none of them all its time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, Response, Version};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::address::FORWARDED_FOR;
use super::layers::{HostUnclear, OneTooMany};
use super::slots::{Slot, Slots};
use super::stall::Stalling;
use super::{ClientAddress, Closing, ServerSettings};

/// The connection's place among all connections. Whoever takes a connection over, as a socket
/// does, keeps this for as long.
#[derive(Clone)]
#[expect(dead_code, reason = "held for its drop")]
pub(super) struct Place(Arc<Slot>, mpsc::Sender<()>, Option<Arc<Slot>>);

/// Serve until `closing` says so; then let running requests finish, for as long as the grace allows.
///
/// Only HTTP/1.1 is spoken: TLS and HTTP/2 are the business of the balancer in front, and telling
/// the two apart would mean to wait without limit for a client's first bytes.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    mut closing: Closing,
) -> io::Result<()> {
    let slots = Slots::new(settings.connections, settings.connections_per_address);
    // Every place holds a sender; when all are gone, the last one was answered.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.header_bytes)
        .max_headers(settings.header_fields);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.closed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others will be given back in a moment.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Behind proxies a connection is nobody's in particular: each request is counted, by whose it is.
        let by_request = settings.trusted_proxies > 0;
        let slot = if by_request { slots.take_shared() } else { slots.take(peer.ip()) };
        let Some(slot) = slot else {
            metrics::counter!("rabta_http_connections_refused_total").increment(1);
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection is gone already");
            continue;
        }
        let place = Place(Arc::new(slot), alive.clone(), None);
        let (router, slots, proxies) = (router.clone(), Arc::clone(&slots), settings.trusted_proxies);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            if !names_one_host(request.version(), request.headers()) {
                request.extensions_mut().insert(HostUnclear);
            }
            let (router, mut place) = (router.clone(), place.clone());
            if by_request {
                match ClientAddress::of(request.extensions(), request.headers(), proxies) {
                    Ok(address) => {
                        place.2 = slots.take_part(address).map(Arc::new);
                        if place.2.is_none() {
                            request.extensions_mut().insert(OneTooMany(settings.connections_per_address));
                        }
                    }
                    // What it asks for refuses it.
                    Err(_) => PROXY_UNCLEAR.call_once(|| {
                        tracing::warn!(
                            "requests come whose X-Forwarded-For, as the proxies in front of this server write it, names no \
                             address: they are refused. Is RABTA_TRUSTED_PROXIES how many there are?"
                        );
                    }),
                }
            } else if request.headers().contains_key(FORWARDED_FOR) {
                PROXY_UNKNOWN.call_once(|| {
                    tracing::warn!(
                        "requests come with X-Forwarded-For, and no proxy is trusted: if one stands in front of this server, \
                         say so with RABTA_TRUSTED_PROXIES, or all clients share the limits of its address"
                    );
                });
            }
            request.extensions_mut().insert(place.clone());
            async move {
                let answered = router.oneshot(request).await;
                answered.map(|response| response.map(|body| Body::new(Held { body, _place: place })))
            }
        });
        let io = TokioIo::new(Stalling::new(stream, settings.write_timeout, settings.write_rate));
        let connection = builder.serve_connection(io, service).with_upgrades();
        tokio::spawn(answer(connection, closing.clone()));
    }
    drop((listener, alive));
    tokio::select! {
        _ = all_gone.recv() => {}
        () = tokio::time::sleep(settings.grace) => tracing::warn!("some requests did not finish in time"),
    }
    Ok(())
}

/// Does a request say for which host it is as HTTP/1.1 asks: once, by a name that can be one? Of two, a proxy might go
/// by the other. Whoever speaks HTTP/1.0 need not say.
fn names_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(|host| !host.contains('@') && host.parse::<Authority>().is_ok()),
        (Some(_), Some(_)) => false,
    }
}

/// An answer that holds the place of its request until its last byte was taken, or nobody wants it any more: a
/// stream of events goes on for as long as its client likes.
struct Held {
    body: Body,
    _place: Place,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        ctx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(ctx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Said once: that there seems to be a proxy that nobody told of.
static PROXY_UNKNOWN: std::sync::Once = std::sync::Once::new();
/// Said once: that a proxy that is trusted does not say whose a request is.
static PROXY_UNCLEAR: std::sync::Once = std::sync::Once::new();

/// Answer what comes over a connection until it ends, or, when the server is to stop, until the
/// request that is being answered has its answer.
async fn answer<S, R>(connection: http1::UpgradeableConnection<TokioIo<Stalling<TcpStream>>, S>, mut closing: Closing)
where
    S: hyper::service::HttpService<Incoming, ResBody = Body, Future = R> + Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    R: Future<Output = Result<Response<Body>, S::Error>> + Send,
{
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = closing.closed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}
