//! What the engine needs of a source beside its samples, and how one is opened. Tests put in sources that fail on
//! command.
//!
//! In: a [`SourceRequest`]. Out: a [`SourceControl`] and the worker's end of its ring. Thread: opening may hang, so it
//! has a thread of its own; the control belongs to the worker.

use super::SourceRequest;
#[cfg(feature = "device")]
use attune_audio::capture::{CaptureRequest, CaptureStream};
use attune_audio::playback::{FilePlayer, Pace};
use attune_audio::ring::SampleSource;
#[cfg(not(feature = "device"))]
use attune_audio::source::SourceErrorKind;
use attune_audio::source::{OpenedSource, SourceError, SourceMark};
use attune_audio::units::Seconds;
use std::sync::Arc;

/// A source that is open.
pub trait SourceControl: Send {
    /// What is really open.
    fn opened(&self) -> &OpenedSource;
    /// The next mark, if one has come.
    fn next_mark(&mut self) -> Option<SourceMark>;
    /// Buffers that the device lost before they reached the ring, as far as its driver reports them; a file loses none.
    fn xruns(&self) -> u64 {
        0
    }
    /// Plays on. A device always does.
    fn play(&mut self) {}
    /// Holds. A device does not: its samples are discarded by the reader.
    fn pause(&mut self) {}
    /// Goes to `at` and returns a fresh ring end; `None`: this source has no past to go to.
    fn seek(&mut self, at: Seconds) -> Option<Result<SampleSource, SourceError>> {
        let _ = at;
        None
    }
    /// Whether to start again at the end.
    fn set_looping(&mut self, on: bool) {
        let _ = on;
    }
    /// What to play again and again; `None`: all of it.
    fn set_selection(&mut self, selection: Option<(Seconds, Seconds)>) {
        let _ = selection;
    }
    /// What to play as silence; `None`: nothing.
    fn set_muted(&mut self, part: Option<(Seconds, Seconds)>) {
        let _ = part;
    }
    /// Changes the pace from now on.
    fn set_pace(&mut self, pace: Pace) {
        let _ = pace;
    }
}

/// A source and its samples.
pub type OpenSource = (Box<dyn SourceControl>, SampleSource);

/// Opens sources.
pub type SourceOpener = Arc<dyn Fn(&SourceRequest) -> Result<OpenSource, SourceError> + Send + Sync>;

/// Opens real devices with buffers of `buffer_ms`, and real files, which play through the speakers at 1× if `aloud`.
/// Without the feature `device` only files open, and they are silent.
pub fn system_sources(buffer_ms: u32, aloud: bool) -> SourceOpener {
    Arc::new(move |request| match request {
        #[cfg(feature = "device")]
        SourceRequest::Device { id, channel } => {
            let request = CaptureRequest {
                id: id.clone(),
                channel: *channel,
                buffer_ms,
            };
            let (stream, samples) = CaptureStream::open(&request)?;
            Ok((Box::new(stream) as Box<dyn SourceControl>, samples))
        }
        #[cfg(not(feature = "device"))]
        SourceRequest::Device { .. } => {
            let _ = buffer_ms;
            Err(SourceError::new(
                SourceErrorKind::DeviceUnsupported,
                "this build opens no devices: it was built without the feature `device`",
            ))
        }
        SourceRequest::File { path, pace } => {
            let (player, samples) = FilePlayer::open(path, *pace, aloud)?;
            Ok((Box::new(player) as Box<dyn SourceControl>, samples))
        }
    })
}

#[cfg(feature = "device")]
impl SourceControl for CaptureStream {
    fn opened(&self) -> &OpenedSource {
        self.opened()
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        self.next_mark()
    }
    fn xruns(&self) -> u64 {
        self.xruns()
    }
}

impl SourceControl for FilePlayer {
    fn opened(&self) -> &OpenedSource {
        self.opened()
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        self.next_mark()
    }
    fn play(&mut self) {
        self.play();
    }
    fn pause(&mut self) {
        self.pause();
    }
    fn seek(&mut self, at: Seconds) -> Option<Result<SampleSource, SourceError>> {
        Some(self.seek(at))
    }
    fn set_looping(&mut self, on: bool) {
        self.set_looping(on);
    }
    fn set_selection(&mut self, selection: Option<(Seconds, Seconds)>) {
        self.set_selection(selection);
    }
    fn set_muted(&mut self, part: Option<(Seconds, Seconds)>) {
        self.set_muted(part);
    }
    fn set_pace(&mut self, pace: Pace) {
        self.set_pace(pace);
    }
}
