//! Planted passages: does a map point at the one passage that carries a class?
//!
//! A passage of one class is put among distractors: a clip of another genre, noise, speech or silence. Only the passage
//! is evidence for its class, and every map is asked about that class, whatever the model answers. Of each map:
//!
//! - *pointing game* (Zhang et al. 2016): how often its highest half second lies in the passage. Chance is the share of
//!   half seconds that do;
//! - *rank correlation* (Spearman 1904) with occlusion over the half seconds of a piece;
//! - *deletion and insertion* (Samek et al. 2017; Petsiuk, Das & Saenko 2018): half seconds are occluded in the order
//!   of the map, highest first, or all are and come back in that order. The probability of the class has to fall, or
//!   rise, faster than in random order, and than in an order that is spread evenly over time.
//!
//! In: [`Source`]s, sounds, models. Out: a [`Finding`] for each piece, model and map, and their [`MapScores`]. Thread:
//! any.

mod curves;
mod map;
mod piece;
mod run;
mod scores;

pub use map::{Map, maps};
pub use piece::{Distractor, PASSAGE, PIECE, Piece, SILENCE_BELOW_DB, Source, WINDOWS, pieces};
pub use run::{Found, find_all};
pub use scores::{Beats, BeatsCount, Finding, MapScores, Pointing, find};
