//! Where a frame stands: rotary position embedding (Su et al. 2021).

use candle_core::{Device, Result, Tensor};

/// Rotates pairs of features by an angle that grows with the frame's place in its stream, so that a score depends on
/// how far a key lies back and not on how long the stream has run. Places count from the start of the stream and never
/// restart with a block.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// Radians per frame of each pair of features.
    speeds: Vec<f64>,
}

/// The slowest pair turns once in about 2π × this many frames.
const BASE: f64 = 1_000.0;

impl Rotary {
    /// For heads of `width` features, an even number.
    pub fn new(width: usize) -> Self {
        let speeds = (0..width / 2)
            .map(|i| BASE.powf(-2.0 * i as f64 / width as f64))
            .collect();
        Self { speeds }
    }

    /// cos and sin of every pair, for one frame after the other.
    fn angles(&self, first: u64, frames: usize) -> impl Iterator<Item = (f32, f32)> {
        // Angles in f64: after a day the place is about 4 million, and f32 would step by half a radian.
        (0..frames).flat_map(move |n| {
            self.speeds.iter().map(move |speed| {
                let (sin, cos) = ((first + n as u64) as f64 * speed).sin_cos();
                (cos as f32, sin as f32)
            })
        })
    }

    /// x (b, heads, t, width), whose first frame is the first of its stream, to the same shape.
    pub fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        let (_, _, t, _) = x.dims4()?; // (b, h, t, d)
        let (cos, sin): (Vec<f32>, Vec<f32>) = self.angles(0, t).unzip();
        let shape = (t, self.speeds.len());
        let cos = Tensor::from_vec(cos, shape, &Device::Cpu)?;
        let sin = Tensor::from_vec(sin, shape, &Device::Cpu)?;
        candle_nn::rotary_emb::rope_slow(&x.contiguous()?, &cos, &sin)
    }
}

/// How far the frames of a block are turned.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    pairs: usize,
    values: Vec<(f32, f32)>,
}

impl Turns {
    /// Those of `frames` frames, the first of which stands at `first`.
    pub fn set(&mut self, rotary: &Rotary, first: u64, frames: usize) {
        self.pairs = rotary.speeds.len();
        self.values.clear();
        self.values.extend(rotary.angles(first, frames));
    }

    /// Turns the features of one head of the block's frame `frame`: feature i pairs with i + width/2. Without angles,
    /// nothing.
    pub fn turn(&self, frame: usize, head: &mut [f32]) {
        let (first, second) = head.split_at_mut(self.pairs);
        let turns = &self.values[frame * self.pairs..][..self.pairs];
        for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(turns) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}
