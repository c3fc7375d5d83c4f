//! A lab that runs beside the window: one at a time, with its progress, stopped and taken up again.
//!
//! In: a lab with its flags. Out: progress, a [`Report`]. Thread: window, and one of its own for each run.

use super::job::{Job, JobError, Worker};
use attune_engine::files;
use attune_lab::{Cells, Choice, LabError, Report, Run, RunConfig, RunEvent};
use attune_model::{ModelSet, bundled};
use std::path::{Path, PathBuf};
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

/// A command to the lab.
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
    Failed(LabFailure, Option<Box<Report>>),
}

/// Why a lab failed.
#[derive(Debug, thiserror::Error)]
pub enum LabFailure {
    /// There is no such lab, or its flags are wrong.
    #[error("{0}")]
    Choice(Box<dyn std::error::Error + Send + Sync>),
    /// It did not run to its end.
    #[error(transparent)]
    Run(#[from] JobError<LabError>),
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
    /// Whether it has been cancelled and has not noticed yet.
    pub stopping: bool,
    job: LabJob,
}

type LabJob = Job<Box<Report>, LabError, Progress>;

/// What a run reports.
#[derive(Debug)]
enum Progress {
    At((usize, usize), String),
    Found(Box<Report>),
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

    /// Begins a run, unless one is under way. `models` are used by labs that need some; `notify` is called at each
    /// news.
    pub fn begin(&mut self, wanted: &Experiment, models: Option<&ModelSet>, notify: impl Fn() + Send + Sync + 'static) {
        if matches!(self.state, LabState::Running(_)) {
            return;
        }
        let choice = match Choice::read(&wanted.lab, &wanted.flags) {
            Ok(choice) => choice,
            Err(error) => return self.state = LabState::Failed(LabFailure::Choice(error.into()), None),
        };
        let path = self.folder.as_deref().map(|folder| cells_of(folder, &wanted.lab));
        let (config, models) = (wanted.config, models.cloned());
        let job = Job::start("attune-lab", notify, move |worker| {
            let result = run(&choice, config, path.as_deref(), models.as_ref(), worker).map(Box::new);
            // Training keeps what is freed; the window goes on without it.
            attune_nn::kernels::memory::give_freed_memory_back();
            result
        });
        self.state = LabState::Running(Running {
            lab: wanted.lab.clone(),
            cells: (0, 0),
            line: "Beginning".to_owned(),
            begun: Instant::now(),
            so_far: None,
            stopping: false,
            job,
        });
    }

    /// Stops what runs at its next step.
    pub fn stop(&mut self) {
        if let LabState::Running(running) = &mut self.state {
            running.stopping = true;
            running.job.cancel();
        }
    }

    /// Takes over what is new.
    pub fn poll(&mut self) {
        let LabState::Running(running) = &mut self.state else {
            return;
        };
        let (cells, line, so_far) = (&mut running.cells, &mut running.line, &mut running.so_far);
        running.job.poll_with(|progress| match progress {
            Progress::At(at, now) => (*cells, *line) = (at, now),
            Progress::Found(report) => *so_far = Some(report),
        });
        let Some(ended) = running.job.take_ended() else {
            return;
        };
        let so_far = running.so_far.take();
        self.state = match ended {
            Ok(report) => LabState::Ended(report),
            Err(JobError::Work(LabError::Stopped)) => LabState::Stopped(so_far),
            Err(error) => LabState::Failed(error.into(), so_far),
        };
    }
}

/// What an export holds: all that was found as JSON, the picture, each table; by their endings.
pub(super) fn files_of(report: &Report) -> Vec<(String, Vec<u8>)> {
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

fn run(
    choice: &Choice,
    config: RunConfig,
    cells: Option<&Path>,
    models: Option<&ModelSet>,
    worker: &Worker<Box<Report>, LabError, Progress>,
) -> Result<Report, LabError> {
    let cells = match cells {
        Some(path) => {
            if let Some(folder) = path.parent() {
                files::create_folder(folder)?;
            }
            Cells::open(path)?
        }
        None => Cells::default(),
    };
    let mut say = |said: RunEvent<'_>| {
        worker.report(match said {
            RunEvent::Progress(at) => Progress::At((at.finished, at.of), at.line.to_owned()),
            RunEvent::Partial(report) => Progress::Found(report),
        });
    };
    let load = || models.map_or_else(bundled, |models| Ok(models.clone()));
    choice
        .lab()
        .run(&mut Run::new(config, cells, &load, &mut say, worker.cancelled()))
}
