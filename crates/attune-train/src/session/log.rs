//! `log.csv`: a line for each validation.

use crate::TrainError;
use crate::trainer::{StepReport, Validation};
use attune_engine::files::{FileError, read_if_any_to, write_atomically};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const HEADING: &str =
    "step,loss,teacher_loss,gradient_norm,valid_accuracy,valid_nll,tag_loss,window_loss,attention_loss,local_loss";
/// The most bytes of a log that is read: some 100,000 validations.
const LARGEST: u64 = 8 << 20;

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

/// The log of the run in a folder, up to a step, each step once; empty if there is none. A line that was cut off is
/// left out.
///
/// # Errors
/// If there is one that cannot be read.
pub fn read_log(folder: &Path, up_to: u64) -> Result<Vec<LogLine>, FileError> {
    let Some(bytes) = read_if_any_to(&folder.join(super::LOG), LARGEST)? else {
        return Ok(Vec::new());
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<LogLine> = Vec::new();
    for line in text
        .lines()
        .filter_map(LogLine::parse)
        .filter(|line| line.step <= up_to)
    {
        // What was logged before the checkpoint was written is made again.
        lines.retain(|known| known.step < line.step);
        lines.push(line);
    }
    Ok(lines)
}

impl LogLine {
    fn parse(line: &str) -> Option<Self> {
        let (step, rest) = line.split_once(',')?;
        let values: Vec<f64> = rest.split(',').map(|value| value.parse().ok()).collect::<Option<_>>()?;
        let &[
            loss,
            teacher_loss,
            gradient_norm,
            valid_accuracy,
            valid_nll,
            tag_loss,
            window_loss,
            attention_loss,
            local_loss,
        ] = values.as_slice()
        else {
            return None;
        };
        Some(Self {
            step: step.parse().ok()?,
            loss,
            teacher_loss,
            gradient_norm,
            valid_accuracy,
            valid_nll,
            tag_loss,
            window_loss,
            attention_loss,
            local_loss,
        })
    }
}

/// The file, open at its end.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// A new one with its heading for a run of no steps; else the run's own up to that step: a run that was killed may
    /// have written a line, or half of one, and no checkpoint after it.
    pub(super) fn open(path: &Path, steps: u64) -> Result<Self, TrainError> {
        let before = match steps {
            0 => None,
            _ => read_if_any_to(path, LARGEST)?,
        };
        let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default());
        let is_of_run = |line: &&str| {
            let step = line.split(',').next().and_then(|step| step.parse::<u64>().ok());
            line.ends_with('\n') && step.is_some_and(|step| step <= steps)
        };
        let kept: String = text.split_inclusive('\n').filter(is_of_run).collect();
        write_atomically(path, format!("{HEADING}\n{kept}").as_bytes()).map_err(TrainError::Interrupted)?;
        let file = OpenOptions::new().append(true).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|error| TrainError::Interrupted(FileError::writing(path)(error)))?,
        })
    }

    pub(super) fn write(&mut self, line: &dyn fmt::Display) -> Result<(), TrainError> {
        let failed = FileError::writing(&self.path);
        // In one piece, so that a kill leaves no half of it.
        let line = format!("{line}\n");
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| TrainError::Interrupted(failed(error)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_it_was_written_up_to_a_step_and_without_what_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_log(folder.path(), 9).unwrap(), []);
        let line = |step: u64| LogLine {
            step,
            loss: 0.5,
            teacher_loss: 0.0,
            gradient_norm: 1.25,
            valid_accuracy: 0.75,
            valid_nll: 0.25,
            tag_loss: 0.0,
            window_loss: 0.0,
            attention_loss: 0.0,
            local_loss: 0.0,
        };
        let mut log = Log::open(&folder.path().join(super::super::LOG), 0).unwrap();
        for step in [10, 20, 30, 20] {
            log.write(&line(step)).unwrap();
        }
        log.write(&"30,0.5,0.0").unwrap();
        assert_eq!(read_log(folder.path(), 25).unwrap(), [line(10), line(20)]);
    }
}
