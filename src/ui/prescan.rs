//! A file prescanned: what `attune analyze` makes of it, while it plays.
//!
//! In: a path, models, knobs. Out: the answer at each frame, as it is found. Thread: one of its own for each file; it
//! takes some seconds of one core for an hour of music.

use super::job::Job;
use attune_audio::units::Seconds;
use attune_engine::HopResult;
use attune_engine::offline::{AnalyzeError, Report, analyze};
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_model::ModelSet;
use attune_model::genre::Probabilities;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Frames of one report: about half a second of a minute's work.
const BATCH: usize = 512;
/// Batches that may wait: 6 minutes of music; a window that takes no more holds the work up.
const WAITING: usize = 32;

/// The answer at one frame of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Time of the file.
    pub at: Seconds,
    /// The ensemble probabilities.
    pub ensemble: Probabilities,
    /// The answer.
    pub state: AnswerState,
}

/// A file that is analysed ahead of its playback: frames as they are found, at last the report.
pub(super) type Prescan = Job<Report, AnalyzeError, Vec<Frame>>;

/// Begins. `notify` is called when there is something new.
pub(super) fn start(
    path: PathBuf,
    models: ModelSet,
    smoothing: SmoothingConfig,
    notify: impl Fn() + Send + Sync + 'static,
) -> Prescan {
    Job::start_bounded(WAITING, "attune-prescan", notify, move |worker| {
        let mut batch = Vec::with_capacity(BATCH);
        let report = analyze(
            &path,
            &models,
            &smoothing,
            |hop: &HopResult| {
                batch.push(Frame {
                    at: hop.column.at,
                    ensemble: hop.column.ensemble,
                    state: hop.column.decision.state,
                });
                if batch.len() == BATCH {
                    worker.report(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
                }
            },
            // Another file is open by now, or other settings are used: nobody needs the rest.
            |_| {
                if worker.is_cancelled() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        worker.report(batch);
        report
    })
}
