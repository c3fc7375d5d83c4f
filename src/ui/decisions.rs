//! The log of decisions: what was answered, what was held back, and by which rule.
//!
//! In: columns. Out: entries to list, to search and to export. Thread: window.

use super::history::News;
use attune_audio::units::Seconds;
use attune_engine::smoothing::{AnswerState, Decision, Reason};
use attune_engine::table;
use attune_model::genre::{GenreId, GenreSet};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Entries that are kept.
const ENTRIES: usize = 2000;

/// One rule that held for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Stream time at which it began to hold.
    pub at: Seconds,
    /// Stream time at which it was last seen to hold.
    pub until: Seconds,
    /// Grows where what is played is interrupted.
    pub segment: u64,
    /// The decision when it began.
    pub decision: Decision,
    /// The genre that led then, and its smoothed probability.
    pub leader: (GenreId, f32),
}

/// Which entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// All.
    #[default]
    All,
    /// Where another answer began.
    Answers,
    /// Where an answer was held back, given up or rejected.
    HeldBack,
}

impl Filter {
    /// All of them, as they are offered.
    pub const ALL: [(Self, &str); 3] = [
        (Self::All, "All"),
        (Self::Answers, "Answers"),
        (Self::HeldBack, "Held back"),
    ];
}

impl Entry {
    /// Whether it is of something that was not answered though something led.
    pub fn is_held_back(&self) -> bool {
        matches!(
            self.decision.reason,
            Reason::BelowThreshold { .. }
                | Reason::Held { .. }
                | Reason::Rejected { .. }
                | Reason::PerhapsNotMusic { .. }
                | Reason::Unfamiliar { .. }
        )
    }

    /// What rule it is and of whom: while that stays, the entry lasts.
    fn key(decision: &Decision, leader: GenreId) -> (AnswerState, &'static str, Option<GenreId>) {
        let about = match decision.reason {
            Reason::Held { challenger, .. } => Some(challenger),
            Reason::BelowThreshold { .. } => Some(leader),
            _ => None,
        };
        (decision.state, decision.reason.rule(), about)
    }

    /// One line for people.
    pub fn sentence(&self, genres: &GenreSet) -> String {
        self.decision.reason.sentence(genres)
    }
}

/// The newest entries.
#[derive(Debug, Clone, Default)]
pub struct DecisionLog {
    entries: VecDeque<Entry>,
}

impl DecisionLog {
    /// Takes one column.
    pub fn push(&mut self, news: &News<'_>) {
        let column = news.column;
        let leader = column.ensemble.top();
        let key = Entry::key(&column.decision, leader.0);
        if let Some(last) = self.entries.back_mut()
            && last.segment == news.segment
            && Entry::key(&last.decision, last.leader.0) == key
        {
            last.until = column.at;
            return;
        }
        if self.entries.len() == ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            at: column.at,
            until: column.at,
            segment: news.segment,
            decision: column.decision,
            leader,
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries that are listed, newest first: those of the filter whose words contain what is searched.
    pub fn listed<'a>(&'a self, filter: Filter, search: &str, genres: &'a GenreSet) -> Vec<&'a Entry> {
        let wanted = search.trim().to_lowercase();
        let newest_first = self.entries.iter().rev();
        let of_filter = newest_first.filter(|entry| match filter {
            Filter::All => true,
            Filter::HeldBack => entry.is_held_back(),
            Filter::Answers => !entry.is_held_back(),
        });
        of_filter
            .filter(|entry| {
                wanted.is_empty() || {
                    let words = format!("{} {}", entry.decision.state.title(genres), entry.sentence(genres));
                    words.to_lowercase().contains(&wanted)
                }
            })
            .collect()
    }

    /// The entries as a table: a comment with where they come from, then a row each.
    pub fn csv(&self, source: &str, genres: &GenreSet) -> String {
        let heading = [
            "from_s",
            "to_s",
            "state",
            "genre",
            "leader",
            "leader_probability",
            "rule",
            "reason",
        ];
        let rows = self.entries.iter().map(|entry| {
            let decision = &entry.decision;
            let genre = decision.state.genre().map_or("", |id| genres.label(id));
            vec![
                format!("{:.3}", entry.at.0),
                format!("{:.3}", entry.until.0),
                decision.state.name().to_owned(),
                genre.to_owned(),
                genres.label(entry.leader.0).to_owned(),
                format!("{:.4}", entry.leader.1),
                decision.reason.rule().to_owned(),
                decision.reason.sentence(genres),
            ]
        });
        let rows = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows);
        format!(
            "# attune {}, {}\n{}",
            env!("CARGO_PKG_VERSION"),
            source.replace(['\n', '\r'], " "),
            table::csv(rows)
        )
    }

