//! packages.database: the records by which scanners know what is installed.
//!
//! `keep` and, until records are pruned one by one, `prune` leave every record as it is; `remove` takes the whole
//! database, and says what that means.

use crate::plan::Draft;
use crate::policy::Database;
use crate::rules::Context;
use crate::rules::remove::paths::{self, Extent, Row};

const TABLE: &[Row] = &[
    ("/var/lib/dpkg", Extent::Whole),
    ("/lib/apk", Extent::Whole),
    ("/usr/lib/apk", Extent::Whole),
    ("/etc/apk/world", Extent::Whole),
    ("/etc/apk/arch", Extent::Whole),
    ("/var/lib/rpm", Extent::Whole),
    ("/usr/lib/sysimage/rpm", Extent::Whole),
    ("/usr/share/rpm", Extent::Whole),
    ("/var/lib/rpmmanifest", Extent::Whole),
    ("/var/lib/pacman", Extent::Whole),
    ("/usr/lib/opkg", Extent::Whole),
    ("/var/lib/opkg", Extent::Whole),
];

/// Where scanners find packages: never removed unless `database = "remove"`.
pub const RECORDS: &[&str] = &[
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/status.d",
    "/var/lib/dpkg/status.d/*",
    "/var/lib/dpkg/info/*.list",
    "/var/lib/dpkg/info/*.md5sums",
    "/var/lib/dpkg/info/*.conffiles",
    "/var/lib/dpkg/info/*.triggers",
    "/var/lib/dpkg/triggers/*",
    "/var/lib/dpkg/info/format",
    "/var/lib/dpkg/arch",
    "/var/lib/dpkg/diversions",
    "/var/lib/dpkg/statoverride",
    "/var/lib/dpkg/alternatives/*",
    "/lib/apk/db/installed",
    "/lib/apk/db/triggers",
    "/usr/lib/apk/db/installed",
    "/usr/lib/apk/db/triggers",
    "/etc/apk/world",
    "/etc/apk/arch",
    "/var/lib/rpm/Packages*",
    "/var/lib/rpm/rpmdb.sqlite*",
    "/var/lib/rpmmanifest/*",
    "/usr/lib/sysimage/rpm/Packages*",
    "/usr/lib/sysimage/rpm/Index.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite*",
    "/usr/share/rpm/*",
    "/var/lib/pacman/local/*/*",
    "/var/lib/pacman/local/ALPM_DB_VERSION",
    "/usr/lib/opkg/status",
    "/usr/lib/opkg/info/*",
    "/var/lib/opkg/status",
    "/var/lib/opkg/info/*",
];

/// Apply the rule.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    match cx.policy.database {
        Database::Keep => {}
        Database::Prune => draft.note(
            "packages.database: records are kept whole; this version does not prune them one by one, so scanners still list removed programs",
        ),
        Database::Remove => {
            paths::remove(&cx.facts.tree, draft, TABLE, "packages.database = \"remove\"");
            draft.warn(
                "packages.database = \"remove\": scanners will find no operating system packages in this image",
                "write database = \"keep\" unless that is intended",
            );
        }
    }
}
