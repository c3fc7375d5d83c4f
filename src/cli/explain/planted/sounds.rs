//! Noise and speech for planted passages to lie among.
//!
//! In: folders, or a seed. Out: log-mel levels. Thread: main.

use super::super::super::ExplainArgs;
use super::super::super::error::AppError;
use attune_audio::decode::decode_file;
use attune_audio::features::FrontEndSpec;
use attune_engine::explain::planted::{Distractor, PIECE};
use attune_train::noises::coloured_levels;
use attune_train::pieces::{Piece, levels, trimmed};
use attune_train::renditions::music_below;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Noises of each colour where no folder of noise is named, and for what remains in silence.
const OF_EACH_COLOUR: usize = 8;

/// Levels of each sound, (frames, bands).
pub(super) struct Sounds {
    noise: Vec<Vec<f32>>,
    /// Empty if no folder is named.
    pub(super) speech: Vec<Vec<f32>>,
    /// White, pink and brown noise.
    generated: Vec<Vec<f32>>,
}

impl Sounds {
    /// Of the folders that are named; a file that cannot be used is reported and left out.
    pub(super) fn read(args: &ExplainArgs, spec: &FrontEndSpec) -> Result<Self, AppError> {
        let folder = |option: &str, folder: Option<&Path>| match folder {
            Some(folder) => below(option, folder, spec),
            None => Ok(Vec::new()),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
        // Apart from what the pieces draw.
        rng.set_stream(u64::MAX);
        Ok(Self {
            noise: folder("--noise", args.noise.as_deref())?,
            speech: folder("--speech", args.speech.as_deref())?,
            generated: coloured_levels(OF_EACH_COLOUR, PIECE, spec, &mut rng)?,
        })
    }

    /// Those for one kind of distractors.
    pub(super) fn of(&self, kind: Distractor) -> &[Vec<f32>] {
        match kind {
            Distractor::Music => &[],
            Distractor::Noise if !self.noise.is_empty() => &self.noise,
            Distractor::Noise | Distractor::Silence => &self.generated,
            Distractor::Speech => &self.speech,
        }
    }
}

fn below(option: &str, folder: &Path, spec: &FrontEndSpec) -> Result<Vec<Vec<f32>>, AppError> {
    let wrong = |message: String| {
        AppError::usage(
            format!("{option}: {message}"),
            "Name a folder of recordings; those in folders below it count too.",
        )
    };
    let files = music_below(folder).map_err(|error| wrong(error.to_string()))?;
    let mut sounds = Vec::new();
    for path in files {
        let (info, samples) = match decode_file(&path) {
            Ok(decoded) => decoded,
            Err(error) => {
                crate::note!("left out: {}", error.message);
                continue;
            }
        };
        // Trimmed, so that a cut does not fall into silence more often than the sound itself has it.
        let levels = match trimmed(samples, info.rate) {
            Some(samples) => {
                let piece = Piece {
                    name: path.display().to_string(),
                    rate: info.rate,
                    samples,
                };
                levels(&piece, spec)?
            }
            None => Vec::new(),
        };
        if levels.is_empty() {
            crate::note!("left out: {} is silent or too short", path.display());
        } else {
            sounds.push(levels);
        }
    }
    if sounds.is_empty() {
        return Err(wrong(format!("no recording in {} can be used", folder.display())));
    }
    Ok(sounds)
}
