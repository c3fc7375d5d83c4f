//! Which sections a file has, in sentences.
//!
//! In: what a network wrote. Out: text. Thread: window.

use super::percent;
use crate::ui::section_runs::SectionRun;
use attune_model::genre::GenreSet;
use attune_model::sections::SectionReading;

/// What the rows are and how far they can be believed, as measured by `attune lab sections` (`docs/lab.md`).
pub(crate) const WHAT_SECTIONS_SAY: &str = "A Transformer (Vaswani et al. 2017) reads the whole file and writes its \
sections one by one. Each row is a section; its bars are the attention to the file when it was written, its \
frame is where the section lies by the path through all rows. It was trained on sections of 4 to 12 s. In test \
medleys of clips 78 % of the attention lay in the right section and 23 % of the time went to a wrong one; in \
composed ones 94 % and 8 %.";

/// What the list is and how far it can be believed, as measured by the same command.
pub(crate) const WHAT_THE_LIST_SAYS: &str = "Lists the sections of the music as they begin: what was written never \
changes. A Transformer hears 3 s before each word (wait-k, k = 4). In test medleys of sections of 4 to 12 s a \
section was right 4.6 s after it began (median); 53 % of the words were wrong on clips of artists that it had not met, \
8 % in composed pieces.";

/// A section of the list.
pub(crate) fn listed(run: &SectionRun, genres: &GenreSet) -> String {
    format!(
        "Section: {} {}, since {}, written at {}",
        genres.title(run.genre),
        percent(run.confidence),
        run.since.clock(),
        run.written.clock()
    )
}

/// One section: where, what, how sure.
pub(crate) fn section(read: &SectionReading, place: usize, genres: &GenreSet) -> String {
    let (start, end) = read.span(place);
    let section = &read.sections[place];
    format!(
        "{} to {}: {} {}",
        start.clock(),
        end.clock(),
        genres.title(section.genre),
        percent(section.confidence)
    )
}

/// What a screen reader says instead of the rows.
pub(crate) fn sections(read: &SectionReading, genres: &GenreSet) -> String {
    let all: Vec<String> = (0..read.sections.len())
        .map(|place| section(read, place, genres))
        .collect();
    format!("Sections: {}.", all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attune_audio::units::Seconds;
    use attune_model::genre::GenreId;
    use attune_model::sections::ReadSection;

    #[test]
    fn sections_are_said_with_their_times() {
        let section = |genre, start| ReadSection {
            genre: GenreId(genre),
            start: Seconds(start),
            confidence: 0.82,
        };
        let read = SectionReading {
            sections: vec![section(0, 0.0), section(5, 7.5)],
            step: Seconds(0.5),
            steps: 30,
            alignment: vec![vec![0.0; 30]; 2],
        };
        let said = sections(&read, &GenreSet::gtzan());
        assert_eq!(
            said,
            "Sections: 0:00.0 to 0:07.5: Blues 82 %; 0:07.5 to 0:15.0: Jazz 82 %."
        );
    }

    #[test]
    fn what_is_said_of_sections_is_what_the_card_of_the_bundled_network_says() {
        let card = include_str!("../../../models/sections-transformer.md");
        for (made, context) in [("real", "of clips"), ("composed", "in composed ones")] {
            let row = card
                .lines()
                .find(|line| line.starts_with(&format!("| {made} |")))
                .unwrap();
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let value = |cell: usize| cells[cell].trim_end_matches(" %").parse::<f64>().unwrap().round();
            let (aer, mass) = (value(4), value(5));
            let (_, said) = WHAT_SECTIONS_SAY.split_once(context).unwrap();
            let said = &said[..said.len().min(100)];
            assert!(
                said.contains(&format!("{mass} %")) && said.contains(&format!("{aer} %")),
                "{row}: {said}"
            );
        }
    }

    #[test]
    fn what_is_said_of_the_list_is_what_the_card_of_the_bundled_network_says() {
        let card = include_str!("../../../models/sections-live-transformer.md");
        let figures = |made: &str| {
            let row = card
                .lines()
                .find(|line| line.starts_with(&format!("| {made} | 4 |")))
                .unwrap();
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let errors: f64 = cells[3].trim_end_matches(" %").parse().unwrap();
            (format!("{errors:.0} %"), cells[4].to_owned())
        };
        let ((real, after), (composed, _)) = (figures("real"), figures("composed"));
        for said in [
            &after,
            &format!("{real} of the words"),
            &format!("{composed} in composed"),
        ] {
            assert!(WHAT_THE_LIST_SAYS.contains(said.as_str()), "{said}");
        }
    }
}
