//! Holding a moment, and writing down what is known of it.
//!
//! In: a cursor. Out: a [`Frozen`] moment; files. Thread: window.

use super::App;
use crate::explain::document::Told;
use crate::ui::export;
use crate::ui::frozen::Frozen;
use crate::ui::notices::{Problem, Severity};
use eframe::egui;

impl App {
    /// Holds the moment on the screen; of one that is held already, the cursor moves.
    pub(super) fn hold(&mut self, cursor: usize, ctx: &egui::Context) {
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

    pub(super) fn export(&mut self) {
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
}
