//! Panels in rows on one sheet, with the style that all share.

use super::chart::Chart;
use super::grid::Grid;
use super::{WIDTH, escaped};
use std::fmt::Write;

/// Colours of series on light and on dark paper.
const COLOURS: [(&str, &str); SERIES] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9248"),
    ("#009e73", "#2ecc9f"),
    ("#b8578c", "#e59ac4"),
    ("#8a6d00", "#e6c229"),
    ("#5b4fc0", "#a79cf5"),
];

/// How many series have a colour of their own.
pub(super) const SERIES: usize = 6;

/// One chart or grid.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Lines, bars, dots between two axes.
    Chart(Chart),
    /// Counts by row and column.
    Grid(Grid),
}

impl Panel {
    fn height(&self) -> f64 {
        match self {
            Self::Chart(chart) => chart.height(),
            Self::Grid(grid) => grid.height(),
        }
    }

    fn draw(&self, out: &mut String, at: (f64, f64)) {
        match self {
            Self::Chart(chart) => chart.draw(out, at),
            Self::Grid(grid) => grid.draw(out, at),
        }
    }
}

/// Panels, two in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// For screen readers.
    pub title: String,
    /// From left to right and from top to bottom.
    pub panels: Vec<Panel>,
}

/// What a sheet is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// Light or dark, as the reader's system is.
    Either,
    /// What is light already: no paper is painted.
    Light,
    /// What is dark already.
    Dark,
}

impl Sheet {
    /// The text of an SVG file, for either paper.
    pub fn svg(&self) -> String {
        self.svg_on(Paper::Either)
    }

    /// The text of an SVG file.
    pub fn svg_on(&self, paper: Paper) -> String {
        const GAP: f64 = 12.0;
        let columns = self.panels.len().clamp(1, 2);
        let width = columns as f64 * WIDTH + 2.0 * GAP;
        let mut panels = String::new();
        let mut top = GAP;
        for row in self.panels.chunks(columns) {
            for (column, panel) in row.iter().enumerate() {
                panel.draw(&mut panels, (GAP + column as f64 * WIDTH, top));
            }
            top += row.iter().map(Panel::height).fold(0.0, f64::max) + GAP;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {top:.0}\" width=\"{width:.0}\" \
             height=\"{top:.0}\" role=\"img\" font-family=\"Inter, Helvetica, Arial, sans-serif\" font-size=\"11\">\n\
             <title>{}</title>\n{}<rect class=\"paper\" width=\"{width:.0}\" height=\"{top:.0}\"/>\n{panels}</svg>\n",
            escaped(&self.title),
            style(paper)
        )
    }
}

