//! What the binary does, command by command.

mod equipment;
mod ground;
mod migrate;
mod serve;
mod stop;
mod trouble;
mod work;

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::config::{Cli, Command, Common, LogFormat};
use trouble::Trouble;

/// Do what was asked. Exit code 2 is for what the user can set right: settings, folders, ports,
/// the database; 1 is for our own failures.
pub fn main(cli: Cli) -> ExitCode {
    let command = cli.command.unwrap_or(Command::Serve);
    let outcome = start_logging(&cli.common).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(command, cli))
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

/// Logs go to the standard error, so that output can be piped.
fn start_logging(common: &Common) -> Result<(), Trouble> {
    let filter = EnvFilter::try_new(&common.log).map_err(|error| {
        Trouble::fixable(format!("--log {:?} is not understood: {error}", common.log), "try info, or info,infra=debug")
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match common.log_format() {
        LogFormat::Text => logs.with_target(false).with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    Ok(())
}
