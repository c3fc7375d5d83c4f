//! Finished cells in a file, a line for each: plan and result.
//!
//! In: plans, results. Out: JSON lines. Thread: any.

use super::LabError;
use attune_engine::files::{self, FileError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The most bytes of a file of cells: one has some hundred bytes.
const LARGEST: u64 = 256 << 20;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    plan: Value,
    result: Value,
}

/// Finished cells: those of an earlier run, and those that are added.
#[derive(Debug, Default)]
pub struct Cells {
    path: Option<PathBuf>,
    lines: Vec<Line>,
}

impl Cells {
    /// Those in this file, to which others are added; a missing file is created.
    ///
    /// # Errors
    /// If it cannot be read, or a line is not a cell. A last line without its end is one that was being written when
    /// the program was stopped: it is left out.
    pub fn open(path: &Path) -> Result<Self, LabError> {
        let text = match files::read_text(path, LARGEST) {
            Ok(text) => text,
            Err(error) if error.io_error().kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            let opened = OpenOptions::new().write(true).open(path);
            let cut = opened.and_then(|file| file.set_len(whole as u64));
            cut.map_err(FileError::writing(path))?;
        }
        let lines = text[..whole].lines().enumerate().map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| LabError::DamagedCell {
                path: path.to_owned(),
                line: number + 1,
                message: error.to_string(),
            })
        });
        Ok(Self {
            path: Some(path.to_owned()),
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// The file, if they are kept in one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The result of this plan, if it is finished.
    pub fn finished<T: DeserializeOwned>(&self, plan: &Value) -> Option<T> {
        let line = self.lines.iter().find(|line| line.plan == *plan)?;
        serde_json::from_value(line.result.clone()).ok()
    }

    /// Adds one, on the disk before this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, plan: Value, result: Value) -> Result<(), LabError> {
        let line = Line { plan, result };
        if let Some(path) = &self.path {
            let write = || -> std::io::Result<()> {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let mut text = serde_json::to_string(&line)?;
                text.push('\n');
                // One write at the end of the file: two runs into one folder do not cut each other's lines.
                let mut file = OpenOptions::new().append(true).create(true).open(path)?;
                file.write_all(text.as_bytes())?;
                file.sync_all()
            };
            write().map_err(FileError::writing(path))?;
        }
        self.lines.push(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_is_found_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab/x.cells.jsonl");
        let mut cells = Cells::open(&path).unwrap();
        cells.add(json!({"t": 1}), json!(0.25)).unwrap();
        cells.add(json!({"t": 2}), json!(0.5)).unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"plan\":{\"t\":3},\"res"))
            .unwrap();
        let mut again = Cells::open(&path).unwrap();
        assert_eq!(again.finished(&json!({"t": 2})), Some(0.5));
        assert_eq!(again.finished::<f64>(&json!({"t": 3})), None);
        again.add(json!({"t": 3}), json!(0.75)).unwrap();
        assert_eq!(Cells::open(&path).unwrap().finished(&json!({"t": 3})), Some(0.75));
    }

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cells.jsonl");
        // Written and read without care it is 1.570126875.
        let (plan, secs) = (json!({"share": 1.570_126_875_000_000_1}), 1.570_126_875_000_000_1);
        Cells::open(&path).unwrap().add(plan.clone(), json!(secs)).unwrap();
        let again: Option<f64> = Cells::open(&path).unwrap().finished(&plan);
        assert_eq!(again.map(f64::to_bits), Some(f64::to_bits(secs)));
    }

    #[test]
    fn a_line_that_is_no_cell_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        std::fs::write(&path, "{\"plan\":1,\"result\":2}\nnonsense\n").unwrap();
        let error = Cells::open(&path).unwrap_err().to_string();
        assert!(error.contains("x.jsonl line 2") && error.contains("--out"), "{error}");
    }
}
