//! One run of a lab: its settings, the cells that are finished, its events, and when to stop.
//!
//! In: settings, finished cells. Out: events, cells. Thread: the caller's; the stop flag may be set from any.

use super::{Cells, LabError, Report};
use attune_model::load::hex;
use attune_model::{ModelError, ModelSet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Settings of every lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConfig {
    /// A small version that takes minutes.
    pub quick: bool,
    /// Everything random comes from this.
    pub seed: u64,
}

impl RunConfig {
    /// Seeds of labs that repeat training: three, or the first of them if quick.
    pub fn seeds(self) -> Vec<u64> {
        (self.seed..).take(if self.quick { 1 } else { 3 }).collect()
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Cells that are finished.
    pub finished: usize,
    /// Cells in all; 0 if not known yet.
    pub of: usize,
    /// The work in progress.
    pub line: &'a str,
}

/// What a run reports while it lasts.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent<'a> {
    /// How far it is.
    Progress(Progress<'a>),
    /// The report of the cells that are finished.
    Partial(Box<Report>),
}

/// One run of a lab.
pub struct Run<'a> {
    config: RunConfig,
    cells: Cells,
    models: &'a dyn Fn() -> Result<ModelSet, ModelError>,
    say: &'a mut dyn FnMut(RunEvent<'_>),
    stop: &'a AtomicBool,
    finished: usize,
    of: usize,
    /// The plan that is worked on, and how many of its trainings have begun.
    current: Option<(serde_json::Value, usize)>,
}

impl<'a> Run<'a> {
    /// `models` loads the models; only labs that need them call it. `stop` is read at every event and training step.
    pub fn new(
        config: RunConfig,
        cells: Cells,
        models: &'a dyn Fn() -> Result<ModelSet, ModelError>,
        say: &'a mut dyn FnMut(RunEvent<'_>),
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            config,
            cells,
            models,
            say,
            stop,
            finished: 0,
            of: 0,
            current: None,
        }
    }

    /// Its settings.
    pub fn config(&self) -> RunConfig {
        self.config
    }

    /// The models.
    ///
    /// # Errors
    /// If one cannot be loaded.
    pub fn models(&self) -> Result<ModelSet, ModelError> {
        (self.models)()
    }

    /// Says how many cells there will be in all.
    pub fn expect(&mut self, cells: usize) {
        self.of = cells;
    }

    /// Reports the work in progress.
    ///
    /// # Errors
    /// If the run is to stop.
    pub fn say(&mut self, line: &str) -> Result<(), LabError> {
        (self.say)(RunEvent::Progress(Progress {
            finished: self.finished,
            of: self.of,
            line,
        }));
        self.check_stop()
    }

    /// Called at each step of long work.
    ///
    /// # Errors
    /// If the run is to stop.
    pub(crate) fn check_stop(&self) -> Result<(), LabError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LabError::Stopped);
        }
        Ok(())
    }

    /// Reports the cells that are finished, marked as unfinished. The last such report remains if the run stops or
    /// fails.
    pub fn partial(&mut self, mut so_far: Report) {
        if self.finished < self.of {
            let unfinished = format!("unfinished: {} of {} parts", self.finished, self.of);
            so_far.notes.insert(0, unfinished);
        }
        (self.say)(RunEvent::Partial(Box::new(so_far)));
    }

    /// The result of `plan`: taken from an earlier run that finished it, otherwise computed and kept. Everything that
    /// determines the result is in the plan, the seed too: another plan is another cell.
    ///
    /// # Errors
    /// If the work fails or is stopped, or if its result cannot be kept.
    pub fn cell<P: Serialize, T: Serialize + DeserializeOwned>(
        &mut self,
        plan: &P,
        work: impl FnOnce(&mut Self) -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        let plan = value_of(plan)?;
        let result = if let Some(result) = self.cells.finished(&plan) {
            result
        } else {
            self.current = Some((plan.clone(), 0));
            let result = work(self)?;
            self.cells.add(plan, value_of(&result)?)?;
            result
        };
        self.finished += 1;
        Ok(result)
    }

    /// The result of `work` on `plan`, even if an earlier run finished it: for what a cell does not keep, such as
    /// weights to export. A training of more than a minute is not repeated: its state is kept.
    ///
    /// # Errors
    /// If the work fails or is stopped.
    pub(crate) fn uncached<P: Serialize, T>(
        &mut self,
        plan: &P,
        work: impl FnOnce(&mut Self) -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        self.current = Some((value_of(plan)?, 0));
        let result = work(self)?;
        self.finished += 1;
        Ok(result)
    }

    /// Where the state of the next training is kept, and the plan that it belongs to; `None` if nothing is kept.
    pub(crate) fn next_training(&mut self) -> Option<(PathBuf, String)> {
        let (plan, begun) = self.current.as_mut()?;
        let text = format!("{plan} {begun}");
        *begun += 1;
        Some((self.named_by(&text, "training")?, text))
    }

    /// Where something that follows from `plan` is kept, `LAB.DIGEST.EXTENSION`; `None` if nothing is kept.
    ///
    /// # Errors
    /// If the plan cannot be written as JSON.
    pub(crate) fn beside(&self, plan: &impl Serialize, extension: &str) -> Result<Option<PathBuf>, LabError> {
        Ok(self.named_by(&value_of(plan)?.to_string(), extension))
    }

    fn named_by(&self, text: &str, extension: &str) -> Option<PathBuf> {
        let cells = self.cells.path()?;
        let digest = hex(&Sha256::digest(text));
        let extension = format!("{}.{extension}", &digest[..12]);
        Some(cells.with_extension("").with_extension(extension))
    }
}

