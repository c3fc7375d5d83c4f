//! `attune models`: the models in use, and what their manifests say.

use super::error::AppError;
use attune_model::{LoadedModel, Manifest, ModelSet};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;
use std::process::ExitCode;

/// Lists the models as a table, or as one JSON document.
pub(super) fn run(as_json: bool, verified: bool, models: &ModelSet) -> Result<ExitCode, AppError> {
    let manifests = || models.models.iter().chain(&models.gate).map(LoadedModel::manifest);
    if verified {
        let names: Vec<&str> = manifests().map(|manifest| &manifest.name[..]).collect();
        crate::note!(
            "{}: weights and golden test are as their manifests say",
            names.join(", ")
        );
    }
    if as_json {
        let list: Vec<_> = manifests().map(describe).collect();
        super::print_line(&serde_json::to_string(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["model", "weights", "receptive field", "temperature"]);
    for manifest in manifests() {
        table.add_row([
            manifest.name.clone(),
            manifest.weight_count.to_string(),
            reach_secs(manifest).map_or("everything since the last reset".to_owned(), |secs| {
                format!("{secs:.1} s")
            }),
            format!("{:.2}", manifest.temperature),
        ]);
    }
    super::print_line(&table.to_string())?;
    // Commands are of any length: in a column they would stretch every row to the longest.
    for manifest in manifests() {
        super::print_line(&format!("\n{}: {}", manifest.name, manifest.provenance))?;
    }
    if let Some(gate) = &models.gate {
        super::print_line(&format!(
            "\n{} is the gate: it separates {}, and no genre is answered for what is not music",
            gate.manifest().name,
            gate.manifest().genres.labels().join(", ")
        ))?;
    }
    let spec = &models.front_end;
    super::print_line(&format!(
        "\n{} classes: {}\nfront end: {} Hz, window {}, hop {} ({:.1} ms), {} mel bands up to {} Hz",
        models.genres.len(),
        models.genres.labels().join(" "),
        spec.rate.0,
        spec.window_samples,
        spec.hop_samples,
        spec.hop().0 * 1e3,
        spec.bands,
        spec.high_hz
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(manifest: &Manifest) -> serde_json::Value {
    json!({
        "name": manifest.name,
        "role": if manifest.genres.is_gate() { "gate" } else { "engine" },
        "weights": manifest.weight_count,
        "context_s": reach_secs(manifest),
        "temperature": manifest.temperature,
        "classes": manifest.genres.labels(),
        "front_end": manifest.front_end,
        "architecture": manifest.architecture,
        "sha256": manifest.weights_sha256,
        "licence": manifest.licence,
        "provenance": manifest.provenance,
    })
}

fn reach_secs(manifest: &Manifest) -> Option<f64> {
    manifest
        .context_frames
        .map(|frames| frames as f64 * manifest.front_end.hop().0)
}
