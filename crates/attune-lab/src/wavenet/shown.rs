//! What the lab of WaveNet found, as tables and a picture.

use super::judge::{Bits, CONTINUED, Outcome};
use crate::{Entry, Table};
use attune_engine::picture::{Axis, Chart, Ink, Mark, Panel, Sheet};

/// The sounds, and what each predictor takes for a sample of them.
fn sounds(outcome: &Outcome) -> [(&'static str, &Bits); 4] {
    [
        ("music", &outcome.music),
        ("music, samples in random order", &outcome.shuffled),
        ("silence", &outcome.silence),
        ("a tone of 440 Hz", &outcome.tone),
    ]
}

pub(crate) fn tables(outcome: &Outcome, labels: &[String]) -> [Table; 4] {
    [bits(outcome), classes(outcome, labels), levels(outcome), speed(outcome)]
}

fn bits(outcome: &Outcome) -> Table {
    let columns = [
        "sound",
        "WaveNet",
        "told the class",
        "unigram",
        "bigram",
        "linear prediction",
        "of order 64, as input",
    ];
    let mut table = Table::new("bits", "Bits per sample of sound that was not learnt from", &columns);
    let number = |value: f64| Entry::Number(value, 3);
    for (name, bits) in sounds(outcome) {
        let said = if name == "music" {
            number(bits.said)
        } else {
            Entry::Absent
        };
        table.rows.push(vec![
            name.into(),
            number(bits.unsaid),
            said,
            number(bits.unigram),
            number(bits.bigram),
            number(bits.linear),
            number(bits.backward),
        ]);
    }
    table
}

fn classes(outcome: &Outcome, labels: &[String]) -> Table {
    let title = "Clips whose true class takes the fewest bits";
    let mut table = Table::new(
        "classes",
        title,
        &["class", "clips", "own class first", "95 % from", "to"],
    );
    let right = &outcome.own_first;
    table.rows.push(vec![
        "all".into(),
        right.clips.into(),
        Entry::Share(right.accuracy),
        Entry::Share(right.interval95[0]),
        Entry::Share(right.interval95[1]),
    ]);
    for (label, [clips, first]) in labels.iter().zip(&outcome.of_class) {
        let share = match clips {
            0 => Entry::Absent,
            _ => Entry::Share(*first as f64 / *clips as f64),
        };
        table.rows.push(vec![
            label.as_str().into(),
            (*clips).into(),
            share,
            Entry::Absent,
            Entry::Absent,
        ]);
    }
    table
}

fn levels(outcome: &Outcome) -> Table {
    let columns = [
        "seconds of",
        "mean level",
        "deviation",
        "loudest",
        "beyond mean + 4 σ of music",
        "bits per sample",
    ];
    let each = outcome.levels.seconds / CONTINUED;
    let title = format!("Levels (root mean square of a second); {CONTINUED} continuations of {each} s");
    let mut table = Table::new("levels", &title, &columns);
    let levels = &outcome.levels;
    let number = |value: f64| Entry::Number(value, 3);
    table.rows.push(vec![
        "validation music".into(),
        number(levels.music[0]),
        number(levels.music[1]),
        Entry::Absent,
        Entry::Absent,
        number(outcome.music.said),
    ]);
    table.rows.push(vec![
        "what was generated".into(),
        number(levels.generated[0]),
        number(levels.generated[1]),
        number(levels.loudest),
        Entry::Text(format!("{} of {}", levels.beyond, levels.seconds)),
        number(levels.bits),
    ]);
    table
}

fn speed(outcome: &Outcome) -> Table {
    let mut table = Table::new("speed", "Speed on one thread", &["work", "figure"]);
    table.rows.push(vec![
        "seconds of sound scored under all classes, in a second".into(),
        Entry::Number(outcome.scored_speed, 2),
    ]);
    table.rows.push(vec![
        "samples generated in a second".into(),
        Entry::Number(outcome.generated_per_s, 0),
    ]);
    table
}

/// Bits of music by each predictor.
pub(crate) fn picture(outcome: &Outcome) -> Sheet {
    let music = &outcome.music;
    let rows = [
        ("unigram", music.unigram),
        ("bigram", music.bigram),
        ("linear", music.linear),
        ("linear, input", music.backward),
        ("WaveNet", music.unsaid),
        ("told the class", music.said),
    ];
    let bars = rows.iter().enumerate().map(|(place, (_, bits))| {
        let place = place as f64;
        (place - 0.35, place + 0.35, *bits)
    });
    Sheet {
        title: "The next sample of music".to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: "Bits per sample of validation music".to_owned(),
            x: Axis::places("predictor", rows.iter().map(|row| row.0)),
            y: Axis::quarters("bits per sample", 8.0),
            marks: vec![Mark::Bars(Ink::Series(0), bars.collect())],
            legend: Vec::new(),
        })],
    }
}
