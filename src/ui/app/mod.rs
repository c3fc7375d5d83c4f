//! The window's frame loop: `logic` drains what the engine sent, `ui` paints it.
//!
//! In: snapshots and events. Out: commands. Thread: window.

mod dialog;
mod events;
mod holding;
mod internals;
mod keeping;
mod knobs;
mod layout;
mod link;
mod listening;
mod observers;
mod own_models;
mod presets;
mod saving;
mod serving;
mod signals;
#[cfg(feature = "train")]
mod training;
mod viewport;

use super::answers::Answers;
use super::choices::View;
use super::decisions::DecisionLog;
use super::devices::{DeviceList, ListDevices};
use super::export::Export;
use super::file_list::FileList;
use super::held_moment::HeldMoment;
use super::history::History;
use super::job::{Job, JobError};
#[cfg(feature = "lab")]
use super::lab_runner::LabRunner;
use super::live_attribution::LiveAttribution;
use super::notices::{Problem, Severity};
use super::panels::{ModelInfo, Pictures, printable};
use super::session_recorder::SessionRecorder;
use super::song_list::SongList;
use super::theme;
use super::traces::Traces;
use super::track::Track;
#[cfg(feature = "train")]
use super::training::Training;
use super::view_state::{Action, ViewState};
use crate::demo;
use crate::publisher::Publisher;
use crate::settings::Settings;
use attune_audio::playback::{Pace, play_aloud};
use attune_engine::{Command, Snapshot, SourceRequest};
use attune_model::ModelSet;
use crossbeam_channel::TrySendError;
use dialog::Dialog;
pub use dialog::{AskForPaths, Choice};
use eframe::egui;
use jiff::Timestamp;
pub(super) use keeping::on_at_first;
use knobs::KnobReplay;
pub use link::EngineLink;
use listening::ListenError;
pub use listening::PlayAloud;
use observers::Observers;
use own_models::{LONGEST_REASON, OwnModels};
use saving::Saving;
pub use signals::Signals;
pub(super) use signals::notify;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use viewport::Placed;

/// How long a frame may drain events before it paints.
const DRAIN_BUDGET: Duration = Duration::from_millis(10);

/// How long a window that closes waits for the checkpoint of a training.
#[cfg(feature = "train")]
const CLOSING: Duration = Duration::from_secs(5);

/// The window.
pub struct App {
    link: EngineLink,
    models: Models,
    played: Played,
    jobs: Jobs,
    view: ViewState,
    pictures: Pictures,
    settings: Settings,
    signals: Arc<Signals>,
    /// Other programs that are told what is heard.
    publisher: Option<Publisher>,
    /// What the desktop was told of the window.
    placed: Placed,
    /// Where what mattered is played.
    output: PlayAloud,
    /// How the user is asked for files.
    ask: AskForPaths,
    ctx: egui::Context,
}

/// The models in use.
struct Models {
    info: ModelInfo,
    /// For explanations, prescans and other work beside the engine; `None` in a window without models of its own.
    set: Option<ModelSet>,
    /// Which of them are switched on.
    on: Vec<bool>,
    /// How often others took their place: what the engine sends of those that ran before is not taken.
    replaced: u64,
}

impl Models {
    /// The models switched on, and the gate.
    fn that_are_on(&self) -> Option<ModelSet> {
        let mut set = self.set.clone()?;
        let mut on = self.on.iter().chain(std::iter::repeat(&true));
        set.models.retain(|_| on.next() == Some(&true));
        Some(set)
    }
}

/// What was played, and the models' answers.
#[derive(Default)]
struct Played {
    history: History,
    answers: Answers,
    log: DecisionLog,
    /// The file that is open, as a whole.
    track: Option<Track>,
    recorder: SessionRecorder,
    songs: SongList,
}

