//! Networks that write which sections a piece has, and when: three that attend, their twins that do not, and a plain
//! baseline, on one task.
//!
//! # Question
//! What is attention worth to a network that turns a piece into the list of its sections? Does its alignment say where
//! they are? How late may a live list be, and how right?
//!
//! # Formula
//! *Bahdanau*: e_ij = vᵀ·tanh(W·s_{i−1} + U·h_j), α_i = softmax(e_i), c_i = Σ_j α_ij·h_j (Bahdanau, Cho & Bengio 2015).
//! *Transformer*: softmax(Q·Kᵀ/√d)·V in every layer, over the tokens before and over the source (Vaswani et al. 2017).
//! *Pervasive*: masked convolutions over the grid of tokens by source steps, then for each feature the maximum of
//! a·σ(g) along the source; its alignment is the share of features whose maximum lies there (Elbayad, Besacier &
//! Verbeek 2018). *Wait-k*: token t is written after source step min(t + k − 1, |x|) (Ma et al. 2019), one network
//! trained over all k (Elbayad, Besacier & Verbeek 2020).
//!
//! # Method
//! Medleys of 1 to 8 sections of 4 to 12 s ([`crate::medley`]), half of them of clips, half composed; those to judge by
//! have other artists, seeds and instruments. A source step is the mean of the bundled TCN's features and probabilities
//! over 0.37 s (live: 0.74 s). Clips to learn from are played at 0.8 to 1.25 times their speed, since the TCN was
//! trained on them. The *twin* of a network is given the mean of all that its encoder made in place of it, so that it
//! cannot choose; everything else is the same. The *baseline* takes peaks of a novelty curve as boundaries and lets the
//! bundled models classify what lies between; live it is the displayed answer.
//!
//! *Alignment error* (AER) and *mass* are of the true tokens, given to the decoder one by one; boundaries are of the
//! tokens that it wrote. Both take the path through the alignment with the greatest sum of logarithms.
//!
//! # Result
//! In `docs/lab.md`, with the command and the date.
//!
//! # What it does not show
//! The features are those of a classifier trained on the same training clips: on real medleys all lists inherit its
//! errors on artists that it has not met. A section lasts 4 to 12 s here; how long they last is learnt too.

mod baseline;
mod card;
mod judge;
mod learn;
mod pieces;
mod shown;
mod task;
#[cfg(test)]
mod tests;

pub use baseline::Baseline;
pub use judge::{Edited, LiveOutcome, Outcome};
pub use learn::{MOST_AHEAD, Plan};
pub use pieces::{LIVE_STEP, Made, Piece, Pieces, PoolPlan, STEP, TrueSection};

use super::clip_features::{ClipArgs, encoder};
use super::train_loop::{Decay, Schedule};
use super::{Lab, LabError, Report, Run};
use attune_model::sections::{Reading, SectionKind, SectionShape};
use attune_train::dataset::Dataset;
use std::path::PathBuf;
use task::{Task, Tensors};

/// Networks that write which sections a piece has: what attention is worth there, and how late a live list is
#[derive(Debug, Clone, clap::Args)]
pub struct SectionsLab {
    #[command(flatten)]
    clips: ClipArgs,
    /// Only these parts, with commas between them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,…")]
    part: Vec<Part>,
    /// Training steps of each network
    #[arg(long, value_name = "N", default_value_t = 2_500, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Medleys of each kind to learn from
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=5_000))]
    medleys: u64,
    /// Seeds, from --seed on [default: 3, or 1 if --quick]
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,
    /// Also write the first seed's networks there: weights, manifest and card of each
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
}

impl Default for SectionsLab {
    fn default() -> Self {
        Self {
            clips: ClipArgs::default(),
            part: Vec::new(),
            steps: 2_500,
            medleys: 1_000,
            seeds: None,
            export: None,
        }
    }
}

/// What of the lab is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Networks for whole pieces, each beside its twin without attention
    Whole,
    /// The Transformer without label smoothing, warm-up, teacher forcing, or guided alignment
    Switches,
    /// Live lists: one network for all k, and one for each
    Live,
}

/// On the command line and in the names of files.
const NAME: &str = "sections";

/// Source steps read before the first token, in what is judged.
pub const AHEAD: [usize; 4] = [1, 2, 4, 8];

/// How the training of the Transformer is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// No label smoothing.
    Unsmoothed,
    /// A constant learning rate.
    ConstantRate,
    /// The decoder is given what it would have written.
    FreeRunning,
    /// No guided alignment.
    Unguided,
}

