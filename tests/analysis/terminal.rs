//! The subcommands around the models: what they print, and how they refuse.

use crate::common::media::{folder, signal, text, write_float_wav};
use attune_audio::decode::decode_file;
use attune_model::genre::GTZAN;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn attune(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attune")).args(args).output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn three_engines_and_a_gate_are_bundled_each_below_a_million_weights() {
    let models = document(&attune(&["models", "--json"]));
    let names: Vec<&str> = models
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["lstm", "tcn", "attention", "gate"]);
    for model in &models.as_array().unwrap()[..3] {
        assert_eq!(model["role"], "engine");
        assert!(model["weights"].as_u64().unwrap() <= 1_000_000);
        assert_eq!(model["classes"].as_array().unwrap().len(), 10);
    }
    assert_eq!(models[3]["role"], "gate");
    assert!(models[3]["weights"].as_u64().unwrap() <= 60_000);
    assert_eq!(models[3]["classes"], serde_json::json!(["music", "speech", "other"]));
    // The receptive field of each body: 1 + 2·2·(1 + 2 + 4 + 8) frames for the convolutions; for attention
    // 1 + 2·2·(1 + 2) for the stem and 2·(16 − 1) for the layers.
    for (model, frames) in [(1, 61.0), (2, 43.0)] {
        let reach = models[model]["context_s"].as_f64().unwrap();
        assert!((reach - frames * 512.0 / 22_050.0).abs() < 1e-6, "{reach}");
    }
}

/// Mels of band noise whose loudness is shifted and stretched per clip.
fn write_mels(path: &Path, clips: usize) {
    let tensors: HashMap<String, candle_core::Tensor> = (0..clips)
        .map(|clip| {
            let values: Vec<f32> = (0..128 * 130)
                .map(|i| ((i * 7919 + clip * 104_729) % 1009) as f32 / 500.0 - 1.0 - (i / 130) as f32 / 64.0)
                .collect();
            (
                format!("clip{clip}"),
                candle_core::Tensor::from_vec(values, (128, 130), &candle_core::Device::Cpu).unwrap(),
            )
        })
        .collect();
    std::fs::write(path, safetensors::serialize(&tensors, None).unwrap()).unwrap();
}

