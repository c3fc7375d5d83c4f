//! What is in folders of one's own before anything is trained: files, classes, both sides of the split, and what is
//! wrong with them.
//!
//! In: classes with their folders. Out: a [`Survey`], whose [`Survey::assess`] splits it by any rule at once. Thread:
//! the caller's.
//!
//! [`super::folders::open`] reads the same files in the same way and splits them by the same function, so that what is
//! said here is what is trained.

use super::TrainError;
use super::findings::{Finding, findings};
use super::folder_files::{files_of, read};
use super::folders::{ClassSource, LeftOut};
use super::grouping::{GroupRule, HoldOut, folds};
use super::split::{Fold, linked_artists};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A split holds at least one of this many clips out.
const MOST_FOLDS: usize = 5;

/// SHA-256 of the samples of a sound.
pub type SoundDigest = [u8; 32];

/// What is known of one file that can be a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Where it is.
    pub path: PathBuf,
    /// Its class.
    pub class: usize,
    /// Length, without silence at the ends.
    pub duration: Seconds,
    /// The artist as its tags say; empty if they do not.
    pub artist: String,
    /// The album as its tags say; empty if they do not.
    pub album: String,
    /// Of its decoded sound: the same whatever the file is called, and whatever its tags say.
    pub sound: SoundDigest,
}

/// All files of all classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The classes.
    pub labels: Vec<String>,
    /// Files that can be clips, class by class, in the order of their paths.
    pub files: Vec<FileFacts>,
    /// Files that cannot, with their class, and why.
    pub left_out: Vec<(usize, LeftOut)>,
}

/// What one class has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassFigures {
    /// Its label.
    pub label: String,
    /// Files that can be clips, each sound once.
    pub files: usize,
    /// Their length together.
    pub duration: Seconds,
    /// Artists known by tags.
    pub artists: usize,
    /// Albums known by tags.
    pub albums: usize,
    /// Files that cannot be clips.
    pub left_out: usize,
    /// Clips that train.
    pub train: usize,
    /// Clips that validate.
    pub valid: usize,
}

/// A survey under rules of grouping and split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assessment {
    /// The classes, in the order of the outputs.
    pub classes: Vec<ClassFigures>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// Length of all clips that train.
    pub train: Seconds,
    /// Length of all clips that validate.
    pub valid: Seconds,
}

impl Assessment {
    /// Whether it can be trained on.
    pub fn is_trainable(&self) -> bool {
        !self.findings.iter().any(Finding::is_fatal)
    }
}

/// A clip on its side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed<'a> {
    pub(crate) class: usize,
    pub(crate) validates: bool,
    pub(crate) artist: &'a str,
    pub(crate) album: &'a str,
}

impl Survey {
    /// Reads every file of every class. `progress` gets files read, their total, and the next file. A class without
    /// files is no error here.
    ///
    /// # Errors
    /// If a folder cannot be read, or `stop` is set meanwhile.
    pub fn read(
        classes: &[ClassSource],
        spec: &FrontEndSpec,
        stop: &AtomicBool,
        mut progress: impl FnMut(usize, usize, &Path),
    ) -> Result<Self, TrainError> {
        let paths = files_of(classes)?;
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        for (done, (path, class)) in paths.iter().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Err(TrainError::Stopped);
            }
            progress(done, paths.len(), path);
            match read(path, *class, spec) {
                Ok((facts, _)) => files.push(facts),
                Err(reason) => left_out.push((*class, reason)),
            }
        }
        Ok(Self {
            labels: classes.iter().map(|class| class.label.clone()).collect(),
            files,
            left_out,
        })
    }

    /// What the rules make of it: sides, figures of the classes, what is wrong.
    pub fn assess(&self, groups: &[GroupRule], hold_out: &HoldOut) -> Assessment {
        let twins = Twins::of(&self.files);
        let files: Vec<&FileFacts> = twins.kept.iter().map(|place| &self.files[*place]).collect();
        let groups = groups_of(&files, groups);
        let clips: Vec<_> = files
            .iter()
            .zip(groups)
            .map(|(file, group)| Member::of(file, group, hold_out))
            .collect();
        let sides = sides(&clips.iter().collect::<Vec<_>>(), hold_out);
        let figures = |class: usize| {
            let of_class = || files.iter().zip(&sides).filter(move |(file, _)| file.class == class);
            let known = |what: fn(&FileFacts) -> &str| {
                let values = of_class().map(|(file, _)| what(file).to_lowercase());
                values.filter(|value| !value.is_empty()).collect::<BTreeSet<_>>().len()
            };
            ClassFigures {
                label: self.labels[class].clone(),
                files: of_class().count(),
                duration: total(of_class().map(|(file, _)| *file)),
                artists: known(|file| &file.artist),
                albums: known(|file| &file.album),
                left_out: self.left_out.iter().filter(|(of, _)| *of == class).count(),
                train: of_class().filter(|(_, validates)| !**validates).count(),
                valid: of_class().filter(|(_, validates)| **validates).count(),
            }
        };
        let classes: Vec<_> = (0..self.labels.len()).map(figures).collect();
        let placed: Vec<_> = files
            .iter()
            .zip(&sides)
            .map(|(file, side)| placed(file, *side))
            .collect();
        let of_side = |side: bool| {
            let both = files.iter().zip(&sides);
            total(
                both.filter(move |(_, validates)| **validates == side)
                    .map(|(file, _)| *file),
            )
        };
        Assessment {
            findings: findings(&classes, &placed, twins.said(&self.files, &self.labels)),
            train: of_side(false),
            valid: of_side(true),
            classes,
        }
    }

    /// The first split, of one that holds a fifth of the clips out to one that holds half of them out, in which every
    /// class has enough clips on either side, and what it makes of the files; else the first of all.
    pub fn usual_split(&self, groups: &[GroupRule]) -> (Fold, Assessment) {
        let folds = (2..=MOST_FOLDS).rev();
        let folds = folds.flat_map(|of| (1..=of).map(move |number| Fold { number, of }));
        let mut first = None;
        for fold in folds {
            let assessment = self.assess(groups, &fold.into());
            if assessment.is_trainable() {
                return (fold, assessment);
            }
            first.get_or_insert((fold, assessment));
        }
        first.unwrap_or_default()
    }

    /// The rules that keep apart what the tags tell apart: by artist, or by album; none where there are no tags.
    pub fn usual_groups(&self) -> Vec<GroupRule> {
        let has = |what: fn(&FileFacts) -> &str| self.files.iter().any(|file| !what(file).is_empty());
        let artist = has(|file| &file.artist).then_some(GroupRule::Artist);
        let album = has(|file| &file.album).then_some(GroupRule::Album);
        artist.into_iter().chain(album).collect()
    }

    /// Length of all files together.
    pub fn duration(&self) -> Seconds {
        total(self.files.iter())
    }
}

