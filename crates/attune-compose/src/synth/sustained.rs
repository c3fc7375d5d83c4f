//! Bowed, blown and keyed sounds that last as long as they are held: one period in a table, read at the pitch.
//!
//! In: a note. Out: samples added. Thread: any.

use super::filter::OnePole;
use super::{Voice, hz_of_key};
use crate::instrument::Instrument;
use crate::score::Note;
use rand::RngExt;
use std::collections::BTreeMap;

const TABLE: usize = 2048;

/// Tables of one part, by key.
#[derive(Default)]
pub(super) struct Tables(BTreeMap<u8, Vec<f32>>);

/// What all notes of an instrument share.
struct Kind {
    attack_secs: f64,
    release_secs: f64,
    /// Depth of vibrato, in cents.
    vibrato_cents: f64,
    /// Voices beside the first, each detuned.
    others: usize,
    level: f64,
}

fn kind_of(instrument: Instrument) -> Kind {
    let (attack_secs, release_secs, vibrato_cents, others, level) = match instrument {
        Instrument::Organ => (0.012, 0.04, 6.0, 0, 0.16),
        Instrument::Strings => (0.12, 0.2, 8.0, 2, 0.14),
        Instrument::Violin => (0.06, 0.08, 22.0, 0, 0.25),
        Instrument::Flute => (0.05, 0.06, 12.0, 0, 0.3),
        Instrument::Trumpet => (0.03, 0.05, 8.0, 0, 0.22),
        _ => (0.035, 0.06, 14.0, 0, 0.22),
    };
    Kind {
        attack_secs,
        release_secs,
        vibrato_cents,
        others,
        level,
    }
}

/// Amplitude of harmonic n, from 1.
fn harmonic(instrument: Instrument, n: usize, hz: f64) -> f64 {
    let order = n as f64;
    match instrument {
        Instrument::Organ => [1.0, 0.8, 0.55, 0.5, 0.0, 0.3, 0.0, 0.35]
            .get(n - 1)
            .copied()
            .unwrap_or(0.0),
        Instrument::Flute => 0.9_f64.powf(order - 1.0) * order.powf(-2.2),
        // A formant near 1.1 kHz, whatever the key.
        Instrument::Trumpet => 0.3 / order + (-((order * hz / 1_100.0).ln() / 0.8).powi(2)).exp(),
        // Odd harmonics first, as of a reed.
        Instrument::Saxophone => order.powf(-1.1) * if n.is_multiple_of(2) { 0.55 } else { 1.0 },
        Instrument::Violin => order.powf(-0.9) * (1.0 + (-((order * hz / 2_600.0).ln() / 0.5).powi(2)).exp()),
        _ => order.powf(-1.15),
    }
}

/// One period of all harmonics that the rate has room for, at a mean power of ½.
fn table(key: u8, voice: &Voice<'_>) -> Vec<f32> {
    let hz = hz_of_key(key);
    let sine: Vec<f64> = (0..TABLE)
        .map(|k| (std::f64::consts::TAU * k as f64 / TABLE as f64).sin())
        .collect();
    let highest = ((0.45 * voice.rate_hz / hz) as usize).clamp(1, 40);
    let mut period = vec![0.0; TABLE];
    let mut power = 0.0;
    for n in 1..=highest {
        let even = if n.is_multiple_of(2) { voice.build.even } else { 1.0 };
        let amplitude = harmonic(voice.instrument, n, hz) * even * (n as f64).powf(-voice.build.tilt);
        power += amplitude * amplitude / 2.0;
        // Phases that differ keep the peak low; by n² they differ for every harmonic.
        let phase = n * n * 37;
        for (k, sample) in period.iter_mut().enumerate() {
            *sample += amplitude * sine[(n * k + phase) % TABLE];
        }
    }
    let gain = (0.5 / power).sqrt();
    period.iter().map(|x| (x * gain) as f32).collect()
}

pub(super) fn add(room: &mut [f32], note: &Note, voice: &mut Voice<'_>, tables: &mut Tables) {
    let kind = kind_of(voice.instrument);
    let period = tables.0.entry(note.key).or_insert_with(|| table(note.key, voice));
    let build = voice.build;
    let attack = (kind.attack_secs * build.attack).min(0.6 * note.seconds.max(0.02));
    let (held, release) = (voice.samples(note.seconds), voice.samples(kind.release_secs));
    let count = (held + release).min(room.len());
    let ramps = Ramps {
        rise: 1.0 / (attack * voice.rate_hz).max(1.0) as f32,
        held,
        fall: 1.0 / release.max(1) as f32,
    };
    let level = (kind.level * note.velocity) as f32;
    let detunes = (0..=kind.others).map(|other| build.detune_cents * [0.0, 1.0, -1.0][other]);
    for cents in detunes {
        let speed = hz_of_key(note.key) * (cents / 1200.0).exp2() * TABLE as f64 / voice.rate_hz;
        let turn = std::f64::consts::TAU * build.vibrato_hz / voice.rate_hz;
        let depth = kind.vibrato_cents / 1200.0 * std::f64::consts::LN_2;
        let mut at: f64 = voice.rng.random_range(0.0..TABLE as f64);
        let share = level / (kind.others + 1) as f32;
        // Vibrato by rotation, a sine and its cosine: no call for each sample.
        let (mut sine, mut cosine) = (0.0_f64, 1.0_f64);
        let (step_sine, step_cosine) = turn.sin_cos();
        for (n, sample) in room[..count].iter_mut().enumerate() {
            let index = at as usize;
            let between = (at - index as f64) as f32;
            let (here, next) = (period[index % TABLE], period[(index + 1) % TABLE]);
            *sample += share * ramps.at(n) * (here + between * (next - here));
            at += speed * (1.0 + depth * sine);
            if at >= TABLE as f64 {
                at -= TABLE as f64;
            }
            (sine, cosine) = (
                sine * step_cosine + cosine * step_sine,
                cosine * step_cosine - sine * step_sine,
            );
        }
    }
    if voice.instrument != Instrument::Organ {
        breathe(&mut room[..count], level * build.noise as f32, &ramps, voice);
    }
}

/// Breath or bow.
fn breathe(room: &mut [f32], level: f32, ramps: &Ramps, voice: &mut Voice<'_>) {
    let mut filter = OnePole::low_pass(4_000.0, voice.rate_hz);
    for (n, sample) in room.iter_mut().enumerate() {
        *sample += level * ramps.at(n) * filter.push(voice.rng.random_range(-1.0..1.0));
    }
}

/// Rises to 1, stays, falls when the note ends.
struct Ramps {
    rise: f32,
    held: usize,
    fall: f32,
}

impl Ramps {
    fn at(&self, n: usize) -> f32 {
        let risen = (n as f32 * self.rise).min(1.0);
        if n < self.held {
            risen
        } else {
            risen * (1.0 - (n - self.held) as f32 * self.fall).max(0.0)
        }
    }
}
