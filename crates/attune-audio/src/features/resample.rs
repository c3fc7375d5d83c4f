//! Resamples a stream from any rate to the rate of the front end, without a shift in time.
//!
//! In: mono samples at the source's rate, in pieces of any length. Out: mono samples at the front end's rate; sample n
//! of the output stands at the same time as input sample n·from/to. Thread: worker.
//!
//! Rubato is always fed blocks of one fixed length, so how the input is cut makes no difference, not even in the last
//! bit. Where the two rates have a large common divisor (all usual ones), the exact Fourier resampler works;
//! elsewhere its blocks would last too long for live sound, and windowed-sinc interpolation does the same job.

use super::FrontEndError;
use crate::units::SampleRate;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Indexing, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Lowest rate that is supported, in hertz.
pub(super) const LOWEST_RATE: SampleRate = SampleRate(8_000);
/// Highest rate that is supported, in hertz.
pub(crate) const HIGHEST_RATE: SampleRate = SampleRate(192_000);

/// The block that is resampled at once lasts about this long: it is both a delay and the length of the anti-alias
/// filter, so twice as much would halve the transition band at the top (about 300 Hz) and double the delay.
const BLOCK_SECS: f64 = 0.025;
/// With a smallest possible Fourier block above this, sinc interpolation is used.
const LONGEST_BLOCK_SECS: f64 = 0.05;

/// A streaming resampler, compensated for its delay.
pub struct RateConverter {
    from: SampleRate,
    to: SampleRate,
    /// None where the rates are equal: samples pass unchanged.
    stage: Option<Stage>,
    taken: u64,
    given: u64,
    finished: bool,
}

struct Stage {
    rubato: Box<dyn Resampler<f32>>,
    /// Input that does not fill a block yet; its capacity is a block.
    waiting: Vec<f32>,
    block_in: usize,
    resampled: Vec<f32>,
    /// How the stream starts, so that output sample 0 stands at input sample 0.
    start: Start,
    /// Samples of output that are still the filter's run-in.
    run_in: usize,
    reach_in: usize,
}

/// How the delay of a resampler is taken out.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// Zeros put before the first sample.
    zeros: usize,
    /// Samples of output dropped.
    dropped: usize,
}

impl RateConverter {
    /// A converter between two rates, each from 8 to 192 kHz.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, FrontEndError> {
        for rate in [from, to] {
            if !(LOWEST_RATE..=HIGHEST_RATE).contains(&rate) {
                return Err(FrontEndError::SourceRate(rate.0));
            }
        }
        let stage = if from == to {
            None
        } else {
            Some(Stage::new(from, to).map_err(|message| refused(from, to, message))?)
        };
        Ok(Self {
            from,
            to,
            stage,
            taken: 0,
            given: 0,
            finished: false,
        })
    }

    /// How many samples come out for `samples` in all, after [`RateConverter::finish`]: their time span, rounded up.
    pub fn output_samples(&self, samples: u64) -> u64 {
        (samples * u64::from(self.to.0)).div_ceil(u64::from(self.from.0))
    }

    /// How many input samples beyond its own time an output sample can depend on and wait for, at most: half the
    /// filter and what fills the block. 0 where the rates are equal.
    pub fn reach_samples(&self) -> u64 {
        self.stage.as_ref().map_or(0, |stage| stage.reach_in as u64)
    }

    /// Takes samples and appends what can be given to `out`.
    pub fn push(&mut self, mut samples: &[f32], out: &mut Vec<f32>) -> Result<(), FrontEndError> {
        if self.finished {
            return Err(FrontEndError::Finished);
        }
        self.taken += samples.len() as u64;
        let Some(stage) = self.stage.as_mut() else {
            out.extend_from_slice(samples);
            self.given += samples.len() as u64;
            return Ok(());
        };
        while !samples.is_empty() {
            let room = stage.block_in - stage.waiting.len();
            let (now, later) = samples.split_at(room.min(samples.len()));
            stage.waiting.extend_from_slice(now);
            samples = later;
            if stage.waiting.len() == stage.block_in {
                let given = stage
                    .process(None, out)
                    .map_err(|message| refused(self.from, self.to, message))?;
                self.given += given as u64;
            }
        }
        Ok(())
    }

    /// Appends what the filter still holds, as if silence followed, up to the time span of what was taken.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), FrontEndError> {
        let wanted = self.output_samples(self.taken);
        self.finished = true;
        let Some(stage) = self.stage.as_mut() else {
            return Ok(());
        };
        while self.given < wanted {
            let waiting = stage.waiting.len();
            let given = stage
                .process(Some(waiting), out)
                .map_err(|message| refused(self.from, self.to, message))?;
            self.given += given as u64;
        }
        let beyond = (self.given - wanted) as usize;
        out.truncate(out.len() - beyond.min(out.len()));
        self.given = wanted;
        Ok(())
    }

    /// Resets the state: the next sample is the first of a new stream.
    pub fn reset(&mut self) {
        if let Some(stage) = self.stage.as_mut() {
            stage.rubato.reset();
            stage.start_stream();
        }
        self.taken = 0;
        self.given = 0;
        self.finished = false;
    }
}

