//! A score in seconds, played by hands that are not machines.
//!
//! In: beats, keys, velocities. Out: a [`Part`] for each instrument. Thread: any.

use crate::instrument::Instrument;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One note, or one stroke of a drum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Note {
    /// Seconds from the start of the piece.
    pub at: f64,
    pub seconds: f64,
    /// MIDI key; of drums, the key of General MIDI's percussion.
    pub key: u8,
    /// 0 to 1.
    pub velocity: f64,
}

/// All that one instrument plays.
#[derive(Debug)]
pub(crate) struct Part {
    pub instrument: Instrument,
    /// In no order.
    pub notes: Vec<Note>,
    /// Level of the part in the mix, in dB.
    pub level_db: f64,
}

/// A band that plays a piece: beats become seconds, and nobody plays exactly on them.
pub(crate) struct Band<'a> {
    pub parts: Vec<Part>,
    pub rng: &'a mut ChaCha8Rng,
    seconds_per_beat: f64,
    /// Where the second eighth of a beat falls: 0.5 straight, 0.67 swung.
    pub offbeat: f64,
    /// How far from the beat hands stray, in seconds.
    pub looseness: f64,
}

impl<'a> Band<'a> {
    pub(crate) fn new(tempo_bpm: f64, rng: &'a mut ChaCha8Rng) -> Self {
        Self {
            parts: Vec::new(),
            rng,
            seconds_per_beat: 60.0 / tempo_bpm,
            offbeat: 0.5,
            looseness: 0.006,
        }
    }

    /// Someone joins; the number of the part.
    pub(crate) fn join(&mut self, instrument: Instrument, level_db: f64) -> usize {
        self.parts.push(Part {
            instrument,
            notes: Vec::new(),
            level_db,
        });
        self.parts.len() - 1
    }

    /// Someone joins in most pieces, one of several.
    pub(crate) fn perhaps(&mut self, chance: f64, choices: &[Instrument], level_db: f64) -> Option<usize> {
        let chosen = choices[self.rng.random_range(0..choices.len())];
        let joins = self.rng.random_bool(chance);
        joins.then(|| self.join(chosen, level_db))
    }

    /// A number between −1 and 1, near 0 most often.
    fn wobble(&mut self) -> f64 {
        f64::midpoint(self.rng.random_range(-1.0..1.0), self.rng.random_range(-1.0..1.0))
    }

    fn seconds(&self, beat: f64) -> f64 {
        let within = beat.fract();
        let warped = if within < 0.5 {
            within * 2.0 * self.offbeat
        } else {
            self.offbeat + (within - 0.5) * 2.0 * (1.0 - self.offbeat)
        };
        (beat.floor() + warped) * self.seconds_per_beat
    }

    /// One note, `beats` long, played about as loud as `velocity`.
    pub(crate) fn play(&mut self, part: usize, beat: f64, beats: f64, key: u8, velocity: f64) {
        let strayed = self.looseness * self.wobble();
        let touch = 0.06 * self.wobble();
        let at = (self.seconds(beat) + strayed).max(0.0);
        let until = (self.seconds(beat + beats) + strayed).max(at + 0.03);
        self.parts[part].notes.push(Note {
            at,
            seconds: until - at,
            key,
            velocity: (velocity + touch).clamp(0.05, 1.0),
        });
    }

    /// Keys together, strummed by `spread` beats from low to high.
    pub(crate) fn chord(&mut self, part: usize, (beat, beats): (f64, f64), keys: &[u8], velocity: f64, spread: f64) {
        for (i, &key) in keys.iter().enumerate() {
            self.play(part, beat + spread * i as f64, beats, key, velocity);
        }
    }

    /// One stroke of a drum.
    pub(crate) fn hit(&mut self, part: usize, beat: f64, drum: u8, velocity: f64) {
        self.play(part, beat, 0.2, drum, velocity);
    }
}

/// Drums by General MIDI's keys.
pub(crate) mod drum {
    pub(crate) const KICK: u8 = 36;
    pub(crate) const SNARE: u8 = 38;
    pub(crate) const CLAP: u8 = 39;
    pub(crate) const HAT: u8 = 42;
    pub(crate) const HAT_FOOT: u8 = 44;
    pub(crate) const HAT_OPEN: u8 = 46;
    pub(crate) const TOM_LOW: u8 = 45;
    pub(crate) const TOM_HIGH: u8 = 48;
    pub(crate) const CRASH: u8 = 49;
    pub(crate) const RIDE: u8 = 51;
    pub(crate) const SHAKER: u8 = 70;
}
