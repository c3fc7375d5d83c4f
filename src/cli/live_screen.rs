//! What `attune live` shows: a status that stays in place, lines of text, or lines of JSON.
//!
//! In: snapshots and events. Out: stdout; troubles also on stderr. Thread: main.

use super::bars::{bar, percent};
use super::error::AppError;
use super::print_line;
use crate::feed::Feed;
#[cfg(feature = "serve")]
use crate::publisher::Publisher;
use attune_audio::source::OpenedSource;
use attune_audio::units::Seconds;
use attune_engine::offline::{HealthLine, SurpriseLines, document};
use attune_engine::smoothing::AnswerState;
use attune_engine::text::PrintableLines;
use attune_engine::{Event, SectionMark, Snapshot};
use attune_model::ModelSet;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::fmt::Write;
use std::io::IsTerminal;

const BAR: usize = 24;

/// Columns that were not shown yet: frames `first` to `end`, the newest ending at stream time `at`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) at: Seconds,
}

enum Form {
    Ndjson,
    Lines,
    Status(ProgressBar),
}

pub(super) struct Screen {
    form: Form,
    models: ModelSet,
    feed: Feed,
    #[cfg(feature = "serve")]
    publisher: Option<Publisher>,
    state: Option<AnswerState>,
    surprise: SurpriseLines,
    epoch: u64,
    was_open: bool,
}

