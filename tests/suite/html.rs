//! Reports for a browser: one file that loads nothing, in which every name of the image is text. A small reader of what harden
//! writes judges the structure; `make browser` opens such files in a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use sha2::{Digest as _, Sha256};

use crate::common::{Rootfs, Run, bare};

const RUN: [&str; 4] = ["--user", "app:1000:1000", "--command", "/app/server"];

/// Elements without content and end tag (HTML, "Void elements").
const VOID: [&str; 6] = ["meta", "br", "input", "rect", "path", "link"];

/// What a page consists of, when it is sound.
#[derive(Debug, Default)]
struct Page {
    /// Name and attributes of every element.
    elements: Vec<(String, BTreeMap<String, String>)>,
    /// All text, with character references resolved; that of style and script apart.
    text: String,
    style: Vec<String>,
    script: Vec<String>,
}

/// The text of character references that harden writes.
fn resolved(text: &str) -> String {
    for part in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;"].iter().any(|name| part.starts_with(name));
        assert!(known, "a bare '&' before {:?}", &part[..part.len().min(20)]);
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

impl Page {
    /// Read a page; anything that a browser would have to mend fails.
    fn of(html: &str) -> Self {
        let mut page = Self::default();
        let mut rest = html.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
        let mut open: Vec<String> = Vec::new();
        while let Some(at) = rest.find('<') {
            let text = &rest[..at];
            assert!(!text.contains('>'), "a bare '>' in {text:?}");
            page.text.push_str(&resolved(text));
            let end = at + rest[at..].find('>').expect("a tag has an end");
            let tag = &rest[at + 1..end];
            rest = &rest[end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "elements are closed in their order");
                // What is apart is no one word.
                page.text.push(' ');
                continue;
            }
            let (name, attributes) = element(tag.trim_end_matches('/'));
            if ["style", "script"].contains(&name.as_str()) {
                let end = format!("</{name}>");
                let (inside, after) = rest.split_once(&end).expect("raw text has an end");
                assert!(!inside.contains("</"), "an end tag in {name}");
                if name == "style" { &mut page.style } else { &mut page.script }.push(inside.to_owned());
                rest = after;
            } else if !VOID.contains(&name.as_str()) {
                open.push(name.clone());
            }
            page.elements.push((name, attributes));
        }
        assert_eq!((open.len(), rest), (0, "\n"), "everything is closed");
        page.is_closed_to_the_world();
        page
    }

    /// Nothing is loaded, nothing but the one script runs, and links lead to the page itself or to the documentation.
    fn is_closed_to_the_world(&self) {
        let mut ids = BTreeSet::new();
        for (name, attributes) in &self.elements {
            for (key, value) in attributes {
                assert!(!key.starts_with("on") && key != "style" && key != "src", "{name} {key}={value}");
                let documentation = value.starts_with(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/"));
                assert!(
                    key != "href" || name == "a" && (value.starts_with('#') || documentation),
                    "{name} leads to {value}"
                );
            }
            if let Some(id) = attributes.get("id") {
                assert!(ids.insert(id.clone()), "the id {id} is there twice");
            }
        }
        for (_, attributes) in &self.elements {
            for key in ["href", "data-of"] {
                let target =
                    attributes.get(key).and_then(|value| value.strip_prefix(if key == "href" { "#" } else { "" }));
                assert!(target.is_none_or(|id| ids.contains(id)), "{target:?} is not in the page");
            }
        }
        let allowed = |texts: &[String]| match texts {
            [text] => format!("'sha256-{}'", base64(&Sha256::digest(text))),
            other => panic!("{} of them", other.len()),
        };
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            allowed(&self.style),
            allowed(&self.script)
        );
        let stated = self.elements.iter().filter(|(name, _)| name == "meta").map(|(_, attributes)| attributes);
        let stated = stated.filter(|meta| meta.get("http-equiv").is_some_and(|name| name == "Content-Security-Policy"));
        assert_eq!(stated.map(|meta| meta["content"].clone()).collect::<Vec<_>>(), [policy]);
        for (texts, source) in [
            (&self.style, include_str!("../../src/report/html/style.css")),
            (&self.script, include_str!("../../src/report/html/script.js")),
        ] {
            assert_eq!(texts, &[source], "nothing of the image is in it");
        }
        assert!(
            !self.style[0].contains("://") && !self.script[0].contains("://") && !self.style[0].contains("@import")
        );
        assert!(!self.script[0].contains("innerHTML") && !self.script[0].contains("eval"));
    }

    /// Each kind of element, with the names of its attributes.
    fn structure(&self) -> BTreeSet<String> {
        let kind = |(name, attributes): &(String, BTreeMap<String, String>)| {
            let keys: Vec<&str> = attributes.keys().map(String::as_str).collect();
            format!("{name} {}", keys.join(" "))
        };
        self.elements.iter().map(kind).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.elements.iter().filter(|(element, _)| element == name).count()
    }
}

