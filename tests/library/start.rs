//! What a start costs, and which models it trusts; a list of files as they come.

use super::tools::attune;
use crate::media;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn with_cache(cache: &Path) -> Command {
    let mut command = attune();
    command.env("XDG_CACHE_HOME", cache);
    command
}

/// Processor time of a program from its start to its end, in ms: fields 14 and 15 of proc_pid_stat(5), in hundredths of
/// a second, which stand there until its end is waited for.
#[cfg(target_os = "linux")]
fn cpu_ms(command: &mut Command) -> f64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ended = loop {
        let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let (_, after_name) = text.rsplit_once(')').unwrap();
        let fields: Vec<String> = after_name.split_whitespace().map(str::to_owned).collect();
        if fields[0] == "Z" {
            break fields;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert!(child.wait().unwrap().success());
    ended[11..13]
        .iter()
        .map(|ticks| 10.0 * ticks.parse::<f64>().unwrap())
        .sum()
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_that_remembers_its_proofs_costs_less() {
    let folder = media::folder();
    let mean = |args: &[&str]| {
        let starts = (0..20).map(|_| cpu_ms(with_cache(folder.path()).args(args)));
        starts.sum::<f64>() / 20.0
    };
    let proved = mean(&["models", "--json", "--verify"]);
    cpu_ms(with_cache(folder.path()).args(["models", "--json"]));
    let remembered = mean(&["models", "--json"]);
    println!("{remembered:.0} ms of processor time, {proved:.0} ms with the golden tests");
    assert!(remembered < 0.8 * proved, "{remembered} ms, {proved} ms");
}

#[test]
fn what_is_remembered_is_one_manifest_with_its_weights_and_no_other() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for name in ["rnn.json", "rnn.safetensors"] {
        fs::copy(models.join(name), at(name)).unwrap();
    }
    let run = |args: &[&str]| {
        let mut command = with_cache(&at("cache"));
        command
            .args(["models", "--json", "--model"])
            .arg(at("rnn.json"))
            .args(args);
        command.output().unwrap()
    };
    let stamp = at("cache/attune/proofs");
    assert!(run(&[]).status.success());
    let lines = |of: &str| of.lines().count();
    let first = fs::read_to_string(&stamp).unwrap();
    assert_eq!(lines(&first), 2);
    assert!(run(&[]).status.success());
    assert_eq!(fs::read_to_string(&stamp).unwrap(), first, "nothing new is written");
    let verified = run(&["--verify"]);
    assert!(
        String::from_utf8_lossy(&verified.stderr).contains("golden test"),
        "{verified:?}"
    );
    // Another golden value: another manifest, which must be proved, and fails.
    let mut manifest: Value = serde_json::from_slice(&fs::read(at("rnn.json")).unwrap()).unwrap();
    let logit = &mut manifest["golden"]["logits"][0];
    *logit = (logit.as_f64().unwrap() + 1.0).into();
    fs::write(at("rnn.json"), manifest.to_string()).unwrap();
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("golden"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&stamp).unwrap(), first);
    // A cache that is something else is no obstacle.
    fs::copy(models.join("rnn.json"), at("rnn.json")).unwrap();
    fs::write(&stamp, [0, 159, 146, 150]).unwrap();
    assert!(run(&[]).status.success());
    fs::remove_dir_all(at("cache")).unwrap();
    fs::write(at("cache"), "a file where the folder should be").unwrap();
    assert!(run(&[]).status.success());
}

#[test]
fn files_are_analysed_as_their_names_come() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    media::write_float_wav(&at("one.wav"), 22_050, 1, &media::signal(22_050, 1, 2.0));
    fs::copy(at("one.wav"), at("two\nlines.wav")).unwrap();
    fs::write(at("bad.mp3"), "no sound").unwrap();
    let mut child = attune()
        .current_dir(folder.path())
        .args(["analyze", "--ndjson", "-0", "--files-from", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut list = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last_of = |name: &str| -> Value {
        list.write_all(name.as_bytes()).unwrap();
        list.write_all(b"\0").unwrap();
        list.flush().unwrap();
        // Each file is told before the next is named: one process, which goes on.
        loop {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(line["path"], name);
            if ["file", "error"].contains(&line["type"].as_str().unwrap()) {
                return line;
            }
        }
    };
    let one = last_of("one.wav");
    assert_eq!(
        (&one["source"]["duration_s"], &one["source"]["path"]),
        (&2.0.into(), &"one.wav".into())
    );
    assert_eq!(last_of("bad.mp3")["type"], "error");
    assert_eq!(last_of("none.wav")["error"]["kind"], "not_found");
    let two = last_of("two\nlines.wav");
    assert_eq!(two["answer"], one["answer"]);
    drop(list);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_list_of_lines_gives_a_document_for_each() {
    let folder = media::folder();
    let at = |name: &str| folder.path().join(name);
    media::write_float_wav(&at("one.wav"), 22_050, 1, &media::signal(22_050, 1, 2.0));
    fs::write(at("list"), "one.wav\r\n\nnone.wav\none.wav").unwrap();
    let output = attune()
        .current_dir(folder.path())
        .args(["analyze", "--json", "--files-from", "list"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |document: &Value| document["source"]["path"].as_str().unwrap().to_owned();
    assert_eq!(
        documents.iter().map(named).collect::<Vec<_>>(),
        ["one.wav", "none.wav", "one.wav"]
    );
    let missing = attune().args(["analyze", "--files-from", "no/list"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no/list"));
}
