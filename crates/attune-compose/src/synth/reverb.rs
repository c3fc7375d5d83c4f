//! A room: four combs and two all-passes in series (Schroeder 1962). It is linear, so that each stem has its own.
//!
//! In: samples. Out: the same with their reverberation. Thread: any.

const COMB_SECS: [f64; 4] = [0.0297, 0.0371, 0.0411, 0.0437];
const COMB_GAIN: f32 = 0.78;
const ALL_PASS_SECS: [f64; 2] = [0.005, 0.0017];
const ALL_PASS_GAIN: f32 = 0.7;

/// Adds reverberation in place; `share` is its amplitude against the sound itself.
pub(super) fn apply(samples: &mut [f32], rate_hz: f64, share: f32) {
    let line = |secs: f64| Delay::new((secs * rate_hz) as usize);
    let mut combs = COMB_SECS.map(line);
    let mut all_passes = ALL_PASS_SECS.map(line);
    for sample in samples {
        let mut wet = 0.0;
        for comb in &mut combs {
            let delayed = comb.oldest();
            comb.push(*sample + COMB_GAIN * delayed);
            wet += 0.25 * delayed;
        }
        for all_pass in &mut all_passes {
            let delayed = all_pass.oldest();
            let kept = wet + ALL_PASS_GAIN * delayed;
            wet = delayed - ALL_PASS_GAIN * kept;
            all_pass.push(kept);
        }
        *sample += share * wet;
    }
}

struct Delay {
    samples: Vec<f32>,
    at: usize,
}

impl Delay {
    fn new(length: usize) -> Self {
        Self {
            samples: vec![0.0; length.max(1)],
            at: 0,
        }
    }

    fn oldest(&self) -> f32 {
        self.samples[self.at]
    }

    fn push(&mut self, sample: f32) {
        self.samples[self.at] = sample;
        self.at = if self.at + 1 == self.samples.len() {
            0
        } else {
            self.at + 1
        };
    }
}
