//! The engine on a device that fails, and the books that are kept beside it.
//!
//! In: a seed. Out: a panic where the engine's figures are not those of the books. Thread: the test's, which moves the
//! clock, plays the audio callback, and waits after each step until the engine's worker has gone through its loop.

use super::fake_models::{Fake, models};
use super::fault_device::{FaultDevice, FaultHost, Stage, Trap};
use attune_audio::capture::{CaptureRequest, CaptureStream};
use attune_audio::clock::Clock;
use attune_audio::ring::RingCounters;
use attune_audio::source::{OpenedSource, SourceMark};
use attune_engine::smoothing::SmoothingConfig;
use attune_engine::{Command, Engine, EngineConfig, EngineHandle, Event, SourceControl, SourceRequest};
use cpal::ErrorKind;
use crossbeam_channel::Receiver;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time that passes at once while nothing is delivered.
const STEP: Duration = Duration::from_millis(50);
/// How wrong the reported length of an outage may be.
const OUTAGE_WITHIN_SECS: f64 = 0.2;
/// The worker has to go through its loop, and an outage to end, within this, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(2);
/// Within this, by the test's clock, attempts that hang come one after the other: the last of four after a minute.
const LONGEST_OUTAGE: Duration = Duration::from_mins(10);
/// Errors with which a device goes.
const GONE: [ErrorKind; 4] = [
    ErrorKind::DeviceNotAvailable,
    ErrorKind::StreamInvalidated,
    ErrorKind::HostUnavailable,
    ErrorKind::PermissionDenied,
];
/// Errors with which it refuses to open.
const REFUSALS: [ErrorKind; 6] = [
    ErrorKind::DeviceNotAvailable,
    ErrorKind::DeviceBusy,
    ErrorKind::HostUnavailable,
    ErrorKind::ResourceExhausted,
    ErrorKind::UnsupportedConfig,
    ErrorKind::PermissionDenied,
];
const STAGES: [Stage; 4] = [Stage::Find, Stage::Configure, Stage::Build, Stage::Play];
/// What a device may say of its rate, some of it nonsense.
const RATES: [u32; 10] = [0, 1, 7_999, 8_000, 22_050, 44_100, 48_000, 192_000, 384_000, u32::MAX];

/// A stream under the number of its attempt.
struct Numbered {
    stream: CaptureStream,
    opened: OpenedSource,
}

impl SourceControl for Numbered {
    fn opened(&self) -> &OpenedSource {
        &self.opened
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        self.stream.next_mark()
    }
    fn xruns(&self) -> u64 {
        self.stream.xruns()
    }
}

/// The attempt that made a ring, and the ring.
type Made = (u64, Arc<RingCounters>);

/// The stream that the engine reads.
struct Life {
    attempt: u64,
    ring: Arc<RingCounters>,
    rate_hz: u32,
    channels: usize,
    /// Frames delivered, incomplete ones too.
    delivered: u64,
    not_finite: u64,
    xruns: u64,
    last_callback: Instant,
}

impl Life {
    fn lost(&self) -> u64 {
        self.ring.lost.load(Ordering::Acquire)
    }

    fn read(&self) -> u64 {
        self.ring.read.load(Ordering::Acquire)
    }

    /// Delivered, and neither read nor lost.
    fn waiting(&self) -> i64 {
        self.delivered as i64 - self.read() as i64 - self.lost() as i64
    }

    /// For how long the samples that the reader has passed last.
    fn passed_secs(&self) -> f64 {
        self.ring.written.load(Ordering::Acquire) as f64 / f64::from(self.rate_hz)
    }
}

/// Of the streams before, since the user opened the device.
#[derive(Default)]
struct Before {
    lost: u64,
    not_finite: u64,
    xruns: u64,
    passed_secs: f64,
    missed_secs: f64,
}

/// Of everything.
#[derive(Default)]
struct Sums {
    faults: BTreeMap<&'static str, u64>,
    delivered: u64,
    read: u64,
    lost: u64,
    outages: u64,
    outage_secs: f64,
    worst_error_secs: f64,
}

pub(super) struct Rig {
    clock: Clock,
    began: Instant,
    device: Arc<FaultDevice>,
    engine: EngineHandle,
    made: Receiver<Made>,
    rings: BTreeMap<u64, Arc<RingCounters>>,
    rng: ChaCha8Rng,
    life: Option<Life>,
    silent_since: Instant,
    /// The engine does not try again by itself.
    gave_up: bool,
    before: Before,
    sums: Sums,
}

