//! How surprising the sound is, in sentences.
//!
//! In: marks. Out: text. Thread: window.

use attune_engine::SurpriseMark;
use attune_model::genre::GenreSet;

/// What is drawn and how far it can be believed, as measured by `attune lab wavenet` (`docs/lab.md`).
pub(crate) const WHAT_SURPRISE_SAYS: &str = "Measure how surprising the sound is: a WaveNet (van den Oord et al. 2016) \
predicts each sample at 8 kHz from the quarter second before it, and takes −log₂ p bits for it. Noise takes most, \
silence and steady tones least. The genre under which the last six seconds take the fewest bits is one more opinion: in \
validation clips it was right for 28 of 100 (chance: 10).";

/// How surprising one moment is.
pub(crate) fn surprise(mark: SurpriseMark, genres: &GenreSet) -> String {
    let genre = genres.title(mark.least);
    format!("Surprise {:.1} bits per sample; least as {genre}", mark.bits)
}
