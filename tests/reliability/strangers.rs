//! Files of strangers: what they cost is what the program chooses.

#![cfg(target_os = "linux")]

use attune_model::ModelError;
use attune_model::load::load;
use attune_train::windowed_targets::WindowedTargets;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
/// The program is ended after this: it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the program; panics if it does not end.
fn attune(folder: &Path, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(args)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("attune {args:?} hangs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// A pipe that nobody writes into, and a link to a device that never ends.
fn endless(folder: &Path) -> [PathBuf; 2] {
    let [pipe, device] = ["pipe", "device"].map(|name| folder.join(name));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    [pipe, device]
}

fn refused(folder: &Path, args: &[&str], said: &str) {
    let output = attune(folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains(said), "{args:?}: {stderr}");
}

#[test]
fn what_is_no_file_is_no_model_no_setting_and_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let sounds = folder.path().join("sounds");
    for (class, hz) in [("low", 200.0), ("high", 2_000.0)] {
        std::fs::create_dir_all(sounds.join(class)).unwrap();
        for take in 0..6_u32 {
            let samples: Vec<f32> = (0..22_050 * 4)
                .map(|at| (std::f32::consts::TAU * hz * at as f32 / 22_050.0 + take as f32).sin() * 0.3)
                .collect();
            crate::media::write_int_wav(&sounds.join(class).join(format!("{take}.wav")), 22_050, 1, 16, &samples);
        }
    }
    let sound = sounds.join("low/0.wav");
    for path in endless(folder.path()) {
        let path = path.to_str().unwrap();
        refused(folder.path(), &["models", "--model", path], "a pipe or a device");
        let settings = folder.path().join("config/attune/settings.json");
        std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(path, &settings).unwrap();
        let output = attune(folder.path(), &["analyze", sound.to_str().unwrap()]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(
            stderr.contains("a pipe or a device") && stderr.contains("defaults are used"),
            "{stderr}"
        );
        std::fs::remove_file(&settings).unwrap();
        let train = [
            "train",
            "tcn",
            "--data",
            sounds.to_str().unwrap(),
            "--steps",
            "1",
            "--out",
            "out",
        ];
        for flag in ["--windowed-targets", "--start-from", "--teacher", "--renditions-cache"] {
            refused(
                folder.path(),
                &[&train[..], &[flag, path]].concat(),
                "a pipe or a device",
            );
        }
        let checkpoint = folder.path().join("out/checkpoint.safetensors");
        std::os::unix::fs::symlink(path, &checkpoint).unwrap();
        refused(
            folder.path(),
            &[&train[..], &["--resume"]].concat(),
            "a pipe or a device",
        );
        std::fs::remove_file(&checkpoint).unwrap();
        refused(folder.path(), &["eval", "--manifest", path], "a pipe or a device");
    }
}

/// A bundled model with something else in its manifest.
fn model_with(folder: &Path, change: impl FnOnce(&mut Value)) -> Result<(), ModelError> {
    let text = std::fs::read_to_string(format!("{MODELS}/tcn.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    change(&mut manifest);
    let path = folder.join("tcn.json");
    std::fs::write(&path, manifest.to_string()).unwrap();
    std::fs::copy(format!("{MODELS}/tcn.safetensors"), path.with_extension("safetensors")).unwrap();
    load(&path).map(drop)
}

#[test]
fn a_model_of_too_many_frames_a_second_is_refused_before_it_is_run() {
    let folder = tempfile::tempdir().unwrap();
    model_with(folder.path(), |_| ()).unwrap();
    let error = model_with(folder.path(), |manifest| {
        manifest["front_end"]["hop_samples"] = json!(1);
    })
    .unwrap_err();
    assert!(matches!(error, ModelError::Costly(_)), "{error}");
}

#[test]
fn large_files_are_refused_by_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tcn.json");
    model_with(folder.path(), |_| ()).unwrap();
    for (name, most) in [("tcn.safetensors", 64_u64 << 20), ("tcn.json", 4 << 20)] {
        // A hole: it takes no room on the disk.
        let file = std::fs::File::options()
            .write(true)
            .open(folder.path().join(name))
            .unwrap();
        file.set_len(most + 1).unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, ModelError::Read { .. }), "{error}");
    }
    let list = (5_u64 << 20).to_le_bytes();
    let error = attune_model::load::tensors(&list).unwrap_err();
    assert!(error.to_string().contains("header"), "{error}");
}

#[test]
fn windows_that_hardly_cover_their_sound_end() {
    let features = WindowedTargets::new((0..20).map(|it| it as f32).collect(), 2, 1e6, 1e-6);
    let whole = features.at(&(0.0..1.0));
    let mean = features.mean();
    for (whole, mean) in whole.iter().zip(mean) {
        assert!((whole - mean).abs() < 1e-3, "{whole} and {mean}");
    }
}
