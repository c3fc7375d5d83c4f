//! Everything that runs on the audio thread, and nothing else: convert, mix down, write.
//!
//! In: interleaved samples of any format as the device delivers them. Out: mono f32 in the ring.
//! Thread: the audio callback; hard real time: no allocation, lock, log or system call but the clock's.

use crate::ring::SampleSink;
use cpal::{I24, U24};
use std::sync::atomic::Ordering;

/// Frames converted at once; longer callbacks are cut into pieces of this.
const SCRATCH_FRAMES: usize = 1024;

/// What a device's sample means as an amplitude: full scale is −1…1.
pub trait ToAmplitude: Copy {
    /// The amplitude.
    fn to_amplitude(self) -> f32;
}

macro_rules! signed {
    ($($type:ty: $full_scale:expr),*) => {$(
        impl ToAmplitude for $type {
            #[allow(clippy::cast_lossless, reason = "one rule for all widths; only some of them have a From")]
            fn to_amplitude(self) -> f32 {
                self as f32 / $full_scale
            }
        }
    )*};
}

/// Unsigned formats have their zero in the middle; subtracting it first, as integers, keeps small amplitudes exact.
macro_rules! unsigned {
    ($($type:ty as $signed:ty),*) => {$(
        impl ToAmplitude for $type {
            fn to_amplitude(self) -> f32 {
                (self.wrapping_sub(1 << (<$type>::BITS - 1)) as $signed).to_amplitude()
            }
        }
    )*};
}

signed!(i8: 128.0, i16: 32_768.0, i32: 2_147_483_648.0, i64: 9_223_372_036_854_775_808.0);
unsigned!(u8 as i8, u16 as i16, u32 as i32, u64 as i64);

impl ToAmplitude for f32 {
    fn to_amplitude(self) -> f32 {
        self
    }
}

impl ToAmplitude for f64 {
    fn to_amplitude(self) -> f32 {
        self as f32
    }
}

impl ToAmplitude for I24 {
    fn to_amplitude(self) -> f32 {
        // Servers fill the top byte of the 32-bit word as they like (PulseAudio: with zeros), so the sign is taken from
        // bit 23.
        (self.inner() << 8).to_amplitude()
    }
}

impl ToAmplitude for U24 {
    fn to_amplitude(self) -> f32 {
        ((self.inner() << 8) as u32).to_amplitude()
    }
}

/// How a device's channels become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelPick {
    /// The mean of all.
    Mean,
    /// This one, from 0.
    One(usize),
}

/// What the audio thread owns.
#[derive(Debug)]
pub struct CaptureCallback {
    sink: SampleSink,
    channels: usize,
    pick: ChannelPick,
    scratch: Box<[f32]>,
}

impl CaptureCallback {
    /// A callback for a device of `channels` (at least 1) that writes into `sink`. Allocates here, never again.
    /// A channel that the device does not have becomes its last.
    pub fn new(sink: SampleSink, channels: u16, pick: ChannelPick) -> Self {
        let channels = usize::from(channels.max(1));
        let pick = match pick {
            ChannelPick::One(channel) => ChannelPick::One(channel.min(channels - 1)),
            ChannelPick::Mean => ChannelPick::Mean,
        };
        Self {
            sink,
            channels,
            pick,
            scratch: vec![0.0; SCRATCH_FRAMES].into_boxed_slice(),
        }
    }

