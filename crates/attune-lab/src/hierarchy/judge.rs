//! How a trained network does on clips outside its training data, and what its weights are.

use super::marked::is_highest;
use super::taught::{Plan, WHOLE, noise};
use crate::LabError;
use crate::arena::Right;
use crate::clip_features::{FeatureClip, FeatureSet};
use crate::planted::Found;
use attune_model::genre::{GenreId, Probabilities};
use attune_model::hierarchical::{Hierarchical, SegmentVector, TrackReading};
use attune_train::evaluate::{ClipLogits, Metrics, fit_temperature};
use attune_train::validate::Part;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What the probability of the answer loses when a segment is taken out of the track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Without the one with the highest weight, mean over whole clips.
    pub without_top: f64,
    /// Without one of the others, mean over these and over whole clips.
    pub without_other: f64,
}

/// What came of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Numbers that were learnt.
    pub weights: usize,
    /// Mean loss at the end of teaching.
    pub loss: f64,
    /// Fitted on whole validation clips.
    pub temperature: f32,
    /// Single segments.
    pub excerpts: Option<Right>,
    /// Whole clips.
    pub whole: Right,
    /// Calibration error on whole clips, at that temperature.
    pub ece: f64,
    /// −Σ α·ln α of the segments as a share of ln n, mean over whole clips.
    pub entropy: f64,
    /// One segment of music among noises.
    pub among_noises: Found,
    /// Share of these tracks that are answered right.
    pub right_among_noises: f64,
    /// One segment of another genre in a clip.
    pub in_music: Found,
    /// How well the segments are weighted.
    pub losses: Losses,
}

/// A clip's segments, read one by one.
struct Track {
    truth: GenreId,
    segments: Vec<SegmentVector>,
}

fn track(net: &Hierarchical, piece: &FeatureClip, width: usize) -> Result<Track, LabError> {
    let segments = piece.features.chunks_exact(width).map(|words| net.segment(words));
    Ok(Track {
        truth: piece.genre,
        segments: segments.collect::<Result<_, _>>()?,
    })
}

/// Judges a taught network; `noises` are others than those that it was taught among.
///
/// # Errors
/// If there is no whole validation clip, or the network fails.
pub(crate) fn judge(
    plan: &Plan,
    net: &Hierarchical,
    pieces: &FeatureSet,
    noises: &[f32],
    (weights, loss): (usize, f64),
) -> Result<Outcome, LabError> {
    let tracks = |part| {
        let pieces_of = pieces.judged(part).filter(|piece| piece.features.len() >= pieces.width);
        pieces_of
            .map(|piece| track(net, piece, pieces.width))
            .collect::<Result<Vec<Track>, _>>()
    };
    let (whole, excerpts) = (tracks(Part::Whole)?, tracks(Part::Excerpt)?);
    if whole.is_empty() {
        return Err(LabError::Refused(
            "--data has no whole validation clip of 3 s and more".to_owned(),
        ));
    }
    let classes = pieces.genres.len();
    let readings = |tracks: &[Track]| -> Result<Vec<TrackReading>, LabError> {
        tracks.iter().map(|track| Ok(net.track(&track.segments)?)).collect()
    };
    let (read_whole, read_excerpts) = (readings(&whole)?, readings(&excerpts)?);
    let clips: Vec<ClipLogits> = whole
        .iter()
        .zip(&read_whole)
        .map(|(track, reading)| ClipLogits {
            truth: track.truth,
            logits: reading.logits.clone(),
            classes,
            novelty: Vec::new(),
        })
        .collect();
    let temperature = fit_temperature(&clips, &pieces.spec);
    let figures = |tracks: &[Track], readings: &[TrackReading]| {
        let said = tracks.iter().zip(readings);
        let said: Vec<_> = said
            .map(|(track, reading)| (track.truth, Probabilities::softmax(&reading.logits, temperature)))
            .collect();
        Metrics::of(&said, classes)
    };
    let of_whole = figures(&whole, &read_whole);
    let mut rng = ChaCha8Rng::seed_from_u64(plan.schedule.seed);
    rng.set_stream(3); // what is planted where
    let (among_noises, right) = among_noises(plan, net, &whole, (noises, pieces.width), &mut rng)?;
    Ok(Outcome {
        weights,
        loss,
        temperature,
        excerpts: (!excerpts.is_empty()).then(|| Right::of(&figures(&excerpts, &read_excerpts))),
        whole: Right::of(&of_whole),
        ece: of_whole.ece,
        entropy: read_whole.iter().map(|reading| entropy(&reading.segments)).sum::<f64>() / whole.len() as f64,
        among_noises,
        right_among_noises: right,
        in_music: in_music(plan, net, &whole, &mut rng)?,
        losses: losses(net, &whole, &read_whole, temperature)?,
    })
}

