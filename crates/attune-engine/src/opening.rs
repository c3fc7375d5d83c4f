//! Opening a source without waiting for it, and trying again after a loss.
//!
//! In: a request. Out: an open source or an error, through a channel. Thread: one for each attempt, which is abandoned if
//! it hangs; everything else on the worker.

use super::SourceRequest;
use super::control::{OpenSource, SourceOpener};
use attune_audio::clock::Clock;
use attune_audio::source::{SourceError, SourceErrorKind};
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// First and longest wait before another attempt.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// An attempt that takes longer hangs.
const OPEN_WITHIN: Duration = Duration::from_secs(8);
/// While this many attempts hang, a device is tried again at longer intervals…
const FEW_HANGING: usize = 3;
const WAIT_WHILE_HANGING: Duration = Duration::from_mins(1);
/// …and while this many do, not at all: each has a thread and what the sound system gave it.
const MOST_HANGING: usize = 16;

/// How one attempt ended.
pub(super) struct Attempt {
    generation: u64,
    pub(super) result: Result<OpenSource, SourceError>,
}

/// What is being opened, and when to try again.
pub(super) struct Opening {
    clock: Clock,
    opener: SourceOpener,
    sender: Sender<Attempt>,
    pub(super) attempts: Receiver<Attempt>,
    /// The results of older attempts are dropped when they arrive.
    generation: u64,
    pending: Option<Pending>,
    retry: Option<Instant>,
    wait: Duration,
    /// Each attempt that has not ended holds another reference.
    under_way: Arc<()>,
}

struct Pending {
    since: Instant,
    reported: bool,
}

impl Opening {
    pub(super) fn new(clock: Clock, opener: SourceOpener) -> Self {
        let (sender, attempts) = crossbeam_channel::unbounded();
        Self {
            clock,
            opener,
            sender,
            attempts,
            generation: 0,
            pending: None,
            retry: None,
            wait: FIRST_WAIT,
            under_way: Arc::new(()),
        }
    }

    /// Attempts that have not ended, those that were abandoned among them.
    fn under_way(&self) -> usize {
        Arc::strong_count(&self.under_way) - 1
    }

    /// Begins an attempt; one that is under way is abandoned.
    pub(super) fn begin(&mut self, request: &SourceRequest) {
        self.generation += 1;
        self.retry = None;
        let (generation, sender) = (self.generation, self.sender.clone());
        let (opener, request) = (self.opener.clone(), request.clone());
        let under_way = Arc::clone(&self.under_way);
        let attempt = std::thread::Builder::new()
            .name("attune-open".to_owned())
            .spawn(move || {
                let result = opener(&request);
                drop(under_way);
                // If the engine has ended, nobody receives this, and the source is closed here.
                let _ = sender.send(Attempt { generation, result });
            });
        match attempt {
            Ok(_) => {
                self.pending = Some(Pending {
                    since: self.clock.now(),
                    reported: false,
                });
            }
            Err(error) => {
                let message = format!("No thread could be started to open the source: {error}");
                let result = Err(SourceError::new(SourceErrorKind::SystemBusy, message));
                let _ = self.sender.send(Attempt { generation, result });
            }
        }
    }

    /// Whether this attempt is the current one: neither superseded nor cancelled.
    pub(super) fn accept(&mut self, attempt: &Attempt) -> bool {
        let current = attempt.generation == self.generation;
        if current {
            self.pending = None;
        }
        current
    }

    /// An attempt succeeded: no other is wanted, and the next loss is retried soon again.
    pub(super) fn succeeded(&mut self) {
        // One that was taken to hang may succeed before the next is due.
        self.retry = None;
        self.wait = FIRST_WAIT;
    }

