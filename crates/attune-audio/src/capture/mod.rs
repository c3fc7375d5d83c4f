//! Microphones and monitors through cpal.
//!
//! In: a device id. Out: mono samples in a ring, at the device's own rate. Thread: cpal's callback fills the ring
//! (`callback.rs`, all hard real-time code and nothing else); everything else runs on the caller's thread.

pub mod callback;
mod devices;
mod errors;
mod stream;
mod watchdog;

pub use devices::{DeviceInfo, DeviceKind, hosts, list_devices};
pub(crate) use devices::{name_of as device_name, preferred_host};
use errors::device_error;
pub(crate) use stream::close_elsewhere;
pub use stream::{CaptureRequest, CaptureStream, DEFAULT_BUFFER_MS};
pub(crate) use watchdog::Faults;
