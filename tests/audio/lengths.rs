//! How long a file is: what it states, what it holds, and what follows the first of several streams in it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::common::media::{ffmpeg, folder, mono, signal, text, write_int_wav};
use attune_audio::decode::{AudioFile, AudioInfo};
use std::fs;
use std::path::{Path, PathBuf};

const RATE: u32 = 44_100;

/// What came out of a file that has to be decoded here.
struct Whole {
    info: AudioInfo,
    samples: Vec<f32>,
    cut_short: Option<String>,
    broken: u64,
    remarks: Vec<String>,
}

fn whole(path: &Path) -> Whole {
    let mut file = AudioFile::open_alone(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    Whole {
        info: file.info().clone(),
        samples,
        cut_short: file.cut_short().map(str::to_owned),
        broken: file.broken_packets(),
        remarks: file.remarks(),
    }
}

/// All of it, as long as its header says, without a complaint.
fn intact(path: &Path) -> Vec<f32> {
    let read = whole(path);
    let name = path.display();
    assert_eq!((read.cut_short, read.broken), (None, 0), "{name}");
    let stated = read.info.duration.unwrap_or_else(|| panic!("{name} has no duration"));
    let secs = read.samples.len() as f64 / read.info.rate.hz();
    assert!((secs - stated.0).abs() < 0.05, "{name}: {secs} of {stated:?}");
    read.samples
}

/// An encoding of the signal.
fn encoded(dir: &Path, name: &str, rate: u32, channels: u16, secs: f64, options: &[&str]) -> PathBuf {
    let wav = dir.join(format!("{name}.wav"));
    write_int_wav(&wav, rate, channels, 16, &signal(rate, channels, secs));
    let path = dir.join(name);
    let mut args = vec!["-i", text(&wav)];
    args.extend(options);
    args.push(text(&path));
    ffmpeg(&args)
}

fn joined(dir: &Path, name: &str, parts: &[&[u8]]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, parts.concat()).unwrap();
    path
}

const LAME: [&str; 4] = ["-c:a", "libmp3lame", "-q:a", "4"];

