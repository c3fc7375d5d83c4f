//! Why the models have no answer to a query about what was played.

use attune_engine::offline::AnalyzeError;
use attune_model::ModelError;

/// Why a query has no answer. Each completes a sentence that says what was wanted.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// All models are off.
    #[error("all models are off")]
    AllOff,
    /// The window has no models.
    #[error("there are none")]
    NoModels,
    /// There are no frames to query.
    #[error("no frame has come yet")]
    NoFrames,
    /// The model has no such head.
    #[error("the model has no such head")]
    NoHead,
    /// The file is too long to be read as a whole.
    #[error("only files of up to 90 minutes are read as a whole")]
    TooLong,
    /// The file has no segment.
    #[error("it is shorter than the shortest segment")]
    TooShort,
    /// There is less of it than a caption needs.
    #[error("a caption needs three seconds of sound without a break")]
    NoPiece,
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] AnalyzeError),
    /// A network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}
