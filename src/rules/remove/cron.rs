//! remove.cron: jobs of cron, at, anacron and periodic, and systemd's timers.
//!
//! Debian: /etc/cron.*, /etc/crontab, /var/spool/{cron,at}. Alpine: /etc/crontabs and /etc/periodic, linked from
//! /var/spool/cron. RHEL: /etc/anacrontab. SUSE: /etc/cron.*; everywhere: *.timer units.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

const TABLE: &[&str] =
    &["/etc/crontab /etc/crontabs /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly \
     /etc/cron.yearly /etc/cron.deny /etc/periodic /etc/anacrontab /etc/at.deny /etc/fcron* /var/spool/cron \
     /var/spool/fcron /var/spool/at /var/spool/atjobs /var/spool/atspool /var/spool/anacron /usr/lib/cron \
     /etc/systemd/system/*.timer /etc/systemd/system/*/*.timer /etc/systemd/user/*.timer \
     /usr/lib/systemd/system/*.timer /usr/lib/systemd/system/*/*.timer /usr/lib/systemd/user/*.timer \
     /usr/lib/systemd/user/*/*.timer /lib/systemd/system/*.timer /lib/systemd/system/*/*.timer"];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::remove(&cx.facts.tree, draft, TABLE, "nothing starts jobs in a container");
}
