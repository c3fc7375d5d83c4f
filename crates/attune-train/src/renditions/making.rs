//! Makes the renditions that a cache lacks, and assigns all of them to their clips.

use super::super::TrainError;
use super::super::aux_data::band_limit;
use super::super::dataset::{Clip, Dataset, Lines, on_lines};
use super::super::sound::{mean_power, microphone_chain, performance_chain};
use super::super::teacher::{Agreement, Pair, TeacherNet};
use super::cache::{self, Brand, Recordings};
use super::{Recording, Rendition, RenditionsPlan, TeacherInput};
use attune_audio::decode::decode_file;
use attune_audio::features::{FeatureExtractor, FrontEndSpec, RateConverter};
use attune_engine::files::FileError;
use attune_model::load::hex;
use attune_model::plain_file;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The cache is written after this many pieces of music: an interrupted run loses no more than that.
const PIECES_AT_ONCE: usize = 100;

/// What was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Made {
    /// Renditions made now.
    pub new: usize,
    /// Renditions that were in the cache.
    pub cached: usize,
    /// Files without labels that were left out, and why.
    pub left_out: Vec<String>,
    /// How well the teacher's features of the clips agree with those stored for them.
    pub agreement: Option<Agreement>,
}

/// A piece of music to make renditions from.
struct Piece {
    audio: PathBuf,
    digest: String,
    /// Its place among the training clips; `None` without a label.
    clip: Option<usize>,
    /// Whether a codec has made it of the clip.
    is_coded: bool,
}

/// A rendition to be had.
struct Order {
    key: String,
    piece: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// As it is.
    Clean,
    /// As a microphone in a room records it.
    Microphone,
    /// As others would have played it.
    Performance,
    /// Mixed with another piece, given by its place.
    Mixture(usize),
    /// As it is, of a file that a codec has made of a clip.
    Coded,
}

/// How renditions are made, and where they are kept.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// How many, and what they are drawn from.
    pub plan: &'a RenditionsPlan,
    /// What makes frames of them.
    pub spec: &'a FrontEndSpec,
    /// The teacher that is run on each.
    pub teacher: Option<&'a TeacherNet>,
    /// The file in which they are kept, if they are.
    pub kept: Option<&'a Path>,
}

