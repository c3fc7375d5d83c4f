//! Running mean and mean square of every feature, exponentially forgotten, read off at chosen frames.

use super::{contiguous, values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// m_n = m_{n−1} + α_n (x_n − m_{n−1}), and the same for x². The weights α make it a plain mean of all frames at first
/// and an exponential one later (see [`super::super::statistics`]).
///
/// Arguments: x (b, t, c), and both moments before the first frame side by side (b, 2c). Result (b, p, 2c): mean and
/// mean square at each of the `read` frames.
#[derive(Debug, Clone)]
pub struct RunningMoments {
    /// α of each frame.
    pub weights: Vec<f32>,
    /// Frames at which the moments are read off, ascending.
    pub read: Vec<usize>,
}

impl RunningMoments {
    fn sizes(&self, x: &[usize], before: &[usize]) -> Result<(usize, usize, usize)> {
        match (x, before) {
            (&[b, t, c], &[also_b, two_c])
                if b == also_b && two_c == 2 * c && t == self.weights.len() && self.read.iter().all(|&n| n < t) =>
            {
                Ok((b, t, c))
            }
            _ => bail!(
                "running_moments: {x:?} and {before:?} for {} weights",
                self.weights.len()
            ),
        }
    }
}

impl CustomOp2 for RunningMoments {
    fn name(&self) -> &'static str {
        "running_moments"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, t, c) = self.sizes(l1.dims(), l2.dims())?;
        let x = contiguous(self.name(), s1, l1)?;
        let mut moments = contiguous(self.name(), s2, l2)?.to_vec();
        let mut out = Vec::with_capacity(b * self.read.len() * 2 * c);
        for (x, moments) in x.chunks_exact(t * c).zip(moments.chunks_exact_mut(2 * c)) {
            let mut read = self.read.iter().peekable();
            for (frame, (x, &alpha)) in x.chunks_exact(c).zip(&self.weights).enumerate() {
                let (means, squares) = moments.split_at_mut(c);
                for ((mean, square), x) in means.iter_mut().zip(squares).zip(x) {
                    *mean += alpha * (x - *mean);
                    *square += alpha * (x * x - *square);
                }
                if read.next_if_eq(&&frame).is_some() {
                    out.extend_from_slice(moments);
                }
            }
        }
        Ok((CpuStorage::F32(out), (b, self.read.len(), 2 * c).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        before: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (b, t, c) = self.sizes(x.dims(), before.dims())?;
        let grads = values(grad_res)?;
        let x_values = values(x)?;
        let mut dx = vec![0.0; b * t * c];
        let mut dbefore = vec![0.0; b * 2 * c];
        let streams = x_values.chunks_exact(t * c).zip(dx.chunks_exact_mut(t * c));
        let grads = grads
            .chunks_exact((self.read.len() * 2 * c).max(1))
            .zip(dbefore.chunks_exact_mut(2 * c));
        for ((x, dx), (grads, into)) in streams.zip(grads) {
            // `into`: gradient that flows into both moments from all later frames.
            let mut read = self.read.iter().zip(grads.chunks_exact(2 * c)).rev().peekable();
            for (frame, &alpha) in self.weights.iter().enumerate().rev() {
                if let Some((_, grad)) = read.next_if(|(at, _)| **at == frame) {
                    for (into, grad) in into.iter_mut().zip(grad) {
                        *into += grad;
                    }
                }
                let (means, squares) = into.split_at_mut(c);
                let row = frame * c..(frame + 1) * c;
                for (((dx, x), mean), square) in dx[row.clone()].iter_mut().zip(&x[row]).zip(means).zip(squares) {
                    *dx = alpha * (*mean + 2.0 * x * *square);
                    *mean *= 1.0 - alpha;
                    *square *= 1.0 - alpha;
                }
            }
        }
        Ok((
            Some(Tensor::from_vec(dx, (b, t, c), x.device())?),
            Some(Tensor::from_vec(dbefore, (b, 2 * c), x.device())?),
        ))
    }
}
