//! WaveNet on raw sound: the next sample, from the quarter second before it.
//!
//! # Question
//! How well is the next sample of music known, is it better known to a network that is told the right genre, and what
//! does such a network continue with?
//!
//! # Formula
//! van den Oord et al. 2016: p(x) = Π p(x_n | x_1…x_n−1) (eq. 1) over 256 µ-law codes, by layers z = tanh(W_f ∗ x +
//! V_f·h) ⊙ σ(W_g ∗ x + V_g·h) (eq. 3, with the class h), each with a way around it and a skip to the output. Dilations
//! 1, 2, …, 512, twice: the network reads 2,048 samples, 0.256 s. Only the last six layers know the class, so that the
//! others are computed once for all classes. In streams every layer keeps a queue of what its taps reach (Paine et al.
//! 2016).
//!
//! As LPCNet (Valin & Skoglund 2019) it is told a linear prediction µ of the next sample: order 64, fitted every 64
//! samples to those before with weights that halve in 270 samples, its bandwidth expanded (backward-adaptive, as ITU-T
//! G.728). Two tables take µ and its mean error into the first layer, and to the logit of each code c the network adds
//! ln w_c − Σ_k g_k·√(1 + ((x_c − µ) / s_k)²): hyperbolic distributions around µ, s_k the mean error of the last 32 and
//! 256 samples, w the width of the code's step, and the slopes g_k chosen by the network at every sample.
//!
//! # Method
//! Clips at 8 kHz. Excerpts of every class as often, louder by −8 to 2 dB, and in 15 % of them the class is not said.
//! On the middle of each validation clip (artists apart) the mean bits per sample, −log₂ p of the next code, stand
//! beside those of three simple predictors:
//!
//! - *unigram* and *bigram*: how often a code occurs, and what follows each, on the training clips;
//! - *linear prediction* of order 16, fitted by least squares to each 0.256 s of the judged sound itself, as lossless
//!   coders do, with 167 bits a block for its coefficients. The residual is Laplace's or Gauss's, whichever is shorter.
//!
//! Beside them stands the prediction that the network is told, with the best of five fixed slopes: what it takes less
//! than that is what the network has learnt.
//!
//! Also: the same clips with their samples in random order, silence, and a tone; how often the true class takes the
//! fewest bits; and ten continuations of thirty seconds, with the level of each of their seconds.
//!
//! # Result
//! In `docs/lab.md`, with the command and the date.
//!
//! # What it does not show
//! A quarter second holds texture: no rhythm, no form. Bits are no measure of genre: they fall with the volume and with
//! every pause, and the class with the fewest is the one whose texture is nearest. Linear prediction sees what it
//! predicts when it is fitted; the network does not.

mod baselines;
mod card;
mod generate;
mod judge;
mod learn;
mod music;
mod shown;
mod task;

pub use generate::Continuation;
pub use judge::{Bits, Levels, Outcome};
pub use learn::Plan;
pub use task::{GenerateArgs, ScoreArgs, Scored, Task};

use super::{Lab, LabError, Report, Run};
use attune_model::wavenet::{PackedWavenet, Wavenet, WavenetShape};
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use judge::{Extent, judge};
use learn::learn;
use music::Music;
use std::collections::HashMap;
use std::path::PathBuf;

/// Samples of one hop of 23.2 ms, rounded up: what comes at once when listening.
const HOP: usize = 186;

/// WaveNet on raw sound: how well is the next sample of music known, and what does it continue with?
#[derive(Debug, Clone, Default, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WavenetLab {
    /// What else to do with the network instead of the experiment
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Folder with clips.csv (clip, genre, split, audio, artist) and audio in SPLIT/CLIP.ogg; without it pieces are
    /// composed
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Training steps; 2,400 if it is not named, or 30 with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub steps: Option<u64>,
    /// Also write the network there: weights, manifest and card
    #[arg(long, value_name = "FOLDER", requires = "data")]
    pub export: Option<PathBuf>,
}

impl Lab for WavenetLab {
    fn name(&self) -> &'static str {
        "wavenet"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        if self.task.is_some() {
            return Err(LabError::Refused(
                "attune lab wavenet generate and score are no experiments: run them in a terminal".to_owned(),
            ));
        }
        run.expect(1);
        let music = match &self.data {
            Some(folder) => Music::of_clips(folder, run)?,
            None => Music::composed(if config.quick { 2 } else { 20 }, 10.0, config.seed)?,
        };
        let plan = Plan::new(music.labels.len(), config.seed, config.quick, self.steps);
        let extent = if config.quick { Extent::QUICK } else { Extent::FULL };
        let data = (&music.name, music.train.len(), music.valid.len());
        let train = |run: &mut Run<'_>| {
            let (tensors, loss) = learn(&plan, &music, run)?;
            let net = restored(tensors.clone(), plan.shape)?;
            let outcome = Outcome {
                weights: tensors.values().map(Tensor::elem_count).sum(),
                loss,
                ..judge(&plan, &net, &music, extent, run)?
            };
            Ok((tensors, outcome))
        };
        let named = ("wavenet", &plan, data);
        let outcome = match &self.export {
            Some(to) => {
                let (tensors, outcome) = run.uncached(&named, train)?;
                card::export(to, &plan, &tensors, (&outcome, &music))?;
                outcome
            }
            None => run.cell(&named, |run| train(run).map(|(_, outcome)| outcome))?,
        };
        let [gain, low, high] = outcome.gain;
        let [over, over_low, over_high] = outcome.over_prediction;
        let mut notes = vec![
            format!(
                "seed {}; {} clips to learn from, {} to judge by, {:.1} s of each; loss at the end {:.3} bits",
                config.seed,
                music.train.len(),
                outcome.own_first.clips,
                attune_model::wavenet::RATE.duration(outcome.judged as u64).0,
                outcome.loss
            ),
            format!(
                "{gain:.3} bits less than the best simple predictor of each clip (95 %: {low:.3} to {high:.3}), \
                 {over:.3} less than the linear prediction that it is told ({over_low:.3} to {over_high:.3})"
            ),
            format!("by chance the own class is first in {:.1} %", outcome.chance * 100.0),
        ];
        if self.data.is_none() {
            notes.push("composed pieces: name a folder of clips after --data for real music".to_owned());
        }
        Ok(Report {
            lab: self.name(),
            tables: shown::tables(&outcome, &music.labels).into(),
            notes,
            picture: Some(shown::picture(&outcome)),
        })
    }
}

/// The form for streams, from the weights by name.
///
/// # Errors
/// If they are of another shape.
fn restored(tensors: HashMap<String, Tensor>, shape: WavenetShape) -> Result<PackedWavenet, LabError> {
    Ok(Wavenet::new(WeightStore::from_tensors(tensors).root(), shape)?.pack()?)
}