/// Name and attributes of a start tag, all of them in double quotes or without a value.
fn element(tag: &str) -> (String, BTreeMap<String, String>) {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()), "<{tag}>");
    let mut attributes = BTreeMap::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        assert!(key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'), "<{tag}>");
        let (value, after) = match after.strip_prefix("=\"") {
            Some(after) => after.split_once('"').expect("a quote ends"),
            None => ("", after),
        };
        assert!(!after.starts_with('='), "<{tag}>");
        assert!(attributes.insert(key.to_owned(), resolved(value)).is_none(), "<{tag}>");
        rest = after;
    }
    (name.to_owned(), attributes)
}

fn base64(bytes: &[u8]) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut out = String::new();
    for at in (0..bits.len()).step_by(6) {
        let sextet = format!("{:0<6}", &bits[at..bits.len().min(at + 6)]);
        out.push(char::from(digits[usize::from_str_radix(&sextet, 2).unwrap()]));
    }
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// Names that nobody means well with, and what is shown of them.
const NAMES: &[(&[u8], &str)] = &[
    (b"<script>pwned=1<|script>", "<script>pwned=1<|script>"),
    (b"a\"><img src=x onerror=pwned=1>", "a\"><img src=x onerror=pwned=1>"),
    (b"b'><svg onload=pwned=1>", r"b\'><svg onload=pwned=1>"),
    (b"c&lt;&#60;&", "c&lt;&#60;&"),
    (b"javascript:pwned=1", "javascript:pwned=1"),
    (b"d\n<tr>\r", r"d\n<tr>\r"),
    (b"e\xff\xfe\x1b[31m", r"e\xff\xfe\u{1b}[31m"),
    ("f\u{202e}\u{feff}\u{fffe}\u{2028}".as_bytes(), r"f\u{202e}\u{feff}\u{fffe}\u{2028}"),
    (b"g<!--", "g<!--"),
    (b"h]]>\\${x}`", r"h]]>\\${x}`"),
];

