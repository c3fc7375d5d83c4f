//! One attention head by itself: its map of queries and keys, and the answer without it (ablation: Michel, Levy &
//! Neubig 2019).

use super::probe::{Input, Probe};
use attune_model::genre::Probabilities;
use attune_model::{LoadedModel, ModelError};

/// The most queries of a map: 11.9 s at the default hop.
const MAX_QUERIES: usize = 512;
/// A map has this many times as many queries as a head reaches back: with more, all it attends to is a thin diagonal.
const REACHES: usize = 8;

/// A head, by numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The layer.
    pub layer: usize,
    /// The head in it.
    pub head: usize,
}

/// The attention of one head over the last frames, and the answer without it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadStudy {
    /// Which.
    pub head: Head,
    /// The model's answer with it.
    pub whole: Probabilities,
    /// Its answer when the head's output is zero, from the first frame of the input on.
    pub without: Probabilities,
    /// Queries and keys: the last frames of the input.
    pub frames: usize,
    /// How far back a frame can attend, itself included, in frames.
    pub reach: usize,
    /// (query, key), row-major, oldest first: the weight of the key for the query; 0 where it is out of reach, and
    /// where it lies in the query's future, which is impossible.
    pub weights: Vec<f32>,
    /// Mean lag between query and key in frames, weighted by attention.
    pub mean_lag: f64,
}

impl HeadStudy {
    /// Runs the input through the model twice, with the head and without it; `None` if there is no such head, or no
    /// frame.
    pub fn of(model: &LoadedModel, input: &Input, head: Head) -> Result<Option<Self>, ModelError> {
        let (count, bands) = (input.count(), input.bands);
        let Some(reach) = model.manifest().architecture.attention_context() else {
            return Ok(None);
        };
        let frames = count.min(MAX_QUERIES).min(REACHES * reach);
        let mut probe = Probe::new(model)?;
        let mut without = Probe::new(model)?;
        if !without.ablate_head(head.layer, head.head) {
            return Ok(None);
        }
        without.push(&input.frames, bands)?;
        probe.push(input.rows(0, count - frames), bands)?;
        let mut weights = vec![0.0; frames * frames];
        for query in 0..frames {
            let frame = count - frames + query;
            probe.push(input.rows(frame, frame + 1), bands)?;
            let Some(row) = probe.attention().and_then(|picture| {
                let start = (head.layer * picture.heads + head.head) * picture.frames;
                picture.maps.get(start..start + picture.frames)
            }) else {
                continue;
            };
            // Both end at the query itself.
            let kept = row.len().min(query + 1);
            weights[query * frames + query + 1 - kept..=query * frames + query]
                .copy_from_slice(&row[row.len() - kept..]);
        }
        let (Some(whole), Some(without)) = (probe.answer(), without.answer()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            head,
            whole,
            without,
            frames,
            reach,
            mean_lag: mean_lag(&weights, frames),
            weights,
        }))
    }

    /// The weight that a query gives a key; `None` where it cannot: the key is younger, or out of reach.
    pub fn weight(&self, query: usize, key: usize) -> Option<f32> {
        let possible = key <= query && query - key < self.reach && query < self.frames;
        possible.then(|| self.weights[query * self.frames + key])
    }

    /// What the head adds to a class: its probability with it, less that without.
    pub fn added(&self, class: usize) -> f32 {
        self.whole.as_slice()[class] - self.without.as_slice()[class]
    }
}

fn mean_lag(weights: &[f32], frames: usize) -> f64 {
    let (mut back, mut total) = (0.0, 0.0);
    for (query, row) in weights.chunks_exact(frames.max(1)).enumerate() {
        for (key, weight) in row[..=query].iter().enumerate() {
            total += f64::from(*weight);
            back += f64::from(*weight) * (query - key) as f64;
        }
    }
    back / f64::max(total, 1e-9)
}
