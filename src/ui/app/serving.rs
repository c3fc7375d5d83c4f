//! The page that is served to other programs while the window is open.
//!
//! In: a switch. Out: a server. Thread: window; the server has its own.

use super::App;
use crate::publisher::{PublishArgs, Publisher};
use crate::ui::notices::{Problem, Severity};
use std::net::{Ipv4Addr, SocketAddr};

/// The page is here, unless another program is.
const PORT: u16 = 8766;

impl App {
    /// Serves the page, or no longer.
    pub(super) fn serve(&mut self, on: bool) {
        self.publisher = None;
        self.view.served = None;
        self.settings.serve_page = on;
        let Some(models) = self.models.set.as_ref().filter(|_| on) else {
            return;
        };
        let open = |port| {
            let args = PublishArgs {
                serve: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
                ..PublishArgs::default()
            };
            Publisher::open(&args, models)
        };
        match open(PORT).or_else(|_| open(0)) {
            Ok(publisher) => {
                self.view.served = publisher.as_ref().and_then(Publisher::url);
                self.publisher = publisher;
            }
            Err(error) => {
                self.settings.serve_page = false;
                self.view.notices.report(Problem {
                    severity: Severity::Error,
                    message: format!("No page can be served: {error}"),
                    remedy: "Try again later, or use attune live --serve.".to_owned(),
                });
            }
        }
        if let Some(url) = &self.view.served {
            let text = format!("A page with the answer is at {url}. Its address is in the menu View, to be copied.");
            self.view.notices.remark(text);
        }
    }
}
