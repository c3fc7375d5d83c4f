//! Cuts a stream of samples into overlapping windows.
//!
//! In: samples, in pieces of any length. Out: window n, which covers samples `[n·hop, n·hop + window)`. Thread: worker.

/// Remembers the samples that later windows need.
#[derive(Debug)]
pub(super) struct Framer {
    window: usize,
    hop: usize,
    /// Samples from the start of the next window on; never more than a window.
    held: Vec<f32>,
}

impl Framer {
    /// Windows of `window` samples, one every `hop` (at least 1, at most `window`).
    pub(super) fn new(window: usize, hop: usize) -> Self {
        Self {
            window,
            hop,
            held: Vec::with_capacity(window),
        }
    }

    /// Takes samples and calls `each` with every window that they complete.
    pub(super) fn push(&mut self, mut samples: &[f32], mut each: impl FnMut(&[f32])) {
        while !samples.is_empty() {
            let room = self.window - self.held.len();
            let (now, later) = samples.split_at(room.min(samples.len()));
            self.held.extend_from_slice(now);
            samples = later;
            if self.held.len() == self.window {
                each(&self.held);
                self.held.copy_within(self.hop.., 0);
                self.held.truncate(self.window - self.hop);
            }
        }
    }

    /// Resets the state.
    pub(super) fn reset(&mut self) {
        self.held.clear();
    }
}

/// How many whole windows lie in `samples`.
///
/// ```
/// use attune_audio::features::whole_frames;
/// assert_eq!(whole_frames(2047, 2048, 512), 0);
/// assert_eq!(whole_frames(2048, 2048, 512), 1);
/// assert_eq!(whole_frames(2048 + 512, 2048, 512), 2);
/// ```
pub fn whole_frames(samples: u64, window: usize, hop: usize) -> u64 {
    samples
        .checked_sub(window as u64)
        .map_or(0, |beyond| beyond / hop as u64 + 1)
}
