//! The pipeline however samples are cut, and the worker over sources that behave, end, loop, hang and break.

use crate::common::fake_models::{Fake, gate, model, models, three};
use attune_audio::playback::Pace;
use attune_audio::ring::{SampleSink, SampleSource, ring};
use attune_audio::source::{MarkKind, OpenedSource, SourceError, SourceErrorKind, SourceKind, SourceMark};
use attune_audio::units::{SampleRate, Seconds};
use attune_engine::offline::HealthLine;
use attune_engine::smoothing::{AnswerState, SmoothingConfig};
use attune_engine::{
    Command, Engine, EngineConfig, EngineHandle, Event, HopResult, Pipeline, ResetCause, Snapshot, SourceControl,
    SourceOpener, SourceRequest,
};
use attune_model::ModelSet;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(super) const RATE: SampleRate = SampleRate(22_050);

/// Two seconds of two gliding tones each, then silence, then tones again.
pub(super) fn sound(rate: SampleRate, secs: f64) -> Vec<f32> {
    (0..(secs * rate.hz()) as usize)
        .map(|n| {
            let t = n as f64 / rate.hz();
            let on = if t % 5.0 < 4.0 { 0.4 } else { 0.0 };
            let glide = 200.0 + 1500.0 * (t * 0.7).sin().abs();
            (on * ((std::f64::consts::TAU * glide * t).sin() + 0.3 * (std::f64::consts::TAU * 3300.0 * t).sin())) as f32
        })
        .collect()
}

fn run(set: &ModelSet, rate: SampleRate, samples: &[f32], cuts: impl Iterator<Item = usize>) -> Vec<HopResult> {
    let mut pipeline = Pipeline::new(set, rate, SmoothingConfig::default()).unwrap();
    run_with(&mut pipeline, samples, cuts)
}

fn run_with(pipeline: &mut Pipeline, samples: &[f32], mut cuts: impl Iterator<Item = usize>) -> Vec<HopResult> {
    let mut hops = Vec::new();
    let mut rest = samples;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
        pipeline.push(now, &mut |hop| hops.push(*hop)).unwrap();
        rest = later;
    }
    pipeline.finish(&mut |hop| hops.push(*hop)).unwrap();
    hops
}

#[test]
fn how_samples_are_cut_makes_no_difference() {
    for rate in [RATE, SampleRate(48_000)] {
        let samples = sound(rate, 7.3);
        let whole = run(&three(), rate, &samples, std::iter::empty());
        assert!(whole.len() > 300);
        for cuts in [vec![1009], vec![441, 1, 4096, 7], vec![rate.0 as usize + 1]] {
            assert_eq!(
                run(&three(), rate, &samples, cuts.iter().copied().cycle()),
                whole,
                "{cuts:?} at {rate:?}"
            );
        }
        let states: Vec<_> = whole.iter().map(|hop| hop.column.decision.state).collect();
        assert!(states.contains(&AnswerState::Silence), "the gap is heard as one");
        assert_eq!(states[0], AnswerState::WarmingUp);
    }
}

#[test]
fn a_reset_forgets_everything_and_without_one_it_differs() {
    let samples = sound(RATE, 3.0);
    let mut pipeline = Pipeline::new(&three(), RATE, SmoothingConfig::default()).unwrap();
    let whole = run_with(&mut pipeline, &samples, std::iter::empty());
    pipeline.reset(Seconds(0.0));
    assert_eq!(run_with(&mut pipeline, &samples, std::iter::empty()), whole);
    pipeline.reset(Seconds(60.0));
    let later = run_with(&mut pipeline, &samples, std::iter::empty());
    assert_eq!(later[9].column.raw, whole[9].column.raw);
    assert!(
        (later[9].column.at.0 - whole[9].column.at.0 - 60.0).abs() < 1e-9,
        "stream time goes on from the base"
    );
    let mut pipeline = Pipeline::new(&three(), RATE, SmoothingConfig::default()).unwrap();
    pipeline.push(&samples[..10_240], &mut |_| {}).unwrap();
    let mut unlike = Vec::new();
    pipeline.push(&samples, &mut |hop| unlike.push(*hop)).unwrap();
    assert_ne!(unlike[0].column.raw, whole[0].column.raw);
}

