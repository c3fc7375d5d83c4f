//! Many channels to one: their mean, and not silence where they cancel.
//!
//! Of two channels with opposite polarity the mean is silence (a wire swapped in a cable, a "wide" effect, one side of
//! a balanced pair recorded as a channel). Where the mean has kept next to nothing of the channels' power for a while,
//! half the difference of two channels, or the loudest of several, takes its place. Everywhere else the result is the
//! mean, to the bit.
//!
//! The rule is causal: what happens in a hop depends on the [`MEMORY`] hops before it and on nothing else, so how the
//! sound is cut into blocks changes no bit, and neither does a seek that begins [`Mixdown::reach`] earlier.
//!
//! In: interleaved samples. Out: mono samples. Thread: any but the audio callback's: a hop may allocate.

use std::collections::VecDeque;

/// Hops that a decision looks back at: 0.34–0.68 s.
const MEMORY: usize = 16;
/// Hops of these that must have sound.
const AUDIBLE: usize = 8;
/// Below this mean square (−100 dB) a hop has no sound.
const SILENCE: f64 = 1e-10;
/// Share of the power that uncorrelated channels would keep, below which they cancel: a correlation of two channels of
/// −0.98.
const CANCELLED: f64 = 0.02;
/// Powers are taken of every so many frames.
const STRIDE: u64 = 16;

/// Sums of squares over a hop.
#[derive(Debug, Clone, Default)]
struct Powers {
    /// Of each channel.
    channels: Vec<f64>,
    /// Of the sum of all channels.
    sum: f64,
    frames: u64,
}

/// What a hop is mixed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mix {
    Mean,
    /// (first − second) / 2.
    Difference,
    /// One channel.
    One(usize),
}

impl Mix {
    fn of(self, frame: &[f32]) -> f32 {
        match self {
            Self::Mean => frame.iter().sum::<f32>() * (1.0 / frame.len() as f32),
            Self::Difference => (frame[0] - frame[1]) * 0.5,
            Self::One(channel) => frame[channel],
        }
    }
}

/// Mixes a stream down.
#[derive(Debug, Clone)]
pub struct Mixdown {
    hop: u64,
    /// The next frame's index in the stream.
    frame: u64,
    channels: usize,
    current: Powers,
    before: VecDeque<Powers>,
    /// What the hop before was mixed to, and this one is.
    mixes: (Mix, Mix),
    /// Frames so far for which the mean was not used.
    rescued: u64,
}

impl Mixdown {
    /// For a stream of this rate in hertz.
    pub fn new(rate: u32) -> Self {
        Self {
            hop: u64::from((rate / 48).max(64)).next_power_of_two(),
            frame: 0,
            channels: 0,
            current: Powers::default(),
            before: VecDeque::with_capacity(MEMORY + 1),
            mixes: (Mix::Mean, Mix::Mean),
            rescued: 0,
        }
    }

    /// The first frame that has to be mixed so that all from `frame` on are as in one pass from the start.
    pub(super) fn reach(&self, frame: u64) -> u64 {
        (frame / self.hop).saturating_sub(MEMORY as u64 + 1) * self.hop
    }

    /// Forgets everything; the next frame is `frame`, a value of [`Mixdown::reach`].
    pub(super) fn restart(&mut self, frame: u64) {
        self.frame = frame;
        self.forget();
    }

    /// What to say of a stream in which channels cancelled, if they did; `rate` in hertz.
    pub fn remark(&self, rate: u32) -> Option<String> {
        let secs = self.rescued as f64 / f64::from(rate);
        (self.rescued > 0).then(|| {
            format!(
                "its channels cancel each other for {secs:.1} s (opposite polarity): their difference was used, not \
                 their mean"
            )
        })
    }

    fn forget(&mut self) {
        self.before.clear();
        self.current = Powers::default();
        self.mixes = (Mix::Mean, Mix::Mean);
    }

    /// Appends the mix of whole frames of `channels` samples to `out`.
    pub fn push(&mut self, mut samples: &[f32], channels: usize, out: &mut Vec<f32>) {
        if channels != self.channels {
            self.channels = channels;
            self.forget();
        }
        if channels == 1 {
            out.extend_from_slice(samples);
            self.frame += samples.len() as u64;
            return;
        }
        while samples.len() >= channels {
            let within = self.frame % self.hop;
            let frames = (samples.len() / channels).min((self.hop - within) as usize);
            let (now, later) = samples.split_at(frames * channels);
            self.measure(now);
            self.mix(now, within, out);
            samples = later;
            self.frame += frames as u64;
            if self.frame.is_multiple_of(self.hop) {
                self.end_hop();
            }
        }
    }

    fn mix(&mut self, samples: &[f32], within: u64, out: &mut Vec<f32>) {
        let frames = samples.chunks_exact(self.channels);
        match self.mixes {
            // The same sum, of a length that the compiler knows.
            (Mix::Mean, Mix::Mean) if self.channels == 2 => {
                let (frames, _) = samples.as_chunks::<2>();
                out.extend(frames.iter().map(|frame| frame.iter().sum::<f32>() * 0.5));
            }
            (Mix::Mean, Mix::Mean) => {
                let share = 1.0 / self.channels as f32;
                out.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
            }
            (old, new) => {
                self.rescued += frames.len() as u64;
                // A hop of crossfade: no click.
                let step = if old == new { 0.0 } else { 1.0 / self.hop as f32 };
                out.extend(frames.enumerate().map(|(n, frame)| {
                    let share = 1.0 - (within as f32 + n as f32) * step;
                    if old == new {
                        new.of(frame)
                    } else {
                        old.of(frame) * share + new.of(frame) * (1.0 - share)
                    }
                }));
            }
        }
    }

