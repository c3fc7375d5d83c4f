//! The window: what the engine hears, decides and attends to, drawn.
//!
//! In: snapshots and events. Out: commands. Thread: the main thread, which runs the event loop.

mod app;
mod colormap;
mod demo;
mod devices;
mod history;
mod icon;
mod keyboard;
mod notices;
pub mod panels;
mod sentences;
mod theme;
mod view_state;
mod widgets;

pub use app::{App, EngineLink, REPAINT_INTERVAL, notify};
pub use colormap::ColorMap;
pub use devices::{DeviceList, ListDevices};
pub use history::{History, TimelinePoint};
pub use notices::{Notices, Problem, Severity};
pub use view_state::{Action, PACES, SPECTROGRAM_SPANS, Span, TIMELINE_SPANS, ViewState};
