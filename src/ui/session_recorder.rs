//! The window's side of the history: what its writer is sent, and the list that comes back.
//!
//! In: sources, decisions, columns. Out: commands; the sessions to list. Thread: window.

use crate::sessions::{Beginning, Decided, Session, SessionCommand, SessionUpdate, SessionWriter};
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::Seconds;
use attune_engine::smoothing::{AnswerState, Decision};
use attune_model::genre::{GenreId, GenreSet, MAX_CLASSES};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the time played is written, in wall-clock time: a file that plays as fast as possible is no reason for
/// more.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Sessions, before and now.
#[derive(Debug, Default)]
pub struct SessionRecorder {
    writer: Option<SessionWriter>,
    /// As they were listed last.
    pub list: Vec<Session>,
    /// The session that was asked for last, and what was decided in it.
    pub decisions: Option<(i64, Vec<Decided>)>,
    /// Why nothing is kept.
    pub fault: Option<String>,
    /// The same, until it is said.
    pub unreported: Option<String>,
    /// Of the session now: seconds played, and frames by answered genre.
    played_secs: f64,
    answered: [u64; MAX_CLASSES],
    written: f64,
    written_at: Option<Instant>,
    running: bool,
}

impl SessionRecorder {
    /// Keeps sessions in this file from now on.
    pub fn begin(&mut self, path: PathBuf, notify: impl Fn() + Send + 'static) {
        let writer = SessionWriter::begin(path, notify);
        writer.send(SessionCommand::List);
        self.writer = Some(writer);
    }

    /// Whether sessions are kept at all.
    pub fn is_kept(&self) -> bool {
        self.writer.is_some() && self.fault.is_none()
    }

    /// Takes over what the writer reports.
    pub fn poll(&mut self) {
        while let Some(update) = self.writer.as_ref().and_then(SessionWriter::poll) {
            match update {
                SessionUpdate::List(list) => {
                    self.list = list;
                    // What was wrong is not: it could be written and read again.
                    self.fault = None;
                }
                SessionUpdate::Decisions(session, decisions) => self.decisions = Some((session, decisions)),
                SessionUpdate::Failed(fault) => {
                    self.unreported = Some(fault.clone());
                    self.fault = Some(fault);
                }
            }
        }
    }

    /// Sends a command.
    pub fn send(&self, command: SessionCommand) {
        if let Some(writer) = &self.writer {
            writer.send(command);
        }
    }

    /// Another source is open: another session.
    pub fn open(&mut self, source: &OpenedSource, genres: &GenreSet) {
        self.write(genres);
        self.send(SessionCommand::Begin(Beginning {
            begun: jiff::Timestamp::now().as_second(),
            kind: match source.kind {
                SourceKind::File => "file",
                SourceKind::Microphone => "microphone",
                SourceKind::Monitor => "monitor",
            }
            .to_owned(),
            name: source.name.clone(),
            source: source.id.clone(),
        }));
        self.played_secs = 0.0;
        self.written = 0.0;
        self.written_at = Some(Instant::now());
        self.answered = [0; MAX_CLASSES];
        self.running = true;
    }

    /// Takes one column, `hop` long.
    pub fn push(&mut self, decision: &Decision, hop: Seconds) {
        self.played_secs += hop.0;
        if let AnswerState::Genre(id) = decision.state
            && let Some(frames) = self.answered.get_mut(usize::from(id.0))
        {
            *frames += 1;
        }
    }

    /// Something was decided.
    pub fn decided(&self, at: Seconds, decision: &Decision, genres: &GenreSet) {
        self.send(SessionCommand::Decided(Decided {
            at: at.0,
            state: decision.state.name().to_owned(),
            genre: decision.state.genre().map(|id| genres.label(id).to_owned()),
            confidence: f64::from(decision.confidence),
            rule: decision.reason.rule().to_owned(),
        }));
    }

    /// Writes how much was played, now and then.
    pub fn write_if_due(&mut self, genres: &GenreSet) {
        if self.written_at.is_none_or(|at| at.elapsed() >= WRITE_EVERY) {
            self.write(genres);
        }
    }

    /// Writes how much was played.
    pub fn write(&mut self, genres: &GenreSet) {
        if !self.running || self.played_secs <= self.written {
            return;
        }
        self.written = self.played_secs;
        self.written_at = Some(Instant::now());
        let longest = (0..genres.len().min(MAX_CLASSES)).max_by_key(|&id| self.answered[id]);
        let genre = longest
            .filter(|&id| self.answered[id] > 0)
            .map(|id| genres.label(GenreId(id as u8)).to_owned());
        self.send(SessionCommand::Played(self.played_secs, genre));
    }
}
