//! Pieces in which one passage alone carries a class.
//!
//! In: log-mel levels of labelled clips, noise and speech. Out: [`Piece`]s, the same for the same seed. Thread: any.

use super::super::probe::Input;
use super::super::segments::{SEGMENT, Segment};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_model::genre::GenreId;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Length of a piece.
pub const PIECE: Seconds = Seconds(12.0);
/// Length of the passage.
pub const PASSAGE: Seconds = Seconds(2.0);
/// Windows of [`SEGMENT`] over which a map is compared: the last 8 s of a piece. The passage lies within them.
pub const WINDOWS: usize = 16;
/// How far silence lies below the passage, in dB: the noise of a quiet recording.
pub const SILENCE_BELOW_DB: f32 = 60.0;

/// What is around the passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distractor {
    /// A clip of another genre, as loud as the passage.
    Music,
    /// Noise, as loud.
    Noise,
    /// Speech, as loud.
    Speech,
    /// Noise [`SILENCE_BELOW_DB`] below the passage.
    Silence,
}

impl Distractor {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Music, Self::Noise, Self::Speech, Self::Silence];

    /// Its key in documents.
    pub fn key(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Noise => "noise",
            Self::Speech => "speech",
            Self::Silence => "silence",
        }
    }

    /// Its name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Music => "another genre",
            _ => self.key(),
        }
    }
}

/// Log-mel levels of a clip in dB, (frames, bands), with its class.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// (frames, bands).
    pub levels_db: &'a [f32],
    /// Its class.
    pub genre: GenreId,
}

/// A passage among distractors.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its frames.
    pub input: Input,
    /// Where the passage lies.
    pub passage: Segment,
    /// The class of the passage: what every map is asked about.
    pub genre: GenreId,
    /// The class of the music around it, if it is music.
    pub around: Option<GenreId>,
    /// The last [`WINDOWS`] half seconds, ascending and all of one length.
    pub windows: Vec<Segment>,
    /// For the random orders of this piece.
    pub seed: u64,
}

impl Piece {
    /// Whether the middle of a window lies in the passage.
    pub fn is_inside(&self, window: Segment) -> bool {
        (self.passage.start..self.passage.end).contains(&window.middle())
    }

    /// Share of windows inside: how often a random one is.
    pub fn chance(&self) -> f64 {
        let inside = self.windows.iter().filter(|window| self.is_inside(**window));
        inside.count() as f64 / self.windows.len() as f64
    }
}

/// Frames of everything in a piece.
struct Layout {
    bands: usize,
    piece: usize,
    passage: usize,
    window: usize,
}

impl Layout {
    fn of(spec: &FrontEndSpec) -> Self {
        Self {
            bands: spec.bands,
            piece: spec.frames_in(PIECE),
            passage: spec.frames_in(PASSAGE),
            window: spec.frames_in(SEGMENT).max(1),
        }
    }
}

