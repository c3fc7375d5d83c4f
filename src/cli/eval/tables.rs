//! An evaluation as tables, for a terminal or a page: a row for each model, sections only for the metrics there are.

use super::recall_tables::{focus, recalls};
use super::section::{Section, interval, percent, rounded};
use attune_engine::page;
use attune_model::genre::{GenreId, GenreSet};
use attune_train::evaluate::rejection::ErrorRate;
use attune_train::evaluate::{
    CONFIDENT, ConditionMetrics, Evaluation, Metrics, MetricsAt, ModelMetrics, Times, UnfamiliarMetrics,
};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// Which sections there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contents {
    /// A class of special interest.
    pub(super) focus: Option<GenreId>,
    /// Only the main tables, and of the ensemble alone.
    pub(super) is_brief: bool,
}

/// For a terminal: one below the other.
pub(super) fn of(evaluation: &Evaluation, genres: &GenreSet, contents: Contents) -> String {
    let text = |Section { heading, columns, rows }| {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        format!("{heading}\n\n{}", table(&columns, rows))
    };
    let texts: Vec<String> = sections(evaluation, genres, contents).into_iter().map(text).collect();
    texts.join("\n\n")
}

/// For a page, below a line that says what the answers are of.
pub(super) fn markdown(evaluation: &Evaluation, of: &str, genres: &GenreSet, contents: Contents) -> String {
    let text = |section: Section| {
        let rows = page::table(&section.columns, |column| column == 0, &section.rows);
        format!("{}:\n\n{rows}", section.heading)
    };
    let mut texts = vec![format!("Of {of}; `ensemble`: the mean of their probabilities.\n")];
    texts.extend(sections(evaluation, genres, contents).into_iter().map(text));
    texts.join("\n")
}

