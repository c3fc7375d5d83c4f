//! Figures of plots over time.

use super::super::compared::compared_pair;
use super::super::{Scene, head_of, map_shape, pooling_of};
use super::{Table, back, heading, shares, state};
use crate::ui::choices::TrackShows;
use crate::ui::history::{COLUMNS, TimelinePoint};
use crate::ui::job::Job;
use crate::ui::view_state::ViewState;
use attune_audio::features::MelFilterbank;
use attune_audio::units::Seconds;

/// The most points of a track.
const POINTS: usize = 20_000;

/// The columns that are kept and no breaks, oldest first, with their times.
fn columns<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = (u64, Seconds)> + 'a {
    let total = scene.history.total_columns();
    let kept = total.saturating_sub(COLUMNS as u64)..total;
    kept.filter_map(|column| Some((column, scene.history.time_of(column)?)))
}

/// Level of each band, in dB; a band is named by its centre.
pub(super) fn levels(scene: &Scene<'_>) -> Table {
    let bank = MelFilterbank::of(&scene.model_info.front_end);
    let bands = bank.centres_hz().iter().map(|hz| format!("{hz:.0}_hz"));
    let first = std::iter::once("at_s".to_owned()).chain(bands).collect();
    let rows = columns(scene).filter_map(|(column, at)| {
        let levels = scene.history.column(column)?.iter().map(|level| format!("{level:.2}"));
        Some(std::iter::once(format!("{:.4}", at.0)).chain(levels).collect())
    });
    std::iter::once(first).chain(rows).collect()
}

/// What was answered at each column.
pub(super) fn answers(scene: &Scene<'_>) -> Table {
    let genres = &scene.model_info.genres;
    let mut first = heading(&["at_s", "answer", "disagreement"], "raw_", genres);
    first.extend(heading(&[], "agreed_", genres));
    first.push("familiarity".to_owned());
    let rows = columns(scene).filter_map(|(column, at)| {
        let moment = scene.history.moment(column)?;
        let disagreement = moment.disagreement.map_or(String::new(), |it| format!("{it:.5}"));
        let mut row = vec![format!("{:.4}", at.0), state(moment.state, genres), disagreement];
        match &moment.raw {
            Some(raw) => row.extend(shares(raw)),
            None => row.extend(vec![String::new(); genres.len()]),
        }
        row.extend(shares(&moment.ensemble));
        row.push(moment.familiarity.map_or(String::new(), |it| format!("{it:.5}")));
        Some(row)
    });
    std::iter::once(first).chain(rows).collect()
}

/// What the two models that are compared answered at each column; empty where one was off.
pub(super) fn compared(scene: &Scene<'_>, view: &ViewState) -> Option<Table> {
    let pair = compared_pair(scene, view)?;
    let genres = &scene.model_info.genres;
    let mut first = heading(&["at_s", "answer"], "a_", genres);
    first.extend(heading(&[], "b_", genres));
    let rows = columns(scene).filter_map(|(column, at)| {
        let moment = scene.history.moment(column)?;
        let mut row = vec![format!("{:.4}", at.0), state(moment.state, genres)];
        for model in pair {
            match scene.history.answer_of(column, model) {
                Some(answer) => row.extend(shares(&answer)),
                None => row.extend(vec![String::new(); genres.len()]),
            }
        }
        Some(row)
    });
    Some(std::iter::once(first).chain(rows).collect())
}

