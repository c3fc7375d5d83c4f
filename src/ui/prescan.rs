//! A file heard ahead: what `attune analyze` makes of it, while it plays.
//!
//! In: a path, models, knobs. Out: the answer at each frame, as it is found. Thread: one of its own for each file; it takes
//! some seconds of one core for an hour of music.

use attune_audio::units::Seconds;
use attune_engine::HopResult;
use attune_engine::offline::{Report, analyze};
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_model::ModelSet;
use attune_model::genre::Probabilities;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Frames that are told at once: about half a second of a minute's work.
const BATCH: usize = 512;
/// Batches that may wait: 6 minutes of music; a window that takes no more holds the work up.
const WAITING: usize = 32;

/// The answer at one frame of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Time of the file.
    pub at: Seconds,
    /// The agreed probabilities.
    pub agreed: Probabilities,
    /// The answer.
    pub state: AnswerState,
}

/// What the thread tells.
enum News {
    Frames(Vec<Frame>),
    Done(Box<Result<Report, String>>),
}

/// A file that is being heard ahead.
#[derive(Debug)]
pub struct Prescan {
    news: Receiver<News>,
    /// How it ended, once it has.
    pub outcome: Option<Result<Report, String>>,
}

impl Prescan {
    /// Begins. `tell` is called when there is something new.
    pub fn begin(
        path: PathBuf,
        models: ModelSet,
        smoothing: SmoothingConfig,
        tell: impl Fn() + Send + 'static,
    ) -> Self {
        let (sender, news) = bounded(WAITING);
        let failed = sender.clone();
        let begun = std::thread::Builder::new()
            .name("attune-prescan".to_owned())
            .spawn(move || scan(&path, &models, &smoothing, &sender, &tell));
        if let Err(error) = begun {
            // The queue is empty: this fits.
            let _ = failed.try_send(News::Done(Box::new(Err(error.to_string()))));
        }
        Self { news, outcome: None }
    }

    /// Takes over what has come.
    pub fn poll(&mut self, mut take: impl FnMut(&[Frame])) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Frames(frames) => take(&frames),
                News::Done(outcome) => self.outcome = Some(*outcome),
            }
        }
    }
}

fn scan(
    path: &std::path::Path,
    models: &ModelSet,
    smoothing: &SmoothingConfig,
    sender: &Sender<News>,
    tell: &impl Fn(),
) {
    let mut batch = Vec::with_capacity(BATCH);
    let wanted = Cell::new(true);
    let outcome = analyze(
        path,
        models,
        smoothing,
        |hop: &HopResult| {
            batch.push(Frame {
                at: hop.column.at,
                agreed: hop.column.agreed,
                state: hop.column.decision.state,
            });
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                wanted.set(sender.send(News::Frames(full)).is_ok());
                tell();
            }
        },
        // Another file is open by now, or other knobs are used: nobody needs the rest.
        |_| {
            if wanted.get() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    );
    let outcome = outcome.map_err(|error| error.to_string());
    if sender.send(News::Frames(batch)).is_ok() {
        // The same: if nobody listens, nobody misses it.
        let _ = sender.send(News::Done(Box::new(outcome)));
        tell();
    }
}