impl Rig {
    /// The engine, with the device open.
    pub(super) fn start(seed: u64) -> Self {
        let clock = Clock::by_hand();
        let device = FaultDevice::new(1, 22_050);
        let (tell, made) = crossbeam_channel::unbounded();
        let (attempts, opened_device, opened_clock) = (AtomicU64::new(0), Arc::clone(&device), clock.clone());
        let config = EngineConfig {
            models: models(&[("quick", Fake::Bands { memory: 0.5 })]),
            smoothing: SmoothingConfig::default(),
            off: Vec::new(),
            sources: Arc::new(move |_| {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                let device = Arc::clone(&opened_device);
                let host = FaultHost { device, attempt }.into_host();
                let (stream, samples) = CaptureStream::open_on(&host, &opened_clock, &CaptureRequest::default())?;
                let mut opened = stream.opened().clone();
                opened.id = attempt.to_string();
                drop(tell.send((attempt, Arc::clone(samples.counters()))));
                Ok((Box::new(Numbered { stream, opened }) as Box<dyn SourceControl>, samples))
            }),
        };
        let engine = Engine::start_on(clock.clone(), config, || {}).unwrap();
        let mut rig = Self {
            began: clock.now(),
            silent_since: clock.now(),
            clock,
            device,
            engine,
            made,
            rings: BTreeMap::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            life: None,
            gave_up: true,
            before: Before::default(),
            sums: Sums::default(),
        };
        rig.await_back();
        rig
    }

    /// This many faults, each after a little sound and followed by a look into the books. What hangs is let go at the
    /// end.
    pub(super) fn suffer(&mut self, faults: u64) {
        for _ in 0..faults {
            let millis = self.rng.random_range(40..300);
            self.play(millis, 1.0);
            let what = self.fault();
            *self.sums.faults.entry(what).or_default() += 1;
            self.await_back();
            self.check(what);
        }
        self.device.release();
    }

    /// What happened, in one line.
    pub(super) fn summary(&self) -> String {
        let sums = &self.sums;
        let life = self.life.as_ref();
        format!(
            "{} faults {:?} in {:.1} h: {} samples = {} heard + {} counted as lost; {} outages of {:.0} s, none wrong by \
             more than {:.3} s",
            sums.faults.values().sum::<u64>(),
            sums.faults,
            self.clock.since(self.began).as_secs_f64() / 3600.0,
            sums.delivered + life.map_or(0, |life| life.delivered),
            sums.read + life.map_or(0, Life::read),
            sums.lost + life.map_or(0, Life::lost),
            sums.outages,
            sums.outage_secs,
            sums.worst_error_secs,
        )
    }

