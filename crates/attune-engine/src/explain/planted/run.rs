//! Many pieces, on all cores.

use super::super::segments::Segment;
use super::piece::Piece;
use super::scores::{Finding, find};
use attune_audio::units::Seconds;
use attune_model::genre::GenreId;
use attune_model::{LoadedModel, ModelError};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What the maps of all models say of one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The class of its passage.
    pub genre: GenreId,
    /// Where the passage lies, in frames of the piece.
    pub passage: Segment,
    /// Its windows.
    pub windows: Vec<Segment>,
    /// The maps of each model.
    pub findings: Vec<Vec<Finding>>,
}

/// Draws `count` pieces and finds the maps of every model, in the order of the pieces whatever the number of cores.
/// `advance` is called after each.
///
/// # Errors
/// If a model fails: the first error.
pub fn find_all(
    models: &[LoadedModel],
    pieces: impl Iterator<Item = Piece> + Send,
    count: usize,
    hop: Seconds,
    advance: impl Fn() + Sync,
) -> Result<Vec<Found>, ModelError> {
    let pieces = Mutex::new(pieces.take(count).enumerate());
    let work = || -> Result<Vec<(usize, Found)>, ModelError> {
        let mut found = Vec::new();
        loop {
            let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, piece)) = next else { return Ok(found) };
            let findings = models
                .iter()
                .map(|model| find(model, &piece, hop))
                .collect::<Result<_, ModelError>>()?;
            found.push((
                number,
                Found {
                    genre: piece.genre,
                    passage: piece.passage,
                    windows: piece.windows,
                    findings,
                },
            ));
            advance();
        }
    };
    let mut found = thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut found = Vec::new();
        for thread in threads {
            found.extend(thread.join().unwrap_or(Err(ModelError::NotFinite))?);
        }
        Ok::<_, ModelError>(found)
    })?;
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, found)| found).collect())
}
