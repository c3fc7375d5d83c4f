//! The log-mel front end against librosa's answers (`tests/golden/make.py`), and against its filterbank.

use attune_audio::features::{FeatureExtractor, FrontEndSpec, MelFilterbank, PowerSpectrum, whole_frames};
use safetensors::SafeTensors;

struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data/log_mel.safetensors");
        Self(std::fs::read(path).unwrap())
    }

    fn get(&self, name: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let view = tensors.tensor(name).unwrap();
        view.data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }
}

fn power_from_db(db: f32) -> f64 {
    10.0_f64.powf(f64::from(db) / 10.0)
}

#[test]
fn log_mel_is_librosas() {
    let golden = Golden::read();
    let spec = FrontEndSpec::default();
    let (window, hop, bands) = (spec.window_samples, spec.hop_samples, spec.bands);
    let band_sums = golden.get("band_sums");
    for name in ["noise", "chirp", "quiet", "tone_with_gap"] {
        let samples = golden.get(&format!("{name}.samples"));
        let expected = golden.get(&format!("{name}.mel_db"));
        let mut extractor = FeatureExtractor::new(&spec, spec.rate).unwrap();
        let block = extractor.push(&samples).unwrap();
        assert_eq!(block.frames as u64, whole_frames(samples.len() as u64, window, hop));
        assert_eq!(block.mel_db.len(), expected.len(), "{name}");

        for (frame, (ours, theirs)) in block.mel_db.chunks(bands).zip(expected.chunks(bands)).enumerate() {
            // A transform in f32 errs in each bin by about eps · log2(N) · ‖windowed samples‖ (Higham 2002, ch. 24).
            let energy: f64 = samples[frame * hop..frame * hop + window]
                .iter()
                .enumerate()
                .map(|(n, &sample)| {
                    let turn = std::f64::consts::TAU * n as f64 / window as f64;
                    (f64::from(sample) * (0.5 - 0.5 * turn.cos())).powi(2)
                })
                .sum();
            let bin_error = f64::from(f32::EPSILON) * (window as f64).log2() * energy.sqrt();
            for (band, (&our_db, &their_db)) in ours.iter().zip(theirs).enumerate() {
                let (our, their) = (power_from_db(our_db), power_from_db(their_db));
                // |X + e|² - |X|² summed over a band with weights w is at most 2 e √(P Σw) + e² Σw (Cauchy-Schwarz);
                // weights, squares, sums and the logarithm itself err relatively: 100 dB in f32 is exact to 4e-6 dB,
                // 2e-6 of the power, and 100 summed terms bring at most 100 eps.
                let weights = f64::from(band_sums[band]);
                let allowed = 2.0 * bin_error * (their * weights).sqrt()
                    + bin_error * bin_error * weights
                    + 102.0 * f64::from(f32::EPSILON) * their;
                assert!(
                    (our - their).abs() <= allowed,
                    "{name}, frame {frame}, band {band}: {our_db} dB, librosa {their_db} dB, allowed power error {allowed:e}"
                );
            }
        }
    }
    // The signals must reach what they are for: the floor, loud levels, all bands, near-silence.
    let tone = golden.get("tone_with_gap.mel_db");
    assert!(tone.contains(&-100.0) && tone.iter().any(|&db| db > 20.0));
    let noise = golden.get("noise.mel_db");
    assert!((0..bands).all(|band| noise.iter().skip(band).step_by(bands).any(|&db| db > 0.0)));
    assert!(golden.get("chirp.mel_db").chunks(bands).any(|frame| {
        let (low, high) = frame
            .iter()
            .fold((f32::MAX, f32::MIN), |(l, h), &db| (l.min(db), h.max(db)));
        high - low > 90.0
    }));
    assert!(golden.get("quiet.mel_db").iter().all(|&db| db < -60.0));
}

#[test]
fn filterbank_is_librosas() {
    let golden = Golden::read();
    let spec = FrontEndSpec::default();
    let bank = MelFilterbank::of(&spec);
    let edges = golden.get("edges_hz");
    for (ours, theirs) in bank.centres_hz().iter().zip(&edges[1..]) {
        // The reference is rounded to f32.
        assert!(
            (ours - f64::from(*theirs)).abs() <= f64::from(f32::EPSILON) * ours,
            "{ours} {theirs}"
        );
    }
    let (sums, centroids) = (golden.get("band_sums"), golden.get("band_centroids"));
    let ones = vec![1.0_f32; spec.window_samples / 2 + 1];
    let ramp: Vec<f32> = (0..ones.len()).map(|bin| bin as f32).collect();
    let (mut our_sums, mut our_moments) = (Vec::new(), Vec::new());
    bank.apply(&ones, &mut our_sums);
    bank.apply(&ramp, &mut our_moments);
    for band in 0..spec.bands {
        // At most 40 f32 terms of one sign in a band.
        let allowed = 42.0 * f32::EPSILON;
        assert!((our_sums[band] / sums[band] - 1.0).abs() <= allowed, "band {band}");
        let centroid = our_moments[band] / our_sums[band];
        assert!((centroid / centroids[band] - 1.0).abs() <= 2.0 * allowed, "band {band}");
    }
}

#[test]
fn power_is_undivided_and_windowed_periodically() {
    // A cosine in the middle of bin 8, amplitude 1: a periodic Hann window gives N/4 there and N/8 in both neighbours.
    let window = 64;
    let samples: Vec<f32> = (0..window)
        .map(|n| (std::f64::consts::TAU * 8.0 * n as f64 / window as f64).cos() as f32)
        .collect();
    let mut spectrum = PowerSpectrum::new(window);
    let power = spectrum.of(&samples);
    for (bin, &got) in power.iter().enumerate() {
        let expected: f32 = match bin {
            8 => 256.0,
            7 | 9 => 64.0,
            _ => 0.0,
        };
        // Amplitude error eps · log2(64) · ‖x‖ (‖x‖ < 8) against an amplitude of at most 16.
        assert!(
            (got - expected).abs() <= 2.0 * 16.0 * 6.0 * 8.0 * f32::EPSILON,
            "bin {bin}: {got}"
        );
    }
}
