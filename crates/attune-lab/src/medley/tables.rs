//! The tables that the scorer reads: comma-separated values with a heading, whose columns are found by their names.
//!
//! | table | columns | a line is |
//! |---|---|---|
//! | reference | `piece`, `start_s`, `end_s`, `token` | a section |
//! | hypothesis | `piece`, `token`; if known `start_s`, `end_s`, `written_s` | a token that was written, in this order |
//! | alignment | `piece`, `unit`, `token`, `link` | a link of a unit of the source and a token of the reference |
//!
//! Times are in seconds from the start of the piece. `start_s` of a hypothesis is since when the token holds,
//! `written_s` how much of the piece had been heard when it was written; `end_s` may be empty, and is then the start of
//! the next section or the end of the piece. A unit is a stretch of the source, both counted from 0; `link` is `found`,
//! `sure` or `possible`. Other columns are ignored. Every `sure` link is a possible one too.
//!
//! In: files. Out: [`Reference`], [`Hypothesis`], [`Links`], or a [`TableError`] that names file, line and value.
//! Thread: any.

use attune_engine::table::{Record, records};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: u64 = 64 << 20;
/// The most pieces of a table.
pub const MOST_PIECES: usize = 10_000;
/// The most sections or tokens of a piece.
pub const MOST_TOKENS: usize = 2_000;
/// The longest name or token, in bytes.
pub const MOST_NAME: usize = 200;
/// The longest time, in seconds: a week.
pub const MOST_SECONDS: f64 = 604_800.0;

pub(super) const REFERENCE_COLUMNS: [&str; 4] = ["piece", "start_s", "end_s", "token"];
const HYPOTHESIS_COLUMNS: [&str; 2] = ["piece", "token"];
const LINK_COLUMNS: [&str; 4] = ["piece", "unit", "token", "link"];

/// A table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}{line}: {message}",
    path = .path.display(),
    line = .line.map_or(String::new(), |line| format!(" line {line}"))
)]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    /// Its line, from 1, if it is about one.
    pub line: Option<u64>,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A section of the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceSection {
    /// When it begins.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
    /// What it is.
    pub token: String,
}

/// The true sections, by piece.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// Sections in order of time; each piece has one or more.
    pub pieces: BTreeMap<String, Vec<ReferenceSection>>,
}

/// A token that a model wrote.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WrittenToken {
    /// What it says.
    pub token: String,
    /// Since when it holds.
    pub start_s: Option<f64>,
    /// Until when.
    pub end_s: Option<f64>,
    /// How much of the piece had been heard.
    pub written_s: Option<f64>,
}

/// What a model wrote, by piece.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hypothesis {
    /// Tokens in the order in which they were written. A piece of which nothing was written is missing.
    pub pieces: BTreeMap<String, Vec<WrittenToken>>,
    /// Whether every token has a start.
    pub has_starts: bool,
    /// Whether every token has the time when it was written.
    pub has_times: bool,
}

/// A link of a unit of the source and a token of the reference, both from 0.
pub type Link = (u32, u32);

/// The links of one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PieceLinks {
    /// What a model found: A.
    pub found: BTreeSet<Link>,
    /// What is surely right: S.
    pub sure: BTreeSet<Link>,
    /// What may be right: P, of which S is a part.
    pub possible: BTreeSet<Link>,
}

/// Links by piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Each piece that has any.
    pub pieces: BTreeMap<String, PieceLinks>,
}

impl Reference {
    /// Reads a table.
    ///
    /// # Errors
    /// If the file cannot be read, is larger than [`MOST_BYTES`], or a line is not what it must be: sections need
    /// names, an end after the start, and must not overlap the one before.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let sheet = Sheet::read(path, &REFERENCE_COLUMNS)?;
        let mut reference = Self::default();
        for row in sheet.rows() {
            let section = ReferenceSection {
                start_s: row.seconds("start_s")?,
                end_s: row.seconds("end_s")?,
                token: row.name("token")?.to_owned(),
            };
            row.check_order(section.start_s, section.end_s)?;
            let sections = row.piece_of(&mut reference.pieces)?;
            if let Some(before) = sections.last()
                && section.start_s < before.end_s - 1e-6
            {
                return Err(row.wrong(
                    format!(
                        "the section begins at {} s, before the one above it ends ({} s)",
                        section.start_s, before.end_s
                    ),
                    "Sections of a piece stand in order of time and do not overlap.",
                ));
            }
            sections.push(section);
        }
        Ok(reference)
    }
}

