//! Figures as sentences, on screen and for screen readers.
//!
//! In: decisions, weights, sources. Out: text. Thread: window.

mod field;
mod heads;
mod sections;
mod segments;
mod surprise;
mod time;
mod units;
mod words;

pub(super) use field::{depends, field};
pub(super) use heads::{ablated, attended, matrix, points, tenths};
pub(super) use sections::{WHAT_SECTIONS_SAY, WHAT_THE_LIST_SAYS, listed, section, sections};
pub(super) use segments::{WHAT_SEGMENTS_SAY, as_a_whole, segment, segments};
pub(super) use surprise::{WHAT_SURPRISE_SAYS, surprise};
pub(super) use time::{
    date_and_time, disagreement, hour_and_minute, parity, parity_mark, point, raw_and_smoothed, replays, shares,
    time_of_day,
};
pub(super) use units::{memory_plainly, time_constant, unit, units};
pub(super) use words::{WHERE_WORDS_ARE_FROM, caption, word};

use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::Seconds;
use attune_engine::smoothing::Decision;
use attune_model::genre::GenreSet;

/// A whole number of percent.
pub(super) fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A time that is not known exactly.
pub(super) fn rough(time: std::time::Duration) -> String {
    match time.as_secs() {
        secs @ 0..90 => format!("{secs} s"),
        secs @ 90..5_400 => format!("{} min", secs.div_ceil(60)),
        secs => format!("{:.1} h", secs as f64 / 3_600.0),
    }
}

/// A length as people read it: `42 s`, `3:05`, `1:02:03`.
pub(super) fn duration(secs: f64) -> String {
    let whole = secs.max(0.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes}:{secs:02}"),
        (hours, minutes, secs) => format!("{hours}:{minutes:02}:{secs:02}"),
    }
}

/// A level, with a minus sign that is one.
pub(super) fn decibels(level_db: f32) -> String {
    format!("{level_db:.0} dB").replace('-', "−")
}

/// A genre as people read it; a label of other models as it is.
pub(super) fn genre_title(label: &str, genres: &GenreSet) -> String {
    genres
        .find(label)
        .map_or_else(|| label.to_owned(), |id| genres.title(id))
}

/// The answer in a word or two.
pub(super) fn answer(decision: &Decision, genres: &GenreSet) -> String {
    decision.state.title(genres)
}

/// What is really open.
pub(super) fn source(source: &OpenedSource) -> String {
    let mut parts = vec![source.host.clone(), rate(source.rate.0), channels(source.channels)];
    match source.kind {
        SourceKind::File => parts.push(match &source.output {
            Some(output) => format!("played through {output}"),
            None => "not played aloud".to_owned(),
        }),
        SourceKind::Microphone | SourceKind::Monitor => {
            parts.push(source.format.clone());
            if let Some(frames) = source.buffer_frames {
                let ms = 1000.0 * source.rate.duration(u64::from(frames)).0;
                parts.push(format!("buffer {frames} frames ({ms:.0} ms)"));
            }
        }
    }
    parts.join(" · ")
}

fn rate(hz: u32) -> String {
    if hz.is_multiple_of(1000) {
        format!("{} kHz", hz / 1000)
    } else {
        format!("{} kHz", f64::from(hz) / 1000.0)
    }
}

fn channels(count: u16) -> String {
    match count {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        n => format!("{n} channels"),
    }
}

/// A large count, in thousands.
pub(super) fn count(n: usize) -> String {
    if n >= 1000 {
        format!("{:.0} k", n as f64 / 1000.0)
    } else {
        n.to_string()
    }
}

/// Where a row of weights lies; rows are oldest first, the last entry is now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    /// Half of the weight lies nearer than this.
    pub median_back: Seconds,
    /// Where the strongest weight lies.
    pub strongest_back: Seconds,
    /// The strongest weight.
    pub strongest: f32,
    /// Over how much time the weight is spread: hop times the exponential of the entropy.
    pub spread: Seconds,
    /// Where the weight lies on average.
    pub mean_back: Seconds,
    /// Entropy of the weights; log2 of their number where they are even.
    pub entropy_bits: f32,
    /// Which end of its reach takes an uncommon share, and how much.
    pub sink: Option<(Sink, f32)>,
}

/// An end of the reach that draws weight for being the end, whatever is there (Xiao et al. 2024, *attention sinks*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// The oldest frames in reach.
    Oldest,
    /// The newest ones.
    Newest,
}

/// An end is this share of a row…
const END: f32 = 0.02;
/// …and a sink from this share of the weight on: ten times its own.
const SINK: f32 = 0.2;

/// The end that is a sink, if one is; a short row has none.
fn sink(weights: &[f32], total: f32) -> Option<(Sink, f32)> {
    let end = (END * weights.len() as f32).ceil() as usize;
    if weights.len() < 25 {
        return None;
    }
    let share = |part: &[f32]| part.iter().sum::<f32>() / total;
    let ends = [
        (Sink::Oldest, share(&weights[..end])),
        (Sink::Newest, share(&weights[weights.len() - end..])),
    ];
    ends.into_iter()
        .filter(|(_, share)| *share >= SINK)
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Sums up one row of weights (oldest first); `None` if it is empty or sums to nothing.
pub(super) fn look(weights: &[f32], hop: Seconds) -> Option<Look> {
    let total: f32 = weights.iter().sum();
    // A NaN or a negative sum fails too.
    if weights.is_empty() || total.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return None;
    }
    let (mut strongest, mut strongest_at) = (f32::NEG_INFINITY, 0);
    let (mut entropy, mut mean) = (0.0, 0.0);
    for (back, &weight) in weights.iter().rev().enumerate() {
        if weight > strongest {
            (strongest, strongest_at) = (weight, back);
        }
        let share = weight / total;
        mean += share * back as f32;
        if share > 0.0 {
            entropy -= share * share.ln();
        }
    }
    let mut seen = 0.0;
    let median = weights
        .iter()
        .rev()
        .position(|weight| {
            seen += weight;
            seen >= 0.5 * total
        })
        .unwrap_or(weights.len() - 1);
    Some(Look {
        median_back: Seconds(median as f64 * hop.0),
        strongest_back: Seconds(strongest_at as f64 * hop.0),
        strongest: strongest / total,
        spread: Seconds(f64::from(entropy.exp()) * hop.0),
        mean_back: Seconds(f64::from(mean) * hop.0),
        entropy_bits: entropy / std::f32::consts::LN_2,
        sink: sink(weights, total),
    })
}

