//! What each kind of network remembers, and for how long.
//!
//! # Question
//! Lectures say that a recurrent network forgets, that an LSTM forgets later, that a temporal convolutional network
//! remembers all of its receptive field and nothing beyond, and that attention remembers what it sees. Is it so?
//!
//! # Formula
//! A recurrent state is h_t = φ(h_{t−1}, x_t): what it keeps of frame t − k must survive k products of Jacobians
//! (Hochreiter 1991; Pascanu, Mikolov & Bengio 2013; `attune lab limits` measures them). A TCN with kernels of k taps
//! and L blocks of two convolutions, dilations 1, 2, …, 2^(L−1), sees R = 1 + 2·(k − 1)·(2^L − 1) frames (Bai, Kolter &
//! Koltun 2018), however it is trained.
//!
//! # Method
//! The adding problem and copy memory are those of Bai, Kolter & Koltun 2018, "An Empirical Evaluation of Generic
//! Convolutional and Recurrent Networks for Sequence Modeling", with their kernels, levels, widths, rates, optimisers
//! and batches of 32. What differs: sequences are drawn for each step instead of 50,000 or 10,000 that come again;
//! weights begin as everywhere in Attune (uniform by fan-in), not as N(0, 0.01); the TCN has no dropout in copy memory,
//! as in the authors' program by default, where the paper names 0.05 (`--task copy --dropout 0.05`); the first 1×1
//! convolution stands before the first block, not beside it; a network whose tested loss is next to nothing is not
//! trained further. The attention network (two layers, four heads, rotary places) is not in the paper; it and the LSTM
//! have about as many weights as the TCN.
//!
//! Chance is 1/6 (variance of the sum of two uniform numbers) and 10·ln 8/(T + 20) (symbols guessed, blanks known).
//!
//! Recall: sixteen bands of noise and passing notes; four notes, always the same ones, come in one of four orders, and
//! Δ frames after the last of them the order must be given. Each network is trained separately for each Δ. Δ counts from
//! the motif's last frame, so a TCN sees the whole motif up to Δ = R − 4 and nothing of it from Δ = R on.
//!
//! # Result
//! The LSTM and the TCN solve the adding problem at 200, 400 and 600, attention at 200 and 400 (at 600 it had 4,000
//! steps), the plain RNN at none; copy memory of 500 and 1,000 is learnt by TCN and attention and by neither recurrent
//! network: of 1,000 by the TCN to a loss of 2.8e-5, where training ends (the paper: 3.5e-5). In recall the TCN is
//! right while the whole motif lies in its field, and at chance once none of it does; the RNN forgets before the LSTM.
//! The tables, with command and date: `docs/lab.md`.
//!
//! # What it does not show
//! A task that is not learnt in these steps may be learnt in more, from other weights or at another rate: one seed
//! each, and Bai et al. train longer, on sequences that come again. All three tasks are of long memory and nothing
//! else: a network that fails them may still be the better one at music (`attune lab arena`).

mod descent;
mod learn;
mod plan;
mod shown;
mod tasks;

pub use learn::{Outcome, Tested, learn};
pub use plan::{Kind, Plan, recall_field};
pub(super) use shown::{ink, legend};
pub use tasks::{Batch, Task};

use super::{Lab, LabError, Report, Run};

/// A family of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// The adding problem
    Adding,
    /// Copy memory
    Copy,
    /// A motif names the class some time later
    Recall,
}

/// How long RNN, LSTM, TCN and attention remember: adding problem, copy memory, recall against delay
#[derive(Debug, Clone, Default, clap::Args)]
pub struct MemoryLab {
    /// Only these tasks, with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub task: Vec<Family>,
    /// These lengths T (of recall: delays) in place of the paper's, with commas between them
    #[arg(long, value_delimiter = ',', value_name = "T,T,…")]
    pub length: Vec<usize>,
    /// Only these networks, with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub net: Vec<Kind>,
    /// Teach recall by shorter delays first, each until it is learnt, so many frames apart
    #[arg(long, value_name = "FRAMES")]
    pub climb: Option<usize>,
    /// Training steps at the most, of each cell [default: 6,000; of recall 2,000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Dropout in the TCN's blocks
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub dropout: f32,
}

