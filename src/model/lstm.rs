//! Stacked long short-term memory.

use super::recurrent::{RecurrentShape, Stack, layer};
use crate::nn::lstm_cell::Lstm;
use crate::nn::streaming::lstm::{LstmMemory, PackedLstm};

layer!(Lstm, PackedLstm, LstmMemory);

/// Shape of an [`LstmStack`].
pub type LstmShape = RecurrentShape;

/// Layers of LSTM, each reading the one below.
pub type LstmStack = Stack<Lstm>;
