//! One open device: watched while it runs, closed without waiting.
//!
//! In: [`CaptureRequest`]. Out: a ring that fills, and marks. Thread: the owner's; cpal's callback runs beside it.

use super::callback::{CaptureCallback, ChannelPick, ToAmplitude};
use super::devices::{self, DeviceKind};
use super::watchdog::{self, Faults};
use super::{QuietAlsa, device_error, errors};
use crate::clock::Clock;
use crate::features::HIGHEST_RATE;
use crate::ring::{RingCounters, SampleSink, SampleSource, ring_on};
use crate::source::{MarkKind, OpenedSource, SourceError, SourceKind, SourceMark};
use crate::units::SampleRate;
use cpal::traits::{DeviceTrait, StreamTrait};
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Default length of a device's buffer in milliseconds.
pub const DEFAULT_BUFFER_MS: u32 = 10;
/// How much the ring holds: a worker may be that late before samples are lost.
const RING_SECS: u32 = 4;
/// How long cpal may wait for one answer while it opens.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// cpal's name of the host that needs a pacer.
const PULSEAUDIO: &str = "PulseAudio";
/// How many times the requested buffer a `PulseAudio` stream may hold on the server. cpal 0.18 requests a queue of
/// exactly one buffer, and the server silently drops what does not fit: measured with 10 ms, 43 samples every 0.33 s.
/// A longer buffer alone has the same fault, for the server then also delivers in longer blocks; but it delivers in the
/// blocks of its most demanding client, so a second stream with the short buffer makes the long queue safe and the
/// latency short.
const PULSEAUDIO_ROOM: u32 = 8;

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

impl Default for CaptureRequest {
    fn default() -> Self {
        Self {
            id: None,
            channel: None,
            buffer_ms: DEFAULT_BUFFER_MS,
        }
    }
}

/// A device that is open. Dropping it closes the device, on a thread of its own since that may hang.
pub struct CaptureStream {
    /// The device's stream, and the one that keeps its pace where there has to be one.
    streams: Vec<cpal::Stream>,
    opened: OpenedSource,
    counters: Arc<RingCounters>,
    faults: Arc<Faults>,
    fatal: Receiver<cpal::Error>,
    lost: bool,
}

