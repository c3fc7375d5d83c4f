//! What files and libraries of music need beyond one answer.
//!
//! ```text
//!  file ────► analyze ─► Analysis ─► Format::Json, Csv, Jams, … ─► files      (one decode, whatever is written)
//!  folders ─► scan ───► Library (SQLite) ─► query ─► table, CSV, Parquet, NDJSON
//! ```
//!
//! In: files or folders, and models. Out: an [`Analysis`], and files in the formats of other tools ([`Format`]); a
//! [`scan::Library`], and tables of what it knows ([`query`]). Thread: the caller's; a scan has workers.
//!
//! ```
//! use attune_engine::smoothing::SmoothingConfig;
//! use attune_library::{Format, Job};
//! use std::path::Path;
//!
//! let models = attune_model::bundled()?;
//! let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo/demo.ogg"));
//! let (smoothing, formats) = (SmoothingConfig::default(), [Format::Audacity, Format::Srt]);
//! let job = Job::new(&models, &smoothing, &formats);
//! let analysis = job.run(demo, &mut attune_library::Nobody)?;
//! let files = analysis.export(Format::Audacity)?;
//! assert!(String::from_utf8_lossy(&files[0].bytes).starts_with("0.000000\t"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where to go next: [`Job`] analyses, [`Format`] lists what can be written, [`names`] says to which file,
//! [`scan::Scan`] keeps a library up to date, [`query::Query`] asks it.

mod analysis;
mod collect;
mod export;
mod hops;
mod merge;
pub mod names;
mod provenance;
pub mod query;
pub mod scan;
pub mod table;
mod why;

pub use analysis::{Analysis, Job, Nobody};
pub use export::{ExportError, ExportFile, Format};
pub use hops::{Hops, ModelHops};
pub use merge::{DEFAULT_MIN_SEGMENT, merged};
pub use provenance::{ModelProvenance, Provenance};
pub use why::Why;