#[test]
fn a_model_that_fails_is_switched_off_and_the_others_go_on() {
    for (fake, said) in [
        (Fake::FailsAt(40), "made to fail"),
        (Fake::NanAt(40), "NaN"),
        (Fake::PanicsAt(40), "made to panic"),
    ] {
        let set = models(&[("good", Fake::Bands { memory: 0.5 }), ("bad", fake)]);
        let mut pipeline = Pipeline::new(&set, RATE, SmoothingConfig::default()).unwrap();
        let samples = sound(RATE, 3.0);
        let hops = run_with(&mut pipeline, &samples, std::iter::repeat(512));
        let faults = pipeline.take_faults();
        assert_eq!(faults.len(), 1, "told once");
        assert_eq!(faults[0].model, 1);
        let message = faults[0].to_string();
        assert!(message.contains(said) && message.contains("bad"), "{message}");
        let last = hops.last().unwrap().column;
        assert!(last.raw[1].as_slice().is_empty());
        assert_eq!(last.ensemble, last.smoothed[0], "a failed engine has no voice");
        assert!(
            hops.iter()
                .all(|hop| hop.column.ensemble.as_slice().iter().all(|p| p.is_finite()))
        );
    }
}

/// Low tones, middle tones, low tones: seconds of each. To the gate of the fakes: music, speech, music.
fn interrupted_music(lengths: [f64; 3]) -> Vec<f32> {
    let mut samples = Vec::new();
    for (secs, tones) in lengths
        .into_iter()
        .zip([[310.0, 520.0], [2_000.0, 2_600.0], [310.0, 520.0]])
    {
        samples.extend((0..(secs * RATE.hz()) as usize).map(|n| {
            let t = n as f64 / RATE.hz();
            (0.2 * tones
                .iter()
                .map(|hz| (std::f64::consts::TAU * hz * t).sin())
                .sum::<f64>()) as f32
        }));
    }
    samples
}

fn with_gate(fake: Fake) -> ModelSet {
    ModelSet {
        gate: Some(gate(fake)),
        ..three()
    }
}

#[test]
fn speech_between_music_is_told_and_the_music_after_it_is_heard_as_new() {
    let set = with_gate(Fake::Bands { memory: 0.5 });
    let samples = interrupted_music([5.0, 6.0, 5.0]);
    let whole = run(&set, RATE, &samples, std::iter::empty());
    for cuts in [vec![1009], vec![441, 1, 4096, 7]] {
        assert_eq!(run(&set, RATE, &samples, cuts.into_iter().cycle()), whole);
    }
    let mut states: Vec<_> = whole.iter().map(|hop| hop.column.decision.state.name()).collect();
    let speech = states.iter().position(|state| *state == "speech").unwrap();
    let back = speech + whole[speech..].iter().position(|hop| hop.status.counted).unwrap();
    states.dedup();
    states.retain(|state| !["genre", "unsure"].contains(state));
    assert_eq!(states, ["warming_up", "speech", "warming_up"]);
    // Without a gate the engines hear the same until then, and remember the speech from there on.
    let open = run(&three(), RATE, &samples, std::iter::empty());
    assert!(
        whole[..back]
            .iter()
            .zip(&open)
            .all(|(a, b)| a.column.raw == b.column.raw)
    );
    assert_ne!(whole[back].column.raw, open[back].column.raw);
    // A short interruption lets them go on.
    let samples = interrupted_music([5.0, 2.0, 3.0]);
    let whole = run(&set, RATE, &samples, std::iter::repeat(3000));
    let open = run(&three(), RATE, &samples, std::iter::repeat(3000));
    assert!(whole.iter().any(|hop| hop.column.decision.state == AnswerState::Speech));
    assert!(whole.iter().zip(&open).all(|(a, b)| a.column.raw == b.column.raw));
}

#[test]
fn a_gate_that_fails_is_named_and_everything_counts_as_music() {
    let samples = interrupted_music([1.0, 4.0, 0.0]);
    let set = with_gate(Fake::NanAt(60));
    let mut pipeline = Pipeline::new(&set, RATE, SmoothingConfig::default()).unwrap();
    let hops = run_with(&mut pipeline, &samples, std::iter::repeat(512));
    let faults = pipeline.take_faults();
    assert_eq!((faults.len(), faults[0].model), (1, 3));
    assert!(faults[0].to_string().contains("gate"), "{}", faults[0]);
    assert!(hops.last().unwrap().status.counted && hops.last().unwrap().column.kinds.as_slice().is_empty());
}

