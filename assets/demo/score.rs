//! A score in seconds, played by hands that are not machines, written as a Standard MIDI file.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// 480 ticks in a quarter of half a second: a tick is about a millisecond, and tempo is ours, not the file's.
const TICKS_PER_QUARTER: u16 = 480;
const QUARTER_MICROS: u32 = 500_000;
const TICKS_PER_SECOND: f64 = 960.0;

/// General MIDI's drum channel.
pub(crate) const DRUMS: u8 = 9;

/// One player: a General MIDI sound and its place in the mix (all 0…127, pan 64 is the middle).
#[derive(Clone, Copy)]
pub(crate) struct Player {
    pub channel: u8,
    pub program: u8,
    pub volume: u8,
    pub pan: u8,
    pub reverb: u8,
}

/// All events so far, in seconds.
pub(crate) struct Score {
    events: Vec<(f64, u8, MidiMessage)>,
    random: ChaCha8Rng,
}

impl Score {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            events: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// A number between -1 and 1, near 0 most often.
    fn wobble(&mut self) -> f64 {
        f64::midpoint(self.random.random_range(-1.0..1.0), self.random.random_range(-1.0..1.0))
    }

    fn push(&mut self, at: f64, channel: u8, message: MidiMessage) {
        self.events.push((at, channel, message));
    }

    /// Format 0, one track.
    pub(crate) fn save(mut self, path: &Path) -> std::io::Result<()> {
        // Stable: at the same time, what was written first comes first (a program before its notes).
        self.events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut track: Track<'_> = vec![TrackEvent {
            delta: u28::new(0),
            kind: TrackEventKind::Meta(MetaMessage::Tempo(u24::new(QUARTER_MICROS))),
        }];
        let mut now = 0;
        for (at, channel, message) in self.events {
            let tick = (at.max(0.0) * TICKS_PER_SECOND).round() as u32;
            track.push(TrackEvent {
                delta: u28::new(tick - now),
                kind: TrackEventKind::Midi {
                    channel: u4::new(channel),
                    message,
                },
            });
            now = tick;
        }
        track.push(TrackEvent {
            delta: u28::new(0),
            kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
        });
        let timing = Timing::Metrical(u15::new(TICKS_PER_QUARTER));
        let mut smf = Smf::new(Header::new(Format::SingleTrack, timing));
        smf.tracks.push(track);
        smf.save(path)
    }
}

/// A band that plays one section: beats become seconds, and nobody plays exactly on them.
pub(crate) struct Band<'a> {
    score: &'a mut Score,
    start: f64,
    seconds_per_beat: f64,
    /// Where the second eighth of a beat falls: 0.5 straight, 0.67 swung.
    pub offbeat: f64,
    /// How far from the beat hands stray, in seconds.
    pub looseness: f64,
}

impl<'a> Band<'a> {
    pub(crate) fn new(score: &'a mut Score, start: f64, beats_per_minute: f64, players: &[Player]) -> Self {
        for player in players {
            // A little before the first note, so that each sound is ready.
            let at = (start - 0.05).max(0.0);
            let control = |controller: u8, value: u8| MidiMessage::Controller {
                controller: u7::new(controller),
                value: u7::new(value),
            };
            score.push(
                at,
                player.channel,
                MidiMessage::ProgramChange {
                    program: u7::new(player.program),
                },
            );
            for (controller, value) in [(7, player.volume), (10, player.pan), (91, player.reverb), (11, 127)] {
                score.push(at, player.channel, control(controller, value));
            }
        }
        Self {
            score,
            start,
            seconds_per_beat: 60.0 / beats_per_minute,
            offbeat: 0.5,
            looseness: 0.006,
        }
    }

    /// Beats since the section began, in seconds of the piece.
    fn seconds(&self, beat: f64) -> f64 {
        let within = beat.fract();
        let warped = if within < 0.5 {
            within * 2.0 * self.offbeat
        } else {
            self.offbeat + (within - 0.5) * 2.0 * (1.0 - self.offbeat)
        };
        self.start + (beat.floor() + warped) * self.seconds_per_beat
    }

    /// One note, `beats` long, played about as loud as `velocity`.
    pub(crate) fn play(&mut self, channel: u8, beat: f64, beats: f64, key: u8, velocity: u8) {
        let strayed = self.looseness * self.score.wobble();
        let touch = 7.0 * self.score.wobble();
        let on = (self.seconds(beat) + strayed).max(0.0);
        let off = (self.seconds(beat + beats) + strayed).max(on + 0.03);
        let vel = u7::new((f64::from(velocity) + touch).clamp(1.0, 127.0) as u8);
        let key = u7::new(key);
        self.score.push(on, channel, MidiMessage::NoteOn { key, vel });
        let vel = u7::new(0);
        self.score.push(off, channel, MidiMessage::NoteOff { key, vel });
    }

    /// Keys together; a chord is strummed by `spread` beats from low to high.
    pub(crate) fn chord(&mut self, channel: u8, beat: f64, beats: f64, keys: &[u8], velocity: u8, spread: f64) {
        for (i, &key) in keys.iter().enumerate() {
            self.play(channel, beat + spread * i as f64, beats, key, velocity);
        }
    }

    /// A melody of (beat, beats, key), accented on the beat.
    pub(crate) fn melody(&mut self, channel: u8, notes: &[(f64, f64, u8)], velocity: u8) {
        for &(beat, beats, key) in notes {
            let accent = if beat.fract() == 0.0 { 6 } else { 0 };
            self.play(channel, beat, beats, key, velocity + accent);
        }
    }

    /// One stroke of a drum.
    pub(crate) fn hit(&mut self, beat: f64, drum: u8, velocity: u8) {
        self.play(DRUMS, beat, 0.2, drum, velocity);
    }
}
