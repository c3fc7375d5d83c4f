//! An evaluation as one JSON document.

use attune_model::genre::GenreSet;
use attune_train::evaluate::{ConditionMetrics, Evaluation, Metrics, MetricsAt, ModelMetrics};
use serde_json::{Map, Value, json};

/// All of it. Scripts rely on `engines`; sections that were not requested are left out.
pub(super) fn of(evaluation: &Evaluation, genres: &GenreSet) -> Value {
    let models: Map<String, Value> = evaluation
        .models
        .iter()
        .map(|model| (model.name.clone(), metrics(model, genres)))
        .collect();
    let agreement: Vec<Value> = evaluation
        .agreement
        .iter()
        .map(|pair| json!({ "engines": pair.models, "share": pair.share }))
        .collect();
    let mut document = json!({
        "clips": evaluation.clips,
        "failed": evaluation.failed,
        "engines": models,
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

fn metrics(model: &ModelMetrics, genres: &GenreSet) -> Value {
    let whole = &model.whole;
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
            "temperature": model.temperature,
            "before": calibrated(&model.before),
            "after": calibrated(whole),
            "ece_by_chance": model.chance_ece,
            "fitted_temperature": model.fitted_temperature,
            "fitted": calibrated(&model.fitted),
            "bins": whole.bins,
            "bins_before": model.before.bins,
        },
        "seconds": model.at_marks.iter().map(at_mark).collect::<Vec<_>>(),
    });
    if let Some(by_group) = &model.by_group {
        document["by_group"] = json!(by_group);
    }
    if !model.conditions.is_empty() {
        let mut conditions = Map::new();
        conditions.insert("clean".to_owned(), shares(whole));
        for condition in &model.conditions {
            conditions.insert(condition.name.to_owned(), under(condition));
        }
        document["conditions"] = Value::Object(conditions);
    }
    if let Some(shown) = &model.timeline {
        document["shown"] = json!(shown);
    }
    if let Some(changes) = &model.changes {
        document["changes"] = json!(changes);
    }
    document
}

fn calibrated(metrics: &Metrics) -> Value {
    json!({ "ece": metrics.ece, "nll": metrics.nll })
}

fn shares(metrics: &Metrics) -> Value {
    json!({
        "clips": metrics.clips,
        "accuracy": metrics.accuracy,
        "interval95": metrics.interval95,
        "macro_accuracy": metrics.macro_accuracy,
        "ece": metrics.ece,
        "nll": metrics.nll,
    })
}

fn at_mark(at: &MetricsAt) -> Value {
    let mut document = shares(&at.metrics);
    document["seconds"] = json!(at.seconds);
    document["ece_before"] = json!(at.before.ece);
    document["ece_by_chance"] = json!(at.chance_ece);
    document
}

fn under(condition: &ConditionMetrics) -> Value {
    let mut document = shares(&condition.metrics);
    document["difference"] = json!(condition.difference.difference);
    document["difference_interval95"] = json!(condition.difference.interval95);
    document
}
