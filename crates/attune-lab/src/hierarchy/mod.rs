//! A hierarchical attention network over whole files: frames make words, words segments, segments a track.
//!
//! # Question
//! Which parts of a track decide what it is? Is a network that weights them better than one that takes all alike, and
//! are the weights evidence?
//!
//! # Formula
//! Yang, Yang, Dyer, He, Smola & Hovy 2016, eqs 5–10, at both levels alike:
//! h_t = \[h→_t; h←_t\], u_t = tanh(W·h_t + b), α_t = exp(u_t·u)/Σ exp(u_k·u), s = Σ α_t·h_t,
//! u a learnt context vector. Where they have gated recurrent units (eqs 1–4), an LSTM reads both ways here.
//!
//! # Method
//! The bundled TCN is frozen; of its last block's 96 features the mean over four frames (93 ms) is a *word*, 32 words a
//! *segment* (2.97 s). The encoder is reset at each segment, so that no segment's words know another's sound; the
//! upper level, which reads both ways, does know all. Taught on the training clips, whole and as single segments; in
//! half of the examples segments are replaced by noises that are no music ([`Noise`](attune_train::noises::Noise)), of
//! which the label knows nothing. The control takes all words and segments alike (the paper's HN-AVE) and is taught the
//! same way. Judged on the validation clips, artists apart:
//!
//! - *among noises*: one segment of music among nine of noise: how often it has the highest weight, and the highest
//!   contribution to its class (1 in 10 by chance);
//! - *in music*: one segment of another genre in a clip of ten: the same;
//! - *what the answer loses* without the segment with most weight, beside the mean over all others.
//!
//! The *contribution* of segment t to class k is α_t·(e_t\[k\] − mean of e_t) with e_t = W·h_t + b of the upper level and
//! the output layer: as Σ α_t = 1, these add up to the logits. In `--planted-share` of the whole clips that are learnt
//! from, a segment is of another genre, and the loss is that of `attune train --planted-share`
//! ([`attune_train::planted`]), a segment in the place of a frame: the label is shared by the segments, the positive
//! contributions to the planted class have to lie in its segment, and the mean evidence of each side has to answer for
//! its own class. Among noises the weights have to lie on the music. 0 teaches without.
//!
//! *The marked word*: the same network on tracks in which the word that names the class is known and marked, and all
//! others name a class at random.
//!
//! # Result
//! In `docs/lab.md`, with the command and the date.
//!
//! # What it does not show
//! The encoder learnt from the same training clips. A segment of another genre in a clip need not decide the clip: that
//! the weights do not point at it is no fault of theirs. What the upper level weights, and answers to, is a segment read
//! in the light of all others.

mod card;
mod judge;
mod marked;
mod shown;
mod taught;
mod words;

pub use judge::{Losses, Outcome};
pub use marked::MarkedOutcome;
pub use taught::Plan;

use super::clip_features::{ClipArgs, FeatureSet, encoder, read};
use super::planted::PlantedArgs;
use super::train_loop::Schedule;
use super::{Lab, LabError, Report, Run};
use attune_model::LoadedModel;
use attune_model::hierarchical::HierarchicalShape;
use candle_core::Tensor;
use std::path::{Path, PathBuf};
use taught::restored;

/// A hierarchical attention network for whole files: which segments decided, and whether they did
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HierarchyLab {
    #[command(flatten)]
    clips: ClipArgs,
    #[command(flatten)]
    planted: PlantedArgs,
    /// Also write the first seed's network there, for `attune analyze --segments`: weights, manifest and card
    #[arg(long, value_name = "FOLDER", requires = "data")]
    export: Option<PathBuf>,
}

/// The network for music, without its classes.
fn music_shape(encoder: &LoadedModel, classes: usize, attends: bool) -> HierarchicalShape {
    HierarchicalShape {
        inputs: encoder.feature_width(),
        word_frames: words::WORD,
        segment_words: words::SEGMENT,
        hidden: 32,
        width: 32,
        classes,
        dropout: 0.3,
        attends,
    }
}