/// A tree with these names in every place that a report shows: files, packages, accounts, the distribution.
fn tree(names: &[Vec<u8>]) -> Rootfs {
    let word = |at: usize| String::from_utf8_lossy(&names[at]).replace([':', '\n'], "");
    let mut passwd = "root:x:0:0:root:/root:/bin/sh\n".to_owned();
    let mut group = "root:x:0:\n".to_owned();
    for at in 0..4 {
        passwd += &format!("u{at}:x:{0}:{0}::/{1}:/{1}\n", 2000 + at, word(at));
        group += &format!("g{at}:x:{}:{}\n", 3000 + at, word(at));
    }
    let mut tree = Rootfs::empty()
        .text("/etc/passwd", passwd)
        .text("/etc/group", group)
        .file("/etc/shadow", 0o640, 0, 0, "root:*:1::::::\nu0::1::::::\n")
        .text("/etc/os-release", format!("ID=debian\nPRETTY_NAME=\"{}\"\n", word(0).replace('"', "")))
        .dir("/tmp", 0o1777, 0, 0)
        .program("/app/server")
        .program("/usr/bin/tool");
    let mut status = String::new();
    for (at, name) in names.iter().enumerate() {
        let plain = String::from_utf8_lossy(name).replace(['\n', '\r'], "");
        status += &format!("Package: p{at}{plain}\nStatus: install ok installed\nVersion: 1{plain}\n\n");
        let (list, owned) = (format!("/var/lib/dpkg/info/p{at}{plain}.list"), format!("/opt/{at}"));
        tree = tree.text(list, format!("/.\n{owned}\n")).text(owned, vec![b'x'; 9_000]);
        for (directory, mode, content) in
            [("/usr/bin/", 0o4755, "#!/bin/false\n"), ("/etc/cron.d/", 0o644, "x"), ("/srv/", 0o644, "content")]
        {
            let path = [directory.as_bytes(), name].concat();
            tree = tree.file(OsStr::from_bytes(&path), mode, 0, 0, content);
        }
    }
    tree = tree.text("/var/lib/dpkg/status", status);
    tree.stamp();
    tree
}

fn hostile() -> Rootfs {
    tree(&NAMES.iter().map(|(name, _)| name.to_vec()).collect::<Vec<_>>())
}

/// The same tree under names that need no escape and sort in the same way.
fn harmless() -> Rootfs {
    let mut order: Vec<usize> = (0..NAMES.len()).collect();
    order.sort_by_key(|&at| NAMES[at].0);
    let rank = |at: usize| order.iter().position(|&other| other == at).unwrap();
    tree(&(0..NAMES.len()).map(|at| format!("n{:02}", rank(at)).into_bytes()).collect::<Vec<_>>())
}

fn html(run: &Run) -> Page {
    Page::of(&run.stdout)
}

