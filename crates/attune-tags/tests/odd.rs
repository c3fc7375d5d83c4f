//! What lofty would leave out or make anew of a tag stays to the byte, or the file is refused and has not changed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use attune_tags::{Field, Journal, Refusal, read, write};
use common::{ape_tag, media, monkeys_audio, run};
use std::fs;
use std::path::Path;

/// Writes a genre into a file of these bytes: the new bytes, or why there are none.
fn written(folder: &Path, name: &str, bytes: &[u8], field: &Field) -> Result<Vec<u8>, Refusal> {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let result = write(&path, field, "Rock", &mut Journal::begin(&folder.join("undo")));
    let now = fs::read(&path).unwrap();
    match result {
        Ok(_) => {
            assert_eq!(read(&path, field).unwrap().values[0], "Rock", "{name}");
            Ok(now)
        }
        Err(error) => {
            assert!(now == bytes, "{name}: refused and changed");
            Err(error.why)
        }
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A box of MP4.
fn part(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes()[..], kind, content].concat()
}

/// A value of this type and language.
fn data(code: u32, language: u32, value: &[u8]) -> Vec<u8> {
    part(
        b"data",
        &[&code.to_be_bytes()[..], &language.to_be_bytes(), value].concat(),
    )
}

/// The file with this at the end of the innermost of the boxes, each of which is in the one before it.
fn with(bytes: &[u8], path: &[&[u8; 4]], addition: &[u8]) -> Vec<u8> {
    let (mut bytes, mut place, mut end) = (bytes.to_vec(), 0, bytes.len());
    let mut sizes = Vec::new();
    for kind in path {
        let size =
            |bytes: &[u8], place: usize| u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap()) as usize;
        while &bytes[place + 4..place + 8] != *kind {
            place += size(&bytes, place);
        }
        sizes.push(place);
        end = place + size(&bytes, place);
        // Behind version and flags.
        place += if *kind == b"meta" { 12 } else { 8 };
    }
    bytes.splice(end..end, addition.iter().copied());
    for place in sizes {
        let size = u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap()) + addition.len() as u32;
        bytes[place..place + 4].copy_from_slice(&size.to_be_bytes());
    }
    bytes
}

const ILST: [&[u8; 4]; 4] = [b"moov", b"udta", b"meta", b"ilst"];

#[test]
fn items_of_mp4_stay_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let song = fs::read(media(folder.path(), "song.m4a", &["-c:a", "aac"], Some("Polka"))).unwrap();
    let own = |value: &[u8]| {
        let mean = part(b"mean", b"\0\0\0\0com.apple.iTunes");
        let name = part(b"name", b"\0\0\0\0MOOD");
        part(b"----", &[mean, name, value.to_vec()].concat())
    };
    let cases = [
        ("a number in two bytes", part(b"tmpo", &data(21, 0, &[0, 120]))),
        ("a number without a sign", part(b"rate", &data(22, 0, &[0, 0, 0, 5]))),
        ("a switch in two bytes", part(b"cpil", &data(21, 0, &[0, 1]))),
        ("a value that is empty", part(b"desc", &data(1, 0, b""))),
        ("text of UTF-16", part(b"\xa9alb", &data(2, 0, &[0, b'A']))),
        (
            "text with a mark of its order",
            part(b"\xa9alb", &data(2, 0, &[0xfe, 0xff, 0, b'A'])),
        ),
        ("a type that nobody knows", part(b"odd!", &data(200, 0, b"?"))),
        (
            "two values",
            part(b"aART", &[data(1, 0, b"A"), data(1, 0, b"B")].concat()),
        ),
        (
            "two values of one's own",
            own(&[data(1, 0, b"A"), data(0, 0, &[1, 2])].concat()),
        ),
        ("an album's number", part(b"plID", &data(21, 0, &[0, 0, 0, 7]))),
    ];
    for (what, item) in cases {
        for (path, inside) in [(&ILST[..], &item), (&ILST[..3], &part(b"uuid", &item))] {
            let odd = with(&song, path, inside);
            let now = written(folder.path(), "odd.m4a", &odd, &Field::Genre);
            let now = now.unwrap_or_else(|why| panic!("{what}: {why}"));
            assert!(has(&now, &item), "{what}");
            assert!(!has(&now, b"Polka"), "{what}: the old genre is left");
            let now = written(folder.path(), "odd.m4a", &odd, &Field::named("MY_GENRE").unwrap()).unwrap();
            assert!(has(&now, &item) && has(&now, b"Polka"), "{what}");
        }
    }
}

