//! A plain recurrent layer on a stream.

use super::frame_buf::FrameBuf;
use crate::kernels::aligned::Aligned;
use crate::kernels::exponential::tanh;
use crate::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};
use crate::kernels::simd::dispatch_simd;
use crate::recurrent::{PackedRecurrent, UnitActivations};
use pulp::{Simd, WithSimd};

/// An RNN layer with packed weights; equation: [`crate::kernels::rnn_sequence::RnnSequence`].
#[derive(Debug, Clone)]
pub struct PackedRnn {
    input: PackedMatrix,
    recurrent: PackedMatrix,
}

/// Hidden state, and room for the sums of a block.
#[derive(Debug, Clone)]
pub struct RnnState {
    hidden: Aligned,
    sums: FrameBuf,
}

impl PackedRnn {
    /// From W (inputs, h), its bias (h), and U (h, h), row-major.
    pub fn new(input: &[f32], bias: &[f32], recurrent: &[f32], precision: Precision) -> Self {
        Self {
            input: PackedMatrix::with_precision(input, bias, precision),
            recurrent: PackedMatrix::with_precision(recurrent, &vec![0.0; bias.len()], precision),
        }
    }
}

impl PackedRecurrent for PackedRnn {
    type State = RnnState;

    fn initial_state(&self) -> RnnState {
        RnnState {
            hidden: Aligned::zeros(self.recurrent.outputs()),
            sums: FrameBuf::new(self.recurrent.outputs()),
        }
    }

    fn step(&self, x: &FrameBuf, state: &mut RnnState, out: &mut FrameBuf) {
        state.sums.reset(x.frames());
        out.reset(x.frames());
        let sums = state.sums.values_mut();
        self.input
            .multiply(1, |frame, _| x.row(frame), (Start::Bias, Finish::Plain), sums);
        dispatch_simd(Recurrence {
            matrix: &self.recurrent,
            state,
            out,
        });
    }

    fn newest_units(state: &RnnState, into: &mut UnitActivations) -> bool {
        *into = UnitActivations::default();
        into.hidden.extend_from_slice(state.hidden.as_slice());
        state.sums.frames() > 0
    }
}

impl RnnState {
    /// Hidden state of the newest frame.
    pub fn newest(&self) -> &[f32] {
        self.hidden.as_slice()
    }

    /// Sets the hidden state.
    pub fn set(&mut self, hidden: &[f32]) {
        self.hidden.as_mut_slice().copy_from_slice(hidden);
    }
}

struct Recurrence<'a> {
    matrix: &'a PackedMatrix,
    state: &'a mut RnnState,
    out: &'a mut FrameBuf,
}

impl WithSimd for Recurrence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { matrix, state, out } = self;
        let RnnState { hidden, sums } = state;
        let width = padded(hidden.as_slice().len());
        for frame in 0..out.frames() {
            let sums = &mut sums.values_mut()[frame * width..][..width];
            let before = hidden.as_slice();
            matrix.add_to(simd, before, sums);
            for (hidden, sum) in hidden.as_mut_slice().iter_mut().zip(sums) {
                *hidden = tanh(*sum);
            }
            out.row_mut(frame).copy_from_slice(hidden.as_slice());
        }
    }
}
