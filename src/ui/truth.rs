//! What a file is known to be: its true sections, from the demo's table or from a file beside it.
//!
//! In: `NAME.truth.txt` (a label track as Audacity exports it: `start<TAB>end<TAB>label`, in seconds) or
//! `NAME.truth.csv` (with the columns `start_s`, `end_s` and `genre`, as `attune analyze` writes segments) beside NAME.
//! Out: sections. Thread: one of its own: a folder may hang.
//!
//! Attune's own `NAME.labels.txt` is never read: it has answers, not truths.

use crate::demo;
use crate::ui::panels::printable;
use attune_audio::units::Seconds;
use attune_engine::files::{FileError, read_if_any_to};
use attune_engine::table::{Record, records};
use attune_model::genre::{GenreId, GenreSet};
use std::path::{Path, PathBuf};

/// The most bytes of such a file: an hour of a section each second has a hundred thousand.
const LARGEST: u64 = 1 << 20;
/// The most sections.
const MOST: usize = 5_000;
/// Characters of a label that are shown.
const LONGEST_LABEL: usize = 40;

/// A stretch of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueSection {
    /// Where it begins and ends.
    pub span: (Seconds, Seconds),
    /// What it is, to be shown.
    pub label: String,
    /// The class of that name; `None`: no model has it.
    pub genre: Option<GenreId>,
}

/// Why a file of true sections is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TruthError {
    /// It cannot be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// A line of it is not as it should be.
    #[error("{path}, line {line}: {message}", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it, with its value.
        message: String,
    },
}

impl TruthError {
    /// What to do: one sentence.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::File(error) => error.remedy(),
            Self::Line { .. } => {
                "A line of NAME.truth.txt is start, end and label with tabs between them, in seconds; NAME.truth.csv has \
                 the columns start_s, end_s and genre. Correct it and open the file again."
            }
        }
    }
}

/// The true sections of a file, in order; none if nobody wrote any.
///
/// # Errors
/// If there is a file of them that cannot be read or used.
pub(super) fn of_file(path: &Path, genres: &GenreSet) -> Result<Vec<TrueSection>, TruthError> {
    if demo::is_demo(path) {
        let sections = demo::sections().iter();
        let sections = sections.map(|section| TrueSection {
            span: (Seconds(section.start_s), Seconds(section.end_s)),
            label: section.genre.to_owned(),
            genre: genres.find(section.genre),
        });
        return Ok(sections.collect());
    }
    let (labels, table) = (path.with_extension("truth.txt"), path.with_extension("truth.csv"));
    if let Some(bytes) = read_if_any_to(&labels, LARGEST)? {
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().zip(1..);
        // Audacity writes the frequencies of a label on a line of their own, which begins with a backslash.
        let lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('\\'));
        let rows = lines.map(|(line, number)| (number, line.split('\t').map(str::trim).collect()));
        return sections(&labels, rows, genres);
    }
    match read_if_any_to(&table, LARGEST)? {
        Some(bytes) => {
            let (first, rows) = rows_of(&table, &bytes)?;
            let columns = ["start_s", "end_s", "genre"].map(|name| first.iter().position(|field| field == name));
            let [Some(start), Some(end), Some(genre)] = columns else {
                return Err(at(&table, 1, format!("its columns are {:?}", first.join(","))));
            };
            let field = |row: &'_ Record, place: usize| row.fields.get(place).cloned().unwrap_or_default();
            let rows: Vec<_> = rows
                .iter()
                .map(|row| (row.line, [start, end, genre].map(|place| field(row, place))))
                .collect();
            let rows = rows
                .iter()
                .map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect()));
            sections(&table, rows, genres)
        }
        None => Ok(Vec::new()),
    }
}

fn at(path: &Path, line: u64, message: String) -> TruthError {
    let path = path.to_owned();
    TruthError::Line { path, line, message }
}

/// The heading of a table, and its rows.
fn rows_of(path: &Path, bytes: &[u8]) -> Result<(Vec<String>, Vec<Record>), TruthError> {
    let rows: Result<Vec<Record>, _> = records(bytes).collect();
    let rows = rows.map_err(|error| at(path, error.line.unwrap_or(1), error.message))?;
    let mut rows = rows.into_iter();
    let first = rows.next().map(|row| row.fields).unwrap_or_default();
    Ok((first, rows.collect()))
}

