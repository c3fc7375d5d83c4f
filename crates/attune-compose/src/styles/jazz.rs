//! Jazz: a swinging turnaround with sevenths, a walking bass, comping behind the beat, a solo.

use super::{Plan, one_of, solo, start_of};
use crate::harmony::{Chord, lead};
use crate::instrument::Instrument;
use crate::score::{Band, drum};
use rand::RngExt;

const MAJOR: [[usize; 4]; 3] = [[1, 4, 0, 5], [0, 5, 1, 4], [2, 5, 1, 4]];
const MINOR: [[usize; 4]; 3] = [[1, 4, 0, 0], [0, 3, 1, 4], [0, 5, 1, 4]];
const COMPING: [&[(f64, f64)]; 4] = [
    &[(0.0, 0.7), (1.5, 0.4)],
    &[(0.5, 0.4), (2.5, 0.8)],
    &[(1.5, 0.4), (3.5, 0.5)],
    &[(0.0, 0.4), (2.0, 0.4), (3.5, 0.4)],
];
const PHRASES: [&[(f64, f64)]; 4] = [
    &[
        (0.5, 0.5),
        (1.0, 0.5),
        (1.5, 0.5),
        (2.0, 0.5),
        (2.5, 0.5),
        (3.0, 0.5),
        (3.5, 0.5),
    ],
    &[(0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (1.5, 1.0)],
    &[(1.5, 0.5), (2.0, 0.5), (2.5, 0.5), (3.0, 1.0)],
    &[(0.0, 1.5), (1.5, 0.5), (2.5, 0.5), (3.0, 0.5), (3.5, 0.5)],
];

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    band.offbeat = band.rng.random_range(0.6..0.67);
    band.looseness = 0.011;
    let chords = plan.chords(&MAJOR, &MINOR, 4, band.rng);
    let bass = band.join(Instrument::Bass, -1.0);
    let drums = band.perhaps(0.85, &[Instrument::Drums], -4.0);
    let chords_by = [Instrument::Piano, Instrument::Vibraphone, Instrument::Guitar];
    let comping = band.perhaps(0.85, &chords_by, -3.0);
    let solos = [Instrument::Saxophone, Instrument::Trumpet, Instrument::Flute];
    let soloist = band.perhaps(if comping.is_some() { 0.8 } else { 1.0 }, &solos, 0.0);
    let mut voices = vec![53, 58, 62, 65];
    for (bar, chord) in chords.iter().enumerate() {
        let at = start_of(bar);
        voices = lead(&voices, chord);
        if let Some(part) = comping {
            for &(beat, beats) in *one_of(&COMPING, band.rng) {
                band.chord(part, (at + beat, beats), &voices, 0.6, 0.01);
            }
        }
        walk(band, bass, at, chord, &chords[(bar + 1) % chords.len()]);
        if let Some(part) = drums {
            ride(band, part, at);
        }
    }
    if let Some(part) = soloist {
        solo(band, part, (plan.tonality, &chords), &PHRASES, 0.7);
    }
}

/// Quarters: the root, two tones on the way, and a leading note to the next root.
fn walk(band: &mut Band<'_>, bass: usize, at: f64, chord: &Chord, next: &Chord) {
    let (root, target) = (chord.root_above(31), next.root_above(31));
    let from = if band.rng.random_bool(0.5) { 1 } else { 2 };
    let approach = if band.rng.random_bool(0.5) {
        target + 1
    } else {
        target - 1
    };
    let keys = [
        root,
        chord.tone_above(31, from),
        chord.tone_above(31, 3 - from),
        approach,
    ];
    for (quarter, key) in keys.into_iter().enumerate() {
        band.play(bass, at + quarter as f64, 0.9, key, 0.75);
    }
}

fn ride(band: &mut Band<'_>, drums: usize, at: f64) {
    for (beat, velocity) in [(0.0, 0.6), (1.0, 0.75), (1.5, 0.5), (2.0, 0.6), (3.0, 0.75), (3.5, 0.5)] {
        band.hit(drums, at + beat, drum::RIDE, velocity);
    }
    for beat in [1.0, 3.0] {
        band.hit(drums, at + beat, drum::HAT_FOOT, 0.5);
    }
    let accent = f64::from(band.rng.random_range(0_u8..8)) * 0.5;
    band.hit(drums, at + accent, drum::SNARE, 0.4);
    band.hit(drums, at, drum::KICK, 0.35);
}
