//! One run of a lab: what is asked for, what is finished, whom to tell, and when to stop.

use super::{Cells, LabError, Report};
use attune_model::{ModelError, ModelSet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicBool, Ordering};

/// What every lab is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConfig {
    /// A taste of it in minutes instead of all of it.
    pub quick: bool,
    /// Everything random comes from this.
    pub seed: u64,
}

impl RunConfig {
    /// Seeds of labs that teach anew from each: three, or the first of them for a taste.
    pub fn seeds(self) -> Vec<u64> {
        (self.seed..).take(if self.quick { 1 } else { 3 }).collect()
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Cells that are finished.
    pub finished: usize,
    /// Cells in all; 0: not known yet.
    pub of: usize,
    /// What is under way.
    pub line: &'a str,
}

/// What a run has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Said<'a> {
    /// Where it is.
    At(Progress<'a>),
    /// What it has found so far: as it will report it, without what is not finished yet.
    Found(Box<Report>),
}

/// One run of a lab.
pub struct Run<'a> {
    config: RunConfig,
    cells: Cells,
    models: &'a dyn Fn() -> Result<ModelSet, ModelError>,
    say: &'a mut dyn FnMut(Said<'_>),
    stop: &'a AtomicBool,
    finished: usize,
    of: usize,
}

impl<'a> Run<'a> {
    /// `models` loads those that listen; it is asked only by labs that need them. `stop` is looked at whenever
    /// something is said, and at each step of teaching.
    pub fn new(
        config: RunConfig,
        cells: Cells,
        models: &'a dyn Fn() -> Result<ModelSet, ModelError>,
        say: &'a mut dyn FnMut(Said<'_>),
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
        }
    }

    /// What is asked for.
    pub fn config(&self) -> RunConfig {
        self.config
    }

    /// The models that listen.
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

    /// Tells what is under way.
    ///
    /// # Errors
    /// If the run is to stop.
    pub fn say(&mut self, line: &str) -> Result<(), LabError> {
        (self.say)(Said::At(Progress {
            finished: self.finished,
            of: self.of,
            line,
        }));
        self.go_on()
    }

    /// Whether to: asked at each step of anything long.
    ///
    /// # Errors
    /// If the run is to stop.
    pub fn go_on(&self) -> Result<(), LabError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LabError::Stopped);
        }
        Ok(())
    }

    /// Shows what has been found so far, and that it is not all. It stays, if the run is stopped or fails.
    pub fn found(&mut self, mut so_far: Report) {
        if self.finished < self.of {
            let unfinished = format!("unfinished: {} of {} parts", self.finished, self.of);
            so_far.notes.insert(0, unfinished);
        }
        (self.say)(Said::Found(Box::new(so_far)));
    }

    /// What comes of `plan`: taken from an earlier run if that finished it, worked out and kept otherwise. All that fixes
    /// the result is in the plan, the seed too: a cell of another plan is another cell.
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
            let result = work(self)?;
            self.cells.add(plan, value_of(&result)?)?;
            result
        };
        self.finished += 1;
        Ok(result)
    }

    /// What comes of `work`, even if an earlier run finished it: for what a cell does not keep, like weights to be exported.
    ///
    /// # Errors
    /// If the work fails or is stopped.
    pub fn anew<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, LabError>) -> Result<T, LabError> {
        let result = work(self)?;
        self.finished += 1;
        Ok(result)
    }
}

fn value_of(it: &impl Serialize) -> Result<serde_json::Value, LabError> {
    serde_json::to_value(it).map_err(|error| LabError::Asked(format!("a cell cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_from_what_is_finished_and_stops_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.jsonl");
        let config = RunConfig { quick: true, seed: 1 };
        let none = || Err(ModelError::NotFinite);
        let stop = AtomicBool::new(false);
        let mut worked = 0;
        for _ in 0..2 {
            let mut say = |_: Said<'_>| {};
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
        let mut say = |what: Said<'_>| match what {
            Said::At(progress) => said.push((progress.finished, progress.of, progress.line.to_owned())),
            Said::Found(report) => said.push((0, 0, report.notes.join(", "))),
        };
        let mut run = Run::new(config, Cells::default(), &none, &mut say, &stop);
        run.expect(3);
        let result: Result<u32, _> = run.cell(&0, |run| run.say("half").map(|()| 1));
        assert!(matches!(result, Err(LabError::Stopped)));
        // What is found is called unfinished, until it is not.
        let report = || Report {
            lab: "none",
            tables: Vec::new(),
            notes: vec!["read it so".to_owned()],
            picture: None,
        };
        run.cell(&1, |_| Ok(1)).unwrap();
        run.found(report());
        run.expect(1);
        run.found(report());
        let told = ["half", "unfinished: 1 of 3 parts, read it so", "read it so"];
        let places = [(0, 3), (0, 0), (0, 0)];
        let expected: Vec<_> = places
            .into_iter()
            .zip(told)
            .map(|((at, of), line)| (at, of, line.to_owned()))
            .collect();
        assert_eq!(said, expected);
    }
}
