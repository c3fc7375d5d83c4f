//! What the program is linked with.
//!
//! In: what cargo says of the workspace. Out: packages. Thread: any.
//!
//! cargo joins the features that any member of the workspace asks for: some libraries more than are linked are named.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, Result};
use std::path::Path;
use std::process::Command;

/// What cargo says of the workspace.
pub(super) struct Linked(Value);

impl Linked {
    /// Of the workspace in `root`.
    ///
    /// # Errors
    /// If cargo cannot be run.
    pub(super) fn of(root: &Path) -> Result<Self> {
        metadata(root).map(Self)
    }

    /// All that the program is linked with, but for Attune itself, by name and version.
    pub(super) fn packages(&self) -> Vec<&Value> {
        let packages: BTreeMap<&str, &Value> = list(&self.0["packages"])
            .map(|package| (word(&package["id"]), package))
            .collect();
        let linked = linked(&self.0).into_iter();
        let mut linked: Vec<&Value> = linked.filter_map(|id| packages.get(id).copied()).collect();
        linked.retain(|package| !package["source"].is_null()); // what has no source is Attune itself
        linked.sort_by_key(|package| (word(&package["name"]), word(&package["version"])));
        linked
    }
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

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
