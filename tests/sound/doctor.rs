//! `attune doctor` where there is a sound server.

use crate::common::audio_server::{AudioServer, MONITOR_ID};
use serde_json::Value;

#[test]
fn the_doctor_names_the_default_input_and_the_monitor() {
    let server = AudioServer::start();
    let ask = || {
        let output = server
            .command(env!("CARGO_BIN_EXE_attune"))
            .args(["doctor", "--json"])
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        move |name: &str| {
            let checks = document["checks"].as_array().unwrap();
            let check = checks.iter().find(|check| check["name"] == name).unwrap();
            let word = |key: &str| check[key].as_str().unwrap().to_owned();
            (word("state"), word("found"))
        }
    };
    let check = ask();
    let (state, found) = check("sound");
    assert_eq!(state, "works");
    assert!(
        found.starts_with("PulseAudio, ALSA") && found.contains("monitors: 1"),
        "{found}"
    );
    for name in ["input", "monitor"] {
        let (state, found) = check(name);
        assert!(
            state == "works" && found.ends_with(&format!("({MONITOR_ID})")),
            "{name}: {found}"
        );
    }
    server.unload_sink();
    let check = ask();
    assert_eq!(check("monitor").0, "limited");
}
