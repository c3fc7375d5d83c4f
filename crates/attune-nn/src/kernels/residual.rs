//! The end of a residual block.

use super::borrow;
use super::contiguous;
use super::simd::{dispatch_loop, simd_loop};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// ReLU(x + y), both of one shape (He et al. 2016).
#[derive(Debug, Clone, Copy)]
pub struct ResidualRelu;

#[inline(always)]
fn add_relu((x, y, out): (&[f32], &[f32], &mut [f32])) {
    // As ReLU, but NaN stays NaN.
    for (out, (x, y)) in out.iter_mut().zip(x.iter().zip(y)) {
        *out = if x + y < 0.0 { 0.0 } else { x + y };
    }
}
simd_loop!(AddRelu, add_relu((&[f32], &[f32], &mut [f32])));

/// The gradient where the result is above 0.
#[inline(always)]
fn relu_gradient((result, grads, out): (&[f32], &[f32], &mut [f32])) {
    for (out, (result, grad)) in out.iter_mut().zip(result.iter().zip(grads)) {
        *out = if *result > 0.0 { *grad } else { 0.0 };
    }
}
simd_loop!(ReluGradient, relu_gradient((&[f32], &[f32], &mut [f32])));

impl CustomOp2 for ResidualRelu {
    fn name(&self) -> &'static str {
        "residual_relu"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        if l1.dims() != l2.dims() {
            bail!("residual_relu: {:?} and {:?}", l1.dims(), l2.dims());
        }
        let (x, y) = (contiguous(self.name(), s1, l1)?, contiguous(self.name(), s2, l2)?);
        let mut out = vec![0.0; x.len()];
        dispatch_loop(AddRelu, (x, y, &mut out));
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        _y: &Tensor,
        res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad_res = grad_res.contiguous()?;
        let mut grads = vec![0.0; res.elem_count()];
        dispatch_loop(ReluGradient, (&borrow(res)?, &borrow(&grad_res)?, &mut grads));
        let grads = Tensor::from_vec(grads, res.shape(), res.device())?;
        Ok((Some(grads.clone()), Some(grads)))
    }
}
