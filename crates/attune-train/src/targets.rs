//! The targets of an example: classes, and a teacher's output.
//!
//! In: the clips that a sound is made of, and its rendition if it is one. Out: a [`Target`]. Thread: any.

use super::dataset::{Clip, Dataset, Lines, on_lines};
use super::recipe::Recipe;
use super::renditions::{Rendition, TeacherInput};
use super::teacher::genres::{Regression, Row, out_of_fold};
use std::ops::Range;
use std::sync::Arc;

/// The targets of one example.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// Share of each class; zeros without a label.
    pub genres: Vec<f32>,
    /// Weight of these: 1 for a label, less for a soft label in place of one.
    pub has_genres: f32,
    /// The teacher's standardised features.
    pub features: Vec<f32>,
    /// 1, or 0 without a teacher's output.
    pub has_features: f32,
    /// Probabilities of the teacher's tags.
    pub tags: Vec<f32>,
    /// As `has_features`.
    pub has_tags: f32,
    /// Standardised features of the windows that the sound is in.
    pub windows: Vec<f32>,
    /// As `has_features`.
    pub has_windows: f32,
}

impl Target {
    /// Mixes another one into it: `share` of this and the rest of the other. A teacher's target counts only if both
    /// have it.
    pub fn mix(&mut self, other: &Self, share: f32) {
        mix(&mut self.genres, &other.genres, share);
        self.has_genres = share * self.has_genres + (1.0 - share) * other.has_genres;
        mix(&mut self.features, &other.features, share);
        mix(&mut self.tags, &other.tags, share);
        mix(&mut self.windows, &other.windows, share);
        self.has_windows *= other.has_windows;
        self.has_features *= other.has_features;
        self.has_tags *= other.has_tags;
    }
}

/// a ← share·a + (1 − share)·b.
pub fn mix(a: &mut [f32], b: &[f32], share: f32) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = share * *a + (1.0 - share) * b;
    }
}

/// All targets of a data set.
#[derive(Debug)]
pub struct Targets<'a> {
    clips: &'a [Clip],
    classes: usize,
    label_smoothing: f32,
    soft_label_weight: f32,
    unlabelled_weight: f32,
    teacher_input: TeacherInput,
    feature_width: usize,
    tag_width: usize,
    lines: &'a Lines,
    scale: Standard,
    window_scale: Standard,
}

impl<'a> Targets<'a> {
    /// Of the training clips and their teachers' output.
    pub fn new(recipe: &Recipe, data: &'a Dataset) -> Self {
        let (feature_width, tag_width) = data.teacher_widths();
        Self {
            clips: &data.train,
            classes: data.genres.len(),
            label_smoothing: recipe.label_smoothing,
            soft_label_weight: recipe.soft_label_weight,
            unlabelled_weight: recipe.unlabelled_weight,
            teacher_input: recipe.renditions.teacher_input,
            feature_width,
            tag_width: if recipe.tag_weight > 0.0 { tag_width } else { 0 },
            lines: &data.teacher_lines,
            scale: Standard::of(data, feature_width),
            window_scale: Standard::of_windows(data),
        }
    }

    /// Width of the teacher's features, 0 without a teacher.
    pub fn feature_width(&self) -> usize {
        self.feature_width
    }

    /// Width of the features of a window, 0 without windowed targets.
    pub fn window_width(&self) -> usize {
        self.window_scale.mean.len()
    }

    /// Number of tags that are targets.
    pub(crate) fn tag_width(&self) -> usize {
        self.tag_width
    }

    /// Of a labelled clip as it is: of a part of its audio, or of its excerpt.
    pub(crate) fn of_clip(&self, clip: &Clip, part: Option<&Range<f32>>) -> Target {
        let mut target = self.of_parts(&[(clip, 1.0)]);
        self.add_windows(&mut target, &[(clip, 1.0)], part);
        target
    }

    /// Of a part of a rendition of unlabelled music: the teacher's output, and the soft label.
    pub(crate) fn of_unlabelled(&self, clip: &Clip, rendition: &Rendition, part: &Range<f32>) -> Target {
        let mut target = self.teacher_of_rendition(rendition);
        self.add_windows(&mut target, &[(clip, 1.0)], Some(part));
        if let Some(soft_label) = clip.soft_labels.as_ref().filter(|_| self.unlabelled_weight > 0.0) {
            target.genres.clone_from(soft_label);
            target.has_genres = self.unlabelled_weight;
        }
        target
    }

