//! An evaluation as tables, for a terminal or a page: a row for each model, sections only for the metrics there are.

use attune_engine::page;
use attune_model::genre::GenreSet;
use attune_model::{LoadedModel, Manifest, ModelSet};
use attune_train::evaluate::rejection::ErrorRate;
use attune_train::evaluate::{Evaluation, Metrics, MetricsAt, ModelMetrics, Times};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// A heading and its table.
struct Section {
    heading: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Section {
    fn new<H: Into<String>>(
        heading: impl Into<String>,
        columns: impl IntoIterator<Item = H>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self {
            heading: heading.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().collect(),
        }
    }
}

/// For a terminal: one below the other.
pub(super) fn of(evaluation: &Evaluation, genres: &GenreSet) -> String {
    let text = |Section { heading, columns, rows }| {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        format!("{heading}\n\n{}", table(&columns, rows))
    };
    let texts: Vec<String> = sections(evaluation, genres).into_iter().map(text).collect();
    texts.join("\n\n")
}

/// For a page.
pub(super) fn markdown(evaluation: &Evaluation, models: &ModelSet) -> String {
    let text = |section: Section| {
        let rows = page::table(&section.columns, |column| column == 0, &section.rows);
        format!("{}:\n\n{rows}", section.heading)
    };
    let model = |model: &LoadedModel| {
        let Manifest {
            name, weights_sha256, ..
        } = model.manifest();
        format!("{name} (weights {}…)", &weights_sha256[..8])
    };
    let named: Vec<String> = models.models.iter().map(model).collect();
    let mut texts = vec![format!(
        "Of {}; `ensemble`: the mean of their probabilities.\n",
        named.join(", ")
    )];
    texts.extend(sections(evaluation, &models.genres).into_iter().map(text));
    texts.join("\n")
}

/// Those for which there is something.
fn sections(evaluation: &Evaluation, genres: &GenreSet) -> Vec<Section> {
    let models = &evaluation.models;
    let mut sections = vec![whole(evaluation.clips, models), seconds(models), calibration(models)];
    if models.iter().any(|model| !model.conditions.is_empty()) {
        sections.push(conditions(models));
    }
    if models.iter().any(|model| model.timeline.is_some()) {
        sections.push(timeline(models));
    }
    if models.iter().any(|model| model.changes.is_some()) {
        sections.push(changes(models));
    }
    if !evaluation.rejected_music.is_empty() {
        sections.push(rejection(evaluation));
    }
    if !evaluation.agreement.is_empty() {
        sections.push(agreement(evaluation));
    }
    if let Some(ensemble) = models.last() {
        sections.push(confusion(&ensemble.name, &ensemble.whole, genres));
    }
    sections
}

/// A table with its first column left-aligned and all others right-aligned.
pub(in crate::cli) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(heading.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn interval([low, high]: [f64; 2]) -> String {
    format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)
}

fn whole(clips: usize, models: &[ModelMetrics]) -> Section {
    let groups = models.first().and_then(|model| model.by_group).map(|by| by.groups);
    let row = |model: &ModelMetrics| {
        let figures = &model.whole;
        let mut cells = vec![
            model.name.clone(),
            percent(figures.accuracy),
            interval(figures.interval95),
            percent(figures.macro_accuracy),
            format!("{:.3}", figures.nll),
            percent(figures.ece),
            format!("{:.2}", model.temperature),
            format!("{:.2}", model.fitted_temperature),
        ];
        if let Some(by) = model.by_group {
            cells.insert(3, interval(by.interval95));
        }
        cells
    };
    let mut columns = vec![
        "model",
        "right",
        "95 % interval",
        "mean of classes",
        "−ln p",
        "calibration error",
        "temperature",
        "best here",
    ];
    let mut title = format!("{clips} clips");
    if let Some(groups) = groups {
        columns.insert(3, "over groups");
        let _ = write!(title, " of {groups} groups");
    }
    Section::new(title, columns, models.iter().map(row))
}

/// One column for each mark, one row for each model.
fn by_seconds(models: &[ModelMetrics], cell: impl Fn(&MetricsAt) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let mut heading = vec!["model".to_owned()];
    let all = models.iter().map(|model| &model.at_marks).max_by_key(|all| all.len());
    heading.extend(all.into_iter().flatten().map(|at| format!("{} s", at.seconds)));
    let row = |model: &ModelMetrics| {
        let mut row = vec![model.name.clone()];
        row.extend(model.at_marks.iter().map(&cell));
        row
    };
    (heading, models.iter().map(row).collect())
}

fn seconds(models: &[ModelMetrics]) -> Section {
    let (columns, mut rows) = by_seconds(models, |at| percent(at.metrics.accuracy));
    if let Some(ensemble) = models.last() {
        let rounded = |[low, high]: [f64; 2]| format!("{:.0}–{:.0} %", low * 100.0, high * 100.0);
        let mut intervals = vec!["  95 % interval".to_owned()];
        let mut clips = vec!["  clips".to_owned()];
        for at in &ensemble.at_marks {
            intervals.push(rounded(at.metrics.interval95));
            clips.push(at.metrics.clips.to_string());
        }
        rows.extend([intervals, clips]);
    }
    Section::new("Accuracy after N seconds", columns, rows)
}

fn calibration(models: &[ModelMetrics]) -> Section {
    let arrow = |before: f64, after: f64| format!("{:.0} → {:.1} %", before * 100.0, after * 100.0);
    let (mut columns, mut rows) = by_seconds(models, |at| arrow(at.before.ece, at.metrics.ece));
    columns.push("whole".to_owned());
    for (row, model) in rows.iter_mut().zip(models) {
        row.push(arrow(model.before.ece, model.whole.ece));
    }
    if let Some(ensemble) = models.last() {
        let mut row = vec!["  if perfectly calibrated".to_owned()];
        row.extend(ensemble.at_marks.iter().map(|at| percent(at.chance_ece)));
        row.push(percent(ensemble.chance_ece));
        rows.push(row);
    }
    let heading = "Calibration error after N seconds, uncalibrated → calibrated";
    Section::new(heading, columns, rows)
}

fn conditions(models: &[ModelMetrics]) -> Section {
    let names = models[0].conditions.iter().map(|condition| condition.name);
    let columns = ["model", "clean"].into_iter().chain(names);
    let row = |model: &ModelMetrics| {
        let mut row = vec![model.name.clone(), percent(model.whole.accuracy)];
        row.extend(model.conditions.iter().map(|condition| {
            let paired = &condition.difference;
            let [low, high] = paired.interval95.map(|share| share * 100.0);
            format!(
                "{}  ({:+.1}, {low:+.1} to {high:+.1})",
                percent(condition.metrics.accuracy),
                paired.difference * 100.0
            )
        }));
        row
    };
    let heading = "The same clips under other conditions (difference from clean, its 95 % interval)";
    Section::new(heading, columns, models.iter().map(row))
}

/// Median and 90th percentile; a dash for never.
fn times(times: &Times) -> String {
    let secs = |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{time:.1} s"));
    format!("{}, {}", secs(times.median), secs(times.p90))
}

fn timeline(models: &[ModelMetrics]) -> Section {
    let rows = models.iter().filter_map(|model| {
        let timeline = model.timeline.as_ref()?;
        Some(vec![
            model.name.clone(),
            format!("{:.2}", timeline.switches_per_minute),
            times(&timeline.first_s),
            times(&timeline.stable_right_s),
            percent(timeline.right_at_end),
        ])
    });
    let columns = [
        "model",
        "switches a minute",
        "first answer",
        "right from then on",
        "right at the end",
    ];
    let heading = "The displayed answer while a clip plays (median, 90th percentile; –: never)";
    Section::new(heading, columns, rows)
}

fn changes(models: &[ModelMetrics]) -> Section {
    let rows = models.iter().filter_map(|model| {
        let changes = model.changes.as_ref()?;
        Some(vec![
            model.name.clone(),
            times(&changes.delay_s),
            percent(changes.delay_s.never),
            times(&changes.delay_of_known_s),
            percent(changes.delay_of_known_s.never),
            format!("{:.2}", changes.switches_per_minute),
            format!("{} of {}", changes.too_early, changes.pairs),
        ])
    });
    let columns = [
        "model",
        "delay",
        "never in 15 s",
        "if recognised alone",
        "never",
        "switches a minute",
        "displayed too early",
    ];
    let heading = "From a change of genre until the new one is displayed (median, 90th percentile; –: never)";
    Section::new(heading, columns, rows)
}

fn rejection(evaluation: &Evaluation) -> Section {
    let row = |label: &str, wrong: &str, rate: &ErrorRate| {
        let states: Vec<String> = rate
            .states
            .iter()
            .map(|(state, count)| format!("{} {count}", state.replace('_', " ")))
            .collect();
        vec![
            label.to_owned(),
            rate.clips.to_string(),
            format!("{} {wrong}", percent(rate.share)),
            interval(rate.interval95),
            percent(rate.genre_time),
            states.join(", "),
        ]
    };
    // Of music: the classes with rejected clips, and the total.
    let music = evaluation
        .rejected_music
        .iter()
        .filter(|(label, rate)| label == "music" || rate.share > 0.0)
        .map(|(label, rate)| row(label, "rejected", rate));
    let other = evaluation
        .false_genre
        .iter()
        .map(|(label, rate)| row(&label.replace('_', " "), "got a genre", rate));
    let columns = [
        "what",
        "clips",
        "wrong",
        "95 % interval",
        "time with a genre",
        "answers",
    ];
    Section::new("Music and other sounds", columns, music.chain(other))
}

fn agreement(evaluation: &Evaluation) -> Section {
    let rows = evaluation
        .agreement
        .iter()
        .map(|pair| vec![pair.models.join(" and "), percent(pair.share)]);
    Section::new("Models that give the same answer", ["models", "of clips"], rows)
}

fn confusion(name: &str, figures: &Metrics, genres: &GenreSet) -> Section {
    let mut columns = vec!["truth \\ answer"];
    columns.extend(genres.labels().iter().map(String::as_str));
    columns.push("right");
    let rows = genres.ids().zip(figures.per_class()).map(|(id, share)| {
        let mut cells = vec![genres.label(id).to_owned()];
        cells.extend(figures.confusion[usize::from(id.0)].iter().map(|&count| match count {
            0 => "·".to_owned(),
            count => count.to_string(),
        }));
        cells.push(share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0)));
        cells
    });
    Section::new(format!("Confusion of the {name}"), columns, rows)
}
