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
