//! Metal: palm-muted E phrygian at 190, two distorted guitars left and right, double bass drum, a lead over the middle.

use crate::score::{Band, DRUMS, Player, Score};

const LEFT: u8 = 0;
const RIGHT: u8 = 1;
const BASS: u8 = 2;
const LEAD: u8 = 3;

const PLAYERS: [Player; 5] = [
    player(LEFT, 30, 68, 14),
    player(RIGHT, 30, 68, 114),
    player(BASS, 34, 44, 64),
    player(LEAD, 30, 30, 70),
    player(DRUMS, 16, 66, 64),
];

const fn player(channel: u8, program: u8, volume: u8, pan: u8) -> Player {
    Player {
        channel,
        program,
        volume,
        pan,
        reverb: 0,
    }
}

const KICK: u8 = 36;
const SNARE: u8 = 40;
const HAT_OPEN: u8 = 46;
const CRASH: u8 = 49;
const CHINA: u8 = 52;
const CRASH_TWO: u8 = 57;
const TOMS: [u8; 4] = [50, 48, 45, 41];

/// Root of the power chord in each sixteenth of two bars; 0: the open string is chugged, palm-muted.
const RIFF: [u8; 32] = [
    40, 0, 0, 0, 0, 0, 43, 0, 0, 0, 41, 0, 0, 0, 40, 0, //
    40, 0, 0, 0, 0, 0, 46, 0, 45, 0, 0, 43, 0, 41, 0, 0,
];
/// The second half: long chords, one for each half bar.
const CHORDS: [u8; 8] = [40, 43, 41, 45, 40, 46, 43, 41];
/// The lead: sixteenths up and down E phrygian, a run for each half bar.
const RUN: [i8; 8] = [0, 1, 3, 5, 7, 5, 3, 1];

pub(crate) fn compose(score: &mut Score, start: f64) -> f64 {
    let mut band = Band::new(score, start, 190.0, &PLAYERS);
    band.looseness = 0.005;
    for bar in 0..10 {
        let at = f64::from(bar) * 4.0;
        if (4..8).contains(&bar) {
            chords(&mut band, at, bar as usize - 4);
            blast(&mut band, at);
        } else {
            riff(&mut band, at, bar as usize % 2);
            verse_drums(&mut band, at);
        }
        if bar % 2 == 0 {
            band.hit(at, CRASH, 118);
        }
    }
    for (i, &tom) in TOMS.iter().flat_map(|tom| [tom; 2]).enumerate() {
        band.hit(14.0 + i as f64 * 0.25, tom, 112);
    }
    for guitar in [LEFT, RIGHT, BASS] {
        power_chord(&mut band, guitar, 40.0, 1.6, 40, 120);
    }
    band.hit(40.0, KICK, 124);
    band.hit(40.0, CRASH, 122);
    41.6 * 60.0 / 190.0
}

fn power_chord(band: &mut Band<'_>, channel: u8, beat: f64, beats: f64, root: u8, velocity: u8) {
    if channel == BASS {
        band.play(channel, beat, beats, root - 12, velocity);
    } else {
        band.chord(channel, beat, beats, &[root, root + 7, root + 12], velocity, 0.0);
    }
}

fn riff(band: &mut Band<'_>, at: f64, half: usize) {
    // The left guitar lets its chords ring under what the right one and the bass hammer out.
    for (beat, beats) in [(0.0, 2.0), (2.0, 2.0)] {
        power_chord(band, LEFT, at + beat, beats, 40, 112);
    }
    for (step, &root) in RIFF[half * 16..][..16].iter().enumerate() {
        let beat = at + step as f64 * 0.25;
        if root == 0 {
            // A muted string: short, and softer than the chords.
            band.chord(RIGHT, beat, 0.28, &[40, 47, 52], 100, 0.0);
            band.play(BASS, beat, 0.28, 28, 100);
        } else {
            power_chord(band, RIGHT, beat, 0.6, root, 122);
            power_chord(band, LEFT, beat, 0.6, root + 12, 84);
            power_chord(band, BASS, beat, 0.6, root, 112);
        }
    }
}

fn chords(band: &mut Band<'_>, at: f64, bar: usize) {
    for half in 0..2 {
        let root = CHORDS[bar * 2 + half];
        let beat = at + half as f64 * 2.0;
        power_chord(band, LEFT, beat, 2.0, root, 116);
        for stroke in 0..8 {
            power_chord(band, RIGHT, beat + f64::from(stroke) * 0.25, 0.3, root, 108);
        }
        for step in 0..8 {
            let offset = beat + f64::from(step) * 0.25;
            band.play(BASS, offset, 0.22, root - 12, 108);
            let key = 76 + RUN[step as usize] + [0, 3, 1, 5][bar] + if half == 1 { 2 } else { 0 };
            band.play(LEAD, offset, 0.26, key as u8, 104);
        }
    }
}

fn verse_drums(band: &mut Band<'_>, at: f64) {
    for eighth in 0..8 {
        let beat = at + f64::from(eighth) * 0.5;
        band.hit(beat, if eighth % 2 == 0 { CHINA } else { HAT_OPEN }, 122);
        // Two bass drums, with a breath on every second beat.
        if eighth % 4 != 2 {
            band.hit(beat, KICK, 120);
            band.hit(beat + 0.25, KICK, 112);
        }
    }
    // The snare between the beats: twice as fast as it is counted.
    for beat in 0..4 {
        band.hit(at + f64::from(beat) + 0.5, SNARE, 116);
    }
}

fn blast(band: &mut Band<'_>, at: f64) {
    for sixteenth in 0..16 {
        let beat = at + f64::from(sixteenth) * 0.25;
        band.hit(beat, KICK, 112 + 8 * u8::from(sixteenth % 4 == 0));
        if sixteenth % 4 == 0 {
            band.hit(beat, CRASH_TWO, 112);
        }
        if sixteenth % 4 == 2 {
            band.hit(beat, SNARE, 114);
        }
    }
}
