//! What is wrong with a data set of one's own, in words: leaks between training and validation, sounds that are there
//! twice, classes that are too small or very unequal.
//!
//! In: figures of the classes, clips on their sides. Out: [`Finding`]s, the worst first. Thread: any.

use super::split::members;
use super::survey::{ClassFigures, Placed};
use attune_engine::text::Printable;
use attune_model::genre::MAX_CLASSES;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The least clips of a class on either side; below, nothing is trained.
pub(crate) const LEAST_TRAIN: usize = 2;
/// As [`LEAST_TRAIN`], of validation.
pub(crate) const LEAST_VALID: usize = 1;
/// With fewer files, at most two of a class validate: what is measured of it says little.
const FEW_FILES: usize = 15;
/// The longest class is more than this many times as long as the shortest.
const UNEQUAL: f64 = 4.0;

/// What kind of thing is wrong. The first ones are the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// There cannot be so many or so few classes.
    Classes,
    /// A class has too few clips on a side: nothing can be trained.
    TooFew,
    /// The same sound has several classes.
    SameSoundTwoClasses,
    /// An artist is on both sides.
    ArtistOnBothSides,
    /// An album is on both sides.
    AlbumOnBothSides,
    /// A class has few files.
    Few,
    /// Classes are very unequal.
    Unequal,
    /// The same sound is there twice in a class.
    SameSound,
}

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// What is wrong, with names. Printable.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}. {}", self.message, self.remedy)
    }
}

impl Finding {
    /// Whether nothing can be trained.
    pub fn is_fatal(&self) -> bool {
        matches!(self.kind, FindingKind::Classes | FindingKind::TooFew)
    }

    /// Whether validation would tell more than is true.
    pub fn is_leak(&self) -> bool {
        matches!(
            self.kind,
            FindingKind::ArtistOnBothSides | FindingKind::AlbumOnBothSides
        )
    }

    /// Of files with one sound: their paths and classes.
    pub(crate) fn twins(files: &[(&Path, &str)]) -> Self {
        let is_one_class = files.iter().all(|(_, class)| *class == files[0].1);
        let shown = files.iter().take(3).map(|(path, class)| {
            let path = Printable::path(path);
            if is_one_class {
                path.to_string()
            } else {
                format!("{path} ({})", Printable(class))
            }
        });
        let mut shown = shown.collect::<Vec<_>>().join(" and ");
        if files.len() > 3 {
            shown = format!("{shown} and {} more", files.len() - 3);
        }
        if is_one_class {
            Self {
                kind: FindingKind::SameSound,
                message: format!("{shown} have the same sound: it counts once"),
                remedy: "Nothing need be done; delete the copies to be rid of this line.",
            }
        } else {
            Self {
                kind: FindingKind::SameSoundTwoClasses,
                message: format!("{shown} have the same sound but not the same class: none of them is used"),
                remedy: "Keep the file in the folder where it belongs, and delete the others.",
            }
        }
    }
}

