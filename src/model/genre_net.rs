//! Front, body, statistics pooling and classifier put together; the one `forward` that trains, analyses and streams.

use super::body::Body;
use super::front::{Front, FrontShape};
use super::{AttentionPicture, CausalModel, ModelError, StreamOutput};
use crate::features::FrameBlock;
use crate::nn::Pass;
use crate::nn::causal_conv::ConvContext;
use crate::nn::linear::Linear;
use crate::nn::norm::BatchNorm;
use crate::nn::statistics::{AttentivePooling, AttentiveState, MomentPooling, MomentState};
use crate::nn::weights::Weights;
use crate::units::FrameIndex;
use candle_core::{Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// How the past is weighted before the classifier sees it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PoolingShape {
    /// All frames alike, forgotten with a time constant in frames.
    Moments {
        /// Frames until the weight of one is 1/e.
        time_constant: f64,
    },
    /// By a learnt score, over a window.
    Attentive {
        /// Units of the score.
        hidden: usize,
        /// Frames in the window.
        context: usize,
    },
}

/// Shape of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadShape {
    /// Units of its hidden layer.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
    /// Share of the pooled statistics silenced in training.
    pub dropout: f32,
}

#[derive(Debug)]
enum Pooling {
    Moments(MomentPooling),
    Attentive(AttentivePooling),
}

#[derive(Debug)]
enum PoolingState {
    Moments(MomentState),
    Attentive(AttentiveState),
}

/// A genre network with the body `B`.
#[derive(Debug)]
pub struct GenreNet<B> {
    front: Front,
    body: B,
    pooling: Pooling,
    norm: BatchNorm,
    hidden: Linear,
    output: Linear,
    pooled_features: usize,
    dropout: f32,
}

/// All that one stream (or one batch of them) remembers.
#[derive(Debug)]
pub struct NetState<S> {
    front: ConvContext,
    body: S,
    pooling: PoolingState,
    frames: u64,
}

/// What one `forward` brought; p is the number of frames read off.
#[derive(Debug)]
pub struct NetOutput {
    /// (b, p, classes).
    pub logits: Tensor,
    /// The classifier's hidden layer (b, p, hidden): what the teacher's features are told from in training.
    pub hidden: Tensor,
    /// Pooling weights (b, p, keys), newest key last; attentive pooling only.
    pub pooling: Option<Tensor>,
    /// Attention of each layer (b, heads, t, keys).
    pub maps: Vec<Tensor>,
}

impl<B: Body> GenreNet<B> {
    /// Weights are taken from below `weights`; `body` has taken its own.
    pub fn new(
        mut weights: Weights<'_>,
        front: FrontShape,
        body: B,
        pooling: PoolingShape,
        head: HeadShape,
    ) -> Result<Self> {
        let pooled_features = front.bands + front.width + body.tap_features();
        let pooling = match pooling {
            PoolingShape::Moments { time_constant } => Pooling::Moments(MomentPooling::new(time_constant)),
            PoolingShape::Attentive { hidden, context } => Pooling::Attentive(AttentivePooling::new(
                weights.at("pooling"),
                front.width + body.tap_features(),
                hidden,
                context,
            )?),
        };
        Ok(Self {
            front: Front::new(weights.at("front"), front)?,
            body,
            pooling,
            norm: BatchNorm::new(weights.at("head.norm"), 2 * pooled_features)?,
            hidden: Linear::new(
                weights.at("head.hidden"),
                2 * pooled_features,
                head.hidden,
                std::f32::consts::SQRT_2,
            )?,
            output: Linear::new(weights.at("head.output"), head.hidden, head.classes, 1.0)?,
            pooled_features,
            dropout: head.dropout,
        })
    }

    /// Before the first frame of `streams` streams side by side.
    pub fn fresh(&self, streams: usize) -> Result<NetState<B::State>> {
        Ok(NetState {
            front: self.front.initial_context(streams)?,
            body: self.body.initial_state(streams)?,
            pooling: match &self.pooling {
                Pooling::Moments(pooling) => {
                    PoolingState::Moments(pooling.initial_state(streams, self.pooled_features)?)
                }
                Pooling::Attentive(pooling) => {
                    PoolingState::Attentive(pooling.initial_state(streams, self.pooled_features)?)
                }
            },
            frames: 0,
        })
    }

