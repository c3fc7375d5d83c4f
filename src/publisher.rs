//! Publishes what is heard to other programs: to clients of the server, and to an OSC receiver.
//!
//! In: columns, events. Out: lines of JSON, answers. Thread: whoever follows the engine; nothing here waits.

use crate::feed::Feed;
use attune_engine::Column;
use attune_engine::smoothing::AnswerState;
use attune_model::ModelSet;
use attune_model::genre::{GenreId, GenreSet};
use attune_serve::{Osc, OscError, ServeError, Server, Shown};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where to publish.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct PublishArgs {
    /// Serve a page for OBS (`/`), these lines as WebSocket (`/ws`) and server-sent events (`/events`), and the answer
    /// as text (`/answer.txt`); port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub serve: Option<SocketAddr>,
    /// Serve on an address that other machines reach, too
    #[arg(long, requires = "serve")]
    pub serve_network: bool,
    /// Send OSC messages there: /attune/genre, /attune/change, /attune/prob/GENRE
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub osc: Option<SocketAddr>,
}

/// Why nothing can be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Osc(#[from] OscError),
}

/// What publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    feed: Feed,
    server: Option<Server>,
    osc: Option<Osc>,
}

impl Publisher {
    /// Opens what is asked for; `None`: nothing.
    pub(crate) fn open(args: &PublishArgs, models: &ModelSet) -> Result<Option<Self>, PublishError> {
        if args.serve.is_none() && args.osc.is_none() {
            return Ok(None);
        }
        let server = args
            .serve
            .map(|address| Server::start(address, args.serve_network))
            .transpose()?;
        Ok(Some(Self {
            feed: Feed::new(models),
            server,
            osc: args.osc.map(Osc::to).transpose()?,
        }))
    }

    /// Publishes what these models hear from now on.
    pub(crate) fn use_models(&mut self, models: &ModelSet) {
        self.feed = Feed::new(models);
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> Option<String> {
        self.server.as_ref().map(Server::url)
    }

    /// Publishes the next column of this epoch.
    pub(crate) fn push(&mut self, epoch: u64, column: &Column) {
        let genres = self.feed.genres();
        if let Some(osc) = &mut self.osc {
            osc.show(&shown(column, genres));
        }
        let Some(server) = &self.server else { return };
        server.set_answer(&text(column, genres));
        if !server.has_clients() {
            return;
        }
        server.send(&answer_line(column, genres).to_string());
        for line in self.feed.push(epoch, column) {
            server.send(&line);
        }
    }

    /// Publishes something else, as a line of JSON.
    pub(crate) fn send(&self, line: &str) {
        if let Some(server) = &self.server {
            server.send(line);
        }
    }
}

fn shown(column: &Column, genres: &GenreSet) -> Shown {
    let answer = match column.decision.state {
        AnswerState::Genre(id) => genres.label(id),
        state => state.name(),
    };
    let probabilities = genres
        .ids()
        .map(|id| (genres.label(id).to_owned(), column.ensemble.of(id)));
    Shown {
        answer: answer.to_owned(),
        confidence: column.decision.confidence,
        probabilities: probabilities.collect(),
    }
}

/// The answer as one line for people.
fn text(column: &Column, genres: &GenreSet) -> String {
    let word = column.decision.state.title(genres);
    match column.decision.state {
        AnswerState::Genre(_) => format!("{word} {:.0} %", 100.0 * column.decision.confidence),
        _ => word,
    }
}

/// All that a page shows of one moment, with the time at which it was sent.
fn answer_line(column: &Column, genres: &GenreSet) -> Value {
    let state = column.decision.state;
    let colour = |id: GenreId| {
        let [r, g, b] = genres.colour(id);
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    let all: Vec<Value> = genres
        .ids()
        .map(|id| {
            json!({
                "label": genres.label(id), "title": genres.title(id), "colour": colour(id),
                "share": (f64::from(column.ensemble.of(id)) * 1e4).round() / 1e4,
            })
        })
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "type": "answer", "t_s": (column.at.0 * 1e6).round() / 1e6, "sent_ms": now.as_millis() as u64,
        "state": state.name(), "title": state.title(genres),
        "genre": state.genre().map(|id| genres.label(id)), "colour": state.genre().map(colour),
        "confidence": (f64::from(column.decision.confidence) * 1e4).round() / 1e4,
        "is_music": state.is_of_music(), "genres": all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_the_answer() {
        let genres = GenreSet::gtzan();
        let mut column = Column::empty(10);
        column.decision.state = AnswerState::Genre(GenreId(5));
        column.decision.confidence = 0.625;
        let line = answer_line(&column, &genres);
        assert_eq!(
            (&line["genre"], &line["title"], &line["confidence"]),
            (&json!("jazz"), &json!("Jazz"), &json!(0.625))
        );
        assert_eq!(line["genres"].as_array().map(Vec::len), Some(10));
        assert_eq!(text(&column, &genres), "Jazz 62 %");
        assert_eq!(shown(&column, &genres).answer, "jazz");
        column.decision.state = AnswerState::Silence;
        let line = answer_line(&column, &genres);
        assert_eq!((&line["genre"], &line["is_music"]), (&Value::Null, &json!(false)));
        assert_eq!(
            (text(&column, &genres).as_str(), shown(&column, &genres).answer.as_str()),
            ("Silence", "silence")
        );
    }
}
