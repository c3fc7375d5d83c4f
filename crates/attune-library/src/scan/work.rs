//! One file: its content, and what is said of it.
//!
//! In: a path. Out: an [`Outcome`]. Thread: each worker's own.

use super::db::{Answer, Digest, Library, Verdict};
use super::error::LibraryError;
use super::walk::Found;
use attune_engine::offline::{AnalyzeError, Follower, Progress, analyze_for};
use attune_engine::smoothing::SmoothingConfig;
use attune_model::ModelSet;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// With what files are analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) models: &'a ModelSet,
    pub(super) smoothing: &'a SmoothingConfig,
    pub(super) digest: Digest,
}

impl<'a> Setup<'a> {
    pub(super) fn new(models: &'a ModelSet, smoothing: &'a SmoothingConfig) -> Self {
        let mut digest = Sha256::new();
        digest.update(env!("CARGO_PKG_VERSION"));
        for model in models.models.iter().chain(&models.gate) {
            digest.update(&model.manifest().weights_sha256);
            digest.update(model.manifest().temperature.to_le_bytes());
        }
        // The fields in their order; serde cannot fail on numbers.
        digest.update(serde_json::to_vec(smoothing).unwrap_or_default());
        Self {
            models,
            smoothing,
            digest: digest.finalize().into(),
        }
    }
}

/// What became of a file.
#[derive(Debug)]
pub(super) struct Outcome {
    /// As it was before it was read.
    pub(super) file: Found,
    /// SHA-256 of its bytes, or why it cannot be read.
    pub(super) content: Result<Digest, String>,
    /// What was said of its content; `None`: that was known.
    pub(super) verdict: Option<Verdict>,
    /// Length of the sound that was analysed.
    pub(super) seconds: f64,
}

/// Hashes samples, and ends early when that is wanted.
struct Samples<'a> {
    digest: Sha256,
    bytes: Vec<u8>,
    stop: &'a AtomicBool,
}

impl Follower for Samples<'_> {
    fn samples(&mut self, mono: &[f32]) {
        self.bytes.clear();
        self.bytes.extend(mono.iter().flat_map(|sample| sample.to_le_bytes()));
        self.digest.update(&self.bytes);
    }

    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        if self.stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Reads a file, and analyses it unless its content is known. `None`: it was stopped.
pub(super) fn work(
    found: Found,
    setup: &Setup<'_>,
    library: &Library,
    stop: &AtomicBool,
) -> Result<Option<Outcome>, LibraryError> {
    let path = found.path.clone();
    // What it is just before it is read: if it changes meanwhile, the next scan finds that.
    let (file, content) = match Found::now(path.clone()).and_then(|file| Ok((file, content_of(&path)?))) {
        Ok((file, content)) => (file, Ok(content)),
        Err(error) => (found, Err(error.to_string())),
    };
    let mut outcome = Outcome {
        file,
        content,
        verdict: None,
        seconds: 0.0,
    };
    let Ok(content) = &outcome.content else {
        return Ok(Some(outcome));
    };
    if library.has(content, &setup.digest)? {
        return Ok(Some(outcome));
    }
    let mut samples = Samples {
        digest: Sha256::new(),
        bytes: Vec::new(),
        stop,
    };
    let verdict = match analyze_for(&path, setup.models, setup.smoothing, &mut samples) {
        Ok(report) => {
            outcome.seconds = report.source.duration_s;
            Verdict::Answer(Box::new(Answer {
                audio: samples.digest.finalize().into(),
                report,
            }))
        }
        Err(AnalyzeError::Stopped) => return Ok(None),
        Err(error) => Verdict::Broken {
            kind: error.kind(),
            reason: error.to_string(),
        },
    };
    outcome.verdict = Some(verdict);
    Ok(Some(outcome))
}

/// SHA-256 of the bytes of a plain file.
fn content_of(path: &std::path::Path) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&buffer[..count]),
        }
    }
}