impl std::fmt::Debug for CaptureStream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CaptureStream")
            .field("opened", &self.opened)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl CaptureStream {
    /// Opens the device and starts to fill the ring. The buffer length is a request: [`CaptureStream::opened`] has what
    /// the device granted.
    ///
    /// This may block for as long as the sound server does not answer, and some never do: call it on a thread that you
    /// can abandon.
    pub fn open(request: &CaptureRequest) -> Result<(Self, SampleSource), SourceError> {
        let _quiet = QuietAlsa::begin();
        let device = devices::find_input(request.id.as_deref())?;
        Self::open_device(&device, request, &Clock::default())
    }

    /// The same on a host of the caller's own, by whose clock a device is called stalled: tests open devices here that
    /// fail on command.
    pub fn open_on(
        host: &cpal::Host,
        clock: &Clock,
        request: &CaptureRequest,
    ) -> Result<(Self, SampleSource), SourceError> {
        Self::open_device(&devices::input_of(host, request.id.as_deref())?, request, clock)
    }

    fn open_device(
        device: &cpal::Device,
        request: &CaptureRequest,
        clock: &Clock,
    ) -> Result<(Self, SampleSource), SourceError> {
        let name = devices::name_of(device);
        let (faults, fatal) = Faults::new();
        let faults = Arc::new(faults);
        let started =
            start(device, name.clone(), request, &faults, clock).map_err(|error| device_error(&name, &error))?;
        tracing::info!(opened = ?started.opened, "capture starts");
        let stream = Self {
            streams: started.streams,
            opened: started.opened,
            counters: Arc::clone(started.source.counters()),
            faults,
            fatal,
            lost: false,
        };
        Ok((stream, started.source))
    }

    /// What is open.
    pub fn opened(&self) -> &OpenedSource {
        &self.opened
    }

    /// Overruns so far: buffers that the driver dropped before they reached the callback, as cpal reports them.
    ///
    /// cpal 0.18 reports overruns of ALSA, WASAPI, CoreAudio, JACK, PipeWire, AAudio and ASIO. Its PulseAudio host never
    /// does: it calls the error callback only when the connection fails, and has no case for a record stream that
    /// overflows. There the count stays 0, and the long queue on the server (8 buffers) is what keeps it from dropping
    /// samples.
    pub fn xruns(&self) -> u64 {
        self.faults.xruns.load(Ordering::Relaxed)
    }

    /// The next mark (the device was lost), if one has come. Watches the age of the last callback too; call it a few
    /// times a second. After a loss nothing follows: drop the stream and open again.
    pub fn next_mark(&mut self) -> Option<SourceMark> {
        if self.lost {
            return None;
        }
        let name = &self.opened.name;
        let error = if let Ok(error) = self.fatal.try_recv() {
            device_error(name, &error)
        } else {
            let (callbacks, age) = (self.counters.callbacks.load(Ordering::Relaxed), self.counters.age());
            if !watchdog::is_stalled(callbacks, age) {
                return None;
            }
            errors::stalled(name, age.as_secs_f64())
        };
        self.lost = true;
        // Closing now ends a dead stream's busy loop, and no sample can follow the mark.
        close_elsewhere(std::mem::take(&mut self.streams));
        Some(SourceMark {
            at: self.counters.written.load(Ordering::Relaxed),
            kind: MarkKind::Lost(error),
        })
    }
}

impl Drop for CaptureStream {
    fn drop(&mut self) {
        close_elsewhere(std::mem::take(&mut self.streams));
    }
}

/// Closes streams on a thread of its own: ALSA's hangs for ever when its server has died.
pub(crate) fn close_elsewhere(streams: Vec<cpal::Stream>) {
    if streams.is_empty() {
        return;
    }
    let spawned = std::thread::Builder::new()
        .name("attune-close".to_owned())
        .spawn(move || {
            let _quiet = QuietAlsa::begin();
            drop(streams);
        });
    if let Err(error) = spawned {
        tracing::warn!(%error, "the stream was closed on the caller's thread");
    }
}

/// A device that delivers.
struct Started {
    streams: Vec<cpal::Stream>,
    opened: OpenedSource,
    source: SampleSource,
}

/// Starts the device; may hang.
fn start(
    device: &cpal::Device,
    name: String,
    request: &CaptureRequest,
    faults: &Arc<Faults>,
    clock: &Clock,
) -> Result<Started, cpal::Error> {
    let id = device.id()?;
    let config = device.default_input_config()?;
    let rate = SampleRate(config.sample_rate());
    let frames = (u64::from(rate.0) * u64::from(request.buffer_ms.max(1)) / 1000).max(1) as u32;
    let frames = match *config.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => frames.clamp(min, max),
        _ => frames,
    };
    let pick = request
        .channel
        .map_or(ChannelPick::Mean, |channel| ChannelPick::One(usize::from(channel)));
    // A device may say any rate. One that nothing can be made of is refused by who reads it, and costs no more memory.
    let ring_samples = (rate.0.min(HIGHEST_RATE.0) * RING_SECS) as usize;
    let paced = id.host().name() == PULSEAUDIO;
    let build = |buffer_size| {
        // A fresh ring for each attempt: the sink goes into the callback.
        let (sink, source) = ring_on(clock.clone(), ring_samples);
        let stream_config = cpal::StreamConfig {
            buffer_size,
            ..config.config()
        };
        build_stream(device, config.sample_format(), stream_config, sink, pick, faults).map(|stream| (stream, source))
    };
    let room = if paced {
        frames.saturating_mul(PULSEAUDIO_ROOM)
    } else {
        frames
    };
    let (stream, source) = build(cpal::BufferSize::Fixed(room)).or_else(|refused| {
        tracing::info!(%refused, frames, "the fixed buffer was refused; taking the device's own");
        build(cpal::BufferSize::Default)
    })?;
    stream.play()?;
    source.counters().begin();
    let mut buffer_frames = stream.buffer_size().ok();
    let mut streams = vec![stream];
    if paced && let Ok(pacer) = build_pacer(device, &config, frames) {
        buffer_frames = pacer.buffer_size().ok();
        streams.push(pacer);
    }
    let kind = match devices::input_kind(&id) {
        DeviceKind::Monitor => SourceKind::Monitor,
        DeviceKind::Microphone | DeviceKind::Output => SourceKind::Microphone,
    };
    let opened = OpenedSource {
        kind,
        host: id.host().name().to_owned(),
        name,
        id: id.to_string(),
        rate,
        channels: config.channels(),
        format: format!("{:?}", config.sample_format()),
        buffer_frames,
        duration: None,
        output: None,
    };
    Ok(Started {
        streams,
        opened,
        source,
    })
}

