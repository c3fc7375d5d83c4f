//! The sections that were listed as the sound came, for the last minutes.
//!
//! In: columns. Out: runs of one genre, in time played. Thread: window.

use attune_audio::units::Seconds;
use attune_engine::Column;
use attune_model::genre::GenreId;
use std::collections::VecDeque;

/// Sections that are kept: beyond what the timeline shows of the fastest music.
const MOST: usize = 1024;

/// One section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SectionRun {
    /// What plays.
    pub genre: GenreId,
    /// Probability of the token.
    pub confidence: f32,
    /// Since when, in stream time, and when that was written.
    pub since: Seconds,
    /// Stream time at which it was written.
    pub written: Seconds,
    /// The same times, as played since the window opened; it lasts until `until_played`.
    pub since_played: f64,
    /// Where it ends: where the next begins, or at the newest column.
    pub until_played: f64,
    /// Of which stream.
    segment: u64,
    /// Whether the list goes on from it.
    is_open: bool,
}

/// All that are kept, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct SectionRuns(VecDeque<SectionRun>);

impl SectionRuns {
    /// Takes over one column, the newest of `segment`.
    pub(super) fn push(&mut self, column: &Column, played_secs: f64, segment: u64) {
        let mark = column.section;
        let since_played = mark.map(|mark| played_secs - (column.at.0 - mark.since.0));
        if let Some(last) = self.0.back_mut().filter(|last| last.is_open && last.segment == segment) {
            last.until_played = since_played.unwrap_or(played_secs);
        }
        if let (Some(mark), Some(since_played)) = (mark, since_played) {
            if self.0.len() == MOST {
                self.0.pop_front();
            }
            self.0.push_back(SectionRun {
                genre: mark.genre,
                confidence: mark.confidence,
                since: mark.since,
                written: column.at,
                since_played,
                until_played: played_secs,
                segment,
                is_open: true,
            });
        }
    }

    /// The list is switched on or off: what plays meanwhile is not known.
    pub(super) fn close(&mut self) {
        if let Some(last) = self.0.back_mut() {
            last.is_open = false;
        }
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &SectionRun> {
        self.0.iter()
    }

    /// The section at this time played.
    pub(super) fn at(&self, played_secs: f64) -> Option<&SectionRun> {
        let is_there = |run: &&SectionRun| (run.since_played..=run.until_played).contains(&played_secs);
        self.0.iter().rev().find(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::SectionMark;

    #[test]
    fn a_section_lasts_until_the_next_begins_or_the_stream_ends() {
        let column = |at: f64, section: Option<(u8, f64)>| Column {
            at: Seconds(at),
            section: section.map(|(genre, since)| SectionMark {
                genre: GenreId(genre),
                since: Seconds(since),
                confidence: 0.5,
            }),
            ..Column::empty(10)
        };
        let mut runs = SectionRuns::default();
        runs.push(&column(103.0, Some((1, 100.0))), 13.0, 1);
        runs.push(&column(106.0, None), 16.0, 1);
        runs.push(&column(109.0, Some((4, 105.0))), 19.0, 1);
        runs.push(&column(2.0, None), 25.0, 2);
        let spans: Vec<_> = runs
            .all()
            .map(|run| (run.genre.0, run.since_played, run.until_played))
            .collect();
        assert_eq!(spans, [(1, 10.0, 15.0), (4, 15.0, 19.0)]);
        assert_eq!(runs.at(12.0).map(|run| run.genre), Some(GenreId(1)));
        assert!(runs.at(22.0).is_none(), "of another stream nothing is known");
        runs.push(&column(30.0, Some((7, 29.0))), 53.0, 2);
        runs.close();
        runs.push(&column(40.0, None), 63.0, 2);
        assert!(runs.at(60.0).is_none(), "nor of a time in which nothing was listed");
    }
}