fn total<'a>(files: impl Iterator<Item = &'a FileFacts>) -> Seconds {
    Seconds(files.map(|file| file.duration.0).sum())
}

pub(crate) fn placed(file: &FileFacts, validates: bool) -> Placed<'_> {
    Placed {
        class: file.class,
        validates,
        artist: &file.artist,
        album: &file.album,
    }
}

/// Files with the same sound.
pub(crate) struct Twins {
    /// Places of the files that count: of several with one sound and one class the first, of those with several classes
    /// none.
    pub(crate) kept: Vec<usize>,
    /// Places of files that have one sound.
    sets: Vec<Vec<usize>>,
}

impl Twins {
    pub(crate) fn of(files: &[FileFacts]) -> Self {
        let mut by_sound: BTreeMap<&SoundDigest, Vec<usize>> = BTreeMap::new();
        for (place, file) in files.iter().enumerate() {
            by_sound.entry(&file.sound).or_default().push(place);
        }
        let is_one_class = |places: &[usize]| places.iter().all(|place| files[*place].class == files[places[0]].class);
        let kept = by_sound.values().filter(|places| is_one_class(places));
        let mut kept: Vec<usize> = kept.map(|places| places[0]).collect();
        kept.sort_unstable();
        let mut sets: Vec<_> = by_sound.into_values().filter(|places| places.len() > 1).collect();
        sets.sort();
        Self { kept, sets }
    }

    /// What there is to say of them.
    pub(crate) fn said(&self, files: &[FileFacts], labels: &[String]) -> Vec<Finding> {
        let of_set = |places: &Vec<usize>| {
            let named = |place: &usize| (files[*place].path.as_path(), labels[files[*place].class].as_str());
            Finding::twins(&places.iter().map(named).collect::<Vec<_>>())
        };
        self.sets.iter().map(of_set).collect()
    }
}

/// The group of each file by the first rule that fits; empty: it is its own.
pub(crate) fn groups_of(files: &[&FileFacts], rules: &[GroupRule]) -> Vec<String> {
    let artists: Vec<&str> = files.iter().map(|file| file.artist.as_str()).collect();
    let artists = if rules.contains(&GroupRule::Artist) {
        linked_artists(&artists)
    } else {
        vec![String::new(); files.len()]
    };
    let group = |(file, artist): (&&FileFacts, String)| {
        let mut groups = rules.iter().filter_map(|rule| match rule {
            GroupRule::Artist => Some(artist.clone()).filter(|artist| !artist.is_empty()),
            GroupRule::Album => Some(file.album.to_lowercase()).filter(|album| !album.is_empty()),
            GroupRule::Folder | GroupRule::Field { .. } => rule.group(&file.path),
        });
        groups.next().unwrap_or_default()
    };
    files.iter().zip(artists).map(group).collect()
}

/// What a split goes by.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) class: usize,
    /// Empty: its own.
    pub(crate) group: String,
    /// Whether it validates where folds do not decide.
    pub(crate) held_out: bool,
}

impl Member {
    pub(crate) fn of(file: &FileFacts, group: String, hold_out: &HoldOut) -> Self {
        let name = file.path.to_string_lossy().into_owned();
        Self {
            held_out: hold_out.names(&name),
            name,
            class: file.class,
            group,
        }
    }
}

/// Whether each validates.
pub(crate) fn sides(clips: &[&Member], hold_out: &HoldOut) -> Vec<bool> {
    match hold_out {
        HoldOut::Matching(_) => clips.iter().map(|clip| clip.held_out).collect(),
        HoldOut::Fold { number, of } => {
            let own = |clip: &&Member| {
                let group = if clip.group.is_empty() { &clip.name } else { &clip.group };
                (group.clone(), clip.class)
            };
            let clips: Vec<_> = clips.iter().map(own).collect();
            folds(&clips, *of).into_iter().map(|fold| fold + 1 == *number).collect()
        }
    }
}
