//! A body between two dense layers and nothing else, as in the examples of other libraries: for experiments and
//! benchmarks.
//!
//! In: frames. Out: logits for each frame. Thread: any.

use super::ModelError;
use super::architecture::{BodyShape, Net};
use super::attention::Encoder;
use super::body::{Body, PackedBody};
use super::genre_net::NetOutput;
use super::lstm::LstmStack;
use super::rnn::RnnStack;
use super::streaming::{CausalModel, StreamOutput, StreamingNet};
use super::tcn::Tcn;
use attune_audio::features::FrameBlock;
use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::{Finish, Precision};
use attune_nn::linear::Linear;
use attune_nn::streaming::affine::PackedAffine;
use attune_nn::streaming::frame_buf::{FrameBuf, even_block};
use attune_nn::weights::WeightStore;
use candle_core::{Device, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::slice::from_ref;
use std::sync::Arc;

/// Everything that fixes a [`PlainNet`] but its weights. Sizes are the program's own and not checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainShape {
    /// Features of a frame.
    pub bands: usize,
    /// The network; where its width is not `bands`, a dense layer comes before it.
    pub body: BodyShape,
    /// Classes of the dense layer after it.
    pub classes: usize,
}

impl PlainShape {
    /// Builds the network; its weights come from `store`.
    ///
    /// # Errors
    /// If the store's tensors do not fit.
    pub fn build(&self, store: &mut WeightStore) -> std::result::Result<Arc<dyn Net>, ModelError> {
        let mut root = store.root();
        Ok(match &self.body {
            BodyShape::Rnn(shape) => {
                let body = RnnStack::new(root.pp("body"), shape.clone())?;
                Arc::new(PlainNet::new(store, self, (shape.inputs, shape.hidden), body)?)
            }
            BodyShape::Lstm(shape) => {
                let body = LstmStack::new(root.pp("body"), shape.clone())?;
                Arc::new(PlainNet::new(store, self, (shape.inputs, shape.hidden), body)?)
            }
            BodyShape::Tcn(shape) => {
                let body = Tcn::new(root.pp("body"), shape.clone())?;
                Arc::new(PlainNet::new(store, self, (shape.width, shape.width), body)?)
            }
            BodyShape::Attention(shape) => {
                let body = Encoder::new(root.pp("body"), shape.clone())?;
                Arc::new(PlainNet::new(store, self, (shape.width, shape.width), body)?)
            }
        })
    }
}

/// (Dense,) body, dense: an answer for every frame, from the body's last tap.
#[derive(Debug)]
pub(crate) struct PlainNet<B> {
    bands: usize,
    width: usize,
    input: Option<Linear>,
    body: B,
    output: Linear,
}

impl<B: Body> PlainNet<B> {
    fn new(store: &mut WeightStore, shape: &PlainShape, (from, to): (usize, usize), body: B) -> Result<Self> {
        let mut weights = store.root();
        let input = (shape.bands != from).then(|| Linear::new(weights.pp("input"), shape.bands, from, 1.0));
        Ok(Self {
            bands: shape.bands,
            width: from,
            input: input.transpose()?,
            body,
            output: Linear::new(weights.pp("output"), to, shape.classes, 1.0)?,
        })
    }

    /// The form for streams.
    fn pack(&self, precision: Precision) -> Result<PackedPlain<B::Packed>> {
        Ok(PackedPlain {
            input: self.input.as_ref().map(|input| input.pack(precision)).transpose()?,
            bands: self.bands,
            body: self.body.pack(precision)?,
            width: self.width,
            taps: self.body.taps(),
            output: self.output.pack(precision)?,
        })
    }
}

impl<B: Body + std::fmt::Debug> Net for PlainNet<B> {
    /// Logits of the `read` frames, and the tap behind them.
    fn classify(&self, x: &Tensor, read: &[usize], pass: &mut Pass<'_>) -> Result<NetOutput> {
        let input = self.body_inputs(x)?;
        let mut hidden = self.body.forward(&input, pass)?.pop().unwrap_or(input);
        if read.len() < x.dim(1)? {
            let read: Vec<u32> = read.iter().map(|&frame| frame as u32).collect();
            let read = Tensor::from_vec(read.clone(), read.len(), &Device::Cpu)?;
            hidden = hidden.index_select(&read, 1)?;
        }
        Ok(NetOutput {
            logits: self.output.forward(&hidden)?,
            hidden,
            evidence: None,
        })
    }

    fn features(&self, x: &Tensor) -> Result<Tensor> {
        let input = self.body_inputs(x)?;
        Ok(self.body.forward(&input, &mut Pass::Infer)?.pop().unwrap_or(input))
    }

    fn body_inputs(&self, x: &Tensor) -> Result<Tensor> {
        match &self.input {
            Some(input) => input.forward(x),
            None => Ok(x.clone()),
        }
    }

    fn pack(&self, precision: Precision) -> std::result::Result<Arc<dyn StreamingNet>, ModelError> {
        Ok(Arc::new(self.pack(precision)?))
    }

    fn context_frames(&self) -> Option<usize> {
        self.body.context_frames()
    }
}

/// A [`PlainNet`] with packed weights.
#[derive(Debug)]
struct PackedPlain<P> {
    input: Option<PackedAffine>,
    bands: usize,
    body: P,
    /// Features that the body takes, and those of its taps.
    width: usize,
    taps: Vec<usize>,
    output: PackedAffine,
}

