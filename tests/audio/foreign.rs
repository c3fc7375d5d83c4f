//! Files that are not decoded here: by name where FFmpeg is not asked, by FFmpeg where it is, and never as something
//! else.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::common::media::{ffmpeg, folder, signal, text, write_int_wav};
use attune_audio::decode::{AudioFile, decode_file};
use attune_audio::source::SourceError;
use attune_audio::units::Seconds;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn alone(path: &Path) -> SourceError {
    match AudioFile::open_alone(path) {
        Ok(file) => panic!("{file:?}"),
        Err(error) => error,
    }
}

/// FFmpeg's own decoding of the first audio stream, mixed to the mean.
fn peer(path: &Path) -> Vec<f32> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-f", "f32le", "-c:a", "pcm_f32le", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    let samples: Vec<f32> = output.stdout.chunks_exact(4).map(sample).collect();
    samples
        .chunks_exact(2)
        .map(|frame| (frame[0] + frame[1]) * 0.5)
        .collect()
}

fn encodings(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    let wav = dir.join("good.wav");
    write_int_wav(&wav, 48_000, 2, 16, &signal(48_000, 2, 1.0));
    let rows: [(&str, &[&str], &str); 10] = [
        ("a.wma", &["-c:a", "wmav2"], "Windows Media"),
        ("a.wv", &["-c:a", "wavpack"], "WavPack"),
        ("a.tta", &["-c:a", "tta"], "True Audio"),
        ("a.au", &[], "Sun audio"),
        ("a.ac3", &["-c:a", "ac3"], "AC-3"),
        ("a.flv", &["-ar", "44100", "-c:a", "aac"], "Flash"),
        ("a.avi", &["-c:a", "ac3"], "AVI"),
        ("a.ts", &["-c:a", "ac3"], "transport stream"),
        ("a.spx", &["-c:a", "libspeex", "-ar", "16000"], "Speex"),
        ("ac3.mp4", &["-c:a", "ac3"], "AC-3"),
    ];
    let make = |(name, options, said): (&str, &[&str], &'static str)| {
        let path = dir.join(name);
        let mut args = vec!["-i", text(&wav)];
        args.extend(options);
        args.push(text(&path));
        (ffmpeg(&args), said)
    };
    rows.into_iter().map(make).collect()
}

#[test]
fn without_ffmpeg_each_is_named_with_a_remedy() {
    let dir = folder();
    for (path, said) in encodings(dir.path()) {
        let error = alone(&path);
        assert_eq!(error.kind.name(), "unsupported", "{error:?}");
        assert!(
            error.message.contains(said) && error.message.contains(text(&path)),
            "{error:?}"
        );
        assert!(
            error.remedy().contains("Install FFmpeg") && error.remedy().contains("ffmpeg -i "),
            "{error:?}"
        );
    }
}

#[test]
fn with_ffmpeg_each_is_decoded_as_ffmpeg_decodes_it() {
    let dir = folder();
    for (path, _) in encodings(dir.path()) {
        let (info, samples) = decode_file(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            info.decoder.starts_with("ffmpeg ") && info.decoder.ends_with(')'),
            "{}",
            info.decoder
        );
        let expected = peer(&path);
        assert_eq!(info.channels, 2, "{}", path.display());
        assert_eq!(samples.len(), expected.len(), "{}", path.display());
        assert!(
            samples.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{}",
            path.display()
        );
        let mut file = AudioFile::open(&path).unwrap();
        let at = Seconds(0.5);
        file.seek(at).unwrap();
        let mut rest = Vec::new();
        while file.next_block(&mut rest).unwrap() {}
        let start = info.rate.index_at(at).0 as usize;
        assert!(rest == samples[start..], "{}", path.display());
    }
}

