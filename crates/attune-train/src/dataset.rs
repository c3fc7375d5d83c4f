//! Labelled clips: whole audio, log-mel excerpts, or both.

use super::TrainError;
use super::planted::Distractors;
use super::renditions::{Rendition, music_below};
use super::split::SplitChoice;
use super::windowed_targets::WindowedTargets;
use attune_audio::decode::decode_file;
use attune_audio::features::{FrontEndSpec, levels_of};
use attune_engine::files;
use attune_model::genre::{GenreId, GenreSet};
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Log-mel levels (frames, bands) in dB, or shifted and stretched from dB: the loudness normaliser removes that.
pub type Levels = Arc<Vec<f32>>;

/// One labelled piece of music.
#[derive(Debug, Clone, Default)]
pub struct Clip {
    /// Its name in the index.
    pub name: String,
    /// Its class.
    pub genre: GenreId,
    /// The artist; empty if unknown.
    pub artist: String,
    /// The whole clip, if its audio is available.
    pub whole: Option<Levels>,
    /// An excerpt that came as features.
    pub excerpt: Option<Levels>,
    /// Features that a teacher network gives for the whole clip.
    pub teacher: Option<Arc<Vec<f32>>>,
    /// The probabilities of the teacher's tags that go with them.
    pub tags: Option<Arc<Vec<f32>>>,
    /// Soft labels: probabilities of the classes from the teacher's features ([`super::teacher::genres`]).
    pub soft_labels: Option<Arc<Vec<f32>>>,
    /// The whole clip as log-mel levels of which some frames are known and the others filled in
    /// (`models/fill_mels.py`).
    pub filled: Option<Arc<Vec<f16>>>,
    /// The file of its audio, or of a resynthesis, if available: what renditions are made from.
    pub audio: Option<PathBuf>,
    /// The same audio through codecs.
    pub coded: Vec<PathBuf>,
    /// Windowed targets: a teacher's features along the audio.
    pub windowed_targets: Option<Arc<WindowedTargets>>,
    /// The same of the excerpt.
    pub excerpt_window: Option<Arc<WindowedTargets>>,
    /// Augmented versions of the whole clip ([`super::renditions`]); training clips only.
    pub renditions: Vec<Rendition>,
    /// Of auxiliary data ([`super::aux_data`]): the number of its source.
    pub source: Option<usize>,
    /// Of auxiliary data: the first band that is missing there, or the number of bands.
    pub band_limit: Option<usize>,
}

impl Clip {
    /// Widths of its teacher's targets, (features, tags); 0 where it has none.
    fn teacher_widths(&self) -> (usize, usize) {
        let width = |values: &Option<Arc<Vec<f32>>>| values.as_ref().map_or(0, |values| values.len());
        let renditions = self.renditions.iter().map(|rendition| {
            let teacher = &rendition.recording.teacher;
            (teacher.features.len(), teacher.tags.len())
        });
        renditions.fold((width(&self.teacher), width(&self.tags)), |most, widths| {
            (most.0.max(widths.0), most.1.max(widths.1))
        })
    }
}

/// Training and validation clips.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The classes.
    pub genres: GenreSet,
    /// Training clips.
    pub train: Vec<Clip>,
    /// HoldOut by.
    pub valid: Vec<Clip>,
    /// Width of the teacher's features, 0 without a teacher.
    pub teacher_width: usize,
    /// Lines from the teacher's features of a sound to the stored ones of the clips; empty if they are the same.
    pub teacher_lines: Lines,
    /// Width of the windowed targets, 0 without.
    pub window_width: usize,
    /// Music without labels, for a teacher's targets only; its clips have renditions and nothing else.
    pub unlabelled: Vec<Clip>,
    /// Sound that is no music, to plant passages in.
    pub distractors: Distractors,
}

/// Slope and shift for each feature.
pub type Lines = Vec<(f32, f32)>;