    /// Of a part of a rendition, labelled as the clips in it are. A rendition may be slower than its clip: the same
    /// share of either's length is the same music.
    pub(crate) fn of_rendition(&self, rendition: &Rendition, part: &Range<f32>) -> Target {
        let mut target = self.teacher_of_rendition(rendition);
        self.add_windows(&mut target, &self.parts(rendition), Some(part));
        target
    }

    fn parts(&self, rendition: &Rendition) -> Vec<(&Clip, f32)> {
        let parts = rendition.clips.iter();
        parts.map(|&(place, share)| (&self.clips[place], share)).collect()
    }

    /// Without the windows.
    fn teacher_of_rendition(&self, rendition: &Rendition) -> Target {
        let parts = self.parts(rendition);
        let mut target = self.of_parts(&parts);
        if self.teacher_input == TeacherInput::Rendition || parts.is_empty() {
            let teacher = &rendition.recording.teacher;
            (target.features, target.has_features) = blend(&[(Some(&teacher.features), 1.0)], self.feature_width);
            if target.has_features > 0.0 {
                target.features = self.scale.apply(&on_lines(self.lines, &target.features));
            }
            (target.tags, target.has_tags) = blend(&[(Some(&teacher.tags), 1.0)], self.tag_width);
        }
        target
    }

    /// Adds the features of the windows that a part of these clips is in, or of their excerpts.
    fn add_windows(&self, target: &mut Target, clips: &[(&Clip, f32)], part: Option<&Range<f32>>) {
        let windows_of = |clip: &Clip| match part {
            Some(part) => Some(clip.windowed_targets.as_ref()?.at(part)),
            None => Some(clip.excerpt_window.as_ref()?.mean()),
        };
        let rows: Vec<(Option<Vec<f32>>, f32)> = clips.iter().map(|&(clip, share)| (windows_of(clip), share)).collect();
        let rows: Vec<(Option<&Vec<f32>>, f32)> = rows.iter().map(|(row, share)| (row.as_ref(), *share)).collect();
        let (windows, has_windows) = blend(&rows, self.window_width());
        target.windows = self.window_scale.apply(&windows);
        target.has_windows = has_windows;
    }

    /// Of a mix of these clips by their shares.
    fn of_parts(&self, parts: &[(&Clip, f32)]) -> Target {
        let mixed = |of: fn(&Clip) -> Option<&Vec<f32>>, width: usize| {
            let rows: Vec<(Option<&Vec<f32>>, f32)> = parts.iter().map(|&(clip, share)| (of(clip), share)).collect();
            blend(&rows, width)
        };
        let (mut features, has_features) = mixed(|clip| clip.teacher.as_deref(), self.feature_width);
        if has_features > 0.0 {
            features = self.scale.apply(&features);
        }
        let (tags, has_tags) = mixed(|clip| clip.tags.as_deref(), self.tag_width);
        let mut genres = vec![0.0; self.classes];
        for (clip, share) in parts {
            for (slot, genre) in genres.iter_mut().zip(self.genres(clip)) {
                *slot += share * genre;
            }
        }
        Target {
            genres,
            has_genres: if parts.is_empty() { 0.0 } else { 1.0 },
            features,
            has_features,
            tags,
            has_tags,
            ..Target::default()
        }
    }

    /// The smoothed label (Szegedy et al. 2016), mixed with the soft label (Hinton et al. 2015).
    fn genres(&self, clip: &Clip) -> Vec<f32> {
        let mut genres = vec![self.label_smoothing / self.classes as f32; self.classes];
        genres[usize::from(clip.genre.0)] += 1.0 - self.label_smoothing;
        if let Some(soft_label) = &clip.soft_labels {
            mix(&mut genres, soft_label, 1.0 - self.soft_label_weight);
        }
        genres
    }
}

/// The sum of the rows weighted by their shares, and 1; zeros and 0 if one is missing or there is none.
fn blend(rows: &[(Option<&Vec<f32>>, f32)], width: usize) -> (Vec<f32>, f32) {
    let mut sum = vec![0.0; width];
    for (row, share) in rows {
        match row {
            Some(row) if row.len() == width => {
                for (slot, x) in sum.iter_mut().zip(*row) {
                    *slot += share * x;
                }
            }
            _ => return (vec![0.0; width], 0.0),
        }
    }
    (sum, if rows.is_empty() { 0.0 } else { 1.0 })
}

