//! The window's frame loop: `logic` drains what the engine sent, `ui` paints it.
//!
//! In: snapshots and events. Out: commands. Thread: window.

use super::demo;
use super::devices::{DeviceList, ListDevices};
use super::export;
use super::frozen::Frozen;
use super::history::History;
use super::keyboard;
use super::notices::{Problem, Severity};
use super::panels::{self, Cast, Pictures, Scene};
use super::theme::{self, GRID, Palette};
use super::view_state::{Action, ViewState};
use crate::engine::{Command, EngineHandle, Event, ResetCause, Snapshot, SourceRequest, WorkerGuard};
use crate::explain::document::Told;
use crate::model::LoadedModel;
use crate::settings::Settings;
use crate::source::SourceKind;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use eframe::egui::{
    self, Align2, CentralPanel, Color32, Frame, Id, LayerId, Margin, Order, Panel, Rect, ScrollArea, UiBuilder, Vec2,
};
use std::time::{Duration, Instant};

/// How long a frame may drain events before it paints.
const DRAIN_BUDGET: Duration = Duration::from_millis(10);
/// Below this width the answer stands above the plots, not beside them.
const NARROW: f32 = 720.0;
/// The least height of the plots; below it they scroll.
const LEAST_PLOTS: f32 = 380.0;
/// Height of the strip of what changed the answer.
const CHANGED: f32 = 128.0;

/// The ends of the engine's channels that the window holds.
pub struct EngineLink {
    /// Orders to the engine.
    pub commands: Sender<Command>,
    /// What happened.
    pub events: Receiver<Event>,
    /// The newest picture.
    pub snapshots: triple_buffer::Output<Snapshot>,
    /// Ends the worker with the window; `None` where a test feeds the channels.
    pub worker: Option<WorkerGuard>,
}

impl From<EngineHandle> for EngineLink {
    fn from(handle: EngineHandle) -> Self {
        Self {
            commands: handle.commands,
            events: handle.events,
            snapshots: handle.snapshots,
            worker: Some(handle.worker),
        }
    }
}

/// The window.
pub struct App {
    link: EngineLink,
    cast: Cast,
    view: ViewState,
    history: History,
    devices: DeviceList,
    pictures: Pictures,
    settings: Settings,
    /// Who is asked about a held moment.
    models: Vec<LoadedModel>,
    frozen: Option<Frozen>,
    ctx: egui::Context,
}

impl App {
    /// A window over the ends of an engine's channels. Lists devices at once, in the background.
    pub fn new(ctx: &egui::Context, link: EngineLink, cast: Cast, settings: Settings, list: ListDevices) -> Self {
        theme::install(ctx);
        ctx.set_theme(theme::preference(settings.theme));
        ctx.set_zoom_factor(settings.zoom.clamp(0.5, 4.0));
        let mut devices = DeviceList::new(list);
        let repaint = ctx.clone();
        devices.refresh(move || repaint.request_repaint());
        Self {
            link,
            cast,
            view: ViewState::new(&settings),
            history: History::new(),
            devices,
            pictures: Pictures::default(),
            settings,
            models: Vec::new(),
            frozen: None,
            ctx: ctx.clone(),
        }
    }

    /// The engines that are asked why when a moment is held.
    #[must_use]
    pub fn with_models(mut self, models: Vec<LoadedModel>) -> Self {
        self.models = models;
        self
    }

