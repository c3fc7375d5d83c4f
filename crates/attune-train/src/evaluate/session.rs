//! A whole evaluation: every clip of a table through the models, clean, under other conditions, and as genre changes.
//!
//! In: the table and the models. Out: an [`Evaluation`], and [`EvaluationEvent`]s while it runs. Thread: the caller's.

use super::genre_change::{self, Change, ChangeMetrics};
use super::log_mels::LogMels;
use super::manifest::{Label, Row};
use super::rejection::{ErrorRate, NOT_MUSIC, Verdict};
use super::run::{self, FileRun};
use super::{AnswerTimeline, ClipLogits, EvaluateError, Evaluation, ModelClips, TimelineMetrics};
use crate::sound::{NoiseColour, add_at_snr, band_limited, microphone_chain, noise};
use crate::validate::logits_of_levels;
use attune_audio::decode::decode_file;
use attune_audio::units::{Decibels, SampleRate};
use attune_engine::smoothing::SmoothingConfig;
use attune_model::genre::GenreId;
use attune_model::{LoadedModel, ModelSet};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

/// What is measured besides the clips as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvaluationConfig {
    /// Every clip of music re-recorded through a room, in noise, and through a telephone's band.
    pub conditions: bool,
    /// How many pairs of clips of different classes are played one right after the other.
    pub genre_changes: Option<usize>,
    /// Conditions and pairs are drawn from this.
    pub seed: u64,
}

/// A part of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationStage {
    /// Every clip, clean.
    Clips,
    /// Every clip of music under every condition.
    Conditions,
    /// Pairs of clips.
    GenreChanges,
}

/// What an evaluation reports while it goes on.
#[derive(Debug)]
pub enum EvaluationEvent<'a> {
    /// A stage begins, with this many items.
    Begin(EvaluationStage, usize),
    /// One item of it is done.
    Advance,
    /// A clip is left out.
    Failed(&'a EvaluateError),
}

/// What is done to the sound before it reaches the models.
type Effect = fn(&[f32], SampleRate, &mut ChaCha8Rng) -> Vec<f32>;

/// The conditions besides the clips as they are.
const CONDITIONS: [(&str, Effect); 3] = [
    ("re-recorded", microphone_chain),
    ("noisy", in_pink_noise),
    ("band-limited", by_telephone),
];

/// Pink noise, 10 dB below the music.
fn in_pink_noise(samples: &[f32], rate: SampleRate, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut out = samples.to_vec();
    add_at_snr(
        &mut out,
        &noise(NoiseColour::Pink, samples.len(), rate, rng),
        Decibels(10.0),
    );
    out
}

/// The band of a telephone, 300 to 3,400 Hz.
fn by_telephone(samples: &[f32], rate: SampleRate, _: &mut ChaCha8Rng) -> Vec<f32> {
    band_limited(samples, rate, 300.0, 3_400.0)
}

/// One clip of music.
struct Music {
    name: String,
    path: PathBuf,
    truth: GenreId,
    group: String,
    models: Vec<ClipLogits>,
    rate: SampleRate,
    timelines: Vec<AnswerTimeline>,
    verdict: Verdict,
}

/// An evaluation under way: every clip has been through the models once.
pub struct EvaluationSession<'a> {
    models: &'a ModelSet,
    table: &'a Path,
    smoothing: SmoothingConfig,
    music: Vec<Music>,
    other: Vec<(&'static str, Verdict)>,
    failed: usize,
}

