//! What a deletion showed, in a sentence.

use super::explanation::Looked;
use crate::genre::GenreSet;

/// By so much must the mean that is left differ from chance to be called a difference.
const MARGIN: f64 = 0.02;

/// One or two sentences: what goes when what was attended to goes, beside as much at random.
pub fn faithfulness(looked: &Looked, genres: &GenreSet) -> String {
    let it = &looked.faithfulness;
    let (attended, random) = it.losses();
    let percent = |share: f64| format!("{:.0} %", 100.0 * share.max(0.0));
    let (area, by_chance) = it.areas();
    let verdict = if area < by_chance - MARGIN {
        "What it looks at matters more than the rest"
    } else if area > by_chance + MARGIN {
        "What it looks at matters less than the rest"
    } else {
        "What it looks at matters no more than the rest"
    };
    format!(
        "{verdict}: {} goes from {} to {} without the fifth it looks at most, to {} without a fifth at random; {} with even \
         attention.",
        genres.title(it.class),
        percent(it.whole),
        percent(it.whole - attended),
        percent(it.whole - random),
        percent(it.uniform),
    )
}