    /// Plans the next attempt, each later than the one before.
    pub(super) fn plan_retry(&mut self) {
        self.retry = Some(self.clock.now() + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Abandons attempts under way and planned.
    pub(super) fn cancel(&mut self) {
        self.generation += 1;
        self.pending = None;
        self.retry = None;
        self.wait = FIRST_WAIT;
    }

    /// Whether it is time for the planned attempt.
    pub(super) fn is_due(&self) -> bool {
        let held_back = match self.under_way() {
            MOST_HANGING.. => return false,
            FEW_HANGING.. => WAIT_WHILE_HANGING,
            _ => Duration::ZERO,
        };
        // One that was taken to hang may just have succeeded: that is looked at first.
        self.attempts.is_empty() && self.retry.is_some_and(|at| self.clock.now() >= at + held_back)
    }

    /// Whether something is under way or planned.
    pub(super) fn is_busy(&self) -> bool {
        self.pending.is_some() || self.retry.is_some()
    }

    /// An error, once, for an attempt that hangs. It stays pending: a file on a slow disk may open yet.
    pub(super) fn newly_hanging(&mut self) -> Option<SourceError> {
        let pending = self.pending.as_mut()?;
        if pending.reported || self.clock.since(pending.since) < OPEN_WITHIN {
            return None;
        }
        pending.reported = true;
        let message = format!("The source has not opened within {} s", OPEN_WITHIN.as_secs());
        Some(SourceError::new(SourceErrorKind::DeviceBusy, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_hangs_is_reported_once_and_stays_pending() {
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let clock = Clock::by_hand();
        let mut opening = Opening::new(
            clock.clone(),
            Arc::new(move |_| {
                // Until the test ends.
                let _ = held.recv();
                Err(SourceError::new(SourceErrorKind::DeviceBusy, "released"))
            }),
        );
        opening.begin(&SourceRequest::Device {
            id: None,
            channel: None,
        });
        assert_eq!(opening.newly_hanging(), None);
        clock.advance(OPEN_WITHIN);
        let error = opening.newly_hanging().expect("it hangs");
        assert!(error.kind.is_retryable() && error.message.contains("8 s"), "{error}");
        assert_eq!(opening.newly_hanging(), None, "reported once");
        assert!(opening.is_busy(), "it may open yet");
        opening.begin(&SourceRequest::Device {
            id: None,
            channel: None,
        });
        drop(release);
        let first = opening.attempts.recv().expect("the abandoned attempt ends");
        let second = opening.attempts.recv().expect("and so does the other");
        let accepted = [first, second].iter().filter(|attempt| opening.accept(attempt)).count();
        assert_eq!(accepted, 1, "the result of an abandoned attempt is dropped");
    }

    #[test]
    fn an_attempt_that_succeeds_late_is_the_last() {
        let (clock, (late, answers)) = (Clock::by_hand(), crossbeam_channel::bounded(0));
        let mut opening = Opening::new(
            clock.clone(),
            Arc::new(move |_| Err(answers.recv().expect("the test answers"))),
        );
        opening.begin(&SourceRequest::Device {
            id: None,
            channel: None,
        });
        clock.advance(OPEN_WITHIN);
        opening.newly_hanging().expect("it hangs");
        opening.plan_retry();
        // As if it had opened: what came of it is not looked at here.
        late.send(SourceError::new(SourceErrorKind::DeviceBusy, "late"))
            .unwrap();
        let attempt = opening.attempts.recv().expect("it ends");
        assert!(opening.accept(&attempt));
        opening.succeeded();
        clock.advance(LONGEST_WAIT);
        assert!(!opening.is_due() && !opening.is_busy(), "it would be opened twice");
    }

    #[test]
    fn attempts_that_hang_are_bounded_and_hold_nothing_back_once_they_end() {
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let clock = Clock::by_hand();
        let mut opening = Opening::new(
            clock.clone(),
            Arc::new(move |_| {
                let _ = held.recv();
                Err(SourceError::new(SourceErrorKind::DeviceBusy, "released"))
            }),
        );
        let device = SourceRequest::Device {
            id: None,
            channel: None,
        };
        let mut begun = 0;
        let mut try_after = |opening: &mut Opening, waited: Duration| {
            opening.plan_retry();
            opening.retry = Some(clock.now());
            clock.advance(waited);
            if opening.is_due() {
                opening.begin(&device);
                begun += 1;
            }
            begun
        };
        for expected in [1, 2, 3, 3] {
            assert_eq!(try_after(&mut opening, LONGEST_WAIT), expected);
        }
        for _ in 0..3 * MOST_HANGING {
            try_after(&mut opening, WAIT_WHILE_HANGING);
        }
        assert_eq!(try_after(&mut opening, WAIT_WHILE_HANGING), MOST_HANGING);
        drop(release);
        for _ in 0..MOST_HANGING {
            opening.attempts.recv().expect("each of them ends");
        }
        assert_eq!(try_after(&mut opening, Duration::ZERO), MOST_HANGING + 1);
    }
}
