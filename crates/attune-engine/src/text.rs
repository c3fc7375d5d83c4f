//! Text from outside (names of files and devices, tags, labels) in a form that can be printed anywhere.
//!
//! In: a text or a path. Out: [`Printable`]. Thread: any.

use std::fmt::{self, Display, Write};
use std::path::Path;

/// Prints on one line, in the order in which it is written, and tells a terminal nothing: control characters, line
/// breaks and marks that turn the direction of writing are escaped as in Rust (`\u{1b}`).
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

impl Printable<std::path::Display<'_>> {
    /// Of a path; what is not text becomes U+FFFD.
    pub fn path(path: &Path) -> Printable<std::path::Display<'_>> {
        Printable(path.display())
    }
}

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if c.is_control() || turns(c) {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Marks of bidirectional writing, separators of lines and paragraphs, and the mark of byte order.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_or_turn_the_text_is_escaped_and_letters_stay() {
        let of = |text: &str| Printable(text).to_string();
        assert_eq!(of("Ĝis\u{301} la 🎵 ליל"), "Ĝis\u{301} la 🎵 ליל");
        assert_eq!(of("a\u{1b}[2Jb\nc\td"), "a\\u{1b}[2Jb\\nc\\td");
        assert_eq!(of("3pm\u{202e}gpj\u{9b}"), "3pm\\u{202e}gpj\\u{9b}");
        assert_eq!(Printable::path(Path::new("x\ry")).to_string(), "x\\ry");
    }
}
