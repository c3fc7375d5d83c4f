//! The options of a training recipe that the command line can set.

use attune_audio::units::Decibels;
use attune_model::architecture::BodyShape;
use attune_model::tcn::TcnShape;
use attune_train::dataset::MoreForms;
use attune_train::recipe::{BatchShape, Recipe};
use attune_train::renditions::TeacherInput;
use attune_train::split::Fold;
use clap::ValueEnum;
use std::fmt::Write;
use std::path::PathBuf;

/// Default probability that a labelled excerpt is limited to the band of the auxiliary data, if there are any.
const AUX_SHARE: f32 = 0.4;

/// Options that change the recipe of the shipped weights; each left out stays as it is there.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("a_teacher").args(["teacher", "windowed_targets"]).multiple(true))]
pub(super) struct RecipeArgs {
    /// Initialise from the weights of another run (safetensors) where name and shape match; given several times, from
    /// their mean
    #[arg(long, value_name = "FILE")]
    pub(super) start_from: Vec<PathBuf>,
    /// Highest learning rate
    #[arg(long, value_parser = positive)]
    rate: Option<f32>,
    /// Decay of matrices in each step, as a share of the learning rate
    #[arg(long, value_parser = not_negative)]
    weight_decay: Option<f32>,
    /// Dropout before the classifier (and half of it between layers)
    #[arg(long, value_parser = share_below_1)]
    dropout: Option<f32>,
    /// Units of the classifier's hidden layer, from which the teachers' features are predicted too [default: 160]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    hidden: Option<u64>,
    /// Blocks of convolutions between front and body, by their dilations [default: 1,2,4 for LSTM, 1,2 for
    /// attention]
    #[arg(long, value_delimiter = ',', value_name = "D,D,…", value_parser = dilation)]
    stem: Vec<usize>,
    /// Dilations of the TCN's blocks [default: 1,2,4,8]
    #[arg(long, value_delimiter = ',', value_name = "D,D,…", value_parser = dilation)]
    dilations: Vec<usize>,
    /// Layers of LSTM or attention
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=8))]
    layers: Option<u64>,
    /// Batch-normalise every convolution of stem and TCN
    #[arg(long)]
    normalized: bool,
    /// Least deviation of levels, in dB, that loudness is divided by
    #[arg(long, value_parser = positive, value_name = "DB")]
    least_deviation: Option<f32>,
    /// The network averages its input over this many frames [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    smoothing_frames: Option<u64>,
    /// Share of the target spread over all classes
    #[arg(long, value_parser = share_below_1)]
    label_smoothing: Option<f32>,
    /// Decay of the running mean of the weights that is kept
    #[arg(long, value_parser = share_below_1)]
    averaging: Option<f32>,
    /// Mixup: both parameters of the Beta distribution by which two examples are mixed; 0: off
    #[arg(long, value_parser = not_negative)]
    mix: Option<f32>,
    /// Probability that reverberation and noise of a room are added to an excerpt [default: 0]
    #[arg(long, alias = "room", value_parser = share)]
    reverb: Option<f64>,
    /// Batches as CLIPSxFRAMES:FREQUENCY, with commas between them [default: 32x128:4,16x256:1]
    #[arg(long, value_delimiter = ',')]
    batches: Vec<BatchShape>,
    /// Early stopping: end after this many validations (see --every) without a better −ln p, and keep the best weights;
    /// 0: never
    #[arg(long)]
    patience: Option<u64>,
    /// Validate on fold K of N of all clips together, whole artists or groups, genres evenly; train on the others
    /// [default for folders: 1/5]
    #[arg(long, value_name = "K/N")]
    fold: Option<Fold>,
    /// Train on this share of the artists of each genre; a smaller share is part of a larger one
    #[arg(long, value_parser = share)]
    share: Option<f64>,
    /// Seed of folds and shares
    #[arg(long)]
    split_seed: Option<u64>,
    /// Renditions (augmented versions) of each clip with audio, made before training
    #[arg(long, alias = "takes", value_name = "N")]
    renditions: Option<usize>,
    /// For each clip with audio, mixtures with another one
    #[arg(long, value_name = "N")]
    mixtures: Option<usize>,
    /// Seed of the renditions
    #[arg(long, alias = "takes-seed")]
    renditions_seed: Option<u64>,
    /// Probability that an excerpt comes from a rendition, where a clip has both renditions and clean sound
    #[arg(long, alias = "take-share", value_parser = share)]
    rendition_share: Option<f64>,
    /// Share of unlabelled music in a batch
    #[arg(long, value_parser = share)]
    unlabelled_share: Option<f64>,
    /// Weight of the teacher's features as a target
    #[arg(long, value_parser = not_negative)]
    teacher_weight: Option<f32>,
    /// Weight of the soft labels, from the teacher's features, in a labelled clip's target
    #[arg(long, alias = "told-share", value_parser = share)]
    soft_label_weight: Option<f64>,
    /// Weight of the soft labels of unlabelled music, relative to a label's 1; needs a soft label weight
    #[arg(long, alias = "told-weight", value_parser = share)]
    unlabelled_weight: Option<f64>,
    /// Which sound the teacher's targets of a rendition come from
    #[arg(long, alias = "teacher-hears", value_enum)]
    teacher_input: Option<TeacherInput>,
    /// Weight of the teacher's tags as a target
    #[arg(long, value_parser = not_negative)]
    tag_weight: Option<f32>,
    /// A teacher network that is run on every rendition (safetensors: mel, conv1…5, norm1…5, tags)
    #[arg(long, value_name = "FILE")]
    pub(super) teacher: Option<PathBuf>,
    /// A teacher's features of every few seconds of each sound (safetensors; made by models/tell_windows.py)
    #[arg(long, alias = "windows", value_name = "FILE")]
    pub(super) windowed_targets: Option<PathBuf>,
    /// Weight of the windowed targets
    #[arg(long, value_parser = not_negative)]
    window_weight: Option<f32>,
    /// A folder of unlabelled music, for the teacher's targets only; may be repeated
    #[arg(long, value_name = "FOLDER", requires = "a_teacher")]
    pub(super) unlabelled: Vec<PathBuf>,
    /// Auxiliary data: a folder with sub-folders of audio for some of the classes, from another source; for training
    /// only. As its band may be narrower, a share of all labelled excerpts is limited to that band; may be repeated
    #[arg(long, alias = "also", value_name = "FOLDER")]
    pub(super) aux_data: Vec<PathBuf>,
    /// Whole clips as log-mels, some frames filled in (safetensors, made by models/fill_mels.py): clips without audio
    /// validate by them, and training draws from them besides audio
    #[arg(long, value_name = "FILE", requires = "data")]
    whole_mels: Option<PathBuf>,
    /// Probability that clean sound is drawn from these, whatever the class [default: 0.5]
    #[arg(long, value_parser = share, requires = "whole_mels")]
    filled_share: Option<f64>,
    /// Probability that the texture of an excerpt is smoothed and roughened at random [default: 0]
    #[arg(long, value_parser = share)]
    texture: Option<f64>,
    /// Resyntheses of clips without audio, CLIP.ogg: only renditions are made from them
    #[arg(long, value_name = "FOLDER", requires = "data")]
    resynthesis: Option<PathBuf>,
    /// The training clips' audio through a codec, CLIP.mp3 and the like, drawn as renditions are; may be repeated
    #[arg(long, value_name = "FOLDER", requires = "data")]
    coded: Vec<PathBuf>,
    /// Probability that a labelled excerpt is limited to the band of an auxiliary source [default: 0.4]
    #[arg(long, alias = "also-share", value_parser = share, requires = "aux_data")]
    aux_share: Option<f64>,
    /// Probability that a labelled example is a passage planted among other sound: music of another class, recordings
    /// (see --distractors), noise, silence [default: 0]
    #[arg(long, value_parser = share)]
    planted_share: Option<f64>,
    /// Weight of −ln of the attention that lies in planted passages; attention only [default: 0.5]
    #[arg(long, value_parser = not_negative, requires = "planted_share")]
    attention_weight: Option<f32>,
    /// Weight of the cross-entropy of the evidence in planted passages, and in the music around them, with its own class;
    /// attention only [default: 0.5]
    #[arg(long, value_parser = not_negative, requires = "planted_share")]
    local_weight: Option<f32>,
    /// A folder of sound that is no music, for planting passages in; names that begin with 5- (fold 5 of ESC) or contain
    /// _theo_ or _lucas_ are left out: they are for evaluation; may be repeated
    #[arg(long, value_name = "FOLDER", requires = "planted_share")]
    pub(super) distractors: Vec<PathBuf>,
    /// File that caches renditions between runs
    #[arg(long, alias = "takes-cache", value_name = "FILE")]
    pub(super) renditions_cache: Option<PathBuf>,
}

