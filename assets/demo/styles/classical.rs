//! Classical: a slow sarabande in G minor for strings, cello, a solo violin and broken chords on the piano.

use crate::harmony::{A, B_FLAT, C, Chord, D, DIMINISHED, DOMINANT, E_FLAT, F, G, MAJOR, MINOR, lead};
use crate::score::{Band, Player, Score};

const STRINGS: u8 = 0;
const CELLO: u8 = 1;
const VIOLIN: u8 = 2;
const PIANO: u8 = 3;

const PLAYERS: [Player; 4] = [
    player(STRINGS, 48, 108, 64),
    player(CELLO, 42, 123, 84),
    player(VIOLIN, 40, 118, 44),
    player(PIANO, 0, 95, 60),
];

const fn player(channel: u8, program: u8, volume: u8, pan: u8) -> Player {
    Player {
        channel,
        program,
        volume,
        pan,
        reverb: 90,
    }
}

/// The baroque circle of fifths, a chord for two beats, and a cadence.
const PROGRESSION: [Chord; 8] = [
    Chord::new(G, MINOR),
    Chord::new(C, MINOR),
    Chord::new(F, DOMINANT),
    Chord::new(B_FLAT, MAJOR),
    Chord::new(E_FLAT, MAJOR),
    Chord::new(A, DIMINISHED),
    Chord::new(D, DOMINANT),
    Chord::new(G, MINOR),
];

/// Four bars at 72: (beat, beats, key). Suspensions resolve down by step on the weak beats.
const MELODY: [(f64, f64, u8); 21] = [
    (0.0, 1.5, 79),
    (1.5, 0.5, 81),
    (2.0, 1.0, 79),
    (3.0, 0.5, 77),
    (3.5, 0.5, 75),
    (4.0, 1.0, 75),
    (5.0, 0.5, 74),
    (5.5, 0.5, 72),
    (6.0, 1.0, 74),
    (7.0, 0.5, 77),
    (7.5, 0.5, 82),
    (8.0, 1.5, 79),
    (9.5, 0.25, 77),
    (9.75, 0.25, 75),
    (10.0, 1.0, 75),
    (11.0, 0.5, 74),
    (11.5, 0.5, 72),
    (12.0, 1.0, 72),
    (13.0, 0.5, 70),
    (13.5, 0.5, 69),
    (14.0, 2.0, 70),
];

pub(crate) fn compose(score: &mut Score, start: f64) -> f64 {
    let mut band = Band::new(score, start, 72.0, &PLAYERS);
    band.looseness = 0.018;
    let mut voices = vec![58, 62, 67, 70];
    for (i, chord) in PROGRESSION.into_iter().enumerate() {
        let beat = 2.0 * i as f64;
        voices = lead(&voices, chord);
        // The phrase swells to its middle and falls.
        let swell = (12.0 * (std::f64::consts::PI * beat / 16.0).sin()) as u8;
        band.chord(STRINGS, beat, 2.0, &voices, 62 + swell, 0.0);
        let root = chord.root_above(38);
        band.play(CELLO, beat, 1.4, root, 76 + swell);
        // The cello walks to the next root through the third.
        band.play(CELLO, beat + 1.5, 0.5, root + chord.intervals[1], 66 + swell);
        if i < 7 {
            // Broken chord, up and back, over the sustained strings.
            for (step, &voice) in [0, 1, 2, 3, 2, 1, 2, 1].iter().enumerate() {
                band.play(PIANO, beat + step as f64 * 0.25, 0.4, voices[voice], 54 + swell);
            }
        } else {
            band.chord(PIANO, beat, 2.0, &voices, 56, 0.06);
        }
    }
    band.melody(VIOLIN, &MELODY, 80);
    16.0 * 60.0 / 72.0
}
