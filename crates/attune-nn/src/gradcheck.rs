//! Gradients checked against central differences, for any layer and shape; a utility for tests.
//!
//! In: variables and a function to a scalar. Out: the largest error. Thread: any.

use candle_core::{Result, Tensor, Var, bail};

/// The worst place found.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// Which variable.
    pub variable: usize,
    /// Which of its values.
    pub index: usize,
    /// Gradient by backward.
    pub backward: f64,
    /// Gradient by central difference.
    pub difference: f64,
    /// |backward − difference| / (1 + |difference|).
    pub error: f64,
}

/// Compares the gradient of the scalar `loss` by every value of every variable with the central difference
/// (f(x + ε) − f(x − ε)) / 2ε.
///
/// In f32 the difference is off by about ε² from the curve and by 1e-7·|f|/ε from rounding: with ε = 1e-2 and losses
/// near 1, expect agreement within 1e-3.
///
/// # Errors
/// If a variable receives no gradient at all: dropped silently, as some of candle's ops do.
pub fn worst_disagreement(
    variables: &[Var],
    epsilon: f64,
    mut loss: impl FnMut() -> Result<Tensor>,
) -> Result<Disagreement> {
    let grads = loss()?.backward()?;
    let mut worst: Option<Disagreement> = None;
    for (number, variable) in variables.iter().enumerate() {
        let Some(grad) = grads.get(variable) else {
            bail!("variable {number} {:?} receives no gradient", variable.dims());
        };
        let grad: Vec<f32> = grad.flatten_all()?.to_vec1()?;
        let start: Vec<f32> = variable.flatten_all()?.to_vec1()?;
        for index in 0..start.len() {
            let mut at = |shift: f64| -> Result<f64> {
                let mut moved = start.clone();
                moved[index] += shift as f32;
                variable.set(&Tensor::from_vec(moved, variable.shape(), variable.device())?)?;
                Ok(f64::from(loss()?.to_scalar::<f32>()?))
            };
            let difference = (at(epsilon)? - at(-epsilon)?) / (2.0 * epsilon);
            variable.set(&Tensor::from_vec(start.clone(), variable.shape(), variable.device())?)?;
            let backward = f64::from(grad[index]);
            let error = (backward - difference).abs() / (1.0 + difference.abs());
            if worst.as_ref().is_none_or(|worst| error > worst.error || error.is_nan()) {
                worst = Some(Disagreement {
                    variable: number,
                    index,
                    backward,
                    difference,
                    error,
                });
            }
        }
    }
    match worst {
        Some(worst) => Ok(worst),
        None => bail!("no variables to check"),
    }
}
