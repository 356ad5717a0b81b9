//! The processor of payments, seen from here: it is asked for an intent, outside of any
//! transaction and with our payment's id as idempotency key, and it answers later, by events.
//!
//! [`Payments::Sandbox`] is a processor of our own that behaves like a real one: it keeps its own
//! books, and tells of success and failure afterwards. The token of the card decides which:
//!
//! - `pm_sandbox_visa`: success at once
//! - `pm_sandbox_late`: success after ten minutes
//! - `pm_sandbox_declined`: failure at once
//! - `pm_sandbox_chargeback`: success at once, and the client's bank takes it back a day later
//! - `pm_sandbox_chargeback_won`: the same, and a week later the bank gives it back
//! - `pm_sandbox_silent`: nothing, ever
//! - any other: failure at once, as a card it does not know

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::PaymentId;
use domain::money::Money;
use domain::payment::PaymentMethod;
use domain::reconciliation::{BalanceTransaction, Class};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Statement, TransactionTrait};
use serde::{Deserialize, Serialize};

use crate::market::Market;
use crate::reconciliation::sandbox_balance;
use crate::{Failure, Fault};

/// Who takes the clients' payments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Payments {
    /// The processor for trying things out.
    #[default]
    Sandbox,
}

/// What a processor is asked for.
#[derive(Debug, Clone)]
pub struct IntentRequest {
    /// Our payment, and the idempotency key.
    pub payment: PaymentId,
    /// What to charge.
    pub total: Money,
    /// Whom.
    pub method: PaymentMethod,
}

/// A payment, as the processor knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub id: String,
    /// Lets the client's page go on with the processor.
    pub client_secret: String,
}

/// What a processor tells us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorEvent {
    /// Which processor, as its events are kept.
    pub source: String,
    /// Its own id: the same for each time it is told.
    pub id: String,
    /// Our payment.
    pub payment: PaymentId,
    /// What it says.
    pub fact: ProcessorFact,
}

/// What happened at a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProcessorFact {
    /// The money came.
    Succeeded {
        /// The processor's name for the payment.
        intent: String,
        /// How much.
        received: Money,
    },
    /// The money does not come.
    Failed {
        /// Why, by the processor's code.
        code: String,
    },
    /// The client's bank takes money back.
    ChargedBack {
        /// The processor's name for the chargeback.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The client's bank gives back what it took.
    ChargebackWon {
        /// The processor's name for the chargeback.
        reference: String,
    },
}

impl ProcessorFact {
    /// The name it is kept by.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::ChargedBack { .. } => "charged_back",
            Self::ChargebackWon { .. } => "chargeback_won",
        }
    }
}

impl Payments {
    /// Ask for an intent. Asking again with the same payment gets the same intent.
    pub async fn ask(self, market: &Market, request: &IntentRequest) -> Result<Intent, Fault> {
        match self {
            Self::Sandbox => sandbox_ask(market.db(), market.clock().now(), request).await,
        }
    }

    /// The name its events and reports are kept under.
    pub fn source(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
        }
    }

    /// What moved on our balance there, from one instant until before another, oldest first.
    pub async fn balance_transactions(
        self,
        market: &Market,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<BalanceTransaction>, Fault> {
        match self {
            Self::Sandbox => sandbox_balance(market, from, until).await,
        }
    }
}

#[derive(FromQueryResult)]
struct Kept {
    id: String,
    client_secret: String,
}

async fn sandbox_ask(db: &DatabaseConnection, now: Timestamp, request: &IntentRequest) -> Result<Intent, Fault> {
    let tx = db.begin().await?;
    let key = request.payment.to_string();
    let name = key.rsplit('_').next().unwrap_or(&key);
    let fresh = tx
        .execute_raw(sql(
            "insert into sandbox_intents (id, idempotency_key, payment, method, total_minor, currency, client_secret, created_at)
             values ($1, $2, $2, $3, $4, $5, $6, $7) on conflict (idempotency_key) do nothing",
            [
                format!("pi_sandbox_{name}").into(),
                key.clone().into(),
                request.method.as_str().into(),
                request.total.minor().into(),
                request.total.currency().code().into(),
                format!("pi_sandbox_{name}_secret_{}", secret()).into(),
                now.into(),
            ],
        ))
        .await?
        .rows_affected();
    let kept = Kept::find_by_statement(sql(
        "select id, client_secret from sandbox_intents where idempotency_key = $1",
        [key.clone().into()],
    ))
    .one(&tx)
    .await?
    .ok_or_else(|| Fault::bad_row("sandbox_intents", "an intent that was just kept is gone"))?;
    if fresh == 1 {
        for (number, (fact, deliver_at)) in sandbox_story(&kept.id, request, now).into_iter().enumerate() {
            let event = ProcessorEvent {
                source: "sandbox".to_owned(),
                id: format!("evt_sandbox_{name}_{number}"),
                payment: request.payment,
                fact,
            };
            tx.execute_raw(sql(
                "insert into sandbox_events (id, body, deliver_at) values ($1, $2, $3)",
                [event.id.clone().into(), serde_json::to_value(&event)?.into(), deliver_at.into()],
            ))
            .await?;
            if let Some((class, flow, amount)) = moves(&event.fact, request.total) {
                tx.execute_raw(sql(
                    "insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
                     values ($1, $2, $3, $4, $5, $6, $7)",
                    [
                        format!("txn_{}", event.id).into(),
                        key.clone().into(),
                        class.as_str().into(),
                        flow.into(),
                        amount.currency().code().into(),
                        amount.minor().into(),
                        deliver_at.into(),
                    ],
                ))
                .await?;
            }
        }
    }
    tx.commit().await?;
    Ok(Intent { id: kept.id, client_secret: kept.client_secret })
}