/// Assigns soft labels: out-of-fold to training clips, and from a regression on all training clips to unlabelled music.
/// `groups` lists the clips that must stay together ([`super::split::SplitChoice::groups`]). Clips that lack features
/// get none.
pub(crate) fn add_soft_labels(data: &mut Dataset, groups: &[Vec<usize>]) {
    let widths = (data.teacher_width, data.window_width);
    if widths == (0, 0) {
        return;
    }
    let clips = groups
        .iter()
        .enumerate()
        .flat_map(|(group, members)| members.iter().map(move |&clip| (clip, group)));
    let known: Vec<(usize, Vec<f32>, usize)> = clips
        .filter_map(|(place, group)| {
            let clip = &data.train[place];
            Some((place, all_features(clip, clip.teacher.as_deref(), widths)?, group))
        })
        .collect();
    let rows: Vec<Row<'_>> = known
        .iter()
        .map(|(clip, features, group)| Row {
            features,
            genre: data.train[*clip].genre,
            group: *group,
        })
        .collect();
    let genres = out_of_fold(&rows, data.genres.len());
    let regression = Regression::fit(&rows, data.genres.len());
    let places: Vec<usize> = known.iter().map(|(clip, _, _)| *clip).collect();
    if !places.is_empty() {
        for clip in &mut data.unlabelled {
            // The first rendition is the piece as it is.
            let features = clip
                .renditions
                .first()
                .map(|rendition| on_lines(&data.teacher_lines, &rendition.recording.teacher.features));
            let features = all_features(clip, features.as_ref(), widths);
            clip.soft_labels = features.map(|features| Arc::new(regression.predict(&features)));
        }
    }
    for (clip, genres) in places.into_iter().zip(genres) {
        data.train[clip].soft_labels = Some(Arc::new(genres));
    }
}

/// A teacher's features of a clip, then the mean of its windowed targets; `None` unless both have these widths.
fn all_features(clip: &Clip, features: Option<&Vec<f32>>, widths: (usize, usize)) -> Option<Vec<f32>> {
    let mut all = Vec::with_capacity(widths.0 + widths.1);
    if widths.0 > 0 {
        all.extend(features.filter(|features| features.len() == widths.0)?);
    }
    if widths.1 > 0 {
        let windows = clip.windowed_targets.as_ref().or(clip.excerpt_window.as_ref());
        all.extend(windows?.mean());
    }
    Some(all)
}

/// Mean and deviation of each of the teacher's features over the training clips.
#[derive(Debug, Default)]
struct Standard {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Standard {
    /// Over the windows of the training clips.
    fn of_windows(data: &Dataset) -> Self {
        let targets = data
            .train
            .iter()
            .flat_map(|clip| [&clip.windowed_targets, &clip.excerpt_window]);
        let rows: Vec<&[f32]> = targets.flatten().flat_map(|windows| windows.rows()).collect();
        Self::of_rows(&rows, data.window_width)
    }

    /// Over the features of the training clips; without any, over those of their renditions.
    fn of(data: &Dataset, width: usize) -> Self {
        let stored = data.train.iter().filter_map(|clip| clip.teacher.as_deref());
        let mut rows: Vec<&Vec<f32>> = stored.filter(|row| row.len() == width).collect();
        if rows.is_empty() {
            let renditions = data
                .train
                .iter()
                .chain(&data.unlabelled)
                .flat_map(|clip| &clip.renditions);
            rows = renditions
                .map(|rendition| &rendition.recording.teacher.features)
                .collect();
            rows.retain(|row| row.len() == width);
        }
        let rows: Vec<&[f32]> = rows.into_iter().map(Vec::as_slice).collect();
        Self::of_rows(&rows, width)
    }

    fn of_rows(rows: &[&[f32]], width: usize) -> Self {
        let n = rows.len().max(1) as f32;
        let mean: Vec<f32> = (0..width)
            .map(|i| rows.iter().map(|row| row[i]).sum::<f32>() / n)
            .collect();
        let deviation = (0..width)
            .map(|i| {
                (rows.iter().map(|row| (row[i] - mean[i]).powi(2)).sum::<f32>() / n)
                    .sqrt()
                    .max(1e-6)
            })
            .collect();
        Self { mean, deviation }
    }

    fn apply(&self, features: &[f32]) -> Vec<f32> {
        features
            .iter()
            .zip(self.mean.iter().zip(&self.deviation))
            .map(|(x, (mean, deviation))| (x - mean) / deviation)
            .collect()
    }
}
