//! login.defaults: settings that auditors require for interactive logins. Off by default: without a login shell it only
//! satisfies checks.
//!
//! umask 027 and TMOUT for shells, passwords that age, core dumps limited to 0, an empty securetty, cron.allow and
//! at.allow instead of cron.deny and at.deny. A setting that is stricter already stays. Runs before the removals, so
//! that the files it sets stay. Sources: CIS Debian 12 §5.4.1, §5.4.2.6, §5.4.3, §2.4.1.8, §2.4.2.1; SSG
//! no_direct_root_logins, disable_users_coredumps.

use crate::draft::record::LineChange;
use crate::draft::{Draft, New, Written};
use crate::rules::context::Context;
use crate::tree::{Attributes, Id, Tree};

const WHY: &str = "server checklists ask for it";

/// Largest settings file that is edited, in bytes.
const LIMIT: u64 = 1 << 20;

/// `declare` is what OVAL looks for, the three lines are what CIS shows and every shell can read. A shell that begins
/// inside another has the variable already, read-only.
const PROFILE: &str = "umask 027\nif [ \"${TMOUT-}\" != 600 ]; then\n  if [ -n \"${BASH_VERSION-}\" ]; then\n    \
    declare -xr TMOUT=600\n  else\n    TMOUT=600\n    readonly TMOUT\n    export TMOUT\n  fi\nfi\n";

/// Files that satisfy one check each: path, mode, content, and whether other content is replaced.
const FILES: &[(&str, u32, &str, bool)] = &[
    ("/etc/at.allow", 0o600, "", false),
    ("/etc/cron.allow", 0o600, "", false),
    ("/etc/profile.d/harden.sh", 0o644, PROFILE, true),
    // An empty line: the check asks for one, login(1) reads no terminal from it.
    ("/etc/securetty", 0o600, "\n", true),
    ("/etc/security/limits.d/harden.conf", 0o644, "* hard core 0\n", true),
];

/// What makes an allow list useless: it names who may not instead of who may.
const DENY: [&str; 2] = ["/etc/at.deny", "/etc/cron.deny"];

/// How strict a value has to be.
#[derive(Clone, Copy)]
enum Strict {
    /// An octal mask that holds these bits.
    Mask(u32),
    /// A number from 1 to this.
    Most(u32),
    /// This number or more.
    Least(u32),
}

/// A setting: its first word, what is written when it is missing or not strict enough, and what is.
type Setting = (&'static str, &'static str, Strict);

const UMASK: Setting = ("umask", "027", Strict::Mask(0o027));
const LOGIN: &[Setting] = &[
    ("PASS_MAX_DAYS", "365", Strict::Most(365)),
    ("PASS_MIN_DAYS", "1", Strict::Least(1)),
    ("PASS_WARN_AGE", "7", Strict::Least(7)),
    ("UMASK", "027", Strict::Mask(0o027)),
];

/// Files with settings in lines: their names of which the first that exists counts, whether the last is made when none
/// does, and the settings.
const SETTINGS: &[(&[&str], bool, &[Setting])] = &[
    (&["/etc/login.defs"], true, LOGIN),
    (&["/etc/bashrc", "/etc/bash.bashrc"], true, &[UMASK]),
    (&["/etc/profile"], false, &[UMASK]),
];

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    for &(path, mode, content, replace) in FILES {
        make_parents(tree, draft, path);
        match tree.lookup(path.as_bytes()) {
            None => create(tree, draft, path, mode, content.as_bytes().to_vec()),
            Some(id) => {
                draft.keep(id);
                let same = || cx.contents.read(tree, id, LIMIT).is_ok_and(|now| now == content.as_bytes());
                if replace && tree.is_file(id) && !same() {
                    rewrite(tree, draft, id, content.as_bytes().to_vec());
                }
            }
        }
    }
    for &(paths, make, settings) in SETTINGS {
        let found = paths.iter().find_map(|path| tree.resolve(path.as_bytes()).ok());
        let Some(id) = found.map(|found| found.node) else {
            if let Some(path) = paths.last().filter(|_| make) {
                create(tree, draft, path, 0o644, strict("", settings).into_bytes());
            }
            continue;
        };
        draft.keep(id);
        let Ok(Ok(text)) = cx.contents.read(tree, id, LIMIT).map(String::from_utf8) else { continue };
        let wanted = strict(&text, settings);
        if tree.is_file(id) && wanted != text {
            rewrite(tree, draft, id, wanted.into_bytes());
        }
    }
    for id in DENY.iter().filter_map(|path| tree.lookup(path.as_bytes())) {
        draft.remove(id, WHY);
    }
}