/// What moves on the sandbox's balance with what it tells.
fn moves(fact: &ProcessorFact, total: Money) -> Option<(Class, &'static str, Money)> {
    match fact {
        ProcessorFact::Succeeded { received, .. } => Some((Class::Payment, "in", *received)),
        ProcessorFact::ChargedBack { amount, .. } => Some((Class::Dispute, "out", *amount)),
        ProcessorFact::ChargebackWon { .. } => Some((Class::Dispute, "in", total)),
        ProcessorFact::Failed { .. } => None,
    }
}

/// What the sandbox will tell of a payment, and when.
fn sandbox_story(intent: &str, request: &IntentRequest, now: Timestamp) -> Vec<(ProcessorFact, Timestamp)> {
    let succeeded = || ProcessorFact::Succeeded { intent: intent.to_owned(), received: request.total };
    let failed = |code: &str| ProcessorFact::Failed { code: code.to_owned() };
    match request.method.as_str() {
        "pm_sandbox_visa" => vec![(succeeded(), now)],
        "pm_sandbox_late" => vec![(succeeded(), now + TimeDelta::minutes(10))],
        "pm_sandbox_declined" => vec![(failed("card_declined"), now)],
        method @ ("pm_sandbox_chargeback" | "pm_sandbox_chargeback_won") => {
            let reference = format!("{intent}_chargeback");
            let won = ProcessorFact::ChargebackWon { reference: reference.clone() };
            let chargeback = ProcessorFact::ChargedBack { reference, amount: request.total };
            let mut story = vec![(succeeded(), now), (chargeback, now + TimeDelta::days(1))];
            story.extend((method == "pm_sandbox_chargeback_won").then(|| (won, now + TimeDelta::days(8))));
            story
        }
        "pm_sandbox_silent" => Vec::new(),
        _ => vec![(failed("unknown_payment_method"), now)],
    }
}

#[derive(FromQueryResult)]
struct Told {
    id: String,
    body: serde_json::Value,
}

impl Market {
    /// Hear what the sandbox processor has to tell by now; the number of events heard. It tells an
    /// event again, a minute later, until it was taken in, as a real one does.
    pub(crate) async fn sandbox_listen(&self, limit: i64) -> Result<usize, Failure> {
        let now = self.clock().now();
        let rows = Told::find_by_statement(sql(
            "select id, body from sandbox_events where told_at is null and deliver_at <= $1 order by deliver_at, id limit $2",
            [now.into(), limit.into()],
        ))
        .all(self.db())
        .await?;
        let count = rows.len();
        for Told { id, body } in rows {
            let heard = match serde_json::from_value(body) {
                Ok(event) => self.processor_event(&event).await,
                Err(error) => Err(error.into()),
            };
            let said = match heard {
                Ok(()) => sql("update sandbox_events set told_at = $2 where id = $1", [id.into(), now.into()]),
                // One that can't be taken in is no reason not to hear the others.
                Err(failure) => {
                    tracing::error!(event = id, error = %failure, "a processor's event could not be taken in");
                    let again = now + TimeDelta::minutes(1);
                    sql("update sandbox_events set deliver_at = $2 where id = $1", [id.into(), again.into()])
                }
            };
            self.db().execute_raw(said).await?;
        }
        Ok(count)
    }
}

fn secret() -> String {
    use base64::Engine;
    use rand::Rng;
    let mut bytes = [0_u8; 18];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn sql<const N: usize>(text: &str, values: [sea_orm::Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}
