//! What the engine can be told. Bounded queue; every one counts.

use crate::smoothing::SmoothingConfig;
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use std::path::PathBuf;

/// What to listen to.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceRequest {
    /// A microphone or monitor, by its stable id as listed by `attune devices`.
    Device {
        /// Stable id; `None` is the default input.
        id: Option<String>,
        /// One channel (from 0), or the mean of all.
        channel: Option<u16>,
    },
    /// A file through the same ring.
    File {
        /// The file.
        path: PathBuf,
        /// How fast.
        pace: Pace,
    },
}

/// An order to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Closes what is open and listens to this.
    Open(SourceRequest),
    /// Stops listening.
    Close,
    /// Plays a paused file on; resumes a device.
    Play,
    /// Holds a file; a device's samples are discarded meanwhile.
    Pause,
    /// Goes to this time of the file and resets every state.
    Seek(Seconds),
    /// Starts the file again at its end.
    Loop(bool),
    /// Plays this stretch of the file, from and to, again and again; `None`: all of it.
    Select(Option<(Seconds, Seconds)>),
    /// Plays silence in place of this stretch of the file, for ears and models, until something else is selected.
    Mute((Seconds, Seconds)),
    /// Changes how fast the file plays.
    SetPace(Pace),
    /// Changes smoothing and decision from now on.
    SetSmoothing(SmoothingConfig),
    /// Switches one model (by its place in the snapshot) on or off.
    EnableModel {
        /// Its place in [`super::Snapshot::models`].
        model: usize,
        /// On or off.
        on: bool,
    },
    /// Ends the worker.
    Shutdown,
}
