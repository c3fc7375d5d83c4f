//! Sums over a whole file: means for the answer, runs for the segments.
//!
//! In: hop results in order. Out: a [`Report`]. Thread: the caller's.

use super::lines::{by_kind, by_label, rounded, rounded_secs};
use super::report::{AnswerReport, ModelReport, Report, SegmentReport, SourceReport};
use crate::smoothing::{AnswerState, Reason, SETTLED, SmoothingConfig};
use crate::{HopResult, ModelFault};
use attune_audio::units::{Decibels, Seconds};
use attune_model::ModelSet;
use attune_model::genre::{GenreSet, Probabilities, SoundKind};

/// A mean of probabilities.
#[derive(Debug, Clone)]
struct Mean {
    sums: Vec<f64>,
    count: u64,
}

impl Mean {
    fn new(classes: usize) -> Self {
        Self {
            sums: vec![0.0; classes],
            count: 0,
        }
    }

    fn push(&mut self, row: &Probabilities) {
        for (sum, &p) in self.sums.iter_mut().zip(row.as_slice()) {
            *sum += f64::from(p);
        }
        self.count += 1;
    }

    fn value(&self) -> Option<Probabilities> {
        if self.count == 0 {
            return None;
        }
        let row: Vec<f32> = self.sums.iter().map(|sum| (sum / self.count as f64) as f32).collect();
        Some(Probabilities::from_slice(&row))
    }
}

/// What one model says of the whole.
#[derive(Debug, Clone)]
struct View {
    /// Over the frames after [`SETTLED`] that the gate let in.
    settled: Mean,
    /// Over all that were heard.
    all: Mean,
    /// The newest frame, until models have settled.
    newest: Option<Probabilities>,
}

impl View {
    fn new(classes: usize) -> Self {
        Self {
            settled: Mean::new(classes),
            all: Mean::new(classes),
            newest: None,
        }
    }

    /// Takes what the model says of a frame; whether it has settled, and whether the gate let the frame in.
    fn hear(&mut self, raw: &Probabilities, is_settled: bool, counted: bool) {
        self.all.push(raw);
        if is_settled && counted {
            self.settled.push(raw);
        }
        self.newest = (!is_settled).then_some(*raw);
    }

    fn value(&self) -> Option<Probabilities> {
        self.newest
            .or_else(|| self.settled.value())
            .or_else(|| self.all.value())
    }
}

