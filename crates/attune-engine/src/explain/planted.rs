//! Pieces in which one passage alone carries a class: how often does each map point at it?
//!
//! A passage of one genre is put into a piece of another. That the class of the passage has any probability is the passage's
//! doing, so a map that is worth something has its highest place inside. Chance is the passage's share of the places.

use super::forced::force;
use super::listener::{Listener, Question};
use super::occlusion::occlude;
use super::segments::{Segment, segments};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::genre::GenreId;
use attune_model::{LoadedModel, ModelError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How long a piece is.
pub const PIECE: Seconds = Seconds(12.0);
/// How long the passage is.
pub const PASSAGE: Seconds = Seconds(2.0);
/// The passage lies within so much of the end: within reach of what attends.
pub const WITHIN: Seconds = Seconds(5.5);
/// How long a place is.
pub const PLACE: Seconds = Seconds(0.5);
/// How far around a place the mean reaches that stands for it.
pub const AROUND: Seconds = Seconds(1.0);

/// Log-mel levels of a clip in dB, (frames, bands), with its class.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// (frames, bands).
    pub levels_db: &'a [f32],
    /// Its class.
    pub genre: GenreId,
}

/// A piece with a passage in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planted {
    /// What is heard.
    pub question: Question,
    /// Where the passage lies.
    pub passage: Segment,
    /// Its class.
    pub genre: GenreId,
}

/// The places of a piece that a map is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// In frames of the piece, ascending.
    pub segments: Vec<Segment>,
    /// Whether each lies in the passage.
    inside: Vec<bool>,
}

impl Planted {
    /// Its last [`WITHIN`], by [`PLACE`].
    pub fn places(&self, hop: Seconds) -> Places {
        let segments = segments(self.question.count(), hop, WITHIN, PLACE);
        let passage = self.passage.start..self.passage.end;
        let inside = segments.iter().map(|place| passage.contains(&place.middle())).collect();
        Places { segments, inside }
    }
}

/// Draws pieces without end: each time two of these clips, of different genres, the first around the second. `None` if no two
/// are as long as a piece and of different genres.
pub fn pieces<'a>(
    clips: &'a [Source<'a>],
    spec: &'a FrontEndSpec,
    rng: &'a mut ChaCha8Rng,
) -> Option<impl Iterator<Item = Planted> + 'a> {
    let long = spec.frames_in(PIECE) * spec.bands;
    let clips: Vec<Source<'_>> = clips
        .iter()
        .copied()
        .filter(|clip| clip.levels_db.len() >= long)
        .collect();
    let first = clips.first()?.genre;
    clips.iter().find(|clip| clip.genre != first)?;
    let draw = move || {
        let mut one = || clips[rng.random_range(0..clips.len())];
        let (around, passage) = (one(), one());
        Some(
            (around.genre != passage.genre)
                .then(|| plant(around, passage, spec, rng))
                .flatten(),
        )
    };
    Some(std::iter::from_fn(draw).flatten())
}

/// Puts the beginning of `passage` into `around`, at the same mean level, at a place that is drawn; `None` if one of them
/// is too short.
pub fn plant(around: Source<'_>, passage: Source<'_>, spec: &FrontEndSpec, rng: &mut ChaCha8Rng) -> Option<Planted> {
    let bands = spec.bands;
    let frames = |time| spec.frames_in(time);
    let (piece, length, within) = (frames(PIECE), frames(PASSAGE), frames(WITHIN));
    let mut levels = around.levels_db.get(..piece * bands)?.to_vec();
    let start = piece - rng.random_range(length..=within);
    let into = &mut levels[start * bands..(start + length) * bands];
    let from = passage.levels_db.get(..length * bands)?;
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let shift = mean(into) - mean(from);
    for (slot, level) in into.iter_mut().zip(from) {
        *slot = level + shift;
    }
    Some(Planted {
        question: Question::of_levels(&levels, spec),
        passage: Segment {
            start,
            end: start + length,
        },
        genre: passage.genre,
    })
}

/// How often a map's highest place was in the passage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pointing {
    /// Pieces asked about.
    pub pieces: usize,
    /// Those in which the highest place was inside.
    pub hits: usize,
    /// The sum over the pieces of the share of places that are inside.
    pub by_chance: f64,
}

impl Pointing {
    /// One more piece: the value of a map at each of its places. Nothing is added for a map without places.
    pub fn add(&mut self, places: &Places, values: &[f32]) {
        let Some(highest) = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])) else {
            return;
        };
        self.pieces += 1;
        self.hits += usize::from(places.inside[highest]);
        let inside = places.inside.iter().filter(|inside| **inside).count();
        self.by_chance += inside as f64 / places.inside.len() as f64;
    }

    /// Share of hits.
    pub fn rate(&self) -> f64 {
        self.hits as f64 / self.pieces.max(1) as f64
    }

    /// Share of hits of a map that knows nothing.
    pub fn chance(&self) -> f64 {
        self.by_chance / self.pieces.max(1) as f64
    }
}

/// What each map of one engine is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Worth {
    /// The place whose removal takes most from the passage's class.
    pub occluded: Pointing,
    /// The place with most attention; no pieces if the engine does not attend.
    pub attended: Pointing,
    /// The place that, looked at alone, gives the passage's class most; as above.
    pub forced: Pointing,
}

impl Worth {
    /// Asks an engine about one more piece.
    pub fn ask(&mut self, model: &LoadedModel, planted: &Planted, hop: Seconds) -> Result<(), ModelError> {
        let Planted { question, genre, .. } = planted;
        let count = question.count();
        let places = planted.places(hop);
        let class = usize::from(genre.0);
        let around = (AROUND.0 / hop.0) as usize;
        if let Some(occlusion) = occlude(model, question, &places.segments, around)? {
            self.occluded.add(&places, &occlusion.contributions(class));
        }
        let mut listener = Listener::new(model)?;
        listener.hear(&question.frames, question.bands)?;
        let Some(picture) = listener.attention() else {
            return Ok(());
        };
        let first = count - picture.pooling.len().min(count);
        // Places may differ in length by a frame: it is the weight of a frame that counts.
        let attended: Vec<f32> = places
            .segments
            .iter()
            .map(|place| {
                let weights =
                    (place.start..place.end).filter_map(|frame| picture.pooling.get(frame.checked_sub(first)?));
                weights.fold(0.0, |sum, weight| sum + weight) / place.len() as f32
            })
            .collect();
        self.attended.add(&places, &attended);
        let forced = force(&listener, count, &places.segments);
        let forced: Vec<f32> = forced.iter().map(|p| p.map_or(0.0, |p| p.of(*genre))).collect();
        self.forced.add(&places, &forced);
        Ok(())
    }
}
