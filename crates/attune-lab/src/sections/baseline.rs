//! What needs no network that writes: boundaries from a novelty curve and the program's classifier between them; live,
//! the program's own displayed answer.
//!
//! In: medleys, models. Out: what they write. Thread: the caller's.

use super::judge::{LiveOutcome, scored};
use super::pieces::{Made, Maker, Piece, Pieces, PoolPlan, frames};
use crate::medley::score::hits;
use crate::medley::tables::WrittenToken;
use crate::medley::{Medley, RATE};
use crate::{LabError, Run};
use attune_audio::features::FrameBlock;
use attune_engine::Pipeline;
use attune_engine::smoothing::{SettledMean, SmoothingConfig, ensemble_mean};
use attune_model::ModelSet;
use attune_model::genre::Probabilities;
use attune_train::dataset::Dataset;
use serde::{Deserialize, Serialize};

/// Source steps on each side of a place that are compared: 3 s.
const SIDE: usize = 8;
/// Source steps within which a peak is the highest, and which no section is shorter than: 2.2 s.
const APART: usize = 6;

/// What was measured of both, of the medleys of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Edits and sections of each piece, of novelty and classifier.
    pub pieces: Vec<(usize, usize)>,
    /// F of its boundaries within 0.5 s and 3 s.
    pub boundaries: [f64; 2],
    /// The peaks that counted were higher than this.
    pub threshold: f64,
    /// The displayed answer.
    pub live: LiveOutcome,
}

/// ‖mean after − mean before‖ at each source step, each feature by its deviation in the piece (Foote 2000 compares by a
/// kernel over self-similarity; this is the difference of means of the same two squares).
fn novelty(steps: &[f32], inputs: usize) -> Vec<f64> {
    let count = steps.len() / inputs;
    let feature = |step: usize, at: usize| f64::from(steps[step * inputs + at]);
    let scale: Vec<f64> = (0..inputs)
        .map(|at| {
            let mean = (0..count).map(|step| feature(step, at)).sum::<f64>() / count.max(1) as f64;
            let square = (0..count).map(|step| (feature(step, at) - mean).powi(2)).sum::<f64>();
            1.0 / (square / count.max(1) as f64).sqrt().max(1e-3)
        })
        .collect();
    let mean = |from: usize, to: usize, at: usize| {
        (from..to).map(|step| feature(step, at)).sum::<f64>() / (to - from).max(1) as f64
    };
    let at = |step: usize| -> f64 {
        let (from, to) = (step.saturating_sub(SIDE), (step + SIDE).min(count));
        if step == from || step == to {
            return 0.0;
        }
        let squares = (0..inputs).map(|at| ((mean(step, to, at) - mean(from, step, at)) * scale[at]).powi(2));
        (squares.sum::<f64>() / inputs as f64).sqrt()
    };
    (0..count).map(at).collect()
}

/// The places of peaks above a threshold, at least [`APART`] from either end.
fn peaks(novelty: &[f64], threshold: f64) -> Vec<usize> {
    let is_peak = |&place: &usize| {
        let around = place - APART..=place + APART;
        novelty[place] > threshold && around.into_iter().all(|other| novelty[other] <= novelty[place])
    };
    (APART..novelty.len().saturating_sub(APART)).filter(is_peak).collect()
}

/// What the models answer to some normalised frames alone.
fn answer(models: &ModelSet, frames: &[f32]) -> Result<Option<usize>, LabError> {
    let bands = models.front_end.bands;
    let mut answers = Vec::new();
    for model in &models.models {
        let mut mean = SettledMean::new(models.genres.len(), &models.front_end);
        let output = model.stream()?.answers(FrameBlock::new(frames, bands))?;
        for row in output.logits.chunks_exact(models.genres.len()) {
            mean.push(&Probabilities::softmax(row, model.manifest().temperature), true);
        }
        answers.extend(mean.value());
    }
    Ok(ensemble_mean(&answers).map(|mean| usize::from(mean.top().0.0)))
}

fn written(models: &ModelSet, genre: usize, start_s: f64) -> WrittenToken {
    WrittenToken {
        token: models.genres.labels()[genre].clone(),
        start_s: Some(start_s),
        ..WrittenToken::default()
    }
}

/// The displayed genres of a medley as it plays: when each came.
fn displayed(models: &ModelSet, medley: &Medley) -> Result<Vec<WrittenToken>, LabError> {
    let failed = |error: attune_engine::PipelineError| LabError::Refused(error.to_string());
    let mut pipeline = Pipeline::new(models, RATE, SmoothingConfig::default()).map_err(failed)?;
    let (mut last, mut all) = (None, Vec::new());
    let mut watch = |hop: &attune_engine::HopResult| {
        let column = &hop.column;
        if let Some(genre) = column.decision.state.genre().filter(|genre| last != Some(*genre)) {
            last = Some(genre);
            let mut token = written(models, usize::from(genre.0), column.at.0);
            token.written_s = token.start_s;
            all.push(token);
        }
    };
    pipeline.push(&medley.samples, &mut watch).map_err(failed)?;
    pipeline.finish(&mut watch).map_err(failed)?;
    Ok(all)
}

