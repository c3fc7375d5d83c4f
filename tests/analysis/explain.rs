//! What an answer rests on: fakes whose reasons are known, and the shipped engines.

use crate::common::fake_models::{Fake, model as fake};
use attune_audio::decode::decode_file;
use attune_audio::features::{FrameBlock, FrontEndSpec};
use attune_audio::units::Seconds;
use attune_engine::explain::occlusion::occlude;
use attune_engine::explain::planted::{Distractor, Map, MapScores, Piece, Pointing, Source, find, maps, pieces};
use attune_engine::explain::{
    Explanation, Head, HeadStudy, Input, Probe, Segment, attention_override, faithfulness, segments,
};
use attune_model::LoadedModel;
use attune_model::architecture::BodyShape;
use attune_model::genre::GenreId;
use attune_model::load::tensors;
use attune_nn::kernels::packed_matrix::Precision;
use attune_nn::weights::WeightStore;
use attune_train::dataset::mel_of_file;
use attune_train::recipe::{ModelKind, Recipe};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;
use std::path::Path;

const BANDS: usize = 128;
const HOP: Seconds = Seconds(512.0 / 22_050.0);

/// Noise of levels that are music to nobody.
fn levels(frames: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..frames * BANDS).map(|_| 30.0 * rng.random::<f32>() - 60.0).collect()
}

#[test]
fn an_occluded_segment_is_what_the_answer_loses() {
    // The fake leans on the newest frames: each class listens to its share of the bands. One loud place in the bands of
    // class 4 is all that speaks for it.
    let (frames, place) = (60, Segment { start: 40, end: 50 });
    let mut input = Input {
        frames: vec![0.0; frames * BANDS],
        bands: BANDS,
    };
    for frame in place.start..place.end {
        input.frames[frame * BANDS + 48..frame * BANDS + 60].fill(2.0);
    }
    let engine = fake("fake", Fake::Bands { memory: 0.95 });
    let places = segments(frames, Seconds(0.1), Seconds(6.0), Seconds(1.0));
    let occlusion = occlude(&engine, &input, &places, 5).unwrap().unwrap();
    let added = occlusion.contributions(4);
    for (segment, added) in places.iter().zip(&added) {
        assert_eq!(*segment == place, *added > 0.01, "{segment:?}: {added}");
    }
    // What speaks for one class speaks against the others: the contributions of all sum to 0.
    let sums: Vec<f32> = (0..places.len())
        .map(|at| (0..10).map(|class| occlusion.contributions(class)[at]).sum())
        .collect();
    assert!(sums.iter().all(|sum| sum.abs() < 1e-5), "{sums:?}");
    assert!(
        occlusion.contributions(3)[4] < -0.0005,
        "{:?}",
        occlusion.contributions(3)
    );
}

#[test]
fn a_fork_goes_its_own_way_and_the_shipped_engines_answer_as_before_it() {
    let input = Input::of_levels(&levels(150, 1), &FrontEndSpec::default());
    for engine in attune_model::bundled().unwrap().models {
        let mut straight = Probe::new(&engine).unwrap();
        straight.push(&input.frames, BANDS).unwrap();
        let mut first = Probe::new(&engine).unwrap();
        first.push(&input.frames[..70 * BANDS], BANDS).unwrap();
        let mut aside = first.fork();
        aside.push(&vec![1.0; 80 * BANDS], BANDS).unwrap();
        first.push(&input.frames[70 * BANDS..], BANDS).unwrap();
        assert_eq!(first.answer(), straight.answer());
        assert_ne!(first.answer(), aside.answer());
    }
}

#[test]
fn overriding_attention_with_its_own_weights_changes_nothing() {
    let input = Input::of_levels(&levels(700, 2), &FrontEndSpec::default());
    let mut attending = 0;
    for engine in attune_model::bundled().unwrap().models {
        let mut probe = Probe::new(&engine).unwrap();
        assert!(
            probe.override_attention(&[1.0]).is_none(),
            "overridden before the first frame"
        );
        probe.push(&input.frames, BANDS).unwrap();
        let Some(picture) = probe.attention() else {
            assert!(probe.override_attention(&[1.0]).is_none());
            continue;
        };
        attending += 1;
        // The picture holds what the classifier weighted: with it the answer is the same.
        let own = probe.answer().unwrap();
        let overridden = probe.override_attention(&picture.pooling.clone()).unwrap();
        for (own, overridden) in own.as_slice().iter().zip(overridden.as_slice()) {
            assert!((own - overridden).abs() < 1e-4, "{own} {overridden}");
        }
        assert_ne!(attention_override::attend_evenly(&probe).unwrap(), own);
        let places = segments(700, HOP, Seconds(16.0), Seconds(0.5));
        let answers = attention_override::attend_only(&probe, 700, &places);
        assert!(answers[0].is_none(), "beyond the window");
        assert!(answers.last().unwrap().is_some());
    }
    assert_eq!(attending, 1);
}