/// Draws pieces without end, genres evenly: each time a passage of one of the `clips` in surroundings of one kind.
/// `sounds` are levels of noise or speech, (frames, bands) each; for [`Distractor::Silence`], of the noise that remains
/// in it; for [`Distractor::Music`] they are not used. `None` if nothing fits: no clip is as long as a passage, none of
/// another genre as long as a piece, or there are no sounds.
pub fn pieces<'a>(
    kind: Distractor,
    clips: &[Source<'a>],
    sounds: &'a [Vec<f32>],
    spec: &'a FrontEndSpec,
    seed: u64,
) -> Option<impl Iterator<Item = Piece> + Send + use<'a>> {
    let layout = Layout::of(spec);
    let passages = by_genre(clips, layout.passage * layout.bands);
    let long = by_genre(clips, layout.piece * layout.bands);
    let has_surroundings = match kind {
        Distractor::Music => {
            let is_other = |genre: GenreId| long.iter().any(|around| around[0].genre != genre);
            !passages.is_empty() && passages.iter().all(|of| is_other(of[0].genre))
        }
        _ => sounds.iter().any(|sound| sound.len() >= layout.bands),
    };
    if passages.is_empty() || !has_surroundings {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // One kind draws nothing of another.
    rng.set_stream(kind as u64);
    Some(std::iter::from_fn(move || {
        let passage = *passages.choose(&mut rng)?.choose(&mut rng)?;
        let cut = excerpt(passage.levels_db, layout.passage, layout.bands, &mut rng);
        let loudness = power_db(cut);
        let mut levels = Vec::with_capacity(layout.piece * layout.bands);
        let mut around_genre = None;
        if kind == Distractor::Music {
            let others: Vec<_> = long.iter().filter(|of| of[0].genre != passage.genre).collect();
            let other = others.choose(&mut rng)?.choose(&mut rng)?;
            around_genre = Some(other.genre);
            let around = excerpt(other.levels_db, layout.piece, layout.bands, &mut rng);
            let gain = loudness - power_db(around);
            levels.extend(around.iter().map(|level| level + gain));
        } else {
            let below = if kind == Distractor::Silence {
                SILENCE_BELOW_DB
            } else {
                0.0
            };
            while levels.len() < layout.piece * layout.bands {
                let sound = sounds.choose(&mut rng)?;
                let gain = loudness - power_db(sound) - below;
                let frames = (layout.piece - levels.len() / layout.bands).min(sound.len() / layout.bands);
                let part = excerpt(sound, frames, layout.bands, &mut rng);
                levels.extend(part.iter().map(|level| level + gain));
            }
        }
        let windows = WINDOWS * layout.window;
        let start = rng.random_range(layout.piece - windows..=layout.piece - layout.passage);
        levels[start * layout.bands..(start + layout.passage) * layout.bands].copy_from_slice(cut);
        Some(Piece {
            input: Input::of_levels(&levels, spec),
            passage: Segment {
                start,
                end: start + layout.passage,
            },
            genre: passage.genre,
            around: around_genre,
            windows: (layout.piece - windows..layout.piece)
                .step_by(layout.window)
                .map(|start| Segment {
                    start,
                    end: start + layout.window,
                })
                .collect(),
            seed: rng.random(),
        })
    }))
}

/// Those of at least `length` values, a list for each genre that has any.
fn by_genre<'a>(clips: &[Source<'a>], length: usize) -> Vec<Vec<Source<'a>>> {
    let mut genres: Vec<Vec<Source<'a>>> = Vec::new();
    for clip in clips.iter().filter(|clip| clip.levels_db.len() >= length) {
        match genres.iter_mut().find(|of| of[0].genre == clip.genre) {
            Some(of) => of.push(*clip),
            None => genres.push(vec![*clip]),
        }
    }
    genres
}

/// So many frames of a sound that has as many, from a random place.
fn excerpt<'a>(levels: &'a [f32], frames: usize, bands: usize, rng: &mut ChaCha8Rng) -> &'a [f32] {
    let start = rng.random_range(0..=levels.len() / bands - frames);
    &levels[start * bands..(start + frames) * bands]
}

