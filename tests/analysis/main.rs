//! The program in the terminal: `analyze`, `explain`, `eval`, `bench`, and what is printed when they fail.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod analyze;
mod bench;
mod demo;
mod doctor;
mod eval;
mod explain;
mod outside_text;
mod served;
mod tag;
mod terminal;