/// A second stream on a `PulseAudio` source, whose samples are dropped: its short buffer makes the server deliver in
/// short blocks, see [`PULSEAUDIO_ROOM`].
fn build_pacer(
    device: &cpal::Device,
    config: &cpal::SupportedStreamConfig,
    frames: u32,
) -> Result<cpal::Stream, cpal::Error> {
    let stream_config = cpal::StreamConfig {
        buffer_size: cpal::BufferSize::Fixed(frames),
        ..config.config()
    };
    let pacer = device.build_input_stream_raw(
        stream_config,
        config.sample_format(),
        |_, _| {},
        // The stream beside it gets the same errors and reports them.
        |_| {},
        Some(ANSWER_WITHIN),
    )?;
    pacer.play()?;
    Ok(pacer)
}

/// Builds the input stream for whichever format the device has.
fn build_stream(
    device: &cpal::Device,
    format: cpal::SampleFormat,
    config: cpal::StreamConfig,
    sink: SampleSink,
    pick: ChannelPick,
    faults: &Arc<Faults>,
) -> Result<cpal::Stream, cpal::Error> {
    use cpal::SampleFormat as F;
    let callback = CaptureCallback::new(sink, config.channels, pick);
    let faults = Arc::clone(faults);
    match format {
        F::I8 => build_typed::<i8>(device, config, callback, faults),
        F::I16 => build_typed::<i16>(device, config, callback, faults),
        F::I24 => build_typed::<cpal::I24>(device, config, callback, faults),
        F::I32 => build_typed::<i32>(device, config, callback, faults),
        F::I64 => build_typed::<i64>(device, config, callback, faults),
        F::U8 => build_typed::<u8>(device, config, callback, faults),
        F::U16 => build_typed::<u16>(device, config, callback, faults),
        F::U24 => build_typed::<cpal::U24>(device, config, callback, faults),
        F::U32 => build_typed::<u32>(device, config, callback, faults),
        F::U64 => build_typed::<u64>(device, config, callback, faults),
        F::F32 => build_typed::<f32>(device, config, callback, faults),
        F::F64 => build_typed::<f64>(device, config, callback, faults),
        other => Err(cpal::Error::with_message(
            cpal::ErrorKind::UnsupportedConfig,
            format!("samples in the format {other} are not supported"),
        )),
    }
}

fn build_typed<T: cpal::SizedSample + ToAmplitude>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut callback: CaptureCallback,
    faults: Arc<Faults>,
) -> Result<cpal::Stream, cpal::Error> {
    device.build_input_stream::<T, _, _>(
        config,
        move |samples, _| callback.process(samples),
        move |error| faults.note(error),
        Some(ANSWER_WITHIN),
    )
}
