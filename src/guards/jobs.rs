//! A kept cron daemon without its jobs, a kept init without its scripts, or a kept acpid without its events is a broken image.

use super::Guard;
use crate::diag::{Help, Keep, List, escape};
use crate::draft::Draft;
use crate::draft::record::What;
use crate::programs::Syntax;
use crate::rules::context::Context;
use crate::scripts::{Reader, configurations};
use crate::tree::{Id, glob};

/// Configurations of jobs.
const TABLES: [Syntax; 3] = [Syntax::Crontab, Syntax::UserCrontab, Syntax::Anacrontab];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.jobs",
    title: "remove.cron, remove.init or remove.tunables would remove files that a kept program uses",
    settled: "switch the rule off in [rules], or name the files in [keep] paths.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    refuse(cx, draft, "remove.cron", "its jobs");
    refuse(cx, draft, "remove.init", "its scripts and units");
    refuse(cx, draft, "remove.tunables", "its settings");
    let tree = &cx.facts.tree;
    let script = tree.lookup(b"/etc/init.d").and_then(|directory| {
        cx.closure
            .reasons
            .keys()
            .copied()
            .find(|&id| id != directory && tree.is_within(id, directory) && !draft.is_untouchable(id))
    });
    if let Some(id) = script.filter(|_| cx.is_on("remove.init")) {
        let path = tree.path(id);
        draft.refuse_for(
            cx.closure.origin(id),
            format!(
                "the policy keeps the script {}, but remove.init would remove files that it needs",
                escape::quoted(&path)
            ),
            Help::write(vec![Keep::new(List::Rules, "remove.init")], ", or [keep] paths = [\"/etc/init.d\"]"),
        );
    }
}

fn refuse(cx: &Context<'_>, draft: &mut Draft<'_>, rule: &'static str, what: &str) {
    let tree = &cx.facts.tree;
    let by_rule = draft.records.iter().filter(|record| record.rule() == rule && record.what == What::Remove);
    let gone: Vec<Id> = by_rule.filter_map(|record| record.entry()).collect();
    if gone.is_empty() {
        return;
    }
    let reader = Reader { tree, contents: cx.contents, commands: &cx.facts.commands, policy: cx.policy };
    // The first of its jobs that would go.
    let lost = |id: Id| {
        let mut tops: Vec<Id> = Vec::new();
        for (program, version) in cx.policy.programs.of(tree.name(id), &tree.path(id)) {
            tops.extend(program.jobs.iter().flat_map(|pattern| glob::expand_as_shell(tree, pattern.as_bytes())));
            for table in program.configurations.iter().filter(|known| TABLES.contains(&known.syntax)) {
                tops.extend(configurations::files(&reader, tree.name(id), version, table));
            }
        }
        gone.iter().copied().find(|&at| tops.iter().any(|&top| tree.is_within(at, top) || tree.is_within(top, at)))
    };
    // `busybox` as an entry keeps every applet without meaning any: only a name that the policy writes counts.
    let daemon = |id: Id| {
        (cx.facts.commands.directories.contains(&tree.parent(id)) && !cx.closure.only_as_applet(id))
            .then(|| Some((id, lost(id)?)))
            .flatten()
    };
    if let Some((id, first)) = cx.closure.reasons.keys().copied().find_map(daemon) {
        let shown = escape::quoted(&tree.path(first));
        draft.refuse_for(
            cx.closure.origin(id),
            format!("the policy keeps {}, but {rule} would remove {what} ({shown})", escape::quoted(&tree.path(id))),
            Help::write(vec![Keep::new(List::Rules, rule)], ", or name the files in [keep] paths"),
        );
    }
}
