//! `rabta serve`: the API, and background work beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use api::backend::{House, key_pages};
use api::http::{Closing, ServerSettings, Surface, router, serve};
use api::operations::{self, Operations, Worker};
use axum::Router;
use infra::Market;
use tokio::net::TcpListener;

use super::demo;
use super::ground::Ground;
use super::stop::Stop;
use super::work::Hand;
use super::{Trouble, say};
use crate::config::Cli;

/// Serve until asked to stop; then finish what was begun, and end cleanly.
pub async fn run(cli: Cli) -> Result<(), Trouble> {
    let began = Instant::now();
    let mut stop = Stop::listen()?;
    // First of all, because a taken port is known at once, and because whoever comes early may wait.
    let listener = listen("--listen", cli.serve.listen).await?;
    let address = listener.local_addr()?;
    let metrics_listener = match cli.serve.metrics_listen {
        Some(address) => Some(listen("--metrics-listen", address).await?),
        None => None,
    };
    let ground = tokio::select! {
        ground = Ground::find(&cli.common) => ground?,
        () = stop.wished() => return Ok(()),
    };
    let market = ground.market(&cli.common).await?;
    if ground.private().is_some() && !cli.common.no_demo_data {
        demo::load(&market).await?;
    }
    let watching = ground.private().map(|server| tokio::spawn(server.watch().run()));
    let hand = Hand::start(market.clone(), !cli.serve.no_worker);

    let worker = if cli.serve.no_worker { Worker::Elsewhere } else { Worker::Here(hand.working()) };
    let operations = Operations::new(market.clone(), worker);
    let recorder = operations::count().map_err(anyhow::Error::from)?;
    let metrics = operations.metrics(recorder);
    let (switch, closing) = Closing::pair();
    let mut routes = surface(&cli, &market, closing.clone()).merge(key_pages(&market)).merge(operations.probes());
    match metrics_listener {
        Some(listener) => {
            tokio::spawn(serve(listener, metrics, ServerSettings::default(), closing.clone()));
        }
        // In production nobody but the operator's own collector should see them.
        None if cli.common.production => {}
        None => routes = routes.merge(metrics),
    }

    let serving = tokio::spawn(serve(listener, routes, cli.serve.server_settings(), closing));
    tracing::info!(%address, ready_ms = began.elapsed().as_millis(), "ready");
    say(&banner(address, &ground))?;

    stop.wished().await;
    stop.insist();
    tracing::info!("stopping: finishing what was begun");
    operations.stopping();
    switch.close();
    serving.await.map_err(anyhow::Error::from)??;
    hand.stop().await?;
    if let Some(watching) = watching {
        watching.abort();
    }
    ground.leave(Some(market)).await?;
    tracing::info!("stopped");
    Ok(())
}

fn surface(cli: &Cli, market: &Market, closing: Closing) -> Router {
    let schema = api::schema::build(market.clone());
    let house = Arc::new(House::new(market.clone()));
    router(Surface::new(schema, house, cli.serve.settings(cli.common.production)).until(closing))
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).await.map_err(|error| Trouble::listening(setting, address, &error))
}

fn banner(address: SocketAddr, ground: &Ground) -> String {
    let place = match ground.private() {
        Some(server) => format!("a private PostgreSQL {} in {}", server.major(), server.folder().display()),
        None => "the database of DATABASE_URL".to_owned(),
    };
    let logins = match ground.private() {
        Some(_) => format!(
            "    Sign in   {} or {}, password {}\n    Staff     {} or {}, the same password\n",
            infra::demo::CLIENT,
            infra::demo::FREELANCER,
            infra::demo::PASSWORD,
            infra::demo::MEDIATOR,
            infra::demo::ADMIN
        ),
        None => String::new(),
    };
    format!(
        "\n  Rabta is ready at http://{address}\n\n    \
         Explorer  http://{address}/\n    \
         API       http://{address}/graphql\n    \
         Health    http://{address}/readyz\n    \
         Data      {place}\n{logins}\n  \
         Next: open the explorer and play its examples, or watch two people play the whole journey here with\n  \
         `rabta demo --url http://{address}`. Ctrl-C stops.\n\n"
    )
}
