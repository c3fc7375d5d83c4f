//! What has died away is zero.
//!
//! A mean that forgets and a gradient through a recurrence shrink by a factor with every frame. Under 1.2e-38 an `f32` has
//! lost its leading digit, many processors take much longer over it, and rounding holds it there for ever: after fifteen
//! minutes of silence a frame took nearly twice as long (`cargo bench -- died_away` watches it), and the RNN of `attune lab memory` learnt at an
//! eighth of its speed.

/// Next to any number that matters here (Adam divides by at least 1e-8, deviations have their least variance) nothing;
/// large enough for its products with weights and activations to be ordinary numbers.
const NOTHING: f32 = 1e-30;

/// `x`, or zero if it is next to nothing. NaN stays NaN.
///
/// ```
/// use attune_nn::kernels::vanishing::vanished;
/// assert_eq!([vanished(1e-29), vanished(-1e-31)], [1e-29, 0.0]);
/// assert!(vanished(f32::NAN).is_nan());
/// ```
#[inline(always)]
pub fn vanished(x: f32) -> f32 {
    if x.abs() < NOTHING { 0.0 } else { x }
}
