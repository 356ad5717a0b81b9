//! Asking the processor: for a payment that was started, and how it stands when nothing was heard. What
//! was asked without an answer is asked about, and asked again under the same key alone.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Verb};
use domain::bonus::lapse;
use domain::change::Change;
use domain::id::{EventId, Id, MilestoneId, PaymentId};
use domain::milestone::Milestone;
use domain::payment::{Payment, Purpose, State};
use domain::refusal::Refusal;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::row;
use crate::facts::Scene;
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::payments::stripe::{Cost, News, Seen, look};
use crate::payments::{Asked, Intent, IntentRequest, ProcessorEvent, ProcessorFact};
use crate::sql::{ids, sql};
use crate::worker::{Lane, alone};
use crate::{Call, Failure, Fault, Tx, run};

/// When a payment or a refund that nothing was heard of is first looked at; each time it is seen to be under way it is
/// left for twice as long.
pub(super) const FIRST_LOOK: TimeDelta = TimeDelta::minutes(10);
/// How often that doubles.
pub(super) const DOUBLINGS: i32 = 6;

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Sealed {
    payment_id: Uuid,
    sealed: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Known {
    intent: String,
}

impl Market {
    /// Ask the processor for a payment that was just started, so that the client need not wait for
    /// the worker. If that fails, the event in the outbox sees to it.
    pub(crate) async fn payment_ask_now(&self, payment: Option<Payment>) -> Option<Payment> {
        let payment = payment?;
        let failure = match self.payment_ask(payment.id).await {
            Ok(payment) => return Some(payment),
            Err(failure) => failure,
        };
        tracing::warn!(payment = %payment.id, error = %failure, "the processor could not be asked yet");
        // What became of it is written down.
        self.payment_load(payment.id).await.ok().flatten().or(Some(payment))
    }

    /// Ask the processor for a payment that was started. Asking twice gets the same intent.
    pub(crate) async fn payment_ask(&self, id: PaymentId) -> Result<Payment, Failure> {
        let payment = self.payment_load(id).await?.ok_or(Refusal::HIDDEN)?;
        let unanswered = match payment.state {
            State::Starting => false,
            State::Unknown { .. } => true,
            State::RequiresAction { .. }
            | State::Processing { .. }
            | State::Succeeded { .. }
            | State::Failed { .. } => {
                return Ok(payment);
            }
        };
        let too_late = !payment.is_to_be_asked(self.clock().now());
        let request = self.intent_request(&payment, unanswered || too_late, too_late).await?;
        match self.payments().ask(self, &request).await? {
            Asked::TakenUp(intent) => self.payment_made(&request, &intent, false).await,
            Asked::SeeTheBank(intent) => self.payment_made(&request, &intent, true).await,
            Asked::Failed { intent, code } => {
                if let Some(intent) = &intent {
                    self.intent_keep(id, &intent.id).await?;
                }
                let name = intent.map_or_else(|| id.to_string(), |intent| intent.id);
                self.payment_told(id, format!("{name}:failed"), ProcessorFact::Failed { code }).await?;
                Ok(self.payment_load(id).await?.ok_or(Refusal::HIDDEN)?)
            }
            Asked::Unknown { until, why } => {
                let call = Call::system(format!("payment:{id}"));
                run!(self, &call, tx => {
                    let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
                    tx.payment_save(payment.unanswered(tx.actor(), tx.now())?).await
                })?;
                Err(Fault::Later { service: "processor", why, until }.into())
            }
        }
    }

    /// The processor has made an intent of a payment.
    async fn payment_made(&self, request: &IntentRequest, intent: &Intent, see: bool) -> Result<Payment, Failure> {
        let id = request.payment;
        self.intent_keep(id, &intent.id).await?;
        let secret = intent.client_secret.as_ref();
        let sealed = secret.map(|secret| self.vault().seal(&id.to_string(), secret.expose_secret())).transpose()?;
        let call = Call::system(format!("payment:{id}"));
        let payment: Payment = run!(self, &call, tx => {
            let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let name = intent.id.clone();
            let change = match see {
                true => payment.waits_for_client(tx.actor(), name)?,
                false => payment.taken_up(tx.actor(), name)?,
            };
            if change.changed && let Some(sealed) = &sealed {
                tx.payment_secret_keep(id, sealed).await?;
            }
            tx.payment_save(change).await
        })?;
        // It was given up while the processor was asked.
        if matches!(payment.state, State::Failed { .. }) {
            self.payments().give_up(self, &intent.id, &format!("{}:given_up", request.key)).await?;
        }
        Ok(payment)
    }

    async fn intent_request(
        &self,
        payment: &Payment,
        looked_for: bool,
        too_late: bool,
    ) -> Result<IntentRequest, Failure> {
        let method = payment.method.clone();
        let off_session = matches!(payment.purpose, Purpose::Timesheet(_));
        let mandate = match self.payments().stripe() {
            Some(_) if !off_session => self.mandate_of(payment.id).await?,
            Some(_) | None => None,
        };
        Ok(IntentRequest {
            key: self.asking_event(payment.id).await?.to_string(),
            payment: payment.id,
            client: payment.client,
            total: payment.quote.client_pays,
            method: method.ok_or_else(|| Fault::bad_row("payments", "it waits for a card that nobody named"))?,
            off_session,
            since: payment.created_at,
            unanswered: looked_for,
            too_late,
            mandate,
        })
    }

    /// The event that asks for a payment: its id is the key under which the processor is asked.
    async fn asking_event(&self, of: PaymentId) -> Result<EventId, Failure> {
        let select = "select id from events where body ->> 'payment' = $1
            and name in ('milestone_funding_started', 'timesheet_charge_started') order by sequence limit 1";
        let found = Found::find_by_statement(sql(select, [of.to_string().into()])).one(self.db()).await?;
        let found = found.ok_or_else(|| Fault::bad_row("events", "no event asks for a payment that was started"))?;
        Ok(EventId::from_uuid(found.id))
    }

    /// Nobody waits for a payment any more: it is not asked for again, and what was made of it is given up.
    /// What came, or is on its way, is not; should it come, it is the client's.
    pub(crate) async fn payment_give_up(&self, id: PaymentId, event: &Occurrence) -> Result<(), Failure> {
        let Some(payment) = self.payment_load(id).await? else { return Ok(()) };
        if self.payments().stripe().is_none() || payment.method.is_none() {
            return Ok(());
        }
        match payment.state {
            State::Processing { .. } | State::Succeeded { .. } => return Ok(()),
            State::Starting | State::Unknown { .. } => {
                let fact = ProcessorFact::Failed { code: "given_up".to_owned() };
                self.payment_told(id, format!("{id}:given_up"), fact).await?;
            }
            State::RequiresAction { .. } | State::Failed { .. } => {}
        }
        let select = "select intent from processor_intents where payment_id = $1";
        let known = Known::find_by_statement(sql(select, [id.uuid().into()])).all(self.db()).await?;
        let mut intents: Vec<String> = known.into_iter().map(|known| known.intent).collect();
        if intents.is_empty() {
            let request = self.intent_request(&payment, true, true).await?;
            intents.extend(self.payments().intent_of(self, &request).await?);
        }
        // Giving up twice is giving up once, so here an answer that is kept with a key need not be kept for ever.
        let key = match (self.clock().now() - event.at).num_hours() {
            0 => event.id.to_string(),
            hours => format!("{}:{hours}", event.id),
        };
        for intent in intents {
            self.payments().give_up(self, &intent, &key).await?;
        }
        Ok(())
    }

    /// The same, of the last payment for a milestone.
    pub(crate) async fn payment_give_up_of(&self, of: MilestoneId, event: &Occurrence) -> Result<(), Failure> {
        let select = row::Entity::find().filter(row::Column::MilestoneId.eq(of.uuid()));
        match select.order_by_desc(row::Column::Id).one(self.db()).await? {
            Some(row) => self.payment_give_up(Id::from_uuid(row.id), event).await,
            None => Ok(()),
        }
    }

    /// The time for a milestone's money to come is over.
    pub(crate) async fn funding_expire(&self, call: &Call, of: MilestoneId) -> Result<(), Failure> {
        let select = row::Entity::find().filter(row::Column::MilestoneId.eq(of.uuid()));
        let last = select.order_by_desc(row::Column::Id).one(self.db()).await?;
        let with_the_bank = match last.map(Payment::try_from).transpose()? {
            Some(payment) => self.payments().is_with_the_bank(self.db(), &payment).await?,
            None => false,
        };
        let expire: fn(Milestone, &Scene) -> Result<Change<Milestone>, Refusal> = match with_the_bank {
            true => |milestone, scene| milestone.expire_funding(scene.actor(), scene.now(), true),
            false => |milestone, scene| {
                let expired = milestone.expire_funding(scene.actor(), scene.now(), false)?;
                expired.then(|milestone| lapse(milestone, scene.now()))
            },
        };
        self.milestone_tick(call, of, expire).await.map(drop)
    }

    /// Something was told of a payment, by whatever way we came to know.
    pub(crate) async fn payment_told(&self, id: PaymentId, name: String, fact: ProcessorFact) -> Result<(), Failure> {
        let source = self.payments().source().to_owned();
        self.processor_event(&ProcessorEvent { source, id: name, payment: id, fact }).await
    }

    /// How a payment stands was seen, and with what it is paid. Answers whether it is one of ours. What it is paid with
    /// is looked at last, so that news of money wait for nothing; where that fails, the money is booked already.
    pub(crate) async fn payment_seen(&self, intent: &str, mut seen: Seen) -> Result<bool, Failure> {
        let paid_with = seen.paid_with.take();
        let is_ours = self.payment_stands(intent, seen).await?;
        if let Some(with) = paid_with.filter(|_| is_ours) {
            self.payment_method_paid(&with).await?;
        }
        Ok(is_ours)
    }

    /// The same where something else waits for it: what it is paid with is kept if it can be had now.
    pub(crate) async fn payment_noticed(&self, intent: &str, mut seen: Seen) -> Result<bool, Failure> {
        let paid_with = seen.paid_with.take();
        let is_ours = self.payment_stands(intent, seen).await?;
        if let Some(with) = paid_with.filter(|_| is_ours) {
            let looked = self.payment_method_paid(&with).await;
            looked.unwrap_or_else(|failure| {
                tracing::warn!(intent, error = %failure, "what a payment was paid with could not be looked at");
            });
        }
        Ok(is_ours)
    }

    async fn payment_stands(&self, intent: &str, seen: Seen) -> Result<bool, Failure> {
        let Some(id) = seen.payment else { return Ok(false) };
        // One that does not exist here is told again later: it may be on its way.
        self.payment_load(id).await?.ok_or(Refusal::HIDDEN)?;
        self.intent_keep(id, intent).await?;
        // Told first: that the payment is over is what nobody asks about again.
        for Cost { name, fact } in seen.costs {
            self.payment_told(id, name, fact).await?;
        }
        let see = match seen.news {
            News::Over(name, fact) => {
                self.payment_told(id, format!("{intent}:{name}"), fact).await?;
                return Ok(true);
            }
            News::SeeTheBank => true,
            News::OnItsWay => false,
        };
        let call = Call::system(format!("payment:{id}"));
        let payment: Payment = run!(self, &call, tx => {
            let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = match see {
                true => payment.waits_for_client(tx.actor(), intent.to_owned())?,
                false => payment.taken_up(tx.actor(), intent.to_owned())?,
            };
            tx.payment_save(change).await
        })?;
        // It is over here, and whoever still has its page open could pay it.
        if see && matches!(payment.state, State::Failed { .. }) {
            let (event, hour) = (self.asking_event(id).await?, self.clock().now().timestamp() / 3_600);
            self.payments().give_up(self, intent, &format!("{event}:given_up:{hour}")).await?;
        }
        Ok(true)
    }

    /// Look at payments that nothing was heard of for a while: events get lost. The number looked at.
    pub(crate) async fn payments_look(&self, limit: i64) -> Result<usize, Failure> {
        let Some(stripe) = self.payments().stripe() else { return Ok(0) };
        let now = self.clock().now();
        let claim = "with due as materialized (
                select intent from processor_intents where look_at <= $1 order by look_at limit $2 for update skip locked)
            update processor_intents set looks = looks + 1,
                look_at = $1::timestamptz + make_interval(secs => $3 * power(2, least(looks + 1, $4)))
            from due where processor_intents.intent = due.intent returning processor_intents.intent";
        let values = [now.into(), limit.into(), FIRST_LOOK.num_seconds().into(), DOUBLINGS.into()];
        let due = Known::find_by_statement(sql(claim, values)).all(self.db()).await?;
        for Known { intent } in &due {
            self.pulse().beats(Lane::Outside);
            let looked = async { self.payment_noticed(intent, look(stripe, now, intent).await?).await };
            if let Err(failure) = alone(looked).await {
                tracing::warn!(intent, error = %failure, "a payment could not be looked at; it is again soon");
                // What was not seen is not left for longer.
                let soon = "update processor_intents set look_at = $2 where intent = $1 and look_at is not null";
                self.db().execute_raw(sql(soon, [intent.as_str().into(), (now + FIRST_LOOK).into()])).await?;
            }
        }
        Ok(due.len())
    }

    async fn intent_keep(&self, payment: PaymentId, intent: &str) -> Result<(), Failure> {
        let now = self.clock().now();
        let look_at: Option<Timestamp> = self.payments().stripe().map(|_| now + FIRST_LOOK);
        let keep = "insert into processor_intents (intent, payment_id, created_at, look_at) values ($1, $2, $3, $4)
            on conflict (intent) do nothing";
        let values = [intent.into(), payment.uuid().into(), now.into(), look_at.into()];
        self.db().execute_raw(sql(keep, values)).await?;
        Ok(())
    }

    /// What lets the client's page go on with the processor, while there is something to go on with. Only
    /// for those who may pay: it does what a card does.
    pub async fn payment_client_secrets(
        &self,
        call: &Call,
        payments: &[&Payment],
    ) -> Result<HashMap<PaymentId, SecretString>, Failure> {
        let may_pay = |payment: &&&Payment| access::allows(&call.actor, Verb::MilestoneFund, &payment.subject());
        let payments: Vec<PaymentId> = payments.iter().filter(may_pay).map(|payment| payment.id).collect();
        let select = "select payment_id, sealed from payment_secrets where payment_id = any($1)";
        let found = Sealed::find_by_statement(sql(select, [ids(&payments)])).all(self.db()).await?;
        let open = |found: Sealed| {
            let id = PaymentId::from_uuid(found.payment_id);
            Ok((id, SecretString::from(self.vault().open(&id.to_string(), &found.sealed)?)))
        };
        found.into_iter().map(open).collect()
    }

    pub(crate) async fn payment_load(&self, id: PaymentId) -> Result<Option<Payment>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Payment::try_from).transpose()?)
    }
}

impl Tx {
    async fn payment_secret_keep(&self, id: PaymentId, sealed: &[u8]) -> Result<(), Failure> {
        let keep = "insert into payment_secrets (payment_id, sealed) values ($1, $2)
            on conflict (payment_id) do update set sealed = excluded.sealed";
        self.conn().execute_raw(sql(keep, [id.uuid().into(), sealed.to_vec().into()])).await?;
        Ok(())
    }

    pub(super) async fn payment_secret_forget(&self, id: PaymentId) -> Result<(), Failure> {
        self.conn().execute_raw(sql("delete from payment_secrets where payment_id = $1", [id.uuid().into()])).await?;
        Ok(())
    }

    /// Something was heard of a payment, so nobody need look how it stands.
    pub(super) async fn intents_not_looked_at(&self, id: PaymentId) -> Result<(), Failure> {
        let stop = "update processor_intents set look_at = null where payment_id = $1 and look_at is not null";
        self.conn().execute_raw(sql(stop, [id.uuid().into()])).await?;
        Ok(())
    }
}
