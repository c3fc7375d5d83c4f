//! Every clip of the table through the models: as it is, under other conditions, and one after another.

use super::EvalArgs;
use crate::cli::error::{AppError, bail};
use attune_audio::decode::decode_file;
use attune_audio::units::{Decibels, SampleRate};
use attune_engine::smoothing::SmoothingConfig;
use attune_model::ModelSet;
use attune_model::genre::GenreId;
use attune_train::dataset::{Clip, load_excerpts};
use attune_train::evaluate::genre_change::{self, Change, ChangeMetrics};
use attune_train::evaluate::manifest::{Label, Row, beside};
use attune_train::evaluate::rejection::{ErrorRate, NOT_MUSIC, Verdict};
use attune_train::evaluate::run::{self, FileRun};
use attune_train::evaluate::{AnswerTimeline, ClipLogits, EvaluateError, Evaluation, ModelClips, TimelineMetrics};
use attune_train::sound::{NoiseColour, add_at_snr, band_limited, microphone_chain, noise};
use attune_train::validate::{Part, listen as listen_to_excerpts};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

/// What is done to sound before it is heard.
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

/// One clip of music that was heard.
struct Music {
    path: PathBuf,
    truth: GenreId,
    group: String,
    engines: Vec<ClipLogits>,
    rate: SampleRate,
    shown: Vec<AnswerTimeline>,
    verdict: Verdict,
}

/// What came of the whole table.
pub(super) struct Session<'a> {
    models: &'a ModelSet,
    table: &'a Path,
    smoothing: SmoothingConfig,
    music: Vec<Music>,
    other: Vec<(&'static str, Verdict)>,
    failed: usize,
}

impl<'a> Session<'a> {
    /// Listens to every file of the table once. What fails is told, counted and left out.
    pub(super) fn hear(table: &'a Path, rows: &[Row], models: &'a ModelSet, bar: &ProgressBar) -> Self {
        let mut session = Self {
            models,
            table,
            smoothing: SmoothingConfig::default(),
            music: Vec::new(),
            other: Vec::new(),
            failed: 0,
        };
        begin(bar, "clips", rows.len());
        for row in rows {
            if let Err(error) = session.hear_row(row) {
                session.failed += 1;
                bar.suspend(|| eprintln!("{error}"));
            }
            bar.inc(1);
        }
        session
    }

    fn hear_row(&mut self, row: &Row) -> Result<(), EvaluateError> {
        let path = beside(self.table, &row.clip);
        let file: FileRun = run::file(&path, self.models, &self.smoothing)?;
        let verdict = file.verdict();
        match row.label {
            Label::NotMusic(label) => self.other.push((label, verdict)),
            Label::Genre(truth) => self.music.push(Music {
                engines: file.clip_logits(&path, truth)?,
                rate: SampleRate(file.report.source.rate_hz),
                shown: file.run.timelines,
                path,
                truth,
                group: row.group.clone(),
                verdict,
            }),
        }
        Ok(())
    }

    /// All figures that are asked for.
    ///
    /// # Errors
    /// If no clip could be heard, or one that could be heard no longer can.
    pub(super) fn evaluate(mut self, args: &EvalArgs, bar: &ProgressBar) -> Result<Evaluation, AppError> {
        if self.music.is_empty() {
            let what = if self.other.is_empty() { "clip" } else { "clip of music" };
            bail!("{}: no {what} could be evaluated", self.table.display());
        }
        let engines = self.take_engines();
        let mut evaluation = Evaluation::of(&engines, &self.models.front_end, self.models.genres.len());
        evaluation.failed = self.failed;
        let groups: Vec<&str> = self.music.iter().map(|clip| clip.group.as_str()).collect();
        evaluation.add_groups(&groups);
        for (place, engine) in evaluation.models.iter_mut().enumerate() {
            let shown: Vec<(GenreId, &AnswerTimeline)> =
                self.music.iter().map(|clip| (clip.truth, &clip.shown[place])).collect();
            engine.timeline = Some(TimelineMetrics::of(&shown));
        }
        self.rejection(&mut evaluation);
        if args.conditions {
            self.conditions(&mut evaluation, args.seed, bar)?;
        }
        if let Some(count) = args.splices {
            self.splices(&mut evaluation, count, args.seed, bar)?;
        }
        Ok(evaluation)
    }

