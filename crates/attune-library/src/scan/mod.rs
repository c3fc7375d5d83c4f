//! A library of music, kept up to date: folders in, a database of answers out.
//!
//! ```text
//!  walk ─► unchanged? ─► queue ─► workers (one pipeline each) ─► one transaction a track ─► SQLite
//!  (once each)  (size, time)      (content known? analyse)
//! ```
//!
//! In: folders, a database. Out: rows, and [`Event`]s on the way. Thread: the caller's writes; each worker has its own.

mod db;
mod error;
pub mod paths;
mod walk;
mod watch;
mod work;

pub use db::{Answer, Digest, Library, Verdict};
pub use error::LibraryError;
pub use walk::{EXTENSIONS, Found, Walk, is_sound};
pub use watch::Watch;

use attune_engine::smoothing::SmoothingConfig;
use attune_model::ModelSet;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;
use work::{Outcome, Setup, work};

/// Files that wait for a worker, for each worker: memory does not grow with the library.
const WAITING: usize = 16;

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many files were found, so many of them unchanged. The first time before anything is analysed.
    Listed {
        /// All of them.
        found: u64,
        /// As they were in the last scan.
        unchanged: u64,
        /// Bytes of those that are not.
        bytes: u64,
    },
    /// A folder cannot be read.
    Unread(&'a Path, &'a std::io::Error),
    /// A file is done.
    Done {
        /// The file.
        file: &'a Found,
        /// What became of it.
        what: Done<'a>,
    },
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Done<'a> {
    /// It was analysed: so many seconds of sound.
    Analyzed(f64),
    /// Its content was known.
    Known,
    /// Its content was known under another name, where nothing is any more.
    Moved(PathBuf),
    /// It cannot be read or analysed.
    Broken(&'a str),
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Files found.
    pub found: u64,
    /// As they were in the last scan.
    pub unchanged: u64,
    /// Analysed.
    pub analyzed: u64,
    /// Known by their content.
    pub known: u64,
    /// Of these, moved.
    pub moved: u64,
    /// That cannot be read or analysed.
    pub broken: u64,
    /// That were there in an earlier scan.
    pub missing: u64,
    /// Seconds of sound that were analysed.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// A scan of folders.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// The models.
    pub models: &'a ModelSet,
    /// The knobs of the decision.
    pub smoothing: &'a SmoothingConfig,
    /// Workers, each with a core.
    pub threads: usize,
    /// Ends the scan when it is set, by whoever sets it.
    pub stop: &'a AtomicBool,
}

