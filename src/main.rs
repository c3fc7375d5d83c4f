//! The binary: arguments, logging, then the window or a subcommand.

use attune::cli::{Args, Launch, run};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let launch = Launch::from(Args::parse());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,symphonia=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // A streaming step is a handful of tiny products: handing them to a pool of threads costs more than it gains.
    if !matches!(&launch, Launch::Terminal(attune::cli::Command::Train(_))) {
        gemm::set_threading_threshold(usize::MAX);
    }
    match run(launch) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("attune: {error:#}");
            ExitCode::FAILURE
        }
    }
}
