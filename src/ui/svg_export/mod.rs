//! What is painted, as SVG: the shapes of a part of the window, one element each; textures become pictures inside.
//!
//! In: shapes as egui has them, textures. Out: the text of a file. Thread: window.

mod ink;

use attune_engine::picture::{Provenance, Raster, base64, escaped};
use eframe::egui::epaint::{ClippedShape, RectShape, TextShape};
use eframe::egui::{Color32, ColorImage, Mesh, Pos2, Rect, Shape, Stroke, TextureId};
use ink::{box_of, corners, fill, has_ink, line_of, stop, stroke};
use std::fmt::Write;

/// The most pixels that a texture has along one side of its picture.
const MOST_PIXELS: usize = 2048;

/// A part of the window on its way to a file.
pub(super) struct SvgExport<'a> {
    /// The part.
    pub rect: Rect,
    /// Behind it.
    pub paper: Color32,
    /// Pixels of a texture, if they are known.
    pub texels: &'a dyn Fn(TextureId) -> Option<&'a ColorImage>,
    out: String,
    clips: Vec<Rect>,
    gradients: usize,
}

// Writing to a String cannot fail: its results are ignored.
impl<'a> SvgExport<'a> {
    /// Nothing drawn yet.
    pub(super) fn new(rect: Rect, paper: Color32, texels: &'a dyn Fn(TextureId) -> Option<&'a ColorImage>) -> Self {
        Self {
            rect,
            paper,
            texels,
            out: String::new(),
            clips: Vec::new(),
            gradients: 0,
        }
    }

