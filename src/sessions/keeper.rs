//! The thread that the file belongs to.
//!
//! In: orders. Out: the list after each order that changed it, and what went wrong. Thread: `attune-history`, this is its whole
//! life; it ends when its orders do, with all of them carried out.

use super::store::{Store, StoreError};
use super::{Beginning, Decided, Session};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::PathBuf;
use std::thread::JoinHandle;

/// Orders that may wait; far more than a window gives between two looks of the thread.
const ORDERS: usize = 1024;

/// What is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// A session begins; what follows without a number belongs to it.
    Begin(Beginning),
    /// Something was decided in the session that began last.
    Decided(Decided),
    /// How much of it was heard, and the label of what was answered for the longest time.
    Heard(f64, Option<String>),
    /// What the user wrote of a session.
    Note(i64, String),
    /// Whether a session is a favourite.
    Favour(i64, bool),
    /// A session is forgotten.
    Forget(i64),
    /// Tell the list.
    List,
}

/// What the thread tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// All sessions.
    List(Vec<Session>),
    /// Nothing can be kept, and what to do.
    Failed(String),
}

/// The thread, held. Dropping it waits until everything is written.
#[derive(Debug)]
pub struct Keeper {
    orders: Option<Sender<Order>>,
    told: Receiver<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Begins to keep sessions in this file. `notify` is called when something is told.
    pub fn begin(path: PathBuf, notify: impl Fn() + Send + 'static) -> Self {
        let (orders, inbox) = bounded(ORDERS);
        let (tell, told) = bounded(ORDERS);
        let failed = tell.clone();
        let run = move || {
            let say = |what: Told| {
                // A window that is behind by so many lists needs none of them.
                let _ = tell.try_send(what);
                notify();
            };
            match Store::open(&path) {
                Ok(store) => keep(&store, &inbox, &say),
                Err(error) => say(Told::Failed(error.to_string())),
            }
        };
        let thread = std::thread::Builder::new().name("attune-history".to_owned()).spawn(run);
        let thread = thread
            .inspect_err(|error| drop(failed.try_send(Told::Failed(format!("the history has no thread: {error}")))))
            .ok();
        Self {
            orders: Some(orders),
            told,
            thread,
        }
    }

    /// Gives an order. What cannot be kept is told once, by the thread; then orders are for nothing.
    pub fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.try_send(order);
        }
    }

    /// What was told, if something was.
    pub fn poll(&self) -> Option<Told> {
        self.told.try_recv().ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Its panic would be a slip of ours, and is in the log already.
            let _ = thread.join();
        }
    }
}

fn keep(store: &Store, inbox: &Receiver<Order>, say: &impl Fn(Told)) {
    let mut session = None;
    while let Ok(order) = inbox.recv() {
        if let Err(error) = obey(store, order, &mut session, say) {
            say(Told::Failed(error.to_string()));
            return;
        }
    }
}

fn obey(store: &Store, order: Order, session: &mut Option<i64>, say: &impl Fn(Told)) -> Result<(), StoreError> {
    match order {
        Order::Begin(beginning) => *session = Some(store.begin(&beginning)?),
        Order::Decided(decided) => {
            if let Some(session) = *session {
                store.decided(session, &decided)?;
            }
            return Ok(());
        }
        Order::Heard(heard, genre) => {
            if let Some(session) = *session {
                store.heard(session, heard, genre.as_deref())?;
            }
        }
        Order::Note(session, note) => store.note(session, &note)?,
        Order::Favour(session, favourite) => store.favour(session, favourite)?,
        Order::Forget(forgotten) => {
            store.forget(forgotten)?;
            if *session == Some(forgotten) {
                *session = None;
            }
        }
        Order::List => {}
    }
    say(Told::List(store.list()?));
    Ok(())
}
