//! A click at 10.000 s is found at 10.000 s in every format that can state where its sound begins, also after a seek.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::common::media::{ffmpeg, folder, text, write_int_wav};
use attune_audio::decode::AudioFile;
use attune_audio::units::Seconds;
use std::path::Path;

const CLICK: f64 = 10.0;
const LENGTH: f64 = 12.0;

/// A click in low hiss, so that no encoder has silence to leave out.
fn click(rate: u32) -> Vec<f32> {
    let mut seed = 1_u32;
    let mut samples: Vec<f32> = (0..(LENGTH * f64::from(rate)) as usize)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 8) as f32 / 16_777_216.0 - 0.5) * 0.002
        })
        .collect();
    let at = (CLICK * f64::from(rate)) as usize;
    for (n, sample) in samples[at..at + 24].iter_mut().enumerate() {
        *sample = 0.9 * (-(n as f32) / 6.0).exp() * if n % 2 == 0 { 1.0 } else { -1.0 };
    }
    samples
}

/// Where the loudest sample is, decoding from `from` on, in seconds of the file.
fn place(file: &mut AudioFile, from: f64) -> f64 {
    file.seek(Seconds(from)).unwrap();
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    let peak = (0..samples.len()).max_by(|&a, &b| samples[a].abs().total_cmp(&samples[b].abs()));
    let rate = file.info().rate;
    (rate.index_at(Seconds(from)).0 as usize + peak.unwrap()) as f64 / rate.hz()
}

fn found_in(path: &Path, decoder: &str, length_too: bool) {
    let mut file = AudioFile::open_alone(path).unwrap_or_else(|error| panic!("{error}"));
    let name = path.display();
    assert_eq!(file.info().decoder, decoder, "{name}");
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    assert_eq!((file.cut_short(), file.broken_packets()), (None, 0), "{name}");
    let secs = samples.len() as f64 / file.info().rate.hz();
    if length_too {
        assert!((secs - LENGTH).abs() < 0.001, "{name}: {secs} s");
        let stated = file.info().duration.unwrap().0;
        assert!((stated - LENGTH).abs() < 0.03, "{name}: {stated} s stated");
    }
    for from in [0.0, 9.99, 6.321] {
        let at = place(&mut file, from);
        assert!((at - CLICK).abs() <= 0.001, "{name} from {from}: {at}");
    }
}

/// Opus as FFmpeg decodes it, of music: the same samples but for rounding.
#[test]
fn opus_music_is_decoded_as_ffmpeg_decodes_it() {
    let dir = folder();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    for (name, options) in [
        ("music.opus", &["-b:a", "96k"][..]),
        ("speech.opus", &["-b:a", "12k", "-application", "voip"]),
        ("stereo.webm", &["-b:a", "64k", "-ac", "2"]),
    ] {
        let path = dir.path().join(name);
        let mut args = vec!["-t", "20", "-i", text(&demo), "-c:a", "libopus"];
        args.extend(options);
        args.push(text(&path));
        let path = ffmpeg(&args);
        let peer = ffmpeg(&[
            "-c:a",
            "libopus",
            "-i",
            text(&path),
            "-c:a",
            "pcm_f32le",
            text(&dir.path().join("peer.wav")),
        ]);
        let decoded = |path: &Path| {
            let mut file = AudioFile::open_alone(path).unwrap();
            let mut samples = Vec::new();
            while file.next_block(&mut samples).unwrap() {}
            samples
        };
        let (here, there) = (decoded(&path), decoded(&peer));
        // WebM's padding of the last packet is played: symphonia does not read it.
        let padded = if name.ends_with("webm") { 960 } else { 0 };
        assert!(
            (0..=padded).contains(&(here.len() - there.len())),
            "{name}: {} samples",
            here.len()
        );
        // FFmpeg takes whole 16-bit steps from libopus: at most half a step of error, as a mean square.
        let error: f64 = here.iter().zip(&there).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let step = 1.0 / 32_768.0;
        assert!(error / here.len() as f64 <= (0.5_f64 * step).powi(2), "{name}: {error}");
    }
}

#[test]
fn a_click_is_where_it_was_in_every_format() {
    let dir = folder();
    let wav = dir.path().join("click.wav");
    write_int_wav(&wav, 44_100, 1, 16, &click(44_100));
    found_in(&wav, "pcm_s16le", true);
    let rows: [(&str, &str, &[&str], bool); 15] = [
        ("a.flac", "flac", &["-c:a", "flac"], true),
        ("cbr.mp3", "mp3", &["-c:a", "libmp3lame", "-b:a", "128k"], true),
        ("vbr.mp3", "mp3", &["-c:a", "libmp3lame", "-q:a", "4"], true),
        ("a.ogg", "vorbis", &["-c:a", "libvorbis"], true),
        ("a.opus", "opus", &["-c:a", "libopus", "-b:a", "96k"], true),
        (
            "short.opus",
            "opus",
            &["-c:a", "libopus", "-frame_duration", "2.5"],
            true,
        ),
        ("long.opus", "opus", &["-c:a", "libopus", "-frame_duration", "60"], true),
        ("a.m4a", "aac", &["-c:a", "aac", "-b:a", "128k"], true),
        ("alac.m4a", "alac", &["-c:a", "alac"], true),
        ("opus.mp4", "opus", &["-c:a", "libopus"], false),
        ("a.caf", "pcm_s16le", &["-c:a", "pcm_s16le"], true),
        ("a.aiff", "pcm_s16be", &[], true),
        ("flac.mkv", "flac", &["-c:a", "flac"], true),
        ("opus.webm", "opus", &["-c:a", "libopus"], false),
        ("vorbis.webm", "vorbis", &["-c:a", "libvorbis"], false),
    ];
    for (name, decoder, options, length_too) in rows {
        let path = dir.path().join(name);
        let mut args = vec!["-i", text(&wav)];
        args.extend(options);
        args.push(text(&path));
        found_in(&ffmpeg(&args), decoder, length_too);
    }
}
