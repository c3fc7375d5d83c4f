//! Exponential, sigmoid, tanh, erf and GELU without branches or calls, so that loops over them vectorise: the C
//! library's cost 5 to 12 ns each, and an LSTM frame needs a thousand.

/// e^x, off by at most 2 units in the last place; below −87 the smallest normal number instead of less, above 88 the
/// largest power that fits. NaN stays NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r by Cephes' polynomial (Moshier 1989), 2^n by writing the exponent.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// 1.5·2²³: adding it rounds to a whole number, which then stands in the low bits.
    const ROUNDER: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first short enough for n times it to be exact.
    const LN2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = n.mul_add(-LN2.1, n.mul_add(-LN2.0, x));
    let polynomial = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5]
        .iter()
        .fold(1.987_569_1e-4_f32, |sum, coefficient| sum.mul_add(r, *coefficient));
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23);
    (polynomial.mul_add(r * r, r) + 1.0) * power
}

/// 1 / (1 + e^−x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// (e^x − e^−x) / (e^x + e^−x), off by at most 2·10⁻⁷.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

/// The error function, off by at most 2·10⁻⁷ (Abramowitz & Stegun 1964, 7.1.26, with e^−x² of [`exp`]).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / size.mul_add(0.327_591_1, 1.0);
    let polynomial = [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6]
        .iter()
        .fold(1.061_405_4_f32, |sum, coefficient| sum.mul_add(t, *coefficient));
    (1.0 - polynomial * t * exp(-size * size)).copysign(x)
}

/// x·Φ(x), the Gaussian error linear unit in its exact form (Hendrycks & Gimpel 2016).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 1/64 from −100 to 100.
    fn grid() -> impl Iterator<Item = f32> {
        (-6_400..=6_400).map(|i| i as f32 / 64.0)
    }

    #[test]
    fn the_exponential_is_that_of_f64() {
        for x in grid().filter(|x| (-87.0..=88.0).contains(x)) {
            let truth = f64::from(x).exp();
            let error = (f64::from(exp(x)) - truth).abs() / truth;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "e^{x}: off by {error}");
        }
        assert!(exp(-1e30) < 2e-38 && exp(-1e30) >= 0.0);
        assert!(exp(1e30).is_finite() && exp(1e30) > 1e38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn logistic_and_tangent_are_those_of_f64() {
        for x in grid() {
            let wide = f64::from(x);
            assert!(
                (f64::from(sigmoid(x)) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7,
                "σ({x})"
            );
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 2.5e-7, "tanh({x})");
        }
    }
}
