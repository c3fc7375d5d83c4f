//! What can be wrong with a front end: its spec, the source's rate, or how it is used.
//!
//! In: values that do not fit. Out: [`FrontEndError`], which names them and the remedy. Thread: any.

/// Why a front end cannot be made or cannot go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FrontEndError {
    /// A field of the spec has a value that no front end can have.
    #[error("the front-end spec's {field} is {value}; it must be {must_be}")]
    Spec {
        /// Name of the field, as in the manifest.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        must_be: String,
    },
    /// The source's rate is outside what is supported.
    #[error(
        "the source runs at {0} Hz; rates from 8000 to 192000 Hz are supported: \
         resample the file or choose another rate of the device"
    )]
    SourceRate(u32),
    /// Samples came after the end.
    #[error("samples were pushed after the end of the stream: reset the front end before the next stream")]
    Finished,
    /// The resampling library refused; a bug of Attune, with the library's message.
    #[error("resampling from {from_hz} to {to_hz} Hz failed: {message}; please report this")]
    Resampling {
        /// Rate of the source.
        from_hz: u32,
        /// Rate of the front end.
        to_hz: u32,
        /// What the library said.
        message: String,
    },
}
