//! What symphonia does not decode, by the program `ffmpeg` where it is installed.
//!
//! It gets the open file as its standard input, so no name of a file becomes an argument, and may open nothing but
//! files. Samples come through a pipe, which holds it back; it ends with the stream.
//!
//! In: an open file. Out: blocks of interleaved f32. Thread: any; what it reports is read on a thread of its own.

use super::bytes::array;
use crate::units::{SampleRate, Seconds};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames of a block.
const BLOCK_FRAMES: usize = 4096;
/// More channels than this are damage.
const MOST_CHANNELS: u16 = 256;
/// Lines of its report that are kept: the properties come first, the last ones say why it stopped.
const FIRST_LINES: usize = 200;
const LAST_LINES: usize = 20;
/// How long its description of the file may take to arrive after the first samples.
const REPORT_WAIT: Duration = Duration::from_secs(2);
/// What precedes the codec in its description.
const STREAM: &str = ": Audio: ";

/// A running `ffmpeg`.
pub(super) struct Ffmpeg {
    child: Child,
    sound: BufReader<ChildStdout>,
    report: Arc<Mutex<Report>>,
    reading: Option<JoinHandle<()>>,
    bytes: Vec<u8>,
    /// Sample rate.
    pub(super) rate: SampleRate,
    /// Audio channels.
    pub(super) channels: usize,
}

/// What it says of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct About {
    /// `ffmpeg 5.1.6 (wavpack)`.
    pub(super) decoder: String,
    /// Sample format as stored.
    pub(super) format: String,
    /// Length, by its container or by its bit rate.
    pub(super) duration: Option<Seconds>,
}

/// Why it gives no sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not installed.
    Absent,
    /// It does not read the file either: its reason.
    Refused(String),
}

/// What it wrote to its standard error.
#[derive(Debug, Clone, Default, PartialEq)]
struct Report {
    lines: Vec<String>,
    last: Vec<String>,
    /// Packets that it could not decode.
    broken: u64,
}

/// The program, if a folder of `PATH` has it.
pub(super) fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders)
        // A relative folder would run what lies beside the music.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
}

/// Its version, asked for by running it. `None`: it is not installed.
///
/// # Errors
/// Why it cannot be run, if it is there.
pub fn ffmpeg_version() -> Option<Result<String, String>> {
    let output = Command::new(program()?)
        .arg("-version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    Some(match output {
        Ok(output) if output.status.success() => {
            let report = Mutex::default();
            Report::read(&report, &output.stdout[..]);
            let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
            Ok(report.version().to_owned())
        }
        Ok(output) => Err(format!("it ends with {}", output.status)),
        Err(error) => Err(error.to_string()),
    })
}

