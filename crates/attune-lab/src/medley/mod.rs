//! Medleys: pieces put together from sections of different genres, with boundaries known to the sample, and the scorer
//! of what a model writes of them. One task for every network that reads a sequence and writes a sequence.
//!
//! # Question
//!
//! What plays, from when on, as a list that grows while the music does? The source is the sound of K sections; the
//! target is one token for each, its genre, and [`END`].
//!
//! # Formula
//!
//! The figures and their sources are at [`score`].
//!
//! # Method
//!
//! A medley has 1 to 8 sections of 4 to 12 s ([`SECONDS`]). *Real* ones are cut from the clips of a data set, each clip
//! at most once in a medley, genres drawn evenly; training and validation share no artist
//! ([`attune_train::split`]). *Composed* ones are made by [`attune_compose`]: validation has other seeds and other
//! presets of the instruments. Sections that follow each other differ in genre. A boundary is a cut, or the middle of
//! a crossfade of 20 to 250 ms whose two sides have the same power. In half of the medleys all sections have the same
//! mean power; in the other half clips are as loud as they were recorded, and composed sections up to 9 dB softer.
//! Everything is drawn from a seed and the number of the medley, so that medley n is the same whether one is made or a
//! thousand. Each instrument (each clip, of real ones) is kept as a stem; the sum of all stems is the medley.
//!
//! # Result
//!
//! A task and a measure have none; networks that learn it stand in `docs/lab.md`.
//!
//! # What it does not show
//!
//! Music changes its genre within a piece more softly than from one clip to another, and composed pieces are simpler
//! than any that people play. A network that does well here has shown that it can follow changes, not that it can
//! follow a form.
//!
//! In: a [`MedleyPlan`], clips for real ones. Out: a [`Medley`], or a folder of them ([`write()`]). Thread: any.
//!
//! ```
//! use attune_lab::medley::{MedleyPlan, Vocabulary, composed};
//!
//! let plan = MedleyPlan { sections: 2..=2, ..MedleyPlan::default() };
//! let medley = composed(&plan, 0);
//! let [first, second] = &medley.sections[..] else { panic!("two were asked for") };
//! assert!(first.range.end == second.range.start && first.token != second.token);
//! // As a network learns it: a number for each token, and the end.
//! let vocabulary = Vocabulary::composed();
//! assert_eq!(vocabulary.target(&medley).unwrap().last(), Some(&vocabulary.end()));
//! ```

mod assemble;
mod composed;
mod files;
mod real;
pub mod score;
pub mod tables;

pub use composed::composed;
pub use files::{DETAILS, REFERENCE, Written, write};
pub use real::ClipMedleys;

use attune_audio::units::{SampleRate, Seconds};
use attune_train::dataset::Side;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::{Range, RangeInclusive};

/// The rate of every medley: that of the front end.
pub const RATE: SampleRate = SampleRate(22_050);
/// How long a section lasts.
pub const SECONDS: RangeInclusive<f64> = 4.0..=12.0;
/// How many sections a medley may have.
pub const SECTIONS: RangeInclusive<usize> = 1..=8;
/// Token that ends every target.
pub const END: &str = "<end>";
/// Token that every target begins after.
pub const START: &str = "<start>";

/// What medleys are to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MedleyPlan {
    /// Everything that is drawn comes from this and the number of the medley.
    pub seed: u64,
    /// Fewest and most sections, within [`SECTIONS`].
    pub sections: RangeInclusive<usize>,
    /// Training or validation: which clips, or which seeds and presets.
    pub split: Side,
}

impl Default for MedleyPlan {
    fn default() -> Self {
        Self {
            seed: 1,
            sections: SECTIONS,
            split: Side::Train,
        }
    }
}

/// Where the sound of a section is from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A clip of a data set.
    Clip {
        /// Its name in the index.
        name: String,
        /// Its artist; empty if unknown.
        artist: String,
        /// The first sample of the clip that is in the section, at [`RATE`].
        from: usize,
    },
    /// A piece that was composed for it.
    Composed {
        /// Tempo class, mode, and the instruments that sound in the section.
        words: Vec<&'static str>,
        /// Beats per minute.
        tempo_bpm: f64,
        /// Seed of the piece.
        seed: u64,
    },
}

/// A part of a medley with one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its samples. The first begins at 0, each other one where the one before ends.
    pub range: Range<usize>,
    /// Its genre.
    pub token: String,
    /// Where its sound is from.
    pub source: Source,
    /// What the sound was multiplied by.
    pub gain: f32,
    /// Samples of the crossfade from the section before; its middle is the boundary. 0: a cut.
    pub fade: usize,
}

