//! The networks whose reach is measured: shipped ones, taken apart at the body, and the music that they hear.
//!
//! In: a bundled model. Out: the features that its body reads, its recurrent layer, its dependence on each input frame.
//! Thread: any.

use super::reach::Layer;
use crate::LabError;
use attune_model::architecture::BodyShape;
use attune_model::attention::Encoder;
use attune_model::body::Body;
use attune_model::front::Front;
use attune_model::load::tensors;
use attune_model::lstm::LstmStack;
use attune_model::rnn::RnnStack;
use attune_model::tcn::Tcn;
use attune_model::{Manifest, bundled_weights};
use attune_nn::Pass;
use attune_nn::lstm_cell::Lstm;
use attune_nn::recurrent::Recurrent;
use attune_nn::rnn_cell::Rnn;
use attune_nn::weights::WeightStore;
use candle_core::{Device, Result, Tensor, Var};

/// A shipped network up to the last features of its body.
#[derive(Debug)]
pub struct Taught {
    manifest: Manifest,
    weights: &'static [u8],
}

impl Taught {
    /// Of a manifest whose weights are part of the program; `None` for others.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        Some(Self {
            manifest: manifest.clone(),
            weights: bundled_weights(&manifest.weights_sha256)?,
        })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Front, stem and body, each taking what the one before gives.
    fn parts(&self) -> std::result::Result<Parts, LabError> {
        let mut store = WeightStore::from_tensors(tensors(self.weights)?);
        let architecture = &self.manifest.architecture;
        let mut root = store.root();
        let front = Front::new(root.pp("front"), architecture.front)?;
        let stem = match &architecture.stem {
            Some(shape) => Some(Tcn::new(root.pp("stem"), shape.clone())?),
            None => None,
        };
        let body: Box<dyn Forward> = match &architecture.body {
            BodyShape::Rnn(shape) => Box::new(RnnStack::new(root.pp("body"), shape.clone())?),
            BodyShape::Lstm(shape) => Box::new(LstmStack::new(root.pp("body"), shape.clone())?),
            BodyShape::Tcn(shape) => Box::new(Tcn::new(root.pp("body"), shape.clone())?),
            BodyShape::Attention(shape) => Box::new(Encoder::new(root.pp("body"), shape.clone())?),
        };
        Ok(Parts { front, stem, body })
    }

    /// What the body reads of normalised frames (frames, bands): (frames, width).
    ///
    /// # Errors
    /// If the network fails.
    pub fn features(&self, frames: &[f32]) -> std::result::Result<Vec<f32>, LabError> {
        let bands = self.manifest.front_end.bands;
        let x = Tensor::from_slice(frames, (1, frames.len() / bands, bands), &Device::Cpu)?;
        Ok(self.parts()?.below(&x)?.flatten_all()?.to_vec1()?)
    }

    /// Its first recurrent layer, as it was taught or with weights drawn from `seed`; `None` without recurrence.
    ///
    /// # Errors
    /// If its weights do not fit.
    pub fn layer(&self, seed: Option<u64>) -> std::result::Result<Option<Layer>, LabError> {
        let mut store = match seed {
            Some(seed) => WeightStore::random(seed),
            None => WeightStore::from_tensors(tensors(self.weights)?),
        };
        let mut root = store.root();
        let mut body = root.pp("body");
        Ok(match &self.manifest.architecture.body {
            BodyShape::Rnn(shape) => Some(Layer::of_rnn(&Rnn::new(body.pp(0), shape.inputs, shape.hidden)?)?),
            BodyShape::Lstm(shape) => Some(Layer::of_lstm(&Lstm::new(body.pp(0), shape.inputs, shape.hidden)?)?),
            BodyShape::Tcn(_) | BodyShape::Attention(_) => None,
        })
    }

    /// ‖∂y_t/∂x_{t−k}‖ for k = 0, 1, … of the last of these frames (frames, bands): how much its features depend on each
    /// input frame, by backward through the whole network.
    ///
    /// # Errors
    /// If the network fails.
    pub fn dependence(&self, frames: &[f32]) -> std::result::Result<Vec<f64>, LabError> {
        let parts = self.parts()?;
        Ok(dependence(frames, self.manifest.front_end.bands, |x| parts.all(x))?)
    }

    /// Frames that its features can depend on; `None`: no bound.
    ///
    /// # Errors
    /// If its weights do not fit.
    pub fn field(&self) -> std::result::Result<Option<usize>, LabError> {
        let parts = self.parts()?;
        let stem = parts.stem.as_ref().and_then(Body::context_frames).unwrap_or(1);
        let front = self.manifest.architecture.front.kernel_frames;
        Ok(parts.body.field().map(|body| body + stem - 1 + front - 1))
    }
}

/// What all bodies have in common here.
trait Forward: std::fmt::Debug {
    fn last(&self, x: &Tensor) -> Result<Tensor>;
    fn field(&self) -> Option<usize>;
}

impl<B: Body + std::fmt::Debug> Forward for B {
    fn last(&self, x: &Tensor) -> Result<Tensor> {
        let taps = self.forward(x, &mut Pass::Infer)?;
        Ok(taps.into_iter().next_back().unwrap_or_else(|| x.clone()))
    }

    fn field(&self) -> Option<usize> {
        self.context_frames()
    }
}

#[derive(Debug)]
struct Parts {
    front: Front,
    stem: Option<Tcn>,
    body: Box<dyn Forward>,
}

impl Parts {
    fn below(&self, x: &Tensor) -> Result<Tensor> {
        let front = self.front.forward(x, &Pass::Infer)?;
        match &self.stem {
            Some(stem) => stem.last(&front),
            None => Ok(front),
        }
    }

    fn all(&self, x: &Tensor) -> Result<Tensor> {
        self.body.last(&self.below(x)?)
    }
}

/// ‖∂y_t/∂x_{t−k}‖_F for k = 0, 1, … where t is the last of `frames` (frames, bands) and `net` maps (b, t, bands) to
/// (b, t, width).
///
/// One backward gives all of the Jacobian: the sequence stands there once for each feature, and each asks for its own.
///
/// # Errors
/// If the network fails.
pub fn dependence(frames: &[f32], bands: usize, net: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Vec<f64>> {
    let count = frames.len() / bands;
    let once = Tensor::from_slice(frames, (1, count, bands), &Device::Cpu)?;
    let width = net(&once)?.dim(2)?;
    let x = Var::from_tensor(&once.repeat((width, 1, 1))?)?;
    let y = net(x.as_tensor())?;
    let mut asked = vec![0.0f32; width * count * width];
    for feature in 0..width {
        asked[(feature * count + count - 1) * width + feature] = 1.0;
    }
    let asked = Tensor::from_vec(asked, (width, count, width), &Device::Cpu)?;
    let grads = (y * asked)?.sum_all()?.backward()?;
    let Some(grad) = grads.get(&x) else {
        candle_core::bail!("the features do not depend on the frames");
    };
    let squares = grad
        .to_dtype(candle_core::DType::F64)?
        .sqr()?
        .sum((0, 2))?
        .to_vec1::<f64>()?;
    Ok(squares.into_iter().rev().map(f64::sqrt).collect())
}
