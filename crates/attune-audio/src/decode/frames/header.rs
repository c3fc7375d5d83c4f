//! Headers of frames that follow each other without a container: MPEG audio (ISO 11172-3, 13818-3) and AAC in ADTS
//! (ISO 13818-7).
//!
//! In: bytes. Out: [`FrameHeader`]. Thread: any.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

/// Bytes that any header needs.
pub(super) const HEADER_BYTES: usize = 9;

/// What one frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) codec: AudioCodecId,
    pub(super) rate: u32,
    /// 0 where an ADTS header leaves them to the first frame.
    pub(super) channels: u8,
    /// Whole frame, header included.
    pub(super) bytes: usize,
    /// What the decoder does not get: all of an ADTS header, none of an MPEG one.
    pub(super) skipped: usize,
    /// Samples of each channel.
    pub(super) samples: u32,
    /// Where a Xing or Info tag would lie in the frame.
    pub(super) side_end: usize,
    /// MPEG version and layer, or the profile: what no stream changes.
    kind: u8,
}

impl FrameHeader {
    /// The header that these bytes begin with.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 4 || bytes[0] != 0xFF {
            return None;
        }
        match bytes[1] & 0xF6 {
            0xF0 => adts(bytes),
            _ if bytes[1] & 0xE0 == 0xE0 => mpeg(bytes),
            _ => None,
        }
    }

    /// Whether both can be frames of one stream.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.rate == other.rate && self.channels == other.channels
    }

    /// Its channels as symphonia names them.
    pub(super) fn layout(&self) -> Option<Channels> {
        use Position as P;
        const FRONT: Position = P::FRONT_LEFT.union(P::FRONT_RIGHT);
        const SURROUND: Position = P::FRONT_CENTER.union(FRONT);
        const FIVE: Position = SURROUND.union(P::REAR_LEFT).union(P::REAR_RIGHT);
        let positions = match (self.codec, self.channels) {
            (_, 0) => return None,
            (CODEC_ID_AAC, 1) => P::FRONT_CENTER,
            (_, 1) => P::FRONT_LEFT,
            (_, 2) => FRONT,
            (_, 3) => SURROUND,
            (_, 4) => SURROUND.union(P::REAR_CENTER),
            (_, 5) => FIVE,
            (_, 6) => FIVE.union(P::LFE1),
            _ => FIVE
                .union(P::LFE1)
                .union(P::FRONT_LEFT_CENTER)
                .union(P::FRONT_RIGHT_CENTER),
        };
        Some(Channels::Positioned(positions))
    }
}

const MPEG1_KBIT: [[u32; 15]; 3] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
const MPEG2_KBIT: [[u32; 15]; 3] = [
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const MPEG1_RATES: [u32; 3] = [44_100, 48_000, 32_000];

fn mpeg(bytes: &[u8]) -> Option<FrameHeader> {
    let (version, layer) = (bytes[1] >> 3 & 3, 4 - (bytes[1] >> 1 & 3));
    let (bit_rate, rate) = (usize::from(bytes[2] >> 4), usize::from(bytes[2] >> 2 & 3));
    if version == 1 || layer == 4 || bit_rate == 0 || bit_rate == 15 || rate == 3 {
        return None;
    }
    let is_mpeg1 = version == 3;
    let table = if is_mpeg1 { &MPEG1_KBIT } else { &MPEG2_KBIT };
    let bits = table[usize::from(layer) - 1][bit_rate] * 1000;
    let rate = match version {
        3 => MPEG1_RATES[rate],
        2 => MPEG1_RATES[rate] / 2,
        _ => MPEG1_RATES[rate] / 4,
    };
    let channels = if bytes[3] >> 6 == 3 { 1 } else { 2 };
    if layer == 2 && is_forbidden_in_layer_2(bits, channels) {
        return None;
    }
    let padding = u32::from(bytes[2] >> 1 & 1);
    let (codec, samples, frame_bytes) = match layer {
        1 => (CODEC_ID_MP1, 384, (12 * bits / rate + padding) * 4),
        2 => (CODEC_ID_MP2, 1152, 144 * bits / rate + padding),
        _ if is_mpeg1 => (CODEC_ID_MP3, 1152, 144 * bits / rate + padding),
        _ => (CODEC_ID_MP3, 576, 72 * bits / rate + padding),
    };
    let side = match (is_mpeg1, channels) {
        (true, 2) => 32,
        (true, _) | (false, 2) => 17,
        (false, _) => 9,
    };
    Some(FrameHeader {
        codec,
        rate,
        channels,
        bytes: frame_bytes as usize,
        skipped: 0,
        samples,
        side_end: 4 + side,
        kind: bytes[1] >> 1 & 0xF,
    })
    .filter(|header| header.bytes > 4)
}

/// Pairs of bit rate and channels that the standard rules out, which symphonia's decoder refuses.
fn is_forbidden_in_layer_2(bits: u32, channels: u8) -> bool {
    if channels == 1 {
        [224_000, 256_000, 320_000, 384_000].contains(&bits)
    } else {
        [32_000, 48_000, 56_000, 80_000].contains(&bits)
    }
}

const ADTS_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

fn adts(bytes: &[u8]) -> Option<FrameHeader> {
    if bytes.len() < 7 {
        return None;
    }
    let skipped = if bytes[1] & 1 == 0 { 9 } else { 7 };
    let rate = *ADTS_RATES.get(usize::from(bytes[2] >> 2 & 0xF))?;
    let frame_bytes = usize::from(bytes[3] & 3) << 11 | usize::from(bytes[4]) << 3 | usize::from(bytes[5]) >> 5;
    // Several raw blocks in one frame: nobody writes them, and symphonia's decoder has no way to tell them apart.
    if bytes[6] & 3 != 0 || frame_bytes <= skipped {
        return None;
    }
    Some(FrameHeader {
        codec: CODEC_ID_AAC,
        rate,
        channels: (bytes[2] & 1) << 2 | bytes[3] >> 6,
        bytes: frame_bytes,
        skipped,
        samples: 1024,
        side_end: usize::MAX,
        kind: 0x10 | bytes[2] >> 6,
    })
}
