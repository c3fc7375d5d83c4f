//! The token encoder on the genres of real music, over the features of the bundled TCN, whose weights stay fixed.
//!
//! In: a folder of labelled clips. Out: accuracy on excerpts and whole clips. Thread: the caller's.

use super::{Generated, Plan, PositionalEncoding, TokenEncoder, TokenEncoderShape};
use crate::clip_features::{FeatureClip, FeatureSet, Score, encoded};
use crate::train_loop::Schedule;
use crate::{LabError, Run};
use attune_nn::Pass;
use attune_train::validate::Part;
use candle_core::{D, Device, Tensor};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Frames of one input: 3 s, as excerpts have.
const FRAMES: usize = 128;
/// Examples of a step.
const BATCH: usize = 32;

/// The result of training on music.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Mean loss at the end of training.
    pub loss: f64,
    /// Excerpts of 3 s.
    pub excerpts: Score,
    /// Whole clips: the mean over consecutive parts of 3 s.
    pub whole: Score,
}

/// Clips as features of the bundled TCN.
#[derive(Debug)]
pub struct Music {
    /// The features.
    pub clips: FeatureSet,
    /// What fixes them, for plans of cells: the encoder's weights, the folder, how many pieces.
    pub source: (String, String, usize, usize),
}

impl Music {
    /// Reads `folder` and encodes its clips with the bundled TCN.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn open(folder: &Path, run: &mut Run<'_>) -> Result<Self, LabError> {
        let (encoder, _, clips) = encoded(folder, run)?;
        let folder = folder.display().to_string();
        let source = (
            encoder.manifest().weights_sha256.clone(),
            folder,
            clips.train.len(),
            clips.valid.len(),
        );
        Ok(Self { clips, source })
    }

    /// One layer that answers the genre.
    pub fn plan(&self, heads: usize, positions: PositionalEncoding, quick: bool, seed: u64) -> Plan {
        Plan {
            shape: TokenEncoderShape {
                inputs: self.clips.width,
                width: 32,
                heads,
                layers: 1,
                residual: true,
                normalized: true,
                positions,
                answers: 1,
                classes: self.clips.genres.len(),
                dropout: 0.2,
            },
            schedule: Schedule::for_clips(if quick { 200 } else { 1_500 }, seed),
            batch: BATCH,
        }
    }

    /// Trains a plan.
    ///
    /// # Errors
    /// If no clip is long enough, the network fails, or the run is to stop.
    pub fn train(
        &self,
        plan: &Plan,
        what: &str,
        run: &mut Run<'_>,
    ) -> Result<(HashMap<String, Tensor>, Outcome), LabError> {
        let draw = |count: usize, rng: &mut ChaCha8Rng| {
            let Some((x, genres)) = self.clips.draw(count, FRAMES, rng) else {
                return Err(LabError::Refused(format!(
                    "no clip to learn from has {FRAMES} frames: --data needs clips of 3 s and more"
                )));
            };
            let classes = genres.iter().map(|genre| usize::from(genre.0)).collect();
            Ok(Generated { x, classes })
        };
        let (tensors, loss) = super::train(plan, what, run, draw, None)?;
        let net = TokenEncoder::restored(tensors.clone(), plan.shape)?;
        let [excerpts, whole] = self.judge(&net)?;
        Ok((tensors, Outcome { loss, excerpts, whole }))
    }

    /// Excerpts, and whole clips.
    ///
    /// # Errors
    /// If the network fails.
    pub fn judge(&self, net: &TokenEncoder) -> Result<[Score; 2], LabError> {
        let score = |part| -> Result<Score, LabError> {
            let (mut right, mut clips) = (0, 0);
            for clip in self.clips.judged(part) {
                right += usize::from(self.answer(net, clip)? == usize::from(clip.genre.0));
                clips += 1;
            }
            Ok(Score {
                accuracy: right as f64 / clips.max(1) as f64,
                clips,
            })
        };
        Ok([score(Part::Excerpt)?, score(Part::Whole)?])
    }

    /// The class with the greatest mean probability over pieces of [`FRAMES`] frames.
    fn answer(&self, net: &TokenEncoder, clip: &FeatureClip) -> Result<usize, LabError> {
        let width = self.clips.width;
        let frames = FRAMES.min(clip.features.len() / width);
        let count = clip.features.len() / (frames.max(1) * width);
        let x = &clip.features[..count * frames * width];
        let x = Tensor::from_slice(x, (count, frames, width), &Device::Cpu)?;
        let logits = net.forward(&x, &mut Pass::Infer)?.squeeze(1)?;
        let exp = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?.exp()?;
        let mean = exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?.mean(0)?;
        Ok(mean.argmax(0)?.to_scalar::<u32>()? as usize)
    }
}
