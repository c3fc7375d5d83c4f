//! How much of a state is left in a later one: ‖∂h_t/∂h_{t−k}‖, by the product of Jacobians, in double precision.
//!
//! In: one recurrent layer's weights and its frames. Out: norms by k. Thread: any.
//!
//! The recurrence is gone through once, frame by frame, and every gate is kept. From frame t the rows of the Jacobian
//! are taken back one frame at a time, each time through the exact derivative of one step: nothing is approximated but
//! by rounding, and 1e-100 is still a number.

use crate::LabError;
use attune_model::LoadedModel;
use attune_model::architecture::BodyShape;
use attune_nn::lstm_cell::Lstm;
use attune_nn::recurrent::Recurrent;
use attune_nn::rnn_cell::Rnn;
use attune_nn::weights::WeightStore;
use candle_core::{DType, Device, Result, Tensor, bail};

/// Which recurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Rnn,
    Lstm,
}

impl Cell {
    /// Sums for each hidden unit.
    fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Lstm => 4,
        }
    }
}

/// One recurrent layer as double-precision numbers.
#[derive(Debug)]
pub struct Layer {
    cell: Cell,
    hidden: usize,
    /// W (inputs, g·h), b (g·h) and U (h, g·h), row-major.
    input: Vec<f64>,
    bias: Vec<f64>,
    recurrent: Vec<f64>,
    /// Uᵀ (g·h, h).
    turned: Tensor,
}

/// A model's first recurrent layer, trained or with weights drawn from `seed`; `None` without recurrence.
///
/// # Errors
/// If its weights do not fit.
pub fn recurrent_layer(model: &LoadedModel, seed: Option<u64>) -> std::result::Result<Option<Layer>, LabError> {
    let mut store = match seed {
        Some(seed) => WeightStore::random(seed),
        None => WeightStore::from_tensors(model.tensors()?),
    };
    let mut root = store.root();
    let mut body = root.pp("body");
    Ok(match &model.manifest().architecture.body {
        BodyShape::Rnn(shape) => Some(Layer::of_rnn(&Rnn::new(body.pp(0), shape.inputs, shape.hidden)?)?),
        BodyShape::Lstm(shape) => Some(Layer::of_lstm(&Lstm::new(body.pp(0), shape.inputs, shape.hidden)?)?),
        BodyShape::Tcn(_) | BodyShape::Attention(_) => None,
    })
}

/// What a layer knows after a frame.
#[derive(Debug, Clone)]
pub struct Moment {
    /// What it answers.
    pub hidden: Vec<f64>,
    /// What it keeps; empty without a cell.
    pub cell: Vec<f64>,
    /// i, f, g and o, one after the other; empty without gates.
    gates: Vec<f64>,
}

