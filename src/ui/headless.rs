//! The window without a screen: laid out and tessellated like any other, but never drawn.
//!
//! In: what a window begins with. Out: frames that cost what frames cost. Thread: any one.

use super::app::{App, REPAINT_INTERVAL};
use super::choices::Page;
use super::view_state::Action;
use super::{UiError, WindowLaunch};
use crate::settings::Settings;
use attune_engine::{Command, Snapshot};
use eframe::egui::{self, Context, RawInput, Rect};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A window that nobody sees.
pub(crate) struct Headless {
    ctx: Context,
    app: App,
    begun: Instant,
    size: [f32; 2],
}

impl Headless {
    /// Begins with what a window begins with, but plays nothing aloud, lists no devices and keeps no sessions; a file
    /// begins again at its end.
    pub(crate) fn begin(launch: WindowLaunch) -> Result<Self, UiError> {
        let launch = WindowLaunch {
            settings: Settings {
                play_aloud: false,
                ..launch.settings
            },
            ..launch
        };
        let ctx = Context::default();
        let size = launch.settings.window_size;
        let mut app = super::begin(&ctx, launch, Arc::new(|| Ok(Vec::new())), || ())?;
        app.view_mut().order(Command::Loop(true));
        Ok(Self {
            ctx,
            app,
            begun: Instant::now(),
            size,
        })
    }

    /// One frame; how long it took.
    pub(crate) fn frame(&mut self) -> Duration {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, self.size.into())),
            time: Some(self.begun.elapsed().as_secs_f64()),
            ..RawInput::default()
        };
        let begun = Instant::now();
        let app = &mut self.app;
        let output = self.ctx.run_ui(input, |ui| {
            app.drain(&ui.ctx().clone());
            app.paint(ui);
        });
        let shapes = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = begun.elapsed();
        drop(shapes);
        took
    }

    /// Sleeps until the next frame is due.
    pub(crate) fn wait() {
        std::thread::sleep(REPAINT_INTERVAL);
    }

    /// The newest snapshot of the engine.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.app.snapshot()
    }

    /// What is wrong, if something is.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem = self.app.view().notices.problem()?;
        Some(format!("{} {}", problem.message, problem.remedy))
    }

    /// Turns to another page.
    pub(crate) fn turn_to(&mut self, page: Page) {
        self.app.view_mut().turn_to(page);
    }

    /// Holds the moment, or lets it go, if it is not so already.
    pub(crate) fn hold(&mut self, on: bool) {
        if self.app.held().is_some() == on {
            return;
        }
        let action = if on { Action::Hold(0) } else { Action::LetGo };
        self.app.view_mut().request(action);
    }
}
