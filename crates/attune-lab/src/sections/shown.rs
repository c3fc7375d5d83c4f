//! What the lab of sections found, as tables and a picture.

use super::judge::{LiveOutcome, Outcome};
use super::pieces::Made;
use super::{Found, Switch};
use crate::medley::score::interval::{Interval, resampled};
use crate::{Entry, Report, Table, mean};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};
use attune_model::sections::SectionKind;

/// Sections from which on a piece is long.
const LONG: usize = 4;

/// Edits and sections of each piece, of all seeds together.
type Pairs = Vec<(usize, usize)>;

fn pairs(outcomes: &[Vec<Outcome>], made: usize, by_beam: bool, from: usize) -> Pairs {
    let pieces = outcomes.iter().flat_map(|of| &of[made].pieces);
    let long = pieces.filter(|piece| piece.sections >= from);
    long.map(|piece| (if by_beam { piece.by_beam } else { piece.edits }, piece.sections))
        .collect()
}

fn rate(pairs: &Pairs) -> f64 {
    let (edits, sections) = pairs.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    edits as f64 / sections.max(1) as f64
}

/// The rate with its interval over pieces.
fn shown(pairs: &Pairs) -> Entry {
    if pairs.is_empty() {
        return Entry::Absent;
    }
    let interval = resampled(pairs.len(), pairs.len(), |chosen| {
        Some(rate(&chosen.iter().map(|&i| pairs[i]).collect()))
    });
    with_interval(rate(pairs), interval)
}

fn with_interval(value: f64, interval: Interval) -> Entry {
    let Some([low, high]) = interval else {
        return Entry::Share(value);
    };
    Entry::Text(format!(
        "{:.1} % ({:.1}–{:.1})",
        value * 100.0,
        low * 100.0,
        high * 100.0
    ))
}

/// How much lower the rate of `a` is than that of `b`, on the same pieces.
fn gain(a: &Pairs, b: &Pairs) -> Entry {
    if a.is_empty() || a.len() != b.len() {
        return Entry::Absent;
    }
    let of = |pairs: &Pairs, chosen: &[usize]| rate(&chosen.iter().map(|&i| pairs[i]).collect());
    let interval = resampled(a.len(), a.len(), |chosen| Some(of(b, chosen) - of(a, chosen)));
    let value = rate(b) - rate(a);
    let Some([low, high]) = interval else {
        return Entry::Number(value * 100.0, 1);
    };
    Entry::Text(format!(
        "{:.1} ({:.1} to {:.1})",
        value * 100.0,
        low * 100.0,
        high * 100.0
    ))
}

fn share(values: impl Iterator<Item = Option<f64>>) -> Entry {
    let values: Option<Vec<f64>> = values.collect();
    match values.as_deref() {
        None | Some([]) => Entry::Absent,
        Some(values) => Entry::Share(mean(values.iter().copied())),
    }
}

/// Tables and picture.
pub(super) fn report(lab: &'static str, found: &Found) -> Report {
    let mut tables = Vec::new();
    if !found.whole.is_empty() {
        tables.push(whole(found));
        tables.push(by_length(found));
    }
    if !found.live.is_empty() {
        tables.push(live(found));
    }
    if !found.switches.is_empty() {
        tables.push(switches(found));
    }
    let seeds = found.whole.first().map_or(1, |row| row.2.len());
    Report {
        lab,
        tables,
        notes: vec![
            format!("{seeds} seeds together; validation medleys; intervals (95 %) over pieces"),
            "token error counts edits from the true list of tokens to the one that was written".to_owned(),
        ],
        picture: (!found.whole.is_empty() || !found.live.is_empty()).then(|| picture(found)),
    }
}

fn name(kind: SectionKind, attends: bool) -> String {
    if attends {
        kind.name().to_owned()
    } else {
        format!("{} without attention", kind.name())
    }
}

