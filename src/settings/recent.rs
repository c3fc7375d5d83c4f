//! Sources that were opened before, newest first.
//!
//! In: what is opened. Out: a short list. Thread: any.

use serde::{Deserialize, Serialize};

/// How many are kept.
const MOST: usize = 8;

/// A source that was open before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentSource {
    /// A device, or else a file.
    pub is_device: bool,
    /// Stable id of the device, or path of the file.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Those opened last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentSources(Vec<RecentSource>);

impl RecentSources {
    /// This one was opened just now.
    pub fn add(&mut self, source: RecentSource) {
        self.0.retain(|known| known.id != source.id);
        self.0.insert(0, source);
        self.0.truncate(MOST);
    }

    /// All of them, newest first.
    pub fn all(&self) -> &[RecentSource] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_kept_once_the_newest_first() {
        let mut recent = RecentSources::default();
        for id in (0..12).chain([10]) {
            recent.add(RecentSource {
                is_device: false,
                id: id.to_string(),
                name: String::new(),
            });
        }
        let ids: Vec<&str> = recent.all().iter().map(|source| source.id.as_str()).collect();
        assert_eq!(ids, ["10", "11", "9", "8", "7", "6", "5", "4"]);
    }
}
