//! The command line as typed.
//!
//! In: words. Out: [`Args`]. Thread: main.

#[cfg(feature = "lab")]
use super::lab::LabArgs;
#[cfg(not(feature = "lab"))]
use super::not_built::AnyArgs as LabArgs;
#[cfg(not(feature = "train"))]
use super::not_built::AnyArgs as TrainArgs;
use super::raw::RawArgs;
#[cfg(feature = "train")]
use super::train::TrainArgs;
use attune_audio::playback::Pace;
use attune_library::query::TableFormat;
use attune_library::{DEFAULT_MIN_SEGMENT, Format};
use attune_tags::Field;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Classifies the genre of music while it plays.
///
/// Without a subcommand the window opens.
#[derive(Debug, Clone, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What to do instead of opening the window
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A file to open in the window
    pub file: Option<PathBuf>,
    /// Use this model instead of the bundled ones: its NAME.json, with NAME.safetensors beside it; may be repeated
    #[arg(long = "model", value_name = "NAME.json", global = true)]
    pub models: Vec<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Classify a device or a file live, and show the answer as it changes
    Live(LiveArgs),
    /// Report the genres of files
    Analyze(AnalyzeArgs),
    /// Write genres into music files; without --write, show what would be written
    Tag(TagArgs),
    /// Keep a library of answers up to date: every file below folders, analysed once
    Scan(ScanArgs),
    /// List what a library knows, filtered, or export it
    Query(QueryArgs),
    /// Classify the bundled demo beside the genres of its recordings, or list whose they are
    Demo(DemoArgs),
    /// List microphones, monitors and outputs
    Devices {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Check what works here and what is missing, and say what to do about it
    Doctor {
        /// One JSON document instead of lines
        #[arg(long)]
        json: bool,
    },
    /// List the models in this program
    Models {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
        /// Make every model's golden test again, whether or not it passed before: what it computes for a known sound
        /// must be what its manifest says
        #[arg(long)]
        verify: bool,
    },
    /// Train one model
    Train(Box<TrainArgs>),
    /// Measure how accurate the models are
    Eval(Box<EvalArgs>),
    /// Explain an answer, by changing the input and running the models again
    Explain(Box<ExplainArgs>),
    /// Measure speed and memory
    Bench(BenchArgs),
    /// Run a lab experiment: what each architecture remembers, costs and attends to
    Lab(LabArgs),
}

/// `attune live`.
#[derive(Debug, Clone, clap::Args)]
pub struct LiveArgs {
    /// Stable id of a device, as `attune devices` lists it
    #[arg(long, value_name = "ID", conflicts_with = "source")]
    pub device: Option<String>,
    /// A device's id or a file
    #[arg(long, value_name = "ID|FILE")]
    pub source: Option<String>,
    /// Use one channel (from 0) instead of the mean of all
    #[arg(long, value_name = "N")]
    pub channel: Option<u16>,
    /// Stop after N seconds: of time for a device, of sound for a file
    #[arg(long, value_name = "N", value_parser = positive)]
    pub seconds: Option<f64>,
    /// Speed at which a file is read, as a multiple of real time, or `flat` for as fast as possible
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = pace)]
    pub pace: Pace,
    /// Do not play the file through the speakers
    #[arg(long)]
    pub mute: bool,
    /// One line of JSON for each hop and model, each change of state, and the health every second
    #[arg(long)]
    pub ndjson: bool,
    /// Also list the sections of the music as they begin. A line that was written never changes; K source steps of 0.74
    /// s are heard before each, from 1 to 8 [default: 4]
    #[arg(long, value_name = "K", num_args = 0..=1, require_equals = true, default_missing_value = "4",
          value_parser = clap::value_parser!(u8).range(1..=8))]
    pub sections: Option<u8>,
    /// Also say how surprising the sound is to a WaveNet, in bits per sample, and under which genre it is least so
    #[arg(long)]
    pub surprise: bool,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    pub publisher: crate::publisher::PublishArgs,
}

