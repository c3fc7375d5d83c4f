//! Elementwise: the Gaussian error linear unit, and dropout.

use super::contiguous;
use super::exponential::{erf, exp, gelu};
use super::parallel::{parallel_map, split_rows, thread_ranges};
use super::simd::{dispatch_loop, simd_loop};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// y = x·Φ(x), exact form (Hendrycks & Gimpel 2016).
#[inline(always)]
fn gelu_all((x, y): (&[f32], &mut [f32])) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = gelu(*x);
    }
}
simd_loop!(GeluAll, gelu_all((&[f32], &mut [f32])));

/// Φ(x)·x of all values.
pub(super) fn gelu_forward(x: &[f32], y: &mut [f32]) {
    dispatch_loop(GeluAll, (x, y));
}

/// dx = g · (Φ(x) + x·φ(x)), where `dx` holds g.
#[inline(always)]
fn gelu_gradient((x, dx): (&[f32], &mut [f32])) {
    /// 1/√(2π).
    const DENSITY: f32 = 0.398_942_3;
    for (dx, &x) in dx.iter_mut().zip(x) {
        let half = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        *dx *= half + x * DENSITY * exp(-0.5 * x * x);
    }
}
simd_loop!(GeluBackward, gelu_gradient((&[f32], &mut [f32])));

/// The gradient by x, in place of that by Φ(x)·x.
pub(super) fn gelu_backward(x: &[f32], grads: &mut [f32]) {
    dispatch_loop(GeluBackward, (x, grads));
}

/// Sets a share `rate` of the values to 0 and scales the others up (Srivastava et al. 2014). Which ones depends on
/// `seed` and their place only: backward draws the same mask again instead of keeping it.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// Share of values that are dropped, 0 to below 1.
    pub rate: f32,
    /// Draws the mask.
    pub seed: u32,
}

/// Pseudo-random hash of `n` (Wellons 2018, "lowbias32").
#[inline(always)]
fn scrambled(n: u32) -> u32 {
    let n = (n ^ (n >> 16)).wrapping_mul(0x7feb_352d);
    let n = (n ^ (n >> 15)).wrapping_mul(0x846c_a68b);
    n ^ (n >> 16)
}

/// Multiplies by the mask; the first value stands at `place`.
#[inline(always)]
fn apply_mask((dropout, place, values): (Dropout, usize, &mut [f32])) {
    let keep = 1.0 / (1.0 - dropout.rate);
    // A draw below this, of 2³², drops the value.
    let threshold = (f64::from(dropout.rate) * f64::from(u32::MAX)) as u32;
    let first = scrambled(dropout.seed).wrapping_add(place as u32);
    for (n, value) in values.iter_mut().enumerate() {
        let draw = scrambled(first.wrapping_add(n as u32));
        *value *= if draw < threshold { 0.0 } else { keep };
    }
}
simd_loop!(ApplyMask, apply_mask((Dropout, usize, &mut [f32])));

impl Dropout {
    /// Masks `values`, the first of which stands at `place`, on this thread.
    pub(super) fn mask(self, place: usize, values: &mut [f32]) {
        dispatch_loop(ApplyMask, (self, place, values));
    }

    /// Masks all `values`.
    fn apply(self, values: &mut [f32]) {
        let parts = thread_ranges(values.len());
        let tasks = parts.iter().cloned().zip(split_rows(values, &parts, 1)).collect();
        parallel_map(tasks, |(range, values)| {
            dispatch_loop(ApplyMask, (self, range.start, values));
        });
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = contiguous(self.name(), storage, layout)?.to_vec();
        self.apply(&mut y);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = super::values(grad_res)?;
        self.apply(&mut dx);
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "a mask is 0 or one number")]
mod tests {
    use super::*;

    #[test]
    fn dropout_drops_its_share_and_keeps_the_mean() {
        let dropout = Dropout { rate: 0.3, seed: 7 };
        let mut values = vec![1.0; 100_000];
        dropout.apply(&mut values);
        let dropped = values.iter().filter(|value| **value == 0.0).count() as f64 / 1e5;
        // Five standard deviations of 100,000 draws.
        assert!((dropped - 0.3).abs() < 5.0 * (0.21f64 / 1e5).sqrt(), "{dropped}");
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        // Neighbours are dropped independently, and another seed drops others.
        let pairs = values
            .windows(2)
            .filter(|pair| pair[0] == 0.0 && pair[1] == 0.0)
            .count() as f64
            / 1e5;
        assert!((pairs - 0.09).abs() < 0.006, "{pairs}");
        let mut other = vec![1.0; 100_000];
        Dropout { seed: 8, ..dropout }.apply(&mut other);
        let same = values.iter().zip(&other).filter(|(a, b)| a == b).count() as f64 / 1e5;
        assert!((same - 0.58).abs() < 0.01, "{same}");
    }

    #[test]
    fn a_mask_does_not_depend_on_the_threads() {
        let dropout = Dropout { rate: 0.5, seed: 3 };
        let mut alone = vec![1.0; 1001];
        dispatch_loop(ApplyMask, (dropout, 0, alone.as_mut_slice()));
        let mut parted = vec![1.0; 1001];
        for range in [0..400, 400..1001] {
            dispatch_loop(ApplyMask, (dropout, range.start, &mut parted[range]));
        }
        assert_eq!(alone, parted);
    }
}
