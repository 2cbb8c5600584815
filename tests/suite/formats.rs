//! What `harden audit` writes for other programs: each finding with its place, and nothing that a file name could forge.
//! Judges of the formats themselves run with the engine tests.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::common::{Rootfs, Run, bare};
use serde_json::{Value, json};

/// Violations that every audit finds, under names that nobody means well with.
fn dirty() -> Rootfs {
    let tree = Rootfs::empty()
        .text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")
        .text("/etc/group", "root:x:0:\napp:x:1000:\n")
        .file("/etc/shadow", 0o640, 0, 0, "root:*:1::::::\napp::1::::::\n")
        .dir("/tmp", 0o777, 0, 0)
        .program("/usr/bin/tool");
    let names: &[&[u8]] = &[
        b"a]]></failure><x a=\"'&\x01",
        b"b\n::error title=forged::x\r%0A",
        "c\u{202e}\u{feff}\u{fffe}".as_bytes(),
        b"d\xff\xfe%41 ?#:,",
        b"e\"}],\"results\":[",
        b"f\x1b[31m##[error]x",
    ];
    let tree = names.iter().fold(tree, |tree, name| {
        let path = [b"/usr/bin/", *name].concat();
        tree.file(OsStr::from_bytes(&path), 0o4755, 0, 0, "x")
    });
    tree.stamp();
    tree
}

fn audit(tree: &Rootfs, format: &str) -> Run {
    tree.run("audit", &["--format", format])
}

/// Path, check and line of each finding, from the JSON report.
fn findings(run: &Run) -> Vec<Value> {
    run.json()["findings"].as_array().unwrap().clone()
}

#[test]
fn sarif_has_a_result_for_each_finding() {
    let tree = dirty();
    let (sarif, found) = (audit(&tree, "sarif"), findings(&audit(&tree, "json")));
    assert_eq!(sarif.status, 1, "{}", sarif.all());
    assert!(sarif.stdout.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    let run = &sarif.json()["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), found.len());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut prints = BTreeSet::new();
    for (result, finding) in results.iter().zip(&found) {
        assert_eq!(result["ruleId"], finding["check"]);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], finding["check"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains([' ', ':', '#', '?', '"']), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
        assert!(prints.insert(result["partialFingerprints"].to_string()), "two results with one fingerprint");
    }
    for odd in ["%FF%FE%2541%20%3F%23%3A%2C", "%E2%80%AE", "b%0A%3A%3Aerror"] {
        assert!(results.iter().any(|result| result["locations"][0].to_string().contains(odd)), "{odd}");
    }
    assert_eq!(run["invocations"], json!([{"executionSuccessful": true, "toolExecutionNotifications": []}]));
    // It stays the same.
    assert_eq!(audit(&tree, "sarif").stdout, sarif.stdout);
}

#[test]
fn junit_fails_for_what_the_exit_status_fails_for() {
    let tree = dirty();
    let found = findings(&audit(&tree, "json"));
    for (level, levels) in [("high", &["high"][..]), ("low", &["high", "medium", "low"])] {
        let run = tree.run("audit", &["--format", "junit", "--fail-on", level]);
        let counted = found.iter().filter(|finding| levels.contains(&finding["severity"].as_str().unwrap())).count();
        assert_eq!(run.stdout.matches("<failure ").count(), counted);
        assert!(run.stdout.contains(&format!(" failures=\"{counted}\" errors=\"0\"")), "{}", run.stdout);
        assert_eq!(run.status, i32::from(counted > 0));
        assert_eq!(run.stdout.matches("</failure>").count(), counted);
        assert!(!run.stdout.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{fffe}')));
    }
}

#[test]
fn every_line_for_github_is_one_command() {
    let tree = dirty();
    let run = audit(&tree, "github");
    let found = findings(&audit(&tree, "json"));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), found.len());
    for line in &lines {
        let command = line.split("::").nth(1).unwrap();
        let kind = command.split(' ').next().unwrap();
        assert!(line.starts_with("::") && ["error", "warning", "notice"].contains(&kind), "{line}");
        assert!(!line.contains('\r') && !line.contains('\x1b'), "{line}");
    }
    assert!(run.stdout.contains("%3A%3Aerror title=forged"), "{}", run.stdout);
}

#[test]
fn gitlab_has_an_issue_for_each_finding() {
    let tree = dirty();
    let (gitlab, found) = (audit(&tree, "gitlab"), findings(&audit(&tree, "json")));
    assert_eq!(gitlab.status, 1, "{}", gitlab.all());
    let issues = gitlab.json();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), found.len());
    let mut prints = BTreeSet::new();
    for (issue, finding) in issues.iter().zip(&found) {
        assert_eq!(issue["check_name"], finding["check"]);
        // What GitLab's documentation asks of each.
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().unwrap()));
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() > 0 && issue["description"].is_string());
        assert!(!issue["location"]["path"].as_str().unwrap().starts_with(['/', '.']), "{issue}");
        assert!(prints.insert(issue["fingerprint"].as_str().unwrap()), "two issues with one fingerprint");
    }
    let report = tempfile::tempdir().unwrap();
    let path = report.path().join("gl-code-quality-report.json");
    tree.run("audit", &["--report", path.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), gitlab.stdout);
}

