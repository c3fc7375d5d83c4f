//! The guard between training and validation: no artist and no clip on both sides.
//!
//! A network recognises a record by its sound; one artist on both sides inflates GTZAN's accuracy by 13 to 14 points
//! (Sturm 2013; Kereliuk, Sturm & Larsen 2015).

use super::dataset::Clip;
use std::collections::{BTreeMap, BTreeSet};

/// What both sides share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {name:?} is in training ({train}) and in validation ({valid}): put all of it on one side")]
pub struct Leak {
    /// `clip` or `artist`.
    pub what: &'static str,
    /// Which.
    pub name: String,
    /// A clip of it on the training side.
    pub train: String,
    /// A clip of it on the validation side.
    pub valid: String,
}

/// Refuses two sides that share a clip or a known artist. An artist that is not known (empty) cannot be compared;
/// such clips are kept where the split put them.
pub fn refuse_leaks<'a>(
    train: impl IntoIterator<Item = &'a Clip>,
    valid: impl IntoIterator<Item = &'a Clip>,
) -> Result<(), Leak> {
    let mut clips = BTreeMap::new();
    let mut artists = BTreeMap::new();
    for clip in train {
        clips.insert(clip.name.as_str(), clip);
        if !clip.artist.is_empty() {
            artists.insert(clip.artist.to_lowercase(), clip);
        }
    }
    for clip in valid {
        let leak = |what, name: &str, other: &Clip| Leak {
            what,
            name: name.to_owned(),
            train: other.name.clone(),
            valid: clip.name.clone(),
        };
        if let Some(other) = clips.get(clip.name.as_str()) {
            return Err(leak("clip", &clip.name, other));
        }
        if let Some(other) = artists.get(&clip.artist.to_lowercase()) {
            return Err(leak("artist", &clip.artist, other));
        }
    }
    Ok(())
}

/// Clips that are by several artists of whom one is on the other side too: not refused, for a split may have been made
/// so, but to be told. Pairs of a training clip and that artist.
pub fn joint_artists_shared(train: &[Clip], valid: &[Clip]) -> Vec<(String, String)> {
    let of = |clip: &Clip| members(&clip.artist);
    let judged: BTreeSet<String> = valid.iter().flat_map(of).collect();
    train
        .iter()
        .flat_map(|clip| of(clip).into_iter().map(|artist| (clip.name.clone(), artist)))
        .filter(|(_, artist)| judged.contains(artist))
        .collect()
}

/// The artists of a joint name, in lower case.
fn members(artist: &str) -> Vec<String> {
    let joint = artist
        .to_lowercase()
        .replace(" and ", ",")
        .replace(" feat. ", ",")
        .replace(" with ", ",");
    joint
        .split([',', '&', '/', ';'])
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(name: &str, artist: &str) -> Clip {
        Clip {
            name: name.to_owned(),
            artist: artist.to_owned(),
            ..Clip::default()
        }
    }

    #[test]
    fn an_artist_on_both_sides_is_refused_whatever_the_case() {
        let (train, valid) = (
            [clip("a", "Bob Marley"), clip("b", "")],
            [clip("c", ""), clip("d", "bob marley")],
        );
        let leak = refuse_leaks(&train, &valid).unwrap_err();
        assert_eq!(
            (leak.what, leak.train.as_str(), leak.valid.as_str()),
            ("artist", "a", "d")
        );
    }

    #[test]
    fn a_clip_on_both_sides_is_refused() {
        assert_eq!(
            refuse_leaks(&[clip("a", "")], &[clip("a", "")]).unwrap_err().what,
            "clip"
        );
    }

    #[test]
    fn a_shared_member_of_joint_artists_is_told() {
        let train = [clip("a", "Barbra Streisand and Donna Summer"), clip("b", "Andy and Co")];
        let valid = [clip("c", "Donna Summer"), clip("d", "Co-op")];
        assert_eq!(
            joint_artists_shared(&train, &valid),
            [("a".to_owned(), "donna summer".to_owned())]
        );
    }

    #[test]
    fn unknown_artists_do_not_count_as_one() {
        assert_eq!(
            refuse_leaks(&[clip("a", ""), clip("b", "X")], &[clip("c", ""), clip("d", "Y")]),
            Ok(())
        );
    }
}