    /// The moment that is held.
    pub fn frozen(&self) -> Option<&Frozen> {
        self.frozen.as_ref()
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
                self.view.pace = pace;
                self.view.open_file(path);
            }
            SourceRequest::Device { id, channel } => {
                self.view.opening = Some(id.clone().unwrap_or_else(|| "the default input".to_owned()));
                self.view.order(Command::Open(SourceRequest::Device { id, channel }));
            }
        }
    }

    /// Takes over what the engine sent, and carries out what the last frame asked for. Paints nothing.
    pub fn drain(&mut self, ctx: &egui::Context) {
        let begun = Instant::now();
        self.devices.poll();
        while let Ok(event) = self.link.events.try_recv() {
            self.take(event);
            if begun.elapsed() > DRAIN_BUDGET {
                ctx.request_repaint();
                break;
            }
        }
        if self.link.snapshots.update() {
            self.history.absorb(self.link.snapshots.output_buffer());
        }
        if let Some(frozen) = &mut self.frozen {
            frozen.poll();
        }
        self.act(ctx);
    }

    fn take(&mut self, event: Event) {
        let view = &mut self.view;
        match event {
            Event::Opened(source) => {
                view.opening = None;
                view.notices.dismiss();
                view.seeking_to = None;
                view.opened = Some(source);
                // What was held was of another source.
                self.frozen = None;
            }
            Event::Reset { cause, at } => match cause {
                // The source bar says it already.
                ResetCause::Opened => {}
                ResetCause::Sought => {
                    let text = format!("Sought to {}: all engines start afresh.", at.clock());
                    view.notices.remark(text);
                }
                ResetCause::Looped => view.notices.remark("The file begins again: all engines start afresh."),
                ResetCause::Interrupted => view.notices.remark("Sound was left out: all engines start afresh."),
                ResetCause::Reconnected => {
                    view.notices.dismiss();
                    view.notices.remark("The device is back: all engines start afresh.");
                }
            },
            // The snapshot shows it.
            Event::Decided { .. } => {}
            Event::Ended => view
                .notices
                .remark("The file has ended. Seek, or press play to hear it again."),
            Event::SourceFailed {
                message,
                remedy,
                retrying,
            } => {
                if view.opening.take().is_some() {
                    // What was open before was closed for it.
                    view.opened = None;
                }
                let remedy = if retrying {
                    format!("{remedy} Attune keeps trying.")
                } else {
                    remedy
                };
                view.notices.report(Problem {
                    severity: Severity::Error,
                    message,
                    remedy,
                });
            }
            Event::Warning { message, remedy } => view.notices.report(Problem {
                severity: Severity::Warning,
                message,
                remedy,
            }),
            Event::Recovered => view.notices.recover(),
            Event::Stopped { message } => view.notices.report(Problem {
                severity: Severity::Error,
                message: format!("The engine has ended: {message}"),
                remedy: "Close the window and start Attune again.".to_owned(),
            }),
            Event::EngineFailed { engine, message } => {
                let name = self
                    .cast
                    .engines
                    .get(engine)
                    .map_or("The gate", |label| label.name.as_str());
                view.notices.report(Problem {
                    severity: Severity::Error,
                    message: format!("{name} failed and was switched off: {message}"),
                    remedy: "The others go on. Click its name to try it again.".to_owned(),
                });
            }
        }
    }

    fn act(&mut self, ctx: &egui::Context) {
        for action in std::mem::take(&mut self.view.actions) {
            match action {
                Action::Engine(command) => self.send(command),
                Action::RefreshDevices => {
                    let repaint = ctx.clone();
                    self.devices.refresh(move || repaint.request_repaint());
                }
                Action::Hold(cursor) => self.hold(cursor, ctx),
                Action::LetGo => self.frozen = None,
                Action::Export => self.export(),
                Action::PlayDemo => match demo::file() {
                    Ok(path) => {
                        let pace = self.view.pace;
                        self.view.opening = Some("the demo".to_owned());
                        self.send(Command::Open(SourceRequest::File { path, pace }));
                    }
                    Err(error) => self.view.notices.report(Problem {
                        severity: Severity::Error,
                        message: format!("The demo cannot be written to a file: {error}"),
                        remedy: "Make room in the folder for temporary files, or open a file of your own.".to_owned(),
                    }),
                },
            }
        }
    }

    /// Holds the moment on the screen; of one that is held already, the cursor moves.
    fn hold(&mut self, cursor: usize, ctx: &egui::Context) {
        if let Some(frozen) = &mut self.frozen {
            frozen.cursor = cursor;
            return;
        }
        if self.view.opened.is_none() || self.history.total_columns() == 0 {
            return;
        }
        let repaint = ctx.clone();
        let asked = (self.models.as_slice(), &self.cast.front_end);
        let snapshot = self.link.snapshots.output_buffer();
        self.frozen = Some(Frozen::new(&self.history, snapshot, cursor, asked, move || {
            repaint.request_repaint();
        }));
    }

    fn export(&mut self) {
        let Some(explanation) = self.frozen.as_ref().and_then(Frozen::explanation) else {
            return;
        };
        let source = self.view.opened.as_ref().map_or("", |open| open.name.as_str());
        let at = self.frozen.as_ref().map(Frozen::at).unwrap_or_default();
        let weights: Vec<String> = self
            .models
            .iter()
            .map(|model| model.manifest().weights_sha256.clone())
            .collect();
        let told = Told {
            source,
            at,
            class: explanation.class(),
            genres: &self.cast.genres,
            weights: &weights,
            explanation,
        };
        match export::write(&told, self.view.export_folder.as_deref()) {
            Ok(path) => self
                .view
                .notices
                .remark(format!("Written to {} and .csv and .json beside it.", path.display())),
            Err((folder, error)) => self.view.notices.report(Problem {
                severity: Severity::Error,
                message: format!("Nothing could be written to {}: {error}", folder.display()),
                remedy: "Make room there, or make the folder writable.".to_owned(),
            }),
        }
    }

    fn send(&mut self, command: Command) {
        let Err(error) = self.link.commands.try_send(command) else {
            return;
        };
        self.view.opening = None;
        let (message, remedy) = match error {
            TrySendError::Full(_) => ("The engine is busy and took no order.", "Wait a moment and try again."),
            TrySendError::Disconnected(_) => ("The engine has ended.", "Close the window and start Attune again."),
        };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    /// Paints the window.
    pub fn paint(&mut self, ui: &mut egui::Ui) {
        self.take_dropped_files(ui.ctx());
        keyboard::shortcuts(ui.ctx(), self.link.snapshots.output_buffer(), &mut self.view);
        let Self {
            link,
            cast,
            view,
            history,
            devices,
            pictures,
            frozen,
            ..
        } = self;
        let scene = Scene {
            snapshot: link.snapshots.output_buffer(),
            history,
            cast,
            devices,
            frozen: None,
        };
        // Source, transport and health are always of now; what was heard is of the held moment, if one is held.
        let shown = match frozen {
            Some(frozen) => Scene {
                snapshot: &frozen.snapshot,
                history: &frozen.history,
                frozen: Some(frozen),
                ..scene
            },
            None => scene,
        };
        let scene_frozen = shown.frozen;
        let palette = Palette::of(ui);
        let bar = |margin| Frame::new().fill(palette.background).inner_margin(margin);
        let edge = Margin::symmetric(12, 4);
        Panel::top("source bar")
            .frame(bar(Margin {
                left: 12,
                right: 12,
                top: 8,
                bottom: 4,
            }))
            .show_separator_line(false)
            .show(ui, |ui| {
                panels::source_bar_ui(ui, &scene, view);
                panels::opened_ui(ui, &scene, view);
                if view.opened.as_ref().is_some_and(|open| open.kind == SourceKind::File) {
                    panels::transport_ui(ui, &scene, view);
                }
                panels::banner_ui(ui, view);
                if let Some(frozen) = scene_frozen {
                    panels::frozen_ui(ui, frozen, view);
                }
            });
        if view.opened.is_none() {
            CentralPanel::no_frame().frame(bar(edge)).show(ui, |ui| {
                ScrollArea::vertical().show(ui, |ui| panels::welcome_ui(ui, &scene, view));
            });
        } else {
            Panel::bottom("health")
                .frame(bar(edge))
                .show_separator_line(false)
                .show(ui, |ui| panels::health_ui(ui, &scene, view));
            let narrow = ui.available_width() < NARROW;
            if !narrow {
                let width = (0.31 * ui.available_width()).clamp(312.0, 460.0);
                Panel::left("answer")
                    .exact_size(width)
                    .resizable(false)
                    .frame(bar(Margin {
                        left: 12,
                        right: 4,
                        top: 4,
                        bottom: 0,
                    }))
                    .show_separator_line(false)
                    .show(ui, |ui| {
                        ScrollArea::vertical().show(ui, |ui| {
                            panels::answer_ui(ui, &shown);
                            ui.add_space(GRID);
                            panels::engines_ui(ui, &shown, view);
                        });
                    });
            }
            CentralPanel::no_frame()
                .frame(bar(Margin {
                    left: if narrow { 12 } else { 4 },
                    right: 12,
                    top: 4,
                    bottom: 0,
                }))
                .show(ui, |ui| plots_ui(ui, &shown, view, pictures, narrow));
        }
        panels::shortcuts_ui(ui.ctx(), view);
        drop_hint_ui(ui.ctx());
        if !view.actions.is_empty() {
            // Carried out by the next `drain`, which should not wait for news.
            ui.ctx().request_repaint();
        }
    }

    fn take_dropped_files(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        let Some(first) = dropped.first() else { return };
        if dropped.len() > 1 {
            let text = format!("Only the first of {} files is opened.", dropped.len());
            self.view.notices.remark(text);
        }
        self.view.open_file(first.path().to_path_buf());
    }

    /// What is to be kept for the next start.
    fn settings_now(&self) -> Settings {
        let ctx = &self.ctx;
        let mut settings = self.settings.clone();
        settings.theme = theme::kept(ctx.options(|options| options.theme_preference));
        settings.colour_map = self.view.colour_map;
        settings.range_db = self.view.range_db.into();
        settings.show_attention = self.view.overlay_attention;
        settings.zoom = ctx.zoom_factor();
        settings.window_size = ctx.content_rect().size().into();
        if let Some(open) = self.view.opened.as_ref().filter(|open| open.kind != SourceKind::File) {
            settings.device = Some(open.id.clone());
        }
        settings
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.drain(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.paint(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        // A full queue or an ended engine: the handle's drop ends the worker all the same.
        let _ = self.link.commands.try_send(Command::Shutdown);
        if let Err(error) = self.settings_now().save() {
            tracing::warn!("{error}");
        }
    }
}

/// Spectrogram, heads and timeline, sharing the height; scrolled where there is too little of it.
fn plots_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures, narrow: bool) {
    let room = ui.available_height();
    let least = LEAST_PLOTS + if scene.frozen.is_some() { CHANGED } else { 0.0 };
    if !narrow && room >= least {
        stacked_ui(ui, scene, view, pictures, room);
        return;
    }
    ScrollArea::vertical().show(ui, |ui| {
        if narrow {
            panels::answer_ui(ui, scene);
            ui.add_space(GRID);
            panels::engines_ui(ui, scene, view);
            ui.add_space(GRID);
        }
        stacked_ui(ui, scene, view, pictures, least.max(room));
    });
}

fn stacked_ui(ui: &mut egui::Ui, scene: &Scene<'_>, view: &mut ViewState, pictures: &mut Pictures, height: f32) {
    let attends = scene.attends();
    let timeline = (0.25 * height).clamp(104.0, 280.0);
    // Few heads need no tall rows; before the first attention it is not known how many there are.
    let rows = match scene.snapshot.attention.layers * scene.snapshot.attention.heads {
        0 => 16,
        rows => rows,
    };
    let tallest = (26.0 + 24.0 * rows as f32).min(320.0);
    let heads = if attends {
        (0.25 * height).clamp(96.0, tallest.max(96.0))
    } else {
        0.0
    };
    let (whole, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), egui::Sense::hover());
    let changed = if scene.frozen.is_some() { CHANGED } else { 0.0 };
    let spectrogram = height - timeline - heads - changed;
    let mut top = whole.top();
    let mut part = |height: f32| {
        let rect = Rect::from_x_y_ranges(whole.x_range(), top..=top + height);
        top += height;
        rect
    };
    let child = |ui: &mut egui::Ui, rect: Rect, name: &str| ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect));
    panels::spectrogram_ui(&mut child(ui, part(spectrogram), "spectrogram"), scene, view, pictures);
    if let Some(frozen) = scene.frozen {
        panels::changed_ui(&mut child(ui, part(changed), "changed"), scene, frozen, view);
    }
    if attends {
        panels::attention_ui(&mut child(ui, part(heads), "heads"), scene, view, pictures);
    }
    panels::timeline_ui(&mut child(ui, part(timeline), "timeline"), scene, view);
}

/// Says what a drop would do while a file hangs over the window.
fn drop_hint_ui(ctx: &egui::Context) {
    if ctx.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let all = ctx.content_rect();
    let palette = Palette::of_theme(ctx.theme());
    painter.rect_filled(all, 0.0, Color32::from_black_alpha(150));
    let tile = Rect::from_center_size(all.center(), Vec2::new(320.0, 96.0));
    painter.rect_filled(tile, 12.0, palette.card);
    painter.rect_stroke(tile, 12.0, (2.0, palette.accent), egui::StrokeKind::Inside);
    let font = egui::FontId::proportional(20.0);
    painter.text(
        tile.center(),
        Align2::CENTER_CENTER,
        "Drop to listen",
        font,
        palette.text,
    );
}

/// How often the window repaints at most while sound flows.
pub const REPAINT_INTERVAL: Duration = Duration::from_millis(25);

/// What the engine calls when there is something new: asks for a repaint, but not more often than a display needs.
pub fn notify(ctx: egui::Context) -> impl Fn() + Send + 'static {
    move || ctx.request_repaint_after(REPAINT_INTERVAL)
}