/// Norms by k = 0, 1, 2, …, each the root mean square of the Jacobian's singular values (‖J‖_F/√h): 1 at k = 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// ‖∂h_t/∂h_{t−k}‖, the cell of t − k held.
    pub hidden: Vec<f64>,
    /// ‖∂c_t/∂c_{t−k}‖, by every way; empty without a cell.
    pub cell: Vec<f64>,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Layer {
    /// Of a layer of plain recurrence.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn of_rnn(layer: &Rnn) -> Result<Self> {
        Self::new(Cell::Rnn, layer.values()?)
    }

    /// Of a layer of long short-term memory.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn of_lstm(layer: &Lstm) -> Result<Self> {
        Self::new(Cell::Lstm, layer.values()?)
    }

    fn new(cell: Cell, weights: [Vec<f32>; 3]) -> Result<Self> {
        let [input, bias, recurrent] = weights.map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
        let hidden = bias.len() / cell.gates();
        let turned = Tensor::from_slice(&recurrent, (hidden, bias.len()), &Device::Cpu)?;
        Ok(Self {
            cell,
            hidden,
            input,
            bias,
            recurrent,
            turned: turned.t()?.contiguous()?,
        })
    }

    /// Features of a frame.
    pub fn inputs(&self) -> usize {
        self.input.len() / self.bias.len()
    }

    /// Before the first frame: zeros.
    pub fn initial(&self) -> Moment {
        let cell = if self.cell == Cell::Lstm { self.hidden } else { 0 };
        Moment {
            hidden: vec![0.0; self.hidden],
            cell: vec![0.0; cell],
            gates: Vec::new(),
        }
    }

    /// One frame further; the equations stand at [`RnnSequence`](attune_nn::kernels::rnn_sequence::RnnSequence) and
    /// [`LstmSequence`](attune_nn::kernels::lstm_sequence::LstmSequence).
    pub fn step(&self, x: &[f32], before: &Moment) -> Moment {
        let mut z = self.bias.clone();
        let rows = |values: &[f64], weights: &[f64], z: &mut [f64]| {
            for (value, row) in values.iter().zip(weights.chunks_exact(z.len())) {
                for (z, weight) in z.iter_mut().zip(row) {
                    *z += value * weight;
                }
            }
        };
        let x: Vec<f64> = x.iter().copied().map(f64::from).collect();
        rows(&x, &self.input, &mut z);
        rows(&before.hidden, &self.recurrent, &mut z);
        let h = self.hidden;
        match self.cell {
            Cell::Rnn => Moment {
                hidden: z.into_iter().map(f64::tanh).collect(),
                cell: Vec::new(),
                gates: Vec::new(),
            },
            Cell::Lstm => {
                for (n, z) in z.iter_mut().enumerate() {
                    *z = if n / h == 2 { z.tanh() } else { sigmoid(*z) };
                }
                let unit = |n: usize| z[h + n] * before.cell[n] + z[n] * z[2 * h + n];
                let cell: Vec<f64> = (0..h).map(unit).collect();
                Moment {
                    hidden: (0..h).map(|n| z[3 * h + n] * cell[n].tanh()).collect(),
                    cell,
                    gates: z,
                }
            }
        }
    }

    /// Through all of `x` (frames, inputs), from a state of zeros: what it knows before the first frame and after each.
    pub fn moments(&self, x: &[f32]) -> Vec<Moment> {
        let mut moments = vec![self.initial()];
        for frame in x.chunks_exact(self.inputs()) {
            let next = self.step(frame, &moments[moments.len() - 1]);
            moments.push(next);
        }
        moments
    }

    /// How much the state at `moments[at]` still depends on each of those up to `most` before it.
    ///
    /// # Errors
    /// If there are not so many before it.
    pub fn reach(&self, moments: &[Moment], at: usize, most: usize) -> Result<Reach> {
        if at >= moments.len() || most > at {
            bail!("no {most} states before state {at} of {}", moments.len());
        }
        let h = self.hidden;
        let (eye, nothing) = (
            Tensor::eye(h, DType::F64, &Device::Cpu)?,
            Tensor::zeros((h, h), DType::F64, &Device::Cpu)?,
        );
        // Rows: h_t by itself, then c_t; columns: by h, and by c, of the state that is reached back to.
        let (mut by_hidden, mut by_cell) = match self.cell {
            Cell::Rnn => (eye, None),
            Cell::Lstm => (
                Tensor::cat(&[&eye, &nothing], 0)?,
                Some(Tensor::cat(&[&nothing, &eye], 0)?),
            ),
        };
        let mut reach = Reach::default();
        for back in 0..=most {
            reach.hidden.push(norm(&by_hidden.narrow(0, 0, h)?)?);
            if let Some(by_cell) = &by_cell {
                reach.cell.push(norm(&by_cell.narrow(0, h, h)?)?);
            }
            if back < most {
                let (now, before) = (&moments[at - back], &moments[at - back - 1]);
                (by_hidden, by_cell) = self.back(now, before, &by_hidden, by_cell.as_ref())?;
            }
        }
        Ok(reach)
    }

    /// Gradients by one state to those by the state before it.
    fn back(
        &self,
        now: &Moment,
        before: &Moment,
        by_hidden: &Tensor,
        by_cell: Option<&Tensor>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let h = self.hidden;
        let row = |value: &dyn Fn(usize) -> f64| {
            let values: Vec<f64> = (0..h).map(value).collect();
            Tensor::from_vec(values, (1, h), &Device::Cpu)
        };
        let Some(by_cell) = by_cell else {
            let slope = row(&|n| 1.0 - now.hidden[n] * now.hidden[n])?;
            return Ok((by_hidden.broadcast_mul(&slope)?.matmul(&self.turned)?, None));
        };
        let gate = |part: usize, n: usize| now.gates[part * h + n];
        let squashed = |n: usize| now.cell[n].tanh();
        let open = |part: usize, n: usize| gate(part, n) * (1.0 - gate(part, n));
        let through = row(&|n| gate(3, n) * (1.0 - squashed(n) * squashed(n)))?;
        let cell = (by_cell + by_hidden.broadcast_mul(&through)?)?;
        let by_sums = [
            cell.broadcast_mul(&row(&|n| gate(2, n) * open(0, n))?)?,
            cell.broadcast_mul(&row(&|n| before.cell[n] * open(1, n))?)?,
            cell.broadcast_mul(&row(&|n| gate(0, n) * (1.0 - gate(2, n) * gate(2, n)))?)?,
            by_hidden.broadcast_mul(&row(&|n| squashed(n) * open(3, n))?)?,
        ];
        let by_sums = Tensor::cat(&by_sums, 1)?;
        let kept = cell.broadcast_mul(&row(&|n| gate(1, n))?)?;
        Ok((by_sums.matmul(&self.turned)?, Some(kept)))
    }
}

/// ‖J‖_F/√h of a square matrix.
fn norm(jacobian: &Tensor) -> Result<f64> {
    let (h, _) = jacobian.dims2()?;
    Ok((jacobian.sqr()?.sum_all()?.to_scalar::<f64>()? / h as f64).sqrt())
}
