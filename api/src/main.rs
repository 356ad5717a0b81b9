//! The one binary of Rabta.

// The rooms' queries and mutations are merged into one another, and the compiler counts each of them.
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
