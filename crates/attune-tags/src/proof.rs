//! What must be the same in the changed copy: the sound, and every other field.
//!
//! In: two files. Out: nothing, or a [`Refusal`]. Thread: any.

use crate::Refusal;
use crate::field::Field;
use crate::formats::Content;
use attune_audio::decode::AudioFile;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::Path;

/// Proves that `copy` is `original` but for this value of the field.
pub(crate) fn differ_only_in(original: &Path, copy: &Path, (field, value): (&Field, &str)) -> Result<(), Refusal> {
    let before = Content::of(&mut File::open(original)?, field)?;
    let after = Content::of(&mut File::open(copy)?, field)?;
    before.differs_only_in(&after, field)?;
    if after.values(field).first().map(String::as_str) != Some(value) {
        return Err(Refusal::Unwritable("the new value cannot be read back".to_owned()));
    }
    if sound(original)? != sound(copy)? {
        return Err(Refusal::Changed("the sound"));
    }
    Ok(())
}

/// Hash of all decoded samples, and how the file ended.
fn sound(path: &Path) -> Result<(Vec<u8>, u64, Option<String>), Refusal> {
    let undecoded = |error: attune_audio::source::SourceError| Refusal::Unreadable(error.message);
    let mut file = AudioFile::open(path).map_err(undecoded)?;
    let (mut hash, mut block) = (Sha256::new(), Vec::new());
    while file.next_block(&mut block).map_err(undecoded)? {
        for sample in block.drain(..) {
            hash.update(sample.to_le_bytes());
        }
    }
    let ended = file.cut_short().map(str::to_owned);
    Ok((hash.finalize().to_vec(), file.broken_packets(), ended))
}
