//! The front end's promises.

use attune::features::{FeatureExtractor, FrontEndSpec};
use attune::units::SampleRate;

#[test]
fn smoke() {
    let spec = FrontEndSpec::default();
    for rate in [8000, 11025, 16000, 22050, 22255, 44099, 44100, 48000, 96000, 192000] {
        let x: Vec<f32> = (0..rate * 4)
            .map(|n| (2.0 * std::f64::consts::PI * 1000.0 * n as f64 / rate as f64).sin() as f32)
            .collect();
        let mut f = FeatureExtractor::new(&spec, SampleRate(rate)).unwrap();
        let t = std::time::Instant::now();
        let a = f.push(&x).unwrap();
        let b = f.finish().unwrap();
        let el = t.elapsed().as_secs_f64();
        assert_eq!((a.frames + b.frames) as u64, f.frames_in(x.len() as u64));
        let row = &a.mel_db[128 * 50..128 * 51];
        let top = row.iter().copied().fold(f32::MIN, f32::max);
        println!(
            "{rate}: {} frames, top {top}, x rt {:.0} reach {:?}",
            a.frames + b.frames,
            4.0 / el,
            f.delay()
        );
    }
}
