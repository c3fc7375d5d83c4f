//! The resampler: nothing shifts, nothing is spliced, wherever an edge falls among its blocks.

use attune_audio::features::{FrontEndError, RateConverter};
use attune_audio::units::SampleRate;

const TO: SampleRate = SampleRate(22_050);
/// Rates that the Fourier resampler takes, and some that only sinc interpolation can.
const FOURIER: [u32; 10] = [
    8_000, 11_025, 16_000, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000,
];
const SINC: [u32; 5] = [8_009, 22_255, 44_099, 99_991, 190_001];
/// Side lobes of a Blackman-Harris window lie 92 dB down; what passes or leaks through all of them together stays
/// below three times that.
const RIPPLE: f64 = 8e-5;

fn resampled(from: u32, samples: &[f32]) -> Vec<f32> {
    let mut converter = RateConverter::new(SampleRate(from), TO).unwrap();
    let mut out = Vec::new();
    converter.push(samples, &mut out).unwrap();
    converter.finish(&mut out).unwrap();
    assert_eq!(out.len() as u64, converter.output_samples(samples.len() as u64));
    out
}

/// Half the filter, in output samples: 25 ms nominally, a block is rounded to at most √2 times that.
fn half_filter() -> usize {
    (0.025 * 1.42 / 2.0 * TO.hz()).ceil() as usize + 64
}

#[test]
fn a_sine_comes_out_as_the_same_sine_through_all_blocks() {
    for from in FOURIER.into_iter().chain(SINC) {
        let hz = 1_234.5;
        let turn = std::f64::consts::TAU * hz;
        let sine = |n: usize, rate: f64| (turn * n as f64 / rate).sin();
        let samples: Vec<f32> = (0..from as usize / 2)
            .map(|n| sine(n, f64::from(from)) as f32)
            .collect();
        let out = resampled(from, &samples);
        // The stream's two ends are edges; between them the sine must be exact. Sinc rates are late or early by up to a
        // twentieth of a sample.
        let late = if SINC.contains(&from) { 0.05 } else { 0.0 };
        let allowed = RIPPLE + late * turn / TO.hz();
        for (n, &got) in out
            .iter()
            .enumerate()
            .take(out.len() - half_filter())
            .skip(half_filter())
        {
            let error = (f64::from(got) - sine(n, TO.hz())).abs();
            assert!(error <= allowed, "{from} Hz, sample {n}: off by {error:e}");
        }
    }
}

#[test]
fn an_impulse_leaves_the_same_trace_wherever_it_falls() {
    for from in FOURIER {
        let gcd = (1..=from)
            .rev()
            .find(|d| from.is_multiple_of(*d) && TO.0.is_multiple_of(*d))
            .unwrap();
        // After so many samples in and out the two rates are in step again.
        let (period_in, period_out) = ((from / gcd) as usize, (TO.0 / gcd) as usize);
        let length = from as usize / 2;
        let trace = |at: usize| {
            let mut samples = vec![0.0_f32; length];
            samples[at] = 1.0;
            resampled(from, &samples)
        };
        let first = (length / 3).next_multiple_of(period_in);
        let reference = trace(first);
        let gain: f64 = reference.iter().map(|&y| f64::from(y)).sum();
        // An impulse is a sum of all frequencies; the mean one (0 Hz) must keep its level.
        assert!(
            (gain * f64::from(from) / TO.hz() - 1.0).abs() < RIPPLE,
            "{from} Hz: gain {gain}"
        );
        let peak = reference.iter().copied().fold(0.0_f32, f32::max);
        let centre = first / period_in * period_out;
        assert!(reference[centre] >= peak, "{from} Hz: the impulse moved");
        for (n, y) in reference.iter().enumerate() {
            let far = n.abs_diff(centre) > half_filter();
            // Beyond the filter there is only rounding: eps · log2(4096) of the peak.
            assert!(
                !far || y.abs() <= peak * 12.0 * f32::EPSILON,
                "{from} Hz: an echo of {y:e} at {n}"
            );
        }
        // Other multiples of the period fall at other places of a block: starts, ends, both sides of a border.
        let mut steps: Vec<usize> = (1..12).collect();
        steps.extend([37, 64, 101, 127, 128, 129].map(|s| s * 40 / period_in.min(40)));
        for step in steps {
            let at = first + step * period_in;
            if at + from as usize / 20 > length {
                continue;
            }
            let moved = trace(at);
            let shift = step * period_out;
            for (n, &y) in reference[..reference.len() - shift].iter().enumerate() {
                let error = (moved[n + shift] - y).abs();
                assert!(
                    error <= peak * 12.0 * f32::EPSILON,
                    "{from} Hz, impulse at {at}, sample {n}: {error:e}"
                );
            }
        }
    }
}

#[test]
fn a_step_is_settled_beyond_the_filter() {
    for from in FOURIER.into_iter().chain(SINC) {
        let length = from as usize / 2;
        for at in [length / 3, length / 3 + 1, length / 2, length / 2 + 17] {
            let samples: Vec<f32> = (0..length).map(|n| if n < at { 0.0 } else { 1.0 }).collect();
            let out = resampled(from, &samples);
            let edge = (at as f64 * TO.hz() / f64::from(from)).round() as usize;
            for (n, &y) in out.iter().enumerate().take(out.len() - half_filter()) {
                let settled = if n + half_filter() < edge {
                    0.0
                } else if n > edge + half_filter() {
                    1.0
                } else {
                    continue;
                };
                let error = (f64::from(y) - settled).abs();
                assert!(error <= RIPPLE, "{from} Hz, step at {at}: {y} at {n}");
            }
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_gone() {
    for from in [44_100, 48_000, 96_000, 192_000, 44_099] {
        let hz = 12_500.0; // would come back as 9,550 Hz
        let samples: Vec<f32> = (0..from as usize / 2)
            .map(|n| (std::f64::consts::TAU * hz * n as f64 / f64::from(from)).sin() as f32)
            .collect();
        let out = resampled(from, &samples);
        let inner = &out[half_filter()..out.len() - half_filter()];
        let peak = inner.iter().copied().fold(0.0_f32, |top, y| top.max(y.abs()));
        assert!(f64::from(peak) <= RIPPLE, "{from} Hz: an alias of {peak:e}");
    }
}

#[test]
fn equal_rates_pass_every_bit() {
    let samples: Vec<f32> = (0..1_000).map(|n| (n as f32 * 0.37).sin()).collect();
    assert_eq!(resampled(TO.0, &samples), samples);
}

#[test]
fn lengths_follow_from_lengths() {
    for from in [8_000, 44_100, 48_000, 22_255] {
        for length in [0, 1, 2, 3, 639, 640, 641, 1_279, 1_280, 1_281, 5_003] {
            let out = resampled(from, &vec![0.5; length]);
            let expected = (length as f64 * TO.hz() / f64::from(from)).ceil() as usize;
            assert_eq!(out.len(), expected, "{length} samples at {from} Hz");
        }
    }
}

#[test]
fn rates_out_of_range_are_named() {
    for rate in [0, 1, 7_999, 192_001, u32::MAX] {
        assert_eq!(
            RateConverter::new(SampleRate(rate), TO).err(),
            Some(FrontEndError::SourceRate(rate))
        );
    }
}
