//! A file of recordings: making them costs minutes, reading them seconds.
//!
//! A safetensors file: for each recording KEY `KEY.levels` (frames, bands) in f16, and `KEY.features` and `KEY.tags` in
//! f32 where there is a teacher. The metadata hold the [`Brand`].

use super::super::TrainError;
use super::super::teacher::TeacherOutput;
use super::Recording;
use attune_audio::features::FrontEndSpec;
use attune_engine::files::{self, FileError};
use attune_model::plain_file;
use half::f16;
use safetensors::tensor::{Metadata, TensorInfo, View};
use safetensors::{Dtype, SafeTensorError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// Goes up when the effects change: renditions of another version are no longer what the recipe says.
const FORMAT: u32 = 1;
/// A header of more bytes than this is no header of renditions.
const LONGEST_HEADER: u64 = 64 << 20;

/// Recordings by what they were made of.
pub(crate) type Recordings = BTreeMap<String, Arc<Recording>>;

/// What all recordings in a file have in common. A file of another brand is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brand {
    format: u32,
    seed: u64,
    teacher: Option<String>,
    front_end: FrontEndSpec,
}

impl Brand {
    /// Of renditions from this seed, with the teacher whose file has this SHA-256, through this front end.
    pub fn new(seed: u64, teacher: Option<String>, front_end: &FrontEndSpec) -> Self {
        Self {
            format: FORMAT,
            seed,
            teacher,
            // Levels come before loudness is taken out.
            front_end: FrontEndSpec {
                normalization: FrontEndSpec::default().normalization,
                ..front_end.clone()
            },
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.format != other.format, "the program's version of the effects"),
            (self.seed != other.seed, "--renditions-seed"),
            (self.teacher != other.teacher, "--teacher"),
            (self.front_end != other.front_end, "the front end"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// All recordings in the file; none if there is no file.
///
/// # Errors
/// If the file is damaged, or its recordings are of another brand.
pub fn read(path: &Path, brand: &Brand) -> Result<Recordings, TrainError> {
    let failed = FileError::reading(path);
    let damaged = |message: String| TrainError::Data {
        path: path.to_owned(),
        message: format!("{message}: not a whole file of renditions; delete it, or name another --renditions-cache"),
    };
    let file = match plain_file::open(path, u64::MAX) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Recordings::new()),
        Err(error) => return Err(failed(error).into()),
    };
    let length = file.metadata().map_err(&failed)?.len();
    let mut reader = BufReader::new(file);
    let mut size = [0; 8];
    reader
        .read_exact(&mut size)
        .map_err(|error| damaged(error.to_string()))?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size + 8 > length {
        return Err(damaged("its header does not fit into it".to_owned()));
    }
    let mut header = vec![0; size as usize];
    reader.read_exact(&mut header).map_err(&failed)?;
    let header: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(error.to_string()))?;
    if header.data_len() as u64 + size + 8 != length {
        return Err(damaged("it is cut short".to_owned()));
    }
    let found: Brand = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get("takes"))
        .ok_or_else(|| damaged("it does not say what its renditions are".to_owned()))
        .and_then(|text| serde_json::from_str(text).map_err(|error| damaged(error.to_string())))?;
    if let Some(what) = brand.difference(&found) {
        return Err(TrainError::OtherRenditions {
            path: path.to_owned(),
            what,
        });
    }
    let mut recordings: BTreeMap<String, Recording> = BTreeMap::new();
    // In the order of the file, tensor by tensor: the whole is never in memory twice.
    let mut bytes = Vec::new();
    for name in header.offset_keys() {
        let info = header
            .info(&name)
            .ok_or_else(|| damaged(format!("{name} is missing")))?;
        bytes.resize(info.data_offsets.1 - info.data_offsets.0, 0);
        reader.read_exact(&mut bytes).map_err(&failed)?;
        let (key, part) = name
            .rsplit_once('.')
            .ok_or_else(|| damaged(format!("a tensor {name}")))?;
        let recording = recordings.entry(key.to_owned()).or_default();
        take_part(recording, part, info, &bytes, brand.front_end.bands)
            .map_err(|what| damaged(format!("{name} {what}")))?;
    }
    Ok(recordings
        .into_iter()
        .map(|(key, recording)| (key, Arc::new(recording)))
        .collect())
}

