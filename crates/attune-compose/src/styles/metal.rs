//! Metal: palm-muted power chords, a double bass drum, and a lead over the middle.

use super::{Plan, one_of, solo, start_of};
use crate::instrument::Instrument;
use crate::score::{Band, drum};
use rand::RngExt;

const MAJOR: [[usize; 4]; 2] = [[0, 3, 4, 0], [0, 4, 5, 3]];
const MINOR: [[usize; 4]; 3] = [[0, 5, 6, 0], [0, 1, 0, 6], [0, 2, 5, 6]];
/// Which sixteenths of a bar are chords; the others are muted strokes.
const RIFFS: [[bool; 16]; 3] = [
    riff(&[0, 6, 10, 14]),
    riff(&[0, 3, 6, 8, 11, 14]),
    riff(&[0, 4, 7, 8, 12, 15]),
];
const LEADS: [&[(f64, f64)]; 2] = [
    &[
        (0.0, 0.25),
        (0.25, 0.25),
        (0.5, 0.25),
        (0.75, 0.25),
        (1.0, 0.5),
        (1.5, 0.5),
        (2.0, 0.25),
        (2.25, 0.25),
        (2.5, 1.5),
    ],
    &[
        (0.0, 0.5),
        (0.5, 0.5),
        (1.0, 0.5),
        (1.5, 0.5),
        (2.0, 1.0),
        (3.0, 0.5),
        (3.5, 0.5),
    ],
];

const fn riff(strokes: &[usize]) -> [bool; 16] {
    let mut all = [false; 16];
    let mut i = 0;
    while i < strokes.len() {
        all[strokes[i]] = true;
        i += 1;
    }
    all
}

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    band.looseness = 0.004;
    let chords = plan.chords(&MAJOR, &MINOR, 3, band.rng);
    let guitar = band.join(Instrument::DistortedGuitar, 0.0);
    let drums = band.join(Instrument::Drums, 0.0);
    let bass = band.perhaps(0.85, &[Instrument::Bass], -3.0);
    let keys = band.perhaps(0.25, &[Instrument::Organ, Instrument::Strings], -6.0);
    let pattern = *one_of(&RIFFS, band.rng);
    let phase = band.rng.random_range(0..4);
    for (bar, chord) in chords.iter().enumerate() {
        let at = start_of(bar);
        let root = chord.root_above(38);
        for (step, &is_chord) in pattern.iter().enumerate() {
            let beat = at + step as f64 * 0.25;
            if is_chord {
                band.chord(guitar, (beat, 0.6), &[root, root + 7, root + 12], 0.95, 0.0);
            } else {
                band.chord(guitar, (beat, 0.12), &[root, root + 7], 0.6, 0.0);
            }
            if let Some(part) = bass {
                band.play(part, beat, 0.22, root - 12, 0.8);
            }
        }
        if let Some(part) = keys {
            let tones: Vec<u8> = (0..3).map(|tone| chord.tone_above(60, tone)).collect();
            band.chord(part, (at, 4.0), &tones, 0.5, 0.0);
        }
        if (bar + phase) % 8 < 4 {
            verse(band, drums, at);
        } else {
            blast(band, drums, at);
        }
        if bar % 2 == 0 {
            band.hit(drums, at, drum::CRASH, 0.9);
        }
    }
    if band.rng.random_bool(0.5) {
        solo(band, guitar, (plan.tonality, &chords), &LEADS, 0.8);
    }
}

fn verse(band: &mut Band<'_>, drums: usize, at: f64) {
    for eighth in 0..8 {
        let beat = at + f64::from(eighth) * 0.5;
        band.hit(drums, beat, drum::HAT_OPEN, 0.75);
        // Two bass drums, with a breath on every second beat.
        if eighth % 4 != 2 {
            band.hit(drums, beat, drum::KICK, 0.95);
            band.hit(drums, beat + 0.25, drum::KICK, 0.85);
        }
    }
    for beat in [1.0, 3.0] {
        band.hit(drums, at + beat, drum::SNARE, 1.0);
    }
}

fn blast(band: &mut Band<'_>, drums: usize, at: f64) {
    for sixteenth in 0..16 {
        let beat = at + f64::from(sixteenth) * 0.25;
        band.hit(drums, beat, drum::KICK, 0.85);
        if sixteenth % 4 == 0 {
            band.hit(drums, beat, drum::CRASH, 0.7);
        }
        if sixteenth % 4 == 2 {
            band.hit(drums, beat, drum::SNARE, 0.95);
        }
    }
}
