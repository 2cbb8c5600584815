//! Every relative link in the pages leads to a file, and to a heading if it names one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The anchors of a page: those of its headings as GitHub makes them, and those that it writes.
fn anchors(page: &str) -> BTreeSet<String> {
    let heading = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    let written = page.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(id, _)| id.to_owned());
    page.lines()
        .filter_map(heading)
        .map(|text| text.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .chain(written)
        .collect()
}

/// The targets of `](TARGET)` in a page, outside of code.
fn links(page: &str) -> Vec<&str> {
    let text = page.split("```").step_by(2);
    text.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_its_heading() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| top.join(name)).into();
    let docs = fs::read_dir(top.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    let mut seen = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: no file {link}", page.display());
            if !anchor.is_empty() {
                let found = anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
                assert!(found, "{}: no heading for {link}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Every line of configuration that the page of troubles gives is one that harden reads.
#[test]
fn the_lines_of_the_troubleshooting_page_are_read() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/troubleshooting.md")).unwrap();
    let mut number = 0;
    for cell in page.lines().filter_map(|line| line.trim_end_matches(" |").rsplit(" | ").next()) {
        let mut section = "";
        let mut sections: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
        for part in cell.split('`').skip(1).step_by(2).filter(|part| part.contains(" = ")) {
            let line = match part.strip_prefix('[').and_then(|part| part.split_once("] ")) {
                Some((name, line)) => {
                    section = name;
                    line
                }
                None => part,
            };
            *sections.entry(section).or_default() += &format!("{line}\n");
        }
        if sections.is_empty() {
            continue;
        }
        let config: String = sections.iter().map(|(name, lines)| format!("[{name}]\n{lines}")).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, config.as_bytes()).unwrap();
        let dump = crate::common::bare(&["--dump-config", "--config", file.path().to_str().unwrap()], &[], b"");
        assert_eq!(dump.status, 0, "{config}{}", dump.all());
        number += 1;
    }
    assert!(number > 15, "{number} lines");
}