fn value_of(it: &impl Serialize) -> Result<serde_json::Value, LabError> {
    serde_json::to_value(it).map_err(|error| LabError::Refused(format!("a cell cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_resumes_from_finished_cells_and_stops_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.jsonl");
        let config = RunConfig { quick: true, seed: 1 };
        let none = || Err(ModelError::NotFinite);
        let stop = AtomicBool::new(false);
        let mut worked = 0;
        for _ in 0..2 {
            let mut say = |_: RunEvent<'_>| {};
            let mut run = Run::new(config, Cells::open(&path).unwrap(), &none, &mut say, &stop);
            for n in [1_u32, 2, 1] {
                let square = run.cell(&("square", n), |_| {
                    worked += 1;
                    Ok(n * n)
                });
                assert_eq!(square.unwrap(), n * n);
            }
        }
        assert_eq!(worked, 2, "each plan is worked out once");

        stop.store(true, Ordering::Relaxed);
        let mut said = Vec::new();
        let mut say = |what: RunEvent<'_>| match what {
            RunEvent::Progress(progress) => said.push((progress.finished, progress.of, progress.line.to_owned())),
            RunEvent::Partial(report) => said.push((0, 0, report.notes.join(", "))),
        };
        let mut run = Run::new(config, Cells::default(), &none, &mut say, &stop);
        run.expect(3);
        let result: Result<u32, _> = run.cell(&0, |run| run.say("half").map(|()| 1));
        assert!(matches!(result, Err(LabError::Stopped)));
        // A partial report says so, until all cells are finished.
        let report = || Report {
            lab: "none",
            tables: Vec::new(),
            notes: vec!["read it so".to_owned()],
            picture: None,
        };
        run.cell(&1, |_| Ok(1)).unwrap();
        run.partial(report());
        run.expect(1);
        run.partial(report());
        let expected = ["half", "unfinished: 1 of 3 parts, read it so", "read it so"];
        let places = [(0, 3), (0, 0), (0, 0)];
        let expected: Vec<_> = places
            .into_iter()
            .zip(expected)
            .map(|((at, of), line)| (at, of, line.to_owned()))
            .collect();
        assert_eq!(said, expected);
    }
}