#[test]
fn a_gate_needs_engines_beside_it_and_is_found_by_its_classes() {
    let fake = Fake::Bands { memory: 0.5 };
    let set = ModelSet::new(vec![gate(fake), model("one", fake)]).unwrap();
    assert_eq!((set.models.len(), set.gate.is_some(), set.genres.len()), (1, true, 10));
    let alone = ModelSet::new(vec![gate(fake)]).unwrap_err().to_string();
    assert!(alone.contains("name a model with genres too"), "{alone}");
    let two = ModelSet::new(vec![gate(fake), gate(fake), model("one", fake)]).unwrap_err();
    assert!(two.to_string().contains("2 models"), "{two}");
}

/// How many overruns the driver of a puppet device reports.
const XRUNS: u64 = 3;

/// A source in the hands of a test: it writes and marks what and when the test says.
struct Puppet {
    opened: OpenedSource,
    marks: Receiver<SourceMark>,
    fresh: Arc<Mutex<Option<SampleSink>>>,
}

impl SourceControl for Puppet {
    fn opened(&self) -> &OpenedSource {
        &self.opened
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        self.marks.try_recv().ok()
    }
    fn xruns(&self) -> u64 {
        if self.opened.kind == SourceKind::File { 0 } else { XRUNS }
    }
    fn seek(&mut self, _at: Seconds) -> Option<Result<SampleSource, SourceError>> {
        if self.opened.kind != SourceKind::File {
            return None;
        }
        let (sink, source) = ring(8 * RATE.0 as usize);
        *self.fresh.lock().unwrap() = Some(sink);
        Some(Ok(source))
    }
}

/// The strings of the puppets: each opening takes the next ring.
pub(super) struct Strings {
    pub(super) engine: EngineHandle,
    sinks: Receiver<(SampleSink, Sender<SourceMark>)>,
    fresh: Arc<Mutex<Option<SampleSink>>>,
    attempts: Arc<AtomicUsize>,
}

fn opened(kind: SourceKind) -> OpenedSource {
    OpenedSource {
        kind,
        host: "Test".to_owned(),
        name: "Puppet".to_owned(),
        id: "puppet".to_owned(),
        rate: RATE,
        channels: 1,
        format: "F32".to_owned(),
        buffer_frames: None,
        duration: (kind == SourceKind::File).then_some(Seconds(60.0)),
        output: None,
    }
}

fn gone() -> SourceError {
    SourceError::new(SourceErrorKind::DeviceGone, "Puppet was unplugged")
}

/// `refuse`: this many attempts fail after the first one.
pub(super) fn start(set: ModelSet, kind: SourceKind, refuse: usize) -> Strings {
    let (give, sinks) = unbounded();
    let fresh = Arc::new(Mutex::new(None));
    let attempts = Arc::new(AtomicUsize::new(0));
    let (for_opener, counted) = (Arc::clone(&fresh), Arc::clone(&attempts));
    let sources: SourceOpener = Arc::new(move |_request| {
        let attempt = counted.fetch_add(1, Ordering::SeqCst);
        if (1..=refuse).contains(&attempt) {
            return Err(gone());
        }
        let (sink, source) = ring(8 * RATE.0 as usize);
        let (mark, marks) = unbounded();
        give.send((sink, mark)).unwrap();
        let puppet = Puppet {
            opened: opened(kind),
            marks,
            fresh: Arc::clone(&for_opener),
        };
        Ok((Box::new(puppet) as Box<dyn SourceControl>, source))
    });
    let config = EngineConfig {
        models: set,
        smoothing: SmoothingConfig::default(),
        off: Vec::new(),
        sources,
    };
    let engine = Engine::start(config, || {}).unwrap();
    let request = match kind {
        SourceKind::File => SourceRequest::File {
            path: "puppet.wav".into(),
            pace: Pace::FlatOut,
        },
        _ => SourceRequest::Device {
            id: None,
            channel: None,
        },
    };
    engine.commands.send(Command::Open(request)).unwrap();
    Strings {
        engine,
        sinks,
        fresh,
        attempts,
    }
}

