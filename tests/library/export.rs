//! Each format, read back by the tool that it is for.
#![allow(clippy::float_cmp, reason = "numbers are read back as they were written")]

use super::tools::{attune, json, python, succeeded, two_passages};
use crate::media;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A name that means something to a spreadsheet, a page, a player of subtitles, a terminal and a shell.
const NAME: &str = "=1+1 <i>&\"$HOME\" \u{202e}\u{1b}[31m{\\an8}.wav";
const STEM: &str = "=1+1 <i>&\"$HOME\" \u{202e}\u{1b}[31m{\\an8}";

struct Written {
    _folder: tempfile::TempDir,
    base: PathBuf,
    document: Value,
    stdout: Value,
    tools: Value,
}

/// One run of the program with all formats.
static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let folder = media::folder();
    two_passages(folder.path(), NAME);
    let output = succeeded(
        attune()
            .current_dir(folder.path())
            .args(["analyze", "--json", "--out", "out", "--min-segment", "2"])
            .args([
                "--format",
                "json,csv,jams,audacity,srt,svg",
                "--format",
                "png,html,parquet",
            ])
            .arg(format!("./{NAME}").trim_start_matches("./")),
    );
    let base = folder.path().join("out").join(STEM);
    let at = |suffix: &str| PathBuf::from(format!("{}{suffix}", base.display()));
    Written {
        document: json(&at(".json")),
        stdout: serde_json::from_slice(&output.stdout).unwrap(),
        tools: python("read_back.py", &base),
        base,
        _folder: folder,
    }
});

fn at(suffix: &str) -> PathBuf {
    let mut path = WRITTEN.base.clone().into_os_string();
    path.push(suffix);
    path.into()
}

fn merged() -> &'static [Value] {
    WRITTEN.document["merged"].as_array().unwrap()
}

fn numbers(of: &Value) -> Vec<f64> {
    of.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap_or(f64::NAN))
        .collect()
}

#[test]
fn the_document_holds_the_report_and_all_else() {
    let document = &WRITTEN.document;
    for (key, value) in WRITTEN.stdout.as_object().unwrap() {
        assert_eq!(&document[key], value, "{key}");
    }
    assert_eq!(document["source"]["path"], NAME);
    let hops = &document["hops"];
    let frames = hops["t_s"].as_array().unwrap().len();
    // 18 s less the window, a frame every 512 samples of 22,050 a second.
    assert!(
        (frames as f64 - (18.0 - 2048.0 / 22_050.0) * 22_050.0 / 512.0).abs() < 2.0,
        "{frames}"
    );
    for name in ["lstm", "tcn", "attention"] {
        let engine = &hops["engines"][name];
        let total: f64 = engine
            .as_object()
            .unwrap()
            .values()
            .map(|column| numbers(column)[100])
            .sum();
        assert!((total - 1.0).abs() < 1e-4, "{name}: {total}");
        assert_eq!(engine["rock"].as_array().unwrap().len(), frames);
    }
    let ends = (
        merged()[0]["start_s"].as_f64().unwrap(),
        merged().last().unwrap()["end_s"].as_f64().unwrap(),
    );
    assert_eq!(ends, (0.0, document["source"]["duration_s"].as_f64().unwrap()));
    for segment in merged() {
        assert!(
            segment["end_s"].as_f64().unwrap() - segment["start_s"].as_f64().unwrap() >= 2.0,
            "{segment}"
        );
        assert_ne!(segment["state"], "warming_up");
    }
    let provenance = &document["provenance"];
    let bytes = std::fs::read(WRITTEN.base.parent().unwrap().parent().unwrap().join(NAME)).unwrap();
    let digest = attune_model::load::hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes));
    assert_eq!(provenance["source_sha256"], digest);
    assert_eq!(provenance["models"].as_array().unwrap().len(), 4);
    assert_eq!(provenance["front_end"]["hop_samples"], 512);
    assert!(provenance["smoothing"]["enter"].is_number());
    // What was answered is explained, at a moment when it was the most probable.
    let why = &document["why"];
    assert_eq!(why["genre"], document["answer"]["genre"]);
    let at_s = why["at_s"].as_f64().unwrap();
    let frame = numbers(&hops["t_s"])
        .iter()
        .position(|t| (t - at_s).abs() < 1e-5)
        .unwrap();
    let column = numbers(&hops["ensemble"][document["answer"]["genre"].as_str().unwrap()]);
    let rivals = hops["ensemble"]
        .as_object()
        .unwrap()
        .values()
        .map(|rival| numbers(rival)[frame]);
    assert_eq!(column[frame], rivals.fold(0.0, f64::max));
    assert!(why["sentences"].as_array().unwrap().len() >= 2);
    assert!(why["places"][3]["attention"]["attention"].is_number());
}

