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

/// A figure: model, map, hits, and what a map without any knowledge reaches in the same pieces, both in percent.
type Figure = (&'static str, MapKind, u8, u8);

/// What is not listed was not measured. LSTM and TCN: passages of 2 s in the last 5.5 s of 300 pieces. Attention:
/// `attune explain --planted --examples 100`, among other music (models/EXPERIMENTS.md).
const MEASURED: [Figure; 6] = [
    ("lstm", MapKind::Occlusion, 77, 35),
    ("tcn", MapKind::Occlusion, 83, 35),
    ("attention", MapKind::Occlusion, 86, 25),
    ("attention", MapKind::AttentionOverride, 87, 25),
    ("attention", MapKind::AttentionWeights, 38, 25),
    ("attention", MapKind::Contribution, 86, 25),
];

/// The fewest and the most hits of such maps of these models, and chance, in percent; `None` if there are none, that of
/// any of them was not measured, or they were measured by different pieces.
fn measured<'a>(kind: MapKind, models: impl IntoIterator<Item = &'a str>) -> Option<(u8, u8, u8)> {
    let of = |model: &str| {
        let mut rows = MEASURED.iter();
        let row = rows.find(|(name, of, ..)| *of == kind && name.eq_ignore_ascii_case(model));
        row.map(|(.., hits, chance)| (*hits, *chance))
    };
    let figures: Option<Vec<(u8, u8)>> = models.into_iter().map(of).collect();
    let figures = figures?;
    let (_, chance) = *figures.first()?;
    let are_alike = figures.iter().all(|(_, other)| *other == chance);
    let hits = || figures.iter().map(|(hits, _)| *hits);
    are_alike.then_some((hits().min()?, hits().max()?, chance))
}

/// A sentence: how often the highest half second of such a map of these models lay in the passage that carries the
/// class, in test pieces; `None` if that was not measured.
///
/// ```
/// use attune_engine::explain::trust::{MapKind, sentence};
/// let said = sentence(MapKind::Occlusion, ["tcn"]).unwrap_or_default();
/// assert!(said.starts_with("In ") && said.contains(" % of test pieces (chance "));
/// assert_eq!(sentence(MapKind::Occlusion, ["a model of one's own"]), None);
/// ```
pub fn sentence<'a>(kind: MapKind, models: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let (least, most, chance) = measured(kind, models)?;
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
        "In {hits} of test pieces (chance {chance} %) {map} lay in the passage that carries the class."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_models_have_a_range_and_one_without_a_figure_leaves_none() {
        let models = ["LSTM", "tcn", "attention"];
        let all = measured(MapKind::Occlusion, models).unwrap();
        let one = |model| measured(MapKind::Occlusion, [model]).unwrap();
        let each = models.map(|model| one(model).0);
        assert_eq!(Some(all.0), each.iter().min().copied());
        assert_eq!(Some(all.1), each.iter().max().copied());
        assert_eq!(all.2, one("tcn").2);
        assert!(measured(MapKind::AttentionWeights, ["attention"]).is_some());
        assert_eq!(measured(MapKind::AttentionWeights, models), None);
        assert_eq!(measured(MapKind::Contribution, ["tcn"]), None);
        assert_eq!(measured(MapKind::Occlusion, []), None);
        let said = sentence(MapKind::Occlusion, models);
        let range = format!("{} to {} %", all.0, all.1);
        assert!(said.is_some_and(|said| said.contains(&range)));
    }
}
