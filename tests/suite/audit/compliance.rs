//! `--compliance`: controls of lists, each with its outcome and evidence; docs/compliance.md is the table of them.

use harden::testing::audit::controls;
use serde_json::{Value, json};

use crate::common::{Rootfs, Run};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compliance.md");

fn audit(tree: &Rootfs, config: Option<&Value>, more: &[&str]) -> Run {
    let mut args = more.to_vec();
    let input = config.map_or_else(String::new, ToString::to_string);
    if config.is_some() {
        args.extend(["--image-config", "-"]);
    }
    tree.run_with("audit", &args, &[], input.as_bytes())
}

/// Outcome and control of a JSON report.
fn control(run: &Run, id: &str) -> Value {
    assert!(run.status < 2, "{}", run.all());
    let report = run.json();
    let lists = report["lists"].as_array().unwrap();
    let mut all = lists.iter().flat_map(|list| list["controls"].as_array().unwrap());
    all.find(|control| control["id"] == id).unwrap_or_else(|| panic!("{id}: {report}")).clone()
}

#[test]
fn each_control_has_its_outcome_and_evidence() {
    let tree = Rootfs::distroless().file("/usr/bin/su", 0o4755, 0, 0, "x");
    let config = json!({"config": {"Cmd": ["/app/server"], "Env": ["DB_PASSWORD=hunter2"]}});
    let run = audit(&tree, Some(&config), &["--compliance", "all", "--format", "json"]);
    for (id, outcome) in [
        ("CD 4.1", "failed"),
        ("CD 4.2", "not applicable"),
        ("CD 4.6", "failed"),
        ("CD 4.8", "failed"),
        ("CD 4.10", "failed"),
        ("CIS-DI-0008", "failed"),
        ("DKL-LI-0001", "passed"),
        ("DCG 2.3", "failed"),
        ("GPOS SV-203667", "passed"),
    ] {
        let control = control(&run, id);
        assert_eq!(control["outcome"], outcome, "{control}");
        assert_eq!(control["evidence"].as_array().unwrap().is_empty(), outcome != "failed", "{control}");
    }
    assert_eq!(control(&run, "CD 4.8")["evidence"][0]["path"], "/usr/bin/su");
    assert!(!run.stdout.contains("hunter2"));
    let schema: Value = serde_json::from_str(include_str!("../../../docs/compliance.schema.json")).unwrap();
    super::schema::assert_fits(&run.json(), &schema, "report");
    // Without a configuration, what it says is not known.
    let run = audit(&tree, None, &["--compliance", "cis-docker", "--format", "json"]);
    assert_eq!(control(&run, "CD 4.1")["outcome"], "not applicable");
    assert_eq!(run.json()["lists"].as_array().unwrap().len(), 1);
    // The exit status is that of the audit.
    assert_eq!(audit(&tree, None, &["--compliance", "stig"]).status, 1);
    assert_eq!(audit(&tree, None, &["--compliance", "stig", "--fail-on", "high"]).status, 0);
}

#[test]
fn text_and_junit_have_the_same_controls() {
    let tree = Rootfs::distroless().file("/usr/bin/su", 0o4755, 0, 0, "x");
    let text = audit(&tree, None, &["--compliance", "dockle"]).stdout;
    assert!(
        text.contains(
            "  failed         CIS-DI-0008          no set-id bits\n      files.setid  /usr/bin/su: runs as uid 0"
        ),
        "{text}"
    );
    assert!(text.contains("  not applicable CIS-DI-0009 ") && text.contains(" passed, 1 failed, "), "{text}");
    let junit = audit(&tree, None, &["--compliance", "all", "--format", "junit"]).stdout;
    for (id, title) in controls().iter().map(|(_, id, title, ..)| (*id, *title)) {
        assert!(
            junit.contains(&format!("name=\"{id} {title}").replace('\'', "&apos;")) || junit.contains(id),
            "{id}: {junit}"
        );
    }
    assert!(junit.contains("failures=\"3\""), "{junit}");
    let refused = audit(&tree, None, &["--compliance", "all", "--format", "sarif"]);
    assert!(
        refused.status == 2 && refused.stderr.contains("write --format text, json, junit or html"),
        "{}",
        refused.all()
    );
    let refused = audit(&tree, None, &["--compliance", "cis"]);
    assert!(
        refused.status == 2 && refused.stderr.contains("write cis-docker, stig, dockle or all"),
        "{}",
        refused.all()
    );
}

#[test]
fn what_is_accepted_is_counted_and_fails_no_control() {
    let tree = Rootfs::distroless().file("/usr/bin/su", 0o4755, 0, 0, "x");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    std::fs::write(&config, "[[audit.exception]]\nid = \"files.setid\"\npath = \"/usr/bin/su\"\nreason = \"why\"\n")
        .unwrap();
    let run = audit(&tree, None, &["--compliance", "all", "--format", "json", "--config", config.to_str().unwrap()]);
    let control = control(&run, "CD 4.8");
    assert_eq!((&control["outcome"], &control["accepted"]), (&json!("passed"), &json!(1)), "{control}");
}

/// `UPDATE_CHECKS=1 cargo test --test suite audit::compliance` writes the table.
#[test]
fn the_page_of_controls_is_current() {
    let mut page = "# Controls of `harden audit --compliance`\n\n`--compliance cis-docker|stig|dockle|all` reports each control as \
        passed, failed or not applicable, with its\nevidence, as text, JSON, JUnit or HTML. The exit status is that of the audit. A \
        control fails if one of its checks has a\nfinding of at least *low* that counts; it is not applicable if an image \
        cannot show it, or if the input of its checks was\nnot given. The titles of the controls are paraphrased. A test \
        generates this table from the source.\n"
        .to_owned();
    let mut last = "";
    for (list, id, title, elsewhere, checks) in controls() {
        if list != last {
            page += &format!("\n## {list}\n\n| control | asks | answered by |\n|---|---|---|\n");
            last = list;
        }
        let by: Vec<String> = checks.iter().map(|id| format!("[`{id}`](checks.md#{})", id.replace('.', ""))).collect();
        let by = if by.is_empty() { format!("not applicable: {elsewhere}") } else { by.join(", ") };
        page += &format!("| {id} | {title} | {by} |\n");
    }
    if std::env::var_os("UPDATE_CHECKS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
        return;
    }
    let current = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == current,
        "docs/compliance.md is stale: run UPDATE_CHECKS=1 cargo test --test suite audit::compliance"
    );
}
