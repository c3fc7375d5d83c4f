//! Files and folders that are analysed one after the other while the window does something else.
//!
//! In: paths. Out: an answer for each file, or why it has none. Thread: window, and one that works.

use super::job::{Job, Worker};
use attune_audio::units::Seconds;
use attune_engine::offline::{Report, analyze};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::table;
use attune_library::scan::{Found, Walk};
use attune_model::ModelSet;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files that can be listed: beyond that, a library of its own is the right tool.
pub(crate) const MOST: usize = 20_000;

/// One file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileEntry {
    /// Its path.
    pub path: PathBuf,
    /// How far it is.
    pub state: FileState,
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq)]
pub enum FileState {
    /// Others come first.
    Waiting,
    /// This share of it has been analysed.
    Running(f32),
    /// Its answer.
    Done(FileAnswer),
    /// Why it has none, and what to do about it.
    Failed(String, String),
}

/// The answer to a whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileAnswer {
    /// `genre`, `unsure`, `silence`, …
    pub state: &'static str,
    /// Label of the genre, if one is answered.
    pub genre: Option<String>,
    /// Probability of what is answered.
    pub confidence: Option<f64>,
    /// Why, for people.
    pub reason: String,
    /// Length of what was decoded.
    pub duration: Seconds,
    /// What was wrong with the file.
    pub warnings: Vec<String>,
}

impl FileAnswer {
    fn of(report: Report) -> Self {
        Self {
            state: report.answer.state,
            genre: report.answer.genre,
            confidence: report.answer.confidence,
            reason: report.answer.reason,
            duration: Seconds(report.source.duration_s),
            warnings: report.warnings,
        }
    }
}

/// What the thread reports.
enum Update {
    /// The files of a path that was added.
    Found(Vec<PathBuf>),
    At(PathBuf, FileState),
}

/// How many files are how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileCounts {
    /// With an answer.
    pub done: usize,
    /// Without one.
    pub failed: usize,
    /// Not yet analysed.
    pub left: usize,
}

impl FileCounts {
    fn of(&mut self, state: &FileState) -> &mut usize {
        match state {
            FileState::Done(_) => &mut self.done,
            FileState::Failed(..) => &mut self.failed,
            FileState::Waiting | FileState::Running(_) => &mut self.left,
        }
    }
}

/// All that were added, in that order.
#[derive(Default)]
pub struct FileList {
    entries: Vec<FileEntry>,
    places: HashMap<PathBuf, usize>,
    counts: FileCounts,
    /// Files and folders that the thread has not been given.
    added: Vec<PathBuf>,
    job: Job<(), Infallible, Update>,
    /// Grows with each change.
    version: u64,
    /// When the thread began, and files that it has finished since.
    run: Option<(Instant, usize)>,
    /// What could not be listed.
    pub fault: Option<String>,
}

impl FileList {
    /// Adds files, and all music in folders. What is there already is analysed again.
    pub fn add(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.added.extend(paths);
        self.fault = None;
        self.version += 1;
    }

    /// Stops, and forgets all.
    pub fn clear(&mut self) {
        *self = Self {
            version: self.version + 1,
            ..Self::default()
        };
    }

    /// Forgets what waits and what is being analysed.
    pub fn stop(&mut self) {
        self.job = Job::Idle;
        self.added.clear();
        self.run = None;
        let is_open = |entry: &FileEntry| matches!(entry.state, FileState::Waiting | FileState::Running(_));
        self.entries.retain(|entry| !is_open(entry));
        self.places = self.entries.iter().map(|entry| entry.path.clone()).zip(0..).collect();
        self.counts.left = 0;
        self.version += 1;
    }

    /// The files, in the order in which they were found.
    pub fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    /// The same number means the same files, and the same answers.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether there is more to do.
    pub fn is_busy(&self) -> bool {
        self.job.is_running() || !self.added.is_empty()
    }

    /// How many are how far.
    pub fn counts(&self) -> FileCounts {
        self.counts
    }

    /// About how long the rest takes, once a few files are done.
    pub fn time_left(&self) -> Option<Duration> {
        let (began, finished) = self.run.filter(|(_, finished)| *finished >= 3)?;
        let each = began.elapsed().as_secs_f64() / finished as f64;
        Some(Duration::from_secs_f64(each * self.counts.left as f64))
    }