fn whole(found: &Found) -> Table {
    let columns = [
        "medleys",
        "network",
        "weights",
        "token error",
        "4 sections and more",
        "gain there over the twin (points)",
        "by beam search",
        "alignment error",
        "mass in the section",
        "boundaries in 0.5 s",
        "in 3 s",
    ];
    let title = "Lists of the sections of whole pieces: means over the seeds";
    let mut table = Table::new("whole", title, &columns);
    for (place, made) in found.kinds.iter().enumerate() {
        for (kind, attends, outcomes) in &found.whole {
            let of = |value: fn(&Outcome) -> Option<f64>| share(outcomes.iter().map(|seed| value(&seed[place])));
            let long = pairs(outcomes, place, false, LONG);
            let twin = found
                .whole
                .iter()
                .find(|row| row.0 == *kind && !row.1)
                .filter(|_| *attends);
            table.rows.push(vec![
                made.name().into(),
                Entry::Text(name(*kind, *attends)),
                outcomes.first().map_or(0, |seed| seed[place].weights).into(),
                shown(&pairs(outcomes, place, false, 0)),
                shown(&long),
                twin.map_or(Entry::Absent, |twin| gain(&long, &pairs(&twin.2, place, false, LONG))),
                Entry::Share(rate(&pairs(outcomes, place, true, 0))),
                of(|it| it.aer.map(|aer| aer.0)),
                of(|it| it.mass),
                of(|it| it.boundaries.map(|hits| hits[0])),
                of(|it| it.boundaries.map(|hits| hits[1])),
            ]);
        }
        if let Some(baseline) = found.baseline.get(place) {
            let long = baseline
                .pieces
                .iter()
                .copied()
                .filter(|piece| piece.1 >= LONG)
                .collect();
            table.rows.push(vec![
                made.name().into(),
                "novelty and classifier".into(),
                Entry::Absent,
                shown(&baseline.pieces),
                shown(&long),
                Entry::Absent,
                Entry::Absent,
                Entry::Absent,
                Entry::Absent,
                Entry::Share(baseline.boundaries[0]),
                Entry::Share(baseline.boundaries[1]),
            ]);
        }
    }
    table
}

fn by_length(found: &Found) -> Table {
    let mut table = Table::new(
        "length",
        "Token error by the number of sections",
        &["medleys", "network", "1", "2", "3", "4", "5", "6", "7", "8"],
    );
    let cells = |pieces: &Pairs| -> Vec<Entry> {
        let of = |count: usize| {
            let some: Pairs = pieces.iter().copied().filter(|piece| piece.1 == count).collect();
            if some.is_empty() {
                Entry::Absent
            } else {
                Entry::Share(rate(&some))
            }
        };
        (1..=8).map(of).collect()
    };
    for (place, made) in found.kinds.iter().enumerate() {
        let mut row = |name: String, pieces: &Pairs| {
            let mut entries = vec![made.name().into(), Entry::Text(name)];
            entries.extend(cells(pieces));
            table.rows.push(entries);
        };
        for (kind, attends, outcomes) in &found.whole {
            row(name(*kind, *attends), &pairs(outcomes, place, false, 0));
        }
        if let Some(baseline) = found.baseline.get(place) {
            row("novelty and classifier".to_owned(), &baseline.pieces);
        }
    }
    table
}

fn live_row(made: Made, (name, trained): (&str, &str), outcome: &LiveOutcome) -> Vec<Entry> {
    let seconds = |value: Option<f64>| value.map_or(Entry::Absent, |value| Entry::Number(value, 1));
    vec![
        made.name().into(),
        name.into(),
        trained.into(),
        outcome.k.map_or(Entry::Absent, Entry::from),
        shown(&outcome.pieces),
        seconds(outcome.lagging.map(|it| it[0])),
        seconds(outcome.lagging.map(|it| it[1])),
        seconds(outcome.delay.map(|it| it[0])),
        seconds(outcome.delay.map(|it| it[1])),
        outcome.delay.map_or(Entry::Absent, |it| Entry::Share(it[2])),
    ]
}

fn live(found: &Found) -> Table {
    let columns = [
        "medleys",
        "network",
        "trained for k",
        "read with k",
        "token error",
        "average lagging (s)",
        "length-adaptive (s)",
        "right after a change, median (s)",
        "90 % (s)",
        "sections that get it",
    ];
    let mut table = Table::new("live", "Live lists of sections", &columns);
    for (place, made) in found.kinds.iter().enumerate() {
        for (kind, k, outcomes) in &found.live {
            let trained = k.map_or("all".to_owned(), |k| k.to_string());
            for outcome in &outcomes[place] {
                table.rows.push(live_row(*made, (kind.name(), &trained), outcome));
            }
        }
        if let Some(baseline) = found.baseline.get(place) {
            table
                .rows
                .push(live_row(*made, ("displayed answer", "–"), &baseline.live));
        }
    }
    table
}

fn switches(found: &Found) -> Table {
    let columns = [
        "medleys",
        "Transformer",
        "token error",
        "4 sections and more",
        "alignment error",
        "by seed",
    ];
    let title = "The Transformer trained without one thing";
    let mut table = Table::new("switches", title, &columns);
    for (place, made) in found.kinds.iter().enumerate() {
        for (switch, outcomes) in &found.switches {
            let seeds = outcomes.iter().map(|seed| {
                let of = std::slice::from_ref(seed);
                format!("{:.1} %", rate(&pairs(of, place, false, 0)) * 100.0)
            });
            table.rows.push(vec![
                made.name().into(),
                switch.map_or("with all of them", Switch::name).into(),
                shown(&pairs(outcomes, place, false, 0)),
                shown(&pairs(outcomes, place, false, LONG)),
                share(outcomes.iter().map(|seed| seed[place].aer.map(|aer| aer.0))),
                Entry::Text(seeds.collect::<Vec<_>>().join(", ")),
            ]);
        }
    }
    table
}