/// Attention, and what it is held against.
const KINDS: [bool; 2] = [true, false];

impl Lab for HierarchyLab {
    fn name(&self) -> &'static str {
        "hierarchy"
    }

    fn run(&self, run: &mut Run<'_>) -> Result<Report, LabError> {
        let config = run.config();
        let seeds = config.seeds();
        let sets = if self.clips.data.is_some() { 2 } else { 1 };
        run.expect(sets * KINDS.len() * seeds.len());
        let mut found = Vec::new();
        for attends in KINDS {
            for &seed in &seeds {
                let plan = marked::plan(attends, seed, config.quick);
                found.push((attends, run.cell(&("marked", &plan), |run| marked::learn(&plan, run))?));
            }
        }
        let music = match &self.clips.data {
            Some(folder) => self.music(folder, &seeds, run)?,
            None => Vec::new(),
        };
        let mut notes = vec![format!("seeds {seeds:?}; means over them")];
        if music.is_empty() {
            notes.push("name a folder of clips after --data to teach it on music too".to_owned());
        }
        let mut tables = Vec::new();
        if !music.is_empty() {
            tables.extend(shown::music(&music));
        }
        tables.push(shown::marked(&found));
        Ok(Report {
            lab: self.name(),
            tables,
            notes,
            picture: Some(shown::picture(&found, &music)),
        })
    }
}

impl HierarchyLab {
    /// Outcomes of both kinds and all seeds.
    fn music(&self, folder: &Path, seeds: &[u64], run: &mut Run<'_>) -> Result<Vec<(bool, Outcome)>, LabError> {
        let config = run.config();
        let encoder = encoder(&run.models()?)?;
        let manifest = encoder.manifest();
        let (spec, digest) = (&manifest.front_end, &manifest.weights_sha256[..]);
        let data = read(folder, spec, run)?;
        run.say("encoding the clips")?;
        // To `FeatureSet` a whole segment is one frame: pieces are drawn and cut by segments.
        let width = words::SEGMENT * encoder.feature_width();
        let pieces = FeatureSet::new(&data, spec, width, |frames| words::whole_segments(&encoder, frames))?;
        let noises = words::noises(&encoder, if config.quick { 2 } else { 12 }, config.seed)?;
        let unheard = words::noises(&encoder, if config.quick { 2 } else { 6 }, config.seed + 1_000_000)?;
        let mut outcomes = Vec::new();
        for attends in KINDS {
            for &seed in seeds {
                let plan = Plan {
                    shape: music_shape(&encoder, pieces.genres.len(), attends),
                    schedule: Schedule::for_clips(if config.quick { 100 } else { 2_000 }, seed),
                    planted: if config.quick { 50 } else { 300 },
                    passages: self.planted.plan(),
                };
                let data = (folder, pieces.train.len(), pieces.valid.len(), config.seed);
                let train = |run: &mut Run<'_>| {
                    let (tensors, loss) = taught::learn_music(&plan, &pieces, &noises, run)?;
                    let net = restored(tensors.clone(), plan.shape)?;
                    let weights = tensors.values().map(Tensor::elem_count).sum();
                    let outcome = judge::judge(&plan, &net, &pieces, &unheard, (weights, loss))?;
                    Ok((tensors, outcome))
                };
                let cell = ("music", &plan, digest, data);
                let outcome = match &self.export {
                    Some(to) if attends && seed == seeds[0] => {
                        let (tensors, outcome) = run.uncached(&cell, train)?;
                        card::export(to, &plan, &tensors, (&outcome, &pieces), (digest, folder))?;
                        outcome
                    }
                    _ => run.cell(&cell, |run| train(run).map(|(_, outcome)| outcome))?,
                };
                outcomes.push((attends, outcome));
            }
        }
        Ok(outcomes)
    }
}