impl Stage {
    fn new(from: SampleRate, to: SampleRate) -> Result<Self, String> {
        if let Some(block) = fourier_block(from, to) {
            Self::fourier(from, to, block)
        } else {
            Self::sinc(from, to)
        }
    }

    fn fourier(from: SampleRate, to: SampleRate, block: usize) -> Result<Self, String> {
        let (from, to) = (from.0 as usize, to.0 as usize);
        let window = WindowFunction::BlackmanHarris;
        let fft = Fft::<f32>::new_custom(from, to, block, 1, 1, window, FixedSync::Both).map_err(|e| e.to_string())?;
        let start = Start {
            zeros: 0,
            dropped: fft.output_delay(),
        };
        let block_in = fft.input_frames_next();
        Ok(Self::begun(Box::new(fft), block_in, block_in / 2, start))
    }

    fn sinc(from: SampleRate, to: SampleRate) -> Result<Self, String> {
        // A filter of the same time span as the Fourier resampler's.
        let taps = ((from.hz() * BLOCK_SECS) as usize).next_multiple_of(8);
        let parameters = SincInterpolationParameters {
            sinc_len: taps,
            f_cutoff: None,
            oversampling_factor: 128,
            interpolation: SincInterpolationType::Quadratic,
            window: WindowFunction::BlackmanHarris,
        };
        let (ratio, block_in) = (to.hz() / from.hz(), taps / 2);
        let sinc = Async::<f32>::new_sinc(ratio, 1.0, &parameters, block_in, 1, FixedAsync::Input)
            .map_err(|error| error.to_string())?;
        Ok(Self::begun(
            Box::new(sinc),
            block_in,
            taps / 2,
            Start::of_sinc(taps, from, to),
        ))
    }

    fn begun(rubato: Box<dyn Resampler<f32>>, block_in: usize, half_filter_in: usize, start: Start) -> Self {
        let mut stage = Self {
            waiting: Vec::with_capacity(block_in),
            block_in,
            resampled: vec![0.0; rubato.output_frames_max()],
            start,
            run_in: 0,
            reach_in: block_in + half_filter_in + start.zeros,
            rubato,
        };
        stage.start_stream();
        stage
    }

    fn start_stream(&mut self) {
        self.waiting.clear();
        self.waiting.resize(self.start.zeros, 0.0);
        self.run_in = self.start.dropped;
    }

    /// Resamples the block that waits (of which `partial` samples are real, the rest silence) and appends the result.
    fn process(&mut self, partial: Option<usize>, out: &mut Vec<f32>) -> Result<usize, String> {
        let indexing = partial.map(|samples| Indexing::new().partial_len(samples));
        let frames_out = self.resampled.len();
        let input = InterleavedSlice::new(&self.waiting[..], 1, self.waiting.len()).map_err(|e| e.to_string())?;
        let mut output =
            InterleavedSlice::new_mut(&mut self.resampled[..], 1, frames_out).map_err(|e| e.to_string())?;
        let (_, given) = self
            .rubato
            .process_into_buffer(&input, &mut output, indexing.as_ref())
            .map_err(|error| error.to_string())?;
        self.waiting.clear();
        let skipped = self.run_in.min(given);
        self.run_in -= skipped;
        out.extend_from_slice(&self.resampled[skipped..given]);
        Ok(given - skipped)
    }
}

impl Start {
    /// Rubato's sinc resampler gives its output k at the input time `(k + 1)·from/to - taps/2`, which seldom is a whole
    /// number for any k. Of the next few outputs this takes the one that some whole number of zeros brings nearest
    /// to time 0: within a twentieth of a sample, two microseconds.
    fn of_sinc(taps: usize, from: SampleRate, to: SampleRate) -> Self {
        let step = from.hz() / to.hz();
        let centre = (taps / 2) as f64;
        let first = (centre / step).ceil() as usize;
        let error = |dropped: usize| {
            let at = (dropped + 1) as f64 * step - centre;
            (at - at.round()).abs()
        };
        let dropped = (first..first + 64)
            .min_by(|&a, &b| error(a).total_cmp(&error(b)))
            .unwrap_or(first);
        Self {
            zeros: ((dropped + 1) as f64 * step - centre).round() as usize,
            dropped,
        }
    }
}

/// Length of a Fourier block in input samples, if one of bearable length exists. Both sides of it are even, so that
/// the delay (half a block) is a whole number of samples on both sides and can be taken out exactly.
fn fourier_block(from: SampleRate, to: SampleRate) -> Option<usize> {
    let smallest = 2 * from.0 / greatest_common_divisor(from.0, to.0);
    if f64::from(smallest) > LONGEST_BLOCK_SECS * from.hz() {
        return None;
    }
    // Doubled as often as fits best: transforms of such lengths are fast.
    let doublings = (BLOCK_SECS * from.hz() / f64::from(smallest)).log2().round().max(0.0);
    Some(smallest as usize * (1 << doublings as usize))
}

fn refused(from: SampleRate, to: SampleRate, message: String) -> FrontEndError {
    FrontEndError::Resampling {
        from_hz: from.0,
        to_hz: to.0,
        message,
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