/// `attune analyze`.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct AnalyzeArgs {
    /// Music files (wav, mp3, flac, ogg, opus, m4a, …; with FFmpeg installed, what it reads too); `-` is standard input
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Also analyse the files named in this file, one path per line, as they are read; `-`: standard input
    #[arg(long, value_name = "FILE|-")]
    pub files_from: Option<PathBuf>,
    /// The names in --files-from end with a zero byte instead of a line break, as `find -print0` writes them
    #[arg(short = '0', long, requires = "files_from")]
    pub null: bool,
    #[command(flatten)]
    pub raw: RawArgs,
    /// One JSON document per file, one per line
    #[arg(long, conflicts_with = "ndjson")]
    pub json: bool,
    /// One line of JSON for each hop and model, and each change of state; at the end of each file one about the whole
    #[arg(long)]
    pub ndjson: bool,
    /// Also write each file's analysis to this folder
    #[arg(long, value_name = "FOLDER", requires = "format")]
    pub out: Option<PathBuf>,
    /// As what; several, separated by commas
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', requires = "out")]
    pub format: Vec<Format>,
    /// Segments in these files that are shorter than so many seconds go to a neighbour
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_MIN_SEGMENT.0, requires = "out",
          value_parser = not_negative)]
    pub min_segment: f64,
    /// Also report which segments decided, by a network that reads whole files: the bundled one, or this manifest's
    #[arg(
        long,
        value_name = "NAME.json",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "ndjson"
    )]
    #[expect(clippy::option_option, reason = "clap's form of an option whose value is optional")]
    pub segments: Option<Option<PathBuf>>,
    /// Also list the sections of the music as they begin. A line that was written never changes; K source steps of 0.74
    /// s are heard before each, from 1 to 8 [default: 4]
    #[arg(long, value_name = "K", num_args = 0..=1, require_equals = true, default_missing_value = "4",
          value_parser = clap::value_parser!(u8).range(1..=8))]
    pub sections: Option<u8>,
    /// Also say how surprising the sound is to a WaveNet, in bits per sample, and under which genre it is least so
    #[arg(long)]
    pub surprise: bool,
}

/// `attune tag`.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that is typed")]
pub struct TagArgs {
    /// Music files, and folders with all that is in them
    #[arg(required_unless_present = "undo", value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,
    /// Write; what is replaced can be brought back by --undo
    #[arg(long)]
    pub write: bool,
    /// Write to the field of this name instead of the genre
    #[arg(long, value_name = "NAME", default_value = "genre", value_parser = Field::named)]
    pub field: Field,
    /// Also where the field has a value
    #[arg(long)]
    pub overwrite: bool,
    /// Leave files alone whose answer is less probable than this, in percent
    #[arg(long, value_name = "PERCENT", default_value = "60", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub at_least: u8,
    /// One line of JSON for each file
    #[arg(long)]
    pub json: bool,
    /// Bring back what the last run with --write replaced
    #[arg(long, conflicts_with_all = ["paths", "write", "overwrite"])]
    pub undo: bool,
}

/// `attune scan`.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ScanArgs {
    /// Folders of music, or files
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// The library: a file that is made if it is not there
    #[arg(long, value_name = "FILE")]
    pub db: PathBuf,
    /// Files that are analysed at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Go on: scan again whenever something below the folders changes
    #[arg(long)]
    pub watch: bool,
    /// With --watch, look again every so many seconds where the system cannot tell of changes
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, requires = "watch", value_parser = positive)]
    pub poll: f64,
    /// One JSON document for each scan instead of a sentence
    #[arg(long)]
    pub json: bool,
    /// No progress, and nothing about files that were moved
    #[arg(long)]
    pub quiet: bool,
}

/// `attune query`.
#[derive(Debug, Clone, clap::Args)]
pub struct QueryArgs {
    /// The library that `attune scan` made
    #[arg(long, value_name = "FILE")]
    pub db: PathBuf,
    /// Only tracks of which this is true: genre=rock, confidence>=0.6, path~live, error!= and so on; may be repeated,
    /// and then all must be true
    #[arg(long = "where", value_name = "CONDITION")]
    pub filters: Vec<String>,
    /// As what
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: TableFormat,
    /// To this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Also those that are not there any more
    #[arg(long)]
    pub missing: bool,
}

/// `attune demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// One JSON document instead of a table
    #[arg(long, conflicts_with = "credits")]
    pub json: bool,
    /// List the recordings, with artist, licence, source and changes
    #[arg(long)]
    pub credits: bool,
}

