//! What is to be trained: classes and settings, as they are chosen, kept with the run, and carried out.
//!
//! In: choices. Out: the session and recipe of `attune train`. Thread: window; the run's own.

use attune_audio::units::Seconds;
use attune_engine::files;
use attune_train::TrainError;
use attune_train::folders::{ClassSource, FolderData};
use attune_train::grouping::GroupRule;
use attune_train::recipe::{ModelKind, Recipe};
use attune_train::session::{Credits, DataName, DataSource, SessionConfig};
use attune_train::split::Fold;
use attune_train::survey::Survey;
use attune_train::variant::Variant;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The plan's name in a run's folder; a model cannot have it.
pub(super) const FILE: &str = "run.plan.json";
/// The most bytes of a plan.
const LARGEST: u64 = 1 << 20;
/// From this median length on, sounds are taken for music.
const MUSIC: Seconds = Seconds(8.0);
/// The longest name of a model.
const LONGEST_NAME: usize = 60;

/// Which files stay together on one side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// Each by itself.
    None,
    /// Those of one artist; of files without an artist, those of one album.
    Artist,
    /// Those of one album.
    Album,
    /// Those in one folder.
    Folder,
}

impl Together {
    /// All of them, as they are offered.
    pub const ALL: [Self; 4] = [Self::Artist, Self::Album, Self::Folder, Self::None];

    /// As a choice.
    pub fn title(self) -> &'static str {
        match self {
            Self::None => "Nothing: each file by itself",
            Self::Artist => "Files of one artist (by tags)",
            Self::Album => "Files of one album (by tags)",
            Self::Folder => "Files in one folder",
        }
    }

    /// The rules.
    pub fn rules(self) -> Vec<GroupRule> {
        match self {
            Self::None => Vec::new(),
            Self::Artist => vec![GroupRule::Artist, GroupRule::Album],
            Self::Album => vec![GroupRule::Album],
            Self::Folder => vec![GroupRule::Folder],
        }
    }

    fn usual(survey: &Survey) -> Self {
        match survey.usual_groups().first() {
            Some(GroupRule::Artist) => Self::Artist,
            Some(_) => Self::Album,
            None => Self::None,
        }
    }
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The model's name: of its folder and files.
    pub name: String,
    /// The kind of model.
    pub kind: ModelKind,
    /// Whether the sounds are pieces of music or short.
    pub is_music: bool,
    /// Optimiser steps.
    pub steps: u64,
    /// Everything random comes from this.
    pub seed: u64,
    /// What stays together.
    pub together: Together,
}

impl Settings {
    /// What is usual for these files; `name` is made one that files can have.
    pub fn usual(survey: &Survey, name: &str) -> Self {
        let mut lengths: Vec<f64> = survey.files.iter().map(|file| file.duration.0).collect();
        lengths.sort_by(f64::total_cmp);
        let is_music = lengths.get(lengths.len() / 2).is_some_and(|median| *median >= MUSIC.0);
        Self {
            name: plain(name),
            kind: ModelKind::Tcn,
            is_music,
            steps: USUAL_STEPS,
            seed: 1,
            together: Together::usual(survey),
        }
    }

    /// What is wrong with the name, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() {
            Some("Give the model a name.")
        } else if !self.name.chars().all(fits) {
            Some("A name has letters from A to Z, digits, - and _ only.")
        } else if self.name.len() > LONGEST_NAME {
            Some("A name has at most 60 letters.")
        } else {
            None
        }
    }

    /// Steps between two validations, each with a checkpoint.
    pub fn every(&self) -> u64 {
        (self.steps / 20).clamp(5, 250)
    }

    fn variant(&self) -> Variant {
        if self.is_music { Variant::Music } else { Variant::Sounds }
    }

    /// The recipe for so many classes, where the split does not matter.
    pub(super) fn recipe(&self, classes: usize) -> Recipe {
        self.variant().recipe(self.kind, classes, self.seed, self.steps, None)
    }
}

/// Steps of a run, where nothing else is chosen.
pub(crate) const USUAL_STEPS: u64 = 300;

/// A name that a file can have everywhere.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain: String = name.chars().map(|c| if fits(c) { c } else { '-' }).take(40).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "model" } else { plain }.to_owned()
}

/// A class, and its folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedClass {
    /// Its label.
    pub label: String,
    /// Where its files are.
    pub folders: Vec<PathBuf>,
}

/// A run, whole: kept beside its checkpoint, so that another start of the program can continue it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The classes, in the order of the outputs.
    pub classes: Vec<PlannedClass>,
    /// Which files validate.
    pub fold: Fold,
    /// The rest.
    pub settings: Settings,
}

