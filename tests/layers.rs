//! Imports run one way: a module uses only modules that `lib.rs` lists above it (and itself).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// One mention of a top-level module: `crate::NAME…`, or as many `super::` as lead to the root.
#[derive(Debug, PartialEq)]
struct Mention {
    line: usize,
    module: String,
}

#[test]
fn imports_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = modules_in_order(&fs::read_to_string(src.join("lib.rs")).unwrap());
    assert!(order.len() > 10, "lib.rs lists only {order:?}");

    let mut files = Vec::new();
    collect_rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let shown = file.strip_prefix(&src).unwrap();
        let parts = module_path(shown);
        let Some(own) = parts.first().and_then(|name| place(&order, name)) else {
            continue; // lib.rs and main.rs stand above all
        };
        let text = fs::read_to_string(&file).unwrap();
        for mention in mentions(&text, parts.len()) {
            seen += 1;
            match place(&order, &mention.module) {
                Some(used) if used <= own => {}
                Some(_) => wrong.push(format!(
                    "src/{}:{}: `{}` uses `{}`, which lib.rs lists below it",
                    shown.display(),
                    mention.line,
                    order[own],
                    mention.module
                )),
                None => {} // an item of the root itself
            }
        }
    }
    assert!(
        seen > 10,
        "only {seen} imports found: the reader of this test is broken"
    );
    assert!(wrong.is_empty(), "imports against the current:\n{}", wrong.join("\n"));
}

fn place(order: &[String], module: &str) -> Option<usize> {
    order.iter().position(|name| name == module)
}

fn modules_in_order(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.trim().trim_start_matches("pub ").strip_prefix("mod "))
        .map(|rest| rest.trim_end_matches(';').to_owned())
        .collect()
}

fn collect_rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if stem.ends_with("tests") {
            continue; // `tests/`, `tests.rs`, `…_tests.rs`
        }
        if path.is_dir() {
            collect_rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `model/manifest.rs` is the module `model::manifest`, `model/mod.rs` is `model`.
fn module_path(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// All mentions of modules of the root outside comments and `#[cfg(test)]` blocks, in a file so deep below the root.
fn mentions(text: &str, depth: usize) -> Vec<Mention> {
    let code = without_tests(&without_comments(text));
    let root = "super::".repeat(depth);
    let mut found = Vec::new();
    for start in ["crate::", root.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            // `super::super::` also matches in the middle of a longer chain; `mycrate::` is another word.
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            for module in first_names(&code[at + start.len()..]) {
                found.push(Mention { line, module });
            }
        }
    }
    found
}

/// The name that stands here, or in `{a::b, c}` the first name of each entry.
fn first_names(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = code.strip_prefix('{') else {
        return vec![name(code)];
    };
    let (mut names, mut depth, mut entry) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[entry..at]));
                entry = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Comments (and what looks like one in a string) become blank; lines keep their numbers.
fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code))
        .collect();
    lines.join("\n")
}

/// The block after each `#[cfg(test)]` becomes blank; lines keep their numbers.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let block = &rest[at..];
        let mut depth = 0;
        let end = block
            .char_indices()
            .find(|(_, c)| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0 && matches!(c, '}' | ';')
            })
            .map_or(block.len(), |(end, c)| end + c.len_utf8());
        kept.extend(block[..end].chars().filter(|c| *c == '\n'));
        rest = &block[end..];
    }
    kept.push_str(rest);
    kept
}

#[test]
fn the_reader_finds_what_it_should() {
    let text = "\
use crate::units::Seconds; // crate::ui
//! crate::doc
use crate::{
    genre::{GenreId, GenreSet},
    ring,
};
fn f() -> super::super::engine::Engine { mycrate::no(); super::near(); crate::model::load() }
#[cfg(test)]
mod tests { fn g() { crate::ui::open(); } }
#[cfg(test)]
use crate::cli;
use crate::smoothing;
";
    let mut found: Vec<(usize, String)> = mentions(text, 2).into_iter().map(|m| (m.line, m.module)).collect();
    found.sort();
    let expected = [
        (1, "units"),
        (3, "genre"),
        (3, "ring"),
        (7, "engine"),
        (7, "model"),
        (12, "smoothing"),
    ];
    assert_eq!(found, expected.map(|(line, module)| (line, module.to_owned())));
    assert_eq!(module_path(Path::new("model/manifest.rs")), ["model", "manifest"]);
    assert_eq!(module_path(Path::new("model/mod.rs")), ["model"]);
}
