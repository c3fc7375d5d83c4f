//! The bill of materials: each library that is linked into the program, with version, licence and checksum, as
//! CycloneDX 1.5, which scanners for known faults read.
//!
//! In: what is linked, and `Cargo.lock`. Out: JSON. Thread: any.

use super::linked::{Linked, list, word};
use cargo_lock::Lockfile;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::prelude::{Bom, NormalizedString, Validate};
use serde_json::Value;
use std::io::{Error, Result};
use std::path::Path;

/// Without a time and a serial number, so the same sources give the same file.
///
/// # Errors
/// If `Cargo.lock` cannot be read, or the result is not valid.
pub(super) fn json(root: &Path, linked: &Linked) -> Result<Vec<u8>> {
    let lock = Lockfile::load(root.join("Cargo.lock")).map_err(Error::other)?;
    let version = env!("CARGO_PKG_VERSION");
    let libraries = linked.packages().into_iter().map(|package| library(package, &lock));
    let bom = Bom {
        serial_number: None,
        metadata: Some(Metadata {
            component: Some(component(Classification::Application, "attune", version, "MIT")?),
            ..Metadata::default()
        }),
        components: Some(Components(libraries.collect::<Result<_>>()?)),
        ..Bom::default()
    };
    let valid = bom.validate();
    if !valid.passed() {
        return Err(Error::other(format!("the bill of materials is not valid: {valid:?}")));
    }
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json).map_err(Error::other)?;
    Ok(json)
}

fn library(package: &Value, lock: &Lockfile) -> Result<Component> {
    let (name, version) = (word(&package["name"]), word(&package["version"]));
    // Some old packages write A/B for A OR B.
    let licence = word(&package["license"]).replace('/', " OR ");
    let mut library = component(Classification::Library, name, version, &licence)?;
    let mut locked = lock.packages.iter();
    let locked = locked.find(|locked| locked.name.as_str() == name && locked.version.to_string() == version);
    if let Some(checksum) = locked.and_then(|locked| locked.checksum.as_ref()) {
        library.hashes = Some(Hashes(vec![Hash {
            alg: HashAlgorithm::SHA_256,
            content: HashValue(checksum.to_string()),
        }]));
    }
    let authors: Vec<&str> = list(&package["authors"]).map(word).collect();
    library.author = (!authors.is_empty()).then(|| NormalizedString::new(&authors.join(", ")));
    Ok(library)
}

fn component(kind: Classification, name: &str, version: &str, licence: &str) -> Result<Component> {
    let mut component = Component::new(kind, name, version, Some(format!("{name} {version}")));
    component.purl = Some(Purl::new("cargo", name, version).map_err(Error::other)?);
    component.licenses = (!licence.is_empty()).then(|| Licenses(vec![LicenseChoice::expression(licence)]));
    Ok(component)
}