/// Rows of start, end and label, in seconds.
fn sections<'a>(
    path: &Path,
    rows: impl Iterator<Item = (u64, Vec<&'a str>)>,
    genres: &GenreSet,
) -> Result<Vec<TrueSection>, TruthError> {
    let mut sections = Vec::new();
    for (line, fields) in rows {
        let [start, end, label, ..] = fields[..] else {
            return Err(at(path, line, format!("{} fields instead of 3", fields.len())));
        };
        // Audacity writes a decimal comma where the language has one.
        let number = |text: &str| {
            text.replace(',', ".")
                .parse::<f64>()
                .ok()
                .filter(|it| it.is_finite() && *it >= 0.0)
        };
        let span = match (number(start), number(end)) {
            (Some(start), Some(end)) if end >= start => (Seconds(start), Seconds(end)),
            _ => {
                return Err(at(
                    path,
                    line,
                    format!("from {start:?} to {end:?} is no stretch of time"),
                ));
            }
        };
        if sections.len() == MOST {
            return Err(at(path, line, format!("more than {MOST} sections")));
        }
        // A point in time is a mark of something else.
        if span.1.0 > span.0.0 {
            sections.push(TrueSection {
                span,
                label: printable(label, LONGEST_LABEL),
                genre: genres.find_name(label),
            });
        }
    }
    sections.sort_by(|a, b| a.span.0.0.total_cmp(&b.span.0.0));
    Ok(sections)
}

/// The section at this time; of two that overlap, the one that began later.
pub(super) fn section_at(sections: &[TrueSection], at: Seconds) -> Option<&TrueSection> {
    let until = sections.partition_point(|section| section.span.0.0 <= at.0);
    sections[..until].iter().rev().find(|section| at.0 < section.span.1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<TrueSection>, TruthError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        // What Attune itself answered is no truth.
        std::fs::write(folder.path().join("song.labels.txt"), "0\t9\tRock 83 %\n").unwrap();
        of_file(&folder.path().join("song.mp3"), &GenreSet::gtzan())
    }

    #[test]
    fn label_tracks_and_tables_of_segments_are_read() {
        let jazz = GenreSet::gtzan().find("jazz");
        let section = |start, end, label: &str, genre| TrueSection {
            span: (Seconds(start), Seconds(end)),
            label: label.to_owned(),
            genre,
        };
        let wanted = vec![
            section(0.0, 4.5, "Jazz", jazz),
            section(4.5, 9.0, "applause\\u001b", None),
        ];
        let labels = "4,5\t9.0\tapplause\u{1b}\n\\\t100\t200\n0\t4.500000\tJazz\n3\t3\ta mark\n";
        assert_eq!(read("song.truth.txt", labels).unwrap(), wanted);
        let table = "genre,end_s,start_s,note\nJazz,4.5,0,\"a, b\"\napplause\u{1b},9,4.5,\n";
        assert_eq!(read("song.truth.csv", table).unwrap(), wanted);
        assert_eq!(read("other.truth.txt", labels).unwrap(), []);
        assert_eq!(section_at(&wanted, Seconds(4.5)), Some(&wanted[1]));
        assert_eq!(
            (section_at(&wanted, Seconds(9.0)), section_at(&wanted, Seconds(-1.0))),
            (None, None)
        );
    }

    #[test]
    fn what_is_no_section_is_named_with_its_line_and_value() {
        let many = "0\t1\trock\n".repeat(MOST + 1);
        for (name, text, said) in [
            (
                "song.truth.txt",
                "0\t1\trock\n5\t2\tjazz\n",
                "line 2: from \"5\" to \"2\"",
            ),
            ("song.truth.txt", "\n0\t1\n", "line 2: 2 fields"),
            ("song.truth.txt", "0\tNaN\tx\n", "\"NaN\""),
            ("song.truth.txt", many.as_str(), "more than 5000"),
            (
                "song.truth.csv",
                "start,end,genre\n0,1,rock\n",
                "line 1: its columns are \"start,end,genre\"",
            ),
            (
                "song.truth.csv",
                "start_s,end_s,genre\n0,x,rock\n",
                "line 2: from \"0\" to \"x\"",
            ),
        ] {
            let error = read(name, text).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(said) && message.contains(name), "{message}");
            assert!(error.remedy().contains("start_s"));
        }
    }

    #[test]
    fn the_demo_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.ogg");
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg"), &path).unwrap();
        let sections = of_file(&path, &GenreSet::gtzan()).unwrap();
        assert_eq!(sections.len(), demo::sections().len());
        assert!(sections.iter().all(|section| section.genre.is_some()));
    }
}
