//! Disco: four on the floor at 120, octaves in the bass, sixteenths on a muted guitar, strings that sweep, brass that stabs.

use crate::harmony::{A, B_FLAT, C, Chord, D, DOMINANT, F, G, MAJOR_SEVENTH, MINOR_SEVENTH, lead};
use crate::score::{Band, DRUMS, Player, Score};

const BASS: u8 = 0;
const GUITAR: u8 = 1;
const STRINGS: u8 = 2;
const BRASS: u8 = 3;
const PIANO: u8 = 4;

const PLAYERS: [Player; 6] = [
    player(BASS, 33, 103, 64),
    player(GUITAR, 28, 77, 100),
    player(STRINGS, 48, 88, 56),
    player(BRASS, 61, 77, 40),
    player(PIANO, 1, 66, 30),
    player(DRUMS, 0, 110, 64),
];

const fn player(channel: u8, program: u8, volume: u8, pan: u8) -> Player {
    Player {
        channel,
        program,
        volume,
        pan,
        reverb: 36,
    }
}

const KICK: u8 = 36;
const SNARE: u8 = 38;
const CLAP: u8 = 39;
const HAT_CLOSED: u8 = 42;
const HAT_OPEN: u8 = 46;
const CRASH: u8 = 49;
const CONGAS: [u8; 2] = [63, 64];

/// One chord a bar, in D minor.
const CHANGES: [Chord; 7] = [
    Chord::new(D, MINOR_SEVENTH),
    Chord::new(G, MINOR_SEVENTH),
    Chord::new(C, DOMINANT),
    Chord::new(F, MAJOR_SEVENTH),
    Chord::new(B_FLAT, MAJOR_SEVENTH),
    Chord::new(G, MINOR_SEVENTH),
    Chord::new(A, DOMINANT),
];

/// The strings' line, two octaves of it: (beat, beats, key).
const LINE: [(f64, f64, u8); 27] = [
    (0.0, 1.5, 81),
    (1.5, 0.5, 84),
    (2.0, 2.0, 86),
    (4.0, 1.5, 82),
    (5.5, 0.5, 81),
    (6.0, 2.0, 79),
    (8.0, 1.5, 82),
    (9.5, 0.5, 81),
    (10.0, 1.0, 79),
    (11.0, 0.25, 76),
    (11.25, 0.25, 77),
    (11.5, 0.25, 79),
    (11.75, 0.25, 81),
    (12.0, 3.0, 84),
    (15.5, 0.5, 82),
    (16.0, 1.5, 81),
    (17.5, 0.5, 77),
    (18.0, 2.0, 74),
    (20.0, 1.0, 79),
    (21.0, 1.0, 82),
    (22.0, 2.0, 86),
    (24.0, 1.0, 85),
    (25.0, 1.0, 88),
    (26.0, 0.5, 85),
    (26.5, 0.5, 81),
    (27.0, 0.5, 79),
    (27.5, 0.5, 76),
];

pub(crate) fn compose(score: &mut Score, start: f64) -> f64 {
    let mut band = Band::new(score, start, 122.0, &PLAYERS);
    band.looseness = 0.004;
    let (mut guitar, mut keys) = (vec![62, 65, 69, 72], vec![57, 60, 62, 65]);
    for (bar, chord) in CHANGES.into_iter().enumerate() {
        let at = bar as f64 * 4.0;
        guitar = lead(&guitar, chord);
        keys = lead(&keys, chord);
        let root = chord.root_above(31);
        for beat in 0..4 {
            let beat = at + f64::from(beat);
            band.play(BASS, beat, 0.4, root, 104);
            band.play(BASS, beat + 0.5, 0.3, root + 12, 96);
        }
        band.play(BASS, at + 3.75, 0.2, root + 10, 84);
        for sixteenth in 0..16 {
            // The right hand never stops; the left lets some strokes ring.
            let rings = [2, 6, 7, 10, 14].contains(&sixteenth);
            let (beats, velocity) = if rings { (0.2, 92) } else { (0.06, 60) };
            band.chord(
                GUITAR,
                at + f64::from(sixteenth) * 0.25,
                beats,
                &guitar[1..],
                velocity,
                0.01,
            );
        }
        for beat in [0.0, 1.5, 2.5] {
            band.chord(PIANO, at + beat, 0.8, &keys, 74, 0.0);
        }
        if bar % 2 == 1 {
            for (beat, beats) in [(2.0, 0.2), (2.75, 0.2), (3.5, 0.3)] {
                band.chord(BRASS, at + beat, beats, &guitar, 104, 0.0);
            }
        }
        drums(&mut band, at, bar);
    }
    band.melody(STRINGS, &LINE, 88);
    let below = LINE.map(|(beat, beats, key)| (beat, beats, key - 12));
    band.melody(STRINGS, &below, 84);
    28.0 * 60.0 / 122.0
}

fn drums(band: &mut Band<'_>, at: f64, bar: usize) {
    for beat in 0..4 {
        let beat = at + f64::from(beat);
        band.hit(beat, KICK, 118);
        band.hit(beat + 0.5, HAT_OPEN, 96);
        for (offset, velocity) in [(0.0, 78), (0.25, 62), (0.75, 62)] {
            band.hit(beat + offset, HAT_CLOSED, velocity);
        }
        band.hit(beat + 0.75, CONGAS[0], 66);
        band.hit(beat + 0.25, CONGAS[1], 58);
    }
    for beat in [1.0, 3.0] {
        band.hit(at + beat, SNARE, 108);
        band.hit(at + beat, CLAP, 92);
    }
    if bar.is_multiple_of(4) {
        band.hit(at, CRASH, 96);
    }
    if bar == 6 {
        for sixteenth in 0..4 {
            band.hit(at + 3.0 + f64::from(sixteenth) * 0.25, SNARE, 96 + 6 * sixteenth as u8);
        }
    }
}
