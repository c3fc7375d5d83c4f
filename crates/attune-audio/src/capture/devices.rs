//! What can be opened: devices by a stable id.
//!
//! In: what cpal's host reports. Out: [`DeviceInfo`]. Thread: any; a sound server may take some milliseconds to answer.

use super::quiet::QuietAlsa;
use super::{errors, hosts};
use crate::source::SourceError;
use cpal::traits::{DeviceTrait, HostTrait};
use serde::Serialize;
use std::collections::BTreeSet;

/// Rates that are shown if a device can be opened at them.
const COMMON_RATES_HZ: [u32; 11] = [
    8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000,
];

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// Records.
    Microphone,
    /// Records what an output plays.
    Monitor,
    /// Plays.
    Output,
}

/// One device as listed by `attune devices`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// Stable id: the same device has the same id after a restart.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `PulseAudio`, `ALSA`, …
    pub host: String,
    /// What it is for.
    pub kind: DeviceKind,
    /// Its channels.
    pub channels: u16,
    /// Rates it can be opened at.
    pub rates_hz: Vec<u32>,
    /// Whether it is the one taken when none is named.
    pub default: bool,
}

/// All devices of the preferred host, inputs first, the default ones first among their kind. Empty if there are none.
pub fn list_devices() -> Result<Vec<DeviceInfo>, SourceError> {
    let _quiet = QuietAlsa::begin();
    let host = hosts::preferred_host()?;
    let host_name = host.id().name();
    let id_of = |device: Option<cpal::Device>| device.and_then(|device| device.id().ok());
    let (input, output) = (id_of(host.default_input_device()), id_of(host.default_output_device()));
    let devices = host.devices().map_err(|error| super::device_error(host_name, &error))?;
    let mut listed = Vec::new();
    for device in devices.filter(is_paced) {
        let Ok(id) = device.id() else { continue };
        let row = |kind, channels, rates_hz, default: &Option<cpal::DeviceId>| DeviceInfo {
            id: id.to_string(),
            name: name_of(&device),
            host: host_name.to_owned(),
            kind,
            channels,
            rates_hz,
            default: default.as_ref() == Some(&id),
        };
        // What has no default configuration cannot be opened either: ALSA lists a "default" where there is no hardware.
        if let (Ok(config), Ok(ranges)) = (device.default_input_config(), device.supported_input_configs()) {
            let rates = rates_of(&config, ranges);
            listed.push(row(input_kind(&id), config.channels(), rates, &input));
        }
        if let (Ok(config), Ok(ranges)) = (device.default_output_config(), device.supported_output_configs()) {
            listed.push(row(
                DeviceKind::Output,
                config.channels(),
                rates_of(&config, ranges),
                &output,
            ));
        }
    }
    listed.sort_by_key(|device| (device.kind == DeviceKind::Output, !device.default));
    Ok(listed)
}

/// The input device with this stable id, or the default one.
pub(super) fn find_input(id: Option<&str>) -> Result<cpal::Device, SourceError> {
    let host = match id {
        None => hosts::default_host()?,
        Some(id) => hosts::host_of(&parsed(id)?)?,
    };
    input_of(&host, id)
}

fn parsed(id: &str) -> Result<cpal::DeviceId, SourceError> {
    id.parse().map_err(|_| errors::unknown_device(id))
}

/// The same of one host.
pub(super) fn input_of(host: &cpal::Host, id: Option<&str>) -> Result<cpal::Device, SourceError> {
    let Some(id) = id else {
        let device = host
            .default_input_device()
            .ok_or_else(|| errors::no_input(host.id().name()))?;
        // ALSA has a "default" even without hardware.
        return match device.default_input_config() {
            Ok(_) => Ok(device),
            Err(error) => Err(errors::no_input(&format!("{}: {error}", host.id().name()))),
        };
    };
    host.device_by_id(&parsed(id)?)
        .filter(DeviceTrait::supports_input)
        .ok_or_else(|| errors::unknown_device(id))
}

/// Monitor or microphone: `PulseAudio` names what an output plays `….monitor`.
pub(super) fn input_kind(id: &cpal::DeviceId) -> DeviceKind {
    if id.id().ends_with(".monitor") {
        DeviceKind::Monitor
    } else {
        DeviceKind::Microphone
    }
}

/// What people call the device.
pub(crate) fn name_of(device: &cpal::Device) -> String {
    device
        .description()
        .map_or_else(|_| "unnamed device".to_owned(), |about| about.name().to_owned())
}

/// Whether it keeps time: ALSA's `null` calls back 400,000 times a second.
fn is_paced(device: &cpal::Device) -> bool {
    device.id().is_ok_and(|id| id.id() != "null")
}

fn rates_of(
    default: &cpal::SupportedStreamConfig,
    ranges: impl Iterator<Item = cpal::SupportedStreamConfigRange>,
) -> Vec<u32> {
    let mut rates = BTreeSet::from([default.sample_rate()]);
    for range in ranges.filter(|range| range.channels() == default.channels()) {
        rates.extend(COMMON_RATES_HZ.into_iter().filter(|rate| range.contains_rate(*rate)));
    }
    rates.into_iter().collect()
}
