//! Chords and how voices move between them.

/// Pitch classes above C.
pub(crate) const C: u8 = 0;
pub(crate) const D: u8 = 2;
pub(crate) const E_FLAT: u8 = 3;
pub(crate) const E: u8 = 4;
pub(crate) const F: u8 = 5;
pub(crate) const G: u8 = 7;
pub(crate) const A: u8 = 9;
pub(crate) const B_FLAT: u8 = 10;

/// A root and the intervals above it, in semitones.
#[derive(Clone, Copy)]
pub(crate) struct Chord {
    pub root: u8,
    pub intervals: &'static [u8],
}

pub(crate) const MAJOR: &[u8] = &[0, 4, 7];
pub(crate) const MINOR: &[u8] = &[0, 3, 7];
pub(crate) const DIMINISHED: &[u8] = &[0, 3, 6];
pub(crate) const DOMINANT: &[u8] = &[0, 4, 7, 10];
pub(crate) const MAJOR_SEVENTH: &[u8] = &[0, 4, 7, 11];
pub(crate) const MINOR_SEVENTH: &[u8] = &[0, 3, 7, 10];
/// Jazz voicings without the root, which the bass plays: 3, 5, 7, 9 and so on.
pub(crate) const MINOR_NINTH: &[u8] = &[3, 7, 10, 2];
pub(crate) const THIRTEENTH: &[u8] = &[4, 9, 10, 2];
pub(crate) const MAJOR_NINTH: &[u8] = &[4, 7, 11, 2];
pub(crate) const FLAT_NINTH: &[u8] = &[4, 7, 10, 1];

impl Chord {
    pub(crate) const fn new(root: u8, intervals: &'static [u8]) -> Self {
        Self { root, intervals }
    }

    fn classes(self) -> impl Iterator<Item = u8> {
        self.intervals.iter().map(move |interval| (self.root + interval) % 12)
    }

    /// The root's key at or above `lowest`.
    pub(crate) fn root_above(self, lowest: u8) -> u8 {
        key_above(self.root, lowest)
    }
}

/// The lowest key of a pitch class at or above `lowest`.
pub(crate) fn key_above(class: u8, lowest: u8) -> u8 {
    lowest + (class + 120 - lowest) % 12
}

/// The chord's tones spread over as many voices as `before` has, each moved as little as can be, none crossing
/// another, every tone sung by someone.
pub(crate) fn lead(before: &[u8], chord: Chord) -> Vec<u8> {
    let classes: Vec<u8> = chord.classes().collect();
    let mut best: Option<(u32, Vec<u8>)> = None;
    let mut voices = Vec::with_capacity(before.len());
    search(before, &classes, &mut voices, &mut best);
    best.map_or_else(|| before.to_vec(), |(_, keys)| keys)
}

fn search(before: &[u8], classes: &[u8], voices: &mut Vec<u8>, best: &mut Option<(u32, Vec<u8>)>) {
    let Some(&from) = before.get(voices.len()) else {
        let complete = classes.iter().all(|class| voices.iter().any(|key| key % 12 == *class));
        let motion: u32 = voices
            .iter()
            .zip(before)
            .map(|(to, from)| u32::from(to.abs_diff(*from)).pow(2))
            .sum();
        if complete && best.as_ref().is_none_or(|(least, _)| motion < *least) {
            *best = Some((motion, voices.clone()));
        }
        return;
    };
    for key in from.saturating_sub(7)..=from + 7 {
        let crosses = voices.last().is_some_and(|below| key <= *below);
        if !crosses && classes.contains(&(key % 12)) {
            voices.push(key);
            search(before, classes, voices, best);
            voices.pop();
        }
    }
}
