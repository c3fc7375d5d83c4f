//! The five quantities that must not be mixed up, each a type of its own.
//!
//! In: numbers. Out: numbers with a unit. Thread: any.

use serde::{Deserialize, Serialize};

/// Samples per second of one audio channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SampleRate(pub u32);

impl SampleRate {
    /// The rate in hertz.
    pub fn hz(self) -> f64 {
        f64::from(self.0)
    }

    /// How long `samples` last at this rate.
    ///
    /// ```
    /// use attune_audio::units::{SampleRate, Seconds};
    /// assert_eq!(SampleRate(22_050).duration(11_025), Seconds(0.5));
    /// ```
    pub fn duration(self, samples: u64) -> Seconds {
        Seconds(samples as f64 / self.hz())
    }

    /// The sample nearest to `at`, counted from the start of the stream; times before it give the first.
    ///
    /// ```
    /// use attune_audio::units::{SampleIndex, SampleRate, Seconds};
    /// assert_eq!(SampleRate(48_000).index_at(Seconds(0.25)), SampleIndex(12_000));
    /// ```
    pub fn index_at(self, at: Seconds) -> SampleIndex {
        SampleIndex((at.0 * self.hz()).round().max(0.0) as u64)
    }
}

/// Position of one sample of one channel, counted from the start of its stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SampleIndex(pub u64);

/// Position of one feature frame, counted from the start of its stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrameIndex(pub u64);

/// A duration, or a time since the start of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub f64);

impl Seconds {
    /// Minutes and seconds as a person reads them.
    ///
    /// ```
    /// use attune_audio::units::Seconds;
    /// assert_eq!(Seconds(83.25).clock(), "1:23.2");
    /// assert_eq!(Seconds(10_801.5).clock(), "3:00:01.5");
    /// ```
    pub fn clock(self) -> String {
        // Tenths are cut, not rounded: a clock never shows a time that has not come.
        let tenths = (self.0.max(0.0) * 10.0) as u64;
        let (minutes, rest) = (tenths / 600, format!("{:02}.{}", tenths / 10 % 60, tenths % 10));
        match minutes / 60 {
            0 => format!("{minutes}:{rest}"),
            hours => format!("{hours}:{:02}:{rest}", minutes % 60),
        }
    }
}

/// A level relative to full scale: 0 dB is an amplitude of 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decibels(pub f32);

impl Decibels {
    /// The level of digital silence.
    pub const SILENCE: Self = Self(-120.0);

    /// The level of an amplitude (20·log10), no lower than [`Decibels::SILENCE`].
    ///
    /// ```
    /// use attune_audio::units::Decibels;
    /// assert!((Decibels::from_amplitude(0.5).0 + 6.0206).abs() < 1e-3);
    /// assert_eq!(Decibels::from_amplitude(0.0), Decibels::SILENCE);
    /// ```
    pub fn from_amplitude(amplitude: f32) -> Self {
        Self((20.0 * amplitude.abs().max(1e-6).log10()).max(Self::SILENCE.0))
    }
}
