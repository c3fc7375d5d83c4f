//! A genre is written into files of every format, nothing else in them changes, and the old bytes come back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use attune_tags::{Field, Journal, Refusal, Step, Undone, read, write, write_with};
use common::{FORMATS, found, media, run};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

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
fn mode_attributes_and_links_stay_and_the_time_of_modification_tells_of_the_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = media(folder.path(), "song.flac", &["-c:a", "flac"], None);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let set_time = || {
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(then).unwrap();
    };
    set_time();
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
            set_time();
            Journal::undo_last(&folder.path().join("undo")).unwrap().unwrap();
        }
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o640);
        // Else players and backups that look at size and time would pass the file over.
        assert!(metadata.modified().unwrap() > then);
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

#[test]
fn a_run_that_cannot_be_undone_does_not_stand_in_the_way_of_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("undo");
    let first = media(folder.path(), "song.flac", &["-c:a", "flac"], None);
    let second = media(folder.path(), "song.ogg", &["-c:a", "libvorbis"], None);
    let old = fs::read(&first).unwrap();
    write(&first, &Field::Genre, "Jazz", &mut Journal::begin(&at)).unwrap();
    // Runs are told apart by the millisecond.
    std::thread::sleep(Duration::from_millis(2));
    write(&second, &Field::Genre, "Jazz", &mut Journal::begin(&at)).unwrap();
    fs::write(&second, "another program was here").unwrap();
    fs::write(at.join("notes.txt"), "no run").unwrap();
    let restored = Journal::undo_last(&at).unwrap().unwrap();
    let outcomes: Vec<_> = restored.iter().map(|file| (&file.path, file.result.is_ok())).collect();
    assert_eq!(
        outcomes,
        [
            (&fs::canonicalize(&second).unwrap(), false),
            (&fs::canonicalize(&first).unwrap(), true)
        ]
    );
    assert!(fs::read(&first).unwrap() == old);
    assert_eq!(
        Journal::undo_last(&at).unwrap().unwrap().len(),
        1,
        "the failed entry stays"
    );
}

#[test]
fn an_undo_that_fails_leaves_the_file_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("undo");
    let music = folder.path().join("music");
    fs::create_dir(&music).unwrap();
    let path = media(&music, "song.flac", &["-c:a", "flac"], None);
    let old = fs::read(&path).unwrap();
    write(&path, &Field::Genre, "Jazz", &mut Journal::begin(&at)).unwrap();
    let new = fs::read(&path).unwrap();
    let check = |is_expected: fn(&Refusal) -> bool| {
        let restored = Journal::undo_last(&at).unwrap().unwrap();
        let why = &restored[0].result.as_ref().unwrap_err().why;
        assert!(is_expected(why), "{why}");
        assert!(fs::read(&path).unwrap() == new);
    };
    let other = folder.path().join("other name.flac");
    fs::hard_link(&path, &other).unwrap();
    check(|why| matches!(why, Refusal::Linked(2)));
    fs::remove_file(&other).unwrap();
    let run = fs::read_dir(&at).unwrap().next().unwrap().unwrap().path();
    let entry = fs::read_dir(&run).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&entry).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&entry, &bytes).unwrap();
    check(|why| matches!(why, Refusal::Journal));
    assert_eq!(fs::read_dir(&music).unwrap().count(), 1, "a temporary file is left");
    // Where it has become a link, what it leads to is restored.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&entry, &bytes).unwrap();
    let moved = folder.path().join("moved.flac");
    fs::rename(&path, &moved).unwrap();
    symlink(&moved, &path).unwrap();
    assert!(Journal::undo_last(&at).unwrap().unwrap()[0].result.is_ok());
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(fs::read(&moved).unwrap() == old);
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
    // And at so many moments of its life, from the first to about the last; `./test.sh --proof` says more.
    let kills = std::env::var("ATTUNE_TEST_KILLS").map_or(14, |kills| kills.parse().unwrap());
    let since = Instant::now();
    assert!(child("never").wait().unwrap().success());
    let life = since.elapsed();
    check("not killed");
    for point in 0..kills {
        let mut child = child("never");
        std::thread::sleep(life * point / (kills - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&format!("after {point} of {kills} parts of {life:?}"));
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    println!(
        "PROOF\ttag: {} kills\t{} times old, {} new",
        STEPS.len() as u32 + kills,
        seen[0],
        seen[1] - 1
    );
}
