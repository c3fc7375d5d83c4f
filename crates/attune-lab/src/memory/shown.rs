//! What the memory lab found, as tables and as the lesson's pictures.

use super::learn::Outcome;
use super::plan::{Kind, Plan};
use super::tasks::Task;
use crate::{Entry, Table};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_train::evaluate::wilson;

/// A plan, and what came of it.
pub(crate) type Cell = (Plan, Outcome);

/// The loss at the end in Bai et al. 2018, where the paper reports it: adding T = 600, copy T = 1000.
fn of_the_paper(task: Task, kind: Kind) -> Option<f64> {
    match (task, kind) {
        (Task::Adding { frames: 600 }, Kind::Rnn) => Some(0.177),
        (Task::Adding { frames: 600 }, Kind::Lstm) => Some(0.164),
        (Task::Adding { frames: 600 }, Kind::Tcn) => Some(5.8e-5),
        (Task::Copy { blank: 1000 }, Kind::Rnn) => Some(0.0202),
        (Task::Copy { blank: 1000 }, Kind::Lstm) => Some(0.0204),
        (Task::Copy { blank: 1000 }, Kind::Tcn) => Some(3.5e-5),
        _ => None,
    }
}

/// A table for each family of tasks that has cells, and one of all tests.
pub(crate) fn tables(cells: &[Cell]) -> Vec<Table> {
    let mut tables = Vec::new();
    for (family, title) in [
        ("adding", "The adding problem: squared error at the end"),
        ("copy", "Copy memory: −ln p at the end, over all frames"),
        ("recall", "Recall against delay: a motif names the class so much later"),
    ] {
        let of: Vec<&Cell> = cells.iter().filter(|(plan, _)| plan.task.family() == family).collect();
        if of.is_empty() {
            continue;
        }
        tables.push(match family {
            "recall" => recall(title, &of),
            _ => losses(family, title, &of),
        });
    }
    tables.push(curves(cells));
    tables
}

fn optional(value: Option<f64>, entry: impl Fn(f64) -> Entry) -> Entry {
    value.map_or(Entry::Absent, entry)
}

fn losses(family: &'static str, title: &str, cells: &[&Cell]) -> Table {
    let columns = [
        "T",
        "network",
        "weights",
        "field",
        "steps",
        "loss",
        "chance",
        "paper",
        "symbols right",
        "seconds",
    ];
    let mut table = Table::new(family, title, &columns);
    for (plan, outcome) in cells {
        let last = outcome.last();
        table.rows.push(vec![
            plan.task.length().into(),
            plan.kind.label().into(),
            outcome.weights.into(),
            outcome.field.map_or(Entry::Absent, Entry::from),
            last.map_or(Entry::Absent, |last| Entry::Count(last.step)),
            optional(last.map(|last| last.loss), Entry::Power),
            Entry::Power(plan.task.chance()),
            optional(of_the_paper(plan.task, plan.kind), Entry::Power),
            optional(last.and_then(|last| last.right), Entry::Share),
            Entry::Number(outcome.seconds, 0),
        ]);
    }
    table
}

fn recall(title: &str, cells: &[&Cell]) -> Table {
    let columns = [
        "delay (frames)",
        "delay (s)",
        "network",
        "field",
        "right",
        "from",
        "to",
        "chance",
        "steps",
        "seconds",
    ];
    let mut table = Table::new("recall", title, &columns);
    for (plan, outcome) in cells {
        let Some((last, right)) = outcome.last().and_then(|last| Some((last, last.right?))) else {
            continue;
        };
        let [low, high] = wilson(right, plan.tested as f64);
        table.rows.push(vec![
            plan.task.length().into(),
            Entry::Number(plan.task.seconds(), 2),
            plan.kind.label().into(),
            outcome.field.map_or(Entry::Absent, Entry::from),
            Entry::Share(right),
            Entry::Share(low),
            Entry::Share(high),
            Entry::Share(1.0 / plan.task.outputs() as f64),
            Entry::Count(last.step),
            Entry::Number(outcome.seconds, 0),
        ]);
    }
    table
}

/// Every test of every cell.
fn curves(cells: &[Cell]) -> Table {
    let columns = ["task", "T", "network", "step", "learnt loss", "tested loss", "right"];
    let mut table = Table::new("curves", "All tests", &columns);
    table.long = true;
    for (plan, outcome) in cells {
        for tested in &outcome.curve {
            table.rows.push(vec![
                plan.task.family().into(),
                plan.task.length().into(),
                plan.kind.label().into(),
                Entry::Count(tested.step),
                Entry::Power(tested.learnt),
                Entry::Power(tested.loss),
                optional(tested.right, Entry::Share),
            ]);
        }
    }
    table
}

