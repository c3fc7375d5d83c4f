//! Sets the genre of files and keeps its journal among temporary files: for trials of whole collections
//! (`tests/corpus.py`).
//!
//! ```sh
//! cargo run --release -p attune-tags --example set_genre -- FILE…
//! ```

use attune_tags::{Field, Journal, write};
use std::path::Path;

fn main() {
    let mut journal = Journal::begin(&std::env::temp_dir().join("attune-set-genre"));
    for path in std::env::args().skip(1) {
        match write(Path::new(&path), &Field::Genre, "Rock", &mut journal) {
            Ok(_) => println!("written\t{path}"),
            Err(error) => println!("refused\t{path}\t{}", error.why),
        }
    }
}
