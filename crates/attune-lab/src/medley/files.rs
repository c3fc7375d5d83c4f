//! A folder of medleys: sound, the reference that the scorer reads, and what else is known.
//!
//! In: medleys one by one. Out: `medley-NNNN.wav`, [`REFERENCE`], [`DETAILS`], stems if asked for. Thread: the
//! caller's.

use super::tables::REFERENCE_COLUMNS;
use super::{Medley, RATE, Source};
use crate::LabError;
use attune_audio::wav::wav_bytes;
use attune_engine::files::{FileError, create_folder, write_atomically};
use attune_engine::table;
use std::path::{Path, PathBuf};

/// The file that the scorer reads: piece, start_s, end_s, token.
pub const REFERENCE: &str = "reference.csv";
/// The file of everything else that is known of each section.
pub const DETAILS: &str = "details.csv";

const DETAILS_COLUMNS: [&str; 12] = [
    "piece",
    "section",
    "start_sample",
    "end_sample",
    "token",
    "fade_samples",
    "gain",
    "source",
    "artist",
    "source_sample",
    "tempo_bpm",
    "words",
];

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// Medleys.
    pub medleys: usize,
    /// Their sections.
    pub sections: usize,
    /// Their length in all.
    pub seconds: f64,
}

/// Writes `count` medleys, each made when it is needed, to a folder that is whole or not there: all files are written
/// to another one beside it, which takes the name at the end. `with_stems`: also `medley-NNNN-stems/SECTION-NAME.wav`.
///
/// # Errors
/// If there is something in the folder already, a medley cannot be made, or a file cannot be written.
pub fn write(
    folder: &Path,
    count: usize,
    with_stems: bool,
    mut make: impl FnMut(u64) -> Result<Medley, LabError>,
) -> Result<Written, LabError> {
    refuse_full(folder)?;
    let beside = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(beside)?;
    let unfinished = tempfile::Builder::new()
        .prefix(".medleys-")
        .tempdir_in(beside)
        .map_err(FileError::writing(beside))?;
    let (mut reference, mut details) = (vec![row(&REFERENCE_COLUMNS)], vec![row(&DETAILS_COLUMNS)]);
    let mut written = Written {
        medleys: count,
        sections: 0,
        seconds: 0.0,
    };
    for number in 0..count {
        let medley = make(number as u64)?;
        let name = format!("medley-{number:04}");
        write_atomically(
            &unfinished.path().join(format!("{name}.wav")),
            &wav_bytes(&medley.samples, RATE),
        )?;
        if with_stems {
            write_stems(&unfinished.path().join(format!("{name}-stems")), &medley)?;
        }
        for (number, section) in medley.sections.iter().enumerate() {
            let times = [section.start(), section.end()].map(|time| format!("{:.6}", time.0));
            let [start, end] = &times;
            reference.push(row(&[&name, start, end, &section.token]));
            details.push(detail(&name, number, section));
        }
        written.sections += medley.sections.len();
        written.seconds += RATE.duration(medley.samples.len() as u64).0;
    }
    write_atomically(&unfinished.path().join(DETAILS), table::csv(details).as_bytes())?;
    write_atomically(&unfinished.path().join(REFERENCE), table::csv(reference).as_bytes())?;
    put(unfinished, folder)?;
    Ok(written)
}

/// Refuses a folder that holds something.
fn refuse_full(folder: &Path) -> Result<(), LabError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(LabError::Refused(format!(
                "{} is not empty: name a new folder, or delete it",
                folder.display()
            ))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::writing(folder)(error).into()),
    }
}

/// Gives the finished folder its name. It is readable as any folder that is made; a temporary one is its owner's alone.
fn put(unfinished: tempfile::TempDir, folder: &Path) -> Result<(), LabError> {
    let moved = || -> std::io::Result<()> {
        if folder.exists() {
            std::fs::remove_dir(folder)?;
        }
        #[cfg(unix)]
        {
            // A folder made beside shows what the user's mask lets others do.
            let usual = unfinished.path().join(".mask");
            std::fs::create_dir(&usual)?;
            let permissions = std::fs::metadata(&usual)?.permissions();
            std::fs::remove_dir(&usual)?;
            std::fs::set_permissions(unfinished.path(), permissions)?;
        }
        std::fs::rename(unfinished.path(), folder)
    };
    moved().map_err(FileError::writing(folder))?;
    // Nothing is left of it under the old name.
    let _: PathBuf = unfinished.keep();
    Ok(())
}

fn write_stems(folder: &Path, medley: &Medley) -> Result<(), FileError> {
    let count = medley.samples.len();
    for stem in &medley.stems {
        let mut samples = vec![0.0; count];
        samples[stem.start..][..stem.samples.len()].copy_from_slice(&stem.samples);
        let name: String = stem
            .name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let path = folder.join(format!("{}-{name}.wav", stem.section));
        write_atomically(&path, &wav_bytes(&samples, RATE))?;
    }
    Ok(())
}

fn row(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|&field| field.to_owned()).collect()
}

fn detail(piece: &str, number: usize, section: &super::Section) -> Vec<String> {
    let mut fields = vec![
        piece.to_owned(),
        number.to_string(),
        section.range.start.to_string(),
        section.range.end.to_string(),
        section.token.clone(),
        section.fade.to_string(),
        section.gain.to_string(),
    ];
    match &section.source {
        Source::Clip { name, artist, from } => {
            fields.extend([
                name.clone(),
                artist.clone(),
                from.to_string(),
                String::new(),
                String::new(),
            ]);
        }
        Source::Composed { words, tempo_bpm, seed } => {
            let tempo = format!("{tempo_bpm:.2}");
            fields.extend([
                format!("seed {seed}"),
                String::new(),
                String::new(),
                tempo,
                words.join(" "),
            ]);
        }
    }
    fields
}
