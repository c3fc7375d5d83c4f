//! AdamW (Loshchilov & Hutter 2019) with global gradient clipping, whose memory can be saved and taken up again.

use attune_nn::kernels::simd::{dispatch_loop, simd_loop};
use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};
use std::collections::BTreeMap;

/// Decay of the running mean and square of a gradient.
const BETAS: (f32, f32) = (0.9, 0.99);
const EPSILON: f32 = 1e-8;

/// One variable with its running gradient moments.
#[derive(Debug)]
pub struct Slot {
    var: Var,
    /// Weights that are matrices shrink; gains, biases and norms do not.
    decays: bool,
    /// Running mean of the gradient.
    pub mean: Vec<f32>,
    /// Running mean of its square.
    pub square: Vec<f32>,
}

/// One variable's step.
struct Follow<'a> {
    weights: &'a mut [f32],
    grads: &'a [f32],
    mean: &'a mut [f32],
    square: &'a mut [f32],
    scale: f32,
    shrink: f32,
    rate: f32,
    square_scale: f32,
}

#[inline(always)]
fn follow_gradient(step: Follow<'_>) {
    let (mean_decay, square_decay) = BETAS;
    let memory = step.mean.iter_mut().zip(step.square);
    for ((weight, grad), (mean, square)) in step.weights.iter_mut().zip(step.grads).zip(memory) {
        let grad = grad * step.scale;
        *mean += (1.0 - mean_decay) * (grad - *mean);
        *square += (1.0 - square_decay) * (grad * grad - *square);
        let change = step.rate * *mean / ((*square * step.square_scale).sqrt() + EPSILON);
        *weight = *weight * step.shrink - change;
    }
}
simd_loop!(FollowGradient, follow_gradient(Follow<'_>));

/// Follows gradients downhill.
#[derive(Debug)]
pub struct AdamW {
    /// By name of the variable.
    pub slots: BTreeMap<String, Slot>,
    /// Steps made.
    pub steps: u64,
    weight_decay: f32,
    clip: f32,
}

impl AdamW {
    /// For these variables. `clip`: the most that the norm of all gradients together may be.
    pub fn new<'a>(vars: impl Iterator<Item = (&'a str, &'a Var)>, weight_decay: f32, clip: f32) -> Self {
        let slots = vars
            .map(|(name, var)| {
                let slot = Slot {
                    var: var.clone(),
                    decays: var.dims().len() > 1,
                    mean: vec![0.0; var.elem_count()],
                    square: vec![0.0; var.elem_count()],
                };
                (name.to_owned(), slot)
            })
            .collect();
        Self {
            slots,
            steps: 0,
            weight_decay,
            clip,
        }
    }

    /// One step. Returns the norm of the gradients before clipping.
    ///
    /// # Errors
    /// If a variable has no gradient: an op dropped it, and the variable would never learn.
    pub fn step(&mut self, grads: &GradStore, rate: f32) -> Result<f32> {
        let vars = self.slots.iter().map(|(name, slot)| (name.as_str(), &slot.var));
        let (by_name, norm) = gathered(vars, grads)?;
        let scale = if norm > self.clip { self.clip / norm } else { 1.0 };
        self.steps += 1;
        let (mean_decay, square_decay) = BETAS;
        let mean_bias = 1.0 - mean_decay.powi(self.steps as i32);
        let square_bias = 1.0 - square_decay.powi(self.steps as i32);
        for (slot, grad) in self.slots.values_mut().zip(by_name) {
            let mut weights: Vec<f32> = slot.var.flatten_all()?.to_vec1()?;
            let shrink = if slot.decays {
                1.0 - rate * self.weight_decay
            } else {
                1.0
            };
            let follow = Follow {
                weights: &mut weights,
                grads: &grad,
                mean: &mut slot.mean,
                square: &mut slot.square,
                scale,
                shrink,
                // rate · (mean / mean_bias) / (√(square / square_bias) + ε), with fewer divisions.
                rate: rate / mean_bias,
                square_scale: 1.0 / square_bias,
            };
            dispatch_loop(FollowGradient, follow);
            slot.var
                .set(&Tensor::from_vec(weights, slot.var.shape(), slot.var.device())?)?;
        }
        Ok(norm)
    }
}

/// The gradients of these variables, each flat, and the norm of all together.
///
/// # Errors
/// If a variable has no gradient, or they are not finite.
pub fn gathered<'a>(vars: impl Iterator<Item = (&'a str, &'a Var)>, grads: &GradStore) -> Result<(Vec<Vec<f32>>, f32)> {
    let mut all = Vec::new();
    for (name, var) in vars {
        let Some(grad) = grads.get(var) else {
            bail!("the weight {name} receives no gradient");
        };
        all.push(grad.flatten_all()?.to_vec1::<f32>()?);
    }
    let square: f64 = all.iter().flatten().map(|g| f64::from(*g).powi(2)).sum();
    let norm = square.sqrt() as f32;
    if !norm.is_finite() {
        bail!("the gradients are not finite");
    }
    Ok((all, norm))
}

