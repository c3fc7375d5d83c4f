//! The real capture path on a real sound server: what is listed, what is heard, and what is said when the device or the
//! server goes.
//!
//! cpal reads its server's address from the environment, so each scene runs in a child process: this binary again, with
//! `ATTUNE_TEST_SCENE` set. Parent and child talk in lines of JSON.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test may fail; exact values are meant"
)]
#![cfg(target_os = "linux")]

use crate::common::audio_server::{AudioServer, MONITOR_ID, RATE_HZ};
use crate::common::media::{folder, write_int_wav};
use attune_audio::capture::{CaptureRequest, CaptureStream, DEFAULT_BUFFER_MS, list_devices};
use attune_audio::playback::{FilePlayer, Pace};
use attune_audio::ring::SampleSource;
use attune_audio::source::MarkKind;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SCENE: &str = "ATTUNE_TEST_SCENE";
const ARGUMENT: &str = "ATTUNE_TEST_ARGUMENT";
/// What a line of ours begins with; the test harness prints others.
const TAG: &str = "@@";
/// −12 dBFS.
const AMPLITUDE: f64 = 0.251_188_643;

// ---------------------------------------------------------------- child

/// The child's only test; does nothing when the whole binary is tested.
#[test]
fn scene() {
    let Ok(scene) = std::env::var(SCENE) else { return };
    let argument = std::env::var(ARGUMENT).unwrap_or_default();
    match scene.as_str() {
        "list" => say(&json!(list_devices().unwrap())),
        "listen" => listen(&argument),
        "lose" => lose(&argument),
        "hear" => hear(Path::new(&argument)),
        "fail" => crate::outages::fail(&argument),
        other => panic!("no scene {other}"),
    }
}

pub(crate) fn say(value: &Value) {
    println!("{TAG}{value}");
}

pub(crate) fn request(id: &str) -> CaptureRequest {
    CaptureRequest {
        id: (!id.is_empty()).then(|| id.to_owned()),
        channel: None,
        buffer_ms: DEFAULT_BUFFER_MS,
    }
}

/// Reads for as long as it takes to hold `count` samples from 0.2 s after the first sound on.
fn record(source: &mut SampleSource, count: usize) -> Vec<f32> {
    let mut heard = Vec::new();
    let mut block = vec![0.0; 4_800];
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let read = source.read(&mut block);
        heard.extend_from_slice(&block[..read]);
        let start = heard
            .iter()
            .position(|sample| sample.abs() > 0.01)
            .map(|first| first + RATE_HZ as usize / 5);
        if let Some(sound) = start.and_then(|start| heard.get(start..start + count)) {
            return sound.to_vec();
        }
        assert!(
            Instant::now() < deadline,
            "no sound came: {} samples, all silent",
            heard.len()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Level, frequency, and what is left when a sine of 1 kHz is taken away.
fn measure(sound: &[f32]) -> Value {
    let n = sound.len() as f64;
    let rms = (sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / n).sqrt();
    // Crossings upwards, each placed between two samples.
    let crossings: Vec<f64> = sound
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] < 0.0 && pair[1] >= 0.0)
        .map(|(at, pair)| at as f64 + f64::from(pair[0]) / f64::from(pair[0] - pair[1]))
        .collect();
    let span = crossings[crossings.len() - 1] - crossings[0];
    let frequency = (crossings.len() - 1) as f64 / span * f64::from(RATE_HZ);
    let phase = |at: usize| std::f64::consts::TAU * 1000.0 * at as f64 / f64::from(RATE_HZ);
    let along = |wave: fn(f64) -> f64| {
        sound
            .iter()
            .enumerate()
            .map(|(at, sample)| f64::from(*sample) * wave(phase(at)))
            .sum::<f64>()
            * 2.0
            / n
    };
    let (sine, cosine) = (along(f64::sin), along(f64::cos));
    let residual = sound
        .iter()
        .enumerate()
        .map(|(at, sample)| (f64::from(*sample) - sine * phase(at).sin() - cosine * phase(at).cos()).abs())
        .fold(0.0, f64::max);
    json!({"rms": rms, "frequency": frequency, "residual": residual})
}

