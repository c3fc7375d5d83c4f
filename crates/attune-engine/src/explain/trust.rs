//! How far a map is to be trusted: how often its highest half second lay in the passage that carries the class.
//!
//! In: the kind of a map, and the models it is of. Out: a sentence with the figure, where it was measured. Thread: any.

/// A map over time of what the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// What the class loses without each half second.
    Occlusion,
    /// Where attention lies.
    AttentionWeights,
    /// The answer when attention is forced onto one half second.
    AttentionOverride,
    /// What each moment adds to the logit of the class: attention weight times evidence.
    Contribution,
}

/// Passages of 2 s in the last 5.5 s of 300 pieces of validation clips: model, map, hits in percent. What is not listed
/// was not measured.
const MEASURED: [(&str, MapKind, u8); 5] = [
    ("lstm", MapKind::Occlusion, 77),
    ("tcn", MapKind::Occlusion, 83),
    ("attention", MapKind::Occlusion, 82),
    ("attention", MapKind::AttentionOverride, 82),
    ("attention", MapKind::AttentionWeights, 32),
];
/// What a map without any knowledge reaches in the same pieces, in percent.
const CHANCE: u8 = 35;

/// The fewest and the most hits of such maps of these models, in percent; `None` if there are none, or that of any of
/// them was not measured.
fn measured<'a>(kind: MapKind, models: impl IntoIterator<Item = &'a str>) -> Option<(u8, u8)> {
    let of = |model: &str| {
        let mut rows = MEASURED.iter();
        let row = rows.find(|(name, of, _)| *of == kind && name.eq_ignore_ascii_case(model));
        row.map(|(_, _, hits)| *hits)
    };
    let hits: Option<Vec<u8>> = models.into_iter().map(of).collect();
    let hits = hits?;
    Some((*hits.iter().min()?, *hits.iter().max()?))
}

/// A sentence: how often the highest half second of such a map of these models lay in the passage that carries the
/// class, in test pieces; `None` if that was not measured.
///
/// ```
/// use attune_engine::explain::trust::{MapKind, sentence};
/// let said = sentence(MapKind::Occlusion, ["tcn"]).unwrap_or_default();
/// assert!(said.starts_with("In 83 % of test pieces (chance 35 %) the half second"));
/// assert_eq!(sentence(MapKind::Occlusion, ["a model of one's own"]), None);
/// ```
pub fn sentence<'a>(kind: MapKind, models: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let (least, most) = measured(kind, models)?;
    let hits = if least == most {
        format!("{most} %")
    } else {
        format!("{least} to {most} %")
    };
    let map = match kind {
        MapKind::Occlusion => "the half second without which most is lost",
        MapKind::AttentionWeights => "the most attended half second",
        MapKind::AttentionOverride => "the half second that gains most when only it is attended to",
        MapKind::Contribution => "the half second that contributes most",
    };
    Some(format!(
        "In {hits} of test pieces (chance {CHANCE} %) {map} lay in the passage that carries the class."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_models_have_a_range_and_one_without_a_figure_leaves_none() {
        let models = ["LSTM", "tcn", "attention"];
        assert_eq!(measured(MapKind::Occlusion, models), Some((77, 83)));
        assert_eq!(measured(MapKind::AttentionWeights, ["attention"]), Some((32, 32)));
        assert_eq!(measured(MapKind::AttentionWeights, models), None);
        assert_eq!(measured(MapKind::Contribution, ["attention"]), None);
        assert_eq!(measured(MapKind::Occlusion, []), None);
        let said = sentence(MapKind::Occlusion, models);
        assert!(said.is_some_and(|said| said.contains("77 to 83 %")));
    }
}
