//! The asked network on the genres of real music, over one frozen encoder's features.

use super::{AskedNet, AskedShape, Drawn, Places, Plan};
use crate::pieces::{Piece, Pieces, Score, encoded};
use crate::teach::Course;
use crate::{LabError, Run};
use attune_nn::Pass;
use attune_train::validate::Part;
use candle_core::{D, Device, Tensor};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Frames that are asked about at once: 3 s, as the excerpts have them.
const FRAMES: usize = 128;
/// Examples of a step.
const BATCH: usize = 32;

/// What came of a network taught on music.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Mean loss at the end of teaching.
    pub loss: f64,
    /// Excerpts of 3 s.
    pub excerpts: Score,
    /// Whole clips: the mean of the answers of 3 s after 3 s.
    pub whole: Score,
}

/// Clips, heard by a frozen encoder.
#[derive(Debug)]
pub struct Music {
    /// The features.
    pub pieces: Pieces,
    /// What fixes them, for plans of cells: the encoder's weights, the folder, how many pieces.
    pub source: (String, String, usize, usize),
}

impl Music {
    /// Reads `folder` and hears it with the bundled TCN.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn hear(folder: &Path, run: &mut Run<'_>) -> Result<Self, LabError> {
        let (encoder, _, pieces) = encoded(folder, run)?;
        let folder = folder.display().to_string();
        let source = (
            encoder.manifest().weights_sha256.clone(),
            folder,
            pieces.train.len(),
            pieces.valid.len(),
        );
        Ok(Self { pieces, source })
    }

    /// One layer that answers for the genre.
    pub fn plan(&self, heads: usize, places: Places, quick: bool, seed: u64) -> Plan {
        Plan {
            shape: AskedShape {
                inputs: self.pieces.width,
                width: 32,
                heads,
                layers: 1,
                residual: true,
                normalized: true,
                places,
                answers: 1,
                classes: self.pieces.genres.len(),
                dropout: 0.2,
            },
            course: Course::of_clips(if quick { 200 } else { 1_500 }, seed),
            batch: BATCH,
        }
    }

    /// Teaches a plan.
    ///
    /// # Errors
    /// If no clip is long enough, the network fails, or the run is to stop.
    pub fn learn(
        &self,
        plan: &Plan,
        what: &str,
        run: &mut Run<'_>,
    ) -> Result<(HashMap<String, Tensor>, Outcome), LabError> {
        let draw = |count: usize, rng: &mut ChaCha8Rng| {
            let Some((x, genres)) = self.pieces.draw(count, FRAMES, rng) else {
                return Err(LabError::Asked(format!(
                    "no clip to learn from has {FRAMES} frames: --data needs clips of 3 s and more"
                )));
            };
            let classes = genres.iter().map(|genre| usize::from(genre.0)).collect();
            Ok(Drawn { x, classes })
        };
        let (tensors, loss) = super::learn(plan, what, run, draw, |_, _, _| Ok(()))?;
        let net = AskedNet::restored(tensors.clone(), plan.shape)?;
        let [excerpts, whole] = self.judge(&net)?;
        Ok((tensors, Outcome { loss, excerpts, whole }))
    }

    /// Excerpts, and whole clips.
    ///
    /// # Errors
    /// If the network fails.
    pub fn judge(&self, net: &AskedNet) -> Result<[Score; 2], LabError> {
        let score = |part| -> Result<Score, LabError> {
            let (mut right, mut clips) = (0, 0);
            for piece in self.pieces.judged(part) {
                right += usize::from(self.answer(net, piece)? == usize::from(piece.genre.0));
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
    fn answer(&self, net: &AskedNet, piece: &Piece) -> Result<usize, LabError> {
        let width = self.pieces.width;
        let frames = FRAMES.min(piece.features.len() / width);
        let count = piece.features.len() / (frames.max(1) * width);
        let x = &piece.features[..count * frames * width];
        let x = Tensor::from_slice(x, (count, frames, width), &Device::Cpu)?;
        let logits = net.forward(&x, &mut Pass::Infer)?.squeeze(1)?;
        let mean = candle_nn::ops::softmax(&logits, D::Minus1)?.mean(0)?;
        Ok(mean.argmax(0)?.to_scalar::<u32>()? as usize)
    }
}
