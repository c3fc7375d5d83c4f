//! What runs beside the models while it is asked for: the list of sections, the surprise, other files.
//!
//! In: switches, files. Out: commands to the engine, answers to files. Thread: window.

use super::App;
use crate::ui::job::Job;
use crate::ui::notices::{Problem, Severity};
use crate::ui::panels::FilesCommand;
use crate::ui::query_error::QueryError;
use attune_engine::Command;
use attune_model::sections::SectionLister;
use attune_model::wavenet::SurpriseModel;
use attune_model::{ModelError, ModelSet, bundled_sections, bundled_wavenet};
use eframe::egui;

/// Source steps that are read before a section is written; later is more often right (`docs/lab.md`).
const AHEAD: usize = 4;

/// What is loaded when it is first asked for, and kept.
#[derive(Default)]
pub(super) struct Observers {
    lister: Job<SectionLister, QueryError>,
    surprise: Job<SurpriseModel, QueryError>,
}

impl App {
    /// Lists the sections as they begin, or no longer.
    pub(super) fn list_sections(&mut self, on: bool) {
        self.played.history.close_sections();
        if !on {
            return self.send(Command::ListSections(None));
        }
        let load = |models: &ModelSet| SectionLister::new(bundled_sections()?, models, AHEAD);
        let lister = &mut self.jobs.observers.lister;
        if let Some(lister) = kept("attune-sections", lister, (self.models.set.as_ref(), &self.ctx), load) {
            self.send(Command::ListSections(Some(lister)));
        }
    }

    /// Measures how surprising the sound is, or no longer.
    pub(super) fn trace_surprise(&mut self, on: bool) {
        if !on {
            return self.send(Command::TraceSurprise(None));
        }
        let load = |models: &ModelSet| SurpriseModel::new(&bundled_wavenet()?, &models.genres);
        let model = &mut self.jobs.observers.surprise;
        if let Some(model) = kept("attune-surprise", model, (self.models.set.as_ref(), &self.ctx), load) {
            self.send(Command::TraceSurprise(Some(model)));
        }
    }

    /// Sends the engine what has been loaded since.
    pub(super) fn poll_observers(&mut self) {
        let view = &mut self.view;
        let Observers { lister, surprise } = &mut self.jobs.observers;
        let lister = ended(lister, &mut view.timeline.lists_sections);
        let surprise = ended(surprise, &mut view.spectrogram.surprise);
        for (what, result) in [
            (
                "The list of sections",
                lister.map(|it| it.map(|it| Command::ListSections(Some(it)))),
            ),
            (
                "The surprise",
                surprise.map(|it| it.map(|it| Command::TraceSurprise(Some(it)))),
            ),
        ] {
            match result {
                None => {}
                Some(Ok(command)) => self.send(command),
                Some(Err(why)) => self.view.notices.report(Problem {
                    severity: Severity::Error,
                    message: format!("{what} cannot be shown: {why}"),
                    remedy: "Use the bundled models.".to_owned(),
                }),
            }
        }
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
}

/// What is loaded; `None`: it is being loaded now, or cannot be.
fn kept<T: Clone + Send + 'static>(
    thread: &str,
    job: &mut Job<T, QueryError>,
    (models, ctx): (Option<&ModelSet>, &egui::Context),
    load: impl FnOnce(&ModelSet) -> Result<T, ModelError> + Send + 'static,
) -> Option<T> {
    match job {
        Job::Done(loaded) => return Some(loaded.clone()),
        Job::Running(_) => {}
        Job::Idle | Job::Failed(_) => {
            let repaint = ctx.clone();
            *job = match models.cloned() {
                Some(models) => Job::start(thread, move || repaint.request_repaint(), move |_| Ok(load(&models)?)),
                None => Job::refused(QueryError::NoModels),
            };
        }
    }
    None
}

/// What was loaded since the last call, if it is still wanted; why it was not, and it is not wanted any more.
fn ended<T: Clone>(job: &mut Job<T, QueryError>, is_wanted: &mut bool) -> Option<Result<T, String>> {
    let was_running = job.is_running();
    job.poll_with(drop);
    match job {
        Job::Done(loaded) if was_running && *is_wanted => Some(Ok(loaded.clone())),
        Job::Failed(error) => {
            let why = error.to_string();
            *job = Job::Idle;
            std::mem::take(is_wanted).then_some(Err(why))
        }
        _ => None,
    }
}
