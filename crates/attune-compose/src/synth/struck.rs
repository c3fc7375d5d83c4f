//! Struck strings and bars: partials that each ring out by themselves, as damped resonators.
//!
//! In: a note. Out: samples added. Thread: any.

use super::{Voice, hz_of_key};
use crate::instrument::Instrument;
use crate::score::Note;

/// Seconds in which a sound falls to 1/e once the damper is down.
const DAMPER_SECS: f64 = 0.07;

/// (frequency over the lowest, amplitude, seconds to 1/e)
type Partial = (f64, f64, f64);

pub(super) fn add(room: &mut [f32], note: &Note, voice: &Voice<'_>) {
    let hz = hz_of_key(note.key);
    let partials = if voice.instrument == Instrument::Piano {
        piano(hz, note.velocity, voice)
    } else {
        vibraphone(voice)
    };
    let held = voice.samples(note.seconds).min(room.len());
    let count = (held + voice.samples(5.0 * DAMPER_SECS)).min(room.len());
    for (ratio, amplitude, ring) in partials {
        let turn = std::f64::consts::TAU * hz * ratio / voice.rate_hz;
        if turn > 0.9 * std::f64::consts::PI {
            continue;
        }
        let scale = 0.3 * note.velocity * amplitude;
        let mut resonator = Resonator::new(turn, (-1.0 / (ring * voice.rate_hz)).exp(), scale);
        resonator.add_to(&mut room[..held]);
        resonator.damp((-1.0 / (DAMPER_SECS * voice.rate_hz)).exp());
        resonator.add_to(&mut room[held..count]);
    }
}

/// Stiff strings: partial n lies at n f √(1 + B n²) (Fletcher 1964); a harder stroke is brighter.
fn piano(hz: f64, velocity: f64, voice: &Voice<'_>) -> Vec<Partial> {
    let build = voice.build;
    let tilt = 1.5 + build.tilt - 0.6 * velocity;
    let ring = 2.2 * build.ring * (220.0 / hz).powf(0.4);
    (1..=10)
        .map(|n| {
            let n = f64::from(n);
            let even = if n % 2.0 == 0.0 { build.even } else { 1.0 };
            (n * (1.0 + 4e-4 * n * n).sqrt(), even * n.powf(-tilt), ring / n.sqrt())
        })
        .collect()
}

/// A bar tuned so that its second and third partials lie two octaves and 3.3 octaves above.
fn vibraphone(voice: &Voice<'_>) -> Vec<Partial> {
    let build = voice.build;
    let bright = (-build.tilt).exp2();
    vec![
        (1.0, 1.0, 1.6 * build.ring),
        (4.0, 0.25 * bright, 0.5 * build.ring),
        (10.0, 0.12 * bright * build.even, 0.12 * build.ring),
    ]
}

/// y(n) = 2 r cos ω y(n − 1) − r² y(n − 2): a sine that falls by r with each sample.
struct Resonator {
    cosine: f64,
    radius: f64,
    last: f64,
    before: f64,
}

impl Resonator {
    /// Its first sample is 0, as of a sine.
    fn new(turn: f64, radius: f64, amplitude: f64) -> Self {
        Self {
            cosine: turn.cos(),
            radius,
            last: 0.0,
            before: -amplitude * turn.sin() / radius,
        }
    }

    /// Falls faster from here on; what was two samples ago is put where the slower fall would have had it.
    fn damp(&mut self, radius: f64) {
        let radius = radius * self.radius;
        self.before *= self.radius / radius;
        self.radius = radius;
    }

    fn add_to(&mut self, room: &mut [f32]) {
        let (a, b) = (2.0 * self.radius * self.cosine, self.radius * self.radius);
        for sample in room {
            *sample += self.last as f32;
            let next = a * self.last - b * self.before;
            (self.before, self.last) = (self.last, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resonator_is_a_sine_that_falls() {
        let (turn, radius) = (0.3_f64, 0.999_f64);
        let mut room = [0.0; 200];
        let mut resonator = Resonator::new(turn, radius, 0.5);
        resonator.add_to(&mut room[..100]);
        resonator.damp(0.99);
        resonator.add_to(&mut room[100..]);
        for (n, &sample) in room.iter().enumerate().take(100) {
            let expected = 0.5 * radius.powi(n as i32) * (turn * n as f64).sin();
            assert!((f64::from(sample) - expected).abs() < 1e-6, "{n}: {sample} {expected}");
        }
        // A faster fall, at the same pitch and without a step.
        let late = (radius * 0.99_f64).powi(50) * 0.5 * radius.powi(100) * (turn * 150.0).sin();
        assert!((f64::from(room[150]) - late).abs() < 5e-3, "{} {late}", room[150]);
    }
}
