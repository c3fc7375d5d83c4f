//! The product itself: tiles of frames and columns, their sums in registers throughout.

use super::{Finish, PANEL, PackedMatrix, Start, padded};
use pulp::{Simd, WithSimd};

/// One product, as a part of an operation that runs with the widest instructions.
pub(super) struct Product<'m, 'o, 'i, 'a> {
    /// What is multiplied with.
    pub(super) matrix: &'m PackedMatrix,
    /// Rows of it that are left out, from the first one on.
    pub(super) skipped: usize,
    /// Pieces in which the inputs of a frame come.
    pub(super) segments: usize,
    /// The values of a (frame, segment). Not a type of its own: the tiles are compiled once, not for each caller.
    pub(super) input: &'i dyn Fn(usize, usize) -> &'a [f32],
    /// Initial value of the sums.
    pub(super) start: Start,
    /// What is done to them.
    pub(super) finish: Finish<'o>,
    /// Takes the sums: (frames, padded outputs).
    pub(super) out: &'o mut [f32],
}

impl WithSimd for Product<'_, '_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.run(simd);
    }
}

impl Product<'_, '_, '_, '_> {
    /// All frames that there is room for.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&mut self, simd: S) {
        let width = padded(self.matrix.outputs);
        let frames = self.out.len() / width;
        for first in (0..width).step_by(PANEL) {
            let columns = PANEL.min(width - first);
            let mut frame = 0;
            // A single register of columns: only many rows keep the multipliers busy.
            if columns == S::F32_LANES {
                while frame + 8 <= frames {
                    self.tile::<S, 8, 1>(simd, frame, first, columns, 0);
                    frame += 8;
                }
            }
            // Tiles of four rows reuse each weight four times from a register; a single row is bound by the cache. (Six
            // rows, twelve sums in sixteen registers, are spilt: half the speed.)
            while frame + 4 <= frames {
                self.panel::<S, 4>(simd, frame, first, columns);
                frame += 4;
            }
            match frames - frame {
                3 => self.panel::<S, 3>(simd, frame, first, columns),
                2 => self.panel::<S, 2>(simd, frame, first, columns),
                1 => self.panel::<S, 1>(simd, frame, first, columns),
                _ => {}
            }
        }
    }

    /// All columns of one panel for `R` frames, as many registers at once as the processor can hold sums in.
    #[inline(always)]
    fn panel<S: Simd, const R: usize>(&mut self, simd: S, frame: usize, first: usize, columns: usize) {
        let vectors = columns / S::F32_LANES;
        let mut at = 0;
        if R == 1 || S::REGISTER_COUNT > 16 {
            if R == 1 {
                while at + 8 <= vectors {
                    self.tile::<S, R, 8>(simd, frame, first, columns, at);
                    at += 8;
                }
            }
            while at + 4 <= vectors {
                self.tile::<S, R, 4>(simd, frame, first, columns, at);
                at += 4;
            }
        }
        while at + 2 <= vectors {
            self.tile::<S, R, 2>(simd, frame, first, columns, at);
            at += 2;
        }
        while at < vectors {
            self.tile::<S, R, 1>(simd, frame, first, columns, at);
            at += 1;
        }
    }

    /// `R` frames times `V` registers of columns, sums in registers throughout.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        frame: usize,
        first: usize,
        columns: usize,
        at: usize,
    ) {
        let width = padded(self.matrix.outputs);
        let inputs = self.matrix.inputs;
        let column = at * S::F32_LANES;
        let span = V * S::F32_LANES;
        // Few frames wait for the bytes, more for the multipliers.
        let (panels, rows, paired) = match &self.matrix.pairs {
            Some(pairs) if R < 4 => (pairs, inputs.div_ceil(2), true),
            _ => (&self.matrix.panels, inputs, false),
        };
        let panel = &panels.as_slice()[first * rows..][..columns * rows];
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            let from = match self.start {
                Start::Bias => &self.matrix.bias.as_slice()[first + column..][..span],
                Start::Output => &self.out[(frame + r) * width + first + column..][..span],
            };
            for (sum, from) in sums.iter_mut().zip(S::as_simd_f32s(from).0) {
                *sum = *from;
            }
        }
        let mut row = self.skipped;
        for segment in 0..self.segments {
            let values: [&[f32]; R] = std::array::from_fn(|r| (self.input)(frame + r, segment));
            let length = values[0].len();
            assert!(
                values.iter().all(|values| values.len() == length),
                "segments of another length"
            );
            if paired {
                // A segment may begin with the second row of a pair, and end with the first.
                let mut k = row % 2;
                if k == 1 && length > 0 {
                    let weights = &panel[row / 2 * columns + column..][..span];
                    add(simd, weights, |w| lower(simd, w), (&values, 0), &mut sums);
                }
                let pairs = length.saturating_sub(k) / 2;
                let first_pair = row.div_ceil(2);
                let weights = &panel[first_pair * columns..][..pairs * columns];
                for weights in weights.chunks_exact(columns) {
                    let weights = &weights[column..][..span];
                    add(simd, weights, |w| upper(simd, w), (&values, k), &mut sums);
                    add(simd, weights, |w| lower(simd, w), (&values, k + 1), &mut sums);
                    k += 2;
                }
                if k < length {
                    let weights = &panel[(first_pair + pairs) * columns + column..][..span];
                    add(simd, weights, |w| upper(simd, w), (&values, k), &mut sums);
                }
            } else {
                let weights = &panel[row * columns..][..length * columns];
                for (k, weights) in weights.chunks_exact(columns).enumerate() {
                    add(simd, &weights[column..][..span], |w| w, (&values, k), &mut sums);
                }
            }
            row += length;
        }
        assert!(row == inputs, "{row} values for a matrix of {inputs} inputs");
        // The zero goes first: where both instructions and IEEE leave a choice, a NaN stays one.
        let zero = simd.splat_f32s(0.0);
        for (r, mut sums) in sums.into_iter().enumerate() {
            let place = (frame + r) * width + first + column;
            match self.finish {
                Finish::Plain => {}
                Finish::Relu => sums = sums.map(|sum| simd.max_f32s(zero, sum)),
                Finish::Add(other) => {
                    for (sum, other) in sums.iter_mut().zip(S::as_simd_f32s(&other[place..][..span]).0) {
                        *sum = simd.add_f32s(*other, *sum);
                    }
                }
                Finish::ReluAddRelu(other) => {
                    for (sum, other) in sums.iter_mut().zip(S::as_simd_f32s(&other[place..][..span]).0) {
                        let branch = simd.max_f32s(zero, *sum);
                        *sum = simd.max_f32s(zero, simd.add_f32s(*other, branch));
                    }
                }
            }
            // Register by register: a copy of a slice would call the C library.
            let out = S::as_mut_simd_f32s(&mut self.out[place..][..span]).0;
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = sum;
            }
        }
    }
}

/// Value `k` of each frame times a row of weights to their sums.
#[inline(always)]
fn add<S: Simd, const R: usize, const V: usize>(
    simd: S,
    weights: &[f32],
    unpack: impl Fn(S::f32s) -> S::f32s,
    (values, k): (&[&[f32]; R], usize),
    sums: &mut [[S::f32s; V]; R],
) {
    let weights = S::as_simd_f32s(weights).0;
    let weights: [S::f32s; V] = std::array::from_fn(|v| unpack(weights[v]));
    for (sums, values) in sums.iter_mut().zip(values) {
        let value = simd.splat_f32s(values[k]);
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum = simd.mul_add_e_f32s(value, weight, *sum);
        }
    }
}

/// The upper of two halves.
#[inline(always)]
fn upper<S: Simd>(simd: S, pairs: S::f32s) -> S::f32s {
    let mask = simd.splat_u32s(0xFFFF_0000);
    simd.transmute_f32s_u32s(simd.and_u32s(simd.transmute_u32s_f32s(pairs), mask))
}

/// The lower of two halves.
#[inline(always)]
fn lower<S: Simd>(simd: S, pairs: S::f32s) -> S::f32s {
    let bits = simd.splat_u32s(16);
    simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(pairs), bits))
}