/// The threshold whose peaks in these pieces hit most boundaries within 3 s (F).
fn threshold(pieces: &[&Piece], inputs: usize, step_s: f64) -> f64 {
    let curves: Vec<Vec<f64>> = pieces.iter().map(|piece| novelty(&piece.steps, inputs)).collect();
    let hit = |threshold: f64| -> f64 {
        let each = pieces.iter().zip(&curves).filter_map(|(piece, curve)| {
            let token = |start: f64| WrittenToken {
                start_s: Some(start),
                ..WrittenToken::default()
            };
            let starts = std::iter::once(0).chain(peaks(curve, threshold));
            let found: Vec<WrittenToken> = starts.map(|step| token(step as f64 * step_s)).collect();
            let sections: Vec<_> = piece
                .sections
                .iter()
                .map(|section| crate::medley::tables::ReferenceSection {
                    start_s: section.start_s,
                    end_s: section.end_s,
                    token: String::new(),
                })
                .collect();
            hits(&sections, &found, 3.0, true).map(|hits| hits.f_measure)
        });
        crate::mean(each)
    };
    let choices = (2..=40).map(|tenth| f64::from(tenth) * 0.05);
    let best = choices
        .map(|choice| (hit(choice), choice))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(1.0, |best| best.1)
}

/// Measures both on validation medleys of one kind, the threshold chosen on training medleys.
///
/// # Errors
/// If a medley cannot be made, a model fails, or the run is to stop.
pub(super) fn measure(
    models: &ModelSet,
    (data, plan): (Option<&Dataset>, PoolPlan),
    (train, valid, made): (&Pieces, &Pieces, Made),
    step_s: f64,
    run: &mut Run<'_>,
) -> Result<Baseline, LabError> {
    let learnt_from: Vec<&Piece> = train.all.iter().filter(|piece| piece.made == made).step_by(8).collect();
    let threshold = threshold(&learnt_from, train.inputs, step_s);
    let judged: Vec<&Piece> = valid.all.iter().filter(|piece| piece.made == made).collect();
    let mut maker = Maker::new(data, plan)?;
    let (mut lists, mut live) = (Vec::new(), Vec::new());
    for (number, piece) in judged.iter().enumerate() {
        if number % 10 == 0 {
            run.say(&format!(
                "novelty and classifier, {}: {number} of {}",
                made.name(),
                judged.len()
            ))?;
        }
        let medley = maker.make(made, piece.number)?;
        let spec = &models.front_end;
        let frames = frames(&medley, spec)?;
        let starts: Vec<usize> = std::iter::once(0)
            .chain(peaks(&novelty(&piece.steps, valid.inputs), threshold))
            .collect();
        let mut list: Vec<WrittenToken> = Vec::new();
        for (place, &start) in starts.iter().enumerate() {
            let end = starts
                .get(place + 1)
                .map_or(frames.len() / spec.bands, |end| end * super::pieces::STEP);
            let part = &frames[start * super::pieces::STEP * spec.bands..end * spec.bands];
            if let Some(genre) = answer(models, part)? {
                let token = written(models, genre, start as f64 * step_s);
                // Two parts of one genre are one section.
                if list.last().is_none_or(|last| last.token != token.token) {
                    list.push(token);
                }
            }
        }
        lists.push(list);
        live.push(displayed(models, &medley)?);
    }
    let edits = judged.iter().zip(&lists).map(|(piece, list)| {
        let reference = super::judge::reference_of(piece, &models.genres);
        (
            crate::medley::score::edits(&reference, list).all(),
            piece.sections.len(),
        )
    });
    let pieces = edits.collect();
    let scores = scored(&judged, lists, None, &models.genres);
    let at = |window: f64| {
        let mut all = scores.boundaries.iter();
        let hits = all.find(|hits| hits.is_trimmed && (hits.window_s - window).abs() < 1e-9);
        hits.map_or(0.0, |hits| hits.f_measure.value)
    };
    Ok(Baseline {
        pieces,
        boundaries: [at(0.5), at(3.0)],
        threshold,
        live: LiveOutcome::of(None, 0, (&judged, live), &models.genres),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn novelty_peaks_where_the_sound_changes() {
        let steps: Vec<f32> = (0..60)
            .flat_map(|step| if step < 25 { [1.0, 0.0] } else { [0.0, 1.0] })
            .collect();
        let curve = novelty(&steps, 2);
        assert_eq!(peaks(&curve, 1.0), [25]);
        assert!(peaks(&curve, 10.0).is_empty());
        assert!(peaks(&novelty(&[1.0; 120], 2), 0.1).is_empty());
    }
}