#[test]
fn deletion_takes_from_all_to_little_and_the_same_seed_draws_the_same() {
    let input = Input::of_levels(&levels(280, 3), &FrontEndSpec::default());
    let models = attune_model::bundled().unwrap().models;
    let measured: Vec<_> = models
        .iter()
        .map(|engine| faithfulness::measure(engine, &input, 43, 7).unwrap())
        .collect();
    let again: Vec<_> = models
        .iter()
        .map(|engine| faithfulness::measure(engine, &input, 43, 7).unwrap())
        .collect();
    assert_eq!(measured, again);
    let found: Vec<_> = measured.into_iter().flatten().collect();
    assert_eq!(found.len(), 1, "one engine attends");
    let (attended, random) = found[0].areas();
    for value in [attended, random, found[0].whole, found[0].uniform] {
        assert!((0.0..=1.0).contains(&value), "{:?}", found[0]);
    }
}

#[test]
fn taking_away_what_is_attended_to_takes_more_than_chance_where_that_is_what_decides() {
    // The fake weights the newest frames most and leans on them; they alone speak for class 4.
    let frames = 200;
    let mut input = Input {
        frames: vec![0.0; frames * BANDS],
        bands: BANDS,
    };
    for frame in frames - 30..frames {
        input.frames[frame * BANDS + 48..frame * BANDS + 60].fill(1.5);
    }
    let engine = fake("fake", Fake::Attentive { context: frames });
    let measured = faithfulness::measure(&engine, &input, 43, 1).unwrap().unwrap();
    assert_eq!((measured.class, measured.frames), (GenreId(4), frames));
    // A fifth are the newest 40: all that spoke for the class is gone, and a tenth is what every class then has.
    let lost = |left: &[f64]| measured.whole - left[2];
    let (attended, random) = (lost(&measured.deletion.attended), lost(&measured.deletion.random));
    assert!((measured.whole - attended - 0.1).abs() < 1e-3, "{measured:?}");
    assert!(random < 0.5 * attended, "{measured:?}");
    let (area, by_chance) = measured.areas();
    assert!(area < by_chance - 0.1, "{measured:?}");
}

#[test]
fn an_explanation_covers_every_model_and_segment() {
    let input = Input::of_levels(&levels(600, 4), &FrontEndSpec::default());
    let models = attune_model::bundled().unwrap().models;
    let it = Explanation::of(&models, &input, HOP).unwrap().unwrap();
    assert_eq!((it.models.len(), it.attention.len()), (3, 1));
    assert_eq!(it.ensemble.without.len(), it.segments.len());
    assert!((it.back(it.segments[0]).0 - 12.0).abs() < 0.05 && it.back(*it.segments.last().unwrap()).1 == 0.0);
    let mean: f32 = it
        .models
        .iter()
        .map(|of| of.occlusion.whole.of(it.class()))
        .sum::<f32>()
        / 3.0;
    assert!((mean - it.ensemble.whole.of(it.class())).abs() < 1e-6);
    // Faithfulness is about the class of the ensemble, whatever the attention model alone would answer.
    let own = it.models[2].occlusion.whole;
    for report in &it.attention {
        assert_eq!(report.faithfulness.class, it.class());
        assert!((report.faithfulness.whole - f64::from(own.of(it.class()))).abs() < 1e-6);
    }
    // The weights of the places are those of their frames.
    let report = &it.attention[0];
    let all: f32 = it
        .segments
        .iter()
        .map(|place| it.attention_at(report, *place) * place.len() as f32)
        .sum();
    assert!((all - 1.0).abs() < 1e-3, "{all}");
    // Attending to one segment only, within reach, changes the attention model's answer.
    let effects = it.override_effects(it.class()).unwrap();
    assert_eq!(effects.len(), it.segments.len());
    assert!(effects[0].is_none() && effects.last().unwrap().is_some());
    let newest = report.overridden.last().unwrap().unwrap().of(it.class());
    assert!((effects.last().unwrap().unwrap() - (newest - own.of(it.class()))).abs() < 1e-6);
    // What is repeated while sound goes on is the same, without attention.
    let changes = Explanation::changes(&models, &input, HOP).unwrap().unwrap();
    assert_eq!((&changes.ensemble, &changes.models), (&it.ensemble, &it.models));
    assert!(changes.attention.is_empty() && changes.override_effects(it.class()).is_none());
    assert!(Explanation::of(&[], &input, HOP).unwrap().is_none());
    assert!(Explanation::changes(&[], &input, HOP).unwrap().is_none());
}

