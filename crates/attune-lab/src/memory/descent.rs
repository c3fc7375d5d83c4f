//! The rules that Bai et al. 2018 learn by, as PyTorch has them.

use attune_train::optimizer::gathered;
use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use serde::{Deserialize, Serialize};

/// How a gradient changes a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Adam with β = 0.9, 0.999 (Kingma & Ba 2015).
    Adam,
    /// RMSprop with α = 0.99 (Tieleman & Hinton 2012).
    RmsProp,
}

const EPSILON: f32 = 1e-8;
/// Adam's decay of the mean and of the square, RMSprop's of the square.
const MEAN: f32 = 0.9;
const SQUARE: f32 = 0.999;
const ALPHA: f32 = 0.99;

/// One variable, with the running mean of its gradient and of its square.
#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    mean: Vec<f32>,
    square: Vec<f32>,
}

/// Follows gradients downhill.
#[derive(Debug)]
pub(crate) struct Descent {
    rule: Rule,
    rate: f32,
    clip: Option<f32>,
    slots: Vec<Slot>,
    steps: i32,
}

impl Descent {
    /// `clip`: the most that the norm of all gradients together may be.
    pub(crate) fn new<'a>(
        vars: impl Iterator<Item = (&'a str, &'a Var)>,
        (rule, rate): (Rule, f32),
        clip: Option<f32>,
    ) -> Self {
        let slots = vars.map(|(name, var)| Slot {
            name: name.to_owned(),
            var: var.clone(),
            mean: vec![0.0; var.elem_count()],
            square: vec![0.0; var.elem_count()],
        });
        Self {
            rule,
            rate,
            clip,
            slots: slots.collect(),
            steps: 0,
        }
    }

    /// One step.
    ///
    /// # Errors
    /// If a variable has no gradient, or gradients are not finite.
    pub(crate) fn step(&mut self, grads: &GradStore) -> Result<()> {
        let vars = self.slots.iter().map(|slot| (slot.name.as_str(), &slot.var));
        let (all, norm) = gathered(vars, grads)?;
        let scale = self.clip.map_or(1.0, |clip| (clip / norm.max(1e-6)).min(1.0));
        self.steps += 1;
        let (mean_bias, square_bias) = (1.0 - MEAN.powi(self.steps), 1.0 - SQUARE.powi(self.steps));
        for (slot, grad) in self.slots.iter_mut().zip(all) {
            let mut weights: Vec<f32> = slot.var.flatten_all()?.to_vec1()?;
            let memory = slot.mean.iter_mut().zip(&mut slot.square);
            for ((weight, grad), (mean, square)) in weights.iter_mut().zip(grad).zip(memory) {
                let grad = grad * scale;
                *weight -= match self.rule {
                    Rule::Adam => {
                        *mean += (1.0 - MEAN) * (grad - *mean);
                        *square += (1.0 - SQUARE) * (grad * grad - *square);
                        self.rate * (*mean / mean_bias) / ((*square / square_bias).sqrt() + EPSILON)
                    }
                    Rule::RmsProp => {
                        *square += (1.0 - ALPHA) * (grad * grad - *square);
                        self.rate * grad / (square.sqrt() + EPSILON)
                    }
                };
            }
            slot.var
                .set(&Tensor::from_vec(weights, slot.var.shape(), slot.var.device())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Two steps with the gradient (3, −3).
    fn two_steps(rule: Rule, clip: Option<f32>) -> Vec<f32> {
        let var = Var::new(&[1.0f32, 1.0], &Device::Cpu).unwrap();
        let slopes = Tensor::new(&[3.0f32, -3.0], &Device::Cpu).unwrap();
        let mut descent = Descent::new([("x", &var)].into_iter(), (rule, 0.01), clip);
        for _ in 0..2 {
            let loss = (var.as_tensor() * &slopes).unwrap().sum_all().unwrap();
            descent.step(&loss.backward().unwrap()).unwrap();
        }
        var.to_vec1().unwrap()
    }

    #[test]
    fn steps_are_those_of_the_formulas() {
        // Adam: a gradient that stays is a step of the rate each time.
        let adam = two_steps(Rule::Adam, None);
        assert!(
            (adam[0] - 0.98).abs() < 1e-6 && (adam[1] - 1.02).abs() < 1e-6,
            "{adam:?}"
        );
        // RMSprop: g/√(0.01·g²) = 10, then g/√(0.0199·g²) = 7.0888.
        for clip in [None, Some(0.5)] {
            let rms = two_steps(Rule::RmsProp, clip);
            assert!((rms[0] - (1.0 - 0.1 - 0.070_888)).abs() < 1e-5, "{rms:?}");
        }
    }
}
