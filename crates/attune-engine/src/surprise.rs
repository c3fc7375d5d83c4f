//! How surprising the sound is, hop by hop: the bits that WaveNet takes for its samples, under each class.
//!
//! In: mono samples at any rate from 8 to 192 kHz, in blocks of any length. Out: [`Surprise`] for each feature frame.
//! Thread: the owner's.
//!
//! The sound is resampled to 8 kHz; each sample costs −log₂ p bits, p being what the network gives its code from the
//! quarter second before it. Loud noise costs most, silence next to nothing.

use attune_audio::features::{FrontEndError, FrontEndSpec, RateConverter};
use attune_audio::units::{FrameIndex, SampleRate};
use attune_model::wavenet::mu_law::encode;
use attune_model::wavenet::{PackedWavenet, RATE, WavenetStream};
use std::sync::Arc;

/// Mean bits per sample of one hop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise<'a> {
    /// The frame whose hop it is.
    pub frame: FrameIndex,
    /// Under each condition, in the order that was asked for.
    pub bits: &'a [f32],
}

impl Surprise<'_> {
    /// The condition under which the hop takes the fewest bits.
    pub fn least(&self) -> usize {
        let places = self.bits.iter().enumerate();
        places.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(place, _)| place)
    }
}

/// The trace of one stream of sound.
pub struct SurpriseTrace {
    net: Arc<PackedWavenet>,
    conditions: Vec<Option<usize>>,
    converter: RateConverter,
    stream: WavenetStream,
    /// Seconds of a hop, and of frame 0 from the start to the end of its hop.
    hop: f64,
    frame: u64,
    /// Samples at 8 kHz that were scored, and those of the open hop.
    scored: u64,
    open: u64,
    sums: Vec<f64>,
    sound: Vec<f32>,
    codes: Vec<u8>,
    bits: Vec<f32>,
    means: Vec<f32>,
}

impl std::fmt::Debug for SurpriseTrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SurpriseTrace")
            .field("conditions", &self.conditions)
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

impl SurpriseTrace {
    /// Of sound at `rate`, scored under each of `conditions` (a class, or none), in hops of `spec`.
    ///
    /// # Errors
    /// If the rate is not from 8 to 192 kHz.
    ///
    /// # Panics
    /// If there is no condition, or one is no class of the network: a bug of the caller.
    pub fn new(
        net: Arc<PackedWavenet>,
        conditions: &[Option<usize>],
        rate: SampleRate,
        spec: &FrontEndSpec,
    ) -> Result<Self, FrontEndError> {
        let stream = net.initial_stream(conditions);
        Ok(Self {
            net,
            conditions: conditions.to_vec(),
            converter: RateConverter::new(rate, RATE)?,
            stream,
            hop: spec.hop().0,
            frame: 0,
            scored: 0,
            open: 0,
            sums: vec![0.0; conditions.len()],
            sound: Vec::new(),
            codes: Vec::new(),
            bits: Vec::new(),
            means: vec![0.0; conditions.len()],
        })
    }

