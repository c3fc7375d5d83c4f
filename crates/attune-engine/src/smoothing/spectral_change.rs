//! Where the spectrum of a stream becomes another: a candidate for a change of music.
//!
//! In: log-mel levels, frame by frame. Out: whether a new sound began a certain time ago. Thread: worker.
//!
//! Two windows slide over the normalised levels: the last 2 s, and up to 6 s before them. The level of each band is
//! taken as normally distributed in each window, and the distance of the windows is the mean over bands of
//! Bhattacharyya's (1943),
//!
//! `D = (μ₁ − μ₂)² / (4 (σ₁² + σ₂²)) + ½ ln((σ₁² + σ₂²) / (2 σ₁ σ₂))`,
//!
//! with means relative to the mean over all bands, so that a volume knob is no change. It has its maximum where the
//! border between the windows lies on the change.

use attune_audio::features::{FrontEndSpec, LoudnessNormalizer};
use attune_audio::units::Seconds;

/// The window that ends with the newest frame.
const RECENT: Seconds = Seconds(2.0);
/// The window before it, when it is full, and the least of it that is compared.
const BEFORE: Seconds = Seconds(6.0);
const LEAST_BEFORE: Seconds = Seconds(3.0);
/// A maximum is one if nothing in this time after it is higher.
const PEAK: Seconds = Seconds(0.25);
/// Added to variances, about (1.5 dB)² in units of the normalised levels: a steady tone has none of its own.
const LEAST_VARIANCE: f64 = 0.01;

/// Sums over the frames of one window: of each band's level and its square.
#[derive(Debug, Clone)]
struct Window {
    frames: usize,
    sums: Vec<[f64; 2]>,
}

impl Window {
    fn new(bands: usize) -> Self {
        Self {
            frames: 0,
            sums: vec![[0.0; 2]; bands],
        }
    }

    fn clear(&mut self) {
        self.frames = 0;
        self.sums.fill([0.0; 2]);
    }

    fn add(&mut self, row: &[f32]) {
        self.frames += 1;
        for ([sum, squares], &x) in self.sums.iter_mut().zip(row) {
            *sum += f64::from(x);
            *squares += f64::from(x) * f64::from(x);
        }
    }

    fn remove(&mut self, row: &[f32]) {
        self.frames -= 1;
        for ([sum, squares], &x) in self.sums.iter_mut().zip(row) {
            *sum -= f64::from(x);
            *squares -= f64::from(x) * f64::from(x);
        }
    }

    /// Of one band's sums: mean and variance.
    fn moments(&self, [sum, squares]: [f64; 2]) -> (f64, f64) {
        let n = self.frames.max(1) as f64;
        let mean = sum / n;
        (mean, (squares / n - mean * mean).max(0.0) + LEAST_VARIANCE)
    }

    /// The mean over all bands.
    fn level(&self) -> f64 {
        let total: f64 = self.sums.iter().map(|[sum, _]| sum).sum();
        total / (self.frames.max(1) * self.sums.len()) as f64
    }

    /// The distance of two windows, 0 or more.
    fn distance(&self, other: &Self) -> f32 {
        let shift = self.level() - other.level();
        let bands = self.sums.iter().zip(&other.sums);
        let total: f64 = bands
            .map(|(&one, &two)| {
                let ((mean, variance), (mean_2, variance_2)) = (self.moments(one), other.moments(two));
                let both = variance + variance_2;
                (mean - mean_2 - shift).powi(2) / (4.0 * both)
                    + 0.5 * (both / (2.0 * (variance * variance_2).sqrt())).ln()
            })
            .sum();
        (total / self.sums.len() as f64) as f32
    }
}

/// Where the detector stands between two candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Search {
    /// Nothing is above the threshold.
    Below,
    /// The highest distance so far, and how many frames ago.
    Rising { highest: f32, age: usize },
    /// A candidate was found; the distance has to fall before another is.
    Found { highest: f32 },
}

