//! A genre is written into files of every format, nothing else in them changes, and the old bytes come back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use attune_tags::{Field, Journal, Refusal, Step, Undone, read, write, write_with};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program} ({error}): install ffmpeg"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Names and the encoder's arguments of one file of each format.
const FORMATS: [(&str, &[&str]); 9] = [
    ("v23.mp3", &["-c:a", "libmp3lame", "-id3v2_version", "3"]),
    ("v24.mp3", &["-c:a", "libmp3lame", "-id3v2_version", "4"]),
    ("v1.mp3", &["-c:a", "libmp3lame", "-write_id3v1", "1"]),
    ("song.flac", &["-c:a", "flac"]),
    ("song.ogg", &["-c:a", "libvorbis"]),
    ("song.m4a", &["-c:a", "aac"]),
    ("faststart.m4a", &["-c:a", "aac", "-movflags", "+faststart"]),
    ("song.wav", &["-c:a", "pcm_s16le"]),
    ("song.aiff", &["-c:a", "pcm_s16be", "-write_id3v2", "1"]),
];

/// Four seconds of a tone with a title, an artist, a comment and a year, and where the format has one, a picture.
fn media(folder: &Path, name: &str, encoder: &[&str], genre: Option<&str>) -> PathBuf {
    let path = folder.join(name);
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
fn found(path: &Path) -> (Vec<String>, String) {
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

#[test]
fn a_genre_is_written_to_every_format_and_nothing_else_changes_and_undo_brings_the_bytes_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal_at = folder.path().join("undo");
    for (name, encoder) in FORMATS {
        for field in [Field::Genre, Field::named("MY_GENRE").unwrap()] {
            let path = media(folder.path(), name, encoder, None);
            let (bytes, before) = (fs::read(&path).unwrap(), found(&path));
            assert!(read(&path, &field).unwrap().values.is_empty(), "{name}");
            let mut journal = Journal::begin(&journal_at);
            write(&path, &field, "Hip-hop", &mut journal).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read(&path, &field).unwrap().values, ["Hip-hop"], "{name}");
            assert_eq!(found(&path), before, "{name}");
            let shown = run(
                "ffprobe",
                &["-v", "error", "-show_format", "-show_streams", path.to_str().unwrap()],
            );
            // FFmpeg reads no ID3v2 in wav.
            let is_read = !(name == "song.wav" && field != Field::Genre);
            assert!(shown.contains("=Hip-hop") == is_read, "{name}: {shown}");
            let restored = Journal::undo_last(&journal_at).unwrap().unwrap();
            assert!(matches!(restored[0].result, Ok(Undone::Restored)), "{name}");
            assert!(fs::read(&path).unwrap() == bytes, "{name}: not the old bytes");
        }
    }
    assert!(Journal::undo_last(&journal_at).unwrap().is_none());
}

#[test]
fn a_genre_that_is_there_is_read_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(&folder.path().join("undo"));
    for (name, encoder) in FORMATS.into_iter().filter(|(name, _)| *name != "v1.mp3") {
        let path = media(folder.path(), name, encoder, Some("Polka"));
        let before = found(&path);
        let written = write(&path, &Field::Genre, "Rock", &mut journal).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(written.before, ["Polka"], "{name}");
        assert_eq!(read(&path, &Field::Genre).unwrap().values[0], "Rock", "{name}");
        assert_eq!(found(&path), before, "{name}");
    }
}

#[test]
fn what_cannot_be_read_to_the_letter_or_has_other_names_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(&folder.path().join("undo"));
    let mut refused = |path: &Path| {
        let bytes = fs::read(path).ok();
        let error = write(path, &Field::Genre, "Rock", &mut journal).unwrap_err();
        assert_eq!(fs::read(path).ok(), bytes, "{error}");
        assert!(!error.why.remedy().is_empty());
        error.why
    };
    let path = media(folder.path(), "v24.mp3", FORMATS[1].1, None);
    let mut damaged = fs::read(&path).unwrap();
    // The size of the first frame reaches beyond the tag.
    damaged[14..18].copy_from_slice(&[0x7f; 4]);
    let broken = folder.path().join("broken.mp3");
    fs::write(&broken, &damaged).unwrap();
    assert!(matches!(refused(&broken), Refusal::Unreadable(_)));
    fs::hard_link(&path, folder.path().join("other name.mp3")).unwrap();
    assert!(matches!(refused(&path), Refusal::Linked(2)));
    let text = folder.path().join("notes.txt");
    fs::write(&text, "no music").unwrap();
    assert!(matches!(refused(&text), Refusal::Format));
    assert!(matches!(refused(folder.path()), Refusal::Io(_) | Refusal::NotAFile));
    assert!(matches!(refused(&folder.path().join("gone.mp3")), Refusal::Io(_)));
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().starts_with(".attune")),
        "{left:?}"
    );
}

