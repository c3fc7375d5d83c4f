//! A layer of attention pooling with one score function.

use super::{AdditiveScore, Score, ScoreKind};
use crate::kernels::packed_matrix::Precision;
use crate::kernels::values;
use crate::kernels::windowed_softmax::WindowedSoftmax;
use crate::linear::Linear;
use crate::streaming::affine::PackedAffine;
use crate::streaming::scored::{Comparison, PackedScore};
use crate::weights::Weights;
use candle_core::{Device, Result, Tensor};

/// Shape of a [`ScorePooling`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ScorePoolingShape {
    /// The score function.
    pub kind: ScoreKind,
    /// Features of a frame.
    pub inputs: usize,
    /// Width of s and h.
    pub width: usize,
    /// Frames that a query attends to, itself included.
    pub context: usize,
}

/// c = Σ_j softmax(score(s, h_j))·x_j over the last `context` frames, with s = W_s·x + b_s of the query frame and
/// h_j = W_h·x_j + b_h.
#[derive(Debug, Clone)]
pub struct ScorePooling {
    /// None for the control, which has no query.
    query: Option<Linear>,
    /// None for a formula that ignores content.
    key: Option<Linear>,
    score: Score,
    shape: ScorePoolingShape,
}

impl ScorePooling {
    /// Weights from the branch of `weights` that has the formula's name.
    pub fn new(mut weights: Weights<'_>, shape: ScorePoolingShape) -> Result<Self> {
        let mut weights = weights.pp(shape.kind.name());
        let mut projection = |name: &str| Linear::new(weights.pp(name), shape.inputs, shape.width, 1.0);
        let query = shape.kind.has_query().then(|| projection("query")).transpose()?;
        let key = shape.kind.is_content_based().then(|| projection("key")).transpose()?;
        Ok(Self {
            query,
            key,
            score: Score::new(weights.pp("score"), shape.kind, shape.width, shape.context)?,
            shape,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> ScorePoolingShape {
        self.shape
    }

    /// Whole sequences `x` (b, t, inputs), with queries at the frames `read` (ascending, < t): c (b, p, inputs) and the
    /// weights (b, p, t), 0 for the future and beyond the context.
    pub fn forward(&self, x: &Tensor, read: &[usize]) -> Result<(Tensor, Tensor)> {
        let queries: Vec<u32> = read.iter().map(|&frame| frame as u32).collect();
        let queries = Tensor::from_vec(queries, read.len(), &Device::Cpu)?;
        // Without a projection only the length matters.
        let projected = |layer: &Option<Linear>, x: Tensor| match layer {
            Some(layer) => layer.forward(&x),
            None => Ok(x),
        };
        let s = projected(&self.query, x.index_select(&queries, 1)?)?;
        let h = projected(&self.key, x.clone())?;
        let softmax = WindowedSoftmax {
            places: read.to_vec(),
            context: self.shape.context,
        };
        let weights = self.score.forward(&s, &h, read)?.contiguous()?.apply_op1(softmax)?;
        Ok((weights.matmul(&x.contiguous()?)?, weights))
    }

    /// The form for streams: matrices that follow each other become one.
    pub fn pack(&self) -> Result<PackedScore> {
        let packed = |layer: &Option<Linear>, then: Then<'_>| layer.as_ref().map(|layer| followed(layer, then));
        let (of_query, of_key, comparison): (Then<'_>, Then<'_>, _) = match &self.score {
            Score::General { mixing } => ((Some(mixing), None), NOTHING, Comparison::Dot(1.0)),
            Score::Cosine => (NOTHING, NOTHING, Comparison::Cosine(1.0)),
            Score::CosineTempered { strength } => {
                let strength = values(&strength.exp()?)?.iter().sum(); // it is one number
                (NOTHING, NOTHING, Comparison::Cosine(strength))
            }
            Score::Additive(AdditiveScore {
                of_query,
                of_key,
                vector,
            }) => {
                let [matrix, bias] = of_query.parameters();
                let comparison = Comparison::Additive(values(vector)?);
                ((Some(matrix), Some(bias)), (Some(of_key), None), comparison)
            }
            Score::Location { by_lag } => {
                let [matrix, bias] = by_lag.parameters();
                ((Some(matrix), Some(bias)), NOTHING, Comparison::Lag)
            }
            Score::Dot => (NOTHING, NOTHING, Comparison::Dot(1.0)),
            Score::ScaledDot => (
                NOTHING,
                NOTHING,
                Comparison::Dot(1.0 / (self.shape.width as f32).sqrt()),
            ),
            Score::Even => (NOTHING, NOTHING, Comparison::Even),
        };
        Ok(PackedScore {
            query: packed(&self.query, of_query).transpose()?,
            key: packed(&self.key, of_key).transpose()?,
            comparison,
            inputs: self.shape.inputs,
            context: self.shape.context,
        })
    }
}

/// A matrix and a bias that follow a dense layer.
type Then<'a> = (Option<&'a Tensor>, Option<&'a Tensor>);
const NOTHING: Then<'static> = (None, None);

/// A dense layer and what follows it, as one packed layer.
fn followed(layer: &Linear, (matrix, bias): Then<'_>) -> Result<PackedAffine> {
    let [mut weight, mut offset] = layer.parameters().map(Tensor::clone);
    if let Some(matrix) = matrix {
        weight = weight.matmul(matrix)?;
        offset = offset.unsqueeze(0)?.matmul(matrix)?.squeeze(0)?;
    }
    if let Some(bias) = bias {
        offset = (offset + bias)?;
    }
    Ok(PackedAffine::new(&values(&weight)?, &values(&offset)?, Precision::F32))
}
