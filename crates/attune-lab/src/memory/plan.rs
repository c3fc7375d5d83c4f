//! Which network learns which task, and how: one plan for each cell.
//!
//! In: a task, a kind of network. Out: a plan. Thread: any.

use super::descent::Rule;
use super::tasks::Task;
use attune_model::architecture::BodyShape;
use attune_model::attention::EncoderShape;
use attune_model::plain::PlainShape;
use attune_model::recurrent::RecurrentShape;
use attune_model::tcn::TcnShape;
use serde::Serialize;

/// A kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Plain recurrence
    Rnn,
    /// Long short-term memory
    Lstm,
    /// Temporal convolutional network
    Tcn,
    /// Causal attention over the whole sequence
    Attention,
}

impl Kind {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Rnn, Self::Lstm, Self::Tcn, Self::Attention];

    /// As it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rnn => "RNN",
            Self::Lstm => "LSTM",
            Self::Tcn => "TCN",
            Self::Attention => "attention",
        }
    }
}

/// Everything that fixes what comes of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What is to be remembered.
    pub task: Task,
    /// By whom.
    pub kind: Kind,
    /// The network.
    pub shape: PlainShape,
    /// How it learns.
    pub rule: Rule,
    /// At which rate.
    pub rate: f32,
    /// The most that the norm of its gradients may be.
    pub clip: Option<f32>,
    /// Sequences of a step.
    pub batch: usize,
    /// Steps at the most.
    pub steps: u64,
    /// Steps between tests.
    pub every: u64,
    /// Sequences of a test, the same for all kinds.
    pub tested: usize,
    /// A loss at which it is taken for solved and not trained further.
    pub enough: f64,
    /// Shorter tasks that are trained before it, each until its loss is enough, with the same weights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<Task>,
    /// What weights and sequences are drawn from.
    pub seed: u64,
}

/// The first delay of a ladder: every kind of network learns it.
const FOOT: usize = 8;

/// Taps and dilated blocks of a [`Kind::Tcn`], and widths of all kinds: about as many weights each.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    taps: usize,
    levels: u32,
    width: usize,
    rnn: usize,
    lstm: usize,
    attention: usize,
}

/// The receptive field of the networks of the recall task, in frames: 1 + 2·(3 − 1)·(2⁵ − 1) or, for a taste, ·(2³ −
/// 1).
pub fn recall_field(quick: bool) -> usize {
    1 + 4 * ((1 << recall_levels(quick)) - 1)
}

fn recall_levels(quick: bool) -> u32 {
    if quick { 3 } else { 5 }
}

/// Sizes of Bai et al. 2018 for T = 200, 400, 600 and 500, 1000; those between and below are as those above them.
fn sizes(task: Task, quick: bool) -> Sizes {
    let (taps, levels, width) = match task {
        Task::Adding { frames: ..=100 } => (6, 5, 27),
        Task::Adding { frames: ..=200 } => (6, 7, 27),
        Task::Adding { frames: ..=400 } => (7, 7, 27),
        Task::Adding { .. } => (8, 8, 24),
        Task::Copy { blank: ..=100 } => (8, 5, 10),
        Task::Copy { blank: ..=500 } => (6, 9, 10),
        Task::Copy { .. } => (8, 8, 10),
        Task::Recall { .. } => (3, recall_levels(quick), 32),
    };
    let (rnn, lstm, attention) = match task {
        Task::Adding { .. } => (260, 130, 64),
        Task::Copy { .. } => (110, 50, 32),
        Task::Recall { .. } => (64, 64, 32),
    };
    Sizes {
        taps,
        levels,
        width,
        rnn,
        lstm,
        attention,
    }
}

impl Plan {
    /// Who learns what, as the paper has it where it says so, but for dropout: there is none.
    pub fn new(task: Task, kind: Kind, quick: bool, seed: u64) -> Self {
        let sizes = sizes(task, quick);
        let shape = PlainShape {
            bands: task.inputs(),
            body: body(task, kind, sizes),
            classes: task.outputs(),
        };
        let (rule, rate, clip) = match (task, kind) {
            (_, Kind::Attention) => (Rule::Adam, 1e-3, Some(1.0)),
            (Task::Adding { .. }, Kind::Tcn) => (Rule::Adam, 2e-3, None),
            (Task::Adding { .. }, _) => (Rule::Adam, 2e-3, Some(5.0)),
            (Task::Copy { .. }, _) => (Rule::RmsProp, 5e-4, Some(1.0)),
            (Task::Recall { .. }, _) => (Rule::Adam, 2e-3, Some(1.0)),
        };
        let (steps, every, enough) = match (task, quick) {
            (Task::Adding { .. } | Task::Copy { .. }, true) => (600, 60, 1e-3),
            (Task::Adding { .. }, false) => (6_000, 200, 5e-5),
            (Task::Copy { .. }, false) => (6_000, 200, 3e-5),
            (Task::Recall { .. }, true) => (400, 50, 0.02),
            (Task::Recall { .. }, false) => (2_000, 100, 0.02),
        };
        Self {
            task,
            kind,
            shape,
            rule,
            rate,
            clip,
            batch: 32,
            steps,
            every,
            tested: if quick { 256 } else { 1_000 },
            enough,
            ladder: Vec::new(),
            seed,
        }
    }