/// Those for which there is something.
fn sections(evaluation: &Evaluation, genres: &GenreSet, contents: Contents) -> Vec<Section> {
    let models = &evaluation.models;
    let focus = contents.focus.map(|class| focus(models, class, &genres.title(class)));
    let under_conditions = models.last().filter(|model| !model.conditions.is_empty());
    let mut sections = vec![whole(evaluation.clips, models)];
    if contents.is_brief {
        sections.extend(models.last().map(|ensemble| recalls(ensemble, genres)));
        sections.extend([confident_wrong(models), displayed(models)]);
        sections.extend(evaluation.unfamiliar.as_ref().map(unfamiliar));
        sections.extend(under_conditions.map(conditions_of));
        sections.extend(focus);
        return sections;
    }
    sections.extend([seconds(models), macro_means(models)]);
    sections.extend(models.iter().map(|model| recalls(model, genres)));
    sections.extend([calibration(models), calibration_by_seconds(models)]);
    sections.extend([confident_wrong(models), displayed(models)]);
    if let Some(ensemble) = under_conditions {
        sections.extend([conditions(models), conditions_of(ensemble)]);
    }
    sections.extend(focus);
    if models.iter().any(|model| model.timeline.is_some()) {
        sections.push(timeline(models));
    }
    if models.iter().any(|model| model.changes.is_some()) {
        sections.push(changes(models));
    }
    if !evaluation.rejected_music.is_empty() {
        sections.extend([rejection(evaluation), displayed_states(evaluation)]);
    }
    if let Some(metrics) = &evaluation.unfamiliar {
        sections.push(unfamiliar(metrics));
    }
    if !evaluation.agreement.is_empty() {
        sections.push(agreement(evaluation));
    }
    sections.extend(models.iter().map(|model| confusion(&model.name, &model.whole, genres)));
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

fn whole(clips: usize, models: &[ModelMetrics]) -> Section {
    let groups = models.first().and_then(|model| model.by_group).map(|by| by.groups);
    let row = |model: &ModelMetrics| {
        let (figures, mean) = (&model.whole, &model.recalls.mean);
        let mut cells = vec![
            model.name.clone(),
            percent(figures.accuracy),
            interval(figures.interval95),
        ];
        cells.extend(model.by_group.map(|by| interval(by.interval95)));
        cells.extend([percent(mean.share), interval(mean.interval95)]);
        cells.extend(mean.interval95_by_group.filter(|_| groups.is_some()).map(interval));
        cells
    };
    let mut columns = vec!["model", "right", "95 % interval", "macro mean", "95 % interval"];
    let mut title = format!("{clips} clips");
    if let Some(groups) = groups {
        columns.insert(3, "over groups");
        columns.push("over groups");
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
        let row = |name: &str, cell: &dyn Fn(&MetricsAt) -> String| {
            let mut row = vec![name.to_owned()];
            row.extend(ensemble.at_marks.iter().map(cell));
            row
        };
        rows.push(row("  95 % interval", &|at| rounded(at.metrics.interval95)));
        if ensemble.by_group.is_some() {
            let over_groups = |at: &MetricsAt| at.by_group.map_or("–".to_owned(), |by| rounded(by.interval95));
            rows.push(row("  over groups", &over_groups));
        }
        rows.push(row("  clips", &|at| at.metrics.clips.to_string()));
    }
    Section::new("Accuracy after N seconds", columns, rows)
}

fn macro_means(models: &[ModelMetrics]) -> Section {
    let (columns, rows) = by_seconds(models, |at| percent(at.recalls.mean.share));
    Section::new("Macro mean of recall after N seconds", columns, rows)
}

fn calibration(models: &[ModelMetrics]) -> Section {
    let row = |model: &ModelMetrics| {
        vec![
            model.name.clone(),
            format!("{:.3}", model.whole.nll),
            percent(model.before.ece),
            percent(model.whole.ece),
            percent(model.chance_ece),
            format!("{:.2}", model.temperature),
            format!("{:.2}", model.fitted_temperature),
        ]
    };
    let columns = [
        "model",
        "−ln p",
        "uncalibrated",
        "calibrated",
        "if perfect",
        "temperature",
        "best here",
    ];
    Section::new("Calibration error over whole clips", columns, models.iter().map(row))
}

fn calibration_by_seconds(models: &[ModelMetrics]) -> Section {
    let (mut columns, mut rows) = by_seconds(models, |at| percent(at.metrics.ece));
    columns.push("whole".to_owned());
    for (row, model) in rows.iter_mut().zip(models) {
        row.push(percent(model.whole.ece));
    }
    if let Some(ensemble) = models.last() {
        let mut uncalibrated = vec!["  uncalibrated".to_owned()];
        let mut perfect = vec!["  if perfect".to_owned()];
        for at in &ensemble.at_marks {
            uncalibrated.push(percent(at.before.ece));
            perfect.push(percent(at.chance_ece));
        }
        uncalibrated.push(percent(ensemble.before.ece));
        perfect.push(percent(ensemble.chance_ece));
        rows.extend([uncalibrated, perfect]);
    }
    let heading = "Calibration error after N seconds (below: the ensemble uncalibrated, and a perfect one)";
    Section::new(heading, columns, rows)
}

fn confident_wrong(models: &[ModelMetrics]) -> Section {
    let (mut columns, mut rows) = by_seconds(models, |at| percent(at.metrics.confident_wrong));
    columns.push("whole".to_owned());
    for (row, model) in rows.iter_mut().zip(models) {
        row.push(percent(model.whole.confident_wrong));
    }
    if let Some(share) = models.last().and_then(|ensemble| ensemble.confident_wrong) {
        let mut row_of = |name: &str, of: [f64; 2]| {
            let mut row = vec![name.to_owned()];
            row.resize(columns.len() - 1, String::new());
            row.push(rounded(of));
            rows.push(row);
        };
        row_of("  95 % interval", share.interval95);
        if let Some(by) = share.by_group {
            row_of("  over groups", by.interval95);
        }
    }
    let heading = "Confident wrong answers after N seconds: a wrong genre at 50 % or more";
    Section::new(heading, columns, rows)
}

fn displayed(models: &[ModelMetrics]) -> Section {
    let cell = |metrics: &Metrics| {
        format!(
            "{:.0}/{:.0} %",
            metrics.displayed_wrong * 100.0,
            metrics.displayed * 100.0
        )
    };
    let (mut columns, mut rows) = by_seconds(models, |at| cell(&at.metrics));
    columns.push("whole".to_owned());
    for (row, model) in rows.iter_mut().zip(models) {
        row.push(cell(&model.whole));
    }
    let heading = "Displayed, by the program's rule, after N seconds: a wrong genre / any genre (the others: unsure)";
    Section::new(heading, columns, rows)
}

/// Accuracy of each model under each condition.
fn conditions(models: &[ModelMetrics]) -> Section {
    let mut columns = vec!["condition".to_owned()];
    columns.extend(models.iter().map(|model| model.name.clone()));
    let row = |name: &str, of: &dyn Fn(&ModelMetrics) -> f64| {
        let mut row = vec![name.to_owned()];
        row.extend(models.iter().map(|model| percent(of(model))));
        row
    };
    let mut rows = vec![row("clean", &|model| model.whole.accuracy)];
    for (place, condition) in models[0].conditions.iter().enumerate() {
        rows.push(row(condition.name, &|model| model.conditions[place].metrics.accuracy));
    }
    Section::new("The same clips under other conditions", columns, rows)
}

/// One model's figures under each condition.
fn conditions_of(model: &ModelMetrics) -> Section {
    let has_groups = model.by_group.is_some();
    let over_groups = |by: Option<[f64; 2]>| has_groups.then(|| by.map_or("–".to_owned(), rounded));
    let cells = |name: &str, metrics: &Metrics, groups: Option<[f64; 2]>, mean: f64| {
        let mut row = vec![name.to_owned(), percent(metrics.accuracy)];
        row.extend(over_groups(groups));
        row.extend([percent(mean), percent(metrics.confident_wrong), percent(metrics.ece)]);
        row
    };
    let by_group = model.by_group.map(|by| by.interval95);
    let mut clean = cells("clean", &model.whole, by_group, model.recalls.mean.share);
    clean.push(String::new());
    let row = |condition: &ConditionMetrics| {
        let by_group = condition.by_group.map(|by| by.interval95);
        let mut row = cells(
            condition.name,
            &condition.metrics,
            by_group,
            condition.recalls.mean.share,
        );
        let [low, high] = condition.difference.interval95.map(|share| share * 100.0);
        row.push(format!(
            "{:+.1} ({low:+.0} to {high:+.0})",
            condition.difference.difference * 100.0
        ));
        row
    };
    let mut columns = vec![
        "condition",
        "right",
        "macro mean",
        "confident wrong",
        "calibration",
        "points (95 %)",
    ];
    if has_groups {
        columns.insert(2, "over groups");
    }
    let rows = std::iter::once(clean).chain(model.conditions.iter().map(row));
    Section::new(format!("The {} under these conditions", model.name), columns, rows)
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
            percent(timeline.wrong_at_end),
        ])
    });
    let columns = [
        "model",
        "switches/min",
        "first answer",
        "right from then on",
        "right at the end",
        "wrong at the end",
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
            percent(changes.within_8s),
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
        "within 8 s",
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
        vec![
            label.to_owned(),
            rate.clips.to_string(),
            format!("{} {wrong}", percent(rate.share)),
            interval(rate.interval95),
            percent(rate.genre_time),
        ]
    };
    let music = rejected_music(evaluation).map(|(label, rate)| row(label, "rejected", rate));
    let other = evaluation
        .false_genre
        .iter()
        .map(|(label, rate)| row(&label.replace('_', " "), "got a genre", rate));
    let columns = ["what", "clips", "wrong", "95 % interval", "time with a genre"];
    Section::new("Music and other sounds", columns, music.chain(other))
}

