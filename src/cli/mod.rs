//! To be filled in.
pub mod train;
