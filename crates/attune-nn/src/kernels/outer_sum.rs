//! The gradient of a matrix that rows were multiplied with: the sum of outer products.
//!
//! A general matrix product would first repack both sides. Here both are already laid out in reading order, row after
//! row, so sums stay in registers while the rows stream by.

use super::simd::dispatch_simd;
use pulp::{Simd, WithSimd};

/// Columns that are summed at once: four registers of AVX-512.
const PANEL: usize = 64;
/// Rows that stay in the L1 cache while all sums read them.
const CHUNK: usize = 96;

/// Rows of `width` values at a stride.
#[derive(Debug, Clone, Copy)]
pub(super) struct StridedRows<'a> {
    /// The first row begins here.
    pub(super) values: &'a [f32],
    /// From one row to the next.
    pub(super) stride: usize,
    /// Values of a row.
    pub(super) width: usize,
}

/// sums (x.width, grads.width) += Σ over `rows` rows of xᵀ · grads. The width of `grads` and its stride are multiples
/// of 16.
///
/// # Panics
/// If a row leaves its slice, or `sums` has another length: a bug of the caller.
pub(super) fn add_outer(x: StridedRows<'_>, grads: StridedRows<'_>, rows: usize, sums: &mut [f32]) {
    assert_eq!(sums.len(), x.width * grads.width, "sums of another shape");
    assert!(grads.width.is_multiple_of(16), "gradients that fill no registers");
    dispatch_simd(OuterSum { x, grads, rows, sums });
}

struct OuterSum<'a> {
    x: StridedRows<'a>,
    grads: StridedRows<'a>,
    rows: usize,
    sums: &'a mut [f32],
}

impl WithSimd for OuterSum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = self.grads.width;
        for chunk in (0..self.rows).step_by(CHUNK) {
            let rows = chunk..(chunk + CHUNK).min(self.rows);
            for first in (0..width).step_by(PANEL) {
                let vectors = PANEL.min(width - first) / S::F32_LANES;
                let mut at = 0;
                if S::REGISTER_COUNT > 16 {
                    while at + 4 <= vectors {
                        self.down::<S, 6, 4>(simd, rows.clone(), first + at * S::F32_LANES);
                        at += 4;
                    }
                }
                while at + 2 <= vectors {
                    self.down::<S, 4, 2>(simd, rows.clone(), first + at * S::F32_LANES);
                    at += 2;
                }
                while at < vectors {
                    self.down::<S, 8, 1>(simd, rows.clone(), first + at * S::F32_LANES);
                    at += 1;
                }
            }
        }
    }
}

impl OuterSum<'_> {
    /// All features of x times `V` registers of columns, `R` features at once.
    #[inline(always)]
    fn down<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, rows: std::ops::Range<usize>, column: usize) {
        let mut feature = 0;
        while feature + R <= self.x.width {
            self.tile::<S, R, V>(simd, rows.clone(), feature, column);
            feature += R;
        }
        while feature < self.x.width {
            self.tile::<S, 1, V>(simd, rows.clone(), feature, column);
            feature += 1;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        rows: std::ops::Range<usize>,
        feature: usize,
        column: usize,
    ) {
        let span = V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for row in rows {
            let values = &self.x.values[row * self.x.stride + feature..][..R];
            let grads = S::as_simd_f32s(&self.grads.values[row * self.grads.stride + column..][..span]).0;
            for (sums, value) in sums.iter_mut().zip(values) {
                let value = simd.splat_f32s(*value);
                for (sum, grad) in sums.iter_mut().zip(grads) {
                    *sum = simd.mul_add_e_f32s(value, *grad, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let place = (feature + r) * self.grads.width + column;
            let into = S::as_mut_simd_f32s(&mut self.sums[place..][..span]).0;
            for (into, sum) in into.iter_mut().zip(sums) {
                *into = simd.add_f32s(*into, *sum);
            }
        }
    }
}
