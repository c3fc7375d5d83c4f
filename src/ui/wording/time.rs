//! What is known of a period of time, in sentences.
//!
//! In: points, parity, retrials. Out: text. Thread: window.

use super::percent;
use crate::ui::answers::ReplayResult;
use crate::ui::history::{History, Moment, TimelinePoint};
use crate::ui::track::{Parity, SAME};
use attune_audio::units::Seconds;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::{GenreId, GenreSet};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time of day where the user is.
pub(crate) fn time_of_day(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system())
        .strftime("%H:%M:%S")
        .to_string()
}

/// The same without seconds.
pub(crate) fn hour_and_minute(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%H:%M").to_string()
}

/// Date and time of day where the user is; seconds since 1970 of a damaged file that are no time are shown as they are.
pub(crate) fn date_and_time(unix_secs: i64) -> String {
    match Timestamp::from_second(unix_secs) {
        Ok(time) => time
            .to_zoned_datetime(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_) => unix_secs.to_string(),
    }
}

/// One point of a timeline: when, what was answered, what was likeliest.
pub(crate) fn point(point: &TimelinePoint, genres: &GenreSet) -> String {
    let mut ranked: Vec<_> = genres.ids().map(|id| (point.ensemble.of(id), id)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best: Vec<_> = ranked
        .iter()
        .take(3)
        .map(|(share, id)| format!("{} {}", genres.title(*id), percent(*share)))
        .collect();
    format!(
        "At {}: {}. Likeliest: {}.",
        point.at.clock(),
        point.state.title(genres),
        best.join(", ")
    )
}

/// How a time was answered, the most frequent first.
pub(crate) fn shares(shares: &[(AnswerState, f32)], genres: &GenreSet) -> String {
    let parts: Vec<_> = shares
        .iter()
        .take(3)
        .map(|(state, share)| format!("{} {} of the time", state.title(genres), percent(*share)))
        .collect();
    parts.join(", ")
}

/// Whether the live path gives what `attune analyze` gives.
pub(crate) fn parity(parity: &Parity, hop: Seconds) -> String {
    if parity.frames == 0 {
        return if parity.spoiled {
            "Live and offline answers are compared from the start: seek to 0:00".to_owned()
        } else {
            "Live and offline answers: nothing compared yet".to_owned()
        };
    }
    let over = parity.frames as f64 * hop.0;
    let points = 100.0 * parity.largest;
    if parity.largest <= SAME && parity.other_answers == 0 {
        format!("Same as offline analysis: largest difference {points:.2} points over {over:.1} s")
    } else {
        format!(
            "Differs from offline analysis: by {points:.2} points at {}, another answer for {:.1} of {over:.1} s",
            parity.largest_at.clock(),
            parity.other_answers as f64 * hop.0
        )
    }
}

/// The same as a mark.
pub(crate) fn parity_mark(parity: &Parity) -> String {
    let points = 100.0 * parity.largest;
    match parity.frames {
        0 if parity.spoiled => "Offline analysis: compared from the start only".to_owned(),
        0 => "Offline analysis: nothing compared yet".to_owned(),
        _ if parity.largest <= SAME && parity.other_answers == 0 => "Same as offline analysis".to_owned(),
        _ => format!("Differs from offline analysis by {points:.2} points"),
    }
}

/// What other knobs would have made of the time played, beside what was.
pub(crate) fn replays(tried: &ReplayResult, live: &ReplayResult, hop: Seconds) -> String {
    format!(
        "Of the last {:.0} s: {} changes of genre instead of {}, a genre answered {} of the time instead of {}.",
        tried.frames as f64 * hop.0,
        tried.changes,
        live.changes,
        percent(tried.answered),
        percent(live.answered)
    )
}

/// What the models say of one frame, and what smoothing makes of it.
pub(crate) fn raw_and_smoothed(moment: &Moment, genre: GenreId, genres: &GenreSet) -> String {
    let raw = match &moment.raw {
        Some(raw) => percent(raw.of(genre)),
        None => "nothing".to_owned(),
    };
    let smoothed = percent(moment.ensemble.of(genre));
    format!("{}: this frame alone {raw}, smoothed {smoothed}", genres.title(genre))
}

/// How much the models disagree at one column, and what was answered there.
pub(crate) fn disagreement(history: &History, column: u64, genres: &GenreSet) -> Option<String> {
    let moment = history.moment(column)?;
    let at = history.time_of(column)?.clock();
    let (leader, share) = moment.leader;
    let how = match moment.disagreement {
        Some(share) => format!("the models' disagreement is {} of the most possible", percent(share)),
        None => "fewer than two models are on".to_owned(),
    };
    Some(format!(
        "At {at}: {}; {} leads with {}; {how}.",
        moment.state.title(genres),
        genres.title(leader),
        percent(share)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_says_whether_and_by_how_much() {
        let hop = Seconds(0.02);
        let mut found = Parity {
            frames: 500,
            largest: 0.0001,
            ..Parity::default()
        };
        assert_eq!(
            parity(&found, hop),
            "Same as offline analysis: largest difference 0.01 points over 10.0 s"
        );
        found.largest = 0.031;
        found.largest_at = Seconds(62.0);
        found.other_answers = 25;
        assert_eq!(
            parity(&found, hop),
            "Differs from offline analysis: by 3.10 points at 1:02.0, another answer for 0.5 of 10.0 s"
        );
        assert!(parity(&Parity::default(), hop).contains("nothing compared yet"));
    }
}
