//! `rabta serve`: the API, and background work beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use api::backend::{self, key_pages};
use api::http::{Closing, ServerSettings, Untaken, serve};
use api::operations::{self, Detail, Operations, Worker};
use api::papers::paper_pages;
use api::webhook;
use axum::Router;
use infra::{Market, embedded};
use tokio::net::TcpListener;

use super::demo;
use super::equipment::{equipment, letters, sends_letters};
use super::ground::Ground;
use super::stop::Stop;
use super::work::{Hand, Index};
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
    let metrics_address = metrics_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let ground = tokio::select! {
        ground = Ground::find(&cli.common) => ground?,
        () = stop.wished() => return Ok(()),
    };
    ground.reach().await?;
    // All settings before the database is migrated, which has no way back.
    let equipment = equipment(&cli)?;
    if cli.common.production && cli.serve.trusted_proxies.is_none() {
        let how = "say --trusted-proxies (RABTA_TRUSTED_PROXIES): 0 if clients connect to this server themselves, 1 behind \
                   one balancer. Too few, and all clients share the limits of the balancer's address; too many, and a \
                   client can write itself any address";
        return Err(Trouble::fixable("in production the number of trusted proxies must be stated", how));
    }
    let market = ground.market_with(&cli, equipment).await?;
    if ground.private().is_some() && !cli.common.no_demo_data {
        demo::load(&market).await?;
    }
    let watching = ground.private().map(|server| tokio::spawn(server.watch().run()));
    let folder = cli.common.data_dir.clone().or_else(embedded::default_folder);
    let index = Index { file: folder.filter(|folder| folder.is_dir()).map(|folder| folder.join(embedded::INDEX)) };
    let hand = Hand::start(market.clone(), !cli.serve.no_worker, Some(index));

    let worker = if cli.serve.no_worker { Worker::Elsewhere } else { Worker::Here(hand.working()) };
    let operations = Operations::new(market.clone(), worker);
    let recorder = operations::count().map_err(anyhow::Error::from)?;
    let metrics = operations.metrics(recorder);
    let (switch, closing) = Closing::pair();
    let settings = cli.serve.settings(cli.common.production);
    // What is wrong is told in detail where only the operator listens, if there is such a place.
    let detail = if metrics_listener.is_some() { Detail::Ready } else { Detail::Everything };
    let (routes, untaken) = surface(&cli, &market, closing.clone());
    let mut routes = routes
        .merge(key_pages(&market, &settings))
        .merge(paper_pages(&market, &settings, untaken))
        .merge(webhook::routes(&market, &settings))
        .merge(operations.probes(detail, &settings));
    match metrics_listener {
        Some(listener) => {
            let routes = metrics.merge(operations.probes(Detail::Everything, &settings));
            tokio::spawn(serve(listener, routes, ServerSettings::default(), closing.clone()));
        }
        // In production nobody but the operator's own collector should see them.
        None if cli.common.production => {}
        None => routes = routes.merge(metrics),
    }

    let serving = tokio::spawn(serve(listener, routes, cli.serve.server_settings(), closing));
    tracing::info!(%address, ready_ms = began.elapsed().as_millis(), "ready");
    say(&banner(address, metrics_address, &cli, &ground))?;

    stop.wished().await;
    stop.insist();
    operations.stopping();
    hand.rest();
    // Balancers that look now and then go on sending until they have looked: whoever comes by then is answered.
    let draining = cli.serve.draining(cli.common.production);
    if !draining.is_zero() {
        tracing::info!(seconds = draining.as_secs(), "stopping: not ready any more, and taking what still comes");
        tokio::time::sleep(draining).await;
    }
    tracing::info!("stopping: finishing what was begun");
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

/// The routes of the API, and the room in which its answers wait to be taken.
fn surface(cli: &Cli, market: &Market, closing: Closing) -> (Router, Arc<Untaken>) {
    backend::surface(market, cli.serve.settings(cli.common.production), closing)
}

pub(super) async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).await.map_err(|error| Trouble::listening(setting, address, &error))
}

/// What whoever started it wants to know now, and can do next: as it is here, not as it might be.
fn banner(address: SocketAddr, metrics: Option<SocketAddr>, cli: &Cli, ground: &Ground) -> String {
    let production = cli.common.production;
    let explorer = cli.serve.introspection(production);
    let mut lines = vec![("API", format!("http://{address}/graphql")), ("Health", format!("http://{address}/readyz"))];
    if explorer {
        lines.insert(0, ("Explorer", format!("http://{address}/")));
    }
    match metrics {
        Some(metrics) => lines.push(("Metrics", format!("http://{metrics}/metrics"))),
        None if production => {}
        None => lines.push(("Metrics", format!("http://{address}/metrics"))),
    }
    if !sends_letters() {
        lines.push(("Letters", format!("files in {}", letters(&cli.common).display())));
    }
    match ground.private() {
        Some(server) => {
            let place = server.folder().display();
            lines.push(("Data", format!("a private PostgreSQL {} in {place}", server.major())));
        }
        None => lines.push(("Data", "the database of DATABASE_URL".to_owned())),
    }
    if ground.private().is_some() && !cli.common.no_demo_data {
        let (client, freelancer) = (infra::demo::CLIENT, infra::demo::FREELANCER);
        lines.push(("Sign in", format!("{client} or {freelancer}, password {}", infra::demo::PASSWORD)));
        let (mediator, admin) = (infra::demo::MEDIATOR, infra::demo::ADMIN);
        lines.push((
            "Staff",
            format!(
                "{mediator} or {admin}, the same password, and a code of an app set up with {}",
                infra::demo::APP_SECRET
            ),
        ));
    }
    let next = match (production, explorer) {
        (true, _) => {
            "Next: sign up, verify your address, and make yourself one of its people with `rabta staff grant EMAIL admin`."
                .to_owned()
        }
        (false, true) => format!(
            "Next: open the explorer and play its examples, or watch two people play the whole journey here with\n  \
             `rabta demo --url http://{address}`."
        ),
        (false, false) => {
            format!("Next: watch two people play the whole journey here with `rabta demo --url http://{address}`.")
        }
    };
    let lines: String = lines.iter().map(|(name, value)| format!("    {name:<10}{value}\n")).collect();
    format!("\n  Rabta is ready at http://{address}\n\n{lines}\n  {next} Ctrl-C stops.\n\n")
}
