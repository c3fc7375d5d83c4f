//! Excerpts made different each time they are drawn, so that a small data set is not learnt by heart.

use super::dataset::{Clip, Levels};
use crate::features::{FrontEndSpec, LoudnessNormalizer};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How strongly excerpts are changed.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Augmentation {
    /// Excerpts are stretched or squeezed in time by up to this share.
    pub stretch: f32,
    /// Shifted by up to this many bands.
    pub shift_bands: usize,
    /// Coloured by a smooth random curve of this deviation in dB.
    pub colour_db: f32,
    /// Band masks, of up to `mask_bands` each.
    pub masks: usize,
    /// Most bands in a mask.
    pub mask_bands: usize,
    /// Most frames in a time mask, as a share of the excerpt.
    pub mask_share: f32,
    /// Chance that low-passed music is simulated.
    pub low_pass: f32,
    /// Both parameters of the Beta distribution that two excerpts are mixed by (Zhang et al. 2018); 0 mixes nothing.
    pub mix_beta: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            stretch: 0.15,
            shift_bands: 4,
            colour_db: 4.0,
            masks: 2,
            mask_bands: 16,
            mask_share: 0.15,
            low_pass: 0.1,
            mix_beta: 0.2,
        }
    }
}

/// Draws an excerpt of `frames` frames from a clip: (frames, bands), normalised as a live stream that begins there.
pub fn draw_excerpt(
    clip: &Clip,
    frames: usize,
    spec: &FrontEndSpec,
    augmentation: &Augmentation,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let bands = spec.bands;
    // Whole audio offers more places, but its codec is another one than the excerpts': both are drawn from.
    let source: &Levels = match (&clip.whole, &clip.excerpt) {
        (Some(whole), Some(excerpt)) if frames * bands <= excerpt.len() => {
            if rng.random_bool(0.5) {
                whole
            } else {
                excerpt
            }
        }
        (Some(whole), _) => whole,
        (None, Some(excerpt)) => excerpt,
        (None, None) => return vec![0.0; frames * bands],
    };
    let available = source.len() / bands;
    let factor = 1.0 + augmentation.stretch * (rng.random::<f32>() * 2.0 - 1.0);
    let wanted = ((frames as f32 * factor) as usize).clamp(2, available);
    let start = rng.random_range(0..=available - wanted);
    let mut levels = resample_time(&source[start * bands..(start + wanted) * bands], bands, frames);
    colour(&mut levels, bands, augmentation, rng);
    let mut normalized = Vec::with_capacity(levels.len());
    LoudnessNormalizer::new(spec).push(&levels, &mut normalized);
    mask(&mut normalized, bands, augmentation, rng);
    normalized
}

/// (n, bands) to (frames, bands) by linear interpolation in time.
fn resample_time(levels: &[f32], bands: usize, frames: usize) -> Vec<f32> {
    let last = levels.len() / bands - 1;
    let step = last as f32 / (frames - 1).max(1) as f32;
    let mut out = Vec::with_capacity(frames * bands);
    for frame in 0..frames {
        let at = frame as f32 * step;
        let (left, share) = ((at as usize).min(last), at.fract());
        let right = (left + 1).min(last);
        let (left, right) = (&levels[left * bands..][..bands], &levels[right * bands..][..bands]);
        out.extend(left.iter().zip(right).map(|(l, r)| l + share * (r - l)));
    }
    out
}