/// Mean power of levels, in dB: pauses do not lower it much.
fn power_db(levels: &[f32]) -> f32 {
    let sum: f64 = levels.iter().map(|level| 10f64.powf(f64::from(*level) / 10.0)).sum();
    (10.0 * (sum / levels.len().max(1) as f64).max(1e-30).log10()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of frames that differ, around `base`, so that a frame can be recognised.
    fn clip(frames: usize, base: f32, spec: &FrontEndSpec) -> Vec<f32> {
        (0..frames * spec.bands)
            .map(|n| base + (n % 977) as f32 * 0.01)
            .collect()
    }

    #[test]
    fn a_passage_lies_where_the_piece_says_and_nowhere_else() {
        let spec = FrontEndSpec::default();
        // The passage's clip is flat, so a frame of it has no spread over its bands; all others have.
        let flat = vec![-30.0; 600 * spec.bands];
        let other = clip(900, -50.0, &spec);
        let clips = [
            Source {
                levels_db: &flat,
                genre: GenreId(3),
            },
            Source {
                levels_db: &other,
                genre: GenreId(4),
            },
        ];
        let sounds = [clip(700, -60.0, &spec), clip(40, -10.0, &spec)];
        for kind in Distractor::ALL {
            let flat_ones = pieces(kind, &clips, &sounds, &spec, 1)
                .unwrap()
                .filter(|piece| piece.genre == GenreId(3));
            let mut starts = Vec::new();
            for piece in flat_ones.take(40) {
                assert_eq!(piece.input.count(), spec.frames_in(PIECE));
                assert_eq!(piece.around, (kind == Distractor::Music).then_some(GenreId(4)));
                assert_eq!(piece.windows.len(), WINDOWS);
                assert_eq!(piece.windows.last().unwrap().end, piece.input.count());
                for frame in 0..piece.input.count() {
                    let row = piece.input.rows(frame, frame + 1);
                    let is_flat = row.iter().all(|x| (x - row[0]).abs() < 1e-4);
                    let is_passage = (piece.passage.start..piece.passage.end).contains(&frame);
                    assert_eq!(is_flat, is_passage, "{kind:?} {frame} {:?}", piece.passage);
                }
                assert!(piece.passage.start >= piece.windows[0].start);
                // 2 s are four half seconds; at the ends a middle more or less.
                assert!(
                    (3.0 / 16.0..=4.0 / 16.0).contains(&piece.chance()),
                    "{}",
                    piece.chance()
                );
                starts.push(piece.passage.start);
            }
            starts.sort_unstable();
            assert!(starts[39] - starts[0] > 200, "over all of the last 8 s: {starts:?}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_pieces_and_another_gives_others() {
        let spec = FrontEndSpec::default();
        let (low, high) = (clip(700, -60.0, &spec), clip(800, -20.0, &spec));
        let clips = [
            Source {
                levels_db: &low,
                genre: GenreId(0),
            },
            Source {
                levels_db: &high,
                genre: GenreId(1),
            },
        ];
        let sounds = [clip(100, -40.0, &spec)];
        for kind in Distractor::ALL {
            let drawn = |seed| -> Vec<Piece> { pieces(kind, &clips, &sounds, &spec, seed).unwrap().take(3).collect() };
            assert_eq!(drawn(5), drawn(5));
            assert_ne!(drawn(5), drawn(6));
        }
        // One genre is not enough for music, no sound not for noise, and nothing where no clip has two seconds.
        assert!(pieces(Distractor::Music, &clips[..1], &sounds, &spec, 1).is_none());
        assert!(pieces(Distractor::Noise, &clips, &[], &spec, 1).is_none());
        assert!(pieces(Distractor::Noise, &[], &sounds, &spec, 1).is_none());
        assert!(pieces(Distractor::Noise, &clips[..1], &sounds, &spec, 1).is_some());
    }

    #[test]
    fn surroundings_are_as_loud_as_the_passage_and_silence_is_60_db_below() {
        let spec = FrontEndSpec::default();
        let passage = clip(100, -30.0, &spec);
        let clips = [Source {
            levels_db: &passage,
            genre: GenreId(0),
        }];
        let sounds = [clip(300, -80.0, &spec)];
        // Loudness is normalised by its running mean and deviation: levels that differ show as a step.
        let step = |kind| {
            let piece = pieces(kind, &clips, &sounds, &spec, 2).unwrap().next().unwrap();
            let start = piece.passage.start;
            let mean = |from: usize, to: usize| {
                let rows = piece.input.rows(from, to);
                rows.iter().sum::<f32>() / rows.len() as f32
            };
            mean(start, piece.passage.end) - mean(start - 80, start)
        };
        let (noise, silence) = (step(Distractor::Noise), step(Distractor::Silence));
        assert!(noise.abs() < 0.5 && silence > 1.5, "{noise} {silence}");
        assert!((power_db(&[-20.0; 10]) + 20.0).abs() < 1e-4);
        // Half the time silent: 3 dB less.
        assert!((power_db(&[-20.0, -100.0]) + 23.01).abs() < 0.01);
    }
}
