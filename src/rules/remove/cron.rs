//! remove.cron: jobs of cron, at, anacron and periodic, and systemd's timers.
//!
//! Debian: /etc/cron.*, /etc/crontab, /var/spool/{cron,at}. Alpine: /etc/crontabs and /etc/periodic, linked from
//! /var/spool/cron. RHEL: /etc/anacrontab. SUSE: /etc/cron.*; everywhere: *.timer units.

use super::paths::{self, Extent, Row};
use crate::plan::Draft;
use crate::rules::Context;

const TABLE: &[Row] = &[
    ("/etc/crontab", Extent::Whole),
    ("/etc/crontabs", Extent::Whole),
    ("/etc/cron.d", Extent::Whole),
    ("/etc/cron.hourly", Extent::Whole),
    ("/etc/cron.daily", Extent::Whole),
    ("/etc/cron.weekly", Extent::Whole),
    ("/etc/cron.monthly", Extent::Whole),
    ("/etc/cron.yearly", Extent::Whole),
    ("/etc/cron.deny", Extent::Whole),
    ("/etc/periodic", Extent::Whole),
    ("/etc/anacrontab", Extent::Whole),
    ("/etc/at.deny", Extent::Whole),
    ("/etc/fcron*", Extent::Whole),
    ("/var/spool/cron", Extent::Whole),
    ("/var/spool/fcron", Extent::Whole),
    ("/var/spool/at", Extent::Whole),
    ("/var/spool/atjobs", Extent::Whole),
    ("/var/spool/atspool", Extent::Whole),
    ("/var/spool/anacron", Extent::Whole),
    ("/usr/lib/cron", Extent::Whole),
    ("/etc/systemd/system/*.timer", Extent::Whole),
    ("/etc/systemd/system/*/*.timer", Extent::Whole),
    ("/etc/systemd/user/*.timer", Extent::Whole),
    ("/usr/lib/systemd/system/*.timer", Extent::Whole),
    ("/usr/lib/systemd/system/*/*.timer", Extent::Whole),
    ("/usr/lib/systemd/user/*.timer", Extent::Whole),
    ("/usr/lib/systemd/user/*/*.timer", Extent::Whole),
    ("/lib/systemd/system/*.timer", Extent::Whole),
    ("/lib/systemd/system/*/*.timer", Extent::Whole),
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "nothing starts jobs in a container");
}