    /// The same with this dropout in the TCN's blocks; the other networks have none.
    pub(crate) fn with_dropout(mut self, rate: f32) -> Self {
        if let BodyShape::Tcn(shape) = &mut self.shape.body {
            shape.dropout = rate;
        }
        self
    }

    /// The same for a task of recall that is climbed to: from [`FOOT`] frames of delay on, `rise` more at a time. There
    /// is time for it: three times the steps, with a test after every 25.
    pub(crate) fn climbing(mut self, rise: usize) -> Self {
        if let Task::Recall { delay } = self.task {
            let rungs = (FOOT..delay).step_by(rise.max(1));
            self.ladder = rungs.map(|delay| Task::Recall { delay }).collect();
            self.steps *= 3;
            self.every = 25;
        }
        self
    }
}

fn body(task: Task, kind: Kind, sizes: Sizes) -> BodyShape {
    let recurrent = |hidden| RecurrentShape {
        inputs: task.inputs(),
        hidden,
        layers: 1,
        dropout: 0.0,
    };
    match kind {
        Kind::Rnn => BodyShape::Rnn(recurrent(sizes.rnn)),
        Kind::Lstm => BodyShape::Lstm(recurrent(sizes.lstm)),
        Kind::Tcn => BodyShape::Tcn(TcnShape {
            width: sizes.width,
            taps: sizes.taps,
            dilations: (0..sizes.levels).map(|level| 1 << level).collect(),
            dropout: 0.0,
            normalized: false,
        }),
        Kind::Attention => BodyShape::Attention(EncoderShape {
            width: sizes.attention,
            heads: 4,
            feed: 2 * sizes.attention,
            layers: 2,
            context: task.frames(),
            dropout: 0.0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_nn::weights::WeightStore;

    #[test]
    fn dropout_is_the_tcns_alone() {
        let of = |kind| Plan::new(Task::Copy { blank: 100 }, kind, true, 1);
        assert_eq!(of(Kind::Tcn).with_dropout(0.0), of(Kind::Tcn));
        assert_ne!(of(Kind::Tcn).with_dropout(0.5), of(Kind::Tcn));
        for kind in [Kind::Rnn, Kind::Lstm, Kind::Attention] {
            assert_eq!(of(kind).with_dropout(0.5), of(kind));
        }
    }

    #[test]
    fn networks_are_the_papers_and_of_about_one_size() {
        for (task, weights) in [
            (Task::Adding { frames: 600 }, 70_000),
            (Task::Copy { blank: 1000 }, 16_000),
        ] {
            for kind in Kind::ALL {
                let plan = Plan::new(task, kind, false, 1);
                let mut store = WeightStore::random(1);
                plan.shape.build(&mut store).unwrap();
                let count: usize = store.params().map(|(_, var)| var.elem_count()).sum();
                let ratio = count as f64 / f64::from(weights);
                assert!((0.65..1.3).contains(&ratio), "{task:?} {kind:?}: {count}");
            }
        }
        let field = |plan: &Plan| match &plan.shape.body {
            BodyShape::Tcn(shape) => shape.receptive_field(),
            _ => 0,
        };
        // The field covers every sequence of the papers' tasks, and is what the recall task says.
        for frames in [200, 400, 600] {
            assert!(field(&Plan::new(Task::Adding { frames }, Kind::Tcn, false, 1)) > frames);
        }
        for blank in [500, 1000] {
            assert!(field(&Plan::new(Task::Copy { blank }, Kind::Tcn, false, 1)) > blank + 20);
        }
        for quick in [false, true] {
            let plan = Plan::new(Task::Recall { delay: 9 }, Kind::Tcn, quick, 1);
            assert_eq!(field(&plan), recall_field(quick));
        }
    }
}
