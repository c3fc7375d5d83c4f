//! Cross-validation: every clip is evaluated once, by a network trained without its artist.
//!
//! In: the held-out clips' logits from each fold's network. Out: metrics pooled over all folds, and a page. Thread: the
//! caller's.

use super::validate::{answers, fit_temperature};
use crate::evaluate::{ClipLogits, Metrics, ece_if_calibrated};
use attune_audio::features::FrontEndSpec;
use std::fmt::Write;

/// The logits of one fold's held-out clips.
#[derive(Debug, Default)]
pub struct HeldOut {
    /// The excerpts that came as features.
    pub excerpts: Vec<ClipLogits>,
    /// Whole audio.
    pub whole: Vec<ClipLogits>,
}

/// All folds together, by one part of the clips.
#[derive(Debug)]
pub struct Pooled {
    /// Which part.
    pub what: &'static str,
    /// At temperature 1.
    pub before: Metrics,
    /// At temperatures that were fitted on the other folds' clips.
    pub after: Metrics,
    /// The calibration error to expect on this many clips if the answers were perfectly calibrated.
    pub chance_ece: f64,
    /// Accuracy of each fold.
    pub folds: Vec<f64>,
}

/// For each fold, the temperature that fits the clips of all others: no clip influences its own.
pub(crate) fn out_of_fold_temperatures(folds: &[Vec<ClipLogits>], spec: &FrontEndSpec) -> Vec<f32> {
    let of_others = |held_out: usize| {
        let others = folds.iter().enumerate().filter(|(fold, _)| *fold != held_out);
        let clips: Vec<ClipLogits> = others.flat_map(|(_, clips)| clips.iter().cloned()).collect();
        fit_temperature(&clips, spec)
    };
    (0..folds.len()).map(of_others).collect()
}

/// Metrics pooled over all folds; parts without clips are left out. No clip influences its own temperature.
pub fn pooled(folds: &[HeldOut], spec: &FrontEndSpec, classes: usize) -> Vec<Pooled> {
    let clips: Vec<Vec<ClipLogits>> = folds
        .iter()
        .map(|fold| fold.excerpts.iter().chain(&fold.whole).cloned().collect())
        .collect();
    let temperatures = out_of_fold_temperatures(&clips, spec);
    let part = |what, of: fn(&HeldOut) -> &Vec<ClipLogits>| {
        let said = |temperature: &dyn Fn(usize) -> f32| -> Vec<Vec<_>> {
            let each = folds.iter().enumerate();
            each.map(|(fold, held)| answers(of(held), temperature(fold), spec))
                .collect()
        };
        let (before, after) = (said(&|_| 1.0), said(&|fold| temperatures[fold]));
        let all = after.concat();
        (!all.is_empty()).then(|| Pooled {
            what,
            before: Metrics::of(&before.concat(), classes),
            chance_ece: ece_if_calibrated(&all),
            folds: after.iter().map(|fold| Metrics::of(fold, classes).accuracy).collect(),
            after: Metrics::of(&all, classes),
        })
    };
    [
        part("excerpts", |fold| &fold.excerpts),
        part("whole clips", |fold| &fold.whole),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The figures as a page.
pub fn page(command: &str, pooled: &[Pooled]) -> String {
    let mut page = format!(
        "# Cross-validation\n\n`{command}`: every clip is evaluated once, by a network trained without its artist. \
         *Calibration error*: 15 bins, before and after a temperature fitted on the other folds; the last column is \
         the error that a perfectly calibrated model would show on this many clips.\n\n\
         | evaluated on | clips | right | 95 % interval | each fold | −ln p | calibration error | \
         if perfectly calibrated |\n\
         |---|--:|--:|--:|---|--:|--:|--:|\n"
    );
    for it in pooled {
        let folds: Vec<String> = it.folds.iter().map(|right| format!("{:.1}", 100.0 * right)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | {} | {:.1} % | {:.1}–{:.1} % | {} | {:.3} | {:.1} → {:.1} % | {:.1} % |",
            it.what,
            it.after.clips,
            100.0 * it.after.accuracy,
            100.0 * it.after.interval95[0],
            100.0 * it.after.interval95[1],
            folds.join(", "),
            it.after.nll,
            100.0 * it.before.ece,
            100.0 * it.after.ece,
            100.0 * it.chance_ece
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_model::genre::GenreId;

    /// A clip of 60 frames, sure of one class with these odds.
    fn clip(truth: u8, said: u8, odds: f32) -> ClipLogits {
        let mut row = [0.0; 3];
        row[usize::from(said)] = odds.ln();
        ClipLogits {
            truth: GenreId(truth),
            logits: row.repeat(60),
            classes: 3,
            novelty: Vec::new(),
        }
    }

    #[test]
    fn folds_are_pooled_and_no_clip_influences_its_temperature() {
        let spec = FrontEndSpec::default();
        let right = |count: u8| (0..count).map(|n| clip(n % 3, n % 3, 20.0));
        let wrong = |count: u8| (0..count).map(|n| clip(n % 3, (n + 1) % 3, 20.0));
        let fold = |r, w| HeldOut {
            excerpts: right(r).chain(wrong(w)).collect(),
            whole: Vec::new(),
        };
        let folds = [fold(6, 2), fold(4, 4)];
        let figures = pooled(&folds, &spec, 3);
        assert_eq!(figures.len(), 1, "there are no whole clips");
        let it = &figures[0];
        assert_eq!((it.what, it.after.clips), ("excerpts", 16));
        assert!((it.after.accuracy - 0.625).abs() < 1e-9);
        assert_eq!(it.folds, [0.75, 0.5]);
        // Overconfident: the other fold's temperature cools both. The first fold's comes from clips of which half are
        // right.
        assert!(it.after.ece < it.before.ece && it.after.nll < it.before.nll);
        let of_second = fit_temperature(&folds[1].excerpts, &spec);
        let expected_first = answers(&folds[0].excerpts, of_second, &spec);
        let pooled_first = &answers(&folds[0].excerpts, fit_temperature(&folds[0].excerpts, &spec), &spec);
        assert!((expected_first[0].1.top().1 - pooled_first[0].1.top().1).abs() > 0.1);
        let both: Vec<_> = [&folds[0], &folds[1]]
            .iter()
            .zip([of_second, fit_temperature(&folds[0].excerpts, &spec)])
            .flat_map(|(fold, temperature)| answers(&fold.excerpts, temperature, &spec))
            .collect();
        assert!((Metrics::of(&both, 3).nll - it.after.nll).abs() < 1e-9);
        assert!(page("attune train", &figures).contains("| excerpts | 16 | 62.5 % |"));
    }
}