fn take_part(
    recording: &mut Recording,
    part: &str,
    info: &TensorInfo,
    bytes: &[u8],
    bands: usize,
) -> Result<(), String> {
    let floats = || -> Result<Vec<f32>, String> {
        let values: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err("is not finite".to_owned())
        }
    };
    match (part, info.dtype, info.shape.as_slice()) {
        ("levels", Dtype::F16, &[_, width]) if width == bands => {
            recording.levels = bytes
                .chunks_exact(2)
                .map(|b| f16::from_le_bytes([b[0], b[1]]))
                .collect();
            if !recording.levels.iter().all(|level| level.is_finite()) {
                return Err("is not finite".to_owned());
            }
        }
        ("features", Dtype::F32, &[_]) => recording.teacher.features = floats()?,
        ("tags", Dtype::F32, &[_]) => recording.teacher.tags = floats()?,
        (_, dtype, shape) => return Err(format!("is {dtype:?} {shape:?}")),
    }
    Ok(())
}

/// Writes all recordings in one piece: what was there stays until the new file is whole.
pub fn write(path: &Path, brand: &Brand, recordings: &Recordings) -> Result<(), TrainError> {
    let text = serde_json::to_string(brand).map_err(|error| FileError::writing(path)(error.into()))?;
    let tensors = recordings.iter().flat_map(|(key, recording)| {
        let TeacherOutput { features, tags } = &recording.teacher;
        let floats = [("features", features), ("tags", tags)]
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(move |(part, values)| {
                let part_of = Part {
                    shape: vec![values.len()],
                    values: Values::Floats(values),
                };
                (format!("{key}.{part}"), part_of)
            });
        let bands = brand.front_end.bands;
        let levels = Part {
            shape: vec![recording.levels.len() / bands, bands],
            values: Values::Levels(&recording.levels),
        };
        std::iter::once((format!("{key}.levels"), levels)).chain(floats)
    });
    let metadata = HashMap::from([("takes".to_owned(), text)]);
    Ok(files::replace(path, |temporary| {
        safetensors::serialize_to_file(tensors, Some(metadata), temporary).map_err(|error| match error {
            SafeTensorError::IoError(source) => source,
            other => std::io::Error::other(other.to_string()),
        })
    })?)
}

/// One tensor of a recording, turned to bytes only when it is written.
struct Part<'a> {
    shape: Vec<usize>,
    values: Values<'a>,
}

enum Values<'a> {
    Levels(&'a [f16]),
    Floats(&'a [f32]),
}

impl View for Part<'_> {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::Levels(_) => Dtype::F16,
            Values::Floats(_) => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.values {
            Values::Levels(levels) => levels.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::Floats(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match self.values {
            Values::Levels(levels) => 2 * levels.len(),
            Values::Floats(values) => 4 * values.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recordings(spec: &FrontEndSpec) -> Recordings {
        (0..3)
            .map(|n| {
                let levels = (0..(n + 2) * spec.bands)
                    .map(|i| f16::from_f32(-(i as f32) / 8.0))
                    .collect();
                let teacher = TeacherOutput {
                    features: vec![n as f32; 4 * usize::from(n > 0)],
                    tags: vec![0.5; usize::from(n > 0)],
                };
                (format!("{n}abc.{n}"), Arc::new(Recording { levels, teacher }))
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read_and_what_is_of_another_brand_or_damaged_is_not() {
        let spec = FrontEndSpec::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below").join("renditions.safetensors");
        let brand = Brand::new(1, Some("abc".to_owned()), &spec);
        assert!(read(&path, &brand).unwrap().is_empty());
        let written = recordings(&spec);
        write(&path, &brand, &written).unwrap();
        assert_eq!(read(&path, &brand).unwrap(), written);

        let wide = FrontEndSpec {
            bands: 64,
            ..spec.clone()
        };
        for (other, said) in [
            (Brand::new(2, Some("abc".to_owned()), &spec), "--renditions-seed"),
            (Brand::new(1, None, &spec), "--teacher"),
            (Brand::new(1, Some("abc".to_owned()), &wide), "the front end"),
        ] {
            let message = read(&path, &other).unwrap_err().to_string();
            assert!(
                message.contains(said) && message.contains("renditions.safetensors"),
                "{message}"
            );
        }
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 2], &whole[..100], b"abc", &[0xff; 64]] {
            std::fs::write(&path, damaged).unwrap();
            let message = read(&path, &brand).unwrap_err().to_string();
            assert!(message.contains("--renditions-cache"), "{message}");
        }
    }
}
