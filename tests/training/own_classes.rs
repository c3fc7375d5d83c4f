//! Folders of one's own: read, grouped, split and trained on, and what is said of those that cannot be.

use crate::common::media;
use attune_audio::features::{FeatureExtractor, FrontEndSpec};
use attune_model::genre::GenreSet;
use attune_train::TrainError;
use attune_train::aux_data;
use attune_train::checkpoint::steps_made;
use attune_train::dataset::{Clip, Dataset};
use attune_train::findings::FindingKind;
use attune_train::folders::{ClassSource, FolderData, classes_below, open, open_until};
use attune_train::grouping::HoldOut;
use attune_train::recipe::ModelKind;
use attune_train::renditions::RenditionsPlan;
use attune_train::session::{
    CHECKPOINT, Credits, DataName, DataSource, Event, Outcome, Session, SessionConfig, read_log,
};
use attune_train::split::Fold;
use attune_train::survey::{Assessment, ClassFigures, Survey};
use attune_train::variant::Variant;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const RATE: u32 = 16_000;

/// Ten recordings each of two classes, low and high tones; the first field of a name is a session of two recordings.
fn sounds(folder: &Path) {
    for (class, base_hz) in [("low", 200.0), ("high", 2_000.0)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for n in 0..10 {
            let hz = base_hz * (1.0 + 0.05 * f64::from(n));
            let samples: Vec<f32> = (0..2 * RATE)
                .map(|i| 0.3 * (std::f64::consts::TAU * hz * f64::from(i) / f64::from(RATE)).sin() as f32)
                .collect();
            let path = folder.join(class).join(format!("{class}{}_{n}.wav", n / 2));
            media::write_float_wav(&path, RATE, 1, &samples);
        }
    }
}

fn source(folder: &Path) -> FolderData {
    FolderData {
        classes: classes_below(folder, &[]).unwrap(),
        groups: vec!["1:_".parse().unwrap()],
        hold_out: HoldOut::Fold { number: 1, of: 5 },
        seed: 1,
    }
}

fn refusal(source: &FolderData) -> String {
    let error = open(source, &FrontEndSpec::default(), |_, _| {}).unwrap_err();
    format!("{error}\n  {}", error.remedy().unwrap_or_default())
}

#[test]
fn folders_are_classes_and_groups_stay_whole() {
    let folder = media::folder();
    sounds(folder.path());
    std::fs::write(folder.path().join("low").join("notes.txt"), "no sound").unwrap();
    let mut validated = Vec::new();
    for number in 1..=5 {
        let source = FolderData {
            hold_out: HoldOut::Fold { number, of: 5 },
            ..source(folder.path())
        };
        let (data, left_out) = open(&source, &FrontEndSpec::default(), |_, _| {}).unwrap();
        assert_eq!(data.genres.labels(), ["high", "low"]);
        assert_eq!((data.train.len(), data.valid.len()), (16, 4));
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].message.contains("notes.txt") && !left_out[0].remedy.is_empty());
        assert!(
            data.train
                .iter()
                .all(|clip| clip.whole.as_ref().unwrap().len() >= 150 * 128)
        );
        validated.extend(data.valid.into_iter().map(|clip| clip.name));
    }
    validated.sort();
    validated.dedup();
    assert_eq!(validated.len(), 20, "every clip validates once");
}

#[test]
fn what_cannot_be_a_data_set_is_named() {
    let folder = media::folder();
    sounds(folder.path());
    let missing = classes_below(folder.path(), &["low".to_owned(), "loud".to_owned()]).unwrap_err();
    assert!(missing.to_string().contains("\"loud\"") && missing.to_string().contains("high, low"));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(refusal(&source(folder.path())).contains("no file for the class \"empty\""));
    std::fs::remove_dir(folder.path().join("empty")).unwrap();

    let mut few = source(folder.path());
    few.hold_out = HoldOut::Matching(vec!["*/low*".to_owned()]);
    let said = refusal(&few);
    assert!(
        said.contains("0 for validation") && said.contains("--hold-out"),
        "{said}"
    );

    // One session on both sides.
    let mut leak = source(folder.path());
    leak.hold_out = HoldOut::Matching(vec!["*_1.wav".to_owned(), "*_4.wav".to_owned()]);
    let error = open(&leak, &FrontEndSpec::default(), |_, _| {}).unwrap_err();
    assert!(matches!(error, TrainError::Leak(_)), "{error}");

    let mut gone = source(folder.path());
    gone.classes[0].folders = vec![folder.path().join("nowhere")];
    let said = refusal(&gone);
    assert!(
        said.contains("nowhere") && said.contains("Check the spelling"),
        "{said}"
    );
}

