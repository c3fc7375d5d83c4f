//! What a run reports while it goes on.

use super::log::LogLine;
use crate::findings::Finding;
use crate::folders::LeftOut;
use crate::renditions::Made;
use crate::trainer::StepReport;
use attune_model::genre::GenreSet;
use std::path::Path;

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The labelled clips are read.
    Reading,
    /// The auxiliary data are read.
    ReadingAuxData,
    /// Sound to plant passages in is read.
    ReadingDistractors,
    /// Renditions are made.
    Renditions,
    /// Renditions of the auxiliary data are made.
    AuxRenditions,
    /// The optimiser steps.
    Training,
}

/// What a run reports, in the order in which it happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stage begins.
    Begin(Stage),
    /// How many of how many items of a stage are done; may come from several threads.
    Progress {
        /// Which.
        stage: Stage,
        /// Done.
        done: usize,
        /// Of.
        of: usize,
    },
    /// Clips are left out of the split, and why.
    SplitNotes(&'a [String]),
    /// The folders' files are read and split.
    FoldersRead {
        /// The classes.
        genres: &'a GenreSet,
        /// Training clips.
        train: usize,
        /// Validation clips.
        valid: usize,
        /// Files that are no clips.
        left_out: &'a [LeftOut],
        /// What is wrong with the others.
        findings: &'a [Finding],
    },
    /// The auxiliary data are read.
    AuxDataRead {
        /// Clips.
        clips: usize,
        /// Sub-folders that are not called like a class.
        no_class: &'a [String],
    },
    /// The renditions are there.
    RenditionsMade {
        /// How many, and what was left out.
        made: &'a Made,
        /// How long it took.
        seconds: f64,
    },
    /// The windowed targets are assigned.
    WindowedTargets {
        /// Sounds that have them throughout.
        with: usize,
        /// Sounds that lack some.
        without: usize,
    },
    /// The run begins with the weights of another.
    StartedFrom {
        /// That file.
        path: &'a Path,
        /// Tensors that fit.
        fitting: usize,
        /// Tensors in the file.
        of: usize,
    },
    /// The run continues from its checkpoint.
    Resumed {
        /// Steps made.
        step: u64,
    },
    /// A step is made.
    Step {
        /// Its losses.
        report: &'a StepReport,
        /// Mean cross-entropy since the last validation.
        mean_loss: f64,
        /// Accuracy of the last validation of this process, 0…1.
        accuracy: Option<f64>,
    },
    /// A validation is made, logged, and the checkpoint written.
    Validated(&'a LogLine),
    /// All steps are made, or patience is exhausted.
    Trained {
        /// Step and mean −ln p of the weights that are kept, if the run has patience.
        kept: Option<(u64, f64)>,
    },
}

/// Receives the events of a run; called from the run's threads.
pub type Observer<'a> = &'a (dyn Fn(Event<'_>) + Sync);
