//! Flushes tiny values to zero, where a recurrence would turn them into denormals.
//!
//! In, Out: single values. Thread: any.
//!
//! A decaying mean and a gradient through a recurrence shrink by a factor with every frame. Below 1.2e-38 an `f32` is
//! denormal: it loses precision, many processors slow down on it, and rounding can hold it there for ever. After
//! fifteen minutes of silence a frame took nearly twice as long (`cargo bench -- died_away` watches it), and the RNN of
//! `attune lab memory` trained at an eighth of its speed.

/// Negligible beside every number that matters here (Adam divides by at least 1e-8, deviations have a least variance),
/// yet large enough that its products with weights and activations stay normal numbers.
const NEGLIGIBLE: f32 = 1e-30;

/// `x`, or zero where |x| < 1e-30. NaN stays NaN.
///
/// ```
/// use attune_nn::kernels::denormals::flush;
/// assert_eq!([flush(1e-29), flush(-1e-31)], [1e-29, 0.0]);
/// assert!(flush(f32::NAN).is_nan());
/// ```
#[inline(always)]
pub fn flush(x: f32) -> f32 {
    if x.abs() < NEGLIGIBLE { 0.0 } else { x }
}
