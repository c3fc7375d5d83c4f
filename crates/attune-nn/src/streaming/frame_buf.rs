//! Blocks of frames ([`FrameBuf`]), and the past frames that a stream remembers ([`History`]).

use crate::kernels::aligned::Aligned;
use crate::kernels::packed_matrix::padded;

/// Most frames processed at once. Longer blocks are split, which changes no result. With 64 frames per pass, reading
/// the weights no longer limits the speed, and the block's own data stay in the cache.
pub const MAX_BLOCK: usize = 64;

/// Block size that splits `frames` evenly: a multiple of four, so that no block is much shorter than the others (a
/// single left-over frame costs as much as four).
///
/// ```
/// use attune_nn::streaming::frame_buf::even_block;
/// assert_eq!([1, 7, 64, 65, 193].map(even_block), [4, 8, 64, 36, 52]);
/// ```
pub fn even_block(frames: usize) -> usize {
    let blocks = frames.div_ceil(MAX_BLOCK).max(1);
    frames.div_ceil(blocks).next_multiple_of(4).clamp(4, MAX_BLOCK)
}

/// A reusable buffer of up to [`MAX_BLOCK`] frames of `width` values.
#[derive(Debug, Clone)]
pub struct FrameBuf {
    values: Aligned,
    width: usize,
    frames: usize,
}

impl FrameBuf {
    /// No frames of `width` values.
    pub fn new(width: usize) -> Self {
        Self {
            values: Aligned::zeros(MAX_BLOCK * padded(width)),
            width,
            frames: 0,
        }
    }

    /// Sets the number of frames; their values are unspecified.
    ///
    /// # Panics
    /// If there are more than [`MAX_BLOCK`]: a bug of the caller.
    pub fn reset(&mut self, frames: usize) {
        assert!(frames <= MAX_BLOCK, "{frames} frames in a block of {MAX_BLOCK}");
        self.frames = frames;
    }

    /// Copies these frames, row-major.
    pub fn load(&mut self, frames: &[f32]) {
        self.reset(frames.len() / self.width);
        for (row, frame) in frames.chunks_exact(self.width).enumerate() {
            self.row_mut(row).copy_from_slice(frame);
        }
    }

    /// Values of a frame.
    pub fn width(&self) -> usize {
        self.width
    }

    /// From one frame to the next.
    pub fn stride(&self) -> usize {
        padded(self.width)
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// One frame.
    #[inline(always)]
    pub fn row(&self, frame: usize) -> &[f32] {
        &self.values.as_slice()[frame * self.stride()..][..self.width]
    }

    /// One frame, to be written.
    #[inline(always)]
    pub fn row_mut(&mut self, frame: usize) -> &mut [f32] {
        let stride = self.stride();
        &mut self.values.as_mut_slice()[frame * stride..][..self.width]
    }

    /// All frames with their padding.
    #[inline(always)]
    pub fn values(&self) -> &[f32] {
        &self.values.as_slice()[..self.frames * self.stride()]
    }

    /// All frames with their padding, to be written.
    #[inline(always)]
    pub fn values_mut(&mut self) -> &mut [f32] {
        let length = self.frames * self.stride();
        &mut self.values.as_mut_slice()[..length]
    }
}

/// The last frames of a stream in a ring: frame n is at n mod capacity, however the stream was cut into blocks.
#[derive(Debug, Clone)]
pub struct History {
    values: Aligned,
    width: usize,
    capacity: usize,
    /// Where the next frame goes.
    next: usize,
}

impl History {
    /// Zeros; holds `past` frames in addition to the current block.
    pub fn new(past: usize, width: usize) -> Self {
        let capacity = past + MAX_BLOCK;
        Self {
            values: Aligned::zeros(capacity * padded(width)),
            width,
            capacity,
            next: 0,
        }
    }

    /// Appends a frame.
    #[inline(always)]
    pub fn push(&mut self, frame: &[f32]) {
        let stride = padded(self.width);
        self.values.as_mut_slice()[self.next * stride..][..self.width].copy_from_slice(frame);
        self.next = if self.next + 1 == self.capacity {
            0
        } else {
            self.next + 1
        };
    }

    /// The frame that came `back` frames before the newest one.
    #[inline(always)]
    pub fn row(&self, back: usize) -> &[f32] {
        // Once around at the most: a comparison, where a remainder would cost a division for each tap.
        let place = self.next + self.capacity - 1 - back;
        let place = if place < self.capacity {
            place
        } else {
            place - self.capacity
        };
        &self.values.as_slice()[place * padded(self.width)..][..self.width]
    }
}
