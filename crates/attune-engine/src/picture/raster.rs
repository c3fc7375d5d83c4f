//! Pixels as PNG, with text in the file; and such a file as text for an SVG.

use std::io::Cursor;

/// Pixels of red, green, blue and opacity, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// (row, pixel), not multiplied by the opacity.
    pub pixels: Vec<[u8; 4]>,
}

impl Raster {
    /// A PNG file with these words in it (international text: any source may have any name).
    ///
    /// # Errors
    /// If there are no pixels, or not as many as width and height say.
    pub fn png(&self, words: &[(&str, String)]) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Cursor::new(Vec::new());
        let (width, height) = (u32::try_from(self.width), u32::try_from(self.height));
        let mut encoder = png::Encoder::new(&mut file, width.unwrap_or(0), height.unwrap_or(0));
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        for (keyword, text) in words {
            encoder.add_itxt_chunk((*keyword).to_owned(), text.clone())?;
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(file.into_inner())
    }
}

/// Bytes in base 64 (RFC 4648, section 4).
///
/// ```
/// use attune_engine::picture::base64;
/// assert_eq!([&b"foobar"[..], b"fooba", b"foob", b""].map(base64), ["Zm9vYmFy", "Zm9vYmE=", "Zm9vYg==", ""]);
/// ```
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            text.push(if digit <= three.len() {
                char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Provenance;

    #[test]
    fn a_png_holds_its_pixels_and_where_it_comes_from() {
        let raster = Raster {
            width: 2,
            height: 1,
            pixels: vec![[255, 0, 7, 255], [1, 2, 3, 128]],
        };
        let provenance = Provenance {
            title: "Timeline".to_owned(),
            source: "Ænima <live>.flac".to_owned(),
            at: "0:12.3".to_owned(),
            models: vec!["lstm abc".to_owned(), "tcn def".to_owned()],
            drawn: "2026-11-26T12:00:00Z".to_owned(),
        };
        let file = raster.png(&provenance.entries()).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [255, 0, 7, 255, 1, 2, 3, 128]);
        let words: Vec<(String, String)> = reader
            .info()
            .utf8_text
            .iter()
            .map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()))
            .collect();
        let wanted: Vec<(String, String)> = provenance
            .entries()
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        assert_eq!(words, wanted);
        let metadata = provenance.svg_metadata();
        assert!(
            metadata.contains("<dc:source>Ænima &lt;live&gt;.flac</dc:source>"),
            "{metadata}"
        );
        assert!(
            metadata.contains("<dc:relation>lstm abc, tcn def</dc:relation>"),
            "{metadata}"
        );
        assert!(Raster { width: 3, ..raster }.png(&[]).is_err());
    }
}
