//! Over how many units a network that pools evidence spreads its attention: against collapse onto a moment.
//!
//! In: a trained network and clips. Out: [`AttentionSpan`]. Thread: the caller's.

use super::TrainError;
use super::dataset::Clip;
use super::familiarity::sounds;
use attune_audio::features::{FrameBlock, FrontEndSpec};
use attune_model::{EvidenceMap, GenreStream};

/// Means over the ends of clips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AttentionSpan {
    /// [`EvidenceMap::effective_units`].
    pub effective: f64,
    /// Units in the window.
    pub units: f64,
    /// How many clips.
    pub clips: usize,
}

impl AttentionSpan {
    /// Of all clips, whole and excerpts; `None` without clips, or if the network does not pool evidence.
    ///
    /// # Errors
    /// If the network cannot be computed.
    pub(crate) fn measure(
        stream: &mut dyn GenreStream,
        clips: &[Clip],
        spec: &FrontEndSpec,
    ) -> Result<Option<Self>, TrainError> {
        let mut map = EvidenceMap::default();
        let (mut effective, mut units, mut count) = (0.0, 0, 0);
        for (_, normalized) in sounds(clips, spec) {
            stream.reset()?;
            stream.answers(FrameBlock::new(&normalized, spec.bands))?;
            if stream.evidence(&mut map) {
                effective += f64::from(map.effective_units());
                units += map.units.len();
                count += 1;
            }
        }
        Ok((count > 0).then(|| Self {
            effective: effective / count as f64,
            units: units as f64 / count as f64,
            clips: count,
        }))
    }
}