#[test]
fn what_mp4_has_besides_values_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let song = fs::read(media(folder.path(), "song.m4a", &["-c:a", "aac"], None)).unwrap();
    let text = data(1, 0, b"A");
    let cases = [
        ("a language", &ILST[..], part(b"desc", &data(1, 5, b"A"))),
        ("a set of types", &ILST[..], part(b"desc", &data(1 << 24, 0, b"A"))),
        (
            "a box beside its value",
            &ILST[..],
            part(b"desc", &[text.clone(), part(b"name", b"\0\0\0\0n")].concat()),
        ),
        ("no value", &ILST[..], part(b"desc", b"")),
        ("no name", &ILST[..], part(b"\0\0\0\x01", &text)),
        ("no name of one's own", &ILST[..], part(b"----", &text)),
        (
            "a name twice",
            &ILST[..],
            [part(b"desc", &text), part(b"desc", &text)].concat(),
        ),
        (
            "a value beyond it",
            &ILST[..],
            part(b"desc", &[0, 0, 1, 0, b'd', b'a', b't', b'a', 0, 0, 0, 0]),
        ),
        ("two lists", &ILST[..3], part(b"ilst", &part(b"desc", &text))),
        (
            "two boxes of tags",
            &ILST[..2],
            part(b"meta", b"\0\0\0\0\0\0\0\x08free"),
        ),
        ("bytes behind the list", &ILST[..2], b"\0\0\0\0".to_vec()),
        ("a fragment", &[], part(b"moof", b"")),
        ("an index of places", &[], part(b"meta", b"\0\0\0\0\0\0\0\x08iloc")),
    ];
    for (what, path, addition) in cases {
        let odd = with(&song, path, &addition);
        for field in [Field::Genre, Field::named("MY_GENRE").unwrap()] {
            let result = written(folder.path(), "odd.m4a", &odd, &field);
            assert!(
                matches!(result, Err(Refusal::Unreadable(_) | Refusal::Changed(_))),
                "{what}"
            );
        }
    }
    // And as FFmpeg makes them.
    let path = media(
        folder.path(),
        "fragments.m4a",
        &["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"],
        None,
    );
    let fragments = fs::read(path).unwrap();
    assert!(written(folder.path(), "fragments.m4a", &fragments, &Field::Genre).is_err());
}

#[test]
fn sizes_that_an_mp4_claims_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let song = fs::read(media(folder.path(), "song.m4a", &["-c:a", "aac"], None)).unwrap();
    let at = |kind: &[u8]| song.windows(4).position(|window| window == kind).unwrap();
    for kind in [&b"moov"[..], b"udta", b"meta", b"ilst", b"stbl", b"data", b"\xa9nam"] {
        for size in [0_u32, 1, 7, 9, 0x7fff_ffff, u32::MAX] {
            let mut odd = song.clone();
            odd[at(kind) - 4..at(kind)].copy_from_slice(&size.to_be_bytes());
            assert!(
                written(folder.path(), "odd.m4a", &odd, &Field::Genre).is_err(),
                "{kind:?} of {size}"
            );
        }
    }
    for (offset, number) in [(4, u32::MAX), (8, u32::MAX), (8, song.len() as u32)] {
        // How many places of sound there are; the first of them.
        let (mut odd, place) = (song.clone(), at(b"stco") + 4 + offset);
        odd[place..place + 4].copy_from_slice(&number.to_be_bytes());
        assert!(
            written(folder.path(), "odd.m4a", &odd, &Field::Genre).is_err(),
            "{offset}: {number}"
        );
    }
    let many = with(&song, &ILST[..2], &part(b"free", b"").repeat(100_001));
    assert!(written(folder.path(), "odd.m4a", &many, &Field::Genre).is_err());
}

#[test]
fn items_of_ape_stay_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let wavpack = folder.path().join("plain.wv");
    let tone = "aevalsrc=0.3*sin(440*t*6.28):d=2:s=44100";
    let args = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        tone,
        "-c:a",
        "wavpack",
        "-map_metadata",
        "-1",
        "-fflags",
    ];
    run(
        "ffmpeg",
        &[&args[..], &["+bitexact", wavpack.to_str().unwrap()]].concat(),
    );
    let wavpack = fs::read(wavpack).unwrap();
    let untagged = &wavpack[..wavpack
        .windows(8)
        .position(|w| w == b"APETAGEX")
        .unwrap_or(wavpack.len())];
    let id3v1 = [&b"TAG"[..], &[b' '; 90], b"1999", &[0; 31]].concat();
    // Read-only, a locator, binary that is no text, bits that mean nothing, two of one name, an empty one.
    let odd = [
        ("Title", 1, "T"),
        ("File", 4, "http://a"),
        ("Cover", 2, "\0\u{7f}"),
        ("Strange", 0x1000_0000, "S"),
        ("Twice", 0, "1"),
        ("Twice", 0, "2"),
        ("Empty", 0, ""),
    ];
    for (name, sound) in [("odd.wv", untagged), ("odd.ape", &monkeys_audio())] {
        for has_header in [true, false] {
            for behind in [&b""[..], &id3v1] {
                let tag = ape_tag(&[&odd[..], &[("genre", 0, "Polka")]].concat(), has_header);
                let bytes = [sound, &tag, behind].concat();
                let now = written(folder.path(), name, &bytes, &Field::Genre);
                let now = now.unwrap_or_else(|why| panic!("{name}, {has_header}: {why}"));
                let tag = ape_tag(&[&odd[..], &[("genre", 0, "Rock")]].concat(), has_header);
                assert!(now == [sound, &tag, behind].concat(), "{name}, {has_header}");
            }
        }
        let bytes = [sound, &id3v1].concat();
        let now = written(folder.path(), name, &bytes, &Field::Genre).unwrap();
        assert!(
            now == [sound, &ape_tag(&[("GENRE", 0, "Rock")], true), &id3v1].concat(),
            "{name}"
        );
    }
}

