//! WaveNet: the next sample of raw sound from the quarter second before it, for each class (van den Oord et al. 2016).
//!
//! Sound of 8 kHz is companded to 256 codes ([`mu_law`]); the network answers with a probability for each next code. As
//! in LPCNet (Valin & Skoglund 2019) it need not learn what linear prediction knows: a [`BackwardPrediction`] fitted to
//! the sound as it comes tells it the value to expect, and it answers by how much the code is likely to differ.
//! Read one way, the bits −log₂ p say how surprising a sample is, under each class; read the other way, codes are drawn
//! one after the other and continue what was heard.
//!
//! In: samples at 8 kHz. Out: bits per sample, or samples. Thread: any.

mod file;
pub mod mu_law;
mod net;
mod packed;
mod prediction;
mod surprise;

pub use file::WavenetModel;
pub use net::{Wavenet, WavenetShape};
pub use packed::{PackedWavenet, WavenetState, WavenetStream};
pub use prediction::{BackwardPrediction, Prediction, STEPS};
pub use surprise::SurpriseModel;

/// Samples per second that the network reads and writes.
pub const RATE: attune_audio::units::SampleRate = attune_audio::units::SampleRate(8_000);

#[cfg(test)]
mod tests;
