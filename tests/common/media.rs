//! Sound files made by the tests themselves: wav by hound, everything else by ffmpeg.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that is removed at the end.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Music-like and never repeating: two sweeps, a beat and a little noise, in −0.5…0.5; the second half of the channels
/// carries another pitch. Frame after frame.
pub(crate) fn signal(rate_hz: u32, channels: u16, secs: f64) -> Vec<f32> {
    let frames = (f64::from(rate_hz) * secs).round() as usize;
    let mut noise = 0x2545_F491_u32;
    let mut out = Vec::with_capacity(frames * usize::from(channels));
    for frame in 0..frames {
        let t = frame as f64 / f64::from(rate_hz);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = f64::from(noise >> 8) / f64::from(1 << 24) - 0.5;
        let beat = (-(t * 4.0).fract() * 8.0).exp();
        for channel in 0..channels {
            let base = if channel * 2 < channels { 220.0 } else { 331.0 };
            let sweep = (TAU * (base * t + 90.0 * t * t)).sin();
            out.push((0.25 * sweep + 0.2 * beat * (TAU * 60.0 * t).sin() + 0.04 * hiss) as f32);
        }
    }
    out
}

/// The mean of the channels, as the decoder is to make it.
pub(crate) fn mono(interleaved: &[f32], channels: u16) -> Vec<f32> {
    let share = 1.0 / f32::from(channels);
    interleaved
        .chunks_exact(usize::from(channels))
        .map(|frame| frame.iter().sum::<f32>() * share)
        .collect()
}

/// Writes a wav of 32-bit floats.
pub(crate) fn write_float_wav(path: &Path, rate_hz: u32, channels: u16, interleaved: &[f32]) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate_hz,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("the wav can be made");
    for &sample in interleaved {
        writer.write_sample(sample).expect("the wav can be written");
    }
    writer.finalize().expect("the wav can be finished");
}

/// Gives a wav an artist and an album, as a RIFF list at its end.
pub(crate) fn tag_wav(path: &Path, artist: &str, album: &str) {
    let mut bytes = std::fs::read(path).expect("the wav is there");
    let mut list = b"INFO".to_vec();
    for (id, value) in [(b"IART", artist), (b"IPRD", album)] {
        let mut value = value.as_bytes().to_vec();
        value.push(0);
        list.extend(id);
        list.extend(u32::try_from(value.len()).expect("a short tag").to_le_bytes());
        list.extend(&value);
        if value.len() % 2 == 1 {
            list.push(0);
        }
    }
    bytes.extend(b"LIST");
    bytes.extend(u32::try_from(list.len()).expect("a short list").to_le_bytes());
    bytes.extend(list);
    let size = u32::try_from(bytes.len() - 8).expect("a small file");
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    std::fs::write(path, bytes).expect("the wav can be written");
}

/// Writes a wav of integers of 8, 16, 24 or 32 bits.
pub(crate) fn write_int_wav(path: &Path, rate_hz: u32, channels: u16, bits: u16, interleaved: &[f32]) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate_hz,
        bits_per_sample: bits,
        sample_format: hound::SampleFormat::Int,
    };
    let full = 2_f64.powi(i32::from(bits) - 1);
    let mut writer = hound::WavWriter::create(path, spec).expect("the wav can be made");
    for &sample in interleaved {
        let level = (f64::from(sample) * full).round().clamp(-full, full - 1.0);
        writer.write_sample(level as i32).expect("the wav can be written");
    }
    writer.finalize().expect("the wav can be finished");
}

/// Runs ffmpeg on the arguments; the last is the file that it makes.
pub(crate) fn ffmpeg(args: &[&str]) -> PathBuf {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run ffmpeg ({error}): install the package `ffmpeg`"));
    assert!(
        output.status.success(),
        "ffmpeg {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(args.last().expect("ffmpeg needs a file to make"))
}

/// A path as ffmpeg takes it.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// The recordings of the demo as files, the first `secs` seconds of each, with their genres.
pub(crate) fn demo_clips(folder: &Path, secs: f64) -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let (info, samples) = attune_audio::decode::decode_file(&root.join("demo.ogg")).expect("the demo is there");
    let mut table = csv::Reader::from_path(root.join("sections.csv")).expect("its table is there");
    let clip = |section: csv::StringRecord| {
        let from = (section[0].parse::<f64>().expect("a time") * info.rate.hz()) as usize;
        let until = from + (secs * info.rate.hz()) as usize;
        let path = folder.join(format!("{}.wav", &section[2]));
        write_float_wav(&path, info.rate.0, 1, &samples[from..until.min(samples.len())]);
        (section[2].to_owned(), path)
    };
    table.records().map(|section| clip(section.expect("a row"))).collect()
}
