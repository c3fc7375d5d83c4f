//! Plays parts of the open file by themselves, one after the other: the moments that mattered.
//!
//! In: where they lie. Out: sound. Thread: window; a job of its own decodes and plays.

use super::App;
use crate::ui::job::{Job, JobError};
use crate::ui::notices::{Problem, Severity};
use attune_audio::playback::NoOutput;
use attune_audio::source::SourceError;
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::Command;
use attune_engine::explain::mattered::sound_of_file;
use eframe::egui;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Plays mono samples, until they have been played or the flag is set.
pub type PlayAloud = Arc<dyn Fn(&[f32], SampleRate, &AtomicBool) -> Result<(), NoOutput> + Send + Sync>;

/// Why nothing is to be heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenError {
    #[error(transparent)]
    File(#[from] SourceError),
    #[error(transparent)]
    Output(#[from] NoOutput),
}

impl App {
    /// Plays through this in place of the default output.
    #[must_use]
    pub fn with_output(mut self, output: PlayAloud) -> Self {
        self.output = output;
        self
    }

    /// Holds the moment, pauses the file, and plays parts of it.
    pub(super) fn listen(&mut self, spans: Vec<(Seconds, Seconds)>, ctx: &egui::Context) {
        let Some(path) = self.view.source.opened.as_ref().map(|open| PathBuf::from(&open.id)) else {
            return;
        };
        if self.jobs.held.is_none() {
            self.hold(0, ctx);
        }
        if self.snapshot().transport.playing {
            self.send(Command::Pause);
        }
        let (output, repaint) = (Arc::clone(&self.output), ctx.clone());
        self.jobs.listening = Job::start(
            "attune-listen",
            move || repaint.request_repaint(),
            move |worker| {
                let (samples, rate) = sound_of_file(&path, &spans)?;
                Ok(output(&samples, rate, worker.cancelled())?)
            },
        );
    }

    /// Reports why nothing is to be heard.
    pub(super) fn poll_listening(&mut self) {
        self.jobs.listening.poll();
        let Some(Err(error)) = self.jobs.listening.take_ended() else {
            return;
        };
        let remedy = match &error {
            JobError::Work(ListenError::File(error)) => error.remedy().to_owned(),
            JobError::Work(ListenError::Output(_)) => "Connect a loudspeaker or start the sound server.".to_owned(),
            JobError::Thread(_) | JobError::Lost => "Try again.".to_owned(),
        };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message: format!("What mattered cannot be played: {error}."),
            remedy,
        });
    }
}
