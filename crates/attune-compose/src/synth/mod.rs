//! A part as sound: each instrument by the simplest model that has its character.
//!
//! | instruments | model |
//! |---|---|
//! | piano, vibraphone | damped partials ([`struck`]) |
//! | guitars, bass | Karplus & Strong 1983 ([`plucked`]); the distorted one through tanh and a low pass |
//! | organ, strings, violin, flute, saxophone, trumpet | wavetables with envelope and vibrato ([`sustained`]) |
//! | drums | sines that fall, and filtered noise ([`drums`]) |
//!
//! In: notes, a preset. Out: mono samples. Thread: any.

mod drums;
mod filter;
mod plucked;
mod reverb;
mod struck;
mod sustained;

use crate::instrument::{Build, Instrument, Preset};
use crate::score::Note;
use attune_audio::units::SampleRate;
use filter::OnePole;
use rand_chacha::ChaCha8Rng;

/// What one note is played on.
struct Voice<'a> {
    instrument: Instrument,
    build: &'a Build,
    rate_hz: f64,
    rng: &'a mut ChaCha8Rng,
}

impl Voice<'_> {
    fn samples(&self, seconds: f64) -> usize {
        (seconds * self.rate_hz).round().max(0.0) as usize
    }
}

/// Hertz of a MIDI key, in equal temperament.
fn hz_of_key(key: u8) -> f64 {
    440.0 * ((f64::from(key) - 69.0) / 12.0).exp2()
}

/// All notes of a part, with `reverberation` as a share of the whole, for `count` samples from the start of the piece.
pub(crate) fn rendered(
    notes: &[Note],
    preset: Preset,
    (rate, count): (SampleRate, usize),
    reverberation: f32,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let mut out = vec![0.0; count];
    let mut voice = Voice {
        instrument: preset.instrument,
        build: preset.build(),
        rate_hz: rate.hz(),
        rng,
    };
    let mut tables = sustained::Tables::default();
    for note in notes {
        let start = voice.samples(note.at);
        let Some(room) = out.get_mut(start..).filter(|room| !room.is_empty()) else {
            continue;
        };
        match preset.instrument {
            Instrument::Piano | Instrument::Vibraphone => struck::add(room, note, &voice),
            Instrument::Guitar | Instrument::DistortedGuitar | Instrument::Bass => {
                plucked::add(room, note, &mut voice);
            }
            Instrument::Drums => drums::add(room, note, &mut voice),
            _ => sustained::add(room, note, &mut voice, &mut tables),
        }
    }
    if preset.instrument == Instrument::DistortedGuitar {
        overdrive(&mut out, &voice);
    }
    reverb::apply(&mut out, rate.hz(), reverberation);
    out
}

/// An amplifier that clips softly, and its loudspeaker, which lets nothing above a few kilohertz pass.
fn overdrive(samples: &mut [f32], voice: &Voice<'_>) {
    let edge_hz = 3_600.0 / voice.build.size;
    let mut speaker = [
        OnePole::low_pass(edge_hz, voice.rate_hz),
        OnePole::low_pass(edge_hz, voice.rate_hz),
    ];
    let mut without_rumble = OnePole::low_pass(70.0, voice.rate_hz);
    for sample in samples {
        let driven = (6.0 * *sample).tanh();
        let filtered = speaker.iter_mut().fold(driven, |x, filter| filter.push(x));
        *sample = filtered - without_rumble.push(filtered);
    }
}
