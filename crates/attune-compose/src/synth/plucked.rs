//! Plucked strings: a burst of noise in a loop that damps it (Karplus & Strong 1983), with a fractional delay for the
//! pitch (Jaffe & Smith 1983).
//!
//! In: a note. Out: samples added. Thread: any.

use super::filter::OnePole;
use super::{Voice, hz_of_key};
use crate::instrument::Instrument;
use crate::score::Note;
use rand::RngExt;

/// Seconds in which a muted string falls to 1/e.
const MUTE_SECS: f64 = 0.03;

/// What a string is like.
struct StringKind {
    /// Seconds to 1/e at the lowest key.
    ring: f64,
    /// Share of the sample before in the loop's low pass, 0 to 0.5: duller.
    dullness: f64,
    /// Edge of the noise that it is plucked with.
    pick_hz: f64,
    level: f64,
}

fn kind_of(voice: &Voice<'_>, velocity: f64) -> StringKind {
    let build = voice.build;
    let bright = (-1.5 * build.tilt).exp2();
    let (ring, dullness, pick_hz, level) = match voice.instrument {
        Instrument::Bass => (1.2, 0.45, 900.0, 0.9),
        Instrument::DistortedGuitar => (2.5, 0.3, 3_500.0, 0.5),
        _ => (1.4, 0.35, 3_000.0, 0.55),
    };
    StringKind {
        ring: ring * build.ring,
        dullness: (dullness / bright.sqrt()).clamp(0.05, 0.5),
        pick_hz: pick_hz * bright * (0.5 + velocity),
        level: level * velocity,
    }
}

pub(super) fn add(room: &mut [f32], note: &Note, voice: &mut Voice<'_>) {
    let kind = kind_of(voice, note.velocity);
    let hz = hz_of_key(note.key);
    // The low pass of the loop delays by its share of the sample before.
    let period = voice.rate_hz / hz - kind.dullness;
    let whole = period.floor().max(2.0) as usize;
    let part = (period - whole as f64).clamp(0.0, 1.0) as f32;
    let mut string = plucked(whole + 1, kind.pick_hz, voice);
    let held = voice.samples(note.seconds).min(room.len());
    let count = (held + voice.samples(5.0 * MUTE_SECS)).min(room.len());
    let fall = |seconds: f64| (-1.0 / (seconds * hz)).exp() as f32;
    let (ringing, muted) = (fall(kind.ring * (110.0 / hz).powf(0.3)), fall(MUTE_SECS));
    let (dullness, level) = (kind.dullness as f32, kind.level as f32);
    let (mut at, mut last) = (0, 0.0);
    let length = string.len();
    for (n, sample) in room[..count].iter_mut().enumerate() {
        // The oldest sample and the one after it: the delay lies between `whole` + 1 and `whole`.
        let next = if at + 1 == length { 0 } else { at + 1 };
        let output = string[at] * part + string[next] * (1.0 - part);
        *sample += level * output;
        let gain = if n < held { ringing } else { muted };
        string[at] = gain * ((1.0 - dullness) * output + dullness * last);
        last = output;
        at = next;
    }
}

/// One period of noise below an edge, without a constant part, at a mean power of ¼.
fn plucked(length: usize, edge_hz: f64, voice: &mut Voice<'_>) -> Vec<f32> {
    let mut filter = OnePole::low_pass(edge_hz, voice.rate_hz);
    let noise: Vec<f32> = (0..length)
        .map(|_| filter.push(voice.rng.random_range(-1.0..1.0)))
        .collect();
    let mean = noise.iter().sum::<f32>() / length as f32;
    let power = noise.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / length as f32;
    let gain = 0.5 / power.sqrt().max(1e-6);
    noise.iter().map(|x| (x - mean) * gain).collect()
}
