//! The binary: arguments, logging, then the window or a subcommand.

use attune::cli::{Args, Launch};
use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    keep_to_one_thread();
    let launch = Launch::from(Args::parse());
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,symphonia=off,symphonia_core=off,pulseaudio=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false) // that a line cannot be written cannot be written either
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match launch.run() {
        Ok(code) => code,
        Err(error) => {
            attune::note!("attune: {error}");
            error.exit_code()
        }
    }
}

/// Tensors are computed on the calling thread, unless the environment says otherwise. A streaming step is a handful
/// of tiny products: handing them to a pool of threads costs more than it gains (a step 2 to 30 times as long), and
/// candle's pool spins while it waits, which on two cores costs a training step more than half of its time.
#[allow(unsafe_code, reason = "candle reads its number of threads from the environment only")]
fn keep_to_one_thread() {
    for name in ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"] {
        if std::env::var_os(name).is_none() {
            // SAFETY: this is the first statement of the program; no other thread exists that could read the
            // environment meanwhile.
            unsafe { std::env::set_var(name, "1") };
        }
    }
}
