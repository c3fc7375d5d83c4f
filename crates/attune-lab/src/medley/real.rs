//! Medleys of clips.
//!
//! In: a data set, a plan, a number, and the sound of clips as they are drawn. Out: a [`Medley`]. Thread: any.

use super::assemble::{Part, assembled};
use super::{Layout, Medley, MedleyPlan, RATE, SECONDS, Source, rng_of};
use crate::LabError;
use attune_audio::decode::decode_file;
use attune_train::TrainError;
use attune_train::dataset::{Clip, Dataset, Side};
use attune_train::sound::varispeed;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// The clips of one side of a data set that medleys are cut from.
#[derive(Debug)]
pub struct ClipMedleys<'a> {
    /// In order of their names, so that the order of the index does not matter.
    by_genre: BTreeMap<&'a str, Vec<&'a Clip>>,
    split: Side,
}

impl<'a> ClipMedleys<'a> {
    /// Clips with audio, of one side. [`Dataset::list`] is enough of a data set; it refuses an artist on both sides.
    ///
    /// # Errors
    /// If there are fewer than two genres with audio.
    pub fn new(data: &'a Dataset, split: Side) -> Result<Self, LabError> {
        let clips = match split {
            Side::Train => &data.train,
            Side::Valid => &data.valid,
        };
        let mut by_genre: BTreeMap<&str, Vec<&Clip>> = BTreeMap::new();
        for clip in clips.iter().filter(|clip| clip.audio.is_some()) {
            by_genre.entry(data.genres.label(clip.genre)).or_default().push(clip);
        }
        for clips in by_genre.values_mut() {
            clips.sort_by(|a, b| a.name.cmp(&b.name));
        }
        if by_genre.len() < 2 {
            let split = if split == Side::Train { "train" } else { "valid" };
            return Err(LabError::Refused(format!(
                "medleys need clips with audio of two genres or more; the split {split} has {}",
                by_genre.len()
            )));
        }
        Ok(Self { by_genre, split })
    }

    /// How many clips there are of each genre.
    pub fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.by_genre.iter().map(|(genre, clips)| (*genre, clips.len()))
    }

    /// Medley `number` of a plan, whose split must be that of the clips. `sound` gives the samples of a clip at
    /// [`RATE`]: [`ClipMedleys::decoded`], or what keeps them.
    ///
    /// A section is shorter than drawn if its clip is.
    ///
    /// # Errors
    /// If `sound` fails, a clip is shorter than the shortest section, or clips run out: no clip is in a medley twice.
    ///
    /// # Panics
    /// If the plan is of the other split, or its numbers of sections are not within [`super::SECTIONS`].
    pub fn make(
        &self,
        plan: &MedleyPlan,
        number: u64,
        mut sound: impl FnMut(&Clip) -> Result<Vec<f32>, LabError>,
    ) -> Result<Medley, LabError> {
        assert!(plan.split == self.split, "the plan is of the other split");
        let mut rng = rng_of(plan, false, number);
        let layout = Layout::draw(plan, &mut rng);
        let mut used = BTreeSet::new();
        let mut parts: Vec<Part> = Vec::new();
        for i in 0..layout.lengths.len() {
            let before = parts.last().map(|part| part.token.as_str());
            let (genre, clip) = self.draw(before, &used, &mut rng)?;
            used.insert(clip.name.clone());
            let samples = sound(clip)?;
            parts.push(part(genre, clip, &samples, (&layout, i), &mut rng)?);
        }
        Ok(assembled(&layout, parts))
    }

    /// A genre other than the one before, each as likely, and a clip of it that is not used yet.
    fn draw(
        &self,
        before: Option<&str>,
        used: &BTreeSet<String>,
        rng: &mut ChaCha8Rng,
    ) -> Result<(&'a str, &'a Clip), LabError> {
        let left = |clips: &[&'a Clip]| -> Vec<&'a Clip> {
            let clips = clips.iter().copied();
            clips.filter(|clip| !used.contains(&clip.name)).collect()
        };
        let choices: Vec<(&str, Vec<&Clip>)> = self
            .by_genre
            .iter()
            .filter(|(genre, _)| before != Some(**genre))
            .map(|(genre, clips)| (*genre, left(clips)))
            .filter(|(_, clips)| !clips.is_empty())
            .collect();
        if choices.is_empty() {
            return Err(LabError::Refused(
                "there are too few clips for a medley of so many sections, none used twice: lower --sections"
                    .to_owned(),
            ));
        }
        let (genre, clips) = &choices[rng.random_range(0..choices.len())];
        Ok((*genre, clips[rng.random_range(0..clips.len())]))
    }

    /// The samples of a clip's file at [`RATE`]; decoded anew each time.
    ///
    /// # Errors
    /// If it cannot be decoded, or has a rate that is not from a quarter to four times [`RATE`].
    pub fn decoded(clip: &Clip) -> Result<Vec<f32>, LabError> {
        let Some(path) = &clip.audio else {
            return Err(LabError::Refused(format!("the clip {} has no audio", clip.name)));
        };
        let (info, samples) = decode_file(path).map_err(TrainError::from)?;
        let speed = info.rate.hz() / RATE.hz();
        if !(0.25..=4.0).contains(&speed) {
            return Err(LabError::Refused(format!(
                "{}: its rate is {} Hz, and medleys are cut from 5,513 to 88,200 Hz: resample it",
                path.display(),
                info.rate.0
            )));
        }
        Ok(varispeed(&samples, speed))
    }
}

fn part(
    genre: &str,
    clip: &Clip,
    samples: &[f32],
    (layout, i): (&Layout, usize),
    rng: &mut ChaCha8Rng,
) -> Result<Part, LabError> {
    let (before, after) = (layout.halves[i], layout.halves[i + 1]);
    let room = samples.len().saturating_sub(before + after);
    let length = layout.lengths[i].min(room);
    if RATE.duration(length as u64).0 < *SECONDS.start() {
        return Err(LabError::Refused(format!(
            "the clip {} is {:.1} s long, too short for a section of {} s: leave it out of the index",
            clip.name,
            RATE.duration(samples.len() as u64).0,
            SECONDS.start()
        )));
    }
    let from = before + rng.random_range(0..=room - length);
    Ok(Part {
        token: genre.to_owned(),
        source: Source::Clip {
            name: clip.name.clone(),
            artist: clip.artist.clone(),
            from,
        },
        length,
        stems: vec![(
            clip.name.clone(),
            samples[from - before..from + length + after].to_vec(),
        )],
        gain: 1.0,
    })
}
