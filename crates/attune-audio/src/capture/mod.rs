//! Microphones and monitors through cpal.
//!
//! In: a device id. Out: mono samples in a ring, at the device's own rate. Thread: cpal's callback fills the ring
//! (`callback.rs`, all hard real-time code and nothing else); everything else runs on the caller's thread.

pub mod callback;
mod devices;
mod errors;
mod hosts;
mod quiet;
mod stream;
mod watchdog;

pub(crate) use devices::name_of as device_name;
pub use devices::{DeviceInfo, DeviceKind, list_devices};
use errors::device_error;
pub use hosts::hosts;
pub(crate) use hosts::preferred_host;
pub(crate) use quiet::QuietAlsa;
pub(crate) use stream::close_elsewhere;
pub use stream::{CaptureRequest, CaptureStream, DEFAULT_BUFFER_MS};
pub(crate) use watchdog::Faults;
