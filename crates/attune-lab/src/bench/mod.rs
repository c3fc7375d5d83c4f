//! How fast every part is on this machine: against what the processor allows, and against other libraries.
//!
//! In: models, files. Out: a [`Report`] of rows. Thread: the caller's; some rows use two.
//!
//! A row is measured in rounds, and where peers run the same work they take turns with ours in every round, so that
//! what the machine does besides hits all alike. A ratio is the median over rounds of the ratio within a round.

pub(crate) mod demo;
mod explain;
mod front_end;
pub mod growth;
pub mod live;
mod machine;
pub mod markdown;
pub mod measure;
pub mod peers;
mod steps;
pub mod subject;
pub(crate) mod training;
mod work;

pub use machine::Machine;
pub use measure::{Effort, Row};

use attune_audio::features::FrontEndError;
use attune_audio::source::SourceError;
use attune_engine::offline::AnalyzeError;
use attune_model::{ModelError, ModelSet};
use peers::{DynPeers, PeerError};
use serde::Serialize;
use std::path::PathBuf;

/// What stops a measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A model fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A front end fails.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A file cannot be decoded.
    #[error("{}\n  {}", .0.message, .0.remedy())]
    Decode(#[from] SourceError),
    /// A file cannot be analysed.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// A file cannot be written or read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Another library cannot be measured, or its results differ from ours.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Threads cannot be had.
    #[error("a pool of threads cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The program cannot be started a second time to be watched.
    #[error("`attune live` cannot be watched: {0}")]
    Live(String),
}

impl From<candle_core::Error> for BenchError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchConfig {
    /// How long each row may take.
    pub effort: Effort,
    /// Decoded and analysed too.
    pub files: Vec<PathBuf>,
    /// Only rows whose name begins with one of these; all if there is none.
    pub only: Vec<String>,
    /// This program: started once more to be watched while it listens.
    pub program: PathBuf,
}

impl BenchConfig {
    /// Whether a row is selected.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| name.starts_with(start.as_str()))
    }
}

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The machine and its ceilings.
    pub machine: Machine,
    /// Versions of the peers, if they took part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<serde_json::Value>,
    /// One for each thing measured.
    pub rows: Vec<Row>,
}

/// Measures everything. `say` is called with the name of each row before it is measured.
///
/// # Errors
/// If a model, a file or a peer fails, or if a peer's results differ from ours.
pub fn run(
    config: &BenchConfig,
    models: &ModelSet,
    mut peers: Option<&mut DynPeers>,
    say: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    say("the machine's ceilings");
    let machine = Machine::measure(config.effort);
    let demo = demo::Demo::unpack()?;
    let mut rows = Vec::new();
    let mut bench = Bench {
        config,
        machine: &machine,
        rows: &mut rows,
        say,
    };
    let subjects = subject::all(models)?;
    bench.steps(&subjects, &demo, peers.as_deref_mut())?;
    bench.training(&subjects, peers.as_deref_mut())?;
    bench.front_end(models, peers.as_deref_mut())?;
    bench.files(models, &demo)?;
    bench.explain(models, &demo)?;
    bench.live(&demo)?;
    Ok(Report {
        machine,
        peers: peers.map(|peers| peers.versions()),
        rows,
    })
}

/// A measurement under way.
struct Bench<'a> {
    config: &'a BenchConfig,
    machine: &'a Machine,
    rows: &'a mut Vec<Row>,
    say: &'a mut dyn FnMut(&str),
}