/// What is under way beside the window.
struct Jobs {
    devices: DeviceList,
    held: Option<HeldMoment>,
    /// What changes the answer while nothing is held.
    live_attribution: LiveAttribution,
    /// What the knobs on their page would have answered.
    knob_replay: Option<KnobReplay>,
    /// The units of the recurrent model that is shown.
    traces: Option<Traces>,
    #[cfg(feature = "lab")]
    lab: LabRunner,
    #[cfg(feature = "train")]
    training: Training,
    export: Export,
    /// Files that are analysed one after the other.
    files: FileList,
    /// What runs beside the models.
    observers: Observers,
    /// Models of the user.
    own_models: OwnModels,
    /// The dialog for files.
    dialog: Dialog,
    /// What mattered, while it is played.
    listening: Job<(), ListenError>,
    /// The plot that is being saved.
    saving: Option<Saving>,
}

impl App {
    /// A window over the ends of an engine's channels. Lists devices at once, in the background.
    pub fn new(
        ctx: &egui::Context,
        link: EngineLink,
        model_info: ModelInfo,
        settings: Settings,
        list: ListDevices,
    ) -> Self {
        theme::install(ctx);
        ctx.set_theme(theme::preference(settings.theme));
        ctx.set_zoom_factor(settings.zoom.clamp(0.5, 4.0));
        let mut devices = DeviceList::new(list);
        let repaint = ctx.clone();
        devices.refresh(move || repaint.request_repaint());
        Self {
            link,
            models: Models {
                on: on_at_first(&model_info, &settings),
                info: model_info,
                set: None,
                replaced: 0,
            },
            played: Played::default(),
            jobs: Jobs {
                devices,
                held: None,
                live_attribution: LiveAttribution::default(),
                knob_replay: None,
                traces: None,
                #[cfg(feature = "lab")]
                lab: LabRunner::new(None),
                #[cfg(feature = "train")]
                training: Training::new(None, || ()),
                export: Export::Idle,
                files: FileList::default(),
                observers: Observers::default(),
                own_models: OwnModels::default(),
                dialog: Dialog::default(),
                listening: Job::Idle,
                saving: None,
            },
            view: ViewState::new(&settings),
            pictures: Pictures::default(),
            settings,
            signals: Arc::default(),
            publisher: None,
            placed: Placed::default(),
            output: Arc::new(play_aloud),
            ask: Arc::new(dialog::ask),
            ctx: ctx.clone(),
        }
    }

    /// The models that explain a held moment, and that prescan files.
    #[must_use]
    pub fn with_models(mut self, models: ModelSet) -> Self {
        self.models.set = Some(models);
        if self.settings.serve_page {
            self.serve(true);
        }
        self
    }

    /// Closes the window when these say so, and tells them how often to repaint.
    #[must_use]
    pub fn with_signals(mut self, signals: Arc<Signals>) -> Self {
        self.signals = signals;
        self
    }

    /// Keeps sessions in this file.
    #[must_use]
    pub fn with_history(mut self, path: PathBuf) -> Self {
        let repaint = self.ctx.clone();
        self.played.recorder.begin(path, move || repaint.request_repaint());
        self
    }

    /// Keeps what labs have finished in this folder.
    #[cfg(feature = "lab")]
    #[must_use]
    pub fn with_lab_folder(mut self, folder: PathBuf) -> Self {
        self.jobs.lab = LabRunner::new(Some(folder));
        self
    }

    /// The lab.
    #[cfg(feature = "lab")]
    pub fn lab(&self) -> &LabRunner {
        &self.jobs.lab
    }

    /// The file that is open, as a whole.
    pub fn track(&self) -> Option<&Track> {
        self.played.track.as_ref()
    }

    /// The files that are analysed beside what plays.
    pub fn file_list(&self) -> &FileList {
        &self.jobs.files
    }

    /// The moment that is held.
    pub fn held(&self) -> Option<&HeldMoment> {
        self.jobs.held.as_ref()
    }

    /// The newest snapshot of the engine.
    pub fn snapshot(&self) -> &Snapshot {
        self.link.snapshots.output_buffer()
    }

