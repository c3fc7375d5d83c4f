//! Samples made audible, apart from any source.
//!
//! In: mono samples. Out: sound. Thread: the caller's, which sleeps while nothing is due.

use super::clock::PaceClock;
use super::speaker;
use crate::units::SampleRate;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between two blocks.
const TICK: Duration = Duration::from_millis(10);
/// Handed over at once, so that the output starts: more than it waits for, less than its ring holds.
const AHEAD: Duration = Duration::from_millis(250);

/// There is no output, or none that opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no output for sound could be opened")]
pub struct NoOutput;

/// Plays mono samples through the default output, and returns when they have been played or `cancelled` is set.
///
/// # Errors
/// If there is no output; without the feature `device` there is none.
pub fn play_aloud(samples: &[f32], rate: SampleRate, cancelled: &AtomicBool) -> Result<(), NoOutput> {
    let mut speaker = speaker::open(rate).ok_or(NoOutput)?;
    let ahead = (AHEAD.as_secs_f64() * rate.hz()) as usize;
    // Silence after the last sample: the output plays on only while enough waits.
    let mut waiting = samples.to_vec();
    waiting.resize(samples.len() + 2 * ahead, 0.0);
    let mut clock = PaceClock::new(rate, 1.0, Instant::now());
    let mut done = 0;
    let mut due = ahead;
    while done < waiting.len() {
        if cancelled.load(Ordering::Relaxed) {
            speaker.flush();
            break;
        }
        let count = due.min(waiting.len() - done);
        speaker.play(&waiting[done..done + count], 1);
        done += count;
        std::thread::sleep(TICK);
        due = clock.owed(Instant::now());
        clock.advance(due);
    }
    Ok(())
}
