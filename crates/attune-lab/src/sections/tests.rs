//! The task on pieces made up: every genre has a feature of its own.

use super::judge::{judge, judge_live};
use super::learn::live_targets;
use super::task::restored;
use super::*;
use crate::{Cells, RunConfig};
use attune_model::ModelError;
use attune_model::genre::GenreSet;
use attune_model::sections::{SectionNet, boundaries};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const GENRES: usize = 4;
const STEP_S: f64 = 0.5;

fn genres() -> GenreSet {
    GenreSet::new(["a", "b", "c", "d"].map(str::to_owned).to_vec()).unwrap()
}

/// Pieces of `sections` sections of 6 to 12 source steps.
fn pieces(count: u64, sections: std::ops::RangeInclusive<usize>, seed: u64) -> Pieces {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all: Vec<Piece> = (0..count)
        .map(|number| {
            let mut piece = Piece {
                made: Made::Composed,
                number,
                sections: Vec::new(),
                steps: Vec::new(),
            };
            let mut at = 0;
            for _ in 0..rng.random_range(sections.clone()) {
                let last = piece.sections.last().map(|section: &TrueSection| section.token);
                let token = loop {
                    let token = rng.random_range(0..GENRES as u32);
                    if Some(token) != last {
                        break token;
                    }
                };
                let steps = 2 * rng.random_range(3..=6);
                piece.sections.push(TrueSection {
                    start_s: f64::from(at) * STEP_S,
                    end_s: f64::from(at + steps) * STEP_S,
                    token,
                });
                for _ in 0..steps {
                    for class in 0..GENRES as u32 {
                        let noise: f32 = rng.random_range(-0.1..0.1);
                        piece.steps.push(noise + if class == token { 1.0 } else { 0.0 });
                    }
                }
                at += steps;
            }
            piece
        })
        .collect();
    all.sort_by_key(|piece| piece.steps.len());
    Pieces { inputs: GENRES, all }
}

fn plan(kind: SectionKind, attends: bool, reading: Reading, steps: u64) -> Plan {
    Plan {
        shape: SectionShape {
            kind,
            reading,
            inputs: GENRES,
            step_frames: 1,
            width: 24,
            heads: 2,
            layers: 1,
            genres: GENRES,
            attends,
            dropout: 0.0,
        },
        schedule: Schedule::for_generated(steps, 1e-2, 1),
        label_smoothing: 0.0,
        teacher_forcing: true,
        guidance: 1.0,
        k: None,
    }
}

fn learnt(plan: &Plan, pieces: &Pieces) -> SectionNet {
    let config = RunConfig { quick: true, seed: 1 };
    let (models, stop) = (|| Err(ModelError::NotFinite), AtomicBool::new(false));
    let mut say = |_: crate::RunEvent<'_>| {};
    let mut run = Run::new(config, Cells::default(), &models, &mut say, &stop);
    let (tensors, _) = plan.learn(pieces, STEP_S, "test", &mut run).unwrap();
    restored(&tensors, plan.shape).unwrap()
}

/// Token error, and the share of the alignment that lies in the right section.
fn judged(net: &SectionNet, seed: u64) -> (f64, Option<f64>) {
    let valid = pieces(20, 3..=5, seed);
    let outcome = judge(net, (&valid, Made::Composed), (STEP_S, &genres()), (0, 0.0)).unwrap();
    let edits: usize = outcome.pieces.iter().map(|piece| piece.edits).sum();
    let sections: usize = outcome.pieces.iter().map(|piece| piece.sections).sum();
    (edits as f64 / sections as f64, outcome.mass)
}

#[test]
fn what_attends_learns_the_list_and_its_twin_cannot() {
    let train = pieces(200, 1..=5, 1);
    for kind in SectionKind::ALL {
        let of = |attends: bool| judged(&learnt(&plan(kind, attends, Reading::Whole, 600), &train), 2);
        let ((error, mass), (without, no_mass)) = (of(true), of(false));
        assert!(error < 0.2, "{kind:?}: {error}");
        assert!(mass.unwrap() > 0.7, "{kind:?}: {mass:?}");
        // An LSTM that reads both ways carries some of the order into the mean of what it made.
        let gain = if kind == SectionKind::Bahdanau { 0.03 } else { 0.1 };
        assert!(
            without > error + gain && no_mass.is_none(),
            "{kind:?}: {without} beside {error}"
        );
    }
}

#[test]
fn a_decoder_can_be_given_what_it_writes_itself() {
    let train = pieces(200, 1..=5, 1);
    let plan = Plan {
        teacher_forcing: false,
        label_smoothing: 0.1,
        ..plan(SectionKind::Bahdanau, true, Reading::Whole, 600)
    };
    let (error, _) = judged(&learnt(&plan, &train), 2);
    assert!(error < 0.25, "{error}");
}

#[test]
fn a_live_list_is_as_late_as_it_reads_ahead() {
    let train = pieces(60, 8..=9, 1);
    let valid = pieces(8, 6..=8, 2);
    let plan = plan(SectionKind::Transformer, true, Reading::Live { context: 8 }, 400);
    let net = Arc::new(learnt(&plan, &train));
    for k in [1, 4] {
        let outcome = judge_live(&net, k, (&valid, Made::Composed), (STEP_S, &genres()), 0).unwrap();
        assert!(outcome.token_error() < 0.25, "k = {k}: {}", outcome.token_error());
        // A live step is two source steps of half a second: a token is written when k of them are read, or one more.
        let [median, ..] = outcome.delay.unwrap();
        let late = median - k as f64;
        assert!((-1e-9..=1.0 + 1e-9).contains(&late), "k = {k}: {median} s");
    }
}

#[test]
fn boundaries_are_the_path_with_the_greatest_sum() {
    let alignment = [
        vec![0.6, 0.3, 0.1, 0.0, 0.0],
        vec![0.0, 0.0, 0.2, 0.7, 0.1],
        vec![0.0, 0.1, 0.0, 0.1, 0.8],
    ];
    assert_eq!(boundaries(&alignment), [0, 2, 4]);
    // A token that attends to nothing of its own still has a step, and order is kept.
    let alignment = [vec![0.0, 0.0, 1.0], vec![1.0, 0.0, 0.0]];
    let starts = boundaries(&alignment);
    assert!(starts[0] == 0 && (1..3).contains(&starts[1]), "{starts:?}");
    assert_eq!(boundaries(&[]), [0; 0]);
    assert_eq!(boundaries(&[vec![1.0], vec![1.0]]), [0, 1]);
}

#[test]
fn live_targets_by_hand() {
    let section = |start: f64, end: f64, token| TrueSection {
        start_s: start,
        end_s: end,
        token,
    };
    let sections = [section(0.0, 2.1, 1), section(2.1, 4.0, 0), section(4.0, 6.0, 2)];
    assert_eq!(live_targets(&sections, &(0..6), 1.0, 9), [1, 9, 0, 9, 2, 9]);
    // An excerpt begins with what plays there, and may end within a section.
    assert_eq!(live_targets(&sections, &(1..5), 1.0, 9), [1, 0, 9, 2]);
}
