//! Which input frames an output depends on, measured by gradients: the effective receptive field (Luo, Li, Urtasun &
//! Zemel 2016).
//!
//! In: frames and a differentiable network. Out: a norm for each frame. Thread: any.

use super::ModelError;
use candle_core::{DType, Device, Result, Tensor, Var};

/// ‖∂y_t/∂x_{t−k}‖_F for k = 0, 1, … where t is the last of `frames` (frames, bands) and `net` maps (b, t, bands) to
/// (b, t, width).
///
/// One backward pass computes the whole Jacobian: the batch holds one copy of the sequence for each feature, and each
/// copy takes the gradient of its own feature.
///
/// # Errors
/// [`ModelError::NoFrames`], or if the network cannot be computed.
pub fn jacobian_norms(
    frames: &[f32],
    bands: usize,
    net: impl Fn(&Tensor) -> Result<Tensor>,
) -> std::result::Result<Vec<f64>, ModelError> {
    let count = frames.len() / bands;
    if count == 0 {
        return Err(ModelError::NoFrames);
    }
    let once = Tensor::from_slice(frames, (1, count, bands), &Device::Cpu)?;
    let width = net(&once)?.dim(2)?;
    let x = Var::from_tensor(&once.repeat((width, 1, 1))?)?;
    let y = net(x.as_tensor())?;
    let mut seeds = vec![0.0f32; width * count * width];
    for feature in 0..width {
        seeds[(feature * count + count - 1) * width + feature] = 1.0;
    }
    let seeds = Tensor::from_vec(seeds, (width, count, width), &Device::Cpu)?;
    let grads = (y * seeds)?.sum_all()?.backward()?;
    let Some(grad) = grads.get(&x) else {
        return Err(candle_core::Error::Msg("the features do not depend on the frames".to_owned()).into());
    };
    let squares = grad.to_dtype(DType::F64)?.sqr()?.sum((0, 2))?.to_vec1::<f64>()?;
    Ok(squares.into_iter().rev().map(f64::sqrt).collect())
}
