//! A curve with the ground under it filled.
//!
//! In: points. Out: a shape. Thread: window.

use eframe::egui::{self, Color32, Mesh, Pos2, Shape};

/// A filled curve: opaque at the line, clear at the ground.
pub(crate) fn fill_under(points: &[Pos2], ground: f32, colour: Color32) -> Shape {
    let mut mesh = Mesh::default();
    for (i, point) in points.iter().enumerate() {
        mesh.colored_vertex(*point, colour);
        mesh.colored_vertex(egui::pos2(point.x, ground), colour.gamma_multiply(0.15));
        if i > 0 {
            let at = 2 * i as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    Shape::mesh(mesh)
}
