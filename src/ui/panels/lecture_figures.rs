//! The figures behind the lecture's sentences and small pictures.
//!
//! In: what the plots take. Out: looks, rows of values. Thread: window.

use super::{Scene, head_of, map_shape, pooling_of};
use crate::ui::wording::{self, Look};
use attune_audio::units::Seconds;

/// How many bars a small picture has.
const BARS: usize = 48;

/// Where the attention model attends.
pub(super) fn look(scene: &Scene<'_>) -> Option<Look> {
    wording::look(pooling_of(&scene.snapshot.attention), scene.snapshot.hop)
}

/// Layer, head and look of each head.
fn heads<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = (usize, usize, Look)> + 'a {
    let attention = &scene.snapshot.attention;
    let (layers, heads) = map_shape(attention);
    let places = (0..layers).flat_map(move |layer| (0..heads).map(move |head| (layer, head)));
    places.filter_map(move |(layer, head)| {
        let look = wording::look(head_of(attention, layer, head), scene.snapshot.hop)?;
        Some((layer, head, look))
    })
}

/// The head that attends farthest back.
pub(super) fn farthest(scene: &Scene<'_>) -> Option<(usize, usize, Look)> {
    heads(scene).max_by(|a, b| a.2.mean_back.0.total_cmp(&b.2.mean_back.0))
}

/// How far each head attends back.
pub(super) fn reaches(scene: &Scene<'_>) -> Vec<f32> {
    heads(scene).map(|(_, _, look)| look.mean_back.0 as f32).collect()
}

/// The strongest of each few values, oldest first.
fn strongest(values: &[f32]) -> Vec<f32> {
    let few = values.len().div_ceil(BARS).max(1);
    values
        .chunks(few)
        .map(|part| part.iter().copied().fold(f32::NEG_INFINITY, f32::max))
        .collect()
}

/// The pooling weights.
pub(super) fn pooling(scene: &Scene<'_>) -> Vec<f32> {
    strongest(pooling_of(&scene.snapshot.attention))
}

/// How loud the last seconds were, above the quietest of them.
pub(super) fn levels(scene: &Scene<'_>) -> Vec<f32> {
    let total = scene.history.total_columns();
    let columns = (total.saturating_sub(512)..total).filter_map(|index| scene.history.column(index));
    let loudest = columns.filter_map(|column| column.iter().copied().reduce(f32::max));
    let levels: Vec<f32> = loudest.filter(|level| !level.is_nan()).collect();
    let quietest = levels.iter().copied().fold(f32::INFINITY, f32::min);
    strongest(&levels.iter().map(|level| level - quietest).collect::<Vec<_>>())
}

/// The median time constant of the forget gates, now.
pub(super) fn median_time_constant(scene: &Scene<'_>) -> Option<Seconds> {
    let traces = scene.traces?;
    traces.median_time_constant(traces.total().checked_sub(1)?)
}

/// The time constants of the units, the shortest first.
pub(super) fn time_constants(scene: &Scene<'_>) -> Vec<f32> {
    let Some((traces, newest)) = scene.traces.and_then(|it| Some((it, it.total().checked_sub(1)?))) else {
        return Vec::new();
    };
    let units = (0..traces.units()).filter_map(|unit| traces.time_constant(newest, unit));
    let mut secs: Vec<f32> = units.map(|secs| secs.0 as f32).collect();
    secs.sort_by(f32::total_cmp);
    strongest(&secs)
}

/// What the units do, with the terms of the field.
pub(super) fn units(scene: &Scene<'_>) -> Option<String> {
    let traces = scene.traces?;
    let name = &scene.model_info.models.get(traces.model)?.name;
    Some(wording::units(name, traces, traces.total().checked_sub(1)?))
}