#[test]
fn names_of_the_image_are_text_in_every_report() {
    let (bad, good) = (hostile(), harmless());
    for (command, more) in [
        ("audit", vec![]),
        ("audit", vec!["--compliance", "all"]),
        ("audit", RUN.to_vec()),
        ("plan", RUN.to_vec()),
        ("plan", [&RUN[..], &["--minimal"]].concat()),
    ] {
        let arguments = [&more[..], &["--format", "html"]].concat();
        let (run, other) = (bad.run(command, &arguments), good.run(command, &arguments));
        assert_eq!(run.status, other.status, "{command}: {}{}", run.stderr, other.stderr);
        let (page, expected) = (html(&run), html(&other));
        // An odd name may be a finding of its own; it is never an element or an attribute of its own.
        assert_eq!(page.structure(), expected.structure(), "{command} {more:?}: a name has changed the structure");
        // Those of packages, on the map.
        assert!(
            command == "audit" || page.text.contains("p1a\"><img src=x onerror=pwned=1> 1a\"><img"),
            "{}",
            page.text
        );
        for (_, shown) in NAMES {
            assert!(page.text.contains(shown), "{command} {more:?}: {shown} is missing");
        }
        assert!(
            !run.stdout
                .chars()
                .any(|c| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{fffe}' | '\u{2028}'))
        );
        // It stays the same.
        assert_eq!(bad.run(command, &arguments).stdout, run.stdout);
    }
}

#[test]
fn the_verdict_comes_first_and_everything_is_there() {
    let tree = hostile();
    let run = tree.run("audit", &["--format", "html"]);
    assert_eq!(run.status, 1, "{}", run.all());
    let page = html(&run);
    let json = tree.run("audit", &["--format", "json"]).json();
    let findings = json["findings"].as_array().unwrap();
    let rows = page.elements.iter().filter(|(name, attributes)| name == "tr" && attributes.contains_key("data-t"));
    assert_eq!(rows.count(), findings.len());
    let begin = page.text.find("Audit failed").unwrap();
    assert!(begin < page.text.find("Findings").unwrap() && begin < 400, "{}", &page.text[..600]);
    for severity in ["high", "medium", "low", "info"] {
        let count = json["counts"][severity].as_u64().unwrap();
        assert!(page.text.contains(&format!("{severity} {count} ")), "{severity} {count}: {}", &page.text[..600]);
    }
    for finding in findings {
        for key in ["check", "title", "help"] {
            assert!(key == "help" && finding["rule"].is_string() || page.text.contains(finding[key].as_str().unwrap()));
        }
    }
    // Controls, their ids and their evidence.
    assert!(page.text.contains("CIS-DI-0008") && page.text.contains("CD 4.8") && page.text.contains("CIS-D12 7.2.2"));
    assert!(
        page.text.contains("not applicable") && page.text.contains("16 controls") || page.text.contains(" controls: ")
    );
    // With a list, its controls stand first and alone.
    let run = tree.run("audit", &["--format", "html", "--compliance", "stig"]);
    let page = html(&run);
    assert!(page.text.contains("DCG 2.3") && !page.text.contains("CIS-DI-0008 no set-id"), "{}", page.text);
    let headings: Vec<&str> = run.stdout.split("<h2 id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(headings, ["controls", "findings"]);
    // What passes says so.
    let clean = Rootfs::empty().text("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\n").program("/usr/bin/x");
    let run = clean.run("audit", &["--format", "html", "--fail-on", "high"]);
    assert!(run.status == 0 && run.stdout.contains("<h1>Audit <span class=\"passed\">passed</span>"), "{}", run.all());
}

#[test]
fn a_plan_shows_what_goes_and_the_words_of_explain() {
    let tree = Rootfs::debian_like().program("/usr/bin/busybox");
    tree.stamp();
    let plan = [&RUN[..], &["--format", "html"]].concat();
    let run = tree.run("plan", &plan);
    assert_eq!(run.status, 0, "{}", run.all());
    let page = html(&run);
    let json = tree.run("plan", &[&RUN[..], &["--format", "json"]].concat()).json();
    let changes = json["changes"].as_array().unwrap();
    let rows = page.elements.iter().filter(|(name, attributes)| name == "tr" && attributes.contains_key("data-a"));
    assert_eq!(rows.count(), changes.len());
    for change in changes {
        assert!(page.text.contains(change["path"].as_str().unwrap()), "{change}");
    }
    assert!(page.text.contains("Plan can be applied") && page.text.contains(" → "));
    // The reasons are those of explain, word for word, on the map's rows.
    let link = page.elements.iter().filter(|(name, attributes)| name == "a" && attributes.contains_key("tabindex"));
    assert!(link.count() > 3);
    let explained = tree.run("explain", &[&RUN[..], &["/usr/bin/wget"]].concat());
    let line = explained.stdout.lines().next().unwrap();
    assert!(page.text.contains(line.split_once(": ").unwrap().1), "{line}");
    for heading in ["Map", "Changes by rule", "Commands left", "Accounts", "Running the image"] {
        assert!(page.text.contains(heading), "{heading}");
    }
    // Tables for every reader: a caption, and scopes of the headings.
    assert_eq!(page.count("table"), page.count("caption"));
    assert!(
        page.elements.iter().filter(|(name, _)| name == "th").all(|(_, attributes)| attributes.contains_key("scope"))
    );
}

#[test]
fn a_box_of_small_directories_names_its_largest_files() {
    let mut tree = Rootfs::distroless().program("/app/server");
    for at in 0..60 {
        tree = tree.text(format!("/opt/data/{at:02}/file"), vec![b'x'; 9_000 - at]);
    }
    for at in 0..5 {
        tree = tree.text(format!("/opt/data/same/{at}"), vec![b'x'; 20_000]);
    }
    tree.stamp();
    let page = html(&tree.run("plan", &[&RUN[..], &["--format", "html"]].concat()));
    // Beyond the 24 places that are known apart, the largest first.
    let mut small = page.text.split("small directories").map(|rest| rest.chars().take(400).collect::<String>());
    let small = small.find(|text| text.contains("37 files")).expect("such a row");
    assert!(small.contains("/opt/data/23/file") && small.contains("3 of 37 files shown"), "{small}");
    assert!(!small.contains("/opt/data/26/file") && small.contains("no rule applies to it"), "{small}");
    // The words are about one file; what is counted is one or many.
    let each = "each of /opt/data/same/0 , /opt/data/same/1 , /opt/data/same/2 : stays: no rule applies to it";
    assert!(page.text.contains(each) && page.text.contains("3 of 5 files shown"), "{}", page.text);
    assert!(!page.text.contains(" 1 files") && !page.text.contains("(1 changes"), "{}", page.text);
    assert_eq!(page.count("h2"), page.text.matches("Back to the top").count());
}

/// Before and after of each figure.
fn figures(run: &Run) -> BTreeMap<String, (String, String)> {
    html(run);
    let figure = |rest: &str| {
        let (name, rest) = rest.split_once("</dt><dd>")?;
        let (before, after) = rest.split('<').next()?.split_once(" → ")?;
        Some((name.to_owned(), (before.to_owned(), after.to_owned())))
    };
    run.stdout.split("<dt>").skip(1).filter_map(figure).collect()
}

#[test]
fn figures_after_are_those_of_the_hardened_tree() {
    for more in [&[][..], &["--keep", "wget"]] {
        let tree = Rootfs::debian_like()
            .program("/usr/bin/busybox")
            .file("/usr/bin/mount", 0o4755, 0, 0, "#!/bin/false\n")
            .capability("/usr/bin/busybox")
            .text("/opt/big", vec![b'x'; 3_000_000])
            .hardlink("/opt/other", "/opt/big");
        tree.stamp();
        let arguments = [&RUN[..], more, &["--format", "html"]].concat();
        let planned = figures(&tree.run("plan", &arguments));
        assert!(planned.len() == 6 && planned["size of the files"].0.ends_with(" MiB"), "{planned:?}");
        assert_ne!(planned["commands"].0, planned["commands"].1);
        let applied = tree.run("apply", &arguments);
        assert_eq!(applied.status, 0, "{}", applied.stderr);
        assert!(html(&applied).text.contains("Hardening done"));
        assert_eq!(figures(&applied), planned, "apply tells what plan told");
        let again = tree.run("plan", &arguments);
        assert!(html(&again).text.contains("Plan nothing to change"), "{}", again.stderr);
        for (name, (_, after)) in &planned {
            let now = figures(&again).get(name).cloned().unwrap_or_else(|| ("0".to_owned(), "0".to_owned()));
            assert_eq!((&now.0, &now.1), (after, after), "{name}");
        }
    }
}

#[test]
fn hashes_are_in_no_report() {
    let tree = Rootfs::debian_like()
        .text("/etc/passwd", "root:$6$saltsalt$hashhash:0:0::/root:/bin/sh\nold:$1$xx$yyyy:99:99::/:/bin/sh\n")
        .file("/etc/shadow", 0o640, 0, 0, "root:$6$saltsalt$hashhash:1::::::\n");
    tree.stamp();
    for (command, more) in [("plan", &RUN[..]), ("audit", &[])] {
        let run = tree.run(command, &[more, &["--format", "html"]].concat());
        html(&run);
        assert!(!run.stdout.contains("hashhash") && !run.stdout.contains("yyyy"), "{command}");
    }
}

#[test]
fn a_report_goes_to_a_file_of_that_name() {
    let tree = Rootfs::debian_like().program("/usr/bin/busybox");
    tree.stamp();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let keep = RUN.to_vec();
    for (command, format, name, begins) in [
        ("plan", "text", "x.html", "<!DOCTYPE html>\n"),
        ("plan", "json", "x.HTM", "<!DOCTYPE html>\n"),
        ("plan", "html", "x", "<!DOCTYPE html>\n"),
        ("plan", "html", "x.json", "{\n \"schema\": \"harden-report-1\""),
        ("plan", "text", "x", "{\n \"schema\": \"harden-report-1\""),
        ("audit", "text", "a.html", "<!DOCTYPE html>\n"),
        ("apply", "text", "y.html", "<!DOCTYPE html>\n"),
    ] {
        let file = path(name);
        let run = tree.run(command, &[&keep[..], &["--format", format, "--report", &file]].concat());
        assert!(run.status < 2, "{}", run.all());
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(begins), "{command} {format} {name}: {}", &text[..60]);
        assert_eq!(run.stdout.starts_with("<!DOCTYPE"), format == "html");
    }
    // A name of a format that a command does not have.
    for (command, name, says) in [
        ("plan", "x.sarif", "--report: sarif, junit, github and gitlab are for findings"),
        ("explain", "x.html", "--report: html is for the reports of plan, apply, image and audit"),
    ] {
        let run = tree.run(
            command,
            &[&keep[..], &["--report", &path(name)], if command == "plan" { &[] } else { &["sh"] }].concat(),
        );
        assert!(run.status == 2 && run.stderr.contains(says), "{}", run.all());
    }
    let run = tree.run("explain", &[&keep[..], &["--format", "html", "sh"]].concat());
    assert!(run.status == 2 && run.stderr.contains("write text or json"), "{}", run.all());
}

#[test]
fn what_was_refused_is_no_clean_page() {
    for what in [["--root", "/nowhere"], ["--tar", "/nowhere"]] {
        let run = bare(&["audit", what[0], what[1], "--format", "html"], &[], b"");
        assert_eq!(run.status, 2);
        assert!(html(&run).text.contains("No verdict"), "{}", run.stdout);
    }
    let tree = hostile();
    let run = tree.run("plan", &["--command", "/app/server", "--format", "html"]);
    assert_eq!(run.status, 2);
    let page = html(&run);
    assert!(page.text.contains("Plan refused") && page.text.contains("no user is configured"), "{}", page.text);
    // Without a command every answer would be "goes": none is given.
    let run = tree.run("plan", &["--user", "app:1000", "--format", "html"]);
    let page = html(&run);
    assert!(page.text.contains("no command is configured") && !page.text.contains("Changes by rule"), "{}", page.text);
}

#[test]
fn pages_of_large_trees_are_bounded_and_say_so() {
    let mut tree = Rootfs::distroless().program("/app/server");
    for at in 0..6_000 {
        tree = tree
            .file(format!("/usr/bin/{at:04}"), 0o6777, 4711, 4711, "x")
            .link(format!("/srv/{at:04}"), "nowhere")
            .text(format!("/etc/cron.d/d{}/{at:04}", at % 7), "x");
    }
    tree.stamp();
    let run = tree.run("audit", &["--format", "html"]);
    let page = html(&run);
    assert!(run.stdout.len() < 2_000_000, "{}", run.stdout.len());
    assert!(
        page.text.contains("findings are not listed here") && page.text.contains(" more "),
        "{}",
        &page.text[..1000]
    );
    let run = tree.run("plan", &[&RUN[..], &["--format", "html"]].concat());
    assert!(run.stdout.len() < 2_000_000, "{}", run.stdout.len());
    let page = html(&run);
    assert!(page.text.contains("A removed directory stands for its content"), "{}", run.stderr);
    assert!(page.text.contains("changes are listed"), "{}", page.text.len());
}

#[test]
fn every_format_is_documented() {
    let error = bare(&["audit", "--format", "nope"], &[], b"").stderr;
    let values = error.split("[possible values: ").nth(1).unwrap().split(']').next().unwrap();
    let page = include_str!("../../docs/reference.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `--format")).collect();
    for value in values.split(", ") {
        assert!(rows.iter().any(|row| row.contains(value)), "{value} is in no row of --format");
    }
}
