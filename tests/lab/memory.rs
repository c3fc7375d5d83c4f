//! The memory lab: what is finished is kept.

use super::stage::report;
use attune::lab::Entry;
use attune::lab::memory::{Family, Kind, MemoryLab};

#[test]
fn a_lab_goes_on_from_what_is_finished_and_writes_what_it_found() {
    let lab = MemoryLab {
        task: vec![Family::Recall],
        length: vec![8],
        net: vec![Kind::Tcn],
        climb: None,
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
    // The field is 29 frames: the motif's last note lies in it at a delay of 28 and not at 29. From there on nothing can be
    // learnt, however it is taught.
    let lab = MemoryLab {
        task: vec![Family::Recall],
        length: vec![25, 28, 29],
        net: vec![Kind::Tcn],
        climb: Some(2),
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
