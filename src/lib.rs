//! Attune listens to music, says which genre it hears while it hears it, and shows what the network listened to.

pub mod settings;

#[cfg(feature = "gui")]
pub mod sessions;

#[cfg(feature = "gui")]
pub mod ui;

pub mod cli;
