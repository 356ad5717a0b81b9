//! A processor of our own that behaves like a real one: it keeps its own books, and tells of success and
//! failure afterwards. The token of the card decides which:
//!
//! - `pm_sandbox_visa`: success at once
//! - `pm_sandbox_late`: success after ten minutes
//! - `pm_sandbox_debit`: success after four days, as with a bank account
//! - `pm_sandbox_3ds`: the bank wants to see the client first; success once they are said to have been seen, and
//!   failure at once where a week is charged without the client there
//! - `pm_sandbox_declined`: failure at once
//! - `pm_sandbox_chargeback`: success at once, and the client's bank takes it back a day later
//! - `pm_sandbox_chargeback_won`: the same, and a week later the bank gives it back
//! - `pm_sandbox_refund_fails`: success at once, and what is to go back to it does not get there
//! - `pm_sandbox_silent`: nothing, ever
//! - any other: failure at once, as a card it does not know

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Verb};
use domain::id::{OrganizationId, PaymentId};
use domain::money::Money;
use domain::payment::{PROCESSOR_SILENT, Payment, State};
use domain::reconciliation::Class;
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, TransactionTrait};
use secrecy::SecretString;

use super::{Asked, Intent, IntentRequest, ProcessorEvent, ProcessorFact, RefundRequest, Refunded, SetUp};
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// The card that nothing goes back to.
const NO_WAY_BACK: &str = "pm_sandbox_refund_fails";
/// The bank account.
const BANK_ACCOUNT: &str = "pm_sandbox_debit";
/// The card whose bank wants to see the client.
const SEEN_FIRST: &str = "pm_sandbox_3ds";

#[derive(FromQueryResult)]
struct Kept {
    id: String,
    client_secret: String,
}

/// Ask for an intent. Asking again with the same payment gets the same intent.
pub(super) async fn ask(db: &DatabaseConnection, now: Timestamp, request: &IntentRequest) -> Result<Asked, Fault> {
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
        for (number, (fact, deliver_at)) in story(&kept.id, request, now).into_iter().enumerate() {
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
            if let Some(moved) = Moved::by(&event, request.total, deliver_at) {
                moved.note(&tx).await?;
            }
        }
    }
    tx.commit().await?;
    let intent = Intent { id: kept.id, client_secret: Some(SecretString::from(kept.client_secret)) };
    let is_seen = request.method.as_str() == SEEN_FIRST && !request.off_session;
    Ok(if is_seen { Asked::SeeTheBank(intent) } else { Asked::TakenUp(intent) })
}

/// Begin to set up a card. There is no page to go on with it here: the sandbox's cards need no setting up.
pub(super) fn set_up() -> SecretString {
    SecretString::from(format!("seti_sandbox_{}_secret_{}", secret(), secret()))
}

/// Send money back to a card. Asking again sends it once.
pub(super) async fn refund(
    db: &DatabaseConnection,
    now: Timestamp,
    request: &RefundRequest,
) -> Result<Refunded, Fault> {
    if request.method.as_ref().is_some_and(|method| method.as_str() == NO_WAY_BACK) {
        return Ok(Refunded::Failed("expired_or_canceled_card".to_owned()));
    }
    let name = format!("re_sandbox_{}", request.refund);
    let id = format!("txn_{name}");
    if request.too_late && !is_on_balance(db, &id).await? {
        return Ok(Refunded::Failed(PROCESSOR_SILENT.to_owned()));
    }
    let moved = Moved {
        id,
        about: request.refund.to_string(),
        class: Class::Refund,
        flow: "out",
        amount: request.amount,
        at: now,
    };
    moved.note(db).await?;
    Ok(Refunded::Succeeded(name))
}

async fn is_on_balance(db: &DatabaseConnection, id: &str) -> Result<bool, DbErr> {
    Ok(db.query_one_raw(sql("select from sandbox_balance where id = $1", [id.into()])).await?.is_some())
}

/// A line of the sandbox's own account of our balance.
struct Moved {
    id: String,
    about: String,
    class: Class,
    flow: &'static str,
    amount: Money,
    at: Timestamp,
}

impl Moved {
    /// What moves with what it tells of a payment of `total`.
    fn by(event: &ProcessorEvent, total: Money, at: Timestamp) -> Option<Self> {
        let (class, flow, amount) = match &event.fact {
            ProcessorFact::Succeeded { received, .. } => (Class::Payment, "in", *received),
            ProcessorFact::ChargedBack { amount, .. } => (Class::Dispute, "out", *amount),
            ProcessorFact::ChargebackWon { .. } => (Class::Dispute, "in", total),
            ProcessorFact::Failed { .. }
            | ProcessorFact::GivenBack { .. }
            | ProcessorFact::Cost { .. }
            | ProcessorFact::CostBack { .. } => return None,
        };
        Some(Self { id: format!("txn_{}", event.id), about: event.payment.to_string(), class, flow, amount, at })
    }

    /// It is written down, once.
    async fn note(self, db: &impl ConnectionTrait) -> Result<(), Fault> {
        db.execute_raw(sql(
            "insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
            [
                self.id.into(),
                self.about.into(),
                self.class.as_str().into(),
                self.flow.into(),
                self.amount.currency().code().into(),
                self.amount.minor().into(),
                self.at.into(),
            ],
        ))
        .await?;
        Ok(())
    }
}

