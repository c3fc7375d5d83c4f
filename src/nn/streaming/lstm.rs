//! A layer of long short-term memory on a stream.

use super::rows::Rows;
use crate::nn::kernels::aligned::Aligned;
use crate::nn::kernels::exponential::{sigmoid, tanh};
use crate::nn::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};
use crate::nn::kernels::widest::widest;
use crate::nn::recurrent::PackedRecurrent;
use pulp::{Simd, WithSimd};

/// An LSTM layer with packed weights; the equations stand at [`crate::nn::kernels::lstm_sequence::LstmSequence`].
#[derive(Debug, Clone)]
pub struct PackedLstm {
    input: PackedMatrix,
    recurrent: PackedMatrix,
    hidden: usize,
}

/// Hidden state and cell, and room for the gates of a block.
#[derive(Debug, Clone)]
pub struct LstmMemory {
    hidden: Aligned,
    cell: Aligned,
    gates: Rows,
}

impl PackedLstm {
    /// From W_x (inputs, 4h), its bias (4h), and W_h (h, 4h), row-major, gates in the order i, f, g, o.
    pub fn new(input: &[f32], bias: &[f32], recurrent: &[f32], precision: Precision) -> Self {
        Self {
            input: PackedMatrix::kept(input, bias, precision),
            recurrent: PackedMatrix::kept(recurrent, &vec![0.0; bias.len()], precision),
            hidden: bias.len() / 4,
        }
    }
}

impl PackedRecurrent for PackedLstm {
    type Memory = LstmMemory;

    fn initial_memory(&self) -> LstmMemory {
        LstmMemory {
            hidden: Aligned::zeros(self.hidden),
            cell: Aligned::zeros(self.hidden),
            gates: Rows::new(4 * self.hidden),
        }
    }

    fn step(&self, x: &Rows, memory: &mut LstmMemory, out: &mut Rows) {
        memory.gates.reset(x.frames());
        out.reset(x.frames());
        self.input.multiply(
            1,
            |frame, _| x.row(frame),
            (Start::Bias, Finish::Plain),
            memory.gates.values_mut(),
        );
        widest(Recurrence {
            matrix: &self.recurrent,
            memory,
            out,
        });
    }
}

impl LstmMemory {
    /// Hidden state and cell of the newest frame.
    pub fn newest(&self) -> (&[f32], &[f32]) {
        (self.hidden.as_slice(), self.cell.as_slice())
    }

    /// Takes hidden state and cell as what came before.
    pub fn set(&mut self, hidden: &[f32], cell: &[f32]) {
        self.hidden.as_mut_slice().copy_from_slice(hidden);
        self.cell.as_mut_slice().copy_from_slice(cell);
    }
}

struct Recurrence<'a> {
    matrix: &'a PackedMatrix,
    memory: &'a mut LstmMemory,
    out: &'a mut Rows,
}

impl WithSimd for Recurrence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { matrix, memory, out } = self;
        let h = memory.hidden.as_slice().len();
        let width = padded(4 * h);
        for frame in 0..out.frames() {
            let gates = &mut memory.gates.values_mut()[frame * width..][..width];
            let before = memory.hidden.as_slice();
            matrix.add_to(simd, before, gates);
            let (i, rest) = gates.split_at(h);
            let (f, rest) = rest.split_at(h);
            let (g, rest) = rest.split_at(h);
            let gates = i.iter().zip(f).zip(g).zip(&rest[..h]);
            let states = memory.hidden.as_mut_slice().iter_mut().zip(memory.cell.as_mut_slice());
            for ((hidden, cell), (((i, f), g), o)) in states.zip(gates) {
                *cell = sigmoid(*f) * *cell + sigmoid(*i) * tanh(*g);
                *hidden = sigmoid(*o) * tanh(*cell);
            }
            out.row_mut(frame).copy_from_slice(memory.hidden.as_slice());
        }
    }
}
