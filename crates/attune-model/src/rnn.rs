//! Stacked plain recurrence: the LSTM's network with another cell, so that the effect of the cell alone can be measured.
//!
//! In: frames of features. Out: those of each layer. Thread: any.

use super::recurrent::{RecurrentShape, Stack};
use attune_nn::rnn_cell::Rnn;

/// Shape of an [`RnnStack`].
pub type RnnShape = RecurrentShape;

/// Layers of RNN, each reading the one below.
pub type RnnStack = Stack<Rnn>;
