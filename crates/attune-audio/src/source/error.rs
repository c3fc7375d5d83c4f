//! Why a source cannot be opened or was lost, and what to do about it.
//!
//! In: what happened. Out: [`SourceError`]. Thread: any.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

/// What went wrong, one kind for each thing that the user can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The file does not exist.
    FileNotFound,
    /// The path leads to a folder, or to something else that is no file.
    NotAFile,
    /// The user may not read the file.
    FileForbidden,
    /// The system failed to read the file. Retrying may help.
    Unreadable,
    /// The file has no samples.
    Empty,
    /// The file is cut off or damaged before its first sample.
    Truncated,
    /// The file has no audio track.
    NoAudio,
    /// The container, the codec, or what they claim is not supported.
    FileUnsupported,
    /// There is no input device. Retrying may help: one can be plugged in.
    NoInput,
    /// No device has this id. Retrying may help: it can be plugged in.
    UnknownDevice,
    /// The sound server does not answer. Retrying may help.
    NoServer,
    /// Another program has the device, or the device does not answer. Retrying may help.
    DeviceBusy,
    /// The device was removed, or stopped delivering. Retrying may help.
    DeviceGone,
    /// This program may not use the device.
    DeviceForbidden,
    /// The device cannot be opened with its own settings.
    DeviceUnsupported,
    /// The device failed in a way that its driver does not explain. Retrying may help.
    DeviceFailed,
    /// The player's thread has ended. Opening the file again helps.
    PlayerGone,
    /// The system has no thread or no memory left. Retrying may help.
    SystemBusy,
    /// The front end does not support the source's rate.
    RateUnsupported,
    /// The front end failed on the samples.
    FrontEnd,
}

impl SourceErrorKind {
    /// The name that scripts see (`not_found`); two kinds with one name differ in the remedy only.
    pub fn name(self) -> &'static str {
        match self {
            Self::FileNotFound => "not_found",
            Self::NotAFile => "not_a_file",
            Self::FileForbidden | Self::DeviceForbidden => "permission_denied",
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::NoAudio => "no_audio",
            Self::FileUnsupported | Self::DeviceUnsupported | Self::RateUnsupported => "unsupported",
            Self::NoInput | Self::UnknownDevice => "no_device",
            Self::NoServer => "no_server",
            Self::DeviceBusy | Self::SystemBusy => "busy",
            Self::DeviceGone | Self::PlayerGone => "gone",
            Self::DeviceFailed => "device",
            Self::FrontEnd => "front_end",
        }
    }

    /// Whether the same request may succeed later without a change by the user.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Unreadable
            | Self::NoInput
            | Self::UnknownDevice
            | Self::NoServer
            | Self::DeviceBusy
            | Self::DeviceGone
            | Self::DeviceFailed
            | Self::PlayerGone
            | Self::SystemBusy => true,
            Self::FileNotFound
            | Self::NotAFile
            | Self::FileForbidden
            | Self::Empty
            | Self::Truncated
            | Self::NoAudio
            | Self::FileUnsupported
            | Self::DeviceForbidden
            | Self::DeviceUnsupported
            | Self::RateUnsupported
            | Self::FrontEnd => false,
        }
    }

    /// What the user can do: a short imperative sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::FileNotFound => "Check the spelling and the folder.",
            Self::NotAFile => "Name an audio file.",
            Self::FileForbidden => "Give yourself the right to read it, for instance with chmod u+r.",
            Self::Unreadable => "Check the disk or network it lies on.",
            Self::Empty | Self::Truncated => "Copy, download or export the file again.",
            Self::NoAudio => "Choose a file with sound.",
            Self::FileUnsupported => "Convert it to FLAC, for instance with ffmpeg.",
            Self::NoInput => {
                "Plug in a microphone, start the sound server (PulseAudio or PipeWire), or open a file instead."
            }
            Self::UnknownDevice => {
                "Plug it in, or choose a microphone or monitor from the list that `attune devices` prints."
            }
            Self::NoServer => "Start PulseAudio or PipeWire.",
            Self::DeviceBusy => "Close other programs that use it, or restart the sound server.",
            Self::DeviceGone => "Check that it is plugged in and that the sound server runs, or choose another device.",
            Self::DeviceForbidden => {
                "Allow microphone access in the system's privacy settings (on Linux: join the group audio)."
            }
            Self::DeviceUnsupported => {
                "Choose another device, or change its rate or channels in the system's settings."
            }
            Self::DeviceFailed => "Try again, or choose another device.",
            Self::PlayerGone | Self::FrontEnd => "Open the source again.",
            Self::SystemBusy => "Close other programs and try again.",
            Self::RateUnsupported => "Choose another source, or another rate in the system's settings.",
        }
    }
}

impl fmt::Display for SourceErrorKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Why a source cannot be opened or was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What to do about it, and whether retrying helps.
    pub kind: SourceErrorKind,
    /// What happened, naming the file or device and the value.
    pub message: String,
    remedy: Cow<'static, str>,
}

