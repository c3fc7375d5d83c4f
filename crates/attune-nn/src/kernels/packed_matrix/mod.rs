//! Products with a matrix that is laid out once, when a model is loaded, in the order in which a step reads it.
//!
//! A step is bound by how fast its weights come from the cache: they lie in panels of 64 columns, all rows of a panel
//! one after the other, so that they stream through in order, each read once for as many frames as the block has.
//! Every output is one chain of fused multiply-adds in the order of the inputs, whatever the number of frames beside
//! it: how a stream is cut into blocks changes no bit.
//!
//! Weights may be stored as bfloat16 ([`Precision::Bf16`]): half the bytes come from the cache, and the sums are those
//! of f32 with the rounded weights. Where four or more frames share a weight, arithmetic is the bottleneck and not
//! memory: such products read the rounded weights from a second, unpacked copy, which makes 6 bytes per weight in all.

mod product;

use super::aligned::Aligned;
use super::simd::dispatch_simd;
use product::Product;
use pulp::Simd;
use serde::{Deserialize, Serialize};

/// Columns of a panel: four registers of AVX-512, eight of AVX2, sixteen of NEON.
const PANEL: usize = 64;
/// Rows of values are padded to a multiple of this, the lanes of the widest register.
const LANES: usize = 16;

/// `columns` rounded up to whole registers: the stride of the rows that a product writes.
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// Number format of the weights of a packed matrix. Biases and sums are f32 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Precision {
    /// 32 bits: the weights as they were trained. `single` in files.
    #[default]
    #[serde(rename = "single")]
    F32,
    /// 16 bits (bfloat16: 8 bits of exponent, 7 of mantissa), rounded to nearest: each weight is off by at most 2⁻⁸ of
    /// itself. `half` in files.
    #[serde(rename = "half")]
    Bf16,
}

/// `weight` rounded to bfloat16, to nearest, ties to even. The result is finite, except within half a step of the
/// largest f32.
///
/// ```
/// use attune_nn::kernels::packed_matrix::bf16;
/// assert_eq!(bf16(1.0), 1.0);
/// assert_eq!(bf16(1.0 + 1.0 / 256.0), 1.0); // a tie: to the even mantissa
/// assert_eq!(bf16(-1.0 - 3.0 / 256.0), -1.0 - 1.0 / 64.0);
/// ```
pub fn bf16(weight: f32) -> f32 {
    let bits = weight.to_bits();
    let even = bits >> 16 & 1;
    f32::from_bits(bits.wrapping_add(0x7FFF + even) & 0xFFFF_0000)
}

/// A matrix (inputs, outputs) with a bias for each output, in panels.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    /// One row after the other.
    panels: Aligned,
    /// With bf16, two rows in one: the upper 16 bits of each value are the weight of the even row, the lower those of
    /// the odd row (0 below the last row).
    pairs: Option<Aligned>,
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

/// Initial value of the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The bias.
    Bias,
    /// What the output already holds.
    Output,
}

impl PackedMatrix {
    /// From a row-major matrix (inputs, outputs), as it is.
    ///
    /// # Panics
    /// If there are not `inputs · bias.len()` weights: a bug of the caller.
    pub fn new(weights: &[f32], bias: &[f32]) -> Self {
        Self::with_precision(weights, bias, Precision::F32)
    }

    /// The same, its weights stored in `precision`.
    ///
    /// # Panics
    /// As [`PackedMatrix::new`].
    pub fn with_precision(weights: &[f32], bias: &[f32], precision: Precision) -> Self {
        let outputs = bias.len();
        assert!(outputs > 0 && weights.len().is_multiple_of(outputs), "not a matrix");
        let inputs = weights.len() / outputs;
        let width = padded(outputs);
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(width, 0.0);
        // Zeros beyond the last column, and in the row below the last.
        let at = |row: usize, column: usize| match weights.get(row * outputs + column) {
            Some(weight) if column < outputs => *weight,
            _ => 0.0,
        };
        let stored = |row: usize, column: usize| match precision {
            Precision::F32 => at(row, column),
            Precision::Bf16 => bf16(at(row, column)),
        };
        let pairs = (precision == Precision::Bf16).then(|| {
            in_panels((inputs.div_ceil(2), width), |row, column| {
                pair(at(2 * row, column), at(2 * row + 1, column))
            })
        });
        Self {
            panels: in_panels((inputs, width), stored),
            pairs,
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
    pub(crate) fn multiply_rows<'a>(
        &self,
        input: impl Fn(usize) -> &'a [f32],
        scratch: &mut Vec<f32>,
        out: &mut [f32],
    ) {
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
    pub(crate) fn transposed(weights: &[f32], outputs: usize) -> Self {
        let inputs = weights.len() / outputs;
        let turned: Vec<f32> = (0..weights.len())
            .map(|place| weights[place % inputs * outputs + place / inputs])
            .collect();
        Self::new(&turned, &vec![0.0; inputs])
    }

    /// One row of values times the matrix, added to what `out` holds; as a part of an operation that runs with the
    /// widest instructions.
    #[inline(always)]
    pub(crate) fn add_to<S: Simd>(&self, simd: S, values: &[f32], out: &mut [f32]) {
        Product {
            matrix: self,
            skipped: 0,
            segments: 1,
            input: &|_, _| values,
            start: Start::Output,
            finish: Finish::Plain,
            out,
        }
        .run(simd);
    }

    /// The same with the first `skipped` rows of the matrix left out: the inputs are that many fewer.
    pub(crate) fn multiply_from<'a>(
        &self,
        skipped: usize,
        segments: usize,
        input: impl Fn(usize, usize) -> &'a [f32],
        (start, finish): (Start, Finish<'_>),
        out: &mut [f32],
    ) {
        dispatch_simd(Product {
            matrix: self,
            skipped,
            segments,
            input: &input,
            start,
            finish,
            out,
        });
    }
}

/// Rows and columns in panels, all rows of one panel after the other.
fn in_panels((rows, width): (usize, usize), at: impl Fn(usize, usize) -> f32) -> Aligned {
    let mut panels = Vec::with_capacity(rows * width);
    for first in (0..width).step_by(PANEL) {
        for row in 0..rows {
            panels.extend((first..(first + PANEL).min(width)).map(|column| at(row, column)));
        }
    }
    Aligned::from(panels.as_slice())
}

/// Two weights as bf16 in one value.
fn pair(even: f32, odd: f32) -> f32 {
    f32::from_bits(bf16(even).to_bits() | bf16(odd).to_bits() >> 16)
}
