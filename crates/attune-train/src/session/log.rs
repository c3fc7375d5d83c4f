//! `log.csv`: a line for each validation.

use crate::TrainError;
use crate::trainer::{StepReport, Validation};
use attune_engine::files::FileError;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// One validation, and the means since the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogLine {
    /// Steps made.
    pub step: u64,
    /// Mean cross-entropy with the labels.
    pub loss: f64,
    /// Mean squared error with the teacher.
    pub teacher_loss: f64,
    /// Mean norm of the gradients.
    pub gradient_norm: f64,
    /// Share of the validation clips that are classified correctly.
    pub valid_accuracy: f64,
    /// Mean −ln p of the truth over the validation clips.
    pub valid_nll: f64,
    /// Mean cross-entropy with the teacher's tags.
    pub tag_loss: f64,
    /// Mean squared error with the windowed targets.
    pub window_loss: f64,
    /// Mean −ln of the attention in planted passages.
    pub attention_loss: f64,
    /// Mean cross-entropy of the evidence within planted passages and around them.
    pub local_loss: f64,
}

impl fmt::Display for LogLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4}",
            self.step,
            self.loss,
            self.teacher_loss,
            self.gradient_norm,
            self.valid_accuracy,
            self.valid_nll,
            self.tag_loss,
            self.window_loss,
            self.attention_loss,
            self.local_loss
        )
    }
}

/// The file, open at its end.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// A new one with its heading for a run of no steps; else the run's own.
    pub(super) fn open(path: &Path, steps: u64) -> Result<Self, TrainError> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(steps > 0)
            .truncate(steps == 0)
            .open(path);
        let mut log = Self {
            path: path.to_owned(),
            file: file.map_err(|error| TrainError::Interrupted(FileError::writing(path)(error)))?,
        };
        if steps == 0 {
            log.write(
                &"step,loss,teacher_loss,gradient_norm,valid_accuracy,valid_nll,tag_loss,window_loss,attention_loss,local_loss",
            )?;
        }
        Ok(log)
    }

    pub(super) fn write(&mut self, line: &dyn fmt::Display) -> Result<(), TrainError> {
        let failed = FileError::writing(&self.path);
        writeln!(self.file, "{line}").map_err(|error| TrainError::Interrupted(failed(error)))
    }
}

/// Means since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Means {
    sums: [f64; 7],
    count: u32,
}

impl Means {
    pub(super) fn add(&mut self, report: &StepReport) {
        let values = [
            report.loss,
            report.teacher_loss,
            report.gradient_norm,
            report.tag_loss,
            report.window_loss,
            report.attention_loss,
            report.local_loss,
        ];
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += f64::from(value);
        }
        self.count += 1;
    }

    pub(super) fn loss(&self) -> f64 {
        self.sums[0] / f64::from(self.count.max(1))
    }

    /// The line of a validation; the means begin again.
    pub(super) fn line(&mut self, step: u64, valid: &Validation) -> LogLine {
        let count = f64::from(self.count.max(1));
        let means = self.sums.map(|sum| sum / count);
        let [
            loss,
            teacher_loss,
            gradient_norm,
            tag_loss,
            window_loss,
            attention_loss,
            local_loss,
        ] = means;
        *self = Self::default();
        LogLine {
            step,
            loss,
            teacher_loss,
            gradient_norm,
            valid_accuracy: valid.shown().accuracy,
            valid_nll: valid.nll,
            tag_loss,
            window_loss,
            attention_loss,
            local_loss,
        }
    }
}
