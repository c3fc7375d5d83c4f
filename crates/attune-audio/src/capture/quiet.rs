//! What ALSA's library would print on the terminal goes to the log instead.
//!
//! In: nothing. Out: lines of the level `debug`. Thread: the one that calls into ALSA.

/// While it is held, ALSA prints nothing on this thread.
pub(crate) struct QuietAlsa {
    #[cfg(target_os = "linux")]
    said: Option<std::rc::Rc<std::cell::RefCell<alsa::Output>>>,
}

impl QuietAlsa {
    /// From now on. What is printed on this thread after the drop is dropped too.
    pub(crate) fn begin() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            said: alsa::Output::local_error_handler().ok(),
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for QuietAlsa {
    fn drop(&mut self) {
        let said = self
            .said
            .take()
            .map(|said| said.borrow().to_string())
            .unwrap_or_default();
        for line in said.lines() {
            tracing::debug!("ALSA: {line}");
        }
    }
}
