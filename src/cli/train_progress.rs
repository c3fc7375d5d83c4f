//! A training run on the terminal: a bar, notes, and the accuracy at the end.
//!
//! In: the events of a session. Out: stderr. Thread: any.

use super::train::TrainArgs;
use attune_train::folders::LeftOut;
use attune_train::renditions::Made;
use attune_train::session::{Event, Outcome, Stage};
use attune_train::validate::Part;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most files that are named one by one when they are left out, and the most warnings.
const NAMED: usize = 20;

/// What is on the terminal.
pub(super) struct Screen {
    bar: ProgressBar,
    model: String,
    steps: u64,
    /// The next tenth of a stage for which a line is due, where no bar can be drawn.
    next: AtomicUsize,
}

impl Screen {
    pub(super) fn new(args: &TrainArgs) -> Self {
        let bar = ProgressBar::new(0).with_style(
            ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            bar,
            model: args.model_name(),
            steps: args.steps(),
            next: AtomicUsize::new(0),
        }
    }

    /// Shows what happens.
    pub(super) fn show(&self, event: &Event<'_>) {
        let say = |line: &str| self.bar.suspend(|| crate::note!("{line}"));
        match event {
            Event::Begin(stage) => self.begin(*stage),
            Event::Progress { stage, done, of } => self.progress(*stage, *done, *of),
            Event::SplitNotes(notes) => notes.iter().for_each(|note| say(note)),
            Event::FoldersRead {
                genres,
                train,
                valid,
                left_out,
                findings,
            } => {
                self.left_out(left_out);
                for finding in findings.iter().take(NAMED) {
                    say(&format!("warning: {finding}"));
                }
                if findings.len() > NAMED {
                    say(&format!("and {} more warnings", findings.len() - NAMED));
                }
                let classes = genres.labels().join(", ");
                say(&format!("{train} training and {valid} validation clips of {classes}"));
            }
            Event::AuxDataRead { clips, no_class } => {
                if !no_class.is_empty() {
                    say(&format!("left out, no class has this name: {}", no_class.join(", ")));
                }
                say(&format!("{clips} auxiliary clips for training"));
            }
            Event::RenditionsMade { made, seconds } => self.renditions(made, *seconds),
            Event::WindowedTargets { with, without } => {
                say(&format!("{with} sounds have windowed targets, {without} have none"));
            }
            Event::StartedFrom { path, fitting, of } => {
                say(&format!("starts from {fitting} of {of} tensors of {}", path.display()));
            }
            Event::Resumed { step } => self.bar.println(format!("resumed at step {step}")),
            Event::Step {
                report,
                mean_loss,
                accuracy,
            } => {
                self.bar.set_position(report.step);
                let accuracy = accuracy.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
                self.bar
                    .set_message(format!("loss {mean_loss:.3}  validation {accuracy}"));
            }
            Event::Validated(line) => {
                if self.bar.is_hidden() {
                    crate::note!("{line}");
                }
            }
            Event::Trained { kept } => {
                self.bar.finish_and_clear();
                if let Some((step, nll)) = kept {
                    crate::note!("kept the weights of step {step} (−ln p {nll:.4})");
                }
            }
        }
    }

    /// How good the weights are, and where they lie.
    pub(super) fn show_outcome(outcome: &Outcome, out: &Path) {
        for part in [Part::Excerpt, Part::Whole] {
            let metrics = outcome.metrics(part);
            if metrics.clips > 0 {
                let percent = metrics.accuracy * 100.0;
                crate::note!("{part:?}: {percent:.1} % of {} validation clips", metrics.clips);
            }
        }
        let manifest = &outcome.manifest;
        let path = out.join(format!("{}.safetensors", manifest.name));
        crate::note!("{} weights in {}", manifest.weight_count, path.display());
    }

    fn begin(&self, stage: Stage) {
        if stage == Stage::Training {
            self.bar.set_prefix(self.model.clone());
            self.bar.set_length(self.steps);
            return;
        }
        self.bar.set_prefix(name(stage));
        self.bar.set_position(0);
        self.next.store(0, Ordering::Relaxed);
    }

    fn progress(&self, stage: Stage, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        let tenth = done * 10 / of.max(1);
        if self.bar.is_hidden() && self.next.fetch_max(tenth + 1, Ordering::Relaxed) <= tenth {
            crate::note!("{}: {done} of {of}", name(stage));
        }
    }

    fn left_out(&self, left_out: &[LeftOut]) {
        self.bar.suspend(|| {
            for reason in left_out.iter().take(NAMED) {
                crate::note!("left out: {}\n  {}", reason.message, reason.remedy);
            }
            if left_out.len() > NAMED {
                crate::note!("and {} more files are left out", left_out.len() - NAMED);
            }
        });
    }

    fn renditions(&self, made: &Made, seconds: f64) {
        self.bar.suspend(|| {
            if let Some(agreement) = made.agreement {
                crate::note!(
                    "teacher and its stored features: correlation {:.4}, mean |Δ| {:.3}, greatest {:.2} deviations \
                     over {} clips",
                    agreement.correlation,
                    agreement.mean_error,
                    agreement.greatest_error,
                    agreement.clips
                );
            }
            for file in &made.left_out {
                crate::note!("left out: {file}");
            }
            if made.new + made.cached > 0 {
                let (new, cached) = (made.new, made.cached);
                crate::note!("{new} renditions made in {seconds:.0} s, {cached} from the cache");
            }
        });
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Reading => "reading",
        Stage::ReadingAuxData => "reading auxiliary data",
        Stage::ReadingDistractors => "reading distractors",
        Stage::Renditions => "renditions",
        Stage::AuxRenditions => "renditions of auxiliary data",
        Stage::Training => "training",
    }
}
