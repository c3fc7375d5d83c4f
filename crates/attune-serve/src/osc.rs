//! OSC 1.0 messages over UDP, for programs that run light or sound.
//!
//! In: answers. Out: datagrams: `/attune/genre` and `/attune/change` when the answer changes, `/attune/prob/LABEL` now
//! and then. Thread: whoever has the answers; a datagram is sent or dropped, never waited for.

use rosc::{OscMessage, OscPacket, OscType, encoder};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Probabilities are sent no more often than this.
const PROBABILITIES_EVERY: Duration = Duration::from_millis(100);

/// What is shown at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The genre's label, or the state (`silence`, `unsure`, `speech`, …).
    pub answer: String,
    /// Its probability, 0…1.
    pub confidence: f32,
    /// Label and smoothed probability of each genre.
    pub probabilities: Vec<(String, f32)>,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("OSC messages cannot be sent to {address}: {error}")]
pub struct OscError {
    address: SocketAddr,
    error: io::Error,
}

/// Where messages go.
#[derive(Debug)]
pub struct Osc {
    socket: UdpSocket,
    answer: Option<String>,
    sent: Option<Instant>,
}

impl Osc {
    /// Sends to this address.
    ///
    /// # Errors
    /// If there is no socket for it.
    pub fn to(address: SocketAddr) -> Result<Self, OscError> {
        let any: SocketAddr = if address.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).and_then(|socket| {
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Ok(Self {
            socket: socket.map_err(|error| OscError { address, error })?,
            answer: None,
            sent: None,
        })
    }

    /// Sends what is new. A datagram that cannot be sent now is dropped: the next one tells the same.
    pub fn show(&mut self, shown: &Shown) {
        if self.answer.as_ref() != Some(&shown.answer) {
            self.send(
                "/attune/genre",
                vec![OscType::String(shown.answer.clone()), OscType::Float(shown.confidence)],
            );
            let before = self.answer.replace(shown.answer.clone());
            if let Some(before) = before {
                self.send(
                    "/attune/change",
                    vec![OscType::String(before), OscType::String(shown.answer.clone())],
                );
            }
        }
        if self.sent.is_some_and(|sent| sent.elapsed() < PROBABILITIES_EVERY) {
            return;
        }
        self.sent = Some(Instant::now());
        for (label, share) in &shown.probabilities {
            self.send(
                &format!("/attune/prob/{}", address_part(label)),
                vec![OscType::Float(*share)],
            );
        }
    }

    fn send(&self, address: &str, args: Vec<OscType>) {
        let message = OscMessage {
            addr: address.to_owned(),
            args,
        };
        if let Ok(bytes) = encoder::encode(&OscPacket::Message(message)) {
            // Nobody listens, or the buffer is full.
            let _ = self.socket.send(&bytes);
        }
    }
}

/// A label as part of an address, which must not have these characters.
fn address_part(label: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_graphic() && !"#*,/?[]{}".contains(c);
    label.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UdpSocket) -> Vec<OscMessage> {
        let mut buffer = [0; 2048];
        let mut found = Vec::new();
        while let Ok(length) = socket.recv(&mut buffer) {
            match rosc::decoder::decode_udp(&buffer[..length]) {
                Ok((_, OscPacket::Message(message))) => found.push(message),
                other => panic!("a message, not {other:?}"),
            }
        }
        found
    }

    #[test]
    fn changes_are_sent_at_once_and_probabilities_now_and_then() {
        let desk = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        desk.set_read_timeout(Some(Duration::from_millis(200)))
            .expect("a timeout");
        let mut osc = Osc::to(desk.local_addr().expect("bound")).expect("a socket");
        let mut shown = Shown {
            answer: "jazz".to_owned(),
            confidence: 0.5,
            probabilities: vec![("jazz".to_owned(), 0.5), ("hip hop/rap".to_owned(), 0.25)],
        };
        for _ in 0..50 {
            osc.show(&shown);
        }
        shown.answer = "blues".to_owned();
        osc.show(&shown);
        let found = received(&desk);
        let with = |address: &str| found.iter().filter(|message| message.addr == address).count();
        assert_eq!(with("/attune/genre"), 2);
        let change = found
            .iter()
            .find(|message| message.addr == "/attune/change")
            .expect("a change");
        let said = ["jazz", "blues"].map(|name| OscType::String(name.to_owned()));
        assert_eq!(change.args, said);
        // A busy machine may take longer than a tenth of a second for the loop, but not fifty of them.
        assert!((1..10).contains(&with("/attune/prob/hip_hop_rap")), "{found:?}");
    }

    #[test]
    fn nobody_listening_is_no_error() {
        let gone = UdpSocket::bind("127.0.0.1:0")
            .expect("a socket")
            .local_addr()
            .expect("bound");
        let mut osc = Osc::to(gone).expect("a socket");
        for answer in ["a", "b", "c"] {
            osc.show(&Shown {
                answer: answer.to_owned(),
                confidence: 1.0,
                probabilities: Vec::new(),
            });
        }
    }
}
