//! All engines through the same clips and changes.

use super::{Judged, Judgement, Right};
use crate::{LabError, Run};
use attune_audio::features::FrontEndSpec;
use attune_audio::units::SampleRate;
use attune_engine::smoothing::SmoothingConfig;
use attune_model::genre::{GenreId, GenreSet};
use attune_model::{LoadedModel, ModelSet, from_files};
use attune_train::dataset::Clip;
use attune_train::evaluate::genre_change::{self, Change, ChangeMetrics};
use attune_train::evaluate::run;
use attune_train::evaluate::{
    AnswerTimeline, Answers, ClipLogits, EvaluateError, Metrics, ModelClips, TimelineMetrics, Times, ece_if_calibrated,
};
use attune_train::validate::{Part, clip_logits};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

/// The engines: those that listen together, then each that listens by itself.
#[derive(Debug)]
pub struct Audience {
    pub(super) sets: Vec<ModelSet>,
}

impl Audience {
    /// These together; those of the files each by itself, behind the same gate.
    ///
    /// # Errors
    /// If a file is no model, or one with another front end or other classes.
    pub fn new(together: ModelSet, files: &[PathBuf]) -> Result<Self, LabError> {
        let mut sets = vec![together];
        for path in files {
            let mut set = from_files(std::slice::from_ref(path))?;
            if (&set.front_end, &set.genres) != (&sets[0].front_end, &sets[0].genres) {
                return Err(LabError::Refused(format!(
                    "{}: it has another front end or other classes than the others: it cannot be fed the same clips",
                    path.display()
                )));
            }
            set.gate.clone_from(&sets[0].gate);
            sets.push(set);
        }
        Ok(Self { sets })
    }

    /// The front end of all.
    pub fn spec(&self) -> &FrontEndSpec {
        &self.sets[0].front_end
    }

    /// The classes of all.
    pub fn genres(&self) -> &GenreSet {
        &self.sets[0].genres
    }

