//! Which segments of a file decided, in sentences.
//!
//! In: segments and their shares in the answer. Out: text. Thread: window.

use super::{genre_title, percent};
use attune_audio::units::Seconds;
use attune_model::genre::GenreSet;
use attune_model::hierarchical::{DecidedReport, DecidingSegment};

/// What the bars are and how far they can be believed, as measured by `attune lab hierarchy` (`docs/lab.md`).
pub(crate) const WHAT_SEGMENTS_SAY: &str = "A hierarchical attention network (Yang et al. 2016) reads the file from \
both ends, so it never runs live. Each bar is a segment's share of all that speaks for the answer: attention weight \
times what the network answers to the segment. In test tracks a segment of another genre contributes most to that \
genre in 78 %, and a segment of music among nine of noise to its own in 90 %, by chance in 10 %.";

/// What the file is as a whole.
pub(crate) fn as_a_whole(decided: &DecidedReport, genres: &GenreSet) -> String {
    format!(
        "As a whole: {} {}",
        genre_title(&decided.genre, genres),
        percent(decided.confidence as f32)
    )
}

/// One segment: where, its share in the answer, what it is alone, and the answer without it.
pub(crate) fn segment(segment: &DecidingSegment, decided: &DecidedReport, genres: &GenreSet) -> String {
    let alike = 1.0 / decided.segments.len().max(1) as f64;
    let text = format!(
        "{} to {}: {} of what speaks for {}, all alike {}; alone {} {}",
        Seconds(segment.start_s).clock(),
        Seconds(segment.end_s).clock(),
        percent(segment.share as f32),
        genre_title(&decided.genre, genres),
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
        "Segments: {}. Of {} segments these speak most for it. {}",
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
        let one = |start_s: f64, share, without| DecidingSegment {
            start_s,
            end_s: start_s + 3.0,
            weight: 0.5,
            contribution: share,
            share,
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
            "Segments: As a whole: Rock 62 %. Of 2 segments these speak most for it. \
             0:03.0 to 0:06.0: 70 % of what speaks for Rock, all alike 50 %; alone Jazz 41 %; \
             without it Rock has 55 %, not 62 %."
        );
        assert!(segment(&decided.segments[0], &decided, &genres).ends_with("alone Jazz 41 %."));
    }

    #[test]
    fn what_is_said_of_segments_is_what_the_card_of_the_bundled_network_says() {
        let card = include_str!("../../../models/hierarchical.md");
        let contribution = |row: &str| {
            let (_, values) = card.split_once(&format!("| {row} the highest weight")).unwrap();
            let (values, _) = values.split_once(" (by chance 10.0 %) |").unwrap();
            let (_, value) = values.rsplit_once("; ").unwrap();
            value.trim_end_matches(" %").parse::<f64>().unwrap().round()
        };
        let music = contribution("one segment of another genre in a clip has");
        let noise = contribution("one segment of music among nine of noise has");
        assert!(WHAT_SEGMENTS_SAY.contains(&format!("to that genre in {music} %")));
        assert!(WHAT_SEGMENTS_SAY.contains(&format!("to its own in {noise} %")));
    }
}