impl Section {
    /// When it begins.
    pub fn start(&self) -> Seconds {
        RATE.duration(self.range.start as u64)
    }

    /// When it ends.
    pub fn end(&self) -> Seconds {
        RATE.duration(self.range.end as u64)
    }
}

/// What one instrument, or one clip, adds to a medley.
#[derive(Debug, Clone, PartialEq)]
pub struct Stem {
    /// The section that it belongs to, from 0.
    pub section: usize,
    /// The instrument's word, or the clip's name.
    pub name: String,
    /// Where it begins in the medley.
    pub start: usize,
    /// With gain and crossfades.
    pub samples: Vec<f32>,
}

/// Sections one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Medley {
    /// Mono, at [`RATE`]: the sum of the stems.
    pub samples: Vec<f32>,
    /// In order of time.
    pub sections: Vec<Section>,
    /// In order of sections.
    pub stems: Vec<Stem>,
}

impl Medley {
    /// The section that a sample belongs to, from 0; `None` after the end.
    pub fn section_at(&self, sample: usize) -> Option<usize> {
        self.sections.iter().position(|section| section.range.contains(&sample))
    }
}

/// Numbers for tokens: the genres in their order, then [`END`], then [`START`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    genres: Vec<String>,
}

impl Vocabulary {
    /// Of these genres, in this order.
    pub fn new(genres: Vec<String>) -> Self {
        Self { genres }
    }

    /// Of all styles that are composed.
    pub fn composed() -> Self {
        let genres = attune_compose::Style::ALL.iter();
        Self::new(genres.map(|style| style.genre().to_owned()).collect())
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.genres.len() + 2
    }

    /// The number of [`END`].
    pub fn end(&self) -> u32 {
        self.genres.len() as u32
    }

    /// The number of [`START`].
    pub fn start(&self) -> u32 {
        self.end() + 1
    }

    /// The number of a genre.
    pub fn number(&self, genre: &str) -> Option<u32> {
        let place = self.genres.iter().position(|other| other == genre);
        place.map(|place| place as u32)
    }

    /// The token of a number.
    pub fn token(&self, number: u32) -> Option<&str> {
        match self.genres.get(number as usize) {
            Some(genre) => Some(genre),
            None if number == self.end() => Some(END),
            None if number == self.start() => Some(START),
            None => None,
        }
    }

    /// What a network is to write of a medley: a number for each section, then that of [`END`]. `None` if it has no
    /// number for one of them.
    pub fn target(&self, medley: &Medley) -> Option<Vec<u32>> {
        let sections = medley.sections.iter().map(|section| self.number(&section.token));
        sections.chain([Some(self.end())]).collect()
    }
}

/// Random numbers for one medley: other ones for each kind, split and number.
fn rng_of(plan: &MedleyPlan, is_composed: bool, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let is_valid = u64::from(plan.split == Side::Valid);
    rng.set_stream(4 * number + 2 * u64::from(is_composed) + is_valid);
    rng
}

/// What is drawn of every medley before its sounds.
#[derive(Debug)]
struct Layout {
    /// Samples of each section.
    lengths: Vec<usize>,
    /// Samples of half the crossfade into each section, and 0 for the first; one more for the end.
    halves: Vec<usize>,
    /// Whether all sections are brought to the same power.
    is_matched: bool,
}

/// Half of a crossfade, in seconds.
const HALF_FADE: Range<f64> = 0.01..0.125;

impl Layout {
    /// # Panics
    /// If the plan's numbers of sections are none or too many: a slip of the caller.
    fn draw(plan: &MedleyPlan, rng: &mut ChaCha8Rng) -> Self {
        let (fewest, most) = (*plan.sections.start(), *plan.sections.end());
        assert!(
            SECTIONS.contains(&fewest) && SECTIONS.contains(&most) && fewest <= most,
            "a medley has {SECTIONS:?} sections"
        );
        let count = rng.random_range(plan.sections.clone());
        let samples = |secs: f64| RATE.index_at(Seconds(secs)).0 as usize;
        let lengths = (0..count).map(|_| samples(rng.random_range(SECONDS))).collect();
        let mut halves = vec![0; count + 1];
        for half in &mut halves[1..count] {
            if rng.random_bool(0.5) {
                *half = samples(rng.random_range(HALF_FADE));
            }
        }
        Self {
            lengths,
            halves,
            is_matched: rng.random_bool(0.5),
        }
    }
}

#[cfg(test)]
#[path = "medley_tests.rs"]
mod tests;
