//! A server as its clients see it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use attune_serve::{CLIENTS, ServeError, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

fn server() -> Server {
    Server::start("127.0.0.1:0".parse().unwrap(), false).unwrap()
}

/// The answer to a request with these header lines.
fn ask(server: &Server, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let host = server.address();
    let host = if headers.contains("Host:") {
        String::new()
    } else {
        format!("Host: {host}\r\n")
    };
    write!(
        stream,
        "GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn socket(server: &Server) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let url = format!("ws://{}/ws", server.address());
    tungstenite::client(url, stream).unwrap().0
}

/// Gives lines until one arrives: a client subscribes a moment after it connects.
fn until_text(server: &Server, socket: &mut WebSocket<TcpStream>, line: &str) -> String {
    let begun = Instant::now();
    loop {
        if server.has_clients() {
            server.send(line);
            if let Message::Text(text) = socket.read().unwrap() {
                return text.to_string();
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_page_the_text_and_the_lines_are_served() {
    let server = server();
    let page = ask(&server, "/", "");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("<title>Attune</title>"),
        "{page}"
    );
    let lower = page.to_lowercase();
    assert!(lower.contains("content-security-policy: default-src 'none'"), "{page}");
    server.set_answer("Jazz 62 %");
    assert!(ask(&server, "/answer.txt", "").ends_with("Jazz 62 %\n"));
    assert!(ask(&server, "/nothing", "").starts_with("HTTP/1.1 404"));
    let mut socket = socket(&server);
    assert_eq!(
        until_text(&server, &mut socket, r#"{"type":"hop"}"#),
        r#"{"type":"hop"}"#
    );
}

#[test]
fn events_are_served_line_by_line() {
    let server = server();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address()).unwrap();
    let (mut text, mut buffer, begun) = (String::new(), [0; 4096], Instant::now());
    while !text.contains("data: {\"type\":\"state\"}\n") {
        server.send("{\"type\":\"state\"}");
        if let Ok(length) = stream.read(&mut buffer) {
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
    }
    assert!(
        text.to_lowercase().contains("content-type: text/event-stream"),
        "{text}"
    );
}

#[test]
fn other_sites_and_other_names_are_refused() {
    let server = server();
    let port = server.address().port();
    for headers in [
        format!("Host: evil.example:{port}\r\n"),
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
    ] {
        for path in ["/", "/events", "/answer.txt", "/ws"] {
            let said = ask(&server, path, &headers);
            assert!(said.starts_with("HTTP/1.1 403"), "{path} {headers}: {said}");
        }
    }
    let mut request = format!("ws://{}/ws", server.address()).into_client_request().unwrap();
    request
        .headers_mut()
        .insert("Origin", "http://evil.example".parse().unwrap());
    let stream = TcpStream::connect(server.address()).unwrap();
    assert!(tungstenite::client(request, stream).is_err());
}

#[test]
fn other_machines_are_served_only_on_request() {
    let error = Server::start("0.0.0.0:0".parse().unwrap(), false).unwrap_err();
    assert!(matches!(error, ServeError::NotLoopback(_)), "{error}");
    assert!(error.to_string().contains("--serve-network"), "{error}");
    let taken = server();
    let error = Server::start(taken.address(), false).unwrap_err();
    assert!(error.to_string().contains("another port may be free"), "{error}");
}

/// Twenty clients that never read cost whoever gives the lines nothing, and the one that reads gets the newest.
#[test]
fn clients_that_take_nothing_keep_nobody_waiting() {
    let server = server();
    let idle: Vec<_> = (0..20).map(|_| socket(&server)).collect();
    let mut reader = socket(&server);
    until_text(&server, &mut reader, "begin");
    let line = "x".repeat(10_000);
    let begun = Instant::now();
    // 200 MB for each of them, far more than any buffer holds.
    for _ in 0..20_000 {
        server.send(&line);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "giving lines waits for nobody"
    );
    server.send("end");
    let begun = Instant::now();
    while !matches!(reader.read(), Ok(Message::Text(text)) if text.as_str() == "end") {
        assert!(begun.elapsed() < Duration::from_mins(1), "the end never comes");
    }
    drop(idle);
}

#[test]
fn no_more_than_so_many_are_served_and_a_place_becomes_free() {
    let server = server();
    let mut open: Vec<_> = (0..CLIENTS).map(|_| socket(&server)).collect();
    let refused = TcpStream::connect(server.address()).unwrap();
    let url = format!("ws://{}/ws", server.address());
    assert!(tungstenite::client(url, refused).is_err(), "one too many");
    open.pop();
    let begun = Instant::now();
    loop {
        let stream = TcpStream::connect(server.address()).unwrap();
        let url = format!("ws://{}/ws", server.address());
        if tungstenite::client(url, stream).is_ok() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no place becomes free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_client_that_says_too_much_is_dropped() {
    let server = server();
    let mut socket = socket(&server);
    until_text(&server, &mut socket, "begin");
    let _ = socket.send(Message::Text("y".repeat(100_000).into()));
    let begun = Instant::now();
    loop {
        server.send("line");
        if socket.read().is_err() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it is still served");
    }
}

#[test]
fn a_dropped_server_closes_its_connections_and_frees_its_port() {
    let server = server();
    let address = server.address();
    let mut socket = socket(&server);
    until_text(&server, &mut socket, "begin");
    drop(server);
    while socket.read().is_ok() {}
    drop(Server::start(address, false).unwrap());
}
