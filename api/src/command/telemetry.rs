//! Logs, and with the feature `otel` traces to a collector.

use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::Trouble;
use crate::config::{Common, LogFormat};

/// What runs until the program ends.
#[derive(Debug)]
pub struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Telemetry {
    /// Logs go to the standard error, so that output can be piped.
    pub fn start(common: &Common) -> Result<Self, Trouble> {
        let filter = EnvFilter::try_new(&common.log).map_err(|error| {
            let what = format!("--log {:?} is not understood: {error}", common.log);
            Trouble::fixable(what, "try info, or info,infra=debug")
        })?;
        // Whoever speaks WebSocket for us would log each message whole, and the first of a socket holds a token.
        let unheard =
            filter_fn(|metadata| !metadata.target().starts_with("tungstenite") || *metadata.level() <= Level::INFO);
        let logs = fmt::layer().with_writer(stderr);
        let logs = match common.log_format() {
            LogFormat::Text => logs.with_target(false).with_ansi(stderr().is_terminal()).boxed(),
            LogFormat::Json => logs.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        };
        Self::install(common, logs.with_filter(filter.and(unheard)).boxed())
    }

    #[cfg(not(feature = "otel"))]
    fn install(_common: &Common, logs: Box<dyn Layer<Registry> + Send + Sync>) -> Result<Self, Trouble> {
        tracing_subscriber::registry().with(logs).init();
        Ok(Self {})
    }

    #[cfg(feature = "otel")]
    fn install(common: &Common, logs: Box<dyn Layer<Registry> + Send + Sync>) -> Result<Self, Trouble> {
        use opentelemetry::trace::TracerProvider;
        use opentelemetry_otlp::{SpanExporter, WithExportConfig};
        use opentelemetry_sdk::Resource;
        use opentelemetry_sdk::trace::SdkTracerProvider;

        let Some(endpoint) = &common.otel_endpoint else {
            tracing_subscriber::registry().with(logs).init();
            return Ok(Self { traces: None });
        };
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build().map_err(|error| {
            let what = format!("--otel-endpoint {endpoint:?} can't be used: {error}");
            Trouble::fixable(what, "write it like http://127.0.0.1:4318/v1/traces")
        })?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name("rabta").build())
            .build();
        // Spans of ours and of the surface, and nothing of the exporter's own client.
        let spans = EnvFilter::new("off,api=info,infra=info,rabta=info,async_graphql=info");
        let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("rabta")).with_filter(spans);
        let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![logs, traces.boxed()];
        tracing_subscriber::registry().with(layers).init();
        Ok(Self { traces: Some(provider) })
    }

    /// Send what has not been sent.
    pub fn flush(self) {
        #[cfg(feature = "otel")]
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}
