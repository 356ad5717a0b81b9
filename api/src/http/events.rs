//! Results as server-sent events: one connection an operation, for clients that can't have sockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, Request as GraphQlRequest, SubscriptionType};
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::access::Actor;
use futures_util::stream::{BoxStream, PollNext};
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::answer::Outcome;
use super::graphql::too_long;
use super::identity::{Credential, Ending, lifetime};
use super::media::Media;
use super::open::Held;
use super::paced::paced;
use super::serve::Place;
use super::{ClientAddress, Surface, TokenError, TraceId};
use crate::limits::Plan;

/// The event that ends a stream.
const OVER: &str = "event: complete\ndata: \n\n";

/// What flows into the stream of an operation.
enum Step {
    Result(Outcome),
    StillHere,
    Over,
}

/// Answer an operation by events: `next` for each result, then `complete`.
pub(super) fn answer<Q, M, S>(
    surface: &Surface<Q, M, S>,
    request: GraphQlRequest,
    plan: &Plan,
    credential: Option<Credential>,
    (actor, address, trace): (Actor, ClientAddress, TraceId),
    held: (Option<Place>, Option<Held>),
) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let results = surface.execute_stream(request, plan);
    let results = paced(results, Arc::clone(&surface.shared), address, actor, plan.cost);
    let end = lifetime(Arc::clone(&surface.shared), credential, surface.closing.clone());
    let shared = Arc::clone(&surface.shared);
    let (ended_for, late_for, form) = (trace.clone(), trace.clone(), plan.form.clone());
    let results = results.map(move |response| Step::Result(shared.outcome(response, &form, address, &trace)));
    let results = results.chain(stream::iter([Step::Over]));
    // Whoever is cut off shall know it from a stream that has told everything.
    let ended = stream::once(end).map(move |ending| match ending {
        Ending::Expired => Step::Result(Outcome::refused(TokenError::Expired.into(), &ended_for)),
        Ending::Revoked => Step::Result(Outcome::refused(TokenError::Revoked.into(), &ended_for)),
        Ending::Closing => Step::Over,
    });
    // What is no subscription takes no longer here than anywhere.
    let most = surface.settings().operation_timeout;
    let late: BoxStream<'static, Step> = match plan.kind {
        OperationType::Subscription => stream::pending().boxed(),
        OperationType::Query | OperationType::Mutation => stream::once(sleep(most))
            .map(move |()| Step::Result(Outcome::refused(too_long(most, &late_for), &late_for)))
            .boxed(),
    };
    let heartbeat = still_here(surface.settings().sockets.heartbeat);
    let steps = stream::select(stream::select(results, late), heartbeat);
    // The end comes before whatever waits to be told.
    let steps = stream::select_with_strategy(ended, steps, |(): &mut ()| PollNext::Left).boxed();
    let bytes = stream::unfold(Some((steps, held)), async |state| {
        let (mut steps, held) = state?;
        let step = steps.next().await?;
        let is_over = matches!(&step, Step::Over | Step::Result(Outcome::Refused { .. }));
        Some((Ok::<_, Infallible>(step.into_bytes()), (!is_over).then_some((steps, held))))
    });
    let mut response = Response::new(Body::from_stream(bytes));
    response.headers_mut().insert(CONTENT_TYPE, Media::Events.content_type());
    // A proxy that collects the answer before it passes it on would defeat the purpose.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A comment now and then keeps whatever stands between from ending a quiet connection.
fn still_here(every: Duration) -> BoxStream<'static, Step> {
    let mut interval = interval_at(Instant::now() + every, every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(interval, async |mut interval| {
        interval.tick().await;
        Some((Step::StillHere, interval))
    })
    .boxed()
}

impl Step {
    fn into_bytes(self) -> Bytes {
        match self {
            Self::Result(outcome) => {
                let last = matches!(outcome, Outcome::Refused { .. });
                let complete: &[u8] = if last { OVER.as_bytes() } else { b"" };
                outcome
                    .into_json()
                    .wrapped(|json| [b"event: next\ndata: ", &*json, b"\n\n", complete].concat())
                    .into_bytes()
            }
            Self::StillHere => Bytes::from_static(b":\n\n"),
            Self::Over => Bytes::from_static(OVER.as_bytes()),
        }
    }
}
