//! What happens on a contract, as it happens and afterwards.

use async_graphql::{Context, ID, Object, Subscription};
use domain::Timestamp;
use domain::history::Happening;
use domain::id::ContractId;
use futures_util::stream::{Stream, try_unfold};

use crate::context::RabtaContext;
use crate::contract::Contract;
use crate::event_kind::EventKind;
use crate::key::Key;
use crate::loader::load;
use crate::node::{self, Node};
use crate::user_error::top_level;

/// Something that happened on a contract.
#[derive(Debug, Clone)]
pub struct ContractEvent {
    /// Its place in the contract's history.
    pub cursor: String,
    /// What happened.
    pub happening: Happening,
}

/// Something that happened on a contract. It says what happened to what; `subject` is that, as it
/// is now.
#[Object]
impl ContractEvent {
    /// The global id.
    pub async fn id(&self) -> ID {
        self.happening.id.to_string().into()
    }

    /// Its place in the contract's history: go on after it with `contractEvents(after: …)`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// What happened.
    async fn kind(&self) -> EventKind {
        self.happening.event.as_ref().map_or(EventKind::SomethingElse, |event| EventKind::of(event.name()))
    }

    /// What happened, in an English sentence to show as it is: of kinds that your app does not know yet, too.
    async fn sentence(&self, ctx: &Context<'_>) -> async_graphql::Result<&'static str> {
        let is_gift = match self.happening.perhaps_gift() {
            Some(milestone) => load(ctx, milestone).await?.is_some_and(|milestone| milestone.kind.is_gift()),
            None => false,
        };
        Ok(self.happening.sentence(is_gift))
    }

    /// When it happened.
    async fn occurred_at(&self) -> Timestamp {
        self.happening.at
    }

    /// The contract.
    async fn contract(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contract>> {
        Ok(load(ctx, self.happening.contract).await?.map(Contract))
    }

    /// What it happened to, as it is now: a milestone, a timesheet, a dispute, the contract itself.
    async fn subject(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match self.happening.event.as_ref().and_then(|event| event.about().subject()) {
            Some(id) => node::find(ctx, &id).await,
            None => Ok(None),
        }
    }
}

/// Following contracts.
#[derive(Debug, Default)]
pub struct HistorySubscription;

#[Subscription]
impl HistorySubscription {
    /// What happens on a contract, its milestones and its timesheets, as your side may see it. The
    /// stream ends with an error when you may not see the contract any more.
    async fn contract_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contract.")] contract_id: Key<ContractId>,
        #[graphql(desc = "The cursor of the last event you know of, to be told first what came after it; \
                          left out, you are told what happens from now on.")]
        after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ContractEvent>>> {
        let caller = ctx.caller().clone();
        let follower = ctx.market().history_follow(&ctx.call(), contract_id.0, after).await.map_err(top_level)?;
        Ok(try_unfold((follower, caller), |(mut follower, caller)| async {
            let (actor, cursor, happening) = follower.next().await.map_err(top_level)?;
            caller.is_now(actor);
            Ok(Some((ContractEvent { cursor, happening }, (follower, caller))))
        }))
    }
}
