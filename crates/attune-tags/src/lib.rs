//! Writes a genre into music files, and proves that nothing else in them changed.
//!
//! ```text
//!  original ─► copy ─► one field changed (lofty) ─► proof ─► undo journal ─► fsync ─► rename over the original
//! ```
//!
//! The proof: the copy decodes to the same samples, and every other tag and frame of it is equal. A file whose tags
//! cannot be read to the letter is refused, never given a new tag. At every moment the file under its name is the old
//! one or the new one, whole.
//!
//! In: a path, a field, a value. Out: the file, and an entry in a [`Journal`] that brings the old bytes back. Thread:
//! any; one process at a time works on a file.

mod error;
mod field;
mod formats;
mod journal;
mod origin;
mod proof;
mod raw;
mod write;

pub use error::{Refusal, TagError};
pub use field::Field;
pub use formats::{Tags, read};
pub use journal::{Journal, Restored, Undone};
pub use origin::{Origin, origin};
pub use write::{Step, Written, write, write_with};
