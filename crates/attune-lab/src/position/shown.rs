//! What the lab of positions found, as tables and a picture.

use super::Order;
use crate::clip_features::{Score, accuracy};
use crate::token_encoder::PositionalEncoding;
use crate::token_encoder::music::Outcome;
use crate::token_encoder::order_task;
use crate::{Entry, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Scale, Sheet};
use attune_nn::positional::sinusoids;
use attune_train::evaluate::wilson;

/// Layers, encoding, the result of each seed.
pub(crate) type OfOrder = (usize, PositionalEncoding, Vec<Order>);
/// Encoding, the result of each seed.
pub(crate) type OfGenres = (PositionalEncoding, Vec<Outcome>);

/// As it is called.
pub(crate) fn name(positions: PositionalEncoding) -> &'static str {
    match positions {
        PositionalEncoding::None => "off",
        PositionalEncoding::Sinusoidal => "sinusoidal",
        PositionalEncoding::Rotary => "rotary",
    }
}

/// The order task, genres if there are any, and each seed.
pub(crate) fn tables(orders: &[OfOrder], genres: Option<&[OfGenres]>, seeds: &[u64], tested: usize) -> Vec<Table> {
    let columns = ["layers", "encoding", "right", "95 %", "loss", "by chance"];
    let title = "Forward, reversed or shuffled: means over the seeds";
    let mut order = Table::new("order", title, &columns);
    let mut each = Table::new("seeds", "Each seed", &["task", "layers", "encoding", "seed", "right"]);
    each.long = true;
    for (layers, positions, outcomes) in orders {
        let right = mean(outcomes.iter().map(|outcome| outcome.accuracy));
        let [low, high] = wilson(right, tested as f64);
        order.rows.push(vec![
            (*layers).into(),
            name(*positions).into(),
            Entry::Share(right),
            Entry::Text(format!("{:.1}–{:.1} %", low * 100.0, high * 100.0)),
            Entry::Number(mean(outcomes.iter().map(|outcome| outcome.loss)), 3),
            Entry::Share(1.0 / order_task::CLASSES as f64),
        ]);
        let rights = outcomes.iter().map(|outcome| outcome.accuracy);
        for_each_seed(&mut each, ("order", *layers, *positions), rights, seeds);
    }
    let mut tables = vec![order];
    if let Some(genres) = genres {
        let columns = [
            "encoding",
            "3 s",
            "3 s, 95 %",
            "whole clips",
            "whole, 95 %",
            "learnt loss",
        ];
        let title = "Genres, one layer over the frozen TCN: means over the seeds, on validation clips";
        let mut table = Table::new("genres", title, &columns);
        for (positions, outcomes) in genres {
            let scores = |of: fn(&Outcome) -> Score| accuracy(&outcomes.iter().map(of).collect::<Vec<_>>());
            let mut row = vec![name(*positions).into()];
            row.extend(scores(|outcome| outcome.excerpts));
            row.extend(scores(|outcome| outcome.whole));
            row.push(Entry::Number(mean(outcomes.iter().map(|outcome| outcome.loss)), 3));
            table.rows.push(row);
            let rights = outcomes.iter().map(|outcome| outcome.whole.accuracy);
            for_each_seed(&mut each, ("whole clips", 1, *positions), rights, seeds);
        }
        tables.push(table);
    }
    tables.push(each);
    tables
}

fn for_each_seed(
    table: &mut Table,
    (task, layers, positions): (&str, usize, PositionalEncoding),
    rights: impl Iterator<Item = f64>,
    seeds: &[u64],
) {
    for (right, &seed) in rights.zip(seeds) {
        table.rows.push(vec![
            task.into(),
            layers.into(),
            name(positions).into(),
            Entry::Count(seed),
            Entry::Share(right),
        ]);
    }
}

/// Positions and features of the map of sines.
const MAP: (usize, usize) = (64, 32);

/// What the sinusoidal encoding adds to each place: above zero in one colour, below it in another.
fn sines() -> candle_core::Result<Panel> {
    let (frames, width) = MAP;
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for (place, features) in sinusoids(frames, width)?.to_vec2::<f32>()?.iter().enumerate() {
        for (feature, value) in features.iter().enumerate() {
            let cells = if *value < 0.0 { &mut below } else { &mut above };
            cells.push((place as f64, feature as f64, f64::from(value.abs())));
        }
    }
    let axis = |label: &str, count: usize| Axis {
        label: label.to_owned(),
        scale: Scale::Linear,
        least: -0.5,
        most: count as f64 - 0.5,
        ticks: (0..count).step_by(8).map(|n| (n as f64, n.to_string())).collect(),
    };
    Ok(Panel::Chart(Chart {
        title: "What sines add to a frame".to_owned(),
        x: axis("place", frames),
        y: axis("feature", width),
        marks: vec![Mark::Cells(Ink::Series(0), above), Mark::Cells(Ink::Series(1), below)],
        legend: vec![
            (Ink::Series(0), "up to 1".to_owned()),
            (Ink::Series(1), "down to −1".to_owned()),
        ],
    }))
}

/// The encoding, and bars of right answers.
///
/// # Errors
/// If memory runs out.
pub(crate) fn picture(orders: &[OfOrder], genres: Option<&[OfGenres]>) -> candle_core::Result<Sheet> {
    let order: Vec<(String, f64)> = orders
        .iter()
        .map(|(layers, positions, outcomes)| {
            let right = mean(outcomes.iter().map(|outcome| outcome.accuracy));
            let name = match positions {
                PositionalEncoding::Sinusoidal => "sines", // there is not room for more
                other => name(*other),
            };
            (format!("{name} ({layers})"), right)
        })
        .collect();
    let mut panels = vec![
        sines()?,
        bars(
            "Forward, reversed or shuffled",
            "encoding (layers); dashed: chance",
            &order,
            Some(1.0 / order_task::CLASSES as f64),
        ),
    ];
    if let Some(genres) = genres {
        let genres: Vec<(String, f64)> = genres
            .iter()
            .map(|(positions, outcomes)| {
                let right = mean(outcomes.iter().map(|outcome| outcome.whole.accuracy));
                (name(*positions).to_owned(), right)
            })
            .collect();
        panels.push(bars("Genres of whole clips", "encoding", &genres, None));
    }
    Ok(Sheet {
        title: "What attention knows of order".to_owned(),
        panels,
    })
}

fn bars(title: &str, x: &str, values: &[(String, f64)], chance: Option<f64>) -> Panel {
    let bars = values.iter().enumerate();
    let bars = bars.map(|(place, (_, value))| (place as f64 - 0.35, place as f64 + 0.35, *value));
    let mut marks = vec![Mark::Bars(Ink::Series(0), bars.collect())];
    marks.extend(chance.map(|chance| Mark::Rule((-0.5, chance), (values.len() as f64 - 0.5, chance))));
    Panel::Chart(Chart {
        title: title.to_owned(),
        x: Axis::places(x, values.iter().map(|(name, _)| name.as_str())),
        y: Axis::shares("right"),
        marks,
        legend: Vec::new(),
    })
}
