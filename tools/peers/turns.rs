//! The work of one row, done by every peer in each of the forms that it offers, in turn with ours.

use crate::process::{PeerProcess, peer_error};
use attune_lab::bench::Effort;
use attune_lab::bench::measure::{Times, quantile};
use attune_lab::bench::peers::{PeerError, PeerRow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How far logits may lie apart, as a share of 1 + the largest of ours. Sums of f32 in another order through ten layers
/// differ by some 1e-5; a wrong gate, index or window moves logits by tenths.
const TOLERANCE: f64 = 1e-3;
/// The same for losses: the second one is that after a step of AdamW, which is as large as the rate wherever a gradient
/// is not zero, whatever its size; rounding can turn the sign of the smallest.
const LOSS_TOLERANCE: f64 = 1e-3;
/// Decibels that log-mel may lie apart where there is sound: f32 spectra reach about 100 dB below the loudest band.
const MEL_TOLERANCE: f64 = 0.1;
/// Levels below are raised to it: there the rounding of the transform outweighs the sound.
const MEL_FLOOR: f64 = -60.0;
/// A form that takes this many times as long as the same peer's fastest is measured no further.
const TOO_SLOW: f64 = 1.5;

/// What is done.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Steps of `block` frames.
    Step { bands: usize, block: usize },
    /// Log-mel.
    Mel { spec: Value, input: PathBuf },
    /// Training steps.
    Train { open: Value, threads: usize },
}

#[derive(Debug)]
struct Form {
    peer: String,
    number: usize,
    times: Times,
    /// Median of the last round, in seconds; none before the first.
    last: Option<f64>,
    is_dropped: bool,
}