/// `attune eval`.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct EvalArgs {
    /// Table of path,label[,group], or a data set's clips.csv; labels are the models' classes, or speech, not_music,
    /// silence, unfamiliar, in any case. With --mels the paths are names in that file. Where clips have groups (an
    /// artist, a session), intervals over whole groups are reported too
    #[arg(long, value_name = "CSV", required_unless_present = "folds")]
    pub manifest: Option<PathBuf>,
    /// Instead, the clips of finished cross-validations, every one answered by networks that were trained without its
    /// artist: the folder (--out) of `attune train --folds` for each model of the ensemble
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 1..,
        conflicts_with_all = ["manifest", "split", "mels", "conditions", "splices"]
    )]
    pub folds: Vec<PathBuf>,
    /// With --folds, which clips [default: whole ones where there are any]
    #[arg(long, value_name = "PART", value_parser = ["whole", "excerpts"], requires = "folds")]
    pub part: Option<String>,
    /// Only the clips whose column `split` says so
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Clips with another label than these are music of no class of the models, as clips labelled unfamiliar are: how
    /// well familiarity separates them is reported too
    #[arg(long)]
    pub unfamiliar: bool,
    /// Log-mel clips instead of sound: a safetensors file with a tensor (128, frames) for each clip
    #[arg(long, value_name = "FILE.safetensors")]
    pub mels: Option<PathBuf>,
    /// One JSON document instead of tables
    #[arg(long)]
    pub json: bool,
    /// Also write a line for each clip to this file: answer, confidence, probability of the label, displayed state, and
    /// each model's answer
    #[arg(long, value_name = "FILE.csv")]
    pub clips: Option<PathBuf>,
    /// Also report this genre's recall and how many clips of the others are taken for it, under each condition
    #[arg(long, value_name = "GENRE")]
    pub focus: Option<String>,
    /// Also draw accuracy over time, reliability, confusion and conditions into this folder, as SVG
    #[arg(long, value_name = "FOLDER")]
    pub pictures: Option<PathBuf>,
    /// Also put the tables into this page, between the lines `<!-- attune eval NAME -->` and `<!-- end -->`
    #[arg(long, value_name = "FILE.md")]
    pub page: Option<PathBuf>,
    /// NAME in that line [default: the manifest's file name without its extension, or `folds`]
    #[arg(long, value_name = "NAME", requires = "page")]
    pub page_name: Option<String>,
    /// Only the main tables: accuracy, the ensemble's recall of each genre, confident wrong answers, conditions
    #[arg(long)]
    pub brief: bool,
    /// Also evaluate every clip re-recorded through a room and a microphone, in pink noise 10 dB below, from 300 to
    /// 3,400 Hz, below 6 kHz, and through mp3, Opus and Vorbis at low rates where FFmpeg is installed; with --mels, in
    /// a room, in noise and in these bands
    #[arg(long)]
    pub conditions: bool,
    /// Also play N pairs of clips of different classes back to back, and time the change of the answer
    #[arg(long, value_name = "N", conflicts_with = "mels", value_parser = at_least_one)]
    pub splices: Option<usize>,
    /// Seed of the conditions and pairs
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// `attune explain`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArgs {
    /// A music file
    #[arg(value_name = "FILE", required_unless_present = "planted")]
    pub file: Option<PathBuf>,
    /// The moment to explain, in seconds from the beginning [default: the end]
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub at: Option<f64>,
    /// Evidence for and against this class [default: the answer]
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// One JSON document instead of tables
    #[arg(long)]
    pub json: bool,
    /// Also write a row for each half second to this file; with --planted, for each piece, model and map
    #[arg(long, value_name = "FILE.csv")]
    pub csv: Option<PathBuf>,
    /// Also draw it to this file
    #[arg(long, value_name = "FILE.svg")]
    pub svg: Option<PathBuf>,
    /// Also write the moments that carry 80 % of what speaks for the class to this file, joined by crossfades
    #[arg(long, value_name = "FILE.wav")]
    pub listen: Option<PathBuf>,
    /// Instead, plant passages of 2 s that alone carry a class among music of another genre, noise, speech and silence,
    /// and count how often each map points at them; the clips are those of a table of path,label as in `attune eval`
    #[arg(long, value_name = "CSV", conflicts_with_all = ["file", "at", "class", "svg", "listen"])]
    pub planted: Option<PathBuf>,
    /// How many pieces of each kind
    #[arg(
        long,
        alias = "pieces",
        value_name = "N",
        default_value_t = 100,
        requires = "planted",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub examples: u32,
    /// Only clips of this split, if the table has a column `split`
    #[arg(long, value_name = "NAME", requires = "planted")]
    pub split: Option<String>,
    /// Log-mel clips instead of sound: a safetensors file with a tensor (128, frames) for each clip
    #[arg(long, value_name = "FILE.safetensors", requires = "planted")]
    pub mels: Option<PathBuf>,
    /// Recordings of noise to plant passages among [default: white, pink and brown noise]
    #[arg(long, value_name = "FOLDER", requires = "planted")]
    pub noise: Option<PathBuf>,
    /// Recordings of speech to plant passages among [default: none, and no such pieces]
    #[arg(long, value_name = "FOLDER", requires = "planted")]
    pub speech: Option<PathBuf>,
    /// Also put the table into this page, between the lines `<!-- attune explain --planted -->` and `<!-- end -->`
    #[arg(long, value_name = "FILE.md", requires = "planted")]
    pub page: Option<PathBuf>,
    /// Seed of the pieces
    #[arg(long, value_name = "S", default_value_t = 1, requires = "planted")]
    pub seed: u64,
}