impl<'a> EvaluationSession<'a> {
    /// Runs the models over every file of the table. A clip that fails is reported, counted and left out.
    pub fn run(
        table: &'a Path,
        rows: &[Row],
        models: &'a ModelSet,
        observer: &mut dyn FnMut(EvaluationEvent<'_>),
    ) -> Self {
        let mut session = Self {
            models,
            table,
            smoothing: SmoothingConfig::default(),
            music: Vec::new(),
            other: Vec::new(),
            failed: 0,
        };
        observer(EvaluationEvent::Begin(EvaluationStage::Clips, rows.len()));
        for row in rows {
            if let Err(error) = session.add_row(row) {
                session.failed += 1;
                observer(EvaluationEvent::Failed(&error));
            }
            observer(EvaluationEvent::Advance);
        }
        session
    }

    fn add_row(&mut self, row: &Row) -> Result<(), EvaluateError> {
        let path = row.path.clone();
        let file: FileRun = run::file(&path, self.models, &self.smoothing)?;
        let verdict = file.verdict();
        match row.label {
            Label::NotMusic(label) => self.other.push((label, verdict)),
            Label::Genre(truth) => self.music.push(Music {
                models: file.clip_logits(&path, truth)?,
                rate: SampleRate(file.report.source.rate_hz),
                timelines: file.run.timelines,
                name: row.clip.clone(),
                path,
                truth,
                group: row.group.clone(),
                verdict,
            }),
        }
        Ok(())
    }

    /// All metrics.
    ///
    /// # Errors
    /// If no clip of music could be evaluated, or one that could no longer can.
    pub fn evaluate(
        mut self,
        config: &EvaluationConfig,
        observer: &mut dyn FnMut(EvaluationEvent<'_>),
    ) -> Result<Evaluation, EvaluateError> {
        if self.music.is_empty() {
            return Err(EvaluateError::NoMusic {
                table: self.table.to_owned(),
                others: self.other.len(),
            });
        }
        let clips = self.take_logits();
        let mut evaluation = Evaluation::of(&clips, &self.models.front_end, self.models.genres.len());
        evaluation.failed = self.failed;
        let groups: Vec<(&str, &str)> = self
            .music
            .iter()
            .map(|clip| (clip.name.as_str(), clip.group.as_str()))
            .collect();
        evaluation.add_groups(&groups);
        for (place, model) in evaluation.models.iter_mut().enumerate() {
            let timelines: Vec<(GenreId, &AnswerTimeline)> = self
                .music
                .iter()
                .map(|clip| (clip.truth, &clip.timelines[place]))
                .collect();
            model.timeline = Some(TimelineMetrics::of(&timelines));
        }
        self.rejection(&mut evaluation);
        if config.conditions {
            self.conditions(&mut evaluation, config.seed, observer)?;
        }
        if let Some(count) = config.genre_changes {
            self.genre_changes(&mut evaluation, count, config.seed, observer)?;
        }
        Ok(evaluation)
    }

    /// Moves the logits, model by model.
    fn take_logits(&mut self) -> Vec<ModelClips> {
        let mut clips: Vec<_> = self
            .music
            .iter_mut()
            .map(|clip| std::mem::take(&mut clip.models))
            .collect();
        ModelClips::by_model(&self.models.models, &mut clips)
    }

    fn rejection(&self, evaluation: &mut Evaluation) {
        let genres = &self.models.genres;
        for id in genres.ids() {
            let of_class = self.music.iter().filter(|clip| clip.truth == id);
            let verdicts: Vec<Verdict> = of_class.map(|clip| clip.verdict).collect();
            if !verdicts.is_empty() {
                let rate = ErrorRate::rejected_music(&verdicts);
                evaluation.rejected_music.push((genres.label(id).to_owned(), rate));
            }
        }
        let all: Vec<Verdict> = self.music.iter().map(|clip| clip.verdict).collect();
        evaluation
            .rejected_music
            .push(("music".to_owned(), ErrorRate::rejected_music(&all)));
        for label in NOT_MUSIC {
            let of_label = self.other.iter().filter(|(kind, _)| *kind == label);
            let verdicts: Vec<Verdict> = of_label.map(|(_, verdict)| *verdict).collect();
            if !verdicts.is_empty() {
                evaluation.false_genre.push((label, ErrorRate::false_genre(&verdicts)));
            }
        }
    }

    /// Every clip of music under every condition. Each clip has its own random generator: their order does not matter.
    fn conditions(
        &self,
        evaluation: &mut Evaluation,
        seed: u64,
        observer: &mut dyn FnMut(EvaluationEvent<'_>),
    ) -> Result<(), EvaluateError> {
        observer(EvaluationEvent::Begin(EvaluationStage::Conditions, self.music.len()));
        let mut clips: Vec<Vec<Vec<ClipLogits>>> = vec![Vec::new(); CONDITIONS.len()];
        for (number, clip) in self.music.iter().enumerate() {
            let (info, samples) = decode_file(&clip.path)?;
            for ((name, change), clips) in CONDITIONS.iter().zip(&mut clips) {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(number as u64);
                let changed = change(&samples, info.rate, &mut rng);
                let run = run::samples(&changed, info.rate, self.models, &self.smoothing)?;
                let Some(models) = run.clip_logits(clip.truth) else {
                    return Err(EvaluateError::Inaudible {
                        path: clip.path.clone(),
                        condition: name,
                    });
                };
                clips.push(models);
            }
            observer(EvaluationEvent::Advance);
        }
        for ((name, _), mut clips) in CONDITIONS.into_iter().zip(clips) {
            evaluation.add_condition(name, &ModelClips::by_model(&self.models.models, &mut clips));
        }
        Ok(())
    }

    /// Pairs of clips of two genres, one right after the other, as a stream.
    fn genre_changes(
        &self,
        evaluation: &mut Evaluation,
        count: usize,
        seed: u64,
        observer: &mut dyn FnMut(EvaluationEvent<'_>),
    ) -> Result<(), EvaluateError> {
        observer(EvaluationEvent::Begin(EvaluationStage::GenreChanges, count));
        let clips: Vec<(GenreId, SampleRate)> = self.music.iter().map(|clip| (clip.truth, clip.rate)).collect();
        let pairs = genre_change::pairs(&clips, count, &mut ChaCha8Rng::seed_from_u64(seed));
        if pairs.is_empty() {
            return Err(EvaluateError::NoPairs {
                table: self.table.to_owned(),
            });
        }
        let mut changes: Vec<Vec<Change>> = vec![Vec::new(); evaluation.models.len()];
        for pair in pairs {
            let second = &self.music[pair.second];
            let (samples, rate, at) = genre_change::of_files(&self.music[pair.first].path, &second.path)?;
            let run = run::samples(&samples, rate, self.models, &self.smoothing)?;
            for ((model, timeline), changes) in evaluation.models.iter().zip(run.timelines).zip(&mut changes) {
                changes.push(Change {
                    timeline,
                    at,
                    to: second.truth,
                    is_known: model.right[pair.second],
                });
            }
            observer(EvaluationEvent::Advance);
        }
        for (model, changes) in evaluation.models.iter_mut().zip(&changes) {
            model.changes = Some(ChangeMetrics::of(changes));
        }
        Ok(())
    }
}

/// An evaluation of clips that are log-mel levels in a safetensors file, by the names in the table.
///
/// # Errors
/// If the file lacks a clip of the table or one is not as it must be, a row is not music, or a model fails.
pub fn evaluate_log_mels(
    path: &Path,
    table: &Path,
    rows: &[Row],
    models: &ModelSet,
    observer: &mut dyn FnMut(EvaluationEvent<'_>),
) -> Result<Evaluation, EvaluateError> {
    let mut truths = Vec::with_capacity(rows.len());
    for row in rows {
        match row.label {
            Label::Genre(genre) => truths.push(genre),
            Label::NotMusic(label) => {
                return Err(EvaluateError::NeedsSound {
                    table: table.to_owned(),
                    line: row.line,
                    clip: row.clip.clone(),
                    label,
                });
            }
        }
    }
    let spec = &models.front_end;
    let mut mels = LogMels::open(path)?;
    mels.check(table, rows)?;
    observer(EvaluationEvent::Begin(EvaluationStage::Clips, rows.len()));
    let mut streams = models
        .models
        .iter()
        .map(LoadedModel::stream)
        .collect::<Result<Vec<_>, _>>()?;
    let mut clips = Vec::with_capacity(rows.len());
    for (row, truth) in rows.iter().zip(truths) {
        let levels = mels.levels(&row.clip, spec.bands)?;
        let of_models = streams
            .iter_mut()
            .map(|stream| logits_of_levels(stream.as_mut(), &levels, truth, spec));
        clips.push(of_models.collect::<Result<Vec<_>, _>>()?);
        observer(EvaluationEvent::Advance);
    }
    let clips = ModelClips::by_model(&models.models, &mut clips);
    let mut evaluation = Evaluation::of(&clips, spec, models.genres.len());
    let groups: Vec<(&str, &str)> = rows.iter().map(|row| (row.clip.as_str(), row.group.as_str())).collect();
    evaluation.add_groups(&groups);
    Ok(evaluation)
}
