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

/// docs/ is a book: each page has its place in it, once, and the order of README's table is nobody's matter.
#[test]
fn every_page_is_in_the_summary_once() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut listed: Vec<&str> = links(&summary);
    listed.sort_unstable();
    let mut pages: Vec<String> =
        ["README", "SECURITY", "CONTRIBUTING", "CHANGELOG"].map(|name| format!("../{name}.md")).into();
    let names = fs::read_dir(&docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    pages.extend(names.filter(|name| name.ends_with(".md") && name != "SUMMARY.md"));
    pages.sort_unstable();
    assert_eq!(listed, pages);
    let readme = fs::read_to_string(docs.join("../README.md")).unwrap();
    for page in pages.iter().filter(|page| !page.starts_with("..")) {
        assert!(
            readme.contains(&format!("](docs/{page})")) || page == "messages.md" || page == "compliance.md",
            "README: {page}"
        );
    }
}

/// Blocks of configuration are whole files, wherever a page gives one for an image.
#[test]
fn every_configuration_of_the_first_pages_is_valid() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (page, number) in [("languages.md", 7), ("kubernetes.md", 1)] {
        let text = fs::read_to_string(docs.join(page)).unwrap();
        let blocks: Vec<&str> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), number, "{page}");
        for block in blocks {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            std::io::Write::write_all(&mut file, block.as_bytes()).unwrap();
            let run = crate::common::bare(&["check-config", file.path().to_str().unwrap()], &[], b"");
            assert_eq!(run.status, 0, "{page}\n{block}{}", run.all());
        }
    }
}

/// The lines of a language are those of an image that is hardened and then used: docs/matrix.md, which the engine tests write,
/// or an example that they build.
#[test]
fn the_lines_of_each_language_are_those_of_an_image_that_serves() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(top.join(path)).unwrap();
    let matrix = read("docs/matrix.md");
    let row =
        |name: &str| matrix.split_once(&format!("\n## {name}\n")).unwrap().1.split("\n## ").next().unwrap().to_owned();
    let used = [
        (".NET", read("docker/dotnet-debian/harden.toml")),
        ("Node", row("node")),
        ("Python", read("docker/python-minimal/harden.toml")),
        ("Java", row("java")),
        ("PHP", row("php-fpm")),
        ("Ruby", row("ruby")),
        ("Go", row("static-musl")),
    ];
    let page = read("docs/languages.md");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for (language, text) in used {
        let section = page.split_once(&format!("\n## {language}\n")).unwrap().1;
        let block = section.split_once("```toml\n").unwrap().1.split("```").next().unwrap();
        let there: BTreeSet<String> = text.lines().map(words).collect();
        for line in block.lines().map(words) {
            assert!(there.contains(&line), "{language}: {line}");
        }
    }
}

#[test]
fn the_page_for_kubernetes_shows_what_harden_prints() {
    let tree = crate::common::Rootfs::debian_like()
        .program("/app/server")
        .dir("/tmp", 0o1777, 0, 0)
        .dir("/var/tmp", 0o1777, 0, 0);
    let page = include_str!("../../docs/kubernetes.md");
    let shown = page.split_once("…\n").unwrap().1.split_once("```").unwrap().0;
    let run = tree.run("plan", &["--user", "app:1000", "--command", "/app/server"]);
    assert!(run.stdout.ends_with(shown), "{shown}\n{}", run.all());
}

/// Each rule that stands beside a line of a script is one that there is: the links are checked above. Here: none is left out.
#[test]
fn the_page_for_scripts_names_the_rules_that_do_their_lines() {
    let page = include_str!("../../docs/from-harden-sh.md");
    for rule in harden::testing::run::known().rules {
        // What no script does: harden has these besides.
        let besides =
            ["files.known", "files.ownerless", "files.devices", "login.defaults", "login.shells", "remove.unneeded"];
        let besides = besides.contains(&rule) || ["remove.leftovers", "remove.trust"].contains(&rule);
        assert_eq!(page.contains(&format!("[`{rule}`]")), !besides, "{rule}");
    }
}

/// A yes in the table of tools names tests that there are.
#[test]
fn every_yes_of_the_comparison_names_its_tests() {
    fn functions(directory: &Path, found: &mut BTreeSet<String>) {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                functions(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let tests = text.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn "));
                found.extend(tests.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| name.to_owned()));
            }
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for directory in ["tests/suite", "tests/engine", "src"] {
        functions(&top.join(directory), &mut tests);
    }
    let page = fs::read_to_string(top.join("docs/compare.md")).unwrap();
    let mut seen = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 9).skip(1) {
        let own = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let named: Vec<&str> = own.split('`').skip(1).step_by(2).collect();
        assert!(!own.starts_with("yes") || !named.is_empty(), "{row}");
        for name in named {
            assert!(tests.contains(name), "no test {name}: {row}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
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
