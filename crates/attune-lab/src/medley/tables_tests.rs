use super::*;

fn file(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn reference() -> Reference {
    let (_folder, path) = file(b"piece,start_s,end_s,token\na,0,4,rock\na,4,10.5,jazz\nb,0,5,pop\n");
    Reference::read(&path).unwrap()
}

fn assert_said(error: &TableError, line: Option<u64>, words: &[&str]) {
    let said = format!("{error}\n{}", error.remedy);
    assert_eq!(error.line, line, "{said}");
    assert!(said.contains("table.csv") && !error.remedy.is_empty(), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn columns_are_found_by_name_and_others_ignored() {
    let (_folder, path) =
        file("\u{feff}token,extra,end_s,start_s,piece\nrock,1,4,0,a\n\n\"hip, hop\",,9,4,a\n".as_bytes());
    let sections = &Reference::read(&path).unwrap().pieces["a"];
    assert_eq!(
        (sections[1].token.as_str(), sections[1].start_s, sections[1].end_s),
        ("hip, hop", 4.0, 9.0)
    );
}

#[test]
fn wrong_references_are_refused_by_line_and_value() {
    let refused = |text: &[u8], line, words: &[&str]| {
        let (_folder, path) = file(text);
        assert_said(&Reference::read(&path).unwrap_err(), line, words);
    };
    refused(b"", None, &["empty", "piece,start_s,end_s,token"]);
    refused(b"piece,start_s,token\na,0,x\n", Some(1), &["\"end_s\""]);
    refused(b"piece,piece,start_s,end_s,token\n", Some(1), &["twice"]);
    let rows = |rows: &str| format!("piece,start_s,end_s,token\n{rows}").into_bytes();
    refused(
        &rows("a,0,4,x\n\na,nan,9,y\n"),
        Some(4),
        &["start_s", "\"nan\"", "number"],
    );
    refused(&rows("a,0,\"4,5\",x\n"), Some(2), &["\"4,5\"", "12.5"]);
    refused(&rows("a,-1,4,x\n"), Some(2), &["\"-1\""]);
    refused(&rows("a,0,1e9,x\n"), Some(2), &["\"1e9\""]);
    refused(&rows("a,4,4,x\n"), Some(2), &["ends at 4 s"]);
    refused(&rows("a,0,5,x\na,4,9,y\n"), Some(3), &["4 s", "5 s"]);
    refused(&rows("a,0,5,\n"), Some(2), &["token", "empty"]);
    refused(&rows(&format!("a,0,5,{}\n", "x".repeat(201))), Some(2), &["too long"]);
    refused(&rows("a,0\n"), Some(2), &["end_s", "\"\""]);
    refused(b"piece,start_s,end_s,token\na,0,4,\xff\n", Some(2), &["UTF-8"]);
    let many: Vec<String> = (0..=MOST_TOKENS).map(|n| format!("a,{n},{},x\n", n + 1)).collect();
    refused(
        &rows(&many.concat()),
        Some(MOST_TOKENS as u64 + 2),
        &["more than 2000 lines"],
    );
    let many: Vec<String> = (0..=MOST_PIECES).map(|n| format!("{n},0,1,x\n")).collect();
    refused(
        &rows(&many.concat()),
        Some(MOST_PIECES as u64 + 2),
        &["more than 10000 pieces"],
    );
    let folder = tempfile::tempdir().unwrap();
    let error = Reference::read(&folder.path().join("table.csv")).unwrap_err();
    assert_said(&error, None, &["cannot be read", "spelling"]);
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_not_read_to_the_end() {
    let error = Reference::read(Path::new("/dev/zero")).unwrap_err();
    assert!(error.message.contains("larger than 64 MiB"), "{error}");
}

#[test]
fn wrong_hypotheses_are_refused_by_line_and_value() {
    let refused = |text: &[u8], line, words: &[&str]| {
        let (_folder, path) = file(text);
        assert_said(&Hypothesis::read(&path, &reference()).unwrap_err(), line, words);
    };
    refused(b"piece\na\n", Some(1), &["\"token\""]);
    refused(b"piece,token\nc,rock\n", Some(2), &["\"c\"", "not in the reference"]);
    refused(
        b"piece,token,start_s\na,rock,0\na,jazz,\n",
        Some(3),
        &["start_s is \"\""],
    );
    refused(b"piece,token,start_s\na,rock,4\na,jazz,4\n", Some(3), &["start_s is 4"]);
    refused(
        b"piece,token,written_s\na,rock,4\nb,pop,1\na,jazz,3\n",
        Some(4),
        &["written_s is 3", "4 in the line above"],
    );
    refused(b"piece,token,start_s,end_s\na,rock,4,3\n", Some(2), &["ends at 3 s"]);
}

#[test]
fn what_a_hypothesis_says_is_known() {
    let (_folder, path) = file(b"piece,token,start_s,end_s,written_s\na,rock,0,,2.5\na,jazz,4.5,10,6\n");
    let hypothesis = Hypothesis::read(&path, &reference()).unwrap();
    assert!(hypothesis.has_starts && hypothesis.has_times);
    let tokens = &hypothesis.pieces["a"];
    assert_eq!(
        (tokens[0].end_s, tokens[1].end_s, tokens[1].written_s),
        (None, Some(10.0), Some(6.0))
    );
    let (_folder, path) = file(b"piece,token\na,rock\n");
    let hypothesis = Hypothesis::read(&path, &reference()).unwrap();
    assert!(!hypothesis.has_starts && !hypothesis.has_times);
}

#[test]
fn links_are_those_of_the_file_or_of_the_reference() {
    let read = |text: &[u8]| {
        let (_folder, path) = file(text);
        Links::read(&path, &reference(), 1.0)
    };
    let links = read(b"piece,unit,token,link\na,0,0,found\na,1,0,sure\na,2,1,possible\n").unwrap();
    let piece = &links.pieces["a"];
    assert_eq!((piece.found.len(), piece.sure.len(), piece.possible.len()), (1, 1, 2));
    // Only what was found: the reference says what is right. Section 1 of a lasts from 4 to 10.5 s.
    let links = read(b"piece,unit,token,link\na,0,0,found\n").unwrap();
    let piece = &links.pieces["a"];
    let of = |links: &BTreeSet<Link>, token| links.iter().filter(|link| link.1 == token).count();
    assert_eq!((of(&piece.sure, 0), of(&piece.possible, 0)), (4, 4));
    assert_eq!((of(&piece.sure, 1), of(&piece.possible, 1)), (6, 7));
    assert_eq!(links.pieces["b"].sure.len(), 5);
    for (text, words) in [
        ("a,0,2,found\n", ["no token 2", "has 2"]),
        ("c,0,0,found\n", ["\"c\"", "not in the reference"]),
        ("a,0.5,0,found\n", ["\"0.5\"", "whole numbers"]),
        ("a,0,0,certain\n", ["\"certain\"", "found, sure or possible"]),
    ] {
        let error = read(format!("piece,unit,token,link\n{text}").as_bytes()).unwrap_err();
        assert_said(&error, Some(2), &words);
    }
}