#[test]
fn csv_has_a_row_for_each_frame_and_segment_and_no_formula() {
    let mut hops = csv::Reader::from_path(at(".hops.csv")).unwrap();
    let place = hops
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "tcn_jazz")
        .unwrap();
    let rows: Vec<csv::StringRecord> = hops.records().map(Result::unwrap).collect();
    let column = numbers(&WRITTEN.document["hops"]["engines"]["tcn"]["jazz"]);
    assert_eq!(rows.len(), column.len());
    for (row, value) in rows.iter().zip(column) {
        assert!((row[place].parse::<f64>().unwrap() - value).abs() <= 0.5e-6 + 1e-9);
    }
    let mut segments = csv::Reader::from_path(at(".segments.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = segments.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), merged().len());
    for (row, segment) in rows.iter().zip(merged()) {
        assert_eq!(row[0], format!("'{NAME}"), "a spreadsheet would compute it");
        assert_eq!(row[1].parse::<f64>().unwrap(), segment["start_s"].as_f64().unwrap());
        assert_eq!(row[4], *segment["genre"].as_str().unwrap_or(""));
    }
}

#[test]
fn audacity_gets_a_line_with_three_fields_for_each_segment() {
    let text = std::fs::read_to_string(at(".labels.txt")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), merged().len());
    for (fields, segment) in lines.iter().zip(merged()) {
        let [start, end, label] = fields[..] else {
            panic!("{fields:?}")
        };
        assert!((start.parse::<f64>().unwrap() - segment["start_s"].as_f64().unwrap()).abs() < 1e-6);
        assert!((end.parse::<f64>().unwrap() - segment["end_s"].as_f64().unwrap()).abs() < 1e-6);
        if let Some(genre) = segment["genre"].as_str() {
            assert!(label.to_lowercase().replace('-', "").starts_with(genre), "{label}");
        }
    }
}

#[test]
fn jams_validates_it_and_reads_the_same() {
    let jams = &WRITTEN.tools["jams"];
    let document = &WRITTEN.document;
    assert_eq!(jams["duration"], document["source"]["duration_s"]);
    let annotations = jams["annotations"].as_array().unwrap();
    let of = |name: &str| {
        annotations.iter().find(|a| a["namespace"] == name).unwrap()["data"]
            .as_array()
            .unwrap()
    };
    let genre = document["answer"]["genre"].as_str().unwrap();
    assert_eq!(of("tag_gtzan")[0][2], genre.replace("hiphop", "hip-hop"));
    let segments = of("segment_open");
    assert_eq!(segments.len(), merged().len());
    for (read, segment) in segments.iter().zip(merged()) {
        assert_eq!(read[0], segment["start_s"]);
        assert_eq!(read[3], segment["confidence"]);
    }
    let vectors = of("vector");
    assert_eq!(vectors.len(), document["hops"]["t_s"].as_array().unwrap().len());
    assert_eq!(vectors[200][2][5], document["hops"]["ensemble"]["jazz"][200]);
}

#[test]
fn pyarrow_reads_the_tables() {
    let hops = &WRITTEN.tools["hops"];
    assert_eq!(hops["types"]["lstm_hiphop"], "float");
    assert_eq!(hops["types"]["state"], "string");
    assert_eq!(hops["compression"], "SNAPPY");
    let document = &WRITTEN.document;
    let same = |read: &Value, written: &Value| {
        let (read, written) = (numbers(read), numbers(written));
        assert_eq!(read.len(), written.len());
        let near = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || (a - b).abs() <= 0.5e-6 + 1e-9;
        assert!(read.iter().zip(&written).all(near));
    };
    same(&hops["columns"]["t_s"], &document["hops"]["t_s"]);
    same(
        &hops["columns"]["ensemble_metal"],
        &document["hops"]["ensemble"]["metal"],
    );
    same(
        &hops["columns"]["attention_pop"],
        &document["hops"]["engines"]["attention"]["pop"],
    );
    assert_eq!(hops["columns"]["genre"], document["hops"]["genre"]);
    let answer: Value = serde_json::from_str(hops["notes"]["attune.answer"].as_str().unwrap()).unwrap();
    assert_eq!(answer, document["answer"]);
    let provenance: Value = serde_json::from_str(hops["notes"]["attune.provenance"].as_str().unwrap()).unwrap();
    assert_eq!(provenance, document["provenance"]);
    let segments = &WRITTEN.tools["segments"]["columns"];
    assert_eq!(segments["path"][0], NAME);
    for (place, segment) in merged().iter().enumerate() {
        assert_eq!(segments["start_s"][place], segment["start_s"]);
        assert_eq!(segments["genre"][place], segment["genre"]);
    }
}

