//! Where values lie between two ends, and which of them are named.

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences, equal lengths.
    Linear,
    /// Equal ratios, equal lengths; values above 0.
    Logarithmic,
}

/// One axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// How values are laid out.
    pub scale: Scale,
    /// The value at its beginning.
    pub least: f64,
    /// The value at its end.
    pub most: f64,
    /// Values that are named, and how.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Shares 0…1, named in percent.
    pub fn shares(label: &str) -> Self {
        let tick = |n: u32| (f64::from(n) / 5.0, format!("{} %", 20 * n));
        Self {
            label: label.to_owned(),
            scale: Scale::Linear,
            least: 0.0,
            most: 1.0,
            ticks: (0..=5).map(tick).collect(),
        }
    }

    /// From 0 to `most`, named at each quarter.
    pub fn quarters(label: &str, most: f64) -> Self {
        let tick = |quarter: u32| {
            let value = most * f64::from(quarter) / 4.0;
            (value, format!("{value:.0}"))
        };
        Self {
            label: label.to_owned(),
            scale: Scale::Linear,
            least: 0.0,
            most,
            ticks: (0..=4).map(tick).collect(),
        }
    }

    /// A logarithmic axis over these values, each of which is named.
    pub fn ratios(label: &str, values: &[f64]) -> Self {
        Self {
            label: label.to_owned(),
            scale: Scale::Logarithmic,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(0.0, f64::max),
            ticks: values.iter().map(|value| (*value, value.to_string())).collect(),
        }
    }

    /// A logarithmic axis of whole powers of ten around these values, each power named.
    pub fn decades(label: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let most = values.fold(0.0, f64::max).log10().ceil().max(least + 1.0);
        Self {
            label: label.to_owned(),
            scale: Scale::Logarithmic,
            least: 10f64.powf(least),
            most: 10f64.powf(most),
            ticks: (least as i32..=most as i32)
                .map(|power| (10f64.powi(power), 10f64.powi(power).to_string()))
                .collect(),
        }
    }

    /// Places 0, 1, 2… with room around each, by name.
    pub fn places<'a>(label: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let ticks: Vec<(f64, String)> = names
            .enumerate()
            .map(|(place, name)| (place as f64, name.to_owned()))
            .collect();
        Self {
            label: label.to_owned(),
            scale: Scale::Linear,
            least: -0.5,
            most: ticks.len() as f64 - 0.5,
            ticks,
        }
    }

    /// How far along the axis a value lies, 0…1 between its ends.
    pub(super) fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Logarithmic => (value / self.least).ln() / (self.most / self.least).ln().max(1e-9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_the_scale_puts_them() {
        let decades = Axis::decades("µs", [3.0, 250.0].into_iter());
        assert_eq!((decades.least, decades.most, decades.ticks.len()), (1.0, 1000.0, 4));
        assert!((decades.share(10.0) - 1.0 / 3.0).abs() < 1e-12);
        assert!((Axis::shares("right").share(0.25) - 0.25).abs() < 1e-12);
        let places = Axis::places("", ["a", "b"].into_iter());
        assert!((places.share(0.0) - 0.25).abs() < 1e-12 && (places.share(1.0) - 0.75).abs() < 1e-12);
        // One value has no width: it lies at the beginning.
        assert!(Axis::ratios("s", &[3.0]).share(3.0).abs() < 1e-12);
        // All the same power of ten still makes an axis.
        assert_eq!(Axis::decades("µs", [10.0].into_iter()).ticks.len(), 2);
    }
}
