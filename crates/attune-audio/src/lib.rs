//! Sound for Attune: where it comes from, how it reaches the worker, and what the networks are fed.
//!
//! In: files and devices. Out: mono samples through a lossy ring, and frames of log-mel features. Thread: stated in each
//! module.
//!
//! ```text
//! capture:  device → callback ─────────────┐          worker
//!                                          ├→ ring → features → log-mel frames → attune-model
//! playback: file → decode → reader thread ─┘          (resample, window, FFT, mel, dB, loudness)
//! ```
//!
//! - [`units`]: sample rate, sample and frame index, seconds, decibels: types that cannot be mixed up.
//! - [`clock`]: the system's time, or one that a test moves.
//! - [`ring`](mod@ring): the ring between the producer, which never waits, and the worker. What does not fit is counted.
//! - [`source`]: what is open, marks at exact samples (loop, end, loss), and errors with a remedy.
//! - [`decode`]: files to samples, through symphonia.
//! - [`wav`]: samples to a file.
//! - `capture`: microphones and monitors, through cpal. With the feature `device` only.
//! - [`playback`]: a file as a source like a device, at any pace; audible at 1× with the feature `device`.
//! - [`features`]: the front end that training, file analysis and live audio share: how samples are cut into pushes
//!   changes no bit of the frames.
//!
//! ```
//! use attune_audio::features::{FeatureExtractor, FrontEndSpec};
//! use attune_audio::ring::ring;
//! use attune_audio::units::SampleRate;
//!
//! // The producer's side: a second of a 440 Hz tone at 48 kHz, in blocks of 10 ms.
//! let (mut sink, mut source) = ring(48_000);
//! let turn = |n: usize| std::f32::consts::TAU * 440.0 * n as f32 / 48_000.0;
//! let tone: Vec<f32> = (0..48_000).map(|n| 0.5 * turn(n).sin()).collect();
//! for block in tone.chunks(480) {
//!     sink.write(block);
//! }
//! // The worker's side: features of whatever has arrived.
//! let mut extractor = FeatureExtractor::new(&FrontEndSpec::default(), SampleRate(48_000))?;
//! let mut samples = vec![0.0; source.available()];
//! let read = source.read(&mut samples);
//! let block = extractor.push(&samples[..read])?;
//! assert!(block.frames > 30);
//! assert_eq!(block.mel_db.len(), block.frames * 128);
//! // The loudest band of the last frame is the one around 440 Hz.
//! let last = &block.mel_db[block.mel_db.len() - 128..];
//! let loudest = (0..128).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap_or(0);
//! assert!((extractor.centres_hz()[loudest] - 440.0).abs() < 30.0);
//! # Ok::<(), attune_audio::features::FrontEndError>(())
//! ```
//!
//! The frames go to `attune-model`, whose streams turn them into logits; `attune-engine` runs both on a thread.

#[cfg(feature = "device")]
pub mod capture;
pub mod clock;
pub mod decode;
pub mod features;
pub mod playback;
pub mod ring;
pub mod source;
mod sync;
pub mod units;
pub mod wav;