/// Compares the last two seconds with those before.
#[derive(Debug, Clone)]
pub(crate) struct SpectralChange {
    loudness: LoudnessNormalizer,
    bands: usize,
    /// Frames of the two windows, the least of the second, and what a maximum waits.
    recent_frames: usize,
    before_frames: usize,
    least_before: usize,
    peak_frames: usize,
    /// Normalised frames, a ring; the next one goes to `next`.
    rows: Vec<f32>,
    next: usize,
    recent: Window,
    before: Window,
    row: Vec<f32>,
    search: Search,
}

impl SpectralChange {
    /// Before the first frame.
    pub(crate) fn new(spec: &FrontEndSpec) -> Self {
        let (recent_frames, before_frames) = (spec.frames_in(RECENT).max(1), spec.frames_in(BEFORE).max(1));
        Self {
            loudness: LoudnessNormalizer::new(spec),
            bands: spec.bands,
            recent_frames,
            before_frames,
            least_before: spec.frames_in(LEAST_BEFORE).max(1),
            peak_frames: spec.frames_in(PEAK).max(1),
            rows: vec![0.0; (recent_frames + before_frames) * spec.bands],
            next: 0,
            recent: Window::new(spec.bands),
            before: Window::new(spec.bands),
            row: Vec::with_capacity(spec.bands),
            search: Search::Below,
        }
    }

    /// How many of the newest frames are of the new sound when one is found.
    pub(crate) fn new_frames(&self) -> usize {
        self.recent_frames + self.peak_frames
    }

    /// The next frame is a first frame.
    pub(crate) fn reset(&mut self) {
        self.loudness.reset();
        self.forget_all_but(0);
    }

    /// Forgets all but the newest `frames`: what was before them is another piece.
    pub(crate) fn forget_all_but(&mut self, frames: usize) {
        let kept = frames.min(self.recent.frames + self.before.frames);
        self.recent.clear();
        self.before.clear();
        for age in (0..kept).rev() {
            let row = row_at(&self.rows, self.bands, self.next, age);
            if age < self.recent_frames {
                self.recent.add(row);
            } else {
                self.before.add(row);
            }
        }
        self.search = Search::Below;
    }

    /// Takes the levels of one frame in dB. Whether the distance has passed a maximum above `threshold`: a new sound
    /// began [`SpectralChange::new_frames`] ago.
    pub(crate) fn push(&mut self, mel_db: &[f32], threshold: f32) -> bool {
        self.row.clear();
        self.loudness.push(mel_db, &mut self.row);
        if self.before.frames == self.before_frames {
            let oldest = self.recent_frames + self.before_frames - 1;
            self.before.remove(row_at(&self.rows, self.bands, self.next, oldest));
        }
        if self.recent.frames == self.recent_frames {
            let row = row_at(&self.rows, self.bands, self.next, self.recent_frames - 1);
            self.recent.remove(row);
            self.before.add(row);
        }
        self.recent.add(&self.row);
        self.rows[self.next * self.bands..][..self.bands].copy_from_slice(&self.row);
        self.next = (self.next + 1) % (self.recent_frames + self.before_frames);
        self.distance().is_some_and(|distance| self.search(distance, threshold))
    }

    /// The distance of the two windows; `None` before there is enough of both.
    pub(crate) fn distance(&self) -> Option<f32> {
        let is_enough = self.recent.frames == self.recent_frames && self.before.frames >= self.least_before;
        is_enough.then(|| self.recent.distance(&self.before))
    }

    fn search(&mut self, distance: f32, threshold: f32) -> bool {
        match &mut self.search {
            Search::Below if distance > threshold => {
                self.search = Search::Rising {
                    highest: distance,
                    age: 0,
                };
            }
            Search::Below => {}
            Search::Rising { highest, age } if distance > *highest => (*highest, *age) = (distance, 0),
            Search::Rising { highest, age } => {
                *age += 1;
                if *age == self.peak_frames {
                    self.search = Search::Found { highest: *highest };
                    return true;
                }
            }
            Search::Found { highest } => {
                if distance < threshold || distance < *highest / 2.0 {
                    self.search = Search::Below;
                }
            }
        }
        false
    }
}

