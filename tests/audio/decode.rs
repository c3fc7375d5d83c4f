//! Files to samples: every format against the signal it was made from, seeking against a decoding from the start, and
//! every kind of bad file.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may fail; exact values are meant"
)]

use crate::common::media::{ffmpeg, folder, mono, signal, text, write_float_wav, write_int_wav};
use attune_audio::decode::{AudioFile, decode_file};
use attune_audio::source::SourceError;
use attune_audio::units::Seconds;
use std::fs;
use std::path::{Path, PathBuf};

const RATE: u32 = 44_100;

fn decoded(path: &Path) -> Vec<f32> {
    decode_file(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .1
}

fn refused(path: &Path) -> SourceError {
    match decode_file(path) {
        Ok((info, samples)) => panic!("{}: decoded as {info:?}, {} samples", path.display(), samples.len()),
        Err(error) => {
            assert!(
                error.message.contains(path.to_str().unwrap()),
                "names the file: {}",
                error.message
            );
            assert!(!error.remedy().is_empty(), "says what to do");
            error
        }
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The signal as the mono that must come back.
fn original(channels: u16, secs: f64) -> (Vec<f32>, Vec<f32>) {
    let interleaved = signal(RATE, channels, secs);
    let mixed = mono(&interleaved, channels);
    (interleaved, mixed)
}

#[test]
fn wav_of_every_depth_comes_back_within_half_a_step() {
    let dir = folder();
    let (interleaved, mixed) = original(2, 0.3);
    let float = dir.path().join("float.wav");
    write_float_wav(&float, RATE, 2, &interleaved);
    assert_eq!(decoded(&float), mixed, "floats are taken as they are");
    for bits in [8_u16, 16, 24, 32] {
        let path = dir.path().join(format!("int{bits}.wav"));
        write_int_wav(&path, RATE, 2, bits, &interleaved);
        let (info, samples) = decode_file(&path).unwrap();
        assert_eq!(samples.len(), mixed.len());
        // Rounding to `bits` costs half a step; so does each f32 operation, relative to values below 1.
        let step = 2_f32.powi(1 - i32::from(bits));
        let tolerance = step / 2.0 + 4.0 * f32::EPSILON;
        let worst = largest_difference(&samples, &mixed);
        assert!(worst <= tolerance, "{bits} bits: {worst} > {tolerance}");
        assert_eq!(info.rate.0, RATE);
        assert_eq!(info.channels, 2);
        assert!((info.duration.unwrap().0 - 0.3).abs() < 1e-9);
        assert!(info.format.contains(&bits.to_string()), "{}", info.format);
    }
}

#[test]
fn every_rate_and_channel_count_comes_back_whole() {
    let dir = folder();
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
        for channels in 1..=8_u16 {
            let interleaved = signal(rate, channels, 0.05);
            let path = dir.path().join("any.wav");
            write_float_wav(&path, rate, channels, &interleaved);
            let (info, samples) = decode_file(&path).unwrap();
            assert_eq!((info.rate.0, info.channels), (rate, channels));
            assert_eq!(samples, mono(&interleaved, channels), "{rate} Hz, {channels} channels");
        }
    }
}

/// One file of each format that is promised, with what is known of its loss and its lead-in.
struct Format {
    path: PathBuf,
    decoder: &'static str,
    /// Whether it is bit for bit the 16-bit original.
    lossless: bool,
    /// Samples that the encoder puts before the sound and the file does not let symphonia remove.
    lead_in: usize,
}

/// Encodes the signal into each format. Returns the mono original too.
fn formats(dir: &Path, secs: f64) -> (Vec<f32>, Vec<Format>) {
    let (interleaved, mixed) = original(2, secs);
    let wav = dir.join("original.wav");
    write_int_wav(&wav, RATE, 2, 16, &interleaved);
    let input = text(&wav);
    let rows: [(&str, &str, &[&str], bool, usize); 14] = [
        ("a.flac", "flac", &["-c:a", "flac"], true, 0),
        ("cbr.mp3", "mp3", &["-c:a", "libmp3lame", "-b:a", "128k"], false, 0),
        ("vbr.mp3", "mp3", &["-c:a", "libmp3lame", "-q:a", "4"], false, 0),
        // No LAME tag: the encoder's 576 + 529 samples stay.
        (
            "untagged.mp3",
            "mp3",
            &["-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0"],
            false,
            1105,
        ),
        ("a.ogg", "vorbis", &["-c:a", "libvorbis", "-q:a", "6"], false, 0),
        ("a.m4a", "aac", &["-c:a", "aac", "-b:a", "192k"], false, 0),
        // One packet of priming, which ADTS has no place to state.
        ("a.aac", "aac", &["-c:a", "aac", "-b:a", "192k"], false, 1024),
        ("alac.m4a", "alac", &["-c:a", "alac"], true, 0),
        ("a.aiff", "pcm_s16be", &[], true, 0),
        ("a.caf", "pcm_s16le", &["-c:a", "pcm_s16le"], true, 0),
        ("flac.mkv", "flac", &["-c:a", "flac"], true, 0),
        ("vorbis.webm", "vorbis", &["-c:a", "libvorbis", "-q:a", "6"], false, 0),
        ("flac.ogg", "flac", &["-c:a", "flac"], true, 0),
        ("a.mp2", "mp2", &["-c:a", "mp2", "-b:a", "192k"], false, 481),
    ];
    let files = rows.into_iter().map(|(name, decoder, options, lossless, lead_in)| {
        let path = dir.join(name);
        let mut args = vec!["-i", input];
        args.extend(options);
        args.push(text(&path));
        Format {
            path: ffmpeg(&args),
            decoder,
            lossless,
            lead_in,
        }
    });
    (mixed, files.collect())
}

/// 10·log10 of signal power over error power, over the part that both have.
fn snr_db(original: &[f32], decoded: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let signal = power(&mut original.iter().zip(decoded).map(|(a, _)| f64::from(*a)));
    let error = power(&mut original.iter().zip(decoded).map(|(a, b)| f64::from(a - b)));
    10.0 * (signal / error.max(1e-30)).log10()
}

#[test]
fn every_format_brings_back_the_signal_in_its_place() {
    let dir = folder();
    let (mixed, files) = formats(dir.path(), 2.0);
    for Format {
        path,
        decoder,
        lossless,
        lead_in,
    } in files
    {
        let name = path.display();
        let (info, samples) = decode_file(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(info.decoder, decoder, "{name}");
        assert_eq!((info.rate.0, info.channels), (RATE, 2), "{name}");
        if lossless {
            assert_eq!(samples.len(), mixed.len(), "{name}");
            // Half a step of 16 bits.
            assert!(
                largest_difference(&samples, &mixed) <= 1.0 / 65_536.0 + f32::EPSILON,
                "{name}"
            );
        } else {
            let here = snr_db(&mixed, &samples[lead_in..]);
            // Shifted by one sample, a 200–700 Hz sweep alone leaves an error 20–27 dB down, and the hiss is lost; so the
            // right place must beat its neighbours.
            assert!(here > 15.0, "{name}: {here:.1} dB at {lead_in}");
            assert!(here > snr_db(&mixed, &samples[lead_in + 1..]), "{name}: late");
            assert!(here > snr_db(&mixed[1..], &samples[lead_in..]), "{name}: early");
            assert!(
                samples.len() >= mixed.len(),
                "{name}: {} of {}",
                samples.len(),
                mixed.len()
            );
        }
    }
}

#[test]
fn seeking_brings_exactly_what_a_decoding_from_the_start_brings() {
    let dir = folder();
    let (_, mut files) = formats(dir.path(), 6.0);
    // The longest reach of mp3's bit reservoir in time: the lowest rate and bit rate.
    let wav = dir.path().join("original.wav");
    let narrow = dir.path().join("narrow.mp3");
    files.push(Format {
        path: ffmpeg(&[
            "-i",
            text(&wav),
            "-ar",
            "8000",
            "-ac",
            "1",
            "-c:a",
            "libmp3lame",
            "-b:a",
            "8k",
            text(&narrow),
        ]),
        decoder: "mp3",
        lossless: false,
        lead_in: 0,
    });
    // Longer than what Opus needs before a place.
    let long = dir.path().join("long.wav");
    write_int_wav(&long, RATE, 2, 16, &signal(RATE, 2, 14.0));
    for (name, options) in [
        ("a.opus", &["-b:a", "96k"][..]),
        ("speech.opus", &["-ac", "1", "-b:a", "16k"]),
    ] {
        let path = dir.path().join(name);
        let mut args = vec!["-i", text(&long), "-c:a", "libopus"];
        args.extend(options);
        args.push(text(&path));
        files.push(Format {
            path: ffmpeg(&args),
            decoder: "opus",
            lossless: false,
            lead_in: 0,
        });
    }
    files.push(Format {
        path: wav,
        decoder: "pcm_s16le",
        lossless: true,
        lead_in: 0,
    });
    for Format { path, .. } in files {
        let name = path.display();
        let whole = decoded(&path);
        let mut file = AudioFile::open(&path).unwrap();
        let rate = file.info().rate;
        for at in [
            0.0, 3.1, 0.4, 0.700_01, 5.5, 1.234_567, 5.99, 0.0, 2.0, 9.876, 13.5, 7.0,
        ] {
            file.seek(Seconds(at))
                .unwrap_or_else(|error| panic!("{name} at {at}: {error}"));
            let mut rest = Vec::new();
            // Not always to the end: a seek from the middle is another way.
            while rest.len() < 8_000 && file.next_block(&mut rest).unwrap() {}
            let start = (rate.index_at(Seconds(at)).0 as usize).min(whole.len());
            let expected = &whole[start..(start + 8_000.max(rest.len())).min(whole.len())];
            assert_eq!(rest.len(), expected.len(), "{name} at {at}");
            let first = rest.iter().zip(expected).position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(first, None, "{name} at {at}: differs from sample {first:?} on");
        }
        file.seek(Seconds(60.0)).unwrap();
        assert!(
            !file.next_block(&mut Vec::new()).unwrap(),
            "{name}: nothing follows beyond the end"
        );
        file.seek(Seconds(1.0)).unwrap();
        assert!(
            file.next_block(&mut Vec::new()).unwrap(),
            "{name}: alive after a seek beyond the end"
        );
    }
}

#[test]
fn content_counts_not_the_extension() {
    let dir = folder();
    let (interleaved, mixed) = original(2, 0.5);
    let wav = dir.path().join("really.wav");
    write_int_wav(&wav, RATE, 2, 16, &interleaved);
    let flac = ffmpeg(&["-i", text(&wav), text(&dir.path().join("really.flac"))]);
    let mislabelled = dir.path().join("song.mp3");
    fs::copy(&flac, &mislabelled).unwrap();
    assert_eq!(decode_file(&mislabelled).unwrap().0.decoder, "flac");
    assert_eq!(decoded(&mislabelled).len(), mixed.len());
    let nameless = dir.path().join("nameless");
    fs::copy(&wav, &nameless).unwrap();
    assert_eq!(decoded(&nameless).len(), mixed.len());
}

#[test]
fn what_is_not_finite_is_replaced_and_counted() {
    let dir = folder();
    let path = dir.path().join("broken.wav");
    write_float_wav(
        &path,
        8_000,
        1,
        &[0.5, f32::NAN, f32::INFINITY, -0.25, f32::NEG_INFINITY],
    );
    let mut file = AudioFile::open(&path).unwrap();
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    assert_eq!(samples, [0.5, 0.0, 0.0, -0.25, 0.0]);
    assert_eq!(file.not_finite(), 3);
}

#[test]
fn of_a_file_cut_in_the_middle_the_rest_is_used() {
    let dir = folder();
    let (mixed, files) = formats(dir.path(), 4.0);
    for Format { path, .. } in files {
        // These keep the index at the end; ffmpeg writes it there by default.
        if path.extension().unwrap() == "m4a" {
            let faststart = path.with_extension("fast.m4a");
            ffmpeg(&[
                "-i",
                text(&path),
                "-c",
                "copy",
                "-movflags",
                "+faststart",
                text(&faststart),
            ]);
            fs::rename(&faststart, &path).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
        if path.extension().unwrap() == "caf" {
            // symphonia reads the chunk after the data before it plays: FFmpeg does better.
            assert_eq!(AudioFile::open_alone(&path).unwrap_err().kind.name(), "truncated");
        }
        let samples = decoded(&path);
        // The bit rate varies, so 60 % of the bytes are not 60 % of the time.
        let share = samples.len() as f64 / mixed.len() as f64;
        assert!(
            (0.4..0.8).contains(&share),
            "{}: {share:.2} of the sound",
            path.display()
        );
    }
}

#[test]
fn a_damaged_stretch_becomes_silence_of_its_length() {
    let dir = folder();
    let (_, files) = formats(dir.path(), 4.0);
    let path = &files.iter().find(|file| file.path.ends_with("cbr.mp3")).unwrap().path;
    let whole = decoded(path);
    let mut bytes = fs::read(path).unwrap();
    // Frames of 128 kbit/s at 44.1 kHz are 417 or 418 bytes long and begin with FF FB.
    let is_header = |bytes: &[u8], at: usize| bytes.get(at..at + 2) == Some(&[0xFF, 0xFB]);
    let mut at = bytes.len() / 2;
    for _ in 0..6 {
        at = (at..bytes.len())
            .find(|&at| is_header(&bytes, at) && (is_header(&bytes, at + 417) || is_header(&bytes, at + 418)))
            .unwrap();
        // Everything but the header: side information that cannot be.
        bytes[at + 4..at + 400].fill(0xFE);
        at += 400;
    }
    fs::write(path, &bytes).unwrap();
    let mut file = AudioFile::open(path).unwrap();
    let mut damaged = Vec::new();
    while file.next_block(&mut damaged).unwrap() {}
    assert!(file.broken_packets() >= 6, "{} broken", file.broken_packets());
    assert_eq!(damaged.len(), whole.len());
    let differs = |range: std::ops::Range<usize>| whole[range.clone()] != damaged[range];
    assert!(!differs(0..44_100), "what came before is whole");
    assert!(differs(44_100..132_300));
    assert!(!differs(132_300..whole.len()), "what follows is whole and in its place");
}

#[test]
fn a_packet_that_no_decoder_takes_is_damage_and_the_rest_is_decoded() {
    let dir = folder();
    let wav = dir.path().join("original.wav");
    write_int_wav(&wav, RATE, 1, 16, &signal(RATE, 1, 2.0));
    let path = ffmpeg(&["-i", text(&wav), "-c:a", "aac", text(&dir.path().join("a.aac"))]);
    let whole = decoded(&path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    let header = bytes[middle..]
        .windows(2)
        .position(|word| word == [0xFF, 0xF1])
        .unwrap();
    // A coupling channel element, which symphonia does not support.
    bytes[middle + header + 7] = 0x40;
    fs::write(&path, &bytes).unwrap();
    let mut file = AudioFile::open_alone(&path).unwrap();
    let mut samples = Vec::new();
    while file.next_block(&mut samples).unwrap() {}
    assert_eq!(samples.len(), whole.len());
    assert_eq!((file.broken_packets(), file.cut_short()), (1, None));
    let said = file.damage().unwrap();
    assert!(
        said.contains("1 broken packet at 0:0") && said.contains("became 0.02 s of silence"),
        "{said}"
    );
}

/// What gives no sound must not hold the program either.
#[test]
fn a_rate_that_no_sound_has_is_refused_by_all_decoders() {
    let dir = folder();
    let path = dir.path().join("fast.wav");
    write_int_wav(&path, 1_000_000, 2, 16, &vec![0.1; 2_000_000]);
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(AudioFile::open(&path).map(|_| ())));
    let read = ended.recv_timeout(std::time::Duration::from_mins(1));
    let error = read.expect("it ends").unwrap_err();
    assert_eq!(error.kind.name(), "unsupported");
    assert!(error.message.contains("1000000 Hz"), "{error:?}");
}

#[test]
fn each_bad_file_gets_its_own_error() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);

    assert_eq!(refused(&at("missing.wav")).kind.name(), "not_found");
    assert_eq!(refused(dir.path()).kind.name(), "not_a_file");

    fs::write(at("empty.mp3"), []).unwrap();
    assert_eq!(refused(&at("empty.mp3")).kind.name(), "empty");

    write_int_wav(&at("none.wav"), RATE, 2, 16, &[]);
    assert_eq!(refused(&at("none.wav")).kind.name(), "empty");

    let (interleaved, _) = original(2, 0.5);
    write_int_wav(&at("good.wav"), RATE, 2, 16, &interleaved);
    let good = fs::read(at("good.wav")).unwrap();
    for cut in [4, 11, 20, 30, 40] {
        fs::write(at("header.wav"), &good[..cut]).unwrap();
        let error = refused(&at("header.wav"));
        assert!(
            ["truncated", "unsupported", "empty"].contains(&error.kind.name()),
            "{cut} bytes: {error:?}"
        );
    }

    let mut channels = good.clone();
    channels[22] = 0;
    fs::write(at("zero.wav"), &channels).unwrap();
    let error = refused(&at("zero.wav"));
    assert!(["truncated", "unsupported"].contains(&error.kind.name()), "{error:?}");

    fs::write(
        at("letter.mp3"),
        "Dear Sir or Madam, this is not music at all. ".repeat(200),
    )
    .unwrap();
    assert_eq!(refused(&at("letter.mp3")).kind.name(), "unsupported");

    fs::write(at("song.mid"), b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk").unwrap();
    assert!(refused(&at("song.mid")).message.contains("MIDI"));
}

#[test]
fn a_video_without_sound_says_so_and_one_with_sound_is_decoded() {
    let dir = folder();
    let picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=1"];
    let mute = dir.path().join("mute.mp4");
    let mut args = picture.to_vec();
    args.extend(["-c:v", "mpeg4", text(&mute)]);
    assert_eq!(refused(&ffmpeg(&args)).kind.name(), "no_audio");

    let film = dir.path().join("film.mkv");
    let mut args = picture.to_vec();
    args.extend(["-f", "lavfi", "-i", "sine=frequency=440:duration=1:sample_rate=44100"]);
    args.extend(["-c:v", "mpeg4", "-c:a", "flac", text(&film)]);
    assert_eq!(decoded(&ffmpeg(&args)).len(), 44_100);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let path = dir.path().join("private.wav");
    write_int_wav(&path, RATE, 1, 16, &[0.1; 100]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything: there is nothing to test then.
    if fs::File::open(&path).is_err() {
        assert_eq!(refused(&path).kind.name(), "permission_denied");
    }
}

/// No damage makes the decoder panic or hang: 40 mutations of each format, seeded.
#[test]
fn random_damage_never_panics() {
    let dir = folder();
    let (_, files) = formats(dir.path(), 0.6);
    let mut seed = 7_u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as usize) % below
    };
    for Format { path, .. } in files {
        let bytes = fs::read(&path).unwrap();
        for _ in 0..40 {
            let mut mutated = bytes.clone();
            for _ in 0..=random(12) {
                // Half of the hits in the headers, where they hurt most.
                let within = if random(2) == 0 {
                    mutated.len().min(400)
                } else {
                    mutated.len()
                };
                let place = random(within);
                mutated[place] = random(256) as u8;
            }
            mutated.truncate(mutated.len() - random(mutated.len() / 4));
            fs::write(&path, &mutated).unwrap();
            if let Ok(mut file) = AudioFile::open_alone(&path) {
                let _ = file.seek(Seconds(0.55));
                let mut samples = Vec::new();
                while samples.len() < 1_000_000 && file.next_block(&mut samples).unwrap() {}
                assert!(samples.iter().all(|sample| sample.is_finite()));
            }
        }
    }
}