impl Switch {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unsmoothed, Self::ConstantRate, Self::FreeRunning, Self::Unguided];

    /// What is missing.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsmoothed => "without label smoothing",
            Self::ConstantRate => "without warm-up and decay",
            Self::FreeRunning => "without teacher forcing",
            Self::Unguided => "without guided alignment",
        }
    }
}

/// All that was found.
#[derive(Debug, Default)]
struct Found {
    /// What medleys are made of.
    kinds: &'static [Made],
    /// Kind, whether it attends, one for each seed: outcomes by what medleys are made of.
    whole: Vec<(SectionKind, bool, Vec<Vec<Outcome>>)>,
    /// `None`: with everything.
    switches: Vec<(Option<Switch>, Vec<Vec<Outcome>>)>,
    /// Kind, the k it was trained for, outcomes by what medleys are made of and k.
    live: Vec<(SectionKind, Option<usize>, Vec<Vec<LiveOutcome>>)>,
    /// By what medleys are made of.
    baseline: Vec<Baseline>,
}

/// Source steps, and tokens, that each layer of a live network sees: 12 s.
const CONTEXT: usize = 16;

impl SectionsLab {
    fn has(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn schedule(&self, quick: bool, seed: u64) -> Schedule {
        let steps = if quick { 30 } else { self.steps };
        Schedule {
            decay: Decay::InverseSquareRoot { warm_up: steps / 10 },
            rate: 2e-3,
            ..Schedule::for_clips(steps, seed)
        }
    }

    fn plan(&self, shape: SectionShape, quick: bool, seed: u64) -> Plan {
        Plan {
            shape,
            schedule: self.schedule(quick, seed),
            label_smoothing: 0.1,
            teacher_forcing: true,
            guidance: 1.0,
            k: None,
        }
    }

    fn switched(plan: Plan, switch: Option<Switch>) -> Plan {
        match switch {
            None => plan,
            Some(Switch::Unsmoothed) => Plan {
                label_smoothing: 0.0,
                ..plan
            },
            Some(Switch::ConstantRate) => Plan {
                schedule: Schedule {
                    decay: Decay::Constant,
                    ..plan.schedule
                },
                ..plan
            },
            Some(Switch::FreeRunning) => Plan {
                teacher_forcing: false,
                ..plan
            },
            Some(Switch::Unguided) => Plan { guidance: 0.0, ..plan },
        }
    }

    /// A cell of whole pieces, exported if asked for.
    fn whole_cell(
        &self,
        task: &Task<'_>,
        (plan, what): (&Plan, &str),
        exports: bool,
        run: &mut Run<'_>,
    ) -> Result<Vec<Outcome>, LabError> {
        let cell = ("whole", plan, task.key());
        match self.export.as_ref().filter(|_| exports) {
            Some(to) => {
                let (tensors, outcomes) = run.uncached(&cell, |run| task.whole(plan, what, run))?;
                card::whole(to, &task.encoder, (plan, &tensors), &outcomes)?;
                Ok(outcomes)
            }
            None => run.cell(&cell, |run| Ok(task.whole(plan, what, run)?.1)),
        }
    }

    fn live_cell(
        &self,
        task: &Task<'_>,
        (plan, what): (&Plan, &str),
        exports: bool,
        run: &mut Run<'_>,
    ) -> Result<Vec<Vec<LiveOutcome>>, LabError> {
        let cell = ("live", plan, task.key());
        match self.export.as_ref().filter(|_| exports) {
            Some(to) => {
                let (tensors, outcomes) = run.uncached(&cell, |run| task.live(plan, what, run))?;
                card::live(to, &task.encoder, (plan, &tensors), &outcomes)?;
                Ok(outcomes)
            }
            None => run.cell(&cell, |run| Ok(task.live(plan, what, run)?.1)),
        }
    }

    fn of_whole(&self, task: &Task<'_>, found: &mut Found, run: &mut Run<'_>) -> Result<(), LabError> {
        let (quick, seeds) = (run.config().quick, self.seeds(run));
        for kind in SectionKind::ALL {
            for attends in [true, false] {
                let mut outcomes = Vec::new();
                for &seed in &seeds {
                    let plan = self.plan(task.shape(kind, attends, Reading::Whole), quick, seed);
                    let with = if attends { "" } else { " without attention" };
                    let what = format!("{}{with}, seed {seed}", kind.name());
                    outcomes.push(self.whole_cell(task, (&plan, &what), attends && seed == seeds[0], run)?);
                }
                found.whole.push((kind, attends, outcomes));
                run.partial(shown::report(NAME, found));
            }
        }
        Ok(())
    }

    fn of_switches(&self, task: &Task<'_>, found: &mut Found, run: &mut Run<'_>) -> Result<(), LabError> {
        let (quick, seeds) = (run.config().quick, self.seeds(run));
        for switch in std::iter::once(None).chain(Switch::ALL.map(Some)) {
            let mut outcomes = Vec::new();
            for &seed in &seeds {
                let shape = task.shape(SectionKind::Transformer, true, Reading::Whole);
                let plan = Self::switched(self.plan(shape, quick, seed), switch);
                let what = format!("Transformer {}, seed {seed}", switch.map_or("", Switch::name));
                outcomes.push(self.whole_cell(task, (&plan, &what), false, run)?);
            }
            found.switches.push((switch, outcomes));
            run.partial(shown::report(NAME, found));
        }
        Ok(())
    }

    fn of_live(&self, task: &Task<'_>, found: &mut Found, run: &mut Run<'_>) -> Result<(), LabError> {
        let (quick, seed) = (run.config().quick, run.config().seed);
        for kind in [SectionKind::Transformer, SectionKind::Pervasive] {
            for k in std::iter::once(None).chain(AHEAD.map(Some)) {
                let shape = task.shape(kind, true, Reading::Live { context: CONTEXT });
                let plan = Plan {
                    k,
                    ..self.plan(shape, quick, seed)
                };
                let of = k.map_or("for all k".to_owned(), |k| format!("for k = {k}"));
                let what = format!("live {} {of}, seed {seed}", kind.name());
                let outcomes = self.live_cell(task, (&plan, &what), k.is_none(), run)?;
                found.live.push((kind, k, outcomes));
                run.partial(shown::report(NAME, found));
            }
        }
        Ok(())
    }

    fn seeds(&self, run: &Run<'_>) -> Vec<u64> {
        let config = run.config();
        match self.seeds {
            Some(count) => (config.seed..).take(count.max(1)).collect(),
            None => config.seeds(),
        }
    }
}

impl Lab for SectionsLab {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let (quick, seed, seeds) = (run.config().quick, run.config().seed, self.seeds(run).len());
        let cells = [
            (Part::Whole, 2 * SectionKind::ALL.len() * seeds),
            (Part::Switches, (1 + Switch::ALL.len()) * seeds),
            (Part::Live, 2 * (1 + AHEAD.len())),
        ];
        let cells = cells.iter().filter(|(part, _)| self.has(*part));
        let kinds = pieces::kinds(self.clips.data.is_some());
        run.expect(cells.map(|(_, cells)| cells).sum::<usize>() + kinds.len());
        let models = run.models()?;
        let encoder = encoder(&models)?;
        let data = self.clips.data.as_deref().map(Dataset::list).transpose()?;
        let pool = |count: u64, is_valid: bool| PoolPlan { count, seed, is_valid };
        let plans = if quick {
            [pool(30, false), pool(6, true)]
        } else {
            [pool(self.medleys, false), pool(100, true)]
        };
        let mut pools = Vec::new();
        for plan in plans {
            let of = ("pieces", plan, &encoder.manifest().weights_sha256, &self.clips.data);
            let kept = run.beside(&of, "pieces")?;
            pools.push(Pieces::new(data.as_ref(), &encoder, plan, kept.as_deref(), run)?);
        }
        let step_s = Pieces::step_s(&models.front_end).0;
        let [Some(valid), Some(train)] = [pools.pop(), pools.pop()] else {
            return Err(LabError::Refused("there are no medleys".to_owned()));
        };
        let task = Task {
            encoder,
            data: data.as_ref(),
            train,
            valid,
            plans,
            step_s,
            models,
        };
        let mut found = Found {
            kinds,
            ..Found::default()
        };
        for &made in kinds {
            let digests: Vec<&str> = task
                .models
                .models
                .iter()
                .map(|it| &it.manifest().weights_sha256[..])
                .collect();
            let cell = ("baseline", made, plans, digests, task.data.is_some());
            found.baseline.push(run.cell(&cell, |run| {
                let medleys = (task.data, plans[1]);
                baseline::measure(&task.models, medleys, (&task.train, &task.valid, made), step_s, run)
            })?);
        }
        if self.has(Part::Whole) {
            self.of_whole(&task, &mut found, run)?;
        }
        if self.has(Part::Live) {
            self.of_live(&task, &mut found, run)?;
        }
        if self.has(Part::Switches) {
            self.of_switches(&task, &mut found, run)?;
        }
        Ok(shown::report(NAME, &found))
    }
}
