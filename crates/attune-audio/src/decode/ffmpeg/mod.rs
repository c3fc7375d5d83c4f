//! What symphonia does not decode, by the program `ffmpeg` where it is installed.
//!
//! It gets the open file as its standard input, so no name of a file becomes an argument, and may open nothing but
//! files. Samples come through a pipe, which holds it back; it ends with the stream.
//!
//! In: an open file. Out: blocks of interleaved f32. Thread: any; what it writes is read on threads of their own, and
//! nothing waits for them longer than a limit.

mod pipe;
mod probe;
mod report;

use super::bytes::array;
use crate::units::SampleRate;
use crossbeam_channel::Receiver;
use pipe::Pipe;
pub(super) use probe::About;
use report::Report;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Frames of a block.
const BLOCK_FRAMES: usize = 4096;
/// More channels than this are damage.
const MOST_CHANNELS: u16 = 256;
/// A program that writes nothing for so long will write nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long its last words and its end may take once its sound has ended.
const END_LIMIT: Duration = Duration::from_secs(2);
/// It may read the file and write to its pipe.
const PROTOCOLS: &str = "file,pipe";

/// A running `ffmpeg`.
pub(super) struct Ffmpeg {
    child: Child,
    sound: Pipe,
    report: Arc<Mutex<Report>>,
    /// Disconnected when all of the report is read.
    reading: Receiver<()>,
    bytes: Vec<u8>,
    /// Sample rate.
    pub(super) rate: SampleRate,
    /// Audio channels.
    pub(super) channels: usize,
}

/// Why it gives no sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not installed.
    Absent,
    /// It does not read the file either: its reason.
    Refused(String),
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
            // "ffmpeg version 5.1.9-0+deb12u1 Copyright …"
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let version = text
                .strip_prefix("ffmpeg version ")
                .and_then(|rest| rest.split_whitespace().next());
            Ok(version.unwrap_or("of an unknown version").to_owned())
        }
        Ok(output) => Err(format!("it ends with {}", output.status)),
        Err(error) => Err(error.to_string()),
    })
}

impl Ffmpeg {
    /// Starts it on the file's first audio stream. Returns when the first samples are ready.
    pub(super) fn start(mut file: &File) -> Result<Self, Failure> {
        let program = program().ok_or(Failure::Absent)?;
        let mut command = Command::new(program);
        command
            .args([
                "-nostdin",
                "-nostats",
                "-hide_banner",
                "-loglevel",
                "repeat+level+warning",
            ])
            .args(["-protocol_whitelist", PROTOCOLS, "-i", INPUT])
            .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1"])
            .args(["-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]);
        // Where opening standard input again does not begin at the start, it begins where the file stands.
        let input = file.rewind().and_then(|()| file.try_clone());
        command.stdin(Stdio::from(input.map_err(|error| unable(&error))?));
        Self::run(command, SILENCE_LIMIT)
    }

    /// Starts a command that writes a wav of floats.
    fn run(mut command: Command, limit: Duration) -> Result<Self, Failure> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| unable(&error))?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let read = pipes.map(|(sound, errors)| {
            let report = Arc::new(Mutex::new(Report::default()));
            let written = Arc::clone(&report);
            let (end, reading) = crossbeam_channel::bounded(0);
            std::thread::Builder::new()
                .name("ffmpeg report".to_owned())
                .spawn(move || {
                    Report::read(&written, BufReader::new(errors));
                    drop(end);
                })?;
            Ok((Pipe::new(sound, limit)?, report, reading))
        });
        let (sound, report, reading) = match read {
            Some(Ok(read)) => read,
            Some(Err(error)) => {
                end_of(&mut child, Duration::ZERO);
                return Err(unable(&error));
            }
            None => return Err(Failure::Refused("ffmpeg has no pipes".to_owned())),
        };
        let mut stream = Self {
            child,
            sound,
            report,
            reading,
            bytes: Vec::new(),
            rate: SampleRate(0),
            channels: 0,
        };
        match read_format(&mut stream.sound) {
            Ok(Some((rate, channels))) => {
                (stream.rate, stream.channels) = (rate, channels);
                Ok(stream)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Failure::Refused(error.to_string())),
            _ => {
                let (_, reason) = stream.end();
                Err(Failure::Refused(reason.unwrap_or_else(|| "it has no sound".to_owned())))
            }
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
        let has_failed = !end_of(&mut self.child, END_LIMIT);
        // Closed when the program ends; one that it started may hold it open.
        let _ = self.reading.recv_timeout(END_LIMIT);
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        (report.broken, has_failed.then(|| report.reason()))
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        end_of(&mut self.child, Duration::ZERO);
    }
}

/// What the file is.
pub(super) fn about(file: &File) -> Result<About, Failure> {
    let program = program().ok_or(Failure::Absent)?;
    probe::about(&program, file, SILENCE_LIMIT)
}

fn unable(error: &io::Error) -> Failure {
    Failure::Refused(format!("ffmpeg cannot be run: {error}"))
}

/// Waits until a program ends, and ends it after `limit`. Whether it has succeeded by itself.
fn end_of(child: &mut Child, limit: Duration) -> bool {
    if let Some(has_succeeded) = wait(child, limit) {
        return has_succeeded;
    }
    // It may have ended just now; then killing it does nothing. It may also wait for a disk, and cannot be killed yet.
    let _ = child.kill();
    let _ = wait(child, END_LIMIT);
    false
}

/// Whether it has succeeded; `None` if it has not ended within `limit`.
fn wait(child: &mut Child, limit: Duration) -> Option<bool> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            Ok(status) => return status.map(|status| status.success()),
            Err(_) => return None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_that_never_answers_is_ended() {
        // The shell's own child keeps the pipes open beyond the shell's end.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000; true"]).stdin(Stdio::null());
        let failure = Ffmpeg::run(command, Duration::from_millis(100)).err();
        assert!(
            matches!(&failure, Some(Failure::Refused(reason)) if reason.contains("written nothing")),
            "{failure:?}"
        );
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
