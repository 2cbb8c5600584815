//! login.shells: /etc/shells names no nologin. Programs take an account for a person's when its shell is listed there.
//!
//! Where a service that stays asks pam_shells(8), nologin is listed for accounts that may use that service and no
//! shell: the file stays as it is. Runs after the removals, since it depends on which services stay.
//!
//! Source: shells(5), CIS Debian 12 §5.4.3.1, SSG no_nologin_in_shells.

use crate::draft::Draft;
use crate::draft::record::LineChange;
use crate::rules::context::Context;
use crate::tree::glob::expand;

/// Largest file that is edited, in bytes.
const LIMIT: u64 = 1 << 20;

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let Ok(found) = tree.resolve(b"/etc/shells") else { return };
    let id = found.node;
    let Ok(text) = cx.contents.read(tree, id, LIMIT) else { return };
    if !tree.is_file(id) || draft.is_removed(id) || draft.is_untouchable(id) || is_asked(cx, draft) {
        return;
    }
    let (mut kept, mut gone) = (Vec::with_capacity(text.len()), 0_usize);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if line.trim_ascii().ends_with(b"/nologin") && !line.trim_ascii_start().starts_with(b"#") {
            gone += 1;
        } else {
            kept.extend_from_slice(line);
        }
    }
    if gone > 0 {
        draft.rewrite(id, kept);
        let line = LineChange { account: Vec::new(), before: Some("nologin".to_owned()), after: None };
        draft.record_line("login.shells", &tree.path(id), line, "nologin is not listed as a shell");
    }
}

/// Whether PAM allows a login to a service by this file. chsh asks it too, of who changes a shell.
fn is_asked(cx: &Context<'_>, draft: &Draft<'_>) -> bool {
    let tree = &cx.facts.tree;
    let asks =
        |line: &[u8]| !line.trim_ascii_start().starts_with(b"#") && line.windows(10).any(|part| part == b"pam_shells");
    expand(tree, "/etc/pam.d/*").into_iter().any(|id| {
        !draft.is_removed(id)
            && tree.name(id) != b"chsh"
            && cx.contents.read(tree, id, LIMIT).is_ok_and(|text| text.split(|&byte| byte == b'\n').any(asks))
    })
}
