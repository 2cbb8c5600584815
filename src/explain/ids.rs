//! The meaning of an id of a refusal, a warning, an error, a rule or a check.

use std::fmt::Write as _;

use serde::Serialize;

use crate::audit::CHECKS;
use crate::diag::codes::CODES;
use crate::guards::GUARDS;
use crate::rules::RULES;

/// One meaning of an id. A rule and a check may have the same id.
#[derive(Debug, Serialize)]
pub(crate) struct Meaning {
    id: &'static str,
    /// `rule`, `guard`, `message` or `check`.
    kind: &'static str,
    title: &'static str,
    /// The remedy.
    settled: String,
    /// The page of the documentation that has a section for it.
    page: String,
}

/// Every id, in the order of the registries.
fn all() -> impl Iterator<Item = Meaning> {
    let section = |page: &str, id: &str| format!("docs/{page}#{}", id.replace('.', ""));
    let rules = RULES.iter().map(move |rule| Meaning {
        id: rule.id,
        kind: "rule",
        title: rule.title,
        settled: format!(
            "write [rules] \"{}\" = \"off\" to switch it off, or name files in [keep] to exempt them.",
            rule.id
        ),
        page: section("rules.md", rule.id),
    });
    let guards = GUARDS.iter().map(move |guard| Meaning {
        id: guard.id,
        kind: "guard",
        title: guard.title,
        settled: guard.settled.to_owned(),
        page: section("messages.md", guard.id),
    });
    let codes = CODES.iter().map(move |code| Meaning {
        id: code.id,
        kind: "message",
        title: code.title,
        settled: code.settled.to_owned(),
        page: section("messages.md", code.id),
    });
    let checks = CHECKS.iter().map(|check| Meaning {
        id: check.id,
        kind: "check",
        title: check.title,
        settled: check.help().to_owned(),
        page: "docs/checks.md".to_owned(),
    });
    rules.chain(guards).chain(codes).chain(checks)
}

/// What ids mean, when every word is one; a path or the name of a command is none.
pub(crate) fn meanings<'w>(words: impl Iterator<Item = &'w [u8]>) -> Option<Vec<Meaning>> {
    let mut found = Vec::new();
    for word in words {
        let before = found.len();
        found.extend(all().filter(|meaning| meaning.id.as_bytes() == word));
        if found.len() == before {
            return None;
        }
    }
    Some(found)
}

/// The meanings for people.
pub(crate) fn text(meanings: &[Meaning]) -> String {
    let mut out = String::new();
    for Meaning { id, kind, title, settled, page } in meanings {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{id}: {kind}: {title}\n  {settled}\n  {page}");
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a page of this repository")]
mod tests {
    use super::*;

    /// The page that messages point at.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/messages.md");

    /// `UPDATE_MESSAGES=1 cargo test --lib explain::ids` writes the sections.
    #[test]
    fn the_page_of_messages_is_current() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (head, _) = page.split_once("\n## ").unwrap_or((page.trim_end(), ""));
        let mut current = format!("{}\n", head.trim_end());
        for Meaning { id, title, settled, .. } in all().filter(|meaning| meaning.page.contains("messages.md")) {
            let _ = writeln!(current, "\n## {id}\n\nMeaning: {title}.\n\nRemedy: {settled}");
        }
        if std::env::var_os("UPDATE_MESSAGES").is_some() {
            std::fs::write(PAGE, &current).unwrap();
        }
        assert!(page == current, "stale: UPDATE_MESSAGES=1 cargo test --lib explain::ids writes docs/messages.md");
    }

    #[test]
    fn an_id_has_one_meaning_but_for_a_rule_and_its_check() {
        let mut seen = std::collections::BTreeSet::new();
        for meaning in all().filter(|meaning| meaning.kind != "check") {
            assert!(seen.insert(meaning.id), "{} is there twice", meaning.id);
        }
        assert!(meanings([&b"guard.setid"[..], b"ls"].into_iter()).is_none());
        assert_eq!(meanings([&b"guard.setid"[..]].into_iter()).unwrap().len(), 1);
    }
}
