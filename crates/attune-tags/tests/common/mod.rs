//! Music files of every format that is written, made by FFmpeg or by hand.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program} ({error}): install ffmpeg"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Names and the encoder's arguments of one file of each format.
pub(crate) const FORMATS: [(&str, &[&str]); 12] = [
    ("v23.mp3", &["-c:a", "libmp3lame", "-id3v2_version", "3"]),
    ("v24.mp3", &["-c:a", "libmp3lame", "-id3v2_version", "4"]),
    ("v1.mp3", &["-c:a", "libmp3lame", "-write_id3v1", "1"]),
    ("song.flac", &["-c:a", "flac"]),
    ("song.ogg", &["-c:a", "libvorbis"]),
    ("song.opus", &["-c:a", "libopus"]),
    ("song.m4a", &["-c:a", "aac"]),
    ("faststart.m4a", &["-c:a", "aac", "-movflags", "+faststart"]),
    ("song.wav", &["-c:a", "pcm_s16le"]),
    ("song.aiff", &["-c:a", "pcm_s16be", "-write_id3v2", "1"]),
    ("song.wv", &["-c:a", "wavpack"]),
    ("song.ape", &[]),
];

/// Four seconds of a tone with a title, an artist, a comment and a year, and where the format has one, a picture.
pub(crate) fn media(folder: &Path, name: &str, encoder: &[&str], genre: Option<&str>) -> PathBuf {
    let path = folder.join(name);
    if name.ends_with("ape") {
        // FFmpeg does not write it.
        let mut items = vec![
            ("Title", 0, "Ĝis la revido"),
            ("Artist", 0, "A\0B"),
            ("Year", 1, "1999"),
        ];
        items.extend(genre.map(|genre| ("Genre", 0, genre)));
        fs::write(&path, [monkeys_audio(), ape_tag(&items, true)].concat()).unwrap();
        return path;
    }
    let mut args = vec!["-hide_banner", "-loglevel", "error", "-y"];
    args.extend(["-f", "lavfi", "-i", "aevalsrc=0.3*sin(440*t*6.28):d=4:s=44100"]);
    let has_picture = ["mp3", "flac", "m4a"].iter().any(|ending| name.ends_with(ending));
    if has_picture {
        args.extend(["-f", "lavfi", "-i", "color=red:s=32x32:d=1", "-frames:v", "1"]);
        args.extend([
            "-map",
            "0:a",
            "-map",
            "1:v",
            "-c:v",
            "png",
            "-disposition:v",
            "attached_pic",
        ]);
    }
    args.extend(["-metadata", "title=Ĝis la revido", "-metadata", "artist=A; B"]);
    args.extend(["-metadata", "comment=line one", "-metadata", "date=1999"]);
    let genre = genre.map(|genre| format!("genre={genre}"));
    if let Some(genre) = &genre {
        args.extend(["-metadata", genre]);
    }
    args.extend(encoder);
    args.push(path.to_str().unwrap());
    run("ffmpeg", &args);
    path
}

/// What another reader finds: tags of file and streams but for the genre, and a hash of the decoded sound and pictures.
pub(crate) fn found(path: &Path) -> (Vec<String>, String) {
    let path = path.to_str().unwrap();
    let entries = "format_tags:stream_tags:stream=codec_name,width:format=nb_streams";
    let tags = run(
        "ffprobe",
        &["-v", "error", "-show_entries", entries, "-of", "flat", path],
    );
    let mut tags: Vec<String> = tags.lines().map(str::to_owned).collect();
    tags.retain(|line| !line.to_lowercase().contains("genre") && !line.contains("MY_GENRE"));
    tags.sort();
    (
        tags,
        run("ffmpeg", &["-v", "error", "-i", path, "-map", "0", "-f", "md5", "-"]),
    )
}

/// Monkey's Audio: two frames of silence, 2.67 s.
pub(crate) fn monkeys_audio() -> Vec<u8> {
    // Flags instead of a checksum; both channels are silent; bytes for the range decoder.
    let frame = [&0x8000_0000_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), &[0; 8]].concat();
    let numbers = |numbers: &[u32]| {
        numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let (descriptor, header, seek_table) = (52, 24, 8);
    let first = descriptor + header + seek_table;
    [
        b"MAC \x96\x0f\0\0".to_vec(),
        numbers(&[descriptor, header, seek_table, 0, 2 * frame.len() as u32, 0, 0]),
        vec![0; 16],
        // Compression and flags, samples of a frame and of the last one, frames, bits and channels, rate.
        numbers(&[0x0020_07d0, 73_728, 44_100, 2, 0x0002_0010, 44_100]),
        numbers(&[first, first + frame.len() as u32]),
        frame.clone(),
        frame,
    ]
    .concat()
}

/// APEv2 of items with their flags, with a header or without.
pub(crate) fn ape_tag(items: &[(&str, u32, &str)], has_header: bool) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, flags, value) in items {
        body.extend((value.len() as u32).to_le_bytes());
        body.extend(flags.to_le_bytes());
        body.extend([key.as_bytes(), b"\0", value.as_bytes()].concat());
    }
    let mark = |flags: u32| {
        let numbers = [2000, body.len() as u32 + 32, items.len() as u32, flags];
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&b"APETAGEX"[..], &numbers, &[0; 8]].concat()
    };
    if has_header {
        [mark(0xa000_0000), body.clone(), mark(0x8000_0000)].concat()
    } else {
        [body.clone(), mark(0)].concat()
    }
}
