//! The real binary on a real sound server: what it says of music that is played into a sink agrees with what it says of
//! the file; when the sink and then the server go away it says so and stays alive.

use crate::common::audio_server::{AudioServer, MONITOR_ID};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_attune");
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg");
const HOP: f64 = 512.0 / 22_050.0;
/// Seconds of the demo that are played: its first recording and most of the second. Further on the likeliest genre
/// stands at the threshold, and an answer that hangs by a thousandth may fall either way.
const PLAYED: f64 = 25.0;

/// One hop: its number, and each engine's smoothed probabilities one after the other.
type Hops = BTreeMap<u64, Vec<f64>>;

struct Heard {
    hops: Hops,
    /// Hop number and state or genre, at each change.
    states: Vec<(u64, String)>,
}

fn hop_of(line: &Value) -> u64 {
    // Frame n ends at n hops and one window of four.
    (line["t_s"].as_f64().unwrap() / HOP - 4.0).round() as u64
}

fn heard(lines: &[Value]) -> Heard {
    let mut heard = Heard {
        hops: Hops::new(),
        states: Vec::new(),
    };
    for line in lines {
        match line["type"].as_str().unwrap() {
            "hop" => {
                let shares = line["smoothed"]
                    .as_object()
                    .unwrap()
                    .values()
                    .map(|p| p.as_f64().unwrap());
                heard.hops.entry(hop_of(line)).or_default().extend(shares);
            }
            "state" => {
                let name = line["genre"].as_str().or(line["state"].as_str()).unwrap();
                heard.states.push((hop_of(line), name.to_owned()));
            }
            _ => {}
        }
    }
    heard
}

impl Heard {
    fn state_at(&self, hop: u64) -> &str {
        let before = self.states.iter().rev().find(|(at, _)| *at <= hop);
        before.map_or("", |(_, name)| name)
    }

    /// The first hop with sound after the silence at the beginning.
    fn onset(&self) -> u64 {
        let silent = self
            .states
            .iter()
            .position(|(_, name)| name == "silence")
            .expect("it begins with silence");
        self.states[silent + 1].0
    }
}

/// Mean difference of probabilities over the hops that both have, from `first` on.
fn difference(a: &Heard, b: &Heard, first: u64) -> f64 {
    let (mut total, mut count) = (0.0, 0);
    for (hop, row) in a.hops.range(first..) {
        for (x, y) in row.iter().zip(b.hops.get(hop).into_iter().flatten()) {
            total += (x - y).abs();
            count += 1;
        }
    }
    assert!(count > 1000, "both heard the music");
    total / f64::from(count)
}

/// The beginning of the demo after `lead_in` seconds of silence, and a second of silence behind it.
fn write_wav(path: &Path, lead_in: f64) {
    let (info, samples) = attune_audio::decode::decode_file(Path::new(DEMO)).unwrap();
    let rate = info.rate;
    let played = &samples[..samples
        .len()
        .min(rate.index_at(attune_audio::units::Seconds(PLAYED)).0 as usize)];
    let mut out = vec![0.0; (lead_in * rate.hz()).round() as usize];
    out.extend_from_slice(played);
    out.extend(vec![0.0; rate.0 as usize]);
    crate::common::media::write_float_wav(path, rate.0, 1, &out);
}

fn analyzed(path: &Path) -> Heard {
    let output = Command::new(BINARY)
        .args(["analyze", "--ndjson"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    heard(&parse(&String::from_utf8(output.stdout).unwrap()))
}

fn parse(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A running `attune live` whose lines are read as they come.
struct Live {
    child: Child,
    lines: Receiver<Value>,
    past: Vec<Value>,
}

impl Live {
    fn start(server: &AudioServer, seconds: &str) -> Self {
        let mut child = server
            .command(BINARY)
            .args(["live", "--ndjson", "--source", MONITOR_ID, "--seconds", seconds])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            past: Vec::new(),
        }
    }

    /// Waits for a line.
    fn until(&mut self, secs: u64, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(secs);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = wanted(&line);
                    self.past.push(line.clone());
                    if found {
                        return line;
                    }
                }
                Err(error) => {
                    drop(self.child.kill());
                    let mut said = String::new();
                    drop(self.child.stderr.take().unwrap().read_to_string(&mut said));
                    panic!("{what}: {error}; stderr: {said}; last line: {:?}", self.past.last());
                }
            }
        }
    }

    /// Waits for its own end; all lines, what it said on stderr, and its exit code.
    fn end(mut self) -> (Vec<Value>, String, Option<i32>) {
        self.past.extend(self.lines.iter());
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (std::mem::take(&mut self.past), said, status.code())
    }
}

