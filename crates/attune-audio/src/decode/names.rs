//! Files by their first bytes: what symphonia reads, and what it would take for something else or not know.
//!
//! In: the first bytes behind any tags. Out: [`Content`]. Thread: any.

use super::mp4;

/// Bytes that [`Content::of`] looks at.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A kind that is read here, by its own first bytes.
    Known,
    /// Sound of a kind that is not decoded here.
    Foreign(&'static str),
    /// No sound, and what to do.
    Silent(&'static str, &'static str),
    /// Nothing that is known.
    Unknown,
}

/// Offset and first bytes of what is read here.
const KNOWN: [(usize, &[u8]); 9] = [
    (8, b"WAVE"),
    (24, b"wave"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (8, b"AIFF"),
    (8, b"AIFC"),
    (0, b"caff"),
    (0, &[0x1A, 0x45, 0xDF, 0xA3]),
    (4, b"moov"),
];

/// Offset, first bytes and name of sound that symphonia does not decode. Some hold others' marks further on (WavPack a
/// whole wav header), so these are looked for first.
const FOREIGN: [(usize, &[u8], &str); 38] = [
    (
        0,
        &[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11],
        "Windows Media (wma, wmv, asf)",
    ),
    (28, b"Speex   ", "Speex in Ogg (spx)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio (ape)"),
    (0, b"tBaK", "TAK"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"TTA1", "True Audio (tta)"),
    (0, b"TTA2", "True Audio (tta)"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"ajkg", "Shorten"),
    (0, b"LA02", "Lossless Audio (la)"),
    (0, b"LA03", "Lossless Audio (la)"),
    (0, b"LA04", "Lossless Audio (la)"),
    (0, b"DSD ", "DSD (dsf)"),
    (0, b"FRM8", "DSD (dff)"),
    (0, b".snd", "Sun audio (au)"),
    (0, b"dns.", "Sun audio (au)"),
    (0, b"#!AMR", "AMR"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xFD", "RealAudio"),
    (0, b"FLV\x01", "Flash video (flv)"),
    (8, b"AVI ", "AVI video"),
    (8, b"AVIX", "AVI video"),
    (8, b"CDXA", "a Video CD"),
    (0, &[0, 0, 1, 0xBA], "MPEG video (mpg, vob)"),
    (0, &[0, 0, 1, 0xB3], "MPEG video (mpg)"),
    (0, &[0x0B, 0x77], "AC-3"),
    (0, &[0x7F, 0xFE, 0x80, 0x01], "DTS"),
    (0, &[0xFE, 0x7F, 0x01, 0x80], "DTS"),
    (0, b"Creative Voice File", "a Creative voice file (voc)"),
    (0, b"NIST_1A", "a NIST Sphere file"),
    (8, b"8SVX", "an Amiga sound (8svx)"),
    (0, b"ADIF", "AAC in ADIF"),
    (0, b"IMPM", "a tracker module (it)"),
    (0, b"Extended Module: ", "a tracker module (xm)"),
    (44, b"SCRM", "a tracker module (s3m)"),
    (1080, b"M.K.", "a tracker module (mod)"),
];

const NOTES: &str = "Render it to sound with a synthesiser, for instance FluidSynth or TiMidity.";
const NOT_A_FILE: &str = "Open the files that it names instead.";
const SOUND: &str = "Choose a file with sound.";
const UNPACK: &str = "Unpack it and open the files in it.";

/// Offset, first bytes, name and remedy of what has no sound.
const SILENT: [(usize, &[u8], &str, &str); 21] = [
    (0, b"MThd", "MIDI: notes, not sound", NOTES),
    (8, b"RMID", "MIDI: notes, not sound", NOTES),
    (0, b"#EXTM3U", "a playlist", NOT_A_FILE),
    (0, b"[playlist]", "a playlist", NOT_A_FILE),
    (0, b"ffconcat", "a playlist", NOT_A_FILE),
    (0, b"<?xml", "a text in XML", SOUND),
    (0, b"<MPD", "a playlist", NOT_A_FILE),
    (
        0,
        b"<!DOCTYPE",
        "a web page",
        "Download the file itself: the address led to a page.",
    ),
    (
        0,
        b"<html",
        "a web page",
        "Download the file itself: the address led to a page.",
    ),
    (0, b"%PDF", "a PDF document", SOUND),
    (0, &[0x89, b'P', b'N', b'G'], "a picture", SOUND),
    (0, &[0xFF, 0xD8, 0xFF], "a picture", SOUND),
    (0, b"GIF8", "a picture", SOUND),
    (8, b"WEBP", "a picture", SOUND),
    (0, b"PK\x03\x04", "a zip archive", UNPACK),
    (0, b"Rar!", "a rar archive", UNPACK),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
    (0, &[0x1F, 0x8B, 8], "a gzip archive", UNPACK),
    (0, b"\x7FELF", "a program", SOUND),
    (0, b"SQLite format 3", "a database", SOUND),
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer",
        "Fetch the file itself with git lfs pull.",
    ),
];

/// A packet of an MPEG transport stream, and one with a time stamp before it.
const TS_PACKETS: [(usize, usize); 2] = [(0, 188), (4, 192)];

impl Content {
    /// What a file with this beginning is.
    pub(super) fn of(head: &[u8]) -> Self {
        let has = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
        if let Some((_, _, name)) = FOREIGN.iter().find(|(at, magic, _)| has(*at, magic)) {
            return Self::Foreign(name);
        }
        if matches!(head, [0x56, second, ..] if second & 0xE0 == 0xE0) {
            return Self::Foreign("AAC in LATM");
        }
        if KNOWN.iter().any(|(at, magic)| has(*at, magic)) || mp4::is_mp4(head) {
            return Self::Known;
        }
        if let Some((_, _, name, remedy)) = SILENT.iter().find(|(at, magic, ..)| has(*at, magic)) {
            return Self::Silent(name, remedy);
        }
        let is_transport = |(at, step): (usize, usize)| {
            let marks = (0..4).map(|n| head.get(at + n * step));
            marks.clone().all(|mark| mark.is_none_or(|&mark| mark == 0x47)) && head.len() > at + 2 * step
        };
        if TS_PACKETS.into_iter().any(is_transport) {
            return Self::Foreign("an MPEG transport stream (ts, m2ts)");
        }
        Self::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        let mut wavpack = b"wvpk".to_vec();
        wavpack.extend(b"\x20\0\0\0\x10\x04\0\0RIFF\0\0\0\0WAVEfmt ");
        assert_eq!(Content::of(&wavpack), Content::Foreign("WavPack"));
        assert_eq!(Content::of(b"RIFF\x10\0\0\0WAVEfmt "), Content::Known);
        assert!(matches!(Content::of(b"RIFF\x10\0\0\0AVI LIST"), Content::Foreign(_)));
        assert!(matches!(Content::of(b"%PDF-1.4"), Content::Silent(..)));
        let stream: Vec<u8> = (0..1000).map(|n| if n % 188 == 0 { 0x47 } else { 1 }).collect();
        assert!(matches!(Content::of(&stream), Content::Foreign(name) if name.contains("transport")));
        assert_eq!(Content::of(b"Dear Sir or Madam"), Content::Unknown);
        assert_eq!(Content::of(b""), Content::Unknown);
    }
}
