//! Temporary.
use clap::Parser;
#[derive(Parser)]
enum Cli {
    Train(attune::cli::train::TrainArgs),
}
fn main() -> anyhow::Result<()> {
    match Cli::parse() {
        Cli::Train(a) => Ok(attune::cli::train::run(&a)?),
    }
}