#[test]
fn eval_counts_what_the_engines_answer_to_mels() {
    let folder = folder();
    let (mels, table) = (folder.path().join("mels.safetensors"), folder.path().join("clips.csv"));
    write_mels(&mels, 4);
    // The same clip under every label: exactly one of ten can be right, whatever the engines hear.
    let rows = GTZAN.map(|label| format!("clip2,{label}")).join("\n");
    std::fs::write(&table, format!("clip,label\n{rows}\n")).unwrap();
    let output = attune(&["eval", "--mels", text(&mels), "--manifest", text(&table), "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let report = document(&output);
    assert_eq!(report["clips"], 10);
    for engine in ["lstm", "tcn", "attention", "ensemble"] {
        let figures = &report["engines"][engine];
        assert!(
            (figures["accuracy"].as_f64().unwrap() - 0.1).abs() < 1e-9,
            "{engine}: {figures}"
        );
        let [low, high] = [0, 1].map(|end| figures["interval95"][end].as_f64().unwrap());
        assert!(low < 0.1 && high > 0.1 && low > 0.0 && high < 0.5, "{low} {high}");
        assert!(figures["ece"].is_number());
        assert_eq!(figures["per_class"].as_object().unwrap().len(), 10);
        let confusion: u64 = figures["confusion"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|n| n.as_u64().unwrap())
            .sum();
        assert_eq!(confusion, 10);
    }
}

#[test]
fn eval_reports_intervals_over_groups_if_any_clip_has_one() {
    let folder = folder();
    let (mels, table) = (folder.path().join("mels.safetensors"), folder.path().join("clips.csv"));
    write_mels(&mels, 1);
    // Ten clips of one sound, so one of ten is right, of three artists; then some of no artist; then all.
    let rows = |group: fn(usize) -> &'static str| -> String {
        let rows: Vec<String> = GTZAN
            .iter()
            .enumerate()
            .map(|(n, label)| format!("clip0,{label},{}", group(n)))
            .collect();
        rows.join("\n")
    };
    let eval = |json: &[&str]| {
        let output = attune(&[&["eval", "--mels", text(&mels), "--manifest", text(&table)], json].concat());
        assert!(output.status.success(), "{}", said(&output));
        output
    };
    std::fs::write(&table, rows(|n| ["a", "b", "c"][n % 3])).unwrap();
    let figures = &document(&eval(&["--json"]))["engines"]["ensemble"];
    assert_eq!(figures["by_group"]["groups"], 3);
    let width = |interval: &Value| interval[1].as_f64().unwrap() - interval[0].as_f64().unwrap();
    assert!(width(&figures["by_group"]["interval95"]) > width(&figures["interval95"]));
    let shown = String::from_utf8(eval(&[]).stdout).unwrap();
    assert!(
        shown.contains("10 clips of 3 groups") && shown.contains("over groups"),
        "{shown}"
    );
    // The table names one clip ten times: those without a group are one group.
    std::fs::write(&table, rows(|n| ["a", "b", "", "c"][n % 4])).unwrap();
    assert_eq!(
        document(&eval(&["--json"]))["engines"]["ensemble"]["by_group"]["groups"],
        4
    );
    std::fs::write(&table, rows(|_| "")).unwrap();
    assert!(document(&eval(&["--json"]))["engines"]["ensemble"]["by_group"].is_null());
}

#[test]
fn eval_hears_files_as_analyze_does() {
    let folder = folder();
    let (wav, table) = (folder.path().join("a.wav"), folder.path().join("clips.csv"));
    // Music whose genre no engine doubts: two ways to sum up would differ where two genres are as likely.
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    write_float_wav(&wav, info.rate.0, 1, &samples[..10 * info.rate.0 as usize]);
    let analysed = document(&attune(&["analyze", "--json", text(&wav)]));
    let heard = analysed["engines"][0]["genre"].as_str().unwrap();
    // Beside the table, by its bare name.
    std::fs::write(&table, format!("a.wav,{heard}\n")).unwrap();
    let report = document(&attune(&["eval", "--manifest", text(&table), "--json"]));
    assert_eq!(report["engines"]["lstm"]["accuracy"], 1.0);

    // A file that is missing makes the table wrong: nothing is evaluated.
    std::fs::write(&table, format!("a.wav,{heard}\nnone.wav,{heard}\n")).unwrap();
    let output = attune(&["eval", "--manifest", text(&table), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("line 2: there is no file \"none.wav\""),
        "{}",
        said(&output)
    );
    assert!(output.stdout.is_empty());
    // One that cannot be decoded is told, left out, and makes the exit code 1.
    std::fs::write(folder.path().join("none.wav"), b"").unwrap();
    let output = attune(&["eval", "--manifest", text(&table), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("none.wav"), "{}", said(&output));
    assert_eq!(
        (
            document(&output)["clips"].as_u64(),
            document(&output)["failed"].as_u64()
        ),
        (Some(1), Some(1))
    );
}

#[test]
fn eval_names_what_is_wrong_with_its_tables() {
    let folder = folder();
    let (mels, table) = (folder.path().join("mels.safetensors"), folder.path().join("clips.csv"));
    write_mels(&mels, 1);
    for (rows, expected) in [
        ("clip0,blues\nclip0,polka\n", "line 2: the label \"polka\""),
        ("clip0,blues\nclip7,blues\n", "no clip \"clip7\""),
        ("", "no clips"),
        ("clip0\n", "line 1: there is no label"),
    ] {
        std::fs::write(&table, rows).unwrap();
        let output = attune(&["eval", "--mels", text(&mels), "--manifest", text(&table)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(output.stdout.is_empty());
    }
    let output = attune(&["eval", "--manifest", text(&folder.path().join("none.csv"))]);
    assert!(said(&output).contains("none.csv"), "{}", said(&output));
}

#[test]
fn a_model_from_a_file_is_used_or_refused_by_name() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/models/tcn.json");
    let list = document(&attune(&["models", "--json", "--model", models]));
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["name"], "tcn");

    let folder = folder();
    let manifest = folder.path().join("tcn.json");
    std::fs::copy(models, &manifest).unwrap();
    let refused = |expected: &str| {
        let output = attune(&["models", "--model", text(&manifest)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(expected), "{}", said(&output));
    };
    refused("tcn.safetensors"); // weights missing
    std::fs::write(folder.path().join("tcn.safetensors"), b"not weights").unwrap();
    refused("SHA-256");
    std::fs::write(&manifest, b"{}").unwrap();
    refused("the manifest is not valid");
}

#[test]
fn damage_makes_the_exit_code_one_and_keeps_what_was_heard() {
    let folder = folder();
    let wav = folder.path().join("whole.wav");
    write_float_wav(&wav, 22_050, 1, &signal(22_050, 1, 4.0));
    let bytes = std::fs::read(&wav).unwrap();
    let cut = folder.path().join("cut.wav");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let output = attune(&["analyze", "--json", text(&cut)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("cut.wav"), "{}", said(&output));
    let report = document(&output);
    assert!(
        (report["source"]["duration_s"].as_f64().unwrap() - 2.0).abs() < 0.1,
        "{report}"
    );
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
}

/// `attune analyze` with these bytes on its standard input.
fn analyze_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["analyze", "--json"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn standard_input_and_samples_without_a_header_are_read_like_a_file() {
    let folder = folder();
    let wav = folder.path().join("a.wav");
    let samples = signal(22_050, 2, 4.0);
    write_float_wav(&wav, 22_050, 2, &samples);
    let expected = document(&attune(&["analyze", "--json", text(&wav)]));
    let bytes = std::fs::read(&wav).unwrap();
    let raw: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let pcm = folder.path().join("a.pcm");
    std::fs::write(&pcm, &raw).unwrap();
    let described = ["--raw", "f32le", "--rate", "22050", "--channels", "2"];
    let with = |path| [&described[..], &[path]].concat();
    let outputs = [
        analyze_input(&["-"], &bytes),
        analyze_input(&["/dev/stdin"], &bytes),
        analyze_input(&with("-"), &raw),
        analyze_input(&with(text(&pcm)), b""),
    ];
    for output in outputs {
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let report = document(&output);
        assert_eq!(report["answer"], expected["answer"]);
        assert_eq!(report["source"]["duration_s"], expected["source"]["duration_s"]);
    }
    let wrong = attune(&["analyze", "--raw", "mp3", "--rate", "22050", text(&pcm)]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn opposite_polarity_is_a_remark_and_no_failure() {
    let folder = folder();
    let wav = folder.path().join("a.wav");
    let one = signal(22_050, 1, 4.0);
    let both: Vec<f32> = one.iter().flat_map(|sample| [*sample, -sample]).collect();
    write_float_wav(&wav, 22_050, 2, &both);
    let output = attune(&["analyze", "--json", text(&wav)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = document(&output);
    assert_ne!(report["answer"]["state"], "silence");
    assert!(
        report["warnings"][0].as_str().unwrap().contains("opposite polarity"),
        "{report}"
    );
}
