//! Recall of each genre against seconds, and of one genre under every condition.
//!
//! In: metrics. Out: [`Section`]s. Thread: any.

use super::section::{Section, percent, rounded};
use attune_model::genre::{GenreId, GenreSet};
use attune_train::evaluate::{Metrics, ModelMetrics, PairedDifference, Recalls, Share};

/// A share in whole percent without the sign, so that a row fits.
fn whole_percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.0}", share * 100.0))
}

/// An interval in whole percent without the sign.
fn narrow([low, high]: [f64; 2]) -> String {
    format!("{:.0}–{:.0}", low * 100.0, high * 100.0)
}

fn points(difference: Option<PairedDifference>) -> String {
    difference.map_or("–".to_owned(), |paired| format!("{:+.0}", paired.difference * 100.0))
}

/// A row for each genre, a column for each number of seconds; below, their mean and all clips.
pub(super) fn recalls(model: &ModelMetrics, genres: &GenreSet) -> Section {
    let has_groups = model.by_group.is_some();
    let mut columns = vec!["genre".to_owned(), "clips".to_owned()];
    columns.extend(model.at_marks.iter().map(|at| format!("{} s", at.seconds)));
    columns.push("whole".to_owned());
    columns.push("95 %".to_owned());
    if has_groups {
        columns.insert(2, "groups".to_owned());
        columns.push("by group".to_owned());
    }
    columns.extend(model.rise.as_ref().map(|rise| format!("{} → {} s", rise.from, rise.to)));
    let row = |name: &str, whole: &Share, at: Vec<Option<f64>>, rise: Option<PairedDifference>| {
        let mut row = vec![name.to_owned(), whole.clips.to_string()];
        if has_groups {
            row.push(whole.groups.map_or("–".to_owned(), |groups| groups.to_string()));
        }
        row.extend(at.into_iter().map(whole_percent));
        row.extend([whole_percent(Some(whole.share)), narrow(whole.interval95)]);
        if has_groups {
            row.push(whole.by_group.map_or("–".to_owned(), |by| narrow(by.interval95)));
        }
        row.extend(model.rise.as_ref().map(|_| points(rise)));
        row
    };
    let mut rows: Vec<Vec<String>> = genres
        .ids()
        .filter_map(|id| {
            let class = usize::from(id.0);
            let whole = model.recalls.per_class[class]?;
            let at = model.at_marks.iter();
            let at = at.map(|at| at.recalls.per_class[class].map(|one| one.share)).collect();
            let rise = model.rise.as_ref().and_then(|rise| rise.per_class[class]);
            Some(row(genres.label(id), &whole, at, rise))
        })
        .collect();
    rows.push(row(
        "all clips",
        &Share {
            clips: model.whole.clips,
            share: model.whole.accuracy,
            interval95: model.whole.interval95,
            groups: model.by_group.map(|by| by.groups),
            by_group: model.by_group,
        },
        model.at_marks.iter().map(|at| Some(at.metrics.accuracy)).collect(),
        model.rise.as_ref().map(|rise| rise.all),
    ));
    Section::new(format!("Recall after N seconds, in %: {}", model.name), columns, rows)
}

/// Recall of one class, and the share of all others taken for it, for each model and condition.
pub(super) fn focus(models: &[ModelMetrics], class: GenreId, title: &str) -> Section {
    let cell = |metrics: &Metrics, recalls: &Recalls| {
        let recall = recalls.per_class[usize::from(class.0)].map(|one| one.share);
        let taken = metrics.taken_for(class);
        format!("{} / {}", whole_percent(recall), taken.map_or("–".to_owned(), percent))
    };
    let mut columns = vec!["condition".to_owned()];
    columns.extend(models.iter().map(|model| model.name.clone()));
    let row = |name: &str, of: &dyn Fn(&ModelMetrics) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(models.iter().map(of));
        row
    };
    let mut rows = vec![row("clean", &|model| cell(&model.whole, &model.recalls))];
    for (place, condition) in models[0].conditions.iter().enumerate() {
        let of = |model: &ModelMetrics| cell(&model.conditions[place].metrics, &model.conditions[place].recalls);
        rows.push(row(condition.name, &of));
    }
    if let Some(share) = models
        .last()
        .and_then(|ensemble| ensemble.recalls.per_class[usize::from(class.0)])
    {
        let by_group = share.by_group.map_or("–".to_owned(), |by| rounded(by.interval95));
        let mut row = vec![format!("  recall, 95 % ({} clips; over groups)", share.clips)];
        row.resize(columns.len() - 1, String::new());
        row.push(format!("{}; {by_group}", rounded(share.interval95)));
        rows.push(row);
    }
    Section::new(
        format!("{title}: recall / share of other genres taken for it, in %"),
        columns,
        rows,
    )
}
