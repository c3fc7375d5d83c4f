//! The memory lab: what is finished is kept.

use super::stage::{refusal, report, words_until_stopped};
use attune_lab::memory::{Family, Kind, MemoryLab};
use attune_lab::{Choice, Entry, Table};

#[test]
fn a_lab_goes_on_from_what_is_finished_and_writes_what_it_found() {
    let lab = MemoryLab {
        task: vec![Family::Recall],
        length: vec![8],
        net: vec![Kind::Tcn],
        ..MemoryLab::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let first = report(&lab, Some(folder.path()));
    // Were it taught again, it would take another time.
    assert_eq!(first, report(&lab, Some(folder.path())));
    assert_eq!(first.tables[0].rows[0][0], Entry::Count(8));
    first.write(folder.path()).unwrap();
    let csv = std::fs::read_to_string(folder.path().join("memory-recall.csv")).unwrap();
    assert!(csv.starts_with("delay (frames),delay (s),network"), "{csv}");
    let svg = std::fs::read_to_string(folder.path().join("memory.svg")).unwrap();
    assert!(svg.contains("Recall against delay"));
}

#[test]
fn a_tcn_recalls_to_the_last_frame_of_its_field_and_not_one_further() {
    // The field is 29 frames: the motif's last note lies in it at a delay of 28 and not at 29. From there on nothing
    // can be learnt, however it is taught.
    let lab = MemoryLab {
        task: vec![Family::Recall],
        length: vec![25, 28, 29],
        net: vec![Kind::Tcn],
        climb: Some(2),
        ..MemoryLab::default()
    };
    let rights: Vec<(Entry, f64)> = report(&lab, None).tables[0]
        .rows
        .iter()
        .map(|row| {
            let Entry::Share(right) = row[4] else { panic!("{row:?}") };
            (row[0].clone(), right)
        })
        .collect();
    let [(_, whole_motif), (_, last_note), (_, nothing)] = &rights[..] else {
        panic!("{rights:?}")
    };
    assert!(*whole_motif > 0.95 && *last_note > 0.9, "{rights:?}");
    assert!(*nothing < 0.35, "{rights:?}");
}

/// The rows of one table: length, network, and the entry of a column.
fn told(lab: &MemoryLab, column: &str) -> Vec<(Entry, Entry, f64)> {
    let report = report(lab, None);
    let table = &report.tables[0];
    let place = table.columns.iter().position(|name| name == column).unwrap();
    let row = |row: &Vec<Entry>| match row[place] {
        Entry::Share(value) | Entry::Power(value) => (row[0].clone(), network(table, row), value),
        ref other => panic!("{column}: {other:?}"),
    };
    table.rows.iter().map(row).collect()
}

fn network(table: &Table, row: &[Entry]) -> Entry {
    row[table.columns.iter().position(|name| name == "network").unwrap()].clone()
}

fn of(task: Family, length: usize, net: Kind) -> MemoryLab {
    MemoryLab {
        task: vec![task],
        length: vec![length],
        net: vec![net],
        ..MemoryLab::default()
    }
}

#[test]
fn a_recurrence_forgets_before_its_cells_do() {
    // Taught by shorter delays first, the LSTM recalls a motif of three seconds ago, by which the plain RNN is at
    // chance (1/4).
    let lab = MemoryLab {
        net: vec![Kind::Rnn, Kind::Lstm],
        climb: Some(4),
        ..of(Family::Recall, 128, Kind::Rnn)
    };
    let rights = told(&lab, "right");
    let [(_, rnn, forgot), (_, lstm, recalled)] = &rights[..] else {
        panic!("{rights:?}")
    };
    assert_eq!((rnn, lstm), (&Entry::from("RNN"), &Entry::from("LSTM")));
    assert!(*forgot < 0.35 && *recalled > 0.9, "{rights:?}");
}

#[test]
#[ignore = "trains for 27 s: ./test.sh --all"]
fn the_papers_tasks_are_learnt_by_whom_they_should_be() {
    // Chance is 0.167, the variance of a sum of two uniform numbers.
    let loss = |length, net| told(&of(Family::Adding, length, net), "loss")[0].2;
    assert!(loss(30, Kind::Tcn) < 0.02 && loss(30, Kind::Lstm) < 0.02);
    assert!((0.12..0.25).contains(&loss(100, Kind::Rnn)));
    // Chance is 1/8.
    let right = |net| told(&of(Family::Copy, 30, net), "symbols right")[0].2;
    assert!(right(Kind::Tcn) > 0.8 && right(Kind::Lstm) < 0.25);
}

#[test]
fn teaching_stops_at_its_next_step() {
    // They speak every five seconds: whoever looked only then would speak once more.
    for (lab, flags) in [
        ("memory", "--task copy --length 8 --net lstm --steps 100000"),
        ("depth", "--layers 2 --steps 100000"),
    ] {
        let chosen = Choice::read(lab, flags).unwrap();
        assert_eq!(words_until_stopped(chosen.lab()), 1, "{lab}");
    }
}

#[test]
fn dropout_is_what_was_asked_for() {
    let of = |dropout| {
        MemoryLab {
            dropout,
            ..of(Family::Copy, 30, Kind::Tcn)
        }
        .plans(true, 1)
    };
    assert_ne!(of(0.05), of(0.0));
}

#[test]
fn what_no_network_can_be_taught_with_is_refused() {
    let error = refusal(&of(Family::Adding, 1, Kind::Rnn));
    assert!(error.contains("--length 1") && error.contains("2 to 5000"), "{error}");
    let error = refusal(&MemoryLab {
        dropout: 1.0,
        ..of(Family::Copy, 30, Kind::Tcn)
    });
    assert!(error.contains("--dropout 1:"), "{error}");
}
