//! The styles: what each band plays. Harmony, tempo and who joins are drawn; rhythm makes the style.
//!
//! In: a [`Band`] and a [`Plan`]. Out: the band's parts. Thread: any.

mod blues;
mod classical;
mod disco;
mod jazz;
mod metal;
mod reggae;

use crate::harmony::{Chord, Melody, Mode, Tonality};
use crate::instrument::Instrument;
use crate::score::Band;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A style, by the name of its genre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// A shuffle over twelve bars.
    Blues,
    /// Strings, broken chords and a solo.
    Classical,
    /// Four on the floor and octaves in the bass.
    Disco,
    /// Swing, a walking bass and a solo.
    Jazz,
    /// Palm-muted power chords and a double bass drum.
    Metal,
    /// One drop, with chords on the offbeats.
    Reggae,
}

/// What is drawn before the band plays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub tonality: Tonality,
    /// Bars of four beats.
    pub bars: usize,
}

impl Plan {
    /// A chord of `tones` tones for each bar: one of the progressions in degrees of the key's mode, over and over.
    fn chords<const N: usize>(
        self,
        major: &[[usize; N]],
        minor: &[[usize; N]],
        tones: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Chord> {
        let progressions = match self.tonality.mode {
            Mode::Major => major,
            Mode::Minor => minor,
        };
        let degrees = one_of(progressions, rng).iter().cycle();
        let chord = |degree: &usize| self.tonality.chord(*degree, tones);
        degrees.take(self.bars).map(chord).collect()
    }
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Blues,
        Self::Classical,
        Self::Disco,
        Self::Jazz,
        Self::Metal,
        Self::Reggae,
    ];

    /// Its genre, as in GTZAN's labels.
    ///
    /// ```
    /// assert_eq!(attune_compose::Style::Jazz.genre(), "jazz");
    /// ```
    pub fn genre(self) -> &'static str {
        match self {
            Self::Blues => "blues",
            Self::Classical => "classical",
            Self::Disco => "disco",
            Self::Jazz => "jazz",
            Self::Metal => "metal",
            Self::Reggae => "reggae",
        }
    }

    /// Lowest and highest tempo, in beats per minute. They overlap: tempo alone does not tell a style.
    pub(crate) fn tempos_bpm(self) -> (f64, f64) {
        match self {
            Self::Blues => (60.0, 150.0),
            Self::Classical => (56.0, 140.0),
            Self::Disco => (108.0, 136.0),
            Self::Jazz => (88.0, 210.0),
            Self::Metal => (96.0, 200.0),
            Self::Reggae => (64.0, 100.0),
        }
    }

    /// How often a piece is in a major key. Neither mode is rare: mode alone does not tell a style.
    pub(crate) fn chance_of_major(self) -> f64 {
        match self {
            Self::Metal => 0.3,
            Self::Blues => 0.6,
            _ => 0.5,
        }
    }

    /// Share of reverberation.
    pub(crate) fn reverberation(self) -> f32 {
        match self {
            Self::Classical => 0.35,
            Self::Jazz | Self::Reggae => 0.18,
            Self::Blues | Self::Disco => 0.12,
            Self::Metal => 0.05,
        }
    }

    pub(crate) fn arrange(self, band: &mut Band<'_>, plan: Plan) {
        match self {
            Self::Blues => blues::arrange(band, plan),
            Self::Classical => classical::arrange(band, plan),
            Self::Disco => disco::arrange(band, plan),
            Self::Jazz => jazz::arrange(band, plan),
            Self::Metal => metal::arrange(band, plan),
            Self::Reggae => reggae::arrange(band, plan),
        }
    }
}

/// One of several.
fn one_of<'a, T>(choices: &'a [T], rng: &mut ChaCha8Rng) -> &'a T {
    &choices[rng.random_range(0..choices.len())]
}

/// The beat that a bar begins with.
fn start_of(bar: usize) -> f64 {
    bar as f64 * 4.0
}

/// A melody over chords of one bar each: each bar takes one of the rhythms, (beat, beats) for each note.
fn solo(
    band: &mut Band<'_>,
    part: usize,
    (tonality, chords): (Tonality, &[Chord]),
    rhythms: &[&[(f64, f64)]],
    velocity: f64,
) {
    let instrument: Instrument = band.parts[part].instrument;
    let mut melody = Melody::new(tonality, instrument.range());
    for (bar, chord) in chords.iter().enumerate() {
        for &(beat, beats) in *one_of(rhythms, band.rng) {
            let key = melody.next(beat, chord, band.rng);
            let accent = if beat.fract() == 0.0 { 0.06 } else { 0.0 };
            band.play(part, start_of(bar) + beat, beats, key, velocity + accent);
        }
    }
}
