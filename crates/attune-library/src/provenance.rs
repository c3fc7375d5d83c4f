//! What an analysis was made with, so that it can be made again, and of what.

use attune_audio::features::FrontEndSpec;
use attune_engine::picture;
use attune_engine::smoothing::SmoothingConfig;
use attune_model::load::hex;
use attune_model::{LoadedModel, ModelSet};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What an analysis was made with, and of what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The program and its version.
    pub program: &'static str,
    /// The models whose mean is the answer, and the gate.
    pub models: Vec<ModelProvenance>,
    /// From samples to what the models read.
    pub front_end: FrontEndSpec,
    /// The knobs of smoothing and decision.
    pub smoothing: SmoothingConfig,
    /// The shortest of the merged segments, in seconds.
    pub min_segment_s: f64,
    /// SHA-256 of the bytes of the file; absent for what is no plain file.
    pub source_sha256: Option<String>,
    /// How many bytes it has.
    pub source_bytes: Option<u64>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelProvenance {
    /// Its name.
    pub name: String,
    /// `engine`: it answers with a genre; `gate`: it separates music from other sounds.
    pub role: &'static str,
    /// SHA-256 of its weights.
    pub sha256: String,
}

impl Provenance {
    /// Of an analysis of this file.
    pub(crate) fn of(path: &Path, models: &ModelSet, smoothing: &SmoothingConfig, min_segment_s: f64) -> Self {
        let describe = |role: &'static str| {
            move |model: &LoadedModel| ModelProvenance {
                name: model.manifest().name.clone(),
                role,
                sha256: model.manifest().weights_sha256.clone(),
            }
        };
        let engines = models.models.iter().map(describe("engine"));
        let digest = file_sha256(path);
        Self {
            program: concat!("attune ", env!("CARGO_PKG_VERSION")),
            models: engines.chain(models.gate.iter().map(describe("gate"))).collect(),
            front_end: models.front_end.clone(),
            smoothing: *smoothing,
            min_segment_s,
            source_sha256: digest.as_ref().map(|(digest, _)| digest.clone()),
            source_bytes: digest.map(|(_, bytes)| bytes),
        }
    }

    /// For a picture of a file.
    pub(crate) fn of_picture(&self, title: &str, source: &str) -> picture::Provenance {
        let models = self.models.iter();
        picture::Provenance {
            title: title.to_owned(),
            source: match &self.source_sha256 {
                Some(digest) => format!("{source} (SHA-256 {digest})"),
                None => source.to_owned(),
            },
            at: "all of it".to_owned(),
            models: models.map(|model| format!("{} {}", model.name, model.sha256)).collect(),
            drawn: String::new(),
        }
    }
}

/// SHA-256 in hexadecimal, and number, of the bytes of a plain file; `None` for anything else, and for what cannot be
/// read.
fn file_sha256(path: &Path) -> Option<(String, u64)> {
    let mut file = File::open(path)
        .ok()
        .filter(|file| file.metadata().is_ok_and(|it| it.is_file()))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some((hex(&digest.finalize()), bytes)),
            count => {
                digest.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
}
