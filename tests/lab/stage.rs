//! A run of a lab without a terminal.

use super::common::media;
use attune_audio::decode::decode_file;
use attune_lab::{Cells, Lab, LabError, Report, Run, RunConfig, RunEvent};
use attune_model::genre::GenreSet;
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs `work` as a lab would be run: with the bundled models, cells kept in `folder` if there is one, nothing told.
pub(crate) fn with_run<T>(
    folder: Option<&Path>,
    work: impl FnOnce(&mut Run<'_>) -> Result<T, LabError>,
) -> Result<T, LabError> {
    let cells = match folder {
        Some(folder) => Cells::open(&folder.join("test.cells.jsonl"))?,
        None => Cells::default(),
    };
    let (mut say, stop) = (|_: RunEvent<'_>| {}, AtomicBool::new(false));
    work(&mut Run::new(QUICK, cells, &attune_model::bundled, &mut say, &stop))
}

const QUICK: RunConfig = RunConfig { quick: true, seed: 1 };

/// How often a lab speaks if it is stopped soon after its first word.
pub(crate) fn words_until_stopped(lab: &dyn Lab) -> usize {
    let (stop, mut words) = (Arc::new(AtomicBool::new(false)), 0);
    let mut say = |_: RunEvent<'_>| {
        words += 1;
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
        });
    };
    let ended = lab.run(&mut Run::new(
        QUICK,
        Cells::default(),
        &attune_model::bundled,
        &mut say,
        &stop,
    ));
    assert!(matches!(ended, Err(LabError::Stopped)), "{ended:?}");
    words
}

/// All of a lab, its quick form.
pub(crate) fn report(lab: &dyn Lab, folder: Option<&Path>) -> Report {
    with_run(folder, |run| lab.run(run)).unwrap()
}

/// Stretches of the demo as the validation clips of a genre each, while music and genres last, and the first of them to
/// learn from. Returns the paths of the former.
pub(crate) fn stretches(folder: &Path, seconds: usize, learnt: usize) -> Vec<PathBuf> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/demo.ogg");
    let (info, samples) = decode_file(&demo).unwrap();
    let length = seconds * info.rate.0 as usize;
    let (mut table, mut paths) = ("clip,genre,split,audio,artist\n".to_owned(), Vec::new());
    for split in ["train", "valid"] {
        std::fs::create_dir_all(folder.join(split)).unwrap();
    }
    let mut add = |clip: &str, genre: &str, split: &str, samples: &[f32]| {
        writeln!(table, "{clip},{genre},{split},yes,artist of {clip}").unwrap();
        let path = folder.join(split).join(format!("{clip}.ogg"));
        media::write_float_wav(&path, info.rate.0, 1, samples);
        path
    };
    let genres = GenreSet::gtzan();
    for (number, (genre, samples)) in genres.labels().iter().zip(samples.chunks_exact(length)).enumerate() {
        if number < learnt {
            add(&format!("{genre}.2"), genre, "train", samples);
        }
        paths.push(add(&format!("{genre}.1"), genre, "valid", samples));
    }
    std::fs::write(folder.join("clips.csv"), table).unwrap();
    paths
}

/// Uniform in −1…1.
pub(crate) fn random(dims: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| rng.random::<f32>() * 2.0 - 1.0)
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// All values, in order.
pub(crate) fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// Why a lab does not begin.
pub(crate) fn refusal(lab: &dyn Lab) -> String {
    with_run(None, |run| lab.run(run)).unwrap_err().to_string()
}
