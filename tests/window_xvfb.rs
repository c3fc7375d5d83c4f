//! The real binary in a real (virtual) X server: it opens, draws a spectrogram of a file, holds a
//! moment and exports it by keys, and ends when it is closed, with its session kept.
//!
//! Needs `Xvfb`, `openbox`, `xdotool` and `ImageMagick`'s `import`; `test.sh` installs them.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A program that is ended when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A virtual screen. The server picks a free display number itself and writes it to its standard output.
fn screen() -> (Running, String) {
    use std::io::{BufRead, BufReader};
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is installed (test.sh does it)");
    let out = server.stdout.take().expect("stdout is piped");
    let running = Running(server);
    let mut number = String::new();
    BufReader::new(out)
        .read_line(&mut number)
        .expect("Xvfb says its number");
    (running, format!(":{}", number.trim()))
}

fn on(display: &str, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("DISPLAY", display).env_remove("WAYLAND_DISPLAY");
    command
}

fn wait_until<T>(limit: Duration, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(begun.elapsed() < limit, "{what} did not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The screen's pixels as RGB triples.
fn screenshot(display: &str) -> Vec<[u8; 3]> {
    let shot = on(display, "import")
        .args(["-window", "root", "-depth", "8", "rgb:-"])
        .output()
        .expect("ImageMagick is installed (test.sh does it)");
    assert!(shot.status.success(), "{}", String::from_utf8_lossy(&shot.stderr));
    shot.stdout.as_chunks::<3>().0.to_vec()
}

/// How many pixels have the colours that magma gives to loud levels: orange to cream. Neither theme has them.
fn loud_pixels(pixels: &[[u8; 3]]) -> usize {
    pixels
        .iter()
        .filter(|[r, g, b]| *r > 230 && (90..200).contains(g) && (80..160).contains(b))
        .count()
}

#[test]
fn the_program_opens_a_file_draws_it_and_ends_when_closed() {
    let home = tempfile::tempdir().expect("a folder");
    let (_server, display) = screen();
    let _manager = Running(
        on(&display, "openbox")
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox is installed (test.sh does it)"),
    );
    let mut command = on(&display, env!("CARGO_BIN_EXE_attune"));
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg"))
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_RUNTIME_DIR", home.path())
        .stdout(Stdio::null());
    let mut program = Running(command.spawn().expect("the binary was built"));
    let window = wait_until(Duration::from_secs(30), "the window", || {
        let found = on(&display, "xdotool")
            .args(["search", "--onlyvisible", "--name", "^Attune$"])
            .output()
            .ok()?;
        let id = String::from_utf8(found.stdout).ok()?.lines().next()?.to_owned();
        (!id.is_empty()).then_some(id)
    });
    // Half a percent of the screen in loud colours is a spectrogram; before it is drawn there are none.
    wait_until(Duration::from_mins(1), "the spectrogram", || {
        let pixels = screenshot(&display);
        (loud_pixels(&pixels) > pixels.len() / 200).then_some(())
    });
    let drive = |steps: &[&str]| {
        let driven = on(&display, "xdotool")
            .args(steps)
            .status()
            .expect("xdotool is installed");
        assert!(driven.success(), "{steps:?}");
    };
    let focus = ["windowfocus", "--sync", &window];
    // Hold a moment and wait for what the engines say of it: then it can be written down.
    drive(&[&focus[..], &["key", "h"]].concat());
    let documents = home.path();
    wait_until(Duration::from_mins(1), "the export", || {
        drive(&[&focus[..], &["key", "e"]].concat());
        let files = std::fs::read_dir(documents).ok()?.flatten();
        let written = files.map(|entry| entry.path());
        written
            .into_iter()
            .find(|path| path.extension().is_some_and(|ending| ending == "json"))
    });
    let exported = std::fs::read_dir(documents)
        .expect("the folder is there")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "json"))
        .expect("it was there a moment ago");
    let document: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&exported).expect("it can be read")).expect("it is JSON");
    assert_eq!(document["source"], "demo.ogg");
    assert!(document["places"].as_array().is_some_and(|places| !places.is_empty()));
    drive(&[&focus[..], &["key", "End"]].concat());
    // The window manager asks the program to close, as its close button would.
    let closed = on(&display, "xdotool")
        .args(["windowfocus", "--sync", &window, "key", "alt+F4"])
        .status()
        .expect("xdotool is installed");
    assert!(closed.success());
    let ended: ExitStatus = wait_until(Duration::from_secs(20), "the end", || {
        program.0.try_wait().ok().flatten()
    });
    assert!(ended.success(), "the program ended with {ended}");
    let kept = home.path().join("attune/settings.json");
    assert!(kept.exists(), "the settings are kept");
    let history = attune::sessions::Store::open(&home.path().join("data/attune/history.sqlite")).expect("a history");
    let sessions = history.list().expect("sessions");
    assert_eq!(sessions[0].beginning.name, "demo.ogg");
    assert!(sessions[0].played_secs > 0.5, "{sessions:?}");
}

/// A soak needs no screen: its output is read. A quarter of a minute cannot show whether memory is flat, so either
/// verdict will do.
#[test]
fn a_short_soak_plays_much_and_reports_memory_and_losses() {
    let home = tempfile::tempdir().expect("a folder");
    let soak = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["bench", "--soak", "0.25"])
        .env("HOME", home.path())
        .output()
        .expect("the binary was built");
    let said = String::from_utf8(soak.stdout).expect("text");
    let rows: Vec<Vec<f64>> = said
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().map(|word| word.parse().ok()).collect())
        .collect();
    assert!(rows.len() >= 5, "{said}{}", String::from_utf8_lossy(&soak.stderr));
    for row in &rows {
        let [_, _, memory_mb, lost, _, frame_ms] = row[..] else {
            panic!("six figures, not {row:?}")
        };
        assert!(
            (20.0..2000.0).contains(&memory_mb) && lost == 0.0 && frame_ms > 0.0,
            "{row:?}"
        );
    }
    // A quarter of a minute at 8× is two minutes of sound; a machine shared by many plays less of it.
    let played = rows.last().expect("rows")[1];
    assert!((0.005..0.04).contains(&played), "{played} h");
    let verdict = said.lines().last().expect("a verdict");
    assert!(
        verdict.starts_with("memory ") && verdict.contains("0 samples lost"),
        "{verdict}"
    );
}

#[test]
fn the_doctor_opens_a_window_that_nobody_sees() {
    let home = tempfile::tempdir().expect("a folder");
    let (_server, display) = screen();
    let output = on(&display, env!("CARGO_BIN_EXE_attune"))
        .args(["doctor", "--json"])
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .expect("the binary was built");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success(), "{document}");
    let checks = document["checks"].as_array().expect("checks");
    for (name, found) in [("libraries", "libEGL.so.1, "), ("window", "OpenGL ")] {
        let check = checks.iter().find(|check| check["name"] == name).expect("the check");
        assert_eq!(check["state"], "works", "{check}");
        assert!(
            check["found"].as_str().is_some_and(|it| it.starts_with(found)),
            "{check}"
        );
    }
}