/// Clips of two classes that differ in the bands that are loud: class 0 sounds in the lowest, class 9 in the highest
/// that any class listens to.
fn two_classes() -> [Vec<f32>; 2] {
    [0, 9].map(|class| {
        let mut levels = levels(600, class);
        for frame in levels.chunks_exact_mut(BANDS) {
            for level in &mut frame[class as usize * 12..class as usize * 12 + 12] {
                *level += 25.0;
            }
        }
        levels
    })
}

fn sources(clips: &[Vec<f32>; 2]) -> [Source<'_>; 2] {
    [(0, 0), (1, 9)].map(|(at, class)| Source {
        levels_db: &clips[at],
        genre: GenreId(class),
    })
}

#[test]
fn a_map_of_what_decides_points_at_the_passage_and_a_blind_one_does_not() {
    let spec = FrontEndSpec::default();
    let clips = two_classes();
    let noise = [levels(300, 20)];
    let knowing = fake("knowing", Fake::Bands { memory: 0.999 });
    for kind in [Distractor::Music, Distractor::Noise] {
        let mut scores = MapScores::default();
        for piece in pieces(kind, &sources(&clips), &noise, &spec, 5).unwrap().take(12) {
            let findings = find(&knowing, &piece, spec.hop()).unwrap();
            assert_eq!(findings.len(), 1, "it does not attend");
            assert_eq!((findings[0].map, findings[0].correlation), (Map::Occlusion, None));
            scores.add(&findings[0]);
        }
        assert!(scores.pointing.rate() > 0.9, "{kind:?} {scores:?}");
        assert!((0.18..0.26).contains(&scores.pointing.chance()), "{scores:?}");
        assert!(
            scores.deletion.both >= 10 && scores.insertion.both >= 10,
            "{kind:?} {scores:?}"
        );
    }
    // Weights that always rise towards the newest frame point at the passage when it happens to be there, and removing
    // the newest windows first is no better than any other order.
    let blind = fake("blind", Fake::Attentive { context: 250 });
    let mut scores = MapScores::default();
    for piece in pieces(Distractor::Music, &sources(&clips), &noise, &spec, 5)
        .unwrap()
        .take(40)
    {
        let findings = find(&blind, &piece, spec.hop()).unwrap();
        let attention = findings.iter().find(|finding| finding.map == Map::Attention).unwrap();
        assert_eq!(attention.highest, 15);
        scores.add(attention);
    }
    assert!(scores.pointing.rate() < 0.25, "{scores:?}");
    assert!(scores.correlation().is_some());
}

#[test]
fn the_figure_of_a_bundled_model_falls_when_its_map_is_moved_by_3_s() {
    let spec = FrontEndSpec::default();
    let folder = crate::common::media::folder();
    let clips: Vec<(Vec<f32>, GenreId)> = crate::common::media::demo_clips(folder.path(), 13.0)
        .iter()
        .map(|(genre, path)| {
            let genre = attune_model::genre::GenreSet::gtzan().find(genre).unwrap();
            (mel_of_file(path, &spec).unwrap(), genre)
        })
        .collect();
    let sources: Vec<Source<'_>> = clips
        .iter()
        .map(|(levels_db, genre)| Source {
            levels_db,
            genre: *genre,
        })
        .collect();
    let engine = attune_model::bundled().unwrap().models.swap_remove(1);
    let (mut own, mut moved) = (Pointing::default(), Pointing::default());
    for piece in pieces(Distractor::Music, &sources, &[], &spec, 3).unwrap().take(24) {
        let mut maps = maps(&engine, &piece, spec.hop()).unwrap();
        let (map, values) = &mut maps[0];
        assert_eq!((*map, values.len()), (Map::Occlusion, 16));
        own.add(&piece, values);
        values.rotate_right(6);
        moved.add(&piece, values);
    }
    assert!(own.rate() > own.chance() + 0.3, "{own:?}");
    assert!(moved.rate() < moved.chance() + 0.1, "{moved:?}");
}