    /// Frames `x` (b, t, bands) of every stream; answers are read off at the frames `read` (ascending, < t).
    pub fn forward(
        &self,
        x: &Tensor,
        state: &mut NetState<B::State>,
        read: &[usize],
        pass: &mut Pass<'_>,
    ) -> Result<NetOutput> {
        let front = self.front.forward(x, &mut state.front, pass)?;
        let body = self.body.forward(&front, &mut state.body, pass)?;
        let mut features = vec![front];
        features.extend(body.taps);
        let heard = Tensor::cat(&features, 2)?;
        let seen = Tensor::cat(&[x, &heard], 2)?;
        let (statistics, pooling) = match (&self.pooling, &mut state.pooling) {
            (Pooling::Moments(pooling), PoolingState::Moments(state)) => (pooling.forward(&seen, state, read)?, None),
            (Pooling::Attentive(pooling), PoolingState::Attentive(state)) => {
                let (statistics, weights) = pooling.forward(&heard, &seen, state, read)?;
                (statistics, Some(weights))
            }
            _ => candle_core::bail!("a state of another network"),
        };
        let statistics = pass.dropout(&self.norm.forward(&statistics, pass)?, self.dropout)?;
        let hidden = self.hidden.forward(&statistics)?.relu()?;
        state.frames += x.dim(1)? as u64;
        Ok(NetOutput {
            logits: self.output.forward(&hidden)?,
            hidden,
            pooling,
            maps: body.maps,
        })
    }

    /// How far back an answer can depend on, in frames; `None`: no bound.
    ///
    /// Statistics that are forgotten exponentially have no bound either; this is the reach of body and front, or of the
    /// pooling window on top of them.
    pub fn context_frames(&self) -> Option<usize> {
        self.body.context_frames()
    }
}

/// The longest block given to the network at once: longer ones are cut, which makes no difference to the answers but
/// bounds the memory of attention (block · (context + block) scores a head).
const LONGEST_BLOCK: usize = 256;

impl<B: Body> CausalModel for GenreNet<B> {
    type State = NetState<B::State>;

    fn initial_state(&self) -> std::result::Result<Self::State, ModelError> {
        Ok(self.fresh(1)?)
    }

    fn step(&self, frames: FrameBlock<'_>, state: &mut Self::State) -> std::result::Result<StreamOutput, ModelError> {
        let mut output = StreamOutput::default();
        let mut start = 0;
        while start < frames.frames() {
            let end = (start + LONGEST_BLOCK).min(frames.frames());
            let block = frames.slice(start, end);
            let x = Tensor::from_slice(block.data(), (1, block.frames(), block.bands()), &Device::Cpu)?;
            let every: Vec<usize> = (0..block.frames()).collect();
            let net = self.forward(&x, state, &every, &mut Pass::Infer)?;
            output.classes = net.logits.dim(2)?;
            output.logits.extend(net.logits.flatten_all()?.to_vec1::<f32>()?);
            if end == frames.frames() {
                output.attention = picture(&net, state.frames)?;
            }
            start = end;
        }
        if output.logits.iter().any(|logit| !logit.is_finite()) {
            return Err(ModelError::NotFinite);
        }
        Ok(output)
    }
}

/// What the newest frame weighted, cut to the frames that any row reaches.
fn picture(net: &NetOutput, frames_heard: u64) -> Result<Option<AttentionPicture>> {
    let Some(pooling) = &net.pooling else {
        return Ok(None);
    };
    let mut rows = vec![pooling.get(0)?.get(pooling.dim(1)? - 1)?.to_vec1::<f32>()?];
    for map in &net.maps {
        let map = map.get(0)?; // (heads, t, keys)
        rows.extend(map.narrow(1, map.dim(1)? - 1, 1)?.squeeze(1)?.to_vec2::<f32>()?);
    }
    // Keys beyond a row's context weigh exactly 0: a row is as long as its longest reach.
    let reach = |row: &Vec<f32>| row.len() - row.iter().take_while(|&&weight| weight == 0.0).count();
    let frames = rows.iter().map(reach).max().unwrap_or(0);
    let newest_frames = |row: &Vec<f32>| {
        let mut cut = vec![0.0; frames.saturating_sub(row.len())];
        cut.extend_from_slice(&row[row.len().saturating_sub(frames)..]);
        cut
    };
    let heads = net.maps.first().map_or(Ok(0), |map| map.dim(1))?;
    Ok(Some(AttentionPicture {
        newest: FrameIndex(frames_heard - 1),
        frames,
        pooling: newest_frames(&rows[0]),
        layers: net.maps.len(),
        heads,
        maps: rows[1..].iter().flat_map(newest_frames).collect(),
    }))
}
