//! `tools/bench_peers.sh`: the rows of `attune bench`, in turn with the same work in PyTorch (eager and TorchScript),
//! ONNX Runtime and librosa.
//!
//! In: flags. Out: the report on stdout, as a page or with `--json` in the shape of `attune bench --json`; each row
//! that has peers also has `peers` and `ratio_to_best_peer`. Thread: main; the peers run in a process of their own, on
//! one thread unless a row says otherwise.

mod environment;
mod process;
#[cfg(test)]
mod tests;
mod turns;

use attune_lab::bench::{self, BenchConfig, Effort, markdown};
use clap::Parser;
use environment::Environment;
use process::PeerProcess;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Time Attune beside PyTorch, ONNX Runtime and librosa: the same work, in turn, after the results were found equal
#[derive(Debug, Parser)]
#[command(name = "tools/bench_peers.sh")]
struct Args {
    /// One JSON document instead of a page of tables
    #[arg(long)]
    json: bool,
    /// A Python that has the other libraries, instead of an environment made once in the user's cache
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Measure little, for a look
    #[arg(long)]
    quick: bool,
    /// Only rows whose name begins so (`step/lstm`, `train`); may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Also write the page of tables to a file
    #[arg(long, value_name = "FILE.md")]
    markdown: Option<PathBuf>,
    /// The program whose live load is measured; by default the one that was built with this tool
    #[arg(long, value_name = "FILE")]
    attune: Option<PathBuf>,
    /// Also time decoding and analysis of these files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // `attune` sees to this itself, before it has a second thread; here the shell script does.
    if ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"]
        .iter()
        .any(|name| std::env::var_os(name).is_none())
    {
        eprintln!("bench_peers: CANDLE_NUM_THREADS and RAYON_NUM_THREADS are not set: start tools/bench_peers.sh");
    }
    let mut say = |line: &str| eprintln!("bench_peers: {line}");
    let python = match &args.python {
        Some(python) => python.clone(),
        None => Environment::of_user()?.python(Path::new("python3"), &mut say)?,
    };
    let mut peers = PeerProcess::start(&python)?;
    let config = BenchConfig {
        effort: if args.quick { Effort::QUICK } else { Effort::FULL },
        files: args.files.clone(),
        only: args.only.clone(),
        program: match &args.attune {
            Some(program) => program.clone(),
            None => beside_this_tool()?,
        },
    };
    let report = bench::run(&config, &attune_model::bundled()?, Some(&mut peers), &mut say)?;
    for note in &peers.notes {
        say(note);
    }
    let page = markdown::page(&report);
    if let Some(path) = &args.markdown {
        std::fs::write(path, &page).map_err(|why| format!("{} cannot be written: {why}", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{page}");
    }
    Ok(())
}

/// `attune` in the folder of programs, whose sub-folder `examples` this one is in.
fn beside_this_tool() -> Result<PathBuf, Box<dyn Error>> {
    let tool = std::env::current_exe()?;
    let programs = tool.ancestors().nth(2).ok_or("this program has no folder")?;
    Ok(programs.join(format!("attune{}", std::env::consts::EXE_SUFFIX)))
}
