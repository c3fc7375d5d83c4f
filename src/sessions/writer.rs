//! The thread that the file belongs to.
//!
//! In: commands. Out: the list after each command that changed it, and what went wrong. Thread: `attune-history`, this
//! is its whole life; it ends when its commands do, with all of them carried out.
//!
//! While another program holds the file, the thread waits and the commands with it. What is not kept all the same,
//! because too many wait, the disk is full or the file is none, is counted and said.

use super::error::StoreError;
use super::retry::retry;
use super::store::Store;
use super::{Beginning, Decided, Session};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Commands that may wait: several hours of a window's, should another program hold the file for so long.
const QUEUED: usize = 16_384;
/// Updates that may wait; a window that is further behind needs none of the lists.
const UPDATES: usize = 1024;
/// How long the thread goes on trying, once its commands have ended.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

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
    /// Read what was decided in a session.
    Read(i64),
    /// List all sessions.
    List,
}

/// What the thread reports.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionUpdate {
    /// All sessions.
    List(Vec<Session>),
    /// What was decided in this session, in order.
    Decisions(i64, Vec<Decided>),
    /// What is not kept, why, and what to do.
    Failed(String),
}

/// The thread, held. Dropping it waits until everything is written, for at most some seconds where another program
/// holds the file.
#[derive(Debug)]
pub struct SessionWriter {
    commands: Option<Sender<SessionCommand>>,
    updates: Receiver<SessionUpdate>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// Whether the session that began last is one of which nothing is kept.
    beginning_lost: AtomicBool,
}

/// What both sides of the queue know.
#[derive(Debug, Default)]
struct Shared {
    /// Entries that were not kept.
    lost: AtomicU64,
    /// When the thread is to have ended; `None`: commands may come.
    end: Mutex<Option<Instant>>,
}

impl Shared {
    fn lose(&self, entries: u64) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
    }

    /// Whether there is time for another attempt.
    fn goes_on(&self) -> bool {
        let end = *self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_none_or(|end| Instant::now() < end)
    }
}

impl SessionCommand {
    /// Whether something is lost when it is not carried out.
    fn is_entry(&self) -> bool {
        !matches!(self, Self::List | Self::Read(_))
    }
}

impl SessionWriter {
    /// Begins to keep sessions in this file. `notify` is called when there is something new.
    pub fn begin(path: PathBuf, notify: impl Fn() + Send + 'static) -> Self {
        let (commands, inbox) = bounded(QUEUED);
        let (sender, updates) = bounded(UPDATES);
        let failed = sender.clone();
        let shared = Arc::new(Shared::default());
        let say = move |what: SessionUpdate| {
            // A window this far behind needs none of these lists.
            let _ = sender.try_send(what);
            notify();
        };
        let mut keeper = Keeper {
            current: Current::Nothing,
            shared: Arc::clone(&shared),
            reported: 0,
            is_unlisted: false,
            say,
        };
        let run = move || keeper.keep(&path, &inbox);
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
            shared,
            beginning_lost: AtomicBool::new(false),
        }
    }

    /// Sends a command; never waits. What finds no room is counted, and reported by the thread; so is what belongs to a
    /// session whose beginning found none.
    pub fn send(&self, command: SessionCommand) {
        let Some(commands) = &self.commands else { return };
        let of_last = matches!(command, SessionCommand::Decided(_) | SessionCommand::Played(..));
        if of_last && self.beginning_lost.load(Ordering::Relaxed) {
            return self.shared.lose(1);
        }
        let begins = matches!(command, SessionCommand::Begin(_));
        let refused = commands
            .try_send(command)
            .map_err(crossbeam_channel::TrySendError::into_inner);
        if refused.as_ref().is_err_and(SessionCommand::is_entry) {
            self.shared.lose(1);
        }
        if begins {
            self.beginning_lost.store(refused.is_err(), Ordering::Relaxed);
        }
    }

    /// What was reported, if something was.
    pub fn poll(&self) -> Option<SessionUpdate> {
        self.updates.try_recv().ok()
    }

    /// Entries that were not kept, so far.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, as dropping does, and returns how many entries were not kept.
    pub fn finish(mut self) -> u64 {
        self.close();
        self.lost()
    }

    fn close(&mut self) {
        let end = Instant::now() + CLOSE_WITHIN;
        *self.shared.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic here is a bug, and is in the log already.
            let _ = thread.join();
            if self.lost() > 0 {
                tracing::warn!("{}", not_kept(self.lost()));
            }
        }
    }
}

impl Drop for SessionWriter {
    fn drop(&mut self) {
        self.close();
    }
}

