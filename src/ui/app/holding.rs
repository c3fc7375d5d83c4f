//! Holding a moment, and writing down what is known of it.
//!
//! In: a cursor. Out: a [`HeldMoment`] moment; files. Thread: window.

use super::App;
use crate::ui::choices::Page;
use crate::ui::export;
use crate::ui::held_moment::HeldMoment;
use crate::ui::job::JobError;
#[cfg(feature = "lab")]
use crate::ui::lab_runner::{LabCommand, files_of};
use crate::ui::notices::{Problem, Severity};
use attune_engine::explain::Head;
use attune_engine::explain::document::{self, ExportContext};
use eframe::egui;

impl App {
    /// Holds the moment on the screen; if one is held already, moves its cursor.
    pub(super) fn hold(&mut self, cursor: usize, ctx: &egui::Context) {
        if let Some(held) = &mut self.jobs.held {
            held.move_cursor(cursor);
            return;
        }
        if self.view.source.opened.is_none() || self.played.history.total_columns() == 0 {
            return;
        }
        let repaint = ctx.clone();
        let models = self.models.that_are_on().map_or(Vec::new(), |set| set.models);
        let models = (&models[..], &self.models.info.front_end);
        let snapshot = self.link.snapshots.output_buffer();
        self.jobs.held = Some(HeldMoment::new(
            &self.played.history,
            snapshot,
            cursor,
            models,
            move || {
                repaint.request_repaint();
            },
        ));
        // A head that is shown stays shown.
        if let Some(head) = self.view.heads.chosen.filter(|_| self.view.page == Page::Heads) {
            self.study(&[head], ctx);
        }
    }

    /// Studies what these heads do in the held moment.
    pub(super) fn study(&mut self, heads: &[Head], ctx: &egui::Context) {
        let repaint = ctx.clone();
        let models = self.models.set.as_ref().map_or(&[][..], |set| &set.models);
        if let Some(held) = &mut self.jobs.held {
            let models = (models, &self.models.info.front_end);
            held.study(heads, models, move || repaint.request_repaint());
        }
    }

    /// Lets the held moment go: the plots show now again.
    pub(super) fn let_go(&mut self) {
        self.jobs.held = None;
        self.view.time.back = 0.0;
    }

    /// Writes what is known of the held moment.
    pub(super) fn export_held(&mut self) {
        let Some(explanation) = self.jobs.held.as_ref().and_then(HeldMoment::explanation) else {
            return;
        };
        let at = self.jobs.held.as_ref().map(HeldMoment::at).unwrap_or_default();
        let weights = self.weights();
        let export = ExportContext {
            source: self.source_name(),
            at,
            class: explanation.class(),
            genres: &self.models.info.genres,
            weights: &weights,
            explanation,
        };
        let texts = vec![
            ("svg", document::sheet(&export).svg().into_bytes()),
            ("csv", document::csv(&export).into_bytes()),
            ("json", format!("{:#}", document::json(&export)).into_bytes()),
        ];
        let name = format!("{}-{:.1}s", export.source, at.0);
        self.write(&name, texts);
    }

    /// Writes the log of decisions.
    pub(super) fn export_log(&mut self) {
        let (source, genres) = (self.source_name(), &self.models.info.genres);
        let texts = vec![
            ("csv", self.played.log.csv(source, genres).into_bytes()),
            (
                "json",
                format!("{:#}", self.played.log.json(source, &self.weights(), genres)).into_bytes(),
            ),
        ];
        let name = format!("{source}-decisions");
        self.write(&name, texts);
    }

    /// Carries out a command to the lab.
    #[cfg(feature = "lab")]
    pub(super) fn experiment(&mut self, order: LabCommand) {
        match order {
            LabCommand::Begin(experiment) => {
                let repaint = self.ctx.clone();
                let notify = move || repaint.request_repaint_after(super::REPAINT_INTERVAL);
                self.jobs.lab.begin(&experiment, self.models.set.as_ref(), notify);
            }
            LabCommand::Stop => self.jobs.lab.stop(),
            LabCommand::Export => {
                if let Some(report) = self.jobs.lab.report() {
                    let name = format!("lab-{}", report.lab);
                    let files = files_of(report);
                    self.write(&name, files);
                }
            }
        }
    }

    pub(super) fn source_name(&self) -> &str {
        self.view.source.opened.as_ref().map_or("", |open| open.name.as_str())
    }

    /// SHA-256 of the weights of each model that is on.
    fn weights(&self) -> Vec<String> {
        let models = self.models.that_are_on().map_or(Vec::new(), |set| set.models);
        models
            .iter()
            .map(|model| model.manifest().weights_sha256.clone())
            .collect()
    }

    pub(super) fn write(&mut self, name: &str, files: Vec<(impl AsRef<str> + Send + 'static, Vec<u8>)>) {
        let repaint = self.ctx.clone();
        let folder = self.view.export_folder.as_deref();
        self.jobs.export = export::start(name, files, folder, move || repaint.request_repaint());
    }

    /// Reports how an export ended.
    pub(super) fn poll_export(&mut self) {
        self.jobs.export.poll();
        match self.jobs.export.take_ended() {
            None => {}
            Some(Ok(path)) => {
                let text = format!("Written to {} and beside it.", path.display());
                self.view.notices.remark(text);
            }
            Some(Err(error)) => self.view.notices.report(Problem {
                severity: Severity::Error,
                message: error.to_string(),
                remedy: match error {
                    JobError::Work(error) => error.remedy().to_owned(),
                    JobError::Thread(_) | JobError::Lost => "Save it again.".to_owned(),
                },
            }),
        }
    }
}