/// The alignment of one piece: a row for each token, a column for each source step.
fn example(kind: SectionKind, made: Made, outcome: &Outcome) -> Option<Panel> {
    let example = outcome.example.as_ref()?;
    let rows = example.alignment.len() as f64;
    let steps = example.alignment.first()?.len() as f64;
    let cells = example.alignment.iter().enumerate().flat_map(|(token, row)| {
        let most = f64::from(row.iter().copied().max().unwrap_or(0).max(1));
        let cells = row.iter().enumerate();
        // The first token at the top, each row by its highest cell.
        cells.map(move |(step, weight)| (step as f64 + 0.5, rows - token as f64 - 0.5, f64::from(*weight) / most))
    });
    let mut marks = vec![Mark::Cells(
        Ink::Series(0),
        cells.filter(|cell| cell.2 > 0.02).collect(),
    )];
    for (_, end) in example.sections.iter().take(example.sections.len() - 1) {
        marks.push(Mark::Rule((*end, 0.0), (*end, rows)));
    }
    let names: Vec<&str> = example.sections.iter().map(|section| &section.0[..]).collect();
    Some(Panel::Chart(Chart {
        title: format!("{}, {}: where it looked for each token", kind.name(), made.name()),
        x: Axis::quarters("source steps of 0.37 s; dashed: true boundaries", steps),
        y: Axis::quarters(&format!("from the top: {}", names.join(", ")), rows),
        marks,
        legend: Vec::new(),
    }))
}

/// Token error by the number of sections, and by delay.
fn picture(found: &Found) -> Sheet {
    let mut panels = Vec::new();
    for (place, made) in found.kinds.iter().enumerate() {
        let mut marks = Vec::new();
        let mut legend = Vec::new();
        for (number, (kind, attends, outcomes)) in found.whole.iter().enumerate() {
            let all = pairs(outcomes, place, false, 0);
            let points = (1..=8).filter_map(|count| {
                let some: Pairs = all.iter().copied().filter(|piece| piece.1 == count).collect();
                (!some.is_empty()).then(|| (count as f64, rate(&some).min(1.0)))
            });
            let points: Vec<(f64, f64)> = points.collect();
            let ink = Ink::Series(number / 2);
            marks.push(if *attends {
                Mark::Line(ink, points)
            } else {
                Mark::Thread(ink, points)
            });
            if *attends {
                legend.push((ink, format!("{}; thin: without attention", kind.name())));
            }
        }
        let examples = found.whole.iter().filter(|row| row.1);
        panels.extend(examples.filter_map(|(kind, _, outcomes)| example(*kind, *made, &outcomes.first()?[place])));
        if !marks.is_empty() {
            panels.push(Panel::Chart(Chart {
                title: format!("Whole pieces, {}", made.name()),
                x: Axis::quarters("sections", 8.0),
                y: Axis::shares("token error"),
                marks,
                legend,
            }));
        }
        let dots = |number: usize, kind: SectionKind| -> Option<Mark> {
            let row = found.live.iter().find(|row| row.0 == kind && row.1.is_none())?;
            let points = row.2[place].iter();
            let points = points.filter_map(|it| Some((it.delay?[0].min(16.0), it.token_error().min(1.0))));
            Some(Mark::Line(Ink::Series(number), points.collect()))
        };
        let kinds = [SectionKind::Transformer, SectionKind::Pervasive];
        let mut marks: Vec<Mark> = kinds
            .iter()
            .enumerate()
            .filter_map(|(n, kind)| dots(n, *kind))
            .collect();
        let displayed = found.baseline.get(place).filter(|_| !marks.is_empty());
        if let Some(at) = displayed.and_then(|it| Some((it.live.delay?[0].min(16.0), it.live.token_error().min(1.0)))) {
            marks.push(Mark::Dots(Ink::Series(3), vec![(at.0, at.1, 4.0)]));
            let mut legend: Vec<_> = kinds
                .iter()
                .enumerate()
                .map(|(n, it)| (Ink::Series(n), it.name().to_owned()))
                .collect();
            legend.push((Ink::Series(3), "displayed answer".to_owned()));
            panels.push(Panel::Chart(Chart {
                title: format!("Live, {}", made.name()),
                x: Axis::quarters("seconds to the right token (median), k from 1 to 8", 16.0),
                y: Axis::shares("token error"),
                marks,
                legend,
            }));
        }
    }
    Sheet {
        title: "Sections".to_owned(),
        panels,
    }
}
