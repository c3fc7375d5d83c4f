//! Figures of what was computed of a held moment.

use super::super::Scene;
use super::{Table, back, heading};
use crate::ui::job::Job;
use crate::ui::view_state::ViewState;
use attune_model::genre::GenreId;
use attune_nn::score::ScoreKind;

/// What each class loses without each half second, and what attention forced onto it adds.
pub(super) fn changed(scene: &Scene<'_>) -> Option<Table> {
    let (it, ago) = scene.attribution?.explanation()?;
    let genres = &scene.model_info.genres;
    let ids: Vec<GenreId> = genres.ids().collect();
    let overridden: Vec<_> = ids.iter().filter_map(|id| it.override_effects(*id)).collect();
    let mut first = heading(&["back_from_s", "back_to_s"], "taken_away_", genres);
    if !overridden.is_empty() {
        first.extend(heading(&[], "looked_at_alone_", genres));
    }
    let rows = it.segments.iter().enumerate().map(|(place, segment)| {
        let at = |frame: usize| back(it.frames - frame + ago as usize, scene);
        let lost = ids.iter().map(|id| {
            let whole = it.ensemble.whole.of(*id);
            format!("{:.5}", whole - it.ensemble.without[place].of(*id))
        });
        let gained = overridden
            .iter()
            .map(|class| class[place].map_or(String::new(), |more| format!("{more:.5}")));
        [at(segment.start), at(segment.end)]
            .into_iter()
            .chain(lost)
            .chain(gained)
            .collect()
    });
    Some(std::iter::once(first).chain(rows).collect())
}

/// What each score function weights.
pub(super) fn scores(scene: &Scene<'_>) -> Option<Table> {
    let Job::Done(weighted) = &scene.held?.scores else {
        return None;
    };
    let names = weighted
        .iter()
        .map(|(kind, _): &(ScoreKind, _)| kind.name().replace(' ', "_"));
    let first = std::iter::once("back_s".to_owned()).chain(names).collect();
    let count = weighted.iter().map(|(_, weights)| weights.len()).max()?;
    let rows = (0..count).map(|frame| {
        let weights = weighted.iter().map(|(_, weights)| {
            let weight = (weights.len() + frame)
                .checked_sub(count)
                .and_then(|place| weights.get(place));
            weight.map_or(String::new(), |weight| format!("{weight:.6}"))
        });
        std::iter::once(back(count - 1 - frame, scene)).chain(weights).collect()
    });
    Some(std::iter::once(first).chain(rows).collect())
}

/// The gradient by each frame.
pub(super) fn field(scene: &Scene<'_>) -> Option<Table> {
    let Job::Done(norms) = &scene.held?.field else {
        return None;
    };
    let first = vec!["back_s".to_owned(), "gradient_norm".to_owned()];
    let rows = norms
        .iter()
        .enumerate()
        .map(|(frames, norm)| vec![back(frames, scene), format!("{norm:.6e}")]);
    Some(std::iter::once(first).chain(rows).collect())
}

/// The weight that each frame gives each other one, by the chosen head; a row for each query.
pub(super) fn matrix(scene: &Scene<'_>, view: &ViewState) -> Option<Table> {
    let Job::Done(study) = scene.held?.heads.of(view.heads.chosen?)? else {
        return None;
    };
    let times: Vec<String> = (0..study.frames)
        .map(|frame| back(study.frames - 1 - frame, scene))
        .collect();
    let names = times.iter().map(|time| format!("weight_of_{time}"));
    let first = std::iter::once("asks_back_s".to_owned()).chain(names).collect();
    let rows = (0..study.frames).map(|query| {
        let weights = (0..study.frames).map(|key| {
            let weight = study.weight(query, key);
            weight.map_or(String::new(), |weight| format!("{weight:.6}"))
        });
        std::iter::once(times[query].clone()).chain(weights).collect()
    });
    Some(std::iter::once(first).chain(rows).collect())
}
