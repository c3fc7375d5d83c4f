//! The window: what the engine plays, decides and attends to, drawn.
//!
//! In: snapshots and events. Out: commands. Thread: the main thread, which runs the event loop.
//!
#![doc = include_str!("../../docs/window.md")]

mod answers;
mod app;
mod choices;
mod colormap;
mod decisions;
mod devices;
mod explain_context;
mod export;
mod file_list;
mod head_studies;
#[cfg(feature = "lab")]
mod headless;
mod held_moment;
mod history;
mod icon;
mod job;
mod keyboard;
#[cfg(feature = "lab")]
mod lab_runner;
mod live_attribution;
mod model_answers;
mod notices;
mod panels;
mod prescan;
mod query_error;
mod section_runs;
mod session_recorder;
mod song_list;
mod sound_state;
mod svg_export;
mod theme;
mod time_view;
mod traces;
mod track;
#[cfg(feature = "train")]
mod training;
mod truth;
mod view_state;
mod widgets;
mod wording;

use crate::settings::Settings;
use app::notify;
pub use app::{App, AskForPaths, Choice, EngineLink, PlayAloud, Signals};
use attune_audio::capture;
use attune_engine::{Engine, EngineConfig, EngineError, SourceRequest, system_sources};
use attune_model::{LoadedModel, ModelError, ModelSet};
pub use devices::ListDevices;
use eframe::egui::{Context, ViewportBuilder};
use eframe::glow::HasContext;
#[cfg(feature = "lab")]
pub(crate) use headless::Headless;
pub use job::Job;
#[cfg(feature = "lab")]
pub use lab_runner::{LabRunner, LabState};
pub use panels::{ConvolutionsLabel, ModelInfo, ModelLabel};
use std::sync::Arc;

pub use choices::{Internals, Page, Plot, View};
pub use traces::UnitValue;
#[cfg(feature = "train")]
pub use training::{Training, TrainingState};

/// What the window begins with.
#[derive(Debug, Clone)]
pub(crate) struct WindowLaunch {
    /// The models in use.
    pub models: ModelSet,
    /// Models that can be switched on beside them.
    pub optional: Vec<LoadedModel>,
    /// Whether those that the user loaded before run, too.
    pub own: bool,
    /// What was kept from the last time.
    pub settings: Settings,
    /// What to open at once.
    pub open: Option<SourceRequest>,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UiError {
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The models do not go together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No display, or no OpenGL on it.
    #[error(
        "the window cannot be opened: {0}; without a display use `attune analyze FILE` or `attune live` in the terminal"
    )]
    Window(String),
}

/// The window over an engine of its own, with what it begins with open.
fn begin(
    ctx: &Context,
    launch: WindowLaunch,
    list: ListDevices,
    notify: impl Fn() + Send + 'static,
) -> Result<App, UiError> {
    let WindowLaunch {
        models,
        optional,
        own,
        settings,
        open,
    } = launch;
    let usual = models.models.len();
    let models = models.and(optional)?;
    let model_info = ModelInfo::of(&models, usual);
    let query_models = models.clone();
    let mut config = EngineConfig::new(models, settings.smoothing);
    let on = app::on_at_first(&model_info, &settings);
    config.off = (0..on.len()).filter(|model| !on[*model]).collect();
    config.sources = system_sources(settings.buffer_ms, settings.play_aloud);
    let engine = Engine::start(config, notify)?;
    let mut app = App::new(ctx, engine.into(), model_info, settings, list).with_models(query_models);
    if own {
        app = app.with_kept_models();
    }
    if let Some(request) = open {
        app.open(request);
    }
    Ok(app)
}

/// Closes the window when the system asks the program to end, as when the user logs out.
fn close_on_signal(ctx: &Context, signals: &Arc<Signals>) {
    let (signals, ctx) = (Arc::clone(signals), ctx.clone());
    let handler = ctrlc::set_handler(move || {
        signals.request_close();
        ctx.request_repaint();
    });
    if let Err(error) = handler {
        tracing::warn!("settings will not be kept when the system ends the program: {error}");
    }
}

/// By this id a desktop finds the desktop file of the window, and with it name and icon.
pub const APP_ID: &str = "io.github.attune.attune";

fn options(viewport: ViewportBuilder) -> eframe::NativeOptions {
    eframe::NativeOptions {
        viewport: viewport.with_app_id(APP_ID),
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    }
}

/// Opens the window without showing it, and closes it: says which OpenGL would draw it. Must be called on the main
/// thread. What it logs means nothing: to the window this end is an error.
pub(crate) fn probe() -> Result<String, UiError> {
    let mut drawn_by = None;
    let ended = eframe::run_native(
        "Attune",
        options(ViewportBuilder::default().with_visible(false)),
        Box::new(|creation| {
            let version = creation.gl.as_ref().map(|gl| gl.version());
            drawn_by = version.map(|it| format!("OpenGL {}.{} {}", it.major, it.minor, it.vendor_info));
            // An error ends it before anything is drawn.
            Err("no more is needed".into())
        }),
    );
    match (drawn_by, ended) {
        (Some(version), _) => Ok(version.trim_end().to_owned()),
        (None, Err(error)) => Err(UiError::Window(error.to_string())),
        (None, Ok(())) => Err(UiError::Window("there is no OpenGL".to_owned())),
    }
}

/// Opens the window and runs it until it is closed. Must be called on the main thread. A device that was open when it
/// closed is opened again, unless something else is to be opened.
pub(crate) fn run(mut launch: WindowLaunch) -> Result<(), UiError> {
    launch.open = launch.open.or_else(|| launch.settings.resumed());
    let viewport = ViewportBuilder::default()
        .with_title("Attune")
        .with_icon(Arc::new(icon::icon()))
        .with_inner_size(launch.settings.window_size)
        .with_min_inner_size([480.0, 360.0])
        .with_transparent(launch.settings.stage.transparent)
        .with_drag_and_drop(true);
    let window = eframe::run_native(
        "Attune",
        options(viewport),
        Box::new(move |creation| {
            let ctx = &creation.egui_ctx;
            let signals = Arc::new(Signals::default());
            close_on_signal(ctx, &signals);
            let notify = notify(ctx.clone(), Arc::clone(&signals));
            let mut app = begin(ctx, launch, Arc::new(capture::list_devices), notify)?.with_signals(signals);
            if let Some(folders) = crate::folders() {
                app = app.with_history(folders.data_dir().join("history.sqlite"));
                #[cfg(feature = "lab")]
                {
                    app = app.with_lab_folder(folders.data_dir().join("lab"));
                }
                #[cfg(feature = "train")]
                {
                    app = app.with_models_folder(folders.data_dir().join("models"));
                }
            }
            Ok(Box::new(app))
        }),
    );
    window.map_err(|error| UiError::Window(error.to_string()))
}
