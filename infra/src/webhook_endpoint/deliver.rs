//! Sending what waits. An endpoint is served by one worker at a time, so that one that hangs takes one of their places
//! and no more; one that takes nothing rests, the longer the longer it does. Those that are slow to answer, whatever
//! they answer, have places of their own for some minutes, and one thing a turn as long as they are slow: however many
//! there are, and however quick in between, others don't wait for them.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::{Id, WebhookEndpointId};
use domain::webhook_endpoint::{
    DeliveryStatus, EndpointStatus, KEPT_FOR, Outcome, Trouble, WebhookDelivery, WebhookEndpoint, WebhookEvent,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect};
use secrecy::SecretString;
use uuid::Uuid;

use super::{delivery_row, row, row_of, row_of_delivery, sealed_for};
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::save::save_row;
use crate::sql::sql;
use crate::worker::{Lane, alone};
use crate::{Call, Failure, Fault, Tx, run};

/// So many endpoints are served at once by a worker.
const AT_ONCE: usize = 16;
/// And so many more that were slow lately.
const SLOW_AT_ONCE: usize = 8;
/// For how long after it was last slow one has its place among those, however quick it is meanwhile: so one that is
/// slow now and then takes up little of the others' places, whatever it does in between.
const SLOW_FOR: TimeDelta = TimeDelta::minutes(10);
/// So many are begun before the worker looks whether it is to end.
const A_ROUND: usize = 256;
/// So much is sent to one before others have a turn.
const A_TURN: usize = 20;
/// How often it is looked for others while some are served.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// For how long one worker alone serves an endpoint.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Who is served later than this waited for workers that were not there.
const LATE: TimeDelta = TimeDelta::hours(12);

#[derive(FromQueryResult)]
struct Reach {
    nobody: bool,
}

#[derive(FromQueryResult)]
struct Sealed {
    id: Uuid,
    sealed: Vec<u8>,
}

/// An endpoint as it is kept. One that can't be read is sent nothing, and holds up neither the others nor what else follows
/// from an event.
fn readable(row: row::Model) -> Option<WebhookEndpoint> {
    let id = row.id;
    WebhookEndpoint::try_from(row)
        .inspect_err(|fault| tracing::error!(endpoint = %id, error = %fault, "a webhook endpoint can't be read"))
        .ok()
}

