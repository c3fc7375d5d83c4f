//! The library on disk: SQLite in WAL mode, one immediate transaction for each track.
//!
//! In: what was found and analysed. Out: what is known. Thread: any, one connection each.

use super::error::LibraryError;
use super::paths::bytes_of;
use super::walk::Found;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The steps from an empty file to the form that this program writes; `user_version` says how many were taken.
const STEPS: [&str; 1] = [include_str!("schema.sql")];

/// SHA-256.
pub type Digest = [u8; 32];

/// A library that is open.
pub struct Library {
    path: PathBuf,
    db: Connection,
}

/// What was said of a content.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It was analysed.
    Answer(Box<Answer>),
    /// It cannot be: kind and reason.
    Broken {
        /// For scripts.
        kind: &'static str,
        /// For people.
        reason: String,
    },
}

/// The answer to a content, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// SHA-256 of the decoded samples.
    pub audio: Digest,
    /// The report.
    pub report: attune_engine::offline::Report,
}

impl Library {
    /// Opens a library, or begins a new one.
    ///
    /// # Errors
    /// If it cannot be opened or is no library, or one of a newer version.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let library = Self {
            db: Connection::open(path).map_err(LibraryError::at(path))?,
            path: path.to_owned(),
        };
        library
            .db
            .busy_timeout(Duration::from_secs(30))
            .map_err(LibraryError::at(path))?;
        library
            .db
            // Bounded: pages that many megabytes of tracks fill need not stay in memory.
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000; \
                 PRAGMA temp_store = FILE;",
            )
            .map_err(LibraryError::at(path))?;
        library.migrate()?;
        Ok(library)
    }

    /// Opens a library that is there.
    ///
    /// # Errors
    /// As of [`Library::open`], and if there is none.
    pub fn open_existing(path: &Path) -> Result<Self, LibraryError> {
        if path.exists() {
            Self::open(path)
        } else {
            Err(LibraryError::Missing { path: path.to_owned() })
        }
    }

    fn version(&self) -> rusqlite::Result<usize> {
        self.db
            .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
            .map(|version| version as usize)
    }

    fn migrate(&self) -> Result<(), LibraryError> {
        let failed = LibraryError::at(&self.path);
        let found = self.version().map_err(&failed)?;
        if found == STEPS.len() {
            return Ok(());
        }
        if found > STEPS.len() {
            return Err(LibraryError::Newer {
                path: self.path.clone(),
                found,
            });
        }
        // Two programs may begin at once: the second finds the steps taken.
        let taken = || -> rusqlite::Result<()> {
            self.db.execute_batch("BEGIN IMMEDIATE")?;
            let from = self.version()?;
            for step in STEPS.iter().skip(from) {
                self.db.execute_batch(step)?;
            }
            self.db
                .execute_batch(&format!("PRAGMA user_version = {}; COMMIT", STEPS.len()))
        };
        taken().map_err(failed)
    }

    /// The connection, to be read from.
    pub(crate) fn reader(&self) -> &Connection {
        &self.db
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failed(&self) -> impl Fn(rusqlite::Error) -> LibraryError + '_ {
        LibraryError::at(&self.path)
    }

    /// Begins a list of what is found in this scan.
    pub(super) fn begin_list(&self) -> Result<(), LibraryError> {
        let sql = "CREATE TEMP TABLE IF NOT EXISTS found (path BLOB PRIMARY KEY) WITHOUT ROWID; DELETE FROM found;";
        self.db.execute_batch(sql).map_err(self.failed())
    }

    /// Takes a file into the list.
    pub(super) fn enlist(&self, found: &Found) -> Result<(), LibraryError> {
        let sql = "INSERT OR IGNORE INTO temp.found VALUES (?1)";
        let enlisted = || self.db.prepare_cached(sql)?.execute([bytes_of(&found.path)]);
        enlisted().map(drop).map_err(self.failed())
    }

    /// Whether a file is known and as it was; one that was missing is there again.
    pub(super) fn is_unchanged(&self, found: &Found, setup: &Digest) -> Result<bool, LibraryError> {
        let path = bytes_of(&found.path);
        let known = || -> rusqlite::Result<bool> {
            let mut statement = self.db.prepare_cached(
                "SELECT size, modified, setup, EXISTS (SELECT 1 FROM analysis WHERE analysis.content = file.content \
                 AND analysis.setup = file.setup), missing_since FROM file WHERE path = ?1",
            )?;
            let row = statement
                .query_row([&path], |row| {
                    let same = row.get::<_, i64>(0)? == found.size as i64 && row.get::<_, i64>(1)? == found.modified;
                    let current = row.get::<_, Vec<u8>>(2)? == setup && row.get::<_, bool>(3)?;
                    Ok((same && current, row.get::<_, Option<i64>>(4)?.is_some()))
                })
                .optional()?;
            if let Some((true, true)) = row {
                let sql = "UPDATE file SET missing_since = NULL WHERE path = ?1";
                self.db.prepare_cached(sql)?.execute([&path])?;
            }
            Ok(row.is_some_and(|(unchanged, _)| unchanged))
        };
        known().map_err(self.failed())
    }

    /// Whether this content has been analysed by this setup.
    pub(super) fn has(&self, content: &Digest, setup: &Digest) -> Result<bool, LibraryError> {
        let sql = "SELECT 1 FROM analysis WHERE content = ?1 AND setup = ?2";
        let found = || self.db.prepare_cached(sql)?.exists(params![content, setup]);
        found().map_err(self.failed())
    }

    /// Keeps what was said of a file, in one transaction. `verdict`: of a content that is not known yet. The path from
    /// which the file was moved here, if it was: one with the same content at which nothing is any more.
    pub(super) fn keep(
        &mut self,
        file: &Found,
        content: Result<&Digest, &str>,
        verdict: Option<&Verdict>,
        setup: &Digest,
    ) -> Result<Option<PathBuf>, LibraryError> {
        let path = self.path.clone();
        let mut kept = || -> rusqlite::Result<Option<PathBuf>> {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let (Some(verdict), Ok(content)) = (verdict, content) {
                keep_verdict(&transaction, content, verdict, setup)?;
            }
            let moved = match content {
                Ok(content) => moved_from(&transaction, file, content)?,
                Err(_) => None,
            };
            let (id, from) = moved.unzip();
            if let Some(id) = id {
                transaction
                    .prepare_cached("UPDATE file SET path = ?1 WHERE id = ?2")?
                    .execute(params![bytes_of(&file.path), id])?;
            }
            transaction
                .prepare_cached(
                    "INSERT INTO file (path, size, modified, content, setup, error, added_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (path) DO UPDATE SET size = excluded.size, \
                     modified = excluded.modified, content = excluded.content, setup = excluded.setup, \
                     error = excluded.error, missing_since = NULL",
                )?
                .execute(params![
                    bytes_of(&file.path),
                    file.size as i64,
                    file.modified,
                    content.ok().map(<[u8; 32]>::as_slice),
                    setup,
                    content.err(),
                    now()
                ])?;
            transaction.commit()?;
            Ok(from)
        };
        kept().map_err(LibraryError::at(&path))
    }

    /// Notes which files below `roots` were not found in this scan, and how many those are; forgets answers that no
    /// file refers to. `unread`: folders that could not be read, whose files may still be there.
    pub(super) fn note_missing(&self, roots: &[PathBuf], unread: &[PathBuf]) -> Result<usize, LibraryError> {
        let below = |folder: &PathBuf| {
            let mut start = bytes_of(folder);
            if start.last() != Some(&b'/') {
                start.push(b'/');
            }
            start
        };
        let noted = || -> rusqlite::Result<usize> {
            let mut gone = 0;
            for root in roots {
                let mut sql = "UPDATE file SET missing_since = ?1 WHERE missing_since IS NULL AND (path = ?2 OR \
                               substr(path, 1, length(?3)) = ?3) AND path NOT IN (SELECT path FROM temp.found)"
                    .to_owned();
                let mut values: Vec<Box<dyn rusqlite::ToSql>> =
                    vec![Box::new(now()), Box::new(bytes_of(root)), Box::new(below(root))];
                for folder in unread {
                    values.push(Box::new(below(folder)));
                    // Writing to a String cannot fail.
                    let _ = write!(sql, " AND substr(path, 1, length(?{0})) <> ?{0}", values.len());
                }
                gone += self.db.execute(&sql, rusqlite::params_from_iter(values.iter()))?;
            }
            // What was said of a content that no file has any more, or by a setup that is not used any more.
            let unused = "DELETE FROM analysis WHERE NOT EXISTS (SELECT 1 FROM file \
                          WHERE file.content = analysis.content AND file.setup = analysis.setup)";
            self.db.execute(unused, [])?;
            Ok(gone)
        };
        noted().map_err(self.failed())
    }
}