    /// Moves the logits, engine by engine.
    fn take_engines(&mut self) -> Vec<ModelClips> {
        let mut clips: Vec<_> = self
            .music
            .iter_mut()
            .map(|clip| std::mem::take(&mut clip.engines))
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

    /// Every clip of music under every condition. Each has a generator of its own: the clip, not the order, decides.
    fn conditions(&self, evaluation: &mut Evaluation, seed: u64, bar: &ProgressBar) -> Result<(), AppError> {
        begin(bar, "conditions", self.music.len());
        let mut heard: Vec<Vec<Vec<ClipLogits>>> = vec![Vec::new(); CONDITIONS.len()];
        for (number, clip) in self.music.iter().enumerate() {
            let (info, samples) = decode_file(&clip.path).map_err(EvaluateError::Decode)?;
            for ((name, change), heard) in CONDITIONS.iter().zip(&mut heard) {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(number as u64);
                let changed = change(&samples, info.rate, &mut rng);
                let listened =
                    run::samples(&changed, info.rate, self.models, &self.smoothing).map_err(EvaluateError::Pipeline)?;
                let Some(engines) = listened.clip_logits(clip.truth) else {
                    bail!("{}: nothing is heard of it {name}", clip.path.display());
                };
                heard.push(engines);
            }
            bar.inc(1);
        }
        for ((name, _), mut heard) in CONDITIONS.into_iter().zip(heard) {
            evaluation.add_condition(name, &ModelClips::by_model(&self.models.models, &mut heard));
        }
        Ok(())
    }

    /// Pairs of clips of two genres, one right after the other, as a stream.
    fn splices(&self, evaluation: &mut Evaluation, count: usize, seed: u64, bar: &ProgressBar) -> Result<(), AppError> {
        begin(bar, "splices", count);
        let clips: Vec<(GenreId, SampleRate)> = self.music.iter().map(|clip| (clip.truth, clip.rate)).collect();
        let pairs = genre_change::pairs(&clips, count, &mut ChaCha8Rng::seed_from_u64(seed));
        if pairs.is_empty() {
            bail!(
                "{}: --splices needs two clips of different classes at the same sample rate",
                self.table.display()
            );
        }
        let mut changes: Vec<Vec<Change>> = vec![Vec::new(); evaluation.models.len()];
        for pair in pairs {
            let second = &self.music[pair.second];
            let (samples, rate, at) = genre_change::of_files(&self.music[pair.first].path, &second.path)?;
            let listened =
                run::samples(&samples, rate, self.models, &self.smoothing).map_err(EvaluateError::Pipeline)?;
            for ((engine, shown), changes) in evaluation.models.iter().zip(listened.timelines).zip(&mut changes) {
                changes.push(Change {
                    shown,
                    at,
                    to: second.truth,
                    is_known: engine.right[pair.second],
                });
            }
            bar.inc(1);
        }
        for (engine, changes) in evaluation.models.iter_mut().zip(&changes) {
            engine.changes = Some(ChangeMetrics::of(changes));
        }
        Ok(())
    }
}

fn begin(bar: &ProgressBar, what: &'static str, count: usize) {
    bar.set_prefix(what);
    bar.set_length(count as u64);
    bar.set_position(0);
}

/// Log-mel clips through the models.
pub(super) fn excerpts(path: &Path, rows: &[Row], models: &ModelSet) -> Result<Vec<ModelClips>, AppError> {
    let spec = &models.front_end;
    let excerpts = load_excerpts(path, spec.bands)?;
    if excerpts.is_empty() {
        bail!("{}: there is no such file, or it has no clips", path.display());
    }
    let mut clips = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(levels), Label::Genre(genre)) = (excerpts.get(&row.clip), row.label) else {
            bail!("{} has no clip {:?}", path.display(), row.clip);
        };
        clips.push(Clip {
            name: row.clip.clone(),
            genre,
            excerpt: Some(levels.clone()),
            ..Clip::default()
        });
    }
    let each = models.models.iter().map(|model| {
        Ok(ModelClips {
            name: model.manifest().name.clone(),
            temperature: model.manifest().temperature,
            clips: listen_to_excerpts(model.stream()?.as_mut(), &clips, Part::Excerpt, spec)?,
        })
    });
    each.collect()
}