fn listen(id: &str) {
    let (mut stream, mut source) = match CaptureStream::open(&request(id)) {
        Ok(opened) => opened,
        Err(error) => {
            say(&json!({"error": error.kind.name(), "message": error.message, "remedy": error.remedy()}));
            return;
        }
    };
    let opened = stream.opened();
    say(&json!({
        "host": opened.host, "id": opened.id, "kind": format!("{:?}", opened.kind), "rate": opened.rate.0,
        "channels": opened.channels, "buffer": opened.buffer_frames, "format": opened.format
    }));
    let sound = record(&mut source, RATE_HZ as usize);
    let mut result = measure(&sound);
    result["lost"] = json!(source.counters().lost.load(Ordering::Relaxed));
    result["callbacks"] = json!(source.counters().callbacks.load(Ordering::Relaxed));
    result["written"] = json!(source.counters().written.load(Ordering::Relaxed));
    result["mark"] = json!(stream.next_mark().map(|mark| format!("{mark:?}")));
    say(&result);
}

fn lose(id: &str) {
    let (mut stream, mut source) = CaptureStream::open(&request(id)).unwrap_or_else(|error| panic!("{id}: {error}"));
    let mut block = vec![0.0; 4_800];
    let mut read = 0;
    while read == 0 {
        std::thread::sleep(Duration::from_millis(10));
        read = source.read(&mut block) as u64;
    }
    say(&json!("ready"));
    let deadline = Instant::now() + Duration::from_secs(20);
    let mark = loop {
        if let Some(mark) = stream.next_mark() {
            break mark;
        }
        assert!(Instant::now() < deadline, "nothing was said of the loss");
        read += source.read(&mut block) as u64;
        std::thread::sleep(Duration::from_millis(10));
    };
    while read < mark.at {
        let count = source.read(&mut block) as u64;
        assert!(count > 0, "the mark lies beyond what was written");
        read += count;
    }
    let MarkKind::Lost(error) = mark.kind else {
        panic!("{:?}", mark.kind)
    };
    assert_eq!(stream.next_mark(), None, "a loss is said once");
    let closing = Instant::now();
    drop(stream);
    say(&json!({
        "kind": error.kind.name(), "message": error.message, "remedy": error.remedy(),
        "retryable": error.kind.is_retryable(),
        "closed_ms": closing.elapsed().as_millis() as u64
    }));
    // Still alive, and able to look for devices.
    say(&json!({"devices": list_devices().map_or(0, |devices| devices.len())}));
}

fn hear(file: &Path) {
    let (_stream, mut monitor) = CaptureStream::open(&request(MONITOR_ID)).unwrap();
    let (player, mut ring) = FilePlayer::open(file, Pace::Times(1.0), true).unwrap();
    say(&json!(player.opened().output));
    let sound = record(&mut monitor, RATE_HZ as usize);
    say(&measure(&sound));
    let from_file = record(&mut ring, player.opened().rate.0 as usize / 2);
    say(&json!(from_file.len()));
}

// ---------------------------------------------------------------- parent

