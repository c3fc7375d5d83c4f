//! Products with a matrix that is laid out once, when a model is loaded, in the order in which a step reads it.
//!
//! A step is bound by how fast its weights come from the cache: they lie in panels of 64 columns, all rows of a panel
//! one after the other, so that they stream through in order, each read once for as many frames as the block has.
//! Every output is one chain of fused multiply-adds in the order of the inputs, whatever the number of frames beside
//! it: how a stream is cut into blocks changes no bit.

use super::aligned::Aligned;
use super::widest::widest;
use pulp::{Simd, WithSimd};

/// Columns of a panel: four registers of AVX-512, eight of AVX2, sixteen of NEON.
const PANEL: usize = 64;
/// Rows of values are padded to a multiple of this, the lanes of the widest register.
const LANES: usize = 16;

/// `columns` rounded up to whole registers: the stride of the rows that a product writes.
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// A matrix (inputs, outputs) with a bias for each output, in panels.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    panels: Aligned,
    bias: Aligned,
    inputs: usize,
    outputs: usize,
}

/// What is done to each sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a> {
    /// Nothing.
    Plain,
    /// max(0, ·).
    Relu,
    /// What stands here is added; rows as those of the output.
    Add(&'a [f32]),
    /// max(0, what stands here + max(0, ·)): the end of a residual block.
    ReluAddRelu(&'a [f32]),
}

/// Where the sums begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the bias.
    Bias,
    /// At what the output holds already.
    Output,
}

impl PackedMatrix {
    /// From a row-major matrix (inputs, outputs).
    ///
    /// # Panics
    /// If there are not `inputs · bias.len()` weights: a slip of the caller.
    pub fn new(weights: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        assert!(outputs > 0 && weights.len().is_multiple_of(outputs), "not a matrix");
        let inputs = weights.len() / outputs;
        let width = padded(outputs);
        let mut panels = Vec::with_capacity(inputs * width);
        for first in (0..width).step_by(PANEL) {
            let columns = first..(first + PANEL).min(width);
            for row in weights.chunks_exact(outputs) {
                panels.extend(columns.clone().map(|column| row.get(column).copied().unwrap_or(0.0)));
            }
        }
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(width, 0.0);
        Self {
            panels: Aligned::from(panels.as_slice()),
            bias: Aligned::from(padded_bias.as_slice()),
            inputs,
            outputs,
        }
    }

    /// Values in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Frames of values times the matrix. The inputs of a frame come in `segments`, one after the other.
    pub fn multiply<'a>(
        &self,
        segments: usize,
        input: impl Fn(usize, usize) -> &'a [f32],
        (start, finish): (Start, Finish<'_>),
        out: &mut [f32],
    ) {
        self.multiply_from(0, segments, input, (start, finish), out);
    }

    /// Rows of values times the matrix, to rows that lie side by side without padding.
    pub fn multiply_rows<'a>(&self, input: impl Fn(usize) -> &'a [f32], scratch: &mut Vec<f32>, out: &mut [f32]) {
        let (outputs, stride) = (self.outputs, padded(self.outputs));
        let ends = (Start::Bias, Finish::Plain);
        if outputs == stride {
            self.multiply(1, |row, _| input(row), ends, out);
            return;
        }
        scratch.clear();
        scratch.resize(out.len() / outputs * stride, 0.0);
        self.multiply(1, |row, _| input(row), ends, scratch);
        for (out, row) in out.chunks_exact_mut(outputs).zip(scratch.chunks_exact(stride)) {
            out.copy_from_slice(&row[..outputs]);
        }
    }

    /// The transpose of a row-major matrix (inputs, outputs), without bias.
    pub fn transposed(weights: &[f32], outputs: usize) -> Self {
        let inputs = weights.len() / outputs;
        let turned: Vec<f32> = (0..weights.len())
            .map(|place| weights[place % inputs * outputs + place / inputs])
            .collect();
        Self::new(&turned, &vec![0.0; inputs])
    }

    /// The same with the first `skipped` rows of the matrix left out: the inputs are that many fewer.
    pub fn multiply_from<'a>(
        &self,
        skipped: usize,
        segments: usize,
        input: impl Fn(usize, usize) -> &'a [f32],
        (start, finish): (Start, Finish<'_>),
        out: &mut [f32],
    ) {
        widest(Product {
            matrix: self,
            skipped,
            segments,
            input,
            start,
            finish,
            out,
        });
    }
}

/// One product, as a part of an operation that runs with the widest instructions.
pub struct Product<'m, 'o, F> {
    /// What is multiplied with.
    pub matrix: &'m PackedMatrix,
    /// Rows of it that are left out, from the first one on.
    pub skipped: usize,
    /// Pieces in which the inputs of a frame come.
    pub segments: usize,
    /// The values of a (frame, segment).
    pub input: F,
    /// Where the sums begin.
    pub start: Start,
    /// What is done to them.
    pub finish: Finish<'o>,
    /// Takes the sums: (frames, padded outputs).
    pub out: &'o mut [f32],
}

impl<'a, F: Fn(usize, usize) -> &'a [f32]> WithSimd for Product<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.run(simd);
    }
}

impl<'a, F: Fn(usize, usize) -> &'a [f32]> Product<'_, '_, F> {
    /// All frames that there is room for.
    #[inline(always)]
    pub fn run<S: Simd>(&mut self, simd: S) {
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
            // Tiles of four rows reuse each weight four times from a register; a single row is bound by the cache.
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
        let panel = &self.matrix.panels.as_slice()[first * inputs..][..columns * inputs];
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
            let weights = &panel[row * columns..][..length * columns];
            for (k, weights) in weights.chunks_exact(columns).enumerate() {
                let weights = S::as_simd_f32s(&weights[column..][..span]).0;
                for (sums, values) in sums.iter_mut().zip(&values) {
                    let value = simd.splat_f32s(values[k]);
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                    }
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
