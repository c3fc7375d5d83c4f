//! Sound systems and devices.
//!
//! In: what cpal finds. Out: [`Check`]s. Thread: any; a sound server may take some milliseconds to answer.

use super::Check;
use attune_audio::capture::{DeviceInfo, DeviceKind, hosts, list_devices};
use std::path::Path;

/// Which systems there are, what is heard if no device is named, and whether what the computer plays can be.
pub(super) fn checks() -> Vec<Check> {
    let mut hosts = hosts().join(", ");
    if has_pipewire() {
        hosts += "; PipeWire runs";
    }
    match list_devices() {
        Ok(devices) => of_devices(&hosts, &devices),
        Err(error) => vec![Check::limited("sound", format!("{hosts}: {error}"), error.remedy())],
    }
}

/// `PipeWire` answers as `PulseAudio` and ALSA do; its own socket tells that it is there.
fn has_pipewire() -> bool {
    let folder = std::env::var_os("PIPEWIRE_RUNTIME_DIR").or_else(|| std::env::var_os("XDG_RUNTIME_DIR"));
    folder.is_some_and(|folder| Path::new(&folder).join("pipewire-0").exists())
}

fn of_devices(hosts: &str, devices: &[DeviceInfo]) -> Vec<Check> {
    let count = |kind| devices.iter().filter(|device| device.kind == kind).count();
    let found = format!(
        "{hosts}; microphones: {}, monitors: {}, outputs: {}",
        count(DeviceKind::Microphone),
        count(DeviceKind::Monitor),
        count(DeviceKind::Output)
    );
    let inputs = || devices.iter().filter(|device| device.kind != DeviceKind::Output);
    let about = |device: &DeviceInfo| format!("{} ({})", device.name, device.id);
    let sound = if devices.is_empty() {
        Check::limited(
            "sound",
            found,
            "Start PulseAudio or PipeWire; files can be analysed without.",
        )
    } else {
        Check::works("sound", found)
    };
    let input = match (inputs().find(|device| device.default), inputs().next()) {
        (Some(device), _) => Check::works("input", about(device)),
        (None, Some(_)) => Check::limited(
            "input",
            "none is the default",
            "Choose one in the system's settings, or name it: attune live --device ID.",
        ),
        (None, None) => Check::limited("input", "no microphone or monitor was found", "Plug in a microphone."),
    };
    let monitor = match inputs().find(|device| device.kind == DeviceKind::Monitor) {
        Some(device) => Check::works("monitor", about(device)),
        None => Check::limited(
            "monitor",
            "what the computer plays cannot be heard",
            "Start PulseAudio or PipeWire with pipewire-pulse, which offer it.",
        ),
    };
    vec![sound, input, monitor]
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn device(kind: DeviceKind, default: bool) -> DeviceInfo {
        DeviceInfo {
            id: format!("pulseaudio:{kind:?}"),
            name: "Hall".to_owned(),
            host: "PulseAudio".to_owned(),
            kind,
            channels: 2,
            rates_hz: vec![48_000],
            default,
        }
    }

    #[test]
    fn inputs_and_monitors_are_told_apart_from_outputs() {
        use DeviceKind::{Microphone, Monitor, Output};
        use State::{Limited, Works};
        for (devices, states) in [
            (&[][..], [Limited, Limited, Limited]),
            (&[(Output, true)], [Works, Limited, Limited]),
            (&[(Microphone, false)], [Works, Limited, Limited]),
            (&[(Microphone, true), (Output, true)], [Works, Works, Limited]),
            (&[(Microphone, true), (Monitor, false)], [Works, Works, Works]),
            (&[(Monitor, true)], [Works, Works, Works]),
        ] {
            let devices: Vec<_> = devices.iter().map(|(kind, default)| device(*kind, *default)).collect();
            let checks = of_devices("PulseAudio", &devices);
            assert_eq!(checks.iter().map(|check| check.state).collect::<Vec<_>>(), states);
        }
        let checks = of_devices("PulseAudio", &[device(Microphone, true)]);
        assert_eq!(checks[1].found, "Hall (pulseaudio:Microphone)");
    }
}