impl Making<'_> {
    /// Makes the renditions of all training clips with audio, and of `unlabelled` music, which becomes
    /// `data.unlabelled`.
    ///
    /// The teacher also runs on each clean clip, and its output is aligned with stored features. Unlabelled music has a
    /// clean rendition, and others only if the teacher's input is the rendition. A mixture is made of two training
    /// clips; partners are ranked by a draw from the seed and both digests, so that another split changes as few
    /// mixtures as possible. `progress` gets the number of renditions made and their total.
    ///
    /// # Errors
    /// If a clip's audio cannot be read, or the cache is damaged or of another brand. A file of unlabelled music that
    /// cannot be decoded, or is that of a validation clip, is left out and reported.
    pub fn make(
        &self,
        data: &mut Dataset,
        unlabelled: &[PathBuf],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Made, TrainError> {
        let (plan, spec, teacher, kept) = (self.plan, self.spec, self.teacher, self.kept);
        let brand = Brand::new(plan.seed, plan.teacher.clone(), spec);
        let mut recordings = match kept {
            Some(path) => cache::read(path, &brand)?,
            None => Recordings::new(),
        };
        let mut made = Made::default();
        let pieces = pieces(data, unlabelled, &mut made.left_out)?;
        let orders = orders(&pieces, data, plan, teacher.is_some());
        let mut missing: BTreeMap<usize, Vec<&Order>> = BTreeMap::new();
        for order in orders.iter().filter(|order| !recordings.contains_key(&order.key)) {
            missing.entry(order.piece).or_default().push(order);
            made.new += 1;
        }
        made.cached = orders.len() - made.new;
        let bench = Bench {
            pieces: &pieces,
            spec,
            teacher,
            seed: plan.seed,
        };
        let done = AtomicUsize::new(0);
        let pool = pool()?;
        let missing: Vec<(usize, Vec<&Order>)> = missing.into_iter().collect();
        for some in missing.chunks(PIECES_AT_ONCE) {
            let outcomes = pool.install(|| {
                some.par_iter()
                    .map(|(piece, orders)| {
                        let outcome = bench.make(*piece, orders);
                        progress(done.fetch_add(orders.len(), Ordering::Relaxed) + orders.len(), made.new);
                        (*piece, outcome)
                    })
                    .collect::<Vec<_>>()
            });
            for (piece, outcome) in outcomes {
                match outcome {
                    Ok(new) => recordings.extend(new.into_iter().map(|(key, new)| (key, Arc::new(new)))),
                    Err(error) if pieces[piece].clip.is_none() => {
                        made.left_out
                            .push(format!("{}: {error}", pieces[piece].audio.display()));
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(path) = kept {
                cache::write(path, &brand, &recordings)?;
            }
        }
        assign(data, &pieces, &orders, &recordings, plan.seed, spec.bands);
        if let Some(teacher) = teacher {
            made.agreement = assign_targets(data, &pieces, &recordings, teacher, plan.teacher_input);
        }
        Ok(made)
    }
}

/// Assigns every clip its targets, and reports how well the teacher's output agrees with the stored features.
///
/// A stored feature may come from another copy of the sound, or from another training of the teacher, so both must be
/// brought to one scale. If the teacher's input is the rendition, that is this teacher's: clips with audio get its
/// output for the clean clip, others their stored features mapped by the straight lines that fit best over the clips
/// that have both. If its input is the clip, stored features stay, and the lines map this teacher's output to their
/// scale: for clips without stored features, and for renditions.
fn assign_targets(
    data: &mut Dataset,
    pieces: &[Piece],
    recordings: &Recordings,
    teacher: &TeacherNet,
    teacher_input: TeacherInput,
) -> Option<Agreement> {
    let mut computed: BTreeMap<usize, Arc<Recording>> = BTreeMap::new();
    for piece in pieces {
        let recording = recordings.get(&clean_key(&piece.digest)).filter(|_| !piece.is_coded);
        if let (Some(clip), Some(recording)) = (piece.clip, recording) {
            computed.insert(clip, Arc::clone(recording));
        }
    }
    let stored = |clip: &Clip| clip.teacher.clone().filter(|row| row.len() == teacher.feature_count());
    let both: Vec<(&[f32], Arc<Vec<f32>>)> = computed
        .iter()
        .filter_map(|(&clip, computed)| Some((computed.teacher.features.as_slice(), stored(&data.train[clip])?)))
        .collect();
    let pairs: Vec<Pair<'_>> = both
        .iter()
        .map(|(computed, stored)| (*computed, stored.as_slice()))
        .collect();
    let agreement = Agreement::of(&pairs);
    let lines = |pairs: &[Pair<'_>]| -> Lines { (0..teacher.feature_count()).map(|i| line(pairs, i)).collect() };
    match teacher_input {
        TeacherInput::Rendition => {
            let lines = lines(&pairs);
            for (number, clip) in data.train.iter_mut().enumerate() {
                let features = match computed.get(&number) {
                    Some(recording) => Some(recording.teacher.features.clone()),
                    None => stored(clip).map(|row| on_lines(&lines, &row)),
                };
                clip.tags = features.as_ref().map(|features| Arc::new(teacher.tags_of(features)));
                clip.teacher = features.map(Arc::new);
            }
        }
        TeacherInput::Clip => {
            let swapped: Vec<Pair<'_>> = pairs.iter().map(|(computed, stored)| (*stored, *computed)).collect();
            data.teacher_lines = lines(&swapped);
            for (number, clip) in data.train.iter_mut().enumerate() {
                let computed = computed.get(&number).map(|recording| &recording.teacher);
                clip.tags = computed.map(|computed| Arc::new(computed.tags.clone()));
                let features = || computed.map(|computed| Arc::new(on_lines(&data.teacher_lines, &computed.features)));
                clip.teacher = stored(clip).or_else(features);
            }
        }
    }
    data.teacher_width = teacher.feature_count();
    agreement
}

/// Slope and shift that map the second feature of the pairs to the first with the least mean squared error; 1 and 0 for
/// fewer than 8 pairs.
fn line(pairs: &[Pair<'_>], i: usize) -> (f32, f32) {
    if pairs.len() < 8 {
        return (1.0, 0.0);
    }
    let n = pairs.len() as f64;
    let (computed, stored) = pairs.iter().fold((0.0, 0.0), |(computed, stored), (a, b)| {
        (computed + f64::from(a[i]) / n, stored + f64::from(b[i]) / n)
    });
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (f64::from(a[i]) - computed, f64::from(b[i]) - stored);
        covariance += a * b;
        variance += b * b;
    }
    let slope = if variance > 0.0 { covariance / variance } else { 0.0 };
    (slope as f32, (computed - slope * stored) as f32)
}

fn clean_key(digest: &str) -> String {
    format!("{digest}.clean")
}

/// One thread for each core, whatever the program's own pool has: here each thread has work of its own for seconds.
fn pool() -> Result<rayon::ThreadPool, TrainError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?)
}

/// The first 32 hexadecimal digits of a file's SHA-256.
pub(in super::super) fn digest(path: &Path) -> Result<String, TrainError> {
    let mut sha256 = Sha256::new();
    let failed = FileError::reading(path);
    let mut file = plain_file::open(path, u64::MAX).map_err(&failed)?;
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block).map_err(&failed)? {
            0 => break,
            count => sha256.update(&block[..count]),
        }
    }
    Ok(hex(&sha256.finalize()[..16]))
}