#[test]
fn names_in_markdown_are_code() {
    let tree = dirty();
    let tree = tree.file("/usr/bin/`g` ![x](http://e/x.png) <img src=y> | @all", 0o4755, 0, 0, "x");
    let run = audit(&tree, "markdown");
    let text: String = run.stdout.lines().map(|line| outside_code(line) + "\n").collect();
    assert!(text.contains("- : wanted: \n  -  (fixed by )\n"), "{text}");
    let table = text.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(table, 3, "{text}");
    for line in text.lines().filter(|line| !line.starts_with('|')) {
        let plain = |c: char| c.is_ascii_alphanumeric() || " #-:()…".contains(c);
        assert!(line.chars().all(plain), "{line:?} in {}", run.stdout);
    }
}

/// What is left of a line without its code spans, as CommonMark finds them.
fn outside_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        out += &rest[..at];
        let width = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let behind = &rest[at + width..];
        let mut from = 0;
        let end = loop {
            let next = from + behind[from..].find('`').expect("an open code span");
            let run = behind[next..].len() - behind[next..].trim_start_matches('`').len();
            if run == width {
                break next;
            }
            from = next + run;
        };
        rest = &behind[end + width..];
    }
    out + rest
}

#[test]
fn a_plan_in_markdown_says_what_changes_or_why_not() {
    let tree = Rootfs::debian_like().program("/app/server");
    let args = ["--user", "1000", "--command", "/app/server", "--format", "markdown"];
    let run = tree.run("plan", &args);
    assert_eq!(run.status, 0, "{}", run.all());
    for line in ["## harden plan: can be applied", "| | before | after |", "| rule | changes |"] {
        assert!(run.stdout.lines().any(|found| found == line), "no {line} in {}", run.stdout);
    }
    let run = tree.run("plan", &["--user", "1000", "--command", "/app/none", "--format", "markdown"]);
    assert_eq!(run.status, 2, "{}", run.all());
    assert!(run.stdout.starts_with("## harden plan: refused, nothing was changed\n"), "{}", run.stdout);
    assert!(run.stdout.contains("### Refusals and failures\n\n- `run.command`: "), "{}", run.stdout);
    // The same words in the file that image writes.
    let input = crate::image::Input::of(&tree);
    let report = input.directory.path().join("image.md");
    let run = input.run(&["--user", "1000", "--command", "/app/server", "--report", report.to_str().unwrap()]);
    assert_eq!(run.status, 0, "{}", run.all());
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(text.starts_with("## harden image: done\n") && text.contains("| rule | changes |"), "{text}");
    let explain = tree.run("explain", &["--format", "markdown", "/app"]);
    assert!(
        explain.status == 2 && explain.stderr.contains("markdown is for the reports of plan, apply, image and audit")
    );
}