#[test]
fn the_contributions_of_all_windows_add_up_to_the_logit() {
    let architecture = Recipe::new(ModelKind::Attention, 10, 1, 1).architecture;
    let net = architecture.build(&mut WeightStore::random(3)).unwrap();
    let mut manifest = fake("summed", Fake::Bands { memory: 0.9 }).manifest().clone();
    manifest.architecture = architecture;
    let engine = LoadedModel::new(manifest, Vec::new(), net.pack(Precision::F32).unwrap());
    // 8 s, all of it in windows and in reach of attention.
    let windows: Vec<Segment> = (0..16)
        .map(|n| Segment {
            start: 22 * n,
            end: 22 * (n + 1),
        })
        .collect();
    let piece = Piece {
        input: Input::of_levels(&levels(352, 6), &FrontEndSpec::default()),
        passage: Segment { start: 100, end: 186 },
        genre: GenreId(4),
        around: None,
        windows,
        seed: 1,
    };
    let maps = maps(&engine, &piece, HOP).unwrap();
    let map = |wanted| &maps.iter().find(|(map, _)| *map == wanted).unwrap().1;
    let sum = |wanted| map(wanted).iter().map(|mean| 22.0 * mean).sum::<f32>();
    let mut stream = engine.stream().unwrap();
    let output = stream.answers(FrameBlock::new(&piece.input.frames, BANDS)).unwrap();
    let logits = output.logits.rchunks(10).next().unwrap();
    let expected = logits[4] - logits.iter().sum::<f32>() / 10.0;
    assert!((sum(Map::Contribution) - expected).abs() < 1e-4, "{expected} {maps:?}");
    assert!(
        (sum(Map::ClassAttention) - 1.0).abs() < 1e-4 && (sum(Map::Attention) - 1.0).abs() < 1e-4,
        "{maps:?}"
    );
    assert!(map(Map::ClassAttention).iter().all(|share| *share >= 0.0));
    let findings = find(&engine, &piece, HOP).unwrap();
    let contribution = findings.iter().find(|of| of.map == Map::Contribution).unwrap();
    assert!(contribution.correlation.is_some());
}

#[test]
fn a_constant_map_points_nowhere_and_equal_values_have_to_lie_in_the_passage() {
    let spec = FrontEndSpec::default();
    let clips = two_classes();
    let piece = pieces(Distractor::Music, &sources(&clips), &[], &spec, 1)
        .unwrap()
        .next()
        .unwrap();
    let hits = |value: &dyn Fn(bool) -> f32| {
        let mut pointing = Pointing::default();
        let values: Vec<f32> = piece
            .windows
            .iter()
            .map(|window| value(piece.is_inside(*window)))
            .collect();
        pointing.add(&piece, &values);
        pointing.hits
    };
    assert_eq!(hits(&|_| 1.0), 0);
    assert_eq!(hits(&|inside| if inside { 1.0 } else { 0.0 }), 1);
    assert_eq!(hits(&|inside| if inside { 0.0 } else { 1.0 }), 0);
}

