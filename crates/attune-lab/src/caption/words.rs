//! The language of captions: instruments in a fixed order, then tempo and mode, then the end.
//!
//! In: words of a piece. Out: their numbers. Thread: any.

use crate::medley::END;
use attune_compose::{Instrument, Mode, TempoClass};

/// Instruments, the first words.
pub(crate) const INSTRUMENTS: usize = Instrument::ALL.len();
/// How many words there are, the end among them.
pub(crate) const COUNT: usize = INSTRUMENTS + TEMPOS.len() + MODES.len() + 1;
/// The number of the end.
pub(crate) const LAST: u32 = COUNT as u32 - 1;

const TEMPOS: [TempoClass; 3] = [TempoClass::Slow, TempoClass::Medium, TempoClass::Fast];
const MODES: [Mode; 2] = [Mode::Major, Mode::Minor];

/// All words by their numbers, the end as the last.
pub(crate) fn all() -> Vec<&'static str> {
    let instruments = Instrument::ALL.iter().map(|instrument| instrument.word());
    let tempos = TEMPOS.iter().map(|tempo| tempo.word());
    let modes = MODES.iter().map(|mode| mode.word());
    instruments.chain(tempos).chain(modes).chain([END]).collect()
}

/// The number of an instrument's word.
pub(crate) fn of_instrument(instrument: Instrument) -> u32 {
    number(&Instrument::ALL, |it| *it == instrument)
}

/// The number of a tempo's word.
pub(crate) fn of_tempo(tempo_bpm: f64) -> u32 {
    let class = TempoClass::of(tempo_bpm);
    INSTRUMENTS as u32 + number(&TEMPOS, |it| *it == class)
}

/// The number of a mode's word.
pub(crate) fn of_mode(mode: Mode) -> u32 {
    (INSTRUMENTS + TEMPOS.len()) as u32 + number(&MODES, |it| *it == mode)
}

/// Whether a word is an instrument's.
pub(crate) fn is_instrument(word: u32) -> bool {
    (word as usize) < INSTRUMENTS
}

fn number<T>(all: &[T], is_it: impl Fn(&T) -> bool) -> u32 {
    // Each list has every value of its type.
    all.iter().take_while(|it| !is_it(it)).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_number() {
        let all = all();
        assert_eq!(all.len(), COUNT);
        for instrument in Instrument::ALL {
            assert_eq!(all[of_instrument(instrument) as usize], instrument.word());
        }
        for (tempo_bpm, word) in [(70.0, "slow"), (110.0, "medium"), (180.0, "fast")] {
            assert_eq!(all[of_tempo(tempo_bpm) as usize], word);
        }
        assert_eq!(all[of_mode(Mode::Major) as usize], "major");
        assert_eq!(all[of_mode(Mode::Minor) as usize], "minor");
        assert_eq!(all[LAST as usize], END);
    }
}
