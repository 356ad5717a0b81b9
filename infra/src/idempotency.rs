//! Writes that are safe to repeat: the same key with the same body gets the first answer for
//! thirty days; the same key with another body is refused. Who may no longer see what the answer
//! tells of is told that there is no such thing.
//!
//! A request with a key waits until no other with the same key is under way, and then looks for
//! the answer; the key's row is written with its answer in the transaction that acts on it. A
//! refusal rolls the row back with everything else: nothing happened, and the key is still free.
//! The worker forgets answers that were kept long enough, and with them their keys. How much is kept for one caller
//! has a limit (see `keeping`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::access::{Actor, Subject, Verb};
use domain::id::{
    CeremonyId, ContractId, ConversationId, CorrectionId, DisputeId, EvidenceId, FreelancerProfileId, GigId, Id,
    InvitationId, MemberId, MemberInvitationId, MessageId, MilestoneId, OfferId, OrganizationId, OutageId, PasskeyId,
    PaymentId, PaymentRefundId, PayoutId, PayoutMethodId, PortfolioItemId, ProposalId, ReviewId, SavedSearchId,
    ScreeningHitId, SessionId, TimeEntryId, TimesheetId, UserId, WebhookDeliveryId, WebhookEndpointId, WireBatchId,
};
use domain::organization::Member;
use domain::refusal::{Refusal, is_unprintable};
use domain::webhook_endpoint::WebhookEndpoint;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;
use serde_json::Value;

use crate::market::Market;
use crate::sql::sql;
use crate::vault::Vault;
use crate::{Call, Failure, Tx};

mod keeping;

pub(crate) use keeping::Keeping;

/// How long an answer is kept.
pub const KEPT_FOR_DAYS: i64 = 30;

/// The longest key that is taken, in characters.
pub const KEY_LENGTH: usize = 128;

/// What makes a repeat of a request recognizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    caller: String,
    key: String,
    operation: String,
    /// The first is kept; any tells a repeat, also after the keys were rotated.
    body_hashes: Vec<Vec<u8>>,
}

impl Once {
    /// A request of `caller` for `operation` with `input`, under the caller's own `key`. All of the
    /// input counts, secrets too: what is kept of it is a hash under a key of the vault.
    pub fn new(
        vault: &Vault,
        caller: &str,
        key: &str,
        operation: &str,
        input: &impl Serialize,
    ) -> Result<Self, Failure> {
        let length = key.chars().count();
        if length == 0 || length > KEY_LENGTH || key.chars().any(is_unprintable) {
            let message =
                format!("must be 1 to {KEY_LENGTH} printable characters: a fresh UUID for each intended act will do");
            return Err(Refusal::field("idempotencyKey", "MALFORMED", message).into());
        }
        // serde_json keeps maps sorted, so the same input always has the same bytes.
        let body = serde_json::to_value((caller, key, operation, input))?;
        let body_hashes = vault.repeats(&serde_json::to_vec(&body)?);
        Ok(Self { caller: caller.to_owned(), key: key.to_owned(), operation: operation.to_owned(), body_hashes })
    }

    /// Whose key it is, and the key.
    pub(crate) fn name(&self) -> (String, String) {
        (self.caller.clone(), self.key.clone())
    }

    /// Whose key it is.
    pub(crate) fn caller(&self) -> &str {
        &self.caller
    }

    /// The answer that was kept with the key, if it was given to this request.
    pub(crate) fn answer(&self, kept: Kept) -> Result<Value, Failure> {
        if kept.operation == self.operation && self.body_hashes.contains(&kept.body_hash) {
            Ok(kept.answer)
        } else {
            Err(Refusal::KeyReused.into())
        }
    }

    /// The key with its answer, to be kept when the transaction ends.
    pub(crate) fn kept(&self, answer: Value) -> Value {
        serde_json::json!({
            "caller": self.caller, "key": self.key, "operation": self.operation,
            "body_hash": STANDARD.encode(self.body_hashes.first().map_or(&[][..], Vec::as_slice)), "answer": answer,
        })
    }
}

/// What was kept with a key.
#[derive(FromQueryResult)]
pub(crate) struct Kept {
    operation: String,
    body_hash: Vec<u8>,
    answer: Value,
}

/// Take the key for this transaction, or get the answer it was given before.
pub(crate) async fn claim(tx: &Tx, once: &Once) -> Result<Option<Value>, Failure> {
    let claim = sql(
        "select operation, body_hash, answer from idempotency_claim($1, $2)",
        [once.caller.clone().into(), once.key.clone().into()],
    );
    let kept = Kept::find_by_statement(claim).one(tx.conn()).await?;
    kept.map(|kept| once.answer(kept)).transpose()
}

