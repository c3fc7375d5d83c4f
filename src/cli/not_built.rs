//! Commands of features that this program was built without: they are in the help, and say what is missing.
//!
//! In: any words. Out: [`AppError::Usage`]. Thread: main.

use super::error::AppError;

/// Whatever was typed after the command.
#[cfg(not(all(feature = "train", feature = "lab")))]
#[derive(Debug, Clone, clap::Args)]
pub struct AnyArgs {
    /// Not in this build
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<std::ffi::OsString>,
}

/// What a command of a feature answers where the feature is not built in.
pub(super) fn refuse<T>(command: &str, feature: &str) -> Result<T, AppError> {
    Err(AppError::usage(
        format!("this build has no `attune {command}`: it was built without the feature `{feature}`"),
        format!("build with the default features, or add `--features {feature}`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitCode;

    #[test]
    fn the_feature_is_named_and_the_exit_code_is_that_of_wrong_usage() {
        let error = refuse::<()>("train", "train").unwrap_err();
        assert!(error.to_string().contains("--features train"), "{error}");
        assert_eq!(error.exit_code(), ExitCode::from(2));
    }
}
