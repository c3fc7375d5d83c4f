//! Words from outside (names of files, labels of models) as plain text.

/// Text on one line, with nothing that moves a cursor, rings a bell, or turns the direction of writing: control
/// characters and marks of direction become spaces or go.
///
/// ```
/// use attune_library::one_line;
/// assert_eq!(one_line("a\tb\r\nc\u{1b}[31m"), "a b  c [31m");
/// assert_eq!(one_line("cod\u{202e}3pm"), "cod3pm");
/// ```
pub fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| !is_direction(*c))
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
