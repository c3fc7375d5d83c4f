//! A whole evaluation: every clip of a table through the models, clean, under other conditions, and as genre changes.
//!
//! In: the table and the models. Out: an [`Evaluation`], and [`EvaluationEvent`]s while it runs. Thread: the caller's.

use super::clip_rows::ClipRow;
use super::effects::SoundEffect;
use super::genre_change::{self, Change, ChangeMetrics};
use super::groups::group_numbers;
use super::manifest::{Label, Row, UNFAMILIAR};
use super::rejection::{ErrorRate, NOT_MUSIC, Verdict};
use super::run::{self, FileRun};
use super::unfamiliar::{MusicAnswer, UnfamiliarMetrics};
use super::{AnswerTimeline, ClipLogits, EvaluateError, Evaluation, ModelClips, TimelineMetrics};
use attune_audio::decode::decode_file;
use attune_audio::units::SampleRate;
use attune_engine::smoothing::{SmoothingConfig, ensemble_mean};
use attune_model::ModelSet;
use attune_model::genre::{GenreId, Probabilities};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

/// What is measured besides the clips as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvaluationConfig {
    /// Every clip of music also re-recorded, in noise, in narrow bands and through codecs; log-mel clips also in rooms,
    /// in noise and in narrow bands.
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

/// The random generator of one clip: the order of the clips does not matter.
pub(super) fn generator(seed: u64, clip: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(clip as u64);
    rng
}

/// One clip of music.
struct Music {
    path: PathBuf,
    truth: GenreId,
    /// Without the answers.
    row: ClipRow,
    models: Vec<ClipLogits>,
    rate: SampleRate,
    timelines: Vec<AnswerTimeline>,
    verdict: Verdict,
}

/// One clip of something else.
struct Other {
    label: &'static str,
    row: ClipRow,
    verdict: Verdict,
}

/// An evaluation under way: every clip has been through the models once.
pub struct EvaluationSession<'a> {
    models: &'a ModelSet,
    table: &'a Path,
    smoothing: SmoothingConfig,
    music: Vec<Music>,
    other: Vec<Other>,
    /// Clips of music of no class of the models.
    unfamiliar: Vec<ClipRow>,
    /// All music, that of no class among it.
    answers: Vec<MusicAnswer>,
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
            unfamiliar: Vec::new(),
            answers: Vec::new(),
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
        let truth = match row.label {
            Label::Genre(truth) => Some(truth),
            Label::NotMusic(_) | Label::Unfamiliar => None,
        };
        if !matches!(row.label, Label::NotMusic(_)) {
            self.answers.extend(file.music_answer(truth, &self.models.genres));
        }
        let mut answered = ClipRow {
            line: row.line,
            name: row.clip.clone(),
            label: String::new(),
            truth: None,
            group: row.group.clone(),
            seconds: file.report.source.duration_s,
            state: verdict.state,
            displayed: (file.report.answer.genre.as_deref()).and_then(|label| self.models.genres.find(label)),
            answers: Vec::new(),
        };
        match row.label {
            Label::NotMusic(label) => {
                label.clone_into(&mut answered.label);
                answered.answers = self.answers_alone(&file);
                self.other.push(Other {
                    label,
                    row: answered,
                    verdict,
                });
            }
            Label::Unfamiliar => {
                UNFAMILIAR.clone_into(&mut answered.label);
                answered.answers = self.answers_alone(&file);
                self.unfamiliar.push(answered);
            }
            Label::Genre(truth) => {
                self.models.genres.label(truth).clone_into(&mut answered.label);
                answered.truth = Some(truth);
                self.music.push(Music {
                    models: file.clip_logits(&path, truth)?,
                    rate: SampleRate(file.report.source.rate_hz),
                    timelines: file.run.timelines,
                    path,
                    truth,
                    row: answered,
                    verdict,
                });
            }
        }
        Ok(())
    }

    /// The answers to one clip that is no music; empty if nothing of it was audible.
    fn answers_alone(&self, file: &FileRun) -> Vec<Probabilities> {
        // No metric is made of them, so any class may stand for the truth.
        let Some(models) = file.run.clip_logits(GenreId(0)) else {
            return Vec::new();
        };
        let spec = &self.models.front_end;
        let clips = self.models.models.iter().zip(models);
        let mut answers: Vec<Probabilities> = clips
            .map(|(model, clip)| clip.answer(model.manifest().temperature, spec))
            .collect();
        answers.extend(ensemble_mean(&answers));
        answers
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
                others: self.other.len() + self.unfamiliar.len(),
            });
        }
        let clips = self.take_logits();
        let rows = self.music.iter().map(|clip| &clip.row);
        let groups = group_numbers(rows.map(|row| (row.name.as_str(), row.group.as_str())));
        let classes = self.models.genres.len();
        let mut evaluation = Evaluation::of(&clips, groups.as_deref(), &self.models.front_end, classes);
        evaluation.failed = self.failed;
        evaluation.unfamiliar = UnfamiliarMetrics::of(&self.answers);
        self.add_rows(&mut evaluation);
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

    fn add_rows(&self, evaluation: &mut Evaluation) {
        let music = self.music.iter().enumerate().map(|(clip, music)| ClipRow {
            answers: evaluation.answers_to(clip),
            ..music.row.clone()
        });
        let other = self.other.iter().map(|other| &other.row).chain(&self.unfamiliar);
        let rows = music.chain(other.cloned()).collect();
        evaluation.set_rows(rows);
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
            let of_label = self.other.iter().filter(|other| other.label == label);
            let verdicts: Vec<Verdict> = of_label.map(|other| other.verdict).collect();
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
        let (effects, missing) = SoundEffect::all();
        evaluation.left_out = missing;
        observer(EvaluationEvent::Begin(EvaluationStage::Conditions, self.music.len()));
        let mut clips: Vec<Vec<Vec<ClipLogits>>> = vec![Vec::new(); effects.len()];
        for (number, clip) in self.music.iter().enumerate() {
            let (info, samples) = decode_file(&clip.path)?;
            for (effect, clips) in effects.iter().zip(&mut clips) {
                let changed = effect
                    .apply(&samples, info.rate, &mut generator(seed, number))
                    .map_err(|error| EvaluateError::Codec {
                        path: clip.path.clone(),
                        error,
                    })?;
                let run = run::samples(&changed, info.rate, self.models, &self.smoothing)?;
                let Some(models) = run.clip_logits(clip.truth) else {
                    return Err(EvaluateError::Inaudible {
                        path: clip.path.clone(),
                        condition: effect.name(),
                    });
                };
                clips.push(models);
            }
            observer(EvaluationEvent::Advance);
        }
        for (effect, mut clips) in effects.into_iter().zip(clips) {
            evaluation.add_condition(effect.name(), &ModelClips::by_model(&self.models.models, &mut clips));
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