#[test]
fn words_are_joined_within_a_group_and_noises_are_made_on_both_sides() {
    let folder = media::folder();
    sounds(folder.path());
    let mut source = source(folder.path());
    source.classes[1].joined = Some(attune_audio::units::Seconds(10.0));
    source.classes.push(ClassSource {
        label: "noise".to_owned(),
        generated: 55,
        ..ClassSource::default()
    });
    source.hold_out = HoldOut::Matching(vec!["*0_*".to_owned()]);
    let (data, _) = open(&source, &FrontEndSpec::default(), |_, _| {}).unwrap();
    let of = |class: u8| {
        let count = |clips: &[Clip]| clips.iter().filter(|clip| clip.genre.0 == class).count();
        (count(&data.train), count(&data.valid))
    };
    // Two recordings of 2 s in each of five sessions.
    assert_eq!((of(0), of(1), of(2)), ((8, 2), (4, 1), (44, 11)));
}

fn tagged(folder: &Path) {
    sounds(folder);
    // Five artists of each class, two files each; one of them with another besides.
    for class in ["low", "high"] {
        for n in 0..10 {
            let path = folder.join(class).join(format!("{class}{}_{n}.wav", n / 2));
            let artist = match n {
                3 => format!("{class} 1 feat. Guest"),
                5 => format!("GUEST and {class} 2"),
                n => format!("{class} {}", n / 2),
            };
            media::tag_wav(&path, &artist, &format!("{class} album {}", n / 4));
        }
    }
}

fn surveyed(folder: &Path) -> Survey {
    let classes = classes_below(folder, &[]).unwrap();
    let stop = AtomicBool::new(false);
    Survey::read(&classes, &FrontEndSpec::default(), &stop, |_, _, _| {}).unwrap()
}

fn assessed(folder: &Path, rules: &[&str]) -> Assessment {
    let survey = surveyed(folder);
    let rules: Vec<_> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    survey.assess(&rules, &HoldOut::Fold { number: 1, of: 5 })
}

