//! What Stripe tells at our door. It is kept before it is acted on, and acted on once; what it is about is
//! then asked for again, so it does not matter in which order, how late or how often things are told.
//!
//! What can't be acted on is tried again ever more seldom, and in the end parked for an operator to look
//! at (`rabta webhooks`); so is what Stripe has put off for a day, each time that it was asked. What is of no concern to
//! us is kept, and left alone.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::PaymentId;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::payments::ProcessorFact;
use crate::payments::stripe::{
    Cost, RefundSeen, look, look_at_charge, look_at_dispute, look_at_refund, look_at_set_up,
};
use crate::sql::sql;
use crate::stripe::answer::Event;
use crate::stripe::{BadSignature, Stripe};
use crate::worker::{Lane, alone};
use crate::{Call, Failure, Fault, run};

/// How many times an event is tried before it is parked.
const ATTEMPTS: i32 = 12;
/// For how long one is left at the most that Stripe does not answer about.
const LONGEST_REST: TimeDelta = TimeDelta::minutes(15);
/// For how long one is put off before it is parked.
const PUT_OFF: TimeDelta = TimeDelta::days(1);
/// How late a try may be. That nobody tried for longer is our doing, and counts for none of the day.
const LATE: TimeDelta = TimeDelta::hours(1);
/// How long acting on one may take before another worker may try it.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Why something that was told is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Nobody is expected to tell us anything.
    #[error("there is no such processor here")]
    NobodyExpected,
    /// It is not from Stripe, or not of now.
    #[error("the signature is not taken")]
    Unsigned(#[from] BadSignature),
    /// It is signed, and still not an event.
    #[error("the body is not an event")]
    Unreadable,
    /// We failed. It will be told again.
    #[error(transparent)]
    Broken(#[from] Failure),
}

/// An event that was told, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Told {
    /// Its name, `evt_…`.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// To what.
    pub object: String,
    /// When it came to us.
    pub received_at: Timestamp,
    /// How often it was told.
    pub times: i32,
    /// How often it was tried.
    pub attempts: i32,
    /// What was done about it, once something was: `acted` or `ignored`.
    pub outcome: Option<String>,
    /// When it was parked, if it is.
    pub parked_at: Option<Timestamp>,
    /// Why it was not acted on, the last time.
    pub last_error: Option<String>,
}

/// Which events are to be acted on again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// This one.
    One(String),
    /// All that are parked.
    Parked,
    /// All that came since an instant.
    Since(Timestamp),
}

#[derive(FromQueryResult)]
struct Waiting {
    id: String,
    kind: String,
    object: String,
    received_at: Timestamp,
    attempts: i32,
    put_off_since: Option<Timestamp>,
    was_due_at: Timestamp,
}

impl Market {
    /// Take what Stripe tells: the raw body, as it was signed. It is kept, and acted on by the worker.
    ///
    /// # Errors
    /// [`NotTaken`]: whoever sent it learns only that it was not taken.
    pub async fn webhook_receive(&self, signature: &str, body: &[u8]) -> Result<(), NotTaken> {
        let stripe = self.payments().stripe().ok_or(NotTaken::NobodyExpected)?;
        let now = self.clock().now();
        stripe.verify(now, signature, body)?;
        let event: Event = serde_json::from_slice(body).map_err(|_| NotTaken::Unreadable)?;
        let told_at = event.at().ok_or(NotTaken::Unreadable)?;
        let object = event.object().to_owned();
        let Event { id, kind, .. } = event;
        // Names that could be none are no more of an event than a body that can't be read.
        let fits = |text: &str| text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if id.is_empty() || kind.is_empty() || ![&id, &kind, &object].into_iter().all(|text| fits(text)) {
            return Err(NotTaken::Unreadable);
        }
        let keep = "insert into webhook_events (source, id, type, object, told_at, received_at, due_at)
            values ('stripe', $1, $2, $3, $4, $5, $5)
            on conflict (source, id) do update set times = webhook_events.times + 1";
        let values = [id.into(), kind.into(), object.into(), told_at.into(), now.into()];
        self.db().execute_raw(sql(keep, values)).await.map_err(Failure::from)?;
        metrics::counter!("rabta_webhooks_received_total").increment(1);
        Ok(())
    }

