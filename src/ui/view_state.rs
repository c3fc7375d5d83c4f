//! What the window alone knows: choices, notices, and what was requested in this frame.
//!
//! In: clicks and events. Out: [`Action`]s for the app to carry out. Thread: window.

use super::app::Choice;
use super::choices::{Page, Picture, PlotPlace, TIMELINE_SPANS, View};
#[cfg(feature = "lab")]
use super::lab_runner::LabCommand;
use super::notices::Notices;
#[cfg(feature = "lab")]
use super::panels::LabView;
#[cfg(feature = "train")]
use super::panels::TrainingView;
use super::panels::{
    AttributionView, BenchView, ComparedView, DecisionsView, FilesCommand, FilesView, HeadsView, InternalsView,
    LectureView, ModelsView, PresetCommand, PresetsView, SessionsView, SourceView, SpectrogramView, StageView, Step,
    TimelineView, TransportView, TuningView,
};
use super::time_view::TimeView;
#[cfg(feature = "train")]
use super::training::TrainingCommand;
use crate::sessions::SessionCommand;
use crate::settings::Settings;
use attune_audio::playback::Pace;
use attune_audio::source::SourceKind;
use attune_audio::units::Seconds;
use attune_engine::explain::Head;
use attune_engine::explain::SEGMENT;
use attune_engine::{Command, SourceRequest};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Something that a panel requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A command to the engine.
    Engine(Command),
    /// List the devices again.
    RefreshDevices,
    /// Open the bundled demo.
    PlayDemo,
    /// Hold this moment, with the cursor this many columns before the newest.
    Hold(usize),
    /// Let the held moment go.
    LetGo,
    /// Ablate these heads at the held moment.
    Study(Vec<Head>),
    /// Play these parts of the open file, from and to, and hold the moment.
    Listen(Vec<(Seconds, Seconds)>),
    /// Stop that.
    StopListening,
    /// Write what is known of the held moment to files.
    Export,
    /// Save the plot of this name as a picture.
    SavePlot(String, Picture),
    /// Write the log of decisions to files.
    ExportLog,
    /// Another song begins.
    NewSong,
    /// Smooth and decide with the knobs as they stand on their page.
    UseKnobs,
    /// List the sections as they begin, or no longer.
    ListSections(bool),
    /// Measure how surprising the sound is, or no longer.
    TraceSurprise(bool),
    /// Serve a page for other programs, or no longer.
    Serve(bool),
    /// Remove the model at this place, which the user loaded.
    RemoveModel(usize),
    /// Ask the user for files.
    Ask(Choice),
    /// Do something with the list of files.
    Files(FilesCommand),
    /// Do something with the presets.
    Preset(PresetCommand),
    /// Keep something in the history.
    Session(SessionCommand),
    /// Send the lab a command.
    #[cfg(feature = "lab")]
    Lab(LabCommand),
    /// Send the training a command.
    #[cfg(feature = "train")]
    Training(TrainingCommand),
}

/// What is said before a key ends a live session.
const LEAVE: &str = "Press D again to stop listening and play the demo.";
/// Seconds played before and after a moment.
const PLAYED_AROUND: f64 = 1.0;
/// The same where the moment itself is muted: the models need some context.
const MUTED_AROUND: f64 = 4.0;

/// The window's own state: that of each panel, and what all share.
#[derive(Debug)]
pub struct ViewState {
    /// The source bar.
    pub source: SourceView,
    /// The transport.
    pub transport: TransportView,
    /// The spectrogram.
    pub spectrogram: SpectrogramView,
    /// What changed the answer.
    pub attribution: AttributionView,
    /// The time axis of all plots over time.
    pub time: TimeView,
    /// The timeline.
    pub timeline: TimelineView,
    /// What a network does inside.
    pub internals: InternalsView,
    /// Attention heads.
    pub heads: HeadsView,
    /// Two models side by side.
    pub compared: ComparedView,
    /// The view that is open.
    pub view: View,
    /// The views that fill the screen.
    pub full_screen: BTreeSet<View>,
    /// The stage.
    pub stage: StageView,
    /// The lecture.
    pub lecture: LectureView,
    /// The bench.
    pub bench: BenchView,
    /// The page that is open.
    pub page: Page,
    /// The page of genres and models.
    pub models: ModelsView,
    /// The page of decisions.
    pub decisions: DecisionsView,
    /// The page of knobs.
    pub tuning: TuningView,
    /// The page of sessions.
    pub sessions: SessionsView,
    /// The list of presets.
    pub presets: PresetsView,
    /// The list of files.
    pub files: FilesView,
    /// The lab.
    #[cfg(feature = "lab")]
    pub lab: LabView,
    /// The training on folders of one's own.
    #[cfg(feature = "train")]
    pub training: TrainingView,
    /// Messages for the user.
    pub notices: Notices,
    /// Where the page for other programs is, if it is served.
    pub served: Option<String>,
    /// Whether the list of shortcuts is open.
    pub shortcuts_open: bool,
    /// Where exports go; `None`: the user's documents.
    pub export_folder: Option<PathBuf>,
    /// The plots of this frame.
    pub plots: Vec<PlotPlace>,
    /// What was requested in this frame.
    pub actions: Vec<Action>,
}

