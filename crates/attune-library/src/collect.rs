//! Follows an analysis and keeps what the exports need.

use super::hops::Hops;
use super::why::Moments;
use attune_engine::HopResult;
use attune_engine::offline::{Follower, Progress};
use std::ops::ControlFlow;

/// Keeps frames and moments, and passes everything on.
pub(crate) struct Collector<'a, F> {
    pub(crate) hops: Hops,
    /// `None`: nobody asks why.
    pub(crate) moments: Option<Moments>,
    pub(crate) next: &'a mut F,
}

impl<F: Follower> Follower for Collector<'_, F> {
    fn samples(&mut self, mono: &[f32]) {
        self.next.samples(mono);
    }

    fn hop(&mut self, hop: &HopResult) {
        self.hops.push(hop);
        if let Some(moments) = &mut self.moments {
            moments.push(hop);
        }
        self.next.hop(hop);
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.next.progress(progress)
    }
}
