//! What sounds, in sentences.
//!
//! In: words of a caption. Out: text. Thread: window.

use super::percent;
use attune_model::caption::SaidWord;

/// How far captions can be believed.
pub(crate) const WHERE_WORDS_ARE_FROM: &str = "learnt from pieces that Attune composed; of any other sound the words \
are guesses, however sure (docs/lab.md)";

/// A word, and where the network looked.
pub(crate) fn word(word: &SaidWord) -> String {
    let [from, to] = word.time_s;
    let [low, high] = word.range_hz;
    format!(
        "{} {}: half of its attention from {from:.1} to {to:.1} s of what was read, half from {low:.0} to {high:.0} Hz",
        word.word,
        percent(word.probability as f32)
    )
}

/// What a screen reader says instead of the rows.
pub(crate) fn caption(words: &[SaidWord]) -> String {
    let all: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
    format!("Words: {}", all.join(", "))
}
