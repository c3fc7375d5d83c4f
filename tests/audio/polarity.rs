//! Channels of opposite polarity do not cancel, and every other mix is the mean of the channels.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::common::media::{ffmpeg, folder, signal, text, write_float_wav};
use attune_audio::decode::AudioFile;
use attune_audio::units::Seconds;

const RATE: u32 = 44_100;

fn decoded(file: &mut AudioFile) -> Vec<f32> {
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    samples
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / samples.len() as f64
}

#[test]
fn opposite_polarity_is_heard_in_every_kind_of_file_and_after_every_seek() {
    let dir = folder();
    let one = signal(RATE, 1, 4.0);
    let both: Vec<f32> = one.iter().flat_map(|&sample| [sample, -sample]).collect();
    let wav = dir.path().join("a.wav");
    write_float_wav(&wav, RATE, 2, &both);
    let mut files = vec![wav.clone()];
    for (name, options) in [
        ("a.mp3", &["-c:a", "libmp3lame", "-b:a", "128k"][..]),
        ("a.ogg", &["-c:a", "libvorbis"]),
    ] {
        let path = dir.path().join(name);
        let mut args = vec!["-i", text(&wav)];
        args.extend(options);
        args.push(text(&path));
        files.push(ffmpeg(&args));
    }
    for path in files {
        let name = path.display();
        let mut file = AudioFile::open_alone(&path).unwrap();
        let all = decoded(&mut file);
        let settled = RATE as usize / 2;
        let kept = power(&all[settled..]) / power(&one[settled..]);
        assert!((kept - 1.0).abs() < 0.1, "{name}: {kept} of the power");
        let remarks = file.remarks();
        assert!(
            remarks.iter().any(|remark| remark.contains("opposite polarity")),
            "{remarks:?}"
        );
        assert_eq!(file.cut_short(), None);
        for at in [2.0, 0.3, 3.3, 1.234] {
            file.seek(Seconds(at)).unwrap();
            let start = file.info().rate.index_at(Seconds(at)).0 as usize;
            assert!(decoded(&mut file) == all[start..], "{name} at {at}");
        }
    }
}
