//! Which network a manifest describes, and how to build it, to be trained or to be packed for streams.
//!
//! In: shapes and weights. Out: a [`Net`]. Thread: any.

use super::ModelError;
use super::attention::{Encoder, EncoderShape};
use super::body::Body;
use super::familiarity::Familiarity;
use super::front::FrontShape;
use super::genre_net::{GenreNet, HeadShape, NetOutput, PoolingShape};
use super::lstm::{LstmShape, LstmStack};
use super::rnn::{RnnShape, RnnStack};
use super::stemmed::Stemmed;
use super::streaming::{GenreStream, StreamingNet};
use super::tcn::{Tcn, TcnShape};
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::weights::{WeightStore, Weights};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The middle of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BodyShape {
    /// Stacked plain recurrence.
    Rnn(RnnShape),
    /// Stacked LSTM.
    Lstm(LstmShape),
    /// Temporal convolutional network.
    Tcn(TcnShape),
    /// Causal windowed Transformer encoder.
    Attention(EncoderShape),
}

/// A convolution over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dilated {
    /// How many frames it reads.
    pub taps: usize,
    /// How many frames they lie apart.
    pub dilation: usize,
}

impl Dilated {
    /// How many frames lie between the newest and the oldest that it reads.
    pub fn reach(&self) -> usize {
        (self.taps - 1) * self.dilation
    }
}

/// Everything that fixes a network but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The convolution it begins with.
    pub front: FrontShape,
    /// Convolutions between it and the middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<TcnShape>,
    /// The middle.
    pub body: BodyShape,
    /// How the past is weighted.
    pub pooling: PoolingShape,
    /// The classifier.
    pub head: HeadShape,
}

/// A network in the form that learns, whatever its body.
pub trait Net: Send + Sync + std::fmt::Debug {
    /// A batch of whole clips x (b, t, bands), each from its first frame on; logits of the frames `read`.
    fn classify(&self, x: &Tensor, read: &[usize], pass: &mut Pass<'_>) -> Result<NetOutput>;
    /// The last features of the body: (b, t, bands) → (b, t, width).
    fn features(&self, x: &Tensor) -> Result<Tensor>;
    /// What the body reads, after front and stem: (b, t, bands) → (b, t, inputs).
    fn body_inputs(&self, x: &Tensor) -> Result<Tensor>;
    /// The network with its weights packed for streams at this precision.
    fn pack(&self, precision: Precision) -> std::result::Result<Arc<dyn StreamingNet>, ModelError>;
    /// The same, with the novelty of each frame; a network without a classifier's hidden layer gives none.
    fn pack_with(
        &self,
        precision: Precision,
        _familiarity: Option<Familiarity>,
    ) -> std::result::Result<Arc<dyn StreamingNet>, ModelError> {
        self.pack(precision)
    }
    /// One stream over weights packed for it alone, at full precision.
    fn open(&self) -> std::result::Result<Box<dyn GenreStream>, ModelError> {
        self.pack(Precision::F32)?.open()
    }
    /// How many frames the body can depend on; `None`: no bound.
    fn context_frames(&self) -> Option<usize>;
}

impl<B: Body + std::fmt::Debug> Net for GenreNet<B> {
    fn classify(&self, x: &Tensor, read: &[usize], pass: &mut Pass<'_>) -> Result<NetOutput> {
        self.forward(x, read, pass)
    }

    fn features(&self, x: &Tensor) -> Result<Tensor> {
        self.features(x)
    }

    fn body_inputs(&self, x: &Tensor) -> Result<Tensor> {
        self.body_inputs(x)
    }

    fn pack(&self, precision: Precision) -> std::result::Result<Arc<dyn StreamingNet>, ModelError> {
        self.pack_with(precision, None)
    }

    fn pack_with(
        &self,
        precision: Precision,
        familiarity: Option<Familiarity>,
    ) -> std::result::Result<Arc<dyn StreamingNet>, ModelError> {
        let mut packed = self.pack(precision)?;
        packed.familiarity = familiarity;
        Ok(Arc::new(packed))
    }

    fn context_frames(&self) -> Option<usize> {
        self.context_frames()
    }
}

impl Architecture {
    /// Builds the network; its weights come from `store`.
    ///
    /// # Errors
    /// If a shape makes no sense, or the store's tensors do not fit it.
    pub fn build(&self, store: &mut WeightStore) -> std::result::Result<Arc<dyn Net>, ModelError> {
        self.validate()?;
        let mut root = store.root();
        match &self.body {
            BodyShape::Rnn(shape) => {
                let body = RnnStack::new(root.pp("body"), shape.clone())?;
                self.around(body, root)
            }
            BodyShape::Lstm(shape) => {
                let body = LstmStack::new(root.pp("body"), shape.clone())?;
                self.around(body, root)
            }
            BodyShape::Tcn(shape) => {
                let body = Tcn::new(root.pp("body"), shape.clone())?;
                self.around(body, root)
            }
            BodyShape::Attention(shape) => {
                let body = Encoder::new(root.pp("body"), shape.clone())?;
                self.around(body, root)
            }
        }
    }

    /// How many frames, itself included, a frame's heads attend to in each layer; `None` if the body has no attention.
    pub fn attention_context(&self) -> Option<usize> {
        match &self.body {
            BodyShape::Attention(shape) => Some(shape.context),
            BodyShape::Rnn(_) | BodyShape::Lstm(_) | BodyShape::Tcn(_) => None,
        }
    }

