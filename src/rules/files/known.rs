//! files.known: files with a fixed place have no mode bit and no owner that compliance lists turn down, and logs are
//! not for the world.
//!
//! Only ever tightens. A kept group stays, with its right to read, and so does a kept owner where only the owner may
//! read. Files that sshd reads stay as they are while sshd stays, since it may run as any account, and so do the lists
//! of jobs while remove.cron is off. Sources: as the rows' checks name them in docs/checks.md.

use crate::draft::Draft;
use crate::rules::context::Context;
use crate::rules::ids::Ids;
use Family::{Accounts, Banners, Jobs, Lists, OldPasswords, Passwords, Sensitive, Ssh, Sudo};

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

/// What such files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The names of accounts and groups.
    Accounts,
    /// Hashes of passwords.
    Passwords,
    /// Hashes of passwords that were changed.
    OldPasswords,
    /// What is shown before and after a login.
    Banners,
    /// Who may do what by sudo.
    Sudo,
    /// The server of OpenSSH and its keys.
    Ssh,
    /// Other files that compliance lists name.
    Sensitive,
    /// Who may leave jobs or connect.
    Lists,
    /// Jobs of cron.
    Jobs,
}

impl Family {
    /// The check of audit that asks about these files.
    pub(crate) fn check(self) -> &'static str {
        match self {
            Accounts => "accounts.file-mode",
            Passwords => "accounts.shadow-mode",
            OldPasswords => "accounts.opasswd-mode",
            Banners => "etc.banner-mode",
            Sudo => "etc.sudo-mode",
            Ssh => "etc.ssh-mode",
            Sensitive | Lists => "etc.sensitive-mode",
            Jobs => "jobs.mode",
        }
    }

    /// Whether only root, or the group of the file, may read them.
    pub(crate) fn is_private(self) -> bool {
        matches!(self, Passwords | OldPasswords | Ssh)
    }
}

/// Family, pattern, group, and the mode bits that may be set.
pub(crate) type Row = (Family, &'static str, Group, u32);

/// Sources: compliance lists as the registry names them; absent files are no finding.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    (Accounts, "/etc/passwd", Group::Root, 0o644),
    (Accounts, "/etc/group", Group::Root, 0o644),
    (Passwords, "/etc/shadow", Group::Shadow, 0o640),
    (Passwords, "/etc/gshadow", Group::Shadow, 0o640),
    (Passwords, "/etc/shadow-", Group::Shadow, 0o640),
    (Passwords, "/etc/gshadow-", Group::Shadow, 0o640),
    (OldPasswords, "/etc/security/opasswd*", Group::Root, 0o600),
    (Banners, "/etc/issue", Group::Root, 0o644),
    (Banners, "/etc/issue.net", Group::Root, 0o644),
    (Banners, "/etc/motd", Group::Root, 0o644),
    (Sudo, "/etc/sudoers", Group::Root, 0o440),
    (Sudo, "/etc/sudoers.d", Group::Root, 0o750),
    (Sudo, "/etc/sudoers.d/*", Group::Root, 0o440),
    (Ssh, "/etc/ssh/sshd_config", Group::Root, 0o600),
    (Ssh, "/etc/ssh/sshd_config.d/*", Group::Root, 0o600),
    (Ssh, "/etc/ssh/ssh_host_*_key", Group::Reader, 0o600),
    (Ssh, "/etc/ssh/ssh_host_*_key.pub", Group::Root, 0o644),
    (Sensitive, "/etc/login.defs", Group::Root, 0o644),
    (Sensitive, "/etc/sysctl.d", Group::Root, 0o755),
    (Sensitive, "/etc/selinux", Group::Root, 0o755),
    (Sensitive, "/etc/sestatus.conf", Group::Root, 0o644),
    (Sensitive, "/etc/iptables", Group::Root, 0o700),
    (Sensitive, "/etc/nftables", Group::Root, 0o700),
    (Sensitive, "/etc/ipsec.d", Group::Root, 0o700),
    (Sensitive, "/etc/audit", Group::Root, 0o750),
    (Sensitive, "/etc/audit/*", Group::Root, 0o750),
    (Sensitive, "/etc/chrony.keys", Group::Any, 0o640),
    (Sensitive, "/etc/chrony/chrony.keys", Group::Any, 0o640),
    (Sensitive, "/etc/crypttab", Group::Root, 0o600),
    (Lists, "/etc/hosts.allow", Group::Root, 0o644),
    (Lists, "/etc/hosts.deny", Group::Root, 0o644),
    (Lists, "/etc/at.allow", Group::Any, 0o640),
    (Lists, "/etc/at.deny", Group::Any, 0o640),
    (Lists, "/etc/cron.allow", Group::Any, 0o640),
    (Lists, "/etc/cron.deny", Group::Any, 0o640),
    (Jobs, "/etc/crontab", Group::Root, 0o600),
    (Jobs, "/etc/anacrontab", Group::Root, 0o600),
    (Jobs, "/etc/cron.hourly", Group::Root, 0o700),
    (Jobs, "/etc/cron.daily", Group::Root, 0o700),
    (Jobs, "/etc/cron.weekly", Group::Root, 0o700),
    (Jobs, "/etc/cron.monthly", Group::Root, 0o700),
    (Jobs, "/etc/cron.yearly", Group::Root, 0o700),
    (Jobs, "/etc/cron.d", Group::Root, 0o700),
    (Jobs, "/etc/cron.*/*", Group::Root, 0o755),
    (Jobs, "/var/spool/cron/crontabs/*", Group::Any, 0o600),
    (Jobs, "/etc/periodic/*/*", Group::Root, 0o755),
];

const WHY: &str = "compliance lists demand it";

/// Apply the rule.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let tree = &cx.facts.tree;
    let ids = Ids::of(cx.policy, draft);
    let shadow = tree.lookup(b"/etc/shadow").map_or(0, |id| draft.owner(id).1);
    let sshd = tree.resolve(b"/usr/sbin/sshd").is_ok_and(|found| !draft.is_removed(found.node));
    for &(family, pattern, group, mask) in TABLE {
        let stays = match family {
            // Who may leave jobs is asked about by login.defaults only: without, these lists stay as they are.
            Lists => !cx.is_on("login.defaults"),
            Ssh => sshd,
            Jobs => !cx.is_on("remove.cron"),
            _ => false,
        };
        if stays {
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
