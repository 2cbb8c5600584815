//! remove.cron: jobs of cron, at, anacron and periodic, and systemd's timers.
//!
//! Debian: /etc/cron.*, /etc/crontab, /var/spool/{cron,at}. Alpine: /etc/crontabs and /etc/periodic, linked from
//! /var/spool/cron. RHEL: /etc/anacrontab. SUSE: /etc/cron.*; everywhere: *.timer units.

use super::paths;
use crate::draft::Draft;
use crate::rules::context::Context;

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    paths::entries(&cx.facts.tree, draft, include_str!("cron.txt"), "nothing starts jobs in a container");
}
