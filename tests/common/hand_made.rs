//! Hand-made pictures of an engine, and the engine's side of the window's channels: everything a panel can show,
//! without sound, models or threads.

use attune::ui::EngineLink;
use attune::ui::{ConvolutionsLabel, ModelInfo, ModelLabel};
use attune_audio::capture::{DeviceInfo, DeviceKind};
use attune_audio::features::FrontEndSpec;
use attune_audio::source::{OpenedSource, SourceKind};
use attune_audio::units::{Decibels, FrameIndex, SampleRate, Seconds};
use attune_engine::smoothing::{AnswerState, Decision, Reason};
use attune_engine::{
    AttentionSnapshot, Column, Command, Event, MAX_ATTENTION_FRAMES, MAX_HEADS, RECENT_COLUMNS, Snapshot,
};
use attune_model::ModelSet;
use attune_model::architecture::Dilated;
use attune_model::genre::{GenreId, GenreSet, Probabilities};
use crossbeam_channel::{Receiver, Sender, bounded};

/// The engine's side of the channels.
pub(crate) struct Stage {
    pub commands: Receiver<Command>,
    pub events: Sender<Event>,
    pub snapshots: triple_buffer::Input<Snapshot>,
}

/// A stage, and the window's side of it.
pub(crate) fn stage() -> (Stage, EngineLink) {
    let (order, commands) = bounded(64);
    let (events, happened) = bounded(64);
    let (snapshots, newest) = triple_buffer::triple_buffer(&silent());
    let stage = Stage {
        commands,
        events,
        snapshots,
    };
    let link = EngineLink {
        commands: order,
        events: happened,
        snapshots: newest,
        worker: None,
    };
    (stage, link)
}

/// Three engines, one of which attends.
pub(crate) fn model_info() -> ModelInfo {
    let engines = [
        ("LSTM", 412_000, None),
        ("TCN", 655_360, None),
        ("Attention", 871_234, Some(430)),
    ]
    .map(|(name, weight_count, attention_context)| ModelLabel {
        name: name.to_owned(),
        weight_count,
        optional: false,
        attention_context,
    })
    .to_vec();
    ModelInfo {
        genres: GenreSet::gtzan(),
        models: engines,
        front_end: FrontEndSpec::default(),
        scores: false,
        words: true,
        recurrent: vec![(0, true)],
        convolutions: Some(ConvolutionsLabel {
            model: 1,
            name: "TCN".to_owned(),
            layers: [(5, 1), (3, 1), (3, 1), (3, 2), (3, 2), (3, 4), (3, 4), (3, 8), (3, 8)]
                .map(|(taps, dilation)| Dilated { taps, dilation })
                .to_vec(),
        }),
    }
}

/// Before anything was heard.
pub(crate) fn silent() -> Snapshot {
    let models = ModelSet {
        front_end: FrontEndSpec::default(),
        genres: GenreSet::gtzan(),
        models: Vec::new(),
        gate: None,
        sections: None,
        surprise: None,
    };
    let mut snapshot = Snapshot::empty(&models);
    snapshot.model_count = 3;
    for engine in &mut snapshot.models[..3] {
        engine.enabled = true;
    }
    snapshot
}

/// A file of 65 s, `frames` frames into it.
pub(crate) fn playing(frames: u64) -> Snapshot {
    let mut snapshot = silent();
    let hop = snapshot.hop.0;
    snapshot.sequence = frames;
    snapshot.epoch = 1;
    snapshot.frames = frames;
    for frame in frames.saturating_sub(RECENT_COLUMNS as u64)..frames {
        snapshot.recent[frame as usize % RECENT_COLUMNS] = column(frame, hop);
    }
    let newest = column(frames - 1, hop);
    snapshot.decision = newest.decision;
    snapshot.ensemble = newest.ensemble;
    snapshot.agreement = 2.0 / 3.0;
    for (engine, state) in snapshot.models[..3].iter_mut().enumerate() {
        state.smoothed = newest.smoothed[engine];
        state.raw = newest.smoothed[(engine + 1) % 3];
        state.step_us = [48.2, 61.7, 204.9][engine];
        state.step_p99_us = [71.0, 96.0, 412.0][engine];
    }
    snapshot.peak = Decibels(-6.2);
    snapshot.rms = Decibels(-18.4);
    snapshot.attention = attention(frames);
    snapshot.health.load = 0.034;
    snapshot.health.latency_p50_ms = 21.3;
    snapshot.health.latency_p99_ms = 33.8;
    snapshot.health.ring_fill = 0.02;
    snapshot.transport.playing = true;
    snapshot.transport.position = Seconds(frames as f64 * hop);
    snapshot.transport.duration = Seconds(65.0);
    snapshot
}

