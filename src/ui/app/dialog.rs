//! The desktop's own dialog for files, beside the window; where there is none, the field for a path.
//!
//! In: what is to be chosen. Out: files to open or to analyse. Thread: window; the dialog has one of its own.

use super::App;
use crate::ui::job::Job;
use crate::ui::panels::FilesCommand;
#[cfg(feature = "train")]
use crate::ui::training::TrainingCommand;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// No one cancels a dialog so soon: there was none.
const TOO_SOON: Duration = Duration::from_millis(300);

/// What a dialog asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// One file to play, or several to analyse.
    Files,
    /// A folder to analyse.
    Folder,
    /// Folders to train on.
    #[cfg(feature = "train")]
    TrainingFolders,
    /// The manifest of a model to run.
    Model,
}

/// Asks the user; no paths if it was cancelled or cannot be shown.
pub type AskForPaths = Arc<dyn Fn(Choice) -> Vec<PathBuf> + Send + Sync>;

/// The dialog of the desktop: through its portal, or as a program of its own.
pub(in crate::ui) fn ask(choice: Choice) -> Vec<PathBuf> {
    let dialog = rfd::FileDialog::new();
    match choice {
        Choice::Files => dialog
            .set_title("Open music")
            .add_filter("Music", &attune_library::scan::EXTENSIONS)
            .add_filter("All files", &["*"])
            .pick_files(),
        Choice::Model => dialog
            .set_title("Load a model")
            .add_filter("Manifests of models", &["json"])
            .pick_file()
            .map(|path| vec![path]),
        Choice::Folder => dialog.set_title("Analyse a folder").pick_folders(),
        #[cfg(feature = "train")]
        Choice::TrainingFolders => dialog.set_title("Folders to train on").pick_folders(),
    }
    .unwrap_or_default()
}

/// A dialog that is open.
#[derive(Debug, Default)]
pub(super) struct Dialog {
    job: Job<Vec<PathBuf>, std::convert::Infallible>,
    asked: Option<(Choice, Instant)>,
}

impl App {
    /// Asks through this in place of the desktop's dialog.
    #[must_use]
    pub fn with_dialog(mut self, ask: AskForPaths) -> Self {
        self.ask = ask;
        self
    }

    /// Opens a dialog; one at a time.
    pub(super) fn ask_for(&mut self, choice: Choice) {
        if self.jobs.dialog.job.is_running() {
            return;
        }
        let (ask, repaint) = (Arc::clone(&self.ask), self.ctx.clone());
        self.jobs.dialog.asked = Some((choice, Instant::now()));
        self.jobs.dialog.job = Job::start(
            "attune-dialog",
            move || repaint.request_repaint(),
            move |_| Ok(ask(choice)),
        );
    }

    /// Takes over what was chosen.
    pub(super) fn poll_dialog(&mut self) {
        self.jobs.dialog.job.poll();
        let (Some(ended), Some((choice, asked))) = (self.jobs.dialog.job.take_ended(), self.jobs.dialog.asked) else {
            return;
        };
        let paths = ended.unwrap_or_default();
        match (choice, paths.as_slice()) {
            (Choice::Model, []) if asked.elapsed() < TOO_SOON => self
                .view
                .notices
                .remark("This desktop shows no dialog for files: drop the NAME.json on the window."),
            (Choice::Model, paths) => paths.iter().for_each(|path| self.load_model(path.clone())),
            (_, []) if asked.elapsed() < TOO_SOON => {
                self.view
                    .notices
                    .remark("This desktop shows no dialog for files: type a path.");
                if choice == Choice::Files && self.view.source.path_field.is_none() {
                    self.view.toggle_path_field();
                }
            }
            (_, []) => {}
            #[cfg(feature = "train")]
            (Choice::TrainingFolders, _) => self.train(TrainingCommand::Survey(paths)),
            (Choice::Files, [path]) if !self.view.files.open => self.view.open_file(path.clone()),
            _ => {
                self.view.files.open = true;
                self.files(FilesCommand::Add(paths));
            }
        }
    }
}
