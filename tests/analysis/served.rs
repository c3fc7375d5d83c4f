//! What other programs are told of live sound: the page in a real browser, the answer as text, OSC messages.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The rest of the first line of its stderr that has this, up to a space.
fn word_after(child: &mut Child, mark: &str) -> String {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let found = loop {
        line.clear();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "it ended before it said {mark}"
        );
        if let Some((_, rest)) = line.split_once(mark) {
            break rest.split_whitespace().next().unwrap().to_owned();
        }
    };
    // What comes later must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    found
}

/// The demo as live sound, which is served, and sent as OSC to this socket.
fn live(desk: &UdpSocket) -> (Running, String) {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg");
    let osc = desk.local_addr().unwrap().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args([
            "live",
            "--mute",
            "--source",
            demo,
            "--serve",
            "127.0.0.1:0",
            "--osc",
            &osc,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let url = word_after(&mut child, "Serving on ");
    (Running(child), url)
}

/// The head and body of an answer; Chromium keeps the connection open after them.
fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let (mut text, mut length) = (String::new(), 0);
    while !text.ends_with("\r\n\r\n") {
        let begin = text.len();
        assert!(stream.read_line(&mut text).unwrap() > 0, "{text}");
        if let Some(found) = text[begin..].to_lowercase().strip_prefix("content-length:") {
            length = found.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

/// A page in a browser without a screen.
struct Browser {
    devtools: WebSocket<TcpStream>,
    calls: u64,
    _process: Running,
    _folder: tempfile::TempDir,
}

impl Browser {
    fn open(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--remote-debugging-port=0", "--remote-allow-origins=*"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the package chromium is installed by ./test.sh");
        let devtools = word_after(&mut child, "DevTools listening on ");
        let process = Running(child);
        let address = devtools
            .trim_start_matches("ws://")
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let begun = Instant::now();
        let page = loop {
            let text = get(&address, "/json/list");
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let pages: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
            let page = pages.iter().find(|page| page["type"] == "page" && page["url"] == url);
            if let Some(page) = page {
                break page["webSocketDebuggerUrl"].as_str().unwrap().to_owned();
            }
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "the page does not open: {body}"
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        let devtools = tungstenite::client(page, TcpStream::connect(address).unwrap())
            .unwrap()
            .0;
        Self {
            devtools,
            calls: 0,
            _process: process,
            _folder: folder,
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        self.calls += 1;
        let call = json!({"id": self.calls, "method": "Runtime.evaluate", "params": {"expression": expression}});
        self.devtools.send(Message::Text(call.to_string().into())).unwrap();
        loop {
            if let Message::Text(text) = self.devtools.read().unwrap() {
                let answer: Value = serde_json::from_str(&text).unwrap();
                if answer["id"] == self.calls {
                    return answer["result"]["result"]["value"].clone();
                }
            }
        }
    }
}

/// Prints how long a hop takes until the page shows it (`--nocapture`).
#[test]
fn a_page_in_a_browser_shows_what_is_heard_and_so_do_text_and_osc() {
    let desk = UdpSocket::bind("127.0.0.1:0").unwrap();
    desk.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (attune, url) = live(&desk);
    let mut browser = Browser::open(&url);
    let begun = Instant::now();
    // The demo begins with a recording that is told to be classical.
    while browser.value("document.getElementById('word').textContent") != "Classical" {
        assert!(begun.elapsed() < Duration::from_secs(40), "the page does not show it");
        std::thread::sleep(Duration::from_millis(50));
    }
    let figure = browser.value("document.getElementById('figure').textContent");
    assert!(figure.as_str().unwrap().ends_with(" %"), "{figure}");
    assert_eq!(browser.value("document.querySelectorAll('#bars i').length"), 3);
    let background = browser.value("getComputedStyle(document.body).backgroundColor");
    assert_eq!(background, "rgba(0, 0, 0, 0)", "what lies behind shows through");
    let mut delays: Vec<f64> = (0..40)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(25));
            let delay = browser.value("document.documentElement.dataset.delay");
            delay.as_str().unwrap().parse().unwrap()
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    println!(
        "from the hop to the page: median {} ms, most {} ms",
        delays[20], delays[39]
    );
    assert!(
        get(&url, "/answer.txt").contains("\r\n\r\nClassical "),
        "{}",
        get(&url, "/answer.txt")
    );
    let mut buffer = [0; 1024];
    let begun = Instant::now();
    loop {
        let length = desk.recv(&mut buffer).unwrap();
        if buffer[..length].starts_with(b"/attune/genre\0")
            && buffer[..length].windows(9).any(|part| part == b"classical")
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no message names it");
    }
    drop(attune);
    let begun = Instant::now();
    while browser.value("document.body.className") != "gone" {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the page looks as if it were still told"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_address_that_others_reach_has_to_be_asked_for() {
    let output = Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["live", "--mute", "--source", "x.wav", "--serve", "0.0.0.0:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("0.0.0.0:0 can be reached from other machines") && said.contains("--serve-network"),
        "{said}"
    );
}