/// The same, of an attention model whose answer is a sum over time: what sounded 3 s ago speaks for the leading genre,
/// what sounded 6 s ago against it.
#[allow(dead_code, reason = "not every test binary has a window")]
pub(crate) fn playing_evidence(frames: u64) -> Snapshot {
    let mut snapshot = playing(frames);
    let hop = snapshot.hop.0;
    let newest = frames - 1;
    let genre = usize::from(snapshot.ensemble.top().0.0);
    let map = &mut snapshot.evidence.map;
    (map.newest, map.local, map.classes) = (FrameIndex(newest), 16, 10);
    // A unit every four frames, over the last ten seconds.
    for unit in (newest.saturating_sub(430)..=newest).filter(|frame| frame % 4 == 0) {
        let back = (newest - unit) as f64 * hop;
        let bump = |at: f64| (-((back - at) / 0.5).powi(2)).exp();
        let mut evidence = [0.0; 10];
        evidence[genre] = (3.0 * bump(3.0) - 2.0 * bump(6.0)) as f32;
        map.units.push(FrameIndex(unit));
        map.evidence.extend_from_slice(&evidence);
    }
    map.weights = vec![1.0 / map.units.len() as f32; map.units.len()];
    snapshot.evidence.model = snapshot.attention.model;
    snapshot
}

/// Which genre leads at a time: another one every 14 s.
fn leader(at: f64) -> u8 {
    [1, 6, 5, 8, 3][(at / 14.0) as usize % 5]
}

fn shares(at: f64, engine: usize) -> Probabilities {
    let mut logits = [0.0_f32; 10];
    for (genre, logit) in logits.iter_mut().enumerate() {
        *logit = (0.9 * (at * 0.31 + genre as f64 * 1.7 + engine as f64 * 0.6).sin()) as f32;
    }
    // A change is heard over two seconds, as the smoothing has it.
    let into = (at % 14.0 / 2.0).min(1.0) as f32;
    logits[usize::from(leader(at))] += 3.1 * into;
    if at >= 14.0 {
        logits[usize::from(leader(at - 14.0))] += 3.1 * (1.0 - into);
    }
    Probabilities::softmax(&logits, 1.0)
}

fn column(frame: u64, hop: f64) -> Column {
    let at = frame as f64 * hop;
    let mut column = Column::empty(10);
    column.frame = FrameIndex(frame);
    column.at = Seconds(at);
    for (band, level) in column.mel_db.iter_mut().enumerate() {
        *level = level_of(at, band, frame);
    }
    column.level = Decibels(-18.4);
    for engine in 0..3 {
        column.smoothed[engine] = shares(at, engine);
        column.raw[engine] = column.smoothed[engine];
    }
    let mut ensemble = [0.0; 10];
    for share in &column.smoothed[..3] {
        for (sum, p) in ensemble.iter_mut().zip(share.as_slice()) {
            *sum += p / 3.0;
        }
    }
    column.ensemble = Probabilities::from_slice(&ensemble);
    let (best, confidence) = column.ensemble.top();
    let (state, reason) = if at < 1.0 {
        let reason = Reason::TooLittleSound {
            audible: Seconds(at),
            needed: Seconds(1.0),
        };
        (AnswerState::WarmingUp, reason)
    } else if confidence < 0.4 {
        let reason = Reason::BelowThreshold {
            best,
            confidence,
            threshold: 0.4,
        };
        (AnswerState::Unsure, reason)
    } else {
        (AnswerState::Genre(best), Reason::Confident { threshold: 0.4 })
    };
    column.decision = Decision {
        state,
        confidence,
        reason,
        since: Seconds((at / 14.0).floor() * 14.0),
    };
    column
}

