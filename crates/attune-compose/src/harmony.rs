//! Scales, chords, and how voices move between them.
//!
//! In: a tonic, a mode, degrees. Out: MIDI keys. Thread: any.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The scale that a piece is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Major.
    Major,
    /// Natural minor, with the major third on the dominant.
    Minor,
}

impl Mode {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
        }
    }

    /// Semitones of its seven degrees above the tonic.
    pub(crate) fn scale(self) -> [u8; 7] {
        match self {
            Self::Major => [0, 2, 4, 5, 7, 9, 11],
            Self::Minor => [0, 2, 3, 5, 7, 8, 10],
        }
    }
}

/// Tonic and mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tonality {
    /// Pitch class, 0 for C.
    pub tonic: u8,
    pub mode: Mode,
}

/// A root and the intervals above it, in semitones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chord {
    /// Pitch class.
    pub root: u8,
    pub intervals: Vec<u8>,
}

impl Tonality {
    /// The semitones above the tonic of a degree, counted from 0 through all octaves.
    fn above(self, degree: usize) -> u8 {
        self.mode.scale()[degree % 7] + 12 * (degree / 7) as u8
    }

    /// Thirds stacked on a degree (0 is the tonic); the dominant of a minor key has a major third.
    pub(crate) fn chord(self, degree: usize, tones: usize) -> Chord {
        let root = self.above(degree);
        let mut intervals: Vec<u8> = (0..tones).map(|i| self.above(degree + 2 * i) - root).collect();
        if self.mode == Mode::Minor && degree % 7 == 4 && tones > 1 {
            intervals[1] = 4;
        }
        Chord {
            root: (self.tonic + root) % 12,
            intervals,
        }
    }

    /// The chord with a minor seventh on a major triad, or on a minor one in a minor key, as in a blues.
    pub(crate) fn blues_chord(self, degree: usize) -> Chord {
        let third = if self.mode == Mode::Major { 4 } else { 3 };
        Chord {
            root: (self.tonic + self.above(degree)) % 12,
            intervals: vec![0, third, 7, 10],
        }
    }

    /// All keys of the scale from `low` to `high`.
    pub(crate) fn keys(self, low: u8, high: u8) -> Vec<u8> {
        let is_in = |key: &u8| self.mode.scale().contains(&((key + 120 - self.tonic) % 12));
        (low..=high).filter(is_in).collect()
    }
}

impl Chord {
    pub(crate) fn has(&self, key: u8) -> bool {
        let interval = (key + 120 - self.root) % 12;
        self.intervals.iter().any(|tone| tone % 12 == interval)
    }

    /// The root's lowest key at or above `lowest`.
    pub(crate) fn root_above(&self, lowest: u8) -> u8 {
        lowest + (self.root + 120 - lowest) % 12
    }

    /// One of its tones from the root at or above `lowest`, by number.
    pub(crate) fn tone_above(&self, lowest: u8, number: usize) -> u8 {
        self.root_above(lowest) + self.intervals[number % self.intervals.len()]
    }
}

/// The chord's tones spread over as many voices as `before` has, each moved as little as can be, none crossing another,
/// every tone sung by someone if there are voices enough.
pub(crate) fn lead(before: &[u8], chord: &Chord) -> Vec<u8> {
    let mut best: Option<(u32, Vec<u8>)> = None;
    search(before, chord, &mut Vec::with_capacity(before.len()), &mut best);
    best.map_or_else(|| before.to_vec(), |(_, keys)| keys)
}