impl RecipeArgs {
    /// The validation fold, if given.
    pub(super) fn fold(&self) -> Option<Fold> {
        self.fold
    }

    /// The same with this validation fold.
    pub(super) fn of_fold(mut self, fold: Fold) -> Self {
        self.fold = Some(fold);
        self
    }

    /// More forms of the data set's clips.
    pub(super) fn more_forms(&self) -> MoreForms {
        MoreForms {
            whole_mels: self.whole_mels.clone(),
            resynthesis: self.resynthesis.clone(),
            coded: self.coded.clone(),
        }
    }

    /// Applies the given options to a recipe.
    pub(super) fn apply(&self, recipe: &mut Recipe) {
        let set = |place: &mut f32, given: Option<f32>| *place = given.unwrap_or(*place);
        set(&mut recipe.rate, self.rate);
        set(&mut recipe.weight_decay, self.weight_decay);
        set(&mut recipe.label_smoothing, self.label_smoothing);
        set(&mut recipe.averaging, self.averaging);
        set(&mut recipe.augmentation.mix_beta, self.mix);
        set(&mut recipe.augmentation.reverb, self.reverb.map(|share| share as f32));
        set(&mut recipe.teacher_weight, self.teacher_weight);
        set(&mut recipe.tag_weight, self.tag_weight);
        set(&mut recipe.window_weight, self.window_weight);
        set(
            &mut recipe.soft_label_weight,
            self.soft_label_weight.map(|share| share as f32),
        );
        set(
            &mut recipe.unlabelled_weight,
            self.unlabelled_weight.map(|weight| weight as f32),
        );
        set(
            &mut recipe.rendition_share,
            self.rendition_share.map(|share| share as f32),
        );
        set(
            &mut recipe.unlabelled_share,
            self.unlabelled_share.map(|share| share as f32),
        );
        if !self.aux_data.is_empty() {
            recipe.aux_share = self.aux_share.map_or(AUX_SHARE, |share| share as f32);
        }
        set(&mut recipe.filled_share, self.filled_share.map(|share| share as f32));
        set(&mut recipe.augmentation.texture, self.texture.map(|share| share as f32));
        set(&mut recipe.planted.share, self.planted_share.map(|share| share as f32));
        set(&mut recipe.planted.attention_weight, self.attention_weight);
        set(&mut recipe.planted.local_weight, self.local_weight);
        if let Some(dropout) = self.dropout {
            recipe.architecture.head.dropout = dropout;
            match &mut recipe.architecture.body {
                BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.dropout = dropout / 2.0,
                BodyShape::Tcn(shape) => shape.dropout = dropout / 2.0,
                BodyShape::Attention(shape) => shape.dropout = dropout / 2.0,
            }
        }
        self.shape(recipe);
        if let Some(deviation) = self.least_deviation {
            recipe.front_end.normalization.least_deviation = Decibels(deviation);
        }
        if let Some(frames) = self.smoothing_frames {
            recipe.architecture.front.smoothing_frames = frames as usize;
        }
        if !self.batches.is_empty() {
            recipe.batches.clone_from(&self.batches);
        }
        recipe.patience = self.patience.unwrap_or(recipe.patience);
        recipe.split.fold = self.fold;
        recipe.split.share = self.share.unwrap_or(recipe.split.share);
        recipe.split.seed = self.split_seed.unwrap_or(recipe.split.seed);
        let renditions = &mut recipe.renditions;
        renditions.versions = self.renditions.unwrap_or(renditions.versions);
        renditions.mixtures = self.mixtures.unwrap_or(renditions.mixtures);
        renditions.seed = self.renditions_seed.unwrap_or(renditions.seed);
        renditions.teacher_input = self.teacher_input.unwrap_or(renditions.teacher_input);
    }

