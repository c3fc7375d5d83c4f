//! Reggae: one drop at 74, muted guitar and clavinet on the offbeats, bubbling organ, a bass that sings, two voices above.

use crate::harmony::{A, Chord, D, E, F, G, MAJOR, MINOR, lead};
use crate::score::{Band, DRUMS, Player, Score};

const BASS: u8 = 0;
const GUITAR: u8 = 1;
const ORGAN: u8 = 2;
const VOICES: u8 = 3;
const CLAVINET: u8 = 4;

const PLAYERS: [Player; 6] = [
    player(BASS, 33, 92, 64),
    player(GUITAR, 28, 127, 92),
    player(ORGAN, 16, 84, 36),
    player(VOICES, 54, 70, 64),
    player(CLAVINET, 7, 80, 46),
    player(DRUMS, 8, 127, 64),
];

const fn player(channel: u8, program: u8, volume: u8, pan: u8) -> Player {
    Player {
        channel,
        program,
        volume,
        pan,
        reverb: 30,
    }
}

const KICK: u8 = 36;
const SNARE: u8 = 38;
const HAT: u8 = 42;
const SHAKER: u8 = 70;
const HAT_OPEN: u8 = 46;
const TIMBALES: [u8; 2] = [65, 66];

/// One chord for two beats.
const CHANGES: [Chord; 8] = [
    Chord::new(A, MINOR),
    Chord::new(A, MINOR),
    Chord::new(D, MINOR),
    Chord::new(G, MAJOR),
    Chord::new(A, MINOR),
    Chord::new(F, MAJOR),
    Chord::new(D, MINOR),
    Chord::new(E, MINOR),
];

/// The bass leaves the one empty as often as not.
const BASS_LINE: [(f64, f64, u8); 24] = [
    (0.5, 0.5, 33),
    (1.0, 0.5, 33),
    (1.5, 0.5, 40),
    (2.0, 0.75, 45),
    (3.0, 0.5, 43),
    (3.5, 0.5, 40),
    (4.5, 0.5, 38),
    (5.0, 0.5, 41),
    (5.5, 0.5, 45),
    (6.0, 0.75, 43),
    (7.0, 0.5, 38),
    (7.5, 0.5, 35),
    (8.5, 0.5, 33),
    (9.0, 0.5, 36),
    (9.5, 0.5, 40),
    (10.0, 0.75, 41),
    (11.0, 0.5, 36),
    (11.5, 0.5, 41),
    (12.5, 0.5, 38),
    (13.0, 0.5, 41),
    (13.5, 0.5, 38),
    (14.0, 0.75, 40),
    (15.0, 0.5, 35),
    (15.5, 0.4, 31),
];

const TUNE: [(f64, f64, u8); 15] = [
    (1.0, 0.5, 64),
    (1.5, 0.5, 67),
    (2.0, 1.2, 69),
    (3.5, 0.5, 67),
    (4.0, 1.0, 65),
    (5.5, 0.5, 62),
    (6.0, 1.5, 67),
    (9.0, 0.5, 72),
    (9.5, 0.5, 71),
    (10.0, 1.2, 69),
    (11.5, 0.5, 67),
    (12.0, 0.75, 65),
    (13.0, 0.5, 64),
    (13.5, 0.5, 62),
    (14.0, 1.6, 64),
];

pub(crate) fn compose(score: &mut Score, start: f64) -> f64 {
    let mut band = Band::new(score, start, 74.0, &PLAYERS);
    band.offbeat = 0.55;
    band.looseness = 0.008;
    let (mut high, mut low) = (vec![64, 69, 72], vec![57, 60, 64]);
    for (i, chord) in CHANGES.into_iter().enumerate() {
        let at = 2.0 * i as f64;
        high = lead(&high, chord);
        low = lead(&low, chord);
        for beat in [0.5, 1.5] {
            // The skank: short, on the offbeat, guitar and clavinet as one.
            band.chord(GUITAR, at + beat, 0.14, &high, 100, 0.008);
            band.chord(CLAVINET, at + beat, 0.18, &low, 88, 0.0);
        }
        for quarter in 0..8 {
            // The bubble: left hand on the beat side, right hand between.
            let beat = at + f64::from(quarter) * 0.25;
            match quarter % 4 {
                1 | 3 => band.chord(ORGAN, beat, 0.12, &low, 66, 0.0),
                2 => band.chord(ORGAN, beat, 0.16, &high, 78, 0.0),
                _ => {}
            }
        }
    }
    for bar in 0..4 {
        drums(&mut band, f64::from(bar) * 4.0, bar == 3);
    }
    band.melody(BASS, &BASS_LINE, 108);
    band.melody(VOICES, &TUNE, 84);
    let below = TUNE.map(|(beat, beats, key)| (beat, beats, third_below(key)));
    band.melody(VOICES, &below, 76);
    16.0 * 60.0 / 74.0
}

/// A third below in A minor: three or four semitones, whichever is a white key.
fn third_below(key: u8) -> u8 {
    let black = [1, 3, 6, 8, 10].contains(&((key - 3) % 12));
    if black { key - 4 } else { key - 3 }
}

fn drums(band: &mut Band<'_>, at: f64, last: bool) {
    for eighth in 0..8 {
        let beat = at + f64::from(eighth) * 0.5;
        for (offset, velocity) in [(0.0, 96), (0.25, 76)] {
            band.hit(beat + offset, SHAKER, velocity);
        }
        band.hit(beat, HAT, if eighth % 2 == 1 { 112 } else { 92 });
        if eighth % 4 == 3 {
            band.hit(beat + 0.25, HAT, 54);
        }
    }
    // One drop: nothing on the first beat of each half, kick and snare together on the second.
    for beat in [1.0, 3.0] {
        band.hit(at + beat, KICK, 114);
        band.hit(at + beat, SNARE, 118);
    }
    band.hit(at + 3.5, HAT_OPEN, 70);
    if last {
        for (beat, drum) in [(2.5, 0), (2.75, 0), (3.25, 1), (3.5, 1), (3.75, 1)] {
            band.hit(at + beat, TIMBALES[drum], 94);
        }
        band.hit(at + 3.0, SNARE, 96);
    }
}