/// Classes rather than attributes: a media query can change them.
fn style(on: Paper) -> String {
    let mut css = String::from("<style>\n");
    let papers: &[bool] = match on {
        Paper::Either => &[false, true],
        Paper::Light => &[false],
        Paper::Dark => &[true],
    };
    for &dark in papers {
        let is_choice = dark && on == Paper::Either;
        let [paper, text, soft, rule, strong, faint] = if dark {
            ["#16181d", "#e6e8eb", "#a3a9b3", "#31353d", "#f2f4f7", "#69707c"]
        } else {
            ["#ffffff", "#1f2328", "#5d6570", "#e3e6ea", "#1f2328", "#a9b0b9"]
        };
        let painted = if on == Paper::Either { paper } else { "none" };
        if is_choice {
            css.push_str("@media (prefers-color-scheme: dark) {\n");
        }
        let _ = writeln!(
            css,
            ".paper{{fill:{painted}}} text{{fill:{text}}} .title{{font-size:13px;font-weight:600}} .soft{{fill:{soft}}} \
             .on{{fill:{paper}}}\n.rule,.cell{{fill:none;stroke:{rule}}} .dashed{{fill:none;stroke:{faint};\
             stroke-dasharray:4 3}}\n.strong{{fill:{strong};stroke:{strong}}} .faint{{fill:{faint};stroke:{faint}}}"
        );
        for (number, (light, dimmed)) in COLOURS.iter().enumerate() {
            let colour = if dark { dimmed } else { light };
            let _ = write!(css, ".s{number}{{fill:{colour};stroke:{colour}}} ");
        }
        css.push('\n');
        if is_choice {
            css.push_str("}\n");
        }
    }
    // Which of the two colours of a class is meant, for both papers.
    css.push_str(
        ".fill{stroke:none} .line{fill:none;stroke-width:2} .thread{fill:none;stroke-width:1} .band{stroke:none;\
         fill-opacity:.16} .whisker{fill:none;stroke-width:1.2}\n</style>\n",
    );
    css
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Axis, Ink, Mark};

    #[test]
    fn a_sheet_holds_its_panels_and_escapes_their_words() {
        let chart = Chart {
            title: "a < b & c".to_owned(),
            x: Axis::ratios("s", &[1.0, 10.0]),
            y: Axis::shares("right"),
            marks: vec![
                Mark::Band(Ink::Series(0), vec![(1.0, 0.2, 0.4), (10.0, 0.4, 0.6)]),
                Mark::Line(Ink::Series(0), vec![(1.0, 0.3), (10.0, 0.5)]),
                Mark::Whiskers(Ink::Strong, vec![(1.0, 0.2, 0.4)]),
                Mark::Bars(Ink::Faint, vec![(1.0, 10.0, 0.5)]),
            ],
            legend: vec![(Ink::Series(0), "one".to_owned())],
        };
        let grid = Grid {
            title: "counts".to_owned(),
            note: String::new(),
            names: vec!["x".to_owned(), "y".to_owned()],
            counts: vec![vec![3, 0], vec![1, 2]],
        };
        let svg = Sheet {
            title: "sheet".to_owned(),
            panels: vec![Panel::Chart(chart), Panel::Grid(grid)],
        }
        .svg();
        assert!(svg.contains("a &lt; b &amp; c"), "{svg}");
        // The line goes from 30 % to 50 % of a plot 184 high, from left to right end.
        assert!(svg.contains("points=\"68.0,184.8 408.0,148.0\""), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        // The bar, the legend, paper, four cells and three counts.
        assert_eq!(svg.matches("<rect").count(), 10);
        assert_eq!(svg.matches("prefers-color-scheme").count(), 1);
    }

    fn svg_of(x: Axis, y: Axis, mark: Mark) -> String {
        let chart = Chart {
            title: "chart".to_owned(),
            x,
            y,
            marks: vec![mark],
            legend: Vec::new(),
        };
        Sheet {
            title: "sheet".to_owned(),
            panels: vec![Panel::Chart(chart)],
        }
        .svg()
    }

    #[test]
    fn values_that_lie_too_close_are_not_named_over_each_other() {
        let x = Axis::ratios("frames", &[8.0, 25.0, 28.0, 29.0, 96.0]);
        let svg = svg_of(x, Axis::shares("right"), Mark::Line(Ink::Strong, Vec::new()));
        let is_named = |value: &str| svg.contains(&format!("text-anchor=\"middle\">{value}</text>"));
        assert_eq!(
            ["8", "25", "28", "29", "96"].map(is_named),
            [true, true, true, false, true],
            "{svg}"
        );
    }

    #[test]
    fn a_map_has_a_cell_for_each_value_as_strong_as_it_is() {
        let places = || Axis::places("place", ["0", "1"].into_iter());
        let cells = vec![(0.0, 0.0, 0.25), (1.0, 1.0, 1.0)];
        let svg = svg_of(places(), places(), Mark::Cells(Ink::Series(1), cells));
        // Half of a plot 340 wide and 184 high: the first cell at the left and at the bottom, the second right above.
        for cell in [
            "fill-opacity=\"0.25\" x=\"68.0\" y=\"148.0\" width=\"170.0\" height=\"92.0\"",
            "fill-opacity=\"1.00\" x=\"238.0\" y=\"56.0\" width=\"170.0\" height=\"92.0\"",
        ] {
            assert!(svg.contains(cell), "{cell}: {svg}");
        }
    }

    #[test]
    fn a_sheet_on_one_paper_has_its_colours_alone() {
        let sheet = Sheet {
            title: "sheet".to_owned(),
            panels: Vec::new(),
        };
        let (light, dark) = (sheet.svg_on(Paper::Light), sheet.svg_on(Paper::Dark));
        assert!(
            light.contains("text{fill:#1f2328}") && !light.contains("#16181d"),
            "{light}"
        );
        assert!(
            dark.contains("text{fill:#e6e8eb}") && !dark.contains("@media"),
            "{dark}"
        );
    }
}
