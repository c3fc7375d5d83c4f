//! A lab that runs beside the window: one at a time, with its progress, stopped and taken up again.
//!
//! In: a lab with its flags. Out: progress, a [`Report`]. Thread: window, and one of its own for each run.

use attune_lab::{Cells, Choice, LabError, Report, Run, RunConfig, Said};
use attune_model::{ModelSet, bundled};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// The lab's name.
    pub lab: String,
    /// Its flags, as on the command line.
    pub flags: String,
    /// How.
    pub config: RunConfig,
}

/// An order to the laboratory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabCommand {
    /// Run this.
    Begin(Experiment),
    /// Stop what runs. What is finished is kept.
    Stop,
    /// Write the tables and the picture to files.
    Export,
}

/// Where a lab is.
#[derive(Debug)]
pub enum LabState {
    /// Nothing was run yet.
    Idle,
    /// One runs.
    Running(Running),
    /// One has ended.
    Ended(Box<Report>),
    /// One was stopped, having found this. What it had finished is kept.
    Stopped(Option<Box<Report>>),
    /// One failed, what there is to say of it, and what it had found.
    Failed(String, Option<Box<Report>>),
}

impl LabState {
    /// What was found, whole or so far.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Ended(report) => Some(report),
            Self::Running(running) => running.so_far.as_deref(),
            Self::Stopped(so_far) | Self::Failed(_, so_far) => so_far.as_deref(),
            Self::Idle => None,
        }
    }
}

/// A run.
#[derive(Debug)]
pub struct Running {
    /// The lab.
    pub lab: String,
    /// Cells that are finished, and cells in all; 0: not known yet.
    pub cells: (usize, usize),
    /// What is under way.
    pub line: String,
    /// Since when.
    pub begun: Instant,
    /// What it has found so far.
    pub so_far: Option<Box<Report>>,
    /// Whether it was told to stop, and has not heard it yet.
    pub stopping: bool,
    stop: Arc<AtomicBool>,
    news: Receiver<News>,
}

#[derive(Debug)]
enum News {
    At((usize, usize), String),
    Found(Box<Report>),
    Ended(Result<Box<Report>, LabError>),
}

/// Labs, run one after the other.
#[derive(Debug)]
pub struct LabRunner {
    /// Where finished cells are kept; none: they are lost when a run ends.
    folder: Option<PathBuf>,
    state: LabState,
}

impl LabRunner {
    /// With finished cells kept in a folder, if one is given.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            state: LabState::Idle,
        }
    }

    /// Where it is.
    pub fn state(&self) -> &LabState {
        &self.state
    }

    /// What the last run found, or this one so far.
    pub fn report(&self) -> Option<&Report> {
        self.state.report()
    }

    /// Begins a run, unless one is under way. `models` listen in labs that need some; `notify` is called at each news.
    pub fn begin(&mut self, asked: &Experiment, models: Option<&ModelSet>, notify: impl Fn() + Send + 'static) {
        if matches!(self.state, LabState::Running(_)) {
            return;
        }
        let begun = Choice::read(&asked.lab, &asked.flags).and_then(|choice| {
            let stop = Arc::new(AtomicBool::new(false));
            let (tell, news) = unbounded();
            let path = self.folder.as_deref().map(|folder| cells_of(folder, &asked.lab));
            let (config, models, stopped) = (asked.config, models.cloned(), Arc::clone(&stop));
            std::thread::Builder::new()
                .name("attune-lab".to_owned())
                .spawn(move || {
                    let ended = work(
                        &choice,
                        config,
                        path.as_deref(),
                        models.as_ref(),
                        (&tell, &notify),
                        &stopped,
                    );
                    // The window is gone: nobody waits for it.
                    let _ = tell.send(News::Ended(ended.map(Box::new)));
                    notify();
                })
                .map_err(|error| error.to_string())?;
            Ok(Running {
                lab: asked.lab.clone(),
                cells: (0, 0),
                line: "Beginning".to_owned(),
                begun: Instant::now(),
                so_far: None,
                stopping: false,
                stop,
                news,
            })
        });
        self.state = match begun {
            Ok(running) => LabState::Running(running),
            Err(message) => LabState::Failed(message, None),
        };
    }

    /// Tells what runs to stop.
    pub fn stop(&mut self) {
        if let LabState::Running(running) = &mut self.state {
            running.stopping = true;
            running.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Takes over what is new.
    pub fn poll(&mut self) {
        let LabState::Running(running) = &mut self.state else {
            return;
        };
        while let Ok(news) = running.news.try_recv() {
            match news {
                News::At(cells, line) => (running.cells, running.line) = (cells, line),
                News::Found(report) => running.so_far = Some(report),
                News::Ended(Ok(report)) => return self.state = LabState::Ended(report),
                News::Ended(Err(LabError::Stopped)) => {
                    return self.state = LabState::Stopped(running.so_far.take());
                }
                News::Ended(Err(error)) => {
                    return self.state = LabState::Failed(error.to_string(), running.so_far.take());
                }
            }
        }
    }
}

/// A lab that nobody waits for any more need not go on.
impl Drop for LabRunner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What an export holds: all that was found as JSON, the picture, each table; by their endings.
pub fn files_of(report: &Report) -> Vec<(String, Vec<u8>)> {
    let document = ("json".to_owned(), format!("{:#}", report.document()));
    let picture = report.picture.as_ref().map(|sheet| ("svg".to_owned(), sheet.svg()));
    let tables = report
        .tables
        .iter()
        .map(|table| (format!("{}.csv", table.name), table.csv()));
    let files = std::iter::once(document).chain(picture).chain(tables);
    files.map(|(ending, text)| (ending, text.into_bytes())).collect()
}

/// The finished cells of a lab: the same name as the command line gives them.
fn cells_of(folder: &Path, lab: &str) -> PathBuf {
    folder.join(format!("{lab}.cells.jsonl"))
}

fn work(
    choice: &Choice,
    config: RunConfig,
    cells: Option<&Path>,
    models: Option<&ModelSet>,
    (tell, notify): (&Sender<News>, &impl Fn()),
    stop: &AtomicBool,
) -> Result<Report, LabError> {
    let cells = match cells {
        Some(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|source| LabError::CellsFile {
                    path: path.to_owned(),
                    source,
                })?;
            }
            Cells::open(path)?
        }
        None => Cells::default(),
    };
    let mut say = |said: Said<'_>| {
        let news = match said {
            Said::At(at) => News::At((at.finished, at.of), at.line.to_owned()),
            Said::Found(report) => News::Found(report),
        };
        // As above.
        let _ = tell.send(news);
        notify();
    };
    let load = || models.map_or_else(bundled, |models| Ok(models.clone()));
    choice.lab().run(&mut Run::new(config, cells, &load, &mut say, stop))
}
