//! What a program asks for in the hardened image that harden has removed: its checks are followed, and passed without.

use std::collections::BTreeSet;

/// Beginnings of paths, and why programs do without what lies there. A path of no row here fails the test.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "/usr/bin/x86_64",
        "the loader looks for a directory of that name beside the program, and there was none before either",
    ),
    ("/usr/share/locale/locale.alias", "other names of locales: without it a locale is looked for by its own name"),
];

/// The paths with their rules that the log of a build names: "… passed without what this run removed or closed: 'PATH' (RULE), …".
pub fn of(log: &str) -> BTreeSet<(String, String)> {
    const SAYS: &str = "passed without what this run removed or closed: ";
    // BuildKit prints the output of a failed step twice, of another once.
    let notes = log.lines().filter_map(|line| line.split_once(SAYS)).flat_map(|(_, note)| note.split(", "));
    notes
        .map(|note| {
            let (path, rule) = note.rsplit_once(" (").expect("a path and a rule");
            let path = path.trim_matches('\'').to_owned();
            (path, rule.trim_end_matches(')').to_owned())
        })
        .collect()
}

/// The paths with the reasons, for the page.
///
/// # Panics
/// With a path that is not explained.
pub fn shown(missed: &BTreeSet<(String, String)>) -> String {
    let shown = missed.iter().map(|(path, rule)| {
        let explained = EXPLAINED.iter().find(|(begin, _)| path.starts_with(begin));
        let (_, why) =
            explained.unwrap_or_else(|| panic!("{path} ({rule}) is asked for, and nothing says why it may go"));
        format!("`{path}` ({rule}: {why})")
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

#[test]
fn a_log_is_read() {
    let log = "#7 1.2 harden: the check 'a' passed without what this run removed or closed: '/a b' (remove.x), '/c' (remove.y)\n#7 x";
    let pair = |path: &str, rule: &str| (path.to_owned(), rule.to_owned());
    assert_eq!(of(log), BTreeSet::from([pair("/a b", "remove.x"), pair("/c", "remove.y")]));
    assert_eq!(shown(&of("")), "nothing");
}
