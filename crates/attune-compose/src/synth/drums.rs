//! A drum kit: sines whose pitch falls, and noise in a band.
//!
//! In: a stroke. Out: samples added. Thread: any.

use super::Voice;
use super::filter::OnePole;
use crate::score::{Note, drum};
use rand::RngExt;

/// A skin: from one pitch to another, and how long it rings.
struct Skin {
    from_hz: f64,
    to_hz: f64,
    secs: f64,
    level: f64,
}

/// Noise above one edge and below another, and how long it lasts.
struct Noise {
    above_hz: f64,
    below_hz: f64,
    secs: f64,
    level: f64,
}

const fn skin(from_hz: f64, to_hz: f64, secs: f64, level: f64) -> Skin {
    Skin {
        from_hz,
        to_hz,
        secs,
        level,
    }
}

const fn noise(above_hz: f64, below_hz: f64, secs: f64, level: f64) -> Noise {
    Noise {
        above_hz,
        below_hz,
        secs,
        level,
    }
}

fn sounds(key: u8) -> (Option<Skin>, Option<Noise>) {
    match key {
        drum::KICK => (
            Some(skin(130.0, 48.0, 0.16, 1.0)),
            Some(noise(500.0, 3_000.0, 0.006, 0.4)),
        ),
        drum::SNARE => (
            Some(skin(230.0, 175.0, 0.07, 0.5)),
            Some(noise(900.0, 7_500.0, 0.09, 0.8)),
        ),
        drum::CLAP => (None, Some(noise(900.0, 3_500.0, 0.07, 0.9))),
        drum::TOM_LOW => (
            Some(skin(130.0, 88.0, 0.2, 0.9)),
            Some(noise(400.0, 2_500.0, 0.015, 0.2)),
        ),
        drum::TOM_HIGH => (
            Some(skin(190.0, 130.0, 0.17, 0.9)),
            Some(noise(400.0, 2_500.0, 0.015, 0.2)),
        ),
        drum::HAT_FOOT => (None, Some(noise(5_000.0, 9_000.0, 0.025, 0.6))),
        drum::HAT_OPEN => (None, Some(noise(5_500.0, 10_500.0, 0.16, 0.7))),
        drum::CRASH => (None, Some(noise(3_000.0, 10_500.0, 0.7, 0.7))),
        drum::RIDE => (
            Some(skin(5_200.0, 5_200.0, 0.12, 0.05)),
            Some(noise(4_500.0, 10_000.0, 0.22, 0.4)),
        ),
        drum::SHAKER => (None, Some(noise(4_000.0, 8_000.0, 0.035, 0.5))),
        _ => (None, Some(noise(6_500.0, 10_500.0, 0.03, 0.6))), // a closed hat
    }
}

pub(super) fn add(room: &mut [f32], note: &Note, voice: &mut Voice<'_>) {
    let (skin, noise) = sounds(note.key);
    let level = 0.6 * note.velocity;
    if let Some(skin) = skin {
        add_skin(room, &skin, level, voice);
    }
    if let Some(noise) = noise {
        add_noise(room, &noise, level, voice);
    }
}

fn add_skin(room: &mut [f32], skin: &Skin, level: f64, voice: &Voice<'_>) {
    let build = voice.build;
    let secs = skin.secs * build.ring;
    let count = voice.samples(6.0 * secs).min(room.len());
    let fall = (-1.0 / (secs * voice.rate_hz)).exp();
    // The pitch falls four times as fast as the sound.
    let glide = (-4.0 / (secs * voice.rate_hz)).exp();
    let (mut amplitude, mut above, mut phase) = (level * skin.level, skin.from_hz - skin.to_hz, 0.0_f64);
    let scale = std::f64::consts::TAU / (build.size * voice.rate_hz);
    for sample in &mut room[..count] {
        *sample += (amplitude * phase.sin()) as f32;
        phase += scale * (skin.to_hz + above);
        amplitude *= fall;
        above *= glide;
    }
}

fn add_noise(room: &mut [f32], noise: &Noise, level: f64, voice: &mut Voice<'_>) {
    let build = voice.build;
    let secs = noise.secs * build.ring;
    let count = voice.samples(6.0 * secs).min(room.len());
    let fall = (-1.0 / (secs * voice.rate_hz)).exp() as f32;
    let mut amplitude = (level * noise.level) as f32;
    let mut below = OnePole::low_pass(noise.below_hz * (-build.tilt).exp2(), voice.rate_hz);
    let mut above = [OnePole::low_pass(noise.above_hz / build.size, voice.rate_hz); 2];
    for sample in &mut room[..count] {
        let white = below.push(voice.rng.random_range(-1.0..1.0));
        let high = above.iter_mut().fold(white, |x, filter| x - filter.push(x));
        *sample += amplitude * high;
        amplitude *= fall;
    }
}
