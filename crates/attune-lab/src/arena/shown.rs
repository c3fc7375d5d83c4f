//! What the arena found, as tables and a picture.

use super::{Cost, Judgement, Right};
use crate::{Entry, Table};
use attune_engine::picture::{Axis, Chart, Grid, Ink, Mark, Panel, Scale, Sheet};
use attune_model::genre::{GenreId, GenreSet};
use attune_train::evaluate::Times;

/// A share with its interval, as text.
fn right(right: &Right) -> Entry {
    let [low, high] = right.interval95.map(|share| share * 100.0);
    Entry::Text(format!("{:.1} % ({low:.1}–{high:.1})", right.accuracy * 100.0))
}

fn seconds(time: Option<f64>) -> Entry {
    time.map_or(Entry::Absent, |time| Entry::Number(time, 1))
}

/// One row for each engine; how they agree; and, for files, the figures not rounded and every answer.
pub(crate) fn tables(judged: &Judgement, changes: &[Times], costs: &[Cost], genres: &GenreSet) -> Vec<Table> {
    let clips = judged.clips.len();
    let columns = [
        "engine",
        "weights",
        "right after 3 s (95 %)",
        "right of whole clips (95 %)",
        "calibration error",
        "one step (µs)",
        "memory (MB)",
        "right from then on (s)",
        "after a change (s)",
    ];
    let title = format!("Every engine on the same {clips} validation clips");
    let mut engines = Table::new("engines", &title, &columns);
    let columns = [
        "engine",
        "clips",
        "accuracy",
        "low",
        "high",
        "excerpts",
        "accuracy of excerpts",
        "low of excerpts",
        "high of excerpts",
        "calibration error by chance",
        "first answer (s)",
        "never right to the end",
        "never after a change",
    ];
    let mut figures = Table::new("figures", "Figures behind it", &columns);
    figures.long = true;
    for ((engine, change), cost) in judged.engines.iter().zip(changes).zip(costs) {
        engines.rows.push(vec![
            engine.name.as_str().into(),
            engine.weights.into(),
            engine.excerpts.as_ref().map_or(Entry::Absent, right),
            right(&engine.whole),
            Entry::Share(engine.ece),
            Entry::Number(cost.step_us, 0),
            cost.bytes
                .map_or(Entry::Absent, |bytes| Entry::Number(bytes as f64 / 1e6, 2)),
            seconds(engine.stable_right_s.median),
            seconds(change.median),
        ]);
        let of = |right: Option<&Right>| match right {
            Some(Right {
                clips,
                accuracy,
                interval95: [low, high],
            }) => [
                (*clips).into(),
                Entry::Share(*accuracy),
                Entry::Share(*low),
                Entry::Share(*high),
            ],
            None => [0.into(), Entry::Absent, Entry::Absent, Entry::Absent],
        };
        let mut row = vec![engine.name.as_str().into()];
        row.extend(of(Some(&engine.whole)));
        row.extend(of(engine.excerpts.as_ref()));
        row.extend([
            Entry::Share(engine.chance_ece),
            seconds(engine.first_s.median),
            Entry::Share(engine.stable_right_s.never),
            Entry::Share(change.never),
        ]);
        figures.rows.push(row);
    }
    vec![engines, agreement(judged), figures, answers(judged, genres)]
}

fn names(judged: &Judgement) -> Vec<&str> {
    judged.engines.iter().map(|engine| engine.name.as_str()).collect()
}

fn agreement(judged: &Judgement) -> Table {
    let columns: Vec<&str> = std::iter::once("same answer").chain(names(judged)).collect();
    let mut table = Table::new("agreement", "Clips of which two give the same answer", &columns);
    for (engine, shares) in judged.engines.iter().zip(&judged.agreement) {
        let mut row = vec![engine.name.as_str().into()];
        row.extend(shares.iter().map(|share| Entry::Share(*share)));
        table.rows.push(row);
    }
    table
}

fn answers(judged: &Judgement, genres: &GenreSet) -> Table {
    let columns: Vec<&str> = ["clip", "genre"].into_iter().chain(names(judged)).collect();
    let mut table = Table::new("answers", "Every answer", &columns);
    table.long = true;
    for (place, (clip, truth)) in judged.clips.iter().zip(&judged.truths).enumerate() {
        let said = judged.engines.iter().map(|engine| engine.answers[place]);
        let labels = std::iter::once(*truth)
            .chain(said)
            .map(|id| genres.label(GenreId(id)).into());
        table
            .rows
            .push(std::iter::once(clip.as_str().into()).chain(labels).collect());
    }
    table
}

