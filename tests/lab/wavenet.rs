//! WaveNet: what it learns of music, and that chance has no part in it.

use super::stage::{report, with_run};
use attune_lab::wavenet::WavenetLab;
use attune_lab::{Entry, LabError, Report};

fn lab(steps: u64) -> WavenetLab {
    WavenetLab {
        steps: Some(steps),
        ..WavenetLab::default()
    }
}

/// Bits of a sound, by each predictor.
fn bits(report: &Report, sound: &str) -> Vec<f64> {
    let table = report.tables.iter().find(|table| table.name == "bits").unwrap();
    let row = table.rows.iter().find(|row| row[0] == sound.into()).unwrap();
    let number = |entry: &Entry| match entry {
        Entry::Number(number, _) => *number,
        _ => f64::NAN,
    };
    row[1..].iter().map(number).collect()
}

#[test]
#[ignore = "trains for 20 s: ./test.sh --all"]
fn it_learns_what_follows_and_not_only_what_occurs() {
    let report = report(&lab(120), None);
    let (music, shuffled) = (bits(&report, "music"), bits(&report, "music, samples in random order"));
    let [network, _, unigram, bigram, linear, prediction] = music[..] else {
        panic!("{music:?}")
    };
    assert!(network < unigram - 0.3, "{music:?}");
    assert!(shuffled[0] > network + 0.5, "{shuffled:?}");
    // What the others know: the order, and the waves.
    assert!(bigram < unigram && linear < bigram, "{music:?}");
    // It is no worse than the prediction that it starts from.
    assert!(network < prediction + 0.1, "{music:?}");
    let rows = &report.tables.iter().find(|table| table.name == "levels").unwrap().rows;
    assert_eq!(rows.len(), 2);
}

#[test]
fn the_same_seed_gives_the_same_figures_and_a_task_is_no_experiment() {
    let of = || bits(&report(&lab(3), None), "music");
    let (once, again) = (of(), of());
    assert!(
        once.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()),
        "{once:?} {again:?}"
    );
    let task = attune_lab::Choice::read("wavenet", "score --model net.json nothing.wav").unwrap();
    let ran = with_run(None, |run| task.lab().run(run));
    assert!(matches!(ran, Err(LabError::Refused(_))), "{ran:?}");
    let flags = attune_lab::Choice::read("wavenet", "--steps 3 score --model net.json nothing.wav");
    assert!(flags.is_err(), "{flags:?}");
}
