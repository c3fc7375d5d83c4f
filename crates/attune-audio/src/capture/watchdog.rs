//! Decides from a few figures whether a device still brings sound: error callbacks alone cannot be trusted (ALSA says
//! nothing when its server dies, and calls back 450,000 times a second when its sink is gone).
//!
//! In: error callbacks, the age of the newest callback, runs of zeros. Out: a loss, or a warning.
//! Thread: [`Faults::note`] on cpal's, the rest on the owner's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// No callback for so long means that the device is lost: 200 buffers of 10 ms, and longer than any server's pause that
/// was seen.
pub const LOST_AFTER: Duration = Duration::from_secs(2);
/// The first callback may take longer: a server may have to wake the device.
pub const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// A microphone has noise; exact zeros for so long mean that the system gives it nothing.
pub const ZERO_AFTER: Duration = Duration::from_secs(3);
/// Pause in an error callback that repeats itself, so that a dead stream costs no more than 20 of them a second.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// What the error callback leaves for the owner.
#[derive(Debug)]
pub struct Faults {
    fatal: AtomicBool,
    first_fatal: crossbeam_channel::Sender<cpal::Error>,
    /// Buffers lost by the system before they reached the callback.
    pub xruns: AtomicU64,
    /// All other error callbacks.
    pub errors: AtomicU64,
}

impl Faults {
    /// Faults, and the end at which the first fatal error comes out.
    pub fn new() -> (Self, crossbeam_channel::Receiver<cpal::Error>) {
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

    /// Takes one error callback.
    pub fn note(&self, error: cpal::Error) {
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
                    // The same loop again: this thread has nothing better to do.
                    std::thread::sleep(ERROR_PAUSE);
                }
            }
        }
    }
}

/// What the figures say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Sound comes.
    Alive,
    /// No callback for this long.
    Silent(Duration),
    /// Callbacks come, with exact zeros for this long.
    AllZero(Duration),
}

/// Judges a device by its callbacks so far, the age of the newest (or of the stream), and its run of exact zeros.
pub fn judge(callbacks: u64, age: Duration, zero_run: Duration) -> Verdict {
    let patience = if callbacks == 0 { FIRST_WITHIN } else { LOST_AFTER };
    if age >= patience {
        Verdict::Silent(age)
    } else if zero_run >= ZERO_AFTER {
        Verdict::AllZero(zero_run)
    } else {
        Verdict::Alive
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn secs(secs: f64) -> Duration {
        Duration::from_secs_f64(secs)
    }

    #[test]
    fn silence_of_the_callback_is_a_loss() {
        assert_eq!(judge(7, secs(1.9), NONE), Verdict::Alive);
        assert_eq!(judge(7, secs(2.0), NONE), Verdict::Silent(secs(2.0)));
        assert_eq!(judge(0, secs(2.0), NONE), Verdict::Alive, "the first may take longer");
        assert_eq!(judge(0, secs(5.0), NONE), Verdict::Silent(secs(5.0)));
    }

    #[test]
    fn exact_zeros_are_noticed_but_a_loss_counts_more() {
        assert_eq!(judge(7, NONE, secs(2.9)), Verdict::Alive);
        assert_eq!(judge(7, NONE, secs(3.0)), Verdict::AllZero(secs(3.0)));
        assert_eq!(judge(7, secs(4.0), secs(3.0)), Verdict::Silent(secs(4.0)));
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
