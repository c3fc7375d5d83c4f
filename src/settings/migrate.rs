//! Settings of older versions, brought to the form of today one step at a time.
//!
//! In: the text of a file. Out: the same settings in today's form, or why not. Thread: any.

use serde_json::{Map, Value, json};

/// A file's settings, whatever its version.
type Document = Map<String, Value>;
/// From the form of one version to that of the next.
type Step = fn(Document) -> Document;

/// The first leads from version 1 to 2, and so on; a new form of the file is a new step at the end.
const STEPS: [Step; 1] = [give_the_input_its_channel];
/// The form of the file that this program writes.
pub const VERSION: u32 = 1 + STEPS.len() as u32;

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot be understood.
    Broken(String),
    /// A newer program wrote it, in the form of this version.
    Newer(u64),
}

/// The settings of a file in today's form; the version first: another form may differ in anything else.
///
/// # Errors
/// If the text is no JSON object with a version, or of a version that is newer than [`VERSION`] or never was.
pub(super) fn to_today(text: &str) -> Result<Value, Refusal> {
    let broken = |error: serde_json::Error| Refusal::Broken(error.to_string());
    let mut document: Document = serde_json::from_str(text).map_err(broken)?;
    let version = match document.get("version").map(Value::as_u64) {
        Some(Some(version)) => version,
        Some(None) => return Err(Refusal::Broken(format!("their version is {}", document["version"]))),
        None => return Err(Refusal::Broken("they have no version".to_owned())),
    };
    if version > u64::from(VERSION) {
        return Err(Refusal::Newer(version));
    }
    let Some(taken) = version.checked_sub(1) else {
        return Err(Refusal::Broken("their version is 0, which never was".to_owned()));
    };
    for step in &STEPS[taken as usize..] {
        document = step(document);
    }
    document.insert("version".to_owned(), json!(VERSION));
    Ok(Value::Object(document))
}

/// 1 → 2: a channel is one of its device, so that another device does not get it too: `device` and `channel` become
/// `input`. A channel without a device was of no use.
fn give_the_input_its_channel(mut document: Document) -> Document {
    let (device, channel) = (document.remove("device"), document.remove("channel"));
    if let Some(device) = device.filter(|device| !device.is_null()) {
        let input = json!({"device": device, "channel": channel});
        document.insert("input".to_owned(), input);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(value: Value) -> Document {
        match value {
            Value::Object(document) => document,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn from_1_to_2_a_channel_goes_with_its_device() {
        let step = |value| Value::Object(give_the_input_its_channel(document(value)));
        assert_eq!(
            step(json!({"theme": "dark", "device": "alsa:hw:1", "channel": 3})),
            json!({"theme": "dark", "input": {"device": "alsa:hw:1", "channel": 3}})
        );
        assert_eq!(
            step(json!({"device": "alsa:hw:1"})),
            json!({"input": {"device": "alsa:hw:1", "channel": null}})
        );
        assert_eq!(
            step(json!({"device": null, "channel": 3, "zoom": 2.0})),
            json!({"zoom": 2.0})
        );
    }

    #[test]
    fn every_older_version_comes_to_today_and_today_stays_as_it_is() {
        for version in 1..=VERSION {
            let text = format!("{{\"version\": {version}, \"theme\": \"light\"}}");
            let wanted = json!({"version": VERSION, "theme": "light"});
            assert_eq!(to_today(&text), Ok(wanted), "from version {version}");
        }
    }

    #[test]
    fn what_is_newer_or_never_was_is_refused() {
        let newer = u64::from(VERSION) + 1;
        assert_eq!(
            to_today(&format!("{{\"version\": {newer}}}")),
            Err(Refusal::Newer(newer))
        );
        for text in [
            "{\"version\": 0}",
            "{\"version\": -1}",
            "{\"version\": \"2\"}",
            "{}",
            "[]",
            "{",
        ] {
            assert!(matches!(to_today(text), Err(Refusal::Broken(_))), "{text}");
        }
    }
}
