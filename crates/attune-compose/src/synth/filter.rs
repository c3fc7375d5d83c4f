//! A low pass of first order.
//!
//! In: samples. Out: samples. Thread: any.

/// y(n) = y(n − 1) + a (x(n) − y(n − 1)), with a = 1 − exp(−2π f / rate).
#[derive(Debug, Clone, Copy)]
pub(super) struct OnePole {
    share: f32,
    last: f32,
}

impl OnePole {
    pub(super) fn low_pass(edge_hz: f64, rate_hz: f64) -> Self {
        Self {
            share: (1.0 - (-std::f64::consts::TAU * edge_hz / rate_hz).exp()) as f32,
            last: 0.0,
        }
    }

    pub(super) fn push(&mut self, sample: f32) -> f32 {
        self.last += self.share * (sample - self.last);
        self.last
    }
}
