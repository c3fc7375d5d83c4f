//! `attune devices`: the devices, by stable id.
//!
//! In: the system's devices. Out: a table, or JSON, on stdout. Thread: the main one.

use attune_audio::capture::{DeviceInfo, DeviceKind, list_devices};
use attune_audio::source::SourceError;
use std::io::Write;

/// Prints the devices, as a table or as JSON (`interfaces`: id, name, host, kind, channels, `rates_hz`, default).
/// Having none is not an error; the table then says what to do.
pub(super) fn run(json: bool) -> Result<(), SourceError> {
    let devices = list_devices()?;
    let text = if json { to_json(&devices) } else { to_table(&devices) };
    // A reader that has gone (`| head`) is no failure.
    drop(writeln!(std::io::stdout(), "{text}"));
    Ok(())
}

fn to_json(devices: &[DeviceInfo]) -> String {
    // Our own types have string keys and no custom serialisers: nothing in them can fail.
    serde_json::to_string_pretty(devices).unwrap_or_default()
}

fn to_table(devices: &[DeviceInfo]) -> String {
    if devices.is_empty() {
        return "No sound device was found. Plug in a microphone or start the sound server (PulseAudio or PipeWire); \
                files can be analysed without one."
            .to_owned();
    }
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(["", "kind", "name", "id", "host", "channels", "rates"]);
    for device in devices {
        table.add_row([
            if device.default { "*" } else { "" }.to_owned(),
            kind_name(device.kind).to_owned(),
            device.name.clone(),
            device.id.clone(),
            device.host.clone(),
            device.channels.to_string(),
            rates(&device.rates_hz),
        ]);
    }
    format!("{table}\n\n* used when no device is named. Use another with: attune live --source ID")
}

fn kind_name(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Microphone => "microphone",
        DeviceKind::Monitor => "monitor",
        DeviceKind::Output => "output",
    }
}

fn rates(rates_hz: &[u32]) -> String {
    match rates_hz {
        [] => "unknown".to_owned(),
        [only] => format!("{only} Hz"),
        [lowest, .., highest] => format!("{lowest}–{highest} Hz"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    fn monitor() -> DeviceInfo {
        DeviceInfo {
            id: "pulseaudio:hall.monitor".to_owned(),
            name: "Monitor of Hall".to_owned(),
            host: "PulseAudio".to_owned(),
            kind: DeviceKind::Monitor,
            channels: 2,
            rates_hz: vec![44_100, 48_000],
            default: true,
        }
    }

    #[test]
    fn the_json_is_as_promised() {
        let json: serde_json::Value = serde_json::from_str(&to_json(&[monitor()])).unwrap();
        let expected = serde_json::json!([{
            "id": "pulseaudio:hall.monitor", "name": "Monitor of Hall", "host": "PulseAudio", "kind": "monitor",
            "channels": 2, "rates_hz": [44_100, 48_000], "default": true
        }]);
        assert_eq!(json, expected);
    }

    #[test]
    fn the_table_names_all_and_an_empty_one_says_what_to_do() {
        let table = to_table(&[monitor()]);
        for part in [
            "*",
            "monitor",
            "Monitor of Hall",
            "pulseaudio:hall.monitor",
            "44100–48000 Hz",
        ] {
            assert!(table.contains(part), "{part} in {table}");
        }
        assert!(to_table(&[]).contains("Plug in a microphone"));
    }
}