    /// Takes one block of interleaved samples; an incomplete frame at its end counts as a lost sample. Real-time safe.
    pub fn process<T: ToAmplitude>(&mut self, interleaved: &[T]) {
        if interleaved.is_empty() {
            // An empty block too shows that the device is alive.
            self.sink.write(&[]);
        }
        let share = 1.0 / self.channels as f32;
        for piece in interleaved.chunks(SCRATCH_FRAMES * self.channels) {
            let frames = piece.chunks_exact(self.channels);
            let mono = &mut self.scratch[..frames.len()];
            match self.pick {
                ChannelPick::One(channel) => {
                    for (out, frame) in mono.iter_mut().zip(frames) {
                        *out = frame[channel].to_amplitude();
                    }
                }
                ChannelPick::Mean => {
                    for (out, frame) in mono.iter_mut().zip(frames) {
                        *out = frame.iter().map(|sample| sample.to_amplitude()).sum::<f32>() * share;
                    }
                }
            }
            self.sink.write(mono);
        }
        if !interleaved.len().is_multiple_of(self.channels) {
            self.sink.counters().lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;
    use crate::ring::{SampleSource, ring};

    fn read_all(source: &mut SampleSource) -> Vec<f32> {
        let mut out = vec![0.0; source.available()];
        let count = source.read(&mut out);
        assert_eq!(count, out.len());
        out
    }

    fn captured<T: ToAmplitude>(channels: u16, pick: ChannelPick, interleaved: &[T]) -> Vec<f32> {
        let (sink, mut source) = ring(1 << 16);
        CaptureCallback::new(sink, channels, pick).process(interleaved);
        read_all(&mut source)
    }

    #[test]
    fn every_format_has_its_zero_and_full_scale() {
        fn ends<T: ToAmplitude>(lowest: T, zero: T, quarter: T) {
            assert_eq!(
                captured(1, ChannelPick::Mean, &[lowest, zero, quarter]),
                [-1.0, 0.0, 0.25]
            );
        }
        ends(i8::MIN, 0, 32);
        ends(i16::MIN, 0, 1 << 13);
        ends(i32::MIN, 0, 1 << 29);
        ends(i64::MIN, 0, 1 << 61);
        ends(u8::MIN, 128, 160);
        ends(u16::MIN, 1 << 15, (1 << 15) + (1 << 13));
        ends(u32::MIN, 1 << 31, (1 << 31) + (1 << 29));
        ends(u64::MIN, 1 << 63, (1 << 63) + (1 << 61));
        ends(-1.0_f32, 0.0, 0.25);
        ends(-1.0_f64, 0.0, 0.25);
        let i24 = |value| I24::new(value).unwrap();
        ends(i24(-(1 << 23)), i24(0), i24(1 << 21));
        let u24 = |value| U24::new(value).unwrap();
        ends(u24(0), u24(1 << 23), u24((1 << 23) + (1 << 21)));
    }

    #[test]
    fn the_sign_of_24_bits_survives_a_top_byte_of_zeros() {
        // −0.25 as PulseAudio writes it: 0x00E00000.
        let raw = I24::new_unchecked(0x00E0_0000);
        assert_eq!(captured(1, ChannelPick::Mean, &[raw]), [-0.25]);
    }

    #[test]
    fn one_channel_or_the_mean_of_all() {
        let frames = [0.5_f32, -0.25, 0.75, 1.0, 0.0, 0.5];
        assert_eq!(captured(3, ChannelPick::One(1), &frames), [-0.25, 0.0]);
        assert_eq!(captured(2, ChannelPick::Mean, &frames), [0.125, 0.875, 0.25]);
        assert_eq!(
            captured(2, ChannelPick::One(9), &frames),
            [-0.25, 1.0, 0.5],
            "the last there is"
        );
        assert_eq!(
            captured(4, ChannelPick::Mean, &frames),
            [0.5],
            "an incomplete frame is left out"
        );
        let (sink, source) = ring(8);
        CaptureCallback::new(sink, 4, ChannelPick::Mean).process(&frames);
        assert_eq!(source.counters().lost.load(Ordering::Relaxed), 1, "and counted");
    }

    #[test]
    fn a_long_callback_is_cut_without_a_seam() {
        let ramp: Vec<f32> = (0..3 * SCRATCH_FRAMES as u32 + 77).map(|value| value as f32).collect();
        assert_eq!(captured(1, ChannelPick::Mean, &ramp), ramp);
        let stereo: Vec<f32> = ramp.iter().flat_map(|value| [*value, -1.0]).collect();
        assert_eq!(captured(2, ChannelPick::One(0), &stereo), ramp);
    }
}
