//! Captions: a network that says in words what sounds, and shows where it looked for each word.
//!
//! # Question
//! Can words be written from sound, one by one, with attention over time and frequency? Does the attention lie on what
//! the word names, or is it decoration?
//!
//! # Formula
//! Xu et al. 2015, "Show, Attend and Tell", eqs 4–7 and § 4.2.1: [`attune_model::caption`]. The loss of a caption is
//!
//! −Σ_t ln p(y_t) + λ·Σ_i (1 − Σ_t α_ti)² − γ·Σ_t ln Σ_{i ∈ M(y_t)} α_ti,
//!
//! the first two terms theirs (eq. 14; every tile is to get some attention), the third that of Liu et al. 2017
//! ("Attention Correctness in Neural Image Captioning"): M(y) are the tiles that are the instrument's. λ and γ are
//! switches; γ = 0 teaches nothing about where to look.
//!
//! # Method
//! Pieces of `attune_compose` of 11.9 s, their stems at random gains (± 6 dB), in some examples some left out; the mode
//! is a word only where something other than drums sounds. A tile (0.74 s × 16 mel bands) is the *instrument's* whose
//! stem has the most power in it. Tested on pieces whose seeds and presets are unseen:
//!
//! - *F1* of the set of words, of all pieces together;
//! - *pointing game* (Zhang et al. 2016): how often the highest tile of a map, or one that touches it, is the
//!   instrument's; of α, of a tile drawn evenly, of the loudest tile, and of |∂ ln p(word)/∂ input|;
//! - *divergence* (Jensen–Shannon) of the maps of two words of a caption: near 0, all words look at the same;
//! - *muting*: one instrument is left out, and its word should go, while the others stay.
//!
//! # Result
//! In `docs/lab.md`, with the command and the date.
//!
//! # What it does not show
//! The pieces are synthesised, with twelve instruments, each built in five ways. Of recordings the network knows
//! nothing. Attention that is taught where to look (γ > 0) shows that it learnt that, not that it would have found it.

mod card;
pub mod drawn;
mod judge;
mod learn;
mod pieces;
mod shown;
mod words;

use super::train_loop::Schedule;
use super::{Lab, LabError, Report, Run};
use attune_audio::features::FrontEndSpec;
use attune_model::caption::{CaptionNet, CaptionShape};
use attune_nn::conv2d::Conv2dShape;
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use judge::Outcome;
use learn::Plan;
use pieces::{Example, FRAMES};
use rayon::prelude::*;
use std::path::PathBuf;

/// Words for what sounds, and where the network looked for each: Show, Attend and Tell on composed pieces
#[derive(Debug, Clone, clap::Args)]
pub struct CaptionLab {
    /// How much every tile is to get some attention; one network for each number
    #[arg(long, value_name = "λ,λ…", value_delimiter = ',', default_value = "0.05", value_parser = weight)]
    pub spread: Vec<f64>,
    /// How much attention is taught to lie on the word's own instrument; 0: not at all
    #[arg(long, value_name = "γ,γ…", value_delimiter = ',', default_value = "1,0", value_parser = weight)]
    pub guide: Vec<f64>,
    /// Training steps of each network
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Also write the first network there: weights, manifest and card
    #[arg(long, value_name = "FOLDER")]
    pub export: Option<PathBuf>,
}

impl Default for CaptionLab {
    fn default() -> Self {
        Self {
            spread: vec![0.05],
            guide: vec![1.0, 0.0],
            steps: None,
            export: None,
        }
    }
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok().filter(|weight| (0.0..=100.0).contains(weight));
    weight.ok_or_else(|| format!("{text:?} is not a number from 0 to 100"))
}

