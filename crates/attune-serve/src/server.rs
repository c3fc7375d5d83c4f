//! The server: a page, a WebSocket, server-sent events, the answer as text.
//!
//! In: lines of JSON, answers. Out: HTTP 1.1. Thread: `attune-serve`, with a runtime of its own.

use crate::connection::Limited;
use crate::guard::Hosts;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{Stream, unfold};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::oneshot;

/// Connections that are open at once.
pub const CLIENTS: usize = 64;
/// Lines that wait for a client; one that is further behind misses the oldest.
const WAITING: usize = 1024;
/// A client that takes nothing for so long is dropped.
const TAKE_WITHIN: Duration = Duration::from_secs(5);
/// What a client may say: nothing is expected.
const MOST_RECEIVED: usize = 1024;
/// The page: its script and style are its own, it talks to this server only.
const PAGE: &str = include_str!("overlay.html");
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'";

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not this machine's own.
    #[error("{0} can be reached from other machines; to serve what you hear to them too, add --serve-network")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("nothing can be served on {address}: {error}; another port may be free")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// A running server. Dropping it closes every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    lines: Sender<Arc<str>>,
    answer: Arc<Mutex<String>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    lines: Sender<Arc<str>>,
    answer: Arc<Mutex<String>>,
}

impl Server {
    /// Begins to serve on this address; port 0: one that is free. `network`: also on addresses that other machines
    /// reach.
    ///
    /// # Errors
    /// If the address cannot be listened on, or is reached from other machines and `network` is not set.
    pub fn start(address: SocketAddr, network: bool) -> Result<Self, ServeError> {
        if !network && !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let failed = |error| ServeError::Listen { address, error };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (lines, _) = broadcast::channel(WAITING);
        let answer = Arc::new(Mutex::new(String::new()));
        let shared = Shared {
            lines: lines.clone(),
            answer: Arc::clone(&answer),
        };
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = match TcpListener::from_std(listener) {
                Ok(listener) => Limited::new(listener, CLIENTS),
                Err(error) => return tracing::warn!("nothing is served: {error}"),
            };
            let served = axum::serve(listener, router(shared, address));
            tokio::select! {
                _ = stopped => {}
                result = served => if let Err(error) = result {
                    tracing::warn!("nothing is served any more: {error}");
                },
            }
        };
        let thread = std::thread::Builder::new()
            .name("attune-serve".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(failed)?;
        Ok(Self {
            address,
            lines,
            answer,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives every client a line of JSON. Never waits: whoever is too slow misses lines.
    pub fn send(&self, line: &str) {
        // Nobody listens: nothing to do.
        let _ = self.lines.send(Arc::from(line));
    }

    /// Whether anyone takes the lines.
    pub fn has_clients(&self) -> bool {
        self.lines.receiver_count() > 0
    }

    /// Sets the answer that is served as text.
    pub fn set_answer(&self, answer: &str) {
        let mut kept = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept != answer {
            answer.clone_into(&mut kept);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the server is in the log already.
            let _ = thread.join();
        }
    }
}

fn router(shared: Shared, address: SocketAddr) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/ws", get(websocket))
        .route("/events", get(events))
        .route("/answer.txt", get(answer))
        .with_state(shared)
        .layer(from_fn_with_state(Hosts::of(address), allowed))
}

/// Refuses what other sites ask; says that nothing is to be kept.
async fn allowed(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if let Err(error) = hosts.check(request.headers()) {
        return (StatusCode::FORBIDDEN, format!("{error}\n")).into_response();
    }
    let mut response = next.run(request).await;
    let headers: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn page() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

async fn answer(State(shared): State<Shared>) -> Response {
    let text = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{text}\n")).into_response()
}

async fn websocket(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let lines = shared.lines.subscribe();
    upgrade
        .max_message_size(MOST_RECEIVED)
        .max_frame_size(MOST_RECEIVED)
        .on_upgrade(move |socket| give(socket, lines))
}

/// Gives one client every line until it leaves, or takes nothing for too long.
async fn give(mut socket: WebSocket, mut lines: Receiver<Arc<str>>) {
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Ok(line) => {
                    let sent = socket.send(Message::Text((&*line).into()));
                    match tokio::time::timeout(TAKE_WITHIN, sent).await {
                        Ok(Ok(())) => {}
                        _ => return,
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            // Pings are answered by reading; what else comes is ignored.
            message = socket.recv() => if !matches!(message, Some(Ok(_))) {
                return;
            },
        }
    }
}

async fn events(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = unfold(shared.lines.subscribe(), |mut lines| async move {
        loop {
            match lines.recv().await {
                Ok(line) => return Some((Ok(Event::default().data(&*line)), lines)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
