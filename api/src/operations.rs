//! For those who run Rabta: is it alive, is it ready, how is it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use infra::vitals::PayoutsOpen;
use infra::worker::Health;
use infra::{Call, Market, migrate};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tokio::sync::Mutex;

use crate::http::{Settings, around, counted};

/// How long a look at the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to count what waits may take: the more there is, the more it matters.
const COUNTING: Duration = Duration::from_secs(5);
/// For how long it counts, however many ask.
const FRESH: Duration = Duration::from_secs(1);

/// What the probes look at.
#[derive(Debug, Clone)]
pub struct Operations {
    market: Market,
    worker: Worker,
    stopping: Arc<AtomicBool>,
    seen: Arc<Mutex<Option<(Instant, Look)>>>,
}

/// How much a probe tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Whether the server is ready.
    Ready,
    /// And why not.
    Everything,
}

/// What was seen of the database.
#[derive(Debug, Clone, Copy)]
struct Look {
    database: &'static str,
    migrations: &'static str,
}

/// The worker, as seen from the server.
#[derive(Debug, Clone)]
pub enum Worker {
    /// It runs in this process for as long as this says so.
    Here(Arc<AtomicBool>),
    /// It runs in processes of its own.
    Elsewhere,
}

impl Worker {
    /// How it is, in words: as long as it runs, what it shows.
    fn how(&self, health: Health) -> Cow<'static, str> {
        match (self, health) {
            (Self::Elsewhere, _) => "elsewhere".into(),
            (Self::Here(running), _) if !running.load(Ordering::Relaxed) => "ended".into(),
            (Self::Here(_), Health::Works) => "ok".into(),
            (Self::Here(_), Health::Rests { why }) => format!("rests: {why}").into(),
            (Self::Here(_), Health::Stuck) => "stuck".into(),
        }
    }
}

impl Operations {
    /// The probes of a server.
    pub fn new(market: Market, worker: Worker) -> Self {
        Self { market, worker, stopping: Arc::default(), seen: Arc::default() }
    }

    /// From now on the server is not ready: balancers should send requests elsewhere.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// `/healthz` and `/readyz`.
    pub fn probes(&self, detail: Detail, settings: &Settings) -> Router {
        let answer = async move |State(operations): State<Self>| operations.ready(detail).await;
        let router = Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(answer));
        around(counted(router.with_state(self.clone()), settings), settings)
    }

    /// `/metrics`, in the format of Prometheus.
    pub fn metrics(&self, recorder: PrometheusHandle) -> Router {
        Router::new().route("/metrics", get(metrics)).with_state((self.clone(), recorder))
    }

    async fn ready(&self, detail: Detail) -> Response {
        let Look { database, migrations } = self.look().await;
        let worker = self.worker.how(self.market.pulse().health());
        let stopping = self.stopping.load(Ordering::Relaxed);
        let broken = ["ended", "stuck"].contains(&&*worker);
        let ready = database == "ok" && migrations == "ok" && !broken && !stopping;
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = match detail {
            Detail::Ready => serde_json::json!({ "ready": ready }),
            Detail::Everything => serde_json::json!({
                "ready": ready, "database": database, "migrations": migrations, "worker": worker, "stopping": stopping,
                // Without it matching is slower, and answers all the same.
                "index": match self.market.index_vitals() {
                    None => "not yet",
                    Some(vitals) if vitals.is_asked() => "ok",
                    Some(_) => "behind",
                },
            }),
        };
        (status, Json(body)).into_response()
    }

    /// How the database is. It is looked at once a moment: those who ask meanwhile wait for that look, or take the last.
    async fn look(&self) -> Look {
        let mut seen = self.seen.lock().await;
        if let Some((at, look)) = *seen
            && at.elapsed() < FRESH
        {
            return look;
        }
        let schema = tokio::time::timeout(PATIENCE, migrate::check(self.market.db())).await;
        let (database, migrations) = match &schema {
            Ok(Ok(())) => (self.writes().await, "ok"),
            Ok(Err(migrate::SchemaError::Older { .. })) => ("ok", "older"),
            Ok(Err(migrate::SchemaError::Newer { .. })) => ("ok", "newer"),
            Ok(Err(_)) => ("failing", "unknown"),
            Err(_) => ("silent", "unknown"),
        };
        let look = Look { database, migrations };
        *seen = Some((Instant::now(), look));
        look
    }

    /// Is the database one that can be written to? A standby is not, nor one that was stopped from filling its disk.
    async fn writes(&self) -> &'static str {
        match tokio::time::timeout(PATIENCE, self.market.can_write()).await {
            Ok(Ok(true)) => "ok",
            Ok(Ok(false)) => "read only",
            Ok(Err(_)) => "failing",
            Err(_) => "silent",
        }
    }
}

/// Start counting; answers what renders the counts.
///
/// # Errors
/// If something else counts already.
pub fn count() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let recorder = PrometheusBuilder::new().set_buckets(&seconds)?.install_recorder()?;
    let upkeep = recorder.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(recorder)
}

