//! What runs beside the models while it is asked for: the list of sections, the surprise, other files.
//!
//! In: switches, files. Out: commands to the engine, answers to files. Thread: window.

use super::App;
use crate::ui::notices::{Problem, Severity};
use crate::ui::panels::FilesCommand;
use attune_engine::Command;
use attune_model::sections::SectionLister;
use attune_model::wavenet::SurpriseModel;
use attune_model::{ModelError, ModelSet, bundled_sections, bundled_wavenet};

/// Source steps that are read before a section is written; later is more often right (`docs/lab.md`).
const AHEAD: usize = 4;

impl App {
    /// Lists the sections as they begin, or no longer.
    pub(super) fn list_sections(&mut self, on: bool) {
        let lister = |models: &ModelSet| SectionLister::new(bundled_sections()?, models, AHEAD);
        let lister = on.then(|| self.loaded("The list of sections", lister)).flatten();
        self.view.timeline.lists_sections = lister.is_some();
        self.send(Command::ListSections(lister));
    }

    /// Measures how surprising the sound is, or no longer.
    pub(super) fn trace_surprise(&mut self, on: bool) {
        let model = |models: &ModelSet| SurpriseModel::new(&bundled_wavenet()?, &models.genres);
        let model = on.then(|| self.loaded("The surprise", model)).flatten();
        self.view.spectrogram.surprise = model.is_some();
        self.send(Command::TraceSurprise(model));
    }

    /// Goes on with the list of files.
    pub(super) fn poll_files(&mut self) {
        let repaint = self.ctx.clone();
        let notify = move || repaint.request_repaint_after(super::REPAINT_INTERVAL);
        self.jobs
            .files
            .poll(self.models.set.as_ref(), self.view.tuning.in_use, notify);
    }

    /// Does something with the list of files.
    pub(super) fn files(&mut self, command: FilesCommand) {
        match command {
            FilesCommand::Add(paths) => self.jobs.files.add(paths),
            FilesCommand::Stop => self.jobs.files.stop(),
            FilesCommand::Clear => self.jobs.files.clear(),
            FilesCommand::Export => {
                let table = self.jobs.files.csv().into_bytes();
                self.write("files", vec![("csv", table)]);
            }
        }
    }

    /// What was loaded; `None`, and a notice, if it cannot be.
    fn loaded<T>(&mut self, what: &str, load: impl FnOnce(&ModelSet) -> Result<T, ModelError>) -> Option<T> {
        let (why, remedy) = match self.models.set.as_ref().map(load)? {
            Ok(loaded) => return Some(loaded),
            Err(error) => (error.to_string(), error.remedy().to_owned()),
        };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message: format!("{what} cannot be shown: {why}"),
            remedy,
        });
        None
    }
}
