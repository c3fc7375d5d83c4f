//! An evaluation as one JSON document.

use attune_model::genre::{GenreId, GenreSet};
use attune_train::evaluate::{
    ByGroup, ConditionMetrics, Evaluation, Metrics, MetricsAt, ModelMetrics, PairedDifference, Recalls,
};
use serde_json::{Map, Value, json};

/// All of it. Scripts rely on `engines`; sections that were not requested are left out. `focus`: a class of special
/// interest.
pub(super) fn of(evaluation: &Evaluation, genres: &GenreSet, focus: Option<GenreId>) -> Value {
    let models: Map<String, Value> = evaluation
        .models
        .iter()
        .map(|model| (model.name.clone(), metrics(model, genres, focus)))
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
    if let Some(why) = &evaluation.left_out {
        document["left_out"] = json!(why);
    }
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
    if let Some(unfamiliar) = &evaluation.unfamiliar {
        document["unfamiliar"] = json!(unfamiliar);
    }
    document
}

fn metrics(model: &ModelMetrics, genres: &GenreSet, focus: Option<GenreId>) -> Value {
    let whole = &model.whole;
    let focused = |metrics: &Metrics, recalls: &Recalls| focus.map(|class| focus_of(class, genres, metrics, recalls));
    let per_class: Map<String, Value> = genres
        .ids()
        .zip(whole.per_class())
        .map(|(id, share)| (genres.label(id).to_owned(), json!(share)))
        .collect();
    let mut document = json!({
        "accuracy": whole.accuracy,
        "interval95": whole.interval95,
        "macro_accuracy": whole.macro_accuracy,
        "macro": model.recalls.mean,
        "recall": recall(model, genres),
        "confident_wrong": model.confident_wrong,
        "displayed": whole.displayed,
        "displayed_wrong": whole.displayed_wrong,
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
    if let Some(rise) = &model.rise {
        document["rise"] = json!({ "from_s": rise.from, "to_s": rise.to, "all": rise.all });
    }
    if let Some(focused) = focused(whole, &model.recalls) {
        document["focus"] = focused;
    }
    if !model.conditions.is_empty() {
        let mut conditions = Map::new();
        let mut clean = shares(whole, model.by_group.as_ref(), &model.recalls);
        if let Some(focused) = focused(whole, &model.recalls) {
            clean["focus"] = focused;
        }
        conditions.insert("clean".to_owned(), clean);
        for condition in &model.conditions {
            let mut document = under(condition);
            if let Some(focused) = focused(&condition.metrics, &condition.recalls) {
                document["focus"] = focused;
            }
            conditions.insert(condition.name.to_owned(), document);
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

fn shares(metrics: &Metrics, by_group: Option<&ByGroup>, recalls: &Recalls) -> Value {
    json!({
        "clips": metrics.clips,
        "accuracy": metrics.accuracy,
        "interval95": metrics.interval95,
        "by_group": by_group,
        "macro_accuracy": metrics.macro_accuracy,
        "macro": recalls.mean,
        "confident_wrong": metrics.confident_wrong,
        "displayed": metrics.displayed,
        "displayed_wrong": metrics.displayed_wrong,
        "ece": metrics.ece,
        "nll": metrics.nll,
    })
}

fn at_mark(at: &MetricsAt) -> Value {
    let mut document = shares(&at.metrics, at.by_group.as_ref(), &at.recalls);
    document["seconds"] = json!(at.seconds);
    document["ece_before"] = json!(at.before.ece);
    document["ece_by_chance"] = json!(at.chance_ece);
    document
}

fn under(condition: &ConditionMetrics) -> Value {
    let mut document = shares(&condition.metrics, condition.by_group.as_ref(), &condition.recalls);
    document["difference"] = json!(condition.difference.difference);
    document["difference_interval95"] = json!(condition.difference.interval95);
    document
}

/// Recall of each class: of whole clips, by seconds, and how it changes with them.
fn recall(model: &ModelMetrics, genres: &GenreSet) -> Value {
    let each = genres.ids().map(|id| {
        let class = usize::from(id.0);
        let seconds: Vec<Value> = model
            .at_marks
            .iter()
            .filter_map(|at| {
                let mut document = json!(at.recalls.per_class[class]?);
                document["seconds"] = json!(at.seconds);
                Some(document)
            })
            .collect();
        let rise: Option<PairedDifference> = model.rise.as_ref().and_then(|rise| rise.per_class[class]);
        let document = json!({ "whole": model.recalls.per_class[class], "seconds": seconds, "rise": rise });
        (genres.label(id).to_owned(), document)
    });
    Value::Object(each.collect())
}

/// Recall of one class, and the share of all others that are taken for it.
fn focus_of(class: GenreId, genres: &GenreSet, metrics: &Metrics, recalls: &Recalls) -> Value {
    json!({
        "genre": genres.label(class),
        "recall": recalls.per_class[usize::from(class.0)],
        "taken_for_it": metrics.taken_for(class),
    })
}