/// All that is wrong.
pub(crate) fn findings(classes: &[ClassFigures], clips: &[Placed<'_>], twins: Vec<Finding>) -> Vec<Finding> {
    let mut all = twins;
    if !(2..=MAX_CLASSES).contains(&classes.len()) {
        all.push(Finding {
            kind: FindingKind::Classes,
            message: format!("There are {} classes; a model has 2 to {MAX_CLASSES}", classes.len()),
            remedy: "Put the audio of each class into a folder of its name.",
        });
    }
    all.extend(classes.iter().filter_map(too_few));
    all.extend(
        on_both_sides(clips, |clip| members(clip.artist)).map(|(name, [train, valid])| Finding {
            kind: FindingKind::ArtistOnBothSides,
            message: format!(
                "The artist {} is in training ({}) and in validation ({})",
                quoted(&name),
                clips_in_words(train),
                clips_in_words(valid)
            ),
            remedy: "Keep the files of one artist together: otherwise validation measures whether the artist is \
                 recognised.",
        }),
    );
    all.extend(
        on_both_sides(clips, |clip| vec![clip.album.to_lowercase()]).map(|(name, [train, valid])| Finding {
            kind: FindingKind::AlbumOnBothSides,
            message: format!(
                "The album {} is in training ({}) and in validation ({})",
                quoted(&name),
                clips_in_words(train),
                clips_in_words(valid)
            ),
            remedy: "Keep the files of one album together: otherwise validation measures whether the recording is \
                 recognised.",
        }),
    );
    all.extend(unequal(classes));
    all.sort_by_key(|finding| finding.kind);
    all
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", Printable(name))
}

fn clips_in_words(count: usize) -> String {
    match count {
        1 => "1 clip".to_owned(),
        count => format!("{count} clips"),
    }
}

fn too_few(class: &ClassFigures) -> Option<Finding> {
    let label = quoted(&class.label);
    if class.train < LEAST_TRAIN || class.valid < LEAST_VALID {
        return Some(Finding {
            kind: FindingKind::TooFew,
            message: format!(
                "The class {label} has {} for training and {} for validation, and needs at least {LEAST_TRAIN} and \
                 {LEAST_VALID}",
                clips_in_words(class.train),
                class.valid
            ),
            remedy: "Add recordings (of another artist or group, where those are kept together), or keep less together.",
        });
    }
    (class.files < FEW_FILES).then(|| Finding {
        kind: FindingKind::Few,
        message: format!(
            "The class {label} has {}, of which {} for validation: its accuracy will be uncertain",
            clips_in_words(class.files),
            class.valid
        ),
        remedy: "Add recordings; 50 or more of each class are a good beginning.",
    })
}

/// Names, in lower case, that are on both sides, and how many clips of each are there: training, validation.
fn on_both_sides<'a>(
    clips: &[Placed<'a>],
    names: impl Fn(&Placed<'a>) -> Vec<String>,
) -> impl Iterator<Item = (String, [usize; 2])> {
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for clip in clips {
        for name in names(clip).into_iter().filter(|name| !name.is_empty()) {
            counts.entry(name).or_default()[usize::from(clip.validates)] += 1;
        }
    }
    let both = counts.into_iter();
    both.filter(|(_, [train, valid])| *train > 0 && *valid > 0)
}

fn unequal(classes: &[ClassFigures]) -> Option<Finding> {
    let with_any = || classes.iter().filter(|class| class.files > 0);
    let by_length = |a: &&ClassFigures, b: &&ClassFigures| a.duration.0.total_cmp(&b.duration.0);
    let (least, most) = (with_any().min_by(by_length)?, with_any().max_by(by_length)?);
    (most.duration.0 > UNEQUAL * least.duration.0).then(|| Finding {
        kind: FindingKind::Unequal,
        message: format!(
            "The class {} has {:.0} times as much sound as {}",
            quoted(&most.label),
            most.duration.0 / least.duration.0.max(1e-3),
            quoted(&least.label)
        ),
        remedy: "Add recordings to the smaller class: what is rare is answered too rarely.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::Seconds;

    fn class(label: &str, files: usize, valid: usize, secs: f64) -> ClassFigures {
        ClassFigures {
            label: label.to_owned(),
            files,
            duration: Seconds(secs),
            train: files - valid,
            valid,
            ..ClassFigures::default()
        }
    }

    fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
        findings.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn sizes_of_classes_are_judged() {
        let good = [class("a", 40, 8, 100.0), class("b", 40, 8, 390.0)];
        assert_eq!(findings(&good, &[], Vec::new()), []);
        let unequal = [class("a", 40, 8, 100.0), class("b", 40, 8, 410.0)];
        assert_eq!(kinds(&findings(&unequal, &[], Vec::new())), [FindingKind::Unequal]);
        let few = [class("a", 14, 3, 100.0), class("b", 1, 0, 100.0)];
        let found = findings(&few, &[], Vec::new());
        assert_eq!(kinds(&found), [FindingKind::TooFew, FindingKind::Few]);
        assert!(found[0].is_fatal() && !found[1].is_fatal());
        assert!(
            found[0]
                .message
                .contains("\"b\" has 1 clip for training and 0 for validation")
        );
        assert_eq!(kinds(&findings(&good[..1], &[], Vec::new())), [FindingKind::Classes]);
    }

    #[test]
    fn who_is_on_both_sides_is_named_whatever_the_case_and_the_unknown_are_not() {
        let clip = |artist: &'static str, album: &'static str, validates: bool| Placed {
            class: 0,
            validates,
            artist,
            album,
        };
        let good = [class("a", 40, 8, 100.0), class("b", 40, 8, 100.0)];
        let clips = [
            clip("Nina", "One", false),
            clip("NINA feat. Miles", "Two", true),
            clip("Miles", "Three", false),
            clip("Chet", "Three", true),
            clip("", "", true),
            clip("", "", false),
        ];
        let found = findings(&good, &clips, Vec::new());
        let artist = FindingKind::ArtistOnBothSides;
        assert_eq!(kinds(&found), [artist, artist, FindingKind::AlbumOnBothSides]);
        assert!(found.iter().all(Finding::is_leak));
        assert!(
            found[1].message.contains("\"nina\" is in training (1 clip)"),
            "{}",
            found[1]
        );
    }

    #[test]
    fn names_of_strangers_are_printable() {
        let evil = Path::new("/x/a\u{202e}\n.wav");
        let said = Finding::twins(&[(evil, "a"), (Path::new("/x/b.wav"), "b\u{1b}[2J")]).to_string();
        assert!(said.contains("same sound but not the same class"), "{said}");
        assert!(!said.contains(['\n', '\u{202e}', '\u{1b}']), "{said}");
    }
}
