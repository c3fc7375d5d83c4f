//! What a step learns from: batches drawn from clean sound, excerpts and renditions, genres evenly, with their targets.
//!
//! In: a recipe and a data set. Out: [`Batch`]es. Thread: the one that trains.

use super::TrainError;
use super::augment::{Augmentation, Source, beta, draw_levels, keep_bands, normalized};
use super::dataset::{Clip, Dataset};
use super::planted::{self, Around, Distractors, Planted};
use super::recipe::{BatchShape, Recipe};
use super::renditions::Rendition;
use super::targets::{Target, Targets, mix};
use attune_audio::features::FrontEndSpec;
use attune_model::genre::GenreId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A share of a mix that is nearer than this to 0 or 1 is none: it saves an excerpt that would be inaudible.
const LEAST_MIX: f32 = 0.01;
/// Share of a class's band-limited draws that come from auxiliary clips, where it has any.
const AUX_DRAWS: f64 = 0.75;
/// Share of the other band-limited draws that come from coded versions of a clip, where it has any.
const CODED_DRAWS: f64 = 0.5;

/// Excerpts and targets of one step; b examples, the unlabelled ones last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Normalised levels, (b, frames, bands).
    pub x: Vec<f32>,
    /// Shares of the classes, (b, classes); zeros for an example without a label.
    pub targets: Vec<f32>,
    /// Weight of each example's label, (b): together 1.
    pub label_weights: Vec<f32>,
    /// The teacher's standardised features, (b, features).
    pub features: Vec<f32>,
    /// Weight of each example's features, (b): together 1, or all 0 without a teacher's output.
    pub feature_weights: Vec<f32>,
    /// Probabilities of the teacher's tags, (b, tags).
    pub tags: Vec<f32>,
    /// Weight of each example's tags, as that of the features.
    pub tag_weights: Vec<f32>,
    /// Standardised features of windows, (b, features).
    pub windows: Vec<f32>,
    /// Weight of each example's windows, as that of the features.
    pub window_weights: Vec<f32>,
    /// Which examples are planted passages.
    pub planted: Vec<Planted>,
}

/// What can be drawn.
#[derive(Debug)]
pub struct Examples<'a> {
    spec: FrontEndSpec,
    augmentation: Augmentation,
    rendition_share: f32,
    unlabelled_share: f32,
    aux_share: f64,
    planted_share: f64,
    distractors: &'a Distractors,
    targets: Targets<'a>,
    /// Batches that at least one clip is long enough for.
    pools: Vec<Pool<'a>>,
}

/// Clips that are long enough for one size of batch.
#[derive(Debug)]
struct Pool<'a> {
    shape: BatchShape,
    /// Genres are drawn evenly, whatever their number of clips.
    by_genre: Vec<Genre<'a>>,
    unlabelled: Vec<&'a Clip>,
    /// The band limits of the auxiliary clips of each source.
    limits: Vec<Vec<usize>>,
    /// Probability that clean sound is drawn from a filled log-mel.
    filled_share: f64,
}

/// Clips of one genre.
#[derive(Debug)]
struct Genre<'a> {
    clips: Vec<&'a Clip>,
    /// Auxiliary clips ([`super::aux_data`]).
    aux: Vec<&'a Clip>,
}

/// One excerpt with its target.
struct Example {
    x: Vec<f32>,
    target: Target,
}

impl<'a> Examples<'a> {
    /// Of the training clips and the unlabelled music.
    ///
    /// # Errors
    /// If no clip is long enough for any batch.
    pub fn new(recipe: &Recipe, data: &'a Dataset) -> Result<Self, TrainError> {
        let bands = recipe.front_end.bands;
        let pools = recipe.batches.iter().filter_map(|shape| {
            let fits = |clip: &&Clip| {
                sources(clip, bands).any(|(source, _)| recipe.augmentation.can_fill(shape.frames, source.frames(bands)))
            };
            let of = |genre: GenreId| {
                let clips = data.train.iter().filter(|clip| clip.genre == genre).filter(fits);
                let (aux, clips) = clips.partition(|clip| clip.band_limit.is_some());
                Genre { clips, aux }
            };
            let genres = data.genres.ids().map(of).filter(|genre| !genre.clips.is_empty());
            let by_genre: Vec<Genre<'_>> = genres.collect();
            (!by_genre.is_empty()).then(|| Pool {
                shape: shape.clone(),
                limits: limits(&by_genre),
                filled_share: filled_share(recipe, shape.frames, &by_genre),
                by_genre,
                unlabelled: data.unlabelled.iter().filter(fits).collect(),
            })
        });
        let pools: Vec<Pool<'_>> = pools.collect();
        if pools.is_empty() {
            return Err(TrainError::TooShort {
                least: recipe.batches.iter().map(|shape| shape.frames).min().unwrap_or(0),
            });
        }
        Ok(Self {
            spec: recipe.front_end.clone(),
            augmentation: recipe.augmentation,
            rendition_share: recipe.rendition_share,
            unlabelled_share: recipe.unlabelled_share,
            aux_share: f64::from(recipe.aux_share),
            planted_share: f64::from(recipe.planted.share),
            distractors: &data.distractors,
            targets: Targets::new(recipe, data),
            pools,
        })
    }

