//! What a lab found, in the form that all labs share: tables, remarks, pictures.

use super::LabError;
use attune_engine::files::{FileError, write_atomically};
use attune_engine::picture::Sheet;
use attune_engine::table;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// The mean; 0 of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

/// One entry of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, and how many digits after the point a reader needs.
    Number(f64, usize),
    /// A number small or large enough to be read by its power of ten.
    Power(f64),
    /// A share 0…1, read in percent.
    Share(f64),
    /// Nothing that could be said.
    Absent,
}

impl From<&str> for Entry {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<usize> for Entry {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

/// For readers: rounded, with its unit if it has one.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number, digits) => write!(f, "{number:.digits$}"),
            Self::Power(number) => write!(f, "{number:.1e}"),
            Self::Share(share) => write!(f, "{:.1} %", share * 100.0),
            Self::Absent => f.write_str("–"),
        }
    }
}

impl Entry {
    /// For programs: not rounded.
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Count(count) => (*count).into(),
            Self::Number(number, _) | Self::Power(number) | Self::Share(number) => (*number).into(),
            Self::Absent => Value::Null,
        }
    }

    /// For a spreadsheet: as for programs, with nothing where there is nothing.
    fn field(&self) -> String {
        match self.value() {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// In names of files and in JSON: a word in small letters.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// What each column holds, with its unit.
    pub columns: Vec<String>,
    /// As many entries in each as there are columns.
    pub rows: Vec<Vec<Entry>>,
    /// Whether it is long and for files only.
    pub long: bool,
}

impl Table {
    /// One without rows.
    pub fn new(name: &'static str, title: &str, columns: &[&str]) -> Self {
        Self {
            name,
            title: title.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
            long: false,
        }
    }

    /// As comma-separated values with a heading.
    pub fn csv(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().map(Entry::field).collect());
        table::csv(std::iter::once(self.columns.clone()).chain(rows))
    }
}

/// A list of rows, each an object by columns.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = |row: &Vec<Entry>| -> Map<String, Value> {
            let values = row.iter().map(Entry::value);
            self.columns.iter().cloned().zip(values).collect()
        };
        self.rows.iter().map(row).collect::<Vec<_>>().serialize(serializer)
    }
}

/// All that a lab found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The lab.
    pub lab: &'static str,
    /// What was measured.
    pub tables: Vec<Table>,
    /// What a reader must know of it.
    pub notes: Vec<String>,
    /// The picture of the lesson, if there is anything to draw.
    pub picture: Option<Sheet>,
}

impl Report {
    /// Writes `LAB-TABLE.csv` for each table and `LAB.svg` there; the paths.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, LabError> {
        let mut paths = Vec::new();
        let mut write = |name: String, text: &str| -> Result<(), FileError> {
            let path = folder.join(name);
            write_atomically(&path, text.as_bytes())?;
            paths.push(path);
            Ok(())
        };
        for table in &self.tables {
            write(format!("{}-{}.csv", self.lab, table.name), &table.csv())?;
        }
        if let Some(picture) = &self.picture {
            write(format!("{}.svg", self.lab), &picture.svg())?;
        }
        Ok(paths)
    }

    /// As one JSON document: the tables by name, and the notes.
    pub fn document(&self) -> Value {
        let tables = self.tables.iter().map(|table| {
            let rows = serde_json::to_value(table).unwrap_or(Value::Null);
            (table.name.to_owned(), rows)
        });
        serde_json::json!({
            "lab": self.lab,
            "tables": tables.collect::<Map<_, _>>(),
            "notes": self.notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_what_readers_see_rounded() {
        let mut table = Table::new("x", "Numbers", &["net", "loss", "right", "n"]);
        table.rows.push(vec![
            "a, b".into(),
            Entry::Power(0.000_023_4),
            Entry::Share(0.125),
            3.into(),
        ]);
        table
            .rows
            .push(vec!["c".into(), Entry::Absent, Entry::Share(1.0), 4.into()]);
        assert_eq!(table.csv(), "net,loss,right,n\n\"a, b\",0.0000234,0.125,3\nc,,1.0,4\n");
        let shown: Vec<String> = table.rows[0].iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a, b", "2.3e-5", "12.5 %", "3"]);
        let report = Report {
            lab: "memory",
            tables: vec![table],
            notes: Vec::new(),
            picture: None,
        };
        assert_eq!(report.document()["tables"]["x"][1]["right"], 1.0);
        let folder = tempfile::tempdir().unwrap();
        let paths = report.write(folder.path()).unwrap();
        assert_eq!(paths, [folder.path().join("memory-x.csv")]);
    }
}