impl Market {
    /// May the answer to a request that is no repeat be kept? Asked before anything is done.
    pub(crate) fn may_keep(&self, once: &Once) -> Result<(), Failure> {
        Ok(self.keeping().allows(&once.caller, self.clock().now())?)
    }
}

/// Acts that end what they answer with, so that nobody can find it any more.
const ENDING: &[&str] =
    &["memberRemove", "savedSearchDelete", "memberInvitationDecline", "passkeyRemove", "webhookEndpointDelete"];

impl Market {
    /// What was answered before is told again only to who may still see all it tells of: thirty days are
    /// long, and whoever asks may have left the organization meanwhile.
    pub(crate) fn must_still_see<'a>(
        &'a self,
        call: &'a Call,
        once: &'a Once,
        answer: &'a Value,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let seen = if ENDING.contains(&once.operation.as_str()) {
                is_own_business(&call.actor, answer)
            } else {
                let mut seen = true;
                for id in told_of(answer) {
                    seen = seen && self.still_sees(call, id).await?;
                }
                seen
            };
            if seen { Ok(()) } else { Err(Refusal::HIDDEN.into()) }
        }
        .boxed()
    }

    /// Would the caller find this now?
    async fn still_sees(&self, call: &Call, id: &str) -> Result<bool, Failure> {
        macro_rules! found {
            ($($kind:ident: $find:ident),* $(,)?) => {
                match id.split('_').next().unwrap_or_default() {
                    $($kind::PREFIX => match id.parse::<$kind>() {
                        Ok(id) => self.$find(call, id).await?.is_some(),
                        Err(_) => false,
                    },)*
                    // The caller themselves, what they had begun, and what anybody may look up.
                    UserId::PREFIX | CeremonyId::PREFIX | OutageId::PREFIX => true,
                    _ => false,
                }
            };
        }
        Ok(found! {
            ContractId: contract_find,
            ConversationId: conversation_find,
            CorrectionId: correction_find,
            DisputeId: dispute_find,
            EvidenceId: evidence_find,
            FreelancerProfileId: profile_find,
            GigId: gig_find,
            InvitationId: invitation_find,
            MemberId: member_find,
            MemberInvitationId: member_invitation_find,
            MessageId: message_find,
            MilestoneId: milestone_find,
            OfferId: offer_find,
            OrganizationId: organization_find,
            PasskeyId: passkey_find,
            PaymentId: payment_find,
            PaymentRefundId: payment_refund_find,
            PayoutId: payout_find,
            PayoutMethodId: payout_method_find,
            PortfolioItemId: portfolio_item_find,
            ProposalId: proposal_find,
            ReviewId: review_find,
            SavedSearchId: saved_search_find,
            ScreeningHitId: screening_hit_find,
            SessionId: session_find,
            TimeEntryId: time_entry_find,
            TimesheetId: timesheet_find,
            WebhookDeliveryId: webhook_delivery_find,
            WebhookEndpointId: webhook_endpoint_find,
            WireBatchId: wire_batch_find,
        })
    }

    /// Forget up to `limit` answers that were kept long enough, the oldest first; how many there
    /// were. Several workers may be at it: each takes those that no other has.
    pub(crate) async fn answers_forget(&self, limit: i64) -> Result<u64, Failure> {
        let until = self.clock().now() - chrono::TimeDelta::days(KEPT_FOR_DAYS);
        let forget = sql(
            "with old as materialized (
                 select caller, key from idempotency where created_at < $1
                 order by created_at limit $2 for update skip locked)
             delete from idempotency using old where idempotency.caller = old.caller and idempotency.key = old.key",
            [until.into(), limit.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}

/// The ids of what an answer tells of: an object, or a few of them side by side.
fn told_of(answer: &Value) -> Vec<&str> {
    fn id(object: &Value) -> Option<&str> {
        object.get("id")?.as_str()
    }
    match (id(answer), answer) {
        (Some(only), _) => vec![only],
        (None, Value::Array(parts)) => parts.iter().filter_map(id).collect(),
        (None, Value::Object(parts)) => parts.values().filter_map(id).collect(),
        (None, _) => Vec::new(),
    }
}

/// What is gone can't be looked up: of a member, only who was it and who looks after members may hear; of an endpoint of
/// webhooks, who looks after those; anything else was the caller's alone.
fn is_own_business(actor: &Actor, answer: &Value) -> bool {
    if let Ok(endpoint) = serde_json::from_value::<WebhookEndpoint>(answer.clone()) {
        return domain::access::allows(actor, Verb::WebhookEndpointDelete, &endpoint.subject());
    }
    match serde_json::from_value::<Member>(answer.clone()) {
        Ok(member) => {
            let organization = Subject::of_client(member.organization);
            actor.user() == Some(member.user) || domain::access::allows(actor, Verb::MemberRemove, &organization)
        }
        Err(_) => true,
    }
}
