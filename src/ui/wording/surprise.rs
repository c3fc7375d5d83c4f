//! How surprising the sound is, in sentences.
//!
//! In: marks. Out: text. Thread: window.

use attune_engine::SurpriseMark;
use attune_model::genre::GenreSet;

/// What is drawn and how far it can be believed, as measured by `attune lab wavenet` (`docs/lab.md`).
pub(crate) const WHAT_SURPRISE_SAYS: &str = "Measure how surprising the sound is: a WaveNet (van den Oord et al. 2016) \
predicts each sample at 8 kHz from the quarter second before it, and takes −log₂ p bits for it. Noise takes most, \
silence and steady tones least. The genre under which the last six seconds take the fewest bits is one more opinion: \
in validation clips it was right for 34 of 100 (chance: 10).";

/// How surprising one moment is.
pub(crate) fn surprise(mark: SurpriseMark, genres: &GenreSet) -> String {
    let genre = genres.title(mark.least);
    format!("Surprise {:.1} bits per sample; least as {genre}", mark.bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_surprise_is_what_the_card_of_the_bundled_network_says() {
        let card = include_str!("../../../models/wavenet.md");
        let row = "| own class takes the fewest bits | ";
        let row = card.lines().find_map(|line| line.strip_prefix(row)).unwrap();
        let right: f64 = row.split(' ').next().unwrap().parse().unwrap();
        assert!(
            WHAT_SURPRISE_SAYS.contains(&format!("right for {right:.0} of 100")),
            "{row}"
        );
    }
}
