//! The scorer: what a model wrote of pieces against what is true.
//!
//! - *Token error*: (S + D + I) / N, the least edits from the reference's tokens to the hypothesis's (Levenshtein
//!   1966).
//! - *Alignment error* (AER): 1 − (|A∩S| + |A∩P|) / (|A| + |S|) of links found A, sure S, possible P (Och & Ney 2003).
//! - *Boundary hits*: a boundary is hit if one of the other side's lies within 0.5 s (3 s), each used once; precision,
//!   recall and their harmonic mean F (Turnbull et al. 2007; `mir_eval.segment.detection`).
//! - *Average lagging* (AL): 1/τ Σ_{t≤τ} [g(t) − (t − 1) |x|/|y|], τ the first t with g(t) ≥ |x| (Ma et al. 2019).
//! - *Length-adaptive lagging* (LAAL): the same with max(|y|, |ŷ|) in place of |y| (Papi et al. 2022). Both as in
//!   SimulEval.
//! - *Seconds to the right token*: `written_s` − start of the section, where its token was written after that.
//!
//! g(t) is how much of the piece had come when token t was written, |x| the length of the piece (the end of its last
//! section), |y| the number of its sections, |ŷ| of the tokens that were written. Rates are of sums over all pieces;
//! boundary hits and lagging are means over pieces. Intervals are 95 % bootstrap intervals over pieces ([`interval`]).
//!
//! Boundary hits are *trimmed*: the start and the end of a piece are not counted, so a piece of one section has no
//! boundary and is left out of them; as in `mir_eval`, a hypothesis without inner boundaries has hit 0 of the others.
//! Untrimmed figures, of all pieces, are there too.
//!
//! In: a [`Reference`], a [`Hypothesis`], [`Links`] if there are any. Out: [`Scores`]. Thread: any.

mod boundaries;
mod edits;
pub mod interval;
mod lagging;

pub use boundaries::{Hits, hits};
pub use edits::{Edits, edits};
pub use lagging::{average_lagging, length_adaptive_lagging};

use super::tables::{Hypothesis, Links, PieceLinks, Reference, ReferenceSection, WrittenToken};
use interval::{Interval, mean, rank, resampled};
use serde::{Deserialize, Serialize};

/// Windows of boundary hits, in seconds.
pub const WINDOWS_S: [f64; 2] = [0.5, 3.0];

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Its 95 % interval over pieces; `None` for fewer than three.
    pub interval95: Interval,
}

/// Errors of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenErrors {
    /// Edits over tokens of the reference.
    pub rate: Figure,
    /// Tokens of the reference.
    pub reference: usize,
    /// Written instead of another.
    pub substitutions: usize,
    /// Written and not there.
    pub insertions: usize,
    /// There and not written.
    pub deletions: usize,
}

/// Errors of an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlignmentErrors {
    /// AER.
    pub rate: Figure,
    /// Links that were found.
    pub found: usize,
    /// Links that are sure.
    pub sure: usize,
    /// Links that are possible, the sure ones too.
    pub possible: usize,
}

/// Boundary hits within one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoundaryHits {
    /// The window, in seconds.
    pub window_s: f64,
    /// Whether start and end of a piece are left out.
    pub is_trimmed: bool,
    /// Pieces that count.
    pub pieces: usize,
    /// Boundaries written that are right.
    pub precision: Figure,
    /// Boundaries that were found.
    pub recall: Figure,
    /// Harmonic mean of both, piece by piece.
    pub f_measure: Figure,
}

/// How far behind the music what is written is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lagging {
    /// Pieces of which something was written.
    pub pieces: usize,
    /// Average lagging, in seconds.
    pub al_s: Figure,
    /// Length-adaptive average lagging, in seconds.
    pub laal_s: Figure,
}

/// Seconds from the start of a section to its right token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Delay {
    /// Sections whose token was written once they had begun.
    pub sections: usize,
    /// Sections in all.
    pub of: usize,
    /// Median, in seconds.
    pub median_s: Figure,
    /// 90 % of the sections have theirs by then.
    pub p90_s: Figure,
}

/// All figures. `None` and empty: the tables do not say enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Pieces of the reference.
    pub pieces: usize,
    /// Pieces of which nothing was written.
    pub unwritten: usize,
    /// Errors of tokens.
    pub tokens: TokenErrors,
    /// Errors of the alignment.
    pub alignment: Option<AlignmentErrors>,
    /// Boundary hits, for each window, trimmed and not.
    pub boundaries: Vec<BoundaryHits>,
    /// Lagging.
    pub lagging: Option<Lagging>,
    /// Seconds to the right token.
    pub delay: Option<Delay>,
}

/// One piece of both tables.
struct Piece<'a> {
    sections: &'a [ReferenceSection],
    written: &'a [WrittenToken],
    edits: Edits,
}

/// Scores a hypothesis.
pub fn score(reference: &Reference, hypothesis: &Hypothesis, links: Option<&Links>) -> Scores {
    let pieces: Vec<Piece<'_>> = reference
        .pieces
        .iter()
        .map(|(name, sections)| {
            let written = hypothesis.pieces.get(name).map_or(&[][..], Vec::as_slice);
            Piece {
                sections,
                written,
                edits: edits(sections, written),
            }
        })
        .collect();
    let boundaries = || {
        let windows = WINDOWS_S
            .into_iter()
            .flat_map(|window| [(window, true), (window, false)]);
        windows
            .filter_map(|(window, trimmed)| boundary_hits(&pieces, window, trimmed))
            .collect()
    };
    Scores {
        pieces: pieces.len(),
        unwritten: pieces.iter().filter(|piece| piece.written.is_empty()).count(),
        tokens: token_errors(&pieces),
        alignment: links.map(|links| alignment_errors(&links.pieces.values().collect::<Vec<_>>())),
        boundaries: if hypothesis.has_starts {
            boundaries()
        } else {
            Vec::new()
        },
        lagging: lagging_of(&pieces).filter(|_| hypothesis.has_times),
        delay: delay_of(&pieces).filter(|_| hypothesis.has_times),
    }
}

