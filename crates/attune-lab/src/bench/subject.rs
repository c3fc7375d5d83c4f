//! The networks that are measured: the shipped ones, and those whose sizes other libraries' figures are known for.

use super::BenchError;
use super::work::Work;
use attune_audio::features::FrontEndSpec;
use attune_model::architecture::{Architecture, BodyShape, Net};
use attune_model::attention::EncoderShape;
use attune_model::load::tensors;
use attune_model::plain::PlainShape;
use attune_model::recurrent::RecurrentShape;
use attune_model::tcn::TcnShape;
use attune_model::{GenreStream, LoadedModel, ModelError, ModelSet, StreamingNet};
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::weights::WeightStore;
use candle_core::Tensor;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that fixes a network but its weights, as the peers read it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Shape {
    /// A shipped network.
    Genre(Architecture),
    /// A reference network.
    Plain(PlainShape),
}

impl Shape {
    /// The network with these weights.
    pub fn build(&self, store: &mut WeightStore) -> Result<Arc<dyn Net>, ModelError> {
        match self {
            Self::Genre(architecture) => architecture.build(store),
            Self::Plain(shape) => shape.build(store),
        }
    }

    /// Features of a frame.
    pub fn bands(&self) -> usize {
        match self {
            Self::Genre(architecture) => architecture.front.bands,
            Self::Plain(shape) => shape.bands,
        }
    }

    /// Its classes.
    pub fn classes(&self) -> usize {
        match self {
            Self::Genre(architecture) => architecture.head.classes,
            Self::Plain(shape) => shape.classes,
        }
    }

    /// The same without dropout: what is random cannot be compared.
    pub(crate) fn without_dropout(&self) -> Self {
        let mut shape = self.clone();
        let body = match &mut shape {
            Self::Genre(architecture) => {
                architecture.head.dropout = 0.0;
                if let Some(stem) = &mut architecture.stem {
                    stem.dropout = 0.0;
                }
                &mut architecture.body
            }
            Self::Plain(plain) => &mut plain.body,
        };
        match body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.dropout = 0.0,
            BodyShape::Tcn(shape) => shape.dropout = 0.0,
            BodyShape::Attention(shape) => shape.dropout = 0.0,
        }
        shape
    }
}

/// A network to measure.
#[derive(Debug)]
pub struct Subject {
    /// In the names of rows: `lstm`, `lstm-page`.
    pub name: String,
    /// What it is.
    pub shape: Shape,
    /// The front end of its frames.
    pub front_end: FrontEndSpec,
    /// What its weights are kept in.
    pub precision: Precision,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Model(Box<LoadedModel>),
    Drawn(HashMap<String, Tensor>, Arc<dyn StreamingNet>),
}

/// Seed of all weights that are drawn.
pub const SEED: u64 = 1;

impl Subject {
    /// With weights drawn from [`SEED`], kept so.
    pub fn drawn(name: &str, shape: PlainShape, precision: Precision) -> Result<Self, BenchError> {
        let (front_end, shape) = (
            FrontEndSpec {
                bands: shape.bands,
                ..FrontEndSpec::default()
            },
            Shape::Plain(shape),
        );
        let mut store = WeightStore::random(SEED);
        let net = shape.build(&mut store)?.pack(precision)?;
        let tensors: HashMap<_, _> = store
            .all()
            .map(|(name, var)| (name.to_owned(), var.as_detached_tensor()))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            shape,
            front_end,
            precision,
            source: Source::Drawn(tensors, net),
        })
    }

    /// A fresh stream.
    pub fn stream(&self) -> Result<Box<dyn GenreStream>, ModelError> {
        match &self.source {
            Source::Model(model) => model.stream(),
            Source::Drawn(_, net) => Arc::clone(net).open(),
        }
    }

    /// A stream over these bytes of weights as they are, whatever the subject itself keeps: what peers must agree with.
    pub fn exact(&self, weights: &[u8]) -> Result<Box<dyn GenreStream>, ModelError> {
        let mut store = WeightStore::from_tensors(tensors(weights)?);
        self.shape.build(&mut store)?.open()
    }

    /// Its weights as the bytes of a safetensors file.
    pub fn weights(&self) -> Result<Vec<u8>, BenchError> {
        match &self.source {
            Source::Model(model) => Ok(model.weights().to_vec()),
            Source::Drawn(tensors, _) => Ok(safetensors::serialize(tensors, None).map_err(ModelError::Weights)?),
        }
    }

    /// What one frame costs.
    pub fn work(&self) -> Work {
        Work::of(&self.shape, self.precision)
    }
}

/// The shipped networks, then the reference ones with single weights, and with halves.
pub fn all(models: &ModelSet) -> Result<Vec<Subject>, BenchError> {
    let mut subjects: Vec<Subject> = models
        .models
        .iter()
        .map(|model| Subject {
            name: model.manifest().name.clone(),
            shape: Shape::Genre(model.manifest().architecture.clone()),
            front_end: model.manifest().front_end.clone(),
            precision: model.manifest().precision,
            source: Source::Model(Box::new(model.clone())),
        })
        .collect();
    for (kept, precision) in [("page", Precision::F32), ("half", Precision::Bf16)] {
        for (name, body) in [
            ("lstm", lstm(128)),
            ("tcn", tcn(64)),
            ("attention", attention(128, 256)),
        ] {
            subjects.push(Subject::drawn(&format!("{name}-{kept}"), plain(body), precision)?);
        }
    }
    Ok(subjects)
}

/// A body behind 64 bands, with 10 classes.
pub fn plain(body: BodyShape) -> PlainShape {
    PlainShape {
        bands: 64,
        body,
        classes: 10,
    }
}

/// Two layers of LSTM on 64 bands.
pub fn lstm(hidden: usize) -> BodyShape {
    BodyShape::Lstm(two_layers(hidden))
}

/// Two layers of plain recurrence on 64 bands.
pub fn rnn(hidden: usize) -> BodyShape {
    BodyShape::Rnn(two_layers(hidden))
}

fn two_layers(hidden: usize) -> RecurrentShape {
    RecurrentShape {
        inputs: 64,
        hidden,
        layers: 2,
        dropout: 0.0,
    }
}

/// Ten blocks of two convolutions of three taps, dilations 1 to 512.
pub fn tcn(width: usize) -> BodyShape {
    tcn_of(width, 10)
}

/// So many blocks of two convolutions of three taps, dilations 1, 2, 4, …
pub(crate) fn tcn_of(width: usize, blocks: u32) -> BodyShape {
    BodyShape::Tcn(TcnShape {
        width,
        taps: 3,
        dilations: (0..blocks).map(|n| 1 << n).collect(),
        dropout: 0.0,
        normalized: false,
    })
}

/// Four layers of four heads.
pub fn attention(width: usize, context: usize) -> BodyShape {
    BodyShape::Attention(EncoderShape {
        width,
        heads: 4,
        feed: 2 * width,
        layers: 4,
        context,
        dropout: 0.0,
    })
}
