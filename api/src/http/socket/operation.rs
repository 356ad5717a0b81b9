//! An operation that runs over a socket, in a task of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, Request, SubscriptionType};
use axum::http::StatusCode;
use domain::access::Actor;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::http::answer::Outcome;
use crate::http::open::Held;
use crate::http::paced::paced;
use crate::http::{ClientAddress, Problem, Surface, TraceId};
use crate::limits::Plan;

/// Something an operation has to say: a result, or that it is over.
pub struct Event {
    /// The client's name for the operation.
    pub id: String,
    /// Our number for it: the client may use a name again.
    pub number: u64,
    /// The result; `None` when there are no more.
    pub outcome: Option<Outcome>,
}

/// A running operation. It ends when this is dropped.
pub struct Running {
    /// Our number for it.
    pub number: u64,
    task: AbortHandle,
    #[expect(dead_code, reason = "held for its drop")]
    held: Held,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An operation that may run.
pub struct Run {
    /// The request.
    pub request: Request,
    /// What it will do.
    pub plan: Plan,
    /// Who asked for it.
    pub actor: Actor,
    /// Where its results go.
    pub address: ClientAddress,
    /// Its name in the logs.
    pub trace: TraceId,
    /// The client's name for it.
    pub id: String,
    /// Our number for it.
    pub number: u64,
    /// What is held for as long as it runs.
    pub held: Held,
}

impl Run {
    /// Start it.
    pub fn start<Q, M, S>(self, surface: &Surface<Q, M, S>, sender: mpsc::Sender<Event>) -> Running
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let Self { request, plan, actor, address, trace, id, number, held } = self;
        let shared = Arc::clone(&surface.shared);
        let results = surface.execute_stream(request, &plan);
        let results = paced(results, Arc::clone(&shared), address, actor, plan.cost);
        let most = match plan.kind {
            OperationType::Subscription => Duration::MAX,
            OperationType::Query | OperationType::Mutation => surface.settings().operation_timeout,
        };
        let task = tokio::spawn(async move {
            let event = |outcome| Event { id: id.clone(), number, outcome };
            let pass_on = async {
                let mut results = std::pin::pin!(results);
                while let Some(response) = results.next().await {
                    let outcome = shared.outcome(response, &plan.form, address, &trace);
                    let is_over = matches!(outcome, Outcome::Refused { .. });
                    if sender.send(event(Some(outcome))).await.is_err() || is_over {
                        return;
                    }
                }
                // The socket being gone is no news to the socket.
                let _gone = sender.send(event(None)).await;
            };
            let problem = match tokio::time::timeout(most, AssertUnwindSafe(pass_on).catch_unwind()).await {
                Ok(Ok(())) => return,
                Ok(Err(_panic)) => Problem::http(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", ""),
                Err(_) => Problem::document("TIMEOUT", "the operation took too long and was abandoned"),
            };
            let _gone = sender.send(event(Some(Outcome::refused(problem, &trace)))).await;
        });
        Running { number, task: task.abort_handle(), held }
    }
}
