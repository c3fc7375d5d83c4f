//! JAMS, a JSON form for annotations of music (Humphrey et al. 2014, ISMIR), version 0.3: the answer as a tag, the
//! merged segments, and the ensemble's probabilities as vectors.

use super::json::rounded;
use crate::Analysis;
use attune_model::genre::GTZAN;
use serde_json::{Value, json};

/// The version of the schema.
const JAMS_VERSION: &str = "0.3.5";

/// The tag of a label: GTZAN's own words have a namespace, in which hip hop is written with a hyphen.
fn tag(label: &str) -> &str {
    if label == "hiphop" { "hip-hop" } else { label }
}

fn annotation(of: &Analysis, namespace: &str, data: &Value, sandbox: &Value) -> Value {
    json!({
        "namespace": namespace,
        "data": data,
        "annotation_metadata": {
            "annotation_tools": of.provenance.program,
            "data_source": "program",
            "version": env!("CARGO_PKG_VERSION"),
            "annotator": {},
            "corpus": "",
            "annotation_rules": "",
            "validation": "",
            "curator": {"name": "", "email": ""},
        },
        "time": 0.0,
        "duration": of.report.source.duration_s,
        "sandbox": sandbox,
    })
}

pub(super) fn write(of: &Analysis) -> Result<Vec<u8>, serde_json::Error> {
    let duration = of.report.source.duration_s;
    let labels = of.genres.labels();
    let namespace = if labels == GTZAN { "tag_gtzan" } else { "tag_open" };
    let word = |label: &str| {
        if namespace == "tag_gtzan" {
            tag(label).to_owned()
        } else {
            label.to_owned()
        }
    };
    let mut annotations = Vec::new();
    if let Some(genre) = &of.report.answer.genre {
        let whole = json!([{
            "time": 0.0, "duration": duration, "value": word(genre), "confidence": of.report.answer.confidence,
        }]);
        annotations.push(annotation(of, namespace, &whole, &json!({})));
    }
    let segments = of.segments.iter().map(|segment| {
        let value = segment.genre.as_deref().map_or_else(|| segment.state.to_owned(), word);
        json!({
            "time": segment.start_s,
            "duration": segment.end_s - segment.start_s,
            "value": value,
            "confidence": segment.confidence,
        })
    });
    annotations.push(annotation(of, "segment_open", &segments.collect(), &json!({})));
    // A frame's time is the end of its window: it says what could be known by then.
    let hop = of.provenance.front_end.hop().0;
    let vectors = (0..of.hops.len()).map(|frame| {
        json!({
            "time": of.hops.at_s[frame],
            "duration": hop,
            "value": of.hops.ensemble_at(frame).iter().map(|p| rounded(*p)).collect::<Vec<_>>(),
            "confidence": rounded(of.hops.confidence[frame]),
        })
    });
    let order =
        json!({"values": labels.iter().map(|label| word(label)).collect::<Vec<_>>(), "of": "ensemble, smoothed"});
    annotations.push(annotation(of, "vector", &vectors.collect(), &order));
    let mut bytes = serde_json::to_vec(&json!({
        "file_metadata": {
            "title": of.name(),
            "artist": "",
            "release": "",
            "duration": duration,
            "identifiers": of.provenance.source_sha256.as_ref().map_or(json!({}), |digest| json!({"sha256": digest})),
            "jams_version": JAMS_VERSION,
        },
        "annotations": annotations,
        "sandbox": {"answer": of.report.answer, "provenance": of.provenance},
    }))?;
    bytes.push(b'\n');
    Ok(bytes)
}
