//! An evaluation as pictures: accuracy against seconds, reliability, confusion, conditions.

use super::evaluation::{EngineFigures, Evaluation};
use super::figures::wilson;
use attune_engine::picture::{Axis, Chart, Grid, Ink, Mark, Panel, Scale, Sheet};
use attune_model::genre::GenreSet;

/// A sheet and the name of its file.
pub type NamedSheet = (&'static str, Sheet);

/// All pictures that there are figures for.
pub fn sheets(evaluation: &Evaluation, genres: &GenreSet) -> Vec<NamedSheet> {
    let mut sheets = vec![
        ("reliability.svg", reliability(evaluation)),
        ("confusion.svg", confusion(evaluation, genres)),
    ];
    if evaluation.engines.iter().any(|engine| engine.moments.len() > 1) {
        sheets.insert(0, ("seconds.svg", seconds(evaluation)));
    }
    if evaluation.engines.iter().any(|engine| !engine.conditions.is_empty()) {
        sheets.push(("conditions.svg", conditions(evaluation)));
    }
    sheets
}

/// The colour of an engine; what stands last is the ensemble.
fn ink(engines: &[EngineFigures], place: usize) -> Ink {
    if place + 1 == engines.len() {
        Ink::Strong
    } else {
        Ink::Series(place)
    }
}

fn seconds_axis(engine: &EngineFigures) -> Axis {
    let marks: Vec<f64> = engine.moments.iter().map(|moment| moment.seconds).collect();
    Axis::ratios("seconds heard", &marks)
}

/// One panel for each engine, the others as threads behind it.
fn seconds(evaluation: &Evaluation) -> Sheet {
    let engines = &evaluation.engines;
    let line = |engine: &EngineFigures| -> Vec<(f64, f64)> {
        let points = engine.moments.iter();
        points.map(|moment| (moment.seconds, moment.figures.accuracy)).collect()
    };
    let panel = |(place, engine): (usize, &EngineFigures)| {
        let ink = ink(engines, place);
        let band = engine.moments.iter().map(|moment| {
            let [low, high] = moment.figures.interval95;
            (moment.seconds, low, high)
        });
        let mut marks = vec![Mark::Band(ink, band.collect())];
        let others = engines.iter().filter(|other| other.name != engine.name);
        marks.extend(others.map(|other| Mark::Thread(Ink::Faint, line(other))));
        marks.push(Mark::Line(ink, line(engine)));
        Panel::Chart(Chart {
            title: engine.name.clone(),
            x: seconds_axis(engine),
            y: Axis::shares("clips answered right"),
            marks,
            legend: vec![
                (ink, format!("{} and its 95 % interval", engine.name)),
                (Ink::Faint, "the others".to_owned()),
            ],
        })
    };
    Sheet {
        title: "Accuracy against seconds heard".to_owned(),
        panels: engines.iter().enumerate().map(panel).collect(),
    }
}

/// How sure and how often right, for each engine; then the calibration error against seconds.
fn reliability(evaluation: &Evaluation) -> Sheet {
    let engines = &evaluation.engines;
    let panel = |(place, engine): (usize, &EngineFigures)| {
        let ink = ink(engines, place);
        let dots = |bins: &[super::Bin]| -> Vec<(f64, f64, f64)> {
            let full = bins.iter().filter(|bin| bin.count > 0);
            full.map(|bin| (bin.confidence, bin.accuracy, 1.5 + (bin.count as f64).sqrt()))
                .collect()
        };
        let whiskers = engine.whole.bins.iter().filter(|bin| bin.count > 0).map(|bin| {
            let [low, high] = wilson(bin.accuracy, bin.count as f64);
            (bin.confidence, low, high)
        });
        Panel::Chart(Chart {
            title: format!(
                "{}: calibration error {:.1} % ({:.1} % at temperature 1)",
                engine.name,
                engine.whole.ece * 100.0,
                engine.before.ece * 100.0
            ),
            x: Axis::shares("how sure"),
            y: Axis::shares("clips answered right"),
            marks: vec![
                Mark::Rule((0.0, 0.0), (1.0, 1.0)),
                Mark::Dots(Ink::Faint, dots(&engine.before.bins)),
                Mark::Whiskers(ink, whiskers.collect()),
                Mark::Dots(ink, dots(&engine.whole.bins)),
            ],
            legend: vec![
                (ink, "as given, 95 % interval".to_owned()),
                (Ink::Faint, "at temperature 1".to_owned()),
            ],
        })
    };
    let mut panels: Vec<Panel> = engines.iter().enumerate().map(panel).collect();
    if engines.iter().any(|engine| engine.moments.len() > 1) {
        panels.push(Panel::Chart(error_against_seconds(engines)));
    }
    Sheet {
        title: "Reliability: how sure and how often right".to_owned(),
        panels,
    }
}

fn error_against_seconds(engines: &[EngineFigures]) -> Chart {
    let most = engines
        .iter()
        .flat_map(|engine| &engine.moments)
        .map(|moment| moment.figures.ece)
        .fold(0.05, f64::max);
    let step = if most > 0.2 { 0.1 } else { 0.05 };
    let steps = (most / step).ceil() as usize;
    let line = |(place, engine): (usize, &EngineFigures)| {
        let points = engine.moments.iter().map(|moment| (moment.seconds, moment.figures.ece));
        Mark::Line(ink(engines, place), points.collect())
    };
    let mut marks: Vec<Mark> = engines.iter().enumerate().map(line).collect();
    let mut entries = legend(engines);
    if let Some(ensemble) = engines.last() {
        let chance = ensemble
            .moments
            .iter()
            .map(|moment| (moment.seconds, moment.chance_ece));
        marks.insert(0, Mark::Line(Ink::Faint, chance.collect()));
        entries.push((
            Ink::Faint,
            format!("honest answers of the {}, by chance", ensemble.name),
        ));
    }
    Chart {
        title: "Calibration error against seconds".to_owned(),
        x: seconds_axis(&engines[0]),
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

fn legend(engines: &[EngineFigures]) -> Vec<(Ink, String)> {
    let entries = engines.iter().enumerate();
    entries
        .map(|(place, engine)| (ink(engines, place), engine.name.clone()))
        .collect()
}

fn confusion(evaluation: &Evaluation, genres: &GenreSet) -> Sheet {
    let panel = |engine: &EngineFigures| {
        Panel::Grid(Grid {
            title: format!("{}: {:.1} % right", engine.name, engine.whole.accuracy * 100.0),
            note: "rows: what it is; columns: what was answered".to_owned(),
            names: genres.labels().to_vec(),
            counts: engine.whole.confusion.clone(),
        })
    };
    Sheet {
        title: "Confusion".to_owned(),
        panels: evaluation.engines.iter().map(panel).collect(),
    }
}

/// Groups of bars: the clips as they are, then each condition.
fn conditions(evaluation: &Evaluation) -> Sheet {
    const GROUP: f64 = 0.8;
    let engines = &evaluation.engines;
    let width = GROUP / engines.len() as f64;
    let mut marks = Vec::new();
    for (place, engine) in engines.iter().enumerate() {
        let all = std::iter::once(&engine.whole).chain(engine.conditions.iter().map(|condition| &condition.figures));
        let (mut bars, mut whiskers) = (Vec::new(), Vec::new());
        for (group, figures) in all.enumerate() {
            let from = group as f64 - GROUP / 2.0 + place as f64 * width;
            bars.push((from + 0.01, from + width - 0.01, figures.accuracy));
            let [low, high] = figures.interval95;
            whiskers.push((from + width / 2.0, low, high));
        }
        let whisker_ink = if place + 1 == engines.len() {
            Ink::Faint
        } else {
            Ink::Strong
        };
        marks.push(Mark::Bars(ink(engines, place), bars));
        marks.push(Mark::Whiskers(whisker_ink, whiskers));
    }
    let names = engines[0].conditions.iter().map(|condition| condition.name);
    Sheet {
        title: "Accuracy under other conditions".to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: "The same clips, heard otherwise".to_owned(),
            x: Axis::places("with 95 % intervals", std::iter::once("clean").chain(names)),
            y: Axis::shares("clips answered right"),
            marks,
            legend: legend(engines),
        })],
    }
}