/// `attune explain --planted` with these arguments: exit code, stdout, stderr.
fn planted(table: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(["explain", "--planted", table.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A table of 13 s of each recording of the demo.
fn demo_table(folder: &Path) -> std::path::PathBuf {
    let mut rows = String::from("path,label\n");
    for (genre, path) in crate::common::media::demo_clips(folder, 13.0) {
        writeln!(rows, "{},{genre}", path.file_name().unwrap().to_str().unwrap()).unwrap();
    }
    let table = folder.join("clips.csv");
    std::fs::write(&table, rows).unwrap();
    table
}

#[test]
#[allow(clippy::too_many_lines, reason = "one run, and all that it writes")]
fn planted_passages_are_counted_in_a_table_a_document_and_a_page() {
    let folder = crate::common::media::folder();
    let table = demo_table(folder.path());
    let (csv, page) = (folder.path().join("pieces.csv"), folder.path().join("PAGE.md"));
    let (csv_path, page_path) = (csv.to_str().unwrap(), page.to_str().unwrap());
    std::fs::write(&page, "a\n<!-- attune explain --planted -->\nold\n<!-- end -->\nb\n").unwrap();
    let options = ["--examples", "2", "--json", "--csv", csv_path, "--page", page_path];
    let (code, shown, said) = planted(&table, &options);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("--speech"), "{said}");
    let it: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((it["examples"].as_u64(), it["seed"].as_u64()), (Some(2), Some(1)));
    assert!(it["left_out"]["speech"].is_string() && it["left_out"]["noise"].is_null());
    let maps = |engine: &str| -> Vec<String> {
        let maps = it["engines"][engine]["maps"].as_object().unwrap();
        maps.keys().cloned().collect()
    };
    assert_eq!(maps("tcn"), ["occlusion"]);
    let of_attention = ["attention", "class_attention", "contribution", "occlusion", "override"];
    assert_eq!(maps("attention"), of_attention);
    // Every row of the pieces says where its passage and its highest window lie, and the figures are their counts.
    let rows = std::fs::read_to_string(&csv).unwrap();
    let rows: Vec<Vec<&str>> = rows.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 3 * 2 * 7, "kinds × pieces × maps of three models");
    let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
    let seconds = |row: &[&str], name: &str| -> f64 { row[column(name)].parse().unwrap() };
    for row in &rows[1..] {
        let [from, to] = ["passage_from_s", "passage_to_s"].map(|name| seconds(row, name));
        assert!(
            (to - from - 2.0).abs() < 0.03 && from > 12.0 - 8.25 && to < 12.02,
            "{row:?}"
        );
        let middle = f64::midpoint(seconds(row, "highest_from_s"), seconds(row, "highest_to_s"));
        if row[column("hit")] == "true" {
            assert!(from - 0.02 < middle && middle < to + 0.02, "{row:?}");
        }
    }
    for kind in ["music", "noise", "silence"] {
        let hits = rows.iter().filter(|row| {
            (row[0], row[column("model")], row[column("map")], row[column("hit")]) == (kind, "tcn", "occlusion", "true")
        });
        let figures = &it["engines"]["tcn"]["maps"]["occlusion"][kind];
        assert_eq!(figures["hits"].as_u64(), Some(hits.count() as u64), "{figures}");
        assert_eq!(figures["examples"].as_u64(), Some(2));
        assert!(
            figures["correlation"].is_null() && figures["deletion"]["both"].is_number(),
            "{figures}"
        );
    }
    assert!(it["engines"]["attention"]["maps"]["attention"]["noise"]["correlation"].is_number());
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.starts_with("a\n<!-- attune explain --planted -->\nOf lstm") && page.ends_with("<!-- end -->\nb\n"));
    assert!(
        page.contains("| attention | attention override | another genre |"),
        "{page}"
    );
}

#[test]
fn a_seed_decides_the_pieces_and_folders_are_what_surrounds_them() {
    let folder = crate::common::media::folder();
    let table = demo_table(folder.path());
    let tcn = concat!(env!("CARGO_MANIFEST_DIR"), "/models/tcn.json");
    let speech = folder.path().to_str().unwrap();
    let run = |seed: &str| {
        let options = [
            "--model",
            tcn,
            "--examples",
            "1",
            "--speech",
            speech,
            "--noise",
            speech,
            "--seed",
            seed,
        ];
        let csv = folder.path().join(format!("{seed}.csv"));
        let (code, shown, said) = planted(&table, &[&options[..], &["--csv", csv.to_str().unwrap()]].concat());
        assert_eq!(code, Some(0), "{said}");
        (shown, std::fs::read_to_string(csv).unwrap())
    };
    let (first, again, other) = (run("4"), run("4"), run("5"));
    assert_eq!(first, again);
    assert_ne!(first.1, other.1);
    assert!(
        first.0.contains("speech") && !first.0.contains("Left out"),
        "{}",
        first.0
    );
}

