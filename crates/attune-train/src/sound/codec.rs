//! Lossy codecs at low bit rates, through FFmpeg where it is installed.
//!
//! In: mono samples. Out: as many samples, coded and decoded. FFmpeg runs on one thread and without variable metadata,
//! so the same sound comes out each time. Thread: the caller's; it waits for the programs.

use attune_audio::units::SampleRate;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A codec and how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// For scripts (`mp3-24k`).
    pub name: &'static str,
    /// FFmpeg's name of the encoder.
    encoder: &'static str,
    /// Its settings.
    settings: &'static [&'static str],
    /// Extension of its files: FFmpeg chooses the container by it.
    extension: &'static str,
}

/// Low bit rates of three codecs. mp3 of 24 kbit/s at 16 kHz has nothing above 6 kHz, like old collections of excerpts.
pub const CODECS: [Codec; 3] = [
    Codec {
        name: "mp3-24k",
        encoder: "libmp3lame",
        settings: &["-ar", "16000", "-b:a", "24k"],
        extension: "mp3",
    },
    Codec {
        name: "opus-12k",
        encoder: "libopus",
        settings: &["-ar", "48000", "-b:a", "12k"],
        extension: "ogg",
    },
    Codec {
        name: "vorbis-low",
        encoder: "libvorbis",
        settings: &["-ar", "22050", "-q:a", "-1"],
        extension: "ogg",
    },
];

/// Why a codec could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A file in between cannot be written or read, or FFmpeg cannot be started.
    #[error("FFmpeg cannot be run: {0}")]
    Io(#[from] std::io::Error),
    /// FFmpeg ended with an error.
    #[error("FFmpeg failed on {codec}: {message}")]
    Failed {
        /// The codec.
        codec: &'static str,
        /// What it said.
        message: String,
    },
}

impl Codec {
    /// Those of [`CODECS`] that the installed FFmpeg has, and why the others are missing.
    pub fn available() -> (Vec<Self>, Option<String>) {
        let output = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output();
        let listed = match output {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => return (Vec::new(), Some(format!("FFmpeg is not installed ({error})"))),
        };
        let (has, lacks): (Vec<Self>, Vec<Self>) = CODECS
            .into_iter()
            .partition(|codec| listed.split_whitespace().any(|word| word == codec.encoder));
        let encoders: Vec<&str> = lacks.iter().map(|codec| codec.encoder).collect();
        let missing = (!encoders.is_empty()).then(|| format!("the installed FFmpeg has no {}", encoders.join(", ")));
        (has, missing)
    }

    /// Codes and decodes.
    ///
    /// # Errors
    /// If FFmpeg fails, or a temporary file cannot be written.
    pub fn apply(&self, samples: &[f32], rate: SampleRate) -> Result<Vec<f32>, CodecError> {
        let folder = tempfile::tempdir()?;
        let in_folder = |name: &str| folder.path().join(name);
        let (raw, coded, decoded) = (
            in_folder("in.raw"),
            in_folder(&format!("coded.{}", self.extension)),
            in_folder("out.raw"),
        );
        let mut file = BufWriter::new(std::fs::File::create(&raw)?);
        for sample in samples {
            file.write_all(&sample.to_le_bytes())?;
        }
        file.flush()?;
        drop(file);
        let hz = rate.0.to_string();
        let as_raw = ["-f", "f32le", "-ar", &hz, "-ac", "1"];
        self.ffmpeg(|ffmpeg| {
            ffmpeg.args(as_raw).arg("-i").arg(&raw);
            ffmpeg.args([
                "-threads",
                "1",
                "-map_metadata",
                "-1",
                "-fflags",
                "+bitexact",
                "-flags:a",
                "+bitexact",
            ]);
            ffmpeg
                .args(["-ac", "1", "-c:a", self.encoder])
                .args(self.settings)
                .arg(&coded);
        })?;
        self.ffmpeg(|ffmpeg| {
            ffmpeg
                .args(["-threads", "1", "-i"])
                .arg(&coded)
                .args(as_raw)
                .arg(&decoded);
        })?;
        read_samples(&decoded, samples.len())
    }

    fn ffmpeg(&self, arguments: impl FnOnce(&mut Command)) -> Result<(), CodecError> {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-y"]).stdin(Stdio::null());
        arguments(&mut ffmpeg);
        let output = ffmpeg.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(CodecError::Failed {
            codec: self.name,
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

/// Samples of a raw file, cut or filled with silence to this many.
fn read_samples(path: &Path, count: usize) -> Result<Vec<f32>, CodecError> {
    let bytes = std::fs::read(path)?;
    let samples = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let mut samples: Vec<f32> = samples.take(count).collect();
    samples.resize(count, 0.0);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{RATE, power_at, sine};
    use super::*;

    #[test]
    fn codecs_keep_what_is_low_and_the_length_and_come_out_the_same() {
        let (codecs, missing) = Codec::available();
        if codecs.is_empty() {
            eprintln!("not tested: {}", missing.unwrap());
            return;
        }
        let samples: Vec<f32> = sine(440.0, 2.0)
            .iter()
            .zip(sine(9_000.0, 2.0))
            .map(|(a, b)| 0.5 * (a + b))
            .collect();
        for codec in codecs {
            let coded = codec.apply(&samples, RATE).unwrap();
            assert_eq!(coded.len(), samples.len());
            assert_eq!(codec.apply(&samples, RATE).unwrap(), coded, "{}", codec.name);
            let kept = |hz| 10.0 * (power_at(&coded, hz) / power_at(&samples, hz)).log10();
            assert!(kept(440.0).abs() < 1.5, "{}: {}", codec.name, kept(440.0));
            if codec.name == "mp3-24k" {
                assert!(kept(9_000.0) < -40.0, "{}", kept(9_000.0));
            }
        }
    }

    #[test]
    fn what_ffmpeg_says_is_passed_on() {
        let wrong = Codec {
            name: "wrong",
            encoder: "no_such_encoder",
            settings: &[],
            extension: "ogg",
        };
        if Codec::available().0.is_empty() {
            return;
        }
        let said = wrong.apply(&[0.0; 100], RATE).unwrap_err().to_string();
        assert!(said.contains("wrong") && said.contains("no_such_encoder"), "{said}");
    }
}
