//! What a model can answer: its classes, their names and colours, and a probability for each.
//!
//! In: labels of a manifest. Out: [`GenreSet`], [`GenreId`], [`Probabilities`]. Thread: any.

use serde::{Deserialize, Serialize};

/// The most classes that one model may have. It bounds the fixed-size [`Probabilities`].
pub const MAX_CLASSES: usize = 32;

/// One class of a [`GenreSet`], by its place in the set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenreId(pub u8);

/// The classes of a model, in the order of its outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct GenreSet {
    labels: Vec<String>,
}

/// Why a list of labels cannot be a [`GenreSet`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenreSetError {
    /// Too few or too many.
    #[error("a model has 2 to {MAX_CLASSES} classes, not {0}")]
    Count(usize),
    /// The same label twice, or an empty one.
    #[error("the class label {0:?} is empty or stands twice")]
    Label(String),
}

/// GTZAN's ten genres, by the names of its folders: the classes of the bundled models.
pub const GTZAN: [&str; 10] = [
    "blues",
    "classical",
    "country",
    "disco",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
];

/// Twelve colours that stay apart for colour-blind eyes on light and on dark (after Paul Tol's muted and bright sets).
const COLOURS: [[u8; 3]; 12] = [
    [0x44, 0x77, 0xAA],
    [0xCC, 0xBB, 0x44],
    [0xB8, 0x86, 0x4B],
    [0xEE, 0x66, 0xAA],
    [0xEE, 0x77, 0x33],
    [0x88, 0x66, 0xCC],
    [0x33, 0xAA, 0x99],
    [0x66, 0xCC, 0xEE],
    [0x22, 0x88, 0x33],
    [0xCC, 0x33, 0x44],
    [0x99, 0x55, 0x77],
    [0x99, 0x99, 0x33],
];

/// What kind of sound it is, before any genre: the classes of a gate, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoundKind {
    /// Music.
    Music,
    /// A voice that speaks.
    Speech,
    /// Anything else: noise, machines, animals, weather.
    Other,
}

impl SoundKind {
    /// The labels of a gate.
    pub const LABELS: [&str; 3] = ["music", "speech", "other"];

    /// Its probability in a row of a gate's.
    pub fn of(self, row: &Probabilities) -> f32 {
        row.of(GenreId(self as u8))
    }

    /// Its label.
    pub fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }

    /// As it stands in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Speech => "speech",
            Self::Other => "another sound",
        }
    }
}

impl GenreSet {
    /// A set of 2 to [`MAX_CLASSES`] distinct, non-empty labels.
    pub fn new(labels: Vec<String>) -> Result<Self, GenreSetError> {
        if !(2..=MAX_CLASSES).contains(&labels.len()) {
            return Err(GenreSetError::Count(labels.len()));
        }
        for (i, label) in labels.iter().enumerate() {
            if label.trim().is_empty() || labels[..i].contains(label) {
                return Err(GenreSetError::Label(label.clone()));
            }
        }
        Ok(Self { labels })
    }

    /// GTZAN's ten genres.
    pub fn gtzan() -> Self {
        Self {
            labels: GTZAN.map(str::to_owned).to_vec(),
        }
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never: a set has at least two classes.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label of a class, as scripts see it (`hiphop`).
    ///
    /// # Panics
    /// If `id` is of another, larger set.
    pub fn label(&self, id: GenreId) -> &str {
        &self.labels[usize::from(id.0)]
    }

    /// The label as people read it (`Hip-hop`).
    pub fn title(&self, id: GenreId) -> String {
        match self.label(id) {
            "hiphop" => "Hip-hop".to_owned(),
            label => {
                let mut chars = label.chars();
                chars
                    .next()
                    .map(|first| first.to_uppercase().chain(chars).collect())
                    .unwrap_or_default()
            }
        }
    }

    /// The one colour (sRGB) that a class has everywhere.
    pub fn colour(&self, id: GenreId) -> [u8; 3] {
        COLOURS[usize::from(id.0) % COLOURS.len()]
    }

    /// Whether these are the classes of a gate, which separates music from other sounds.
    pub fn is_gate(&self) -> bool {
        self.labels == SoundKind::LABELS
    }

    /// The class with this label.
    pub fn find(&self, label: &str) -> Option<GenreId> {
        self.labels
            .iter()
            .position(|known| known == label)
            .map(|i| GenreId(i as u8))
    }

    /// The class that a person's text names: by its label, else by label or title whatever their case and what stands
    /// between their words (`Hip-Hop`, `hip hop`). `None` if that is no class, or more than one.
    ///
    /// ```
    /// use attune_model::genre::GenreSet;
    /// let genres = GenreSet::gtzan();
    /// assert_eq!(genres.find_name(" Hip-Hop "), genres.find("hiphop"));
    /// assert_eq!(genres.find_name("polka"), None);
    /// ```
    pub fn find_name(&self, text: &str) -> Option<GenreId> {
        let mut alike = self.ids().filter(|&id| is_same_name(self.label(id), text));
        self.find(text)
            .or_else(|| alike.next().filter(|_| alike.next().is_none()))
    }

    /// All classes in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = GenreId> + use<> {
        (0..self.labels.len()).map(|i| GenreId(i as u8))
    }

