//! What can be chosen in the window.
//!
//! In: nothing. Out: the choices. Thread: window.

pub use crate::settings::{Page, Plot, View};
use attune_audio::playback::Pace;
use attune_audio::units::Seconds;
use eframe::egui::{LayerId, Rect};

impl Page {
    /// All pages, in order.
    pub const ALL: [Self; 5] = [Self::Genres, Self::Decisions, Self::Knobs, Self::Sessions, Self::Heads];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Genres => "Genres",
            Self::Decisions => "Decisions",
            Self::Knobs => "Knobs",
            Self::Sessions => "Sessions",
            Self::Heads => "Heads",
        }
    }

    /// What is on it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Genres => "The answer of each model",
            Self::Decisions => "What was answered and what was held back, and why",
            Self::Knobs => "Smoothing and decision",
            Self::Sessions => "Earlier sessions",
            Self::Heads => "What each attention head attends to, and the answer without it",
        }
    }
}

impl View {
    /// All views, in the order of their keys.
    pub const ALL: [Self; 3] = [Self::Stage, Self::Lecture, Self::Bench];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Stage => "Stage",
            Self::Lecture => "Lecture",
            Self::Bench => "Bench",
        }
    }

    /// What it is for.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Stage => "The answer, to be read from afar",
            Self::Lecture => "One plot and one sentence at a time",
            Self::Bench => "All plots, to work with",
        }
    }
}

/// The plot of two models, a part of [`Plot::Answers`].
pub(super) const TWO_MODELS: &str = "Two models";

impl Plot {
    /// All of them, from top to bottom.
    pub const ALL: [Self; 5] = [
        Self::Spectrogram,
        Self::Changed,
        Self::Internals,
        Self::Answers,
        Self::Timeline,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Spectrogram => "Spectrogram",
            Self::Changed => "What changed the answer",
            Self::Internals => "Heads, gates, field, scores, words",
            Self::Answers => "Answers and disagreement",
            Self::Timeline => "Timeline",
        }
    }

    /// The one that is saved under this name.
    pub fn named(name: &str) -> Self {
        let name = if name == TWO_MODELS {
            Self::Answers.title()
        } else {
            name
        };
        let known = Self::ALL.into_iter().find(|plot| plot.title() == name);
        known.unwrap_or(Self::Internals)
    }
}

/// How a plot is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Pixels as they are seen.
    Png,
    /// Shapes, as large as one likes.
    Svg,
    /// No picture: the figures behind it.
    Csv,
}

/// Where a plot stands in this frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotPlace {
    /// Its name.
    pub name: String,
    /// With its axes.
    pub rect: Rect,
    /// What it is painted on.
    pub layer: LayerId,
}

/// How a half second's part in the answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttributionMethod {
    /// All models run without it.
    #[default]
    Occlusion,
    /// The attention model may attend to nothing else.
    AttentionOverride,
}

/// What is inspected below the spectrogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Internals {
    /// The heads of the attention model.
    #[default]
    Heads,
    /// The units of the recurrent model at this place among the models.
    Units(usize),
    /// How far the convolutional model reaches.
    Field,
    /// The score functions, trained separately.
    Scores,
    /// What sounds, in words.
    Words,
}

/// What the track of a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrackShows {
    /// Answers over time.
    #[default]
    Answers,
    /// Which of its segments decided.
    Segments,
    /// Which sections it has, and where a network looked for each.
    Sections,
}

/// A drag over the track of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TrackDrag {
    /// The playhead is moved.
    Scrub,
    /// A segment to loop is chosen.
    Select {
        /// Where the drag began.
        from: Seconds,
        /// Where it is.
        to: Seconds,
    },
}

/// How much of the past a plot shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// What people read.
    pub label: &'static str,
    /// Its length.
    pub seconds: f64,
}

/// What the spectrogram can show: at most what [`super::history`] keeps at the default hop.
pub(super) const SPECTROGRAM_SPANS: [Span; 3] = [
    Span {
        label: "6 s",
        seconds: 6.0,
    },
    Span {
        label: "12 s",
        seconds: 12.0,
    },
    Span {
        label: "23 s",
        seconds: 23.0,
    },
];

/// What the timeline can show.
pub(super) const TIMELINE_SPANS: [Span; 3] = [
    Span {
        label: "1 min",
        seconds: 60.0,
    },
    Span {
        label: "5 min",
        seconds: 300.0,
    },
    Span {
        label: "20 min",
        seconds: 1200.0,
    },
];

/// How fast a file may be played.
pub(super) const PACES: [(Pace, &str); 4] = [
    (Pace::Times(1.0), "1×"),
    (Pace::Times(2.0), "2×"),
    (Pace::Times(8.0), "8×"),
    (Pace::FlatOut, "As fast as possible"),
];
