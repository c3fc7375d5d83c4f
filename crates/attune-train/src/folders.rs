//! A data set from folders of audio: each class is one or more folders, each audio file below them a clip.
//!
//! In: [`FolderData`]. Out: [`Dataset`], and what was left out. Thread: training's.

use super::TrainError;
use super::dataset::{Clip, Dataset};
use super::grouping::{GroupRule, HoldOut, folds, matches};
use super::noises::Noise;
use super::pieces::{Piece, join, levels, repeated, trimmed};
use super::split::refuse_leaks;
use attune_audio::decode::decode_file;
use attune_audio::features::FrontEndSpec;
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::files::FileError;
use attune_model::genre::{GenreId, GenreSet};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Length of a generated noise.
const NOISE_LENGTH: Seconds = Seconds(6.0);
/// One in this many generated noises validates where folds do not decide.
const NOISES_HELD_OUT: usize = 5;

/// One class and where its clips come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassSource {
    /// Its label.
    pub label: String,
    /// Folders whose audio files, at any depth, are its clips.
    pub folders: Vec<PathBuf>,
    /// How many noises are made for it.
    pub generated: usize,
    /// Files of one group are joined, with pauses, to clips of this length: short words become speech.
    pub joined: Option<Seconds>,
}

/// Classes, groups and split.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderData {
    /// The classes in the order of the outputs.
    pub classes: Vec<ClassSource>,
    /// How groups are read from paths: the first rule that fits a name. None fits: the file is its own group.
    pub groups: Vec<GroupRule>,
    /// Which clips validate.
    pub hold_out: HoldOut,
    /// Noises and pauses come from this.
    pub seed: u64,
}

/// A file that is no clip, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What happened, naming the file.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// A file or noise before the split.
struct Found {
    piece: Piece,
    class: usize,
    /// Empty: its own.
    group: String,
    held_out: bool,
}

/// The sub-folders of a folder as classes, in the order of their names; or those named, in the order given.
pub fn classes_below(folder: &Path, named: &[String]) -> Result<Vec<ClassSource>, TrainError> {
    let mut present: Vec<String> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    present.sort();
    if present.is_empty() {
        return Err(TrainError::Data {
            path: folder.to_owned(),
            message:
                "it has neither clips.csv nor sub-folders: put the audio of each class into a sub-folder of its name"
                    .to_owned(),
        });
    }
    if let Some(missing) = named.iter().find(|name| !present.contains(name)) {
        return Err(TrainError::Data {
            path: folder.to_owned(),
            message: format!("it has no sub-folder {missing:?}, only {}", present.join(", ")),
        });
    }
    let labels = if named.is_empty() { &present } else { named };
    let class = |label: &String| ClassSource {
        label: label.clone(),
        folders: vec![folder.join(label)],
        ..ClassSource::default()
    };
    Ok(labels.iter().map(class).collect())
}

