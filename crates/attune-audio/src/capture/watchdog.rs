//! Decides whether a device still delivers: error callbacks alone cannot be trusted (ALSA reports nothing when its
//! server dies, and calls back 450,000 times a second when its sink is gone).
//!
//! In: error callbacks, the age of the newest callback. Out: the first fatal error, or a stall.
//! Thread: [`Faults::note`] on cpal's, the rest on the owner's.

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// No callback for this long means that the device is lost: 200 buffers of 10 ms, and longer than any pause of a server
/// that was observed.
const LOST_AFTER: Duration = Duration::from_secs(2);
/// The first callback may take longer: a server may have to wake the device.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// Pause in an error callback that repeats itself, so that a dead stream costs no more than 20 of them a second.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// What the error callback leaves for the owner.
#[derive(Debug)]
pub(crate) struct Faults {
    fatal: AtomicBool,
    first_fatal: crossbeam_channel::Sender<cpal::Error>,
    /// Buffers lost by the system before they reached the callback.
    pub(super) xruns: AtomicU64,
    /// All other error callbacks.
    pub(super) errors: AtomicU64,
}

impl Faults {
    /// Faults, and the end at which the first fatal error comes out.
    pub(crate) fn new() -> (Self, crossbeam_channel::Receiver<cpal::Error>) {
        let (first_fatal, fatal) = crossbeam_channel::bounded(1);
        let (xruns, errors) = (AtomicU64::new(0), AtomicU64::new(0));
        (
            Self {
                fatal: AtomicBool::new(false),
                first_fatal,
                xruns,
                errors,
            },
            fatal,
        )
    }

    /// Handles one error callback.
    pub(crate) fn note(&self, error: cpal::Error) {
        match error.kind() {
            cpal::ErrorKind::Xrun => {
                self.xruns.fetch_add(1, Ordering::Relaxed);
            }
            // Neither stops the stream.
            cpal::ErrorKind::RealtimeDenied | cpal::ErrorKind::DeviceChanged => {}
            kind => {
                let before = self.errors.fetch_add(1, Ordering::Relaxed);
                let fatal = matches!(
                    kind,
                    cpal::ErrorKind::DeviceNotAvailable
                        | cpal::ErrorKind::StreamInvalidated
                        | cpal::ErrorKind::HostUnavailable
                        | cpal::ErrorKind::PermissionDenied
                );
                if fatal && !self.fatal.swap(true, Ordering::Relaxed) {
                    // Capacity 1 and sent once: there is room, unless the owner is gone.
                    drop(self.first_fatal.try_send(error));
                } else if before > 0 {
                    // A loop of errors: this thread has nothing better to do.
                    std::thread::sleep(ERROR_PAUSE);
                }
            }
        }
    }
}

/// Whether a device has stalled, by its callbacks so far and the age of the newest one (of the stream if there is
/// none).
pub(super) fn is_stalled(callbacks: u64, age: Duration) -> bool {
    age >= if callbacks == 0 { FIRST_WITHIN } else { LOST_AFTER }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_callbacks_has_stalled() {
        let secs = Duration::from_secs_f64;
        assert!(!is_stalled(7, secs(1.9)));
        assert!(is_stalled(7, secs(2.0)));
        assert!(!is_stalled(0, secs(2.0)), "the first may take longer");
        assert!(is_stalled(0, secs(5.0)));
    }

    #[test]
    fn the_first_fatal_error_comes_out_once_and_a_flood_is_slowed() {
        let (faults, fatal) = Faults::new();
        faults.note(cpal::Error::new(cpal::ErrorKind::Xrun));
        faults.note(cpal::Error::new(cpal::ErrorKind::RealtimeDenied));
        assert!(fatal.try_recv().is_err());
        let started = std::time::Instant::now();
        for _ in 0..4 {
            faults.note(cpal::Error::with_message(
                cpal::ErrorKind::DeviceNotAvailable,
                "pulled out",
            ));
        }
        assert!(started.elapsed() >= 3 * ERROR_PAUSE);
        assert_eq!(fatal.try_recv().unwrap().message(), Some("pulled out"));
        assert!(fatal.try_recv().is_err());
        assert_eq!(faults.xruns.load(Ordering::Relaxed), 1);
        assert_eq!(faults.errors.load(Ordering::Relaxed), 4);
    }
}