/// Of music: the classes with rejected clips, and the total.
fn rejected_music(evaluation: &Evaluation) -> impl Iterator<Item = (&str, &ErrorRate)> {
    let rates = evaluation
        .rejected_music
        .iter()
        .map(|(label, rate)| (label.as_str(), rate));
    rates.filter(|(label, rate)| *label == "music" || rate.share > 0.0)
}

/// What was displayed for the same clips, by kind of answer.
fn displayed_states(evaluation: &Evaluation) -> Section {
    let rows = rejected_music(evaluation).chain(evaluation.false_genre.iter().map(|(label, rate)| (*label, rate)));
    let rows = rows.map(|(label, rate)| {
        let states = rate.states.iter();
        let states = states.map(|(state, count)| format!("{} {count}", state.replace('_', " ")));
        vec![label.replace('_', " "), states.collect::<Vec<_>>().join(", ")]
    });
    Section::new("Their answers", ["what", "clips by answer"], rows)
}

fn unfamiliar(metrics: &UnfamiliarMetrics) -> Section {
    let rows = [
        ("of the models' classes", &metrics.known),
        ("of no class", &metrics.unfamiliar),
    ];
    let rows = rows
        .into_iter()
        .filter(|(_, called)| called.clips > 0)
        .map(|(what, called)| {
            vec![
                what.to_owned(),
                called.clips.to_string(),
                called.with_familiarity.to_string(),
                percent(called.share),
                interval(called.interval95),
                percent(called.median_familiarity),
                format!(
                    "{:.1} → {:.1} %",
                    called.confident_wrong_without * 100.0,
                    called.confident_wrong * 100.0
                ),
            ]
        });
    let columns = [
        "music",
        "clips",
        "with one",
        "unfamiliar",
        "95 % interval",
        "median",
        "confident wrong",
    ];
    let area = metrics
        .auroc
        .map_or(String::new(), |auroc| format!(": AUROC {auroc:.3}"));
    let heading = format!(
        "Familiarity{area}; confident wrong (a genre with {:.0} % or more) without → with the rule",
        CONFIDENT * 100.0
    );
    Section::new(heading, columns, rows)
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