#[test]
fn planted_says_what_is_typed_wrong_before_it_starts() {
    let folder = crate::common::media::folder();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| {
        std::fs::write(path(name), text).unwrap();
        path(name)
    };
    std::fs::create_dir(path("empty")).unwrap();
    crate::common::media::write_float_wav(
        &path("short.wav"),
        22_050,
        1,
        &crate::common::media::signal(22_050, 1, 3.0),
    );
    let good = write("good.csv", "short.wav,rock\n");
    let page = write("PAGE.md", "no place");
    let (page, empty) = (
        page.to_str().unwrap().to_owned(),
        path("empty").to_str().unwrap().to_owned(),
    );
    for (table, args, code, words) in [
        (
            write("unknown.csv", "short.wav,polka\n"),
            vec![],
            2,
            ["polka", "unknown.csv line 1"],
        ),
        (
            write("missing.csv", "gone.wav,rock\n"),
            vec![],
            2,
            ["gone.wav", "missing.csv line 1"],
        ),
        (path("none.csv"), vec![], 2, ["none.csv", "\n  "]),
        (good.clone(), vec![], 2, ["good.csv", "12 s"]),
        (good.clone(), vec!["--split", "valid"], 2, ["split", "\n  "]),
        (good.clone(), vec!["--noise", &empty], 2, ["--noise", "empty"]),
        (
            good.clone(),
            vec!["--speech", "/nonexistent"],
            2,
            ["--speech", "/nonexistent"],
        ),
        (good.clone(), vec!["--page", &page], 1, ["PAGE.md", "Add both lines"]),
        (good, vec!["--svg", "x.svg"], 2, ["--svg", "--planted"]),
    ] {
        let (found, shown, said) = planted(&table, &args);
        assert_eq!((found, shown.as_str()), (Some(code), ""), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
}

#[test]
fn the_command_explains_a_moment_and_writes_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/demo.ogg");
    let (csv, svg) = (folder.path().join("x.csv"), folder.path().join("x.svg"));
    let wav = folder.path().join("x.wav");
    let run = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_attune"))
            .arg("explain")
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (csv_path, svg_path) = (csv.to_str().unwrap(), svg.to_str().unwrap());
    let listen = ["--listen", wav.to_str().unwrap()];
    let written = [&[demo, "--at", "14", "--csv", csv_path, "--svg", svg_path], &listen[..]].concat();
    let (code, shown, said) = run(&written);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        shown.contains("What changed") && shown.contains("Hiding what attention weighted most: "),
        "{shown}"
    );
    let table = std::fs::read_to_string(&csv).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[0].contains("demo.ogg") && rows[1].starts_with("from_s,to_s,contribution_blues"),
        "{table}"
    );
    assert!(rows.len() > 24);
    // `x.wav: 3.0 of 10.4 s carry 82 % of Classical`, and a crossfade more. Contributions reach back over the window of
    // attention's pooling, 10 s, and over the receptive field of its oldest frame.
    let what = shown.rsplit_once("x.wav: ").unwrap().1;
    assert!(what.contains(" of 10.4 s carry "), "{what}");
    let number = |at: usize| -> f64 { what.split(' ').nth(at).unwrap().parse().unwrap() };
    let (secs, share) = (number(0), number(5));
    assert!((80.0..=100.0).contains(&share), "{what}");
    let (info, samples) = decode_file(&wav).unwrap();
    let length = samples.len() as f64 / info.rate.hz();
    assert!(
        (0.4..11.0).contains(&secs) && (length - secs).abs() < 0.07,
        "{length} s for {what}"
    );
    assert!(std::fs::read_to_string(&svg).unwrap().contains("most attended first"));
    let (code, shown, _) = run(&[demo, "--at", "14", "--class", "jazz", "--json"]);
    let it: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(code, Some(0));
    assert!((it["at_s"].as_f64().unwrap() - 14.0).abs() < 0.03);
    let sum: f64 = it["places"][0]["contribution"]
        .as_object()
        .unwrap()
        .values()
        .map(|x| x.as_f64().unwrap())
        .sum();
    assert!(sum.abs() < 1e-4, "what one class loses others gain: {sum}");
    for (args, words) in [
        (vec![demo, "--at", "500"], ["--at 500", "lasts"]),
        (vec![demo, "--class", "polka"], ["polka", "blues"]),
        (vec!["/nonexistent.wav"], ["/nonexistent.wav", "\n  "]),
    ] {
        let (code, _, said) = run(&args);
        assert_ne!(code, Some(0));
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

/// The shipped attention engine with what one head mixes taken out of its own weights: the rows of W_o that read it are zero.
fn without_head_in_the_weights(head: Head, precision: Precision) -> Box<dyn attune_model::GenreStream> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let manifest: attune_model::Manifest =
        serde_json::from_slice(&std::fs::read(root.join("attention.json")).unwrap()).unwrap();
    let mut tensors = tensors(&std::fs::read(root.join("attention.safetensors")).unwrap()).unwrap();
    let BodyShape::Attention(shape) = &manifest.architecture.body else {
        panic!("it attends")
    };
    let name = format!("body.{}.attention.output.weight", head.layer);
    let weight = tensors
        .get(&name)
        .unwrap_or_else(|| panic!("{name} of {:?}", tensors.keys()));
    let (inputs, outputs) = weight.dims2().unwrap();
    let mut values: Vec<f32> = weight.flatten_all().unwrap().to_vec1().unwrap();
    let each = shape.width / shape.heads;
    values[head.head * each * outputs..(head.head + 1) * each * outputs].fill(0.0);
    let taken = Tensor::from_vec(values, (inputs, outputs), &Device::Cpu).unwrap();
    tensors.insert(name, taken);
    let net = manifest
        .architecture
        .build(&mut WeightStore::from_tensors(tensors))
        .unwrap();
    net.pack(precision).unwrap().open().unwrap()
}

