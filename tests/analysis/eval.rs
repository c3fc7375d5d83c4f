//! `attune eval` on sound: everything it tells of engines, on sections of the demo.

use crate::common::media::{demo_clips, folder, signal, text, write_float_wav};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn eval(table: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["eval", "--manifest", text(table)])
        .args(args)
        .output()
        .unwrap()
}

fn document(output: &Output) -> Value {
    assert!(!output.stdout.is_empty(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A table of 12 s of each recording of the demo.
fn demo_table(folder: &Path) -> PathBuf {
    let mut rows = String::from("path,label\n");
    for (genre, _) in demo_clips(folder, 12.0) {
        rows.extend([&genre, ".wav,", &genre, "\n"]);
    }
    let table = folder.join("clips.csv");
    std::fs::write(&table, rows).unwrap();
    table
}

#[test]
#[allow(clippy::too_many_lines, reason = "one document, field by field")]
fn everything_that_was_asked_for_is_told_in_one_document() {
    let folder = folder();
    let table = demo_table(folder.path());
    write_float_wav(&folder.path().join("quiet.wav"), 22_050, 1, &vec![0.0; 3 * 22_050]);
    let rows = std::fs::read_to_string(&table).unwrap() + "quiet.wav,silence\n";
    std::fs::write(&table, rows).unwrap();
    let pictures = folder.path().join("pictures");
    let options = [
        "--json",
        "--conditions",
        "--splices",
        "4",
        "--focus",
        "METAL",
        "--pictures",
        text(&pictures),
    ];
    let output = eval(&table, &options);
    assert!(output.status.success(), "{}", said(&output));
    let report = document(&output);
    assert_eq!(
        (report["clips"].as_u64(), report["failed"].as_u64()),
        (Some(7), Some(0))
    );
    for engine in ["lstm", "tcn", "attention", "ensemble"] {
        let figures = &report["engines"][engine];
        let accuracy = number(&figures["accuracy"]);
        // Seven clips of seven classes: the mean of the classes is the mean of the clips.
        assert!((number(&figures["macro_accuracy"]) - accuracy).abs() < 1e-9);
        let calibration = &figures["calibration"];
        let fitted = number(&calibration["fitted"]["nll"]);
        let (before, now) = (number(&calibration["before"]["nll"]), number(&figures["nll"]));
        // The ensemble's temperature is fitted to the mean of calibrated engines; before, they were not calibrated.
        assert!(fitted <= now + 1e-6, "{engine}: {fitted} {now}");
        assert!(
            engine == "ensemble" || fitted <= before + 1e-6,
            "{engine}: {fitted} {before}"
        );
        let bins = calibration["bins"].as_array().unwrap();
        assert_eq!(bins.len(), 15);
        assert_eq!(bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum::<u64>(), 7);
        let seconds = figures["seconds"].as_array().unwrap();
        let marks: Vec<f64> = seconds.iter().map(|moment| number(&moment["seconds"])).collect();
        assert_eq!(marks, [1.0, 2.0, 3.0, 5.0, 10.0], "12 s are too short for 20");
        for moment in seconds {
            let [low, high] = [0, 1].map(|end| number(&moment["interval95"][end]));
            let accuracy = number(&moment["accuracy"]);
            assert!(
                low <= accuracy + 1e-9 && accuracy <= high + 1e-9 && moment["clips"] == 7,
                "{moment}"
            );
            // Of seven clips even honest answers are far off, but never by more than all they claim.
            let by_chance = number(&moment["ece_by_chance"]);
            assert!(
                by_chance > 0.02 && by_chance < 0.6 && moment["ece_before"].is_number(),
                "{moment}"
            );
        }
        let conditions = figures["conditions"].as_object().unwrap();
        // Codecs besides, where FFmpeg has them.
        assert!((5..=8).contains(&conditions.len()), "{conditions:?}");
        assert_eq!(conditions.len() < 8, report["left_out"].is_string());
        for name in ["re-recorded", "noisy", "band-limited", "narrow-band"] {
            let condition = &conditions[name];
            let difference = number(&condition["accuracy"]) - accuracy;
            assert!((number(&condition["difference"]) - difference).abs() < 1e-9, "{name}");
        }
        for name in conditions.keys() {
            let focus = &conditions[name]["focus"];
            assert_eq!(
                (&focus["genre"], &focus["recall"]["clips"]),
                (&"metal".into(), &1.into())
            );
            assert!((0.0..=1.0).contains(&number(&focus["taken_for_it"])), "{name}");
        }
        // Recall of each class, by seconds, and the shares of wrong answers.
        assert!((number(&figures["macro"]["share"]) - accuracy).abs() < 1e-9);
        let metal = &figures["recall"]["metal"];
        assert_eq!(
            (
                metal["whole"]["clips"].as_u64(),
                metal["seconds"].as_array().unwrap().len()
            ),
            (Some(1), 5)
        );
        assert_eq!(metal["whole"]["share"], figures["per_class"]["metal"]);
        assert_eq!(
            (number(&figures["rise"]["from_s"]), number(&figures["rise"]["to_s"])),
            (3.0, 10.0)
        );
        let wrong = number(&figures["confident_wrong"]["share"]);
        assert!(wrong <= 1.0 - accuracy + 1e-9 && number(&figures["displayed_wrong"]) <= 1.0 - accuracy + 1e-9);
        assert!(number(&figures["displayed"]) <= 1.0);
        // Nothing is answered within the warm-up.
        let first = number(&figures["shown"]["first_s"]["median"]);
        assert!((0.9..12.0).contains(&first), "{engine}: {first}");
        assert!(number(&figures["shown"]["switches_per_minute"]) >= 0.0);
        let changes = &figures["changes"];
        assert_eq!(changes["pairs"], 4);
        let timed = changes["delay_s"]["count"].as_u64().unwrap() + changes["too_early"].as_u64().unwrap();
        assert_eq!(timed, 4, "{changes}");
    }
    assert_eq!(report["agreement"].as_array().unwrap().len(), 3);
    let rejection = &report["rejection"];
    assert_eq!(rejection["rejected_music"]["music"]["clips"], 7);
    assert_eq!(rejection["false_genre"]["silence"]["states"]["silence"], 1);
    assert!(number(&rejection["false_genre"]["silence"]["share"]).abs() < 1e-12);
    for name in ["seconds", "recall", "reliability", "confusion", "conditions"] {
        let svg = std::fs::read_to_string(pictures.join(format!("{name}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.ends_with("</svg>\n") && svg.contains("ensemble"),
            "{name}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    }

    // The same seed gives the same figures; another draws other pairs and other rooms.
    let again = |seed: &str| {
        let options = [
            "--json",
            "--conditions",
            "--splices",
            "4",
            "--focus",
            "metal",
            "--seed",
            seed,
        ];
        document(&eval(&table, &options))
    };
    assert_eq!(again("1"), report);
    assert_ne!(again("2"), report);
}

#[test]
fn tables_have_only_the_sections_that_were_asked_for() {
    let folder = folder();
    let table = demo_table(folder.path());
    let plain = String::from_utf8(eval(&table, &[]).stdout).unwrap();
    for heading in [
        "7 clips",
        "Accuracy after N seconds",
        "Macro mean of recall after N seconds",
        "Recall after N seconds, in %: ensemble",
        "Confident wrong answers after N seconds",
        "Calibration error",
        "The displayed answer",
        "Confusion of the ensemble",
        "lstm and tcn",
    ] {
        assert!(plain.contains(heading), "{heading}: {plain}");
    }
    assert!(
        !plain.contains("under other conditions") && !plain.contains("change of genre"),
        "{plain}"
    );
    for line in plain.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    let spliced = String::from_utf8(eval(&table, &["--splices", "1"]).stdout).unwrap();
    assert!(spliced.contains("From a change of genre"), "{spliced}");
}

/// The ensemble's card is written so, not by hand.
#[test]
fn tables_are_put_into_a_page_where_it_says() {
    let folder = folder();
    let table = demo_table(folder.path());
    let page = folder.path().join("PAGE.md");
    let name = table.file_stem().unwrap().to_str().unwrap();
    std::fs::write(
        &page,
        format!("Before.\n<!-- attune eval {name} -->\nold\n<!-- end -->\nAfter.\n"),
    )
    .unwrap();
    let plain = String::from_utf8(eval(&table, &["--page", text(&page)]).stdout).unwrap();
    let put = std::fs::read_to_string(&page).unwrap();
    assert!(
        put.starts_with("Before.\n<!-- attune eval")
            && put.ends_with("<!-- end -->\nAfter.\n")
            && !put.contains("old\n")
    );
    for heading in ["7 clips:", "Accuracy after N seconds:", "Confusion of the ensemble:"] {
        assert!(put.contains(&format!("{heading}\n\n| ")), "{heading}: {put}");
    }
    // The same figures as in the terminal.
    let of_ensemble = |text: &str| -> Vec<String> {
        let line = text
            .lines()
            .find(|line| line.trim_matches([' ', '|']).starts_with("ensemble"))
            .unwrap();
        line.split_whitespace()
            .filter(|word| *word != "|")
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(of_ensemble(&put), of_ensemble(&plain));
    // By another name, elsewhere in the page.
    std::fs::write(&page, "<!-- attune eval other -->\n<!-- end -->\n").unwrap();
    let output = eval(&table, &["--page", text(&page), "--page-name", "other", "--brief"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(std::fs::read_to_string(&page).unwrap().contains("in %: ensemble:"));
    // A page that does not say where is left alone, and named.
    std::fs::write(&page, "nothing").unwrap();
    let output = eval(&table, &["--page", text(&page)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("PAGE.md") && said(&output).contains("<!-- attune eval"),
        "{}",
        said(&output)
    );
    assert_eq!(std::fs::read_to_string(&page).unwrap(), "nothing");
}

#[test]
fn what_is_no_sound_is_left_out() {
    let folder = folder();
    let (wav, table) = (folder.path().join("a.wav"), folder.path().join("clips.csv"));
    write_float_wav(&wav, 22_050, 1, &signal(22_050, 1, 3.0));
    std::fs::write(folder.path().join("empty.wav"), b"").unwrap();
    write_float_wav(&folder.path().join("quiet.wav"), 22_050, 1, &vec![0.0; 22_050]);
    std::fs::write(&table, "a.wav,jazz\nempty.wav,jazz\nquiet.wav,rock\nempty.wav,speech\n").unwrap();
    let output = eval(&table, &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    for name in ["empty.wav", "quiet.wav"] {
        assert!(said(&output).contains(name), "{}", said(&output));
    }
    let report = document(&output);
    assert_eq!(
        (report["clips"].as_u64(), report["failed"].as_u64()),
        (Some(1), Some(3))
    );

    // No two classes: nothing can be spliced. Nothing to evaluate at all: no figures are made up.
    for (rows, args, expected) in [
        (
            "a.wav,jazz\n",
            &["--splices", "2"][..],
            "two clips of different classes",
        ),
        ("empty.wav,jazz\n", &[], "no clip could be evaluated"),
        ("quiet.wav,silence\n", &[], "no clip of music"),
    ] {
        std::fs::write(&table, rows).unwrap();
        let output = eval(&table, args);
        assert_eq!(output.status.code(), Some(1), "{rows}");
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_wrong_table_is_wrong_usage() {
    let folder = folder();
    let (wav, table) = (folder.path().join("a.wav"), folder.path().join("clips.csv"));
    write_float_wav(&wav, 22_050, 1, &signal(22_050, 1, 1.0));
    for (rows, args, expected) in [
        (
            "a.wav,polka\n",
            &[][..],
            &["line 1", "\"polka\"", "speech, not_music, silence"][..],
        ),
        ("a.wav,jazz\nnone.wav,jazz\n", &[], &["line 2", "\"none.wav\""]),
        ("path,artist\na.wav,x\n", &[], &["line 1", "label or genre"]),
        ("a.wav\n", &[], &["line 1", "no label"]),
        ("", &[], &["no clips"]),
        ("a.wav,jazz\n", &["--split", "valid"], &["no column `split`"]),
        // Speech cannot be recognised in log-mel clips.
        ("a,speech\n", &["--mels", "any.safetensors"], &["line 1", "needs sound"]),
    ] {
        std::fs::write(&table, rows).unwrap();
        let output = eval(&table, args);
        assert_eq!(output.status.code(), Some(2), "{rows}: {}", said(&output));
        assert!(output.stdout.is_empty());
        let lines = said(&output);
        assert!(
            lines.contains("clips.csv") && lines.trim_end().lines().count() == 2,
            "{lines}"
        );
        for part in expected {
            assert!(lines.contains(part), "{part}: {lines}");
        }
    }
    let output = eval(&folder.path().join("no.csv"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no.csv"), "{}", said(&output));
}

/// Log-mel clips of these names and numbers of frames, f16 (128, frames).
fn mels(path: &Path, clips: &[(&str, usize)]) {
    let bytes: Vec<Vec<u8>> = clips
        .iter()
        .enumerate()
        .map(|(clip, (_, frames))| {
            let value = |i: usize| half::f16::from_f32(((i * (7 + clip)) % 23) as f32 / 9.0 - 1.0);
            (0..128 * frames).flat_map(|i| value(i).to_le_bytes()).collect()
        })
        .collect();
    let views = clips.iter().zip(&bytes).map(|((name, frames), bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F16, vec![128, *frames], bytes);
        (*name, view.unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

#[test]
fn whole_log_mel_clips_are_evaluated_from_the_index_of_a_data_set() {
    let folder = folder();
    let (table, file) = (folder.path().join("clips.csv"), folder.path().join("mels.safetensors"));
    mels(&file, &[("a", 1292), ("b", 1280), ("c", 1292), ("t", 1292), ("d", 130)]);
    let rows = "clip,genre,split,audio,artist\nt,Jazz,train,yes,x\na,Jazz,valid,no,x\nb,ROCK,valid,yes,y\n\
                c,Hip-Hop,valid,no,\nd,blues,valid,no,y\n";
    std::fs::write(&table, rows).unwrap();
    let args = ["--mels", text(&file), "--split", "valid", "--json"];
    let output = eval(&table, &args);
    assert!(output.status.success(), "{}", said(&output));
    let report = document(&output);
    assert_eq!(report["clips"], 4);
    for model in ["lstm", "tcn", "attention", "ensemble"] {
        let figures = &report["engines"][model];
        let seconds = figures["seconds"].as_array().unwrap();
        let read: Vec<(f64, u64)> = seconds
            .iter()
            .map(|at| (number(&at["seconds"]), at["clips"].as_u64().unwrap()))
            .collect();
        // One clip is an excerpt of three seconds.
        assert_eq!(
            read,
            [(1.0, 4), (2.0, 4), (3.0, 4), (5.0, 3), (10.0, 3), (20.0, 3), (30.0, 3)]
        );
        // x, y, and the clip without an artist.
        assert_eq!(figures["by_group"]["groups"], 3);
    }
    // A line for each clip, in the table's order; and the conditions that levels allow.
    let clips = folder.path().join("answers.csv");
    let conditions = [&args[..], &["--conditions", "--clips", text(&clips)]].concat();
    let output = eval(&table, &conditions);
    assert!(output.status.success(), "{}", said(&output));
    let with_conditions = document(&output);
    let under = with_conditions["engines"]["ensemble"]["conditions"]
        .as_object()
        .unwrap();
    let mut names: Vec<&String> = under.keys().collect();
    names.sort();
    assert_eq!(names, ["band-limited", "clean", "narrow-band", "noisy", "reverberant"]);
    assert_eq!(document(&eval(&table, &conditions)), with_conditions, "the same seed");
    let mut reader = csv::Reader::from_path(&clips).unwrap();
    let heading = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| heading.iter().position(|field| field == name).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| &row[column("path")]).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    let right = rows.iter().filter(|row| &row[column("right")] == "true").count();
    assert!((right as f64 / 4.0 - number(&report["engines"]["ensemble"]["accuracy"])).abs() < 1e-12);
    for row in &rows {
        let [probability, confidence] =
            ["probability", "confidence"].map(|name| row[column(name)].parse::<f64>().unwrap());
        assert!(probability <= confidence && row[column("tcn_answer")].len() > 2);
        assert_eq!(
            &row[column("right")] == "true",
            row[column("answer")] == row[column("label")]
        );
        assert!(["genre", "unsure", "unfamiliar"].contains(&&row[column("state")]));
    }
    // In a terminal, groups and all, within 100 columns.
    let plain = String::from_utf8(eval(&table, &args[..4]).stdout).unwrap();
    for line in plain.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    let brief = String::from_utf8(eval(&table, &[&args[..4], &["--brief"]].concat()).stdout).unwrap();
    assert!(
        brief.contains("in %: ensemble") && brief.lines().count() < 45 && !brief.contains("Confusion"),
        "{brief}"
    );
    let unknown = eval(&table, &[&args[..], &["--focus", "polka"]].concat());
    assert_eq!(unknown.status.code(), Some(2));
    // What the file lacks is a matter of the table; what is wrong in the file is said with the clip.
    std::fs::write(&table, "a,jazz\ne,jazz\n").unwrap();
    let output = eval(&table, &["--mels", text(&file)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("line 2") && said(&output).contains("mels.safetensors"),
        "{}",
        said(&output)
    );
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 2]).unwrap();
    let output = eval(&table, &["--mels", text(&file)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("truncated"), "{}", said(&output));
    assert_eq!(eval(&table, &["--mels", "none.safetensors"]).status.code(), Some(1));
}
