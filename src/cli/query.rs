//! `attune query`: what a library of answers knows, filtered and exported.
//!
//! In: a database, filters. Out: a table on stdout or in a file. Thread: main.

use super::args::QueryArgs;
use super::bars::percent;
use super::error::AppError;
use super::print_line;
use attune_audio::units::Seconds;
use attune_engine::files::write_with;
use attune_engine::text::Printable;
use attune_library::query::{Filter, Query, TableFormat, Track};
use attune_library::scan::{Library, LibraryError};
use attune_model::genre::GenreSet;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

/// Prints or writes the tracks that fit.
pub(super) fn run(args: &QueryArgs) -> Result<ExitCode, AppError> {
    let filters = args
        .filters
        .iter()
        .map(|text| Filter::parse(text))
        .collect::<Result<_, _>>();
    let query = Query {
        filters: filters.map_err(|error| AppError::usage(error.to_string(), error.remedy()))?,
        includes_missing: args.missing,
        limit: args.limit,
    };
    let library = Library::open_existing(&args.db)?;
    if let Some(path) = &args.out {
        let mut count = 0;
        write_with(path, |out| {
            count = query.write(&library, args.format, out).map_err(io::Error::other)?;
            Ok(())
        })?;
        crate::note!("{count} tracks written to {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    if args.format == TableFormat::Table {
        let mut goes_on = true;
        let count = query.run(&library, &mut |tracks| {
            for track in tracks {
                goes_on = goes_on && print_line(&line(track)).unwrap_or(false);
            }
            Ok(())
        })?;
        crate::note!("{count} tracks");
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = BufWriter::new(io::stdout());
    let written = query.write(&library, args.format, &mut out);
    match written.and_then(|_| Ok(out.flush()?)) {
        // Nobody reads any more: that is no failure of ours.
        Err(LibraryError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {}
        result => result?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A track as people read it.
fn line(track: &Track) -> String {
    let length = track
        .duration_s
        .map_or(String::new(), |seconds| Seconds(seconds).clock());
    let said = match (&track.error, &track.genre, &track.state) {
        (Some(error), ..) => Printable(error).to_string(),
        (None, Some(label), _) => {
            // Titles of GTZAN's genres; another model's labels stand as they are.
            let genres = GenreSet::gtzan();
            let title = genres
                .find(label)
                .map_or_else(|| Printable(label).to_string(), |id| genres.title(id));
            format!("{title:<10} {}", percent(track.confidence.unwrap_or(0.0)))
        }
        (None, None, state) => state.as_deref().unwrap_or("").replace('_', " "),
    };
    format!("{length:>8}  {said:<16}  {}", Printable(&track.path))
}
