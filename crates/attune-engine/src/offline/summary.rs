//! Sums over a whole file: means for the answer, runs for the segments.
//!
//! In: hop results in order. Out: a [`Report`]. Thread: the caller's.

use super::lines::{by_kind, by_label, rounded, rounded_secs};
use super::report::{AnswerReport, ModelReport, Report, SectionReport, SegmentReport, SourceReport};
use super::surprise::SurpriseSum;
use crate::smoothing::decide::{Evidence, Hysteresis, confidence, decide};
use crate::smoothing::ensemble::FrameMean;
use crate::smoothing::{
    AnswerState, GateStatus, GateVerdict, SettledMean, SettledNovelty, SmoothingConfig, ensemble_mean, familiarity,
};
use crate::{HopResult, ModelFault};
use attune_audio::units::{Decibels, Seconds};
use attune_model::ModelSet;
use attune_model::genre::{GenreSet, Probabilities, SoundKind};

/// A segment of the same answer, still growing.
struct Run {
    start: Seconds,
    state: AnswerState,
    confidence_sum: f64,
    frames: u64,
}

pub(super) struct FileSummary {
    names: Vec<String>,
    genres: GenreSet,
    hop: Seconds,
    smoothing: SmoothingConfig,
    /// Each model's answer to the whole.
    means: Vec<SettledMean>,
    /// Music, speech and other sounds over all audible frames.
    kinds: FrameMean,
    novelty: SettledNovelty,
    frames: u64,
    audible: u64,
    loudest: Decibels,
    closed: Vec<SegmentReport>,
    /// `None`: they are not listed.
    sections: Option<Vec<SectionReport>>,
    surprise: SurpriseSum,
    run: Option<Run>,
}

impl FileSummary {
    pub(super) fn new(models: &ModelSet, smoothing: &SmoothingConfig) -> Self {
        Self {
            names: models
                .models
                .iter()
                .map(|model| model.manifest().name.clone())
                .collect(),
            genres: models.genres.clone(),
            hop: models.front_end.hop(),
            smoothing: *smoothing,
            means: vec![SettledMean::new(models.genres.len(), &models.front_end); models.models.len()],
            kinds: FrameMean::new(SoundKind::LABELS.len()),
            novelty: SettledNovelty::new(models.front_end.hop()),
            frames: 0,
            audible: 0,
            loudest: Decibels::SILENCE,
            closed: Vec::new(),
            sections: models.sections.as_ref().map(|_| Vec::new()),
            surprise: SurpriseSum::default(),
            run: None,
        }
    }

    pub(super) fn push(&mut self, hop: &HopResult) {
        let column = &hop.column;
        self.frames += 1;
        self.surprise.push(column);
        if let (Some(sections), Some(section)) = (&mut self.sections, column.section) {
            sections.push(SectionReport {
                since_s: rounded_secs(section.since),
                written_s: rounded_secs(column.at),
                genre: self.genres.label(section.genre).to_owned(),
                confidence: rounded(f64::from(section.confidence)),
            });
        }
        if hop.level.rms.0 > self.loudest.0 {
            self.loudest = hop.level.rms;
        }
        if hop.status.audible {
            self.audible += 1;
            if !column.kinds_raw.as_slice().is_empty() {
                self.kinds.push(&column.kinds_raw);
            }
            if hop.status.counted {
                self.novelty.push(column.novelty);
            }
            for (mean, raw) in self.means.iter_mut().zip(&column.raw) {
                if !raw.as_slice().is_empty() {
                    mean.push(raw, hop.status.counted);
                }
            }
        }
        let state = column.decision.state;
        if self.run.as_ref().is_none_or(|run| run.state != state) {
            // The first segment begins with the file, not where its first frame ends.
            let start = if self.run.is_none() { Seconds(0.0) } else { column.at };
            self.close_run(start);
            self.run = Some(Run {
                start,
                state,
                confidence_sum: 0.0,
                frames: 0,
            });
        }
        if let Some(run) = &mut self.run {
            let share = state
                .genre()
                .map_or(column.decision.confidence, |id| column.ensemble.of(id));
            run.confidence_sum += f64::from(share);
            run.frames += 1;
        }
    }

    pub(super) fn report(mut self, source: SourceReport, duration: Seconds, faults: &[ModelFault]) -> Report {
        self.close_run(duration);
        let mut answers = Vec::new();
        let mut reports = Vec::new();
        for (model, (name, mean)) in self.names.iter().zip(&self.means).enumerate() {
            if faults.iter().any(|fault| fault.model == model) {
                continue;
            }
            let answer = mean.value();
            reports.push(ModelReport {
                name: name.clone(),
                genre: answer.map(|answer| self.genres.label(answer.top().0).to_owned()),
                probabilities: answer.map(|answer| by_label(&answer, &self.genres)).unwrap_or_default(),
            });
            answers.extend(answer);
        }
        let answer = self.answer(ensemble_mean(&answers));
        Report {
            attune: env!("CARGO_PKG_VERSION"),
            source,
            answer,
            models: reports,
            segments: self.closed,
            decided: None,
            sections: self.sections,
            surprise: self.surprise.report(&self.genres),
            warnings: faults
                .iter()
                .map(|fault| format!("a model failed and is left out: {fault}"))
                .collect(),
            is_damaged: !faults.is_empty(),
        }
    }

    /// The answer to the whole, by the rules of live sound: all that was audible is one moment. What is too short for
    /// an answer will never warm up: it is unsure.
    fn answer(&self, ensemble: Option<Probabilities>) -> AnswerReport {
        let audible = Seconds(self.audible as f64 * self.hop.0);
        let kinds = self.kinds.value();
        let gate = kinds.filter(|_| self.smoothing.is_gate_on()).map(|kinds| GateStatus {
            verdict: GateVerdict::Undecided.after(&kinds, &self.smoothing),
            kinds,
        });
        let evidence = Evidence {
            silence: (self.audible == 0 && self.frames > 0).then_some(self.loudest),
            audible,
            counted: audible,
            gate,
            ensemble: ensemble.as_ref(),
            novelty: self.novelty.value(),
        };
        let (state, reason) = decide(&evidence, Seconds(0.0), &self.smoothing, &mut Hysteresis::new());
        let state = match state {
            AnswerState::WarmingUp => AnswerState::Unsure,
            state => state,
        };
        AnswerReport {
            state: state.name(),
            genre: state.genre().map(|id| self.genres.label(id).to_owned()),
            confidence: confidence(&reason, ensemble.as_ref()).map(|share| rounded(f64::from(share))),
            reason: reason.sentence(&self.genres),
            rule: reason.rule(),
            familiarity: evidence.novelty.map(|novelty| rounded(f64::from(familiarity(novelty)))),
            kinds: kinds.map(|kinds| by_kind(&kinds)).unwrap_or_default(),
        }
    }

    fn close_run(&mut self, end: Seconds) {
        let Some(run) = self.run.take() else {
            return;
        };
        self.closed.push(SegmentReport {
            start_s: rounded_secs(run.start),
            end_s: rounded_secs(end),
            state: run.state.name(),
            genre: run.state.genre().map(|id| self.genres.label(id).to_owned()),
            confidence: rounded(run.confidence_sum / run.frames.max(1) as f64),
        });
    }
}
