//! The front end's promises: how samples are cut into pushes makes no difference, the future changes nothing, and the
//! rate of the source does not matter.

use attune_audio::features::{FeatureBlock, FeatureExtractor, FrontEndError, FrontEndSpec};
use attune_audio::units::{FrameIndex, SampleRate};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// Pass-through, Fourier resampling up and down, sinc interpolation.
const RATES: [u32; 6] = [22_050, 8_000, 44_100, 48_000, 44_099, 192_000];

fn extractor(rate: u32) -> FeatureExtractor {
    FeatureExtractor::new(&FrontEndSpec::default(), SampleRate(rate)).unwrap()
}

/// Noise that swells, so that no two frames are alike; 1.1 s and a bit, so that nothing divides.
fn sound(rate: u32, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let length = rate as usize * 11 / 10 + 13;
    (0..length)
        .map(|n| random.random_range(-0.3_f32..0.3) * (0.1 + n as f32 / length as f32))
        .collect()
}

fn append(all: &mut FeatureBlock, block: &FeatureBlock) {
    assert_eq!(block.first.0, all.frames as u64, "frames must follow each other");
    assert_eq!(block.mel_db.len(), block.frames * 128);
    assert_eq!(block.normalized.len(), block.frames * 128);
    all.frames += block.frames;
    all.mel_db.extend_from_slice(&block.mel_db);
    all.normalized.extend_from_slice(&block.normalized);
}

/// All frames of a stream whose samples come in pieces of these sizes (the last ones again and again).
fn in_pieces(extractor: &mut FeatureExtractor, samples: &[f32], mut size: impl FnMut() -> usize) -> FeatureBlock {
    let mut all = FeatureBlock::default();
    let mut rest = samples;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(size().min(rest.len()));
        append(&mut all, &extractor.push(now).unwrap());
        rest = later;
    }
    append(&mut all, &extractor.finish().unwrap());
    all
}

#[test]
fn cuts_make_no_difference() {
    for rate in RATES {
        let samples = sound(rate, 1);
        let mut extractor = extractor(rate);
        let whole = in_pieces(&mut extractor, &samples, || usize::MAX);
        assert_eq!(whole.frames as u64, extractor.frames_in(samples.len() as u64));
        assert!(whole.frames > 40);

        extractor.reset();
        assert_eq!(
            in_pieces(&mut extractor, &samples, || usize::MAX),
            whole,
            "{rate} Hz, again"
        );
        extractor.reset();
        assert_eq!(
            in_pieces(&mut extractor, &samples, || 1),
            whole,
            "{rate} Hz, sample by sample"
        );
        for size in [2, 3, 511, 512, 513, 2_039, 2_048, 4_093, 4_096] {
            extractor.reset();
            assert_eq!(
                in_pieces(&mut extractor, &samples, || size),
                whole,
                "{rate} Hz, by {size}"
            );
        }
        for seed in 0..10 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            extractor.reset();
            // None at all is a size as well.
            let cut = in_pieces(&mut extractor, &samples, || random.random_range(0..=4096));
            assert_eq!(cut, whole, "{rate} Hz, random cuts {seed}");
        }
    }
}

#[test]
fn a_second_stream_does_not_disturb_the_first() {
    let samples = sound(48_000, 1);
    let whole = in_pieces(&mut extractor(48_000), &samples, || usize::MAX);
    let (mut first, mut bystander) = (extractor(48_000), extractor(48_000));
    let mut all = FeatureBlock::default();
    for (piece, other) in samples.chunks(480).zip(sound(48_000, 2).chunks(480)) {
        append(&mut all, &first.push(piece).unwrap());
        bystander.push(other).unwrap();
    }
    append(&mut all, &first.finish().unwrap());
    assert_eq!(all, whole);
}

#[test]
fn without_reset_the_past_is_remembered() {
    for rate in RATES {
        let samples = sound(rate, 1);
        let mut extractor = extractor(rate);
        let first = extractor.push(&samples).unwrap();
        let second = extractor.push(&samples).unwrap();
        assert_eq!(second.first.0, first.frames as u64);
        assert_ne!(
            first.mel_db[..128],
            second.mel_db[..128],
            "{rate} Hz: samples between the pushes were dropped"
        );
        assert_ne!(first.normalized[..128], second.normalized[..128]);
        extractor.reset();
        assert_eq!(extractor.push(&samples).unwrap(), first, "{rate} Hz");
    }
}

