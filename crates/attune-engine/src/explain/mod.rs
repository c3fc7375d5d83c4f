//! What an answer rests on, checked by changing the sound and asking again.
//!
//! *Where it looked* (attention weights) and *what changed the answer* are two things (Jain & Wallace 2019; Wiegreffe &
//! Pinter 2019), so they are computed apart and shown apart:
//!
//! - [`occlusion`]: what each class loses when a segment is replaced by the mean of what surrounds it (Zeiler & Fergus
//!   2014); signed, of any engine.
//! - [`forced`]: what the classifier answers when its attention is forced onto one segment; attention engines only.
//! - [`faithfulness`]: how fast the answer falls when the most attended frames are taken away, against frames taken at
//!   random (Samek et al. 2017).
//! - [`head`]: what one head asked of which frame, and the answer without it.
//! - [`similar`]: earlier moments that sound like one.
//! - [`planted`]: pieces in which one passage alone carries a class tell how often each of these points at it.
//!
//! In: normalised frames up to the moment in question, and models. Out: probabilities. Thread: any but the engine's.

pub mod document;
mod explanation;
pub mod faithfulness;
pub mod forced;
pub mod head;
mod heard;
mod listener;
pub mod occlusion;
pub mod planted;
mod replace;
mod segments;
pub mod similar;
pub mod words;

pub use explanation::{Explanation, HEARD, Looked, Opinion, SPAN};
pub use faithfulness::{Deletion, Faithfulness};
pub use head::{Head, HeadStudy};
pub use heard::Heard;
pub use listener::{Listener, Question};
pub use occlusion::Occlusion;
pub use segments::{Segment, segments};
