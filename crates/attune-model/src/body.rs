//! What sits between front and pooling, and makes the models different.
//!
//! In: features of frames. Out: features of frames, each from its frame and those before it. Thread: any.

use attune_nn::Pass;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::recurrent::UnitActivations;
use attune_nn::streaming::frame_buf::FrameBuf;
use candle_core::{Result, Tensor};

/// A causal network over frames of features, in the form that learns.
pub trait Body: Send + Sync + 'static {
    /// The form for streams.
    type Packed: PackedBody;
    /// The same network for streams.
    fn pack(&self, precision: Precision) -> Result<Self::Packed>;
    /// Whole sequences (b, t, width), each from its first frame on; the features that are pooled, (b, t, ·) each.
    fn forward(&self, x: &Tensor, pass: &mut Pass<'_>) -> Result<Vec<Tensor>>;
    /// What the innermost body reads: `x` itself, but behind a stem.
    fn inner_inputs(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }
    /// Widths of those features.
    fn taps(&self) -> Vec<usize>;
    /// How many frames its output can depend on; `None`: no bound.
    fn context_frames(&self) -> Option<usize>;
}

/// How many attention maps a body has, and how long they grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MapShape {
    /// Layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Frames that a query sees, itself included.
    pub context: usize,
}

/// A causal network over frames of features, in the form that streams.
pub trait PackedBody: std::fmt::Debug + Send + Sync + 'static {
    /// The state of a stream.
    type State: std::fmt::Debug + Clone + Send + 'static;
    /// Before the first frame.
    fn initial_state(&self) -> Self::State;
    /// `rows[0]` comes in; what is pooled goes to the others, one after the other.
    fn step(&self, rows: &mut [FrameBuf], state: &mut Self::State);

    /// Layers and heads of attention, and the frames that each sees; none without.
    fn maps(&self) -> MapShape {
        MapShape::default()
    }
    /// Frames within reach of the newest frame's attention.
    fn reach(_state: &Self::State) -> usize {
        0
    }
    /// Attention weights of the newest frame on the last `count` frames, of each head of each layer, oldest first;
    /// appended to `into`.
    fn newest_weights(_state: &Self::State, _count: usize, _into: &mut Vec<f32>) {}
    /// Replaces the output of a head by zeros from now on; `false` if there is no such head.
    fn ablate_head(_state: &mut Self::State, _layer: usize, _head: usize) -> bool {
        false
    }
    /// Reads the units of the last recurrent layer at the newest frame; `false` before the first, or if there are none.
    fn newest_units(_state: &Self::State, _into: &mut UnitActivations) -> bool {
        false
    }
}
