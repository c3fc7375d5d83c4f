//! Every frame of a file, column by column.
//!
//! In: hop results in order. Out: [`Hops`]. Thread: any.

use attune_engine::smoothing::AnswerState;
use attune_engine::{Column, HopResult};
use attune_model::ModelSet;

/// Every frame of a file. With three models of ten classes a frame takes 200 bytes: an hour of sound 31 MB.
#[derive(Debug, Clone, PartialEq)]
pub struct Hops {
    /// Classes of each row of probabilities.
    pub classes: usize,
    /// Time at the end of each frame's window, in seconds.
    pub at_s: Vec<f64>,
    /// The answer at each frame.
    pub state: Vec<AnswerState>,
    /// Its confidence, 0…1.
    pub confidence: Vec<f32>,
    /// Level of the last moments, root mean square in dB re full scale.
    pub level_db: Vec<f32>,
    /// How familiar the music is, smoothed, 0…1; NaN where no model knows.
    pub familiarity: Vec<f32>,
    /// Smoothed probabilities of the ensemble, which decide: (frames, classes).
    pub ensemble: Vec<f32>,
    /// Each model.
    pub models: Vec<ModelHops>,
}

/// What one model answered at each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelHops {
    /// Its name.
    pub name: String,
    /// Calibrated probabilities, not smoothed, (frames, classes); NaN where the model was off.
    pub probabilities: Vec<f32>,
}

impl Hops {
    /// No frames of these models.
    pub fn new(models: &ModelSet) -> Self {
        let model = |model: &attune_model::LoadedModel| ModelHops {
            name: model.manifest().name.clone(),
            probabilities: Vec::new(),
        };
        Self {
            classes: models.genres.len(),
            at_s: Vec::new(),
            state: Vec::new(),
            confidence: Vec::new(),
            level_db: Vec::new(),
            familiarity: Vec::new(),
            ensemble: Vec::new(),
            models: models.models.iter().map(model).collect(),
        }
    }

    /// The next frame.
    pub fn push(&mut self, hop: &HopResult) {
        let column: &Column = &hop.column;
        self.at_s.push(column.at.0);
        self.state.push(column.decision.state);
        self.confidence.push(column.decision.confidence);
        self.level_db.push(column.level.0);
        self.familiarity.push(column.familiarity.unwrap_or(f32::NAN));
        fill(&mut self.ensemble, column.ensemble.as_slice(), self.classes);
        for (model, raw) in self.models.iter_mut().zip(&column.raw) {
            fill(&mut model.probabilities, raw.as_slice(), self.classes);
        }
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.at_s.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.at_s.is_empty()
    }

    /// The smoothed probabilities of the ensemble at a frame.
    pub fn ensemble_at(&self, frame: usize) -> &[f32] {
        &self.ensemble[frame * self.classes..][..self.classes]
    }
}

/// A row of `classes` values: those given, then NaN.
fn fill(rows: &mut Vec<f32>, row: &[f32], classes: usize) {
    let given = row.len().min(classes);
    rows.extend_from_slice(&row[..given]);
    rows.resize(rows.len() + classes - given, f32::NAN);
}