#[test]
fn mode_times_attributes_and_links_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = media(folder.path(), "song.flac", &["-c:a", "flac"], None);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(then)
        .unwrap();
    // Not every file system has them.
    let has_attributes = xattr::set(&path, "user.note", b"keep me").is_ok();
    let link = folder.path().join("link.flac");
    symlink("song.flac", &link).unwrap();
    let mut journal = Journal::begin(&folder.path().join("undo"));
    for round in 0..2 {
        if round == 0 {
            write(&link, &Field::Genre, "Jazz", &mut journal).unwrap();
            assert_eq!(read(&path, &Field::Genre).unwrap().values, ["Jazz"]);
        } else {
            Journal::undo_last(&folder.path().join("undo")).unwrap().unwrap();
        }
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.modified().unwrap()), (0o640, then));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        if has_attributes {
            assert_eq!(xattr::get(&path, "user.note").unwrap().unwrap(), b"keep me");
        }
    }
}

#[test]
fn a_file_that_was_changed_since_is_not_undone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("undo");
    let path = media(folder.path(), "song.ogg", &["-c:a", "libvorbis"], None);
    write(&path, &Field::Genre, "Jazz", &mut Journal::begin(&at)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, &bytes).unwrap();
    let restored = Journal::undo_last(&at).unwrap().unwrap();
    assert!(matches!(&restored[0].result, Err(error) if matches!(error.why, Refusal::Meanwhile)));
    assert!(fs::read(&path).unwrap() == bytes);
    // The entry stays for a later try.
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    assert!(Journal::undo_last(&at).unwrap().unwrap()[0].result.is_ok());
}

const KILLED: &str = "ATTUNE_TAGS_KILLED_AT";
const STEPS: [Step; 6] = [
    Step::Copied,
    Step::Changed,
    Step::Proved,
    Step::Synced,
    Step::Kept,
    Step::Replaced,
];

/// The other side of the next test: writes, and dies at the step that it is told; does nothing by itself.
#[test]
fn child_that_is_killed() {
    let Ok(order) = std::env::var(KILLED) else {
        return;
    };
    let mut words = order.split('|');
    let (path, journal, step) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let mut journal = Journal::begin(Path::new(journal));
    let at = |now: Step| {
        if format!("{now:?}") == step {
            std::process::abort();
        }
    };
    write_with(Path::new(path), (&Field::Genre, "Metal"), &mut journal, at).unwrap();
}

#[test]
fn a_run_that_is_killed_anywhere_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("undo");
    let path = media(folder.path(), "v24.mp3", FORMATS[1].1, None);
    let old = fs::read(&path).unwrap();
    write(&path, &Field::Genre, "Metal", &mut Journal::begin(&at)).unwrap();
    let new = fs::read(&path).unwrap();
    Journal::undo_last(&at).unwrap();
    let child = |step: &str| {
        let order = format!("{}|{}|{step}", path.display(), at.display());
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child_that_is_killed"]).env(KILLED, order);
        child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut seen = [0, 0];
    let mut check = |what: &str| {
        let now = fs::read(&path).unwrap();
        assert!(now == old || now == new, "{what}: neither old nor new");
        seen[usize::from(now == new)] += 1;
        // Whatever was left behind is taken over, and the old bytes come back.
        write(&path, &Field::Genre, "Metal", &mut Journal::begin(&at)).unwrap();
        while Journal::undo_last(&at).unwrap().is_some() {}
        fs::write(&path, &old).unwrap();
    };
    for step in STEPS {
        assert!(!child(&format!("{step:?}")).wait().unwrap().success());
        check(&format!("{step:?}"));
    }
    // And at any other moment of its life.
    for point in 0..14 {
        let mut child = child("never");
        std::thread::sleep(Duration::from_micros(700 * point));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&format!("after {} µs", 700 * point));
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}
