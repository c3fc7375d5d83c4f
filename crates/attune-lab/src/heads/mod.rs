//! What more heads are good for.
//!
//! # Question
//! One head has one distribution of weights. Do more heads of the same total width help where several are needed,
//! and what is lost without one of them?
//!
//! # Formula
//! MultiHead(x) = concat(head_1, …, head_n)·W_o, head_i = softmax(q_i·K_iᵀ/√(w/n))·V_i, each on w/n of the w features
//! (Vaswani et al. 2017, §3.2.2). The number of weights is the same for every n. A head is ablated by setting what it
//! mixed to zero, which is to set its w/n rows of W_o to zero (Michel, Levy & Neubig 2019, eq. 2, ξ = 0).
//!
//! # Method
//! *Four needles*: 32 frames, each with one of four digits; four of them carry a mark, each another, and the digit at
//! each mark is a question of its own, all answered by one learnt query over one layer. Chance is 1/4 for a mark, 1/256 for
//! all. One head can distinguish the marks only by their weights, which noise drowns; four heads attend four times.
//! *Ablation*: what all marks' answers lose without each head.
//!
//! *Genre* (`--data`): the bundled TCN is frozen; one layer of the same network is trained on 3 s of its features and
//! judged on the validation clips, artists apart; the table shows what whole clips lose without each head.
//!
//! # Result
//! All four digits: one head 32 %, two 65 %, four and eight 100 %; without any one of four heads a fifth of the digits
//! is lost. On genres the clips show no difference. The tables, with command and date: `docs/lab.md`.
//!
//! # What it does not show
//! The width is shared out, so with eight heads each has four features: that more heads stop to help is the width's
//! doing as much as theirs. A head that can be ablated without loss may have been replaced by others that learnt the
//! same: that it does nothing does not follow.

mod needles;
mod shown;

pub use crate::token_encoder::without_head;

use super::clip_features::ClipArgs;
use super::token_encoder::music::{Music, Outcome as OfMusic};
use super::token_encoder::{Generated, Plan, PositionalEncoding, TokenEncoder, TokenEncoderShape, judge, train};
use super::{Lab, LabError, Report, Run};
use needles::{DIGITS, INPUTS, MARKS, draw};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use shown::Row;

/// One, two, four or eight heads of one total width: several frames at once, genres, and the ablation of each head
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HeadsLab {
    /// Music to train on too
    #[command(flatten)]
    pub clips: ClipArgs,
    /// Only these numbers of heads, with commas between them
    #[arg(long, value_delimiter = ',', value_name = "N,N,…")]
    pub heads: Vec<usize>,
    /// Training steps on the needles
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
}

/// Heads that are compared, and the width that they share.
const HEADS: [usize; 4] = [1, 2, 4, 8];
const WIDTH: usize = 32;
/// Sequences of a test.
const TESTED: usize = 1_000;

/// The result of a network trained to find four needles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OfNeedles {
    loss: f64,
    /// Share of right digits, and of sequences with all four right.
    right: f64,
    all: f64,
    /// Share of right digits without each head.
    without: Vec<f64>,
}

/// The result of a network trained on genres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OfGenres {
    outcome: OfMusic,
    /// Accuracy on whole clips without each head.
    without: Vec<f64>,
}

/// Sequences with four needles.
///
/// # Errors
/// If memory runs out.
pub(crate) fn needles(count: usize, rng: &mut ChaCha8Rng) -> Result<Generated, LabError> {
    Ok(draw(count, rng)?)
}

/// The network that finds four needles.
pub fn needle_shape(heads: usize) -> TokenEncoderShape {
    TokenEncoderShape {
        inputs: INPUTS,
        width: WIDTH,
        heads,
        layers: 1,
        residual: true,
        normalized: true,
        positions: PositionalEncoding::None,
        answers: MARKS,
        classes: DIGITS,
        dropout: 0.0,
    }
}

