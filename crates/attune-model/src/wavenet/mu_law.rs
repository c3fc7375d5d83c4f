//! Samples as 8-bit codes, logarithmic in size: µ-law companding with µ = 255 (ITU-T G.711 in its continuous form; van
//! den Oord et al. 2016, section 2.2).
//!
//! In: samples −1 to 1. Out: codes 0 to 255, and back. Thread: any.

/// Number of codes.
pub const CODES: usize = 256;

const MU: f32 = 255.0;

/// Code of a sample: sgn(x)·ln(1 + µ·|x|) / ln(1 + µ), −1 to 1, rounded to one of 256 steps. Samples beyond ±1 are
/// clipped; what is not a number is silence.
///
/// ```
/// use attune_model::wavenet::mu_law::encode;
/// assert_eq!([-1.0, 0.0, 1.0].map(encode), [0, 128, 255]);
/// assert_eq!(encode(0.5), 239); // as torchaudio.functional.mu_law_encoding
/// ```
#[allow(clippy::manual_midpoint, reason = "the formula as it is written, to the last bit")]
pub fn encode(sample: f32) -> u8 {
    let x = if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) };
    let companded = (MU * x.abs()).ln_1p() / MU.ln_1p();
    ((companded.copysign(x) + 1.0) / 2.0).mul_add(MU, 0.5) as u8
}

/// The sample in the middle of a code's step.
///
/// ```
/// use attune_model::wavenet::mu_law::{decode, encode};
/// assert!((0..=255).all(|code| encode(decode(code)) == code));
/// assert!((decode(0) + 1.0).abs() < 1e-6 && (decode(255) - 1.0).abs() < 1e-6);
/// ```
pub fn decode(code: u8) -> f32 {
    expanded(f64::from(code)) as f32
}

/// The samples between which a code lies: from the lower bound on, below the upper one. The outermost reach to
/// infinity.
pub fn bounds(code: u8) -> (f64, f64) {
    let lower = if code == 0 {
        f64::NEG_INFINITY
    } else {
        expanded(f64::from(code) - 0.5)
    };
    let upper = if code == u8::MAX {
        f64::INFINITY
    } else {
        expanded(f64::from(code) + 0.5)
    };
    (lower, upper)
}

fn expanded(code: f64) -> f64 {
    let mu = f64::from(MU);
    let y = code / mu * 2.0 - 1.0;
    ((y.abs() * mu.ln_1p()).exp_m1() / mu).copysign(y)
}
