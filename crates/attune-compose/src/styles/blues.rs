//! Blues: a shuffle over twelve bars of sevenths, a boogie in the bass, answers between.

use super::{Plan, one_of, solo, start_of};
use crate::harmony::{Chord, lead};
use crate::instrument::Instrument;
use crate::score::{Band, drum};
use rand::RngExt;

const TWELVE_BARS: [[usize; 12]; 2] = [
    [0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4],
    [0, 3, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4],
];
const LICKS: [&[(f64, f64)]; 4] = [
    &[(0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (1.5, 1.5)],
    &[(1.5, 0.5), (2.0, 0.5), (2.5, 0.5), (3.0, 1.0)],
    &[(0.5, 0.5), (1.0, 1.0), (2.5, 0.5), (3.0, 0.5), (3.5, 0.5)],
    &[],
];

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    band.offbeat = band.rng.random_range(0.6..0.68);
    band.looseness = 0.012;
    let degrees = *one_of(&TWELVE_BARS, band.rng);
    // A piece is entered anywhere in the twelve bars.
    let entry = band.rng.random_range(0..12);
    let chords: Vec<Chord> = (0..plan.bars)
        .map(|bar| plan.tonality.blues_chord(degrees[(bar + entry) % 12]))
        .collect();
    let bass = band.perhaps(0.85, &[Instrument::Bass], -1.0);
    let drums = band.perhaps(0.8, &[Instrument::Drums], -3.0);
    let rhythm = *one_of(&[Instrument::Piano, Instrument::Guitar, Instrument::Organ], band.rng);
    let comping = band.join(rhythm, -2.0);
    let others = [Instrument::Guitar, Instrument::Saxophone, Instrument::Piano];
    let others: Vec<Instrument> = others.into_iter().filter(|&other| other != rhythm).collect();
    let licks = band.perhaps(0.85, &others, 0.0);
    let mut voices = vec![54, 58, 63];
    for (bar, chord) in chords.iter().enumerate() {
        let at = start_of(bar);
        voices = lead(&voices, chord);
        for beat in 0..4 {
            let beat = at + f64::from(beat);
            band.chord(comping, (beat, 0.45), &voices, 0.6, 0.008);
            band.chord(comping, (beat + 0.5, 0.3), &voices, 0.45, 0.008);
        }
        if let Some(part) = bass {
            // Root, third, fifth, sixth and back.
            let root = chord.root_above(31);
            let steps = [0, 0, chord.intervals[1], chord.intervals[1], 7, 7, 9, 7];
            for (eighth, step) in steps.into_iter().enumerate() {
                band.play(part, at + eighth as f64 * 0.5, 0.45, root + step, 0.75);
            }
        }
        if let Some(part) = drums {
            shuffle(band, part, at);
        }
    }
    if let Some(part) = licks {
        solo(band, part, (plan.tonality, &chords), &LICKS, 0.75);
    }
}

fn shuffle(band: &mut Band<'_>, drums: usize, at: f64) {
    for beat in 0..4 {
        let on = at + f64::from(beat);
        band.hit(drums, on, drum::RIDE, 0.55);
        band.hit(drums, on + 0.5, drum::RIDE, 0.4);
        let (what, velocity) = if beat % 2 == 0 {
            (drum::KICK, 0.8)
        } else {
            (drum::SNARE, 0.8)
        };
        band.hit(drums, on, what, velocity);
    }
}
