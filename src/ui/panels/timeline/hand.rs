//! What the hand does over the track: seek, scrub, choose what is looped.
//!
//! In: the pointer. Out: orders. Thread: window.

use super::Scene;
use crate::ui::choices::TrackDrag;
use crate::ui::view_state::ViewState;
use attune_audio::units::Seconds;
use attune_engine::Command;
use eframe::egui::{self, CursorIcon, Rect};

/// A drag that begins this near the playhead moves it.
const GRIP: f32 = 6.0;
/// A selection shorter than this was a slip of the hand.
const LEAST_SELECTION: f64 = 0.3;

/// A click seeks; a drag from the playhead scrubs; any other drag selects what is looped.
pub(super) fn drag(
    ui: &egui::Ui,
    view: &mut ViewState,
    response: &egui::Response,
    scene: &Scene<'_>,
    (inner, length): (Rect, f64),
) {
    let at = |x: f32| Seconds(f64::from(((x - inner.left()) / inner.width()).clamp(0.0, 1.0)) * length);
    let head = inner.left() + (scene.transport.position.0 / length) as f32 * inner.width();
    let near = |x: f32| (x - head).abs() <= GRIP;
    if let Some(pointer) = response.hover_pos() {
        let near = near(pointer.x) || view.timeline.drag == Some(TrackDrag::Scrub);
        ui.ctx().set_cursor_icon(if near {
            CursorIcon::ResizeHorizontal
        } else {
            CursorIcon::Crosshair
        });
    }
    let pointer = response.interact_pointer_pos().map(|pointer| at(pointer.x));
    if response.clicked()
        && let Some(to) = pointer
    {
        view.order(Command::Seek(to));
    }
    if response.drag_started()
        && let Some(origin) = ui.input(|input| input.pointer.press_origin())
    {
        view.timeline.drag = Some(if near(origin.x) {
            TrackDrag::Scrub
        } else {
            TrackDrag::Select {
                from: at(origin.x),
                to: at(origin.x),
            }
        });
    }
    if response.dragged() {
        match (&mut view.timeline.drag, pointer) {
            (Some(TrackDrag::Scrub), Some(_)) => view.transport.seeking_to = pointer,
            (Some(TrackDrag::Select { to, .. }), Some(pointer)) => *to = pointer,
            _ => {}
        }
    }
    if response.drag_stopped() {
        match view.timeline.drag.take() {
            // One command when the hand lets go: each seek resets every model.
            Some(TrackDrag::Scrub) => {
                if let Some(to) = view.transport.seeking_to.take() {
                    view.order(Command::Seek(to));
                }
            }
            Some(TrackDrag::Select { from, to }) => {
                let (start, end) = (Seconds(from.0.min(to.0)), Seconds(from.0.max(to.0)));
                if end.0 - start.0 >= LEAST_SELECTION {
                    view.order(Command::Select(Some((start, end))));
                    view.order(Command::Seek(start));
                }
            }
            None => {}
        }
    }
}
