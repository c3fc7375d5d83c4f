//! One clip once through all models, with everything kept that figures are made of.
//!
//! In: a file, or samples. Out: logits of the frames that were heard, and what was shown. Thread: the caller's.
//!
//! Logits are kept of all frames loud enough to be heard, whether or not a gate let them in: how often engines are right
//! and how often music is rejected are two questions. What is shown, and the answer over the whole, are as the gate has
//! them.

use super::EvaluateError;
use super::answers::ClipLogits;
use super::rejection::Verdict;
use super::timeline::{Answer, AnswerTimeline};
use attune_audio::units::SampleRate;
use attune_engine::offline::{self, Report};
use attune_engine::smoothing::{Smoother, SmoothingConfig};
use attune_engine::{HopResult, Pipeline, PipelineError};
use attune_model::ModelSet;
use attune_model::genre::GenreId;
use std::ops::ControlFlow;
use std::path::Path;

/// What the models made of one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipRun {
    /// Each engine's logits, up to a number for each frame: (frames heard, classes).
    logits: Vec<Vec<f32>>,
    /// What each engine would show alone, and, last, what they show together.
    pub timelines: Vec<AnswerTimeline>,
    classes: usize,
    heard: usize,
}

/// A file that was listened to.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRun {
    /// What the models made of it.
    pub run: ClipRun,
    /// What `attune analyze` says of it.
    pub report: Report,
}

/// Listens to a file as `attune analyze` does.
pub fn file(path: &Path, models: &ModelSet, smoothing: &SmoothingConfig) -> Result<FileRun, EvaluateError> {
    let mut keeper = Keeper::new(models, smoothing)?;
    let report = offline::analyze(
        path,
        models,
        smoothing,
        |hop| keeper.hear(hop),
        |_| ControlFlow::Continue(()),
    )?;
    Ok(FileRun {
        run: keeper.run,
        report,
    })
}

/// Listens to samples as to a stream.
pub fn samples(
    samples: &[f32],
    rate: SampleRate,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
) -> Result<ClipRun, PipelineError> {
    let mut keeper = Keeper::new(models, smoothing)?;
    let mut pipeline = Pipeline::new(models, rate, *smoothing)?;
    pipeline.push(samples, &mut |hop| keeper.hear(hop))?;
    pipeline.finish(&mut |hop| keeper.hear(hop))?;
    Ok(keeper.run)
}

impl ClipRun {
    /// Each engine's logits with the truth; `None` if an engine failed or nothing was loud enough to be heard.
    pub fn clip_logits(&self, truth: GenreId) -> Option<Vec<ClipLogits>> {
        let whole = self.heard * self.classes;
        let is_whole = |logits: &Vec<f32>| whole > 0 && logits.len() == whole;
        self.logits.iter().all(is_whole).then(|| {
            let heard = |logits: &Vec<f32>| ClipLogits {
                truth,
                logits: logits.clone(),
                classes: self.classes,
            };
            self.logits.iter().map(heard).collect()
        })
    }
}

impl FileRun {
    /// Each engine's logits with the truth.
    ///
    /// # Errors
    /// If an engine failed, or nothing was heard.
    pub fn clip_logits(&self, path: &Path, truth: GenreId) -> Result<Vec<ClipLogits>, EvaluateError> {
        self.run.clip_logits(truth).ok_or_else(|| EvaluateError::NoAnswer {
            path: path.to_owned(),
            why: match self.report.warnings.as_slice() {
                [] => self.report.answer.reason.clone(),
                warnings => warnings.join("; "),
            },
        })
    }

    /// What it was taken for.
    pub fn verdict(&self) -> Verdict {
        let shown = self.run.timelines.last();
        Verdict {
            state: self.report.answer.state,
            genre_time: shown.map_or(0.0, |shown| shown.genre_time().0 / shown.end().0.max(1e-9)),
        }
    }
}

/// Takes frame after frame.
struct Keeper {
    run: ClipRun,
    temperatures: Vec<f32>,
    /// A smoother for each engine, as if it listened alone.
    alone: Vec<Smoother>,
}

impl Keeper {
    fn new(models: &ModelSet, smoothing: &SmoothingConfig) -> Result<Self, PipelineError> {
        let (engines, classes) = (models.models.len(), models.genres.len());
        let smoother = Smoother::new(*smoothing, models.front_end.hop(), classes, 1)?;
        Ok(Self {
            run: ClipRun {
                logits: vec![Vec::new(); engines],
                timelines: vec![AnswerTimeline::default(); engines + 1],
                classes,
                heard: 0,
            },
            temperatures: models.models.iter().map(|model| model.manifest().temperature).collect(),
            alone: vec![smoother; engines],
        })
    }

    fn hear(&mut self, hop: &HopResult) {
        let column = &hop.column;
        let engines = self.alone.len();
        self.run.heard += usize::from(hop.audible);
        for engine in 0..engines {
            let Some(raw) = column.raw.get(engine).filter(|raw| !raw.as_slice().is_empty()) else {
                continue;
            };
            if hop.audible {
                // ln p · T is the logit, but for a number that is the same for all classes: no softmax sees it.
                let temperature = self.temperatures[engine];
                let logits = raw
                    .as_slice()
                    .iter()
                    .map(|p| p.max(f32::MIN_POSITIVE).ln() * temperature);
                self.run.logits[engine].extend(logits);
            }
            let kinds = Some(&column.kinds_raw).filter(|kinds| !kinds.as_slice().is_empty());
            let alone = self.alone[engine].push_gated(column.at, hop.level.rms, &[Some(*raw)], kinds);
            self.run.timelines[engine].push(column.at, Answer::from(alone.decision.state));
        }
        self.run.timelines[engines].push(column.at, Answer::from(column.decision.state));
    }
}