    /// Sets in the network's shape what was given.
    fn shape(&self, recipe: &mut Recipe) {
        let architecture = &mut recipe.architecture;
        if let Some(hidden) = self.hidden {
            architecture.head.hidden = hidden as usize;
        }
        let dropout = architecture.body_dropout();
        let layers = self.layers.map(|layers| layers as usize);
        match &mut architecture.body {
            BodyShape::Rnn(shape) | BodyShape::Lstm(shape) => shape.layers = layers.unwrap_or(shape.layers),
            BodyShape::Attention(shape) => shape.layers = layers.unwrap_or(shape.layers),
            BodyShape::Tcn(shape) => {
                shape.normalized |= self.normalized;
                if !self.dilations.is_empty() {
                    shape.dilations.clone_from(&self.dilations);
                }
            }
        }
        if !self.stem.is_empty() {
            architecture.stem = Some(TcnShape {
                width: architecture.front.width,
                taps: 3,
                dilations: self.stem.clone(),
                dropout,
                normalized: self.normalized,
            });
        }
    }

    /// The options as they were given, without the paths.
    pub(super) fn words(&self) -> String {
        let mut words = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = write!(words, " --{name} {value}");
            }
        };
        let number = |value: Option<f32>| value.map(|value| value.to_string());
        for _ in &self.start_from {
            add("start-from", Some("FILE".to_owned()));
        }
        add("rate", number(self.rate));
        add("weight-decay", number(self.weight_decay));
        add("dropout", number(self.dropout));
        let list = |values: &[usize]| {
            let words: Vec<String> = values.iter().map(ToString::to_string).collect();
            (!words.is_empty()).then(|| words.join(","))
        };
        add("hidden", self.hidden.map(|value| value.to_string()));
        add("stem", list(&self.stem));
        add("dilations", list(&self.dilations));
        add("layers", self.layers.map(|value| value.to_string()));
        add("least-deviation", number(self.least_deviation));
        add("smoothing-frames", self.smoothing_frames.map(|value| value.to_string()));
        add("label-smoothing", number(self.label_smoothing));
        add("averaging", number(self.averaging));
        add("mix", number(self.mix));
        add("reverb", self.reverb.map(|value| value.to_string()));
        add("texture", self.texture.map(|value| value.to_string()));
        let batches: Vec<String> = self
            .batches
            .iter()
            .map(|shape| format!("{}x{}:{}", shape.clips, shape.frames, shape.frequency))
            .collect();
        add("batches", (!batches.is_empty()).then(|| batches.join(",")));
        add("patience", self.patience.map(|value| value.to_string()));
        add("fold", self.fold.map(|value| value.to_string()));
        add("share", self.share.map(|value| value.to_string()));
        add("split-seed", self.split_seed.map(|value| value.to_string()));
        add("renditions", self.renditions.map(|value| value.to_string()));
        add("mixtures", self.mixtures.map(|value| value.to_string()));
        add("renditions-seed", self.renditions_seed.map(|value| value.to_string()));
        add("rendition-share", self.rendition_share.map(|value| value.to_string()));
        add("unlabelled-share", self.unlabelled_share.map(|value| value.to_string()));
        add("filled-share", self.filled_share.map(|value| value.to_string()));
        add("aux-share", self.aux_share.map(|value| value.to_string()));
        add("planted-share", self.planted_share.map(|value| value.to_string()));
        add("attention-weight", number(self.attention_weight));
        add("local-weight", number(self.local_weight));
        add("teacher-weight", number(self.teacher_weight));
        add(
            "soft-label-weight",
            self.soft_label_weight.map(|value| value.to_string()),
        );
        add(
            "unlabelled-weight",
            self.unlabelled_weight.map(|value| value.to_string()),
        );
        let input = self.teacher_input.and_then(|input| input.to_possible_value());
        add("teacher-input", input.map(|value| value.get_name().to_owned()));
        add("tag-weight", number(self.tag_weight));
        add("window-weight", number(self.window_weight));
        add("teacher", self.teacher.as_ref().map(|_| "FILE".to_owned()));
        add("whole-mels", self.whole_mels.as_ref().map(|_| "FILE".to_owned()));
        add("resynthesis", self.resynthesis.as_ref().map(|_| "FOLDER".to_owned()));
        add(
            "windowed-targets",
            self.windowed_targets.as_ref().map(|_| "FILE".to_owned()),
        );
        if self.normalized {
            words.push_str(" --normalized");
        }
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(words, " --{name} {value}");
            }
        };
        for _ in &self.unlabelled {
            add("unlabelled", Some("FOLDER".to_owned()));
        }
        for _ in &self.aux_data {
            add("aux-data", Some("FOLDER".to_owned()));
        }
        for _ in &self.distractors {
            add("distractors", Some("FOLDER".to_owned()));
        }
        for _ in &self.coded {
            add("coded", Some("FOLDER".to_owned()));
        }
        words
    }
}

