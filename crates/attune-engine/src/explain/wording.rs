//! What was found, in a sentence.

use super::explanation::AttentionReport;
use super::mattered::Mattered;
use attune_audio::units::Seconds;
use attune_model::genre::GenreSet;

/// A mean probability that differs by less counts as equal.
const MARGIN: f64 = 0.02;

/// What hiding the most attended frames does to the answer, and what hiding random ones does. A verdict only where the
/// attended ones count: hiding them costs more than hiding others, and the answer falls.
pub fn faithfulness(report: &AttentionReport, genres: &GenreSet) -> String {
    let it = &report.faithfulness;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share.max(0.0));
    let (left, by_chance) = it.areas();
    let verdict = if left < it.whole - MARGIN && left < by_chance - MARGIN {
        "The answer rests on it more than on the rest."
    } else {
        "That does not show that the answer rests on it."
    };
    format!(
        "Hiding what attention weighted most: {} from {} to {} on average. Hiding random moments: from {} to {}. With uniform \
         attention: {}. {verdict}",
        genres.title(it.class),
        percent(it.whole),
        percent(left),
        percent(it.whole),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::faithfulness::{Deletion, Faithfulness, SHARES};
    use attune_model::genre::GenreId;

    #[test]
    fn a_verdict_needs_an_answer_that_falls_below_chance() {
        for (whole, attended, random, rests) in [
            (0.8, 0.3, 0.7, true),
            // Hiding what was attended to raised the answer.
            (0.13, 0.19, 0.3, false),
            // It falls, but no more than by chance.
            (0.8, 0.5, 0.5, false),
            (0.8, 0.7, 0.3, false),
        ] {
            let report = AttentionReport {
                faithfulness: Faithfulness {
                    class: GenreId(1),
                    whole,
                    deletion: Deletion {
                        attended: vec![attended; SHARES.len()],
                        random: vec![random; SHARES.len()],
                    },
                    uniform: whole,
                    frames: 100,
                },
                model: String::new(),
                weights: Vec::new(),
                overridden: Vec::new(),
            };
            let said = faithfulness(&report, &GenreSet::gtzan());
            assert_eq!(said.contains("rests on it more than on the rest"), rests, "{said}");
            assert!(
                said.starts_with("Hiding what attention weighted most: Classical "),
                "{said}"
            );
        }
    }
}
