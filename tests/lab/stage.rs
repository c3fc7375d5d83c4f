//! A run of a lab without a terminal.

use attune::lab::{Cells, Lab, LabError, Progress, Report, Run, RunConfig};
use attune::model;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Runs `work` as a lab would be run: with the bundled models, cells kept in `folder` if there is one, nothing told.
pub fn with_run<T>(
    folder: Option<&Path>,
    work: impl FnOnce(&mut Run<'_>) -> Result<T, LabError>,
) -> Result<T, LabError> {
    let cells = match folder {
        Some(folder) => Cells::open(&folder.join("test.cells.jsonl"))?,
        None => Cells::default(),
    };
    let (mut say, stop) = (|_: Progress<'_>| {}, AtomicBool::new(false));
    let config = RunConfig { quick: true, seed: 1 };
    work(&mut Run::new(config, cells, &model::bundled, &mut say, &stop))
}

/// All of a lab, its quick form.
pub fn report(lab: &dyn Lab, folder: Option<&Path>) -> Report {
    with_run(folder, |run| lab.run(run)).unwrap()
}
