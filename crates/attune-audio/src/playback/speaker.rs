//! Makes a file audible: what is played also goes to the default output.
//!
//! In: blocks with every channel, at the file's rate. Out: sound. Thread: the reader's writes, cpal's callback plays;
//! between them lies a ring, and neither waits.

use crate::capture::{Faults, QuietAlsa, close_elsewhere, device_name, preferred_host};
use crate::units::SampleRate;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Stereo is what is handed to the output, whatever the file and the device have.
const STEREO: usize = 2;
/// The ring holds this much…
const RING_MS: usize = 500;
/// …and playing starts, or starts again after a gap, when it holds this much: the reader writes every 10 ms, and this
/// covers a late turn of it. The sound lags the picture by this much.
const PRIMED_MS: usize = 150;
/// Length of the output's buffer.
const BUFFER_MS: u32 = 50;
/// Frames resampled at once.
const CHUNK: usize = 512;
/// An output that does not open within this is not used.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// An open output.
pub(super) struct Speaker {
    stream: Option<cpal::Stream>,
    name: String,
    ring: rtrb::Producer<f32>,
    flush: Arc<AtomicBool>,
    resampler: Option<Fft<f32>>,
    /// Stereo frames at the file's rate that wait for a whole chunk.
    waiting: Vec<f32>,
}

/// Opens the default output for sound of this rate, or says in the log why not: a file is read all the same.
pub(super) fn open(rate: SampleRate) -> Option<Speaker> {
    let (done, opened) = crossbeam_channel::bounded(1);
    std::thread::Builder::new()
        .name("attune-speaker".to_owned())
        .spawn(move || drop(done.send(start(rate))))
        .inspect_err(|error| tracing::warn!(%error, "no output"))
        .ok()?;
    match opened.recv_timeout(OPEN_WITHIN) {
        Ok(Ok(speaker)) => Some(speaker),
        Ok(Err(error)) => {
            tracing::info!(%error, "the file is silent: no output could be opened");
            None
        }
        Err(_) => {
            tracing::warn!("the file is silent: the output did not answer");
            None
        }
    }
}

impl Speaker {
    /// What the output is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a block; what does not fit is dropped, for the file's own pace is kept by the clock.
    pub(super) fn play(&mut self, interleaved: &[f32], channels: usize) {
        self.waiting.extend(interleaved.chunks_exact(channels).flat_map(stereo));
        if self.resampler.is_none() {
            let _dropped = self.ring.push_partial_slice(&self.waiting).1;
            self.waiting.clear();
            return;
        }
        let Some(resampler) = &mut self.resampler else { return };
        let mut used = 0;
        loop {
            let frames = resampler.input_frames_next();
            let Some(chunk) = self.waiting.get(used..used + frames * STEREO) else {
                break;
            };
            used += frames * STEREO;
            let Ok(input) = InterleavedSlice::new(chunk, STEREO, frames) else {
                break;
            };
            match resampler.process(&input, None) {
                Ok(out) => {
                    let _dropped = self.ring.push_partial_slice(&out.take_data()).1;
                }
                Err(error) => tracing::warn!(%error, "a block is not played"),
            }
        }
        self.waiting.drain(..used);
    }

    /// Drops what has not been played.
    pub(super) fn flush(&mut self) {
        self.flush.store(true, Ordering::Relaxed);
        self.waiting.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        close_elsewhere(self.stream.take().into_iter().collect());
    }
}

/// Left and right of one frame: mono goes to both, of more than two the mean.
fn stereo(frame: &[f32]) -> [f32; STEREO] {
    match frame {
        [left, right] => [*left, *right],
        _ => [frame.iter().sum::<f32>() / frame.len() as f32; STEREO],
    }
}

