//! What an operation answers, one after the other. A subscription is one request and many answers: each of them costs what
//! the first did, and comes when that can be afforded.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use domain::access::Actor;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::sleep;

use super::ClientAddress;
use super::surface::Shared;

/// The answers, each after the first once its cost is within what whoever asked may ask for in a minute. Nothing is lost
/// by waiting: what has happened is read when it is its turn.
pub(super) fn paced(
    answers: impl Stream<Item = Response> + Send + 'static,
    shared: Arc<Shared>,
    address: ClientAddress,
    actor: Actor,
    cost: u64,
) -> impl Stream<Item = Response> + Send + 'static {
    let answers = answers.boxed();
    stream::unfold((answers, false), move |(mut answers, is_later)| {
        let (shared, actor) = (Arc::clone(&shared), actor.clone());
        async move {
            if is_later {
                while let Err(problem) = shared.rates.check_cost(address, &actor, cost) {
                    sleep(Duration::from_secs(problem.retry_after.unwrap_or(1))).await;
                }
            }
            let answer = answers.next().await?;
            Some((answer, (answers, true)))
        }
    })
}
