//! The clients of sound servers: one for the whole program, made once and kept while its server answers.
//!
//! A client of `PulseAudio` has a thread and three descriptors, and keeps them when it is dropped until the server
//! closes the connection (cpal 0.18, pulseaudio 0.3: its thread sees this only when something wakes it). One that were
//! made anew at each attempt would use up all descriptors of a program that waits for a device.
//!
//! In: nothing. Out: a host whose server has just answered. Thread: any; what may hang does so on a thread of which
//! there is never more than one.

use super::errors;
use crate::source::SourceError;
use cpal::traits::HostTrait;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A server that does not answer within this is not waited for; its answer is taken when it comes.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is known of the sound server.
#[derive(Default)]
struct Server {
    /// The client that answered last.
    client: Option<Arc<cpal::Host>>,
    /// Whether a thread waits for an answer.
    is_asked: bool,
    /// How many answers, good and bad, have come.
    answers: u64,
    /// Whether one was ever good.
    was_there: bool,
}

static SERVER: Mutex<Option<Server>> = Mutex::new(None);
static ANSWERED: Condvar = Condvar::new();

/// What came of asking the server.
enum Answer {
    /// It answers.
    Host(Arc<cpal::Host>),
    /// Not in time.
    Late,
    /// There is none, or it refuses.
    None,
}

/// The host whose devices are listed: `PulseAudio` (also in front of `PipeWire`) where a server answers, else the
/// system's own.
///
/// # Errors
/// If there is a server that does not answer.
pub(crate) fn preferred_host() -> Result<Arc<cpal::Host>, SourceError> {
    match ask_server() {
        Answer::Host(host) => Ok(host),
        Answer::Late => Err(errors::silent_server()),
        Answer::None => system_host(),
    }
}

/// Names of the sound systems that can be used here; the first is the one whose devices are listed and opened.
pub fn hosts() -> Vec<&'static str> {
    let preferred = preferred_host().ok().map(|host| host.id());
    let mut hosts = cpal::available_hosts();
    hosts.sort_by_key(|host| Some(*host) != preferred);
    hosts.into_iter().map(|host| host.name()).collect()
}

/// The host of the default input: the preferred one, but where a sound server ever answered, no other: that would be
/// another microphone.
///
/// # Errors
/// If the server does not answer.
pub(super) fn default_host() -> Result<Arc<cpal::Host>, SourceError> {
    match ask_server() {
        Answer::Host(host) => Ok(host),
        Answer::None if !with_server(|server| server.was_there) => system_host(),
        Answer::Late | Answer::None => Err(errors::silent_server()),
    }
}

/// The host of a device's id.
///
/// # Errors
/// If its server does not answer, or this system has none.
pub(super) fn host_of(id: &cpal::DeviceId) -> Result<Arc<cpal::Host>, SourceError> {
    if is_served(id.host()) {
        return match ask_server() {
            Answer::Host(host) => Ok(host),
            Answer::Late | Answer::None => Err(errors::silent_server()),
        };
    }
    let host = cpal::host_from_id(id.host()).map_err(|error| super::device_error(&id.to_string(), &error))?;
    Ok(Arc::new(host))
}

fn lock() -> MutexGuard<'static, Option<Server>> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_server<T>(see: impl FnOnce(&mut Server) -> T) -> T {
    see(lock().get_or_insert_default())
}

/// Asks the server, or waits for the answer to the question that is under way.
fn ask_server() -> Answer {
    let (before, client) = with_server(|server| {
        let client = (!std::mem::replace(&mut server.is_asked, true)).then(|| server.client.clone());
        (server.answers, client)
    });
    if let Some(client) = client {
        let asked = std::thread::Builder::new()
            .name("attune-server".to_owned())
            .spawn(move || answered(living(client)));
        if let Err(error) = asked {
            tracing::warn!(%error, "the sound server could not be asked");
            with_server(|server| server.is_asked = false);
            return Answer::Late;
        }
    }
    let is_waiting = |server: &mut Option<Server>| server.as_ref().is_none_or(|server| server.answers == before);
    let (server, timeout) = ANSWERED
        .wait_timeout_while(lock(), ANSWER_WITHIN, is_waiting)
        .unwrap_or_else(PoisonError::into_inner);
    match server.as_ref().and_then(|server| server.client.clone()) {
        _ if timeout.timed_out() => Answer::Late,
        Some(host) => Answer::Host(host),
        None => Answer::None,
    }
}

fn answered(client: Option<Arc<cpal::Host>>) {
    with_server(|server| {
        server.was_there |= client.is_some();
        server.client = client;
        server.is_asked = false;
        server.answers += 1;
    });
    ANSWERED.notify_all();
}

/// The client, if its server answers; else a new one, if there is a server. May hang for as long as the server does.
fn living(client: Option<Arc<cpal::Host>>) -> Option<Arc<cpal::Host>> {
    client
        .filter(|client| client.devices().is_ok())
        .or_else(|| server::connect().map(Arc::new))
}

/// The system's own devices, without a server.
fn system_host() -> Result<Arc<cpal::Host>, SourceError> {
    server::without()
        .map(Arc::new)
        .map_err(|error| super::device_error("the sound system", &error))
}

use server::is_served;

#[cfg(target_os = "linux")]
mod server {
    use pulseaudio::protocol::{self, AuthParams, AuthReply, Command};
    use std::io::BufReader;
    use std::os::unix::net::UnixStream;

    /// Whether the devices of this host are a server's.
    pub(super) fn is_served(id: cpal::HostId) -> bool {
        id == cpal::HostId::PulseAudio
    }

    /// A new client, if there is a server.
    pub(super) fn connect() -> Option<cpal::Host> {
        // cpal waits 2 s for a server that does not answer, and leaves a thread behind: it is given one that does.
        greet()?;
        let client = cpal::host_from_id(cpal::HostId::PulseAudio);
        client
            .inspect_err(|error| tracing::info!(%error, "no sound server"))
            .ok()
    }

    /// Waits until the server has greeted back.
    fn greet() -> Option<()> {
        let mut socket = UnixStream::connect(pulseaudio::socket_path_from_env()?).ok()?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let hello = Command::Auth(AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie: cookie.unwrap_or_default(),
        });
        protocol::write_command_message(&mut socket, 0, &hello, protocol::MAX_VERSION).ok()?;
        let mut reader = BufReader::new(socket);
        protocol::read_reply_message::<AuthReply>(&mut reader, protocol::MAX_VERSION)
            .ok()
            .map(drop)
    }

    /// The system's own devices.
    pub(super) fn without() -> Result<cpal::Host, cpal::Error> {
        cpal::host_from_id(cpal::HostId::Alsa)
    }
}

#[cfg(not(target_os = "linux"))]
mod server {
    /// Whether the devices of this host are a server's.
    pub(super) fn is_served(_: cpal::HostId) -> bool {
        false
    }

    /// A new client, if there is a server.
    pub(super) fn connect() -> Option<cpal::Host> {
        None
    }

    /// The system's own devices.
    pub(super) fn without() -> Result<cpal::Host, cpal::Error> {
        Ok(cpal::default_host())
    }
}