/// What must be known of the tables.
pub(crate) fn notes(judged: &Judgement, changes: &[Times], seed: u64) -> Vec<String> {
    let excerpts = judged.engines.iter().find_map(|engine| engine.excerpts);
    let chance = judged.engines.last().map_or(0.0, |engine| engine.chance_ece);
    vec![format!(
        "{} whole clips, {} excerpts of 3 s, {} changes of genre (seed {seed}); honest answers of the ensemble would show a \
         calibration error of {:.1} % by chance; times are medians, – is later than half of the clips last",
        judged.clips.len(),
        excerpts.map_or(0, |right| right.clips),
        changes.first().map_or(0, |times| times.count),
        chance * 100.0
    )]
}

/// How right, how fast, how soon, how alike.
pub(crate) fn picture(judged: &Judgement, changes: &[Times], costs: &[Cost]) -> Sheet {
    let engines = || Axis::places("engine", names(judged).into_iter());
    let bars = |values: Vec<Option<f64>>, from: f64, to: f64| -> Vec<(f64, f64, f64)> {
        let places = values.into_iter().enumerate();
        places
            .filter_map(|(place, value)| Some((place as f64 + from, place as f64 + to, value?)))
            .collect()
    };
    let intervals = judged.engines.iter().enumerate().map(|(place, engine)| {
        let [low, high] = engine.whole.interval95;
        (place as f64, low, high)
    });
    let of = |value: &dyn Fn(&super::Judged) -> Option<f64>| judged.engines.iter().map(value).collect();
    let stable: Vec<Option<f64>> = of(&|engine| engine.stable_right_s.median);
    let delays: Vec<Option<f64>> = changes.iter().map(|times| times.median).collect();
    let latest = stable
        .iter()
        .chain(&delays)
        .flatten()
        .fold(1.0, |most: f64, time| most.max(*time));
    let step = if latest > 10.0 { 5.0 } else { 1.0 };
    let ticks = (latest / step).ceil() as usize;
    let same = |share: &f64| (share * judged.clips.len() as f64).round() as usize;
    Sheet {
        title: "Every engine on the same audio".to_owned(),
        panels: vec![
            Panel::Chart(Chart {
                title: "How often right".to_owned(),
                x: engines(),
                y: Axis::shares("whole clips answered right, 95 % interval"),
                marks: vec![
                    Mark::Bars(
                        Ink::Series(0),
                        bars(of(&|engine| Some(engine.whole.accuracy)), -0.35, 0.35),
                    ),
                    Mark::Whiskers(Ink::Strong, intervals.collect()),
                ],
                legend: Vec::new(),
            }),
            Panel::Chart(Chart {
                title: "How fast".to_owned(),
                x: engines(),
                y: Axis::decades("µs for a frame of 23.2 ms", costs.iter().map(|cost| cost.step_us)),
                marks: vec![Mark::Bars(
                    Ink::Series(0),
                    bars(costs.iter().map(|cost| Some(cost.step_us)).collect(), -0.35, 0.35),
                )],
                legend: Vec::new(),
            }),
            Panel::Chart(Chart {
                title: "How soon".to_owned(),
                x: engines(),
                y: Axis {
                    label: "seconds, medians; no bar: later than half of the clips last".to_owned(),
                    scale: Scale::Linear,
                    least: 0.0,
                    most: ticks as f64 * step,
                    ticks: (0..=ticks)
                        .map(|n| n as f64 * step)
                        .map(|at| (at, format!("{at:.0}")))
                        .collect(),
                },
                marks: vec![
                    Mark::Bars(Ink::Series(0), bars(stable, -0.35, 0.0)),
                    Mark::Bars(Ink::Series(1), bars(delays, 0.0, 0.35)),
                ],
                legend: vec![
                    (Ink::Series(0), "right from then on".to_owned()),
                    (Ink::Series(1), "after a change of genre".to_owned()),
                ],
            }),
            Panel::Grid(Grid {
                title: "How alike".to_owned(),
                note: format!("clips of {} of which two give the same answer", judged.clips.len()),
                names: names(judged).iter().map(|name| (*name).to_owned()).collect(),
                counts: judged
                    .agreement
                    .iter()
                    .map(|row| row.iter().map(same).collect())
                    .collect(),
            }),
        ],
    }
}