fn pieces(data: &Dataset, unlabelled: &[PathBuf], left_out: &mut Vec<String>) -> Result<Vec<Piece>, TrainError> {
    let mut pieces = Vec::new();
    for (place, clip) in data.train.iter().enumerate() {
        if let Some(audio) = &clip.audio {
            pieces.push(Piece {
                digest: digest(audio)?,
                audio: audio.clone(),
                clip: Some(place),
                is_coded: false,
            });
        }
    }
    // After all clips: a mixture names its partner by its place.
    for (place, clip) in data.train.iter().enumerate() {
        for audio in &clip.coded {
            pieces.push(Piece {
                digest: digest(audio)?,
                audio: audio.clone(),
                clip: Some(place),
                is_coded: true,
            });
        }
    }
    if unlabelled.is_empty() {
        return Ok(pieces);
    }
    let mut known: BTreeSet<String> = pieces.iter().map(|piece| piece.digest.clone()).collect();
    for audio in data.valid.iter().filter_map(|clip| clip.audio.as_ref()) {
        known.insert(digest(audio)?);
    }
    for audio in unlabelled {
        let digest = digest(audio)?;
        if !known.insert(digest.clone()) {
            left_out.push(format!(
                "{}: the same file as a clip of the data set, or as another one here",
                audio.display()
            ));
            continue;
        }
        pieces.push(Piece {
            audio: audio.clone(),
            digest,
            clip: None,
            is_coded: false,
        });
    }
    Ok(pieces)
}

fn orders(pieces: &[Piece], data: &Dataset, plan: &RenditionsPlan, is_taught: bool) -> Vec<Order> {
    let mut orders = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let clip = piece.clip.map(|clip| &data.train[clip]);
        let mut order = |key: String, kind| {
            orders.push(Order {
                key,
                piece: place,
                kind,
            });
        };
        let digest = &piece.digest;
        if piece.is_coded {
            order(format!("{digest}.coded"), Kind::Coded);
            continue;
        }
        if clip.is_none() || is_taught {
            order(clean_key(digest), Kind::Clean);
        }
        // If the teacher's input is the clip, there is no target for a rendition of unlabelled music.
        let versions = match (clip, plan.teacher_input) {
            (None, TeacherInput::Clip) => 0,
            _ => plan.versions,
        };
        for version in 1..=versions {
            let kind = if version % 2 == 1 {
                Kind::Microphone
            } else {
                Kind::Performance
            };
            order(format!("{digest}.{version}"), kind);
        }
        let Some(clip) = clip else { continue };
        for partner in partners(place, clip, pieces, data, plan) {
            order(format!("{digest}+{}", pieces[partner].digest), Kind::Mixture(partner));
        }
    }
    orders
}

/// Which pieces a clip is mixed with: those that a draw puts first, of other artists.
fn partners(place: usize, clip: &Clip, pieces: &[Piece], data: &Dataset, plan: &RenditionsPlan) -> Vec<usize> {
    let own = &pieces[place];
    let mut others: Vec<([u8; 32], usize)> = (0..pieces.len())
        .filter(|&other| {
            pieces[other].digest != own.digest
                && !pieces[other].is_coded
                && pieces[other].clip.is_some_and(|other| {
                    let artist = &data.train[other].artist;
                    artist.is_empty() || *artist != clip.artist
                })
        })
        .map(|other| {
            (
                number(plan.seed, &format!("{} with {}", own.digest, pieces[other].digest)),
                other,
            )
        })
        .collect();
    others.sort_unstable();
    others.truncate(plan.mixtures);
    others.into_iter().map(|(_, other)| other).collect()
}

/// 256 random bits of a name.
fn number(seed: u64, name: &str) -> [u8; 32] {
    Sha256::digest(format!("{seed} {name}")).into()
}

/// The generator of a rendition, and of a mixture the first piece's share, which is drawn first.
fn generator(seed: u64, key: &str) -> (ChaCha8Rng, f32) {
    let mut rng = ChaCha8Rng::from_seed(number(seed, key));
    let share = 0.3 + 0.4 * rng.random::<f32>();
    (rng, share)
}

struct Bench<'a> {
    pieces: &'a [Piece],
    spec: &'a FrontEndSpec,
    teacher: Option<&'a TeacherNet>,
    seed: u64,
}

