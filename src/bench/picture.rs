//! Charts as SVG: both axes logarithmic, one panel for each chart.

use super::growth::Chart;
use std::fmt::Write;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
/// Room left, above, right and below the plot.
const MARGIN: [f64; 4] = [56.0, 40.0, 16.0, 76.0];
/// Colours that are told apart with any kind of colour vision (Okabe & Ito 2008).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// All charts, two in a row.
pub(super) fn svg(charts: &[Chart]) -> String {
    let rows = charts.len().div_ceil(2);
    let (width, height) = (2.0 * WIDTH, rows as f64 * HEIGHT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (number, chart) in charts.iter().enumerate() {
        let at = ((number % 2) as f64 * WIDTH, (number / 2) as f64 * HEIGHT);
        panel(&mut out, chart, at);
    }
    out + "</svg>\n"
}

/// Where values between `least` and `most` lie between two ends.
struct Axis {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let share = (value / self.least).ln() / (self.most / self.least).ln().max(1e-9);
        self.from + share * (self.to - self.from)
    }
}

// Writing to a String cannot fail: its results are not looked at.
fn panel(out: &mut String, chart: &Chart, (left, top): (f64, f64)) {
    let [west, north, east, south] = MARGIN;
    let values: Vec<f64> = chart.lines.iter().flat_map(|(_, cost)| cost.iter().copied()).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let places: Vec<f64> = chart.places.iter().map(|&place| place as f64).collect();
    let x = Axis {
        least: places[0],
        most: places[places.len() - 1],
        from: left + west,
        to: left + WIDTH - east,
    };
    let y = Axis {
        // Whole powers of ten around everything.
        least: 10f64.powf(least.log10().floor()),
        most: 10f64.powf(most.log10().ceil()),
        from: top + HEIGHT - south,
        to: top + north,
    };
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"13\">{}</text>",
        x.from,
        top + 18.0,
        chart.title
    );
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" fill=\"#555\">{}</text>",
        left + 8.0,
        top + 33.0,
        chart.y
    );
    let mut tick = y.least;
    while tick <= y.most * 1.001 {
        let at = y.at(tick);
        let _ = writeln!(
            out,
            "<path d=\"M{} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            x.from,
            x.to,
            x.from - 6.0,
            at + 4.0
        );
        tick *= 10.0;
    }
    for &place in &places {
        let at = x.at(place);
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{place}</text>",
            y.from + 16.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        x.to,
        y.from + 30.0,
        chart.x
    );
    for (number, (name, cost)) in chart.lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points: Vec<(f64, f64)> = places.iter().zip(cost).map(|(&p, &c)| (x.at(p), y.at(c))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        let _ = writeln!(
            out,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
        for (x, y) in points {
            let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let (column, line) = ((number % 2) as f64, (number / 2) as f64);
        let (at, below) = (x.from + 185.0 * column, y.from + 46.0 + 16.0 * line);
        let _ = writeln!(out, "<text x=\"{at}\" y=\"{below}\" fill=\"{colour}\">● {name}</text>");
    }
}
