//! What people say of each other and to each other, and what the list says of them: by the use cases, and held against
//! each other.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use domain::access::Actor;
use domain::id::{DisputeId, Id, ReviewId, UserId};
use domain::milestone::Side;
use domain::review::{ReviewDraft, Reviews};
use domain::screening::Party;
use infra::conversation::Reading;
use infra::page::PageRequest;
use infra::{Call, Failure};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::Twin;
use crate::model::sim::check::parties;
use crate::model::sim::moves::Move;
use crate::model::sim::words::WordAct;
use crate::model::sim::world::World;

/// More than is said anywhere in a world.
const ALL: i32 = 100;

impl Twin<'_> {
    /// What is there afterwards, in memory and on PostgreSQL; none where nobody can ask for it there.
    pub(super) async fn says(
        &self,
        by: &Actor,
        next: &Move,
        act: &WordAct,
        world: &World,
    ) -> Result<Option<Result<(Value, Value), Failure>>, String> {
        let (market, names) = (&self.app.market, &self.names);
        let outcome = match act {
            WordAct::Review { contract: of, rating, text, .. } => {
                let contract = names.of(*of);
                // What was typed is looked at first there, too.
                match ReviewDraft::parse(*rating, text) {
                    Ok(draft) => request!(self, by, next, call => market.review_submit(&call, contract, draft.clone()))
                        .map(|there| {
                            let here = world.reviews.get(of).and_then(|reviews| reviews.of(there.by));
                            (json!(here), json!(there))
                        }),
                    Err(refusal) => Err(Failure::Refused(refusal)),
                }
            }
            WordAct::Reply { of } => {
                let review: ReviewId = names.of(*of);
                request!(self, by, next, call => market.review_reply(&call, review, "Thank you"))
                    .map(|there| (json!(world.review(*of)), json!(there)))
            }
            WordAct::Evidence { of, evidence, text } => {
                let dispute = names.of(*of);
                request!(self, by, next, call => market.evidence_add(&call, dispute, text, &[]))
                    .map(|there| (json!(world.evidence.get(evidence)), json!(there)))
            }
            WordAct::Message { client, freelancer, message, body, .. } => {
                let (client, freelancer) = (names.of(*client), names.of(*freelancer));
                request!(self, by, next, call => market.message_send(&call, client, freelancer, body))
                    .map(|there| (json!(world.messages.get(message)), json!(there)))
            }
            // Only people read.
            WordAct::Read { .. } if *by == Actor::System => return Ok(None),
            WordAct::Read { of, up_to } => {
                let conversation = names.of(*of);
                request!(self, by, next, call => market.conversation_mark_read(&call, conversation, *up_to))
                    .map(|there| (json!(world.conversations.get(of)), json!(there)))
            }
            WordAct::EPrc { of, expected, number } => {
                let (payout, expected) = (names.of(*of), *expected);
                let session = self.proved_session(by).await?;
                request!(self, by, next, call => market.payout_e_prc_attach(
                    &Call { session, ..call.clone() }, payout, expected, number))
                .map(|there| (json!(world.payouts.get(of)), json!(there)))
            }
            // Nobody but the list says so.
            WordAct::Listed { .. } if *by != Actor::System => return Ok(None),
            WordAct::Listed { party, name, .. } => {
                let there = self.in_names(*party);
                self.goes_by(there, name).await?;
                let here = world.hits.values().find(|hit| hit.party == *party && hit.name == *name);
                let page = PageRequest { first: Some(ALL), ..Default::default() };
                let found = market.screening_hits(&Call::system("model"), &page).await;
                let found = found.map_err(|failure| failure.to_string())?;
                let mut found = found.items.into_iter().map(|(_, hit)| hit);
                let found = found.find(|hit| hit.party == there && hit.name == *name);
                Ok((json!(here), json!(found)))
            }
            WordAct::Cleared { of, expected } => {
                let (hit, expected) = (names.of(*of), *expected);
                let session = self.proved_session(by).await?;
                request!(self, by, next, call => market.screening_hit_clear(
                    &Call { session, ..call.clone() }, hit, expected, "Another of that name"))
                .map(|there| (json!(world.hits.get(of)), json!(there)))
            }
        };
        Ok(Some(outcome))
    }

    /// A side, as it is called on PostgreSQL.
    fn in_names(&self, party: Party) -> Party {
        match party {
            Party::Client(client) => Party::Client(self.names.of(client)),
            Party::Freelancer(freelancer) => Party::Freelancer(self.names.of(freelancer)),
        }
    }

    /// Everybody is screened while somebody goes by another name.
    async fn goes_by(&self, party: Party, name: &str) -> Result<(), String> {
        let (of, read, write) = match party {
            Party::Client(client) => (
                client.uuid(),
                "select name from organizations where id = $1",
                "update organizations set name = $2 where id = $1",
            ),
            Party::Freelancer(freelancer) => {
                (freelancer.uuid(), "select name from users where id = $1", "update users set name = $2 where id = $1")
            }
        };
        let (pool, broken) = (self.app.pool(), |error: sqlx::Error| error.to_string());
        let own: String = sqlx::query_scalar(read).bind(of).fetch_one(pool).await.map_err(broken)?;
        sqlx::query(write).bind(of).bind(name).execute(pool).await.map_err(broken)?;
        // As if the last time were long ago.
        let due = sqlx::query("update screening_sweeps set begun_at = begun_at - interval '2 days'");
        due.execute(pool).await.map_err(broken)?;
        let is_screened = self.app.market.screen_when_due().await.map_err(|failure| failure.to_string())?;
        sqlx::query(write).bind(of).bind(own).execute(pool).await.map_err(broken)?;
        if is_screened { Ok(()) } else { Err("nobody was screened".to_owned()) }
    }

    /// Is all that is said the same here and there, and seen by the same sides?
    pub async fn compare_words(&mut self, world: &World) -> Result<(), String> {
        self.compare_reviews(world).await?;
        self.compare_evidence(world).await?;
        self.compare_conversations(world).await?;
        for hit in world.hits.values() {
            let there = self.app.market.screening_hit_find(&Call::system("model"), self.names.of(hit.id)).await;
            self.names.same(&json!(hit), &json!(there.map_err(broken)?), "a hit")?;
        }
        let here: BTreeSet<(Uuid, Uuid, String)> = world
            .blocks
            .iter()
            .map(|(client, whom, by)| (self.names.of(*client).uuid(), self.names.of(*whom).uuid(), (*by).to_owned()))
            .collect();
        let blocks = sqlx::query("select client_id, freelancer_id, set_by from blocks").fetch_all(self.app.pool());
        let blocks = blocks.await.map_err(|error| error.to_string())?;
        let there: BTreeSet<(Uuid, Uuid, String)> =
            blocks.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        if here == there { Ok(()) } else { Err(format!("blocks are {here:?} in memory, {there:?} on PostgreSQL")) }
    }

    /// What one side says of the other, which that one sees when everybody does.
    async fn compare_reviews(&mut self, world: &World) -> Result<(), String> {
        for review in world.reviews.values().flat_map(Reviews::all) {
            let [owner, themselves] = parties(review.client, review.freelancer);
            let (own, other) = match review.by {
                Side::Client => (owner, themselves),
                Side::Freelancer => (themselves, owner),
            };
            let (market, id) = (&self.app.market, self.names.of(review.id));
            let there = market.review_find(&self.asks(&own), id).await.map_err(broken)?;
            let is_seen = market.review_find(&self.asks(&other), id).await.map_err(broken)?.is_some();
            self.names.same(&json!(review), &json!(there), "a review")?;
            if is_seen != review.published_at.is_some() {
                return Err(format!("the other side sees {}: {is_seen}", review.id));
            }
        }
        Ok(())
    }

    async fn compare_evidence(&mut self, world: &World) -> Result<(), String> {
        let disputes: BTreeSet<DisputeId> = world.evidence.values().map(|evidence| evidence.dispute).collect();
        for of in disputes {
            let page = PageRequest { first: Some(ALL), ..Default::default() };
            let asked = [self.names.of(of)];
            let there = self.app.market.evidence_of_disputes(&Call::system("model"), &asked, &page).await;
            let there = there.map_err(broken)?.into_values().flat_map(|slice| slice.items);
            let mut there: Vec<_> = there.map(|(_, evidence)| evidence).collect();
            let mut here: Vec<_> = world.evidence.values().filter(|one| one.dispute == of).cloned().collect();
            // Ids of one instant come in any order.
            here.sort_by_key(|one| (one.side == Side::Freelancer, one.number));
            there.sort_by_key(|one| (one.side == Side::Freelancer, one.number));
            self.names.same(&json!(here), &json!(there), "evidence")?;
        }
        Ok(())
    }

    /// What was said in which order, and how far who has read it.
    async fn compare_conversations(&mut self, world: &World) -> Result<(), String> {
        for conversation in world.conversations.values() {
            let [owner, themselves] = parties(conversation.client, conversation.freelancer);
            let (market, call) = (&self.app.market, self.asks(&owner));
            let id = self.names.of(conversation.id);
            let there = market.conversation_find(&call, id).await.map_err(broken)?;
            self.names.same(&json!(conversation), &json!(there), "a conversation")?;
            let in_it = world.messages.values().filter(|message| message.conversation == conversation.id);
            let mut here: Vec<_> = in_it.collect();
            here.sort_by_key(|message| Reverse(message.number));
            let page = PageRequest { first: Some(ALL), ..Default::default() };
            let there = market.messages_of_conversations(&call, &[id], &page).await.map_err(broken)?;
            let there: Vec<_> = there.into_values().flat_map(|slice| slice.items).map(|(_, message)| message).collect();
            self.names.same(&json!(here), &json!(there), "what was said")?;
            let read = world.read_up_to.keys().filter(|(of, _)| *of == conversation.id).map(|(_, user)| *user);
            let readers: BTreeSet<UserId> = read.chain(owner.user()).chain(themselves.user()).collect();
            for reader in readers {
                let is_freelancer = reader == conversation.freelancer;
                let own = if is_freelancer { Side::Freelancer } else { Side::Client };
                let up_to = world.read_up_to.get(&(conversation.id, reader)).copied().unwrap_or(0);
                let unread = here.iter().filter(|message| message.side != own && message.number > up_to).count();
                let here = Reading { up_to, unread: i64::try_from(unread).unwrap_or(i64::MAX) };
                let [_, asks] = parties(conversation.client, reader);
                let there = market.conversations_reading(&self.asks(&asks), &[id]).await.map_err(broken)?;
                let there = there.get(&id).copied();
                if there != Some(here) {
                    let of = conversation.id;
                    return Err(format!("{reader} has read {of} to {here:?} in memory, {there:?} on PostgreSQL"));
                }
            }
        }
        Ok(())
    }

    /// A call by somebody who looks.
    fn asks(&self, by: &Actor) -> Call {
        Call { actor: self.actor(by), ..Call::system("model") }
    }
}

fn broken(failure: Failure) -> String {
    failure.to_string()
}