fn entropy(weights: &[f32]) -> f64 {
    let weights = weights.iter().map(|&weight| f64::from(weight));
    let count = weights.len().max(2) as f64;
    weights
        .filter(|weight| *weight > 0.0)
        .map(|weight| -weight * weight.ln())
        .sum::<f64>()
        / count.ln()
}

fn point(found: &mut Found, reading: &TrackReading, (place, planted): (usize, GenreId)) {
    let chance = 1.0 / reading.segments.len() as f64;
    found.weights.count(is_highest(&reading.segments, place), chance);
    let contributions = reading.contributions(usize::from(planted.0));
    found.contribution.count(is_highest(&contributions, place), chance);
}

/// One segment of a validation clip among nine noises: whether it is found, and the share answered right.
fn among_noises(
    plan: &Plan,
    net: &Hierarchical,
    tracks: &[Track],
    (noises, width): (&[f32], usize),
    rng: &mut ChaCha8Rng,
) -> Result<(Found, f64), LabError> {
    let (mut found, mut right) = (Found::default(), 0);
    for _ in 0..plan.planted {
        let (of, place) = (&tracks[rng.random_range(0..tracks.len())], rng.random_range(0..WHOLE));
        let mut segments = (0..WHOLE)
            .map(|_| net.segment(noise(noises, width, rng)))
            .collect::<Result<Vec<_>, _>>()?;
        segments[place] = of.segments[rng.random_range(0..of.segments.len())].clone();
        let reading = net.track(&segments)?;
        point(&mut found, &reading, (place, of.truth));
        right += usize::from(Probabilities::softmax(&reading.logits, 1.0).top().0 == of.truth);
    }
    Ok((found, right as f64 / plan.planted.max(1) as f64))
}

/// One segment of another genre in a whole clip; no pieces if there are not two genres.
fn in_music(plan: &Plan, net: &Hierarchical, tracks: &[Track], rng: &mut ChaCha8Rng) -> Result<Found, LabError> {
    let mut found = Found::default();
    if tracks.iter().all(|track| track.truth == tracks[0].truth) {
        return Ok(found);
    }
    while found.weights.examples < plan.planted {
        let [around, planted] = [0; 2].map(|_| &tracks[rng.random_range(0..tracks.len())]);
        if around.truth == planted.truth {
            continue;
        }
        let mut segments = around.segments.clone();
        let place = rng.random_range(0..segments.len());
        segments[place] = planted.segments[rng.random_range(0..planted.segments.len())].clone();
        point(&mut found, &net.track(&segments)?, (place, planted.truth));
    }
    Ok(found)
}

/// What each answer loses without each of its segments.
fn losses(
    net: &Hierarchical,
    tracks: &[Track],
    readings: &[TrackReading],
    temperature: f32,
) -> Result<Losses, LabError> {
    let (mut losses, mut clips) = (Losses::default(), 0);
    for (track, reading) in tracks
        .iter()
        .zip(readings)
        .filter(|(track, _)| track.segments.len() > 1)
    {
        let (answer, sure) = Probabilities::softmax(&reading.logits, temperature).top();
        let top = (0..reading.segments.len())
            .max_by(|&a, &b| reading.segments[a].total_cmp(&reading.segments[b]))
            .unwrap_or(0);
        let mut others = 0.0;
        for left_out in 0..track.segments.len() {
            let mut segments = track.segments.clone();
            segments.remove(left_out);
            let without = Probabilities::softmax(&net.track(&segments)?.logits, temperature);
            let loss = f64::from(sure - without.of(answer));
            if left_out == top {
                losses.without_top += loss;
            } else {
                others += loss;
            }
        }
        losses.without_other += others / (track.segments.len() - 1) as f64;
        clips += 1;
    }
    let clips = f64::from(clips.max(1));
    Ok(Losses {
        without_top: losses.without_top / clips,
        without_other: losses.without_other / clips,
    })
}
