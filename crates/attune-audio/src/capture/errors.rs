//! What cpal's errors mean to a person: the device by name, and what to do.
//!
//! In: [`cpal::Error`]. Out: [`SourceError`]. Thread: any.

use crate::source::SourceError;
use cpal::ErrorKind;

/// No input at all.
pub(super) fn no_input(detail: &str) -> SourceError {
    SourceError::passing(
        "no_device",
        format!("No microphone or other input was found ({detail})"),
        "Plug in a microphone, start the sound server (PulseAudio or PipeWire), or open a file instead.",
    )
}

/// An id that no device has now.
pub(super) fn unknown_device(id: &str) -> SourceError {
    SourceError::passing(
        "no_device",
        format!("There is no input device with the id {id:?}"),
        "List the devices with `attune devices` and choose one of kind microphone or monitor, or plug it in.",
    )
}

/// The device brought no sound for `secs` although no error was reported.
pub(super) fn fell_silent(name: &str, secs: f64) -> SourceError {
    SourceError::passing(
        "gone",
        format!("{name} has brought no samples for {secs:.1} s"),
        "Check that it is plugged in and that the sound server runs; Attune can try to open it again.",
    )
}

/// The device or server did not answer while it was opened.
pub(super) fn no_answer(name: &str, secs: u64) -> SourceError {
    SourceError::passing(
        "busy",
        format!("{name} did not answer within {secs} s while it was being opened"),
        "Close other programs that use it, or restart the sound server.",
    )
}

/// What an error of cpal's says of the device `name`.
pub(crate) fn device_error(name: &str, error: &cpal::Error) -> SourceError {
    let (kind, what, remedy, passing) = match error.kind() {
        ErrorKind::DeviceBusy => (
            "busy",
            "is in use by another program",
            "Close the other program, or choose another device with `attune devices`.",
            true,
        ),
        ErrorKind::DeviceNotAvailable => (
            "gone",
            "is gone: it was removed or switched off",
            "Plug it in again, or choose another device.",
            true,
        ),
        ErrorKind::StreamInvalidated => (
            "gone",
            "was closed by the sound server, which ended or changed the device",
            "Start the sound server again, or choose another device.",
            true,
        ),
        ErrorKind::HostUnavailable => (
            "no_server",
            "cannot be reached: the sound server does not answer",
            "Start PulseAudio or PipeWire, or choose an ALSA device.",
            true,
        ),
        ErrorKind::PermissionDenied => (
            "permission_denied",
            "may not be used by this program",
            "Allow microphone access in the system's privacy settings (on Linux: join the group audio).",
            false,
        ),
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => (
            "unsupported",
            "cannot be opened with its own settings",
            "Choose another device with `attune devices`, or change its rate or channels in the system's settings.",
            false,
        ),
        ErrorKind::ResourceExhausted => (
            "busy",
            "cannot be opened: the system has no means left",
            "Close other programs and try again.",
            true,
        ),
        _ => (
            "device",
            "failed",
            "Try again, or choose another device with `attune devices`.",
            true,
        ),
    };
    let message = format!("{name} {what} ({error})");
    let make = if passing {
        SourceError::passing
    } else {
        SourceError::lasting
    };
    make(kind, message, remedy)
}