impl SourceError {
    /// An error whose remedy is that of its kind.
    ///
    /// ```
    /// use attune_audio::source::{SourceError, SourceErrorKind};
    /// let error = SourceError::new(SourceErrorKind::FileNotFound, "song.mp3 does not exist");
    /// assert_eq!(error.to_string(), "song.mp3 does not exist");
    /// assert_eq!((error.kind.name(), error.remedy()), ("not_found", "Check the spelling and the folder."));
    /// assert!(!error.kind.is_retryable());
    /// ```
    pub fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: kind.remedy().into(),
        }
    }

    /// An error with a remedy of its own.
    pub(crate) fn with_remedy(
        kind: SourceErrorKind,
        message: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// What the user can do: a short imperative sentence.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

/// A command that converts the file to FLAC, which any shell takes as it is meant, whatever the file's name.
pub(crate) fn convert_command(path: &Path) -> String {
    let target = path.with_extension("flac");
    let target = Path::new(target.file_name().unwrap_or_default());
    format!("ffmpeg -i {} {}", shell_word(path), shell_word(target))
}

/// A path as one word of a shell's command line.
fn shell_word(path: &Path) -> String {
    let mut text = path.to_string_lossy().into_owned();
    // Neither an option nor, for ffmpeg, a protocol.
    if path.is_relative() && (text.starts_with('-') || text.contains(':')) {
        text.insert_str(0, "./");
    }
    if text.chars().any(char::is_control) {
        // No quote within: to a shell that does not know this form it is another name, and never a command.
        let escaped: String = text
            .bytes()
            .map(|byte| match byte {
                b' '..=b'~' if !matches!(byte, b'\'' | b'\\') => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            })
            .collect();
        return format!("$'{escaped}'");
    }
    shlex::try_quote(&text).map_or_else(|_| text.clone(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::{SourceErrorKind as Kind, convert_command};
    use std::path::Path;

    const ALL: [Kind; 20] = [
        Kind::FileNotFound,
        Kind::NotAFile,
        Kind::FileForbidden,
        Kind::Unreadable,
        Kind::Empty,
        Kind::Truncated,
        Kind::NoAudio,
        Kind::FileUnsupported,
        Kind::NoInput,
        Kind::UnknownDevice,
        Kind::NoServer,
        Kind::DeviceBusy,
        Kind::DeviceGone,
        Kind::DeviceForbidden,
        Kind::DeviceUnsupported,
        Kind::DeviceFailed,
        Kind::PlayerGone,
        Kind::SystemBusy,
        Kind::RateUnsupported,
        Kind::FrontEnd,
    ];

    #[test]
    fn every_remedy_is_one_short_sentence_and_every_name_is_for_scripts() {
        for kind in ALL {
            let remedy = kind.remedy();
            assert!(remedy.starts_with(|first: char| first.is_ascii_uppercase()), "{remedy}");
            assert!(remedy.ends_with('.') && !remedy.contains(". "), "{remedy}");
            assert!(remedy.len() <= 100, "{remedy}");
            let name = kind.to_string();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
    }

    #[test]
    fn kinds_of_one_name_differ_in_the_remedy() {
        for (i, a) in ALL.into_iter().enumerate() {
            for b in ALL.into_iter().skip(i + 1) {
                assert!(
                    a.name() != b.name() || a.remedy() != b.remedy(),
                    "{a:?} and {b:?} are one kind"
                );
            }
        }
    }

    #[test]
    fn the_remedy_is_a_command_that_a_shell_takes_as_it_is_meant() {
        for (name, wanted) in [
            ("a.wma", "ffmpeg -i a.wma a.flac"),
            ("/m/my song.wma", "ffmpeg -i '/m/my song.wma' 'my song.flac'"),
            ("$HOME`id`.wma", "ffmpeg -i '$HOME`id`.wma' '$HOME`id`.flac'"),
            ("-y.wma", "ffmpeg -i ./-y.wma ./-y.flac"),
            ("b:a.wma", "ffmpeg -i ./b:a.wma ./b:a.flac"),
            (
                "re\u{301}sume\u{301}.wma",
                "ffmpeg -i 're\u{301}sume\u{301}.wma' 're\u{301}sume\u{301}.flac'",
            ),
            (
                "a\n\u{1b}'b.wma",
                "ffmpeg -i $'a\\x0a\\x1b\\x27b.wma' $'a\\x0a\\x1b\\x27b.flac'",
            ),
        ] {
            assert_eq!(convert_command(Path::new(name)), wanted);
        }
    }

    /// The command as the user pastes it, with a program that prints its arguments in the place of `ffmpeg`.
    #[cfg(unix)]
    #[test]
    fn no_name_is_a_command() {
        let folder = tempfile::tempdir().unwrap();
        for (name, is_plain) in [
            ("x$(touch PWNED).wav", true),
            ("x`touch PWNED`.wav", true),
            ("'; touch PWNED; '.wav", true),
            ("\"$(touch PWNED)\".wav", true),
            ("\\'$(touch PWNED)\\'.wav", true),
            ("x & touch PWNED #.wav", true),
            ("a\n'$(touch PWNED)'.wav", false),
            ("a\n\\'; touch PWNED; \\'.wav", false),
        ] {
            let command = convert_command(Path::new(name)).replacen("ffmpeg", "printf '%s|'", 1);
            let output = std::process::Command::new("sh")
                .args(["-c", &command])
                .current_dir(&folder)
                .output()
                .unwrap();
            assert!(!folder.path().join("PWNED").exists(), "{command}");
            assert!(output.status.success(), "{command}");
            if is_plain {
                let words = format!("-i|{name}|{}|", name.replace(".wav", ".flac"));
                assert_eq!(String::from_utf8_lossy(&output.stdout), words);
            }
        }
    }
}
