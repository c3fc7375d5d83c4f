//! One clip once through all models, with everything kept that figures are made of.
//!
//! In: a file, or samples. Out: logits of the audible frames, and the answers over time. Thread: the caller's.
//!
//! Logits are kept of all audible frames, whether or not a gate let them in: how often models are right and how often
//! music is rejected are two questions. The answers over time, and the answer to the whole, are as the gate has them.

use super::EvaluateError;
use super::answers::ClipLogits;
use super::rejection::Verdict;
use super::timeline::{Answer, AnswerTimeline};
use super::unfamiliar::MusicAnswer;
use attune_audio::units::SampleRate;
use attune_engine::offline::{self, Report};
use attune_engine::smoothing::{Smoother, SmoothingConfig};
use attune_engine::{HopResult, Pipeline, PipelineError};
use attune_model::ModelSet;
use attune_model::genre::{GenreId, GenreSet};
use std::ops::ControlFlow;
use std::path::Path;

/// What the models made of one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipRun {
    /// Each model's logits: (audible frames, classes).
    logits: Vec<Vec<f32>>,
    /// The answers of each model alone and, last, of the ensemble.
    pub timelines: Vec<AnswerTimeline>,
    classes: usize,
    audible: usize,
}

/// What the models made of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRun {
    /// What the models made of it.
    pub run: ClipRun,
    /// What `attune analyze` says of it.
    pub report: Report,
}

/// Runs a file through the models as `attune analyze` does.
pub fn file(path: &Path, models: &ModelSet, smoothing: &SmoothingConfig) -> Result<FileRun, EvaluateError> {
    let mut keeper = Keeper::new(models, smoothing)?;
    let report = offline::analyze(
        path,
        models,
        smoothing,
        |hop| keeper.push(hop),
        |_| ControlFlow::Continue(()),
    )?;
    Ok(FileRun {
        run: keeper.run,
        report,
    })
}

/// Runs samples through the models as a stream.
pub fn samples(
    samples: &[f32],
    rate: SampleRate,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
) -> Result<ClipRun, PipelineError> {
    let mut keeper = Keeper::new(models, smoothing)?;
    let mut pipeline = Pipeline::new(models, rate, *smoothing)?;
    pipeline.push(samples, &mut |hop| keeper.push(hop))?;
    pipeline.finish(&mut |hop| keeper.push(hop))?;
    Ok(keeper.run)
}

impl ClipRun {
    /// Each model's logits with the truth; `None` if a model failed or nothing was audible.
    pub fn clip_logits(&self, truth: GenreId) -> Option<Vec<ClipLogits>> {
        let whole = self.audible * self.classes;
        let is_whole = |logits: &Vec<f32>| whole > 0 && logits.len() == whole;
        self.logits.iter().all(is_whole).then(|| {
            let clip_logits = |logits: &Vec<f32>| ClipLogits {
                truth,
                logits: logits.clone(),
                classes: self.classes,
                novelty: Vec::new(),
            };
            self.logits.iter().map(clip_logits).collect()
        })
    }
}

impl FileRun {
    /// Each model's logits with the truth.
    ///
    /// # Errors
    /// If a model failed, or nothing was audible.
    pub fn clip_logits(&self, path: &Path, truth: GenreId) -> Result<Vec<ClipLogits>, EvaluateError> {
        self.run.clip_logits(truth).ok_or_else(|| EvaluateError::NoAnswer {
            path: path.to_owned(),
            why: match self.report.warnings.as_slice() {
                [] => self.report.answer.reason.clone(),
                warnings => warnings.join("; "),
            },
        })
    }

    /// What was answered to it, if it is music of this class, or of none; `None` if no model answers.
    pub fn music_answer(&self, truth: Option<GenreId>, genres: &GenreSet) -> Option<MusicAnswer> {
        let answer = &self.report.answer;
        let mean = |id| {
            let label = genres.label(id);
            let each = self
                .report
                .models
                .iter()
                .filter_map(|model| model.probabilities.get(label)?.as_f64());
            (each.sum::<f64>() / self.report.models.len() as f64) as f32
        };
        let shares = genres.ids().map(|id| (id, mean(id)));
        Some(MusicAnswer {
            truth,
            state: answer.state,
            familiarity: answer.familiarity,
            leader: shares
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .filter(|(_, share)| share.is_finite())?,
        })
    }

    /// Whether it was classified as music, and for how long it had a genre.
    pub fn verdict(&self) -> Verdict {
        let timeline = self.run.timelines.last();
        Verdict {
            state: self.report.answer.state,
            genre_time: timeline.map_or(0.0, |timeline| timeline.genre_time().0 / timeline.end().0.max(1e-9)),
        }
    }
}

/// Collects logits and displayed answers, frame after frame.
struct Keeper {
    run: ClipRun,
    /// A smoother for each model by itself, behind the same silence threshold and gate.
    smoothers: Vec<Smoother>,
}

impl Keeper {
    fn new(models: &ModelSet, smoothing: &SmoothingConfig) -> Result<Self, PipelineError> {
        let (count, classes) = (models.models.len(), models.genres.len());
        let smoother = Smoother::new(*smoothing, models.front_end.hop(), classes, 1)?;
        Ok(Self {
            run: ClipRun {
                logits: vec![Vec::new(); count],
                timelines: vec![AnswerTimeline::default(); count + 1],
                classes,
                audible: 0,
            },
            smoothers: vec![smoother; count],
        })
    }

    fn push(&mut self, hop: &HopResult) {
        let column = &hop.column;
        self.run.audible += usize::from(hop.status.audible);
        for (model, smoother) in self.smoothers.iter_mut().enumerate() {
            let logits = hop.logits[model].as_slice();
            if logits.is_empty() {
                continue;
            }
            if hop.status.audible {
                self.run.logits[model].extend_from_slice(logits);
            }
            let raw = Some(column.raw[model]);
            let own = smoother.push(column.at, &hop.status, &[raw], hop.novelty[model]);
            self.run.timelines[model].push(column.at, Answer::from(own.decision.state));
        }
        if let Some(ensemble) = self.run.timelines.last_mut() {
            ensemble.push(column.at, Answer::from(column.decision.state));
        }
    }
}