/// Is there something left to tell of a payment?
pub(super) async fn will_tell(db: &impl ConnectionTrait, payment: PaymentId) -> Result<bool, Failure> {
    let select =
        "select exists (select from sandbox_events where told_at is null and body ->> 'payment' = $1) as is_there";
    let found = Left::find_by_statement(sql(select, [payment.to_string().into()])).one(db).await?;
    Ok(found.is_some_and(|left| left.is_there))
}

/// What the sandbox will tell of a payment, and when.
fn story(intent: &str, request: &IntentRequest, now: Timestamp) -> Vec<(ProcessorFact, Timestamp)> {
    let succeeded = || ProcessorFact::Succeeded { intent: intent.to_owned(), received: request.total };
    let failed = |code: &str| ProcessorFact::Failed { code: code.to_owned() };
    match request.method.as_str() {
        "pm_sandbox_visa" | NO_WAY_BACK => vec![(succeeded(), now)],
        "pm_sandbox_late" => vec![(succeeded(), now + TimeDelta::minutes(10))],
        BANK_ACCOUNT => vec![(succeeded(), now + TimeDelta::days(4))],
        "pm_sandbox_declined" => vec![(failed("card_declined"), now)],
        method @ ("pm_sandbox_chargeback" | "pm_sandbox_chargeback_won") => {
            let reference = format!("{intent}_chargeback");
            let won = ProcessorFact::ChargebackWon { reference: reference.clone() };
            let chargeback = ProcessorFact::ChargedBack { reference, amount: request.total };
            let mut story = vec![(succeeded(), now), (chargeback, now + TimeDelta::days(1))];
            story.extend((method == "pm_sandbox_chargeback_won").then(|| (won, now + TimeDelta::days(8))));
            story
        }
        SEEN_FIRST if request.off_session => vec![(failed("authentication_required"), now)],
        // Told once the client was seen, see `sandbox_bank_seen`.
        SEEN_FIRST | "pm_sandbox_silent" => Vec::new(),
        _ => vec![(failed("unknown_payment_method"), now)],
    }
}

#[derive(FromQueryResult)]
struct Left {
    is_there: bool,
}

#[derive(FromQueryResult)]
struct Told {
    id: String,
    body: serde_json::Value,
}

impl Market {
    /// The bank has seen the client, or would not have them: what a client's page does with a real
    /// processor, in a sandbox.
    pub async fn sandbox_bank_answer(&self, call: &Call, id: PaymentId, passes: bool) -> Result<Payment, Failure> {
        run!(self, call, tx => {
            let payment = tx.payment_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::MilestoneFund, &payment.subject())?;
            if self.payments().stripe().is_some() {
                return Err(Refusal::rule("NOT_A_SANDBOX", "banks answer by themselves outside of a sandbox").into());
            }
            let State::RequiresAction { intent } = &payment.state else {
                return Err(Refusal::wrong_state("payment", payment.state.as_str(), Vec::new()).into());
            };
            let fact = match passes {
                true => ProcessorFact::Succeeded { intent: intent.clone(), received: payment.quote.client_pays },
                false => ProcessorFact::Failed { code: "payment_intent_authentication_failure".to_owned() },
            };
            let event = ProcessorEvent {
                source: "sandbox".to_owned(),
                id: format!("evt_{intent}_seen").replace("evt_pi_", "evt_"),
                payment: id,
                fact,
            };
            let tell = "insert into sandbox_events (id, body, deliver_at) values ($1, $2, $3) on conflict (id) do nothing";
            let values = [event.id.clone().into(), serde_json::to_value(&event)?.into(), tx.now().into()];
            let fresh = tx.conn().execute_raw(sql(tell, values)).await?.rows_affected() == 1;
            if let Some(moved) = Moved::by(&event, payment.quote.client_pays, tx.now()).filter(|_| fresh) {
                moved.note(tx.conn()).await?;
            }
            Ok(payment)
        })
    }

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
                Ok(event) => self.sandbox_hears(&event).await,
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

    /// Take an event in. What has paid is kept to be charged again, as a real processor does.
    async fn sandbox_hears(&self, event: &ProcessorEvent) -> Result<(), Failure> {
        self.processor_event(event).await?;
        if !matches!(event.fact, ProcessorFact::Succeeded { .. }) {
            return Ok(());
        }
        let payment = self.payment_load(event.payment).await?;
        match payment.and_then(|payment| Some((payment.client, payment.method?))) {
            Some((client, method)) => self.payment_method_keep(client, &kept(client, method.as_str())).await,
            None => Ok(()),
        }
    }
}

/// A card or a bank account of the sandbox's, as it is shown.
fn kept(client: OrganizationId, method: &str) -> SetUp {
    let (kind, label, last4, expires) = match method {
        BANK_ACCOUNT => ("us_bank_account", "Sandbox Bank", "6789", None),
        _ => ("card", "visa", "4242", Some((12, 2099))),
    };
    let (customer, method, kind) = (client.to_string(), method.to_owned(), kind.to_owned());
    SetUp { customer, method, kind, label: Some(label.to_owned()), last4: Some(last4.to_owned()), expires }
}

fn secret() -> String {
    use base64::Engine;
    use rand::Rng;
    let mut bytes = [0_u8; 18];
    rand::rng().fill_bytes(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
