//! The newest picture on its way from the worker to who shows it.
//!
//! In: pictures, each newer than the one before. Out: the newest of them, whole, through the triple buffer.
//! Thread: worker; the other end may be read from any other.

/// A picture whose last columns lie in a ring, so that only those that are new have to be copied.
pub(super) trait Picture: Send {
    /// One of them.
    type Column: Copy;
    /// Which stream the columns are of, and how many it had.
    fn epoch_and_frames(&self) -> (u64, u64);
    /// The ring: column of frame n at n modulo its length.
    fn columns(&self) -> &[Self::Column];
    /// The same.
    fn columns_mut(&mut self) -> &mut [Self::Column];
    /// Takes everything but the columns from a newer picture.
    fn take_rest(&mut self, newer: &Self);
}

/// The worker's end.
pub(super) struct Handover<P: Picture> {
    out: triple_buffer::Input<P>,
}

impl<P: Picture + Clone> Handover<P> {
    /// Both ends; `first` is there from the start.
    pub(super) fn new(first: &P) -> (Self, triple_buffer::Output<P>) {
        let (out, reader) = triple_buffer::triple_buffer(first);
        (Self { out }, reader)
    }

    /// Brings the buffer that the reader does not hold up to date, and hands it over. It is an older picture of the same
    /// worker, so only the columns that came since are copied.
    pub(super) fn write(&mut self, newest: &P) {
        let buffer = self.out.input_buffer_mut();
        let (epoch, frames) = newest.epoch_and_frames();
        let (old_epoch, old_frames) = buffer.epoch_and_frames();
        let length = newest.columns().len();
        let oldest = frames.saturating_sub(length as u64);
        let from = if old_epoch == epoch {
            old_frames.max(oldest)
        } else {
            oldest
        };
        for frame in from..frames {
            let place = frame as usize % length;
            buffer.columns_mut()[place] = newest.columns()[place];
        }
        buffer.take_rest(newest);
        self.out.publish();
    }
}
