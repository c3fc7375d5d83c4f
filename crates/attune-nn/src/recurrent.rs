//! Traits of recurrent layers.

use super::kernels::packed_matrix::Precision;
use super::streaming::frame_buf::FrameBuf;
use super::weights::Weights;
use candle_core::{Result, Tensor};

/// A recurrent layer in its training form.
pub trait Recurrent: Sized + std::fmt::Debug + Send + Sync + 'static {
    /// The form for streams.
    type Packed: PackedRecurrent;
    /// `inputs` features in, `hidden` out.
    fn new(weights: Weights<'_>, inputs: usize, hidden: usize) -> Result<Self>;
    /// Its weights: W (inputs, g·h), the bias (g·h), U (h, g·h), row-major.
    fn values(&self) -> Result<[Vec<f32>; 3]>;
    /// The streaming form, weights stored in `precision`.
    fn pack(&self, precision: Precision) -> Result<Self::Packed>;
    /// (b, t, inputs) → (b, t, hidden), from a state of zeros.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;
}

/// A recurrent layer in its streaming form.
pub trait PackedRecurrent: std::fmt::Debug + Send + Sync + 'static {
    /// What a stream remembers between blocks.
    type State: std::fmt::Debug + Clone + Send + 'static;
    /// The state before the first frame: zeros.
    fn initial_state(&self) -> Self::State;
    /// The block `x` to its hidden states.
    fn step(&self, x: &FrameBuf, state: &mut Self::State, out: &mut FrameBuf);
    /// Activations of its units at the newest frame; `false` before the first one.
    fn newest_units(state: &Self::State, into: &mut UnitActivations) -> bool;
}

/// Activations of a recurrent layer at one frame, one value per unit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnitActivations {
    /// Hidden state, −1…1: what goes on to the classifier.
    pub hidden: Vec<f32>,
    /// Cell state, without bound; empty without cells.
    pub cell: Vec<f32>,
    /// Input gate, 0…1; empty without gates.
    pub input: Vec<f32>,
    /// Decay of the forget gate f: −ln f, so that the cell fades as exp(−t · decay / hop); near 0 it is exact where f
    /// is near 1. Empty without gates.
    pub decay: Vec<f32>,
    /// Output gate, 0…1; empty without gates.
    pub output: Vec<f32>,
}