impl Lab for HeadsLab {
    fn name(&self) -> &'static str {
        "heads"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        let seeds = config.seeds();
        if let Some(other) = self.heads.iter().find(|heads| !HEADS.contains(heads)) {
            return Err(LabError::Refused(format!("--heads {other}: there are 1, 2, 4 and 8")));
        }
        let wanted = |heads: &usize| self.heads.is_empty() || self.heads.contains(heads);
        let numbers: Vec<usize> = HEADS.into_iter().filter(wanted).collect();
        let sets = if self.clips.data.is_some() { 2 } else { 1 };
        run.expect(sets * numbers.len() * seeds.len());
        let steps = self.steps.unwrap_or(if config.quick { 1_000 } else { 4_000 });
        let mut of_needles: Vec<Row<OfNeedles>> = Vec::new();
        for &heads in &numbers {
            let mut outcomes = Vec::new();
            for &seed in &seeds {
                let plan = Plan::for_generated(needle_shape(heads), steps, seed);
                outcomes.push(run.cell(&("needles", &plan), |run| train_needles(&plan, run))?);
            }
            of_needles.push((heads, outcomes));
            run.partial(self.report(&of_needles, None, &seeds));
        }
        let so_far = |genres: &[Row<OfGenres>]| self.report(&of_needles, Some(genres), &seeds);
        let of_genres = self.genres(&numbers, &seeds, run, so_far)?;
        Ok(self.report(&of_needles, of_genres.as_deref(), &seeds))
    }
}

fn train_needles(plan: &Plan, run: &mut Run<'_>) -> Result<OfNeedles, LabError> {
    let what = format!("needles, {} heads, seed {}", plan.shape.heads, plan.schedule.seed);
    let (tensors, loss) = train(plan, &what, run, needles, None)?;
    let test = |tensors| {
        let net = TokenEncoder::restored(tensors, plan.shape)?;
        judge(&net, (TESTED, plan.schedule.seed), needles)
    };
    let (right, all) = test(tensors.clone())?;
    let without = |head| Ok(test(without_head(&tensors, plan.shape, (0, head))?)?.0);
    let without = (0..plan.shape.heads).map(without).collect::<Result<_, LabError>>()?;
    Ok(OfNeedles {
        loss,
        right,
        all,
        without,
    })
}

impl HeadsLab {
    fn report(&self, needles: &[Row<OfNeedles>], genres: Option<&[Row<OfGenres>]>, seeds: &[u64]) -> Report {
        let mut notes = vec!["every number of heads has the same number of weights".to_owned()];
        if self.clips.data.is_none() {
            notes.push("name a folder of clips after --data to train it on music too".to_owned());
        }
        Report {
            lab: self.name(),
            tables: shown::tables(needles, genres, seeds, TESTED),
            notes,
            picture: Some(shown::picture(needles, genres)),
        }
    }

    fn genres(
        &self,
        numbers: &[usize],
        seeds: &[u64],
        run: &mut Run<'_>,
        so_far: impl Fn(&[Row<OfGenres>]) -> Report,
    ) -> Result<Option<Vec<Row<OfGenres>>>, LabError> {
        let Some(folder) = &self.clips.data else {
            return Ok(None);
        };
        let music = Music::open(folder, run)?;
        let quick = run.config().quick;
        let mut rows = Vec::new();
        for &heads in numbers {
            let mut outcomes = Vec::new();
            for &seed in seeds {
                let plan = music.plan(heads, PositionalEncoding::Sinusoidal, quick, seed);
                outcomes.push(run.cell(&("genres", &plan, &music.source), |run| {
                    let what = format!("genres, {heads} heads, seed {seed}");
                    let (tensors, outcome) = music.train(&plan, &what, run)?;
                    let without = |head| {
                        let ablated = without_head(&tensors, plan.shape, (0, head))?;
                        let [_, whole] = music.judge(&TokenEncoder::restored(ablated, plan.shape)?)?;
                        Ok(whole.accuracy)
                    };
                    let without = (0..heads).map(without).collect::<Result<_, LabError>>()?;
                    Ok(OfGenres { outcome, without })
                })?);
            }
            rows.push((heads, outcomes));
            run.partial(so_far(&rows));
        }
        Ok(Some(rows))
    }
}
