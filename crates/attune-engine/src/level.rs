//! How loud it is, frame by frame, measured on the source's own samples.
//!
//! In: mono samples at the source's rate. Out: [`Level`] for each feature frame. Thread: worker.

use attune_audio::features::FrontEndSpec;
use attune_audio::units::{Decibels, SampleRate, Seconds};
use std::collections::VecDeque;

/// Over how much time the level is taken: short enough to follow a pause, longer than one period of any audible tone.
const SPAN: Seconds = Seconds(0.4);
/// An amplitude that an analogue converter only reaches when it is driven too hard: less than 0.001 dB below full scale.
pub(super) const FULL_SCALE: f32 = 0.9999;

/// Levels at the end of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Root mean square of the last 0.4 s.
    pub rms: Decibels,
    /// Highest amplitude since the frame before.
    pub peak: f32,
    /// Whether a sample since the frame before reached full scale.
    pub clipped: bool,
}

/// The samples between the ends of two frames, summed up.
#[derive(Debug, Clone, Copy, Default)]
struct Portion {
    samples: u64,
    square_sum: f64,
    peak: f32,
}

/// Sums up samples between frame ends. Samples are added one after the other, so how they came in blocks does not matter.
#[derive(Debug)]
pub(super) struct LevelMeter {
    source_rate: SampleRate,
    spec: FrontEndSpec,
    /// Samples taken since the start.
    taken: u64,
    /// The frame whose end closes the open portion, and the sample at which it does.
    frame: u64,
    boundary: u64,
    open: Portion,
    closed: VecDeque<Portion>,
    recent: VecDeque<Portion>,
    recent_len: usize,
}

impl LevelMeter {
    pub(super) fn new(spec: &FrontEndSpec, source_rate: SampleRate) -> Self {
        let mut meter = Self {
            source_rate,
            spec: spec.clone(),
            taken: 0,
            frame: 0,
            boundary: 0,
            open: Portion::default(),
            closed: VecDeque::new(),
            recent: VecDeque::new(),
            recent_len: spec.frames_in(SPAN).max(1),
        };
        meter.boundary = meter.end_of(0);
        meter
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(&self.spec, self.source_rate);
    }

    /// The first source sample after frame `frame`.
    fn end_of(&self, frame: u64) -> u64 {
        let end = frame * self.spec.hop_samples as u64 + self.spec.window_samples as u64;
        self.source_rate.index_at(self.spec.rate.duration(end)).0
    }

    pub(super) fn push(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let left = usize::try_from(self.boundary - self.taken).unwrap_or(usize::MAX);
            let (now, later) = samples.split_at(left.min(samples.len()));
            for &sample in now {
                self.open.square_sum += f64::from(sample) * f64::from(sample);
                self.open.peak = self.open.peak.max(sample.abs());
            }
            self.open.samples += now.len() as u64;
            self.taken += now.len() as u64;
            if self.taken == self.boundary {
                self.closed.push_back(std::mem::take(&mut self.open));
                self.frame += 1;
                // At least one sample a frame, so that a nonsensical spec cannot stop the loop.
                self.boundary = self.end_of(self.frame).max(self.taken + 1);
            }
            samples = later;
        }
    }

    /// The level at the end of the next frame. The last frame of a file may end within rounding of its last sample:
    /// then what there is of its portion counts.
    pub(super) fn next_frame(&mut self) -> Level {
        let portion = self
            .closed
            .pop_front()
            .unwrap_or_else(|| std::mem::take(&mut self.open));
        self.recent.push_back(portion);
        if self.recent.len() > self.recent_len {
            self.recent.pop_front();
        }
        let samples: u64 = self.recent.iter().map(|p| p.samples).sum();
        let square_sum: f64 = self.recent.iter().map(|p| p.square_sum).sum();
        let rms = (square_sum / samples.max(1) as f64).sqrt() as f32;
        Level {
            rms: Decibels::from_amplitude(rms),
            peak: portion.peak,
            clipped: portion.peak >= FULL_SCALE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(rate: u32, samples: &[f32], cut: usize) -> Vec<Level> {
        let spec = FrontEndSpec::default();
        let mut meter = LevelMeter::new(&spec, SampleRate(rate));
        for block in samples.chunks(cut) {
            meter.push(block);
        }
        let frames = samples.len() as f64 / f64::from(rate) * spec.rate.hz() - spec.window_samples as f64;
        (0..=(frames / spec.hop_samples as f64) as usize)
            .map(|_| meter.next_frame())
            .collect()
    }

    #[test]
    fn a_sine_has_its_level_at_every_rate_and_however_it_is_cut() {
        for rate in [8_000, 22_050, 48_000] {
            let sine: Vec<f32> = (0..rate)
                .map(|n| 0.5 * (std::f64::consts::TAU * 440.0 * f64::from(n) / f64::from(rate)).sin() as f32)
                .collect();
            let whole = levels(rate, &sine, sine.len());
            // 0.5 / sqrt(2) is -9.03 dB; a window of at least 93 ms holds 40 periods, so a cut period is 1/80 of the
            // energy at most: 0.06 dB.
            for level in &whole {
                assert!((level.rms.0 + 9.03).abs() < 0.06, "{level:?} at {rate} Hz");
            }
            assert_eq!(whole, levels(rate, &sine, 97));
            assert_eq!(whole, levels(rate, &sine, 1));
        }
    }

    #[test]
    fn full_scale_is_told_at_its_frame_only() {
        let mut samples = vec![0.0; 22_050];
        samples[2048 + 512 * 5 + 3] = -1.0;
        let clipped: Vec<usize> = levels(22_050, &samples, 4096)
            .iter()
            .enumerate()
            .filter_map(|(i, level)| level.clipped.then_some(i))
            .collect();
        assert_eq!(clipped, [6]);
    }
}