/// The network: five convolutions to tiles of 32 frames and 16 bands.
fn shape(spec: &FrontEndSpec) -> CaptionShape {
    let layer = |inputs, outputs, kernel, stride| Conv2dShape {
        inputs,
        outputs,
        kernel,
        stride,
    };
    CaptionShape {
        bands: spec.bands,
        frames: FRAMES,
        layers: vec![
            layer(1, 16, [6, 4], [2, 2]),
            layer(16, 32, [4, 4], [2, 2]),
            layer(32, 48, [4, 4], [2, 2]),
            layer(48, 64, [4, 4], [2, 2]),
            layer(64, 64, [4, 1], [2, 1]),
        ],
        embedding: 32,
        words: words::COUNT,
        dropout: 0.2,
        gated: true,
    }
}

impl Lab for CaptionLab {
    fn name(&self) -> &'static str {
        "caption"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let spec = FrontEndSpec::default();
        let plans = self.plans(&spec, run);
        run.expect(plans.len());
        let mut examples: Option<Vec<Example>> = None;
        let mut found: Vec<(Plan, Outcome)> = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            let outcome = match &self.export {
                Some(to) if number == 0 => {
                    let (tensors, outcome) = run.uncached(plan, |run| trained(plan, &spec, &mut examples, run))?;
                    card::export(to, plan, &tensors, &outcome)?;
                    outcome
                }
                _ => run.cell(plan, |run| {
                    trained(plan, &spec, &mut examples, run).map(|(_, outcome)| outcome)
                })?,
            };
            found.push((plan.clone(), outcome));
            run.partial(self.report(&found));
        }
        Ok(self.report(&found))
    }
}

impl CaptionLab {
    fn plans(&self, spec: &FrontEndSpec, run: &Run<'_>) -> Vec<Plan> {
        let config = run.config();
        let full = |quick, full| if config.quick { quick } else { full };
        let steps = self.steps.unwrap_or(full(60, 4_000));
        let plan = |spread: f64, guide: f64| Plan {
            shape: shape(spec),
            schedule: Schedule::for_generated(steps, 2e-3, config.seed),
            pieces: full(30, 1_200),
            examples: 5,
            tested: full(10, 300),
            spread,
            guide,
        };
        let spreads = self.spread.iter();
        spreads
            .flat_map(|&spread| self.guide.iter().map(move |&guide| plan(spread, guide)))
            .collect()
    }

    fn report(&self, found: &[(Plan, Outcome)]) -> Report {
        Report {
            lab: self.name(),
            tables: shown::tables(found),
            notes: shown::notes(found),
            picture: Some(shown::picture(found)),
        }
    }
}

/// Weights by name.
type Tensors = std::collections::HashMap<String, Tensor>;

fn trained(
    plan: &Plan,
    spec: &FrontEndSpec,
    examples: &mut Option<Vec<Example>>,
    run: &mut Run<'_>,
) -> Result<(Tensors, Outcome), LabError> {
    let examples = match examples {
        Some(examples) => examples,
        None => examples.insert(compose_all(plan, spec, run)?),
    };
    let (tensors, loss) = learn::learn(plan, examples, run)?;
    let mut store = WeightStore::from_tensors(tensors.clone());
    let net = CaptionNet::new(store.root(), &plan.shape)?;
    let weights = store.params().map(|(_, var)| var.elem_count()).sum();
    let of = (plan.schedule.seed, plan.tested);
    let outcome = judge::judge(&net, of, spec, (weights, loss), run)?;
    Ok((tensors, outcome))
}

/// All training examples.
fn compose_all(plan: &Plan, spec: &FrontEndSpec, run: &mut Run<'_>) -> Result<Vec<Example>, LabError> {
    const AT_ONCE: u64 = 100;
    let grid = plan.shape.grid(FRAMES);
    let mut all = Vec::new();
    for first in (0..plan.pieces).step_by(AT_ONCE as usize) {
        run.say(&format!("composing: piece {first} of {}", plan.pieces))?;
        let numbers = first..(first + AT_ONCE).min(plan.pieces);
        let composed: Result<Vec<Vec<Example>>, LabError> = numbers
            .into_par_iter()
            .map(|number| pieces::examples((plan.schedule.seed, number), plan.examples, spec, grid))
            .collect();
        all.extend(composed?.into_iter().flatten());
    }
    Ok(all)
}

#[cfg(test)]
#[path = "caption_tests.rs"]
mod tests;
