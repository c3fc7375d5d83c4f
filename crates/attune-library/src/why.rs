//! What the answer to a file rests on, at the moment at which it was most probable.
//!
//! In: columns in order. Out: [`Why`]. Thread: the caller's, and two more for each model.

use attune_audio::features::FrontEndSpec;
use attune_audio::units::Seconds;
use attune_engine::explain::document::ExportContext;
use attune_engine::explain::trust::{self, MapKind};
use attune_engine::explain::{Context, Explanation, MAX_CONTEXT, wording};
use attune_engine::{HopResult, StateReset};
use attune_model::genre::{GenreId, GenreSet};
use attune_model::{ModelError, ModelSet};

/// What the answer to a file rests on: occlusion and attention at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// The moment at which the ensemble's probability of the answer was highest.
    pub at: Seconds,
    /// The answer.
    pub class: GenreId,
    /// What changes it, and what was attended to.
    pub explanation: Explanation,
}

impl Why {
    /// As the exports of an explanation take it.
    pub(crate) fn context<'a>(
        &'a self,
        source: &'a str,
        genres: &'a GenreSet,
        weights: &'a [String],
    ) -> ExportContext<'a> {
        ExportContext {
            source,
            at: self.at,
            class: self.class,
            genres,
            weights,
            explanation: &self.explanation,
        }
    }

    /// What was found, in sentences.
    pub fn sentences(&self, genres: &GenreSet) -> Vec<String> {
        let it = &self.explanation;
        let title = genres.title(self.class);
        let contributions = it.ensemble.contributions(usize::from(self.class.0));
        let strongest = contributions.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut said = Vec::new();
        if let Some((place, points)) = strongest.filter(|(_, points)| **points > 0.0) {
            let (from, to) = it.back(it.segments[place]);
            said.push(format!(
                "Without the half second from {} to {}, {title} would have {:.1} points less than its {:.0} % at {}.",
                Seconds(self.at.0 - from).clock(),
                Seconds(self.at.0 - to).clock(),
                100.0 * points,
                100.0 * it.ensemble.whole.of(self.class),
                self.at.clock()
            ));
        }
        let names = it.models.iter().map(|of| of.model.as_str());
        said.extend(trust::sentence(MapKind::Occlusion, names));
        let attention = it.attention.iter();
        said.extend(attention.map(|report| format!("{}: {}", report.model, wording::faithfulness(report, genres))));
        said
    }
}

/// Remembers, for each class, the moment at which it was most probable, and what the models had processed by then.
pub(crate) struct Moments {
    spec: FrontEndSpec,
    /// The most frames that an explanation goes back.
    most: usize,
    /// (2 · most, bands) in dB: frame n in row n % (2 · most).
    levels: Vec<f32>,
    resets: Vec<StateReset>,
    frames: usize,
    best: Vec<Option<Best>>,
}

struct Best {
    probability: f32,
    frame: usize,
    at: Seconds,
    /// Taken before its frames are overwritten.
    context: Option<Context>,
}

impl Moments {
    pub(crate) fn new(models: &ModelSet) -> Self {
        let spec = models.front_end.clone();
        let most = spec.frames_in(MAX_CONTEXT).max(1);
        Self {
            most,
            levels: vec![0.0; 2 * most * spec.bands],
            resets: vec![StateReset::Nothing; 2 * most],
            frames: 0,
            best: models.genres.ids().map(|_| None).collect(),
            spec,
        }
    }

    pub(crate) fn push(&mut self, hop: &HopResult) {
        let row = self.frames % (2 * self.most);
        let bands = self.spec.bands;
        self.levels[row * bands..][..bands].copy_from_slice(&hop.column.mel_db[..bands]);
        self.resets[row] = hop.column.reset;
        self.frames += 1;
        for class in 0..self.best.len() {
            let is_due = |best: &Best| best.context.is_none() && self.frames - best.frame >= self.most;
            if self.best[class].as_ref().is_some_and(is_due) {
                self.keep(class);
            }
        }
        let (class, probability) = hop.column.ensemble.top();
        let best = &mut self.best[usize::from(class.0)];
        if hop.status.counted && best.as_ref().is_none_or(|best| probability > best.probability) {
            *best = Some(Best {
                probability,
                frame: self.frames - 1,
                at: hop.column.at,
                context: None,
            });
        }
    }

    /// Keeps what was processed up to the best moment of a class.
    fn keep(&mut self, class: usize) {
        let Some(best) = &self.best[class] else { return };
        let bands = self.spec.bands;
        let oldest = (best.frame + 1).saturating_sub(self.most);
        let newest_first = (oldest..=best.frame).rev().map(|frame| {
            let row = frame % (2 * self.most);
            (&self.levels[row * bands..][..bands], self.resets[row])
        });
        let context = Context::back_from(newest_first, &self.spec);
        if let Some(best) = &mut self.best[class] {
            best.context = Some(context);
        }
    }

    /// Explains the moment at which this class was most probable; `None` if it never was the most probable one.
    pub(crate) fn explain(mut self, class: GenreId, models: &ModelSet) -> Result<Option<Why>, ModelError> {
        let place = usize::from(class.0);
        if self.best[place].as_ref().is_some_and(|best| best.context.is_none()) {
            self.keep(place);
        }
        let Some((at, context)) = self.best[place].take().and_then(|best| Some((best.at, best.context?))) else {
            return Ok(None);
        };
        let explanation = Explanation::of(&models.models, &context.input(&self.spec), self.spec.hop())?;
        Ok(explanation.map(|explanation| Why { at, class, explanation }))
    }
}
