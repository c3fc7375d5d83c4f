//! Time as waits and ages measure it: the system's, or one that a test moves by hand, so that a wait of a minute lasts
//! no time at all.
//!
//! In: nothing. Out: instants. Thread: any; reading the time is real-time safe.

use crossbeam_channel::{Receiver, Sender, bounded, never};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where the time comes from. Clones are the same clock.
///
/// ```
/// use attune_audio::clock::Clock;
/// use std::time::Duration;
/// let clock = Clock::by_hand();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - before, Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// `None`: the system's.
    by_hand: Option<Arc<ByHand>>,
}

#[derive(Debug)]
struct ByHand {
    began: Instant,
    passed_ns: AtomicU64,
    turn: Sender<()>,
    turns: Receiver<()>,
}

impl Clock {
    /// A clock that stands still until it is advanced.
    pub fn by_hand() -> Self {
        // No room: who sends waits for who receives.
        let (turn, turns) = bounded(0);
        Self {
            by_hand: Some(Arc::new(ByHand {
                began: Instant::now(),
                passed_ns: AtomicU64::new(0),
                turn,
                turns,
            })),
        }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        match &self.by_hand {
            None => Instant::now(),
            Some(by_hand) => by_hand.began + Duration::from_nanos(by_hand.passed_ns.load(Ordering::Acquire)),
        }
    }

    /// Time since `since`.
    pub fn since(&self, since: Instant) -> Duration {
        self.now().saturating_duration_since(since)
    }

    /// Lets `by` pass. The system's time passes by itself: nothing happens.
    pub fn advance(&self, by: Duration) {
        if let Some(by_hand) = &self.by_hand {
            by_hand.passed_ns.fetch_add(by.as_nanos() as u64, Ordering::AcqRel);
        }
    }

    /// What a loop that waits for time to pass waits for beside its timeout: a message with each [`Clock::turn`]. Of
    /// the system's clock none comes.
    pub fn turns(&self) -> Receiver<()> {
        self.by_hand
            .as_ref()
            .map_or_else(never, |by_hand| by_hand.turns.clone())
    }

    /// Wakes the loop that waits for [`Clock::turns`], and waits until it has gone through its work once since then.
    /// Whether it did so within `within` of the system's time.
    pub fn turn(&self, within: Duration) -> bool {
        let Some(by_hand) = &self.by_hand else { return false };
        // The second is received when what the first has woken is done.
        (0..2).all(|_| by_hand.turn.send_timeout((), within).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_waits_until_the_loop_has_seen_the_time() {
        let clock = Clock::by_hand();
        let began = clock.now();
        let (turns, end) = (clock.turns(), bounded::<()>(0));
        let seen = Arc::new(AtomicU64::new(0));
        let (looping, seen_by_loop) = (clock.clone(), Arc::clone(&seen));
        let ended = end.1;
        let thread = std::thread::spawn(move || {
            loop {
                crossbeam_channel::select! {
                    recv(turns) -> _ => {
                        seen_by_loop.store(looping.since(began).as_secs(), Ordering::Release);
                    }
                    recv(ended) -> _ => break,
                }
            }
        });
        for second in 1..=100 {
            clock.advance(Duration::from_secs(1));
            assert!(clock.turn(Duration::from_secs(30)));
            assert_eq!(seen.load(Ordering::Acquire), second);
        }
        drop(end.0);
        thread.join().expect("the loop ends");
        assert!(!clock.turn(Duration::from_millis(1)), "nobody waits any more");
        assert!(!Clock::default().turn(Duration::ZERO), "nor ever for the system's");
    }
}