/// One row of every peer.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    peers: &'a mut PeerProcess,
    name: String,
    forms: Vec<Form>,
    kind: Kind,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(peers: &'a mut PeerProcess, name: &str, forms: Vec<(String, usize)>, kind: Kind) -> Self {
        let forms = forms
            .into_iter()
            .map(|(peer, number)| Form {
                peer,
                number,
                times: Times::default(),
                last: None,
                is_dropped: false,
            })
            .collect();
        Self {
            peers,
            name: name.to_owned(),
            forms,
            kind,
        }
    }

    /// The result of one form: logits of the last `keep` frames of `input`, log-mel, or the losses of two steps.
    fn rows(&mut self, place: usize, input: Option<&PathBuf>, keep: usize) -> Result<Vec<f64>, PeerError> {
        let form = &self.forms[place];
        let request = match &self.kind {
            Kind::Step { .. } => json!({
                "op": "push", "peer": form.peer, "form": form.number, "input": input, "keep": keep,
            }),
            Kind::Mel { spec, input } => json!({
                "op": "mel_open", "peer": form.peer, "spec": spec, "input": input, "keep": keep,
            }),
            Kind::Train { open, .. } => open.clone(),
        };
        let reply = self.peers.request(&request)?;
        let rows = match &self.kind {
            Kind::Train { .. } => return numbers(&reply["losses"]),
            _ => reply["rows"].as_array(),
        };
        let rows = rows.ok_or_else(|| peer_error("a reply without rows"))?;
        Ok(rows.iter().map(numbers).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn check(&self, place: usize, ours: &[f64], theirs: &[f64], tolerance: f64) -> Result<(), PeerError> {
        let Form { peer, number, .. } = &self.forms[place];
        let wrong = |what: String| {
            PeerError::new(
                format!("{}: {peer} (form {number}) {what}: nothing is timed", self.name),
                "this is a mistake in one of the two programs: please report it",
            )
        };
        if ours.len() != theirs.len() {
            return Err(wrong(format!(
                "gives {} numbers where we give {}",
                theirs.len(),
                ours.len()
            )));
        }
        let difference = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
        let worst = ours.iter().zip(theirs).map(difference).fold(0.0, f64::max);
        if worst > tolerance {
            return Err(wrong(format!(
                "differs from us by {worst:.2e}, more than {tolerance:.2e}"
            )));
        }
        Ok(())
    }

    fn drop_slow_forms(&mut self) {
        let mut best: BTreeMap<String, f64> = BTreeMap::new();
        for form in self.forms.iter().filter(|form| !form.is_dropped) {
            let last = form.last.unwrap_or(f64::INFINITY);
            let best = best.entry(form.peer.clone()).or_insert(last);
            *best = best.min(last);
        }
        for form in &mut self.forms {
            form.is_dropped |= form.last.is_some_and(|last| last > TOO_SLOW * best[&form.peer]);
        }
    }
}

impl PeerRow for Turns<'_> {
    fn compare_steps(&mut self, input: &[f32], ours: &[f32]) -> Result<(), PeerError> {
        let Kind::Step { bands, block } = self.kind else {
            return Err(peer_error("this row has no steps"));
        };
        let path = self.peers.write_x(input, &[input.len() / bands, bands])?;
        let scale = 1.0 + ours.iter().fold(0.0, |top: f64, x| top.max(f64::from(x.abs())));
        for place in 0..self.forms.len() {
            let theirs = self.rows(place, Some(&path), block)?;
            self.check(place, &widened(ours), &theirs, TOLERANCE * scale)?;
        }
        Ok(())
    }

    fn compare_mel(&mut self, ours: &[f32], bands: usize) -> Result<(), PeerError> {
        for place in 0..self.forms.len() {
            let theirs = self.rows(place, None, ours.len() / bands)?;
            let audible = |values: &[f64]| values.iter().map(|level| level.max(MEL_FLOOR)).collect::<Vec<_>>();
            self.check(place, &audible(&widened(ours)), &audible(&theirs), MEL_TOLERANCE)?;
        }
        Ok(())
    }

    fn compare_losses(&mut self, ours: &[f32]) -> Result<(), PeerError> {
        for place in 0..self.forms.len() {
            let theirs = self.rows(place, None, 0)?;
            let scale = 1.0 + f64::from(ours.first().copied().unwrap_or(0.0));
            self.check(place, &widened(ours), &theirs, LOSS_TOLERANCE * scale)?;
        }
        Ok(())
    }

    fn time(&mut self, effort: Effort, counts: bool) -> Result<(), PeerError> {
        for place in 0..self.forms.len() {
            let form = &self.forms[place];
            if form.is_dropped {
                continue;
            }
            let runs = form.last.map_or(effort.fewest, |seconds| {
                ((effort.patience.as_secs_f64() / seconds) as usize).clamp(effort.fewest, 5_000)
            });
            let request = match &self.kind {
                Kind::Step { .. } => json!({"op": "time", "peer": form.peer, "form": form.number, "runs": runs}),
                Kind::Mel { .. } => json!({"op": "mel_time", "peer": form.peer, "runs": runs}),
                Kind::Train { threads, .. } => {
                    json!({"op": "train", "runs": runs, "threads": threads, "fresh": false})
                }
            };
            let mut seconds = numbers(&self.peers.request(&request)?["seconds"])?;
            seconds.sort_by(f64::total_cmp);
            if seconds.is_empty() {
                return Err(peer_error("a reply without times"));
            }
            let form = &mut self.forms[place];
            form.last = Some(quantile(&seconds, 0.5));
            if counts {
                form.times.add(seconds);
            }
        }
        self.drop_slow_forms();
        Ok(())
    }

    fn best(&self) -> BTreeMap<String, Times> {
        let mut best: BTreeMap<String, (f64, Times)> = BTreeMap::new();
        for form in self.forms.iter().filter(|form| !form.is_dropped) {
            let Some(median) = form.times.median() else { continue };
            let entry = best
                .entry(form.peer.clone())
                .or_insert((f64::INFINITY, Times::default()));
            if median < entry.0 {
                *entry = (median, form.times.clone());
            }
        }
        best.into_iter().map(|(peer, (_, times))| (peer, times)).collect()
    }
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// A list of numbers; NaN, which arrives as null, included.
fn numbers(list: &Value) -> Result<Vec<f64>, PeerError> {
    let list = list.as_array().ok_or_else(|| peer_error("a reply without numbers"))?;
    Ok(list.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect())
}
