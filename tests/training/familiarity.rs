//! A trained model knows what it never learnt: from export to the answer of `attune eval`.

use crate::common::media::{folder, text};
use attune_audio::features::{FrameBlock, FrontEndSpec, LoudnessNormalizer};
use attune_model::architecture::BodyShape;
use attune_model::genre::{GenreId, GenreSet};
use attune_model::load::{from_bytes, load};
use attune_train::augment::normal;
use attune_train::dataset::{Clip, Dataset};
use attune_train::export::{Provenance, export};
use attune_train::recipe::{BatchShape, ModelKind, Recipe};
use attune_train::trainer::Trainer;
use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sha2::Digest;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const BANDS: usize = 128;
/// 3.5 s: more than the two that a model settles in.
const FRAMES: usize = 150;

/// Noise around a band, (frames, bands) in dB; by `kind` low, high, or a comb over all bands.
fn noise(kind: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let level = |band: usize| match kind {
        0 => -((band as f32 - 30.0) / 12.0).powi(2).min(30.0),
        1 => -((band as f32 - 90.0) / 12.0).powi(2).min(30.0),
        _ => -25.0 * f32::from(u8::from(band % 16 < 8)),
    };
    (0..FRAMES * BANDS)
        .map(|i| level(i % BANDS) + 4.0 * normal(rng))
        .collect()
}

fn data(rng: &mut ChaCha8Rng) -> Dataset {
    let mut clip = |number: usize| Clip {
        name: format!("clip{number}"),
        genre: GenreId((number % 2) as u8),
        artist: format!("artist{number}"),
        excerpt: Some(Arc::new(noise(number % 2, rng))),
        ..Clip::default()
    };
    Dataset::new(
        GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap(),
        (0..12).map(&mut clip).collect(),
        (100..124).map(&mut clip).collect(),
    )
}

fn recipe() -> Recipe {
    let mut recipe = Recipe::new(ModelKind::Tcn, 2, 3, 40);
    recipe.batches = vec![BatchShape {
        readout_frames: vec![(23, 0.5), (47, 0.5)],
        ..BatchShape::new(4, 48, 1.0)
    }];
    recipe.architecture.front.width = 16;
    recipe.architecture.head.hidden = 12;
    if let BodyShape::Tcn(shape) = &mut recipe.architecture.body {
        (shape.width, shape.dilations) = (16, vec![1, 2]);
    }
    recipe
}

