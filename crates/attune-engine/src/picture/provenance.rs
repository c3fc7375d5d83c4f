//! Where a picture comes from, written into the picture itself.

use super::escaped;

/// What made a picture, of what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What it shows.
    pub title: String,
    /// The file or device.
    pub source: String,
    /// The moment of it that is shown.
    pub at: String,
    /// Each engine that was on, with the SHA-256 of its weights.
    pub models: Vec<String>,
    /// When it was drawn, as RFC 3339 has it.
    pub drawn: String,
}

impl Provenance {
    /// Names and values; the names that PNG has for them where it has some (PNG 3, 11.3.3.2).
    pub fn entries(&self) -> [(&'static str, String); 6] {
        [
            ("Title", self.title.clone()),
            ("Software", concat!("attune ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("Source", self.source.clone()),
            ("Moment", self.at.clone()),
            ("Models", self.models.join(", ")),
            ("Creation Time", self.drawn.clone()),
        ]
    }

    /// The same as a `metadata` element of an SVG file, each by its term of the Dublin Core or a word of our own.
    pub fn svg_metadata(&self) -> String {
        let elements = self.entries().map(|(name, value)| {
            let element = match name {
                "Title" => "dc:title",
                "Software" => "dc:creator",
                "Source" => "dc:source",
                "Moment" => "dc:coverage",
                "Models" => "dc:relation",
                _ => "dc:date",
            };
            format!("<{element}>{}</{element}>", escaped(&value))
        });
        format!(
            "<metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{}</metadata>\n",
            elements.concat()
        )
    }
}