fn keep_verdict(db: &Connection, content: &Digest, verdict: &Verdict, setup: &Digest) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT OR REPLACE INTO analysis (content, setup, audio, duration_s, rate_hz, channels, decoder, state, genre, \
         confidence, familiarity, report, warnings, error_kind, error, analyzed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    match verdict {
        Verdict::Answer(answer) => {
            let (report, source) = (&answer.report, &answer.report.source);
            statement.execute(params![
                content,
                setup,
                answer.audio,
                source.duration_s,
                source.rate_hz,
                source.channels,
                source.decoder,
                report.answer.state,
                report.answer.genre,
                report.answer.confidence,
                report.answer.familiarity,
                attune_engine::offline::document(report),
                report.warnings.len() as i64,
                None::<&str>,
                None::<&str>,
                now()
            ])?;
        }
        Verdict::Broken { kind, reason } => {
            let none = None::<&str>;
            statement.execute(params![
                content,
                setup,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                0,
                kind,
                reason,
                now()
            ])?;
        }
    }
    Ok(())
}

/// The file with this content at whose path nothing is any more, if this path is new.
fn moved_from(db: &Connection, file: &Found, content: &Digest) -> rusqlite::Result<Option<(i64, PathBuf)>> {
    let path = bytes_of(&file.path);
    if db
        .prepare_cached("SELECT 1 FROM file WHERE path = ?1")?
        .exists([&path])?
    {
        return Ok(None);
    }
    let mut statement = db.prepare_cached("SELECT id, path FROM file WHERE content = ?1 ORDER BY id")?;
    let mut rows = statement.query([content.as_slice()])?;
    while let Some(row) = rows.next()? {
        let before = super::paths::path_of(&row.get::<_, Vec<u8>>(1)?);
        if matches!(before.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound) {
            return Ok(Some((row.get(0)?, before)));
        }
    }
    Ok(None)
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
