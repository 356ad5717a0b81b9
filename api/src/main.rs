//! The one binary of Rabta.

#![recursion_limit = "256"]

mod command;
mod config;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::main(config::Cli::parse())
}
