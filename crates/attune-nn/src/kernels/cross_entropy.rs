//! Softmax and cross-entropy in one op.

use super::exponential::exp;
use super::reduce::{maximum, sum};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// −Σ y · ln softmax(z) of each row.
///
/// Arguments: logits z (…, classes) and targets y of the same shape, whose rows need not sum to 1 (a row of zeros asks
/// for nothing). Result (…). Targets receive no gradient.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy;

/// ln Σ e^z.
fn log_sum(z: &[f32]) -> f32 {
    let top = maximum(z);
    top + sum(z, |z| exp(z - top)).ln()
}

fn classes(logits: &[usize], targets: &[usize]) -> Result<usize> {
    match logits {
        [.., classes] if logits == targets && *classes > 0 => Ok(*classes),
        _ => bail!("cross_entropy: logits {logits:?} and targets {targets:?}"),
    }
}

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let classes = classes(l1.dims(), l2.dims())?;
        let logits = contiguous(self.name(), s1, l1)?;
        let targets = contiguous(self.name(), s2, l2)?;
        let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
        let losses = rows.map(|(z, y)| {
            let log_sum = log_sum(z);
            y.iter().zip(z).map(|(y, z)| y * (log_sum - z)).sum()
        });
        let shape = &l1.dims()[..l1.dims().len() - 1];
        Ok((CpuStorage::F32(losses.collect()), shape.into()))
    }

    /// ∂L/∂z = g · (softmax(z) · Σy − y).
    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let classes = classes(logits.dims(), targets.dims())?;
        let grad_res = grad_res.contiguous()?;
        let (z, y, grads) = (borrow(logits)?, borrow(targets)?, borrow(&grad_res)?);
        let mut dz = Vec::with_capacity(z.len());
        let rows = z.chunks_exact(classes).zip(y.chunks_exact(classes));
        for ((z, y), grad) in rows.zip(grads.iter()) {
            let (log_sum, asked) = (log_sum(z), y.iter().sum::<f32>());
            let slopes = z.iter().zip(y).map(|(z, y)| grad * (exp(z - log_sum) * asked - y));
            dz.extend(slopes);
        }
        Ok((Some(Tensor::from_vec(dz, logits.shape(), logits.device())?), None))
    }
}
