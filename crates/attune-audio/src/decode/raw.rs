//! Samples without any header, whose format the user states.
//!
//! In: the format. Out: a part that begins with a wav header. Thread: any.

use super::bytes::Part;
use super::wave;
use std::str::FromStr;

/// How a sample is stored; several bytes are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

/// Samples without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFormat {
    encoding: Encoding,
    /// Sample rate in hertz.
    rate: u32,
    /// Audio channels, interleaved.
    channels: u16,
}

/// FFmpeg's names of the encodings.
const NAMES: [(&str, Encoding); 8] = [
    ("u8", Encoding::U8),
    ("s16le", Encoding::S16),
    ("s24le", Encoding::S24),
    ("s32le", Encoding::S32),
    ("f32le", Encoding::F32),
    ("f64le", Encoding::F64),
    ("alaw", Encoding::ALaw),
    ("mulaw", Encoding::MuLaw),
];

/// Why a format of raw samples is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RawFormatError(String);

impl FromStr for Encoding {
    type Err = RawFormatError;

    fn from_str(name: &str) -> Result<Self, RawFormatError> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, encoding)| *encoding).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            RawFormatError(format!("expected one of {}", names.join(", ")))
        })
    }
}

impl RawFormat {
    /// Interleaved samples: `encoding` is FFmpeg's name of it (`s16le`, `f32le`, …), `rate` in hertz.
    ///
    /// ```
    /// use attune_audio::decode::RawFormat;
    /// assert!(RawFormat::new("f32le", 44_100, 2).is_ok());
    /// assert!(RawFormat::new("mp3", 44_100, 2).is_err());
    /// assert!(RawFormat::new("f32le", 44_100, 0).is_err());
    /// ```
    pub fn new(encoding: &str, rate: u32, channels: u16) -> Result<Self, RawFormatError> {
        let encoding = encoding.parse()?;
        if !(1..=super::MAX_RATE_HZ).contains(&rate) {
            return Err(RawFormatError(format!("{rate} Hz is no rate of sound")));
        }
        if !(1..=32).contains(&channels) {
            return Err(RawFormatError(format!("{channels} channels: expected 1 to 32")));
        }
        Ok(Self {
            encoding,
            rate,
            channels,
        })
    }
}

/// The samples behind a header that says what they are.
pub(super) fn as_wave(part: &Part, format: RawFormat) -> Part {
    let (tag, bits) = match format.encoding {
        Encoding::U8 => (1_u16, 8_u16),
        Encoding::S16 => (1, 16),
        Encoding::S24 => (1, 24),
        Encoding::S32 => (1, 32),
        Encoding::F32 => (3, 32),
        Encoding::F64 => (3, 64),
        Encoding::ALaw => (6, 8),
        Encoding::MuLaw => (7, 8),
    };
    let align = format.channels * (bits / 8);
    let length = part.end - part.start;
    let mut description = Vec::new();
    description.extend(tag.to_le_bytes());
    description.extend(format.channels.to_le_bytes());
    description.extend(format.rate.to_le_bytes());
    description.extend((format.rate * u32::from(align)).to_le_bytes());
    description.extend(align.to_le_bytes());
    description.extend(bits.to_le_bytes());
    // A-law and µ-law have the length of an extension, which is none.
    if tag > 3 {
        description.extend([0, 0]);
    }
    let head = wave::header(&description, None, length);
    part.cut(head, part.start, part.end)
}
