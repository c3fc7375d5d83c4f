//! A whole sequence through one LSTM layer, with backward through time by hand.
//!
//! candle unrolls a recurrence into one graph node per slice, and the gradient of each slice costs the whole tensor:
//! O(t²). This op is one node.

use super::exponential::{sigmoid, tanh};
use super::matmul::{View, add_product};
use super::{contiguous, values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

/// Parts of an output row, each as wide as the layer: hidden state, cell, input gate, forget gate, candidate, output gate.
pub const ROW_PARTS: usize = 6;

/// Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000), in PyTorch's order of gates:
///
/// i = σ(zᵢ), f = σ(z_f), g = tanh(z_g), o = σ(z_o) where z = x·W_x + b + h₋·W_h; c = f·c₋ + i·g; h = o·tanh(c).
///
/// Arguments: the projected input x·W_x + b (b, t, 4h), W_h (h, 4h), and the state before, hidden and cell side by side
/// (b, 2h). Result (b, t, 6h): h, c, i, f, g, o. Gradients flow back through h and c; the gates are for looking at and
/// carry none.
#[derive(Debug)]
pub struct LstmSequence;

struct Sizes {
    streams: usize,
    frames: usize,
    hidden: usize,
}

impl Sizes {
    fn of(gates: &[usize], recurrent: &[usize], state: &[usize]) -> Result<Self> {
        match (gates, recurrent, state) {
            (&[streams, frames, four], &[hidden, also_four], &[also_streams, two])
                if four == 4 * hidden && also_four == four && also_streams == streams && two == 2 * hidden =>
            {
                Ok(Self {
                    streams,
                    frames,
                    hidden,
                })
            }
            _ => bail!("lstm_sequence: {gates:?}, {recurrent:?} and {state:?} do not go together"),
        }
    }

    /// Row of one frame of every stream, in a tensor with `width` values in a row.
    fn frame(&self, frame: usize, width: usize) -> View {
        View {
            offset: frame * width,
            rows: self.streams,
            cols: width,
            row_stride: self.frames * width,
            col_stride: 1,
        }
    }
}

/// σ, σ, tanh, σ of the four parts of `z`, each `h` wide.
fn open_gates(z: &[f32], gates: &mut [f32], h: usize) {
    for (gate, z) in gates.iter_mut().zip(z) {
        *gate = sigmoid(*z);
    }
    for (gate, z) in gates[2 * h..3 * h].iter_mut().zip(&z[2 * h..3 * h]) {
        *gate = tanh(*z);
    }
}

impl CustomOp3 for LstmSequence {
    fn name(&self) -> &'static str {
        "lstm_sequence"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(l1.dims(), l2.dims(), l3.dims())?;
        let (b, t, h) = (sizes.streams, sizes.frames, sizes.hidden);
        let mut z = contiguous(self.name(), s1, l1)?.to_vec();
        let recurrent = contiguous(self.name(), s2, l2)?;
        let state = contiguous(self.name(), s3, l3)?;
        let mut before: Vec<f32> = state.chunks_exact(2 * h).flat_map(|s| &s[..h]).copied().collect(); // h₋ (b, h)
        let mut cell: Vec<f32> = state.chunks_exact(2 * h).flat_map(|s| &s[h..]).copied().collect(); // c₋ (b, h)
        let mut out = vec![0.0; b * t * ROW_PARTS * h];
        for frame in 0..t {
            add_product(
                (&mut z, sizes.frame(frame, 4 * h)),
                (&before, View::row_major(b, h)),
                (recurrent, View::row_major(h, 4 * h)),
            );
            for stream in 0..b {
                let row = stream * t + frame;
                let (cell, before) = (&mut cell[stream * h..][..h], &mut before[stream * h..][..h]);
                let (states, gates) = out[row * ROW_PARTS * h..][..ROW_PARTS * h].split_at_mut(2 * h);
                open_gates(&z[row * 4 * h..][..4 * h], gates, h);
                let (i, rest) = gates.split_at(h);
                let (f, rest) = rest.split_at(h);
                let (g, o) = rest.split_at(h);
                for (k, cell) in cell.iter_mut().enumerate() {
                    *cell = f[k] * *cell + i[k] * g[k];
                }
                for ((before, o), &cell) in before.iter_mut().zip(o).zip(&*cell) {
                    *before = o * tanh(cell);
                }
                states[..h].copy_from_slice(before);
                states[h..].copy_from_slice(cell);
            }
        }
        Ok((CpuStorage::F32(out), (b, t, ROW_PARTS * h).into()))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        recurrent: &Tensor,
        state: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(gates.dims(), recurrent.dims(), state.dims())?;
        let (b, t, h) = (sizes.streams, sizes.frames, sizes.hidden);
        let w = values(recurrent)?;
        let start = values(state)?;
        let rows = values(res)?;
        let grads = values(grad_res)?;
        let mut dz = vec![0.0; b * t * 4 * h];
        let mut dh = vec![0.0; b * h]; // from the frame after
        let mut dc = vec![0.0; b * h];
        for frame in (0..t).rev() {
            for stream in 0..b {
                let row = stream * t + frame;
                let parts = &rows[row * ROW_PARTS * h..][..ROW_PARTS * h];
                let grad = &grads[row * ROW_PARTS * h..][..ROW_PARTS * h];
                let dz = &mut dz[row * 4 * h..][..4 * h];
                for k in 0..h {
                    let [c, i, f, g, o] = [1, 2, 3, 4, 5].map(|part| parts[part * h + k]);
                    let cell_before = match frame {
                        0 => start[stream * 2 * h + h + k],
                        _ => rows[(row - 1) * ROW_PARTS * h + h + k],
                    };
                    let squashed = tanh(c);
                    let into_h = grad[k] + dh[stream * h + k];
                    let into_c = grad[h + k] + dc[stream * h + k] + into_h * o * (1.0 - squashed * squashed);
                    dz[k] = into_c * g * i * (1.0 - i);
                    dz[h + k] = into_c * cell_before * f * (1.0 - f);
                    dz[2 * h + k] = into_c * i * (1.0 - g * g);
                    dz[3 * h + k] = into_h * squashed * o * (1.0 - o);
                    dc[stream * h + k] = into_c * f;
                }
            }
            dh.fill(0.0);
            add_product(
                (&mut dh, View::row_major(b, h)),
                (&dz, sizes.frame(frame, 4 * h)),
                (&w, View::row_major(h, 4 * h).transposed()),
            );
        }
        // dW = Σ over streams and frames of h₋ᵀ · dz: one product once the h₋ stand in rows of their own.
        let mut before = vec![0.0; b * t * h];
        for stream in 0..b {
            for frame in 0..t {
                let row = stream * t + frame;
                let source = match frame {
                    0 => &start[stream * 2 * h..][..h],
                    _ => &rows[(row - 1) * ROW_PARTS * h..][..h],
                };
                before[row * h..][..h].copy_from_slice(source);
            }
        }
        let mut dw = vec![0.0; h * 4 * h];
        add_product(
            (&mut dw, View::row_major(h, 4 * h)),
            (&before, View::row_major(b * t, h).transposed()),
            (&dz, View::row_major(b * t, 4 * h)),
        );
        let dstate: Vec<f32> = dh
            .chunks_exact(h)
            .zip(dc.chunks_exact(h))
            .flat_map(|(h, c)| [h, c].concat())
            .collect();
        let device = res.device();
        Ok((
            Some(Tensor::from_vec(dz, (b, t, 4 * h), device)?),
            Some(Tensor::from_vec(dw, (h, 4 * h), device)?),
            Some(Tensor::from_vec(dstate, (b, 2 * h), device)?),
        ))
    }
}
