//! The history under several windows at once, and under another program that holds it.

use attune::sessions::{Beginning, Decided, SessionCommand, SessionUpdate, SessionWriter, Store};
use rusqlite::Connection;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The child's part: opens the file this often.
const OPENS: &str = "ATTUNE_TEST_HISTORY_OPENS";
const FILE: &str = "ATTUNE_TEST_HISTORY_FILE";
/// Programs at once.
const OPENERS: usize = 4;

fn beginning(name: &str) -> Beginning {
    Beginning {
        begun: 1,
        kind: "file".to_owned(),
        name: name.to_owned(),
        source: name.to_owned(),
    }
}

fn decided() -> Decided {
    Decided {
        at: 1.0,
        state: "genre".to_owned(),
        genre: None,
        confidence: 0.5,
        rule: "confident".to_owned(),
    }
}

/// The child's only test; does nothing when the whole binary is tested.
#[test]
fn opener() {
    let Ok(path) = std::env::var(FILE) else { return };
    let opens: usize = std::env::var(OPENS).unwrap().parse().unwrap();
    for turn in 0..opens {
        let store = Store::open(Path::new(&path)).unwrap_or_else(|error| panic!("open {turn}: {error}"));
        if turn == 0 {
            let session = store.begin(&beginning("of a child")).unwrap();
            store.decided(session, &decided()).unwrap();
        }
    }
}

/// Programs that open this file at the same time, each this often.
fn open_at_once(path: &Path, opens: usize) {
    let children: Vec<_> = (0..OPENERS)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "history::opener", "--test-threads=1"])
                .env(FILE, path)
                .env(OPENS, opens.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn programs_that_open_one_file_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    open_at_once(&path, 200);
    open_at_once(&path, 200);
    assert_eq!(Store::open(&path).unwrap().list().unwrap().len(), 2 * OPENERS);
}

#[test]
fn threads_that_open_a_new_file_at_once_all_succeed() {
    for turn in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let start = std::sync::Barrier::new(OPENERS);
        std::thread::scope(|scope| {
            for _ in 0..OPENERS {
                scope.spawn(|| {
                    start.wait();
                    Store::open(&path).unwrap_or_else(|error| panic!("turn {turn}: {error}"));
                });
            }
        });
    }
}

#[test]
fn opening_what_is_of_today_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    drop(Store::open(&path).unwrap());
    // Somebody writes for as long as this lasts: who only reads is not kept waiting.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(Store::open(&path).unwrap().list().unwrap(), []);
    other.execute_batch("ROLLBACK").unwrap();
}

/// The next list that comes, and what was said of failures until then.
fn next_list(writer: &SessionWriter) -> (usize, Vec<String>) {
    let begun = Instant::now();
    let mut said = Vec::new();
    loop {
        match writer.poll() {
            Some(SessionUpdate::List(list)) => return (list.len(), said),
            Some(SessionUpdate::Failed(text)) => said.push(text),
            Some(SessionUpdate::Decisions(..)) => {}
            None => {
                assert!(begun.elapsed() < Duration::from_secs(30), "no list comes: {said:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

#[test]
fn a_lock_of_three_seconds_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let writer = SessionWriter::begin(path.clone(), || {});
    writer.send(SessionCommand::List);
    assert_eq!(next_list(&writer), (0, vec![]));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.send(SessionCommand::Begin(beginning("during the lock")));
    writer.send(SessionCommand::Decided(decided()));
    std::thread::sleep(Duration::from_secs(3));
    other.execute_batch("COMMIT").unwrap();
    writer.send(SessionCommand::Begin(beginning("after the lock")));
    loop {
        let (sessions, said) = next_list(&writer);
        assert_eq!(said, Vec::<String>::new());
        if sessions == 2 {
            break;
        }
    }
    assert_eq!(writer.finish(), 0, "all are kept");
    let list = Store::open(&path).unwrap().list().unwrap();
    let kept: Vec<_> = list
        .iter()
        .map(|it| (it.beginning.name.as_str(), it.decisions))
        .collect();
    assert_eq!(kept, [("after the lock", 0), ("during the lock", 1)]);
}

/// While another program holds the file, more comes than can wait: each entry is kept or counted, and this is said.
#[test]
fn what_is_not_kept_is_counted_and_said() {
    const SENT: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    drop(Store::open(&path).unwrap());
    let writer = SessionWriter::begin(path.clone(), || {});
    writer.send(SessionCommand::List);
    next_list(&writer);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.send(SessionCommand::Begin(beginning("a flood")));
    for _ in 0..SENT {
        writer.send(SessionCommand::Decided(decided()));
    }
    let lost = writer.lost();
    assert!(lost > 0 && lost < SENT, "{lost} of {SENT} found no room");
    // This beginning finds no room either: what follows is no part of the session before.
    writer.send(SessionCommand::Begin(beginning("after the flood")));
    writer.send(SessionCommand::Decided(decided()));
    assert_eq!(writer.lost(), lost + 2);
    other.execute_batch("COMMIT").unwrap();
    let (_, said) = next_list(&writer);
    let wanted = format!("{} entries of the history were not kept", lost + 2);
    assert_eq!(said, [wanted]);
    assert_eq!(writer.finish(), lost + 2);
    let list = Store::open(&path).unwrap().list().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].decisions, SENT - lost);
}

#[test]
fn a_file_that_is_no_history_stays_as_it_is_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let text = "somebody's letter, which is longer than the header that SQLite reads, and worth keeping";
    std::fs::write(&path, text).unwrap();
    let writer = SessionWriter::begin(path.clone(), || {});
    writer.send(SessionCommand::List);
    for command in [
        SessionCommand::Begin(beginning("x")),
        SessionCommand::Decided(decided()),
        SessionCommand::Note(1, "y".to_owned()),
    ] {
        writer.send(command);
    }
    assert_eq!(writer.finish(), 3);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