#[test]
fn an_ablated_head_contributes_exactly_nothing() {
    let input = Input::of_levels(&levels(300, 5), &FrontEndSpec::default());
    let engine = attune_model::bundled().unwrap().models.swap_remove(2);
    let precision = engine.manifest().precision;
    let answers = |mut stream: Box<dyn attune_model::GenreStream>| {
        stream.answers(FrameBlock::new(&input.frames, BANDS)).unwrap().logits
    };
    let whole = answers(engine.stream().unwrap());
    for head in [Head { layer: 0, head: 2 }, Head { layer: 1, head: 3 }] {
        let mut muted = engine.stream().unwrap();
        assert!(muted.ablate_head(head.layer, head.head));
        let muted = answers(muted);
        // Zeros times weights, or values times zeros: both add nothing, to the last bit.
        assert_eq!(muted, answers(without_head_in_the_weights(head, precision)), "{head:?}");
        assert_ne!(muted, whole, "{head:?} says nothing at all");
    }
    let mut stream = engine.stream().unwrap();
    assert!(
        !stream.ablate_head(2, 0) && !stream.ablate_head(0, 4),
        "there is no such head"
    );
    let lstm = attune_model::bundled().unwrap().models.swap_remove(0);
    assert!(!lstm.stream().unwrap().ablate_head(0, 0));
}

#[test]
fn a_study_of_a_head_has_its_map_and_the_answer_without_it() {
    // Music: of noise the engine is so sure that no head could change what it says.
    let music = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.mp3");
    let music = mel_of_file(&music, &FrontEndSpec::default()).unwrap();
    let input = Input::of_levels(&music[..600 * BANDS], &FrontEndSpec::default());
    let engine = attune_model::bundled().unwrap().models.swap_remove(2);
    let head = Head { layer: 1, head: 1 };
    let study = HeadStudy::of(&engine, &input, head).unwrap().unwrap();
    let (frames, reach) = (study.frames, study.reach);
    assert_eq!((frames, reach), (128, 16), "eight times its reach");
    let mut probe = Probe::new(&engine).unwrap();
    probe.push(&input.frames, BANDS).unwrap();
    assert_eq!(Some(study.whole), probe.answer(), "frame by frame or at once");
    let picture = probe.attention().unwrap();
    let newest = &picture.maps[(4 + 1) * picture.frames..(4 + 2) * picture.frames];
    assert_eq!(study.weights[frames * frames - reach..], newest[newest.len() - reach..]);
    for query in [0, 10, 100, frames - 1] {
        let row: Vec<f32> = (0..frames).filter_map(|key| study.weight(query, key)).collect();
        assert_eq!(
            row.len(),
            (query + 1).min(reach),
            "neither the future nor what is out of reach"
        );
        // The first rows lack what was asked of frames before the matrix.
        if query >= reach - 1 {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    // What one class loses others gain; which heads matter to this sound is the weights' affair, but some do.
    let most = (0..4).map(|head| {
        let study = HeadStudy::of(&engine, &input, Head { layer: 1, head })
            .unwrap()
            .unwrap();
        let added: Vec<f32> = (0..10).map(|class| study.added(class)).collect();
        let sum = added.iter().sum::<f32>();
        assert!(sum.abs() < 1e-5, "head {head}: {sum}");
        added.into_iter().map(f32::abs).fold(0.0, f32::max)
    });
    let most: Vec<f32> = most.collect();
    assert!(most.iter().any(|added| *added > 1e-4), "{most:?}");
    let none = Head { layer: 9, head: 0 };
    assert_eq!(HeadStudy::of(&engine, &input, none).unwrap(), None);
}
