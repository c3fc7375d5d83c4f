//! What one head of attention does, in sentences.
//!
//! In: a study. Out: text. Thread: window.

use attune_audio::units::Seconds;
use attune_engine::explain::HeadStudy;
use attune_model::genre::{GenreId, GenreSet};

/// Points with their sign: `+1.2`, `−0.3`, `0.0`.
pub(crate) fn points(points: f32) -> String {
    match points {
        points if points.abs() < 0.05 => "0.0".to_owned(),
        points if points < 0.0 => format!("−{:.1}", -points),
        points => format!("+{points:.1}"),
    }
}

/// A share to a tenth of a percent.
pub(crate) fn tenths(share: f32) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The answer with and without a head.
pub(crate) fn ablated(study: &HeadStudy, class: GenreId, genres: &GenreSet) -> String {
    format!(
        "Without head {} of layer {}, {} has {} instead of {}: {} points.",
        study.head.head + 1,
        study.head.layer + 1,
        genres.title(class),
        tenths(study.without.of(class)),
        tenths(study.whole.of(class)),
        points(-100.0 * study.added(usize::from(class.0)))
    )
}

/// One place of the matrix.
pub(crate) fn attended(study: &HeadStudy, (query, key): (usize, usize), hop: Seconds) -> String {
    let before = |frame: usize| (study.frames - 1 - frame) as f64 * hop.0;
    let who = format!("The frame {:.1} s before the held moment", before(query));
    match study.weight(query, key) {
        Some(weight) if query == key => format!("{who} gives itself {:.2} % of its weight.", 100.0 * weight),
        Some(weight) => format!(
            "{who} attends {:.1} s back, at −{:.1} s, with {:.2} % of its weight.",
            (query - key) as f64 * hop.0,
            before(key),
            100.0 * weight
        ),
        None if key > query => format!("{who} cannot attend to −{:.1} s: that comes after it.", before(key)),
        None => format!(
            "{who} cannot attend to −{:.1} s: its context is the last {:.1} s.",
            before(key),
            study.reach as f64 * hop.0
        ),
    }
}

/// The whole matrix, for screen readers.
pub(crate) fn matrix(study: &HeadStudy, hop: Seconds) -> String {
    format!(
        "Matrix of head {} of layer {}: each frame of the last {:.1} s attends to those before it, \
         {:.1} s back on average.",
        study.head.head + 1,
        study.head.layer + 1,
        study.frames as f64 * hop.0,
        study.mean_lag * hop.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::explain::Head;
    use attune_model::genre::Probabilities;

    #[test]
    fn a_place_of_the_matrix_is_a_sentence() {
        let study = HeadStudy {
            head: Head { layer: 0, head: 2 },
            whole: Probabilities::from_slice(&[0.75, 0.25]),
            without: Probabilities::from_slice(&[0.5, 0.5]),
            frames: 4,
            reach: 2,
            weights: vec![
                1.0, 0.0, 0.0, 0.0, 0.25, 0.75, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.125, 0.875,
            ],
            mean_lag: 0.22,
        };
        let hop = Seconds(0.5);
        let said = [(1, 0), (3, 3), (0, 2), (3, 1)].map(|place| attended(&study, place, hop));
        assert_eq!(
            said,
            [
                "The frame 1.0 s before the held moment attends 0.5 s back, at −1.5 s, with 25.00 % of its weight.",
                "The frame 0.0 s before the held moment gives itself 87.50 % of its weight.",
                "The frame 1.5 s before the held moment cannot attend to −0.5 s: that comes after it.",
                "The frame 0.0 s before the held moment cannot attend to −1.0 s: its context is the last 1.0 s.",
            ]
        );
        assert!(matrix(&study, hop).ends_with("0.1 s back on average."));
        assert_eq!([-0.3, 0.01, 2.0].map(points), ["−0.3", "0.0", "+2.0"]);
    }
}