impl ViewState {
    /// As it was kept, with nothing open.
    pub fn new(settings: &Settings) -> Self {
        Self {
            source: SourceView::default(),
            transport: TransportView::default(),
            spectrogram: SpectrogramView {
                colour_map: settings.colour_map,
                range_db: settings.range_db.into(),
                attention: settings.show_attention,
                surprise: false,
            },
            attribution: AttributionView {
                live: settings.show_changes,
                ..AttributionView::default()
            },
            time: TimeView::new(settings.time_span),
            timeline: TimelineView {
                span: settings.timeline_span.filter(|span| *span < TIMELINE_SPANS.len()),
                ..TimelineView::default()
            },
            internals: InternalsView::default(),
            heads: HeadsView::default(),
            compared: ComparedView::default(),
            view: settings.view,
            full_screen: settings.full_screen.clone(),
            stage: StageView::new(settings.stage),
            lecture: LectureView::new(settings.words),
            bench: BenchView::default(),
            page: settings.page,
            models: ModelsView::default(),
            decisions: DecisionsView::default(),
            tuning: TuningView {
                knobs: settings.smoothing,
                in_use: settings.smoothing,
            },
            sessions: SessionsView::default(),
            presets: PresetsView::default(),
            files: FilesView::default(),
            #[cfg(feature = "lab")]
            lab: LabView::default(),
            #[cfg(feature = "train")]
            training: TrainingView::default(),
            notices: Notices::default(),
            served: None,
            shortcuts_open: false,
            export_folder: None,
            plots: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Fills the screen with this view, or no longer.
    pub fn toggle_full_screen(&mut self) {
        if !self.full_screen.remove(&self.view) {
            self.full_screen.insert(self.view);
        }
    }

    /// Whether attention is drawn over the spectrogram: in the lecture that is a step of its own.
    pub fn shows_attention(&self) -> bool {
        match self.view {
            View::Lecture => self.lecture.step == Step::Attends,
            View::Stage | View::Bench => self.spectrogram.attention,
        }
    }

    /// Whether what changes the answer is measured live: it is switched on, or a step of the lecture shows it.
    pub fn measures_changes(&self) -> bool {
        self.attribution.live || (self.view == View::Lecture && self.lecture.step == Step::Mattered)
    }

    /// Opens a page.
    pub fn turn_to(&mut self, page: Page) {
        if page == Page::Knobs && self.page != page {
            // What other knobs would have answered stands under what was.
            self.timeline.span = self.timeline.span.or(Some(0));
        }
        self.page = page;
    }

    /// Length of the file that is open; endless where it is not known.
    fn duration_secs(&self) -> f64 {
        let duration = self.source.opened.as_ref().and_then(|open| open.duration);
        duration.map_or(f64::MAX, |duration| duration.0)
    }

    /// This many seconds before and after a time of the open file, within its length.
    fn around(&self, at: Seconds, secs: f64) -> (Seconds, Seconds) {
        let end = (at.0 + secs).min(self.duration_secs());
        (Seconds((at.0 - secs).max(0.0)), Seconds(end))
    }

    /// Plays what is around a time of the file that is open, again and again.
    pub fn play_around(&mut self, at: Seconds) {
        let (start, end) = self.around(at, PLAYED_AROUND);
        self.play_between(start, end);
    }

    /// Plays what is around a time of the file that is open again and again, with silence in place of half a second at
    /// it: little enough that no model takes it for the end of the music.
    pub fn play_muted(&mut self, at: Seconds) {
        let (start, stop) = self.around(at, MUTED_AROUND);
        self.order(Command::Select(Some((start, stop))));
        self.order(Command::Mute(self.around(at, 0.5 * SEGMENT.0)));
        self.order(Command::Seek(start));
        self.order(Command::Play);
    }

    /// Plays a segment of the file that is open, again and again.
    pub fn play_between(&mut self, start: Seconds, end: Seconds) {
        self.order(Command::Select(Some((start, end))));
        self.order(Command::Seek(start));
        self.order(Command::Play);
    }

    /// Requests something.
    pub fn request(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Sends the engine a command.
    pub fn order(&mut self, command: Command) {
        self.request(Action::Engine(command));
    }

    /// Requests a file, as fast as it is: a pace is chosen for one file.
    pub fn open_file(&mut self, path: PathBuf) {
        self.open_file_at(path, Pace::Times(1.0));
    }

    /// The same at another pace.
    pub fn open_file_at(&mut self, path: PathBuf, pace: Pace) {
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        self.source.opening = Some(name);
        self.transport.pace = pace;
        self.order(Command::Open(SourceRequest::File { path, pace }));
    }

    /// Requests the demo; a live session ends by a second key only.
    pub fn ask_for_demo(&mut self) {
        let is_live = self
            .source
            .opened
            .as_ref()
            .is_some_and(|open| open.kind != SourceKind::File);
        if is_live && self.notices.current_remark().is_none_or(|(said, _)| said != LEAVE) {
            self.notices.remark(LEAVE);
        } else {
            self.request(Action::PlayDemo);
        }
    }

    /// Requests a device; `None` is the default input.
    pub fn open_device(&mut self, id: Option<String>, name: &str) {
        self.open_channel(id, name, None);
    }

    /// The same, of which only one channel counts; `None` is the mean of all.
    pub fn open_channel(&mut self, id: Option<String>, name: &str, channel: Option<u16>) {
        self.source.opening = Some(name.to_owned());
        self.source.channel = channel;
        self.order(Command::Open(SourceRequest::Device { id, channel }));
    }

    /// Shows the path field, or hides it.
    pub fn toggle_path_field(&mut self) {
        if self.source.path_field.take().is_none() {
            self.source.path_field = Some(String::new());
            self.source.focus_path_field = true;
        }
    }
}
