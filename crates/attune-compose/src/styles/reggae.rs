//! Reggae: one drop, muted chords on the offbeats, a bubbling organ, a bass that sings.

use super::{Plan, one_of, solo, start_of};
use crate::harmony::lead;
use crate::instrument::Instrument;
use crate::score::{Band, drum};
use rand::RngExt;

const MAJOR: [[usize; 4]; 3] = [[0, 3, 0, 4], [0, 4, 5, 3], [0, 1, 3, 0]];
const MINOR: [[usize; 4]; 3] = [[0, 3, 6, 0], [0, 6, 5, 6], [0, 0, 3, 3]];
/// (beat, beats, tone of the chord): the one is empty as often as not.
const BASS_LINES: [&[(f64, f64, usize)]; 3] = [
    &[
        (0.5, 0.5, 0),
        (1.0, 0.5, 0),
        (1.5, 0.5, 2),
        (2.0, 0.75, 0),
        (3.0, 0.5, 2),
        (3.5, 0.5, 1),
    ],
    &[(0.0, 0.75, 0), (1.5, 0.5, 1), (2.0, 0.5, 2), (2.5, 1.0, 0)],
    &[
        (0.5, 0.5, 0),
        (1.0, 0.75, 1),
        (2.0, 0.5, 2),
        (3.0, 0.5, 0),
        (3.5, 0.5, 0),
    ],
];
const TUNES: [&[(f64, f64)]; 4] = [
    &[(1.0, 0.5), (1.5, 0.5), (2.0, 1.2), (3.5, 0.5)],
    &[(0.0, 1.0), (1.5, 0.5), (2.0, 1.5)],
    &[],
    &[(0.5, 0.5), (1.0, 0.5), (1.5, 0.5), (2.0, 1.0), (3.0, 1.0)],
];

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    band.offbeat = band.rng.random_range(0.52..0.58);
    band.looseness = 0.008;
    let chords = plan.chords(&MAJOR, &MINOR, 3, band.rng);
    let bass = band.join(Instrument::Bass, 0.0);
    let drums = band.join(Instrument::Drums, -2.0);
    let offbeats = *one_of(&[Instrument::Guitar, Instrument::Piano], band.rng);
    let skank = band.join(offbeats, -2.0);
    let organ = band.perhaps(0.7, &[Instrument::Organ], -5.0);
    let winds = [Instrument::Trumpet, Instrument::Saxophone, Instrument::Flute];
    let tune = band.perhaps(0.6, &winds, -2.0);
    let line = *one_of(&BASS_LINES, band.rng);
    let (mut high, mut low) = (vec![62, 67, 71], vec![55, 59, 64]);
    for (bar, chord) in chords.iter().enumerate() {
        let at = start_of(bar);
        high = lead(&high, chord);
        low = lead(&low, chord);
        for beat in [0.5, 1.5, 2.5, 3.5] {
            band.chord(skank, (at + beat, 0.14), &high, 0.8, 0.008);
        }
        if let Some(part) = organ {
            for quarter in 0..16 {
                // The bubble: the left hand on the beat's side, the right hand between.
                let beat = at + f64::from(quarter) * 0.25;
                match quarter % 4 {
                    1 | 3 => band.chord(part, (beat, 0.12), &low, 0.5, 0.0),
                    2 => band.chord(part, (beat, 0.16), &high, 0.6, 0.0),
                    _ => {}
                }
            }
        }
        for &(beat, beats, tone) in line {
            band.play(bass, at + beat, beats, chord.tone_above(29, tone), 0.85);
        }
        one_drop(band, drums, at, bar % 4 == 3);
    }
    if let Some(part) = tune {
        solo(band, part, (plan.tonality, &chords), &TUNES, 0.65);
    }
}

fn one_drop(band: &mut Band<'_>, drums: usize, at: f64, is_last: bool) {
    for eighth in 0..8 {
        let beat = at + f64::from(eighth) * 0.5;
        band.hit(drums, beat, drum::SHAKER, 0.5);
        band.hit(drums, beat + 0.25, drum::SHAKER, 0.35);
        band.hit(drums, beat, drum::HAT, if eighth % 2 == 1 { 0.65 } else { 0.5 });
    }
    // Nothing on the first beat of each half, kick and snare together on the second.
    for beat in [1.0, 3.0] {
        band.hit(drums, at + beat, drum::KICK, 0.9);
        band.hit(drums, at + beat, drum::SNARE, 0.8);
    }
    if is_last {
        for (beat, tom) in [
            (2.5, drum::TOM_HIGH),
            (2.75, drum::TOM_HIGH),
            (3.25, drum::TOM_LOW),
            (3.5, drum::TOM_LOW),
        ] {
            band.hit(drums, at + beat, tom, 0.7);
        }
    }
}