    /// Width of the teacher's features, 0 without a teacher.
    pub fn feature_width(&self) -> usize {
        self.targets.feature_width()
    }

    /// Width of the features of a window, 0 without a teacher of windows.
    pub fn window_width(&self) -> usize {
        self.targets.window_width()
    }

    /// Number of tags that are targets.
    pub(crate) fn tag_width(&self) -> usize {
        self.targets.tag_width()
    }

    /// Which batches can be drawn.
    pub fn shapes(&self) -> impl Iterator<Item = &BatchShape> {
        self.pools.iter().map(|pool| &pool.shape)
    }

    /// A batch of a size drawn by the sizes' frequencies.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> (&BatchShape, Batch) {
        let total: f32 = self.shapes().map(|shape| shape.frequency).sum();
        let mut at = rng.random::<f32>() * total;
        let mut chosen = 0;
        for (number, shape) in self.shapes().enumerate() {
            chosen = number;
            at -= shape.frequency;
            if at < 0.0 {
                break;
            }
        }
        let pool = &self.pools[chosen];
        (&pool.shape, self.batch(pool, rng))
    }

    fn batch(&self, pool: &Pool<'_>, rng: &mut ChaCha8Rng) -> Batch {
        let clips = pool.shape.clips;
        let unlabelled = if pool.unlabelled.is_empty() {
            0
        } else {
            // At least one label in a batch: a step without would learn nothing of genres.
            ((clips as f32 * self.unlabelled_share).round() as usize).min(clips - 1)
        };
        let mut batch = Batch::default();
        batch.x.reserve(clips * pool.shape.frames * self.spec.bands);
        for number in 0..clips {
            let is_labelled = number < clips - unlabelled;
            // No draw without planted passages: runs without them stay the same.
            let Example { x, target } =
                if is_labelled && self.planted_share > 0.0 && rng.random_bool(self.planted_share) {
                    let (example, planted) = self.planted(pool, number, rng);
                    batch.planted.push(planted);
                    example
                } else {
                    self.mixed(pool, is_labelled, rng)
                };
            batch.x.extend(x);
            batch.targets.extend(target.genres);
            batch.label_weights.push(target.has_genres);
            batch.features.extend(target.features);
            batch.feature_weights.push(target.has_features);
            batch.tags.extend(target.tags);
            batch.tag_weights.push(target.has_tags);
            batch.windows.extend(target.windows);
            batch.window_weights.push(target.has_windows);
        }
        for weights in [
            &mut batch.label_weights,
            &mut batch.feature_weights,
            &mut batch.tag_weights,
            &mut batch.window_weights,
        ] {
            let sum: f32 = weights.iter().sum();
            for weight in weights {
                *weight /= sum.max(1e-6);
            }
        }
        batch
    }

    /// An example, mixed with another one (Zhang et al. 2018), labelled with labelled.
    fn mixed(&self, pool: &Pool<'_>, is_labelled: bool, rng: &mut ChaCha8Rng) -> Example {
        let mut example = self.one(pool, is_labelled, rng);
        if self.augmentation.mix_beta <= 0.0 {
            return example;
        }
        let share = beta(self.augmentation.mix_beta, rng);
        if !(LEAST_MIX..=1.0 - LEAST_MIX).contains(&share) {
            return example;
        }
        let other = self.one(pool, is_labelled, rng);
        mix(&mut example.x, &other.x, share);
        example.target.mix(&other.target, share);
        example
    }

    fn one(&self, pool: &Pool<'_>, is_labelled: bool, rng: &mut ChaCha8Rng) -> Example {
        let (clips, limit) = if is_labelled {
            let genre = &pool.by_genre[rng.random_range(0..pool.by_genre.len())];
            self.of_genre(genre, &pool.limits, rng)
        } else {
            (Cow::Borrowed(pool.unlabelled.as_slice()), None)
        };
        let clip = clips[rng.random_range(0..clips.len())];
        let (levels, target) = self.levels(pool, (clip, is_labelled), (pool.shape.frames, limit), rng);
        let x = normalized(&levels, &self.spec, &self.augmentation, rng);
        Example { x, target }
    }

    /// Levels of a clip, (frames, bands), and their target.
    fn levels(
        &self,
        pool: &Pool<'_>,
        (clip, is_labelled): (&Clip, bool),
        (frames, limit): (usize, Option<usize>),
        rng: &mut ChaCha8Rng,
    ) -> (Vec<f32>, Target) {
        let (source, origin) = self.source(clip, frames, limit, pool.filled_share, rng);
        let (levels, part) = draw_levels(source, limit, frames, &self.spec, &self.augmentation, rng);
        let target = match origin {
            Origin::Rendition(rendition) if is_labelled => self.targets.of_rendition(rendition, &part),
            Origin::Rendition(rendition) => self.targets.of_unlabelled(clip, rendition, &part),
            Origin::Whole | Origin::Filled => self.targets.of_clip(clip, Some(&part)),
            Origin::Excerpt => self.targets.of_clip(clip, None),
        };
        (levels, target)
    }

    /// A passage among other sound; no teacher has heard that.
    fn planted(&self, pool: &Pool<'_>, number: usize, rng: &mut ChaCha8Rng) -> (Example, Planted) {
        let (frames, bands) = (pool.shape.frames, self.spec.bands);
        let genre = rng.random_range(0..pool.by_genre.len());
        let (clips, limit) = self.of_genre(&pool.by_genre[genre], &pool.limits, rng);
        let clip = clips[rng.random_range(0..clips.len())];
        let place = planted::draw_place(frames, rng);
        let (passage, mut target) = self.levels(pool, (clip, true), (place.len(), limit), rng);
        let mut around_genres = None;
        let kind = Around::draw(pool.by_genre.len(), self.distractors, rng);
        let mut levels = match kind {
            Around::Music => {
                let other = (genre + rng.random_range(1..pool.by_genre.len())) % pool.by_genre.len();
                let clips = &pool.by_genre[other].clips;
                let clip = clips[rng.random_range(0..clips.len())];
                let (levels, target) = self.levels(pool, (clip, true), (frames, limit), rng);
                around_genres = Some(target.genres);
                levels
            }
            Around::Recordings(folder) => {
                planted::recordings(&self.distractors.0[folder], frames, &self.spec, &self.augmentation, rng)
            }
            Around::Noise => planted::noise(frames, bands, rng),
            Around::Silence => planted::silence(frames, bands, &passage, rng),
        };
        if !matches!(kind, Around::Silence) {
            planted::level_with(&mut levels, &passage, bands, rng);
        }
        levels[place.start * bands..place.end * bands].copy_from_slice(&passage);
        if let Some(limit) = limit {
            keep_bands(&mut levels, bands, 0..limit);
        }
        (target.has_features, target.has_tags, target.has_windows) = (0.0, 0.0, 0.0);
        let planted = Planted {
            example: number,
            passage: place,
            genres: target.genres.clone(),
            around: around_genres,
        };
        let x = normalized(&levels, &self.spec, &self.augmentation, rng);
        (Example { x, target }, planted)
    }

    /// Which clips of a genre to draw from, and the band they are limited to. Without auxiliary data no random number
    /// is drawn, so runs without them stay the same.
    fn of_genre<'p>(
        &self,
        genre: &'p Genre<'a>,
        limits: &[Vec<usize>],
        rng: &mut ChaCha8Rng,
    ) -> (Cow<'p, [&'a Clip]>, Option<usize>) {
        if limits.is_empty() || !rng.random_bool(self.aux_share) {
            return (Cow::Borrowed(genre.clips.as_slice()), None);
        }
        // The band before the clip: it is the same for every class.
        let source = &limits[rng.random_range(0..limits.len())];
        let limit = source[rng.random_range(0..source.len())];
        let is_as_wide = |clip: &&&Clip| clip.band_limit.is_some_and(|own| own >= limit);
        let aux: Vec<&Clip> = genre.aux.iter().filter(is_as_wide).copied().collect();
        if !aux.is_empty() && (genre.clips.is_empty() || rng.random_bool(AUX_DRAWS)) {
            return (Cow::Owned(aux), Some(limit));
        }
        (Cow::Borrowed(genre.clips.as_slice()), Some(limit))
    }

    /// Sometimes a rendition, else clean sound: a filled log-mel, or whole audio or the excerpt, which came through
    /// another codec. What is limited to a band is often coded.
    fn source<'c>(
        &self,
        clip: &'c Clip,
        frames: usize,
        limit: Option<usize>,
        filled_share: f64,
        rng: &mut ChaCha8Rng,
    ) -> (Source<'c>, Origin<'c>) {
        let bands = self.spec.bands;
        let long_enough = |source: &Source<'_>| self.augmentation.can_fill(frames, source.frames(bands));
        let (mut renditions, clean): (Vec<_>, Vec<_>) = sources(clip, bands)
            .filter(|(source, _)| long_enough(source))
            .partition(|(_, origin)| matches!(origin, Origin::Rendition(_)));
        // What a codec has narrowed further would reveal itself.
        let limit_of = |origin: &Origin<'_>| match origin {
            Origin::Rendition(rendition) => rendition.band_limit,
            _ => None,
        };
        if let Some(limit) = limit {
            renditions.retain(|(_, origin)| limit_of(origin).is_none_or(|own| own >= limit));
            let is_coded = |(_, origin): &&(Source<'c>, Origin<'c>)| limit_of(origin).is_some();
            let coded: Vec<_> = renditions.iter().filter(is_coded).copied().collect();
            if !coded.is_empty() && rng.random_bool(CODED_DRAWS) {
                return coded[rng.random_range(0..coded.len())];
            }
        }
        let wants_rendition = rng.random::<f32>() < self.rendition_share;
        let mut among = if clean.is_empty() || (wants_rendition && !renditions.is_empty()) {
            renditions
        } else {
            clean
        };
        let is_filled = |origin: &Origin<'_>| matches!(origin, Origin::Filled);
        let filled = among.iter().filter(|(_, origin)| is_filled(origin)).count();
        if filled > 0 && filled < among.len() {
            // Whatever the class: how a clip came here must not tell it.
            let wants_filled = rng.random_bool(filled_share);
            among.retain(|(_, origin)| is_filled(origin) == wants_filled);
        }
        among[rng.random_range(0..among.len())]
    }
}

