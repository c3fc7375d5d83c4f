//! Serves what Attune hears to other programs on this machine: a page for OBS and browsers, the lines of `attune live
//! --ndjson` as a WebSocket and as server-sent events, the answer as text; and OSC messages for light and sound desks.
//!
//! In: lines of JSON, answers. Out: HTTP on one address, UDP to another. Thread: one for the server; whoever gives lines
//! never waits for it, however slow its clients are.

mod connection;
mod guard;
mod osc;
mod server;

pub use osc::{Osc, OscError, Shown};
pub use server::{CLIENTS, ServeError, Server};
