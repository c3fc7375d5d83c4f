//! The licences of the libraries that are linked into the program, which their authors ask to be passed on.
//!
//! In: what is linked, and the folders of it. Out: one text. Thread: any.

use super::linked::{Linked, word};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Result;
use std::path::{Path, PathBuf};

/// The libraries with licence and source, then every text once, with who is under it.
pub(super) fn text(linked: &Linked) -> Result<String> {
    let mut lines = vec!["Attune is linked with these libraries, or with most of them.\n".to_owned()];
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked.packages() {
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
