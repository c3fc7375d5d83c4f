//! Models on streams: worker, smoothing, resets, and the same bits however a stream is cut.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod after_silence;
mod change;
mod engine;
mod interruptions;
mod one_answer;
mod sections;
mod smoothing;
mod streaming_models;
mod surprise;

use attune_engine::{Column, Pipeline};

/// The columns of a stream that was pushed in pieces of these lengths, one after another and again from the first.
fn columns(pipeline: &mut Pipeline, samples: &[f32], pieces: &[usize]) -> Vec<Column> {
    let (mut at, mut columns) = (0, Vec::new());
    for piece in pieces.iter().cycle() {
        if at == samples.len() {
            break;
        }
        let end = (at + piece).min(samples.len());
        pipeline
            .push(&samples[at..end], &mut |hop| columns.push(hop.column))
            .unwrap();
        at = end;
    }
    pipeline.finish(&mut |hop| columns.push(hop.column)).unwrap();
    columns
}
