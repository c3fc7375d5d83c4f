//! A folder of odd files beside FFmpeg's own decoding of them: `ATTUNE_CORPUS=FOLDER cargo test --test audio corpus --
//! --ignored --nocapture` prints a line for each file that differs, and the sums that docs/formats.md gives.

use attune_audio::decode::AudioFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// No file of a test suite may take longer.
const LIMIT: Duration = Duration::from_mins(1);
/// Durations that differ by less are equal: encoders' delays are cut off by one decoder and kept by the other.
const SAME_SECS: f64 = 0.1;

/// What came out of a file.
#[derive(Debug, Clone, PartialEq)]
enum Read {
    Sound {
        secs: f64,
        rate: u32,
        channels: u16,
        decoder: String,
        notes: Vec<String>,
    },
    Refused {
        kind: String,
        message: String,
    },
    Panic,
    Hang,
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, out),
            Ok(kind) if kind.is_file() => out.push(path),
            _ => {}
        }
    }
}

fn read_here(path: &Path) -> Read {
    let (send, receive) = mpsc::channel();
    let path = path.to_owned();
    let thread = std::thread::spawn(move || {
        let read = match AudioFile::open(&path) {
            Ok(mut file) => {
                let mut samples = 0;
                let mut block = Vec::new();
                while file.next_block(&mut block).is_ok_and(|more| more) {
                    samples += block.len();
                    block.clear();
                }
                let info = file.info();
                let mut notes = file.remarks();
                notes.extend(file.cut_short().map(str::to_owned));
                if file.broken_packets() > 0 {
                    notes.push(format!("{} broken packets", file.broken_packets()));
                }
                Read::Sound {
                    secs: samples as f64 / f64::from(info.rate.0),
                    rate: info.rate.0,
                    channels: info.channels,
                    decoder: info.decoder.clone(),
                    notes,
                }
            }
            Err(error) => Read::Refused {
                kind: error.kind.name().to_owned(),
                message: format!("{} / {}", error.message, error.remedy()),
            },
        };
        let _ = send.send(read);
    });
    match receive.recv_timeout(LIMIT) {
        Ok(read) => read,
        Err(mpsc::RecvTimeoutError::Timeout) => Read::Hang,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            assert!(thread.join().is_err());
            Read::Panic
        }
    }
}

/// Seconds, rate and channels as FFmpeg decodes the file.
fn read_by_ffmpeg(path: &Path) -> Option<(f64, u32, u16)> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-c:a", "pcm_s16le", "-f", "wav", "-"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let wav = output.stdout;
    let format = wav.windows(4).position(|word| word == b"fmt ")? + 8;
    let channels = u16::from_le_bytes(wav.get(format + 2..format + 4)?.try_into().ok()?);
    let rate = u32::from_le_bytes(wav.get(format + 4..format + 8)?.try_into().ok()?);
    let data = wav.windows(4).position(|word| word == b"data")? + 8;
    let frames = (wav.len() - data) / (2 * usize::from(channels.max(1)));
    (frames > 0).then(|| (frames as f64 / f64::from(rate), rate, channels))
}

#[test]
#[ignore = "needs a folder of files, which is no part of the project"]
fn corpus_of_odd_files_gets_answers_or_reasons() {
    let folder = std::env::var_os("ATTUNE_CORPUS").expect("ATTUNE_CORPUS names a folder");
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    paths.sort();
    let mut sums: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = 0;
    for path in &paths {
        let started = Instant::now();
        let here = read_here(path);
        let took = started.elapsed();
        let peer = read_by_ffmpeg(path);
        let name = path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        let verdict = match (&here, peer) {
            (Read::Panic | Read::Hang, _) => {
                bad += 1;
                format!("{here:?}")
            }
            (
                Read::Sound {
                    secs,
                    rate,
                    channels,
                    notes,
                    decoder,
                },
                Some((peer_secs, peer_rate, peer_channels)),
            ) => {
                let same = (secs - peer_secs).abs() <= SAME_SECS && (*rate, *channels) == (peer_rate, peer_channels);
                let by = if decoder.starts_with("ffmpeg") {
                    " by ffmpeg"
                } else {
                    ""
                };
                match (same, notes.is_empty()) {
                    (true, true) => format!("equal{by}"),
                    (true, false) => format!("equal{by}, with a remark"),
                    (false, _) => format!("differs{by}"),
                }
            }
            (Read::Sound { .. }, None) => "only here".to_owned(),
            (Read::Refused { kind, .. }, None) => format!("refused by both: {kind}"),
            (Read::Refused { kind, .. }, Some(_)) => format!("refused here only: {kind}"),
        };
        if verdict != "equal" {
            println!("{verdict}\t{name}\t{here:?}\t{peer:?}\t{} ms", took.as_millis());
        }
        *sums.entry(verdict).or_default() += 1;
    }
    println!("{} files", paths.len());
    for (verdict, count) in &sums {
        println!("{count}\t{verdict}");
    }
    assert_eq!(bad, 0, "panics and hangs");
}
