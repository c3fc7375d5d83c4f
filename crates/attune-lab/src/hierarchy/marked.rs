//! Evidence that is known: one word of one segment names the class. Is it found, at both levels?

use super::taught::{Tracks, learn as teach_on, restored};
use crate::scores::needle;
use crate::train_loop::Schedule;
use crate::{LabError, Run};
use attune_model::hierarchical::HierarchicalShape;
use attune_nn::Pass;
use attune_train::planted::PlantedPlan;
use candle_core::{D, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Segments of a track, and words of a segment.
const SEGMENTS: usize = 8;
const WORDS: usize = 6;
/// Tracks of a step, and of the test.
const BATCH: usize = 32;
const TESTED: usize = 1_000;

/// All that fixes one cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct MarkedPlan {
    shape: HierarchicalShape,
    #[serde(rename = "course")]
    schedule: Schedule,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MarkedOutcome {
    /// Share of right answers.
    pub accuracy: f64,
    /// Share of tracks in which the segment with the evidence has the highest weight.
    pub segment_found: f64,
    /// Share in which its word, within that segment.
    pub word_found: f64,
    /// Mean weight of that segment.
    pub weight: f64,
    /// Share of segments found, and of right answers, by chance.
    pub chance: [f64; 2],
}

/// The network for generated tracks.
pub(crate) fn plan(attends: bool, seed: u64, quick: bool) -> MarkedPlan {
    MarkedPlan {
        shape: HierarchicalShape {
            inputs: needle::INPUTS,
            word_frames: 1,
            segment_words: WORDS,
            hidden: 12,
            width: 12,
            classes: needle::CLASSES,
            dropout: 0.0,
            attends,
        },
        schedule: Schedule::for_generated(if quick { 600 } else { 2_000 }, 1e-2, seed),
    }
}

/// Tracks (count, segments, words, inputs), the place of the marked word among all, and the classes.
fn draw(count: usize, rng: &mut ChaCha8Rng) -> candle_core::Result<(Tensor, Vec<usize>, Vec<usize>)> {
    let (x, places, classes) = needle::draw(count, SEGMENTS * WORDS, rng)?;
    Ok((x.reshape((count, SEGMENTS, WORDS, needle::INPUTS))?, places, classes))
}

/// Teaches the network to find the marked word and tests it on other tracks.
///
/// # Errors
/// If the network fails or the run is to stop.
pub(crate) fn learn(plan: &MarkedPlan, run: &mut Run<'_>) -> Result<MarkedOutcome, LabError> {
    let what = format!("marked word, seed {}", plan.schedule.seed);
    let (tensors, _) = teach_on(
        plan.shape,
        (plan.schedule, &PlantedPlan::default()),
        &what,
        run,
        |_, rng| {
            let (x, _, classes) = draw(BATCH, rng)?;
            Ok(Tracks {
                x,
                classes,
                planted: Vec::new(),
            })
        },
    )?;
    let net = restored(tensors, plan.shape)?;
    let mut rng = ChaCha8Rng::seed_from_u64(plan.schedule.seed);
    rng.set_stream(2); // other tracks than those that were learnt from
    let (x, places, classes) = draw(TESTED, &mut rng)?;
    let read = net.forward(&x, &mut Pass::Infer)?;
    let answers: Vec<u32> = read.logits.argmax(D::Minus1)?.to_vec1()?;
    let segments: Vec<Vec<f32>> = read.segments.to_vec2()?;
    let words: Vec<Vec<Vec<f32>>> = read.words.to_vec3()?;
    let (mut right, mut by_segment, mut by_word, mut weight) = (0, 0, 0, 0.0);
    for (track, (&place, &class)) in places.iter().zip(&classes).enumerate() {
        let (segment, word) = (place / WORDS, place % WORDS);
        right += usize::from(answers[track] as usize == class);
        by_segment += usize::from(is_highest(&segments[track], segment));
        by_word += usize::from(is_highest(&words[track][segment], word));
        weight += f64::from(segments[track][segment]);
    }
    let share = |count: usize| count as f64 / TESTED as f64;
    Ok(MarkedOutcome {
        accuracy: share(right),
        segment_found: share(by_segment),
        word_found: share(by_word),
        weight: weight / TESTED as f64,
        chance: [1.0 / SEGMENTS as f64, 1.0 / needle::CLASSES as f64],
    })
}

/// Whether this weight is higher than every other.
pub(crate) fn is_highest(weights: &[f32], place: usize) -> bool {
    let others = weights.iter().enumerate().filter(|(at, _)| *at != place);
    others.into_iter().all(|(_, other)| *other < weights[place])
}
