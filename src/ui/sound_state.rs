//! Whether there is sound now: all that is drawn as current goes by it.
//!
//! In: what is open, the newest snapshot. Out: one state, and what to say of it. Thread: window.

use super::panels::{SourceCondition, SourceView};
use super::wording;
use attune_audio::source::SourceKind;
use attune_engine::Snapshot;
use jiff::{SignedDuration, Timestamp};

/// Silence of the callback that a healthy device never shows: many buffers of 10 ms.
pub(super) const STALLED_SECS: f64 = 0.5;

/// Whether there is sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoundState {
    /// None was played yet.
    NotYet,
    /// It plays, or what is drawn is of a held moment.
    Playing,
    /// The user paused it.
    Paused,
    /// The file came to its end.
    Ended,
    /// There should be some, but since then there is none.
    Missing(Timestamp),
}

impl SoundState {
    /// The state now. The begin of an outage is kept in `source`.
    pub(super) fn follow(source: &mut SourceView, snapshot: &Snapshot) -> Self {
        let plays = snapshot.transport.playing;
        let is_device = source.opened.as_ref().is_some_and(|open| open.kind != SourceKind::File);
        let has_frames = snapshot.sequence > 0 && snapshot.frames > 0;
        let age = snapshot.health.callback_age.0;
        let is_stalled = is_device && plays && has_frames && age > STALLED_SECS;
        let has_failed = matches!(source.condition, SourceCondition::Retried | SourceCondition::Failed);
        if !has_failed && !is_stalled {
            source.missing_since = None;
        } else if source.missing_since.is_none() {
            // The device stopped before anyone noticed.
            let age = SignedDuration::try_from_secs_f64(if is_device { age } else { 0.0 }).unwrap_or_default();
            source.missing_since = Some(Timestamp::now() - age);
        }
        if plays && source.condition == SourceCondition::Ended {
            source.condition = SourceCondition::Open;
        }
        match source.missing_since {
            Some(since) => Self::Missing(since),
            None if source.condition == SourceCondition::Ended => Self::Ended,
            None if !has_frames => Self::NotYet,
            None if plays => Self::Playing,
            None => Self::Paused,
        }
    }

    /// Whether it plays.
    pub(super) fn plays(self) -> bool {
        self == Self::Playing
    }

    /// Whether sound is missing.
    pub(super) fn is_missing(self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// What is missing, in a few words.
    pub(super) fn missing(self) -> Option<String> {
        match self {
            Self::Missing(since) => Some(format!("No sound since {}", wording::time_of_day(since))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::history::tests::snapshot;
    use attune_audio::source::OpenedSource;
    use attune_audio::units::{SampleRate, Seconds};

    fn device() -> SourceView {
        SourceView {
            opened: Some(OpenedSource {
                kind: SourceKind::Microphone,
                host: "Test".to_owned(),
                name: "Mic".to_owned(),
                id: "mic".to_owned(),
                rate: SampleRate(48_000),
                channels: 1,
                format: "F32".to_owned(),
                buffer_frames: None,
                duration: None,
                output: None,
            }),
            ..SourceView::default()
        }
    }

    #[test]
    fn an_outage_began_when_the_callback_stopped_and_keeps_its_time() {
        let mut source = device();
        let mut now = snapshot(1, 100);
        now.transport.playing = true;
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Playing);
        now.health.callback_age = Seconds(3.0);
        let SoundState::Missing(since) = SoundState::follow(&mut source, &now) else {
            panic!("the callback is silent");
        };
        let back = Timestamp::now().duration_since(since).as_secs_f64();
        assert!((3.0..4.0).contains(&back), "{back}");
        // The device is lost: stopped, and the same outage.
        now.health.callback_age = Seconds(0.0);
        now.transport.playing = false;
        source.condition = SourceCondition::Retried;
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Missing(since));
        source.condition = SourceCondition::Open;
        now.transport.playing = true;
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Playing);
    }

    #[test]
    fn a_paused_device_misses_nothing_and_an_ended_file_is_not_paused() {
        let mut source = device();
        let mut now = snapshot(1, 100);
        now.health.callback_age = Seconds(9.0);
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Paused);
        source.condition = SourceCondition::Ended;
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Ended);
        now.transport.playing = true;
        now.health.callback_age = Seconds(0.0);
        assert_eq!(SoundState::follow(&mut source, &now), SoundState::Playing);
        assert_eq!(source.condition, SourceCondition::Open, "it was started again");
        assert_eq!(SoundState::follow(&mut device(), &snapshot(1, 0)), SoundState::NotYet);
    }
}