impl Hypothesis {
    /// Reads a table.
    ///
    /// # Errors
    /// As [`Reference::read`]; also for a piece that the reference does not have, starts that do not rise, and times of
    /// writing that fall.
    pub fn read(path: &Path, reference: &Reference) -> Result<Self, TableError> {
        let sheet = Sheet::read(path, &HYPOTHESIS_COLUMNS)?;
        let mut hypothesis = Self {
            pieces: BTreeMap::new(),
            has_starts: sheet.columns.contains_key("start_s"),
            has_times: sheet.columns.contains_key("written_s"),
        };
        for row in sheet.rows() {
            let token = WrittenToken {
                token: row.name("token")?.to_owned(),
                start_s: row.seconds_if("start_s", hypothesis.has_starts)?,
                end_s: row.seconds_if("end_s", !row.field("end_s").is_empty())?,
                written_s: row.seconds_if("written_s", hypothesis.has_times)?,
            };
            if let (Some(start), Some(end)) = (token.start_s, token.end_s) {
                row.check_order(start, end)?;
            }
            row.check_known(&reference.pieces)?;
            let tokens = row.piece_of(&mut hypothesis.pieces)?;
            if let Some(before) = tokens.last() {
                row.check_after(before, &token)?;
            }
            tokens.push(token);
        }
        Ok(hypothesis)
    }
}

impl Links {
    /// Reads a table. If it has no `sure` and no `possible` link at all, they are those of the reference in units of
    /// `unit_s` seconds ([`Links::of`]).
    ///
    /// # Errors
    /// As [`Reference::read`]; also for a piece or a token that the reference does not have.
    pub fn read(path: &Path, reference: &Reference, unit_s: f64) -> Result<Self, TableError> {
        let sheet = Sheet::read(path, &LINK_COLUMNS)?;
        let mut links = Self::default();
        for row in sheet.rows() {
            row.check_known(&reference.pieces)?;
            let link = (row.count("unit")?, row.count("token")?);
            let tokens = reference.pieces.get(row.field("piece")).map_or(0, Vec::len);
            if link.1 as usize >= tokens {
                return Err(row.wrong(
                    format!(
                        "there is no token {} in {:?}, which has {tokens}",
                        link.1,
                        row.field("piece")
                    ),
                    "Tokens are those of the reference, counted from 0.",
                ));
            }
            let known = links.pieces.len() < MOST_PIECES || links.pieces.contains_key(row.field("piece"));
            if !known {
                return Err(row.too_many_pieces());
            }
            let piece = links.pieces.entry(row.field("piece").to_owned()).or_default();
            match row.field("link") {
                "found" => {
                    piece.found.insert(link);
                }
                "sure" => {
                    piece.sure.insert(link);
                    piece.possible.insert(link);
                }
                "possible" => {
                    piece.possible.insert(link);
                }
                other => {
                    return Err(row.wrong(format!("the link is {other:?}"), "A link is found, sure or possible."));
                }
            }
        }
        if links.pieces.values().all(|piece| piece.possible.is_empty()) {
            for (name, of_reference) in Self::of(reference, unit_s).pieces {
                let piece = links.pieces.entry(name).or_default();
                (piece.sure, piece.possible) = (of_reference.sure, of_reference.possible);
            }
        }
        Ok(links)
    }

    /// The links of the reference itself: unit u lasts from u to u + 1 times `unit_s`. A unit that lies within a
    /// section is surely its token's, one that overlaps it possibly.
    ///
    /// # Panics
    /// If the length of a unit is below a millisecond: a slip of the caller.
    pub fn of(reference: &Reference, unit_s: f64) -> Self {
        assert!(unit_s >= 1e-3, "a unit lasts a millisecond or more");
        let mut links = Self::default();
        for (name, sections) in &reference.pieces {
            let piece = links.pieces.entry(name.clone()).or_default();
            for (token, section) in sections.iter().enumerate() {
                let (first, end) = (section.start_s / unit_s, section.end_s / unit_s);
                for unit in first.floor() as u32..end.ceil() as u32 {
                    let link = (unit, token as u32);
                    piece.possible.insert(link);
                    if f64::from(unit) >= first - 1e-9 && f64::from(unit + 1) <= end + 1e-9 {
                        piece.sure.insert(link);
                    }
                }
            }
        }
        links
    }
}

/// A table with its columns.
struct Sheet {
    path: PathBuf,
    columns: BTreeMap<String, usize>,
    records: Vec<Record>,
}

impl Sheet {
    fn read(path: &Path, required: &[&str]) -> Result<Self, TableError> {
        let wrong = |line: Option<u64>, message: String, remedy: &str| TableError {
            path: path.to_owned(),
            line,
            message,
            remedy: remedy.to_owned(),
        };
        let mut text = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text))
            .map_err(|error| {
                wrong(
                    None,
                    format!("cannot be read: {error}"),
                    "Check the spelling and the folder.",
                )
            })?;
        if text.len() as u64 > MOST_BYTES {
            let message = format!("it is larger than {} MiB", MOST_BYTES >> 20);
            return Err(wrong(None, message, "Score a part of the pieces at a time."));
        }
        let columns = format!(
            "A table begins with a line of the names of its columns, here {}.",
            required.join(",")
        );
        let mut all = records(&text);
        let heading = match all.next() {
            Some(Ok(heading)) => heading,
            Some(Err(error)) => return Err(wrong(error.line, error.message, &columns)),
            None => return Err(wrong(None, "it is empty".to_owned(), &columns)),
        };
        let mut found = BTreeMap::new();
        for (place, name) in heading.fields.iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}');
            if found.insert(name.to_owned(), place).is_some() && !name.is_empty() {
                return Err(wrong(
                    Some(heading.line),
                    format!("the column {name:?} is there twice"),
                    &columns,
                ));
            }
        }
        if let Some(missing) = required.iter().find(|name| !found.contains_key(**name)) {
            return Err(wrong(
                Some(heading.line),
                format!("there is no column {missing:?}"),
                &columns,
            ));
        }
        let mut records = Vec::new();
        for record in all {
            records.push(record.map_err(|error| wrong(error.line, error.message, "Write it as text in UTF-8."))?);
        }
        Ok(Self {
            path: path.to_owned(),
            columns: found,
            records,
        })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row { sheet: self, record })
    }
}

