//! How surprising the sound is, hop by hop: the bits that WaveNet takes for its samples, whatever they are and under
//! each genre.
//!
//! In: mono samples at any rate from 8 to 192 kHz, in blocks of any length. Out: a [`SurpriseMark`] for each feature
//! frame. Thread: the pipeline's.
//!
//! The sound is resampled to 8 kHz; each sample costs −log₂ p bits, p being what the network gives its code from the
//! quarter second before it. Loud noise costs most, silence next to nothing. A hop is complete well before the feature
//! frame that begins with it, whose window is four hops long: so each frame has its mark, however samples are cut.

use super::snapshot::SurpriseMark;
use attune_audio::features::{FrontEndError, FrontEndSpec, RateConverter};
use attune_audio::units::SampleRate;
use attune_model::genre::GenreId;
use attune_model::wavenet::mu_law::encode;
use attune_model::wavenet::{RATE, SurpriseModel, WavenetStream};
use std::collections::VecDeque;

/// Genres are compared by their mean bits over about so many seconds, as they were judged.
const MEMORY_S: f64 = 6.0;

/// The trace of one stream of sound, from some sample of the pipeline's on.
pub(super) struct SurpriseTrace {
    model: SurpriseModel,
    stream: WavenetStream,
    converter: RateConverter,
    rate: SampleRate,
    hop_s: f64,
    /// Samples at the source's rate that come before the first hop.
    skipped: u64,
    /// The pipeline's frame of the open hop, and of the first.
    frame: u64,
    first: u64,
    /// Samples at 8 kHz that were scored, and those of the open hop.
    scored: u64,
    open: u64,
    /// Of the open hop, under each condition.
    sums: Vec<f64>,
    /// Mean bits under each genre over the last seconds.
    means: Vec<f64>,
    /// Complete, and not yet asked for.
    ready: VecDeque<(u64, SurpriseMark)>,
    sound: Vec<f32>,
    codes: Vec<u8>,
    bits: Vec<f32>,
}

impl SurpriseTrace {
    /// Of sound at `rate`, of which the pipeline has already taken `taken` samples.
    pub(super) fn new(
        model: &SurpriseModel,
        rate: SampleRate,
        spec: &FrontEndSpec,
        taken: u64,
    ) -> Result<Self, FrontEndError> {
        let conditions = model.conditions();
        let mut trace = Self {
            stream: model.net().initial_stream(&conditions),
            converter: RateConverter::new(rate, RATE)?,
            rate,
            hop_s: spec.hop().0,
            skipped: 0,
            frame: 0,
            first: 0,
            scored: 0,
            open: 0,
            sums: vec![0.0; conditions.len()],
            means: vec![0.0; conditions.len() - 1],
            ready: VecDeque::new(),
            sound: Vec::new(),
            codes: Vec::new(),
            bits: Vec::new(),
            model: model.clone(),
        };
        trace.begin(taken);
        Ok(trace)
    }

    /// Forgets the stream: the next sample is the pipeline's first.
    pub(super) fn reset(&mut self) {
        self.converter.reset();
        self.stream = self.model.net().initial_stream(&self.model.conditions());
        (self.scored, self.open) = (0, 0);
        self.sums.fill(0.0);
        self.means.fill(0.0);
        self.ready.clear();
        self.begin(0);
    }

    /// The first hop is the next that begins.
    fn begin(&mut self, taken: u64) {
        let hop = self.hop_s * self.rate.hz();
        self.first = (taken as f64 / hop).ceil() as u64;
        self.frame = self.first;
        self.skipped = (self.first as f64 * hop).round() as u64 - taken;
    }

    /// Takes samples.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), FrontEndError> {
        let skipped = self.skipped.min(samples.len() as u64);
        self.skipped -= skipped;
        self.sound.clear();
        self.converter.push(&samples[skipped as usize..], &mut self.sound)?;
        self.score();
        Ok(())
    }

    /// The stream has ended: what the resampler still holds.
    pub(super) fn finish(&mut self) -> Result<(), FrontEndError> {
        self.sound.clear();
        self.converter.finish(&mut self.sound)?;
        self.score();
        Ok(())
    }

    /// Of the hop with which this frame of the pipeline's begins.
    pub(super) fn take(&mut self, frame: u64) -> Option<SurpriseMark> {
        while self.ready.front().is_some_and(|(of, _)| *of < frame) {
            self.ready.pop_front();
        }
        let (of, mark) = *self.ready.front()?;
        (of == frame).then(|| self.ready.pop_front())?;
        Some(mark)
    }

    fn score(&mut self) {
        self.codes.clear();
        self.codes.extend(self.sound.iter().map(|sample| encode(*sample)));
        self.bits.clear();
        self.model.net().score(&self.codes, &mut self.stream, &mut self.bits);
        let bits = std::mem::take(&mut self.bits);
        for row in bits.chunks_exact(self.sums.len()) {
            for (sum, bits) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(*bits);
            }
            (self.scored, self.open) = (self.scored + 1, self.open + 1);
            let hops = (self.frame - self.first + 1) as f64;
            if self.scored == (hops * self.hop_s * RATE.hz()).round() as u64 {
                self.close(hops);
            }
        }
        self.bits = bits;
    }

    /// The open hop is complete, the `hops`-th of the stream.
    fn close(&mut self, hops: f64) {
        let open = self.open as f64;
        let share = 1.0 / hops.min(MEMORY_S / self.hop_s);
        for (mean, sum) in self.means.iter_mut().zip(&self.sums) {
            *mean += share * (sum / open - *mean);
        }
        let least = self.means.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        let mark = SurpriseMark {
            bits: self.sums.last().map_or(0.0, |sum| (sum / open) as f32),
            least: GenreId(least.map_or(0, |(genre, _)| genre as u8)),
        };
        self.ready.push_back((self.frame, mark));
        self.sums.fill(0.0);
        (self.frame, self.open) = (self.frame + 1, 0);
    }
}
