//! Positions of frames: rotary embedding (Su et al. 2021), and sinusoidal encoding (Vaswani et al. 2017).

use super::kernels::causal_attention::RotationTable;
use candle_core::{Device, Result, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// The slowest wave of [`sinusoids`] rotations once in 2π × this many frames.
const SLOWEST: f64 = 10_000.0;

/// PE(p, 2i) = sin(p/10000^(2i/w)), PE(p, 2i + 1) = cos(p/10000^(2i/w)): added to frames to encode their
/// positions (Vaswani et al. 2017, §3.5), (frames, width).
///
/// ```
/// let places = attune_nn::positional::sinusoids(3, 4).unwrap().to_vec2::<f32>().unwrap();
/// assert_eq!(places[0], [0.0, 1.0, 0.0, 1.0]);
/// assert!((places[2][0] - 2f32.sin()).abs() < 1e-6 && (places[2][3] - 0.02f32.cos()).abs() < 1e-6);
/// ```
///
/// # Errors
/// If memory runs out.
pub fn sinusoids(frames: usize, width: usize) -> Result<Tensor> {
    let value = |at: usize| {
        let (place, feature) = (at / width, at % width);
        let pair = (feature / 2 * 2) as f64;
        let angle = place as f64 / SLOWEST.powf(pair / width as f64);
        if feature % 2 == 0 {
            angle.sin() as f32
        } else {
            angle.cos() as f32
        }
    };
    Tensor::from_vec((0..frames * width).map(value).collect(), (frames, width), &Device::Cpu)
}

/// Rotates pairs of features by an angle that grows with the frame's place in its stream, so that a score depends on
/// how far a key lies back and not on how long the stream has run. Places count from the start of the stream and never
/// restart with a block.
#[derive(Debug, Clone)]
pub struct Rotary {
    /// Radians per frame of each pair of features.
    speeds: Vec<f64>,
    /// Those of the longest clip so far: sines are slow.
    table: Arc<Mutex<Arc<RotationTable>>>,
}

/// The slowest pair rotations once in about 2π × this many frames.
const BASE: f64 = 1_000.0;

impl Rotary {
    /// For heads of `width` features, an even number.
    pub fn new(width: usize) -> Self {
        let speeds = (0..width / 2)
            .map(|i| BASE.powf(-2.0 * i as f64 / width as f64))
            .collect();
        Self {
            speeds,
            table: Arc::default(),
        }
    }

    /// cos and sin of every pair at one place.
    fn angles(&self, place: u64) -> impl Iterator<Item = (f64, f64)> {
        // Angles in f64: after a day the place is about 4 million, and f32 would step by half a radian.
        self.speeds.iter().map(move |speed| {
            let (sin, cos) = (place as f64 * speed).sin_cos();
            (cos, sin)
        })
    }

    /// The angles of the first `frames` positions, for ops over whole clips.
    pub(crate) fn table(&self, frames: usize) -> Arc<RotationTable> {
        let mut kept = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.cos.len() < frames * self.speeds.len() {
            let angles = (0..frames as u64).flat_map(|place| self.angles(place));
            let (cos, sin) = angles.map(|(cos, sin)| (cos as f32, sin as f32)).unzip();
            *kept = Arc::new(RotationTable { cos, sin });
        }
        Arc::clone(&kept)
    }
}

/// Rotation angles of the frames of a block.
///
/// Sines of large angles are slow: they are computed at every [`TABLE`]th position and rotated further by a table of
/// the positions between. The result depends on the position alone.
#[derive(Debug, Clone, Default)]
pub struct Rotations {
    /// The place from which the table counts, and its cos and sin.
    anchor: Option<(u64, Vec<(f64, f64)>)>,
    /// (places, pairs).
    table: Vec<(f64, f64)>,
    pairs: usize,
    values: Vec<(f32, f32)>,
}

const TABLE: u64 = 64;

impl Rotations {
    /// For blocks of at most `most` frames.
    pub fn new(rotary: &Rotary, most: usize) -> Self {
        let pairs = rotary.speeds.len();
        Self {
            anchor: None,
            table: (0..TABLE).flat_map(|place| rotary.angles(place)).collect(),
            pairs,
            values: Vec::with_capacity(most * pairs),
        }
    }

    /// Those of `frames` frames, the first of which stands at `first`.
    pub fn set(&mut self, rotary: &Rotary, first: u64, frames: usize) {
        self.values.clear();
        for place in first..first + frames as u64 {
            let (from, between) = (place / TABLE * TABLE, (place % TABLE) as usize);
            let (at, turned) = self.anchor.get_or_insert_with(|| (from, rotary.angles(from).collect()));
            if *at != from {
                *at = from;
                turned.clear();
                turned.extend(rotary.angles(from));
            }
            let table = &self.table[between * self.pairs..][..self.pairs];
            // cos(a + b) = cos a cos b − sin a sin b, sin(a + b) = sin a cos b + cos a sin b.
            let both = turned.iter().zip(table).map(|((cos_a, sin_a), (cos_b, sin_b))| {
                let (cos, sin) = (cos_a * cos_b - sin_a * sin_b, sin_a * cos_b + cos_a * sin_b);
                (cos as f32, sin as f32)
            });
            self.values.extend(both);
        }
    }

    /// Rotates the features of one head of the block's frame `frame`: feature i pairs with i + width/2. Without
    /// angles, nothing.
    pub fn rotate(&self, frame: usize, head: &mut [f32]) {
        let (first, second) = head.split_at_mut(self.pairs);
        let rotations = &self.values[frame * self.pairs..][..self.pairs];
        for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(rotations) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_far_into_a_stream_are_turned_as_exactly_as_the_first() {
        let rotary = Rotary::new(8);
        let mut rotations = Rotations::new(&rotary, 3);
        // A week at 43 frames a second, and blocks that lie across the table's places.
        for first in [0, 62, 63, 4_000_000, 26_000_063] {
            rotations.set(&rotary, first, 3);
            for frame in 0..3 {
                for pair in 0..4 {
                    let mut head = [0.0; 8];
                    head[pair] = 1.0;
                    rotations.rotate(frame, &mut head);
                    let angle = (first + frame as u64) as f64 * BASE.powf(-2.0 * pair as f64 / 8.0);
                    assert!(
                        (f64::from(head[pair]) - angle.cos()).abs() < 1e-6,
                        "{first}, pair {pair}"
                    );
                    assert!((f64::from(head[pair + 4]) - angle.sin()).abs() < 1e-6);
                }
            }
        }
    }
}
