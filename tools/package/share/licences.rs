//! The licences of the libraries that are linked into the program, which their authors ask to be passed on.
//!
//! In: what cargo says of the workspace, and the folders of its dependencies. Out: one text. Thread: any.
//!
//! cargo joins the features that any member of the workspace asks for: some libraries more than are linked are named.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libraries with licence and source, then every text once, with who is under it.
pub(super) fn text(root: &Path) -> Result<String> {
    let metadata = metadata(root)?;
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"])
        .map(|package| (word(&package["id"]), package))
        .collect();
    let mut lines = vec!["Attune is linked with these libraries, or with most of them.\n".to_owned()];
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut linked: Vec<&Value> = linked(&metadata)
        .into_iter()
        .filter_map(|id| packages.get(id).copied())
        .collect();
    linked.retain(|package| !package["source"].is_null()); // what has no source is Attune itself
    linked.sort_by_key(|package| (word(&package["name"]), word(&package["version"])));
    for package in linked {
        let name = format!("{} {}", word(&package["name"]), word(&package["version"]));
        lines.push(format!(
            "{name}: {}, {}",
            word(&package["license"]),
            word(&package["repository"])
        ));
        for file in licence_files(Path::new(word(&package["manifest_path"])))? {
            let text = String::from_utf8_lossy(&fs::read(file)?).trim().replace('\r', "");
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, names) in texts {
        lines.push(format!("\n{}\n{}\n\n{text}", "=".repeat(80), names.join(", ")));
    }
    Ok(lines.join("\n"))
}

fn metadata(root: &Path) -> Result<Value> {
    let host = if cfg!(target_arch = "aarch64") {
        "aarch64"
    } else {
        "x86_64"
    };
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform"])
        .arg(format!("{host}-unknown-linux-gnu"))
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(Error::other)
}

/// The ids of all that the program is linked with, itself included.
fn linked(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .map(|node| (word(&node["id"]), node))
        .collect();
    let mut found = BTreeSet::new();
    let mut left = vec![word(&metadata["resolve"]["root"])];
    while let Some(id) = left.pop() {
        if found.insert(id) {
            let dependencies = nodes.get(id).map(|node| list(&node["deps"])).into_iter().flatten();
            let is_linked = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
            left.extend(
                dependencies
                    .filter(is_linked)
                    .map(|dependency| word(&dependency["pkg"])),
            );
        }
    }
    found
}

/// Files in the folder of a manifest that state its licence.
fn licence_files(manifest: &Path) -> Result<BTreeSet<PathBuf>> {
    let Some(folder) = manifest.parent() else {
        return Ok(BTreeSet::new());
    };
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let states = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"];
        if path.is_file() && states.iter().any(|start| name.starts_with(start)) {
            files.insert(path);
        }
    }
    Ok(files)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