    /// Takes over what has come, and gives the thread what was added. `notify` is called when there is something new.
    pub fn poll(
        &mut self,
        models: Option<&ModelSet>,
        smoothing: SmoothingConfig,
        notify: impl Fn() + Send + Sync + 'static,
    ) {
        let mut updates = Vec::new();
        self.job.poll_with(|update| updates.push(update));
        for update in updates {
            self.take(update);
        }
        if let Some(error) = self.job.error() {
            let fault = error.to_string();
            self.stop();
            self.fault = Some(fault);
        }
        if self.job.is_running() || self.added.is_empty() {
            return;
        }
        let Some(models) = models.cloned() else {
            self.added.clear();
            self.fault = Some("This window has no models.".to_owned());
            return;
        };
        let (added, room) = (std::mem::take(&mut self.added), MOST - self.entries.len());
        self.run = Some((Instant::now(), 0));
        self.job = Job::start("attune-files", notify, move |worker| {
            work((&added, room), &models, &smoothing, worker);
            Ok(())
        });
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Found(paths) => {
                for path in paths {
                    if self.entries.len() >= MOST && !self.places.contains_key(&path) {
                        self.fault = Some(format!("Only the first {MOST} files are listed."));
                        break;
                    }
                    self.put(path, FileState::Waiting);
                }
            }
            // What cannot be read has no entry until then.
            Update::At(path, state) => {
                if let (false, Some((_, finished))) = (matches!(state, FileState::Running(_)), &mut self.run) {
                    *finished += 1;
                }
                self.put(path, state);
            }
        }
    }

    fn put(&mut self, path: PathBuf, state: FileState) {
        // How far a file is changes no order.
        self.version += u64::from(!matches!(state, FileState::Running(share) if share > 0.0));
        *self.counts.of(&state) += 1;
        if let Some(place) = self.places.get(&path) {
            let old = std::mem::replace(&mut self.entries[*place].state, state);
            *self.counts.of(&old) -= 1;
        } else {
            self.places.insert(path.clone(), self.entries.len());
            self.entries.push(FileEntry { path, state });
        }
    }

    /// All of it as comma-separated values.
    pub fn csv(&self) -> String {
        let heading = [
            "path",
            "state",
            "genre",
            "confidence",
            "duration_s",
            "reason",
            "warnings",
        ];
        let heading = heading.map(str::to_owned).to_vec();
        let rows = self.entries.iter().map(|entry| {
            let path = entry.path.display().to_string();
            let empty = String::new;
            match &entry.state {
                FileState::Done(answer) => vec![
                    path,
                    answer.state.to_owned(),
                    answer.genre.clone().unwrap_or_default(),
                    answer.confidence.map_or_else(empty, |share| format!("{share:.6}")),
                    format!("{:.3}", answer.duration.0),
                    answer.reason.clone(),
                    answer.warnings.join("; "),
                ],
                FileState::Failed(why, _) => {
                    vec![
                        path,
                        "failed".to_owned(),
                        empty(),
                        empty(),
                        empty(),
                        why.clone(),
                        empty(),
                    ]
                }
                FileState::Waiting | FileState::Running(_) => {
                    vec![path, "waiting".to_owned(), empty(), empty(), empty(), empty(), empty()]
                }
            }
        });
        table::csv(std::iter::once(heading).chain(rows))
    }
}

/// Finds the files of all paths first, so that it is known how many there are.
fn work(
    (added, room): (&[PathBuf], usize),
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    worker: &Worker<(), Infallible, Update>,
) {
    let (mut all, mut walk) = (Vec::new(), Walk::default());
    for path in added {
        let first = all.len();
        let mut on_file = |found: Found| {
            all.push(found.path);
            // Nobody waits for more, or there is no room for it.
            if worker.is_cancelled() || all.len() > room {
                Err(())
            } else {
                Ok(())
            }
        };
        let mut on_error = |path: &Path, error: &std::io::Error| {
            let remedy = "Check the path and its permissions.".to_owned();
            worker.report(Update::At(
                path.to_owned(),
                FileState::Failed(error.to_string(), remedy),
            ));
        };
        // An early end was wanted.
        let _ = walk.run(path, &mut on_file, &mut on_error);
        worker.report(Update::Found(all[first..].to_vec()));
    }
    for path in all.into_iter().take(room) {
        if worker.is_cancelled() {
            return;
        }
        let state = state_of(&path, models, smoothing, worker);
        worker.report(Update::At(path, state));
    }
}

fn state_of(
    path: &Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    worker: &Worker<(), Infallible, Update>,
) -> FileState {
    worker.report(Update::At(path.to_owned(), FileState::Running(0.0)));
    let mut reported = Instant::now();
    let result = analyze(
        path,
        models,
        smoothing,
        |_| (),
        |progress| {
            if worker.is_cancelled() {
                return ControlFlow::Break(());
            }
            if let Some(whole) = progress
                .duration
                .filter(|_| reported.elapsed() > Duration::from_millis(250))
            {
                reported = Instant::now();
                let share = (progress.done.0 / whole.0.max(1e-3)).clamp(0.0, 1.0) as f32;
                worker.report(Update::At(path.to_owned(), FileState::Running(share)));
            }
            ControlFlow::Continue(())
        },
    );
    match result {
        Ok(report) => FileState::Done(FileAnswer::of(report)),
        Err(error) => FileState::Failed(error.to_string(), error.remedy().to_owned()),
    }
}
