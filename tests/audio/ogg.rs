//! Ogg files with damaged pages: what is missing is reported with its place, and all other sound stays where it was.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::common::media::{ffmpeg, folder, signal, text, write_int_wav};
use attune_audio::decode::AudioFile;
use attune_audio::units::Seconds;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

const SECS: f64 = 6.0;

/// A page: its bytes, and the granule position that it states.
struct Page {
    bytes: Range<usize>,
    granule: i64,
}

fn pages(file: &[u8]) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut at = 0;
    while at < file.len() {
        assert_eq!(&file[at..at + 4], b"OggS");
        let segments = usize::from(file[at + 26]);
        let body: usize = file[at + 27..at + 27 + segments].iter().copied().map(usize::from).sum();
        let end = at + 27 + segments + body;
        let granule = i64::from_le_bytes(file[at + 6..at + 14].try_into().unwrap());
        pages.push(Page {
            bytes: at..end,
            granule,
        });
        at = end;
    }
    pages
}

fn encoded(dir: &Path, name: &str, rate: u32, secs: f64, options: &[&str]) -> PathBuf {
    let wav = dir.join("original.wav");
    write_int_wav(&wav, rate, 1, 16, &signal(rate, 1, secs));
    let path = dir.join(name);
    let mut args = vec!["-i", text(&wav)];
    args.extend(options);
    args.extend(["-page_duration", "300000", text(&path)]);
    ffmpeg(&args)
}

const VORBIS: [&str; 4] = ["-c:a", "libvorbis", "-q:a", "5"];
const OPUS: [&str; 4] = ["-c:a", "libopus", "-b:a", "64k"];

/// Name, rate, the encoder's options, and samples of a packet.
const ROWS: [(&str, u32, &[&str], usize); 3] = [
    ("vorbis.ogg", 44_100, &VORBIS, 1024),
    ("opus.ogg", 48_000, &OPUS, 960),
    ("flac.ogg", 44_100, &["-c:a", "flac"], 4608),
];

fn all(path: &Path) -> (Vec<f32>, AudioFile) {
    let mut file = AudioFile::open_alone(path).unwrap_or_else(|error| panic!("{error}"));
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    (samples, file)
}

