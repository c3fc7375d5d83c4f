//! Faults as kinds: what other programs, full disks and strangers' files do to this one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/media.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod media;

#[path = "../common/fake_models.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod fake_models;
#[cfg(target_os = "linux")]
#[path = "../common/held.rs"]
mod held;

#[cfg(target_os = "linux")]
mod fault_device;
#[cfg(target_os = "linux")]
mod fault_rig;
mod faults;
mod history;
mod kills;
mod strangers;
mod training;

/// What `./test.sh --proof` puts into its table.
fn proved(what: &str, figures: &str) {
    println!("PROOF\t{what}\t{figures}");
}