    /// The same as JSON.
    pub fn json(&self, source: &str, weights: &[String], genres: &GenreSet) -> Value {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                json!({
                    "from_s": entry.at.0,
                    "to_s": entry.until.0,
                    "state": entry.decision.state.name(),
                    "genre": entry.decision.state.genre().map(|id| genres.label(id)),
                    "leader": genres.label(entry.leader.0),
                    "leader_probability": entry.leader.1,
                    "rule": entry.decision.reason.rule(),
                    "reason": entry.decision.reason.sentence(genres),
                })
            })
            .collect();
        json!({
            "program": concat!("attune ", env!("CARGO_PKG_VERSION")),
            "models": weights,
            "source": source,
            "decisions": entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_engine::Column;
    use attune_model::genre::Probabilities;

    fn log() -> DecisionLog {
        let mut log = DecisionLog::default();
        let reasons = [
            (AnswerState::Genre(GenreId(1)), Reason::Confident { threshold: 0.4 }),
            (AnswerState::Genre(GenreId(1)), Reason::Confident { threshold: 0.4 }),
            (
                AnswerState::Genre(GenreId(1)),
                Reason::Held {
                    challenger: GenreId(5),
                    lead: 0.04,
                },
            ),
            (
                AnswerState::Unsure,
                Reason::BelowThreshold {
                    best: GenreId(5),
                    confidence: 0.3,
                    threshold: 0.4,
                },
            ),
        ];
        for (i, (state, reason)) in reasons.into_iter().enumerate() {
            let mut column = Column::empty(10);
            column.at = Seconds(i as f64);
            column.ensemble = Probabilities::uniform(10);
            column.decision = Decision {
                state,
                confidence: 0.5,
                reason,
                since: column.at,
            };
            log.push(&News {
                column: &column,
                played_secs: i as f64,
                segment: 1,
            });
        }
        log
    }

    #[test]
    fn each_rule_is_one_entry_and_what_was_held_back_can_be_listed_and_found() {
        let (log, genres) = (log(), GenreSet::gtzan());
        let spans: Vec<_> = log.entries().map(|entry| (entry.at.0, entry.until.0)).collect();
        assert_eq!(spans, [(0.0, 1.0), (2.0, 2.0), (3.0, 3.0)]);
        assert_eq!(log.listed(Filter::All, "", &genres).len(), 3);
        assert_eq!(log.listed(Filter::Answers, "", &genres).len(), 1);
        let found = log.listed(Filter::HeldBack, "JAZZ leads", &genres);
        assert_eq!(found.len(), 1);
        assert!(matches!(found[0].decision.reason, Reason::Held { .. }));
    }

    #[test]
    fn the_table_and_the_document_hold_the_same() {
        let (log, genres) = (log(), GenreSet::gtzan());
        let table = log.csv("a \"b\".wav", &genres);
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .from_reader(table.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        let document = log.json("a \"b\".wav", &[], &genres);
        let entries = document["decisions"].as_array().expect("a list");
        assert_eq!(rows.len(), entries.len());
        for (row, entry) in rows.iter().zip(entries) {
            assert_eq!(Some(&row[6]), entry["rule"].as_str());
            assert_eq!(Some(&row[7]), entry["reason"].as_str());
        }
    }
}
