//! Segments of at least some length: what is shorter goes to a neighbour.

use attune_audio::units::Seconds;
use attune_engine::offline::SegmentReport;

/// The shortest segment unless another is asked for: about what a listener needs to hear a change of music as one.
pub const DEFAULT_MIN_SEGMENT: Seconds = Seconds(3.0);

fn length(segment: &SegmentReport) -> f64 {
    segment.end_s - segment.start_s
}

fn is_same(one: &SegmentReport, other: &SegmentReport) -> bool {
    (one.state, &one.genre) == (other.state, &other.genre)
}

/// The segments of a file, each at least `least` long, unless the file is shorter: the shortest one that is too short
/// goes to its longer neighbour (the earlier of two as long), and neighbours with the same answer become one, until
/// none is too short. Warming up is no answer: it goes to what follows. The confidence of a segment is the mean over
/// those of its parts that had its answer, by their length.
pub fn merged(segments: &[SegmentReport], least: Seconds) -> Vec<SegmentReport> {
    // Each with the length over which its confidence is a mean.
    let mut parts: Vec<(SegmentReport, f64)> = Vec::with_capacity(segments.len());
    for segment in segments {
        parts.push((segment.clone(), length(segment)));
    }
    join_same(&mut parts);
    while parts.len() > 1 {
        let is_short = |part: &(SegmentReport, f64)| part.0.state == "warming_up" || length(&part.0) < least.0;
        let too_short = parts.iter().enumerate().filter(|(_, part)| is_short(part));
        let shortest = too_short.min_by(|(_, a), (_, b)| length(&a.0).total_cmp(&length(&b.0)));
        let Some((place, _)) = shortest else { break };
        let (gone, _) = parts.remove(place);
        let before = place.checked_sub(1);
        let after = (place < parts.len()).then_some(place);
        let length_of = |at: Option<usize>| at.map_or(f64::NEG_INFINITY, |at| length(&parts[at].0));
        let goes_on = gone.state == "warming_up" && after.is_some();
        if !goes_on && before.is_some() && length_of(before) >= length_of(after) {
            parts[place - 1].0.end_s = gone.end_s;
        } else {
            parts[place].0.start_s = gone.start_s;
        }
        join_same(&mut parts);
    }
    parts.into_iter().map(|(segment, _)| segment).collect()
}

fn join_same(parts: &mut Vec<(SegmentReport, f64)>) {
    parts.dedup_by(|next, first| {
        let same = is_same(&next.0, &first.0);
        if same {
            let total = (first.1 + next.1).max(1e-9);
            first.0.confidence = (first.0.confidence * first.1 + next.0.confidence * next.1) / total;
            first.0.end_s = next.0.end_s;
            first.1 = total;
        }
        same
    });
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "times are passed on, not computed")]
mod tests {
    use super::*;

    fn segments(of: &[(f64, &'static str, &str, f64)]) -> Vec<SegmentReport> {
        let mut start = 0.0;
        let mut all = Vec::new();
        for &(end_s, state, genre, confidence) in of {
            all.push(SegmentReport {
                start_s: start,
                end_s,
                state,
                genre: (!genre.is_empty()).then(|| genre.to_owned()),
                confidence,
            });
            start = end_s;
        }
        all
    }

    fn short(of: &[SegmentReport]) -> Vec<(f64, f64, &str)> {
        let name = |segment: &SegmentReport| (segment.start_s, segment.end_s);
        of.iter()
            .map(|segment| {
                let (start, end) = name(segment);
                (start, end, segment.genre.as_deref().unwrap_or(segment.state))
            })
            .collect()
    }

    #[test]
    fn what_is_too_short_goes_to_its_neighbours() {
        let all = segments(&[
            (0.9, "warming_up", "", 0.2),
            (10.0, "genre", "rock", 0.6),
            (11.0, "unsure", "", 0.3),
            (20.0, "genre", "rock", 0.8),
            (22.0, "silence", "", 0.1),
            (40.0, "genre", "jazz", 0.9),
        ]);
        let of = merged(&all, Seconds(3.0));
        // The silence goes to the longer of its neighbours.
        assert_eq!(short(&of), [(0.0, 22.0, "rock"), (22.0, 40.0, "jazz")]);
        // 9.1 s at 0.6 and 9 s at 0.8; the unsure second has no probability of rock.
        assert!((of[0].confidence - (9.1 * 0.6 + 9.0 * 0.8) / 18.1).abs() < 1e-12);
        // The least length decides: with half a second only the warm-up goes.
        assert_eq!(merged(&all, Seconds(0.5)).len(), 5);
    }

    #[test]
    fn segments_cover_the_same_time_without_a_gap() {
        let all = segments(&[
            (1.0, "genre", "rock", 0.5),
            (2.0, "genre", "pop", 0.5),
            (3.0, "silence", "", 0.5),
            (3.5, "genre", "pop", 0.5),
        ]);
        for least in [0.1, 1.5, 2.5, 10.0] {
            let of = merged(&all, Seconds(least));
            assert_eq!((of[0].start_s, of.last().unwrap().end_s), (0.0, 3.5), "{least}");
            assert!(of.windows(2).all(|two| two[0].end_s == two[1].start_s), "{least}");
            assert!(of.len() == 1 || of.iter().all(|one| length(one) >= least), "{least}");
        }
        assert!(merged(&[], Seconds(3.0)).is_empty());
    }
}