    /// Lets time pass, and the engine see it.
    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.settle();
    }

    /// Waits until the worker has gone through its loop, and takes what it says.
    fn settle(&mut self) {
        assert!(self.clock.turn(PATIENCE), "the engine does not go on");
        while let Ok(event) = self.engine.events.try_recv() {
            match event {
                Event::Opened(source) => {
                    self.before = Before::default();
                    self.begin(&source);
                }
                Event::Reconnected { source, missed } => {
                    let truth = self.clock.since(self.silent_since).as_secs_f64();
                    let error = (missed.0 - truth).abs();
                    assert!(
                        error <= OUTAGE_WITHIN_SECS,
                        "{} s were reported as missed, but the outage lasted {truth} s",
                        missed.0
                    );
                    self.sums.outages += 1;
                    self.sums.outage_secs += truth;
                    self.sums.worst_error_secs = self.sums.worst_error_secs.max(error);
                    self.before.missed_secs += missed.0;
                    self.begin(&source);
                }
                Event::SourceFailed { retrying, .. } => {
                    self.end();
                    self.gave_up = !retrying;
                }
                Event::Stopped { message } | Event::ModelFailed { message, .. } => panic!("{message}"),
                _ => {}
            }
        }
    }

    fn begin(&mut self, source: &OpenedSource) {
        assert!(self.life.is_none(), "two streams at once");
        self.rings.extend(self.made.try_iter());
        let attempt: u64 = source.id.parse().unwrap();
        let ring = self.rings.remove(&attempt).unwrap();
        // Older ones came too late.
        self.rings.retain(|other, _| *other > attempt);
        self.gave_up = false;
        self.life = Some(Life {
            attempt,
            // No callback came yet: when it was started. Read here, where the clock stands still.
            last_callback: self.clock.now().checked_sub(ring.age()).unwrap(),
            ring,
            rate_hz: source.rate.0,
            channels: usize::from(source.channels.max(1)),
            delivered: 0,
            not_finite: 0,
            xruns: 0,
        });
    }

    /// The engine has given the stream up: nothing of it may be unaccounted for.
    fn end(&mut self) {
        let Some(life) = self.life.take() else { return };
        assert_eq!(
            life.waiting(),
            0,
            "samples neither heard nor counted at the end of a stream"
        );
        self.silent_since = life.last_callback;
        self.before.lost += life.lost();
        self.before.not_finite += life.not_finite;
        self.before.xruns += life.xruns;
        self.before.passed_secs += life.passed_secs();
        self.sums.delivered += life.delivered;
        self.sums.read += life.read();
        self.sums.lost += life.lost();
    }

    /// Waits until the engine listens again; asks for the device where it does not by itself.
    fn await_back(&mut self) {
        // By the system's time: how much of it an attempt needs is not for the test's clock to say.
        let began = Instant::now();
        while self.life.is_none() {
            assert!(began.elapsed() < PATIENCE, "it never came back");
            if std::mem::take(&mut self.gave_up) {
                // The user chooses a device that works.
                self.device.set_trap(None);
                self.device.says(1, 22_050);
                self.open();
            }
            // An attempt has a thread, which needs some of the system's time.
            std::thread::sleep(Duration::from_micros(100));
            self.pass(STEP);
        }
    }

    fn open(&self) {
        let (id, channel) = (None, None);
        self.engine
            .commands
            .send(Command::Open(SourceRequest::Device { id, channel }))
            .unwrap();
    }

    /// Delivers frames in one callback, and so many values of an incomplete one.
    fn deliver(&mut self, frames: usize, cut: usize, mut value: impl FnMut(usize) -> f32) {
        let Some(life) = &mut self.life else { return };
        let mut block: Vec<f32> = (0..frames * life.channels + cut).map(&mut value).collect();
        if self.device.deliver(life.attempt, &mut block) {
            life.delivered += (frames + usize::from(cut > 0)) as u64;
            life.last_callback = self.clock.now();
        }
    }

    /// Plays for so long, at this share of the stated rate.
    fn play(&mut self, millis: u64, speed: f64) {
        let mut left = millis;
        while left > 0 && self.life.is_some() {
            let now = self.rng.random_range(5..=40).min(left);
            left -= now;
            self.pass(Duration::from_millis(now));
            let Some(life) = &self.life else { return };
            let frames = (f64::from(life.rate_hz) * speed * now as f64 / 1000.0) as usize;
            self.deliver(frames, 0, tone);
            self.settle();
        }
    }

    /// The device goes with this error, and the engine knows it.
    fn vanish(&mut self, with: ErrorKind) {
        let Some(life) = &self.life else { return };
        self.device.fail(life.attempt, with);
        while self.life.is_some() {
            self.pass(STEP);
        }
    }

    /// The device is silent for so long.
    fn stall(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(STEP.as_millis() as u64) {
            self.pass(STEP);
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// One fault of the schedule; its name.
    fn fault(&mut self) -> &'static str {
        match self.rng.random_range(0..12) {
            0 => {
                let (at, with) = (self.pick(&STAGES), self.pick(&REFUSALS));
                let times = self.rng.random_range(1..=4);
                self.device.set_trap(Some(Trap::Refuse { times, at, with }));
                self.vanish(ErrorKind::DeviceNotAvailable);
                "refuses"
            }
            1 => {
                self.hang();
                "hangs"
            }
            2 => {
                let with = self.pick(&GONE);
                if let Some(life) = self.life.as_ref().filter(|_| self.rng.random()) {
                    self.device.fail(life.attempt, ErrorKind::BackendError);
                }
                self.vanish(with);
                "vanishes"
            }
            3 | 4 => {
                let millis = self.rng.random_range(100..7_000);
                self.stall(millis);
                "stalls"
            }
            5 => {
                let blocks = self.rng.random_range(10..300);
                for _ in 0..blocks {
                    let frames = self.life.as_ref().map_or(0, |life| life.rate_hz / 50);
                    self.deliver(frames as usize, 0, tone);
                }
                "bursts"
            }
            6 => {
                for _ in 0..self.rng.random_range(10..100) {
                    self.pass(STEP);
                    let frames = self.life.as_ref().map_or(0, |life| life.rate_hz / 20);
                    self.deliver(frames as usize, 0, |_| 0.0);
                }
                "zeros"
            }
            7 => {
                self.not_finite();
                "not a number"
            }
            8 => {
                let (stated, speed) = (self.pick(&RATES), self.rng.random_range(0.5..2.0));
                self.device.says(1, stated);
                self.vanish(ErrorKind::StreamInvalidated);
                self.await_back();
                self.play(500, speed);
                "lies about its rate"
            }
            9 => {
                let channels = self.rng.random_range(0..=6);
                self.device.says(channels, 44_100);
                self.vanish(ErrorKind::StreamInvalidated);
                self.await_back();
                let channels = self.life.as_ref().map_or(1, |life| life.channels);
                for _ in 0..20 {
                    let cut = self.rng.random_range(0..channels);
                    self.deliver(441, cut, tone);
                    self.pass(Duration::from_millis(10));
                }
                "lies about its channels"
            }
            10 => {
                let xruns = self.rng.random_range(1..100);
                for _ in 0..xruns {
                    if let Some(life) = &mut self.life {
                        self.device.fail(life.attempt, ErrorKind::Xrun);
                        life.xruns += 1;
                    }
                    self.deliver(0, 0, tone);
                }
                "overruns"
            }
            _ => {
                if self.rng.random() {
                    self.vanish(ErrorKind::DeviceNotAvailable);
                    self.await_back();
                    self.stall(6_000);
                    "never starts"
                } else {
                    self.user_reopens();
                    "is opened again"
                }
            }
        }
    }

    /// Attempts to open it hang, and are let go early, late, or after others were tried.
    fn hang(&mut self) {
        let (times, at) = (self.rng.random_range(1..=4), self.pick(&STAGES));
        let then_opens = self.rng.random();
        self.device.set_trap(Some(Trap::Hang { times, at, then_opens }));
        self.vanish(ErrorKind::HostUnavailable);
        let patience = self.rng.random_range(1..12_000);
        if times == 1 {
            self.stall(patience);
        } else {
            let since = self.clock.now();
            while self.device.hanging() < times as usize && self.clock.since(since) < LONGEST_OUTAGE {
                std::thread::sleep(Duration::from_micros(100));
                self.pass(STEP);
            }
        }
        self.device.set_trap(None);
        self.device.release();
    }

    fn not_finite(&mut self) {
        let Some(life) = &self.life else { return };
        let (channels, frames) = (life.channels, life.rate_hz as usize / 50);
        let every = self.rng.random_range(1..=frames);
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        self.deliver(frames, 0, |at| {
            if at.is_multiple_of(every * channels) {
                bad[at % 3]
            } else {
                0.1
            }
        });
        if let Some(life) = &mut self.life {
            life.not_finite += frames.div_ceil(every) as u64;
        }
    }

    /// The user closes it, waits, and opens it again.
    fn user_reopens(&mut self) {
        self.empty();
        self.end();
        self.engine.commands.send(Command::Close).unwrap();
        for _ in 0..4 {
            self.pass(STEP);
        }
        self.open();
    }

    /// Waits until the engine has taken all that was delivered.
    fn empty(&mut self) {
        for _ in 0..10_000 {
            if self.life.as_ref().is_none_or(|life| life.waiting() == 0) {
                return;
            }
            self.settle();
        }
        let waiting = self.life.as_ref().map(Life::waiting);
        panic!("samples neither heard nor counted: {waiting:?}");
    }

    /// What the engine says is what is in the books.
    fn check(&mut self, after: &str) {
        // Health is published by now, whatever was published before.
        self.empty();
        self.pass(Duration::from_millis(300));
        let Some(life) = &self.life else { return };
        let before = &self.before;
        let snapshot = self.engine.snapshots.read();
        let health = &snapshot.health;
        assert_eq!(health.samples_lost, before.lost + life.lost(), "after it {after}");
        assert_eq!(
            health.samples_not_finite,
            before.not_finite + life.not_finite,
            "after it {after}"
        );
        assert_eq!(health.xruns, before.xruns + life.xruns, "after it {after}");
        assert!((health.missed.0 - before.missed_secs).abs() < 1e-3, "after it {after}");
        let position = before.passed_secs + before.missed_secs + life.passed_secs();
        let found = snapshot.transport.position.0;
        assert!(
            (found - position).abs() < 1e-3,
            "after it {after}: at {found} s instead of {position} s"
        );
    }
}

/// A sound that is neither silent nor clipped.
fn tone(at: usize) -> f32 {
    0.3 * (at as f32 * 0.1).sin()
}
