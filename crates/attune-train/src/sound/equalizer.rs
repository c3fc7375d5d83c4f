//! Second-order filters (Bristow-Johnson's Audio EQ Cookbook, 2005) and what is built of them: equalisers, band limits.

use super::{between, between_ratios};
use attune_audio::units::{Decibels, SampleRate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// y[n] = b0·x[n] + b1·x[n−1] + b2·x[n−2] − a1·y[n−1] − a2·y[n−2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
}

/// cos ω and sin ω / 2Q of a filter's frequency.
fn turn(hz: f64, q: f64, rate: SampleRate) -> (f64, f64) {
    // Beyond this a digital filter of second order has no room left to be what its name says.
    let omega = 2.0 * PI * hz.clamp(1.0, 0.49 * rate.hz()) / rate.hz();
    (omega.cos(), omega.sin() / (2.0 * q))
}

impl Biquad {
    fn new(b: [f64; 3], a: [f64; 3]) -> Self {
        Self {
            b: b.map(|b| b / a[0]),
            a: [a[1] / a[0], a[2] / a[0]],
        }
    }

    /// Raises or lowers around `hz` by `gain`; `q` is the frequency over the width.
    pub fn peak(hz: f64, gain: Decibels, q: f64, rate: SampleRate) -> Self {
        let (cos, alpha) = turn(hz, q, rate);
        let a = 10f64.powf(f64::from(gain.0) / 40.0);
        Self::new(
            [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
            [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
        )
    }

    /// Raises or lowers all below `hz` by `gain`; half of it in decibels at `hz`.
    pub(crate) fn low_shelf(hz: f64, gain: Decibels, rate: SampleRate) -> Self {
        Self::shelf(hz, gain, rate, 1.0)
    }

    /// Raises or lowers all above `hz` by `gain`; half of it in decibels at `hz`.
    pub(crate) fn high_shelf(hz: f64, gain: Decibels, rate: SampleRate) -> Self {
        Self::shelf(hz, gain, rate, -1.0)
    }

    /// Both shelves are one formula with the sign of the cosine changed.
    fn shelf(hz: f64, gain: Decibels, rate: SampleRate, side: f64) -> Self {
        let (cos, alpha) = turn(hz, FRAC_1_SQRT_2, rate);
        let a = 10f64.powf(f64::from(gain.0) / 40.0);
        let (plus, minus, root) = (a + 1.0, (a - 1.0) * side * cos, 2.0 * a.sqrt() * alpha);
        let middle = side * ((a - 1.0) - (a + 1.0) * side * cos);
        let lower = -side * ((a - 1.0) + (a + 1.0) * side * cos);
        Self::new(
            [a * (plus - minus + root), 2.0 * a * middle, a * (plus - minus - root)],
            [plus + minus + root, 2.0 * lower, plus + minus - root],
        )
    }

    /// Lets through what is below `hz`.
    pub(crate) fn low_pass(hz: f64, q: f64, rate: SampleRate) -> Self {
        let (cos, alpha) = turn(hz, q, rate);
        let half = f64::midpoint(1.0, -cos);
        Self::new([half, 2.0 * half, half], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Lets through what is above `hz`.
    pub(crate) fn high_pass(hz: f64, q: f64, rate: SampleRate) -> Self {
        let (cos, alpha) = turn(hz, q, rate);
        let half = f64::midpoint(1.0, cos);
        Self::new([half, -2.0 * half, half], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// Filters in place, from rest (transposed direct form II, in double precision: low filters are ill-conditioned).
    pub fn apply(&self, samples: &mut [f32]) {
        let ([b0, b1, b2], [a1, a2]) = (self.b, self.a);
        let (mut s1, mut s2) = (0.0, 0.0);
        for sample in samples {
            let x = f64::from(*sample);
            let y = b0 * x + s1;
            s1 = b1 * x - a1 * y + s2;
            s2 = b2 * x - a2 * y;
            *sample = y as f32;
        }
    }

    /// The gain for a sine of `hz`.
    pub fn response(&self, hz: f64, rate: SampleRate) -> Decibels {
        let omega = 2.0 * PI * hz / rate.hz();
        let power = |c: [f64; 3]| {
            let re = c[0] + c[1] * omega.cos() + c[2] * (2.0 * omega).cos();
            let im = c[1] * omega.sin() + c[2] * (2.0 * omega).sin();
            re * re + im * im
        };
        Decibels((10.0 * (power(self.b) / power([1.0, self.a[0], self.a[1]])).log10()) as f32)
    }
}

/// A random equaliser: two shelves and one to three peaks, each up to ± `most`.
pub fn random_equalizer(most: Decibels, rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<Biquad> {
    let gain = |rng: &mut ChaCha8Rng| Decibels(between(-1.0, 1.0, rng) as f32 * most.0);
    let mut filters = vec![
        Biquad::low_shelf(between_ratios(80.0, 300.0, rng), gain(rng), rate),
        Biquad::high_shelf(between_ratios(2_500.0, 8_000.0, rng), gain(rng), rate),
    ];
    for _ in 0..rng.random_range(1..=3) {
        let (hz, q) = (between_ratios(100.0, 6_000.0, rng), between_ratios(0.4, 2.0, rng));
        filters.push(Biquad::peak(hz, gain(rng), q, rate));
    }
    filters
}

/// Quality factors of the second-order sections of a Butterworth filter of order 2·`sections` (Butterworth 1930).
fn butterworth(sections: usize) -> impl Iterator<Item = f64> {
    (0..sections).map(move |k| 1.0 / (2.0 * (PI * (2 * k + 1) as f64 / (4 * sections) as f64).cos()))
}

/// What a band from `low_hz` to `high_hz` lets through: −3 dB at each edge, 24 dB an octave beyond (Butterworth, order
/// 4). A low edge of 0, or a high one of half the rate, is none. A telephone: 300 to 3,400 Hz.
pub fn band_limited(samples: &[f32], rate: SampleRate, low_hz: f64, high_hz: f64) -> Vec<f32> {
    let mut out = samples.to_vec();
    if low_hz > 0.0 {
        for q in butterworth(2) {
            Biquad::high_pass(low_hz, q, rate).apply(&mut out);
        }
    }
    limit_above(&mut out, rate, high_hz, 2);
    out
}

/// As a codec of few bits: all above `edge_hz` is cut off steeply, −3 dB at the edge and 60 dB an octave beyond
/// (Butterworth, order 10).
pub fn low_passed(samples: &[f32], rate: SampleRate, edge_hz: f64) -> Vec<f32> {
    let mut out = samples.to_vec();
    limit_above(&mut out, rate, edge_hz, 5);
    out
}

fn limit_above(samples: &mut [f32], rate: SampleRate, hz: f64, sections: usize) {
    if hz < 0.49 * rate.hz() {
        for q in butterworth(sections) {
            Biquad::low_pass(hz, q, rate).apply(samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{RATE, power_at, sine};
    use super::*;
    use rand::SeedableRng;

    /// The gain in dB that a filter gives a sine, once it has settled.
    fn gain_db(hz: f64, filter: impl Fn(&[f32]) -> Vec<f32>) -> f64 {
        let samples = sine(hz, 2.0);
        let out = filter(&samples);
        let from = samples.len() / 2;
        10.0 * (power_at(&out[from..], hz) / power_at(&samples[from..], hz)).log10()
    }

    #[test]
    fn a_peak_has_its_gain_at_its_centre_and_none_far_away() {
        let peak = Biquad::peak(1_000.0, Decibels(6.0), 1.0, RATE);
        let at = |hz| peak.response(hz, RATE).0;
        assert!((at(1_000.0) - 6.0).abs() < 1e-4);
        assert!(at(20.0).abs() < 0.01 && at(11_000.0).abs() < 0.01);
        let measured = gain_db(1_000.0, |samples| {
            let mut out = samples.to_vec();
            peak.apply(&mut out);
            out
        });
        assert!((measured - 6.0).abs() < 1e-3, "{measured}");
    }

    #[test]
    fn shelves_have_their_gain_on_their_side_and_half_of_it_at_their_edge() {
        let low = Biquad::low_shelf(500.0, Decibels(-8.0), RATE);
        let high = Biquad::high_shelf(2_000.0, Decibels(5.0), RATE);
        for (filter, hz, gain) in [
            (low, 1.0, -8.0),
            (low, 500.0, -4.0),
            (low, 11_000.0, 0.0),
            (high, 1.0, 0.0),
            (high, 2_000.0, 2.5),
            (high, 11_024.0, 5.0),
        ] {
            let measured = filter.response(hz, RATE).0;
            assert!(
                (measured - gain).abs() < 0.02,
                "{filter:?} at {hz}: {measured} not {gain}"
            );
        }
    }

    #[test]
    fn a_telephone_is_3_decibels_down_at_its_edges_and_24_an_octave_below() {
        let telephone = |samples: &[f32]| band_limited(samples, RATE, 300.0, 3_400.0);
        assert!((gain_db(300.0, telephone) + 3.01).abs() < 0.02);
        assert!((gain_db(3_400.0, telephone) + 3.01).abs() < 0.02);
        assert!(gain_db(1_000.0, telephone).abs() < 0.02);
        let fall = gain_db(37.5, telephone) - gain_db(75.0, telephone);
        assert!((fall + 24.0).abs() < 0.2, "{fall}");
    }

    #[test]
    fn no_edge_is_no_filter_and_a_codec_cuts_steeply() {
        let samples = sine(441.0, 0.1);
        assert_eq!(band_limited(&samples, RATE, 0.0, RATE.hz() / 2.0), samples);
        let codec = |samples: &[f32]| low_passed(samples, RATE, 4_000.0);
        assert!((gain_db(4_000.0, codec) + 3.01).abs() < 0.02);
        assert!(gain_db(8_000.0, codec) < -60.0 && gain_db(2_000.0, codec).abs() < 0.01);
    }

    #[test]
    fn a_random_equalizer_is_drawn_within_its_gain_and_again_the_same() {
        let draw = |seed| random_equalizer(Decibels(6.0), RATE, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for filter in draw(3) {
            for hz in [50.0, 1_000.0, 10_000.0] {
                assert!(filter.response(hz, RATE).0.abs() <= 6.01);
            }
        }
    }
}
