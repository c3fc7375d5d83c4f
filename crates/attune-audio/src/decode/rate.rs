//! A stretch of another rate than the file began with, brought to that rate.
//!
//! In: interleaved samples. Out: interleaved samples. Thread: any.

use crate::features::RateConverter;
use crate::units::SampleRate;

/// One converter for each channel.
pub(super) struct ToFirstRate {
    converters: Vec<RateConverter>,
    planes: Vec<Vec<f32>>,
}

impl ToFirstRate {
    /// For `channels` channels, between rates from 8 to 192 kHz.
    pub(super) fn new(from: SampleRate, to: SampleRate, channels: usize) -> Result<Self, String> {
        let converters: Result<Vec<_>, _> = (0..channels).map(|_| RateConverter::new(from, to)).collect();
        let converters =
            converters.map_err(|error| format!("its rate changes from {} to {} Hz: {error}", to.0, from.0))?;
        Ok(Self {
            converters,
            planes: vec![Vec::new(); channels],
        })
    }

    /// Takes a block and returns what is ready.
    pub(super) fn push(&mut self, block: &[f32]) -> Result<Vec<f32>, String> {
        let channels = self.converters.len();
        let mut plane = Vec::with_capacity(block.len() / channels);
        for (channel, converter) in self.converters.iter_mut().enumerate() {
            plane.clear();
            plane.extend(block.iter().skip(channel).step_by(channels));
            converter
                .push(&plane, &mut self.planes[channel])
                .map_err(|error| error.to_string())?;
        }
        Ok(self.take())
    }

    /// What the converters still hold.
    pub(super) fn finish(&mut self) -> Result<Vec<f32>, String> {
        for (converter, plane) in self.converters.iter_mut().zip(&mut self.planes) {
            converter.finish(plane).map_err(|error| error.to_string())?;
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Vec<f32> {
        let frames = self.planes.iter().map(Vec::len).min().unwrap_or(0);
        let mut out = Vec::with_capacity(frames * self.planes.len());
        for frame in 0..frames {
            out.extend(self.planes.iter().map(|plane| plane[frame]));
        }
        for plane in &mut self.planes {
            plane.drain(..frames);
        }
        out
    }
}
