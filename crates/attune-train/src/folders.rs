//! A data set from folders of audio: each class is one or more folders, each audio file below them a clip.
//!
//! In: [`FolderData`]. Out: [`Dataset`], and what was left out. Thread: training's.

use super::TrainError;
use super::dataset::{Clip, Dataset};
use super::findings::{Finding, LEAST_TRAIN, LEAST_VALID, findings};
use super::folder_files::{entries, files_of, read, too_short};
use super::grouping::{GroupRule, HoldOut};
use super::noises::Noise;
use super::pieces::{Piece, join, levels, repeated};
use super::split::refuse_leaks;
use super::survey::{ClassFigures, FileFacts, Member, Twins, groups_of, placed, sides};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::{SampleRate, Seconds};
use attune_model::genre::{GenreId, GenreSet};
use attune_model::load::hex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A data set from folders.
#[derive(Debug)]
pub struct FolderSet {
    /// The clips on their sides.
    pub data: Dataset,
    /// Files that are no clips.
    pub left_out: Vec<LeftOut>,
    /// What is wrong with the rest.
    pub findings: Vec<Finding>,
    /// SHA-256 of all clips' sounds, classes and sides, as hexadecimal digits: a run is only continued with the same.
    pub sha256: String,
}

/// A file or noise before the split.
struct Found {
    member: Member,
    sound: Sound,
    /// Of a file by itself.
    facts: Option<FileFacts>,
}

/// A sound, as far as it has come.
enum Sound {
    /// To be joined with others.
    Piece(Piece),
    /// Log-mel levels.
    Levels(Vec<f32>),
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
    progress: impl FnMut(usize, usize),
) -> Result<(Dataset, Vec<LeftOut>), TrainError> {
    let set = open_until(source, spec, &AtomicBool::new(false), progress)?;
    Ok((set.data, set.left_out))
}

/// As [`open`], until `stop` is set, and with all that is to be said of the files. Several files with the same sound
/// are one clip; if they have several classes, none.
///
/// # Errors
/// As [`open`], and if `stop` is set.
pub fn open_until(
    source: &FolderData,
    spec: &FrontEndSpec,
    stop: &AtomicBool,
    mut progress: impl FnMut(usize, usize),
) -> Result<FolderSet, TrainError> {
    let labels: Vec<_> = source.classes.iter().map(|class| class.label.clone()).collect();
    let genres = GenreSet::new(labels.clone()).map_err(|error| TrainError::Data {
        path: PathBuf::from("the classes"),
        message: error.to_string(),
    })?;
    let Everything {
        facts,
        mut sounds,
        mut left_out,
    } = read_all(source, spec, stop, &mut progress)?;
    let twins = Twins::of(&facts);
    let said = twins.said(&facts, &labels);
    let kept: Vec<&FileFacts> = twins.kept.iter().map(|place| &facts[*place]).collect();
    let groups = groups_of(&kept, &source.groups);
    let mut by_class: Vec<Vec<Found>> = source.classes.iter().map(|_| Vec::new()).collect();
    for ((place, facts), group) in twins.kept.iter().zip(kept).zip(groups) {
        if let Some(sound) = sounds[*place].take() {
            by_class[facts.class].push(Found {
                member: Member::of(facts, group, &source.hold_out),
                sound,
                facts: Some(facts.clone()),
            });
        }
    }
    let mut found = Vec::new();
    for (class, (wanted, mut pieces)) in source.classes.iter().zip(by_class).enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(source.seed);
        rng.set_stream(class as u64);
        if let Some(length) = wanted.joined {
            pieces = joined(pieces, length, &mut rng);
        }
        found.extend(pieces);
        found.extend((0..wanted.generated).map(|n| generated(n, class, spec.rate, &mut rng)));
    }
    let members: Vec<&Member> = found.iter().map(|found| &found.member).collect();
    let on_valid = sides(&members, &source.hold_out);
    let mut set = Sides::new(&labels);
    let mut about = Vec::new();
    for (found, validates) in found.into_iter().zip(on_valid) {
        let levels = match found.sound {
            Sound::Levels(levels) => levels,
            Sound::Piece(piece) => levels(&piece, spec)?,
        };
        if levels.len() < 2 * spec.bands {
            left_out.push(too_short(&found.member.name));
            continue;
        }
        set.add(found.member, levels, spec, (found.facts.as_ref(), validates));
        about.push((found.facts, validates));
    }
    refuse_leaks(&set.train, &set.valid)?;
    set.refuse_few(source)?;
    let known = about
        .iter()
        .filter_map(|(facts, validates)| Some(placed(facts.as_ref()?, *validates)));
    Ok(FolderSet {
        findings: findings(&set.figures, &known.collect::<Vec<_>>(), said),
        sha256: hex(&set.digest.finalize()),
        data: Dataset::new(genres, set.train, set.valid),
        left_out,
    })
}

/// All files as they were read, one entry each in `facts` and `sounds`; those that are no clips.
struct Everything {
    facts: Vec<FileFacts>,
    sounds: Vec<Option<Sound>>,
    left_out: Vec<LeftOut>,
}

