//! Which segments of a file decided, in sentences.
//!
//! In: weights of segments. Out: text. Thread: window.

use super::{genre_title, percent};
use attune_audio::units::Seconds;
use attune_model::genre::GenreSet;
use attune_model::hierarchical::{DecidedReport, DecidingSegment};

/// How far the weights can be believed, as measured by `attune lab hierarchy` (`docs/lab.md`).
pub(crate) const WHAT_SEGMENTS_SAY: &str = "A hierarchical attention network (Yang et al. 2016) reads the file from \
both ends, so it never runs live. Its weights separate music from other sounds: one segment of music among nine of \
noise has the highest in 95 % of tracks. Within music they say little: a segment of another genre has it in 19 %, by \
chance in 10 %.";

/// What the file is as a whole.
pub(crate) fn as_a_whole(decided: &DecidedReport, genres: &GenreSet) -> String {
    format!(
        "As a whole: {} {}",
        genre_title(&decided.genre, genres),
        percent(decided.confidence as f32)
    )
}

/// One segment: where, its weight, what it is alone, and the answer without it.
pub(crate) fn segment(segment: &DecidingSegment, decided: &DecidedReport, genres: &GenreSet) -> String {
    let alike = 1.0 / decided.segments.len().max(1) as f64;
    let text = format!(
        "{} to {}: weight {}, all alike {}; alone {} {}",
        Seconds(segment.start_s).clock(),
        Seconds(segment.end_s).clock(),
        percent(segment.weight as f32),
        percent(alike as f32),
        genre_title(&segment.genre, genres),
        percent(segment.confidence as f32)
    );
    match segment.without {
        Some(without) => format!(
            "{text}; without it {} has {}, not {}.",
            genre_title(&decided.genre, genres),
            percent(without as f32),
            percent(decided.confidence as f32)
        ),
        None => format!("{text}."),
    }
}

/// What a screen reader says instead of the bars.
pub(crate) fn segments(decided: &DecidedReport, named: &[usize], genres: &GenreSet) -> String {
    let sentences: Vec<String> = named
        .iter()
        .map(|place| segment(&decided.segments[*place], decided, genres))
        .collect();
    format!(
        "Segments: {}. Of {} segments these have most weight. {}",
        as_a_whole(decided, genres),
        decided.segments.len(),
        sentences.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_says_what_the_answer_is_without_it() {
        let one = |start_s: f64, weight, without| DecidingSegment {
            start_s,
            end_s: start_s + 3.0,
            weight,
            genre: "jazz".to_owned(),
            confidence: 0.41,
            without,
        };
        let decided = DecidedReport {
            model: "hierarchical".to_owned(),
            genre: "rock".to_owned(),
            confidence: 0.62,
            segments: vec![one(0.0, 0.3, None), one(3.0, 0.7, Some(0.55))],
        };
        let genres = GenreSet::gtzan();
        assert_eq!(
            segments(&decided, &[1], &genres),
            "Segments: As a whole: Rock 62 %. Of 2 segments these have most weight. \
             0:03.0 to 0:06.0: weight 70 %, all alike 50 %; alone Jazz 41 %; without it Rock has 55 %, not 62 %."
        );
        assert!(segment(&decided.segments[0], &decided, &genres).ends_with("alone Jazz 41 %."));
    }

    #[test]
    fn what_is_said_of_the_weights_is_what_the_card_of_the_bundled_network_says() {
        let card = include_str!("../../../models/hierarchical.md");
        let percent_of = |row: &str| {
            let (_, value) = card.split_once(&format!("| {row} | ")).unwrap();
            value.split_once(' ').unwrap().0.parse::<f64>().unwrap().round()
        };
        let noise = percent_of("one segment of music among nine of noise has the highest weight");
        let music = percent_of("one segment of another genre in a clip has it");
        assert!(WHAT_SEGMENTS_SAY.contains(&format!("the highest in {noise} % of tracks")));
        assert!(WHAT_SEGMENTS_SAY.contains(&format!("has it in {music} %, by chance in 10 %")));
    }
}
