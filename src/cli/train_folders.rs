//! `attune train` on folders of one's own: which folders are which class, what stays together, what validates.

use attune_audio::units::Seconds;
use attune_train::TrainError;
use attune_train::folders::{ClassSource, FolderData, classes_below};
use attune_train::grouping::{GroupRule, HoldOut};
use attune_train::recipe::{ModelKind, Recipe};
use attune_train::split::Fold;
use attune_train::variant::Variant;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One class from folders anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedFolders {
    label: String,
    folders: Vec<PathBuf>,
}

/// The arguments for folders of one's own.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FolderArgs {
    /// Only these sub-folders of --data, in this order
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', requires = "data")]
    classes: Vec<String>,
    /// A class from folders anywhere, in place of --data; may be repeated
    #[arg(long, value_name = "NAME=FOLDER[,FOLDER…]", value_parser = named_folders, conflicts_with = "data")]
    class: Vec<NamedFolders>,
    /// Join the files of one group to clips of this many seconds, for recordings that are too short, such as words
    #[arg(long, value_name = "NAME=SECONDS", value_parser = of_class::<f64>)]
    join: Vec<(String, f64)>,
    /// Add this many generated noises (hum, clicks, sirens, coloured noise) to a class
    #[arg(long, value_name = "NAME=COUNT", value_parser = of_class::<usize>)]
    generate: Vec<(String, usize)>,
    /// Files that must stay together, by rule: `artist` or `album` (of the file's tags), `folder` (the file's folder), or
    /// NUMBER:SEPARATOR, a field of the file's name (2:_ is `ann` in 7_ann_3.ogg); with several, the first that fits
    /// [default: each file by itself]
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    group_by: Vec<GroupRule>,
    /// Validate on the files whose path matches, `*` standing for anything; may be repeated
    #[arg(long, value_name = "PATTERN", conflicts_with = "fold")]
    hold_out: Vec<String>,
    /// Size and context of the network [default: music for clips.csv, sounds for folders]
    #[arg(long, value_enum)]
    variant: Option<Variant>,
    /// Features between front and pooling, in place of the variant's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    width: Option<u64>,
    /// Name of the model [default: its kind]
    #[arg(long, value_parser = file_name)]
    pub(super) name: Option<String>,
}

impl FolderArgs {
    /// Whether anything was typed that only folders of one's own have.
    pub(super) fn is_used(&self) -> bool {
        !(self.classes.is_empty()
            && self.class.is_empty()
            && self.join.is_empty()
            && self.generate.is_empty()
            && self.group_by.is_empty()
            && self.hold_out.is_empty())
    }

    /// Classes, groups and split.
    pub(super) fn data(&self, data: Option<&Path>, fold: Option<Fold>, seed: u64) -> Result<FolderData, TrainError> {
        let Fold { number, of } = fold.unwrap_or(Fold { number: 1, of: 5 });
        Ok(FolderData {
            classes: self.sources(data)?,
            groups: self.group_by.clone(),
            hold_out: if self.hold_out.is_empty() {
                HoldOut::Fold { number, of }
            } else {
                HoldOut::Matching(self.hold_out.clone())
            },
            seed,
        })
    }

    fn sources(&self, data: Option<&Path>) -> Result<Vec<ClassSource>, TrainError> {
        let mut classes = match data {
            Some(folder) => classes_below(folder, &self.classes)?,
            None => self
                .class
                .iter()
                .map(|named| ClassSource {
                    label: named.label.clone(),
                    folders: named.folders.clone(),
                    ..ClassSource::default()
                })
                .collect(),
        };
        for (label, length) in &self.join {
            of(&mut classes, label, "--join")?.joined = Some(Seconds(*length));
        }
        for (label, count) in &self.generate {
            of(&mut classes, label, "--generate")?.generated = *count;
        }
        Ok(classes)
    }

    /// The recipe of the variant.
    pub(super) fn recipe(&self, kind: ModelKind, indexed: bool, classes: usize, seed: u64, steps: u64) -> Recipe {
        let usual = if indexed { Variant::Music } else { Variant::Sounds };
        let width = self.width.map(|width| width as usize);
        self.variant.unwrap_or(usual).recipe(kind, classes, seed, steps, width)
    }

    /// What the data are called in the card: the folders' own names.
    pub(super) fn data_name(&self, data: Option<&Path>) -> String {
        match data {
            Some(folder) => format!("the folder {}", last(folder)),
            None => self
                .class
                .iter()
                .map(|class| format!("{}: {}", class.label, names(&class.folders)))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    /// These arguments as they would be typed again, folders by their own names.
    pub(super) fn typed(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        if !self.classes.is_empty() {
            let _ = write!(text, " --classes {}", self.classes.join(","));
        }
        for class in &self.class {
            let _ = write!(text, " --class {}={}", class.label, names(&class.folders));
        }
        for (label, length) in &self.join {
            let _ = write!(text, " --join {label}={length}");
        }
        for (label, count) in &self.generate {
            let _ = write!(text, " --generate {label}={count}");
        }
        if !self.group_by.is_empty() {
            let rules: Vec<String> = self.group_by.iter().map(ToString::to_string).collect();
            let _ = write!(text, " --group-by {}", rules.join(","));
        }
        for pattern in &self.hold_out {
            let _ = write!(text, " --hold-out '{pattern}'");
        }
        if let Some(variant) = self.variant {
            let _ = write!(text, " --variant {}", format!("{variant:?}").to_lowercase());
        }
        if let Some(width) = self.width {
            let _ = write!(text, " --width {width}");
        }
        if let Some(name) = &self.name {
            let _ = write!(text, " --name {name}");
        }
        text
    }
}

fn of<'a>(classes: &'a mut [ClassSource], label: &str, option: &str) -> Result<&'a mut ClassSource, TrainError> {
    classes
        .iter_mut()
        .find(|class| class.label == label)
        .ok_or_else(|| TrainError::Data {
            path: PathBuf::from(option),
            message: format!("there is no class {label:?}"),
        })
}

fn last(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or(folder.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn names(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| last(folder)).collect::<Vec<_>>().join(",")
}

fn named_folders(text: &str) -> Result<NamedFolders, String> {
    match text.split_once('=') {
        Some((label, folders)) if !label.is_empty() && !folders.is_empty() => Ok(NamedFolders {
            label: label.to_owned(),
            folders: folders.split(',').map(PathBuf::from).collect(),
        }),
        _ => Err("expected NAME=FOLDER, or NAME=FOLDER,FOLDER".to_owned()),
    }
}

/// `NAME=NUMBER` with a number above 0.
fn of_class<T: std::str::FromStr + PartialOrd + Default>(text: &str) -> Result<(String, T), String> {
    match text.split_once('=').map(|(label, number)| (label, number.parse::<T>())) {
        Some((label, Ok(number))) if !label.is_empty() && number > T::default() => Ok((label.to_owned(), number)),
        _ => Err("expected NAME=NUMBER with a number above 0".to_owned()),
    }
}

fn file_name(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(fine) {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits, - and _ only".to_owned())
    }
}
