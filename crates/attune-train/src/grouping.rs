//! What must stay whole when clips are split, read from file names; and which side a group is on.
//!
//! In: paths. Out: groups and folds. Thread: any.

use super::split::Fold;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

/// How the group of a file is read from its path. Files of one group (a recording, a speaker, a record) sound alike, so
/// they are never on both sides of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRule {
    /// The artist that the file's tags name; who plays on one piece with another belongs to the same group.
    Artist,
    /// The album that the file's tags name.
    Album,
    /// The name of the folder that the file is in.
    Folder,
    /// The n-th field (from 1) of the file's name without extension, cut at a separator.
    Field {
        /// Which, from 1.
        number: usize,
        /// Between fields.
        separator: String,
    },
}

impl FromStr for GroupRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "artist" => return Ok(Self::Artist),
            "album" => return Ok(Self::Album),
            "folder" => return Ok(Self::Folder),
            _ => {}
        }
        match text.split_once(':') {
            Some((number, separator)) if !separator.is_empty() => match number.parse() {
                Ok(number) if number >= 1 => Ok(Self::Field {
                    number,
                    separator: separator.to_owned(),
                }),
                _ => Err(format!("{number:?} is not the number of a field, 1 or more")),
            },
            _ => Err("expected `artist`, `album`, `folder`, or NUMBER:SEPARATOR such as 2:_".to_owned()),
        }
    }
}

impl std::fmt::Display for GroupRule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Artist => out.write_str("artist"),
            Self::Album => out.write_str("album"),
            Self::Folder => out.write_str("folder"),
            Self::Field { number, separator } => write!(out, "{number}:{separator}"),
        }
    }
}

impl GroupRule {
    /// The group of a file by its path; `None` if its name has no such field, or the rule is one of tags.
    ///
    /// ```
    /// use attune_train::grouping::GroupRule;
    /// let rule: GroupRule = "2:-".parse()?;
    /// assert_eq!(rule.group("dog_bark/1-100032-A.ogg".as_ref()).as_deref(), Some("100032"));
    /// assert_eq!(rule.group("dog_bark/bark.ogg".as_ref()), None);
    /// # Ok::<(), String>(())
    /// ```
    pub fn group(&self, path: &Path) -> Option<String> {
        match self {
            Self::Artist | Self::Album => None,
            Self::Folder => Some(path.parent()?.file_name()?.to_string_lossy().into_owned()),
            Self::Field { number, separator } => {
                let stem = path.file_stem()?.to_string_lossy().into_owned();
                let mut fields = stem.split(separator.as_str());
                // A name that is not cut at all has no fields, or rule 1 would make a group of each such name.
                fields.clone().nth(1)?;
                fields
                    .nth(number - 1)
                    .filter(|field| !field.is_empty())
                    .map(str::to_owned)
            }
        }
    }
}

/// Which clips validate; the others train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOut {
    /// Fold `number` (from 1) of `of`, drawn by group so that every class is spread evenly.
    Fold {
        /// Which, from 1.
        number: usize,
        /// How many.
        of: usize,
    },
    /// Files whose path matches one of these, where `*` stands for anything.
    Matching(Vec<String>),
}

impl From<Fold> for HoldOut {
    fn from(fold: Fold) -> Self {
        Self::Fold {
            number: fold.number,
            of: fold.of,
        }
    }
}

impl HoldOut {
    /// Whether a file of this path is one of those that are named.
    pub(crate) fn names(&self, path: &str) -> bool {
        match self {
            Self::Matching(patterns) => patterns.iter().any(|pattern| matches(pattern, path)),
            Self::Fold { .. } => false,
        }
    }
}

/// Whether all of `text` fits `pattern`, in which `*` stands for any run of characters.
///
/// ```
/// use attune_train::grouping::matches;
/// assert!(matches("*/5-*", "sounds/rain/5-1.ogg"));
/// assert!(!matches("*/5-*", "sounds/rain/1-5.ogg"));
/// ```
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pattern.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    let between = pattern.matches('*').count() - 1;
    for part in parts.take(between) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The fold (from 0) of each clip: large groups first, each to the fold that has least of its classes so far. The same
/// clips give the same folds on every machine.
pub fn folds(clips: &[(String, usize)], of: usize) -> Vec<usize> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, (group, _)) in clips.iter().enumerate() {
        groups.entry(group).or_default().push(i);
    }
    let mut order: Vec<_> = groups.into_iter().collect();
    order.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let classes = clips.iter().map(|(_, class)| class + 1).max().unwrap_or(0);
    let mut filled = vec![vec![0usize; classes]; of];
    let mut folds = vec![0; clips.len()];
    for (_, members) in order {
        let load = |fold: usize| {
            let alike: usize = members.iter().map(|&i| filled[fold][clips[i].1]).sum();
            (alike, filled[fold].iter().sum::<usize>(), fold)
        };
        let best = (0..of).min_by_key(|&fold| load(fold)).unwrap_or(0);
        for i in members {
            filled[best][clips[i].1] += 1;
            folds[i] = best;
        }
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_slips_named() {
        assert_eq!("folder".parse(), Ok(GroupRule::Folder));
        for text in ["2:_", "1:--", "artist", "album"] {
            assert_eq!(text.parse::<GroupRule>().unwrap().to_string(), text);
        }
        for slip in ["", "2", "0:-", "x:-", "2:"] {
            assert!(slip.parse::<GroupRule>().is_err(), "{slip}");
        }
        assert_eq!(GroupRule::Folder.group("a/b/c.ogg".as_ref()).as_deref(), Some("b"));
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*b*b*", "abab", true),
            ("*b*b*", "ab", false),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} on {text}");
        }
    }

    #[test]
    fn folds_keep_groups_whole_and_classes_even() {
        // Two classes; ten groups of 1 to 5 clips in each.
        let clips: Vec<(String, usize)> = (0..20)
            .flat_map(|group| vec![(format!("g{group}"), group % 2); 1 + group / 2 % 5])
            .collect();
        let folds = folds(&clips, 5);
        for group in 0..20 {
            let mut of_group: Vec<_> = clips
                .iter()
                .zip(&folds)
                .filter(|((name, _), _)| *name == format!("g{group}"))
                .map(|(_, fold)| fold)
                .collect();
            of_group.dedup();
            assert_eq!(of_group.len(), 1);
        }
        for class in 0..2 {
            for fold in 0..5 {
                let count = clips
                    .iter()
                    .zip(&folds)
                    .filter(|((_, c), f)| *c == class && **f == fold)
                    .count();
                // 30 clips of the class in 5 folds; greedy filling is off by less than the largest group.
                assert!(count.abs_diff(6) < 3, "class {class} fold {fold}: {count}");
            }
        }
    }
}