/// The text with every setting at least as strict as asked.
fn strict(text: &str, settings: &[Setting]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for &(key, value, wanted) in settings {
        let mut named = false;
        for line in &mut lines {
            let mut words = line.split_ascii_whitespace();
            if words.next() != Some(key) {
                continue;
            }
            let now = words.next().unwrap_or_default();
            // A mask that is asked for, or given in letters, is no value to judge.
            if key == UMASK.0 && !now.starts_with(|first: char| first.is_ascii_digit()) {
                continue;
            }
            named = true;
            if !fits(now, wanted) {
                let indent: String = line.chars().take_while(char::is_ascii_whitespace).collect();
                *line = [&indent, key, " ", value].concat();
            }
        }
        if !named {
            lines.push([key, " ", value].concat());
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn fits(value: &str, wanted: Strict) -> bool {
    match wanted {
        Strict::Mask(bits) => u32::from_str_radix(value, 8).is_ok_and(|mask| mask & bits == bits),
        Strict::Most(most) => value.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number)),
        Strict::Least(least) => value.parse::<u32>().is_ok_and(|number| number >= least),
    }
}

fn create(tree: &Tree, draft: &mut Draft<'_>, path: &str, mode: u32, content: Vec<u8>) {
    let new = Attributes::new((0, 0), mode);
    draft.create(&physical(tree, path), New::File(Written { attributes: new, content: content.into() }), WHY);
}

fn rewrite(tree: &Tree, draft: &mut Draft<'_>, id: Id, content: Vec<u8>) {
    if draft.is_untouchable(id) {
        return;
    }
    let (before, after) = (format!("{} bytes", tree.meta(id).size), format!("{} bytes", content.len()));
    draft.rewrite(id, content);
    let line = LineChange { account: Vec::new(), before: Some(before), after: Some(after) };
    draft.record_line("login.defaults", &tree.path(id), line, WHY);
}

fn make_parents(tree: &Tree, draft: &mut Draft<'_>, path: &str) {
    for (at, _) in path.match_indices('/').skip(1) {
        let Some(parent) = path.get(..at) else { continue };
        match tree.lookup(parent.as_bytes()) {
            Some(id) => draft.keep(id),
            None => {
                let new = Attributes::new((0, 0), 0o755);
                draft.create(&physical(tree, parent), New::Directory(new), "holds a login setting");
            }
        }
    }
}

/// The path with links in its existing directories resolved.
fn physical(tree: &Tree, path: &str) -> Vec<u8> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut full = tree.resolve(parent.as_bytes()).map_or_else(|_| parent.as_bytes().to_vec(), |at| tree.path(at.node));
    if full != b"/" {
        full.push(b'/');
    }
    full.extend_from_slice(name.as_bytes());
    full
}

#[cfg(test)]
mod tests {
    use super::{LOGIN, UMASK, strict};

    #[test]
    fn a_setting_only_becomes_stricter() {
        let umask = [("umask 022\n", "umask 027\n"), ("umask 077\n", "umask 077\n"), ("a\n", "a\numask 027\n")];
        for (before, after) in umask {
            assert_eq!(strict(before, &[UMASK]), after);
        }
        // Indented, asked for, and as a comment.
        let before = "if x; then\n    umask 002\nfi\numask\n# umask 022\n";
        assert_eq!(strict(before, &[UMASK]), "if x; then\n    umask 027\nfi\numask\n# umask 022\n");
        let before = "UMASK\t\t022\nPASS_MAX_DAYS 99999\nPASS_MIN_DAYS 3\nPASS_WARN_AGE 5\n";
        let after = "UMASK 027\nPASS_MAX_DAYS 365\nPASS_MIN_DAYS 3\nPASS_WARN_AGE 7\n";
        assert_eq!(strict(before, LOGIN), after);
        assert_eq!(strict(after, LOGIN), after);
        assert_eq!(strict("PASS_MAX_DAYS -1\n", LOGIN).lines().next(), Some("PASS_MAX_DAYS 365"));
    }
}
