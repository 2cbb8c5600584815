//! files.known: files with a fixed place have no mode bit and no owner that compliance lists turn down, and logs are
//! not for the world.
//!
//! Only ever tightens. A kept group stays, with its right to read, and so does a kept owner where only the owner may
//! read. What sshd reads stays as it is while sshd stays, since it may run as any account, and so do the lists of jobs
//! while remove.cron is off. Sources: as the rows' checks name them in docs/checks.md.

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use crate::tree::glob::expand;
use crate::tree::{Id, Kind};

/// Which groups a file may have besides root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// None.
    Root,
    /// The group `shadow`; on Red Hat's distributions none, and no mode bits at all.
    Shadow,
    /// Any: the program that reads it has one of its own.
    Any,
    /// Any, which then may read: Red Hat's sshd reads its keys through `ssh_keys`.
    Reader,
}

/// Check, pattern, group, and the mode bits that may be set.
pub(crate) type Row = (&'static str, &'static str, Group, u32);

/// Sources: compliance lists as the registry names them; absent files are no finding.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    ("accounts.file-mode", "/etc/passwd", Group::Root, 0o644),
    ("accounts.file-mode", "/etc/group", Group::Root, 0o644),
    ("accounts.shadow-mode", "/etc/shadow", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/gshadow", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/shadow-", Group::Shadow, 0o640),
    ("accounts.shadow-mode", "/etc/gshadow-", Group::Shadow, 0o640),
    ("accounts.opasswd-mode", "/etc/security/opasswd*", Group::Root, 0o600),
    ("etc.banner-mode", "/etc/issue", Group::Root, 0o644),
    ("etc.banner-mode", "/etc/issue.net", Group::Root, 0o644),
    ("etc.banner-mode", "/etc/motd", Group::Root, 0o644),
    ("etc.sudo-mode", "/etc/sudoers", Group::Root, 0o440),
    ("etc.sudo-mode", "/etc/sudoers.d", Group::Root, 0o750),
    ("etc.sudo-mode", "/etc/sudoers.d/*", Group::Root, 0o440),
    ("etc.ssh-mode", "/etc/ssh/sshd_config", Group::Root, 0o600),
    ("etc.ssh-mode", "/etc/ssh/sshd_config.d/*", Group::Root, 0o600),
    ("etc.ssh-mode", "/etc/ssh/ssh_host_*_key", Group::Reader, 0o600),
    ("etc.ssh-mode", "/etc/ssh/ssh_host_*_key.pub", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/login.defs", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/sysctl.d", Group::Root, 0o755),
    ("etc.sensitive-mode", "/etc/selinux", Group::Root, 0o755),
    ("etc.sensitive-mode", "/etc/sestatus.conf", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/iptables", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/nftables", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/ipsec.d", Group::Root, 0o700),
    ("etc.sensitive-mode", "/etc/audit", Group::Root, 0o750),
    ("etc.sensitive-mode", "/etc/audit/*", Group::Root, 0o750),
    ("etc.sensitive-mode", "/etc/chrony.keys", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/chrony/chrony.keys", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/crypttab", Group::Root, 0o600),
    ("etc.sensitive-mode", "/etc/hosts.allow", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/hosts.deny", Group::Root, 0o644),
    ("etc.sensitive-mode", "/etc/at.allow", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/at.deny", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/cron.allow", Group::Any, 0o640),
    ("etc.sensitive-mode", "/etc/cron.deny", Group::Any, 0o640),
    ("jobs.mode", "/etc/crontab", Group::Root, 0o600),
    ("jobs.mode", "/etc/anacrontab", Group::Root, 0o600),
    ("jobs.mode", "/etc/cron.hourly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.daily", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.weekly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.monthly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.yearly", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.d", Group::Root, 0o700),
    ("jobs.mode", "/etc/cron.*/*", Group::Root, 0o755),
    ("jobs.mode", "/var/spool/cron/crontabs/*", Group::Any, 0o600),
    ("jobs.mode", "/etc/periodic/*/*", Group::Root, 0o755),
];

const WHY: &str = "compliance lists demand it";

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let shadow = tree.lookup(b"/etc/shadow").map_or(0, |id| draft.owner(id).1);
    let sshd = tree.resolve(b"/usr/sbin/sshd").is_ok_and(|found| !draft.is_removed(found.node));
    for &(check, pattern, group, mask) in TABLE {
        // Who may leave jobs is asked about by login.defaults only: without, these lists stay as they are.
        let lists = [".allow", ".deny"].iter().any(|end| pattern.ends_with(end)) && !cx.is_on("login.defaults");
        if lists || (sshd && check == "etc.ssh-mode") || (check == "jobs.mode" && !cx.is_on("remove.cron")) {
            continue;
        }
        for id in expand(tree, pattern) {
            let (uid, gid) = draft.owner(id);
            let own = matches!(group, Group::Any | Group::Reader);
            let kept = gid != 0 && ids.known_group(gid) && group != Group::Shadow;
            let uid = (!own || !ids.known_user(uid)).then_some(0);
            let gid = match group {
                Group::Root if !kept => Some(0),
                // Root's already is as good. Another group's goes where the distribution has all of them.
                Group::Shadow if tree.meta(id).gid != 0 => Some(shadow),
                _ => None,
            };
            tighten(cx, draft, id, Some((uid, gid)), if kept { mask | 0o050 } else { mask });
        }
    }
    let Ok(logs) = tree.resolve(b"/var/log") else { return };
    for id in tree.subtree(logs.node).filter(|&id| tree.is_file(id)) {
        tighten(cx, draft, id, None, 0o640);
    }
}

fn tighten(cx: &Context<'_>, draft: &mut Draft<'_>, id: Id, owner: Option<(Option<u32>, Option<u32>)>, mask: u32) {
    let ordinary = matches!(cx.facts.tree.kind(id), Kind::File | Kind::Directory);
    if !ordinary || draft.is_removed(id) || draft.is_untouchable(id) || cx.zones.application.contains(id) {
        return;
    }
    if let Some((uid, gid)) = owner {
        draft.set_owner(id, uid, gid, WHY);
    }
    let mode = draft.mode(id) & (mask | 0o7000);
    draft.set_mode(id, mode, WHY);
}
