//! The thread that the file belongs to.
//!
//! In: commands. Out: the list after each command that changed it, and what went wrong. Thread: `attune-history`, this
//! is its whole life; it ends when its commands do, with all of them carried out.

use super::store::{Store, StoreError};
use super::{Beginning, Decided, Session};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::PathBuf;
use std::thread::JoinHandle;

/// Commands that may wait; far more than a window sends before the thread takes them.
const QUEUED: usize = 1024;

/// What is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// A session begins; what follows without a number belongs to it.
    Begin(Beginning),
    /// Something was decided in the session that began last.
    Decided(Decided),
    /// How much of it was played, and the label of what was answered for the longest time.
    Played(f64, Option<String>),
    /// What the user wrote of a session.
    Note(i64, String),
    /// Whether a session is a favourite.
    Favour(i64, bool),
    /// A session is forgotten.
    Forget(i64),
    /// List all sessions.
    List,
}

/// What the thread reports.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionUpdate {
    /// All sessions.
    List(Vec<Session>),
    /// Nothing can be kept, and what to do.
    Failed(String),
}

/// The thread, held. Dropping it waits until everything is written.
#[derive(Debug)]
pub struct SessionWriter {
    commands: Option<Sender<SessionCommand>>,
    updates: Receiver<SessionUpdate>,
    thread: Option<JoinHandle<()>>,
}

impl SessionWriter {
    /// Begins to keep sessions in this file. `notify` is called when there is something new.
    pub fn begin(path: PathBuf, notify: impl Fn() + Send + 'static) -> Self {
        let (commands, inbox) = bounded(QUEUED);
        let (sender, updates) = bounded(QUEUED);
        let failed = sender.clone();
        let run = move || {
            let say = |what: SessionUpdate| {
                // A window this far behind needs none of these lists.
                let _ = sender.try_send(what);
                notify();
            };
            match Store::open(&path) {
                Ok(store) => keep(&store, &inbox, &say),
                Err(error) => say(SessionUpdate::Failed(error.to_string())),
            }
        };
        let thread = std::thread::Builder::new().name("attune-history".to_owned()).spawn(run);
        let thread = thread
            .inspect_err(|error| {
                drop(failed.try_send(SessionUpdate::Failed(format!("the history has no thread: {error}"))));
            })
            .ok();
        Self {
            commands: Some(commands),
            updates,
            thread,
        }
    }

    /// Sends a command. What cannot be kept is reported once, by the thread; later commands do nothing.
    pub fn send(&self, command: SessionCommand) {
        if let Some(commands) = &self.commands {
            let _ = commands.try_send(command);
        }
    }

    /// What was reported, if something was.
    pub fn poll(&self) -> Option<SessionUpdate> {
        self.updates.try_recv().ok()
    }
}

impl Drop for SessionWriter {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic here is a bug, and is in the log already.
            let _ = thread.join();
        }
    }
}

fn keep(store: &Store, inbox: &Receiver<SessionCommand>, say: &impl Fn(SessionUpdate)) {
    let mut session = None;
    while let Ok(command) = inbox.recv() {
        if let Err(error) = carry_out(store, command, &mut session, say) {
            say(SessionUpdate::Failed(error.to_string()));
            return;
        }
    }
}

fn carry_out(
    store: &Store,
    command: SessionCommand,
    session: &mut Option<i64>,
    say: &impl Fn(SessionUpdate),
) -> Result<(), StoreError> {
    match command {
        SessionCommand::Begin(beginning) => *session = Some(store.begin(&beginning)?),
        SessionCommand::Decided(decided) => {
            if let Some(session) = *session {
                store.decided(session, &decided)?;
            }
            return Ok(());
        }
        SessionCommand::Played(secs, genre) => {
            if let Some(session) = *session {
                store.set_played(session, secs, genre.as_deref())?;
            }
        }
        SessionCommand::Note(session, note) => store.note(session, &note)?,
        SessionCommand::Favour(session, favourite) => store.favour(session, favourite)?,
        SessionCommand::Forget(forgotten) => {
            store.forget(forgotten)?;
            if *session == Some(forgotten) {
                *session = None;
            }
        }
        SessionCommand::List => {}
    }
    say(SessionUpdate::List(store.list()?));
    Ok(())
}
