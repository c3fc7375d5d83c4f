//! Sessions in a file: SQLite, with a version and steps from each version to the next.
//!
//! In: sessions, notes. Out: sessions. Thread: one at a time.

use super::{Beginning, Decided, Session};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// The steps from an empty file to the form that this program writes; the file's `user_version` says how many were
/// taken. A step that was ever released is never changed: what is new is a new step.
const STEPS: [&str; 2] = [
    "CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        begun INTEGER NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        heard REAL NOT NULL DEFAULT 0,
        genre TEXT,
        note TEXT NOT NULL DEFAULT '',
        favourite INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE decisions (
        session INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
        at REAL NOT NULL,
        state TEXT NOT NULL,
        genre TEXT,
        confidence REAL NOT NULL,
        rule TEXT NOT NULL
    );",
    "CREATE INDEX decisions_of ON decisions(session);",
];
/// The most sessions that are listed.
const LISTED: i64 = 500;

/// Why sessions cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder of the file cannot be made.
    #[error("the history cannot be kept in {}: {source}; check that the folder is yours and not full", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be opened, read or written.
    #[error("the history in {} cannot be used: {source}; move the file away to begin a new one", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A later program has written it.
    #[error(
        "the history in {} has version {found}, this program knows {}; use the newer program, or move the file away",
        path.display(),
        STEPS.len()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
    },
}

/// The file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Connection,
}

