//! What a deletion showed, in a sentence.

use super::explanation::Looked;
use attune_model::genre::GenreSet;

/// By so much must the mean that is left differ from chance to be called a difference.
const MARGIN: f64 = 0.02;

/// A sentence: what is left of the answer as more and more of what was attended to goes, beside as much at random. The
/// verdict is of the figures that it tells.
pub fn faithfulness(looked: &Looked, genres: &GenreSet) -> String {
    let it = &looked.faithfulness;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share.max(0.0));
    let (left, by_chance) = it.areas();
    let verdict = if left < by_chance - MARGIN {
        "What it looks at matters more than the rest"
    } else if left > by_chance + MARGIN {
        "What it looks at matters less than the rest"
    } else {
        "What it looks at matters no more than the rest"
    };
    format!(
        "{verdict}: of its {} for {}, {} is left on average while that is taken away, most attended first, {} in random order; {} \
         with even attention.",
        percent(it.whole),
        genres.title(it.class),
        percent(left),
        percent(by_chance),
        percent(it.uniform),
    )
}
