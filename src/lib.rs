//! Attune listens to music, says which genre it hears while it hears it, and shows what the network listened to.
//!
//! ```text
//!  capture (cpal callback)  ┐                      ┌──────────── engine worker thread ─────────────┐
//!  playback (decoded file)  ┼─► ring (rtrb, lossy, ─► resample ─► log-mel ─► classifiers ─► smoothing ─► snapshot ─► window
//!  any other source         ┘    losses counted)      (rubato)    (realfft)   (candle)      (decide)    (triple buffer)  (egui)
//!                                                          ▲ the same step, flat out, over a file: offline/
//! ```
//!
//! Three kinds of channel, by meaning, and no fourth: *samples* go through a lossy ring and what does not fit is
//! counted; *snapshots* are a fixed-size picture of the engine, newest wins; *commands and events* are bounded queues
//! in which every one counts.
//!
//! The modules stand in the order of the data, and a module uses only those above it (`tests/layers.rs` keeps it so).

pub mod units;

pub mod genre;

pub mod ring;

pub mod source;

pub mod decode;

pub mod capture;

pub mod playback;

pub mod features;

pub mod nn;

pub mod model;

pub mod smoothing;

pub mod engine;

pub mod offline;

pub mod picture;

pub mod table;

pub mod explain;

pub mod evaluate;

pub mod train;

pub mod page;

pub mod bench;

pub mod lab;

pub mod settings;

#[cfg(feature = "gui")]
pub mod sessions;

#[cfg(feature = "gui")]
pub mod ui;

pub mod cli;
