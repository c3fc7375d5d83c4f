//! What a file is, by `ffprobe`, the program that comes with `ffmpeg`.
//!
//! Only fields that it computes itself are asked for, as JSON: no title in the file can be mistaken for one.
//!
//! In: an open file. Out: [`About`]. Thread: any.

use super::pipe::Pipe;
use super::{Failure, INPUT, PROTOCOLS, end_of};
use crate::units::Seconds;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// More than its answer can have.
const MOST_BYTES: u64 = 1 << 16;

/// What it says of a file.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::decode) struct About {
    /// `ffmpeg 5.1.6 (wavpack)`; `ffmpeg (unknown codec)` without `ffprobe`.
    pub(in crate::decode) decoder: String,
    /// Sample format as stored.
    pub(in crate::decode) format: String,
    /// Length, by its container or by its bit rate.
    pub(in crate::decode) duration: Option<Seconds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    program_version: Version,
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stream {
    codec_name: Option<String>,
    sample_fmt: Option<String>,
    duration: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Format {
    duration: Option<String>,
}

/// Asks the program beside `ffmpeg`. Nothing is known where it is missing or gives no answer; that it hangs is an
/// error, for then the other will too.
pub(super) fn about(ffmpeg: &Path, file: &File, limit: Duration) -> Result<About, Failure> {
    let program = ffmpeg.with_file_name(format!("ffprobe{}", std::env::consts::EXE_SUFFIX));
    let answer = match ask(&program, file, limit) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(Failure::Refused(error.to_string())),
        answer => answer.unwrap_or_default(),
    };
    Ok(About::of(&serde_json::from_slice(&answer).unwrap_or_default()))
}

fn ask(program: &Path, mut file: &File, limit: Duration) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut child = Command::new(program)
        .args(["-v", "error", "-protocol_whitelist", PROTOCOLS])
        .args(["-select_streams", "a:0", "-of", "json", "-show_entries"])
        .arg("program_version=version:stream=codec_name,sample_fmt,duration:format=duration")
        .arg(INPUT)
        .stdin(Stdio::from(file.try_clone()?))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut answer = Vec::new();
    let read = match child.stdout.take() {
        Some(out) => Pipe::new(out, limit).and_then(|pipe| pipe.take(MOST_BYTES).read_to_end(&mut answer)),
        None => Ok(0),
    };
    end_of(&mut child, Duration::ZERO);
    read.map(|_| answer)
}

impl About {
    fn of(answer: &Answer) -> Self {
        let stream = answer.streams.first();
        let text = |field: fn(&Stream) -> &Option<String>| stream.and_then(|stream| field(stream).as_deref());
        let codec = text(|stream| &stream.codec_name).unwrap_or("unknown codec");
        // Planar is how it decodes, not how it is stored.
        let format = text(|stream| &stream.sample_fmt)
            .unwrap_or_default()
            .trim_end_matches('p');
        let durations = [text(|stream| &stream.duration), answer.format.duration.as_deref()];
        let secs = durations
            .into_iter()
            .flatten()
            .find_map(|text| text.parse::<f64>().ok());
        // The distribution's own suffix says nothing of the decoder.
        let version = answer.program_version.version.as_str();
        let version = match version.split_once('-') {
            Some((number, _)) if number.starts_with(|first: char| first.is_ascii_digit()) => number,
            _ => version,
        };
        Self {
            decoder: format!("ffmpeg {version} ({codec})").replace("  ", " "),
            format: format.to_owned(),
            duration: secs.filter(|secs| secs.is_finite() && *secs > 0.0).map(Seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_answer_says_what_it_decodes() {
        let answer = r#"{"program_version": {"version": "5.1.9-0+deb12u1"}, "programs": [],
            "streams": [{"codec_name": "wavpack", "sample_fmt": "s16p", "duration": "3603.25"}],
            "format": {"duration": "3603.5"}}"#;
        let about = About::of(&serde_json::from_str(answer).expect("it is JSON"));
        assert_eq!(about.decoder, "ffmpeg 5.1.9 (wavpack)");
        assert_eq!((about.format.as_str(), about.duration), ("s16", Some(Seconds(3603.25))));
        assert_eq!(About::of(&Answer::default()).decoder, "ffmpeg (unknown codec)");
    }
}