    /// Takes samples; `observe` is given every hop that they complete. How samples are cut into calls makes no
    /// difference.
    ///
    /// # Errors
    /// If they come after [`SurpriseTrace::finish`].
    pub fn push(&mut self, samples: &[f32], observe: impl FnMut(Surprise<'_>)) -> Result<(), FrontEndError> {
        self.sound.clear();
        self.converter.push(samples, &mut self.sound)?;
        self.score(observe);
        Ok(())
    }

    /// What the resampler still holds. A hop that is not complete is not given.
    ///
    /// # Errors
    /// If it cannot be resampled.
    pub fn finish(&mut self, observe: impl FnMut(Surprise<'_>)) -> Result<(), FrontEndError> {
        self.sound.clear();
        self.converter.finish(&mut self.sound)?;
        self.score(observe);
        Ok(())
    }

    /// Resets the state: the next sample is the first of a new stream.
    pub fn reset(&mut self) {
        self.converter.reset();
        self.stream = self.net.initial_stream(&self.conditions);
        (self.frame, self.scored, self.open) = (0, 0, 0);
        self.sums.fill(0.0);
    }

    fn score(&mut self, mut observe: impl FnMut(Surprise<'_>)) {
        self.codes.clear();
        self.codes.extend(self.sound.iter().map(|sample| encode(*sample)));
        self.bits.clear();
        self.net.score(&self.codes, &mut self.stream, &mut self.bits);
        for row in self.bits.chunks_exact(self.conditions.len()) {
            for (sum, bits) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(*bits);
            }
            (self.scored, self.open) = (self.scored + 1, self.open + 1);
            let end = ((self.frame + 1) as f64 * self.hop * RATE.hz()).round() as u64;
            if self.scored == end {
                for (mean, sum) in self.means.iter_mut().zip(&mut self.sums) {
                    *mean = (*sum / self.open as f64) as f32;
                    *sum = 0.0;
                }
                observe(Surprise {
                    frame: FrameIndex(self.frame),
                    bits: &self.means,
                });
                (self.frame, self.open) = (self.frame + 1, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::wavenet::{Wavenet, WavenetShape};
    use attune_nn::weights::WeightStore;

    fn net() -> Arc<PackedWavenet> {
        let shape = WavenetShape {
            stacks: 1,
            layers: 5,
            conditioned: 2,
            residual: 16,
            skip: 16,
            classes: 2,
        };
        let mut store = WeightStore::random(1);
        Arc::new(Wavenet::new(store.root(), shape).unwrap().pack().unwrap())
    }

    fn trace(rate: u32, samples: &[f32], block: usize) -> Vec<(u64, Vec<f32>)> {
        let conditions = [Some(0), Some(1), None];
        let spec = FrontEndSpec::default();
        let mut trace = SurpriseTrace::new(net(), &conditions, SampleRate(rate), &spec).unwrap();
        let mut all = Vec::new();
        let mut keep = |hop: Surprise<'_>| all.push((hop.frame.0, hop.bits.to_vec()));
        for samples in samples.chunks(block) {
            trace.push(samples, &mut keep).unwrap();
        }
        trace.finish(&mut keep).unwrap();
        all
    }

    #[test]
    fn each_hop_has_its_mean_however_the_samples_are_cut() {
        let samples: Vec<f32> = (0..44_100).map(|n| 0.4 * (n as f32 * 0.05).sin()).collect();
        let hops = trace(44_100, &samples, 44_100);
        assert_eq!(hops.len(), 43, "hops of 23.2 ms in a second");
        assert!(hops == trace(44_100, &samples, 333) && hops == trace(44_100, &samples, 4_096));
        assert!(
            hops.iter()
                .zip(0..)
                .all(|(hop, frame)| hop.0 == frame && hop.1.len() == 3)
        );
        // At 8 kHz nothing is resampled: a hop is the mean of the bits of its samples.
        let direct: Vec<f32> = (0..2_000).map(|n| 0.4 * (n as f32 * 0.3).sin()).collect();
        let hops = trace(8_000, &direct, 100);
        let codes: Vec<u8> = direct.iter().map(|sample| encode(*sample)).collect();
        let (net, mut bits) = (net(), Vec::new());
        net.score(&codes, &mut net.initial_stream(&[Some(1)]), &mut bits);
        let mean = bits[186..372].iter().sum::<f32>() / 186.0; // 185.76 samples each, rounded
        assert!((hops[1].1[1] - mean).abs() < 1e-4, "{} and {mean}", hops[1].1[1]);
    }

    #[test]
    fn a_reset_is_a_new_stream_and_the_least_is_found() {
        let samples: Vec<f32> = (0..8_000).map(|n| 0.4 * (n as f32 * 0.3).sin()).collect();
        let spec = FrontEndSpec::default();
        let mut trace = SurpriseTrace::new(net(), &[None], SampleRate(8_000), &spec).unwrap();
        let mut once = Vec::new();
        trace.push(&samples, |hop| once.push(hop.bits[0])).unwrap();
        trace.reset();
        let mut again = Vec::new();
        trace.push(&samples, |hop| again.push(hop.bits[0])).unwrap();
        assert!(once == again && once.len() == 43);
        let hop = Surprise {
            frame: FrameIndex(0),
            bits: &[4.0, 3.0, 5.0],
        };
        assert_eq!(hop.least(), 1);
    }
}