/// Something like music: four chords of harmonics, a beat twice a second, a hiss.
fn level_of(at: f64, band: usize, frame: u64) -> f32 {
    let root = [7.0, 9.5, 5.5, 8.2][(at / 2.0) as usize % 4];
    let fade = (-(at % 2.0) * 0.9).exp();
    let tone: f64 = (1..9)
        .map(|harmonic| {
            let centre = root * f64::from(harmonic) * 0.92;
            let off = (band as f64 - centre) / 0.8;
            (-off * off).exp() * fade / f64::from(harmonic).sqrt()
        })
        .sum();
    let beat = (-(at % 0.5) * 14.0).exp() * (-(band as f64) / 22.0).exp();
    let hat = (-((at + 0.25) % 0.5) * 24.0).exp() * (band as f64 / 128.0).powi(2) * 0.5;
    let noise = f64::from((frame.wrapping_mul(2_654_435_761) ^ (band as u64).wrapping_mul(40_503)) as u8) / 255.0;
    let power = 1e-7 + 1.5e-6 * noise + 0.02 * tone + 0.08 * beat + 0.01 * hat;
    (10.0 * power.log10()) as f32
}

/// Attention of a model with four layers of four heads and 10 s of context.
fn attention(frames: u64) -> AttentionSnapshot {
    let mut attention = AttentionSnapshot::empty();
    let reach = (frames as usize).min(430);
    attention.model = 2;
    attention.newest = FrameIndex(frames - 1);
    attention.frames = reach;
    attention.layers = 4;
    attention.heads = 4;
    let now = frames as f64 * 0.02322;
    fill(&mut attention.pooling, reach, |back| {
        let beat = (-((now - back).rem_euclid(0.5)) * 6.0).exp();
        (0.15 + beat) * (-back / 4.0).exp()
    });
    for layer in 0..4 {
        for head in 0..4 {
            let reach_back = [0.15, 0.6, 2.0, 6.0][head] * (1.0 + layer as f64);
            fill(&mut attention.maps[layer * MAX_HEADS + head], reach, |back| {
                let beat = (-((now - back).rem_euclid(0.5)) * 9.0).exp();
                let echo = (-((back - 2.0 * layer as f64) / 0.3).powi(2)).exp();
                let mix = layer as f64 / 3.0;
                (1.0 - mix) * (-back / reach_back).exp() + mix * (0.3 * beat + echo * head as f64 / 3.0) + 0.002
            });
        }
    }
    attention
}

fn fill(row: &mut [f32; MAX_ATTENTION_FRAMES], reach: usize, weight: impl Fn(f64) -> f64) {
    for (i, value) in row[..reach].iter_mut().enumerate() {
        *value = weight((reach - 1 - i) as f64 * 0.02322) as f32;
    }
    let total: f32 = row[..reach].iter().sum();
    row[..reach].iter_mut().for_each(|value| *value /= total);
}

/// A file that is open.
pub(crate) fn open_file() -> OpenedSource {
    OpenedSource {
        kind: SourceKind::File,
        host: "ogg vorbis".to_owned(),
        name: "Attune demo.ogg".to_owned(),
        id: "/music/Attune demo.ogg".to_owned(),
        rate: SampleRate(44_100),
        channels: 2,
        format: "F32".to_owned(),
        buffer_frames: None,
        duration: Some(Seconds(65.0)),
        output: Some("Built-in Audio".to_owned()),
    }
}

/// Two devices to listen to and one that only plays.
pub(crate) fn devices() -> Vec<DeviceInfo> {
    [
        ("mic", "Built-in microphone", DeviceKind::Microphone, true),
        ("mon", "Monitor of Built-in Audio", DeviceKind::Monitor, false),
        ("out", "Built-in Audio", DeviceKind::Output, true),
    ]
    .map(|(id, name, kind, default)| DeviceInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        host: "PulseAudio".to_owned(),
        kind,
        channels: 2,
        rates_hz: vec![48_000],
        default,
    })
    .to_vec()
}

/// The genre of the hand-made file at a time.
pub(crate) fn leading_genre(at: f64) -> GenreId {
    GenreId(leader(at))
}
