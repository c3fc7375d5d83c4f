//! Jazz: a swinging turnaround in C at 150, tenor saxophone over piano, walking bass and brushes on the ride.

use crate::harmony::{A, C, Chord, D, FLAT_NINTH, G, MAJOR_NINTH, MINOR_NINTH, THIRTEENTH, key_above, lead};
use crate::score::{Band, DRUMS, Player, Score};

const PIANO: u8 = 0;
const BASS: u8 = 1;
const SAX: u8 = 2;

const PLAYERS: [Player; 4] = [
    player(PIANO, 0, 127, 44),
    player(BASS, 32, 108, 70),
    player(SAX, 66, 98, 60),
    player(DRUMS, 32, 78, 76),
];

const fn player(channel: u8, program: u8, volume: u8, pan: u8) -> Player {
    Player {
        channel,
        program,
        volume,
        pan,
        reverb: 72,
    }
}

const RIDE: u8 = 51;
const HAT_FOOT: u8 = 44;
const KICK: u8 = 36;
const SNARE: u8 = 38;

/// One chord a bar.
const CHANGES: [Chord; 8] = [
    Chord::new(D, MINOR_NINTH),
    Chord::new(G, THIRTEENTH),
    Chord::new(C, MAJOR_NINTH),
    Chord::new(A, FLAT_NINTH),
    Chord::new(D, MINOR_NINTH),
    Chord::new(G, FLAT_NINTH),
    Chord::new(C, MAJOR_NINTH),
    Chord::new(C, MAJOR_NINTH),
];

/// Quarters of the bass for each bar: root, two on the way, and a leading note to the next root.
const WALK: [[u8; 4]; 8] = [
    [38, 41, 45, 44],
    [43, 47, 50, 49],
    [48, 47, 45, 46],
    [45, 49, 52, 51],
    [50, 48, 45, 42],
    [43, 41, 38, 37],
    [36, 40, 43, 45],
    [48, 43, 40, 36],
];

/// The solo: (beat, beats, key), eighths that will be swung, with rests to breathe.
const SOLO: [(f64, f64, u8); 52] = [
    (0.5, 0.5, 65),
    (1.0, 0.5, 69),
    (1.5, 0.5, 72),
    (2.0, 0.5, 76),
    (2.5, 0.5, 74),
    (3.0, 0.5, 72),
    (3.5, 0.5, 69),
    (4.0, 0.5, 71),
    (4.5, 0.5, 74),
    (5.0, 0.5, 77),
    (5.5, 0.5, 76),
    (6.0, 0.5, 75),
    (6.5, 0.5, 74),
    (7.0, 0.5, 71),
    (7.5, 0.5, 68),
    (8.0, 1.5, 67),
    (9.5, 0.5, 64),
    (10.5, 0.5, 62),
    (11.0, 0.5, 64),
    (11.5, 1.0, 67),
    (13.0, 0.5, 73),
    (13.5, 0.5, 76),
    (14.0, 0.5, 79),
    (14.5, 0.5, 82),
    (15.0, 0.5, 81),
    (15.5, 0.5, 79),
    (16.0, 0.5, 77),
    (16.5, 0.5, 76),
    (17.0, 0.5, 74),
    (17.5, 0.5, 72),
    (18.0, 0.5, 74),
    (18.5, 0.5, 77),
    (19.0, 0.5, 81),
    (19.5, 0.5, 79),
    (20.0, 0.5, 80),
    (20.5, 0.5, 77),
    (21.0, 0.5, 74),
    (21.5, 0.5, 71),
    (22.0, 0.5, 72),
    (22.5, 0.5, 74),
    (23.0, 0.5, 75),
    (23.5, 0.5, 74),
    (24.0, 1.0, 76),
    (25.5, 0.5, 72),
    (26.0, 0.5, 74),
    (26.5, 0.5, 76),
    (27.0, 0.5, 79),
    (27.5, 1.0, 74),
    (29.0, 0.5, 71),
    (29.5, 0.5, 72),
    (30.0, 0.5, 69),
    (30.5, 1.4, 67),
];

pub(crate) fn compose(score: &mut Score, start: f64) -> f64 {
    let mut band = Band::new(score, start, 150.0, &PLAYERS);
    band.offbeat = 0.64;
    band.looseness = 0.012;
    // Charleston and its late answer take turns.
    let comping: [&[(f64, f64)]; 3] = [
        &[(0.0, 0.7), (1.5, 0.4)],
        &[(0.5, 0.4), (2.5, 0.8)],
        &[(1.5, 0.4), (3.5, 0.5)],
    ];
    let mut voices = vec![53, 57, 60, 64];
    for (bar, chord) in CHANGES.into_iter().enumerate() {
        let at = bar as f64 * 4.0;
        voices = lead(&voices, chord);
        for &(beat, beats) in comping[bar % 3] {
            band.chord(PIANO, at + beat, beats, &voices, 84, 0.01);
        }
        for (quarter, key) in WALK[bar].into_iter().enumerate() {
            band.play(BASS, at + quarter as f64, 0.9, key, 92);
        }
        if bar % 2 == 1 {
            // A skip before the fourth beat, an octave of the root below.
            band.play(BASS, at + 2.5, 0.3, key_above(chord.root, 31), 78);
        }
        drums(&mut band, at, bar);
    }
    band.melody(SAX, &SOLO, 92);
    32.0 * 60.0 / 150.0
}

fn drums(band: &mut Band<'_>, at: f64, bar: usize) {
    for (beat, velocity) in [(0.0, 84), (1.0, 96), (1.5, 70), (2.0, 84), (3.0, 96), (3.5, 70)] {
        band.hit(at + beat, RIDE, velocity);
    }
    for beat in [1.0, 3.0] {
        band.hit(at + beat, HAT_FOOT, 78);
    }
    for beat in 0..4 {
        band.hit(at + f64::from(beat), KICK, 44); // feathered
    }
    for &(beat, velocity) in [
        &[(2.5, 62)][..],
        &[(1.5, 54), (3.5, 66)],
        &[(0.5, 50)],
        &[(2.5, 58), (3.0, 70), (3.5, 76)],
    ][bar % 4]
    {
        band.hit(at + beat, SNARE, velocity);
    }
}