/// Shifts along frequency and adds a smooth random curve: another room, another instrument size, another equaliser.
fn colour(levels: &mut [f32], bands: usize, augmentation: &Augmentation, rng: &mut ChaCha8Rng) {
    let most = augmentation.shift_bands as i64;
    let shift = rng.random_range(-most..=most);
    let knots: Vec<f32> = (0..6).map(|_| normal(rng) * augmentation.colour_db).collect();
    let mut curve: Vec<f32> = (0..bands)
        .map(|band| {
            let at = band as f32 / (bands - 1).max(1) as f32 * (knots.len() - 1) as f32;
            let left = (at as usize).min(knots.len() - 2);
            // A cosine between two knots: no corner.
            let share = 0.5 - 0.5 * ((at - left as f32) * std::f32::consts::PI).cos();
            knots[left] + share * (knots[left + 1] - knots[left])
        })
        .collect();
    if rng.random_bool(f64::from(augmentation.low_pass)) {
        let edge = rng.random_range(bands / 2..bands);
        for (band, gain) in curve.iter_mut().enumerate().skip(edge) {
            *gain -= 3.0 * (band - edge) as f32;
        }
    }
    let mut shifted = vec![0.0; bands];
    for frame in levels.chunks_exact_mut(bands) {
        for (band, value) in shifted.iter_mut().enumerate() {
            let from = (band as i64 - shift).clamp(0, bands as i64 - 1) as usize;
            *value = frame[from] + curve[band];
        }
        frame.copy_from_slice(&shifted);
    }
}

/// Sets random bands and a stretch of time to the running mean, 0 (Park et al. 2019).
fn mask(normalized: &mut [f32], bands: usize, augmentation: &Augmentation, rng: &mut ChaCha8Rng) {
    let frames = normalized.len() / bands;
    for _ in 0..augmentation.masks {
        let width = rng.random_range(0..=augmentation.mask_bands.min(bands));
        let start = rng.random_range(0..=bands - width);
        for frame in normalized.chunks_exact_mut(bands) {
            frame[start..start + width].fill(0.0);
        }
        let width = rng.random_range(0..=(frames as f32 * augmentation.mask_share) as usize);
        let start = rng.random_range(0..=frames - width);
        normalized[start * bands..(start + width) * bands].fill(0.0);
    }
}

/// A standard normal value (Box & Muller 1958).
pub fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let (u, v): (f32, f32) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f32::consts::TAU * v).cos()
}

/// A Beta(a, a) value for a < 1 (Jöhnk 1964).
pub fn beta(a: f32, rng: &mut ChaCha8Rng) -> f32 {
    loop {
        let x = rng.random::<f32>().powf(1.0 / a);
        let y = rng.random::<f32>().powf(1.0 / a);
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn time_is_interpolated_between_the_ends() {
        assert_eq!(
            resample_time(&[0.0, 10.0, 2.0, 20.0], 2, 3),
            [0.0, 10.0, 1.0, 15.0, 2.0, 20.0]
        );
    }

    #[test]
    fn beta_has_its_mean_and_variance() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<f64> = (0..20_000).map(|_| f64::from(beta(0.2, &mut rng))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        // Beta(a, a): mean ½, variance 1/(4(2a + 1)) = 0.1786; five standard errors of 20,000 draws.
        assert!((mean - 0.5).abs() < 5.0 * (0.1786f64 / 20_000.0).sqrt(), "{mean}");
        assert!((variance - 0.1786).abs() < 0.01, "{variance}");
    }

    #[test]
    fn an_excerpt_does_not_depend_on_gain_and_offset_of_its_source() {
        let spec = FrontEndSpec::default();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let levels: Vec<f32> = (0..130 * spec.bands).map(|_| -40.0 + 15.0 * normal(&mut rng)).collect();
        let louder: Vec<f32> = levels.iter().map(|level| level + 12.0).collect();
        let draw = |levels: Vec<f32>| {
            let clip = Clip {
                excerpt: Some(Levels::new(levels)),
                ..Clip::default()
            };
            draw_excerpt(
                &clip,
                100,
                &spec,
                &Augmentation::default(),
                &mut ChaCha8Rng::seed_from_u64(3),
            )
        };
        for (quiet, loud) in draw(levels).iter().zip(draw(louder)) {
            assert!((quiet - loud).abs() < 1e-3, "{quiet} {loud}");
        }
    }
}
