//! What is asked of a library: `genre=rock`, `confidence>=0.6`, `path~live`.
//!
//! In: words of the command line. Out: SQL with its values apart: no word becomes a part of the SQL. Thread: any.

use crate::scan::LibraryError;
use rusqlite::types::Value;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// Bytes that are compared as text.
    Path,
}

/// Fields that can be asked for: name, SQL, kind.
pub(super) const FIELDS: [(&str, &str, Kind); 14] = [
    ("path", "path", Kind::Path),
    ("genre", "genre", Kind::Text),
    ("state", "state", Kind::Text),
    ("confidence", "confidence", Kind::Number),
    ("familiarity", "familiarity", Kind::Number),
    ("duration", "duration_s", Kind::Number),
    ("rate", "rate_hz", Kind::Number),
    ("channels", "channels", Kind::Number),
    ("decoder", "decoder", Kind::Text),
    ("size", "size", Kind::Number),
    ("warnings", "warnings", Kind::Number),
    ("error", "error", Kind::Text),
    ("error_kind", "error_kind", Kind::Text),
    ("copies", "copies", Kind::Number),
];

/// The longest operators first: `>=` is not `>`.
const OPERATORS: [(&str, &str); 8] = [
    ("!~", "NOT LIKE"),
    ("!=", "<>"),
    (">=", ">="),
    ("<=", "<="),
    ("~", "LIKE"),
    ("=", "="),
    (">", ">"),
    ("<", "<"),
];

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub(super) sql: String,
    pub(super) value: Value,
}

impl Filter {
    /// `FIELD OPERATOR VALUE` without spaces around the operator. `=` and `!=` compare (a field without a value equals
    /// the empty one), `<`, `<=`, `>` and `>=` compare numbers, `~` and `!~` say whether a text contains another,
    /// whatever the case of its letters.
    ///
    /// # Errors
    /// If there is no such field, or the operator does not fit it.
    ///
    /// ```
    /// use attune_library::query::Filter;
    /// assert!(Filter::parse("genre=rock").is_ok());
    /// assert!(Filter::parse("genre>rock").is_err());
    /// assert!(Filter::parse("1=1; DROP TABLE file").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, LibraryError> {
        let refused = |reason: String| LibraryError::Filter {
            text: text.to_owned(),
            reason,
        };
        let at = text
            .find(['=', '<', '>', '~', '!'])
            .ok_or_else(|| refused("there is no operator".to_owned()))?;
        let (name, rest) = text.split_at(at);
        let found = OPERATORS
            .iter()
            .find_map(|(typed, sql)| Some((*typed, *sql, rest.strip_prefix(typed)?)));
        let (typed, operator, value) = found.ok_or_else(|| refused("there is no such operator".to_owned()))?;
        let name = name.trim();
        let Some((_, column, kind)) = FIELDS.iter().find(|(field, ..)| *field == name) else {
            let names: Vec<&str> = FIELDS.iter().map(|(field, ..)| *field).collect();
            return Err(refused(format!("the fields are {}", names.join(", "))));
        };
        let value = value.trim();
        let contains = typed.ends_with('~');
        let orders = matches!(typed, "<" | "<=" | ">" | ">=");
        match kind {
            Kind::Number if contains => Err(refused(format!("{name} is a number: compare it"))),
            Kind::Number if value.is_empty() => Err(refused(format!("{name} is a number"))),
            Kind::Number => {
                let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| refused(format!("{value:?} is no number")))?;
                Ok(Self {
                    sql: format!("{column} {operator} ?"),
                    value: Value::Real(number),
                })
            }
            Kind::Text | Kind::Path if orders => Err(refused(format!("{name} is a text: use =, !=, ~ or !~"))),
            Kind::Text | Kind::Path if contains => Ok(Self {
                // What LIKE takes for a pattern is meant as it is.
                sql: format!("coalesce(CAST({column} AS TEXT), '') {operator} ? ESCAPE '\\'"),
                value: Value::Text(format!(
                    "%{}%",
                    value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
                )),
            }),
            Kind::Text => Ok(Self {
                sql: format!("coalesce({column}, '') {operator} ?"),
                value: Value::Text(value.to_owned()),
            }),
            Kind::Path => Ok(Self {
                sql: format!("{column} {operator} ?"),
                value: Value::Blob(value.as_bytes().to_vec()),
            }),
        }
    }
}
