//! A window in a harness, with the test at the engine's end of the channels.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::hand_made::{self, Stage};
use attune::settings::{Settings, Theme};
use attune::ui::ModelInfo;
use attune::ui::{App, EngineLink, ListDevices};
use attune_audio::capture::DeviceInfo;
use attune_audio::playback::Pace;
use attune_audio::source::SourceError;
use attune_engine::{Command, Event, Snapshot, SourceRequest};
use attune_model::ModelSet;
use eframe::egui::{DroppedFile, UiBuilder};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, HarnessBuilder};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A window and the engine's side of it.
pub(crate) struct Rig {
    pub stage: Stage,
    pub window: Harness<'static, Option<App>>,
    /// How often devices were listed.
    pub listed: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("never read".to_owned())
    }
}

/// What a rig begins with.
pub(crate) struct Setup {
    pub size: [f32; 2],
    pub theme: Theme,
    pub scale: f32,
    pub devices: Result<Vec<DeviceInfo>, SourceError>,
    /// The models for queries and prescans.
    pub models: Option<ModelSet>,
    /// Where sessions are kept.
    pub history: Option<PathBuf>,
    /// What does not change.
    pub model_info: ModelInfo,
    /// What was kept of the last time, but for theme and levels.
    pub kept: Settings,
    /// What the user answers to a dialog.
    pub chosen: Vec<PathBuf>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            size: [1280.0, 800.0],
            theme: Theme::Dark,
            scale: 1.0,
            devices: Ok(hand_made::devices()),
            models: None,
            history: None,
            model_info: hand_made::model_info(),
            kept: Settings::default(),
            chosen: Vec::new(),
        }
    }
}

impl Setup {
    /// With the bundled models, for queries and prescans.
    pub(crate) fn with_models() -> Self {
        Self {
            models: Some(attune_model::bundled().unwrap()),
            ..Self::default()
        }
    }
}

impl Rig {
    pub(crate) fn new(setup: Setup) -> Self {
        let (stage, link) = hand_made::stage();
        Self::with(setup, stage, link)
    }

    /// A window over a real engine; the stage leads nowhere.
    pub(crate) fn over(setup: Setup, link: EngineLink) -> Self {
        Self::with(setup, hand_made::stage().0, link)
    }

    fn with(setup: Setup, stage: Stage, link: EngineLink) -> Self {
        let listed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&listed);
        let devices = setup.devices;
        let list: ListDevices = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            devices.clone()
        });
        let settings = Settings {
            theme: setup.theme,
            range_db: [-75.0, -5.0],
            ..setup.kept
        };
        let chosen = setup.chosen;
        let mut parts = Some((link, settings, list, setup.models, setup.history, setup.model_info));
        let builder: HarnessBuilder<Option<App>> = Harness::builder()
            .with_size(setup.size)
            .with_pixels_per_point(setup.scale)
            .with_render_cursor(false)
            .with_max_steps(64);
        let window = builder.build_ui_state(
            move |ui, app: &mut Option<App>| {
                if let Some((link, settings, list, models, history, model_info)) = parts.take() {
                    let chosen = chosen.clone();
                    let window = App::new(ui.ctx(), link, model_info, settings, list)
                        .with_dialog(Arc::new(move |_| chosen.clone()));
                    let window = match models {
                        Some(models) => window.with_models(models).with_kept_models(),
                        None => window,
                    };
                    *app = Some(match history {
                        Some(path) => window.with_history(path),
                        None => window,
                    });
                }
                if let Some(app) = app {
                    app.drain(ui.ctx());
                    // The harness leaves a margin that the real window does not have.
                    let all = ui.ctx().content_rect();
                    let mut whole = ui.new_child(UiBuilder::new().max_rect(all));
                    whole.set_clip_rect(all);
                    app.paint(&mut whole);
                }
            },
            None,
        );
        let mut rig = Self { stage, window, listed };
        rig.settle();
        // The list of devices comes from a thread of its own.
        for _ in 0..200 {
            if rig.listed.load(Ordering::SeqCst) > 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(5));
        rig.settle();
        rig
    }

    /// A window at which a file has been playing for `frames` frames.
    pub(crate) fn playing(setup: Setup, frames: u64) -> Self {
        let mut rig = Self::new(setup);
        rig.send(Event::Opened(hand_made::open_file()));
        let mut at = 200;
        while at < frames {
            rig.show(hand_made::playing(at));
            at += 200;
        }
        rig.show(hand_made::playing(frames));
        rig.settle();
        rig.orders();
        rig
    }

    /// Frames until nothing asks for another.
    pub(crate) fn settle(&mut self) {
        self.window.run_steps(3);
    }

    /// Opens the bundled demo in a window over a real engine.
    pub(crate) fn open_the_demo(&mut self, pace: Pace) {
        let window = self.window.state_mut().as_mut().expect("a window");
        window.open(SourceRequest::File {
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg").into(),
            pace,
        });
    }

    /// The window.
    pub(crate) fn app(&self) -> &App {
        self.window.state().as_ref().unwrap()
    }

    /// Drops files on the window.
    pub(crate) fn drop_files(&mut self, paths: &[&Path]) {
        for path in paths {
            let dropped = Arc::new(Dropped(path.to_path_buf()));
            self.window.input_mut().dropped_files.push(dropped);
        }
        self.settle();
    }

    /// Types into the field with this label.
    pub(crate) fn type_into(&mut self, label: &str, text: &str) {
        self.window.get_by_label_contains(label).focus();
        self.settle();
        self.window.get_by_label_contains(label).type_text(text);
        self.settle();
    }

    pub(crate) fn send(&mut self, event: Event) {
        self.stage.events.send(event).expect("the window is alive");
        self.settle();
    }

    pub(crate) fn show(&mut self, snapshot: Snapshot) {
        self.stage.snapshots.write(snapshot);
        self.window.step();
    }

    /// What the window ordered since the last call.
    pub(crate) fn orders(&mut self) -> Vec<Command> {
        self.settle();
        self.stage.commands.try_iter().collect()
    }
}
