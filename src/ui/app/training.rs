//! Carries out what the training page asks for.
//!
//! In: commands. Out: the training's next state; a folder on the desktop. Thread: window.

use super::App;
use crate::ui::notices::{Problem, Severity};
use crate::ui::training::{Training, TrainingCommand, TrainingState};
use attune_engine::text::Printable;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

impl App {
    /// Keeps what is trained in this folder, each model in one of its own.
    #[must_use]
    pub fn with_models_folder(mut self, folder: PathBuf) -> Self {
        let ctx = self.ctx.clone();
        let notify = move || ctx.request_repaint_after(super::REPAINT_INTERVAL);
        self.jobs.training = Training::new(Some(folder), notify);
        self
    }

    /// The training.
    pub fn training(&self) -> &Training {
        &self.jobs.training
    }

    /// Carries out a command.
    pub(super) fn train(&mut self, command: TrainingCommand) {
        let training = &mut self.jobs.training;
        match command {
            TrainingCommand::Survey(folders) => training.survey(folders),
            TrainingCommand::Restart => training.restart(),
            TrainingCommand::Back => training.back(),
            TrainingCommand::Set(settings) => training.set(settings),
            TrainingCommand::Begin => training.begin(),
            TrainingCommand::Resume(folder) => training.resume(&folder),
            TrainingCommand::Pause(on) => training.pause(on),
            TrainingCommand::Stop => training.stop(),
            TrainingCommand::Use(manifest) => self.use_manifest(manifest),
            TrainingCommand::Show(folder) => self.show_folder(&folder),
        }
    }

    /// Uses the model of this manifest from now on. Only models with the same classes run side by side: if it has
    /// others, the page says by which command the window opens with it.
    fn use_manifest(&mut self, manifest: PathBuf) {
        let trained = self.jobs.training.state();
        if matches!(trained, TrainingState::Trained(model, _) if model.genres == self.models.info.genres) {
            self.load_model(manifest);
        } else {
            self.view.training.wanted = Some(manifest);
        }
    }

    /// Shows a folder on the desktop.
    fn show_folder(&mut self, folder: &Path) {
        let program = if cfg!(target_os = "macos") {
            "open"
        } else if cfg!(windows) {
            "explorer"
        } else {
            "xdg-open"
        };
        let Err(error) = opened(program, folder) else { return };
        self.view.notices.report(Problem {
            severity: Severity::Warning,
            message: format!("{program} cannot show {}: {error}", Printable::path(folder)),
            remedy: "Open the folder with a program of your own.".to_owned(),
        });
    }
}

/// Starts a program with a path, and waits for it on a thread of its own, so that nothing is left of it.
fn opened(program: &str, path: &Path) -> std::io::Result<()> {
    let mut child = Command::new(program)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let waits = std::thread::Builder::new().name("attune-open".to_owned());
    waits.spawn(move || child.wait()).map(drop)
}