/// A stretch of the same answer, still growing.
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
    /// How many of the frames heard come before models have settled.
    unsettled: u64,
    /// What each model says of the whole.
    views: Vec<View>,
    /// Music, speech and other sounds over all frames heard.
    kinds: Mean,
    frames: u64,
    heard: u64,
    loudest: Decibels,
    closed: Vec<SegmentReport>,
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
            unsettled: models.front_end.frames_in(SETTLED) as u64,
            views: vec![View::new(models.genres.len()); models.models.len()],
            kinds: Mean::new(SoundKind::LABELS.len()),
            frames: 0,
            heard: 0,
            loudest: Decibels::SILENCE,
            closed: Vec::new(),
            run: None,
        }
    }

    pub(super) fn hear(&mut self, hop: &HopResult) {
        let column = &hop.column;
        self.frames += 1;
        if hop.level.rms.0 > self.loudest.0 {
            self.loudest = hop.level.rms;
        }
        if hop.audible {
            self.heard += 1;
            if !column.kinds_raw.as_slice().is_empty() {
                self.kinds.push(&column.kinds_raw);
            }
            let is_settled = self.heard > self.unsettled;
            for (view, raw) in self.views.iter_mut().zip(&column.raw) {
                if !raw.as_slice().is_empty() {
                    view.hear(raw, is_settled, hop.counted);
                }
            }
        }
        let state = column.decision.state;
        if self.run.as_ref().is_none_or(|run| run.state != state) {
            // The first stretch begins with the file, not where its first frame ends.
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
        let mut views = Vec::new();
        let mut models = Vec::new();
        for (model, name) in self.names.iter().enumerate() {
            if faults.iter().any(|fault| fault.model == model) {
                continue;
            }
            let view = self.views[model].value();
            models.push(ModelReport {
                name: name.clone(),
                genre: view.map(|view| self.genres.label(view.top().0).to_owned()),
                probabilities: view.map(|view| by_label(&view, &self.genres)).unwrap_or_default(),
            });
            views.extend(view);
        }
        let mut ensemble = Mean::new(self.genres.len());
        for view in &views {
            ensemble.push(view);
        }
        let answer = self.answer(ensemble.value());
        Report {
            attune: env!("CARGO_PKG_VERSION"),
            source,
            answer,
            models,
            segments: self.closed,
            decided: None,
            warnings: faults
                .iter()
                .map(|fault| format!("a model failed and is left out: {}", fault.message))
                .collect(),
        }
    }

    /// What the gate makes of the whole, if it does not let it through. The same thresholds as live, over the mean.
    fn rejection(&self) -> Option<(AnswerState, Reason)> {
        let kinds = self.kinds.value().filter(|_| self.smoothing.is_gate_on())?;
        let music = SoundKind::Music.of(&kinds);
        let needed = 1.0 - self.smoothing.admit;
        let [speech, other] = [SoundKind::Speech, SoundKind::Other].map(|kind| (kind.of(&kinds), kind));
        let (share, kind) = if speech.0 > other.0 { speech } else { other };
        if 1.0 - music > self.smoothing.reject {
            let reason = Reason::Rejected {
                kind,
                share,
                music,
                needed,
            };
            Some((kind.into(), reason))
        } else if music <= needed {
            Some((AnswerState::Unsure, Reason::PerhapsNotMusic { music, needed }))
        } else {
            None
        }
    }

    fn answer(&self, ensemble: Option<Probabilities>) -> AnswerReport {
        let warm = self.heard_time().0 >= self.smoothing.warm_up.0;
        let rejection = self.rejection().filter(|_| warm);
        let (state, reason) = match ensemble.map(|ensemble| ensemble.top()) {
            _ if self.heard == 0 && self.frames > 0 => {
                let reason = Reason::TooQuiet {
                    level: self.loudest,
                    threshold: self.smoothing.silence,
                };
                (AnswerState::Silence, reason)
            }
            _ if let Some(rejection) = rejection => rejection,
            Some((best, confidence)) if warm => {
                let threshold = self.smoothing.enter;
                if confidence >= threshold {
                    (AnswerState::Genre(best), Reason::Confident { threshold })
                } else {
                    let reason = Reason::BelowThreshold {
                        best,
                        confidence,
                        threshold,
                    };
                    (AnswerState::Unsure, reason)
                }
            }
            _ => {
                let reason = Reason::HeardTooLittle {
                    heard: self.heard_time(),
                    needed: self.smoothing.warm_up,
                };
                (AnswerState::Unsure, reason)
            }
        };
        AnswerReport {
            state: state.name(),
            genre: state.genre().map(|id| self.genres.label(id).to_owned()),
            confidence: match reason {
                Reason::Rejected { share, .. } => Some(share),
                _ => ensemble.map(|ensemble| ensemble.top().1),
            }
            .map(|share| rounded(f64::from(share))),
            reason: reason.sentence(&self.genres),
            rule: reason.rule(),
            kinds: self.kinds.value().map(|kinds| by_kind(&kinds)).unwrap_or_default(),
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

    fn heard_time(&self) -> Seconds {
        Seconds(self.heard as f64 * self.hop.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(p: f32) -> Probabilities {
        Probabilities::from_slice(&[p, 1.0 - p])
    }

    /// The first class, after these frames: what is said of each, whether the model has settled, whether the gate let it in.
    fn first(frames: &[(f32, bool, bool)]) -> Option<f32> {
        let mut view = View::new(2);
        for &(p, is_settled, counted) in frames {
            view.hear(&said(p), is_settled, counted);
        }
        view.value().map(|value| value.as_slice()[0])
    }

    #[test]
    fn what_counts_is_what_engines_say_once_they_have_settled() {
        assert_eq!(first(&[]), None);
        // Too short: the newest alone, let in or not.
        assert_eq!(first(&[(0.25, false, true), (0.5, false, true)]), Some(0.5));
        assert_eq!(first(&[(0.25, false, true), (0.5, false, false)]), Some(0.5));
        // Then the mean of what the gate lets in.
        let settled = [
            (0.25, false, true),
            (0.5, true, true),
            (1.0, true, true),
            (0.0, true, false),
        ];
        assert_eq!(first(&settled), Some(0.75));
        // If it lets nothing in, of all that was heard.
        assert_eq!(first(&[(0.25, false, true), (0.75, true, false)]), Some(0.5));
    }
}
