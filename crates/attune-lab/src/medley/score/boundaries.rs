//! Boundary hits, equal to `mir_eval.segment.detection`.
//!
//! In: sections and tokens. Out: precision, recall, F. Thread: any.

use crate::medley::tables::{ReferenceSection, WrittenToken};

/// Boundaries of one piece within a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Hits {
    /// Hits over boundaries written.
    pub precision: f64,
    /// Hits over boundaries that there are.
    pub recall: f64,
    /// Harmonic mean of both; 0 without a hit.
    pub f_measure: f64,
}

/// The hits of one piece; `None` if the reference has no boundary that counts. All 0 if nothing that counts was
/// written.
///
/// The boundaries are starts and ends of all sections, to 10 µs, each once. `is_trimmed`: without the first and the
/// last of each side. The matching is the largest that there is; both sides are sorted, so the first that fits is in
/// one.
pub fn hits(sections: &[ReferenceSection], written: &[WrittenToken], window_s: f64, is_trimmed: bool) -> Option<Hits> {
    let end = sections.last()?.end_s;
    let truth = boundaries(
        sections.iter().map(|section| (section.start_s, section.end_s)),
        is_trimmed,
    );
    let next = |i: usize| written.get(i + 1).and_then(|token| token.start_s);
    let intervals = written.iter().enumerate().filter_map(|(i, token)| {
        let start = token.start_s?;
        Some((start, token.end_s.or(next(i)).unwrap_or(end).max(start)))
    });
    let found = boundaries(intervals, is_trimmed);
    if truth.is_empty() {
        return None;
    }
    if found.is_empty() {
        return Some(Hits::default());
    }
    let (mut at, mut hits) = (0, 0);
    for boundary in &found {
        while truth.get(at).is_some_and(|there| *there < boundary - window_s) {
            at += 1;
        }
        if truth.get(at).is_some_and(|there| *there <= boundary + window_s) {
            hits += 1;
            at += 1;
        }
    }
    let precision = f64::from(hits) / found.len() as f64;
    let recall = f64::from(hits) / truth.len() as f64;
    Some(Hits {
        precision,
        recall,
        f_measure: if hits == 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        },
    })
}

fn boundaries(intervals: impl Iterator<Item = (f64, f64)>, is_trimmed: bool) -> Vec<f64> {
    let times = intervals.flat_map(|(start, end)| [start, end]);
    let mut times: Vec<f64> = times.map(|time| (time * 1e5).round_ties_even() / 1e5).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    if is_trimmed {
        times = times.get(1..times.len().saturating_sub(1)).unwrap_or_default().to_vec();
    }
    times
}
