//! A running mean: of all frames at first, with more weight on later ones, then exponential.
//!
//! In: probabilities per frame. Out: their average. Thread: worker.

use attune_audio::units::Seconds;
use attune_model::genre::Probabilities;

/// The average of one model's probabilities.
#[derive(Debug, Clone)]
pub(super) struct Average {
    value: Probabilities,
    decay: Decay,
}

/// How much each new frame weighs in a running mean.
#[derive(Debug, Clone, Default)]
pub(super) struct Decay {
    frames: u64,
}

impl Decay {
    /// After so many frames.
    pub(super) fn after(frames: u64) -> Self {
        Self { frames }
    }

    /// The weight of the next frame: of the n-th `max((η + 1) / (n + η), steady)`.
    pub(super) fn next(&mut self, steady: f64) -> f32 {
        self.frames += 1;
        ((DECAY + 1.0) / (self.frames as f64 + DECAY)).max(steady) as f32
    }
}

/// η of the polynomial-decay average (Shamir & Zhang 2013): frame n of the first ones counts as n(n + 1), so that what
/// a model or the gate answered before it had seen much is soon outweighed by what it answers now.
const DECAY: f64 = 2.0;

/// The weight of a new frame under a time constant τ: `1 - exp(-hop / τ)`; 1 (no memory) for τ = 0.
pub(super) fn steady_weight(hop: Seconds, time_constant: Seconds) -> f64 {
    if time_constant.0 > 0.0 {
        -f64::exp_m1(-hop.0 / time_constant.0)
    } else {
        1.0
    }
}

impl Average {
    /// Before the first frame: uniform.
    pub(super) fn new(classes: usize) -> Self {
        Self {
            value: Probabilities::uniform(classes),
            decay: Decay::default(),
        }
    }

    /// As if all of `frames` had been this one.
    pub(super) fn after(frames: u64, value: Probabilities) -> Self {
        Self {
            value,
            decay: Decay::after(frames),
        }
    }

    /// Takes one frame, weighted by [`Decay`]: a mean of all frames, of which later ones weigh more, until the
    /// exponential one is steadier; so the first answer comes early and leans on no made-up past.
    pub(super) fn push(&mut self, raw: &Probabilities, steady: f64) {
        let weight = self.decay.next(steady);
        for (mean, &new) in self.value.as_mut_slice().iter_mut().zip(raw.as_slice()) {
            *mean += weight * (new - *mean);
        }
    }

    /// The average so far.
    pub(super) fn value(&self) -> &Probabilities {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_frames_weigh_more_at_first_then_it_is_exponential() {
        let steady = steady_weight(Seconds(0.1), Seconds(1.0));
        assert!((steady - 0.095_162_58).abs() < 1e-8, "1 - exp(-0.1)");
        let mut average = Average::new(2);
        for i in 0..29u8 {
            let p = f32::from(i % 2);
            average.push(&Probabilities::from_slice(&[p, 1.0 - p]), steady);
        }
        // Frame n counts as n(n + 1): Σ over n ≤ N is N(N + 1)(N + 2)/3 = 8990, over the even ones up to 2m it is
        // 4·m(m + 1)(2m + 1)/6 + m(m + 1) = 4270. 3/31 is still above the steady weight; each of the 29 updates rounds
        // once, to within 2^-24 of a value below 1.
        assert!((average.value().as_slice()[0] - 4270.0 / 8990.0).abs() < 29.0 * 2f32.powi(-24));
        // From then on a step is approached as 1 - exp(-t/τ), over 20 more frames of 0.1 s: 3/32 < steady.
        for _ in 0..20 {
            average.push(&Probabilities::from_slice(&[1.0, 0.0]), steady);
        }
        let expected = 1.0 - (1.0 - 4270.0 / 8990.0) * (-2.0f32).exp();
        assert!((average.value().as_slice()[0] - expected).abs() < 1e-5);
    }

    #[test]
    fn without_a_time_constant_it_remembers_nothing() {
        let mut average = Average::new(2);
        average.push(
            &Probabilities::from_slice(&[1.0, 0.0]),
            steady_weight(Seconds(0.02), Seconds(0.0)),
        );
        average.push(
            &Probabilities::from_slice(&[0.0, 1.0]),
            steady_weight(Seconds(0.02), Seconds(0.0)),
        );
        assert_eq!(average.value().as_slice(), [0.0, 1.0]);
    }
}
