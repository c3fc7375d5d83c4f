//! The least edits that turn the reference's tokens into those that were written (Levenshtein 1966).
//!
//! In: sections and tokens of a piece. Out: [`Edits`]. Thread: any.

use crate::medley::tables::{ReferenceSection, WrittenToken};

/// Edits of one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Written instead of another.
    pub substitutions: usize,
    /// Written and not there.
    pub insertions: usize,
    /// There and not written.
    pub deletions: usize,
    /// Sections and the tokens that are right of them, both by number, from 0.
    pub right: Vec<(usize, usize)>,
}

impl Edits {
    /// All edits.
    pub fn all(&self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }
}

#[derive(Clone, Copy)]
enum Step {
    Right,
    Substitute,
    Insert,
    Delete,
}

/// Edits; right tokens that were not written too early, subtracted; how far in time right tokens lie from their
/// sections.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Cost(u32, i32, f64);

/// The least edits of a piece. Of several ways with as few, that with most right tokens, those left aside that were
/// written before their section began; then that whose right tokens were written (else begin) nearest to the starts of
/// their sections; then that with most substitutions.
pub fn edits(sections: &[ReferenceSection], written: &[WrittenToken]) -> Edits {
    let width = written.len() + 1;
    // The costs of one line suffice; the steps of all are kept for the way back.
    let mut above: Vec<Cost> = (0..width).map(|j| Cost(j as u32, 0, 0.0)).collect();
    let mut steps = vec![Step::Insert; (sections.len() + 1) * width];
    for (i, section) in sections.iter().enumerate() {
        let mut line = vec![Cost(i as u32 + 1, 0, 0.0)];
        steps[(i + 1) * width] = Step::Delete;
        for (j, token) in written.iter().enumerate() {
            let Cost(edits, early, apart) = above[j];
            let (straight, step) = if section.token == token.token {
                let late = token.written_s.or(token.start_s).map(|time| time - section.start_s);
                let has_begun = token.written_s.is_none_or(|time| time >= section.start_s);
                let apart = apart + late.map_or(0.0, f64::abs);
                (Cost(edits, early - i32::from(has_begun), apart), Step::Right)
            } else {
                (Cost(edits + 1, early, apart), Step::Substitute)
            };
            let (mut best, mut chosen) = (straight, step);
            for (Cost(edits, early, apart), step) in [(above[j + 1], Step::Delete), (line[j], Step::Insert)] {
                let cost = Cost(edits + 1, early, apart);
                if cost < best {
                    (best, chosen) = (cost, step);
                }
            }
            line.push(best);
            steps[(i + 1) * width + j + 1] = chosen;
        }
        above = line;
    }
    way_back(&steps, sections.len(), written.len())
}

fn way_back(steps: &[Step], sections: usize, tokens: usize) -> Edits {
    let (mut i, mut j) = (sections, tokens);
    let mut edits = Edits::default();
    while i > 0 || j > 0 {
        match steps[i * (tokens + 1) + j] {
            Step::Right => {
                (i, j) = (i - 1, j - 1);
                edits.right.push((i, j));
            }
            Step::Substitute => {
                (i, j) = (i - 1, j - 1);
                edits.substitutions += 1;
            }
            Step::Insert => {
                j -= 1;
                edits.insertions += 1;
            }
            Step::Delete => {
                i -= 1;
                edits.deletions += 1;
            }
        }
    }
    edits.right.reverse();
    edits
}