#[test]
#[allow(clippy::too_many_lines, reason = "one story: trained, fitted, evaluated")]
fn what_was_never_learnt_is_unfamiliar_and_the_classes_are_not() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let data = data(&mut rng);
    let folder = folder();
    let mut trainer = Trainer::new(recipe(), &data).unwrap();
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    let provenance = Provenance {
        start: None,
        name: "noises".to_owned(),
        command: "a test".to_owned(),
        data: "noise".to_owned(),
        rights: "ours".to_owned(),
        date: "2026-01-01".to_owned(),
    };
    let manifest = export(&trainer, &data, folder.path(), &provenance).unwrap();
    let scale = manifest.familiarity.expect("24 validation clips");
    assert!(scale.sounds == 24 && scale.threshold > scale.median, "{scale:?}");
    let card = std::fs::read_to_string(folder.path().join("noises.md")).unwrap();
    assert!(card.contains("## Familiarity") && card.contains("24 held-out sounds"));

    // Loaded, each frame has a novelty; of most held-out clips it lies below that of the threshold.
    let path = folder.path().join("noises.json");
    let model = load(&path).unwrap();
    let novelty = |levels: &[f32]| -> f32 {
        let mut frames = Vec::new();
        LoudnessNormalizer::new(&FrontEndSpec::default()).push(levels, &mut frames);
        let all = model
            .stream()
            .unwrap()
            .answers(FrameBlock::new(&frames, BANDS))
            .unwrap()
            .novelty;
        assert_eq!(all.len(), FRAMES);
        all[86..].iter().sum::<f32>() / 64.0
    };
    let threshold = -0.05_f32.ln();
    let held_out = data.valid.iter().filter_map(|clip| clip.excerpt.as_ref());
    let beyond = held_out.filter(|levels| novelty(levels) > threshold + 1e-3).count();
    assert!(beyond <= 1, "{beyond} of 24");
    let strange: Vec<Vec<f32>> = (0..6).map(|_| noise(2, &mut rng)).collect();
    assert!(strange.iter().all(|levels| novelty(levels) > 2.0 * threshold));

    // Statistics without a scale, a scale without statistics, or an impossible one: refused.
    let text_of = std::fs::read_to_string(&path).unwrap();
    let weights = std::fs::read(path.with_extension("safetensors")).unwrap();
    let mut json: Value = serde_json::from_str(&text_of).unwrap();
    json["familiarity"]["threshold"] = json["familiarity"]["median"].clone();
    let refusal = |json: &Value| {
        from_bytes(json.to_string().as_bytes(), weights.clone())
            .unwrap_err()
            .to_string()
    };
    assert!(
        refusal(&json).contains("familiarity has the median"),
        "{}",
        refusal(&json)
    );
    json.as_object_mut().unwrap().remove("familiarity");
    assert!(
        refusal(&json).contains("both in the manifest and among the tensors"),
        "{}",
        refusal(&json)
    );

    // `attune eval` separates them.
    let mut table = String::from("clip,label\n");
    let mut mels = HashMap::new();
    let mut add = |name: String, label: &str, levels: &[f32]| {
        writeln!(table, "{name},{label}").unwrap();
        let levels = Tensor::from_slice(levels, (FRAMES, BANDS), &Device::Cpu).unwrap();
        let rows = (levels.t().unwrap().contiguous().unwrap() / 18.0).unwrap();
        mels.insert(name, rows);
    };
    for clip in &data.valid {
        let label = data.genres.label(clip.genre);
        add(clip.name.clone(), label, clip.excerpt.as_ref().unwrap());
    }
    for (number, levels) in strange.iter().enumerate() {
        add(format!("strange{number}"), "comb", levels);
    }
    let [csv, file] = ["clips.csv", "mels.safetensors"].map(|name| folder.path().join(name));
    std::fs::write(&csv, table).unwrap();
    std::fs::write(&file, safetensors::serialize(&mels, None).unwrap()).unwrap();
    let eval = |more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_attune"))
            .args([
                "eval",
                "--model",
                text(&path),
                "--manifest",
                text(&csv),
                "--mels",
                text(&file),
                "--json",
            ])
            .args(more)
            .output()
            .unwrap()
    };
    assert_eq!(eval(&[]).status.code(), Some(2), "comb is no class");
    let output = eval(&["--unfamiliar"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let unfamiliar = &report["unfamiliar"];
    assert_eq!(
        (report["clips"].as_u64(), unfamiliar["auroc"].as_f64()),
        (Some(24), Some(1.0)),
        "{report}"
    );
    assert_eq!(unfamiliar["unfamiliar"]["share"].as_f64(), Some(1.0), "{unfamiliar}");
    assert!(unfamiliar["known"]["share"].as_f64().unwrap() <= 0.05, "{unfamiliar}");
    assert_eq!(unfamiliar["unfamiliar"]["confident_wrong"].as_f64(), Some(0.0));
}

/// A data set with an index and excerpts of three classes.
fn indexed(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut index = String::from("clip,genre,split,audio,artist\n");
    let mut mels = HashMap::new();
    for number in 0..60 {
        let (kind, split) = (number % 3, if number < 24 { "train" } else { "valid" });
        let label = ["low", "high", "comb"][kind];
        writeln!(index, "clip{number},{label},{split},no,artist{number}").unwrap();
        let levels = Tensor::from_vec(noise(kind, &mut rng), (FRAMES, BANDS), &Device::Cpu).unwrap();
        mels.insert(
            format!("clip{number}"),
            (levels.t().unwrap().contiguous().unwrap() / 18.0).unwrap(),
        );
    }
    std::fs::write(folder.join("clips.csv"), index).unwrap();
    std::fs::write(
        folder.join("mel3s.safetensors"),
        safetensors::serialize(&mels, None).unwrap(),
    )
    .unwrap();
}

#[test]
fn a_trained_model_gets_its_familiarity_afterwards_and_genres_can_be_left_out() {
    let folder = folder();
    let [data, out, again] = ["data", "out", "again"].map(|name| folder.path().join(name));
    std::fs::create_dir(&data).unwrap();
    indexed(&data);
    let train = |out: &Path, args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_attune"))
            .args([
                "train",
                "tcn",
                "--data",
                text(&data),
                "--steps",
                "2",
                "--renditions",
                "0",
            ])
            .args(["--batches", "4x48", "--out", text(out)])
            .args(args)
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (ok, said) = train(&out, &["--leave-out", "comb"]);
    assert!(ok, "{said}");
    let path = out.join("tcn.json");
    let first = load(&path).unwrap();
    assert_eq!(first.manifest().genres.labels(), ["high", "low"]);
    assert!(first.manifest().provenance.contains("--leave-out comb"));
    let scale = first.manifest().familiarity.unwrap();
    assert_eq!(scale.sounds, 24, "36 validation clips, of which 12 are left out");

    // Without its familiarity it loads, and gets the same one back.
    let mut tensors = first.tensors().unwrap();
    tensors.retain(|name, _| !name.starts_with("familiarity."));
    let weights = safetensors::serialize(&tensors, None).unwrap();
    let mut manifest = first.manifest().clone();
    manifest.familiarity = None;
    manifest.weights_sha256 = attune_model::load::hex(&sha2::Sha256::digest(&weights));
    std::fs::write(path.with_extension("safetensors"), weights).unwrap();
    std::fs::write(&path, serde_json::to_string(&manifest).unwrap()).unwrap();
    assert_eq!(load(&path).unwrap().manifest().familiarity, None);
    let fit = ["--leave-out", "comb", "--fit-familiarity", text(&path)];
    let (ok, said) = train(&again, &fit);
    assert!(ok && said.contains("24 held-out sounds"), "{said}");
    let second = load(&again.join("tcn.json")).unwrap();
    assert_eq!(second.manifest().familiarity, Some(scale));
    assert_eq!(second.weights(), first.weights(), "the same file");
    let card = std::fs::read_to_string(again.join("tcn.md")).unwrap();
    assert_eq!(card, std::fs::read_to_string(out.join("tcn.md")).unwrap());

    // Other classes than the data's, and a class that is none.
    let (ok, said) = train(&again, &fit[2..]);
    assert!(!ok && said.contains("those of the data"), "{said}");
    let (ok, said) = train(&again, &["--leave-out", "polka"]);
    assert!(!ok && said.contains("--leave-out polka: no such class"), "{said}");
}
