//! Log-mel clips in a safetensors file, read one by one.
//!
//! In: a file of tensors (bands, frames) in single or half precision, and their names. Out: levels (frames, bands). The
//! header is read and checked first; of the data, only the clips that are wanted. Thread: the caller's.

use super::EvaluateError;
use super::manifest::{Row, refuse_missing};
use crate::dataset::{levels_of_tensor, tensor_values};
use attune_engine::files::FileError;
use attune_model::plain_file;
use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest header: as safetensors itself allows.
const MOST_HEADER: u64 = 100_000_000;
/// Most frames of a clip: an hour and a half at 43 frames a second.
const MOST_FRAMES: usize = 1 << 18;
/// Bytes that state the header's length.
const LENGTH: u64 = 8;

/// A file whose header is read.
#[derive(Debug)]
pub(super) struct LogMels {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the data begin.
    data: u64,
}

impl LogMels {
    /// Reads the header.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what its header says: no safetensors, longer, or truncated.
    pub(super) fn open(path: &Path) -> Result<Self, EvaluateError> {
        let read = FileError::reading(path);
        let mut file = plain_file::open(path, u64::MAX).map_err(&read)?;
        let size = file.metadata().map_err(&read)?.len();
        let wrong = |message: String| EvaluateError::LogMels {
            path: path.to_owned(),
            message,
        };
        let not_safetensors = |why: &str| wrong(format!("this is no safetensors file: {why}"));
        let mut length = [0; LENGTH as usize];
        if size < LENGTH {
            return Err(not_safetensors(&format!("it has {size} bytes")));
        }
        file.read_exact(&mut length).map_err(&read)?;
        let length = u64::from_le_bytes(length);
        if length > MOST_HEADER || length > size - LENGTH {
            return Err(not_safetensors(&format!(
                "its header would have {length} bytes, the file has {size}"
            )));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(&read)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| not_safetensors(&error.to_string()))?;
        let (data, claimed) = (LENGTH + length, metadata.data_len() as u64);
        if size - data != claimed {
            let what = if size - data < claimed { "truncated" } else { "damaged" };
            return Err(wrong(format!(
                "it is {what}: its header describes {claimed} bytes of data, {} follow",
                size - data
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
            data,
        })
    }

    /// Refuses a table with clips that the file does not have, before anything slow.
    ///
    /// # Errors
    /// For the first such clip; the message says how many there are.
    pub(super) fn check(&self, table: &Path, rows: &[Row]) -> Result<(), EvaluateError> {
        let what = format!("{} has no clip", self.path.display());
        refuse_missing(table, rows, &what, |row| self.metadata.info(&row.clip).is_some())
    }

    /// The levels of a clip, (frames, bands), in dB or shifted and stretched from dB.
    ///
    /// # Errors
    /// If it is not of this many bands, is shorter than two frames or longer than an hour and a half, or has a value
    /// that is not finite; the message names the tensor.
    pub(super) fn levels(&mut self, clip: &str, bands: usize) -> Result<Vec<f32>, EvaluateError> {
        let wrong = |message: String| EvaluateError::LogMels {
            path: self.path.clone(),
            message,
        };
        let Some(TensorInfo {
            dtype,
            shape,
            data_offsets: (from, to),
        }) = self.metadata.info(clip)
        else {
            return Err(wrong(format!("there is no clip {clip:?}")));
        };
        if let Some(frames) = shape.get(1).filter(|frames| **frames > MOST_FRAMES) {
            return Err(wrong(format!("{clip} has {frames} frames; {MOST_FRAMES} are the most")));
        }
        if shape.first() != Some(&bands) || shape.len() != 2 {
            return Err(wrong(format!("{clip} has the shape {shape:?}, not ({bands}, frames)")));
        }
        let mut bytes = vec![0; to - from];
        let read = FileError::reading(&self.path);
        self.file
            .seek(SeekFrom::Start(self.data + *from as u64))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(&read)?;
        let view = TensorView::new(*dtype, shape.clone(), &bytes).map_err(|error| wrong(format!("{clip}: {error}")))?;
        tensor_values(clip, &view)
            .and_then(|values| levels_of_tensor(clip, shape, &values, bands))
            .map_err(wrong)
    }
}

/// The levels of the clips of a table, (frames, bands) each, in its order.
///
/// # Errors
/// If the file cannot be read, lacks a clip of the table, or one is not as it must be.
pub fn log_mel_clips(path: &Path, table: &Path, rows: &[Row], bands: usize) -> Result<Vec<Vec<f32>>, EvaluateError> {
    let mut mels = LogMels::open(path)?;
    mels.check(table, rows)?;
    rows.iter().map(|row| mels.levels(&row.clip, bands)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    const BANDS: usize = 4;

    fn file(tensors: &[(&str, [usize; 2], Vec<f32>)]) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = (tensors.iter())
            .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = tensors
            .iter()
            .zip(&bytes)
            .map(|((name, shape, _), bytes)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    /// What is said of a clip `a` in a file of these bytes.
    fn said(bytes: &[u8]) -> Result<Vec<f32>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mels.safetensors");
        std::fs::write(&path, bytes).unwrap();
        LogMels::open(&path)
            .and_then(|mut mels| mels.levels("a", BANDS))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_clip_is_read_and_turned_from_bands_to_frames() {
        let bytes = file(&[
            ("b", [BANDS, 2], vec![9.0; 8]),
            ("a", [BANDS, 2], (0..8).map(|x| x as f32).collect()),
        ]);
        let levels = said(&bytes).unwrap();
        let scale = levels[4];
        let expected: Vec<f32> = [0, 2, 4, 6, 1, 3, 5, 7].map(|x| x as f32 * scale).to_vec();
        assert_eq!(levels, expected);
    }

    #[test]
    fn what_is_wrong_names_the_file_and_the_tensor() {
        let whole = file(&[("a", [BANDS, 2], vec![0.0; 8])]);
        let mut huge = whole.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let header = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
        let overflow = header(&format!(
            "{{\"a\":{{\"dtype\":\"F32\",\"shape\":[4,{}],\"data_offsets\":[0,8]}}}}",
            usize::MAX
        ));
        let mut nan = vec![0.0; 8];
        nan[5] = f32::NAN;
        let long = file(&[("a", [1, MOST_FRAMES + 1], vec![0.0; MOST_FRAMES + 1])]);
        for (bytes, expected) in [
            (
                file(&[("a", [3, 2], vec![0.0; 6])]),
                "a has the shape [3, 2], not (4, frames)",
            ),
            (file(&[("a", [BANDS, 1], vec![0.0; 4])]), "a has 1 frames"),
            (file(&[("a", [BANDS, 2], nan)]), "a has NaN at 5"),
            (file(&[("b", [BANDS, 2], vec![0.0; 8])]), "no clip \"a\""),
            (long, "262145 frames"),
            (whole[..whole.len() - 4].to_vec(), "truncated"),
            ([whole.clone(), vec![0; 4]].concat(), "damaged"),
            (whole[..5].to_vec(), "no safetensors"),
            (huge, "no safetensors"),
            (overflow, "no safetensors"),
            (header("{"), "no safetensors"),
        ] {
            let said = said(&bytes).unwrap_err();
            assert!(
                said.contains("mels.safetensors") && said.contains(expected),
                "{expected}: {said}"
            );
        }
    }
}