#[test]
fn an_audit_that_did_not_run_is_no_clean_verdict() {
    for (format, expected) in [
        ("sarif", "\"executionSuccessful\": false"),
        ("junit", "errors=\"1\""),
        ("github", "::error title=harden::nothing was audited: ["),
        ("gitlab", "\"severity\": \"blocker\""),
        ("markdown", "## harden audit: nothing was audited\n\n`["),
    ] {
        for what in [["--root", "/nowhere"], ["--tar", "/nowhere"], ["--tar", "/"]] {
            let run = bare(&["audit", what[0], what[1], "--format", format], &[], b"");
            assert_eq!(run.status, 2, "{}", run.all());
            assert!(run.stdout.contains(expected), "{}", run.stdout);
        }
    }
    let run = bare(&["audit", "--user", "$NAME"], &[("HARDEN_FORMAT", "sarif")], b"");
    assert_eq!(run.json()["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn only_audit_has_findings() {
    for format in ["sarif", "junit", "github"] {
        for command in ["plan", "apply"] {
            let run = Rootfs::empty().run(command, &["--format", format]);
            assert_eq!(run.status, 2);
            assert!(
                run.stderr.contains("sarif, junit, github and gitlab are for findings, which only audit has"),
                "{}",
                run.stderr
            );
        }
    }
}

#[test]
fn sarif_is_bounded_for_the_whole_run() {
    // Five checks of 5,001 findings each.
    let mut tree = Rootfs::distroless();
    for at in 0..5_001 {
        tree = tree.file(format!("/usr/bin/{at:04}"), 0o6777, 4711, 4711, "x").link(format!("/srv/{at:04}"), "nowhere");
    }
    tree.stamp();
    let (sarif, json) = (audit(&tree, "sarif"), audit(&tree, "json"));
    let counted = findings(&json).len();
    assert!(counted > 25_000, "{counted}");
    let run = &sarif.json()["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    let note = run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(note.contains(&format!("{} more findings are not listed", counted - 25_000)), "{note}");
    // The worst are there.
    let high = |list: &[Value], key: &str, value: &str| list.iter().filter(|finding| finding[key] == value).count();
    assert_eq!(high(results, "level", "error"), high(&findings(&json), "severity", "high"));
}

#[test]
fn every_rule_of_sarif_leads_to_its_line_of_the_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md")).unwrap();
    let sarif = audit(&dirty(), "sarif").json();
    for rule in sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        let (address, anchor) = rule["helpUri"].as_str().unwrap().split_once('#').unwrap();
        assert!(address.starts_with("https://") && address.ends_with("/docs/checks.md"), "{address}");
        assert!(page.contains(&format!("<a id=\"{anchor}\"></a>`{}`", rule["id"].as_str().unwrap())), "{rule}");
    }
}

#[test]
fn a_report_is_in_the_format_that_its_name_ends_with() {
    let tree = dirty();
    let directory = tempfile::tempdir().unwrap();
    for (name, format, begins) in [
        ("x.sarif", "text", "{\n \"$schema\": \"https://json.schemastore.org/sarif"),
        ("x.sarif.json", "json", "{\n \"$schema\": \"https://json.schemastore.org/sarif"),
        ("x.json", "sarif", "{\n \"schema\": \"harden-audit-1\""),
        ("x.xml", "text", "<?xml "),
        ("x", "sarif", "{\n \"$schema\": \"https://json.schemastore.org/sarif"),
        ("x", "text", "{\n \"schema\": \"harden-audit-1\""),
        ("x.txt", "json", "high\n"),
    ] {
        let path = directory.path().join(name);
        let run = tree.run("audit", &["--format", format, "--report", path.to_str().unwrap()]);
        assert_eq!(run.status, 1, "{}", run.all());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(begins), "{name} {format}: {}", &text[..80]);
    }
}

#[test]
fn the_ids_of_the_lists_are_in_every_format() {
    let tree = dirty();
    for format in ["text", "json", "junit", "sarif"] {
        assert!(audit(&tree, format).stdout.contains("CIS-D12 7.2.2"), "{format}");
    }
    // Those of checks that passed, too.
    assert!(
        audit(&tree, "junit").stdout.contains("(CD 4.8)\" time=\"0\"/>")
            || audit(&tree, "junit").stdout.contains("CIS-D12 7.2.5")
    );
}
