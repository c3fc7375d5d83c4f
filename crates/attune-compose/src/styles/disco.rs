//! Disco: four on the floor, open hats between, octaves in the bass, sixteenths of a guitar, strings above.

use super::{Plan, one_of, solo, start_of};
use crate::harmony::lead;
use crate::instrument::Instrument;
use crate::score::{Band, drum};
use rand::RngExt;

const MAJOR: [[usize; 4]; 3] = [[0, 5, 3, 4], [0, 3, 5, 4], [3, 4, 2, 5]];
const MINOR: [[usize; 4]; 3] = [[0, 3, 6, 0], [0, 5, 6, 0], [0, 6, 5, 4]];
const SCRATCHES: [&[f64]; 3] = [
    &[0.0, 0.5, 0.75, 1.5, 2.0, 2.75, 3.5],
    &[0.5, 0.75, 1.25, 1.75, 2.5, 2.75, 3.25, 3.75],
    &[0.25, 0.75, 1.0, 1.75, 2.25, 2.75, 3.0, 3.75],
];
const LINES: [&[(f64, f64)]; 3] = [
    &[(0.0, 1.0), (1.0, 0.5), (1.5, 1.0), (3.0, 1.0)],
    &[(0.0, 3.0), (3.0, 0.5), (3.5, 0.5)],
    &[(0.0, 0.5), (0.5, 0.5), (1.0, 1.0), (2.5, 0.5), (3.0, 1.0)],
];

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    let chords = plan.chords(&MAJOR, &MINOR, 3, band.rng);
    let drums = band.join(Instrument::Drums, 0.0);
    let bass = band.join(Instrument::Bass, -1.0);
    let guitar = band.perhaps(0.8, &[Instrument::Guitar], -4.0);
    let strings = band.perhaps(0.7, &[Instrument::Strings], -4.0);
    let stabs = band.perhaps(0.6, &[Instrument::Trumpet, Instrument::Piano], -4.0);
    let scratch = *one_of(&SCRATCHES, band.rng);
    let mut voices = vec![57, 62, 66];
    for (bar, chord) in chords.iter().enumerate() {
        let at = start_of(bar);
        voices = lead(&voices, chord);
        let root = chord.root_above(29);
        for eighth in 0..8 {
            let key = root + if eighth % 2 == 1 { 12 } else { 0 };
            band.play(bass, at + f64::from(eighth) * 0.5, 0.42, key, 0.8);
        }
        if let Some(part) = guitar {
            for &beat in scratch {
                band.chord(part, (at + beat, 0.16), &voices, 0.6, 0.01);
            }
        }
        if let Some(part) = stabs.filter(|_| bar % 2 == 1) {
            for (beat, beats) in [(2.0, 0.25), (2.75, 0.25), (3.5, 0.4)] {
                band.chord(part, (at + beat, beats), &voices, 0.8, 0.0);
            }
        }
        beat_of(band, drums, at, bar);
    }
    if let Some(part) = strings {
        solo(band, part, (plan.tonality, &chords), &LINES, 0.62);
    }
}

fn beat_of(band: &mut Band<'_>, drums: usize, at: f64, bar: usize) {
    let claps = band.rng.random_bool(0.5);
    for beat in 0..4 {
        let beat = at + f64::from(beat);
        band.hit(drums, beat, drum::KICK, 0.95);
        band.hit(drums, beat + 0.5, drum::HAT_OPEN, 0.7);
        for (offset, velocity) in [(0.0, 0.55), (0.25, 0.4), (0.75, 0.4)] {
            band.hit(drums, beat + offset, drum::HAT, velocity);
        }
    }
    for beat in [1.0, 3.0] {
        band.hit(drums, at + beat, drum::SNARE, 0.85);
        if claps {
            band.hit(drums, at + beat, drum::CLAP, 0.7);
        }
    }
    if bar.is_multiple_of(4) {
        band.hit(drums, at, drum::CRASH, 0.7);
    }
    if bar % 8 == 7 {
        for sixteenth in 0..4 {
            let beat = at + 3.0 + f64::from(sixteenth) * 0.25;
            band.hit(drums, beat, drum::SNARE, 0.7 + 0.06 * f64::from(sixteenth));
        }
    }
}