impl Screen {
    pub(super) fn new(ndjson: bool, models: &ModelSet) -> Self {
        let form = if ndjson {
            Form::Ndjson
        } else if std::io::stdout().is_terminal() {
            let status = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout_with_hz(10));
            let style = ProgressStyle::with_template("{msg}");
            Form::Status(status.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())))
        } else {
            Form::Lines
        };
        Self {
            form,
            models: models.clone(),
            feed: Feed::new(models),
            #[cfg(feature = "serve")]
            publisher: None,
            state: None,
            surprise: SurpriseLines::default(),
            epoch: 0,
            was_open: false,
        }
    }

    /// Publishes too.
    #[cfg(feature = "serve")]
    pub(super) fn with_publisher(mut self, publisher: Option<Publisher>) -> Self {
        self.publisher = publisher;
        self
    }

    /// Shows the columns that are new. False: nobody reads.
    pub(super) fn show(&mut self, snapshot: &Snapshot, new: Standing) -> Result<bool, AppError> {
        if self.epoch != snapshot.epoch {
            self.epoch = snapshot.epoch;
            self.state = None;
            self.surprise = SurpriseLines::default();
        }
        if let Form::Status(status) = &self.form {
            #[cfg(feature = "serve")]
            if let Some(publisher) = &mut self.publisher {
                for column in (new.first..new.end).filter_map(|frame| snapshot.column(frame)) {
                    publisher.push(snapshot.epoch, column);
                }
            }
            if new.end > new.first {
                for section in (new.first..new.end).filter_map(|frame| snapshot.column(frame)?.section) {
                    status.println(section_text(section, &self.models));
                }
                status.set_message(PrintableLines(status_text(snapshot, &self.models, new.at)).to_string());
            }
            return Ok(true);
        }
        for frame in new.first..new.end {
            let Some(column) = snapshot.column(frame) else {
                continue;
            };
            #[cfg(feature = "serve")]
            if let Some(publisher) = &mut self.publisher {
                publisher.push(snapshot.epoch, column);
            }
            if matches!(self.form, Form::Ndjson) {
                for line in self.feed.push(snapshot.epoch, column) {
                    if !print_line(&line)? {
                        return Ok(false);
                    }
                }
                continue;
            }
            if let Some(section) = column.section
                && !print_line(&section_text(section, &self.models))?
            {
                return Ok(false);
            }
            let hop = self.models.front_end.hop();
            if let Some(line) = self.surprise.push(column, hop, &self.models.genres)
                && !print_line(&format!("{:>8}  {}", column.at.clock(), line.sentence()))?
            {
                return Ok(false);
            }
            if self.state == Some(column.decision.state) {
                continue;
            }
            self.state = Some(column.decision.state);
            let decision = &column.decision;
            let line = format!(
                "{:>8}  {:<12} {}  {}",
                column.at.clock(),
                decision.state.title(&self.models.genres),
                percent(f64::from(decision.confidence)),
                decision.reason.sentence(&self.models.genres)
            );
            if !print_line(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reports how the engine keeps up. False: nobody reads.
    pub(super) fn health(&mut self, snapshot: &Snapshot) -> Result<bool, AppError> {
        let line = document(&HealthLine::new(snapshot.transport.position, &snapshot.health));
        self.json_line(&line)
    }

    /// Reports what happened: for people on stderr, for scripts as a line too. False: nobody reads.
    pub(super) fn event(&mut self, event: &Event, at: Seconds) -> Result<bool, AppError> {
        if let Some(text) = event_text(event, self.was_open) {
            match &self.form {
                Form::Status(status) => status.suspend(|| crate::note!("{text}")),
                Form::Ndjson | Form::Lines => crate::note!("{text}"),
            }
        }
        self.was_open |= matches!(event, Event::Opened(_));
        match event_line(event, at, &self.models) {
            Some(line) => self.json_line(&line.to_string()),
            None => Ok(true),
        }
    }

    /// A line of JSON for whoever takes such lines.
    fn json_line(&self, line: &str) -> Result<bool, AppError> {
        #[cfg(feature = "serve")]
        if let Some(publisher) = &self.publisher {
            publisher.send(line);
        }
        match self.form {
            Form::Ndjson => print_line(line),
            Form::Lines | Form::Status(_) => Ok(true),
        }
    }

    /// Leaves the last status standing.
    pub(super) fn close(&mut self) {
        if let Form::Status(status) = &self.form {
            status.abandon();
        }
    }
}

/// `was_open`: the lost source was open before, so the program goes on.
fn event_text(event: &Event, was_open: bool) -> Option<String> {
    Some(match event {
        Event::Opened(source) => {
            let buffer = source
                .buffer_frames
                .map_or_else(String::new, |frames| format!(", buffer of {frames} frames"));
            format!(
                "Listening to {} ({}, {} Hz, {} channels{buffer})",
                source.name, source.host, source.rate.0, source.channels
            )
        }
        Event::SourceFailed {
            message,
            remedy,
            retrying,
        } => {
            let next = if *retrying && was_open {
                "\n  Trying to open it again…"
            } else {
                ""
            };
            format!("attune: {message}\n  {remedy}{next}")
        }
        Event::OpenFailed { message, remedy } | Event::Warning { message, remedy } => {
            format!("attune: {message}\n  {remedy}")
        }
        Event::Reconnected { source, missed } => {
            format!(
                "attune: {} is back; {:.1} s of sound were missed",
                source.name, missed.0
            )
        }
        Event::Recovered => "attune: the sound is back".to_owned(),
        Event::ModelFailed { name, message, .. } => {
            format!("attune: {name} failed and is switched off: {message}")
        }
        Event::Stopped { message } => format!("attune: the engine has stopped: {message}\n  Please report this."),
        Event::Reset { .. } | Event::Decided { .. } | Event::Ended => return None,
    })
}

fn source_line(event: &str, t_s: f64, source: &OpenedSource) -> serde_json::Value {
    json!({
        "type": "source", "t_s": t_s, "event": event, "name": source.name, "id": source.id,
        "host": source.host, "rate_hz": source.rate.0, "channels": source.channels,
    })
}

fn event_line(event: &Event, at: Seconds, models: &ModelSet) -> Option<serde_json::Value> {
    let t_s = (at.0 * 1e6).round() / 1e6;
    Some(match event {
        Event::Opened(source) => source_line("opened", t_s, source),
        Event::Reconnected { source, missed } => {
            let mut line = source_line("reconnected", t_s, source);
            line["missed_s"] = json!((missed.0 * 1e3).round() / 1e3);
            line
        }
        Event::SourceFailed {
            message,
            remedy,
            retrying,
        } => json!({
            "type": "source", "t_s": t_s, "event": "failed", "message": message, "remedy": remedy, "retrying": retrying,
        }),
        Event::OpenFailed { message, remedy } => json!({
            "type": "source", "t_s": t_s, "event": "failed", "message": message, "remedy": remedy, "retrying": false,
        }),
        Event::Warning { message, remedy } => json!({
            "type": "source", "t_s": t_s, "event": "warning", "message": message, "remedy": remedy,
        }),
        Event::Recovered => json!({"type": "source", "t_s": t_s, "event": "recovered"}),
        Event::Ended => json!({"type": "source", "t_s": t_s, "event": "ended"}),
        Event::ModelFailed { model, message, .. } => json!({
            "type": "engine", "t_s": t_s, "event": "failed",
            "engine": models.models.get(*model).map(|failed| failed.manifest().name.as_str()), "message": message,
        }),
        Event::Reset { .. } | Event::Decided { .. } | Event::Stopped { .. } => return None,
    })
}

/// Since when what plays, for people.
fn section_text(section: SectionMark, models: &ModelSet) -> String {
    format!(
        "{:>8}  {:<12} {}  a section begins",
        section.since.clock(),
        models.genres.title(section.genre),
        percent(f64::from(section.confidence))
    )
}

/// The whole status, always of the same number of lines.
fn status_text(snapshot: &Snapshot, models: &ModelSet, at: Seconds) -> String {
    let genres = &models.genres;
    let decision = &snapshot.decision;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<14} {}  {}   {:>8}",
        decision.state.title(genres),
        bar(f64::from(decision.confidence), BAR),
        percent(f64::from(decision.confidence)),
        at.clock()
    );
    let _ = writeln!(text, "{}", decision.reason.sentence(genres));
    for (model, now) in models.models.iter().zip(&snapshot.models) {
        let mut order: Vec<_> = genres.ids().map(|id| (id, now.smoothed.of(id))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let best: Vec<String> = order
            .iter()
            .take(3)
            .map(|(id, p)| format!("{:<10}{}", genres.title(*id), percent(f64::from(*p))))
            .collect();
        let shown = if now.enabled {
            best.join("   ")
        } else {
            "off".to_owned()
        };
        let _ = writeln!(text, "{:<14} {shown}", model.manifest().name);
    }
    let newest = snapshot.frames.checked_sub(1).and_then(|frame| snapshot.column(frame));
    if let Some(mark) = newest.and_then(|column| column.surprise) {
        let genre = genres.title(mark.least);
        let _ = writeln!(
            text,
            "{:<14} {:.1} bits per sample; least surprising as {genre}",
            "surprise", mark.bits
        );
    }
    let health = &snapshot.health;
    let level = (f64::from(snapshot.rms.0) + 60.0) / 60.0;
    let _ = write!(
        text,
        "{:<14} {}  {:>4.0} dB   load {}   latency {:>3.0} ms   lost {}",
        if snapshot.clipped { "level (clips)" } else { "level" },
        bar(level, BAR),
        snapshot.rms.0,
        percent(f64::from(health.load)).trim_start(),
        health.latency_p50_ms,
        health.samples_lost
    );
    if health.xruns > 0 {
        let _ = write!(text, "   overruns {}", health.xruns);
    }
    text
}
