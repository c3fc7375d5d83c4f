//! What the window alone knows: choices, notices, and what was asked for in this frame.
//!
//! In: clicks and events. Out: [`Action`]s for the app to carry out. Thread: window.

use super::choices::{AttributionChoice, Internals, LabChoice, Page, Picture, PlotPlace, Shows, TrackDrag, TrackShows};
use super::decisions::Filter;
use super::lab_runner::LabCommand;
use super::notices::Notices;
use super::time_view::TimeView;
use super::traces::UnitValue;
use crate::sessions::SessionCommand;
use crate::settings::{ColourMap, Settings};
use attune_audio::playback::Pace;
use attune_audio::source::OpenedSource;
use attune_audio::units::Seconds;
use attune_engine::explain::Head;
use attune_engine::explain::pointing_game::SEGMENT;
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Command, SourceRequest};
use std::path::PathBuf;

/// Something that a panel asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// An order to the engine.
    Engine(Command),
    /// List the devices again.
    RefreshDevices,
    /// Open the bundled demo.
    PlayDemo,
    /// Hold this moment, with the cursor so many columns before the newest.
    Hold(usize),
    /// Let the held moment go.
    LetGo,
    /// Ask what these heads do in the held moment.
    Study(Vec<Head>),
    /// Write what is known of the held moment to files.
    Export,
    /// Save the plot of this name as a picture.
    SavePlot(String, Picture),
    /// Write the log of decisions to files.
    ExportLog,
    /// Smooth and decide with the knobs as they stand on their page.
    UseKnobs,
    /// Keep something in the history.
    Session(SessionCommand),
    /// Give the lab an order.
    Lab(LabCommand),
}

/// Seconds heard before and after a moment that is to be heard.
const HEARD_AROUND: f64 = 1.0;
/// The same where the moment itself is muted: the engines need some time before and after it.
const WITHOUT_AROUND: f64 = 4.0;

/// The window's own state.
#[derive(Debug)]
pub struct ViewState {
    /// What is really open.
    pub opened: Option<OpenedSource>,
    /// What was asked for and has not opened yet.
    pub opening: Option<String>,
    /// Messages for the user.
    pub notices: Notices,
    /// The path being typed, if the field is open.
    pub path_field: Option<String>,
    /// Whether the path field should take the keyboard in the next frame.
    pub focus_path_field: bool,
    /// Whether the list of shortcuts is open.
    pub shortcuts_open: bool,
    /// Where the seek slider is being dragged to.
    pub seeking_to: Option<Seconds>,
    /// How fast files play.
    pub pace: Pace,
    /// Colours of the spectrogram.
    pub colour_map: ColourMap,
    /// Level drawn darkest and level drawn lightest, in dB re full scale.
    pub range_db: (f32, f32),
    /// What is shown beside the spectrogram itself.
    pub shows: Shows,
    /// What of the changes is shown.
    pub attribution: AttributionChoice,
    /// What of the past the plots over time show.
    pub time: TimeView,
    /// Which of [`TIMELINE_SPANS`]; `None`: the whole track of a file, the first of them otherwise.
    pub timeline_span: Option<usize>,
    /// What the track of a file shows.
    pub track_shows: TrackShows,
    /// What is being dragged over the track.
    pub track_drag: Option<TrackDrag>,
    /// What is looked into, as it was chosen; [`super::panels::Scene::inside`] tells what can be.
    pub internals: Internals,
    /// Which of the values of gated units is drawn.
    pub unit_value: UnitValue,
    /// The page that is open.
    pub page: Page,
    /// The head that is looked at.
    pub head: Option<Head>,
    /// The head whose row was under the pointer in the last frame.
    pub pointed_head: Option<Head>,
    /// Which decisions are listed.
    pub log_filter: Filter,
    /// What the decisions are searched for.
    pub log_search: String,
    /// What the sessions are searched for.
    pub session_search: String,
    /// The note that is being written, and on which session.
    pub note: Option<(i64, String)>,
    /// The knobs as they stand on their page.
    pub knobs: SmoothingConfig,
    /// The knobs that the engine uses.
    pub knobs_in_use: SmoothingConfig,
    /// What is chosen in the lab.
    pub lab: LabChoice,
    /// Where exports go; `None`: the user's documents.
    pub export_folder: Option<PathBuf>,
    /// The plots of this frame.
    pub plots: Vec<PlotPlace>,
    /// What was asked for in this frame.
    pub actions: Vec<Action>,
}

