//! A file that the image needs lies in root's home, which remove.root-home empties.

use super::Guard;
use crate::diag::{Help, Keep, List, escape};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::remove::root_home::home;
use crate::tree::Id;

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.root-home",
    title: "remove.root-home would empty a directory that contains kept files",
    settled: "name the kept files in [keep] paths, or switch the rule off in [rules].",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    if !cx.is_on("remove.root-home") {
        return;
    }
    let tree = &cx.facts.tree;
    let Some(home) = home(cx, draft) else { return };
    let goes =
        tree.children(home).any(|child| draft.is_removed(child) || tree.subtree(child).any(|id| draft.is_removed(id)));
    if !goes {
        return;
    }
    let inside = |path: &str| {
        tree.resolve(path.as_bytes()).ok().map(|at| at.node).filter(|&id| id != home && tree.is_within(id, home))
    };
    let mut needs: Vec<(Id, &'static str)> = Vec::new();
    needs.extend(cx.policy.path.iter().filter_map(|path| inside(path)).map(|id| (id, "a directory of PATH")));
    needs.extend(cx.policy.workdir.iter().filter_map(|path| inside(path)).map(|id| (id, "the working directory")));
    let kept =
        cx.closure.reasons.keys().filter(|&&id| id != home && tree.is_within(id, home) && !draft.is_untouchable(id));
    needs.extend(kept.map(|&id| (id, "needed by an entry that the policy keeps")));
    // What the policy keeps by path is protected with its content already.
    needs.retain(|&(id, _)| !draft.is_untouchable(id));
    if let Some(&(id, why)) = needs.first() {
        let path = escape::quoted(&tree.path(id));
        draft.refuse_for(
            cx.closure.origin(id),
            format!("remove.root-home would empty {}, but {path} is {why}", escape::quoted(&tree.path(home))),
            Help::write(
                vec![Keep::new(List::Paths, String::from_utf8_lossy(&tree.path(id)))],
                ", or [rules] \"remove.root-home\" = \"off\"",
            ),
        );
    }
}
