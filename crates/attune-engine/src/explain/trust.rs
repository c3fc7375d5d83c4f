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

/// `attune explain --planted --examples 100`, among other music (docs/accuracy.md): model, map, hits in percent. What
/// is not listed was not measured.
const MEASURED: [(&str, MapKind, u8); 6] = [
    ("lstm", MapKind::Occlusion, 66),
    ("tcn", MapKind::Occlusion, 67),
    ("attention", MapKind::Occlusion, 88),
    ("attention", MapKind::AttentionOverride, 86),
    ("attention", MapKind::AttentionWeights, 41),
    ("attention", MapKind::Contribution, 86),
];
/// What a map without any knowledge reaches in the same pieces, in percent.
const CHANCE: u8 = 25;

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
/// assert!(said.starts_with("In 67 % of test pieces (chance 25 %) the half second"));
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
    fn the_figures_are_those_of_the_page() {
        let page = include_str!("../../../../docs/accuracy.md");
        for (model, kind, hits) in MEASURED {
            let map = match kind {
                MapKind::Occlusion => "occlusion",
                MapKind::AttentionWeights => "attention weights",
                MapKind::AttentionOverride => "attention override",
                MapKind::Contribution => "contribution to the class",
            };
            let row = format!("| {model} | {map} | another genre | {hits} % |");
            let (_, rest) = page.split_once(&row).unwrap_or_else(|| panic!("no {row}"));
            let chance = rest.split('|').nth(1).unwrap().trim();
            assert_eq!(chance, format!("{CHANCE} %"), "{row}");
        }
    }

    #[test]
    fn several_models_have_a_range_and_one_without_a_figure_leaves_none() {
        let models = ["LSTM", "tcn", "attention"];
        assert_eq!(measured(MapKind::Occlusion, models), Some((66, 88)));
        assert_eq!(measured(MapKind::AttentionWeights, ["attention"]), Some((41, 41)));
        assert_eq!(measured(MapKind::AttentionWeights, models), None);
        assert_eq!(measured(MapKind::Contribution, ["tcn"]), None);
        assert_eq!(measured(MapKind::Occlusion, []), None);
        let said = sentence(MapKind::Occlusion, models);
        assert!(said.is_some_and(|said| said.contains("66 to 88 %")));
    }
}
