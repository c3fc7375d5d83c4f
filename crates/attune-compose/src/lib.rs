//! Short pieces of music, composed and synthesised: style, tempo, mode and instruments are known, and what each
//! instrument plays is kept.
//!
//! ```text
//!  seed ─► style, key, mode, tempo ─► band: who plays what ─► one stem for each instrument ─► their sum
//!          (given, or drawn)          (harmony, rhythm)       (synthesis, no recordings)
//! ```
//!
//! In: a [`PieceConfig`]. Out: a [`Piece`]. Thread: any; a piece depends on nothing but its configuration, and the same
//! configuration gives the same samples, to the bit, on the same machine.
//!
//! ```
//! use attune_compose::{InstrumentSet, Mode, PieceConfig, Style, compose};
//!
//! let config = PieceConfig {
//!     mode: Some(Mode::Minor),
//!     ..PieceConfig::new(Style::Reggae, 7, 2.0, InstrumentSet::Training)
//! };
//! let piece = compose(&config);
//! assert_eq!(piece.mix.len(), 44_100);
//! assert!(piece.words().contains(&"minor") && piece.words().contains(&"bass"));
//! ```
//!
//! Where to go next: [`Style`] lists the styles, [`Instrument`] what plays, [`InstrumentSet`] keeps apart what a
//! network may learn from and what it is tested on. The pieces are put together to medleys by `attune-lab`.

mod harmony;
mod instrument;
mod score;
mod styles;
mod synth;

pub use harmony::Mode;
pub use instrument::{Instrument, InstrumentSet, Preset};
pub use styles::Style;

use attune_audio::units::SampleRate;
use harmony::Tonality;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use score::{Band, Part};
use styles::Plan;

/// The longest piece, in seconds.
pub const MOST_SECONDS: f64 = 600.0;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PieceConfig {
    /// The style.
    pub style: Style,
    /// Everything that is drawn comes from this.
    pub seed: u64,
    /// Length; at most [`MOST_SECONDS`].
    pub seconds: f64,
    /// Which presets of the instruments may be used.
    pub instruments: InstrumentSet,
    /// Beats per minute; `None`: drawn from the style's tempos.
    pub tempo_bpm: Option<f64>,
    /// The mode; `None`: drawn.
    pub mode: Option<Mode>,
    /// Sample rate.
    pub rate: SampleRate,
}

impl PieceConfig {
    /// Tempo and mode drawn, at 22,050 Hz.
    pub fn new(style: Style, seed: u64, seconds: f64, instruments: InstrumentSet) -> Self {
        Self {
            style,
            seed,
            seconds,
            instruments,
            tempo_bpm: None,
            mode: None,
            rate: SampleRate(22_050),
        }
    }
}

/// Tempo as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TempoClass {
    /// Below 90 beats per minute.
    Slow,
    /// From 90 to 130.
    Medium,
    /// Above.
    Fast,
}

impl TempoClass {
    /// The class of a tempo.
    ///
    /// ```
    /// use attune_compose::TempoClass;
    /// let words = [74.0, 90.0, 130.0, 131.0].map(|bpm| TempoClass::of(bpm).word());
    /// assert_eq!(words, ["slow", "medium", "medium", "fast"]);
    /// ```
    pub fn of(tempo_bpm: f64) -> Self {
        if tempo_bpm < 90.0 {
            Self::Slow
        } else if tempo_bpm <= 130.0 {
            Self::Medium
        } else {
            Self::Fast
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Medium => "medium",
            Self::Fast => "fast",
        }
    }
}

/// What one instrument plays.
#[derive(Debug, Clone, PartialEq)]
pub struct Stem {
    /// What it is played on.
    pub preset: Preset,
    /// As many samples as the piece has.
    pub samples: Vec<f32>,
}

/// A piece of music.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The style.
    pub style: Style,
    /// Beats per minute.
    pub tempo_bpm: f64,
    /// The mode.
    pub mode: Mode,
    /// Pitch class of the tonic, 0 for C.
    pub tonic: u8,
    /// Sample rate.
    pub rate: SampleRate,
    /// One for each instrument that plays, each instrument once.
    pub stems: Vec<Stem>,
    /// Mono: the sum of the stems, with a peak of at most 0.9.
    pub mix: Vec<f32>,
}

