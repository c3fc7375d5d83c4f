//! When an analysis ends before its sound does: a limit of length or time, or Ctrl-C.
//!
//! In: how far it has come. Out: go on, or a [`Failure`]. Thread: the caller's, which must not hold the interpreter.

use super::failure::Failure;
use attune_audio::units::Seconds;
use attune_engine::offline::Progress;
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How often Ctrl-C is looked for: taking the interpreter costs up to 5 ms where other threads compute in Python.
const SIGNALS_EVERY: Duration = Duration::from_millis(200);

/// The most that one sound may last and cost; `None`: no limit.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Of sound.
    length_s: Option<f64>,
    /// Of time on the clock.
    time_s: Option<f64>,
}

/// One analysis under its limits.
pub(crate) struct Watch {
    limits: Limits,
    began: Instant,
    looked: Instant,
    /// Why it ended.
    stop: Option<PyErr>,
}

impl Watch {
    /// With limits of sound and of time on the clock, in seconds.
    pub(crate) fn new((length_s, time_s): (Option<f64>, Option<f64>)) -> Self {
        let now = Instant::now();
        Self {
            limits: Limits { length_s, time_s },
            began: now,
            looked: now,
            stop: None,
        }
    }

    /// For [`attune_engine::offline::analyze`], after each piece.
    pub(crate) fn step(&mut self, progress: Progress) -> ControlFlow<()> {
        self.stop = self.reason(progress);
        if self.stop.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Why it was ended, if it was.
    pub(crate) fn stop(self) -> Option<PyErr> {
        self.stop
    }

    fn reason(&mut self, progress: Progress) -> Option<PyErr> {
        let length = progress
            .duration
            .map_or(progress.done, |Seconds(stated)| Seconds(stated.max(progress.done.0)));
        if let Some(limit) = self.limits.length_s.filter(|limit| length.0 > *limit) {
            return Some(too_long(length, limit).into());
        }
        if let Some(limit) = self
            .limits
            .time_s
            .filter(|limit| self.began.elapsed().as_secs_f64() > *limit)
        {
            let done = progress.done.clock();
            return Some(too_slow(&format!("only {done} of it was analysed in {limit} s")).into());
        }
        if self.looked.elapsed() >= SIGNALS_EVERY {
            return Python::attach(|py| {
                self.looked = Instant::now();
                py.check_signals()
            })
            .err();
        }
        None
    }
}

fn too_long(length: Seconds, limit: f64) -> Failure {
    Failure::new(
        "too_long",
        format!(
            "it lasts {} at least, longer than the limit of {}",
            length.clock(),
            Seconds(limit).clock()
        ),
        "Cut it, or raise the limit of length.",
    )
}

fn too_slow(message: &str) -> Failure {
    Failure::new("time_limit", message, "Raise the limit of time, or leave it out.")
}
