//! A layer of long short-term memory on a stream.

use super::frame_buf::FrameBuf;
use crate::kernels::aligned::Aligned;
use crate::kernels::exponential::{sigmoid, tanh};
use crate::kernels::packed_matrix::{Finish, PackedMatrix, Precision, Start, padded};
use crate::kernels::simd::dispatch_simd;
use crate::recurrent::{PackedRecurrent, UnitActivations};
use pulp::{Simd, WithSimd};

/// An LSTM layer with packed weights; equations: [`crate::kernels::lstm_sequence::LstmSequence`].
#[derive(Debug, Clone)]
pub struct PackedLstm {
    input: PackedMatrix,
    recurrent: PackedMatrix,
    hidden: usize,
}

/// Hidden state and cell, and room for the gates of a block.
#[derive(Debug, Clone)]
pub struct LstmState {
    hidden: Aligned,
    cell: Aligned,
    gates: FrameBuf,
}

impl PackedLstm {
    /// From W_x (inputs, 4h), its bias (4h), and W_h (h, 4h), row-major, gates in the order i, f, g, o.
    pub fn new(input: &[f32], bias: &[f32], recurrent: &[f32], precision: Precision) -> Self {
        Self {
            input: PackedMatrix::with_precision(input, bias, precision),
            recurrent: PackedMatrix::with_precision(recurrent, &vec![0.0; bias.len()], precision),
            hidden: bias.len() / 4,
        }
    }
}

impl PackedRecurrent for PackedLstm {
    type State = LstmState;

    fn initial_state(&self) -> LstmState {
        LstmState {
            hidden: Aligned::zeros(self.hidden),
            cell: Aligned::zeros(self.hidden),
            gates: FrameBuf::new(4 * self.hidden),
        }
    }

    fn step(&self, x: &FrameBuf, state: &mut LstmState, out: &mut FrameBuf) {
        state.gates.reset(x.frames());
        out.reset(x.frames());
        self.input.multiply(
            1,
            |frame, _| x.row(frame),
            (Start::Bias, Finish::Plain),
            state.gates.values_mut(),
        );
        dispatch_simd(Recurrence {
            matrix: &self.recurrent,
            state,
            out,
        });
    }

    fn newest_units(state: &LstmState, into: &mut UnitActivations) -> bool {
        let Some(last) = state.gates.frames().checked_sub(1) else {
            return false;
        };
        let h = state.hidden.as_slice().len();
        // Pre-activations: −ln sigmoid(x) = ln(1 + exp(−x)) stays exact where the gate is almost 1.
        let sums = state.gates.row(last);
        let decay = |x: &f32| (-x).max(0.0) + (-x.abs()).exp().ln_1p();
        let fill = |to: &mut Vec<f32>, from: &[f32], of: &dyn Fn(&f32) -> f32| {
            to.clear();
            to.extend(from.iter().map(of));
        };
        fill(&mut into.hidden, state.hidden.as_slice(), &|x| *x);
        fill(&mut into.cell, state.cell.as_slice(), &|x| *x);
        fill(&mut into.input, &sums[..h], &|x| sigmoid(*x));
        fill(&mut into.decay, &sums[h..2 * h], &decay);
        fill(&mut into.output, &sums[3 * h..4 * h], &|x| sigmoid(*x));
        true
    }
}

impl LstmState {
    /// Hidden state and cell of the newest frame.
    pub fn newest(&self) -> (&[f32], &[f32]) {
        (self.hidden.as_slice(), self.cell.as_slice())
    }

    /// Sets hidden state and cell.
    pub fn set(&mut self, hidden: &[f32], cell: &[f32]) {
        self.hidden.as_mut_slice().copy_from_slice(hidden);
        self.cell.as_mut_slice().copy_from_slice(cell);
    }
}

struct Recurrence<'a> {
    matrix: &'a PackedMatrix,
    state: &'a mut LstmState,
    out: &'a mut FrameBuf,
}

impl WithSimd for Recurrence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { matrix, state, out } = self;
        let h = state.hidden.as_slice().len();
        let width = padded(4 * h);
        for frame in 0..out.frames() {
            let gates = &mut state.gates.values_mut()[frame * width..][..width];
            let before = state.hidden.as_slice();
            matrix.add_to(simd, before, gates);
            let (i, rest) = gates.split_at(h);
            let (f, rest) = rest.split_at(h);
            let (g, rest) = rest.split_at(h);
            let gates = i.iter().zip(f).zip(g).zip(&rest[..h]);
            let states = state.hidden.as_mut_slice().iter_mut().zip(state.cell.as_mut_slice());
            for ((hidden, cell), (((i, f), g), o)) in states.zip(gates) {
                *cell = sigmoid(*f) * *cell + sigmoid(*i) * tanh(*g);
                *hidden = sigmoid(*o) * tanh(*cell);
            }
            out.row_mut(frame).copy_from_slice(state.hidden.as_slice());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No recurrent weights: each gate follows from its bias and one weight.
    #[test]
    fn the_units_of_the_newest_frame_are_those_of_the_equations() {
        let (h, x) = (3, [0.5_f32, -2.0]);
        let weights: Vec<f32> = (0..4 * h).map(|n| 0.4 * n as f32 - 2.0).collect();
        let bias: Vec<f32> = (0..4 * h).map(|n| 1.5 - 0.2 * n as f32).collect();
        let layer = PackedLstm::new(&weights, &bias, &vec![0.0; 4 * h * h], Precision::F32);
        let mut state = layer.initial_state();
        let mut units = UnitActivations::default();
        assert!(!PackedLstm::newest_units(&state, &mut units), "no frame yet");
        let (mut frames, mut out) = (FrameBuf::new(1), FrameBuf::new(h));
        frames.load(&x);
        layer.step(&frames, &mut state, &mut out);
        assert!(PackedLstm::newest_units(&state, &mut units));
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for unit in 0..h {
            let mut cell = 0.0_f64;
            for x in x {
                let sum = |gate: usize| {
                    let n = gate * h + unit;
                    f64::from(weights[n]) * f64::from(x) + f64::from(bias[n])
                };
                let (i, f, g, o) = (sigmoid(sum(0)), sigmoid(sum(1)), sum(2).tanh(), sigmoid(sum(3)));
                cell = f * cell + i * g;
                if x < 0.0 {
                    let wanted = [i, -f.ln(), o, cell, o * cell.tanh()];
                    let found = [&units.input, &units.decay, &units.output, &units.cell, &units.hidden];
                    for (wanted, found) in wanted.iter().zip(found) {
                        // Two steps of a few f32 roundings on values below 8.
                        assert!(
                            (f64::from(found[unit]) - wanted).abs() < 1e-5,
                            "{found:?}, not {wanted}"
                        );
                    }
                }
            }
        }
    }
}
