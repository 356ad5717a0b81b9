//! The demo: people to look around among, and `rabta demo`, the whole journey played over the API.

use anyhow::Context;
use api::backend::{key_pages, surface};
use api::demo::{Door, play};
use api::http::{Closing, ServerSettings, Settings, serve};
use indicatif::{ProgressBar, ProgressStyle};
use infra::Market;
use infra::embedded::{Embedded, Purpose};
use tokio::net::TcpListener;

use super::ground::Ground;
use super::work::Hand;
use super::{Trouble, say};
use crate::config::Cli;

/// Load the demo marketplace into a database without people, with a progress bar.
pub async fn load(market: &Market) -> Result<(), Trouble> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  demo data {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    let loaded = market.demo_load(|done, steps| {
        bar.set_length(steps as u64);
        bar.set_position(done as u64);
    });
    let loaded = loaded.await;
    bar.finish_and_clear();
    if loaded.context("loading the demo data")? {
        tracing::info!("demo data was loaded");
    }
    Ok(())
}

/// Play the journey against a running sandbox, or against one of our own on a database that is
/// thrown away.
pub async fn run(cli: &Cli, url: Option<&str>) -> Result<(), Trouble> {
    match url {
        Some(url) => tell(&Door::far(url)).await,
        None => on_a_throwaway(cli).await,
    }
}

async fn on_a_throwaway(cli: &Cli) -> Result<(), Trouble> {
    let folder = std::env::temp_dir().join(format!("rabta-demo-{}", std::process::id()));
    let server = Embedded::start(&folder, Purpose::Test, cli.common.pg_bin.as_deref()).await?;
    server.ensure_database("demo").await?;
    let ground = Ground::within(&server, "demo");
    let market = ground.market(cli).await?;
    let hand = Hand::start(market.clone(), true, None);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (switch, closing) = Closing::pair();
    let (routes, _) = surface(&market, Settings::default(), closing.clone());
    let routes = routes.merge(key_pages(&market, &Settings::default()));
    let serving = tokio::spawn(serve(listener, routes, ServerSettings::default(), closing));

    let outcome = tell(&Door::far(&format!("http://{address}"))).await;

    switch.close();
    serving.await.map_err(anyhow::Error::from)??;
    hand.stop().await?;
    ground.leave(Some(market)).await?;
    server.stop().await?;
    outcome
}

async fn tell(door: &Door) -> Result<(), Trouble> {
    let mut number = 0;
    let mut tell = |step: &str| {
        number += 1;
        // Nobody reading along is no reason to stop.
        let _ = say(&format!("{number:>3}. {step}\n"));
    };
    play(door, &mut tell).await.map_err(|stumble| anyhow::anyhow!("the journey stumbled: {stumble}"))?;
    say("\n  The journey is complete, and every check along the way held.\n")
}