/// The learning rate at `step` of `steps`: up over the first tenth, then down along a cosine (one cycle; Smith 2018).
///
/// ```
/// use attune_train::optimizer::one_cycle;
/// assert_eq!(one_cycle(100, 1_000, 2e-3), 2e-3);
/// assert!(one_cycle(999, 1_000, 2e-3) < 1e-5);
/// ```
pub fn one_cycle(step: u64, steps: u64, peak: f32) -> f32 {
    let rise = (steps / 10).max(1);
    if step < rise {
        return peak * (0.04 + 0.96 * step as f32 / rise as f32);
    }
    let share = (step - rise) as f32 / (steps - rise).max(1) as f32;
    peak * (0.001 + 0.999 * (0.5 + 0.5 * (std::f32::consts::PI * share).cos()))
}

/// The learning rate at `step`: linearly up over `warm_up` steps to `peak`, then down with 1/√step (Vaswani et al.
/// 2017, eq. 3).
///
/// ```
/// use attune_train::optimizer::inverse_square_root;
/// assert_eq!(inverse_square_root(49, 100, 2e-3), 1e-3);
/// assert_eq!(inverse_square_root(99, 100, 2e-3), 2e-3);
/// assert!((inverse_square_root(399, 100, 2e-3) - 1e-3).abs() < 1e-9);
/// ```
pub fn inverse_square_root(step: u64, warm_up: u64, peak: f32) -> f32 {
    let (step, warm_up) = ((step + 1) as f32, warm_up.max(1) as f32);
    peak * (step / warm_up).min((warm_up / step).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn slope(var: &Var, factor: f64) -> GradStore {
        (var.as_tensor() * factor)
            .and_then(|loss| loss.sum_all())
            .and_then(|loss| loss.backward())
            .unwrap()
    }

    #[test]
    fn the_first_step_is_the_rate_against_the_sign_of_the_gradient() {
        let var = Var::new(&[1.0f32, 1.0], &Device::Cpu).unwrap();
        let mut adam = AdamW::new([("x", &var)].into_iter(), 0.1, 1e9);
        let norm = adam.step(&slope(&var, 3.0), 0.01).unwrap();
        assert!((norm - 18.0f32.sqrt()).abs() < 1e-5);
        // Bias-corrected: mean/√square = 1 in the first step; a vector does not decay.
        for weight in var.to_vec1::<f32>().unwrap() {
            assert!((weight - 0.99).abs() < 1e-6, "{weight}");
        }
    }

    #[test]
    fn a_variable_without_gradient_is_refused() {
        let (x, y) = (
            Var::new(&[1.0f32], &Device::Cpu).unwrap(),
            Var::new(&[1.0f32], &Device::Cpu).unwrap(),
        );
        let mut adam = AdamW::new([("x", &x), ("y", &y)].into_iter(), 0.0, 1.0);
        assert!(
            adam.step(&slope(&x, 1.0), 0.1)
                .unwrap_err()
                .to_string()
                .contains("the weight y receives no gradient")
        );
    }
}