impl Scan<'_> {
    /// Scans folders and files into a library. What has been analysed by the same models and settings is not analysed
    /// again: a file with the size and time of change that it had is passed over; one with known content (SHA-256) is
    /// entered without analysis.
    ///
    /// # Errors
    /// If the library cannot be read or written. A file that fails is an entry with its reason.
    pub fn run(
        &self,
        roots: &[PathBuf],
        library: &mut Library,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Summary, LibraryError> {
        let setup = Setup::new(self.models, self.smoothing);
        // A file has one name, whatever folder the program runs in.
        let roots: Vec<PathBuf> = roots
            .iter()
            .map(|root| std::fs::canonicalize(root).unwrap_or_else(|_| root.clone()))
            .collect();
        let mut summary = Summary::default();
        let unread = list(&roots, library, &setup, &mut summary, on_event)?;
        std::thread::scope(|scope| self.analyze(scope, &roots, library, &setup, &mut summary, on_event))?;
        summary.stopped = self.stop.load(Ordering::Relaxed);
        if !summary.stopped {
            summary.missing = library.note_missing(&roots, &unread)? as u64;
        }
        Ok(summary)
    }

    /// Analyses what has changed.
    fn analyze<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        roots: &'env [PathBuf],
        library: &mut Library,
        setup: &'env Setup<'env>,
        summary: &mut Summary,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), LibraryError> {
        let threads = self.threads.max(1);
        let (files, queue) = sync_channel::<Found>(WAITING * threads);
        let (outcomes, results) = sync_channel(threads);
        let queue = std::sync::Arc::new(Mutex::new(queue));
        let path = library.path().to_owned();
        for _ in 0..threads {
            let (queue, outcomes, path) = (std::sync::Arc::clone(&queue), outcomes.clone(), path.clone());
            scope.spawn(move || self.worker(&queue, &outcomes, &path, setup));
        }
        let walker = scope.spawn({
            let (outcomes, path) = (outcomes.clone(), path);
            move || {
                if let Err(error) = self.enqueue(roots, &path, setup, &files) {
                    let _ = outcomes.send(Err(error));
                }
            }
        });
        // When walker and workers are done, nobody can send any more; when the workers are gone, the walker ends too.
        drop((outcomes, queue));
        let mut result = Ok(());
        for outcome in results {
            if result.is_ok() {
                result = outcome.and_then(|outcome| keep(&outcome, library, setup, summary, on_event));
                if result.is_err() {
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
        }
        drop(walker);
        result
    }

    /// Walks again, and hands over what has changed.
    fn enqueue(
        &self,
        roots: &[PathBuf],
        path: &Path,
        setup: &Setup<'_>,
        files: &SyncSender<Found>,
    ) -> Result<(), LibraryError> {
        let library = Library::open_existing(path)?;
        let mut walk = Walk::default();
        for root in roots {
            let mut on_file = |found: Found| -> Result<(), Option<LibraryError>> {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(None);
                }
                if library.is_unchanged(&found, &setup.digest)? {
                    return Ok(());
                }
                // The workers have gone: so may the walker.
                files.send(found).map_err(|_| None)
            };
            if let Err(ended) = walk.run(root, &mut on_file, &mut |_, _| {}) {
                return ended.map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    /// Takes files until there are none: whoever is free takes the next.
    fn worker(
        &self,
        queue: &Mutex<Receiver<Found>>,
        outcomes: &SyncSender<Result<Outcome, LibraryError>>,
        path: &Path,
        setup: &Setup<'_>,
    ) {
        let library = match Library::open_existing(path) {
            Ok(library) => library,
            Err(error) => return drop(outcomes.send(Err(error))),
        };
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(found) = next else { return };
            if self.stop.load(Ordering::Relaxed) {
                // What waits is let go, so that the walker is not held.
                continue;
            }
            let result = work(found, setup, &library, self.stop).transpose();
            if let Some(result) = result
                && outcomes.send(result).is_err()
            {
                return;
            }
        }
    }
}

/// Counts what there is, so that progress has an end.
fn list(
    roots: &[PathBuf],
    library: &Library,
    setup: &Setup<'_>,
    summary: &mut Summary,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<PathBuf>, LibraryError> {
    library.begin_list()?;
    let (mut unread, mut bytes) = (Vec::new(), 0);
    let mut walk = Walk::default();
    for root in roots {
        let mut on_file = |found: Found| -> Result<(), LibraryError> {
            summary.found += 1;
            library.enlist(&found)?;
            if library.is_unchanged(&found, &setup.digest)? {
                summary.unchanged += 1;
            } else {
                bytes += found.size;
            }
            Ok(())
        };
        walk.run(root, &mut on_file, &mut |folder, error| {
            unread.push(folder.to_owned());
            on_event(Event::Unread(folder, error));
        })?;
    }
    on_event(Event::Listed {
        found: summary.found,
        unchanged: summary.unchanged,
        bytes,
    });
    Ok(unread)
}

fn keep(
    outcome: &Outcome,
    library: &mut Library,
    setup: &Setup<'_>,
    summary: &mut Summary,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<(), LibraryError> {
    let content = outcome.content.as_ref().map_err(String::as_str);
    let moved = library.keep(&outcome.file, content, outcome.verdict.as_ref(), &setup.digest)?;
    let what = match (&outcome.content, &outcome.verdict) {
        (Err(reason), _) | (_, Some(Verdict::Broken { reason, .. })) => {
            summary.broken += 1;
            Done::Broken(reason)
        }
        (_, Some(Verdict::Answer(_))) => {
            summary.analyzed += 1;
            summary.seconds += outcome.seconds;
            Done::Analyzed(outcome.seconds)
        }
        (_, None) => {
            summary.known += 1;
            summary.moved += u64::from(moved.is_some());
            moved.map_or(Done::Known, Done::Moved)
        }
    };
    on_event(Event::Done {
        file: &outcome.file,
        what,
    });
    Ok(())
}
