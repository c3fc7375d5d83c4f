//! The arena: its figures are those of `attune eval`, and counted by hand from its own answers.

use super::common::media;
use super::stage::{report, stretches};
use attune_engine::smoothing::SmoothingConfig;
use attune_lab::arena::ArenaLab;
use attune_lab::{Entry, Table};
use attune_model::genre::GenreSet;
use attune_train::evaluate::{Evaluation, ModelClips, run};
use std::path::Path;

fn number(table: &Table, row: usize, column: &str) -> f64 {
    let column = table.columns.iter().position(|name| name == column).unwrap();
    match table.rows[row][column] {
        Entry::Share(number) | Entry::Number(number, _) => number,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn figures_are_those_of_eval_and_of_its_own_answers() {
    let folder = tempfile::tempdir().unwrap();
    let paths = stretches(folder.path(), 6, 1);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    // The bundled LSTM once more, by itself: the same answers, however it is listened to.
    let lab = ArenaLab::new(folder.path(), vec![models.join("lstm.json"), models.join("rnn.json")]);
    let found = report(&lab, Some(folder.path()));
    let [engines, agreement, figures, answers] = &found.tables[..] else {
        panic!("{} tables", found.tables.len())
    };
    let names: Vec<String> = engines.rows.iter().map(|row| row[0].to_string()).collect();
    assert_eq!(names, ["lstm", "tcn", "attention", "lstm", "rnn", "ensemble"]);

    let said = |clip: usize, engine: usize| answers.rows[clip][2 + engine].to_string();
    let share = |is: &dyn Fn(usize) -> bool| (0..10).filter(|clip| is(*clip)).count() as f64 / 10.0;
    let mut differ = 0;
    for one in 0..names.len() {
        let right = share(&|clip| said(clip, one) == answers.rows[clip][1].to_string());
        assert!(
            (number(figures, one, "accuracy") - right).abs() < 1e-9,
            "{}",
            names[one]
        );
        for other in 0..names.len() {
            let same = share(&|clip| said(clip, one) == said(clip, other));
            let Entry::Share(told) = agreement.rows[one][1 + other] else {
                panic!()
            };
            assert!((told - same).abs() < 1e-9, "{} and {}", names[one], names[other]);
            differ += usize::from(same < 1.0);
        }
    }
    assert_eq!(agreement.rows[0][4], Entry::Share(1.0), "an engine and itself");
    assert!(differ > 0, "ten stretches of music, and never two opinions");

    // By another way: the program's engines through `attune eval`'s figures.
    let set = attune_model::bundled().unwrap();
    let genres = GenreSet::gtzan();
    let heard = paths.iter().zip(genres.ids()).map(|(path, truth)| {
        let file = run::file(path, &set, &SmoothingConfig::default()).unwrap();
        file.clip_logits(path, truth).unwrap()
    });
    let clips = ModelClips::by_model(&set.models, &mut heard.collect::<Vec<_>>());
    let evaluation = Evaluation::of(&clips, None, &set.front_end, genres.len());
    for (row, engine) in [0, 1, 2, 5].into_iter().zip(&evaluation.models) {
        assert_eq!(engine.name, names[row]);
        assert!((number(figures, row, "accuracy") - engine.whole.accuracy).abs() < 1e-9);
        assert!((number(engines, row, "calibration error") - engine.whole.ece).abs() < 1e-9);
        assert!((number(figures, row, "calibration error by chance") - engine.chance_ece).abs() < 1e-9);
    }
    let step = |row| number(engines, row, "one step (µs)");
    assert!(step(5) > step(0) && step(5) > step(1), "three take longer than one");

    // What is finished is kept: times measured anew would be others.
    let again = report(&lab, Some(folder.path()));
    for row in 0..names.len() {
        assert!((number(&again.tables[0], row, "one step (µs)") - step(row)).abs() < 1e-9);
    }
    assert_eq!(again.tables[3], *answers);
    let written: Vec<String> = found
        .write(folder.path())
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(written.contains(&"arena-engines.csv".to_owned()) && written.contains(&"arena.svg".to_owned()));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("valid")).unwrap();
    let sound = media::signal(22_050, 1, 2.0);
    for clip in ["a", "b"] {
        media::write_float_wav(&folder.path().join(format!("valid/{clip}.ogg")), 22_050, 1, &sound);
    }
    let table = "clip,genre,split,audio,artist\na,bark,valid,yes,x\nb,purr,valid,yes,y\n";
    std::fs::write(folder.path().join("clips.csv"), table.replacen("valid", "train", 1)).unwrap();
    std::fs::rename(folder.path().join("valid"), folder.path().join("train")).unwrap();
    std::fs::create_dir_all(folder.path().join("valid")).unwrap();
    std::fs::copy(folder.path().join("train/b.ogg"), folder.path().join("valid/b.ogg")).unwrap();
    let refused = |lab: &ArenaLab| super::stage::with_run(None, |run| attune_lab::Lab::run(lab, run)).unwrap_err();
    let error = refused(&ArenaLab::new(folder.path(), Vec::new())).to_string();
    assert!(error.contains("bark purr") && error.contains("blues"), "{error}");
    let error = refused(&ArenaLab::default()).to_string();
    assert!(error.contains("--data"), "{error}");
}