    /// SHA-256 of the weights of each, in order.
    pub fn digests(&self) -> Vec<String> {
        self.models()
            .map(|model| model.manifest().weights_sha256.clone())
            .collect()
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &LoadedModel> {
        self.sets.iter().flat_map(|set| &set.models)
    }

    /// Each engine's answers, and the ensemble's last.
    fn answers(&self, engines: &[ModelClips]) -> Vec<Answers> {
        let mut all: Vec<Answers> = engines.iter().map(|engine| engine.answers(self.spec())).collect();
        all.push(Answers::ensemble(&all[..self.sets[0].models.len()]));
        all
    }

    /// Rows of what is shown: each engine's, and the ensemble's last.
    fn shown(&self, of_sets: Vec<Vec<AnswerTimeline>>) -> Vec<AnswerTimeline> {
        let (mut engines, mut together) = (Vec::new(), None);
        for (shown, set) in of_sets.into_iter().zip(&self.sets) {
            let mut shown = shown.into_iter();
            engines.extend(shown.by_ref().take(set.models.len()));
            together = together.or_else(|| shown.next());
        }
        engines.extend(together);
        engines
    }

    /// All clips, whole, and all excerpts through all engines.
    ///
    /// # Errors
    /// If a clip cannot be read, or the run is to stop.
    pub fn judge(&self, clips: &[Clip], excerpts: &[Clip], run: &mut Run<'_>) -> Result<Judgement, LabError> {
        let mut logits: Vec<Vec<ClipLogits>> = Vec::with_capacity(clips.len());
        let mut shown: Vec<Vec<AnswerTimeline>> = Vec::with_capacity(clips.len());
        for (number, clip) in clips.iter().enumerate() {
            run.say(&format!("clip {} of {}: {}", number + 1, clips.len(), clip.name))?;
            let path = audio(clip)?;
            let (mut engines, mut of_sets) = (Vec::new(), Vec::new());
            for set in &self.sets {
                let file = run::file(path, set, &SmoothingConfig::default())?;
                engines.extend(file.clip_logits(path, clip.genre)?);
                of_sets.push(file.run.timelines);
            }
            logits.push(engines);
            shown.push(self.shown(of_sets));
        }
        let models: Vec<LoadedModel> = self.models().cloned().collect();
        let whole = self.answers(&ModelClips::by_model(&models, &mut logits));
        let short = models.iter().map(|model| {
            Ok(ModelClips {
                name: model.manifest().name.clone(),
                temperature: model.manifest().temperature,
                clips: clip_logits(model.stream()?.as_mut(), excerpts, Part::Excerpt, self.spec())?,
                out_of_fold: None,
            })
        });
        let short = self.answers(&short.collect::<Result<Vec<_>, LabError>>()?);
        let names = models.iter().map(|model| model.manifest().name.as_str());
        let weights = models.iter().map(|model| model.manifest().weight_count);
        let together: usize = weights.clone().take(self.sets[0].models.len()).sum();
        let of = names.chain(["ensemble"]).zip(weights.chain([together])).enumerate();
        let engines = of.map(|(place, (name, weights))| {
            let labelled = whole[place].labelled();
            let seen: Vec<(GenreId, &AnswerTimeline)> = clips
                .iter()
                .map(|clip| clip.genre)
                .zip(shown.iter().map(|of| &of[place]))
                .collect();
            let seen = TimelineMetrics::of(&seen);
            let figures = Metrics::of(&labelled, self.genres().len());
            let short = Metrics::of(&short[place].labelled(), self.genres().len());
            Judged {
                name: name.to_owned(),
                weights,
                excerpts: (short.clips > 0).then(|| Right::of(&short)),
                whole: Right::of(&figures),
                ece: figures.ece,
                chance_ece: ece_if_calibrated(&labelled),
                first_s: seen.first_s,
                stable_right_s: seen.stable_right_s,
                answers: labelled.iter().map(|(_, p)| p.top().0.0).collect(),
            }
        });
        Ok(Judgement {
            engines: engines.collect(),
            clips: clips.iter().map(|clip| clip.name.clone()).collect(),
            truths: clips.iter().map(|clip| clip.genre.0).collect(),
            agreement: whole
                .iter()
                .map(|one| whole.iter().map(|other| one.agreement(other)).collect())
                .collect(),
        })
    }

    /// So many changes of genre through all engines: the delay of each, and the ensemble's last.
    ///
    /// # Errors
    /// If a clip cannot be decoded, no two clips go together, or the run is to stop.
    pub fn follow(
        &self,
        clips: &[Clip],
        judged: &Judgement,
        count: usize,
        seed: u64,
        run: &mut Run<'_>,
    ) -> Result<Vec<Times>, LabError> {
        // The clips of a data set have one rate; a pair that has two is refused when it is decoded.
        let kinds: Vec<(GenreId, SampleRate)> = clips.iter().map(|clip| (clip.genre, SampleRate(1))).collect();
        let pairs = genre_change::pairs(&kinds, count, &mut ChaCha8Rng::seed_from_u64(seed));
        if pairs.is_empty() {
            return Err(LabError::Refused(
                "--data needs validation clips of two genres".to_owned(),
            ));
        }
        let mut changes: Vec<Vec<Change>> = vec![Vec::new(); judged.engines.len()];
        for (number, pair) in pairs.iter().enumerate() {
            run.say(&format!("change {} of {count}", number + 1))?;
            let second = &clips[pair.second];
            let (samples, rate, at) = genre_change::of_files(audio(&clips[pair.first])?, audio(second)?)?;
            let listen = |set| run::samples(&samples, rate, set, &SmoothingConfig::default());
            let of_sets = self
                .sets
                .iter()
                .map(|set| listen(set).map(|listened| listened.timelines));
            let timelines = self.shown(of_sets.collect::<Result<_, _>>().map_err(EvaluateError::Pipeline)?);
            for ((timeline, engine), changes) in timelines.into_iter().zip(&judged.engines).zip(&mut changes) {
                changes.push(Change {
                    timeline,
                    at,
                    to: second.genre,
                    is_known: engine.answers[pair.second] == second.genre.0,
                });
            }
        }
        Ok(changes.iter().map(|of| ChangeMetrics::of(of).delay_s).collect())
    }
}

fn audio(clip: &Clip) -> Result<&Path, LabError> {
    let path = clip.audio.as_deref();
    path.ok_or_else(|| LabError::Refused(format!("the clip {} has no audio", clip.name)))
}