/// A scene under way.
pub(crate) struct Scene {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Scene {
    pub(crate) fn start(environment: Vec<(&'static str, String)>, scene: &str, argument: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audio_server::scene", "--nocapture", "--test-threads=1"])
            .envs(environment)
            .env(SCENE, scene)
            .env(ARGUMENT, argument)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing it says.
    pub(crate) fn said(&mut self) -> Value {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            // The harness may have begun the line: "test scene ... ".
            if let Some((_, text)) = line.split_once(TAG) {
                return serde_json::from_str(text).unwrap();
            }
        }
        panic!("the scene ended early: {:?}", self.child.wait());
    }

    /// It must end by itself, and well.
    pub(crate) fn end(mut self) {
        for line in self.lines.by_ref() {
            drop(line);
        }
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A sine of 1 kHz at −12 dBFS, in stereo.
fn sine(dir: &Path, rate_hz: u32, secs: u32) -> PathBuf {
    let path = dir.join("sine.wav");
    let samples: Vec<f32> = (0..rate_hz * secs)
        .flat_map(|at| {
            let value = AMPLITUDE * (std::f64::consts::TAU * 1000.0 * f64::from(at) / f64::from(rate_hz)).sin();
            [value as f32; 2]
        })
        .collect();
    write_int_wav(&path, rate_hz, 2, 16, &samples);
    path
}

fn close_to(value: &Value, expected: f64, tolerance: f64, what: &str) {
    let value = value.as_f64().unwrap();
    assert!(
        (value - expected).abs() <= tolerance,
        "{what}: {value}, expected {expected} ± {tolerance}"
    );
}

#[test]
fn the_monitor_is_listed_by_its_stable_id() {
    let server = AudioServer::start();
    let mut scene = Scene::start(server.environment(), "list", "");
    let devices = scene.said();
    scene.end();
    let monitor = devices
        .as_array()
        .unwrap()
        .iter()
        .find(|device| device["id"] == MONITOR_ID)
        .unwrap();
    assert_eq!(monitor["kind"], "monitor");
    assert_eq!(monitor["host"], "PulseAudio");
    assert_eq!(monitor["channels"], 2);
    assert_eq!(monitor["default"], true);
    assert!(monitor["rates_hz"].as_array().unwrap().contains(&json!(RATE_HZ)));
    let output = devices
        .as_array()
        .unwrap()
        .iter()
        .find(|device| device["kind"] == "output")
        .unwrap();
    assert_eq!(
        (&output["id"], &output["default"]),
        (&json!("pulseaudio:attune_test"), &json!(true))
    );
}

#[test]
fn a_sine_arrives_at_its_level_and_frequency_with_no_sample_lost() {
    let server = AudioServer::start();
    let dir = folder();
    let file = sine(dir.path(), RATE_HZ, 6);
    // Once as the default input, once by its id.
    for id in ["", MONITOR_ID] {
        let mut scene = Scene::start(server.environment(), "listen", id);
        let opened = scene.said();
        assert_eq!(
            (&opened["host"], &opened["id"]),
            (&json!("PulseAudio"), &json!(MONITOR_ID))
        );
        assert_eq!(
            (&opened["kind"], &opened["rate"], &opened["channels"]),
            (&json!("Monitor"), &json!(48_000), &json!(2))
        );
        assert_eq!(opened["buffer"], 480, "10 ms, as asked for");
        let _playing = server.play(&file);
        let heard = scene.said();
        scene.end();
        // The file and the sink each round to 16 bits: at most half a step each, so the error is at most 2^-15, and so is
        // what it adds to the level, a norm. The second is 1,000 whole periods: the level of the rest is exact.
        let step = 2_f64.powi(-15);
        close_to(&heard["rms"], AMPLITUDE / 2_f64.sqrt(), step, "level");
        // A gap, a repeated or a lost sample anywhere in the second would leave more than rounding.
        close_to(&heard["residual"], 0.0, 2.0 * step, "residual");
        // At a crossing the sine rises by 0.033 in a sample: rounding moves it by at most 0.001 samples, interpolation by
        // less than that again; both ends together 0.004 of 47,952 samples.
        close_to(&heard["frequency"], 1000.0, 1000.0 * 0.004 / 47_952.0, "frequency");
        assert_eq!(heard["lost"], 0);
        assert_eq!(heard["mark"], Value::Null);
        // The first block may be as long as the server's queue, eight buffers; then each is as short as reported.
        let (written, callbacks) = (heard["written"].as_f64().unwrap(), heard["callbacks"].as_f64().unwrap());
        assert!(
            written <= 480.0 * (callbacks + 8.0),
            "{written} samples in {callbacks} callbacks"
        );
    }
}

#[test]
fn a_sink_that_is_pulled_out_is_said_to_be_gone() {
    let server = AudioServer::start();
    let mut scene = Scene::start(server.environment(), "lose", MONITOR_ID);
    assert_eq!(scene.said(), "ready");
    server.unload_sink();
    check_loss(scene, "attunetest");
}

#[test]
fn a_server_that_dies_is_said_to_be_gone() {
    let mut server = AudioServer::start();
    let mut scene = Scene::start(server.environment(), "lose", MONITOR_ID);
    assert_eq!(scene.said(), "ready");
    server.kill();
    check_loss(scene, "attunetest");
}

/// ALSA says nothing when its server dies, and closing hangs: only the age of the last callback tells.
#[test]
fn a_death_that_alsa_does_not_notice_is_noticed() {
    let mut server = AudioServer::start();
    let mut environment = server.environment();
    environment.push(("ALSA_CONFIG_PATH", server.alsa_config().display().to_string()));
    let mut scene = Scene::start(environment, "lose", "alsa:attune");
    assert_eq!(scene.said(), "ready");
    server.kill();
    check_loss(scene, "");
}

fn check_loss(mut scene: Scene, name: &str) {
    let loss = scene.said();
    assert_eq!(loss["kind"], "gone", "{loss}");
    assert_eq!(loss["retryable"], true);
    let message = loss["message"].as_str().unwrap().to_lowercase();
    assert!(message.contains(name) && message.len() > 20, "{message}");
    assert!(!loss["remedy"].as_str().unwrap().is_empty());
    assert!(
        loss["closed_ms"].as_u64().unwrap() < 200,
        "closing must not wait: {loss}"
    );
    assert!(scene.said()["devices"].is_u64());
    scene.end();
}

#[test]
fn with_no_server_and_no_card_it_says_what_to_do() {
    let dir = folder();
    let empty = dir.path().join("asound.conf");
    std::fs::write(&empty, "").unwrap();
    let here = dir.path().display().to_string();
    let environment = vec![
        ("PULSE_SERVER", format!("unix:{here}/nobody")),
        ("XDG_RUNTIME_DIR", here.clone()),
        ("HOME", here),
        ("ALSA_CONFIG_PATH", empty.display().to_string()),
    ];
    for (id, part) in [
        ("", "No microphone"),
        ("alsa:nowhere", "alsa:nowhere"),
        ("nonsense", "nonsense"),
    ] {
        let mut scene = Scene::start(environment.clone(), "listen", id);
        let error = scene.said();
        scene.end();
        assert_eq!(error["error"], "no_device", "{id}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
        assert!(error["remedy"].as_str().unwrap().len() > 20, "{error}");
    }
    let mut scene = Scene::start(environment, "list", "");
    assert!(scene.said().is_array());
    scene.end();
}

#[test]
fn a_file_is_heard_through_the_output_at_its_own_level() {
    let server = AudioServer::start();
    let dir = folder();
    let file = sine(dir.path(), 44_100, 6);
    // The server resamples from 44.1 kHz; a resampler's pass band is flat within 0.1 dB or 1.2 %.
    let level = AMPLITUDE / 2_f64.sqrt();
    let mut heard = Value::Null;
    // A busy machine may starve an output: a gap is no fault of the level, so there are three attempts.
    for _ in 0..3 {
        let mut scene = Scene::start(server.environment(), "hear", file.to_str().unwrap());
        assert!(
            scene.said().as_str().unwrap().contains("AttuneTest"),
            "named where it is heard"
        );
        heard = scene.said();
        assert_eq!(scene.said(), 22_050, "and the ring has it too");
        scene.end();
        if (heard["rms"].as_f64().unwrap() - level).abs() <= 0.012 * level {
            break;
        }
    }
    close_to(&heard["rms"], level, 0.012 * level, "level");
    close_to(&heard["frequency"], 1000.0, 0.1, "frequency");
}