    /// What the window alone knows.
    pub fn view(&self) -> &ViewState {
        &self.view
    }

    /// The same, to be set up before the first frame.
    pub fn view_mut(&mut self) -> &mut ViewState {
        &mut self.view
    }

    /// Opens a source.
    pub fn open(&mut self, request: SourceRequest) {
        match request {
            SourceRequest::File { path, pace } => {
                self.view.open_file_at(path, pace);
            }
            SourceRequest::Device { id, channel } => {
                let name = id.clone().unwrap_or_else(|| "the default input".to_owned());
                self.view.open_channel(id, &name, channel);
            }
        }
    }

    /// Takes over what the engine sent, and carries out what the last frame requested. Paints nothing.
    pub fn drain(&mut self, ctx: &egui::Context) {
        let begun = Instant::now();
        self.jobs.devices.poll();
        while let Ok(event) = self.link.events.try_recv() {
            self.take(event);
            if begun.elapsed() > DRAIN_BUDGET {
                ctx.request_repaint();
                break;
            }
        }
        if self.link.snapshots.update() {
            self.absorb();
        }
        self.poll_track();
        if let Some(held) = &mut self.jobs.held {
            held.poll();
        }
        self.poll_files();
        self.poll_observers();
        self.poll_dialog();
        self.poll_own_models();
        self.poll_export();
        self.poll_listening();
        self.poll_saving();
        self.poll_recorder();
        #[cfg(feature = "lab")]
        self.jobs.lab.poll();
        #[cfg(feature = "train")]
        self.jobs.training.poll();
        self.act(ctx);
        self.retry();
        self.follow_internals();
        self.follow_attribution();
        self.start_segments();
        self.follow_view(ctx);
    }

    fn poll_track(&mut self) {
        let Some(track) = &mut self.played.track else {
            return;
        };
        track.poll();
        if let Some(error) = track.take_truth_error() {
            let remedy = match &error {
                JobError::Work(error) => error.remedy(),
                _ => "Open the file again.",
            };
            self.view.notices.report(Problem {
                severity: Severity::Warning,
                message: format!(
                    "The true sections are not drawn: {}.",
                    printable(&error, LONGEST_REASON)
                ),
                remedy: remedy.to_owned(),
            });
        }
    }

    fn poll_recorder(&mut self) {
        self.played.recorder.write_if_due(&self.models.info.genres);
        self.played.recorder.poll();
        // What opens takes the notices away: what has to be read waits for it.
        if self.view.source.opening.is_none()
            && let Some(fault) = self.played.recorder.unreported.take()
        {
            self.view.notices.report(Problem {
                severity: Severity::Warning,
                message: fault,
                remedy: "Attune goes on without keeping sessions.".to_owned(),
            });
        }
    }

    /// Takes over what is new in the snapshot that has come.
    fn absorb(&mut self) {
        let snapshot = self.link.snapshots.output_buffer();
        if snapshot.model_set != self.models.replaced {
            return;
        }
        let count = snapshot.model_count;
        let Played {
            history,
            answers,
            log,
            track,
            recorder,
            songs,
        } = &mut self.played;
        let publisher = &mut self.publisher;
        let now = Timestamp::now();
        history.absorb_with(snapshot, |news| {
            answers.push(&news);
            log.push(&news);
            recorder.push(&news.column.decision, snapshot.hop);
            songs.push(&news, snapshot.hop, now);
            if let Some(publisher) = publisher {
                publisher.push(news.segment, news.column);
            }
            // What is played with a part muted is not the track.
            if let Some(track) = track.as_mut().filter(|_| snapshot.transport.muted.is_none()) {
                let mut raw = news.column.raw.iter().take(count).zip(&self.models.on);
                track.push(&news, raw.all(|(raw, on)| raw.as_slice().is_empty() != *on));
            }
        });
    }

