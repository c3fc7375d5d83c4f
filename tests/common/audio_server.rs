//! A private `PulseAudio` with one null sink: what is played into the sink comes out of its monitor, the "microphone".
//!
//! It touches nothing outside its own temporary folder. cpal finds it through environment variables, so programs under
//! test run as child processes with [`AudioServer::environment`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Name of the sink.
pub(crate) const SINK: &str = "attune_test";
/// Stable id of its monitor.
pub(crate) const MONITOR_ID: &str = "pulseaudio:attune_test.monitor";
/// Rate and channels of both.
pub(crate) const RATE_HZ: u32 = 48_000;

/// A running server; ends with its value.
pub(crate) struct AudioServer {
    process: Child,
    dir: tempfile::TempDir,
}

impl AudioServer {
    /// Starts the server and waits until it answers.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let socket = dir.path().join("native");
        // The server lets everyone in, but a greeting without a cookie of 256 bytes is an error of protocol, and cpal's
        // client sends what it finds.
        std::fs::write(dir.path().join("cookie"), [0_u8; 256]).expect("the cookie can be written");
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name={SINK} rate={RATE_HZ} channels=2 format=s16le sink_properties=device.description=AttuneTest\n\
             set-default-sink {SINK}\nset-default-source {SINK}.monitor\n",
            socket.display()
        );
        let file = dir.path().join("server.pa");
        std::fs::write(&file, script).expect("the server's script can be written");
        let log = std::fs::File::create(dir.path().join("server.log")).expect("the log can be made");
        let process = Command::new("pulseaudio")
            .args(["-n", "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no", "-F"])
            .arg(&file)
            .envs(environment(dir.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run pulseaudio ({error}): install the package `pulseaudio`"));
        let server = Self { process, dir };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !server.answers() {
            let log = || std::fs::read_to_string(server.dir.path().join("server.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the sound server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The variables that lead a child process to this server, and away from any other.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.dir.path())
    }

    /// A command that will find this server.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.envs(self.environment()).stdin(Stdio::null());
        command
    }

    /// Plays a sound file into the sink, in the background.
    pub(crate) fn play(&self, file: &Path) -> Playing {
        let child = self
            .command("paplay")
            .arg("--device")
            .arg(SINK)
            .arg(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run paplay ({error}): install the package `pulseaudio-utils`"));
        Playing(child)
    }

    /// Asks the server something; returns what it said.
    pub(crate) fn pactl(&self, args: &[&str]) -> String {
        let output = self
            .command("pactl")
            .args(args)
            .output()
            .unwrap_or_else(|error| panic!("cannot run pactl ({error}): install the package `pulseaudio-utils`"));
        assert!(
            output.status.success(),
            "pactl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Pulls the sink out, and its monitor with it.
    pub(crate) fn unload_sink(&self) {
        self.pactl(&["unload-module", "module-null-sink"]);
    }

    /// Stops the server where it is: it keeps its connections and answers nobody.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets a paused server go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, which: &str) {
        let sent = Command::new("kill")
            .args([which, &self.process.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {which}");
    }

    /// Ends the server at once, without a word to its clients.
    pub(crate) fn kill(&mut self) {
        // Gone already is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// An ALSA configuration in which `default` leads to this server (package `libasound2-plugins`).
    pub(crate) fn alsa_config(&self) -> PathBuf {
        let path = self.dir.path().join("asound.conf");
        let pcm = "{ type pulse hint { show on description \"Through the test server\" } }";
        std::fs::write(
            &path,
            format!("pcm.attune {pcm}\npcm.default {pcm}\nctl.default {{ type pulse }}\n"),
        )
        .expect("the ALSA configuration can be written");
        path
    }

    fn answers(&self) -> bool {
        self.command("pactl")
            .arg("info")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for AudioServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A player in the background; ends with its value.
pub(crate) struct Playing(Child);

impl Playing {
    /// Waits until it has played all.
    pub(crate) fn wait(mut self) {
        drop(self.0.wait());
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn environment(dir: &Path) -> Vec<(&'static str, String)> {
    let dir = dir.display().to_string();
    vec![
        ("PULSE_SERVER", format!("unix:{dir}/native")),
        ("PULSE_COOKIE", format!("{dir}/cookie")),
        ("XDG_RUNTIME_DIR", dir.clone()),
        ("PULSE_RUNTIME_PATH", dir.clone()),
        ("PULSE_STATE_PATH", dir.clone()),
        ("XDG_CONFIG_HOME", dir.clone()),
        ("HOME", dir),
    ]
}
