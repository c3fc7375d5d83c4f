//! Events on their way out: none is dropped, and the worker never waits for a reader that is gone.
//!
//! In: events. Out: the bounded queue. Thread: worker.

use super::Event;
use crossbeam_channel::{Sender, TrySendError};
use std::collections::VecDeque;

/// So many may wait here beside the queue before the worker stops to make more.
const MOST_WAITING: usize = 256;

pub(super) struct Outbox {
    queue: Sender<Event>,
    waiting: VecDeque<Event>,
}

impl Outbox {
    pub(super) fn new(queue: Sender<Event>) -> Self {
        Self {
            queue,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn send(&mut self, event: Event) {
        self.waiting.push_back(event);
        self.flush();
    }

    /// Sends what fits.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.queue.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                // Nobody will ever read it.
                Err(TrySendError::Disconnected(_)) => self.waiting.clear(),
            }
        }
    }

    /// Whether something waits for the reader.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the reader is so late that no more should be made: audio is lost then, and counted, but no event.
    pub(super) fn is_congested(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }
}
