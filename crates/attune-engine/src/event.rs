//! What the engine tells. Bounded queue; every one counts.

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
    /// Sound was left out: the device was paused, or the engine was too late.
    Interrupted,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A source is open.
    Opened(OpenedSource),
    /// All states began anew; stream time restarts at `at` (0, or the time sought).
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
        /// Its place in [`super::Snapshot::models`]; the place after the last: the gate.
        model: usize,
        /// What happened.
        message: String,
    },
    /// The worker itself failed, a slip of ours, and has ended: nothing more will be heard.
    Stopped {
        /// What happened.
        message: String,
    },
}