/// Answers over the last minutes, or the track's, or its segments.
pub(super) fn timeline(scene: &Scene<'_>, view: &ViewState) -> Option<Table> {
    let genres = &scene.model_info.genres;
    let first = heading(&["at_s", "heard", "answer", "confidence"], "", genres);
    let row = |point: &TimelinePoint, source: &str| {
        let confidence = format!("{:.5}", point.confidence);
        let names = [
            format!("{:.4}", point.at.0),
            source.to_owned(),
            state(point.state, genres),
            confidence,
        ];
        names.into_iter().chain(shares(&point.ensemble)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = match scene.track.filter(|_| view.timeline.span.is_none()) {
        None => scene.history.points().iter().map(|point| row(point, "live")).collect(),
        Some(track) if view.timeline.shows == TrackShows::Segments => {
            let Job::Done(decided) = &track.segments else {
                return None;
            };
            let first = [
                "start_s",
                "end_s",
                "weight",
                "contribution",
                "share",
                "genre_alone",
                "confidence_alone",
                "whole_without",
            ];
            let rows = decided.segments.iter().map(|segment| {
                vec![
                    format!("{:.3}", segment.start_s),
                    format!("{:.3}", segment.end_s),
                    format!("{:.5}", segment.weight),
                    format!("{:.5}", segment.contribution),
                    format!("{:.5}", segment.share),
                    segment.genre.clone(),
                    format!("{:.5}", segment.confidence),
                    segment.without.map_or(String::new(), |without| format!("{without:.5}")),
                ]
            });
            let first = first.map(str::to_owned).to_vec();
            return Some(std::iter::once(first).chain(rows).collect());
        }
        Some(track) if view.timeline.shows == TrackShows::Sections => {
            let Job::Done(read) = &track.sections else {
                return None;
            };
            let first = ["start_s", "end_s", "genre", "confidence"].map(str::to_owned).to_vec();
            let rows = read.sections.iter().enumerate().map(|(place, section)| {
                let (start, end) = read.span(place);
                vec![
                    format!("{:.3}", start.0),
                    format!("{:.3}", end.0),
                    genres.label(section.genre).to_owned(),
                    format!("{:.5}", section.confidence),
                ]
            });
            return Some(std::iter::once(first).chain(rows).collect());
        }
        Some(track) => {
            let (live, prescan) = (track.live(POINTS), track.prescanned(POINTS));
            let live = live.iter().map(|point| row(point, "live"));
            live.chain(prescan.iter().map(|point| row(point, "ahead"))).collect()
        }
    };
    Some(std::iter::once(first).chain(rows).collect())
}

/// The value that is drawn, of each unit, in the order in which they stand.
pub(super) fn units(scene: &Scene<'_>, view: &ViewState) -> Option<Table> {
    let traces = scene.traces?;
    let kind = *traces
        .kinds()
        .iter()
        .find(|kind| **kind == view.internals.unit_value)
        .or(traces.kinds().first())?;
    let order: Vec<usize> = (0..traces.units())
        .filter_map(|place| Some(traces.at_place(place)?.0))
        .collect();
    let names = order
        .iter()
        .map(|unit| format!("{}_{unit}", kind.title().to_lowercase()));
    let first = std::iter::once("at_s".to_owned()).chain(names).collect();
    let rows = columns(scene)
        .filter(|(column, _)| *column < traces.total())
        .map(|(column, at)| {
            let values = order.iter().map(|&unit| {
                let value = traces.value(kind, column, unit);
                value.map_or(String::new(), |value| format!("{value:.5}"))
            });
            std::iter::once(format!("{:.4}", at.0)).chain(values).collect()
        });
    Some(std::iter::once(first).chain(rows).collect())
}

/// Where the newest frame attends: each head, and the pooling.
pub(super) fn heads(scene: &Scene<'_>) -> Table {
    let attention = &scene.snapshot.attention;
    let (layers, heads) = map_shape(attention);
    let places: Vec<(usize, usize)> = (0..layers)
        .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
        .collect();
    let names = places
        .iter()
        .map(|(layer, head)| format!("layer_{}_head_{}", layer + 1, head + 1));
    let first = ["back_s".to_owned(), "pooling".to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let pooling = pooling_of(attention);
    let count = pooling.len();
    let rows = (0..count).map(|frame| {
        let weights = places.iter().map(|&(layer, head)| {
            let weight = head_of(attention, layer, head).get(frame);
            weight.map_or(String::new(), |weight| format!("{weight:.6}"))
        });
        let own = [back(count - 1 - frame, scene), format!("{:.6}", pooling[frame])];
        own.into_iter().chain(weights).collect()
    });
    std::iter::once(first).chain(rows).collect()
}
