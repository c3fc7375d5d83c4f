//! How well a map points: of one piece, and over many.

use super::curves::{Areas, Curves};
use super::map::{Map, maps};
use super::piece::Piece;
use attune_audio::units::Seconds;
use attune_model::{LoadedModel, ModelError};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Whether a map's order is better than two that know nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beats {
    /// Better than random order, the mean of several.
    pub random: bool,
    /// Better than the order that is spread evenly over time.
    pub even: bool,
}

/// What one map of a model says of one piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Which.
    pub map: Map,
    /// Number of its highest window.
    pub highest: usize,
    /// Whether every window with the highest value lies in the passage.
    pub is_hit: bool,
    /// How often a random window does.
    pub chance: f64,
    /// Rank correlation with occlusion; `None` for occlusion itself, and where one of the two is constant.
    pub correlation: Option<f64>,
    /// Whether the class's probability falls faster.
    pub deletion: Beats,
    /// Whether it rises faster.
    pub insertion: Beats,
}

/// All maps of a model on a piece.
///
/// # Errors
/// If the model fails.
pub fn find(model: &LoadedModel, piece: &Piece, hop: Seconds) -> Result<Vec<Finding>, ModelError> {
    let maps = maps(model, piece, hop)?;
    let curves = Curves::new(model, piece, hop)?;
    let (random, even) = (curves.random()?, curves.even()?);
    let occlusion = maps.iter().find(|(map, _)| *map == Map::Occlusion);
    let each = maps.iter().map(|(map, values)| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        // Stable: of equal ones the oldest first.
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let own = curves.of_order(&order)?;
        let beats = |is_better: fn(&Areas, &Areas) -> bool| Beats {
            random: is_better(&own, &random),
            even: is_better(&own, &even),
        };
        Ok(Finding {
            map: *map,
            highest: order.first().copied().unwrap_or(0),
            is_hit: is_hit(piece, values),
            chance: piece.chance(),
            correlation: match (map, occlusion) {
                (Map::Occlusion, _) | (_, None) => None,
                (_, Some((_, occlusion))) => rank_correlation(values, occlusion),
            },
            deletion: beats(|own, other| own.deletion < other.deletion),
            insertion: beats(|own, other| own.insertion > other.insertion),
        })
    });
    each.collect()
}

/// Whether all windows with the highest value lie in the passage: a constant map points nowhere.
fn is_hit(piece: &Piece, values: &[f32]) -> bool {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let windows = piece.windows.iter().zip(values);
    !values.is_empty()
        && windows
            .filter(|(_, value)| **value >= highest)
            .all(|(window, _)| piece.is_inside(*window))
}

/// Spearman's ρ: the correlation of ranks, equal values at the mean of theirs; `None` if either has no spread.
fn rank_correlation(a: &[f32], b: &[f32]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let products = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum() };
    let spread = (products(&a, &a) * products(&b, &b)).sqrt();
    (spread > 0.0).then(|| products(&a, &b) / spread)
}

/// From 0.
fn ranks(values: &[f32]) -> Vec<f64> {
    let rank = |value: &f32| {
        let count = |order| {
            values
                .iter()
                .filter(|other| other.partial_cmp(&value) == Some(order))
                .count() as f64
        };
        count(Ordering::Less) + (count(Ordering::Equal) - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// How often a map's highest window was in the passage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pointing {
    /// Pieces.
    #[serde(rename = "pieces")]
    pub examples: usize,
    /// Those whose highest window was inside.
    pub hits: usize,
    /// The sum over the pieces of the share of windows that are inside.
    pub by_chance: f64,
}

impl Pointing {
    /// Adds a map of a piece: a value for each window. Nothing is added for a map without values.
    pub fn add(&mut self, piece: &Piece, values: &[f32]) {
        if !values.is_empty() {
            self.count(is_hit(piece, values), piece.chance());
        }
    }

    /// Counts an example: whether the highest value was where it should be, and how often a random one is.
    pub fn count(&mut self, is_hit: bool, chance: f64) {
        self.examples += 1;
        self.hits += usize::from(is_hit);
        self.by_chance += chance;
    }

    /// Share of hits.
    pub fn rate(&self) -> f64 {
        self.hits as f64 / self.examples.max(1) as f64
    }

    /// Expected share of hits of a random map.
    pub fn chance(&self) -> f64 {
        self.by_chance / self.examples.max(1) as f64
    }
}

/// In how many pieces a map's order was better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BeatsCount {
    /// Better than random order.
    pub random: usize,
    /// Better than an evenly spread one.
    pub even: usize,
    /// Better than both.
    pub both: usize,
}

impl BeatsCount {
    fn add(&mut self, beats: Beats) {
        self.random += usize::from(beats.random);
        self.even += usize::from(beats.even);
        self.both += usize::from(beats.random && beats.even);
    }
}

/// One map of one model over many pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MapScores {
    /// Whether it points at the passage.
    pub pointing: Pointing,
    /// Better in deletion.
    pub deletion: BeatsCount,
    /// Better in insertion.
    pub insertion: BeatsCount,
    correlations: f64,
    correlated: usize,
}

impl MapScores {
    /// Adds a piece.
    pub fn add(&mut self, finding: &Finding) {
        self.pointing.count(finding.is_hit, finding.chance);
        self.deletion.add(finding.deletion);
        self.insertion.add(finding.insertion);
        if let Some(correlation) = finding.correlation {
            self.correlations += correlation;
            self.correlated += 1;
        }
    }

    /// Mean rank correlation with occlusion, over the pieces that have one; `None` if none has.
    pub fn correlation(&self) -> Option<f64> {
        (self.correlated > 0).then(|| self.correlations / self.correlated as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_by_hand() {
        let rho = |a: &[f32], b: &[f32]| rank_correlation(a, b);
        assert_eq!(rho(&[1.0, 2.0, 3.0], &[10.0, 200.0, 3e3]), Some(1.0));
        assert_eq!(rho(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        // 1 − 6·Σd²/(n(n² − 1)) with d = 0, 1, −1, 0.
        assert!((rho(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap() - 0.8).abs() < 1e-12);
        // Two share ranks 1 and 2: 1.5 each. By hand √(9/10).
        let tied = rho(&[0.0, 1.0, 1.0, 2.0], &[0.0, 1.0, 2.0, 3.0]).unwrap();
        assert!((tied - 0.9f64.sqrt()).abs() < 1e-12, "{tied}");
        assert_eq!(rho(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(rho(&[], &[]), None);
    }
}
