//! A mean over time that forgets: of everything heard at first, exponential later.
//!
//! In: probabilities per frame. Out: their average. Thread: worker.

use crate::genre::Probabilities;
use crate::units::Seconds;

/// The average of one engine's probabilities.
#[derive(Debug, Clone)]
pub(super) struct Average {
    value: Probabilities,
    frames: u64,
}

/// The weight of a new frame under a time constant τ: `1 - exp(-hop / τ)`; 1 (no memory) for τ = 0.
pub(super) fn steady_weight(hop: Seconds, time_constant: Seconds) -> f64 {
    if time_constant.0 > 0.0 {
        -f64::exp_m1(-hop.0 / time_constant.0)
    } else {
        1.0
    }
}

impl Average {
    /// Nothing heard yet: uniform.
    pub(super) fn new(classes: usize) -> Self {
        Self {
            value: Probabilities::uniform(classes),
            frames: 0,
        }
    }

    /// Takes one frame. The n-th frame weighs `max(1/n, steady)`: a plain mean until the exponential one would be
    /// steadier, so that the first answer comes early and leans on no made-up past.
    pub(super) fn push(&mut self, raw: &Probabilities, steady: f64) {
        self.frames += 1;
        let weight = (1.0 / self.frames as f64).max(steady) as f32;
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
    fn a_plain_mean_at_first_then_exponential() {
        let steady = steady_weight(Seconds(0.1), Seconds(1.0));
        assert!((steady - 0.095_162_58).abs() < 1e-8, "1 - exp(-0.1)");
        let mut average = Average::new(2);
        for i in 0..10u8 {
            let p = f32::from(i % 2);
            average.push(&Probabilities::from_slice(&[p, 1.0 - p]), steady);
        }
        // Ten frames, half of them 1: 1/10 is still above the steady weight, so it is the plain mean; each update
        // rounds once, to within 2^-24 of a value below 1.
        assert!((average.value().as_slice()[0] - 0.5).abs() < 10.0 * 2f32.powi(-24));
        // From then on a step is approached as 1 - exp(-t/τ): 0.5 is left to cover, over 20 more frames of 0.1 s.
        for _ in 0..20 {
            average.push(&Probabilities::from_slice(&[1.0, 0.0]), steady);
        }
        let expected = 1.0 - 0.5 * (-2.0f32).exp();
        // The weight switches from 1/n to steady at frame 11 (1/11 < steady): all 20 frames are exponential.
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
