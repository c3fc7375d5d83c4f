//! Hops as columns: one array for each quantity, a row for each hop.
//!
//! In: hop results in order. Out: a dict of NumPy arrays and lists, the fields of `attune.Hops`. Thread: rows are taken
//! without the interpreter, the dict is made with it.

use attune_engine::{HopResult, StateReset};
use attune_model::ModelSet;
use attune_model::genre::Probabilities;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A section that was written: at which hop, since when it plays, its class and probability.
type Section = (usize, f64, u8, f32);

/// What hops brought, column by column.
pub(crate) struct Hops {
    classes: usize,
    models: usize,
    hop_s: f64,
    at_s: Vec<f64>,
    level_db: Vec<f32>,
    /// (hops, classes), as every array of probabilities over genres.
    ensemble: Vec<f32>,
    /// Of each model.
    raw: Vec<Vec<f32>>,
    smoothed: Vec<Vec<f32>>,
    /// (hops, 3); NaN without a gate.
    kinds: Vec<f32>,
    familiarity: Vec<f32>,
    confidence: Vec<f32>,
    state: Vec<&'static str>,
    genre: Vec<Option<u8>>,
    rule: Vec<&'static str>,
    reason: Vec<String>,
    changes: Vec<(usize, f64)>,
    sections: Vec<Section>,
}

/// A row of NaN where a model is off.
fn extend(column: &mut Vec<f32>, row: &Probabilities, width: usize) {
    let row = row.as_slice();
    if row.is_empty() {
        column.extend(std::iter::repeat_n(f32::NAN, width));
    } else {
        column.extend_from_slice(row);
    }
}

impl Hops {
    pub(crate) fn new(models: &ModelSet) -> Self {
        let count = models.models.len();
        Self {
            classes: models.genres.len(),
            models: count,
            hop_s: models.front_end.hop().0,
            at_s: Vec::new(),
            level_db: Vec::new(),
            ensemble: Vec::new(),
            raw: vec![Vec::new(); count],
            smoothed: vec![Vec::new(); count],
            kinds: Vec::new(),
            familiarity: Vec::new(),
            confidence: Vec::new(),
            state: Vec::new(),
            genre: Vec::new(),
            rule: Vec::new(),
            reason: Vec::new(),
            changes: Vec::new(),
            sections: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, hop: &HopResult, models: &ModelSet) {
        let column = &hop.column;
        let row = self.at_s.len();
        self.at_s.push(column.at.0);
        self.level_db.push(column.level.0);
        extend(&mut self.ensemble, &column.ensemble, self.classes);
        for model in 0..self.models {
            let is_off = column.raw[model].as_slice().is_empty();
            extend(&mut self.raw[model], &column.raw[model], self.classes);
            let smoothed = if is_off {
                &column.raw[model]
            } else {
                &column.smoothed[model]
            };
            extend(&mut self.smoothed[model], smoothed, self.classes);
        }
        extend(
            &mut self.kinds,
            &column.kinds,
            attune_model::genre::SoundKind::LABELS.len(),
        );
        self.familiarity.push(column.familiarity.unwrap_or(f32::NAN));
        let decision = &column.decision;
        self.confidence.push(decision.confidence);
        self.state.push(decision.state.name());
        self.genre.push(decision.state.genre().map(|id| id.0));
        self.rule.push(decision.reason.rule());
        self.reason.push(decision.reason.sentence(&models.genres));
        if let StateReset::Change { frames } = column.reset {
            self.changes.push((row, column.at.0 - f64::from(frames) * self.hop_s));
        }
        if let Some(section) = column.section {
            self.sections
                .push((row, section.since.0, section.genre.0, section.confidence));
        }
    }

    pub(crate) fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let hops = self.at_s.len();
        let rows = |values: Vec<f32>, width: usize| PyArray1::from_vec(py, values).reshape([hops, width]);
        let of_models = |columns: Vec<Vec<f32>>| {
            let columns = columns.into_iter().map(|values| rows(values, self.classes));
            columns.collect::<PyResult<Vec<_>>>()
        };
        let dict = PyDict::new(py);
        dict.set_item("t_s", PyArray1::from_vec(py, self.at_s))?;
        dict.set_item("level_db", PyArray1::from_vec(py, self.level_db))?;
        dict.set_item("ensemble", rows(self.ensemble, self.classes)?)?;
        dict.set_item("raw", of_models(self.raw)?)?;
        dict.set_item("smoothed", of_models(self.smoothed)?)?;
        dict.set_item("kinds", rows(self.kinds, attune_model::genre::SoundKind::LABELS.len())?)?;
        dict.set_item("familiarity", PyArray1::from_vec(py, self.familiarity))?;
        dict.set_item("confidence", PyArray1::from_vec(py, self.confidence))?;
        dict.set_item("state", self.state)?;
        dict.set_item("genre", self.genre)?;
        dict.set_item("rule", self.rule)?;
        dict.set_item("reason", self.reason)?;
        dict.set_item("changes", self.changes)?;
        dict.set_item("sections", self.sections)?;
        Ok(dict)
    }
}