fn number(text: &str, fits: fn(f64) -> bool, must_be: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && fits(value) => Ok(value),
        _ => Err(format!("{text:?} is not {must_be}")),
    }
}

fn dilation(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(value @ 1..=4096) => Ok(value),
        _ => Err(format!("{text:?} is not a number from 1 to 4096")),
    }
}

fn positive(text: &str) -> Result<f32, String> {
    number(text, |x| x > 0.0, "a number above 0").map(|x| x as f32)
}

fn not_negative(text: &str) -> Result<f32, String> {
    number(text, |x| x >= 0.0, "a number of at least 0").map(|x| x as f32)
}

fn share_below_1(text: &str) -> Result<f32, String> {
    number(text, |x| (0.0..1.0).contains(&x), "a share from 0 to below 1").map(|x| x as f32)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |x| (0.0..=1.0).contains(&x), "a share from 0 to 1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_train::recipe::ModelKind;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        recipe: RecipeArgs,
    }

    #[test]
    fn options_are_in_the_recipe_and_in_the_reported_command() {
        let words = "--rate 0.001 --weight-decay 0.1 --dropout 0.4 --hidden 200 --smoothing-frames 3 --label-smoothing 0.1 \
                     --averaging 0.99 --mix 0.3 --reverb 0.5 --batches 4x43:1,2x128:3 --patience 7 --fold 2/5 \
                     --share 0.25 --split-seed 9 --renditions 3 --mixtures 1 \
                     --renditions-seed 4 --rendition-share 0.5 --unlabelled-share 0.25 --planted-share 0.2 \
                     --attention-weight 0.75 --local-weight 1.5 --teacher-weight 2 \
                     --soft-label-weight 0.25 --unlabelled-weight 0.75 --teacher-input rendition --tag-weight 0.5 \
                     --window-weight 3";
        let line = Line::try_parse_from(std::iter::once("x").chain(words.split_whitespace())).unwrap();
        let reported = line.recipe.words();
        assert_eq!(
            reported.split_whitespace().collect::<Vec<_>>(),
            words.split_whitespace().collect::<Vec<_>>()
        );
        let mut recipe = Recipe::new(ModelKind::Lstm, 10, 1, 1);
        line.recipe.apply(&mut recipe);
        assert_eq!(
            recipe.batches,
            [BatchShape::new(4, 43, 1.0), BatchShape::new(2, 128, 3.0)]
        );
        let architecture = &recipe.architecture;
        assert_eq!(architecture.head.hidden, 200);
        assert_eq!(architecture.front.smoothing_frames, 3);
        assert_eq!((recipe.patience, recipe.split.fold.unwrap().number), (7, 2));
        assert_eq!(
            (
                recipe.renditions.versions,
                recipe.renditions.mixtures,
                recipe.renditions.seed
            ),
            (3, 1, 4)
        );
        assert!((recipe.split.share - 0.25).abs() < 1e-12 && recipe.split.seed == 9);
        assert_eq!(recipe.renditions.teacher_input, TeacherInput::Rendition);
        let given = [
            (recipe.rate, 0.001),
            (recipe.weight_decay, 0.1),
            (recipe.architecture.head.dropout, 0.4),
            (recipe.label_smoothing, 0.1),
            (recipe.averaging, 0.99),
            (recipe.augmentation.mix_beta, 0.3),
            (recipe.augmentation.reverb, 0.5),
            (recipe.rendition_share, 0.5),
            (recipe.unlabelled_share, 0.25),
            (recipe.planted.share, 0.2),
            (recipe.planted.attention_weight, 0.75),
            (recipe.planted.local_weight, 1.5),
            (recipe.teacher_weight, 2.0),
            (recipe.tag_weight, 0.5),
            (recipe.window_weight, 3.0),
            (recipe.soft_label_weight, 0.25),
            (recipe.unlabelled_weight, 0.75),
        ];
        assert!(given.iter().all(|(a, b)| (a - b).abs() < 1e-6), "{given:?}");
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for words in [
            "--share 1.5",
            "--dropout 1",
            "--rate 0",
            "--mix -1",
            "--reverb 1.1",
            "--fold 3/2",
            "--unlabelled x",
        ] {
            let line = Line::try_parse_from(std::iter::once("x").chain(words.split_whitespace()));
            assert!(line.is_err(), "{words}");
        }
    }
}