/// A ratio of sums over pieces.
pub(crate) fn ratio(parts: &[(f64, f64)]) -> Figure {
    let of = |chosen: &mut dyn Iterator<Item = usize>| -> Option<f64> {
        let (top, bottom) = chosen.fold((0.0, 0.0), |sum, i| (sum.0 + parts[i].0, sum.1 + parts[i].1));
        (bottom > 0.0).then(|| top / bottom)
    };
    Figure {
        value: of(&mut (0..parts.len())).unwrap_or(0.0),
        interval95: resampled(parts.len(), parts.len(), |chosen| of(&mut chosen.iter().copied())),
    }
}

/// A mean over pieces.
fn mean_of(values: &[f64]) -> Figure {
    Figure {
        value: mean(values.iter().copied()),
        interval95: resampled(values.len(), values.len(), |chosen| {
            Some(mean(chosen.iter().map(|&i| values[i])))
        }),
    }
}

fn token_errors(pieces: &[Piece<'_>]) -> TokenErrors {
    let sum = |count: fn(&Edits) -> usize| pieces.iter().map(|piece| count(&piece.edits)).sum();
    let rates: Vec<(f64, f64)> = pieces
        .iter()
        .map(|piece| (piece.edits.all() as f64, piece.sections.len() as f64))
        .collect();
    TokenErrors {
        rate: ratio(&rates),
        reference: pieces.iter().map(|piece| piece.sections.len()).sum(),
        substitutions: sum(|edits| edits.substitutions),
        insertions: sum(|edits| edits.insertions),
        deletions: sum(|edits| edits.deletions),
    }
}

/// 1 − (|A∩S| + |A∩P|) / (|A| + |S|), sums over pieces.
fn alignment_errors(pieces: &[&PieceLinks]) -> AlignmentErrors {
    let parts: Vec<(f64, f64)> = pieces
        .iter()
        .map(|piece| {
            let right =
                piece.found.intersection(&piece.sure).count() + piece.found.intersection(&piece.possible).count();
            let all = piece.found.len() + piece.sure.len();
            ((all as f64) - right as f64, all as f64)
        })
        .collect();
    let sum = |count: fn(&PieceLinks) -> usize| pieces.iter().map(|piece| count(piece)).sum();
    AlignmentErrors {
        rate: ratio(&parts),
        found: sum(|piece| piece.found.len()),
        sure: sum(|piece| piece.sure.len()),
        possible: sum(|piece| piece.possible.len()),
    }
}

/// `None` if no piece has a boundary that counts.
fn boundary_hits(pieces: &[Piece<'_>], window_s: f64, is_trimmed: bool) -> Option<BoundaryHits> {
    let all: Vec<Hits> = pieces
        .iter()
        .filter_map(|piece| hits(piece.sections, piece.written, window_s, is_trimmed))
        .collect();
    let figure = |value: fn(&Hits) -> f64| mean_of(&all.iter().map(value).collect::<Vec<_>>());
    (!all.is_empty()).then(|| BoundaryHits {
        window_s,
        is_trimmed,
        pieces: all.len(),
        precision: figure(|hits| hits.precision),
        recall: figure(|hits| hits.recall),
        f_measure: figure(|hits| hits.f_measure),
    })
}

/// `None` if nothing was written at all.
fn lagging_of(pieces: &[Piece<'_>]) -> Option<Lagging> {
    let (mut al, mut laal) = (Vec::new(), Vec::new());
    for piece in pieces {
        let delays: Option<Vec<f64>> = piece.written.iter().map(|token| token.written_s).collect();
        let (Some(delays), Some(last)) = (delays, piece.sections.last()) else {
            continue;
        };
        al.extend(average_lagging(&delays, last.end_s, piece.sections.len()));
        laal.extend(length_adaptive_lagging(&delays, last.end_s, piece.sections.len()));
    }
    (!al.is_empty()).then(|| Lagging {
        pieces: al.len(),
        al_s: mean_of(&al),
        laal_s: mean_of(&laal),
    })
}

/// `None` if no section has its token.
fn delay_of(pieces: &[Piece<'_>]) -> Option<Delay> {
    let by_piece: Vec<Vec<f64>> = pieces
        .iter()
        .map(|piece| {
            let seconds = |&(section, token): &(usize, usize)| {
                let late = piece.written[token].written_s? - piece.sections[section].start_s;
                // Written before the section began, it was a guess, or was about something else.
                (late >= 0.0).then_some(late)
            };
            piece.edits.right.iter().filter_map(seconds).collect()
        })
        .collect();
    let found: usize = by_piece.iter().map(Vec::len).sum();
    let figure = |share: f64| -> Option<Figure> {
        Some(Figure {
            value: rank(by_piece.iter().flatten().copied().collect(), share)?,
            interval95: resampled(by_piece.len(), found.max(by_piece.len()), |chosen| {
                rank(
                    chosen.iter().flat_map(|&i| by_piece[i].iter().copied()).collect(),
                    share,
                )
            }),
        })
    };
    Some(Delay {
        sections: found,
        of: pieces.iter().map(|piece| piece.sections.len()).sum(),
        median_s: figure(0.5)?,
        p90_s: figure(0.9)?,
    })
}

#[cfg(test)]
#[path = "../score_tests.rs"]
mod tests;