    /// Act on what was told and waits; the number of events.
    pub(crate) async fn webhooks_work(&self, limit: i64) -> Result<usize, Failure> {
        let Some(stripe) = self.payments().stripe() else { return Ok(0) };
        let now = self.clock().now();
        let claim = "with waiting as materialized (
                select source, id, due_at from webhook_events
                where done_at is null and parked_at is null and due_at <= $1
                order by due_at, told_at, id limit $3 for update skip locked)
            update webhook_events told set due_at = $2, attempts = attempts + 1
            from waiting where told.source = waiting.source and told.id = waiting.id
            returning told.id, told.type as kind, told.object, told.received_at, told.attempts, told.put_off_since,
                waiting.due_at as was_due_at";
        let leased_until = now + LEASE;
        let values = [now.into(), leased_until.into(), limit.into()];
        let waiting = Waiting::find_by_statement(sql(claim, values)).all(self.db()).await?;
        for event in &waiting {
            self.pulse().beats(Lane::Outside);
            if self.is_time_left(leased_until) {
                let acted = alone(self.webhook_act(stripe, event)).await;
                self.webhook_acted(event, acted).await?;
            } else {
                self.webhook_again(event, self.clock().now(), "there was no time left for it").await?;
            }
        }
        Ok(waiting.len())
    }

    /// Act on an event. Answers whether it was of any concern to us.
    async fn webhook_act(&self, stripe: &Stripe, event: &Waiting) -> Result<bool, Failure> {
        let now = self.clock().now();
        // It happened to nothing that could be asked for.
        if event.object.is_empty() {
            return Ok(false);
        }
        match event.kind.split('.').next() {
            Some("payment_intent") => {
                let seen = look(stripe, now, &event.object).await?;
                self.payment_seen(&event.object, seen).await
            }
            Some("charge") if event.kind.starts_with("charge.dispute.") => {
                let Some(disputed) = look_at_dispute(stripe, now, &event.object).await? else { return Ok(false) };
                let Some(payment) = self.payment_behind(stripe, &disputed.intent).await? else { return Ok(false) };
                for Cost { name, fact } in disputed.costs {
                    self.payment_told(payment, name, fact).await?;
                }
                for (name, fact) in disputed.told {
                    if let ProcessorFact::ChargedBack { reference, .. } = &fact {
                        self.chargeback_not_given_back(payment, reference, disputed.amount).await?;
                    }
                    if let ProcessorFact::ChargebackWon { reference } = &fact {
                        self.chargeback_given_back_once(payment, reference, disputed.amount).await?;
                    }
                    self.payment_told(payment, name, fact).await?;
                }
                Ok(true)
            }
            // What it cost us is known by now.
            Some("charge") if event.kind == "charge.updated" => {
                let Some((intent, Cost { name, fact })) = look_at_charge(stripe, now, &event.object).await? else {
                    return Ok(false);
                };
                let Some(payment) = self.payment_behind(stripe, &intent).await? else { return Ok(false) };
                self.payment_told(payment, name, fact).await?;
                Ok(true)
            }
            Some("refund") => match look_at_refund(stripe, now, &event.object).await? {
                RefundSeen::Ours(refund, said) => self.refund_told(refund, said).await.map(|()| true),
                RefundSeen::ByHand { intent, name, fact } => {
                    let Some(payment) = self.payment_behind(stripe, &intent).await? else { return Ok(false) };
                    self.payment_told(payment, name, fact).await?;
                    Ok(true)
                }
                RefundSeen::Nothing => Ok(false),
            },
            Some("payout" | "transfer") => self.stripe_transfer_moved(&event.object).await,
            Some("v2") if event.kind.starts_with("v2.money_management.outbound_payment.") => {
                self.stripe_transfer_moved(&event.object).await
            }
            Some("setup_intent") => match look_at_set_up(stripe, now, &event.object).await? {
                Some(done) => self.payment_method_saved(&done).await,
                None => Ok(false),
            },
            Some(_) | None => Ok(false),
        }
    }

    /// The payment that something is told about, if it is one of ours. Whatever is told of one that came: that it came
    /// may not have been heard of yet, and is told first.
    async fn payment_behind(&self, stripe: &Stripe, intent: &str) -> Result<Option<PaymentId>, Failure> {
        let seen = look(stripe, self.clock().now(), intent).await?;
        let payment = seen.payment;
        self.payment_noticed(intent, seen).await?;
        Ok(payment)
    }

    async fn webhook_acted(&self, event: &Waiting, acted: Result<bool, Failure>) -> Result<(), Failure> {
        let now = self.clock().now();
        let done = "update webhook_events set done_at = $2, outcome = $3, last_error = null, put_off_since = null
            where source = 'stripe' and id = $1 and done_at is null";
        match acted {
            Ok(concerns_us) => {
                let outcome = if concerns_us { "acted" } else { "ignored" };
                self.db().execute_raw(sql(done, [event.id.clone().into(), now.into(), outcome.into()])).await?;
                Ok(())
            }
            // The longer it has been so, the longer it is left.
            Err(Failure::Broken(Fault::Later { until, why, .. })) => {
                let rest = ((now - event.received_at) / 4).min(LONGEST_REST);
                self.webhook_put_off(event, now, until.max(now + rest), &why).await
            }
            Err(failure) => {
                let why = failure.to_string();
                tracing::warn!(event = event.id, kind = event.kind, why, "a webhook could not be acted on");
                let parked_at = (event.attempts >= ATTEMPTS).then_some(now);
                let due_at = now + TimeDelta::seconds(1 << (event.attempts - 1).clamp(0, 12));
                let failed = "update webhook_events set due_at = $3, last_error = left($4, 500), parked_at = $5,
                        put_off_since = null
                    where source = 'stripe' and id = $1 and attempts = $2 and done_at is null";
                let values =
                    [event.id.clone().into(), event.attempts.into(), due_at.into(), why.into(), parked_at.into()];
                self.db().execute_raw(sql(failed, values)).await?;
                Ok(())
            }
        }
    }

    /// To be tried again from an instant on; that does not count as an attempt. If it has been so for a day, while it
    /// was tried, somebody has to look: it is parked.
    async fn webhook_put_off(
        &self,
        event: &Waiting,
        now: Timestamp,
        until: Timestamp,
        why: &str,
    ) -> Result<(), Failure> {
        let late = Some(now - event.was_due_at).filter(|late| *late > LATE).unwrap_or(TimeDelta::zero());
        let since = event.put_off_since.map_or(now, |since| since + late);
        let parked_at = (since + PUT_OFF <= now).then_some(now);
        if parked_at.is_some() {
            tracing::warn!(event = event.id, kind = event.kind, why, "a webhook was put off for a day, and is parked");
        }
        let put_off = "update webhook_events set due_at = $3, attempts = attempts - 1, last_error = left($4, 500),
                put_off_since = $5, parked_at = $6
            where source = 'stripe' and id = $1 and attempts = $2 and done_at is null";
        let values =
            [event.id.clone().into(), event.attempts.into(), until.into(), why.into(), since.into(), parked_at.into()];
        self.db().execute_raw(sql(put_off, values)).await?;
        Ok(())
    }

    /// To be tried again from an instant on; that does not count against it.
    async fn webhook_again(&self, event: &Waiting, until: Timestamp, why: &str) -> Result<(), Failure> {
        let again = "update webhook_events set due_at = $3, attempts = attempts - 1, last_error = left($4, 500)
            where source = 'stripe' and id = $1 and attempts = $2 and done_at is null";
        let values = [event.id.clone().into(), event.attempts.into(), until.into(), why.into()];
        self.db().execute_raw(sql(again, values)).await?;
        Ok(())
    }

    /// What was told and is not done with, parked or not, oldest first.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn webhooks_open(&self, limit: i64) -> Result<Vec<Told>, Failure> {
        let select = "select id, type as kind, object, received_at, times, attempts, outcome, parked_at, last_error
            from webhook_events where done_at is null order by received_at, id limit $1";
        Ok(Told::find_by_statement(sql(select, [limit.into()])).all(self.db()).await?)
    }

    /// Have events acted on again; how many. It does no harm to those that were: what follows from one
    /// follows once.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn webhooks_replay(&self, which: &Replay) -> Result<u64, Failure> {
        let again =
            "update webhook_events set due_at = $1, attempts = 0, done_at = null, outcome = null, parked_at = null,
                put_off_since = null
            where source = 'stripe' and ";
        let now = self.clock().now();
        let (statement, what) = match which {
            Replay::One(id) => (sql(&format!("{again} id = $2"), [now.into(), id.clone().into()]), id.as_str()),
            Replay::Parked => (sql(&format!("{again} parked_at is not null"), [now.into()]), "parked"),
            Replay::Since(since) => {
                (sql(&format!("{again} received_at >= $2"), [now.into(), (*since).into()]), "since an instant")
            }
        };
        let call = Call::system("rabta webhooks");
        run!(self, &call, tx => {
            let replayed = tx.conn().execute_raw(statement.clone()).await?.rows_affected();
            if replayed > 0 {
                tx.audit("webhooks_replay", what, serde_json::json!({ "events": replayed })).await?;
            }
            Ok(replayed)
        })
    }
}
