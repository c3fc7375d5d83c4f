//! An evaluation as one JSON document.

use attune_model::genre::GenreSet;
use attune_train::evaluate::{ConditionMetrics, Evaluation, Metrics, MetricsAt, ModelMetrics};
use serde_json::{Map, Value, json};

/// All of it. `engines` has what scripts rely on; sections that were not asked for are left out.
pub(super) fn of(evaluation: &Evaluation, genres: &GenreSet) -> Value {
    let engines: Map<String, Value> = evaluation
        .models
        .iter()
        .map(|figures| (figures.name.clone(), engine(figures, genres)))
        .collect();
    let agreement: Vec<Value> = evaluation
        .agreement
        .iter()
        .map(|pair| json!({ "engines": pair.models, "share": pair.share }))
        .collect();
    let mut document = json!({
        "clips": evaluation.clips,
        "failed": evaluation.failed,
        "engines": engines,
        "agreement": agreement,
    });
    if !evaluation.rejected_music.is_empty() {
        let false_genre: Map<String, Value> = evaluation
            .false_genre
            .iter()
            .map(|(label, rate)| ((*label).to_owned(), json!(rate)))
            .collect();
        let rejected: Map<String, Value> = evaluation
            .rejected_music
            .iter()
            .map(|(label, rate)| (label.clone(), json!(rate)))
            .collect();
        document["rejection"] = json!({ "false_genre": false_genre, "rejected_music": rejected });
    }
    document
}

fn engine(engine: &ModelMetrics, genres: &GenreSet) -> Value {
    let whole = &engine.whole;
    let per_class: Map<String, Value> = genres
        .ids()
        .zip(whole.per_class())
        .map(|(id, share)| (genres.label(id).to_owned(), json!(share)))
        .collect();
    let mut document = json!({
        "accuracy": whole.accuracy,
        "interval95": whole.interval95,
        "macro_accuracy": whole.macro_accuracy,
        "ece": whole.ece,
        "nll": whole.nll,
        "per_class": per_class,
        "confusion": whole.confusion,
        "calibration": {
            "temperature": engine.temperature,
            "before": calibrated(&engine.before),
            "after": calibrated(whole),
            "ece_by_chance": engine.chance_ece,
            "fitted_temperature": engine.fitted_temperature,
            "fitted": calibrated(&engine.fitted),
            "bins": whole.bins,
            "bins_before": engine.before.bins,
        },
        "seconds": engine.at_marks.iter().map(moment).collect::<Vec<_>>(),
    });
    if let Some(by_group) = &engine.by_group {
        document["by_group"] = json!(by_group);
    }
    if !engine.conditions.is_empty() {
        let mut conditions = Map::new();
        conditions.insert("clean".to_owned(), shares(whole));
        for condition in &engine.conditions {
            conditions.insert(condition.name.to_owned(), under(condition));
        }
        document["conditions"] = Value::Object(conditions);
    }
    if let Some(shown) = &engine.timeline {
        document["shown"] = json!(shown);
    }
    if let Some(changes) = &engine.changes {
        document["changes"] = json!(changes);
    }
    document
}

fn calibrated(figures: &Metrics) -> Value {
    json!({ "ece": figures.ece, "nll": figures.nll })
}

fn shares(figures: &Metrics) -> Value {
    json!({
        "clips": figures.clips,
        "accuracy": figures.accuracy,
        "interval95": figures.interval95,
        "macro_accuracy": figures.macro_accuracy,
        "ece": figures.ece,
        "nll": figures.nll,
    })
}

fn moment(moment: &MetricsAt) -> Value {
    let mut document = shares(&moment.metrics);
    document["seconds"] = json!(moment.seconds);
    document["ece_before"] = json!(moment.before.ece);
    document["ece_by_chance"] = json!(moment.chance_ece);
    document
}

fn under(condition: &ConditionMetrics) -> Value {
    let mut document = shares(&condition.metrics);
    document["difference"] = json!(condition.difference.difference);
    document["difference_interval95"] = json!(condition.difference.interval95);
    document
}