#[test]
fn a_tag_of_ape_that_is_not_whole_or_not_at_the_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tag = ape_tag(&[("Title", 0, "T"), ("Artist", 0, "A")], true);
    let end = tag.len();
    let changed = |changes: &[(usize, u8)]| {
        let mut tag = tag.clone();
        for (place, byte) in changes {
            tag[*place] = *byte;
        }
        tag
    };
    let cases = [
        ("fewer items in header and footer", changed(&[(16, 1), (end - 16, 1)])),
        ("more items", changed(&[(16, 3), (end - 16, 3)])),
        ("other items in the header", changed(&[(16, 1)])),
        ("no header where it says so", changed(&[(0, b'B')])),
        ("another version", changed(&[(end - 24, 0xd1)])),
        ("an item beyond it", changed(&[(32, 0xff)])),
        ("a huge item", changed(&[(35, 0xff)])),
        ("an item without a name", changed(&[(40, 0)])),
        ("a huge tag", changed(&[(end - 17, 0xff)])),
        ("a tag of nothing", changed(&[(end - 20, 0)])),
        ("lyrics behind it", [&tag[..], b"LYRICSBEGIN000011LYRICS200"].concat()),
    ];
    for (what, tag) in cases {
        let bytes = [monkeys_audio(), tag].concat();
        assert!(
            written(folder.path(), "odd.ape", &bytes, &Field::Genre).is_err(),
            "{what}"
        );
    }
}

/// A chunk of RIFF.
fn chunk(id: &[u8], content: &[u8]) -> Vec<u8> {
    let padding = &[0][..content.len() % 2];
    [id, &(content.len() as u32).to_le_bytes(), content, padding].concat()
}

#[test]
fn items_of_riff_stay_or_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wav = |items: &[Vec<u8>], behind: &[u8]| {
        let format = [1, 0, 1, 0, 0x44, 0xac, 0, 0, 0x88, 0x58, 1, 0, 2, 0, 16, 0];
        let list = [&b"INFO"[..], &items.concat()].concat();
        let chunks = [
            chunk(b"fmt ", &format),
            chunk(b"LIST", &list),
            chunk(b"data", &[1; 8820]),
        ]
        .concat();
        [chunk(b"RIFF", &[&b"WAVE"[..], &chunks].concat()), behind.to_vec()].concat()
    };
    let genre = chunk(b"IGNR", b"Polka\0");
    let artist = chunk(b"IART", b"A\0");
    let now = written(
        folder.path(),
        "odd.wav",
        &wav(&[artist.clone(), genre.clone()], b""),
        &Field::Genre,
    )
    .unwrap();
    assert!(has(&now, b"IART\x02\0\0\0A\0") && !has(&now, b"Polka"));
    let strange = chunk(b"ICMT", b"a\0b\0");
    let now = written(
        folder.path(),
        "odd.wav",
        &wav(&[strange.clone(), genre.clone()], b""),
        &Field::Genre,
    )
    .unwrap();
    assert!(has(&now, &strange));
    let cases = [
        ("bytes behind the items", b"odd!".to_vec()),
        ("an item without text", chunk(b"ICMT", b"")),
        ("another encoding", chunk(b"ICMT", b"\xe4\0")),
        ("an item without a name", chunk(b"\0\0\0\x01", b"a\0")),
        ("an item beyond the list", b"ICMT\xff\0\0\0a\0".to_vec()),
    ];
    for (what, item) in cases {
        let bytes = wav(&[genre.clone(), item], b"");
        assert!(
            written(folder.path(), "odd.wav", &bytes, &Field::Genre).is_err(),
            "{what}"
        );
    }
    let behind = written(folder.path(), "odd.wav", &wav(&[genre], b"odd"), &Field::Genre);
    assert!(behind.is_err() || has(&behind.unwrap(), b"odd"));
}

#[test]
fn a_field_of_ones_own_is_not_taken_for_a_frame_of_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let song = fs::read(media(folder.path(), "v24.mp3", &["-c:a", "libmp3lame"], None)).unwrap();
    let now = written(folder.path(), "v24.mp3", &song, &Field::named("TIT2").unwrap()).unwrap();
    assert!(has(&now, "Ĝis la revido".as_bytes()), "the title is gone");
}
