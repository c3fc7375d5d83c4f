//! Instruments, and the ways in which each is built.
//!
//! In: a set and a seed. Out: [`Instrument`], [`Preset`]. Thread: any.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What plays a part, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instrument {
    /// Struck strings.
    Piano,
    /// Struck bars.
    Vibraphone,
    /// Drawbars.
    Organ,
    /// A section of bowed strings.
    Strings,
    /// One bowed string.
    Violin,
    /// A flute.
    Flute,
    /// A saxophone.
    Saxophone,
    /// A trumpet.
    Trumpet,
    /// Plucked strings.
    Guitar,
    /// Plucked strings through an overdriven amplifier.
    DistortedGuitar,
    /// Plucked low strings.
    Bass,
    /// A drum kit.
    Drums,
}

impl Instrument {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Piano,
        Self::Vibraphone,
        Self::Organ,
        Self::Strings,
        Self::Violin,
        Self::Flute,
        Self::Saxophone,
        Self::Trumpet,
        Self::Guitar,
        Self::DistortedGuitar,
        Self::Bass,
        Self::Drums,
    ];

    /// Its word: one, in small letters.
    ///
    /// ```
    /// assert_eq!(attune_compose::Instrument::DistortedGuitar.word(), "distorted-guitar");
    /// ```
    pub fn word(self) -> &'static str {
        match self {
            Self::Piano => "piano",
            Self::Vibraphone => "vibraphone",
            Self::Organ => "organ",
            Self::Strings => "strings",
            Self::Violin => "violin",
            Self::Flute => "flute",
            Self::Saxophone => "saxophone",
            Self::Trumpet => "trumpet",
            Self::Guitar => "guitar",
            Self::DistortedGuitar => "distorted-guitar",
            Self::Bass => "bass",
            Self::Drums => "drums",
        }
    }

    /// The MIDI keys that its melodies stay within.
    pub(crate) fn range(self) -> (u8, u8) {
        match self {
            Self::Bass => (28, 50),
            Self::Violin => (62, 88),
            Self::Flute => (65, 91),
            Self::Trumpet => (58, 82),
            Self::Saxophone => (54, 78),
            Self::DistortedGuitar => (52, 81),
            _ => (57, 81),
        }
    }
}

/// Which presets a piece is played on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstrumentSet {
    /// Those that a network may learn from.
    Training,
    /// The others, for tests: the same instruments, built otherwise.
    Unseen,
}

impl InstrumentSet {
    /// Every way to build an instrument that is in this set. No preset is in both sets.
    pub fn presets(self, instrument: Instrument) -> Vec<Preset> {
        let numbers = match self {
            Self::Training => 0..TRAINING,
            Self::Unseen => TRAINING..BUILDS.len(),
        };
        numbers.map(|number| Preset { instrument, number }).collect()
    }

    pub(crate) fn draw(self, instrument: Instrument, rng: &mut ChaCha8Rng) -> Preset {
        let presets = self.presets(instrument);
        presets[rng.random_range(0..presets.len())]
    }
}

/// One way to build an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Preset {
    /// The instrument.
    pub instrument: Instrument,
    number: usize,
}

impl Preset {
    pub(crate) fn build(self) -> &'static Build {
        &BUILDS[self.number]
    }
}

/// How one preset differs from another of its instrument.
#[derive(Debug)]
pub(crate) struct Build {
    /// Added to the exponent by which harmonics weaken; above 0: duller.
    pub tilt: f64,
    /// Amplitude of the even harmonics.
    pub even: f64,
    /// Factor on how long sounds ring.
    pub ring: f64,
    /// Factor on how long they take to begin.
    pub attack: f64,
    /// Distance of two voices that play together, in cents.
    pub detune_cents: f64,
    /// Vibrato in hertz.
    pub vibrato_hz: f64,
    /// Share of breath, bow or hammer noise.
    pub noise: f64,
    /// Factor on the pitch of drums and the resonances of amplifiers.
    pub size: f64,
}

/// Presets 0 to here are for training.
const TRAINING: usize = 3;

const BUILDS: [Build; 5] = [
    build([0.0, 1.0, 1.0, 1.0, 4.0, 5.2, 0.02, 1.0]),
    build([0.35, 0.85, 0.75, 0.7, 8.0, 5.8, 0.05, 1.12]),
    build([-0.2, 1.1, 1.3, 1.4, 2.0, 4.7, 0.01, 0.9]),
    build([0.15, 0.6, 0.9, 0.55, 6.0, 5.5, 0.035, 1.2]),
    build([-0.1, 1.3, 1.15, 1.8, 10.0, 4.9, 0.015, 0.95]),
];

const fn build([tilt, even, ring, attack, detune_cents, vibrato_hz, noise, size]: [f64; 8]) -> Build {
    Build {
        tilt,
        even,
        ring,
        attack,
        detune_cents,
        vibrato_hz,
        noise,
        size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_instrument_has_presets_in_both_sets_and_none_in_both() {
        let of = |set: InstrumentSet| -> HashSet<Preset> {
            let presets = Instrument::ALL.iter().flat_map(|&instrument| set.presets(instrument));
            presets.collect()
        };
        let (training, unseen) = (of(InstrumentSet::Training), of(InstrumentSet::Unseen));
        assert!(training.is_disjoint(&unseen));
        for instrument in Instrument::ALL {
            for set in [&training, &unseen] {
                assert!(set.iter().filter(|preset| preset.instrument == instrument).count() >= 2);
            }
        }
    }

    #[test]
    fn words_are_different() {
        let words: HashSet<&str> = Instrument::ALL.iter().map(|instrument| instrument.word()).collect();
        assert_eq!(words.len(), Instrument::ALL.len());
    }
}
