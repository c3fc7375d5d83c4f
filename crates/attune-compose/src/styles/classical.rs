//! Classical: strings that lead their voices well, broken chords, a bass line and a solo, with some freedom of time.

use super::{Plan, solo, start_of};
use crate::harmony::lead;
use crate::instrument::Instrument;
use crate::score::Band;

/// Degrees, one chord for each bar: the circle of fifths and cadences.
const MAJOR: [[usize; 8]; 3] = [
    [0, 3, 4, 0, 5, 1, 4, 0],
    [0, 4, 5, 2, 3, 0, 3, 4],
    [0, 5, 1, 4, 2, 5, 4, 0],
];
const MINOR: [[usize; 8]; 3] = [
    [0, 3, 6, 2, 5, 1, 4, 0],
    [0, 5, 3, 4, 0, 3, 4, 0],
    [0, 4, 0, 6, 2, 3, 4, 0],
];
const RHYTHMS: [&[(f64, f64)]; 4] = [
    &[(0.0, 1.5), (1.5, 0.5), (2.0, 1.0), (3.0, 0.5), (3.5, 0.5)],
    &[(0.0, 2.0), (2.0, 1.0), (3.0, 1.0)],
    &[(0.0, 1.0), (1.0, 0.5), (1.5, 0.5), (2.0, 1.5), (3.5, 0.5)],
    &[(0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (1.5, 0.5), (2.0, 2.0)],
];

pub(super) fn arrange(band: &mut Band<'_>, plan: Plan) {
    band.looseness = 0.016;
    let chords = plan.chords(&MAJOR, &MINOR, 3, band.rng);
    let strings = band.join(Instrument::Strings, -3.0);
    let broken = band.perhaps(0.75, &[Instrument::Piano, Instrument::Piano, Instrument::Organ], -4.0);
    let chance = if broken.is_some() { 0.75 } else { 1.0 };
    let melody = band.perhaps(chance, &[Instrument::Violin, Instrument::Flute], -1.0);
    let mut voices = vec![50, 57, 62, 66];
    for (bar, chord) in chords.iter().enumerate() {
        let beat = start_of(bar);
        voices = lead(&voices, chord);
        // The phrase swells to its middle and falls.
        let swell = 0.14 * (std::f64::consts::PI * (bar % 8) as f64 / 8.0).sin();
        band.chord(strings, (beat, 4.0), &voices, 0.5 + swell, 0.0);
        band.play(strings, beat, 4.0, chord.root_above(36), 0.55 + swell);
        if let Some(part) = broken {
            for eighth in 0..8 {
                let number = [0, 1, 2, 1, 3, 2, 1, 2][eighth];
                let octave = if number == 3 { 12 } else { 0 };
                let key = chord.tone_above(55, number) + octave;
                band.play(part, beat + eighth as f64 * 0.5, 0.7, key, 0.45 + swell);
            }
        }
    }
    if let Some(part) = melody {
        solo(band, part, (plan.tonality, &chords), &RHYTHMS, 0.62);
    }
}