impl MemoryLab {
    /// The selected cells, the shortest tasks first.
    pub fn plans(&self, quick: bool, seed: u64) -> Vec<Plan> {
        let mut plans = Vec::new();
        for task in self.tasks(quick) {
            for kind in Kind::ALL {
                if self.net.is_empty() || self.net.contains(&kind) {
                    let mut plan = Plan::new(task, kind, quick, seed).with_dropout(self.dropout);
                    if let Some(rise) = self.climb {
                        plan = plan.climbing(rise);
                    }
                    plan.steps = self.steps.unwrap_or(plan.steps);
                    plans.push(plan);
                }
            }
        }
        plans
    }

    /// How to read the tables, and what was not as in the paper.
    fn notes(&self) -> Vec<String> {
        let how = "field: frames that an answer can depend on (–: no bound). One seed each: a network that solves a task can; \
                   one that does not, did not in these steps";
        let dropout = (self.dropout > 0.0).then(|| format!("dropout of the TCN: {}", self.dropout));
        [Some(how.to_owned()), dropout].into_iter().flatten().collect()
    }

    /// The selected ones: of the usual lengths, or of those that are named.
    fn tasks(&self, quick: bool) -> Vec<Task> {
        let wants = |family| self.task.is_empty() || self.task.contains(&family);
        if self.length.is_empty() {
            let usual = tasks_of(quick).into_iter();
            return usual.filter(|task| wants(Family::of(*task))).collect();
        }
        let families = Family::ALL.into_iter().filter(|family| wants(*family));
        families
            .flat_map(|family| self.length.iter().map(move |&length| family.task(length)))
            .collect()
    }
}

impl Family {
    /// In the order in which they are trained.
    const ALL: [Self; 3] = [Self::Recall, Self::Adding, Self::Copy];

    fn of(task: Task) -> Self {
        match task {
            Task::Adding { .. } => Self::Adding,
            Task::Copy { .. } => Self::Copy,
            Task::Recall { .. } => Self::Recall,
        }
    }

    fn task(self, length: usize) -> Task {
        match self {
            Self::Adding => Task::Adding { frames: length },
            Self::Copy => Task::Copy { blank: length },
            Self::Recall => Task::Recall { delay: length },
        }
    }
}

/// Lengths that can be chosen: two frames are marked in the adding problem; the paper's longest is 2,000.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=5_000;

/// The lengths of the paper and delays around the receptive field, or short ones for a taste.
fn tasks_of(quick: bool) -> Vec<Task> {
    let field = recall_field(quick);
    let edge = field - Task::MOTIF_FRAMES;
    let (adding, copy, delays): (&[usize], &[usize], Vec<usize>) = if quick {
        (&[100], &[100], vec![8, edge, field - 1, field, 96])
    } else {
        (
            &[200, 400, 600],
            &[500, 1000],
            vec![8, 16, 32, 64, 96, edge, field - 1, field, 192, 256],
        )
    };
    let delays = delays.into_iter().map(|delay| Task::Recall { delay });
    let adding = adding.iter().map(|&frames| Task::Adding { frames });
    let copy = copy.iter().map(|&blank| Task::Copy { blank });
    delays.chain(adding).chain(copy).collect()
}

impl Lab for MemoryLab {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        if let Some(length) = self.length.iter().find(|length| !LENGTHS.contains(length)) {
            let (least, most) = (LENGTHS.start(), LENGTHS.end());
            return Err(LabError::Refused(format!(
                "--length {length}: name lengths of {least} to {most} frames"
            )));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(LabError::Refused(format!(
                "--dropout {}: name a share of 0 up to, but not, 1",
                self.dropout
            )));
        }
        let plans = self.plans(config.quick, config.seed);
        run.expect(plans.len());
        let report = |cells: &[(Plan, Outcome)]| Report {
            lab: self.name(),
            tables: shown::tables(cells),
            notes: self.notes(),
            picture: shown::picture(cells, recall_field(config.quick)),
        };
        let mut cells = Vec::new();
        for plan in plans {
            let outcome = run.cell(&plan, |run| learn(&plan, run))?;
            cells.push((plan, outcome));
            run.partial(report(&cells));
        }
        Ok(report(&cells))
    }
}
