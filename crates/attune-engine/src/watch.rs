//! Sources that look alive but bring nothing useful: stalled, all zero, clipped.
//!
//! In: levels of frames, age of the callback. Out: warnings, each once, and the all-clear. Thread: worker.

use super::Event;
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::Seconds;

/// A device that brought nothing for this long is stalled; ordinary buffers last 0.01 to 0.1 s.
const STALLED: Seconds = Seconds(1.0);
/// A microphone always has some noise: exact zeros for this long are a muted or forbidden one.
const ALL_ZERO: Seconds = Seconds(3.0);
/// How long a single clipped frame counts, and how many of them within that time are a warning.
const CLIP_MEMORY: Seconds = Seconds(3.0);
const CLIPS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Stalled,
    AllZero,
    Clipped,
}

/// Watches what one open source brings.
#[derive(Debug)]
pub(super) struct InputWatch {
    kind: SourceKind,
    name: String,
    zero_since: Option<Seconds>,
    clips: std::collections::VecDeque<Seconds>,
    reported: Option<Trouble>,
}

impl InputWatch {
    pub(super) fn new(opened: &OpenedSource) -> Self {
        Self {
            kind: opened.kind,
            name: opened.name.clone(),
            zero_since: None,
            clips: std::collections::VecDeque::new(),
            reported: None,
        }
    }

    /// Takes one frame: when it ended, and the highest amplitude in it.
    pub(super) fn observe(&mut self, at: Seconds, peak: f32, clipped: bool) {
        if peak == 0.0 {
            self.zero_since.get_or_insert(at);
        } else {
            self.zero_since = None;
        }
        if clipped {
            self.clips.push_back(at);
        }
        // Stream time goes back when a file is sought: what lies ahead is forgotten too.
        self.clips
            .retain(|clip| (0.0..CLIP_MEMORY.0).contains(&(at.0 - clip.0)));
        if self.zero_since.is_some_and(|since| since.0 > at.0) {
            self.zero_since = Some(at);
        }
    }

    /// Judges: an event if something is newly wrong, or right again.
    pub(super) fn judge(&mut self, now: Seconds, callback_age: Seconds) -> Option<Event> {
        // A file may be as loud or as silent as it likes.
        if self.kind == SourceKind::File {
            return None;
        }
        let zeros = self.zero_since.is_some_and(|since| now.0 - since.0 >= ALL_ZERO.0);
        let trouble = if callback_age.0 >= STALLED.0 {
            Some(Trouble::Stalled)
        } else if zeros && self.kind == SourceKind::Microphone {
            Some(Trouble::AllZero)
        } else if self.clips.len() >= CLIPS {
            Some(Trouble::Clipped)
        } else {
            None
        };
        if trouble == self.reported {
            return None;
        }
        self.reported = trouble;
        let name = &self.name;
        Some(match trouble {
            None => Event::Recovered,
            Some(Trouble::Stalled) => Event::Warning {
                message: format!("{name} has delivered no samples for {:.0} s", STALLED.0),
                remedy: "Check that it is connected; it is reopened if it stays away.".to_owned(),
            },
            Some(Trouble::AllZero) => Event::Warning {
                message: format!("{name} delivers nothing but zeros"),
                remedy: "Check that it is not muted, and that programs may use the microphone.".to_owned(),
            },
            Some(Trouble::Clipped) => Event::Warning {
                message: format!("{name} is too loud: it clips"),
                remedy: "Turn its input level down.".to_owned(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::SampleRate;

    fn watch(kind: SourceKind) -> InputWatch {
        InputWatch::new(&OpenedSource {
            kind,
            host: "Test".to_owned(),
            name: "Desk microphone".to_owned(),
            id: "test:0".to_owned(),
            rate: SampleRate(48_000),
            channels: 1,
            format: "F32".to_owned(),
            buffer_frames: None,
            duration: None,
            output: None,
        })
    }

    /// Events of 10 s in which every tenth of a second has the peak that `peak` gives.
    fn events(kind: SourceKind, peak: impl Fn(f64) -> f32) -> Vec<(f64, Event)> {
        let mut watch = watch(kind);
        let mut events = Vec::new();
        for i in 0..100 {
            let at = f64::from(i) * 0.1;
            watch.observe(Seconds(at), peak(at), peak(at) >= 1.0);
            events.extend(watch.judge(Seconds(at), Seconds(0.01)).map(|event| (at, event)));
        }
        events
    }

    #[test]
    fn a_microphone_of_zeros_is_reported_once_and_so_is_its_recovery() {
        let reported = events(
            SourceKind::Microphone,
            |at| if (2.0..6.0).contains(&at) { 0.0 } else { 0.1 },
        );
        assert_eq!(reported.len(), 2, "{reported:?}");
        assert!((reported[0].0 - 5.0).abs() < 0.15, "3 s after the first zero");
        assert!(matches!(&reported[0].1, Event::Warning { message, .. } if message.contains("Desk microphone")));
        assert_eq!(reported[1].1, Event::Recovered);
        assert!((reported[1].0 - 6.0).abs() < 0.15);
    }

    #[test]
    fn a_silent_monitor_or_file_is_no_trouble() {
        assert!(events(SourceKind::Monitor, |_| 0.0).is_empty());
        assert!(events(SourceKind::File, |_| 1.0).is_empty());
    }

    #[test]
    fn clipping_and_stalling_are_reported() {
        let reported = events(SourceKind::Microphone, |_| 1.0);
        assert!(matches!(&reported[..], [(_, Event::Warning { message, .. })] if message.contains("clips")));
        let mut watch = watch(SourceKind::Monitor);
        assert!(watch.judge(Seconds(0.0), Seconds(0.2)).is_none());
        assert!(matches!(
            watch.judge(Seconds(0.0), Seconds(1.1)),
            Some(Event::Warning { .. })
        ));
        assert_eq!(watch.judge(Seconds(0.0), Seconds(0.01)), Some(Event::Recovered));
    }
}
