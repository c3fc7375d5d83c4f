//! What an answer rests on, found by changing the sound and running the models again.
//!
//! *What a model attends to* (attention weights) and *what changes the answer* are two things (Jain & Wallace 2019;
//! Wiegreffe & Pinter 2019), so they are computed and displayed separately:
//!
//! - [`occlusion`]: what each class loses when a segment is replaced by the mean of its surroundings (Zeiler & Fergus
//!   2014); signed, for any model.
//! - [`attention_override`]: the answer when the classifier may attend to one segment only; attention models only.
//! - [`faithfulness`]: how fast the answer falls when the most attended frames are occluded, against frames occluded in
//!   random order (deletion: Samek et al. 2017).
//! - [`head`]: the attention map of one head, and the answer without it (ablation).
//! - [`mattered`]: the moments that carry most of what speaks for a class, to be listened to.
//! - [`similar`]: earlier moments that sound like one.
//! - [`planted`]: how often each of these points at the one passage that carries a class; [`trust`] says so in a
//!   sentence.
//!
//! In: normalised frames up to the moment in question, and models. Out: probabilities. Thread: any but the engine's.

pub mod attention_override;
mod context;
pub mod document;
mod explanation;
pub mod faithfulness;
pub mod head;
pub mod mattered;
pub mod occlusion;
pub mod planted;
mod probe;
mod replace;
mod segments;
pub mod similar;
pub mod trust;
pub mod wording;

pub use context::Context;
pub use explanation::{AttentionReport, Explanation, MAX_CONTEXT, ModelOcclusion, SPAN};
pub use faithfulness::{Deletion, Faithfulness};
pub use head::{Head, HeadStudy};
pub use mattered::Mattered;
pub use occlusion::Occlusion;
pub use probe::{Input, Probe};
pub use segments::{SEGMENT, Segment, segments};
