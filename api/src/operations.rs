//! For those who run Rabta: is it alive, is it ready, how is it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use infra::{Call, Market, migrate};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// How long a look at the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the probes look at.
#[derive(Debug, Clone)]
pub struct Operations {
    market: Market,
    worker: Worker,
    stopping: Arc<AtomicBool>,
}

/// The worker, as seen from the server.
#[derive(Debug, Clone)]
pub enum Worker {
    /// It runs in this process for as long as this says so.
    Here(Arc<AtomicBool>),
    /// It runs in processes of its own.
    Elsewhere,
}

impl Operations {
    /// The probes of a server.
    pub fn new(market: Market, worker: Worker) -> Self {
        Self { market, worker, stopping: Arc::default() }
    }

    /// From now on the server is not ready: balancers should send requests elsewhere.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// `/healthz` and `/readyz`.
    pub fn probes(&self) -> Router {
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(self.clone())
    }

    /// `/metrics`, in the format of Prometheus.
    pub fn metrics(&self, recorder: PrometheusHandle) -> Router {
        Router::new().route("/metrics", get(metrics)).with_state((self.clone(), recorder))
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

async fn ready(State(operations): State<Operations>) -> Response {
    let within = |look| tokio::time::timeout(PATIENCE, look);
    let schema = within(migrate::check(operations.market.db())).await;
    let database = match &schema {
        Ok(Ok(())) => "ok",
        Ok(Err(migrate::SchemaError::Older { .. } | migrate::SchemaError::Newer { .. })) => "ok",
        Ok(Err(_)) => "failing",
        Err(_) => "silent",
    };
    let migrations = match &schema {
        Ok(Ok(())) => "ok",
        Ok(Err(migrate::SchemaError::Older { .. })) => "older",
        Ok(Err(migrate::SchemaError::Newer { .. })) => "newer",
        Ok(Err(_)) | Err(_) => "unknown",
    };
    let worker = match &operations.worker {
        Worker::Here(running) if running.load(Ordering::Relaxed) => "ok",
        Worker::Here(_) => "ended",
        Worker::Elsewhere => "elsewhere",
    };
    let stopping = operations.stopping.load(Ordering::Relaxed);
    let ready = matches!(schema, Ok(Ok(()))) && worker != "ended" && !stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "ready": ready, "database": database, "migrations": migrations, "worker": worker, "stopping": stopping,
        // Without it matching is slower, and answers all the same.
        "index": match operations.market.index_vitals() {
            None => "not yet",
            Some(vitals) if vitals.is_asked() => "ok",
            Some(_) => "behind",
        },
    });
    (status, Json(body)).into_response()
}

async fn metrics(State((operations, recorder)): State<(Operations, PrometheusHandle)>) -> Response {
    match tokio::time::timeout(PATIENCE, operations.market.vitals()).await {
        Ok(Ok(vitals)) => {
            let (connections, idle) = vitals.connections;
            metrics::gauge!("rabta_up").set(1);
            metrics::gauge!("rabta_events_waiting").set(count_of(vitals.events_waiting));
            metrics::gauge!("rabta_events_lag_seconds").set(count_of(vitals.events_lag_seconds));
            metrics::gauge!("rabta_events_parked").set(count_of(vitals.events_parked));
            metrics::gauge!("rabta_webhooks_parked").set(count_of(vitals.webhooks_parked));
            metrics::gauge!("rabta_payments_unknown").set(count_of(vitals.payments_unknown));
            metrics::gauge!("rabta_timers_due").set(count_of(vitals.timers_due));
            metrics::gauge!("rabta_timers_lag_seconds").set(count_of(vitals.timers_lag_seconds));
            metrics::gauge!("rabta_timers_failing").set(count_of(vitals.timers_failing));
            metrics::gauge!("rabta_database_connections").set(connections);
            metrics::gauge!("rabta_database_connections_idle").set(u32::try_from(idle).unwrap_or(u32::MAX));
        }
        Ok(Err(_)) | Err(_) => metrics::gauge!("rabta_up").set(0),
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
