use super::*;
use crate::units::{Decibels, Seconds};
use rand::{RngExt, SeedableRng};

fn spec(bands: usize) -> FrontEndSpec {
    FrontEndSpec {
        bands,
        ..FrontEndSpec::default()
    }
}

/// Levels of something like music: 60 dB of slope over the bands, ±12 dB from frame to frame and band to band.
fn levels(frames: usize, bands: usize, seed: u64) -> Vec<f32> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..frames)
        .flat_map(|_| {
            let loudness: f32 = random.random_range(-12.0..12.0);
            let frame: Vec<f32> = (0..bands)
                .map(|b| 20.0 - 60.0 * b as f32 / bands as f32 + loudness / 2.0 + random.random_range(-6.0..6.0))
                .collect();
            frame
        })
        .collect()
}

fn normalized(spec: &FrontEndSpec, levels: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    LoudnessNormalizer::new(spec).push(levels, &mut out);
    out
}

/// The definition, word for word, with running first and second moments.
fn by_definition(spec: &FrontEndSpec, levels: &[f32]) -> Vec<f64> {
    let normalization = &spec.normalization;
    let hop_share = spec.hop().0 / normalization.time_constant.0;
    let (mut peak, mut mean, mut square) = (f64::NEG_INFINITY, 0.0, 0.0);
    let mut out = Vec::new();
    for (n, frame) in levels.chunks(spec.bands).enumerate() {
        let frame: Vec<f64> = frame.iter().map(|&x| f64::from(x)).collect();
        let loudest = frame.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        peak = loudest.max(peak - 10.0 * hop_share * std::f64::consts::LOG10_E);
        let raised = frame.iter().map(|x| x.max(peak - f64::from(normalization.range.0)));
        let raised: Vec<f64> = raised.collect();
        let count = raised.len() as f64;
        let weight = (1.0 / (n + 1) as f64).max(hop_share);
        mean += weight * (raised.iter().sum::<f64>() / count - mean);
        square += weight * (raised.iter().map(|x| x * x).sum::<f64>() / count - square);
        let deviation = (square - mean * mean)
            .max(0.0)
            .sqrt()
            .max(f64::from(normalization.least_deviation.0));
        let clamp = f64::from(normalization.clamp);
        out.extend(raised.iter().map(|x| ((x - mean) / deviation).clamp(-clamp, clamp)));
    }
    out
}

#[test]
fn does_what_its_definition_says() {
    let mut spec = spec(16);
    spec.normalization.time_constant = Seconds(1.0);
    spec.normalization.range = Decibels(50.0); // acts on some values
    spec.normalization.clamp = 1.8; // acts on some values
    let levels = levels(400, 16, 1);
    let (ours, expected) = (normalized(&spec, &levels), by_definition(&spec, &levels));
    // Levels and the peak are f32 of at most 64: exact to 4e-6 dB, the peak after 400 releases to 400 times that; the
    // deviation is over 10 dB.
    let allowed = 400.0 * 4e-6 / 10.0;
    for (i, (our, their)) in ours.iter().zip(&expected).enumerate() {
        assert!((f64::from(*our) - their).abs() <= allowed, "value {i}: {our} {their}");
    }
    assert!(
        expected.iter().any(|y| y.abs() >= f64::from(1.8_f32)),
        "the clamp was not tested"
    );
}

#[test]
fn gain_and_any_affine_map_of_the_levels_fall_out() {
    let mut spec = spec(128);
    spec.normalization.range = Decibels(500.0);
    spec.normalization.clamp = 100.0;
    let levels = levels(300, 128, 2);
    let plain = normalized(&spec, &levels);
    for (scale, offset) in [(1.0, 23.7), (1.0, -40.0), (0.5, 3.0), (3.0, 0.0)] {
        let mapped: Vec<f32> = levels.iter().map(|x| scale * x + offset).collect();
        let got = normalized(&spec, &mapped);
        // Mapped levels are below 256 and rounded to half an ulp, 8e-6 dB, and every deviation here is over 5 dB; a
        // result below 8 is itself rounded to 2.4e-7.
        let allowed = 2.0 * 8e-6 / 5.0 + 2.4e-7;
        for (a, b) in plain.iter().zip(&got) {
            assert!((a - b).abs() <= allowed, "{scale} x + {offset}: {a} {b}");
        }
    }
}

#[test]
fn cuts_make_no_difference_and_reset_does() {
    let spec = spec(8);
    let levels = levels(200, 8, 3);
    let whole = normalized(&spec, &levels);
    let mut normalizer = LoudnessNormalizer::new(&spec);
    let mut cut = Vec::new();
    for frames in levels.chunks(8 * 7) {
        normalizer.push(frames, &mut cut);
        normalizer.push(&[], &mut cut);
    }
    assert_eq!(whole, cut);
    let mut again = Vec::new();
    normalizer.push(&levels, &mut again);
    assert_ne!(whole, again, "the stream should remember earlier frames");
    normalizer.reset();
    again.clear();
    normalizer.push(&levels, &mut again);
    assert_eq!(whole, again);
}

#[test]
fn the_past_fades_with_the_time_constant() {
    let mut spec = spec(2);
    spec.normalization.time_constant = Seconds(2.0);
    let mut normalizer = LoudnessNormalizer::new(&spec);
    let mut out = Vec::new();
    let frames = spec.frames_in(Seconds(20.0));
    normalizer.push(&[-10.0, 10.0].repeat(frames), &mut out);
    assert!(normalizer.mean_db.abs() < 1e-9);
    // One time constant after a jump of 30 dB, 1 - 1/e of it has arrived: with steps of h = 0.0116 time constants,
    // (1 - h)^(1/h) differs from 1/e by less than h/2 of it.
    normalizer.push(&[20.0, 40.0].repeat(spec.frames_in(Seconds(2.0))), &mut out);
    let arrived = normalizer.mean_db / 30.0;
    let h = spec.hop().0 / 2.0;
    assert!((arrived - (1.0 - (-1.0_f64).exp())).abs() < h, "{arrived}");
}

#[test]
fn silence_noise_floor_and_broken_levels_stay_finite() {
    let spec = spec(4);
    let mut normalizer = LoudnessNormalizer::new(&spec);
    let mut out = Vec::new();
    normalizer.push(&[-100.0; 40], &mut out);
    assert!(
        out.iter().all(|y| y.abs() <= 0.0),
        "silence has no loudness to take out: {out:?}"
    );
    out.clear();
    normalizer.push(
        &[
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            1.0,
            f32::NAN,
            f32::NAN,
            f32::NAN,
            f32::NAN,
        ],
        &mut out,
    );
    normalizer.push(&[3.0, 2.0, 1.0, 0.0], &mut out);
    assert!(
        out.iter().all(|y| y.is_finite() && y.abs() <= spec.normalization.clamp),
        "{out:?}"
    );
}
