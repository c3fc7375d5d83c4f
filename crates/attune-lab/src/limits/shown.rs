//! What the lab of limits found, as tables and pictures.

use super::cost::{Cost, Plan};
use crate::memory::{Kind, ink, legend};
use crate::{Entry, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};

/// Less than this is not drawn.
const LEAST: f64 = 1e-12;
/// What is left when it is called forgotten.
const FORGOTTEN: f64 = 0.01;

/// Norms of one kind of state in one engine, over all places.
#[derive(Debug)]
pub(crate) struct ReachOf {
    engine: String,
    /// `h` or `c`.
    state: &'static str,
    taught: bool,
    /// Geometric mean, least and greatest by k.
    by_lag: Vec<[f64; 3]>,
}

impl ReachOf {
    /// Of the hidden states and, if there are any, of the cells: norms by k of each place.
    pub(crate) fn all(engine: &str, taught: bool, hidden: &[Vec<f64>], cell: &[Vec<f64>]) -> Vec<Self> {
        let states = [("h", hidden), ("c", cell)].into_iter();
        let known = states.filter(|(_, places)| places.iter().any(|place| !place.is_empty()));
        known
            .map(|(state, places)| Self {
                engine: engine.to_owned(),
                state,
                taught,
                by_lag: by_lag(places),
            })
            .collect()
    }

    fn weights(&self) -> &'static str {
        if self.taught { "taught" } else { "drawn" }
    }

    fn name(&self) -> String {
        format!("{} {}, {}", self.engine, self.state, self.weights())
    }
}

/// Geometric mean, least and greatest over the places, by k.
fn by_lag(places: &[Vec<f64>]) -> Vec<[f64; 3]> {
    let most = places.iter().map(Vec::len).min().unwrap_or(0);
    let at = |lag: usize| {
        let values = || places.iter().map(move |place| place[lag]);
        let (least, greatest) = values().fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
        [mean(values().map(f64::ln)).exp(), least, greatest]
    };
    (0..most).map(at).collect()
}

/// How much one engine's features depend on input frames.
#[derive(Debug)]
pub(crate) struct Dependence {
    /// The engine.
    pub engine: String,
    /// Frames that it can depend on.
    pub field: Option<usize>,
    /// Norms by k of each place.
    pub curves: Vec<Vec<f64>>,
}

impl Dependence {
    /// The mean over the places, as a share of its greatest value.
    fn shares(&self) -> Vec<f64> {
        let most = self.curves.iter().map(Vec::len).min().unwrap_or(0);
        let means: Vec<f64> = (0..most)
            .map(|lag| mean(self.curves.iter().map(|curve| curve[lag])))
            .collect();
        let greatest = means.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        means.iter().map(|value| value / greatest).collect()
    }
}

/// From which k on less than [`FORGOTTEN`] is left; so much may be left at the end of what was measured.
fn forgotten_after(values: &[f64]) -> Entry {
    match values.iter().rposition(|value| *value >= FORGOTTEN) {
        Some(last) if last + 1 == values.len() => Entry::Text(format!("over {last}")),
        Some(last) => (last + 1).into(),
        None => 0usize.into(),
    }
}

/// Lags with a column of their own.
fn lags(most: usize) -> impl Iterator<Item = usize> {
    [1, 2, 4, 8, 16, 32, 64, 128, 256]
        .into_iter()
        .filter(move |lag| *lag < most)
}

/// Tables of what was measured.
pub(crate) fn tables(reaches: &[ReachOf], dependences: &[Dependence], costs: &[(Plan, Cost)]) -> Vec<Table> {
    let mut tables = Vec::new();
    if !reaches.is_empty() {
        tables.extend([reach(reaches), dependence(dependences), curves(reaches)]);
    }
    if !costs.is_empty() {
        tables.push(cost(costs));
    }
    tables
}

fn reach(reaches: &[ReachOf]) -> Table {
    let title = "Gradient reach ‖∂h_t/∂h_{t−k}‖ (h), ‖∂c_t/∂c_{t−k}‖ (c), by k, on the demo";
    let mut table = Table::new("reach", title, &["engine", "state", "weights"]);
    let most = reaches.iter().map(|reach| reach.by_lag.len()).min().unwrap_or(0);
    table.columns.extend(lags(most).map(|lag| format!("k = {lag}")));
    table.columns.push("under 1 % from k =".to_owned());
    for reach in reaches {
        let mut row = vec![reach.engine.as_str().into(), reach.state.into(), reach.weights().into()];
        row.extend(lags(most).map(|lag| Entry::Power(reach.by_lag[lag][0])));
        let means: Vec<f64> = reach.by_lag.iter().map(|lag| lag[0]).collect();
        row.push(forgotten_after(&means));
        table.rows.push(row);
    }
    table
}

fn dependence(dependences: &[Dependence]) -> Table {
    let columns = [
        "engine",
        "field (frames)",
        "under 1 % of the greatest from k =",
        "greatest beyond the field",
    ];
    let title = "What the last features of the body depend on, by input frame";
    let mut table = Table::new("dependence", title, &columns);
    for dependence in dependences {
        let shares = dependence.shares();
        let beyond = dependence.field.filter(|field| *field < shares.len());
        let beyond = beyond.map(|field| shares[field..].iter().copied().fold(0.0, f64::max));
        table.rows.push(vec![
            dependence.engine.as_str().into(),
            dependence.field.map_or(Entry::Absent, Entry::from),
            forgotten_after(&shares),
            beyond.map_or(Entry::Absent, Entry::Power),
        ]);
    }
    table
}

