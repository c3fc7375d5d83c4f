//! Augmentation: excerpts differ each time they are drawn, so that a small data set is not memorised.

use super::reverb::reverb;
use attune_audio::features::{FrontEndSpec, LoudnessNormalizer};
use half::f16;
use half::slice::HalfFloatSliceExt;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;
use std::ops::Range;

/// What is put into bands that hold nothing, below the loudest level, in dB: less than the normaliser's range shows.
const NOTHING_DB: f32 = 100.0;

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
    /// Probability that low-passed music is simulated.
    pub low_pass: f32,
    /// Probability of reverberation and noise of a room ([`super::reverb`]).
    #[serde(default)]
    #[serde(rename = "room")]
    pub reverb: f32,
    /// Probability that the texture of neighbouring frames is changed: smoothed, and roughened by noise in each cell.
    /// Log-mels of which frames are filled in have a texture of their own.
    #[serde(default)]
    pub texture: f32,
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
            reverb: 0.0,
            texture: 0.0,
            mix_beta: 0.2,
        }
    }
}

impl Augmentation {
    /// Whether an excerpt of `frames` can be made of `available` ones, stretched by no more than is allowed.
    pub(crate) fn can_fill(&self, frames: usize, available: usize) -> bool {
        available >= 2 && frames as f32 <= available as f32 * (1.0 + self.stretch)
    }
}

/// Levels to draw from, (frames, bands).
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// In full precision.
    Full(&'a [f32]),
    /// In half precision.
    Half(&'a [f16]),
}

impl<'a> Source<'a> {
    /// How many frames there are.
    pub fn frames(self, bands: usize) -> usize {
        match self {
            Self::Full(levels) => levels.len() / bands,
            Self::Half(levels) => levels.len() / bands,
        }
    }

    fn piece(self, start: usize, end: usize) -> Cow<'a, [f32]> {
        match self {
            Self::Full(levels) => Cow::Borrowed(&levels[start..end]),
            Self::Half(levels) => {
                let mut piece = vec![0.0; end - start];
                levels[start..end].convert_to_f32_slice(&mut piece);
                Cow::Owned(piece)
            }
        }
    }
}

/// Levels normalised as a live stream that begins with them, and masked.
pub(crate) fn normalized(
    levels: &[f32],
    spec: &FrontEndSpec,
    augmentation: &Augmentation,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let mut normalized = Vec::with_capacity(levels.len());
    LoudnessNormalizer::new(spec).push(levels, &mut normalized);
    mask(&mut normalized, spec.bands, augmentation, rng);
    normalized
}

/// Draws levels (frames, bands), changed by the augmentation; and the part of the source that they cover, by shares of
/// its length. `source` has at least two frames. Bands from `limit` on are removed.
pub(crate) fn draw_levels(
    source: Source<'_>,
    limit: Option<usize>,
    frames: usize,
    spec: &FrontEndSpec,
    augmentation: &Augmentation,
    rng: &mut ChaCha8Rng,
) -> (Vec<f32>, Range<f32>) {
    let bands = spec.bands;
    let available = source.frames(bands);
    let factor = 1.0 + augmentation.stretch * (rng.random::<f32>() * 2.0 - 1.0);
    let wanted = ((frames as f32 * factor) as usize).clamp(2, available);
    let start = rng.random_range(0..=available - wanted);
    let mut piece = source.piece(start * bands, (start + wanted) * bands);
    if let Some(limit) = limit {
        keep_bands(piece.to_mut(), bands, 0..limit);
    }
    let mut levels = reshaped(&piece, frames, &Colour::random(bands, augmentation, rng));
    if augmentation.texture > 0.0 && rng.random_bool(f64::from(augmentation.texture)) {
        change_texture(&mut levels, bands, rng);
    }
    // No draw without reverberation: runs without it stay the same.
    if augmentation.reverb > 0.0 && rng.random_bool(f64::from(augmentation.reverb)) {
        reverb(&mut levels, spec, rng);
    }
    let share = |frame: usize| frame as f32 / available as f32;
    (levels, share(start)..share(start + wanted))
}

/// The most that a frame takes from each of its neighbours.
const MOST_SMOOTHING: f32 = 0.3;
/// The most that a cell is off by, in dB.
const MOST_ROUGHNESS_DB: f32 = 5.0;

