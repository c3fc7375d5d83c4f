//! What survives a restart.
//!
//! In: a JSON file under the user's configuration folder (`~/.config/attune/settings.json` on Linux). Out:
//! [`Settings`].
//! Thread: the window's or the terminal's; files are small.

mod migrate;
mod presets;
mod recent;

use attune_engine::SourceRequest;
use attune_engine::files::{self, FileError};
use attune_engine::smoothing::SmoothingConfig;
pub use migrate::VERSION;
use migrate::{Refusal, to_today};
pub use presets::{LONGEST_PRESET, Plot, Preset, PresetError, Presets};
pub use recent::{RecentSource, RecentSources};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The most bytes of the file: one of this program's has some thousands.
const LARGEST: u64 = 1 << 20;
/// The most models of the user that are kept, and run.
pub const MOST_OWN_MODELS: usize = 4;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Which colours levels have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourMap {
    /// Dark red to light yellow.
    #[default]
    Magma,
    /// Blue over green to yellow.
    Viridis,
    /// Blue to yellow, the same for colour-blind eyes.
    Cividis,
    /// Black to white.
    Grey,
}

/// A view of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The answer, to be read from afar.
    Stage,
    /// One plot and one sentence at a time, to be shown to others.
    Lecture,
    /// All plots, to work with.
    #[default]
    Bench,
}

/// How figures are put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// For everybody.
    #[default]
    Plain,
    /// With the terms of the field.
    Expert,
}

/// How the window stands on the desktop while its view is the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageWindow {
    /// Above all other windows.
    pub on_top: bool,
    /// Without a frame.
    pub borderless: bool,
    /// What lies behind shows through; from the next start on.
    pub transparent: bool,
}

/// A page of the window's left column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Genres × models.
    #[default]
    Genres,
    /// The log of decisions.
    Decisions,
    /// The knobs of smoothing and decision.
    Knobs,
    /// Earlier sessions.
    Sessions,
    /// The heads of the attention model at the held moment.
    Heads,
}

/// A device that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its stable id.
    pub device: String,
    /// One channel (from 0); `None`: the mean of all.
    pub channel: Option<u16>,
    /// Whether it was open when the window closed: it is opened again.
    #[serde(default)]
    pub was_open: bool,
}

/// Everything that is kept. Fields that a file does not have take their defaults.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The form of the file.
    pub version: u32,
    /// Smoothing and decision.
    pub smoothing: SmoothingConfig,
    /// The device opened last; `None`: the default one.
    pub input: Option<Input>,
    /// Length of a device's buffer in milliseconds.
    pub buffer_ms: u32,
    /// Whether files are played through the speakers.
    #[serde(rename = "heard")]
    pub play_aloud: bool,
    /// Light or dark.
    pub theme: Theme,
    /// Colours of the spectrogram.
    pub colour_map: ColourMap,
    /// Levels drawn at the dark and the bright end of the colours, in dB.
    pub range_db: [f32; 2],
    /// Size of the window in points.
    pub window_size: [f32; 2],
    /// How much larger than usual everything is drawn.
    pub zoom: f32,
    /// Whether attention is laid over the spectrogram.
    pub show_attention: bool,
    /// Whether what changes the answer is shown while it is live.
    pub show_changes: bool,
    /// How many seconds the plots over time show.
    pub time_span: f64,
    /// Which of the timeline's spans was chosen; `None`: none, or the whole track.
    pub timeline_span: Option<usize>,
    /// The view that was open.
    pub view: View,
    /// The views that fill the screen.
    pub full_screen: BTreeSet<View>,
    /// The window while its view is the stage.
    pub stage: StageWindow,
    /// How the lecture puts figures into words.
    pub words: Words,
    /// The page that was open.
    pub page: Page,
    /// Models, by name, that were switched on or off by hand.
    pub models: BTreeMap<String, bool>,
    /// Manifests of models that the user loaded; at most [`MOST_OWN_MODELS`] are.
    pub own_models: Vec<String>,
    /// Whether a page is served to other programs.
    pub serve_page: bool,
    /// Arrangements of the window under names.
    pub presets: Presets,
    /// Sources opened before.
    pub recent: RecentSources,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            smoothing: SmoothingConfig::default(),
            input: None,
            buffer_ms: 10,
            play_aloud: true,
            theme: Theme::System,
            colour_map: ColourMap::Magma,
            range_db: [-50.0, 30.0],
            window_size: [1280.0, 800.0],
            zoom: 1.0,
            show_attention: true,
            show_changes: false,
            time_span: 12.0,
            timeline_span: None,
            view: View::default(),
            full_screen: BTreeSet::new(),
            stage: StageWindow::default(),
            words: Words::default(),
            page: Page::default(),
            models: BTreeMap::new(),
            own_models: Vec::new(),
            serve_page: false,
            presets: Presets::default(),
            recent: RecentSources::default(),
        }
    }
}