impl Store {
    /// Opens the file, makes it if there is none, and brings an older one to the form of today.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                path: path.to_owned(),
                source,
            })?;
        }
        let failed = |source| StoreError::Database {
            path: path.to_owned(),
            source,
        };
        let mut database = Connection::open(path).map_err(failed)?;
        // Two windows may write: one waits for the other. The journal survives a crash.
        let set_up = "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;";
        database.execute_batch(set_up).map_err(failed)?;
        let transaction = database.transaction().map_err(failed)?;
        let taken: i64 = transaction
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)?;
        let taken = usize::try_from(taken).unwrap_or(usize::MAX);
        if taken > STEPS.len() {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                found: taken,
            });
        }
        for step in &STEPS[taken..] {
            transaction.execute_batch(step).map_err(failed)?;
        }
        transaction
            .execute_batch(&format!("PRAGMA user_version = {}", STEPS.len()))
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            database,
        })
    }

    fn with_path<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|source| StoreError::Database {
            path: self.path.clone(),
            source,
        })
    }

    /// Begins a session and returns its number.
    pub fn begin(&self, beginning: &Beginning) -> Result<i64, StoreError> {
        let Beginning {
            begun,
            kind,
            name,
            source,
        } = beginning;
        let sql = "INSERT INTO sessions (begun, kind, name, source) VALUES (?1, ?2, ?3, ?4)";
        self.with_path(self.database.execute(sql, params![begun, kind, name, source]))?;
        Ok(self.database.last_insert_rowid())
    }

    /// Adds a decision to a session.
    pub fn decided(&self, session: i64, decided: &Decided) -> Result<(), StoreError> {
        let sql = "INSERT INTO decisions (session, at, state, genre, confidence, rule) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Decided {
            at,
            state,
            genre,
            confidence,
            rule,
        } = decided;
        let row = params![session, at, state, genre, confidence, rule];
        self.with_path(self.database.execute(sql, row)).map(drop)
    }

    /// Says how much was played so far, and what was answered for the longest time.
    pub fn set_played(&self, session: i64, secs: f64, genre: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET heard = ?2, genre = ?3 WHERE id = ?1";
        self.with_path(self.database.execute(sql, params![session, secs, genre]))
            .map(drop)
    }

    /// Keeps what the user wrote.
    pub fn note(&self, session: i64, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET note = ?2 WHERE id = ?1";
        self.with_path(self.database.execute(sql, params![session, note]))
            .map(drop)
    }

    /// Marks a session, or takes the mark away.
    pub fn favour(&self, session: i64, favourite: bool) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET favourite = ?2 WHERE id = ?1";
        self.with_path(self.database.execute(sql, params![session, favourite]))
            .map(drop)
    }

    /// Forgets a session and its decisions.
    pub fn forget(&self, session: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM sessions WHERE id = ?1";
        self.with_path(self.database.execute(sql, params![session])).map(drop)
    }

    /// The decisions of a session, in order.
    pub fn decisions(&self, session: i64) -> Result<Vec<Decided>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Decided>> {
            let sql = "SELECT at, state, genre, confidence, rule FROM decisions WHERE session = ?1 ORDER BY rowid";
            let mut statement = self.database.prepare(sql)?;
            let rows = statement.query_map(params![session], |row| {
                Ok(Decided {
                    at: row.get(0)?,
                    state: row.get(1)?,
                    genre: row.get(2)?,
                    confidence: row.get(3)?,
                    rule: row.get(4)?,
                })
            })?;
            rows.collect()
        };
        self.with_path(read())
    }

    /// The sessions, favourites first, then the newest; at most [`LISTED`] of them.
    pub fn list(&self) -> Result<Vec<Session>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Session>> {
            let sql = "SELECT id, begun, kind, name, source, heard, genre, note, favourite,
                    (SELECT COUNT(*) FROM decisions WHERE session = sessions.id)
                FROM sessions ORDER BY favourite DESC, begun DESC, id DESC LIMIT ?1";
            let mut statement = self.database.prepare(sql)?;
            let rows = statement.query_map(params![LISTED], |row| {
                Ok(Session {
                    id: row.get(0)?,
                    beginning: Beginning {
                        begun: row.get(1)?,
                        kind: row.get(2)?,
                        name: row.get(3)?,
                        source: row.get(4)?,
                    },
                    played_secs: row.get(5)?,
                    genre: row.get(6)?,
                    note: row.get(7)?,
                    favourite: row.get(8)?,
                    decisions: row.get::<_, i64>(9)?.unsigned_abs(),
                })
            })?;
            rows.collect()
        };
        self.with_path(read())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn beginning(begun: i64, name: &str) -> Beginning {
        Beginning {
            begun,
            kind: "file".to_owned(),
            name: name.to_owned(),
            source: format!("/music/{name}"),
        }
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/history.sqlite");
        let store = Store::open(&path).unwrap();
        let first = store.begin(&beginning(100, "a.wav")).unwrap();
        let second = store.begin(&beginning(200, "b 'quoted\".wav")).unwrap();
        let decided = Decided {
            at: 1.5,
            state: "genre".to_owned(),
            genre: Some("jazz".to_owned()),
            confidence: 0.5,
            rule: "confident".to_owned(),
        };
        store.decided(first, &decided).unwrap();
        store.set_played(first, 12.5, Some("jazz")).unwrap();
        store.note(first, "the solo").unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        let list = store.list().unwrap();
        assert_eq!(list.iter().map(|it| it.id).collect::<Vec<_>>(), [second, first]);
        let kept = &list[1];
        assert_eq!(
            (kept.played_secs, kept.genre.as_deref(), kept.note.as_str()),
            (12.5, Some("jazz"), "the solo")
        );
        assert_eq!(store.decisions(first).unwrap(), [decided]);
        store.favour(first, true).unwrap();
        assert_eq!(store.list().unwrap()[0].id, first, "favourites come first");
        store.forget(first).unwrap();
        assert!(store.decisions(first).unwrap().is_empty());
        assert_eq!(store.list().unwrap().len(), 1);
    }

    #[test]
    fn an_older_form_is_brought_to_todays_and_keeps_its_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.execute_batch(
            "PRAGMA user_version = 1; INSERT INTO sessions (begun, kind, name, source) VALUES (7, 'file', 'x', '/x')",
        )
        .unwrap();
        drop(old);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.list().unwrap()[0].beginning.begun, 7);
        let version: i64 = store
            .database
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, STEPS.len() as i64);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        std::fs::write(
            &path,
            "this is no database, and long enough that SQLite reads its header",
        )
        .unwrap();
        let error = Store::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("history.sqlite") && error.contains("move the file away"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        let newer = Connection::open(&path).unwrap();
        newer.execute_batch("PRAGMA user_version = 99").unwrap();
        drop(newer);
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        assert!(matches!(
            Store::open(&blocked.join("x.sqlite")),
            Err(StoreError::Folder { .. })
        ));
    }
}
