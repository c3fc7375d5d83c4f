//! Buffers aligned to a cache line, so that no register load crosses one.

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// A slice of fixed length that starts at a cache line.
#[derive(Debug)]
pub(crate) struct Aligned {
    /// Longer than `length`; the values start at `start`. Never grown: they would move.
    room: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let room = vec![0.0; length + LINE / size_of::<f32>()];
        // At most a line less one value; where the address is unknown (Miri), only speed is lost.
        let start = room.as_ptr().align_offset(LINE).min(room.len() - length);
        Self { room, start, length }
    }

    /// The values.
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.room[self.start..][..self.length]
    }

    /// The values, to be written.
    #[inline(always)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.room[self.start..][..self.length]
    }
}

impl From<&[f32]> for Aligned {
    fn from(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.as_mut_slice().copy_from_slice(values);
        aligned
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        Self::from(self.as_slice())
    }
}
