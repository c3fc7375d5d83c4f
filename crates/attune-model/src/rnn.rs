//! Stacked plain recurrence: the same network as the LSTM's but for its cell, so that what the cell is worth can be heard.

use super::recurrent::{RecurrentShape, Stack};
use attune_nn::rnn_cell::Rnn;

/// Shape of an [`RnnStack`].
pub type RnnShape = RecurrentShape;

/// Layers of RNN, each reading the one below.
pub type RnnStack = Stack<Rnn>;
