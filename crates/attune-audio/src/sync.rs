//! What threads share, named in one place: `tests/interleavings` puts a model checker's types in its stead.

pub(crate) use std::sync::Arc;
#[cfg(feature = "device")]
pub(crate) use std::sync::atomic::AtomicBool;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