fn equal(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[test]
fn of_joined_mp3_files_every_one_is_decoded_to_the_sample() {
    let dir = folder();
    let first = encoded(dir.path(), "a.mp3", RATE, 2, 1.3, &LAME);
    let second = encoded(
        dir.path(),
        "b.mp3",
        RATE,
        2,
        0.7,
        &["-c:a", "libmp3lame", "-b:a", "160k"],
    );
    let (a, b) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let (decoded_a, decoded_b) = (intact(&first), intact(&second));
    // ID3v1 behind the first song; ffmpeg writes ID3v2 before each.
    let mut tag = b"TAG".to_vec();
    tag.resize(128, b' ');
    let twice = joined(dir.path(), "two.mp3", &[&a, &tag, &b]);
    let expected = [&decoded_a[..], &decoded_b[..]].concat();
    assert!(equal(&intact(&twice), &expected));
    let many = joined(dir.path(), "many.mp3", &[&a[..], &b].repeat(10));
    let all = intact(&many);
    assert!(equal(&all, &expected.repeat(10)), "{} samples", all.len());
    // A seek beyond the first song, and back.
    let mut file = AudioFile::open_alone(&many).unwrap();
    for at in [3.1, 1.0, 15.2, 2.0, 0.0] {
        let at = attune_audio::units::Seconds(at);
        file.seek(at).unwrap();
        let mut rest = Vec::new();
        while rest.len() < 30_000 && file.next_block(&mut rest).unwrap() {}
        let start = file.info().rate.index_at(at).0 as usize;
        assert!(equal(&rest, &all[start..start + rest.len()]), "at {at:?}");
    }
    assert_eq!(file.broken_packets(), 0);
}

#[test]
fn what_an_mp3_or_aac_does_not_state_is_not_missed() {
    let dir = folder();
    // Quiet at first: an estimate by the first frames' bit rate is far too long.
    let wav = dir.path().join("quiet.wav");
    let mut samples = vec![0.0; 2 * RATE as usize];
    samples.extend(signal(RATE, 1, 3.0));
    write_int_wav(&wav, RATE, 1, 16, &samples);
    for (name, options) in [
        (
            "quiet.mp3",
            &["-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0"][..],
        ),
        ("quiet.aac", &["-c:a", "aac", "-b:a", "128k"]),
    ] {
        let path = dir.path().join(name);
        let mut args = vec!["-i", text(&wav)];
        args.extend(options);
        args.push(text(&path));
        let decoded = intact(&ffmpeg(&args));
        assert!(
            (decoded.len() as f64 / f64::from(RATE) - 5.0).abs() < 0.1,
            "{name}: {}",
            decoded.len()
        );
    }
    // A tag that states fewer frames than there are: the sound goes on.
    let path = encoded(dir.path(), "c.mp3", RATE, 1, 3.0, &LAME);
    let right = intact(&path);
    let mut bytes = fs::read(&path).unwrap();
    let tag = bytes
        .windows(4)
        .position(|word| word == b"Xing" || word == b"Info")
        .unwrap();
    bytes[tag + 8..tag + 12].copy_from_slice(&40_u32.to_be_bytes());
    // The tag's signature would not fit any more.
    bytes[tag + 120 + 34..tag + 120 + 36].fill(0);
    fs::write(&path, &bytes).unwrap();
    let read = whole(&path);
    assert!(read.samples.len() >= right.len() && read.cut_short.is_none());
    // And one that states more: then it was cut.
    bytes[tag + 8..tag + 12].copy_from_slice(&400_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(whole(&path).cut_short.unwrap().contains("ends early"));
}

#[test]
fn bytes_that_are_no_sound_are_reported_and_cost_nothing() {
    let dir = folder();
    let first = encoded(dir.path(), "a.mp3", RATE, 1, 1.0, &LAME);
    let bytes = fs::read(&first).unwrap();
    let letter = b"Dear Sir or Madam, this is not music at all. ".repeat(30);
    let mixed = joined(dir.path(), "mixed.mp3", &[&bytes, &letter, &bytes]);
    let read = whole(&mixed);
    let alone = intact(&first);
    assert!(equal(&read.samples, &[&alone[..], &alone].concat()));
    assert!(
        read.remarks
            .iter()
            .any(|remark| remark.contains(&letter.len().to_string())),
        "{:?}",
        read.remarks
    );
    assert_eq!(read.cut_short, None);
}

#[test]
fn channels_and_rates_that_change_are_followed() {
    let dir = folder();
    for (name, ending, options) in [
        ("mp3", "mp3", &LAME[..]),
        ("vorbis", "ogg", &["-c:a", "libvorbis", "-q:a", "5"]),
    ] {
        let part = |label: &str, rate, channels| {
            let path = encoded(dir.path(), &format!("{label}.{ending}"), rate, channels, 1.0, options);
            (intact(&path), fs::read(path).unwrap())
        };
        let (one, mono) = part("mono", RATE, 1);
        let (two, stereo) = part("stereo", RATE, 2);
        let (_, slow) = part("slow", 22_050, 1);
        let both = intact_but_duration(&joined(
            dir.path(),
            &format!("channels.{ending}"),
            &[&mono, &stereo, &mono],
        ));
        assert!(equal(&both, &[&one[..], &two, &one].concat()), "{name}: {}", both.len());
        // The same sweep at half the rate and back: where it is, and how long.
        let changed = intact_but_duration(&joined(dir.path(), &format!("rates.{ending}"), &[&mono, &slow, &mono]));
        assert_eq!(changed.len(), 3 * RATE as usize, "{name}");
        assert!(equal(&changed[..RATE as usize], &one), "{name}");
        assert!(equal(&changed[2 * RATE as usize..], &one), "{name}");
        let middle = &changed[RATE as usize..2 * RATE as usize];
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let alike = dot(middle, &one) / (dot(middle, middle) * dot(&one, &one)).sqrt();
        // Half the band is missing: the sweeps lie below it.
        assert!(alike > 0.98, "{name}: {alike}");
    }
}

/// As [`intact`]; a container may state the first stream's length only.
fn intact_but_duration(path: &Path) -> Vec<f32> {
    let read = whole(path);
    assert_eq!((read.cut_short, read.broken), (None, 0), "{}", path.display());
    read.samples
}

/// A wav made by hand: what stands before the sound, the two sizes, the sound, and what stands behind it.
fn wav(chunks: &[u8], riff: u32, size: u32, sound: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend(riff.to_le_bytes());
    file.extend(b"WAVE");
    file.extend(chunks);
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(sound);
    file.extend(behind);
    file
}

fn format(tag: u16, channels: u16, bits: u16, align: u16) -> Vec<u8> {
    let mut chunk = b"fmt \x10\0\0\0".to_vec();
    chunk.extend(tag.to_le_bytes());
    chunk.extend(channels.to_le_bytes());
    chunk.extend(RATE.to_le_bytes());
    chunk.extend((RATE * u32::from(align)).to_le_bytes());
    chunk.extend(align.to_le_bytes());
    chunk.extend(bits.to_le_bytes());
    chunk
}

#[test]
fn wav_files_are_as_long_as_their_sound_whatever_the_header_says() {
    let dir = folder();
    let interleaved = signal(RATE, 1, 0.5);
    let sound: Vec<u8> = interleaved
        .iter()
        .flat_map(|sample| ((sample * 32_768.0) as i16).to_le_bytes())
        .collect();
    let plain = format(1, 1, 16, 2);
    let (right, all) = (sound.len() as u32, u32::MAX);
    let list = b"LIST\x05\0\0\0INFOx";
    let note = b"note\x04\0\0\0abcd";
    let mut extended = format(1, 1, 16, 2);
    extended[4] = 20;
    extended.extend([0; 4]);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("plain", wav(&plain, 36 + right, right, &sound, b"")),
        ("streamed", wav(&plain, all, all, &sound, b"")),
        ("streamed by zeros", wav(&plain, 0, 0, &sound, b"")),
        ("arecord", wav(&plain, 0x8000_0024, 0x8000_0000, &sound, b"")),
        ("sox", wav(&plain, 0x7FFF_FFFF, 0x7FFF_FFDB, &sound, b"")),
        ("riff short by 8", wav(&plain, 28 + right, right, &sound, b"")),
        ("riff of 0", wav(&plain, 0, right, &sound, b"")),
        ("data too short", wav(&plain, 36 + right, right / 2, &sound, b"")),
        (
            "odd list",
            wav(&[&list[..], &plain].concat(), 49 + right, right, &sound, b""),
        ),
        (
            "odd list, padded",
            wav(&[&list[..], b"\0", &plain].concat(), 50 + right, right, &sound, b""),
        ),
        ("long format", wav(&extended, 40 + right, right, &sound, b"")),
        ("chunk behind", wav(&plain, 48 + right, right, &sound, note)),
        (
            "tag behind",
            wav(
                &plain,
                36 + right,
                right,
                &sound,
                &[b"TAG".as_slice(), &[0; 125]].concat(),
            ),
        ),
    ];
    let expected: Vec<f32> = sound
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    for (name, bytes) in rows {
        let path = joined(dir.path(), "a.wav", &[&bytes]);
        assert!(equal(&intact(&path), &expected), "{name}");
        // ID3v2 before it.
        let tagged = joined(dir.path(), "b.wav", &[b"ID3\x04\0\0\0\0\0\x0a0123456789", &bytes]);
        assert!(equal(&intact(&tagged), &expected), "{name}, tagged");
    }
    let one = wav(&plain, 36 + right, right, &sound, b"");
    let two = joined(dir.path(), "two.wav", &[&one, &one]);
    assert!(equal(&intact_but_duration(&two), &expected.repeat(2)));
    // A right size that the file does not reach: it was cut.
    let cut = joined(dir.path(), "cut.wav", &[&one[..one.len() * 2 / 5]]);
    let read = whole(&cut);
    assert!(read.samples.len() * 5 > expected.len() * 19 / 10);
    assert!(read.cut_short.is_some());
}

#[test]
fn wav_files_beyond_the_common_form_are_read() {
    let dir = folder();
    let samples = signal(RATE, 2, 0.2);
    let expected = mono(&samples, 2);
    // 20 bits in the upper part of three bytes.
    let sound: Vec<u8> = samples
        .iter()
        .flat_map(|sample| {
            let level = (sample * 524_288.0) as i32 * 16;
            level.to_le_bytes()[..3].to_vec()
        })
        .collect();
    let right = sound.len() as u32;
    let twenty = joined(
        dir.path(),
        "20.wav",
        &[&wav(&format(1, 2, 20, 6), 36 + right, right, &sound, b"")],
    );
    let decoded = intact(&twenty);
    assert_eq!(decoded.len(), expected.len());
    assert!(decoded.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 4e-6));
    // The same sound by ffmpeg in the 64-bit forms.
    let plain = dir.path().join("plain.wav");
    write_int_wav(&plain, RATE, 2, 16, &samples);
    let wanted = intact(&plain);
    for (name, options) in [("a.rf64.wav", &["-rf64", "always"][..]), ("a.w64", &["-f", "w64"])] {
        let path = dir.path().join(name);
        let mut args = vec!["-i", text(&plain)];
        args.extend(options);
        args.push(text(&path));
        assert!(equal(&intact(&ffmpeg(&args)), &wanted), "{name}");
    }
}

