//! Errors of devices: cpal's, and what it does not report.
//!
//! In: [`cpal::Error`]. Out: [`SourceError`], which names the device. Thread: any.

use crate::source::{SourceError, SourceErrorKind as Kind};
use cpal::ErrorKind;

/// No input at all.
pub(super) fn no_input(detail: &str) -> SourceError {
    SourceError::new(
        Kind::NoInput,
        format!("No microphone or other input was found ({detail})"),
    )
}

/// An id that no device has now.
pub(super) fn unknown_device(id: &str) -> SourceError {
    SourceError::new(
        Kind::UnknownDevice,
        format!("There is no input device with the id {id:?}"),
    )
}

/// A sound server that is there and says nothing, or was there.
pub(super) fn silent_server() -> SourceError {
    SourceError::new(Kind::NoServer, "The sound server does not answer")
}

/// The device delivered nothing for `secs` although no error was reported.
pub(super) fn stalled(name: &str, secs: f64) -> SourceError {
    SourceError::new(
        Kind::DeviceGone,
        format!("{name} has delivered no samples for {secs:.1} s"),
    )
}

/// cpal's error about the device `name`.
pub(crate) fn device_error(name: &str, error: &cpal::Error) -> SourceError {
    let (kind, what) = match error.kind() {
        ErrorKind::DeviceBusy => (Kind::DeviceBusy, "is in use by another program"),
        ErrorKind::DeviceNotAvailable => (Kind::DeviceGone, "is gone: it was removed or switched off"),
        ErrorKind::StreamInvalidated => (
            Kind::DeviceGone,
            "was closed by the sound server, which ended or changed the device",
        ),
        ErrorKind::HostUnavailable => (Kind::NoServer, "cannot be reached: the sound server does not answer"),
        ErrorKind::PermissionDenied => (Kind::DeviceForbidden, "may not be used by this program"),
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => {
            (Kind::DeviceUnsupported, "cannot be opened with its own settings")
        }
        ErrorKind::ResourceExhausted => (
            Kind::SystemBusy,
            "cannot be opened: the system is out of threads or memory",
        ),
        _ => (Kind::DeviceFailed, "failed"),
    };
    SourceError::new(kind, format!("{name} {what} ({error})"))
}