/// Opens and starts the default output; may hang.
fn start(rate: SampleRate) -> Result<Speaker, cpal::Error> {
    let _quiet = QuietAlsa::begin();
    let unavailable = || cpal::Error::new(cpal::ErrorKind::DeviceNotAvailable);
    let host =
        preferred_host().map_err(|error| cpal::Error::with_message(cpal::ErrorKind::HostUnavailable, error.message))?;
    let device = host.default_output_device().ok_or_else(unavailable)?;
    let default = device.default_output_config()?;
    let takes_rate = |range: &cpal::SupportedStreamConfigRange| {
        range.channels() == default.channels()
            && range.sample_format() == default.sample_format()
            && range.contains_rate(rate.0)
    };
    let same_rate = device.supported_output_configs()?.any(|range| takes_rate(&range));
    let out_hz = if same_rate { rate.0 } else { default.sample_rate() };
    let resampler = if out_hz == rate.0 {
        None
    } else {
        let made = Fft::new(rate.0 as usize, out_hz as usize, CHUNK, STEREO, FixedSync::Input);
        Some(made.map_err(|error| cpal::Error::with_message(cpal::ErrorKind::UnsupportedConfig, error.to_string()))?)
    };
    let per_ms = |ms: usize| (out_hz as usize * ms / 1000).max(1) * STEREO;
    let flush = Arc::new(AtomicBool::new(false));
    let build = |buffer_size| {
        let (producer, consumer) = rtrb::RingBuffer::new(per_ms(RING_MS));
        let config = cpal::StreamConfig {
            channels: default.channels(),
            sample_rate: out_hz,
            buffer_size,
        };
        let tap = Tap {
            ring: consumer,
            flush: Arc::clone(&flush),
            primed: false,
            enough: per_ms(PRIMED_MS),
            last: [0.0; 2],
        };
        build_stream(&device, default.sample_format(), config, tap).map(|stream| (stream, producer))
    };
    let (stream, ring) =
        build(cpal::BufferSize::Fixed(out_hz * BUFFER_MS / 1000)).or_else(|_| build(cpal::BufferSize::Default))?;
    stream.play()?;
    Ok(Speaker {
        stream: Some(stream),
        name: device_name(&device),
        ring,
        flush,
        resampler,
        waiting: Vec::new(),
    })
}

/// What the output's callback owns: it never waits, and plays silence where nothing has come.
struct Tap {
    ring: rtrb::Consumer<f32>,
    flush: Arc<AtomicBool>,
    /// Whether enough waits to play on without a gap.
    primed: bool,
    enough: usize,
    last: [f32; STEREO],
}

impl Tap {
    /// The next frame.
    fn frame(&mut self) -> [f32; STEREO] {
        if self.primed
            && let Ok(chunk) = self.ring.read_chunk(STEREO)
        {
            for (out, sample) in self.last.iter_mut().zip(chunk) {
                *out = sample;
            }
            return self.last;
        }
        self.primed = false;
        // Fading the last frame out spares a click.
        self.last = self
            .last
            .map(|sample| if sample.abs() < 1e-4 { 0.0 } else { sample * 0.995 });
        self.last
    }

    /// Fills one buffer of `channels` interleaved. Real-time safe.
    fn fill<T: cpal::Sample + cpal::FromSample<f32>>(&mut self, out: &mut [T], channels: usize) {
        if self.flush.swap(false, Ordering::Relaxed) {
            let all = self.ring.slots();
            if let Ok(chunk) = self.ring.read_chunk(all) {
                chunk.commit_all();
            }
            self.primed = false;
        }
        if !self.primed {
            self.primed = self.ring.slots() >= self.enough;
        }
        for frame in out.chunks_mut(channels.max(1)) {
            let [left, right] = self.frame();
            match frame {
                [mono] => *mono = T::from_sample((left + right) * 0.5),
                [first, second, rest @ ..] => {
                    *first = T::from_sample(left);
                    *second = T::from_sample(right);
                    rest.fill(T::EQUILIBRIUM);
                }
                [] => {}
            }
        }
    }
}