fn not_kept(entries: u64) -> String {
    match entries {
        1 => "1 entry of the history was not kept".to_owned(),
        _ => format!("{entries} entries of the history were not kept"),
    }
}

/// What a decision belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    /// To no session: none has begun, or the user has had it forgotten.
    Nothing,
    /// To this one.
    Kept(i64),
    /// To one whose beginning was not kept.
    Lost,
}

/// What the thread knows.
struct Keeper<S> {
    current: Current,
    shared: Arc<Shared>,
    /// Entries that were not kept and are reported.
    reported: u64,
    /// Whether the sessions could not be read the last time.
    is_unlisted: bool,
    say: S,
}

impl<S: Fn(SessionUpdate)> Keeper<S> {
    fn keep(&mut self, path: &Path, inbox: &Receiver<SessionCommand>) {
        let shared = Arc::clone(&self.shared);
        match retry(|| Store::open_once(path), || shared.goes_on()) {
            Ok(store) => self.write_all(&store, inbox),
            Err(error) => self.fail(&error),
        }
        // Until the window closes, so that what is lost is counted.
        for command in inbox {
            shared.lose(u64::from(command.is_entry()));
        }
    }

    /// Carries commands out until they end, or one fails in a way that all would. A list is made when none waits.
    fn write_all(&mut self, store: &Store, inbox: &Receiver<SessionCommand>) {
        let shared = Arc::clone(&self.shared);
        let (mut is_listed, mut is_failing) = (true, false);
        for command in inbox {
            if let Err(error) = retry(|| self.carry_out(store, &command), || shared.goes_on()) {
                shared.lose(u64::from(command.is_entry()));
                if matches!(command, SessionCommand::Begin(_)) {
                    self.current = Current::Lost;
                }
                // Said once, until something succeeds again; the entries are counted.
                if !is_failing {
                    self.fail(&error);
                }
                if !error.is_of_one_entry() {
                    return;
                }
                is_failing = true;
                continue;
            }
            is_failing = false;
            is_listed &= matches!(command, SessionCommand::Decided(_) | SessionCommand::Read(_));
            if !inbox.is_empty() {
                continue;
            }
            if let Some(entries) = self.take_unreported() {
                (self.say)(SessionUpdate::Failed(not_kept(entries)));
            }
            if !is_listed {
                self.list(store);
                is_listed = true;
            }
        }
    }

    /// Lists all sessions. If they cannot be read, what is written is kept all the same; this is said once.
    fn list(&mut self, store: &Store) {
        match retry(|| store.list(), || self.shared.goes_on()) {
            Ok(list) => {
                self.is_unlisted = false;
                (self.say)(SessionUpdate::List(list));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_unlisted, true) {
                    (self.say)(SessionUpdate::Failed(error.to_string()));
                }
            }
        }
    }

    /// How many entries were not kept since this was reported last, if any were.
    fn take_unreported(&mut self) -> Option<u64> {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let unreported = lost - std::mem::replace(&mut self.reported, lost);
        (unreported > 0).then_some(unreported)
    }

    /// Reports why something is not kept, and how much so far.
    fn fail(&mut self, error: &StoreError) {
        let text = match self.take_unreported() {
            Some(entries) => format!("{}: {error}", not_kept(entries)),
            None => error.to_string(),
        };
        (self.say)(SessionUpdate::Failed(text));
    }

    fn carry_out(&mut self, store: &Store, command: &SessionCommand) -> Result<(), StoreError> {
        match (command, self.current) {
            (SessionCommand::Begin(beginning), _) => self.current = Current::Kept(store.begin(beginning)?),
            (SessionCommand::Decided(decided), Current::Kept(session)) => store.decided(session, decided)?,
            (SessionCommand::Played(secs, genre), Current::Kept(session)) => {
                store.set_played(session, *secs, genre.as_deref())?;
            }
            (SessionCommand::Decided(_) | SessionCommand::Played(..), Current::Lost) => self.shared.lose(1),
            (SessionCommand::Decided(_) | SessionCommand::Played(..), Current::Nothing) | (SessionCommand::List, _) => {
            }
            (SessionCommand::Read(session), _) => {
                (self.say)(SessionUpdate::Decisions(*session, store.decisions(*session)?));
            }
            (SessionCommand::Note(session, note), _) => store.note(*session, note)?,
            (SessionCommand::Favour(session, favourite), _) => store.favour(*session, *favourite)?,
            (SessionCommand::Forget(forgotten), current) => {
                store.forget(*forgotten)?;
                if current == Current::Kept(*forgotten) {
                    self.current = Current::Nothing;
                }
            }
        }
        Ok(())
    }
}