    /// Draws what of these shapes lies in the part, and says where it comes from.
    pub(super) fn svg<'s>(mut self, shapes: impl Iterator<Item = &'s ClippedShape>, provenance: &Provenance) -> String {
        for clipped in shapes {
            let clip = clipped.clip_rect.intersect(self.rect);
            if clip.is_positive() && clipped.shape.visual_bounding_rect().intersects(clip) {
                self.clipped(clip, &clipped.shape);
            }
        }
        let (min, size) = (self.rect.min, self.rect.size());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{:.1} {:.1} {:.1} {:.1}\" \
             width=\"{:.0}\" height=\"{:.0}\" role=\"img\">\n<title>{}</title>\n\
             {}<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"{}/>\n{}</svg>\n",
            min.x,
            min.y,
            size.x,
            size.y,
            size.x,
            size.y,
            escaped(&provenance.title),
            provenance.svg_metadata(),
            min.x,
            min.y,
            size.x,
            size.y,
            fill(self.paper),
            self.out
        )
    }

    fn clipped(&mut self, clip: Rect, shape: &Shape) {
        let place = self.clips.iter().position(|known| *known == clip).unwrap_or_else(|| {
            let _ = writeln!(
                self.out,
                "<clipPath id=\"c{}\"><rect {}/></clipPath>",
                self.clips.len(),
                box_of(clip)
            );
            self.clips.push(clip);
            self.clips.len() - 1
        });
        let begin = self.out.len();
        let _ = write!(self.out, "<g clip-path=\"url(#c{place})\">");
        let empty = self.out.len();
        self.shape(shape);
        if self.out.len() == empty {
            self.out.truncate(begin);
        } else {
            self.out.push_str("</g>\n");
        }
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| self.shape(shape)),
            Shape::Circle(circle) => {
                let _ = write!(
                    self.out,
                    "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{:.2}\"{}{}/>",
                    circle.center.x,
                    circle.center.y,
                    circle.radius,
                    fill(circle.fill),
                    stroke(circle.stroke)
                );
            }
            Shape::LineSegment { points, stroke: line } => self.path(points, false, Color32::TRANSPARENT, *line),
            Shape::Path(path) => self.path(&path.points, path.closed, path.fill, line_of(path)),
            Shape::Rect(rect) => self.rect(rect),
            Shape::Text(text) => self.text(text),
            Shape::Mesh(mesh) if mesh.texture_id == TextureId::default() => self.triangles(mesh),
            Shape::Mesh(mesh) => {
                for quad in mesh.vertices.chunks_exact(4) {
                    let uv = Rect::from_min_max(quad[0].uv, quad[3].uv);
                    self.image(Rect::from_min_max(quad[0].pos, quad[3].pos), uv, mesh.texture_id);
                }
            }
            // The plots have none of these.
            Shape::Noop
            | Shape::Ellipse(_)
            | Shape::Band(_)
            | Shape::QuadraticBezier(_)
            | Shape::CubicBezier(_)
            | Shape::Callback(_) => {}
        }
    }

    fn path(&mut self, points: &[Pos2], closed: bool, inside: Color32, line: Stroke) {
        let filled = closed && inside.a() > 0;
        if points.len() < 2 || !(filled || has_ink(line)) {
            return;
        }
        let inside = if filled {
            fill(inside)
        } else {
            " fill=\"none\"".to_owned()
        };
        let _ = write!(
            self.out,
            "<path d=\"{}{}\"{inside}{}/>",
            corners(points),
            if closed { "Z" } else { "" },
            stroke(line)
        );
    }

    fn rect(&mut self, rect: &RectShape) {
        if let Some(brush) = &rect.brush {
            self.image(rect.rect, brush.uv, brush.fill_texture_id);
            return;
        }
        if rect.fill.a() > 0 || has_ink(rect.stroke) {
            let _ = write!(
                self.out,
                "<rect {} rx=\"{}\"{}{}/>",
                box_of(rect.rect),
                rect.corner_radius.nw,
                fill(rect.fill),
                stroke(rect.stroke)
            );
        }
    }

    fn text(&mut self, text: &TextShape) {
        for placed in &text.galley.rows {
            let Some(first) = placed.row.glyphs.first() else {
                continue;
            };
            let words = placed.row.text();
            if words.trim().is_empty() {
                continue;
            }
            let vertex = placed.row.visuals.mesh.vertices.get(first.first_vertex as usize);
            let own = vertex.map_or(text.fallback_color, |vertex| vertex.color);
            let own = if own == Color32::PLACEHOLDER {
                text.fallback_color
            } else {
                own
            };
            let ink = text
                .override_text_color
                .unwrap_or(own)
                .gamma_multiply(text.opacity_factor);
            let at = text.pos + placed.pos.to_vec2() + first.pos.to_vec2();
            let font = text.galley.job.sections.first().map(|section| &section.format.font_id);
            let family = match font.map(|font| &font.family) {
                Some(eframe::egui::FontFamily::Monospace) => "monospace",
                _ => "Ubuntu, Helvetica, Arial, sans-serif",
            };
            let width: f32 = placed.row.glyphs.iter().map(|glyph| glyph.advance_width).sum();
            let _ = write!(
                self.out,
                "<text x=\"{:.2}\" y=\"{:.2}\" font-size=\"{}\" font-family=\"{family}\" textLength=\"{width:.1}\" \
                 lengthAdjust=\"spacingAndGlyphs\"{}>{}</text>",
                at.x,
                at.y,
                font.map_or(12.0, |font| font.size),
                fill(ink),
                escaped(&words)
            );
        }
    }

    /// Triangles of one colour are one path; of two, one path that fades from the upper to the lower.
    fn triangles(&mut self, mesh: &Mesh) {
        let mut runs: Vec<(Vec<Color32>, String, Rect)> = Vec::new();
        for corner in mesh.indices.chunks_exact(3) {
            let three: Vec<_> = corner.iter().filter_map(|i| mesh.vertices.get(*i as usize)).collect();
            let [a, b, c] = three.as_slice() else { continue };
            let mut points = [a.pos, b.pos, c.pos];
            // All the same way round, or what overlaps would cancel out.
            if (points[1] - points[0]).rot90().dot(points[2] - points[0]) < 0.0 {
                points.swap(1, 2);
            }
            let mut colours = vec![a.color, b.color, c.color];
            colours.sort_by_key(|colour| std::cmp::Reverse(colour.to_array()));
            colours.dedup();
            let path = format!("{}Z", corners(&points));
            let bounds = Rect::from_points(&points);
            match runs.last_mut() {
                Some((known, paths, all)) if *known == colours => {
                    paths.push_str(&path);
                    *all = all.union(bounds);
                }
                _ => runs.push((colours, path, bounds)),
            }
        }
        for (colours, path, bounds) in runs {
            let (Some(first), Some(last)) = (colours.first(), colours.last()) else {
                continue;
            };
            let inside = if first == last {
                fill(*first)
            } else {
                // The more opaque one stands above: a curve with its ground below.
                let (top, foot) = if first.a() >= last.a() {
                    (first, last)
                } else {
                    (last, first)
                };
                let name = self.gradients;
                self.gradients += 1;
                let _ = write!(
                    self.out,
                    "<linearGradient id=\"g{name}\" gradientUnits=\"userSpaceOnUse\" x1=\"0\" x2=\"0\" y1=\"{:.1}\" \
                     y2=\"{:.1}\"><stop offset=\"0\"{}/><stop offset=\"1\"{}/></linearGradient>",
                    bounds.top(),
                    bounds.bottom(),
                    stop(*top),
                    stop(*foot)
                );
                format!(" fill=\"url(#g{name})\"")
            };
            let _ = write!(self.out, "<path d=\"{path}\"{inside}/>");
        }
    }

    /// A part of a texture, at its own resolution; beyond its ends it starts over.
    fn image(&mut self, rect: Rect, uv: Rect, texture: TextureId) {
        let Some(image) = (self.texels)(texture) else { return };
        let side = |span: f32, of: usize| ((span.abs() * of as f32).round() as usize).clamp(1, MOST_PIXELS);
        let (width, height) = (side(uv.width(), image.size[0]), side(uv.height(), image.size[1]));
        let texel = |share: f32, of: usize| ((share * of as f32).floor() as i64).rem_euclid(of as i64) as usize;
        let pixels = (0..height * width).map(|i| {
            let u = uv.left() + uv.width() * ((i % width) as f32 + 0.5) / width as f32;
            let v = uv.top() + uv.height() * ((i / width) as f32 + 0.5) / height as f32;
            let place = texel(v, image.size[1]) * image.size[0] + texel(u, image.size[0]);
            image.pixels.get(place).map_or([0; 4], Color32::to_srgba_unmultiplied)
        });
        let raster = Raster {
            width,
            height,
            pixels: pixels.collect(),
        };
        // A picture without a pixel has nothing to show.
        let Ok(png) = raster.png(&[]) else { return };
        let _ = write!(
            self.out,
            "<image {} preserveAspectRatio=\"none\" href=\"data:image/png;base64,{}\"/>",
            box_of(rect),
            base64(&png)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{CornerRadius, pos2};

    #[test]
    fn shapes_become_elements_within_their_clips_and_textures_pictures() {
        let rect = Rect::from_min_max(pos2(10.0, 10.0), pos2(110.0, 60.0));
        let mut fade = Mesh::default();
        fade.colored_vertex(pos2(20.0, 20.0), Color32::WHITE);
        fade.colored_vertex(pos2(20.0, 50.0), Color32::TRANSPARENT);
        fade.colored_vertex(pos2(60.0, 50.0), Color32::TRANSPARENT);
        fade.add_triangle(0, 1, 2);
        let texture = TextureId::Managed(7);
        let mut picture = Mesh::with_texture(texture);
        // From 3/4 of the texture on around its end: a ring.
        let uv = Rect::from_min_max(pos2(0.75, 0.0), pos2(1.25, 1.0));
        picture.add_rect_with_uv(rect, uv, Color32::WHITE);
        let shape = |clip, shape: Shape| ClippedShape::new(clip, shape);
        let shapes = [
            shape(
                rect,
                Shape::rect_filled(rect.shrink(4.0), CornerRadius::ZERO, Color32::RED),
            ),
            shape(
                rect,
                Shape::line(
                    vec![pos2(20.0, 20.0), pos2(30.0, 25.0)],
                    Stroke::new(1.5, Color32::GREEN),
                ),
            ),
            shape(rect, fade.into()),
            shape(rect, picture.into()),
            // Elsewhere in the window.
            shape(
                Rect::EVERYTHING,
                Shape::circle_filled(pos2(300.0, 300.0), 4.0, Color32::BLUE),
            ),
        ];
        let image = ColorImage::new(
            [4, 1],
            vec![Color32::BLACK, Color32::RED, Color32::GREEN, Color32::WHITE],
        );
        let texels = |id| (id == texture).then_some(&image);
        let provenance = Provenance {
            title: "a & b".to_owned(),
            source: String::new(),
            at: String::new(),
            models: Vec::new(),
            drawn: String::new(),
        };
        let svg = SvgExport::new(rect, Color32::BLACK, &texels).svg(shapes.iter(), &provenance);
        assert!(
            svg.contains("<title>a &amp; b</title>") && svg.contains("<metadata"),
            "{svg}"
        );
        assert!(svg.contains("fill=\"#ff0000\""), "{svg}");
        assert!(
            svg.contains("d=\"M20.0 20.0L30.0 25.0\" fill=\"none\" stroke=\"#00ff00\""),
            "{svg}"
        );
        assert!(
            svg.contains("stop-opacity=\"1.000\"") && svg.contains("stop-opacity=\"0.000\""),
            "{svg}"
        );
        assert!(!svg.contains("<circle"), "{svg}");
        assert_eq!(svg.matches("<clipPath").count(), 1);
        // White, then black: the last texel and, around the end, the first.
        let pixels = Raster {
            width: 2,
            height: 1,
            pixels: vec![[255; 4], [0, 0, 0, 255]],
        };
        assert!(svg.contains(&base64(&pixels.png(&[]).unwrap())), "{svg}");
    }
}