    fn measure(&mut self, samples: &[f32]) {
        let powers = &mut self.current;
        powers.channels.resize(self.channels, 0.0);
        let first = (STRIDE - self.frame % STRIDE) % STRIDE;
        let picked = samples
            .chunks_exact(self.channels)
            .skip(first as usize)
            .step_by(STRIDE as usize);
        for frame in picked {
            let mut sum = 0.0;
            for (power, &sample) in powers.channels.iter_mut().zip(frame) {
                let sample = f64::from(sample);
                *power += sample * sample;
                sum += sample;
            }
            powers.sum += sum * sum;
            powers.frames += 1;
        }
    }

    fn end_hop(&mut self) {
        if self.before.len() == MEMORY {
            self.before.pop_front();
        }
        self.before.push_back(std::mem::take(&mut self.current));
        self.mixes = (self.mixes.1, self.decide());
    }

    fn decide(&self) -> Mix {
        let count = self.channels as f64;
        let mut totals = vec![0.0; self.channels];
        let (mut sum, mut audible) = (0.0, 0);
        for hop in &self.before {
            let power: f64 = hop.channels.iter().sum();
            audible += usize::from(power > SILENCE * count * hop.frames as f64);
            sum += hop.sum;
            for (total, power) in totals.iter_mut().zip(&hop.channels) {
                *total += power;
            }
        }
        // The sum of uncorrelated channels has the power of all together.
        if audible < AUDIBLE || sum >= CANCELLED * totals.iter().sum::<f64>() {
            return Mix::Mean;
        }
        if self.channels == 2 {
            return Mix::Difference;
        }
        // The first of those that are about as loud as the loudest: which one is chosen must not flutter.
        let loudest = totals.iter().copied().fold(0.0, f64::max);
        let first = totals.iter().position(|total| *total >= 0.5 * loudest);
        Mix::One(first.unwrap_or(0))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    const RATE: u32 = 44_100;

    fn noise(count: usize, mut seed: u32) -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 16_777_216.0 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    fn mixed(samples: &[f32], channels: usize, cuts: impl Fn(usize) -> usize) -> (Vec<f32>, u64) {
        let mut mixdown = Mixdown::new(RATE);
        let (mut out, mut at, mut n) = (Vec::new(), 0, 0);
        while at < samples.len() {
            let until = samples.len().min(at + cuts(n).max(1) * channels);
            mixdown.push(&samples[at..until], channels, &mut out);
            (at, n) = (until, n + 1);
        }
        (out, mixdown.rescued)
    }

    fn stereo(left: &[f32], right: impl Fn(usize) -> f32) -> Vec<f32> {
        left.iter().enumerate().flat_map(|(n, &l)| [l, right(n)]).collect()
    }

    /// Mean squares of the whole but for the first second.
    fn power(samples: &[f32]) -> f64 {
        let late = &samples[RATE as usize..];
        late.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / late.len() as f64
    }

    #[test]
    fn opposite_channels_do_not_cancel_and_others_are_their_mean_to_the_bit() {
        let left = noise(4 * RATE as usize, 1);
        let other = noise(left.len(), 2);
        let (out, rescued) = mixed(&stereo(&left, |n| -left[n]), 2, |_| 1152);
        assert!((power(&out) / power(&left) - 1.0).abs() < 1e-6);
        assert!(rescued > 3 * u64::from(RATE));
        // Uncorrelated, one side only, and a wide mix: correlation −0.9.
        let wide = |n: usize| -left[n] + 0.48 * other[n];
        let rights: [&dyn Fn(usize) -> f32; 3] = [&|n| other[n], &|_| 0.0, &wide];
        for right in rights {
            let both = stereo(&left, right);
            let mean: Vec<f32> = both
                .chunks_exact(2)
                .map(|frame| frame.iter().sum::<f32>() * 0.5)
                .collect();
            assert_eq!(mixed(&both, 2, |_| 1152), (mean, 0));
        }
    }

    #[test]
    fn how_it_is_cut_changes_no_bit_and_a_later_start_within_reach_neither() {
        let left = noise(4 * RATE as usize, 3);
        // Opposite from 1 s to 2.5 s only.
        let turned = |n: usize| {
            if (44_100..110_250).contains(&n) {
                -left[n]
            } else {
                left[n]
            }
        };
        let both = stereo(&left, turned);
        let whole = mixed(&both, 2, |_| 1152);
        for cuts in [1, 7, 1024, 100_000] {
            assert_eq!(mixed(&both, 2, |n| cuts + n % 3), whole, "{cuts}");
        }
        for start in [0, 50_000, 70_001, 120_000] {
            let mut mixdown = Mixdown::new(RATE);
            let from = mixdown.reach(start);
            mixdown.restart(from);
            let mut out = Vec::new();
            mixdown.push(&both[2 * from as usize..], 2, &mut out);
            let late = (start - from) as usize;
            assert_eq!(out[late..], whole.0[start as usize..], "from {start}");
        }
        assert!(whole.1 > 0);
    }

    #[test]
    fn of_several_channels_that_cancel_one_is_taken() {
        let left = noise(3 * RATE as usize, 5);
        let four: Vec<f32> = left.iter().flat_map(|&l| [0.0, l, -l, 0.0]).collect();
        let (out, _) = mixed(&four, 4, |_| 1000);
        assert_eq!(out[2 * RATE as usize..], left[2 * RATE as usize..]);
    }
}
