//! What the width of s and h does to a softmax: products grow with √d, and the entropy falls (Vaswani et al. 2017,
//! §3.2.1, footnote 4).

use attune_nn::kernels::windowed_softmax::WindowedSoftmax;
use attune_nn::score::{Score, ScoreKind};
use attune_nn::weights::WeightStore;
use attune_train::augment::normal;
use candle_core::{Device, Result, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Queries that are averaged over.
const QUERIES: usize = 64;

/// Mean entropy of the weights on `frames` frames, as a share of ln(frames), with s and h of `width` independent
/// standard normal values.
///
/// # Errors
/// If memory runs out.
pub fn entropy(kind: ScoreKind, width: usize, frames: usize, seed: u64) -> Result<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = |rows: usize| {
        let values: Vec<f32> = (0..rows * width).map(|_| normal(&mut rng)).collect();
        Tensor::from_vec(values, (1, rows, width), &Device::Cpu)
    };
    let (s, h) = (drawn(QUERIES)?, drawn(frames)?);
    let mut store = WeightStore::random(seed);
    let score = Score::new(store.root(), kind, width, frames)?;
    let places = vec![frames - 1; QUERIES]; // all ask at the end, and see everything
    let softmax = WindowedSoftmax {
        places: places.clone(),
        context: frames,
    };
    let weights = score.forward(&s, &h, &places)?.contiguous()?.apply_op1(softmax)?;
    let weights: Vec<f32> = weights.flatten_all()?.to_vec1()?;
    let sum: f64 = weights
        .iter()
        .map(|&w| -f64::from(w) * f64::from(w.max(1e-30)).ln())
        .sum();
    Ok(sum / QUERIES as f64 / (frames as f64).ln())
}