/// The row that came `age` frames before the newest, in a ring whose next row goes to `next`.
fn row_at(rows: &[f32], bands: usize, next: usize, age: usize) -> &[f32] {
    let places = rows.len() / bands;
    let place = (next + places - 1 - age) % places;
    &rows[place * bands..][..bands]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of a noise with a tilt over the bands: another tilt is another spectrum. Deterministic.
    fn frame(spec: &FrontEndSpec, number: usize, tilt: f32, gain_db: f32) -> Vec<f32> {
        let noise = |band: usize| ((number * 131 + band * 7_919) * 2_654_435_761 % 1_000_003) as f32 / 1_000_003.0;
        (0..spec.bands)
            .map(|band| gain_db - 40.0 + tilt * (band as f32 / spec.bands as f32 - 0.5) + 24.0 * noise(band))
            .collect()
    }

    fn change_frames(spec: &FrontEndSpec) -> usize {
        SpectralChange::new(spec).new_frames()
    }

    /// Where the candidates begin that are found among frames with this tilt and gain.
    fn found(frames: usize, at: impl Fn(usize) -> (f32, f32)) -> Vec<usize> {
        let spec = FrontEndSpec::default();
        let mut change = SpectralChange::new(&spec);
        (0..frames)
            .filter(|&number| {
                let (tilt, gain) = at(number);
                change.push(&frame(&spec, number, tilt, gain), 0.1)
            })
            .map(|number| number + 1 - change_frames(&spec))
            .collect()
    }

    #[test]
    fn a_change_is_dated_to_the_frame() {
        let all = found(1500, |number| (if number < 700 { -30.0 } else { 30.0 }, 0.0));
        // As the distance falls it may have lower maxima: candidates too.
        let Some(began) = all.first() else {
            panic!("no change");
        };
        assert!(began.abs_diff(700) <= 1, "it began at frame 700, not {all:?}");
    }

    #[test]
    fn steady_sound_and_a_volume_knob_are_no_change() {
        assert_eq!(found(1500, |_| (30.0, 0.0)), Vec::<usize>::new());
        assert_eq!(
            found(1500, |number| (30.0, if number < 700 { 0.0 } else { -9.0 })),
            Vec::<usize>::new()
        );
    }

    #[test]
    fn what_is_forgotten_is_not_compared() {
        let spec = FrontEndSpec::default();
        let mut change = SpectralChange::new(&spec);
        for number in 0..600 {
            let tilt = if number < 400 { -30.0 } else { 30.0 };
            change.push(&frame(&spec, number, tilt, 0.0), 100.0);
        }
        let before = change.distance().unwrap_or_default();
        // The sums are those of the frames that stay.
        change.forget_all_but(86 + 100);
        assert_eq!((change.recent.frames, change.before.frames), (86, 100));
        assert_eq!(change.distance(), None, "3 s are needed before the recent two");
        for number in 600..640 {
            change.push(&frame(&spec, number, 30.0, 0.0), 100.0);
        }
        let after = change.distance().unwrap_or(f32::NAN);
        assert!(after < 0.02 && before > 0.1, "{before} {after}");
    }

    #[test]
    fn the_distance_is_bhattacharyyas() {
        // Levels 0, 2 and 4, 4 in one band; 0, 0 and 0, 0 in the other.
        let window = |rows: [[f32; 2]; 2]| {
            let mut window = Window::new(2);
            for row in rows {
                window.add(&row);
            }
            window
        };
        let (one, two) = (window([[0.0, 0.0], [2.0, 0.0]]), window([[4.0, 0.0], [4.0, 0.0]]));
        // Means 1, 0 and 4, 0: of all bands 0.5 and 2; relative 0.5, −0.5 and 2, −2. Variances 1.01, 0.01 and 0.01, 0.01.
        let first = 1.5_f64.powi(2) / (4.0 * 1.02) + 0.5 * (1.02 / (2.0 * 0.0101_f64.sqrt())).ln();
        let second = 1.5_f64.powi(2) / (4.0 * 0.02);
        let wanted = f64::midpoint(first, second) as f32;
        assert!((one.distance(&two) - wanted).abs() < 1e-5 * wanted);
        assert!(one.distance(&one).abs() < 1e-9);
    }
}