/// Reads all audio of all classes and splits it. `progress` gets the number of files read and their total.
///
/// # Errors
/// If a folder is missing, a class has too few clips on a side, or a group is on both.
pub fn open(
    source: &FolderData,
    spec: &FrontEndSpec,
    mut progress: impl FnMut(usize, usize),
) -> Result<(Dataset, Vec<LeftOut>), TrainError> {
    let labels = source.classes.iter().map(|class| class.label.clone()).collect();
    let genres = GenreSet::new(labels).map_err(|error| TrainError::Data {
        path: PathBuf::from("the classes"),
        message: error.to_string(),
    })?;
    let mut files = Vec::new();
    for (class, wanted) in source.classes.iter().enumerate() {
        for folder in &wanted.folders {
            let before = files.len();
            audio_below(folder, class, &mut files)?;
            if files.len() == before {
                return Err(TrainError::Data {
                    path: folder.clone(),
                    message: format!("there is no file for the class {:?} in it", wanted.label),
                });
            }
        }
    }
    let mut left_out = Vec::new();
    let mut found = Vec::new();
    let mut seen = 0;
    for (class, wanted) in source.classes.iter().enumerate() {
        let mut pieces = Vec::new();
        for (path, _) in files.iter().filter(|(_, of)| *of == class) {
            progress(seen, files.len());
            seen += 1;
            match read(path, source, class) {
                Ok(piece) => pieces.push(piece),
                Err(reason) => left_out.push(reason),
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(source.seed);
        rng.set_stream(class as u64);
        if let Some(length) = wanted.joined {
            pieces = joined(pieces, length, &mut rng);
        }
        found.extend(pieces);
        found.extend((0..wanted.generated).map(|n| generated(n, class, spec.rate, &mut rng)));
    }
    let on_valid = sides(&found, &source.hold_out);
    let (mut train, mut valid) = (Vec::new(), Vec::new());
    for (found, validates) in found.into_iter().zip(on_valid) {
        let levels = levels(&found.piece, spec)?;
        if levels.len() < 2 * spec.bands {
            left_out.push(LeftOut {
                message: format!("{} is too short to be a clip", found.piece.name),
                remedy: "use recordings of at least half a second".to_owned(),
            });
            continue;
        }
        // Short training clips are repeated to the length of an excerpt, not stretched; validation clips stay as they
        // are.
        let levels = if validates { levels } else { repeated(levels, spec) };
        let clip = Clip {
            name: found.piece.name,
            genre: GenreId(found.class as u8),
            artist: found.group,
            whole: Some(Arc::new(levels)),
            ..Clip::default()
        };
        if validates { valid.push(clip) } else { train.push(clip) }
    }
    refuse_leaks(&train, &valid)?;
    for (class, wanted) in source.classes.iter().enumerate() {
        let count = |clips: &[Clip]| clips.iter().filter(|clip| usize::from(clip.genre.0) == class).count();
        let (training, validation) = (count(&train), count(&valid));
        if training < 2 || validation < 1 {
            return Err(TrainError::Data {
                path: wanted.folders.first().cloned().unwrap_or_default(),
                message: format!(
                    "the class {:?} has {training} clips for training and {validation} for validation, and needs at \
                     least 2 and 1: add recordings (of another group), or choose another --fold or --hold-out",
                    wanted.label
                ),
            });
        }
    }
    Ok((Dataset::new(genres, train, valid), left_out))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let failed = FileError::reading(folder);
    let mut paths = std::fs::read_dir(folder)
        .map_err(&failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(&failed)?;
    paths.sort();
    Ok(paths)
}

/// Every visible file below a folder.
fn audio_below(folder: &Path, class: usize, files: &mut Vec<(PathBuf, usize)>) -> Result<(), TrainError> {
    for path in entries(folder)? {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            audio_below(&path, class, files)?;
        } else {
            files.push((path, class));
        }
    }
    Ok(())
}

fn read(path: &Path, source: &FolderData, class: usize) -> Result<Found, LeftOut> {
    let (info, samples) = decode_file(path).map_err(|error| LeftOut {
        remedy: error.remedy().to_owned(),
        message: error.message,
    })?;
    let name = path.to_string_lossy().into_owned();
    let samples = trimmed(samples, info.rate).ok_or_else(|| LeftOut {
        message: format!("{name} is silent"),
        remedy: "record it louder, or leave it away".to_owned(),
    })?;
    let held_out = match &source.hold_out {
        HoldOut::Matching(patterns) => patterns.iter().any(|pattern| matches(pattern, &name)),
        HoldOut::Fold { .. } => false,
    };
    Ok(Found {
        group: source
            .groups
            .iter()
            .find_map(|rule| rule.group(path))
            .unwrap_or_default(),
        piece: Piece {
            name,
            rate: info.rate,
            samples,
        },
        class,
        held_out,
    })
}

/// Pieces of one group, rate and side put together. A file that is its own group stays as it is.
fn joined(pieces: Vec<Found>, length: Seconds, rng: &mut ChaCha8Rng) -> Vec<Found> {
    let mut runs: Vec<Vec<Found>> = Vec::new();
    for piece in pieces {
        let same = |run: &&mut Vec<Found>| {
            let first = &run[0];
            !piece.group.is_empty()
                && (&first.group, first.piece.rate, first.held_out) == (&piece.group, piece.piece.rate, piece.held_out)
        };
        match runs.iter_mut().find(same) {
            Some(run) => run.push(piece),
            None => runs.push(vec![piece]),
        }
    }
    let mut out = Vec::new();
    for run in runs {
        let (class, group, held_out) = (run[0].class, run[0].group.clone(), run[0].held_out);
        let pieces = run.into_iter().map(|found| found.piece).collect();
        out.extend(join(pieces, length, rng).into_iter().map(|piece| Found {
            piece,
            class,
            group: group.clone(),
            held_out,
        }));
    }
    out
}

fn generated(number: usize, class: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Found {
    let noise = Noise::ALL[number % Noise::ALL.len()];
    Found {
        piece: Piece {
            name: format!("generated {} {number}", noise.name()),
            rate,
            samples: noise.samples(rate, NOISE_LENGTH, rng),
        },
        class,
        group: String::new(),
        // By rounds through all kinds, so that every kind is on both sides.
        held_out: number / Noise::ALL.len() % NOISES_HELD_OUT == NOISES_HELD_OUT - 1,
    }
}

/// Whether each validates.
fn sides(found: &[Found], hold_out: &HoldOut) -> Vec<bool> {
    match hold_out {
        HoldOut::Matching(_) => found.iter().map(|found| found.held_out).collect(),
        HoldOut::Fold { number, of } => {
            let clips: Vec<(String, usize)> = found
                .iter()
                .map(|found| {
                    let own = if found.group.is_empty() {
                        &found.piece.name
                    } else {
                        &found.group
                    };
                    (own.clone(), found.class)
                })
                .collect();
            folds(&clips, *of).into_iter().map(|fold| fold + 1 == *number).collect()
        }
    }
}