/// Smooths levels over neighbouring frames and adds noise to each cell, both by a random amount.
fn change_texture(levels: &mut [f32], bands: usize, rng: &mut ChaCha8Rng) {
    let smoothing = MOST_SMOOTHING * rng.random::<f32>();
    let mut before = levels[..bands].to_vec();
    let frames = levels.len() / bands;
    for frame in 0..frames {
        let after = (frame + 1).min(frames - 1);
        for (band, before) in before.iter_mut().enumerate() {
            let now = levels[frame * bands + band];
            let next = levels[after * bands + band];
            levels[frame * bands + band] = now + smoothing * (*before + next - 2.0 * now);
            *before = now;
        }
    }
    let roughness = MOST_ROUGHNESS_DB * rng.random::<f32>() / f32::from(u16::MAX);
    for level in levels {
        // The sum of two even draws is a triangle: near enough to a bell, and cheap.
        let bits = rng.random::<u32>();
        let triangle = (bits & 0xFFFF) as f32 + (bits >> 16) as f32 - f32::from(u16::MAX);
        *level += roughness * triangle;
    }
}

/// Removes all other bands of levels (frames, bands).
pub(crate) fn keep_bands(levels: &mut [f32], bands: usize, kept: Range<usize>) {
    let loudest = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for frame in levels.chunks_exact_mut(bands) {
        frame[..kept.start.min(bands)].fill(loudest - NOTHING_DB);
        frame[kept.end.min(bands)..].fill(loudest - NOTHING_DB);
    }
}

/// A shift along frequency and a curve over it: another room, another instrument size, another equaliser.
struct Colour {
    /// Bands upwards.
    shift: i64,
    /// Added to each band, in dB.
    curve: Vec<f32>,
}

impl Colour {
    fn random(bands: usize, augmentation: &Augmentation, rng: &mut ChaCha8Rng) -> Self {
        let most = augmentation.shift_bands as i64;
        let shift = rng.random_range(-most..=most).clamp(1 - bands as i64, bands as i64 - 1);
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
        Self { shift, curve }
    }
}

