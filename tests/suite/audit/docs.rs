//! docs/checks.md says of every check what it asks; all but that column comes from the registry.

use harden::testing::audit::{CHECKS, Check};
use harden::testing::rules;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md");

/// The cell of a page that people write: what exactly is asked.
fn predicate(page: &str, id: &str) -> Option<String> {
    let start = format!("`{id}` |");
    let row = page.lines().find(|line| line.starts_with("| ") && line.contains(&start))?;
    let cells: Vec<&str> = row.split(" | ").collect();
    Some((*cells.get(2)?).to_owned())
}

fn row(check: &Check, predicate: &str) -> String {
    let rule = check.rule.map_or("–".to_owned(), |rule| format!("[`{rule}`](rules.md#{})", rule.replace('.', "")));
    let sources = check.sources.join(", ");
    let sources = if sources.is_empty() { "–" } else { &sources };
    // SARIF's helpUri leads to the anchor.
    let anchor = check.id.replace('.', "");
    format!("| <a id=\"{anchor}\"></a>`{}` | {} | {predicate} | {sources} | {rule} |", check.id, check.severity.name())
}

/// `UPDATE_CHECKS=1 cargo test --test suite audit::docs` writes all columns but the predicate.
#[test]
fn the_page_of_checks_is_current() {
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    let rows: Vec<String> = CHECKS
        .iter()
        .map(|check| row(check, &predicate(&page, check.id).unwrap_or_else(|| check.title.to_owned())))
        .collect();
    let head = "| id | severity | asks | demanded by | fixed by |\n|---|---|---|---|---|\n";
    let (before, after) = page.split_once(head).expect("docs/checks.md has its table");
    let rest =
        after.lines().skip_while(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect::<String>();
    let current = format!("{before}{head}{}\n{rest}", rows.join("\n"));
    if std::env::var_os("UPDATE_CHECKS").is_some() {
        std::fs::write(PAGE, &current).unwrap();
        return;
    }
    assert!(page == current, "docs/checks.md is stale: run UPDATE_CHECKS=1 cargo test --test suite audit::docs");
}

#[test]
fn every_check_is_named_once_and_names_a_rule_that_exists() {
    let rules = rules::ids();
    for (at, check) in CHECKS.iter().enumerate() {
        assert!(CHECKS.iter().skip(at + 1).all(|other| other.id != check.id), "{} is there twice", check.id);
        assert!(check.rule.is_none_or(|rule| rules.contains(&rule)), "{} names no rule", check.id);
        assert!(!check.title.is_empty() && !check.rationale().is_empty() && !check.help().is_empty());
    }
}
