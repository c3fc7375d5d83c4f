//! What each clip was answered: a line for each, as a table for a spreadsheet.
//!
//! In: answers. Out: comma-separated values. Thread: any.

use attune_engine::table;
use attune_model::genre::{GenreId, GenreSet, Probabilities};

/// One clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipRow {
    /// Its line in the table that named it; rows are listed in this order.
    pub line: u64,
    /// Path or key, as the table has it.
    pub name: String,
    /// Its label, as scripts see it.
    pub label: String,
    /// Its class; none if it is no music.
    pub truth: Option<GenreId>,
    /// Its group; empty without.
    pub group: String,
    /// How long it is.
    pub seconds: f64,
    /// State of the displayed answer to the whole clip (`genre`, `unsure`, …).
    pub state: &'static str,
    /// The genre that is displayed, if one is.
    pub displayed: Option<GenreId>,
    /// The probabilities for the whole clip: each model's and, last, the ensemble's; empty if nothing was audible.
    pub answers: Vec<Probabilities>,
}

impl ClipRow {
    /// Whether the most probable class is the true one; of what is no music, whether no genre is displayed.
    fn is_right(&self) -> bool {
        match (self.truth, self.answers.last()) {
            (Some(truth), Some(answer)) => answer.top().0 == truth,
            (Some(_), None) => false,
            (None, _) => self.displayed.is_none(),
        }
    }

    /// Answer, its probability, and that of the truth.
    fn answer(&self, of: Option<&Probabilities>, genres: &GenreSet) -> [String; 3] {
        let Some(of) = of else { return Default::default() };
        let (answer, confidence) = of.top();
        let truth = self.truth.map_or(String::new(), |truth| format!("{:.4}", of.of(truth)));
        [genres.label(answer).to_owned(), format!("{confidence:.4}"), truth]
    }
}

/// All rows as comma-separated values with a heading. `models` names those that the answers are of, without the
/// ensemble.
pub fn clips_csv(rows: &[ClipRow], models: &[&str], genres: &GenreSet) -> String {
    let columns = [
        "path",
        "label",
        "group",
        "seconds",
        "answer",
        "confidence",
        "probability",
        "right",
        "state",
        "displayed",
    ];
    let mut heading: Vec<String> = columns.map(str::to_owned).to_vec();
    for model in models {
        heading.extend(["answer", "confidence", "probability"].map(|what| format!("{model}_{what}")));
    }
    let mut order: Vec<&ClipRow> = rows.iter().collect();
    order.sort_by_key(|row| row.line);
    let each = order.into_iter().map(|row| {
        let mut fields = vec![
            row.name.clone(),
            row.label.clone(),
            row.group.clone(),
            format!("{:.3}", row.seconds),
        ];
        fields.extend(row.answer(row.answers.last(), genres));
        let displayed = row.displayed.map_or("", |genre| genres.label(genre));
        fields.extend([row.is_right().to_string(), row.state.to_owned(), displayed.to_owned()]);
        for model in 0..models.len() {
            fields.extend(row.answer(row.answers.get(model), genres));
        }
        fields
    });
    table::csv(std::iter::once(heading).chain(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_clip_in_the_tables_order() {
        let genres = GenreSet::gtzan();
        let p = |class: usize, share: f32| {
            let mut all = vec![(1.0 - share) / 9.0; 10];
            all[class] = share;
            Probabilities::from_slice(&all)
        };
        let music = ClipRow {
            line: 3,
            name: "=cmd()|' /C calc'!A0".to_owned(),
            label: "rock".to_owned(),
            truth: genres.find("rock"),
            group: "Who, The".to_owned(),
            seconds: 29.93,
            state: "genre",
            displayed: genres.find("rock"),
            answers: vec![p(9, 0.7), p(6, 0.6), p(9, 0.55)],
        };
        let speech = ClipRow {
            line: 2,
            name: "voice.wav".to_owned(),
            label: "speech".to_owned(),
            truth: None,
            group: String::new(),
            seconds: 2.0,
            state: "speech",
            displayed: None,
            answers: Vec::new(),
        };
        let text = clips_csv(&[music, speech], &["lstm", "tcn"], &genres);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with(
            "right,state,displayed,lstm_answer,lstm_confidence,lstm_probability,tcn_answer,tcn_confidence,tcn_probability"
        ));
        assert_eq!(lines[1], "voice.wav,speech,,2.000,,,,true,speech,,,,,,,");
        // What a spreadsheet would take for a formula is text.
        assert_eq!(
            lines[2],
            "'=cmd()|' /C calc'!A0,rock,\"Who, The\",29.930,rock,0.5500,0.5500,true,genre,rock,\
             rock,0.7000,0.7000,metal,0.6000,0.0444"
        );
    }
}
