//! Waits until something changes below folders: told by the system where that is possible, else by looking again.
//!
//! In: folders. Out: a wait that ends. Thread: the caller's; the system's notes come on one of `notify`'s.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Changes come in bursts (an album is copied): the wait ends when so long nothing has changed.
const QUIET: Duration = Duration::from_secs(2);
/// But not later than this after the first of them.
const LATEST: Duration = Duration::from_mins(1);
/// How often it is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// Waits for changes below folders.
pub struct Watch {
    /// Dropped, it would end.
    _watcher: Option<RecommendedWatcher>,
    changes: Receiver<()>,
    /// Why the system does not tell.
    polls_because: Option<String>,
    poll: Duration,
}

impl Watch {
    /// Begins to watch. Where the system cannot tell of changes (too many folders, a network drive that is not
    /// supported), every `poll` counts as one. What a scan writes to its library is no change.
    pub fn new(roots: &[PathBuf], library: &Path, poll: Duration) -> Self {
        let (send, changes) = channel();
        let own = library.file_name().unwrap_or_default().to_owned();
        // The database, its journal and its shared memory.
        let is_own = move |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            name.starts_with(own.as_encoded_bytes())
        };
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading files, as a scan does, is no change of them.
            let is_change = |event: notify::Event| {
                let of_others = event.paths.is_empty() || !event.paths.iter().all(&is_own);
                of_others && !matches!(event.kind, EventKind::Access(_))
            };
            if event.is_ok_and(is_change) {
                let _ = send.send(());
            }
        });
        let watching = watcher.and_then(|mut watcher| {
            for root in roots {
                watcher.watch(root, RecursiveMode::Recursive)?;
            }
            Ok(watcher)
        });
        let (watcher, polls_because) = match watching {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            _watcher: watcher,
            changes,
            polls_because,
            poll,
        }
    }

    /// Why it looks again and again instead of being told.
    pub fn polls_because(&self) -> Option<&str> {
        self.polls_because.as_deref()
    }

    /// Waits until something has changed and it is quiet again. False: `stop` was set meanwhile.
    pub fn wait(&self, stop: &AtomicBool) -> bool {
        let begun = Instant::now();
        let mut changed: Option<(Instant, Instant)> = None;
        loop {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            match self.changes.recv_timeout(GLANCE) {
                Ok(()) => {
                    let now = Instant::now();
                    changed = Some((changed.map_or(now, |(first, _)| first), now));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody tells any more.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(GLANCE),
            }
            let is_over = |(first, last): (Instant, Instant)| last.elapsed() >= QUIET || first.elapsed() >= LATEST;
            if changed.is_some_and(is_over) || (self.polls_because.is_some() && begun.elapsed() >= self.poll) {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_ends_the_wait_and_a_stop_does() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library.db");
        let watch = Watch::new(&[folder.path().to_owned()], &library, Duration::from_secs(1));
        std::fs::write(folder.path().join("song.mp3"), "x").unwrap();
        let stop = AtomicBool::new(false);
        let begun = Instant::now();
        assert!(watch.wait(&stop));
        assert!(begun.elapsed() >= Duration::from_secs(1), "it waits until it is quiet");
        // What it writes itself is none.
        std::fs::write(&library, "x").unwrap();
        std::fs::write(folder.path().join("library.db-wal"), "x").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(QUIET + Duration::from_secs(1));
                stop.store(true, Ordering::Relaxed);
            });
            assert!(!watch.wait(&stop), "only the stop ends it");
        });
    }

    #[test]
    fn what_cannot_be_watched_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::new(
            &[folder.path().join("none")],
            Path::new("x"),
            Duration::from_millis(300),
        );
        assert!(watch.polls_because().is_some());
        assert!(watch.wait(&AtomicBool::new(false)));
    }
}