#[test]
fn a_parser_of_subtitles_reads_the_segments() {
    let subtitles = WRITTEN.tools["srt"].as_array().unwrap();
    assert_eq!(subtitles.len(), merged().len());
    for (place, (read, segment)) in subtitles.iter().zip(merged()).enumerate() {
        assert_eq!(read[0], place + 1);
        assert!((read[1].as_f64().unwrap() - segment["start_s"].as_f64().unwrap()).abs() <= 0.5e-3 + 1e-9);
        assert!((read[2].as_f64().unwrap() - segment["end_s"].as_f64().unwrap()).abs() <= 0.5e-3 + 1e-9);
    }
}

#[test]
fn the_drawing_is_valid_xml_and_names_its_source() {
    let svg = &WRITTEN.tools["svg"];
    assert!(
        svg["title"].as_str().unwrap().starts_with("=1+1 <i>&\"$HOME\" "),
        "{svg}"
    );
    let source = svg["source"].as_str().unwrap();
    assert!(
        source.contains(WRITTEN.document["provenance"]["source_sha256"].as_str().unwrap()),
        "{source}"
    );
    assert!(svg["lines"].as_u64().unwrap() >= 6);
    assert!(
        !svg["tags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|tag| tag == "script" || tag == "i")
    );
}

#[test]
fn the_pixels_show_something_and_name_their_source() {
    let file = std::io::BufReader::new(std::fs::File::open(at(".png")).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let colours: std::collections::HashSet<&[u8]> = pixels.chunks_exact(4).collect();
    assert!(colours.len() > 50, "{} colours", colours.len());
    assert!(colours.iter().all(|colour| colour[3] == 255), "it has paper");
    // Letters: the strip of the first title has dark pixels on light paper.
    let width = reader.info().width as usize;
    let strip = pixels[4 * width * 24..4 * width * 60].chunks_exact(4);
    assert!(strip.filter(|pixel| pixel[0] < 128).count() > 200);
    let words = &reader.info().utf8_text;
    let source = words
        .iter()
        .find(|chunk| chunk.keyword == "Source")
        .unwrap()
        .get_text()
        .unwrap();
    assert!(source.contains("SHA-256"), "{source}");
}

#[test]
fn the_page_plays_and_moves_its_cursors() {
    let page = python("page.py", &at(".html"));
    assert_eq!(
        page["said"],
        serde_json::json!([]),
        "errors, refusals of the policy, dialogs"
    );
    assert_eq!((&page["scripts"], &page["plots"]), (&2.into(), &3.into()));
    assert!(
        page["title"].as_str().unwrap().starts_with("=1+1 <i>&\"$HOME\""),
        "{page}"
    );
    assert!(
        page["heading"].as_str().unwrap().starts_with("=1+1 <i>&\"$HOME\""),
        "{page}"
    );
    assert_eq!(page["asks"], false);
    let duration = page["duration"].as_f64().unwrap();
    assert!((duration - 18.0).abs() < 0.01, "{duration}");
    // The plots of all the time are 950 wide from 40 on.
    let place = |of: &Value| of["cursors"][0]["x"].as_f64().unwrap();
    let expected = |of: &Value| 40.0 + 950.0 * of["at"].as_f64().unwrap() / duration;
    assert_eq!(page["before"][0]["x"], 40.0);
    let (played, sought) = (&page["played"], &page["sought"]);
    assert!(played["at"].as_f64().unwrap() > 0.5, "it does not play: {played}");
    for moment in [played, sought] {
        assert!((place(moment) - expected(moment)).abs() < 1.0, "{moment}");
        assert_eq!(moment["cursors"][0]["x"], moment["cursors"][1]["x"]);
    }
    // A click three quarters along the plot: (750 − 40) / 950 of the time.
    assert!(
        (sought["at"].as_f64().unwrap() - 710.0 / 950.0 * duration).abs() < 0.1,
        "{sought}"
    );
    assert!(played["now"].as_str().unwrap().contains('%'));
}

#[test]
fn formats_are_found_where_they_are_written_and_nothing_else_is() {
    let folder = std::fs::read_dir(WRITTEN.base.parent().unwrap()).unwrap();
    let mut names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_prefix(STEM).map(str::to_owned).unwrap_or(name))
        .collect();
    names.sort();
    let expected = [
        ".hops.csv",
        ".hops.parquet",
        ".html",
        ".jams",
        ".json",
        ".labels.txt",
        ".png",
        ".segments.csv",
        ".segments.parquet",
        ".srt",
        ".svg",
    ];
    assert_eq!(names, expected);
    assert!(!Path::new("out").exists());
}
