//! Medleys of pieces that are composed for them.
//!
//! In: a plan and a number. Out: a [`Medley`]. Thread: any.

use super::assemble::{Part, assembled};
use super::{Layout, Medley, MedleyPlan, RATE, Source, rng_of};
use attune_compose::{InstrumentSet, Piece, PieceConfig, Style, compose};
use attune_train::dataset::Side;
use attune_train::sound::mean_power;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A section begins up to this long after its piece does.
const ENTRY_SECS: f64 = 4.0;
/// An instrument whose power in a section is less than this share of the whole does not count as sounding (−40 dB).
const AUDIBLE: f64 = 1e-4;

/// Medley `number` of a plan. Training and validation have no preset of an instrument and no seed in common.
///
/// # Panics
/// If the plan's numbers of sections are not within [`super::SECTIONS`].
pub fn composed(plan: &MedleyPlan, number: u64) -> Medley {
    let mut rng = rng_of(plan, true, number);
    let layout = Layout::draw(plan, &mut rng);
    let mut parts: Vec<Part> = Vec::new();
    for i in 0..layout.lengths.len() {
        let others = |style: &Style| parts.last().is_none_or(|part| part.token != style.genre());
        let styles: Vec<Style> = Style::ALL.into_iter().filter(others).collect();
        let style = styles[rng.random_range(0..styles.len())];
        parts.push(part(style, plan.split, (&layout, i), &mut rng));
    }
    assembled(&layout, parts)
}

fn part(style: Style, split: Side, (layout, i): (&Layout, usize), rng: &mut ChaCha8Rng) -> Part {
    let (length, before, after) = (layout.lengths[i], layout.halves[i], layout.halves[i + 1]);
    let entry = (rng.random_range(0.0..ENTRY_SECS) * RATE.hz()) as usize;
    let count = entry + before + length + after;
    let seed = rng.random();
    let instruments = match split {
        Side::Train => InstrumentSet::Training,
        Side::Valid => InstrumentSet::Unseen,
    };
    let piece = compose(&PieceConfig {
        rate: RATE,
        ..PieceConfig::new(style, seed, RATE.duration(count as u64).0, instruments)
    });
    let section = entry + before..entry + before + length;
    let gain_db: f32 = rng.random_range(-9.0..0.0);
    Part {
        token: style.genre().to_owned(),
        source: Source::Composed {
            words: words(&piece, section),
            tempo_bpm: piece.tempo_bpm,
            seed,
        },
        length,
        stems: piece
            .stems
            .into_iter()
            .map(|stem| {
                let name = stem.preset.instrument.word().to_owned();
                (name, stem.samples[entry..].to_vec())
            })
            .collect(),
        gain: 10f32.powf(gain_db / 20.0),
    }
}

/// The piece's words, without instruments that are not heard in the section.
fn words(piece: &Piece, section: std::ops::Range<usize>) -> Vec<&'static str> {
    let least = AUDIBLE * mean_power(&piece.mix[section.clone()]);
    let sounds = |word: &&str| {
        let mut stems = piece.stems.iter();
        let stem = stems.find(|stem| stem.preset.instrument.word() == *word);
        stem.is_none_or(|stem| mean_power(&stem.samples[section.clone()]) > least)
    };
    piece.words().into_iter().filter(sounds).collect()
}