#[derive(Clone, Copy)]
struct Row<'a> {
    sheet: &'a Sheet,
    record: &'a Record,
}

impl<'a> Row<'a> {
    fn wrong(self, message: String, remedy: &str) -> TableError {
        TableError {
            path: self.sheet.path.clone(),
            line: Some(self.record.line),
            message,
            remedy: remedy.to_owned(),
        }
    }

    /// Empty if the column or the field is missing.
    fn field(self, column: &str) -> &'a str {
        let place = self.sheet.columns.get(column);
        let field = place.and_then(|&place| self.record.fields.get(place));
        field.map_or("", String::as_str)
    }

    fn name(self, column: &str) -> Result<&'a str, TableError> {
        let name = self.field(column);
        if name.is_empty() || name.len() > MOST_NAME {
            let what = if name.is_empty() { "is empty" } else { "is too long" };
            let shown: String = name.chars().take(20).collect();
            return Err(self.wrong(
                format!("the {column} {shown:?} {what}"),
                &format!("Every line has a {column} of 1 to {MOST_NAME} bytes."),
            ));
        }
        Ok(name)
    }

    fn seconds(self, column: &str) -> Result<f64, TableError> {
        let text = self.field(column);
        let time = text
            .parse::<f64>()
            .ok()
            .filter(|time| (0.0..=MOST_SECONDS).contains(time));
        time.ok_or_else(|| {
            self.wrong(
                format!("{column} is {text:?}"),
                &format!("A time is a number of seconds from 0 to {MOST_SECONDS}, with a point, as 12.5."),
            )
        })
    }

    fn seconds_if(self, column: &str, is_there: bool) -> Result<Option<f64>, TableError> {
        is_there.then(|| self.seconds(column)).transpose()
    }

    fn count(self, column: &str) -> Result<u32, TableError> {
        let text = self.field(column);
        text.parse::<u32>().map_err(|_| {
            self.wrong(
                format!("the {column} is {text:?}"),
                "Units and tokens are whole numbers, counted from 0.",
            )
        })
    }

    fn check_order(self, start_s: f64, end_s: f64) -> Result<(), TableError> {
        if end_s > start_s {
            return Ok(());
        }
        Err(self.wrong(
            format!("it ends at {end_s} s and begins at {start_s} s"),
            "A section ends after it begins.",
        ))
    }

    fn check_known<T>(self, pieces: &BTreeMap<String, T>) -> Result<(), TableError> {
        let name = self.name("piece")?;
        if pieces.contains_key(name) {
            return Ok(());
        }
        Err(self.wrong(
            format!("the piece {name:?} is not in the reference"),
            "Name the reference that belongs to it, or correct the name.",
        ))
    }

    fn check_after(self, before: &WrittenToken, token: &WrittenToken) -> Result<(), TableError> {
        if let (Some(earlier), Some(start)) = (before.start_s, token.start_s)
            && start <= earlier
        {
            return Err(self.wrong(
                format!("start_s is {start}, and {earlier} in the line above of this piece"),
                "Tokens of a piece stand in order of time.",
            ));
        }
        if let (Some(earlier), Some(written)) = (before.written_s, token.written_s)
            && written < earlier
        {
            return Err(self.wrong(
                format!("written_s is {written}, and {earlier} in the line above of this piece"),
                "Tokens stand in the order in which they were written.",
            ));
        }
        Ok(())
    }

    fn too_many_pieces(self) -> TableError {
        self.wrong(
            format!("there are more than {MOST_PIECES} pieces"),
            "Score a part of the pieces at a time.",
        )
    }

    /// The rows of this row's piece so far.
    fn piece_of<T>(self, pieces: &mut BTreeMap<String, Vec<T>>) -> Result<&mut Vec<T>, TableError> {
        let name = self.name("piece")?;
        if pieces.len() >= MOST_PIECES && !pieces.contains_key(name) {
            return Err(self.too_many_pieces());
        }
        let rows = pieces.entry(name.to_owned()).or_default();
        if rows.len() >= MOST_TOKENS {
            return Err(self.wrong(
                format!("the piece {name:?} has more than {MOST_TOKENS} lines"),
                "Divide it into shorter pieces.",
            ));
        }
        Ok(rows)
    }
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
