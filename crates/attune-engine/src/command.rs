//! Commands to the engine. In a bounded queue, from which none is lost.

use crate::smoothing::SmoothingConfig;
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use attune_model::ModelSet;
use attune_model::sections::SectionLister;
use attune_model::wavenet::SurpriseModel;
use std::path::PathBuf;

/// The source to open.
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

/// A command to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Opens this, and closes what was open once that has succeeded.
    Open(SourceRequest),
    /// Closes the source.
    Close,
    /// Plays a paused file on; resumes a device.
    Play,
    /// Holds a file; a device's samples are discarded meanwhile.
    Pause,
    /// Goes to this time of the file and resets every state.
    Seek(Seconds),
    /// Another song begins: resets every state, while the stream goes on.
    NewSong,
    /// Starts the file again at its end.
    Loop(bool),
    /// Repeats this part of the file, from and to; `None`: plays all of it.
    Select(Option<(Seconds, Seconds)>),
    /// Replaces this part of the file by silence, for the speakers and the models, until something else is selected.
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
    /// Runs these models in place of those that ran; the gate, the list of sections and the surprise stay as they are.
    /// All states are reset. Models of another front end or with other classes are refused with a warning.
    UseModels {
        /// All of them, in display order.
        models: Box<ModelSet>,
        /// Places of those that are off until they are switched on.
        off: Vec<usize>,
    },
    /// Lists the sections of the stream from now on; `None`: no more.
    ListSections(Option<SectionLister>),
    /// Measures how surprising the sound is from now on; `None`: no more.
    TraceSurprise(Option<SurpriseModel>),
    /// Ends the worker.
    Shutdown,
}
