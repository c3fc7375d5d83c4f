//! What the window and other threads tell each other without waiting.
//!
//! In: how often to repaint; whether to end. Out: the same. Thread: any.

use super::REPAINT_INTERVAL;
use eframe::egui::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Two flags that threads share.
#[derive(Debug)]
pub struct Signals {
    end: AtomicBool,
    repaint_ms: AtomicU64,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            end: AtomicBool::new(false),
            repaint_ms: AtomicU64::new(REPAINT_INTERVAL.as_millis() as u64),
        }
    }
}

impl Signals {
    /// The system asks the program to end. Whoever calls this requests a repaint, so that the window notices.
    pub fn request_close(&self) {
        self.end.store(true, Ordering::Release);
    }

    /// Whether the program is to end.
    pub fn is_close_requested(&self) -> bool {
        self.end.load(Ordering::Acquire)
    }

    /// From now on news of the engine is painted no more often than this.
    pub(super) fn repaint_every(&self, interval: Duration) {
        let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.repaint_ms.store(ms, Ordering::Relaxed);
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.repaint_ms.load(Ordering::Relaxed))
    }
}

/// What the engine calls when there is something new: requests a repaint, but not more often than it is worth.
pub(in crate::ui) fn notify(ctx: Context, signals: Arc<Signals>) -> impl Fn() + Send + 'static {
    move || ctx.request_repaint_after(signals.interval())
}