impl Strings {
    pub(super) fn sink(&self) -> (SampleSink, Sender<SourceMark>) {
        self.sinks
            .recv_timeout(Duration::from_secs(10))
            .expect("the engine opens the source")
    }

    /// The next event, decisions left out.
    pub(super) fn event(&self) -> Event {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            match self.engine.events.recv_deadline(deadline).expect("an event was due") {
                Event::Decided { .. } => {}
                event => return event,
            }
        }
    }

    pub(super) fn expect_open(&self, cause: ResetCause) {
        assert!(matches!(self.event(), Event::Opened(_)));
        assert_eq!(
            self.event(),
            Event::Reset {
                cause,
                at: Seconds(0.0)
            }
        );
    }

    /// Waits until the newest picture is as wanted.
    pub(super) fn until(&mut self, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let snapshot = self.engine.snapshots.read();
            if wanted(snapshot) {
                return snapshot.clone();
            }
            assert!(
                Instant::now() < deadline,
                "the wanted picture never came; newest: {:?}",
                snapshot.transport
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn the_worker_gives_what_the_pipeline_gives() {
    let samples = sound(RATE, 4.0);
    let mut whole = Vec::new();
    let mut pipeline = Pipeline::new(&three(), RATE, SmoothingConfig::default()).unwrap();
    pipeline.push(&samples, &mut |hop| whole.push(*hop)).unwrap();
    let mut strings = start(three(), SourceKind::File, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    for block in samples.chunks(1003) {
        sink.write(block);
    }
    let frames = whole.len() as u64;
    let snapshot = strings.until(|snapshot| snapshot.frames == frames);
    assert!(frames <= 256, "all columns are still there");
    for hop in &whole {
        assert_eq!(snapshot.column(hop.column.frame.0), Some(&hop.column));
    }
    assert_eq!(snapshot.health.samples_lost, 0);
    assert!((snapshot.transport.position.0 - 4.0).abs() < 1e-6);
    let attention = &snapshot.attention;
    assert_eq!(
        (
            attention.model,
            attention.newest.0 + 1,
            attention.layers,
            attention.heads
        ),
        (2, frames, 2, 2)
    );
    let total: f32 = attention.pooling[..attention.frames].iter().sum();
    assert!((total - 1.0).abs() < 1e-4, "{total}");
    let evidence = &snapshot.evidence;
    assert_eq!((evidence.model, evidence.map.newest.0 + 1), (2, frames));
    assert_eq!(evidence.map.logits(), whole[whole.len() - 1].logits[2].as_slice());
}

#[test]
fn evidence_counts_the_frames_of_the_columns_and_goes_with_a_reset() {
    let mut pipeline_set = three();
    pipeline_set.models.truncate(2);
    let samples = sound(RATE, 3.0);
    for (set, has_evidence) in [(three(), true), (pipeline_set, false)] {
        let mut strings = start(set, SourceKind::File, 0);
        let (mut sink, marks) = strings.sink();
        strings.expect_open(ResetCause::Opened);
        let (at, kind) = (samples.len() as u64 / 2, MarkKind::Looped);
        marks.send(SourceMark { at, kind }).unwrap();
        sink.write(&samples);
        let snapshot = strings.until(|snapshot| snapshot.epoch > 1 && snapshot.frames > 50);
        let map = &snapshot.evidence.map;
        assert_eq!(!map.units.is_empty(), has_evidence);
        if has_evidence {
            assert_eq!((map.newest.0 + 1, map.first.0), (snapshot.frames, 0));
        }
    }
}

#[test]
fn an_end_a_loop_and_a_seek_each_do_what_they_say() {
    let samples = sound(RATE, 2.0);
    let mut strings = start(three(), SourceKind::File, 0);
    let (mut sink, marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    let half = samples.len() as u64 / 2;
    marks
        .send(SourceMark {
            at: half,
            kind: MarkKind::Looped,
        })
        .unwrap();
    marks
        .send(SourceMark {
            at: samples.len() as u64,
            kind: MarkKind::Ended,
        })
        .unwrap();
    sink.write(&samples);
    assert_eq!(
        strings.event(),
        Event::Reset {
            cause: ResetCause::Looped,
            at: Seconds(0.0)
        }
    );
    assert_eq!(strings.event(), Event::Ended);
    let snapshot = strings.until(|snapshot| !snapshot.transport.playing);
    // Exactly the second half, from a fresh state.
    let mut pipeline = Pipeline::new(&three(), RATE, SmoothingConfig::default()).unwrap();
    let whole = run_with(&mut pipeline, &samples[half as usize..], std::iter::empty());
    assert_eq!(snapshot.frames, whole.len() as u64);
    assert_eq!(snapshot.column(20), Some(&whole[20].column));
    strings.engine.commands.send(Command::Seek(Seconds(30.0))).unwrap();
    assert_eq!(
        strings.event(),
        Event::Reset {
            cause: ResetCause::Sought,
            at: Seconds(30.0)
        }
    );
    strings.engine.commands.send(Command::Play).unwrap();
    let mut fresh = strings
        .fresh
        .lock()
        .unwrap()
        .take()
        .expect("the seek made a fresh ring");
    fresh.write(&samples);
    let sought = strings.until(|snapshot| snapshot.frames > 40);
    assert!(sought.epoch > snapshot.epoch);
    let at = sought.column(0).unwrap().at.0;
    assert!((at - 30.0 - 2048.0 / 22_050.0).abs() < 1e-9, "{at}");
    strings.engine.commands.send(Command::Seek(Seconds(f64::NAN))).unwrap();
    assert_eq!(
        strings.event(),
        Event::Reset {
            cause: ResetCause::Sought,
            at: Seconds(0.0)
        }
    );
    strings.engine.commands.send(Command::Seek(Seconds(1e9))).unwrap();
    assert_eq!(
        strings.event(),
        Event::Reset {
            cause: ResetCause::Sought,
            at: Seconds(60.0)
        },
        "clamped to the file"
    );
}

#[test]
fn a_lost_device_is_told_once_and_reopened_afresh() {
    let mut strings = start(three(), SourceKind::Microphone, 2);
    let (mut sink, marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    let silent = Instant::now();
    sink.write(&sound(RATE, 0.5));
    let health = strings.until(|snapshot| snapshot.frames > 10).health;
    assert_eq!((health.xruns, health.missed), (XRUNS, Seconds(0.0)));
    marks
        .send(SourceMark {
            at: 0,
            kind: MarkKind::Lost(gone()),
        })
        .unwrap();
    let event = strings.event();
    assert!(
        matches!(&event, Event::SourceFailed { message, retrying: true, .. } if message.contains("unplugged")),
        "{event:?}"
    );
    // Two attempts fail with the same words, which are not said again; the third succeeds.
    let waiting = strings.until(|snapshot| snapshot.health.missed.0 > 0.2);
    assert!(
        !waiting.transport.playing && waiting.transport.position.0 > 0.6,
        "{:?}",
        waiting.transport
    );
    let Event::Reconnected { missed, .. } = strings.event() else {
        panic!("it comes back");
    };
    // The attempts come after 0.5, 1 and 2 s.
    let outage = silent.elapsed().as_secs_f64();
    assert!((3.5..=outage).contains(&missed.0), "{missed:?} of {outage} s");
    let Event::Reset {
        cause: ResetCause::Reconnected,
        at,
    } = strings.event()
    else {
        panic!("all states are reset");
    };
    assert!(
        (at.0 - 0.5 - missed.0).abs() < 0.01,
        "half a second was heard before: {at:?}, {missed:?}"
    );
    assert_eq!(strings.attempts.load(Ordering::SeqCst), 4);
    let (mut sink, _marks) = strings.sink();
    sink.write(&sound(RATE, 1.0));
    let back = strings.until(|snapshot| snapshot.frames > 20);
    assert!(back.continues && back.column(0).is_some_and(|column| column.at.0 > at.0));
    let health = back.health;
    assert!((health.missed.0 - missed.0).abs() < 1e-6, "it grows no more");
    assert_eq!(health.xruns, 2 * XRUNS, "overruns count on across a reconnection");
    let line = serde_json::to_value(HealthLine::new(Seconds(1.0), &health)).unwrap();
    assert_eq!(line["xruns"], 2 * XRUNS, "{line}");
    assert!((line["missed_s"].as_f64().unwrap() - missed.0).abs() < 1e-3, "{line}");
}

#[test]
fn a_source_that_cannot_be_opened_leaves_what_is_open_and_one_that_can_takes_its_place() {
    let mut strings = start(three(), SourceKind::Microphone, 1);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 0.5));
    let before = strings.until(|snapshot| snapshot.frames > 10);
    let open = |name: &str| {
        Command::Open(SourceRequest::File {
            path: name.into(),
            pace: Pace::FlatOut,
        })
    };
    strings.engine.commands.send(open("gone.wav")).unwrap();
    let event = strings.event();
    assert!(
        matches!(&event, Event::OpenFailed { message, remedy } if message.contains("unplugged") && !remedy.is_empty()),
        "{event:?}"
    );
    sink.write(&sound(RATE, 0.5));
    let after = strings.until(|snapshot| snapshot.frames > before.frames + 10);
    assert_eq!(after.epoch, before.epoch, "the session goes on");
    strings.engine.commands.send(open("there.wav")).unwrap();
    strings.expect_open(ResetCause::Opened);
    let (mut sink, _marks) = strings.sink();
    sink.write(&sound(RATE, 0.5));
    assert!(
        strings
            .until(|snapshot| snapshot.epoch != before.epoch && snapshot.frames > 10)
            .frames
            > 10
    );
}

#[test]
fn a_lost_device_is_tried_again_after_another_source_could_not_be_opened() {
    let mut strings = start(three(), SourceKind::Microphone, 1);
    let (mut sink, marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    sink.write(&sound(RATE, 0.5));
    strings.until(|snapshot| snapshot.frames > 10);
    let kind = MarkKind::Lost(gone());
    marks.send(SourceMark { at: 0, kind }).unwrap();
    let event = strings.event();
    assert!(
        matches!(&event, Event::SourceFailed { retrying: true, .. }),
        "{event:?}"
    );
    let file = SourceRequest::File {
        path: "gone.wav".into(),
        pace: Pace::FlatOut,
    };
    strings.engine.commands.send(Command::Open(file)).unwrap();
    let event = strings.event();
    assert!(matches!(&event, Event::OpenFailed { .. }), "{event:?}");
    let event = strings.event();
    assert!(
        matches!(&event, Event::Reconnected { missed, .. } if missed.0 > 0.4),
        "{event:?}"
    );
}

/// A file that remembers its pace.
struct Paced(OpenedSource, Arc<Mutex<Option<Pace>>>);

impl SourceControl for Paced {
    fn opened(&self) -> &OpenedSource {
        &self.0
    }
    fn next_mark(&mut self) -> Option<SourceMark> {
        None
    }
    fn set_pace(&mut self, pace: Pace) {
        *self.1.lock().unwrap() = Some(pace);
    }
}

#[test]
fn a_pace_set_while_a_file_is_being_opened_is_its_pace() {
    let (release, held) = unbounded::<()>();
    let (asked, asks) = unbounded();
    let paces: Arc<Mutex<Option<Pace>>> = Arc::default();
    let kept = Arc::clone(&paces);
    let (give, sinks) = unbounded();
    let sources: SourceOpener = Arc::new(move |_| {
        asked.send(()).unwrap();
        held.recv().unwrap();
        *kept.lock().unwrap() = None;
        let (sink, source) = ring(RATE.0 as usize);
        give.send(sink).unwrap();
        let file = Paced(opened(SourceKind::File), Arc::clone(&kept));
        Ok((Box::new(file) as Box<dyn SourceControl>, source))
    });
    let config = EngineConfig {
        models: three(),
        smoothing: SmoothingConfig::default(),
        off: Vec::new(),
        sources,
    };
    let engine = Engine::start(config, || {}).unwrap();
    let wait = Duration::from_secs(30);
    // The first file, and one in its place.
    for times in [2.0, 4.0] {
        let request = SourceRequest::File {
            path: "puppet.wav".into(),
            pace: Pace::FlatOut,
        };
        engine.commands.send(Command::Open(request)).unwrap();
        asks.recv_timeout(wait).unwrap();
        engine.commands.send(Command::SetPace(Pace::Times(times))).unwrap();
        // Commands are followed in order: after the answer to this one, the pace is set.
        let slip = SmoothingConfig {
            enter: 9.0,
            ..SmoothingConfig::default()
        };
        engine.commands.send(Command::SetSmoothing(slip)).unwrap();
        while !matches!(engine.events.recv_timeout(wait).unwrap(), Event::Warning { .. }) {}
        release.send(()).unwrap();
        while !matches!(engine.events.recv_timeout(wait).unwrap(), Event::Opened(_)) {}
        assert_eq!(*paces.lock().unwrap(), Some(Pace::Times(times)));
    }
    drop(sinks);
}

#[test]
fn hanging_sources_do_not_keep_commands_or_the_end_waiting() {
    let (release, held) = unbounded::<()>();
    let sources: SourceOpener = Arc::new(move |_| {
        // As long as the test lives.
        let _ = held.recv();
        Err(gone())
    });
    let config = EngineConfig {
        models: three(),
        smoothing: SmoothingConfig::default(),
        off: Vec::new(),
        sources,
    };
    let engine = Engine::start(config, || {}).unwrap();
    let open = Command::Open(SourceRequest::Device {
        id: None,
        channel: None,
    });
    engine.commands.send(open.clone()).unwrap();
    let slip = SmoothingConfig {
        enter: 9.0,
        ..SmoothingConfig::default()
    };
    engine.commands.send(Command::SetSmoothing(slip)).unwrap();
    let event = engine.events.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(
        matches!(&event, Event::Warning { message, .. } if message.contains("enter is 9")),
        "{event:?}"
    );
    engine.commands.send(open).unwrap();
    let began = Instant::now();
    drop(engine);
    assert!(began.elapsed() < Duration::from_secs(10));
    drop(release);
}

#[test]
fn no_event_is_dropped_and_an_unread_queue_does_not_keep_the_end_waiting() {
    let strings = start(three(), SourceKind::Microphone, 0);
    let slip = SmoothingConfig {
        enter: 9.0,
        ..SmoothingConfig::default()
    };
    // More than the queue of events holds.
    for _ in 0..400 {
        strings.engine.commands.send(Command::SetSmoothing(slip)).unwrap();
    }
    let mut warnings = 0;
    while warnings < 400 {
        warnings += usize::from(matches!(strings.event(), Event::Warning { .. }));
    }
    for _ in 0..1000 {
        strings.engine.commands.send(Command::SetSmoothing(slip)).unwrap();
    }
    let began = Instant::now();
    drop(strings);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_failing_model_is_told_and_can_be_switched_on_again() {
    let set = models(&[("good", Fake::Bands { memory: 0.5 }), ("bad", Fake::FailsAt(20))]);
    let mut strings = start(set, SourceKind::File, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    let samples = sound(RATE, 1.0);
    sink.write(&samples);
    assert!(matches!(strings.event(), Event::ModelFailed { model: 1, .. }));
    strings.until(|snapshot| snapshot.frames > 30 && !snapshot.models[1].enabled && snapshot.models[0].enabled);
    strings
        .engine
        .commands
        .send(Command::EnableModel { model: 1, on: true })
        .unwrap();
    strings
        .engine
        .commands
        .send(Command::EnableModel { model: 7, on: true })
        .unwrap();
    strings.until(|snapshot| snapshot.models[1].enabled);
    sink.write(&samples);
    assert!(
        matches!(strings.event(), Event::ModelFailed { model: 1, .. }),
        "it counts from where it came back"
    );
}

#[test]
fn a_paced_source_has_a_latency_and_a_load() {
    let mut strings = start(three(), SourceKind::Monitor, 0);
    let (mut sink, _marks) = strings.sink();
    strings.expect_open(ResetCause::Opened);
    for block in sound(RATE, 1.2).chunks(220) {
        sink.write(block);
        std::thread::sleep(Duration::from_millis(10));
    }
    let snapshot = strings.until(|snapshot| snapshot.frames > 40);
    let health = snapshot.health;
    assert!(
        health.latency_p50_ms > 0.0 && health.latency_p50_ms <= health.latency_p99_ms,
        "{health:?}"
    );
    // The worker looks every 4 ms; a machine with other work may let it wait for some scheduler slices more.
    assert!(health.latency_p50_ms < 250.0, "{health:?}");
    assert!(health.load > 0.0, "{health:?}");
    assert_eq!(health.samples_lost, 0);
    assert!(snapshot.models[0].step_us > 0.0 && snapshot.models[0].step_us <= snapshot.models[0].step_p99_us);
}
