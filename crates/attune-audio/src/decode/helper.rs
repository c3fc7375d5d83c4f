//! A file that `ffmpeg` decodes, with the same promises as one that is decoded here.
//!
//! In: an open file. Out: blocks of interleaved f32. Thread: any.

use super::damage::Damage;
use super::ffmpeg::{self, Failure, Ffmpeg};
use super::{AudioInfo, Blocks};
use crate::units::Seconds;
use std::fs::File;
use std::sync::Arc;

/// Blocks from `ffmpeg`. A seek starts it again and discards what comes before: only that is exact in every format.
pub(super) struct HelperStream {
    file: Arc<File>,
    ffmpeg: Ffmpeg,
    info: AudioInfo,
    block: Vec<f32>,
    pending: bool,
    broken: u64,
}

impl HelperStream {
    /// Starts it and reads the first block, which settles whether there is sound.
    pub(super) fn open(file: &Arc<File>) -> Result<Self, Failure> {
        let about = ffmpeg::about(file)?;
        let mut ffmpeg = Ffmpeg::start(file)?;
        let info = AudioInfo {
            decoder: about.decoder,
            rate: ffmpeg.rate,
            channels: ffmpeg.channels as u16,
            duration: about.duration,
            format: about.format,
        };
        if !(1..=super::MAX_RATE_HZ).contains(&info.rate.0) {
            return Err(Failure::Refused(format!("its rate would be {} Hz", info.rate.0)));
        }
        let mut block = Vec::new();
        let has_sound = ffmpeg
            .next_block(&mut block)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        if !has_sound {
            let (_, reason) = ffmpeg.end();
            return Err(Failure::Refused(reason.unwrap_or_else(|| "it has no sound".to_owned())));
        }
        Ok(Self {
            file: Arc::clone(file),
            ffmpeg,
            info,
            block,
            pending: true,
            broken: 0,
        })
    }
}

impl Blocks for HelperStream {
    fn info(&self) -> &AudioInfo {
        &self.info
    }

    fn extent(&self) -> (u64, Option<u64>) {
        (0, None)
    }

    fn stated(&self) -> Option<Seconds> {
        // It does not say whether its length is stated or estimated.
        None
    }

    fn damage(&self) -> Damage {
        Damage {
            packets: self.broken,
            ..Damage::default()
        }
    }

    fn block(&mut self) -> &mut [f32] {
        &mut self.block
    }

    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    fn advance(&mut self) -> Result<Option<usize>, String> {
        if std::mem::take(&mut self.pending) {
            return Ok(Some(self.info.channels.into()));
        }
        self.block.clear();
        match self.ffmpeg.next_block(&mut self.block) {
            Ok(true) => Ok(Some(self.info.channels.into())),
            Ok(false) => {
                let (broken, reason) = self.ffmpeg.end();
                self.broken = broken;
                reason.map_or(Ok(None), |reason| Err(format!("ffmpeg stopped: {reason}")))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn seek_before(&mut self, _: u64) -> Option<u64> {
        self.ffmpeg = Ffmpeg::start(&self.file).ok()?;
        self.pending = false;
        self.broken = 0;
        Some(0)
    }
}