fn equal(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The largest difference, for Opus, which forgets what it missed little by little.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_damaged_page_is_reported_and_becomes_silence_of_its_length() {
    let dir = folder();
    for (name, rate, options, packet) in ROWS {
        let path = encoded(dir.path(), name, rate, SECS, options);
        let (whole, file) = all(&path);
        assert_eq!(file.damage(), None, "{name}");
        let bytes = fs::read(&path).unwrap();
        let pages = pages(&bytes);
        assert!(pages.len() > 8, "{name}: {} pages", pages.len());
        let skipped = if name.starts_with("opus") { 312 } else { 0 };
        // A page in the middle, two of them, one byte of a header (of the granule position), and the first with sound.
        let middle = pages.len() / 2;
        let first = pages.iter().position(|page| page.granule > 0).unwrap();
        let place = |page: usize| (pages[page].granule as usize).saturating_sub(skipped);
        for (hit, offset, count) in [(middle, 200, 1), (middle, 200, 2), (middle, 8, 1), (first, 200, 1)] {
            let mut damaged = bytes.clone();
            for page in &pages[hit..hit + count] {
                damaged[page.bytes.start + offset] ^= 0x10;
            }
            let row = format!("{name}, {count} at {offset}");
            let hurt = dir.path().join("hurt.ogg");
            fs::write(&hurt, &damaged).unwrap();
            let (decoded, file) = all(&hurt);
            assert_eq!(decoded.len(), whole.len(), "{row}");
            let (from, to) = (place(hit - 1), place(hit + count - 1));
            assert!(equal(&decoded[..from], &whole[..from]), "{row}: what came before");
            // The packets that reach into the neighbours are lost too.
            let silent = from + packet..to;
            assert!(decoded[silent].iter().all(|&sample| sample == 0.0), "{row}");
            if skipped == 0 {
                let after = to + 2 * packet;
                assert!(equal(&decoded[after..], &whole[after..]), "{row}: what follows");
            } else {
                let after = to + rate as usize;
                let worst = difference(&decoded[after..], &whole[after..]);
                assert!(worst < 1e-3, "{row}: what follows, {worst}");
            }
            let said = file.damage().unwrap();
            assert!(said.contains("1 damaged stretch at 0:0"), "{row}: {said}");
            let place = said.split(" at ").nth(1).and_then(|rest| rest.split(' ').next());
            let clock = Seconds(from as f64 / f64::from(rate)).clock();
            assert_eq!(place, Some(clock.as_str()), "{row}: {said}");
            assert_eq!(file.cut_short(), None, "{row}");
            seeks_are_exact(&hurt, &decoded, &row);
        }
    }
}

/// What follows a seek is what decoding from the start yields, and decoding damage again adds none.
fn seeks_are_exact(path: &Path, decoded: &[f32], row: &str) {
    let (_, mut file) = all(path);
    let said = file.damage();
    let rate = file.info().rate;
    for at in [5.5, 2.9, 3.1, 3.3, 1.0, 4.0, 0.1] {
        file.seek(Seconds(at)).unwrap();
        let mut rest = Vec::new();
        while rest.len() < 100_000 && file.next_block(&mut rest).unwrap() {}
        let start = rate.index_at(Seconds(at)).0 as usize;
        assert!(equal(&rest, &decoded[start..start + rest.len()]), "{row}: from {at}");
        assert!(rest.len() >= 100_000.min(decoded.len() - start), "{row}: from {at}");
    }
    assert_eq!(file.damage(), said, "{row}");
}

#[test]
fn damage_of_the_last_page_keeps_the_length() {
    let dir = folder();
    for (name, rate, options, _) in ROWS {
        let path = encoded(dir.path(), name, rate, SECS, options);
        let (whole, _) = all(&path);
        let mut bytes = fs::read(&path).unwrap();
        let pages = pages(&bytes);
        let last = pages.last().unwrap();
        let middle = usize::midpoint(last.bytes.start, last.bytes.end);
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let (decoded, file) = all(&path);
        assert_eq!(decoded.len(), whole.len(), "{name}");
        let before = pages[pages.len() - 2].granule as usize - 5000;
        assert!(equal(&decoded[..before], &whole[..before]), "{name}");
        let said = file.damage().unwrap();
        assert!(said.contains("1 damaged stretch"), "{name}: {said}");
    }
}

#[test]
fn damage_in_a_later_stream_of_a_chain_is_found_too() {
    let dir = folder();
    for (name, rate, options, packet) in ROWS {
        let one = encoded(dir.path(), name, rate, 2.0, options);
        let two = encoded(dir.path(), &format!("two.{name}"), rate, 3.0, options);
        let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let (a, b) = (all(&one).0, all(&two).0);
        let chain = dir.path().join("chain.ogg");
        let write = |page: usize, list: &[Page]| {
            let mut second = second.clone();
            second[list[page].bytes.end - 5] ^= 1;
            fs::write(&chain, [&first[..], &second].concat()).unwrap();
            all(&chain)
        };
        let pages = pages(&second);
        let hit = pages.len() / 2;
        let (decoded, file) = write(hit, &pages);
        assert_eq!(decoded.len(), a.len() + b.len(), "{name}");
        assert!(equal(&decoded[..a.len()], &a), "{name}");
        let skipped = a.len() + pages[hit].granule as usize;
        if !name.starts_with("opus") {
            let after = skipped + 2 * packet;
            assert!(equal(&decoded[after..], &b[after - a.len()..]), "{name}");
        }
        assert!(file.damage().unwrap().contains("1 damaged stretch"), "{name}");
        // Without its first page the whole second stream is lost.
        let (decoded, file) = write(0, &pages);
        assert!(equal(&decoded, &a), "{name}: {}", decoded.len());
        assert!(
            file.damage().unwrap().contains("beginning of their stream is missing"),
            "{name}"
        );
    }
}