#[test]
fn flac_keeps_its_last_packet_before_tags_and_says_when_it_was_cut() {
    let dir = folder();
    let path = encoded(dir.path(), "a.flac", RATE, 2, 1.0, &["-c:a", "flac"]);
    let bytes = fs::read(&path).unwrap();
    let expected = intact(&path);
    let mut id3v1 = b"TAG".to_vec();
    id3v1.resize(128, b' ');
    let mut ape = b"APETAGEX\xD0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    ape.extend([0; 8]);
    for tags in [&id3v1[..], &ape, &[&ape[..], &id3v1].concat()] {
        let tagged = joined(
            dir.path(),
            "tagged.flac",
            &[b"ID3\x03\0\0\0\0\0\x0a0123456789", &bytes, tags],
        );
        assert!(equal(&intact(&tagged), &expected));
    }
    // Of joined files the first is decoded, and that there is more is reported.
    let twice = whole(&joined(dir.path(), "twice.flac", &[&bytes, &bytes]));
    assert!(twice.samples.len() >= expected.len() - 4608);
    assert!(twice.cut_short.unwrap().contains("could not be decoded"));
    let cut = joined(dir.path(), "cut.flac", &[&bytes[..bytes.len() / 2]]);
    assert!(whole(&cut).cut_short.is_some());
}

#[test]
fn an_ogg_without_a_last_page_is_whole_and_one_cut_within_a_page_is_not() {
    let dir = folder();
    let path = encoded(dir.path(), "a.ogg", RATE, 1, 4.0, &["-c:a", "libvorbis", "-q:a", "5"]);
    let bytes = fs::read(&path).unwrap();
    let all = intact(&path);
    let last = bytes.windows(5).rposition(|word| word == b"OggS\0").unwrap();
    assert!(last > bytes.len() / 4, "it has several pages");
    let open = joined(dir.path(), "open.ogg", &[&bytes[..last]]);
    // The last page states the length.
    let decoded = intact_but_duration(&open);
    assert!(decoded.len() > all.len() / 4 && equal(&decoded, &all[..decoded.len()]));
    let cut = joined(dir.path(), "cut.ogg", &[&bytes[..last + 1000]]);
    assert!(whole(&cut).cut_short.is_some());
}