#[test]
fn after_the_end_comes_only_a_reset() {
    for rate in [22_050, 48_000] {
        let mut extractor = extractor(rate);
        extractor.push(&sound(rate, 1)).unwrap();
        extractor.finish().unwrap();
        assert_eq!(extractor.push(&[0.1]), Err(FrontEndError::Finished));
        assert_eq!(extractor.push(&[]), Err(FrontEndError::Finished));
        assert_eq!(extractor.finish().unwrap().frames, 0, "nothing is left after the end");
        extractor.reset();
        assert_eq!(extractor.push(&[]).unwrap().frames, 0);
    }
}

#[test]
fn the_future_changes_nothing_before_it() {
    for rate in RATES {
        let samples = sound(rate, 1);
        let mut extractor = extractor(rate);
        let reach = extractor.reach_samples();
        assert_eq!(reach == 0, rate == 22_050);
        let plain = in_pieces(&mut extractor, &samples, || usize::MAX);
        for n in [samples.len() / 2, samples.len() / 2 + 1, samples.len() * 7 / 9] {
            let mut changed = samples.clone();
            for sample in &mut changed[n..] {
                *sample = 0.7 - *sample;
            }
            extractor.reset();
            let other = in_pieces(&mut extractor, &changed, || usize::MAX);
            let kept = (0..plain.frames)
                .take_while(|&f| extractor.end_of(FrameIndex(f as u64)) + reach <= n as u64)
                .count();
            assert!(kept > 5, "{rate} Hz: {kept}");
            assert_eq!(
                plain.mel_db[..kept * 128],
                other.mel_db[..kept * 128],
                "{rate} Hz, sample {n}"
            );
            assert_eq!(
                plain.normalized[..kept * 128],
                other.normalized[..kept * 128],
                "{rate} Hz, sample {n}"
            );
            // Were the change not seen soon after, the bound would say nothing: the filter's middle is within reach.
            let seen = (0..plain.frames)
                .take_while(|&f| extractor.end_of(FrameIndex(f as u64)) <= n as u64 + u64::from(rate) / 50)
                .count();
            assert_ne!(
                plain.mel_db[..(seen + 1) * 128],
                other.mel_db[..(seen + 1) * 128],
                "{rate} Hz, sample {n}"
            );
        }
    }
}

#[test]
fn a_frame_is_out_when_promised() {
    for rate in RATES {
        let samples = sound(rate, 1);
        let mut extractor = extractor(rate);
        for frame in 0..35 {
            let due = extractor.end_of(FrameIndex(frame)) + extractor.reach_samples();
            extractor.reset();
            extractor.push(&samples[..due as usize]).unwrap();
            assert!(extractor.next_frame().0 > frame, "{rate} Hz: frame {frame} is late");
        }
        assert!(
            extractor.delay().0 < 0.08,
            "{rate} Hz: {:?} is too late for listening live",
            extractor.delay()
        );
    }
}

#[test]
fn the_number_of_frames_follows_from_the_length() {
    for rate in [22_050, 44_100, 48_000, 44_099] {
        let mut extractor = extractor(rate);
        let window = u64::from(rate) * 2_048 / 22_050;
        for length in [0, 1, window - 1, window, window + 1, window + 2, window * 2 + 7, 20_011] {
            extractor.reset();
            let frames =
                extractor.push(&vec![0.1; length as usize]).unwrap().frames + extractor.finish().unwrap().frames;
            assert_eq!(
                frames as u64,
                extractor.frames_in(length),
                "{length} samples at {rate} Hz"
            );
        }
    }
}

#[test]
fn broken_samples_are_silence_and_do_no_lasting_harm() {
    for rate in [22_050, 48_000] {
        let mut samples = sound(rate, 1);
        let at = samples.len() / 2;
        let quiet = {
            samples[at..at + 4].fill(0.0);
            in_pieces(&mut extractor(rate), &samples, || usize::MAX)
        };
        samples[at..at + 4].copy_from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN]);
        assert_eq!(in_pieces(&mut extractor(rate), &samples, || usize::MAX), quiet);
        samples[at..at + 2].copy_from_slice(&[f32::MAX, f32::MIN]);
        let loud = in_pieces(&mut extractor(rate), &samples, || usize::MAX);
        assert!(
            loud.mel_db
                .iter()
                .chain(&loud.normalized)
                .all(|value| value.is_finite())
        );
    }
}