/// Loss curves of each task beside chance and the paper, then recall against delay; `field`: where the TCN's ends.
pub(crate) fn picture(cells: &[Cell], field: usize) -> Option<Sheet> {
    let mut tasks: Vec<Task> = Vec::new();
    for (plan, _) in cells {
        if plan.task.family() != "recall" && !tasks.contains(&plan.task) {
            tasks.push(plan.task);
        }
    }
    let mut panels: Vec<Panel> = tasks.into_iter().map(|task| loss_curves(task, cells)).collect();
    if cells.iter().any(|(plan, _)| plan.task.family() == "recall") {
        panels.push(recall_chart(cells, field));
    }
    (!panels.is_empty()).then(|| Sheet {
        title: "What each kind of network remembers".to_owned(),
        panels,
    })
}

/// The colour of a kind.
pub(crate) fn ink(kind: Kind) -> Ink {
    Ink::Series(Kind::ALL.iter().position(|other| *other == kind).unwrap_or(0))
}

/// Each of these kinds once, with its colour.
pub(crate) fn legend(kinds: impl Iterator<Item = Kind>) -> Vec<(Ink, String)> {
    let mut entries: Vec<(Ink, String)> = Vec::new();
    for kind in kinds {
        let entry = (ink(kind), kind.label().to_owned());
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

/// Losses below this are drawn at it.
const LEAST: f64 = 1e-6;

fn loss_curves(task: Task, cells: &[Cell]) -> Panel {
    let of: Vec<&Cell> = cells.iter().filter(|(plan, _)| plan.task == task).collect();
    let most = of
        .iter()
        .filter_map(|(_, outcome)| outcome.last())
        .map(|last| last.step);
    let most = most.max().unwrap_or(1) as f64;
    let points = |outcome: &Outcome| -> Vec<(f64, f64)> {
        let points = outcome.curve.iter();
        points
            .map(|tested| (tested.step as f64, tested.loss.max(LEAST)))
            .collect()
    };
    let mut marks = vec![Mark::Rule((0.0, task.chance()), (most, task.chance()))];
    let mut values = vec![task.chance()];
    for (plan, outcome) in &of {
        let points = points(outcome);
        values.extend(points.iter().map(|point| point.1));
        marks.push(Mark::Line(ink(plan.kind), points));
        if let Some(paper) = of_the_paper(task, plan.kind) {
            values.push(paper);
            marks.push(Mark::Dots(ink(plan.kind), vec![(most, paper, 5.0)]));
        }
    }
    let name = match task {
        Task::Adding { frames } => format!("Adding problem, T = {frames}"),
        Task::Copy { blank } => format!("Copy memory, T = {blank}"),
        Task::Recall { delay } => format!("Recall after {delay} frames"),
    };
    Panel::Chart(Chart {
        title: name,
        x: Axis::quarters("steps of 32 sequences (dot: the paper's end)", most),
        y: Axis::decades("tested loss; dashed: chance", values.into_iter()),
        marks,
        legend: legend(of.iter().map(|(plan, _)| plan.kind)),
    })
}

fn recall_chart(cells: &[Cell], field: usize) -> Panel {
    let of: Vec<&Cell> = cells
        .iter()
        .filter(|(plan, _)| plan.task.family() == "recall")
        .collect();
    // The field stands on the axis too, whichever delays were chosen.
    let lengths = of.iter().map(|(plan, _)| plan.task.length());
    let mut delays: Vec<f64> = lengths.chain([field]).map(|length| length as f64).collect();
    delays.sort_by(f64::total_cmp);
    delays.dedup();
    let ends = (delays[0], delays[delays.len() - 1]);
    let chance = 1.0 / Task::Recall { delay: field }.outputs() as f64;
    let mut marks = vec![
        Mark::Rule((ends.0, chance), (ends.1, chance)),
        Mark::Rule((field as f64, 0.0), (field as f64, 1.0)),
    ];
    for kind in Kind::ALL {
        let mut points: Vec<(f64, f64)> = of
            .iter()
            .filter(|(plan, _)| plan.kind == kind)
            .filter_map(|(plan, outcome)| Some((plan.task.length() as f64, outcome.last()?.right?)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !points.is_empty() {
            marks.push(Mark::Line(ink(kind), points));
        }
    }
    Panel::Chart(Chart {
        title: "Recall against delay".to_owned(),
        x: Axis::ratios("frames from motif to answer (23 ms each)", &delays),
        y: Axis::shares("right; dashed: chance, and the TCN's receptive field"),
        marks,
        legend: legend(of.iter().map(|(plan, _)| plan.kind)),
    })
}