impl Market {
    /// Write down what endpoints are to be sent of an event: those of the organization whose thing it happened to. Told
    /// again, it is sent once.
    pub(crate) async fn webhook_deliveries_write(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        let Some(event) = WebhookEvent::of(&occurrence.event) else { return Ok(()) };
        let about = occurrence.event.about();
        let Some(subject) = about.subject() else { return Ok(()) };
        let find = sql(
            "with parties (organization_id) as (
                 select organization_id from contracts where id = $1
                 union select organization_id from milestones where id = $2
                 union select organization_id from offers where id = $3
                 union select organization_id from payments where id = $4
                 union select $5::uuid)
             select e.* from webhook_endpoints e join parties p on p.organization_id = e.organization_id
             where e.status = 'enabled' and e.events @> to_jsonb($6::text) order by e.id",
            [
                about.contract.or(occurrence.contract).map(Id::uuid).into(),
                about.milestone.map(Id::uuid).into(),
                about.offer.map(Id::uuid).into(),
                about.payment.map(Id::uuid).into(),
                about.client.or(about.organization).map(Id::uuid).into(),
                event.as_str().into(),
            ],
        );
        let rows = row::Entity::find().from_raw_sql(find).all(self.db()).await?;
        let endpoints: Vec<WebhookEndpoint> = rows.into_iter().filter_map(readable).collect();
        if endpoints.is_empty() {
            return Ok(());
        }
        let call = Call::system(format!("event:{}", occurrence.id));
        run!(self, &call, tx => {
            for endpoint in &endpoints {
                let what = (tx.id(), occurrence.id);
                let delivery = endpoint.delivery(what, event, subject.clone(), occurrence.at, tx.now());
                if tx.webhook_delivery_insert(&delivery).await? {
                    tx.webhook_endpoint_wake(endpoint.id).await?;
                }
            }
            Ok(())
        })
    }

    /// Send what is due; how much was sent.
    pub(crate) async fn webhook_deliveries_work(&self) -> Result<usize, Failure> {
        let (mut served, mut begun, mut sent) = (FuturesUnordered::new(), 0, 0);
        let mut free = [AT_ONCE, SLOW_AT_ONCE];
        loop {
            self.pulse().beats(Lane::Webhooks);
            for slow in [false, true] {
                if begun >= A_ROUND || self.pulse().is_stopping() {
                    break;
                }
                match self.webhook_endpoints_claim(free[usize::from(slow)], slow).await {
                    Ok((endpoints, leased_until)) => {
                        begun += endpoints.len();
                        free[usize::from(slow)] -= endpoints.len();
                        for endpoint in endpoints {
                            let serve = self.webhook_endpoint_serve(endpoint, leased_until);
                            served.push(async move { (slow, alone(serve).await) });
                        }
                    }
                    Err(failure) if served.is_empty() => return Err(failure),
                    // What was begun is done first.
                    Err(failure) => tracing::error!(error = %failure, "no endpoints could be taken up"),
                }
            }
            tokio::select! {
                one = served.next() => {
                    let Some((slow, done)) = one else { return Ok(sent) };
                    free[usize::from(slow)] += 1;
                    match done {
                        Ok(deliveries) => sent += deliveries,
                        Err(failure) => tracing::error!(error = %failure, "an endpoint could not be served"),
                    }
                }
                () = tokio::time::sleep(LOOK_AGAIN), if !served.is_empty() => {}
            }
        }
    }

    /// Take up to so many endpoints, slow or not, that something is due for, so that no other worker serves them until
    /// then. Where that comes [`LATE`], the time in which nobody called is none in which they did not answer: it is not
    /// counted against them, nor against what waits.
    async fn webhook_endpoints_claim(
        &self,
        limit: usize,
        slow: bool,
    ) -> Result<(Vec<WebhookEndpoint>, Timestamp), Failure> {
        let now = self.clock().now();
        let leased_until = now + LEASE;
        if limit == 0 {
            return Ok((Vec::new(), leased_until));
        }
        let limit = i64::try_from(limit).unwrap_or_default();
        let claim = sql(
            "with due as materialized (
                 select id, due_at from webhook_endpoints
                 where status = 'enabled' and slow = $5 and due_at <= $1
                     and (leased_until is null or leased_until <= $1)
                 order by due_at, id limit $3 for update skip locked),
             late as (select id, $1 - due_at as by from due where due_at < $4),
             patient as (
                 update webhook_deliveries d set give_up_at = d.give_up_at + late.by from late
                 where d.endpoint_id = late.id and d.status = 'waiting' and d.give_up_at is not null)
             update webhook_endpoints e set leased_until = $2,
                 failing_since = e.failing_since + coalesce((select late.by from late where late.id = e.id), '0'),
                 nobody_answered_at =
                     e.nobody_answered_at + coalesce((select late.by from late where late.id = e.id), '0')
             from due where e.id = due.id returning e.*",
            [now.into(), leased_until.into(), limit.into(), (now - LATE).into(), slow.into()],
        );
        let rows = row::Entity::find().from_raw_sql(claim).all(self.db()).await?;
        let endpoints = rows.into_iter().filter_map(readable).collect();
        Ok((endpoints, leased_until))
    }

    /// Send an endpoint what is due, one after the other, until it does not take something or is slow; how much was
    /// sent.
    async fn webhook_endpoint_serve(
        &self,
        endpoint: WebhookEndpoint,
        leased_until: Timestamp,
    ) -> Result<usize, Failure> {
        let (id, secrets) = (endpoint.id, self.webhook_secrets_of(endpoint.id).await?);
        let (mut goes_on, mut sent, mut slow, mut answered) = (Some(endpoint), 0, None, false);
        let is_on = |sent: usize, slow: Option<bool>| sent < A_TURN && slow != Some(true);
        while let Some(endpoint) = goes_on.take().filter(|_| is_on(sent, slow) && self.is_time_left(leased_until)) {
            let Some(delivery) = self.webhook_delivery_due(id).await? else { break };
            self.pulse().beats(Lane::Webhooks);
            // What signs is believed by the clock of whoever looks, as codes of apps are.
            let begun = Instant::now();
            let outcome = self.hooks().send(&endpoint.url, &delivery, &secrets, self.clock().of_devices()).await;
            (sent, slow) = (sent + 1, Some(begun.elapsed() >= self.hooks().slow()));
            answered |= matches!(outcome, Outcome::Answered(_));
            goes_on = self.webhook_delivery_tried(&delivery, outcome).await?;
        }
        let call = Call::system(format!("webhooks:{id}"));
        run!(self, &call, tx => { tx.webhook_endpoint_let_go(id, leased_until, slow, answered).await })?;
        Ok(sent)
    }

    /// What signs for an endpoint, the newest first.
    async fn webhook_secrets_of(&self, endpoint: WebhookEndpointId) -> Result<Vec<SecretString>, Failure> {
        let select = sql(
            "select id, sealed from webhook_secrets
             where endpoint_id = $1 and (signs_until is null or signs_until > $2) order by id desc",
            [endpoint.uuid().into(), self.clock().now().into()],
        );
        let rows = Sealed::find_by_statement(select).all(self.db()).await?;
        let open = |row: Sealed| self.vault().open(&sealed_for(row.id), &row.sealed).map(SecretString::from);
        Ok(rows.into_iter().map(open).collect::<Result<_, Fault>>()?)
    }

    /// What is to be sent to an endpoint next.
    async fn webhook_delivery_due(&self, endpoint: WebhookEndpointId) -> Result<Option<WebhookDelivery>, Failure> {
        let due = sql(
            "select * from webhook_deliveries where endpoint_id = $1 and status = 'waiting' and due_at <= $2
             order by due_at, id limit 1",
            [endpoint.uuid().into(), self.clock().now().into()],
        );
        let due = delivery_row::Entity::find().from_raw_sql(due).one(self.db()).await?;
        Ok(due.map(WebhookDelivery::try_from).transpose()?)
    }

    /// Write down what came of sending something. The endpoint as it is by now, if it may be sent more.
    async fn webhook_delivery_tried(
        &self,
        sent: &WebhookDelivery,
        outcome: Outcome,
    ) -> Result<Option<WebhookEndpoint>, Failure> {
        let call = Call::system(format!("webhook:{}", sent.id));
        let told: Option<(WebhookEndpoint, WebhookDelivery)> = run!(self, &call, tx => {
            // One of the two may be gone by now.
            let Some(endpoint) = tx.webhook_endpoint_locked(sent.endpoint).await? else { return Ok(None) };
            let found = delivery_row::Entity::find_by_id(sent.id.uuid()).lock_exclusive().one(tx.conn()).await?;
            let Some(found) = found else { return Ok(None) };
            let delivery = WebhookDelivery::try_from(found)?;
            let (delivery, change) = if tx.webhooks_reach_nobody(&endpoint, outcome).await? {
                (delivery.tried_in_vain(outcome, tx.now()), endpoint.heard_nothing_of_anybody(tx.now()))
            } else {
                (delivery.tried(outcome, tx.now()), endpoint.heard(outcome.is_taken(), tx.now()))
            };
            save_row(tx.conn(), row_of_delivery(&delivery)).await?;
            let changed = change.changed;
            let endpoint = tx.settle(change).await?;
            if changed {
                save_row(tx.conn(), row_of(&endpoint)?).await?;
                tx.webhook_endpoint_rest(endpoint.id, endpoint.rests_until(tx.now())).await?;
            }
            Ok(Some((endpoint, delivery)))
        })?;
        let Some((endpoint, delivery)) = told else { return Ok(None) };
        let said = match delivery.status {
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::GivenUp => "given_up",
            DeliveryStatus::Waiting => "failed",
        };
        metrics::counter!("rabta_webhook_deliveries_total", "outcome" => said).increment(1);
        if endpoint.status == EndpointStatus::Failed {
            tracing::info!(endpoint = %endpoint.id, "an endpoint took nothing for days, and is off");
        }
        Ok(Some(endpoint).filter(|one| one.status == EndpointStatus::Enabled && one.failing_since.is_none()))
    }

    /// Forget up to `limit` deliveries that were kept long enough, the oldest first, and what signs no more; how many
    /// deliveries there were.
    pub(crate) async fn webhook_deliveries_forget(&self, limit: i64) -> Result<u64, Failure> {
        let now = self.clock().now();
        let forget = sql(
            "with over as (delete from webhook_secrets where signs_until <= $3),
             old as materialized (
                 select id from webhook_deliveries where created_at <= $1
                 order by created_at limit $2 for update skip locked)
             delete from webhook_deliveries using old where webhook_deliveries.id = old.id",
            [(now - KEPT_FOR).into(), limit.into(), now.into()],
        );
        Ok(self.db().execute_raw(forget).await?.rows_affected())
    }
}