#[test]
fn live_sound_gets_the_answers_of_the_file() {
    let folder = crate::common::media::folder();
    let file = folder.path().join("played.wav");
    let server = AudioServer::start();
    let mut live = Live::start(&server, &format!("{}", PLAYED + 5.0));
    live.until(20, "it opens the monitor", |line| line["event"] == "opened");
    live.until(10, "it hears silence", |line| line["state"] == "silence");
    write_wav(&file, 0.0);
    let playing = server.play(&file);
    let (lines, said, code) = live.end();
    drop(playing);
    assert_eq!(code, Some(0), "{said}");
    let health = lines
        .iter()
        .rev()
        .find(|line| line["type"] == "health")
        .expect("health is told");
    assert_eq!(health["samples_lost"], 0, "{health}");
    assert_eq!(health["xruns"], 0, "{health}");
    assert!(health["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    let live = heard(&lines);

    // The same silence before the file as live, to within a hop: both are cut into hops from their first sample, so the
    // hop in which the sound begins tells its beginning to one hop. A finer search leaves an eighth of a hop at most.
    let about = live.onset() as i64 - {
        write_wav(&file, 2.0);
        let two_seconds = analyzed(&file);
        two_seconds.onset() as i64 - (2.0 / HOP) as i64
    };
    let at = |eighths: i32| {
        write_wav(&file, (about as f64 + f64::from(eighths) / 8.0) * HOP);
        analyzed(&file)
    };
    let first = live.onset();
    let search: Vec<(i32, Heard)> = (-24..=12).step_by(2).map(|eighths| (eighths, at(eighths))).collect();
    let (best, aligned) = search
        .iter()
        .min_by(|a, b| difference(&live, &a.1, first).total_cmp(&difference(&live, &b.1, first)))
        .unwrap();
    // What a quarter of a hop changes in the answers of the file itself is twice the error that the search leaves. To
    // it comes an allowance for what the server does to the sound: 16 bits (noise at -98 dB, which lifts the emptiest
    // bands only) and its own resampler from 44.1 to 48 kHz, flat to 0.1 dB below 10 kHz. Half a percentage point on
    // average is a twentieth of what an engine that knows nothing gives each genre.
    let neighbour = at(best + 2);
    let bound = 2.0 * difference(aligned, &neighbour, first) + 0.005;
    let found = difference(&live, aligned, first);
    println!("mean difference {found:.5}, bound {bound:.5}, lead-in {about} hops and {best} eighths");
    assert!(
        found <= bound,
        "probabilities differ by {found} on average, {bound} is allowed"
    );

    // The same answer but where it changes: there the thresholds may be passed a little earlier or later.
    let last = *live
        .hops
        .keys()
        .next_back()
        .unwrap()
        .min(aligned.hops.keys().next_back().unwrap());
    let unlike: Vec<u64> = (first..last)
        .filter(|hop| live.state_at(*hop) != aligned.state_at(*hop))
        .collect();
    let share = unlike.len() as f64 / (last - first) as f64;
    assert!(
        share < 0.05,
        "other answers for {share} of the time: {:?} and {:?}",
        live.states,
        aligned.states
    );
}

#[test]
fn a_lost_sink_and_a_dead_server_are_said_and_survived() {
    let mut server = AudioServer::start();
    let mut live = Live::start(&server, "12");
    live.until(20, "it opens the monitor", |line| line["event"] == "opened");
    live.until(10, "it hears", |line| line["type"] == "hop");
    server.unload_sink();
    let lost = live.until(10, "the loss is told", |line| line["event"] == "failed");
    assert_eq!(lost["retrying"], true);
    assert!(!lost["message"].as_str().unwrap().is_empty() && !lost["remedy"].as_str().unwrap().is_empty());
    server.kill();
    live.until(10, "it lives on", |line| line["type"] == "health");
    assert_eq!(live.child.try_wait().unwrap(), None, "it is alive");
    let (_, said, code) = live.end();
    assert!(said.contains(lost["message"].as_str().unwrap()), "{said}");
    assert_eq!(code, Some(0), "it ends when its time is over, not before: {said}");
}

#[test]
fn without_any_device_it_says_what_to_do() {
    let mut server = AudioServer::start();
    server.kill();
    let output = server
        .command(BINARY)
        .args(["live", "--seconds", "2"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("attune:") && said.contains("microphone"), "{said}");
    assert!(output.stdout.is_empty());
}