/// `attune bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// One JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// Moved to `tools/bench_peers.sh`
    #[arg(long, hide = true)]
    pub peers: bool,
    /// Moved to `tools/bench_peers.sh`
    #[arg(long, value_name = "FILE", hide = true)]
    pub python: Option<PathBuf>,
    /// Measure briefly, for a first impression
    #[arg(long)]
    pub quick: bool,
    /// Only rows whose name begins with this (`step/lstm`, `train`); may be repeated
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Also write the figures as a page of tables
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,
    /// Instead, measure how the cost grows with context, width, models and streams; write growing-work.md and .svg to
    /// this folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["json", "markdown", "only", "files"])]
    pub growth: Option<PathBuf>,
    /// Instead, play a file (or the demo) at 8× through engine and window for MINUTES, and report memory and losses
    #[arg(
        long,
        value_name = "MINUTES",
        value_parser = positive,
        conflicts_with_all = ["json", "markdown", "only", "growth", "quick"]
    )]
    pub soak: Option<f64>,
    /// Also time decoding and analysis of these files; with --soak, play the first of them
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number, 0 or more".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    if text == "flat" {
        return Ok(Pace::FlatOut);
    }
    match positive(text) {
        Ok(times) if (0.1..=1000.0).contains(&times) => Ok(Pace::Times(times as f32)),
        _ => Err("expected a number from 0.1 to 1000, or `flat`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_file_opens_the_window_and_wrong_usage_is_refused() {
        let args = Args::try_parse_from(["attune", "song.mp3"]).unwrap();
        assert_eq!(
            (args.file, args.command.is_none()),
            (Some(PathBuf::from("song.mp3")), true)
        );
        for wrong in [
            &["attune", "analyze"][..],
            &["attune", "analyze", "--json", "--ndjson", "a.wav"],
            &["attune", "analyze", "--out", "o", "a.wav"],
            &["attune", "analyze", "--format", "json", "a.wav"],
            &["attune", "analyze", "--out", "o", "--format", "doc", "a.wav"],
            &["attune", "analyze", "-0", "a.wav"],
            &["attune", "analyze", "--raw", "s16le", "a.pcm"],
            &["attune", "analyze", "--rate", "44100", "a.wav"],
            &["attune", "live", "--seconds", "-1"],
            &["attune", "live", "--seconds", "nan"],
            &["attune", "live", "--pace", "0"],
            &["attune", "live", "--device", "a", "--source", "b"],
            &["attune", "eval"],
            &["attune", "eval", "--manifest", "a.csv", "--mels", "b", "--splices", "3"],
            &["attune", "eval", "--manifest", "a.csv", "--splices", "0"],
        ] {
            assert_eq!(Args::try_parse_from(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn paces_are_times_or_flat_out() {
        assert_eq!(pace("flat"), Ok(Pace::FlatOut));
        assert_eq!(pace("8"), Ok(Pace::Times(8.0)));
        assert!(pace("fast").is_err());
    }
}
