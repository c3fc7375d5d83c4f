//! An evaluation as pictures: accuracy against seconds, reliability, confusion, conditions.

use super::evaluation::{Evaluation, ModelMetrics};
use super::metrics::wilson;
use attune_engine::picture::{Axis, Chart, Grid, Ink, Mark, Panel, Scale, Sheet};
use attune_model::genre::{GenreId, GenreSet};

/// A sheet and the name of its file.
pub(crate) type NamedSheet = (&'static str, Sheet);

/// All pictures that there are metrics for.
pub fn sheets(evaluation: &Evaluation, genres: &GenreSet) -> Vec<NamedSheet> {
    let mut sheets = vec![
        ("reliability.svg", reliability(evaluation)),
        ("confusion.svg", confusion(evaluation, genres)),
    ];
    if evaluation.models.iter().any(|model| model.at_marks.len() > 1) {
        sheets.insert(0, ("seconds.svg", seconds(evaluation)));
        sheets.insert(1, ("recall.svg", recalls(evaluation, genres)));
    }
    if evaluation.models.iter().any(|model| !model.conditions.is_empty()) {
        sheets.push(("conditions.svg", conditions(evaluation)));
    }
    sheets
}

/// The colour of a model; the ensemble comes last.
fn ink(models: &[ModelMetrics], place: usize) -> Ink {
    if place + 1 == models.len() {
        Ink::Strong
    } else {
        Ink::Series(place)
    }
}

fn seconds_axis(model: &ModelMetrics) -> Axis {
    let marks: Vec<f64> = model.at_marks.iter().map(|moment| moment.seconds).collect();
    Axis::ratios("seconds of audio", &marks)
}

/// One panel for each model, the others as threads behind it.
fn seconds(evaluation: &Evaluation) -> Sheet {
    let models = &evaluation.models;
    let line = |model: &ModelMetrics| -> Vec<(f64, f64)> {
        let points = model.at_marks.iter();
        points.map(|moment| (moment.seconds, moment.metrics.accuracy)).collect()
    };
    let panel = |(place, model): (usize, &ModelMetrics)| {
        let ink = ink(models, place);
        let band = model.at_marks.iter().map(|moment| {
            let [low, high] = moment.metrics.interval95;
            (moment.seconds, low, high)
        });
        let mut marks = vec![Mark::Band(ink, band.collect())];
        let others = models.iter().filter(|other| other.name != model.name);
        marks.extend(others.map(|other| Mark::Thread(Ink::Faint, line(other))));
        marks.push(Mark::Line(ink, line(model)));
        Panel::Chart(Chart {
            title: model.name.clone(),
            x: seconds_axis(model),
            y: Axis::shares("clips answered right"),
            marks,
            legend: vec![
                (ink, format!("{} and its 95 % interval", model.name)),
                (Ink::Faint, "the others".to_owned()),
            ],
        })
    };
    Sheet {
        title: "Accuracy against seconds of audio".to_owned(),
        panels: models.iter().enumerate().map(panel).collect(),
    }
}

/// One panel for each class that has clips: the ensemble's recall with its interval, over groups if there are any, and
/// the models behind it.
fn recalls(evaluation: &Evaluation, genres: &GenreSet) -> Sheet {
    let line = |model: &ModelMetrics, class: usize| -> Vec<(f64, f64)> {
        let at_marks = model.at_marks.iter();
        at_marks
            .filter_map(|at| Some((at.seconds, at.recalls.per_class[class]?.share)))
            .collect()
    };
    let panel = |id: GenreId| {
        let class = usize::from(id.0);
        let (ensemble, models) = evaluation.models.split_last()?;
        let clips = ensemble.recalls.per_class[class]?.clips;
        let band = ensemble.at_marks.iter().filter_map(|at| {
            let share = at.recalls.per_class[class]?;
            let [low, high] = share.by_group.map_or(share.interval95, |by| by.interval95);
            Some((at.seconds, low, high))
        });
        let mut marks = vec![Mark::Band(Ink::Strong, band.collect())];
        marks.extend(models.iter().map(|model| Mark::Thread(Ink::Faint, line(model, class))));
        marks.push(Mark::Line(Ink::Strong, line(ensemble, class)));
        Some(Panel::Chart(Chart {
            title: format!("{}: {clips} clips", genres.title(id)),
            x: seconds_axis(ensemble),
            y: Axis::shares("recall"),
            marks,
            legend: vec![
                (Ink::Strong, format!("{} and its 95 % interval", ensemble.name)),
                (Ink::Faint, "its models".to_owned()),
            ],
        }))
    };
    Sheet {
        title: "Recall of each genre against seconds of audio".to_owned(),
        panels: genres.ids().filter_map(panel).collect(),
    }
}

/// Confidence against accuracy for each model; then the calibration error over time.
fn reliability(evaluation: &Evaluation) -> Sheet {
    let models = &evaluation.models;
    let panel = |(place, model): (usize, &ModelMetrics)| {
        let ink = ink(models, place);
        let dots = |bins: &[super::Bin]| -> Vec<(f64, f64, f64)> {
            let full = bins.iter().filter(|bin| bin.count > 0);
            full.map(|bin| (bin.confidence, bin.accuracy, 1.5 + (bin.count as f64).sqrt()))
                .collect()
        };
        let whiskers = model.whole.bins.iter().filter(|bin| bin.count > 0).map(|bin| {
            let [low, high] = wilson(bin.accuracy, bin.count as f64);
            (bin.confidence, low, high)
        });
        Panel::Chart(Chart {
            title: format!(
                "{}: calibration error {:.1} % ({:.1} % at temperature 1)",
                model.name,
                model.whole.ece * 100.0,
                model.before.ece * 100.0
            ),
            x: Axis::shares("how sure"),
            y: Axis::shares("clips answered right"),
            marks: vec![
                Mark::Rule((0.0, 0.0), (1.0, 1.0)),
                Mark::Dots(Ink::Faint, dots(&model.before.bins)),
                Mark::Whiskers(ink, whiskers.collect()),
                Mark::Dots(ink, dots(&model.whole.bins)),
            ],
            legend: vec![
                (ink, "as given, 95 % interval".to_owned()),
                (Ink::Faint, "at temperature 1".to_owned()),
            ],
        })
    };
    let mut panels: Vec<Panel> = models.iter().enumerate().map(panel).collect();
    if models.iter().any(|model| model.at_marks.len() > 1) {
        panels.push(Panel::Chart(error_against_seconds(models)));
    }
    Sheet {
        title: "Reliability: how sure and how often right".to_owned(),
        panels,
    }
}

fn error_against_seconds(models: &[ModelMetrics]) -> Chart {
    let most = models
        .iter()
        .flat_map(|model| &model.at_marks)
        .map(|moment| moment.metrics.ece)
        .fold(0.05, f64::max);
    let step = if most > 0.2 { 0.1 } else { 0.05 };
    let steps = (most / step).ceil() as usize;
    let line = |(place, model): (usize, &ModelMetrics)| {
        let points = model.at_marks.iter().map(|moment| (moment.seconds, moment.metrics.ece));
        Mark::Line(ink(models, place), points.collect())
    };
    let mut marks: Vec<Mark> = models.iter().enumerate().map(line).collect();
    let mut entries = legend(models);
    if let Some(ensemble) = models.last() {
        let chance = ensemble
            .at_marks
            .iter()
            .map(|moment| (moment.seconds, moment.chance_ece));
        marks.insert(0, Mark::Line(Ink::Faint, chance.collect()));
        entries.push((Ink::Faint, format!("{} if perfectly calibrated", ensemble.name)));
    }
    Chart {
        title: "Calibration error against seconds of audio".to_owned(),
        x: seconds_axis(&models[0]),
        y: Axis {
            label: "expected calibration error".to_owned(),
            scale: Scale::Linear,
            least: 0.0,
            most: steps as f64 * step,
            ticks: (0..=steps)
                .map(|n| (n as f64 * step, format!("{:.0} %", n as f64 * step * 100.0)))
                .collect(),
        },
        marks,
        legend: entries,
    }
}

fn legend(models: &[ModelMetrics]) -> Vec<(Ink, String)> {
    let entries = models.iter().enumerate();
    entries
        .map(|(place, model)| (ink(models, place), model.name.clone()))
        .collect()
}

fn confusion(evaluation: &Evaluation, genres: &GenreSet) -> Sheet {
    let panel = |model: &ModelMetrics| {
        Panel::Grid(Grid {
            title: format!("{}: {:.1} % right", model.name, model.whole.accuracy * 100.0),
            note: "rows: true class; columns: answer".to_owned(),
            names: genres.labels().to_vec(),
            counts: model.whole.confusion.clone(),
        })
    };
    Sheet {
        title: "Confusion".to_owned(),
        panels: evaluation.models.iter().map(panel).collect(),
    }
}

/// Groups of bars: the clips as they are, then each condition.
fn conditions(evaluation: &Evaluation) -> Sheet {
    const GROUP: f64 = 0.8;
    let models = &evaluation.models;
    let width = GROUP / models.len() as f64;
    let mut marks = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let all = std::iter::once(&model.whole).chain(model.conditions.iter().map(|condition| &condition.metrics));
        let (mut bars, mut whiskers) = (Vec::new(), Vec::new());
        for (group, metrics) in all.enumerate() {
            let from = group as f64 - GROUP / 2.0 + place as f64 * width;
            bars.push((from + 0.01, from + width - 0.01, metrics.accuracy));
            let [low, high] = metrics.interval95;
            whiskers.push((from + width / 2.0, low, high));
        }
        let whisker_ink = if place + 1 == models.len() {
            Ink::Faint
        } else {
            Ink::Strong
        };
        marks.push(Mark::Bars(ink(models, place), bars));
        marks.push(Mark::Whiskers(whisker_ink, whiskers));
    }
    let names = models[0].conditions.iter().map(|condition| condition.name);
    Sheet {
        title: "Accuracy under other conditions".to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: "The same clips under other conditions".to_owned(),
            x: Axis::places("with 95 % intervals", std::iter::once("clean").chain(names)),
            y: Axis::shares("clips answered right"),
            marks,
            legend: legend(models),
        })],
    }
}
