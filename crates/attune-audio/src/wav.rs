//! Mono samples as the bytes of a wav file: PCM, 16 bits (RIFF; Microsoft & IBM 1991).
//!
//! In: samples. Out: bytes. Thread: any.

use crate::units::SampleRate;

/// Samples beyond −1…1 are clipped.
///
/// ```
/// use attune_audio::{units::SampleRate, wav::wav_bytes};
/// let bytes = wav_bytes(&[0.0, -1.0], SampleRate(8000));
/// assert_eq!((bytes.len(), &bytes[44..]), (48, &[0, 0, 1, 0x80][..]));
/// ```
pub fn wav_bytes(samples: &[f32], rate: SampleRate) -> Vec<u8> {
    let length = 2 * samples.len() as u32;
    let mut file = Vec::with_capacity(44 + length as usize);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.0.to_le_bytes());
    file.extend((rate.0 * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    let values = samples.iter().map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0) as i16);
    file.extend(values.flat_map(i16::to_le_bytes));
    file
}