impl ViewState {
    /// As it was kept, with nothing open.
    pub fn new(settings: &Settings) -> Self {
        Self {
            opened: None,
            opening: None,
            notices: Notices::default(),
            path_field: None,
            focus_path_field: false,
            shortcuts_open: false,
            seeking_to: None,
            pace: Pace::Times(1.0),
            colour_map: settings.colour_map,
            range_db: settings.range_db.into(),
            shows: Shows {
                attention: settings.show_attention,
                changes: settings.show_changes,
            },
            attribution: AttributionChoice::default(),
            time: TimeView::new(settings.time_span),
            timeline_span: None,
            track_shows: TrackShows::default(),
            track_drag: None,
            internals: Internals::default(),
            unit_value: UnitValue::default(),
            page: Page::default(),
            head: None,
            pointed_head: None,
            log_filter: Filter::default(),
            log_search: String::new(),
            session_search: String::new(),
            note: None,
            knobs: settings.smoothing,
            knobs_in_use: settings.smoothing,
            lab: LabChoice::default(),
            export_folder: None,
            plots: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Opens a page.
    pub fn turn_to(&mut self, page: Page) {
        if page == Page::Knobs && self.page != page {
            // What other knobs would have answered stands under what was.
            self.timeline_span = self.timeline_span.or(Some(0));
        }
        self.page = page;
    }

    /// Plays what is around a time of the file that is open, again and again.
    pub fn hear_around(&mut self, at: Seconds) {
        let end = self
            .opened
            .as_ref()
            .and_then(|open| open.duration)
            .map_or(f64::MAX, |it| it.0);
        let start = Seconds((at.0 - HEARD_AROUND).max(0.0));
        self.hear_between(start, Seconds((at.0 + HEARD_AROUND).min(end)));
    }

    /// Plays what is around a time of the file that is open again and again, with silence in place of half a second at it: little enough
    /// that no engine takes it for the end of the music.
    pub fn hear_without(&mut self, at: Seconds) {
        let end = self
            .opened
            .as_ref()
            .and_then(|open| open.duration)
            .map_or(f64::MAX, |it| it.0);
        let around = |by: f64| (Seconds((at.0 - by).max(0.0)), Seconds((at.0 + by).min(end)));
        let (start, stop) = around(WITHOUT_AROUND);
        self.order(Command::Select(Some((start, stop))));
        self.order(Command::Mute(around(0.5 * SEGMENT.0)));
        self.order(Command::Seek(start));
        self.order(Command::Play);
    }

    /// Plays a stretch of the file that is open, again and again.
    pub fn hear_between(&mut self, start: Seconds, end: Seconds) {
        self.order(Command::Select(Some((start, end))));
        self.order(Command::Seek(start));
        self.order(Command::Play);
    }

    /// Asks for something.
    pub fn ask(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Gives the engine an order.
    pub fn order(&mut self, command: Command) {
        self.ask(Action::Engine(command));
    }

    /// Asks for a file at the chosen pace.
    pub fn open_file(&mut self, path: PathBuf) {
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        self.opening = Some(name);
        let pace = self.pace;
        self.order(Command::Open(SourceRequest::File { path, pace }));
    }

    /// Asks for a device; `None` is the default input.
    pub fn open_device(&mut self, id: Option<String>, name: &str) {
        self.opening = Some(name.to_owned());
        self.order(Command::Open(SourceRequest::Device { id, channel: None }));
    }

    /// Shows the path field, or hides it.
    pub fn toggle_path_field(&mut self) {
        if self.path_field.take().is_none() {
            self.path_field = Some(String::new());
            self.focus_path_field = true;
        }
    }
}
