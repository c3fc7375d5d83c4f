//! Handles the engine's events: sources opened, problems, passing notes.
//!
//! In: events. Out: view state and notices. Thread: window.

use super::App;
use crate::demo;
use crate::ui::job::Job;
use crate::ui::notices::{Problem, Severity};
use crate::ui::panels::SourceCondition;
use crate::ui::track::Track;
use attune_audio::source::SourceKind;
use attune_engine::{Event, ResetCause, SECTIONS, SURPRISE};
use std::path::Path;

impl App {
    pub(super) fn take(&mut self, event: Event) {
        let view = &mut self.view;
        match event {
            Event::Opened(source) => {
                view.source.opening = None;
                view.notices.dismiss();
                view.transport.seeking_to = None;
                self.played.track = (source.kind == SourceKind::File)
                    .then(|| Track::new(source.duration.unwrap_or_default(), self.models.info.front_end.hop()));
                let repaint = self.ctx.clone();
                if let Some(track) = &mut self.played.track {
                    track.first_column = self.played.history.total_columns();
                    let genres = &self.models.info.genres;
                    track.start_truth(source.id.clone().into(), genres, move || repaint.request_repaint());
                }
                self.played.recorder.open(&source, &self.models.info.genres);
                view.source.is_demo = source.kind == SourceKind::File && demo::is_demo(Path::new(&source.id));
                view.source.opened = Some(source.clone());
                view.source.condition = SourceCondition::Open;
                view.timeline.drag = None;
                self.played.log.clear();
                self.keep_source(&source);
                // What was held was of another source.
                self.let_go();
                self.jobs.listening = Job::Idle;
                self.start_prescan();
            }
            Event::Reconnected { source, missed } => {
                view.notices.dismiss();
                view.notices.remark(format!(
                    "{} is back. {:.1} s were missed; all models are reset.",
                    source.name, missed.0
                ));
                view.source.opened = Some(source);
                view.source.condition = SourceCondition::Open;
            }
            Event::Reset { cause, at } => match cause {
                // The source bar says it already, or the remark.
                ResetCause::Opened | ResetCause::Reconnected | ResetCause::OtherModels => {}
                ResetCause::NewSong => view.notices.remark("A new song: all models are reset."),
                ResetCause::Sought => {
                    let text = format!("Jumped to {}: all models are reset.", at.clock());
                    view.notices.remark(text);
                }
                // A selection begins again every few seconds; where it is, the track shows.
                ResetCause::Looped if at.0 > 0.0 => {}
                ResetCause::Looped => view.notices.remark("The file starts again: all models are reset."),
                ResetCause::Interrupted => view.notices.remark("Some sound was lost: all models are reset."),
            },
            // The snapshot shows it; the history keeps it.
            Event::Decided { at, decision } => self.played.recorder.decided(at, &decision, &self.models.info.genres),
            Event::Ended => {
                view.source.condition = SourceCondition::Ended;
                view.notices
                    .remark("The file has ended. Seek, or press play to start again.");
            }
            Event::SourceFailed {
                message,
                remedy,
                retrying,
            } => self.source_failed(message, &remedy, retrying),
            Event::OpenFailed { message, remedy } => {
                view.source.opening = None;
                let rest = match view.source.condition {
                    SourceCondition::Retried => "Attune keeps trying what was open.",
                    _ => "What was open goes on.",
                };
                view.notices.report(Problem {
                    severity: Severity::Error,
                    message,
                    remedy: format!("{remedy} {rest}"),
                });
            }
            Event::Warning { message, remedy } => view.notices.report(Problem {
                severity: Severity::Warning,
                message,
                remedy,
            }),
            Event::Recovered => view.notices.recover(),
            Event::Stopped { message } => view.notices.report(Problem {
                severity: Severity::Error,
                message: format!("The engine has ended: {message}"),
                remedy: "Close the window and start Attune again.".to_owned(),
            }),
            Event::ModelFailed { model, name, message } => {
                let (name, remedy) = match (self.models.info.models.get(model), name.as_str()) {
                    (Some(label), _) => (label.name.as_str(), "The others go on. Click its name to try it again."),
                    (None, SECTIONS) => {
                        view.timeline.lists_sections = false;
                        ("The list of sections", "The models go on. Tick it to try it again.")
                    }
                    (None, SURPRISE) => {
                        view.spectrogram.surprise = false;
                        ("The surprise", "The models go on. Tick it to try it again.")
                    }
                    (None, _) => ("The gate", "The models go on: all sound counts as music."),
                };
                view.notices.report(Problem {
                    severity: Severity::Error,
                    message: format!("{name} failed and was switched off: {message}"),
                    remedy: remedy.to_owned(),
                });
            }
        }
    }

    fn source_failed(&mut self, message: String, remedy: &str, retrying: bool) {
        let source = &mut self.view.source;
        let was_opening = source.opening.take().is_some();
        if was_opening && (!retrying || source.condition == SourceCondition::Failed) {
            // What was open before was closed for it. What is tried again is what was open, unless it was given up.
            source.opened = None;
        }
        source.condition = match (&source.opened, retrying) {
            (None, _) => SourceCondition::Open,
            (Some(_), true) => SourceCondition::Retried,
            (Some(_), false) => SourceCondition::Failed,
        };
        let goes_on = if retrying { " Attune keeps trying." } else { "" };
        self.view.notices.report(Problem {
            severity: Severity::Error,
            message,
            remedy: format!("{remedy}{goes_on}"),
        });
    }
}