/// Where one head attends.
pub(super) fn head(layer: usize, head: usize, look: &Look) -> String {
    let sink = match look.sink {
        Some((Sink::Oldest, share)) => format!(" {} of it lies on the oldest frames in reach: a sink.", percent(share)),
        Some((Sink::Newest, share)) => format!(" {} of it lies on the newest frames: a sink.", percent(share)),
        None => String::new(),
    };
    format!(
        "Layer {}, head {} attends {:.1} s back on average, half of its weight within {:.1} s; strongest {} at \
         −{:.1} s; spread over {:.1} s ({:.1} bits).{sink}",
        layer + 1,
        head + 1,
        look.mean_back.0,
        look.median_back.0,
        percent(look.strongest),
        look.strongest_back.0,
        look.spread.0,
        look.entropy_bits
    )
}

/// Where one head attends, for everybody.
pub(super) fn head_plainly(layer: usize, head: usize, look: &Look) -> String {
    format!(
        "Each row is one head, which attends to what it has learnt to find. Head {} of layer {} looks back farthest: \
         {:.1} s on average.",
        head + 1,
        layer + 1,
        look.mean_back.0
    )
}

/// What the classifier attends to, for everybody.
pub(super) fn attends_plainly(look: &Look) -> String {
    format!(
        "Gold is where the model attends. Half of its attention lies on the last {:.1} s; the moment {:.1} s ago has \
         most of it.",
        look.median_back.0, look.strongest_back.0
    )
}

/// What the classifier attends to.
pub(super) fn pooling(look: &Look) -> String {
    format!(
        "Half of the answer rests on the last {:.1} s; the strongest single frame, −{:.1} s, has {:.1} %; \
         spread over {:.1} s.",
        look.median_back.0,
        look.strongest_back.0,
        100.0 * look.strongest,
        look.spread.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::SampleRate;

    #[test]
    fn a_look_finds_median_peak_and_spread() {
        // Oldest first: 3 frames back has 0.6, now has 0.2, the rest share 0.2.
        let look = look(&[0.0, 0.6, 0.1, 0.1, 0.2], Seconds(0.5)).expect("weights are there");
        assert_eq!(look.strongest_back, Seconds(1.5));
        assert!((look.strongest - 0.6).abs() < 1e-6);
        // From now backwards: 0.2, 0.3, 0.4, 1.0: half is passed 3 frames back.
        assert_eq!(look.median_back, Seconds(1.5));
        // 3 · 0.6 + 2 · 0.1 + 1 · 0.1 = 2.1 frames.
        assert!((look.mean_back.0 - 1.05).abs() < 1e-5);
        let even = super::look(&[0.25; 4], Seconds(0.5)).expect("weights are there");
        assert!((even.entropy_bits - 2.0).abs() < 1e-5, "four even weights");
        // Four equal weights have entropy ln 4, hence spread 4 frames.
        assert!((even.spread.0 - 2.0).abs() < 1e-5);
    }

    #[test]
    fn an_end_that_takes_much_is_a_sink() {
        let mut row = vec![0.01; 100];
        assert_eq!(look(&row, Seconds(0.5)).expect("weights").sink, None);
        row[0] = 0.5;
        let found = look(&row, Seconds(0.5)).expect("weights");
        // 2 of 100 frames: 0.51 of 1.49.
        assert!(matches!(found.sink, Some((Sink::Oldest, share)) if (share - 0.342).abs() < 1e-3));
        let said = head(1, 2, &found);
        assert!(
            said.contains("Layer 2, head 3 attends") && said.contains("oldest frames in reach"),
            "{said}"
        );
        row[99] = 2.0;
        assert!(matches!(
            look(&row, Seconds(0.5)).expect("weights").sink,
            Some((Sink::Newest, _))
        ));
    }

    #[test]
    fn empty_and_broken_rows_have_no_look() {
        assert_eq!(look(&[], Seconds(0.5)), None);
        assert_eq!(look(&[0.0; 3], Seconds(0.5)), None);
        assert_eq!(look(&[f32::NAN; 3], Seconds(0.5)), None);
    }

    #[test]
    fn a_source_says_what_is_open() {
        let mut open = OpenedSource {
            kind: SourceKind::Microphone,
            host: "PulseAudio".into(),
            name: "Built-in".into(),
            id: "x".into(),
            rate: SampleRate(44_100),
            channels: 2,
            format: "F32".into(),
            buffer_frames: Some(441),
            duration: None,
            output: None,
        };
        assert_eq!(
            source(&open),
            "PulseAudio · 44.1 kHz · stereo · F32 · buffer 441 frames (10 ms)"
        );
        open.kind = SourceKind::File;
        open.host = "mp3".into();
        open.rate = SampleRate(48_000);
        open.channels = 1;
        assert_eq!(source(&open), "mp3 · 48 kHz · mono · not played aloud");
    }
}
