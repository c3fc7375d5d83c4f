//! Logits of hyperbolic distributions around a predicted value, added to others.

use super::simd::{dispatch_loop, simd_loop};
use super::{borrow, contiguous};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// Scales of the distributions of a row.
pub const SCALES: usize = 2;

/// Where the distributions of a row lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The predicted value, their centre.
    pub value: f32,
    /// The scale of each, above 0, in the unit of the value.
    pub scales: [f32; SCALES],
}

/// The value of each class, and the logarithm of how wide its step is.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// Value in the middle of each step.
    pub values: Vec<f32>,
    /// ln of each width.
    pub log_widths: Vec<f32>,
}

/// y_c = z_c + ln w_c − Σ_k g_k·√(1 + ((x_c − µ) / s_k)²) of each row: the log density of hyperbolic distributions
/// (Barndorff-Nielsen 1977) of centre µ, times the width of each step.
///
/// Arguments: logits z (…, classes) and slopes g (…, 2). Result like z.
#[derive(Debug, Clone)]
pub struct AddHyperbolic {
    /// x and ln w.
    pub steps: Arc<Steps>,
    /// µ and s of each row.
    pub peaks: Arc<[Peak]>,
}

/// Steps, peaks, slopes, logits.
type Rows<'a> = (&'a Steps, &'a [Peak], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn add_rows((steps, peaks, slopes, logits): Rows<'_>) {
    let rows = logits.chunks_exact_mut(steps.values.len()).zip(peaks);
    for ((row, peak), slopes) in rows.zip(slopes.chunks_exact(SCALES)) {
        let [first, second] = peak.scales.map(f32::recip);
        let steps = steps.values.iter().zip(&steps.log_widths);
        for (logit, (value, log_width)) in row.iter_mut().zip(steps) {
            let off = value - peak.value;
            let (a, b) = (off * first, off * second);
            *logit += log_width - slopes[0] * (1.0 + a * a).sqrt() - slopes[1] * (1.0 + b * b).sqrt();
        }
    }
}
simd_loop!(AddRows, add_rows(Rows<'_>));

/// Adds to rows of logits; as many slopes a row as there are scales.
pub fn add_hyperbolic(steps: &Steps, peaks: &[Peak], slopes: &[f32], logits: &mut [f32]) {
    dispatch_loop(AddRows, (steps, peaks, slopes, logits));
}

/// Steps, peaks, gradient by the result, gradient by the slopes.
type RowsBack<'a> = (&'a Steps, &'a [Peak], &'a [f32], &'a mut [f32]);

#[inline(always)]
fn rows_backward((steps, peaks, grads, by_slopes): RowsBack<'_>) {
    let rows = grads.chunks_exact(steps.values.len()).zip(peaks);
    for ((row, peak), by_slope) in rows.zip(by_slopes.chunks_exact_mut(SCALES)) {
        for (sum, scale) in by_slope.iter_mut().zip(peak.scales) {
            // Eight sums, so that the compiler may add eight values at once.
            let mut sums = [0.0_f32; 8];
            for (grads, values) in row.chunks(8).zip(steps.values.chunks(8)) {
                for ((sum, grad), value) in sums.iter_mut().zip(grads).zip(values) {
                    let off = (value - peak.value) / scale;
                    *sum -= grad * (1.0 + off * off).sqrt();
                }
            }
            *sum = sums.iter().sum();
        }
    }
}
simd_loop!(RowsBackward, rows_backward(RowsBack<'_>));

impl CustomOp2 for AddHyperbolic {
    fn name(&self) -> &'static str {
        "add_hyperbolic"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = self.peaks.len();
        let fits = l1.dims().last() == Some(&self.steps.values.len())
            && self.steps.log_widths.len() == self.steps.values.len()
            && l1.shape().elem_count() == rows * self.steps.values.len()
            && l2.shape().elem_count() == rows * SCALES;
        if !fits {
            bail!(
                "add_hyperbolic: logits {:?} and slopes {:?} for {rows} rows of {} steps",
                l1.dims(),
                l2.dims(),
                self.steps.values.len()
            );
        }
        let mut y = contiguous(self.name(), s1, l1)?.to_vec();
        let slopes = contiguous(self.name(), s2, l2)?;
        add_hyperbolic(&self.steps, &self.peaks, slopes, &mut y);
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    fn bwd(
        &self,
        _logits: &Tensor,
        slopes: &Tensor,
        _res: &Tensor,
        grad_res: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad_res = grad_res.contiguous()?;
        let mut by_slopes = vec![0.0; slopes.elem_count()];
        let grads = borrow(&grad_res)?;
        dispatch_loop(RowsBackward, (&self.steps, &self.peaks, &grads, &mut by_slopes));
        let by_slopes = Tensor::from_vec(by_slopes, slopes.shape(), slopes.device())?;
        drop(grads);
        Ok((Some(grad_res), Some(by_slopes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::worst_disagreement;
    use candle_core::{Device, Var};

    fn op() -> AddHyperbolic {
        let values: Vec<f32> = (0..19).map(|n| n as f32 * 0.1 - 0.9).collect();
        AddHyperbolic {
            steps: Arc::new(Steps {
                log_widths: values.iter().map(|value| 0.3 - value.abs()).collect(),
                values,
            }),
            peaks: [(0.2, [0.1, 0.5]), (-0.7, [0.3, 0.2])]
                .map(|(value, scales)| Peak { value, scales })
                .into(),
        }
    }

    fn wave(shape: &[usize], pace: f32) -> Tensor {
        let values = (0..shape.iter().product())
            .map(|n: usize| (n as f32 * pace).sin())
            .collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn it_is_the_log_density_at_each_step() {
        let logits = Tensor::zeros((2, 19), candle_core::DType::F32, &Device::Cpu).unwrap();
        let slopes = Tensor::new(&[[1.0_f32, 0.5], [2.0, 0.0]], &Device::Cpu).unwrap();
        let y = logits.apply_op2(&slopes, op()).unwrap().to_vec2::<f32>().unwrap();
        let (first, second) = (&y[0], &y[1]);
        // 0.4 is two scales and 0.4 of the other from 0.2.
        let expected = 0.3 - 0.4 - 5.0_f32.sqrt() - 0.5 * (1.0_f32 + 0.16).sqrt();
        assert!((first[13] - expected).abs() < 1e-5, "{} {expected}", first[13]);
        // At its centre.
        assert!((second[2] - (0.3 - 0.7 - 2.0)).abs() < 1e-5, "{}", second[2]);
    }

    #[test]
    fn gradients_are_the_differences() {
        let logits = Var::from_tensor(&wave(&[2, 19], 0.7)).unwrap();
        let slopes = Var::from_tensor(&wave(&[2, 2], 1.3)).unwrap();
        let worst = worst_disagreement(&[logits.clone(), slopes.clone()], 1e-2, || {
            let y = logits.apply_op2(&slopes, op())?;
            (&y * wave(&[2, 19], 0.37))?.sum_all()? * 0.2
        })
        .unwrap();
        assert!(worst.error < 2e-3, "{worst:?}");
    }
}
