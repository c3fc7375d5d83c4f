//! Pieces with a planted passage as features: to learn from, and to test maps on.
//!
//! In: a data set, an encoder. Out: examples for training, and what maps find. Thread: any.

use crate::LabError;
use crate::planted::{Found, shares};
use attune_engine::explain::Segment;
use attune_engine::explain::planted::{Distractor, PIECE, Piece, Source, pieces};
use attune_model::scores::PackedScoreNet;
use attune_model::{LoadedModel, ModelError};
use attune_train::dataset::{Clip, Dataset};
use attune_train::noises::coloured_levels;
use attune_train::planted::Planted;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Noises of each colour to plant passages among.
const NOISES: usize = 8;

/// A piece, and the features that an encoder makes of it.
#[derive(Debug)]
pub(crate) struct PieceFeatures {
    pub(crate) kind: Distractor,
    pub(crate) piece: Piece,
    /// (frames, width).
    pub(crate) features: Vec<f32>,
}

/// Pieces of several kinds.
#[derive(Debug, Default)]
pub(crate) struct Passages {
    pub(crate) all: Vec<PieceFeatures>,
    /// Features of a frame.
    pub(crate) width: usize,
    pub(crate) classes: usize,
}

impl Passages {
    /// `count` validation pieces of passages in music of another genre, and as many among noise.
    ///
    /// # Errors
    /// If the validation clips are too short or of one genre.
    pub(crate) fn to_test(data: &Dataset, encoder: &LoadedModel, count: usize, seed: u64) -> Result<Self, LabError> {
        let kinds = [(Distractor::Music, count), (Distractor::Noise, count)];
        let sources = sources(&data.valid, |clip| clip.whole.as_deref());
        let found = Self::of(&sources, data.genres.len(), encoder, &kinds, seed)?;
        if found.all.len() < 2 * count {
            return Err(LabError::Refused(format!(
                "--data has no whole validation clips of {} s and two genres to plant passages in",
                PIECE.0
            )));
        }
        Ok(found)
    }

    /// `count` training pieces in music of another genre, and half as many each among noise and in silence; those that
    /// the training clips are long enough for.
    ///
    /// # Errors
    /// If the encoder fails.
    pub(crate) fn to_learn(data: &Dataset, encoder: &LoadedModel, count: usize, seed: u64) -> Result<Self, LabError> {
        let kinds = [
            (Distractor::Music, count),
            (Distractor::Noise, count / 2),
            (Distractor::Silence, count / 2),
        ];
        // An excerpt of 3 s is long enough for a passage, and of some genres there is little else.
        let sources = sources(&data.train, |clip| clip.whole.as_deref().or(clip.excerpt.as_deref()));
        // Other noise than that of the test.
        Self::of(&sources, data.genres.len(), encoder, &kinds, !seed)
    }

    /// White, pink and brown noise.
    fn of(
        sources: &[Source<'_>],
        classes: usize,
        encoder: &LoadedModel,
        kinds: &[(Distractor, usize)],
        seed: u64,
    ) -> Result<Self, LabError> {
        let spec = &encoder.manifest().front_end;
        let noise = coloured_levels(NOISES, PIECE, spec, &mut ChaCha8Rng::seed_from_u64(seed))?;
        let mut all = Vec::new();
        for &(kind, count) in kinds {
            let Some(pieces) = pieces(kind, sources, &noise, spec, seed) else {
                continue;
            };
            for piece in pieces.take(count) {
                let features = encoder.encode(&piece.input.frames)?;
                all.push(PieceFeatures { kind, piece, features });
            }
        }
        Ok(Self {
            all,
            width: encoder.feature_width(),
            classes,
        })
    }

    /// Replaces each example of x (b, frames, width) with this probability by a part of a piece in which at least half
    /// of the passage lies, and says where.
    pub(crate) fn plant(&self, x: &mut [f32], frames: usize, share: f64, rng: &mut ChaCha8Rng) -> Vec<Planted> {
        let mut planted = Vec::new();
        if self.all.is_empty() {
            return planted;
        }
        for (example, row) in x.chunks_exact_mut(frames * self.width).enumerate() {
            if !rng.random_bool(share) {
                continue;
            }
            let PieceFeatures { piece, features, .. } = &self.all[rng.random_range(0..self.all.len())];
            let Segment { start, end } = piece.passage;
            let middle = piece.passage.middle();
            let latest = middle.min(features.len() / self.width - frames);
            let first = rng.random_range((middle + 1).saturating_sub(frames).min(latest)..=latest);
            row.copy_from_slice(&features[first * self.width..][..frames * self.width]);
            planted.push(Planted {
                example,
                passage: start.saturating_sub(first)..(end - first).min(frames),
                genres: shares(piece.genre, self.classes),
                around: piece.around.map(|genre| shares(genre, self.classes)),
            });
        }
        planted
    }

    /// How often the highest half second of the weights, and of the contributions to the passage's class, lies in the
    /// passage: of the pieces of a kind, at their end.
    ///
    /// # Errors
    /// If a piece has no frames.
    pub(crate) fn found(&self, net: &PackedScoreNet, kind: Distractor) -> Result<Found, ModelError> {
        let mut found = Found::default();
        let mut frames = Vec::new();
        for PieceFeatures { piece, features, .. } in self.all.iter().filter(|of| of.kind == kind) {
            let map = net.evidence_at_end(features)?;
            let windows = |frames: &[f32]| -> Vec<f32> {
                let windows = piece.windows.iter();
                windows
                    .map(|window| window.mean_of(frames, piece.input.count()))
                    .collect()
            };
            found.weights.add(piece, &windows(&map.weights));
            map.contribution_of_frames(usize::from(piece.genre.0), &mut frames);
            found.contribution.add(piece, &windows(&frames));
        }
        Ok(found)
    }
}

fn sources<'a>(clips: &'a [Clip], levels: impl Fn(&'a Clip) -> Option<&'a Vec<f32>>) -> Vec<Source<'a>> {
    let sources = clips.iter().filter_map(|clip| {
        Some(Source {
            levels_db: levels(clip)?,
            genre: clip.genre,
        })
    });
    sources.collect()
}