fn read_all(
    source: &FolderData,
    spec: &FrontEndSpec,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Everything, TrainError> {
    let files = files_of(&source.classes)?;
    for (class, wanted) in source.classes.iter().enumerate() {
        let is_below = |folder: &Path| files.iter().any(|(path, of)| *of == class && path.starts_with(folder));
        if let Some(empty) = wanted.folders.iter().find(|folder| !is_below(folder)) {
            return Err(TrainError::Data {
                path: empty.clone(),
                message: format!("there is no file for the class {:?} in it", wanted.label),
            });
        }
    }
    let mut all = Everything {
        facts: Vec::new(),
        sounds: Vec::new(),
        left_out: Vec::new(),
    };
    for (done, (path, class)) in files.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::Stopped);
        }
        progress(done, files.len());
        match read(path, *class, spec) {
            Ok((about, piece)) => {
                // Samples take many times the room of levels.
                all.sounds.push(Some(match source.classes[*class].joined {
                    Some(_) => Sound::Piece(piece),
                    None => Sound::Levels(levels(&piece, spec)?),
                }));
                all.facts.push(about);
            }
            Err(reason) => all.left_out.push(reason),
        }
    }
    Ok(all)
}

/// Clips on their sides, and what is counted of them.
struct Sides {
    train: Vec<Clip>,
    valid: Vec<Clip>,
    figures: Vec<ClassFigures>,
    digest: Sha256,
}

impl Sides {
    fn new(labels: &[String]) -> Self {
        let figures = labels.iter().map(|label| ClassFigures {
            label: label.clone(),
            ..ClassFigures::default()
        });
        Self {
            train: Vec::new(),
            valid: Vec::new(),
            figures: figures.collect(),
            digest: Sha256::new(),
        }
    }

    fn add(
        &mut self,
        member: Member,
        levels: Vec<f32>,
        spec: &FrontEndSpec,
        (facts, validates): (Option<&FileFacts>, bool),
    ) {
        let figures = &mut self.figures[member.class];
        figures.files += 1;
        figures.duration.0 += (levels.len() / spec.bands) as f64 * spec.hop().0;
        self.digest.update(&figures.label);
        self.digest.update([0, u8::from(validates)]);
        match facts {
            Some(facts) => self.digest.update(facts.sound),
            None => self.digest.update(&member.name),
        }
        // Short training clips are repeated to the length of an excerpt, not stretched; validation clips stay as they
        // are.
        let levels = if validates { levels } else { repeated(levels, spec) };
        let clip = Clip {
            name: member.name,
            genre: GenreId(member.class as u8),
            artist: member.group,
            whole: Some(Arc::new(levels)),
            ..Clip::default()
        };
        if validates {
            figures.valid += 1;
            self.valid.push(clip);
        } else {
            figures.train += 1;
            self.train.push(clip);
        }
    }

    fn refuse_few(&self, source: &FolderData) -> Result<(), TrainError> {
        for (figures, wanted) in self.figures.iter().zip(&source.classes) {
            let (training, validation) = (figures.train, figures.valid);
            if training < LEAST_TRAIN || validation < LEAST_VALID {
                return Err(TrainError::Data {
                    path: wanted.folders.first().cloned().unwrap_or_default(),
                    message: format!(
                        "the class {:?} has {training} clips for training and {validation} for validation, and needs \
                         at least {LEAST_TRAIN} and {LEAST_VALID}: add recordings (of another group), or choose \
                         another --fold or --hold-out",
                        wanted.label
                    ),
                });
            }
        }
        Ok(())
    }
}

/// Pieces of one group, rate and side put together. A file that is its own group stays as it is.
fn joined(pieces: Vec<Found>, length: Seconds, rng: &mut ChaCha8Rng) -> Vec<Found> {
    let mut runs: Vec<(Member, Vec<Piece>)> = Vec::new();
    for found in pieces {
        let Sound::Piece(piece) = found.sound else { continue };
        let member = found.member;
        let same = |(first, pieces): &&mut (Member, Vec<Piece>)| {
            !member.group.is_empty()
                && (&first.group, pieces[0].rate, first.held_out) == (&member.group, piece.rate, member.held_out)
        };
        match runs.iter_mut().find(same) {
            Some((_, pieces)) => pieces.push(piece),
            None => runs.push((member, vec![piece])),
        }
    }
    let mut out = Vec::new();
    for (member, pieces) in runs {
        out.extend(join(pieces, length, rng).into_iter().map(|piece| Found {
            member: Member {
                name: piece.name.clone(),
                ..member.clone()
            },
            sound: Sound::Piece(piece),
            facts: None,
        }));
    }
    out
}

fn generated(number: usize, class: usize, rate: SampleRate, rng: &mut ChaCha8Rng) -> Found {
    let noise = Noise::ALL[number % Noise::ALL.len()];
    let name = format!("generated {} {number}", noise.name());
    Found {
        member: Member {
            name: name.clone(),
            class,
            group: String::new(),
            // By rounds through all kinds, so that every kind is on both sides.
            held_out: number / Noise::ALL.len() % NOISES_HELD_OUT == NOISES_HELD_OUT - 1,
        },
        sound: Sound::Piece(Piece {
            name,
            rate,
            samples: noise.samples(rate, NOISE_LENGTH, rng),
        }),
        facts: None,
    }
}
