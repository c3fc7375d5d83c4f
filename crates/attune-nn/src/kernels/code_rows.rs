//! Rows of a table by the codes of a sequence: what a convolution of one-hot vectors is.

use super::contiguous;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// y(n) = Σ_j T_j\[code(n − j)\], then `zeros` zeros: a causal convolution of the codes as one-hot vectors.
///
/// Argument: the table T (taps, codes, width), the row of the frame itself first. Result (b, t, width + zeros). Before
/// the first frame nothing is added.
#[derive(Debug, Clone)]
pub struct CodeRows {
    /// Codes (b, t), row-major.
    pub codes: Arc<[u8]>,
    /// b.
    pub streams: usize,
    /// Zeros after each row.
    pub zeros: usize,
}

impl CodeRows {
    fn sizes(&self, table: &[usize]) -> Result<[usize; 3]> {
        let streams = self.streams.max(1);
        match *table {
            [taps, codes, width]
                if self.codes.len().is_multiple_of(streams)
                    && self.codes.iter().all(|code| usize::from(*code) < codes) =>
            {
                Ok([taps, codes, width])
            }
            _ => bail!(
                "code_rows: {} codes in {streams} streams for a table {table:?}",
                self.codes.len()
            ),
        }
    }

    /// Calls `each` with every frame, and the row of T that counts there.
    fn each(&self, taps: usize, codes: usize, mut each: impl FnMut(usize, usize)) {
        let frames = self.codes.len() / self.streams.max(1);
        for frame in 0..self.codes.len() {
            for tap in 0..taps.min(frame % frames + 1) {
                each(frame, tap * codes + usize::from(self.codes[frame - tap]));
            }
        }
    }
}

impl CustomOp1 for CodeRows {
    fn name(&self) -> &'static str {
        "code_rows"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let table = contiguous(self.name(), storage, layout)?;
        let [taps, codes, width] = self.sizes(layout.dims())?;
        let stride = width + self.zeros;
        let mut y = vec![0.0; self.codes.len() * stride];
        self.each(taps, codes, |frame, row| {
            let y = &mut y[frame * stride..][..width];
            for (y, value) in y.iter_mut().zip(&table[row * width..][..width]) {
                *y += value;
            }
        });
        let frames = self.codes.len() / self.streams.max(1);
        Ok((CpuStorage::F32(y), (self.streams, frames, stride).into()))
    }

    fn bwd(&self, table: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let [taps, codes, width] = self.sizes(table.dims())?;
        let grad_res = grad_res.contiguous()?;
        let grads = super::borrow(&grad_res)?;
        let stride = width + self.zeros;
        let mut sums = vec![0.0; table.elem_count()];
        self.each(taps, codes, |frame, row| {
            let sums = &mut sums[row * width..][..width];
            for (sum, grad) in sums.iter_mut().zip(&grads[frame * stride..][..width]) {
                *sum += grad;
            }
        });
        Ok(Some(Tensor::from_vec(sums, table.shape(), table.device())?))
    }
}