#[test]
fn gain_falls_out_of_the_normalised_frames() {
    let samples = sound(22_050, 1);
    let louder: Vec<f32> = samples.iter().map(|x| x * 8.0).collect();
    let (a, b) = (
        extractor(22_050).push(&samples).unwrap(),
        extractor(22_050).push(&louder).unwrap(),
    );
    // A gain of 2³ is exact in f32 up to the logarithm: levels below 64 dB err by 4e-6 dB and the deviation is at least 2.
    for (x, y) in a.normalized.iter().zip(&b.normalized) {
        assert!((x - y).abs() <= 2.0 * 4e-6 / 2.0 + 4.0 * f32::EPSILON, "{x} {y}");
    }
    assert!((b.mel_db[0] - a.mel_db[0] - 18.0618).abs() < 1e-4);
}

/// A sum of steady sines, the same sound at any rate.
fn chord(rate: u32, partials: &[(f64, f64)]) -> Vec<f32> {
    (0..rate as usize * 3 / 2)
        .map(|n| {
            let t = n as f64 / f64::from(rate);
            partials
                .iter()
                .map(|(hz, amplitude)| amplitude * (TAU * hz * t + hz).sin())
                .sum::<f64>() as f32
        })
        .collect()
}

#[test]
fn the_rate_of_the_source_does_not_matter() {
    let low = [
        (110.0, 0.3),
        (440.0, 0.2),
        (997.0, 0.2),
        (1_601.0, 0.1),
        (2_500.0, 0.05),
        (3_300.0, 0.02),
    ];
    let full = [low.as_slice(), &[(5_003.0, 0.1), (7_019.0, 0.05), (9_800.0, 0.02)]].concat();
    for (partials, rates) in [
        (
            low.as_slice(),
            [8_000, 11_025, 16_000, 44_100, 48_000, 96_000, 192_000, 44_099].as_slice(),
        ),
        (
            full.as_slice(),
            [24_000, 44_100, 48_000, 96_000, 192_000, 44_099].as_slice(),
        ),
    ] {
        let reference = extractor(22_050).push(&chord(22_050, partials)).unwrap();
        for &rate in rates {
            let ours = extractor(rate).push(&chord(rate, partials)).unwrap();
            // What the resampler adds or takes away is again a sum of sines, each at most a ripple of its partial
            // (see tests/resample.rs), or, at a rate of sinc interpolation, its phase error of 0.0024 samples.
            let late = if rate == 44_099 { 0.0024 * TAU / 22_050.0 } else { 0.0 };
            let error_amplitude: f64 = partials
                .iter()
                .map(|(hz, amplitude)| amplitude * (8e-5 + late * hz))
                .sum();
            // A sine of amplitude 1 reaches N/4 in a bin under a Hann window; a band's weights add up to at most 0.1
            // (area 1 over bins of 10.8 Hz: 0.093); √P is a norm, so the triangle inequality holds for it.
            let allowed = 0.1_f64.sqrt() * 512.0 * error_amplitude;
            // The stream's start is an edge with all frequencies; its frames are left out.
            for frame in 3..ours.frames.min(reference.frames) {
                for band in 0..128 {
                    let root = |block: &FeatureBlock| 10.0_f64.powf(f64::from(block.mel_db[frame * 128 + band]) / 20.0);
                    let (our, their) = (root(&ours), root(&reference));
                    assert!(
                        (our - their).abs() <= allowed,
                        "{rate} Hz, frame {frame}, band {band}: {our} {their}, allowed {allowed}"
                    );
                }
            }
        }
    }
}

#[test]
fn sources_out_of_range_are_refused() {
    for rate in [0, 7_999, 192_001] {
        let error = FeatureExtractor::new(&FrontEndSpec::default(), SampleRate(rate))
            .err()
            .unwrap();
        assert_eq!(error, FrontEndError::SourceRate(rate));
        assert!(error.to_string().contains(&rate.to_string()));
    }
    let spec = FrontEndSpec {
        bands: 0,
        ..FrontEndSpec::default()
    };
    assert!(FeatureExtractor::new(&spec, SampleRate(48_000)).is_err());
}
