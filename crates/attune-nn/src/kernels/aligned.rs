//! Values that begin at a cache line, so that no register is loaded from two.

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// A slice of values whose first one begins a cache line. Its length is fixed.
#[derive(Debug)]
pub(crate) struct Aligned {
    /// Somewhat longer than asked for; the values begin at `start`. Never grown, or they would move.
    room: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let room = vec![0.0; length + LINE / size_of::<f32>()];
        // At most a line less one value; where an address cannot be asked for, speed is lost and nothing else.
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
