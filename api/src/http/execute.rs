//! The one door to the library that executes operations.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, Request, Response, Schema, SubscriptionType};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

use super::Surface;
use crate::limits::Plan;

/// Who may read the schema just now: one operation at a time. It is read in one go, from one end to the other, and keeps
/// a processor busy for as long; several at once would leave none for anybody else.
#[derive(Debug, Clone)]
pub struct Readers(Arc<Semaphore>);

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Readers {
    /// Do some work, and as often as it goes on, go on alone. While it waits for something else, others may.
    async fn alone<T>(self, work: impl Future<Output = T>) -> T {
        let mut turns = PollSemaphore::new(self.0);
        let mut work = pin!(work);
        poll_fn(|context| {
            // Nobody closes it, so there always is a turn.
            let _turn = ready!(turns.poll_acquire(context));
            work.as_mut().poll(context)
        })
        .await
    }
}

impl<Q, M, S> Surface<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Execute an operation that has one answer.
    pub(super) async fn execute(&self, request: Request, plan: &Plan) -> Response {
        if plan.form.is_known_valid() {
            return self.execute_with(&self.known, request, plan).await;
        }
        let response = self.execute_with(&self.schema, request, plan).await;
        plan.form.learn(&response);
        response
    }

    async fn execute_with(&self, schema: &Schema<Q, M, S>, request: Request, plan: &Plan) -> Response {
        let answer = schema.execute(request);
        if plan.reads_schema() { self.shared.readers.clone().alone(answer).await } else { answer.await }
    }

    /// Execute an operation whose answers come one after the other.
    pub(super) fn execute_stream(
        &self,
        request: Request,
        plan: &Plan,
    ) -> impl Stream<Item = Response> + Send + use<Q, M, S> {
        let answers = self.schema.execute_stream(request);
        if plan.kind == OperationType::Subscription || !plan.reads_schema() {
            return answers.left_stream();
        }
        let readers = self.shared.readers.clone();
        // It has one answer, too.
        let answer = async move { readers.alone(pin!(answers).next()).await };
        stream::once(answer).filter_map(async |answer| answer).right_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{FutureExt, poll};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_reads_at_a_time_and_not_while_it_waits_for_something_else() {
        let readers = Readers::default();
        let (open, gate) = oneshot::channel::<u8>();
        let mut waits = pin!(readers.clone().alone(gate));
        assert!(poll!(&mut waits).is_pending());
        // It does nothing but wait, so another one reads.
        assert_eq!(readers.clone().alone(async { 2 }).now_or_never(), Some(2));

        // While somebody reads, nobody else does, and who had waited for something else waits for that.
        let other = readers.clone();
        let within = async move { other.alone(async { 3 }).now_or_never() };
        assert_eq!(readers.clone().alone(within).await, None);
        let reads = readers.0.clone().acquire_owned().await;
        open.send(1).expect("it waits for it");
        assert!(poll!(&mut waits).is_pending());
        let mut third = pin!(readers.alone(async { 3 }));
        assert!(poll!(&mut third).is_pending());
        drop(reads);
        assert_eq!((waits.await, poll!(&mut third)), (Ok(1), Poll::Ready(3)));
    }
}
