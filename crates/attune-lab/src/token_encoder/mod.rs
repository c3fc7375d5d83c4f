//! The small Transformer encoder of the labs of positions, heads and depth: frames, then one learnt token whose output
//! is classified.
//!
//! In: sequences (b, t, inputs). Out: logits (b, answers, classes). Thread: any.
//!
//! The token stands after the last frame, so that it attends to all of them through a causal mask, and is no frame
//! itself: what one layer answers is a function of the bag of frames unless positions are encoded.

mod layer;
mod learn;
pub mod music;
pub mod order_task;

pub use layer::{LayerShape, TokenEncoderLayer};
pub(crate) use learn::train;
pub use learn::{Generated, Plan, judge};

use crate::LabError;
use attune_nn::Pass;
use attune_nn::linear::Linear;
use attune_nn::positional::sinusoids;
use attune_nn::weights::{Init, WeightStore};
use candle_core::{D, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// How the position of a frame is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionalEncoding {
    /// Not at all.
    #[serde(rename = "unknown")]
    None,
    /// Sines and cosines are added to them (Vaswani et al. 2017, §3.5).
    Sinusoidal,
    /// Queries and keys are turned by their place (Su et al. 2021).
    Rotary,
}

/// Shape of an [`TokenEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenEncoderShape {
    /// Features of a frame.
    pub inputs: usize,
    /// Features within, and heads among which they are divided.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Whether each half of a layer is added to its input.
    pub residual: bool,
    /// Whether each half of a layer normalises its input.
    pub normalized: bool,
    /// How positions are encoded.
    #[serde(rename = "places")]
    pub positions: PositionalEncoding,
    /// Classifications of one sequence.
    pub answers: usize,
    /// Classes of each.
    pub classes: usize,
    /// Dropout on the token's features.
    pub dropout: f32,
}

/// Dense layer, positional encoding, encoder layers, the token's features to logits.
#[derive(Debug)]
pub struct TokenEncoder {
    shape: TokenEncoderShape,
    input: Linear,
    token: Tensor,
    layers: Vec<TokenEncoderLayer>,
    output: Linear,
}

impl TokenEncoder {
    /// Weights come from `store`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn new(store: &mut WeightStore, shape: TokenEncoderShape) -> Result<Self> {
        let mut root = store.root();
        let of_layer = LayerShape {
            width: shape.width,
            heads: shape.heads,
            rotary: shape.positions == PositionalEncoding::Rotary,
            residual: shape.residual,
            normalized: shape.normalized,
        };
        let input = Linear::new(root.pp("input"), shape.inputs, shape.width, 1.0)?;
        let token = root.param("token", &[shape.width], Init::Uniform(1.0))?;
        let mut of_layers = root.pp("layers");
        let layers = (0..shape.layers).map(|number| TokenEncoderLayer::new(of_layers.pp(number), of_layer));
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
    pub fn restored(tensors: HashMap<String, Tensor>, shape: TokenEncoderShape) -> std::result::Result<Self, LabError> {
        Ok(Self::new(&mut WeightStore::from_tensors(tensors), shape)?)
    }

    /// (b, t, inputs) → (b, answers, classes).
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let (b, t, _) = x.dims3()?;
        let TokenEncoderShape {
            width,
            positions,
            answers,
            classes,
            dropout,
            ..
        } = self.shape;
        let mut frames = self.input.forward(x)?;
        if positions == PositionalEncoding::Sinusoidal {
            frames = frames.broadcast_add(&sinusoids(t, width)?)?;
        }
        let token = self.token.reshape((1, 1, width))?.broadcast_as((b, 1, width))?;
        let mut x = Tensor::cat(&[&frames, &token.contiguous()?], 1)?;
        for layer in &self.layers {
            x = layer.forward(&x)?;
        }
        let token = pass.dropout(&x.narrow(1, t, 1)?.contiguous()?, dropout)?;
        self.output.forward(&token)?.reshape((b, answers, classes))
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

/// The tensors of the network with one head ablated: the rows of the output matrix that read it are zeros.
///
/// # Errors
/// If there is no such head.
pub fn without_head(
    tensors: &HashMap<String, Tensor, impl BuildHasher>,
    shape: TokenEncoderShape,
    (layer, head): (usize, usize),
) -> std::result::Result<HashMap<String, Tensor>, LabError> {
    let name = format!("layers.{layer}.attention.output.weight");
    let Some(weight) = tensors.get(&name).filter(|_| head < shape.heads) else {
        return Err(LabError::Refused(format!("there is no head {head} of layer {layer}")));
    };
    let mut values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
    let of_head = shape.width / shape.heads * shape.width;
    values[head * of_head..(head + 1) * of_head].fill(0.0);
    let mut others: HashMap<String, Tensor> = tensors.iter().map(|(name, of)| (name.clone(), of.clone())).collect();
    let ablated = Tensor::from_vec(values, weight.shape(), weight.device())?;
    others.insert(name, ablated);
    Ok(others)
}
