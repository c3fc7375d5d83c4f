//! Stacked plain recurrence: the LSTM's network with another cell, so that the cell's effect alone can be measured.
//!
//! In: frames of features. Out: those of each layer. Thread: any.

use super::recurrent::{RecurrentShape, Stack};
use attune_nn::rnn_cell::Rnn;

/// Shape of an [`RnnStack`].
pub(crate) type RnnShape = RecurrentShape;

/// Layers of RNN, each reading the one below.
pub(crate) type RnnStack = Stack<Rnn>;
