//! The small Transformer encoder that the labs of positions, heads and depth teach: frames, then one learnt token that
//! asks about them.
//!
//! In: sequences (b, t, inputs). Out: answers (b, answers, classes). Thread: any.
//!
//! The token stands after the last frame, so that it sees all of them through a causal mask, and is no frame itself: what
//! one layer answers is a function of the frames' bag unless something tells the frames' places.

mod layer;
mod learn;
pub mod music;
pub mod notes;

pub use layer::{AskedLayer, LayerShape};
pub use learn::{Drawn, Plan, judge, learn};

use crate::LabError;
use attune_nn::Pass;
use attune_nn::linear::Linear;
use attune_nn::positional::sinusoids;
use attune_nn::weights::{Init, WeightStore};
use candle_core::{D, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// How frames are told where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// Not at all.
    Unknown,
    /// Sines and cosines are added to them (Vaswani et al. 2017, §3.5).
    Sinusoidal,
    /// Queries and keys are turned by their place (Su et al. 2021).
    Rotary,
}

/// Shape of an [`AskedNet`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AskedShape {
    /// Features of a frame.
    pub inputs: usize,
    /// Features within, and heads among which they are divided.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Whether each half of a layer is added to what it took.
    pub residual: bool,
    /// Whether each half of a layer normalises what it takes.
    pub normalized: bool,
    /// How frames are told where they stand.
    pub places: Places,
    /// Questions answered at once.
    pub answers: usize,
    /// Classes of an answer.
    pub classes: usize,
    /// Share of the token's features silenced in training.
    pub dropout: f32,
}

/// Dense layer, places, encoder layers, the token's features to logits.
#[derive(Debug)]
pub struct AskedNet {
    shape: AskedShape,
    input: Linear,
    token: Tensor,
    layers: Vec<AskedLayer>,
    output: Linear,
}

impl AskedNet {
    /// Weights come from `store`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(store: &mut WeightStore, shape: AskedShape) -> Result<Self> {
        let mut root = store.root();
        let of_layer = LayerShape {
            width: shape.width,
            heads: shape.heads,
            rotary: shape.places == Places::Rotary,
            residual: shape.residual,
            normalized: shape.normalized,
        };
        let input = Linear::new(root.pp("input"), shape.inputs, shape.width, 1.0)?;
        let token = root.param("token", &[shape.width], Init::Uniform(1.0))?;
        let mut of_layers = root.pp("layers");
        let layers = (0..shape.layers).map(|number| AskedLayer::new(of_layers.pp(number), of_layer));
        Ok(Self {
            shape,
            input,
            token,
            layers: layers.collect::<Result<_>>()?,
            output: Linear::new(root.pp("output"), shape.width, shape.answers * shape.classes, 1.0)?,
        })
    }

    /// The network with these tensors.
    ///
    /// # Errors
    /// If they are another shape's.
    pub fn restored(tensors: HashMap<String, Tensor>, shape: AskedShape) -> std::result::Result<Self, LabError> {
        Ok(Self::new(&mut WeightStore::from_tensors(tensors), shape)?)
    }

    /// (b, t, inputs) → (b, answers, classes).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let (b, t, _) = x.dims3()?;
        let AskedShape {
            width,
            places,
            answers,
            classes,
            dropout,
            ..
        } = self.shape;
        let mut frames = self.input.forward(x)?;
        if places == Places::Sinusoidal {
            frames = frames.broadcast_add(&sinusoids(t, width)?)?;
        }
        let token = self.token.reshape((1, 1, width))?.broadcast_as((b, 1, width))?;
        let mut x = Tensor::cat(&[&frames, &token.contiguous()?], 1)?;
        for layer in &self.layers {
            x = layer.forward(&x)?;
        }
        let asked = pass.dropout(&x.narrow(1, t, 1)?.contiguous()?, dropout)?;
        self.output.forward(&asked)?.reshape((b, answers, classes))
    }

    /// The answers (b · answers) to whole sequences, by number of their class.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn answers(&self, x: &Tensor) -> Result<Vec<u32>> {
        let logits = self.forward(x, &mut Pass::Infer)?;
        logits.argmax(D::Minus1)?.flatten_all()?.to_vec1()
    }
}

/// The tensors of a network in which one head of one layer adds nothing: the rows of the output matrix that take what it
/// mixed are zeros.
///
/// # Errors
/// If there is no such head.
pub fn without_head(
    tensors: &HashMap<String, Tensor, impl BuildHasher>,
    shape: AskedShape,
    (layer, head): (usize, usize),
) -> std::result::Result<HashMap<String, Tensor>, LabError> {
    let name = format!("layers.{layer}.attention.output.weight");
    let Some(weight) = tensors.get(&name).filter(|_| head < shape.heads) else {
        return Err(LabError::Asked(format!("there is no head {head} of layer {layer}")));
    };
    let mut values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
    let of_head = shape.width / shape.heads * shape.width;
    values[head * of_head..(head + 1) * of_head].fill(0.0);
    let mut others: HashMap<String, Tensor> = tensors.iter().map(|(name, of)| (name.clone(), of.clone())).collect();
    let silenced = Tensor::from_vec(values, weight.shape(), weight.device())?;
    others.insert(name, silenced);
    Ok(others)
}