fn kinds(assessment: &Assessment) -> Vec<FindingKind> {
    let mut kinds: Vec<_> = assessment.findings.iter().map(|finding| finding.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_survey_lists_classes_tags_and_leaks_and_grouping_keeps_artists_together() {
    let folder = media::folder();
    tagged(folder.path());
    let apart = assessed(folder.path(), &[]);
    let high = &apart.classes[0];
    assert_eq!(
        (high.label.as_str(), high.files, high.train, high.valid),
        ("high", 10, 8, 2)
    );
    assert_eq!((high.artists, high.albums), (7, 3));
    assert!((high.duration.0 - 20.0).abs() < 1e-6 && (apart.valid.0 - 8.0).abs() < 1e-6);
    let both = [
        FindingKind::ArtistOnBothSides,
        FindingKind::AlbumOnBothSides,
        FindingKind::Few,
    ];
    assert_eq!(kinds(&apart), both);
    // 1 and 2 of both classes are linked by the guest: eight files stay together.
    let by_artist = assessed(folder.path(), &["artist"]);
    assert!(
        !kinds(&by_artist).contains(&FindingKind::ArtistOnBothSides),
        "{by_artist:?}"
    );
    // Three albums of each class are too few for five folds: the first split in which each class validates is another.
    let by_album = assessed(folder.path(), &["album"]);
    assert_eq!(kinds(&by_album)[0], FindingKind::TooFew);
    let (fold, by_album) = surveyed(folder.path()).usual_split(&["album".parse().unwrap()]);
    assert!(fold != Fold::default() && by_album.is_trainable(), "{fold}");
    assert!(!kinds(&by_album).contains(&FindingKind::AlbumOnBothSides));

    // The same rules are those of the training, which says the same.
    let source = FolderData {
        groups: vec!["artist".parse().unwrap()],
        ..source(folder.path())
    };
    let stop = AtomicBool::new(false);
    let set = open_until(&source, &FrontEndSpec::default(), &stop, |_, _| {}).unwrap();
    let count = |of: fn(&ClassFigures) -> usize| by_artist.classes.iter().map(of).sum::<usize>();
    assert_eq!(
        (set.data.train.len(), set.data.valid.len()),
        (count(|class| class.train), count(|class| class.valid))
    );
    assert_eq!(set.findings, by_artist.findings);
}

#[test]
fn a_sound_that_is_there_twice_counts_once_and_in_two_classes_never() {
    let folder = media::folder();
    sounds(folder.path());
    let (low, high) = (folder.path().join("low"), folder.path().join("high"));
    let all = |folder: &Path| open(&source(folder), &FrontEndSpec::default(), |_, _| {}).unwrap().0;
    let before = all(folder.path());
    // Other tags, the same sound.
    std::fs::copy(low.join("low0_0.wav"), low.join("other4_0.wav")).unwrap();
    media::tag_wav(&low.join("other4_0.wav"), "someone", "else");
    assert_eq!(
        kinds(&assessed(folder.path(), &["1:_"])),
        [FindingKind::Few, FindingKind::SameSound]
    );
    let after = all(folder.path());
    assert_eq!(
        (after.train.len(), after.valid.len()),
        (before.train.len(), before.valid.len())
    );

    std::fs::copy(low.join("low2_4.wav"), high.join("high9_9.wav")).unwrap();
    let found = assessed(folder.path(), &["1:_"]);
    let worst = &found.findings[0];
    assert_eq!(worst.kind, FindingKind::SameSoundTwoClasses);
    assert!(worst.message.contains("low2_4.wav (low)") && worst.message.contains("high9_9.wav (high)"));
    let after = all(folder.path());
    let has = |name: &str| {
        after
            .train
            .iter()
            .chain(&after.valid)
            .any(|clip| clip.name.ends_with(name))
    };
    assert!(!has("low2_4.wav") && !has("high9_9.wav") && has("low0_0.wav") && !has("other4_0.wav"));
}

#[test]
fn files_that_are_no_clips_are_refused_one_by_one_and_a_class_of_them_cannot_be_trained() {
    let folder = media::folder();
    sounds(folder.path());
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("notes.txt"), "no sound").unwrap();
    media::write_float_wav(&empty.join("click.wav"), RATE, 1, &[0.5; 200]);
    media::write_float_wav(&empty.join("nothing.wav"), RATE, 1, &vec![0.0; 32_000]);
    let classes = classes_below(folder.path(), &[]).unwrap();
    let stop = AtomicBool::new(false);
    let survey = Survey::read(&classes, &FrontEndSpec::default(), &stop, |_, _, _| {}).unwrap();
    let said: Vec<_> = survey
        .left_out
        .iter()
        .map(|(class, why)| (*class, why.message.as_str()))
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for (part, (class, message)) in ["click.wav is too short", "notes.txt", "nothing.wav is silent"]
        .iter()
        .zip(said)
    {
        assert!(class == 0 && message.contains(part), "{message}");
    }
    let found = survey.assess(&[], &HoldOut::Fold { number: 1, of: 5 });
    assert_eq!((found.classes[0].files, found.classes[0].left_out), (0, 3));
    assert!(!found.is_trainable() && found.findings[0].kind == FindingKind::TooFew);
    stop.store(true, Ordering::Relaxed);
    let stopped = Survey::read(&classes, &FrontEndSpec::default(), &stop, |_, _, _| {});
    assert!(matches!(stopped, Err(TrainError::Stopped)));
}

/// A run of 12 steps in a folder; stopped before this step, if one is given.
fn run_of(sounds: &Path, out: &Path, resume: bool, stop_at: Option<u64>) -> Result<Outcome, TrainError> {
    let stop = Arc::new(AtomicBool::new(false));
    let credits = Credits {
        name: "tones".to_owned(),
        command: "a test".to_owned(),
        data: DataName::Given("tones".to_owned()),
        rights: None,
        today: || "2026-12-01".to_owned(),
    };
    let config = SessionConfig {
        resume,
        every: 5,
        stop: Arc::clone(&stop),
        ..SessionConfig::new(DataSource::Folders(source(sounds)), out.to_owned(), credits)
    };
    let observer = |event: Event<'_>| {
        if let Event::Step { report, .. } = event
            && Some(report.step) == stop_at
        {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let session = Session::open(&config, &observer)?;
    let recipe = Variant::Gate.recipe(ModelKind::Tcn, session.genres().len(), 1, 12, Some(8));
    session.run(recipe)
}

#[test]
fn a_run_that_is_stopped_between_checkpoints_goes_on_to_the_same_weights_with_the_same_data_only() {
    let folder = media::folder();
    let sound = folder.path().join("sounds");
    sounds(&sound);
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let expected = run_of(&sound, &whole, false, None).unwrap().manifest;
    let stopped = run_of(&sound, &parts, false, Some(7)).unwrap_err();
    assert!(matches!(stopped, TrainError::Stopped), "{stopped}");
    assert_eq!(steps_made(&parts.join(CHECKPOINT)), Some(7));
    assert_eq!(
        read_log(&parts, 7)
            .unwrap()
            .iter()
            .map(|line| line.step)
            .collect::<Vec<_>>(),
        [5]
    );

    // One sound more: other clips might be on the other side.
    let more = sound.join("low/more9_9.wav");
    media::write_float_wav(&more, RATE, 1, &media::signal(RATE, 1, 2.0));
    let changed = run_of(&sound, &parts, true, None).unwrap_err();
    assert!(changed.to_string().contains("the data differs"), "{changed}");
    assert!(changed.remedy().unwrap().contains("Bring the folders back"));
    std::fs::remove_file(more).unwrap();

    // The same sounds elsewhere are the same data.
    let moved = folder.path().join("moved");
    std::fs::rename(&sound, &moved).unwrap();
    let outcome = run_of(&moved, &parts, true, None).unwrap();
    assert_eq!(outcome.manifest.weights_sha256, expected.weights_sha256);
    assert_eq!((outcome.train, outcome.held_out.whole.len()), (16, 4));
    let steps = read_log(&parts, 99)
        .unwrap()
        .iter()
        .map(|line| line.step)
        .collect::<Vec<_>>();
    assert_eq!(steps, [5, 10, 12]);
}

/// What the program writes to standard output, and what to standard error.
fn run(args: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_attune")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

#[test]
fn own_classes_are_trained_exported_and_listened_with() {
    let folder = media::folder();
    let (sound, out) = (folder.path().join("sounds"), folder.path().join("out"));
    sounds(&sound);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (_, said) = run(&[
        "train",
        "tcn",
        "--data",
        &text(&sound),
        "--classes",
        "low,high",
        "--group-by",
        "1:_",
        "--fold",
        "2/5",
        "--width",
        "8",
        "--steps",
        "25",
        "--name",
        "tones",
        "--out",
        &text(&out),
    ]);
    assert!(
        said.contains("16 training and 4 validation clips of low, high"),
        "{said}"
    );
    let card = std::fs::read_to_string(out.join("tones.md")).unwrap();
    assert!(
        card.contains("--classes low,high --group-by 1:_") && card.contains("--fold 2/5") && !card.contains("Western"),
        "{card}"
    );
    let (json, _) = run(&[
        "analyze",
        "--json",
        "--model",
        &text(&out.join("tones.json")),
        &text(&sound.join("low/low4_9.wav")),
    ]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let shares = report["engines"][0]["probabilities"].as_object().unwrap();
    assert_eq!(shares.keys().collect::<Vec<_>>(), ["high", "low"]);
    assert!(report["answer"]["kinds"].is_null(), "no gate was named");
}

#[test]
fn all_folds_are_pooled_and_finished_ones_are_not_run_again() {
    let folder = media::folder();
    let (sound, out) = (folder.path().join("sounds"), folder.path().join("out"));
    sounds(&sound);
    let (sound, to) = (sound.to_str().unwrap(), out.to_str().unwrap());
    let args = [
        "train",
        "tcn",
        "--data",
        sound,
        "--group-by",
        "1:_",
        "--folds",
        "2",
        "--width",
        "8",
        "--steps",
        "25",
        "--out",
        to,
    ];
    let (page, _) = run(&args);
    assert!(page.contains("attune train tcn --data FOLDER --group-by 1:_"), "{page}");
    assert!(
        page.contains("--folds 2") && page.contains("| whole clips | 20 |"),
        "{page}"
    );
    assert_eq!(std::fs::read_to_string(out.join("cross-validation.md")).unwrap(), page);
    // The folds of one model, or of several, are an ensemble out of fold: here the same one twice.
    let copy = folder.path().join("copy");
    for fold in ["fold-1", "fold-2"] {
        std::fs::create_dir_all(copy.join(fold)).unwrap();
        let file = |root: &Path| root.join(fold).join("held-out.safetensors");
        std::fs::copy(file(&out), file(&copy)).unwrap();
    }
    let lines = folder.path().join("answers.csv");
    let (eval, _) = run(&[
        "eval",
        "--folds",
        to,
        copy.to_str().unwrap(),
        "--json",
        "--clips",
        lines.to_str().unwrap(),
    ]);
    let eval: serde_json::Value = serde_json::from_str(&eval).unwrap();
    assert_eq!(
        (eval["clips"].as_u64(), eval["engines"].as_object().unwrap().len()),
        (Some(20), 3)
    );
    let accuracy = eval["engines"]["ensemble"]["accuracy"].as_f64().unwrap();
    assert!(
        page.contains(&format!("| whole clips | 20 | {:.1} % |", 100.0 * accuracy)),
        "{accuracy} {page}"
    );
    assert!((eval["agreement"][0]["share"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(eval["engines"]["copy"]["by_group"]["groups"].as_u64().unwrap() > 2);
    assert_eq!(std::fs::read_to_string(&lines).unwrap().lines().count(), 21);
    let logs = || ["fold-1", "fold-2"].map(|fold| std::fs::read_to_string(out.join(fold).join("log.csv")).unwrap());
    let before = logs();
    let (again, _) = run(&[&args[..], &["--resume"]].concat());
    assert_eq!((again, logs()), (page, before.clone()), "nothing was left to be done");

    // Without --resume nothing is written over.
    let output = Command::new(env!("CARGO_BIN_EXE_attune")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("fold-1 already holds a run") && said.contains("--resume"),
        "{said}"
    );
    assert_eq!(logs(), before);
}

#[test]
fn auxiliary_data_are_for_training_only() {
    let folder = media::folder();
    let (sound, more, out) = (
        folder.path().join("sounds"),
        folder.path().join("more"),
        folder.path().join("out"),
    );
    sounds(&sound);
    let spec = FrontEndSpec::default();
    let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
    std::fs::create_dir_all(more.join("quiet")).unwrap();
    let nothing = aux_data::open(std::slice::from_ref(&more), &genres, &spec, |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(nothing.contains("more") && nothing.contains("low, high"), "{nothing}");

    // Noise by telephone, and by a full band.
    std::fs::create_dir_all(more.join("low")).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for (name, rate) in [("telephone.wav", 8_000), ("full.wav", 44_100)] {
        let samples: Vec<f32> = (0..3 * rate).map(|_| random.random_range(-0.5..0.5)).collect();
        media::write_float_wav(&more.join("low").join(name), rate, 1, &samples);
    }
    let found = aux_data::open(std::slice::from_ref(&more), &genres, &spec, |_, _| {}).unwrap();
    assert_eq!(found.no_class, ["quiet"]);
    let limits: Vec<usize> = found.clips.iter().filter_map(|clip| clip.band_limit).collect();
    let extractor = FeatureExtractor::new(&spec, spec.rate).unwrap();
    let kilohertz = |band: usize| extractor.centres_hz()[band] / 1_000.0;
    assert_eq!(limits.len(), 2);
    assert_eq!(limits[0], spec.bands, "a full band has no limit");
    assert!((2.5..3.9).contains(&kilohertz(limits[1])), "{limits:?}");
    assert!(found.clips.iter().all(|clip| genres.label(clip.genre) == "low"));

    let copy = Clip {
        name: sound.join("low/low4_9.wav").to_str().unwrap().to_owned(),
        ..Clip::default()
    };
    aux_data::refuse_validation_files(&found.clips, std::slice::from_ref(&copy)).unwrap();
    std::fs::copy(&copy.name, more.join("low").join("new name.wav")).unwrap();
    let with_copy = aux_data::open(std::slice::from_ref(&more), &genres, &spec, |_, _| {}).unwrap();
    let leak = aux_data::refuse_validation_files(&with_copy.clips, &[copy])
        .unwrap_err()
        .to_string();
    assert!(
        leak.contains("new name.wav") && leak.contains("validation clip"),
        "{leak}"
    );
    std::fs::remove_file(more.join("low").join("new name.wav")).unwrap();

    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (_, said) = run(&[
        "train",
        "tcn",
        "--data",
        &text(&sound),
        "--aux-data",
        &text(&more),
        "--aux-share",
        "0.5",
        "--width",
        "8",
        "--steps",
        "3",
        "--out",
        &text(&out),
    ]);
    assert!(
        said.contains("2 auxiliary clips for training") && said.contains("quiet"),
        "{said}"
    );
    let card = std::fs::read_to_string(out.join("tcn.md")).unwrap();
    assert!(
        card.contains("| 2 of the training clips, for training only, artists unknown; 50 %")
            && card.contains("--aux-share 0.5 --aux-data FOLDER"),
        "{card}"
    );
    assert!(
        card.contains("18 training clips (18 with whole audio), 4 validation clips"),
        "{card}"
    );
}

#[test]
fn what_is_of_another_source_is_re_recorded_as_the_rest_is() {
    let folder = media::folder();
    let low = folder.path().join("low");
    std::fs::create_dir_all(&low).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for name in ["a.wav", "b.wav"] {
        let samples: Vec<f32> = (0..2 * 8_000).map(|_| random.random_range(-0.5..0.5)).collect();
        media::write_float_wav(&low.join(name), 8_000, 1, &samples);
    }
    let spec = FrontEndSpec::default();
    let genres = GenreSet::new(vec!["low".to_owned(), "high".to_owned()]).unwrap();
    let found = aux_data::open(&[folder.path().to_owned()], &genres, &spec, |_, _| {}).unwrap();
    let own = Clip {
        name: "own".to_owned(),
        ..Clip::default()
    };
    let mut data = Dataset::new(genres, vec![own.clone(), own], Vec::new());
    let plan = RenditionsPlan {
        versions: 4,
        // Of the rest's: the other source is not asked about.
        teacher: Some("digest".to_owned()),
        ..RenditionsPlan::default()
    };
    aux_data::join(&mut data, found.clips, &plan, &spec, None, &|_, _| {}).unwrap();
    assert_eq!(data.train.len(), 4);
    assert!(data.train[..2].iter().all(|clip| clip.renditions.is_empty()));
    for (place, clip) in data.train.iter().enumerate().skip(2) {
        // A take says which clip it is of by the place among all.
        assert!(clip.renditions.iter().all(|take| take.clips == [(place, 1.0)]));
        assert_eq!(clip.renditions.len(), 4, "each version, and no mixture");
        assert!(
            clip.teacher.is_none()
                && clip
                    .renditions
                    .iter()
                    .all(|take| take.recording.teacher.features.is_empty())
        );
        let levels = |take: usize| &clip.renditions[take].recording.levels;
        assert_ne!(levels(0), levels(2), "two rooms");
    }
}
