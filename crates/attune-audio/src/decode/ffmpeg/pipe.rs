//! What another program writes, read with a limit to how long it may be silent.
//!
//! In: a pipe. Out: its bytes. Thread: any; the pipe is read on a thread of its own.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::io::{self, Read};
use std::time::Duration;

/// Read at once.
const PIECE: usize = 1 << 16;
/// Pieces that wait; then the program has to.
const PIECES: usize = 4;

/// The reading end. Its thread ends with the pipe, or with the next piece after this was dropped.
pub(super) struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    done: usize,
    limit: Duration,
}

impl Pipe {
    pub(super) fn new(mut from: impl Read + Send + 'static, limit: Duration) -> io::Result<Self> {
        let (sender, pieces) = crossbeam_channel::bounded(PIECES);
        std::thread::Builder::new().name("ffmpeg".to_owned()).spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match from.read(&mut piece) {
                    Ok(0) => return,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let is_last = read.is_err();
                let piece = read.map(|count| {
                    piece.truncate(count);
                    piece
                });
                if sender.send(piece).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self {
            pieces,
            piece: Vec::new(),
            done: 0,
            limit,
        })
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.done == self.piece.len() {
            match self.pieces.recv_timeout(self.limit) {
                Ok(piece) => (self.piece, self.done) = (piece?, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {
                    let secs = self.limit.as_secs();
                    let reason = format!("ffmpeg has written nothing for {secs} s");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                }
            }
        }
        let rest = &self.piece[self.done..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.done += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_order_and_silence_is_an_error() {
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let mut pipe = Pipe::new(reader, Duration::from_millis(50)).expect("a thread can be started");
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let sent = bytes.clone();
        let thread = std::thread::spawn(move || {
            io::Write::write_all(&mut writer, &sent).expect("it is read");
            writer
        });
        let mut read = vec![0; bytes.len()];
        pipe.limit = Duration::from_mins(1);
        pipe.read_exact(&mut read).expect("it is written");
        assert!(read == bytes);
        let writer = thread.join().expect("it does not panic");
        pipe.limit = Duration::from_millis(50);
        let error = pipe.read(&mut [0]).expect_err("nothing is written");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(writer);
        pipe.limit = Duration::from_mins(1);
        assert_eq!(pipe.read(&mut [0]).ok(), Some(0));
    }
}
