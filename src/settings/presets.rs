//! Arrangements of the window under names.
//!
//! In: what the window shows. Out: a short list, kept with the settings. Thread: any.

use super::{ColourMap, Page, View, Words};
use attune_engine::smoothing::SmoothingConfig;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many are kept.
const MOST_PRESETS: usize = 16;
/// The longest name, in characters.
pub const LONGEST_PRESET: usize = 40;
/// The most models whose switches a preset has: as many as can run, and as many again that were removed.
const MOST_SWITCHES: usize = 16;

/// A plot of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plot {
    /// The spectrogram with its strips.
    Spectrogram,
    /// What changed the answer.
    Changed,
    /// Heads, gates, field, scores or words.
    Internals,
    /// Answers and disagreement.
    Answers,
    /// The track, or the last minutes.
    Timeline,
}

/// An arrangement of the window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Preset {
    /// What it is called.
    pub name: String,
    /// The view.
    pub view: View,
    /// The page of the left column.
    pub page: Page,
    /// Plots that are hidden.
    pub hidden: BTreeSet<Plot>,
    /// The plot that has all the room.
    pub enlarged: Option<Plot>,
    /// Whether two models are compared.
    pub compares: bool,
    /// Models, by name, that are on or off.
    pub models: BTreeMap<String, bool>,
    /// Smoothing and decision.
    pub smoothing: SmoothingConfig,
    /// Colours of the spectrogram.
    pub colour_map: ColourMap,
    /// Levels drawn at the dark and the bright end of the colours, in dB.
    pub range_db: [f32; 2],
    /// Whether attention is laid over the spectrogram.
    pub show_attention: bool,
    /// Whether what changes the answer is shown while it is live.
    pub show_changes: bool,
    /// How many seconds the plots over time show.
    pub time_span: f64,
    /// How the lecture puts figures into words.
    pub words: Words,
}

impl Preset {
    /// Whether all of it can be used.
    fn is_valid(&self) -> bool {
        let [low, high] = self.range_db;
        is_name(&self.name)
            && self.models.len() <= MOST_SWITCHES
            && self.smoothing.validate().is_ok()
            && low.is_finite()
            && high.is_finite()
            && low < high
            && self.time_span.is_finite()
    }
}

/// Whether a preset may have this name: some text on one line, not too long.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= LONGEST_PRESET
        && !name.contains(char::is_control)
}

/// Why a preset is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// It has no name, or a name that is too long.
    #[error("{0:?} is no name for a preset: give it 1 to {LONGEST_PRESET} characters")]
    Name(String),
    /// There are as many as are kept.
    #[error("there are {MOST_PRESETS} presets already: delete one first, or save under a name that is there")]
    Full,
}

/// All presets, in the order in which they were first saved.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Presets(Vec<Preset>);

impl Presets {
    /// Keeps one; it takes the place of another of its name.
    ///
    /// # Errors
    /// If its name is none, or if there are too many.
    pub fn save(&mut self, mut preset: Preset) -> Result<(), PresetError> {
        let name = preset.name.trim().to_owned();
        preset.name = name;
        if !is_name(&preset.name) {
            return Err(PresetError::Name(
                preset.name.chars().take(2 * LONGEST_PRESET).collect(),
            ));
        }
        match self.0.iter().position(|known| known.name == preset.name) {
            Some(place) => self.0[place] = preset,
            None if self.0.len() == MOST_PRESETS => return Err(PresetError::Full),
            None => self.0.push(preset),
        }
        Ok(())
    }

    /// Forgets the one of this name.
    pub fn delete(&mut self, name: &str) {
        self.0.retain(|known| known.name != name);
    }

    /// All of them.
    pub fn all(&self) -> &[Preset] {
        &self.0
    }
}

/// A preset that cannot be used is left out: the other settings are worth more than it.
impl<'de> Deserialize<'de> for Presets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut presets = Self::default();
        let rows = Vec::<Value>::deserialize(from)?.into_iter();
        for preset in rows.filter_map(|row| serde_json::from_value::<Preset>(row).ok()) {
            if preset.is_valid() {
                // One too many is left out.
                let _ = presets.save(preset);
            }
        }
        Ok(presets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str) -> Preset {
        Preset {
            name: name.to_owned(),
            range_db: [-50.0, 30.0],
            time_span: 12.0,
            ..Preset::default()
        }
    }

    #[test]
    fn each_name_is_kept_once_and_their_number_is_bounded() {
        let mut presets = Presets::default();
        for name in (0..MOST_PRESETS).map(|i| i.to_string()) {
            presets.save(preset(&name)).unwrap();
        }
        assert_eq!(presets.save(preset("one more")), Err(PresetError::Full));
        let changed = Preset {
            time_span: 6.0,
            ..preset(" 3 ")
        };
        presets.save(changed).unwrap();
        assert_eq!((presets.all().len(), presets.all()[3].time_span), (MOST_PRESETS, 6.0));
        presets.delete("3");
        presets.save(preset("one more")).unwrap();
        for name in ["", "  ", "a\nb", &"x".repeat(LONGEST_PRESET + 1)] {
            assert!(
                matches!(presets.save(preset(name)), Err(PresetError::Name(_))),
                "{name:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_the_rest_is_kept() {
        let good = serde_json::to_value(preset("good")).unwrap();
        let mut rows: Vec<Value> = Vec::new();
        for (field, value) in [
            ("name", Value::from("x".repeat(1000))),
            ("range_db", Value::from(vec![0.0, -80.0])),
            ("hidden", Value::from(vec!["no such plot"])),
            ("time_span", Value::Null),
        ] {
            let mut row = good.clone();
            row[field] = value;
            rows.push(row);
        }
        rows.extend([Value::from(7), good.clone(), good]);
        rows.extend((0..30).map(|i| serde_json::to_value(preset(&i.to_string())).unwrap()));
        let presets: Presets = serde_json::from_value(Value::from(rows)).unwrap();
        assert_eq!(
            (presets.all().len(), presets.all()[0].name.as_str()),
            (MOST_PRESETS, "good")
        );
        let text = serde_json::to_string(&presets).unwrap();
        assert_eq!(serde_json::from_str::<Presets>(&text).unwrap(), presets);
    }
}
