//! The list of devices, requested in the background since a sound server may take its time.
//!
//! In: a way to list devices. Out: the last list. Thread: window; the listing runs on one of its own.

use super::job::{Job, JobError};
use attune_audio::capture::DeviceInfo;
use attune_audio::source::{SourceError, SourceErrorKind};
use std::sync::Arc;

/// A way to list devices.
pub type ListDevices = Arc<dyn Fn() -> Result<Vec<DeviceInfo>, SourceError> + Send + Sync>;

/// The devices as last listed.
pub struct DeviceList {
    list: ListDevices,
    listing: Job<Vec<DeviceInfo>, SourceError>,
    /// What was found, or why nothing could be.
    found: Option<Result<Vec<DeviceInfo>, JobError<SourceError>>>,
}

impl DeviceList {
    /// Nothing listed yet.
    pub fn new(list: ListDevices) -> Self {
        Self {
            list,
            listing: Job::Idle,
            found: None,
        }
    }

    /// Lists again; `notify` is called when done.
    pub fn refresh(&mut self, notify: impl Fn() + Send + Sync + 'static) {
        let list = self.list.clone();
        self.listing = Job::start("attune-devices", notify, move |_| list());
    }

    /// Takes over a list that has come.
    pub fn poll(&mut self) {
        self.listing.poll();
        if let Some(found) = self.listing.take_ended() {
            self.found = Some(found);
        }
    }

    /// Whether a list is on its way.
    pub fn is_listing(&self) -> bool {
        self.listing.is_running()
    }

    /// The devices that can be opened; none while unknown.
    pub fn inputs(&self) -> impl Iterator<Item = &DeviceInfo> {
        self.found
            .iter()
            .filter_map(|found| found.as_ref().ok())
            .flatten()
            .filter(|device| device.kind != attune_audio::capture::DeviceKind::Output)
    }

    /// Why the devices could not be listed, and what to do.
    pub fn problem(&self) -> Option<String> {
        match self.found.as_ref()?.as_ref().err()? {
            JobError::Work(error) => Some(format!("{error}. {}", error.remedy())),
            error => {
                let error = SourceError::new(
                    SourceErrorKind::SystemBusy,
                    format!("The devices cannot be listed: {error}"),
                );
                Some(format!("{error}. {}", error.remedy()))
            }
        }
    }
}
