//! Cross-entropy of a softmax with soft labels, in one op.
//!
//! candle-nn's `loss::cross_entropy` takes class numbers only; soft labels need a row of targets.

use super::exponential::exp;
use super::reduce::{maximum, sum};
use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// −Σ y · ln softmax(z) of each row.
///
/// Arguments: logits z (…, classes) and targets y of the same shape, whose rows need not sum to 1 (a row of zeros has
/// no loss). Result (…). Targets receive no gradient.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy;

/// ln Σ e^z.
#[inline(always)]
fn log_sum_exp(z: &[f32]) -> f32 {
    let max = maximum(z);
    max + sum(z, |z| exp(z - max)).ln()
}

/// Logits, targets, classes, the loss of each row.
type Rows<'a> = (&'a [f32], &'a [f32], usize, &'a mut [f32]);

#[inline(always)]
fn row_losses((z, y, classes, losses): Rows<'_>) {
    let rows = z.chunks_exact(classes).zip(y.chunks_exact(classes));
    for (loss, (z, y)) in losses.iter_mut().zip(rows) {
        let log_sum = log_sum_exp(z);
        *loss = y.iter().zip(z).map(|(y, z)| y * (log_sum - z)).sum();
    }
}
simd_loop!(RowLosses, row_losses(Rows<'_>));

/// Logits, targets, classes, gradient by the loss of each row, gradient by the logits.
type RowsBack<'a> = (&'a [f32], &'a [f32], usize, &'a [f32], &'a mut [f32]);

/// ∂L/∂z = g · (softmax(z) · Σy − y).
#[inline(always)]
fn rows_backward((z, y, classes, grads, dz): RowsBack<'_>) {
    let rows = z.chunks_exact(classes).zip(y.chunks_exact(classes));
    for ((dz, (z, y)), grad) in dz.chunks_exact_mut(classes).zip(rows).zip(grads) {
        let (log_sum, mass) = (log_sum_exp(z), y.iter().sum::<f32>());
        for (dz, (z, y)) in dz.iter_mut().zip(z.iter().zip(y)) {
            *dz = grad * (exp(z - log_sum) * mass - y);
        }
    }
}
simd_loop!(RowsBackward, rows_backward(RowsBack<'_>));

/// Logits, classes, the code of each row, its loss.
type CodeRows<'a> = (&'a [f32], usize, &'a [u8], &'a mut [f32]);

#[inline(always)]
fn each_code_loss((z, classes, codes, losses): CodeRows<'_>) {
    for ((loss, z), code) in losses.iter_mut().zip(z.chunks_exact(classes)).zip(codes) {
        *loss = log_sum_exp(z) - z[usize::from(*code)];
    }
}
simd_loop!(EachCodeLoss, each_code_loss(CodeRows<'_>));

/// −ln softmax(z)\[code\] of rows of logits (codes, classes), without a gradient.
///
/// # Panics
/// If a code is none of the classes: a bug of the caller.
pub fn code_losses(logits: &[f32], classes: usize, codes: &[u8], losses: &mut [f32]) {
    dispatch_loop(EachCodeLoss, (logits, classes, codes, losses));
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
        let mut losses = vec![0.0; logits.len() / classes];
        dispatch_loop(RowLosses, (logits, targets, classes, &mut losses));
        let shape = &l1.dims()[..l1.dims().len() - 1];
        Ok((CpuStorage::F32(losses), shape.into()))
    }

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
        let mut dz = vec![0.0; z.len()];
        dispatch_loop(RowsBackward, (&z, &y, classes, &grads, &mut dz));
        Ok((Some(Tensor::from_vec(dz, logits.shape(), logits.device())?), None))
    }
}
