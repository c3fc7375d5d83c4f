//! What was played, as a list: a song for each genre that was answered for a while, and for each press of *new song*.
//!
//! In: columns, presses. Out: songs with the time of day. Thread: window.

use super::history::News;
use attune_audio::units::Seconds;
use attune_engine::smoothing::AnswerState;
use attune_model::genre::GenreId;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// A genre that was answered for a shorter time is no song of its own.
const SHORTEST: f64 = 8.0;
/// Songs that are kept: a night of three minutes each.
const SONGS: usize = 400;

/// One line of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Song {
    /// When it began.
    pub began: Timestamp,
    /// The same in stream time.
    pub at: Seconds,
    /// For how long it was played.
    pub secs: f64,
    /// What was answered; `None`: nothing yet.
    pub genre: Option<GenreId>,
}

impl Song {
    /// It begins now.
    fn new(at: Seconds, now: Timestamp) -> Self {
        Self {
            began: now,
            at,
            secs: 0.0,
            genre: None,
        }
    }
}

/// The songs since the window opened.
#[derive(Debug, Default)]
pub struct SongList {
    songs: VecDeque<Song>,
    /// Another genre than the song's, how long it has been answered, and since when.
    candidate: Option<(GenreId, f64, Song)>,
}

impl SongList {
    /// Takes one column, `hop` long, that came at this time of day.
    pub(super) fn push(&mut self, news: &News<'_>, hop: Seconds, now: Timestamp) {
        if let Some(last) = self.songs.back_mut() {
            last.secs += hop.0;
        }
        let AnswerState::Genre(genre) = news.column.decision.state else {
            return;
        };
        if let Some(last) = self.songs.back_mut()
            && last.genre.is_none_or(|known| known == genre)
        {
            last.genre = Some(genre);
            self.candidate = None;
            return;
        }
        if self.candidate.is_none_or(|(known, _, _)| known != genre) {
            self.candidate = Some((genre, 0.0, Song::new(news.column.at, now)));
        }
        let is_first = self.songs.is_empty();
        let Some((_, secs, _)) = &mut self.candidate else {
            return;
        };
        *secs += hop.0;
        if let Some((_, secs, song)) = self.candidate.take_if(|(_, secs, _)| is_first || *secs >= SHORTEST) {
            if let Some(last) = self.songs.back_mut() {
                last.secs -= secs;
            }
            self.keep(Song {
                secs,
                genre: Some(genre),
                ..song
            });
        }
    }

    /// The user says that another song begins.
    pub(super) fn begin(&mut self, at: Seconds, now: Timestamp) {
        self.candidate = None;
        self.keep(Song::new(at, now));
    }

    fn keep(&mut self, song: Song) {
        if self.songs.len() == SONGS {
            self.songs.pop_front();
        }
        self.songs.push_back(song);
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Song> + ExactSizeIterator {
        self.songs.iter()
    }
}

/// The time of day this long ago.
pub(super) fn ago(now: Timestamp, secs: f64) -> Timestamp {
    now - SignedDuration::try_from_secs_f64(secs.max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::Column;

    const HOP: Seconds = Seconds(0.5);

    /// Plays these states, each for so many seconds.
    fn played(list: &mut SongList, from: f64, states: &[(AnswerState, f64)]) -> f64 {
        let begun = Timestamp::from_second(1_800_000_000).unwrap();
        let mut at = from;
        for (state, secs) in states {
            for _ in 0..(secs / HOP.0) as usize {
                at += HOP.0;
                let mut column = Column::empty(10);
                column.at = Seconds(at);
                column.decision.state = *state;
                let news = News {
                    column: &column,
                    played_secs: at,
                    segment: 1,
                };
                list.push(&news, HOP, begun + SignedDuration::from_secs_f64(at));
            }
        }
        at
    }

    fn genre(id: u8) -> AnswerState {
        AnswerState::Genre(GenreId(id))
    }

    #[test]
    fn a_short_slip_is_no_song_and_a_long_one_began_where_it_did() {
        let mut list = SongList::default();
        let states = [
            (AnswerState::WarmingUp, 2.0),
            (genre(1), 30.0),
            (genre(4), 3.0),
            (genre(1), 20.0),
            (AnswerState::Silence, 4.0),
            (genre(4), 20.0),
        ];
        played(&mut list, 0.0, &states);
        let found: Vec<_> = list
            .all()
            .map(|song| (song.genre.map(|id| id.0), song.at.0, song.secs))
            .collect();
        assert_eq!(found, [(Some(1), 2.5, 57.0), (Some(4), 59.5, 20.0)]);
        let began: Vec<i64> = list.all().map(|song| song.began.as_second() - 1_800_000_000).collect();
        assert_eq!(began, [2, 59]);
    }

    #[test]
    fn a_press_begins_one_of_the_same_genre() {
        let mut list = SongList::default();
        let at = played(&mut list, 0.0, &[(genre(1), 30.0)]);
        list.begin(Seconds(at), Timestamp::from_second(1_800_000_100).unwrap());
        assert_eq!(list.all().next_back().unwrap().genre, None);
        played(&mut list, at, &[(AnswerState::WarmingUp, 1.0), (genre(1), 10.0)]);
        let found: Vec<_> = list.all().map(|song| (song.genre.map(|id| id.0), song.secs)).collect();
        assert_eq!(found, [(Some(1), 30.0), (Some(1), 11.0)]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut list = SongList::default();
        for i in 0..SONGS + 5 {
            list.begin(Seconds(i as f64), Timestamp::UNIX_EPOCH);
        }
        assert_eq!((list.all().len(), list.all().next().unwrap().at), (SONGS, Seconds(5.0)));
    }
}
