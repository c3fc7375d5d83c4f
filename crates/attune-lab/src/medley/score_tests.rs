use super::*;
use crate::medley::tables::WrittenToken;

fn sections(rows: &[(f64, f64, &str)]) -> Vec<ReferenceSection> {
    let section = |&(start_s, end_s, token): &(f64, f64, &str)| ReferenceSection {
        start_s,
        end_s,
        token: token.to_owned(),
    };
    rows.iter().map(section).collect()
}

fn written(rows: &[(f64, f64, &str)]) -> Vec<WrittenToken> {
    let token = |&(start, written, token): &(f64, f64, &str)| WrittenToken {
        token: token.to_owned(),
        start_s: Some(start),
        end_s: None,
        written_s: Some(written),
    };
    rows.iter().map(token).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

/// Two pieces, all by hand: one with a token too much and one late boundary, one with the last token missing.
#[test]
fn a_score_by_hand() {
    let reference = Reference {
        pieces: [
            ("a".to_owned(), sections(&[(0.0, 10.0, "rock"), (10.0, 18.0, "jazz")])),
            (
                "b".to_owned(),
                sections(&[(0.0, 6.0, "pop"), (6.0, 12.0, "rock"), (12.0, 20.0, "pop")]),
            ),
        ]
        .into(),
    };
    let hypothesis = Hypothesis {
        pieces: [
            (
                "a".to_owned(),
                written(&[(0.0, 3.0, "rock"), (4.0, 6.0, "blues"), (10.4, 14.0, "jazz")]),
            ),
            ("b".to_owned(), written(&[(0.0, 2.0, "pop"), (8.0, 11.0, "rock")])),
        ]
        .into(),
        has_starts: true,
        has_times: true,
    };
    let scores = score(&reference, &hypothesis, None);
    let tokens = scores.tokens;
    assert_eq!(
        (
            tokens.substitutions,
            tokens.insertions,
            tokens.deletions,
            tokens.reference
        ),
        (0, 1, 1, 5)
    );
    assert!(near(tokens.rate.value, 0.4) && tokens.rate.interval95.is_none());
    let of = |window: f64, trimmed: bool| {
        let all = scores.boundaries.iter();
        *all.into_iter()
            .find(|hits| near(hits.window_s, window) && hits.is_trimmed == trimmed)
            .unwrap()
    };
    // a: boundary 10; written 4 and 10.4: P ½, R 1, F ⅔. b: 6 and 12; written 8: at 0.5 s none, at 3 s P 1, R ½, F ⅔.
    let narrow = of(0.5, true);
    assert!(near(narrow.precision.value, 0.25) && near(narrow.recall.value, 0.5));
    assert!(near(narrow.f_measure.value, 1.0 / 3.0));
    let wide = of(3.0, true);
    assert!(near(wide.precision.value, 0.75) && near(wide.recall.value, 0.75));
    // With start and end: a 0, 10, 18 and 0, 4, 10.4, 18; b 0, 6, 12, 20 and 0, 8, 20.
    let all = of(0.5, false);
    assert!(near(all.precision.value, f64::midpoint(0.75, 2.0 / 3.0)) && near(all.recall.value, 0.75));
    // a: |x| 18, |y| 2, pace 9 s: (3 − 0) + (6 − 9) + (14 − 18) over 3; LAAL: 6 s each: 3 + 0 + 2.
    // b: |x| 20, |y| 3: 2 + (11 − 20/3) over 2, the same for both.
    let b = (2.0 + 11.0 - 20.0 / 3.0) / 2.0;
    let lagging = scores.lagging.unwrap();
    assert!(near(lagging.al_s.value, f64::midpoint(-4.0 / 3.0, b)), "{lagging:?}");
    assert!(near(lagging.laal_s.value, f64::midpoint(5.0 / 3.0, b)), "{lagging:?}");
    // Seconds to the right token: 3, 4, 2, 5.
    let delay = scores.delay.unwrap();
    assert_eq!((delay.sections, delay.of), (4, 5));
    assert!(
        near(delay.median_s.value, 3.0) && near(delay.p90_s.value, 5.0),
        "{delay:?}"
    );
}

#[test]
fn nothing_written_is_all_deletions() {
    let reference = Reference {
        pieces: [("a".to_owned(), sections(&[(0.0, 5.0, "x"), (5.0, 9.0, "y")]))].into(),
    };
    let nothing = Hypothesis {
        has_starts: true,
        has_times: true,
        ..Hypothesis::default()
    };
    let scores = score(&reference, &nothing, None);
    assert_eq!((scores.unwritten, scores.tokens.deletions), (1, 2));
    assert!(near(scores.tokens.rate.value, 1.0));
    assert!(scores.lagging.is_none() && scores.delay.is_none());
    assert!(scores.boundaries.iter().all(|hits| near(hits.f_measure.value, 0.0)));
    // Without times and starts, nothing is said of them.
    let silent = score(&reference, &Hypothesis::default(), None);
    assert!(silent.boundaries.is_empty() && silent.lagging.is_none());
}

#[test]
fn of_ways_with_as_few_edits_the_nearest_in_time_counts() {
    let truth = sections(&[(0.0, 5.0, "x"), (5.0, 10.0, "y"), (10.0, 15.0, "x")]);
    // One x: written at 2 s it is the first, written at 12 s the last.
    assert_eq!(edits(&truth, &written(&[(1.0, 2.0, "x")])).right, [(0, 0)]);
    assert_eq!(edits(&truth, &written(&[(1.0, 12.0, "x")])).right, [(2, 0)]);
    // A section that was missed and one that was found, not a wrong token and a missing one.
    let two = sections(&[(0.0, 10.0, "a"), (10.0, 20.0, "b")]);
    assert_eq!(edits(&two, &written(&[(10.0, 13.0, "b")])).right, [(1, 0)]);
    // A token that was written before its section began is right by its place, and not by its time.
    let early = written(&[(0.0, 2.0, "a"), (5.0, 6.0, "b")]);
    assert_eq!(edits(&two, &early).all(), 0);
    let reference = Reference {
        pieces: [("a".to_owned(), two.clone())].into(),
    };
    let hypothesis = Hypothesis {
        pieces: [("a".to_owned(), early)].into(),
        has_starts: true,
        has_times: true,
    };
    let delay = score(&reference, &hypothesis, None).delay.unwrap();
    assert_eq!((delay.sections, delay.of), (1, 2));
    let swapped = edits(
        &sections(&[(0.0, 1.0, "a"), (1.0, 2.0, "b")]),
        &written(&[(0.0, 0.0, "b"), (1.0, 1.0, "a")]),
    );
    assert_eq!((swapped.all(), swapped.right.len()), (2, 1), "{swapped:?}");
}

/// Least edits by trying all ways, on short random tokens.
#[test]
fn edits_are_the_least() {
    use rand::{RngExt, SeedableRng};
    fn least(a: &[&str], b: &[&str]) -> usize {
        let (Some((x, rest)), Some((y, others))) = (a.split_first(), b.split_first()) else {
            return a.len() + b.len();
        };
        let straight = least(rest, others) + usize::from(x != y);
        straight.min(1 + least(rest, b)).min(1 + least(a, others))
    }
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    for _ in 0..200 {
        let mut draw = || -> Vec<&str> {
            let count = rng.random_range(0..6);
            (0..count).map(|_| ["a", "b", "c"][rng.random_range(0..3)]).collect()
        };
        let (a, b) = (draw(), draw());
        let truth: Vec<(f64, f64, &str)> = a.iter().map(|token| (0.0, 1.0, *token)).collect();
        let tokens: Vec<(f64, f64, &str)> = b.iter().map(|token| (0.0, 1.0, *token)).collect();
        let found = edits(&sections(&truth), &written(&tokens));
        assert_eq!(found.all(), least(&a, &b), "{a:?} {b:?}");
        assert_eq!(found.right.len() + found.substitutions + found.deletions, a.len());
        assert_eq!(found.right.len() + found.substitutions + found.insertions, b.len());
    }
}

/// The example of Och & Ney's formula: |A| 3, |S| 2, A∩S 1, A∩P 2.
#[test]
fn alignment_errors_by_hand() {
    let piece = PieceLinks {
        found: [(0, 0), (1, 1), (2, 1)].into(),
        sure: [(0, 0), (3, 1)].into(),
        possible: [(0, 0), (3, 1), (1, 1)].into(),
    };
    let links = Links {
        pieces: [("a".to_owned(), piece.clone())].into(),
    };
    let reference = Reference {
        pieces: [("a".to_owned(), sections(&[(0.0, 5.0, "x"), (5.0, 9.0, "y")]))].into(),
    };
    let scores = score(&reference, &Hypothesis::default(), Some(&links));
    let errors = scores.alignment.unwrap();
    assert!(near(errors.rate.value, 1.0 - 3.0 / 5.0), "{errors:?}");
    // Over two pieces the sums count, not the mean of the rates.
    let right = PieceLinks {
        found: piece.sure.clone(),
        ..piece.clone()
    };
    let errors = alignment_errors(&[&piece, &right]);
    assert!(near(errors.rate.value, 1.0 - (3.0 + 4.0) / (5.0 + 4.0)));
}

#[test]
fn a_boundary_counts_once_and_the_window_ends_where_it_says() {
    let truth = sections(&[(0.0, 10.0, "x"), (10.0, 20.0, "y")]);
    let of = |starts: &[f64]| {
        let rows: Vec<(f64, f64, &str)> = starts.iter().map(|&start| (start, start, "x")).collect();
        hits(&truth, &written(&rows), 0.5, true).unwrap()
    };
    // Two near one boundary: one hit.
    let double = of(&[0.0, 9.8, 10.2]);
    assert!(near(double.precision, 0.5) && near(double.recall, 1.0));
    assert!(near(of(&[0.0, 10.5]).recall, 1.0));
    assert!(near(of(&[0.0, 10.500_02]).recall, 0.0));
    // A piece of one section has no boundary.
    assert_eq!(hits(&truth[..1], &written(&[(0.0, 0.0, "x")]), 0.5, true), None);
}

/// What `mir_eval`, SimulEval and NLTK say of the same files (`tests/golden/medley.py`), piece by piece.
#[test]
fn figures_are_those_of_mir_eval_simuleval_and_nltk() {
    let data = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data"));
    let reference = Reference::read(&data.join("medley_reference.csv")).unwrap();
    let hypothesis = Hypothesis::read(&data.join("medley_hypothesis.csv"), &reference).unwrap();
    let links = Links::read(&data.join("medley_alignment.csv"), &reference, 1.0).unwrap();
    let text = std::fs::read_to_string(data.join("medley_scores.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let same = |ours: f64, theirs: &serde_json::Value| {
        let theirs = theirs.as_f64().unwrap();
        assert!((ours - theirs).abs() < 1e-9, "{ours} {theirs}");
    };
    let (mut compared, mut without_boundary, mut unwritten) = (0, 0, 0);
    let mut trimmed_f = Vec::new();
    for (name, sections) in &reference.pieces {
        let theirs = &golden["pieces"][name];
        let written = hypothesis.pieces.get(name).map_or(&[][..], Vec::as_slice);
        for (window, trim, key) in [
            (0.5, true, "0.5/True"),
            (0.5, false, "0.5/False"),
            (3.0, true, "3.0/True"),
            (3.0, false, "3.0/False"),
        ] {
            let ours = hits(sections, written, window, trim);
            without_boundary += usize::from(ours.is_none());
            if let Some(hits) = ours.filter(|_| key == "0.5/True") {
                trimmed_f.push(hits.f_measure);
            }
            // mir_eval gives 0 where there is no boundary to find.
            let ours = ours.unwrap_or_default();
            same(ours.precision, &theirs["hits"][key][0]);
            same(ours.recall, &theirs["hits"][key][1]);
            same(ours.f_measure, &theirs["hits"][key][2]);
        }
        let delays: Vec<f64> = written.iter().filter_map(|token| token.written_s).collect();
        let end = sections.last().unwrap().end_s;
        if let Some(lagging) = average_lagging(&delays, end, sections.len()) {
            same(lagging, &theirs["lagging"]["al"]);
            let adaptive = length_adaptive_lagging(&delays, end, sections.len()).unwrap();
            same(adaptive, &theirs["lagging"]["laal"]);
        } else {
            assert!(theirs["lagging"].is_null());
            unwritten += 1;
        }
        same(alignment_errors(&[&links.pieces[name]]).rate.value, &theirs["aer"]);
        compared += 1;
    }
    assert_eq!(compared, 30);
    assert!(without_boundary > 0 && unwritten == 1, "{without_boundary} {unwritten}");
    let scores = score(&reference, &hypothesis, Some(&links));
    same(scores.alignment.unwrap().rate.value, &golden["aer"]);
    assert!(near(
        scores.boundaries[0].f_measure.value,
        crate::mean(trimmed_f.into_iter())
    ));
    let [low, high] = scores.tokens.rate.interval95.unwrap();
    assert!(low < scores.tokens.rate.value && scores.tokens.rate.value < high && high - low < 0.5);
}