fn build_stream(
    device: &cpal::Device,
    format: cpal::SampleFormat,
    config: cpal::StreamConfig,
    tap: Tap,
) -> Result<cpal::Stream, cpal::Error> {
    use cpal::SampleFormat as F;
    match format {
        F::I8 => build_typed::<i8>(device, config, tap),
        F::I16 => build_typed::<i16>(device, config, tap),
        F::I24 => build_typed::<cpal::I24>(device, config, tap),
        F::I32 => build_typed::<i32>(device, config, tap),
        F::U8 => build_typed::<u8>(device, config, tap),
        F::U16 => build_typed::<u16>(device, config, tap),
        F::F32 => build_typed::<f32>(device, config, tap),
        F::F64 => build_typed::<f64>(device, config, tap),
        other => Err(cpal::Error::with_message(
            cpal::ErrorKind::UnsupportedConfig,
            format!("samples in the format {other} are not supported"),
        )),
    }
}

fn build_typed<T: cpal::SizedSample + cpal::FromSample<f32>>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut tap: Tap,
) -> Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    let (faults, _) = Faults::new();
    device.build_output_stream::<T, _, _>(
        config,
        move |out, _| tap.fill(out, channels),
        // A lost output only falls silent; the file plays on.
        move |error| faults.note(error),
        Some(OPEN_WITHIN),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
#[allow(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    fn tap(capacity: usize, enough: usize) -> (rtrb::Producer<f32>, Tap) {
        let (producer, ring) = rtrb::RingBuffer::new(capacity);
        let flush = Arc::new(AtomicBool::new(false));
        (
            producer,
            Tap {
                ring,
                flush,
                primed: false,
                enough,
                last: [0.0; 2],
            },
        )
    }

    #[test]
    fn it_waits_until_enough_is_there_and_again_after_a_gap() {
        let (mut producer, mut tap) = tap(64, 4);
        let mut out = [9.0_f32; 4];
        let _ = producer.push_partial_slice(&[0.5, -0.5]);
        tap.fill(&mut out, 2);
        assert_eq!(out, [0.0; 4]);
        let _ = producer.push_partial_slice(&[0.25, -0.25]);
        tap.fill(&mut out, 2);
        assert_eq!(out, [0.5, -0.5, 0.25, -0.25]);
        tap.fill(&mut out, 2);
        assert!(out[0] < 0.25 && out[0] > 0.2, "fades out instead of clicking");
        let _ = producer.push_partial_slice(&[1.0, 1.0]);
        tap.fill(&mut out, 2);
        assert!(out[0] < 0.25, "not enough yet");
    }

    #[test]
    fn a_flush_forgets_what_waits() {
        let (mut producer, mut tap) = tap(64, 2);
        let _ = producer.push_partial_slice(&[0.5; 8]);
        tap.flush.store(true, Ordering::Relaxed);
        let mut out = [9.0_f32; 2];
        tap.fill(&mut out, 2);
        assert_eq!(out, [0.0; 2]);
        let _ = producer.push_partial_slice(&[0.75; 2]);
        tap.fill(&mut out, 2);
        assert_eq!(out, [0.75; 2]);
    }

    #[test]
    fn every_number_of_channels_is_served() {
        assert_eq!(stereo(&[0.5]), [0.5, 0.5]);
        assert_eq!(stereo(&[0.5, -0.5]), [0.5, -0.5]);
        assert_eq!(stereo(&[0.25, 0.5, 0.75]), [0.5, 0.5]);
        let (mut producer, mut tap) = tap(64, 2);
        let _ = producer.push_partial_slice(&[0.5, 0.25, 0.5, 0.25]);
        let mut surround = [9.0_f32; 4];
        tap.fill(&mut surround, 4);
        assert_eq!(surround, [0.5, 0.25, 0.0, 0.0]);
        let mut mono = [9.0_f32; 1];
        tap.fill(&mut mono, 1);
        assert_eq!(mono, [0.375]);
    }
}