impl Ffmpeg {
    /// Starts it on the file's first audio stream. Returns when the first samples are ready.
    pub(super) fn start(mut file: &File) -> Result<Self, Failure> {
        let program = program().ok_or(Failure::Absent)?;
        let refused = |error: io::Error| Failure::Refused(format!("ffmpeg cannot be run: {error}"));
        // Where opening standard input again does not begin at the start, it begins where the file stands.
        file.rewind().map_err(refused)?;
        let mut command = Command::new(program);
        command
            .args([
                "-nostdin",
                "-nostats",
                "-loglevel",
                "info",
                "-protocol_whitelist",
                "file,pipe",
            ])
            .args(["-i", INPUT, "-map", "0:a:0", "-vn", "-sn", "-dn"])
            .args(["-map_metadata", "-1", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"])
            .stdin(Stdio::from(file.try_clone().map_err(refused)?))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(refused)?;
        let (Some(sound), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::Refused("ffmpeg has no pipes".to_owned()));
        };
        let report = Arc::new(Mutex::new(Report::default()));
        let written = Arc::clone(&report);
        let reading = std::thread::Builder::new()
            .name("ffmpeg report".to_owned())
            .spawn(move || Report::read(&written, BufReader::new(errors)))
            .map_err(refused)?;
        let mut stream = Self {
            child,
            sound: BufReader::new(sound),
            report,
            reading: Some(reading),
            bytes: Vec::new(),
            rate: SampleRate(0),
            channels: 0,
        };
        match read_format(&mut stream.sound) {
            Ok(Some((rate, channels))) => {
                (stream.rate, stream.channels) = (rate, channels);
                Ok(stream)
            }
            _ => Err(Failure::Refused(stream.finish().reason())),
        }
    }

    /// Appends the next block to `out`; false at the end.
    pub(super) fn next_block(&mut self, out: &mut Vec<f32>) -> io::Result<bool> {
        let frame = 4 * self.channels;
        self.bytes.resize(BLOCK_FRAMES * frame, 0);
        let mut have = 0;
        while have < self.bytes.len() {
            match self.sound.read(&mut self.bytes[have..]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            // Whole frames suffice: what comes slowly is handed on.
            if have.is_multiple_of(frame) {
                break;
            }
        }
        let whole = have / frame * frame;
        let samples = self.bytes[..whole].chunks_exact(4);
        out.extend(samples.filter_map(|bytes| array(bytes, 0).map(f32::from_le_bytes)));
        Ok(whole > 0)
    }

    /// At the end of the sound: packets that it could not decode, and why it stopped, if it failed.
    pub(super) fn end(&mut self) -> (u64, Option<String>) {
        let report = self.finish();
        let failed = self.child.wait().is_ok_and(|status| !status.success());
        (report.broken, failed.then(|| report.reason()))
    }

    /// What it says of the file.
    pub(super) fn about(&self) -> About {
        let deadline = Instant::now() + REPORT_WAIT;
        loop {
            let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            // It is written before the first samples; the thread that reads it may be late.
            if report.after(STREAM).is_some() || Instant::now() > deadline {
                return About {
                    decoder: format!("ffmpeg {} ({})", report.version(), report.codec()),
                    format: report.sample_format(),
                    duration: report.duration(),
                };
            }
            drop(report);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What it said, once it has ended by itself.
    fn finish(&mut self) -> Report {
        if let Some(reading) = self.reading.take() {
            // A thread that only appends to the report does not panic.
            let _ = reading.join();
        }
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        // It may have ended before; then neither call does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file under a name that says nothing of its content and opens it again, so that it can be sought.
#[cfg(unix)]
const INPUT: &str = "file:/dev/stdin";
#[cfg(not(unix))]
const INPUT: &str = "pipe:0";

/// Rate and channels from the header of the wav that it writes; `None` if there is no sound.
fn read_format(from: &mut impl Read) -> io::Result<Option<(SampleRate, usize)>> {
    let mut head = [0; 12];
    from.read_exact(&mut head)?;
    let mut format = None;
    loop {
        let mut chunk = [0; 8];
        from.read_exact(&mut chunk)?;
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        match &chunk[..4] {
            b"data" => return Ok(format),
            name => {
                let mut body = Vec::new();
                from.take(u64::from(size)).read_to_end(&mut body)?;
                if name == b"fmt " {
                    let channels = array(&body, 2).map(u16::from_le_bytes);
                    let rate = array(&body, 4).map(u32::from_le_bytes);
                    format = channels
                        .zip(rate)
                        .filter(|(channels, _)| (1..=MOST_CHANNELS).contains(channels))
                        .map(|(channels, rate)| (SampleRate(rate), usize::from(channels)));
                }
            }
        }
    }
}

impl Report {
    fn read(report: &Mutex<Self>, mut from: impl BufRead) {
        let mut line = Vec::new();
        // Bounded by line and in number, whatever it writes.
        while from
            .by_ref()
            .take(1024)
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            if text.contains("Error while decoding") || text.contains("Error submitting packet") {
                report.broken += 1;
            }
            if report.lines.len() < FIRST_LINES {
                report.lines.push(text.clone());
            }
            if !text.is_empty() {
                if report.last.len() == LAST_LINES {
                    report.last.remove(0);
                }
                report.last.push(text);
            }
        }
    }

    /// What follows this text in the first line that has it.
    fn after(&self, text: &str) -> Option<&str> {
        let line = self.lines.iter().find_map(|line| line.split_once(text));
        line.map(|(_, rest)| rest)
    }

    fn version(&self) -> &str {
        let version = self.after("ffmpeg version ").and_then(|rest| rest.split(' ').next());
        let version = version.unwrap_or("of unknown version");
        // The distribution's own suffix says nothing of the decoder.
        match version.split_once('-') {
            Some((number, _)) if number.starts_with(|first: char| first.is_ascii_digit()) => number,
            _ => version,
        }
    }

    fn codec(&self) -> &str {
        let codec = self.after(STREAM).and_then(|rest| rest.split([' ', ',']).next());
        codec.unwrap_or("unknown codec")
    }

    fn sample_format(&self) -> String {
        let fields = self.after(STREAM).map(|rest| rest.split(", "));
        let format = fields.and_then(|mut fields| {
            fields.find_map(|field| {
                let name = field.split(' ').next().unwrap_or_default();
                let name = name.trim_end_matches('p');
                ["u8", "s16", "s32", "s64", "flt", "dbl"]
                    .contains(&name)
                    .then(|| name.to_owned())
            })
        });
        format.unwrap_or_default()
    }

    fn duration(&self) -> Option<Seconds> {
        let text = self.after("Duration: ")?.split(',').next()?;
        let mut secs = 0.0;
        for part in text.trim().split(':') {
            secs = secs * 60.0 + part.parse::<f64>().ok()?;
        }
        (secs > 0.0).then_some(Seconds(secs))
    }

    /// The last thing that it complained of.
    fn reason(&self) -> String {
        let said = self.last.iter().rev().find(|line| {
            // Sums at the end say nothing, and neither does what it was told to do.
            !line.starts_with("size=") && !line.contains("Output file") && !line.contains("Conversion failed")
        });
        let reason = said.map_or("it gives no reason", |line| {
            line.strip_prefix(INPUT).unwrap_or(line).trim_start_matches([':', ' '])
        });
        reason.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\n\
        Input #0, wv, from 'file:/dev/stdin':\n  Duration: 01:00:03.25, start: 0.000000, bitrate: 705 kb/s\n  \
        Stream #0:0: Audio: wavpack, 44100 Hz, stereo, s16p\nError while decoding stream #0:0: Invalid data\n\
        size=     100kB time=00:00:03.00 bitrate=1411.2kbits/s\n";

    #[test]
    fn its_report_says_what_it_decoded() {
        let report = Mutex::default();
        Report::read(&report, SAID.as_bytes());
        let report = report.into_inner().unwrap_or_default();
        assert_eq!((report.version(), report.codec()), ("5.1.9", "wavpack"));
        assert_eq!((report.sample_format().as_str(), report.broken), ("s16", 1));
        assert_eq!(report.duration(), Some(Seconds(3603.25)));
        assert_eq!(report.reason(), "Error while decoding stream #0:0: Invalid data");
        assert_eq!(Report::default().reason(), "it gives no reason");
    }

    #[test]
    fn the_header_of_its_wav_is_read() {
        let mut wav = b"RIFF\xFF\xFF\xFF\xFFWAVELIST\x04\0\0\0INFOfmt \x10\0\0\0\x03\0\x06\0".to_vec();
        wav.extend(48_000_u32.to_le_bytes());
        wav.extend([0; 8]);
        wav.extend(b"data\xFF\xFF\xFF\xFF");
        assert_eq!(read_format(&mut &wav[..]).ok(), Some(Some((SampleRate(48_000), 6))));
        assert!(read_format(&mut &wav[..20]).is_err());
    }
}