/// What a stream remembers, and room for a block.
#[derive(Debug, Clone)]
struct PlainState<M> {
    frames: FrameBuf,
    /// What the body takes, then its taps.
    features: Vec<FrameBuf>,
    body: M,
    logits: FrameBuf,
}

impl<P: PackedBody> CausalModel for PackedPlain<P> {
    type State = PlainState<P::State>;

    fn initial_state(&self) -> std::result::Result<Self::State, ModelError> {
        let widths = [self.width].into_iter().chain(self.taps.iter().copied());
        Ok(PlainState {
            frames: FrameBuf::new(self.bands),
            features: widths.map(FrameBuf::new).collect(),
            body: self.body.initial_state(),
            logits: FrameBuf::new(self.output.outputs()),
        })
    }

    fn step(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        output: &mut StreamOutput,
    ) -> std::result::Result<(), ModelError> {
        output.classes = self.output.outputs();
        output.logits.clear();
        output.novelty.clear();
        for block in frames.data().chunks(even_block(frames.frames()) * self.bands) {
            self.body_block(block, state);
            if let Some(last) = state.features.last() {
                self.output.step(from_ref(last), Finish::Plain, &mut state.logits);
            }
            for frame in 0..state.logits.frames() {
                output.logits.extend_from_slice(state.logits.row(frame));
            }
        }
        Ok(())
    }

    fn encode(
        &self,
        frames: FrameBlock<'_>,
        state: &mut Self::State,
        features: &mut Vec<f32>,
    ) -> std::result::Result<(), ModelError> {
        for block in frames.data().chunks(even_block(frames.frames()) * self.bands) {
            self.body_block(block, state);
            if let Some(last) = state.features.last() {
                for frame in 0..last.frames() {
                    features.extend_from_slice(last.row(frame));
                }
            }
        }
        Ok(())
    }

    fn feature_width(&self) -> usize {
        self.taps.last().copied().unwrap_or(self.width)
    }
}

impl<P: PackedBody> PackedPlain<P> {
    /// At most [`MAX_BLOCK`](attune_nn::streaming::frame_buf::MAX_BLOCK) frames, row-major, to `state.features`.
    fn body_block(&self, frames: &[f32], state: &mut PlainState<P::State>) {
        let first = if self.input.is_some() {
            &mut state.frames
        } else {
            &mut state.features[0]
        };
        first.load(frames);
        if let Some(input) = &self.input {
            input.step(from_ref(&state.frames), Finish::Plain, &mut state.features[0]);
        }
        self.body.step(&mut state.features, &mut state.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::EncoderShape;
    use crate::lstm::LstmShape;
    use crate::rnn::RnnShape;
    use crate::tcn::TcnShape;

    #[test]
    fn a_stream_cut_anyhow_answers_as_the_whole_clip() {
        let bodies = [
            BodyShape::Rnn(RnnShape {
                inputs: 6,
                hidden: 7,
                layers: 2,
                dropout: 0.0,
            }),
            BodyShape::Lstm(LstmShape {
                inputs: 6,
                hidden: 8,
                layers: 2,
                dropout: 0.0,
            }),
            BodyShape::Tcn(TcnShape {
                width: 6,
                taps: 3,
                dilations: vec![1, 2, 4],
                dropout: 0.0,
                normalized: false,
            }),
            BodyShape::Attention(EncoderShape {
                width: 8,
                heads: 2,
                feed: 16,
                layers: 2,
                context: 5,
                dropout: 0.0,
            }),
        ];
        let (frames, bands) = (31, 6);
        let x: Vec<f32> = (0..frames * bands).map(|n| (n as f32 * 0.7).sin()).collect();
        for body in bodies {
            let shape = PlainShape {
                bands,
                body,
                classes: 3,
            };
            let mut store = WeightStore::random(1);
            let net = shape.build(&mut store).unwrap();
            // Attention is wider than its frames: only there a dense layer comes first.
            let has_input = store.all().any(|(name, _)| name == "input.weight");
            assert_eq!(has_input, matches!(shape.body, BodyShape::Attention(_)));
            let clip = Tensor::from_slice(&x, (1, frames, bands), &Device::Cpu).unwrap();
            let read = [4, 30];
            let whole = net.classify(&clip, &read, &mut Pass::Infer).unwrap().logits;
            let whole: Vec<f32> = whole.flatten_all().unwrap().to_vec1().unwrap();
            let mut stream = Arc::clone(&net).open().unwrap();
            let mut logits = Vec::new();
            for (start, end) in [(0, 1), (1, 8), (8, 9), (9, 31)] {
                let block = FrameBlock::new(&x[start * bands..end * bands], bands);
                logits.extend(stream.answers(block).unwrap().logits);
            }
            assert_eq!(logits.len(), frames * 3);
            for (place, frame) in read.into_iter().enumerate() {
                for class in 0..3 {
                    let (streamed, whole) = (logits[frame * 3 + class], whole[place * 3 + class]);
                    // Products of other shapes sum in another order: some 1e-7 of logits near 1, over ten layers.
                    assert!((streamed - whole).abs() < 1e-5, "{shape:?}: {streamed} {whole}");
                }
            }
        }
    }
}
