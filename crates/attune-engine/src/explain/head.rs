//! One head of attention by itself: which frame asked which, and what the answer is without it (ablation: Michel, Levy &
//! Neubig 2019).

use super::listener::{Listener, Question};
use attune_model::architecture::BodyShape;
use attune_model::genre::Probabilities;
use attune_model::{LoadedModel, ModelError};

/// The most frames of the past that ask: 11.9 s at the default hop.
pub const MOST_ASKING: usize = 512;

/// A head, by its places from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The layer.
    pub layer: usize,
    /// The head in it.
    pub head: usize,
}

/// What one head did in the last frames, and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadStudy {
    /// Which.
    pub head: Head,
    /// The engine's answer with it.
    pub whole: Probabilities,
    /// Its answer when all that the head mixes is zero, from the first frame of the question on.
    pub without: Probabilities,
    /// The last so many frames ask, and are asked.
    pub frames: usize,
    /// How far a frame can look back, itself included, in frames.
    pub reach: usize,
    /// (query, key), row-major, oldest first: the weight of the key for the query; 0 where it is out of reach, and where it lies
    /// in the query's future, which is impossible.
    pub weights: Vec<f32>,
    /// How far back a frame looks on average, in frames, by these weights.
    pub mean_back: f64,
}

impl HeadStudy {
    /// Runs the question through the engine twice, with the head and without it; `None` if there is no such head, or nothing was
    /// heard.
    pub fn of(model: &LoadedModel, question: &Question, head: Head) -> Result<Option<Self>, ModelError> {
        let (count, bands) = (question.count(), question.bands);
        let frames = count.min(MOST_ASKING);
        let mut listener = Listener::new(model)?;
        let mut without = Listener::new(model)?;
        if !without.ablate_head(head.layer, head.head) {
            return Ok(None);
        }
        without.hear(&question.frames, bands)?;
        listener.hear(question.rows(0, count - frames), bands)?;
        let mut weights = vec![0.0; frames * frames];
        for query in 0..frames {
            let frame = count - frames + query;
            listener.hear(question.rows(frame, frame + 1), bands)?;
            let Some(row) = listener.attention().and_then(|picture| {
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
        let (Some(whole), Some(without)) = (listener.answer(), without.answer()) else {
            return Ok(None);
        };
        let reach = match &model.manifest().architecture.body {
            BodyShape::Attention(shape) => shape.context,
            _ => frames,
        };
        Ok(Some(Self {
            head,
            whole,
            without,
            frames,
            reach,
            mean_back: mean_back(&weights, frames),
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

fn mean_back(weights: &[f32], frames: usize) -> f64 {
    let (mut back, mut total) = (0.0, 0.0);
    for (query, row) in weights.chunks_exact(frames.max(1)).enumerate() {
        for (key, weight) in row[..=query].iter().enumerate() {
            total += f64::from(*weight);
            back += f64::from(*weight) * (query - key) as f64;
        }
    }
    back / f64::max(total, 1e-9)
}
