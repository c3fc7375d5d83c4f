//! Segments of the past, to be occluded one by one.
//!
//! In: a number of frames. Out: segments. Thread: any.

use attune_audio::units::Seconds;

/// Length of a segment.
pub const SEGMENT: Seconds = Seconds(0.5);

/// Frames `start..end` of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its first frame.
    pub start: usize,
    /// The frame after its last one.
    pub end: usize,
}

impl Segment {
    /// Frames in it.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether there is no frame in it.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The frame in its middle.
    pub fn middle(self) -> usize {
        usize::midpoint(self.start, self.end)
    }

    /// The mean over its frames of the values of the last frames of an input of `count` frames, oldest first; frames
    /// before those count as 0.
    pub fn mean_of(self, values: &[f32], count: usize) -> f32 {
        let first = count - values.len().min(count);
        let inside = (self.start..self.end).filter_map(|frame| values.get(frame.checked_sub(first)?));
        inside.sum::<f32>() / self.len().max(1) as f32
    }
}

/// The last `span` of `frames` frames in segments of about `length`, the newest frame at the end of the last one; the
/// first one may be shorter. None for no frames.
///
/// ```
/// use attune_engine::explain::{Segment, segments};
/// use attune_audio::units::Seconds;
/// let found = segments(100, Seconds(0.1), Seconds(2.5), Seconds(1.0));
/// assert_eq!(found.len(), 3);
/// assert_eq!((found[0], found[2]), (Segment { start: 75, end: 80 }, Segment { start: 90, end: 100 }));
/// ```
pub fn segments(frames: usize, hop: Seconds, span: Seconds, length: Seconds) -> Vec<Segment> {
    let in_frames = |time: Seconds| (time.0 / hop.0.max(1e-9)).round() as usize;
    let first = frames.saturating_sub(in_frames(span));
    let length = in_frames(length).max(1);
    let mut found = Vec::new();
    let mut end = frames;
    while end > first {
        let start = end.saturating_sub(length).max(first);
        found.push(Segment { start, end });
        end = start;
    }
    found.reverse();
    found
}
