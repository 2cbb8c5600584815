//! A kept cron daemon without its jobs, or a kept init without its scripts, is a broken image.

use super::Guard;
use crate::diag::escape;
use crate::draft::Draft;
use crate::programs::Syntax;
use crate::rules::context::Context;
use crate::tree::Id;

const CRON: &[&[u8]] = &[b"cron", b"crond", b"anacron", b"atd", b"fcron", b"cronie"];

/// What a program file says of a program that reads tables of jobs.
const TABLES: [Syntax; 3] = [Syntax::Crontab, Syntax::UserCrontab, Syntax::Anacrontab];

const INIT: &[&[u8]] = &[
    b"init",
    b"systemd",
    b"openrc",
    b"openrc-init",
    b"openrc-run",
    b"runit",
    b"runit-init",
    b"runsvdir",
    b"service",
    b"rc-service",
    b"invoke-rc.d",
    b"upstart",
    b"initctl",
];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.jobs",
    title: "remove.cron or remove.init would remove files that a kept daemon uses",
    settled: "the rule switched off in [rules], or the files in [keep] paths.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    refuse(cx, draft, "remove.cron", CRON, "its jobs");
    refuse(cx, draft, "remove.init", INIT, "its scripts and units");
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
                "remove.init would remove files that {} needs, but the policy keeps that script",
                escape::quoted(&path)
            ),
            "write [rules] \"remove.init\" = \"off\", or [keep] paths = [\"/etc/init.d\"]",
        );
    }
}

fn refuse(cx: &Context<'_>, draft: &mut Draft<'_>, rule: &'static str, names: &[&[u8]], what: &str) {
    let tree = &cx.facts.tree;
    let Some(first) = draft.records.iter().find(|record| record.rule == rule).map(|record| record.path(tree)) else {
        return;
    };
    let reads_tables = |id: Id| {
        let files = cx.policy.programs.of(tree.name(id), &tree.path(id));
        let mut read = files.iter().flat_map(|(file, _)| &file.configurations);
        rule == "remove.cron" && read.any(|configuration| TABLES.contains(&configuration.syntax))
    };
    let daemon = |id: Id| {
        cx.facts.commands.directories.contains(&tree.parent(id)) && (names.contains(&tree.name(id)) || reads_tables(id))
    };
    // `busybox` as an entry keeps every applet without meaning any: only a name that the policy writes counts.
    let kept = cx.closure.reasons.keys().copied().find(|&id| daemon(id) && !cx.closure.only_as_applet(id));
    if let Some(id) = kept {
        let shown = escape::quoted(&first);
        draft.refuse_for(
            cx.closure.origin(id),
            format!("{rule} would remove {what} ({shown}), but the policy keeps {}", escape::quoted(&tree.path(id))),
            format!("write [rules] \"{rule}\" = \"off\", or name the files in [keep] paths"),
        );
    }
}
