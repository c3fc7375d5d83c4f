//! Sessions in a file: SQLite, with a version and steps from each version to the next.
//!
//! In: sessions, notes. Out: sessions. Thread: one at a time; any number of programs may have the file open.

use super::error::StoreError;
use super::retry::retry;
use super::{Beginning, Decided, Session};
use rusqlite::limits::Limit;
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// How long SQLite waits for another program that writes, before the attempt fails as [`StoreError::Busy`].
const BUSY: Duration = Duration::from_millis(500);
/// How long opening goes on trying.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of one value: the file may be anybody's.
const LARGEST_VALUE: i32 = 1 << 20;
/// Reading or writing something ends after this, whatever views and triggers the file has.
const WITHIN: Duration = Duration::from_secs(2);
/// SQLite asks for the time after this many of its instructions.
const INSTRUCTIONS: std::ffi::c_int = 10_000;

/// The file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Connection,
    /// When reading or writing is to end, while something is read or written.
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Store {
    /// Opens the file, makes it if there is none, and brings an older one to the form of today. While another program
    /// holds it, this goes on trying for 10 s.
    ///
    /// # Errors
    /// If it cannot be opened, is no history, or one of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let end = Instant::now() + OPEN_WITHIN;
        retry(|| Self::open_once(path), || Instant::now() < end)
    }

    /// As [`Store::open`], one attempt.
    pub(super) fn open_once(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                path: path.to_owned(),
                source,
            })?;
        }
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(StoreError::NotAFile { path: path.to_owned() });
        }
        let failed = |source| StoreError::of(path, source);
        let mut database = Connection::open(path).map_err(failed)?;
        let deadline = Arc::new(Mutex::new(None::<Instant>));
        set_up(&mut database, Arc::clone(&deadline)).map_err(failed)?;
        if version(&database).map_err(failed)? != STEPS.len() {
            migrate(&mut database, path)?;
        }
        Ok(Self {
            path: path.to_owned(),
            database,
            deadline,
        })
    }

    /// Reads or writes something, for at most [`WITHIN`].
    fn within<T>(&self, access: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let set = |at| *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = at;
        set(Some(Instant::now() + WITHIN));
        let result = access();
        set(None);
        result.map_err(|source| StoreError::of(&self.path, source))
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
        self.within(|| self.database.execute(sql, params![begun, kind, name, source]))?;
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
        self.within(|| self.database.execute(sql, row)).map(drop)
    }

    /// Says how much was played so far, and what was answered for the longest time.
    pub fn set_played(&self, session: i64, secs: f64, genre: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET heard = ?2, genre = ?3 WHERE id = ?1";
        self.within(|| self.database.execute(sql, params![session, secs, genre]))
            .map(drop)
    }

    /// Keeps what the user wrote.
    pub fn note(&self, session: i64, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET note = ?2 WHERE id = ?1";
        self.within(|| self.database.execute(sql, params![session, note]))
            .map(drop)
    }

    /// Marks a session, or takes the mark away.
    pub fn favour(&self, session: i64, favourite: bool) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET favourite = ?2 WHERE id = ?1";
        self.within(|| self.database.execute(sql, params![session, favourite]))
            .map(drop)
    }

    /// Forgets a session and its decisions.
    pub fn forget(&self, session: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM sessions WHERE id = ?1";
        self.within(|| self.database.execute(sql, params![session])).map(drop)
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
        self.within(read)
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
        self.within(read)
    }
}

/// What holds for this connection; the file is written to only if it has no write-ahead log yet.
fn set_up(database: &mut Connection, deadline: Arc<Mutex<Option<Instant>>>) -> rusqlite::Result<()> {
    database.busy_timeout(BUSY)?;
    database.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST_VALUE)?;
    let is_over = move || {
        let at = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| Instant::now() >= at)
    };
    database.progress_handler(INSTRUCTIONS, Some(is_over))?;
    // A view or trigger of a stranger's file calls nothing with effects.
    database.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;")?;
    let mode: String = database.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        database.execute_batch("PRAGMA journal_mode = WAL")?;
    }
    // With the log, this too leaves the file whole after a crash.
    database.execute_batch("PRAGMA synchronous = NORMAL")
}

fn version(database: &Connection) -> rusqlite::Result<usize> {
    let taken: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(taken).unwrap_or(usize::MAX))
}

/// Takes the steps that are missing. Two programs may begin at once: the second finds them taken.
fn migrate(database: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::of(path, source);
    let transaction = database
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let taken = version(&transaction).map_err(failed)?;
    let Some(missing) = STEPS.get(taken..) else {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: taken,
            known: STEPS.len(),
        });
    };
    for step in missing {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction
        .execute_batch(&format!("PRAGMA user_version = {}", STEPS.len()))
        .map_err(failed)?;
    transaction.commit().map_err(failed)
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
        assert!(matches!(Store::open(folder.path()), Err(StoreError::NotAFile { .. })));
    }

    #[test]
    fn a_strangers_file_is_refused_before_it_costs_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let endless = Connection::open(&path).unwrap();
        endless
            .execute_batch(
                "CREATE TABLE decisions (session INTEGER, at REAL, state TEXT, genre TEXT, confidence REAL, rule TEXT);
                CREATE VIEW sessions AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                SELECT i AS id, i AS begun, '' AS kind, '' AS name, '' AS source, 0.0 AS heard, NULL AS genre,
                    '' AS note, 0 AS favourite FROM n;
                PRAGMA user_version = 2;",
            )
            .unwrap();
        drop(endless);
        let begun = Instant::now();
        let error = Store::open(&path).unwrap().list().unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
        // The bound, and as much again for a machine that does something else.
        assert!(begun.elapsed() < 2 * WITHIN, "{:?}", begun.elapsed());
        std::fs::remove_file(&path).unwrap();
        let store = Store::open(&path).unwrap();
        let session = store.begin(&beginning(1, "x")).unwrap();
        drop(store);
        let other = Connection::open(&path).unwrap();
        other
            .execute(
                "UPDATE sessions SET note = zeroblob(3000000) WHERE id = ?1",
                params![session],
            )
            .unwrap();
        drop(other);
        let error = Store::open(&path).unwrap().list().unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    }
}
