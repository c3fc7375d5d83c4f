//! Text from outside (names of files and devices, tags, labels) in a form that can be printed anywhere.
//!
//! In: a text or a path. Out: [`Printable`], [`PrintableLines`]. Thread: any.

use std::fmt::{self, Display, Write};
use std::path::Path;

/// Prints on one line, in the order in which it is written, and tells a terminal nothing: control characters, line
/// breaks and marks that turn the direction of writing are escaped as in JSON (`\u001b`).
///
/// ```
/// use attune_engine::text::Printable;
/// assert_eq!(Printable("a\u{1b}[2J\nb").to_string(), "a\\u001b[2J\\nb");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

/// The same, but lines stay lines. In a JSON document it changes no value: there it writes the same strings with other
/// escapes.
#[derive(Debug, Clone, Copy)]
pub struct PrintableLines<T>(pub T);

impl<'a> Printable<std::path::Display<'a>> {
    /// Of a path; what is not text becomes U+FFFD.
    pub fn path(path: &'a Path) -> Self {
        Printable(path.display())
    }
}

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, lines: false }, "{}", self.0)
    }
}

impl<T: Display> Display for PrintableLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, lines: true }, "{}", self.0)
    }
}

struct Escaping<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    lines: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\n' if self.lines => self.to.write_char(c)?,
                '\n' => self.to.write_str("\\n")?,
                '\r' => self.to.write_str("\\r")?,
                '\t' => self.to.write_str("\\t")?,
                _ if c.is_control() || turns(c) => write!(self.to, "\\u{:04x}", u32::from(c))?,
                _ => self.to.write_char(c)?,
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
        assert_eq!(of("a\u{1b}[2Jb\nc\td"), "a\\u001b[2Jb\\nc\\td");
        assert_eq!(of("3pm\u{202e}gpj\u{9b}"), "3pm\\u202egpj\\u009b");
        assert_eq!(Printable::path(Path::new("x\ry")).to_string(), "x\\ry");
    }

    #[test]
    fn a_document_keeps_its_values() {
        let value = serde_json::json!({"name": "a\u{1b}\u{7f}\u{202e}\u{9b}\n\t🎵", "n": 1});
        let text = PrintableLines(value.to_string()).to_string();
        assert!(text.chars().all(|c| !c.is_control() && !turns(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert_eq!(PrintableLines("a\nb\u{7}").to_string(), "a\nb\\u0007");
    }
}
