//! Microphones and monitors through cpal.
//!
//! In: a device id. Out: mono samples in a ring, at the device's own rate. Thread: cpal's callback fills the ring
//! (`callback.rs`, all hard real-time code and nothing else); everything else runs on the caller's thread.

use crate::ring::SampleSource;
use crate::source::{OpenedSource, SourceError, SourceMark};
use serde::Serialize;

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// Brings what it hears.
    Microphone,
    /// Brings what an output plays.
    Monitor,
    /// Plays.
    Output,
}

/// One device as listed by `attune devices`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// Stable id: the same device has the same id after a restart.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `PulseAudio`, `ALSA`, …
    pub host: String,
    /// What it is for.
    pub kind: DeviceKind,
    /// Its channels.
    pub channels: u16,
    /// Rates it can be opened at.
    pub rates_hz: Vec<u32>,
    /// Whether it is the one taken when none is named.
    pub default: bool,
}

/// All devices of the preferred host.
pub fn list_devices() -> Result<Vec<DeviceInfo>, SourceError> {
    todo!()
}

/// How to open a device.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureRequest {
    /// Stable id; `None` is the default input.
    pub id: Option<String>,
    /// One channel (from 0), or the mean of all.
    pub channel: Option<u16>,
    /// Length of the device's buffer in milliseconds.
    pub buffer_ms: u32,
}

/// A device that is open. Dropping it closes the device, on a thread of its own since that may hang.
pub struct CaptureStream {}

impl CaptureStream {
    /// Opens the device and begins to fill the ring.
    pub fn open(_request: &CaptureRequest) -> Result<(Self, SampleSource), SourceError> {
        todo!()
    }
    /// What is really open.
    pub fn opened(&self) -> &OpenedSource {
        todo!()
    }
    /// The next mark (the device was lost), if one has come. Watches the age of the last callback too.
    pub fn next_mark(&mut self) -> Option<SourceMark> {
        todo!()
    }
}
