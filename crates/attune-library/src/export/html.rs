//! One page that needs nothing else: plots of what is answered when, and a player that moves a cursor over them.
//!
//! The sound is part of the page if a browser can play it and it is not too long; otherwise the page asks for it. What
//! comes from outside stands in the page as escaped text or as JSON without `<`, and a content security policy allows
//! no script but the page's own, and no connection.

use super::{json, picture};
use crate::Analysis;
use attune_audio::units::Seconds;
use attune_engine::picture::{base64, escaped};
use attune_engine::text::Printable;
use attune_model::genre::GenreId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Points of a line.
const POINTS: usize = 1600;
/// The largest file that becomes part of the page, in bytes.
const LARGEST_SOUND: u64 = 24 << 20;

pub(super) fn write(of: &Analysis) -> Result<Vec<u8>, serde_json::Error> {
    // `<` is the one character that could end a script element.
    let data = serde_json::to_string(&data(of))?.replace('<', "\\u003c");
    let answer = &of.report.answer;
    let said = of.title(answer.state, answer.genre.as_deref());
    let sure = answer.confidence.filter(|_| answer.genre.is_some());
    let heading = sure.map_or(said.clone(), |sure| format!("{said} {:.0} %", 100.0 * sure));
    let source = sound(of).map_or(String::new(), |url| format!(" src=\"{url}\""));
    let policy = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
    let facts = [
        ("Length", Seconds(of.report.source.duration_s).clock()),
        ("Decoder", of.report.source.decoder.clone()),
        ("Program", of.provenance.program.to_owned()),
        ("SHA-256", of.provenance.source_sha256.clone().unwrap_or_default()),
    ];
    let models = of.provenance.models.iter();
    let models = models.map(|model| ("Model", format!("{} {}", model.name, model.sha256)));
    let rows = facts.into_iter().chain(models).map(|(name, value)| {
        format!(
            "<tr><th>{name}</th><td>{}</td></tr>\n",
            escaped(&Printable(value).to_string())
        )
    });
    let sentences = of.why.as_ref().map_or_else(Vec::new, |why| why.sentences(&of.genres));
    let sentences = sentences.iter().map(|text| format!("<p>{}</p>\n", escaped(text)));
    // Each place is filled once, in order: what is filled in is not looked at again.
    let filled = [
        ("{style_policy}", policy(STYLE)),
        ("{script_policy}", policy(SCRIPT)),
        ("{title}", escaped(&format!("{}: {heading}", of.name()))),
        ("{style}", STYLE.to_owned()),
        ("{name}", escaped(&of.name())),
        ("{answer}", escaped(&heading)),
        ("{reason}", escaped(&Printable(&answer.reason).to_string())),
        ("{source}", source),
        ("{why}", sentences.collect::<Vec<_>>().concat()),
        ("{facts}", rows.collect::<Vec<_>>().concat()),
        ("{data}", data),
        ("{script}", SCRIPT.to_owned()),
    ];
    let mut page = String::with_capacity(PAGE.len());
    let mut rest = PAGE;
    for (place, value) in &filled {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(value);
        rest = after;
    }
    page.push_str(rest);
    Ok(page.into_bytes())
}

/// What the script draws.
fn data(of: &Analysis) -> Value {
    let colour = |id: GenreId| {
        let [red, green, blue] = of.genres.colour(id);
        format!("#{red:02x}{green:02x}{blue:02x}")
    };
    let segments = of.segments.iter().map(|segment| {
        json!({
            "start": segment.start_s,
            "end": segment.end_s,
            "title": of.title_of(segment),
            "confidence": segment.genre.as_ref().map(|_| segment.confidence),
            "colour": segment.genre.as_deref().and_then(|label| of.genres.find(label)).map(colour),
        })
    });
    let lines = picture::most_probable(of).into_iter().map(|id| {
        json!({
            "title": Printable(of.genres.title(id)).to_string(),
            "colour": colour(id),
            "points": picture::line(of, id, POINTS),
        })
    });
    let why = of.why.as_ref().map(|why| {
        let it = &why.explanation;
        let added = it.ensemble.contributions(usize::from(why.class.0));
        let bars = it.segments.iter().zip(added).map(|(&segment, points)| {
            let (from, to) = it.back(segment);
            let attention: f32 = it.attention.iter().map(|report| it.attention_at(report, segment)).sum();
            json!([
                why.at.0 - from,
                why.at.0 - to,
                json::rounded(points),
                json::rounded(attention)
            ])
        });
        json!({"title": of.genres.title(why.class), "bars": bars.collect::<Vec<_>>()})
    });
    json!({
        "duration": of.report.source.duration_s,
        "segments": segments.collect::<Vec<_>>(),
        "lines": lines.collect::<Vec<_>>(),
        "why": why,
    })
}

/// The sound as a `data:` URL; `None` if it is too large, cannot be read again, or has no form that browsers play.
fn sound(of: &Analysis) -> Option<String> {
    of.provenance.source_bytes.filter(|bytes| *bytes <= LARGEST_SOUND)?;
    let bytes = std::fs::read(&of.path).ok()?;
    let kind = media_type(&bytes)?;
    Some(format!("data:{kind};base64,{}", base64(&bytes)))
}

/// By the first bytes: names of files may say anything.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    let is_frame = bytes.first() == Some(&0xff) && bytes.get(1).is_some_and(|byte| byte & 0xe6 == 0xe2);
    if begins(b"ID3") || is_frame {
        Some("audio/mpeg")
    } else if begins(b"OggS") {
        Some("audio/ogg")
    } else if begins(b"fLaC") {
        Some("audio/flac")
    } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"WAVE") {
        Some("audio/wav")
    } else if bytes.get(4..8) == Some(b"ftyp") {
        Some("audio/mp4")
    } else {
        None
    }
}