    /// Its convolutions over time, from the input on; `None` if the body is not convolutional. The pooling after them
    /// covers a longer time.
    pub fn convolutions(&self) -> Option<Vec<Dilated>> {
        let BodyShape::Tcn(body) = &self.body else {
            return None;
        };
        let front = Dilated {
            // The average before it reads as a wider kernel would.
            taps: self.front.kernel_frames + self.front.smoothing_frames - 1,
            dilation: 1,
        };
        let blocks = self.stem.iter().chain(std::iter::once(body)).flat_map(|shape| {
            let taps = shape.taps;
            // Two in each block.
            shape
                .dilations
                .iter()
                .flat_map(move |&dilation| [Dilated { taps, dilation }; 2])
        });
        Some(std::iter::once(front).chain(blocks).collect())
    }

    /// Share of features silenced in training in the body.
    pub fn body_dropout(&self) -> f32 {
        match &self.body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.dropout,
            BodyShape::Tcn(shape) => shape.dropout,
            BodyShape::Attention(shape) => shape.dropout,
        }
    }

    /// Everything else around a body that has taken its weights.
    fn around<B: Body + std::fmt::Debug>(
        &self,
        body: B,
        mut root: Weights<'_>,
    ) -> std::result::Result<Arc<dyn Net>, ModelError> {
        Ok(match &self.stem {
            Some(shape) => {
                let body = Stemmed::new(Tcn::new(root.pp("stem"), shape.clone())?, body);
                Arc::new(GenreNet::new(root, self.front, body, self.pooling, self.head)?)
            }
            None => Arc::new(GenreNet::new(root, self.front, body, self.pooling, self.head)?),
        })
    }

    /// Refuses shapes that would panic, take all memory, or mean nothing: a manifest may come from a stranger.
    fn validate(&self) -> std::result::Result<(), ModelError> {
        let front = &self.front;
        let mut sizes = vec![
            ("front.bands", front.bands, 1024),
            ("front.maps", front.maps, 1024),
            ("front.kernel_bands", front.kernel_bands, front.bands),
            ("front.kernel_frames", front.kernel_frames, 64),
            ("front.stride_bands", front.stride_bands, front.bands),
            ("front.width", front.width, 4096),
            ("front.smoothing_frames", front.smoothing_frames, 64),
            ("head.hidden", self.head.hidden, 8192),
            ("head.classes", self.head.classes, crate::genre::MAX_CLASSES),
        ];
        match &self.body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => sizes.extend([
                ("body.inputs", shape.inputs, 4096),
                ("body.hidden", shape.hidden, 4096),
                ("body.layers", shape.layers, 64),
            ]),
            BodyShape::Tcn(shape) => sizes.extend(convolutional_sizes(shape)),
            BodyShape::Attention(shape) => sizes.extend([
                ("body.width", shape.width, 4096),
                ("body.heads", shape.heads, 64),
                ("body.feed", shape.feed, 16_384),
                ("body.layers", shape.layers, 64),
                ("body.context", shape.context, 16_384),
                // Keys and values that a stream remembers: 256 MB at the most.
                (
                    "body.context times width and layers",
                    shape.context.saturating_mul(shape.width).saturating_mul(shape.layers),
                    1 << 25,
                ),
            ]),
        }
        if let Some(stem) = &self.stem {
            sizes.extend(convolutional_sizes(stem));
            if stem.width != front.width {
                return Err(ModelError::Shape(format!(
                    "the stem takes {} features and the front gives {}",
                    stem.width, front.width
                )));
            }
        }
        match self.pooling {
            PoolingShape::Attentive { hidden, context } => {
                sizes.extend([("pooling.hidden", hidden, 4096), ("pooling.context", context, 16_384)]);
                let remembered = context.saturating_mul(front.width);
                sizes.push(("pooling.context times front.width", remembered, 1 << 24));
            }
            PoolingShape::Evidence { local, every, context } => {
                sizes.extend([
                    ("pooling.every", every, 64),
                    ("pooling.local", local, 1024),
                    ("pooling.context", context, 16_384),
                ]);
                if every > local || !context.is_multiple_of(every.max(1)) {
                    return Err(ModelError::Shape(format!(
                        "pooling.every is {every}: more than pooling.local, {local}, or no divisor of \
                         pooling.context, {context}"
                    )));
                }
            }
            PoolingShape::Moments { time_constant } if time_constant.is_finite() && time_constant >= 1.0 => {}
            PoolingShape::Moments { time_constant } => {
                return Err(ModelError::Shape(format!(
                    "pooling.time_constant is {time_constant}, not a number of frames of at least 1"
                )));
            }
        }
        for (name, value, most) in sizes {
            if value == 0 || value > most {
                return Err(ModelError::Shape(format!("{name} is {value}, not 1 to {most}")));
            }
        }
        let (width, wanted) = match &self.body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => (shape.inputs, front.width),
            BodyShape::Tcn(shape) => (shape.width, front.width),
            BodyShape::Attention(shape) => {
                if shape.width % (2 * shape.heads) != 0 {
                    return Err(ModelError::Shape(format!(
                        "body.width is {}, which does not divide into {} heads of an even width",
                        shape.width, shape.heads
                    )));
                }
                (shape.width, front.width)
            }
        };
        if width != wanted {
            return Err(ModelError::Shape(format!(
                "the body takes {width} features and the front gives {wanted}"
            )));
        }
        Ok(())
    }
}

/// What of a convolutional network must be in range.
fn convolutional_sizes(shape: &TcnShape) -> Vec<(&'static str, usize, usize)> {
    let mut sizes = vec![("width of convolutions", shape.width, 4096), ("taps", shape.taps, 64)];
    sizes.extend(shape.dilations.iter().map(|&dilation| ("dilations", dilation, 4096)));
    sizes.push(("number of dilations", shape.dilations.len(), 64));
    // What a stream remembers: 256 MB at the most.
    let remembered = shape.receptive_field().saturating_mul(shape.width);
    sizes.push(("receptive field times width", remembered, 1 << 26));
    sizes
}