impl Bench<'_> {
    /// All renditions of one piece.
    fn make(&self, piece: usize, orders: &[&Order]) -> Result<Vec<(String, Recording)>, TrainError> {
        let samples = self.samples(piece)?;
        orders
            .iter()
            .map(|order| {
                let (mut rng, share) = generator(self.seed, &order.key);
                let rate = self.spec.rate;
                let altered = match order.kind {
                    Kind::Clean | Kind::Coded => samples.clone(),
                    Kind::Microphone => microphone_chain(&samples, rate, &mut rng),
                    Kind::Performance => performance_chain(&samples, rate, &mut rng),
                    Kind::Mixture(partner) => {
                        let mixed = mixed(&samples, &self.samples(partner)?, share);
                        if rng.random_bool(0.5) {
                            microphone_chain(&mixed, rate, &mut rng)
                        } else {
                            mixed
                        }
                    }
                };
                Ok((order.key.clone(), self.record(&altered)?))
            })
            .collect()
    }

    /// A piece at the front end's rate.
    fn samples(&self, piece: usize) -> Result<Vec<f32>, TrainError> {
        let (info, samples) = decode_file(&self.pieces[piece].audio)?;
        let front_end = |error: attune_audio::features::FrontEndError| TrainError::Model(error.into());
        let mut converter = RateConverter::new(info.rate, self.spec.rate).map_err(front_end)?;
        let mut out = Vec::new();
        converter.push(&samples, &mut out).map_err(front_end)?;
        converter.finish(&mut out).map_err(front_end)?;
        if out.len() < 2 * self.spec.window_samples {
            return Err(TrainError::Data {
                path: self.pieces[piece].audio.clone(),
                message: "too short to train on".to_owned(),
            });
        }
        Ok(out)
    }

    fn record(&self, samples: &[f32]) -> Result<Recording, TrainError> {
        let front_end = |error: attune_audio::features::FrontEndError| TrainError::Model(error.into());
        let mut extractor = FeatureExtractor::new(self.spec, self.spec.rate).map_err(front_end)?;
        let levels_db = extractor.push(samples).map_err(front_end)?.mel_db;
        let mut levels = vec![f16::ZERO; levels_db.len()];
        levels.convert_from_f32_slice(&levels_db);
        Ok(Recording {
            levels,
            teacher: match self.teacher {
                Some(teacher) => teacher.run(samples, self.spec.rate)?,
                None => super::TeacherOutput::default(),
            },
        })
    }
}

/// Two pieces brought to one loudness and added with the amplitudes `share` and 1 − `share`, as long as the shorter one
/// (Tokozume, Ushiku & Harada 2018: the label is mixed by the same shares).
fn mixed(a: &[f32], b: &[f32], share: f32) -> Vec<f32> {
    let [gain_a, gain_b] = [(a, share), (b, 1.0 - share)].map(|(samples, share)| {
        let power = mean_power(samples);
        if power > 0.0 { share / power.sqrt() as f32 } else { 0.0 }
    });
    // −20 dB of full scale at the mean, as music has it.
    let scale = 0.1 / (share.powi(2) + (1.0 - share).powi(2)).sqrt();
    a.iter()
        .zip(b)
        .map(|(a, b)| scale * (gain_a * a + gain_b * b))
        .collect()
}

/// Gives each training clip its renditions, and the data set its unlabelled music.
fn assign(data: &mut Dataset, pieces: &[Piece], orders: &[Order], recordings: &Recordings, seed: u64, bands: usize) {
    for clip in &mut data.train {
        clip.renditions.clear();
    }
    let mut unlabelled: BTreeMap<usize, Clip> = BTreeMap::new();
    for order in orders {
        let Some(recording) = recordings.get(&order.key) else {
            continue;
        };
        let piece = &pieces[order.piece];
        let clips = match (order.kind, piece.clip) {
            (Kind::Mixture(other), Some(own)) => {
                let (_, share) = generator(seed, &order.key);
                let other = pieces[other].clip.map(|other| (other, 1.0 - share));
                [Some((own, share)), other].into_iter().flatten().collect()
            }
            (_, Some(own)) => vec![(own, 1.0)],
            (_, None) => Vec::new(),
        };
        let rendition = Rendition {
            recording: Arc::clone(recording),
            clips,
            band_limit: matches!(order.kind, Kind::Coded).then(|| band_limit(&recording.levels, bands)),
        };
        match piece.clip {
            // The clip itself is there already, in full precision.
            Some(_) if matches!(order.kind, Kind::Clean) => {}
            Some(clip) => data.train[clip].renditions.push(rendition),
            None => {
                let clip = unlabelled.entry(order.piece).or_insert_with(|| Clip {
                    name: piece.audio.display().to_string(),
                    audio: Some(piece.audio.clone()),
                    ..Clip::default()
                });
                clip.renditions.push(rendition);
            }
        }
    }
    data.unlabelled = unlabelled.into_values().collect();
}

#[cfg(test)]
#[path = "making_tests.rs"]
mod tests;
