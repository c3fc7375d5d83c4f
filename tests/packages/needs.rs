//! What the packages need of the system they are installed on.

use crate::{Packages, root, run};
use std::collections::BTreeSet;
use std::process::Command;

/// The newest glibc that the program may need: Debian 12's.
const NEWEST_GLIBC: (u32, u32) = (2, 36);
/// Libraries that are linked, beside the loader.
const LINKED: [&str; 4] = ["libasound.so.2", "libc.so.6", "libgcc_s.so.1", "libm.so.6"];
fn program() -> std::path::PathBuf {
    Packages::built().root().join("usr/bin/attune")
}

fn window_libraries() -> Vec<(String, String)> {
    let script = std::fs::read_to_string(root().join(".ci/packages.sh")).unwrap();
    let rows = script.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let library = (words.next()? == "window").then(|| words.next()?.strip_prefix("library:"))??;
        Some((library.to_owned(), words.next()?.to_owned()))
    });
    rows.collect()
}

/// What looks like the name of a library in the program.
fn named(program: &[u8]) -> BTreeSet<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_".contains(&byte);
    let mut names = BTreeSet::new();
    for at in (0..program.len().saturating_sub(3)).filter(|at| program[*at..].starts_with(b".so")) {
        let before = program[..at].iter().rev().take_while(|byte| is_name(**byte)).count();
        let stem = std::str::from_utf8(&program[at - before..at]).unwrap();
        let version: Vec<u8> = program[at + 3..]
            .iter()
            .copied()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
            .collect();
        if let Some(start) = stem.rfind("lib") {
            let version = String::from_utf8(version).unwrap();
            // A sentence may end with the name.
            names.insert(format!("{}.so{}", &stem[start..], version.trim_end_matches('.')));
        }
    }
    names
}

#[test]
fn every_library_that_is_linked_or_opened_is_declared() {
    let packages = Packages::built();
    let dynamic = run(Command::new("readelf").args(["-d", "--wide"]).arg(program()));
    let linked: BTreeSet<_> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0))
        .filter(|name| !name.starts_with("ld-linux"))
        .collect();
    assert_eq!(linked, BTreeSet::from(LINKED));

    let window = window_libraries();
    let program = std::fs::read(program()).unwrap();
    let names = named(&program);
    let count = |name: &str| {
        program
            .windows(name.len())
            .filter(|bytes| *bytes == name.as_bytes())
            .count()
    };
    // A digit may follow in the program; and a name without a version is tried where the one with it is not there.
    let is_of = |name: &str, library: &str| name.starts_with(library) || library.starts_with(&format!("{name}."));
    let declared = |name: &&String| {
        let libraries = window.iter().map(|(library, _)| &library[..]).chain(LINKED);
        libraries.into_iter().any(|library| is_of(name, library))
    };
    let undeclared: Vec<_> = names.iter().filter(|name| !declared(name)).collect();
    assert!(
        undeclared.is_empty(),
        "opened, but no package declares it: {undeclared:?}"
    );

    let field = |name: &str| run(Command::new("dpkg-deb").arg("-f").arg(packages.file("deb")).arg(name));
    let depends = field("Depends");
    let requires = run(Command::new("rpm").args(["-qRp"]).arg(packages.file("rpm")));
    for (library, package) in &window {
        // Once by what opens it, and once by `attune doctor`.
        assert!(count(library) >= 2, "{library} is declared and never opened");
        assert!(
            depends.split([',', ' ', '\n']).any(|word| word == package),
            "{package} in {depends}"
        );
        assert!(
            requires.contains(&format!("{library}()(64bit)")),
            "{library} in {requires}"
        );
    }
    for name in LINKED {
        assert!(requires.contains(name), "{name} in {requires}");
    }
    for package in ["libc6 (>= 2.", "libgcc-s1", "libasound2t64 | libasound2"] {
        assert!(depends.contains(package), "{package} in {depends}");
    }
    assert_eq!(field("Suggests").trim(), "ffmpeg");
}

#[test]
fn it_runs_on_the_glibc_of_debian_12() {
    let version = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((
            major.parse::<u32>().ok()?,
            minor.split('.').next()?.parse::<u32>().ok()?,
        ))
    };
    let ours = run(Command::new("getconf").arg("GNU_LIBC_VERSION"));
    if ours
        .trim()
        .strip_prefix("glibc ")
        .and_then(version)
        .is_none_or(|ours| ours > NEWEST_GLIBC)
    {
        println!(
            "built with {}: what it needs is judged where packages are built",
            ours.trim()
        );
        return;
    }
    let symbols = run(Command::new("readelf").args(["-V", "--wide"]).arg(program()));
    let needed = symbols.split("GLIBC_").skip(1);
    let needed = needed
        .filter_map(|rest| version(rest.split([' ', '\n']).next()?))
        .max()
        .unwrap();
    assert!(needed > (2, 2) && needed <= NEWEST_GLIBC, "{needed:?}");
}