/// Why settings could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The system names no home.
    #[error("there is no folder for settings: set HOME or XDG_CONFIG_HOME")]
    NoFolder,
    /// The file or its folder cannot be written.
    #[error("the settings are not kept: {error}. {remedy}", error = .0, remedy = .0.remedy())]
    Write(#[from] FileError),
    /// The file is a newer program's.
    #[error(
        "the settings in {} are of version {found}, a newer program's, and stay as they are; this program \
         knows versions up to {VERSION}: use the newer one, or move the file away",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl Settings {
    /// Where the settings are.
    pub fn path() -> Result<PathBuf, SettingsError> {
        let folders = crate::folders().ok_or(SettingsError::NoFolder)?;
        Ok(folders.config_dir().join("settings.json"))
    }

    /// The settings kept, and what to say to the user if they could not be used. No file: the defaults, and nothing to
    /// say.
    pub fn load() -> (Self, Option<String>) {
        match Self::path() {
            Ok(path) => Self::load_from(&path),
            Err(error) => (Self::default(), Some(error.to_string())),
        }
    }

    /// The same from a given file. Older forms are brought to today's; a newer one's file stays where it is, and a
    /// file that cannot be understood is kept beside it as `.bak`.
    pub fn load_from(path: &Path) -> (Self, Option<String>) {
        let text = match files::read_text(path, LARGEST) {
            Ok(text) => text,
            Err(error) if error.io_error().kind() == std::io::ErrorKind::NotFound => return (Self::default(), None),
            Err(error) => {
                let message = format!(
                    "the settings in {} cannot be read: {}; defaults are used",
                    path.display(),
                    error.io_error()
                );
                return (Self::default(), Some(message));
            }
        };
        let fault = match Self::parse(&text) {
            Ok(settings) => return (settings, None),
            Err(Refusal::Newer(found)) => {
                let path = path.to_owned();
                let message = format!("{}; defaults are used", SettingsError::Newer { path, found });
                return (Self::default(), Some(message));
            }
            Err(Refusal::Broken(fault)) => fault,
        };
        let kept = path.with_extension("json.bak");
        let after = match std::fs::rename(path, &kept) {
            Ok(()) => format!("it is kept as {}", kept.display()),
            Err(error) => format!("it could not be set aside: {error}"),
        };
        let message = format!(
            "the settings in {} cannot be used ({fault}); {after}, and defaults are used",
            path.display()
        );
        (Self::default(), Some(message))
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let settings: Self =
            serde_json::from_value(to_today(text)?).map_err(|error| Refusal::Broken(error.to_string()))?;
        let smoothing = settings.smoothing.validate();
        smoothing.map_err(|error| Refusal::Broken(error.to_string()))?;
        let [low, high] = settings.range_db;
        if low.is_finite() && high.is_finite() && low < high {
            Ok(settings)
        } else {
            let fault = format!("range_db is {low} to {high}, but must rise");
            Err(Refusal::Broken(fault))
        }
    }

    /// The device to open again at the start: the one that was open at the end.
    pub fn resumed(&self) -> Option<SourceRequest> {
        let input = self.input.as_ref().filter(|input| input.was_open)?;
        Some(SourceRequest::Device {
            id: Some(input.device.clone()),
            channel: input.channel,
        })
    }

    /// Keeps the settings.
    pub fn save(&self) -> Result<(), SettingsError> {
        self.save_to(&Self::path()?)
    }

    /// The same in a given file: written beside it and then renamed, so that a crash leaves the old or the new one. A
    /// newer program's file is not written over.
    pub fn save_to(&self, path: &Path) -> Result<(), SettingsError> {
        let there = files::read_text(path, LARGEST);
        if let Ok(Err(Refusal::Newer(found))) = there.map(|text| to_today(&text)) {
            let path = path.to_owned();
            return Err(SettingsError::Newer { path, found });
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| FileError::writing(path)(error.into()))?;
        Ok(files::write_atomically(path, format!("{text}\n").as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/settings.json");
        let mut settings = Settings {
            input: Some(Input {
                device: "alsa:hw:1".to_owned(),
                channel: Some(3),
                was_open: true,
            }),
            theme: Theme::Dark,
            view: View::Stage,
            full_screen: [View::Stage, View::Lecture].into(),
            words: Words::Expert,
            page: Page::Knobs,
            timeline_span: Some(2),
            models: [("rnn".to_owned(), true)].into(),
            ..Settings::default()
        };
        settings.recent.add(RecentSource {
            is_device: false,
            id: "/music/a.mp3".to_owned(),
            name: "a.mp3".to_owned(),
        });
        settings.smoothing.enter = 0.55;
        settings.save_to(&path).unwrap();
        settings.save_to(&path).unwrap();
        assert_eq!(Settings::load_from(&path), (settings, None));
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn no_file_is_no_trouble_and_missing_fields_are_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        assert_eq!(Settings::load_from(&path), (Settings::default(), None));
        std::fs::write(&path, r#"{"version": 1, "theme": "light", "of_a_newer_minor": 7}"#).unwrap();
        let (settings, message) = Settings::load_from(&path);
        assert_eq!((settings.theme, settings.buffer_ms, message), (Theme::Light, 10, None));
    }

    #[test]
    fn settings_from_before_the_gate_keep_their_knobs_and_get_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(
            &path,
            r#"{"version": 1, "smoothing": {"enter": 0.6, "silence_hold": 0.7}}"#,
        )
        .unwrap();
        let (settings, message) = Settings::load_from(&path);
        let wanted = SmoothingConfig {
            enter: 0.6,
            silence_hold: attune_audio::units::Seconds(0.7),
            ..SmoothingConfig::default()
        };
        assert_eq!((settings.smoothing, message), (wanted, None));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_set_aside() {
        let broken = [
            ("{", "EOF"),
            (r#"{"version": 0}"#, "version is 0"),
            (r#"{"version": 2, "input": 7}"#, "invalid type"),
            (r#"{"version": 1, "smoothing": {"enter": 7.0}}"#, "enter is 7"),
            (r#"{"version": 1, "range_db": [0.0, -80.0]}"#, "must rise"),
            (r#"{"theme": "dark"}"#, "version"),
        ];
        for (text, said) in broken {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("settings.json");
            std::fs::write(&path, text).unwrap();
            let (settings, message) = Settings::load_from(&path);
            assert_eq!(settings, Settings::default());
            let message = message.unwrap();
            assert!(
                message.contains(said) && message.contains("settings.json.bak"),
                "{message}"
            );
            assert_eq!(std::fs::read_to_string(path.with_extension("json.bak")).unwrap(), text);
            assert!(!path.exists());
        }
    }

    #[test]
    fn settings_of_the_first_version_are_brought_to_today_and_kept_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let old = r#"{"version": 1, "theme": "dark", "device": "alsa:hw:1", "channel": 3, "zoom": 1.5}"#;
        std::fs::write(&path, old).unwrap();
        let (settings, message) = Settings::load_from(&path);
        let wanted = Settings {
            input: Some(Input {
                device: "alsa:hw:1".to_owned(),
                channel: Some(3),
                was_open: false,
            }),
            theme: Theme::Dark,
            zoom: 1.5,
            ..Settings::default()
        };
        assert_eq!((&settings, message), (&wanted, None));
        settings.save_to(&path).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(
            kept.contains("\"version\": 2") && !kept.contains("\"device\": null"),
            "{kept}"
        );
        assert_eq!(Settings::load_from(&path), (wanted, None));
    }

    #[test]
    fn a_newer_programs_file_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let text = r#"{"version": 99, "theme": {"by": "the sun"}}"#;
        std::fs::write(&path, text).unwrap();
        let (settings, message) = Settings::load_from(&path);
        assert_eq!(settings, Settings::default());
        let message = message.unwrap();
        for said in ["settings.json", "version 99", "up to 2", "use the newer one"] {
            assert!(message.contains(said), "{message} lacks {said}");
        }
        let refused = settings.save_to(&path).unwrap_err();
        assert!(matches!(refused, SettingsError::Newer { found: 99, .. }), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing beside it"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let error = Settings::default().save_to(&blocked.join("settings.json")).unwrap_err();
        assert!(error.to_string().contains("file/settings.json"), "{error}");
    }
}
