//! Writing: the likeliest word each time, or the likeliest of a few captions that are kept at once.
//!
//! In: normalised frames. Out: [`Written`]. Thread: any.

use super::CaptionNet;
use attune_nn::Pass;
use attune_nn::lstm_cell::LstmState;
use candle_core::{Device, Result, Tensor};

/// A word that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenWord {
    /// Its number.
    pub word: u32,
    /// Its probability after the words before it.
    pub probability: f32,
    /// α over the tiles when it was written; they sum to 1.
    pub weights: Vec<f32>,
}

/// A caption.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// Its words, without the end.
    pub words: Vec<WrittenWord>,
    /// ln of its probability, that of the end included.
    pub log_probability: f64,
    /// Whether it ended by itself, rather than because it was as long as a caption may be.
    pub ended: bool,
}

/// One caption in the making.
#[derive(Clone)]
struct Draft {
    written: Written,
    state: LstmState,
    last: u32,
}

impl CaptionNet {
    /// Writes a caption for frames (t, bands), keeping the `beam` likeliest beginnings at every word (Sutskever, Vinyals
    /// & Le 2014); 1: greedy. It is at most as long as the list of words.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn write(&self, frames: &[f32], beam: usize) -> Result<Written> {
        let bands = self.shape.bands;
        let x = Tensor::from_slice(frames, (1, frames.len() / bands, bands), &Device::Cpu)?;
        let tiles = self.tiles(&x, &mut Pass::Infer)?;
        let decoder = &self.decoder;
        let mut finished: Vec<Written> = Vec::new();
        let mut drafts = vec![Draft {
            written: Written::default(),
            state: decoder.initial_state(1)?,
            last: decoder.start(),
        }];
        for _ in 0..self.shape.words {
            let mut next: Vec<Draft> = Vec::new();
            for draft in &drafts {
                next.extend(self.continued(&tiles, draft, beam)?);
            }
            next.sort_by(|a, b| b.written.log_probability.total_cmp(&a.written.log_probability));
            next.truncate(beam.max(1));
            let (ended, open): (Vec<Draft>, Vec<Draft>) = next.into_iter().partition(|draft| draft.written.ended);
            finished.extend(ended.into_iter().map(|draft| draft.written));
            drafts = open;
            let best = finished.iter().map(|written| written.log_probability);
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            // Words only make a caption less likely.
            drafts.retain(|draft| draft.written.log_probability > best);
            if drafts.is_empty() {
                break;
            }
        }
        finished.extend(drafts.into_iter().map(|draft| draft.written));
        let best = finished
            .into_iter()
            .max_by(|a, b| a.log_probability.total_cmp(&b.log_probability));
        Ok(best.unwrap_or_default())
    }

    /// A draft with each of its `most` likeliest next words.
    fn continued(&self, tiles: &Tensor, draft: &Draft, most: usize) -> Result<Vec<Draft>> {
        let word = Tensor::from_slice(&[draft.last], 1, &Device::Cpu)?;
        let step = self.decoder.step(tiles, &word, &draft.state, &mut Pass::Infer)?;
        let logits: Vec<f32> = step.logits.squeeze(0)?.to_vec1()?;
        let weights: Vec<f32> = step.weights.squeeze(0)?.to_vec1()?;
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let log_sum = top + logits.iter().map(|logit| (logit - top).exp()).sum::<f32>().ln();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let drafts = order.into_iter().take(most.max(1)).map(|number| {
            let (word, log_probability) = (number as u32, logits[number] - log_sum);
            let mut written = draft.written.clone();
            written.log_probability += f64::from(log_probability);
            written.ended = word == self.decoder.end();
            if !written.ended {
                written.words.push(WrittenWord {
                    word,
                    probability: log_probability.exp(),
                    weights: weights.clone(),
                });
            }
            Draft {
                written,
                state: step.state.clone(),
                last: word,
            }
        });
        Ok(drafts.collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::caption::{CaptionNet, CaptionShape};
    use attune_nn::Pass;
    use attune_nn::conv2d::Conv2dShape;
    use attune_nn::weights::WeightStore;
    use candle_core::{Device, Tensor};

    fn net(seed: u64) -> CaptionNet {
        let layer = |inputs, outputs| Conv2dShape {
            inputs,
            outputs,
            kernel: [4, 4],
            stride: [2, 2],
        };
        let shape = CaptionShape {
            bands: 16,
            frames: 20,
            layers: vec![layer(1, 4), layer(4, 8)],
            embedding: 6,
            words: 9,
            dropout: 0.5,
            gated: true,
        };
        CaptionNet::new(WeightStore::random(seed).root(), &shape).unwrap()
    }

    #[test]
    fn what_is_written_has_the_probability_that_teacher_forcing_gives_it() {
        let frames: Vec<f32> = (0..20 * 16).map(|n| (n as f32 * 0.7).sin()).collect();
        for seed in 0..8 {
            let net = net(seed);
            let greedy = net.write(&frames, 1).unwrap();
            for (beam, written) in [(1, greedy.clone()), (4, net.write(&frames, 4).unwrap())] {
                assert!(written.words.len() <= 9);
                let mut before = vec![net.decoder().start()];
                before.extend(written.words.iter().map(|word| word.word));
                let mut said = before[1..].to_vec();
                if written.ended {
                    said.push(net.decoder().end());
                }
                let x = Tensor::from_slice(&frames, (1, 20, 16), &Device::Cpu).unwrap();
                let told = net.told(&x, &before, &mut Pass::Infer).unwrap();
                let logits: Vec<Vec<f32>> = told.logits.squeeze(0).unwrap().to_vec2().unwrap();
                let log_probability: f64 = said
                    .iter()
                    .zip(&logits)
                    .map(|(&word, logits)| {
                        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
                        f64::from(logits[word as usize]) - sum.ln()
                    })
                    .sum();
                assert!((log_probability - written.log_probability).abs() < 1e-4, "beam {beam}");
                for (place, word) in written.words.iter().enumerate() {
                    let expected: Vec<f32> = told.weights.get(0).unwrap().get(place).unwrap().to_vec1().unwrap();
                    let pairs = word.weights.iter().zip(&expected);
                    assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-6));
                    assert!((word.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                }
                if beam == 1 {
                    let likeliest = |logits: &Vec<f32>| {
                        let places = 0..logits.len();
                        places.max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32
                    };
                    assert!(
                        said.iter()
                            .zip(&logits)
                            .all(|(word, logits)| *word == likeliest(logits))
                    );
                }
            }
        }
    }
}