/// The band limits of the auxiliary clips, by source.
fn limits(genres: &[Genre<'_>]) -> Vec<Vec<usize>> {
    let mut by_source: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for clip in genres.iter().flat_map(|genre| &genre.aux) {
        if let Some(limit) = clip.band_limit {
            by_source.entry(clip.source.unwrap_or(0)).or_default().push(limit);
        }
    }
    by_source.into_values().collect()
}

/// How often clean sound comes from a filled log-mel: always, if some class has hardly any other that is long enough.
fn filled_share(recipe: &Recipe, frames: usize, genres: &[Genre<'_>]) -> f64 {
    let bands = recipe.front_end.bands;
    let has_real = |clip: &&&Clip| {
        sources(clip, bands).any(|(source, origin)| {
            matches!(origin, Origin::Whole | Origin::Excerpt)
                && recipe.augmentation.can_fill(frames, source.frames(bands))
        })
    };
    let is_rare = |genre: &Genre<'_>| 2 * genre.clips.iter().filter(has_real).count() < genre.clips.len();
    if genres.iter().any(is_rare) {
        1.0
    } else {
        f64::from(recipe.filled_share)
    }
}

/// What a source is of its clip.
#[derive(Debug, Clone, Copy)]
enum Origin<'a> {
    /// The whole audio.
    Whole,
    /// The excerpt that came as features.
    Excerpt,
    /// The whole clip as a filled log-mel.
    Filled,
    /// A rendition.
    Rendition(&'a Rendition),
}

/// All that excerpts of a clip can be drawn from.
fn sources(clip: &Clip, bands: usize) -> impl Iterator<Item = (Source<'_>, Origin<'_>)> {
    let clean = [(&clip.whole, Origin::Whole), (&clip.excerpt, Origin::Excerpt)];
    let clean = clean
        .into_iter()
        .filter_map(|(levels, origin)| Some((Source::Full(levels.as_ref()?.as_slice()), origin)));
    let filled = clip
        .filled
        .iter()
        .map(|levels| (Source::Half(levels.as_slice()), Origin::Filled));
    let renditions = clip
        .renditions
        .iter()
        .map(|rendition| (Source::Half(&rendition.recording.levels), Origin::Rendition(rendition)));
    clean
        .chain(filled)
        .chain(renditions)
        .filter(move |(source, _)| source.frames(bands) >= 2)
}

#[cfg(test)]
#[path = "examples_tests.rs"]
mod tests;
