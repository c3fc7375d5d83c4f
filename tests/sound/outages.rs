//! Outages that last: what each attempt to open a device leaves behind, and where the sound comes from afterwards.

#![cfg(target_os = "linux")]

use crate::audio_server::{Scene, request, say};
use crate::common::audio_server::{AudioServer, MONITOR_ID};
use crate::common::held::held;
use crate::common::media::folder;
use attune_audio::capture::CaptureStream;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Attempts that are counted.
const ATTEMPTS: usize = 30;
/// How many threads or descriptors more there may be afterwards: one question to the server under way, or one answer.
const SLACK: u64 = 2;

/// The child's part: so many attempts to open what cannot be opened; after the first and after the last, how it failed
/// and how much is held.
pub(crate) fn fail(argument: &str) {
    let (attempts, id) = argument.split_once(' ').unwrap();
    let attempt = || {
        CaptureStream::open(&request(id))
            .expect_err("it is not there")
            .kind
            .name()
    };
    say(&json!([attempt(), held()]));
    let kinds: Vec<_> = (0..attempts.parse().unwrap()).map(|_| attempt()).collect();
    say(&json!([kinds.last(), held()]));
}

/// Attempts to open a device of this server, each of which fails in this way.
fn check(server: &AudioServer, attempts: usize, id: &str, kind: &str) {
    let mut scene = Scene::start(server.environment(), "fail", &format!("{attempts} {id}"));
    let (before, after) = (scene.said(), scene.said());
    println!("{id}: {before} after the first, {after} after {attempts} more");
    assert_eq!((&before[0], &after[0]), (&json!(kind), &json!(kind)));
    for which in 0..2 {
        let (before, after) = (&before[1][which], &after[1][which]);
        assert!(
            after.as_u64() <= before.as_u64().map(|it| it + SLACK),
            "{before}, then {after}"
        );
    }
    scene.end();
}

#[test]
fn failed_attempts_leave_no_thread_and_no_descriptor_behind() {
    let server = AudioServer::start();
    server.unload_sink();
    for id in ["", MONITOR_ID] {
        check(&server, ATTEMPTS, id, "no_device");
    }
}

#[test]
fn attempts_on_a_dead_server_leave_nothing_behind() {
    let mut server = AudioServer::start();
    server.kill();
    check(&server, ATTEMPTS, MONITOR_ID, "no_server");
}

/// A server that is there and answers nobody: each attempt ends, and one thread waits for the answer.
#[test]
fn attempts_on_a_stalled_server_leave_nothing_behind() {
    let server = AudioServer::start();
    server.pause();
    check(&server, 5, MONITOR_ID, "no_server");
    server.go_on();
}

/// The default input stays where it is when its server stalls, and where ALSA would offer another.
#[test]
fn after_a_stall_the_default_input_is_the_same_again() {
    let server = AudioServer::start();
    let folder = folder();
    let other = folder.path().join("asound.conf");
    std::fs::write(&other, "pcm.default { type null }\n").unwrap();
    let mut child = server
        .command(env!("CARGO_BIN_EXE_attune"))
        .args(["live", "--ndjson", "--seconds", "60"])
        .env("ALSA_CONFIG_PATH", &other)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut until = |event: &str| {
        lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line).unwrap())
            .find(|line| line["event"] == event)
            .unwrap_or_else(|| panic!("it ended without the event {event}"))
    };
    let opened = until("opened");
    server.pause();
    until("failed");
    // Long enough for several attempts, each of which waits for the server.
    std::thread::sleep(Duration::from_secs(8));
    server.go_on();
    let back = Instant::now();
    let reconnected = until("reconnected");
    println!("sound again {:.1} s after the server", back.elapsed().as_secs_f64());
    server.pactl(&["unload-module", "module-null-sink"]);
    until("failed");
    drop(child.kill());
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    for line in said.lines() {
        // Each of them is ours: no library prints on this terminal.
        let is_ours = ["Listening to ", "attune: ", "  "]
            .iter()
            .any(|begin| line.starts_with(begin));
        assert!(is_ours || line.is_empty(), "{said}");
    }
    for field in ["host", "id"] {
        assert_eq!(reconnected[field], opened[field], "{reconnected}");
    }
    assert_eq!(opened["host"], "PulseAudio", "{opened}");
}
