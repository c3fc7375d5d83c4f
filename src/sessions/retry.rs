//! Trying again after errors that pass by themselves.
//!
//! In: what is attempted. Out: its result. Thread: the caller's, which sleeps between attempts.

use super::error::StoreError;
use std::time::Duration;

/// First and longest wait.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Attempts something until it succeeds or fails for good, each time after a longer wait; after an error that passes
/// by itself only as long as `goes_on` says so.
pub(super) fn retry<T>(
    mut attempt: impl FnMut() -> Result<T, StoreError>,
    goes_on: impl Fn() -> bool,
) -> Result<T, StoreError> {
    let mut wait = FIRST_WAIT;
    loop {
        match attempt() {
            Err(error) if error.is_transient() && goes_on() => {
                std::thread::sleep(wait);
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
}
