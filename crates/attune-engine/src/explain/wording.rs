//! What was found, in a sentence.

use super::explanation::AttentionReport;
use super::mattered::Mattered;
use attune_audio::units::Seconds;
use attune_model::genre::GenreSet;

/// A mean probability that differs by less from that of random order counts as equal.
const MARGIN: f64 = 0.02;

/// A sentence: how much of the answer is left while the most attended frames are occluded, and while random ones are.
pub fn faithfulness(report: &AttentionReport, genres: &GenreSet) -> String {
    let it = &report.faithfulness;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share.max(0.0));
    let (left, by_chance) = it.areas();
    let verdict = if left < by_chance - MARGIN {
        "What it attends to matters more than the rest"
    } else if left > by_chance + MARGIN {
        "What it attends to matters less than the rest"
    } else {
        "What it attends to matters no more than the rest"
    };
    format!(
        "{verdict}: of its {} for {}, {} is left on average while frames are occluded, most attended first, and {} in random \
         order; with uniform attention it is {}.",
        percent(it.whole),
        genres.title(it.class),
        percent(left),
        percent(by_chance),
        percent(it.uniform),
    )
}

/// How much time carries how much of what speaks for a class, by its title: `2.4 of 10.0 s carry 80 % of Classical`.
pub fn mattered(it: &Mattered, hop: Seconds, title: &str) -> String {
    let (kept, of) = it.lengths(hop);
    format!(
        "{:.1} of {:.1} s carry {:.0} % of {title}",
        kept.0,
        of.0,
        100.0 * it.share
    )
}