    /// All labels in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }
}

/// Whether two names differ only in case, spaces and punctuation.
pub fn is_same_name(one: &str, other: &str) -> bool {
    let key = |name: &str| -> String {
        name.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let key_of_one = key(one);
    !key_of_one.is_empty() && key_of_one == key(other)
}

impl TryFrom<Vec<String>> for GenreSet {
    type Error = GenreSetError;
    fn try_from(labels: Vec<String>) -> Result<Self, GenreSetError> {
        Self::new(labels)
    }
}

impl From<GenreSet> for Vec<String> {
    fn from(set: GenreSet) -> Self {
        set.labels
    }
}

/// A probability for each class of a set. Fixed size, so that it can lie in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probabilities {
    values: [f32; MAX_CLASSES],
    len: u8,
}

impl Probabilities {
    /// The same probability for each of `classes` classes: what is known before the first frame.
    pub fn uniform(classes: usize) -> Self {
        let len = classes.min(MAX_CLASSES);
        let mut values = [0.0; MAX_CLASSES];
        values[..len].fill(1.0 / len.max(1) as f32);
        Self { values, len: len as u8 }
    }

    /// Copies one row of probabilities; what is beyond [`MAX_CLASSES`] is left out.
    pub fn from_slice(row: &[f32]) -> Self {
        let len = row.len().min(MAX_CLASSES);
        let mut values = [0.0; MAX_CLASSES];
        values[..len].copy_from_slice(&row[..len]);
        Self { values, len: len as u8 }
    }

    /// Softmax of one row of logits, each divided by `temperature` first (Guo et al. 2017).
    ///
    /// ```
    /// use attune_model::genre::Probabilities;
    /// let p = Probabilities::softmax(&[0.0, (3.0f32).ln()], 1.0);
    /// assert!((p.as_slice()[1] - 0.75).abs() < 1e-6);
    /// ```
    pub fn softmax(logits: &[f32], temperature: f32) -> Self {
        let mut row = Self::from_slice(logits);
        let values = row.as_mut_slice();
        let top = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0;
        for value in values.iter_mut() {
            *value = ((*value - top) / temperature).exp();
            total += *value;
        }
        for value in values.iter_mut() {
            *value /= total;
        }
        row
    }

    /// The probabilities in the order of the set.
    pub fn as_slice(&self) -> &[f32] {
        &self.values[..usize::from(self.len)]
    }

    /// The probabilities, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values[..usize::from(self.len)]
    }

    /// The probability of one class; 0 for a class of a larger set.
    pub fn of(&self, id: GenreId) -> f32 {
        self.as_slice().get(usize::from(id.0)).copied().unwrap_or(0.0)
    }

    /// The most probable class and its probability; the first of equals.
    pub fn top(&self) -> (GenreId, f32) {
        let mut best = (GenreId(0), f32::NEG_INFINITY);
        for (i, &p) in self.as_slice().iter().enumerate() {
            if p > best.1 {
                best = (GenreId(i as u8), p);
            }
        }
        best
    }
}
