//! Attune classifies the genre of music as it plays, and shows what the answer rests on.
//!
//! This crate is the application: the command line ([`cli`]), the window (`ui`, feature `gui`), settings and sessions.
//! The work is done by the libraries below it, in the order of the data:
//!
//! ```text
//!  attune-audio ─► attune-nn ─► attune-model ─► attune-engine ─► attune-train ─► attune-lab
//!  sound to        layers       frames to       logits to        audio to        experiments,
//!  frames                       logits          answers          weights         benchmarks
//!                                                      └───────► attune-library: exports of files
//! ```
//!
//! A crate uses only those before it. `docs/architecture.md` describes the contracts between them and where to put new
//! code; `docs/glossary.md` defines the terms.

/// Writes a line for people to stderr. Where nobody can read it (a closed pipe, a full disk) it is lost, and the work
/// goes on: `eprintln!` would panic.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => {
        $crate::cli::note(format_args!($($text)*))
    };
}

pub mod settings;

#[cfg(feature = "gui")]
pub mod sessions;

#[cfg(feature = "gui")]
pub mod ui;

pub mod cli;

mod demo;
mod feed;
mod proofs;
#[cfg(feature = "serve")]
pub mod publisher;

/// The user's folders for settings, data and caches; `None` if the system names no home.
fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "attune")
}