impl Piece {
    /// Tempo class, mode and instruments, as words.
    pub fn words(&self) -> Vec<&'static str> {
        let about = [TempoClass::of(self.tempo_bpm).word(), self.mode.word()];
        let instruments = self.stems.iter().map(|stem| stem.preset.instrument.word());
        about.into_iter().chain(instruments).collect()
    }
}

/// Mean power of a stem at 0 dB, before the mix is brought to its peak.
const STEM_POWER: f64 = 0.01;
const PEAK: f32 = 0.9;

/// Composes a piece and plays it.
///
/// # Panics
/// If the length, the tempo or the rate is not a positive number, or the piece is longer than [`MOST_SECONDS`]: a slip
/// of the caller.
pub fn compose(config: &PieceConfig) -> Piece {
    let is_length = config.seconds > 0.0 && config.seconds <= MOST_SECONDS;
    assert!(is_length, "a piece lasts more than 0 s and at most {MOST_SECONDS} s");
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let style = config.style;
    let (slowest, fastest) = style.tempos_bpm();
    let drawn_tempo = rng.random_range(slowest..fastest);
    let tempo_bpm = config.tempo_bpm.unwrap_or(drawn_tempo);
    assert!(
        (20.0..=400.0).contains(&tempo_bpm) && config.rate.0 >= 8_000,
        "a piece needs a tempo from 20 to 400 and a rate of 8 kHz or more"
    );
    let is_major = rng.random_bool(style.chance_of_major());
    let mode = config.mode.unwrap_or(if is_major { Mode::Major } else { Mode::Minor });
    let tonality = Tonality {
        tonic: rng.random_range(0..12),
        mode,
    };
    let mut band = Band::new(tempo_bpm, &mut rng);
    let bars = (config.seconds * tempo_bpm / 60.0 / 4.0).ceil() as usize + 1;
    style.arrange(&mut band, Plan { tonality, bars });
    // Who waits until after the end does not play.
    let sounds = |part: &Part| part.notes.iter().any(|note| note.at + 0.2 < config.seconds);
    let parts: Vec<Part> = band.parts.into_iter().filter(sounds).collect();
    let stems = played(&parts, config, &mut rng);
    let (stems, mix) = mixed(stems);
    Piece {
        style,
        tempo_bpm,
        mode,
        tonic: tonality.tonic,
        rate: config.rate,
        stems,
        mix,
    }
}

/// Each part on a preset that is drawn, at its level in the mix.
fn played(parts: &[Part], config: &PieceConfig, rng: &mut ChaCha8Rng) -> Vec<Stem> {
    let count = (config.seconds * config.rate.hz()).round() as usize;
    let reverberation = config.style.reverberation();
    let stem = |part: &Part| {
        let preset = config.instruments.draw(part.instrument, rng);
        let mut samples = synth::rendered(&part.notes, preset, (config.rate, count), reverberation, rng);
        let power = samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / count.max(1) as f64;
        let level_db = part.level_db + rng.random_range(-2.0..2.0);
        let wanted = STEM_POWER * 10f64.powf(level_db / 10.0);
        let gain = (wanted / power.max(1e-9)).sqrt() as f32;
        for sample in &mut samples {
            *sample *= gain;
        }
        Stem { preset, samples }
    };
    parts.iter().map(stem).collect()
}

/// The stems and their sum, all brought down by one gain if the sum would exceed the peak.
fn mixed(mut stems: Vec<Stem>) -> (Vec<Stem>, Vec<f32>) {
    let sum = |stems: &[Stem]| {
        let mut mix = vec![0.0; stems.first().map_or(0, |stem| stem.samples.len())];
        for stem in stems {
            for (total, sample) in mix.iter_mut().zip(&stem.samples) {
                *total += sample;
            }
        }
        mix
    };
    let peak = sum(&stems).iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    if peak > PEAK {
        let gain = PEAK / peak;
        for sample in stems.iter_mut().flat_map(|stem| &mut stem.samples) {
            *sample *= gain;
        }
    }
    let mix = sum(&stems);
    (stems, mix)
}

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