impl Plan {
    /// Of these classes.
    pub fn new(classes: &[ClassSource], fold: Fold, settings: Settings) -> Self {
        let classes = classes.iter().map(|class| PlannedClass {
            label: class.label.clone(),
            folders: class.folders.clone(),
        });
        Self {
            classes: classes.collect(),
            fold,
            settings,
        }
    }

    /// The plan in a run's folder; `None` if there is none that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = files::read_text(&folder.join(FILE), LARGEST).ok()?;
        let plan: Self = serde_json::from_str(&text).ok()?;
        // Its name is that of files.
        plan.settings.fault().is_none().then_some(plan)
    }

    /// Writes it to a run's folder.
    ///
    /// # Errors
    /// If it cannot be written, or a folder's name is no Unicode.
    pub fn write(&self, folder: &Path) -> Result<(), TrainError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| TrainError::Data {
            path: path.clone(),
            message: format!("{error}: rename the folder with this name"),
        })?;
        Ok(files::write_atomically(&path, text.as_bytes())?)
    }

    /// The recipe, for the classes as they were read.
    pub(super) fn recipe(&self, classes: usize) -> Recipe {
        let mut recipe = self.settings.recipe(classes);
        recipe.split.fold = Some(self.fold);
        recipe
    }

    /// The run.
    pub fn session(&self, out: &Path, resume: bool, stop: Arc<AtomicBool>) -> SessionConfig {
        let class = |class: &PlannedClass| ClassSource {
            label: class.label.clone(),
            folders: class.folders.clone(),
            ..ClassSource::default()
        };
        let data = DataSource::Folders(FolderData {
            classes: self.classes.iter().map(class).collect(),
            groups: self.settings.together.rules(),
            hold_out: self.fold.into(),
            seed: self.settings.seed,
        });
        let credits = Credits {
            name: self.settings.name.clone(),
            command: self.command(),
            data: DataName::Usual(self.data_name()),
            rights: None,
            today: || jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        };
        SessionConfig {
            resume,
            every: self.settings.every(),
            stop,
            ..SessionConfig::new(data, out.to_owned(), credits)
        }
    }

    /// The command that makes the same weights, folders by their own names.
    fn command(&self) -> String {
        let settings = &self.settings;
        let mut words = vec!["attune train".to_owned(), settings.kind.name().to_owned()];
        for class in &self.classes {
            words.push(format!("--class {}={}", class.label, names(&class.folders)));
        }
        let rules: Vec<String> = settings.together.rules().iter().map(ToString::to_string).collect();
        if !rules.is_empty() {
            words.push(format!("--group-by {}", rules.join(",")));
        }
        if settings.is_music {
            words.push("--variant music".to_owned());
        }
        words.push(format!(
            "--name {} --fold {} --out FOLDER --steps {} --seed {} --every {}",
            settings.name,
            self.fold,
            settings.steps,
            settings.seed,
            settings.every()
        ));
        words.join(" ")
    }

    /// What the data are called: the folders' own names.
    fn data_name(&self) -> String {
        let class = |class: &PlannedClass| format!("{}: {}", class.label, names(&class.folders));
        self.classes.iter().map(class).collect::<Vec<_>>().join("; ")
    }
}

fn names(folders: &[PathBuf]) -> String {
    let last = |folder: &PathBuf| {
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        name.to_string_lossy().into_owned()
    };
    folders.iter().map(last).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            classes: vec![PlannedClass {
                label: "jazz".to_owned(),
                folders: vec!["/m/jazz".into(), "/n/more".into()],
            }],
            fold: Fold::default(),
            settings: Settings {
                name: "mine".to_owned(),
                kind: ModelKind::Lstm,
                is_music: true,
                steps: 1000,
                seed: 7,
                together: Together::Artist,
            },
        }
    }

    #[test]
    fn a_plan_is_kept_and_found_again_and_a_strange_name_is_none() {
        let folder = tempfile::tempdir().unwrap();
        plan().write(folder.path()).unwrap();
        assert_eq!(Plan::read(folder.path()), Some(plan()));
        let mut strange = plan();
        strange.settings.name = "../../else".to_owned();
        strange.write(folder.path()).unwrap();
        assert_eq!(Plan::read(folder.path()), None);
    }

    #[test]
    fn the_card_names_the_command_that_makes_the_same_weights() {
        assert_eq!(
            plan().command(),
            "attune train lstm --class jazz=jazz,more --group-by artist,album --variant music --name mine --fold 1/5 \
             --out FOLDER --steps 1000 --seed 7 --every 50"
        );
        assert_eq!(plan().data_name(), "jazz: jazz,more");
    }

    #[test]
    fn names_become_names_of_files() {
        for (name, expected) in [("Jazz & Blues", "Jazz---Blues"), ("../..", "model"), ("née", "n-e")] {
            assert_eq!(plain(name), expected);
        }
    }
}
