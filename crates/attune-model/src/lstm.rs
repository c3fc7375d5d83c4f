//! Stacked long short-term memory.
//!
//! In: frames of features. Out: those of each layer. Thread: any.

use super::recurrent::{RecurrentShape, Stack};
use attune_nn::lstm_cell::Lstm;

/// Shape of an [`LstmStack`].
pub(crate) type LstmShape = RecurrentShape;

/// Layers of LSTM, each reading the one below.
pub(crate) type LstmStack = Stack<Lstm>;
