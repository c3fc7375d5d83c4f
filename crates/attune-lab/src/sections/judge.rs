//! What a trained network writes of medleys that it has not met, against what is true of them.
//!
//! In: a network, medleys. Out: [`Outcome`], [`LiveOutcome`]. Thread: any.

use super::pieces::{Made, Piece, Pieces};
use crate::LabError;
use crate::medley::score::{Scores, score};
use crate::medley::tables::{Hypothesis, Links, PieceLinks, Reference, ReferenceSection, WrittenToken};
use attune_model::genre::GenreSet;
use attune_model::sections::{SectionNet, SectionTicker, beam, boundaries, forced, greedy};
use attune_nn::Pass;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most tokens that are written of a piece.
pub(super) const MOST: usize = 12;
/// Hypotheses of the beam search.
pub(super) const BEAM: usize = 4;

/// What one piece cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// Sections.
    pub sections: usize,
    /// Edits from the true tokens to those that were written.
    pub edits: usize,
    /// Those of the beam search.
    pub by_beam: usize,
}

/// What was measured of the medleys of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Weights of the network.
    pub weights: usize,
    /// Loss at the end of training.
    pub loss: f64,
    /// By piece.
    pub pieces: Vec<Edited>,
    /// Alignment error of the true tokens, by the path through their alignment; and its interval.
    pub aer: Option<(f64, Option<[f64; 2]>)>,
    /// Share of each true token's alignment that lies in its section, the mean over tokens.
    pub mass: Option<f64>,
    /// F of boundaries within 0.5 s and 3 s.
    pub boundaries: Option<[f64; 2]>,
    /// The alignment of one piece, to look at.
    pub example: Option<Example>,
}

/// Where a network looked for each token of a piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Genres of its sections, and the source step at which each ends.
    pub sections: Vec<(String, f64)>,
    /// Of the true tokens, (tokens, source steps), in hundredths.
    pub alignment: Vec<Vec<u8>>,
}

pub(super) fn reference_of(piece: &Piece, genres: &GenreSet) -> Vec<ReferenceSection> {
    let sections = piece.sections.iter();
    sections
        .map(|section| ReferenceSection {
            start_s: section.start_s,
            end_s: section.end_s,
            token: genres.labels()[section.token as usize].clone(),
        })
        .collect()
}

pub(super) fn name_of(piece: &Piece) -> String {
    format!("{}-{:05}", piece.made.name(), piece.number)
}

/// A reference and what was written, scored together.
pub(super) fn scored(
    pieces: &[&Piece],
    written: Vec<Vec<WrittenToken>>,
    links: Option<&Links>,
    genres: &GenreSet,
) -> Scores {
    let reference = pieces.iter().map(|piece| (name_of(piece), reference_of(piece, genres)));
    let all = || written.iter().flatten();
    let hypothesis = Hypothesis {
        has_starts: all().all(|token| token.start_s.is_some()),
        has_times: all().all(|token| token.written_s.is_some()),
        pieces: pieces.iter().map(|piece| name_of(piece)).zip(written).collect(),
    };
    let reference = Reference {
        pieces: reference.collect(),
    };
    score(&reference, &hypothesis, links)
}

/// Tokens by their genres, without times.
fn words(tokens: &[u32], genres: &GenreSet) -> Vec<WrittenToken> {
    let token = |token: &u32| WrittenToken {
        token: genres.labels()[*token as usize].clone(),
        ..WrittenToken::default()
    };
    tokens.iter().map(token).collect()
}

fn edits(piece: &Piece, written: &[WrittenToken], genres: &GenreSet) -> usize {
    crate::medley::score::edits(&reference_of(piece, genres), written).all()
}

/// Judges a network for whole pieces by the medleys of one kind.
///
/// # Errors
/// If the network fails.
pub(super) fn judge(
    net: &SectionNet,
    (pieces, made): (&Pieces, Made),
    (step_s, genres): (f64, &GenreSet),
    (weights, loss): (usize, f64),
) -> Result<Outcome, LabError> {
    let judged: Vec<&Piece> = pieces.all.iter().filter(|piece| piece.made == made).collect();
    let (mut edited, mut written, mut links) = (Vec::new(), Vec::new(), Links::default());
    let (mut mass, mut tokens) = (0.0, 0_u32);
    let mut example = None;
    for piece in &judged {
        let steps = pieces.count(piece);
        let x = Tensor::from_slice(&piece.steps, (1, steps, pieces.inputs), &Device::Cpu)?;
        let memory = net.encode(&x, &mut Pass::Infer)?;
        let best = greedy(net, &memory, MOST)?.remove(0);
        let by_beam = beam(net, &memory, BEAM, MOST)?;
        edited.push(Edited {
            sections: piece.sections.len(),
            edits: edits(piece, &words(&best.tokens, genres), genres),
            by_beam: edits(piece, &words(&by_beam.tokens, genres), genres),
        });
        let starts = boundaries(&best.alignment).into_iter().map(|step| step as f64 * step_s);
        let tokens_with_starts = words(&best.tokens, genres).into_iter().zip(starts);
        written.push(
            tokens_with_starts
                .map(|(token, start)| WrittenToken {
                    start_s: Some(start),
                    ..token
                })
                .collect(),
        );
        if net.shape().attends {
            let truth: Vec<u32> = piece.sections.iter().map(|section| section.token).collect();
            let (alignment, _) = forced(net, &memory, &truth)?;
            if example.is_none() && piece.sections.len() == SHOWN {
                example = Some(Example::of(piece, &alignment, step_s, genres));
            }
            links.pieces.insert(name_of(piece), linked(&alignment, piece, step_s));
            for (row, section) in alignment.iter().zip(&piece.sections) {
                let inside = row.iter().enumerate().filter(|(step, _)| {
                    let middle = (*step as f64 + 0.5) * step_s;
                    (section.start_s..section.end_s).contains(&middle)
                });
                mass += inside.map(|(_, weight)| f64::from(*weight)).sum::<f64>();
                tokens += 1;
            }
        }
    }
    let scores = scored(&judged, written, Some(&links), genres);
    let attends = net.shape().attends;
    let hits = |window: f64| {
        let mut all = scores.boundaries.iter();
        let hits = all.find(|hits| hits.is_trimmed && (hits.window_s - window).abs() < 1e-9);
        hits.map_or(0.0, |hits| hits.f_measure.value)
    };
    Ok(Outcome {
        weights,
        loss,
        pieces: edited,
        aer: scores
            .alignment
            .filter(|_| attends)
            .map(|it| (it.rate.value, it.rate.interval95)),
        mass: attends.then(|| mass / f64::from(tokens.max(1))),
        boundaries: attends.then(|| [hits(0.5), hits(3.0)]),
        example,
    })
}

