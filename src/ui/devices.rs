//! The list of devices, asked for in the background since a sound server may take its time.
//!
//! In: a way to list devices. Out: the last list. Thread: window; the listing runs on one of its own.

use attune_audio::capture::DeviceInfo;
use attune_audio::source::{SourceError, SourceErrorKind};
use crossbeam_channel::{Receiver, bounded};
use std::sync::Arc;

/// A way to list devices.
pub type ListDevices = Arc<dyn Fn() -> Result<Vec<DeviceInfo>, SourceError> + Send + Sync>;

/// The devices as last listed.
pub struct DeviceList {
    list: ListDevices,
    pending: Option<Receiver<Result<Vec<DeviceInfo>, SourceError>>>,
    /// What was found, or why nothing could be.
    found: Option<Result<Vec<DeviceInfo>, SourceError>>,
}

impl DeviceList {
    /// Nothing listed yet.
    pub fn new(list: ListDevices) -> Self {
        Self {
            list,
            pending: None,
            found: None,
        }
    }

    /// Lists again; `notify` is called when done.
    pub fn refresh(&mut self, notify: impl Fn() + Send + 'static) {
        let (sender, receiver) = bounded(1);
        let list = self.list.clone();
        let spawned = std::thread::Builder::new().name("list devices".into()).spawn(move || {
            // The window may be gone by now, and then nobody needs the answer.
            let _ = sender.send(list());
            notify();
        });
        match spawned {
            Ok(_) => self.pending = Some(receiver),
            Err(error) => {
                let message = format!("The devices cannot be listed: {error}");
                self.found = Some(Err(SourceError::new(SourceErrorKind::SystemBusy, message)));
            }
        }
    }

    /// Takes over a list that has come.
    pub fn poll(&mut self) {
        if let Some(found) = self.pending.as_ref().and_then(|pending| pending.try_recv().ok()) {
            self.found = Some(found);
            self.pending = None;
        }
    }

    /// Whether a list is on its way.
    pub fn is_listing(&self) -> bool {
        self.pending.is_some()
    }

    /// The devices that can be listened to; none while unknown.
    pub fn inputs(&self) -> impl Iterator<Item = &DeviceInfo> {
        self.found
            .iter()
            .filter_map(|found| found.as_ref().ok())
            .flatten()
            .filter(|device| device.kind != attune_audio::capture::DeviceKind::Output)
    }

    /// Why the devices could not be listed.
    pub fn error(&self) -> Option<&SourceError> {
        self.found.as_ref()?.as_ref().err()
    }
}
