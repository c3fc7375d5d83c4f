//! Events of the engine. In a bounded queue, from which none is lost.

use crate::smoothing::Decision;
use attune_audio::source::OpenedSource;
use attune_audio::units::Seconds;

/// Why every state was reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetCause {
    /// Another source.
    Opened,
    /// The file was sought.
    Sought,
    /// The file, or the selection of it, began again.
    Looped,
    /// The device came back after it was lost.
    Reconnected,
    /// Samples were skipped: the device was paused, or the engine was too late.
    Interrupted,
    /// The user said that another song begins.
    NewSong,
    /// Other models run from now on.
    OtherModels,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A source is open.
    Opened(OpenedSource),
    /// The device that was lost is open again; stream time went on meanwhile.
    Reconnected {
        /// As it is now.
        source: OpenedSource,
        /// For how long there was no sound.
        missed: Seconds,
    },
    /// All states were reset; stream time goes on at `at` (0, the time sought, or after a gap the time it would be
    /// without one).
    Reset {
        /// Why.
        cause: ResetCause,
        /// New stream time.
        at: Seconds,
    },
    /// The answer changed.
    Decided {
        /// Stream time.
        at: Seconds,
        /// The new answer.
        decision: Decision,
    },
    /// The file came to its end.
    Ended,
    /// The source could not be opened, or was lost.
    SourceFailed {
        /// What happened, naming the thing.
        message: String,
        /// What to do.
        remedy: String,
        /// Whether the engine keeps trying to reopen it.
        retrying: bool,
    },
    /// What was to be opened cannot be; what was open before goes on.
    OpenFailed {
        /// What happened, naming the thing.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The source looks alive but something is wrong with what it brings (all zero, clipped, stalled).
    Warning {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// What was wrong is right again.
    Recovered,
    /// A model failed and was switched off.
    ModelFailed {
        /// Its place in [`super::Snapshot::models`]; the place after the last: the gate; beyond that, what runs
        /// beside the models.
        model: usize,
        /// What it is called.
        name: String,
        /// What happened.
        message: String,
    },
    /// The worker itself failed, by a defect of the program, and has ended: there will be no more snapshots.
    Stopped {
        /// What happened.
        message: String,
    },
}