#[test]
fn words_within_a_file_are_not_taken_for_what_ffmpeg_says() {
    let dir = folder();
    let wav = dir.path().join("good.wav");
    write_int_wav(&wav, 48_000, 2, 16, &signal(48_000, 2, 1.0));
    let lies =
        "x\n  Duration: 09:00:00.00, start: 0\n  Stream #0:0: Audio: gold, 1 Hz, dbl\n[error] Error while decoding";
    let title = format!("title={lies}");
    let path = dir.path().join("a.wv");
    let path = ffmpeg(&["-i", text(&wav), "-c:a", "wavpack", "-metadata", &title, text(&path)]);
    let mut file = AudioFile::open(&path).unwrap();
    let info = file.info().clone();
    assert!(info.decoder.ends_with("(wavpack)"), "{}", info.decoder);
    assert_eq!((info.format.as_str(), info.duration), ("s16", Some(Seconds(1.0))));
    while file.next_block(&mut Vec::new()).unwrap() {}
    assert_eq!(file.damage(), None);
}

#[test]
fn a_header_within_another_format_is_not_taken_for_the_file() {
    let dir = folder();
    let wav = dir.path().join("a.wav");
    write_int_wav(&wav, 44_100, 1, 16, &signal(44_100, 1, 0.5));
    let inner = fs::read(&wav).unwrap();
    for (magic, said) in [
        (&b"wvpk\x20\0\0\0\x10\x04\0\0"[..], "WavPack"),
        (b"MAC \x96\x0f\0\0", "Monkey's Audio"),
        (b"tBaK\0\0\0\0", "TAK"),
        (b"OFR \0\0\0\0", "OptimFROG"),
        (b"MPCK", "Musepack"),
        (b"DSD \0\0\0\0", "DSD"),
    ] {
        let path = dir.path().join("song.wav");
        fs::write(&path, [magic, &inner].concat()).unwrap();
        let error = alone(&path);
        assert!(error.message.contains(said), "{error:?}");
        // A tag before it hides nothing.
        fs::write(&path, [b"ID3\x04\0\0\0\0\0\x0a0123456789", magic, &inner].concat()).unwrap();
        assert!(alone(&path).message.contains(said));
        // FFmpeg finds no sound in it either.
        if let Ok((info, _)) = decode_file(&path) {
            assert!(info.decoder.starts_with("ffmpeg"), "{info:?}");
        }
    }
}

#[test]
fn what_has_no_sound_is_named_and_no_conversion_is_advised() {
    let dir = folder();
    for (bytes, said) in [
        (&b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk"[..], "MIDI"),
        (b"#EXTM3U\nhttp://example.org/a.mp3\n", "playlist"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"PK\x03\x04 and so on", "zip"),
    ] {
        let path = dir.path().join("a.mp3");
        fs::write(&path, bytes).unwrap();
        for error in [alone(&path), AudioFile::open(&path).unwrap_err()] {
            assert!(error.message.contains(said), "{error:?}");
            assert!(!error.remedy().contains("ffmpeg"), "{error:?}");
        }
    }
}

#[test]
fn an_interrupted_recording_says_so() {
    let dir = folder();
    let wav = dir.path().join("good.wav");
    write_int_wav(&wav, 44_100, 1, 16, &signal(44_100, 1, 2.0));
    let whole = ffmpeg(&["-i", text(&wav), "-c:a", "aac", text(&dir.path().join("a.m4a"))]);
    let bytes = fs::read(&whole).unwrap();
    let index = bytes.windows(4).position(|word| word == b"moov").unwrap() - 4;
    for cut in [index, index * 2 / 3] {
        fs::write(&whole, &bytes[..cut]).unwrap();
        for error in [alone(&whole), AudioFile::open(&whole).unwrap_err()] {
            assert_eq!(error.kind.name(), "truncated");
            assert!(error.message.contains("interrupted"), "{error:?}");
            assert!(
                !error.remedy().contains("ffmpeg") && !error.remedy().contains("download"),
                "{error:?}"
            );
        }
    }
}