fn search(before: &[u8], chord: &Chord, voices: &mut Vec<u8>, best: &mut Option<(u32, Vec<u8>)>) {
    let Some(&from) = before.get(voices.len()) else {
        let is_sung = |interval: &u8| voices.iter().any(|key| key % 12 == (chord.root + interval) % 12);
        let missing = chord.intervals.iter().filter(|interval| !is_sung(interval)).count();
        let allowed = chord.intervals.len().saturating_sub(before.len());
        let moved = voices.iter().zip(before);
        let motion: u32 = moved.map(|(to, from)| u32::from(to.abs_diff(*from)).pow(2)).sum();
        // Far from the middle costs too: voices must not wander off over a long piece.
        let centre: u32 = voices.iter().map(|key| u32::from(key.abs_diff(62)) / 4).sum();
        let cost = motion + centre;
        if missing <= allowed && best.as_ref().is_none_or(|(least, _)| cost < *least) {
            *best = Some((cost, voices.clone()));
        }
        return;
    };
    for key in from.saturating_sub(6)..=from + 6 {
        let crosses = voices.last().is_some_and(|below| key <= *below);
        if !crosses && chord.has(key) {
            voices.push(key);
            search(before, chord, voices, best);
            voices.pop();
        }
    }
}

/// A melody that walks on the scale, by steps mostly, and stands on tones of the chord when a beat begins.
#[derive(Debug)]
pub(crate) struct Melody {
    keys: Vec<u8>,
    at: usize,
}

impl Melody {
    pub(crate) fn new(tonality: Tonality, (low, high): (u8, u8)) -> Self {
        let keys = tonality.keys(low, high);
        let at = keys.len() / 2;
        Self { keys, at }
    }

    /// The next key, for a note at `beat`.
    pub(crate) fn next(&mut self, beat: f64, chord: &Chord, rng: &mut ChaCha8Rng) -> u8 {
        let leap = if rng.random_bool(0.2) {
            rng.random_range(2..5)
        } else {
            1
        };
        let top = self.keys.len() - 1;
        let rises = match (self.at < 2, self.at + 2 > top) {
            (true, _) => true,
            (_, true) => false,
            _ => rng.random_bool(0.5),
        };
        self.at = if rises {
            (self.at + leap).min(top)
        } else {
            self.at.saturating_sub(leap)
        };
        if beat.fract() == 0.0 {
            let of_chord = (0..self.keys.len()).filter(|&i| chord.has(self.keys[i]));
            if let Some(near) = of_chord.min_by_key(|i| i.abs_diff(self.at)) {
                self.at = near;
            }
        }
        self.keys[self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_MINOR: Tonality = Tonality {
        tonic: 9,
        mode: Mode::Minor,
    };

    #[test]
    fn chords_of_a_minor_key() {
        let spelled = |degree, tones| {
            let chord = A_MINOR.chord(degree, tones);
            (chord.root, chord.intervals)
        };
        assert_eq!(spelled(0, 3), (9, vec![0, 3, 7]));
        assert_eq!(spelled(4, 4), (4, vec![0, 4, 7, 10])); // E7, not E minor 7
        assert_eq!(spelled(5, 4), (5, vec![0, 4, 7, 11]));
        assert_eq!(A_MINOR.chord(0, 3).tone_above(57, 1), 60);
    }

    #[test]
    fn voices_move_little_and_sing_every_tone() {
        let chord = A_MINOR.chord(3, 3); // D minor
        let voices = lead(&[57, 60, 64], &chord);
        assert_eq!(voices, [57, 62, 65]);
        let two = lead(&[57, 64], &chord);
        assert!(two.iter().all(|&key| chord.has(key)), "{two:?}");
    }

    #[test]
    fn melodies_use_tones_of_the_scale_and_of_the_chord_on_beats() {
        use rand::SeedableRng;
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut melody = Melody::new(A_MINOR, (57, 81));
        let chord = A_MINOR.chord(0, 3);
        for eighth in 0..64 {
            let key = melody.next(f64::from(eighth) / 2.0, &chord, &mut rng);
            assert!((57..=81).contains(&key) && [0, 2, 4, 5, 7, 9, 11].contains(&(key % 12)));
            assert!(eighth % 2 == 1 || chord.has(key));
        }
    }
}