/// (n, bands) to (frames, bands) by linear interpolation in time, and coloured. Bands that the shift leaves free repeat
/// the outermost one.
fn reshaped(levels: &[f32], frames: usize, colour: &Colour) -> Vec<f32> {
    let bands = colour.curve.len();
    let last = levels.len() / bands - 1;
    let step = last as f32 / (frames - 1).max(1) as f32;
    // Bands low..high come from bands from..; one slice for each, so that the loop has no condition in it.
    let low = colour.shift.max(0) as usize;
    let from = (-colour.shift).max(0) as usize;
    let kept = bands - low - from;
    let mut out = vec![0.0; frames * bands];
    for (frame, row) in out.chunks_exact_mut(bands).enumerate() {
        let at = frame as f32 * step;
        let (left, share) = ((at as usize).min(last), at.fract());
        let right = (left + 1).min(last);
        let (left, right) = (
            &levels[left * bands + from..][..kept],
            &levels[right * bands + from..][..kept],
        );
        for (value, (l, r)) in row[low..low + kept].iter_mut().zip(left.iter().zip(right)) {
            *value = l + share * (r - l);
        }
        let (lowest, highest) = (row[low], row[low + kept - 1]);
        row[..low].fill(lowest);
        row[low + kept..].fill(highest);
        for (value, gain) in row.iter_mut().zip(&colour.curve) {
            *value += gain;
        }
    }
    out
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
pub(crate) fn beta(a: f32, rng: &mut ChaCha8Rng) -> f32 {
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

    /// As an example is drawn.
    fn draw_excerpt(
        source: Source<'_>,
        limit: Option<usize>,
        frames: usize,
        spec: &FrontEndSpec,
        augmentation: &Augmentation,
        rng: &mut ChaCha8Rng,
    ) -> (Vec<f32>, Range<f32>) {
        let (levels, part) = draw_levels(source, limit, frames, spec, augmentation, rng);
        (normalized(&levels, spec, augmentation, rng), part)
    }

    fn plain(bands: usize, shift: i64) -> Colour {
        Colour {
            shift,
            curve: vec![0.0; bands],
        }
    }

    #[test]
    fn time_is_interpolated_between_the_ends() {
        assert_eq!(
            reshaped(&[0.0, 10.0, 2.0, 20.0], 3, &plain(2, 0)),
            [0.0, 10.0, 1.0, 15.0, 2.0, 20.0]
        );
    }

    #[test]
    fn a_shift_repeats_the_outermost_band_and_the_curve_is_not_shifted() {
        let levels = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0];
        let up = reshaped(&levels, 2, &plain(4, 1));
        assert_eq!(up[..4], [1.0, 1.0, 2.0, 3.0]);
        let mut colour = plain(4, -2);
        colour.curve[3] = 10.0;
        assert_eq!(reshaped(&levels, 2, &colour)[4..], [3.0, 4.0, 4.0, 14.0]);
    }

    #[test]
    fn what_is_limited_has_nothing_above_and_is_the_same_below() {
        let full: Vec<f32> = (0..5 * 64).map(|i| -0.5 * (i % 64) as f32 - (i / 64) as f32).collect();
        let mut limited = full.clone();
        keep_bands(&mut limited, 64, 0..30);
        for (full, limited) in full.chunks(64).zip(limited.chunks(64)) {
            assert_eq!(full[..30], limited[..30]);
            assert!(limited[30..].iter().all(|level| *level <= -NOTHING_DB), "{limited:?}");
        }
        keep_bands(&mut limited, 64, 0..0);
        assert!(limited.iter().all(|level| *level <= -NOTHING_DB));
        let mut whole = full.clone();
        keep_bands(&mut whole, 64, 0..64);
        assert_eq!(whole, full, "no limit");
    }

    #[test]
    fn texture_is_smoothed_and_roughened_around_the_same_level() {
        let bands = 16;
        let zigzag: Vec<f32> = (0..200 * bands)
            .map(|i| if i / bands % 2 == 0 { 3.0 } else { -3.0 })
            .collect();
        let (mut smoothed, mut roughened) = (false, false);
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut levels = zigzag.clone();
            change_texture(&mut levels, bands, &mut rng);
            let n = levels.len() as f32;
            let mean = levels.iter().sum::<f32>() / n;
            assert!(mean.abs() < 0.3, "{mean}");
            // What follows the zigzag, and what does not.
            let along = levels.iter().zip(&zigzag).map(|(x, z)| x * z / 9.0).sum::<f32>() / n;
            let off = levels
                .iter()
                .zip(&zigzag)
                .map(|(x, z)| (x - along * z).powi(2))
                .sum::<f32>()
                / n;
            assert!((-0.25..=1.05).contains(&along), "{along}");
            assert!(off.sqrt() < MOST_ROUGHNESS_DB, "{off}");
            smoothed |= along < 0.5;
            roughened |= off.sqrt() > 1.0;
        }
        assert!(smoothed && roughened);
    }

    #[test]
    fn half_precision_is_drawn_from_as_full_is() {
        let spec = FrontEndSpec::default();
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let full: Vec<f32> = (0..60 * spec.bands).map(|_| -40.0 + 15.0 * normal(&mut rng)).collect();
        let half: Vec<f16> = full.iter().map(|&x| f16::from_f32(x)).collect();
        let draw = |source| {
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            draw_excerpt(source, None, 50, &spec, &Augmentation::default(), &mut rng).0
        };
        for (a, b) in draw(Source::Full(&full)).iter().zip(draw(Source::Half(&half))) {
            assert!((a - b).abs() < 5e-3, "{a} {b}");
        }
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
        let draw = |levels: &[f32], room: f32| {
            let augmentation = Augmentation {
                reverb: room,
                ..Augmentation::default()
            };
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            draw_excerpt(Source::Full(levels), None, 100, &spec, &augmentation, &mut rng).0
        };
        for room in [0.0, 1.0] {
            for (quiet, loud) in draw(&levels, room).iter().zip(draw(&louder, room)) {
                assert!((quiet - loud).abs() < 1e-3, "{quiet} {loud}");
            }
        }
        assert_ne!(
            draw(&levels, 0.0),
            draw(&levels, 1.0),
            "reverberation changes the excerpt"
        );
    }
}