/// Each feature on its line; all as they are if there are no lines.
pub(crate) fn on_lines(lines: &[(f32, f32)], features: &[f32]) -> Vec<f32> {
    if lines.is_empty() {
        return features.to_vec();
    }
    let lines = lines.iter();
    lines
        .zip(features)
        .map(|((slope, shift), x)| slope * x + shift)
        .collect()
}

/// Labelled clips before the split; each with the side that the collection puts it on.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    /// The classes.
    pub genres: GenreSet,
    /// All clips.
    pub clips: Vec<(Clip, Side)>,
    /// Width of the stored features of a teacher, 0 without.
    pub teacher_width: usize,
}

/// What a clip is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Training.
    Train,
    /// Validation.
    Valid,
}

/// z-scores come back to decibels by this deviation, a usual one of music; only range and least deviation of the
/// normaliser, which are in dB, see it.
const TYPICAL_DEVIATION_DB: f32 = 18.0;

#[derive(Debug, Deserialize)]
struct IndexRow {
    clip: String,
    genre: String,
    split: String,
    #[serde(default)]
    audio: String,
    #[serde(default)]
    artist: String,
}

impl Dataset {
    /// Whether these are clips of GTZAN: its ten genres, and its names (`blues.00042`).
    pub(crate) fn is_gtzan(&self) -> bool {
        let is_named = |clip: &Clip| {
            let number = clip.name.strip_prefix(self.genres.label(clip.genre));
            let digits = number.and_then(|number| number.strip_prefix('.'));
            digits.is_some_and(|digits| digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let clips = self.train.iter().chain(&self.valid);
        let mut of_this_source = clips.filter(|clip| clip.band_limit.is_none());
        self.genres == GenreSet::gtzan() && of_this_source.all(is_named)
    }

    /// Reads a folder as [`Collection::open`] does, split as its index says.
    pub fn open(folder: &Path, spec: &FrontEndSpec, progress: impl FnMut(usize, usize)) -> Result<Self, TrainError> {
        let collection = Collection::open(folder, spec, progress)?;
        Ok(collection.split(&SplitChoice::default())?.0)
    }

    /// The clips of a folder without features, split as its index says: for what reads the audio itself.
    ///
    /// # Errors
    /// If the index is missing or damaged, or train and valid share an artist or a clip.
    pub fn list(folder: &Path) -> Result<Self, TrainError> {
        Ok(Collection::listed(folder)?.split(&SplitChoice::default())?.0)
    }

    /// The least that training needs: training and validation clips.
    pub fn new(genres: GenreSet, train: Vec<Clip>, valid: Vec<Clip>) -> Self {
        let mut data = Self {
            genres,
            train,
            valid,
            teacher_width: 0,
            teacher_lines: Lines::new(),
            window_width: 0,
            unlabelled: Vec::new(),
            distractors: Distractors::default(),
        };
        data.teacher_width = data.teacher_widths().0;
        data
    }

    /// Widths of the teacher's targets, (features, tags); 0 where there are none.
    pub(crate) fn teacher_widths(&self) -> (usize, usize) {
        let widths = self.train.iter().chain(&self.unlabelled).map(Clip::teacher_widths);
        widths.fold((self.teacher_width, 0), |most, clip| {
            (most.0.max(clip.0), most.1.max(clip.1))
        })
    }
}

impl Collection {
    /// Reads the index of a folder in the form of `gtzan/`: `clips.csv` (clip, genre, split, audio, artist), and audio
    /// in `SPLIT/CLIP.ogg`. Its clips have names, classes, artists and files, and no features.
    ///
    /// # Errors
    /// If it is missing or damaged.
    pub(crate) fn listed(folder: &Path) -> Result<Self, TrainError> {
        let index = folder.join("clips.csv");
        let data = |message: String| TrainError::Data {
            path: index.clone(),
            message,
        };
        let text = files::read(&index)?;
        let rows: Vec<IndexRow> = csv::Reader::from_reader(text.as_slice())
            .deserialize()
            .collect::<Result<_, _>>()
            .map_err(|error| data(error.to_string()))?;
        let mut labels: Vec<String> = rows.iter().map(|row| row.genre.clone()).collect();
        labels.sort();
        labels.dedup();
        let genres = GenreSet::new(labels).map_err(|error| data(error.to_string()))?;
        let mut clips = Vec::with_capacity(rows.len());
        for row in rows {
            let genre = genres
                .find(&row.genre)
                .ok_or_else(|| data(format!("{}: no genre", row.clip)))?;
            let side = match row.split.as_str() {
                "train" => Side::Train,
                "valid" => Side::Valid,
                other => {
                    return Err(data(format!(
                        "{}: the split is {other:?}, not train or valid",
                        row.clip
                    )));
                }
            };
            let audio = (row.audio == "yes").then(|| folder.join(&row.split).join(format!("{}.ogg", row.clip)));
            let clip = Clip {
                name: row.clip,
                genre,
                artist: row.artist.trim().to_owned(),
                audio,
                ..Clip::default()
            };
            clips.push((clip, side));
        }
        if clips.is_empty() {
            return Err(data("no clips".to_owned()));
        }
        Ok(Self {
            genres,
            clips,
            teacher_width: 0,
        })
    }

    /// [`Collection::listed`] with features: log-mels of the audio, and optionally `mel3s.safetensors` and
    /// `teacher160.safetensors`.
    ///
    /// `progress` gets how many of how many clips are read.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub(crate) fn open(
        folder: &Path,
        spec: &FrontEndSpec,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, TrainError> {
        let mut collection = Self::listed(folder)?;
        let excerpts = load_excerpts(&folder.join("mel3s.safetensors"), spec.bands)?;
        let teacher = load_teacher(&folder.join("teacher160.safetensors"))?;
        collection.teacher_width = teacher.values().next().map_or(0, |features| features.len());
        let count = collection.clips.len();
        for (done, (clip, _)) in collection.clips.iter_mut().enumerate() {
            progress(done, count);
            if let Some(audio) = &clip.audio {
                clip.whole = Some(Arc::new(mel_of_file(audio, spec)?));
            }
            clip.excerpt = excerpts.get(&clip.name).cloned();
            clip.teacher = teacher.get(&clip.name).cloned();
            check(clip, spec.bands, collection.teacher_width).map_err(|what| TrainError::Data {
                path: folder.join("clips.csv"),
                message: format!("{}: {what}", clip.name),
            })?;
        }
        Ok(collection)
    }

    /// Leaves whole genres out: music that the model is to find unfamiliar.
    ///
    /// # Errors
    /// If a label is none of the classes, or fewer than two classes remain.
    pub(crate) fn leave_out(&mut self, labels: &[String], folder: &Path) -> Result<(), TrainError> {
        let refused = |message: String| TrainError::Data {
            path: folder.to_owned(),
            message,
        };
        for label in labels {
            if self.genres.find(label).is_none() {
                let known = self.genres.labels().join(", ");
                return Err(refused(format!(
                    "--leave-out {label}: no such class; there are {known}"
                )));
            }
        }
        let is_kept = |label: &String| !labels.contains(label);
        let kept = self.genres.labels().iter().filter(|label| is_kept(label)).cloned();
        let kept = GenreSet::new(kept.collect()).map_err(|error| refused(error.to_string()))?;
        let places: Vec<Option<GenreId>> = self.genres.labels().iter().map(|label| kept.find(label)).collect();
        self.clips
            .retain_mut(|(clip, _)| match places[usize::from(clip.genre.0)] {
                Some(place) => {
                    clip.genre = place;
                    true
                }
                None => false,
            });
        self.genres = kept;
        Ok(())
    }

    /// Splits into training and validation clips. Also returns notes for the user on clips left out.
    ///
    /// # Errors
    /// If train and valid share an artist or a clip, or no training clip is left.
    pub(crate) fn split(self, choice: &SplitChoice) -> Result<(Dataset, Vec<String>), TrainError> {
        let (train, valid, notes) = choice.split(self.clips)?;
        let data = Dataset {
            genres: self.genres,
            train,
            valid,
            teacher_width: self.teacher_width,
            teacher_lines: Lines::new(),
            window_width: 0,
            unlabelled: Vec::new(),
            distractors: Distractors::default(),
        };
        Ok((data, notes))
    }
}

/// Where else the data set's clips are, besides its folder.
#[derive(Debug, Clone, Default)]
pub struct MoreForms {
    /// A file of whole log-mels in the form of `mel3s.safetensors` (`models/fill_mels.py`): clips without audio
    /// validate by them, training clips are drawn from them besides.
    pub whole_mels: Option<PathBuf>,
    /// A folder of resyntheses, `CLIP.ogg`: what renditions of clips without audio are made from.
    pub resynthesis: Option<PathBuf>,
    /// Folders of coded audio, `CLIP.…`.
    pub coded: Vec<PathBuf>,
}

impl MoreForms {
    /// Adds them to the clips that have them.
    ///
    /// # Errors
    /// If a file or folder cannot be read, or has nothing of these clips.
    pub(crate) fn add_to(&self, clips: &mut [(Clip, Side)], bands: usize) -> Result<(), TrainError> {
        let nothing = |path: &Path| TrainError::Data {
            path: path.to_owned(),
            message: "it has nothing that is named like a training clip of the data set".to_owned(),
        };
        if let Some(path) = &self.whole_mels {
            let mut mels = load_excerpts(path, bands)?;
            let mut added = 0;
            for (clip, side) in &mut *clips {
                let Some(levels) = mels.remove(&clip.name) else {
                    continue;
                };
                let mut half = vec![f16::ZERO; levels.len()];
                half.convert_from_f32_slice(&levels);
                clip.filled = Some(Arc::new(half));
                match side {
                    Side::Train => added += 1,
                    Side::Valid if clip.whole.is_none() => clip.whole = Some(levels),
                    Side::Valid => {}
                }
            }
            if added == 0 {
                return Err(nothing(path));
            }
        }
        let files = |folder: &Path| -> Result<HashMap<String, PathBuf>, TrainError> {
            let files = music_below(folder)?;
            let named = files.into_iter().filter_map(|file| {
                let name = file.file_stem()?.to_str()?.to_owned();
                Some((name, file))
            });
            let named: HashMap<String, PathBuf> = named.collect();
            let mut train = clips.iter().filter(|(_, side)| *side == Side::Train);
            if train.any(|(clip, _)| named.contains_key(&clip.name)) {
                Ok(named)
            } else {
                Err(nothing(folder))
            }
        };
        let resynthesis = self.resynthesis.as_deref().map(files).transpose()?;
        let coded = self
            .coded
            .iter()
            .map(|folder| files(folder))
            .collect::<Result<Vec<_>, _>>()?;
        for (clip, side) in clips {
            if *side == Side::Valid {
                continue;
            }
            if clip.audio.is_none() {
                clip.audio = resynthesis.as_ref().and_then(|files| files.get(&clip.name).cloned());
            }
            clip.coded = coded
                .iter()
                .filter_map(|files| files.get(&clip.name).cloned())
                .collect();
        }
        Ok(())
    }
}

/// What is wrong with a clip.
fn check(clip: &Clip, bands: usize, teacher_width: usize) -> Result<(), String> {
    let frames = |levels: &Option<Levels>| levels.as_ref().map(|levels| levels.len() / bands);
    match (frames(&clip.whole), frames(&clip.excerpt)) {
        (None, None) => return Err("neither audio nor an excerpt".to_owned()),
        (Some(0 | 1), _) | (_, Some(0 | 1)) => return Err("shorter than two frames".to_owned()),
        _ => {}
    }
    match &clip.teacher {
        Some(features) if features.len() != teacher_width => {
            Err(format!("the teacher's features are not {teacher_width}"))
        }
        _ => Ok(()),
    }
}

/// The log-mel levels of a whole audio file, by the front end of the live path.
pub fn mel_of_file(path: &Path, spec: &FrontEndSpec) -> Result<Vec<f32>, TrainError> {
    let (info, samples) = decode_file(path)?;
    levels_of(&samples, info.rate, spec).map_err(|error| TrainError::Model(error.into()))
}

/// Excerpts as `mel3s.safetensors` has them, (bands, frames) in f16 or f32, to (frames, bands); empty without the file.
pub(crate) fn load_excerpts(path: &Path, bands: usize) -> Result<HashMap<String, Levels>, TrainError> {
    let mut excerpts = HashMap::new();
    each_tensor(path, |name, shape, values| {
        let levels = levels_of_tensor(name, shape, &values, bands)?;
        excerpts.insert(name.to_owned(), Arc::new(levels));
        Ok(())
    })?;
    Ok(excerpts)
}

/// A tensor (bands, frames) as levels (frames, bands).
pub(crate) fn levels_of_tensor(name: &str, shape: &[usize], values: &[f32], bands: usize) -> Result<Vec<f32>, String> {
    let &[rows, frames] = shape else {
        return Err(format!("{name} has shape {shape:?}, not (bands, frames)"));
    };
    if frames < 2 {
        return Err(format!("{name} has {frames} frames; 2 are the least"));
    }
    if rows != bands {
        return Err(format!("{name} has {rows} bands where the front end has {bands}"));
    }
    let mut levels = vec![0.0; rows * frames];
    for (band, row) in values.chunks_exact(frames).enumerate() {
        for (frame, value) in row.iter().enumerate() {
            levels[frame * bands + band] = value * TYPICAL_DEVIATION_DB;
        }
    }
    Ok(levels)
}

fn load_teacher(path: &Path) -> Result<HashMap<String, Arc<Vec<f32>>>, TrainError> {
    let mut teacher = HashMap::new();
    each_tensor(path, |name, _, values| {
        teacher.insert(name.to_owned(), Arc::new(values));
        Ok(())
    })?;
    Ok(teacher)
}

/// Calls `take` with name, shape and values of each tensor; a file that is not there has none.
fn each_tensor(
    path: &Path,
    mut take: impl FnMut(&str, &[usize], Vec<f32>) -> Result<(), String>,
) -> Result<(), TrainError> {
    let Some(buffer) = files::read_if_any(path)? else {
        return Ok(());
    };
    let data = |message: String| TrainError::Data {
        path: path.to_owned(),
        message,
    };
    let file = SafeTensors::deserialize(&buffer).map_err(|error| data(error.to_string()))?;
    for (name, view) in file.iter() {
        let values = tensor_values(name, &view).map_err(data)?;
        take(name, view.shape(), values).map_err(data)?;
    }
    Ok(())
}

/// The values of a tensor in half or single precision; what is not finite is refused.
pub(crate) fn tensor_values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => view
            .data()
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        other => return Err(format!("{name} is {other:?}, not F16 or F32")),
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(format!("{name} has {} at {at}", values[at])),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gtzans_clips_are_called_gtzans() {
        let with = |name: &str| Dataset {
            genres: GenreSet::gtzan(),
            train: vec![Clip {
                name: name.to_owned(),
                ..Clip::default()
            }],
            valid: Vec::new(),
            teacher_width: 0,
            teacher_lines: Lines::new(),
            window_width: 0,
            unlabelled: Vec::new(),
            distractors: Distractors::default(),
        };
        assert!(with("blues.00042").is_gtzan());
        for other in ["blues.42", "jazz.00042", "mine.00042", "blues-00042"] {
            assert!(!with(other).is_gtzan(), "{other}");
        }
    }
}
