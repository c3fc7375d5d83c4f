//! The taps of a causal dilated convolution side by side, so that the convolution is one product.

use super::{contiguous, values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// Frames x (b, t, c) after their context (b, (taps − 1)·dilation, c) to (b, t, taps · c): for frame n its taps
/// x(n − (taps − 1)·d), …, x(n − d), x(n). The context is what a stream remembers and receives no gradient.
#[derive(Debug, Clone, Copy)]
pub struct TapPatches {
    /// Kernel length in frames.
    pub taps: usize,
    /// Frames from tap to tap.
    pub dilation: usize,
}

impl TapPatches {
    fn past(self) -> usize {
        (self.taps - 1) * self.dilation
    }
}

impl CustomOp2 for TapPatches {
    fn name(&self) -> &'static str {
        "tap_patches"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (&[b, t, c], &[also_b, past, also_c]) = (l1.dims(), l2.dims()) else {
            bail!("tap_patches: {:?} and {:?} are not (b, t, c)", l1.dims(), l2.dims());
        };
        if (also_b, past, also_c) != (b, self.past(), c) {
            bail!(
                "tap_patches: a context of {:?} for {:?} and {self:?}",
                l2.dims(),
                l1.dims()
            );
        }
        let (x, context) = (contiguous(self.name(), s1, l1)?, contiguous(self.name(), s2, l2)?);
        let mut out = Vec::with_capacity(b * t * self.taps * c);
        for stream in 0..b {
            let (x, context) = (&x[stream * t * c..], &context[stream * past * c..]);
            for frame in 0..t {
                for tap in 0..self.taps {
                    // Place counted from the start of the context.
                    let at = frame + tap * self.dilation;
                    let row = if at < past {
                        &context[at * c..]
                    } else {
                        &x[(at - past) * c..]
                    };
                    out.extend_from_slice(&row[..c]);
                }
            }
        }
        Ok((CpuStorage::F32(out), (b, t, self.taps * c).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _context: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (b, t, c) = x.dims3()?;
        let grads = values(grad_res)?;
        let past = self.past();
        let mut dx = vec![0.0; b * t * c];
        for (dx, grads) in dx.chunks_exact_mut(t * c).zip(grads.chunks_exact(t * self.taps * c)) {
            for (frame, grads) in grads.chunks_exact(self.taps * c).enumerate() {
                for (tap, grads) in grads.chunks_exact(c).enumerate() {
                    let at = frame + tap * self.dilation;
                    if at >= past {
                        for (into, grad) in dx[(at - past) * c..][..c].iter_mut().zip(grads) {
                            *into += grad;
                        }
                    }
                }
            }
        }
        Ok((Some(Tensor::from_vec(dx, (b, t, c), x.device())?), None))
    }
}