async fn metrics(State((operations, recorder)): State<(Operations, PrometheusHandle)>) -> Response {
    match tokio::time::timeout(COUNTING, operations.market.vitals()).await {
        Ok(Ok(vitals)) => {
            let (connections, idle) = vitals.connections;
            metrics::gauge!("rabta_up").set(1);
            metrics::gauge!("rabta_events_waiting").set(count_of(vitals.events_waiting));
            metrics::gauge!("rabta_events_lag_seconds").set(count_of(vitals.events_lag_seconds));
            metrics::gauge!("rabta_events_parked").set(count_of(vitals.events_parked));
            metrics::gauge!("rabta_webhooks_parked").set(count_of(vitals.webhooks_parked));
            metrics::gauge!("rabta_webhook_deliveries_waiting").set(count_of(vitals.webhook_deliveries_waiting));
            metrics::gauge!("rabta_webhook_deliveries_lag_seconds")
                .set(count_of(vitals.webhook_deliveries_lag_seconds));
            metrics::gauge!("rabta_payments_unknown").set(count_of(vitals.payments_unknown));
            metrics::gauge!("rabta_timers_due").set(count_of(vitals.timers_due));
            metrics::gauge!("rabta_timers_lag_seconds").set(count_of(vitals.timers_lag_seconds));
            metrics::gauge!("rabta_timers_failing").set(count_of(vitals.timers_failing));
            if let Some(seconds) = vitals.reconciled_lag_seconds {
                metrics::gauge!("rabta_reconciled_lag_seconds").set(count_of(seconds));
            }
            metrics::gauge!("rabta_refunds_open").set(count_of(vitals.refunds_open));
            metrics::gauge!("rabta_refunds_open_seconds").set(count_of(vitals.refunds_open_seconds));
            metrics::gauge!("rabta_screening_hits_open").set(count_of(vitals.screening_hits_open));
            metrics::gauge!("rabta_payouts_for_staff").set(count_of(vitals.payouts_for_staff));
            metrics::gauge!("rabta_rails_closed").set(count_of(vitals.rails_closed));
            if let Some(differences) = vitals.differences {
                metrics::gauge!("rabta_reconciliation_differences").set(differences);
            }
            if let Some(uncovered) = vitals.uncovered_minor {
                metrics::gauge!("rabta_uncovered_minor").set(count_of(uncovered));
            }
            metrics::gauge!("rabta_database_connections").set(connections);
            metrics::gauge!("rabta_database_connections_idle").set(u32::try_from(idle).unwrap_or(u32::MAX));
        }
        // To count may take longer than to answer.
        Ok(Err(_)) | Err(_) => {
            let answers = !["failing", "silent"].contains(&operations.writes().await);
            metrics::gauge!("rabta_up").set(u32::from(answers));
        }
    }
    if let Ok(Ok(open)) = tokio::time::timeout(PATIENCE, operations.market.payouts_open()).await {
        for PayoutsOpen { status, payouts, oldest_seconds } in open {
            metrics::gauge!("rabta_payouts_open", "status" => status).set(count_of(payouts));
            metrics::gauge!("rabta_payouts_open_seconds", "status" => status).set(count_of(oldest_seconds));
        }
    }
    if let Worker::Here(_) = &operations.worker {
        let works = operations.worker.how(operations.market.pulse().health()) == "ok";
        metrics::gauge!("rabta_worker_up").set(u32::from(works));
    }
    index_gauges(&operations.market);
    let call = Call::system("metrics");
    let own = operations.market.platform_balances(&call);
    if let Ok(Ok(balances)) = tokio::time::timeout(PATIENCE, own).await {
        for found in balances {
            let (account, currency) = (found.account.to_string(), found.balance.currency().code());
            // Prometheus knows no other numbers than floats; nothing is counted from these.
            let minor = found.balance.minor() as f64;
            metrics::gauge!("rabta_platform_balance_minor", "account" => account, "currency" => currency)
                .set(if found.negative { -minor } else { minor });
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render()).into_response()
}

/// How the index of matching is: with none, answers come from the database.
fn index_gauges(market: &Market) {
    let vitals = market.index_vitals();
    metrics::gauge!("rabta_matching_index_up").set(u32::from(vitals.is_some()));
    if let Some(vitals) = vitals {
        let many = |count: usize| count_of(i64::try_from(count).unwrap_or(i64::MAX));
        metrics::gauge!("rabta_matching_lag_seconds").set(vitals.lag.num_milliseconds().max(0) as f64 / 1_000.0);
        metrics::gauge!("rabta_matching_people").set(many(vitals.people));
        metrics::gauge!("rabta_matching_gigs").set(many(vitals.gigs));
        metrics::gauge!("rabta_matching_bytes").set(vitals.bytes as f64);
    }
}

fn count_of(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