/// Sections of the piece whose alignment is shown.
const SHOWN: usize = 5;

impl Example {
    fn of(piece: &Piece, alignment: &[Vec<f32>], step_s: f64, genres: &GenreSet) -> Self {
        let section = |it: &super::TrueSection| (genres.labels()[it.token as usize].clone(), it.end_s / step_s);
        let row = |row: &Vec<f32>| row.iter().map(|weight| (weight * 100.0).round() as u8).collect();
        Self {
            sections: piece.sections.iter().map(section).collect(),
            alignment: alignment.iter().map(row).collect(),
        }
    }
}

/// Found: each source step and the token whose stretch of the path through the alignment ([`boundaries`]) it lies in.
/// Sure: steps wholly in a section; possible: also the other section of a step that has part in two.
fn linked(alignment: &[Vec<f32>], piece: &Piece, step_s: f64) -> PieceLinks {
    let mut links = PieceLinks::default();
    let starts = boundaries(alignment);
    let steps = alignment.first().map_or(0, Vec::len);
    for step in 0..steps {
        let token = starts.iter().rposition(|start| *start <= step);
        links.found.extend(token.map(|token| (step as u32, token as u32)));
        let (from, to) = (step as f64 * step_s, (step + 1) as f64 * step_s);
        for (token, section) in piece.sections.iter().enumerate() {
            let link = (step as u32, token as u32);
            if section.start_s <= from && to <= section.end_s {
                links.sure.insert(link);
            }
            if section.start_s < to && from < section.end_s {
                links.possible.insert(link);
            }
        }
    }
    links
}

/// What was measured of live lists of the medleys of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveOutcome {
    /// Source steps read before the first token; `None`: a smoothed classifier.
    pub k: Option<usize>,
    /// Weights of the network.
    pub weights: usize,
    /// Edits and sections of each piece.
    pub pieces: Vec<(usize, usize)>,
    /// Average lagging and its length-adaptive form, in seconds.
    pub lagging: Option<[f64; 2]>,
    /// Seconds from the start of a section to its right token, of those that get it: median, 90 %, and the share.
    pub delay: Option<[f64; 3]>,
}

impl LiveOutcome {
    pub(super) fn of(
        k: Option<usize>,
        weights: usize,
        (judged, written): (&[&Piece], Vec<Vec<WrittenToken>>),
        genres: &GenreSet,
    ) -> Self {
        let pairs = judged.iter().zip(&written);
        let pieces = pairs.map(|(piece, written)| (edits(piece, written, genres), piece.sections.len()));
        let pieces = pieces.collect();
        let scores = scored(judged, written, None, genres);
        Self {
            k,
            weights,
            pieces,
            lagging: scores.lagging.map(|it| [it.al_s.value, it.laal_s.value]),
            delay: scores.delay.map(|it| {
                let share = it.sections as f64 / it.of.max(1) as f64;
                [it.median_s.value, it.p90_s.value, share]
            }),
        }
    }

    /// Edits over sections.
    pub fn token_error(&self) -> f64 {
        let (edits, sections) = self.pieces.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        edits as f64 / sections.max(1) as f64
    }
}

/// Judges a live network, read with this k.
///
/// # Errors
/// If the network fails.
pub(super) fn judge_live(
    net: &Arc<SectionNet>,
    k: usize,
    (pieces, made): (&Pieces, Made),
    (step_s, genres): (f64, &GenreSet),
    weights: usize,
) -> Result<LiveOutcome, LabError> {
    let judged: Vec<&Piece> = pieces.all.iter().filter(|piece| piece.made == made).collect();
    let mut written = Vec::new();
    for piece in &judged {
        let mut ticker = SectionTicker::new(Arc::clone(net), 1.0, k)?;
        let mut all = Vec::new();
        for step in pieces.live_steps(piece).chunks_exact(pieces.inputs) {
            all.extend(ticker.push(step)?);
        }
        all.extend(ticker.finish()?);
        let token = |ticked: &attune_model::sections::Ticked| WrittenToken {
            token: genres.labels()[ticked.genre as usize].clone(),
            start_s: Some(ticked.since as f64 * 2.0 * step_s),
            end_s: None,
            written_s: Some(ticked.read as f64 * 2.0 * step_s),
        };
        written.push(all.iter().map(token).collect());
    }
    Ok(LiveOutcome::of(Some(k), weights, (&judged, written), genres))
}
