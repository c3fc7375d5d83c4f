//! The lab: each experiment at small size, by something that would fail if it were faked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod arena;
mod depth;
mod heads;
mod hierarchy;
mod limits;
mod medley;
mod memory;
mod position;
mod scores;
mod stage;
mod wavenet;

/// Each lab has its page: in the docs of its module, with what was asked, the formula and where it is from, how it is
/// measured, what came of it here, and what does not follow.
#[test]
fn every_lab_has_a_page() {
    let labs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/attune-lab/src");
    let mut pages = 0;
    for folder in std::fs::read_dir(&labs).unwrap() {
        let module = folder.unwrap().path().join("mod.rs");
        let Ok(text) = std::fs::read_to_string(&module) else {
            continue; // a file, no lab
        };
        if !text.contains(" Lab for ") {
            continue; // what labs share
        }
        pages += 1;
        let mut from = 0;
        for heading in ["Question", "Formula", "Method", "Result", "What it does not show"] {
            let line = format!("//! # {heading}\n//! ");
            let found = text[from..].find(&line);
            let Some(found) = found else {
                panic!("{}: `# {heading}` is missing, or stands elsewhere", module.display())
            };
            from += found + line.len();
        }
    }
    assert_eq!(pages, 11);
}