impl Tx {
    /// An endpoint, locked, as the worker finds it.
    pub(super) async fn webhook_endpoint_locked(
        &self,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(WebhookEndpoint::try_from).transpose()?)
    }

    /// An endpoint did not answer. Did nobody else answer since it takes nothing, either, though others were sent
    /// something? Then it may be our own network.
    async fn webhooks_reach_nobody(&self, endpoint: &WebhookEndpoint, outcome: Outcome) -> Result<bool, Failure> {
        let silent = match outcome {
            Outcome::Answered(_) | Outcome::Unanswered(Trouble::NotPublic) => false,
            Outcome::Unanswered(Trouble::Unreachable | Trouble::Timeout | Trouble::BrokenOff) => true,
        };
        let Some(since) = endpoint.failing_since.filter(|_| silent) else { return Ok(false) };
        let look = Reach::find_by_statement(sql(
            "select exists (select from webhook_endpoints
                     where organization_id <> $1 and status = 'enabled' and failing_since is not null)
                 and not exists (select from webhook_endpoints where id <> $2 and answered_at > $3) as nobody",
            [endpoint.organization.uuid().into(), endpoint.id.uuid().into(), since.into()],
        ));
        Ok(look.one(self.conn()).await?.is_some_and(|found| found.nobody))
    }

    /// Keep what is to be sent, unless the endpoint is sent this event already; is it new?
    pub(super) async fn webhook_delivery_insert(&self, delivery: &WebhookDelivery) -> Result<bool, Failure> {
        let insert = sql(
            "insert into webhook_deliveries (id, endpoint_id, organization_id, event, event_id, subject, occurred_at,
                 created_at, status, attempts, due_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict on constraint webhook_deliveries_once do nothing",
            [
                delivery.id.uuid().into(),
                delivery.endpoint.uuid().into(),
                delivery.organization.uuid().into(),
                delivery.event.as_str().into(),
                delivery.event_id.uuid().into(),
                delivery.subject.as_str().into(),
                delivery.occurred_at.into(),
                delivery.created_at.into(),
                delivery.status.as_str().into(),
                delivery.attempts.into(),
                delivery.due_at.into(),
            ],
        );
        Ok(self.conn().execute_raw(insert).await?.rows_affected() == 1)
    }

    /// An endpoint has something to be sent, once it has rested.
    async fn webhook_endpoint_wake(&self, id: WebhookEndpointId) -> Result<(), Failure> {
        let wake = sql(
            "update webhook_endpoints set due_at = least(due_at, greatest($2::timestamptz, resting_until))
             where id = $1",
            [id.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(wake).await?;
        Ok(())
    }

    /// An endpoint is left alone until then, or no longer. Its row is locked.
    async fn webhook_endpoint_rest(&self, id: WebhookEndpointId, until: Option<Timestamp>) -> Result<(), Failure> {
        let rest =
            sql("update webhook_endpoints set resting_until = $2 where id = $1", [id.uuid().into(), until.into()]);
        self.conn().execute_raw(rest).await?;
        Ok(())
    }

    /// Find out anew when an endpoint has something to be sent. Its row is locked, so whoever adds something meanwhile
    /// comes afterwards.
    async fn webhook_endpoint_schedule(&self, id: WebhookEndpointId) -> Result<(), Failure> {
        let schedule = sql(
            "update webhook_endpoints e set due_at = (
                 select case when min(d.due_at) is not null
                     then greatest(min(d.due_at), e.resting_until, $2::timestamptz) end
                 from webhook_deliveries d where d.endpoint_id = e.id and d.status = 'waiting')
             where e.id = $1",
            [id.uuid().into(), self.now().into()],
        );
        self.conn().execute_raw(schedule).await?;
        Ok(())
    }

    /// An endpoint has a fresh start: it is sent at once what waits for it. Its row is locked.
    pub(super) async fn webhook_endpoint_start(&self, id: WebhookEndpointId) -> Result<(), Failure> {
        self.webhook_endpoint_rest(id, None).await?;
        self.webhook_endpoint_schedule(id).await
    }

    /// Others may serve an endpoint again, unless another does already because this took too long. If it was slow this
    /// time, or lately, it has its place among those the next time.
    async fn webhook_endpoint_let_go(
        &self,
        id: WebhookEndpointId,
        leased_until: Timestamp,
        slow: Option<bool>,
        answered: bool,
    ) -> Result<(), Failure> {
        let let_go = sql(
            "update webhook_endpoints set leased_until = null,
                 slow = case when $3 then true when not $3 then slow and coalesce(slow_at > $6, false)
                     else slow end,
                 slow_at = case when $3 then $5 else slow_at end,
                 answered_at = case when $4 then $5 else answered_at end
             where id = $1 and leased_until = $2",
            [
                id.uuid().into(),
                leased_until.into(),
                slow.into(),
                answered.into(),
                self.now().into(),
                (self.now() - SLOW_FOR).into(),
            ],
        );
        // This locks the row; what is due is looked for with what was committed by then.
        if self.conn().execute_raw(let_go).await?.rows_affected() == 1 {
            self.webhook_endpoint_schedule(id).await?;
        }
        Ok(())
    }
}
