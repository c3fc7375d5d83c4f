//! What the window says to the user in words: one problem at a time, and passing remarks.
//!
//! In: events. Out: a banner and a remark to draw. Thread: window.

use std::time::{Duration, Instant};

/// How long a remark stays.
const REMARK_STAYS: Duration = Duration::from_secs(6);

/// How serious a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It works, but look at this.
    Warning,
    /// It does not work.
    Error,
}

/// Something that is wrong, until it is dismissed or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How serious it is.
    pub severity: Severity,
    /// What happened, naming the thing.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// What is to be reported.
#[derive(Debug, Default)]
pub struct Notices {
    problem: Option<Problem>,
    remark: Option<(String, Instant)>,
}

impl Notices {
    /// Shows a problem in place of an older one.
    pub fn report(&mut self, problem: Problem) {
        self.problem = Some(problem);
    }

    /// What is wrong now.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// The user has read it.
    pub fn dismiss(&mut self) {
        self.problem = None;
    }

    /// A warning is over; an error stays until it is read.
    pub fn recover(&mut self) {
        if self.problem.as_ref().is_some_and(|p| p.severity == Severity::Warning) {
            self.problem = None;
        }
    }

    /// Says something for a few seconds.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.remark = Some((text.into(), Instant::now()));
    }

    /// The remark and how long it stays yet.
    pub fn current_remark(&self) -> Option<(&str, Duration)> {
        let (text, since) = self.remark.as_ref()?;
        let left = REMARK_STAYS.checked_sub(since.elapsed())?;
        Some((text, left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_clears_a_warning_and_leaves_an_error() {
        let mut notices = Notices::default();
        let mut problem = Problem {
            severity: Severity::Warning,
            message: "The microphone brings only zeros".into(),
            remedy: "Unmute it".into(),
        };
        notices.report(problem.clone());
        notices.recover();
        assert_eq!(notices.problem(), None);
        problem.severity = Severity::Error;
        notices.report(problem.clone());
        notices.recover();
        assert_eq!(notices.problem(), Some(&problem));
        notices.dismiss();
        assert_eq!(notices.problem(), None);
    }
}
