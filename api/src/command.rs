//! What the binary does, command by command.

mod audit;
mod demo;
mod equipment;
mod events;
mod ground;
mod migrate;
pub mod model;
mod rails;
pub mod rank;
mod reconcile;
mod serve;
pub mod simulate;
mod staff;
mod stop;
mod telemetry;
mod trouble;
mod vault;
mod webhooks;
mod work;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use crate::config::{Cli, Command};
use telemetry::Telemetry;
use trouble::Trouble;

/// Do what was asked. Exit code 2 is for what the user can set right: settings, folders, ports,
/// the database; 1 is for our own failures.
pub fn main(mut cli: Cli) -> ExitCode {
    let command = cli.command.take().unwrap_or(Command::Serve);
    let outcome = Telemetry::start(&cli.common).and_then(|telemetry| {
        // Room for the deepest request with much to spare: what is not touched costs nothing.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build()?;
        let outcome = runtime.block_on(run(command, cli));
        telemetry.flush();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            let _ = writeln!(stderr(), "{trouble}");
            trouble.exit_code()
        }
    }
}

async fn run(command: Command, cli: Cli) -> Result<(), Trouble> {
    match command {
        Command::Serve => serve::run(cli).await,
        Command::Work => work::run(cli).await,
        Command::Migrate { what } => migrate::run(cli, what).await,
        Command::Staff { what } => staff::run(cli, what).await,
        Command::Audit { what } => audit::run(cli, what).await,
        Command::Reconcile(what) => reconcile::run(cli, what).await,
        Command::Vault { what } => vault::run(cli, what).await,
        Command::Model { what } => model::run(cli, what).await,
        Command::Webhooks { what } => webhooks::run(cli, what).await,
        Command::Events { what } => events::run(cli, what).await,
        Command::Rails { what } => rails::run(cli, what).await,
        Command::Rank(files) => rank::run(&files),
        Command::Simulate(markets) => simulate::run(&markets),
        Command::Demo { url } => demo::run(&cli, url.as_deref()).await,
        Command::Schema => say(&api::schema::sdl()),
    }
}

/// Print for whoever reads our output; nobody reading it is no fault.
fn say(text: &str) -> Result<(), Trouble> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
