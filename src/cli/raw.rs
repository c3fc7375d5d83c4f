//! Files that are samples and nothing else, as the user describes them.
//!
//! In: words. Out: a format that every file is read in. Thread: main.

use super::error::AppError;
use attune_audio::decode::{RawFormat, read_all_as};

/// `--raw` and what belongs to it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RawArgs {
    /// The files are samples without a header: u8, s16le, s24le, s32le, f32le, f64le, alaw or mulaw
    #[arg(long, value_name = "ENCODING", requires = "rate")]
    pub raw: Option<String>,
    /// Sample rate of such files, in hertz
    #[arg(long, value_name = "HZ", requires = "raw")]
    pub rate: Option<u32>,
    /// Audio channels of such files, interleaved
    #[arg(long, value_name = "N", default_value_t = 1, requires = "raw")]
    pub channels: u16,
}

impl RawArgs {
    /// From now on every file is read as described.
    pub(super) fn apply(&self) -> Result<(), AppError> {
        let (Some(encoding), Some(rate)) = (&self.raw, self.rate) else {
            return Ok(());
        };
        let format = RawFormat::new(encoding, rate, self.channels)
            .map_err(|error| AppError::usage(format!("--raw: {error}"), "Say how the samples are stored."))?;
        read_all_as(format);
        Ok(())
    }
}
