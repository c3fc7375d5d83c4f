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

    /// x (b, heads, t, width), whose first frame stands at `first`, to the same shape.
    pub fn rotate(&self, x: &Tensor, first: u64) -> Result<Tensor> {
        let (_, _, t, _) = x.dims4()?; // (b, h, t, d)
        // Angles in f64: after a day the place is about 4 million, and f32 would step by half a radian.
        let angles = (0..t).flat_map(|n| self.speeds.iter().map(move |speed| (first + n as u64) as f64 * speed));
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.sin() as f32, a.cos() as f32)).unzip();
        let shape = (t, self.speeds.len());
        let cos = Tensor::from_vec(cos, shape, &Device::Cpu)?;
        let sin = Tensor::from_vec(sin, shape, &Device::Cpu)?;
        candle_nn::rotary_emb::rope_slow(&x.contiguous()?, &cos, &sin)
    }
}