    fn act(&mut self, ctx: &egui::Context) {
        for action in std::mem::take(&mut self.view.actions) {
            match action {
                Action::Engine(command) => self.send(command),
                Action::RefreshDevices => {
                    let repaint = ctx.clone();
                    self.jobs.devices.refresh(move || repaint.request_repaint());
                }
                Action::Hold(cursor) => self.hold(cursor, ctx),
                Action::Study(heads) => self.study(&heads, ctx),
                Action::LetGo => self.let_go(),
                Action::Export => self.export_held(),
                Action::Listen(spans) => self.listen(spans, ctx),
                Action::StopListening => self.jobs.listening.cancel(),
                Action::SavePlot(plot, picture) => self.save_plot(plot, picture),
                Action::ExportLog => self.export_log(),
                Action::NewSong => {
                    let at = self.snapshot().transport.position;
                    self.played.songs.begin(at, Timestamp::now());
                    self.send(Command::NewSong);
                }
                Action::UseKnobs => self.use_knobs(),
                Action::ListSections(on) => self.list_sections(on),
                Action::TraceSurprise(on) => self.trace_surprise(on),
                Action::Files(command) => self.files(command),
                Action::RemoveModel(place) => self.remove_model(place),
                Action::Preset(command) => self.preset(command),
                Action::Ask(choice) => self.ask_for(choice),
                Action::Serve(on) => self.serve(on),
                Action::Session(command) => self.played.recorder.send(command),
                #[cfg(feature = "lab")]
                Action::Lab(order) => self.experiment(order),
                #[cfg(feature = "train")]
                Action::Training(command) => self.train(command),
                Action::PlayDemo => match demo::file() {
                    Ok(path) => {
                        let pace = Pace::Times(1.0);
                        self.view.transport.pace = pace;
                        self.view.source.opening = Some("the demo".to_owned());
                        self.send(Command::Open(SourceRequest::File { path, pace }));
                    }
                    Err(error) => self.view.notices.report(Problem {
                        severity: Severity::Error,
                        message: format!("The demo is not there to be played: {error}"),
                        remedy: "Make room in the folder for temporary files, or open a file of your own.".to_owned(),
                    }),
                },
            }
        }
    }

    /// Sends the engine a command.
    fn send(&mut self, command: Command) {
        self.is_sent(command);
    }

    /// The same; whether the engine took it. If not, the user is told.
    fn is_sent(&mut self, command: Command) -> bool {
        let switched = match command {
            Command::EnableModel { model, on } => Some((model, on)),
            _ => None,
        };
        let Err(error) = self.link.commands.try_send(command) else {
            if let Some((model, on)) = switched {
                self.switched(model, on);
            }
            return true;
        };
        self.view.source.opening = None;
        let (message, remedy) = match error {
            TrySendError::Full(_) => (
                "The engine is busy and did not take the command.",
                "Wait a moment and try again.",
            ),
            TrySendError::Disconnected(_) => ("The engine has ended.", "Close the window and start Attune again."),
        };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        });
        false
    }

    /// A model was switched: the prescan starts over, or the live path would be compared with another set of models.
    fn switched(&mut self, model: usize, on: bool) {
        if let Some(known) = self.models.on.get_mut(model).filter(|known| **known != on) {
            *known = on;
            self.keep_switch(model, on);
            self.start_prescan();
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if self.signals.is_close_requested() {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.drain(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.paint(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        if self.view.view == View::Stage && self.view.stage.is_transparent {
            return [0.0; 4];
        }
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.keep();
        #[cfg(feature = "train")]
        self.jobs.training.close(CLOSING);
        // A full queue or an ended engine: the handle's drop ends the worker all the same.
        let _ = self.link.commands.try_send(Command::Shutdown);
    }
}

/// How often the window repaints at most while sound flows.
pub(super) const REPAINT_INTERVAL: Duration = Duration::from_millis(25);
/// The same while a moment is held: then only level and health change.
const REPAINT_HELD: Duration = Duration::from_millis(500);
