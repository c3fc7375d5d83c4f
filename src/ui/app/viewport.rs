//! How the window stands on the desktop, by its view: full screen, above others, without a frame, larger.
//!
//! In: the view. Out: commands to the desktop. Thread: window.

use super::App;
use crate::settings::StageWindow;
use crate::ui::choices::View;
use crate::ui::panels::LECTURE_ZOOM;
use eframe::egui::{Context, ViewportCommand, WindowLevel};

/// What the desktop was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Placed {
    full_screen: bool,
    enlarged: bool,
    window: StageWindow,
}

impl App {
    /// Tells the desktop what has changed.
    pub(super) fn follow_view(&mut self, ctx: &Context) {
        let view = &self.view;
        let wanted = Placed {
            full_screen: view.full_screen.contains(&view.view),
            enlarged: view.view == View::Lecture && view.source.opened.is_some(),
            window: match view.view {
                View::Stage => view.stage.window,
                View::Lecture | View::Bench => StageWindow::default(),
            },
        };
        let before = std::mem::replace(&mut self.placed, wanted);
        if before.full_screen != wanted.full_screen {
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(wanted.full_screen));
        }
        if before.window.on_top != wanted.window.on_top {
            let level = if wanted.window.on_top {
                WindowLevel::AlwaysOnTop
            } else {
                WindowLevel::Normal
            };
            ctx.send_viewport_cmd(ViewportCommand::WindowLevel(level));
        }
        if before.window.borderless != wanted.window.borderless {
            ctx.send_viewport_cmd(ViewportCommand::Decorations(!wanted.window.borderless));
        }
        if before.enlarged != wanted.enlarged {
            let factor = if wanted.enlarged {
                LECTURE_ZOOM
            } else {
                LECTURE_ZOOM.recip()
            };
            ctx.set_zoom_factor(ctx.zoom_factor() * factor);
        }
    }

    /// The zoom that the user chose.
    pub(super) fn own_zoom(&self) -> f32 {
        let enlarged = if self.placed.enlarged { LECTURE_ZOOM } else { 1.0 };
        self.ctx.zoom_factor() / enlarged
    }
}