fn curves(reaches: &[ReachOf]) -> Table {
    let columns = ["engine", "state", "weights", "k", "mean", "least", "greatest"];
    let mut table = Table::new("curves", "Gradient reach at every k", &columns);
    table.long = true;
    for reach in reaches {
        for (lag, values) in reach.by_lag.iter().enumerate() {
            let mut row = vec![
                reach.engine.as_str().into(),
                reach.state.into(),
                reach.weights().into(),
                lag.into(),
            ];
            row.extend(values.map(Entry::Power));
            table.rows.push(row);
        }
    }
    table
}

fn cost(costs: &[(Plan, Cost)]) -> Table {
    let columns = [
        "network",
        "length",
        "width",
        "weights",
        "taught (frames/s)",
        "step (µs)",
    ];
    let mut table = Table::new("cost", "What a frame costs by clip length and width", &columns);
    for (plan, cost) in costs {
        table.rows.push(vec![
            plan.kind.label().into(),
            plan.length.into(),
            plan.width.into(),
            cost.weights.into(),
            Entry::Number(cost.taught_per_second, 0),
            Entry::Number(cost.step_us, 1),
        ]);
    }
    table
}

/// Reach, dependence, and four charts of cost.
pub(crate) fn picture(reaches: &[ReachOf], dependences: &[Dependence], costs: &[(Plan, Cost)]) -> Option<Sheet> {
    let mut panels = Vec::new();
    if !reaches.is_empty() {
        let lines: Vec<Line> = reaches
            .iter()
            .map(|reach| (reach.name(), reach.by_lag.iter().map(|lag| lag[0]).collect()))
            .collect();
        panels.push(decay(
            "How far gradients reach",
            "‖∂h_t/∂h_{t−k}‖, ‖∂c_t/∂c_{t−k}‖",
            &lines,
            None,
        ));
        let shares: Vec<Line> = dependences.iter().map(|of| (of.engine.clone(), of.shares())).collect();
        let field = dependences.iter().filter_map(|of| of.field).min();
        let title = "What the features depend on";
        panels.push(decay(
            title,
            "share of the greatest; dashed: the TCN's field",
            &shares,
            field,
        ));
    }
    if !costs.is_empty() {
        for (y, value) in [
            (
                "taught frames a second",
                (|cost| cost.taught_per_second) as fn(&Cost) -> f64,
            ),
            ("µs for a streaming frame", |cost| cost.step_us),
        ] {
            panels.push(costs_by(
                "clip length (frames)",
                y,
                costs,
                |plan| (plan.length, plan.width),
                value,
            ));
            panels.push(costs_by("width", y, costs, |plan| (plan.width, plan.length), value));
        }
    }
    (!panels.is_empty()).then(|| Sheet {
        title: "What recurrence costs".to_owned(),
        panels,
    })
}

/// A name, and a value for each k.
type Line = (String, Vec<f64>);

fn decay(title: &str, y: &str, lines: &[Line], field: Option<usize>) -> Panel {
    let most = lines.iter().map(|line| line.1.len()).max().unwrap_or(2).max(2) - 1;
    let mut marks = Vec::new();
    let mut all = vec![1.0];
    for (number, (_, values)) in lines.iter().enumerate() {
        // A line ends where it is next to nothing: a field's end is an end, not a fall to the bottom.
        let shown = values.iter().take_while(|value| **value >= LEAST);
        let points: Vec<(f64, f64)> = shown.enumerate().map(|(lag, value)| (lag as f64, *value)).collect();
        all.extend(points.iter().map(|point| point.1));
        marks.push(Mark::Thread(Ink::Series(number), points));
    }
    let y = Axis::decades(y, all.into_iter());
    if let Some(field) = field {
        marks.push(Mark::Rule((field as f64, y.least), (field as f64, y.most)));
    }
    Panel::Chart(Chart {
        title: title.to_owned(),
        x: Axis::quarters("k, frames back (23 ms each)", most as f64),
        y,
        marks,
        legend: lines
            .iter()
            .enumerate()
            .map(|(number, line)| (Ink::Series(number), line.0.clone()))
            .collect(),
    })
}

/// Costs by what grows, at the value of the other that most plans share.
fn costs_by(
    x: &str,
    y: &str,
    costs: &[(Plan, Cost)],
    sizes: impl Fn(&Plan) -> (usize, usize),
    value: fn(&Cost) -> f64,
) -> Panel {
    let mut others: Vec<usize> = costs.iter().map(|(plan, _)| sizes(plan).1).collect();
    others.sort_unstable();
    let held = others
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())
        .map_or(0, |same| same[0]);
    let of: Vec<&(Plan, Cost)> = costs.iter().filter(|(plan, _)| sizes(plan).1 == held).collect();
    let mut places: Vec<f64> = of.iter().map(|(plan, _)| sizes(plan).0 as f64).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let mut marks = Vec::new();
    for kind in Kind::ALL {
        let mut points: Vec<(f64, f64)> = of
            .iter()
            .filter(|(plan, _)| plan.kind == kind)
            .map(|(plan, cost)| (sizes(plan).0 as f64, value(cost)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        marks.push(Mark::Line(ink(kind), points));
    }
    Panel::Chart(Chart {
        title: format!("By {x}, the other {held}"),
        x: Axis::ratios(x, &places),
        y: Axis::decades(y, of.iter().map(|(_, cost)| value(cost))),
        marks,
        legend: legend(Kind::ALL.into_iter()),
    })
}
