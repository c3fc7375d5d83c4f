//! Each model is run in every order of its threads' steps, and with every value that the memory model lets an atomic
//! read.

use interleavings::engine::{Heard, Listener, Picture, pictures};
use interleavings::ring::ring;
use interleavings::source::{MarkKind, SourceMark};
use interleavings::{ErrorKind, Faults};
use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering;
use loom::thread;

fn count(figure: &loom::sync::atomic::AtomicU64) -> u64 {
    figure.load(Ordering::Relaxed)
}

/// Runs a model in every order, and says how many there were.
fn in_every_order(what: &str, model: impl Fn() + Send + Sync + 'static) {
    let orders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = orders.clone();
    loom::model(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let orders = orders.load(Ordering::Relaxed);
    println!("PROOF\torders of threads: {what}\t{orders} orders, right in each");
}

/// A writer of two blocks, and a reader that is late, into a ring that is too small.
#[test]
fn what_was_written_is_read_in_order_or_counted() {
    in_every_order("ring, written and read", || {
        let (mut sink, mut source) = ring(2);
        let writer = thread::spawn(move || {
            sink.write(&[1.0, 2.0]);
            sink.write(&[3.0]);
        });
        let mut read = Vec::new();
        let mut out = [0.0; 2];
        for _ in 0..2 {
            let available = source.available();
            let got = source.read(&mut out);
            assert!(got >= available.min(2), "what is said to be available can be read");
            read.extend_from_slice(&out[..got]);
        }
        writer.join().unwrap();
        let got = source.read(&mut out);
        read.extend_from_slice(&out[..got]);
        assert!(read.windows(2).all(|pair| pair[0] < pair[1]), "{read:?}");
        let counters = source.counters();
        assert_eq!(count(&counters.read), read.len() as u64);
        assert_eq!(count(&counters.written), read.len() as u64);
        assert_eq!(count(&counters.read) + count(&counters.lost), 3);
        assert_eq!(count(&counters.callbacks), 2);
    });
}

/// A reader that skips what is too old while the writer goes on.
#[test]
fn what_is_skipped_is_counted() {
    in_every_order("ring, skipped", || {
        let (mut sink, mut source) = ring(3);
        sink.write(&[1.0, 2.0]);
        let writer = thread::spawn(move || {
            sink.write(&[3.0, f32::NAN]);
        });
        source.skip(1);
        let mut out = [0.0; 4];
        let got = source.read(&mut out);
        assert!(got >= 1 && out[0] == 2.0, "{out:?}");
        source.skip(9);
        writer.join().unwrap();
        source.skip(9);
        let counters = source.counters();
        assert_eq!(count(&counters.read) + count(&counters.lost), 4);
    });
}

/// Whoever sees the end has read everything.
#[test]
fn after_the_end_nothing_comes() {
    in_every_order("ring, end", || {
        let (mut sink, mut source) = ring(2);
        let writer = thread::spawn(move || {
            sink.write(&[1.0]);
            drop(sink);
        });
        let mut out = [0.0; 2];
        let mut got = source.read(&mut out);
        if source.is_ended() {
            assert_eq!(source.read(&mut out), 0);
            assert_eq!(got, 1, "all of it was read before it ended");
        }
        writer.join().unwrap();
        got += source.read(&mut out);
        assert_eq!(got, 1);
        assert!(source.is_ended());
    });
}

/// Three pictures of two streams; a reader that looks twice meanwhile and once afterwards.
#[test]
fn each_picture_is_whole_and_none_is_older_than_the_one_before() {
    in_every_order("snapshot hand-over", || {
        let (mut writer, mut reader) = pictures(&Picture::new(0, 0, 0));
        let thread = thread::spawn(move || {
            for (sequence, epoch, frames) in [(1, 0, 2), (2, 0, 5), (3, 1, 1)] {
                writer.write(&Picture::new(sequence, epoch, frames));
            }
            writer
        });
        let mut before = 0;
        for _ in 0..2 {
            let picture = reader.read();
            assert!(picture.is_whole() && picture.sequence >= before, "{}", picture.sequence);
            before = picture.sequence;
        }
        drop(thread.join().unwrap());
        let last = reader.read();
        assert!(last.is_whole());
        assert_eq!(last.sequence, 3);
    });
}

/// A file that starts again between its samples 2 and 3: no block has samples of both sides, in whatever order the mark
/// and the samples arrive.
#[test]
fn a_mark_is_reached_before_any_sample_after_it() {
    in_every_order("marks beside the ring", || {
        let (mut sink, source) = ring(4);
        let (mark, marks) = crossbeam_channel::bounded(4);
        let writer = thread::spawn(move || {
            sink.write(&[1.0, 2.0]);
            let kind = MarkKind::Looped;
            mark.send(SourceMark { at: 2, kind }).unwrap();
            sink.write(&[3.0, 4.0]);
        });
        let mut listener = Listener::new(source, marks);
        let mut heard: Vec<Heard> = (0..2).map(|_| listener.next()).collect();
        writer.join().unwrap();
        heard.extend((0..4).map(|_| listener.next()));
        heard.retain(|it| *it != Heard::Nothing);
        let samples = |of: &[f32]| Heard::Samples(of.to_vec());
        assert_eq!(
            heard,
            [
                samples(&[1.0, 2.0]),
                Heard::Mark(MarkKind::Looped),
                samples(&[3.0, 4.0])
            ]
        );
    });
}

/// A source that is given up while its callback still writes: what was in the ring by then is read or lost.
#[test]
fn what_waits_when_a_source_is_given_up_is_counted() {
    in_every_order("a source given up", || {
        let (mut sink, source) = ring(4);
        let (_mark, marks) = crossbeam_channel::bounded(1);
        sink.write(&[1.0]);
        let counters = source.counters().clone();
        let writer = thread::spawn(move || sink.write(&[2.0, 3.0]));
        let mut listener = Listener::new(source, marks);
        let read = match listener.next() {
            Heard::Samples(samples) => samples.len() as u64,
            _ => 0,
        };
        let lost = listener.give_up();
        assert!([1, 3].contains(&(read + lost)), "{read} and {lost}");
        writer.join().unwrap();
        assert_eq!(read + listener.give_up(), count(&counters.written));
    });
}

/// Two threads that report a lost device at once, and overruns: one error comes out, and every overrun is counted.
#[test]
fn one_fatal_error_comes_out_and_every_overrun_is_counted() {
    in_every_order("fault counters", || {
        let (faults, fatal) = Faults::new();
        let faults = std::sync::Arc::new(faults);
        let other = faults.clone();
        let thread = thread::spawn(move || {
            other.note(ErrorKind::Xrun);
            other.note(ErrorKind::DeviceNotAvailable);
        });
        faults.note(ErrorKind::Xrun);
        faults.note(ErrorKind::StreamInvalidated);
        let early = fatal.try_recv().is_ok();
        thread.join().unwrap();
        assert!(early || fatal.try_recv().is_ok());
        assert!(fatal.try_recv().is_err());
        assert_eq!(faults.xruns(), 2);
    });
}

/// What rtrb hands over is seen as it was written: its stores and loads order more than themselves.
#[test]
fn the_library_of_the_ring_orders_what_it_hands_over() {
    in_every_order("rtrb itself", || {
        let (mut producer, mut consumer) = rtrb::RingBuffer::new(1);
        let writer = thread::spawn(move || {
            for value in 0..2 {
                let cell = UnsafeCell::new(9);
                cell.with_mut(|at| set(at, value));
                // A full ring is no matter here.
                drop(producer.push(cell));
            }
        });
        for _ in 0..3 {
            if let Ok(cell) = consumer.pop() {
                assert!(cell.with(get) < 2);
            }
        }
        writer.join().unwrap();
    });
}

#[allow(unsafe_code, reason = "loom checks the access to a cell through its address")]
fn set(at: *mut u32, value: u32) {
    // SAFETY: loom gives the address of a living cell that nobody else has access to.
    unsafe { *at = value }
}

#[allow(unsafe_code, reason = "loom checks the access to a cell through its address")]
fn get(at: *const u32) -> u32 {
    // SAFETY: loom gives the address of a living cell that nobody writes to.
    unsafe { *at }
}
